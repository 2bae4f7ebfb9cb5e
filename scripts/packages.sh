#!/bin/bash
# Installs the Debian packages that building, testing and the demo need, if any is missing.
#
#   scripts/packages.sh          as root: installs what is missing; otherwise says what to install
#   scripts/packages.sh --lint   also what make lint needs
set -euo pipefail

PG_MAJOR=${PG_MAJOR:-15}

# libopenblas0-pthread: the tests prove that reco keeps to one thread with both flavours of OpenBLAS installed.
packages=(
	gcc make perl xz-utils util-linux
	"postgresql-$PG_MAJOR" "postgresql-server-dev-$PG_MAJOR" "postgresql-$PG_MAJOR-cron"
	libopenblas0-serial libopenblas-serial-dev libopenblas0-pthread
	libipc-run-perl
)
[[ ${1:-} == --lint ]] && packages+=(clang-format-14 clang-tidy-14 cppcheck)

# TAP tests need prove and Test::More, which Debian keeps in the package perl.
missing=()
for package in "${packages[@]}"; do
	if [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true) != installed ]]; then
		missing+=("$package")
	fi
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

if [[ $(id -u) -ne 0 ]]; then
	echo "reco needs packages that are not installed. As root:" >&2
	echo "    apt-get install --no-install-recommends ${missing[*]}" >&2
	exit 1
fi

echo "packages: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive

apt_install()
{
	apt-get install -y -q -o DPkg::Lock::Timeout=600 --no-install-recommends "$@" </dev/null
}

# The lists may be absent or older than the archive: refresh them when they cannot answer.
if ! apt-get install -s -q --no-install-recommends "${missing[@]}" >/dev/null 2>&1; then
	apt-get update -q
fi

# Installing postgresql-NN creates a cluster "main" and starts it. A fragment of configuration, there only while apt
# runs, says no to that; a cluster that exists already is not touched.
fragment=/etc/postgresql-common/createcluster.d/reco-no-main-cluster.conf
created=
remove_fragment()
{
	rm -f "$fragment"
	if [[ -n $created ]]; then
		rmdir --ignore-fail-on-non-empty "$(dirname "$fragment")" 2>/dev/null || true
	fi
}
if [[ " ${missing[*]} " == *" postgresql-$PG_MAJOR "* ]]; then
	trap remove_fragment EXIT
	trap 'exit 130' INT TERM HUP
	apt_install postgresql-common || { apt-get update -q && apt_install postgresql-common; }
	[[ -d $(dirname "$fragment") ]] || created=yes
	mkdir -p "$(dirname "$fragment")"
	echo "create_main_cluster = false" >"$fragment"
fi

# A second try with fresh lists: an archive moves on, and an old list then names files that are gone.
apt_install "${missing[@]}" || { apt-get update -q && apt_install "${missing[@]}"; }
