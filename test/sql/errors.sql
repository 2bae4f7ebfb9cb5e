-- What is said when something is refused that no other test refuses: each with its SQLSTATE, and a hint where somebody can do something.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA errors;
SET search_path = errors, helper;
SET reco.workers = 0;

CREATE TABLE goods (id int PRIMARY KEY, title text, colour text, price float8, words text);
INSERT INTO goods SELECT i, 'Good ' || i, (ARRAY['red', 'green', 'blue'])[1 + i % 3], i, 'w' || i % 7 || ' w' || i % 5 FROM generate_series(1, 40) i;
CREATE TABLE events (u int, i int, v float8, at timestamptz);
INSERT INTO events SELECT u, i, 1 + (u + i) % 5, timestamptz '2024-01-01 00:00+00' + (u + i) * interval '1 day'
FROM generate_series(1, 60) u, generate_series(1, 40) i WHERE (u * 7 + i * 3) % 5 < 2;
CREATE INDEX ON events (u);
SELECT reco.create_recommender('shop', 'events', 'u', 'i', time_column => 'at', items => 'goods', item_key => 'id', item_label => 'title',
	options => '{"factors": 4, "iterations": 1}');
CALL reco.refresh('shop');

\echo == an extension that is not there, or older than its library
BEGIN;
ALTER TABLE reco.recommender RENAME TO hidden;
SELECT outcome($$SELECT * FROM reco.recommend(1, 3, 'shop')$$);
ROLLBACK;

\echo == too little memory to learn, of an algorithm without factors
CREATE TABLE wide AS SELECT u, (u * 31 + g * g) % 5000 AS i FROM generate_series(1, 6000) u, generate_series(1, 8) g;
SELECT reco.create_recommender('wide', 'wide', 'u', 'i', algorithm => 'ease');
SET reco.learn_memory = '2MB';
SELECT regexp_replace(outcome($$CALL reco.refresh('wide')$$), 'needs [0-9.]+ [MG]B', 'needs N MB');
RESET reco.learn_memory;
SET temp_file_limit = '2MB';
SELECT regexp_replace(outcome($$CALL reco.refresh('wide')$$), 'file of [0-9.]+ [MG]B', 'file of N MB');
RESET temp_file_limit;
SELECT reco.drop_recommender('wide');

\echo == ratings where the deployed version counts clicks
SELECT outcome($$SELECT reco.alter_recommender('shop', value_column => 'v', feedback => 'explicit')$$);
SELECT outcome($$CALL reco.refresh('shop', gate => true)$$);
SELECT outcome($$SELECT reco.alter_recommender('shop', unset => '{value_column,feedback}')$$);

\echo == an evaluation with nothing left to learn from, and with test rows of other types
CREATE TABLE worthless AS SELECT u, i, CASE WHEN i = 3 THEN 1 ELSE 0 END::float8 AS v, timestamptz '2024-01-01 00:00+00' + i * interval '1 day' AS at FROM generate_series(1, 30) u, generate_series(1, 3) i;
SELECT reco.create_recommender('worthless', 'worthless', 'u', 'i', value_column => 'v', time_column => 'at', options => '{"factors": 4, "iterations": 1}');
SELECT outcome($$CALL reco.evaluate('worthless', 'last', options => '{"last_n": 1}')$$);
SELECT outcome($$CALL reco.evaluate('worthless', 'time', options => '{"from": "2024-01-03 12:00+00"}')$$);
SELECT reco.drop_recommender('worthless');
CREATE TABLE held (u uuid, i int, v float8, at timestamptz);
INSERT INTO held SELECT md5(u::text)::uuid, 1, 1, now() FROM generate_series(1, 5) u;
SELECT outcome($$CALL reco.evaluate('shop', test => 'errors.held')$$);

\echo == a filter of more values than a statement can have
SELECT outcome($$SELECT * FROM reco.recommend(1, 3, 'shop', filter => 'id > 0', filter_args => array_fill('x'::text, '{32767}'))$$);

\echo == features whose relation is not mapped any more, and more than there is memory for
SELECT outcome($$SELECT * FROM reco.encode('shop', 'item', 1)$$);
SELECT outcome($$SELECT reco.alter_recommender('shop', item_features => '{colour,price,words}', options => '{"features": {"words": {"text": true, "dimensions": 3}}}')$$);
CALL reco.refresh('shop');
SELECT outcome($$SELECT reco.alter_recommender('shop', unset => '{items,item_key,item_label,item_features,options}')$$);
SELECT outcome($$SELECT * FROM reco.encode('shop', 'item', 1)$$);
SELECT outcome($$SELECT reco.alter_recommender('shop', items => 'goods', item_key => 'id', item_label => 'title', item_features => '{colour,price,words}',
	options => '{"factors": 4, "iterations": 1, "features": {"words": {"text": true, "dimensions": 3}}}')$$);
CREATE TABLE many (id int PRIMARY KEY, code text, tags text[]);
INSERT INTO many SELECT i, 'code ' || i, ARRAY(SELECT 'tag ' || (i * 7 + t) % 500 FROM generate_series(1, 40) t) FROM generate_series(1, 20000) i;
SELECT reco.create_recommender('codes', 'events', 'u', 'i', items => 'many', item_key => 'id', item_features => '{code}', options => '{"factors": 4, "iterations": 1}');
SELECT reco.create_recommender('tags', 'events', 'u', 'i', items => 'many', item_key => 'id', item_features => '{tags}', options => '{"factors": 4, "iterations": 1}');
SET reco.learn_memory = '1MB';
SELECT outcome($$CALL reco.refresh('codes')$$);
SELECT outcome($$CALL reco.refresh('tags')$$);
RESET reco.learn_memory;
SELECT reco.drop_recommender(r) FROM unnest('{codes,tags}'::text[]) r;

\echo == weights that no system of equations takes, when learning and when serving
CREATE TABLE heavy AS SELECT u, i, CASE WHEN (u + i) % 2 = 0 THEN 1e30 ELSE 1e-30 END AS v FROM generate_series(1, 40) u, generate_series(1, 30) i WHERE (u * 7 + i * 3) % 5 < 2;
CREATE INDEX ON heavy (u);
SELECT reco.create_recommender('heavy', 'heavy', 'u', 'i', value_column => 'v', options => '{"factors": 16, "iterations": 2, "alpha0": 0, "lambda": 1e-30}');
SELECT outcome($$CALL reco.refresh('heavy')$$);
SELECT reco.alter_recommender('heavy', feedback => 'explicit', options => '{"alpha0": null}');
SELECT outcome($$CALL reco.refresh('heavy')$$);
SELECT reco.alter_recommender('heavy', unset => '{feedback}', options => '{"alpha0": 0, "lambda": 1e-10}');
UPDATE heavy SET v = 1 + (u * i) % 3;
SELECT outcome($$CALL reco.refresh('heavy')$$);
UPDATE heavy SET v = 1e30 WHERE u = 3;
SELECT outcome($$SELECT * FROM reco.recommend(3, 3, 'heavy')$$);

\echo == a schema that is older than the library
BEGIN;
ALTER TABLE reco.recommender RENAME TO recommender_now;
CREATE TABLE reco.recommender AS SELECT key, name, owner, created_at, algorithm FROM reco.recommender_now;
SELECT outcome($$SELECT * FROM reco.recommend(1, 3, 'shop')$$);
SELECT outcome($$CALL reco.refresh('shop')$$);
ROLLBACK;
BEGIN;
ALTER TABLE reco.version RENAME TO version_now;
CREATE TABLE reco.version AS SELECT recommender, number, key FROM reco.version_now;
SELECT outcome($$SELECT * FROM reco.recommend(1, 3, 'shop')$$);
ROLLBACK;
SELECT count(*) FROM reco.recommend(1, 3, 'shop');

\echo == a version whose list of chunks is not one
UPDATE reco.version_chunk SET digest = '\x00' WHERE recommender = (SELECT key FROM reco.recommender WHERE name = 'shop');
UPDATE reco.version SET key = gen_random_uuid() WHERE recommender = (SELECT key FROM reco.recommender WHERE name = 'shop');
SELECT regexp_replace(outcome($$SELECT * FROM reco.recommend(1, 3, 'shop')$$), '"[a-z_]+"', '"T"');

SELECT reco.drop_recommender(r) FROM unnest('{shop,heavy}'::text[]) r;
DROP SCHEMA errors CASCADE;
