-- explain_svg() draws well-formed XML whatever the labels are, with a bar for every row of explain() and the score as their end.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA pictures;
SET search_path = pictures, reco, helper;
SET reco.default_recommender = 'pictures';

CREATE TABLE goods (id int PRIMARY KEY, title text);
INSERT INTO goods SELECT i, 'Good ' || i FROM generate_series(1, 20) i;
CREATE TABLE events (user_id int, item_id int, kind text, stars real);
INSERT INTO events
SELECT u, 1 + (u % 2 * 10 + n * 3 + u / 2) % 20, CASE WHEN n % 4 = 0 THEN 'return' ELSE 'purchase' END, 1 + (u + n) % 5
FROM generate_series(1, 40) u, generate_series(1, 8) n;
CREATE INDEX ON events (user_id);
SELECT create_recommender('pictures', 'events', 'user_id', 'item_id', event_column => 'kind', event_weights => '{"purchase": 1, "return": -1}',
	items => 'goods', item_key => 'id', item_label => 'title', options => '{"dislike": 1}');
CALL refresh('pictures', options => '{"factors": 4, "iterations": 5}');

-- picture() parses a picture; found() gives the texts that a path finds in it.
CREATE FUNCTION picture(u int, i int, options jsonb = NULL, lang text = NULL) RETURNS xml LANGUAGE sql AS $$
	SELECT xmlparse(document explain_svg(u, i, lang => $4, options => $3))
$$;
CREATE FUNCTION found(path text, picture xml) RETURNS text[] LANGUAGE sql AS $$
	SELECT xpath(path, picture, '{{s,http://www.w3.org/2000/svg}}')::text[]
$$;

\echo == a bar a row, and one for the score; the numbers are those of explain()
SELECT cardinality(found('//s:rect[@class="up" or @class="down"]', p)) = (SELECT count(*) FROM explain(1, 2)), cardinality(found('//s:rect[@class="score"]', p)),
	found('//s:text[starts-with(@class,"number")]/text()', p)
		= ARRAY(SELECT to_char(contribution, 'SG0.' || repeat('0', places)) FROM explain(1, 2) ORDER BY ord) || to_char(score(1, 2), 'FM990.' || repeat('0', places))
FROM picture(1, 2) p, LATERAL (SELECT length(split_part((found('//s:text[@class="number total"]/text()', p))[1], '.', 2)) AS places) n;
SELECT found('/s:svg/s:title/text()', p), found('/s:svg/@width', p), found('/s:svg/@xml:lang', p) FROM picture(1, 2) p;
\echo == each bar begins where the last one ended, and the last ends at the score
WITH bars AS (
	SELECT ord, x, x + width AS far FROM picture(1, 2) p, xmltable(xmlnamespaces('http://www.w3.org/2000/svg' AS s), '//s:rect[@class!="page"]' PASSING p
		COLUMNS ord FOR ORDINALITY, x float8 PATH '@x', width float8 PATH '@width') t)
SELECT bool_and(least(abs(a.x - b.x), abs(a.x - b.far), abs(a.far - b.x), abs(a.far - b.far)) < 0.3) FROM bars a JOIN bars b ON b.ord = a.ord + 1;
\echo == options
SELECT cardinality(found('//s:rect[@class="up" or @class="down"]', p)), regexp_replace((found('//s:g[last()]/s:title/text()', p))[1], '[-+][0-9.]+', 'N') FROM picture(1, 2, '{"limit": 2}') p;
SELECT found('/s:svg/@width', p), found('/s:svg/@viewBox', p) FROM picture(1, 2, '{"width": 400, "limit": 2}') p;
\echo == labels are data
CREATE FUNCTION with_label(label text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	shown text;
BEGIN
	UPDATE goods SET title = label WHERE id IN (2, (SELECT evidence_id FROM explain(1, 2) LIMIT 1));
	SELECT format('%s | %s', (found('/s:svg/s:title/text()', p))[1], (found('//s:g[1]/s:svg/s:text/text()', p))[1]) INTO shown FROM picture(1, 2) p;
	RETURN shown;
END $$;
SELECT with_label('<script>alert("x")</script> & ]]> <!-- ''');
SELECT with_label('100% %s %n');
SELECT with_label(U&'tab\0009bell\0007\FFFE\FFFF end');
SELECT with_label('云上跑鞋：轻便透气的男女同款夏季运动鞋，黑色白色红色蓝色绿色，多尺码可选');
SELECT with_label(repeat('long ', 100));
SELECT regexp_replace(with_label(''), 'item \d+$', 'item N');
SELECT regexp_replace(with_label(NULL), 'item \d+$', 'item N');
SELECT with_label('Good 2');
\echo == Chinese
SELECT found('/s:svg/s:title/text()', p), regexp_replace((found('/s:svg/s:desc/text()', p))[1], '[0-9.]+', 'N'), found('/s:svg/@xml:lang', p), (found('//s:g[1]/s:title/text()', p))[1] LIKE '%《Good %》%'
FROM picture(1, 2, lang => 'zh') p;
SET reco.lang = 'zh';
SELECT found('/s:svg/s:title/text()', p) FROM picture(1, 2) p;
RESET reco.lang;
\echo == nobody, nothing, and what the caller may not see
SELECT found('/s:svg/s:desc/text()', p), cardinality(found('//s:rect[@class!="page"]', p)) FROM picture(4711, 2) p;
SELECT picture(NULL, 2) IS NULL, picture(1, NULL) IS NULL;
BEGIN;
DELETE FROM goods WHERE id IN (SELECT evidence_id FROM explain(1, 2) WHERE kind = 'history');
SELECT cardinality(found('//s:rect[@class="up" or @class="down"]', p)) = (SELECT count(*) FROM explain(1, 2)) FROM picture(1, 2) p;
ROLLBACK;
\echo == explicit feedback
SELECT create_recommender('pictures_stars', 'events', 'user_id', 'item_id', value_column => 'stars', feedback => 'explicit');
CALL refresh('pictures_stars', options => '{"factors": 4, "iterations": 5}');
SELECT xmlparse(document explain_svg(1, 2, 'pictures_stars')) IS DOCUMENT, explain_svg(1, 2, 'pictures_stars') LIKE '%the average rating of all items%';
\echo == bad input, and the nine pairs of types
SELECT complaint('SELECT explain_svg(1, 999)');
SELECT complaint($$SELECT explain_svg(1, 2, lang => 'tlh')$$) LIMIT 1;
SELECT complaint($$SELECT explain_svg(1, 2, options => '{"width": 100}')$$);
SELECT complaint($$SELECT explain_svg(1, 2, options => '{"widht": 500}')$$);
SELECT count(*) FROM pg_proc WHERE pronamespace = 'reco'::regnamespace AND proname = 'explain_svg';
SELECT explain_svg('1', '2') = explain_svg(1, 2);

SELECT drop_recommender(name) FROM unnest('{pictures,pictures_stars}'::text[]) name;
DROP SCHEMA pictures CASCADE;
