# Proves that reco behaves as a guest: whatever it does can be cancelled and obeys statement_timeout, it learns without
# worker processes, without /dev/shm and within a tiny learning memory, it holds no snapshot while it learns, no function holds memory from
# one call of a statement to the next, and a session
# that has served twenty thousand calls (or RECO_CALLS) has no more memory, files, threads or mappings than one that has served two
# thousand.
use strict;
use warnings FATAL => 'all';

use Reco;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Reco::node('manners', conf => "max_worker_processes = 8\n");
my $folder = $node->data_dir . '/base/pgsql_tmp/pgsql_tmp_reco';
my $lists = q{SELECT c.id, r.rank, r.item_id, r.score FROM customers c, LATERAL reco.recommend(c.id, 5, 'shop') r ORDER BY 1, 2};
Reco::load_shop($node);
Reco::refresh($node);
my $expected = Reco::rows($node, $lists);

# a view that never ends to be read, where a table can be mapped
Reco::rows($node, <<'END');
CREATE FUNCTION forever(int) RETURNS int LANGUAGE sql VOLATILE AS $$ SELECT $1 FROM pg_sleep(0.01) $$;
CREATE VIEW slow AS SELECT forever(user_id) AS user_id, product_id FROM events CROSS JOIN generate_series(1, 1000);
SELECT reco.create_recommender('slow', 'slow', 'user_id', 'product_id', shared_catalogue => true);
END

# ---- statement_timeout ends everything that can take long ----

my %long = (
	'reading' => q{CALL reco.refresh('slow')},
	'learning' => q{CALL reco.refresh('shop', options => '{"factors":256,"iterations":1000}')},
	'learning incrementally' => q{CALL reco.refresh('shop', mode => 'incremental', options => '{"factors":8,"warm_sweeps":1000}')},
	'evaluating' => q{CALL reco.evaluate('shop', options => '{"model":{"factors":256,"iterations":1000}}')},
	'one list after the other' => q{SELECT count(*) FROM generate_series(1, 10000000) i, reco.recommend(1 + i % 200, 5, 'shop')},
	'lists of all' => q{SELECT count(*) FROM generate_series(1, 1000000) i, reco.recommend_all('shop', 5 + i % 2)},
	'explaining' => q{SELECT count(*) FROM generate_series(1, 10000000) i, reco.explain(1 + i % 200, 1001, 'shop')},
	'quality of explanations' => q{SELECT count(*) FROM generate_series(1, 100000) i, reco.explanation_quality('shop', 199 + i % 2)},
	'counterfactuals' => q{SELECT count(*) FROM generate_series(1, 10000000) i, reco.counterfactual(1 + i % 200, 1001, 3, 'shop')},
	'a filter that never ends' => q{SELECT count(*) FROM reco.recommend(1, 5, 'shop', filter => 'pg_sleep(10) IS NOT NULL')},
	'similar items' => q{SELECT count(*) FROM generate_series(1, 10000000) i, reco.similar_items(1001::bigint, 5 + i % 2, 'shop')});
for my $what (sort keys %long)
{
	is(Reco::sqlstate($node, "SET statement_timeout = '300ms'; $long{$what}"), '57014', "$what: obeys statement_timeout");
}
is(Reco::rows($node, $lists), $expected, 'the deployed version serves the same lists');
is(join(' ', grep { m{/(area|progress)_} } glob("$folder/*")), '', 'no file of learning is left');
ok(Reco::becomes_true(sub { Reco::workers($node) == 0 }), 'no worker is left');

# ---- no snapshot is held while learning: the horizon of vacuum moves on ----

{
	my $psql = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $psql->query('SELECT pg_backend_pid()');
	$psql->query('SET reco.workers = 1');
	$psql->query_until(qr/begun/, "\\echo begun\n$long{learning};\n");
	ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM reco.progress WHERE pid = $pid AND phase = 'learning' AND done > 0"), 'a refresh learns');
	is(Reco::rows($node, "SELECT backend_xmin IS NULL AND backend_xid IS NULL FROM pg_stat_activity WHERE pid = $pid"), 't', 'it holds no snapshot and no transaction id');
	# workers have no database, and so no line in pg_stat_activity: what they could hold is seen by what vacuum removes
	ok(Reco::becomes_true(sub { Reco::workers($node) == 1 }), 'it has a worker');
	Reco::rows($node, 'CREATE TABLE dead AS SELECT i FROM generate_series(1, 1000) i; DELETE FROM dead');
	my ($status, $out, $error) = $node->psql('postgres', 'VACUUM (VERBOSE) dead');
	like($error, qr/(0 dead row versions cannot be removed yet|0 are dead but not yet removable)/, 'vacuum removes what was deleted meanwhile');
	Reco::rows($node, "SELECT pg_terminate_backend($pid)");
	eval { $psql->quit };
}

# ---- tiny learning memory, no worker processes ----

is(Reco::sqlstate($node, q{SET reco.learn_memory = '1MB'; CALL reco.refresh('shop', options => '{"factors":1024,"iterations":1}')}), '53400', 'more than reco.learn_memory is refused');
$node->append_conf('postgresql.conf', "max_worker_processes = 0\nmax_parallel_workers = 0\ndynamic_shared_memory_type = mmap\n");
$node->restart;
Reco::rows($node, q{SET reco.workers = 8; CALL reco.refresh('shop', options => '{"factors":8,"iterations":3}')});
is(Reco::rows($node, $lists), $expected, 'without any worker process, and without /dev/shm, it learns the same');

# ---- a long session grows no larger ----

# held(pid): resident private memory in kB, file descriptors, threads, mappings
sub held
{
	my ($pid) = @_;
	my ($kb) = slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+)/m;
	my @fds = glob("/proc/$pid/fd/*");
	my @maps = split /\n/, slurp_file("/proc/$pid/maps");
	return ($kb, scalar(@fds), Reco::threads($pid), scalar(@maps));
}

{
	my $psql = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $psql->query('SELECT pg_backend_pid()');
	my $calls = q{DO $$ BEGIN FOR i IN 1 .. %d LOOP
		PERFORM count(*) FROM reco.recommend(1 + i %% 200, 5, 'shop'), LATERAL (SELECT reco.score(1 + i %% 200, 1001, 'shop')) s;
		IF i %% 100 = 0 THEN PERFORM count(*) FROM reco.explain(1 + i %% 200, 1001, 'shop'); PERFORM count(*) FROM reco.similar_items(1001::bigint, 5, 'shop');
			PERFORM count(*) FROM reco.recommend(1, 5, 'shop', filter => 'id > 1010'); END IF; COMMIT; END LOOP; END $$};
	$psql->query(sprintf($calls, 2000));
	my @before = held($pid);
	$psql->query(sprintf($calls, $ENV{RECO_CALLS} // 20000));
	my @after = held($pid);
	cmp_ok($after[0] - $before[0], '<', 1024, 'many more calls hold no megabyte more');
	is($after[1], $before[1], 'no file descriptor more');
	is($after[2], 1, 'one thread');
	is($after[3], $before[3], 'no mapping more');
	$psql->quit;
}

# ---- values that must be copied to be read hold no memory ----

{
	Reco::rows($node, q{CREATE TABLE amounts AS SELECT 1 + n % 5000 AS u, 1 + n % 499 AS i, (1 + n % 7)::float8 AS plain, (1 + n % 7)::numeric(10, 4) AS exact FROM generate_series(1, 1000000) n});
	my %peak;
	for my $column ('plain', 'exact')
	{
		Reco::rows($node, "SELECT reco.create_recommender('$column', 'amounts', 'u', 'i', value_column => '$column', algorithm => 'popular')");
		my $psql = $node->background_psql('postgres');
		my $pid = $psql->query('SELECT count(u + i + plain + exact) > 0 FROM amounts; SELECT pg_backend_pid()');
		($pid) = $pid =~ /(\d+)$/;
		$psql->query("CALL reco.refresh('$column')");
		($peak{$column}) = slurp_file("/proc/$pid/status") =~ /^VmHWM:\s+(\d+)/m;
		$psql->quit;
	}
	cmp_ok($peak{exact} - $peak{plain}, '<', 8192, 'a million numeric values take no more memory than as many floats');
}

# ---- nor does a long statement: a thousand calls within one hold what five hundred hold (of check_data(), which is slow, fewer) ----

my @calls = (
	q{reco.recommend(1 + i % 200, 5, 'shop')}, q{reco.recommend(1000 + i, 5, 'shop', lang => 'zh')}, q{reco.recommend(1 + i % 200, 5, 'shop', filter => 'id % 2 = 0')},
	q{reco.recommend_all('shop', 2 + i % 2, '{1,2}'::text[])}, q{reco.similar_items(1001 + i % 90::bigint, 5, 'shop')}, q{reco.popular_items(3 + i % 3, 'shop')},
	q{reco.what_if((1 + i % 200)::bigint, '[{"item": 1005, "event": "purchase"}]'::jsonb, 5, 'shop')}, q{reco.score(1 + i % 200, 1001, 'shop')},
	q{reco.explain(1 + i % 200, 1001, 'shop')}, q{reco.explain(1 + i % 200, 1001, 'shop', view => 'attributes')}, q{reco.counterfactual(1 + i % 200, 1001, 3, 'shop')},
	q{reco.explain_svg(1 + i % 200, 1001, 'shop')}, q{reco.explain_check(1 + i % 200, 1001, 'shop')}, q{reco.reason_prompt(1 + i % 200, 1001, 'shop')},
	q{reco.reason_accept('because you bought a lamp', reco.reason_prompt(1 + i % 200, 1001, 'shop'))}, q{reco.item_embedding(1001 + i % 90, 'shop')},
	q{reco.user_embedding(1 + i % 200, 'shop')}, q{reco.encode('shop', 'item', 1001 + i % 90)}, q{reco.features(CASE WHEN i > 0 THEN 'shop' END)},
	q{reco.warm(CASE WHEN i > 0 THEN 'shop' END)}, q{reco.verify(CASE WHEN i > 0 THEN 'shop' END)}, q{reco.check_data(CASE WHEN i > 0 THEN 'shop' END)},
	q{reco.explanation_quality('shop', 1 + i % 2)}, q{reco.reason_report('shop', 1 + i % 2)}, q{(SELECT * FROM reco.progress WHERE pid <> i) x},
	q{(SELECT * FROM reco.models WHERE version <> i) x}, q{(SELECT * FROM reco.recommenders WHERE name <> i::text) x}, q{(SELECT * FROM reco.reason_templates WHERE variant <> i) x});
for my $call (@calls)
{
	my ($name) = $call =~ /(reco\.\w+)/;
	my $n = $name eq 'reco.check_data' ? 40 : 1000;
	my $grown = Reco::rows($node, qq{SET reco.default_recommender = 'shop'; SELECT max(m) FILTER (WHERE i = $n) - max(m) FILTER (WHERE i = $n / 2) FROM (
		SELECT i, CASE WHEN i % ($n / 2) = 0 AND c >= 0 THEN (SELECT sum(used_bytes) FROM pg_backend_memory_contexts) END AS m FROM (
			SELECT i, (SELECT count(*) FROM $call) AS c FROM generate_series(1, $n) i OFFSET 0) x OFFSET 0) y});
	cmp_ok($grown, '<', 128 * 1024, "$name holds no more memory after call $n of a statement than after half of them");
}
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'nothing crashed');
$node->stop;

done_testing();
