# Proves that definitions, versions and evaluations survive pg_dump and restore: the new database answers to the bit as the
# old one, and can learn on; and that what a restore leaves out breaks the recommenders over it and no other.
use strict;
use warnings FATAL => 'all';

use Reco;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Reco::node('dump');
Reco::load_shop($node);
Reco::refresh($node);
Reco::refresh($node, options => '{"factors":12,"iterations":2}');
Reco::rows($node, "SELECT reco.deploy('shop', 1)");
Reco::rows($node, q{SELECT reco.set_reason_template('history', 'en', 'as it happens {clauses}', 2), reco.set_reason_template('history', 'zh', '因{clauses}', 9)});
Reco::rows($node, 'CREATE VIEW for_everybody AS SELECT c.id, r.rank, r.item_id FROM customers c, LATERAL reco.recommend(c.id, 3) r');

# restored(database, format, option ...): dumps postgres, with these options, into a new database by psql or pg_restore
sub restored
{
	my ($database, $format, @options) = @_;
	my $file = $node->basedir . "/$database.dump";
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->command_ok([ 'pg_dump', "--format=$format", @options, '--file', $file, $node->connstr('postgres') ],
		"pg_dump --format=$format @options");
	if ($format eq 'plain')
	{
		$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f', $file, $node->connstr($database) ],
			'psql reads the dump without an error');
	}
	else
	{
		# with several jobs the tables are loaded in any order
		$node->command_ok([ 'pg_restore', '--exit-on-error', '--jobs=3', '-d', $node->connstr($database), $file ],
			'pg_restore reads the dump without an error');
	}
	return $database;
}

# Relations come as names, because their OIDs differ.
my %queries = (
	'definitions' => q{SELECT to_jsonb(r) FROM reco.recommenders r},
	'stored definitions' => q{SELECT to_jsonb(r) FROM reco.recommender r ORDER BY key},
	'versions' => q{SELECT to_jsonb(m) FROM reco.models m ORDER BY recommender, version},
	'chunks' => q{SELECT digest, sha256(data) FROM reco.chunk ORDER BY recommender, digest},
	'wordings' => q{SELECT to_jsonb(t) FROM reco.reason_template t ORDER BY kind, lang, variant, builtin},
	'edited wordings' => q{SELECT kind, lang, variant, pattern FROM reco.reason_templates WHERE edited ORDER BY 1, 2, 3},
	'lists' => q{SELECT u, rank, item_id, score, source, reason FROM generate_series(1, 200, 7) u, reco.recommend(u, 10)},
	'explanations' => q{SELECT ord, kind, evidence_id, evidence_label, contribution, removal_effect, reason FROM reco.explain(3, 1042)},
	'a view over recommend()' => q{SELECT * FROM for_everybody WHERE id < 20},
);

for my $format ('plain', 'custom')
{
	my $database = restored("restored_$format", $format);
	for my $what (sort keys %queries)
	{
		my $expected = Reco::rows($node, "SET extra_float_digits = 3; $queries{$what}");
		isnt($expected, '', "$what: there are some");
		is(Reco::rows($node, "SET extra_float_digits = 3; $queries{$what}", $database), $expected, "$what: the same after $format");
	}
	Reco::refresh($node, database => $database);
	is(Reco::rows($node, 'SELECT max(version) FROM reco.models', $database), '3', 'the restored database can learn on');
	is(Reco::rows($node, 'SELECT max(version) FROM reco.models'), '2', 'and the old one is untouched');
}

# A dump of the schema alone gives a database in which recommenders can be defined; the data can follow.
for my $part ('--schema-only', '--data-only')
{
	my $file = $node->basedir . "/part$part.sql";
	$node->safe_psql('postgres', 'CREATE DATABASE parts') if $part eq '--schema-only';
	$node->command_ok([ 'pg_dump', $part, '--file', $file, $node->connstr('postgres') ], "pg_dump $part");
	$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f', $file, $node->connstr('parts') ],
		"psql reads the dump $part without an error");
	is(Reco::rows($node, 'SELECT count(*) FROM reco.recommenders', 'parts'), $part eq '--schema-only' ? '0' : '1', "$part: recommenders");
}
is(Reco::rows($node, $queries{lists}, 'parts'), Reco::rows($node, $queries{lists}), 'schema and data apart: the same lists');

# A dump is put back into the database it was taken from, over what is there.
{
	my $file = $node->basedir . '/clean.dump';
	my $expected = Reco::rows($node, $queries{lists}, 'restored_plain');
	$node->command_ok([ 'pg_dump', '--format=custom', '--file', $file, $node->connstr('restored_plain') ], 'pg_dump of a restored database');
	$node->command_ok([ 'pg_restore', '--exit-on-error', '--clean', '-d', $node->connstr('restored_plain'), $file ], 'pg_restore --clean');
	is(Reco::rows($node, $queries{lists}, 'restored_plain'), $expected, 'the same lists after pg_restore --clean');
}

# error(query, database): the message of the error a query ends in, with its hint
sub error
{
	my ($query, $database) = @_;
	my ($status, $stdout, $stderr) = $node->psql($database, $query);
	return $stderr;
}

# Tables and a role that the other side does not have: "site" loses its interactions, "goods" its items, "clients" its
# users, "team's" its owner.
Reco::rows($node, <<'END');
SET client_min_messages = warning;
CREATE TABLE visits AS SELECT user_id, product_id FROM events;
CREATE INDEX ON visits (user_id);
CREATE TABLE "Goods" (id int PRIMARY KEY, title text);
INSERT INTO "Goods" SELECT id, title FROM products;
CREATE TABLE clients (id int PRIMARY KEY);
CREATE ROLE regress_reco_team;
SELECT reco.create_recommender('site', 'visits', 'user_id', 'product_id');
SELECT reco.create_recommender('goods', 'events', 'user_id', 'product_id', items => '"Goods"', item_key => 'id', item_label => 'title');
SELECT reco.create_recommender('clients', 'events', 'user_id', 'product_id', users => 'clients', user_key => 'id');
SELECT reco.create_recommender('team''s', 'events', 'user_id', 'product_id');
END
Reco::refresh($node, recommender => $_) for 'site', 'goods';
my $lists = q{SELECT u, r.* FROM generate_series(1, 200, 7) u, reco.recommend(u, 5, '%s') r};
my $me = Reco::rows($node, 'SELECT current_user');
my %before = map { $_ => Reco::rows($node, sprintf($lists, $_)) } 'shop', 'site', 'goods';
for my $format ('plain', 'custom')
{
	my $database = "partial_$format";
	Reco::rows($node, q{SELECT reco.alter_recommender('team''s', owner => 'regress_reco_team')});
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	my $file = $node->basedir . "/$database.dump";
	$node->command_ok([ 'pg_dump', "--format=$format", '-T', 'visits', '-T', '"Goods"', '-T', 'clients', '--file', $file, $node->connstr('postgres') ],
		"pg_dump --format=$format without three tables");
	Reco::rows($node, q{SELECT reco.alter_recommender('team''s', owner => current_user::regrole); DROP ROLE regress_reco_team});
	$node->command_ok(
		$format eq 'plain'
		? [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f', $file, $node->connstr($database) ]
		: [ 'pg_restore', '--exit-on-error', '--jobs=3', '-d', $node->connstr($database), $file ],
		'the restore raises no error');
	Reco::rows($node, 'CREATE ROLE regress_reco_team; CREATE ROLE regress_reco_else');

	is(Reco::rows($node, 'SELECT name, owner, interactions, items, users FROM reco.recommenders ORDER BY name', $database),
		"clients|$me|events||\ngoods|$me|events||\nshop|$me|events|products|customers\nsite|$me|||\nteam's||events||",
		'all definitions are there, without what was left out');
	is(Reco::rows($node, sprintf($lists, 'shop'), $database), $before{shop}, 'a recommender that has all its tables serves as before');
	is(Reco::rows($node, 'SET ROLE regress_reco_else; SELECT count(*) FROM reco.recommenders', $database), '0', 'a stranger sees none');

	my %lost = (site => [ 'interactions', 'public.visits' ], goods => [ 'items', 'public."Goods"' ], clients => [ 'users', 'public.clients' ]);
	my %make = (
		site => 'CREATE TABLE visits AS SELECT user_id, product_id FROM events; CREATE INDEX ON visits (user_id)',
		goods => 'CREATE TABLE "Goods" AS SELECT id, title FROM products; ALTER TABLE "Goods" ADD PRIMARY KEY (id)',
		clients => 'CREATE TABLE clients (id int PRIMARY KEY)');
	for my $name (sort keys %lost)
	{
		my ($argument, $relation) = @{ $lost{$name} };
		my $mend = "SELECT reco.alter_recommender('$name', $argument => '$relation')";
		my $message = qr/relation \Q$relation\E of recommender "$name" does not exist.*was not there when .* restored.*HINT: .*\Q$mend\E/s;
		like(error("SELECT reco.recommend(1, recommender => '$name')", $database), $message, "$name: a call names the relation and the remedy");
		like(error("CALL reco.refresh('$name')", $database), $message, "$name: so does a refresh");
		like(error(qq{SELECT reco.alter_recommender('$name', options => '{"factors": 4}')}, $database), $message, "$name: and a change of something else");
		Reco::rows($node, $make{$name}, $database);
		like(error("SELECT reco.recommend(1, recommender => '$name')", $database), $message, "$name: a relation of that name is not taken unasked");
		Reco::rows($node, "SET client_min_messages = warning; $mend", $database);
		is(Reco::rows($node, sprintf($lists, $name), $database), $before{$name}, "$name: mended by the call in the hint, it serves as before")
		  if exists $before{$name};
		Reco::refresh($node, recommender => $name, database => $database);
	}

	like(error(q{SET ROLE regress_reco_team; SELECT reco.drop_recommender('team''s')}, $database),
		qr/must be owner of recommender "team's".*a role that does not exist.*HINT: .*owner =>/s, 'a role made later does not own what its namesake owned');
	Reco::rows($node, q{SELECT reco.alter_recommender('team''s', owner => 'regress_reco_team')}, $database);
	is(Reco::rows($node, q{SET ROLE regress_reco_team; SELECT name, owner FROM reco.recommenders}, $database),
		"team's|regress_reco_team", 'a superuser gives the orphan away');
	Reco::rows($node, 'DROP ROLE regress_reco_else');
}

# What was already lost when the dump was made stays lost, and its definition can be dropped.
Reco::rows($node, 'DROP TABLE visits');
restored('dangling', 'plain');
is(Reco::rows($node, q{SELECT interactions IS NULL FROM reco.recommenders WHERE name = 'site'}, 'dangling'), 't', 'a dropped table is dumped as none');
Reco::rows($node, q{SELECT reco.alter_recommender('site', new_name => 'lost')}, 'dangling');
Reco::rows($node, q{SELECT reco.drop_recommender('lost')}, 'dangling');
Reco::rows($node, "SELECT reco.drop_recommender('$_')") for 'site', 'goods', 'clients', q{team''s};

# A dump reads reco's tables: of those who are no superusers it takes a member of pg_read_all_data, or a dump without them.
Reco::rows($node, 'CREATE ROLE dumper LOGIN; CREATE ROLE reader LOGIN IN ROLE pg_read_all_data; CREATE SCHEMA own; CREATE TABLE own.kept AS SELECT 1 AS a; GRANT USAGE ON SCHEMA own TO dumper; GRANT SELECT ON own.kept TO dumper');
$node->command_fails_like([ 'pg_dump', '--username=dumper', '--schema=own', '--schema=reco', '--extension=reco', $node->connstr('postgres') ],
	qr/permission denied|may lack SELECT privilege/, 'nobody dumps what they may not read');
$node->command_like([ 'pg_dump', '--username=dumper', '--schema=own', $node->connstr('postgres') ], qr/CREATE TABLE own.kept/, 'everybody dumps what is theirs');
$node->command_like([ 'pg_dump', '--username=reader', $node->connstr('postgres') ], qr/COPY reco.chunk /, 'a member of pg_read_all_data dumps all');

# Nothing is left of a recommender that is dropped.
Reco::rows($node, q{CALL reco.evaluate('shop', options => '{"users": 20, "resamples": 0}')});
Reco::rows($node, q{SELECT reco.drop_recommender('shop')});
is(Reco::rows($node, "SELECT count(*) FROM reco.$_"), '0', "nothing is left in reco.$_")
  for 'recommender', 'version', 'version_chunk', 'chunk', 'evaluation', 'evaluation_metric';

$node->stop;
done_testing();
