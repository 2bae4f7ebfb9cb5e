-- What only uncommon data reach: more columns of attributes than are factored at once, reasons by attributes through an outside
-- writer and back, options of features of every type, and a catalogue in partitions.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA uncommon;
SET search_path = uncommon, reco, helper;

\echo == over a thousand columns: maps are searched for, not factored, with the same result for any number of workers
CREATE TABLE goods (id int PRIMARY KEY, title text, kind text, maker text, shelf text);
INSERT INTO goods SELECT i, 'Good ' || i, 'kind ' || i % 6, 'maker ' || i % 700, 'shelf ' || i % 701 FROM generate_series(1, 2200) i;
CREATE TABLE people (id int PRIMARY KEY, town text);
INSERT INTO people SELECT u, 'town ' || u % 6 FROM generate_series(1, 320) u;
CREATE TABLE bought (person int, good int);
-- people buy what is of their town's kind; nobody has bought a good above 2100, and people above 300 have bought nothing
INSERT INTO bought SELECT u, i FROM generate_series(1, 300) u, generate_series(1, 2100) i WHERE i % 6 = u % 6 AND hashint8extended(u * 10000 + i, 1) & 7 = 0;
CREATE INDEX ON bought (person);
ANALYZE goods, bought;
SELECT create_recommender('wide', 'bought', 'person', 'good', items => 'goods', item_key => 'id', item_label => 'title', item_features => '{kind,maker,shelf}',
	users => 'people', user_key => 'id', user_features => '{town}', options => '{"factors": 6, "iterations": 4}');
SET reco.workers = 0;
CALL refresh('wide');
SELECT count(*) > 1024 FROM features('wide');
SET reco.workers = 2;
CALL refresh('wide');
SELECT count(DISTINCT list) = 1, count(*) FROM (SELECT string_agg(tensor || ':' || chunk || ':' || encode(digest, 'hex'), ' ' ORDER BY tensor, chunk) AS list
	FROM reco.version_chunk WHERE recommender = (SELECT key FROM reco.recommender WHERE name = 'wide') GROUP BY number) v;
RESET reco.workers;
\echo == goods that nobody has bought are found by what they are
SELECT bool_and((SELECT count(*) = 10 AND bool_and(item_id % 6 = u % 6) FROM recommend(u, 10, 'wide', candidates => ARRAY(SELECT generate_series(2101, 2200))))) FROM generate_series(1, 60) u;
SELECT bool_and(abs(s.total - score(u, 2150, 'wide')) < 1e-6) FROM generate_series(1, 5) u, LATERAL (SELECT sum(contribution) AS total FROM explain(u, 2150, 'wide', view => 'attributes')) s;

\echo == the reason of somebody of whom only attributes are known, as facts for a writer, and back
CREATE TABLE told AS SELECT u, r.item_id AS i, r.source, r.reason, reason_prompt(u, r.item_id, 'wide') AS facts FROM generate_series(301, 320) u, LATERAL recommend(u, 3, 'wide') r;
SELECT DISTINCT source, facts ->> 'source' FROM told;
SELECT count(*) = 60, bool_and(facts ->> 'template' = reason) FROM told;
SELECT count(*) > 0 FROM told WHERE facts ? 'attributes';
SELECT bool_and(jsonb_array_length(facts -> 'attributes') BETWEEN 1 AND 2 AND facts -> 'attributes' -> 0 ?& '{of,name}') FROM told WHERE facts ? 'attributes';
SELECT bool_and(a.accepted) FROM told, LATERAL reason_accept(reason, facts) a;
-- "town" says something of a place, but here it is what an attribute is called
SELECT accepted, problems FROM told, LATERAL reason_accept('the best in town, because your town is “' || (facts -> 'attributes' -> 0 ->> 'value') || '”', facts) LIMIT 1;
SELECT accepted, problems FROM (SELECT facts || '{"attributes": []}' AS facts FROM told LIMIT 1) t, LATERAL reason_accept('chosen in your town', facts);
SELECT complaint($$SELECT reason_accept('x', facts || '{"attributes": [1]}') FROM told LIMIT 1$$);
SELECT complaint($$SELECT reason_accept('x', facts || '{"attributes": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}') FROM told LIMIT 1$$);
SELECT complaint($$SELECT reason_accept('x', facts || '{"attributes": 3}') FROM told LIMIT 1$$);

\echo == options of features
SELECT complaint(format($$SELECT alter_recommender('wide', options => '{"features": {"kind": {%s}}}')$$, value)) FROM (VALUES (1, '"levels": "ten"'), (2, '"levels": 2.5'), (3, '"levels": 1e30'),
	(4, '"text": 1'), (5, '"delimiter": ""'), (6, '"delimiter": 7')) t (n, value) ORDER BY n;
SELECT complaint($$SELECT alter_recommender('wide', options => '{"features": {"colour": {"text": true}}}')$$);
SELECT alter_recommender('wide', options => '{"factors": 6, "features": {"kind": {"levels": null, "text": false, "delimiter": ";"}}}');

\echo == a catalogue in partitions gives the lists of one in a single table, filtered or not
CREATE TABLE parts (LIKE goods) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (MINVALUE) TO (1000);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (1000) TO (MAXVALUE);
INSERT INTO parts SELECT * FROM goods;
CREATE INDEX ON parts (id);
ANALYZE parts;
SELECT create_recommender('single', 'bought', 'person', 'good', items => 'goods', item_key => 'id', item_label => 'title', options => '{"factors": 6, "iterations": 2}'),
	create_recommender('parted', 'bought', 'person', 'good', items => 'parts', item_key => 'id', item_label => 'title', options => '{"factors": 6, "iterations": 2}');
CALL refresh('single');
CALL refresh('parted');
SELECT f.n, count(*) FILTER (WHERE a IS DISTINCT FROM b), count(a) FROM (VALUES (1, NULL), (2, 'id % 2 = 0'), (3, 'id in (13, 1313)'), (4, 'shelf = ''shelf 13''')) f (n, filter), generate_series(1, 30) u,
	LATERAL (SELECT string_agg(concat(item_id, ' ', score, ' ', reason), '|' ORDER BY rank) AS a FROM recommend(u, 5, 'single', filter => f.filter)) x,
	LATERAL (SELECT string_agg(concat(item_id, ' ', score, ' ', reason), '|' ORDER BY rank) AS b FROM recommend(u, 5, 'parted', filter => f.filter)) y GROUP BY f.n ORDER BY f.n;
SELECT drop_recommender(name) FROM reco.recommender WHERE name IN ('wide', 'single', 'parted') ORDER BY name;
RESET client_min_messages;
DROP SCHEMA uncommon CASCADE;
