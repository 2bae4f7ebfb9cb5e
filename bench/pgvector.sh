#!/bin/bash
# recommend() beside the same factors in pgvector: exact scan and HNSW index, alternating in one run.
#
#   bench/pgvector.sh [FOLDER] [seconds of each pgbench run] [items of the large model] [rounds]
#
# pgvector's tables are made on the throwaway server where it has that extension, else on the server that PGVECTOR names
# ("host=... port=... user=..."), in a database of their own which is dropped at the end. Vectors of users are computed before and
# stored: that is what pgvector searches with. One client; every figure is the median of the rounds' medians.
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=bench/synthetic.sh
. "$(dirname "$0")/synthetic.sh"

# vector_sql(arguments): psql on the server with pgvector
vector_sql()
{
	psql -X -q -v ON_ERROR_STOP=1 "$VECTORS" "$@"
}

# p50(query, [connection], [setting]): median milliseconds of one pgbench run; :u is a user
p50()
{
	local dir
	dir=$(mktemp -d "$RECO_BUILD/bench/pgbench.XXXXXX")
	printf '\\set u random(0, 999)\n%s;\n' "$1" >"$dir/script.sql"
	(cd "$dir" && PGOPTIONS="${3:-}" awake pgbench -n -M prepared -c 1 -T "$SECONDS_EACH" -l -f script.sql "${2:-}" >/dev/null 2>&1) || die "pgbench failed on: $1"
	awk '{ print $3 / 1000 }' "$dir"/pgbench_log* | sort -n | awk '{ v[NR] = $1 } END { printf "%.3f\n", v[int((NR + 1) / 2)] }'
	rm -rf "$dir"
}

# median(numbers by line)
median()
{
	sort -n | awk '{ v[NR] = $1 } END { printf "%.3f", v[int((NR + 1) / 2)] }'
}

# export_factors: items and the vectors of users 0 to 999 of the deployed version, into pgvector's tables
export_factors()
{
	vector_sql -c 'SET client_min_messages = warning' -c 'DROP TABLE IF EXISTS vectors, queries' -c "CREATE TABLE vectors (id int, v vector($COLUMNS))" -c "CREATE TABLE queries (u int PRIMARY KEY, q vector($COLUMNS))"
	sql -c "COPY (SELECT i, '[' || array_to_string(e, ',') || ']' FROM (SELECT i, reco.item_embedding(i::bigint, 'bench') AS e
		FROM generate_series(0, $1 - 1) i OFFSET 0) x WHERE e IS NOT NULL) TO STDOUT" | vector_sql -c 'COPY vectors FROM STDIN'
	sql -c "COPY (SELECT u, '[' || array_to_string(reco.user_embedding(u::bigint, 'bench'), ',') || ']' FROM generate_series(0, 999) u) TO STDOUT" |
		vector_sql -c 'COPY queries FROM STDIN'
	vector_sql -c 'VACUUM ANALYZE vectors, queries'
}

# recall: the share of the exact ten nearest that the index finds, over 100 users
recall()
{
	local nearest="SELECT id FROM vectors ORDER BY v <#> q.q LIMIT 10"
	vector_sql -At -c 'SET hnsw.ef_search = 100' -c "CREATE TEMP TABLE found AS SELECT u, l.id FROM queries q, LATERAL ($nearest) l WHERE u < 100" \
		-c 'SET enable_indexscan = off' -c "SELECT round(100.0 * count(f.id) / count(*), 1) FROM queries q CROSS JOIN LATERAL ($nearest) e LEFT JOIN found f ON f.u = q.u AND f.id = e.id WHERE q.u < 100"
}

# compare(label, items): one line of the table
compare()
{
	local round built exact='' hnsw='' lists='' reasons=''
	export_factors "$2"
	for ((round = 0; round < ROUNDS; round++)); do
		exact+=$(p50 "$NEAREST" "$VECTORS")$'\n'
		lists+=$(p50 "SELECT * FROM reco.recommend(:u::bigint, 10, 'bench', options => '{\"reason\": false}')")$'\n'
	done
	built=$(vector_sql -c '\timing on' -c 'CREATE INDEX ON vectors USING hnsw (v vector_ip_ops)' | sed -n 's/^Time: \([0-9]*\).*/\1/p')
	for ((round = 0; round < ROUNDS; round++)); do
		hnsw+=$(p50 "$NEAREST" "$VECTORS" '-c hnsw.ef_search=100')$'\n'
		lists+=$(p50 "SELECT * FROM reco.recommend(:u::bigint, 10, 'bench', options => '{\"reason\": false}')")$'\n'
		reasons+=$(p50 "SELECT * FROM reco.recommend(:u::bigint, 10, 'bench')")$'\n'
	done
	printf '| %s | %s | %s | %s %% | %s | %s | %s |\n' "$1" "$(printf %s "$exact" | median)" "$(printf %s "$hnsw" | median)" "$(recall)" \
		"$((built / 1000))" "$(printf %s "$lists" | median)" "$(printf %s "$reasons" | median)"
}

# at_end: called by the end of the script, whatever it was
at_end()
{
	[[ -z ${PGVECTOR:-} ]] || psql -X -q "$PGVECTOR dbname=postgres" -c 'DROP DATABASE IF EXISTS reco_pgvector' || true
}

SECONDS_EACH=${2:-5}
ITEMS=${3:-1000000}
ROUNDS=${4:-3}
with_extension bench "shared_buffers = 1GB" "maintenance_work_mem = 1GB" "max_parallel_workers_per_gather = 0"
sql -c 'CREATE EXTENSION reco'
if [[ -n ${1:-} ]]; then
	load_pairs "$1" events || die "there is no events.csv in $1"
else
	sql -c "CREATE TABLE events AS SELECT DISTINCT u AS user_id, (u % 60 + 60 * floor(683 * power(random(), 3)))::int AS item_id
		FROM generate_series(0, 29999) u, generate_series(1, 27)"
fi
sql -c 'CREATE INDEX ON events (user_id)' -c 'VACUUM ANALYZE events' -c "SET client_min_messages = warning" \
	-c "SELECT reco.create_recommender('bench', 'events', 'user_id', 'item_id')" -c "CALL reco.refresh('bench')" >/dev/null
if [[ -n ${PGVECTOR:-} ]]; then
	psql -X -q "$PGVECTOR dbname=postgres" -c 'SET client_min_messages = warning' -c 'DROP DATABASE IF EXISTS reco_pgvector' -c 'CREATE DATABASE reco_pgvector' || die "cannot use the server that PGVECTOR names"
	VECTORS="$PGVECTOR dbname=reco_pgvector"
else
	[[ -n $(sql -At -c "SELECT 1 FROM pg_available_extensions WHERE name = 'vector'") ]] || die "no pgvector here: install it, or name a server in PGVECTOR"
	VECTORS="dbname=$(sql -At -c 'SELECT current_database()')"
fi
vector_sql -c 'CREATE EXTENSION vector'
COLUMNS=$(sql -At -c "SELECT options ->> 'factors' FROM reco.models WHERE recommender = 'bench' AND deployed")
NEAREST='SELECT id FROM vectors ORDER BY v <#> (SELECT q FROM queries WHERE u = :u) LIMIT 10'
printf 'recommend() and pgvector %s (PostgreSQL %s), one client, warm, milliseconds at the median: %s\n\n' \
	"$(vector_sql -At -c "SELECT extversion FROM pg_extension WHERE extname = 'vector'")" "$(vector_sql -At -c 'SHOW server_version' | cut -d' ' -f1)" "$(machine)"
printf '| items x %s factors | pgvector, exact scan | HNSW, ef_search = 100 | its recall@10 | its build, s | recommend(user, 10), no reasons | with reasons |\n|---|---|---|---|---|---|---|\n' "$COLUMNS"
LEARNED=$(sql -At -c "SELECT max(item_id) + 1 FROM events")
compare "$(sql -At -c "SELECT n_items FROM reco.models WHERE deployed") (learned)" "$LEARNED"
synthetic_build
synthetic_install bench bootstrap "$ITEMS" 2 >/dev/null
compare "$ITEMS (bootstrap)" "$ITEMS"
