# doc/plan.schema.json and check_plan() agree on thousands of documents: all
# plans of the reference and of the tests, and what becomes of some when a key
# is left out or a value replaced.  What a schema cannot express is listed.
use strict;
use warnings FATAL => 'all';

use File::Basename qw(dirname);
use File::Spec;
use FindBin;
use PostgreSQL::Test::Utils;
use Test::More;

use lib $FindBin::Bin;
use DistributorTest;

# Debian's python, where Debian's package is; else whatever there is.
my ($python) = grep { system("$_ -c 'import jsonschema; jsonschema.Draft202012Validator' >/dev/null 2>&1") == 0 }
  ('/usr/bin/python3', 'python3');
plan skip_all => 'python3 with jsonschema is not there' if !$python;

# Mistakes in names that must stand elsewhere in the document, and in sums.
my @beyond_schema = (
	'unknown rank in commission plan%',
	'unknown rule in commission plan%',
	'unknown currency in commission plan%',
	'rule "%" refers to itself%',
	'rule refers to "%", which runs later%',
	'rule refers to "%", which looks at other items%',
	'duplicate rule name %',
	'rule for equal ranks in a plan without ranks%',
	'commission plan pays more than %',
	'split gives away more than its budget%',
	# more than 10 decimals of a number, 63 bytes of several to a character, February 30
	'% has too many decimals%',
	'invalid % name: %',
	'invalid time in commission plan%');

my $checkout = File::Spec->rel2abs(dirname(dirname($FindBin::Bin)));
my $documents = "${PostgreSQL::Test::Utils::tmp_check}/documents.tsv";
is(system("$python '$FindBin::Bin/plan_schema.py' '$checkout' >'$documents'"), 0,
	'the schema is one, and validates');

my $node = new_node('schema');
my $allowed = join(', ', map { "\$\$$_\$\$" } @beyond_schema);
$node->safe_psql('postgres', qq{
	CREATE EXTENSION distributor;
	CREATE TABLE document (valid boolean, source text);
	COPY document FROM '$documents' (FORMAT csv, DELIMITER E'\\t', QUOTE E'\\x01');
	CREATE TABLE verdict AS
		SELECT d.valid, d.source, count(c.path) AS errors,
			   count(c.path) FILTER (WHERE c.message NOT LIKE ALL (ARRAY[$allowed])) AS unexpected,
			   min(c.path || ': ' || c.message) AS first
		FROM document d
		LEFT JOIN LATERAL (SELECT * FROM distributor.check_plan(d.source::json)
						   WHERE severity = 'error') c ON true
		GROUP BY d.valid, d.source});

cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM verdict WHERE valid'), '>', 500,
	'hundreds of documents are valid');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM verdict WHERE NOT valid'), '>', 2000,
	'thousands are not');
is($node->safe_psql('postgres',
		'SELECT source FROM verdict WHERE NOT valid AND errors = 0 ORDER BY 1 LIMIT 10'),
	'', 'what the schema refuses, check_plan() refuses');
is($node->safe_psql('postgres',
		'SELECT first, source FROM verdict WHERE valid AND unexpected > 0 ORDER BY 1 LIMIT 10'),
	'', 'what the schema takes, check_plan() takes, but for what no schema can say');

# What check_plan() takes, the compiler takes, and the other way round.
is($node->safe_psql('postgres', q{
		CREATE FUNCTION plan_compile(jsonb) RETURNS void
			AS '$libdir/distributor', 'distributor_plan_compile' LANGUAGE C STRICT;
		CREATE FUNCTION compiles(plan text) RETURNS boolean LANGUAGE plpgsql AS $$
		BEGIN
			PERFORM plan_compile(plan::jsonb);
			RETURN true;
		EXCEPTION WHEN invalid_parameter_value OR program_limit_exceeded THEN
			RETURN false;
		END $$;
		SELECT source FROM verdict WHERE compiles(source) <> (errors = 0) ORDER BY 1 LIMIT 10}),
	'', 'check_plan() finds an error exactly where the compiler does');

$node->stop;
done_testing();
