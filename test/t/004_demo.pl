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

# The reports on these orders, against plain SQL over the shop's own tables: the
# tree by recursion, periods by hand.  Nobody has moved or given anything back.
my $tree = q{
	WITH RECURSIVE tree AS (
		SELECT id, inviter_id, joined_at, ARRAY[id] AS ids FROM users WHERE inviter_id IS NULL
		UNION ALL
		SELECT u.id, u.inviter_id, u.joined_at, t.ids || u.id FROM tree t JOIN users u ON u.inviter_id = t.id
	), sold AS (
		SELECT o.id AS order_id, o.buyer_id, o.amount, o.paid_at, t.ids FROM orders o JOIN tree t ON t.id = o.buyer_id
	)};
my $november = q{paid_at >= '2011-11-01' AND paid_at < '2011-12-01'};
my @reports = (
	[ 'team', q{SELECT member_id, level, personal_volume, team_volume FROM distributor.team('shop', 13370)},
		q{SELECT id, cardinality(ids) - array_position(ids, 13370), (SELECT coalesce(sum(amount), 0) FROM sold WHERE buyer_id = tree.id),
			(SELECT coalesce(sum(amount), 0) FROM sold s WHERE tree.id = ANY (s.ids)) FROM tree WHERE 13370 = ANY (ids)} ],
	[ 'team as of a day', q{SELECT member_id, level, personal_volume FROM distributor.team('shop', 13370, as_of => '2011-06-01')},
		q{SELECT id, cardinality(ids) - array_position(ids, 13370), (SELECT coalesce(sum(amount), 0) FROM sold WHERE buyer_id = tree.id AND paid_at <= '2011-06-01')
			FROM tree WHERE 13370 = ANY (ids) AND joined_at <= '2011-06-01'} ],
	[ 'team_by_level', q{SELECT level, members, joined, sales, volume FROM distributor.team_by_level('shop', 13370, period => '2011-11')},
		q{SELECT level, count(*), count(*) FILTER (WHERE joined_at >= '2011-11-01' AND joined_at < '2011-12-01'), sum(n), sum(volume)
			FROM (SELECT cardinality(ids) - array_position(ids, 13370) AS level, joined_at,
					(SELECT count(*) FROM sold WHERE buyer_id = tree.id AND } . $november . q{) AS n, (SELECT coalesce(sum(amount), 0) FROM sold WHERE buyer_id = tree.id AND } . $november . q{) AS volume
				FROM tree WHERE 13370 = ANY (ids)) x GROUP BY level} ],
	[ 'legs', q{SELECT member_id, size, deepest, sales, volume FROM distributor.legs('shop', 13047)},
		q{SELECT l.id, count(*), max(cardinality(t.ids)) - 1, (SELECT count(*) FROM sold WHERE l.id = ANY (sold.ids)), (SELECT coalesce(sum(amount), 0) FROM sold WHERE l.id = ANY (sold.ids))
			FROM tree l JOIN tree t ON l.id = ANY (t.ids) WHERE l.inviter_id = 13047 GROUP BY l.id} ],
	[ 'leaderboard by personal_volume', q{SELECT place, member_id, value FROM distributor.leaderboard('shop', 'personal_volume', '2011-11', NULL)},
		qq{SELECT rank() OVER (ORDER BY sum(amount) DESC), buyer_id, sum(amount) FROM sold WHERE $november GROUP BY buyer_id HAVING sum(amount) > 0} ],
	[ 'leaderboard by team_volume', q{SELECT place, member_id, value FROM distributor.leaderboard('shop', 'team_volume', '2011-11', NULL)},
		qq{SELECT rank() OVER (ORDER BY sum(amount) DESC), m, sum(amount) FROM sold, unnest(ids) AS m WHERE $november GROUP BY m HAVING sum(amount) > 0} ],
	[ 'leaderboard by commissions', q{SELECT place, member_id, value FROM distributor.leaderboard('shop', 'commissions', '2011-11', NULL)},
		qq{SELECT rank() OVER (ORDER BY sum(earned) DESC), m, sum(earned) FROM (SELECT ids[cardinality(ids) - level] AS m, round(amount * rate, 2) AS earned
			FROM sold, (VALUES (1, 0.10), (2, 0.05), (3, 0.02)) AS r(level, rate) WHERE $november AND cardinality(ids) > level) e GROUP BY m HAVING sum(earned) > 0} ],
	[ 'leaderboard by recruits in a team', q{SELECT place, member_id, value FROM distributor.leaderboard('shop', 'recruits', '2011', NULL, 16029)},
		q{SELECT rank() OVER (ORDER BY count(*) DESC), u.inviter_id, count(*) FROM users u JOIN tree t ON t.id = u.inviter_id AND 16029 = ANY (t.ids) WHERE u.joined_at >= '2011-01-01' AND u.joined_at < '2012-01-01' GROUP BY u.inviter_id} ],
	[ 'promoters', q{SELECT member_id, buyers, new_buyers, sales, volume FROM distributor.promoters('shop', period => '2011-11', max_rows => NULL)},
		qq{SELECT ids[cardinality(ids) - 1], count(DISTINCT buyer_id), count(DISTINCT buyer_id) FILTER (WHERE (SELECT min(e.paid_at) FROM orders e WHERE e.buyer_id = sold.buyer_id AND e.amount > 0) >= '2011-11-01'), count(*), sum(amount)
			FROM sold WHERE $november AND amount > 0 AND cardinality(ids) > 1 GROUP BY 1} ],
	[ 'region', q{SELECT value, buyers, sales, amount, refunded, volume FROM distributor.region('shop', 'country')},
		q{SELECT country, count(DISTINCT buyer_id) FILTER (WHERE amount > 0), count(*), sum(amount), 0, sum(amount) FROM orders GROUP BY country} ],
	[ 'growth', q{SELECT cohort, joined, recruited, activated, recruiters, recruits FROM distributor.growth('shop')},
		q{SELECT date_trunc('month', joined_at)::date, count(*), count(inviter_id), count(*) FILTER (WHERE EXISTS (SELECT FROM orders WHERE buyer_id = users.id AND amount > 0)),
			count(*) FILTER (WHERE EXISTS (SELECT FROM users r WHERE r.inviter_id = users.id)), sum((SELECT count(*) FROM users r WHERE r.inviter_id = users.id)) FROM users GROUP BY 1} ],
	[ 'retention', q{SELECT cohort, month, buyers FROM distributor.retention('shop', months => 6) WHERE buyers > 0},
		q{SELECT date_trunc('month', joined_at)::date, k, count(DISTINCT buyer_id) FROM users JOIN sold ON buyer_id = users.id AND amount > 0, generate_series(0, 6) k
			WHERE to_char(paid_at, 'YYYY-MM') = to_char(date_trunc('month', joined_at) + k * interval '1 month', 'YYYY-MM') GROUP BY 1, 2} ],
	[ 'inactive', q{SELECT member_id, last_sale_at FROM distributor.inactive('shop', since => '2011-06-01', max_rows => NULL)},
		q{SELECT id, l.at FROM users, LATERAL (SELECT max(paid_at) AS at FROM orders WHERE buyer_id = users.id AND amount > 0) l WHERE joined_at < '2011-06-01' AND (l.at IS NULL OR l.at < '2011-06-01')} ],
	[ 'compliance', q{SELECT member_id, levels, people, without_sales FROM distributor.compliance('shop', max_rows => NULL)},
		q{SELECT b, max(cardinality(ids) - array_position(ids, b)), count(*), count(*) FILTER (WHERE NOT EXISTS (SELECT FROM orders WHERE buyer_id = tree.id AND amount > 0))
			FROM tree, unnest(ids) AS b WHERE b <> tree.id GROUP BY b HAVING max(cardinality(ids) - array_position(ids, b)) >= 3 AND count(*) >= 30} ]);
$node->safe_psql('postgres', 'CREATE INDEX ON orders (buyer_id); CREATE INDEX ON users (inviter_id)');
for (@reports)
{
	my ($name, $report, $plain) = @$_;
	my $result = $node->safe_psql('postgres', qq{
		$tree, report AS MATERIALIZED ($report), plain AS MATERIALIZED ($plain)
		SELECT (SELECT count(*) > 0 FROM report), (SELECT count(*) FROM (TABLE report EXCEPT ALL TABLE plain) d), (SELECT count(*) FROM (TABLE plain EXCEPT ALL TABLE report) d)});
	is($result, 't|0|0', "$name says what plain SQL says");
}

# Graphviz draws what team_dot writes.
SKIP:
{
	skip 'Graphviz (dot) is not there', 3 unless eval { IPC::Run::run([ 'dot', '-V' ], '2>', \my $version) };
	my $dot = $node->safe_psql('postgres', q{SELECT distributor.team_dot('shop', 13047, 2, 3)});
	my ($svg, $errors);
	ok(IPC::Run::run([ 'dot', '-Tsvg' ], '<', \$dot, '>', \$svg, '2>', \$errors), 'dot draws it') or diag $errors;
	is(scalar(() = $svg =~ /class="node"/g), scalar(() = $dot =~ /label=/g), 'every node is in the picture');
	is(scalar(() = $svg =~ /class="edge"/g), scalar(() = $dot =~ /->/g), 'every edge is');
}

$node->stop;
done_testing();
