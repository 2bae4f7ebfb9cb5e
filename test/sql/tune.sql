-- reco.tune() searches settings on a split, keeps every trial, goes on where it stopped; a trial can be applied.
\pset format unaligned
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA tune;
SET search_path = tune, helper;
SELECT count(*), setval(pg_get_serial_sequence('reco.trial', 'id'), 1, false) AS first_trial FROM reco.trial;
-- Two kinds of people, each with a shelf of its own; the present options cannot tell them apart well: regularised to almost nothing.
CREATE TABLE shelf AS SELECT u, (u % 2) * 40 + (u * 7 + g * g) % 40 AS i FROM generate_series(1, 300) u, generate_series(1, 8) g
	UNION SELECT u, 100 FROM generate_series(1, 290) u;
CREATE INDEX ON shelf (u);
SELECT reco.create_recommender('shelf', 'shelf', 'u', 'i', options => '{"factors": 8, "iterations": 2, "lambda": 10000, "alpha0": 0.03}');

-- So many settings, each learned from all: the shop is too small for less.
CALL reco.tune('shelf', budget => '1 day', options => '{"trials": 4, "k": [5, 10], "resamples": 200, "ranges": {"factors": [4, 16]}}');
SELECT setting, share, metric, k, options ->> 'iterations' AS kept, value BETWEEN low AND high AS inside, gain IS NULL AS present,
	gain_low <= gain AND gain <= gain_high AS gain_inside, (resolved ->> 'factors')::integer BETWEEN 4 AND 16 AS in_range,
	(resolved ->> 'lambda')::float8 / 10000 BETWEEN 0.1 AND 10 AS times_the_present
FROM reco.trials WHERE recommender = 'shelf' ORDER BY setting;
SELECT count(DISTINCT options) AS different, count(DISTINCT search) AS searches FROM reco.trials;

-- The same again learns nothing; more trials go on, the first ones unchanged; another seed is another search.
CREATE TABLE before AS SELECT * FROM reco.trials;
\set VERBOSITY terse
RESET client_min_messages;
CALL reco.tune('shelf', budget => '0', options => '{"trials": 4, "k": [5, 10], "resamples": 200, "ranges": {"factors": [4, 16]}}');
SET client_min_messages = warning;
SELECT count(*) FROM reco.trials;
CALL reco.tune('shelf', budget => '1 day', options => '{"trials": 6, "k": [5, 10], "resamples": 200, "ranges": {"factors": [4, 16]}}');
SELECT count(*), (SELECT count(*) FROM (SELECT * FROM before INTERSECT SELECT * FROM reco.trials) s) AS unchanged FROM reco.trials;
CALL reco.tune('shelf', budget => '1 day', options => '{"trials": 2, "k": 10, "resamples": 0, "seed": 7}');
SELECT count(*), count(DISTINCT search) AS searches, count(*) FILTER (WHERE low IS NULL) AS without_interval FROM reco.trials;

-- Without budget the present options are tried all the same, and nothing else.
CALL reco.tune('shelf', budget => '0', options => '{"k": 10, "resamples": 0, "seed": 8}');
SELECT max(setting) FROM reco.trials WHERE search = (SELECT t.search FROM reco.trials t ORDER BY t.trial DESC LIMIT 1);

-- Other data, another search; other present options too.
INSERT INTO shelf VALUES (1, 77);
CALL reco.tune('shelf', budget => '1 day', options => '{"trials": 1, "k": 10, "resamples": 0, "seed": 8}');
SELECT count(DISTINCT search) AS searches FROM reco.trials;

-- What a trial measures is what reco.evaluate() measures with its options on the same split.
CALL reco.evaluate('shelf', options => '{"k": 10, "resamples": 0, "seed": 8}');
SELECT t.value = e.value AS equal FROM reco.trials t, reco.evaluations e WHERE t.trial = (SELECT max(trial) FROM reco.trials)
	AND e.metric = 'ndcg' AND e.model = 'als' AND e.user_group = 'all' AND e.item_group = 'all';

-- A table of many users is searched from a ninth of them on: nine settings, then three, then one.
CREATE TABLE many AS SELECT u, (u % 2) * 20 + (u * 7 + g * g) % 20 AS i FROM generate_series(1, 10000) u, generate_series(1, 4) g;
CREATE INDEX ON many (u);
SELECT reco.create_recommender('many', 'many', 'u', 'i', options => '{"factors": 4, "iterations": 1}');
CALL reco.tune('many', budget => '1 day', options => '{"trials": 10, "k": 5, "resamples": 0, "ranges": {"factors": [4, 8]}}');
SELECT share, count(*) AS trials, count(DISTINCT setting) AS settings, count(gain) AS gains FROM reco.trials WHERE recommender = 'many' GROUP BY share ORDER BY share;
-- those that went on are the best of their rung
SELECT a.share, max(a.value) FILTER (WHERE b.trial IS NULL) <= min(a.value) FILTER (WHERE b.trial IS NOT NULL) AS best_went_on
FROM reco.trials a LEFT JOIN reco.trials b ON b.recommender = 'many' AND b.setting = a.setting AND b.share > a.share
WHERE a.recommender = 'many' AND a.share < 100 GROUP BY a.share ORDER BY a.share;

-- The winner is applied on request, and the present setting stays where nothing is better.
RESET client_min_messages;
CALL reco.tune('shelf', budget => '0', apply => true, options => '{"k": 10, "resamples": 0, "seed": 8}');
SET client_min_messages = warning;
CALL reco.tune('shelf', budget => '1 day', apply => true, options => '{"trials": 6, "k": 10, "resamples": 50}');
SELECT r.options = (SELECT t.options FROM reco.trials t WHERE t.recommender = 'shelf' AND t.search = (SELECT x.search FROM reco.trials x ORDER BY x.trial DESC LIMIT 1)
	ORDER BY t.value DESC, t.setting LIMIT 1) AS applied, r.options ->> 'iterations' AS kept FROM reco.recommenders r WHERE r.name = 'shelf';
CALL reco.refresh('shelf');
SELECT (m.options ->> 'lambda')::float8 = (r.options ->> 'lambda')::float8 AS learned_with FROM reco.models m JOIN reco.recommenders r ON r.name = m.recommender WHERE m.recommender = 'shelf';
RESET client_min_messages;
\set VERBOSITY default
SELECT reco.apply_trial(min(trial)) FROM reco.trials WHERE recommender = 'shelf';
SET client_min_messages = warning;
SELECT options FROM reco.recommenders WHERE name = 'shelf';

-- Ratings are searched by their error, less being better; other algorithms by their own ranges, choices included.
CREATE TABLE rated AS SELECT u, (u * 3 + g * g) % 25 AS i, 1 + (u + g) % 5 AS stars FROM generate_series(1, 200) u, generate_series(1, 8) g;
CREATE INDEX ON rated (u);
SELECT reco.create_recommender('rated', 'rated', 'u', 'i', value_column => 'stars', feedback => 'explicit', options => '{"factors": 4, "iterations": 2}');
CALL reco.tune('rated', budget => '1 day', apply => true, options => '{"trials": 5, "resamples": 0, "ranges": {"factors": 4}}');
SELECT metric, k, count(*), min(value) = (SELECT t.value FROM reco.trials t JOIN reco.recommenders r ON r.name = t.recommender AND r.options = t.options
	WHERE t.recommender = 'rated' ORDER BY t.value LIMIT 1) AS least_applied FROM reco.trials WHERE recommender = 'rated' GROUP BY metric, k;
SELECT reco.create_recommender('near', 'shelf', 'u', 'i', algorithm => 'itemknn');
CALL reco.tune('near', budget => '1 day', options => '{"trials": 8, "k": 10, "resamples": 0}');
SELECT count(*), count(DISTINCT resolved ->> 'weighting') > 1 AS weightings, count(DISTINCT resolved ->> 'shrinkage') > 4 AS shrinkages FROM reco.trials WHERE recommender = 'near';
CALL reco.tune('near', budget => '1 day', options => '{"trials": 5, "k": 10, "resamples": 0, "ranges": {"weighting": ["none", "bm25"], "shrinkage": [0, 1]}}');
SELECT bool_and(resolved ->> 'weighting' IN ('none', 'bm25') AND (resolved ->> 'shrinkage')::float8 <= 1) AS in_ranges
FROM reco.trials WHERE recommender = 'near' AND setting > 1 AND search = (SELECT t.search FROM reco.trials t ORDER BY t.trial DESC LIMIT 1);

-- The weights of a blend are searched; its members are learned once with given weights, and what a trial measures is what learning anew with its options does.
SELECT reco.create_recommender('mixed', 'shelf', 'u', 'i', algorithm => 'blend', options => '{"members": {"als": {"factors": 4, "iterations": 2}, "rp3beta": {}}}');
CALL reco.tune('mixed', budget => '1 day', options => '{"trials": 5, "k": 5, "resamples": 50, "seed": 8}');
SELECT count(*), count(DISTINCT resolved -> 'weights') AS weights, bool_and(share = 100) AS whole, bool_and(setting = 0 OR resolved -> 'weights' = options -> 'weights') AS as_drawn,
	count(DISTINCT resolved -> 'members') AS members, count(DISTINCT value) > 1 AS differ,
	bool_and(setting = 0 OR ((resolved #>> '{weights,als}')::float8 BETWEEN 0.25 AND 4 AND (resolved #>> '{weights,rp3beta}')::float8 BETWEEN 0.25 AND 4)) AS in_range
FROM reco.trials WHERE recommender = 'mixed';
SELECT options -> 'weights' AS last_weights, value AS last_value FROM reco.trials WHERE recommender = 'mixed' ORDER BY setting DESC LIMIT 1 \gset
CALL reco.evaluate('mixed', options => format('{"k": 5, "resamples": 0, "seed": 8, "model": {"weights": %s}}', :'last_weights')::jsonb);
SELECT max(value) = :last_value AS equal FROM reco.evaluations WHERE recommender = 'mixed' AND metric = 'ndcg' AND model = 'blend' AND user_group = 'all' AND item_group = 'all';
CALL reco.tune('mixed', budget => '1 day', options => '{"trials": 4, "k": 5, "resamples": 0, "seed": 9, "ranges": {"weights": [1, 2]}}');
SELECT bool_and((resolved #>> '{weights,als}')::float8 BETWEEN 1 AND 2) AS in_ranges FROM reco.trials
WHERE recommender = 'mixed' AND setting > 0 AND search = (SELECT t.search FROM reco.trials t ORDER BY t.trial DESC LIMIT 1);
SELECT complaint($$CALL reco.tune('mixed', options => '{"ranges": {"weights": [0, 2]}}')$$);
SELECT complaint($$CALL reco.tune('mixed', options => '{"ranges": {"weights": {"als": 2}}}')$$);

-- Another moment of the split, another algorithm, other attributes: other searches, of which nothing is recalled.
CREATE TABLE dated AS SELECT u, (u % 2) * 20 + (u * 7 + g * g) % 20 AS i, timestamptz '2024-01-01 00:00+00' + (u * g) % 97 * interval '1 day' AS at
	FROM generate_series(1, 200) u, generate_series(1, 6) g;
CREATE INDEX ON dated (u);
CREATE TABLE person AS SELECT u, 'region ' || u % 3 AS region, 'city ' || u % 5 AS city FROM generate_series(1, 200) u;
ALTER TABLE person ADD PRIMARY KEY (u);
SELECT reco.create_recommender('dated', 'dated', 'u', 'i', time_column => 'at', users => 'person', user_key => 'u', user_features => '{region}', options => '{"factors": 4, "iterations": 1}');
CALL reco.tune('dated', split => 'time', budget => '1 day', options => '{"trials": 2, "resamples": 0, "from": "2024-02-01 00:00+00"}');
CALL reco.tune('dated', split => 'time', budget => '1 day', options => '{"trials": 2, "resamples": 0, "from": "2024-03-01 00:00+00"}');
SELECT count(*), count(DISTINCT search) AS searches, count(DISTINCT value) > 1 AS differ FROM reco.trials WHERE recommender = 'dated';
CALL reco.tune('dated', budget => '1 day', options => '{"trials": 2, "resamples": 0}');
SELECT reco.alter_recommender('dated', user_features => '{city}');
CALL reco.tune('dated', budget => '1 day', options => '{"trials": 2, "resamples": 0}');
UPDATE person SET city = 'city ' || u % 4;
CALL reco.tune('dated', budget => '1 day', options => '{"trials": 2, "resamples": 0}');
SELECT count(*), count(DISTINCT search) AS searches FROM reco.trials WHERE recommender = 'dated';
SELECT reco.alter_recommender('dated', algorithm => 'itemknn', unset => '{options}');
CALL reco.tune('dated', budget => '1 day', options => '{"trials": 2, "resamples": 0}');
SELECT reco.alter_recommender('dated', algorithm => 'rp3beta');
CALL reco.tune('dated', budget => '1 day', options => '{"trials": 2, "resamples": 0}');
SELECT count(*), count(DISTINCT search) AS searches FROM reco.trials WHERE recommender = 'dated';

-- Errors.
SELECT reco.create_recommender('top', 'shelf', 'u', 'i', algorithm => 'popular');
SELECT complaint($$CALL reco.tune('top')$$);
SELECT complaint($$CALL reco.tune('shelf', budget => '-1 minute')$$);
SELECT complaint($$CALL reco.tune('shelf', budget => NULL)$$);
SELECT complaint($$CALL reco.tune('shelf', apply => NULL)$$);
SELECT complaint($$CALL reco.tune('shelf', options => '{"metric": "rmse"}')$$);
SELECT complaint($$CALL reco.tune('shelf', options => '{"trails": 5}')$$);
SELECT complaint($$CALL reco.tune('shelf', options => '{"model": {}}')$$);
SELECT complaint($$CALL reco.tune('shelf', options => '{"ranges": {"factor": 5}}')$$);
SELECT complaint($$CALL reco.tune('shelf', options => '{"ranges": {"seed": 5}}')$$);
SELECT complaint($$CALL reco.tune('shelf', options => '{"ranges": {"factors": [5]}}')$$);
SELECT complaint($$CALL reco.tune('shelf', options => '{"ranges": {"factors": [50, 5]}}')$$);
SELECT complaint($$CALL reco.tune('shelf', options => '{"ranges": {"factors": "many"}}')$$);
SELECT complaint($$CALL reco.tune('shelf', options => '{"ranges": {"factors": [100, 200000]}}')$$);
SELECT complaint($$CALL reco.tune('shelf', options => '{"ranges": {"lambda": -1}}')$$);
SELECT complaint($$CALL reco.tune('near', options => '{"ranges": {"weighting": ["none", "bogus"]}}')$$);
SELECT complaint($$CALL reco.tune('near', options => '{"ranges": {"weighting": ""}}')$$);
SELECT complaint($$SELECT reco.apply_trial(-1)$$);
SELECT reco.alter_recommender('shelf', unset => '{options}');
SELECT reco.alter_recommender('shelf', algorithm => 'itemknn');
SELECT regexp_replace(complaint(format('SELECT reco.apply_trial(%s)', min(trial))), 'trial [0-9]+', 'trial N') FROM reco.trials WHERE recommender = 'shelf';

-- Trials are seen and applied by whoever may.
CREATE ROLE regress_reco_tuner;
GRANT USAGE ON SCHEMA tune TO regress_reco_tuner;
SELECT min(trial) AS trial FROM reco.trials \gset
SET ROLE regress_reco_tuner;
SELECT count(*) FROM reco.trials;
SELECT helper.complaint($$CALL reco.tune('shelf')$$);
SELECT regexp_replace(helper.complaint('SELECT reco.apply_trial(' || :trial || ')'), 'trial [0-9]+', 'trial N');
RESET ROLE;
GRANT SELECT ON shelf TO regress_reco_tuner;
SET ROLE regress_reco_tuner;
SELECT count(*) > 0 AS seen FROM reco.trials;
SELECT helper.complaint('SELECT reco.apply_trial(' || :trial || ')');
RESET ROLE;

SELECT reco.drop_recommender(name) FROM reco.recommenders WHERE name IN ('shelf', 'many', 'rated', 'near', 'top', 'dated', 'mixed');
SELECT count(*) FROM reco.trial t WHERE NOT EXISTS (SELECT FROM reco.recommender r WHERE r.key = t.recommender);
DROP SCHEMA tune CASCADE;
DROP ROLE regress_reco_tuner;
