-- counterfactual() names the rows that keep an item in the list, as really deleting them shows.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA turned;
GRANT USAGE ON SCHEMA turned TO PUBLIC;
SET search_path = turned, reco, helper;
SET reco.default_recommender = 'turned';

-- Three tastes, ten items each: a, b and c; most users have one taste, every fifth has something of another.
CREATE TABLE goods (id int PRIMARY KEY, title text);
INSERT INTO goods SELECT i, (ARRAY['Apple ', 'Bread ', 'Candle '])[1 + (i - 1) / 10] || i FROM generate_series(1, 30) i;
CREATE TABLE events (user_id int, item_id int, kind text, at timestamptz);
INSERT INTO events
SELECT u, 1 + u % 3 * 10 + (n * 3 + u / 3) % 10, CASE WHEN n % 3 = 0 THEN 'purchase' ELSE 'view' END, timestamptz '2024-05-01 00:00+00' + u * interval '1 hour'
FROM generate_series(1, 90) u, generate_series(1, 6) n;
INSERT INTO events SELECT u, 1 + (u + 1) % 3 * 10 + u % 10, 'purchase', '2024-05-20' FROM generate_series(5, 90, 5) u;
CREATE INDEX ON events (user_id);
SELECT create_recommender('turned', 'events', 'user_id', 'item_id', event_column => 'kind',
	event_weights => '{"view": 1, "purchase": 4, "return": -3}', time_column => 'at', half_life => '60 days',
	items => 'goods', item_key => 'id', item_label => 'title');
CALL refresh('turned', options => '{"factors": 6, "iterations": 8}');

-- out_after() deletes a user's rows on items, looks for the item in the list with what was seen still left out, and undoes it.
CREATE FUNCTION out_after(u int, i int, k int, gone int[]) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	seen bigint[] := ARRAY(SELECT DISTINCT item_id FROM events WHERE user_id = u);
	absent boolean;
BEGIN
	BEGIN
		DELETE FROM events WHERE user_id = u AND item_id = ANY (gone);
		SELECT i NOT IN (SELECT item_id FROM recommend(u, k, exclude => seen)) INTO absent;
		RAISE EXCEPTION USING errcode = 'ZZ999';
	EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
		NULL;
	END;
	RETURN absent;
END $$;
CREATE FUNCTION sets_of(u int, i int, k int, size int) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM (SELECT DISTINCT item_id FROM events WHERE user_id = u) a, (SELECT DISTINCT item_id FROM events WHERE user_id = u) b
	WHERE CASE size WHEN 1 THEN a.item_id = b.item_id WHEN 2 THEN a.item_id < b.item_id END AND out_after(u, i, k, ARRAY[a.item_id, b.item_id])
$$;

\echo == two tastes of one item each: without the one the item is gone
BEGIN;
INSERT INTO events VALUES (5000, 6, 'purchase', '2024-05-20'), (5000, 21, 'view', '2024-05-20');
SELECT c.ord, c.found, c.outcome, c.evidence_id IN (6, 21) AS cited, c.kind,
	c.removal_effect > 0, c.score_after < c.score_before, c.rank_before, c.rank_after > 1, c.details
FROM recommend(5000, 1) r, LATERAL counterfactual(5000, r.item_id, 1) c;
ROLLBACK;

\echo == every set, really deleted, takes the item out of the list; every set of one less does not; and where it says smallest, it is
CREATE TABLE sets AS
SELECT u, k, i, bool_or(found) AS found, min(outcome) AS outcome, array_agg(evidence_id::int ORDER BY ord) AS gone, min(details ->> 'smallest') AS smallest,
	min(score_before) AS score_before, min(score_after) AS score_after, min(rank_before) AS rank_before, min(rank_after) AS rank_after
FROM generate_series(1, 40) u, (VALUES (1), (3)) v (k), LATERAL (SELECT item_id::int AS i FROM recommend(u, k)) r, LATERAL counterfactual(u, i, k) c GROUP BY u, k, i;
SELECT found, outcome, cardinality(gone) > 1 AS several, smallest, count(*) > 0 FROM sets GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
SELECT bool_and(out_after(u, i, k, gone)), bool_and(rank_before <= k AND rank_after > k) FROM sets WHERE found;
SELECT bool_or(out_after(u, i, k, array_remove(gone, piece))) FROM sets, unnest(gone) piece WHERE found AND cardinality(gone) > 1;
SELECT count(*) > 0, sum(sets_of(u, i, k, 1)) FROM sets WHERE found AND cardinality(gone) = 2 AND smallest = 'true';
SELECT count(*) > 0, sum(sets_of(u, i, k, 1) + sets_of(u, i, k, 2)) FROM sets WHERE found AND cardinality(gone) = 3 AND smallest = 'true';

\echo == scores and ranks are those after the delete
CREATE FUNCTION after(u int, i int, gone int[], OUT score float8, OUT rank int) LANGUAGE plpgsql AS $$
DECLARE
	seen bigint[] := ARRAY(SELECT DISTINCT item_id FROM events WHERE user_id = u);
BEGIN
	BEGIN
		DELETE FROM events WHERE user_id = u AND item_id = ANY (gone);
		score := score(u, i);
		SELECT r.rank INTO rank FROM recommend(u, 30, exclude => seen) r WHERE item_id = i;
		RAISE EXCEPTION USING errcode = 'ZZ999';
	EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
		NULL;
	END;
END $$;
SELECT bool_and(abs(a.score - s.score_after) < 1e-9), bool_and(a.rank = s.rank_after), bool_and(s.score_before = score(u, i))
FROM sets s, LATERAL after(u, i, gone) a WHERE found;

\echo == one row says why there is none
SELECT c.ord, c.found, c.outcome, c.evidence_id, c.score_before = r.score, c.score_after, c.rank_before, c.rank_after
FROM recommend(5, 10) r, LATERAL counterfactual(5, r.item_id, 1) c WHERE r.rank = 10;
SELECT found, outcome, rank_before, rank_after FROM counterfactual(5, (SELECT min(item_id) FROM events WHERE user_id = 5));
SELECT found, outcome, rank_before <= 30 FROM counterfactual(5, (SELECT min(item_id) FROM events WHERE user_id = 5), 30, options => '{"exclude_seen": false}');
SELECT found, outcome, rank_before FROM counterfactual(4711, (SELECT item_id FROM recommend(4711, 1)), 1);
SELECT found, outcome, rank_before > 1 FROM counterfactual(4711, (SELECT item_id FROM recommend(4711, 10) WHERE rank = 10), 1);
SELECT found, outcome, details FROM counterfactual(5, (SELECT item_id FROM recommend(5, 1)), 30, options => '{"max_size": 1}');
SELECT count(*) FROM counterfactual(NULL::bigint, 5);
SELECT count(*) FROM counterfactual(5, NULL::bigint);

\echo == a user whose rows are all taken away is shown what is popular
BEGIN;
INSERT INTO events VALUES (5001, 4, 'view', '2024-05-20');
SELECT c.found, c.outcome, c.evidence_id, c.score_after, c.rank_after = a.rank, a.rank > 3, out_after(5001, r.item_id::int, 3, '{4}')
FROM (SELECT item_id FROM recommend(5001, 3) WHERE item_id NOT IN (SELECT item_id FROM popular_items(NULL::bigint, 4)) LIMIT 1) r,
	LATERAL counterfactual(5001, r.item_id, 3) c, LATERAL after(5001, r.item_id::int, '{4}') a;
ROLLBACK;

\echo == dislikes count: what was returned is no cause, but another that holds its rivals down may be
BEGIN;
INSERT INTO events SELECT 6, item_id, 'return', '2024-05-20' FROM events WHERE user_id = 6 AND kind = 'view';
SELECT bool_and(out_after(6, r.item_id::int, 2, gone)), count(*)
FROM recommend(6, 2) r, LATERAL (SELECT array_agg(evidence_id::int) AS gone FROM counterfactual(6, r.item_id, 2) WHERE found) c;
ROLLBACK;

\echo == what the caller may not see is neither named nor in the way
BEGIN;
CREATE TABLE kept AS SELECT * FROM counterfactual(5, (SELECT item_id FROM recommend(5, 1)), 1);
DELETE FROM goods WHERE id IN (SELECT evidence_id FROM kept);
SELECT count(*) > 0, bool_or(coalesce(evidence_id IN (SELECT evidence_id FROM kept), false)) FROM counterfactual(5, (SELECT item_id FROM recommend(5, 1)), 1);
DELETE FROM goods WHERE id = (SELECT item_id FROM recommend(5, 1));
SELECT c.rank_before, c.found, out_after(5, r.item_id::int, 1, (SELECT array_agg(evidence_id::int) FROM counterfactual(5, r.item_id, 1)))
FROM recommend(5, 1) r, LATERAL counterfactual(5, r.item_id, 1) c WHERE c.ord = 1;
ROLLBACK;

\echo == bad input
SELECT complaint('SELECT counterfactual(5, 999)');
SELECT complaint('SELECT counterfactual(5, 4, 0)');
SELECT complaint('SELECT counterfactual(5, 4, 10001)');
SELECT complaint($$SELECT counterfactual(5, 4, recommender => 'tuned')$$);
SELECT complaint($$SELECT counterfactual(5, 4, options => '{"max_sise": 3}')$$);
SELECT complaint($$SELECT counterfactual(5, 4, options => '{"max_size": 0}')$$);
SELECT complaint($$SELECT counterfactual(5, 'x'::text)$$);

SELECT drop_recommender('turned');
DROP SCHEMA turned CASCADE;
