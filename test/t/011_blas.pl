# Proves that a backend which serves maps no BLAS, and that a backend which learned has one thread and only the serial
# flavour, with both flavours of OpenBLAS installed.
use strict;
use warnings FATAL => 'all';

use Config;
use Reco;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

chomp(my $multiarch = `gcc -print-multiarch`);
my $threaded = "/usr/lib/$multiarch/openblas-pthread/libopenblas.so.0";
ok(-e "/usr/lib/$multiarch/openblas-serial/libopenblas.so.0", 'the serial OpenBLAS is installed');
ok(-e $threaded, 'the threaded OpenBLAS is installed too');

my $node = Reco::node('blas');
Reco::load_shop($node);
Reco::refresh($node);

# session(node): a psql in the background, its server process, and a way to run SQL in it that minds no notices
sub session
{
	my ($of) = @_;
	my $psql = $of->background_psql('postgres', on_error_stop => 0);
	chomp(my $pid = $psql->query('SELECT pg_backend_pid()'));
	return ($psql, $pid);
}

# run_in(psql, query): the answer; the test fails if there is an error
sub run_in
{
	my ($psql, $query) = @_;
	$psql->{stderr} = '';
	my $answer = $psql->query($query);
	unlike($psql->{stderr}, qr/ERROR|FATAL/, "no error: $query");
	return $answer;
}

my ($serving, $serving_pid) = session($node);
is(run_in($serving, 'SELECT count(*) FROM reco.recommend(1, 10)'), '10', 'the session serves a list');
run_in($serving, 'SELECT reco.score(1, 1001)');
run_in($serving, 'SELECT * FROM reco.explain(1, (SELECT item_id FROM reco.recommend(1, 1)))');
run_in($serving, 'SELECT * FROM reco.similar_items(1001, 5)');
is_deeply([ Reco::mapped($serving_pid, qr{/lib(open)?blas|/liblapack}) ], [], 'a backend that served maps no BLAS');
is(Reco::threads($serving_pid), 1, 'a backend that served has one thread');
is(scalar(Reco::mapped($serving_pid, qr{/reco\.so$})), 1, 'it does map reco.so');
$serving->quit;

for my $workers (0, 2)
{
	my ($learning, $learning_pid) = session($node);
	run_in($learning, "SET reco.workers = $workers");
	run_in($learning, q{CALL reco.refresh('shop', options => '{"factors":8,"iterations":2}')});
	my @blas = Reco::mapped($learning_pid, qr/libopenblas/);
	is(scalar(grep { !m{/openblas-serial/} } @blas), 0, "workers = $workers: no flavour but the serial one is mapped")
	  or diag("@blas");
	is(Reco::threads($learning_pid), 1, "workers = $workers: a backend that learned has one thread");
	cmp_ok(scalar(@blas), '>', 0, "workers = $workers: BLAS was loaded to learn") if $workers == 0;
	$learning->quit;
}
$node->stop;

# Another extension may have loaded the threaded flavour first. LD_PRELOAD stands in for it.
my $crowded = Reco::node('crowded', env => { LD_PRELOAD => $threaded });
Reco::load_shop($crowded);
my ($psql, $pid) = session($crowded);
cmp_ok(scalar(Reco::mapped($pid, qr{/openblas-pthread/})), '>', 0, 'the threaded flavour is in the process');
run_in($psql, 'SET reco.workers = 0');
run_in($psql, q{CALL reco.refresh('shop', options => '{"factors":8,"iterations":2}')});
my $warnings = () = $psql->{stderr} =~ /WARNING:.*BLAS/g;
is($warnings, 1, 'a threaded BLAS is warned of');
is(Reco::threads($pid), 1, 'and keeps to one thread');
run_in($psql, q{CALL reco.refresh('shop', options => '{"factors":8,"iterations":2}')});
$warnings = () = $psql->{stderr} =~ /WARNING:.*BLAS/g;
is($warnings, 0, 'the warning comes once');
$psql->quit;
$crowded->stop;

done_testing();
