-- What is known of users and items is part of the model: cold start on both sides, both views of a score add up, removing is exact, and columns that
-- are not named change nothing.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA attributes;
SET search_path = attributes, reco, helper;

CREATE FUNCTION chance(text) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$SELECT (hashtextextended($1, 7) & 1048575) / 1048576.0$$;
-- A shop whose customers like what their region likes. Customers above 500 have bought nothing, and nobody has bought products above 180.
CREATE TABLE products (id int PRIMARY KEY, title text, brand text, price int, gloss text);
INSERT INTO products SELECT i, 'P' || i, 'brand' || i % 4, 5 + i % 20, 'x' || i FROM generate_series(1, 200) i;
CREATE TABLE customers (id int PRIMARY KEY, region text, age int, gender text);
INSERT INTO customers SELECT u, (ARRAY['north', 'south', 'east', 'west'])[1 + u % 4], 20 + u % 50, (ARRAY['f', 'm'])[1 + u % 2] FROM generate_series(1, 520) u;
CREATE TABLE events (user_id int, product_id int);
INSERT INTO events SELECT u, i FROM generate_series(1, 500) u, generate_series(1, 180) i
WHERE chance(u || ':' || i) < CASE WHEN u % 4 = i % 4 THEN 0.2 ELSE 0.02 END;
CREATE INDEX ON events (user_id);
ANALYZE;
SELECT create_recommender('shop', 'events', 'user_id', 'product_id', items => 'products', item_key => 'id', item_label => 'title', item_features => '{brand, price}',
	users => 'customers', user_key => 'id', user_features => '{region, age}', protected => '{gender}', options => '{"factors": 8}');
SET reco.workers = 0;
CALL refresh('shop');
\echo == the version says what it learned from
SELECT jsonb_object_keys(metrics->'attributes') FROM models WHERE recommender = 'shop';
SELECT n_items FROM models WHERE recommender = 'shop';
SELECT (metrics->'attributes'->'items'->>'explained')::float8 BETWEEN 0.2 AND 1, (metrics->'attributes'->'users'->>'explained')::float8 BETWEEN 0.2 AND 1 FROM models WHERE recommender = 'shop';
\echo == the ladder: history, attributes, popular; score() stays with the model
SELECT DISTINCT source FROM recommend(3, 5);
SELECT DISTINCT source, score IS NULL FROM recommend(510, 5);
SELECT DISTINCT source, score IS NULL FROM recommend(4711, 5);
SELECT r.score = score(510, r.item_id) FROM recommend(510, 1) r;
SELECT DISTINCT source FROM recommend_all('shop', 1, users_query => 'SELECT id FROM attributes.customers WHERE id > 500');
SELECT count(*) FROM (SELECT user_id::int, item_id::int, score FROM recommend_all('shop', 3, users_query => 'SELECT id FROM attributes.customers') EXCEPT
	SELECT c.id, r.item_id::int, r.score FROM customers c, recommend(c.id::bigint, 3) r) x;
\echo == a customer who has bought nothing is given what the region buys
SELECT count(*) FILTER (WHERE r.item_id % 4 = c.id % 4) > 0.9 * count(*) FROM customers c, recommend(c.id::bigint, 10) r WHERE c.id > 500;
\echo == products that nobody has bought rank by their brand among each other
SELECT bool_and(r.item_id % 4 = c.id % 4) FROM customers c, recommend(c.id::bigint, 3, candidates => (SELECT array_agg(id::bigint) FROM products WHERE id > 180)) r WHERE c.id > 480 AND c.id <= 500;
\echo == what nobody has bought is not popular, and has similar items
SELECT count(*) FROM popular_items(200);
SELECT count(*), bool_and(item_id % 4 = 185 % 4) FROM similar_items(185, 5);

\echo == places that are kept for what nobody has bought: the best of it, in the order of scores
SELECT count(*), count(*) FILTER (WHERE item_id > 180), bool_and(item_id <= 180 OR item_id % 4 = 3), bool_and(ordered) FROM (SELECT item_id, score <= lag(score, 1, 'infinity') OVER (ORDER BY rank) AS ordered
	FROM recommend(3, 10, options => '{"new_items": 2}')) r;
SELECT count(*), count(*) FILTER (WHERE item_id > 180) FROM recommend(3, 4, options => '{"new_items": 9}');
SELECT count(*) FROM recommend(3, 10, filter => 'id > 195', options => '{"new_items": 2}');
SELECT count(*) FILTER (WHERE item_id > 180) FROM recommend(4711, 10, options => '{"new_items": 2}');

\echo == both views of a score add up to it
SELECT max(abs(s - score(u, i)) / scale) < 1e-9 FROM generate_series(1, 520, 37) u, generate_series(1, 200, 13) i,
	LATERAL (SELECT sum(contribution) AS s, sum(abs(contribution)) AS scale FROM explain(u::bigint, i::bigint)) e;
SELECT max(abs(s - score(u, i)) / scale) < 1e-9 FROM generate_series(1, 520, 37) u, generate_series(1, 200, 13) i,
	LATERAL (SELECT sum(contribution) AS s, sum(abs(contribution)) AS scale FROM explain(u::bigint, i::bigint, view => 'attributes')) e;
SELECT max(sum_residual) < 1e-9, max(removal_residual) < 1e-9 FROM generate_series(1, 520, 37) u, generate_series(1, 200, 13) i, explain_check(u::bigint, i::bigint);
SELECT kind, evidence_label, removal_effect = contribution, details FROM explain(510, 7) ORDER BY kind, evidence_label;
SELECT kind, evidence_label, removal_effect IS NULL, reason FROM explain(3, 7, view => 'attributes') ORDER BY kind, evidence_label;
\echo == of a product that nobody has bought attributes account for all
SELECT abs(contribution) < 1e-6 FROM explain(3, 190, view => 'attributes') WHERE kind = 'item';
SELECT complaint($$SELECT explain(3, 7, view => 'colours')$$);

\echo == removing events is what removal effects say, down to none
BEGIN;
CREATE TEMP TABLE stated AS SELECT evidence_id, removal_effect, score(6, 7) AS score FROM explain(6, 7) WHERE kind = 'history';
DELETE FROM events WHERE user_id = 6 AND product_id = (SELECT min(evidence_id) FROM stated);
SELECT abs(removal_effect - (score - score(6, 7))) < 1e-9 FROM stated ORDER BY evidence_id LIMIT 1;
DELETE FROM events WHERE user_id = 6 AND product_id <> (SELECT max(evidence_id) FROM stated);
CREATE TEMP TABLE last AS SELECT removal_effect, score(6, 7) AS score FROM explain(6, 7) WHERE kind = 'history';
DELETE FROM events WHERE user_id = 6;
SELECT count(*), bool_and(abs(removal_effect - (score - score(6, 7))) < 1e-9) FROM last;
SELECT DISTINCT source FROM recommend(6, 2);
ROLLBACK;

\echo == columns that are protected or not named change nothing, nor does the number of workers
CREATE TABLE before AS SELECT u, r.* FROM generate_series(1, 520, 11) u, recommend(u::bigint, 5) r;
CREATE TABLE bytes AS SELECT tensor, chunk, digest FROM version_chunk c JOIN recommender r ON r.key = c.recommender AND r.deployed = c.number WHERE r.name = 'shop';
UPDATE customers SET gender = (ARRAY['m', 'f', 'x'])[1 + id % 3];
UPDATE products SET gloss = 'y' || id % 7;
SET reco.workers = 2;
CALL refresh('shop');
SELECT count(*) FROM ((TABLE before) EXCEPT (SELECT u, r.* FROM generate_series(1, 520, 11) u, recommend(u::bigint, 5) r)) x;
SELECT (SELECT count(*) FROM bytes) > 15, count(*) FROM (TABLE bytes EXCEPT SELECT tensor, chunk, digest FROM version_chunk c JOIN recommender r
	ON r.key = c.recommender AND r.deployed = c.number WHERE r.name = 'shop') x;
RESET reco.workers;

\echo == a caller who may not read what is known of users is served without it
CREATE ROLE attributes_reader;
GRANT USAGE ON SCHEMA attributes, reco TO attributes_reader;
GRANT SELECT ON events TO attributes_reader;
GRANT SELECT (id, title) ON products TO attributes_reader;
SET ROLE attributes_reader;
SELECT DISTINCT source FROM recommend(510, 5, 'shop');
SELECT kind, reason FROM explain(3, 7, 'shop', view => 'attributes') ORDER BY kind;
RESET ROLE;

\echo == an incremental refresh goes on from it, and knows products that are new
INSERT INTO products SELECT i, 'P' || i, 'brand' || i % 4, 5 + i % 20, NULL FROM generate_series(201, 210) i;
INSERT INTO events SELECT u, 185 FROM generate_series(1, 500, 4) u;
CALL refresh('shop', 'incremental');
SELECT n_items, metrics->'new_items' FROM models WHERE recommender = 'shop' AND deployed;
SELECT max(sum_residual) < 1e-9, max(removal_residual) < 1e-9 FROM generate_series(1, 520, 37) u, generate_series(5, 210, 41) i, explain_check(u::bigint, i::bigint);
SELECT bool_and(r.item_id % 4 = c.id % 4) FROM customers c, recommend(c.id::bigint, 2, candidates => (SELECT array_agg(id::bigint) FROM products WHERE id > 200)) r WHERE c.id > 480 AND c.id <= 500;

\echo == attributes can be left alone
CALL refresh('shop', options => '{"attributes": false}');
SELECT n_items, metrics->'attributes' FROM models WHERE recommender = 'shop' AND deployed;
SELECT DISTINCT source FROM recommend(510, 5);
SELECT complaint($$SELECT explain(3, 7, view => 'attributes')$$);

\echo == what says nothing of taste draws users half the way only; views add up and removing is exact; an option or the version gone on from says otherwise
ALTER TABLE customers ADD hair text;
UPDATE customers SET hair = 'h' || floor(4 * chance('hair' || id));
SELECT create_recommender('hair', 'events', 'user_id', 'product_id', users => 'customers', user_key => 'id', user_features => '{hair}', options => '{"factors": 8}');
CALL refresh('hair');
SELECT options->'user_pull', options->'user_ridge' FROM models WHERE recommender = 'hair' AND deployed;
SELECT max(sum_residual) < 1e-9, max(removal_residual) < 1e-9 FROM generate_series(1, 520, 37) u, generate_series(1, 180, 13) i, explain_check(u::bigint, i::bigint, 'hair');
SELECT bool_and(r.score = score(c.id, r.item_id, 'hair')) FROM customers c, recommend(c.id::bigint, 3, 'hair') r WHERE c.id > 510;
CALL refresh('hair', options => '{"user_pull": 0.25, "iterations": 2}');
SELECT options->'user_pull' FROM models WHERE recommender = 'hair' AND deployed;
CALL refresh('hair', 'incremental');
SELECT options->'user_pull' FROM models WHERE recommender = 'hair' AND deployed;
SELECT complaint($$CALL refresh('hair', options => '{"user_pull": 0}')$$);
\echo == with four events each, and regions that decide what is liked, users are drawn all the way
CREATE TABLE guests AS SELECT u AS id, 'region' || u % 10 AS region FROM generate_series(1, 1500) u;
CREATE TABLE few AS SELECT u, i FROM generate_series(1, 1500) u, generate_series(1, 200) i WHERE chance('f' || u || ':' || i) < CASE WHEN u % 10 = i % 10 THEN 0.15 ELSE 0.005 END;
SELECT create_recommender('few', 'few', 'u', 'i', users => 'guests', user_key => 'id', user_features => '{region}', options => '{"factors": 16}');
CALL refresh('few');
SELECT options->'user_pull' FROM models WHERE recommender = 'few' AND deployed;
SELECT drop_recommender('hair'), drop_recommender('few');

\echo == a planted model: attributes decide what is liked, and predicted scores of items held out follow what was planted
CREATE TABLE goods AS SELECT i AS id, 'shape' || i % 5 AS shape, 'colour' || i / 5 % 3 AS colour FROM generate_series(0, 199) i;
CREATE TABLE planted AS SELECT u, i, chance('a' || u || ':' || i % 5) + chance('b' || u || ':' || i / 5 % 3) + chance('c' || i % 5) AS p
FROM generate_series(1, 400) u, generate_series(0, 199) i;
CREATE TABLE marks AS SELECT u, i, p + 0.5 * (chance('n' || u || ':' || i) - 0.5) AS mark FROM planted WHERE i % 10 <> 9 AND chance('s' || u || ':' || i) < 0.3;
SELECT create_recommender('planted', 'marks', 'u', 'i', value_column => 'mark', feedback => 'explicit', items => 'goods', item_key => 'id', item_features => '{shape, colour}', options => '{"factors": 16}');
CALL refresh('planted');
SELECT corr(score(u, i, 'planted'), p) >= 0.95 FROM planted WHERE i % 10 = 9 AND u % 10 = 3;
SELECT drop_recommender('planted');

\echo == explicit feedback: a rating is expected of whom only attributes are known
CREATE TABLE ratings AS SELECT user_id, product_id, CASE WHEN user_id % 4 = product_id % 4 THEN 5 ELSE 2 END AS stars FROM events;
SELECT create_recommender('stars', 'ratings', 'user_id', 'product_id', value_column => 'stars', feedback => 'explicit', items => 'products', item_key => 'id', item_label => 'title',
	item_features => '{brand}', users => 'customers', user_key => 'id', user_features => '{region}', options => '{"factors": 8}');
CALL refresh('stars');
SELECT max(sum_residual) < 1e-9, max(removal_residual) < 1e-9 FROM generate_series(1, 520, 37) u, generate_series(1, 200, 13) i, explain_check(u::bigint, i::bigint, 'stars');
SELECT max(abs(s - score(u, i, 'stars')) / scale) < 1e-9 FROM generate_series(1, 520, 37) u, generate_series(1, 200, 13) i,
	LATERAL (SELECT sum(contribution) AS s, sum(abs(contribution)) AS scale FROM explain(u::bigint, i::bigint, 'stars', view => 'attributes')) e;
-- the mean of all ratings, and how the user rates beside it, are rows of their own; who has rated nothing has none of the second
SELECT u, lang, kind, reason, evidence_id IS NULL, removal_effect IS NULL, abs(contribution - (SELECT avg(stars) FROM ratings)) < 0.01 AS mean
FROM unnest('{3,520}'::int[]) u, unnest('{en,zh}'::text[]) lang, LATERAL explain(u::bigint, 7, 'stars', view => 'attributes', lang => lang) WHERE kind IN ('average', 'history') ORDER BY u, lang, kind;
SELECT avg(score(u, i, 'stars')) FILTER (WHERE u % 4 = i % 4) > avg(score(u, i, 'stars')) FILTER (WHERE u % 4 <> i % 4) + 1 FROM generate_series(501, 508) u, generate_series(1, 8) i;

SELECT drop_recommender('shop'), drop_recommender('stars');
DROP OWNED BY attributes_reader;
DROP ROLE attributes_reader;
DROP SCHEMA attributes CASCADE;
