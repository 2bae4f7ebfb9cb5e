#!/bin/bash
# Hostile input for a while. Not part of make check.
#
#   scripts/fuzz.sh [seconds] [seed] [part ...]     each part takes that long, 600 and 1 and all parts unless given
#   KEEP=1 scripts/fuzz.sh ...                      the same, and what was found goes into test/fuzz/corpus, as few inputs as
#                                                   reach what all of them reach
#
# The parts random-tensors, random-options and random-filters change input at random in a server: bytes of tensors under digests
# that are right (so that they get beyond the check of digests), tensor tables, options and changes as jsonb, and filters. Every
# function is then called. What fails is a crash, an error of class XX but XX001 (data corrupted), a call that takes over ten
# seconds, and a score that is not finite.
#
# The parts encoder, tensors, tensors-blend, cache, options and filter are libFuzzer inside a backend (test/fuzz/server.c): guided by
# the coverage of reco's code, which is built with UBSan. The part words is libFuzzer on the tokeniser, which needs no server, with
# ASAN and UBSan. Each begins with its corpus in test/fuzz/corpus; a tensor's or an encoder's is of bytes that mean a change, not
# of whole files (test/fuzz/server.c).
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

# corpus(part): makes CORPUS, a folder of the server's user with what is kept of the part, and KEPT, an empty one
corpus()
{
	local file
	CORPUS=$RECO_BUILD/fuzz-corpus/$1
	KEPT=$RECO_BUILD/fuzz-kept/$1
	own_folder "$CORPUS"
	own_folder "$KEPT"
	if [[ -d $RECO_HOME/test/fuzz/corpus/$1 ]]; then
		find "$RECO_HOME/test/fuzz/corpus/$1" -type f -exec cp {} "$CORPUS/" \;
	fi
	[[ $(id -u) -ne 0 ]] || chown -R "$SERVER_USER:" "$CORPUS"
}

# keep(part): what is in KEPT becomes the corpus of the part, if that is asked for
keep()
{
	[[ -n ${KEEP:-} ]] || return 0
	rm -rf "$RECO_HOME/test/fuzz/corpus/$1"
	mkdir -p "$RECO_HOME/test/fuzz/corpus/$1"
	find "$KEPT" -type f -exec cp {} "$RECO_HOME/test/fuzz/corpus/$1/" \;
	chmod -R u=rwX,go=rX "$RECO_HOME/test/fuzz/corpus/$1"
	echo "$(find "$KEPT" -type f | wc -l) inputs kept"
}

# words_of(part): words for libFuzzer to put into its inputs, one a line
words_of()
{
	case $1 in
		options)
			(cd "$RECO_HOME" && grep -rhoE '\{"[a-z0-9_]+", (RECO_)?OPTION_[^}]*' src) |
				grep -oE '"[a-z0-9_|,]+"' | tr -d '"' | tr '|' '\n' | LC_ALL=C sort -u
			printf '%s\n' features title price in_stock als itemknn userknn rp3beta ease graph popular recent blend 'x":' '{"x":' '":{"x":' true false null 1e308 -1 '[1,2]' '{}'
			;;
		filter)
			psql -X -q -A -t -c 'SELECT word FROM pg_get_keywords()'
			printf '%s\n' id title price in_stock goods fuzz.goods events '$1' '$2' '::int' '::text' "'x'" '->' '<@' '||' '/*' '*/' '--' '$$' 'array[1]' 'count(*)' 'over ()' 'E'
			;;
	esac
}

# guided_call(server's side of a call) and its arguments: SQL that runs libFuzzer in a backend
guided_call()
{
	local target=$1 recommender=$2 argument list=
	shift 2
	for argument in "$@"; do
		list+=${list:+, }\'${argument//\'/\'\'}\'
	done
	echo "SELECT fuzz.run('$target', '$recommender', ARRAY[$list])"
}

# guided(part, target, recommender): libFuzzer in a backend, which it ends
guided()
{
	local units again=$RECO_BUILD/fuzz-again options=(-rss_limit_mb=0 -timeout=0 -max_len=2048 -handle_segv=0 -handle_bus=0
		-handle_ill=0 -handle_fpe=0 -handle_int=0 -handle_term=0 -handle_abrt=0)
	wants "$1" || return 0
	echo "== $1"
	corpus "$1"
	: >"$SERVER_LOG"
	words_of "$1" | grep -v '^$' | sed -E 's/[\\"]/\\&/g; s/.*/"&"/' >"$RECO_BUILD/fuzz-words.$1" || true
	[[ ! -s $RECO_BUILD/fuzz-words.$1 ]] || options+=("-dict=$RECO_BUILD/fuzz-words.$1")
	psql -X -q -c "$(guided_call "$2" "$3" fuzz "$CORPUS" "${options[@]}" "-max_total_time=$seconds" "-seed=$seed" \
		-print_final_stats=1 "-artifact_prefix=$CORPUS/")" >/dev/null 2>&1 || true
	units=$(sed -nE 's/^stat::number_of_executed_units: *//p' "$SERVER_LOG")
	echo "${units:-broken off} inputs, $(grep -aoE 'cov: [0-9]+ ft: [0-9]+' "$SERVER_LOG" | tail -n 1)"
	cp "$SERVER_LOG" "$RECO_BUILD/fuzz-$1.log"
	[[ -n $units ]] || failed=$((failed + 1))
	crashes
	[[ -n ${KEEP:-} && -n $units ]] || return 0
	# To merge, libFuzzer runs its own program again and again: a script that runs it in another backend.
	cat >"$again" <<-END
		#!/bin/bash
		RECO_HOME='$RECO_HOME' BUILD='$RECO_BUILD'
		$(declare -f guided_call)
		'$TREE_BIN/psql' -X -q -h '$PGHOST' -p '$PGPORT' -U '$PGUSER' -d postgres -c "\$(guided_call '$2' '$3' '$again' "\$@")" >/dev/null 2>&1
		true
	END
	chmod a+rx "$again"
	psql -X -q -c "$(guided_call "$2" "$3" "$again" "${options[@]}" -set_cover_merge=1 "$KEPT" "$CORPUS")" >/dev/null 2>&1 || true
	keep "$1"
}

runtime=$(clang-14 -print-file-name=libclang_rt.fuzzer_no_main-x86_64.a 2>/dev/null || true)
guides=
for part in encoder tensors tensors-blend cache options filter; do
	if wants "$part"; then guides=yes; fi
done
if [[ -e $runtime && -n $guides ]]; then
	sanitizers='-fsanitize=fuzzer-no-link,undefined -fsanitize-trap=undefined'
	make -s -C "$RECO_HOME" -j2 BUILD="$RECO_BUILD/fuzz-build" PG_CONFIG="$SYSTEM_BIN/pg_config" CC=clang-14 COPT="-O1 -DRK_NO_CLONES -Wno-psabi $sanitizers" "$RECO_BUILD/fuzz-build/reco.so"
	# shellcheck disable=SC2086
	clang-14 -g -O1 -std=gnu11 -fPIC $sanitizers -D_GNU_SOURCE -I"$RECO_HOME/src" -isystem "$("$SYSTEM_BIN/pg_config" --includedir-server)" \
		-c -o "$RECO_BUILD/fuzz-build/server.o" "$RECO_HOME/test/fuzz/server.c"
	blas=" $(cd "$RECO_HOME" && ls src/kernel/eigh.c src/kernel/als*.c src/kernel/small.c src/kernel/ease.c src/kernel/graph.c src/model/blas_module.c | sed 's/\.c$/.o/' | tr '\n' ' ') "
	mapfile -t objects < <(cd "$RECO_BUILD/fuzz-build/obj" && find src -name '*.o' | while read -r object; do [[ $blas == *" $object "* ]] || echo "$RECO_BUILD/fuzz-build/obj/$object"; done)
	sed 's/^local:/reco_fuzz_run; pg_finfo_reco_fuzz_run; &/' "$RECO_BUILD/fuzz-build/exports.map" >"$RECO_BUILD/fuzz-build/fuzz.map"
	clang++-14 -shared -o "$TREE$SYSTEM_LIB/reco.so" "${objects[@]}" "$RECO_BUILD/fuzz-build/server.o" "$runtime" -Wl,--version-script="$RECO_BUILD/fuzz-build/fuzz.map" -lm
	start fuzz-guided
	psql -X -q -c "CREATE FUNCTION fuzz.run(text, text, text[]) RETURNS void AS '\$libdir/reco', 'reco_fuzz_run' LANGUAGE C"
	guided encoder encoder attributes
	guided tensors tensors attributes
	guided tensors-blend tensors blend
	guided cache cache integer
	guided options options attributes
	guided filter filter integer
	cluster_stop
elif [[ -n $guides ]]; then
	failed=$((failed + 1))
	echo 'libFuzzer: not run, libclang-rt-14-dev is not installed'
fi

if [[ -e $runtime ]] && wants words; then
	echo '== words'
	corpus words
	clang-14 -g -O1 -std=gnu11 -ffp-contract=off -DRK_NO_CLONES -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		-I"$RECO_HOME/src" -o "$RECO_BUILD/fuzz-words.program" "$RECO_HOME/test/fuzz/words.c" "$RECO_HOME"/src/kernel/{words,quantise,rotate,probe,topk,solve,csr,rng}.c -lm
	"$RECO_BUILD/fuzz-words.program" -max_total_time="$seconds" -seed="$seed" -max_len=4096 -print_final_stats=1 "$CORPUS" >"$RECO_BUILD/fuzz-words.log" 2>&1 || failed=$((failed + 1))
	grep -E 'stat::number_of_executed_units|SUMMARY|DONE' "$RECO_BUILD/fuzz-words.log" || true
	"$RECO_BUILD/fuzz-words.program" -set_cover_merge=1 -max_len=4096 "$KEPT" "$CORPUS" >>"$RECO_BUILD/fuzz-words.log" 2>&1 || failed=$((failed + 1))
	keep words
fi
echo "$failed failed"
((failed == 0))
