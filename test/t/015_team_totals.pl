# Writers join, move, leave, come back, order, change and refund orders, fold
# and build totals anew, at both isolation levels, in transactions of several
# steps of which some are taken back and some sessions are ended.  Meanwhile,
# and after the server was killed, team totals, rollups and the aggregate in
# parts say what naive recursion says in the same snapshot (test/plain/totals.sql).
#
#	DISTRIBUTOR_ROUNDS=N	rounds, each ended by kill -9; 2 short ones if not set
#	DISTRIBUTOR_SEED=N		repeats what the writers send (not when)
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use DistributorTest;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $rounds = $ENV{DISTRIBUTOR_ROUNDS} || 2;
my $seconds = $ENV{DISTRIBUTOR_ROUNDS} ? 5 : 2;
my $seed = $ENV{DISTRIBUTOR_SEED} || int(time) % 1_000_000;
my $writers = 5;

srand($seed);
note("DISTRIBUTOR_SEED=$seed DISTRIBUTOR_ROUNDS=$rounds");

my $node = new_node('totals');
$node->append_conf('postgresql.conf', "deadlock_timeout = 20ms\nlog_min_messages = panic\njit = off\nmax_parallel_workers_per_gather = 0\n");
$node->restart;

# A shop of its own for a few rounds: what it holds stays small.
my $db;
my ($next_order, $next_user, $next_refund);
my @mine;    # orders of the script that is being written

sub new_shop
{
	my ($nr) = @_;
	$node->safe_psql('postgres', "DROP DATABASE $db") if defined $db;
	$db = "shop$nr";
	($next_order, $next_user, $next_refund) = (1000, 200, 0);
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	attach_shop($node, $db);
	$node->safe_psql($db, q{
		ALTER TABLE users DROP CONSTRAINT users_inviter_id_fkey;
		ALTER TABLE orders DROP CONSTRAINT orders_buyer_id_fkey;
		SELECT distributor.alter_program('shop', sale_change => 'repost');
		SELECT distributor.keep_team_totals('shop')});
	$node->safe_psql($db, PostgreSQL::Test::Utils::slurp_file("$FindBin::RealBin/../plain/totals.sql") =~ s/^\\set.*$//mr);
	return;
}

# What writers send.


sub pick { return $_[ rand @_ ] }
sub any_user { return 1 + int(rand($next_user)) }
sub some_user { return sprintf '(SELECT id FROM users WHERE id %% 150 >= %d ORDER BY id %% 150, id LIMIT 1)', rand(140) }
sub some_order { return rand() < 0.7 && @mine ? $mine[ -1 - int(rand(@mine < 15 ? @mine : 15)) ] : 1 + int(rand(rand() < 0.5 ? 500 : $next_order)) }
sub some_time { return sprintf q{'%d-%02d-%02d %02d:30+00'}, pick(2025, 2026), 1 + rand(12), 1 + rand(28), rand(24) }

sub some_step
{
	my $dice = rand();
	return sprintf 'INSERT INTO users VALUES (%d, %s)', ++$next_user, rand() < 0.05 ? 'NULL' : some_user() if $dice < 0.14;
	if ($dice < 0.40)
	{
		push @mine, ++$next_order;
		return sprintf q{INSERT INTO orders VALUES (%d, %s, %.2f, '%s', %s)}, $next_order, some_user(), rand(50), pick('paid', 'paid', 'done', 'open'), some_time();
	}
	return sprintf q{SELECT distributor.record_sale('shop', 'call %d', %s, %.1f, %s, %s)}, ++$next_order, some_user(), rand(50), pick('NULL', q{'USD'}), some_time()
	  if $dice < 0.45;
	return sprintf q{SELECT distributor.record_refund('shop', '%d', 'R%d', %s)}, some_order(), ++$next_refund, pick('NULL', 0.01, 1, 7.5)
	  if $dice < 0.53;
	return sprintf q{UPDATE orders SET status = 'refunded' WHERE id = %d AND status <> 'open'}, some_order() if $dice < 0.56;
	return sprintf q{UPDATE orders SET status = 'paid' WHERE id BETWEEN %d AND %1$d + 20 AND status = 'open'}, some_order() if $dice < 0.59;
	return sprintf q{UPDATE orders SET amount = %.2f, buyer_id = %s, paid_at = %s WHERE id = %d AND status <> 'refunded'}, rand(50), some_user(), some_time(), some_order()
	  if $dice < 0.67;
	return sprintf q{UPDATE users SET inviter_id = %s WHERE id = %s}, rand() < 0.05 ? 'NULL' : some_user(), some_user() if $dice < 0.80;
	return sprintf q{DELETE FROM users WHERE id = %d}, any_user() if $dice < 0.82;
	return sprintf q{INSERT INTO users SELECT member_id, %s FROM shop.member WHERE state = 'left' LIMIT 1}, rand() < 0.5 ? 'sponsor_id' : some_user() if $dice < 0.84;
	return sprintf q{SELECT distributor.fold_team('shop', %d)}, pick(1, 7, 100, 10000) if $dice < 0.97;
	return q{SELECT distributor.keep_team_totals('shop') WHERE pg_try_advisory_xact_lock(1)} if $dice < 0.985;
	return sprintf q{SELECT distributor.keep_team_totals('shop', %s) WHERE pg_try_advisory_xact_lock(1)}, pick(q{'day'}, q{'week'}, q{'quarter'}, q{'year'}, 'NULL');
}

my $faults = q{SELECT 'FAULT', * FROM plain.fault LIMIT 3};

# A step, several in a transaction, a fold from outside of one.
sub some_transaction
{
	my $dice = rand();
	return some_step() . ";\n" if $dice < 0.4;
	return sprintf "CALL distributor.fold('shop', %d);\n", pick(1, 20, 10000) if $dice < 0.5;
	my $repeatable = rand() < 0.3;
	my $sql = 'BEGIN' . ($repeatable ? ' ISOLATION LEVEL REPEATABLE READ' : '') . ";\n";
	# its own changes are by the periods of today, the totals that it sees by
	# those of its snapshot: nobody changes them meanwhile
	$sql = "SET lock_timeout = 0;\nSELECT pg_advisory_lock_shared(1) \\g /dev/null\nSET lock_timeout = '2 s';\n$sql" if $repeatable;
	for (1 .. 1 + rand(5))
	{
		my $step = some_step();
		$step = "SAVEPOINT s;\n$step;\nROLLBACK TO s" if rand() < 0.15;
		$sql .= "$step;\n";
		$sql .= sprintf "SELECT pg_sleep(%f) \\g /dev/null\n", rand(0.03) if rand() < 0.2;
		$sql .= "$faults;\n" if rand() < 0.05;
	}
	$sql .= rand() < 0.2 ? "ROLLBACK;\n" : "COMMIT;\n";
	$sql .= "SELECT pg_advisory_unlock_shared(1) \\g /dev/null\n" if $repeatable;
	return $sql;
}

my $scripts = 0;

sub start_writer
{
	@mine = ();
	my $base = sprintf '%s/writer%d', $PostgreSQL::Test::Utils::tmp_check, ++$scripts;
	PostgreSQL::Test::Utils::append_to_file("$base.sql", join '', "\\set VERBOSITY verbose\n\\set ON_ERROR_ROLLBACK " . pick('on', 'off') . "\nSET lock_timeout = '2 s';\n", map { some_transaction() } 1 .. 200);
	my $run = IPC::Run::start([ 'psql', '-X', '-q', '-At', '-d', $node->connstr($db), '-f', "$base.sql" ],
		'<', \undef, '>', "$base.out", '2>', "$base.err");
	return { run => $run, base => $base };
}

my %seen;        # how often each error
my @surprise;    # faults that writers saw, and errors that nobody expects

sub finish_writer
{
	my ($writer) = @_;
	$writer->{run}->finish;
	my $before = @surprise;
	push @surprise, grep { /FAULT/ } split /\n/, slurp_file("$writer->{base}.out");
	for (split /\n/, slurp_file("$writer->{base}.err"))
	{
		next unless /(?:ERROR|FATAL|PANIC):  (\w{5}): (.*)/;
		$seen{$1}++;

		# what does not fit; what is not there; too late or too long; what a level
		# of isolation refuses; sessions that are ended, and their server
		push @surprise, $_ unless $1 =~ /^(?:23503|23505|23514|25P02|3B001|40001|40P01|55000|55P03|0A000|57P0[123])$/;
	}
	unlink map { "$writer->{base}.$_" } qw(sql out err) if @surprise == $before;
	return;
}

# In one snapshot nothing changes, whatever is folded or built anew beside it.
my $one_snapshot = q{
	BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
	SELECT 'FAULT', * FROM plain.fault LIMIT 5;
	SELECT pg_sleep(%f) \g /dev/null
	SELECT 'FAULT later', * FROM plain.fault LIMIT 5;
	COMMIT;};

# Its processes end by themselves, and until then no other server can start.
sub kill_server
{
	my @pids = split /\n/, $node->safe_psql($db, 'SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()');
	$node->kill9;
	for (1 .. 300)
	{
		last unless kill 0, @pids;
		usleep(100_000);
	}
	$node->start;
	return;
}

for my $round (1 .. $rounds)
{
	new_shop($round) if $round % 5 == 1;
	my @writer = map { start_writer() } 1 .. $writers;
	my ($snapshots, $ended, @fault) = (0, 0);
	my $until = time + $seconds;
	while (time < $until)
	{
		push @fault, $node->safe_psql($db, sprintf $one_snapshot, rand(0.4));
		$snapshots++;
		if (rand() < 0.4)
		{
			$ended += $node->safe_psql($db, q{
				SELECT count(pg_terminate_backend(pid)) FROM
					(SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1) s});
		}
		for (@writer)
		{
			next if $_->{run}->pumpable;
			finish_writer($_);
			$_ = start_writer();
		}
	}
	kill_server();
	finish_writer($_) for @writer;
	is(join('', @fault), '', "round $round: in $snapshots snapshots beside $writers writers, $ended of them ended, all agree (seed $seed)");
	is($node->safe_psql($db, 'SELECT * FROM plain.fault LIMIT 5'), '', "round $round: and after the server was killed (seed $seed)");
	is($node->safe_psql($db, q{SELECT * FROM distributor.audit('shop')}), '', "round $round: audit finds nothing (seed $seed)");
	$node->safe_psql($db, q{SELECT distributor.keep_team_totals('shop') WHERE (SELECT total_period IS NULL FROM shop.program); CALL distributor.fold('shop')});
	is($node->safe_psql($db, 'SELECT * FROM plain.fault LIMIT 5'), '', "round $round: and when all is folded (seed $seed)");
	is($node->safe_psql($db, 'SELECT count(*) FROM shop.team_delta'), '0', "round $round: nothing is left to fold (seed $seed)");
	is(join("\n", splice @surprise), '', "round $round: no writer saw a fault, or an error that it should not see (seed $seed)");
}
note(join ', ', map { "$seen{$_} of $_" } sort keys %seen);
note($node->safe_psql($db, q{
	SELECT format('%s members, %s moves, %s sales, %s changed, %s refunds', (SELECT count(*) FROM shop.member), (SELECT count(*) FROM shop.member_history WHERE change = 'move'),
		(SELECT count(*) FROM shop.sale), (SELECT count(*) FROM shop.sale WHERE revision > 1), (SELECT count(*) FROM shop.refund_posting))}));

$node->stop;
done_testing();
