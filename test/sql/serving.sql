-- Lists are full, fresh, and hold what the caller asked for and may see; what cannot be answered is refused clearly.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA serving;
GRANT USAGE ON SCHEMA serving TO PUBLIC;
SET search_path = serving, reco, helper;
SET reco.default_recommender = 'serving';

-- Two tastes of 20 users and 10 items each. A user has the items of the taste but those where user + item divides by 3.
-- Item 21 is everybody's: the most popular.
CREATE TABLE goods (id int PRIMARY KEY, title text, price numeric, hidden boolean DEFAULT false);
INSERT INTO goods SELECT i, 'Good ' || i, i * 10 FROM generate_series(1, 21) i;
CREATE TABLE events (user_id bigint, item_id int, kind text);
INSERT INTO events
SELECT u, (u - 1) / 20 * 10 + i, CASE WHEN i % 2 = 0 THEN 'purchase' ELSE 'view' END
FROM generate_series(1, 40) u, generate_series(1, 10) i WHERE (u + i) % 3 <> 0;
INSERT INTO events SELECT u, 21, 'view' FROM generate_series(1, 40) u;
CREATE INDEX ON events (user_id);
SELECT create_recommender('serving', 'events', 'user_id', 'item_id', event_column => 'kind',
	event_weights => '{"view": 1, "purchase": 5, "return": -5}', items => 'goods', item_key => 'id', item_label => 'title');

-- one wording a kind, so that every text is known
SELECT count(*) > 0 FROM reason_templates t, LATERAL set_reason_template(kind, lang, pattern, variant, weight => 0) WHERE variant > 1;

\echo == before the first refresh
SELECT complaint('SELECT recommend(1)');
SELECT complaint('SELECT score(1, 2)');
SELECT complaint('SELECT popular_items(1)');

CALL refresh('serving', options => '{"factors": 4, "iterations": 5}');

\echo == the taste of a user comes first, what was seen is left out
SELECT array_agg(item_id ORDER BY item_id) FROM recommend(1, 3);
SELECT array_agg(item_id ORDER BY item_id) FROM recommend(21, 3);
SELECT rank, source, score IS NOT NULL, reason IS NOT NULL, details IS NOT NULL FROM recommend(1, 2);
SELECT bool_and(score >= next) FROM (SELECT score, lead(score) OVER (ORDER BY rank) AS next FROM recommend(1, 100)) r;
SELECT array_agg(item_id ORDER BY item_id) = (SELECT array_agg(id::bigint ORDER BY id) FROM goods
	WHERE id NOT IN (SELECT item_id FROM events WHERE user_id = 1)) FROM recommend(1, 100);
SELECT count(*), bool_or(item_id = 21) FROM recommend(1, 100, exclude_seen => false);
SELECT count(*) FROM recommend(1, 100, exclude_seen => NULL);

\echo == k
SELECT count(*) FROM recommend(1);
SELECT count(*) FROM recommend(1, NULL);
SELECT count(*) FROM recommend(1, 10000);
SELECT complaint('SELECT recommend(1, 0)');
SELECT complaint('SELECT recommend(1, -5)');
SELECT complaint('SELECT recommend(1, 10001)');
SELECT complaint('SELECT similar_items(1, 0)');
SELECT complaint('SELECT popular_items(0)');

\echo == users whom nobody knows get what is popular, without a score
SELECT rank, item_id, score, source, reason FROM recommend(4711, 1);
SELECT rank, item_id, score, source FROM recommend(NULL::bigint, 1);
SELECT array_agg(r.source ORDER BY u) FROM (VALUES (1), (4711), (NULL)) v (u), LATERAL recommend(u, 1) r;

\echo == a filter keeps the order of the whole list and always finds k
CREATE FUNCTION filtered_is_whole(u bigint, wanted int, condition text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	filtered int[];
	whole int[];
BEGIN
	SELECT array_agg(item_id ORDER BY rank) INTO filtered FROM recommend(u, wanted, filter => condition);
	EXECUTE format('SELECT array_agg(item_id ORDER BY rank) FROM (SELECT item_id, rank FROM recommend($1, 10000)
		WHERE item_id IN (SELECT id FROM goods WHERE %s) ORDER BY rank LIMIT $2) r', condition) INTO whole USING u, wanted;
	RETURN filtered IS NOT DISTINCT FROM whole;
END $$;
SELECT bool_and(filtered_is_whole(u, k, condition))
FROM unnest('{1,21,40,4711}'::bigint[]) u, unnest('{1,2,5,20}'::int[]) k,
	unnest('{true,false,price < 60,price >= 150,id = 20,id % 2 = 0,title LIKE $a$%5$a$}'::text[]) condition;
SELECT array_agg(item_id ORDER BY item_id) FROM recommend(1, 3, filter => 'price > $1::numeric AND title <> $2', filter_args => '{180,Good 20}');
SELECT count(*) FROM recommend(1, 3, filter => 'price > $1::numeric', filter_args => '{NULL}');
SELECT complaint($$SELECT recommend(1, filter => 'prize < 3')$$);
SELECT complaint($$SELECT recommend(1, filter => 'price <')$$);
SELECT complaint($$SELECT recommend(1, filter => 'price')$$);
SELECT complaint($$SELECT recommend(1, filter => 'true) OR (true')$$);
SELECT complaint($$SELECT recommend(1, filter => 'price < $2::numeric', filter_args => '{1}')$$);
SELECT complaint($$SELECT recommend(1, filter_args => '{1}')$$);
CREATE SEQUENCE counter;
SELECT complaint($$SELECT recommend(1, filter => 'nextval(''serving.counter'') > 0')$$);

\echo == candidates and exclude; ids that are unknown or NULL are ignored
SELECT array_agg(item_id ORDER BY item_id) FROM recommend(1, candidates => '{2,5,20,NULL,999,5}');
SELECT count(*) FROM recommend(1, candidates => '{}');
SELECT count(*) FROM recommend(1, candidates => '{999}');
SELECT array_agg(item_id ORDER BY item_id) FROM recommend(1, 2, exclude => '{5,NULL,999}');
SELECT array_agg(item_id ORDER BY item_id) FROM recommend(4711, candidates => '{2,5,20}', exclude => '{5}');
SELECT array_agg(item_id ORDER BY item_id) FROM recommend(1, candidates => '{2,5,20}', filter => 'price > 100');
SELECT bool_and(a.item_id = b.item_id AND a.score = b.score)
FROM recommend(1, 20) a JOIN recommend(1, 20, candidates => (SELECT array_agg(id) FROM goods)) b USING (rank);

\echo == fresh in its own transaction
BEGIN;
INSERT INTO events VALUES (1, 5, 'purchase');
SELECT bool_or(item_id = 5) FROM recommend(1, 100);
INSERT INTO events VALUES (4711, 13, 'purchase'), (4711, 14, 'view');
SELECT DISTINCT source FROM recommend(4711, 5);
SELECT bool_and(item_id BETWEEN 11 AND 20) FROM recommend(4711, 3);
DELETE FROM events WHERE user_id = 4711 AND item_id = 13;
SELECT count(*) FROM recommend(4711, 100);
INSERT INTO events VALUES (4712, 13, 'return');
SELECT source, count(*), bool_or(item_id = 13) FROM recommend(4712, 100) GROUP BY source;
ROLLBACK;
SELECT bool_or(item_id = 5) FROM recommend(1, 100);
SELECT DISTINCT source FROM recommend(4711, 5);

\echo == score() is the score of the list, to the bit, for every item
SELECT bool_and(r.score = score(u, r.item_id)) FROM generate_series(1, 40) u, LATERAL recommend(u, 100, exclude_seen => false) r;
SELECT score(4711, 3), score(1, 999), score(NULL::bigint, 3), score(1, NULL::bigint);

\echo == items that are gone are neither returned nor scored, and lists are full all the same
BEGIN;
DELETE FROM goods WHERE id IN (2, 5, 21);
SELECT array_agg(item_id ORDER BY rank) = (SELECT array_agg(item_id ORDER BY rank) FROM recommend(1, 10000)) FROM recommend(1, 12);
SELECT count(*), bool_or(item_id IN (2, 5, 21)) FROM recommend(1, 10);
SELECT score(1, 5), item_embedding(5);
SELECT count(*) FROM similar_items(5);
SELECT count(*), bool_or(item_id = '21') FROM popular_items(100);
DELETE FROM goods;
SELECT count(*) FROM recommend(1);
SELECT count(*) FROM popular_items();
ROLLBACK;

\echo == similar_items
SELECT bool_and(item_id BETWEEN 1 AND 10), bool_or(item_id = 4), count(*) FROM similar_items(4, 5);
SELECT rank, source, reason, details FROM similar_items(4, 1);
SELECT bool_and(score BETWEEN -1 AND 1), count(*) FROM similar_items(4, 100);
SELECT array_agg(item_id ORDER BY item_id) FROM similar_items(4, candidates => '{4,5,15,NULL,999}');
SELECT array_agg(item_id ORDER BY item_id) FROM similar_items(4, candidates => '{4,5,15}', exclude => '{15}');
SELECT array_agg(item_id ORDER BY item_id) FROM similar_items(4, filter => 'id IN (5, 6, 16)');
SELECT count(*) FROM similar_items(999);
SELECT count(*) FROM similar_items(NULL::bigint);

\echo == popular_items
SELECT item_id, score, source, reason, details FROM popular_items(1);
SELECT bool_and(n >= next) FROM (
	SELECT n, lead(n) OVER (ORDER BY rank) AS next FROM popular_items(100)
	JOIN (SELECT item_id, count(DISTINCT user_id) AS n FROM events GROUP BY item_id) c ON c.item_id::text = popular_items.item_id) p;
SELECT array_agg(item_id ORDER BY item_id), pg_typeof(min(item_id)) FROM popular_items(NULL::bigint, 5, filter => 'id < 4');
SELECT complaint('SELECT popular_items(5::bigint, 3)');

\echo == embeddings: their product is the score
SELECT array_length(item_embedding(3), 1), array_length(user_embedding(1), 1), item_embedding(999), user_embedding(NULL::bigint);
SELECT bool_and(abs(score(u, i) - (SELECT sum(a * b) FROM unnest(user_embedding(u), item_embedding(i)::float8[]) e (a, b))) < 1e-9)
FROM generate_series(1, 40, 13) u, generate_series(1, 21) i;

\echo == other bad input
SELECT complaint($$SELECT recommend(1, recommender => 'servign')$$);
SELECT complaint($$SELECT recommend(1, lang => 'tlh')$$);
SELECT complaint($$SELECT recommend(1, options => '{"diversity": 1}')$$);
SELECT complaint($$SELECT recommend(1, options => '[1]')$$);
SELECT complaint($$SELECT recommend(1, ''::text)$$);
SET reco.lang = 'tlh';
SELECT complaint($$SELECT recommend(1)$$);
SELECT complaint($$SELECT recommend(1, 1, lang => 'en')$$);
RESET reco.lang;

\echo == prepared, in a cursor, read-only, in a subquery, many times without growing
PREPARE ask (bigint) AS SELECT count(*) FROM recommend($1, 3);
EXECUTE ask (1);
EXECUTE ask (4711);
BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
DECLARE answers CURSOR FOR SELECT rank FROM recommend(1, 5);
FETCH 2 FROM answers;
SELECT count(*) FROM recommend(2);
FETCH 2 FROM answers;
COMMIT;
SELECT u, (SELECT count(*) FROM recommend(u, 4)) FROM generate_series(1, 3) u;
CREATE FUNCTION memory_of_calls(calls int) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	PERFORM count(*) FROM generate_series(1, calls) n, LATERAL recommend(1 + n % 40, 5, filter => 'price > 20') r;
	FOR n IN 1 .. calls / 4 LOOP
		PERFORM recommend(n % 45, 3), score(n % 40, 3), explain(1 + n % 40, 3), similar_items(3), item_embedding(3);
	END LOOP;
	RETURN sum(total_bytes) FROM pg_backend_memory_contexts;
END $$;
SELECT memory_of_calls(400) > 0;
SELECT memory_of_calls(4000) - memory_of_calls(400) < 65536;

\echo == what the caller sees of items: row-level security
CREATE ROLE reco_serving_guest;
GRANT SELECT ON events, goods TO reco_serving_guest;
ALTER TABLE goods ENABLE ROW LEVEL SECURITY;
CREATE POLICY shown ON goods USING (NOT hidden);
UPDATE goods SET hidden = id IN (2, 5, 13, 21);
SET ROLE reco_serving_guest;
SELECT count(*), bool_or(item_id IN (2, 5, 13, 21)) FROM recommend(1, 100);
SELECT count(*), bool_or(reason ~ 'Good (2|5|13|21)\M') FROM recommend(1, 100, exclude_seen => false);
SELECT score(1, 5) IS NULL, score(1, 8) IS NULL;
SELECT count(*) FROM similar_items(5);
SELECT bool_or(item_id IN ('2', '5', '13', '21')) FROM popular_items(100);
SELECT complaint('SELECT item_embedding(8)');
SELECT complaint('SELECT user_embedding(1)');
RESET ROLE;
SELECT array_length(item_embedding(5), 1);
REVOKE SELECT ON goods FROM reco_serving_guest;
SET ROLE reco_serving_guest;
SELECT complaint('SELECT recommend(1)');
RESET ROLE;
REVOKE SELECT ON events FROM reco_serving_guest;
SET ROLE reco_serving_guest;
SELECT complaint('SELECT recommend(1)');
SELECT complaint('SELECT popular_items()');
SELECT complaint('SELECT score(1, 8)');
RESET ROLE;

\echo == without an items relation
SELECT create_recommender('serving_bare', 'events', 'user_id', 'item_id', event_column => 'kind',
	event_weights => '{"view": 1, "purchase": 5, "return": -5}');
CALL refresh('serving_bare', options => '{"factors": 4, "iterations": 5}');
SET reco.default_recommender = 'serving_bare';
SELECT count(*), bool_and(reason ~ '^because you (bought|viewed) item \d+( and (bought |viewed )?item \d+)?$') FROM recommend(1, 3);
SELECT complaint($$SELECT recommend(1, filter => 'price > 3')$$);
GRANT SELECT ON events TO reco_serving_guest;
ALTER TABLE events ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON events USING (user_id = 1);
SELECT count(*) FROM recommend(2, 3);
SET ROLE reco_serving_guest;
SELECT complaint('SELECT recommend(1)');
SELECT complaint('SELECT popular_items()');
RESET ROLE;
SELECT alter_recommender('serving_bare', shared_catalogue => true);
SET ROLE reco_serving_guest;
SELECT source, count(*) FROM recommend(1, 3) GROUP BY source;
SELECT source, count(*) FROM recommend(2, 3) GROUP BY source;
SELECT complaint('SELECT item_embedding(8)');
RESET ROLE;

\echo == a definition that no longer fits
SET reco.default_recommender = 'serving';
ALTER TABLE goods RENAME TO wares;
SELECT complaint('SELECT recommend(1)');
ALTER TABLE wares RENAME TO goods;
ALTER TABLE events RENAME COLUMN kind TO sort;
SELECT complaint('SELECT recommend(1)');
ALTER TABLE events RENAME COLUMN sort TO kind;
BEGIN;
ALTER TABLE events ALTER COLUMN item_id TYPE text;
SELECT complaint('SELECT recommend(1)');
ROLLBACK;
SELECT count(*) FROM recommend(1, 3);

\echo == a version or a definition that was damaged
BEGIN;
UPDATE recommender SET event_weights = '{"view": "much"}' WHERE name = 'serving';
SELECT complaint('SELECT recommend(1)');
ROLLBACK;
BEGIN;
UPDATE version SET format = 99 WHERE recommender = (SELECT key FROM recommender WHERE name = 'serving');
SELECT complaint('SELECT recommend(1)');
ROLLBACK;

\echo == a selective filter over many items: rounds of growing size, the order of the whole list
CREATE TABLE many_goods (id int PRIMARY KEY, price int);
INSERT INTO many_goods SELECT i, hashint4(i) & 1023 FROM generate_series(1, 6000) i;
CREATE TABLE many_events AS
SELECT n % 500 AS user_id, 1 + (hashint4extended(n, 1) & 1048575) % 6000 AS item_id FROM generate_series(1, 20000) n;
CREATE INDEX ON many_events (user_id);
SELECT create_recommender('serving_many', 'many_events', 'user_id', 'item_id', items => 'many_goods', item_key => 'id');
CALL refresh('serving_many', options => '{"factors": 8, "iterations": 1}');
SET reco.default_recommender = 'serving_many';
CREATE FUNCTION whole_list(u bigint, wanted int, cheaper int) RETURNS bigint[] LANGUAGE sql AS $$
	SELECT array_agg(item_id ORDER BY rank) FROM (
		SELECT item_id, rank FROM recommend(u, 10000) JOIN many_goods ON id = item_id
		WHERE price < cheaper ORDER BY rank LIMIT wanted) r
$$;
SELECT u, wanted, cheaper, f.items = whole_list(u, wanted, cheaper) AS same, array_length(f.items, 1) = wanted AS enough
FROM unnest('{1,400,9999}'::bigint[]) u, unnest('{1,10,100}'::int[]) wanted, unnest('{2,20,500}'::int[]) cheaper, LATERAL (
	SELECT array_agg(item_id ORDER BY rank) AS items
	FROM recommend(u, wanted, filter => 'price < $1::int', filter_args => ARRAY[cheaper::text])) f
ORDER BY 1, 2, 3;
SELECT count(*) FROM recommend(1, filter => 'price < 0');
SELECT f.items = s.items FROM (
	SELECT array_agg(item_id ORDER BY rank) AS items FROM similar_items(77, 10, filter => 'price < 20')) f, (
	SELECT array_agg(item_id ORDER BY rank) AS items FROM (
		SELECT item_id, rank FROM similar_items(77, 10000) JOIN many_goods ON id = item_id WHERE price < 20 ORDER BY rank LIMIT 10) r) s;

SELECT reset_reason_template() > 0;
SELECT drop_recommender('serving');
SELECT drop_recommender('serving_bare');
SELECT drop_recommender('serving_many');
DROP SCHEMA serving CASCADE;
DROP ROLE reco_serving_guest;
