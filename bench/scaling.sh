#!/bin/bash
# Seconds and memory of a refresh on generated interactions (bench/generate.sql), by phase: what bench/SCALING.md is fitted to.
#
#   bench/scaling.sh ["rows users items factors workers" ...]        -1 workers: as many as reco chooses
#
# A refresh does three sweeps, which it does not choose (SWEEPS=null: it does). The peak is the most that the learning process held at
# any moment beside shared_buffers: private memory, and the pages of the learning file that it had touched, less what it held when it
# began. It is sampled every 20 ms. Promised are 40 bytes an event and three times the factors of users and items.
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"

# peak(application, file): writes into file.kb, until the file is removed, how much its resident size without shared buffers has grown, in kB
peak()
{
	local pid most=0 now first=
	while [[ -e $2 ]]; do
		pid=$(sql -At -c "SELECT pid FROM pg_stat_activity WHERE application_name = '$1'")
		[[ -z $pid ]] || break
		sleep 0.02
	done
	while [[ -e $2 && -r /proc/$pid/status ]]; do
		now=$(awk '/^Rss(Anon|File):/ { s += $2 } END { print s + 0 }' "/proc/$pid/status" 2>/dev/null || echo 0)
		: "${first:=$now}"
		((now <= most)) || { most=$now; echo "$((most - first))" >"$2.kb"; }
		sleep 0.02
	done
}

# seconds(pattern): the number that a message of the refresh gives
seconds()
{
	sed -nE "s/.*$1.*/\1/p" "$RECO_BUILD/bench/scaling.log" | sort -g | awk '{ v[NR] = $1 } END { if (NR) print v[int((NR + 1) / 2)] }'
}

# shape(rows, users, items, factors, workers): one line
shape()
{
	local mark=$RECO_BUILD/bench/peak sampler
	if [[ "$1 $2 $3" != "${MADE:-}" ]]; then
		sql -c 'SET client_min_messages = warning' -c 'DROP TABLE IF EXISTS events' -c "SELECT reco.drop_recommender('bench', true)" >/dev/null
		sql -v rows="$1" -v users="$2" -v items="$3" -f "$RECO_HOME/bench/generate.sql" -c 'VACUUM ANALYZE events' >/dev/null
		sql -c 'SET client_min_messages = warning' -c "SELECT reco.create_recommender('bench', 'events', 'user_id', 'item_id')" >/dev/null
		MADE="$1 $2 $3"
	fi
	rm -f "$mark.kb"
	touch "$mark"
	peak scaling "$mark" &
	sampler=$!
	PGAPPNAME=scaling sql -c 'SET client_min_messages = debug1' -c "SET reco.learn_memory = '64GB'" -c "SET reco.workers = $5" -c 'SELECT pg_sleep(0.3)' \
		-c "CALL reco.refresh('bench', options => '{\"factors\": $4, \"iterations\": ${SWEEPS:-3}}')" >"$RECO_BUILD/bench/scaling.log" 2>&1 || die "$(cat "$RECO_BUILD/bench/scaling.log")"
	rm "$mark"
	wait "$sampler" || true
	local pairs users items kb=0
	IFS='|' read -r pairs users items <<<"$(sql -At -c "SELECT n_interactions, n_users, n_items FROM reco.models WHERE recommender = 'bench' ORDER BY version DESC LIMIT 1")"
	[[ ! -e $mark.kb ]] || kb=$(<"$mark.kb")
	printf '| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n' "$1" "$pairs" "$users" "$items" "$4" "$5" \
		"$(seconds 'read .* in ([0-9.]+) s')" "$(seconds 'learned in ([0-9.]+) s')" "$(seconds 'stored .* in ([0-9.]+) s')" \
		"$(seconds '"sweeps": ([0-9]+)')" "$(seconds 'learning sweep .* ([0-9.]+) s')" $((kb / 1024)) \
		"$(awk -v n="$1" -v u="$users" -v i="$items" -v d="$4" 'BEGIN { printf "%.0f", (40 * n + 3 * 4 * d * (u + i)) / 1048576 }')"
}

with_extension bench "shared_buffers = 1GB" "maintenance_work_mem = 64GB"
sql -c 'CREATE EXTENSION reco'
[[ $# -gt 0 ]] || set -- "1000000 20000 10000 64 -1" "6000000 53000 10000 64 0" "6000000 53000 10000 64 1" "6000000 53000 10000 64 2" \
	"6000000 53000 10000 128 1" "10000000 200000 50000 64 1"
printf 'Refreshes of generated interactions: %s\n\n' "$(machine)"
printf '| events | rows | users | items | factors | workers | read s | learn s | store s | sweeps | s a sweep | peak MB | promised MB |\n'
printf '|%s\n' "$(printf -- '---|%.0s' {1..13})"
for line in "$@"; do
	# shellcheck disable=SC2086
	shape $line
done
