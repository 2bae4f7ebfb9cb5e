#!/bin/bash
# Ranking quality on a published split. For each number of factors, settings are compared on a random tenth of the training
# events; the best one is scored once on test.csv.
#
#   bench/quality.sh FOLDER [factors ...]        default: 64 256
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"

# Candidates: alpha0, lambda, nu
GRID=("0.02 0.003 1" "0.01 0.003 1" "0.01 0.002 1" "0.005 0.003 1" "0.01 0.03 0.5" "0.005 0.03 0.5" "0.01 0.1 0.5")

# measure(model options, arguments of evaluate): recall@20 and ndcg@20 as two words
measure()
{
	sql -c "SET client_min_messages = warning" \
		-c "CALL reco.evaluate('bench', $2, options => '{\"k\": [20], \"resamples\": 200, \"fraction\": 0.1, \"model\": $1}')"
	sql -At -F ' ' -c "SELECT recall, ndcg FROM reco.evaluation_report('bench') WHERE model <> 'popularity' AND user_group = 'all'"
}

settings()
{
	local alpha0 lambda nu
	read -r alpha0 lambda nu <<<"$2"
	printf '{"factors": %s, "alpha0": %s, "lambda": %s, "nu": %s}' "$1" "$alpha0" "$lambda" "$nu"
}

begin "${1:-}"
shift
load_pairs "$FOLDER" test || die "there is no test.csv in $FOLDER"
sql -c "SET client_min_messages = warning" -c "SELECT reco.create_recommender('bench', 'events', 'user_id', 'item_id')" >/dev/null
printf 'Ranking quality on %s: %s\n\n' "$(basename "$FOLDER")" "$(machine)"
printf '| factors | alpha0, lambda, nu | on | recall@20 | NDCG@20 |\n|---|---|---|---|---|\n'
[[ $# -gt 0 ]] || set -- 64 256
for factors in "$@"; do
	best= best_ndcg=0
	for candidate in "${GRID[@]}"; do
		read -r recall ndcg <<<"$(measure "$(settings "$factors" "$candidate")" "split => 'random'")"
		printf '| %s | %s | split of events | %s | %s |\n' "$factors" "$candidate" "$recall" "$ndcg"
		if awk "BEGIN { exit !($ndcg > $best_ndcg) }"; then
			best=$candidate best_ndcg=$ndcg
		fi
	done
	read -r recall ndcg <<<"$(measure "$(settings "$factors" "$best")" "test => 'test'")"
	printf '| **%s** | **%s** | **test, once** | **%s** | **%s** |\n' "$factors" "$best" "$recall" "$ndcg"
done
