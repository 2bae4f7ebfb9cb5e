-- Words: wordings vary and repeat, merge causes that are true together, speak two languages, quote labels as data, and are edited safely.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA words;
GRANT USAGE ON SCHEMA words TO PUBLIC;
SET search_path = words, reco, helper;
SET reco.default_recommender = 'words';
CREATE TABLE goods (id int PRIMARY KEY, title text);
INSERT INTO goods SELECT i, 'Good ' || i FROM generate_series(1, 40) i;
CREATE TABLE events (user_id int, item_id int, kind text);
INSERT INTO events SELECT u, (u - 1) / 60 * 20 + i, (ARRAY['view','purchase','cart'])[1 + (u * 7 + i) % 3]
FROM generate_series(1, 120) u, generate_series(1, 20) i WHERE (u * 5 + i * 3) % 4 = 0;
CREATE INDEX ON events (user_id);
SELECT create_recommender('words', 'events', 'user_id', 'item_id', event_column => 'kind', items => 'goods', item_key => 'id', item_label => 'title');
CALL refresh('words', options => '{"factors": 6, "iterations": 5}');

\echo == a thousand recommendations: no wording over 40 %, and the same input gives the same text
CREATE FUNCTION skeleton(reason text) RETURNS text LANGUAGE sql AS $$ SELECT regexp_replace(reason, '[“《][^”》]*[”》]', 'X', 'g') $$;
SELECT lang, sum(n) >= 1000, max(n) < 0.4 * sum(n), count(*) > 8 FROM (
	SELECT lang, skeleton(reason) AS wording, count(*) AS n FROM unnest('{en,zh}'::text[]) lang, generate_series(1, 120) u, LATERAL recommend(u, 10, lang => lang)
	GROUP BY 1, 2) w GROUP BY lang ORDER BY lang;
SELECT bool_and(a.reason = b.reason), bool_or(a.reason <> c.reason) FROM generate_series(1, 120) u, LATERAL recommend(u, 10) a, LATERAL recommend(u, 5) b, LATERAL recommend(u, 5, options => '{"seed": 1}') c
WHERE a.item_id = b.item_id AND b.item_id = c.item_id;
SELECT max(n) < 9 FROM (SELECT u, count(*) AS n FROM generate_series(1, 120) u, LATERAL recommend(u, 10) GROUP BY u, skeleton(reason)) page;

\echo == two causes are both cited, and the score falls when both are gone (G3)
CREATE FUNCTION joint_effect(u int, i bigint, cited jsonb) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	before float8 := score(u, i);
	after float8;
BEGIN
	BEGIN
		DELETE FROM events WHERE user_id = u AND item_id IN (SELECT c::int FROM jsonb_array_elements_text(cited) c);
		after := score(u, i);
		RAISE EXCEPTION USING errcode = 'ZZ999', message = 'undo';
	EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
		RETURN before - after;
	END;
END $$;
SELECT jsonb_array_length(details -> 'because') AS cites, count(*) > 100, bool_and(joint_effect(u, item_id, details -> 'because') > 0)
FROM generate_series(1, 120, 2) u, LATERAL recommend(u, 5) GROUP BY 1 ORDER BY 1;
SELECT bool_and((SELECT count(*) FROM regexp_matches(reason, '“', 'g')) = jsonb_array_length(details -> 'because')) FROM generate_series(1, 120) u, LATERAL recommend(u, 10);

\echo == merged when they share the verb, two clauses when not, once when the names are equal
INSERT INTO events VALUES (1001, 1, 'purchase'), (1001, 5, 'purchase'), (1002, 1, 'purchase'), (1002, 5, 'view'), (1003, 1, 'teleport'), (1003, 5, 'cart');
INSERT INTO events SELECT e.* FROM events e, generate_series(1, 3 + (item_id = 1)::int) WHERE user_id > 1000; -- so that it is plain which counts for more
SELECT count(*) > 0 FROM reason_templates t, LATERAL set_reason_template(kind, lang, pattern, variant, weight => 0) WHERE variant > 1;
SELECT DISTINCT ON (u, lang) u, lang, reason FROM generate_series(1001, 1003) u, unnest('{en,zh}'::text[]) lang, LATERAL recommend(u, 20, lang => lang)
WHERE jsonb_array_length(details -> 'because') = 2 ORDER BY u, lang, reason COLLATE "C";
BEGIN;
UPDATE goods SET title = 'Twin' WHERE id IN (1, 5);
SELECT DISTINCT reason FROM recommend(1001, 20) WHERE jsonb_array_length(details -> 'because') = 2;
ROLLBACK;

\echo == Chinese, by argument, by setting, by a longer name
BEGIN;
UPDATE goods SET title = NULLIF(concat('商', chr(8220), '品"<b>%s{items}</b>'), '') WHERE id = 1;
UPDATE goods SET title = NULL WHERE id = 5;
SELECT DISTINCT reason FROM recommend(1002, 20, lang => 'zh-CN') WHERE jsonb_array_length(details -> 'because') = 2;
SET LOCAL reco.lang = 'zh_TW';
SELECT kind, reason FROM explain(1002, 9) ORDER BY evidence_id;
SELECT kind, reason FROM explain(1002, 9, options => '{"limit": 1}') WHERE kind = 'rest';
SELECT kind, reason FROM explain(1002, 9, lang => 'EN', options => '{"limit": 0}');
SELECT reason FROM similar_items(5, 1);
SELECT DISTINCT reason FROM popular_items(40) ORDER BY 1;
ROLLBACK;

\echo == plural forms
SELECT e.n, x.reason FROM (VALUES (1), (0)) e (n), LATERAL explain(1002, 9, options => jsonb_build_object('limit', e.n)) x WHERE kind = 'rest' ORDER BY n DESC;

\echo == edits: override rows, seen at once, rolled back, reset
SELECT set_reason_template('bought', 'en', '{you} got hold of {items}');
SELECT DISTINCT reason FROM recommend(1001, 1);
BEGIN;
SELECT set_reason_template('bought', 'en', '{you} grabbed {items} {{really}}');
SELECT DISTINCT reason FROM recommend(1001, 1);
ROLLBACK;
SELECT DISTINCT reason FROM recommend(1001, 1);
SELECT kind, lang, variant, pattern, weight, edited FROM reason_templates WHERE kind = 'bought' AND lang = 'en';
SELECT reset_reason_template('bought');
SELECT set_reason_template('bought', 'en', '{you} purchased {items}', 2, weight => 0);
SELECT DISTINCT reason FROM recommend(1001, 1);

\echo == another language; what it lacks is said in English
SELECT set_reason_template('bought', 'DE', 'du {items} gekauft hast');
SELECT set_reason_template('history', 'de', 'weil {clauses}');
SELECT set_reason_template('label', 'de', '„{text}"');
SELECT set_reason_template('join_items', 'de', '{a} und {b}');
SELECT DISTINCT reason FROM recommend(1001, 1, lang => 'de');
SELECT DISTINCT reason FROM recommend(4711, 1, lang => 'de-AT');
SELECT complaint($$SELECT recommend(1, lang => 'fr')$$);
SELECT reset_reason_template(lang => 'de');
SELECT complaint($$SELECT recommend(1, lang => 'de')$$);
SELECT complaint(format('SELECT set_reason_template(''bought'', %L, ''{items}'')', l)) FROM unnest('{"",de!,-de,de-,pt--br,Ünï}'::text[]) l;

\echo == refused on write
SELECT complaint($$SELECT set_reason_template('bought', 'en', 'you bought {itms}')$$);
SELECT complaint($$SELECT set_reason_template('popular', 'en', 'popular with {count}')$$);
SELECT complaint($$SELECT set_reason_template('bougt', 'en', 'x')$$);
SELECT complaint($$SELECT set_reason_template('wherever', 'en', 'x')$$);
SELECT complaint($$SELECT set_reason_template('bought', 'en', 'you bought {items')$$);
SELECT complaint($$SELECT set_reason_template('bought', 'en', 'you bought items}')$$);
SELECT complaint($$SELECT set_reason_template('rest', 'en', '{count|one}')$$);
SELECT complaint($$SELECT set_reason_template('bought', 'en', '{items|one|many}')$$);
SELECT complaint($$SELECT set_reason_template('rest', 'en', '{count|one|#|# items}')$$);
SELECT complaint(format($$SELECT set_reason_template('bought', %L, '{you} got {items}')$$, repeat('a', 36)));
SELECT complaint('TRUNCATE reco.reason_template');
SELECT complaint($$SELECT set_reason_template('label', 'en', 'it')$$);
SELECT complaint($$SELECT set_reason_template('bought', 'en', 'you bought something')$$);
SELECT complaint($$SELECT set_reason_template('history', 'en', 'because we say so')$$);
SELECT complaint($$SELECT set_reason_template('reviewed', 'en', 'rated highly for {name}')$$);
SELECT complaint($$SELECT set_reason_template('bought', 'en', '{items}', weight => 'NaN')$$);
SELECT complaint($$SELECT set_reason_template('bought', 'en', NULL)$$);
SELECT complaint($$SELECT set_reason_template(NULL, 'en', '{items}')$$);
SELECT complaint($$SELECT set_reason_template('bought', NULL, '{items}')$$);
SELECT complaint($$SELECT set_reason_template('bought', 'en', '{items}', NULL)$$);
SELECT complaint($$UPDATE reason_template SET pattern = 'x {nobody}' WHERE builtin$$);
SELECT complaint($$DELETE FROM reason_template WHERE builtin$$);
SELECT complaint($$INSERT INTO reason_template (kind, lang, variant, pattern, builtin) VALUES ('bought', 'en', 9, 'x', true)$$);

\echo == everybody reads, the owner edits
CREATE ROLE reco_words_guest;
SET ROLE reco_words_guest;
SELECT count(*) > 80 FROM reason_templates;
SELECT complaint($$SELECT set_reason_template('bought', 'en', 'x')$$);
SELECT complaint($$SELECT reset_reason_template()$$);
SELECT complaint($$SELECT * FROM reason_template$$);
RESET ROLE;
GRANT EXECUTE ON FUNCTION set_reason_template, reset_reason_template TO reco_words_guest;
GRANT SELECT, INSERT, UPDATE, DELETE ON reason_template TO reco_words_guest;
SET ROLE reco_words_guest;
SELECT set_reason_template('bought', 'en', '{you} chose {items}');
SELECT complaint($$DELETE FROM reason_template WHERE builtin$$);
SELECT reset_reason_template('bought', 'en', 1);
RESET ROLE;

\echo == without reasons
SELECT rank, reason IS NULL, details FROM recommend(1, 2, options => '{"reason": false}');
SELECT complaint($$SELECT recommend(1, options => '{"reason": "no"}')$$);

\echo == events named in Chinese are worded like those named in English
CREATE TABLE deed (u int, i int, e text);
INSERT INTO deed SELECT u, n, e FROM generate_series(1, 20) u, unnest('{购买,浏览,加购,点赞,收藏,阅读,不喜欢,buy,view,cart,like,save,read,dislike,赏}'::text[]) WITH ORDINALITY t (e, n) WHERE (u + n) % 5 > 0 OR u = 1;
CREATE INDEX ON deed (u);
SELECT create_recommender('deeds', 'deed', 'u', 'i', event_column => 'e', options => '{"factors": 4, "iterations": 2}');
CALL refresh('deeds');
SELECT details ->> 'event' AS event, regexp_replace(reason, '[0-9]+', 'N') FROM explain(1, 3, 'deeds', lang => 'zh') ORDER BY evidence_id;
SELECT drop_recommender('deeds');

\echo == other people: at least min_group + 1, in buckets that one user does not move
CREATE TABLE crowd (user_id int, item_id int);
INSERT INTO crowd SELECT u, 1 FROM generate_series(1, 10) u UNION ALL SELECT u, 2 FROM generate_series(1, 99) u UNION ALL SELECT u, 3 FROM generate_series(1, 300) u
	UNION ALL SELECT 1, 2 FROM generate_series(1, 50);
SELECT create_recommender('crowd', 'crowd', 'user_id', 'item_id');
CREATE FUNCTION buckets() RETURNS text LANGUAGE sql STABLE AS $$
	SELECT string_agg(item_id || ':' || coalesce(details ->> 'people', '-'), ' ' ORDER BY item_id) FROM popular_items(10, 'crowd')
$$;
CALL refresh('crowd', options => '{"factors": 4, "iterations": 1}');
SELECT buckets();
INSERT INTO crowd VALUES (11, 1), (100, 2);
CALL refresh('crowd', options => '{"factors": 4, "iterations": 1}');
SELECT buckets();
DELETE FROM crowd WHERE user_id = 11 AND item_id = 1;
CALL refresh('crowd', options => '{"factors": 4, "iterations": 1}');
SELECT buckets();
DELETE FROM crowd WHERE user_id = 100 AND item_id = 2;
CALL refresh('crowd', options => '{"factors": 4, "iterations": 1}');
SELECT buckets();
DELETE FROM crowd WHERE user_id > 80 AND item_id = 2;
CALL refresh('crowd', options => '{"factors": 4, "iterations": 1}');
SELECT buckets();
DELETE FROM crowd WHERE user_id = 80 AND item_id = 2;
CALL refresh('crowd', options => '{"factors": 4, "iterations": 1}');
SELECT buckets();
INSERT INTO crowd VALUES (80, 2);
CALL refresh('crowd', options => '{"factors": 4, "iterations": 1}');
SELECT buckets();
SET reco.min_group = 50;
CALL refresh('crowd', options => '{"factors": 4, "iterations": 1}');
SELECT buckets();
RESET reco.min_group;
SELECT DISTINCT reason, details FROM popular_items(10, 'crowd') ORDER BY 1;
SELECT set_reason_template('popular_count', 'en', 'loved by {count}+', min_evidence => 100);
SELECT item_id, reason FROM popular_items(10, 'crowd') ORDER BY 1;

SELECT reset_reason_template() > 0;
SELECT drop_recommender('crowd');
SELECT drop_recommender('words');
DROP SCHEMA words CASCADE;
DROP OWNED BY reco_words_guest;
DROP ROLE reco_words_guest;
