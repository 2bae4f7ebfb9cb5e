#!/bin/bash
# What measuring many users costs: the popular list and its baseline, of 100,000 and of a million users with two generated items each to find,
# seconds and the most memory that the session ever had, pages shared with other processes included.
#
#   bench/evaluate.sh [users ...]
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"

with_extension bench "shared_buffers = 128MB"
sql -c 'CREATE EXTENSION reco'
printf 'Measuring many users: %s\n\n| users tested | s | peak MB |\n|---|---|---|\n' "$(machine)"
[[ $# -gt 0 ]] || set -- 100000 1000000
for users in "$@"; do
	sql -c "SET client_min_messages = warning" -c "CREATE TABLE pairs_$users AS SELECT u, (hashint4(u * 7 + g) & 1023) AS i FROM generate_series(1, $users) u, generate_series(1, 3) g" \
		-c "SELECT reco.create_recommender('pairs_$users', 'pairs_$users', 'u', 'i', algorithm => 'popular')" >/dev/null
	sql -At <<-END | awk '/^Time/ { s = $2 / 1000 } /^[0-9]+$/ { n = $1 } /^VmHWM/ { printf "| %d | %.1f | %d |\n", n, s, $2 / 1024 }'
		SET client_min_messages = warning;
		\timing on
		CALL reco.evaluate('pairs_$users', split => 'random', options => '{"fraction": 0.6, "k": 20, "sample_users": 100}');
		\timing off
		SELECT max(users) FROM reco.evaluations WHERE recommender = 'pairs_$users';
		SELECT pg_backend_pid() AS pid \gset
		\setenv pid :pid
		\! grep VmHWM /proc/\$pid/status
	END
done
