-- Attributes as numbers: every encoder equals plain SQL, whatever the order of rows, and hostile values are defined.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA features;
SET search_path = features, helper;
SET reco.workers = 0;
SET reco.learn_memory = '256MB';

CREATE TYPE season AS ENUM ('spring', 'summer', 'autumn');
CREATE TABLE things (id int PRIMARY KEY, in_stock bool, price numeric, weight float8, pages int, made date, seen timestamptz,
	colour text, season season, tags text[], authors text, look real[], code bigint);
INSERT INTO things
SELECT i,
	CASE WHEN i % 10 > 0 THEN i % 3 = 0 END,
	CASE WHEN i % 9 > 0 THEN i * i / 10.0 END,
	CASE i WHEN 1 THEN 'NaN'::float8 WHEN 2 THEN 'infinity' WHEN 3 THEN '-infinity' ELSE i % 7 END,
	i % 20,
	CASE i WHEN 4 THEN 'infinity'::date WHEN 5 THEN NULL ELSE date '2020-01-01' + i END,
	CASE WHEN i % 11 > 0 THEN timestamptz '2020-01-01 00:00+00' + i * interval '7 hours' END,
	CASE WHEN i = 7 THEN 'unique' WHEN i % 8 > 0 THEN (ARRAY['red', 'green', 'blue'])[1 + i % 3] END,
	CASE WHEN i % 6 > 0 THEN (enum_range(NULL::season))[1 + i % 3] END,
	CASE WHEN i = 8 THEN '{}' WHEN i % 5 > 0 THEN (ARRAY['a', 'b', 'c', 'd', NULL, 'a'])[1:1 + i % 6] || CASE WHEN i = 9 THEN 'once' END END,
	CASE WHEN i % 4 > 0 THEN 'Suzanne Collins' || CASE WHEN i % 4 > 1 THEN ', J. Doe ,' ELSE '' END END,
	CASE WHEN i % 7 > 0 THEN ARRAY[i, i % 5, 3] END,
	i % 4
FROM generate_series(1, 60) i;
CREATE TABLE people (id int PRIMARY KEY, age int, region text, gender text);
INSERT INTO people SELECT u, 18 + u, CASE WHEN u <= 11 THEN 'north' WHEN u <= 21 THEN 'south' WHEN u <= 35 THEN 'west' END, (ARRAY['f', 'm'])[1 + u % 2]
FROM generate_series(1, 40) u;
CREATE TABLE did (person int, thing int);
INSERT INTO did SELECT u, 1 + (u * 7 + k * k) % 60 FROM generate_series(1, 40) u, generate_series(1, 10) k;
CREATE INDEX ON did (person);

SELECT reco.create_recommender('shop', 'did', 'person', 'thing', items => 'things', item_key => 'id',
	item_features => '{in_stock,price,weight,pages,made,seen,colour,season,tags,authors,look,code}',
	users => 'people', user_key => 'id', user_features => '{age,region}', protected => '{gender}',
	options => '{"factors": 4, "iterations": 1, "features": {"pages": {"bands": 3}, "authors": {"delimiter": ","}, "code": {"category": true}}}');
SET client_min_messages = error;
CALL reco.refresh('shop');
SET client_min_messages = warning;

-- The columns.
SELECT * FROM reco.features('shop');
SELECT * FROM reco.features('shop', 'user');

-- encoded is what the model sees of all things, learned what it was fitted on.
CREATE VIEW encoded AS SELECT t.id, e.* FROM things t, reco.encode('shop', 'item', t.id) e;
CREATE VIEW learned AS SELECT t.* FROM things t WHERE t.id IN (SELECT thing FROM did);

-- differences() compares the encoding of an attribute with what plain SQL says, number by number.
CREATE FUNCTION differences(which text, query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT count(*) FILTER (WHERE NOT coalesce(abs(a.value - b.value) <= 1e-6 * greatest(1, abs(b.value)), false)) || '' of '' || count(*)
		FROM (SELECT id, role, coalesce(level, '''') AS level, value FROM encoded WHERE attribute = %L) a
		FULL JOIN (SELECT id, role::text, coalesce(level::text, '''') AS level, value::float8 FROM (%s) q(id, role, level, value)
			WHERE value::float8 <> 0) b USING (id, role, level)', which, query) INTO result;
	RETURN result;
END $$;

-- Booleans, categories and enums: one-hot; what fewer than two rows have is other; NULL is missing.
SELECT differences('in_stock', $$SELECT id, CASE WHEN in_stock IS NULL THEN 'missing' ELSE 'level' END, in_stock::text, 1 FROM things$$);
SELECT differences('colour', $$SELECT id, CASE WHEN colour IS NULL THEN 'missing' WHEN n > 1 THEN 'level' ELSE 'other' END, CASE WHEN n > 1 THEN colour END, 1
	FROM (SELECT *, (SELECT count(*) FROM learned l WHERE l.colour = t.colour) n FROM things t) t$$);
SELECT differences('season', $$SELECT id, CASE WHEN season IS NULL THEN 'missing' ELSE 'level' END, season::text, 1 FROM things$$);
SELECT differences('code', $$SELECT id, 'level', code::text, 1 FROM things$$);

-- Numbers and times: the distance to the median in 1.4826 times the median of such distances, within 3; NaN is missing.
CREATE FUNCTION standardised(which text, value text, missing text) RETURNS text
LANGUAGE sql AS $$
SELECT format('WITH finite AS (SELECT %2$s AS x FROM learned WHERE %2$s BETWEEN -1e300 AND 1e300),
	middle AS (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY x) AS m FROM finite),
	spread AS (SELECT 1.4826 * percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(x - m)) AS s FROM finite, middle)
	SELECT id, CASE WHEN %3$s THEN ''missing'' ELSE ''value'' END, NULL::text, CASE WHEN %3$s THEN 1 ELSE least(3, greatest(-3, (%2$s - m) / s)) END
	FROM things, middle, spread', which, value, missing);
$$;
SELECT differences('price', standardised('price', 'price::float8', 'price IS NULL'));
SELECT differences('weight', standardised('weight', 'weight', $$weight = 'NaN'$$));
SELECT differences('made', standardised('made', 'extract(epoch FROM made)::float8', 'made IS NULL'));
SELECT differences('seen', standardised('seen', 'extract(epoch FROM seen)::float8', 'seen IS NULL'));
SELECT id, role, value FROM encoded WHERE attribute IN ('weight', 'made') AND id <= 5 ORDER BY attribute, id;

-- Bands: about as many rows in each, never cut between equal values.
SELECT differences('pages', $$SELECT id, 'level', CASE WHEN pages < 7 THEN 'below 7' WHEN pages < 14 THEN '7 to 14' ELSE '14 and above' END, 1 FROM things$$);
SELECT level, count(*) FROM encoded WHERE attribute = 'pages' AND id IN (SELECT id FROM learned) GROUP BY level ORDER BY level;

-- Sets: each of n distinct elements has 1/sqrt(n), m unknown ones share sqrt(m/n); an empty set is missing.
SELECT differences('tags', $$WITH element AS (SELECT DISTINCT id, tag FROM things, unnest(tags) tag WHERE tag IS NOT NULL),
	counted AS (SELECT id, tag, (SELECT count(*) FROM learned l WHERE tag = ANY (l.tags)) >= 2 AS known, count(*) OVER (PARTITION BY id) AS n FROM element)
	SELECT id, 'level', tag, 1 / sqrt(n) FROM counted WHERE known
	UNION ALL SELECT id, 'other', NULL, sqrt(count(*) / n::float8) FROM counted WHERE NOT known GROUP BY id, n
	UNION ALL SELECT id, 'missing', NULL, 1 FROM things WHERE id NOT IN (SELECT id FROM element)$$);
SELECT differences('authors', $$WITH element AS (SELECT DISTINCT id, trim(author) AS author FROM things, regexp_split_to_table(authors, ',') author WHERE trim(author) <> '')
	SELECT id, 'level', author, 1 / sqrt(count(*) OVER (PARTITION BY id)) FROM element
	UNION ALL SELECT id, 'missing', NULL, 1 FROM things WHERE authors IS NULL$$);

-- Vectors: centred, and scaled so that the mean square norm is 1.
SELECT differences('look', $$WITH component AS (SELECT id, n, x FROM things, unnest(look) WITH ORDINALITY c(x, n)),
	centre AS (SELECT n, avg(x::float8)::real AS m FROM component WHERE id IN (SELECT id FROM learned) GROUP BY n),
	scale AS (SELECT sqrt(count(DISTINCT id) / sum((x - m) ^ 2)) AS s FROM component JOIN centre USING (n) WHERE id IN (SELECT id FROM learned))
	SELECT id, 'value', n::text, (x - m) * s FROM component JOIN centre USING (n), scale
	UNION ALL SELECT id, 'missing', NULL, 1 FROM things WHERE look IS NULL$$);
SELECT round(sum(value ^ 2)::numeric / count(DISTINCT id), 5) FROM encoded WHERE attribute = 'look' AND role = 'value' AND id IN (SELECT id FROM learned);

-- Users: levels of ten and fewer people are other (south), and missing is kept only where it is of more than ten.
SELECT p.region, e.role, e.level, count(*) FROM people p LEFT JOIN LATERAL (SELECT * FROM reco.encode('shop', 'user', p.id) WHERE attribute = 'region') e ON true
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- Neither the order of rows nor a key that has several rows changes what is learned.
CREATE TABLE digest AS SELECT md5(string_agg(encode(c.digest, 'hex'), ',' ORDER BY c.tensor, c.chunk)) FROM reco.version_chunk c
JOIN reco.recommender r ON r.key = c.recommender WHERE r.name = 'shop' AND c.number = 1 AND c.tensor LIKE '%encoder';
CREATE VIEW again AS SELECT md5(string_agg(encode(c.digest, 'hex'), ',' ORDER BY c.tensor, c.chunk)) FROM reco.version_chunk c
JOIN reco.recommender r ON r.key = c.recommender WHERE r.name = 'shop' AND c.number = r.deployed AND c.tensor LIKE '%encoder';
CREATE TABLE shuffled AS SELECT * FROM things ORDER BY md5(id::text);
SELECT reco.alter_recommender('shop', items => 'shuffled');
SET client_min_messages = error;
CALL reco.refresh('shop');
SELECT count(*) FROM digest JOIN again USING (md5);
INSERT INTO shuffled SELECT * FROM things;
CALL reco.refresh('shop');
SELECT count(*) FROM digest JOIN again USING (md5);
INSERT INTO shuffled (id, colour, price) SELECT id, 'red', 1 FROM things WHERE id % 2 = 0;
CALL reco.refresh('shop');
CREATE TABLE several AS SELECT md5 FROM again;
CREATE TABLE encoded_before AS SELECT t.id, e.* FROM (SELECT DISTINCT id FROM shuffled) t, reco.encode('shop', 'item', t.id) e;
CREATE TABLE reversed AS SELECT * FROM shuffled ORDER BY md5(shuffled::text);
SELECT reco.alter_recommender('shop', items => 'reversed');
CALL reco.refresh('shop');
SELECT count(*) FROM several JOIN again USING (md5);
SELECT count(*) FROM ((TABLE encoded_before EXCEPT SELECT t.id, e.* FROM (SELECT DISTINCT id FROM reversed) t, reco.encode('shop', 'item', t.id) e)) x;
SELECT reco.alter_recommender('shop', items => 'things');
CALL reco.refresh('shop');
SET client_min_messages = warning;

-- Protected columns are no part of what is learned.
SELECT outcome($$SELECT reco.alter_recommender('shop', user_features => '{age,region,gender}')$$);
SELECT outcome($$SELECT reco.alter_recommender('shop', protected => '{sex}')$$);
UPDATE people p SET gender = (SELECT gender FROM people q WHERE q.id = 41 - p.id);
SET client_min_messages = error;
CREATE TABLE versions AS SELECT c.tensor, c.chunk, c.digest FROM reco.version_chunk c JOIN reco.recommender r ON r.key = c.recommender WHERE r.name = 'shop' AND c.number = r.deployed;
CALL reco.refresh('shop');
SELECT count(*) FROM ((TABLE versions EXCEPT SELECT c.tensor, c.chunk, c.digest FROM reco.version_chunk c JOIN reco.recommender r ON r.key = c.recommender WHERE r.name = 'shop' AND c.number = r.deployed)) x;
SET client_min_messages = warning;

-- Serving: an unknown level is other; NULL everywhere, and no row, are missing everywhere; an odd vector is missing.
INSERT INTO things VALUES (1001, true, 1e300::numeric * 1e100::numeric, 'NaN', 100, 'infinity', '-infinity', 'ultraviolet', NULL, '{zzz}', 'Nobody', '{1,2}', 99),
	(1002, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (1003, NULL, 5, NULL, NULL, NULL, NULL, repeat('long', 250000), NULL, '{{a,b},{b,c}}', ',,', '{1,NaN,3}', NULL);
SELECT e.attribute, e.role, e.level, e.value FROM reco.encode('shop', 'item', 1001) e;
SELECT count(*), count(*) FILTER (WHERE role = 'missing' AND value = 1) FROM reco.encode('shop', 'item', 1002);
SELECT count(*), count(*) FILTER (WHERE role = 'missing' AND value = 1) FROM reco.encode('shop', 'item', 9999);
SELECT e.attribute, e.role, e.level, e.value FROM reco.encode('shop', 'item', 1003) e;
SELECT count(*) FROM reco.encode('shop', 'item', NULL::bigint);
SELECT count(*) FROM reco.encode('shop', 'item', 99999999999);

-- What cannot be encoded, options that do not fit, and columns that have changed since.
SELECT outcome($$SELECT * FROM reco.encode('shop', 'both', 1)$$);
ALTER TABLE things ADD COLUMN shape point, ADD COLUMN blurb text;
SELECT outcome($$SELECT reco.alter_recommender('shop', item_features => '{shape}', unset => '{options}')$$);
SELECT outcome($$SELECT reco.alter_recommender('shop', options => '{"features": {"prise": {"bands": 3}}}')$$);
SELECT outcome($$SELECT reco.alter_recommender('shop', options => '{"features": {"price": {"band": 3}}}')$$);
SELECT outcome($$SELECT reco.alter_recommender('shop', options => '{"features": {"price": {"bands": 1}}}')$$);
SELECT outcome($$SELECT reco.alter_recommender('shop', options => '{"features": {"price": 3}}')$$);
SELECT outcome($$SELECT reco.alter_recommender('shop', options => '{"features": 3}')$$);
SELECT outcome($$SELECT reco.alter_recommender('shop', options => '{"features": {"colour": {"bands": 3}}}')$$);
SELECT outcome($$SELECT reco.alter_recommender('shop', options => '{"features": {"price": {"delimiter": ","}}}')$$);
SELECT outcome($$SELECT reco.alter_recommender('shop', options => '{"features": {"price": {"bands": 3, "category": true}}}')$$);
SELECT outcome($$CALL reco.refresh('shop', options => '{"features": {"price": {"bands": 3}}}')$$);
UPDATE things SET look = '{1,2,3,4}' WHERE id = 30;
SELECT outcome($$CALL reco.refresh('shop')$$);
UPDATE things SET look = NULL WHERE id = 30;
DROP VIEW encoded, learned;
ALTER TABLE things ALTER COLUMN pages TYPE text;
SELECT count(*), count(*) FILTER (WHERE attribute = 'pages') FROM reco.encode('shop', 'item', 1);
ALTER TABLE things DROP COLUMN pages;
SELECT count(*), count(*) FILTER (WHERE attribute = 'pages') FROM reco.encode('shop', 'item', 1);
SELECT count(*), count(*) FILTER (WHERE attribute = 'pages') FROM reco.encode('shop', 'item', 9999);
SELECT outcome($$CALL reco.refresh('shop')$$);
SELECT reco.alter_recommender('shop', unset => '{options}', item_features => '{price,blurb}');
SELECT outcome($$CALL reco.refresh('shop')$$);
SELECT attribute, role, level FROM reco.features('shop') WHERE attribute = 'blurb';

-- A version without features says so, and a version whose encoder was edited is not served.
SELECT reco.create_recommender('plain', 'did', 'person', 'thing', options => '{"factors": 4, "iterations": 1}');
SET client_min_messages = error;
CALL reco.refresh('plain');
SELECT outcome($$SELECT * FROM reco.features('plain')$$);
SET client_min_messages = warning;

-- Ten thousand distinct tags: as many levels as the options say, the most frequent ones.
CREATE TABLE many (id int PRIMARY KEY, tags text[]);
INSERT INTO many SELECT i, ARRAY(SELECT 't' || (i * 200 + t) % 10000 FROM generate_series(1, 400) t) || 'common'::text FROM generate_series(1, 60) i;
SELECT reco.create_recommender('many', 'did', 'person', 'thing', items => 'many', item_key => 'id', item_features => '{tags}',
	options => '{"factors": 4, "iterations": 1, "features": {"tags": {"levels": 100}}}');
SET client_min_messages = error;
CALL reco.refresh('many');
SELECT role, count(*), count(*) FILTER (WHERE level = 'common') FROM reco.features('many') GROUP BY role ORDER BY role;
SELECT round(sum(value ^ 2)::numeric, 4) FROM reco.encode('many', 'item', 7);
SELECT reco.drop_recommender(name) FROM unnest(ARRAY['shop', 'plain', 'many']) name;
DROP SCHEMA features CASCADE;
