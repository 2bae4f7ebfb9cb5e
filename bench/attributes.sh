#!/bin/bash
# bench/attributes.sh FOLDER [ROUNDS] [SECONDS]: what 50 attributes cost. FOLDER holds events.csv (plain or .xz; bench/README.md). Prints Markdown.
#
# Items and users are given made-up columns, half of them numbers and half categories of 20 levels, which say nothing: three recommenders learn
# from the same events, without attributes, with 50 of the items, and with 25 of each side. Whole refreshes, then pgbench of recommend() on one connection for
# SECONDS, each in turn, ROUNDS times; the median round of each.
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# columns(prefix, n): SQL of n columns, numbers and categories in turn; names(prefix, n): their names as an array
columns()
{
	local c
	for ((c = 1; c <= $2; c++)); do
		if ((c % 2)); then
			printf ', (hashint8(id * 1000 + %d) & 1023) / 1024.0::float8 AS %s%d' "$c" "$1" "$c"
		else
			printf ", 'level' || (hashint8(id * 1000 + %d) & 1023) %% 20 AS %s%d" "$c" "$1" "$c"
		fi
	done
}

names()
{
	printf "'{"
	seq -s , -f "$1%g" 1 "$2" | tr -d '\n'
	printf "}'"
}

# one_refresh(recommender): seconds from the call to its end, and sweeps
one_refresh()
{
	sql -At -F ' ' <<-SQL
		SET client_min_messages = warning;
		SELECT clock_timestamp() AS began \\gset
		CALL reco.refresh('$1');
		SELECT extract(epoch FROM clock_timestamp() - :'began'), metrics->>'sweeps' FROM reco.models WHERE recommender = '$1' AND deployed;
	SQL
}

# one_latency(recommender): the median in milliseconds
one_latency()
{
	local dir
	dir=$(mktemp -d "$RECO_BUILD/bench/pgbench.XXXXXX")
	printf '\\set u random(0, %s)\nSELECT * FROM reco.recommend(:u::bigint, 10, '\''%s'\'');\n' "$LAST_USER" "$1" >"$dir/script.sql"
	(cd "$dir" && pgbench -n -M prepared -c 1 -T 1 -f script.sql >/dev/null 2>&1 &&
		awake pgbench -n -M prepared -c 1 -T "$SECONDS_EACH" -l -f script.sql >/dev/null 2>&1) || die "pgbench failed"
	awk '{ print $3 / 1000 }' "$dir"/pgbench_log.* | sort -n | awk '{ v[NR] = $1 } END { printf "%.3f\n", v[int((NR + 1) / 2)] }'
	rm -rf "$dir"
}

# median(column, file)
median()
{
	cut -d ' ' -f "$1" "$2" | sort -n | awk '{ v[NR] = $1 } END { printf "%.3f", v[int((NR + 1) / 2)] }'
}

begin "${1:-}"
ROUNDS=${2:-5}
SECONDS_EACH=${3:-4}
LAST_USER=$(sql -At -c 'SELECT max(user_id) FROM events')
sql <<-SQL
	CREATE TABLE items AS SELECT id $(columns f 50) FROM (SELECT DISTINCT item_id AS id FROM events) i;
	CREATE TABLE users AS SELECT id $(columns g 25) FROM (SELECT DISTINCT user_id AS id FROM events) u;
	ALTER TABLE items ADD PRIMARY KEY (id);
	ALTER TABLE users ADD PRIMARY KEY (id);
	VACUUM ANALYZE;
	SELECT reco.create_recommender('without', 'events', 'user_id', 'item_id', items => 'items', item_key => 'id') \\g /dev/null
	SELECT reco.create_recommender('items', 'events', 'user_id', 'item_id', items => 'items', item_key => 'id', item_features => $(names f 50)) \\g /dev/null
	SELECT reco.create_recommender('both', 'events', 'user_id', 'item_id', items => 'items', item_key => 'id', item_features => $(names f 25),
		users => 'users', user_key => 'id', user_features => $(names g 25)) \\g /dev/null
SQL
scratch=$(mktemp -d "$RECO_BUILD/bench/attributes.XXXXXX")
for ((round = 1; round <= ROUNDS; round++)); do
	for one in without items both; do one_refresh "$one" >>"$scratch/refresh.$one"; done
done
for ((round = 1; round <= ROUNDS; round++)); do
	for one in without items both; do one_latency "$one" >>"$scratch/latency.$one"; done
done
printf '%s: %s\n\n| attributes | refresh s | of that without | sweeps | recommend() p50 ms | of that without |\n|---|---|---|---|---|---|\n' "$(basename "$FOLDER")" "$(machine)"
for one in without items both; do
	refresh=$(median 1 "$scratch/refresh.$one")
	latency=$(median 1 "$scratch/latency.$one")
	printf '| %s | %s | %s | %s | %s | %s |\n' "$one" "$refresh" "$(awk "BEGIN { printf \"%.2f\", $refresh / $(median 1 "$scratch/refresh.without") }")" \
		"$(cut -d ' ' -f 2 "$scratch/refresh.$one" | sort -nu | paste -sd /)" "$latency" "$(awk "BEGIN { printf \"%.2f\", $latency / $(median 1 "$scratch/latency.without") }")"
done
rm -rf "$scratch"
