# pg_cron calls fold() as doc/teams.md says: over a connection, and in a
# background worker.  A minute is the least that it waits, so both at once.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use DistributorTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $available = new_node('available');
plan skip_all => 'this server has no pg_cron (postgresql-15-cron and the like in Debian)'
  if $available->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_cron'}) eq '0';
$available->stop;

sub start_cron
{
	my ($name, $settings) = @_;
	my $node = new_node($name);
	$node->append_conf('postgresql.conf',
		"shared_preload_libraries = 'pg_cron'\ncron.database_name = 'postgres'\ncron.host = '" . $node->host . "'\n$settings");
	$node->restart;
	attach_shop($node, 'postgres');
	$node->safe_psql(
		'postgres', q{
		CREATE EXTENSION pg_cron;
		SELECT distributor.keep_team_totals('shop');
		INSERT INTO orders SELECT 5000 + i, 1 + i % 200, 10 FROM generate_series(1, 500) i;
		SELECT cron.schedule('fold shop', '* * * * *', $$CALL distributor.fold('shop')$$)});
	return $node;
}

# The first run of the job, or what there is after this long.
sub first_run
{
	my ($node) = @_;
	for (1 .. 100)
	{
		my $run = $node->safe_psql('postgres',
			q{SELECT status, return_message FROM cron.job_run_details WHERE status IN ('succeeded', 'failed') ORDER BY runid LIMIT 1});
		return $run if $run ne '';
		sleep 1;
	}
	return 'none within 100 s';
}

my $totals = q{SELECT sum(t.people), sum(t.sales), sum(t.volume) FROM shop.member m, distributor.team_total('shop', m.member_id) t};
my %nodes = (
	'over a connection' => start_cron('connection', ''),
	'in a background worker' => start_cron('worker', "cron.use_background_workers = on\nmax_worker_processes = 16\n"));

for my $how (sort keys %nodes)
{
	my $node = $nodes{$how};
	my $before = $node->safe_psql('postgres', $totals);

	like(first_run($node), qr/^succeeded/, "$how: the job has run");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM shop.team_delta'), '0', "$how: everything is folded");
	is($node->safe_psql('postgres', 'SELECT delta_generation - folded_generation FROM shop.program'), '1', "$how: nothing is left half done");
	is($node->safe_psql('postgres', $totals), $before, "$how: totals are those of before");
	is($node->safe_psql('postgres', q{SELECT count(*) FROM distributor.audit('shop')}), '0', "$how: the audit has nothing to say");
	$node->stop;
}

done_testing();
