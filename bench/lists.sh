#!/bin/bash
# Lists to look at: for a few users, some of what they chose and what is recommended to them, by title.
#
#   bench/lists.sh FOLDER [users] [seed]       FOLDER has events.csv (user_id, item_id) and items.csv (item_id, title)
# shellcheck source=bench/common.sh
. "$(dirname "$0")/common.sh"

# load_text(name): loads a file into a table of that name whose columns are all text
load_text()
{
	local file=$FOLDER/$1.csv read=cat columns
	[[ -r $file ]] || { file=$file.xz read='xz -dc'; }
	[[ -r $file ]] || die "there is no $1.csv in $FOLDER"
	columns=$( ($read "$file" 2>/dev/null || true) | head -n 1 | sed 's/[^,][^,]*/"&" text/g')
	sql -c "CREATE TABLE $1 ($columns)"
	$read "$file" | sql -c "COPY $1 FROM STDIN (FORMAT csv, HEADER)"
}

[[ -n ${1:-} && -d $1 ]] || die "name a folder with events.csv and items.csv"
FOLDER=$(cd "$1" && pwd)
with_extension bench
sql -c 'CREATE EXTENSION reco'
load_text events
load_text items
sql -c 'CREATE INDEX ON events (user_id)' -c 'ALTER TABLE items ADD PRIMARY KEY (item_id)' -c 'ANALYZE' \
	-c "SET client_min_messages = warning" \
	-c "SELECT reco.create_recommender('lists', 'events', 'user_id', 'item_id', items => 'items', item_key => 'item_id', item_label => 'title')" \
	-c "CALL reco.refresh('lists')" >/dev/null
printf 'Lists on %s: %s\n' "$(basename "$FOLDER")" "$(machine)"
sql -At -F ' ' -v users="${2:-4}" -v seed="${3:-1}" <<'SQL'
WITH chosen AS (
	SELECT user_id FROM events GROUP BY user_id HAVING count(DISTINCT item_id) BETWEEN 8 AND 60
	ORDER BY hashtextextended(user_id, :seed) LIMIT :users
), history AS (
	SELECT user_id, count(*) AS n, string_agg(left(title, 45), '; ' ORDER BY hashtextextended(title, 1)) FILTER (WHERE place <= 10) AS titles
	FROM (SELECT DISTINCT user_id, title, dense_rank() OVER (PARTITION BY user_id ORDER BY hashtextextended(title, 1)) AS place
		FROM chosen JOIN events USING (user_id) JOIN items USING (item_id)) e
	GROUP BY user_id
)
SELECT E'\nuser ' || user_id || ', ' || n || ' items, among them: ' || titles || E'\n' || lines
FROM history, LATERAL (
	SELECT string_agg(format('  %s. %s  [%s]', rank, left(title, 60), reason), E'\n' ORDER BY rank) AS lines
	FROM reco.recommend(user_id, 6) JOIN items USING (item_id)) l;
SQL
