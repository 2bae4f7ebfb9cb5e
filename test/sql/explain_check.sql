-- explain_check() proves explanations pair by pair for every sort of recommender, and names the piece that fails.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA checks;
GRANT USAGE ON SCHEMA checks TO PUBLIC;
SET search_path = checks, reco, helper;

-- complaint() leaves numbers that depend on the machine out of a detail.
CREATE FUNCTION complaint(command text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT CASE WHEN c LIKE '  detail: %' THEN regexp_replace(c, '-?\d\.?\d*(e-?\d+)?(?=[ ,:.])', 'N', 'g') ELSE c END FROM helper.complaint(command) c
$$;

-- Three tastes; weights, returns, repeated events and times.
CREATE TABLE goods (id int PRIMARY KEY, title text);
INSERT INTO goods SELECT i, 'Good ' || i FROM generate_series(1, 30) i;
CREATE TABLE events (user_id int, item_id int, kind text, stars real, at timestamptz);
INSERT INTO events
SELECT u, 1 + (u % 3 * 10 + n * 7 % 13) % 30, (ARRAY['view','cart','purchase','return'])[1 + (u + n) % 4], 1 + (u * n) % 5,
	timestamptz '2024-03-01 00:00+00' + (u * 7 + n * 31) % 97 * interval '1 day'
FROM generate_series(1, 60) u, generate_series(1, 2 + u % 17) n;
CREATE INDEX ON events (user_id);
SELECT create_recommender('checks', 'events', 'user_id', 'item_id', event_column => 'kind',
	event_weights => '{"view": 1, "cart": 3, "purchase": 5, "return": -4}', time_column => 'at', half_life => '20 days',
	items => 'goods', item_key => 'id', item_label => 'title', options => '{"dislike": 0.5}');
CALL refresh('checks', options => '{"factors": 6, "iterations": 5}');
SELECT create_recommender('checks_stars', 'events', 'user_id', 'item_id', value_column => 'stars', feedback => 'explicit');
CALL refresh('checks_stars', options => '{"factors": 6, "iterations": 5}');

\echo == what it says of a pair
SELECT c.pieces = count(DISTINCT item_id), c.score = score(4, 11, 'checks'), sum_residual <= 1e-6, removal_residual <= 1e-5,
	worst_label = 'Good ' || worst_id, abs(worst_stated - worst_found) < 1e-5, exactness
FROM explain_check(4, 11, 'checks') c, events WHERE user_id = 4 GROUP BY c.*, c.pieces, c.score, sum_residual, removal_residual, worst_label, worst_id, worst_stated, worst_found, exactness;

\echo == the worst piece is a row of explain(), and states what explain() states
SELECT e.removal_effect = c.worst_stated FROM explain_check(4, 11, 'checks') c JOIN explain(4, 11, 'checks') e ON e.evidence_id = c.worst_id;

\echo == every pair, in both recommenders
SELECT r, count(*), min(pieces), max(pieces), max(sum_residual) <= 1e-6, max(removal_residual) <= 1e-5
FROM unnest('{checks,checks_stars}'::text[]) r, generate_series(1, 60) u, generate_series(1, 30) i, LATERAL explain_check(u, i, r)
GROUP BY r ORDER BY r;

\echo == a tolerance of nothing shows what it checks: rounding alone breaks it, and the piece is named
SELECT regexp_replace(complaint($$SELECT explain_check(4, 11, 'checks', '{"tolerance": 0}')$$), 'of item \d+ on', 'of item N on');
SELECT count(*) > 0, count(DISTINCT why) FROM generate_series(1, 60) u, LATERAL (
	SELECT regexp_replace(complaint(format($$SELECT explain_check(%s, 2, 'checks', '{"sum_tolerance": 0}')$$, u)), 'N.*', '') AS why) c
WHERE why LIKE '23514: the contributions to the score of item 2 do not add up to it';
SELECT count(*) FROM explain_check(4, 11, 'checks', '{"limit": 0}');

\echo == nothing to take away, nothing asked
SELECT score, pieces, sum_residual, removal_residual, worst_id, worst_stated, exactness FROM explain_check(4711, 2, 'checks');
SELECT count(*) FROM explain_check(NULL::bigint, 2, 'checks');
SELECT count(*) FROM explain_check(4, NULL::bigint, 'checks');

\echo == what is not to be seen is checked and not named
BEGIN;
DELETE FROM goods WHERE id IN (SELECT worst_id FROM explain_check(4, 11, 'checks'));
SELECT pieces, worst_id, worst_label, worst_stated IS NOT NULL FROM explain_check(4, 11, 'checks');
SELECT regexp_replace(complaint($$SELECT explain_check(4, 11, 'checks', '{"tolerance": 0}')$$), 'of item \d+ on', 'of item N on');
ROLLBACK;

\echo == the nine pairs of types
SELECT count(*), count(DISTINCT p.prosrc), bool_and(p.provolatile = 's' AND p.proparallel = 'r')
FROM pg_proc p WHERE p.pronamespace = 'reco'::regnamespace AND p.proname = 'explain_check';
SELECT pg_typeof(worst_id) FROM explain_check('4', '11', 'checks');
SELECT pg_typeof(worst_id) FROM explain_check(4, '11', 'checks');

\echo == bad input
SELECT complaint($$SELECT explain_check(4, 999, 'checks')$$);
SELECT complaint($$SELECT explain_check(4, 'abc'::text, 'checks')$$);
SELECT complaint($$SELECT explain_check(4, 11, 'check')$$);
SELECT complaint($$SELECT explain_check(4, 11)$$);
SELECT complaint($$SELECT explain_check(4, 11, 'checks', '{"tolerence": 1}')$$);
SELECT complaint($$SELECT explain_check(4, 11, 'checks', '{"tolerance": -1}')$$);
SELECT complaint($$SELECT explain_check(4, 11, 'checks', '[]')$$);

\echo == a role that may not read the events
CREATE ROLE reco_checks_guest;
SET ROLE reco_checks_guest;
SELECT complaint($$SELECT explain_check(4, 11, 'checks')$$);
RESET ROLE;

SELECT drop_recommender('checks');
SELECT drop_recommender('checks_stars');
DROP SCHEMA checks CASCADE;
DROP ROLE reco_checks_guest;
