# Six clients join, move, change ranks, order, refund, ask for payouts, settle
# and fail them, fold, and build team totals anew, each order, refund and payout
# more than once, orders by table as well as by call, until a backend or the
# postmaster is killed or the server stops at once.  What was acknowledged is
# there, once; what was not is sent again.
#
#	DISTRIBUTOR_ROUNDS=N	crashes, 3 if not set
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

my $rounds = $ENV{DISTRIBUTOR_ROUNDS} || 3;
my $seed = $ENV{DISTRIBUTOR_SEED} || time % 1_000_000;
my $clients = 6;
my $statements = 2000;    # of each client in a round, more than it gets to
my $members = 200;        # that are there from the beginning

srand($seed);
note("DISTRIBUTOR_SEED=$seed DISTRIBUTOR_ROUNDS=$rounds");

my $node = new_node('crash');
$node->append_conf('postgresql.conf', "restart_after_crash = on\ndeadlock_timeout = 50ms\nlog_min_messages = warning\n");
$node->restart;
attach_shop($node, 'postgres');
$node->safe_psql('postgres', q{
	SELECT distributor.keep_team_totals('shop');
	SELECT distributor.set_payout_terms('shop', 'CNY', fee_rate => 0.01, tax => '[{"over": 0, "rate": 0.1}]')});

# Invariants.  Each is a query that returns no rows.

my %never = (
	'every path is the path of the sponsor and the member' => q{
		SELECT m.member_id, m.path, s.path
		FROM shop.member m LEFT JOIN shop.member s ON s.member_id = m.sponsor_id
		WHERE m.path <> refpath_append(coalesce(s.path, ''), m.member_id)},
	'the tree is that of the table' => q{
		SELECT u.id, u.inviter_id, m.member_id, m.sponsor_id
		FROM users u FULL JOIN shop.member m ON m.member_id = u.id
		WHERE u.id IS NULL OR m.member_id IS NULL OR m.sponsor_id IS DISTINCT FROM u.inviter_id},
	'every history has no gap and ends with the member' => q{
		SELECT m.member_id, h.n, h.last
		FROM shop.member m
		CROSS JOIN LATERAL (SELECT count(*) AS n, max(h.revision) AS last
							FROM shop.member_history h WHERE h.member_id = m.member_id) h
		WHERE h.n IS DISTINCT FROM h.last
		   OR NOT EXISTS (SELECT FROM shop.member_history c
						  WHERE c.member_id = m.member_id AND c.revision = h.last
							AND ROW(c.sponsor_id, c.state, c.rank) IS NOT DISTINCT FROM ROW(m.sponsor_id, m.state, m.rank))},
	'every sale has the ledger rows that are computed from it' => q{
		SELECT s.order_key
		FROM shop.sale s JOIN shop.plan p ON p.version = s.plan_version
		WHERE ARRAY(SELECT ROW(l.rule, l.level, l.member_id, l.amount)::text
					FROM shop.ledger l WHERE l.source = 'sale' AND l.source_id = s.sale_id ORDER BY 1)
		   <> ARRAY(SELECT ROW(c.rule, c.level, c.member_id, c.amount)::text
					FROM commissions(p.document, s.path, s.amount, s.currency, s.path_states) c ORDER BY 1)},
	'every entry has its door' => q{
		SELECT l.entry_id, l.source FROM shop.ledger l
		WHERE NOT CASE l.source
			WHEN 'sale' THEN EXISTS (SELECT FROM shop.sale s WHERE s.sale_id = l.source_id)
			WHEN 'refund' THEN EXISTS (SELECT FROM shop.refund_posting r WHERE r.refund_id = l.source_id)
			WHEN 'payout' THEN EXISTS (SELECT FROM shop.payout p WHERE p.payout_id = l.source_id)
			WHEN 'payout_failure' THEN EXISTS (SELECT FROM shop.payout_failure f WHERE f.payout_id = l.source_id)
			ELSE false END},
	'every payout has taken its amount, and a failed one returned it' => q{
		SELECT p.payout_key, l.source, l.amount
		FROM shop.payout p
		CROSS JOIN (VALUES ('payout', -1), ('payout_failure', 1)) k(source, sign)
		CROSS JOIN LATERAL (SELECT k.source, coalesce(sum(l.amount), 0) AS amount
							FROM shop.ledger l WHERE l.source = k.source AND l.source_id = p.payout_id) l
		WHERE l.amount <> CASE WHEN k.sign < 0 THEN - p.amount
							   WHEN EXISTS (SELECT FROM shop.payout_failure f WHERE f.payout_id = p.payout_id) THEN p.amount
							   ELSE 0 END},
	'checkpoints, and what is held, are the ledger that is folded' => q{
		SELECT * FROM (
			SELECT member_id, currency, sum(amount) AS amount FROM (
				SELECT member_id, currency, available AS amount FROM shop.account
				UNION ALL SELECT member_id, currency, amount FROM shop.held
				UNION ALL SELECT member_id, currency, - amount FROM shop.ledger
					WHERE entry_id <= (SELECT folded_through FROM shop.program)) each
			GROUP BY 1, 2) sums
		WHERE amount <> 0},
	'every balance is the sum of the ledger' => q{
		SELECT member_id, b.balance, l.amount
		FROM (SELECT member_id, sum(amount) AS amount FROM shop.ledger GROUP BY 1) l
		FULL JOIN (SELECT member_id, balance FROM shop.balance WHERE currency = 'CNY') b USING (member_id)
		WHERE coalesce(b.balance, 0) <> coalesce(l.amount, 0)},
	'audit' => q{SELECT * FROM distributor.audit('shop')},
	'every order of the table has a sale of its content' => q{
		SELECT o.id FROM orders o LEFT JOIN shop.sale s ON s.order_key = o.id::text
		WHERE ROW(o.buyer_id, o.amount, o.paid_at) IS DISTINCT FROM ROW(s.member_id, s.amount, s.occurred_at)},
);

sub check_invariants
{
	my ($when) = @_;
	for my $what (sort keys %never)
	{
		is($node->safe_psql('postgres', "SET search_path = public, distributor; $never{$what} LIMIT 5"),
			'', "$when: $what (seed $seed)");
	}
	return;
}

# The content of an order, a refund or a payout follows from its key.

my $next_key = 1000;
my %sent;     # by kind: keys that clients have sent
my %acked;    # ... and that were acknowledged to one of them

sub order_content
{
	my ($key) = @_;
	return (1 + $key * 7919 % $members, sprintf('%.2f', 1 + $key * 31 % 10007 / 100));
}

# One that may have been sent before, by this or another client.
sub some_order
{
	my $key = rand() < 0.6 ? ++$next_key : $next_key - int(rand(30));
	$sent{order}{$key} = 1;
	return $key;
}

# Of what may have been sent before; some come before their order.
sub some_refund
{
	my $key = $next_key - int(rand(60)) + 5;
	$sent{refund}{$key} = 1;
	return $key;
}

# Clients ask for the same payouts at about the same time.
my $position = 0;

sub some_payout
{
	my $key = int($position / 4) + int(rand(10));
	$sent{payout}{$key} = 1;
	return $key;
}

sub refund_sql
{
	my ($key) = @_;
	my $amount = $key % 3 ? sprintf('%.2f', $key % 7 / 10 + 0.01) : 'NULL';
	return "SELECT distributor.record_refund('shop', '$key', 'r$key', $amount)";
}

sub payout_sql
{
	my ($key) = @_;
	return sprintf("SELECT distributor.request_payout('shop', %d, %.2f, 'p%s')",
		1 + $key * 31 % 40, (1 + $key % 50) / 100, $key);
}

sub order_sql
{
	my ($key, $by_call) = @_;
	my ($member, $amount) = order_content($key);
	my $time = sprintf("'2020-03-01Z'::timestamptz + '%d s'", $key);
	return "SELECT distributor.record_sale('shop', '$key', $member, $amount, occurred_at => $time)"
	  if $by_call;
	return "INSERT INTO orders VALUES ($key, $member, $amount, 'paid', $time) ON CONFLICT DO NOTHING";
}

# What clients send.

my $next_user = 10_000;

sub any_user
{
	return rand() < 0.7 || $next_user == 10_000
	  ? 1 + int(rand($members))
	  : 10_001 + int(rand($next_user - 10_000));
}

# What happens to money after it is earned.
sub some_money
{
	my $dice = rand();
	if ($dice < 0.4)
	{
		my $key = some_refund();
		return (refund_sql($key), "refund $key");
	}
	if ($dice < 0.75)
	{
		my $key = some_payout();
		return (payout_sql($key), "payout $key");
	}
	return ("CALL distributor.fold('shop', " . (qw(5 100 10000))[ rand(3) ] . ')') if $dice < 0.82;
	return ("SELECT distributor.fold_team('shop', 50)") if $dice < 0.846;
	return ("SELECT distributor.keep_team_totals('shop', '" . (qw(day month))[ rand(2) ] . "')") if $dice < 0.85;
	my $payout = 'p' . (int($position / 4) - int(rand(10)));
	return ("SELECT distributor.settle_payout('shop', '$payout', 'bank', '2026-01-01Z')") if $dice < 0.93;
	return ("SELECT distributor.fail_payout('shop', '$payout', 'returned')");
}

# A statement (or several in one transaction), and what it acknowledges.
sub some_statement
{
	return some_money() if rand() < 0.4;
	my $dice = rand();
	if ($dice < 0.25)
	{
		++$next_user;
		return ("INSERT INTO users SELECT $next_user, id FROM users WHERE id = " . any_user());
	}
	my $move = 'UPDATE users u SET inviter_id = s.id FROM users s WHERE s.id = ' . any_user() . ' AND u.id = ' . any_user();
	return ($move) if $dice < 0.31;
	return ('INSERT INTO users VALUES (' . ++$next_user . ", 1)\\; $move") if $dice < 0.32;
	return (sprintf("SELECT distributor.set_rank('shop', %d, '%s')", 1 + int(rand($members)), (qw(silver gold))[ rand(2) ]))
	  if $dice < 0.40;

	my $key = some_order();
	if ($dice < 0.50)
	{
		++$next_user;
		return ("INSERT INTO users VALUES ($next_user, 1)\\; " . order_sql($key, $dice < 0.45), "order $key");
	}
	return (order_sql($key, $dice < 0.70), "order $key");
}

sub write_script
{
	my ($file, $round, $count) = @_;
	my $script = "\\set VERBOSITY verbose\n\\pset tuples_only on\n\\o /dev/null\n";
	for my $nth (1 .. $count)
	{
		$position = $round * $count + $nth;
		my ($sql, $what) = some_statement();
		$script .= "$sql;\n";
		$script .= "\\if :ERROR\n\\else\n\\echo acknowledged $what\n\\endif\n" if defined $what;
	}
	open my $fh, '>', $file or die "$file: $!";
	print $fh $script;
	close $fh;
	return;
}

# The load, and what becomes of it.

sub start_client
{
	my ($base) = @_;
	my $run = IPC::Run::start(
		[ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-f', "$base.sql" ],
		'<', \undef, '>', "$base.out", '2>', "$base.err");
	return { run => $run, base => $base };
}

# Sums of the errors that clients may see; others are returned as they are.
sub finish_client
{
	my ($client, $seen) = @_;
	my @unexpected;
	$client->{run}->finish;
	$seen->{'lost connection'}++ if $client->{run}->full_result != 0;
	for (split /\n/, slurp_file("$client->{base}.out"))
	{
		$acked{$1}{$2} = 1 if /^acknowledged (\w+) (\d+)$/;
	}
	for (split /\n/, slurp_file("$client->{base}.err"))
	{
		next unless /(?:ERROR|FATAL|PANIC|WARNING):  (\w{5}): (.*)/;
		$seen->{$1}++;

		# a move below oneself, a refund or payout of more than there is; a payout
		# that is not there, or has failed; a deadlock, a move that waited too
		# long, a fold beside another; the crash
		push @unexpected, $_
		  unless $1 =~ /^(?:23514|40P01|55P03|57P0[123])$/
		  or $2 =~ /^payout "p\d+" (?:does not exist|has failed)/;
	}
	return @unexpected;
}

sub kill_backend
{
	my $pid = $node->safe_psql(
		'postgres', q{
		SELECT pid FROM pg_stat_activity
		WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
		ORDER BY random() LIMIT 1});
	kill 'KILL', $pid if $pid ne '';
	return;
}

sub stop_immediately
{
	$node->stop('immediate');
	$node->start;
	return;
}

# Its processes end by themselves, and until then no other server can start.
sub kill_postmaster
{
	my @pids = split /\n/, $node->safe_psql('postgres', 'SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()');
	$node->kill9;
	for (1 .. 300)
	{
		last unless kill 0, @pids;
		usleep(100_000);
	}
	$node->start;
	return;
}

# Everything that was acknowledged is there, once.
sub all_there
{
	my ($kind, $rows, $when) = @_;
	my $keys = join ',', sort keys %{ $acked{$kind} };
	is( $node->safe_psql(
			'postgres', "SELECT k.key FROM unnest('{$keys}'::text[]) k(key) WHERE (SELECT count(*) FROM $rows) <> 1"),
		'', "$when: every acknowledged $kind is there (seed $seed)");
	return;
}

for my $round (1 .. $rounds)
{
	my ($how, $crash) = @{ (
			[ 'a killed postmaster', \&kill_postmaster ],
			[ 'a killed backend', \&kill_backend ],
			[ 'an immediate stop', \&stop_immediately ])[ $round % 3 ] };
	my $when = "round $round, $how";
	my %seen;
	my @unexpected;
	my @base = map { "$PostgreSQL::Test::Utils::tmp_check/round${round}_client$_" } 1 .. $clients;
	write_script("$_.sql", $round, $statements) for @base;
	my @load = map { start_client($_) } @base;

	usleep(300_000 + int(rand(700_000)));
	$crash->();
	push @unexpected, finish_client($_, \%seen) for @load;
	ok($seen{'lost connection'}, "$when: clients were at work");
	$node->poll_query_until('postgres', 'SELECT true') or die 'the server does not come back';
	is(join("\n", @unexpected), '', "$when: no client saw an unexpected error (seed $seed)");
	note(join ', ', "$when: acknowledged " . join(', ', map { keys(%{ $acked{$_} }) . " ${_}s" } sort keys %acked),
		map { "$seen{$_} of $_" } sort keys %seen);

	check_invariants($when);
	all_there('order', "shop.sale WHERE order_key = k.key", $when);
	all_there('refund', "shop.refund WHERE refund_key = 'r' || k.key", $when);
	all_there('payout', "shop.payout WHERE payout_key = 'p' || k.key", $when);
}

# Clients send again what was acknowledged and what was not; all is there, once.

for my $kind (qw(order refund payout))
{
	cmp_ok(scalar keys %{ $acked{$kind} }, '>', 0, "${kind}s were acknowledged");
}
my @all = sort keys %{ $acked{order} };
my @unknown = grep { !$acked{order}{$_} } sort keys %{ $sent{order} };
push @all, @unknown > 2000 ? @unknown[ 0 .. 1999 ] : @unknown;
my $values = join(', ', map { sprintf "('%s', %s, %s)", $_, order_content($_) } @all);
$node->safe_psql(
	'postgres', qq{
	CREATE TABLE resent AS
		SELECT key, member::bigint AS member, amount, '2020-03-01Z'::timestamptz + key::int * interval '1 s' AS time
		FROM (VALUES $values) v(key, member, amount);
	INSERT INTO orders SELECT key::bigint, member, amount, 'paid', time FROM resent WHERE key::int % 2 = 0
		ON CONFLICT DO NOTHING;
	SELECT count(distributor.record_sale('shop', key, member, amount, occurred_at => time)) FROM resent;
});
check_invariants('at the end');
is( $node->safe_psql('postgres', q{SELECT count(*), count(DISTINCT s.order_key) FROM shop.sale s JOIN resent r ON r.key = s.order_key}),
	@all . '|' . @all, "at the end: every order is posted once (seed $seed)");
is( $node->safe_psql(
		'postgres', q{
		SELECT r.key FROM resent r JOIN shop.sale s ON s.order_key = r.key
		WHERE ROW(r.member, r.amount, r.time) IS DISTINCT FROM ROW(s.member_id, s.amount, s.occurred_at) LIMIT 5}),
	'', "at the end: with its content (seed $seed)");

# Refunds and payouts that were acknowledged, told again, change nothing.

my $before = program_rows($node, 'postgres', 'shop');
$node->safe_psql('postgres', join ";\n",
	(map { refund_sql($_) } sort keys %{ $acked{refund} }),
	(map { payout_sql($_) } sort keys %{ $acked{payout} }));
is(program_rows($node, 'postgres', 'shop'), $before,
	"at the end: what is told again changes nothing (seed $seed)");

$node->stop;
done_testing();
