# Proves that the mapped cache never changes an answer: whatever happens to its files, to the folder or to the version in
# use, the same version gives the same lists; and that corrupted chunks are refused, old files cleared away, and the bytes
# of a version independent of the number of workers.
use strict;
use warnings FATAL => 'all';

use Digest::SHA qw(sha256_hex);
use File::Path qw(rmtree);
use Reco;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Reco::node('cache', init => { allows_streaming => 1 });
my $folder = $node->data_dir . '/base/pgsql_tmp/pgsql_tmp_reco';
my $answers = q{SELECT c.id, r.rank, r.item_id, r.score
	FROM customers c, LATERAL reco.recommend(c.id, 5, 'shop') r WHERE c.id <= 20 ORDER BY 1, 2};
Reco::load_shop($node);
Reco::refresh($node);

# files(pattern): names in reco's folder
sub files
{
	my ($pattern) = @_;
	my @found = sort map { s{.*/}{}r } grep { m{/[^/]*$pattern[^/]*$} } glob("$folder/*");
	return @found;
}

# cache_files(): the finished files of the cache
sub cache_files
{
	my @found = files(qr/\d+_[0-9a-f-]{36}_[0-9a-f]{32}/);
	return @found;
}

# session(): a psql in the background
sub session
{
	return $node->background_psql('postgres', on_error_stop => 0);
}

# send_to(psql, query): starts a query and does not wait for it
sub send_to
{
	my ($psql, $query) = @_;
	$psql->query_until(qr/sent/, "\\echo sent\n$query;\n");
	return;
}

# answer_of(psql): waits for the query that send_to started
sub answer_of
{
	my ($psql) = @_;
	return $psql->query('') =~ s/^\s+//r;
}

# ---- one file, the same for all ----

my $expected = Reco::rows($node, $answers);
is(scalar(split /\n/, $expected), 100, 'twenty customers are served five items each');
is(scalar(cache_files()), 1, 'serving makes one file');
my ($name) = cache_files();
my $content = sha256_hex(slurp_file("$folder/$name"));
is((stat $folder)[2] & 07777, 0700, 'the folder is closed to others');
is((stat "$folder/$name")[2] & 07777, 0600, 'so is the file');

my $serving = session();
is($serving->query($answers), $expected, 'a second session gives the same lists');
my $pid = $serving->query('SELECT pg_backend_pid()');
is(scalar(Reco::mapped($pid, qr/pgsql_tmp_reco/)), 1, 'it maps the file');
is(scalar(glob("/proc/$pid/fd/*")) ? scalar(grep { (readlink($_) // '') =~ /pgsql_tmp_reco/ } glob("/proc/$pid/fd/*")) : -1,
	0, 'and keeps no descriptor of it');

# ---- files that are not what they should be ----

# spoil(what, how): does something to the file, and expects it to be made again
sub spoil
{
	my ($what, $how) = @_;
	$how->("$folder/$name");
	is(Reco::rows($node, $answers), $expected, "$what: the same lists");
	is(sha256_hex(slurp_file("$folder/$name")), $content, "$what: the file is made again");
	return;
}

# overwrite(path, offset): changes one byte in place
sub overwrite
{
	my ($path, $offset) = @_;
	my $byte;
	open(my $file, '+<:raw', $path) or die $!;
	seek($file, $offset, 0);
	read($file, $byte, 1);
	seek($file, $offset, 0);
	print $file chr(ord($byte) ^ 1);
	close($file);
	return;
}

spoil('a file that is gone', sub { unlink $_[0] });
spoil('a file cut to half', sub { truncate($_[0], (-s $_[0]) / 2) });
spoil('an empty file', sub { truncate($_[0], 0) });
spoil('an altered header', sub { overwrite($_[0], 130) });
spoil('one altered bit of the data', sub { overwrite($_[0], (-s $_[0]) - 100) });
spoil('other bytes', sub { unlink $_[0]; append_to_file($_[0], 'x' x 5000) });
spoil('no folder', sub { rmtree $folder });
is((stat $folder)[2] & 07777, 0700, 'a folder that is made again is closed to others');
is($serving->query($answers), $expected, 'a session that had the first file open is not disturbed');

# a temporary file that a dead builder has left is taken over
append_to_file("$folder/$name.tmp", 'y' x 100);
spoil('a half-made file', sub { unlink $_[0] });
is(scalar(files(qr/\.tmp/)), 0, 'no half-made file is left');

# ---- several builders at once ----

# A builder waits for whoever has locked reco.chunk before it begins; while the index of its TOAST table is locked it stops in the middle.
my $blocker = session();
my $toast = $blocker->query("SELECT reltoastrelid::regclass FROM pg_class WHERE oid = 'reco.chunk'::regclass");

# build_together(): two sessions that want the file at once; the first is its builder and waits for the blocker
sub build_together
{
	my ($first, $second) = (session(), session());
	unlink "$folder/$name";
	$blocker->query("BEGIN; REINDEX TABLE $toast");
	my $first_pid = $first->query('SELECT pg_backend_pid()');
	my $second_pid = $second->query('SELECT pg_backend_pid()');
	send_to($first, $answers);
	$node->poll_query_until('postgres',
		"SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $first_pid") or die 'the builder does not wait';
	is(scalar(files(qr/\.tmp/)), 1, 'a file is being built');
	send_to($second, $answers);
	$node->poll_query_until('postgres',
		"SELECT wait_event_type = 'Extension' FROM pg_stat_activity WHERE pid = $second_pid")
	  or die 'the second session does not wait';
	return ($first, $second, $first_pid, $second_pid);
}

my ($first, $second, $first_pid, $second_pid) = build_together();
$blocker->query('COMMIT');
is(answer_of($first), $expected, 'two builders at once: the first answers');
is(answer_of($second), $expected, 'two builders at once: the second answers');
is(scalar(files(qr/./)), 1, 'two builders at once: one file');
$_->quit for $first, $second;

($first, $second, $first_pid, $second_pid) = build_together();
is(Reco::rows($node, "SELECT pg_cancel_backend($second_pid)"), 't', 'who waits for a builder');
answer_of($second);
like($second->{stderr}, qr/canceling statement due to user request/, 'can be cancelled');
$second->{stderr} = '';
send_to($second, $answers);
Reco::rows($node, "SELECT pg_cancel_backend($first_pid)");
answer_of($first);
like($first->{stderr}, qr/canceling statement due to user request/, 'a builder can be cancelled');
$blocker->query('COMMIT');
is(answer_of($second), $expected, 'and another one builds instead');
is(scalar(files(qr/\.tmp/)), 0, 'no half-made file is left');
$first->{stderr} = $second->{stderr} = '';
$_->quit for $first, $second;

# ---- a folder that cannot be written ----

SKIP:
{
	skip 'root may write everywhere', 7 if $> == 0;
	unlink "$folder/$name";
	chmod 0500, $folder;
	is(Reco::rows($node, $answers), $expected, 'an unwritable folder: the same lists from private memory');
	is(scalar(files(qr/./)), 0, 'no file is made');
	like(slurp_file($node->logfile), qr/could not use a cache file in .*Permission denied/, 'the log says why');
	my ($status, $out, $error) =
	  $node->psql('postgres', "\\set VERBOSITY verbose\nSET reco.private_cache_limit = 0;\n$answers");
	like($error, qr/ERROR:  53400: model of [0-9.]+ [kM]B cannot be copied/, 'a model above reco.private_cache_limit is refused');
	like($error, qr/HINT:.*reco\.private_cache_limit/, 'with a hint');
	($status, $out, $error) = $node->psql('postgres', "\\set VERBOSITY verbose\nCALL reco.refresh('shop')");
	like($error, qr/ERROR:  42501: could not make the learning memory in ".*": Permission denied/, 'nothing can be learned there');
	like($error, qr/HINT:  Check the owner and the permissions/, 'with a hint');
	chmod 0700, $folder;
}
is(Reco::rows($node, $answers), $expected, 'a folder that can be written again');

# ---- versions that go ----

$serving->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
is($serving->query($answers), $expected, 'a transaction begins to serve version 1');
for my $factors (9, 10, 11)
{
	Reco::rows($node, "SET reco.keep_versions = 1; CALL reco.refresh('shop', options => '{\"factors\":$factors,\"iterations\":2}')");
	Reco::rows($node, $answers);
}
is(Reco::rows($node, 'SELECT count(*) FROM reco.version'), 1, 'version 1 is gone from the tables');
is(scalar(cache_files()), 1, 'and its file from the folder, and those of the refreshes between');
is($serving->query($answers), $expected, 'the transaction still serves version 1');
$serving->query('COMMIT');
my $newer = Reco::rows($node, $answers);
isnt($newer, $expected, 'the versions differ');
is($serving->query($answers), $newer, 'the session then serves the new version');
is(scalar(Reco::mapped($pid, qr/pgsql_tmp_reco/)), 1, 'and has let go of the old one');

Reco::rows($node, "SELECT reco.create_recommender('plain', interactions => 'events', user_column => 'user_id', item_column => 'product_id',
	shared_catalogue => true)");
Reco::refresh($node, recommender => 'plain');
my $plain = "SELECT * FROM reco.recommend(1, 5, 'plain')";
my $plain_expected = Reco::rows($node, $plain);
is(scalar(cache_files()), 2, 'two recommenders have a file each');
unlink map { "$folder/$_" } cache_files();
Reco::rows($node, $answers);
is(Reco::rows($node, "SET reco.cache_size = 0; $plain"), $plain_expected, 'above reco.cache_size a model is served too');
is(scalar(cache_files()), 1, 'but the file of the other one makes room');
is(Reco::rows($node, $answers), $newer, 'which is made again when it is asked for');
Reco::rows($node, "SELECT reco.drop_recommender('plain')");

# ---- corrupted chunks ----

# refused(what): the query must fail with ERRCODE_DATA_CORRUPTED, and say where and what to do
sub refused
{
	my ($what) = @_;
	unlink map { "$folder/$_" } cache_files();
	my ($status, $out, $error) = $node->psql('postgres', "\\set VERBOSITY verbose\n$answers");
	like($error, qr/ERROR:  XX001: $what chunk 0 of tensor "item_factor" of recommender "shop", version \d+/, "a $what chunk is refused");
	like($error, qr/HINT:.*CALL reco\.refresh\('shop'\).*reco\.deploy/, 'with a hint');
	is(scalar(files(qr/./)), 0, 'and leaves no file');
	return;
}

my $of_factors = q{(recommender, digest) IN (SELECT recommender, digest FROM reco.version_chunk WHERE tensor = 'item_factor')};
Reco::rows($node, "CREATE TABLE kept AS SELECT * FROM reco.chunk WHERE $of_factors");
Reco::rows($node, "UPDATE reco.chunk SET data = set_byte(data, 5, get_byte(data, 5) # 1) WHERE $of_factors");
refused('corrupted');
is($serving->query($answers), $newer, 'a session that has the version open goes on');
Reco::rows($node, "SET session_replication_role = replica; DELETE FROM reco.chunk WHERE $of_factors");
refused('missing');
Reco::rows($node, 'INSERT INTO reco.chunk SELECT * FROM kept');
is(Reco::rows($node, $answers), $newer, 'with the chunk restored the version serves again');

Reco::rows($node, "UPDATE reco.chunk SET data = set_byte(data, 5, get_byte(data, 5) # 1) WHERE $of_factors");
unlink map { "$folder/$_" } cache_files();
Reco::refresh($node, options => '{"factors":11,"iterations":2}');
{
	my ($status, $out) = $node->psql('postgres', $answers);
	is($out, $newer, 'a refresh that learns the same bytes heals a corrupted chunk');
}
Reco::rows($node, 'UPDATE reco.chunk c SET data = k.data FROM kept k WHERE (k.recommender, k.digest) = (c.recommender, c.digest)');

# ---- the same bytes for any number of workers ----

my %digests;
for my $workers (0, 1, 2)
{
	Reco::rows($node, "SET reco.workers = $workers; CALL reco.refresh('shop', options => '{\"factors\":16}')");
	$digests{$workers} = Reco::rows($node, q{SELECT tensor, chunk, digest FROM reco.version_chunk
		WHERE number = (SELECT max(number) FROM reco.version) ORDER BY tensor, chunk});
}
like($digests{0}, qr/item_factor\|0\|/, 'a version has chunks');
is($digests{$_}, $digests{0}, "reco.workers = $_ learns the same bytes as 0") for 1, 2;

# ---- a hot standby ----

$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
$expected = Reco::rows($node, $answers);
is(Reco::rows($standby, $answers), $expected, 'a standby serves the same lists');
is(scalar(glob($standby->data_dir . '/base/pgsql_tmp/pgsql_tmp_reco/*') ? 1 : 0), 1, 'from a file of its own');
Reco::refresh($node, options => '{"factors":5,"iterations":1}');
$node->wait_for_catchup($standby);
is(Reco::rows($standby, $answers), Reco::rows($node, $answers), 'and the next version as soon as it has come');
$standby->stop;

$_->quit for $serving, $blocker;
$node->restart;
ok(!-e $folder, 'the start of the server removes the folder');
is(scalar(split /\n/, Reco::rows($node, $answers)), 100, 'and serving makes it again');
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal|TRAP/, 'nothing crashed');
$node->stop;

done_testing();
