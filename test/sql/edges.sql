-- Edges of serving: users whose rows say nothing get what is popular; weights and lambda too small to solve with are refused.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE SCHEMA edges;
SET search_path = edges, reco;

-- Nobody ever kept item 99: it is learned as a vector of zeros.
CREATE TABLE events (user_id int, item_id int, kind text);
INSERT INTO events SELECT u, i, 'buy' FROM generate_series(1, 30) u, generate_series(1, 12) i WHERE (u * 5 + i * 3) % 4 <> 0;
INSERT INTO events SELECT u, 99, 'return' FROM generate_series(1, 5) u;
CREATE INDEX ON events (user_id);
SELECT create_recommender('edges', 'events', 'user_id', 'item_id', event_column => 'kind', event_weights => '{"buy": 3, "return": -3}', shared_catalogue => true);
CALL refresh('edges', options => '{"factors": 4, "iterations": 3}');
SELECT (SELECT bool_and(f = 0) FROM unnest(item_embedding(99, 'edges')) f), (SELECT bool_or(f <> 0) FROM unnest(item_embedding(1, 'edges')) f);

\echo == a user who has nothing else
INSERT INTO events VALUES (100, 99, 'buy');
SELECT rank, item_id = (SELECT item_id FROM popular_items(NULL::bigint, 1, 'edges')), score, source FROM recommend(100, 1, 'edges');
SELECT score(100, 1, 'edges'), (SELECT count(*) FROM explain(100, 1, 'edges'));
SELECT found FROM counterfactual(100, 1, 5, 'edges');
SELECT DISTINCT source FROM recommend_all('edges', users => '{100}'::bigint[], k => 2);
\echo == and as soon as there is something else
INSERT INTO events VALUES (100, 2, 'buy');
SELECT DISTINCT source FROM recommend(100, 2, 'edges');

\echo == with ratings the bias of such a user still orders nothing else than those of the items
CREATE TABLE stars (user_id int, item_id int, stars real);
INSERT INTO stars SELECT user_id, item_id, 1 + (user_id + item_id) % 5 FROM events WHERE kind = 'buy' AND user_id < 100;
SELECT create_recommender('edges_stars', 'stars', 'user_id', 'item_id', value_column => 'stars', feedback => 'explicit', shared_catalogue => true);
CALL refresh('edges_stars', options => '{"factors": 4, "iterations": 3}');
SELECT DISTINCT source FROM recommend(1, 2, 'edges_stars');

\echo == lambda has a floor
CALL refresh('edges', options => '{"lambda": 5e-324}');
CALL refresh('edges', options => '{"lambda": 1e-30, "factors": 4, "iterations": 1}');
SELECT count(*) FROM recommend(1, 3, 'edges');
SELECT alter_recommender('edges', event_weights => '{"buy": 3e-31, "return": -3e-31}');
\set VERBOSITY terse
CALL refresh('edges', options => '{"factors": 4}');
SELECT count(drop_recommender(r.name)) FROM unnest('{edges,edges_stars}'::text[]) r (name);
SET client_min_messages = error;
DROP SCHEMA edges CASCADE;
