# Team totals where folding them is killed, or the server stops, in the middle;
# and where several programs are folded at once, each by two, while orders,
# refunds, joins and moves come in and readers compare them with plain sums.
#
#	DISTRIBUTOR_SEED=N		repeats what the clients send (not when)
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use DistributorTest;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $seed = $ENV{DISTRIBUTOR_SEED} || time % 1_000_000;
my $members = 1000;

srand($seed);
note("DISTRIBUTOR_SEED=$seed");

my $node = new_node('totals');
$node->append_conf('postgresql.conf', "restart_after_crash = on\ndeadlock_timeout = 50ms\n");
$node->restart;
$node->safe_psql('postgres', 'CREATE EXTENSION distributor');

sub make_program
{
	my ($name) = @_;
	$node->safe_psql(
		'postgres', qq{
		CREATE TABLE ${name}_users (id bigint PRIMARY KEY, up bigint);
		CREATE TABLE ${name}_orders (id bigint PRIMARY KEY, buyer bigint NOT NULL, amount numeric NOT NULL,
			paid_at timestamptz NOT NULL DEFAULT '2026-02-01Z');
		SELECT distributor.create_program('$name', 'CNY', time_zone => 'UTC');
		SELECT distributor.set_plan('$name', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%"]}]}');
		SELECT distributor.attach_members('$name', '${name}_users', id => 'id', sponsor => 'up');
		SELECT distributor.attach_orders('$name', '${name}_orders', key => 'id', member => 'buyer', amount => 'amount',
			occurred_at => 'paid_at');
		INSERT INTO ${name}_users SELECT i, CASE WHEN i > 1 THEN 1 + i * 7919 % (i - 1) END FROM generate_series(1, $members) i;
		SELECT distributor.keep_team_totals('$name')});
	return;
}

my $next_order = 0;

# Orders in one statement, half of them of each of two months.
sub orders_sql
{
	my ($name, $n) = @_;
	my $first = $next_order + 1;
	$next_order += $n;
	return "INSERT INTO ${name}_orders SELECT i, 1 + i * 31 % $members, (1 + i % 977) / 100.0, '2026-01-15Z'::timestamptz + i % 2 * interval '30 days'"
	  . " FROM generate_series($first, $next_order) i";
}

# All totals, of all time and of one month, as one value.
sub totals
{
	my ($name) = @_;
	return $node->safe_psql(
		'postgres', qq{
		SELECT md5(string_agg(concat_ws(' ', m.member_id, t.*, f.*), ',' ORDER BY m.member_id))
		FROM $name.member m, distributor.team_total('$name', m.member_id) t, distributor.team_total('$name', m.member_id, '2026-02-01') f});
}

# What is killed, what shows that it is at work, and the changes that must be left.

my %ready_after = (
	batches => sub { "SELECT count(*) < $_[0] FROM shop.team_delta" },
	sleeping => sub { q{SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND wait_event = 'PgSleep'} },
	started => sub { q{SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE 'SELECT distributor.keep%' AND state = 'active'} });

my @killed = (
	[ 'fold', "CALL distributor.fold('shop', 10)", 'batches' ],
	[ 'batches by hand', q{DO 'BEGIN WHILE distributor.fold_team(''shop'', 10) > 0 LOOP COMMIT; END LOOP; END'}, 'batches' ],
	[ 'a batch that is not committed', "BEGIN; SELECT distributor.fold_team('shop', 1000); SELECT pg_sleep(100)", 'sleeping' ],
	[ 'keeping', "SELECT distributor.keep_team_totals('shop', 'month')", 'started' ],
	[ 'keeping that is not committed', "BEGIN; SELECT distributor.keep_team_totals('shop', 'day'); SELECT pg_sleep(100)", 'sleeping' ]);

my %crash = (
	'kill -9' => sub {
		my $pid = $node->safe_psql('postgres', q{
			SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1});
		kill 'KILL', $pid if $pid ne '';
	},
	'an immediate stop' => sub {
		$node->stop('immediate');
		$node->start;
	});

sub crash_during
{
	my ($how, $what, $sql, $ready) = @_;
	my ($out, $err) = ('', '');

	$node->safe_psql('postgres', orders_sql('shop', 3000));
	my $before = totals('shop');
	my $changes = $node->safe_psql('postgres', 'SELECT count(*) FROM shop.team_delta');
	my $run = IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres') ], '<', \"$sql;\n", '>', \$out, '2>', \$err);
	my $at_work = $ready_after{$ready}->($changes - 200);
	for (1 .. 1000)
	{
		last if $node->safe_psql('postgres', $at_work) eq 't';
		$run->pump_nb;
		last unless $run->pumpable;
		usleep(2_000);
	}
	$crash{$how}->();
	$run->finish;
	$node->poll_query_until('postgres', 'SELECT true') or die 'the server does not come back';

	# what is quick may have ended before it was killed
	my $in_the_middle = $err =~ /server closed the connection|terminating connection/ ? 'in the middle' : 'too late';
	my $left = $node->safe_psql('postgres', 'SELECT count(*) FROM shop.team_delta');
	note("$what, $how: $in_the_middle, $left of $changes changes left");
	if ($ready eq 'sleeping')
	{
		is("$in_the_middle, $left", "in the middle, $changes", "$what, $how: nothing has happened");
	}
	is(totals('shop'), $before, "$what, $how: totals are those of before");
	is($node->safe_psql('postgres', q{SELECT * FROM distributor.audit('shop')}), '', "$what, $how: the audit has nothing to say");
	return;
}

make_program('shop');
for my $how (sort keys %crash)
{
	crash_during($how, @$_) for @killed;
	my $before = totals('shop');
	$node->safe_psql('postgres', "CALL distributor.fold('shop')");
	is($node->safe_psql('postgres', 'SELECT (SELECT count(*) FROM shop.team_delta), delta_generation - folded_generation FROM shop.program'),
		'0|1', "$how: folding goes on to its end");
	is(totals('shop'), $before, "$how: and changes no total");
	is($node->safe_psql('postgres', q{SELECT * FROM distributor.audit('shop')}), '', "$how: the audit agrees");
}

# Folding, writing and reading at once.

my @programs = qw(anna ben);
make_program($_) for @programs;

# What every reader must see in any snapshot: nothing.
sub faults_sql
{
	my ($name) = @_;
	return qq{
		SELECT m.member_id, t.*, p.*
		FROM (SELECT member_id FROM $name.member ORDER BY random() LIMIT 5) m
		CROSS JOIN (VALUES (NULL::date), ('2026-02-01')) d(month)
		CROSS JOIN LATERAL (
			SELECT count(*) AS sales, coalesce(sum(s.amount - coalesce(b.amount, 0)), 0) AS volume
			FROM $name.sale s
			LEFT JOIN LATERAL (SELECT sum(r.amount) AS amount FROM $name.refund_posting r WHERE r.sale_id = s.sale_id) b ON true
			WHERE m.member_id = ANY (s.path::bigint[]) AND (d.month IS NULL OR date_trunc('month', s.occurred_at, 'UTC') = d.month)) p
		CROSS JOIN LATERAL (SELECT count(*) AS people FROM $name.member o WHERE m.member_id = ANY (o.path::bigint[])) n
		CROSS JOIN LATERAL distributor.team_total('$name', m.member_id, d.month) t
		WHERE (t.sales, t.volume) IS DISTINCT FROM (p.sales, p.volume) OR (d.month IS NULL AND t.people <> n.people)};
}

my $next_user = $members;

sub some_change
{
	my ($name) = @_;
	my $dice = rand();
	my ($any, $other) = map { 1 + int(rand($members)) } 1 .. 2;
	return orders_sql($name, 1 + int(rand(20))) if $dice < 0.5;
	return "INSERT INTO ${name}_users VALUES (" . ++$next_user . ", $any)" if $dice < 0.7;
	return "UPDATE ${name}_users SET up = $other WHERE id = $any" if $dice < 0.8;
	my $order = 1 + int(rand($next_order));
	return "SELECT distributor.record_refund('$name', '$order', 'r$order', 0.01)";
}

sub start_script
{
	my ($what, @sql) = @_;
	my $base = "$PostgreSQL::Test::Utils::tmp_check/$what";
	open my $fh, '>', "$base.sql" or die "$base.sql: $!";
	print $fh "\\set VERBOSITY verbose\n\\pset tuples_only on\nSET client_min_messages = warning;\n", map { "$_;\n" } @sql;
	close $fh;
	return {
		what => $what,
		base => $base,
		run => IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-f', "$base.sql" ],
			'<', \undef, '>', "$base.out", '2>', "$base.err")
	};
}

# A move below oneself; a deadlock, or a lock that took too long to get.
sub unexpected
{
	my ($file) = @_;
	return join "\n", grep { /(?:ERROR|FATAL|PANIC|WARNING):/ && !/ERROR:  (?:23514|40P01|55P03):/ } split /\n/, slurp_file($file);
}

my @scripts;
for my $name (@programs)
{
	push @scripts, map { start_script("${name}_writes$_", map { some_change($name) } 1 .. 200) } 1 .. 2;
	push @scripts, map { start_script("${name}_folds$_", ("CALL distributor.fold('$name', 100)", 'SELECT pg_sleep(0.002)') x 40) } 1 .. 2;
	push @scripts, start_script("${name}_reads1", (faults_sql($name)) x 40);
	my $two = "SELECT member_id, people, sales, volume FROM $name.member, distributor.team_total('$name', member_id) WHERE member_id <= 50";
	push @scripts, start_script("${name}_reads2", (
			'BEGIN ISOLATION LEVEL REPEATABLE READ', faults_sql($name), "CREATE TEMPORARY TABLE first ON COMMIT DROP AS $two",
			'SELECT pg_sleep(0.02)', "($two EXCEPT TABLE first) UNION ALL (TABLE first EXCEPT $two)", faults_sql($name), 'COMMIT') x 20);
}
for my $script (@scripts)
{
	$script->{run}->finish;
	is(unexpected("$script->{base}.err"), '', "$script->{what}: no unexpected error (seed $seed)");
	next unless $script->{what} =~ /reads/;
	is(join("\n", grep { /\|/ } split /\n/, slurp_file("$script->{base}.out")), '', "$script->{what}: totals are the plain sums (seed $seed)");
}
for my $name (@programs)
{
	cmp_ok($node->safe_psql('postgres', "SELECT folded_generation FROM $name.program"), '>', 5, "$name: was folded again and again");
	is($node->safe_psql('postgres', "SELECT * FROM distributor.audit('$name')"), '', "$name: the audit has nothing to say (seed $seed)");
	my $before = totals($name);
	$node->safe_psql('postgres', "CALL distributor.fold('$name')");
	is($node->safe_psql('postgres', "SELECT count(*) FROM $name.team_delta"), '0', "$name: everything is folded");
	is(totals($name), $before, "$name: and no total changes by it");
	is($node->safe_psql('postgres', "SELECT * FROM distributor.audit('$name')"), '', "$name: nor has it afterwards");
}

$node->stop;
done_testing();
