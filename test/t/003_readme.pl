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
for my $page ('README.md', 'doc/refpath.md', 'doc/reference.md', 'doc/rollup.md')
{
	my @examples = examples("$FindBin::RealBin/../../$page");
	(my $db = $page) =~ s/\W/_/g;

	cmp_ok(scalar @examples, '>=', 3, "$page has examples");
	$node->safe_psql('postgres', qq{CREATE DATABASE "$db"});
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

$node->stop;
done_testing();
