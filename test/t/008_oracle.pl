# Plans, trees and sales at random: the server answers as the oracle does, a
# second calculation in another language that shares no code with the engine.
#
#	DISTRIBUTOR_CASES	how many (make check-oracle: 200,000)
#	DISTRIBUTOR_SEED	of the random cases; printed
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use DistributorTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $oracle = "$FindBin::RealBin/../oracle";
my $node = new_node('oracle');
# A case that crashes it is looked for in the same server.
$node->append_conf('postgresql.conf', "restart_after_crash = on\n");
$node->restart;
$node->safe_psql('postgres', 'CREATE EXTENSION distributor');

local $ENV{PGHOST} = $node->host;
local $ENV{PGPORT} = $node->port;
local $ENV{PGDATABASE} = 'postgres';
local $ENV{PYTHONDONTWRITEBYTECODE} = 1;

ok(run_noting("python3 '$oracle/test_oracle.py'"), 'the oracle pays what the examples of the reference say');
ok(run_noting("python3 '$oracle/compare.py'"), 'server and oracle agree on every line of every case');

$node->stop;
done_testing();
