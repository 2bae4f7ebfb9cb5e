-- Who may do what: the table of docs/security.md, each cell tried; row-level security; objects that stand in the way of names;
-- recommenders planted for others; and what is reached by way of functions of others.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA privileges;
SET search_path = privileges;
CREATE TABLE goods (id int PRIMARY KEY, title text, secret text);
INSERT INTO goods SELECT i, 'Good ' || i FROM generate_series(1, 20) i;
CREATE TABLE events (user_id int, item_id int, note text);
INSERT INTO events SELECT u, i FROM generate_series(1, 60) u, generate_series(1, 20) i WHERE (u * 7 + i * 3) % 5 < 2;
CREATE INDEX ON events (user_id);
CREATE ROLE privileges_owner;
CREATE ROLE privileges_member IN ROLE privileges_owner;
CREATE ROLE privileges_reader;
CREATE ROLE privileges_columns;
CREATE ROLE privileges_no_items;
CREATE ROLE privileges_stranger;
GRANT USAGE, CREATE ON SCHEMA privileges TO privileges_owner;
GRANT USAGE ON SCHEMA privileges TO privileges_reader, privileges_columns, privileges_no_items;
GRANT SELECT ON events TO privileges_owner, privileges_reader, privileges_no_items;
GRANT SELECT ON goods TO privileges_owner, privileges_reader;
GRANT SELECT (user_id, item_id) ON events TO privileges_columns;
GRANT SELECT (id, title) ON goods TO privileges_columns;
SELECT reco.create_recommender('guarded', 'events', 'user_id', 'item_id', items => 'goods', item_key => 'id', item_label => 'title',
	item_features => '{title}', options => '{"factors": 4, "iterations": 2, "calibrate": true}');
SELECT reco.alter_recommender('guarded', owner => 'privileges_owner');
CALL reco.refresh('guarded');
CALL reco.compare('guarded', options => '{"users": 5, "resamples": 0}');
CALL reco.learning_curve('guarded', options => '{"users": 5, "resamples": 0}');
CALL reco.tune('guarded', budget => '0', options => '{"resamples": 0}');
CREATE TABLE lists (user_id int, item_id int, rank int, score float8);
GRANT ALL ON lists TO PUBLIC;

-- may() does something as a role and undoes it: yes, or the SQLSTATE. What a query answers does not matter here.
CREATE FUNCTION may(role text, command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('role', role, true);
	EXECUTE command;
	RAISE EXCEPTION USING errcode = 'ZZ999';
EXCEPTION
	WHEN SQLSTATE 'ZZ999' THEN RETURN 'yes';
	WHEN OTHERS THEN RETURN SQLSTATE;
END $$;

CREATE TABLE action (place serial, name text, command text);
INSERT INTO action (name, command) VALUES
	('create_recommender', $$SELECT reco.create_recommender('mine', 'privileges.events', 'user_id', 'item_id')$$),
	('alter_recommender', $$SELECT reco.alter_recommender('guarded', half_life => NULL, new_name => 'other')$$),
	('alter_recommender, owner', $$SELECT reco.alter_recommender('guarded', owner => 'privileges_stranger')$$),
	('set_reviews', $$SELECT reco.set_reviews('guarded', NULL)$$),
	('drop_recommender', $$SELECT reco.drop_recommender('guarded')$$),
	('deploy', $$SELECT reco.deploy('guarded', 1)$$),
	('refresh', $$CALL reco.refresh('guarded')$$),
	('check_data', $$SELECT * FROM reco.check_data('guarded')$$),
	('evaluate', $$CALL reco.evaluate('guarded', options => '{"users": 5, "resamples": 0}')$$),
	('compare', $$CALL reco.compare('guarded', options => '{"users": 5, "resamples": 0}')$$),
	('learning_curve', $$CALL reco.learning_curve('guarded', options => '{"users": 5, "resamples": 0}')$$),
	('tune', $$CALL reco.tune('guarded', budget => '0', options => '{"resamples": 0}')$$),
	('apply_trial', (SELECT format('SELECT reco.apply_trial(%s)', min(trial)) FROM reco.trials WHERE recommender = 'guarded')),
	('reason_report', $$SELECT * FROM reco.reason_report('guarded', 5)$$),
	('explanation_quality', $$SELECT * FROM reco.explanation_quality('guarded', 5)$$),
	('features', $$SELECT * FROM reco.features('guarded')$$),
	('verify', $$SELECT * FROM reco.verify('guarded')$$),
	('set_reason_template', $$SELECT reco.set_reason_template('bought', 'en', '{you} got {items}')$$),
	('reset_reason_template', $$SELECT reco.reset_reason_template('bought')$$),
	('recommend', $$SELECT * FROM reco.recommend(3, 3, 'guarded')$$),
	('recommend, filter', $$SELECT * FROM reco.recommend(3, 3, 'guarded', filter => 'id > 3')$$),
	('recommend, filter by a column not granted', $$SELECT * FROM reco.recommend(3, 3, 'guarded', filter => 'secret IS NULL')$$),
	('recommend_all', $$SELECT * FROM reco.recommend_all('guarded', 3)$$),
	('recommend_into', $$CALL reco.recommend_into('guarded', 'privileges.lists', 3)$$),
	('score', $$SELECT reco.score(3, 4, 'guarded')$$),
	('probability', $$SELECT reco.probability(3, 4, 'guarded')$$),
	('explain', $$SELECT * FROM reco.explain(3, 4, 'guarded')$$),
	('explain, view attributes', $$SELECT * FROM reco.explain(3, 4, 'guarded', 'attributes')$$),
	('explain_check', $$SELECT * FROM reco.explain_check(3, 4, 'guarded')$$),
	('explain_svg', $$SELECT reco.explain_svg(3, 4, 'guarded')$$),
	('counterfactual', $$SELECT * FROM reco.counterfactual(3, 5, 3, 'guarded')$$),
	('what_if', $$SELECT * FROM reco.what_if(3, '[{"item": 9}]', 3, 'guarded')$$),
	('reason_prompt', $$SELECT reco.reason_prompt(3, 4, 'guarded')$$),
	('reason_accept', $$SELECT * FROM reco.reason_accept('because you like it', reco.reason_prompt(3, 4, 'guarded'))$$),
	('similar_items', $$SELECT * FROM reco.similar_items(4, 3, 'guarded')$$),
	('popular_items', $$SELECT * FROM reco.popular_items(3, 'guarded')$$),
	('item_embedding', $$SELECT reco.item_embedding(4, 'guarded')$$),
	('user_embedding', $$SELECT reco.user_embedding(3, 'guarded')$$),
	('encode', $$SELECT * FROM reco.encode('guarded', 'item', 4)$$),
	('warm', $$SELECT * FROM reco.warm('guarded')$$),
	('sees it in recommenders', $$SELECT 1 / count(*) FROM reco.recommenders WHERE name = 'guarded'$$),
	('sees its versions in models', $$SELECT 1 / count(*) FROM reco.models WHERE recommender = 'guarded'$$),
	('sees it in trials', $$SELECT 1 / count(*) FROM reco.trials WHERE recommender = 'guarded'$$),
	('sees it in evaluations', $$SELECT 1 / count(*) FROM reco.evaluations WHERE recommender = 'guarded'$$),
	('sees it in evaluation_runs', $$SELECT 1 / count(*) FROM reco.evaluation_runs WHERE recommender = 'guarded'$$),
	('sees it in evaluation_differences', $$SELECT 1 / count(*) FROM reco.evaluation_differences WHERE recommender = 'guarded'$$),
	('sees it by evaluation_report', $$SELECT 1 / count(*) FROM reco.evaluation_report('guarded', (SELECT reco.latest_evaluation('guarded', NULL, 'compare')))$$),
	('sees it by comparison_report', $$SELECT 1 / count(*) FROM reco.comparison_report('guarded')$$),
	('sees it by learning_curve_report', $$SELECT 1 / count(*) FROM reco.learning_curve_report('guarded')$$),
	('sees it by latest_evaluation', $$SELECT 1 / count(reco.latest_evaluation('guarded', NULL, NULL))$$),
	('asks require_report', $$SELECT reco.require_report('guarded', 'ndcg')$$),
	('may_use is true', (SELECT format('SELECT 1 / reco.may_use(%L)::int', key) FROM reco.recommender WHERE name = 'guarded')),
	('reads reason_templates', $$SELECT * FROM reco.reason_templates$$),
	('reads progress (own and usable ones)', $$SELECT * FROM reco.progress$$);
INSERT INTO action (name, command) SELECT 'reads table ' || relname, format('SELECT * FROM reco.%I', relname)
FROM pg_class WHERE relnamespace = 'reco'::regnamespace AND relkind = 'r' ORDER BY relname;
INSERT INTO action (name, command) VALUES
	('writes table chunk', $$UPDATE reco.chunk SET data = ''$$),
	('writes table reason_template', $$UPDATE reco.reason_template SET pattern = ''$$),
	('lists the files of the cache', $$SELECT pg_ls_dir('base/pgsql_tmp/pgsql_tmp_reco')$$);
GRANT SELECT ON action TO PUBLIC;
\pset tuples_only off
\pset format aligned
\pset border 2
\pset linestyle ascii
SELECT name AS action, may('privileges_owner', command) AS owner, may('privileges_member', command) AS member,
	may('privileges_reader', command) AS reader, may('privileges_columns', command) AS columns,
	may('privileges_no_items', command) AS no_items, may('privileges_stranger', command) AS stranger
FROM action ORDER BY place;
\pset border 1
\pset format unaligned
\pset tuples_only on
\echo == functions that may be called by their names, and relations, that are in no row
SELECT DISTINCT p.proname FROM pg_proc p WHERE p.pronamespace = 'reco'::regnamespace AND NOT EXISTS (SELECT FROM action a WHERE a.command ~ ('reco\.' || p.proname || '\('))
	AND p.proname NOT IN ('list_rows', 'many_rows', 'progress_rows', 'builtin_reason_templates', 'check_reason_template', 'relation_reference_in', 'relation_reference_out', 'role_reference_in', 'role_reference_out') ORDER BY 1;
SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'reco'::regnamespace AND c.relkind IN ('r', 'v') AND NOT EXISTS (SELECT FROM action a WHERE a.command ~ ('reco\.' || c.relname || '\M')) ORDER BY 1;

\echo == who may be served sees the same as the owner
CREATE FUNCTION list_as(role text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	list text;
BEGIN
	PERFORM set_config('role', role, true);
	SELECT string_agg(r::text, ' ' ORDER BY rank) INTO list FROM reco.recommend(3, 5, 'guarded') r;
	PERFORM set_config('role', 'none', true);
	RETURN list;
END $$;
SELECT list_as('privileges_reader') = list_as('privileges_owner'), list_as('privileges_columns') = list_as('privileges_owner');

\echo == row-level security: rows, labels and evidence that the caller does not see are not there
ALTER TABLE events ENABLE ROW LEVEL SECURITY;
ALTER TABLE goods ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON events TO privileges_reader USING (user_id = 3);
CREATE POLICY every ON events TO privileges_owner USING (true);
CREATE POLICY part ON goods TO privileges_reader USING (id <> 6 AND id % 3 <> 1);
CREATE POLICY every ON goods TO privileges_owner USING (true);
SET ROLE privileges_reader;
SELECT count(*), min(source), bool_or(item_id = 6 OR item_id % 3 = 1) FROM reco.recommend(3, 20, 'guarded');
SELECT count(*) > 0, bool_or(reason ~ 'Good (1|4|6|7|10|13|16|19)\M') FROM reco.recommend(3, 20, 'guarded', exclude_seen => false);
SELECT bool_or(evidence_label ~ 'Good (1|4|6|7|10|13|16|19)$'), bool_or(evidence_id % 3 = 1) FROM reco.explain(3, 5, 'guarded');
SELECT min(source) FROM reco.recommend(4, 20, 'guarded');
SELECT count(*) FROM reco.explain(4, 5, 'guarded') WHERE kind = 'history';
SELECT count(*) FROM reco.recommend_all('guarded', 2, users_query => 'SELECT generate_series(1, 30)') WHERE source = 'history' AND user_id <> '3';
SELECT bool_or(item_id % 3 = 1) FROM reco.similar_items(5, 20, 'guarded');
SELECT bool_or(item_id % 3 = 1) FROM reco.popular_items(NULL::int, 20, 'guarded');
RESET ROLE;
SELECT may('privileges_reader', $$SELECT reco.item_embedding(5, 'guarded')$$), may('privileges_reader', $$SELECT reco.explain(3, 4, 'guarded')$$),
	may('privileges_reader', $$SELECT reco.score(3, 4, 'guarded')$$), may('privileges_reader', $$SELECT * FROM reco.similar_items(4, 3, 'guarded')$$);
DROP POLICY own ON events;
DROP POLICY part ON goods;
ALTER TABLE goods DISABLE ROW LEVEL SECURITY;

\echo == row-level security beneath views: of the caller in one with security_invoker, else of the owner of the view; within a view, a sub-select and a WITH
CREATE POLICY own ON events TO privileges_reader USING (user_id = 3);
CREATE VIEW invoked WITH (security_invoker) AS SELECT * FROM events;
CREATE VIEW wrapped AS SELECT * FROM invoked;
CREATE VIEW selected WITH (security_invoker) AS SELECT * FROM (VALUES (3, 4), (3, 5), (4, 5)) v(user_id, item_id) WHERE EXISTS (WITH e AS (SELECT FROM events) SELECT FROM e);
CREATE VIEW readers AS SELECT * FROM events;
ALTER VIEW readers OWNER TO privileges_reader;
CREATE VIEW all_rows AS SELECT * FROM events;
GRANT SELECT ON invoked, wrapped, selected, readers, all_rows TO privileges_reader, privileges_owner;
CREATE TABLE behind (view text);
INSERT INTO behind VALUES ('events'), ('invoked'), ('wrapped'), ('selected'), ('readers'), ('all_rows');
SELECT reco.create_recommender(view, view::regclass, 'user_id', 'item_id', options => '{"factors": 4, "iterations": 1}') FROM behind;
CALL reco.refresh('events');
CALL reco.refresh('invoked');
CALL reco.refresh('wrapped');
CALL reco.refresh('selected');
CALL reco.refresh('readers');
CALL reco.refresh('all_rows');
SELECT view, may('privileges_reader', format('SELECT * FROM reco.recommend(3, 3, %L)', view)), may('none', format('SELECT * FROM reco.recommend(3, 3, %L)', view)) FROM behind;
-- a list may be shared, numbers drawn from hidden rows may not; those of users count as well
SELECT reco.alter_recommender(view, shared_catalogue => true) FROM behind;
SELECT view, may('privileges_reader', format('SELECT * FROM reco.recommend(3, 3, %L)', view)), may('privileges_reader', format('SELECT reco.item_embedding(4, %L)', view)),
	may('privileges_reader', format('SELECT reco.user_embedding(3, %L)', view)) FROM behind;
SELECT reco.alter_recommender('all_rows', users => 'goods', user_key => 'id');
SELECT may('privileges_reader', $$SELECT reco.item_embedding(4, 'all_rows')$$);
ALTER TABLE goods ENABLE ROW LEVEL SECURITY;
SELECT may('privileges_reader', $$SELECT reco.item_embedding(4, 'all_rows')$$);
ALTER TABLE goods DISABLE ROW LEVEL SECURITY;
SELECT reco.drop_recommender(view) FROM behind;
DROP POLICY own ON events;
ALTER TABLE events DISABLE ROW LEVEL SECURITY;

\echo == a session that quotes all identifiers calls the same relations by the same names
SET quote_all_identifiers = on;
SELECT may('none', $$SELECT * FROM reco.recommend(3, 3, 'guarded')$$);
SELECT reco.create_recommender('quoted', 'events', 'user_id', 'item_id', options => '{"factors": 4, "iterations": 1}');
RESET quote_all_identifiers;
SELECT may('none', $$CALL reco.refresh('quoted')$$);
SELECT reco.drop_recommender('quoted');

\echo == objects on the search path that stand before those of the system, and temporary ones of the same names
CREATE TABLE ran (what text);
GRANT INSERT ON ran TO PUBLIC;
CREATE SCHEMA shadow;
CREATE FUNCTION shadow.equal(a int, b int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'shadow ='; END $$;
CREATE OPERATOR shadow.= (LEFTARG = int, RIGHTARG = int, FUNCTION = shadow.equal);
CREATE FUNCTION shadow.equal(a text, b text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'shadow ='; END $$;
CREATE OPERATOR shadow.= (LEFTARG = text, RIGHTARG = text, FUNCTION = shadow.equal);
CREATE FUNCTION shadow.min(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'shadow min'; END $$;
CREATE FUNCTION shadow.count(int) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'shadow count'; END $$;
CREATE FUNCTION shadow.sha256(bytea) RETURNS bytea LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'shadow sha256'; END $$;
CREATE FUNCTION shadow.random() RETURNS float8 LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'shadow random'; END $$;
CREATE DOMAIN shadow.uuid AS text CHECK (false);
CREATE DOMAIN shadow.int4 AS text CHECK (false);
CREATE DOMAIN shadow.jsonb AS text CHECK (false);
CREATE TABLE shadow.events (user_id int, item_id int);
CREATE TABLE shadow.goods (id int PRIMARY KEY, title text);
CREATE TABLE shadow.chunk ();
CREATE TEMP TABLE events (user_id int, item_id int);
CREATE TEMP TABLE goods (id int PRIMARY KEY, title text);
CREATE TEMP TABLE recommender ();
CREATE TEMP TABLE chunk ();
CREATE TEMP TABLE version ();
-- (reason_accept, set_reason_template and the filters take text of the caller's, which is run under the caller's path)
SET search_path = shadow, pg_temp, pg_catalog;
SELECT a.name, privileges.may('none', a.command) FROM privileges.action a
WHERE NOT (a.name OPERATOR(pg_catalog.~) '^(sees|may_use|reads|writes|lists|create)') AND privileges.may('none', a.command) OPERATOR(pg_catalog.<>) 'yes' ORDER BY a.place;
SET search_path = privileges;
DROP TABLE pg_temp.events, pg_temp.goods, pg_temp.recommender, pg_temp.chunk, pg_temp.version;

\echo == a recommender planted for others runs nothing of theirs unless they name it
CREATE ROLE privileges_planter;
GRANT USAGE, CREATE ON SCHEMA privileges TO privileges_planter;
GRANT EXECUTE ON FUNCTION reco.create_recommender TO privileges_planter;
SET ROLE privileges_planter;
CREATE FUNCTION trap(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO privileges.ran VALUES (current_user); RETURN $1; END $$;
CREATE TABLE bait (user_id int, item_id int);
INSERT INTO bait SELECT u, i FROM generate_series(1, 30) u, generate_series(1, 20) i WHERE (u * 7 + i * 3) % 5 < 2;
CREATE VIEW trapped AS SELECT trap(user_id) AS user_id, item_id FROM bait;
GRANT SELECT ON trapped TO PUBLIC;
SELECT reco.create_recommender('planted', 'trapped', 'user_id', 'item_id', options => '{"factors": 4, "iterations": 1}');
CALL reco.refresh('planted');
RESET ROLE;
TRUNCATE ran;
SELECT reco.drop_recommender('guarded');
SELECT may('none', 'SELECT * FROM reco.recommend(1, 3)'), may('none', 'CALL reco.refresh()'), may('none', 'SELECT * FROM reco.popular_items(3)'),
	may('privileges_reader', 'SELECT * FROM reco.recommend(1, 3)');
SELECT count(*) FROM reco.recommenders WHERE name = 'planted';
SELECT count(*) FROM ran;
-- neither does looking at what there is
SELECT count(*) FROM reco.models;
SELECT count(*) FROM ran;
SELECT reco.drop_recommender('planted');
-- over the caller's own tables, with reviews that are the planter's: what the caller serves itself with runs nothing of theirs, and what learns takes no recommender of somebody else's
GRANT SELECT ON events TO privileges_planter;
SET ROLE privileges_planter;
CREATE VIEW reviewed AS SELECT trap(user_id) AS user_id, item_id, 5.0 AS quality FROM bait;
GRANT SELECT ON reviewed TO PUBLIC;
SELECT reco.create_recommender('planted', 'events', 'user_id', 'item_id', options => '{"factors": 4, "iterations": 1}');
CALL reco.refresh('planted');
SELECT reco.set_reviews('planted', 'reviewed', 'item_id', 'user_id', '{quality}', 4);
RESET ROLE;
TRUNCATE ran;
SELECT may('none', 'SELECT * FROM reco.recommend(1, 3)'), may('none', 'CALL reco.refresh()');
SELECT reco.set_reviews('planted', NULL);
SELECT may('none', 'SELECT * FROM reco.recommend(1, 3)');
CALL reco.refresh();
SELECT may('none', 'CALL reco.evaluate()'), may('none', 'CALL reco.compare()'), may('none', 'CALL reco.learning_curve()'), may('none', 'CALL reco.tune()'),
	may('none', 'SELECT * FROM reco.check_data()'), may('none', 'SELECT * FROM reco.verify()');
SELECT count(*) FROM ran;
SELECT reco.drop_recommender('planted');
REVOKE SELECT ON events FROM privileges_planter;

\echo == a function of the owner serves whom the owner lets
SELECT reco.create_recommender('lent', 'events', 'user_id', 'item_id', options => '{"factors": 4, "iterations": 1}');
CALL reco.refresh('lent');
CREATE FUNCTION lend(u int) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT count(*) FROM reco.recommend(u, 3, 'lent') $$;
GRANT USAGE ON SCHEMA privileges TO privileges_stranger;
SET ROLE privileges_stranger;
SELECT lend(3);
SELECT count(*) FROM reco.recommenders;
RESET ROLE;
SELECT may('privileges_stranger', $$SELECT * FROM reco.recommend(3, 3, 'lent')$$);
-- who calls it chooses no recommender for it: neither by name nor by a setting
CREATE FUNCTION lend_unnamed(u int) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT count(*) FROM reco.recommend(u, 3) $$;
SET ROLE privileges_planter;
SELECT reco.create_recommender('planted', 'trapped', 'user_id', 'item_id', options => '{"factors": 4, "iterations": 1}');
CALL reco.refresh('planted');
RESET ROLE;
TRUNCATE ran;
SET ROLE privileges_stranger;
SELECT lend_unnamed(3);
SET reco.default_recommender = 'planted';
\set SHOW_CONTEXT never
SELECT lend(3), lend_unnamed(3);
\set SHOW_CONTEXT errors
SELECT lend(3);
SET reco.default_recommender = 'lent';
SELECT lend_unnamed(3);
RESET reco.default_recommender;
RESET ROLE;
SELECT count(*) FROM ran;
SELECT reco.drop_recommender('planted');

\echo == the views do not leak what a cheap function could see
SET ROLE privileges_planter;
CREATE FUNCTION leak(text) RETURNS bool LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN INSERT INTO privileges.ran VALUES ($1); RETURN true; END $$;
SELECT count(*) FROM reco.recommenders WHERE leak(name);
SELECT count(*) FROM reco.models WHERE leak(recommender);
RESET ROLE;
SELECT count(*) FROM ran;
SELECT reco.drop_recommender('lent');

\echo == the install script replaces nothing, and nothing in schema reco may be written by others
SELECT count(*) FROM pg_class c, aclexplode(c.relacl) a WHERE c.relnamespace = 'reco'::regnamespace AND a.grantee <> c.relowner AND a.privilege_type <> 'SELECT';
SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_class c, aclexplode(c.relacl) a WHERE c.relnamespace = 'reco'::regnamespace AND a.grantee = 0;
SELECT has_schema_privilege('privileges_stranger', 'reco', 'CREATE');
SELECT count(*) FROM pg_proc WHERE pronamespace = 'reco'::regnamespace AND prosecdef;

\echo == operators and functions that stood in schema public before the extension, and would fit better than those of the system, become no part of it
SELECT current_database() AS home \gset
CREATE DATABASE reco_shadowed TEMPLATE template0;
\c reco_shadowed
SET client_min_messages = error;
GRANT CREATE ON SCHEMA public TO privileges_planter;
SET ROLE privileges_planter;
CREATE FUNCTION public.trap(oid, int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'shadow = as %', current_user; END $$;
CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = int, FUNCTION = public.trap);
CREATE FUNCTION public.trap(jsonb, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'shadow #>> as %', current_user; END $$;
CREATE OPERATOR public.#>> (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = public.trap);
CREATE FUNCTION public.lower(varchar) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'shadow lower as %', current_user; END $$;
RESET ROLE;
SHOW search_path;
CREATE EXTENSION reco;
SHOW search_path;
CREATE TABLE events AS SELECT u AS user_id, i AS item_id FROM generate_series(1, 60) u, generate_series(1, 20) i WHERE (u * 7 + i * 3) % 5 < 2;
SELECT reco.create_recommender('shop', 'events', 'user_id', 'item_id', options => '{"factors": 4, "iterations": 1}');
CALL reco.refresh('shop');
SELECT name, interactions, items FROM reco.recommenders;
SELECT recommender, version, gate FROM reco.models;
-- no object of the extension depends on one that is neither its own nor the system's
SELECT pg_describe_object(classid, objid, objsubid), pg_describe_object(refclassid, refobjid, refobjsubid) FROM pg_depend d
WHERE (refclassid = 'pg_operator'::regclass AND (SELECT oprnamespace FROM pg_operator WHERE oid = refobjid) = 'public'::regnamespace)
	OR (refclassid = 'pg_proc'::regclass AND (SELECT pronamespace FROM pg_proc WHERE oid = refobjid) = 'public'::regnamespace AND classid <> 'pg_operator'::regclass);
\c :home
DROP DATABASE reco_shadowed;
SET client_min_messages = error;
SET search_path = privileges;

DROP OWNED BY privileges_owner, privileges_member, privileges_reader, privileges_columns, privileges_no_items, privileges_stranger, privileges_planter;
DROP ROLE privileges_owner, privileges_member, privileges_reader, privileges_columns, privileges_no_items, privileges_stranger, privileges_planter;
DROP SCHEMA shadow CASCADE;
DROP SCHEMA privileges CASCADE;
-- other tests count trials from 1
SELECT setval('reco.trial_id_seq', 1, false);
