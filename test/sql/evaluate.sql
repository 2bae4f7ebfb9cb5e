-- reco.evaluate() measures what it says: values equal to hand computations, to plain SQL and to recommend(); nothing leaks.
\pset format unaligned
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA evaluate;
SET search_path = evaluate, helper;
RESET client_min_messages;

-- nth(n) is the n-th newest evaluation, differences(a, b) the number of rows in which two of them differ.
CREATE FUNCTION nth(n integer) RETURNS bigint
LANGUAGE sql AS $$
	SELECT e.evaluation FROM reco.evaluation_runs e ORDER BY 1 DESC OFFSET n - 1 LIMIT 1
$$;
CREATE FUNCTION differences(a bigint, b bigint) RETURNS bigint
LANGUAGE sql AS $$
	SELECT count(*) FROM (
		(SELECT model, user_group, item_group, metric, k, value, low, high, users FROM reco.evaluations WHERE evaluation = a
		 EXCEPT SELECT model, user_group, item_group, metric, k, value, low, high, users FROM reco.evaluations WHERE evaluation = b)
		UNION ALL
		(SELECT model, user_group, item_group, metric, k, value, low, high, users FROM reco.evaluations WHERE evaluation = b
		 EXCEPT SELECT model, user_group, item_group, metric, k, value, low, high, users FROM reco.evaluations WHERE evaluation = a)) d
$$;
CREATE FUNCTION value_of(which bigint, model text, metric text, k integer, user_group text = 'all') RETURNS numeric
LANGUAGE sql AS $$
	SELECT round(e.value::numeric, 4) FROM reco.evaluations e
	WHERE e.evaluation = $1 AND e.model = $2 AND e.metric = $3 AND e.k = $4 AND e.user_group = $5 AND e.item_group = 'all'
$$;
CREATE FUNCTION count_of(which bigint, name text) RETURNS text
LANGUAGE sql AS $$
	SELECT e.counts ->> $2 FROM reco.evaluation_runs e WHERE e.evaluation = $1
$$;

/*
 * A caller's test table, by hand.
 *
 * Training, after the pair (1, 20) is taken out: item 10 has 4 users, 20 has 3, 30 has 2, 40 has 1.
 * (With the pair left in, 10 and 20 would be tied.)  The popular order is 10, 20, 30, 40.
 *
 *	user	training		test			list				hits at rank
 *	1		10				20, 40			20, 30, 40			1, 3
 *	2		10, 20			40, 99			30, 40				2		99 was not learned: it stays in |test| = 2
 *	3		10, 20, 30		40				40					1
 *	5		none			10, 20 (twice)	10, 20, 30, 40		1, 2	no history
 *
 * With L = 1 / log2(3) = 0.63093, means over the four users (users 1, 2, 3 | user 5):
 *
 *	k = 1	recall		(1/2 + 0 + 1 | 1/2) / 4					= 0.5
 *			precision	(1 + 0 + 1 | 1) / 4						= 0.75
 *			f1			(2/3 + 0 + 1 | 2/3) / 4					= 0.5833
 *			ndcg, map, mrr, hit rate (1 + 0 + 1 | 1) / 4		= 0.75		ideal list cut at 1
 *			coverage	{20, 30, 40 | 10} of 4					= 1
 *	k = 2	recall		(1/2 + 1/2 + 1 | 1) / 4					= 0.75
 *			precision	(1/2 + 1/2 + 1/2 | 1) / 4				= 0.625
 *			f1			(1/2 + 1/2 + 2/3 | 1) / 4				= 0.6667
 *			ndcg		(1/(1+L) + L/(1+L) + 1 | 1) / 4			= 0.75
 *			map			(1/2 + 1/4 + 1 | 1) / 4					= 0.6875
 *			mrr			(1 + 1/2 + 1 | 1) / 4					= 0.875
 *			hit rate	(1 + 1 + 1 | 1) / 4						= 1
 *	k = 3	recall		(1 + 1/2 + 1 | 1) / 4					= 0.875
 *			precision	(2/3 + 1/3 + 1/3 | 2/3) / 4				= 0.5
 *			f1			(4/5 + 2/5 + 2/4 | 4/5) / 4				= 0.625
 *			ndcg		(1.5/(1+L) + L/(1+L) + 1 | 1) / 4		= 0.8266
 *			map			((1+2/3)/2 + 1/4 + 1 | 1) / 4			= 0.7708
 *			mrr			(1 + 1/2 + 1 | 1) / 4					= 0.875
 *			hit rate											= 1
 *	novelty (of 4 training users; -log2 of 4/4, 3/4, 2/4, 1/4 is 0, 0.4150, 1, 2):
 *			k = 1	(0.4150 + 1 + 2 | 0) / 4				= 0.8538
 *	diversity: 10 has users 1 to 4, 20 has 2 to 4, 30 has 3 and 4, 40 has 4; 1 - cosine of 20 and 30 is 1 - 2/sqrt(6) = 0.1835,
 *			of 30 and 40 0.2929, of 10 and 20 0.1340; one item has no pairs
 *			k = 2	(0.1835 + 0.2929 + 0 | 0.1340) / 4		= 0.1526
 *	auc		user 1: 20 above 30, 40 below it: 1/2; 2: 40 below 30, and 99 below everything: 0; 3: nothing but 40 is left, so
 *			no value; 5: 10 and 20 above 30 and 40: 1; mean of three	= 0.5
 *	gini	k = 1: each item once: 0; k = 2: 10, 20, 30, 40 are shown 1, 2, 2, 2 times: sum |x_i - x_j| 6 / (2 n sum 56) = 0.1071
 *	By items: of 10 rows item 10 has the first third (head), 20 begins in the second (middle), 30 and 40 are the tail.  Recall at k = 1 of the
 *			head: user 5's 10, found; of the middle: 20 of users 1 (found) and 5; of the tail: 40 of users 1, 2, 3 (found); new: 99.
 *	with history at k = 2: recall 2/3, coverage {20, 30, 40} of 4 = 0.75; without: recall 1, coverage {10, 20} of 4 = 0.5
 */
CREATE TABLE hand (u integer, i integer);
CREATE INDEX ON hand (u);
INSERT INTO hand VALUES (1, 10), (2, 10), (2, 20), (3, 10), (3, 20), (3, 30), (4, 10), (4, 20), (4, 30), (4, 40), (1, 20);
CREATE TABLE hand_test (u integer, i integer);
INSERT INTO hand_test VALUES (1, 20), (1, 40), (2, 40), (2, 99), (3, 40), (5, 20), (5, 20), (5, 10);
SELECT reco.create_recommender('hand', 'hand', 'u', 'i', options => '{"factors": 4, "iterations": 3}');
CALL reco.evaluate('hand', test => 'hand_test', options => '{"k": [3, 1, 2, 2], "resamples": 200}');
SELECT * FROM reco.evaluation_report('hand') WHERE model = 'popularity';
SELECT counts, options FROM reco.evaluation_runs WHERE evaluation = (SELECT nth(1));
SELECT split, count(*), count(*) FILTER (WHERE low <= value AND value <= high) AS inside,
	count(*) FILTER (WHERE low IS NULL) AS without_interval, count(*) FILTER (WHERE metric = 'coverage') AS coverages
FROM reco.evaluations WHERE evaluation = (SELECT nth(1)) GROUP BY split;

-- The user without history is served the popular list by the model too.
SELECT metric, k, value FROM reco.evaluations
WHERE evaluation = (SELECT nth(1)) AND model = 'als' AND user_group = 'without history' AND metric = 'ndcg' ORDER BY k;

-- The same rules in plain SQL over a larger set: no two items are equally popular, two test items are never learned, four users unknown.
CREATE TABLE larger (u text, i text);
CREATE INDEX ON larger (u);
INSERT INTO larger SELECT 'user ' || u, 'item ' || i FROM generate_series(1, 60) u, generate_series(0, 12) i WHERE u <= 60 - 4 * i;
CREATE TABLE larger_test (u text, i text);
INSERT INTO larger_test SELECT 'user ' || n, 'item ' || (n * 7 + j * 5) % 15 FROM generate_series(20, 64) n, generate_series(1, 3) j
	WHERE NOT EXISTS (SELECT FROM larger l WHERE l.u = 'user ' || n AND l.i = 'item ' || (n * 7 + j * 5) % 15);
SELECT reco.create_recommender('larger', 'larger', 'u', 'i', options => '{"factors": 4, "iterations": 3}');
CALL reco.evaluate('larger', test => 'larger_test', options => '{"k": [1, 4, 9], "resamples": 100}');

-- measure() computes the metrics of ranked lists (columns u, i, rank) against the test table.
CREATE FUNCTION measure(lists regclass, test regclass) RETURNS TABLE (k integer, metric text, value float8)
LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format($q$
		WITH size AS (SELECT u, count(DISTINCT i) AS n FROM %2$s GROUP BY u),
		cut(k) AS (VALUES (1), (4), (9)),
		hit AS (SELECT l.u, c.k, l.rank, row_number() OVER (PARTITION BY l.u, c.k ORDER BY l.rank) AS h
			FROM cut c JOIN %1$s l ON l.rank <= c.k
			WHERE EXISTS (SELECT FROM %2$s t WHERE t.u = l.u AND t.i = l.i)),
		found AS (SELECT s.u, s.n, c.k, count(h.h) AS h, coalesce(sum(1 / log(2.0, h.rank + 1.0)), 0) AS gain,
				coalesce(sum(h.h::numeric / h.rank), 0) AS precisions, coalesce(1.0 / min(h.rank), 0) AS mrr
			FROM size s CROSS JOIN cut c LEFT JOIN hit h ON h.u = s.u AND h.k = c.k GROUP BY s.u, s.n, c.k),
		each AS (SELECT f.*, (SELECT sum(1 / log(2.0, r + 1.0)) FROM generate_series(1, least(f.k, f.n)) r) AS ideal FROM found f)
		SELECT e.k, m.metric, avg(m.value)::float8 FROM each e, LATERAL (VALUES ('recall', e.h::numeric / e.n),
			('precision', e.h::numeric / e.k), ('f1', 2.0 * e.h / (e.n + e.k)), ('ndcg', e.gain / e.ideal),
			('map', e.precisions / least(e.k, e.n)), ('mrr', e.mrr), ('hit_rate', (e.h > 0)::int)) m(metric, value)
		GROUP BY e.k, m.metric $q$, lists, test);
END $$;
CREATE TABLE popular_list AS
	SELECT t.u, p.i, row_number() OVER (PARTITION BY t.u ORDER BY p.users DESC)::integer AS rank
	FROM (SELECT DISTINCT u FROM larger_test) t, (SELECT i, count(*) AS users FROM larger GROUP BY i) p
	WHERE NOT EXISTS (SELECT FROM larger l WHERE l.u = t.u AND l.i = p.i);
SELECT count(*), max(abs(e.value - m.value)) < 1e-12 AS equal, round(min(m.value)::numeric, 3) AS least, round(max(m.value)::numeric, 3) AS greatest
FROM measure('popular_list', 'larger_test') m
JOIN reco.evaluations e USING (k, metric) WHERE e.evaluation = (SELECT nth(1)) AND e.model = 'popularity' AND e.user_group = 'all' AND e.item_group = 'all';
SELECT abs((SELECT count(DISTINCT i) FROM popular_list WHERE rank <= 4) / 13.0 - e.value) < 1e-12 AS coverage_equal
FROM reco.evaluations e
WHERE e.evaluation = (SELECT nth(1)) AND e.model = 'popularity' AND e.user_group = 'all' AND e.metric = 'coverage' AND e.k = 4;

-- beyond() computes what no hit decides, in plain SQL over the same lists: surprise, likeness of the items, how they spread, and
-- the order of all items, of which scores (u, i, score) has those that a user does not have in training.
CREATE FUNCTION beyond(lists regclass, scores regclass) RETURNS TABLE (k integer, metric text, value float8)
LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format($q$
		WITH has AS (SELECT i, count(*) AS users FROM larger GROUP BY i),
		cut(k) AS (VALUES (4), (9)),
		tested AS (SELECT DISTINCT u FROM larger_test),
		cosine AS (SELECT a.i AS i, b.i AS j, count(*) / sqrt(x.users::float8 * y.users) AS likeness
			FROM larger a JOIN larger b USING (u) JOIN has x ON x.i = a.i JOIN has y ON y.i = b.i GROUP BY a.i, b.i, x.users, y.users),
		pair AS (SELECT c.k, a.u, avg(1 - coalesce(s.likeness, 0)) AS value FROM cut c JOIN %1$s a ON a.rank <= c.k
			JOIN %1$s b ON b.u = a.u AND b.rank < a.rank LEFT JOIN cosine s ON s.i = a.i AND s.j = b.i GROUP BY c.k, a.u),
		shown AS (SELECT c.k, h.i, count(l.u) AS n, row_number() OVER (PARTITION BY c.k ORDER BY count(l.u)) AS place
			FROM cut c CROSS JOIN has h LEFT JOIN %1$s l ON l.i = h.i AND l.rank <= c.k GROUP BY c.k, h.i),
		target AS (SELECT DISTINCT u, i FROM larger_test),
		won AS (SELECT p.u, sum(CASE WHEN p.score > n.score THEN 1 WHEN p.score = n.score THEN 0.5 ELSE 0 END) AS won FROM %2$s p
			JOIN target t USING (u, i) JOIN %2$s n ON n.u = p.u AND NOT EXISTS (SELECT FROM target o WHERE o.u = n.u AND o.i = n.i) GROUP BY p.u),
		lost AS (SELECT n.u, count(*) AS n FROM %2$s n WHERE NOT EXISTS (SELECT FROM target o WHERE o.u = n.u AND o.i = n.i) GROUP BY n.u)
		SELECT c.k, 'novelty', (SELECT avg(e.value) FROM (SELECT avg(-log(2, h.users / 60.0)) AS value FROM %1$s l JOIN has h USING (i)
			WHERE l.rank <= c.k GROUP BY l.u) e)::float8 FROM cut c
		UNION ALL SELECT c.k, 'diversity', ((SELECT sum(p.value) FROM pair p WHERE p.k = c.k) / (SELECT count(*) FROM tested))::float8 FROM cut c
		UNION ALL SELECT c.k, 'gini', (SELECT 2 * sum(s.place * s.n) / (13.0 * sum(s.n)) - 14 / 13.0 FROM shown s WHERE s.k = c.k)::float8 FROM cut c
		UNION ALL SELECT 0, 'auc', (SELECT avg(coalesce(w.won, 0) / (l.n * (SELECT count(*) FROM target t WHERE t.u = l.u)))::float8
			FROM lost l LEFT JOIN won w USING (u)) $q$, lists, scores);
END $$;
CREATE TABLE popular_score AS SELECT t.u, h.i, h.users AS score FROM (SELECT DISTINCT u FROM larger_test) t,
	(SELECT i, count(*) AS users FROM larger GROUP BY i) h WHERE NOT EXISTS (SELECT FROM larger l WHERE l.u = t.u AND l.i = h.i);
SELECT b.k, b.metric, abs(e.value - b.value) < 1e-12 AS equal, round(b.value::numeric, 3) AS value
FROM beyond('popular_list', 'popular_score') b
JOIN reco.evaluations e USING (k, metric) WHERE e.evaluation = (SELECT nth(1)) AND e.model = 'popularity' AND e.user_group = 'all' ORDER BY 1, 2;

-- By what the user has in training, and by how popular the items are that are to be found.
SELECT e.k, e.user_group, e.users, abs(e.value - avg(m.recall)::float8) < 1e-12 AS equal FROM reco.evaluations e
JOIN LATERAL (SELECT s.u, (SELECT count(*) FROM larger l WHERE l.u = s.u) AS n,
		(SELECT count(*) FROM popular_list p JOIN larger_test t USING (u, i) WHERE p.u = s.u AND p.rank <= e.k)::numeric / count(DISTINCT s.i) AS recall
	FROM larger_test s GROUP BY s.u) m ON CASE e.user_group WHEN '1 item' THEN m.n = 1 WHEN '2 to 5 items' THEN m.n BETWEEN 2 AND 5
		WHEN '6 to 20 items' THEN m.n BETWEEN 6 AND 20 WHEN 'without history' THEN m.n = 0 ELSE m.n > 20 END
WHERE e.evaluation = (SELECT nth(1)) AND e.model = 'popularity' AND e.metric = 'recall' AND e.user_group NOT IN ('all', 'with history')
	AND e.item_group = 'all' GROUP BY e.k, e.user_group, e.users, e.value ORDER BY 1, 2;
WITH has AS (SELECT i, count(*) AS users FROM larger GROUP BY i),
class AS (SELECT i, CASE WHEN 3 * before < total THEN 'head' WHEN 3 * before < 2 * total THEN 'middle' ELSE 'tail' END AS item_group
	FROM (SELECT i, sum(users) OVER () AS total, sum(users) OVER (ORDER BY users DESC) - users AS before FROM has) h),
target AS (SELECT t.u, t.i, coalesce(c.item_group, 'new') AS item_group FROM (SELECT DISTINCT u, i FROM larger_test) t LEFT JOIN class c USING (i)),
each AS (SELECT t.item_group, t.u, avg(EXISTS (SELECT FROM popular_list p WHERE p.u = t.u AND p.i = t.i AND p.rank <= 4)::int) AS recall
	FROM target t GROUP BY t.item_group, t.u)
SELECT e.item_group, e.users = count(*) AS users_equal, abs(e.value - avg(m.recall)::float8) < 1e-12 AS equal, round(e.value::numeric, 3) AS value
FROM each m JOIN reco.evaluations e USING (item_group)
WHERE e.evaluation = (SELECT nth(1)) AND e.model = 'popularity' AND e.metric = 'recall' AND e.k = 4 AND e.user_group = 'all'
GROUP BY e.item_group, e.users, e.value ORDER BY 1;

-- The lists of the model are those of recommend() after learning from the same rows.
SET client_min_messages = warning;
CALL reco.refresh('larger');
RESET client_min_messages;
CREATE TABLE model_list AS
	SELECT t.u, r.item_id AS i, r.rank FROM (SELECT DISTINCT u FROM larger_test) t, LATERAL reco.recommend(t.u, 9, 'larger') r;
SELECT count(*), max(abs(e.value - m.value)) < 1e-12 AS equal
FROM measure('model_list', 'larger_test') m
JOIN reco.evaluations e USING (k, metric) WHERE e.evaluation = (SELECT nth(1)) AND e.model = 'als' AND e.user_group = 'all' AND e.item_group = 'all';
CREATE TABLE model_score AS
	SELECT p.u, p.i, CASE WHEN EXISTS (SELECT FROM larger l WHERE l.u = p.u) THEN reco.score(p.u, p.i, 'larger') ELSE p.score END AS score
	FROM popular_score p;
SELECT count(*), max(abs(e.value - b.value)) < 1e-12 AS equal FROM beyond('model_list', 'model_score') b
JOIN reco.evaluations e USING (k, metric) WHERE e.evaluation = (SELECT nth(1)) AND e.model = 'als' AND e.user_group = 'all';

/*
 * Ties: 200 items have two users each in training; the ones to be found are those with the ten least ids.  Every list
 * has 20 items, so chance finds a tenth; an order by id would find all.
 */
CREATE TABLE tied (u integer, i integer);
CREATE INDEX ON tied (u);
INSERT INTO tied SELECT u, 1 + u % 200 FROM generate_series(1, 400) u;
CREATE TABLE tied_test (u integer, i integer);
INSERT INTO tied_test SELECT u, i FROM generate_series(20, 180) u, generate_series(1, 10) i;
SELECT reco.create_recommender('tied', 'tied', 'u', 'i', options => '{"factors": 4, "iterations": 1}');
SET client_min_messages = warning;
CALL reco.evaluate('tied', test => 'tied_test', options => '{"k": [20], "seed": 1, "resamples": 0}');
CALL reco.evaluate('tied', test => 'tied_test', options => '{"k": [20], "seed": 2, "resamples": 0}');
CALL reco.evaluate('tied', test => 'tied_test', options => '{"k": [20], "seed": 3, "resamples": 0}');
CALL reco.evaluate('tied', test => 'tied_test', options => '{"k": [20], "seed": 4, "resamples": 0}');
RESET client_min_messages;
SELECT avg(value_of(nth(n), 'popularity', 'recall', 20)) BETWEEN 0.02 AND 0.25 AS near_a_tenth,
	count(DISTINCT value_of(nth(n), 'popularity', 'ndcg', 20)) > 1 AS seeds_differ
FROM generate_series(1, 4) n;

/*
 * Explicit feedback, by hand.  Training: item 1 has ratings 5, 4, 3 (mean 4), item 2 has 2, 3 (mean 2.5); the global mean is 17/5 = 3.4.
 *
 *	test		rating	item mean	error	global mean error
 *	(4, 1)		5		4			-1		-1.6
 *	(3, 2)		2		2.5			0.5		1.4
 *	(9, 2)		3		2.5			-0.5	0.4			user 9 has no history
 *	(1, 77)		4		3.4			-0.6	-0.6		item 77 was not learned: the global mean
 *
 *	item mean:		rmse = sqrt((1 + 0.25 + 0.25 + 0.36) / 4)	= 0.6819	mae = 2.6 / 4	= 0.65
 *	global mean:	rmse = sqrt((2.56 + 1.96 + 0.16 + 0.36) / 4) = 1.1225	mae = 4 / 4		= 1
 *
 * To be found by ranking: ratings of at least 3.4, that is (4, 1) and (1, 77): two users with lists.  By damped mean item 1 comes
 * first, so user 4, whose list is item 1 (item 2 is in training), has recall 1 and user 1 has recall 0: 0.5.
 */
CREATE TABLE rated (u integer, i integer, stars real);
CREATE INDEX ON rated (u);
INSERT INTO rated VALUES (1, 1, 5), (2, 1, 4), (3, 1, 3), (1, 2, 2), (4, 2, 3);
CREATE TABLE rated_test (u integer, i integer, stars real);
INSERT INTO rated_test VALUES (4, 1, 5), (3, 2, 2), (9, 2, 3), (1, 77, 4);
SELECT reco.create_recommender('rated', 'rated', 'u', 'i', value_column => 'stars', feedback => 'explicit', options => '{"factors": 4, "iterations": 4}');
CALL reco.evaluate('rated', test => 'rated_test', options => '{"k": [1], "resamples": 0}');
SELECT model, user_group, users, k, recall, coverage, rmse, mae FROM reco.evaluation_report('rated') WHERE model <> 'als';
SELECT counts FROM reco.evaluations WHERE evaluation = (SELECT nth(1)) LIMIT 1;

-- The predictions of the model are those of score().
SET client_min_messages = warning;
CALL reco.refresh('rated');
DELETE FROM rated_test WHERE i = 77;
CALL reco.evaluate('rated', test => 'rated_test', options => '{"k": [1]}');
RESET client_min_messages;
SELECT abs(e.value - sqrt(avg((reco.score(t.u, t.i, 'rated') - t.stars) ^ 2))) < 1e-9 AS rmse_equal, e.low IS NULL AS without_interval
FROM rated_test t, reco.evaluations e
WHERE e.evaluation = (SELECT nth(1)) AND e.model = 'als' AND e.metric = 'rmse' AND e.user_group = 'all' GROUP BY e.value, e.low;

-- Of an item that was not learned the formula says, to a user without history, the mean: 4 - 3.4.
TRUNCATE rated_test;
INSERT INTO rated_test VALUES (9, 77, 4);
SET client_min_messages = warning;
CALL reco.evaluate('rated', test => 'rated_test', options => '{"k": [1]}');
RESET client_min_messages;
SELECT value_of(nth(1), 'als', 'rmse', 0, 'without history') AS rmse, value_of(nth(1), 'als', 'recall', 1) AS recall;

/*
 * A time split, dislikes and repeats.  Tested from January 10 on:
 *
 *	user	before		from then on					target
 *	1		A			B, A again						B; A is known from training
 *	2		A, B		C returned						none: a dislike is never a target
 *	3		A			C, and C returned two days later	C: one of its events is positive
 *	4		B			B again							none; known from training
 *	5 to 8	D returned									D has most rows, and is popular with nobody
 *
 * Popular before: A 3, B 2; C is not learned.  User 1 finds B (list: B); user 3 does not find C (list: B).  Recall@1 = 0.5.
 * With repeats: targets are B and A (user 1), C (user 3), B (user 4); every list is A: recall@1 = (1/2 + 0 + 0) / 3.
 */
CREATE TABLE timed (u integer, i text, kind text, at timestamptz, amount integer DEFAULT 1);
CREATE INDEX ON timed (u);
INSERT INTO timed VALUES (1, 'A', 'buy', '2024-01-01'), (1, 'B', 'buy', '2024-01-10'), (1, 'A', 'buy', '2024-01-11'),
	(2, 'A', 'buy', '2024-01-02'), (2, 'B', 'buy', '2024-01-03'), (2, 'C', 'return', '2024-01-12'),
	(3, 'A', 'buy', '2024-01-04'), (3, 'C', 'buy', '2024-01-12'), (3, 'C', 'return', '2024-01-14'),
	(4, 'B', 'buy', '2024-01-05'), (4, 'B', 'buy', '2024-01-15');
INSERT INTO timed SELECT u, 'D', 'return', '2024-01-06' FROM generate_series(5, 8) u;
SELECT reco.create_recommender('timed', 'timed', 'u', 'i', event_column => 'kind', event_weights => '{"buy": 1, "return": -1}',
	time_column => 'at', value_column => 'amount', half_life => '10 days', options => '{"factors": 4, "iterations": 2}');
CALL reco.evaluate('timed', 'time', options => '{"k": [1], "from": "2024-01-10 00:00+00", "resamples": 0}');
SELECT value_of(nth(1), 'popularity', 'recall', 1) AS recall, count_of(nth(1), 'seen_targets_removed') AS seen,
	count_of(nth(1), 'pairs_that_are_no_targets') AS no_targets, count_of(nth(1), 'unreachable_targets') AS unreachable;
CALL reco.evaluate('timed', 'time', repeats => true, options => '{"k": [1], "from": "2024-01-10 00:00+00", "resamples": 0}');
SELECT value_of(nth(1), 'popularity', 'recall', 1) AS recall, count_of(nth(1), 'seen_targets_removed') AS seen;

-- By share: the latest 0.3 of 15 events are the 4 from January 12 on.
SET client_min_messages = warning;
CALL reco.evaluate('timed', 'time', options => '{"k": [1], "fraction": 0.3, "resamples": 0}');
SELECT options ->> 'from' AS "from", counts ->> 'training_events' AS training FROM reco.evaluations WHERE evaluation = (SELECT nth(1)) LIMIT 1;

-- A test table with repeats and times: only what happened from its times on leaves the interactions.
CREATE TEMP TABLE timed_test AS SELECT * FROM timed WHERE u = 1 AND at >= '2024-01-10';
CALL reco.evaluate('timed', test => 'timed_test', options => '{"k": [1], "resamples": 0}');
CALL reco.evaluate('timed', test => 'timed_test', repeats => true, options => '{"k": [1], "resamples": 0}');
SELECT n, count_of(nth(n), 'training_events') AS training, count_of(nth(n), 'test_pairs') AS targets,
	value_of(nth(n), 'popularity', 'recall', 1) AS recall
FROM generate_series(2, 1, -1) n;

-- Canary: when test events happen, and what they are worth, tells training nothing: the clock and the weights do not move.
CREATE TABLE clock (u integer, i integer, worth float8, at timestamp);
CREATE INDEX ON clock (u);
INSERT INTO clock SELECT u, (u * u + g * 7) % 23, 1 + (u + g) % 3, timestamp '2023-01-01' + (g * 3 + u % 5) * interval '1 day'
	FROM generate_series(1, 40) u, generate_series(1, 8) g;
INSERT INTO clock SELECT u, (u * 5 + g) % 23, 1, timestamp '2023-06-01' FROM generate_series(1, 40) u, generate_series(1, 2) g;
SELECT reco.create_recommender('clock', 'clock', 'u', 'i', value_column => 'worth', time_column => 'at', half_life => '5 days',
	options => '{"factors": 8, "iterations": 3}');
CALL reco.evaluate('clock', 'time', options => '{"k": [5], "from": "2023-06-01 00:00+00", "resamples": 50}');
UPDATE clock SET at = '2023-12-01', worth = 1000 WHERE at = '2023-06-01';
CALL reco.evaluate('clock', 'time', options => '{"k": [5], "from": "2023-06-01 00:00+00", "resamples": 50}');
SELECT differences(nth(1), nth(2)), count_of(nth(1), 'test_pairs')::integer > 20 AS enough;

-- Canary: pairs of the test table that the interactions hold as well make their item neither popular nor known.
CREATE TABLE copied AS SELECT u, (u + g * g) % 12 AS i FROM generate_series(1, 40) u, generate_series(1, 3) g UNION SELECT u, 100 FROM generate_series(1, 30) u;
CREATE INDEX ON copied (u);
CREATE TABLE copied_test AS SELECT u, 100 AS i FROM generate_series(1, 29) u;
SELECT reco.create_recommender('copied', 'copied', 'u', 'i', options => '{"factors": 4, "iterations": 2}');
CALL reco.evaluate('copied', test => 'copied_test', options => '{"k": [1, 3], "resamples": 0}');
SELECT value_of(nth(1), 'popularity', 'hit_rate', 3) AS popularity_finds, count_of(nth(1), 'pairs_removed_from_training') AS removed;

-- Canary: a column of users and one of items that equal the label raise nothing.
CREATE TABLE person AS SELECT u AS id, 'item ' || (u * 7) % 30 AS label FROM generate_series(1, 120) u;
CREATE TABLE product AS SELECT i AS id, 'item ' || i AS label FROM generate_series(0, 29) i;
ALTER TABLE person ADD PRIMARY KEY (id);
ALTER TABLE product ADD PRIMARY KEY (id);
CREATE TABLE secret AS SELECT u, (u * u * 3 + g * 11 + u) % 30 AS i FROM generate_series(1, 120) u, generate_series(1, 5) g;
CREATE INDEX ON secret (u);
CREATE TABLE secret_test AS SELECT u, (u * 7) % 30 AS i FROM generate_series(1, 120) u;
SELECT reco.create_recommender('blind', 'secret', 'u', 'i', options => '{"factors": 8, "iterations": 3}');
SELECT reco.create_recommender('told', 'secret', 'u', 'i', users => 'person', user_key => 'id', user_features => '{label}',
	items => 'product', item_key => 'id', item_features => '{label}', options => '{"factors": 8, "iterations": 3}');
CALL reco.evaluate('blind', test => 'secret_test', options => '{"k": [5], "resamples": 500}');
CALL reco.evaluate('told', test => 'secret_test', options => '{"k": [5], "resamples": 500}');
SELECT told.value <= blind.high AS not_raised FROM reco.evaluations told, reco.evaluations blind
WHERE told.evaluation = (SELECT nth(1)) AND blind.evaluation = (SELECT nth(2)) AND told.model = 'als' AND blind.model = 'als'
	AND told.metric = 'recall' AND blind.metric = 'recall' AND told.user_group = 'all' AND blind.user_group = 'all'
	AND told.item_group = 'all' AND blind.item_group = 'all';

/*
 * The last items of each user.  User 1 came to A, B, C, A again: the last item is C, and what happened since is not learned from.
 * User 2 came to A, C, B: the last is B.  User 3 has one item, which stays.  User 4 has B and C at one moment: one of the two.
 * With repeats user 1's last is A.
 */
CREATE TABLE visit (u integer, i text, at date);
CREATE INDEX ON visit (u);
INSERT INTO visit VALUES (1, 'A', '2024-01-01'), (1, 'B', '2024-01-02'), (1, 'C', '2024-01-03'), (1, 'A', '2024-01-04'),
	(2, 'A', '2024-01-01'), (2, 'C', '2024-01-02'), (2, 'B', '2024-01-03'), (3, 'A', '2024-01-01'),
	(4, 'B', '2024-01-05'), (4, 'C', '2024-01-05');
SELECT reco.create_recommender('visit', 'visit', 'u', 'i', time_column => 'at', options => '{"factors": 4, "iterations": 2}');
CALL reco.evaluate('visit', 'last', options => '{"k": [1], "resamples": 0}');
CALL reco.evaluate('visit', 'last', repeats => true, options => '{"k": [1], "resamples": 0}');
CALL reco.evaluate('visit', 'last', options => '{"k": [1], "last_n": 5, "resamples": 0}');
SELECT count_of(nth(n), 'test_users') AS users, count_of(nth(n), 'test_pairs') AS targets, count_of(nth(n), 'training_events') AS training,
	count_of(nth(n), 'seen_targets_removed') AS seen
FROM generate_series(3, 1, -1) n;

-- A random split: the same for the same seed, whatever the order of rows and the number of workers; another for another seed.
CREATE TABLE basket AS SELECT u, (u * 13 + g * g * u + g) % 60 AS i FROM generate_series(1, 300) u, generate_series(1, 9) g;
CREATE INDEX ON basket (u);
SELECT reco.create_recommender('basket', 'basket', 'u', 'i', options => '{"factors": 8, "iterations": 3}');
CALL reco.evaluate('basket');
CREATE TABLE shuffled AS SELECT * FROM basket ORDER BY hashint4(u * 1000 + i) DESC;
TRUNCATE basket;
INSERT INTO basket SELECT * FROM shuffled;
SET reco.workers = 0;
CALL reco.evaluate('basket');
RESET reco.workers;
CALL reco.evaluate('basket', options => '{"seed": 43}');
SELECT differences(nth(2), nth(3)) AS same_seed, differences(nth(1), nth(2)) > 0 AS other_seed_differs;
SELECT count_of(nth(1), 'pairs_removed_from_training')::float8 / count(DISTINCT (u, i)) BETWEEN 0.17 AND 0.23 AS a_fifth FROM basket;

-- What a random split leaves to learn from has rows to choose sweeps by, with the same seed too: one at most is one, and not the number taken unmeasured.
SELECT reco.create_recommender('chosen', 'basket', 'u', 'i', options => '{"factors": 8}');
CALL reco.evaluate('chosen', options => '{"model": {"max_iterations": 1}}');
CALL reco.evaluate('chosen', options => '{"model": {"iterations": 1}}');
CALL reco.evaluate('chosen', options => '{"model": {"iterations": 8}}');
SELECT differences(nth(3), nth(2)) AS of_one_sweep, differences(nth(3), nth(1)) > 0 AS of_eight;

-- At most so many users, the same for the same seed; options of learning for this call alone.
CALL reco.evaluate('basket', options => '{"users": 7, "model": {"factors": 16, "iterations": 1}}');
CALL reco.evaluate('basket', options => '{"users": 7, "model": {"factors": 16, "iterations": 1}}');
SELECT differences(nth(1), nth(2)), count_of(nth(1), 'test_users') AS tested, options -> 'model' -> 'factors' AS factors,
	(SELECT r.options -> 'factors' FROM reco.recommenders r WHERE r.name = 'basket') AS defined
FROM reco.evaluations WHERE evaluation = (SELECT nth(1)) LIMIT 1;
SELECT count(*) AS versions FROM reco.models WHERE recommender = 'basket';

-- In a transaction block it runs in that one transaction, and says so.
RESET client_min_messages;
BEGIN;
CALL reco.evaluate('visit', 'last', options => '{"k": [1], "resamples": 0}');
SELECT count(DISTINCT evaluation) FROM reco.evaluations WHERE recommender = 'visit';
ROLLBACK;
SELECT count(DISTINCT evaluation) FROM reco.evaluations WHERE recommender = 'visit';
SET client_min_messages = warning;

-- Errors.
CREATE TABLE other_columns (person integer, i integer);
CREATE TABLE other_types (u uuid, i integer);
CREATE TABLE no_key_types (u integer, i numeric);
CREATE TABLE empty (u integer, i integer);
CREATE TABLE unrated (u integer, i integer);
CREATE TABLE disliked AS SELECT 1 AS u, 'C' AS i, 'return' AS kind;
SELECT complaint($$CALL reco.evaluate('visits')$$);
SELECT complaint($$CALL reco.evaluate('hand', NULL)$$);
SELECT complaint($$CALL reco.evaluate('hand', repeats => NULL)$$);
SELECT complaint($$CALL reco.evaluate('hand', 'randon')$$);
SELECT complaint($$CALL reco.evaluate('hand', 'leave everything out')$$);
SELECT complaint($$CALL reco.evaluate('hand', 'time')$$);
SELECT complaint($$CALL reco.evaluate('hand', 'last')$$);
SELECT complaint($$CALL reco.evaluate('timed', 'time', test => 'timed_test')$$);
SELECT complaint($$CALL reco.evaluate('hand', test => 'hand')$$);
SELECT complaint($$CALL reco.evaluate('hand', test => '-')$$);
SELECT complaint($$CALL reco.evaluate('hand', test => 'other_columns')$$);
SELECT complaint($$CALL reco.evaluate('hand', test => 'other_types')$$);
SELECT complaint($$CALL reco.evaluate('hand', test => 'no_key_types')$$);
SELECT complaint($$CALL reco.evaluate('rated', test => 'unrated')$$);
SELECT complaint($$CALL reco.evaluate('hand', test => 'empty')$$);
SELECT complaint($$CALL reco.evaluate('hand', test => 4294967295::oid)$$);
SELECT complaint($$CALL reco.evaluate('timed', test => 'disliked')$$);
SELECT complaint($$CALL reco.evaluate('hand', options => '{"fraction": 0}')$$);
SELECT complaint($$CALL reco.evaluate('hand', options => '{"fraction": 1}')$$);
SELECT complaint($$CALL reco.evaluate('hand', options => '{"fraction": 0.0001}')$$);
SELECT complaint($$CALL reco.evaluate('hand', options => '{"fractions": 0.5}')$$);
SELECT complaint($$CALL reco.evaluate('hand', options => '{"k": [0]}')$$);
SELECT complaint($$CALL reco.evaluate('hand', options => '{"k": "ten"}')$$);
SELECT complaint($$CALL reco.evaluate('hand', options => '{"modle": {"factors": 5}}')$$);
SELECT complaint($$CALL reco.evaluate('hand', options => '{"shares": [50]}')$$);
SELECT complaint($$CALL reco.evaluate('hand', options => '{"k": [100000]}')$$);
SELECT complaint($$CALL reco.evaluate('hand', options => '{"last_n": 2}')$$);
SELECT complaint($$CALL reco.evaluate('hand', test => 'hand_test', options => '{"fraction": 0.5}')$$);
SELECT complaint($$CALL reco.evaluate('timed', 'time', options => '{"fraction": 0.5, "from": "2024-01-10"}')$$);
SELECT complaint($$CALL reco.evaluate('timed', 'time', options => '{"from": "yesterday or so"}')$$);
SELECT complaint($$CALL reco.evaluate('timed', 'time', options => '{"from": "2020-01-01 00:00+00"}')$$);
SELECT complaint($$CALL reco.evaluate('timed', 'time', options => '{"from": "2030-01-01 00:00+00"}')$$);
SELECT complaint($$CALL reco.evaluate('hand', options => '{"model": 5}')$$);
SELECT complaint($$CALL reco.evaluate('hand', options => '{"model": {"factor": 5}}')$$);
SELECT complaint($$CALL reco.evaluate('hand', options => '[1]')$$);

-- It takes the rights of the owner, and reads as the caller.
CREATE ROLE regress_reco_stranger;
CREATE ROLE regress_reco_owner;
GRANT USAGE ON SCHEMA evaluate TO regress_reco_stranger, regress_reco_owner;
GRANT SELECT ON hand TO regress_reco_stranger, regress_reco_owner;
SET ROLE regress_reco_stranger;
SELECT helper.complaint($$CALL reco.evaluate('hand')$$);
SELECT count(*) FROM reco.evaluations WHERE recommender = 'larger';
RESET ROLE;
SELECT reco.alter_recommender('hand', owner => 'regress_reco_owner');
SET ROLE regress_reco_owner;
SELECT helper.complaint($$CALL reco.evaluate('hand', test => 'evaluate.hand_test')$$);
SELECT helper.complaint($$CALL reco.evaluate('hand', options => '{"fraction": 0.5}')$$);
RESET ROLE;

-- Evaluations leave with their recommender.
SELECT reco.drop_recommender(name) FROM reco.recommenders
WHERE name IN ('hand', 'larger', 'tied', 'rated', 'timed', 'clock', 'copied', 'blind', 'told', 'visit', 'basket', 'chosen');
SELECT count(*) FROM reco.evaluation e WHERE NOT EXISTS (SELECT FROM reco.recommender r WHERE r.key = e.recommender);
DROP SCHEMA evaluate CASCADE;
DROP ROLE regress_reco_stranger, regress_reco_owner;
