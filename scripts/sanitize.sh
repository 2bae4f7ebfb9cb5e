#!/bin/bash
# The kernels' unit tests under AddressSanitizer and UBSan, and under valgrind. Not part of make check.
set -euo pipefail
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
case $BUILD in
	/*) ;;
	*) BUILD=$PWD/$BUILD ;;
esac
failed=0
echo '== AddressSanitizer and UBSan'
make --no-print-directory -s -C test/kernel SANITIZE=1 BUILD="$BUILD/kernel-sanitize" check | tail -n 1 || failed=1
command -v valgrind >/dev/null || apt-get install -y -q --no-install-recommends valgrind
make --no-print-directory -s -C test/kernel CPPFLAGS=-DRK_NO_CLONES BUILD="$BUILD/kernel-valgrind" programs
echo '== valgrind'
for program in "$BUILD"/kernel-valgrind/test_*; do
	[[ -x $program ]] || continue
	if timeout 900 valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite "$program" >"$BUILD/valgrind.out" 2>&1; then
		echo "${program##*/}: $(tail -n 1 "$BUILD/valgrind.out")"
	else
		echo "${program##*/}: failed"
		tail -n 20 "$BUILD/valgrind.out"
		failed=1
	fi
done
exit $failed
