#!/bin/bash
# From a table to the first recommendation, in seconds by phase, and the latency of recommend().
#
#   bench/latency.sh FOLDER [seconds of each pgbench run]
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"

# percentiles(files of a pgbench log ...): p50 and p95 in milliseconds
percentiles()
{
	awk '{ print $3 / 1000 }' "$@" | sort -n |
		awk '{ v[NR] = $1 } END { printf "%.3f | %.3f", v[int((NR + 1) * 0.5)], v[int((NR + 1) * 0.95)] }'
}

# latency(label, query): one line of the table
latency()
{
	local dir
	dir=$(mktemp -d "$RECO_BUILD/bench/pgbench.XXXXXX")
	printf '\\set u random(0, %s)\n%s;\n' "$USERS" "$2" >"$dir/script.sql"
	(cd "$dir" && pgbench -n -M prepared -c 1 -T 2 -f script.sql >/dev/null 2>&1 &&
		awake pgbench -n -M prepared -c 1 -T "$SECONDS_EACH" -l -f script.sql >/dev/null 2>&1) || die "pgbench failed on: $2"
	printf '| %s | %s | %s |\n' "$1" "$(percentiles "$dir"/pgbench_log.*)" "$(cat "$dir"/pgbench_log.* | wc -l)"
	rm -rf "$dir"
}

begin "${1:-}"
SECONDS_EACH=${2:-10}
USERS=$(sql -At -c 'SELECT max(user_id) FROM events')
printf 'From table to recommendation on %s: %s\n\n' "$(basename "$FOLDER")" "$(machine)"
sql -c "SET client_min_messages = warning" -c "SELECT reco.create_recommender('bench', 'events', 'user_id', 'item_id')" >/dev/null
for run in 1 2 3; do
	sql -c '\timing on' -c "CALL reco.refresh('bench')" -c "SELECT count(*) FROM reco.recommend(1::bigint, 10)" 2>&1 |
		sed -n 's/.*\(read .* in .* s\)$/\1/p; s/.*\(learned in .* s\)$/\1/p; s/.*\(stored .* s\)$/\1/p; s/^Time: //p' |
		paste -sd ';' | sed "s/^/run $run: /; s/;/; /g"
done
printf '\n| query | p50 ms | p95 ms | calls |\n|---|---|---|---|\n'
latency 'recommend(:u::bigint, 10)' 'SELECT * FROM reco.recommend(:u::bigint, 10)'
latency 'score(:u::bigint, 1000::bigint)' 'SELECT reco.score(:u::bigint, 1000::bigint)'
latency 'explain(:u::bigint, 1000::bigint)' 'SELECT * FROM reco.explain(:u::bigint, 1000::bigint)'
latency 'similar_items(:u::bigint, 10)' 'SELECT * FROM reco.similar_items(:u::bigint, 10)'
