-- What the planner is told, and lists in every place where a query may stand: the answer is the same.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA planner;
SET search_path = planner, reco;
SET reco.default_recommender = 'planner';
CREATE TABLE goods (id int PRIMARY KEY, title text, price int);
INSERT INTO goods SELECT i, 'Good ' || i, i FROM generate_series(1, 200) i;
CREATE TABLE events AS SELECT 1 + (hashint8(n) & 65535) % 100 AS user_id, 1 + (hashint8(n * 5) & 65535) % 200 AS item_id FROM generate_series(1, 3000) n;
CREATE INDEX ON events (user_id);
ANALYZE;
SELECT create_recommender('planner', 'events', 'user_id', 'item_id', items => 'goods', item_key => 'id', item_label => 'title');
CALL refresh('planner', options => '{"factors": 8, "iterations": 2}');

\echo == estimates
CREATE FUNCTION estimate(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
	RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END $$;
SELECT estimate('SELECT * FROM recommend(1)'), estimate('SELECT * FROM recommend(1, 3)'), estimate('SELECT * FROM recommend(1, k => 2 * 20)'),
	estimate('SELECT * FROM recommend(1, NULL)'), estimate('SELECT * FROM recommend(1, (random() * 5)::int)'), estimate('SELECT * FROM recommend(1, 0)'),
	estimate('SELECT recommend(1, 3)');
SELECT estimate('SELECT * FROM recommend(1, NULL::text, 4)'), estimate('SELECT * FROM similar_items(1, 6)'), estimate('SELECT * FROM popular_items(7)'),
	estimate('SELECT * FROM popular_items(NULL::bigint, 8)'), estimate('SELECT * FROM goods g, LATERAL recommend(g.id, 5)');
SELECT estimate($$SELECT * FROM recommend_all('planner')$$), estimate($$SELECT * FROM recommend_all('planner', 5)$$),
	estimate($$SELECT * FROM recommend_all('planner', 5, '{1,2,3}')$$), estimate($$SELECT * FROM recommend_all('planner', users => ARRAY[1, 2, (random() * 9)::bigint])$$),
	estimate($$SELECT * FROM recommend_all('planner', NULL::bigint[], 2)$$), estimate($$SELECT * FROM recommend_all('planner', 5, '{}')$$);

\echo == labels: stable, restricted to the leader, no side effects
SELECT provolatile, proparallel, count(*) > 0 FROM pg_proc
WHERE pronamespace = 'reco'::regnamespace AND prokind = 'f' AND proname ~ '^(recommend|recommend_all|similar_items|popular_items|score|explain|item_embedding|user_embedding)$' GROUP BY 1, 2;

-- same() says whether a query gives the lists of users 1 to 9.
CREATE TABLE expected AS SELECT u, r.rank, r.item_id, r.score FROM generate_series(1, 9) u, LATERAL recommend(u, 3) r;
CREATE FUNCTION same(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	answer boolean;
BEGIN
	EXECUTE format('SELECT count(*) = 0 FROM ((SELECT * FROM planner.expected EXCEPT ALL %1$s) UNION ALL (%1$s EXCEPT ALL SELECT * FROM planner.expected)) d', query) INTO answer;
	RETURN answer;
END $$;

\echo == views, SQL and plpgsql functions, correlated subqueries, prepared statements with both kinds of plan
CREATE VIEW lists AS SELECT u, r.rank, r.item_id, r.score FROM generate_series(1, 9) u, LATERAL recommend(u, 3) r;
SELECT same('SELECT * FROM planner.lists');
CREATE FUNCTION by_sql(u bigint, k int) RETURNS TABLE (rank int, item_id bigint, score float8) LANGUAGE sql STABLE AS 'SELECT rank, item_id, score FROM reco.recommend(u, k)';
SELECT same('SELECT u, r.* FROM generate_series(1, 9) u, LATERAL planner.by_sql(u, 3) r');
CREATE FUNCTION by_plpgsql(u bigint, k int) RETURNS TABLE (rank int, item_id bigint, score float8) LANGUAGE plpgsql STABLE AS $$
DECLARE
	r record;
BEGIN
	FOR r IN SELECT * FROM reco.recommend(u, k) LOOP
		rank := r.rank; item_id := r.item_id; score := r.score;
		RETURN NEXT;
	END LOOP;
END $$;
SELECT same('SELECT u, r.* FROM generate_series(1, 9) u, LATERAL planner.by_plpgsql(u, 3) r');
SELECT same('SELECT u, (r).rank, (r).item_id, (r).score FROM (SELECT u, reco.recommend(u, 3) AS r FROM generate_series(1, 9) u) l');
PREPARE ask (bigint, int) AS SELECT array_agg(item_id ORDER BY rank) = (SELECT array_agg(item_id ORDER BY rank) FROM expected WHERE u = $1) FROM recommend($1, $2);
SET plan_cache_mode = force_generic_plan;
EXECUTE ask (1, 3);
SET plan_cache_mode = force_custom_plan;
EXECUTE ask (1, 3);
RESET plan_cache_mode;

\echo == cursors: scrolled, held, and of a snapshot that others have left
BEGIN;
DECLARE scrolled SCROLL CURSOR FOR SELECT rank FROM recommend(1, 5);
FETCH LAST FROM scrolled;
FETCH FIRST FROM scrolled;
FETCH ABSOLUTE 3 FROM scrolled;
DECLARE held CURSOR WITH HOLD FOR SELECT rank, item_id = (SELECT item_id FROM expected e WHERE u = 1 AND e.rank = r.rank) FROM recommend(1, 3) r;
COMMIT;
DELETE FROM goods WHERE id = (SELECT item_id FROM expected WHERE u = 1 AND rank = 1);
FETCH ALL FROM held;
CLOSE held;
SELECT e.rank IS NULL FROM recommend(1, 1) r LEFT JOIN expected e ON e.u = 1 AND e.rank = 1 AND e.item_id = r.item_id;
INSERT INTO goods SELECT item_id, 'Good again' FROM expected WHERE u = 1 AND rank = 1;
SELECT same('SELECT * FROM planner.lists');

\echo == parallel plans: below the leader, in the leader
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query'); -- named so since PostgreSQL 16
SELECT same('SELECT * FROM planner.lists');
SELECT same('SELECT e.user_id, r.rank, r.item_id, r.score FROM (SELECT DISTINCT user_id FROM planner.events WHERE user_id < 10) e, LATERAL reco.recommend(e.user_id, 3) r');
SELECT count(*) FROM goods g JOIN recommend(1, 20, filter => 'price < 150') r ON g.id = r.item_id;
SELECT count(*) FROM recommend_all('planner', 2, '{1,2,3}') a JOIN goods g ON g.id = a.item_id::int;
RESET ALL;
SET search_path = planner, reco;
SET reco.default_recommender = 'planner';

\echo == one snapshot, whatever others do; nothing is written
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT same('SELECT * FROM planner.lists');
SELECT count(*) FROM recommend_all('planner', 2);
SELECT count(*) FROM recommend(1, 4, filter => 'price < 100');
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
INSERT INTO events VALUES (1, 200), (1, 199), (1, 198);
SELECT count(*) FROM recommend(1, 200) WHERE item_id > 197;
SAVEPOINT s;
DELETE FROM events WHERE user_id = 1;
SELECT DISTINCT source FROM recommend(1, 3);
ROLLBACK TO s;
SELECT DISTINCT source FROM recommend(1, 3);
ROLLBACK;

\echo == many calls in one session keep their plans and no memory
SELECT count(*) FROM generate_series(1, 20) n, LATERAL recommend(n, 2) r;
CREATE FUNCTION memory() RETURNS bigint LANGUAGE sql AS 'SELECT sum(used_bytes) FROM pg_backend_memory_contexts';
CREATE FUNCTION calls(n int) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. n LOOP
		PERFORM count(*) FROM recommend(i % 110, 5);
		PERFORM count(*) FROM recommend(i % 110, 5, filter => 'price < 20');
		PERFORM count(*) FROM recommend_all('planner', 2, ARRAY[i % 110, 7]::text[]);
	END LOOP;
	RETURN memory();
END $$;
SELECT calls(300) > 0;
SELECT calls(3000) - calls(300) < 65536;

SELECT drop_recommender('planner');
SET client_min_messages = error;
DROP SCHEMA planner CASCADE;
