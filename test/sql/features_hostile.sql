-- Encoders edited by hand are refused or answer, whichever word of them was changed; types that cast to real[] are vectors; the
-- caller's rights decide what is read.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA features_hostile;
SET search_path = features_hostile;
SET reco.workers = 0;
SET reco.learn_memory = '256MB';

-- A type named vector, as pgvector's, with nothing in common with arrays but a cast to real[].
CREATE TYPE vector AS (numbers real[]);
CREATE FUNCTION numbers_of(vector) RETURNS real[] IMMUTABLE LANGUAGE sql AS 'SELECT ($1).numbers';
CREATE CAST (vector AS real[]) WITH FUNCTION numbers_of(vector);
CREATE DOMAIN price AS numeric CHECK (VALUE > 0);
CREATE TABLE things (id int PRIMARY KEY, colour text, price price, weight float8, authors text, look vector, blurb text, owner name);
INSERT INTO things SELECT i, (ARRAY['red', 'green', 'blue'])[1 + i % 3], i, i, concat_ws(';', 'A. Author', CASE WHEN i % 2 = 0 THEN 'B. Author' END),
	CASE WHEN i % 7 > 0 THEN ROW(ARRAY[i, i % 3, 1])::vector END, 'word' || chr(97 + i % 5) || ' word' || chr(97 + i % 3), CASE WHEN i % 2 = 0 THEN 'alice' ELSE 'bob' END
FROM generate_series(1, 60) i;
CREATE TABLE people (id int PRIMARY KEY, region text);
INSERT INTO people SELECT u, CASE WHEN u < 20 THEN 'north' ELSE 'south' END FROM generate_series(1, 40) u;
CREATE TABLE did (person int, thing int);
INSERT INTO did SELECT u, 1 + (u * 7 + k * k) % 60 FROM generate_series(1, 40) u, generate_series(1, 10) k;
SELECT reco.create_recommender('edited', 'did', 'person', 'thing', items => 'things', item_key => 'id', item_features => '{colour,price,weight,authors,look,blurb}',
	users => 'people', user_key => 'id', user_features => '{region}',
	options => '{"factors": 4, "iterations": 1, "features": {"price": {"bands": 3}, "authors": {"delimiter": ";"}, "blurb": {"text": true, "dimensions": 3}}}');
CALL reco.refresh('edited');
SELECT kind, count(*) FROM reco.features('edited') GROUP BY kind ORDER BY kind;
SELECT attribute, role, level, round(value::numeric, 4) FROM reco.encode('edited', 'item', 7) WHERE attribute IN ('look', 'price', 'authors');
SELECT count(*), round(sum(value ^ 2)::numeric / count(DISTINCT t.id), 3) FROM things t, reco.encode('edited', 'item', t.id) e WHERE attribute = 'look' AND role = 'value';

-- Every word of the encoder in turn becomes something else; each time the version is a new one to every session.
CREATE TABLE kept AS SELECT c.*, l.number FROM reco.chunk c JOIN reco.version_chunk l USING (recommender, digest) JOIN reco.recommender r ON r.key = c.recommender
WHERE r.name = 'edited' AND l.tensor = 'item_encoder';
CREATE FUNCTION poke(word int, value bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	k kept := (SELECT kept FROM kept);
	bytes bytea := overlay(k.data PLACING value FROM word * 8 + 1 FOR 8);
	state text := 'served';
BEGIN
	INSERT INTO reco.chunk VALUES (k.recommender, sha256(bytes), bytes) ON CONFLICT DO NOTHING;
	UPDATE reco.version_chunk SET digest = sha256(bytes) WHERE recommender = k.recommender AND tensor = 'item_encoder';
	UPDATE reco.version SET key = gen_random_uuid() WHERE recommender = k.recommender;
	BEGIN
		PERFORM count(*) FROM reco.features('edited');
		PERFORM count(*) FROM generate_series(1, 10) i, reco.encode('edited', 'item', i);
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE;
	END;
	UPDATE reco.version_chunk SET digest = k.digest WHERE recommender = k.recommender AND tensor = 'item_encoder';
	UPDATE reco.version SET key = gen_random_uuid() WHERE recommender = k.recommender;
	RETURN state;
END $$;
CREATE TABLE poked AS SELECT word, v, poke(word, v) AS state FROM generate_series(0, (SELECT length(data) / 8 - 1 FROM kept)) word,
	(VALUES ('\x0000000000000000'::bytea), ('\xffffffffffffffff'), ('\x0000000001000000'), ('\x000000000000f07f'), ('\x0300000000000000'), ('\xff00ff00ff00ff00')) t(v)
WHERE word < 60 OR word % 7 = 0;
-- XX001: data corrupted; served, with a warning, too where the name of a column or the kind of an attribute was hit.
SELECT state, count(*) FROM poked WHERE state NOT IN ('served', 'XX001') GROUP BY state;
SELECT count(*) FILTER (WHERE state = 'XX001') > 50, count(*) FILTER (WHERE state = 'served') > 50 FROM poked;
SELECT count(*) FROM reco.encode('edited', 'item', 7);
-- Shorter, longer, empty.
CREATE FUNCTION resize(bytes bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	k kept := (SELECT kept FROM kept);
	state text := 'served';
BEGIN
	INSERT INTO reco.chunk VALUES (k.recommender, sha256(bytes), bytes) ON CONFLICT DO NOTHING;
	UPDATE reco.version_chunk SET digest = sha256(bytes) WHERE recommender = k.recommender AND tensor = 'item_encoder';
	UPDATE reco.version SET key = gen_random_uuid(), tensors = (SELECT jsonb_agg(CASE WHEN t ->> 'name' = 'item_encoder' THEN jsonb_set(t, '{rows}', to_jsonb(length(bytes))) ELSE t END ORDER BY n)
		FROM jsonb_array_elements(tensors) WITH ORDINALITY a(t, n)) WHERE recommender = k.recommender;
	BEGIN
		PERFORM count(*) FROM reco.encode('edited', 'item', 7);
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE;
	END;
	RETURN state;
END $$;
SELECT resize(substr(data, 1, length(data) - 8)), resize(data || '\x0000000000000000'), resize('\x00'), resize(substr(data, 1, 16)), resize(data) FROM kept;

-- What the caller may not read is an error, and rows that policies hide are missing.
CREATE ROLE features_reader;
GRANT USAGE ON SCHEMA features_hostile TO features_reader;
GRANT SELECT ON did, things TO features_reader;
GRANT SELECT (id) ON people TO features_reader;
ALTER TABLE things ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON things TO features_reader USING (owner = 'alice');
\set VERBOSITY terse
SET ROLE features_reader;
SELECT i, count(*) FILTER (WHERE role = 'missing'), count(*) FILTER (WHERE role <> 'missing') > 0 FROM generate_series(1, 2) i, reco.encode('edited', 'item', i) GROUP BY i ORDER BY i;
SELECT count(*) FROM reco.encode('edited', 'user', 1);
SELECT count(*) FROM reco.features('edited');
RESET ROLE;
SELECT reco.drop_recommender('edited');
DROP SCHEMA features_hostile CASCADE;
DROP ROLE features_reader;
