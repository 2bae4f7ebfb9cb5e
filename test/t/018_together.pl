# Proves that what everybody does at once ends in no error and in no wrong list: clients that serve, write events, learn, define, word reasons
# and vacuum in random order, where each list is asked for twice in its snapshot and compared with the scores by themselves;
# and that neither how PostgreSQL stores reco's tables nor partitions that come and go change a list.
use strict;
use warnings FATAL => 'all';

use Reco;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Reco::node('together', conf => "max_files_per_process = 64\nmax_worker_processes = 10\nautovacuum_naptime = 1\n");
my $lists = q{SELECT c.id, r.rank, r.item_id, r.score FROM customers c, LATERAL reco.recommend(c.id, 5, 'shop') r WHERE c.id <= 40 ORDER BY 1, 2};
Reco::rows($node, 'ALTER DATABASE postgres SET client_min_messages = warning');
Reco::load_shop($node);
Reco::refresh($node);
Reco::rows($node, q{SELECT reco.alter_recommender('shop', options => '{"factors": 8, "iterations": 2}')});

# What a client does: its weight and its statements. A recommender that is busy is no error here.
my $busy = q{EXCEPTION WHEN lock_not_available THEN NULL; END $$;};
my %does = (
	serve => [ 60, q{
\set u random(1, 200)
BEGIN ISOLATION LEVEL REPEATABLE READ;
CREATE TEMP TABLE IF NOT EXISTS mine (rank int, item bigint, score float8);
TRUNCATE mine;
INSERT INTO mine SELECT rank, item_id, score FROM reco.recommend(:u, 5, 'shop');
DO $$ BEGIN ASSERT (SELECT count(*) FROM mine) = 5, 'a list is short'; END $$;
SELECT 1 / (count(*) = 0)::int FROM reco.recommend(:u, 5, 'shop') r FULL JOIN mine m ON (r.rank, r.item_id) = (m.rank, m.item) WHERE r.score IS DISTINCT FROM m.score;
SELECT 1 / (count(*) = 0)::int FROM mine WHERE score IS DISTINCT FROM reco.score(:u, item, 'shop') AND score IS NOT NULL;
COMMIT;
} ],
	write => [ 30, q{
\set u random(1, 200)
\set i random(0, 99)
INSERT INTO events VALUES (:u, 1000 + :i, 'view', '2024-06-01');
DELETE FROM events WHERE ctid = (SELECT ctid FROM events WHERE user_id = :u LIMIT 1);
} ],
	learn => [ 4, "DO \$\$ BEGIN CALL reco.refresh('shop'); $busy" ],
	step => [ 2, "DO \$\$ BEGIN CALL reco.refresh('shop', 'incremental'); $busy" ],
	define => [ 2, "\n\\set s random(1, 9)\nDO \$\$ BEGIN PERFORM reco.alter_recommender('shop', options => '{\"factors\": 8, \"iterations\": 2, \"seed\": :s}'); $busy" ],
	word => [ 2, q{SELECT reco.set_reason_template('history', 'en', 'for {clauses}', 5); SELECT reco.reset_reason_template('history', 'en', 5);} ],
	explain => [ 4, q{SELECT count(*) FROM reco.explain(7, 1042, 'shop'); SELECT count(*) FROM reco.progress;} ],
	vacuum => [ 1, q{VACUUM (ANALYZE) events, reco.chunk, reco.version, reco.version_chunk, reco.recommender, reco.reason_template;} ]);
$node->pgbench('--no-vacuum --client=6 --transactions=150 --protocol=simple', 0, [qr{actually processed: 900/900}], [qr{^$}],
	'six clients at once', { map { ("018_$_\@$does{$_}[0]" => $does{$_}[1]) } keys %does });
is(Reco::rows($node, q{SELECT count(*) FROM reco.chunk c WHERE NOT EXISTS (SELECT FROM reco.version_chunk v WHERE (v.recommender, v.digest) = (c.recommender, c.digest))}),
	'0', 'no chunk is left without a version');
is(Reco::rows($node, 'SELECT count(*) FROM reco.verify(\'shop\')'), '0', 'and none is wrong');

# ---- how tables are stored ----

my $expected = Reco::rows($node, $lists);
my $folder = $node->data_dir . '/base/pgsql_tmp/pgsql_tmp_reco';
for my $change ('ALTER TABLE reco.chunk ALTER data SET STORAGE EXTENDED', 'ALTER TABLE reco.chunk ALTER data SET STORAGE MAIN', 'VACUUM FULL reco.chunk', 'CLUSTER reco.chunk USING chunk_pkey',
	'VACUUM FULL reco.recommender', 'CLUSTER reco.version_chunk USING version_chunk_pkey', 'VACUUM FULL reco.version', 'REINDEX SCHEMA reco', 'VACUUM FULL reco.reason_template', 'VACUUM FULL events')
{
	my $session = $node->background_psql('postgres');
	is($session->query($lists), $expected, "before $change");
	Reco::rows($node, $change);
	# what was stored before is stored anew
	Reco::rows($node, 'UPDATE reco.chunk SET data = substr(data, 1)') if $change =~ /STORAGE/;
	is($session->query($lists), $expected, "a session that served before $change serves the same");
	unlink glob("$folder/*");
	is(Reco::rows($node, $lists), $expected, "so does one that reads the tables after $change");
	$session->quit;
}

# ---- partitions that come and go ----

Reco::rows($node, <<'END');
CREATE TABLE parts (user_id int, product_id int, kind text, at timestamptz) PARTITION BY LIST (kind);
SELECT format('CREATE TABLE parts_%s PARTITION OF parts FOR VALUES IN (%L)', kind, kind) FROM (SELECT DISTINCT kind FROM events) k \gexec
INSERT INTO parts SELECT * FROM events;
CREATE INDEX ON parts (user_id);
SELECT reco.alter_recommender('shop', interactions => 'parts');
END
is(Reco::rows($node, $lists), $expected, 'a partitioned table gives the same lists');
my $before = Reco::rows($node, q{CALL reco.refresh('shop'); SELECT n_interactions FROM reco.models ORDER BY version DESC LIMIT 1});
my $whole = Reco::rows($node, $lists);
my $blocker = $node->background_psql('postgres');
$blocker->query('BEGIN; LOCK TABLE reco.chunk IN SHARE MODE');
my $learner = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $learner->query('SELECT pg_backend_pid()');
$learner->query_until(qr/begun/, "\\echo begun\nCALL reco.refresh('shop');\n");
ok($node->poll_query_until('postgres', "SELECT wait_event = 'relation' FROM pg_stat_activity WHERE pid = $pid"), 'a refresh has read and stores');
Reco::rows($node, 'ALTER TABLE parts DETACH PARTITION parts_view CONCURRENTLY');
my $less = Reco::rows($node, $lists);
isnt($less, $whole, 'a list counts the partitions that are there');
Reco::rows($node, q{ALTER TABLE parts ATTACH PARTITION parts_view FOR VALUES IN ('view')});
is(Reco::rows($node, $lists), $whole, 'and those that are there again');
$blocker->query('COMMIT');
$learner->query('SELECT 1');
is($learner->{stderr} =~ /ERROR/ ? $learner->{stderr} : '', '', 'the refresh ends well');
is(Reco::rows($node, $lists), $whole, 'with what it had read');
$_->quit for $blocker, $learner;

# ---- unlogged events are gone after a crash, and that is said ----

Reco::rows($node, q{CREATE UNLOGGED TABLE fleeting AS SELECT * FROM events; CREATE INDEX ON fleeting (user_id);
	SELECT reco.create_recommender('fleeting', 'fleeting', 'user_id', 'product_id', shared_catalogue => true, options => '{"factors": 4, "iterations": 1}'); CALL reco.refresh('fleeting')});
$node->stop('immediate');
$node->start;
is(Reco::rows($node, q{SELECT DISTINCT source FROM reco.recommend(1, 5, 'fleeting')}), 'popular', 'without its events a user is served what is popular');
is(Reco::sqlstate($node, q{CALL reco.refresh('fleeting')}), 'P0002', 'nothing can be learned from an empty table');
is(Reco::rows($node, q{SELECT DISTINCT source FROM reco.recommend(1, 5, 'fleeting')}), 'popular', 'and the version serves on');

unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal|TRAP/, 'nothing crashed');
$node->stop;

done_testing();
