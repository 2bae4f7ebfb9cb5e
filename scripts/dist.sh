#!/bin/bash
# An archive of the last commit under build/, as PGXN and Debian take it.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(sed -n "s/^default_version = '\(.*\)'/\1/p" reco.control)
mkdir -p "${BUILD:-build}"
git archive --format=zip --prefix="reco-$version/" --output="${BUILD:-build}/reco-$version.zip" HEAD
git archive --format=tar.gz --prefix="reco-$version/" --output="${BUILD:-build}/reco-$version.tar.gz" HEAD
echo "${BUILD:-build}/reco-$version.zip and .tar.gz"
