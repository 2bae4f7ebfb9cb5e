-- What others choose, by segment, lately, ever more, newly and rated best, equals plain SQL; nothing shows fewer than eleven people.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA popular;
SET search_path = popular;
SET reco.workers = 0;
SET reco.learn_memory = '256MB';

CREATE TABLE people (id int PRIMARY KEY, region text, member bool);
INSERT INTO people SELECT u, CASE WHEN u <= 150 THEN 'north' WHEN u <= 250 THEN 'south' WHEN u <= 258 THEN 'tiny' END, u % 2 = 0 FROM generate_series(1, 300) u;
CREATE TABLE goods (id int PRIMARY KEY, title text, in_stock bool);
INSERT INTO goods SELECT i, 'good ' || i, i % 3 > 0 FROM generate_series(1, 80) i;
CREATE TABLE events (person int, good int, kind text, at timestamptz);
-- Popularity depends on the region; goods 61 to 70 come in the last week, 41 to 50 are on the rise, 71 to 80 are for few.
INSERT INTO events SELECT u, g, 'buy', timestamptz '2024-03-01 00:00+00' - abs(hashint4(u * 100 + g)) % 5184000 * interval '1 second'
FROM generate_series(1, 300) u, generate_series(1, 40) g WHERE abs(hashint4(u * 1000 + g)) % 100 < CASE WHEN (u <= 150) = (g <= 20) THEN 10 + g ELSE 45 - g END;
INSERT INTO events SELECT u, g, 'buy', timestamptz '2024-03-01 00:00+00' - abs(hashint4(u * 100 + g)) % 604800 * interval '1 second' * CASE WHEN g > 60 THEN 1 WHEN u % 7 = 0 THEN 2 ELSE 1 END
FROM generate_series(1, 300) u, generate_series(41, 80) g WHERE abs(hashint4(u * 1000 + g)) % 100 < CASE WHEN g <= 50 THEN g - 20 WHEN g <= 60 THEN 5 WHEN g <= 70 THEN g - 50 ELSE 1 END;
INSERT INTO events SELECT u, 1 + u % 80, 'return', timestamptz '2024-03-01 00:00+00' FROM generate_series(1, 300) u;
INSERT INTO events VALUES (1, 1, 'buy', '2024-03-01 00:00+00');
SELECT reco.create_recommender('shop', 'events', 'person', 'good', event_column => 'kind', event_weights => '{"buy": 1, "return": -2}', time_column => 'at',
	items => 'goods', item_key => 'id', item_label => 'title', users => 'people', user_key => 'id', user_features => '{region,member}',
	options => '{"factors": 4, "iterations": 1}');
CALL reco.refresh('shop');

CREATE VIEW chosen AS SELECT person, good, min(at) AS first FROM events GROUP BY 1, 2 HAVING sum(CASE kind WHEN 'buy' THEN 1 ELSE -2 END) > 0;
CREATE VIEW windowed AS SELECT c.person, c.good, w.days,
	bool_or(e.at > '2024-03-01 00:00+00'::timestamptz - w.days * interval '1 day') AS now,
	bool_or(e.at <= '2024-03-01 00:00+00'::timestamptz - w.days * interval '1 day' AND e.at > '2024-03-01 00:00+00'::timestamptz - 2 * w.days * interval '1 day') AS before
FROM chosen c JOIN events e USING (person, good), (VALUES (1), (7), (30), (90)) w(days) WHERE e.kind = 'buy' GROUP BY 1, 2, 3;

-- agrees() says how many items a list has and whether they are those of a query, in order; ties are broken by id.
CREATE FUNCTION agrees(options text, query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT count(*) || '' '' || coalesce(bool_and(p.item_id IS NOT DISTINCT FROM q.id), true) FROM reco.popular_items(NULL::bigint, 30, ''shop'', options => %L) p
		FULL JOIN (SELECT id, row_number() OVER (ORDER BY value DESC, id) AS rank FROM (%s) q(id, value, people) WHERE people > 10 LIMIT 30) q USING (rank)', options, query) INTO result;
	RETURN result;
END $$;
SELECT agrees(format('{"by": "region", "segment": "%s"}', region), format('SELECT good, count(*), count(*) FROM chosen JOIN people ON id = person WHERE region = %L GROUP BY 1', region)) FROM unnest(ARRAY['north', 'south', 'tiny']) region;
SELECT agrees(format('{"by": "region", "segment": "%s", "window": "%s days"}', region, days), format('SELECT good, count(*), count(*) FROM windowed JOIN people ON id = person WHERE region = %L AND days = %s AND now GROUP BY 1', region, days))
FROM unnest(ARRAY['north', 'south', 'tiny']) region, unnest(ARRAY[7, 30]) days;
SELECT agrees(format('{"window": "%s days"}', days), format('SELECT good, count(*), count(*) FROM windowed WHERE days = %s AND now GROUP BY 1', days)) FROM unnest(ARRAY[1, 7, 30, 90]) days;
SELECT agrees(format('{"order": "trending", "window": "%s days"}', days), format('SELECT good, (count(*) FILTER (WHERE now) + 10) / ((SELECT count(*) FILTER (WHERE now) / count(*) FILTER (WHERE before)::float8 FROM windowed WHERE days = %1$s) * count(*) FILTER (WHERE before) + 10),
	count(*) FILTER (WHERE now) FROM windowed WHERE days = %1$s GROUP BY 1', days)) FROM unnest(ARRAY[1, 7, 30]) days;
SELECT agrees('{"order": "new"}', $$SELECT good, count(*), count(*) FROM chosen GROUP BY 1 HAVING min(first) > '2024-03-01 00:00+00'::timestamptz - interval '7 days'$$);
-- What was planted: new goods are 61 to 70, the fastest risers among 41 to 70.
SELECT count(*) >= 9 FROM reco.popular_items(NULL::bigint, 30, 'shop', options => '{"order": "new"}') WHERE item_id BETWEEN 61 AND 70;
SELECT bool_and(item_id BETWEEN 41 AND 70) FROM reco.popular_items(NULL::bigint, 5, 'shop', options => '{"order": "trending"}');

-- Lists of all segments, with reasons, details and the filter; no list shows a count.
SELECT details, count(*), min(rank), max(rank), bool_and(score IS NULL), min(source) FROM reco.popular_items(4, 'shop', options => '{"by": "region"}') GROUP BY details ORDER BY details;
SELECT rank, source, reason, details FROM reco.popular_items(2, 'shop', options => '{"by": "region", "segment": "north"}');
SELECT rank, source, reason, details FROM reco.popular_items(1, 'shop', options => '{"by": "member", "segment": "true"}');
SELECT bool_and(g.in_stock), count(*) FROM reco.popular_items(NULL::bigint, 10, 'shop', filter => 'in_stock', options => '{"window": "7 days"}') p JOIN goods g ON g.id = p.item_id;
SELECT source, details, reason IS NULL FROM reco.popular_items(1, 'shop', options => '{"order": "new", "reason": false}');

-- Who has no history gets what their segment chooses, the first feature that says something before the others, and then what all choose; all functions agree.
INSERT INTO people VALUES (901, 'south', true), (902, NULL, true), (903, 'tiny', NULL), (904, 'nowhere', NULL);
CREATE FUNCTION of_user(u bigint, k int, OUT source text, OUT scored bool, OUT same_order bool, OUT n bigint) LANGUAGE sql AS $$
	SELECT min(r.source), bool_or(r.score IS NOT NULL), bool_and(s.item_id = r.item_id), count(*) FROM reco.recommend(u, k, 'shop') r
	LEFT JOIN reco.popular_items(NULL::bigint, 30, 'shop', options => CASE u WHEN 901 THEN '{"by": "region", "segment": "south"}' WHEN 902 THEN '{"by": "member", "segment": "true"}' ELSE '{}' END::jsonb) s USING (rank) $$;
CALL reco.refresh('shop', options => '{"factors": 4, "iterations": 1, "attributes": false}');
SELECT u, (of_user(u, 20)).* FROM unnest(ARRAY[901, 902, 903, 904, 999]) u;
SELECT reason, details FROM reco.recommend(901, 1, 'shop');
SELECT reason, details->'attributes' FROM reco.recommend(902, 1, 'shop');
-- a report counts lines that name a segment, those of another segment are popular, as their reasons say
INSERT INTO events SELECT 901 + u % 2, 1, 'return', '2024-03-01 00:00+00' FROM generate_series(0, 1) u;
SELECT kind, event, lines, users_with, removal_effect, contribution FROM reco.reason_report('shop', 1000) WHERE kind IN ('segment', 'popular') ORDER BY kind;
SELECT CASE WHEN reason ~ ' in south$' THEN 'segment' ELSE 'popular' END AS kind, count(*), count(DISTINCT u) FROM (SELECT DISTINCT person FROM events) e (u), LATERAL reco.recommend(u::bigint, 10, 'shop') r WHERE r.score IS NULL GROUP BY 1 ORDER BY 1;
DELETE FROM events WHERE person > 900;
-- what is promoted comes first, and the segment's list goes on behind it; many users at once, their reasons and the facts of one reason agree
CREATE TABLE promoted AS SELECT u, r.* FROM unnest(ARRAY[901, 902, 903]) u, LATERAL (SELECT jsonb_build_object('promoted', (SELECT jsonb_agg(item_id) FROM (
	SELECT item_id FROM reco.recommend(u, 30, 'shop') WHERE rank IN (9, 26) UNION SELECT 999999) p)) AS options) o, LATERAL (SELECT r.*, options FROM reco.recommend(u, 30, 'shop', options => options) r) r;
SELECT u, min(source), array_agg(rank ORDER BY rank) FILTER (WHERE details ? 'promotion'), bool_and(reason ~ 'promoted') FILTER (WHERE details ? 'promotion'), bool_or(reason ~ 'promoted') FILTER (WHERE NOT details ? 'promotion') FROM promoted GROUP BY u ORDER BY u;
SELECT count(*) FROM (SELECT u, row_number() OVER (PARTITION BY u ORDER BY rank) AS place, item_id, reason FROM promoted WHERE NOT details ? 'promotion' EXCEPT
	SELECT u, row_number() OVER (PARTITION BY u ORDER BY rank), item_id, reason FROM unnest(ARRAY[901, 902, 903]) u, LATERAL (SELECT DISTINCT p.options FROM promoted p WHERE p.u = u.u) o,
		LATERAL reco.recommend(u, 32, 'shop') r WHERE NOT options -> 'promoted' @> to_jsonb(item_id)) x;
SELECT count(*) FROM promoted p WHERE NOT EXISTS (SELECT FROM reco.recommend_all('shop', 30, users_query => 'SELECT ' || p.u, options => p.options) a WHERE a.item_id = p.item_id::text AND a.rank = p.rank AND a.source = p.source);
CREATE TABLE promoted_lists (user_id int, rank int, item_id bigint, source text, reason text);
DO $$ DECLARE person int; wanted jsonb; BEGIN
	FOR person, wanted IN SELECT DISTINCT u, options FROM promoted LOOP CALL reco.recommend_into('shop', 'promoted_lists', 30, 'SELECT ' || person, wanted); END LOOP;
END $$;
SELECT count(*) FROM promoted p WHERE NOT EXISTS (SELECT FROM promoted_lists l WHERE (l.user_id, l.rank, l.item_id, l.source, l.reason) = (p.u, p.rank, p.item_id, p.source, p.reason));
SELECT count(*), bool_and(f ->> 'template' = p.reason), bool_and(f ->> 'source' = p.source), bool_and((f -> 'promoted' IS NOT NULL) = (p.details ? 'promotion')), bool_and(f -> 'attributes' IS NOT DISTINCT FROM p.details -> 'attributes')
FROM promoted p, LATERAL (SELECT reco.reason_prompt(p.u, p.item_id, 'shop', options => p.options) AS f) f;
SELECT count(*) FILTER (WHERE a.accepted) = count(*), min(a.problems::text) FROM promoted p, LATERAL (SELECT reco.reason_prompt(p.u, p.item_id, 'shop') AS f) f, LATERAL reco.reason_accept(f ->> 'template', f) a;
DROP TABLE promoted, promoted_lists;
-- the list goes on behind the segment's, without repeating itself
SELECT count(*), count(DISTINCT item_id), max(rank), bool_and(source = 'segment') FROM reco.recommend(901, 80, 'shop');
SELECT count(*), bool_and(g.in_stock) FROM reco.recommend(901, 40, 'shop', filter => 'in_stock') r JOIN goods g ON g.id = r.item_id;
SELECT count(*) FROM (SELECT u::text, r.item_id::text, r.rank, r.source FROM unnest(ARRAY[901, 902, 903, 904, 3]) u, reco.recommend(u::bigint, 70, 'shop') r EXCEPT
	SELECT user_id, item_id, rank, source FROM reco.recommend_all('shop', 70, users_query => 'SELECT id FROM popular.people')) x;
CREATE TABLE written (user_id int, rank int, item_id int, source text, score float8, reason text);
CALL reco.recommend_into('shop', 'written', 70, users_query => 'SELECT id FROM popular.people WHERE id > 900');
SELECT count(*), bool_and(w.item_id = r.item_id AND w.reason = r.reason AND w.source = r.source AND w.score IS NULL) FROM written w, LATERAL (SELECT * FROM reco.recommend(w.user_id::bigint, 70, 'shop') r WHERE r.rank = w.rank) r;
SELECT DISTINCT source FROM reco.what_if(901, '[]', 5, 'shop');
SELECT DISTINCT source FROM reco.what_if(901, '[{"item": 3, "event": "buy"}]', 5, 'shop');
CREATE ROLE popular_reader;
GRANT USAGE ON SCHEMA popular TO popular_reader;
GRANT SELECT ON events, goods TO popular_reader;
SET ROLE popular_reader;
SELECT DISTINCT source FROM reco.recommend(901, 5, 'shop');
RESET ROLE;
DROP OWNED BY popular_reader;
DROP ROLE popular_reader;
DELETE FROM people WHERE id > 900;

-- Other windows, and arrivals by the column that says when an item was added.
ALTER TABLE goods ADD added date;
UPDATE goods SET added = CASE WHEN id <= 20 THEN '2024-02-25' WHEN id <= 70 THEN '2023-01-01' END::date;
SELECT reco.alter_recommender('shop', items_time_column => 'added');
CALL reco.refresh('shop', options => '{"factors": 4, "iterations": 1, "windows": [14, 3, 14]}');
SELECT agrees('{"window": "14 days"}', $$SELECT good, count(DISTINCT person), count(DISTINCT person) FROM chosen JOIN events e USING (person, good) WHERE e.kind = 'buy' AND e.at > '2024-02-16 00:00+00' GROUP BY 1$$);
SELECT agrees('{"order": "new", "window": "14 days"}', $$SELECT good, count(*), count(*) FROM chosen WHERE good <= 20 OR good > 70 GROUP BY 1 HAVING good <= 20 OR min(first) > '2024-02-16 00:00+00'$$);
CREATE FUNCTION complaint(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE h text; d text;
BEGIN
	EXECUTE command;
	RETURN 'fine';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS h = PG_EXCEPTION_HINT, d = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' / ', SQLSTATE || ' ' || SQLERRM, nullif(d, ''), nullif(h, ''));
END $$;
SELECT complaint($$SELECT reco.popular_items(5, 'shop', options => '{"window": "7 days"}')$$);
SELECT complaint($$SELECT reco.popular_items(5, 'shop', options => '{"order": "trending"}')$$);
SELECT complaint($$SELECT reco.popular_items(5, 'shop', options => '{"window": "36 hours"}')$$);
SELECT complaint($$SELECT reco.popular_items(5, 'shop', options => '{"window": "-3 days"}')$$);
SELECT complaint($$SELECT reco.alter_recommender('shop', options => '{"windows": [0]}')$$);
SELECT complaint($$SELECT reco.alter_recommender('shop', options => '{"windows": []}')$$);
SELECT complaint(format($$CALL reco.refresh('shop', options => '{"windows": %s}')$$, (SELECT jsonb_agg(i) FROM generate_series(1, 17) i)));
CALL reco.refresh('shop', options => '{"factors": 4, "iterations": 1}');

-- Ratings: smoothed towards the mean; one rating of the best is no match for 95 of 100, and is not shown at all.
CREATE TABLE ratings (person int, good int, stars int);
INSERT INTO ratings SELECT u, 1, CASE WHEN u <= 95 THEN 5 ELSE 1 END FROM generate_series(1, 100) u;
INSERT INTO ratings VALUES (1, 2, 5);
INSERT INTO ratings SELECT u, 3, 5 FROM generate_series(1, 11) u;
INSERT INTO ratings SELECT u, g, 1 + (abs(hashint4(u * 100 + g)) % 10 + g) / 4 FROM generate_series(1, 100) u, generate_series(4, 12) g WHERE abs(hashint4(u * 37 + g)) % 3 = 0;
SELECT reco.create_recommender('stars', 'ratings', 'person', 'good', value_column => 'stars', feedback => 'explicit', options => '{"factors": 4, "iterations": 1}');
CALL reco.refresh('stars');
WITH item AS (SELECT good, count(*)::float8 AS n, avg(stars)::float8 AS r, sum(stars * stars)::float8 AS q FROM ratings GROUP BY 1),
	total AS (SELECT sum(n) AS n, sum(n * r) / sum(n) AS m, count(*) AS k FROM item),
	within AS (SELECT sum(item.q - item.n * r * r) / (max(total.n) - max(k)) AS w FROM item, total),
	between_items AS (SELECT (sum(item.n * (r - m) ^ 2) - (max(k) - 1) * max(w)) / (max(total.n) - sum(item.n ^ 2) / max(total.n)) AS b FROM item, total, within),
	smoothed AS (SELECT good, item.n AS people, (item.n * r + w / b * m) / (item.n + w / b) AS score FROM item, total, within, between_items)
SELECT count(*), bool_and(p.item_id IS NOT DISTINCT FROM s.good AND abs(p.score - s.score) <= 0.0501), bool_and(p.source = 'rated' AND p.score * 10 = round(p.score * 10))
FROM reco.popular_items(NULL::bigint, 30, 'stars', options => '{"order": "rating"}') p FULL JOIN (SELECT *, row_number() OVER (ORDER BY score DESC, good) AS rank FROM smoothed WHERE people > 10) s USING (rank);
SELECT count(*) FILTER (WHERE item_id = 1), count(*) FILTER (WHERE item_id = 2) FROM reco.popular_items(NULL::bigint, 30, 'stars', options => '{"order": "rating"}');
SELECT complaint($$SELECT reco.popular_items(5, 'stars', options => '{"order": "new"}')$$);
SELECT count(*) FROM reco.popular_items(5, 'shop', options => '{"order": "rating"}');

-- Options that do not go together.
\set VERBOSITY default
SELECT * FROM reco.popular_items(5, 'shop', options => '{"window": "2 days"}');
SELECT * FROM reco.popular_items(5, 'shop', options => '{"window": "143165577 mons -7 days"}');
SELECT * FROM reco.popular_items(5, 'shop', options => '{"order": "trendy"}');
SELECT * FROM reco.popular_items(5, 'shop', options => '{"by": "age"}');
SELECT * FROM reco.popular_items(5, 'shop', options => '{"segment": "north"}');
SELECT * FROM reco.popular_items(5, 'shop', options => '{"by": "region", "order": "trending"}');
SELECT * FROM reco.popular_items(5, 'shop', options => '{"order": "rating", "window": "7 days"}');
SELECT * FROM reco.recommend(5::bigint, 5, 'shop', options => '{"by": "region"}');
\echo == the name of a segment is data: one line and no change of direction
UPDATE people SET region = E'No\nrth\u061C\u202Edlrow <b>”' || repeat('x', 20) WHERE region = 'south';
CALL reco.refresh('shop');
SELECT DISTINCT reason FROM reco.popular_items(4, 'shop', options => '{"by": "region"}') ORDER BY 1;

SELECT reco.drop_recommender(name) FROM unnest(ARRAY['shop', 'stars']) name;
DROP SCHEMA popular CASCADE;
