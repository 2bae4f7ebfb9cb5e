-- A test part of "events" (user_id, item_id) whose pairs are not drawn at random: a fifth of each user's items, those of one side
-- of the user's taste, and items whose time has come. Table "drift" (user_id, item_id); a function of the pairs alone.
--
-- Why: who is tested on what comes later is tested on items that are in fashion then, and that belong together, as the stops of one journey do.
-- Data without times can be split that way only by imitation. A pair is kept back for the greatest
--
--		taste * p + fashion * z + crowd * max(0, ln(popularity / typical)) + noise
--
-- of its user, where z is a normal number of the item, the noise a Gumbel number of the pair, and p the place of the item in a random direction of
-- the user, in a space where items with users in common lie near each other (random vectors of users, averaged to items, users and items), over
-- the user's items of mean 0 and variance 1.
--
--		psql -v taste=2.5 -v fashion=0.45 -v crowd=0.35 -v typical=150 -f drift.sql
\set QUIET on
SET client_min_messages = warning;
SET work_mem = '256MB';
CREATE FUNCTION pg_temp.uniform(key bigint, seed bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
	SELECT ((hashint8extended(key, seed) & 4503599627370495) + 1) / 4503599627370497.0::float8
$$;
CREATE FUNCTION pg_temp.normal(key bigint, seed bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
	SELECT sqrt(-2 * ln(pg_temp.uniform(key, seed))) * cos(2 * pi() * pg_temp.uniform(key, seed + 1))
$$;
CREATE TEMP TABLE pair AS SELECT DISTINCT user_id, item_id FROM events;
ANALYZE pair;
CREATE TEMP TABLE of_item AS SELECT item_id, count(*) AS n FROM pair GROUP BY 1;
ANALYZE of_item;
CREATE TEMP TABLE of_user AS SELECT user_id, count(*) AS n FROM pair GROUP BY 1;
ANALYZE of_user;
CREATE TEMP TABLE start AS SELECT user_id, d, pg_temp.normal(user_id, 100 * d) AS x FROM of_user, generate_series(1, 4) d;
ANALYZE start;
CREATE TEMP TABLE near AS SELECT item_id, d, sum(x) / sqrt(max(n)) AS x FROM pair JOIN of_item USING (item_id) JOIN start USING (user_id) GROUP BY 1, 2;
ANALYZE near;
CREATE TEMP TABLE back AS SELECT user_id, d, sum(x) / sqrt(max(n)) AS x FROM pair JOIN of_user USING (user_id) JOIN near USING (item_id) GROUP BY 1, 2;
ANALYZE back;
CREATE TEMP TABLE space AS SELECT item_id, d, sum(x) / sqrt(max(n)) AS x FROM pair JOIN of_item USING (item_id) JOIN back USING (user_id) GROUP BY 1, 2;
ANALYZE space;
CREATE TEMP TABLE direction AS SELECT user_id, d, pg_temp.normal(user_id, 7000 + 100 * d) AS g FROM of_user, generate_series(1, 4) d;
ANALYZE direction;
CREATE TEMP TABLE place AS SELECT user_id, item_id, sum(x / length * g) AS p FROM pair JOIN space USING (item_id) JOIN direction USING (user_id, d)
	JOIN (SELECT item_id, sqrt(sum(x * x)) AS length FROM space GROUP BY 1) l USING (item_id) GROUP BY 1, 2;
ANALYZE place;
CREATE TABLE drift AS
SELECT user_id, item_id FROM (
	SELECT user_id, item_id, u.n, row_number() OVER (PARTITION BY user_id ORDER BY :taste * coalesce(q, 0) + :fashion * z
		+ :crowd * greatest(0, ln(i.n / :typical::float8)) - ln(-ln(pg_temp.uniform(user_id::bigint << 32 | item_id, 9))) DESC, item_id) AS place
	FROM (SELECT user_id, item_id, (p - avg(p) OVER w) / nullif(stddev_pop(p) OVER w, 0) AS q FROM place WINDOW w AS (PARTITION BY user_id)) l
		JOIN (SELECT item_id, n, pg_temp.normal(item_id, 42) AS z FROM of_item) i USING (item_id) JOIN of_user u USING (user_id)) x
WHERE place <= ceil(n / 5.0);
