#!/bin/bash
# How long a call goes on after it has been told to stop: statement_timeout at moments spread over the whole call, for every
# algorithm and every call that takes long. Prints the median and the greatest delay in milliseconds, and how far into the
# call the greatest one was.
#
#   bench/cancel.sh [events] [moments] [call ...]     1000000 and 20 unless given; all calls unless some are named
#
# A statement_timeout and a cancellation end a call in the same way, so one stands for both. The delay is the time on the
# client's clock beyond the timeout, rolling back included.
set -euo pipefail
# shellcheck source=scripts/cluster.sh
. "$(dirname "$0")/../scripts/cluster.sh"

events=${1:-1000000}
moments=${2:-20}
shift $(($# > 2 ? 2 : $#))
wanted=" $* "
with_extension cancel "shared_buffers = '256MB'" "client_min_messages = error" "log_min_messages = fatal" "max_worker_processes = 16"

psql -X -q -v ON_ERROR_STOP=1 -v events="$events" <<'SQL'
CREATE EXTENSION reco;
CREATE TABLE goods AS SELECT i AS id, 'Thing ' || i AS title, 'colour ' || i % 12 AS colour, i % 500 + 0.5 AS price,
	(SELECT string_agg('word' || (hashint8extended(i * 31 + w, 1) & 2047), ' ') FROM generate_series(1, 30) w) AS blurb FROM generate_series(1, 8000) i;
ALTER TABLE goods ADD PRIMARY KEY (id);
CREATE TABLE people AS SELECT u AS id, 'region ' || u % 30 AS region FROM generate_series(1, :events / 20) u;
ALTER TABLE people ADD PRIMARY KEY (id);
-- everybody likes a fiftieth of the goods, and half of what they take is what everybody takes
CREATE TABLE events AS SELECT 1 + n / 20 AS user_id, CASE WHEN h & 1 = 0 THEN 1 + (h >> 1) % 160 * 50 + (n / 20) % 50
	ELSE 1 + ((8000 * ((h >> 1) % 65536 / 65536.0) ^ 3)::int) % 8000 END AS item_id, timestamptz '2024-01-01 00:00+00' + (h % 10000000) * interval '1 second' AS at
FROM generate_series(0, :events - 1) n, LATERAL (SELECT abs(hashint8extended(n, 1) % 1000000007) AS h) x;
CREATE INDEX ON events (user_id);
CREATE TABLE lists (user_id int, item_id int, rank int, score float8);
ANALYZE;
SELECT reco.create_recommender('als', 'events', 'user_id', 'item_id', time_column => 'at', items => 'goods', item_key => 'id', item_label => 'title',
	item_features => '{colour,price,blurb}', users => 'people', user_key => 'id', user_features => '{region}',
	options => '{"features": {"blurb": {"text": true}, "price": {"bands": 5}}}') \g /dev/null
SELECT reco.create_recommender(a, 'events', 'user_id', 'item_id', time_column => 'at', items => 'goods', item_key => 'id', item_label => 'title', algorithm => a, options => o::jsonb)
FROM (VALUES ('itemknn', '{}'), ('userknn', '{}'), ('rp3beta', '{}'), ('ease', '{}'), ('graph', '{}'), ('popular', '{}'), ('recent', '{}'),
	('blend', '{"members": {"als": {}, "itemknn": {}}}')) t(a, o) \g /dev/null
CALL reco.refresh('als');
SQL

# run(milliseconds, call): how long the call took with this statement_timeout, in milliseconds; 0: none. @ in the call is another
# number each time: a search with the same seed would find the trials of the one before.
run()
{
	psql -X -q -A -t <<-END 2>/dev/null | sed -nE 's/^Time: ([0-9.]+) ms.*/\1/p' | tail -n 1
		SET client_min_messages = fatal;
		SET reco.workers = 1;
		\o /dev/null
		SET statement_timeout = $1;
		\timing on
		${2//@/$RANDOM};
	END
}

echo '| call | takes, s | moments | median delay, ms | greatest delay, ms | at, s |'
echo '|---|---|---|---|---|---|'
while IFS='|' read -r name call; do
	[[ -n $name ]] || continue
	[[ $wanted == '  ' || $wanted == *" $name "* ]] || continue
	whole=$(run 0 "$call")
	for ((i = 1; i <= moments; i++)); do
		at=$(awk -v w="$whole" -v i="$i" -v n="$moments" 'BEGIN { t = int(w * (i - 0.5) / n); print t < 1 ? 1 : t }')
		took=$(run "$at" "$call")
		awk -v t="$took" -v a="$at" 'BEGIN { printf "%.1f %.3f\n", t - a, a / 1000 }'
	done | sort -n | awk -v name="$name" -v whole="$whole" '
		{ delay[NR] = $1; at[NR] = $2 }
		END { printf "| %s | %.2f | %d | %.1f | %.1f | %.2f |\n", name, whole / 1000, NR, delay[int((NR + 1) / 2)], delay[NR], at[NR] }'
done <<'CALLS'
refresh-als|CALL reco.refresh('als')
refresh-calibrated|CALL reco.refresh('als', options => '{"calibrate": true}')
refresh-gated|CALL reco.refresh('als', gate => true)
refresh-incremental|CALL reco.refresh('als', 'incremental')
refresh-itemknn|CALL reco.refresh('itemknn')
refresh-userknn|CALL reco.refresh('userknn')
refresh-rp3beta|CALL reco.refresh('rp3beta')
refresh-ease|CALL reco.refresh('ease')
refresh-graph|CALL reco.refresh('graph')
refresh-blend|CALL reco.refresh('blend')
refresh-popular|CALL reco.refresh('popular')
refresh-recent|CALL reco.refresh('recent')
evaluate|CALL reco.evaluate('als', options => '{"users": 5000}')
compare|CALL reco.compare('als', models => '[{"algorithm": "itemknn"}]', options => '{"users": 5000}')
tune|CALL reco.tune('als', budget => '20 seconds', options => '{"trials": 4, "seed": @}')
learning_curve|CALL reco.learning_curve('als', options => '{"users": 5000}')
check_data|SELECT * FROM reco.check_data('als')
recommend_all|SELECT count(*) FROM reco.recommend_all('als', 10)
recommend_into|CALL reco.recommend_into('als', 'lists', 10, options => '{"replace": true}')
reason_report|SELECT * FROM reco.reason_report('als', 500)
explanation_quality|SELECT * FROM reco.explanation_quality('als', 100)
verify|SELECT * FROM reco.verify('als')
candidates|SELECT * FROM reco.recommend(17, 10, 'als', candidates => (SELECT array_agg(i) FROM generate_series(1, 2000000) i))
promoted|SELECT * FROM reco.recommend(17, 10, 'als', options => (SELECT jsonb_build_object('promoted', jsonb_agg(i)) FROM generate_series(1, 500000) i))
facts|SELECT reco.reason_accept('because you bought it', jsonb_set(reco.reason_prompt(1, 51, 'als'), '{item,name}', to_jsonb(repeat('thing ', 3000000))))
wording|SELECT reco.set_reason_template('history', 'en', repeat('{clauses} ', 500000), 5, weight => 0)
CALLS
