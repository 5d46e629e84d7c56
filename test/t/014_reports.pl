# Every report, rollup and total against plain SQL that was written from the
# pages of doc/ alone (test/plain), row for row and in the order that is stated:
# on the demo's orders, after a random life of the shop.
#
#	DISTRIBUTOR_SEED	of the random life; printed
#	DISTRIBUTOR_STEPS	how much happens in it; if not set, 150 steps on a third of the orders
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use DistributorTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{DISTRIBUTOR_SEED} || time % 1_000_000;
my $steps = $ENV{DISTRIBUTOR_STEPS} || 150;
srand($seed);
my $period = (qw(day week month quarter year))[ rand(5) ];
note("DISTRIBUTOR_SEED=$seed DISTRIBUTOR_STEPS=$steps, totals by $period");

# The demo names its data from the root of the sources.
my $root = "$FindBin::RealBin/../..";
chdir $root or die "$root: $!";

my $node = new_node('reports');
$node->append_conf('postgresql.conf', "jit = off\nmax_parallel_workers_per_gather = 0\n");
$node->reload;
local $ENV{PGCLIENTENCODING} = 'UTF8';

sub run_file
{
	my ($file, %variables) = @_;
	my ($stdout, $stderr);
	IPC::Run::run([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'),
			(map { ('-v', "$_=$variables{$_}") } sort keys %variables), '-f', $file ], '>', \$stdout, '2>', \$stderr)
	  or BAIL_OUT("$file (seed $seed): $stderr");
	return;
}

sub value
{
	my ($sql) = @_;
	# whatever the session's zone is, it is the program's clock that counts
	return $node->safe_psql('postgres', "SET search_path = public, distributor; SET timezone = 'Asia/Kolkata'; $sql");
}

run_file('examples/demo/1-load.sql');
run_file('test/plain/shop.sql', seed => rand(), one_in => $ENV{DISTRIBUTOR_STEPS} ? 1 : 3, steps => $steps, moments => $ENV{DISTRIBUTOR_STEPS} ? 4 : 1, period => $period);
run_file('test/plain/reports.sql');
note('happened: ' . value(q{SELECT string_agg(n || ' ' || what, ', ' ORDER BY what) FROM plain.done}));
is(value(q{SELECT * FROM audit('shop')}), '', "audit finds nothing (seed $seed)");

# For each row of "of", which is named a: a report says what plain SQL says, in
# the same order.  A report that says nothing at all was not tested.
sub same
{
	my ($name, $of, $report, $plain) = @_;
	my ($says, $should) = map { qq{SELECT a::text AS "of", r.* FROM "of" a, LATERAL (SELECT row_number() OVER () AS nr, x.* FROM $_ x) r} } $report, $plain;
	my $result = value(qq{
		WITH "of" AS MATERIALIZED ($of), says AS MATERIALIZED ($says), should AS MATERIALIZED ($should),
		differ AS (
			(SELECT 'says' AS side, d.* FROM (TABLE says EXCEPT ALL TABLE should) d)
			UNION ALL (SELECT 'should', d.* FROM (TABLE should EXCEPT ALL TABLE says) d))
		SELECT count(*) > 0, '' FROM says UNION ALL (SELECT true, differ::text FROM differ ORDER BY 2 DESC LIMIT 10)});
	$result = join "\n", map { substr $_, 0, 500 } split /\n/, $result;
	is(substr($result, 0, 5000), 't|', "$name (seed $seed)");
	return;
}

# Of many things to ask, some by chance, unless there is time for a long life.
my $share = $ENV{DISTRIBUTOR_STEPS} ? 0.7 : 0.05;

sub some
{
	my ($of, $at_least) = @_;
	return sprintf q{SELECT q.* FROM (%s) q ORDER BY hashtextextended(q::text, %d) LIMIT greatest(%d, %f * (SELECT count(*) FROM (%s) q))}, $of, $seed, $at_least, $share, $of;
}

# Whom to ask about: large teams, those who have moved, from and to where, those
# who left, anybody, and nobody.
value(qq{
	CREATE TABLE plain.probe AS
		(SELECT head AS m FROM plain.team WHERE as_of = 'infinity' GROUP BY head ORDER BY count(*) DESC LIMIT 2)
		UNION (SELECT id FROM plain.change GROUP BY id HAVING count(DISTINCT sponsor) > 1 ORDER BY hashint8extended(id, $seed) LIMIT 6)
		UNION (SELECT sponsor FROM plain.change WHERE id IN (SELECT id FROM plain.change GROUP BY id HAVING count(DISTINCT sponsor) > 1) AND sponsor IS NOT NULL GROUP BY sponsor ORDER BY hashint8extended(sponsor, $seed) LIMIT 10)
		UNION (SELECT id FROM plain.person WHERE state = 'left' ORDER BY hashint8extended(id, $seed) LIMIT 3)
		UNION (SELECT id FROM plain.person ORDER BY hashint8extended(id, $seed) LIMIT 6)
		UNION VALUES (4711)});
my $periods = 'SELECT * FROM plain.period';
my $when = q{period => a.name, "from" => a."from", "to" => a."to"};

# A team, now and as of moments in between and long ago.
my $probes_at = q{SELECT p.m, t.as_of, nullif(t.as_of, 'infinity') AS at FROM plain.probe p, (SELECT DISTINCT as_of FROM plain.tree) t};
my $probes_in = q{SELECT p.m, t.as_of, nullif(t.as_of, 'infinity') AS at, w.* FROM plain.probe p, (SELECT DISTINCT as_of FROM plain.tree) t, plain.period w};
same('team', some($probes_at, 25), q{team('shop', a.m, as_of => a.at)}, 'plain.team(a.m, NULL, a.as_of)');
same('team, two levels of it, by key', some($probes_at, 25), q{team('shop', a.m::text, 2, a.at)}, 'plain.team(a.m, 2, a.as_of)');
same('team_by_level', some($probes_in, 100), qq{team_by_level('shop', a.m, $when, as_of => a.at)}, 'plain.team_by_level(a.m, NULL, a.lower, a.upper, a.as_of)');
same('team_by_level, two levels', some($probes_at, 25), q{team_by_level('shop', a.m, 2, as_of => a.at)}, q{plain.team_by_level(a.m, 2, '-infinity', 'infinity', a.as_of)});
same('legs', some($probes_in, 100), qq{legs('shop', a.m, $when, as_of => a.at)}, 'plain.legs(a.m, a.lower, a.upper, a.as_of)');
same('the view team', q{SELECT}, '(SELECT member_id, frontline, downline, personal_volume FROM shop.team ORDER BY member_id)',
	q{(SELECT t.id, (SELECT count(*) FROM plain.tree r WHERE r.as_of = 'infinity' AND r.sponsor = t.id), (SELECT count(*) - 1 FROM plain.team x WHERE x.as_of = 'infinity' AND x.head = t.id),
		(SELECT coalesce(sum(net), 0) FROM plain.credit c WHERE c.as_of = 'infinity' AND c.head = t.id AND c.level = 0) FROM plain.tree t WHERE as_of = 'infinity' ORDER BY id)});

# Who is best.
my $boards = q{SELECT metric, scope, w.* FROM unnest('{personal_volume,team_volume,commissions,recruits}'::text[]) metric, (SELECT NULL::bigint AS scope UNION ALL (SELECT m FROM plain.probe ORDER BY m LIMIT 8)) s, plain.period w};
same('leaderboard', some($boards, 30), q{leaderboard('shop', a.metric, a.name, NULL, a.scope, a."from", a."to")}, 'plain.leaderboard(a.metric, a.scope, a.lower, a.upper)');
same('leaderboard in a team, by key', "SELECT m FROM plain.probe", q{leaderboard('shop', 'recruits', NULL, 3, a.m::text)}, q{(SELECT * FROM plain.leaderboard('recruits', a.m, '-infinity', 'infinity') LIMIT 3)});
my $by = q{SELECT b."by", w.* FROM (VALUES ('{}'::text[]), ('{channel}'), ('{country,channel}'), ('{campaign,nothing}')) b("by"), plain.period w};
same('promoters', some($by, 8), qq{promoters('shop', a."by", $when, max_rows => NULL)}, 'plain.promoters(a."by", a.lower, a.upper)');
my $attributes = q{SELECT attribute, w.* FROM unnest('{country,channel,campaign,nothing}'::text[]) attribute, plain.period w};
same('region', some($attributes, 12), qq{region('shop', a.attribute, $when)}, 'plain.region(a.attribute, a.lower, a.upper)');

# How it grows.
same('growth', $periods, qq{growth('shop', $when)}, 'plain.growth(a.lower, a.upper)');
same('retention', some("$periods, unnest('{0,1,15}'::int[]) months", 10), qq{retention('shop', $when, months => a.months)}, 'plain.retention(a.lower, a.upper, a.months)');
same('retention to this day', q{SELECT}, q{retention('shop', '2011-03', months => 300)}, q{plain.retention('2011-03-01 00:00-05', '2011-04-01 00:00-04', 300)});
same('retention of a year', some($periods, 4), qq{retention('shop', $when)}, 'plain.retention(a.lower, a.upper, 12)');
my $since = q{SELECT since, scope FROM (SELECT NULL::bigint AS scope UNION ALL (SELECT m FROM plain.probe ORDER BY m LIMIT 8)) s, unnest('{2011-03-01 00:00Z,2011-10-01 00:00Z,infinity}'::timestamptz[] || now()) since};
same('inactive', some($since, 12), q{inactive('shop', since => a.since, scope => a.scope, max_rows => NULL)}, 'plain.inactive(a.since, a.scope)');
same('inactive for some time', q{SELECT d, scope FROM unnest('{1 second,20 days,1 year 3 months,100 years}'::interval[]) d, (VALUES (NULL), (13047::bigint)) s(scope)},
	q{inactive('shop', a.d, scope => a.scope, max_rows => NULL)}, 'plain.inactive(now() - a.d, a.scope)');
same('compliance', q{SELECT * FROM (VALUES (3, 30), (0, 0), (2, 7), (5, 100)) a(levels, people)}, q{compliance('shop', a.levels, a.people, NULL)}, 'plain.compliance(a.levels, a.people)');
same('what is said where nothing is asked', 'SELECT',
	q{(SELECT to_jsonb(c) FROM compliance('shop') c UNION ALL SELECT to_jsonb(l) FROM leaderboard('shop', 'team_volume') l UNION ALL SELECT to_jsonb(p) FROM promoters('shop') p UNION ALL SELECT to_jsonb(i) FROM inactive('shop') i)},
	q{((SELECT to_jsonb(c) FROM plain.compliance(3, 30) c LIMIT 100) UNION ALL (SELECT to_jsonb(l) FROM plain.leaderboard('team_volume', NULL, '-infinity', 'infinity') l LIMIT 100)
		UNION ALL (SELECT to_jsonb(p) FROM plain.promoters('{}', '-infinity', 'infinity') p LIMIT 100) UNION ALL (SELECT to_jsonb(i) FROM plain.inactive(now() - interval '90 days', NULL) i LIMIT 1000))});

# Page by page.
same('pages', q{SELECT * FROM (VALUES
		('team(''shop'', 13047%s)', '{after,path,distributor.refpath}'::text[], 250),
		('legs(''shop'', 13047%s)', '{after_volume,volume,numeric,after_member,member_id,bigint}', 17),
		('leaderboard(''shop'', ''recruits''%s)', '{after_value,value,numeric,after_member,member_id,bigint}', 150),
		('leaderboard(''shop'', ''team_volume'', ''2011-11'', scope => 13047%s)', '{after_value,value,numeric,after_member,member_id,bigint}', 150),
		('promoters(''shop'', ''{channel,campaign}'', ''2011-11''%s)', '{after_buyers,buyers,bigint,after_member,member_id,bigint,after_attributes,attributes,jsonb}', 300),
		('inactive(''shop''%s)', '{after,member_id,bigint}', 300),
		('compliance(''shop'', 1, 1%s)', '{after_people,people,bigint,after_member,member_id,bigint}', 150)) v(call, after, size)},
	'plain.pages(a.call, a.after, a.size)', 'plain.whole(a.call)');

# Battles: one long ago, one that began in the middle of things; captains below one another.
value(q{
	CREATE TABLE plain.battle AS
	SELECT b.*, (SELECT array_agg(head) FROM (SELECT head FROM plain.team WHERE as_of = starts_at GROUP BY head HAVING count(*) > 1 ORDER BY count(*) DESC LIMIT 9) c) AS captains
	FROM (VALUES ('autumn', '2011-10-01 00:00-04'::timestamptz, '2011-11-15 12:00-05'::timestamptz), ('now', (SELECT min(at) FROM plain.moment), (SELECT max(at) FROM plain.moment) + interval '90 days')) b(name, starts_at, ends_at);
	SELECT create_battle('shop', name, starts_at, ends_at) FROM plain.battle;
	SELECT add_battle_team('shop', name, 'team ' || c, c) FROM plain.battle, unnest(captains) c;
	SELECT start_battle('shop', name) FROM plain.battle});
same('team_battle', 'SELECT * FROM plain.battle', q{team_battle('shop', a.name)}, 'plain.team_battle(a.captains, a.starts_at, a.ends_at)');

# Pictures.
my $pictures = q{SELECT m, level, width FROM plain.probe, unnest('{0,1,2,4,NULL}'::int[]) level, unnest('{0,1,3,8,NULL}'::int[]) width};
same('team_tree', some($pictures, 50), q{team_tree('shop', a.m, a.level, a.width)}, 'plain.team_tree(a.m, a.level, a.width)');
same('team_tree as it is', 'SELECT m FROM plain.probe', q{team_tree('shop', a.m)}, 'plain.team_tree(a.m, 4, 8)');
same('team_dot', some($pictures, 50), q{team_dot('shop', a.m, a.level, a.width)}, 'plain.team_dot(a.m, a.level, a.width)');
SKIP:
{
	skip 'Graphviz (dot) is not there', 1 unless eval { IPC::Run::run([ 'dot', '-V' ], '2>', \my $version) };
	my $all = value(qq{SELECT team_dot('shop', a.m, a.level, a.width) FROM (} . some($pictures, 20) . q{) a});
	my ($svg, $errors);
	ok(IPC::Run::run([ 'dot', '-Tsvg' ], '<', \$all, '>', \$svg, '2>', \$errors) && $errors eq '' && (() = $svg =~ /class="node"/g) == (() = $all =~ /label=/g),
		"dot draws every node of them (seed $seed)") or diag $errors;
}

# Rollups: of people by the tree as it is, and of sales by the upline that each had.
my $levels = 'member_id, path, depth, input_rows, team_size, frontline, deepest, personal, team, largest_leg, other_legs, legs_at_least, ARRAY[by_level[1][1], by_level[1][2], by_level[2][1], by_level[2][2]] AS levels';
value(q{
	CREATE VIEW plain.input AS
	SELECT m.path, s.net, (s.buyer IS NOT NULL)::int AS n FROM shop.member m LEFT JOIN plain.sold s ON s.as_of = 'infinity' AND s.buyer = m.member_id AND s.ours});
same('team_rollup', q{SELECT * FROM (VALUES (0.0), (100.00)) v(threshold)}, qq{(SELECT $levels FROM team_rollup('TABLE plain.input', true, a.threshold, 2) ORDER BY path)}, 'plain.team_rollup(a.threshold)');
same('rollup_state', 'SELECT', qq{(SELECT $levels FROM rollup_members((SELECT rollup_state(path, net, n) FROM plain.input), true, 50, 2) ORDER BY path)}, 'plain.team_rollup(50)');
same('rollup_state in parts', 'SELECT',
	qq{(SELECT $levels FROM rollup_members((WITH part AS (SELECT row_number() OVER () AS nr, rollup_state(path, net, n) AS state FROM plain.input GROUP BY hashtext(path::text) & 3)
		SELECT rollup_state_combine(rollup_state_combine(a.state, b.state), rollup_state_combine(c.state, d.state)) FROM part a, part b, part c, part d WHERE (a.nr, b.nr, c.nr, d.nr) = (4, 1, 3, 2)), true, 50, 2) ORDER BY path)},
	'plain.team_rollup(50)');
same('team_rollup of the uplines that sales had', 'SELECT',
	q{(SELECT member_id, sum(input_rows), sum(team[1]), sum(personal[1]) FROM team_rollup('SELECT path, (SELECT s.amount - coalesce(sum(r.amount), 0) FROM shop.refund_posting r WHERE r.sale_id = s.sale_id) FROM shop.sale s
		WHERE currency = ''GBP'' AND NOT EXISTS (SELECT FROM shop.sale n WHERE n.replaces = s.sale_id)') GROUP BY member_id ORDER BY member_id)},
	q{(SELECT head, count(*) FILTER (WHERE level = 0), sum(net), coalesce(sum(net) FILTER (WHERE level = 0), 0) FROM plain.credit WHERE as_of = 'infinity' GROUP BY head ORDER BY head)});

# Totals, folded in part, then wholly, then built anew.
my $step = $period eq 'quarter' ? '3 months' : "1 $period";
my $total_periods = qq{SELECT id, d, lower AT TIME ZONE 'America/New_York' AS lower, (lower + interval '$step') AT TIME ZONE 'America/New_York' AS upper
	FROM plain.person, unnest('{2010-12-09,2011-03-13,2011-11-06,2011-11-30,2012-01-01}'::timestamp[] || (now() AT TIME ZONE 'America/New_York')) d, date_trunc('$period', d) lower};

sub same_totals
{
	my ($how) = @_;
	same("team_total, $how", some('SELECT id FROM plain.person', 600), q{team_total('shop', a.id)}, q{plain.team_total(a.id, '-infinity', 'infinity')});
	same("team_total of a $period, $how", some($total_periods, 200), q{team_total('shop', a.id, a.d::date)}, 'plain.team_total(a.id, a.lower, a.upper)');
	return;
}
same_totals('folded in part');
value(q{CALL fold('shop', 100)});
same_totals('folded');
value(qq{SELECT keep_team_totals('shop', '$period')});
same_totals('built anew');

# The columns are those that the pages name.
same('the columns', q{SELECT unnest('{team,team_by_level,legs,leaderboard,promoters,region,growth,retention,inactive,compliance,team_battle,team_tree}'::text[]) AS name},
	q{(SELECT DISTINCT pg_get_function_result(oid) FROM pg_proc WHERE pronamespace = 'distributor'::regnamespace AND proname = a.name)},
	q{(SELECT pg_get_function_result(oid) FROM pg_proc WHERE pronamespace = 'plain'::regnamespace AND proname = a.name)});
is(value(q{SELECT * FROM audit('shop')}), '', "audit finds nothing at the end (seed $seed)");

$node->stop;
done_testing();
