#!/bin/bash
# Ranking quality on a published split. For each number of factors, settings are compared on two random splits of the
# training events (a fifth held out, as much as the published test file is); the best one by NDCG@20 is scored once on test.csv.
#
#   bench/quality.sh FOLDER [factors ...]        default: 64 256
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"

# Candidates: alpha0, lambda, nu, iterations
GRID=("0.015 0.003 1 2" "0.015 0.003 1 3" "0.015 0.003 1 5" "0.02 0.003 1 2" "0.02 0.003 1 3" "0.02 0.003 1 5" "0.02 0.002 1 3" "0.02 0.05 0.5 3")

# measure(model options, arguments of evaluate, more options): recall@20 and ndcg@20 as two words
measure()
{
	sql -c "SET client_min_messages = warning" \
		-c "CALL reco.evaluate('bench', $2, options => '{\"k\": [20], \"resamples\": 100, $3 \"model\": $1}')"
	sql -At -F ' ' -c "SELECT recall, ndcg FROM reco.evaluation_report('bench') WHERE model NOT IN ('popularity', 'random') AND user_group = 'all' AND item_group = 'all'"
}

settings()
{
	local alpha0 lambda nu iterations
	read -r alpha0 lambda nu iterations <<<"$2"
	printf '{"factors": %s, "alpha0": %s, "lambda": %s, "nu": %s, "iterations": %s}' "$1" "$alpha0" "$lambda" "$nu" "$iterations"
}

begin "${1:-}"
shift
load_pairs "$FOLDER" test || die "there is no test.csv in $FOLDER"
sql -c "SET client_min_messages = warning" -c "SELECT reco.create_recommender('bench', 'events', 'user_id', 'item_id')" >/dev/null
printf 'Ranking quality on %s: %s\n\n' "$(basename "$FOLDER")" "$(machine)"
printf '| factors | alpha0, lambda, nu, iterations | on | recall@20 | NDCG@20 |\n|---|---|---|---|---|\n'
[[ $# -gt 0 ]] || set -- 64 256
for factors in "$@"; do
	best='' best_ndcg=0
	for candidate in "${GRID[@]}"; do
		read -r recall ndcg <<<"$(for seed in 1 2; do
			measure "$(settings "$factors" "$candidate")" "split => 'random'" "\"fraction\": 0.2, \"seed\": $seed,"
		done | awk '{ r += $1; n += $2 } END { printf "%.4f %.4f", r / NR, n / NR }')"
		printf '| %s | %s | split of events | %s | %s |\n' "$factors" "$candidate" "$recall" "$ndcg"
		if awk "BEGIN { exit !($ndcg > $best_ndcg) }"; then
			best=$candidate best_ndcg=$ndcg
		fi
	done
	read -r recall ndcg <<<"$(measure "$(settings "$factors" "$best")" "test => 'test'" "")"
	printf '| **%s** | **%s** | **test, once** | **%s** | **%s** |\n' "$factors" "$best" "$recall" "$ndcg"
done
