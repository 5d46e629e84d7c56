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
my $printed = '';
local $ENV{PGCLIENTENCODING} = 'UTF8';
for my $step (glob 'examples/demo/*.sql')
{
	my ($stdout, $stderr);
	my $ok = IPC::Run::run(
		[ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-P', 'footer=off', '-P', 'null=-',
			'-d', $node->connstr('postgres'), '-f', $step ],
		'>', \$stdout, '2>', \$stderr);
	ok($ok, "$step runs") or diag $stderr;
	$printed .= "== $step\n\n$stdout\n";
}
$printed =~ s/[ \t]+$//mg;
like($printed, qr/equal, row by row/, 'the ledger is what plain SQL computes');

# What is stored is what a reader is shown; the new output is left for the eye.
my $stored = PostgreSQL::Test::Utils::slurp_file('examples/demo/output.txt');
my $new = "$PostgreSQL::Test::Utils::tmp_check/demo_output.txt";
PostgreSQL::Test::Utils::append_to_file($new, $printed);
ok($printed eq $stored, 'it prints what examples/demo/output.txt shows')
  or diag `diff -U3 examples/demo/output.txt '$new'`;

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
