# The examples of the README and of the reference print what the pages say.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use DistributorTest;
use DocExamples;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('readme');
my @pages = ([ 'README.md', 3 ], [ 'doc/refpath.md', 3 ], [ 'doc/reference.md', 3 ], [ 'doc/plan.md', 1 ], [ 'doc/rollup.md', 3 ], [ 'doc/reports.md', 3 ], [ 'doc/teams.md', 3 ], [ 'doc/money.md', 3 ]);
for (@pages)
{
	my ($page, $least) = @$_;
	my @examples = examples("$FindBin::RealBin/../../$page");
	(my $db = $page) =~ s/\W/_/g;

	cmp_ok(scalar @examples, '>=', $least, "$page has examples");
	$node->safe_psql('postgres', qq{CREATE DATABASE "$db"});
	$node->safe_psql($db, 'CREATE EXTENSION distributor') unless installs(@examples);
	my ($ok, $printed, $all) = run_examples($node->connstr($db), @examples);
	ok($ok, "$page: all of them run") or diag $all;
	for my $example (@examples)
	{
		next unless defined $example->{expected};
		is( tidy($printed->{ $example->{line} } // ''),
			tidy($example->{expected}),
			"$page: the example at line $example->{line} prints what the page says");
	}
}

# Every json block of doc/plan.md, plans and facts, is in the test that says what
# the sentences behind them pay: neither is changed without the other.
my $test = slurp_file("$FindBin::RealBin/../sql/plan_examples.sql");
my $page = slurp_file("$FindBin::RealBin/../../doc/plan.md");
$test =~ s/\s+//g;
my @blocks = $page =~ /^```json\n(.*?)^```/msg;
cmp_ok(scalar @blocks, '>=', 20, 'doc/plan.md has json blocks');
for my $block (@blocks)
{
	my ($first) = split /\n/, $block;
	$block =~ s/\s+//g;
	ok(index($test, $block) >= 0, "doc/plan.md: $first: test/sql/plan_examples.sql has it");
}

$node->stop;
done_testing();
