-- The tour of make demo through the generated shop of shop.sql. Every statement is shown before its result.
\set ON_ERROR_STOP on
\set QUIET on
\pset pager off
\pset null ''
\set ECHO queries

\echo
\echo '== A shop: products, customers, and what customers did =='
SELECT kind, count(*), count(DISTINCT user_id) AS customers, count(DISTINCT product_id) AS products
FROM events GROUP BY kind ORDER BY count(*) DESC;
SELECT id, title, category, brand, price FROM products ORDER BY id LIMIT 5;

\echo
\echo '== Say what is where; nothing is copied =='
CREATE EXTENSION reco;
SET search_path = "$user", public, reco;
SELECT create_recommender('shop',
    interactions  => 'events',  user_column => 'user_id', item_column => 'product_id',
    event_column  => 'kind',    event_weights => '{"view":1,"cart":3,"purchase":5,"return":-3}',
    time_column   => 'at',      half_life => '180 days',
    items         => 'products', item_key => 'id', item_label => 'title',
    item_features => '{category,brand,price,description}',
    users         => 'customers', user_key => 'id', user_features => '{region,age_band}',
    options       => '{"features": {"description": {"text": true}, "price": {"bands": 5}}}');

\echo
\echo '== Learn =='
\timing on
CALL reco.refresh('shop');
\timing off

\set ECHO none
SELECT user_id AS customer
FROM events GROUP BY user_id
HAVING count(DISTINCT product_id) FILTER (WHERE kind = 'purchase') BETWEEN 6 AND 9
	AND count(*) FILTER (WHERE kind = 'return') >= 1 AND count(DISTINCT product_id) BETWEEN 15 AND 30
ORDER BY hashint8extended(user_id, 7) LIMIT 1 \gset
\set ECHO queries

\echo
\echo '== Ten recommendations for customer' :customer 'with their reasons =='
\timing on
SELECT * FROM reco.recommend(:customer, 10);
\timing off
\echo 'The same list beside the catalogue:'
SELECT r.rank, p.title, p.category, p.price, round(r.score::numeric, 3) AS score, r.source
FROM reco.recommend(:customer, 10) r JOIN products p ON p.id = r.item_id ORDER BY r.rank;
\echo 'What this customer did lately:'
SELECT e.at::date AS day, e.kind, p.title, p.category, p.price
FROM events e JOIN products p ON p.id = e.product_id
WHERE e.user_id = :customer ORDER BY e.at DESC LIMIT 15;

\echo
\echo '== Why the first of them: every piece of evidence, what it adds, and what the score would lose without it =='
\set ECHO none
SELECT item_id AS item, title FROM reco.recommend(:customer, 1) r JOIN products p ON p.id = r.item_id \gset
\set ECHO queries
\echo 'Item' :item 'is' :title
SELECT ord, kind, evidence_id, evidence_label, round(contribution::numeric, 4) AS contribution,
    round(removal_effect::numeric, 4) AS removal_effect, round(share::numeric, 3) AS share, exactness, reason
FROM reco.explain(:customer, :item);
SELECT round(sum(contribution)::numeric, 6) AS sum_of_contributions, round(reco.score(:customer, :item)::numeric, 6) AS score
FROM reco.explain(:customer, :item);

\echo
\echo '== Fresh within the transaction: a purchase counts at once, and is gone after ROLLBACK =='
BEGIN;
INSERT INTO events VALUES (:customer, :item, 'purchase', '2024-12-31 12:00+00');
SELECT r.rank, p.title, p.category, r.reason
FROM reco.recommend(:customer, 3) r JOIN products p ON p.id = r.item_id ORDER BY r.rank;
ROLLBACK;

\echo
\echo '== In stock and below 50, by a filter of your own =='
SELECT r.rank, p.title, p.price, p.in_stock
FROM reco.recommend(:customer, 3, filter => 'in_stock and price < $1::numeric', filter_args => '{50}') r
JOIN products p ON p.id = r.item_id ORDER BY r.rank;

\echo
\echo '== Is it any good? A fifth of the events is held out; popularity is the yardstick =='
\timing on
CALL reco.evaluate('shop');
\timing off
SELECT model, k, recall, ndcg, hit_rate, coverage FROM reco.evaluation_report('shop') WHERE user_group = 'all' AND item_group = 'all' AND k = 10;
