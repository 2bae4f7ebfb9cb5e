# Proves that whatever ends a refresh in whichever phase, kill -9, an immediate stop or a full disk, the deployed version
# goes on serving the same lists and the next refresh works; that a full disk under the cache changes no list; and that a
# flipped bit in any tensor is an error with a hint, never a list.
use strict;
use warnings FATAL => 'all';

use Reco;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Reco::node('crash', conf => "restart_after_crash = on\nmax_worker_processes = 10\n");
my $folder = $node->data_dir . '/base/pgsql_tmp/pgsql_tmp_reco';
my $answers = 'SELECT c.id, r.rank, r.item_id, r.score FROM customers c, LATERAL reco.recommend(c.id, 5) r ORDER BY 1, 2';
my $bytes = q{SELECT tensor, chunk, digest FROM reco.version_chunk WHERE number = (SELECT max(number) FROM reco.version) ORDER BY 1, 2};
my $usual = q{{"factors":8,"iterations":3}};
my $long = q{{"factors":256,"iterations":1000}};
Reco::load_shop($node);
Reco::refresh($node);
my $expected = Reco::rows($node, $answers);
my $learned = Reco::rows($node, $bytes);

# Where a refresh is stopped: what another session holds meanwhile, what it then waits for, and with which options it runs.
my @phases = (
	[ 'reading', 'LOCK TABLE events', q{wait_event = 'relation'}, $usual ],
	[ 'learning', 'SELECT 1', q{EXISTS (SELECT FROM reco.progress p WHERE p.pid = a.pid AND p.phase = 'learning' AND p.done > 0)}, $long ],
	[ 'storing', 'LOCK TABLE reco.chunk IN SHARE MODE', q{wait_event = 'relation'}, $usual ],
	[ 'deploying', 'SELECT name FROM reco.recommender FOR UPDATE', q{wait_event IN ('transactionid', 'tuple')}, $usual ]);

# begin_refresh(phase): a refresh that has come to the phase, with two workers; its psql, the blocker's, and its process
sub begin_refresh
{
	my ($name, $hold, $condition, $options) = @_;
	my $blocker = $node->background_psql('postgres', on_error_stop => 0);
	$blocker->query("BEGIN; $hold;");
	my $psql = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $psql->query('SET reco.workers = 2; SELECT pg_backend_pid()');
	$psql->query_until(qr/begun/, "\\echo begun\nCALL reco.refresh('shop', options => '$options');\n");
	ok($node->poll_query_until('postgres', "SELECT $condition FROM pg_stat_activity a WHERE a.pid = $pid"), "$name: the refresh is there");
	return ($psql, $blocker, $pid);
}

# learning_files(): what a refresh has in the folder
sub learning_files
{
	my @found = grep { m{/(area|progress)_} } glob("$folder/*");
	return @found;
}

# still_serves(label): as if nothing had been, and the next refresh works
sub still_serves
{
	my ($label) = @_;
	my $versions = Reco::rows($node, 'SELECT max(number) FROM reco.version');
	is(Reco::rows($node, $answers), $expected, "$label: the deployed version serves the same lists");
	is(Reco::rows($node, 'SELECT count(*) FROM reco.progress'), '0', "$label: nothing is shown as running");
	is(Reco::rows($node, 'SELECT count(*) FROM reco.chunk c WHERE NOT EXISTS (SELECT FROM reco.version_chunk v WHERE v.digest = c.digest)'),
		'0', "$label: no chunk without a version");
	Reco::refresh($node);
	is(Reco::rows($node, 'SELECT max(number) FROM reco.version'), $versions + 1, "$label: the next refresh makes the next version");
	is(Reco::rows($node, $bytes), $learned, "$label: which has the same bytes");
	is(scalar(learning_files()), 0, "$label: no file of learning is left");
	return;
}

# end_session(psql): of a session that may have lost its server
sub end_session
{
	my ($psql) = @_;
	eval { $psql->{run}->kill_kill; 1 } or eval { $psql->quit };
	return;
}

# wait_for_restart(): until the server has come back and serves
sub wait_for_restart
{
	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		my ($status) = eval { $node->psql('postgres', 'SELECT 1') };
		return 1 if defined $status && $status == 0;
		select(undef, undef, undef, 0.1);
	}
	return 0;
}

for my $phase (@phases)
{
	my ($psql, $blocker, $pid) = begin_refresh(@$phase);
	kill 'KILL', $pid;
	# the postmaster ends all others and starts anew
	end_session($_) for $psql, $blocker;
	ok(wait_for_restart(), "kill -9 while $phase->[0]: the server comes back");
	still_serves("kill -9 while $phase->[0]");

	($psql, $blocker, $pid) = begin_refresh(@$phase);
	$node->stop('immediate');
	end_session($_) for $psql, $blocker;
	$node->start;
	still_serves("an immediate stop while $phase->[0]");
}

# ---- a worker that is killed takes the server down as any other process, and it comes back ----

{
	my ($psql, $blocker, $pid) = begin_refresh(@{ $phases[1] });
	ok(Reco::becomes_true(sub { Reco::workers($node) == 2 }), 'a refresh has two workers');
	kill 'KILL', (Reco::workers($node))[0];
	end_session($_) for $psql, $blocker;
	ok(wait_for_restart(), 'kill -9 of a worker: the server comes back');
	ok(Reco::becomes_true(sub { Reco::workers($node) == 0 }), 'kill -9 of a worker: the other one has gone');
	still_serves('kill -9 of a worker');
}

# ---- a worker that is told to end does, and what it would have done is done by others ----

{
	my $sweeps = q{{"factors":64,"iterations":300}};
	Reco::refresh($node, options => $sweeps);
	my $alone = Reco::rows($node, $bytes);
	my $psql = $node->background_psql('postgres', on_error_stop => 0);
	$psql->query('SET reco.workers = 2');
	$psql->query_until(qr/begun/, "\\echo begun\nCALL reco.refresh('shop', options => '$sweeps');\n");
	ok(Reco::becomes_true(sub { Reco::workers($node) == 2 }), 'two workers again');
	kill 'TERM', Reco::workers($node);
	ok(Reco::becomes_true(sub { Reco::workers($node) == 0 }), 'told to end, they do');
	$psql->query('SELECT 1');
	$psql->quit;
	is(Reco::rows($node, $bytes), $alone, 'the refresh learns the same bytes without them');
	Reco::rows($node, q{SELECT reco.deploy('shop', (SELECT min(version) FROM reco.models))});
	still_serves('workers that were told to end');
}

# ---- without its postmaster a refresh ends, so that the server can be started again ----

{
	my ($psql, $blocker, $pid) = begin_refresh(@{ $phases[1] });
	ok(Reco::becomes_true(sub { Reco::workers($node) == 2 }), 'two workers once more');
	my @processes = ($pid, Reco::workers($node));
	my $versions = Reco::rows($node, 'SELECT max(number) FROM reco.version');
	$node->kill9;
	ok(Reco::becomes_true(sub { !grep { kill 0, $_ } @processes }), 'kill -9 of the postmaster: the refresh and its workers end');
	end_session($_) for $psql, $blocker;
	$node->start;
	is(Reco::rows($node, 'SELECT max(number) FROM reco.version'), $versions, 'and store nothing');
	still_serves('kill -9 of the postmaster');
}

# ---- a limit on the size of files: what a full disk is to posix_fallocate, to the cache and to the learning memory ----

# limited(bytes, query): what a session says whose files may not grow beyond that
sub limited
{
	my ($limit, @queries) = @_;
	my $psql = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $psql->query('SELECT pg_backend_pid()');
	system('prlimit', "--pid=$pid", "--fsize=$limit") == 0 or die 'prlimit';
	my $answer;
	$answer = $psql->query($_) for @queries;
	my $error = $psql->{stderr};
	$psql->{stderr} = '';
	$psql->quit;
	return ($answer, $error);
}

unlink glob("$folder/*");
my ($answer, $error) = limited(4096, $answers);
is($answer, $expected, 'a cache file that cannot be written: the same lists');
is(join(' ', glob("$folder/*")), '', 'and no file is left');
($answer, $error) = limited(65536, "CALL reco.refresh('shop', options => '$usual')");
like($error, qr/ERROR: .*(File too large|No space left)/s, 'learning memory that cannot be had is an error');
like($error, qr/HINT:/, 'with a hint');
still_serves('no room to learn');

# ---- a disk that is full ----

SKIP:
{
	my $disk = $ENV{RECO_SMALL_DISK} // '';
	skip 'no small disk (make check as root mounts one)', 14 if $disk eq '' || !-d $disk;
	mkdir "$disk/tablespace" or die "$disk: $!";
	mkdir "$disk/pgsql_tmp" or die "$disk: $!";
	$node->safe_psql('postgres', "CREATE TABLESPACE small LOCATION '$disk/tablespace'");
	$node->safe_psql('postgres', 'ALTER TABLE reco.chunk SET TABLESPACE small');
	is(Reco::rows($node, $answers), $expected, 'chunks in a tablespace of their own');

	# fill(left): leaves so many bytes of the disk
	my $fill = sub {
		my ($left) = @_;
		unlink "$disk/ballast";
		my ($free) = (split ' ', (split /\n/, `df --output=avail -B1 $disk`)[1]);
		system('fallocate', '-l', $free - $left, "$disk/ballast") == 0 or die 'fallocate';
		return;
	};
	$fill->(262144);
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nCALL reco.refresh('shop', options => '{\"factors\":512,\"iterations\":1}')");
	like($err, qr/ERROR:  53100: could not extend file/, 'chunks that do not fit end the refresh');
	unlink "$disk/ballast";
	still_serves('a full disk while storing');

	$node->stop;
	system("rm -rf '@{[ $node->data_dir ]}/base/pgsql_tmp'");
	symlink("$disk/pgsql_tmp", $node->data_dir . '/base/pgsql_tmp') or die $!;
	$node->start;
	$fill->(8192);
	is(Reco::rows($node, $answers), $expected, 'no room for a cache file: the same lists');
	($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nCALL reco.refresh('shop', options => '$usual')");
	like($err, qr/ERROR:  53100: /, 'no room to learn is ERRCODE_DISK_FULL');
	unlink "$disk/ballast";
	still_serves('room again');
	is(Reco::rows($node, $answers), $expected, 'and the file is made on the disk that has room again');
	$node->safe_psql('postgres', 'ALTER TABLE reco.chunk SET TABLESPACE pg_default');
	$node->safe_psql('postgres', 'DROP TABLESPACE small');
}

# ---- one flipped bit in each tensor ----

my %calls = (
	recommend => 'SELECT * FROM reco.recommend(1, 5)',
	popular => 'SELECT * FROM reco.popular_items(5)',
	similar_items => 'SELECT * FROM reco.similar_items(1001::bigint, 5)',
	score => 'SELECT reco.score(1, 1001)',
	explain => 'SELECT * FROM reco.explain(1, 1001)',
	item_embedding => 'SELECT reco.item_embedding(1001::bigint)',
	recommend_all => q{SELECT * FROM reco.recommend_all('shop', 5, '{1,2}'::text[])});
my $serving = 'number = (SELECT deployed FROM reco.recommender)';
for my $tensor (split /\n/, Reco::rows($node, "SELECT DISTINCT tensor FROM reco.version_chunk WHERE $serving ORDER BY 1"))
{
	my $flip = "UPDATE reco.chunk SET data = set_byte(data, length(data) / 2, get_byte(data, length(data) / 2) # 16)
		WHERE length(data) > 0 AND digest IN (SELECT digest FROM reco.version_chunk WHERE $serving AND tensor = '$tensor') RETURNING 1";
	next if Reco::rows($node, $flip) eq '';
	my @wrong;
	for my $call (sort keys %calls)
	{
		unlink glob("$folder/*");
		my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$calls{$call}");
		push @wrong, "$call: $out $err"
		  unless $err =~ /ERROR:  XX001: corrupted chunk \d+ of tensor "[a-z_]+" of recommender "shop"/ && $err =~ /HINT:.*reco\.refresh/;
	}
	is("@wrong", '', "a flipped bit in $tensor is refused by every function, with a hint");
	Reco::rows($node, $flip);
}
unlink glob("$folder/*");
is(Reco::rows($node, $answers), $expected, 'with the bits as they were the version serves again');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal (?!9)/, 'nothing crashed by itself');
$node->stop;

done_testing();
