# Every sql block of the README runs, in the order of the page, in one session
# and one database; a text block that follows one is what psql prints for it.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use DistributorTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $readme = "$FindBin::RealBin/../../README.md";

# [{line, sql, expected or undef}, ...]
sub examples
{
	my ($file) = @_;
	my (@examples, $kind);
	my $follows = 0;
	open my $in, '<', $file or die "$file: $!";
	while (my $line = <$in>)
	{
		if (!defined $kind && $line =~ /^```(\w*)/)
		{
			$kind = $1;
			push @examples, { line => $. + 1, sql => '' } if $kind eq 'sql';
			$examples[-1]{expected} = '' if $kind eq 'text' && $follows;
		}
		elsif (defined $kind && $line =~ /^```/)
		{
			$follows = $kind eq 'sql';
			undef $kind;
		}
		elsif (defined $kind)
		{
			$examples[-1]{sql} .= $line if $kind eq 'sql';
			$examples[-1]{expected} .= $line if $kind eq 'text' && $follows;
		}
		elsif ($line =~ /\S/)
		{
			# Only a sentence that leads over, such as "prints", may stand between.
			$follows = 0 if length($line) > 80;
		}
	}
	close $in;
	return @examples;
}

# As psql aligns it, but for blanks at line ends and empty lines around.
sub tidy
{
	my ($text) = @_;
	$text =~ s/[ \t]+$//mg;
	$text =~ s/^\n+//;
	$text =~ s/\n+\z/\n/;
	return $text;
}

my @examples = examples($readme);
cmp_ok(scalar @examples, '>=', 3, 'the README has examples');

my $node = new_node('readme');
my $script = '';
$script .= "\\echo example at line $_->{line}\n$_->{sql}\n" for @examples;
my $file = PostgreSQL::Test::Utils::tempdir() . '/readme.sql';
open my $out, '>', $file or die "$file: $!";
print $out $script;
close $out;

my ($stdout, $stderr);
my $ok = IPC::Run::run(
	[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', $file ],
	'>', \$stdout, '2>', \$stderr);
ok($ok, 'all of them run') or diag $stderr;

my %printed = $stdout =~ /^example at line (\d+)\n(.*?)(?=^example at line |\z)/msg;
for my $example (@examples)
{
	next unless defined $example->{expected};
	is( tidy($printed{ $example->{line} } // ''),
		tidy($example->{expected}),
		"the example at line $example->{line} prints what the README says");
}

$node->stop;
done_testing();
