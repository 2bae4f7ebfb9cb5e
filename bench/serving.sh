#!/bin/bash
# Serving: latencies of recommend() and its relatives with 41 thousand and one million items, filters, and many users.
#
#   bench/serving.sh [FOLDER] [seconds of each pgbench run] [items of the large model] [its kinds: "bootstrap isotropic"]
#
# Without a folder, a shop of 30,000 users and 41,000 items is made up. The large model is a bootstrap of the learned
# factors (bench/synthetic.c). bench/pgvector.sh sets pgvector beside it.
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=bench/synthetic.sh
. "$(dirname "$0")/synthetic.sh"

# percentiles(files of a pgbench log ...): p50 and p95 in milliseconds
percentiles()
{
	awk '{ print $3 / 1000 }' "$@" | sort -n |
		awk '{ v[NR] = $1 } END { printf "%.3f | %.3f", v[int((NR + 1) * 0.5)], v[int((NR + 1) * 0.95)] }'
}

# latency(label, query, [setting]): one line of the table; :u is a user, :i an item of the large model
latency()
{
	local dir clients
	dir=$(mktemp -d "$RECO_BUILD/bench/pgbench.XXXXXX")
	printf '\\set u random(0, %s)\n\\set i random(0, %s)\n%s;\n' "$USERS" "$((ITEMS - 1))" "$2" >"$dir/script.sql"
	printf '| %s ' "$1"
	(cd "$dir" && PGOPTIONS="${3:-}" pgbench -n -M prepared -c 1 -T 2 -f script.sql >/dev/null 2>&1) || die "pgbench failed on: $2"
	for clients in 1 2; do
		(cd "$dir" && PGOPTIONS="${3:-}" awake pgbench -n -M prepared -c "$clients" -j "$clients" -T "$SECONDS_EACH" -l \
			--log-prefix="log$clients" -f script.sql >/dev/null 2>&1) || die "pgbench failed on: $2"
	done
	printf '| %s | %s | %s |\n' "$(percentiles "$dir"/log1*)" \
		"$(($(cat "$dir"/log1* | wc -l) / SECONDS_EACH))" "$(($(cat "$dir"/log2* | wc -l) / SECONDS_EACH))"
	rm -rf "$dir"
}

# seconds(query): the median of three runs, and the processor seconds of the last
seconds()
{
	for _ in 1 2 3; do
		sql -c 'SET client_min_messages = log' -c 'SET log_statement_stats = on' -c '\timing on' -c "$1" 2>&1
	done | awk '/^Time:/ { t[++n] = $2 / 1000 } /system total/ { gsub(/[^0-9. ]/, ""); cpu = $1 + $2 }
		END { if (t[1] > t[2]) { x = t[1]; t[1] = t[2]; t[2] = x } if (t[2] > t[3]) t[2] = t[3]; if (t[1] > t[2]) t[2] = t[1]; printf "%.2f | %.2f", t[2], cpu }'
}

# made_up: events of a shop, users and items of 60 tastes, popular items more often
made_up()
{
	sql -c "CREATE TABLE events AS SELECT DISTINCT u AS user_id, (u % 60 + 60 * floor(683 * power(random(), 3)))::int AS item_id
		FROM generate_series(0, 29999) u, generate_series(1, 27)"
}

SECONDS_EACH=${2:-10}
ITEMS=${3:-1000000}
with_extension bench "shared_buffers = 1GB" "maintenance_work_mem = 1GB"
sql -c 'CREATE EXTENSION reco'
if [[ -n ${1:-} ]]; then
	FOLDER=$(cd "$1" && pwd)
	load_pairs "$FOLDER" events || die "there is no events.csv in $FOLDER"
else
	FOLDER='a shop made up'
	made_up
fi
sql -c 'CREATE INDEX ON events (user_id)' -c 'VACUUM ANALYZE events' -c "SET client_min_messages = warning" \
	-c "SELECT reco.create_recommender('bench', 'events', 'user_id', 'item_id')" -c "CALL reco.refresh('bench')" >/dev/null
USERS=$(sql -At -c 'SELECT max(user_id) FROM events')
sql -c "CREATE TABLE items AS SELECT i AS id, 'Item ' || i AS title, i % 2 = 0 AS in_stock, (hashint8(i) & 1073741823) % 1000 AS band
		FROM generate_series(0, greatest($ITEMS - 1, (SELECT max(item_id) FROM events))) i" \
	-c 'ALTER TABLE items ADD PRIMARY KEY (id)' -c 'CREATE INDEX ON items (band)' -c 'VACUUM ANALYZE items' \
	-c "SELECT reco.create_recommender('shop', 'events', 'user_id', 'item_id', items => 'items', item_key => 'id', item_label => 'title')" \
	-c "SET client_min_messages = warning" -c "CALL reco.refresh('shop')" >/dev/null

printf 'Serving on %s: %s\n\n' "$(basename "$FOLDER")" "$(machine)"
printf '| query | p50 ms | p95 ms | calls/s, 1 client | calls/s, 2 clients |\n|---|---|---|---|---|\n'
ONE="SELECT * FROM reco.recommend(:u::bigint, 10, 'bench')"
SHOP="SELECT * FROM reco.recommend(:u::bigint, 10, 'shop'"
LEARNED=$(sql -At -c "SELECT n_items FROM reco.models WHERE recommender = 'bench' AND deployed")
latency "recommend(user, 10) with reasons, $LEARNED items" "$ONE"
latency "the same, without reasons" "SELECT * FROM reco.recommend(:u::bigint, 10, 'bench', options => '{\"reason\": false}')"
latency "recommend with an items relation, labels in the reasons" "$SHOP)"
latency "the same, filter that keeps 1 item in 2" "$SHOP, filter => 'in_stock')"

printf '\n| many users, k = 20, %s items | seconds | processor seconds |\n|---|---|---|\n' "$LEARNED"
printf '| recommend_all, all users | %s |\n' "$(seconds "SELECT count(*) FROM reco.recommend_all('bench', NULL::bigint[], 20)")"
printf '| the same with an items relation | %s |\n' "$(seconds "SELECT count(*) FROM reco.recommend_all('shop', NULL::bigint[], 20)")"
sql -c 'CREATE UNLOGGED TABLE target (user_id int, rank int, item_id int, score float8)'
printf '| recommend_into | %s |\n' "$(seconds "CALL reco.recommend_into('bench', 'target', 20, options => '{\"replace\": true}')")"

synthetic_build
for kind in ${4:-bootstrap isotropic}; do
	number=$([[ $kind == bootstrap ]] && echo 2 || echo 3)
	for name in bench shop; do
		synthetic_install $name $kind "$ITEMS" "$number" >/dev/null
	done
	first=$(sql -At -c '\timing on' -c "SELECT count(*) FROM reco.recommend(1::bigint, 10, 'bench')" | sed -n 's/^Time: \([0-9.]*\).*/\1/p')
	printf '\n| %s items, %s (first call, which maps the model: %s ms) | p50 ms | p95 ms | calls/s, 1 client | calls/s, 2 clients |\n|---|---|---|---|---|\n' \
		"$ITEMS" "$kind" "$first"
	latency 'recommend(user, 10) with reasons' "$ONE"
	latency 'recommend(user, 10) without reasons' "SELECT * FROM reco.recommend(:u::bigint, 10, 'bench', options => '{\"reason\": false}')"
	latency 'similar_items(item, 10): cosine' "SELECT * FROM reco.similar_items(:i::bigint, 10, 'bench')"
	[[ $kind == bootstrap ]] || continue
	latency 'recommend with an items relation, labels' "$SHOP)"
	latency 'filter that keeps 1 item in 2' "$SHOP, filter => 'in_stock')"
	latency 'filter that keeps 1 item in 1,000, index' "$SHOP, filter => 'band = 7')"
	latency 'the same, no index' "$SHOP, filter => 'band + 0 = 7')"
	latency 'the same, no index, filtered first' "$SHOP, filter => 'band + 0 = 7')" "-c reco.filter_order=filter_first"
	latency 'filter that keeps 1 item, index' "$SHOP, filter => 'id = 7')"
	latency 'filter that keeps 1 item, no index' "$SHOP, filter => 'id + 0 = 7')"
	latency '100 candidates' "$SHOP, candidates => (SELECT array_agg(g) FROM generate_series(1::bigint, 100000, 1000) g))"
done
