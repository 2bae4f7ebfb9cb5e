-- check_data(): anomalies planted in 1 % of the rows are found, good rows are not, and the counts are what refresh drops.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA check_data;
SET search_path = check_data;
SET reco.workers = 0;
SET reco.learn_memory = '256MB';

CREATE TABLE goods (id int, title text);
INSERT INTO goods SELECT i, 'good ' || i FROM generate_series(1, 300) i;
CREATE TABLE people (id int, name text);
INSERT INTO people SELECT u, 'person ' || u FROM generate_series(1, 400) u;
-- 20,000 good rows: views with a duration of some seconds and purchases of a few pieces, over a year.
CREATE TABLE events (person int, good int, kind text, amount float8, at timestamptz, planted text);
INSERT INTO events SELECT 1 + e % 400, 1 + abs(hashint4(e)) % 290, CASE WHEN e % 5 = 0 THEN 'buy' ELSE 'view' END,
	CASE WHEN e % 5 = 0 THEN 1 + abs(hashint4(e + 7)) % 4 ELSE exp(2 + ((abs(hashint4(e + 1)) % 1000 + abs(hashint4(e + 2)) % 1000 + abs(hashint4(e + 3)) % 1000) / 500.0 - 3)) END,
	timestamptz '2024-01-01 00:00+00' + abs(hashint4(e + 4)) % 31536000 * interval '1 second'
FROM generate_series(1, 20000) e;
CREATE TABLE good AS SELECT * FROM events;
-- One in a hundred of each kind.
INSERT INTO events SELECT person, good, kind, amount, at, 'duplicate' FROM (SELECT *, row_number() OVER (ORDER BY at, person, good) AS n FROM good) g WHERE n % 100 = 1;
INSERT INTO events SELECT CASE WHEN n % 200 = 2 THEN person END, CASE WHEN n % 200 <> 2 THEN good END, kind, amount, at, 'null_key' FROM (SELECT *, row_number() OVER (ORDER BY at, person, good) AS n FROM good) g WHERE n % 100 = 2;
INSERT INTO events SELECT person, good, CASE n % 300 WHEN 3 THEN NULL ELSE kind END, CASE n % 300 WHEN 103 THEN NULL ELSE amount END, CASE n % 300 WHEN 203 THEN NULL ELSE at END, 'null_value' FROM (SELECT *, row_number() OVER (ORDER BY at, person, good) AS n FROM good) g WHERE n % 100 = 3;
INSERT INTO events SELECT person, good, kind, (ARRAY['NaN', 'Infinity', '-Infinity', '1e31'])[1 + n / 100 % 4]::float8, at, 'not_finite' FROM (SELECT *, row_number() OVER (ORDER BY at, person, good) AS n FROM good) g WHERE n % 100 = 4;
INSERT INTO events SELECT person, good, kind, amount, CASE WHEN n % 200 = 5 THEN 'infinity' ELSE '-infinity' END::timestamptz, 'endless_time' FROM (SELECT *, row_number() OVER (ORDER BY at, person, good) AS n FROM good) g WHERE n % 100 = 5;
INSERT INTO events SELECT person, good, kind, amount, now() + interval '2 days' + n * interval '1 hour', 'future' FROM (SELECT *, row_number() OVER (ORDER BY at, person, good) AS n FROM good) g WHERE n % 100 = 6;
INSERT INTO events SELECT person, good, 'vieww', amount, at, 'unknown_event' FROM (SELECT *, row_number() OVER (ORDER BY at, person, good) AS n FROM good) g WHERE n % 100 = 7;
INSERT INTO events SELECT person, good + 100000, kind, amount, at, 'no_item' FROM (SELECT *, row_number() OVER (ORDER BY at, person, good) AS n FROM good) g WHERE n % 100 = 8;
INSERT INTO events SELECT person + 100000, good, kind, amount, at, 'no_user' FROM (SELECT *, row_number() OVER (ORDER BY at, person, good) AS n FROM good) g WHERE n % 100 = 9;
INSERT INTO events SELECT person, good, kind, CASE WHEN n % 200 = 10 THEN amount * 1000 ELSE amount / 1000 END, at + interval '1 second', 'outlier' FROM (SELECT *, row_number() OVER (ORDER BY at, person, good) AS n FROM good) g WHERE n % 100 = 10;
INSERT INTO events SELECT person, good, kind, amount, timestamptz '1970-01-01 00:00+00' + n * interval '1 second', 'early' FROM (SELECT *, row_number() OVER (ORDER BY at, person, good) AS n FROM good) g WHERE n % 100 = 11;
INSERT INTO people VALUES (1001, 'robot'), (1002, 'robot');
INSERT INTO events SELECT 1001 + e % 2, 1 + e % 290, 'view', 7, timestamptz '2024-06-01 12:00+00' + e * interval '0.25 seconds', 'inhuman_rate' FROM generate_series(1, 200) e;
-- No robot: a basket of 150 lines at one time.
INSERT INTO people VALUES (1003, 'wholesale buyer');
INSERT INTO events SELECT 1003, e, 'buy', 2, timestamptz '2024-06-01 12:00+00' FROM generate_series(1, 150) e;
INSERT INTO goods VALUES (NULL, 'no key'), (17, 'again');

SELECT reco.create_recommender('checked', 'events', 'person', 'good', event_column => 'kind', event_weights => '{"view": 1, "buy": 3}', value_column => 'amount', time_column => 'at',
	items => 'goods', item_key => 'id', users => 'people', user_key => 'id', options => '{"factors": 4, "iterations": 1}');
SELECT rule, relation, found, dropped, why FROM reco.check_data('checked');

-- Of the planted rows at least 95 % are found by their rule, of the good rows at most 0.5 % by any rule.
CREATE FUNCTION share(rule text, query text, OUT found_enough bool, OUT spared_enough bool) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT count(*) FILTER (WHERE planted = %1$L) >= 0.95 * (SELECT count(*) FROM events WHERE planted = %1$L),
		count(*) FILTER (WHERE planted IS NULL) <= 0.005 * (SELECT count(*) FROM good) FROM (%2$s) q', rule, query) INTO found_enough, spared_enough;
END $$;
SELECT c.rule, s.* FROM reco.check_data('checked') c, share(c.rule, c.query) s WHERE c.relation LIKE '%events' AND c.query IS NOT NULL AND c.rule <> 'duplicate';
-- Of a row and its copy either may be the copy.
SELECT found FROM reco.check_data('checked') WHERE rule = 'duplicate';
CREATE FUNCTION listed(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE 'SELECT count(*) FROM (' || query || ') q' INTO n;
	RETURN n;
END $$;
SELECT bool_and(listed(query) = found) FROM reco.check_data('checked') WHERE query IS NOT NULL;

-- Checking changes nothing, and what it says is dropped is what refresh drops.
SELECT (SELECT count(*) FROM events), (SELECT sum(dropped) FROM reco.check_data('checked'));
SET client_min_messages = warning;
CALL reco.refresh('checked');
SET client_min_messages = error;

-- k-cores equal deleting again and again.
CREATE FUNCTION core(k int, OUT users bigint, OUT items bigint, OUT pairs bigint) LANGUAGE plpgsql AS $$
BEGIN
	CREATE TEMP TABLE pair AS SELECT DISTINCT u, i FROM sparse;
	LOOP
		DELETE FROM pair WHERE u IN (SELECT u FROM pair GROUP BY u HAVING count(*) < k) OR i IN (SELECT i FROM pair GROUP BY i HAVING count(*) < k);
		EXIT WHEN NOT FOUND;
	END LOOP;
	SELECT count(DISTINCT u), count(DISTINCT i), count(*) INTO users, items, pairs FROM pair;
	DROP TABLE pair;
END $$;
CREATE TABLE sparse (u int, i text);
INSERT INTO sparse SELECT abs(hashint4(e)) % 200, 'i' || sqrt(abs(hashint4(e + 1000)) % 40000)::int FROM generate_series(1, 900) e;
SELECT reco.create_recommender('sparse', 'sparse', 'u', 'i');
SELECT c.rule, c.why LIKE format('%%, which has %s of %% users, %s of %% items and %s of %% pairs', k.users, k.items, k.pairs), k.pairs > 0
FROM reco.check_data('sparse', '{"cores": [1, 2, 3, 90]}') c, core(substring(rule FROM '\d+')::int) k WHERE rule LIKE 'outside%';
SELECT rule, found FROM reco.check_data('sparse') WHERE rule NOT LIKE 'outside%';

-- Dates, numeric values beyond float8, text keys, odd names and an empty table are read too; others may not look.
CREATE TABLE "odd ""one" ("Who" text, "What" uuid, "How much" numeric, "When" date);
SELECT reco.create_recommender('odd', '"odd ""one"', 'Who', 'What', value_column => 'How much', time_column => 'When', feedback => 'explicit');
SELECT count(*), sum(found) FROM reco.check_data('odd');
INSERT INTO "odd ""one" SELECT 'u' || n % 50, md5((n % 20)::text)::uuid, 1 + n % 5, date '2024-01-01' + n / 10 FROM generate_series(1, 1000) n;
INSERT INTO "odd ""one" VALUES ('u1', md5('1')::uuid, 1e300::numeric * 1e100::numeric, '2024-01-01'), ('u1', md5('1')::uuid, 'NaN', '2024-01-01'), ('u1', md5('1')::uuid, 2, 'infinity'), ('u1', md5('1')::uuid, 2, '4714-11-24 BC'), ('u1', md5('1')::uuid, 2, '5874897-12-31');
SELECT rule, found, dropped FROM reco.check_data('odd') WHERE found > 0;
\set VERBOSITY terse
SELECT count(*) FROM reco.check_data('odd', '{"core": 3}');
CREATE ROLE check_data_stranger;
GRANT USAGE ON SCHEMA check_data TO check_data_stranger;
SET ROLE check_data_stranger;
SELECT count(*) FROM reco.check_data('odd');
RESET ROLE;
SELECT reco.drop_recommender(name) FROM unnest(ARRAY['checked', 'sparse', 'odd']) name;
DROP SCHEMA check_data CASCADE;
DROP ROLE check_data_stranger;
