-- Items that came after the last refresh are scored by their attributes, in every function, as the caller reads them; how items are alike.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA new_items;
SET search_path = new_items, reco;

CREATE FUNCTION chance(text) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$SELECT (hashtextextended($1, 7) & 1048575) / 1048576.0$$;
CREATE FUNCTION complaint(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE h text; d text;
BEGIN
	EXECUTE command;
	RETURN 'fine';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS h = PG_EXCEPTION_HINT, d = PG_EXCEPTION_DETAIL;
	RETURN SQLSTATE || ' ' || SQLERRM || coalesce(' / ' || nullif(d, ''), '') || coalesce(' / ' || nullif(h, ''), '');
END $$;

-- A shop whose customers like one brand each. Nobody has bought products above 180.
CREATE TABLE products (id int PRIMARY KEY, title text, brand text, price int, added timestamptz DEFAULT now());
INSERT INTO products SELECT i, 'P' || i, 'brand' || i % 4, 5 + i % 20, '2024-01-01'::timestamptz + i * interval '1 hour' FROM generate_series(1, 200) i;
CREATE INDEX ON products (added);
CREATE TABLE events (user_id int, product_id int);
INSERT INTO events SELECT u, i FROM generate_series(1, 300) u, generate_series(1, 180) i
WHERE chance(u || ':' || i) < CASE WHEN u % 4 = i % 4 THEN 0.25 ELSE 0.02 END;
CREATE INDEX ON events (user_id);
ANALYZE;
SET reco.workers = 0;
SELECT create_recommender('by_key', 'events', 'user_id', 'product_id', items => 'products', item_key => 'id', item_label => 'title', item_features => '{brand, price}',
	options => '{"factors": 8}');
SELECT create_recommender('by_time', 'events', 'user_id', 'product_id', items => 'products', item_key => 'id', item_label => 'title', item_features => '{brand, price}',
	items_time_column => 'added', options => '{"factors": 8}');
CALL refresh('by_key');
CALL refresh('by_time');
SET reco.default_recommender = 'by_time';

\echo == without new items the list is the same whether or not there are any
CREATE TABLE before AS SELECT u, r.* FROM generate_series(1, 300, 7) u, recommend(u::bigint, 10, options => '{"new_items": 3}') r;
INSERT INTO products SELECT i, 'New ' || i, 'brand' || i % 4, 5 + i % 20 FROM generate_series(901, 940) i;
SELECT count(*) FROM (SELECT u, r.* FROM generate_series(1, 300, 7) u, recommend(u::bigint, 10) r WHERE r.item_id > 900) x;
\echo == with them they compete, and places are kept for the best of what nobody has bought, in the order of scores
SELECT count(*), count(*) FILTER (WHERE item_id > 180) = 3, bool_and(item_id <= 180 OR item_id % 4 = 3), bool_and(ordered)
FROM (SELECT item_id, score <= lag(score, 1, 'infinity') OVER (ORDER BY rank) AS ordered FROM recommend(3, 10, options => '{"new_items": 3}')) r;
SELECT count(*) > 20 FROM (SELECT u FROM generate_series(1, 300, 7) u, recommend(u::bigint, 10, options => '{"new_items": 3}') r WHERE r.item_id > 900) x;
SELECT count(*) FROM (SELECT item_id FROM recommend(3, 10, options => '{"new_items": 10}') EXCEPT
	SELECT item_id FROM recommend(3, 10, 'by_key', options => '{"new_items": 10}')) x;
\echo == a new product scores as one with the same attributes that was there at the refresh and that nobody had bought
SELECT max(abs(score(u, 900 + i) - score(u, 180 + i)) / abs(score(u, 180 + i))) < 1e-4 FROM generate_series(1, 300, 13) u, generate_series(1, 20) i WHERE (900 + i) % 20 = (180 + i) % 20;
\echo == a counterfactual set of a new product, which competes with those of the version
SELECT outcome, bool_and(rank_before = (SELECT rank FROM recommend(3, 300, candidates => ARRAY(SELECT generate_series(1, 200)) || 903::bigint) WHERE item_id = 903)), bool_and(rank_after > 60), count(*) > 0 FROM counterfactual(3, 903, 60, options => '{"max_size": 100}') GROUP BY outcome;
SELECT outcome FROM counterfactual(3, 903, 1);
\echo == all functions show one score
SELECT bool_and(r.score = score(u, r.item_id)), count(*) > 0 FROM generate_series(1, 300, 17) u, recommend(u::bigint, 10, options => '{"new_items": 3}') r WHERE r.item_id > 900;
SELECT count(*) FROM (SELECT u::text, r.item_id::text, r.rank, r.score FROM generate_series(1, 300) u, recommend(u::bigint, 6, options => '{"new_items": 2}') r EXCEPT
	SELECT user_id, item_id, rank, score FROM recommend_all('by_time', 6, options => '{"new_items": 2}')) x;
SELECT count(*) FROM (SELECT u::text, r.item_id::text, r.rank, r.score FROM generate_series(1, 300) u, recommend(u::bigint, 6, filter => 'id > 150 and price < 9', options => '{"new_items": 2}') r EXCEPT
	SELECT user_id, item_id, rank, score FROM recommend_all('by_time', 6, options => '{"new_items": 2, "filter": "id > 150 and price < 9"}')) x;
CREATE TABLE written (user_id int, rank int, item_id int, score float8, source text, reason text);
CALL recommend_into('by_time', 'written', 6, options => '{"new_items": 2}');
SELECT count(*) FROM ((SELECT u, r.item_id, r.rank, r.score, r.reason FROM generate_series(1, 300) u, recommend(u::bigint, 6, options => '{"new_items": 2}') r) EXCEPT SELECT user_id, item_id, rank, score, reason FROM written) x;

\echo == explanations: both views add up, an item is what its attributes say, and removing is exact
SELECT max(sum_residual) < 1e-9, max(removal_residual) < 1e-9 FROM generate_series(1, 300, 37) u, generate_series(901, 940, 7) i, explain_check(u::bigint, i::bigint);
SELECT max(abs(s - score(u, i)) / scale) < 1e-9 FROM generate_series(1, 300, 37) u, generate_series(901, 940, 7) i,
	LATERAL (SELECT sum(contribution) AS s, sum(abs(contribution)) AS scale FROM explain(u::bigint, i::bigint, view => 'attributes')) e;
SELECT kind, evidence_label, details FROM explain(3, 903, view => 'attributes') WHERE kind <> 'item' ORDER BY kind, evidence_label;
SELECT abs(contribution) < 1e-6 FROM explain(3, 903, view => 'attributes') WHERE kind = 'item';
SELECT count(*) > 0, bool_and(details->'attributes' @> '[{"of": "item", "name": "brand"}]') FROM recommend(3, 10, filter => 'id > 900', options => '{"new_items": 3}');
SELECT (reason_prompt(3, 903)->'item'->>'name') LIKE '%New 903%', explain_svg(3, 903) LIKE '%New 903%';
SELECT outcome, rank_before > 10 FROM counterfactual(3, 903, 1);
SELECT reason FROM recommend(3, 1, candidates => '{903}');
SELECT item_embedding(903) IS NOT NULL;

\echo == nor is it said of them that they are popular
SELECT i, f ->> 'template' ~ 'popular', f ->> 'source', f ->> 'basis', a.accepted, b.accepted FROM unnest('{2,190,903}'::int[]) i, reason_prompt(777777, i, 'by_time') f, reason_accept(f ->> 'template', f) a, reason_accept('popular with customers', f) b;

\echo == nobody has reviewed them: what is counted of others is not said of them, wherever the counts lie in memory
CREATE TABLE review AS SELECT 'p' || n AS person, i AS good, 5 AS quality, 5 AS fit FROM generate_series(1, 200) i, generate_series(1, 60) n;
SELECT create_recommender('reviewed', 'events', 'user_id', 'product_id', items => 'products', item_key => 'id', item_label => 'title', item_features => '{brand, price}', options => '{"factors": 8}');
SELECT set_reviews('reviewed', 'review', 'good', 'person', '{quality,fit}', 4, 10);
CALL refresh('reviewed');
INSERT INTO products SELECT i, 'Newest ' || i, 'brand' || i % 4, 5 + i % 20 FROM generate_series(5001, 5400) i;
SELECT count(*) > 0, count(*) FILTER (WHERE details ? 'reviews' OR reason ~ 'rated') FROM generate_series(1, 8) u, recommend(u::bigint, 300, 'reviewed', options => '{"new_items": 200}') WHERE item_id > 5000;
SELECT count(*) > 0 FROM generate_series(1, 8) u, recommend(u::bigint, 30, 'reviewed') WHERE details ? 'reviews';
DELETE FROM products WHERE id > 5000;
SELECT drop_recommender('reviewed');

\echo == what a user has of them is evidence at once, is left out of lists, and all agree
BEGIN;
INSERT INTO events VALUES (7000, 905), (7000, 909), (3, 903), (3, 907);
SELECT DISTINCT source FROM recommend(7000, 5);
SELECT bool_and(item_id % 4 = 1), count(*) FROM recommend(7000, 5);
SELECT count(*) FROM recommend(7000, 100, options => '{"new_items": 50}') WHERE item_id IN (905, 909);
SELECT count(*) FROM recommend(7000, 100, exclude_seen => false, options => '{"new_items": 50}') WHERE item_id IN (905, 909);
SELECT bool_and(r.score = score(u, r.item_id)) FROM (VALUES (3), (7000)) v (u), recommend(u::bigint, 30, options => '{"new_items": 12}') r;
SELECT count(*) FROM (SELECT u::text, r.item_id::text, r.rank, r.score FROM (VALUES (3), (7000)) v (u), recommend(u::bigint, 30, options => '{"new_items": 12}') r EXCEPT
	SELECT user_id, item_id, rank, score FROM recommend_all('by_time', 30, options => '{"new_items": 12}')) x;
SELECT evidence_id, evidence_label FROM explain(7000, 5) WHERE kind = 'history' ORDER BY 1;
SELECT sum_residual < 1e-9, removal_residual < 1e-9 FROM explain_check(3, 911);
SELECT DISTINCT outcome FROM counterfactual(7000, (SELECT item_id FROM recommend(7000, 1)), 1);
SELECT count(*) > 0 FROM explanation_quality('by_time', 5);
SELECT count(*) FROM what_if(7000, '[{"item": 913}]', 5);
ROLLBACK;

\echo == candidates may be new, and what is excluded is
SELECT array_agg(item_id ORDER BY item_id) FROM recommend(3, 10, candidates => '{903, 907, 8, 4711}');
SELECT array_agg(item_id ORDER BY item_id) FROM recommend(3, 10, candidates => '{903, 907, 8, 4711}', exclude => '{907}', options => '{"new_items": 5}');
SELECT count(*) FROM recommend(3, 100, exclude => '{903}', options => '{"new_items": 90}') WHERE item_id = 903;
SELECT count(*), bool_and(item_id > 920) FROM recommend(3, 5, filter => 'id > 920', options => '{"new_items": 5}');
SET reco.filter_order = 'filter_first';
SELECT count(*), bool_and(item_id > 920) FROM recommend(3, 5, filter => 'id > 920', options => '{"new_items": 5}');
RESET reco.filter_order;

\echo == bounded
SET reco.max_new_items = 2;
SELECT count(DISTINCT item_id), min(item_id) FROM generate_series(1, 300, 7) u, recommend(u::bigint, 20, options => '{"new_items": 10}') WHERE item_id > 900;
SELECT count(DISTINCT item_id), min(item_id) FROM generate_series(1, 300, 7) u, recommend(u::bigint, 20, 'by_key', options => '{"new_items": 10}') WHERE item_id > 900;
SET reco.max_new_items = 0;
SELECT count(*) FROM recommend(3, 20, options => '{"new_items": 10}') WHERE item_id > 900;
SELECT score(3, 903);
SELECT complaint('SELECT explain(3, 903)');
RESET reco.max_new_items;

\echo == dated items: neither those from before nor those of the future, until their time has come
BEGIN;
INSERT INTO products VALUES (950, 'Old', 'brand3', 8, '2023-06-01'), (951, 'Undated', 'brand3', 8, NULL), (952, 'Coming', 'brand3', 8, now() + interval '1 day'), (953, 'Never', 'brand3', 8, 'infinity');
SELECT item_id FROM recommend(3, 200, options => '{"new_items": 200}') WHERE item_id >= 950;
UPDATE products SET added = now() WHERE id = 952;
SELECT item_id FROM recommend(3, 200, options => '{"new_items": 200}') WHERE item_id >= 950;
SELECT count(*) FROM recommend(3, 200, 'by_key', options => '{"new_items": 200}') WHERE item_id >= 950;
\echo == it is not in the list once it is gone, nor after its transaction
DELETE FROM products WHERE id = 952;
SELECT item_id FROM recommend(3, 200, options => '{"new_items": 200}') WHERE item_id >= 950;
ROLLBACK;
SELECT score(3, 950), score(3, 952);

\echo == one probe of an index, whatever the number of rows: nothing else of twenty thousand is read
INSERT INTO products SELECT i, 'Old', 'brand1', 8, '2023-01-01'::timestamptz + i * interval '1 second' FROM generate_series(-20000, -1) i;
ANALYZE products;
CREATE FUNCTION reads(query text, OUT scans bigint, OUT fetched_few bool) LANGUAGE plpgsql AS $$
DECLARE s bigint := pg_stat_get_xact_numscans('products'::regclass); f bigint := pg_stat_get_xact_tuples_fetched('products'::regclass);
BEGIN
	EXECUTE query;
	scans := pg_stat_get_xact_numscans('products'::regclass) - s;
	fetched_few := pg_stat_get_xact_tuples_fetched('products'::regclass) - f < 200;
END $$;
SELECT * FROM reads($$SELECT recommend(3, 20, options => '{"new_items": 10}')$$);
SELECT * FROM reads($$SELECT recommend(3, 20, 'by_key', options => '{"new_items": 10}')$$);
SELECT * FROM reads($$SELECT score(3, 903)$$);
DELETE FROM products WHERE id < 0;

\echo == how items are alike: by behaviour, by attributes, by both
SELECT count(*), bool_and(item_id % 4 = 3), bool_and(source = 'similar') FROM similar_items(903, 5);
SELECT count(*), bool_and(item_id % 4 = 3) FROM similar_items(903, 5, options => '{"by": "attributes"}');
SELECT count(*), bool_and(item_id % 4 = 3) FROM similar_items(903, 5, options => '{"by": "both"}');
SELECT array_agg(item_id ORDER BY item_id) FROM similar_items(903, 100, options => '{"by": "attributes", "new_items": 1}') WHERE score > 0.999999;
SELECT count(*), count(*) FILTER (WHERE item_id = 903) FROM similar_items(903, 1000, options => '{"by": "attributes", "new_items": 5}');
SELECT count(*) FILTER (WHERE item_id > 900) FROM similar_items(7, 10, options => '{"new_items": 4}');
-- the cosine of what encode() shows
SELECT max(abs(r.score - d.dot / sqrt(a.size * b.size))) < 1e-6, count(*) > 40 FROM similar_items(7, 1000, options => '{"by": "attributes"}') r,
	LATERAL (SELECT coalesce((SELECT sum(x.value::float8 * y.value) FROM encode('by_time', 'item', 7) x JOIN encode('by_time', 'item', r.item_id) y ON x.attribute = y.attribute
		AND x.level IS NOT DISTINCT FROM y.level WHERE x.role IN ('value', 'level') AND y.role = x.role), 0) AS dot) d,
	LATERAL (SELECT sum(value::float8 * value) AS size FROM encode('by_time', 'item', 7) WHERE role IN ('value', 'level')) a,
	LATERAL (SELECT sum(value::float8 * value) AS size FROM encode('by_time', 'item', r.item_id) WHERE role IN ('value', 'level')) b;
SELECT max(abs(t.score - (b.score + coalesce(a.score, 0)) / 2)) < 1e-12 FROM similar_items(7, 1000, options => '{"by": "both"}') t JOIN similar_items(7, 1000) b USING (item_id)
	JOIN similar_items(7, 1000, options => '{"by": "attributes"}') a USING (item_id);
SELECT complaint($$SELECT similar_items(7, 5, options => '{"by": "colour"}')$$);
SELECT complaint($$SELECT recommend(7, 5, options => '{"by": "both"}')$$);
SELECT create_recommender('without', 'events', 'user_id', 'product_id', items => 'products', item_key => 'id', algorithm => 'itemknn');
CALL refresh('without');
SELECT complaint($$SELECT similar_items(7, 5, 'without', options => '{"by": "attributes"}')$$);
SELECT count(*) FROM recommend(3, 20, 'without', options => '{"new_items": 10}') WHERE item_id > 900;

\echo == unknown and missing are not alike
BEGIN;
INSERT INTO products VALUES (961, 'A', 'nobody heard of', NULL), (962, 'B', 'nor of this', NULL), (963, 'C', NULL, NULL), (964, 'D', NULL, NULL);
SELECT count(*) FROM similar_items(961, 10, options => '{"by": "attributes", "new_items": 9}');
SELECT count(*) FROM similar_items(963, 10, options => '{"by": "attributes", "new_items": 9}');
SELECT score(3, 963) IS NOT NULL, count(*) FROM similar_items(963, 5);
ROLLBACK;

\echo == as the caller: rows that are hidden are not there, in lists, as evidence, and by name; nor without the right to read features
CREATE ROLE new_items_reader;
GRANT USAGE ON SCHEMA new_items, reco TO new_items_reader;
GRANT SELECT ON events, products TO new_items_reader;
ALTER TABLE products ENABLE ROW LEVEL SECURITY;
CREATE POLICY part ON products FOR SELECT TO new_items_reader USING (id % 8 <> current_setting('new_items.hidden')::int);
SET ROLE new_items_reader;
SET new_items.hidden = 3;
SELECT count(*) FILTER (WHERE item_id % 8 = 3), count(*) FILTER (WHERE item_id > 900) > 0 FROM recommend(3, 30, 'by_time', options => '{"new_items": 30}');
SELECT score(3, 907, 'by_time'), score(3, 903, 'by_time') IS NOT NULL, score(3, 3, 'by_time'), score(3, 4, 'by_time') IS NOT NULL;
SELECT replace(complaint($$SELECT explain(3, 907, 'by_time')$$), '907', '4711') = complaint($$SELECT explain(3, 4711, 'by_time')$$) AS same, complaint($$SELECT explain(3, 4711, 'by_time')$$);
SELECT count(*) FROM similar_items(907, 5, 'by_time');
SELECT count(*) FROM similar_items(3, 5, 'by_time');
SELECT count(*) FROM similar_items(7, 5, 'by_time') WHERE item_id % 8 = 3;
\echo == what is hidden changes within one statement
SELECT h, string_agg(item_id::text, ' ' ORDER BY item_id) FROM generate_series(1, 3, 2) h, LATERAL (SELECT set_config('new_items.hidden', CASE h WHEN 1 THEN '7' ELSE '3' END, false)) c,
	LATERAL (SELECT item_id FROM recommend(CASE WHEN c.set_config IS NOT NULL THEN 3::bigint END, 30, 'by_time', candidates => '{903, 907}')) r GROUP BY h ORDER BY h;
RESET ROLE;
REVOKE SELECT ON products FROM new_items_reader;
GRANT SELECT (id, title) ON products TO new_items_reader;
SET ROLE new_items_reader;
SELECT count(*) FROM recommend(3, 30, 'by_time', options => '{"new_items": 30}') WHERE item_id > 900;
SELECT score(3, 903, 'by_time');
SELECT complaint($$SELECT similar_items(7, 5, 'by_time', options => '{"by": "attributes"}')$$);
RESET ROLE;
GRANT SELECT (id, title, brand, price) ON products TO new_items_reader;
SET ROLE new_items_reader;
SET new_items.hidden = 7;
SELECT count(*) FROM recommend(3, 30, 'by_time', options => '{"new_items": 30}') WHERE item_id > 900;
SELECT count(*) > 0 FROM recommend(3, 30, 'by_key', options => '{"new_items": 30}') WHERE item_id > 900;
RESET ROLE;
ALTER TABLE products DISABLE ROW LEVEL SECURITY;

\echo == evaluation: what is held out of items without events is found by attributes, and unreachable without them
CREATE TABLE later AS SELECT u AS user_id, i AS product_id FROM generate_series(1, 300, 3) u, generate_series(181, 200) i WHERE u % 4 = i % 4;
CREATE FUNCTION held_out(options jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
	CALL reco.evaluate('by_time', test => 'new_items.later', options => options || '{"k": [150], "resamples": 0}');
	SELECT (counts->>'unreachable_targets')::int AS n, (counts->>'test_pairs')::int AS pairs INTO r FROM reco.evaluation_runs WHERE recommender = 'by_time' ORDER BY evaluation DESC LIMIT 1;
	RETURN format('%s of %s', r.n, r.pairs);
END $$;
SELECT held_out('{}');
SELECT round(value::numeric, 2) FROM evaluations WHERE recommender = 'by_time' AND evaluation = (SELECT max(evaluation) FROM evaluation_runs) AND model = 'als' AND metric = 'recall' AND k = 150 AND user_group = 'all' AND item_group = 'all';
SELECT held_out('{"model": {"attributes": false}}');

\echo == hostile attributes: all missing, unknown levels, a vector of another length, a megabyte of text, ten thousand tags, infinities, twice the same key
CREATE TABLE odd (id int, kind text, tags text[], look real[], blurb text, price numeric, day date, ok bool);
INSERT INTO odd SELECT i, 'kind' || i % 4, ARRAY['t' || i % 4, 'u' || i % 3], ARRAY[i % 4, 1 + i % 3]::real[], 'word' || chr(97 + i % 4) || ' wort' || chr(97 + i % 3), i, '2024-01-01'::date + i, i % 2 = 0 FROM generate_series(1, 200) i;
CREATE INDEX ON odd (id);
SELECT create_recommender('odd', 'events', 'user_id', 'product_id', items => 'odd', item_key => 'id', item_features => '{kind, tags, look, blurb, price, day, ok}',
	options => '{"factors": 8, "features": {"blurb": {"text": true, "dimensions": 3}}}');
CALL refresh('odd');
INSERT INTO odd VALUES (901, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	(902, 'unheard of', '{}', '{1,2,3}', '', 'NaN', 'infinity', NULL),
	(903, repeat('k', 1000), (SELECT array_agg('tag' || i) FROM generate_series(1, 10000) i), '{NaN,1}', repeat('worda ', 170000), 1e300, '-infinity', true),
	(904, 'kind3', '{t3,t3,NULL}', '{3,1}', 'worda', -1e300, '2024-01-05', false), (904, 'kind0', '{t0}', '{0,1}', 'wordb', 5, NULL, NULL), (NULL, 'kind1', NULL, NULL, NULL, NULL, NULL, NULL);
SELECT i, score(3, i, 'odd') BETWEEN -1e6 AND 1e6, (SELECT sum_residual < 1e-9 FROM explain_check(3, i, 'odd')), (SELECT count(*) FROM similar_items(i, 5, 'odd')),
	(SELECT count(*) FROM similar_items(i, 5, 'odd', options => '{"by": "attributes"}')) FROM generate_series(901, 904) i;
SELECT count(*), count(DISTINCT item_id), count(*) FILTER (WHERE item_id > 900) FROM recommend(3, 204, 'odd', exclude_seen => false, options => '{"new_items": 204}');
-- of two rows with one key one is taken, always the same
CREATE TABLE taken AS SELECT score(3, 904, 'odd');
CREATE TABLE turned AS SELECT * FROM odd ORDER BY kind;
TRUNCATE odd;
INSERT INTO odd TABLE turned;
SELECT count(*) FROM (SELECT score(3, 904, 'odd') EXCEPT TABLE taken) x;
-- a column that is gone, or of another type, says nothing of new items any more, of which who asks for them is told; the others go on counting
INSERT INTO events VALUES (3, 904);
SELECT count(*) FROM explain(3, 5, 'odd') WHERE evidence_id = 904;
ALTER TABLE odd ALTER ok TYPE text;
SELECT count(*) FROM recommend(3, 5, 'odd');
SELECT count(*) FROM explain(3, 5, 'odd') WHERE evidence_id = 904;
SELECT score(4, 904, 'odd') IS NOT NULL;
CREATE TABLE with_price AS SELECT i, score(4, i, 'odd') FROM generate_series(901, 904) i;
ALTER TABLE odd DROP price;
SELECT count(*) FROM recommend(3, 5, 'odd');
SELECT count(*) FROM recommend_all('odd', '{3}'::bigint[], 5);
SELECT count(*) FILTER (WHERE item_id > 900) FROM recommend(4, 204, 'odd', options => '{"new_items": 204}');
SELECT r.item_id, r.score = score(4, 904, 'odd'), r.score <> w.score FROM recommend(4, 5, 'odd', candidates => '{904}') r JOIN with_price w ON w.i = r.item_id;
SELECT DISTINCT attribute FROM encode('odd', 'item', 902) ORDER BY 1;
SELECT max(abs(sum_residual)) < 1e-9 FROM generate_series(901, 904) i, explain_check(3, i, 'odd');
-- and where all are gone, there are none
ALTER TABLE odd DROP kind, DROP tags, DROP look, DROP blurb, DROP day, DROP ok;
SELECT count(*) > 100, count(*) FILTER (WHERE item_id > 900) FROM recommend(4, 204, 'odd', options => '{"new_items": 204}');
SELECT score(4, 904, 'odd') IS NULL;
SELECT count(*) FROM explain(3, 5, 'odd') WHERE evidence_id = 904;
DELETE FROM events WHERE product_id = 904;

\echo == what was encoded before is not read again
CREATE FUNCTION probes() RETURNS bigint LANGUAGE sql AS $$
	SELECT sum(pg_stat_get_xact_tuples_fetched(oid)) + pg_stat_get_xact_tuples_returned('products'::regclass)
	FROM (SELECT indexrelid AS oid FROM pg_index WHERE indrelid = 'products'::regclass UNION ALL SELECT 'products'::regclass) s
$$;
CREATE FUNCTION rows_read(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE before bigint := probes();
BEGIN
	EXECUTE query;
	RETURN probes() - before;
END $$;
CREATE FUNCTION new_lines(name text) RETURNS TABLE (lines bigint, stale bigint) LANGUAGE sql AS $$
	SELECT count(*), count(*) FILTER (WHERE r.score <> score(3, r.item_id, name)) FROM recommend(3, 300, name, options => '{"new_items": 300}') r WHERE r.item_id > 900
$$;
SELECT create_recommender('kept', 'events', 'user_id', 'product_id', items => 'products', item_key => 'id', item_features => '{brand, price}', items_time_column => 'added', options => '{"factors": 8}');
CALL refresh('kept');
INSERT INTO products SELECT i, 'Newer ' || i, 'brand' || i % 4, 5 + i % 20, now() FROM generate_series(1001, 1040) i;
SELECT rows_read($$SELECT recommend(3, 1, 'kept', options => '{"new_items": 1}')$$) - rows_read($$SELECT recommend(3, 1, 'kept', options => '{"new_items": 1}')$$) >= 40;
SELECT * FROM new_lines('kept');
\echo == and nothing of it is stale: rows that were changed, put back, written anew, or are of another role
UPDATE products SET brand = 'brand3' WHERE id BETWEEN 1001 AND 1010;
SELECT * FROM new_lines('kept');
UPDATE products SET brand = 'brand2' WHERE id BETWEEN 1001 AND 1010;
SELECT rows_read($$SELECT recommend(3, 1, 'kept', options => '{"new_items": 1}')$$) - rows_read($$SELECT recommend(3, 1, 'kept', options => '{"new_items": 1}')$$) > 0;
BEGIN;
UPDATE products SET brand = 'brand1' WHERE id BETWEEN 1005 AND 1015;
SAVEPOINT a;
UPDATE products SET brand = 'brand2', price = NULL WHERE id BETWEEN 1008 AND 1012;
SELECT * FROM new_lines('kept');
ROLLBACK TO a;
SELECT * FROM new_lines('kept');
UPDATE products SET brand = 'brand0' WHERE id BETWEEN 1008 AND 1012;
SELECT * FROM new_lines('kept');
ROLLBACK;
SELECT * FROM new_lines('kept');
-- the same transaction writes all rows again, and then each lies where another one lay
BEGIN;
UPDATE products SET brand = 'brand' || (id + 1) % 4 WHERE id > 1000;
SELECT * FROM new_lines('kept');
UPDATE products SET brand = 'brand' || (id + 2) % 4 WHERE id > 1000;
SELECT * FROM new_lines('kept');
COMMIT;
CREATE INDEX products_brand_idx ON products (brand, id DESC);
CLUSTER products USING products_brand_idx;
SELECT * FROM new_lines('kept');
VACUUM FULL products;
SELECT * FROM new_lines('kept');
ALTER TABLE products ALTER price TYPE numeric USING price + 7;
SELECT * FROM new_lines('kept');
DROP INDEX products_brand_idx;
-- without a unique key any row may be the one that counts
ALTER TABLE products DROP CONSTRAINT products_pkey;
CREATE INDEX products_id_idx ON products (id);
SELECT * FROM new_lines('kept');
SELECT rows_read($$SELECT recommend(3, 1, 'kept', options => '{"new_items": 1}')$$) - rows_read($$SELECT recommend(3, 1, 'kept', options => '{"new_items": 1}')$$) = 0;
INSERT INTO products SELECT id, title, 'brand1', price, added FROM products WHERE id BETWEEN 1020 AND 1030;
SELECT * FROM new_lines('kept');
DELETE FROM products WHERE id > 1000;
DROP INDEX products_id_idx;
ALTER TABLE products ADD PRIMARY KEY (id);
ALTER TABLE products ALTER price TYPE int USING price - 7;
-- a row lies where one lay that was never committed
CREATE TABLE brands (id int PRIMARY KEY, brand text);
INSERT INTO brands SELECT i, 'brand' || i % 4 FROM generate_series(1, 200) i;
SELECT create_recommender('brands', 'events', 'user_id', 'product_id', items => 'brands', item_key => 'id', item_features => '{brand}', options => '{"factors": 8}');
CALL refresh('brands');
BEGIN;
INSERT INTO brands VALUES (901, 'brand0');
SELECT * FROM new_lines('brands');
SELECT ctid AS place FROM brands WHERE id = 901 \gset
ROLLBACK;
VACUUM brands;
INSERT INTO brands VALUES (902, 'brand3');
SELECT ctid = :'place' FROM brands WHERE id = 902;
SELECT * FROM new_lines('brands');
-- rows of one transaction move to where others of it lay
INSERT INTO brands SELECT i, 'brand' || i % 4 FROM generate_series(903, 940) i;
SELECT * FROM new_lines('brands');
DELETE FROM brands WHERE id = 903;
VACUUM FULL brands;
SELECT * FROM new_lines('brands');
-- names of levels may change behind a row, and settings write numbers
CREATE TYPE shade AS ENUM ('red', 'blue', 'green');
CREATE TABLE shades (id int PRIMARY KEY, shade shade, size float8);
INSERT INTO shades SELECT i, (ARRAY['red', 'blue']::shade[])[1 + i % 2], i % 3 / 3.0 FROM generate_series(1, 200) i;
SELECT create_recommender('shades', 'events', 'user_id', 'product_id', items => 'shades', item_key => 'id', item_features => '{shade, size}', options => '{"factors": 4, "features": {"size": {"category": true}}}');
CALL refresh('shades');
INSERT INTO shades VALUES (901, 'green', 2 / 3.0);
CREATE TABLE shade_scores AS SELECT 'other' AS was, score FROM recommend(3, 300, 'shades', options => '{"new_items": 300}') WHERE item_id = 901;
ALTER TYPE shade RENAME VALUE 'blue' TO 'azure';
ALTER TYPE shade RENAME VALUE 'green' TO 'blue';
SELECT (SELECT score FROM shade_scores) <> score, score = score(3, 901, 'shades') FROM recommend(3, 300, 'shades', options => '{"new_items": 300}') WHERE item_id = 901;
SET extra_float_digits = -5;
SELECT score = score(3, 901, 'shades') FROM recommend(3, 300, 'shades', options => '{"new_items": 300}') WHERE item_id = 901;
RESET extra_float_digits;

\echo == a read-only transaction
BEGIN READ ONLY;
SELECT count(*) > 0 FROM recommend(3, 30, options => '{"new_items": 30}') WHERE item_id > 900;
COMMIT;

\echo == keys of uuid and text, dates
CREATE TABLE books (id uuid PRIMARY KEY, isbn text UNIQUE, author text, day date);
INSERT INTO books SELECT lpad(to_hex(i), 32, '0')::uuid, 'isbn' || i, 'author' || i % 4, '2024-01-01'::date + i / 20 FROM generate_series(1, 200) i;
CREATE TABLE reads AS SELECT e.user_id, b.id, b.isbn FROM events e JOIN books b ON b.isbn = 'isbn' || e.product_id;
SELECT create_recommender('uuids', 'reads', 'user_id', 'id', items => 'books', item_key => 'id', item_features => '{author}', options => '{"factors": 8}');
SELECT create_recommender('texts', 'reads', 'user_id', 'isbn', items => 'books', item_key => 'isbn', item_features => '{author}', options => '{"factors": 8}');
SELECT create_recommender('dates', 'reads', 'user_id', 'isbn', items => 'books', item_key => 'isbn', item_features => '{author}', items_time_column => 'day', options => '{"factors": 8}');
CALL refresh('uuids');
CALL refresh('texts');
CALL refresh('dates');
INSERT INTO books VALUES ('ffffffff-0000-0000-0000-000000000001', 'new1', 'author3', '2024-01-11'), ('00000000-0000-0000-ffff-000000000002', 'new2', 'author3', '2024-01-12');
SELECT count(*) FILTER (WHERE item_id::text LIKE 'ffffffff%') FROM recommend('3', NULL::uuid, 50, 'uuids', options => '{"new_items": 50}');
SELECT array_agg(item_id ORDER BY item_id) FROM recommend('3', 60, 'texts', options => '{"new_items": 60}') WHERE item_id LIKE 'new%';
SELECT score('3', 'new1', 'texts') IS NOT NULL, score('3', '00000000-0000-0000-ffff-000000000002', 'uuids') IS NOT NULL;
SELECT array_agg(item_id ORDER BY item_id) FROM recommend('3', 60, 'dates', options => '{"new_items": 60}') WHERE item_id LIKE 'new%';
SELECT count(*) FROM (SELECT u::text, r.item_id, r.rank, r.score FROM generate_series(1, 300) u, recommend(u::text, 30, 'dates', options => '{"new_items": 22}') r EXCEPT
	SELECT user_id, item_id, rank, score FROM recommend_all('dates', 30, options => '{"new_items": 22}')) x;

\echo == what create_recommender says
SET client_min_messages = notice;
SELECT create_recommender('n1', 'events', 'user_id', 'product_id', items => 'products', item_key => 'id');
SELECT create_recommender('n2', 'events', 'user_id', 'product_id', items => 'products', item_key => 'id', item_features => '{brand}', items_time_column => 'added');
DROP INDEX products_added_idx;
SELECT create_recommender('n3', 'events', 'user_id', 'product_id', items => 'products', item_key => 'id', item_features => '{brand}', items_time_column => 'added');
CREATE INDEX ON reads (user_id);
SELECT create_recommender('n4', 'reads', 'user_id', 'isbn', items => 'books', item_key => 'isbn', item_features => '{author}');
SELECT create_recommender('n5', 'reads', 'user_id', 'id', items => 'books', item_key => 'id', item_features => '{author}');
SET client_min_messages = warning;

\echo == a refresh knows them
CALL refresh('by_time');
SELECT max(abs(score(u, 900 + i) - score(u, 180 + i)) / abs(score(u, 180 + i))) < 1e-4 FROM generate_series(1, 300, 13) u, generate_series(1, 20) i;
SELECT item_id FROM recommend(3, 300, options => '{"new_items": 300}') WHERE item_id >= 941;

DROP OWNED BY new_items_reader;
DROP ROLE new_items_reader;
SELECT count(drop_recommender(name)) FROM recommenders WHERE name IN ('by_key', 'by_time', 'without', 'uuids', 'texts', 'dates', 'odd', 'kept', 'brands', 'shades', 'n1', 'n2', 'n3', 'n4', 'n5');
DROP SCHEMA new_items CASCADE;
