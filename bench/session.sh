#!/bin/bash
# Memory of one session that makes many calls of many kinds: recommend, explain, similar_items and what_if in turn, and after each tenth
# of them an evaluation and a refresh. Prints what the memory contexts of the session hold, and its anonymous resident memory, by tenths.
#
#   bench/session.sh [CALLS]                       100000 unless given
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"

calls=${1:-100000}
with_extension bench "shared_buffers = 128MB"
sql <<-'END'
	CREATE EXTENSION reco;
	CREATE TABLE goods AS SELECT i AS id, 'Thing ' || i AS title, 'colour ' || i % 12 AS colour FROM generate_series(1, 500) i;
	ALTER TABLE goods ADD PRIMARY KEY (id);
	CREATE TABLE events AS SELECT u AS user_id, 1 + abs(hashint4(u * 31 + g)) % (100 + u % 5 * 100) AS item_id FROM generate_series(1, 1000) u, generate_series(1, 20) g;
	CREATE INDEX ON events (user_id);
	ANALYZE;
	SELECT reco.create_recommender('shop', 'events', 'user_id', 'item_id', items => 'goods', item_key => 'id', item_label => 'title', item_features => '{colour}', options => '{"factors": 16}') \g /dev/null
	SET client_min_messages = warning;
	CALL reco.refresh('shop');
END
printf 'One session: %s\n\n| calls | memory contexts, MB | resident, MB |\n|---|---|---|\n' "$(machine)"
{
	printf 'SET client_min_messages = warning; SELECT pg_backend_pid() AS pid \\gset\n'
	for ((tenth = 1; tenth <= 10; tenth++)); do
		awk -v n="$((calls / 10))" -v s="$tenth" 'BEGIN { srand(s); for (i = 0; i < n; i++) { u = 1 + int(rand() * 1000); k = 1 + int(rand() * 500)
			if (i % 4 == 0) printf "SELECT count(*) FROM reco.recommend(%d, 10) \\g /dev/null\n", u
			if (i % 4 == 1) printf "SELECT count(*) FROM reco.explain(%d, %d) \\g /dev/null\n", u, k
			if (i % 4 == 2) printf "SELECT count(*) FROM reco.similar_items(%d, 10) \\g /dev/null\n", k
			if (i % 4 == 3) printf "SELECT count(*) FROM reco.what_if(%d, '\''[{\"item\": %d}]'\''::jsonb, 5) \\g /dev/null\n", u, k } }'
		printf "CALL reco.evaluate('shop', options => '{\"k\": [10], \"resamples\": 20}');\nCALL reco.refresh('shop');\n"
		printf "SELECT count(*) FROM reco.recommend(1, 10) \\\\g /dev/null\n"
		printf "SELECT round(sum(total_bytes) / 1e6, 2) AS mb FROM pg_backend_memory_contexts \\\\gset\n"
		printf "\\\\setenv PID :pid\n\\\\setenv MB :mb\n"
		printf "\\\\! echo \"| %d | \$MB | \$(awk '/RssAnon/ { printf \"%%.1f\", \$2 / 1000 }' /proc/\$PID/status) |\"\n" $((calls * tenth / 10))
	done
} | sql
