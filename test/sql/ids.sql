-- Users and items may be of any two types of key, and every overload answers in the type it was called with.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA ids;
SET search_path = ids, reco, helper;

-- An id in each type: bigint 5, uuid 00000000-0000-0000-0000-000000000005, text 5.
CREATE FUNCTION as_id(n int, type text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN type = 'uuid' THEN '00000000-0000-0000-0000-' || lpad(n::text, 12, '0') ELSE n::text END
$$;
CREATE TABLE pairs AS SELECT u, (u - 1) / 10 * 10 + i AS i FROM generate_series(1, 20) u, generate_series(1, 10) i WHERE (u + i) % 3 <> 0;
CREATE FUNCTION define(users text, items text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	name text := format('ids_%s_%s', users, items);
BEGIN
	EXECUTE format('CREATE TABLE %1$I AS SELECT as_id(u, %2$L)::%2$s AS user_id, as_id(i, %3$L)::%3$s AS item_id FROM pairs', name, users, items);
	EXECUTE format('CREATE INDEX ON %I (user_id)', name);
	EXECUTE format('CREATE TABLE %1$I AS SELECT DISTINCT as_id(i, %2$L)::%2$s AS id, ''Item '' || i AS title FROM pairs', name || '_items', items);
	EXECUTE format('ALTER TABLE %I ADD PRIMARY KEY (id)', name || '_items');
	PERFORM create_recommender(name, name::regclass, 'user_id', 'item_id',
		items => (name || '_items')::regclass, item_key => 'id', item_label => 'title');
	CALL refresh(name, options => '{"factors": 4, "iterations": 5}');
END $$;
SELECT define(users, items) FROM unnest('{bigint,uuid,text,smallint,int,varchar}'::text[]) users, unnest('{bigint,uuid,text,smallint,int,varchar}'::text[]) items
WHERE users IN ('bigint', 'uuid', 'text') AND items IN ('bigint', 'uuid', 'text') OR users IN ('smallint', 'int', 'varchar') AND items = 'int'
	OR users = 'int' AND items IN ('text', 'smallint', 'varchar');

-- answer() makes every call that one pair of argument types allows, and gives what came back.
CREATE FUNCTION answer(name text, u text, i text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	users text := split_part(u, '::', 2);
	items text := split_part(i, '::', 2);
	call text;
	line text;
BEGIN
	FOREACH call IN ARRAY ARRAY[
		format('SELECT format(''recommend %%s %%s'', pg_typeof((array_agg(item_id))[1]), count(*)) FROM recommend(%s, %s 3, recommender => %L, exclude_seen => false)',
			u, CASE WHEN users <> items THEN 'NULL::' || items || ',' END, name),
		format('SELECT format(''itself %%s'', string_agg(item_id::text, '','')) FROM recommend(%s, %s 3, recommender => %L, exclude_seen => false, candidates => ARRAY[%s])',
			u, CASE WHEN users <> items THEN 'NULL::' || items || ',' END, name, i),
		format('SELECT format(''score %%s'', score(%s, %s, %L) > 0)', u, i, name),
		format('SELECT format(''explain %%s %%s'', pg_typeof((array_agg(evidence_id))[1]), bool_and(reason ~ ''^“Item \d+” in your history$'')) FROM explain(%s, %s, %L)', u, i, name)]
	LOOP
		EXECUTE call INTO line;
		RETURN NEXT line;
	END LOOP;
END $$;
CREATE FUNCTION sole(name text, i text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	items text := split_part(i, '::', 2);
	call text;
	line text;
BEGIN
	FOREACH call IN ARRAY ARRAY[
		format('SELECT format(''similar %%s %%s'', pg_typeof((array_agg(item_id))[1]), count(*)) FROM similar_items(%s, 3, %L)', i, name),
		format('SELECT format(''popular %%s %%s'', pg_typeof((array_agg(item_id))[1]), count(*)) FROM popular_items(NULL::%s, 3, %L)', items, name),
		format('SELECT format(''embedding %%s'', array_length(item_embedding(%s, %L), 1))', i, name)]
	LOOP
		EXECUTE call INTO line;
		RETURN NEXT line;
	END LOOP;
END $$;

\echo == the nine pairs, each called in its own types and as text
SELECT users || ' ' || items, array_agg(line ORDER BY ord)
FROM unnest('{bigint,uuid,text}'::text[]) users, unnest('{bigint,uuid,text}'::text[]) items,
	LATERAL answer(format('ids_%s_%s', users, items), format('%L::%s', as_id(3, users), users), format('%L::%s', as_id(5, items), items)) WITH ORDINALITY l (line, ord)
GROUP BY users, items ORDER BY users, items;
SELECT users || ' ' || items, array_agg(line ORDER BY ord)
FROM unnest('{bigint,uuid,text}'::text[]) users, unnest('{bigint,uuid,text}'::text[]) items,
	LATERAL answer(format('ids_%s_%s', users, items), format('%L::text', as_id(3, users)), format('%L::text', as_id(5, items))) WITH ORDINALITY l (line, ord)
GROUP BY users, items ORDER BY users, items;
SELECT items, array_agg(line ORDER BY ord)
FROM unnest('{bigint,uuid,text}'::text[]) items, LATERAL sole('ids_bigint_' || items, format('%L::%s', as_id(5, items), items)) WITH ORDINALITY l (line, ord)
GROUP BY items ORDER BY items;
SELECT items, array_agg(line ORDER BY ord)
FROM unnest('{bigint,uuid,text}'::text[]) items, LATERAL sole('ids_bigint_' || items, format('%L::text', as_id(5, items))) WITH ORDINALITY l (line, ord)
GROUP BY items ORDER BY items;
SELECT users, array_length(CASE users WHEN 'bigint' THEN user_embedding(3, 'ids_bigint_text')
	WHEN 'uuid' THEN user_embedding(as_id(3, 'uuid')::uuid, 'ids_uuid_text') ELSE user_embedding('3', 'ids_text_text') END, 1)
FROM unnest('{bigint,uuid,text}'::text[]) users;

\echo == smaller and other column types
SELECT pair, array_agg(line ORDER BY ord)
FROM unnest('{smallint_int,int_int,int_smallint,varchar_int}'::text[]) pair,
	LATERAL answer('ids_' || pair, CASE pair WHEN 'varchar_int' THEN '''3''::text' ELSE '3::bigint' END, '5::bigint') WITH ORDINALITY l (line, ord)
GROUP BY pair ORDER BY pair;
SELECT array_agg(line ORDER BY ord) FROM answer('ids_int_varchar', '3::bigint', '''5''::text') WITH ORDINALITY l (line, ord);

\echo == the plainest calls
SET reco.default_recommender = 'ids_int_int';
SELECT count(*) FROM (SELECT recommend(3)) r;
SELECT count(*), pg_typeof(min(item_id)) FROM recommend(3);
SELECT count(*), pg_typeof(min(item_id)) FROM recommend('3');
SELECT count(*) FROM recommend(3::smallint, 5);
SELECT score(3, 5) > 0, score('3', '5') = score(3, 5), score(3, '5') = score(3, 5);
SELECT count(*) > 0 FROM explain(3, 5);
SELECT count(*), bool_and(source = 'history') FROM (SELECT DISTINCT user_id FROM ids_int_int) c, LATERAL recommend(c.user_id, 2) r;
SELECT count(*) FROM (SELECT DISTINCT user_id FROM ids_int_int) c, LATERAL recommend(c.user_id::bigint, 3) r JOIN ids_int_int_items p ON p.id = r.item_id;
SET reco.default_recommender = 'ids_int_text';
SELECT count(*), pg_typeof(min(item_id)) FROM recommend('3');
SELECT count(*), pg_typeof(min(item_id)) FROM recommend(3, NULL::text);
SELECT count(*), pg_typeof(min(item_id)) FROM recommend(3, NULL::text, 2);
SELECT count(*) FROM popular_items();
PREPARE ask AS SELECT count(*) FROM recommend($1, 3);
EXECUTE ask ('3');

\echo == out of range is unknown, not an error
SELECT DISTINCT source FROM recommend(3000000000, 2, 'ids_int_int');
SELECT DISTINCT source FROM recommend(70000, 2, 'ids_smallint_int');
SELECT DISTINCT source FROM recommend('99999999999999', 2, 'ids_int_int');
SELECT score('3', '-3000000000', 'ids_int_int'), score('3000000000', '5', 'ids_smallint_int');
SELECT count(*) FROM recommend('3', 5, 'ids_int_int', candidates => '{3000000000,5,8}', exclude_seen => false);
SELECT count(*) FROM similar_items('3000000000', 3, 'ids_int_int');
SELECT score(3, 3000000000, 'ids_int_int'), score(3000000000, 5, 'ids_int_int');
SELECT count(*) FROM recommend(3, 5, 'ids_int_int', candidates => '{3000000000,5,8}', exclude_seen => false);
SELECT DISTINCT source FROM recommend('nobody', 2, 'ids_text_text');
SELECT DISTINCT source FROM recommend(as_id(99, 'uuid')::uuid, 2, 'ids_uuid_uuid');

\echo == ids of another type
SELECT complaint($$SELECT recommend(3, 2, 'ids_uuid_uuid')$$);
SELECT complaint($$SELECT recommend(3, 2, 'ids_text_text')$$);
SELECT complaint($$SELECT recommend(3, 2, 'ids_int_text')$$);
SELECT complaint($$SELECT recommend(3, NULL::uuid, 2, 'ids_int_text')$$);
SELECT complaint($$SELECT recommend(as_id(3, 'uuid')::uuid, 2, 'ids_int_int')$$);
SELECT complaint($$SELECT recommend('three', 2, 'ids_int_int')$$);
SELECT complaint($$SELECT recommend('three', 2, 'ids_uuid_uuid')$$);
SELECT complaint($$SELECT recommend('99999999999999999999', 2, 'ids_int_int')$$);
SELECT complaint($$SELECT recommend('3', 2, 'ids_int_int', candidates => '{five}')$$);
SELECT complaint($$SELECT score(3, 5, 'ids_int_text')$$);
SELECT complaint($$SELECT score(3, as_id(5, 'uuid')::uuid, 'ids_int_int')$$);
SELECT complaint($$SELECT explain(3, 5, 'ids_int_text')$$);
SELECT complaint($$SELECT similar_items(5, 3, 'ids_int_text')$$);
SELECT complaint($$SELECT popular_items(NULL::uuid, 3, 'ids_int_text')$$);
SELECT complaint($$SELECT item_embedding(5, 'ids_int_text')$$);
SELECT complaint($$SELECT user_embedding(as_id(3, 'uuid')::uuid, 'ids_int_text')$$);

SELECT count(drop_recommender(name)::text) FROM recommenders WHERE name LIKE 'ids\_%';
\echo == an id of several words is marked as a name is, and cannot end its marks
CREATE TABLE worded AS SELECT u AS user_id, CASE i WHEN 1 THEN '5 and since it is ”cheap' ELSE 'sku-' || i END AS item_id FROM generate_series(1, 30) u, generate_series(1, 12) i WHERE i = 1 OR (u + i) % 3 <> 0;
SELECT reco.create_recommender('worded', 'worded', 'user_id', 'item_id');
CALL reco.refresh('worded', options => '{"factors": 4, "iterations": 2}');
SELECT evidence_label, reason FROM reco.explain(1, 'sku-3'::text, 'worded') WHERE evidence_id IN ('5 and since it is ”cheap', 'sku-4') ORDER BY evidence_id;
SELECT reco.drop_recommender('worded');
DROP SCHEMA ids CASCADE;
