#!/bin/bash
# Builds and tests the extension on every server version that can be had here, with gcc and clang.
#
#   scripts/matrix.sh                        all versions and compilers
#   scripts/matrix.sh 17 "18 clang"          only these
#   TESTS="serving kernel" scripts/matrix.sh only these tests (as scripts/check.sh takes them)
#
# A version comes from the Debian release that has it: that of this machine, or a chroot that debootstrap makes under
# $CHROOTS (default /tmp, about 2 GB each, kept for the next time). Inside a chroot everything runs as an unprivileged
# user, in its own name spaces for processes and mounts, on a copy of this checkout. Only root may make and enter
# chroots; without it only this machine's version is tried. The table at the end is the one of test/MATRIX.md. What is
# not run is said.
set -euo pipefail
cd "$(dirname "$0")/.."

CHROOTS=${CHROOTS:-/tmp}
BUILD=${BUILD:-build}
TESTS=${TESTS:-}
LOGS=$(mkdir -p "$BUILD" && cd "$BUILD" && pwd -P)/matrix
MIRROR=${MIRROR:-http://deb.debian.org/debian}
HOST=$(. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")

# A server version, the release that has it, and the release and version that pg_upgrade is tried from.
TARGETS=("15 bookworm - -" "16 - - -" "17 trixie bookworm 15" "18 forky trixie 17")
ROWS=()
FAILED=0

say()
{
	printf '\n== %s\n' "$*"
}

# row(version, release, compiler, build, tests, seconds): adds a line to the table
row()
{
	ROWS+=("$(printf '| %s | %s | %s | %s | %s | %s |' "$@")")
}

# install_in(folder, package ...)
install_in()
{
	local dir=$1
	shift
	DEBIAN_FRONTEND=noninteractive chroot "$dir" apt-get install -y -q --no-install-recommends "$@" </dev/null
}

# prepare_chroot(release, version, older release, older version): makes what is missing of it
prepare_chroot()
{
	local dir=$CHROOTS/chroot-$1 release=$1 version=$2 older=$3 older_version=$4 script=/usr/share/debootstrap/scripts/$1
	[[ ! -e $dir/prepared-$version ]] || return 0
	command -v debootstrap >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -q debootstrap </dev/null
	[[ -e $script ]] || script=/usr/share/debootstrap/scripts/sid
	[[ -x $dir/usr/bin/apt-get ]] || debootstrap --variant=minbase --include=ca-certificates "$release" "$dir" "$MIRROR" "$script"
	mkdir -p "$dir/etc/postgresql-common/createcluster.d"
	echo 'create_main_cluster = false' >"$dir/etc/postgresql-common/createcluster.d/no-main-cluster.conf"
	printf '#!/bin/sh\nexit 101\n' >"$dir/usr/sbin/policy-rc.d"
	chmod +x "$dir/usr/sbin/policy-rc.d"
	[[ $older == - ]] || echo "deb $MIRROR $older main" >"$dir/etc/apt/sources.list.d/older.list"
	chroot "$dir" apt-get update -q
	install_in "$dir" clang make perl gcc
	copy_to "$dir"
	PG_MAJOR=$version chroot "$dir" /reco/scripts/packages.sh
	# only the server, for pg_upgrade: that of an older release may not be had beside newer libraries
	[[ $older == - ]] || install_in "$dir" "postgresql-$older_version" || echo "postgresql-$older_version: not to be had in $release"
	chroot "$dir" useradd --create-home matrix 2>/dev/null || true
	touch "$dir/prepared-$version"
}

# copy_to(folder): this checkout as it is, without what was built
copy_to()
{
	rm -rf "$1/reco"
	mkdir -p "$1/reco"
	git ls-files -z --cached --others --exclude-standard | xargs -0 ls -d 2>/dev/null |
		tar --create --files-from=- | tar --extract --directory="$1/reco" --no-same-owner
	chmod -R a+rX "$1/reco"
}

# check_here(version, compiler, log)
check_here()
{
	PG_MAJOR=$1 CC=$2 BUILD=$LOGS/$1-$2 TESTS=$TESTS timeout 3600 make check >"$3" 2>&1 </dev/null
}

# check_in(folder, version, compiler, log)
check_in()
{
	rm -rf "$1/home/matrix/b"
	# shellcheck disable=SC2016
	timeout --kill-after=30 3600 unshare --mount --pid --fork --kill-child --mount-proc="$1/proc" bash -c '
		mount -t tmpfs -o mode=1777 none "$1/dev/shm" 2>/dev/null || { mkdir -p "$1/dev/shm"; mount -t tmpfs -o mode=1777 none "$1/dev/shm"; }
		exec chroot "$1" setpriv --reuid matrix --regid matrix --init-groups env -i HOME=/home/matrix PATH=/usr/bin:/bin \
			PG_MAJOR="$2" CC="$3" TESTS="$4" BUILD=/home/matrix/b make -C /reco check' \
		matrix "$1" "$2" "$3" "$TESTS" >"$4" 2>&1 </dev/null
}

# run(version, release, older release, older version, compiler)
run()
{
	local log=$LOGS/$1-$5.log dir=$CHROOTS/chroot-$2 started=$SECONDS status=0 totals compiler server
	say "PostgreSQL $1 ($2), $5"
	if [[ $2 == "$HOST" ]]; then
		check_here "$1" "$5" "$log" || status=$?
		compiler=$("$5" --version | head -n 1)
		server=$("/usr/lib/postgresql/$1/bin/postgres" --version)
	elif [[ $(id -u) -ne 0 ]]; then
		row "$1" "$2" "$5" "not run: root makes chroots" - -
		return
	else
		prepare_chroot "$2" "$1" "$3" "$4" >"$LOGS/chroot-$2.log" 2>&1 || {
			row "$1" "$2" "$5" "not run: no chroot, see $LOGS/chroot-$2.log" - -
			FAILED=1
			return
		}
		copy_to "$dir"
		check_in "$dir" "$1" "$5" "$log" || status=$?
		compiler=$(chroot "$dir" "$5" --version | head -n 1)
		server=$(chroot "$dir" "/usr/lib/postgresql/$1/bin/postgres" --version)
	fi
	totals=$(tail -n 2 "$log" | grep -E '^[0-9]+ passed' || true) # the line after it is make's
	[[ $totals =~ ^[0-9]+\ passed,\ [0-9]+\ failed$ ]] || totals="broke off, see $log"
	[[ $status -eq 0 && $totals == *', 0 failed' ]] || FAILED=1
	tail -n 7 "$log"
	server=${server#postgres (PostgreSQL) }
	row "${server%% *}" "$2" "$compiler" "$(grep -qE '(error|warning):' "$log" && echo 'warnings' || echo clean)" "$totals" $((SECONDS - started))
}

wanted()
{
	local one
	[[ $# -gt 2 ]] || return 0
	for one in "${@:3}"; do
		[[ "$1" != "$one" && "$1 $2" != "$one" ]] || return 0
	done
	return 1
}

mkdir -p "$LOGS"
for target in "${TARGETS[@]}"; do
	read -r version release older older_version <<<"$target"
	for compiler in gcc clang; do
		wanted "$version" "$compiler" "$@" || continue
		if [[ $release == - ]]; then
			row "$version" - "$compiler" 'not run: no Debian release has it' - -
		else
			run "$version" "$release" "$older" "$older_version" "$compiler"
		fi
	done
done

say 'matrix'
echo '| PostgreSQL | Debian | compiler | build | tests | seconds |'
echo '|---|---|---|---|---|---|'
printf '%s\n' "${ROWS[@]}"
exit $FAILED
