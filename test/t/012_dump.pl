# Proves that definitions, versions and evaluations survive pg_dump and restore: the new database answers to the bit as the
# old one, and can learn on.
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

# restored(database, format): dumps postgres into a new database by psql or pg_restore
sub restored
{
	my ($database, $format) = @_;
	my $file = $node->basedir . "/$database.dump";
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->command_ok([ 'pg_dump', "--format=$format", '--file', $file, $node->connstr('postgres') ], "pg_dump --format=$format");
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

# Nothing is left of a recommender that is dropped.
Reco::rows($node, q{CALL reco.evaluate('shop', options => '{"users": 20, "resamples": 0}')});
Reco::rows($node, q{SELECT reco.drop_recommender('shop')});
is(Reco::rows($node, "SELECT count(*) FROM reco.$_"), '0', "nothing is left in reco.$_")
  for 'recommender', 'version', 'version_chunk', 'chunk', 'evaluation', 'evaluation_metric';

$node->stop;
done_testing();
