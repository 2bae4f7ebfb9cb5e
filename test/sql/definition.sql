-- A recommender is defined, altered, dropped, and refused with a clear error, and only those see it who may.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE EXTENSION file_fdw;
RESET client_min_messages;
SET search_path = public, helper;

-- create() and alter() put the arguments over those of a definition that is fine.
CREATE FUNCTION create_with(arguments text) RETURNS SETOF text
LANGUAGE sql AS $$
	SELECT complaint('SELECT reco.create_recommender(''x'', ' || arguments || ')')
$$;

CREATE TYPE kind AS ENUM ('view', 'cart', 'purchase', 'return');
CREATE DOMAIN customer_id AS integer CHECK (VALUE > 0);
CREATE TABLE events (user_id customer_id, product_id bigint, kind kind, stars real, at timestamptz,
					 price numeric, payload jsonb, dropped integer, days interval);
ALTER TABLE events DROP COLUMN dropped;
CREATE INDEX ON events (user_id);
CREATE TABLE products (id integer PRIMARY KEY, title text, category text, brand text, added date, sku text UNIQUE);
CREATE TABLE customers (id smallint PRIMARY KEY, region text);

-- The whole of it, and what the view shows.
SELECT reco.create_recommender('shop',
	interactions => 'events', user_column => 'user_id', item_column => 'product_id',
	event_column => 'kind', event_weights => '{"view": 1, "cart": 3, "purchase": 5, "return": -3}',
	time_column => 'at', half_life => '90 days',
	items => 'products', item_key => 'id', item_label => 'title',
	item_features => '{category, brand}',
	users => 'customers', user_key => 'id', user_features => '{region}',
	options => '{"factors": 32, "lambda": null}');
\x on
SELECT name, owner = current_user::regrole AS mine, algorithm, feedback, interactions, user_column, item_column, event_column,
	event_weights, value_column, time_column, half_life, items, item_key, item_label, item_features,
	items_time_column, users, user_key, user_features, shared_catalogue, options, deployed, refreshed_at
FROM reco.recommenders;
\x off
-- The least of it; a name is taken once.
SELECT reco.create_recommender('least', 'events', 'user_id', 'product_id');
SELECT complaint($$ SELECT reco.create_recommender('shop', 'events', 'user_id', 'product_id') $$);
SELECT count(*) FROM reco.recommenders;

-- Names and arguments that must be there.
SELECT complaint($$ SELECT reco.create_recommender('', 'events', 'user_id', 'product_id') $$);
SELECT complaint($$ SELECT reco.create_recommender(repeat('n', 256), 'events', 'user_id', 'product_id') $$);
SELECT complaint($$ SELECT reco.create_recommender(NULL, 'events', 'user_id', 'product_id') $$);
SELECT create_with($$ NULL, 'user_id', 'product_id' $$);
SELECT create_with($$ 'events', NULL, 'product_id' $$);
SELECT create_with($$ 'events', 'user_id', NULL $$);

-- Relations and columns that are not there.
SELECT create_with($$ 'event', 'user_id', 'product_id' $$);
SELECT create_with($$ 4294967295::oid::regclass, 'user_id', 'product_id' $$);
SELECT create_with($$ 'events', 'usr_id', 'product_id' $$);
SELECT create_with($$ 'events', 'user_id', 'sku' $$);
SELECT create_with($$ 'events', 'user_id', 'dropped' $$);
SELECT create_with($$ 'events', 'ctid', 'product_id' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', event_column => 'king' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', value_column => 'star' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', time_column => 'when' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', items => 'products', item_key => 'idd' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', items => 'products', item_key => 'id', item_label => 'titel' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', items => 'products', item_key => 'id', item_features => '{brand, colour}' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', items => 'products', item_key => 'id', item_features => '{brand, brand}' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', items => 'products', item_key => 'id', item_features => '{brand, NULL}' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', users => 'customers', user_key => 'id', user_features => '{regoin}' $$);

-- Types: keys, events, values, times.
SELECT create_with($$ 'events', 'price', 'product_id' $$);
SELECT create_with($$ 'events', 'user_id', 'payload' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', items => 'products', item_key => 'sku' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', items => 'products', item_key => 'added' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', users => 'customers', user_key => 'region' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', event_column => 'payload' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', value_column => 'kind' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', time_column => 'days' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', items => 'products', item_key => 'id', items_time_column => 'title' $$);

-- Keys with a nondeterministic collation: equal keys may differ in their bytes.
CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE nicks (nick text COLLATE blind, friend text COLLATE blind, plain text, word text COLLATE blind);
CREATE INDEX ON nicks (plain);
SELECT create_with($$ 'nicks', 'nick', 'plain' $$);
SELECT create_with($$ 'nicks', 'plain', 'friend' $$);
SELECT create_with($$ 'nicks', 'plain', 'plain', items => 'nicks', item_key => 'word' $$);
SELECT create_with($$ 'nicks', 'plain', 'plain', users => 'nicks', user_key => 'nick' $$);
CREATE VIEW nicknames AS SELECT nick COLLATE "C" AS nick, plain FROM nicks;
SELECT create_with($$ 'nicknames', 'nick', 'plain', event_column => 'plain' $$);
SELECT reco.drop_recommender('x');
DROP TABLE nicks CASCADE;
DROP COLLATION blind;

-- Values that need each other.
SELECT create_with($$ 'events', 'user_id', 'product_id', event_weights => '{"view": 1}' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', half_life => '90 days' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', feedback => 'explicit' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', feedback => 'implizit' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', items => 'products' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', item_key => 'id' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', item_label => 'title' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', item_features => '{brand}' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', items_time_column => 'added' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', users => 'customers' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', user_key => 'id' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', user_features => '{region}' $$);

-- Values out of range.
SELECT create_with($$ 'events', 'user_id', 'product_id', time_column => 'at', half_life => '0 days' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', time_column => 'at', half_life => '-1 month' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', time_column => 'at', half_life => '1 month -30 days' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', event_column => 'kind', event_weights => '[1, 2]' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', event_column => 'kind', event_weights => '{"view": "1"}' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', event_column => 'kind', event_weights => '{"view": {"a": 1}}' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', event_column => 'kind', event_weights => '{"view": 1e400}' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', event_column => 'kind', event_weights => '{}' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', event_column => 'kind', event_weights => '{"return": -1}' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', event_column => 'kind', event_weights => '{"view": 1, "return": -1}',
	feedback => 'explicit', value_column => 'stars' $$);

-- The algorithm and its options.
SELECT create_with($$ 'events', 'user_id', 'product_id', algorithm => 'asl' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', options => '{"factor": 64}' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', options => '{"factors": 1000000}' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', options => '{"lambda": 0}' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', options => '{"lambda": "much"}' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', options => '[]' $$);

-- Kinds of relations: views, materialized views, partitioned and foreign tables serve; others and temporary ones do not.
CREATE VIEW events_view AS SELECT user_id, product_id FROM events;
CREATE MATERIALIZED VIEW events_mat AS SELECT user_id, product_id FROM events;
CREATE TABLE events_part (user_id uuid, item varchar(20), n smallint) PARTITION BY HASH (user_id);
CREATE TABLE events_part_0 PARTITION OF events_part FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE UNLOGGED TABLE events_unlogged (user_id text, item uuid);
CREATE INDEX ON events_unlogged (user_id) WHERE item IS NOT NULL;
CREATE INDEX ON events_unlogged (item, user_id);
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE events_file (user_id integer, item integer) SERVER files OPTIONS (filename '/dev/null');
CREATE TEMP TABLE events_temp (user_id integer, item integer);
CREATE TEMP VIEW events_temp_view AS SELECT 1 AS user_id, 2 AS item;
CREATE SEQUENCE events_seq;
SELECT reco.create_recommender('over a view', 'events_view', 'user_id', 'product_id');
SELECT reco.create_recommender('over a matview', 'events_mat', 'user_id', 'product_id');
SELECT reco.create_recommender('over partitions', 'events_part', 'user_id', 'item', value_column => 'n');
SELECT reco.create_recommender('over an unlogged table', 'events_unlogged', 'user_id', 'item');
SELECT reco.create_recommender('over a file', 'events_file', 'user_id', 'item');
SELECT create_with($$ 'events_temp', 'user_id', 'item' $$);
SELECT create_with($$ 'events_temp_view', 'user_id', 'item' $$);
SELECT create_with($$ 'events', 'user_id', 'product_id', items => 'events_temp', item_key => 'item' $$);
SELECT create_with($$ 'events_seq', 'last_value', 'log_cnt' $$);
SELECT create_with($$ 'events_user_id_idx', 'user_id', 'item' $$);
SELECT name, interactions, user_column, item_column FROM reco.recommenders WHERE name LIKE 'over%' ORDER BY name;
SELECT reco.drop_recommender(name) FROM reco.recommenders WHERE name LIKE 'over%';

-- NOTICEs: no index of items leads with the key; items that come later.
CREATE TABLE goods (sku text, title text, added date);
CREATE TABLE sales (customer text, sku text);
CREATE INDEX ON sales (customer);
SELECT reco.create_recommender('goods', 'sales', 'customer', 'sku', items => 'goods', item_key => 'sku');
CREATE UNIQUE INDEX ON goods (sku);
SELECT reco.alter_recommender('goods', item_label => 'title');
SELECT reco.alter_recommender('goods', items => 'goods');
SELECT reco.alter_recommender('goods', items_time_column => 'added');
SELECT reco.drop_recommender('goods');

-- alter: arguments that are given replace, options are merged, unset goes back to the default.
SELECT reco.alter_recommender('shop', event_weights => '{"purchase": 1}', options => '{"factors": null, "seed": 7, "nu": 0.5}');
SELECT reco.alter_recommender('shop', options => '{"nu": null, "iterations": 3}');
SELECT event_weights, half_life, options FROM reco.recommenders WHERE name = 'shop';
SELECT reco.alter_recommender('shop', unset => '{half_life, time_column, event_weights, options, item_features, shared_catalogue}');
SELECT event_column, event_weights, time_column, half_life, item_features, user_features, shared_catalogue, options
FROM reco.recommenders WHERE name = 'shop';
SELECT complaint($$ SELECT reco.alter_recommender('least', algorithm => 'ease', options => '{"factors": 8}') $$);
SELECT reco.alter_recommender('least', options => '{"factors": 8}');
SELECT complaint($$ SELECT reco.alter_recommender('least', algorithm => 'ease') $$);
SELECT reco.alter_recommender('least', algorithm => 'ease', options => '{"factors": null, "neighbours": 30}');
SELECT algorithm, options FROM reco.recommenders WHERE name = 'least';
SELECT reco.alter_recommender('least', algorithm => 'als', unset => '{options}');
SELECT complaint($$ SELECT reco.alter_recommender('shop', unset => '{half_live}') $$);
SELECT complaint($$ SELECT reco.alter_recommender('shop', unset => '{interactions}') $$);
SELECT complaint($$ SELECT reco.alter_recommender('shop', unset => '{NULL}') $$);
SELECT complaint($$ SELECT reco.alter_recommender('shop', unset => '{items}') $$);
SELECT complaint($$ SELECT reco.alter_recommender('shop', half_life => '1 day', unset => '{half_life}') $$);
SELECT complaint($$ SELECT reco.alter_recommender('shop', half_life => '1 day') $$);
SELECT complaint($$ SELECT reco.alter_recommender('shop', user_column => 'usr_id') $$);
SELECT complaint($$ SELECT reco.alter_recommender('shop', feedback => 'explicit') $$);
SELECT complaint($$ SELECT reco.alter_recommender('shop', options => '{"factor": 1}') $$);
SELECT complaint($$ SELECT reco.alter_recommender('shop', new_name => 'least') $$);
SELECT complaint($$ SELECT reco.alter_recommender('shop', new_name => '') $$);
SELECT complaint($$ SELECT reco.alter_recommender('shpo', new_name => 'other') $$);
SELECT complaint($$ SELECT reco.alter_recommender(NULL, new_name => 'other') $$);
SELECT reco.alter_recommender('shop', new_name => 'store');
SELECT reco.alter_recommender('store', new_name => 'store', unset => '{users, user_key, user_features}');
SELECT reco.alter_recommender('store', new_name => 'shop');
SELECT name, users, user_key FROM reco.recommenders ORDER BY name;

-- drop and deploy.
SELECT complaint($$ SELECT reco.drop_recommender('lest') $$);
SELECT reco.drop_recommender('nobody', if_exists => true);
SELECT reco.drop_recommender('least');
SELECT complaint($$ SELECT reco.deploy('shop', 1) $$);
SELECT complaint($$ SELECT reco.deploy('nothing', 1) $$);

-- A relation renamed, moved or dropped, and a column renamed, since: an error whose hint names alter_recommender, until it is told.
ALTER TABLE events RENAME TO events_old;
SELECT complaint($$ SELECT reco.deploy('shop', 1) $$);
SELECT complaint($$ SELECT reco.alter_recommender('shop', options => '{"seed": 1}') $$);
SELECT count(*) FROM reco.recommenders WHERE name = 'shop';
SELECT reco.alter_recommender('shop', interactions => 'events_old');
SELECT complaint($$ SELECT reco.deploy('shop', 1) $$);
ALTER TABLE events_old RENAME TO events;
SELECT reco.alter_recommender('shop', interactions => 'events');
CREATE SCHEMA elsewhere;
ALTER TABLE products SET SCHEMA elsewhere;
SELECT complaint($$ SELECT reco.deploy('shop', 1) $$);
ALTER TABLE elsewhere.products SET SCHEMA public;
ALTER TABLE events RENAME COLUMN user_id TO customer;
SELECT complaint($$ SELECT reco.deploy('shop', 1) $$);
SELECT reco.alter_recommender('shop', user_column => 'customer');
SELECT complaint($$ SELECT reco.deploy('shop', 1) $$);
SELECT reco.alter_recommender('shop', unset => '{items, item_key, item_label}');
SET client_min_messages = warning;
DROP TABLE events CASCADE;
RESET client_min_messages;
SELECT complaint($$ SELECT reco.deploy('shop', 1) $$);
CREATE TABLE events (user_id integer, product_id integer);
SELECT complaint($$ SELECT reco.deploy('shop', 1) $$);
SELECT name, user_column FROM reco.recommenders;
SELECT complaint($$ SELECT reco.alter_recommender('shop', interactions => 'events') $$);
SELECT reco.alter_recommender('shop', new_name => 'Shop "1"');
SELECT complaint($$ SELECT reco.deploy('Shop "1"', 1) $$);
SELECT reco.drop_recommender('Shop "1"');

-- Names that need quotes, and settings.
CREATE SCHEMA "Our Shop";
CREATE TABLE "Our Shop"."Events" ("User" integer, "Item" integer);
SELECT reco.create_recommender('quoted', '"Our Shop"."Events"', 'User', 'Item');
SELECT complaint($$ SELECT reco.deploy('quoted', 1) $$);
SELECT reco.drop_recommender('quoted');
SHOW reco.learn_memory;
SHOW reco.private_cache_limit;
SHOW reco.cache_size;
SHOW reco.workers;
SHOW reco.keep_versions;
SHOW reco.default_recommender;
SHOW reco.lang;
SELECT complaint('SET reco.keep_versions = 0');
SELECT complaint('SET reco.keep_version = 1');

-- Roles.  To define takes EXECUTE and SELECT on all that is mapped; to change takes the owner's privileges.
CREATE ROLE regress_reco_owner;
CREATE ROLE regress_reco_team;
CREATE ROLE regress_reco_member IN ROLE regress_reco_team;
CREATE ROLE regress_reco_reader;
CREATE ROLE regress_reco_stranger;
GRANT USAGE, CREATE ON SCHEMA public TO regress_reco_owner;
CREATE TABLE visits (visitor integer, page integer, seconds integer);
CREATE INDEX ON visits (visitor);
CREATE TABLE pages (id integer PRIMARY KEY, title text, secret text);
GRANT SELECT (visitor, page) ON visits TO regress_reco_owner;
GRANT SELECT (id, title) ON pages TO regress_reco_owner;
SET ROLE regress_reco_owner;
SELECT complaint($$ SELECT reco.create_recommender('site', 'visits', 'visitor', 'page') $$);
RESET ROLE;
GRANT EXECUTE ON FUNCTION reco.create_recommender TO regress_reco_owner;
SET ROLE regress_reco_owner;
SELECT complaint($$ SELECT reco.create_recommender('site', 'visits', 'visitor', 'page', value_column => 'seconds') $$);
SELECT complaint($$ SELECT reco.create_recommender('site', 'visits', 'visitor', 'page', items => 'pages', item_key => 'id', item_label => 'secret') $$);
SELECT complaint($$ SELECT reco.create_recommender('site', 'visits', 'visitor', 'page', items => 'pages', item_key => 'id', item_features => '{secret}') $$);
SELECT reco.create_recommender('site', 'visits', 'visitor', 'page', items => 'pages', item_key => 'id', item_label => 'title');
SELECT name, owner FROM reco.recommenders;
SELECT complaint('SELECT * FROM reco.recommender');
SELECT complaint('SELECT * FROM reco.chunk');
SELECT split_part(complaint($$ SELECT reco.alter_recommender('site', owner => 'regress_reco_team') $$), ':', 1); -- what follows is the server's own, and differs
RESET ROLE;
GRANT SELECT (visitor) ON visits TO regress_reco_reader;
SET ROLE regress_reco_reader;
SELECT 'half a reader', name FROM reco.recommenders;
RESET ROLE;
GRANT SELECT (page) ON visits TO regress_reco_reader;
SET ROLE regress_reco_reader;
SELECT 'reader', name FROM reco.recommenders;
SELECT complaint($$ SELECT reco.alter_recommender('site', new_name => 'mine') $$);
SELECT complaint($$ SELECT reco.drop_recommender('site') $$);
SELECT complaint($$ SELECT reco.deploy('site', 1) $$);
SET ROLE regress_reco_stranger;
SELECT 'stranger', name FROM reco.recommenders;
SELECT complaint($$ SELECT reco.alter_recommender('site', new_name => 'mine') $$);
SELECT complaint($$ SELECT reco.drop_recommender('sit') $$);
RESET ROLE;
REVOKE USAGE ON SCHEMA public FROM PUBLIC;
SET ROLE regress_reco_reader;
SELECT 'reader without the schema', name FROM reco.recommenders;
RESET ROLE;
GRANT USAGE ON SCHEMA public TO PUBLIC;
GRANT regress_reco_team TO regress_reco_owner;
SET ROLE regress_reco_owner;
SELECT reco.alter_recommender('site', owner => 'regress_reco_team');
SET ROLE regress_reco_member;
SELECT 'member', name, owner FROM reco.recommenders;
SELECT complaint($$ SELECT reco.alter_recommender('site', options => '{"seed": 1}') $$);
SELECT reco.alter_recommender('site', new_name => 'team site');
SELECT reco.alter_recommender('team site', owner => 'regress_reco_member');
RESET ROLE;
SELECT name, owner FROM reco.recommenders;
SELECT complaint($$ SELECT reco.alter_recommender('team site', owner => 4294967295::oid::regrole) $$);
-- A dangling definition is the owner's to see and to drop, nobody else's.
DROP TABLE visits;
SET ROLE regress_reco_reader;
SELECT 'reader of nothing', name FROM reco.recommenders;
SELECT complaint($$ SELECT reco.deploy('team site', 1) $$);
SET ROLE regress_reco_member;
SELECT 'member', name, interactions IS NOT NULL FROM reco.recommenders;
SELECT reco.drop_recommender('team site');
RESET ROLE;
-- A definition whose owner was dropped is a superuser's to give away.
CREATE TABLE visits (visitor integer, page integer);
CREATE INDEX ON visits (visitor);
SELECT reco.create_recommender('orphan', 'visits', 'visitor', 'page');
CREATE ROLE regress_reco_leaving;
SELECT reco.alter_recommender('orphan', owner => 'regress_reco_leaving');
DROP ROLE regress_reco_leaving;
SET ROLE regress_reco_stranger;
SELECT 'stranger', name FROM reco.recommenders;
SELECT complaint($$ SELECT reco.drop_recommender('orphan') $$);
RESET ROLE;
SELECT reco.alter_recommender('orphan', owner => 'regress_reco_stranger');
SELECT name, owner FROM reco.recommenders;
SELECT reco.drop_recommender('orphan');

-- In one transaction: created, seen, changed, rolled back.
BEGIN;
SELECT reco.create_recommender('brief', 'visits', 'visitor', 'page');
SAVEPOINT s;
SELECT reco.alter_recommender('brief', new_name => 'briefer');
SELECT name FROM reco.recommenders;
ROLLBACK TO s;
SELECT name FROM reco.recommenders;
SELECT reco.drop_recommender('brief');
SELECT name FROM reco.recommenders;
ROLLBACK;
SELECT count(*) FROM reco.recommenders;

REVOKE EXECUTE ON FUNCTION reco.create_recommender FROM regress_reco_owner;
REVOKE ALL ON SCHEMA public FROM regress_reco_owner;
SET client_min_messages = warning;
DROP TABLE visits, pages, events, products, customers, goods, sales, events_part, events_unlogged CASCADE;
DROP SCHEMA elsewhere, "Our Shop" CASCADE;
DROP SERVER files CASCADE;
DROP EXTENSION file_fdw;
DROP SEQUENCE events_seq;
DROP TYPE kind;
DROP DOMAIN customer_id;
DROP FUNCTION create_with;
RESET client_min_messages;
DROP OWNED BY regress_reco_owner, regress_reco_team, regress_reco_member, regress_reco_reader, regress_reco_stranger;
DROP ROLE regress_reco_owner, regress_reco_team, regress_reco_member, regress_reco_reader, regress_reco_stranger;
