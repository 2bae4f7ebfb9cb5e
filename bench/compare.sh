#!/bin/bash
# Every algorithm on the events of a folder, beside popularity and chance. A fifth of the pairs is put aside. On a split of the others
# CALL reco.compare() chooses among three settings of each algorithm, the defaults being one of them, measured on 3,000 users; the blend is
# of als, ease and graph with the settings chosen for each. Then CALL reco.compare() scores them all once on what was put aside. Last
# comes the latency of recommend() for users drawn at random.
#
#   bench/compare.sh FOLDER
#   PARTS="score latency" bench/compare.sh FOLDER  some parts of it alone, with the settings that an earlier run chose
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"

# choose_all: prints {"algorithm": options, ...}
choose_all()
{
	sql -At <<-'END'
		SET client_min_messages = warning;
		CREATE TABLE candidate (name text GENERATED ALWAYS AS (algorithm || ' ' || options) STORED, algorithm text, options jsonb);
		INSERT INTO candidate (algorithm, options) VALUES
			('als', '{}'), ('als', '{"factors": 256}'), ('als', '{"factors": 256, "nu": 1}'),
			('itemknn', '{}'), ('itemknn', '{"values": "binary"}'), ('itemknn', '{"values": "binary", "weighting": "tfidf", "asymmetry": 0.65, "shrinkage": 1}'),
			('userknn', '{}'), ('userknn', '{"values": "binary"}'), ('userknn', '{"values": "binary", "exponent": 1, "popularity": 0.6}'),
			('rp3beta', '{}'), ('rp3beta', '{"values": "binary"}'), ('rp3beta', '{"values": "binary", "alpha": 0.7, "beta": 0.1, "neighbours": 1000}'),
			('ease', '{}'), ('ease', '{"values": "binary"}'), ('ease', '{"values": "binary", "lambda": 400}'),
			('graph', '{}'), ('graph', '{"values": "binary"}'), ('graph', '{"values": "binary", "alpha": 0.7, "beta": 0.1, "low_pass": 0.5, "neighbours": 1000}');
		SELECT reco.create_recommender('choice', 'events', 'user_id', 'item_id') \g /dev/null
		SELECT format('CALL reco.compare(%L, %L, options => %L)', 'choice', jsonb_agg(jsonb_build_object('algorithm', algorithm, 'options', options, 'name', name)),
			'{"k": [20], "resamples": 0, "sample_users": 1, "seed": 1, "users": 3000}') FROM candidate \gexec
		WITH best AS (
			SELECT DISTINCT ON (c.algorithm) c.algorithm, c.options FROM candidate c JOIN reco.comparison_report('choice') r ON r.model = c.name
			ORDER BY c.algorithm, r.ndcg DESC, c.name
		)
		SELECT jsonb_object_agg(algorithm, options) || jsonb_build_object('blend', jsonb_build_object('members',
			jsonb_object_agg(algorithm, options) FILTER (WHERE algorithm IN ('als', 'ease', 'graph')))) FROM best;
	END
}

score_all()
{
	sql -v chosen="$1" <<-'END'
		SET client_min_messages = warning;
		SELECT reco.create_recommender('all', 'events', 'user_id', 'item_id') \g /dev/null
		SELECT format('CALL reco.compare(%L, %L, test => %L, options => %L)', 'all', jsonb_agg(jsonb_build_object('algorithm', key, 'options', value, 'name', key)),
			'test', '{"k": [20]}') FROM jsonb_each(:'chosen') \gexec
	END
	printf '| algorithm | settings | recall@20 | NDCG@20 | interval | behind the best | significant | coverage | AUC | learning s |\n|---|---|---|---|---|---|---|---|---|---|\n'
	sql -At -v chosen="$1" <<-'END'
		SELECT format('| %s | %s | %s | %s | %s to %s | %s | %s | %s | %s | %s |', CASE model WHEN 'als (all)' THEN 'als, defaults' ELSE model END, '`' || (:'chosen'::jsonb ->> model) || '`',
			recall, ndcg, low, high, difference, CASE WHEN significant THEN 'yes' WHEN NOT significant THEN 'no' END, coverage, auc, seconds) FROM reco.comparison_report('all');
	END
	sql -At -c "SELECT format('%s users, %s pairs put aside, %s learned from', e.users, (SELECT count(*) FROM test), (SELECT count(DISTINCT (user_id, item_id)) FROM events))
		FROM reco.evaluations e WHERE e.metric = 'ndcg' AND user_group = 'all' LIMIT 1"
}

latencies()
{
	local algorithm learned
	printf '\n| algorithm | learned in, s | recommend(user, 10) with reasons, p50 ms |\n|---|---|---|\n'
	sql -At -F ' ' -v chosen="$1" <<<"SELECT key, value FROM jsonb_each(:'chosen')" | while read -r algorithm options; do
		sql -c "SELECT reco.create_recommender('one', 'events', 'user_id', 'item_id', algorithm => '$algorithm', options => '$options')" >/dev/null
		learned=$(sql -c "CALL reco.refresh('one')" 2>&1 | sed -n 's/.*learned in \(.*\) s$/\1/p')
		printf '| %s | %s | %s |\n' "$algorithm" "$learned" "$(p50 one "$TYPE")"
		sql -c "SELECT reco.drop_recommender('one')" >/dev/null
	done
}

begin "${1:-}"
# users are numbered from 0, so that p50() asks for users that exist
sql <<-'END'
	ALTER TABLE events RENAME TO every_event;
	CREATE TABLE events AS SELECT (dense_rank() OVER (ORDER BY user_id) - 1)::int AS user_id, item_id FROM every_event;
	CREATE TABLE test AS SELECT DISTINCT user_id, item_id FROM events WHERE hashtextextended(user_id || '/' || item_id, 1) & 1023 < 205;
	DELETE FROM events e USING test t WHERE e.user_id = t.user_id AND e.item_id = t.item_id;
	CREATE INDEX ON events (user_id);
	VACUUM ANALYZE events;
END
USERS=$(sql -At -c 'SELECT max(user_id) FROM events')
TYPE=$(sql -At -c "SELECT 'NULL::text, ' FROM pg_attribute WHERE attrelid = 'events'::regclass AND attname = 'item_id' AND atttypid = 'text'::regtype")
printf 'Algorithms on %s: %s\n\n' "$(basename "$FOLDER")" "$(machine)"
SETTINGS=$RECO_BUILD/settings-$(basename "$FOLDER").json
for part in ${PARTS:-choose score latency}; do
	case $part in
		choose) choose_all >"$SETTINGS" ;;
		score) score_all "$(cat "$SETTINGS")" ;;
		latency) latencies "$(cat "$SETTINGS")" ;;
		*) die "the parts are choose, score and latency" ;;
	esac
done
