#!/bin/bash
# Memory of idle connections: what 200 of them that have each served once hold privately, beside 200 that have run SELECT 1.
#
#   bench/connections.sh [FOLDER] [connections] [items of the large model]
#
# Private memory is Private_Dirty of the private mappings in /proc/PID/smaps. (Of smaps_rollup it would count pages of
# shared_buffers and of mapped files that only one process has touched so far.) Needs the rights to read that of the server.
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=bench/synthetic.sh
. "$(dirname "$0")/synthetic.sh"

# private(script): the private kB of connections that have run a script once and are idle, sorted
private()
{
	local pgbench pid
	printf '\\set u :client_id + 1\n%s;\n\\sleep 600 s\n' "$1" >"$RECO_BUILD/bench/connections.sql"
	pgbench -n -M prepared -c "$CONNECTIONS" -j 1 -t 1 -f "$RECO_BUILD/bench/connections.sql" >/dev/null 2>&1 &
	pgbench=$!
	until (($(sql -At -c "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgbench' AND state = 'idle' AND query LIKE '%$2%'") == CONNECTIONS)); do
		kill -0 "$pgbench" 2>/dev/null || die "the connections failed: $1"
		sleep 0.5
	done
	for pid in $(sql -At -c "SELECT pid FROM pg_stat_activity WHERE application_name = 'pgbench'"); do
		awk '/^[0-9a-f]+-[0-9a-f]+ / { own = $2 ~ /p$/ } own && /^Private_Dirty:/ { kb += $2 } END { print kb }' "/proc/$pid/smaps"
	done | sort -n
	kill "$pgbench"
	wait "$pgbench" || true
	until (($(sql -At -c "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgbench'") == 0)); do
		sleep 0.2
	done
}

# line(label, script, what its statement contains): median and greatest, beside the median of SELECT 1
line()
{
	private "$2" "$3" | awk -v label="$1" -v base="$BASE" '{ v[NR] = $1 } END {
		printf "| %s | %.2f | %.2f |\n", label, (v[int((NR + 1) / 2)] - base) / 1024, (v[NR] - base) / 1024 }'
}

CONNECTIONS=${2:-200}
ITEMS=${3:-1000000}
with_extension bench "shared_buffers = 1GB" "maintenance_work_mem = 1GB" "max_connections = $((CONNECTIONS + 20))"
sql -c 'CREATE EXTENSION reco'
if [[ -n ${1:-} ]]; then
	load_pairs "$1" events || die "there is no events.csv in $1"
else
	sql -c "CREATE TABLE events AS SELECT DISTINCT u AS user_id, (u % 60 + 60 * floor(683 * power(random(), 3)))::int AS item_id
		FROM generate_series(0, 29999) u, generate_series(1, 27)"
fi
sql -c 'CREATE INDEX ON events (user_id)' \
	-c "CREATE TABLE items AS SELECT i AS id, 'Item ' || i AS title FROM generate_series(0, greatest($ITEMS - 1, (SELECT max(item_id) FROM events))) i" \
	-c 'ALTER TABLE items ADD PRIMARY KEY (id)' -c 'VACUUM ANALYZE events, items' -c 'SET client_min_messages = warning' \
	-c "SELECT reco.create_recommender('bench', 'events', 'user_id', 'item_id', items => 'items', item_key => 'id', item_label => 'title')" \
	-c "CALL reco.refresh('bench')" >/dev/null
printf 'Private memory of %s idle connections above that of one that ran SELECT 1: %s\n\n' "$CONNECTIONS" "$(machine)"
BASE=$(private 'SELECT 1' 'SELECT' | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }')
printf '(SELECT 1: %s kB)\n\n| each has served once | median MB | greatest MB |\n|---|---|---|\n' "$BASE"
LIST="SELECT * FROM reco.recommend(:u::bigint, 10, 'bench'"
line "recommend(user, 10) with reasons and labels, $(sql -At -c "SELECT n_items FROM reco.models") items" "$LIST)" recommend
synthetic_build
synthetic_install bench bootstrap "$ITEMS" 2 >/dev/null
line "the same, $ITEMS items" "$LIST)" recommend
line "with a filter that keeps 1 item in 1,000, $ITEMS items" "$LIST, filter => 'id + 0 < $ITEMS / 1000')" recommend
