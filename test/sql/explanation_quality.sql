-- explanation_quality() measures explanations and reason_report() counts reasons: the same for the same seed, as counted by hand, for the owner alone.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA quality;
GRANT USAGE ON SCHEMA quality TO PUBLIC;
SET search_path = quality, reco, helper;
SET reco.default_recommender = 'quality';

-- Six tastes of 20 items; everybody has two, many events, and some returns.
CREATE TABLE goods (id int PRIMARY KEY, title text);
INSERT INTO goods SELECT i, 'Good ' || i FROM generate_series(1, 120) i;
CREATE TABLE events (user_id int, item_id int, kind text);
CREATE FUNCTION roll(a int, b int, sides int) RETURNS int LANGUAGE sql IMMUTABLE AS $$
	SELECT ((hashint8extended(a::bigint * 100000 + b, 7) & 1048575) % sides)::int
$$;
INSERT INTO events
SELECT u, 1 + CASE WHEN roll(u, n, 3) = 0 THEN roll(u, 1, 6) ELSE u % 6 END * 20 + roll(u, n + 1000, 20), (ARRAY['view','view','purchase','return'])[1 + roll(u, n + 2000, 4)]
FROM generate_series(1, 200) u, generate_series(1, 20) n;
INSERT INTO events VALUES (201, 5, 'return');
CREATE INDEX ON events (user_id);
SELECT create_recommender('quality', 'events', 'user_id', 'item_id', event_column => 'kind', event_weights => '{"view": 1, "purchase": 3, "return": -2}',
	items => 'goods', item_key => 'id', item_label => 'title');
CALL refresh('quality', options => '{"factors": 12, "iterations": 8}');

\echo == what is measured
CREATE TABLE measured AS SELECT * FROM explanation_quality(users => 1000);
SELECT metric, n > 0, value IS NOT NULL, meaning FROM measured;
SELECT metric, value FROM measured WHERE metric IN ('users', 'pairs');
SELECT bool_and(value <= 1e-6) FILTER (WHERE metric = 'additivity_residual'), bool_and(value <= 1e-5) FILTER (WHERE metric = 'removal_residual'),
	bool_and(value >= 2) FILTER (WHERE metric = 'deletion_ratio'), bool_and(value BETWEEN 0 AND 1) FILTER (WHERE metric ~ '^(necessity|sufficiency|stability)'),
	bool_and(value > 0.7) FILTER (WHERE metric = 'stability')
FROM measured;
SELECT a.value > b.value, c.value > d.value
FROM measured a, measured b, measured c, measured d
WHERE a.metric = 'necessity' AND b.metric = 'necessity_random' AND c.metric = 'sufficiency' AND d.metric = 'sufficiency_random';

\echo == residuals and necessity are what explain(), explain_check() and real deletes say
CREATE FUNCTION gone(u int, i bigint, pieces int[]) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	seen bigint[] := ARRAY(SELECT DISTINCT item_id FROM events WHERE user_id = u);
	absent boolean;
BEGIN
	BEGIN
		DELETE FROM events WHERE user_id = u AND item_id = ANY (pieces);
		SELECT i NOT IN (SELECT item_id FROM recommend(u, 10, exclude => seen) WHERE source = 'history') INTO absent;
		RAISE EXCEPTION USING errcode = 'ZZ999';
	EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
		NULL;
	END;
	RETURN absent;
END $$;
SELECT count(*), abs(avg(gone(u, r.item_id, e.best)::int) - (SELECT value FROM measured WHERE metric = 'necessity')) < 1e-9
FROM generate_series(1, 200) u, LATERAL recommend(u, 1) r,
	LATERAL (SELECT array_agg(evidence_id::int) AS best FROM (SELECT evidence_id FROM explain(u, r.item_id) WHERE evidence_id IS NOT NULL ORDER BY removal_effect DESC, evidence_id LIMIT 5) b) e
WHERE r.source = 'history';
SELECT abs(max(removal_residual) - (SELECT value FROM measured WHERE metric = 'removal_residual')) < 1e-12
FROM generate_series(1, 200) u, LATERAL recommend(u, 1) r, LATERAL explain_check(u, r.item_id) c WHERE r.source = 'history';

\echo == the same seed, the same numbers; another seed, other users; more items of each list
SELECT count(*) FROM (SELECT metric, value, n FROM explanation_quality(users => 20) EXCEPT SELECT metric, value, n FROM explanation_quality('quality', 20, '{"seed": 42}')) d;
SELECT count(*) > 0 FROM (SELECT metric, value, n FROM explanation_quality(users => 20) EXCEPT SELECT metric, value, n FROM explanation_quality(users => 20, options => '{"seed": 43}')) d;
SELECT metric, value FROM explanation_quality(users => 10, options => '{"items": 3, "pieces": 2, "draws": 1}') WHERE metric IN ('users', 'pairs');
SELECT metric, value, n FROM explanation_quality(users => 10, options => '{"pieces": 50}') WHERE metric LIKE 'deletion%';

\echo == what reasons say, beside those of recommend()
SELECT kind, event, lines > 0, line_share BETWEEN 0 AND 1, users_with > 0, removal_effect > 0, contribution BETWEEN 0 AND 1 FROM reason_report(users => 1000) ORDER BY kind, event;
SELECT sum(lines) FILTER (WHERE kind = 'popular'), bool_and(abs(user_share - users_with / 201.0) < 1e-9) FROM reason_report(users => 1000);
WITH lines AS (
	SELECT u, r.rank, r.source, jsonb_array_length(r.details -> 'because') AS n, EXISTS (SELECT 1 FROM jsonb_array_elements_text(r.details -> 'because') b (item), LATERAL explain(u, r.item_id) e
		WHERE e.evidence_id = b.item::int AND e.details ->> 'event' = 'purchase') AS bought
	FROM generate_series(1, 201) u, LATERAL recommend(u, 10) r)
SELECT count(*) FILTER (WHERE bought) = (SELECT lines FROM reason_report(users => 1000) WHERE event = 'bought'),
	count(DISTINCT u) FILTER (WHERE bought) = (SELECT users_with FROM reason_report(users => 1000) WHERE event = 'bought'),
	count(*) FILTER (WHERE n = 0 AND source = 'history') = (SELECT coalesce(sum(lines), 0) FROM reason_report(users => 1000) WHERE kind = 'fallback'),
	abs(avg(bought::int) - (SELECT line_share FROM reason_report(users => 1000) WHERE event = 'bought')) < 1e-9
FROM lines;
SELECT count(*) FROM (SELECT * FROM reason_report(users => 20) EXCEPT SELECT * FROM reason_report('quality', 20, '{"seed": 42, "k": 10}')) d;

\echo == bad input
SELECT complaint('SELECT explanation_quality(users => 0)');
SELECT complaint('SELECT reason_report(users => 100001)');
SELECT complaint($$SELECT explanation_quality('qualty')$$);
SELECT complaint($$SELECT explanation_quality(options => '{"peices": 3}')$$);
SELECT complaint($$SELECT reason_report(options => '{"k": 0}')$$);

\echo == for the owner alone, who reads as himself
CREATE ROLE reco_quality_guest;
GRANT SELECT ON events, goods TO reco_quality_guest;
SET ROLE reco_quality_guest;
SELECT source FROM recommend(1, 1, 'quality');
SELECT complaint($$SELECT explanation_quality('quality')$$);
SELECT complaint($$SELECT reason_report('quality')$$);
RESET ROLE;
SELECT alter_recommender('quality', owner => 'reco_quality_guest');
ALTER TABLE events ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON events USING (user_id <= 10);
SET ROLE reco_quality_guest;
SELECT value FROM explanation_quality('quality') WHERE metric = 'users';
RESET ROLE;


\echo == every algorithm, with what is known of items and users too: what is stated is true, and counterfactual sets hold when their rows are deleted
CREATE TABLE people AS SELECT u AS id, 'taste ' || u % 6 AS taste FROM generate_series(1, 210) u;
ALTER TABLE goods ADD taste text;
UPDATE goods SET taste = 'taste ' || (id - 1) / 20;
ALTER TABLE events ADD at timestamptz;
UPDATE events SET at = timestamptz '2024-01-01' + roll(user_id, item_id, 90) * interval '1 day';
DROP POLICY few ON events;
ALTER TABLE events DISABLE ROW LEVEL SECURITY;
-- whether item i is out of the list of k of a user whose rows on some items are deleted
CREATE FUNCTION out_after(name text, u int, i bigint, k int, gone bigint[]) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	seen bigint[] := ARRAY(SELECT DISTINCT item_id FROM events WHERE user_id = u);
	absent boolean;
BEGIN
	BEGIN
		DELETE FROM events WHERE user_id = u AND item_id = ANY (gone);
		absent := i NOT IN (SELECT item_id FROM recommend(u::bigint, k, name, exclude => seen));
		RAISE EXCEPTION USING errcode = 'ZZ999', message = 'undo';
	EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
		NULL;
	END;
	RETURN absent;
END $$;
CREATE TABLE algorithm AS SELECT * FROM (VALUES ('known', 'als', '{"factors": 8, "iterations": 4}'::jsonb), ('segments', 'als', '{"factors": 8, "iterations": 4, "attributes": false}'), ('itemknn', 'itemknn', NULL), ('userknn', 'userknn', NULL),
	('ease', 'ease', '{"lambda": 5}'), ('rp3beta', 'rp3beta', NULL), ('graph', 'graph', '{"factors": 8}'), ('popular', 'popular', NULL), ('recent', 'recent', NULL), ('blend', 'blend', '{"members": {"als": {"factors": 8, "iterations": 3}, "rp3beta": {}}}')) a (name, algorithm, options);
DO $$ DECLARE a record; BEGIN
	FOR a IN SELECT * FROM algorithm LOOP
		PERFORM create_recommender(a.name, 'events', 'user_id', 'item_id', algorithm => a.algorithm, time_column => 'at', event_column => 'kind', event_weights => '{"view": 1, "purchase": 4, "return": -2}', options => a.options,
			items => 'goods', item_key => 'id', item_label => 'title', item_features => CASE WHEN a.algorithm = 'als' THEN '{taste}'::name[] END, users => 'people', user_key => 'id', user_features => CASE WHEN a.algorithm = 'als' THEN '{taste}'::name[] END);
		CALL refresh(a.name);
	END LOOP;
END $$;
SELECT name, max(value) FILTER (WHERE metric = 'users') > 0, max(value) FILTER (WHERE metric = 'additivity_residual') < 1e-9, max(value) FILTER (WHERE metric = 'removal_residual') < 1e-9,
	max(value) FILTER (WHERE metric = 'necessity') BETWEEN 0 AND 1, max(value) FILTER (WHERE metric = 'sufficiency') BETWEEN 0 AND 1
FROM algorithm, LATERAL explanation_quality(name, 20, '{"draws": 2}') GROUP BY name ORDER BY name;
-- without any history the list goes by attributes, or by segment, or by popularity: what stays in it then has no set, what does not has one that holds
SELECT name, count(*), count(*) FILTER (WHERE found) > 0, bool_and(out_after(name, u, i, 3, gone)) FILTER (WHERE found), count(*) FILTER (WHERE NOT found AND out_after(name, u, i, 3, ARRAY(SELECT generate_series(1, 120)))) AS missed
FROM (SELECT name, u, i, bool_or(c.found) AS found, array_agg(c.evidence_id) AS gone FROM algorithm, generate_series(1, 30) u, LATERAL (SELECT item_id AS i FROM recommend(u::bigint, 3, name) WHERE rank = 3) r,
	LATERAL counterfactual(u::bigint, i, 3, name, '{"max_size": 100}') c GROUP BY name, u, i) x GROUP BY name ORDER BY name;
-- users of whom attributes alone are known have no history to be taken away
SELECT outcome, rank_before FROM recommend(205::bigint, 1, 'known') r, LATERAL counterfactual(205::bigint, r.item_id, 3, 'known');
SELECT count(drop_recommender(name)) FROM algorithm;

SELECT drop_recommender('quality');
DROP SCHEMA quality CASCADE;
DROP ROLE reco_quality_guest;
