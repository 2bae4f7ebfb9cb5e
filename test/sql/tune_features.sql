-- Options that tuning found leave how features are encoded as it is.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA tune_features;
SET search_path = tune_features;
SET reco.workers = 0;
CREATE TABLE things (id int PRIMARY KEY, pages int);
INSERT INTO things SELECT i, i FROM generate_series(1, 60) i;
CREATE TABLE did (person int, thing int);
INSERT INTO did SELECT u, 1 + (u * 7 + k * k) % 60 FROM generate_series(1, 40) u, generate_series(1, 10) k;
SELECT reco.create_recommender('pages', 'did', 'person', 'thing', items => 'things', item_key => 'id', item_features => '{pages}',
	options => '{"factors": 4, "features": {"pages": {"bands": 3}}}');
CALL reco.tune('pages', budget => '0 seconds', options => '{"trials": 1}');
SELECT reco.apply_trial(max(trial)) FROM reco.trials WHERE recommender = 'pages';
SELECT options -> 'features' FROM reco.recommenders WHERE name = 'pages';
CALL reco.refresh('pages');
SELECT level FROM reco.features('pages') WHERE role = 'level' ORDER BY number;
SELECT reco.drop_recommender('pages');
DROP SCHEMA tune_features CASCADE;
