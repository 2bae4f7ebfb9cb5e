-- Models other than ALS: their scores are what plain SQL computes by the published formulas, they serve, explain and forget like any model.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA models;
SET search_path = models, reco, helper;

-- 60 users, 25 items; amounts 1 to 3, some twice, some returns. Item 25 is had by nobody else than user 60.
CREATE TABLE events (user_id int, item_id int, kind text, at timestamptz);
CREATE FUNCTION roll(a int, b int, sides int) RETURNS int LANGUAGE sql IMMUTABLE AS $$
	SELECT ((hashint8extended(a::bigint * 1000 + b, 3) & 1048575) % sides)::int
$$;
INSERT INTO events
SELECT u, 1 + roll(u, n, 24), (ARRAY['view','view','cart','return'])[1 + roll(u, n + 100, 4)], timestamptz '2024-01-01 00:00+00' + roll(u, n + 200, 90) * interval '1 day'
FROM generate_series(1, 60) u, LATERAL generate_series(1, 2 + u % 9) n;
INSERT INTO events VALUES (60, 25, 'view', '2024-03-15'), (61, 1, 'view', '2024-03-20');
CREATE INDEX ON events (user_id);

-- The values r: positive pulls over their mean. A return weighs -1 and pulls to 0 at most.
CREATE TABLE weight_of AS SELECT * FROM (VALUES ('view', 1.0::float8), ('cart', 3), ('return', -1)) v (kind, w);
CREATE VIEW pull AS SELECT user_id AS u, item_id AS i, sum(greatest(w, 0)) AS b FROM events JOIN weight_of USING (kind) GROUP BY 1, 2;
CREATE VIEW r AS SELECT u, i, b / (SELECT avg(b) FROM pull WHERE b > 0) AS r FROM pull WHERE b > 0;
CREATE VIEW of_user AS SELECT u, sum(r) AS n, sqrt(sum(r * r)) AS length, count(*) AS items FROM r GROUP BY u;
CREATE VIEW of_item AS SELECT i, sum(r) AS n, sqrt(sum(r * r)) AS length, count(*) AS users FROM r GROUP BY i;

-- agree() compares score() with sums over a user's rows of a matrix s (j, i, s), all users and items: the greatest difference is nothing
CREATE FUNCTION agree(name text, matrix regclass, OUT pairs bigint, OUT same boolean) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT count(*), max(abs(score(u, i, %L) - expected) / greatest(expected, 1)) < 1e-5 FROM (
		SELECT u.u, i.i, coalesce(sum(r.r * s.s), 0) AS expected
		FROM of_user u CROSS JOIN of_item i JOIN r ON r.u = u.u LEFT JOIN %s s ON s.j = r.i AND s.i = i.i GROUP BY 1, 2) e',
		name, matrix) INTO pairs, same;
END $$;

CREATE FUNCTION make(name text, algorithm text, options jsonb DEFAULT '{}') RETURNS void LANGUAGE sql AS $$
	SELECT create_recommender(name, 'events', 'user_id', 'item_id', event_column => 'kind', time_column => 'at',
		event_weights => '{"view": 1, "cart": 3, "return": -1}', algorithm => algorithm, options => options)
$$;

\echo == itemknn: the cosine, the weighted cosine, Jaccard
SELECT make('cosine', 'itemknn', '{"shrinkage": 2}');
CALL refresh('cosine');
CREATE VIEW cosine AS SELECT a.i AS j, b.i, sum(a.r * b.r) / (max(x.length) * max(y.length) + 2) AS s
FROM r a JOIN r b USING (u) JOIN of_item x ON x.i = a.i JOIN of_item y ON y.i = b.i WHERE a.i <> b.i GROUP BY 1, 2;
SELECT * FROM agree('cosine', 'cosine');

SELECT make('asymmetric', 'itemknn', '{"asymmetry": 0.7, "shrinkage": 2}');
CALL refresh('asymmetric');
CREATE VIEW lopsided AS SELECT a.i AS j, b.i, sum(a.r * b.r) / (max(x.length) ^ 1.4 * max(y.length) ^ 0.6 + 2) AS s
FROM r a JOIN r b USING (u) JOIN of_item x ON x.i = a.i JOIN of_item y ON y.i = b.i WHERE a.i <> b.i GROUP BY 1, 2;
SELECT * FROM agree('asymmetric', 'lopsided');

SELECT make('tfidf', 'itemknn', '{"weighting": "tfidf", "shrinkage": 0}');
CALL refresh('tfidf');
CREATE VIEW tfidf_x AS SELECT u, i, sqrt(r) * greatest(ln((SELECT count(*) FROM of_item) / (1.0 + items)), 0)::float8 AS x FROM r JOIN of_user USING (u);
CREATE VIEW tfidf AS SELECT a.i AS j, b.i, sum(a.x * b.x) / (SELECT sqrt(sum(x * x)) FROM tfidf_x WHERE i = a.i) / (SELECT sqrt(sum(x * x)) FROM tfidf_x WHERE i = b.i) AS s
FROM tfidf_x a JOIN tfidf_x b USING (u) WHERE a.i <> b.i GROUP BY a.i, b.i;
SELECT * FROM agree('tfidf', 'tfidf');

SELECT make('bm25', 'itemknn', '{"weighting": "bm25", "shrinkage": 0}');
CALL refresh('bm25');
CREATE VIEW bm25_x AS SELECT u, i, r * 2.2 / (r + 1.2 * (0.25 + 0.75 * t.n / (SELECT avg(n) FROM of_item))) * greatest(ln((SELECT count(*) FROM of_item) / (1.0 + s.items)), 0)::float8 AS x
FROM r JOIN of_user s USING (u) JOIN of_item t USING (i);
CREATE VIEW bm25 AS SELECT a.i AS j, b.i, sum(a.x * b.x) / (SELECT sqrt(sum(x * x)) FROM bm25_x WHERE i = a.i) / (SELECT sqrt(sum(x * x)) FROM bm25_x WHERE i = b.i) AS s
FROM bm25_x a JOIN bm25_x b USING (u) WHERE a.i <> b.i GROUP BY a.i, b.i;
SELECT * FROM agree('bm25', 'bm25');

SELECT make('jaccard', 'itemknn', '{"similarity": "jaccard", "shrinkage": 1}');
CALL refresh('jaccard');
CREATE VIEW jaccard AS SELECT a.i AS j, b.i, count(*) / (max(x.users) + max(y.users) - count(*) + 1.0)::float8 AS s
FROM r a JOIN r b USING (u) JOIN of_item x ON x.i = a.i JOIN of_item y ON y.i = b.i WHERE a.i <> b.i GROUP BY 1, 2;
SELECT * FROM agree('jaccard', 'jaccard');

\echo == rp3beta and userknn
SELECT make('rp3beta', 'rp3beta', '{"alpha": 0.7, "beta": 0.4}');
CALL refresh('rp3beta');
CREATE VIEW rp3beta AS SELECT a.i AS j, b.i, sum((a.r / x.n) ^ 0.7 * (b.r / v.n) ^ 0.7 / y.n ^ 0.4) AS s
FROM r a JOIN r b USING (u) JOIN of_user v USING (u) JOIN of_item x ON x.i = a.i JOIN of_item y ON y.i = b.i WHERE a.i <> b.i GROUP BY 1, 2;
SELECT * FROM agree('rp3beta', 'rp3beta');

SELECT make('userknn', 'userknn', '{"exponent": 1.5, "popularity": 0.5}');
CALL refresh('userknn');
CREATE VIEW userknn AS SELECT a.i AS j, b.i, sum(a.r * b.r / v.length ^ 1.5 / y.length ^ 0.5) AS s
FROM r a JOIN r b USING (u) JOIN of_user v USING (u) JOIN of_item y ON y.i = b.i WHERE a.i <> b.i GROUP BY 1, 2;
SELECT * FROM agree('userknn', 'userknn');

\echo == graph: alone it is the walk; sharpened it is that times a series of the likeness of items; with the low pass the scores move, and the same seed gives the same version
SELECT make('graph', 'graph', '{"alpha": 0.7, "beta": 0.4, "low_pass": 0, "sharpening": 0}');
CALL refresh('graph');
SELECT * FROM agree('graph', 'rp3beta');
CREATE TABLE likeness AS SELECT a.i AS j, b.i, sum(a.r * b.r / v.n / sqrt(x.n * y.n)) AS s
FROM r a JOIN r b USING (u) JOIN of_user v USING (u) JOIN of_item x ON x.i = a.i JOIN of_item y ON y.i = b.i GROUP BY 1, 2;
CREATE FUNCTION term(source regclass, factor float8) RETURNS TABLE (j int, i int, s float8) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT w.j, p.i, %s * sum(w.s * p.s) FROM %s w JOIN likeness p ON p.j = w.i GROUP BY 1, 2', factor, source);
END $$;
CREATE TABLE term1 AS SELECT * FROM term('rp3beta', -0.8);
CREATE TABLE term2 AS SELECT * FROM term('term1', -0.8 / 2);
CREATE TABLE term3 AS SELECT * FROM term('term2', -0.8 / 3);
CREATE VIEW sharpened AS SELECT j, i, sum(s) AS s FROM (SELECT * FROM rp3beta UNION ALL SELECT * FROM term1 UNION ALL SELECT * FROM term2 UNION ALL SELECT * FROM term3) t
WHERE j <> i GROUP BY 1, 2;
CALL refresh('graph', options => '{"sharpening": 0.8}');
SELECT * FROM agree('graph', 'sharpened');
CALL refresh('graph', options => '{"low_pass": 1, "factors": 4}');
SELECT * FROM agree('graph', 'rp3beta');
CALL refresh('graph', options => '{"low_pass": 1, "factors": 4}');
SELECT count(DISTINCT d), count(*) FROM (SELECT string_agg(tensor || chunk || digest::text, ',' ORDER BY tensor, chunk) AS d FROM reco.version_chunk c JOIN reco.recommender r ON r.key = c.recommender
	WHERE r.name = 'graph' AND number > 2 GROUP BY number) versions;

\echo == ease: the weights are where the loss is least, |R - R S|^2 + lambda |S|^2, of all items and of the nearest
CREATE VIEW gram AS SELECT x.i AS j, y.i, coalesce(sum(a.r * b.r), 0) AS g FROM of_item x CROSS JOIN of_item y LEFT JOIN (r a JOIN r b USING (u)) ON a.i = x.i AND b.i = y.i GROUP BY 1, 2;
CREATE FUNCTION slope(name text, lambda float8, gram regclass = 'gram', OUT entries bigint, OUT flat boolean) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('WITH s AS MATERIALIZED (SELECT j, item_id::int AS i, score AS s FROM (SELECT DISTINCT j FROM %1$s) x, LATERAL similar_items(j, 100, %2$L))
		SELECT count(*), max(abs(left_side - g)) < 1e-4 FROM (
			SELECT t.j, t.i, sum((g.g + CASE WHEN g.j = g.i THEN %3$s ELSE 0 END) * s.s) AS left_side
			FROM s t JOIN %1$s g ON g.j = t.j JOIN s ON s.j = g.i AND s.i = t.i GROUP BY 1, 2) l JOIN %1$s USING (j, i)', gram, name, lambda) INTO entries, flat;
END $$;
SELECT make('ease', 'ease', '{"lambda": 5}');
CALL refresh('ease');
SELECT * FROM slope('ease', 5);
-- by the Gram matrix of users, which are fewer: items and users exchanged
CREATE VIEW gram_of_users AS SELECT x.u AS j, y.u AS i, coalesce(sum(a.r * b.r), 0) AS g FROM of_user x CROSS JOIN of_user y LEFT JOIN (r a JOIN r b USING (i)) ON a.u = x.u AND b.u = y.u GROUP BY 1, 2;
SELECT create_recommender('exchanged', 'events', 'item_id', 'user_id', event_column => 'kind', event_weights => '{"view":1,"cart":3,"return":-1}', algorithm => 'ease', options => '{"lambda": 5}');
CALL refresh('exchanged');
SELECT * FROM slope('exchanged', 5, 'gram_of_users');
SELECT make('ease_local', 'ease', '{"lambda": 2, "method": "local", "nearest": 8}');
CALL refresh('ease_local');
SELECT * FROM slope('ease_local', 2);
SELECT recommender, options ->> 'method', options ->> 'lambda', options ->> 'nearest' FROM reco.models WHERE recommender IN ('ease', 'ease_local') ORDER BY 1;
SELECT make('ease_open', 'ease', '{"nearest": 3}');
CALL refresh('ease_open');
SELECT options ->> 'method', (options ->> 'lambda')::float8 > 0 FROM reco.models WHERE recommender = 'ease_open';

\echo == blend: the sum of its members, which are what they are alone, by weights that held-out rows chose
SELECT make('blend', 'blend', '{"members": {"als": {"factors": 8, "iterations": 2}, "ease": {"lambda": 5}, "rp3beta": {"alpha": 0.7, "beta": 0.4}, "popular": {}}}');
CALL refresh('blend');
SELECT make('als', 'als', '{"factors": 8, "iterations": 2}');
CALL refresh('als');
SELECT make('popular_alone', 'popular');
CALL refresh('popular_alone');
CREATE TABLE weights AS SELECT split_part(tensor, '.', 1) AS member, ('x' || encode((SELECT string_agg(substr(data, i, 1), '' ORDER BY i DESC) FROM generate_series(1, 8) i), 'hex'))::bit(64)::bigint AS bits
FROM reco.version_chunk JOIN reco.chunk USING (recommender, digest) JOIN reco.recommender r ON r.key = recommender WHERE r.name = 'blend' AND tensor LIKE '%.blend_weight';
-- the number whose binary form is these bits
CREATE FUNCTION number_of(bits bigint) RETURNS float8 LANGUAGE sql AS $$
	SELECT CASE WHEN bits = 0 THEN 0 ELSE (1 + (bits & 4503599627370495) / 4503599627370496.0::float8) * 2::float8 ^ ((bits >> 52 & 2047) - 1023) END
$$;
SELECT count(*), bool_and(number_of(bits) >= 0), bool_or(number_of(bits) > 0) FROM weights;
SELECT count(*), max(abs(score(u, i, 'blend') - expected) / greatest(abs(expected), 1e-3)) < 1e-9
FROM (SELECT u, i, sum(number_of(bits) * score(u, i, CASE member WHEN 'popular' THEN 'popular_alone' ELSE member END)) AS expected
	FROM generate_series(1, 61, 3) u, of_item, weights GROUP BY u, i) e;
SELECT jsonb_object_keys(options -> 'members'), jsonb_object_keys(metrics -> 'validation' -> 'members') FROM reco.models WHERE recommender = 'blend' ORDER BY 1;
SELECT (metrics -> 'validation' ->> 'blend')::float8 >= max((m.value ->> 'alone')::float8) FROM reco.models, LATERAL jsonb_each(metrics -> 'validation' -> 'members') m WHERE recommender = 'blend' GROUP BY metrics;
SELECT kind, count(*) > 0 FROM generate_series(1, 61) u, LATERAL explain(u, 7, 'blend') GROUP BY kind ORDER BY kind;
-- by member: weight times the member's own score, of which the blend's is the sum
SELECT count(*), max(abs(total - score) / greatest(size, abs(score))) < 1e-12, bool_and(members = 4)
FROM (SELECT u, i, score(u, i, 'blend'), sum(contribution) AS total, sum(abs(contribution)) AS size, count(*) AS members
	FROM generate_series(1, 61, 3) u, of_item, LATERAL explain(u, i, 'blend', view => 'members') GROUP BY u, i) e;
SELECT count(*), max(abs(contribution - (details ->> 'weight')::float8 * (details ->> 'score')::float8)) < 1e-9,
	max(abs((details ->> 'score')::float8 - score(u, i, CASE evidence_label WHEN 'popular' THEN 'popular_alone' ELSE evidence_label END)) / greatest(abs((details ->> 'score')::float8), 1e-3)) < 1e-9
FROM generate_series(1, 61, 3) u, of_item, LATERAL explain(u, i, 'blend', view => 'members');
SELECT kind, evidence_label, evidence_id, removal_effect, share BETWEEN 0 AND 1, exactness, reason FROM explain(5, 7, 'blend', view => 'members') ORDER BY evidence_label;
SELECT reason FROM explain(5, 7, 'blend', view => 'members', lang => 'zh') ORDER BY evidence_label;
SELECT kind, contribution FROM explain(5, 7, 'blend', view => 'members', options => '{"promoted": [7], "promotion": 3}') WHERE kind <> 'member';
SELECT complaint($$SELECT explain(5, 7, 'als', view => 'members')$$);
SELECT complaint($$SELECT explain(5, 7, 'als', view => 'member')$$);
SELECT make('one_member', 'blend', '{"members": {"rp3beta": {"alpha": 0.7, "beta": 0.4}}}');
CALL refresh('one_member');
SELECT * FROM agree('one_member', 'rp3beta');
SELECT make('two_members', 'blend', '{"members": {"als": {"factors": 8}, "ease": {}}}');
CALL refresh('two_members');
-- weights that are given stand in the ratio that was asked for, in units of the spread of scores; a member that counts nothing adds nothing
SELECT make('given', 'blend', '{"members": {"rp3beta": {"alpha": 0.7, "beta": 0.4}, "ease": {"lambda": 5}}, "weights": {"ease": 0, "rp3beta": 3}}');
CALL refresh('given');
SELECT options -> 'weights', metrics ? 'validation' FROM reco.models WHERE recommender = 'given';
SELECT count(*), max(ratio) / min(ratio) - 1 < 1e-9, min(ratio) > 0
FROM (SELECT score(u, i, 'given') / score(u, i, 'rp3beta') AS ratio FROM generate_series(1, 61, 3) u, of_item WHERE score(u, i, 'rp3beta') <> 0) r;
CALL refresh('given', options => '{"weights": {"ease": 1, "rp3beta": 1}}');
CREATE TABLE even AS SELECT u, i, score(u, i, 'given') AS score FROM generate_series(1, 61, 3) u, of_item;
CALL refresh('given', options => '{"weights": {"ease": 2, "rp3beta": 2}}');
SELECT count(*), bool_and(score(u, i, 'given') = 2 * score) FROM even;
SELECT complaint($$SELECT make('x', 'blend', '{"members": {"ease": {}, "als": {}}, "weights": {"ease": 1}}')$$);
SELECT complaint($$SELECT make('x', 'blend', '{"members": {"ease": {}, "als": {}}, "weights": {"ease": 0, "als": 0}}')$$);
SELECT complaint($$SELECT make('x', 'blend', '{"members": {"ease": {}, "als": {}}, "weights": {"ease": 1, "als": -1}}')$$);
SELECT complaint($$SELECT make('x', 'blend', '{"members": {"ease": {}, "als": {}}, "weights": {"ease": 1, "alls": 1}}')$$);
SELECT complaint($$SELECT make('x', 'blend', '{"members": {"ease": {}, "als": {}}, "weights": 1}')$$);
SELECT complaint($$SELECT make('x', 'blend', '{"members": {"blend": {}}}')$$);
SELECT complaint($$SELECT make('x', 'blend', '{"members": {"recent": {}}}')$$);
SELECT complaint($$SELECT make('x', 'blend', '{"members": {"eese": {}}}')$$);
SELECT complaint($$SELECT make('x', 'blend', '{"members": {"ease": {"lamda": 2}}}')$$);
SELECT complaint($$SELECT make('x', 'blend', '{"members": {"ease": 2}}')$$);
SELECT complaint($$SELECT make('x', 'blend', '{"members": {}}')$$);
SELECT complaint($$SELECT make('x', 'blend', '{"members": 7}')$$);

\echo == weights that underflow to 0 are no entries, and no more memory is written than there is
CREATE TABLE wide AS SELECT u, 1 + (u * 7 + n * n) % 100 AS i, CASE WHEN u > 390 THEN 1e6 ELSE 1e-9 END AS w FROM generate_series(1, 400) u, generate_series(1, 50) n;
SELECT create_recommender('wide_walk', 'wide', 'u', 'i', value_column => 'w', algorithm => 'rp3beta', options => '{"alpha": 4}');
CALL refresh('wide_walk');
SELECT create_recommender('wide_filter', 'wide', 'u', 'i', value_column => 'w', algorithm => 'graph', options => '{"alpha": 4, "low_pass": 0, "sharpening": 0}');
CALL refresh('wide_filter');
SELECT r.name, count(*) FROM unnest('{wide_walk,wide_filter}'::text[]) r (name), LATERAL recommend(1, 3, r.name) GROUP BY 1 ORDER BY 1;

\echo == values: the logarithm, or only that a row is there
SELECT make('binary', 'userknn', '{"exponent": 0, "popularity": 0, "values": "binary"}');
CALL refresh('binary');
SELECT bool_and(score(u, i, 'binary') = (SELECT count(*) FROM r mine JOIN r a ON a.i = mine.i JOIN r b ON b.u = a.u AND b.i <> a.i WHERE mine.u = p.u AND b.i = p.i))
FROM (SELECT u, i FROM generate_series(1, 61, 6) u, generate_series(1, 25) i) p;
SELECT make('log', 'userknn', '{"exponent": 0, "popularity": 0, "values": "log"}');
CALL refresh('log');
CREATE VIEW log_r AS SELECT u, i, ln(1 + r) / ln(2) AS r FROM r;
SELECT max(abs(score(u, i, 'log') - coalesce((SELECT sum(mine.r * a.r * b.r) FROM log_r mine JOIN log_r a ON a.i = mine.i JOIN log_r b ON b.u = a.u AND b.i <> a.i WHERE mine.u = p.u AND b.i = p.i), 0))) < 1e-4
FROM (SELECT u, i FROM generate_series(1, 61, 6) u, generate_series(1, 25) i) p;

\echo == popular and recent: the order of all, whoever asks, and how many chose an item does not show
SELECT make('popular', 'popular');
CALL refresh('popular');
SELECT array_agg(item_id ORDER BY rank) = (SELECT array_agg(i::bigint ORDER BY users DESC, i) FROM of_item),
	array_agg(score ORDER BY rank) = (SELECT array_agg((1 - p / 25.0)::real::float8 ORDER BY p) FROM generate_series(0, 24) p)
FROM recommend(3, 25, 'popular', exclude_seen => false);
SELECT make('recent', 'recent', '{"half_life_days": 10}');
CALL refresh('recent');
CREATE VIEW recent AS SELECT item_id AS i, sum(w * 0.5 ^ (extract(epoch FROM (SELECT max(at) FROM events) - at)::float8 / 864000)) AS n
FROM events JOIN weight_of USING (kind) WHERE w > 0 GROUP BY 1;
SELECT array_agg(item_id ORDER BY rank) = (SELECT array_agg(i::bigint ORDER BY n DESC, i) FROM recent) FROM recommend(3, 25, 'recent', exclude_seen => false);
SELECT kind, contribution = score(3, 7, 'popular'), removal_effect, reason FROM explain(3, 7, 'popular') WHERE kind = 'popularity';
SELECT count(*) FILTER (WHERE removal_effect <> 0) FROM explain(3, 7, 'popular');
SELECT complaint($$SELECT similar_items(3, 5, 'popular')$$);

\echo == only the greatest entries of a row stay, of equal ones the lower item
SELECT make('few', 'itemknn', '{"neighbours": 3, "shrinkage": 2}');
CALL refresh('few');
SELECT count(*), bool_and(s.items = b.items) FROM of_item o, LATERAL (SELECT array_agg(item_id ORDER BY rank) AS items FROM similar_items(o.i, 10, 'few')) s,
	LATERAL (SELECT array_agg(i::bigint ORDER BY s DESC, i) AS items FROM (SELECT i, s::real AS s FROM cosine c WHERE c.j = o.i ORDER BY s DESC, i LIMIT 3) best) b;
SELECT metrics ->> 'entries' FROM reco.models WHERE recommender = 'few';

\echo == what is alike is the row of the item
SELECT bool_and(abs(n.score - c.s) < 1e-6), count(*) FROM similar_items(4, 25, 'cosine') n JOIN cosine c ON c.j = 4 AND c.i = n.item_id;

\echo == lists are those of score(), full, with what no neighbour speaks for last; candidates and filters agree with them
CREATE VIEW names AS SELECT unnest('{blend,two_members,one_member,cosine,few,graph,ease,ease_local,rp3beta,userknn,jaccard,popular,recent}'::text[]) AS name;
SELECT name, count(*), bool_and(r.score = score(u, r.item_id, name)), bool_and(full_list.items = sorted.items) FROM names, generate_series(1, 61, 5) u,
	LATERAL (SELECT array_agg(item_id ORDER BY rank) AS items FROM recommend(u, 30, name, exclude_seen => false)) full_list,
	LATERAL (SELECT array_agg(i::bigint ORDER BY score(u, i, name) DESC, p.rank) AS items FROM of_item JOIN popular_items(NULL::bigint, 100, name) p ON p.item_id = i) sorted,
	LATERAL recommend(u, 5, name) r GROUP BY name ORDER BY name;
SELECT name, bool_and(array(SELECT item_id FROM recommend(u, 30, name, exclude_seen => false, candidates => '{3,9,25,14,1}'))
	= array(SELECT item_id FROM recommend(u, 30, name, exclude_seen => false) WHERE item_id IN (3,9,25,14,1) ORDER BY rank))
FROM names, generate_series(1, 61, 5) u GROUP BY name ORDER BY name;
SELECT name, bool_and(a.items = b.items) FROM names, generate_series(1, 61, 5) u,
	LATERAL (SELECT array_agg((item_id, score) ORDER BY rank) AS items FROM recommend(u, 7, name) WHERE source = 'history') a,
	LATERAL (SELECT array_agg((item_id, score) ORDER BY rank) AS items FROM recommend_all(name, users => ARRAY[u]::bigint[], k => 7) WHERE source = 'history') b
GROUP BY name ORDER BY name;

\echo == the same where rows know hundreds of items: a blend of factors and neighbours
CREATE TABLE many AS SELECT u AS user_id, 1 + (roll(u, n, 1500) * roll(u, n + 500, 1500)) / 1500 AS item_id FROM generate_series(1, 300) u, generate_series(1, 30) n;
CREATE INDEX ON many (user_id);
SELECT create_recommender('many', 'many', 'user_id', 'item_id', algorithm => 'blend', options => '{"members": {"als": {"factors": 8, "iterations": 2}, "userknn": {"neighbours": 300}}}');
CALL refresh('many');
SELECT count(*), bool_and(full_list.items = sorted.items) FROM generate_series(1, 300, 149) u,
	LATERAL (SELECT array_agg((item_id, score) ORDER BY rank) AS items FROM recommend(u, 40, 'many')) full_list,
	LATERAL (SELECT array_agg((i, s) ORDER BY s DESC, i) AS items FROM (SELECT i, score(u, i, 'many') AS s FROM (SELECT DISTINCT item_id::bigint AS i FROM many EXCEPT SELECT item_id FROM many WHERE user_id = u) d
		ORDER BY s DESC, i LIMIT 40) best) sorted;

\echo == reasons add up, and what they say of removals is so
SELECT name, max(c.sum_residual) <= 1e-6, max(c.removal_residual) <= 1e-5, sum(c.pieces) > 100 FROM names, generate_series(1, 61, 2) u, LATERAL explain_check(u, 1 + u % 24, name) c GROUP BY name ORDER BY name;
SELECT kind, count(*) > 0 FROM generate_series(1, 61) u, LATERAL explain(u, 7, 'cosine') WHERE contribution <> 0 GROUP BY kind;

\echo == dislikes pull down where the option says so
SELECT make('disliking', 'itemknn', '{"dislike": 1}');
CALL refresh('disliking');
SELECT kind, bool_and(contribution < 0), bool_and(contribution = removal_effect) FROM generate_series(1, 61) u, LATERAL explain(u, 7, 'disliking') WHERE kind = 'dislike' AND contribution <> 0 GROUP BY kind;

\echo == a new event counts at once
BEGIN;
CREATE TEMP TABLE expected AS SELECT score(3, 9, 'cosine') + 3 / (SELECT avg(b) FROM pull WHERE b > 0) * s AS s FROM cosine
WHERE j = 10 AND i = 9 AND NOT EXISTS (SELECT FROM r WHERE u = 3 AND i = 10);
INSERT INTO events VALUES (3, 10, 'cart', '2024-03-01');
SELECT abs(score(3, 9, 'cosine') - s) < 1e-6 FROM expected;
ROLLBACK;

\echo == what cannot be
SELECT complaint($$SELECT make('x', 'itemnn')$$);
SELECT complaint($$SELECT make('x', 'magic potion')$$);
SELECT complaint($$SELECT make('x', 'itemknn', '{"similarity": "pearson"}')$$);
SELECT complaint($$SELECT make('x', 'itemknn', '{"values": 3}')$$);
SELECT complaint($$SELECT make('x', 'rp3beta', '{"alfa": 1}')$$);
SELECT complaint($$SELECT create_recommender('x', 'events', 'user_id', 'item_id', value_column => 'user_id', feedback => 'explicit', algorithm => 'itemknn')$$);
SELECT create_recommender('timeless', 'events', 'user_id', 'item_id', algorithm => 'recent');
SELECT complaint($$CALL refresh('timeless')$$);
SELECT complaint($$CALL refresh('cosine', 'incremental')$$);

\echo == the same version for any number of workers and any order of rows
CREATE TABLE turned AS SELECT * FROM events ORDER BY roll(user_id, item_id, 1000) DESC;
ALTER TABLE turned ADD COLUMN more int;
SELECT create_recommender('turned', 'turned', 'user_id', 'item_id', event_column => 'kind', time_column => 'at', event_weights => '{"view": 1, "cart": 3, "return": -1}', algorithm => 'rp3beta', options => '{"alpha": 0.7, "beta": 0.4}');
SET reco.workers = 0;
CALL refresh('turned');
SELECT count(DISTINCT d), count(*) FROM (SELECT string_agg(tensor || chunk || digest::text, ',' ORDER BY tensor, chunk) AS d FROM reco.version_chunk c JOIN reco.recommender r ON r.key = c.recommender
	WHERE r.name IN ('turned', 'rp3beta') GROUP BY r.key, number) versions;
SELECT array_agg(name ORDER BY name) AS made FROM reco.recommenders WHERE interactions IN ('events'::regclass, 'turned'::regclass, 'many'::regclass, 'wide'::regclass) \gset
SELECT drop_recommender(name) FROM unnest(:'made'::text[]) name;
DROP SCHEMA models CASCADE;
