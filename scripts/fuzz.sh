#!/bin/bash
# Hostile input for a while. Not part of make check.
#
#   scripts/fuzz.sh [seconds] [seed] [part ...]     each part takes that long, 600 and 1 and all parts unless given
#
# The parts random-tensors, random-options and random-filters change input at random in a server: bytes of tensors under digests
# that are right (so that they get beyond the check of digests), tensor tables, options and changes as jsonb, and filters. Every
# function is then called. What fails is a crash, an error of class XX but XX001 (data corrupted), a call that takes over ten
# seconds, and a score that is not finite.
#
# The parts encoder, tensors, tensors-blend, cache, options and filter are libFuzzer inside a backend (test/fuzz/server.c): guided by
# the coverage of reco's code, which is built with UBSan. The part words is libFuzzer on the tokeniser, which needs no server, with
# ASAN and UBSan. Corpora are beside them in test/fuzz/corpus.
set -euo pipefail
# shellcheck source=scripts/cluster.sh
. "$(dirname "$0")/cluster.sh"

seconds=${1:-600}
seed=${2:-1}
shift $(($# > 2 ? 2 : $#))
wanted=" $* "
failed=0

# wants(part): whether it was asked for
wants()
{
	[[ $wanted == '  ' || $wanted == *" $1 "* ]]
}

# crashes: what the server's log says of its end
crashes()
{
	if grep -aE 'PANIC:|was terminated by signal|TRAP: |error of class XX' "$SERVER_LOG"; then failed=$((failed + 1)); fi
}

# start(name): a server with something to serve
start()
{
	cluster_start "$1" "statement_timeout = 0" "log_min_messages = log" "restart_after_crash = on"
	psql -X -q -v ON_ERROR_STOP=1 -o /dev/null -c 'SET client_min_messages = warning' -c 'CREATE EXTENSION reco' -f "$RECO_HOME/test/fuzz/fuzz.sql"
}

"$RECO_HOME/scripts/packages.sh"
session_begin
tree_install

start fuzz
for part in tensors options filters; do
	wants "random-$part" || continue
	echo "== random-$part"
	psql -X -q -A -t -v ON_ERROR_STOP=1 -c "SET client_min_messages = error" -c "CALL fuzz.$part($seconds, $seed)" || failed=$((failed + 1))
	psql -X -q -A -t -c "SELECT outcome || ': ' || sum(n) FROM fuzz.outcome WHERE part = '$part' GROUP BY outcome ORDER BY 1"
	if [[ $(psql -X -q -A -t -c "SELECT count(*) FROM fuzz.failure") != 0 ]]; then
		psql -X -q -c "SELECT * FROM fuzz.failure LIMIT 20"
		failed=$((failed + 1))
		psql -X -q -c "TRUNCATE fuzz.failure"
	fi
done
crashes
cluster_stop

# corpus(part): makes CORPUS, a folder of the server's user with what is kept of the part
corpus()
{
	CORPUS=$RECO_BUILD/fuzz-corpus/$1
	own_folder "$CORPUS"
	mkdir -p "$RECO_HOME/test/fuzz/corpus/$1"
	find "$RECO_HOME/test/fuzz/corpus/$1" -type f -exec cp {} "$CORPUS/" \;
	[[ $(id -u) -ne 0 ]] || chown -R "$SERVER_USER:" "$CORPUS"
}

# guided(part, target, recommender): libFuzzer in a backend, which it ends
guided()
{
	local units
	wants "$1" || return 0
	echo "== $1"
	corpus "$1"
	: >"$SERVER_LOG"
	psql -X -q -c "SELECT fuzz.run('$2', '$3', ARRAY['$CORPUS', '-max_total_time=$seconds', '-seed=$seed', '-max_len=2048', '-print_final_stats=1', '-rss_limit_mb=0', '-timeout=0',
		'-handle_segv=0', '-handle_bus=0', '-handle_ill=0', '-handle_fpe=0', '-handle_int=0', '-handle_term=0', '-handle_abrt=0', '-artifact_prefix=$CORPUS/'])" >/dev/null 2>&1 || true
	units=$(sed -nE 's/^stat::number_of_executed_units: *//p' "$SERVER_LOG")
	echo "${units:-broken off} inputs, $(grep -aoE 'cov: [0-9]+' "$SERVER_LOG" | tail -n 1)"
	cp "$SERVER_LOG" "$RECO_BUILD/fuzz-$1.log"
	[[ -n $units ]] || failed=$((failed + 1))
	crashes
}

runtime=$(clang-14 -print-file-name=libclang_rt.fuzzer_no_main-x86_64.a 2>/dev/null || true)
if [[ -e $runtime ]]; then
	sanitizers='-fsanitize=fuzzer-no-link,undefined -fsanitize-trap=undefined'
	make -s -C "$RECO_HOME" -j2 BUILD="$RECO_BUILD/fuzz-build" PG_CONFIG="$SYSTEM_BIN/pg_config" CC=clang-14 COPT="-O1 -DRK_NO_CLONES -Wno-psabi $sanitizers" "$RECO_BUILD/fuzz-build/reco.so"
	# shellcheck disable=SC2086
	clang-14 -g -O1 -std=gnu11 -fPIC $sanitizers -D_GNU_SOURCE -I"$RECO_HOME/src" -isystem "$("$SYSTEM_BIN/pg_config" --includedir-server)" \
		-c -o "$RECO_BUILD/fuzz-build/server.o" "$RECO_HOME/test/fuzz/server.c"
	blas=" $(cd "$RECO_HOME" && ls src/kernel/eigh.c src/kernel/als*.c src/kernel/small.c src/kernel/ease.c src/kernel/graph.c src/model/blas_module.c | sed 's/\.c$/.o/' | tr '\n' ' ') "
	mapfile -t objects < <(cd "$RECO_BUILD/fuzz-build/obj" && find src -name '*.o' | while read -r object; do [[ $blas == *" $object "* ]] || echo "$RECO_BUILD/fuzz-build/obj/$object"; done)
	clang++-14 -shared -o "$TREE$SYSTEM_LIB/reco.so" "${objects[@]}" "$RECO_BUILD/fuzz-build/server.o" "$runtime" -Wl,--version-script="$RECO_HOME/src/exports.map" -lm
	start fuzz-guided
	psql -X -q -c "CREATE FUNCTION fuzz.run(text, text, text[]) RETURNS void AS '\$libdir/reco', 'reco_fuzz_run' LANGUAGE C"
	guided encoder encoder attributes
	guided tensors tensors attributes
	guided tensors-blend tensors blend
	guided cache cache integer
	guided options options integer
	guided filter filter integer
	cluster_stop
else
	echo 'libFuzzer: not run, libclang-rt-14-dev is not installed'
fi

if [[ -e $runtime ]] && wants words; then
	echo '== words'
	corpus words
	clang-14 -g -O1 -std=gnu11 -ffp-contract=off -DRK_NO_CLONES -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		-I"$RECO_HOME/src" -o "$RECO_BUILD/fuzz-words.program" "$RECO_HOME/test/fuzz/words.c" "$RECO_HOME"/src/kernel/{words,quantise,probe,topk,solve,csr,rng}.c -lm
	"$RECO_BUILD/fuzz-words.program" -max_total_time="$seconds" -seed="$seed" -max_len=4096 -print_final_stats=1 "$CORPUS" >"$RECO_BUILD/fuzz-words.log" 2>&1 || failed=$((failed + 1))
	grep -E 'stat::number_of_executed_units|SUMMARY|DONE' "$RECO_BUILD/fuzz-words.log" || true
fi
echo "$failed failed"
((failed == 0))
