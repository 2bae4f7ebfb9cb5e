-- Versions of every kind of model edited by hand: each tensor in turn gets values and shapes that no learning writes, under digests
-- that are right. Every call then answers with finite scores, or says that the data are corrupted (XX001) or a score is out of range (22003).
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA hostile_models;
SET search_path = hostile_models;
SET reco.workers = 0;

CREATE TABLE goods (id int PRIMARY KEY, colour text);
INSERT INTO goods SELECT i, (ARRAY['red', 'green', 'blue'])[1 + i % 3] FROM generate_series(1, 24) i;
CREATE TABLE people (id int PRIMARY KEY, region text);
INSERT INTO people SELECT u, CASE WHEN u % 2 = 0 THEN 'north' ELSE 'south' END FROM generate_series(1, 80) u;
CREATE TABLE events (u int, i int, stars float8, at timestamptz);
INSERT INTO events SELECT u, i, 1 + (u + i) % 5, timestamptz '2024-01-01 00:00+00' + (u + i) * interval '1 day'
FROM generate_series(1, 80) u, generate_series(1, 20) i WHERE (u * 7 + i * 3) % 5 < 2;
CREATE INDEX ON events (u);
SELECT count(reco.create_recommender(a, 'events', 'u', 'i', time_column => 'at', algorithm => a, options => o::jsonb))
FROM (VALUES ('itemknn', '{"neighbours": 8}'), ('ease', '{}'), ('popular', '{}'),
	('blend', '{"members": {"als": {"factors": 4, "iterations": 1}, "itemknn": {}}}')) t(a, o);
SELECT reco.create_recommender('attributes', 'events', 'u', 'i', items => 'goods', item_key => 'id', item_features => '{colour}', users => 'people', user_key => 'id',
	user_features => '{region}', options => '{"factors": 4, "iterations": 1, "calibrate": true}');
SELECT reco.create_recommender('ratings', 'events', 'u', 'i', value_column => 'stars', feedback => 'explicit', options => '{"factors": 4, "iterations": 1}');
CREATE PROCEDURE refresh_all() LANGUAGE plpgsql AS $$
DECLARE
	name text;
BEGIN
	FOR name IN SELECT r.name FROM reco.recommender r WHERE r.interactions::oid = 'hostile_models.events'::regclass ORDER BY 1 LOOP
		CALL reco.refresh(name);
	END LOOP;
END $$;
CALL refresh_all();

CREATE TABLE kept AS SELECT r.name, l.tensor, c.recommender, c.digest, c.data, t ->> 'type' AS type, (t ->> 'rows')::bigint AS n_rows, (t ->> 'columns')::bigint AS n_columns
FROM reco.recommender r JOIN reco.version_chunk l ON l.recommender = r.key JOIN reco.chunk c USING (recommender, digest)
	JOIN reco.version v ON v.recommender = r.key, jsonb_array_elements(v.tensors) t WHERE t ->> 'name' = l.tensor AND r.interactions::oid = 'hostile_models.events'::regclass;
CREATE TABLE kept_tensors AS SELECT v.recommender, v.tensors FROM reco.version v WHERE v.recommender IN (SELECT k.recommender FROM kept k);
CREATE FUNCTION little(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT string_agg(substr($1, i, 1), ''''::bytea ORDER BY i DESC) FROM generate_series(1, length($1)) i';

-- serve() asks everything of a recommender: the ways in which calls ended.
CREATE FUNCTION serve(of text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	call text;
	state text;
	message text;
	hint text;
	finite boolean;
	found text[] := '{}';
BEGIN
	FOREACH call IN ARRAY ARRAY['SELECT bool_and(score BETWEEN -1e308 AND 1e308) FROM reco.recommend(3, 5, %1$L)', 'SELECT bool_and(score BETWEEN -1e308 AND 1e308) FROM reco.recommend(9999, 5, %1$L)',
		'SELECT bool_and(score BETWEEN -1e308 AND 1e308) FROM reco.recommend(3, 5, %1$L, exclude_seen => false, candidates => ARRAY[1, 7, 20])',
		'SELECT bool_and(score BETWEEN -1e308 AND 1e308) FROM reco.recommend_all(%1$L, 3, users => ARRAY[''3'', ''4''])',
		'SELECT bool_and(contribution BETWEEN -1e308 AND 1e308) FROM reco.explain(3, 7, %1$L)', 'SELECT bool_and(score BETWEEN -1e308 AND 1e308) FROM reco.explain_check(3, 7, %1$L)',
		'SELECT bool_and(score BETWEEN -1e308 AND 1e308) FROM reco.what_if(3, ''[{"item": 3, "remove": true}]'', 3, %1$L)', 'SELECT count(*) >= 0 FROM reco.counterfactual(3, 7, 3, %1$L)',
		'SELECT coalesce(reco.score(3, 7, %1$L), 0) BETWEEN -1e308 AND 1e308', 'SELECT coalesce(reco.probability(3, 7, %1$L), 0) BETWEEN -1e308 AND 1e308',
		'SELECT bool_and(score BETWEEN -1e308 AND 1e308) FROM reco.similar_items(7, 5, %1$L)', 'SELECT count(*) >= 0 FROM reco.popular_items(5, %1$L)',
		'SELECT count(*) >= 0 FROM reco.popular_items(NULL::bigint, 5, %1$L)', 'SELECT num_nulls(reco.item_embedding(7, %1$L)) < 2', 'SELECT num_nulls(reco.user_embedding(3, %1$L)) < 2'] LOOP
		BEGIN
			EXECUTE format(call, of) INTO finite;
			state := CASE WHEN finite IS FALSE THEN 'not finite: ' || call ELSE 'answered' END;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
			-- not every model has embeddings, contributions or probabilities
			state := CASE WHEN state IN ('XX001', '22003') THEN state || ' ' || message || CASE WHEN hint = '' THEN ' WITHOUT A HINT' ELSE '' END
				WHEN state IN ('0A000', '55000') THEN 'answered' ELSE call || ': ' || state || ' ' || message END;
		END;
		IF state <> ALL (found) THEN
			found := found || state;
		END IF;
	END LOOP;
	RETURN array_to_string(ARRAY(SELECT x FROM unnest(found) x ORDER BY x), '; ');
END $$;

-- with_bytes() serves from a tensor of other bytes and other numbers of rows and columns, and undoes it.
CREATE FUNCTION with_bytes(of kept, bytes bytea, n_rows bigint, n_columns bigint, type text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	outcome text;
BEGIN
	INSERT INTO reco.chunk VALUES (of.recommender, sha256(bytes), bytes) ON CONFLICT DO NOTHING;
	UPDATE reco.version_chunk SET digest = sha256(bytes) WHERE recommender = of.recommender AND tensor = of.tensor;
	UPDATE reco.version SET key = gen_random_uuid(), tensors = (SELECT jsonb_agg(CASE WHEN t ->> 'name' = of.tensor
		THEN t || jsonb_build_object('rows', n_rows, 'columns', n_columns, 'type', type) ELSE t END ORDER BY n) FROM jsonb_array_elements(tensors) WITH ORDINALITY a(t, n))
	WHERE recommender = of.recommender;
	outcome := serve(of.name);
	UPDATE reco.version_chunk SET digest = of.digest WHERE recommender = of.recommender AND tensor = of.tensor;
	UPDATE reco.version v SET key = gen_random_uuid(), tensors = k.tensors FROM kept_tensors k WHERE v.recommender = of.recommender AND k.recommender = v.recommender;
	RETURN outcome;
END $$;

-- values() are those that are written into a tensor of a type.
CREATE FUNCTION hostile_values(type text) RETURNS SETOF bytea LANGUAGE sql AS $$
	SELECT float4send(x) FROM unnest('{-1,3e38,NaN}'::real[]) x WHERE type = 'float4'
	UNION ALL SELECT float8send(x) FROM unnest('{-1,1e-320,1e300,Infinity}'::float8[]) x WHERE type = 'float8'
	UNION ALL SELECT int4send(x) FROM unnest('{-1,0,24,2147483647}'::int[]) x WHERE type = 'int4'
	UNION ALL SELECT int8send(x) FROM unnest('{-1,0,1000000,9223372036854775807}'::bigint[]) x WHERE type = 'int8'
	UNION ALL SELECT x FROM unnest('{"\\x00","\\xff"}'::bytea[]) x WHERE type = 'byte'
$$;
CREATE TABLE tried (name text, tensor text, change text, outcome text);
-- the last element, and all of them at once
INSERT INTO tried SELECT k.name, k.tensor, format('[%s] = %s', place, v), with_bytes(k, overlay(k.data PLACING little(v) FROM (place * length(v))::int + 1), k.n_rows, k.n_columns, k.type)
FROM kept k, hostile_values(k.type) v, LATERAL (SELECT k.n_rows * k.n_columns - 1 AS place) p WHERE k.n_rows * k.n_columns > 0;
INSERT INTO tried SELECT k.name, k.tensor, format('all = %s', v), with_bytes(k, (SELECT string_agg(x, '') FROM (SELECT little(v) AS x FROM generate_series(1, k.n_rows * k.n_columns)) s), k.n_rows, k.n_columns, k.type)
FROM kept k, hostile_values(k.type) v WHERE k.n_rows * k.n_columns > 0;
-- other shapes: a row less, a row more, nothing, rows and columns changed for each other, another type of the same width
INSERT INTO tried SELECT k.name, k.tensor, 'a row less', with_bytes(k, substr(k.data, 1, (length(k.data) - length(k.data) / k.n_rows)::int), k.n_rows - 1, k.n_columns, k.type) FROM kept k WHERE k.n_rows > 0;
INSERT INTO tried SELECT k.name, k.tensor, 'a row more', with_bytes(k, k.data || substr(k.data, 1, (length(k.data) / k.n_rows)::int), k.n_rows + 1, k.n_columns, k.type) FROM kept k WHERE k.n_rows > 0;
INSERT INTO tried SELECT k.name, k.tensor, 'turned', with_bytes(k, k.data, k.n_columns, k.n_rows, k.type) FROM kept k WHERE k.n_rows <> k.n_columns;
INSERT INTO tried SELECT k.name, k.tensor, 'other type', with_bytes(k, k.data, k.n_rows, k.n_columns, CASE k.type WHEN 'float4' THEN 'int4' WHEN 'int4' THEN 'float4' WHEN 'float8' THEN 'int8' ELSE 'float8' END)
FROM kept k WHERE k.type <> 'byte';

\echo == what is neither an answer nor one of the two errors
SELECT * FROM tried WHERE EXISTS (SELECT FROM unnest(string_to_array(outcome, '; ')) o WHERE o <> 'answered' AND o !~ '^(XX001|22003) [^;]+$' OR o ~ 'WITHOUT A HINT') ORDER BY 1, 2, 3 LIMIT 20;
\echo == tensors of which nothing was refused, of those that have values which could be wrong
SELECT tensor, bool_or(outcome ~ 'XX001') FROM tried GROUP BY tensor HAVING NOT bool_or(outcome ~ 'XX001') ORDER BY 1;
\echo == the different messages
SELECT DISTINCT regexp_replace(regexp_replace(regexp_replace(o, '(chunk|of) -?[0-9]+', '\1 N'), 'recommender "[a-z0-9]+", version 1', 'a recommender'), '"[a-z_.]+"', '"T"') FROM tried, unnest(string_to_array(outcome, '; ')) o WHERE o <> 'answered' ORDER BY 1;
\echo == as they were, they serve
SELECT k.name, serve(k.name) FROM (SELECT DISTINCT kept.name FROM kept) k ORDER BY 1;
SELECT count(reco.drop_recommender(k.name)) FROM (SELECT DISTINCT kept.name FROM kept) k;
DROP SCHEMA hostile_models CASCADE;
