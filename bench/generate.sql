-- A table "events" (user_id, item_id, at) of interactions like a shop's.
--
--   psql -v rows=1000000 -v users=20000 -v items=10000 -f bench/generate.sql
--
-- Planted factors: items belong to topics, one for each 600 items, and a user likes three of them; one event in seven is on
-- a topic of nobody's choice. Items of a topic are chosen by rank with a Zipf tail, users are active to very different degrees, and some
-- pairs repeat. A clock runs over a year. Keys are shuffled, so that they say nothing about popularity. The same arguments give the same
-- table on every machine.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;
SELECT setseed(0.25) \g /dev/null
CREATE TABLE events (user_id int NOT NULL, item_id int NOT NULL, at timestamptz NOT NULL);
INSERT INTO events
SELECT (u::bigint * 1000003 % :users)::int,
	((t + topics * floor(power(random(), 2.5) * (:items / topics))::bigint) * 1000003 % :items)::int,
	timestamptz '2024-01-01 00:00+00' + random() * interval '365 days'
FROM (
	SELECT u, topics,
		CASE WHEN random() < 0.85
			-- the user's topics are hashes, and topics differ in popularity
			THEN floor(power((hashint4extended(u, floor(random() * 3)::bigint) & 1048575) / 1048576.0::float8, 1.5) * topics)
			ELSE floor(random() * topics) END::bigint AS t
	FROM (
		SELECT floor(power(random(), 1.7) * :users)::int AS u, greatest(8, :items / 600) AS topics
		FROM generate_series(1, :rows)
	) chosen OFFSET 0
) event;
