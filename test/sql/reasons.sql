-- Reasons are true, point at their evidence, quote labels as data; explanations add up to the score and hide what is hidden.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA reasons;
GRANT USAGE ON SCHEMA reasons TO PUBLIC;
SET search_path = reasons, reco, helper;
SET reco.default_recommender = 'reasons';

-- One wording a kind, so that every text is known; words.sql is about the others.
SELECT count(*) > 0 FROM reason_templates t, LATERAL set_reason_template(kind, lang, pattern, variant, weight => 0) WHERE variant > 1;

-- Two tastes: users 1 to 20 like items 1 to 10, users 21 to 40 items 11 to 20.
CREATE TABLE goods (id int PRIMARY KEY, title text, hidden boolean DEFAULT false);
INSERT INTO goods SELECT i, 'Good ' || i FROM generate_series(1, 20) i;
CREATE TABLE events (user_id int, item_id int, kind text, at timestamptz);
INSERT INTO events
SELECT u, (u - 1) / 20 * 10 + i, 'view', timestamptz '2024-05-01 00:00+00' + u * interval '1 hour'
FROM generate_series(1, 40) u, generate_series(1, 10) i WHERE (u + i) % 3 <> 0;
CREATE INDEX ON events (user_id);
SELECT create_recommender('reasons', 'events', 'user_id', 'item_id', event_column => 'kind', time_column => 'at', half_life => '30 days',
	items => 'goods', item_key => 'id', item_label => 'title');
CALL refresh('reasons', options => '{"factors": 4, "iterations": 5}');

\echo == what was done, in words
CREATE TABLE kinds (u int, kind text);
INSERT INTO kinds SELECT 1000 + ord, kind FROM unnest('{purchase,PURCHASE,buy,Bought,order,sale,view,click,visit,cart,Add to Cart,add_to_cart,basket,rating,rate,like,favourite,favorite,read,play,listen,watch,wishlist,save,bookmark,to-read,teleport}'::text[]) WITH ORDINALITY k (kind, ord);
INSERT INTO events SELECT u, 4, kind, '2024-05-02' FROM kinds;
SELECT kind, reason, details FROM kinds, LATERAL recommend(u, 1) ORDER BY u;
SELECT u, reason FROM (VALUES (1001), (1027)) v (u), LATERAL explain(u, 5) ORDER BY u;

\echo == of events alike in all but their kind the order of the rows decides nothing
INSERT INTO events SELECT 1101, 4, kind, '2024-05-02' FROM unnest('{view,purchase}'::text[]) kind;
INSERT INTO events SELECT 1102, 4, kind, '2024-05-02' FROM unnest('{purchase,view}'::text[]) kind;
SELECT a.reason FROM recommend(1101, 1) a, recommend(1102, 1) b WHERE a.reason = b.reason;
DELETE FROM events WHERE user_id > 1100;

\echo == every reason cites an item of the user whose removal lowers the score (G3), in the words of its label
SELECT count(*) > 300, bool_and(r.reason = 'because you viewed ' ||
		(SELECT string_agg('“Good ' || id || '”', ' and ' ORDER BY ord) FROM jsonb_array_elements_text(r.details -> 'because') WITH ORDINALITY c (id, ord))),
	bool_and(e.removal_effect > 0 AND e.best)
FROM generate_series(1, 40) u, LATERAL recommend(u, 10) r, LATERAL (
	SELECT evidence_id, removal_effect, removal_effect = max(removal_effect) OVER () AS best FROM explain(u, r.item_id)) e
WHERE e.evidence_id = (r.details -> 'because' ->> 0)::bigint;

\echo == labels are data
CREATE FUNCTION reason_for(label text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	words text;
BEGIN
	UPDATE goods SET title = label WHERE id = 4;
	SELECT reason INTO words FROM recommend(1001, 1);
	RETURN words;
END $$;
SELECT reason_for('it''s "quoted" ”twice“');
SELECT reason_for('Lamp” and because you are pregnant, “Bed');
SELECT reason_for('《三体》「全集」');
SELECT reason_for('100% %s %n \n {0} $1');
SELECT reason_for('<b onclick="x()">markup</b>');
SELECT reason_for(E'  two\n\tlines \r\n and a\x01bell  ');
SELECT reason_for('');
SELECT reason_for(E' \n\t ');
SELECT reason_for(NULL);
SELECT reason_for('跑鞋《云上》');
SELECT reason_for(repeat('鞋', 80)) = 'because you bought “' || repeat('鞋', 80) || '”';
SELECT reason_for(repeat('鞋', 81)) = 'because you bought “' || repeat('鞋', 80) || '…”';
SELECT reason_for(repeat('ab ', 70));
SELECT reason_for('Good 4');

\echo == explain(): rows that add up
SELECT kind, evidence_id, evidence_label, abs(contribution) > 0, removal_effect IS NOT NULL, exactness, reason,
	details -> 'event', details -> 'target', round((details ->> 'weight')::numeric, 6)
FROM explain(1, 2) ORDER BY evidence_id;
SELECT bool_and(abs(total - score) <= 1e-6 * greatest(abs(score), size)), bool_and(abs(share - 1) < 1e-9), bool_and(sorted), count(*)
FROM (SELECT score(u, i) AS score, sum(contribution) AS total, sum(abs(contribution)) AS size, sum(share) AS share,
		array_agg(abs(contribution) ORDER BY ord) = array_agg(abs(contribution) ORDER BY abs(contribution) DESC) AS sorted
	FROM generate_series(1, 40) u, generate_series(1, 20) i, LATERAL explain(u, i) GROUP BY u, i) e;

\echo == a limit: what is cut is one row, and it still adds up
SELECT ord, kind, evidence_id IS NULL, removal_effect IS NULL, reason, details FROM explain(1, 2, options => '{"limit": 2}') WHERE kind = 'rest';
SELECT count(*), abs(sum(contribution) - score(1, 2)) < 1e-9 FROM explain(1, 2, options => '{"limit": 2}');
SELECT kind, abs(contribution - score(1, 2)) < 1e-9, share FROM explain(1, 2, options => '{"limit": 0}');
SELECT count(*) FROM explain(1, 2, options => '{"limit": 6}');
SELECT count(*) FROM explain(1, 2, options => '{"limit": 7}');

\echo == users without rows, without known items, without ids
SELECT * FROM explain(4711, 2);
INSERT INTO events VALUES (4712, 999, 'view', '2024-05-02');
SELECT kind, contribution, reason FROM explain(4712, 2);
SELECT count(*) FROM explain(NULL::bigint, 2);
SELECT count(*) FROM explain(1, NULL::bigint);

\echo == dislikes: contribution 0, an effect all the same, shown; never given as a cause
SELECT alter_recommender('reasons', event_weights => '{"view": 1, "return": -4, "purchase": 5}');
CALL refresh('reasons', options => '{"factors": 4, "iterations": 5}');
BEGIN;
INSERT INTO events VALUES (1, 5, 'return', '2024-05-02'), (1, 2, 'Return', '2024-05-02');
SELECT kind, evidence_id, contribution, removal_effect < 0, reason, details -> 'target' FROM explain(1, 8) WHERE kind = 'dislike';
SELECT count(*) FROM recommend(1, 20) WHERE details -> 'because' @> '5';
SELECT source FROM recommend(1, 1);
DELETE FROM events WHERE user_id = 1 AND kind <> 'return';
SELECT source, reason FROM recommend(1, 1);
SELECT kind, contribution, reason FROM explain(1, 8);
ROLLBACK;
SELECT alter_recommender('reasons', unset => '{event_weights}');
CALL refresh('reasons', options => '{"factors": 4, "iterations": 5}');

\echo == events of several kinds on one item: the heaviest names it
BEGIN;
INSERT INTO events SELECT 5000, 4, kind, '2024-05-02' FROM unnest('{view,cart,view}'::text[]) kind;
SELECT reason, details -> 'event' FROM explain(5000, 5);
ROLLBACK;

\echo == what the caller may not see is not named: deleted items
BEGIN;
DELETE FROM goods WHERE id = 4;
SELECT reason, details FROM recommend(1001, 1);
SELECT kind, evidence_id, evidence_label, removal_effect, reason, details FROM explain(1001, 5);
SELECT abs(sum(contribution) - score(1001, 5)) < 1e-9 FROM explain(1001, 5);
SELECT complaint('SELECT explain(1, 4)');
ROLLBACK;

\echo == what the caller may not see is not named: row-level security
CREATE ROLE reco_reasons_guest;
GRANT SELECT ON events, goods TO reco_reasons_guest;
ALTER TABLE goods ENABLE ROW LEVEL SECURITY;
CREATE POLICY shown ON goods USING (NOT hidden);
UPDATE goods SET hidden = id BETWEEN 1 AND 6;
SET ROLE reco_reasons_guest;
SELECT bool_or(reason ~ 'Good [1-6]\M' OR (details -> 'because' ->> 0)::int <= 6), count(*) FROM recommend(1, 20, exclude_seen => false);
SELECT DISTINCT reason, details FROM recommend(1001, 3);
SELECT array_agg(evidence_id ORDER BY evidence_id), array_agg(evidence_label ORDER BY evidence_id), count(*),
	max(details ->> 'items') FILTER (WHERE kind = 'rest'), abs(sum(contribution) - score(1, 8)) < 1e-9
FROM explain(1, 8);
SELECT complaint('SELECT explain(1, 4)');
RESET ROLE;
SELECT count(*) FROM explain(1, 8) WHERE evidence_id <= 6;

\echo == explicit feedback: the average, the item, what was rated highly
CREATE TABLE ratings (user_id int, item_id int, stars real);
INSERT INTO ratings SELECT u, i, CASE WHEN (u <= 20) = (i <= 10) THEN 5 ELSE 1 END - (u + i) % 2
FROM generate_series(1, 40) u, generate_series(1, 20) i WHERE (u + i) % 3 <> 0;
CREATE INDEX ON ratings (user_id);
SELECT create_recommender('reasons_stars', 'ratings', 'user_id', 'item_id', value_column => 'stars', feedback => 'explicit',
	items => 'goods', item_key => 'id', item_label => 'title');
CALL refresh('reasons_stars', options => '{"factors": 4, "iterations": 5}');
SET reco.default_recommender = 'reasons_stars';
SELECT bool_and(item_id <= 10), bool_and(reason ~ '^because you rated “Good \d+”( and “Good \d+”)?( highly)?( and rated “Good \d+”( highly)?)?$'), bool_or(reason ~ 'highly') FROM recommend(1, 3);
SELECT bool_and((r.reason ~ '^because you rated “Good \d+”( and “Good \d+”)? highly') = (stars > (SELECT avg(stars) FROM ratings))), count(*) > 200
FROM generate_series(1, 40) u CROSS JOIN LATERAL recommend(u, 10) r
JOIN ratings ON ratings.user_id = u AND ratings.item_id = (r.details -> 'because' ->> 0)::int;
\echo == what was rated low is no reason, though without it the score would fall
SELECT count(*) > 200, min(stars) > (SELECT avg(stars) FROM ratings), bool_and(reason ~ 'highly')
FROM generate_series(1, 40) u CROSS JOIN LATERAL recommend(u, 20, exclude_seen => false) r CROSS JOIN LATERAL jsonb_array_elements_text(details -> 'because') c
JOIN ratings ON ratings.user_id = u AND ratings.item_id = c::int;
SELECT count(*) > 100 FROM generate_series(1, 40) u CROSS JOIN LATERAL recommend(u, 20, exclude_seen => false) r CROSS JOIN LATERAL explain(u, item_id) e
JOIN ratings ON ratings.user_id = u AND ratings.item_id = evidence_id WHERE stars < 2 AND removal_effect > 0;
SELECT kind, evidence_id IS NULL, removal_effect IS NULL, reason FROM explain(1, 2) WHERE kind <> 'history' ORDER BY kind;
SELECT abs(e.contribution - a.mean) < 1e-3 FROM explain(1, 2) e, (SELECT avg(stars) AS mean FROM ratings) a WHERE kind = 'average';
SELECT bool_and(abs(total - score) <= 1e-6 * greatest(abs(score), size)), count(*)
FROM (SELECT score(u, i) AS score, sum(contribution) AS total, sum(abs(contribution)) AS size
	FROM generate_series(1, 40) u, generate_series(1, 20) i, LATERAL explain(u, i) GROUP BY u, i) e;
SELECT kind, removal_effect, reason FROM explain(4711, 2) ORDER BY kind;
SELECT abs(score(4711, 2) - (SELECT sum(contribution) FROM explain(4711, 2))) < 1e-9, score(4711, 2) BETWEEN 1 AND 5;
SELECT source FROM recommend(4711, 1);

\echo == bad input
SET reco.default_recommender = 'reasons';
SELECT complaint('SELECT explain(1, 999)');
SELECT complaint($$SELECT explain(1, 2, view => 'attributes')$$);
SELECT complaint($$SELECT explain(1, 2, lang => 'tlh')$$);
SELECT complaint($$SELECT explain(1, 2, options => '{"limits": 3}')$$);
SELECT complaint($$SELECT explain(1, 2, options => '{"limit": -1}')$$);
SELECT complaint($$SELECT explain(1, 2, recommender => 'raesons')$$);
SELECT complaint($$SELECT explain(1, 2, view => NULL)$$);

SELECT reset_reason_template() > 0;
SELECT drop_recommender('reasons');
SELECT drop_recommender('reasons_stars');
DROP SCHEMA reasons CASCADE;
DROP ROLE reco_reasons_guest;
