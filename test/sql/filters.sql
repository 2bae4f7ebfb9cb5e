-- A filter is one boolean expression over the items, run as the caller and read-only; whatever else it tries is refused.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE SCHEMA filters;
SET search_path = filters;
SET client_min_messages = warning;

CREATE TABLE events (user_id int, product_id bigint);
CREATE INDEX ON events (user_id);
CREATE TABLE products (id int PRIMARY KEY, title varchar(40), price numeric, in_stock bool, tags text[]);
INSERT INTO products SELECT i, 'product ' || i, i * 10, i % 3 <> 0, CASE WHEN i % 2 = 0 THEN '{even}'::text[] ELSE '{odd}' END
FROM generate_series(1, 20) i;
UPDATE products SET in_stock = NULL WHERE id = 20;
INSERT INTO events SELECT u, i FROM generate_series(1, 30) u, generate_series(1, 20) i WHERE (u * 3 + i * 7) % 5 = 0;
INSERT INTO events VALUES (1000, 1);
SELECT reco.create_recommender('filters', interactions => 'events', user_column => 'user_id', item_column => 'product_id',
	items => 'products', item_key => 'id', item_label => 'title', options => '{"factors": 4, "iterations": 2}');
CALL reco.refresh('filters');

-- try() gives what a filter lets through for a user who has only item 1, or how it fails.
CREATE FUNCTION try(filter text, args text[] = NULL) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	state text;
	message text;
	detail text;
	hint text;
BEGIN
	RETURN NEXT coalesce((SELECT string_agg(item_id::text, ' ' ORDER BY item_id)
		FROM reco.recommend(1000::bigint, 20, 'filters', filter => try.filter, filter_args => args)), 'none');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN NEXT state || ': ' || message;
	IF detail <> '' THEN
		RETURN NEXT '  detail: ' || detail;
	END IF;
	IF hint <> '' THEN
		RETURN NEXT '  hint: ' || hint;
	END IF;
END $$;

-- What a filter may be.  NULL is not true.
SELECT try('true');
SELECT try('in_stock');
SELECT try('price < 60 and in_stock');
SELECT try('products.price < 60 -- cheap');
SELECT try('/* cheap */ filters.products.price < 60 /* and no more */');
SELECT try('''even'' = any (tags) or id = 3');
SELECT try('title like ''%1%''');
SELECT try('id in (select max(product_id) from events)');
SELECT try('(select count(*) from events e where e.product_id = products.id) > 100');
SELECT try('false');

-- Arguments are values, never SQL.
SELECT try('price < $1::numeric', '{50}');
SELECT try('price between $1::numeric and $2::numeric', '{50,80}');
SELECT try('id = any ($1::int[])', ARRAY['{2,4,400}']);
SELECT try('title = $1', ARRAY[$$' or true --$$]);
SELECT try('$1::int is null', '{NULL}');
SELECT try('price < $1::numeric');
SELECT try('price < $3::numeric', '{1,2}');
SELECT try('price < $1', '{50}');
SELECT try('price < $1::numeric', '{cheap}');
SELECT try('id = any ($1)');
SELECT try('in_stock', '{unused}');

-- What it may not be: another type, more than one expression, a statement.
SELECT try('price');
SELECT try('title');
SELECT try('');
SELECT try('-- nothing');
SELECT try('in_stock, price');
SELECT try('in_stock as x');
SELECT try('*');
SELECT try('products.*');
SELECT try('prize < 60');
SELECT try('price <');
SELECT try('no_such_function(price)');
SELECT try('count(*) > 1');
SELECT try('rank() over (order by price) = 1');
SELECT try('generate_series(1, 2) = 1');

-- Ways out of the parentheses.
SELECT try('true) or (true');
SELECT try('true), (true');
SELECT try('true) from events where (true');
SELECT try('true from events');
SELECT try('true where true');
SELECT try('true group by id');
SELECT try('true having true');
SELECT try('true window w as ()');
SELECT try('true order by price');
SELECT try('true limit 1');
SELECT try('true for update');
SELECT try('distinct in_stock');
SELECT try('true union select true');
SELECT try('true into stolen');
SELECT try('select true');
SELECT try('with x as (select 1) select true');
SELECT try('values (true)');
SELECT try('true; drop table events');
SELECT try('true /*');
SELECT try('true $$');
SELECT try('''');
SELECT try('(with gone as (delete from events returning 1) select true)');

-- A filter cannot write, nor allow itself to.
CREATE FUNCTION writes() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN DELETE FROM filters.events; RETURN true; END $$;
CREATE FUNCTION unlocks() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('transaction_read_only', 'off', true); DELETE FROM filters.events; RETURN true; END $$;
CREATE SEQUENCE counter;
SELECT try('writes()');
SELECT try('unlocks()');
SELECT try('nextval(''counter'') > 0');
SELECT try('1 / (id - id) = 1');
SELECT count(*) > 1 FROM events;
SHOW transaction_read_only;
BEGIN;
SELECT try('in_stock and id < 6');
INSERT INTO products VALUES (21, 'product 21', 1, true);
SHOW transaction_read_only;
ROLLBACK;

-- It runs as the caller: what the caller may not read, it may not filter by.
CREATE ROLE filters_clerk;
GRANT USAGE ON SCHEMA filters TO filters_clerk;
GRANT SELECT ON events TO filters_clerk;
GRANT SELECT (id, title, in_stock) ON products TO filters_clerk;
SET ROLE filters_clerk;
SELECT try('in_stock and id < 6');
SELECT try('price < 60');
RESET ROLE;

-- The caller's search path serves the filter, and cannot change the rest.
CREATE SCHEMA elsewhere;
CREATE FUNCTION elsewhere.affordable(numeric) RETURNS bool LANGUAGE sql AS 'SELECT $1 < 40';
CREATE FUNCTION elsewhere.never(int, int) RETURNS bool LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR elsewhere.= (LEFTARG = int, RIGHTARG = int, FUNCTION = elsewhere.never);
SELECT try('affordable(price)');
SET search_path = elsewhere, filters, pg_catalog;
SELECT try('affordable(price)');
SELECT try('in_stock and id < 6');
SELECT try('id = 2');
SET search_path = filters;
SELECT try('id = 2');

-- A changed table is seen at once behind the same filter.
SELECT try('id < 6');
ALTER TABLE products RENAME COLUMN price TO cost;
SELECT try('id < 6'), try('cost < 40');
ALTER TABLE products ALTER in_stock TYPE text USING in_stock::text;
SELECT try('in_stock');
UPDATE products SET title = title || '!' WHERE id = 2;
DELETE FROM products WHERE id = 4;
SELECT try('id < 6');

-- More filters than are kept, each twice, and one that asks for recommendations itself.
SELECT count(*), count(DISTINCT r.item_id) FROM generate_series(1, 2) round, generate_series(1, 70) n,
	LATERAL reco.recommend(1000::bigint, 1, 'filters', filter => 'id = ' || (2 + n % 2) || ' -- ' || n) r;
CREATE FUNCTION asks(depth int) RETURNS bool LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN depth = 0 OR EXISTS (SELECT 1 FROM reco.recommend(1000::bigint, 1, 'filters', filter => format('id = 2 and filters.asks(%s)', depth - 1)));
END $$;
SELECT try('id = 2 and asks(40)');

-- Literals mean what the settings of the moment make of them, and 'now' is the moment of the transaction, however often a filter was used before.
SET timezone = 'UTC';
SELECT try($$timestamptz '2026-01-05 00:00' = timestamptz '2026-01-05 00:00+00'$$) <> 'none' AS utc;
SET timezone = 'Asia/Tokyo';
SELECT try($$timestamptz '2026-01-05 00:00' = timestamptz '2026-01-05 00:00+00'$$) <> 'none' AS tokyo;
RESET timezone;
SET datestyle = 'ISO, MDY';
SELECT try($$date '01/05/2026' = '2026-01-05'$$) <> 'none' AS month_first;
SET datestyle = 'ISO, DMY';
SELECT try($$date '01/05/2026' = '2026-01-05'$$) <> 'none' AS day_first;
RESET datestyle;
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SELECT try(E'length(\'a\\\\b\') = 3') <> 'none' AS escapes;
SET standard_conforming_strings = on;
SELECT try(E'length(\'a\\\\b\') = 3') <> 'none' AS standard;
RESET escape_string_warning;
SELECT try($$timestamptz 'Now' = now()$$) <> 'none' AS now;
SELECT try($$timestamptz 'Now' = now()$$) <> 'none' AS again;

-- Without items there is nothing to filter.
SELECT reco.create_recommender('bare', interactions => 'events', user_column => 'user_id', item_column => 'product_id',
	options => '{"factors": 4, "iterations": 2}');
CALL reco.refresh('bare');
SELECT count(*) FROM reco.recommend(1000::bigint, 5, 'bare');
\set VERBOSITY default
SELECT count(*) FROM reco.recommend(1000::bigint, 5, 'bare', filter => 'true');

-- Values that the filter does not use are mostly a mistake; a gap before the last is none.
SELECT try('true', '{1}');
SELECT try('$1 = $1', '{1,2,3}');
SELECT try('$2 = $2', '{1,2}') <> 'none', try('EXISTS (SELECT WHERE $1 = $1)', '{1}') <> 'none';

-- Clean-up.
SELECT count(reco.drop_recommender(name)) FROM unnest('{filters,bare}'::text[]) name;
SET client_min_messages = error;
DROP SCHEMA filters CASCADE;
DROP SCHEMA elsewhere CASCADE;
DROP ROLE filters_clerk;
