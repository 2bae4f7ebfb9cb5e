# Proves that pg_cron really refreshes a recommender: on its schedule over the private socket, and in a background worker.
use strict;
use warnings FATAL => 'all';

use Reco;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# pg_cron connects to "localhost" unless told otherwise; this server listens on a socket alone.
my $node = PostgreSQL::Test::Cluster->new('cron');
$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$node->append_conf('postgresql.conf', <<"END");
jit = off
shared_preload_libraries = 'pg_cron'
cron.database_name = 'postgres'
cron.host = '@{[ $node->host ]}'
max_worker_processes = 20
END
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_cron');
Reco::create_extension($node);
Reco::load_shop($node);

# The line of the README is accepted as it is.
like(Reco::rows($node, q{SELECT cron.schedule('shop', '0 3 * * *', $$CALL reco.refresh('shop')$$)}),
	qr/^\d+$/, 'a nightly refresh can be scheduled');

# last_run(job, since): "status|message" of the newest finished run of a job, or '' while there is none
sub last_run
{
	my ($job) = @_;
	return Reco::rows($node, qq{
		SELECT d.status || '|' || coalesce(d.return_message, '') FROM cron.job_run_details d JOIN cron.job j USING (jobid)
		WHERE j.jobname = '$job' AND d.status IN ('succeeded', 'failed') ORDER BY d.runid DESC LIMIT 1});
}

# wait_for_run(job, seconds): polls last_run
sub wait_for_run
{
	my ($job, $seconds) = @_;
	my $run = '';
	for (1 .. $seconds * 2)
	{
		$run = last_run($job);
		last if $run ne '';
		select(undef, undef, undef, 0.5);
	}
	return $run;
}

sub deployed
{
	return Reco::rows($node, "SELECT version FROM reco.models WHERE recommender = 'shop' AND deployed");
}

is(deployed(), '', 'nothing is deployed before the first run');

# The shortest schedule of pg_cron 1.4 is a minute: the run starts at the next full minute.
Reco::rows($node, q{SELECT cron.schedule('shop', '* * * * *', $$CALL reco.refresh('shop')$$)});
like(wait_for_run('shop', 120), qr/^succeeded\|/, 'the scheduled refresh succeeded')
  or diag(slurp_file($node->logfile));
Reco::rows($node, q{SELECT cron.unschedule('shop')});

my $first = deployed();
like($first, qr/^\d+$/, 'the scheduled refresh deployed a version');
is(Reco::rows($node, 'SELECT count(*) FROM reco.recommend(1, 5)'), '5', 'it serves recommendations');

# The other way pg_cron runs jobs: in a background worker, at the start of the server.
Reco::rows($node, q{SELECT cron.schedule('at start', '@reboot', $$CALL reco.refresh('shop')$$)});
$node->append_conf('postgresql.conf', 'cron.use_background_workers = on');
$node->restart;
like(wait_for_run('at start', 60), qr/^succeeded\|/, 'a refresh in a background worker of pg_cron succeeded')
  or diag(slurp_file($node->logfile));
cmp_ok(deployed() || 0, '>', $first || 0, 'it deployed a newer version');

$node->stop;
done_testing();
