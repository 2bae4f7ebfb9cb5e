-- Procedures that change input at random and call every function on it (scripts/fuzz.sh).
CREATE SCHEMA fuzz;
SET search_path = fuzz;
CREATE TABLE goods (id bigint PRIMARY KEY, title text, price float8, in_stock bool);
INSERT INTO goods SELECT i, 'Good ' || i, i, i % 2 = 0 FROM generate_series(1, 40) i;
CREATE TABLE events (user_id bigint, item_id bigint, word text, kind text);
INSERT INTO events SELECT u, i, 'k' || i, (ARRAY['view','buy'])[1 + (u + i) % 2] FROM generate_series(1, 60) u, generate_series(1, 40) i WHERE (u * 7 + i * 3) % 5 < 2;
CREATE INDEX ON events (user_id);
SELECT reco.create_recommender('integer', 'events', 'user_id', 'item_id', event_column => 'kind', event_weights => '{"view": 1, "buy": 3}', items => 'goods', item_key => 'id', item_label => 'title', options => '{"factors": 6, "iterations": 2}');
SELECT reco.create_recommender('word', 'events', 'user_id', 'word', options => '{"factors": 6, "iterations": 2}');
SELECT reco.create_recommender('attributes', 'events', 'user_id', 'item_id', items => 'goods', item_key => 'id', item_label => 'title', item_features => '{title,price,in_stock}',
	options => '{"factors": 6, "iterations": 2, "features": {"title": {"text": true, "dimensions": 3}, "price": {"bands": 3}}}');
SELECT reco.create_recommender('blend', 'events', 'user_id', 'item_id', items => 'goods', item_key => 'id', algorithm => 'blend', options => '{"members": {"als": {"factors": 4}, "itemknn": {}, "popular": {}}}');
CALL reco.refresh('integer');
CALL reco.refresh('word');
CALL reco.refresh('attributes');
CALL reco.refresh('blend');
CREATE TABLE kept_version AS TABLE reco.version;
CREATE TABLE kept_chunk AS TABLE reco.chunk;
CREATE TABLE kept_list AS TABLE reco.version_chunk;
CREATE TABLE outcome (part text, outcome text, n bigint, PRIMARY KEY (part, outcome));
CREATE TABLE failure (part text, input text, call text, outcome text);

-- fuzz.pick() gives one of the elements; fuzz.below() a number from 0 to n - 1
CREATE FUNCTION below(n bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $$ SELECT floor(random() * n)::bigint $$;
CREATE FUNCTION pick(VARIADIC choice text[]) RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT choice[1 + fuzz.below(cardinality(choice))] $$;

-- try() calls something and notes how it ends
CREATE PROCEDURE try(part_of text, input text, call text) LANGUAGE plpgsql AS $$
DECLARE
	started timestamptz := clock_timestamp();
	answer text;
	ended text := 'ok';
BEGIN
	BEGIN
		EXECUTE 'SELECT string_agg(t::text, '' '') FROM (' || call || ') t' INTO answer;
		IF answer ~ '\m(NaN|Infinity)\M' THEN
			ended := 'not finite';
		END IF;
	EXCEPTION WHEN OTHERS THEN
		ended := SQLSTATE;
		answer := SQLERRM;
	END;
	IF ended = 'not finite' OR ended LIKE 'XX%' AND ended <> 'XX001' OR clock_timestamp() > started + interval '10 seconds' THEN
		INSERT INTO fuzz.failure VALUES (part_of, input, call, ended || ': ' || answer || ' after ' || clock_timestamp() - started);
	END IF;
	INSERT INTO fuzz.outcome VALUES (part_of, ended, 1) ON CONFLICT (part, outcome) DO UPDATE SET n = fuzz.outcome.n + 1;
END $$;

-- mutated() changes bytes: some at random, or an aligned number to an extreme one
CREATE FUNCTION mutated(bytes bytea) RETURNS bytea LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	size int := length(bytes);
	width int := (ARRAY[1, 4, 8])[1 + fuzz.below(3)];
	place int;
	value bytea;
BEGIN
	FOR i IN 0 .. fuzz.below(3) LOOP
		CONTINUE WHEN size < width;
		place := fuzz.below(size / width) * width;
		value := CASE fuzz.below(6) WHEN 0 THEN '\x0000000000000000' WHEN 1 THEN '\xffffffffffffffff' WHEN 2 THEN '\xffffffffffffff7f'
			WHEN 3 THEN decode(lpad(to_hex(fuzz.below(4294967296)), 16, '0'), 'hex') WHEN 4 THEN '\x0000807f0000f07f' ELSE substr(bytes, 1 + fuzz.below(size)::int, 8) || '\x0102030405060708' END;
		bytes := overlay(bytes PLACING substr(value, 1, width) FROM place + 1 FOR width);
	END LOOP;
	RETURN bytes;
END $$;

CREATE PROCEDURE tensors(seconds int, seed int) LANGUAGE plpgsql AS $$
DECLARE
	until timestamptz := clock_timestamp() + seconds * interval '1 second';
	chosen record;
	bytes bytea;
	call text;
BEGIN
	PERFORM setseed(1.0 / (1 + seed));
	WHILE clock_timestamp() < until LOOP
		DELETE FROM reco.version_chunk;
		DELETE FROM reco.chunk;
		DELETE FROM reco.version;
		INSERT INTO reco.version SELECT * FROM fuzz.kept_version;
		INSERT INTO reco.chunk SELECT * FROM fuzz.kept_chunk;
		INSERT INTO reco.version_chunk SELECT * FROM fuzz.kept_list;
		UPDATE reco.version SET key = gen_random_uuid();
		SELECT l.*, c.data, r.name INTO chosen FROM reco.version_chunk l JOIN reco.chunk c USING (recommender, digest) JOIN reco.recommender r ON r.key = l.recommender ORDER BY random() LIMIT 1;
		IF fuzz.below(8) = 0 THEN
			UPDATE reco.version SET tensors = jsonb_set(tensors, ARRAY[fuzz.below(jsonb_array_length(tensors))::text, fuzz.pick('rows', 'columns', 'type', 'name')],
				fuzz.pick('-1', '0', '1', '2', '7', '1e30', '"x"', 'null', '4294967296', '40', '41', '"float8"', '"int4"', '"byte"', '[]')::jsonb) WHERE recommender = chosen.recommender;
		ELSE
			bytes := fuzz.mutated(chosen.data);
			INSERT INTO reco.chunk VALUES (chosen.recommender, sha256(bytes), bytes) ON CONFLICT DO NOTHING;
			UPDATE reco.version_chunk SET digest = sha256(bytes) WHERE (recommender, tensor, chunk) = (chosen.recommender, chosen.tensor, chosen.chunk);
		END IF;
		FOREACH call IN ARRAY ARRAY['SELECT * FROM reco.recommend(%1$L::text, 5, %2$L)', 'SELECT * FROM reco.recommend(''7777''::text, 5, %2$L)',
			'SELECT * FROM reco.recommend(%1$L::text, 5, %2$L, candidates => ARRAY[%3$L, ''3''])', 'SELECT * FROM reco.explain(%1$L::text, %3$L::text, %2$L)',
			'SELECT reco.score(%1$L::text, %3$L::text, %2$L)', 'SELECT * FROM reco.similar_items(%3$L::text, 5, %2$L)', 'SELECT * FROM reco.popular_items(5, %2$L)',
			'SELECT reco.item_embedding(%3$L::text, %2$L)', 'SELECT reco.user_embedding(%1$L::text, %2$L)', 'SELECT * FROM reco.recommend_all(%2$L, 3, ARRAY[%1$L, ''5''])',
			'SELECT * FROM reco.counterfactual(%1$L::text, %3$L::text, 3, %2$L)', 'SELECT * FROM reco.verify(%2$L)', 'SELECT * FROM reco.warm(%2$L)']
		LOOP
			CALL fuzz.try('tensors', chosen.name || ' ' || chosen.tensor || ' ' || coalesce(encode(bytes, 'hex'), 'table'),
				format(call, 1 + fuzz.below(60), chosen.name, CASE chosen.name WHEN 'word' THEN 'k' ELSE '' END || 1 + fuzz.below(40)));
		END LOOP;
		COMMIT;
	END LOOP;
	DELETE FROM reco.version_chunk;
	DELETE FROM reco.chunk;
	DELETE FROM reco.version;
	INSERT INTO reco.version SELECT * FROM fuzz.kept_version;
	INSERT INTO reco.chunk SELECT * FROM fuzz.kept_chunk;
	INSERT INTO reco.version_chunk SELECT * FROM fuzz.kept_list;
	UPDATE reco.version SET key = gen_random_uuid();
	COMMIT;
END $$;

-- json() makes a value of some depth out of names and values that mean something, and of others
CREATE FUNCTION json(depth int) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	value jsonb := '{}';
BEGIN
	IF depth = 0 OR fuzz.below(4) = 0 THEN
		RETURN fuzz.pick('1', '0', '-1', '2.5', '1e308', '-1e-320', '99999999999999999999', 'true', 'false', 'null', '""', '"buy"', '"view"', '"x\u20ac\"%s"', '[]', '{}', '[1,2]', '16', '"7"', '7')::jsonb;
	ELSIF fuzz.below(4) = 0 THEN
		SELECT coalesce(jsonb_agg(fuzz.json(depth - 1)), '[]') INTO value FROM generate_series(1, fuzz.below(4));
		RETURN value;
	END IF;
	FOR i IN 0 .. fuzz.below(4) LOOP
		value := value || jsonb_build_object(fuzz.pick('factors', 'iterations', 'alpha0', 'lambda', 'nu', 'dislike', 'seed', 'warm_step', 'max_iterations', 'reason', 'limit', 'k', 'users', 'item', 'event',
			'remove', 'value', 'time', 'amount', 'max_size', 'tests', 'exclude_seen', 'model', 'fraction', 'features', 'neighbours', 'view', 'buy', '', 'faktors'), fuzz.json(depth - 1));
	END LOOP;
	RETURN value;
END $$;

CREATE PROCEDURE options(seconds int, seed int) LANGUAGE plpgsql AS $$
DECLARE
	until timestamptz := clock_timestamp() + seconds * interval '1 second';
	value jsonb;
	call text;
BEGIN
	PERFORM setseed(1.0 / (1 + seed));
	CREATE OR REPLACE FUNCTION fuzz.define(options jsonb, weights jsonb) RETURNS void LANGUAGE plpgsql AS $f$
	BEGIN
		PERFORM reco.create_recommender('defined', 'fuzz.events', 'user_id', 'item_id', event_column => 'kind', event_weights => weights, options => options);
		PERFORM reco.drop_recommender('defined');
	END $f$;
	WHILE clock_timestamp() < until LOOP
		value := fuzz.json(3);
		IF fuzz.below(2) = 0 AND jsonb_typeof(value) = 'object' THEN
			value := jsonb_build_array(value, fuzz.json(2));
		END IF;
		FOREACH call IN ARRAY ARRAY['SELECT * FROM reco.recommend(7::bigint, 3, ''integer'', options => %1$L)', 'SELECT * FROM reco.explain(7::bigint, 8::bigint, ''integer'', options => %1$L)',
			'SELECT * FROM reco.what_if(7::bigint, %1$L, 3, ''integer'')', 'SELECT * FROM reco.counterfactual(7::bigint, 8::bigint, 3, ''integer'', options => %1$L)',
			'SELECT reco.explain_svg(7::bigint, 8::bigint, ''integer'', options => %1$L)', 'SELECT * FROM reco.recommend_all(''integer'', 3, ''{1}''::text[], options => %1$L)',
			'SELECT * FROM reco.reason_accept(''because you like it'', %1$L)', 'SELECT fuzz.define(%1$L, NULL)', 'SELECT fuzz.define(NULL, %1$L)',
			'SELECT * FROM reco.explain_check(7::bigint, 8::bigint, ''integer'', options => %1$L)', 'SELECT * FROM reco.similar_items(8::bigint, 3, ''integer'', options => %1$L)',
			'SELECT * FROM reco.reason_report(''integer'', 3, options => %1$L)']
		LOOP
			CALL fuzz.try('options', value::text, format(call, value));
		END LOOP;
		COMMIT;
	END LOOP;
END $$;

CREATE PROCEDURE filters(seconds int, seed int) LANGUAGE plpgsql AS $body$
DECLARE
	until timestamptz := clock_timestamp() + seconds * interval '1 second';
	filter text;
	place int;
BEGIN
	PERFORM setseed(1.0 / (1 + seed));
	WHILE clock_timestamp() < until LOOP
		SELECT string_agg(fuzz.pick('id', 'price', 'in_stock', 'title', '$1', '$2', '=', '<', 'and', 'or', 'not', '(', ')', '(', ')', '1', '''x''', '::int', '::text', 'is null', 'like', 'in', '+', '/', '0', 'true',
			'exists', 'select', 'from', 'fuzz.goods', ',', ';', '--', '/*', '*/', '$$', '"', '''', 'case when', 'then', 'else', 'end', 'any', 'array[1]', 'count(*)', 'over ()', 'row', '.', 'goods', '*', '[1]', 'collate "C"',
			'between', 'current_user', 'generate_series(1,3)', 'E''\n''', 'ünï', 'limit', 'order by', 'with', 'returning', 'into', 'as'), fuzz.pick(' ', ' ', '', E'\n')) INTO filter
		FROM generate_series(0, fuzz.below(12));
		IF fuzz.below(2) = 0 THEN
			filter := fuzz.pick('in_stock and ', 'id < 20 or ', 'price < $1::numeric and not ', '(') || filter || fuzz.pick('', ')', ' is true');
		END IF;
		IF fuzz.below(4) = 0 THEN
			place := 1 + fuzz.below(length(filter));
			filter := overlay(filter PLACING chr(1 + fuzz.below(300)::int) FROM place FOR 1);
		END IF;
		CALL fuzz.try('filters', filter, format('SELECT * FROM reco.recommend(7::bigint, 3, ''integer'', filter => %L, filter_args => ''{1,abc}'')', filter));
		CALL fuzz.try('filters', filter, format('SELECT * FROM reco.popular_items(3, ''integer'', filter => %L)', filter));
		COMMIT;
	END LOOP;
END $body$;
