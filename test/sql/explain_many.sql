-- explain() of a user with many items looks up, and computes effects of, what it shows alone; the rows still add up, and are the first of the longer explanation.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA explain_many;
SET search_path = explain_many, reco, helper;

-- User 1 has 700 of 720 items; 40 others a few each.
CREATE TABLE goods (id int PRIMARY KEY, title text);
INSERT INTO goods SELECT i, 'Good ' || i FROM generate_series(1, 720) i;
CREATE TABLE events (user_id int, item_id int, weight real);
INSERT INTO events SELECT 1, i, 1 + i % 7 FROM generate_series(1, 700) i;
INSERT INTO events SELECT u, 1 + (u * 53 + n * 17) % 720, 1 + n % 3 FROM generate_series(2, 41) u, generate_series(1, 60) n;
CREATE INDEX ON events (user_id);

-- Labels tell of being read: that of an item marked here is an error.
CREATE TABLE forbidden (id int PRIMARY KEY);
CREATE FUNCTION label(id int, title text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF EXISTS (SELECT FROM explain_many.forbidden f WHERE f.id = label.id) THEN
		RAISE 'the label of a good was read that nobody asked for';
	END IF;
	RETURN title;
END $$;
CREATE VIEW shelf AS SELECT id, label(id, title) AS title FROM goods;

SELECT create_recommender('many', 'events', 'user_id', 'item_id', value_column => 'weight', items => 'shelf', item_key => 'id', item_label => 'title');
CALL refresh('many', options => '{"factors": 8, "iterations": 3}');
SELECT create_recommender('many_blend', 'events', 'user_id', 'item_id', value_column => 'weight', items => 'shelf', item_key => 'id', item_label => 'title',
	algorithm => 'blend');
CALL refresh('many_blend');

\echo == the rows of a limit are the first of all rows, and with rest they add up
CREATE TABLE whole AS SELECT r, e.* FROM unnest('{many,many_blend}'::text[]) r, LATERAL explain(1, 710, r, options => '{"limit": 10000}') e;
SELECT r, count(*), count(*) FILTER (WHERE kind = 'rest') FROM whole GROUP BY r ORDER BY r;
SELECT e.r, n, count(*), count(w.ord) AS same, abs(sum(e.contribution) - score(1, 710, e.r)) < 1e-9 AS adds_up, max((e.details ->> 'items')::int) AS items
FROM (SELECT r, n, e.* FROM unnest('{many,many_blend}'::text[]) r, unnest('{0,1,5,499,501,650}'::int[]) n, LATERAL explain(1, 710, r, options => jsonb_build_object('limit', n)) e) e
	LEFT JOIN whole w USING (r, ord, kind, evidence_id, evidence_label, contribution, removal_effect)
GROUP BY e.r, n ORDER BY e.r, n;

\echo == nothing else is read
INSERT INTO forbidden SELECT evidence_id FROM whole WHERE r = 'many' AND ord > 5;
SELECT ord, kind, evidence_label IS NOT NULL FROM explain(1, 710, 'many', options => '{"limit": 5}');
SELECT explain_svg(1, 710, 'many', options => '{"limit": 5}') LIKE '<svg%';
SELECT complaint($$SELECT explain(1, 710, 'many', options => '{"limit": 6}')$$);
DELETE FROM forbidden;
SELECT pieces, sum_residual < 1e-9, removal_residual < 1e-9, worst_label = 'Good ' || worst_id FROM explain_check(1, 710, 'many', '{"limit": 5}');

\echo == what is hidden goes to rest, however much of it comes first
BEGIN;
DELETE FROM goods WHERE id IN (SELECT evidence_id FROM whole WHERE r = 'many' AND ord <= 300);
SELECT count(*) FILTER (WHERE e.kind <> 'rest'), count(*) FILTER (WHERE w.ord = e.ord + 300), abs(sum(e.contribution) - score(1, 710, 'many')) < 1e-9, max((e.details ->> 'items')::int)
FROM explain(1, 710, 'many', options => '{"limit": 20}') e LEFT JOIN whole w ON w.r = 'many' AND w.evidence_id = e.evidence_id AND w.removal_effect = e.removal_effect;
DELETE FROM goods WHERE id <> 710;
SELECT kind, details, abs(contribution - score(1, 710, 'many')) < 1e-9 FROM explain(1, 710, 'many', options => '{"limit": 20}');
SELECT outcome FROM counterfactual(1, 710, 5, 'many');
ROLLBACK;

\echo == rows that were dropped beside a greater one: its removal brings them back, and that of others does not
INSERT INTO events VALUES (99, 1, 1), (99, 2, 1e-14), (99, 3, 2e-14), (100, 1, 1), (100, 4, 1), (100, 2, 1e-14);
SELECT u, evidence_id, removal_effect <> 0 FROM unnest('{99,100}'::int[]) u, LATERAL explain(u, 710, 'many') e ORDER BY 1, 2;
SELECT u, r, count(*), max(removal_residual) < 1e-6 FROM unnest('{99,100}'::int[]) u, unnest('{many,many_blend}'::text[]) r,
	(SELECT DISTINCT item_id FROM events WHERE user_id BETWEEN 2 AND 41 AND item_id > 680) i, LATERAL explain_check(u, item_id, r) GROUP BY u, r ORDER BY u, r;

SELECT drop_recommender('many'), drop_recommender('many_blend');
