#!/bin/bash
# bench/cold.sh DATA [SEEDS] [USERS]: what attributes are worth on goodbooks, online-retail and book-crossing, folders of DATA with
# events.csv, items.csv and users.csv (plain or .xz; bench/README.md), and on a shop that it makes up. Prints Markdown.
#
#   cold items   a tenth of the items by a hash of seed and id, with all their events held out; candidates are these items, users are USERS of
#                those (by hash) with a held-out and another event; hit rate@10. In "all items" the same users are given lists of everything, and
#                the share of lines with an unseen item is counted.
#   cold users   a fifth of the users by a hash have no events; recall@20 and NDCG@20 beside global popularity, and the difference with a paired
#                bootstrapped interval (reco.compare on a test relation)
#   warm         a fifth of the pairs held out at random: with features beside without; and on goodbooks those of users with five other events
#                at most
set -euo pipefail
# shellcheck source=bench/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

DATA=${1:?name a folder with goodbooks, online-retail and book-crossing}
SEEDS=${2:-5}
USERS=${3:-2000}

# load(folder, schema, file, columns): a table schema.file of a CSV file
load()
{
	local file=$DATA/$1/$3.csv
	[[ -r $file ]] || file=$file.xz
	sql -c "CREATE TABLE $2.$3 ($4)"
	case $file in
		*.xz) xz -dc -- "$file" ;;
		*) cat -- "$file" ;;
	esac | sql -c "COPY $2.$3 FROM STDIN (FORMAT csv, HEADER)"
}

# cold_items(set, type of item ids in calls, their column's type, definition arguments, baseline: SQL that gives item_id and popularity)
cold_items()
{
	local seed answer=
	[[ $2 == bigint ]] || answer="item_type => NULL::$2,"
	for ((seed = 1; seed <= SEEDS; seed++)); do
		sql -At -F ' | ' -v seed="$seed" <<-SQL
			SET client_min_messages = warning;
			DROP SCHEMA IF EXISTS cold CASCADE;
			CREATE SCHEMA cold;
			SET search_path = cold, $1, reco, public;
			CREATE TABLE held AS SELECT item_id FROM $1.items WHERE (hashtextextended(item_id::text, :seed) & 1023) < 102;
			CREATE TABLE train AS SELECT e.* FROM $1.events e WHERE NOT EXISTS (SELECT FROM held h WHERE h.item_id = e.item_id);
			CREATE INDEX ON train (user_id);
			CREATE TABLE test AS SELECT user_id, array_agg(DISTINCT item_id) AS want FROM $1.events JOIN held USING (item_id)
			WHERE user_id IN (SELECT user_id FROM train) GROUP BY 1 ORDER BY hashtextextended(user_id::text, :seed) LIMIT $USERS;
			ANALYZE;
			SELECT create_recommender('cold', 'train', 'user_id', 'item_id', $4);
			CALL refresh('cold');
			CREATE TABLE baseline AS $5;
			CREATE TABLE list AS SELECT t.user_id, t.want, r.item_id FROM test t, LATERAL recommend(user_id => t.user_id::bigint, $answer k => 10, recommender => 'cold',
				candidates => (SELECT array_agg(item_id::$2) FROM held), options => '{"reason": false}') r;
			CREATE TABLE everything AS SELECT t.user_id, t.want, r.item_id FROM test t, LATERAL recommend(user_id => t.user_id::bigint, $answer k => 10, recommender => 'cold',
				options => '{"reason": false}') r;
			CREATE TABLE reserved AS SELECT t.user_id, t.want, r.item_id FROM test t, LATERAL recommend(user_id => t.user_id::bigint, $answer k => 10, recommender => 'cold',
				options => '{"reason": false, "new_items": 2}') r;
			SELECT '| $1', :seed, (SELECT count(*) FROM test), (SELECT count(*) FROM held),
				round((SELECT avg((want && (SELECT array_agg(l.item_id) FROM list l WHERE l.user_id = t.user_id)::$3[])::int) FROM test t), 4),
				round((SELECT avg((want && (SELECT array_agg(item_id) FROM (SELECT item_id FROM baseline ORDER BY popularity DESC NULLS LAST, hashtextextended(item_id::text, :seed) LIMIT 10) b))::int) FROM test), 4),
				round((SELECT avg(1 - power(1 - 10.0 / (SELECT count(*) FROM held), cardinality(want))) FROM test), 4),
				round((SELECT avg((want && (SELECT array_agg(l.item_id) FROM everything l WHERE l.user_id = t.user_id)::$3[])::int) FROM test t), 4),
				round((SELECT avg((item_id::$3 IN (SELECT item_id FROM held))::int) FROM everything), 4),
				round((SELECT avg((want && (SELECT array_agg(l.item_id) FROM reserved l WHERE l.user_id = t.user_id)::$3[])::int) FROM test t), 4),
				round((SELECT avg((item_id::$3 IN (SELECT item_id FROM held))::int) FROM reserved), 4) || ' |';
			SELECT drop_recommender('cold') \\g /dev/null
		SQL
	done | grep '^|'
}

# compare(set, definition arguments, call of compare, versus): a model against another, by two measures
compare()
{
	sql -At -F ' | ' <<-SQL
		SET client_min_messages = warning;
		SET search_path = reco, public;
		SELECT create_recommender('told', $2) \\g /dev/null
		CALL compare('told', $3);
		SELECT '| $1', '$4', model, m, value, (SELECT value FROM comparison_report('told', metric => m, k => 20, versus => '$4') WHERE model = '$4'),
			difference, difference_low || ' to ' || difference_high || ' |'
		FROM unnest('{recall,ndcg}'::text[]) m, comparison_report('told', metric => m, k => 20, versus => '$4') WHERE model = 'als (told)';
		SELECT drop_recommender('told') \\g /dev/null
	SQL
}

# cold_users(set, definition arguments)
cold_users()
{
	sql <<-SQL
		SET client_min_messages = warning;
		DROP SCHEMA IF EXISTS cold CASCADE;
		CREATE SCHEMA cold;
		CREATE TABLE cold.train AS SELECT * FROM $1.events WHERE (hashtextextended(user_id::text, 5) & 1023) >= 205;
		CREATE TABLE cold.test AS SELECT * FROM $1.events WHERE (hashtextextended(user_id::text, 5) & 1023) < 205;
		CREATE INDEX ON cold.train (user_id);
		ANALYZE;
	SQL
	compare "$1" "'cold.train', 'user_id', 'item_id', $2" "models => '[]', test => 'cold.test', options => '{\"k\": 20}'" popularity
}

with_extension cold "shared_buffers = 512MB" "maintenance_work_mem = 1GB"
sql -c 'CREATE EXTENSION reco' -c 'CREATE SCHEMA goodbooks' -c 'CREATE SCHEMA online_retail' -c 'CREATE SCHEMA book_crossing'
machine
load goodbooks goodbooks events 'user_id int NOT NULL, item_id int NOT NULL'
load goodbooks goodbooks items 'item_id int PRIMARY KEY, title text, authors text, year int, language text, average_rating real, ratings_count int'
load online-retail online_retail events 'user_id int NOT NULL, item_id text NOT NULL, kind text, value int, unit_price real, at timestamp, invoice text'
load online-retail online_retail items 'item_id text PRIMARY KEY, title text, price real'
load online-retail online_retail users 'user_id int PRIMARY KEY, country text'
load book-crossing book_crossing events 'user_id int NOT NULL, item_id int NOT NULL'
load book-crossing book_crossing users 'user_id int PRIMARY KEY, location text, age int'

printf '\n| cold items of | seed | users | held out | hit rate@10 | baseline | random | all items | unseen in lists | with new_items 2 | unseen in lists |\n|---|---|---|---|---|---|---|---|---|---|---|\n'
cold_items goodbooks bigint int \
	"items => 'goodbooks.items', item_key => 'item_id', item_features => '{authors, language, year, title}', options => '{\"features\": {\"authors\": {\"delimiter\": \",\", \"levels\": 4000}, \"title\": {\"text\": true}}}'" \
	"WITH pop AS (SELECT item_id, split_part(authors, ',', 1) AS author, language, count(t.user_id) AS n FROM goodbooks.items i LEFT JOIN train t USING (item_id) WHERE item_id NOT IN (SELECT item_id FROM held) GROUP BY 1, 2, 3),
		a AS (SELECT author, avg(n) AS n FROM pop GROUP BY 1), l AS (SELECT language, avg(n) AS n FROM pop GROUP BY 1)
		SELECT h.item_id, coalesce(a.n, l.n) AS popularity FROM held h JOIN goodbooks.items i USING (item_id) LEFT JOIN a ON a.author = split_part(i.authors, ',', 1) LEFT JOIN l ON l.language IS NOT DISTINCT FROM i.language"
cold_items online_retail text text \
	"items => 'online_retail.items', item_key => 'item_id', item_features => '{title, price}', options => '{\"features\": {\"title\": {\"delimiter\": \" \"}}}'" \
	"WITH band AS (SELECT item_id, ntile(10) OVER (ORDER BY price, item_id) AS band FROM online_retail.items),
		n AS (SELECT band, count(DISTINCT (user_id, t.item_id))::float8 / count(DISTINCT b.item_id) AS n FROM band b LEFT JOIN train t USING (item_id) WHERE b.item_id NOT IN (SELECT item_id FROM held) GROUP BY 1)
		SELECT h.item_id, n.n AS popularity FROM held h JOIN band b USING (item_id) LEFT JOIN n USING (band)"

# A shop whose customers have a taste that their region and age decide, and nothing else.
sql <<'SQL'
CREATE SCHEMA shop;
CREATE TABLE shop.users AS SELECT u AS user_id, 'r' || u % 8 AS region, 'a' || u / 8 % 5 AS age FROM generate_series(1, 5000) u;
CREATE TABLE shop.events AS SELECT u AS user_id, i AS item_id FROM generate_series(1, 5000) u, generate_series(1, 500) i
WHERE (hashint8(u * 1000 + i) & 1048575) / 1048576.0 < CASE WHEN i % 8 = u % 8 THEN 0.09 ELSE 0.006 END * CASE WHEN i / 8 % 5 = u / 8 % 5 THEN 2.5 ELSE 0.6 END;
ALTER TABLE shop.users ADD PRIMARY KEY (user_id);
SQL
printf '\n| cold users of | beside | model | @20 | value | of that | difference | 95 %% |\n|---|---|---|---|---|---|---|---|\n'
cold_users shop "users => 'shop.users', user_key => 'user_id', user_features => '{region, age}'"
cold_users online_retail "users => 'online_retail.users', user_key => 'user_id', user_features => '{country}'"
cold_users book_crossing "users => 'book_crossing.users', user_key => 'user_id', user_features => '{age, location}', options => '{\"features\": {\"location\": {\"delimiter\": \",\"}}}'"

printf '\n| warm | beside | model | @20 | value | of that | difference | 95 %% |\n|---|---|---|---|---|---|---|---|\n'
without="models => '[{\"name\": \"without\", \"options\": {\"attributes\": false}}]', options => '{\"k\": 20}'"
compare goodbooks "'goodbooks.events', 'user_id', 'item_id', items => 'goodbooks.items', item_key => 'item_id', item_features => '{authors, language, year, title}', options => '{\"features\": {\"authors\": {\"delimiter\": \",\", \"levels\": 4000}, \"title\": {\"text\": true}}}'" "$without" without
compare online_retail "'online_retail.events', 'user_id', 'item_id', items => 'online_retail.items', item_key => 'item_id', item_features => '{title, price}', users => 'online_retail.users', user_key => 'user_id', user_features => '{country}', options => '{\"features\": {\"title\": {\"delimiter\": \" \"}}}'" "$without" without
compare book_crossing "'book_crossing.events', 'user_id', 'item_id', users => 'book_crossing.users', user_key => 'user_id', user_features => '{age, location}', options => '{\"features\": {\"location\": {\"delimiter\": \",\"}}}'" "$without" without

sql <<-'SQL'
	DROP SCHEMA IF EXISTS cold CASCADE;
	CREATE SCHEMA cold;
	CREATE TABLE cold.test AS SELECT user_id, item_id FROM (SELECT e.*, sum((NOT held)::int) OVER (PARTITION BY user_id) AS others
		FROM (SELECT *, (hashtextextended(user_id || ':' || item_id, 5) & 1023) < 205 AS held FROM goodbooks.events) e) e WHERE held AND others BETWEEN 1 AND 5;
	ANALYZE;
SQL
compare 'goodbooks, at most 5 events' "'goodbooks.events', 'user_id', 'item_id', items => 'goodbooks.items', item_key => 'item_id', item_features => '{authors, language, year, title}', options => '{\"features\": {\"authors\": {\"delimiter\": \",\", \"levels\": 4000}, \"title\": {\"text\": true}}}'" "models => '[{\"name\": \"without\", \"options\": {\"attributes\": false}}]', test => 'cold.test', options => '{\"k\": 20}'" without
