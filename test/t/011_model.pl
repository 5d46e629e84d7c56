# Random operations on a program: the server answers and holds what a naive
# model, written from the documentation alone, says.  See test/model.
#
#	DISTRIBUTOR_STEPS	how many operations (make check-model: 100,000)
#	DISTRIBUTOR_SEED	of the random operations; printed
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use DistributorTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# psycopg2 may be there for the system's Python alone.
my ($python) = grep { system("$_ -c 'import psycopg2' 2>/dev/null") == 0 } '/usr/bin/python3', 'python3';
plan skip_all => 'python3 with psycopg2 is needed' unless $python;

my $node = new_node('model');
$node->safe_psql('postgres', 'CREATE EXTENSION distributor');

local $ENV{PGHOST} = $node->host;
local $ENV{PGPORT} = $node->port;
local $ENV{PGDATABASE} = 'postgres';
local $ENV{PYTHONDONTWRITEBYTECODE} = 1;

ok(run_noting("$python '$FindBin::RealBin/../model/run.py'"), 'server and model agree after every operation');

$node->stop;
done_testing();
