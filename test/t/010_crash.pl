# Six clients join, move, change ranks and order, each order more than once and
# by table as well as by call, until a backend is killed or the server stops at
# once.  What was acknowledged is there, once; what was not is sent again.
#
#	DISTRIBUTOR_ROUNDS=N	crashes, 2 if not set
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

my $rounds = $ENV{DISTRIBUTOR_ROUNDS} || 2;
my $seed = $ENV{DISTRIBUTOR_SEED} || time % 1_000_000;
my $clients = 6;
my $statements = 5000;    # of each client in a round, more than it gets to
my $members = 200;        # that are there from the beginning

srand($seed);
note("DISTRIBUTOR_SEED=$seed DISTRIBUTOR_ROUNDS=$rounds");

my $node = new_node('crash');
$node->append_conf('postgresql.conf', "restart_after_crash = on\ndeadlock_timeout = 50ms\nlog_min_messages = warning\n");
$node->restart;
attach_shop($node, 'postgres');

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
					FROM shop.ledger l WHERE l.source_id = s.sale_id ORDER BY 1)
		   <> ARRAY(SELECT ROW(c.rule, c.level, c.member_id, c.amount)::text
					FROM commissions(p.document, s.path, s.amount, s.currency, s.path_states) c ORDER BY 1)},
	'every entry belongs to a sale' => q{
		SELECT l.entry_id FROM shop.ledger l
		WHERE NOT EXISTS (SELECT FROM shop.sale s WHERE s.sale_id = l.source_id)},
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

# Orders: the content of one follows from its key.

my $next_key = 1000;
my %sent;     # keys that clients have sent
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
	$sent{$key} = 1;
	return $key;
}

sub order_sql
{
	my ($key, $by_call) = @_;
	my ($member, $amount) = order_content($key);
	my $time = sprintf("'2026-03-01Z'::timestamptz + '%d s'", $key);
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

# A statement (or several in one transaction), and the order that it acknowledges.
sub some_statement
{
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
		return ("INSERT INTO users VALUES ($next_user, 1)\\; " . order_sql($key, $dice < 0.45), $key);
	}
	return (order_sql($key, $dice < 0.70), $key);
}

sub write_script
{
	my ($file, $count) = @_;
	my $script = "\\set VERBOSITY verbose\n\\pset tuples_only on\n\\o /dev/null\n";
	for (1 .. $count)
	{
		my ($sql, $key) = some_statement();
		$script .= "$sql;\n";
		$script .= "\\if :ERROR\n\\else\n\\echo acknowledged $key\n\\endif\n" if defined $key;
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
		$acked{$1} = 1 if /^acknowledged (\d+)$/;
	}
	for (split /\n/, slurp_file("$client->{base}.err"))
	{
		next unless /(?:ERROR|FATAL|PANIC|WARNING):  (\w{5}): (.*)/;
		$seen->{$1}++;

		# a move below oneself, a deadlock, a move that waited too long; the crash
		push @unexpected, $_ unless $1 =~ /^(?:23514|40P01|55P03|57P0[123])$/;
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

for my $round (1 .. $rounds)
{
	my ($how, $crash) = $round % 2 ? ('a killed backend', \&kill_backend) : ('an immediate stop', \&stop_immediately);
	my $when = "round $round, $how";
	my %seen;
	my @unexpected;
	my @base = map { "$PostgreSQL::Test::Utils::tmp_check/round${round}_client$_" } 1 .. $clients;
	write_script("$_.sql", $statements) for @base;
	my @load = map { start_client($_) } @base;

	usleep(300_000 + int(rand(700_000)));
	$crash->();
	push @unexpected, finish_client($_, \%seen) for @load;
	ok($seen{'lost connection'}, "$when: clients were at work");
	$node->poll_query_until('postgres', 'SELECT true') or die 'the server does not come back';
	is(join("\n", @unexpected), '', "$when: no client saw an unexpected error (seed $seed)");
	note(join ', ', "$when: " . keys(%acked) . ' orders acknowledged', map { "$seen{$_} of $_" } sort keys %seen);

	check_invariants($when);
	my $keys = join ',', sort keys %acked;
	is( $node->safe_psql(
			'postgres',
			"SELECT k.key FROM unnest('{$keys}'::text[]) k(key) WHERE NOT EXISTS (SELECT FROM shop.sale s WHERE s.order_key = k.key)"),
		'', "$when: every acknowledged order is posted (seed $seed)");
}
cmp_ok(scalar keys %acked, '>', 0, 'orders were acknowledged');

# Clients send again what was acknowledged and what was not; all is there, once.

my @all = sort keys %acked;
my @unknown = grep { !$acked{$_} } sort keys %sent;
push @all, @unknown > 2000 ? @unknown[ 0 .. 1999 ] : @unknown;
my $values = join(', ', map { sprintf "('%s', %s, %s)", $_, order_content($_) } @all);
$node->safe_psql(
	'postgres', qq{
	CREATE TABLE resent AS
		SELECT key, member::bigint AS member, amount, '2026-03-01Z'::timestamptz + key::int * interval '1 s' AS time
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

$node->stop;
done_testing();
