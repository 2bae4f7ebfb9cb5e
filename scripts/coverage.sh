#!/bin/bash
# Coverage of the lines of src by make check, by gcov and lcov (packages gcc and lcov).
#
#   scripts/coverage.sh            all tests      TESTS="a b" scripts/coverage.sh   only these
#
# The server's processes write their counts when they end; one that is killed writes none, so what the crash tests alone
# reach is not counted.
set -euo pipefail
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build-coverage}
case $BUILD in
	/*) ;;
	*) BUILD=$PWD/$BUILD ;;
esac
command -v lcov >/dev/null || apt-get install -y -q --no-install-recommends lcov
rm -rf "$BUILD"
mkdir -p "$BUILD"
chmod a+rwx "$BUILD"
export BUILD COPT='--coverage -fprofile-update=atomic -O1'
status=0
# files of counts are made beside the objects, by the server's user
make -s -j"$(nproc)" BUILD="$BUILD" PG_CONFIG="/usr/lib/postgresql/${PG_MAJOR:-15}/bin/pg_config" all
chmod -R a+rwX "$BUILD/obj"
scripts/check.sh || status=$?
lcov --quiet --capture --directory "$BUILD/obj" --output-file "$BUILD/coverage.info" --rc geninfo_unexecuted_blocks=1 --ignore-errors gcov,source
lcov --quiet --extract "$BUILD/coverage.info" "$PWD/src/*" --output-file "$BUILD/coverage.info"
lcov --list "$BUILD/coverage.info" | sed "s#$PWD/##"
exit "$status"
