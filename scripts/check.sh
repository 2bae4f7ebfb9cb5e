#!/bin/bash
# All tests: the arrows between the rooms, the kernels' unit tests, pg_regress, isolation tests and TAP tests, in throwaway
# clusters under build/. The last line of the output is "N passed, N failed".
#
#   scripts/check.sh               everything
#   TESTS="a b" scripts/check.sh   only the named tests: of test/sql (after those called 00_*), of test/isolation/specs, of
#                                  test/t (name without .pl), or "kernel", or "arrows"
set -euo pipefail
# shellcheck source=scripts/cluster.sh
. "$(dirname "$0")/cluster.sh"
cd "$RECO_HOME"

PGXS_TEST=$SYSTEM_LIB/pgxs/src/test
TESTS=${TESTS:-}
SUMMARY=()
PASSED=0
FAILED=0

# count(category, passed, failed): adds a line to the summary
count()
{
	SUMMARY+=("$(printf '%-12s %5d passed %5d failed' "$1" "$2" "$3")")
	PASSED=$((PASSED + $2))
	FAILED=$((FAILED + $3))
}

headline()
{
	printf '\n== %s\n' "$*"
}

at_end()
{
	local status=$1
	if ((status != 0 && FAILED == 0)); then
		count 'cut short' 0 1
	fi
	if ((PASSED + FAILED == 0)); then
		count 'nothing ran' 0 1
	fi
	echo
	printf '%s\n' "${SUMMARY[@]}"
	echo "$PASSED passed, $FAILED failed"
	((status != 0 || FAILED == 0)) || status=1
	exit "$status"
}

# logged(file, command ...): runs the command, showing its output and keeping it in the file
logged()
{
	local file=$1
	shift
	# shellcheck disable=SC2016
	attended bash -c 'set -o pipefail; file=$1; shift; "$@" 2>&1 </dev/null | tee "$file"' logged "$file" "$@"
}

# names(folder, extension): base names of the files of a category, in order; nothing if the category does not exist yet
names()
{
	find "$1" -maxdepth 1 -name "*.$2" -printf '%f\n' 2>/dev/null | sed "s/\.$2\$//" | LC_ALL=C sort
}

# chosen(name ...): those of the names that TESTS asks for, one a line; all of them without TESTS
chosen()
{
	local name
	for name in "$@"; do
		if [[ -z $TESTS || " $TESTS " == *" $name "* ]]; then
			echo "$name"
		fi
	done
}

# exists_but_empty(category, folder, number of tests): a category whose folder is there but holds no test is a failure
exists_but_empty()
{
	if [[ -d $2 && $3 -eq 0 ]]; then
		headline "$1: $2 is there but holds no test"
		count "$1" 0 1
	fi
	[[ $3 -eq 0 ]]
}

# ---- arrows and kernels ----------------------------------------------------------------------------------------------

run_arrows()
{
	headline 'arrows between the rooms'
	local passed=0 failed=0
	if scripts/check_arrows.sh; then passed=1; else failed=1; fi
	if scripts/check_arrows.sh --self-test; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
	count arrows $passed $failed
}

run_kernel()
{
	[[ -d test/kernel ]] || return 0
	headline 'kernel unit tests'
	local log=$RECO_BUILD/kernel.log status=0 totals
	logged "$log" make --no-print-directory -C test/kernel BUILD="$RECO_BUILD/kernel" ${CC:+CC="$CC"} check || status=$?
	totals=$(grep -oE '[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1 || true)
	if [[ $totals =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
		local passed=${BASH_REMATCH[1]} failed=${BASH_REMATCH[2]}
		((passed + failed > 0 && (status == 0 || failed > 0))) || failed=1
		count kernel "$passed" "$failed"
	else
		echo "the kernel tests printed no totals"
		count kernel 0 1
	fi
}

# ---- pg_regress and isolation ----------------------------------------------------------------------------------------

# run_driver(category, output folder, number of tests, command ...): runs pg_regress or its isolation twin and counts
run_driver()
{
	local category=$1 out=$2 expected=$3 passed failed status=0
	shift 3
	logged "$out/log" "$@" || status=$?
	# since PostgreSQL 16 the drivers print TAP
	passed=$(grep -cE '^(test|    ) .* \.\.\. +ok |^ok [0-9]+ ' "$out/log" || true)
	failed=$((expected - passed))
	if ((status != 0 && failed == 0)); then
		failed=1
	fi
	if ((failed > 0)) && [[ -s $out/regression.diffs ]]; then
		headline "$category: differences"
		cat "$out/regression.diffs"
	fi
	count "$category" "$passed" "$failed"
}

# expect_in(output folder, folder with the expected results, test ...): links them where the drivers look first, in the
# output folder. A test without an expected result gets an empty one, so that it fails, and the others still run.
expect_in()
{
	local out=$1 from=$2 file name
	shift 2
	rm -rf "$out"
	mkdir -p "$out/expected"
	for file in "$from"/*.out; do
		[[ ! -e $file ]] || ln -s "$file" "$out/expected/"
	done
	for name in "$@"; do
		if [[ ! -e $out/expected/$name.out ]]; then
			echo "there is no $from/$name.out: compare and copy $out/results/$name.out"
			touch "$out/expected/$name.out"
		fi
	done
}

run_regress()
{
	local all tests name stray=0 out=$RECO_BUILD/regress load=()
	mapfile -t all < <(names test/sql sql)
	exists_but_empty pg_regress test/sql ${#all[@]} && return 0
	mapfile -t tests < <(chosen "${all[@]}")
	[[ ${#tests[@]} -gt 0 ]] || return 0
	# a subset is run after the tests that prepare the database
	if [[ -n $TESTS ]]; then
		mapfile -t tests < <(printf '%s\n' "${all[@]}" | grep '^00_' || true; printf '%s\n' "${tests[@]}" | grep -v '^00_' || true)
	fi
	[[ -e test/sql/00_install.sql ]] || load=(--load-extension=reco)

	headline 'pg_regress'
	expect_in "$out" "$RECO_HOME/expected" "${tests[@]}"
	run_driver pg_regress "$out" ${#tests[@]} "$PGXS_TEST/regress/pg_regress" --bindir="$TREE_BIN" \
		--inputdir="$RECO_HOME/test" --outputdir="$out" --host="$PGHOST" --port="$PGPORT" --user="$PGUSER" \
		--dbname=regression --encoding=UTF8 "${load[@]}" "${tests[@]}"

	for name in $(names expected out); do
		if [[ ! -e test/sql/$name.sql && ! -e test/sql/${name%_[0-9]}.sql ]]; then
			echo "expected/$name.out belongs to no test"
			stray=$((stray + 1))
		fi
	done
	((stray == 0)) || count 'stray files' 0 "$stray"
}

run_isolation()
{
	local all tests out=$RECO_BUILD/isolation
	mapfile -t all < <(names test/isolation/specs spec)
	exists_but_empty isolation test/isolation ${#all[@]} && return 0
	mapfile -t tests < <(chosen "${all[@]}")
	[[ ${#tests[@]} -gt 0 ]] || return 0

	headline 'isolation tests'
	expect_in "$out" "$RECO_HOME/test/isolation/expected" "${tests[@]}"
	run_driver isolation "$out" ${#tests[@]} "$PGXS_TEST/isolation/pg_isolation_regress" --bindir="$TREE_BIN" \
		--inputdir="$RECO_HOME/test/isolation" --outputdir="$out" --host="$PGHOST" --port="$PGPORT" --user="$PGUSER" \
		--dbname=isolation --encoding=UTF8 --load-extension=reco "${tests[@]}"
}

# A server that crashed under a test may have come back in time for the test to look well.
check_server_log()
{
	if grep -E 'PANIC:|was terminated by signal|TRAP: ' "$SERVER_LOG"; then
		echo "the server crashed while the tests ran"
		count server 0 1
	fi
}

# ---- TAP -------------------------------------------------------------------------------------------------------------

# small_disk: sets SMALL_DISK, a command prefix that mounts a small disk for a test to fill, in a name space of the test's own,
# where we may
small_disk()
{
	SMALL_DISK=()
	# shellcheck disable=SC2016
	local prefix=(unshare --mount bash -c 'mount -t tmpfs -o size=16m,mode=1777 none "$RECO_SMALL_DISK" && exec "$@"' small_disk)
	export RECO_SMALL_DISK=$RECO_BUILD/tap/small
	mkdir -p "$RECO_SMALL_DISK"
	if "${prefix[@]}" true 2>/dev/null; then
		SMALL_DISK=("${prefix[@]}")
	else
		unset RECO_SMALL_DISK
	fi
}

# run_tap_file(name): runs test/t/<name>.pl and adds to TAP_PASSED and TAP_FAILED
run_tap_file()
{
	local name=$1 log=$RECO_BUILD/tap/$1.log status=0 passed failed started=$SECONDS
	attended "${SMALL_DISK[@]}" "${RUN_AS[@]}" env -C "$RECO_BUILD/tap" -u MAKEFLAGS HOME="$RECO_BUILD/tap" TMPDIR="$TAP_TMP" \
		TESTDIR="$RECO_BUILD/tap" PG_TEST_PORT_DIR="$RECO_BUILD/tap/ports" PG_REGRESS="$PGXS_TEST/regress/pg_regress" \
		RECO_HOME="$RECO_HOME" PATH="$TREE_BIN:$PATH" \
		prove --verbose --norc -I "$PGXS_TEST/perl" -I "$RECO_HOME/test/t/lib" "$RECO_HOME/test/t/$name.pl" \
		</dev/null >"$log" 2>&1 || status=$?
	passed=$(grep -E '^ok [0-9]+' "$log" | grep -vcE '# (SKIP|TODO)' || true)
	failed=$(grep -E '^not ok [0-9]+' "$log" | grep -vcE '# TODO' || true)
	if ((failed == 0 && (status != 0 || passed == 0))); then
		failed=1
	fi
	printf '%-24s %4d passed %4d failed   %d s\n' "$name" "$passed" "$failed" $((SECONDS - started))
	if ((failed > 0)); then
		# without what went well, and without the conversation of background sessions
		sed -E -e '/^ok [0-9]+/d' -e '/^# (issuing query|results query|connect output)/,/^# \}/d' "$log" | tail -n 80 | sed 's/^/    /'
	fi
	TAP_PASSED=$((TAP_PASSED + passed))
	TAP_FAILED=$((TAP_FAILED + failed))
}

run_tap()
{
	local all tests name
	TAP_PASSED=0
	TAP_FAILED=0
	mapfile -t all < <(names test/t pl)
	exists_but_empty TAP test/t ${#all[@]} && return 0
	mapfile -t tests < <(chosen "${all[@]}")
	[[ ${#tests[@]} -gt 0 ]] || return 0

	headline 'TAP tests'
	own_folder "$RECO_BUILD/tap"
	# a socket of a test's server is <TMPDIR>/<10 letters>/.s.PGSQL.<port>
	short_folder "$RECO_BUILD/t" 27
	TAP_TMP=$SHORT
	small_disk
	for name in "${tests[@]}"; do
		run_tap_file "$name"
	done
	count TAP "$TAP_PASSED" "$TAP_FAILED"
}

# ---- all of it -------------------------------------------------------------------------------------------------------

unknown_tests()
{
	local name
	for name in $TESTS; do
		case $name in
			kernel | arrows) continue ;;
		esac
		if [[ ! -e test/sql/$name.sql && ! -e test/isolation/specs/$name.spec && ! -e test/t/$name.pl ]]; then
			die "there is no test called \"$name\""
		fi
	done
}

trap cleanup EXIT
unknown_tests
scripts/packages.sh
session_begin
if [[ -z $TESTS || " $TESTS " == *' arrows '* ]]; then run_arrows; fi
if [[ -z $TESTS || " $TESTS " == *' kernel '* ]]; then run_kernel; fi
headline 'build'
tree_install
mapfile -t on_server < <(names test/sql sql; names test/isolation/specs spec)
if [[ -n $(chosen "${on_server[@]}") ]]; then
	cluster_start cluster
	run_regress
	run_isolation
	cluster_stop
	check_server_log
else
	exists_but_empty pg_regress test/sql ${#on_server[@]} || true
fi
run_tap
