-- Scores that were calibrated are probabilities: what is found as often as they say; without that nothing is called one.
\pset format unaligned
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA calibrate;
SET search_path = calibrate, helper;
-- Two kinds of people, each with a shelf of its own.
CREATE TABLE shelf AS SELECT u, (u % 2) * 40 + abs(hashint4(u * 31 + g)) % 40 AS i FROM generate_series(1, 600) u, generate_series(1, 9) g;
CREATE INDEX ON shelf (u);
SELECT reco.create_recommender('shelf', 'shelf', 'u', 'i', options => '{"factors": 8, "iterations": 3}');
CALL reco.refresh('shelf');
SELECT complaint('SELECT reco.probability(1, 41)');
SELECT count(*) FILTER (WHERE details ? 'probability') AS called_so FROM reco.recommend(1);

-- Calibrated: of every pair, and beside every row of a list.
CALL reco.refresh('shelf', options => '{"calibrate": true}');
SELECT count(*), bool_and(abs((r.details ->> 'probability')::float8 - reco.probability(1, r.item_id::bigint)) < 1e-14) AS equal,
	bool_and((r.details ->> 'probability')::float8 BETWEEN 0 AND 1) AS between_0_and_1 FROM reco.recommend(1, 10) r;
SELECT count(*) AS without_reasons FROM reco.recommend(1, 10, options => '{"reason": false}') r WHERE r.details ? 'probability' AND NOT r.details ? 'because';

-- The higher the score the higher the probability, never the other way.
SELECT bool_and(p >= before) AS monotone, max(p) > 5 * min(p) AS tells_apart
FROM (SELECT reco.probability(u, i) AS p, lag(reco.probability(u, i)) OVER (ORDER BY reco.score(u, i)) AS before
	FROM generate_series(1, 5) u, (SELECT DISTINCT i FROM shelf) s) x;

-- A tenth of the rows was held out: 0.8 of the 8 or 9 that people have, among some 33 items of their shelf that they do not have: 0.025.
SELECT (m.metrics #>> '{calibration,ece}')::float8 < 0.01 AS small_error, abs((m.metrics #>> '{calibration,shown_found}')::float8 - 0.025) < 0.005 AS found_as_often,
	(m.metrics #>> '{calibration,users}')::integer = 600 AS users, (m.metrics #>> '{calibration,found}')::integer > 300 AS found
FROM reco.models m WHERE m.recommender = 'shelf' AND m.deployed;

-- The mean probability of what is shown is how often it is found.
SELECT abs(avg((r.details ->> 'probability')::float8) - (SELECT (m.metrics #>> '{calibration,shown_found}')::float8 FROM reco.models m WHERE m.recommender = 'shelf' AND m.deployed)) < 0.01 AS near
FROM generate_series(1, 100) u, reco.recommend(u, 20) r;

-- A user whom nobody knows gets no score and no probability in a list.
SELECT count(*) FILTER (WHERE details ? 'probability') AS called_so, count(score) AS scored FROM reco.recommend(99999);

-- It is reproducible, also with other workers; an incremental refresh keeps what scores mean.
CREATE TABLE link AS SELECT i, reco.probability(1, i) AS p FROM (SELECT DISTINCT i FROM shelf) s;
SET reco.workers = 0;
CALL reco.refresh('shelf', options => '{"calibrate": true}');
RESET reco.workers;
SELECT bool_and(l.p = reco.probability(1, l.i)) AS same FROM link l;
CALL reco.refresh('shelf', 'incremental');
SELECT reco.probability(1, 41) BETWEEN 0 AND 1 AS kept;

-- As an option of the definition it holds for every refresh.
SELECT reco.alter_recommender('shelf', options => '{"calibrate": true}');
CALL reco.refresh('shelf');
SELECT reco.probability(1, 41) IS NOT NULL AS calibrated, reco.probability(1, 12345) IS NULL AS unknown_item;
SELECT complaint($$SELECT reco.alter_recommender('shelf', options => '{"calibrate": 5}')$$);
SELECT complaint($$CALL reco.refresh('shelf', options => '{"calibrat": true}')$$);
CALL reco.refresh('shelf', options => '{"calibrate": false}');
SELECT complaint('SELECT reco.probability(1, 41)');

-- Ratings: the probability that the user rates the item at least as high as the mean.
CREATE TABLE rated AS SELECT u, i, (CASE WHEN (u + i) % 2 = 0 THEN 5 ELSE 1 END) AS stars
	FROM (SELECT u, abs(hashint4(u * 17 + g)) % 40 AS i FROM generate_series(1, 400) u, generate_series(1, 15) g) p;
CREATE INDEX ON rated (u);
SELECT reco.create_recommender('rated', 'rated', 'u', 'i', value_column => 'stars', feedback => 'explicit', options => '{"factors": 4, "iterations": 5, "calibrate": true}');
CALL reco.refresh('rated');
SELECT min(reco.probability(u, i, 'rated')) FILTER (WHERE (u + i) % 2 = 0) > 0.8 AS liked, max(reco.probability(u, i, 'rated')) FILTER (WHERE (u + i) % 2 = 1) < 0.2 AS disliked
FROM generate_series(1, 10) u, generate_series(0, 39) i;

-- Too little to say anything: a warning, and a version all the same.
CREATE TABLE tiny AS SELECT u, (u + g) % 7 AS i FROM generate_series(1, 20) u, generate_series(1, 3) g;
CREATE INDEX ON tiny (u);
SELECT reco.create_recommender('tiny', 'tiny', 'u', 'i', options => '{"factors": 4, "iterations": 1, "calibrate": true}');
CALL reco.refresh('tiny');
SELECT complaint($$SELECT reco.probability(1, 2, 'tiny')$$);

SELECT reco.drop_recommender(name) FROM reco.recommenders WHERE name IN ('shelf', 'rated', 'tiny');
DROP SCHEMA calibrate CASCADE;
