# Proves that a refresh is seen from other sessions while it runs, can be cancelled or terminated at any moment without
# harm to the deployed version, leaves no worker and no file behind, and keeps to reco.learn_memory; and that comparisons and searches
# that are cancelled keep what they have measured, leave nothing else behind, and go on when called again.
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

# learning_files(): what a running refresh has in the folder
sub learning_files
{
	my @found = grep { m{/(area|progress)_} } glob("$folder/*");
	return @found;
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
	ok(Reco::becomes_true(sub { Reco::workers($node) == 0 }), "$label: no worker is left");
	ok(Reco::becomes_true(sub { learning_files() == 0 }), "$label: no file is left");
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
	is(scalar(Reco::workers($node)), $workers, "workers = $workers: so many are at work");
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
kill 'TERM', Reco::workers($node);
ok(Reco::becomes_true(sub { Reco::workers($node) == 0 }), 'workers that are told to end do so');
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

# cancelled(call, condition): runs a call until another session finds the condition true, and cancels it there
sub cancelled
{
	my ($call, $condition) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query('SET reco.workers = 2; SELECT pg_backend_pid()');
	$session->query_until(qr/begun/, "\\echo begun\n$call;\n");
	ok($node->poll_query_until('postgres', "SELECT $condition AND EXISTS (SELECT FROM reco.progress WHERE pid = $pid AND phase = 'learning' AND done > 0)"),
		"$call: is seen to learn");
	Reco::rows($node, "SELECT pg_cancel_backend($pid)");
	$session->query('SELECT 1');
	like($session->{stderr}, qr/ERROR:\s+canceling statement due to user request/, 'and is cancelled');
	$session->{stderr} = '';
	$session->quit;
	nothing_left('cancelled');
	return;
}

# A comparison that is cancelled while its second model learns keeps the first, and the next one is another.
my $slow = '{"name": "slow", "options": {"factors": 256, "iterations": 1000}}';
cancelled(qq{CALL reco.compare('shop', models => '[$slow]')}, "EXISTS (SELECT FROM reco.evaluations WHERE command = 'compare')");
is(Reco::rows($node, "SELECT count(*), min(model) FROM reco.comparison_report('shop')"), '1|als (shop)', 'what was measured is reported');
is(Reco::rows($node, 'SELECT count(*) FROM reco.evaluation_differences'), 0, 'and differs from nothing');
Reco::rows($node, q{CALL reco.compare('shop', models => '[]')});
is(Reco::rows($node, "SELECT string_agg(model, ', ' ORDER BY model) FROM reco.comparison_report('shop')"), 'als (shop), popularity, random', 'the next one is whole');

# A learning curve that is cancelled before its first share is done leaves no evaluation.
my $evaluations = Reco::rows($node, 'SELECT count(DISTINCT evaluation) FROM reco.evaluations');
cancelled(q{CALL reco.learning_curve('shop', options => '{"model": {"factors": 256, "iterations": 1000}}')}, 'true');
is(Reco::rows($node, 'SELECT count(DISTINCT evaluation) FROM reco.evaluations'), $evaluations, 'no evaluation was begun');

# A search that is cancelled keeps its trials; called again it learns none of them anew.
my $search = q{reco.tune('shop', budget => '%s', options => '{"trials": 5, "resamples": 20, "seed": 3, "ranges": {"factors": 256, "nu": 0.5, "alpha0": 0.1}}')};
Reco::rows($node, q{SELECT reco.alter_recommender('shop', options => '{"factors": 8, "iterations": 400}')});
cancelled('CALL ' . sprintf($search, '1 day'), '(SELECT count(*) FROM reco.trials) > 1');
my $trials = Reco::rows($node, 'SELECT * FROM reco.trials ORDER BY trial');
my $n_trials = () = $trials =~ /^/mg;
my ($tune_status, $tune_out, $tune_error) = $node->psql('postgres', 'CALL ' . sprintf($search, '0'));
like($tune_error, qr/NOTICE:  tuning of "shop": 0 trials, $n_trials recalled/, 'called again it finds them');
is(Reco::rows($node, 'SELECT * FROM reco.trials ORDER BY trial'), $trials, 'as they were');
Reco::rows($node, 'CALL ' . sprintf($search, '1 day'));
is(Reco::rows($node, 'SELECT count(*), count(DISTINCT setting), count(DISTINCT search) FROM reco.trials'), '5|5|1', 'and goes on to the end');
is(Reco::rows($node, "SELECT * FROM reco.trials ORDER BY trial LIMIT $n_trials"), $trials, 'without another look at the first');
Reco::rows($node, q{SELECT reco.alter_recommender('shop', unset => '{options}')});

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
