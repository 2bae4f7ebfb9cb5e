-- CALL reco.refresh(gate => true) deploys what is not worse than what serves, measured on rows that neither has seen.
\pset format unaligned
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA gate;
SET search_path = gate;

-- verdict() gives what versions say about the gate, without figures.
CREATE FUNCTION verdict(recommender text) RETURNS TABLE (version integer, deployed boolean, gate text, by text, against integer, metric text, by_sign text)
LANGUAGE sql AS $$
	SELECT m.version, m.deployed, m.gate, m.metrics #>> '{gate,by}', (m.metrics #>> '{gate,against}')::integer, m.metrics #>> '{gate,metric}',
		CASE WHEN (m.metrics #>> '{gate,high}')::float8 < 0 THEN 'below' WHEN (m.metrics #>> '{gate,low}')::float8 > 0 THEN 'above' WHEN m.gate IS NOT NULL THEN 'around 0' END
	FROM reco.models m WHERE m.recommender = $1 ORDER BY m.version
$$;

-- Two kinds of people, each with a shelf of its own.
CREATE TABLE shelf (u integer, i integer, at timestamptz);
INSERT INTO shelf SELECT u, (u % 2) * 40 + (u * 7 + g * g) % 40, timestamptz '2024-01-01 00:00+00' + (u + g) * interval '1 hour'
	FROM generate_series(1, 400) u, generate_series(1, 8) g;
CREATE INDEX ON shelf (u);
SELECT reco.create_recommender('shelf', 'shelf', 'u', 'i', time_column => 'at', options => '{"factors": 8, "iterations": 3}');

-- Nothing serves yet: nothing to compare with.
CALL reco.refresh('shelf', gate => true);
SELECT * FROM verdict('shelf');

-- Without anything new the settings are compared, on held-out rows: the same settings are not worse.
CALL reco.refresh('shelf', gate => true);
SELECT * FROM verdict('shelf');

-- What the algorithm chooses by the rows (sweeps, the scale of the regularisation) is chosen anew for both: same settings, no difference at all.
SELECT reco.create_recommender('open', 'shelf', 'u', 'i');
CALL reco.refresh('open');
CALL reco.refresh('open', gate => true);
CALL reco.refresh('open', gate => true, options => '{"calibrate": true}');
SELECT m.version, m.deployed, m.gate, m.metrics -> 'asked' AS asked, (m.metrics #>> '{gate,difference}')::float8 AS difference,
	m.metrics ? 'calibration' AS calibrated FROM reco.models m WHERE m.recommender = 'open' ORDER BY m.version;
-- one pass of held-out rows serves both: calibrated as without gate
CREATE TABLE by_gate AS SELECT i, reco.probability(1, i, 'open') AS p FROM (SELECT DISTINCT i FROM shelf) s;
CALL reco.refresh('open', options => '{"calibrate": true}');
SELECT bool_and(p = reco.probability(1, i, 'open')) AS same, (m.metrics #>> '{calibration,ece}')::float8 < (m.metrics #>> '{calibration,ece_of_scores}')::float8 AS mended
FROM by_gate, reco.models m WHERE m.recommender = 'open' AND m.deployed GROUP BY m.metrics;
SELECT reco.drop_recommender('open');

-- Settings that are much worse are refused: the version is kept and does not serve, and can be deployed by hand.
CALL reco.refresh('shelf', gate => true, options => '{"alpha0": 1000000, "lambda": 1000000000, "factors": 4}');
SELECT * FROM verdict('shelf');
SELECT reco.deploy('shelf', 3);
SELECT version, deployed FROM verdict('shelf');
SELECT reco.deploy('shelf', 2);

-- New events: the deployed version is measured as it is.  People take what their shelf has, anything of it.
INSERT INTO shelf SELECT u, (u % 2) * 40 + abs(hashint4(u * 31 + g)) % 40, timestamptz '2024-03-01 00:00+00' + (u + g) * interval '1 hour'
	FROM generate_series(1, 400) u, generate_series(1, 4) g;
CALL reco.refresh('shelf', gate => true);
SELECT version, deployed, gate, by, against FROM verdict('shelf');

-- The same again, and an import that made nonsense of all that was there before: refused, although the settings are the same.
CREATE TABLE sane AS SELECT * FROM shelf;
INSERT INTO shelf SELECT u, (u % 2) * 40 + abs(hashint4(u * 37 - g)) % 40, timestamptz '2024-05-01 00:00+00' + (u + g) * interval '1 hour'
	FROM generate_series(1, 400) u, generate_series(1, 4) g;
UPDATE shelf SET i = abs(hashint4(u * 53 + i)) % 80 WHERE at < '2024-05-01';
CALL reco.refresh('shelf', gate => true);
SELECT version, deployed, gate, by, against, by_sign FROM verdict('shelf');
-- what serves is still the version before
SELECT deployed FROM reco.recommenders WHERE name = 'shelf';

-- An incremental refresh is gated by new events alone.
TRUNCATE shelf;
INSERT INTO shelf SELECT * FROM sane;
CALL reco.refresh('shelf');
DO $$
DECLARE
	detail text;
BEGIN
	CALL reco.refresh('shelf', 'incremental', gate => true);
EXCEPTION WHEN object_not_in_prerequisite_state THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RAISE WARNING '%: %', SQLERRM, regexp_replace(detail, 'Version [0-9]+', 'Version N');
END $$;
INSERT INTO shelf SELECT u, (u % 2) * 40 + (u * 11 + g * g + g) % 40, timestamptz '2024-05-01 00:00+00' + (u + g) * interval '1 hour'
	FROM generate_series(1, 400) u, generate_series(1, 4) g;
CALL reco.refresh('shelf', 'incremental', gate => true);
SELECT deployed, gate, by, metric FROM verdict('shelf') ORDER BY version DESC LIMIT 1;

-- A version that is kept aside stays when only one is to be kept.
SET reco.keep_versions = 1;
CALL reco.refresh('shelf', gate => true, options => '{"alpha0": 1000000, "lambda": 1000000000, "factors": 4}');
SELECT count(*), count(*) FILTER (WHERE deployed) AS deployed, count(*) FILTER (WHERE gate = 'refused') AS refused FROM verdict('shelf');
RESET reco.keep_versions;

-- Ratings are gated by their error; another algorithm is compared by the settings of both.
CREATE TABLE rated AS SELECT u, (u * 3 + g * g) % 25 AS i, 1 + (u + g) % 5 AS stars FROM generate_series(1, 200) u, generate_series(1, 8) g;
CREATE INDEX ON rated (u);
SELECT reco.create_recommender('rated', 'rated', 'u', 'i', value_column => 'stars', feedback => 'explicit', options => '{"factors": 4, "iterations": 2}');
CALL reco.refresh('rated');
CALL reco.refresh('rated', gate => true);
SELECT * FROM verdict('rated');
SELECT reco.alter_recommender('shelf', unset => '{options}');
SELECT reco.alter_recommender('shelf', algorithm => 'popular');
CALL reco.refresh('shelf', gate => true);
SELECT deployed, gate, by FROM verdict('shelf') ORDER BY version DESC LIMIT 1;

-- What is known of users is known to both sides, and to the calibration.
CREATE TABLE readers AS SELECT u, 'group ' || u % 2 AS circle FROM generate_series(1, 400) u;
ALTER TABLE readers ADD PRIMARY KEY (u);
SELECT reco.create_recommender('known', 'shelf', 'u', 'i', users => 'readers', user_key => 'u', user_features => '{circle}', options => '{"factors": 4, "iterations": 2}');
CALL reco.refresh('known');
CALL reco.refresh('known', gate => true, options => '{"calibrate": true}');
SELECT count(*) AS versions FROM verdict('known');

-- The deployed version is measured with attributes as it knows them, whatever is mapped by now: the same figure beside other features.
SET reco.keep_versions = 10;
CREATE TABLE visits AS SELECT u, (u % 2) * 40 + (u * 7 + g * g) % 40 AS i, timestamptz '2024-01-01 00:00+00' + (u + g) * interval '1 hour' AS at
	FROM generate_series(1, 400) u, generate_series(1, 8) g;
CREATE INDEX ON visits (u);
ALTER TABLE readers ADD town text;
UPDATE readers SET town = 'town ' || u % 20;
SELECT reco.create_recommender('attr', 'visits', 'u', 'i', time_column => 'at', users => 'readers', user_key => 'u', user_features => '{circle}', options => '{"factors": 4, "iterations": 2}');
CALL reco.refresh('attr');
INSERT INTO visits SELECT u, (u % 2) * 40 + abs(hashint4(u * 31 + g)) % 40, timestamptz '2024-03-01 00:00+00' + (u + g) * interval '1 hour'
	FROM generate_series(1, 400) u, generate_series(1, 4) g;
CALL reco.refresh('attr', gate => true);
SELECT reco.deploy('attr', 1);
SELECT reco.alter_recommender('attr', user_features => '{town,circle}');
CALL reco.refresh('attr', gate => true);
SELECT reco.deploy('attr', 1);
-- a version whose attributes are not mapped any more cannot be served as it was: its settings are learned again
SELECT reco.alter_recommender('attr', unset => '{users,user_key,user_features}');
CALL reco.refresh('attr', gate => true);
SELECT version, gate IS NOT NULL AS gated, by, against FROM verdict('attr');
SELECT count(DISTINCT m.metrics #>> '{gate,deployed}') AS figures FROM reco.models m WHERE m.recommender = 'attr' AND m.metrics #>> '{gate,by}' = 'new events';
SELECT reco.deploy('attr', 1);
DO $$
BEGIN
	CALL reco.refresh('attr', 'incremental', gate => true);
EXCEPTION WHEN object_not_in_prerequisite_state THEN
	RAISE WARNING '%', SQLERRM;
END $$;

RESET reco.keep_versions;

-- Too few to compare are no reason to refuse, nor are too few to split an error.
CREATE TABLE few AS SELECT u, g AS i, 1 + (u + g) % 5 AS stars FROM generate_series(1, 30) u, generate_series(1, 4) g WHERE (u + g) % 3 > 0;
CREATE INDEX ON few (u);
SELECT reco.create_recommender('few', 'few', 'u', 'i', options => '{"factors": 4, "iterations": 2}');
CALL reco.refresh('few');
CALL reco.refresh('few', gate => true, options => '{"alpha0": 1000000, "lambda": 1000000000}');
SELECT version, deployed, gate, against FROM verdict('few');
DELETE FROM few WHERE u > 2;
CALL reco.refresh('few', gate => true, options => '{"calibrate": true}');
SELECT version, deployed, gate, against FROM verdict('few');

SELECT reco.drop_recommender(name) FROM reco.recommenders WHERE name IN ('shelf', 'rated', 'known', 'attr', 'few');
DROP SCHEMA gate CASCADE;
