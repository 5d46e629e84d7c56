# The demo on real orders: its steps run, and its ledger is, row by row, what
# plain SQL computes from the shop's own tables.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use DistributorTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# The steps name their data from the root of the sources.
my $root = "$FindBin::RealBin/../..";
chdir $root or die "$root: $!";

my $node = new_node('demo');
my %printed;
for my $step (glob 'examples/demo/*.sql')
{
	my ($stdout, $stderr);
	my $ok = IPC::Run::run(
		[ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', $step ],
		'>', \$stdout, '2>', \$stderr);
	ok($ok, "$step runs") or diag $stderr;
	$printed{$step} = $stdout;
}

like($printed{'examples/demo/1-load.sql'}, qr/^orders +\| 11208$/m, 'all orders are loaded');
like($printed{'examples/demo/6-totals.sql'},
	qr{575,535\.77 \| 575,535\.77 \|}, 'every order is a sale');
like($printed{'examples/demo/6-totals.sql'}, qr/equal, row by row/, 'the ledger is what plain SQL computes');

# Nobody is counted twice or left out: what the table says, the program says.
is( $node->safe_psql(
		'postgres', q{
		SELECT count(*) FROM
		  (SELECT id, inviter_id FROM users EXCEPT SELECT member_id, sponsor_id FROM shop.member) missing}),
	'0',
	'every user is a member with its sponsor');
is( $node->safe_psql(
		'postgres', q{
		SELECT sum(balance) = (SELECT sum(amount) FROM shop.ledger),
			   count(*) = (SELECT count(DISTINCT member_id) FROM shop.ledger)
		FROM shop.balance}),
	't|t',
	'balances add up to the ledger');

$node->stop;
done_testing();
