#!/bin/bash
# Hostile input for a while: random changes to the bytes of versions, to options and to filters, in a server; and libFuzzer on
# what needs no server. Not part of make check.
#
#   scripts/fuzz.sh [seconds] [seed]     each part takes that long, 600 and 1 unless given
#
# In the server the input is changed at random, not guided by coverage: bytes of tensors under digests that are right (so
# that they get beyond the check of digests), tensor tables, options and changes as jsonb, and filters. Every function is then called.
# What fails is a crash, an error of class XX but XX001 (data corrupted), a call that takes over ten seconds, and a score that is
# not finite. libFuzzer runs the programs of test/fuzz with the corpus beside them.
set -euo pipefail
# shellcheck source=scripts/cluster.sh
. "$(dirname "$0")/cluster.sh"

seconds=${1:-600}
seed=${2:-1}
with_extension fuzz "statement_timeout = 0" "log_min_messages = fatal"
failed=0

psql -X -q -v ON_ERROR_STOP=1 -o /dev/null -c 'SET client_min_messages = warning' -c 'CREATE EXTENSION reco' -f "$RECO_HOME/test/fuzz/fuzz.sql"
for part in tensors options filters; do
	echo "== $part"
	psql -X -q -A -t -v ON_ERROR_STOP=1 -c "SET client_min_messages = error" -c "CALL fuzz.$part($seconds, $seed)" || failed=$((failed + 1))
	psql -X -q -A -t -c "SELECT outcome || ': ' || sum(n) FROM fuzz.outcome WHERE part = '$part' GROUP BY outcome ORDER BY 1"
	if [[ $(psql -X -q -A -t -c "SELECT count(*) FROM fuzz.failure") != 0 ]]; then
		psql -X -q -c "SELECT * FROM fuzz.failure LIMIT 20"
		failed=$((failed + 1))
		psql -X -q -c "TRUNCATE fuzz.failure"
	fi
done
if grep -E 'PANIC:|was terminated by signal|TRAP: ' "$SERVER_LOG"; then failed=$((failed + 1)); fi
cluster_stop

if clang-14 -fsanitize=fuzzer -x c - -o /dev/null 2>/dev/null <<<'int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n); int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return (void) d, (void) n, 0; }'; then
	for harness in "$RECO_HOME"/test/fuzz/fuzz_*.c; do
		name=$(basename "$harness" .c)
		echo "== $name"
		mkdir -p "$RECO_BUILD/fuzz/$name"
		clang-14 -g -O1 -std=gnu11 -ffp-contract=off -DRK_NO_CLONES -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
			-I"$RECO_HOME/src" -o "$RECO_BUILD/fuzz/$name.program" "$harness" "$RECO_HOME"/src/kernel/{words,quantise,probe,topk,solve,csr,rng}.c -lm
		mkdir -p "$RECO_HOME/test/fuzz/corpus/$name"
		"$RECO_BUILD/fuzz/$name.program" -max_total_time="$seconds" -seed="$seed" -max_len=4096 -print_final_stats=1 \
			"$RECO_BUILD/fuzz/$name" "$RECO_HOME/test/fuzz/corpus/$name" >"$RECO_BUILD/fuzz/$name.log" 2>&1 || failed=$((failed + 1))
		grep -E 'stat::number_of_executed_units|SUMMARY|DONE' "$RECO_BUILD/fuzz/$name.log" || true
	done
else
	echo 'libFuzzer: not run, libclang-rt-14-dev is not installed'
fi
echo "$failed failed"
((failed == 0))
