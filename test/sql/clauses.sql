-- Clauses beside history: what an item is, what is promoted, what is new, what a score is based on when nothing can be cited; in both
-- languages, true, varied, and kept from those who may not see what they name.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA clauses;
GRANT USAGE ON SCHEMA clauses TO PUBLIC;
SET search_path = clauses, reco, helper;

CREATE FUNCTION chance(text) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$SELECT (hashtextextended($1, 7) & 1048575) / 1048576.0$$;
-- Customers like a brand and a genre that go by their number; customers above 400 have bought nothing, nobody has bought things above 200.
CREATE TABLE things (id int PRIMARY KEY, title text, brand text, genre text, price numeric, description text);
INSERT INTO things SELECT i, 'T' || i, 'brand' || i % 4, (ARRAY['prose', 'verse', 'drama'])[1 + i % 3], 5 + (i % 4) * 25.5,
	(ARRAY['the sea to on salt', 'the hill to on rock', 'the wood to on leaf', 'the sand to on dune'])[1 + i % 4] FROM generate_series(1, 260) i;
CREATE TABLE customers (id int PRIMARY KEY, region text, gender text);
INSERT INTO customers SELECT u, (ARRAY['north', 'south', 'east', 'west'])[1 + u % 4], (ARRAY['f', 'm'])[1 + u % 2] FROM generate_series(1, 440) u;
CREATE TABLE events (user_id int, thing_id int);
INSERT INTO events SELECT u, i FROM generate_series(1, 400) u, generate_series(1, 200) i
WHERE chance(u || ':' || i) < CASE WHEN u % 4 = i % 4 AND u % 3 = i % 3 THEN 0.5 WHEN u % 4 = i % 4 THEN 0.12 WHEN u % 3 = i % 3 THEN 0.12 ELSE 0.01 END;
CREATE INDEX ON events (user_id);
ANALYZE;
-- maker(features, kinds): a recommender that learns from some features
CREATE FUNCTION maker(features text[], kinds jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM recommenders WHERE name = 'clauses') THEN
		PERFORM drop_recommender('clauses');
	END IF;
	PERFORM create_recommender('clauses', 'events', 'user_id', 'thing_id', items => 'things', item_key => 'id', item_label => 'title',
		item_features => features::name[], users => 'customers', user_key => 'id', user_features => '{region}', options => jsonb_build_object('factors', 8, 'features', kinds));
END $$;
-- said(lang, lowest): the texts of things from a number on, by default what nobody has bought, to customers with and without a history
CREATE FUNCTION said(lang text, lowest int DEFAULT 201) RETURNS TABLE (u int, item_id bigint, skeleton text, reason text, details jsonb) LANGUAGE sql AS $$
	SELECT u, r.item_id, regexp_replace(r.reason, '[“《][^”》]*[”》]', 'X', 'g'), r.reason, r.details
	FROM generate_series(1, 440, 3) u, LATERAL recommend(u, 10, 'clauses', candidates => (SELECT array_agg(id::bigint) FROM things WHERE id >= $2), lang => $1) r
$$;
SET reco.workers = 0;

\echo == a brand, a genre, a price, in words that fit; what is cited speaks for the item; both languages
SELECT maker('{brand}', '{}');
CALL refresh('clauses');
SELECT count(DISTINCT skeleton) > 8, bool_or(skeleton ~ 'it is by X'), bool_or(skeleton ~ 'your region is X'), bool_or(skeleton ~ 'X is your region') FROM said('en');
SELECT bool_or(skeleton ~ '它出自“?X'), bool_or(skeleton ~ '您的地区[是为]“?X'), bool_and(skeleton !~ 'region') FROM said('zh');
SELECT count(*) > 200, bool_and(c ->> 'value' = 'brand' || item_id % 4), bool_and(u % 4 = item_id % 4)
FROM said('en'), LATERAL jsonb_array_elements(details -> 'attributes') c WHERE c ->> 'of' = 'item';
SELECT maker('{genre}', '{}');
CALL refresh('clauses');
SELECT bool_or(reason ~ 'it belongs to “(prose|verse|drama)”'), bool_or(reason ~ 'it is in the category “'), bool_and(reason !~ 'it is by') FROM said('en');
SELECT bool_or(reason ~ '它属于“(prose|verse|drama)”'), bool_or(reason ~ '它归在“[a-z]+”类') FROM said('zh');
SELECT maker('{price}', '{"price": {"bands": 4}}');
CALL refresh('clauses');
SELECT DISTINCT substring(reason FROM 'it (?:costs|is priced at) [a-z0-9. ]*?(?= and |; |$)') FROM said('en') WHERE reason ~ 'it (costs|is priced)' ORDER BY 1;
SELECT DISTINCT substring(reason FROM '它(?:价格为|价位在)[0-9.至]+(?:以下|以上)?') FROM said('zh') WHERE reason ~ '它(价格为|价位在)' ORDER BY 1;
SELECT bool_and(c ->> 'value' ~ '^(less than [0-9.]+|[0-9.]+ to [0-9.]+|[0-9.]+ or more)$') FROM said('en'), LATERAL jsonb_array_elements(details -> 'attributes') c WHERE c ->> 'name' = 'price';
-- beside a reason, and in the rows of an explanation, bands are in its language
SELECT bool_and(c ->> 'value' ~ '^([0-9.]+以下|[0-9.]+至[0-9.]+|[0-9.]+以上)$'), bool_and(position(c ->> 'value' IN reason) > 0) FROM said('zh'), LATERAL jsonb_array_elements(details -> 'attributes') c WHERE c ->> 'name' = 'price';
SELECT lang, evidence_label, details ->> 'value' FROM unnest('{en,zh}'::text[]) lang, LATERAL explain(1, 3, 'clauses', view => 'attributes', lang => lang) WHERE details ->> 'attribute' = 'price' ORDER BY lang;

\echo == the underscores of a column are not said, in no language; details keep the name of the column
ALTER TABLE things RENAME genre TO kind_of_text;
SELECT maker('{kind_of_text}', '{}');
CALL refresh('clauses');
SELECT lang, bool_or(reason ~ 'kind of text') FROM unnest('{en,zh}'::text[]) lang, LATERAL said(lang) GROUP BY lang ORDER BY lang;
SELECT bool_or(reason ~ '_'), bool_and(c ->> 'name' = 'kind_of_text') FROM (SELECT * FROM said('en') UNION ALL SELECT * FROM said('zh')) s, LATERAL jsonb_array_elements(details -> 'attributes') c WHERE c ->> 'of' = 'item';
SELECT count(*) FILTER (WHERE NOT accepted), min(problems::text) FROM generate_series(1, 440, 11) u, unnest('{en,zh}'::text[]) lang, LATERAL reason_prompt(u, 210, 'clauses', lang) f, LATERAL reason_accept(f ->> 'template', f);
ALTER TABLE things RENAME kind_of_text TO genre;

\echo == a text is named and not quoted: its heaviest words are no reason
SELECT maker('{description}', '{"description": {"text": true, "dimensions": 4, "vocabulary": 20}}');
CALL refresh('clauses');
SELECT bool_or(reason ~ 'its description fits you'), bool_or(reason ~ '“[^”]*(the|to|on|sea|salt|hill|dune|leaf)') FROM said('en');
SELECT bool_or(reason ~ '它的描述适合您') FROM said('zh');

\echo == together: merged when both are of the item, beside a piece of history, never more than two, never one that takes the score away
SELECT maker('{brand, genre}', '{}');
CALL refresh('clauses');
SELECT max(jsonb_array_length(details -> 'because') + coalesce(jsonb_array_length(details -> 'attributes'), 0)), min(jsonb_array_length(details -> 'because')),
	bool_or(jsonb_array_length(details -> 'because') = 1 AND details ? 'attributes'), bool_or(reason ~ '“T[0-9]+” and your region is “'), bool_or(reason ~ 'is by “[^”]+” and (is in the category|belongs to) “' OR reason ~ '(is in the category|belongs to) “[^”]+” and is by “') FROM (SELECT * FROM said('en') UNION ALL SELECT * FROM said('en', 1)) s;
SELECT count(*) > 100, bool_and(e.removal_effect > 0) FROM said('en', 1) s, LATERAL jsonb_array_elements(s.details -> 'because') c, LATERAL explain(s.u::bigint, s.item_id, 'clauses', options => '{"limit": 1000}') e
WHERE e.evidence_id = c::bigint;
SELECT count(*) > 100, bool_and(e.removal_effect > 0) FROM said('en', 1) s, LATERAL jsonb_array_elements(s.details -> 'attributes') c, LATERAL explain(s.u::bigint, s.item_id, 'clauses', options => '{"limit": 1000}') e
WHERE c ->> 'of' = 'user' AND e.details ->> 'attribute' = c ->> 'name';
SELECT bool_and(e.contribution > 0) FROM said('en') s, LATERAL jsonb_array_elements(s.details -> 'attributes') c, LATERAL explain(s.u::bigint, s.item_id, 'clauses', view => 'attributes') e
WHERE c ->> 'of' = 'item' AND e.details ->> 'attribute' = c ->> 'name' AND e.details ->> 'value' = c ->> 'value';

\echo == over a thousand recommendations no wording has more than 40 %, and the same input gives the same text
SELECT lang, sum(n) >= 1000, max(n) <= 0.4 * sum(n) FROM (SELECT lang, skeleton, count(*) AS n FROM unnest('{en,zh}'::text[]) lang, LATERAL said(lang) GROUP BY 1, 2) w GROUP BY lang ORDER BY lang;
SELECT count(*) FROM (SELECT * FROM said('en') EXCEPT ALL SELECT * FROM said('en')) x;

\echo == new: what nobody had chosen, and nothing else
SELECT bool_and((details ? 'new') = (item_id > 200)), bool_and((reason ~ 'new to customers') = (item_id > 200)), bool_or(item_id > 200)
FROM generate_series(1, 40) u, LATERAL recommend(u, 20, 'clauses', options => '{"new_items": 3}');
SELECT bool_and(reason ~ '新品$') FROM said('zh');

\echo == promoted: it is in the list for that, the reason says so, and the explanation has a row for it
SELECT rank, item_id, source, round((score - score(1, item_id, 'clauses'))::numeric, 6), details FROM recommend(1, 3, 'clauses', options => '{"promoted": [150, "151", 4711, null], "promotion": 5}') WHERE rank <= 2;
SELECT DISTINCT reason ~ '^(promoted|a promoted item|shown because it is promoted)$' FROM recommend(1, 2, 'clauses', options => '{"promoted": [150, 151], "promotion": 5}');
SELECT DISTINCT reason ~ '^(推广|推广商品|因推广而展示)$' FROM recommend(1, 2, 'clauses', lang => 'zh', options => '{"promoted": [150, 151], "promotion": 5}');
\echo == a small promotion moves an item by that much: the list is that of all items by score and promotion
SELECT count(*), bool_and(a.item_id = b.item_id AND a.score = b.score) FROM generate_series(1, 40) u,
	LATERAL recommend(u, 10, 'clauses', options => '{"promoted": [4, 7, 10, 13, 40, 41, 42, 43, 201], "promotion": 0.1}') a,
	LATERAL (SELECT row_number() OVER (ORDER BY s DESC, item_id) AS rank, item_id, s AS score FROM (SELECT item_id, score + CASE WHEN item_id IN (4, 7, 10, 13, 40, 41, 42, 43, 201) THEN 0.1::float8 ELSE 0 END AS s
		FROM recommend(u, 300, 'clauses')) x) b WHERE a.rank = b.rank;
SELECT count(*) > 0, bool_and(reason ~ '^(promoted|a promoted item|shown because it is promoted)' ), bool_or(reason ~ 'promoted; .*(because|since)')
FROM generate_series(1, 40) u, LATERAL recommend(u, 10, 'clauses', options => '{"promoted": [4, 7, 10, 13, 40, 41, 42, 43], "promotion": 0.01}') WHERE details ? 'promotion';
SELECT count(*), bool_and(abs(total - score) <= 1e-6 * size), bool_and(promoted) FROM (
	SELECT r.score, sum(e.contribution) AS total, sum(abs(e.contribution)) AS size, bool_or(e.kind = 'promoted') = (r.details ? 'promotion') AS promoted
	FROM generate_series(1, 40) u, LATERAL recommend(u, 5, 'clauses', options => '{"promoted": [4, 7, 10, 13], "promotion": 0.3}') r, unnest('{history,attributes}'::text[]) view,
		LATERAL explain(u::bigint, r.item_id, 'clauses', view => view, options => '{"promoted": [4, 7, 10, 13], "promotion": 0.3}') e GROUP BY u, r.item_id, r.score, r.details, view) x;
SELECT kind, contribution, removal_effect, reason FROM explain(1, 4, 'clauses', options => '{"promoted": [4], "promotion": 0.3}') WHERE kind = 'promoted';
SELECT count(*) FROM explain(1, 4, 'clauses', options => '{"promoted": [5]}') WHERE kind = 'promoted';
\echo == what may not be in a list is not promoted into it; users whom nobody knows get it first
SELECT count(*) FROM recommend(1, 300, 'clauses', exclude => '{150}', options => '{"promoted": [150, 151]}') WHERE item_id = 150;
SELECT count(*) FROM recommend(1, 300, 'clauses', filter => 'id <> 150', options => '{"promoted": [150, 151]}') WHERE item_id = 150;
SELECT bool_or(item_id = e.thing_id) FROM (SELECT thing_id FROM events WHERE user_id = 1 LIMIT 1) e, LATERAL recommend(1, 300, 'clauses', options => jsonb_build_object('promoted', jsonb_build_array(e.thing_id))) r;
SELECT rank, item_id, source, reason ~ 'promoted' FROM recommend(4711, 3, 'clauses', options => '{"promoted": [150, 151]}') WHERE rank <= 2 ORDER BY item_id;
\echo == the lists of many users, and the facts of one reason, know of promotions what recommend() knows
CREATE TABLE expected AS SELECT u::text AS user_id, r.rank, r.item_id::text AS item_id, r.score, r.source, r.reason
FROM generate_series(1, 440, 7) u, LATERAL recommend(u, 10, 'clauses', options => '{"promoted": [4, 7, 150, 151, 230], "promotion": 0.2}') r;
CREATE TABLE lists (LIKE expected);
ALTER TABLE lists ALTER user_id TYPE int USING user_id::int;
CALL recommend_into('clauses', 'lists', 10, users_query => 'SELECT generate_series(1, 440, 7)', options => '{"promoted": [4, 7, 150, 151, 230], "promotion": 0.2}');
SELECT count(*) > 600, count(*) FILTER (WHERE item_id IN ('4', '7', '150', '151', '230')) > 50, count(*) FILTER (WHERE reason ~ '^(promoted|a promoted|shown because)') > 50 FROM expected;
SELECT count(*) FROM (SELECT * FROM expected EXCEPT SELECT user_id::text, rank, item_id, score, source, reason FROM lists) x;
SELECT count(*) FROM (SELECT user_id, rank, item_id, score, source FROM expected
	EXCEPT SELECT * FROM recommend_all('clauses', 10, users_query => 'SELECT generate_series(1, 440, 7)', options => '{"promoted": [4, 7, 150, 151, 230], "promotion": 0.2}')) x;
SELECT count(*), count(*) FILTER (WHERE f ? 'promoted') > 50, count(*) FILTER (WHERE (f ? 'promoted') <> (e.item_id IN ('4', '7', '150', '151', '230'))), bool_and(e.reason LIKE (f ->> 'template') || '%')
FROM (SELECT * FROM expected WHERE rank <= 4) e, LATERAL reason_prompt(e.user_id::bigint, e.item_id::bigint, 'clauses', options => '{"promoted": [4, 7, 150, 151, 230], "promotion": 0.2}') f;
SELECT f -> 'promoted', f ->> 'source', f -> 'basis', f -> 'words' FROM (SELECT reason_prompt(4711, 150, 'clauses', options => '{"promoted": [150]}') AS f) x;
SELECT f -> 'promoted', f ->> 'source', f -> 'basis', f -> 'words' FROM (SELECT reason_prompt(4711, 151, 'clauses', 'zh', '{"promoted": [151]}') AS f) x;
SELECT complaint($$SELECT recommend_all('clauses', options => '{"promoted": 150}')$$);
SELECT complaint($$SELECT recommend_all('clauses', options => '{"promoted": ["x"]}')$$);
SELECT complaint($$SELECT reason_prompt(1, 3, 'clauses', options => '{"promote": [3]}')$$);
DROP TABLE expected, lists;
SELECT complaint($$SELECT recommend(1, 3, 'clauses', options => '{"promoted": 150}')$$);
SELECT complaint($$SELECT recommend(1, 3, 'clauses', options => '{"promoted": [[150]]}')$$);
SELECT complaint($$SELECT recommend(1, 3, 'clauses', options => '{"promoted": ["x"]}')$$);
SELECT complaint($$SELECT recommend(1, 3, 'clauses', options => '{"promoted": [150], "promotion": 0}')$$);
SELECT complaint($$SELECT explain(1, 3, 'clauses', options => '{"promoted": [150], "promotion": -1}')$$);
SELECT complaint($$SELECT similar_items(1, 3, 'clauses', options => '{"promoted": [150]}')$$);

\echo == what the caller may not read is not named, and is called what it is
CREATE ROLE reco_clauses_guest;
GRANT SELECT ON events, customers TO reco_clauses_guest;
GRANT SELECT (id, title) ON things TO reco_clauses_guest;
SET ROLE reco_clauses_guest;
SELECT lang, kind, e.reason FROM unnest('{en,zh}'::text[]) lang, LATERAL explain(1, 3, 'clauses', view => 'attributes', lang => lang) e ORDER BY lang, kind;
SELECT abs(sum(contribution) - score(1, 3, 'clauses')) < 1e-9 FROM explain(1, 3, 'clauses', view => 'attributes');
SELECT bool_or(reason ~ 'brand|genre|prose|verse|drama'), bool_or(details -> 'attributes' @> '[{"of": "item"}]') FROM said('en');
RESET ROLE;

\echo == a score that rests on what may not be said is based on the profile
SELECT alter_recommender('clauses', user_features => '{gender}');
CALL refresh('clauses');
SELECT DISTINCT regexp_replace(reason, '; .*', '') FROM customers c, LATERAL recommend(c.id::bigint, 10, 'clauses', candidates => (SELECT array_agg(id::bigint) FROM things WHERE id <= 200)) WHERE c.id > 420 AND source = 'attributes' ORDER BY 1;
SELECT count(*) > 0 FROM reason_report('clauses', 400) WHERE kind = 'history';
SELECT count(*) FILTER (WHERE NOT accepted), min(problems::text) FROM customers c, unnest('{en,zh}'::text[]) lang, LATERAL reason_prompt(c.id::bigint, 3, 'clauses', lang) f, LATERAL reason_accept(f ->> 'template', f) WHERE c.id BETWEEN 380 AND 440;

\echo == the same list for everybody is based on the history of nobody
SELECT create_recommender('chart', 'events', 'user_id', 'thing_id', algorithm => 'popular', items => 'things', item_key => 'id', item_label => 'title');
CALL refresh('chart');
SELECT bool_or(reason ~ 'history|bought'), bool_and(reason ~ 'popular|people'), count(DISTINCT reason) > 2 FROM generate_series(1, 40) u, LATERAL recommend(u, 10, 'chart');
SELECT kind, users_with > 0 FROM reason_report('chart', 100);
SELECT bool_and(accepted) FROM generate_series(1, 20) u, unnest('{en,zh}'::text[]) lang, LATERAL reason_prompt(u, 3, 'chart', lang) f, LATERAL reason_accept(f ->> 'template', f);

\echo == how others rate it
CREATE TABLE stars (user_id int, thing_id int, stars real);
INSERT INTO stars SELECT u, i, 1 + (u + i) % 5 FROM generate_series(1, 60) u, generate_series(1, 20) i WHERE (u + i) % 3 <> 0;
SELECT create_recommender('stars', 'stars', 'user_id', 'thing_id', feedback => 'explicit', value_column => 'stars');
CALL refresh('stars', options => '{"factors": 4, "iterations": 2}');
SELECT bool_and(reason ~ to_char(score, 'FM990.0')), count(DISTINCT regexp_replace(reason, '[0-9.]+', '#')) FROM popular_items(20, 'stars', options => '{"order": "rating"}');
SELECT bool_and(reason ~ '(分|评分)') FROM popular_items(20, 'stars', lang => 'zh', options => '{"order": "rating"}');

SELECT drop_recommender('clauses');
SELECT drop_recommender('chart');
SELECT drop_recommender('stars');
DROP SCHEMA clauses CASCADE;
DROP OWNED BY reco_clauses_guest;
DROP ROLE reco_clauses_guest;
