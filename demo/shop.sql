-- A generated shop: the same on every machine, because every draw is a hash of what it is drawn for.
--
-- What is planted, and so what a recommender can find:
--   * a customer likes a few categories; which ones depends in part on region and age band;
--   * within a category a customer likes one of four themes (kinds of product), two brands, and a price band;
--   * some products are far more popular than others.
-- Views lead to carts, carts to purchases, a few purchases to returns; what fits the customer's taste less is returned more.

\set ON_ERROR_STOP on
SET client_min_messages = warning;

-- draw(a, b, salt): uniform in [0, 1)
CREATE FUNCTION pg_temp.draw(a bigint, b bigint, salt bigint) RETURNS float8 LANGUAGE sql IMMUTABLE
RETURN (hashint8extended(a * 1000003 + b, salt) & 4503599627370495) / 4503599627370496.0::float8;

CREATE TEMP TABLE category (id int, name text, price numeric, nouns text[], adjectives text[], brands text[], praise text);
INSERT INTO category VALUES
(1, 'Running', 60, '{Trail Shoes,Road Shoes,Rain Jacket,Running Vest,Racing Flats,Half Tights,Headlamp,Hydration Pack,Gaiters,Cushioned Shoes,Cap,Soft Flask}',
	'{Alpine,Featherweight,Reflective,Waterproof,Breathable,Long-Distance,Seamless,Winter,Marathon,Quick-Dry}', '{Norvik,Stridewell,Aerofoot,Kestrel,Lumen,Puremile}',
	'Made for people who run before breakfast and after work.'),
(2, 'Hiking & Camping', 90, '{Tent,Trekking Poles,Rucksack,Camp Stove,Sleeping Bag,Hiking Boots,Daypack,Cook Set,Sleeping Mat,Walking Jacket,Dry Bag,Lantern}',
	'{Ultralight,Four-Season,Compact,Rugged,Expedition,Two-Person,Insulated,Packable,Recycled,Storm}', '{Norvik,Fjellheim,Cairn & Co,Kestrel,Basecamp,Tarnwood}',
	'Tested on wet ground, in wind, and by people who forgot to dry it.'),
(3, 'Cycling', 75, '{Helmet,Pannier,Bib Shorts,Multi-Tool,Road Tyre,Rear Rack,Jersey,Chain Lube,Front Light,Child Seat,Gloves,Track Pump}',
	'{Aero,Commuter,Carbon,Gravel,Reflective,Tubeless,Merino,Rechargeable,Classic,All-Weather}', '{Velora,Stridewell,Spindle,Lumen,Chaincraft,Pedalhaus}',
	'For the daily commute and the long way home.'),
(4, 'Kitchen', 40, '{Chef''s Knife,Stand Mixer,Cast-Iron Pan,Spice Mill,Paring Knife,Baking Tin,Stockpot,Pasta Maker,Bread Knife,Cake Stand,Casserole,Rolling Pin}',
	'{Forged,Enamelled,Professional,Copper,Non-Stick,Beechwood,Stoneware,Japanese,Heavy-Duty,Everyday}', '{Hearthstone,Maison Vert,Ironleaf,Okada,Tablewise,Copperline}',
	'Built to be used every evening and washed by hand.'),
(5, 'Coffee & Tea', 28, '{Espresso Beans,Loose-Leaf Tea,Pour-Over Set,Hand Grinder,Filter Roast,Green Tea,Moka Pot,Milk Frother,Decaf Beans,Teapot,French Press,Travel Mug}',
	'{Single-Origin,Organic,Ethiopian,Dark-Roast,Ceramic,Limited,Double-Wall,Colombian,Ceremonial,House}', '{Blackbird,Okada,Copperline,Teahouse Nine,Cinder,Maison Vert}',
	'Roasted, picked or made in small batches.'),
(6, 'Home Office', 110, '{Standing Desk,Desk Lamp,Notebook,Monitor Arm,Office Chair,Reading Lamp,Fountain Pen,Keyboard,Footrest,Floor Lamp,Desk Organiser,Webcam}',
	'{Ergonomic,Adjustable,Walnut,Minimal,Wireless,Height-Adjustable,Oak,Dimmable,Quiet,Slim}', '{Fabrikant,Lumen,Paperlane,Nordlys,Keyhaus,Tablewise}',
	'Quiet, solid, and pleasant to look at for eight hours.'),
(7, 'Garden', 35, '{Secateurs,Tomato Seeds,Raised Bed,Watering Can,Pruning Saw,Wildflower Seeds,Planter,Garden Hose,Hand Trowel,Herb Kit,Cold Frame,Sprinkler}',
	'{Heirloom,Stainless,Cedar,Self-Watering,Organic,Galvanised,Long-Reach,Copper,Bee-Friendly,Balcony}', '{Greenacre,Ironleaf,Rootwell,Fernway,Cedar & Sons,Bloomfield}',
	'For balconies, allotments and everything between.'),
(8, 'Toys & Games', 30, '{Wooden Train,Card Game,Building Blocks,Jigsaw Puzzle,Marble Run,Strategy Game,Stacking Tower,Brain Teaser,Toy Kitchen,Party Game,Shape Sorter,3D Puzzle}',
	'{Classic,Cooperative,Rainbow,1000-Piece,Magnetic,Travel,Award-Winning,Giant,Family,Mystery}', '{Tinkerwood,Meeple House,Brightblock,Piecework,Cedar & Sons,Little Harbour}',
	'Played with on the floor, argued over at the table.'),
(9, 'Skincare', 26, '{Face Cream,Cleanser,Sunscreen,Hand Balm,Night Cream,Toner,After-Sun Lotion,Body Butter,Eye Serum,Clay Mask,Mineral Sunscreen,Lip Balm}',
	'{Hydrating,Fragrance-Free,Gentle,Vitamin C,SPF 50,Shea,Rose,Overnight,Sensitive,Calming}', '{Solace,Teahouse Nine,Derma Nord,Fernway,Petal & Stone,Aqua Viva}',
	'Short list of ingredients, all of them explained.'),
(10, 'Audio', 130, '{Headphones,Bookshelf Speakers,Turntable,Earbuds,Studio Headphones,Soundbar,Phono Preamp,Sports Earbuds,Headphone Amp,Portable Speaker,Vinyl Cleaner,Sleep Earbuds}',
	'{Noise-Cancelling,Open-Back,Wireless,Walnut,Hi-Fi,Compact,Waterproof,Reference,Retro,Lossless}', '{Lumen,Auralis,Groovehaus,Nordlys,Kestrel,Tonemill}',
	'Voiced by people who own too many records.'),
(11, 'Pet Supplies', 25, '{Dog Bed,Cat Tree,Puppy Food,Aquarium Filter,Dog Lead,Scratching Post,Salmon Treats,Fish Flakes,Dog Coat,Cat Tunnel,Grain-Free Kibble,Aquarium Light}',
	'{Orthopaedic,Chew-Proof,Natural,Washable,Reflective,Grain-Free,Sisal,Quiet,Small-Breed,Senior}', '{Pawfield,Whisker & Tail,Tarnwood,Aqua Viva,Good Hound,Bloomfield}',
	'Approved by animals, washable by people.'),
(12, 'Knitting & Crafts', 22, '{Merino Yarn,Crochet Hooks,Watercolour Set,Embroidery Kit,Alpaca Yarn,Amigurumi Kit,Sketchbook,Cross-Stitch Kit,Sock Yarn,Granny Square Kit,Brush Pens,Embroidery Hoop}',
	'{Hand-Dyed,Bamboo,Beginner''s,Organic,Superwash,Artist,Pastel,Heritage,Chunky,Botanical}', '{Loomlight,Paperlane,Woolgather,Fernway,Stitchery,Tinkerwood}',
	'Everything in the box but the evening.');

CREATE TABLE products (
	id int PRIMARY KEY, title text NOT NULL, category text NOT NULL, brand text NOT NULL, price numeric(8,2) NOT NULL,
	description text NOT NULL, in_stock boolean NOT NULL, added_at timestamptz NOT NULL);
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, email text NOT NULL, region text NOT NULL, age_band text NOT NULL);
CREATE TABLE events (user_id int NOT NULL, product_id int NOT NULL, kind text NOT NULL, at timestamptz NOT NULL);

-- 168 of the 720 possible products of each category. theme, popularity and price band stay behind the curtain.
CREATE TEMP TABLE made AS
SELECT row_number() OVER (ORDER BY shuffle) + 1000 AS id, category_id, slot, theme, brand_no, price_band, title, category, brand, price, description
FROM (
	SELECT c.id AS category_id, c.name AS category, b.brand, b.no AS brand_no, n.no % 4 AS theme,
		b.brand || ' ' || a.adjective || ' ' || n.noun AS title,
		greatest(3, round((c.price * (0.4 + 1.1 * pg_temp.draw(n.no, c.id, 11)) * (ARRAY[0.7, 1.0, 1.7])[p.band + 1])::numeric)) - 0.05 AS price,
		p.band AS price_band,
		format('%s %s by %s. %s', a.adjective, lower(n.noun), b.brand, c.praise) AS description,
		row_number() OVER (PARTITION BY c.id ORDER BY pg_temp.draw(c.id * 10000 + n.no * 100 + a.no, b.no, 12)) - 1 AS slot,
		pg_temp.draw(c.id * 10000 + n.no * 100 + a.no, b.no, 13) AS shuffle
	FROM category c, unnest(c.nouns) WITH ORDINALITY n(noun, no), unnest(c.adjectives) WITH ORDINALITY a(adjective, no),
		unnest(c.brands) WITH ORDINALITY b(brand, no),
		LATERAL (SELECT (hashtextextended(b.brand, 14) & 1023) % 3 AS band) p
) every
WHERE slot < 168;
ANALYZE made;

INSERT INTO products
SELECT id, title, category, brand, price, description, pg_temp.draw(id, 0, 21) < 0.93,
	timestamptz '2023-06-01 08:00+00' + pg_temp.draw(id, 0, 22) * interval '200 days'
FROM made ORDER BY id;

INSERT INTO customers
SELECT id, first || ' ' || last, lower(first || '.' || last || id || '@example.com'), region, age_band
FROM (
	SELECT id,
		(ARRAY['Anna','Ben','Chloe','David','Elif','Finn','Grace','Hugo','Ines','Jonas','Klara','Liam','Mara','Noah','Olga','Paul','Rosa','Sami','Tara','Yusuf'])[1 + floor(20 * pg_temp.draw(id, 1, 31))::int] AS first,
		(ARRAY['Abbott','Berger','Costa','Dubois','Eriksen','Fischer','Garcia','Hansen','Ivanov','Jensen','Kowalski','Lindqvist','Moreau','Novak','Okafor','Petit','Rossi','Schmidt','Tanaka','Weber'])[1 + floor(20 * pg_temp.draw(id, 2, 31))::int] AS last,
		(ARRAY['North','South','East','West','Coast','Capital'])[1 + floor(6 * pg_temp.draw(id, 3, 31))::int] AS region,
		(ARRAY['18-24','25-34','35-49','50-64','65+'])[1 + floor(5 * power(pg_temp.draw(id, 4, 31), 1.2))::int] AS age_band
	FROM generate_series(1, 5000) id
) made_up;

-- How much a customer likes each category: two or three are liked much, and the hash of region and age band leans on it.
CREATE TEMP TABLE liking AS
SELECT c.id AS user_id, k.id AS category_id,
	sum(weight) OVER (PARTITION BY c.id ORDER BY k.id) - weight AS low, sum(weight) OVER (PARTITION BY c.id ORDER BY k.id) AS high,
	sum(weight) OVER (PARTITION BY c.id) AS total,
	floor(4 * pg_temp.draw(c.id, k.id, 41)) AS theme,
	1 + floor(6 * pg_temp.draw(c.id, k.id, 42)) AS brand_a, 1 + floor(6 * pg_temp.draw(c.id, k.id, 43)) AS brand_b
FROM customers c CROSS JOIN category k, LATERAL (
	SELECT exp(9.0 * pg_temp.draw(c.id, k.id, 44)
		+ 1.5 * ((hashtextextended(c.age_band || k.name, 45) & 1023) / 1023.0)
		+ 1.0 * ((hashtextextended(c.region || k.name, 46) & 1023) / 1023.0)) AS weight) w;
ANALYZE liking;

-- Visits: a few customers come often, most now and then, some never. A visit looks at one product: of twelve that are drawn
-- by popularity within a category, the one that fits the customer best.
CREATE TEMP TABLE visit AS
SELECT c.id AS user_id, v AS no, pg_temp.draw(c.id, v, 61) AS pick, date_trunc('second', timestamptz '2024-01-01 00:00+00'
	+ (joined + (1 - joined) * pg_temp.draw(c.id, v, 52)) * interval '365 days') AS at
FROM customers c, LATERAL (SELECT 0.75 * pg_temp.draw(c.id, 0, 51) AS joined) j,
	generate_series(1, CASE WHEN pg_temp.draw(c.id, 0, 53) < 0.05 THEN 0
		ELSE least(120, ceil(8 * power(1 - pg_temp.draw(c.id, 0, 54), -0.62)))::int END) v;
ANALYZE visit;

CREATE TEMP TABLE considered AS
SELECT v.user_id, v.no, v.at, candidate, l.category_id, l.theme, l.brand_a, l.brand_b,
	floor(3 * pg_temp.draw(v.user_id, 0, 63)) AS price_band,
	floor(168 * power(pg_temp.draw(v.user_id, v.no * 16 + candidate, 62), 1.8))::bigint AS slot
FROM visit v
JOIN liking l ON l.user_id = v.user_id AND v.pick * l.total >= l.low AND v.pick * l.total < l.high
CROSS JOIN generate_series(1, 12) candidate;
ANALYZE considered;

CREATE TEMP TABLE viewed AS
SELECT DISTINCT ON (user_id, no) user_id, no, at, id AS product_id, fit
FROM (
	SELECT c.user_id, c.no, c.at, m.id, fit,
		fit - ln(-ln(pg_temp.draw(c.user_id, c.no * 16 + candidate, 64) + 1e-12)) * 0.5 AS appeal
	FROM considered c JOIN made m USING (category_id, slot),
	LATERAL (SELECT 2.5 * (m.theme = c.theme)::int + 1.5 * (m.brand_no IN (c.brand_a, c.brand_b))::int
		+ 0.8 * (m.price_band = c.price_band)::int AS fit) f
) seen
ORDER BY user_id, no, appeal DESC, id;

INSERT INTO events
SELECT user_id, product_id, kind, at
FROM (
	SELECT user_id, product_id, 'view' AS kind, at FROM viewed
	UNION ALL
	SELECT user_id, product_id, 'cart', at + interval '2 minutes' FROM viewed WHERE pg_temp.draw(user_id, no, 71) < 0.08 + 0.08 * fit
	UNION ALL
	SELECT user_id, product_id, 'purchase', at + interval '7 minutes' FROM viewed
	WHERE pg_temp.draw(user_id, no, 71) < 0.08 + 0.08 * fit AND pg_temp.draw(user_id, no, 72) < 0.6
	UNION ALL
	SELECT user_id, product_id, 'return', at + interval '9 days' FROM viewed
	WHERE pg_temp.draw(user_id, no, 71) < 0.08 + 0.08 * fit AND pg_temp.draw(user_id, no, 72) < 0.6
		AND pg_temp.draw(user_id, no, 73) < 0.16 - 0.03 * fit
) happened
WHERE at < timestamptz '2025-01-01 00:00+00'
ORDER BY at, user_id, product_id, kind;

CREATE INDEX ON events (user_id);
ANALYZE products, customers, events;
RESET client_min_messages;
