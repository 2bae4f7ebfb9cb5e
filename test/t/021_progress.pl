# Proves that a refresh is seen from other sessions while it runs, can be cancelled or terminated at any moment without
# harm to the deployed version, leaves no worker and no file behind, and keeps to reco.learn_memory.
use strict;
use warnings FATAL => 'all';

use POSIX ();
use Reco;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# workers find the library whatever the path is; since PostgreSQL 18 no other process would find it without one
my ($version) = `postgres --version` =~ /(\d+)/;
my $node = Reco::node('progress', conf => "max_worker_processes = 10\n" . ($version < 18 ? "dynamic_library_path = ''\n" : ''));
my $folder = $node->data_dir . '/base/pgsql_tmp/pgsql_tmp_reco';
my $answers = 'SELECT c.id, r.rank, r.item_id, r.score FROM customers c, LATERAL reco.recommend(c.id, 5) r ORDER BY 1, 2';
my $forever = q{CALL reco.refresh('shop', options => '{"factors":256,"iterations":1000}')};
Reco::load_shop($node);
Reco::refresh($node);
my $expected = Reco::rows($node, $answers);
my $versions = Reco::rows($node, 'SELECT number FROM reco.version');
my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];

# workers(): the worker processes of this server
sub workers
{
	my @found;
	for my $status (glob('/proc/[0-9]*/status'))
	{
		my ($pid) = $status =~ m{/proc/(\d+)/};
		my $text = eval { slurp_file($status) } // next;
		next unless $text =~ /^PPid:\s+$postmaster$/m;
		my $title = eval { slurp_file("/proc/$pid/cmdline") } // next;
		push @found, $pid if $title =~ /reco worker/;
	}
	return @found;
}

# learning_files(): what a running refresh has in the folder
sub learning_files
{
	my @found = grep { m{/(area|progress)_} } glob("$folder/*");
	return @found;
}

# becomes_true(test): waits for it
sub becomes_true
{
	my ($test) = @_;
	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return 1 if $test->();
		select(undef, undef, undef, 0.1);
	}
	return 0;
}

# begin_refresh(workers): starts one that takes long, and waits until another session sees it learn
sub begin_refresh
{
	my ($workers) = @_;
	my $psql = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $psql->query("SET reco.workers = $workers; SELECT pg_backend_pid()");
	$psql->query_until(qr/begun/, "\\echo begun\n$forever;\n");
	ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM reco.progress WHERE pid = $pid
		AND recommender = 'shop' AND command = 'refresh' AND phase = 'learning' AND done > 0 AND done < total
		AND seconds_left >= 0 AND started_at <= now()"), "workers = $workers: the refresh is seen to learn");
	return ($psql, $pid);
}

# nothing_left(label): no worker, no file, no row, and the deployed version serves
sub nothing_left
{
	my ($label) = @_;
	ok(becomes_true(sub { workers() == 0 }), "$label: no worker is left");
	ok(becomes_true(sub { learning_files() == 0 }), "$label: no file is left");
	is(Reco::rows($node, 'SELECT count(*) FROM reco.progress'), 0, "$label: no progress is shown");
	is(Reco::rows($node, 'SELECT number FROM reco.version'), $versions, "$label: no version was made");
	is(Reco::rows($node, $answers), $expected, "$label: the deployed version serves");
	return;
}

Reco::rows($node, 'CREATE ROLE stranger');
for my $workers (0, 2)
{
	my ($psql, $pid) = begin_refresh($workers);
	is(scalar(grep { m{/progress_\d+_$pid$} } learning_files()), 1, "workers = $workers: there is a file of progress");
	is(scalar(grep { m{/area_${pid}_} } learning_files()), 1, "workers = $workers: there is a file of learning memory");
	is(scalar(workers()), $workers, "workers = $workers: so many are at work");
	is(Reco::rows($node, 'SET ROLE stranger; SELECT count(*) FROM reco.progress'), 0, 'a stranger sees nothing of it');
	is(Reco::rows($node, $answers), $expected, 'the deployed version serves meanwhile');
	Reco::rows($node, "SELECT pg_cancel_backend($pid)");
	$psql->query('SELECT 1');
	like($psql->{stderr}, qr/ERROR:\s+canceling statement due to user request/, "workers = $workers: the refresh is cancelled");
	nothing_left("cancelled with $workers workers");
	$psql->{stderr} = '';
	$psql->quit;
}

# The postmaster tells workers to end by SIGTERM: they finish what they are at, and the others do the rest.
my ($psql, $pid) = begin_refresh(2);
kill 'TERM', workers();
ok(becomes_true(sub { workers() == 0 }), 'workers that are told to end do so');
my $done = Reco::rows($node, "SELECT done FROM reco.progress WHERE pid = $pid");
ok($node->poll_query_until('postgres', "SELECT done > $done FROM reco.progress WHERE pid = $pid"), 'the refresh goes on without them');

# A leader that is terminated takes its workers along.
Reco::rows($node, "SELECT pg_terminate_backend($pid)");
nothing_left('terminated without workers');
eval { $psql->quit };
($psql, $pid) = begin_refresh(2);
Reco::rows($node, "SELECT pg_terminate_backend($pid)");
nothing_left('terminated with workers');
eval { $psql->quit };

# Files of processes that are not there are cleared by whoever comes next.
my $dead = fork() // die $!;
POSIX::_exit(0) if $dead == 0;
waitpid($dead, 0);
my $database = Reco::rows($node, q{SELECT oid FROM pg_database WHERE datname = 'postgres'});
append_to_file("$folder/area_${dead}_1", 'x');
append_to_file("$folder/progress_${database}_$dead", 'x');
is(Reco::rows($node, 'SELECT count(*) FROM reco.progress'), 0, 'the file of a dead process shows nothing');
ok(!-e "$folder/progress_${database}_$dead", 'and is removed by the one who looks');

# Limits of memory.
my ($status, $out, $error) = $node->psql('postgres', "\\set VERBOSITY verbose\nSET reco.learn_memory = '1MB';\n"
	  . q{CALL reco.refresh('shop', options => '{"factors":1024,"iterations":1}')});
like($error, qr/ERROR:  53400: learning needs [0-9.]+ MB of memory, reco\.learn_memory is 1 MB/, 'more than reco.learn_memory is refused');
like($error, qr/HINT:.*reco\.learn_memory.*fewer factors/, 'with a hint');
ok(-e "$folder/area_${dead}_1", 'before anything is touched');
is(Reco::rows($node, $answers), $expected, 'and the deployed version serves');
($status, $out, $error) = $node->psql('postgres', "SET maintenance_work_mem = '1MB';\n"
	  . q{CALL reco.refresh('shop', options => '{"factors":512,"iterations":1}')});
like($error, qr/NOTICE:  learning uses [0-9.]+ MB of memory, more than maintenance_work_mem \(1 MB\)/, 'more than maintenance_work_mem is said');
ok(!-e "$folder/area_${dead}_1", 'the memory of a dead process is removed by the next refresh');
$versions = Reco::rows($node, 'SELECT number FROM reco.version');
$expected = Reco::rows($node, $answers);

# A refresh whose server has no room for workers learns without them.
$node->append_conf('postgresql.conf', "max_worker_processes = 1\nlog_min_messages = debug1\n");
my $log = slurp_file($node->logfile);
$node->restart;
unlike($log, qr/(LOG|WARNING|ERROR|FATAL):[^\n]*(background worker "reco|terminating background worker)/,
	'workers come and go without a line in the log');
$postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
Reco::rows($node, q{SET reco.workers = 4; CALL reco.refresh('shop', options => '{"factors":8,"iterations":2}')});
like(slurp_file($node->logfile), qr/DEBUG:\s+\d of 4 reco workers/, 'a full server means fewer workers');
$versions = Reco::rows($node, 'SELECT number FROM reco.version');
$expected = Reco::rows($node, $answers);
nothing_left('a refresh that ended well');
$node->stop;

done_testing();
