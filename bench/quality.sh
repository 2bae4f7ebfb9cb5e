#!/bin/bash
# Ranking quality on a published split. For each number of factors, settings are compared on two random splits of the
# training events (a fifth held out, as much as the published test file is); the best one by NDCG@20 is scored once on test.csv.
#
#   bench/quality.sh FOLDER [factors ...]        default: 64 256
#
# SPLIT=user holds back a fifth of each user's events, rounded up, as the published split of Gowalla does, in place of a fifth of all.
# SEEDS ("1 2"), CANDIDATES ("alpha0 lambda nu iterations|..."), USERS (a sample of that many; default all) and TEST=no, which leaves the
# test file alone, are for large numbers of factors, where a candidate takes half a minute.
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"

# Candidates: alpha0, lambda, nu, iterations
GRID=("0.015 0.003 1 2" "0.015 0.003 1 3" "0.015 0.003 1 5" "0.02 0.003 1 2" "0.02 0.003 1 3" "0.02 0.003 1 5" "0.02 0.002 1 3" "0.02 0.05 0.5 3")
[[ -z ${CANDIDATES:-} ]] || IFS='|' read -ra GRID <<<"$CANDIDATES"
SEEDS=${SEEDS:-1 2}

# measure(model options, arguments of evaluate, more options): recall@20 and ndcg@20 as two words
measure()
{
	sql -c "SET client_min_messages = warning" \
		-c "CALL reco.evaluate('bench', $2, options => '{\"k\": [20], \"resamples\": 100, $3 \"model\": $1}')"
	sql -At -F ' ' -c "SELECT recall, ndcg FROM reco.evaluation_report('bench') WHERE model NOT IN ('popularity', 'random') AND user_group = 'all' AND item_group = 'all' AND k = 20"
}

settings()
{
	local alpha0 lambda nu iterations
	read -r alpha0 lambda nu iterations <<<"$2"
	printf '{"factors": %s, "alpha0": %s, "lambda": %s, "nu": %s, "iterations": %s}' "$1" "$alpha0" "$lambda" "$nu" "$iterations"
}

# held_out(seed): arguments of evaluate and more options, as two lines, for a split of the events
held_out()
{
	if [[ ${SPLIT:-all} == user ]]; then
		printf "test => 'fifth_%s'\n\n" "$1"
	else
		printf "split => 'random'\n\"fraction\": 0.2, \"seed\": %s,\n" "$1"
	fi
}

# split_users: a table of a fifth of each user's events, for each seed
split_users()
{
	local seed
	for seed in $SEEDS; do
		sql -c "CREATE TABLE fifth_$seed AS SELECT user_id, item_id FROM (SELECT user_id, item_id, count(*) OVER (PARTITION BY user_id) AS n,
			row_number() OVER (PARTITION BY user_id ORDER BY hashint8extended(user_id::bigint << 32 | item_id, $seed)) AS place FROM events) e WHERE place <= ceil(0.2 * n)"
	done
}

begin "${1:-}"
shift
load_pairs "$FOLDER" test || die "there is no test.csv in $FOLDER"
sql -c "SET client_min_messages = warning" -c "SELECT reco.create_recommender('bench', 'events', 'user_id', 'item_id')" >/dev/null
printf 'Ranking quality on %s: %s\n\n' "$(basename "$FOLDER")" "$(machine)"
printf '| factors | alpha0, lambda, nu, iterations | on | recall@20 | NDCG@20 |\n|---|---|---|---|---|\n'
[[ ${SPLIT:-all} != user ]] || split_users
[[ $# -gt 0 ]] || set -- 64 256
for factors in "$@"; do
	best='' best_ndcg=0
	for candidate in "${GRID[@]}"; do
		read -r recall ndcg <<<"$(for seed in $SEEDS; do
			mapfile -t how <<<"$(held_out "$seed")"
			measure "$(settings "$factors" "$candidate")" "${how[0]}" "${how[1]:-} ${USERS:+\"users\": $USERS,}"
		done | awk '{ r += $1; n += $2 } END { printf "%.4f %.4f", r / NR, n / NR }')"
		printf '| %s | %s | split of events | %s | %s |\n' "$factors" "$candidate" "$recall" "$ndcg"
		if awk "BEGIN { exit !($ndcg > $best_ndcg) }"; then
			best=$candidate best_ndcg=$ndcg
		fi
	done
	[[ ${TEST:-yes} == yes ]] || continue
	read -r recall ndcg <<<"$(measure "$(settings "$factors" "$best")" "test => 'test'" "")"
	printf '| **%s** | **%s** | **test, once** | **%s** | **%s** |\n' "$factors" "$best" "$recall" "$ndcg"
done
