-- Every option of every algorithm, and of every call that takes options, with every hostile value: refused with an SQLSTATE, what it takes and a
-- hint, or taken; what an algorithm takes can be learned with, or is refused in words by the refresh. The lists of algorithms and options
-- are read from the hints, so that none is left out.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA options_hostile;
SET search_path = options_hostile, helper;
SET reco.workers = 0;
SET reco.default_recommender = 'shelf';
CREATE TABLE shelf AS SELECT u, (u % 2) * 10 + (u * 7 + g * g) % 12 AS i, 1 + (u + g) % 5 AS stars, timestamptz '2024-01-01 00:00+00' + (u * g) * interval '1 hour' AS at
	FROM generate_series(1, 60) u, generate_series(1, 5) g;
CREATE INDEX ON shelf (u);
CREATE TABLE lists (user_id int, item_id int);

CREATE TABLE hostile (place serial, label text PRIMARY KEY, value text);
INSERT INTO hostile (label, value) VALUES ('NaN', '"NaN"'), ('Infinity', '"Infinity"'), ('1e308', '1e308'), ('-1e308', '-1e308'), ('1e400', '1e400'), ('1e-320', '1e-320'),
	('0', '0'), ('-1', '-1'), ('1.5', '1.5'), ('2^31', '2147483648'), ('2^63', '9223372036854775808'), ('true', 'true'), ('empty text', '""'), ('text', '"x"'),
	('long text', to_json(repeat('ä', 100000))::text), ('[]', '[]'), ('[null]', '[null]'), ('[[1]]', '[[1]]'), ('[1e308]', '[1e308]'), ('["x"]', '["x"]'), ('{}', '{}'), ('{"x": 1}', '{"x": 1}'),
	('{"x": {"y": []}}', '{"x": {"y": []}}'), ('{"": null}', '{"": null}'), ('100 deep', repeat('[', 100) || repeat(']', 100)), ('null', 'null');

-- names() reads the list of names at the end of a hint.
CREATE FUNCTION names(command text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	EXECUTE command;
	RAISE EXCEPTION 'taken: %', command;
EXCEPTION WHEN invalid_parameter_value OR undefined_object THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN QUERY SELECT regexp_split_to_table((regexp_match(hint, '(?: are:? )(.*)\.'))[1], ', ');
END $$;

-- verdict() runs a command: how it ended, and whether an error helps.
CREATE FUNCTION verdict(command text, OUT state text, OUT helps boolean, OUT message text) LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE command;
	state := 'taken';
	helps := true;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	state := SQLSTATE;
	helps := message <> '' AND coalesce(hint, '') <> '';
END $$;

-- The algorithms: each option with each value, in a definition and, where it is taken, in a refresh.
CREATE TABLE asked (algorithm text, option text, label text, place int, state text, helps boolean, message text, learned text, learned_helps boolean, learned_message text);
DO $$
DECLARE
	one record;
	learned record;
BEGIN
	FOR one IN SELECT a, o, h.label, h.place, h.value FROM names($c$SELECT reco.create_recommender('one', 'shelf', 'u', 'i', algorithm => 'zzzzzzzzzz')$c$) a,
			LATERAL names(format($c$SELECT reco.create_recommender('one', 'shelf', 'u', 'i', time_column => 'at', algorithm => %L, options => '{"zzzzzzzzzzzzzzzzzzzzzzzz": 1}')$c$, a)) o, hostile h
	LOOP
		INSERT INTO asked SELECT one.a, one.o, one.label, one.place, v.* FROM verdict(format('SELECT reco.create_recommender(''one'', ''shelf'', ''u'', ''i'', time_column => ''at'', algorithm => %L, options => %L)',
			one.a, format('{%s: %s}', to_json(one.o), one.value))) v;
		IF EXISTS (SELECT FROM reco.recommenders WHERE name = 'one') THEN
			IF one.label <> 'null' THEN
				SELECT * INTO learned FROM verdict($c$CALL reco.refresh('one')$c$);
				UPDATE asked q SET learned = learned.state, learned_helps = learned.helps, learned_message = learned.message WHERE q.algorithm = one.a AND q.option = one.o AND q.label = one.label;
			END IF;
			PERFORM reco.drop_recommender('one');
		END IF;
	END LOOP;
END $$;
SELECT algorithm, string_agg(DISTINCT option, ' ' ORDER BY option) FROM asked GROUP BY algorithm ORDER BY algorithm;
-- nothing is refused in another way, and never without a hint
SELECT algorithm, option, label, state, message FROM asked WHERE state NOT IN ('taken', '22023') OR NOT helps OR length(message) > 200 ORDER BY algorithm, option, place;
SELECT algorithm, option, label, learned, learned_message FROM asked WHERE learned NOT IN ('taken', '22023') OR NOT learned_helps ORDER BY algorithm, option, place;
-- what each option takes of these, and what a refresh refuses of that
SELECT option, string_agg(DISTINCT algorithm, ' ' ORDER BY algorithm) AS of, taken, refused FROM (
	SELECT algorithm, option, string_agg(label, '  ' ORDER BY place) FILTER (WHERE state = 'taken') AS taken,
		string_agg(label, '  ' ORDER BY place) FILTER (WHERE learned <> 'taken') AS refused FROM asked GROUP BY algorithm, option) s
GROUP BY option, taken, refused ORDER BY option, of;

-- A definition that was refused is not there, and one that is there keeps its options.
SELECT count(*) FROM reco.recommenders WHERE name = 'one';
SELECT reco.create_recommender('shelf', 'shelf', 'u', 'i', time_column => 'at', options => '{"factors": 4, "iterations": 1}');
CALL reco.refresh('shelf');
SELECT outcome($$SELECT reco.alter_recommender('shelf', options => '{"lambda": -1}')$$);
SELECT options FROM reco.recommenders WHERE name = 'shelf';
SELECT outcome($$SELECT reco.alter_recommender('shelf', options => '[1]')$$);
SELECT outcome($$SELECT reco.alter_recommender('shelf', options => '"x"')$$);
SELECT outcome($$SELECT reco.alter_recommender('shelf', options => 'null')$$);

-- The calls: each option with each value is refused in the same way, or taken.
CREATE TABLE calls (place serial, name text, command text);
INSERT INTO calls (name, command) VALUES
	('refresh', 'CALL reco.refresh(''shelf'', options => %L)'),
	('evaluate', 'CALL reco.evaluate(''shelf'', options => %L)'),
	('evaluate last', 'CALL reco.evaluate(''shelf'', ''last'', options => %L)'),
	('evaluate time', 'CALL reco.evaluate(''shelf'', ''time'', options => %L)'),
	('compare', 'CALL reco.compare(''shelf'', ''["popular"]'', options => %L)'),
	('learning_curve', 'CALL reco.learning_curve(''shelf'', options => %L)'),
	('tune', 'CALL reco.tune(''shelf'', budget => ''0'', options => %L)'),
	('recommend', 'SELECT reco.recommend(3, options => %L)'),
	('similar_items', 'SELECT reco.similar_items(3, options => %L)'),
	('popular_items', 'SELECT reco.popular_items(3, options => %L)'),
	('explain', 'SELECT reco.explain(3, 4, options => %L)'),
	('explain_check', 'SELECT reco.explain_check(3, 4, options => %L)'),
	('explain_svg', 'SELECT reco.explain_svg(3, 4, options => %L)'),
	('counterfactual', 'SELECT reco.counterfactual(3, 4, options => %L)'),
	('what_if', 'SELECT reco.what_if(3, ''[{"item": 4}]''::jsonb, options => %L)'),
	('recommend_all', 'SELECT reco.recommend_all(''shelf'', 3, options => %L)'),
	('recommend_into', 'CALL reco.recommend_into(''shelf'', ''lists'', 3, options => %L)'),
	('reason_report', 'SELECT reco.reason_report(''shelf'', 3, options => %L)'),
	('explanation_quality', 'SELECT reco.explanation_quality(''shelf'', 3, options => %L)');
CREATE TABLE answered AS SELECT c.name, c.place AS call, o AS option, h.label, h.place, v.*
	FROM calls c, LATERAL names(format(c.command, '{"zzzzzzzzzzzzzzzzzzzzzzzz": 1}')) o, hostile h, LATERAL verdict(format(c.command, format('{%s: %s}', to_json(o), h.value))) v
	WHERE h.label <> 'null' OR c.command LIKE 'SELECT%';
-- a tolerance of nothing is not met
DELETE FROM answered WHERE option ~ 'tolerance' AND state IN ('taken', '23514');
-- from PostgreSQL 17 on an interval may be infinite; that is no window either
DELETE FROM answered WHERE option = 'window' AND label = 'Infinity' AND state IN ('22007', '22023');
SELECT name, string_agg(DISTINCT option, ' ' ORDER BY option) FROM answered GROUP BY name, call ORDER BY call;
SELECT name, option, label, state, helps, left(message, 80) FROM answered WHERE state NOT IN ('taken', '22023') OR NOT helps ORDER BY call, option, place;
SELECT name, option, string_agg(label, '  ' ORDER BY place) FILTER (WHERE state = 'taken') AS taken FROM answered GROUP BY name, call, option ORDER BY call, option;

-- The models of a comparison and the members of a blend are held to the same.
SELECT label, v.state, v.helps FROM hostile h, LATERAL verdict(format('CALL reco.compare(''shelf'', models => %L)', h.value)) v WHERE NOT (v.state = '22023' AND v.helps) ORDER BY place;
SELECT label, v.state, v.helps FROM hostile h, LATERAL verdict(format('CALL reco.compare(''shelf'', models => %L)', format('[%s]', h.value))) v WHERE NOT (v.state = '22023' AND v.helps) ORDER BY place;
SELECT key, label, v.state, v.helps FROM hostile h, unnest('{name,algorithm,recommender,options}'::text[]) key,
	LATERAL verdict(format('CALL reco.compare(''shelf'', models => %L)', format('[{%s: %s}]', to_json(key), h.value))) v WHERE NOT (v.state = '22023' AND v.helps) ORDER BY key, place;
SELECT outcome($$CALL reco.compare('shelf', models => '[{"name": ""}]')$$);
SELECT outcome($$SELECT reco.alter_recommender('shelf', options => format('{"lambda": "%s"}', repeat('ü', 100))::jsonb)$$);

SELECT reco.drop_recommender('shelf');
DROP SCHEMA options_hostile CASCADE;
