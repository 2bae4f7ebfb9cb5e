#!/bin/bash
# Checks that the rooms under src/ include each other in one direction only, and that the kernels compile without any
# header of PostgreSQL.
#
#   scripts/check_arrows.sh              check src/
#   scripts/check_arrows.sh --self-test  plant one violation of each kind and expect each to be found
set -euo pipefail

# Who may include whom, besides itself. Arrows go down and may skip a level.
#   sqlapi → {train, serve, explain, evaluate} → model → {reader, store, catalog, parallel} → kernel
declare -A ALLOWED=(
	[sqlapi]="train serve explain evaluate model reader store catalog parallel kernel top"
	[train]="model reader store catalog parallel kernel top"
	[serve]="model reader store catalog parallel kernel top"
	[explain]="model reader store catalog parallel kernel top"
	[evaluate]="model reader store catalog parallel kernel top"
	[model]="reader store catalog parallel kernel top"
	# catalog is the lowest of its four: it alone names the tables of schema reco, so reader and store may ask it
	[reader]="catalog kernel top"
	[store]="catalog kernel top"
	[catalog]="kernel top"
	# the learning file lies in the folder that store makes and clears
	[parallel]="store kernel top"
	[kernel]=""
	# src/reco.c, src/reco.h, src/compat.h: they know no room, so that every room but the kernel may know them
	[top]=""
)

here=$(cd "$(dirname "$0")/.." && pwd)
CC=${CC:-gcc}

room_of() # path below src
{
	case $1 in
		*/*) echo "${1%%/*}" ;;
		*) echo top ;;
	esac
}

# check_includes(src): prints violations, returns their presence as status
check_includes()
{
	local src=$1 file name quote target room other bad=0
	while IFS=: read -r file name; do
		quote=${name:0:1}
		name=${name:1}
		room=$(room_of "${file#"$src"/}")
		if [[ -z ${ALLOWED[$room]+set} ]]; then
			echo "${file#"$src"/}: room \"$room\" is not in the table of rooms"
			bad=1
			continue
		fi
		if [[ -e $src/$name ]]; then
			target=$name
		elif [[ $quote == \< ]]; then
			# a header of the system, or, which check_kernels finds, of PostgreSQL
			continue
		elif [[ -e $(dirname "$file")/$name ]]; then
			target=$(realpath --relative-to="$src" "$(dirname "$file")/$name")
		else
			# a header from outside src/, so of PostgreSQL: the kernels may not see one
			if [[ $room == kernel ]]; then
				echo "${file#"$src"/}: includes \"$name\", which is not a kernel header"
				bad=1
			fi
			continue
		fi
		other=$(room_of "$target")
		if [[ $other != "$room" && " ${ALLOWED[$room]} " != *" $other "* ]]; then
			echo "${file#"$src"/}: $room may not include $target"
			bad=1
		fi
	done < <(find "$src" \( -name '*.[ch]' -o -name '*.inc' \) -print0 | sort -z |
		xargs -0 -r grep -HoE '^[[:space:]]*#[[:space:]]*include[[:space:]]*("[^"]+"|<[^>]+>)' |
		sed -E 's/^([^:]+):[^"<]*(["<])([^">]+)[">].*$/\1:\2\3/')
	return $bad
}

# check_kernels(src): each kernel compiles alone with nothing but src/ and the C library in reach
check_kernels()
{
	local src=$1 file bad=0
	[[ -d $src/kernel ]] || return 0
	for file in "$src"/kernel/*.h "$src"/kernel/*.c; do
		[[ -e $file ]] || continue
		if grep -nE '#[[:space:]]*include[[:space:]]*[<"](postgres|fmgr|utils/|access/|catalog/|executor/|storage/|nodes/|libpq)' "$file"; then
			echo "kernel/${file##*/}: includes a header of PostgreSQL"
			bad=1
		fi
		if ! "$CC" -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wno-unused-function -fsyntax-only -x c -I"$src" "$file"; then
			echo "kernel/${file##*/}: does not compile on its own"
			bad=1
		fi
	done
	return $bad
}

check()
{
	local bad=0
	check_includes "$1" || bad=1
	check_kernels "$1" || bad=1
	return $bad
}

# expect_violation(label, file, line): plants the line in a file of a clean tree and expects the check to fail
expect_violation()
{
	local tree=$scratch/src
	rm -rf "$tree"
	mkdir -p "$tree"/{sqlapi,train,serve,model,reader,kernel,attic}
	echo '#include <stddef.h>' | tee "$tree"/{sqlapi,train,serve,model,reader,kernel}/a.h >"$tree/reco.h"
	if ! check "$tree" >/dev/null; then
		echo "self-test: a clean tree was refused" >&2
		exit 1
	fi
	echo "$3" >"$tree/$2"
	if check "$tree" >/dev/null 2>&1; then
		echo "self-test: not found: $1" >&2
		exit 1
	fi
	echo "found: $1"
}

self_test()
{
	scratch=$(mktemp -d "$build/arrows.XXXXXX")
	trap 'rm -rf "$scratch"' EXIT
	expect_violation 'an arrow upward' model/b.h '#include "train/a.h"'
	expect_violation 'an arrow upward in angle brackets' model/b.h '#include <train/a.h>'
	expect_violation 'an arrow between neighbours' train/b.c '#include "serve/a.h"'
	expect_violation 'an arrow that climbs out with ..' reader/b.c '#include "../model/a.h"'
	expect_violation 'a kernel that includes reco.h' kernel/b.c '#include "reco.h"'
	expect_violation 'a kernel that includes postgres.h' kernel/b.c '#include "postgres.h"'
	expect_violation 'a kernel that uses a type of PostgreSQL' kernel/b.c 'Datum reco_kernel(void);'
	expect_violation 'a file at the top that knows a room' reco.c '#include "model/a.h"'
	expect_violation 'a room nobody knows' attic/b.c '#include "model/a.h"'
}

if [[ ${1:-} == --self-test ]]; then
	case ${BUILD:-build} in
		/*) build=$BUILD ;;
		*) build=$here/${BUILD:-build} ;;
	esac
	mkdir -p "$build"
	self_test
else
	check "$here/src"
	echo "arrows: the rooms include each other one way, the kernels stand alone"
fi
