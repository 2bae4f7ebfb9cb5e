#!/bin/bash
# bench/new_items.sh [NEW] [CALLS]: what items cost a call that came after the refresh. A made-up shop of 20,000 products with a brand, a category,
# three tags, a price and a title; NEW (1,000) of them come after the refresh. Prints Markdown: recommend() in milliseconds, the median of CALLS (200) of one
# session, inside the server; then with a million older products beside, with and without an index on items_time_column.
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

NEW=${1:-1000}
CALLS=${2:-200}

# row(what, query, calls): the median milliseconds of a query with a user's id
row()
{
	sql -At -F ' | ' -v what="$1" -v query="$2" -v calls="$3" <<'SQL'
		SELECT '| ' || :'what', round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ms)::numeric, 2) || ' |' FROM took(:'query', :calls) ms;
SQL
}

with_extension new_items "shared_buffers = 512MB" "maintenance_work_mem = 1GB"
sql -v new="$NEW" <<'SQL'
	SET client_min_messages = warning;
	CREATE EXTENSION reco;
	CREATE FUNCTION make(first int, last int, added timestamptz) RETURNS TABLE (id int, title text, brand text, category text, tags text[], price numeric, at timestamptz) LANGUAGE sql AS $$
		SELECT i, 'Fine product number ' || i || ' of ' || i % 97, 'brand' || i % 200, 'category' || i % 30, ARRAY['a' || i % 40, 'b' || i % 33, 'c' || i % 21], 5 + i % 200, added + i * interval '1 second'
		FROM generate_series(first, last) i
	$$;
	CREATE TABLE products (id int PRIMARY KEY, title text, brand text, category text, tags text[], price numeric, added timestamptz);
	INSERT INTO products SELECT * FROM make(1, 20000, '2024-01-01');
	CREATE INDEX products_added ON products (added);
	CREATE TABLE events AS SELECT u AS user_id, (1 + ((hashint8(u * 1000 + n) & 1048575)::bigint * 20000 / 1048576 / 30 * 30 + u % 30) % 20000)::int AS product_id
	FROM generate_series(1, 10000) u, generate_series(1, 30) n;
	CREATE INDEX ON events (user_id);
	VACUUM ANALYZE;
	SELECT reco.create_recommender('shop', 'events', 'user_id', 'product_id', items => 'products', item_key => 'id', item_features => '{brand,category,tags,price,title}',
		items_time_column => 'added', options => '{"iterations": 4, "features": {"title": {"text": true}}}') \g /dev/null
	CALL reco.refresh('shop');
	INSERT INTO products SELECT * FROM make(20001, 20000 + :new, '2025-01-01');
	ANALYZE products;
	CREATE FUNCTION took(query text, calls int) RETURNS SETOF float8 LANGUAGE plpgsql AS $$
	DECLARE began timestamptz;
	BEGIN
		FOR i IN 0 .. calls LOOP
			began := clock_timestamp();
			EXECUTE format(query, 1 + i * 37 % 10000);
			IF i > 0 THEN
				RETURN NEXT extract(epoch FROM clock_timestamp() - began) * 1000;
			END IF;
		END LOOP;
	END $$;
SQL
printf '%s: %s new items\n\n| recommend(u, 10) | p50 ms |\n|---|---|\n' "$(machine)" "$NEW"
with="SELECT reco.recommend(%s::bigint, 10, options => '{\"new_items\": 2}')"
row 'without new items' 'SELECT reco.recommend(%s::bigint, 10)' "$CALLS"
row 'with, as a session asks again and again' "$with" "$CALLS"
row 'with, read anew by each call (named by it)' "SELECT reco.recommend(%s::bigint, 10, candidates => ARRAY(SELECT i::bigint FROM generate_series(20001, 20000 + $NEW) i))" "$CALLS"
sql -c "INSERT INTO products SELECT * FROM make(1000001, 2000000, '2020-01-01')" -c 'VACUUM ANALYZE products'
row 'with, of a million and more, an index on the time' "$with" "$CALLS"
sql -c 'DROP INDEX products_added'
row 'with, of a million and more, no index on the time' "$with" 10
