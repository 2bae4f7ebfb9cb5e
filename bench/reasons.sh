#!/bin/bash
# How good the reasons are on several data sets: explanation_quality() of one pair for each of a number of users, default settings, and
# what the one-line reasons of a list cost in processor time of the server.
#
#   bench/reasons.sh USERS FOLDER...       each FOLDER has events.csv (user_id, item_id)
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"

# load_events(folder): a table "events" of a file's first two columns, as text
load_events()
{
	local file=$1/events.csv read=cat
	[[ -r $file ]] || { file=$file.xz read='xz -dc'; }
	[[ -r $file ]] || die "there is no events.csv in $1"
	sql -c 'DROP TABLE IF EXISTS events' -c 'CREATE TABLE events (user_id text NOT NULL, item_id text NOT NULL)' 2>/dev/null
	$read "$file" | cut -d, -f1,2 | sql -c 'COPY events FROM STDIN (FORMAT csv, HEADER)'
	sql -c 'CREATE INDEX ON events (user_id)' -c 'VACUUM ANALYZE events'
}

# cpu(query): the user time that the server spends on a query, in seconds
cpu()
{
	PGOPTIONS='-c client_min_messages=log -c log_statement_stats=on' sql -At -c "$1" 2>&1 | sed -n 's/^!\t\([0-9.]*\) s user.*/\1/p' | head -n 1
}

# lists(options): processor time of lists of 10 for 1,000 users, in microseconds a list
lists()
{
	cpu "SELECT count(*) FROM (SELECT DISTINCT user_id FROM events ORDER BY user_id LIMIT 1000) u, LATERAL reco.recommend(user_id, 10, options => '$1')" |
		awk '{ printf "%.0f", $1 * 1000 }'
}

# costs: without reasons and with them, each the least of fifteen, in turns so that whatever else the machine does meets both
costs()
{
	for _ in {1..15}; do
		printf '%s %s\n' "$(lists '{"reason": false}')" "$(lists '{}')"
	done | awk 'NR == 1 || $1 < least { least = $1 } NR == 1 || $2 < most { most = $2 } END { print least, most }'
}

USERS=${1:-}
[[ $USERS =~ ^[0-9]+$ && -n ${2:-} && -d $2 ]] || die "give a number of users and folders with events.csv"
shift
with_extension bench
sql -c 'CREATE EXTENSION reco' -c 'CREATE TABLE measured (folder text, place int, metric text, value float8, n bigint)'
printf 'Reasons, %s users each: %s\n\n' "$USERS" "$(machine)"
for folder in "$@"; do
	name=$(basename "$folder")
	load_events "$folder"
	sql -c "SET client_min_messages = warning" -c "SELECT reco.create_recommender('bench', 'events', 'user_id', 'item_id')" >/dev/null
	sql -c "SET client_min_messages = warning" -c "CALL reco.refresh('bench')"
	sql -c "INSERT INTO measured SELECT '$name', ordinality, metric, value, n FROM reco.explanation_quality(users => $USERS) WITH ORDINALITY"
	read -r without with <<<"$(costs)"
	sql -c "INSERT INTO measured VALUES ('$name', 101, 'lists of 10 without reasons, us of processor time', $without, 1000),
		('$name', 102, 'lists of 10 with reasons', $with, 1000)"
	sql -c "SELECT reco.drop_recommender('bench')" >/dev/null
done
{
	printf 'metric|%s\n' "$(for folder in "$@"; do basename "$folder"; done | paste -sd '|')"
	printf -- '---|%s\n' "$(for folder in "$@"; do printf -- '---\n'; done | paste -sd '|')"
	sql -At -F '|' -c "SELECT metric, string_agg(CASE WHEN metric ~ 'residual' THEN trim(to_char(value, '9.9EEEE')) WHEN value IS NULL THEN '' ELSE round(value::numeric, 3)::text END, '|'
		ORDER BY array_position(string_to_array('$(for folder in "$@"; do basename "$folder"; done | paste -sd ',')', ','), folder)) FROM measured GROUP BY place, metric ORDER BY place"
} | sed 's/|/ | /g; s/^/| /; s/$/ |/'
