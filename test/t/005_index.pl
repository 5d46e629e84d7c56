# Every index of refpath answers as a scan of the whole table does: after random
# inserts, moves, deletes, vacuum and reindex, on the primary and on a standby
# that checks every page it replays.
#
#	DISTRIBUTOR_INDEX_QUERIES	how many queries to ask of indexes (make check-index: a million)
#	DISTRIBUTOR_SEED			of the random tree and queries; printed
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $wanted = $ENV{DISTRIBUTOR_INDEX_QUERIES} || 40_000;
my $seed = $ENV{DISTRIBUTOR_SEED} || int(rand(1_000_000));
my $asked = 0;
note "seed $seed: DISTRIBUTOR_SEED=$seed asks the same again";

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1, extra => [ '--locale=C', '--encoding=UTF8' ]);
$primary->append_conf('postgresql.conf', q{
fsync = off
autovacuum = off
jit = off
wal_keep_size = '256MB'
wal_consistency_checking = 'all'
search_path = 'public, distributor'
});
$primary->start;
$primary->safe_psql('postgres', q{
	CREATE EXTENSION distributor;
	CREATE TABLE plain (id integer, path refpath, round integer);
	CREATE TABLE by_btree (id integer, path refpath);
	CREATE TABLE by_hash (id integer, path refpath);
	CREATE TABLE by_gist (id integer, path refpath);
	CREATE INDEX ON by_btree USING btree (path);
	CREATE INDEX ON by_hash USING hash (path);
	CREATE INDEX ON by_gist USING gist (path) INCLUDE (id);
	CREATE TABLE move (old_base refpath, new_base refpath);
	CREATE TABLE query (n integer, path refpath, member bigint);

	-- ids of every code length, none twice
	CREATE FUNCTION member(i integer) RETURNS bigint LANGUAGE sql AS $$
		SELECT i + (ARRAY[0, 0, 0, 0, 100000, 20000000, 5000000000, 2000000000000, 300000000000000,
						  80000000000000000, 9223372036854000000])[1 + abs(hashint4(i) % 11)] $$;

	-- members under random sponsors, mostly young ones; now and then a chain
	CREATE FUNCTION grow(first integer, n integer, round integer) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		sponsor refpath := '';
	BEGIN
		FOR i IN first .. first + n - 1 LOOP
			IF random() < 0.03 THEN
				sponsor := '';
			ELSIF i % 200 > 60 THEN
				SELECT path FROM plain WHERE path IS NOT NULL
				ORDER BY id DESC OFFSET floor(random() * random() * (SELECT count(path) FROM plain)) LIMIT 1 INTO sponsor;
			END IF;
			sponsor := refpath_append(coalesce(sponsor, ''), member(i));
			INSERT INTO plain VALUES (i, sponsor, round);
		END LOOP;
		INSERT INTO plain VALUES (first, NULL, round), (first, '', round);
		INSERT INTO plain SELECT id, path, grow.round FROM plain ORDER BY random() LIMIT 5;
	END $$;

	-- teams that go below somebody who is not in them
	CREATE FUNCTION choose_moves(n integer) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		m record;
	BEGIN
		TRUNCATE move;
		FOR i IN 1 .. n LOOP
			SELECT a.path AS old_base, b.path AS new_base INTO m
			FROM (SELECT path FROM plain WHERE path <> '' ORDER BY random() LIMIT 1) a,
				 (SELECT path FROM plain WHERE path IS NOT NULL ORDER BY random() LIMIT 20) b
			WHERE NOT b.path <@ a.path LIMIT 1;
			CONTINUE WHEN NOT FOUND OR EXISTS (SELECT FROM move o WHERE o.old_base @> m.old_base OR o.old_base @> m.new_base
				OR m.old_base @> o.new_base OR m.old_base @> o.old_base);
			INSERT INTO move VALUES (m.old_base, m.new_base);
		END LOOP;
	END $$;

	-- paths of the table, their sponsors, and members that are not there
	-- beside, below and above them
	CREATE FUNCTION choose_queries(many integer) RETURNS void LANGUAGE sql AS $$
		TRUNCATE query;
		INSERT INTO query VALUES (1, '', 0), (2, '0', -1), (3, '9223372036854775807', 9223372036854775807), (4, NULL, NULL);
		INSERT INTO query
		SELECT 4 + i, CASE i % 6 WHEN 0 THEN path WHEN 1 THEN parent(path) WHEN 2 THEN refpath_append(path, 9223372036854775807)
			WHEN 3 THEN refpath_append(parent(path), (ARRAY[99999, 999999, 15000000, 4000000000])[1 + i % 4])
			WHEN 4 THEN subpath(path, 0, 1 + floor(random() * depth(path))::int) ELSE refpath_append(path, 999999) END,
			upline(path, floor(random() * depth(path))::int)
		FROM (SELECT row_number() OVER () AS i, path FROM plain, generate_series(1, 1 + many / (SELECT 1 + count(*) FROM plain)) WHERE path <> ''
			  ORDER BY random() LIMIT many) s $$;
});

my $backup = 'backup';
$primary->backup($backup);
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, $backup, has_streaming => 1);
$standby->start;

# What is asked of which index.  Those that match half the table are asked for
# every tenth query.
my %contains = map { $_ => 1 } ('@>', '<@', '>>', '<<', '=');
my %asks = (
	by_btree => [ '<', '<=', '=', '>=', '>', '<@', '<<' ],
	by_hash  => ['='],
	by_gist  => [ '<', '<=', '=', '>=', '>', '@>', '<@', '>>', '<<', 'through', 'nearest' ]);
my $by_index = q{SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
	SET enable_material = off; SET enable_sort = off;};

# One number for all answers to a kind of question: pairs of query and row, or
# of query and the distances of the five nearest.
sub question
{
	my ($table, $op) = @_;
	return qq{SELECT count(*), sum(hash_array_extended(near, q.n))
		FROM query q, LATERAL (SELECT array_agg(d) AS near FROM (SELECT t.path <-> q.path AS d FROM $table t ORDER BY t.path <-> q.path LIMIT 5) s) n
		WHERE q.n % 10 = 0 AND q.path IS NOT NULL}
	  if $op eq 'nearest';
	my $condition = $op eq 'through' ? 't.path <@ q.member' : "t.path $op q.path";
	my $some = $contains{$op} ? 'true' : 'q.n % 10 = 0';
	return qq{SELECT count(*), sum(hashint8extended(t.id, q.n)) FROM query q JOIN $table t ON $condition WHERE $some};
}

sub truth
{
	my ($node) = @_;
	my %ops = map { $_ => 1 } map { @$_ } values %asks;
	my %truth;
	$truth{$_} = $node->safe_psql('postgres', question('plain', $_)) for keys %ops;
	return \%truth;
}

# How many answers of one round differ; each question counts its queries.
sub differences
{
	my ($node, $round, $truth) = @_;
	my $queries = $node->safe_psql('postgres', 'SELECT count(*) FROM query');
	my $differ = 0;
	for my $table (sort keys %asks)
	{
		for my $op (@{ $asks{$table} })
		{
			for my $bitmap ($op eq 'nearest' ? ('off') : ('off', 'on'))
			{
				next if $bitmap eq 'on' && $op ne '<@' && $op ne '=';
				my $settings = "$by_index SET enable_bitmapscan = $bitmap; SET enable_indexscan = " . ($bitmap eq 'on' ? 'off;' : 'on;');
				my $found = $node->safe_psql('postgres', $settings . question($table, $op));
				$asked += $contains{$op} || $op eq 'through' ? $queries : int($queries / 10);
				next if $found eq $truth->{$op};
				$differ++;
				diag "seed $seed, round $round, " . $node->name . ", $table: path $op, found $found, expected $truth->{$op}";
			}
		}
	}
	return $differ;
}

# Every question is answered through the index.
for my $table (sort keys %asks)
{
	my @not = grep {
		$primary->safe_psql('postgres', "$by_index EXPLAIN (COSTS OFF) " . question($table, $_)) !~ /Index (Only )?Scan .*on ${table}/
	} @{ $asks{$table} };
	is("@not", '', "$table is used by each of its operators");
}

my $tables = join ', ', 'plain', sort keys %asks;
my $first = 1;
my $round = 0;
my %differ = (primary => 0, standby => 0);
while ($asked < $wanted)
{
	$round++;
	my $many = 150 + 100 * ($round % 5);
	my $queries = 1000;
	my $random = ($seed + $round) % 1_000_000 / 1_000_000;
	$primary->safe_psql('postgres', qq{
		SELECT setseed($random);
		SELECT grow($first, $many, $round);
		SELECT choose_moves(4);
		ANALYZE plain;
	});
	$primary->safe_psql('postgres', "INSERT INTO $_ SELECT id, path FROM plain WHERE round = $round") for sort keys %asks;
	for my $table ('plain', sort keys %asks)
	{
		$primary->safe_psql('postgres', qq{
			BEGIN; DELETE FROM $table WHERE id % 2 = 0; INSERT INTO $table SELECT -1, refpath_append(path, 99999) FROM plain WHERE id % 3 = 0; ROLLBACK;
			UPDATE $table SET path = graft(path, parent(old_base), new_base) FROM move WHERE path <@ old_base;
			DELETE FROM $table WHERE hashint8extended(id, $round) % 7 = 0;
		});
		$primary->safe_psql('postgres', "VACUUM $table") if $round % 3 != 0;
	}
	$primary->safe_psql('postgres', 'REINDEX TABLE by_gist; REINDEX TABLE by_btree; REINDEX TABLE by_hash') if $round % 5 == 4;
	$primary->safe_psql('postgres', "SELECT setseed($random); SELECT choose_queries($queries); ANALYZE $tables, query");
	$first += $many;

	my $truth = truth($primary);
	$differ{primary} += differences($primary, $round, $truth);
	$primary->wait_for_catchup($standby);
	if ($round == 1)
	{
		is_deeply(truth($standby), $truth, 'the standby has the same table');
		is(join(' ', grep { $truth->{$_} =~ /^0\|/ } sort keys %$truth), '', 'every question has answers');
	}
	$differ{standby} += differences($standby, $round, $truth);
}
is($differ{primary}, 0, "indexes answer as sequential scans do on the primary");
is($differ{standby}, 0, "and on the standby");
cmp_ok($primary->safe_psql('postgres', 'SELECT count(DISTINCT depth(path)) FROM plain'), '>', 10, 'the tree is deep');
is($primary->safe_psql('postgres', 'SELECT count(*) FROM (SELECT id, path FROM plain EXCEPT ALL SELECT * FROM by_gist) s'), '0', 'the tables hold the same');
note "$asked queries in $round rounds, seed $seed";

$standby->stop;
$primary->stop;
unlike(slurp_file($standby->logfile), qr/inconsistent page|PANIC|FATAL: .*consistency/, 'every page was replayed as it was');
done_testing();
