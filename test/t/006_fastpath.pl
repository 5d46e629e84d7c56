# Functions in two forms, called without an expression: by the fastpath message
# of the protocol, which libpq has as PQfn and any client can send.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use DistributorTest;
use IO::Socket::UNIX;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('fastpath');
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION distributor;
	SELECT distributor.create_program('fast', 'CNY');
	SELECT distributor.add_member('fast', 1)});
my $oid = $node->safe_psql('postgres', q{SELECT 'distributor.set_rank(text,bigint,text)'::regprocedure::oid});

# The type and body of the next message.
sub receive
{
	my ($socket) = @_;
	read($socket, my $head, 5) == 5 or die 'the server closed the connection';
	my ($type, $length) = unpack('a1 N', $head);
	read($socket, my $body, $length - 4);
	return ($type, $body);
}

# Call set_rank('fast', member, 'gold'); the error, or "done".
sub set_rank
{
	my ($member) = @_;
	my $socket = IO::Socket::UNIX->new($node->host . '/.s.PGSQL.' . $node->port) or die $!;
	my $user = $node->safe_psql('postgres', 'SELECT current_user');
	my $startup = pack('N', 196608) . "user\0$user\0database\0postgres\0\0";
	my $result = 'done';

	$socket->print(pack('N', 4 + length $startup) . $startup);
	while ((receive($socket))[0] ne 'Z') { }
	my $call = pack('N n n n', $oid, 1, 1, 3);
	$call .= pack('N/a*', $_) foreach ('fast', pack('q>', $member), 'gold');
	$call .= pack('n', 1);
	$socket->print('F' . pack('N', 4 + length $call) . $call);
	while (my ($type, $body) = receive($socket))
	{
		last if $type eq 'Z';
		$result = $1 if $type eq 'E' && $body =~ /\0M([^\0]*)/;
	}
	return $result;
}

is(set_rank(1), 'done', 'a number is taken for a number');
is(set_rank(0x41414141), 'member "1094795585" does not exist in program "fast"', 'also one that looks like a pointer');
is($node->safe_psql('postgres', 'SELECT member_id, rank FROM fast.member'), '1|gold', 'the rank is set');

$node->stop;
done_testing();
