-- Free text as topics: terms and weights equal plain SQL, planted topics are found in English and Chinese, hostile texts are defined.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA features_text;
SET search_path = features_text;
SET reco.workers = 0;
SET reco.learn_memory = '256MB';

-- With as many topics as texts nothing is lost: products of encoded texts are those of their TF-IDF vectors.
CREATE TABLE small (id int PRIMARY KEY, blurb text);
INSERT INTO small VALUES
	(1, 'The quick brown fox, and the quick red fox.'), (2, 'A brown dog! The dog, the DOG.'), (3, 'red wine with brown bread'),
	(4, 'bread and wine; wine and cheese'), (5, 'the fox in the forest of the dog'), (6, 'Forest cheese, red forest'),
	(7, 'quick bread'), (8, NULL), (9, ''), (10, 'unheard words');
CREATE TABLE did (person int, thing int);
INSERT INTO did SELECT u, 1 + (u * 7 + k * k) % 10 FROM generate_series(1, 40) u, generate_series(1, 10) k;
SELECT reco.create_recommender('small', 'did', 'person', 'thing', items => 'small', item_key => 'id', item_features => '{blurb}',
	options => '{"factors": 4, "iterations": 1, "features": {"blurb": {"text": true, "dimensions": 10}}}');
CALL reco.refresh('small');
CREATE VIEW topic AS SELECT s.id, t.level, t.value FROM small s, reco.encode('small', 'item', s.id) t WHERE t.role = 'value';
CREATE VIEW occurrence AS SELECT id, term[1] AS term, count(*) AS n FROM small, regexp_matches(lower(blurb), '[a-z]{2,}', 'g') term GROUP BY 1, 2;
CREATE VIEW weighed AS SELECT id, term, (1 + ln(n::float8)) * ln((1 + (SELECT count(DISTINCT id) FROM occurrence))::float8 / df) AS w
FROM occurrence JOIN (SELECT term, count(*) AS df FROM occurrence GROUP BY term HAVING count(*) >= 2) f USING (term);
CREATE VIEW tf_idf AS SELECT id, term, w / sqrt(sum(w * w) OVER (PARTITION BY id)) AS x FROM weighed;
SELECT count(*) AS pairs, bool_and(abs(s.product - t.product) < 1e-5) AS the_same
FROM (SELECT a.id AS a, b.id AS b, coalesce(sum(a.x * b.x) FILTER (WHERE a.term = b.term), 0) AS product FROM tf_idf a, tf_idf b GROUP BY 1, 2) s
FULL JOIN (SELECT a.id AS a, b.id AS b, coalesce(sum(a.value * b.value) FILTER (WHERE a.level = b.level), 0) AS product FROM topic a, topic b GROUP BY 1, 2) t USING (a, b);
SELECT s.id, t.role, t.level, t.value FROM small s, reco.encode('small', 'item', s.id) t WHERE t.role <> 'value' ORDER BY s.id;

-- Planted topics: each text has eight words of its topic and six that all share.
CREATE FUNCTION word(language text, topic int, n int) RETURNS text IMMUTABLE
LANGUAGE sql AS $$
SELECT CASE language
	WHEN 'en' THEN (ARRAY['ba', 'ce', 'di', 'fo', 'gu', 'ha'])[1 + topic] || (ARRAY['lan', 'mer', 'nit', 'pos'])[1 + n % 4] || (ARRAY['a', 'e', 'i', 'o', 'u'])[1 + n / 4]
	ELSE chr(x'4E00'::int + topic * 40 + n * 2) || chr(x'4E00'::int + topic * 40 + n * 2 + 1) END;
$$;
CREATE TABLE written (id int PRIMARY KEY, topic int, en text, zh text);
INSERT INTO written SELECT i, i % 5,
	(SELECT string_agg(word('en', CASE WHEN k <= 8 THEN i % 5 ELSE 5 END, abs(hashint4(i * 100 + k)) % 20), ' ' ORDER BY hashint4(k + i)) FROM generate_series(1, 14) k),
	(SELECT string_agg(word('zh', CASE WHEN k <= 8 THEN i % 5 ELSE 5 END, abs(hashint4(i * 100 + k)) % 20), '' ORDER BY hashint4(k + i)) || '。' FROM generate_series(1, 14) k)
FROM generate_series(1, 300) i;
INSERT INTO did SELECT u, 1 + (u * 7 + k) % 200 FROM generate_series(1, 40) u, generate_series(1, 40) k;
SELECT reco.create_recommender('written', 'did', 'person', 'thing', items => 'written', item_key => 'id', item_features => '{en,zh}',
	options => '{"factors": 4, "iterations": 1, "features": {"en": {"text": true, "dimensions": 8}, "zh": {"text": true, "dimensions": 8}}}');
CALL reco.refresh('written');
-- Of the texts of items that nobody has chosen (201 to 300), how many have as nearest chosen one, by cosine, one of their topic?
CREATE TABLE encoded AS SELECT w.id, w.topic, t.attribute, t.level, t.value FROM written w, reco.encode('written', 'item', w.id) t WHERE t.role = 'value';
SELECT attribute, avg((a_topic = b_topic)::int) >= 0.9 AS nearest_is_of_the_topic FROM (
	SELECT DISTINCT ON (a.attribute, a.id) a.attribute, a.id, a.topic AS a_topic, b.topic AS b_topic
	FROM encoded a JOIN encoded b USING (attribute, level) WHERE a.id > 200 AND b.id <= 200
	GROUP BY a.attribute, a.id, b.id, a.topic, b.topic
	ORDER BY a.attribute, a.id, sum(a.value * b.value) / sqrt((SELECT sum(value ^ 2) FROM encoded c WHERE c.id = b.id AND c.attribute = a.attribute)) DESC, b.id) x
GROUP BY attribute ORDER BY attribute;
-- Labels name three words of one language; the mean square norm is 1.
SELECT attribute, count(*), bool_and(level ~ CASE attribute WHEN 'en' THEN '^[a-z]+, [a-z]+, [a-z]+$' ELSE '^[一-龥]{2}, [一-龥]{2}, [一-龥]{2}$' END) FROM reco.features('written') WHERE role = 'value' GROUP BY attribute ORDER BY attribute;
SELECT attribute, round(sum(value ^ 2)::numeric / count(DISTINCT id), 4) FROM encoded GROUP BY attribute ORDER BY attribute;

-- The order of rows changes nothing.
CREATE FUNCTION digest() RETURNS text LANGUAGE sql AS $$
SELECT md5(string_agg(encode(c.digest, 'hex'), ',' ORDER BY c.tensor, c.chunk)) FROM reco.version_chunk c
JOIN reco.recommender r ON r.key = c.recommender WHERE r.name = 'written' AND c.number = r.deployed AND c.tensor = 'item_encoder';
$$;
SELECT digest() AS before \gset
CREATE TABLE shuffled AS SELECT * FROM written ORDER BY md5(id::text);
ALTER TABLE shuffled ADD PRIMARY KEY (id);
SELECT reco.alter_recommender('written', items => 'shuffled');
CALL reco.refresh('written');
SELECT digest() = :'before';

-- Hostile texts: a megabyte, no letters, words never seen, only words that all have.
UPDATE shuffled SET en = repeat('balana ', 150000), zh = repeat('一丁', 500000) WHERE id = 1;
UPDATE shuffled SET en = '?!... 1 2 3', zh = 'abc' WHERE id = 2;
SELECT attribute, role, count(*) FROM reco.encode('written', 'item', 1) GROUP BY 1, 2 ORDER BY 1, 2;
SELECT attribute, role, count(*) FROM reco.encode('written', 'item', 2) GROUP BY 1, 2 ORDER BY 1, 2;
CALL reco.refresh('written');
SELECT attribute, role, count(*) FROM reco.encode('written', 'item', 1) GROUP BY 1, 2 ORDER BY 1, 2;
UPDATE shuffled SET en = NULL, zh = 'the same words in every text';
CALL reco.refresh('written');
SELECT attribute, role, level FROM reco.features('written');
SELECT attribute, role, round(abs(value)::numeric, 5) FROM reco.encode('written', 'item', 3);

-- On the user side a word counts when more than ten people have it.
CREATE TABLE people (id int PRIMARY KEY, about text);
INSERT INTO people SELECT u, concat_ws(' ', 'gardening', CASE WHEN u <= 10 THEN 'chess' END, CASE WHEN u <= 11 THEN 'sailing' END) FROM generate_series(1, 40) u;
SELECT reco.alter_recommender('written', users => 'people', user_key => 'id', user_features => '{about}', options => '{"features": {"about": {"text": true}}}', unset => '{item_features}');
CALL reco.refresh('written');
SELECT string_agg(level, ' / ' ORDER BY number) FROM reco.features('written', 'user') WHERE role = 'value';

-- Prose that is not said to be prose is told.
SELECT reco.alter_recommender('written', unset => '{options,users,user_key,user_features}', item_features => '{en}');
UPDATE shuffled s SET en = (SELECT w.en FROM written w WHERE w.id = s.id);
SET client_min_messages = warning;
CALL reco.refresh('written', options => '{"factors": 4, "iterations": 1}');
SET client_min_messages = error;
SELECT reco.drop_recommender(name) FROM unnest(ARRAY['small', 'written']) name;
DROP SCHEMA features_text CASCADE;
