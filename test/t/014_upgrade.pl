# Proves that pg_upgrade keeps definitions and versions, that every path of upgrade scripts ends in the catalogue of a fresh
# install, and that standbys and subscribers answer as their source does.
#
# pg_upgrade is tried from every other server version that is installed beside this one, and from this version to itself.
use strict;
use warnings FATAL => 'all';

use Cwd;
use File::Spec;
use Reco;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $lists = q{SET extra_float_digits = 3; SELECT u, rank, item_id, score, source, reason FROM generate_series(1, 200, 7) u, reco.recommend(u, 10)};
my $items = q{SELECT u, rank, item_id, source, reason FROM generate_series(1, 200, 7) u, reco.recommend(u, 10)};
my $models = q{SELECT to_jsonb(m) FROM reco.models m ORDER BY recommender, version};
my $definitions = q{SELECT to_jsonb(r) FROM reco.recommenders r};

# ---- a streaming standby: the same answers, a refresh followed, service after promotion ----

my $node = Reco::node('source', init => { allows_streaming => 'logical' });
Reco::load_shop($node);
Reco::refresh($node);
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is(Reco::rows($standby, $lists), Reco::rows($node, $lists), 'a standby serves the same lists, with the same reasons');
Reco::rows($node, q{INSERT INTO events SELECT 7, product_id, 'purchase', '2024-03-01' FROM events WHERE user_id = 8});
$node->wait_for_catchup($standby);
is(Reco::rows($standby, $lists), Reco::rows($node, $lists), 'it counts events as soon as they have come');
# Items that came after the refresh are scored on the standby too, read-only as it is, as soon as they have come.
my $new = q{SET extra_float_digits = 3; SELECT u, rank, item_id, score, reason, reco.score(u::bigint, item_id) = score FROM generate_series(1, 200, 7) u,
	reco.recommend(u::bigint, 6, options => '{"new_items": 2}')};
my $about = q{SET extra_float_digits = 3; SELECT i, s.rank, s.item_id, s.score, e.* FROM generate_series(2001, 2010, 3) i, reco.similar_items(i::bigint, 3, options => '{"by": "both", "new_items": 1}') s,
	reco.explain(7, i::bigint, view => 'attributes') e};
is(Reco::sqlstate($standby, q{SELECT * FROM reco.explain(7, 2001)}), '42704', 'a standby does not know what has not come');
Reco::rows($node, q{INSERT INTO products SELECT 2000 + p, 'New ' || p, (ARRAY['boots','kettle','lamp','yarn','tent'])[1 + p % 5], 5 + p FROM generate_series(1, 10) p});
$node->wait_for_catchup($standby);
is(Reco::rows($standby, $new), Reco::rows($node, $new), 'a standby serves new items, with the same scores');
like(Reco::rows($standby, $new), qr/\|20\d\d\|/, 'and there are some');
is(Reco::rows($standby, $about), Reco::rows($node, $about), 'it knows what they are like, and why');
is(Reco::rows($standby, q{SELECT count(*) FROM reco.similar_items(2001)}), '10', 'a new item has similar ones');
Reco::rows($node, q{DELETE FROM products WHERE id > 2000});
$node->wait_for_catchup($standby);
is(Reco::rows($standby, $new), Reco::rows($node, $new), 'they go when they are deleted');
unlike(Reco::rows($standby, $new), qr/\|20\d\d\|/, 'all of them');
Reco::refresh($node, options => '{"factors":6,"iterations":2}');
$node->wait_for_catchup($standby);
is(Reco::rows($standby, $lists), Reco::rows($node, $lists), 'it follows a refresh');
is(Reco::sqlstate($standby, q{CALL reco.refresh('shop')}), '25006', 'it cannot learn');
is(Reco::sqlstate($standby, q{SELECT reco.deploy('shop', 1)}), '25006', 'nor deploy');
is(Reco::sqlstate($standby, q{SELECT reco.drop_recommender('shop')}), '25006', 'nor drop');
my $expected = Reco::rows($node, $lists);
$standby->promote;
is(Reco::rows($standby, $lists), $expected, 'it serves the same lists after its promotion');
Reco::refresh($standby);
is(Reco::rows($standby, 'SELECT max(version) FROM reco.models'), '3', 'and can then learn');
is(Reco::rows($node, 'SELECT max(version) FROM reco.models'), '2', 'for itself');
$standby->stop;

# ---- logical replication of the tensor tables ----

my $subscriber = Reco::node('subscriber');
Reco::load_shop($subscriber, define => 0);
Reco::rows($subscriber, q{INSERT INTO events SELECT 7, product_id, 'purchase', '2024-03-01' FROM events WHERE user_id = 8});
my $tables = 'reco.recommender, reco.version, reco.version_chunk, reco.chunk';
Reco::rows($node, "CREATE PUBLICATION models FOR TABLE $tables");
Reco::rows($subscriber, "CREATE SUBSCRIPTION models CONNECTION '" . $node->connstr . " dbname=postgres' PUBLICATION models");
$subscriber->wait_for_subscription_sync($node, 'models');
is(Reco::rows($subscriber, $lists), $expected, 'a subscriber serves the lists of its publisher from its own events');
Reco::refresh($node, options => '{"factors":5,"iterations":2}');
$node->wait_for_catchup('models');
is(Reco::rows($subscriber, $lists), Reco::rows($node, $lists), 'and follows a refresh');
Reco::rows($subscriber, 'DROP SUBSCRIPTION models');
$subscriber->stop;

# ---- upgrade scripts: every path from an older version of the extension gives the catalogue of a fresh install ----

# What an extension has made, by name: functions with their whole definition, tables with columns and constraints, views,
# types, casts, triggers, rights and comments.
my $catalogue = <<'END';
SELECT pg_describe_object(d.classid, d.objid, 0) || ' ' || coalesce(
	CASE d.classid
	WHEN 'pg_proc'::regclass THEN (SELECT pg_get_functiondef(p.oid) || coalesce(p.proacl::text, '') FROM pg_proc p WHERE p.oid = d.objid AND p.prokind IN ('f', 'p'))
	WHEN 'pg_class'::regclass THEN (SELECT c.relkind::text || coalesce(c.relacl::text, '') || coalesce(c.reloptions::text, '')
		|| coalesce(CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END, '')
		|| coalesce((SELECT string_agg(concat(a.attname, ' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attstorage, a.attidentity, pg_get_expr(f.adbin, f.adrelid)), ', ' ORDER BY a.attname)
			FROM pg_attribute a LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '')
		|| coalesce((SELECT string_agg(pg_get_constraintdef(k.oid), ', ' ORDER BY 1) FROM pg_constraint k WHERE k.conrelid = c.oid), '')
		|| coalesce((SELECT string_agg(pg_get_indexdef(i.indexrelid), ', ' ORDER BY 1) FROM pg_index i WHERE i.indrelid = c.oid), '')
		|| coalesce((SELECT string_agg(pg_get_triggerdef(t.oid), ', ' ORDER BY 1) FROM pg_trigger t WHERE t.tgrelid = c.oid), '') FROM pg_class c WHERE c.oid = d.objid)
	END, '') || coalesce(obj_description(d.objid, d.classid::regclass::text), '')
FROM pg_depend d WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'reco') AND d.deptype = 'e'
ORDER BY 1
END
my $fresh = Reco::rows($node, $catalogue);
like($fresh, qr/function reco\.recommend\(bigint/, 'the catalogue of a fresh install is compared');
my @paths = split /\n/, Reco::rows($node, q{SELECT source FROM pg_extension_update_paths('reco')
	WHERE target = (SELECT default_version FROM pg_available_extensions WHERE name = 'reco') AND path IS NOT NULL ORDER BY 1});
note('upgrade paths: ' . (@paths ? "from @paths" : 'none yet, there is one version'));
for my $from (@paths)
{
	(my $database = "from_$from") =~ s/\W/_/g;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, "CREATE EXTENSION reco VERSION '$from'; ALTER EXTENSION reco UPDATE");
	is(Reco::rows($node, $catalogue, $database), $fresh, "an upgrade from $from ends where a fresh install does");
}
is(Reco::rows($node, q{ALTER EXTENSION reco UPDATE; SELECT extversion = default_version FROM pg_extension e JOIN pg_available_extensions a ON a.name = e.extname WHERE extname = 'reco'}),
	't', 'ALTER EXTENSION UPDATE has nothing left to do');
my $scripts = "$ENV{RECO_HOME}/sql";
my @scripts = map { m{/reco--(.*)--.*\.sql$} ? $1 : () } glob("$scripts/reco--*--*.sql");
is("@{[ sort @scripts ]}", "@paths", 'every upgrade script is on a path to the present version');

# ---- pg_upgrade ----

my $bin = (split ' ', `pg_config --bindir`)[0];
my ($this) = `postgres --version` =~ /(\d+)/;
$expected = Reco::rows($node, $lists);
my %expected = map { $_ => Reco::rows($node, $_) } $models, $definitions;

# upgraded(from): a cluster that pg_upgrade makes of a dump of the source, run by the executables of that version
sub upgraded
{
	my ($from, $bindir) = @_;
	my $old;
	if ($from == $this)
	{
		$old = PostgreSQL::Test::Cluster->new("old_$from");
		$old->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
	}
	else
	{
		$old = PostgreSQL::Test::Cluster->new("old_$from", install_path => $bindir);
		$old->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
	}
	$old->start;
	Reco::create_extension($old);
	Reco::load_shop($old);
	Reco::rows($old, q{INSERT INTO events SELECT 7, product_id, 'purchase', '2024-03-01' FROM events WHERE user_id = 8});
	Reco::refresh($old);
	Reco::rows($old, 'CREATE VIEW for_everybody AS SELECT c.id, r.rank, r.item_id FROM customers c, LATERAL reco.recommend(c.id, 3) r');
	my %before = map { $_ => Reco::rows($old, $_) } $lists, $items, $models, $definitions, 'SELECT * FROM for_everybody WHERE id < 20';
	$old->stop;

	my $new = PostgreSQL::Test::Cluster->new("new_from_$from");
	$new->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8', $this >= 18 && $from < 18 ? '--no-data-checksums' : () ]);
	my $here = getcwd();
	# newer releases of the test library give relative paths
	my ($old_data, $new_data) = map { File::Spec->rel2abs($_->data_dir) } $old, $new;
	chdir $new->basedir;
	command_ok([ 'pg_upgrade', '--no-sync', '-d', $old_data, '-D', $new_data, '-b', $from == $this ? $bin : "$bindir/bin", '-B', $bin,
			'-s', $new->host, '-p', $old->port, '-P', $new->port ], "pg_upgrade from $from to $this");
	chdir $here;
	$new->start;
	is(Reco::rows($new, $_), $before{$_}, "after pg_upgrade from $from: $_") for sort keys %before;
	Reco::refresh($new);
	is(Reco::rows($new, 'SELECT max(version) FROM reco.models'), '2', "after pg_upgrade from $from: it can learn on");
	# the library of another server may be that of another compiler, which adds up in another order when it learns
	my $anew = $from == $this ? $lists : $items;
	is(Reco::rows($new, $anew), $before{$anew}, "after pg_upgrade from $from: and learns the same");
	$new->stop;
	return;
}

upgraded($this, $bin);
my %others = map { $_ => 1 } split ' ', $ENV{RECO_UPGRADE_FROM} // '';
for my $bindir (sort keys %others)
{
	my ($from) = `$bindir/bin/postgres --version` =~ /(\d+)/;
	upgraded($from, $bindir);
}
$node->stop;

done_testing();
