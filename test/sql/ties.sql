-- Items of one score come in the order of popularity, in every list and of every algorithm: those above all of which nothing says that the user likes them.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA ties;
SET search_path = ties, reco, helper;
SET reco.workers = 0;
CREATE FUNCTION chance(text) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$SELECT (hashtextextended($1, 7) & 1048575) / 1048576.0$$;
-- Ten shelves of twenty items; users keep to one shelf. The higher the id, the more popular the item; every seventh is had as often as its neighbour.
CREATE TABLE items (id int PRIMARY KEY, title text);
INSERT INTO items SELECT i, 'T' || i FROM generate_series(1, 200) i;
CREATE TABLE events AS SELECT u AS user_id, i AS item_id FROM generate_series(1, 400) u, generate_series(1, 200) i WHERE u % 10 = i % 10 AND chance(u || ':' || i) < 0.1 + i / 300.0;
CREATE INDEX ON events (user_id);
ANALYZE;
CREATE FUNCTION make(algorithm text, options jsonb DEFAULT '{}') RETURNS void LANGUAGE sql AS $$
	SELECT create_recommender(algorithm, 'events', 'user_id', 'item_id', items => 'items', item_key => 'id', algorithm => algorithm, options => options)
$$;
SELECT make('als', '{"factors": 4, "iterations": 2}'), make('itemknn'), make('userknn'), make('rp3beta'), make('ease'), make('graph', '{"factors": 4, "low_pass": 0}'),
	make('blend', '{"members": {"itemknn": {}, "rp3beta": {}}}'), make('popular');
CALL refresh('als');
CALL refresh('itemknn');
CALL refresh('userknn');
CALL refresh('rp3beta');
CALL refresh('ease');
CALL refresh('graph');
CALL refresh('blend');
CALL refresh('popular');
CREATE TABLE place AS SELECT item_id::int, rank AS place FROM popular_items(200, 'itemknn');
SELECT count(*) FROM place;

-- ties() gives how many neighbours in lists have one score, and how many of these are not in the order of popularity
CREATE FUNCTION ties(name text, length int, candidates bigint[] = NULL, filter text = NULL, OUT name text, OUT equal boolean, OUT turned bigint) LANGUAGE sql AS $$
	SELECT ties.name, count(*) FILTER (WHERE score = before) > 1000, count(*) FILTER (WHERE score = before AND place < place_before) FROM (
		SELECT r.score, p.place, lag(r.score) OVER w AS before, lag(p.place) OVER w AS place_before
		FROM generate_series(1, 40) u, recommend(u::bigint, length, ties.name, candidates => ties.candidates, filter => ties.filter) r JOIN place p USING (item_id)
		WINDOW w AS (PARTITION BY u ORDER BY r.rank)) x
$$;
\echo == lists of all items, of one in two, of candidates, filtered by either order of work
SELECT t.* FROM unnest('{als,itemknn,userknn,rp3beta,ease,graph,blend,popular}'::text[]) name, ties(name, 200) t;
SELECT t.* FROM unnest('{itemknn,ease,blend}'::text[]) name, ties(name, 50) t;
SELECT t.* FROM unnest('{itemknn,ease,blend}'::text[]) name, ties(name, 90, candidates => ARRAY(SELECT i FROM generate_series(2, 200, 2) i)) t;
SET reco.filter_order = 'filter_first';
CREATE TABLE filtered AS SELECT name, u, r.rank, r.item_id FROM unnest('{itemknn,ease,blend}'::text[]) name, generate_series(1, 40) u, recommend(u::bigint, 60, name, filter => 'id % 3 = 0') r;
SELECT t.* FROM unnest('{itemknn,ease,blend}'::text[]) name, ties(name, 60, filter => 'id % 3 = 0') t;
SET reco.filter_order = 'rank_first';
SELECT t.* FROM unnest('{itemknn,ease,blend}'::text[]) name, ties(name, 60, filter => 'id % 3 = 0') t;
SELECT count(*) FROM (SELECT name, u, r.rank, r.item_id FROM unnest('{itemknn,ease,blend}'::text[]) name, generate_series(1, 40) u, recommend(u::bigint, 60, name, filter => 'id % 3 = 0') r EXCEPT TABLE filtered) x;
RESET reco.filter_order;
\echo == and recommend_all
SELECT count(*) FROM (SELECT user_id::int, rank, item_id::int FROM recommend_all('itemknn', 100) WHERE user_id::int <= 40 EXCEPT
	SELECT u, r.rank, r.item_id::int FROM generate_series(1, 40) u, recommend(u::bigint, 100, 'itemknn') r) x;
SELECT count(drop_recommender(name)) FROM unnest('{als,itemknn,userknn,rp3beta,ease,graph,blend,popular}'::text[]) name;
DROP SCHEMA ties CASCADE;
