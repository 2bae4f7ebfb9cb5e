#!/bin/bash
# Every algorithm on the files of a folder: settings are compared on a part of the training events (5,000 users), the best by
# NDCG@20 is then scored once, on test.csv where there is one, else on a random fifth with all users; learning time and the
# latency of recommend() go with it. Where there is a test.csv, whose pairs are then hardly drawn at random, the part is that of drift.sql,
# else it is another random fifth.
#
#   bench/models.sh FOLDER [algorithm ...]       default: all
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"

# Candidates: options of each algorithm.
declare -A GRID
GRID[als]='{"factors": 64}|{"factors": 256}|{"factors": 1024, "alpha0": 0.04, "lambda": 0.0019, "nu": 1, "iterations": 2}'
GRID[itemknn]='{"shrinkage": 30}|{"weighting": "tfidf"}|{"weighting": "bm25"}|{"asymmetry": 0.65, "shrinkage": 1}|{"asymmetry": 0.65, "shrinkage": 1, "weighting": "tfidf"}'
GRID[rp3beta]='{"alpha": 0.5, "beta": 0.2}|{"alpha": 0.5, "beta": 0.3}|{"alpha": 0.6, "beta": 0.3}|{"alpha": 0.7, "beta": 0.1, "neighbours": 1000}'
GRID[userknn]='{"exponent": 1, "popularity": 0.4}|{"exponent": 1, "popularity": 0.6}|{"exponent": 1.5, "popularity": 0.6}'
GRID[ease]='{"method": "local", "lambda": 50, "nearest": 400, "neighbours": 800}|{"method": "local", "lambda": 60, "nearest": 600, "neighbours": 1000}|{"method": "local", "lambda": 80, "nearest": 900, "neighbours": 1000}|{"method": "dense", "lambda": 200, "neighbours": 1000}'
GRID[graph]='{"alpha": 0.7, "beta": 0.1, "low_pass": 0.5, "factors": 448, "neighbours": 1000}|{"alpha": 0.7, "beta": 0.1, "low_pass": 0.8, "factors": 600, "neighbours": 1000}'
MEMBERS='"members": {"als": {"factors": 1024, "alpha0": 0.04, "lambda": 0.0019, "nu": 1, "iterations": 2}, "graph": {"alpha": 0.7, "beta": 0.1, "low_pass": 0.5, "factors": 448, "neighbours": 1000}, "ease": {"method": "local", "lambda": 50, "nearest": 200, "neighbours": 600}}'
GRID[blend]="{$MEMBERS}|{$MEMBERS, \"weights\": {\"als\": 1, \"graph\": 1, \"ease\": 1}}|{$MEMBERS, \"weights\": {\"als\": 1, \"graph\": 2, \"ease\": 1}}"
GRID[popular]='{}'

# measure(recommender, model options, arguments of evaluate, more options): recall@20 and ndcg@20 as two words
measure()
{
	sql -c "SET client_min_messages = warning" \
		-c "CALL reco.evaluate('$1', $3, options => '{\"k\": [20], \"resamples\": 0, $4 \"model\": $2}')"
	sql -At -F ' ' -c "SELECT recall, ndcg FROM reco.evaluation_report('$1') WHERE model = '$1' AND user_group = 'all' AND item_group = 'all' AND k = 20"
}

begin "${1:-}"
shift
# the inverse over 30,000 users and a blend of three
sql -c "ALTER DATABASE postgres SET reco.learn_memory = '8GB'"
[[ $# -gt 0 ]] || set -- popular itemknn userknn rp3beta ease graph als blend
HELD_OUT="split => 'random'" MORE='"fraction": 0.2, "seed": 2,'
CHOSEN_ON="split => 'random'" CHOSEN='"fraction": 0.2, "seed": 1,'
if load_pairs "$FOLDER" test; then
	HELD_OUT="test => 'test'" MORE=
	CHOSEN_ON="test => 'drift'" CHOSEN=
	sql -v taste=2.5 -v fashion=0.45 -v crowd=0.35 -v typical=150 -f "$(dirname "${BASH_SOURCE[0]}")/drift.sql"
fi
USERS=$(sql -At -c 'SELECT max(user_id) FROM events')
printf 'Models on %s: %s\n\n' "$(basename "$FOLDER")" "$(machine)"
printf '| algorithm | options | on | recall@20 | NDCG@20 | learning s | recommend p50 ms |\n|---|---|---|---|---|---|---|\n'
for algorithm in "$@"; do
	[[ -n ${GRID[$algorithm]:-} ]] || die "no settings are known for $algorithm"
	best='{}' best_ndcg=-1
	sql -c "SET client_min_messages = warning" \
		-c "SELECT reco.create_recommender('$algorithm', 'events', 'user_id', 'item_id', algorithm => '$algorithm')" >/dev/null
	IFS='|' read -ra candidates <<<"${GRID[$algorithm]}"
	[[ ${#candidates[@]} -gt 1 ]] || best=${candidates[0]}
	for candidate in "${candidates[@]}"; do
		[[ ${#candidates[@]} -gt 1 ]] || break
		read -r recall ndcg <<<"$(measure "$algorithm" "$candidate" "$CHOSEN_ON" "$CHOSEN \"users\": 5000,")"
		printf '| %s | `%s` | split | %.4f | %.4f | | |\n' "$algorithm" "$candidate" "$recall" "$ndcg"
		if awk "BEGIN { exit !($ndcg > $best_ndcg) }"; then
			best=$candidate best_ndcg=$ndcg
		fi
	done
	read -r recall ndcg <<<"$(measure "$algorithm" "$best" "$HELD_OUT" "$MORE")"
	learned=$(sql -c "CALL reco.refresh('$algorithm', options => '$best')" 2>&1 | sed -n 's/.*learned in \(.*\) s$/\1/p')
	printf '| **%s** | `%s` | %s | **%.4f** | **%.4f** | %s | %s |\n' "$algorithm" "$best" "${HELD_OUT%% =>*}" "$recall" "$ndcg" "$learned" "$(p50 "$algorithm")"
done
