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
# Money after it is earned: payouts in every state, checkpoints, a closed period.
$node->safe_psql(
	'shop', q{
	SELECT distributor.adjust('shop', 7, 1000, 'a welcome', 'a1');
	SELECT distributor.set_payout_terms('shop', 'CNY', fee_rate => 0.01, tax => '[{"over": 0, "rate": 0.1}]', approval => 'manual');
	SELECT distributor.request_payout('shop', 7, 100, 'p1');
	SELECT distributor.request_payout('shop', 7, 50, 'p2');
	SELECT distributor.request_payout('shop', 2, 10, 'p3');
	SELECT distributor.approve_payout('shop', 'p1');
	SELECT distributor.create_payout_batch('shop', now(), 'CNY', 'b1', sweep => false);
	SELECT distributor.settle_payout('shop', 'p1', 'bank 17', '2026-01-01Z');
	SELECT distributor.fail_payout('shop', 'p2', 'no such account');
	SELECT distributor.alter_program('shop', hold_start => 'fulfilled', hold_period => '0');
	INSERT INTO order_lines VALUES (521, 1, 80.00), (522, 1, 70.00);
	INSERT INTO orders VALUES (521, 100, 80.00), (522, 100, 70.00);
	SELECT distributor.record_fulfillment('shop', '521', now())});
# Some is folded, some is not.
$node->safe_psql('shop', q{CALL distributor.fold('shop')});
$node->safe_psql('shop', q{SELECT distributor.close_period('shop', now(), 'the first')});
$node->safe_psql('shop', q{INSERT INTO refunds VALUES ('r0', 3, NULL), ('r00', 521, 1)});
is( $node->safe_psql(
		'shop', q{
		SELECT (SELECT string_agg(state, ',' ORDER BY payout_key) FROM shop.payout_state), (SELECT count(*) FROM shop.payout_batch_item),
			   (SELECT count(*) > 50 FROM shop.account), (SELECT count(*) > 0 FROM shop.held), (SELECT count(*) FROM shop.sale_release),
			   (SELECT entries > 100 FROM shop.closed_period), (SELECT max(entry_id) > max(folded_through) FROM shop.ledger, shop.program)}),
	'settled,failed,requested|1|t|t|1|t|t',
	'there are payouts, checkpoints, releases and a closed period to lose');
my $balances = balances('shop');
is($node->safe_psql('shop', q{SELECT * FROM distributor.audit('shop')}), '', 'nothing is wrong before');

# Balances of all members, and a statement; not what changes with the moment.
sub balances
{
	my ($db) = @_;
	return $node->safe_psql(
		$db, q{
		SELECT m.member_id, b.* FROM shop.member m CROSS JOIN LATERAL distributor.balance('shop', m.member_id) b ORDER BY 1, 2;
		SELECT kind, amount, balance, rule, order_key, event_key, reason, belongs_to, entry_id
		FROM distributor.statement('shop', 7, '-infinity', 'infinity', 'CNY');
		SELECT name, (distributor.period_seal('shop', name)).* FROM shop.closed_period});
}

my $before = program_contents($node, 'shop', 'shop');
my $rows = program_rows($node, 'shop', 'shop');
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
	$node->safe_psql(
		$db, q{
		SELECT distributor.record_fulfillment('shop', '522', now()), distributor.record_fulfillment('shop', '1000', now());
		SELECT distributor.approve_payout('shop', 'p3');
		SELECT distributor.settle_payout('shop', 'p3', 'bank 18');
		SELECT distributor.request_payout('shop', 7, NULL, 'p4'), distributor.adjust('shop', 7, 1, 'a cent too little', 'a2');
		SELECT distributor.close_period('shop', now(), 'the second')});
	$node->safe_psql($db, q{CALL distributor.fold('shop')});
	is( $node->safe_psql($db, q{SELECT available, balance FROM distributor.balance('shop', 7)}),
		'1.00|1.00', "$db: payouts take what is available");
	is($node->safe_psql($db, q{SELECT distributor.post_sales('shop')}), '0', "$db: there is nothing to post");
	is($node->safe_psql($db, q{SELECT * FROM distributor.audit('shop')}), '', "$db: nothing is wrong after that");
	return;
}

sub restored
{
	my ($db, $contents, $expected) = @_;
	$contents ||= \&program_contents;
	$expected ||= $before;
	is($contents->($node, $db, 'shop'), $expected, "$db: every row (and sequence) is as it was");
	is(balances($db), $balances, "$db: every balance is as it was");
	is($node->safe_psql($db, q{SELECT * FROM distributor.audit('shop')}), '', "$db: nothing is wrong");
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

# The same without the right to disable triggers: dumped while the program is
# paused, its own tables before those of the shop.
$node->safe_psql('postgres', 'CREATE DATABASE paused');
$node->safe_psql('shop', q{SELECT distributor.pause('shop')});
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('paused'), "$dir/schema" ],
	'restore of the schema once more');
for my $schema (qw(shop public))
{
	$node->command_ok([ 'pg_dump', '-a', '-n', $schema, '-f', "$dir/$schema.sql", $node->connstr('shop') ],
		"dump of the data of $schema, paused");
	$node->command_ok(
		[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/$schema.sql", $node->connstr('paused') ],
		"restore of the data of $schema, paused");
}
is($node->safe_psql($_, q{SELECT distributor.resume('shop')}), '0', "$_: nothing is left to post by resume")
  for qw(shop paused);
restored('paused', \&program_rows, $rows);

# The program goes, the tables of the shop stay, and then the extension may go.
fails_with($node, 'shop', 'DROP EXTENSION distributor', '2BP01', qr/depends on/,
	'the extension is kept by the program');
is(program_rows($node, 'shop', 'shop'), $rows, 'the dumped program is untouched');

$node->stop;
done_testing();
