# Shared by the benchmark scripts: loads a folder of CSV files into tables "events" and, where there is one, "test".
# shellcheck shell=bash
set -euo pipefail
# shellcheck source=scripts/cluster.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/cluster.sh"

sql()
{
	psql -X -q -v ON_ERROR_STOP=1 "$@"
}

# load_pairs(folder, name): table of a file's first two columns, user_id and item_id, as integers
load_pairs()
{
	local file=$1/$2.csv
	[[ -r $file ]] || file=$file.xz
	[[ -r $file ]] || return 1
	sql -c "CREATE TABLE $2 (user_id int NOT NULL, item_id int NOT NULL)"
	case $file in
		*.xz) xz -dc -- "$file" ;;
		*) cat -- "$file" ;;
	esac | cut -d, -f1,2 | sql -c "COPY $2 FROM STDIN (FORMAT csv, HEADER)"
}

machine()
{
	printf '%s, %s cores, PostgreSQL %s, %s\n' "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" \
		"$(sql -At -c 'SHOW server_version')" "$(date -u +%F)"
}

begin()
{
	[[ -n ${1:-} && -d $1 ]] || die "name a folder with events.csv"
	FOLDER=$(cd "$1" && pwd)
	with_extension bench "shared_buffers = 512MB" "maintenance_work_mem = 1GB"
	sql -c 'CREATE EXTENSION reco'
	load_pairs "$FOLDER" events || die "there is no events.csv in $FOLDER"
	sql -c 'CREATE INDEX ON events (user_id)' -c 'VACUUM ANALYZE events'
}
