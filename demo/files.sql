-- Loads one folder of CSV files and describes it to reco. Called by scripts/demo.sh, which has loaded each file into a
-- table of text columns and set :has_items, :has_users, :has_ratings and :has_test.
\set ON_ERROR_STOP on
\set QUIET on
\pset pager off
\pset null ''
SET client_min_messages = warning;

-- Types by content: whole numbers without leading zeros, other numbers, timestamps, those with a zone; the rest stays text. A column has one
-- type in all tables, because ids must agree.
CREATE FUNCTION pg_temp.settle_types() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	col text;
	tables text[];
	tab text;
	new_type text;
	fits boolean;
	changes jsonb = '{}';
	entry record;
BEGIN
	FOR col, tables IN
		SELECT attname, array_agg(c.relname::text) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND attnum > 0
		GROUP BY attname
	LOOP
		FOR new_type, fits IN SELECT t, NULL FROM unnest('{int,bigint,numeric,timestamp,timestamptz}'::text[]) WITH ORDINALITY o(t, n) ORDER BY n LOOP
			fits := true;
			FOREACH tab IN ARRAY tables LOOP
				EXECUTE format('SELECT NOT EXISTS (SELECT FROM %I WHERE %I !~ %L)', tab, col, CASE new_type
					WHEN 'int' THEN '^-?(0|[1-9]\d{0,8})$'
					WHEN 'bigint' THEN '^-?(0|[1-9]\d{0,17})$'
					WHEN 'numeric' THEN '^-?(0|[1-9]\d*)(\.\d+)?$'
					WHEN 'timestamp' THEN '^\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?)?$'
					ELSE '^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)$' END) INTO fits;
				EXIT WHEN NOT fits;
			END LOOP;
			IF fits THEN
				FOREACH tab IN ARRAY tables LOOP
					changes := jsonb_set(changes, ARRAY[tab], coalesce(changes -> tab, '[]')
						|| to_jsonb(format('ALTER COLUMN %I TYPE %s USING %I::%s', col, new_type, col, new_type)));
				END LOOP;
				EXIT;
			END IF;
		END LOOP;
	END LOOP;
	FOR entry IN SELECT key, (SELECT string_agg(value, ', ') FROM jsonb_array_elements_text(c.value)) AS list FROM jsonb_each(changes) c LOOP
		EXECUTE format('ALTER TABLE %I %s', entry.key, entry.list);
	END LOOP;
END $$;
SELECT pg_temp.settle_types() \g /dev/null

CREATE INDEX ON events (user_id);
\if :has_items
ALTER TABLE items ADD PRIMARY KEY (item_id);
\endif
\if :has_users
ALTER TABLE users ADD PRIMARY KEY (user_id);
\endif
\if :has_ratings
CREATE INDEX ON ratings (user_id);
\endif
ANALYZE;

-- has(table, column)
CREATE FUNCTION pg_temp.has(tab text, col text) RETURNS boolean LANGUAGE sql STABLE
RETURN EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass(tab) AND attname = col AND NOT attisdropped);

-- features(table, key): the columns that say something of more than one row. Averages and counts of ratings are left out:
-- they are made of what is to be predicted.
CREATE FUNCTION pg_temp.features(tab text, key text) RETURNS text LANGUAGE sql STABLE
RETURN (SELECT '{' || string_agg(quote_ident(a.attname), ',' ORDER BY a.attnum) || '}'
	FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_stats s ON s.schemaname = 'public' AND s.tablename = tab AND s.attname = a.attname
	WHERE a.attrelid = to_regclass(tab) AND a.attnum > 0 AND a.attname NOT IN (key, 'title') AND a.attname !~ 'rating'
		AND (a.atttypid <> 'text'::regtype OR CASE WHEN s.n_distinct < 0 THEN -s.n_distinct * c.reltuples ELSE s.n_distinct END < 0.6 * c.reltuples));

-- What the two definitions have in common, as text
CREATE TEMP TABLE common AS
SELECT CASE WHEN to_regclass('items') IS NOT NULL THEN
		E',\n    items         => ''items'', item_key => ''item_id'''
		|| CASE WHEN pg_temp.has('items', 'title') THEN ', item_label => ''title''' ELSE '' END
		|| coalesce(E',\n    item_features => ' || quote_literal(pg_temp.features('items', 'item_id')), '') ELSE '' END
	|| CASE WHEN to_regclass('users') IS NOT NULL THEN
		E',\n    users         => ''users'', user_key => ''user_id'''
		|| coalesce(', user_features => ' || quote_literal(pg_temp.features('users', 'user_id')), '') ELSE '' END
	|| ')' AS tail;

-- Weights only for kinds that occur: a purchase counts for it, a return against it, and anything else is a weak sign.
SELECT E'SELECT create_recommender(''demo'',\n    interactions  => ''events'', user_column => ''user_id'', item_column => ''item_id'''
	|| CASE WHEN pg_temp.has('events', 'kind') THEN E',\n    event_column  => ''kind'', event_weights => ' || quote_literal(
		(SELECT jsonb_object_agg(kind, CASE kind WHEN 'return' THEN -1 ELSE 1 END)::text
		 FROM (SELECT DISTINCT to_jsonb(e) ->> 'kind' AS kind FROM events e) k)) ELSE '' END
	|| CASE WHEN pg_temp.has('events', 'at') THEN E',\n    time_column   => ''at''' ELSE '' END
	|| tail AS define,
	E'SELECT create_recommender(''stars'',\n    interactions  => ''ratings'', user_column => ''user_id'', item_column => ''item_id'''
	|| E',\n    value_column  => ''value'', feedback => ''explicit''' || tail AS define_ratings,
	-- ids are written as numbers where both are numbers, as text otherwise
	(SELECT count(*) = 2 FROM pg_attribute WHERE attrelid = 'events'::regclass AND attname IN ('user_id', 'item_id')
	 AND atttypid IN ('int'::regtype, 'bigint'::regtype)) AS numbers,
	CASE WHEN pg_temp.has('items', 'title') THEN 'i.title' ELSE 'NULL' END AS label,
	CASE WHEN pg_temp.has('events', 'at') THEN 'at DESC' ELSE 'item_id' END AS recent
FROM common \gset

SELECT count(DISTINCT item_id) AS n, user_id AS chosen FROM events GROUP BY user_id
HAVING count(DISTINCT item_id) >= 5
ORDER BY abs(count(DISTINCT item_id) - 25), hashtextextended(user_id::text, 7) LIMIT 1 \gset
\if :numbers
\set who :chosen
\else
\set who '''' :chosen ''''
\endif
RESET client_min_messages;
\set ECHO queries

\echo
\echo '== The tables =='
\d events
\if :has_items
SELECT * FROM items LIMIT 3;
\endif
\if :has_users
SELECT * FROM users LIMIT 3;
\endif
SELECT count(*) AS events, count(DISTINCT user_id) AS users, count(DISTINCT item_id) AS items FROM events;

\echo
\echo '== Say what is where; nothing is copied =='
CREATE EXTENSION reco;
SET search_path = "$user", public, reco;
:define;

\echo
\echo '== Learn =='
\timing on
CALL reco.refresh('demo');
\timing off

\echo
\echo '== Ten recommendations for user' :chosen 'with their reasons =='
\timing on
SELECT * FROM reco.recommend(:who, 10, 'demo');
\timing off
\echo 'Some of the' :n 'items of this user''s history, the latest first where times are known:'
\if :has_items
SELECT e.*, :label AS label FROM events e LEFT JOIN items i USING (item_id) WHERE user_id = :who ORDER BY :recent LIMIT 15;
\else
SELECT * FROM events WHERE user_id = :who ORDER BY :recent LIMIT 15;
\endif

\echo
\echo '== Why the first of them: every piece of evidence, what it adds, and what the score would lose without it =='
\set ECHO none
SELECT CASE WHEN :'numbers' THEN item_id::text ELSE quote_literal(item_id) END AS item FROM reco.recommend(:who, 1, 'demo') \gset
\set ECHO queries
SELECT ord, kind, evidence_id, evidence_label, round(contribution::numeric, 4) AS contribution,
    round(removal_effect::numeric, 4) AS removal_effect, round(share::numeric, 3) AS share, exactness, reason
FROM reco.explain(:who, :item, 'demo');
SELECT round(sum(contribution)::numeric, 6) AS sum_of_contributions, round(reco.score(:who, :item, 'demo')::numeric, 6) AS score
FROM reco.explain(:who, :item, 'demo');

\echo
\echo '== Is it any good? =='
\timing on
\if :has_test
CALL reco.evaluate('demo', test => 'test');
\else
CALL reco.evaluate('demo');
\endif
\timing off
SELECT model, k, recall, ndcg, hit_rate, coverage FROM reco.evaluation_report('demo') WHERE user_group = 'all' AND item_group = 'all' AND k = 10;

\if :has_ratings
\echo
\echo '== The ratings, as a second recommender that predicts them =='
SELECT count(*) AS ratings, count(DISTINCT user_id) AS users, round(avg(value), 2) AS average FROM ratings;
:define_ratings;
\timing on
CALL reco.refresh('stars');
\timing off
\set ECHO none
SELECT user_id AS chosen FROM ratings GROUP BY user_id
ORDER BY abs(count(DISTINCT item_id) - 25), hashtextextended(user_id::text, 7) LIMIT 1 \gset
\if :numbers
\set who :chosen
\else
\set who '''' :chosen ''''
\endif
\set ECHO queries
SELECT * FROM reco.recommend(:who, 5, 'stars');
\timing on
CALL reco.evaluate('stars');
\timing off
SELECT * FROM reco.evaluation_report('stars');
\endif
