# Proves that a dump holds every row of every table of reco, made by every feature that stores something; that the restored
# database shows the same in every view and serves the same; and that numbers go on where they were.
use strict;
use warnings FATAL => 'all';

use Reco;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Reco::node('dump_all');
Reco::load_shop($node, define => 0);
Reco::rows($node, <<'END');
SET client_min_messages = warning;
CREATE TABLE reviews AS SELECT user_id, product_id, 1 + (user_id + product_id) % 5 AS quality FROM events WHERE kind = 'purchase' GROUP BY 1, 2;
SELECT reco.create_recommender('rich', 'events', 'user_id', 'product_id', event_column => 'kind', event_weights => '{"view": 1, "cart": 3, "purchase": 5, "return": -3}', time_column => 'at',
	half_life => '90 days', items => 'products', item_key => 'id', item_label => 'title', item_features => '{category,price}', users => 'customers', user_key => 'id',
	user_features => '{region}', options => '{"factors": 8, "iterations": 2, "calibrate": true, "features": {"price": {"bands": 4}}}');
SELECT reco.set_reviews('rich', 'reviews', item_column => 'product_id', user_column => 'user_id', aspects => '{quality}', min_rating => 3, min_people => 5);
SELECT reco.create_recommender('blend', 'events', 'user_id', 'product_id', shared_catalogue => true, algorithm => 'blend',
	options => '{"members": {"als": {"factors": 4, "iterations": 1}, "itemknn": {}}}');
SELECT reco.set_reason_template('history', 'en', 'as it happens {clauses}', 2);
END
Reco::refresh($node, recommender => $_, options => '{}') for 'rich', 'blend';
Reco::rows($node, $_)
  for q{CALL reco.evaluate('rich', options => '{"users": 50, "resamples": 20}')}, q{CALL reco.compare('rich', options => '{"users": 50, "resamples": 20, "k": 5}')},
  q{CALL reco.learning_curve('rich', options => '{"users": 50, "resamples": 20, "k": 5}')}, q{CALL reco.tune('rich', budget => '0', options => '{"resamples": 20, "k": 5}')};

# what there is to compare: every table, every view of learned and measured things, and what is served of each feature
my %queries = map { ("table $_" => "SELECT md5(to_jsonb(t)::text) FROM reco.$_ t ORDER BY 1") }
  split /\n/, Reco::rows($node, q{SELECT relname FROM pg_class WHERE relnamespace = 'reco'::regnamespace AND relkind = 'r' ORDER BY 1});
$queries{"view $_"} = "SELECT to_jsonb(t) FROM reco.$_ t ORDER BY 1"
  for split /\n/, Reco::rows($node, q{SELECT relname FROM pg_class WHERE relnamespace = 'reco'::regnamespace AND relkind = 'v' AND relname <> 'progress' ORDER BY 1});
%queries = (
	%queries,
	'lists' => q{SELECT r, u, l.* FROM unnest('{rich,blend}'::text[]) r, generate_series(1, 200, 9) u, reco.recommend(u, 5, r) l},
	'lists of new users by attributes' => q{SELECT * FROM reco.recommend(999, 5, 'rich')},
	'probabilities' => q{SELECT reco.probability(3, i, 'rich') FROM generate_series(1000, 1099, 9) i},
	'encoders' => q{SELECT * FROM reco.features('rich')},
	'attributes' => q{SELECT * FROM reco.encode('rich', 'item', 1042)},
	'a view of attributes' => q{SELECT * FROM reco.explain(3, 1042, 'rich', 'attributes')},
	'popular of late' => q{SELECT * FROM reco.popular_items(NULL::bigint, 5, 'rich', options => '{"window": "90 days"}')},
	'popular by region' => q{SELECT * FROM reco.popular_items(2, 'rich', options => '{"by": "region"}')},
	'reports' => q{SELECT * FROM reco.evaluation_report('rich') UNION ALL SELECT e.* FROM reco.evaluation_report('blend') e},
	'comparisons' => q{SELECT * FROM reco.comparison_report('rich')},
	'learning curves' => q{SELECT * FROM reco.learning_curve_report('rich')});
my %expected = map { $_ => Reco::rows($node, "SET extra_float_digits = 3; $queries{$_}") } keys %queries;
isnt($expected{$_}, '', "$_: there are some") for sort keys %expected;

for my $format ('plain', 'custom')
{
	my $file = $node->basedir . "/$format.dump";
	$node->safe_psql('postgres', "CREATE DATABASE $format");
	$node->command_ok([ 'pg_dump', "--format=$format", '--file', $file, $node->connstr('postgres') ], "pg_dump --format=$format");
	$node->command_ok($format eq 'plain' ? [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f', $file, $node->connstr($format) ]
		: [ 'pg_restore', '--exit-on-error', '--jobs=3', '-d', $node->connstr($format), $file ], 'the restore raises no error');
	is(Reco::rows($node, "SET extra_float_digits = 3; $queries{$_}", $format), $expected{$_}, "$_: the same after $format") for sort keys %queries;

	# numbers go on
	my $last = Reco::rows($node, 'SELECT max(id) FROM reco.evaluation');
	Reco::rows($node, q{CALL reco.evaluate('rich', options => '{"users": 10, "resamples": 0}')}, $format);
	is(Reco::rows($node, 'SELECT max(id) FROM reco.evaluation', $format), $last + 1, "$format: an evaluation has the next number");
	$last = Reco::rows($node, 'SELECT max(id) FROM reco.trial');
	Reco::rows($node, q{CALL reco.tune('rich', budget => '0', options => '{"resamples": 0, "k": 5, "seed": 7}')}, $format);
	is(Reco::rows($node, 'SELECT max(id) FROM reco.trial', $format), $last + 1, "$format: a trial has the next number");
	# what a search of settings has found out is known to the restored one
	Reco::rows($node, q{CALL reco.tune('rich', budget => '0', options => '{"resamples": 20, "k": 5}')}, $format);
	is(Reco::rows($node, 'SELECT max(id) FROM reco.trial', $format), $last + 1, "$format: a search goes on from the trials that it finds");
	Reco::refresh($node, recommender => 'rich', database => $format, options => '{}');
	is(Reco::rows($node, q{SELECT max(version) FROM reco.models WHERE recommender = 'rich'}, $format), '2', "$format: and it can learn on");
}

# nothing is left of what is dropped
Reco::rows($node, "SELECT reco.drop_recommender(name) FROM reco.recommenders");
is(Reco::rows($node, "SELECT count(*) FROM reco.$_"), '0', "nothing is left in reco.$_")
  for grep { $_ ne 'reason_template' } map { /^table (.*)/ ? $1 : () } sort keys %queries;

$node->stop;
done_testing();
