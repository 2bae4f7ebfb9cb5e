#!/bin/bash
# Random SQL by sqlsmith against a database with reco in it. Not part of make check; needs the package sqlsmith.
#
#   scripts/sqlsmith.sh [seconds] [seed]     600 and 1 unless given
#
# sqlsmith calls every function it finds, reco's with random arguments. Only a crash and an error of class XX are failures.
set -euo pipefail
# shellcheck source=scripts/cluster.sh
. "$(dirname "$0")/cluster.sh"

seconds=${1:-600}
command -v sqlsmith >/dev/null || apt-get install -y -q sqlsmith
with_extension sqlsmith "statement_timeout = '2s'" "log_error_verbosity = verbose" "log_min_error_statement = error" "restart_after_crash = on"
psql -X -q -v ON_ERROR_STOP=1 <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION reco;
CREATE TABLE goods (id bigint PRIMARY KEY, title text, price float8);
INSERT INTO goods SELECT i, 'Good ' || i, i FROM generate_series(1, 50) i;
CREATE TABLE events (user_id bigint, item_id bigint, kind text);
INSERT INTO events SELECT u, i, 'view' FROM generate_series(1, 60) u, generate_series(1, 50) i WHERE (u * 7 + i * 3) % 5 < 2;
CREATE INDEX ON events (user_id);
SELECT reco.create_recommender('smith', 'events', 'user_id', 'item_id', items => 'goods', item_key => 'id', item_label => 'title', options => '{"factors": 4, "iterations": 1}');
CALL reco.refresh('smith');
-- wrappers whose arguments fit, so that more calls get beyond the first check
CREATE FUNCTION lists(u bigint, k int) RETURNS SETOF bigint LANGUAGE sql AS $$ SELECT item_id FROM reco.recommend(1 + abs(u % 60), 1 + abs(k % 20), 'smith') $$;
CREATE FUNCTION scores(u bigint, i bigint) RETURNS float8 LANGUAGE sql AS $$ SELECT reco.score(1 + abs(u % 60), 1 + abs(i % 50), 'smith') $$;
CREATE FUNCTION reasons(u bigint, i bigint) RETURNS SETOF text LANGUAGE sql AS $$ SELECT reason FROM reco.explain(1 + abs(u % 60), 1 + abs(i % 50), 'smith') $$;
CREATE FUNCTION filtered(u bigint, f text) RETURNS SETOF bigint LANGUAGE sql AS $$ SELECT item_id FROM reco.recommend(u, 3, 'smith', filter => f) $$;
CREATE FUNCTION changed(u bigint, c jsonb) RETURNS SETOF bigint LANGUAGE sql AS $$ SELECT item_id FROM reco.what_if(u, c, 3, 'smith') $$;
CREATE ROLE smith LOGIN;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO smith;
GRANT pg_read_all_settings TO smith;
SQL
# as superuser it would stop the server or fill the disk by functions that are not ours
status=0
timeout --kill-after=10 "$((seconds + 30))" sqlsmith --target="host=$PGHOST port=$PGPORT user=smith dbname=postgres" --seed="${2:-1}" \
	--verbose --max-queries=100000000 >"$RECO_BUILD/sqlsmith/out" 2>"$RECO_BUILD/sqlsmith/err" &
smith=$!
sleep "$seconds"
kill "$smith" 2>/dev/null || status=1
wait "$smith" 2>/dev/null || true
calls=$(grep -cE "(ERROR|FATAL):  " "$SERVER_LOG" || true)
with_reco=$(grep -cE 'reco\.|public\.(lists|scores|reasons|filtered|changed)' "$SERVER_LOG" || true)
failed=0
if grep -E 'PANIC:|was terminated by signal|TRAP: ' "$SERVER_LOG"; then failed=1; fi
if grep -E '(ERROR|FATAL):  XX' "$SERVER_LOG" | sed -E 's/^.*(ERROR|FATAL)/\1/' | sort | uniq -c; then failed=1; fi
tail -n 3 "$RECO_BUILD/sqlsmith/err"
echo "$seconds s, $calls statements ended in an error, $with_reco lines of the log name functions of reco; $failed failed"
((failed == 0 && status == 0))
