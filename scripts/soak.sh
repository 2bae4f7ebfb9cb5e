#!/bin/bash
# Soak: two refreshes and eight readers at once, for some minutes, with events that come and go. Not part of make check.
#
#   scripts/soak.sh [seconds]     300 unless given
#
# Every reader takes a list in a transaction of its own snapshot, and the same list once more there with the version that its
# snapshot shows as deployed fetched again: both must be equal to the bit, of that version and of the events the snapshot
# sees, and in order. Any error but "is being refreshed" of the second refresh is a failure, and so is a file, a worker or a
# chunk that is left behind. The last line is "N lists, N refreshes, N failed".
set -euo pipefail
# shellcheck source=scripts/cluster.sh
. "$(dirname "$0")/cluster.sh"

seconds=${1:-300}
with_extension soak "max_connections = 60" "max_worker_processes = 12" "autovacuum_naptime = 1"
out=$RECO_BUILD/soak
psql -X -q -v ON_ERROR_STOP=1 <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION reco;
CREATE TABLE goods (id int PRIMARY KEY, title text);
INSERT INTO goods SELECT i, 'Good ' || i FROM generate_series(1, 500) i;
CREATE TABLE events (user_id int, item_id int, kind text);
INSERT INTO events SELECT u, 1 + (hashint8(u * 1000 + n) & 1023) % 500, (ARRAY['view','cart','purchase'])[1 + n % 3]
FROM generate_series(1, 2000) u, generate_series(1, 15) n;
CREATE INDEX ON events (user_id);
SELECT reco.create_recommender('one', 'events', 'user_id', 'item_id', event_column => 'kind', event_weights => '{"view": 1, "cart": 2, "purchase": 4}',
	items => 'goods', item_key => 'id', item_label => 'title', options => '{"factors": 16}');
SELECT reco.create_recommender('two', 'events', 'user_id', 'item_id', items => 'goods', item_key => 'id', options => '{"factors": 8}');
CALL reco.refresh('one');
CALL reco.refresh('two');
CREATE TABLE deployed AS SELECT name, deployed FROM reco.recommenders;
-- A snapshot sees one version; the lists it gives must be this version's, computed from the items' factors and the user's
-- rows that it sees: score() of each item must be the score in the list, and no item that is not listed may score more.
CREATE FUNCTION check_list(name text, u int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	version int := (SELECT deployed FROM reco.recommenders r WHERE r.name = check_list.name);
	list text;
	again text;
	wrong int;
	missed int;
BEGIN
	SELECT string_agg(l::text, ' ' ORDER BY rank) INTO list FROM reco.recommend(u, 10, name, options => '{"reason": false}') l;
	SELECT count(*) FILTER (WHERE l.score IS DISTINCT FROM reco.score(u, l.item_id::int, name)) INTO wrong FROM reco.recommend(u, 10, name) l WHERE l.source = 'history';
	SELECT count(*) INTO missed FROM (SELECT min(score) AS least FROM reco.recommend(u, 10, name) WHERE source = 'history') l, goods g
	WHERE g.id % 17 = u % 17 AND NOT EXISTS (SELECT FROM events e WHERE e.user_id = u AND e.item_id = g.id) AND reco.score(u, g.id, name) > l.least
		AND g.id NOT IN (SELECT item_id FROM reco.recommend(u, 10, name));
	SELECT string_agg(l::text, ' ' ORDER BY rank) INTO again FROM reco.recommend(u, 10, name, options => '{"reason": false}') l;
	IF list IS DISTINCT FROM again OR wrong > 0 OR missed > 0 OR list IS NULL
		OR version IS DISTINCT FROM (SELECT deployed FROM reco.recommenders r WHERE r.name = check_list.name) THEN
		RAISE EXCEPTION 'wrong list of user % by "%", version %: % wrong, % missed, % against %', u, name, version, wrong, missed, list, again;
	END IF;
	RETURN 'list ' || name || ' ' || version;
END $$;
SQL

# reader(number): lists until the time is over
reader()
{
	local end=$((SECONDS + seconds)) n=0
	while ((SECONDS < end)); do
		for ((i = 0; i < 20; i++)); do
			n=$((n + 1))
			echo "BEGIN ISOLATION LEVEL REPEATABLE READ;"
			echo "SELECT check_list((ARRAY['one','two'])[1 + ($1 + $n) % 2], 1 + ($1 * 7919 + $n * 31) % 2000);"
			echo "COMMIT;"
			if ((n % 5 == 0)); then
				echo "DELETE FROM events WHERE user_id = 1 + ($1 * 7919 + $n * 31) % 2000 AND item_id % 3 = 0;"
				echo "INSERT INTO events SELECT 1 + ($1 * 104729 + $n * 17) % 2000, 1 + ($n * 13 + i) % 500, 'cart' FROM generate_series(1, 5) i;"
			fi
		done | psql -X -q -A -t >>"$out/reader.$1" 2>&1
	done
}

# learner(number): refreshes of both, full and incremental, until the time is over
learner()
{
	local end=$((SECONDS + seconds)) n=0
	while ((SECONDS < end)); do
		n=$((n + 1))
		psql -X -q -A -t -c 'SET client_min_messages = warning' -c "SET reco.keep_versions = 2" \
			-c "CALL reco.refresh('$([[ $(((n + $1) % 2)) -eq 0 ]] && echo one || echo two)', '$([[ $((n % 3)) -eq 0 ]] && echo incremental || echo full)')" \
			-c "SELECT 'refreshed'" >>"$out/learner.$1" 2>&1 || true
	done
}

pids=()
for n in 1 2 3 4 5 6 7 8; do
	reader $n &
	pids+=($!)
done
for n in 1 2; do
	learner $n &
	pids+=($!)
done
wait "${pids[@]}"

lists=$(cat "$out"/reader.* | grep -c '^list ' || true)
refreshes=$(cat "$out"/learner.* | grep -c '^refreshed' || true)
failed=0
if grep -hE 'ERROR|FATAL|PANIC|server closed' "$out"/reader.* "$out"/learner.* | grep -v 'is being refreshed, redefined or dropped by another session' | sort | uniq -c; then
	failed=1
fi
left=$(psql -X -q -A -t -c "SELECT count(*) FROM reco.progress" \
	-c "SELECT count(*) FROM reco.chunk c WHERE NOT EXISTS (SELECT FROM reco.version_chunk v WHERE (v.recommender, v.digest) = (c.recommender, c.digest))" | sort -u)
[[ $left == 0 ]] || { echo "left behind: $left"; failed=$((failed + 1)); }
workers=$(ps --ppid "$(head -n 1 "$out/data/postmaster.pid")" -o args= | grep -c 'reco worker' || true)
[[ $workers == 0 ]] || { echo "workers left behind: $workers"; failed=$((failed + 1)); }
[[ -z $(find "$out/data/base/pgsql_tmp/pgsql_tmp_reco" \( -name 'area_*' -o -name 'progress_*' -o -name '*.tmp' \)) ]] || { echo 'files are left behind'; failed=$((failed + 1)); }
versions=$(cat "$out"/reader.* | grep '^list ' | sort -u | wc -l)
if grep -E 'PANIC:|was terminated by signal|TRAP: ' "$SERVER_LOG"; then failed=$((failed + 1)); fi
((lists > 0 && refreshes > 0)) || failed=$((failed + 1))
echo "$lists lists of $versions versions, $refreshes refreshes, $failed failed"
((failed == 0))
