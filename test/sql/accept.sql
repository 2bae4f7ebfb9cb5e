-- A text of an outside writer passes when it keeps to the facts, and is refused when something of a known class was changed: rates by class. accept_corpus.sql is about texts at large.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA accept;
GRANT USAGE ON SCHEMA accept TO PUBLIC;
SET search_path = accept, reco, helper;
SET reco.default_recommender = 'accept';

CREATE TABLE goods (id int PRIMARY KEY, title text, brand text);
INSERT INTO goods SELECT i, (ARRAY['Trail shoes','Rain jacket','Camp stove','Head lamp','Wool socks','Travel mug','Sleeping bag','Folding chair','Water filter','Pocket knife'])[1 + (i - 1) % 10] || CASE WHEN i <= 10 THEN '' ELSE ' ' || i END,
	(ARRAY['Norvik','Halden','Borea'])[1 + i % 3] FROM generate_series(1, 20) i;
CREATE TABLE waren (id int PRIMARY KEY, title text, brand text);
INSERT INTO waren SELECT i, (ARRAY['云上跑鞋','防雨外套','露营炉','头灯','羊毛袜','旅行杯','睡袋','折叠椅','滤水器','小刀'])[1 + (i - 1) % 10] || CASE WHEN i <= 10 THEN '' ELSE i::text END,
	(ARRAY['北山','海登','松岭'])[1 + i % 3] FROM generate_series(1, 20) i;
CREATE TABLE events (user_id int, item_id int, kind text);
INSERT INTO events SELECT u, (u - 1) / 20 * 10 + i, (ARRAY['purchase','view'])[1 + u % 2]
FROM generate_series(1, 40) u, generate_series(1, 10) i WHERE (u + i) % 3 <> 0;
CREATE INDEX ON events (user_id);
SELECT create_recommender('accept', 'events', 'user_id', 'item_id', event_column => 'kind', items => 'goods', item_key => 'id', item_label => 'title', item_features => '{brand}');
SELECT create_recommender('accept_zh', 'events', 'user_id', 'item_id', event_column => 'kind', items => 'waren', item_key => 'id', item_label => 'title', item_features => '{brand}');
CALL refresh('accept', options => '{"factors": 4, "iterations": 5}');
CALL refresh('accept_zh', options => '{"factors": 4, "iterations": 5}');

\echo == the facts of a pair
SELECT jsonb_pretty(reason_prompt(2, 2) - 'protected');
SELECT bool_and(reason_prompt(2, item_id) ->> 'template' = reason), bool_and(reason_prompt(2, item_id, lang => 'zh') ->> 'lang' = 'zh'), count(*) > 2 FROM recommend(2, 10);
SELECT accepted, problems FROM reason_accept('because you bought “Rain jacket”', reason_prompt(2, 2));
SELECT reason_prompt(4711, 2) -> 'because', reason_prompt(4711, 2) ->> 'source';
SELECT reason_prompt(NULL::bigint, 2) IS NULL;

-- real prompts: items that the user does not have yet, some for a count of people and some without
CREATE TABLE prompt AS
SELECT row_number() OVER (ORDER BY lang, u, i)::int AS id, lang, u, i, f AS facts, f -> 'item' ->> 'name' AS item, f -> 'because' -> 0 ->> 'name' AS cause,
	CASE f -> 'because' -> 0 ->> 'event' WHEN 'bought' THEN CASE lang WHEN 'en' THEN 'bought' ELSE '买过' END ELSE CASE lang WHEN 'en' THEN 'viewed' ELSE '浏览过' END END AS verb
FROM (VALUES ('en', 'accept'), ('zh', 'accept_zh')) l (lang, name), generate_series(1, 40, 3) u, LATERAL (
	SELECT item_id AS i FROM recommend(u, 3, name)) r, LATERAL (SELECT reason_prompt(u, i, name, lang) AS f) p
WHERE f -> 'because' -> 0 IS NOT NULL;
SELECT lang, count(*) > 30, bool_and(facts ? 'people') FROM prompt GROUP BY lang ORDER BY lang;

-- clean: the template itself and paraphrases
CREATE TABLE clean (lang text, form text);
INSERT INTO clean VALUES
	('en', 'You may like this, because you %1$s “%2$s”.'),
	('en', 'Since you %1$s “%2$s”, “%3$s” could be a fit.'),
	('en', 'We suggest “%3$s” because you %1$s “%2$s”!'),
	('en', 'You %1$s “%2$s”, so this might interest you too.'),
	('en', 'Because you %1$s "%2$s", we think you would enjoy "%3$s".'),
	('en', 'Picked for you since you %1$s %2$s'),
	('en', 'A good match for you: you %1$s “%2$s”.'),
	('en', 'As you %1$s “%2$s”, this one may suit you.'),
	('en', 'because you %1$s “%2$s” and 10+ people chose this'),
	('en', 'Chosen by over ten people, and you %1$s “%2$s”.'),
	('zh', '因为您%1$s《%2$s》，所以为您推荐《%3$s》。'),
	('zh', '您%1$s《%2$s》，也许会喜欢这款商品。'),
	('zh', '由于您%1$s《%2$s》，您可能对《%3$s》感兴趣。'),
	('zh', '为您推荐《%3$s》，因为您%1$s《%2$s》'),
	('zh', '既然您%1$s“%2$s”，不妨看看“%3$s”。'),
	('zh', '您%1$s%2$s，这款商品也很不错。'),
	('zh', '考虑到您%1$s《%2$s》，这款或许适合您。'),
	('zh', '因为您%1$s《%2$s》，已有10多人选择这款。'),
	('zh', '您%1$s《%2$s》，所以推荐您一起看看《%3$s》！');
CREATE TABLE texts AS
SELECT 'clean ' || c.lang AS class, p.id, format(c.form, verb, cause, item) AS text FROM prompt p JOIN clean c USING (lang) WHERE p.id % 3 = 0
UNION ALL SELECT 'clean ' || lang, id, facts ->> 'template' FROM prompt;

-- corrupt: one thing changed
CREATE TABLE corrupt (class text, lang text, form text);
INSERT INTO corrupt VALUES
	('number', 'en', 'because you %1$s “%2$s” 3 times'), ('number', 'en', 'because you %1$s “%2$s” and 100+ people chose this'),
	('number', 'en', 'chosen by seven hundred people, since you %1$s “%2$s”'), ('number', 'en', 'since you %1$s “%2$s”, rank １ for you'),
	('number', 'en', 'since you %1$s “%2$s” twice'), ('number', 'en', 'because you %1$s “%2$s”, 10%% of people chose this'),
	('number', 'zh', '因为您%1$s《%2$s》3次'), ('number', 'zh', '因为您%1$s《%2$s》，已有一千多人选择'), ('number', 'zh', '因为您%1$s《%2$s》三次'),
	('number', 'zh', '您%1$s《%2$s》，已有１００多人选择'), ('number', 'zh', '因为您%1$s《%2$s》，几百人选择了它'), ('number', 'zh', '因为您%1$s《%2$s》，第②名'),
	('name', 'en', 'because you %1$s “%4$s”'), ('name', 'en', 'because you %1$s %4$s'), ('name', 'en', 'because you %1$s “%2$s” and “%4$s”'),
	('name', 'en', 'since you %1$s “%2$s”, try the “Moon boots”'), ('name', 'en', 'since you %1$s “%2$s Pro”'), ('name', 'en', 'because you %1$s %5$s'),
	('name', 'en', 'because you %1$s “%2$s” like %5$s'),
	('name', 'zh', '因为您%1$s《%4$s》'), ('name', 'zh', '因为您%1$s%4$s'), ('name', 'zh', '因为您%1$s《%2$s》和《%4$s》'),
	('name', 'zh', '因为您%1$s《%2$s》，推荐《月球靴》'), ('name', 'zh', '因为您%1$s《%2$s加强版》'), ('name', 'zh', '您%1$s“%2$s”和%4$s'),
	('brand', 'en', 'because you %1$s “%2$s” by %6$s'), ('brand', 'en', 'because you %1$s “%2$s”, and %7$s is here'), ('brand', 'en', '%6$s suits you since you %1$s “%2$s”'),
	('brand', 'zh', '因为您%1$s%6$s的《%2$s》'), ('brand', 'zh', '因为您%1$s《%2$s》，%6$s为您推荐'),
	('cause', 'en', 'because we think it suits you'), ('cause', 'en', 'because you %1$s “%2$s” and because it is fun'), ('cause', 'en', 'due to what we know, this is for you'),
	('cause', 'en', 'based on your mood, and you %1$s “%2$s”'), ('cause', 'en', 'It is fun, therefore we suggest it. You %1$s “%2$s”.'), ('cause', 'en', 'because of “%3$s”'),
	('cause', 'zh', '因为它很有趣'), ('cause', 'zh', '因为您%1$s《%2$s》，也因为它很有趣'), ('cause', 'zh', '根据您的心情推荐。您%1$s《%2$s》。'), ('cause', 'zh', '它很有趣，所以推荐给您'),
	('polarity', 'en', 'because you did not like “%2$s”'), ('polarity', 'en', 'although you %1$s “%2$s”'), ('polarity', 'en', 'because you returned “%2$s”'),
	('polarity', 'en', 'unlike “%2$s”, which you %1$s'), ('polarity', 'en', 'you %1$s “%2$s”, avoid this'), ('polarity', 'en', 'because you never %1$s “%2$s”'),
	('polarity', 'zh', '因为您不喜欢《%2$s》'), ('polarity', 'zh', '因为您没%1$s《%2$s》'), ('polarity', 'zh', '因为您退过《%2$s》'), ('polarity', 'zh', '虽然您%1$s《%2$s》'),
	('verb', 'en', 'because you rated “%2$s” highly'), ('verb', 'en', 'because you liked “%2$s”'), ('verb', 'en', 'because you %1$s “%2$s” and added it to your cart'), ('verb', 'en', 'because you listened to “%2$s”'),
	('verb', 'zh', '因为您收藏过《%2$s》'), ('verb', 'zh', '因为您给《%2$s》打过高分'), ('verb', 'zh', '因为您%1$s《%2$s》，还听过它'),
	('claim', 'en', 'because you %1$s “%2$s” and it is on sale'), ('claim', 'en', 'the best choice since you %1$s “%2$s”'), ('claim', 'en', 'because you %1$s “%2$s” and live nearby'), ('claim', 'en', 'your friends have it, and you %1$s “%2$s”'),
	('claim', 'zh', '因为您%1$s《%2$s》，现在打折'), ('claim', 'zh', '因为您%1$s《%2$s》，质量最好'), ('claim', 'zh', '因为您%1$s《%2$s》，您的朋友也有'),
	('protected', 'en', 'because you %1$s “%2$s” and are a woman'), ('protected', 'en', 'good at your age: you %1$s “%2$s”'), ('protected', 'en', 'since you %1$s “%2$s” and are pregnant'),
	('protected', 'zh', '因为您%1$s《%2$s》而且是女士'), ('protected', 'zh', '因为您%1$s《%2$s》，适合老年人'),
	('language', 'en', 'because you %1$s “%2$s” 推荐'), ('language', 'en', 'parce que vous avez choisi “%2$s”'), ('language', 'en', '因为您买过《%2$s》'), ('language', 'en', 'because you %1$s “%2$s”, très chic'),
	('language', 'zh', 'because you %1$s 《%2$s》'), ('language', 'zh', '因为您%1$s《%2$s》 for you'), ('language', 'zh', '因为您%1$s《%2$s》です'),
	('length', 'en', 'because you %1$s “%2$s”, ' || repeat('and so on ', 40)), ('length', 'en', '   '), ('length', 'zh', '因为您%1$s《%2$s》，' || repeat('非常合适', 60)), ('length', 'zh', ''),
	('markup', 'en', '<b>because</b> you %1$s “%2$s”'), ('markup', 'en', 'because you %1$s “%2$s” [here](http://x.y)'), ('markup', 'en', 'because you %1$s **%2$s**'), ('markup', 'en', E'because you %1$s\n“%2$s”'), ('markup', 'en', 'because you %1$s “%2$s'),
	('markup', 'zh', '因为您%1$s<i>《%2$s》</i>'), ('markup', 'zh', '因为您%1$s《%2$s》' || U&'\200B'), ('markup', 'zh', '因为您%1$s《%2$s');
INSERT INTO texts
SELECT c.class, p.id, format(c.form, verb, cause, item, other, lower(other), brand, upper(brand))
FROM prompt p JOIN corrupt c USING (lang), LATERAL (
	SELECT g.title AS other, g.brand FROM (SELECT 'en' AS lang, * FROM goods UNION ALL SELECT 'zh', * FROM waren) g
	WHERE g.lang = p.lang AND g.title NOT IN (item, cause) AND NOT p.facts -> 'because' @> jsonb_build_array(jsonb_build_object('name', g.title))
	ORDER BY hashint4(p.id * 100 + g.id) LIMIT 1) o
WHERE p.id % 4 = 0;

\echo == every class: texts enough, and how many are refused
CREATE TABLE verdict AS SELECT t.*, a.accepted, a.problems, a.fallback = p.facts ->> 'template' AS falls_back FROM texts t JOIN prompt p USING (id), LATERAL reason_accept(t.text, p.facts) a;
SELECT class, CASE WHEN class LIKE 'clean%' THEN count(*) >= 60 ELSE count(*) >= 10 END AS enough, round(100.0 * count(*) FILTER (WHERE NOT accepted) / count(*), 1) AS refused
FROM verdict GROUP BY class ORDER BY class;
SELECT count(*) >= 200 FROM verdict WHERE class NOT LIKE 'clean%';
SELECT bool_and(falls_back), bool_and(accepted = (problems = '{}')) FROM verdict;

\echo == what went wrong, if anything
SELECT DISTINCT ON (class, regexp_replace(text, '[“《].*[”》]', '')) class, text, problems FROM verdict WHERE accepted <> (class LIKE 'clean%') ORDER BY class, regexp_replace(text, '[“《].*[”》]', ''), text LIMIT 20;

\echo == the class of the problem is named
SELECT class, count(*) FILTER (WHERE EXISTS (SELECT FROM unnest(problems) x WHERE x LIKE replace(class, 'brand', 'name') || ':%')) * 2 > count(*) AS named FROM verdict WHERE class NOT LIKE 'clean%' GROUP BY class ORDER BY class;

\echo == a word that is not known is refused, unless the caller says that it claims nothing
SELECT accepted, problems FROM prompt, LATERAL reason_accept('A snug match for “' || cause || '”.', facts) WHERE lang = 'en' ORDER BY id LIMIT 1;
SELECT accepted, problems FROM prompt, LATERAL reason_accept('A snug match for “' || cause || '”.', facts || '{"words": ["snug", "cosy"]}') WHERE lang = 'en' ORDER BY id LIMIT 1;
\echo == somebody else did it, or it may not have been done
SELECT accepted, problems FROM prompt, LATERAL unnest(ARRAY['because we ', 'because you might have ', 'because you would have ']) w, LATERAL reason_accept(w || verb || ' “' || cause || '”', facts) WHERE lang = 'en' AND id = (SELECT min(id) FROM prompt WHERE lang = 'en') ORDER BY w;

\echo == examples
SELECT text, problems FROM verdict v JOIN (SELECT class, min(id) AS id FROM verdict WHERE class IN ('number', 'polarity', 'cause') GROUP BY class) m USING (class, id) ORDER BY class, text COLLATE "C" LIMIT 8;

\echo == row-level security: a name that the caller does not see is still no name of the facts
CREATE ROLE reco_accept_guest;
GRANT SELECT ON events, goods, prompt TO reco_accept_guest;
ALTER TABLE goods ENABLE ROW LEVEL SECURITY;
CREATE POLICY shown ON goods USING (id <= 10);
SET ROLE reco_accept_guest;
SELECT accepted FROM prompt, LATERAL reason_accept('because you ' || verb || ' “Trail shoes 11”', facts) WHERE lang = 'en' AND item <> 'Trail shoes 11' AND cause <> 'Trail shoes 11' LIMIT 1;
RESET ROLE;
\echo == who is served may have a text checked: a column that they may not read, or that is gone, holds no name that they could know
REVOKE SELECT ON goods FROM reco_accept_guest;
GRANT SELECT (id, title) ON goods TO reco_accept_guest;
SET ROLE reco_accept_guest;
SELECT accepted FROM prompt, LATERAL reason_accept(facts ->> 'template', facts) WHERE id = (SELECT min(id) FROM prompt WHERE lang = 'en');
RESET ROLE;
BEGIN;
ALTER TABLE goods DROP COLUMN brand;
SELECT accepted FROM prompt, LATERAL reason_accept(facts ->> 'template', facts) WHERE id = (SELECT min(id) FROM prompt WHERE lang = 'en');
ROLLBACK;

\echo == every wording that reco brings for reasons passes with the facts that it is for
CREATE TABLE built_in AS
WITH fact AS (SELECT DISTINCT ON (lang) lang, item, cause, facts || jsonb_build_object('because', jsonb_build_array(facts -> 'because' -> 0)) AS facts FROM prompt ORDER BY lang, id),
	word AS (SELECT lang, max(pattern) FILTER (WHERE kind = 'you') AS you, max(pattern) FILTER (WHERE kind = 'it') AS it, max(pattern) FILTER (WHERE kind = 'label') AS label,
		max(pattern) FILTER (WHERE kind = 'value') AS value FROM reason_templates GROUP BY lang),
	part AS (SELECT t.kind, t.lang, t.variant, facts, CASE WHEN t.lang = 'zh' THEN '北山' ELSE 'Norvik' END AS brand,
		replace(replace(replace(pattern, '{you}', you), '{it}', it), '{items}', replace(label, '{text}', cause)) AS text, value
		FROM reason_templates t JOIN fact USING (lang) JOIN word USING (lang))
SELECT c.kind, c.lang, h.variant AS history, c.variant, replace(h.text, '{clauses}', c.text) AS text,
	jsonb_set(c.facts, '{because,0,event}', to_jsonb(c.kind)) AS facts
FROM part c JOIN part h USING (lang) WHERE h.kind = 'history' AND c.kind IN ('bought', 'viewed', 'cart', 'rated', 'rated_highly', 'liked', 'read', 'listened', 'watched', 'saved', 'other_event')
UNION ALL SELECT c.kind, c.lang, h.variant, c.variant, replace(h.text, '{clauses}', replace(replace(c.text, '{value}', replace(c.value, '{text}', c.brand)), '{name}', name)),
	c.facts || '{"because": []}' || jsonb_build_object('attributes', jsonb_build_array(jsonb_build_object('of', CASE c.kind WHEN 'own_feature' THEN 'user' ELSE 'item' END, 'name', name, 'value', c.brand)))
FROM part c JOIN part h USING (lang), unnest('{brand,region,priceBand,home_town}'::text[]) name WHERE h.kind = 'history' AND c.kind IN ('category', 'brand', 'price', 'feature', 'own_feature')
UNION ALL SELECT c.kind, c.lang, 0, c.variant, replace(c.text, '{count}', '10'), c.facts || '{"because": [], "people": 10, "source": "popular"}' FROM part c WHERE c.kind IN ('popular', 'popular_count')
UNION ALL SELECT c.kind, c.lang, 0, c.variant, c.text, c.facts || '{"because": []}' || jsonb_build_object('basis', c.kind) FROM part c WHERE c.kind IN ('fallback', 'profile', 'general')
UNION ALL SELECT c.kind, c.lang, h.variant, c.variant, replace(replace(j.pattern, '{a}', replace(h.text, '{clauses}', b.text)), '{b}', replace(replace(c.text, '{name}', 'ease of use'), '{count}', '10')),
	c.facts || '{"reviews": {"aspect": "ease of use", "people": 10}}' || jsonb_build_object('because', jsonb_build_array(c.facts -> 'because' -> 0 || '{"event": "bought"}'))
FROM part c JOIN part h USING (lang) JOIN part b USING (lang) JOIN reason_templates j USING (lang) WHERE h.kind = 'history' AND b.kind = 'bought' AND c.kind = 'reviewed' AND j.kind = 'join_review';
SELECT lang, count(*) > 90, count(DISTINCT kind) FROM built_in GROUP BY lang ORDER BY lang;
SELECT DISTINCT ON (lang, kind, variant, problems) kind, lang, history, variant, text, problems FROM built_in, LATERAL reason_accept(text, facts) WHERE NOT accepted ORDER BY lang, kind, variant, problems, history, text;

\echo == the words of a region are those of its language; protected words are refused whatever the facts say, and an attribute of that name too
SELECT lang || region, a.problems, b.problems, c.problems FROM prompt, unnest('{"",-gb,_TW}'::text[]) region, LATERAL (SELECT facts || jsonb_build_object('lang', lang || region) AS f) f,
	LATERAL reason_accept(facts ->> 'template', f) a, LATERAL reason_accept((facts ->> 'template') || CASE lang WHEN 'zh' THEN '，女士' ELSE ', woman' END, f) b,
	LATERAL reason_accept((facts ->> 'template') || CASE lang WHEN 'zh' THEN '，女士' ELSE ', woman' END, f || '{"protected": [], "words": ["woman", "女士"], "attributes": [{"of": "user", "name": "woman"}, {"of": "user", "name": "女士"}]}') c
WHERE id IN (SELECT min(id) FROM prompt GROUP BY lang) ORDER BY 1;
SELECT name, accepted FROM prompt, unnest('{shoeBand,ageBand,userGender,age2,age.group,AGE,pageCount,"home (sex)"}'::text[]) name, LATERAL reason_accept('because your ' || name || ' is “Norvik”',
	facts || jsonb_build_object('because', '[]'::jsonb, 'attributes', jsonb_build_array(jsonb_build_object('of', 'user', 'name', name, 'value', 'Norvik')))) WHERE id = (SELECT min(id) FROM prompt WHERE lang = 'en') ORDER BY name COLLATE "C";
SELECT set_reason_template('bought', lang, pattern) FROM (VALUES ('en-gb', '{you} got {items}'), ('zh-tw', '{you}买过{items}')) v (lang, pattern);
SELECT lang, jsonb_array_length(f -> 'protected') > 20, jsonb_array_length(f -> 'verbs') > 0 FROM unnest('{en-gb,zh-tw}'::text[]) lang, LATERAL reason_prompt(2, 12, lang => lang) f;
SELECT reset_reason_template('bought', lang) FROM unnest('{en-gb,zh-tw}'::text[]) lang;

\echo == long texts, and as many words as may be
SELECT accepted, problems FROM prompt, LATERAL (VALUES (1, repeat('because ', 1240)), (2, repeat('because you ' || verb || ' “' || cause || '”. ', 250)), (3, repeat('because ' || cause || ' ', 400))) t (n, text), LATERAL reason_accept(text, facts || '{"max_length": 10000}')
WHERE id = (SELECT min(id) FROM prompt WHERE lang = 'en') ORDER BY n;
SELECT accepted, problems FROM prompt, LATERAL reason_accept(repeat('因为', 4990), facts || '{"max_length": 10000}') WHERE id = (SELECT min(id) FROM prompt WHERE lang = 'zh');
SELECT accepted, problems FROM prompt, LATERAL reason_accept(repeat('item ', 1999), facts || '{"max_length": 10000}' || (SELECT jsonb_build_object('protected', jsonb_agg('word' || i)) FROM generate_series(1, 10000) i)) WHERE id = (SELECT min(id) FROM prompt WHERE lang = 'en');
SELECT complaint($$SELECT reason_accept('x', facts || (SELECT jsonb_build_object('words', jsonb_agg('word' || i)) FROM generate_series(1, 10001) i)) FROM prompt LIMIT 1$$);

\echo == a label that many items share is one name; one that is a word of the language is none
CREATE TABLE many (id int PRIMARY KEY, title text);
INSERT INTO many SELECT i, (ARRAY['Blue mug', 'because you', 'Since'])[1 + i % 3] FROM generate_series(1, 120000) i;
SELECT create_recommender('accept_many', 'events', 'user_id', 'item_id', event_column => 'kind', items => 'many', item_key => 'id', item_label => 'title');
CALL refresh('accept_many', options => '{"factors": 4, "iterations": 5}');
SELECT accepted, problems FROM prompt, LATERAL unnest(ARRAY['because you ', 'close to Blue mug: you ', 'since you ']) WITH ORDINALITY w (words, n), LATERAL reason_accept(words || verb || ' “' || cause || '”', facts || '{"recommender": "accept_many"}')
WHERE lang = 'en' AND id = (SELECT min(id) FROM prompt WHERE lang = 'en') ORDER BY n;
SELECT drop_recommender('accept_many');

\echo == bad input
SELECT complaint($$SELECT reason_accept('x', NULL)$$);
SELECT complaint($$SELECT reason_accept('x', '[]')$$);
SELECT complaint($$SELECT reason_accept('x', '3')$$);
SELECT complaint($$SELECT reason_accept('x', '{}')$$);
SELECT complaint($$SELECT reason_accept('x', (SELECT facts - 'template' FROM prompt LIMIT 1))$$);
SELECT complaint($$SELECT reason_accept('x', (SELECT facts || '{"because": [1]}' FROM prompt LIMIT 1))$$);
SELECT complaint($$SELECT reason_accept('x', (SELECT facts || '{"because": [{"name": "a", "event": "stole"}]}' FROM prompt LIMIT 1))$$);
SELECT complaint($$SELECT reason_accept('x', (SELECT facts || '{"words": [1]}' FROM prompt LIMIT 1))$$);
SELECT complaint($$SELECT reason_accept('x', (SELECT facts || '{"max_length": "long"}' FROM prompt LIMIT 1))$$);
SELECT complaint($$SELECT reason_accept('x', (SELECT facts || '{"recommender": "nobody"}' FROM prompt LIMIT 1))$$);
SELECT complaint('SELECT reason_prompt(1, 999)');
SELECT complaint($$SELECT reason_prompt(1, 2, lang => 'tlh')$$);
SELECT accepted, problems FROM reason_accept(NULL, (SELECT facts FROM prompt LIMIT 1));
SELECT accepted, problems FROM reason_accept(repeat('x', 1000000), (SELECT facts || '{"max_length": 10000}' FROM prompt LIMIT 1));
SELECT accepted, problems FROM reason_accept('parce que', (SELECT facts || '{"lang": "fr"}' FROM prompt LIMIT 1));

SELECT drop_recommender('accept');
SELECT drop_recommender('accept_zh');
DROP SCHEMA accept CASCADE;
DROP ROLE reco_accept_guest;
