# What is added to the ledger can be followed by logical decoding, through a
# slot that is read by SQL or by a subscriber, and misses nothing; and a whole
# program can be kept on another server, where nothing is posted again.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use DistributorTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $shop = new_node('shop');
$shop->append_conf('postgresql.conf', "wal_level = logical\nmax_wal_senders = 8\nmax_replication_slots = 8\n");
$shop->restart;
attach_shop($shop, 'postgres');

# Until the subscriber has what was there before it, and follows.
sub wait_for_copy
{
	my ($node, $subscription) = @_;
	$shop->wait_for_catchup($subscription);
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_subscription_rel WHERE srsubstate NOT IN ('r', 's')")
	  or die "$subscription is not copied";
	return;
}

# A slot, read by SQL. (test_decoding writes a row as words.)

SKIP:
{
	my ($status) = $shop->psql('postgres', "SELECT pg_create_logical_replication_slot('money', 'test_decoding')");
	skip 'the server has no test_decoding', 5 if $status != 0;
	my $last = $shop->safe_psql('postgres', 'SELECT max(entry_id) FROM shop.ledger');
	$shop->safe_psql('postgres', q{INSERT INTO orders VALUES (1001, 200, 100.00)});
	$shop->safe_psql('postgres', q{BEGIN; INSERT INTO orders VALUES (1002, 200, 100.00); ROLLBACK});
	$shop->safe_psql(
		'postgres', q{
		BEGIN;
		INSERT INTO orders VALUES (1003, 200, 10.00);
		SAVEPOINT s;
		INSERT INTO orders VALUES (1004, 200, 10.00);
		ROLLBACK TO s;
		SELECT distributor.record_refund('shop', '1001', 'r1', 50);
		COMMIT});

	# What has been read is confirmed at a checkpoint at the latest; until then a
	# crash may bring it once more.
	my $changes = q{
		SELECT count(*), count(DISTINCT entry), sum(amount)
		FROM (SELECT substring(data, 'entry_id\[bigint\]:(\d+)') AS entry,
					 substring(data, ' amount\[numeric\]:([-.0-9]+)')::numeric AS amount
			  FROM pg_logical_slot_%s_changes('money', NULL, NULL, 'include-xids', 'off', 'skip-empty-xacts', 'on')
			  WHERE data LIKE 'table shop.ledger: INSERT:%%') l};
	my $ledger = "SELECT count(*), count(DISTINCT entry_id), sum(amount) FROM shop.ledger WHERE entry_id > $last";
	my $wanted = $shop->safe_psql('postgres', $ledger);
	is($wanted, '9|9|16.80', 'rows were added');
	is($shop->safe_psql('postgres', sprintf($changes, 'peek')), $wanted, 'a slot tells each row that was committed, once');
	$shop->stop('immediate');
	$shop->start;
	is($shop->safe_psql('postgres', sprintf($changes, 'get')), $wanted, 'also after a crash');
	is($shop->safe_psql('postgres', sprintf($changes, 'get')), '0|0|', 'what was taken is not told again');
	is( $shop->safe_psql('postgres', q{
			BEGIN;
			SELECT count(*) FROM pg_logical_slot_get_changes('money', NULL, NULL);
			ROLLBACK}),
		'0', 'nothing else has happened');
	$shop->safe_psql('postgres', "SELECT pg_drop_replication_slot('money')");
}

# A subscriber that has a table of its own for the entries, and nothing else.

my $bank = new_node('bank');
my $from = $shop->connstr('postgres');
$shop->safe_psql('postgres', q{CREATE PUBLICATION shop_ledger FOR TABLE shop.ledger WITH (publish = 'insert')});
$bank->safe_psql(
	'postgres', qq{
	CREATE SCHEMA shop;
	CREATE TABLE shop.ledger (entry_id bigint PRIMARY KEY, source text, source_id bigint, member_id bigint, basis bigint,
		reverses bigint, posted_at timestamptz, available_at timestamptz, line int, level int, rule text,
		amount numeric, currency text);
	CREATE SUBSCRIPTION shop_ledger CONNECTION \$\$$from\$\$ PUBLICATION shop_ledger});
wait_for_copy($bank, 'shop_ledger');
$shop->safe_psql(
	'postgres', q{
	INSERT INTO orders VALUES (1005, 200, 30.00);
	UPDATE orders SET status = 'refunded' WHERE id = 1005});
$shop->wait_for_catchup('shop_ledger');
my $rows = q{SELECT count(*), sum(amount), md5(string_agg(entry_id || ' ' || member_id || ' ' || amount, ',' ORDER BY entry_id)) FROM shop.ledger};
is($bank->safe_psql('postgres', $rows), $shop->safe_psql('postgres', $rows), 'a subscriber has every row of the ledger');
$bank->safe_psql('postgres', 'DROP SUBSCRIPTION shop_ledger');

# A copy of everything, tables of the shop and of the program: what arrives is
# what was posted, and the triggers of the copy post nothing.

my $dir = PostgreSQL::Test::Utils::tempdir();
my $copy = new_node('copy');
$shop->command_ok([ 'pg_dump', '-s', '-f', "$dir/schema.sql", '--no-publications', $from ], 'dump of the schema');
$copy->command_ok(
	[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/schema.sql", $copy->connstr('postgres') ],
	'restore of the schema');
$shop->safe_psql('postgres', q{CREATE PUBLICATION whole FOR TABLES IN SCHEMA public, shop});
$copy->safe_psql('postgres', qq{CREATE SUBSCRIPTION whole CONNECTION \$\$$from\$\$ PUBLICATION whole});
wait_for_copy($copy, 'whole');
$shop->safe_psql(
	'postgres', q{
	INSERT INTO users VALUES (1000, 200);
	UPDATE users SET inviter_id = 1 WHERE id = 200;
	INSERT INTO orders VALUES (1006, 1000, 60.00);
	SELECT distributor.record_refund('shop', '1006', 'r2', 20);
	SELECT distributor.adjust('shop', 7, 10, 'a gift', 'a1');
	SELECT distributor.request_payout('shop', 7, 5, 'p1');
	SELECT distributor.settle_payout('shop', 'p1', 'bank 17')});
$shop->safe_psql('postgres', q{CALL distributor.fold('shop')});
$shop->wait_for_catchup('whole');

# Sequences do not travel.
is(program_rows($copy, 'postgres', 'shop'), program_rows($shop, 'postgres', 'shop'),
	'a copy has every row of the program, and no other');
is( $copy->safe_psql('postgres', q{SELECT * FROM distributor.audit('shop')}), '', 'nothing is wrong in the copy');

# When the shop is gone the copy takes over, once its sequences are ahead.
$shop->stop('immediate');
$copy->safe_psql(
	'postgres', q{
	ALTER SUBSCRIPTION whole DISABLE;
	ALTER SUBSCRIPTION whole SET (slot_name = NONE);
	DROP SUBSCRIPTION whole;
	SELECT setval('shop.' || s, greatest((xpath('/row/m/text()', query_to_xml(format('SELECT coalesce(max(%I), 0) + 1000 AS m FROM shop.%I', c, t), false, true, '')))[1]::text::bigint, 1))
	FROM (SELECT s.relname AS s, t.relname AS t, a.attname AS c
		  FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_class t ON t.oid = d.refobjid
		  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
		  WHERE d.deptype = 'a' AND s.relnamespace = 'shop'::regnamespace) owned;
	INSERT INTO orders VALUES (1007, 1000, 100.00)});
is( $copy->safe_psql('postgres', q{SELECT level, member_id, amount FROM shop.earnings WHERE order_key = '1007' ORDER BY level}),
	"1|200|20.00\n2|1|5.00", 'the copy posts once it has taken over');
is($copy->safe_psql('postgres', q{SELECT * FROM distributor.audit('shop')}), '', 'and nothing is wrong after that');

$_->stop for ($bank, $copy);
done_testing();
