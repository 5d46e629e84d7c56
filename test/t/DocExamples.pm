# The examples of a page: every sql block runs, in the order of the page, in one
# session; a text block that follows one is what psql prints for it.
package DocExamples;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use File::Temp;
use IPC::Run;

our @EXPORT = qw(examples installs run_examples tidy);

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
			@{ $examples[-1] }{ 'expected', 'from' } = ('', $.) if $kind eq 'text' && $follows;
		}
		elsif (defined $kind && $line =~ /^```/)
		{
			$examples[-1]{to} = $. if $kind eq 'text' && $follows;
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

# Does the page itself create the extension?  Not every page begins anew.
sub installs
{
	return scalar grep { $_->{sql} =~ /CREATE EXTENSION distributor/ } @_;
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

# (did all of them run, what each printed by its line, the errors).  An example
# whose expected output begins with ERROR may fail, and prints how.
sub run_examples
{
	my ($connstr, @examples) = @_;
	my $script = File::Temp->new(SUFFIX => '.sql');
	for my $example (@examples)
	{
		my $fails = defined $example->{expected} && $example->{expected} =~ /^ERROR/;
		print $script "\\echo example at line $example->{line}\n";
		print $script $fails ? "\\set ON_ERROR_STOP 0\n\\set VERBOSITY verbose\n" : "\\set ON_ERROR_STOP 1\n\\set VERBOSITY default\n";
		print $script "$example->{sql}\n";
	}
	close $script;
	my ($out, $err) = ('', '');
	my $ok = IPC::Run::run(
		[ 'psql', '-X', '-q', '-d', $connstr, '-f', "$script" ], '>', \$out, '2>&1');
	# where in the server an error was raised, and in the script, is not shown
	$out =~ s/^LOCATION:.*\n//mg;
	$out =~ s/^psql:\S+:\d+: //mg;
	my %printed = $out =~ /^example at line (\d+)\n(.*?)(?=^example at line |\z)/msg;
	return ($ok, \%printed, $out);
}

1;
