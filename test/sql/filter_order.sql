-- Whether items are ranked first or filtered first, the list is the same: full, in order, and the whole list cut down.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA filter_order;
GRANT USAGE ON SCHEMA filter_order TO PUBLIC;
SET search_path = filter_order, reco;
SET reco.default_recommender = 'filter_order';

-- 8000 goods, of which "band" keeps about one in 2, 20, 400 or exactly one; some have two rows, one has no row.
CREATE TABLE goods (id int, band int, tenant int);
INSERT INTO goods SELECT i, hashint4(i) & 4095, i % 1000 FROM generate_series(1, 8000) i WHERE i <> 77;
INSERT INTO goods SELECT i, 0, 5 FROM generate_series(1, 8000, 1000) i;
CREATE INDEX ON goods (id);
CREATE INDEX ON goods (band);
CREATE TABLE events AS
SELECT n % 500 AS user_id, 1 + (hashint4extended(n, 1) & 1048575) % 8000 AS item_id FROM generate_series(1, 30000) n;
CREATE INDEX ON events (user_id);
ANALYZE;
SELECT create_recommender('filter_order', 'events', 'user_id', 'item_id', items => 'goods', item_key => 'id');
CALL refresh('filter_order', options => '{"factors": 8, "iterations": 1}');

-- lists() gives all lists of some users, for each condition and length, under one order of work.
CREATE FUNCTION lists(filter_order text) RETURNS TABLE (u bigint, condition text, wanted int, list text)
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('reco.filter_order', filter_order, true);
	RETURN QUERY SELECT v.u, c.condition, w.wanted, coalesce(string_agg(r.item_id || ':' || coalesce(r.score::text, ''), ' ' ORDER BY r.rank), '')
	FROM unnest('{1,250,9999}'::bigint[]) v (u), unnest('{1,10,100}'::int[]) w (wanted),
		unnest('{true,band < 2048,band < 205,band < 10,id = 4711,false,band < 10 AND id IN (SELECT id FROM goods)}'::text[]) c (condition)
	LEFT JOIN LATERAL recommend(v.u, w.wanted, filter => c.condition) r ON true
	GROUP BY 1, 2, 3
	UNION ALL
	SELECT v.u, 'similar ' || c.condition, 10, coalesce(string_agg(r.item_id || ':' || r.score::text, ' ' ORDER BY r.rank), '')
	FROM unnest('{1,250}'::bigint[]) v (u), unnest('{band < 205,band < 10,id = 4711,false}'::text[]) c (condition)
	LEFT JOIN LATERAL similar_items(v.u, 10, filter => c.condition) r ON true
	GROUP BY 1, 2, 3
	UNION ALL
	SELECT v.u, 'candidates ' || c.condition, 10, coalesce(string_agg(r.item_id || ':' || coalesce(r.score::text, ''), ' ' ORDER BY r.rank), '')
	FROM unnest('{1,250,9999}'::bigint[]) v (u), unnest('{band < 2048,band < 10}'::text[]) c (condition)
	LEFT JOIN LATERAL recommend(v.u, 10, filter => c.condition, candidates => ARRAY(SELECT generate_series(1::bigint, 8000, 2)), exclude => '{1,3,5}') r ON true
	GROUP BY 1, 2, 3;
END $$;
CREATE TABLE made AS
SELECT o, l.* FROM unnest('{auto,rank_first,filter_first}'::text[]) o, lists(o) l;

\echo == the same lists in every order
SELECT count(*), count(DISTINCT (u, condition, wanted)), count(DISTINCT (u, condition, wanted, list)) FROM made;

\echo == always k where k exist: the list without a filter, cut down
SELECT bool_and(m.list = w.list) FROM made m, LATERAL (
	SELECT coalesce(string_agg(r.item_id || ':' || coalesce(r.score::text, ''), ' ' ORDER BY r.rank), '') AS list
	FROM (SELECT * FROM recommend(m.u, 10000) r WHERE EXISTS (SELECT 1 FROM goods g WHERE g.id = r.item_id AND g.band < 205) ORDER BY r.rank LIMIT m.wanted) r) w
WHERE o = 'auto' AND condition = 'band < 205';
SELECT condition, wanted, min(array_length(string_to_array(list, ' '), 1)) FROM made
WHERE condition IN ('band < 2048', 'band < 205', 'id = 4711') GROUP BY 1, 2 ORDER BY 1, 2;

\echo == rows that the caller may not see are a filter too
CREATE ROLE reco_filter_order_tenant;
GRANT SELECT ON goods, events TO reco_filter_order_tenant;
ALTER TABLE goods ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON goods USING (tenant = 5);
SET ROLE reco_filter_order_tenant;
SET reco.filter_order = rank_first;
CREATE TEMP TABLE rank_first AS SELECT u, r.rank, r.item_id, r.score, r.reason FROM generate_series(1, 9) u, LATERAL recommend(u, 20) r;
SET reco.filter_order = filter_first;
CREATE TEMP TABLE filter_first AS SELECT u, r.rank, r.item_id, r.score, r.reason FROM generate_series(1, 9) u, LATERAL recommend(u, 20) r;
RESET reco.filter_order;
SELECT count(*), count(DISTINCT u), bool_and(item_id % 1000 IN (1, 5)) FROM rank_first;
SELECT count(*) FROM (SELECT * FROM rank_first EXCEPT SELECT * FROM filter_first) d;
SELECT count(*) FROM (SELECT * FROM filter_first EXCEPT SELECT * FROM rank_first) d;
RESET ROLE;
ALTER TABLE goods DISABLE ROW LEVEL SECURITY;

\echo == arguments, an own search path, and errors are those of the filter
SET reco.filter_order = filter_first;
SELECT count(*) FROM recommend(1, 3, filter => 'band < $1::int -- few', filter_args => '{10}');
SELECT count(*) FROM recommend(1, 3, filter => 'id = ANY ($1::int[])', filter_args => ARRAY['{4,5,6}']);
\set VERBOSITY default
CREATE SEQUENCE counter;
SELECT count(*) FROM recommend(1, 3, filter => 'band < 0 AND nextval(''filter_order.counter'') > 0 OR band < 1 AND nextval(''filter_order.counter'') > 0');
RESET reco.filter_order;

\echo == a cursor over a list that was filtered first, in a read-only transaction
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL reco.filter_order = filter_first;
DECLARE answers SCROLL CURSOR FOR SELECT rank FROM recommend(1, 5, filter => 'band < 205');
FETCH 3 FROM answers;
FETCH BACKWARD 2 FROM answers;
COMMIT;

SELECT drop_recommender('filter_order');
DROP TABLE rank_first, filter_first;
DROP SCHEMA filter_order CASCADE;
DROP ROLE reco_filter_order_tenant;
