#!/bin/bash
# Arrows between the rooms, formatting, and cppcheck. With --fix, formats in place.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/packages.sh --lint
bad=0
mapfile -t files < <(find src test/kernel -name '*.[ch]' 2>/dev/null | sort)

scripts/check_arrows.sh || bad=1

if [[ ${1:-} == --fix ]]; then
	clang-format-14 -i "${files[@]}"
elif ! clang-format-14 --dry-run --Werror "${files[@]}"; then
	echo "format: scripts/lint.sh --fix does it"
	bad=1
fi

cppcheck --quiet --error-exitcode=1 --std=c11 --language=c -Isrc --include=scripts/cppcheck.h \
	--enable=warning,performance,portability --inline-suppr --suppress=unknownMacro --suppress=missingInclude \
	--suppress=missingIncludeSystem src || bad=1

exit $bad
