# What the TAP tests share.
package DistributorTest;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(new_node fails_with program_contents program_rows attach_shop run_noting);

# A started server of its own for a test file.
sub new_node
{
	my ($name) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
	$node->append_conf('postgresql.conf', "fsync = off\ntimezone = 'UTC'\n");
	$node->start;
	return $node;
}

# The statements fail with this SQLSTATE and a message that matches.
sub fails_with
{
	my ($node, $db, $sql, $sqlstate, $pattern, $name, %options) = @_;
	my ($status, $out, $err) = $node->psql(
		$db,
		"\\set VERBOSITY verbose\n$sql",
		on_error_stop => 1,
		extra_params  => $options{role} ? [ '-U', $options{role} ] : []);
	subtest $name => sub {
		isnt($status, 0, 'fails');
		like($err, qr/ERROR:  $sqlstate:/, "SQLSTATE $sqlstate");
		like($err, $pattern, 'message');
	};
	return;
}

# Every table and sequence of a program with a hash of its rows, as one text.
sub program_contents
{
	my ($node, $db, $program) = @_;
	my $each = $node->safe_psql(
		$db, qq{
		SELECT string_agg(format(
				   'SELECT %L, count(*), md5(string_agg(t::text, E''\\n'' ORDER BY t::text COLLATE "C")) FROM (SELECT %s FROM %s) t',
				   relname, CASE relkind WHEN 'S' THEN 'last_value, is_called' ELSE '*' END, oid::regclass),
			   ' UNION ALL ' ORDER BY relname COLLATE "C")
		FROM pg_class
		WHERE relnamespace = '$program'::regnamespace AND relkind IN ('r', 'p', 'S')});
	return $node->safe_psql($db, qq{SELECT * FROM ($each) t(name, n, hash) ORDER BY name COLLATE "C"});
}

# Run a shell command; whatever it prints belongs to the test's output.
sub run_noting
{
	my ($command) = @_;
	open my $out, '-|', "$command 2>&1" or die $!;
	while (my $line = <$out>)
	{
		chomp $line;
		note $line;
	}
	return close $out;
}

# The same without sequences, of which numbers may have been drawn and not used.
sub program_rows
{
	return join "\n", grep { !/_seq\|/ } split /\n/, program_contents(@_);
}

# The shop of the README: tables of its own, a program, both tables attached.
sub attach_shop
{
	my ($node, $db) = @_;
	$node->safe_psql(
		$db, q{
		CREATE EXTENSION distributor;
		CREATE TABLE users  (id bigint PRIMARY KEY, inviter_id bigint REFERENCES users);
		CREATE TABLE orders (id bigint PRIMARY KEY, buyer_id bigint NOT NULL REFERENCES users,
							 amount numeric(12,2) NOT NULL, status text NOT NULL DEFAULT 'paid',
							 paid_at timestamptz NOT NULL DEFAULT now());
		SELECT distributor.create_program('shop', currency => 'CNY');
		SELECT distributor.attach_members('shop', 'users', id => 'id', sponsor => 'inviter_id');
		SELECT distributor.set_plan('shop', '{"rules": [
			{"name": "sales", "kind": "unilevel", "levels": ["20%", "5%", "3%"]}]}');
		SELECT distributor.attach_orders('shop', 'orders', key => 'id', member => 'buyer_id',
										 amount => 'amount', occurred_at => 'paid_at',
										 status => 'status', paid => '{paid,done}');
		INSERT INTO users SELECT i, nullif(i / 3, 0) FROM generate_series(1, 200) i;
		INSERT INTO orders SELECT i, 1 + i % 200, i * 1.37 FROM generate_series(1, 500) i;
	});
	return;
}

1;
