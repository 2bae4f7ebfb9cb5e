-- The lists of many users at once are those of recommend(), to the bit; written into a table they survive an interruption.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA many;
GRANT USAGE ON SCHEMA many TO PUBLIC;
SET search_path = many, reco;

-- A shop with decay, event weights, dislikes, repeated events, NULLs, unknown events and items that are gone; user ids as
-- integers and as text.
CREATE TABLE goods (id int PRIMARY KEY, title text, price int, hidden boolean DEFAULT false);
INSERT INTO goods SELECT i, 'Good ' || i, i FROM generate_series(1, 300) i WHERE i % 50 <> 0;
CREATE TABLE events (user_id int, who text, item_id int, item text, kind text, stars int, at timestamptz);
INSERT INTO events SELECT u, 'u' || u, i, 'i' || i, (ARRAY['view', 'view', 'buy', 'return', 'odd'])[1 + (hashint8(n * 3) & 1023) % 5],
	1 + (hashint8(n * 7) & 1023) % 5, timestamptz '2024-01-01' + (hashint8(n * 11) & 1048575) * interval '1 minute'
FROM generate_series(1, 12000) n, LATERAL (SELECT 1 + (hashint8(n) & 65535) % 400 AS u) a, LATERAL (
	SELECT 1 + ((hashint8(n * 5) & 65535) % 150 + u % 2 * 150) AS i) b;
INSERT INTO events SELECT 500, 'u500', 3, 'i3', 'return', 1, '2024-03-01';
INSERT INTO events VALUES (501, 'u501', NULL, NULL, 'buy', 3, '2024-03-01'), (NULL, NULL, 4, 'i4', 'buy', 3, '2024-03-01');
CREATE INDEX ON events (user_id);
CREATE INDEX ON events (who);
ANALYZE events;
SELECT create_recommender('many', 'events', 'user_id', 'item_id', event_column => 'kind', event_weights => '{"view": 1, "buy": 5.5, "return": -3}',
	time_column => 'at', half_life => '20 days', items => 'goods', item_key => 'id', item_label => 'title', options => '{"dislike": 0.7}');
SELECT create_recommender('many_stars', 'events', 'user_id', 'item_id', value_column => 'stars', feedback => 'explicit');
SELECT create_recommender('many_text', 'events', 'who', 'item', event_column => 'kind', event_weights => '{"view": 1, "buy": 5}');
SELECT create_recommender('many_mixed', 'events', 'user_id', 'item', time_column => 'at', half_life => '1 day');
SET client_min_messages = error;
CALL refresh('many', options => '{"factors": 8, "iterations": 2}');
CALL refresh('many_stars', options => '{"factors": 8, "iterations": 2}');
CALL refresh('many_text', options => '{"factors": 8, "iterations": 2}');
CALL refresh('many_mixed', options => '{"factors": 8, "iterations": 2}');
SET client_min_messages = warning;
-- after learning: an item that is gone, one that is new, users who have come
DELETE FROM goods WHERE id = 7;
INSERT INTO events VALUES (600, 'u600', 9, 'i9', 'buy', 5, '2024-02-02'), (600, 'u600', 999, 'i999', 'buy', 5, '2024-02-02');

-- differences() counts the rows that recommend_all() and recommend() do not have in common.
CREATE FUNCTION differences(recommender text, users text[], k int, exclude_seen boolean, filter text) RETURNS TABLE (rows bigint, lists bigint, popular bigint, different bigint)
LANGUAGE sql AS $$
	WITH a AS (
		SELECT a.* FROM reco.recommend_all(recommender, k, users, options =>
			jsonb_strip_nulls(jsonb_build_object('exclude_seen', exclude_seen, 'filter', filter))) a
	), r AS (
		SELECT u.user_id, r.rank, r.item_id, r.score, r.source FROM unnest(users) u (user_id),
			LATERAL reco.recommend(u.user_id, k, recommender, exclude_seen => exclude_seen, filter => filter) r
	)
	SELECT (SELECT count(*) FROM a), (SELECT count(DISTINCT user_id) FROM a), (SELECT count(DISTINCT user_id) FROM a WHERE source = 'popular'),
		(SELECT count(*) FROM (SELECT user_id, rank, item_id, score, source FROM a EXCEPT ALL SELECT * FROM r) d) +
		(SELECT count(*) FROM (SELECT * FROM r EXCEPT ALL SELECT user_id, rank, item_id, score, source FROM a) d)
$$;

\echo == the lists of recommend(), to the bit
SELECT differences('many', array_agg(u::text), 7, true, NULL) FROM generate_series(1, 620) u;
SELECT differences('many', array_agg(u::text), 300, false, NULL) FROM generate_series(1, 620, 40) u;
SELECT differences('many', array_agg(u::text), 5, true, 'price < 30') FROM generate_series(1, 620) u;
SELECT differences('many', '{1,2,600}', 5, true, 'price = 31');
SELECT differences('many_stars', array_agg(u::text), 7, true, NULL) FROM generate_series(1, 620) u;
SELECT differences('many_text', array_agg('u' || u), 7, true, NULL) FROM generate_series(1, 620) u;
SELECT differences('many_mixed', array_agg(u::text), 7, true, NULL) FROM generate_series(1, 620) u;

\echo == without users: all who have events; in blocks where memory is short
SELECT count(DISTINCT user_id), count(*), count(*) FILTER (WHERE source = 'popular') FROM recommend_all('many', 3);
CREATE TABLE whole AS SELECT * FROM recommend_all('many', NULL::bigint[], 5);
SET maintenance_work_mem = '1MB';
UPDATE pg_class SET reltuples = 1e7 WHERE oid = 'events'::regclass;
SELECT count(*) FROM (SELECT * FROM whole EXCEPT SELECT * FROM recommend_all('many', NULL::bigint[], 5)) d;
RESET maintenance_work_mem;
ANALYZE events;
SELECT array_agg(user_id ORDER BY user_id) = (SELECT array_agg(DISTINCT user_id::bigint ORDER BY user_id::bigint) FROM events WHERE user_id IS NOT NULL AND kind <> 'odd' AND item_id IS NOT NULL) FROM (SELECT DISTINCT user_id FROM whole) u;

\echo == which users, and their order
SELECT user_id, rank, pg_typeof(user_id), pg_typeof(item_id) FROM recommend_all('many', users => '{3,1,NULL,3,4711}'::bigint[], k => 2);
SELECT user_id, rank, pg_typeof(item_id) FROM recommend_all('many_mixed', 1, '{3,20,1}');
SELECT user_id, rank FROM recommend_all('many', 1, users_query => 'SELECT user_id FROM events WHERE user_id < 4 AND many.events.kind = ''buy''');
SELECT count(*) FROM recommend_all('many', 1, '{}');
SELECT count(*) FROM recommend_all('many', 1, users_query => 'SELECT user_id::text FROM events WHERE false');
BEGIN;
INSERT INTO events VALUES (4711, 'u4711', 9, 'i9', 'buy', 5, '2024-02-02');
SELECT DISTINCT source FROM recommend_all('many', users => '{4711}'::bigint[]);
ROLLBACK;

\echo == what cannot be answered
\set VERBOSITY default
SELECT * FROM recommend_all('many', users => ARRAY['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']::uuid[]);
SELECT * FROM recommend_all('many_mixed', users => '{1}'::bigint[]);
SELECT * FROM recommend_all('many', users => '{one}'::text[]);
SELECT * FROM recommend_all('many', 0);
SELECT * FROM recommend_all('many', users => '{1}'::bigint[], users_query => 'SELECT 1');
SELECT * FROM recommend_all('many', users_query => 'DELETE FROM many.events');
SELECT * FROM recommend_all('many', users_query => 'DELETE FROM many.events RETURNING user_id');
SELECT * FROM recommend_all('many', users_query => 'SELECT 1; SELECT 2');
SELECT * FROM recommend_all('many', users_query => 'SELECT 1, 2');
SELECT * FROM recommend_all('many', users_query => 'SELECT now()');
SELECT * FROM recommend_all('many', users_query => 'SELECT nope');
SELECT * FROM recommend_all('many', options => '{"exclude_sene": true}');
SELECT * FROM recommend_all('many', options => '{"replace": true}');
SELECT * FROM recommend_all('many_stars', options => '{"filter": "price < 3"}');
SELECT * FROM recommend_all('many', options => '{"filter": "prize < 3"}');
-- filter_args: strings, numbers, booleans and nulls, each as its text
SELECT count(*) > 0, count(DISTINCT user_id) > 0, bool_and(g.price < 30 AND g.title LIKE 'Good 1%' AND NOT g.hidden)
FROM recommend_all('many', 5, options => '{"filter": "price < $1::int and title like $2 and hidden = $3::boolean and $4 is null",
	"filter_args": [30, "Good 1%", false, null]}') a JOIN goods g ON g.id = a.item_id::int;
SELECT a = b FROM (SELECT array_agg(l::text ORDER BY user_id, rank) a FROM recommend_all('many', 3, options => '{"filter": "price < 30"}') l) x,
	(SELECT array_agg(l::text ORDER BY user_id, rank) b FROM recommend_all('many', 3, options => '{"filter": "price < $1::int", "filter_args": ["30"]}') l) y;
SELECT count(*) FROM recommend_all('many', options => '{"filter_args": [1]}');
SELECT count(*) FROM recommend_all('many', options => '{"filter": "price < $1::int", "filter_args": 30}');
SELECT count(*) FROM recommend_all('many', options => '{"filter": "price < $1::int", "filter_args": [[30]]}');
SELECT count(*) FROM recommend_all('many', options => '{"filter": "price < $2::int", "filter_args": [30]}');
SELECT count(*) FROM recommend_all('many', users => '{1}');

\echo == what the caller sees
CREATE ROLE reco_many_guest;
GRANT SELECT ON events, goods TO reco_many_guest;
ALTER TABLE goods ENABLE ROW LEVEL SECURITY;
CREATE POLICY shown ON goods USING (id % 3 = 0);
ALTER TABLE events ENABLE ROW LEVEL SECURITY;
CREATE POLICY shown ON events USING (user_id < 100);
SET ROLE reco_many_guest;
SELECT bool_and(item_id % 3 = 0), count(DISTINCT user_id), max(user_id) FROM recommend_all('many', NULL::bigint[]);
SELECT differences('many', array_agg(u::text), 7, true, NULL) FROM generate_series(1, 120) u;
SELECT count(*) FROM recommend_all('many_stars');
RESET ROLE;
REVOKE SELECT ON goods FROM reco_many_guest;
SET ROLE reco_many_guest;
SELECT count(*) FROM recommend_all('many');
RESET ROLE;
GRANT SELECT ON goods TO reco_many_guest;
ALTER TABLE goods DISABLE ROW LEVEL SECURITY;
ALTER TABLE events DISABLE ROW LEVEL SECURITY;

\echo == into a table: all lists, and again only those that are missing
SET client_min_messages = notice;
CREATE TABLE lists (score float8, user_id int, rank smallint, note text DEFAULT 'x', item_id bigint, source varchar(10), PRIMARY KEY (user_id, rank));
CALL recommend_into('many', 'lists', 5);
SELECT count(*) FROM (SELECT user_id, rank, item_id, score, source FROM lists EXCEPT SELECT * FROM recommend_all('many', NULL::bigint[], 5)) d;
SELECT count(*) = (SELECT count(*) FROM whole), min(note) FROM lists;
CALL recommend_into('many', 'lists', 5);
DELETE FROM lists WHERE user_id > 200;
CALL recommend_into('many', 'lists', 5);
SELECT count(*) = (SELECT count(*) FROM whole) FROM lists;
CALL recommend_into('many', 'lists', 2, users_query => 'SELECT generate_series(1, 700)', options => '{"replace": true}');
SELECT count(*), count(DISTINCT user_id), max(rank) FROM lists;
BEGIN;
CALL recommend_into('many', 'lists', 3, options => '{"replace": true, "filter": "price < $1::int", "filter_args": [100]}');
ROLLBACK;
SELECT max(rank) FROM lists;

\echo == what was committed stays when a later block fails
CREATE TABLE fails (user_id int, rank int, item_id int CHECK (item_id > 0), CHECK (user_id < 390));
\set VERBOSITY terse
CALL recommend_into('many', 'fails', 250);
\set VERBOSITY default
SELECT count(DISTINCT user_id) BETWEEN 60 AND 389 FROM fails;
ALTER TABLE fails DROP CONSTRAINT fails_user_id_check;
SET client_min_messages = warning;
CALL recommend_into('many', 'fails', 250);
SELECT count(*) - count(DISTINCT (user_id, rank)), count(DISTINCT user_id) = (SELECT count(DISTINCT user_id) FROM whole) FROM fails;

\echo == with reasons: those of recommend()
CREATE TABLE reasons (user_id text, item_id text, rank int, reason text);
CALL recommend_into('many_text', 'reasons', 3, users_query => 'SELECT ''u'' || generate_series(1, 50) UNION ALL SELECT ''nobody''');
SELECT count(*), count(*) FILTER (WHERE m.reason = r.reason AND m.item_id = r.item_id), min(m.reason) FILTER (WHERE user_id = 'nobody')
FROM reasons m, LATERAL (SELECT * FROM recommend(m.user_id, 3, 'many_text') l WHERE l.rank = m.rank) r;

\echo == targets that cannot be
CREATE TABLE bad (user_id int, item int);
CALL recommend_into('many', 'bad');
CREATE TABLE bad_type (user_id text, item_id int);
CALL recommend_into('many', 'bad_type');
CREATE TABLE bad_item (user_id text, item_id int);
CALL recommend_into('many_text', 'bad_item');
CALL recommend_into('many', NULL);
CALL recommend_into('many', 4294967295::oid::regclass);
CALL recommend_into('many', 'lists', users_query => 'SELECT 1, 2');
SET ROLE reco_many_guest;
CALL recommend_into('many', 'lists');
RESET ROLE;
GRANT SELECT ON lists TO reco_many_guest;
DELETE FROM lists;
SET ROLE reco_many_guest;
CALL recommend_into('many', 'lists');
RESET ROLE;
GRANT INSERT ON lists TO reco_many_guest;
SET ROLE reco_many_guest;
CALL recommend_into('many', 'lists', 1, users_query => 'SELECT 1');
RESET ROLE;
SELECT count(*) FROM lists;

SELECT count(drop_recommender(r.name)) FROM unnest('{many,many_stars,many_text,many_mixed}'::text[]) r (name);
SET client_min_messages = error;
DROP SCHEMA many CASCADE;
DROP ROLE reco_many_guest;
