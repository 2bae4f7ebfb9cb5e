#!/bin/bash
# What watches memory and undefined behaviour. Not part of make check.
#
#   scripts/sanitize.sh [part ...]      all parts, unless named
#
#   kernels    the kernels' unit tests under AddressSanitizer and UBSan
#   valgrind   the same under valgrind
#   server     pg_regress and the isolation tests (or TESTS) with reco built with AddressSanitizer and UBSan. Leaks are not looked for,
#              and what happens within a block of the server's own allocator is not seen
#   caches     the tests of CACHES in a server with assertions and debug_discard_caches = 1, which forgets its catalogue at every chance
#   grind      the tests of GRIND in such a server under valgrind, which is told what the server's allocator does
#
# The last two need a server of one's own: PG_PREFIX names one, or PG_SOURCE unpacked sources of PostgreSQL that one is built of
# under BUILD, some minutes (apt-get source postgresql-15).
set -euo pipefail
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
case $BUILD in
	/*) ;;
	*) BUILD=$PWD/$BUILD ;;
esac
wanted=" ${*:-kernels valgrind server caches grind} "
failed=0

# wants(part): whether it was asked for; says so
wants()
{
	[[ $wanted == *" $1 "* ]] && echo "== $1"
}

need_valgrind()
{
	command -v valgrind >/dev/null || apt-get install -y -q --no-install-recommends valgrind
}

# own_server: sets PG_PREFIX to a server with assertions, building it if need be
own_server()
{
	[[ -z ${PG_PREFIX:-} ]] || return 0
	[[ -n ${PG_SOURCE:-} ]] || { echo 'not run: PG_SOURCE must name unpacked sources of PostgreSQL, or PG_PREFIX a server'; exit 1; }
	need_valgrind # for its header
	export PG_PREFIX=$BUILD/pgsql
	[[ ! -x $PG_PREFIX/bin/postgres ]] || return 0
	mkdir -p "$BUILD/pgsql-build"
	(
		cd "$BUILD/pgsql-build"
		"$PG_SOURCE/configure" --prefix="$PG_PREFIX" --enable-cassert --enable-debug --without-readline --without-zlib --without-icu \
			CFLAGS='-O1 -g1 -DUSE_VALGRIND'
		make -s -j2 -C src all
		make -s -C src install
		make -s -C src/test/isolation install
	) >"$BUILD/pgsql.log" 2>&1
}

# check_under(build folder, command, options of the compiler, test ...): scripts/check.sh in our server, started by the command
check_under()
{
	local build=$1 command=$2 options=$3
	shift 3
	BUILD=$build RECO_SERVER_COMMAND=$command COPT=$options TESTS="$*" scripts/check.sh || failed=1
}

if wants kernels; then
	make --no-print-directory -s -C test/kernel SANITIZE=1 BUILD="$BUILD/kernel-sanitize" check | tail -n 1 || failed=1
fi

if wants valgrind; then
	need_valgrind
	make --no-print-directory -s -C test/kernel CPPFLAGS=-DRK_NO_CLONES BUILD="$BUILD/kernel-valgrind" programs
	for program in "$BUILD"/kernel-valgrind/test_*; do
		[[ -x $program ]] || continue
		# valgrind reckons long double as double, so that a check against a reference in long double may fail there and nowhere
		# else: what counts is an error of memory, a crash, or a program that does not get to its totals
		status=0
		timeout "${VALGRIND_SECONDS:-3600}" valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite "$program" \
			>"$BUILD/valgrind.out" 2>&1 || status=$?
		tail -n 1 "$BUILD/valgrind.out"
		if ((status > 1)) || ! tail -n 1 "$BUILD/valgrind.out" | grep -qE '[0-9]+ passed, [0-9]+ failed$'; then
			echo "${program##*/}: failed"
			tail -n 20 "$BUILD/valgrind.out"
			failed=1
		fi
	done
fi

# early_allocation: a library to be loaded before all others, which allocates. A library of Debian's server allocates under a lock of
# gettext, and the sanitizer, were it to begin there, would wait for that lock.
early_allocation()
{
	gcc -x c -shared -fPIC -Wl,-z,initfirst -o "$1" - <<-END
		#include <stdlib.h>
		void *volatile early;
		__attribute__((constructor)) static void allocate(void) { free(early = malloc(1)); }
	END
}

if wants server; then
	mapfile -t tests < <(find test/sql test/isolation/specs -name '*.sql' -o -name '*.spec' | sed -E 's#.*/##; s#\..*##' | LC_ALL=C sort)
	# a bad access ends the server, undefined behaviour is noted in its log
	options=abort_on_error=1:print_stacktrace=1
	mkdir -p "$BUILD/server-sanitize"
	early_allocation "$BUILD/server-sanitize/early.so"
	check_under "$BUILD/server-sanitize" \
		"env LD_PRELOAD=$(gcc -print-file-name=libasan.so):$BUILD/server-sanitize/early.so ASAN_OPTIONS=$options:detect_leaks=0:detect_stack_use_after_return=0 UBSAN_OPTIONS=$options" \
		'-O1 -g -DRK_NO_CLONES -fsanitize=address,undefined' "${TESTS:-${tests[*]}}"
	if grep -aE 'AddressSanitizer|runtime error' "$BUILD/server-sanitize/cluster/server.log" | sort | uniq -c; then failed=1; fi
fi

if wants caches; then
	own_server
	# shellcheck disable=SC2086
	RECO_SERVER_SETTING='debug_discard_caches = 1' check_under "$BUILD/server-caches" env -O2 ${CACHES:-definition serving reasons filters changes}
fi

if wants grind; then
	own_server
	need_valgrind
	# shellcheck disable=SC2086
	check_under "$BUILD/server-valgrind" "valgrind -q --trace-children=yes --leak-check=no --num-callers=20 --suppressions=${PG_SOURCE:?}/src/tools/valgrind.supp" \
		'-O1 -g -DRK_NO_CLONES' ${GRIND:-definition serving reasons}
	if grep -aE '^==[0-9]+== ' "$BUILD/server-valgrind/cluster/server.log"; then failed=1; fi
fi
exit $failed
