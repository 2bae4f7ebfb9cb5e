# Shared by the benchmark scripts: loads a folder of CSV files into tables "events" and, where there is one, "test".
# shellcheck shell=bash
set -euo pipefail
# shellcheck source=scripts/cluster.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/cluster.sh"

sql()
{
	psql -X -q -v ON_ERROR_STOP=1 "$@"
}

# unpacked(file): its text
unpacked()
{
	case $1 in
		*.xz) xz -dc -- "$1" ;;
		*) cat -- "$1" ;;
	esac
}

# load_pairs(folder, name): table of a file's first two columns, user_id and item_id, as integers, or as text where they are none
load_pairs()
{
	local file=$1/$2.csv item=int
	[[ -r $file ]] || file=$file.xz
	[[ -r $file ]] || return 1
	! unpacked "$file" | awk -F, 'NR > 1 && $2 !~ /^[0-9]+$/ { found = 1 } END { exit !found }' || item=text
	sql -c "CREATE TABLE $2 (user_id int NOT NULL, item_id $item NOT NULL)"
	unpacked "$file" | cut -d, -f1,2 | sql -c "COPY $2 FROM STDIN (FORMAT csv, HEADER)"
}
machine()
{
	printf '%s, %s cores, PostgreSQL %s, %s\n' "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" \
		"$(sql -At -c 'SHOW server_version')" "$(date -u +%F)"
}

# awake(command ...): runs it beside loops that get what nothing else wants of each processor: a virtual processor that went to
# sleep between two calls of a client takes longer to wake up than a list takes to make
awake()
{
	local loops=() status=0
	for ((loop = 0; loop < $(nproc); loop++)); do
		chrt -i 0 bash -c "while kill -0 $$ 2>/dev/null; do for ((i = 0; i < 100000; i++)); do :; done; done" >/dev/null 2>&1 &
		loops+=($!)
	done
	"$@" || status=$?
	kill "${loops[@]}"
	wait "${loops[@]}" 2>/dev/null || true
	return $status
}

# p50(recommender): median milliseconds of recommend(), one client
p50()
{
	local dir
	dir=$(mktemp -d "$RECO_BUILD/bench/pgbench.XXXXXX")
	printf '\\set u random(0, %s)\nSELECT * FROM reco.recommend(:u::bigint, %s10, recommender => '"'%s'"');\n' "$USERS" "${2:-}" "$1" >"$dir/script.sql"
	(cd "$dir" && pgbench -n -M prepared -c 1 -T 1 -f script.sql >/dev/null 2>&1 &&
		awake pgbench -n -M prepared -c 1 -T 4 -l -f script.sql >/dev/null 2>&1) || die "pgbench failed on $1"
	awk '{ print $3 / 1000 }' "$dir"/pgbench_log.* | sort -n | awk '{ v[NR] = $1 } END { printf "%.2f", v[int((NR + 1) * 0.5)] }'
	rm -rf "$dir"
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
