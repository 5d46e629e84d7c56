# Dump and restore keep every row of a program, post nothing again, and leave
# a program that goes on working.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use DistributorTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('dump');
my $dir = PostgreSQL::Test::Utils::tempdir();

$node->safe_psql('postgres', 'CREATE DATABASE shop');
attach_shop($node, 'shop');
# Lines of orders, and a plan that asks for them and counts.
$node->safe_psql(
	'shop', q{
	CREATE TABLE order_lines (order_id bigint, no int, amount numeric, category text, PRIMARY KEY (order_id, no));
	SELECT distributor.attach_order_lines('shop', 'order_lines', 'order_id', 'no', amount => 'amount',
										  attributes => '{category}');
	SELECT distributor.set_plan('shop', '{"rules": [
		{"name": "sales", "kind": "unilevel", "per": "line", "levels": ["20%", "5%"], "caps": {"member_month": 100000}},
		{"name": "first", "kind": "unilevel", "when": {"order_number": {"over": 600}}, "levels": ["1%"]}]}'::json);
});
$node->safe_psql(
	'shop', q{
	INSERT INTO order_lines SELECT i, l, i / l, 'food' FROM generate_series(501, 520) i, generate_series(1, 3) l;
	INSERT INTO orders SELECT i, 1 + i % 200, i FROM generate_series(501, 520) i;
});
is($node->safe_psql('shop', 'SELECT (SELECT count(*) FROM shop.sale_line), (SELECT count(*) FROM shop.sale WHERE counters IS NOT NULL)'),
	'60|20', 'there are lines and counters to lose');
# Refunds: by status, by amount, of a table, and one that waits for its order.
$node->safe_psql(
	'shop', q{
	CREATE TABLE refunds (no text PRIMARY KEY, order_id bigint, amount numeric);
	SELECT distributor.attach_refunds('shop', 'refunds', 'no', 'order_id', 'amount');
	INSERT INTO refunds VALUES ('r1', 510, 100), ('r2', 1000, 50);
	UPDATE orders SET status = 'refunded' WHERE id IN (1, 2);
	SELECT distributor.record_refund('shop', '511', 'r3', 1, '2');
});
is($node->safe_psql('shop', q{SELECT (SELECT count(*) FROM shop.refund), (SELECT count(*) FROM shop.refund_posting),
									 (SELECT count(*) > 0 FROM shop.refund_line), (SELECT count(*) > 0 FROM shop.ledger WHERE source = 'refund')}),
	'5|4|t|t', 'there are refunds to lose');
my $before = program_contents($node, 'shop', 'shop');
like($before, qr/^ledger\|[1-9]/m, 'there is a ledger to lose');

# Order 1000 is posted once, after what is there, wherever it is inserted.
sub goes_on
{
	my ($db) = @_;
	$node->safe_psql(
		$db, q{
		INSERT INTO users VALUES (1000, 7);
		WITH l AS (INSERT INTO order_lines VALUES (1000, 1, 100))
		INSERT INTO orders VALUES (1000, 1000, 100)});
	fails_with($node, $db, 'UPDATE order_lines SET amount = 99 WHERE order_id = 510 AND no = 1', '55000',
		qr/lines cannot be changed/, "$db: lines of a posted order stay");
	is( $node->safe_psql(
			$db,
			q{SELECT level, member_id, amount,
					 entry_id > (SELECT max(entry_id) FROM shop.earnings WHERE order_key <> '1000')
			  FROM shop.earnings WHERE order_key = '1000' ORDER BY entry_id}),
		"1|7|20.00|t\n2|2|5.00|t\n1|7|-10.00|t\n2|2|-2.50|t",
		"$db: a new order posts, once, and the refund that waited takes its part back");
	fails_with($node, $db, q{INSERT INTO refunds VALUES ('r4', 1000, 50.01)}, '23514',
		qr/more than what remains/, "$db: a refund takes no more than there is");
	return;
}

sub restored
{
	my ($db) = @_;
	is(program_contents($node, $db, 'shop'), $before, "$db: every row and sequence is as it was");
	goes_on($db);
	return;
}

$node->command_ok([ 'pg_dump', '-f', "$dir/plain.sql", $node->connstr('shop') ], 'plain dump');
$node->safe_psql('postgres', 'CREATE DATABASE plain');
$node->command_ok(
	[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/plain.sql", $node->connstr('plain') ],
	'plain restore');
restored('plain');

$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/custom", $node->connstr('shop') ], 'custom dump');
for my $jobs (1, 4)
{
	$node->safe_psql('postgres', "CREATE DATABASE custom_$jobs");
	$node->command_ok(
		[ 'pg_restore', '--exit-on-error', '-j', $jobs, '-d', $node->connstr("custom_$jobs"), "$dir/custom" ],
		"custom restore, $jobs at once");
	restored("custom_$jobs");
}

# A schema without its rows, and the rows after it.
$node->command_ok([ 'pg_dump', '-s', '-Fc', '-f', "$dir/schema", $node->connstr('shop') ], 'dump of the schema');
$node->command_ok([ 'pg_dump', '-a', '-Fc', '-f', "$dir/data", $node->connstr('shop') ], 'dump of the data');
$node->safe_psql('postgres', 'CREATE DATABASE data_later');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('data_later'), "$dir/schema" ],
	'restore of the schema');
$node->command_ok(
	[ 'pg_restore', '--exit-on-error', '--disable-triggers', '-d', $node->connstr('data_later'), "$dir/data" ],
	'restore of the data with triggers disabled');
restored('data_later');

# The program goes, the tables of the shop stay, and then the extension may go.
fails_with($node, 'shop', 'DROP EXTENSION distributor', '2BP01', qr/depends on/,
	'the extension is kept by the program');
is(program_contents($node, 'shop', 'shop'), $before, 'the dumped program is untouched');

$node->stop;
done_testing();
