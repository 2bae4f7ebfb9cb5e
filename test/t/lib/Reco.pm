# Helpers of the TAP tests: a server with the extension in it, and a small shop to learn from.
#
#   use Reco;
#   my $node = Reco::node('shop', conf => "work_mem = '8MB'");   # started, CREATE EXTENSION reco done
#   Reco::load_shop($node);                                      # tables customers, products, events; a recommender "shop"
#   Reco::refresh($node);
#   my $rows = Reco::rows($node, 'SELECT ...');                  # text, one row a line, columns separated by |
#
# A test started by make check finds the server and the extension of this checkout in its PATH.

package Reco;

use strict;
use warnings FATAL => 'all';

use Carp;
use Config;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

# A signal ends a test by way of die, so that the END block of PostgreSQL::Test::Cluster stops its servers.
$SIG{$_} = sub { croak "stopped by a signal" } for qw(INT TERM HUP);

# node(name, %options): a started server. conf: lines of postgresql.conf. init: a hash for init(), such as
# allows_streaming => 1. env: a hash of environment variables the server is started with. extension => 0: none created.
sub node
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ], %{ $options{init} // {} });
	$node->append_conf('postgresql.conf', "jit = off\n" . ($options{conf} // ''));
	{
		local %ENV = (%ENV, %{ $options{env} // {} });
		$node->start;
	}
	create_extension($node) if $options{extension} // 1;
	return $node;
}

# create_extension(node, database)
sub create_extension
{
	my ($node, $database) = @_;
	$node->safe_psql($database // 'postgres', 'CREATE EXTENSION reco');
	return;
}

# load_shop(node, %options): 200 customers, 100 products in five categories, and about 6,000 events. A customer likes two
# categories. The numbers are hashes, so they are the same in every run. define => 0: the tables only.
sub load_shop
{
	my ($node, %options) = @_;
	my $database = $options{database} // 'postgres';

	$node->safe_psql($database, <<'END');
CREATE TABLE customers (id int PRIMARY KEY, region text);
CREATE TABLE products (id int PRIMARY KEY, title text, category text, price numeric);
CREATE TABLE events (user_id int, product_id int, kind text, at timestamptz);
INSERT INTO customers SELECT u, (ARRAY['North','South','East'])[1 + u % 3] FROM generate_series(1, 200) u;
INSERT INTO products
SELECT 1000 + p, (ARRAY['Red','Green','Blue','Black'])[1 + p % 4] || ' ' || (ARRAY['boots','kettle','lamp','yarn','tent'])[1 + p % 5] || ' ' || p,
	(ARRAY['boots','kettle','lamp','yarn','tent'])[1 + p % 5], 5 + (hashint8extended(p, 3) & 63)
FROM generate_series(0, 99) p;
INSERT INTO events
SELECT u, 1000 + product, CASE n % 6 WHEN 0 THEN 'purchase' WHEN 1 THEN 'cart' ELSE 'view' END,
	timestamptz '2024-01-01 00:00+00' + (hashint8extended(u * 1000 + n, 4) & 8191) * interval '1 hour'
FROM generate_series(1, 200) u, generate_series(1, 30) n, LATERAL (
	SELECT CASE WHEN hashint8extended(u * 1000 + n, 5) & 7 < 6
		THEN ((hashint8extended(u * 1000 + n, 6) & 1023) % 20) * 5 + (u + (n % 2) * (1 + u % 4)) % 5
		ELSE (hashint8extended(u * 1000 + n, 7) & 1023) % 100 END AS product) p;
INSERT INTO events SELECT user_id, product_id, 'return', at + interval '5 days' FROM events WHERE kind = 'purchase' AND user_id % 10 = 0;
CREATE INDEX ON events (user_id);
ANALYZE;
END
	define_shop($node, $database) if $options{define} // 1;
	return;
}

# define_shop(node, database): the recommender "shop" over the tables of load_shop
sub define_shop
{
	my ($node, $database) = @_;
	$node->safe_psql($database // 'postgres', <<'END');
SELECT reco.create_recommender('shop',
	interactions => 'events', user_column => 'user_id', item_column => 'product_id',
	event_column => 'kind', event_weights => '{"view":1,"cart":3,"purchase":5,"return":-3}',
	time_column => 'at', half_life => '180 days',
	items => 'products', item_key => 'id', item_label => 'title', item_features => '{category,price}',
	users => 'customers', user_key => 'id', user_features => '{region}');
END
	return;
}

# refresh(node, %options): database, recommender, options (jsonb as text)
sub refresh
{
	my ($node, %options) = @_;
	my $name = $options{recommender} // 'shop';
	my $learning = $options{options} // '{"factors":8,"iterations":3}';
	$node->safe_psql($options{database} // 'postgres', "CALL reco.refresh('$name', options => '$learning')");
	return;
}

# rows(node, query, database): the answer as text; dies with the error if there is one
sub rows
{
	my ($node, $query, $database) = @_;
	return $node->safe_psql($database // 'postgres', $query);
}

# sqlstate(node, query, database): the SQLSTATE of the query's error, or '' if it succeeds
sub sqlstate
{
	my ($node, $query, $database) = @_;
	my ($status, $stdout, $stderr) = $node->psql($database // 'postgres', "\\set VERBOSITY verbose\n$query");
	return $stderr =~ /(?:ERROR|FATAL|PANIC):\s+([0-9A-Z]{5}):/ ? $1 : '';
}

# workers(node): the worker processes of reco of a server. They have no database, so pg_stat_activity does not show them.
sub workers
{
	my ($node) = @_;
	my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
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

# threads(pid): how many threads a process has
sub threads
{
	my ($pid) = @_;
	my @tasks = grep { m{/\d+$} } glob("/proc/$pid/task/*");
	return scalar @tasks;
}

# mapped(pid, pattern): the mapped files whose path matches, sorted, each once
sub mapped
{
	my ($pid, $pattern) = @_;
	my %paths;
	for my $line (split /\n/, slurp_file("/proc/$pid/maps"))
	{
		my $path = (split ' ', $line, 6)[5];
		$paths{$path} = 1 if defined $path && $path =~ $pattern;
	}
	my @sorted = sort keys %paths;
	return @sorted;
}

1;
