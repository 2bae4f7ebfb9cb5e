# Proves what explain() states by doing it: contributions add up to score() (G1), and deleting the rows of a piece of
# evidence changes score() by its removal effect (G2), with real deletes that are rolled back.
use strict;
use warnings FATAL => 'all';

use JSON::PP;
use Reco;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Reco::node('guarantees');

# 300 users in three tastes over 120 items. User u has 1 + u % 45 events; those with u % 10 = 1 have a single one, the others
# repeat items, return some, and all have weights and times. The newest event of all is that of user 200 on item 7; user 250
# has one row, and it is a return.
Reco::rows($node, <<'END');
SET client_min_messages = warning;
CREATE TABLE items (id int PRIMARY KEY, title text, genre text, tags text[], price int);
INSERT INTO items SELECT i, 'Item ' || i, 'genre' || (i - 1) / 40, ARRAY['a' || i % 4, 'b' || i % 3], CASE WHEN i % 9 > 0 THEN i % 17 END FROM generate_series(1, 120) i;
CREATE TABLE people (id int PRIMARY KEY, region text, age int);
INSERT INTO people SELECT u, CASE WHEN u % 7 > 0 THEN 'region' || u % 3 END, CASE WHEN u % 5 > 0 THEN 20 + u % 41 END FROM generate_series(1, 290) u;
CREATE TABLE events (user_id int, item_id int, kind text, amount real, stars real, at timestamptz);
CREATE FUNCTION roll(a int, b int, sides int) RETURNS int LANGUAGE sql IMMUTABLE AS $$
	SELECT ((hashint8extended(a::bigint * 100000 + b, 7) & 1048575) % sides)::int
$$;
INSERT INTO events
SELECT u, 1 + CASE WHEN roll(u, n, 10) < 8 THEN u % 3 * 40 + roll(u, n + 1000, 40) ELSE roll(u, n + 2000, 120) END,
	(ARRAY['view','view','view','cart','purchase','return'])[1 + roll(u, n + 3000, 6)],
	(1 + roll(u, n + 4000, 30)) / 10.0, 1 + roll(u, n + 5000, 9) / 2.0,
	timestamptz '2024-01-01 00:00+00' + roll(u, n + 6000, 120 * 24) * interval '1 hour'
FROM generate_series(1, 300) u, LATERAL generate_series(1, CASE WHEN u % 10 = 1 THEN 1 ELSE 1 + u % 45 END) n;
INSERT INTO events SELECT user_id, item_id, 'purchase', amount, stars, at + interval '1 hour' FROM events WHERE roll(user_id, item_id, 4) = 0;
INSERT INTO events SELECT * FROM events WHERE roll(user_id, item_id, 9) = 0;
DELETE FROM events WHERE user_id = 250;
INSERT INTO events VALUES (250, 3, 'return', 2, 1, '2024-02-01'), (200, 7, 'purchase', 3, 4.5, '2024-05-15');
CREATE INDEX ON events (user_id);
ANALYZE;

-- G1: the worst residual of n pairs, on the scale of the guarantee
CREATE FUNCTION worst_sum(name text, n int, view text, OUT pairs bigint, OUT worst float8) LANGUAGE sql AS $$
	SELECT count(*), max(abs(total - score) / nullif(greatest(abs(score), size), 0)) FROM (
		SELECT reco.score(u, i, name) AS score, sum(contribution) AS total, sum(abs(contribution)) AS size
		FROM generate_series(1, n) p, LATERAL (SELECT 1 + roll(p, 11, 300) AS u, 1 + roll(p, 12, 120) AS i) pair,
			LATERAL reco.explain(u, i, name, view, options => jsonb_build_object('limit', CASE WHEN p % 2 = 0 THEN 5 ELSE 10000 END))
		GROUP BY p, u, i) e
$$;

-- G1 of a blend by member
CREATE FUNCTION worst_members(name text, n int, OUT pairs bigint, OUT worst float8) LANGUAGE sql AS $$
	SELECT count(*), max(abs(total - score) / nullif(greatest(abs(score), size), 0)) FROM (
		SELECT reco.score(u, i, name) AS score, sum(contribution) AS total, sum(abs(contribution)) AS size
		FROM generate_series(1, n) p, LATERAL (SELECT 1 + roll(p, 11, 300) AS u, 1 + roll(p, 12, 120) AS i) pair,
			LATERAL reco.explain(u, i, name, view => 'members')
		GROUP BY p, u, i) e
$$;

-- G2: deletes the rows of user u on item j, scores item i again, rolls back; the error on the scale of the guarantee
CREATE FUNCTION removal_error(name text, u int, j int, i int) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	before float8 := reco.score(u, i, name);
	after float8;
	stated float8;
	scale float8;
BEGIN
	SELECT coalesce(max(removal_effect) FILTER (WHERE evidence_id = j), 0), greatest(abs(before), sum(abs(contribution)))
	INTO stated, scale FROM reco.explain(u, i, name, options => '{"limit": 10000}');
	BEGIN
		DELETE FROM events WHERE user_id = u AND item_id = j;
		IF NOT FOUND THEN
			RAISE EXCEPTION 'there is nothing to delete';
		END IF;
		after := reco.score(u, i, name);
		RAISE EXCEPTION USING errcode = 'ZZ999', message = 'undo';
	EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
		NULL;
	END;
	IF reco.score(u, i, name) <> before THEN
		RAISE EXCEPTION 'the delete was not undone';
	END IF;
	RETURN abs(before - after - stated) / CASE WHEN scale > 0 THEN scale ELSE 1 END;
END $$;

CREATE VIEW evidence AS
SELECT user_id, item_id, count(*) AS events, bool_or(kind <> 'return') AS liked,
	rank() OVER (PARTITION BY user_id ORDER BY max(at) DESC, item_id) = 1 AS newest,
	count(*) OVER (PARTITION BY user_id) = 1 AS single
FROM events GROUP BY user_id, item_id;

-- n random pieces of evidence of each sort
CREATE FUNCTION worst_removal(name text, n int, OUT sort text, OUT pieces bigint, OUT worst float8) RETURNS SETOF record LANGUAGE sql AS $$
	WITH sorted AS (
		SELECT e.*, s.sort, row_number() OVER (PARTITION BY s.sort ORDER BY hashint8extended(user_id * 1000 + item_id, 5)) AS place
		FROM evidence e, LATERAL (VALUES ('any', true), ('newest', newest), ('single', single), ('dislike', NOT liked),
			('duplicates', events > 1), ('the newest of all', user_id = 200 AND item_id = 7), ('only a return', user_id = 250)) s (sort, applies)
		WHERE s.applies)
	SELECT sort, count(*), max(removal_error(name, user_id, item_id, 1 + roll(user_id, item_id, 120)))
	FROM sorted WHERE place <= n GROUP BY sort ORDER BY sort
$$;

-- explain_check() over n pairs: none is refused; and what it found without a piece is what a real delete gives
CREATE FUNCTION worst_check(name text, n int, OUT pairs bigint, OUT wrong bigint, OUT worst float8) LANGUAGE sql AS $$
	SELECT count(*), count(*) FILTER (WHERE removal_residual > 1e-5 OR sum_residual > 1e-6 OR (worst_id IS NULL) <> (pieces = 0)), max(removal_residual)
	FROM generate_series(1, n) p, LATERAL (SELECT 1 + roll(p, 21, 300) AS u, 1 + roll(p, 22, 120) AS i) pair, LATERAL reco.explain_check(u, i, name)
$$;

-- whether item i is in the list of user u once his rows on some items are deleted, with what he had seen still left out
CREATE FUNCTION stays(name text, u int, i int, list_length int, gone int[]) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	seen bigint[] := ARRAY(SELECT DISTINCT item_id FROM events WHERE user_id = u);
	there boolean;
BEGIN
	BEGIN
		DELETE FROM events WHERE user_id = u AND item_id = ANY (gone);
		there := i IN (SELECT item_id FROM reco.recommend(u, list_length, name, exclude => seen));
		RAISE EXCEPTION USING errcode = 'ZZ999', message = 'undo';
	EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
		NULL;
	END;
	RETURN there;
END $$;

-- counterfactual sets of n users: how many, how many that keep the item in the list, how many with a piece too many
CREATE FUNCTION counterfactuals(name text, n int, OUT asked bigint, OUT found bigint, OUT large bigint, OUT failed bigint, OUT needless bigint) LANGUAGE sql AS $$
	WITH sets AS (
		SELECT u, i, len, bool_or(c.found) AS found, array_agg(c.evidence_id::int) AS gone
		FROM generate_series(1, n) p, LATERAL (SELECT 1 + roll(p, 31, 300) AS u, (ARRAY[1, 3, 10])[1 + p % 3] AS len) ask,
			LATERAL (SELECT item_id::int AS i FROM reco.recommend(u, len, name) r WHERE source = 'history' ORDER BY rank DESC LIMIT 1) r,
			LATERAL reco.counterfactual(u, i, len, name) c GROUP BY p, u, i, len)
	SELECT count(*), count(*) FILTER (WHERE found), count(*) FILTER (WHERE found AND cardinality(gone) > 1),
		count(*) FILTER (WHERE found AND stays(name, u, i, len, gone)),
		count(*) FILTER (WHERE found AND cardinality(gone) > 1
			AND EXISTS (SELECT 1 FROM unnest(gone) piece WHERE NOT stays(name, u, i, len, array_remove(gone, piece))))
	FROM sets
$$;
END

my %definitions = (
	plain => q{},
	weights => q{event_column => 'kind', event_weights => '{"view": 1, "cart": 3, "purchase": 5, "return": -3}'},
	decay => q{event_column => 'kind', event_weights => '{"view": 1, "cart": 3, "purchase": 5, "return": -3}',
		value_column => 'amount', time_column => 'at', half_life => '30 days', options => '{"dislike": 0.7}'},
	fast_decay => q{time_column => 'at', half_life => '1 day', items => 'items', item_key => 'id', item_label => 'title'},
	known_items => q{event_column => 'kind', event_weights => '{"view": 1, "cart": 3, "purchase": 5, "return": -3}',
		items => 'items', item_key => 'id', item_features => '{genre, tags, price}'},
	known_users => q{users => 'people', user_key => 'id', user_features => '{region, age}'},
	known_decay => q{event_column => 'kind', event_weights => '{"view": 1, "cart": 3, "purchase": 5, "return": -3}', value_column => 'amount', time_column => 'at',
		half_life => '30 days', items => 'items', item_key => 'id', item_features => '{genre, tags, price}', users => 'people', user_key => 'id',
		user_features => '{region, age}', options => '{"dislike": 0.7}'},
	known_explicit => q{feedback => 'explicit', value_column => 'stars', time_column => 'at', half_life => '60 days', items => 'items', item_key => 'id',
		item_features => '{genre, price}', users => 'people', user_key => 'id', user_features => '{region, age}'},
	explicit => q{feedback => 'explicit', value_column => 'stars'},
	explicit_decay => q{feedback => 'explicit', value_column => 'stars', time_column => 'at', half_life => '60 days',
		event_column => 'kind', event_weights => '{"view": 1, "cart": 3, "purchase": 5, "return": 0.5}'});

# Every algorithm, one line each: its name, the definitions it is proved over, and the options it learns them with ("all", and what
# differs by definition). The lists of one that is same_for_all change with nobody's history. A new algorithm is held to the guarantees by a line here.
my @implicit = qw(plain weights decay fast_decay);
my @algorithms = (
	{name => 'als', over => [@implicit, qw(explicit explicit_decay known_items known_users known_decay known_explicit)], all => {iterations => 4}, plain => {factors => 4}, weights => {factors => 16},
		decay => {factors => 8}, fast_decay => {factors => 6}, explicit => {factors => 8}, explicit_decay => {factors => 20},
		known_items => {factors => 8}, known_users => {factors => 6, user_pull => 1}, known_decay => {factors => 8, user_pull => 1}, known_explicit => {factors => 6}},
	{name => 'itemknn', over => \@implicit, all => {neighbours => 40}, weights => {weighting => 'bm25'}},
	{name => 'ease', over => ['weights', 'decay'], all => {lambda => 5}, decay => {method => 'local', nearest => 20, dislike => 0.7}},
	{name => 'graph', over => ['weights'], all => {factors => 8}},
	{name => 'blend', over => ['weights', 'decay'], all => {members => {als => {factors => 8, iterations => 3}, rp3beta => {}, popular => {}}}},
	{name => 'rp3beta', over => ['weights', 'decay'], weights => {values => 'log'}},
	{name => 'userknn', over => ['decay', 'fast_decay'], fast_decay => {values => 'binary'}},
	{name => 'popular', over => ['weights'], same_for_all => 1},
	{name => 'recent', over => ['decay'], same_for_all => 1},
);

# prove(algorithm, definition) holds one recommender to G1, G2 and G4.
sub prove
{
	my ($algorithm, $definition) = @_;
	my $name = "$algorithm->{name}_$definition";
	my $more = $definitions{$definition} ? ", $definitions{$definition}" : '';
	my $options = encode_json({%{$algorithm->{all} // {}}, %{$algorithm->{$definition} // {}}});

	Reco::rows($node, "SELECT reco.create_recommender('$name', 'events', 'user_id', 'item_id', algorithm => '$algorithm->{name}'$more)");
	Reco::refresh($node, recommender => $name, options => $options);

	for my $view ('history', $more =~ /item_features/ ? 'attributes' : ())
	{
		my ($pairs, $worst) = split /\|/, Reco::rows($node, "SELECT * FROM worst_sum('$name', 1000, '$view')");
		cmp_ok($pairs, '>=', 1000, "$name: a thousand pairs explained by $view");
		cmp_ok($worst, '<=', 1e-6, "$name: contributions by $view add up to the score (G1)");
	}

	if ($algorithm->{name} eq 'blend')
	{
		my ($by_member, $apart) = split /\|/, Reco::rows($node, "SELECT * FROM worst_members('$name', 1000)");
		cmp_ok($by_member, '>=', 1000, "$name: a thousand pairs explained by member");
		cmp_ok($apart, '<=', 1e-6, "$name: members add up to the score (G1)");
	}

	my ($checked, $wrong, $residual) = split /\|/, Reco::rows($node, "SELECT * FROM worst_check('$name', 300)");
	is("$checked $wrong", '300 0', "$name: explain_check() agrees (greatest residual $residual)");

	my ($asked, $found, $large, $failed, $needless) = split /\|/, Reco::rows($node, "SELECT * FROM counterfactuals('$name', 150)");
	# what is known of a user may keep an item in the list whatever is deleted
	cmp_ok($found, '>=', $algorithm->{same_for_all} ? 0 : $more =~ /user_features/ ? 0.3 * $asked : 0.8 * $asked, "$name: $found counterfactual sets for $asked items, $large of several pieces");
	is($failed, 0, "$name: deleting a counterfactual set takes the item out of the list (G4)");
	is($needless, 0, "$name: no counterfactual set has a piece that is not needed");

	my %pieces;
	for my $row (split /\n/, Reco::rows($node, "SELECT * FROM worst_removal('$name', 200)"))
	{
		my ($sort, $count, $error) = split /\|/, $row;
		$pieces{$sort} = $count;
		cmp_ok($error, '<=', 1e-5, "$name: removal effects of $count pieces of evidence are true: $sort (G2)");
	}
	is(join(',', map { ($pieces{$_} // 0) >= 200 ? () : $_ } 'any', 'newest', 'duplicates'), '', "$name: two hundred of each sort");
	is(join(',', map { ($pieces{$_} // 0) >= 1 ? () : $_ } 'single', 'dislike', 'the newest of all', 'only a return'), '', "$name: every sort is there");
	return;
}

for my $algorithm (@algorithms)
{
	prove($algorithm, $_) for @{$algorithm->{over}};
}

# Once more as a client does it, in a transaction of its own.
my $said = Reco::rows($node, <<'END');
BEGIN;
SELECT reco.score(200, 9, 'als_decay') - removal_effect FROM reco.explain(200, 9, 'als_decay', options => '{"limit": 10000}') WHERE evidence_id = 7;
DELETE FROM events WHERE user_id = 200 AND item_id = 7;
SELECT reco.score(200, 9, 'als_decay');
ROLLBACK;
SELECT reco.score(200, 9, 'als_decay');
END
my ($stated, $found, $again) = split /\n/, $said;
cmp_ok(abs($stated - $found), '<=', 1e-5, 'a client that deletes the newest event finds the score that was stated');
isnt($again, $found, 'and the old score after ROLLBACK');

# The guarantee has teeth: an effect is not a contribution.
cmp_ok(Reco::rows($node, q{SELECT max(abs(contribution - removal_effect) / abs(contribution)) FROM reco.explain(200, 9, 'als_decay')}),
	'>', 0.01, 'removal effects differ from contributions');

$node->stop;
done_testing();
