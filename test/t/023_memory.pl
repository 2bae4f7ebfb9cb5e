# Proves that where the mapped cache cannot be written a model is served all the same, from private memory or streamed from its
# chunks, with the same answers; that a file that cannot grow is no different; that verify() finds and removes a wrong
# file; and that a year of nightly refreshes leaves files, chunks and a session that serves through it bounded.
use strict;
use warnings FATAL => 'all';

use Reco;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Reco::node('memory');
my $folder = $node->data_dir . '/base/pgsql_tmp/pgsql_tmp_reco';

# files(): names in reco's folder
sub files
{
	my @found = sort map { s{.*/}{}r } glob("$folder/*");
	return @found;
}

# ---- models of some megabytes: three windows, rows that lie across chunks ----

Reco::rows($node, <<'END');
CREATE TABLE goods (id int PRIMARY KEY, title text);
INSERT INTO goods SELECT i, 'thing ' || i FROM generate_series(1, 9000) i;
CREATE TABLE marks (user_id int, item_id int, stars real);
INSERT INTO marks SELECT u, 1 + ((hashint8extended(u * 1000 + n, 1) & 1048575) + u * 17) % 9000, 1 + (hashint8extended(u * 1000 + n, 2) & 3)
FROM generate_series(1, 800) u, generate_series(1, 25) n;
INSERT INTO marks SELECT 800 + i % 10, i, 3 FROM generate_series(1, 9000) i WHERE i NOT IN (SELECT item_id FROM marks);
CREATE INDEX ON marks (user_id);
ANALYZE;
SELECT reco.create_recommender('marks', interactions => 'marks', user_column => 'user_id', item_column => 'item_id',
	items => 'goods', item_key => 'id', item_label => 'title');
SELECT reco.create_recommender('stars', interactions => 'marks', user_column => 'user_id', item_column => 'item_id', value_column => 'stars',
	feedback => 'explicit', shared_catalogue => true);
END
Reco::refresh($node, recommender => $_, options => '{"factors":60,"iterations":1}') for 'marks', 'stars';

my @queries;
for my $recommender ('marks', 'stars')
{
	push @queries,
	  "SELECT u, r.* FROM generate_series(1, 4) u, LATERAL reco.recommend(u, 10, '$recommender') r ORDER BY u, rank",
	  "SELECT * FROM reco.recommend(7, 300, '$recommender', exclude_seen => false, options => '{\"reason\": false}')",
	  "SELECT * FROM reco.recommend(5, 10, '$recommender', candidates => (SELECT array_agg(i) FROM generate_series(1::bigint, 9000, 2) i))",
	  "SELECT * FROM reco.recommend(5, 10, '$recommender', candidates => '{5,4000,8999}')",
	  "SELECT i, reco.score(3, i, '$recommender') FROM generate_series(1, 9000, 800) i",
	  "SELECT * FROM reco.explain(3, 4500, '$recommender')",
	  "SELECT * FROM reco.similar_items(4400, 20, '$recommender')",
	  "SELECT * FROM reco.recommend_all('$recommender', users => '{1,2,3}'::bigint[], k => 5)",
	  "SELECT reco.item_embedding(4369, '$recommender'), reco.item_embedding(4370, '$recommender'), reco.user_embedding(2, '$recommender')",
	  "SELECT * FROM reco.counterfactual(3, (SELECT item_id FROM reco.recommend(3, 1, '$recommender')), 10, '$recommender')";
}
push @queries, "SELECT * FROM reco.recommend(9, 5, 'marks', filter => 'id % 50 = 3')";

# answers(settings): what all queries give in a session of its own
sub answers
{
	my ($settings) = @_;
	return Reco::rows($node, $settings . join(";\n", @queries));
}

my $expected = answers('');
is(Reco::rows($node, "SELECT storage FROM reco.warm('marks')"), 'mapped', 'a model is mapped');
cmp_ok(scalar(split /\n/, $expected), '>', 700, 'there are answers to compare');

# A folder in the place of the file that is to be built makes building impossible, also for root.
Reco::rows($node, "SELECT reco.warm('stars')");
my @blocked = map { "$folder/$_" } files();
is(scalar(@blocked), 2, 'each recommender has its file');
unlink @blocked;
mkdir "$_.tmp" for @blocked;

is(answers(''), $expected, 'files that cannot be built: the same answers from private memory');
is(Reco::rows($node, "SELECT storage FROM reco.warm('marks')"), 'private', 'warm() says so');
my $limit = "SET reco.private_cache_limit = '2600kB';\n";
is(Reco::rows($node, "$limit SELECT storage FROM reco.warm('marks')"), 'streamed', 'above reco.private_cache_limit a model is streamed');
is(answers($limit), $expected, 'with the same answers');
like(slurp_file($node->logfile), qr/larger than reco\.private_cache_limit allows to copy/, 'the log says so');
is(scalar(grep { -f "$folder/$_" } files()), 0, 'no file is made');
is(Reco::sqlstate($node, "SET reco.private_cache_limit = '2MB'; $queries[0]"), '53400',
	'what must be held of a streamed model keeps to the limit too');

# an incremental refresh that goes on from a streamed version learns the same
my $digests = q{SELECT string_agg(encode(digest, 'hex'), ' ' ORDER BY tensor, chunk) FROM reco.version_chunk c
	JOIN reco.recommender r ON r.key = c.recommender WHERE r.name = 'stars' AND c.number = (SELECT max(number) FROM reco.version v WHERE v.recommender = r.key)};
Reco::rows($node, "$limit CALL reco.refresh('stars', 'incremental', options => '{\"factors\":60}')");
my $streamed = Reco::rows($node, $digests);
Reco::rows($node, q{SELECT reco.deploy('stars', 1)});

# a session that streams reads what its snapshot sees, and refuses what is not there
my $streaming = $node->background_psql('postgres', on_error_stop => 0);
$streaming->query($limit);
$streaming->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
my $before = $streaming->query($queries[0]);
Reco::rows($node, "SET reco.keep_versions = 1; CALL reco.refresh('marks', options => '{\"factors\":61,\"iterations\":1}')");
is($streaming->query($queries[0]), $before, 'a version dropped meanwhile goes on serving its transaction');
$streaming->query('COMMIT');
isnt($streaming->query($queries[0]), $before, 'and the next one serves the new version');
$streaming->query('SELECT reco.score(1, 1, \'stars\')');
Reco::rows($node, q{UPDATE reco.chunk SET data = set_byte(data, 5, get_byte(data, 5) # 1) WHERE (recommender, digest) IN (
	SELECT c.recommender, digest FROM reco.version_chunk c JOIN reco.recommender r ON r.key = c.recommender AND c.number = r.deployed
	WHERE r.name = 'stars' AND tensor = 'item_factor')});
$streaming->query("SELECT rank FROM reco.recommend(1, 5, 'stars')");
like($streaming->{stderr}, qr/corrupted chunk \d of tensor "item_factor" of recommender "stars", version 1/, 'an altered chunk is refused when it is read');
$streaming->{stderr} = '';
$streaming->quit;
Reco::rows($node, q{UPDATE reco.chunk SET data = set_byte(data, 5, get_byte(data, 5) # 1) WHERE (recommender, digest) IN (
	SELECT c.recommender, digest FROM reco.version_chunk c JOIN reco.recommender r ON r.key = c.recommender AND c.number = r.deployed
	WHERE r.name = 'stars' AND tensor = 'item_factor')});

rmdir "$_.tmp" for @blocked;
Reco::rows($node, q{CALL reco.refresh('stars', 'incremental', options => '{"factors":60}')});
is(Reco::rows($node, $digests), $streamed, 'an incremental refresh from a streamed version learns the same bytes');

# ---- a disk that takes no more ----

unlink map { "$folder/$_" } files();
my $limited = $node->background_psql('postgres', on_error_stop => 0);
my $mapped = Reco::rows($node, $queries[0]);
unlink map { "$folder/$_" } files();
my $limited_pid = $limited->query('SELECT pg_backend_pid()');
SKIP:
{
	skip 'no prlimit', 3 unless system("prlimit --pid $limited_pid --fsize=1000000 2>/dev/null") == 0;
	is($limited->query($queries[0]), $mapped, 'a file that cannot grow: the same lists from private memory');
	is(scalar(files()), 0, 'no half-made file is left');
	is(Reco::rows($node, $queries[0]), $mapped, 'a session without such a limit makes the file');
}
$limited->quit;

# ---- a file that was altered without a trace ----

Reco::rows($node, "SELECT reco.warm('marks')");
my ($name) = files();
my ($modified) = (stat "$folder/$name")[9];
{
	open(my $file, '+<:raw', "$folder/$name") or die $!;
	seek($file, (-s $file) / 4, 0);
	print $file 'x' x 100;
	close($file);
}
utime($modified, $modified, "$folder/$name");
like(Reco::rows($node, "SELECT tensor, chunk, problem FROM reco.verify('marks')"), qr/^\w+\|\d+\|altered in the cache file, which was removed/,
	'verify() finds an altered file');
is(Reco::rows($node, "SELECT count(*) FROM reco.verify('marks')"), 0, 'and has removed it');
is(Reco::rows($node, $queries[0]), $mapped, 'and it is made again');
($name) = files();
truncate("$folder/$name", 1000);
like(Reco::rows($node, "SELECT problem FROM reco.verify('marks')"), qr/the cache file is not the one that was built; it was removed/,
	'verify() finds a file that was cut');
is(Reco::rows($node, "SELECT bytes FROM reco.warm('marks')"), -s "$folder/" . (files())[0], 'warm() makes the file again');

# ---- a year of nightly refreshes ----

Reco::rows($node, q{SELECT reco.drop_recommender('stars'); SELECT reco.drop_recommender('marks');
	CREATE TABLE visits (u int, i int); INSERT INTO visits SELECT u, (u * 7 + n * n) % 23 FROM generate_series(1, 30) u, generate_series(1, 6) n;
	SELECT reco.create_recommender('year', interactions => 'visits', user_column => 'u', item_column => 'i', shared_catalogue => true)});
unlink map { "$folder/$_" } files();
my $serving = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $serving->query('SELECT pg_backend_pid()');
my %most = (files => 0, chunks => 0, maps => 0, contexts => 0);
my $served = 0;
my $contexts_then;
for my $night (1 .. 365)
{
	Reco::rows($node, "INSERT INTO visits VALUES ($night % 30 + 1, $night * 5 % 23); CALL reco.refresh('year', options => '{\"factors\":4,\"iterations\":1}')");
	$served += $serving->query("SELECT count(*) FROM reco.recommend(1, 3, 'year', exclude_seen => false)");
	next if $night % 20 != 0 && $night != 365;
	my %now = (files => scalar(files()), chunks => Reco::rows($node, 'SELECT count(*) FROM reco.chunk'),
		maps => scalar(Reco::mapped($pid, qr/pgsql_tmp_reco/)));
	my $contexts = $serving->query('SELECT sum(used_bytes) FROM pg_backend_memory_contexts');
	$contexts_then //= $contexts;
	$most{contexts} = $contexts - $contexts_then;
	$most{$_} = $now{$_} > $most{$_} ? $now{$_} : $most{$_} for keys %now;
}
is($served, 3 * 365, 'a session serves every night of a year');
cmp_ok($most{files}, '<=', 4, 'no more files than versions that are kept, and one');
cmp_ok($most{chunks}, '<=', 3 * 20, 'no more chunks than those versions have');
cmp_ok($most{maps}, '<=', 4, 'the session keeps a few mappings');
cmp_ok($most{contexts}, '<', 256 * 1024, 'and its memory does not grow');
is(Reco::rows($node, 'SELECT count(*) FROM reco.version'), 3, 'three versions are kept');
$serving->quit;
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal|TRAP/, 'nothing crashed');
$node->stop;

done_testing();
