-- What a version was learned from is shown to those alone who may read it, whatever the definition says by now; a level has one name whatever the
-- session's settings; nothing is a reason that is not known; readings that disagree, wild dates and endless sets do no harm.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA features_care;
SET search_path = features_care, reco, helper;
SET reco.workers = 0;
CREATE FUNCTION chance(text) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$SELECT (hashtextextended($1, 7) & 1048575) / 1048576.0$$;
CREATE TABLE things (id int PRIMARY KEY, title text, brand text, margin text, day date, size float8, added date);
INSERT INTO things SELECT i, 'T' || i, 'brand' || i % 4, 'margin' || i % 3, '2024-01-01'::date + i % 5, i % 3 / 3.0, '2024-01-01'::date + i FROM generate_series(1, 80) i;
CREATE TABLE people (id int PRIMARY KEY, region text, belief text, age int);
INSERT INTO people SELECT u, 'region' || u % 4, CASE WHEN u % 3 > 0 THEN 'belief' || u % 2 END, CASE WHEN u % 5 > 0 THEN 20 + u % 40 END FROM generate_series(1, 240) u;
CREATE TABLE events AS SELECT u AS person, i AS thing FROM generate_series(1, 200) u, generate_series(1, 70) i WHERE chance(u || ':' || i) < CASE WHEN u % 4 = i % 4 THEN 0.35 ELSE 0.03 END;
CREATE INDEX ON events (person);
ANALYZE;
SELECT create_recommender('care', 'events', 'person', 'thing', items => 'things', item_key => 'id', item_label => 'title', item_features => '{brand, margin}',
	users => 'people', user_key => 'id', user_features => '{region, belief, age}', options => '{"factors": 8, "iterations": 3}');
CALL refresh('care');
CREATE ROLE features_care_reader;
GRANT USAGE ON SCHEMA features_care, reco TO features_care_reader;
GRANT SELECT ON events TO features_care_reader;
GRANT SELECT (id, title, brand) ON things TO features_care_reader;
GRANT SELECT (id, region) ON people TO features_care_reader;

\echo == a column taken out of the definition stays what the version was learned from
SELECT alter_recommender('care', item_features => '{brand}', user_features => '{region}');
SET ROLE features_care_reader;
SELECT kind, reason FROM explain(3, 7, 'care', view => 'attributes') WHERE kind IN ('attribute', 'rest') ORDER BY reason;
SELECT DISTINCT source FROM recommend(3, 5, 'care');
SELECT DISTINCT source FROM recommend(230, 5, 'care');
SELECT count(*) FROM explain(3, 7, 'care') WHERE kind = 'attribute';
SELECT complaint($$SELECT similar_items(7, 3, 'care', options => '{"by": "attributes"}')$$);
\echo == segments are shown to those who may read the column
SELECT complaint($$SELECT popular_items(3, 'care', options => '{"by": "belief"}')$$);
SELECT complaint($$SELECT popular_items(3, 'care', options => '{"by": "belief", "segment": "belief1"}')$$);
SELECT count(DISTINCT details->>'segment') FROM popular_items(3, 'care', options => '{"by": "region"}');
RESET ROLE;
SELECT count(DISTINCT details->>'segment') FROM popular_items(3, 'care', options => '{"by": "belief"}');
CALL refresh('care');
SET ROLE features_care_reader;
SELECT DISTINCT source FROM recommend(230, 5, 'care');
SELECT count(*) FROM explain(3, 7, 'care') WHERE kind = 'attribute';
RESET ROLE;

\echo == a column that was renamed or dropped is shown to nobody
SELECT alter_recommender('care', item_features => '{brand, margin}', user_features => '{region, belief}');
CALL refresh('care');
ALTER TABLE things RENAME margin TO spread;
SELECT reason FROM explain(3, 7, 'care', view => 'attributes') WHERE kind IN ('attribute', 'rest');
SET ROLE features_care_reader;
SELECT reason FROM explain(3, 7, 'care', view => 'attributes') WHERE kind IN ('attribute', 'rest');
RESET ROLE;
ALTER TABLE things RENAME spread TO margin;
ALTER TABLE people RENAME belief TO creed;
SELECT complaint($$SELECT popular_items(3, 'care', options => '{"by": "belief"}')$$);
SET ROLE features_care_reader;
SELECT complaint($$SELECT popular_items(3, 'care', options => '{"by": "belief"}')$$);
RESET ROLE;
\echo == it says nothing of anybody, the others go on counting, and who is served is told once a session
SELECT DISTINCT source, details->'without' FROM recommend(3, 5, 'care');
SELECT DISTINCT source, details->'without' FROM recommend(230, 5, 'care');
SELECT DISTINCT reason FROM explain(230, 7, 'care') WHERE kind = 'attribute';
SELECT DISTINCT attribute FROM encode('care', 'user', 230);
SELECT max(abs(sum_residual)) < 1e-9 FROM generate_series(1, 240, 7) u, explain_check(u::bigint, 7, 'care');
SELECT count(*), count(*) FILTER (WHERE a.score <> r.score) FROM recommend_all('care', '{3, 230}'::bigint[], 80) a JOIN recommend(3, 80, 'care') r USING (item_id) WHERE a.user_id = 3;
-- a score is less by just what was owed to it
CREATE TABLE without_it AS SELECT i, score(3, i, 'care') FROM generate_series(1, 80) i;
ALTER TABLE people RENAME creed TO belief;
SELECT DISTINCT details ? 'without' FROM recommend(3, 5, 'care');
SELECT count(*) FILTER (WHERE w.score <> score(3, w.i, 'care')) > 60, max(abs(score(3, w.i, 'care') - w.score - e.share)) < 1e-9
FROM without_it w, LATERAL (SELECT sum(contribution) AS share FROM explain(3, w.i, 'care') WHERE kind = 'attribute' AND reason ~ 'belief') e;
-- gone, and of a type that is no text
ALTER TABLE people DROP belief, ALTER region TYPE point USING NULL;
SELECT DISTINCT source, details->'without' FROM recommend(3, 5, 'care');
SELECT count(*) FROM without_it w WHERE w.score = score(3, w.i, 'care');
-- with nothing left to read, who has no history falls to the next rung
SELECT DISTINCT source, score IS NULL AS unscored, details->'without' AS without FROM recommend(230, 5, 'care');
SELECT DISTINCT a.source FROM recommend_all('care', '{230}'::bigint[], 5) a;
SELECT count(*) FROM encode('care', 'user', 3);
SELECT max(abs(sum_residual)) < 1e-9 FROM explain_check(3, 7, 'care');
-- who may not read the relation is not told of it
SET ROLE features_care_reader;
SELECT DISTINCT source FROM recommend(3, 5, 'care');
RESET ROLE;
SELECT complaint($$CALL refresh('care')$$);
ALTER TABLE people DROP region, ADD region text, ADD belief text;
UPDATE people u SET region = 'region' || id % 4, belief = CASE WHEN id % 3 > 0 THEN 'belief' || id % 2 END;
SELECT DISTINCT source, details ? 'without' FROM recommend(230, 5, 'care');

\echo == what is not known, and what is rare, is called that, and is no reason
INSERT INTO things VALUES (101, 'Unknown', NULL, NULL), (102, 'Rare', 'nobody heard of', NULL);
SELECT alter_recommender('care', item_features => '{brand, margin}', user_features => '{region, belief, age}');
CALL refresh('care');
SELECT reason FROM explain(3, 101, 'care', view => 'attributes') WHERE kind = 'attribute' ORDER BY 1;
SELECT reason FROM explain(3, 102, 'care', view => 'attributes', lang => 'zh') WHERE kind = 'attribute' ORDER BY 1;
SELECT reason FROM explain(15, 7, 'care') WHERE kind = 'attribute' ORDER BY 1;
SELECT count(*) FILTER (WHERE reason ~ 'not known|rare one'), count(*) FILTER (WHERE item_id IN (101, 102) AND reason ~ 'brand|margin'), count(*) FILTER (WHERE item_id IN (101, 102)) > 20
FROM generate_series(1, 200, 3) u, recommend(u::bigint, 80, 'care', options => '{"new_items": 12}');

\echo == numbers, bands and vectors that ten people or fewer have say nothing of anybody
ALTER TABLE people ADD salary numeric, ADD years int, ADD face real[], ADD since date;
UPDATE people SET salary = 1000 * id, years = id, face = ARRAY[id, 1, id % 2], since = '2020-01-01'::date + id WHERE id <= 10;
SELECT create_recommender('few', 'events', 'person', 'thing', users => 'people', user_key => 'id', user_features => '{region, salary, years, face, since}',
	options => '{"factors": 4, "iterations": 1, "features": {"years": {"bands": 3}}}');
CALL refresh('few');
SELECT DISTINCT attribute, role FROM generate_series(1, 20) u, encode('few', 'user', u) WHERE attribute <> 'region' AND value <> 0 AND role <> 'missing';
SELECT count(*) FROM generate_series(1, 10) u, explain(u::bigint, 7, 'few') WHERE reason ~ 'salary|years|face|since' AND reason !~ 'not known';
SELECT max(abs(sum_residual)) < 1e-9 FROM generate_series(1, 20) u, explain_check(u::bigint, 7, 'few');
UPDATE people SET salary = 1000 * id, years = id, face = ARRAY[id, 1, id % 2], since = '2020-01-01'::date + id WHERE id <= 11;
CALL refresh('few');
SELECT DISTINCT attribute, role FROM generate_series(1, 20) u, encode('few', 'user', u) WHERE attribute <> 'region' AND value <> 0 AND role <> 'missing' ORDER BY 1, 2;

\echo == edges of bands of users are no value of anybody: the roundest numbers where more than twenty people are
CREATE TABLE paid AS SELECT id, 20000 + 317.13 * id + (id * 7919 % 1000) / 100.0 AS salary, CASE WHEN id <= 60 THEN 0 ELSE id * 0.000123 END AS share, -id AS debt FROM people;
SELECT create_recommender('paid', 'events', 'person', 'thing', users => 'paid', user_key => 'id', user_features => '{salary, share, debt}',
	options => '{"factors": 4, "iterations": 1, "features": {"salary": {"bands": 5}, "share": {"bands": 9}, "debt": {"bands": 4}}}');
CALL refresh('paid');
SELECT attribute, level FROM features('paid', 'user') WHERE role = 'level' ORDER BY number;
-- every band has more than min_group people, and who left one out would see the same edges
CREATE TABLE edges AS SELECT attribute, level FROM features('paid', 'user');
SELECT min(people) > 10, sum(people) FROM (SELECT level, count(*) AS people FROM generate_series(1, 200) u, encode('paid', 'user', u) e WHERE e.attribute = 'salary' GROUP BY level) x;
DELETE FROM paid WHERE id IN (41, 80, 81, 120, 121, 160);
CALL refresh('paid');
SELECT count(*) FROM (SELECT attribute, level FROM features('paid', 'user') WHERE attribute <> 'share' EXCEPT TABLE edges) x;

\echo == intervals are numbers, and numerics vectors
CREATE TABLE odd_types AS SELECT id, make_interval(months => id % 3, days => id % 5, secs => id) AS lasts, CASE WHEN id = 9 THEN ARRAY[1e400, 2]::numeric[] WHEN id = 8 THEN '{NaN,1}' ELSE ARRAY[id % 4 + 0.5, -id] END AS look FROM things WHERE id <= 80;
SELECT create_recommender('odd_types', 'events', 'person', 'thing', items => 'odd_types', item_key => 'id', item_features => '{lasts, look}', options => '{"factors": 4, "iterations": 1}');
CALL refresh('odd_types');
SELECT attribute, kind, role, level FROM features('odd_types') ORDER BY number;
-- the same as numbers of seconds, a month of thirty days, and as a vector of doubles
CREATE VIEW plain_types AS SELECT id, extract(month FROM lasts) * 2592000 + extract(day FROM lasts) * 86400 + extract(epoch FROM lasts - date_trunc('day', lasts)) AS lasts,
	CASE WHEN id = 9 THEN NULL ELSE look::float8[] END AS look FROM odd_types;
CREATE TABLE as_they_are AS SELECT i, e.* FROM generate_series(1, 81) i, encode('odd_types', 'item', i) e;
SELECT alter_recommender('odd_types', items => 'plain_types');
CALL refresh('odd_types');
SELECT count(*), count(*) FILTER (WHERE role = 'missing') FROM as_they_are;
SELECT count(*) FROM (SELECT i, e.* FROM generate_series(1, 81) i, encode('odd_types', 'item', i) e EXCEPT TABLE as_they_are) x;
-- as a category an interval has one name whatever the settings
SELECT alter_recommender('odd_types', items => 'odd_types', item_features => '{lasts}', options => '{"factors": 4, "iterations": 1, "features": {"lasts": {"category": true, "min_count": 1}}}');
CALL refresh('odd_types');
SELECT level FROM encode('odd_types', 'item', 4);
SET IntervalStyle = 'iso_8601';
SELECT level FROM encode('odd_types', 'item', 4);
RESET IntervalStyle;

\echo == a level has one name whatever the settings of who learns and who is served
SELECT create_recommender('texts', 'events', 'person', 'thing', items => 'things', item_key => 'id', item_features => '{day, size}',
	options => '{"factors": 4, "iterations": 1, "features": {"day": {"category": true}, "size": {"category": true}}}');
CALL refresh('texts');
CREATE TABLE encoded AS SELECT i, e.* FROM generate_series(1, 10) i, encode('texts', 'item', i) e;
SELECT level FROM encoded WHERE i = 1 ORDER BY level;
SET DateStyle = 'German'; SET TimeZone = 'Asia/Tokyo'; SET extra_float_digits = -3;
SELECT count(*) FROM (SELECT i, e.* FROM generate_series(1, 10) i, encode('texts', 'item', i) e EXCEPT TABLE encoded) x;
SELECT '2024-01-02'::date;
CALL refresh('texts');
SELECT count(*) FROM (SELECT i, e.* FROM generate_series(1, 10) i, encode('texts', 'item', i) e EXCEPT TABLE encoded) x;
RESET DateStyle; RESET TimeZone; RESET extra_float_digits;

\echo == vectors whose lengths change while a view is read again
CREATE FUNCTION changing(i int) RETURNS real[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE n int := coalesce(nullif(current_setting('features_care.calls', true), ''), '0')::int;
BEGIN
	PERFORM set_config('features_care.calls', (n + 1)::text, false);
	RETURN CASE WHEN n < current_setting('features_care.first')::int THEN array_fill(1::real, ARRAY[4000]) ELSE ARRAY[i]::real[] END;
END $$;
CREATE VIEW shaky AS SELECT id, changing(id) AS look FROM things WHERE id <= 80;
SET features_care.first = 80;
SELECT create_recommender('shaky', 'events', 'person', 'thing', items => 'shaky', item_key => 'id', item_features => '{look}', options => '{"factors": 4, "iterations": 1}');
CREATE FUNCTION after_calls(n int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('features_care.first', n::text, false), set_config('features_care.calls', '0', false);
	CALL reco.refresh('shaky');
	RETURN coalesce((SELECT string_agg(DISTINCT role, ', ') FROM generate_series(1, 80, 7) i, encode('shaky', 'item', i)), 'nothing, as all are equal');
END $$;
-- which ids there are is read first, then what is learned from
SELECT after_calls(80), after_calls(160), after_calls(240);

\echo == a date later than any timestamp, and a set without end
UPDATE things SET added = '5000000-01-01' WHERE id = 5;
SELECT create_recommender('dates', 'events', 'person', 'thing', items => 'things', item_key => 'id', item_features => '{brand}', items_time_column => 'added', options => '{"factors": 4, "iterations": 1}');
CALL refresh('dates');
SELECT count(*) FROM recommend(3, 5, 'dates', options => '{"new_items": 3}');
CREATE TABLE tagged AS SELECT id, 'a' || id % 4 || ',' || CASE WHEN id = 5 THEN (SELECT string_agg(i::text, ',') FROM generate_series(1, 400000) i) ELSE 'b' END AS tags FROM things;
ALTER TABLE tagged ADD more text[];
UPDATE tagged SET more = CASE WHEN id = 5 THEN ARRAY(SELECT i::text FROM generate_series(1, 100000) i) ELSE ARRAY['a' || id % 4] END;
SELECT create_recommender('tagged', 'events', 'person', 'thing', items => 'tagged', item_key => 'id', item_features => '{tags, more}',
	options => '{"factors": 4, "iterations": 1, "features": {"tags": {"delimiter": ","}}}');
CALL refresh('tagged');
-- the first of them count, at most 65536
SELECT attribute, level, role, round(value::numeric ^ -2) FROM encode('tagged', 'item', 5) ORDER BY 1, 2;

SELECT count(drop_recommender(name)) FROM recommenders WHERE name IN ('care', 'few', 'texts', 'shaky', 'dates', 'tagged', 'paid', 'odd_types');
DROP OWNED BY features_care_reader;
DROP ROLE features_care_reader;
DROP SCHEMA features_care CASCADE;
