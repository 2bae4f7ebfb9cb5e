-- Hostile input: odd names, extreme values, and rows of a version edited by hand.  All of it ends in an answer or in an error
-- that says what to do.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA hostile;
SET search_path = hostile, helper;

-- Names with quotes, line breaks, percent signs and capitals, wherever a name may stand.
CREATE TABLE "o""dd
%s" ("SELECT" int, "it""em;--" int, "ev'ent\" text, "Value%d" float8);
INSERT INTO "o""dd
%s" SELECT u, i, (ARRAY['a''b"', '%s', 'ü', ''])[1 + (u + i) % 4], 1 + (u * i) % 5
FROM generate_series(1, 30) u, generate_series(1, 20) i WHERE (u * 7 + i * 3) % 5 < 2;
CREATE TABLE "Ünïts" ("Order" int PRIMARY KEY, "GROUP" text, "user" bool);
INSERT INTO "Ünïts" SELECT i, '"%s ' || i, i % 2 = 0 FROM generate_series(1, 20) i;
SELECT outcome($$SELECT reco.create_recommender('n''a"m%s', '"o""dd
%s"', 'SELECT', 'it"em;--', event_column => 'ev''ent\', event_weights => '{"a''b\"": 1, "%s": 2, "ü": -1, "": 0.5}',
	value_column => 'Value%d', items => '"Ünïts"', item_key => 'Order', item_label => 'GROUP',
	options => '{"factors": 4, "iterations": 1}')$$);
SELECT outcome($$CALL reco.refresh('n''a"m%s')$$);
SELECT outcome($$SELECT count(*), count(reason) FROM reco.recommend(3::bigint, 5, 'n''a"m%s', filter => '"user" and "Order" < $1::int', filter_args => '{19}')$$);
SELECT outcome($$SELECT count(*) > 0 FROM reco.explain(3::bigint, 4::bigint, 'n''a"m%s')$$);
SELECT outcome($$SELECT count(*) FROM reco.recommend(3::bigint, 5, 'n''a"m%s', filter => '"user"; DROP TABLE "Ünïts"')$$);
SELECT outcome($$SELECT reco.alter_recommender('n''a"m%s', user_column => 'a"
%n')$$);
SELECT outcome($$SELECT reco.alter_recommender('n''a"m%s', unset => '{items,item_key,item_label}')$$);
SELECT outcome($$SELECT count(*) FROM reco.recommend(3::bigint, 5, 'n''a"m%s', filter => 'true')$$);
SELECT reco.drop_recommender('n''a"m%s');

-- A key column whose domain is dropped once the column has another type.
CREATE DOMAIN customer AS int CHECK (value > 0);
CREATE TABLE ordered (u customer, i int);
INSERT INTO ordered SELECT u, i FROM generate_series(1, 20) u, generate_series(1, 10) i WHERE (u + i) % 3 < 2;
SELECT reco.create_recommender('domain', 'ordered', 'u', 'i', options => '{"factors": 4, "iterations": 1}');
CALL reco.refresh('domain');
ALTER TABLE ordered ALTER u TYPE bigint;
DROP DOMAIN customer;
SELECT outcome($$SELECT count(*) FROM reco.recommend(3::bigint, 2, 'domain')$$);
SELECT outcome($$SELECT reco.deploy('domain', 1)$$);
SELECT reco.drop_recommender('domain');

-- A view of items and a filter whose functions ask the same recommender: what the outer call holds stays.
CREATE TABLE bought AS SELECT u, i FROM generate_series(1, 20) u, generate_series(1, 12) i WHERE (u * 3 + i * 5) % 4 < 2;
CREATE TABLE thing AS SELECT i AS id, 'thing ' || i AS title, i * 10 AS price FROM generate_series(1, 12) i;
CREATE FUNCTION asks(label text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	IF current_setting('hostile.depth', true) = '1' THEN RETURN label; END IF;
	PERFORM set_config('hostile.depth', '1', true);
	PERFORM * FROM reco.recommend(7::bigint, 2, 'nested');
	PERFORM set_config('hostile.depth', '0', true);
	RETURN label;
END $$;
CREATE VIEW things AS SELECT id, asks(title) AS title, price FROM thing;
SELECT reco.create_recommender('nested', 'bought', 'u', 'i', items => 'things', item_key => 'id', item_label => 'title', options => '{"factors": 4, "iterations": 1}');
CALL reco.refresh('nested');
SELECT outcome(format($$SELECT count(*), bool_and(reason ~ 'thing ') FROM reco.recommend(%s::bigint, 3, 'nested')$$, u)), outcome(format($$SELECT count(*) > 0 FROM reco.counterfactual(%s::bigint, (SELECT item_id FROM reco.recommend(%s::bigint, 1, 'nested')), 5, 'nested')$$, u, u))
FROM generate_series(1, 5) u;
CREATE FUNCTION asks_much(price int) RETURNS int LANGUAGE plpgsql STABLE AS $$
BEGIN
	PERFORM set_config('hostile.depth', '1', true);
	FOR i IN 1..40 LOOP PERFORM * FROM reco.recommend(7::bigint, 2, 'nested', filter => format('price > %s', i)); END LOOP;
	RETURN price;
END $$;
SELECT outcome(format($$SELECT count(*) FROM reco.recommend(%s::bigint, 3, 'nested', filter => 'price < 0 and price < asks_much(%s)')$$, u, u)) FROM generate_series(1, 3) u;
SELECT reco.drop_recommender('nested');

-- Values at the edge of what floats hold.
CREATE TABLE edge (u int, i int, v float8, day date);
INSERT INTO edge SELECT u, i, 1e-300, CASE WHEN i = 1 THEN 'infinity'::date WHEN i = 2 THEN '5874897-01-01' ELSE date '2024-01-01' + u END
FROM generate_series(1, 20) u, generate_series(1, 10) i WHERE (u + i) % 3 < 2;
SELECT reco.create_recommender('edge', 'edge', 'u', 'i', value_column => 'v', options => '{"factors": 4, "iterations": 1}');
SELECT outcome($$CALL reco.refresh('edge')$$);
UPDATE edge SET v = 1e30;
SELECT outcome($$CALL reco.refresh('edge')$$);
SELECT outcome($$SELECT count(*), bool_and(score between 0 and 2) FROM reco.recommend(3::bigint, 3, 'edge')$$);
-- a weight that learning cannot hold is no row when serving either
UPDATE edge SET v = 1e-300 WHERE u = 3;
SELECT outcome($$SELECT count(*), min(source) FROM reco.recommend(3::bigint, 3, 'edge')$$);
-- dates that no timestamp can hold are skipped like others in the future
SELECT reco.alter_recommender('edge', time_column => 'day', half_life => '1 microsecond', unset => '{value_column}');
SET client_min_messages = warning;
\set VERBOSITY terse
CALL reco.refresh('edge');
\set VERBOSITY default
SET client_min_messages = error;
SELECT outcome($$SELECT count(*) FROM reco.recommend(20::bigint, 3, 'edge')$$);
SELECT reco.drop_recommender('edge');

-- A user whose events all have names of their own is served in time.
CREATE TABLE named (u int, i int, k text);
INSERT INTO named SELECT 1, x % 50, 'event ' || x FROM generate_series(1, 50000) x
UNION ALL SELECT u, i, 'view' FROM generate_series(2, 50) u, generate_series(0, 49) i WHERE (u + i) % 3 = 0;
SELECT reco.create_recommender('named', 'named', 'u', 'i', event_column => 'k', options => '{"factors": 4, "iterations": 1}');
CALL reco.refresh('named');
SET statement_timeout = '20s';
SELECT outcome($$SELECT count(*) FROM reco.recommend(1::bigint, 5, 'named', exclude_seen => false)$$);
RESET statement_timeout;
SELECT reco.drop_recommender('named');

-- A superuser edits a version: values that no learning writes, under digests that are right.
CREATE TABLE seen (u int, i int, t text, x uuid);
INSERT INTO seen SELECT u, i, 'k' || i, md5(i::text)::uuid
FROM generate_series(1, 30) u, generate_series(1, 20) i WHERE (u * 7 + i * 3) % 5 < 2;
SELECT reco.create_recommender('integer', 'seen', 'u', 'i', options => '{"factors": 4, "iterations": 2}');
SELECT reco.create_recommender('text', 'seen', 'u', 't', options => '{"factors": 4, "iterations": 2}');
SELECT reco.create_recommender('uuid', 'seen', 'u', 'x', options => '{"factors": 4, "iterations": 2}');
CALL reco.refresh('integer');
CALL reco.refresh('text');
CALL reco.refresh('uuid');
CREATE VIEW mine AS SELECT key AS recommender FROM reco.recommender WHERE name IN ('integer', 'text', 'uuid');
CREATE TABLE kept_version AS SELECT v.* FROM reco.version v JOIN mine USING (recommender);
CREATE TABLE kept_chunk AS SELECT c.* FROM reco.chunk c JOIN mine USING (recommender);
CREATE TABLE kept_list AS SELECT l.* FROM reco.version_chunk l JOIN mine USING (recommender);

-- restore() puts back what was learned; every version under a new key, so that nothing open or mapped serves it.
CREATE FUNCTION restore() RETURNS void
LANGUAGE sql AS $$
	DELETE FROM reco.version_chunk WHERE recommender IN (TABLE hostile.mine);
	DELETE FROM reco.chunk WHERE recommender IN (TABLE hostile.mine);
	DELETE FROM reco.version WHERE recommender IN (TABLE hostile.mine);
	INSERT INTO reco.version SELECT * FROM hostile.kept_version;
	INSERT INTO reco.chunk SELECT * FROM hostile.kept_chunk;
	INSERT INTO reco.version_chunk SELECT * FROM hostile.kept_list;
	UPDATE reco.version SET key = gen_random_uuid() WHERE recommender IN (TABLE hostile.mine);
$$;
CREATE FUNCTION key_of(text) RETURNS uuid LANGUAGE sql AS 'SELECT key FROM reco.recommender WHERE name = $1';

-- little() reverses bytes; values are sent big-endian and stored little-endian.
CREATE FUNCTION little(bytea) RETURNS bytea LANGUAGE sql AS
'SELECT string_agg(substr($1, i, 1), ''''::bytea ORDER BY i DESC) FROM generate_series(1, length($1)) i';

-- poke() writes a value into an element of a tensor, with its digest.
CREATE FUNCTION poke(of text, tensor_name text, element int, value bytea) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	bytes bytea := (SELECT c.data FROM reco.chunk c JOIN reco.version_chunk l USING (recommender, digest)
		WHERE c.recommender = key_of(of) AND l.tensor = tensor_name);
BEGIN
	bytes := overlay(bytes PLACING little(value) FROM element * length(value) + 1 FOR length(value));
	INSERT INTO reco.chunk VALUES (key_of(of), sha256(bytes), bytes) ON CONFLICT DO NOTHING;
	UPDATE reco.version_chunk SET digest = sha256(bytes) WHERE recommender = key_of(of) AND tensor = tensor_name;
END $$;

-- serve() asks everything of a version; different outcomes once each.
CREATE FUNCTION serve(of text) RETURNS SETOF text
LANGUAGE sql AS $$
	SELECT DISTINCT outcome(q) FROM unnest(ARRAY[
		'SELECT count(*) >= 0 AS served FROM reco.recommend(''3''::text, 5, %1$L)',
		'SELECT count(*) >= 0 FROM reco.recommend(''99''::text, 5, %1$L)',
		'SELECT count(*) >= 0 FROM reco.recommend(''3''::text, 5, %1$L, candidates => ARRAY[%2$L])',
		'SELECT count(*) >= 0 FROM reco.explain(''3''::text, %2$L::text, %1$L)',
		'SELECT num_nulls(reco.score(''3''::text, %2$L::text, %1$L)) < 2',
		'SELECT count(*) >= 0 FROM reco.similar_items(%2$L::text, 5, %1$L)',
		'SELECT num_nulls(reco.item_embedding(%2$L::text, %1$L)) < 2',
		'SELECT num_nulls(reco.user_embedding(''3''::text, %1$L)) < 2']) template,
		format(template, of, CASE of WHEN 'integer' THEN '1' WHEN 'text' THEN 'k1' ELSE md5('1') END) q
	ORDER BY 1
$$;
CREATE FUNCTION poked(of text, tensor text, element int, value bytea) RETURNS SETOF text
LANGUAGE sql AS $$
	SELECT restore();
	SELECT poke(of, tensor, element, value);
	SELECT tensor || '[' || element || ']: ' || s FROM serve(of) s
$$;
CREATE FUNCTION edited(what text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM restore();
	EXECUTE 'UPDATE reco.version SET ' || what || ' WHERE recommender = key_of(''integer'')';
	RETURN QUERY SELECT what || ': ' || s FROM serve('integer') s;
END $$;

SELECT restore();
SELECT serve('integer');
SELECT poked('integer', 'rule', 0, float8send(2));
SELECT poked('integer', 'rule', 1, float8send(-1));
SELECT poked('integer', 'rule', 2, float8send(-5));
SELECT poked('integer', 'rule', 3, float8send(1e300));
SELECT poked('integer', 'rule', 3, float8send('NaN'));
SELECT poked('integer', 'rule', 4, float8send(2));
SELECT poked('integer', 'rule', 4, float8send(77));
SELECT poked('integer', 'popular', 0, int4send(-1));
SELECT poked('integer', 'popular', 0, int4send(20));
SELECT poked('integer', 'popular', 0, int4send(5));
SELECT poked('integer', 'item_key', 0, int8send(9223372036854775807));
SELECT poked('integer', 'item_factor', 0, float4send('NaN'));
SELECT poked('integer', 'item_factor', 0, float4send(3e38));
SELECT poked('integer', 'item_norm', 0, float4send(-1));
SELECT poked('integer', 'rank_order', 0, int4send(20));
SELECT poked('integer', 'rank_order', 0, int4send(-1));
SELECT poked('integer', 'gram_eigenvalue', 3, float8send(-1));
SELECT poked('integer', 'als_parameters', 0, float8send(-1));
SELECT poked('integer', 'als_parameters', 1, float8send(0));
SELECT poked('integer', 'als_parameters', 1, float8send('Infinity'));
SELECT poked('integer', 'als_parameters', 2, float8send(-4));
SELECT poked('integer', 'als_parameters', 3, float8send(1e300));
SELECT poked('integer', 'als_parameters', 5, float8send(0));
SELECT poked('text', 'item_key_offset', 0, int8send(1));
SELECT poked('text', 'item_key_offset', 3, int8send(0));
SELECT poked('text', 'item_key_offset', 3, int8send(9223372036854775807));
SELECT poked('text', 'item_key_offset', 20, int8send(4294967296));
SELECT poked('text', 'item_key_bytes', 50, '\xf0');
SELECT poked('text', 'rule', 4, float8send(1));
SELECT poked('uuid', 'item_key_offset', 3, int8send(49));
SELECT poked('uuid', 'item_key_bytes', 0, '\xff');
-- norms and the copy that ranking reads are derived from the factors; what else they say makes lists wrong, and verify() says so
SELECT restore();
SELECT tensor, chunk, problem FROM reco.verify('integer');
SELECT poke('integer', 'item_norm', 0, float4send(100));
SELECT poke('integer', 'rank_block', 0, float4send(0.001));
SELECT poke('integer', 'rank_mark', 5, int4send(1));
SELECT outcome($$SELECT count(*) FROM reco.recommend(1::bigint, 3, 'integer')$$);
SELECT tensor, chunk, problem FROM reco.verify('integer');
SELECT restore();
SELECT edited('item_type = 0');
SELECT edited('user_type = 999999');
SELECT edited('item_type = ''uuid''');
SELECT edited('algorithm = ''sla''');
SELECT edited('tensors = ''[1, 2]''');
SELECT edited('tensors = jsonb_set(tensors, ''{0,rows}'', ''1e30'')');
SELECT edited('tensors = jsonb_set(tensors, ''{0,rows}'', ''1.5'')');
SELECT edited('tensors = jsonb_set(tensors, ''{1,rows}'', ''1099511627776'')');
SELECT edited('tensors = jsonb_set(jsonb_set(tensors, ''{3,rows}'', ''4''), ''{3,columns}'', ''20'')');
SELECT restore();
SELECT serve(r) FROM unnest(ARRAY['integer', 'text', 'uuid']) r;
SELECT reco.drop_recommender(r) FROM unnest(ARRAY['integer', 'text', 'uuid']) r;
DROP SCHEMA hostile CASCADE;
