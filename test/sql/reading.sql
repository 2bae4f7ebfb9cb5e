-- Rows become interactions: what is skipped is counted and said once, whatever the type, source and order of the rows.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE EXTENSION IF NOT EXISTS file_fdw;
CREATE SCHEMA reading;
SET search_path = reading, helper;
SET client_min_messages = warning;
\set VERBOSITY default

-- define() makes a recommender, anew if it is there, that learns fast.
CREATE FUNCTION define(name text, arguments text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM reco.drop_recommender(name, true);
	EXECUTE format('SELECT reco.create_recommender(%L, options => ''{"factors": 4, "iterations": 2}'', %s)', name, arguments);
END $$;

-- learned() says what the newest version was learned from.
CREATE FUNCTION learned(name text) RETURNS text
LANGUAGE sql AS $$
	SELECT format('%s users, %s items, %s rows', n_users, n_items, n_interactions)
	FROM reco.models WHERE recommender = name ORDER BY version DESC LIMIT 1
$$;

-- digest() is the fingerprint of all tensors of the newest version.
CREATE FUNCTION digest(name text) RETURNS text
LANGUAGE sql AS $$
	SELECT md5(string_agg(c.tensor || ' ' || c.chunk || ' ' || encode(c.digest, 'hex'), ',' ORDER BY c.tensor COLLATE "C", c.chunk))
	FROM reco.version_chunk c JOIN reco.recommender r ON r.key = c.recommender
	WHERE r.name = digest.name
		AND c.number = (SELECT max(v.number) FROM reco.version v WHERE v.recommender = r.key)
$$;

-- Twenty users, twelve items, some events twice.
CREATE TABLE clean (user_id int, item_id int, kind text, value numeric, at timestamptz);
INSERT INTO clean
SELECT u, i, CASE WHEN (u + i) % 3 = 0 THEN 'buy' ELSE 'view' END, 1 + (u * i) % 5, '2024-01-01'::timestamptz + (u * 17 + i * 5) * interval '1 hour'
FROM generate_series(1, 20) u, generate_series(1, 12) i
WHERE (u * 7 + i * 5) % 3 = 0 OR (u % 4 = i % 4);
INSERT INTO clean SELECT user_id, item_id, 'view', 1, at + interval '1 day' FROM clean WHERE user_id % 5 = 0;
SELECT count(*), count(DISTINCT (user_id, item_id)) FROM clean;

SELECT define('clean', $$ interactions => 'clean', user_column => 'user_id', item_column => 'item_id',
	event_column => 'kind', event_weights => '{"view": 1, "buy": 4}', value_column => 'value',
	time_column => 'at', half_life => '30 days' $$);
CALL reco.refresh('clean');
SELECT learned('clean');

-- Dirt is skipped, counted, and changes nothing: one warning, one clause a reason.
CREATE TABLE dirty AS SELECT user_id, item_id, kind, value::float8 AS value, at FROM clean;
INSERT INTO dirty VALUES
	(NULL, 1, 'view', 1, '2024-02-01'), (1, NULL, 'view', 1, '2024-02-01'), (NULL, NULL, NULL, NULL, NULL),
	(1, 1, 'view', NULL, '2024-02-01'), (1, 1, NULL, 1, '2024-02-01'), (1, 1, 'view', 1, NULL),
	(1, 1, 'view', 'NaN', '2024-02-01'), (1, 1, 'view', 'Infinity', '2024-02-01'), (1, 1, 'view', '-Infinity', '2024-02-01'),
	(1, 1, 'view', 1e300, '2024-02-01'), (1, 1, 'view', 1, 'infinity'), (1, 1, 'view', 1, '-infinity'),
	(1, 1, 'view', 1, now() + interval '2 days'), (999, 1, 'view', 1, now() + interval '100 years'),
	(1, 999, 'veiw', 1, '2024-02-01'), (1, 1, '', 1, '2024-02-01');
SELECT define('dirty', $$ interactions => 'dirty', user_column => 'user_id', item_column => 'item_id',
	event_column => 'kind', event_weights => '{"view": 1, "buy": 4}', value_column => 'value',
	time_column => 'at', half_life => '30 days' $$);
CALL reco.refresh('dirty');
SELECT learned('dirty'), digest('dirty') = digest('clean');

-- NaN and infinity of numeric, and a time a little ahead, which counts.
CREATE TABLE numbers AS SELECT * FROM clean;
INSERT INTO numbers VALUES (1, 1, 'view', 'NaN', '2024-02-01'), (1, 1, 'view', 'Infinity', '2024-02-01'),
	(1, 7777, 'view', 1, now() + interval '1 hour');
SELECT define('numbers', $$ interactions => 'numbers', user_column => 'user_id', item_column => 'item_id',
	value_column => 'value', time_column => 'at' $$);
CALL reco.refresh('numbers');
SELECT learned('numbers');
SELECT as_of > now() FROM reco.models WHERE recommender = 'numbers';

-- Weights of events that never occur are named, with what may be meant.
SELECT define('typo', $$ interactions => 'clean', user_column => 'user_id', item_column => 'item_id',
	event_column => 'kind', event_weights => '{"veiw": 1, "buy": 4, "return": -3}' $$);
CALL reco.refresh('typo');
SELECT learned('typo');

-- Nothing usable is an error, and no version comes of it.
CREATE TABLE empty (LIKE clean);
SELECT define('empty', $$ interactions => 'empty', user_column => 'user_id', item_column => 'item_id' $$);
SELECT complaint($$ CALL reco.refresh('empty') $$);
CREATE TABLE valueless AS SELECT user_id, item_id, NULL::int AS value FROM clean;
SELECT define('valueless', $$ interactions => 'valueless', user_column => 'user_id', item_column => 'item_id', value_column => 'value' $$);
SELECT complaint($$ CALL reco.refresh('valueless') $$);
SELECT define('strange', $$ interactions => 'clean', user_column => 'user_id', item_column => 'item_id',
	event_column => 'kind', event_weights => '{"purchase": 1}' $$);
SELECT complaint($$ CALL reco.refresh('strange') $$);
SELECT count(*) FROM reco.models WHERE recommender IN ('empty', 'valueless', 'strange');

-- The version does not depend on the physical order of the rows, for any type of key.
CREATE FUNCTION as_uuid(n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT md5(n::text)::uuid $$;
CREATE FUNCTION as_text(n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'key ' || repeat('é', n % 3) || n $$;
CREATE TABLE types (user_sql text, item_sql text);
INSERT INTO types VALUES
	('user_id::smallint', 'item_id::smallint'), ('user_id::int', '(item_id * 100000000000)::bigint'),
	('(user_id * -100000000000)::bigint', 'reading.as_uuid(item_id)'), ('reading.as_uuid(user_id)', 'reading.as_text(item_id)'),
	('reading.as_text(user_id)', 'reading.as_text(item_id)::varchar(20)'), ('user_id::text::varchar', 'item_id');
-- order_matters() learns from both orders; it also looks a user up by text, and nobody is given what they have.
CREATE FUNCTION order_matters(user_sql text, item_sql text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	first text;
	result text;
	unseen bool;
BEGIN
	EXECUTE format('CREATE TABLE typed AS SELECT %s AS user_id, %s AS item_id, value, at FROM clean ORDER BY at', user_sql, item_sql);
	EXECUTE format('CREATE TABLE shuffled AS SELECT * FROM typed ORDER BY md5(ctid::text)');
	PERFORM define('typed', $d$ interactions => 'typed', user_column => 'user_id', item_column => 'item_id', value_column => 'value',
		time_column => 'at', half_life => '30 days' $d$);
	PERFORM define('shuffled', $d$ interactions => 'shuffled', user_column => 'user_id', item_column => 'item_id', value_column => 'value',
		time_column => 'at', half_life => '30 days' $d$);
	CALL reco.refresh('typed');
	CALL reco.refresh('shuffled');
	SELECT bool_and(NOT EXISTS (SELECT 1 FROM typed t WHERE t.user_id::text = u.id AND t.item_id::text = r.item_id)) AND count(*) > 0
		INTO unseen
		FROM (SELECT DISTINCT user_id::text AS id FROM typed) u, LATERAL reco.recommend(u.id, 3, 'typed') r WHERE r.source = 'history';
	result := format('%s, %s: %s; same bytes %s; unseen only %s',
		(SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'typed'::regclass AND attname = 'user_id'),
		(SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'typed'::regclass AND attname = 'item_id'),
		learned('typed'), digest('typed') = digest('shuffled'), unseen);
	PERFORM reco.drop_recommender('typed'), reco.drop_recommender('shuffled');
	DROP TABLE typed, shuffled;
	RETURN result;
END $$;
SELECT order_matters(user_sql, item_sql) FROM types;

-- Many events of one user on one item at one time: their order is by amount.
CREATE TABLE same AS SELECT user_id, item_id, value, at FROM clean;
INSERT INTO same SELECT 1, 1, 1 / n::numeric, '2024-01-02' FROM generate_series(1, 500) n;
CREATE TABLE same_shuffled AS SELECT * FROM same ORDER BY md5(ctid::text);
SELECT define('same', $$ interactions => 'same', user_column => 'user_id', item_column => 'item_id', value_column => 'value', time_column => 'at', half_life => '1 day' $$);
SELECT define('same_shuffled', $$ interactions => 'same_shuffled', user_column => 'user_id', item_column => 'item_id', value_column => 'value', time_column => 'at', half_life => '1 day' $$);
CALL reco.refresh('same');
CALL reco.refresh('same_shuffled');
SELECT learned('same'), digest('same') = digest('same_shuffled');

-- A view, a partitioned and a foreign table give what the table gives.
CREATE VIEW seen AS SELECT user_id::smallint AS who, item_id::bigint AS what, kind::varchar AS kind, value::float4 AS value, at FROM clean;
SELECT define('view', $$ interactions => 'seen', user_column => 'who', item_column => 'what',
	event_column => 'kind', event_weights => '{"view": 1, "buy": 4}', value_column => 'value', time_column => 'at', half_life => '30 days' $$);
CALL reco.refresh('view');
CREATE TABLE parts (LIKE clean) PARTITION BY HASH (user_id);
CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parts SELECT * FROM clean;
SELECT define('partitioned', $$ interactions => 'parts', user_column => 'user_id', item_column => 'item_id',
	event_column => 'kind', event_weights => '{"view": 1, "buy": 4}', value_column => 'value', time_column => 'at', half_life => '30 days' $$);
CALL reco.refresh('partitioned');
COPY clean TO PROGRAM 'cat >reco_reading.csv' (FORMAT csv);
CREATE SERVER reading FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE file (user_id int, item_id int, kind text, value numeric, at timestamptz)
	SERVER reading OPTIONS (filename 'reco_reading.csv', format 'csv');
SELECT define('foreign', $$ interactions => 'file', user_column => 'user_id', item_column => 'item_id',
	event_column => 'kind', event_weights => '{"view": 1, "buy": 4}', value_column => 'value', time_column => 'at', half_life => '30 days' $$);
CALL reco.refresh('foreign');
SELECT name, learned(name), digest(name) = digest('clean') FROM unnest('{view,partitioned,foreign}'::text[]) name;
SELECT name, (SELECT array_agg(item_id ORDER BY rank) FROM reco.recommend(7::bigint, 3, name))
	= (SELECT array_agg(item_id ORDER BY rank) FROM reco.recommend(7::bigint, 3, 'clean'))
FROM unnest('{view,partitioned,foreign}'::text[]) name;

-- Times as date and as timestamp without time zone mean UTC, whatever the session's zone.
CREATE TABLE days AS SELECT user_id, item_id, at::date AS day, at::date::timestamp AS moment FROM clean;
SELECT define('day', $$ interactions => 'days', user_column => 'user_id', item_column => 'item_id', time_column => 'day', half_life => '30 days' $$);
SELECT define('moment', $$ interactions => 'days', user_column => 'user_id', item_column => 'item_id', time_column => 'moment', half_life => '30 days' $$);
SET timezone = 'Asia/Tokyo';
CALL reco.refresh('day');
SET timezone = 'America/New_York';
CALL reco.refresh('moment');
RESET timezone;
SELECT digest('day') = digest('moment'), as_of AT TIME ZONE 'UTC' FROM reco.models WHERE recommender = 'day';

-- Explicit ratings: rows on one item fold to the mean; NaN is skipped.
CREATE TABLE ratings AS SELECT user_id, item_id, 1 + (user_id + item_id) % 5 AS stars FROM clean;
ALTER TABLE ratings ALTER stars TYPE real;
INSERT INTO ratings VALUES (1, 1, 'NaN'), (2, NULL, 5);
SELECT define('rated', $$ interactions => 'ratings', user_column => 'user_id', item_column => 'item_id', value_column => 'stars', feedback => 'explicit' $$);
CALL reco.refresh('rated');
SELECT learned('rated');

-- A history is read in the caller's snapshot: fresh in its transaction, gone with it.
CREATE FUNCTION seen_by(who int) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(i::text, ' ' ORDER BY i) FROM generate_series(1, 12) i
	WHERE i NOT IN (SELECT item_id FROM reco.recommend(who::bigint, 12, 'clean'))
$$;
SELECT seen_by(7);
BEGIN;
DELETE FROM clean WHERE user_id = 7 AND item_id > 3;
SELECT seen_by(7);
INSERT INTO clean VALUES (7, 5, 'buy', 1, '2024-02-02');
SELECT seen_by(7);
ROLLBACK;
SELECT seen_by(7);

-- Row-level security decides which rows of a user are read.
CREATE ROLE reading_clerk;
GRANT USAGE ON SCHEMA reading TO reading_clerk;
GRANT SELECT ON clean TO reading_clerk;
CREATE TABLE catalogue AS SELECT DISTINCT item_id AS id FROM clean;
GRANT SELECT ON catalogue TO reading_clerk;
SELECT reco.alter_recommender('clean', items => 'catalogue', item_key => 'id');
CALL reco.refresh('clean');
ALTER TABLE clean ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON clean TO reading_clerk USING (item_id < 5);
SET ROLE reading_clerk;
SELECT seen_by(7);
RESET ROLE;
SELECT seen_by(7);
SET ROLE reading_clerk;
SELECT seen_by(7);
RESET ROLE;

-- A procedure that inserts and then calls refresh learns what it has inserted, whether or not it may commit.
CREATE TABLE grown AS SELECT u AS user_id, i AS item_id FROM generate_series(1, 6) u, generate_series(1, 4) i;
SELECT reco.create_recommender('grown', 'grown', 'user_id', 'item_id', options => '{"factors": 4, "iterations": 1}');
CREATE PROCEDURE grow() LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO grown VALUES (1, 99);
	CALL reco.refresh('grown');
	DELETE FROM grown WHERE item_id = 99;
	CALL reco.refresh('grown');
END $$;
CALL grow();
SELECT version, n_items, n_interactions FROM reco.models WHERE recommender = 'grown' ORDER BY version;
BEGIN;
CALL grow();
SELECT version, n_items, n_interactions FROM reco.models WHERE recommender = 'grown' ORDER BY version DESC LIMIT 2;
ROLLBACK;

-- Clean-up.
SELECT count(reco.drop_recommender(name)) FROM unnest('{clean,dirty,numbers,typo,empty,valueless,strange,same,same_shuffled,view,partitioned,foreign,day,moment,rated,grown}'::text[]) name;
COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; rm -f reco_reading.csv';
SET client_min_messages = error;
DROP SCHEMA reading CASCADE;
DROP SERVER reading CASCADE;
DROP ROLE reading_clerk;
