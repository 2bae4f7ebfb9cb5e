#!/bin/bash
# Arrows between the rooms, rules, formatting, and cppcheck. With --fix, formats in place; with --tidy, clang-tidy as well,
# which takes some minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/packages.sh --lint
bad=0
mapfile -t files < <(find src test/kernel -name '*.[ch]' 2>/dev/null | sort)

scripts/check_arrows.sh || bad=1
scripts/check_rules.sh || bad=1

if [[ ${1:-} == --fix ]]; then
	clang-format-14 -i "${files[@]}"
elif ! clang-format-14 --dry-run --Werror "${files[@]}"; then
	echo "format: scripts/lint.sh --fix does it"
	bad=1
fi

cppcheck --quiet --error-exitcode=1 --std=c11 --language=c -Isrc --include=scripts/cppcheck.h \
	--enable=warning,performance,portability --inline-suppr --suppress=unknownMacro --suppress=missingInclude \
	--suppress=missingIncludeSystem src || bad=1

if [[ ${1:-} == --tidy ]]; then
	# one file at a time: all in one process break off half-way. The checks and why others are left out: .clang-tidy
	tidy="clang-tidy-14 --quiet {} -- -std=gnu11 -D_GNU_SOURCE -Isrc -isystem $(pg_config --includedir-server) \
		-isystem /usr/include/$(gcc -print-multiarch)/openblas-serial 2>/dev/null"
	find src -name '*.c' | sort | xargs -P "$(nproc)" -I{} sh -c "$tidy || { echo 'clang-tidy: {}'; exit 1; }" || bad=1
fi

exit $bad
