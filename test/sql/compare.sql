-- reco.compare() and reco.learning_curve(): the same split for all, paired differences, reports that a person can read.
\pset format unaligned
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA compare;
SET search_path = compare, helper;
CREATE FUNCTION latest() RETURNS bigint LANGUAGE sql AS $$ SELECT max(evaluation) FROM reco.evaluation_runs $$;

-- Two kinds of people, each with a shelf of its own: a model sees it, popularity does not.
CREATE TABLE shelf AS SELECT u, (u % 2) * 40 + (u * 7 + g * g) % 40 AS i FROM generate_series(1, 400) u, generate_series(1, 8) g
	UNION SELECT u, 100 FROM generate_series(1, 390) u;
CREATE INDEX ON shelf (u);
SELECT reco.create_recommender('shelf', 'shelf', 'u', 'i', options => '{"factors": 8, "iterations": 3}');
SELECT reco.create_recommender('small', 'shelf', 'u', 'i', options => '{"factors": 4, "iterations": 1}');

-- The recommender, another setting, another recommender; baselines always.
RESET client_min_messages;
CALL reco.compare('shelf', models => '[{"options": {"factors": 4}}, "small", {"name": "wide", "algorithm": "als", "options": {"factors": 16, "iterations": 2}}]',
	options => '{"k": [5, 10], "resamples": 200}');
SET client_min_messages = warning;
SELECT DISTINCT place, model, algorithm, model_options ->> 'factors' AS factors, model_options ->> 'iterations' AS iterations, share
FROM reco.evaluations WHERE evaluation = (SELECT latest()) ORDER BY place;
SELECT count(*) AS lines, count(value) AS values, bool_and(low <= value AND value <= high) AS inside, min(measure) AS measure,
	bool_and(difference_low <= difference AND difference <= difference_high) FILTER (WHERE difference IS NOT NULL) AS differences_inside,
	count(*) FILTER (WHERE difference IS NULL) AS best, bool_and(difference <= 0) AS none_above, count(DISTINCT versus_model) AS references
FROM reco.comparison_report('shelf');

-- Every model is above both baselines, significantly, and chance is below popularity.
SELECT model IN ('popularity', 'random') AS baseline, bool_and(significant) AS significant, bool_and(difference > 0) AS above, count(*)
FROM reco.comparison_report('shelf', metric => 'recall', k => 5, versus => 'popularity') WHERE model <> 'popularity' GROUP BY 1 ORDER BY 1;

-- The AUC of chance is a half.
SELECT abs(auc - 0.5) < 0.03 AS a_half FROM reco.comparison_report('shelf') WHERE model = 'random';

-- The value of each model is that of an evaluation of its own with the same seed, and a difference is the difference of values.
CALL reco.evaluate('small', options => '{"k": [5, 10], "resamples": 200}');
SELECT count(*), bool_and(a.value = b.value AND a.low IS NOT DISTINCT FROM b.low) AS equal
FROM reco.evaluations a JOIN reco.evaluations b USING (user_group, item_group, metric, k)
WHERE a.evaluation = (SELECT latest()) AND a.model = 'als' AND b.evaluation = (SELECT latest() - 1) AND b.model = 'als (small)';
SELECT count(*), max(abs(d.value - (a.value - b.value))) < 1e-12 AS equal, count(*) FILTER (WHERE d.low IS NULL) AS without_interval
FROM reco.evaluation_differences d
JOIN reco.evaluations a ON a.evaluation = d.evaluation AND a.model = d.model AND a.metric = d.metric AND a.k = d.k
JOIN reco.evaluations b ON b.evaluation = d.evaluation AND b.model = d.versus AND b.metric = d.metric AND b.k = d.k
WHERE d.evaluation = (SELECT latest() - 1) AND a.user_group = 'all' AND b.user_group = 'all' AND a.item_group = 'all' AND b.item_group = 'all';

-- Pairing: the difference to a copy of itself is exactly 0, with an interval of no width, where the values themselves are uncertain.
CALL reco.compare('shelf', models => '[{"name": "copy", "options": {}}]', options => '{"k": 5, "resamples": 100}');
SELECT count(*), bool_and(d.value = 0 AND d.low = 0 AND d.high = 0 AND NOT d.significant) AS equal,
	(SELECT bool_and(e.low < e.high) FROM reco.evaluations e WHERE e.evaluation = (SELECT latest()) AND e.model = 'copy' AND e.metric = 'recall'
		AND e.user_group = 'all' AND e.item_group = 'all') AS uncertain
FROM reco.evaluation_differences d WHERE d.evaluation = (SELECT latest()) AND d.model = 'copy' AND d.versus = 'als (shelf)';

-- A paired interval by hand: popularity finds what one of the two users is to find, chance what the other is, so the differences
-- are 1 and -1, their mean is 0, and a quarter of all resamples has one of them twice: the interval runs from -1 to 1.
CREATE TABLE two (u integer, i integer);
CREATE INDEX ON two (u);
INSERT INTO two VALUES (1, 1), (2, 1), (3, 1), (3, 2), (4, 2), (4, 3), (5, 2), (5, 1);
CREATE TABLE two_test AS SELECT 1 AS u, 2 AS i UNION SELECT 2, 3;
SELECT reco.create_recommender('two', 'two', 'u', 'i', options => '{"factors": 4, "iterations": 1}');
CALL reco.compare('two', models => '[]', test => 'two_test', options => '{"k": 1}');
SELECT d.model, d.versus, d.value, d.low, d.high, d.significant FROM reco.evaluation_differences d
WHERE d.evaluation = (SELECT latest()) AND d.metric = 'recall' AND d.model = 'popularity' ORDER BY d.versus;
SELECT model, value, low, high FROM reco.evaluations WHERE evaluation = (SELECT latest()) AND metric = 'recall' AND user_group = 'all' AND item_group = 'all' ORDER BY place;

-- Without models: every algorithm that can learn from these interactions.
CALL reco.compare('shelf', options => '{"k": 5, "resamples": 0}');
SELECT count(DISTINCT algorithm) = count(DISTINCT model) - 2 AS each_once, bool_or(algorithm = 'als') AS als,
	count(DISTINCT algorithm) > 3 AS several, bool_or(algorithm = 'recent') AS needs_times FROM reco.evaluations WHERE evaluation = (SELECT latest());

-- A learning curve: more users, more rows; 100 % is the evaluation itself; a larger share holds the smaller ones.
RESET client_min_messages;
CALL reco.learning_curve('shelf', options => '{"shares": [100, 5, 20], "k": 10, "resamples": 200}');
SET client_min_messages = warning;
SELECT share, value BETWEEN low AND high AS inside, gain IS NULL AS first, gain_low <= gain_high AS interval, measure, seconds IS NOT NULL AS timed
FROM reco.learning_curve_report('shelf');
SELECT bool_and(n_interactions > smaller) AS rows_grow, bool_and(abs(n_interactions / (full_rows * share / 100.0) - 1) < 0.5) AS by_share
FROM (SELECT share, n_interactions, lag(n_interactions, 1, 0::bigint) OVER (ORDER BY share) AS smaller, max(n_interactions) OVER () AS full_rows
	FROM reco.learning_curve_report('shelf')) r;
SELECT b.value > a.value AS all_above_a_twentieth FROM reco.learning_curve_report('shelf') a, reco.learning_curve_report('shelf') b WHERE a.share = 5 AND b.share = 100;
CALL reco.evaluate('shelf', options => '{"k": 10, "resamples": 200}');
SELECT count(*), bool_and(a.value = b.value) AS equal FROM reco.evaluations a JOIN reco.evaluations b USING (user_group, item_group, metric, k)
WHERE a.evaluation = (SELECT latest()) AND a.model = 'als' AND b.evaluation = (SELECT latest() - 1) AND b.share = 100;

-- The latest of each command is what its report shows.
SELECT count(*) FILTER (WHERE model LIKE 'als%') AS evaluated FROM reco.evaluation_report('shelf') WHERE user_group = 'all' AND item_group = 'all' AND k = 10;
SELECT count(*) > 5 AS compared FROM reco.comparison_report('shelf');
SELECT count(*) AS curve FROM reco.learning_curve_report('shelf', latest() - 1);

-- What is already measured is there when the rest fails: the second model cannot be learned.
SET reco.learn_memory = '2MB';
\set VERBOSITY sqlstate
CALL reco.compare('shelf', models => '[{"name": "large", "options": {"factors": 1024}}]', options => '{"k": 5, "resamples": 0}');
\set VERBOSITY default
RESET reco.learn_memory;
SELECT DISTINCT model FROM reco.evaluations WHERE evaluation = (SELECT latest());

-- Errors.
SELECT complaint($$CALL reco.compare('shelf', models => '{"als": 1}')$$);
SELECT complaint($$CALL reco.compare('shelf', models => '[5]')$$);
SELECT complaint($$CALL reco.compare('shelf', models => '[{"name": "popularity", "algorithm": "als"}]')$$);
SELECT complaint($$CALL reco.compare('shelf', models => '["smal"]')$$);
SELECT complaint($$CALL reco.compare('shelf', models => '[{"algorithm": "alss"}]')$$);
SELECT complaint($$CALL reco.compare('shelf', models => '[{"algoritm": "als"}]')$$);
SELECT complaint($$CALL reco.compare('shelf', models => '[{"algorithm": "als", "recommender": "small"}]')$$);
SELECT complaint($$CALL reco.compare('shelf', models => '[{"options": {"factor": 5}}]')$$);
SELECT complaint($$CALL reco.compare('shelf', models => '[{"options": 5}]')$$);
SELECT complaint($$CALL reco.compare('shelf', options => '{"model": {"factors": 5}}')$$);
SELECT complaint($$CALL reco.compare('shelf', split => NULL)$$);
SELECT complaint($$CALL reco.learning_curve('shelf', repeats => NULL)$$);
SELECT complaint($$CALL reco.learning_curve('shelf', options => '{"shares": [0]}')$$);
SELECT complaint($$CALL reco.learning_curve('shelf', options => '{"shares": []}')$$);

-- Of few users there is no interval, and nothing is significant.
SELECT outcome($$CALL reco.compare('shelf', models => '[]', options => '{"users": 19, "k": 5}')$$);
SELECT count(low) AS intervals, count(significant) AS verdicts, count(*) FROM reco.comparison_report('shelf');
SELECT outcome($$CALL reco.compare('shelf', models => '[]', options => '{"users": 20, "k": 5}')$$);
SELECT count(low) AS intervals, count(significant) AS verdicts, count(*) FROM reco.comparison_report('shelf');

-- It takes the rights of the owner; of another recommender those of a reader.
CREATE ROLE regress_reco_comparer;
GRANT USAGE ON SCHEMA compare TO regress_reco_comparer;
SET ROLE regress_reco_comparer;
SELECT helper.complaint($$CALL reco.compare('shelf')$$);
SELECT helper.complaint($$CALL reco.learning_curve('shelf')$$);
SELECT count(*) FROM reco.evaluation_differences;
RESET ROLE;
CREATE TABLE own AS SELECT * FROM shelf;
CREATE INDEX ON own (u);
ALTER TABLE own OWNER TO regress_reco_comparer;
SELECT reco.create_recommender('own', 'own', 'u', 'i', options => '{"factors": 4, "iterations": 1}');
SELECT reco.alter_recommender('own', owner => 'regress_reco_comparer');
SET ROLE regress_reco_comparer;
SELECT helper.complaint($$CALL reco.compare('own', models => '["small"]', options => '{"k": 5, "resamples": 0}')$$);
SELECT helper.complaint($$CALL reco.compare('own', models => '[{"options": {"factors": 5}}]', options => '{"k": 5, "resamples": 0}')$$);
SELECT count(*) FROM reco.comparison_report();
\echo == what is not there to be reported on is an error, also where there is nothing to report
SELECT helper.complaint($$SELECT reco.evaluation_report('nope')$$);
SELECT helper.complaint($$SELECT reco.comparison_report('nope')$$);
SELECT helper.complaint($$SELECT reco.comparison_report('own', metric => 'nope')$$);
SELECT helper.complaint($$SELECT reco.learning_curve_report('nope')$$);
SELECT helper.complaint($$SELECT reco.learning_curve_report(metric => 'recal')$$);
SELECT count(*) FROM reco.evaluation_report('own', -1);
\echo == every column of a view says what it is
SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 WHERE c.relnamespace = 'reco'::regnamespace AND c.relkind = 'v' AND col_description(c.oid, a.attnum) IS NULL;
RESET ROLE;

-- All leaves with the recommender.
SELECT reco.drop_recommender(name) FROM reco.recommenders WHERE name IN ('shelf', 'small', 'two', 'own');
SELECT (SELECT count(*) FROM reco.evaluation_model m WHERE NOT EXISTS (SELECT FROM reco.evaluation e WHERE e.id = m.evaluation))
	+ (SELECT count(*) FROM reco.evaluation_metric m WHERE NOT EXISTS (SELECT FROM reco.evaluation e WHERE e.id = m.evaluation))
	+ (SELECT count(*) FROM reco.evaluation_difference m WHERE NOT EXISTS (SELECT FROM reco.evaluation e WHERE e.id = m.evaluation)) AS left_behind;
DROP SCHEMA compare CASCADE;
DROP ROLE regress_reco_comparer;
