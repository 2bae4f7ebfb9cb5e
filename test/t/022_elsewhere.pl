# Proves that a refresh that learns holds back nobody: no snapshot, so that the oldest xmin moves on, and no lock on a table;
# that a standby refuses what would learn before it begins; and that databases in other encodings get lists and reasons of
# valid characters only.
use strict;
use warnings FATAL => 'all';

use Reco;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Reco::node('elsewhere', init => { allows_streaming => 1 });
Reco::load_shop($node);
Reco::refresh($node);

# ---- nothing is held while learning ----

# For the session (its workers have no database, hence no line there): xmin, xid, and locks but on its own virtual transaction and the recommender.
my $held = q{SELECT count(backend_xmin), count(backend_xid), (SELECT count(*) FROM pg_locks l WHERE l.pid = ANY (array_agg(a.pid))
		AND (l.locktype <> 'virtualxid') AND NOT (l.locktype = 'object' AND l.classid = 'reco.recommender'::regclass))
	FROM pg_stat_activity a WHERE query LIKE 'CALL reco.refresh%'};
my $psql = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $psql->query('SET reco.workers = 1; SELECT pg_backend_pid()');
$psql->query_until(qr/begun/, "\\echo begun\n" . q{CALL reco.refresh('shop', options => '{"factors":256,"iterations":1000}');} . "\n");
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM reco.progress WHERE pid = $pid AND phase = 'learning' AND done > 0"),
	"a refresh is at it");
is(Reco::rows($node, $held), '0|0|0', "it holds no snapshot, no transaction and no lock");
my $before = Reco::rows($node, 'SELECT pg_snapshot_xmin(pg_current_snapshot())');
Reco::rows($node, "SET lock_timeout = '5s'; CREATE TABLE garbage AS SELECT 1; ALTER TABLE events ADD note text; ALTER TABLE events DROP note; DROP TABLE garbage");
my $after = Reco::rows($node, 'SELECT pg_snapshot_xmin(pg_current_snapshot())');
cmp_ok($after, '>', $before, "tables can be altered and the oldest xmin moves on");
Reco::rows($node, 'CREATE TABLE dead AS SELECT generate_series(1, 1000) AS n; DELETE FROM dead');
my ($status, $out, $error) = $node->psql('postgres', 'VACUUM VERBOSE dead');
like($error, qr/1000 removed, 0 remain, 0 are dead but not yet removable/, "vacuum removes what was deleted since");
Reco::rows($node, "DROP TABLE dead; SELECT pg_cancel_backend($pid)");
$psql->query('SELECT 1');
like($psql->{stderr}, qr/canceling statement due to user request/, "and it is cancelled");

# an incremental one, which reads the deployed version, is no other
$psql->query(q{CALL reco.refresh('shop', options => '{"factors":256,"iterations":1}')});
$psql->query_until(qr/again/, "\\echo again\n" . q{CALL reco.refresh('shop', 'incremental', options => '{"factors":256,"warm_sweeps":1000}');} . "\n");
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM reco.progress WHERE pid = $pid AND phase = 'learning' AND done > 0"),
	"an incremental refresh is at it");
is(Reco::rows($node, $held), '0|0|0', "it holds no snapshot, no transaction and no lock");
Reco::rows($node, "SELECT pg_cancel_backend($pid)");
$psql->query('SELECT 1');
$psql->{stderr} = '';
$psql->quit;
Reco::rows($node, "SELECT reco.deploy('shop', 1)");

# ---- a standby ----

$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('elsewhere_standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
for my $call ('refresh', 'evaluate')
{
	($status, $out, $error) = $standby->psql('postgres', "\\set VERBOSITY verbose\nCALL reco.$call('shop')");
	like($error, qr/ERROR:  25006: cannot execute reco\.$call\(\) during recovery/, "a standby refuses $call");
	unlike($error, qr/NOTICE|WARNING/, 'before anything is read');
}
is(Reco::sqlstate($standby, q{SELECT reco.deploy('shop', 1)}), '25006', 'and to deploy');
is(Reco::rows($standby, q{SELECT count(*) FROM reco.recommend(1, 5, 'shop')}), '5', 'but serves');
$standby->stop;

# ---- other encodings ----

for my $encoding ('LATIN1', 'SQL_ASCII', 'EUC_JP')
{
	my $database = lc "in_$encoding";
	$node->safe_psql('postgres', "CREATE DATABASE $database ENCODING '$encoding' LOCALE 'C' TEMPLATE template0");
	Reco::create_extension($node, $database);
	Reco::load_shop($node, database => $database);
	# in LATIN1 a title that has no form in ASCII
	$node->safe_psql($database, q{UPDATE products SET title = 'Caf' || chr(233) || ' ' || id}) if $encoding eq 'LATIN1';
	$node->safe_psql($database, q{UPDATE products SET category = 'caf' || chr(233) WHERE category = 'lamp'}) if $encoding eq 'LATIN1';
	Reco::refresh($node, database => $database);
	# text received from a function is not checked, but in convert_from() it is
	is(Reco::rows($node, "SELECT count(*) FROM reco.recommend(1, 5, 'shop')
		WHERE reason <> '' AND convert_from(reason::bytea, '$encoding') = reason", $database), '5', "$encoding: reasons of valid characters")
	  if $encoding ne 'LATIN1';
	is(Reco::rows($node, q{SELECT count(*) FROM reco.recommend(1, 5, 'shop') WHERE position('\xc3a9'::bytea IN convert_to(reason, 'UTF8')) > 0}, $database),
		'5', "$encoding: reasons can be sent to a client in UTF8, with the titles")
	  if $encoding eq 'LATIN1';
	cmp_ok(Reco::rows($node, q{SELECT count(*) FROM reco.explain(1, 1003, 'shop') WHERE octet_length(reason) > 0}, $database), '>', '0', "$encoding: explanations");
}
# events that are called so in Chinese are known in an encoding of Chinese
$node->safe_psql('postgres', "CREATE DATABASE in_euc_cn ENCODING 'EUC_CN' LOCALE 'C' TEMPLATE template0");
Reco::create_extension($node, 'in_euc_cn');
$node->safe_psql('in_euc_cn', <<"END");
SET client_encoding = 'UTF8';
CREATE TABLE events (user_id int, item_id int, kind text);
INSERT INTO events SELECT u, i, '\xE8\xB4\xAD\xE4\xB9\xB0' FROM generate_series(1, 30) u, generate_series(1, 20) i WHERE (u + i) % 3 <> 0;
SELECT reco.create_recommender('cn', 'events', 'user_id', 'item_id', event_column => 'kind', options => '{"factors": 4, "iterations": 2}');
CALL reco.refresh('cn');
END
is(Reco::rows($node, q{SELECT DISTINCT reco.reason_prompt(u, i, 'cn', 'zh') #>> '{because,0,event}' FROM generate_series(1, 5) u, generate_series(1, 20) i
	WHERE reco.reason_prompt(u, i, 'cn', 'zh') #>> '{because,0,event}' IS NOT NULL}, 'in_euc_cn'), 'bought', 'EUC_CN: the name of an event is known');

# the head of a picture is in the language of its rows; a label does not end its own marks of quotation
$node->safe_psql('in_euc_cn', <<"END");
SET client_encoding = 'UTF8';
CREATE TABLE goods (id int PRIMARY KEY, title text);
INSERT INTO goods SELECT i, '\xE4\xB9\xA6\xE3\x80\x8B\xE3\x80\x8A\xE2\x80\x9D\xE2\x80\x9C ' || i FROM generate_series(1, 20) i;
SELECT reco.alter_recommender('cn', items => 'goods', item_key => 'id', item_label => 'title');
END
is($node->safe_psql('in_euc_cn', q{SET client_encoding = 'UTF8'; SELECT DISTINCT substring(reco.explain_svg(1, 3, 'cn', 'zh') FROM '<title>[^<]*</title><desc>[^ ]* ')}),
	"<title>\xE4\xB8\xBA\xE4\xBB\x80\xE4\xB9\x88\xE6\x98\xAF\xE3\x80\x8A\xE4\xB9\xA6\xE3\x80\x89\xE3\x80\x88\xE2\x80\x99\xE2\x80\x98 3\xE3\x80\x8B</title><desc>\xE5\xBE\x97\xE5\x88\x86 ", 'EUC_CN: the head of a picture');
is($node->safe_psql('in_euc_cn', q{SET client_encoding = 'UTF8'; SELECT DISTINCT substring(reco.explain_svg(1, 3, 'cn', 'en') FROM '<title>[^<]*</title>')}),
	"<title>Why \xE2\x80\x9C\xE4\xB9\xA6\xE3\x80\x89\xE3\x80\x88\xE2\x80\x99\xE2\x80\x98 3\xE2\x80\x9D</title>", 'EUC_CN: and in English');

($status, $out, $error) = $node->psql('in_latin1', q{SET client_encoding = 'UTF8'; SELECT reason FROM reco.recommend(1, 5, 'shop')});
is($status, 0, 'LATIN1 is shown to a client in UTF8') or diag($error);

# restored in a database of another encoding a version with levels that would be other texts there is refused, until a refresh; one of ASCII serves
for my $database ('in_latin1', 'in_euc_jp')
{
	my $file = PostgreSQL::Test::Utils::tempdir() . "/$database.sql";
	$node->command_ok([ 'pg_dump', '--file', $file, $node->connstr($database) ], "pg_dump of $database");
	$node->safe_psql('postgres', "CREATE DATABASE utf8_$database ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0");
	$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr("utf8_$database"), '-f', $file ], 'restored in UTF8');
}
($status, $out, $error) = $node->psql('utf8_in_latin1', "\\set VERBOSITY verbose\nSELECT count(*) FROM reco.recommend(1, 5, 'shop')");
like($error, qr/ERROR:  55000: attribute "category" of the model was learned in a database of encoding LATIN1\n.*UTF8.*\nHINT:  Learn a new version/, 'levels of another encoding are refused');
Reco::refresh($node, database => 'utf8_in_latin1');
is(Reco::rows($node, q{SELECT count(*) FROM reco.recommend(1, 5, 'shop')}, 'utf8_in_latin1'), '5', 'and a refresh mends that');
is(Reco::rows($node, q{SELECT count(*) FROM reco.recommend(1, 5, 'shop')}, 'utf8_in_euc_jp'), '5', 'ASCII is the same everywhere');

unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal|TRAP/, 'nothing crashed');
$node->stop;

done_testing();
