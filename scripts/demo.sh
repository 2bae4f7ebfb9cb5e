#!/bin/bash
# The guided tour: a generated shop, or with DATA=<folder> the CSV files of that folder, from tables to recommendations with
# reasons and their evaluation, in a throwaway cluster under build/.
#
# A folder holds events.csv (user_id, item_id and, where known, kind, value, at) and may hold items.csv (item_id, title, ...),
# users.csv (user_id, ...), ratings.csv (user_id, item_id, value) and test.csv (user_id, item_id: what evaluation should
# find), each plain or as .csv.xz: UTF-8, commas, a header row, an empty field for NULL.
set -euo pipefail
# shellcheck source=scripts/cluster.sh
. "$(dirname "$0")/cluster.sh"
DATA=${DATA:-}

# file_of(name): the path of a file of the folder, or nothing
file_of()
{
	local file
	for file in "$DATA/$1.csv.xz" "$DATA/$1.csv"; do
		if [[ -r $file ]]; then
			echo "$file"
			return 0
		fi
	done
}

read_file()
{
	case $1 in
		*.xz) xz -dc -- "$1" ;;
		*) cat -- "$1" ;;
	esac
}

# load(name): loads a file into a table of that name whose columns are all text, and sets HAS to true or false
load()
{
	local name=$1 file header columns
	HAS=false
	file=$(file_of "$name")
	[[ -n $file ]] || return 0
	HAS=true
	# head closes the pipe early, and xz then ends with an error that means nothing
	header=$( (read_file "$file" 2>/dev/null || true) | head -n 1 | tr -d '\r"' | sed 's/^\xef\xbb\xbf//')
	[[ ",$header," == *,item_id,* || ",$header," == *,user_id,* ]] || die "$file has neither a column user_id nor item_id"
	columns=$(sed 's/""*//g; s/[^,][^,]*/"&" text/g' <<<"$header")
	say "loading $file"
	psql -X -q -v ON_ERROR_STOP=1 -c "CREATE TABLE $name ($columns)"
	read_file "$file" | psql -X -q -v ON_ERROR_STOP=1 -c "COPY $name FROM STDIN (FORMAT csv, HEADER)"
}

demo_shop()
{
	say "making a shop (demo/shop.sql)"
	psql -X -q -v ON_ERROR_STOP=1 -f "$RECO_HOME/demo/shop.sql" >/dev/null
	attended psql -X -v ON_ERROR_STOP=1 -f "$RECO_HOME/demo/tour.sql"
}

demo_files()
{
	local flags=() name
	for name in events items users ratings test; do
		load "$name"
		flags+=(-v "has_$name=$HAS")
	done
	attended psql -X -v ON_ERROR_STOP=1 "${flags[@]}" -f "$RECO_HOME/demo/files.sql"
}

if [[ -n $DATA ]]; then
	[[ -d $DATA ]] || die "there is no folder $DATA"
	[[ -n $(file_of events) ]] || die "there is no events.csv or events.csv.xz in $DATA"
	DATA=$(cd "$DATA" && pwd)
fi

with_extension cluster
started=$SECONDS
if [[ -n $DATA ]]; then demo_files; else demo_shop; fi
printf '\nThat took %d s. The statements are in demo/; scripts/cluster.sh psql opens a database to try your own.\n' $((SECONDS - started))
