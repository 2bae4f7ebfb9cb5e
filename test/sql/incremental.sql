-- An incremental refresh goes on from the deployed version: new items get factors, the bytes are the same for any number of
-- workers, and what it cannot go on from is refused with the way out.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA incremental;
SET search_path = incremental, helper;
SET client_min_messages = warning;
\set VERBOSITY default

-- digest() is the fingerprint of all tensors of the newest version.
CREATE FUNCTION digest(name text) RETURNS text
LANGUAGE sql AS $$
	SELECT md5(string_agg(c.tensor || ' ' || c.chunk || ' ' || encode(c.digest, 'hex'), ',' ORDER BY c.tensor COLLATE "C", c.chunk))
	FROM reco.version_chunk c JOIN reco.recommender r ON r.key = c.recommender
	WHERE r.name = digest.name
		AND c.number = (SELECT max(v.number) FROM reco.version v WHERE v.recommender = r.key)
$$;

-- newest() says how the newest version was learned.
CREATE FUNCTION newest(name text) RETURNS text
LANGUAGE sql AS $$
	SELECT format('version %s, %s: %s users, %s items, %s rows; mode %s, from version %s, new items %s, sweeps %s; warm_sweeps %s, iterations %s', version,
		CASE WHEN deployed THEN 'deployed' ELSE 'not deployed' END, n_users, n_items, n_interactions,
		metrics -> 'mode', metrics -> 'from_version', metrics -> 'new_items', metrics -> 'sweeps', options -> 'warm_sweeps', options -> 'iterations')
	FROM reco.models WHERE recommender = name ORDER BY version DESC LIMIT 1
$$;

-- A shop whose customers like one of three kinds of things: 120 customers, 60 things, of which 3 come later.
CREATE TABLE story AS
SELECT u AS customer, i AS thing, i >= 57 AS later
FROM generate_series(0, 119) u, generate_series(0, 59) i
WHERE u % 3 = i % 3 AND hashint8extended(u * 1000 + i, 1) & 3 > 0;
CREATE TABLE bought (customer int NOT NULL, thing int NOT NULL);
INSERT INTO bought SELECT customer, thing FROM story WHERE NOT later;
SELECT reco.create_recommender('shop', 'bought', 'customer', 'thing', options => '{"factors": 8}');

-- Nothing to go on from.
SELECT complaint($$ CALL reco.refresh('shop', 'incremental') $$);
SELECT complaint($$ CALL reco.refresh('shop', 'fresh') $$);
SELECT complaint($$ CALL reco.refresh('shop', NULL) $$);

-- A full one, then new things, which it does not know.
CALL reco.refresh('shop');
SELECT metrics ->> 'mode', metrics ? 'from_version', options ? 'warm_sweeps' FROM reco.models WHERE recommender = 'shop';
INSERT INTO bought SELECT customer, thing FROM story WHERE later;
SELECT reco.score(0, 57) IS NULL AS unknown;

-- The incremental one does, at one sweep, without a choice by held-out rows; and it recommends the new things to whom they suit.
CALL reco.refresh('shop', mode => 'incremental');
SELECT newest('shop');
SELECT metrics ? 'validation' AS validated FROM reco.models WHERE recommender = 'shop' ORDER BY version DESC LIMIT 1;
SELECT thing, count(*) > 0 AS recommended, bool_and(u % 3 = thing % 3) AS to_whom_it_suits
FROM generate_series(0, 119) u, LATERAL (SELECT item_id AS thing FROM reco.recommend(u, 3)) r
WHERE thing >= 57 GROUP BY thing ORDER BY thing;
SELECT bool_and(reco.score(u, thing) > reco.score(u, thing + 1)) AS new_things_suit
FROM generate_series(0, 119, 3) u, (VALUES (57)) t (thing);

-- The same bytes for any number of workers, and again from the same version.
SELECT number AS from_version FROM (SELECT deployed AS number FROM reco.recommender WHERE name = 'shop') d \gset
CREATE TABLE bytes (workers int, digest text);
SET reco.keep_versions = 10;
SET reco.workers = 0;
CALL reco.refresh('shop', 'incremental', options => '{"warm_sweeps": 2}');
INSERT INTO bytes SELECT 0, digest('shop');
SELECT reco.deploy('shop', :from_version);
SET reco.workers = 1;
CALL reco.refresh('shop', 'incremental', options => '{"warm_sweeps": 2}');
INSERT INTO bytes SELECT 1, digest('shop');
SELECT reco.deploy('shop', :from_version);
SET reco.workers = 2;
CALL reco.refresh('shop', 'incremental', options => '{"warm_sweeps": 2}');
INSERT INTO bytes SELECT 2, digest('shop');
RESET reco.workers;
SELECT count(*), count(DISTINCT digest) FROM bytes;
SELECT newest('shop');

-- A full refresh does not depend on what came before.
CALL reco.refresh('shop');
SELECT digest('shop') AS full_digest \gset
CALL reco.refresh('shop', 'incremental');
SELECT digest('shop') <> :'full_digest' AS incremental_differs;
CALL reco.refresh('shop');
SELECT digest('shop') = :'full_digest' AS full_is_the_same;

-- Things that nobody buys any more go, also incrementally.
DELETE FROM bought WHERE thing = 57;
CALL reco.refresh('shop', 'incremental');
SELECT newest('shop');
SELECT reco.score(0, 57) IS NULL AS gone;

-- Other factors, another feedback: refused before anything is read, and the deployed version stays.
SELECT complaint($$ CALL reco.refresh('shop', 'incremental', options => '{"factors": 16}') $$);
SELECT reco.alter_recommender('shop', options => '{"factors": 12}');
SELECT complaint($$ CALL reco.refresh('shop', 'incremental') $$);
CALL reco.refresh('shop');
CALL reco.refresh('shop', 'incremental');
SELECT newest('shop');
ALTER TABLE bought ADD COLUMN stars int NOT NULL DEFAULT 3;
SELECT reco.alter_recommender('shop', feedback => 'explicit', value_column => 'stars');
SELECT complaint($$ CALL reco.refresh('shop', 'incremental') $$);
SELECT complaint($$ CALL reco.refresh('shop', 'incremental', options => '{"warm_sweeps": 0}') $$);
SELECT newest('shop');

-- Explicit feedback goes on with its biases: a whole sweep from a version of two is the third sweep.
UPDATE bought SET stars = 1 + (hashint8extended(customer * 100 + thing, 2) & 3);
CALL reco.refresh('shop', options => '{"iterations": 2}');
SELECT deployed AS two FROM reco.recommender WHERE name = 'shop' \gset
CALL reco.refresh('shop', options => '{"iterations": 3}');
CREATE TABLE third AS SELECT u, i, reco.score(u, i) FROM generate_series(0, 119, 17) u, generate_series(0, 56) i;
SELECT reco.deploy('shop', :two);
CALL reco.refresh('shop', 'incremental', options => '{"warm_step": 1}');
SELECT count(*), max(abs(score - reco.score(u, i))) < 1e-4 AS the_third_sweep FROM third;

-- At step 0 what is known stays as it is, and a score differs by the rounding of a rotation alone.
SELECT reco.deploy('shop', :two);
TRUNCATE third;
INSERT INTO third SELECT u, i, reco.score(u, i) FROM generate_series(0, 119, 17) u, generate_series(0, 56) i;
CALL reco.refresh('shop', 'incremental', options => '{"warm_step": 0}');
SELECT count(*), max(abs(score - reco.score(u, i))) < 1e-4 AS the_same FROM third;

-- text and uuid keys: items are matched by key.
SET reco.default_recommender = 'words';
CREATE TABLE words AS SELECT 'c' || customer AS customer, md5('t' || thing) AS thing, later FROM story;
CREATE TABLE words_now AS SELECT customer, thing FROM words WHERE NOT later;
SELECT reco.create_recommender('words', 'words_now', 'customer', 'thing', options => '{"factors": 8}');
CALL reco.refresh('words', options => '{"iterations": 2}');
SELECT deployed AS two FROM reco.recommender WHERE name = 'words' \gset
CALL reco.refresh('words', options => '{"iterations": 3}');
CREATE TABLE third_words AS SELECT u, i, reco.score('c' || u, md5('t' || i)) FROM generate_series(0, 119, 17) u, generate_series(0, 56) i;
SELECT reco.deploy('words', :two);
CALL reco.refresh('words', 'incremental', options => '{"warm_step": 1}');
SELECT count(*), max(abs(score - reco.score('c' || u, md5('t' || i)))) < 1e-4 AS the_third_sweep FROM third_words;
INSERT INTO words_now SELECT customer, thing FROM words WHERE later;
CALL reco.refresh('words', 'incremental');
SELECT newest('words');
SELECT reco.score('c0'::text, md5('t57')::text) > reco.score('c0'::text, md5('t58')::text) AS suits;

SET reco.default_recommender = 'uuids';
CREATE TABLE uuids AS SELECT customer, md5('t' || thing)::uuid AS thing FROM story WHERE NOT later;
SELECT reco.create_recommender('uuids', 'uuids', 'customer', 'thing', options => '{"factors": 8}');
CALL reco.refresh('uuids');
INSERT INTO uuids SELECT customer, md5('t' || thing)::uuid FROM story WHERE later;
CALL reco.refresh('uuids', 'incremental');
SELECT newest('uuids');
SELECT reco.score(0, md5('t57')::uuid) > reco.score(0, md5('t58')::uuid) AS suits;

-- Memory is stated before learning starts and held to the limit, in both modes.
CREATE TABLE many (customer int NOT NULL, thing int NOT NULL);
INSERT INTO many SELECT g % 5000, g % 7001 FROM generate_series(1, 20000) g;
SELECT reco.create_recommender('many', 'many', 'customer', 'thing', options => '{"factors": 64, "iterations": 1}');
CALL reco.refresh('many');
SET reco.learn_memory = '1MB';
SELECT regexp_replace(complaint($$ CALL reco.refresh('many') $$), 'needs [4-9](\.\d)? MB', 'needs 4 to 9.9 MB');
SELECT regexp_replace(complaint($$ CALL reco.refresh('many', 'incremental') $$), 'needs [4-9](\.\d)? MB', 'needs 4 to 9.9 MB');
INSERT INTO many SELECT * FROM many;
SELECT complaint($$ CALL reco.refresh('many') $$);
RESET reco.learn_memory;
SELECT newest('many');

SET client_min_messages = error;
DROP SCHEMA incremental CASCADE;
SELECT reco.drop_recommender(name) FROM unnest(ARRAY['shop', 'words', 'uuids', 'many']) name;
