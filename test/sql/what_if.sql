-- what_if() is the list that recommend() gives after really inserting and deleting those events, and refuses changes of the wrong shape.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA whatif;
SET search_path = whatif, reco, helper;
SET reco.default_recommender = 'whatif';

CREATE TABLE goods (id int PRIMARY KEY, title text);
INSERT INTO goods SELECT i, 'Good ' || i FROM generate_series(1, 30) i;
CREATE TABLE events (user_id int, item_id int, kind text, amount real, at timestamptz);
INSERT INTO events
SELECT u, 1 + u % 3 * 10 + (n * 3 + u / 3) % 10, (ARRAY['view','cart','purchase','return'])[1 + (u + n) % 4], 1 + n % 3, timestamptz '2024-05-01 00:00+00' + u * interval '1 hour'
FROM generate_series(1, 90) u, generate_series(1, 6) n;
CREATE INDEX ON events (user_id);
SELECT create_recommender('whatif', 'events', 'user_id', 'item_id', event_column => 'kind',
	event_weights => '{"view": 1, "cart": 2, "purchase": 4, "return": -3}', value_column => 'amount', time_column => 'at', half_life => '20 days',
	items => 'goods', item_key => 'id', item_label => 'title');
CALL refresh('whatif', options => '{"factors": 6, "iterations": 8}');

-- really() gives the list after running a command, and undoes it.
CREATE FUNCTION really(command text, u int, k int) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	lines text[];
BEGIN
	BEGIN
		EXECUTE command;
		lines := ARRAY(SELECT r::text FROM recommend(u, k) r ORDER BY rank);
		RAISE EXCEPTION USING errcode = 'ZZ999';
	EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
		NULL;
	END;
	RETURN QUERY SELECT unnest(lines);
END $$;
-- same() compares that with what_if(), every column, and says how many lines there are and whether they differ from those of today.
CREATE FUNCTION same(command text, u int, changes jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s, %s lines, %s', CASE WHEN a.lines = b.lines THEN 'same' ELSE 'OTHER' END, cardinality(b.lines),
		CASE WHEN b.lines = ARRAY(SELECT r::text FROM recommend(u, 8) r) THEN 'as today' ELSE 'changed' END)
	FROM (SELECT ARRAY(SELECT really(command, u, 8)) AS lines) a, (SELECT ARRAY(SELECT w::text FROM what_if(u, changes, 8) w) AS lines) b
$$;

\echo == one event more
SELECT same($$INSERT INTO events VALUES (1, 5, 'purchase', 2, '2024-05-03 00:00+00')$$, 1, '[{"item": 5, "event": "purchase", "value": 2, "time": "2024-05-03 00:00+00"}]');
SELECT same($$INSERT INTO events VALUES (1, 5, 'purchase', 1, now())$$, 1, '[{"item": 5, "event": "purchase"}]');
SELECT same($$INSERT INTO events VALUES (1, 5, 'view', 0.5, '2024-01-03 00:00+00')$$, 1, '[{"item": "5", "event": "view", "value": 0.5, "time": "2024-01-03 00:00+00", "remove": false}]');
SELECT same($$INSERT INTO events VALUES (1, 5, 'return', 3, '2024-05-03 00:00+00')$$, 1, '[{"item": 5, "event": "return", "value": 3, "time": "2024-05-03 00:00+00"}]');
\echo == an event on an item that has some already
SELECT same(format($$INSERT INTO events VALUES (1, %s, 'purchase', -2, '2024-05-02 00:00+00')$$, min(item_id)), 1,
	jsonb_build_array(jsonb_build_object('item', min(item_id), 'event', 'purchase', 'value', -2, 'time', '2024-05-02 00:00+00'))) FROM events WHERE user_id = 1;
\echo == all events of an item less, one kind less, several changes in their order
SELECT same(format($$DELETE FROM events WHERE user_id = 1 AND item_id = %s$$, item_id), 1, jsonb_build_array(jsonb_build_object('item', item_id, 'remove', true)))
FROM (SELECT DISTINCT item_id FROM events WHERE user_id = 1) e;
SELECT same(format($$DELETE FROM events WHERE user_id = 2 AND item_id = %s AND kind = 'purchase'$$, item_id), 2,
	jsonb_build_array(jsonb_build_object('item', item_id, 'event', 'purchase', 'remove', true)))
FROM (SELECT DISTINCT item_id FROM events WHERE user_id = 2 AND kind = 'purchase') e;
SELECT same('SELECT 1', 2, '[{"item": 12, "event": "teleport", "remove": true}, {"item": 12345, "remove": true}]');
SELECT same($$DELETE FROM events WHERE user_id = 1; INSERT INTO events VALUES (1, 14, 'cart', 1, '2024-05-03 00:00+00'), (1, 21, 'cart', 1, '2024-05-04 00:00+00')$$, 1,
	(SELECT jsonb_agg(jsonb_build_object('item', item_id, 'remove', true)) FROM (SELECT DISTINCT item_id FROM events WHERE user_id = 1) e)
	|| '[{"item": 14, "event": "cart", "time": "2024-05-03 00:00+00"}, {"item": 21, "event": "cart", "time": "2024-05-04 00:00+00"}]');
SELECT same('SELECT 1', 1, '[{"item": 5, "event": "cart"}, {"item": 5, "remove": true}]');
SELECT same('SELECT 1', 1, '[]');
SELECT same('SELECT 1', 1, NULL);

\echo == without a history left the list is of what is popular; somebody unknown gets one from the changes alone
SELECT DISTINCT source FROM what_if(1, (SELECT jsonb_agg(jsonb_build_object('item', item_id, 'remove', true)) FROM events WHERE user_id = 1));
SELECT DISTINCT source, reason LIKE '%“Good 5”%', details -> 'because' FROM what_if(NULL::bigint, '[{"item": 5, "event": "purchase"}]', 3);
SELECT source, reason LIKE '%“Good 5”%', details -> 'because' FROM what_if(4711, '[{"item": 5, "event": "purchase"}]', 1);
SELECT source FROM what_if(4711, '[]', 1);
SELECT count(*) FILTER (WHERE item_id = 5) FROM what_if(4711, '[{"item": 5, "event": "purchase"}]', 30);
SELECT count(*) FILTER (WHERE item_id = 5) FROM what_if(4711, '[{"item": 5, "event": "purchase"}]', 30, exclude_seen => false);

\echo == the other arguments are those of recommend()
SELECT array_agg(item_id ORDER BY item_id) FROM what_if(1, '[{"item": 5, "event": "purchase"}]', 30, filter => 'id <= $1::int', filter_args => '{9}', exclude => '{7}');
SELECT array_agg(item_id ORDER BY item_id) FROM what_if(1, '[{"item": 5, "event": "purchase"}]', candidates => '{5,7,9}');
SELECT count(*), count(DISTINCT pronargs) FROM pg_proc WHERE pronamespace = 'reco'::regnamespace AND proname = 'what_if';
SELECT pg_typeof(item_id) FROM what_if('1', '[]', 1);
SELECT pg_typeof(item_id) FROM what_if(1, NULL::text, '[]', 1);
SELECT count(*) FROM events WHERE user_id = 4711;

\echo == bad input
SELECT complaint($$SELECT what_if(1, '{"item": 5}')$$);
SELECT complaint($$SELECT what_if(1, '5')$$);
SELECT complaint($$SELECT what_if(1, '[5]')$$);
SELECT complaint($$SELECT what_if(1, '[{"item": 5, "event": "view"}, [1]]')$$);
SELECT complaint($$SELECT what_if(1, '[{"event": "view"}]')$$);
SELECT complaint($$SELECT what_if(1, '[{"item": null, "event": "view"}]')$$);
SELECT complaint($$SELECT what_if(1, '[{"item": true, "event": "view"}]')$$);
SELECT complaint($$SELECT what_if(1, '[{"item": 1.5, "event": "view"}]')$$);
SELECT complaint($$SELECT what_if(1, '[{"item": 999, "event": "view"}]')$$);
SELECT complaint($$SELECT what_if(1, '[{"item": 5}]')$$);
SELECT complaint($$SELECT what_if(1, '[{"item": 5, "event": "veiw"}]')$$);
SELECT complaint($$SELECT what_if(1, '[{"item": 5, "event": 7}]')$$);
SELECT complaint($$SELECT what_if(1, '[{"item": 5, "evnt": "view"}]')$$);
SELECT complaint($$SELECT what_if(1, '[{"item": 5, "colour": "red"}]')$$);
SELECT complaint($$SELECT what_if(1, '[{"item": 5, "event": "view", "value": "2"}]')$$);
SELECT complaint($$SELECT what_if(1, '[{"item": 5, "event": "view", "value": 1e31}]')$$);
SELECT complaint($$SELECT what_if(1, '[{"item": 5, "event": "view", "value": 1e400}]')$$);
SELECT complaint($$SELECT what_if(1, '[{"item": 5, "event": "view", "time": "soon"}]')$$);
SELECT complaint($$SELECT what_if(1, '[{"item": 5, "event": "view", "time": "2999-01-01"}]')$$);
SELECT complaint($$SELECT what_if(1, '[{"item": 5, "event": "view", "time": "infinity"}]')$$);
SELECT complaint($$SELECT what_if(1, '[{"item": 5, "remove": "yes"}]')$$);
SELECT complaint($$SELECT what_if(1, '[{"item": 5, "remove": true, "value": 1}]')$$);
SELECT complaint($$SELECT what_if(1, '[]', 0)$$);
SELECT complaint($$SELECT what_if(1, '[]', recommender => 'what')$$);

\echo == many changes: all count, in any order, and the history is sorted once
SELECT count(*) FROM (SELECT item_id, score FROM what_if(1, (SELECT jsonb_agg(jsonb_build_object('item', 1 + i % 10, 'event', 'view', 'time', '2024-01-01') ORDER BY i) FROM generate_series(1, 3000) i), 10)
	EXCEPT SELECT item_id, score FROM what_if(1, (SELECT jsonb_agg(jsonb_build_object('item', 1 + i % 10, 'event', 'view', 'time', '2024-01-01') ORDER BY i DESC) FROM generate_series(1, 3000) i), 10)) x;
SELECT count(*) FROM (SELECT item_id, score FROM what_if(1, (SELECT jsonb_agg(jsonb_build_object('item', 1 + i % 10, 'event', 'view', 'time', '2024-01-01')) || jsonb_agg(DISTINCT jsonb_build_object('item', 1 + i % 10, 'event', 'view', 'remove', true)) FROM generate_series(1, 3000) i), 10)
	EXCEPT SELECT item_id, score FROM what_if(1, (SELECT jsonb_agg(jsonb_build_object('item', i, 'event', 'view', 'remove', true)) FROM generate_series(1, 10) i), 10)) x;

\echo == an item that the caller does not see cannot be tried out
BEGIN;
DELETE FROM goods WHERE id = 5;
SELECT complaint($$SELECT what_if(1, '[{"item": 5, "event": "view"}]')$$);
ROLLBACK;

\echo == ratings, and a recommender that maps nothing but ids
SELECT create_recommender('whatif_stars', 'events', 'user_id', 'item_id', value_column => 'amount', feedback => 'explicit');
CALL refresh('whatif_stars', options => '{"factors": 4, "iterations": 5}');
SET reco.default_recommender = 'whatif_stars';
SELECT same($$INSERT INTO events VALUES (1, 5, 'view', 3, now())$$, 1, '[{"item": 5, "value": 3}]');
SELECT complaint($$SELECT what_if(1, '[{"item": 5}]')$$);
SELECT complaint($$SELECT what_if(1, '[{"item": 5, "value": 3, "event": "view"}]')$$);
SELECT complaint($$SELECT what_if(1, '[{"item": 5, "value": 3, "time": "2024-01-01"}]')$$);
SELECT create_recommender('whatif_plain', 'events', 'user_id', 'item_id');
CALL refresh('whatif_plain', options => '{"factors": 4, "iterations": 5}');
SET reco.default_recommender = 'whatif_plain';
SELECT same($$INSERT INTO events VALUES (1, 5)$$, 1, '[{"item": 5}]');
SELECT complaint($$SELECT what_if(1, '[{"item": 5, "value": 3}]')$$);


\echo == the items of many changes are looked up by one query, and those of the list by another: each query of the view tells of itself
CREATE FUNCTION tell() RETURNS text LANGUAGE plpgsql STABLE AS $$BEGIN RAISE INFO 'a query of the shelf'; RETURN ''; END $$;
CREATE VIEW shelf AS SELECT id, title || (SELECT tell()) AS title FROM goods;
SELECT create_recommender('whatif_shelf', 'events', 'user_id', 'item_id', items => 'shelf', item_key => 'id', item_label => 'title');
CALL refresh('whatif_shelf', options => '{"factors": 4, "iterations": 5}');
SELECT count(*) FROM what_if(1, '[{"item": 5}]', 3, 'whatif_shelf');
SELECT count(*) FROM what_if(1, (SELECT jsonb_agg(jsonb_build_object('item', i)) FROM generate_series(1, 12) i), 3, 'whatif_shelf');
SELECT complaint($$SELECT what_if(1, '[{"item": 5}, {"item": 77}, {"item": 78}]', 3, 'whatif_shelf')$$);
SELECT drop_recommender(name) FROM unnest('{whatif,whatif_stars,whatif_plain,whatif_shelf}'::text[]) name;
DROP SCHEMA whatif CASCADE;
