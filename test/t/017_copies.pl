# Proves that whatever makes two of a database, or takes one away, mixes nothing up: a template, a rename, a drop, a backup whose
# version numbers come again with other content, transactions that are prepared or never commit, an extension that is dropped and made
# again in one session, subscriptions that bring a version in parts or a wording, and dumps in every format.
use strict;
use warnings FATAL => 'all';

use Reco;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Reco::node('copies', init => { allows_streaming => 'logical' }, extension => 0,
	conf => "max_prepared_transactions = 4\nlogical_decoding_work_mem = '64kB'\n");
my $folder = $node->data_dir . '/base/pgsql_tmp/pgsql_tmp_reco';
my $lists = q{SELECT c.id, r.rank, r.item_id, r.score, r.reason FROM customers c, LATERAL reco.recommend(c.id, 5) r WHERE c.id <= 40 ORDER BY 1, 2};
my %learn = (one => '{"factors":8,"iterations":3}', two => '{"factors":7,"iterations":2}', three => '{"factors":6,"iterations":1}');

# files(pattern): of reco's folder
sub files
{
	my ($pattern) = @_;
	my @found = sort map { s{.*/}{}r } grep { m{/$pattern[^/]*$} } glob("$folder/*");
	return @found;
}

# oid_of(database)
sub oid_of
{
	my ($database) = @_;
	return Reco::rows($node, "SELECT oid FROM pg_database WHERE datname = '$database'");
}

# ---- a database made from another: the same names and numbers, and nothing in common ----

$node->safe_psql('postgres', 'CREATE DATABASE original');
Reco::create_extension($node, 'original');
Reco::load_shop($node, database => 'original');
Reco::refresh($node, database => 'original', options => $learn{one});
my $first = Reco::rows($node, $lists, 'original');
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE original');
is(Reco::rows($node, $lists, 'copy'), $first, 'a database made from a template serves what the template did');
Reco::refresh($node, database => 'original', options => $learn{two});
Reco::refresh($node, database => 'copy', options => $learn{three});
my %second = map { $_ => Reco::rows($node, $lists, $_) } 'original', 'copy';
isnt($second{original}, $first, 'the next version is another one');
isnt($second{copy}, $second{original}, 'and version 2 of the copy is another one still');
is(Reco::rows($node, q{SELECT max(version) FROM reco.models}, $_), '2', "version 2 of $_") for 'original', 'copy';
Reco::rows($node, "SELECT reco.deploy('shop', 1)", $_) for 'original', 'copy';
is(Reco::rows($node, $lists, $_), $first, "version 1 of $_ is the same") for 'original', 'copy';
Reco::rows($node, "SELECT reco.deploy('shop', 2)", $_) for 'original', 'copy';
is(Reco::rows($node, $lists, $_), $second{$_}, "version 2 of $_ again") for 'original', 'copy';
my @before = files('');
$node->safe_psql('postgres', 'ALTER DATABASE copy RENAME TO renamed');
is(Reco::rows($node, $lists, 'renamed'), $second{copy}, 'a renamed database serves the same');
is(join(' ', files('')), join(' ', @before), 'from the same files');
my $gone = oid_of('renamed');
cmp_ok(scalar(files("${gone}_")), '>', 0, 'it has files');
$node->safe_psql('postgres', 'DROP DATABASE renamed');
Reco::refresh($node, database => 'original', options => $learn{three});
Reco::rows($node, $lists, 'original');
is(scalar(files("${gone}_")), 0, 'those of a dropped database go when the next one is made in any other');

# ---- versions that never were ----

my $never = $node->background_psql('original', on_error_stop => 0);
my $stays = Reco::rows($node, $lists, 'original');
$never->query("BEGIN; CALL reco.refresh('shop', options => '$learn{one}')");
is($never->query($lists), $first, 'a version that is not committed serves its own transaction');
is(Reco::rows($node, $lists, 'original'), $stays, 'and no other');
my $count = files('');
$never->query('ROLLBACK');
is($never->query($lists), $stays, 'rolled back, it is not there');
$never->query("BEGIN; SAVEPOINT s; CALL reco.refresh('shop', options => '$learn{one}')");
is($never->query($lists), $first, 'the same within a savepoint');
$never->query('ROLLBACK TO s');
is($never->query($lists), $stays, 'and when that is rolled back');
$never->query('ROLLBACK');
Reco::refresh($node, database => 'original', options => $learn{two});
Reco::rows($node, $lists, 'original');
cmp_ok(scalar(files('')), '<=', $count, 'its file goes when the next one is made');
$never->{stderr} = '';
$never->query("BEGIN; CALL reco.refresh('shop', options => '$learn{one}')");
$never->query($lists);
$stays = Reco::rows($node, $lists, 'original');
$node->stop('immediate');
eval { $never->{run}->kill_kill; 1 } or eval { $never->quit };
$node->start;
is(Reco::rows($node, $lists, 'original'), $stays, 'after a crash an uncommitted version is nowhere');
is(scalar(files('')), 1, 'and the only file is the one just made');

Reco::rows($node, "BEGIN; CALL reco.refresh('shop', options => '$learn{one}'); PREPARE TRANSACTION 'later'", 'original');
is(Reco::rows($node, $lists, 'original'), $stays, 'a refresh in a prepared transaction is not seen');
is(Reco::sqlstate($node, "CALL reco.refresh('shop')", 'original'), '55P03', 'and holds its recommender');
$node->restart;
is(Reco::sqlstate($node, "CALL reco.refresh('shop')", 'original'), '55P03', 'also over a restart');
Reco::rows($node, "COMMIT PREPARED 'later'", 'original');
is(Reco::rows($node, $lists, 'original'), $first, 'until it is committed');
Reco::rows($node, "BEGIN; CALL reco.refresh('shop', options => '$learn{two}'); PREPARE TRANSACTION 'never'", 'original');
Reco::rows($node, "ROLLBACK PREPARED 'never'", 'original');
is(Reco::rows($node, $lists, 'original'), $first, 'or rolled back');

# ---- an extension that goes and comes within one session ----

$node->safe_psql('postgres', 'CREATE DATABASE again TEMPLATE original');
my $session = $node->background_psql('again', on_error_stop => 0);
$session->query('SET client_min_messages = warning');
$session->query(q{SELECT reco.set_reason_template('history', 'en', 'worded anew {clauses}', v) FROM generate_series(1, 9) v});
like($session->query($lists), qr/worded anew/, 'a session serves with a wording of its own');
$session->query('DROP EXTENSION reco CASCADE');
$session->query('SELECT * FROM reco.recommend(1, 5)');
like($session->{stderr}, qr/schema "reco" does not exist/, 'without the extension there is nothing');
$session->{stderr} = '';
$session->query('CREATE EXTENSION reco');
$session->query($lists);
like($session->{stderr}, qr/no recommender was named/, 'made again it knows no recommender');
$session->{stderr} = '';
Reco::define_shop($node, 'again');
Reco::refresh($node, database => 'again', options => $learn{one});
is($session->query($lists), $first, 'defined and learned again, the same session serves the same lists, in the words of reco');
is($session->{stderr}, '', 'without an error');
$session->quit;

# ---- a backup that goes its own way ----

$node->backup('before');
ok(!-e $node->backup_dir . '/before/base/pgsql_tmp', 'a backup leaves the folder of files out');
my $restored = PostgreSQL::Test::Cluster->new('restored');
$restored->init_from_backup($node, 'before');
$restored->start;
is(Reco::rows($restored, $lists, 'original'), $first, 'a restored backup serves the version it has');
Reco::refresh($node, database => 'original', options => $learn{two});
Reco::refresh($restored, database => 'original', options => $learn{three});
my $number = 'SELECT max(version) FROM reco.models';
is(Reco::rows($restored, $number, 'original'), Reco::rows($node, $number, 'original'), 'both have learned a version of the same number');
isnt(Reco::rows($restored, $lists, 'original'), Reco::rows($node, $lists, 'original'), 'and other content');
my $own = Reco::rows($restored, $lists, 'original');
my $theirs = Reco::rows($node, $lists, 'original');
# as if somebody had put the folder of the one server into the other's: no name is the same, so nothing is taken for its own
my $other = $restored->data_dir . '/base/pgsql_tmp/pgsql_tmp_reco';
system("cp -p $folder/* $other/") == 0 or die 'cp';
is(Reco::rows($restored, $lists, 'original'), $own, 'files of the other server change nothing');
Reco::refresh($restored, database => 'original', options => $learn{one});
is(Reco::rows($restored, $lists, 'original'), $first, 'nor after the next refresh');
is(Reco::rows($node, $lists, 'original'), $theirs, 'and the first server goes on as it was');
$restored->stop;

# ---- a subscriber that gets a version in parts, and wordings ----

my $subscriber = Reco::node('subscriber', conf => "max_logical_replication_workers = 12\nmax_worker_processes = 20\n");
Reco::load_shop($subscriber, define => 0);
my $serving = $subscriber->background_psql('postgres', on_error_stop => 0);
$serving->query($lists);
like($serving->{stderr}, qr/no recommender was named/, 'a subscriber knows nothing yet');
$serving->{stderr} = '';

# subscribed(table ...): publishes tables, and waits until their content has come
sub subscribed
{
	my (@tables) = @_;
	my $name = join '_', map { s/.*\.//r } @tables;
	$node->safe_psql('original', "CREATE PUBLICATION $name FOR TABLE " . join(', ', @tables));
	$subscriber->safe_psql('postgres',
		"CREATE SUBSCRIPTION $name CONNECTION '" . $node->connstr . " dbname=original' PUBLICATION $name WITH (streaming = on)");
	$subscriber->wait_for_subscription_sync($node, $name);
	return $name;
}

# refused(what, message): the session's call must fail so, with an SQLSTATE of reco and a hint
sub refused
{
	my ($what, $message) = @_;
	$serving->query($lists);
	like($serving->{stderr}, $message, "$what: an error says so");
	like($serving->{stderr}, qr/HINT:/, "$what: with a hint");
	$serving->{stderr} = '';
	return;
}

my @subscriptions = subscribed('reco.recommender');
refused('a definition without its version', qr/recommender "shop" has learned nothing yet\nDETAIL:  Version \d+ is deployed, but it is not there/);
push @subscriptions, subscribed('reco.version');
refused('a version without its list', qr/missing chunk|has no|is missing/);
push @subscriptions, subscribed('reco.version_chunk');
refused('a list without its chunks', qr/missing chunk 0 of tensor/);
push @subscriptions, subscribed('reco.chunk');
is($serving->query($lists), $theirs, 'with everything there the same session serves what the publisher does');
# large transactions are streamed before they commit
Reco::refresh($node, database => 'original', options => '{"factors":200,"iterations":1}');
my $large = Reco::rows($node, $lists, 'original');
$node->wait_for_catchup($_) for @subscriptions;
is($serving->query($lists), $large, 'a version streamed in pieces is served as a whole');
$node->safe_psql('original', q{CREATE PUBLICATION wordings FOR TABLE reco.reason_template});
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION wordings CONNECTION '" . $node->connstr . " dbname=original' PUBLICATION wordings WITH (copy_data = off)");
$subscriber->wait_for_subscription_sync($node, 'wordings');
Reco::rows($node, q{SELECT reco.set_reason_template('history', 'en', 'from afar {clauses}', v) FROM generate_series(1, 9) v}, 'original');
$node->wait_for_catchup('wordings');
is($serving->query($lists), Reco::rows($node, $lists, 'original'), 'a session that has spoken before words it as the publisher by now does');
like($serving->query($lists), qr/from afar/, 'which is new');
$serving->quit;
$subscriber->safe_psql('postgres', "DROP SUBSCRIPTION $_") for @subscriptions, 'wordings';
$subscriber->stop;

# ---- dumps by several processes, and over what is there ----

my $expected = Reco::rows($node, $lists, 'original');
my $dump = $node->basedir . '/dump';
$node->command_ok([ 'pg_dump', '--format=directory', '--jobs=2', '--file', $dump, $node->connstr('original') ], 'pg_dump by two processes');
$node->safe_psql('postgres', 'CREATE DATABASE filled');
for my $round ('an empty database', 'one that has it all')
{
	$node->command_ok([ 'pg_restore', '--exit-on-error', '--clean', '--if-exists', '--jobs=2', '-d', $node->connstr('filled'), $dump ],
		"pg_restore --clean --if-exists into $round");
	is(Reco::rows($node, $lists, 'filled'), $expected, "the same lists in $round");
}
$node->command_ok([ 'pg_restore', '--exit-on-error', '--clean', '--if-exists', '--single-transaction', '-d', $node->connstr('filled'), $dump ], 'in one transaction');
is(Reco::rows($node, $lists, 'filled'), $expected, 'the same lists once more');
Reco::refresh($node, database => 'filled', options => $learn{one});
$node->command_ok([ 'pg_dump', '--table=events', '--file', "$dump.events", $node->connstr('original') ], 'a dump of the events alone');
$node->safe_psql('filled', 'DROP TABLE events');
is(Reco::sqlstate($node, $lists, 'filled'), '42P01', 'without its events a recommender does not serve');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', $node->connstr('filled'), '-f', "$dump.events" ], 'put back');
Reco::rows($node, q{SET client_min_messages = warning; SELECT reco.alter_recommender('shop', interactions => 'events')}, 'filled');
like(Reco::rows($node, $lists, 'filled'), qr/^1\|1\|/, 'and bound again it serves');

unlike(slurp_file($_->logfile), qr/PANIC|terminated by signal|TRAP/, $_->name . ': nothing crashed') for $node, $restored, $subscriber;
$node->stop;

done_testing();
