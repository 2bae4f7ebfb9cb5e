#!/bin/bash
# Every algorithm with its default settings on the events of a folder, beside popularity and chance: what CALL reco.compare() finds on a
# random fifth of the pairs, and the latency of recommend().
#
#   bench/compare.sh FOLDER
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"

begin "${1:-}"
USERS=$(sql -At -c 'SELECT max(user_id) FROM events')
TYPE=$(sql -At -c "SELECT 'NULL::text, ' FROM pg_attribute WHERE attrelid = 'events'::regclass AND attname = 'item_id' AND atttypid = 'text'::regtype")
printf 'Algorithms on %s: %s\n\n' "$(basename "$FOLDER")" "$(machine)"
sql -c "SELECT reco.create_recommender('all', 'events', 'user_id', 'item_id')" >/dev/null
sql -c "SET client_min_messages = warning" -c "CALL reco.compare('all', options => '{\"k\": [20], \"resamples\": 0, \"sample_users\": 1}')"
printf '| algorithm | recall@20 | NDCG@20 | learning s | recommend p50 ms |\n|---|---|---|---|---|\n'
sql -At -F ' ' -c "SELECT split_part(model, ' ', 1), round(recall, 4), round(ndcg, 4), round(seconds, 2) FROM reco.comparison_report('all') WHERE recall IS NOT NULL" |
	while read -r algorithm recall ndcg seconds; do
		latency=
		if [[ $algorithm != popularity && $algorithm != random ]]; then
			sql -c "SELECT reco.create_recommender('one', 'events', 'user_id', 'item_id', algorithm => '$algorithm')" >/dev/null
			sql -c "SET client_min_messages = warning" -c "CALL reco.refresh('one')"
			latency=$(p50 one "$TYPE")
			sql -c "SELECT reco.drop_recommender('one')" >/dev/null
		fi
		printf '| %s | %s | %s | %s | %s |\n' "$algorithm" "$recall" "$ndcg" "$seconds" "$latency"
	done
