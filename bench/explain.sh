#!/bin/bash
# How good and how fast explanations are: the quality of those of sampled users, and the latency of explain() and what
# follows from it, for a user with 100 items and 64 factors.
#
#   bench/explain.sh FOLDER [users in the sample [seconds of each pgbench run]]
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"

# latency(label, query): one line of the table; :i in the query is the place of an item among the popular ones
latency()
{
	local dir
	dir=$(mktemp -d "$RECO_BUILD/bench/pgbench.XXXXXX")
	printf '\\set i random(1, %s)\n%s;\n' "$ITEMS" "$2" >"$dir/script.sql"
	(cd "$dir" && pgbench -n -M prepared -c 1 -T 2 -f script.sql >/dev/null 2>&1 &&
		awake pgbench -n -M prepared -c 1 -T "$SECONDS_EACH" -l -f script.sql >/dev/null 2>&1) || die "pgbench failed on: $2"
	awk '{ print $3 / 1000 }' "$dir"/pgbench_log.* | sort -n |
		awk -v label="$1" '{ v[NR] = $1 } END { printf "| %s | %.3f | %.3f | %d |\n", label, v[int((NR + 1) * 0.5)], v[int((NR + 1) * 0.95)], NR }'
	rm -rf "$dir"
}

begin "${1:-}"
SAMPLE=${2:-1000}
SECONDS_EACH=${3:-10}
printf 'Explanations on %s: %s\n\n' "$(basename "$FOLDER")" "$(machine)"
sql -c "SET client_min_messages = warning" -c "SELECT reco.create_recommender('bench', 'events', 'user_id', 'item_id')" >/dev/null
sql -c "CALL reco.refresh('bench')" >/dev/null 2>&1

printf '| metric | value | of | |\n|---|---|---|---|\n'
sql -At -F ' | ' -c "SELECT metric, CASE WHEN metric ~ 'residual' THEN to_char(value, '9.9EEEE') ELSE round(value::numeric, 3)::text END, n, replace(meaning, '|', chr(92) || '|')
	FROM reco.explanation_quality(users => $SAMPLE)" | sed 's/^/| /; s/$/ |/'

# A user of its own, -1, with 100 of the 500 most popular items.
sql -c "INSERT INTO events SELECT -1, item_id FROM (SELECT item_id FROM events GROUP BY item_id ORDER BY count(*) DESC, item_id LIMIT 500) i
	ORDER BY hashint8extended(item_id, 1) LIMIT 100" -c "VACUUM ANALYZE events" >/dev/null
ITEMS=$(sql -At -c "SELECT count(*) FROM (SELECT item_id FROM events GROUP BY item_id) i")
ITEMS=$((ITEMS < 1000 ? ITEMS : 1000))
# items by place, so that each one asked for is known
sql -c "CREATE TABLE place AS SELECT (row_number() OVER (ORDER BY count(*) DESC, item_id))::int AS i, item_id::bigint FROM events GROUP BY item_id" \
	-c "CREATE UNIQUE INDEX ON place (i) INCLUDE (item_id)" -c "VACUUM ANALYZE place"
printf '\n| query | p50 ms | p95 ms | calls |\n|---|---|---|---|\n'
item='(SELECT item_id FROM place WHERE i = :i)'
latency 'score()' "SELECT reco.score(-1::bigint, $item)"
latency 'explain()' "SELECT * FROM reco.explain(-1::bigint, $item)"
latency 'explain_check()' "SELECT * FROM reco.explain_check(-1::bigint, $item)"
latency 'counterfactual() of the best item' "SELECT * FROM reco.counterfactual(-1::bigint, (SELECT item_id FROM reco.recommend(-1::bigint, 1)))"
latency 'what_if(), one event more' "SELECT * FROM reco.what_if(-1::bigint, jsonb_build_array(jsonb_build_object('item', $item)))"
latency 'explain_svg()' "SELECT reco.explain_svg(-1::bigint, $item)"
