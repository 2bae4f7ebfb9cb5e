#!/bin/bash
# Seconds on the clock of learning with fixed settings: one worker beside the session, medians of the refreshes.
#
#   bench/sweeps.sh FOLDER ["factors alpha0 lambda nu iterations" ...]      default: the rows of bench/RESULTS.md
# REPEAT (3) refreshes each; WORKERS (1) beside the session.
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"

begin "${1:-}"
shift
[[ $# -gt 0 ]] || set -- "64 0.02 0.003 1 2" "128 0.02 0.003 1 2" "256 0.02 0.003 1 2" "1024 0.02 0.1 0.5 2"
LOG=$RECO_BUILD/bench/sweeps.log

# median(pattern): of what the parentheses of a sed pattern match in the messages of the refreshes
median()
{
	sed -nE "s/.*$1.*/\1/p" "$LOG" | sort -g | awk '{ v[NR] = $1 } END { if (NR) printf "%.3f", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2; else printf "-" }'
}

sql -c "SET client_min_messages = warning" -c "SELECT reco.create_recommender('bench', 'events', 'user_id', 'item_id')" >/dev/null
printf 'Learning on %s with %s worker(s): %s\n\n' "$(basename "$FOLDER")" "${WORKERS:-1}" "$(machine)"
printf '| factors | alpha0, lambda, nu | sweeps | read s | learn s | store s | s a sweep |\n|---|---|---|---|---|---|---|\n'
for line in "$@"; do
	read -r factors alpha0 lambda nu iterations <<<"$line"
	: >"$LOG"
	for ((run = 0; run < ${REPEAT:-3}; run++)); do
		sql -c "SET client_min_messages = debug1" -c "SET reco.workers = ${WORKERS:-1}" -c "CALL reco.refresh('bench', options => '{\"factors\": $factors,
			\"alpha0\": $alpha0, \"lambda\": $lambda, \"nu\": $nu, \"iterations\": $iterations}')" >>"$LOG" 2>&1 || die "$(cat "$LOG")"
	done
	printf '| %s | %s, %s, %s | %s | %s | %s | %s | %s |\n' "$factors" "$alpha0" "$lambda" "$nu" "$iterations" "$(median 'read .* in ([0-9.]+) s')" \
		"$(median 'learned in ([0-9.]+) s')" "$(median 'stored .* in ([0-9.]+) s')" "$(median 'learning sweep .* ([0-9.]+) s')"
done
