-- Reviews: what enough people rated highly is said beside a piece of history and never alone, in buckets that one person does not move, and kept through changes.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA reviews;
GRANT USAGE ON SCHEMA reviews TO PUBLIC;
SET search_path = reviews, reco, helper;
SET reco.default_recommender = 'reviews';
SELECT count(*) > 0 FROM reason_templates t, LATERAL set_reason_template(kind, lang, pattern, variant, weight => 0) WHERE variant > 1;

CREATE TABLE goods (id int PRIMARY KEY, title text);
INSERT INTO goods SELECT i, 'Good ' || i FROM generate_series(1, 20) i;
CREATE TABLE events (user_id int, item_id int, kind text);
INSERT INTO events SELECT u, (u - 1) / 20 * 10 + i, 'purchase' FROM generate_series(1, 40) u, generate_series(1, 10) i WHERE (u + i) % 3 <> 0;
CREATE INDEX ON events (user_id);
CREATE TABLE review (person text, good int, quality real, "ease of use" int, note text);
-- good 1: 100 people for quality; good 2: 99, one of them twice; good 3: 100 for ease of use, and 30 for quality; good 4: 100 low ones; good 5: 10
INSERT INTO review SELECT 'p' || n, 1, 4 + n % 2, 3, 'x' FROM generate_series(1, 100) n
	UNION ALL SELECT 'p' || n, 2, 5, NULL, NULL FROM generate_series(1, 99) n UNION ALL SELECT 'p1', 2, 4, NULL, NULL
	UNION ALL SELECT 'p' || n, 3, CASE WHEN n <= 30 THEN 5 ELSE 'NaN'::real END, 5, NULL FROM generate_series(1, 100) n
	UNION ALL SELECT 'p' || n, 4, 1, 1, NULL FROM generate_series(1, 100) n UNION ALL SELECT 'p' || n, 5, 5, 5, NULL FROM generate_series(1, 10) n
	UNION ALL SELECT NULL, 6, 5, 5, NULL FROM generate_series(1, 200) n UNION ALL SELECT 'p' || n, 4711, 5, 5, NULL FROM generate_series(1, 200) n;
SELECT create_recommender('reviews', 'events', 'user_id', 'item_id', event_column => 'kind', items => 'goods', item_key => 'id', item_label => 'title');

\echo == bad input
SELECT complaint($$SELECT set_reviews('reviews', 'review')$$);
SELECT complaint($$SELECT set_reviews('reviews', 'review', 'good', 'person', '{}', 4)$$);
SELECT complaint($$SELECT set_reviews('reviews', 'review', 'good', 'person', '{NULL}', 4)$$);
SELECT complaint($$SELECT set_reviews('reviews', 'review', 'good', 'person', '{{quality},{price}}', 4)$$);
SELECT complaint($$SELECT set_reviews('reviews', 'review', 'good', 'person', '{quality}', 'NaN')$$);
SELECT complaint($$SELECT set_reviews('reviews', 'review', 'good', 'person', '{quality}', 4, 0)$$);
SELECT complaint($$SELECT set_reviews('reviews', 'review', 'good', 'person', '{qualty}', 4)$$);
SELECT complaint($$SELECT set_reviews('reviews', 'review', 'good', 'person', '{note}', 4)$$);
SELECT complaint($$SELECT set_reviews('reviews', 'review', 'good', 'person', '{quality,quality}', 4)$$);
SELECT complaint($$SELECT set_reviews('reviews', 'review', 'person', 'person', '{quality}', 4)$$);
SELECT complaint($$SELECT set_reviews('reviews', 'review', 'good', 'person', '{quality}', 'NaN')$$);
SELECT complaint($$SELECT set_reviews(NULL, 'review')$$);
CREATE TEMP TABLE passing (person text, good int, quality real);
SELECT complaint($$SELECT set_reviews('reviews', 'passing', 'good', 'person', '{quality}', 4)$$);
SELECT complaint($$SELECT set_reviews('reviews', 'review', 'quality', 'person', '{quality}', 4)$$);
SELECT complaint($$SELECT set_reviews('nobody', 'review', 'good', 'person', '{quality}', 4)$$);
SELECT complaint($$SELECT set_reviews(NULL, 'review', 'good', 'person', '{quality}', 4)$$);

\echo == said beside what was bought
SELECT set_reviews('reviews', 'review', 'good', 'person', '{quality,"ease of use"}', 4);
SELECT reviews, reviews_item_column, reviews_user_column, review_aspects, review_min, review_people FROM recommenders WHERE name = 'reviews';
CALL refresh('reviews', options => '{"factors": 4, "iterations": 5}');
CREATE FUNCTION said(lang text DEFAULT 'en') RETURNS SETOF text LANGUAGE sql STABLE AS $$
	SELECT item_id || ': ' || regexp_replace(r.reason, '^.*[;；]', '...;') || ' ' || coalesce(r.details ->> 'reviews', '')
	FROM generate_series(1, 20) u, LATERAL recommend(u, 20, lang => $1) r WHERE r.details ? 'reviews' GROUP BY 1 ORDER BY 1
$$;
SELECT said();
SELECT said('zh');
SELECT DISTINCT reason FROM recommend(2, 20) WHERE item_id = 1;
SELECT bool_and(details -> 'because' -> 0 IS NOT NULL) FROM generate_series(1, 40) u, LATERAL recommend(u, 20) WHERE details ? 'reviews';

\echo == reviews alone are no reason
SELECT count(*) FROM recommend(4711, 20) WHERE details ? 'reviews' OR reason ~ 'rated';
SELECT count(*) FROM popular_items(20) WHERE details ? 'reviews' OR reason ~ 'rated';

\echo == one person does not move a bucket; a fifth of them does
INSERT INTO review VALUES ('p100', 2, 4, NULL, NULL);
CALL refresh('reviews', options => '{"factors": 4, "iterations": 5}');
SELECT said();
DELETE FROM review WHERE person = 'p100' AND good IN (1, 2);
CALL refresh('reviews', options => '{"factors": 4, "iterations": 5}');
SELECT said();
DELETE FROM review WHERE substr(person, 2)::int > 79 AND good = 1;
CALL refresh('reviews', options => '{"factors": 4, "iterations": 5}');
SELECT said();

\echo == a lower threshold, and the least number of people to hide one
SELECT set_reviews('reviews', 'review', 'good', 'person', '{quality}', 4, 1);
CALL refresh('reviews', options => '{"factors": 4, "iterations": 5}');
SELECT said();

\echo == outside writers: the facts of reviews may be said, and no others
CREATE TABLE prompt AS SELECT f FROM generate_series(1, 20) u, LATERAL (SELECT reason_prompt(u, 3) AS f) p WHERE f ? 'reviews' LIMIT 1;
SELECT f -> 'reviews', f -> 'numbers' FROM prompt;
SELECT text, accepted, problems FROM prompt, LATERAL (VALUES (1, f ->> 'template'), (2, format('You bought “%s”. 10+ people rated it highly for quality.', f -> 'because' -> 0 ->> 'name')),
	(3, format('You bought “%s”. 100+ people rated it highly for quality.', f -> 'because' -> 0 ->> 'name')), (4, format('You bought “%s”. 10+ people rated it highly for comfort.', f -> 'because' -> 0 ->> 'name')),
	(5, format('You bought “%s” and rated it highly.', f -> 'because' -> 0 ->> 'name'))) t (n, text), LATERAL reason_accept(text, f) ORDER BY n;
SELECT bool_and(accepted) FROM generate_series(1, 20) u, unnest('{en,zh}'::text[]) lang, LATERAL reason_prompt(u, 3, lang => lang) f, LATERAL reason_accept(f ->> 'template', f) WHERE f ? 'reviews';

\echo == a relation that was renamed stops a refresh and no list
ALTER TABLE review RENAME TO verdict;
SELECT count(*) FROM recommend(2, 3);
SELECT complaint($$CALL refresh('reviews')$$);
SELECT set_reviews('reviews', 'verdict', 'good', 'person', '{quality}', 4, 1);
CALL refresh('reviews', options => '{"factors": 4, "iterations": 5}');
SELECT count(*) > 0 FROM said();
SELECT set_reviews('reviews', NULL);
CALL refresh('reviews', options => '{"factors": 4, "iterations": 5}');
SELECT count(*) FROM said();

\echo == only the owner names them, who must be able to read them
CREATE ROLE reco_reviews_guest;
SET ROLE reco_reviews_guest;
SELECT complaint($$SELECT set_reviews('reviews', NULL)$$);
RESET ROLE;

SELECT reset_reason_template() > 0;
SELECT drop_recommender('reviews');
DROP SCHEMA reviews CASCADE;
DROP ROLE reco_reviews_guest;
