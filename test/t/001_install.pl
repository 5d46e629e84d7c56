# CREATE, ALTER and DROP EXTENSION: who may, where everything goes, what stays.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use DistributorTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('install');

# Everything in the catalogs that could be left behind, counted by schema.
my $catalog_sql = q{
	SELECT 'namespace', nspname, 1 FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_'
	UNION ALL SELECT 'proc', pronamespace::regnamespace::text, count(*) FROM pg_proc GROUP BY 2
	UNION ALL SELECT 'type', typnamespace::regnamespace::text, count(*) FROM pg_type GROUP BY 2
	UNION ALL SELECT 'class', relnamespace::regnamespace::text, count(*) FROM pg_class GROUP BY 2
	UNION ALL SELECT 'operator', oprnamespace::regnamespace::text, count(*) FROM pg_operator GROUP BY 2
	UNION ALL SELECT 'opclass', opcnamespace::regnamespace::text, count(*) FROM pg_opclass GROUP BY 2
	UNION ALL SELECT 'opfamily', opfnamespace::regnamespace::text, count(*) FROM pg_opfamily GROUP BY 2
	UNION ALL SELECT 'cast', '', count(*) FROM pg_cast
	UNION ALL SELECT 'event trigger', '', count(*) FROM pg_event_trigger
	UNION ALL SELECT 'init privileges', '', count(*) FROM pg_init_privs
	ORDER BY 1, 2};

# Install, twice, update, drop.

my $before = $node->safe_psql('postgres', $catalog_sql);
$node->safe_psql('postgres', 'CREATE EXTENSION distributor');
is( $node->safe_psql(
		'postgres',
		q{SELECT e.extversion = d.default_version, e.extnamespace::regnamespace, e.extrelocatable, v.trusted
		  FROM pg_extension e
		  JOIN pg_available_extensions d ON d.name = e.extname
		  JOIN pg_available_extension_versions v ON v.name = e.extname AND v.version = e.extversion
		  WHERE e.extname = 'distributor'}),
	't|pg_catalog|f|t',
	'the default version is installed, trusted, not relocatable');
is( $node->safe_psql(
		'postgres',
		q{SELECT count(*) FROM pg_depend d, pg_identify_object(d.classid, d.objid, d.objsubid) i
		  WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
			AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'distributor')
			AND i.schema <> 'distributor'}),
	'0',
	'every object that has a schema is in distributor');
my $created = $node->safe_psql('postgres', $catalog_sql);
is( join("\n", grep { /\|pg_catalog\||\|public\|/ } split /\n/, $created),
	join("\n", grep { /\|pg_catalog\||\|public\|/ } split /\n/, $before),
	'nothing is added to pg_catalog or public');

fails_with($node, 'postgres', 'CREATE EXTENSION distributor',
	'42710', qr/extension "distributor" already exists/, 'a second time is refused');
my ($status, $out, $err) = $node->psql('postgres', 'CREATE EXTENSION IF NOT EXISTS distributor');
is($status, 0, 'IF NOT EXISTS accepts that it is there');
($status, $out, $err) = $node->psql('postgres', 'ALTER EXTENSION distributor UPDATE');
is($status, 0, 'an update to the installed version is accepted');
fails_with($node, 'postgres', 'ALTER EXTENSION distributor SET SCHEMA public',
	'0A000', qr/does not support SET SCHEMA/, 'it cannot be moved to another schema');

$node->safe_psql('postgres', 'DROP EXTENSION distributor');
is($node->safe_psql('postgres', $catalog_sql), $before, 'DROP EXTENSION leaves nothing');
$node->safe_psql('postgres', 'CREATE EXTENSION distributor');
is($node->safe_psql('postgres', $catalog_sql), $created, 'installed again, all is there again');
$node->safe_psql('postgres', 'DROP EXTENSION distributor');

# Elsewhere, unknown versions, aborted.

fails_with($node, 'postgres', 'CREATE EXTENSION distributor SCHEMA public',
	'0A000', qr/must be installed in schema "pg_catalog"/, 'another schema is refused');
fails_with($node, 'postgres', q{CREATE EXTENSION distributor VERSION '999'},
	'22023', qr/has no installation script nor update path for version "999"/,
	'an unknown version is refused');
$node->safe_psql('postgres', 'BEGIN; CREATE EXTENSION distributor; ROLLBACK');
is($node->safe_psql('postgres', $catalog_sql), $before, 'an aborted install leaves nothing');

# A schema that somebody has prepared is not taken over.

$node->safe_psql('postgres', q{
	CREATE ROLE mallory LOGIN;
	CREATE ROLE installer LOGIN;
	CREATE ROLE reader LOGIN;
	CREATE DATABASE prepared;
	CREATE DATABASE trusted;
	CREATE DATABASE hostile;
	GRANT CREATE ON DATABASE trusted TO installer;
	GRANT CREATE ON DATABASE hostile TO mallory;
});
$node->safe_psql('prepared', 'CREATE SCHEMA distributor AUTHORIZATION mallory');
fails_with($node, 'prepared', 'CREATE EXTENSION distributor',
	'42P06', qr/schema "distributor" already exists/, 'a prepared schema is refused');
is( $node->safe_psql(
		'prepared',
		q{SELECT count(*) FROM pg_proc WHERE pronamespace = 'distributor'::regnamespace}),
	'0',
	'and nothing was put into it');

# Trusted: a role that may create in the database installs it, and gets no
# rights over the code by that.

fails_with($node, 'trusted', 'CREATE EXTENSION distributor',
	'42501', qr/permission denied to create extension/, 'a role without CREATE may not install',
	role => 'reader');
$node->safe_psql('trusted', 'CREATE EXTENSION distributor',
	extra_params => [ '-U', 'installer' ]);
is( $node->safe_psql(
		'trusted',
		q{SELECT e.extowner::regrole, n.nspowner = 10,
				 has_schema_privilege('installer', n.oid, 'CREATE'),
				 has_schema_privilege('reader', n.oid, 'USAGE'),
				 (SELECT count(*) FROM pg_proc WHERE pronamespace = n.oid AND proowner <> 10)
		  FROM pg_extension e, pg_namespace n
		  WHERE e.extname = 'distributor' AND n.nspname = 'distributor'}),
	'installer|t|f|t|0',
	'the installer owns the extension, the superuser its code');
is( $node->safe_psql(
		'trusted',
		q{SELECT distributor.depth('1.5.42'), '1.5.42'::distributor.refpath OPERATOR(distributor.<@) '1.5'},
		extra_params => [ '-U', 'reader' ]),
	'3|t',
	'any role uses the type');
fails_with($node, 'trusted', 'CREATE FUNCTION distributor.mine() RETURNS int LANGUAGE sql RETURN 1',
	'42501', qr/permission denied for schema distributor/, 'the installer adds nothing to the schema',
	role => 'installer');

# A table that uses the type keeps the extension.

$node->safe_psql('trusted', q{
	CREATE TABLE uses_it (path distributor.refpath);
	INSERT INTO uses_it VALUES ('1.2');
});
fails_with($node, 'trusted', 'DROP EXTENSION distributor',
	'2BP01', qr/column path of table uses_it depends on/, 'DROP is refused while a table uses the type');
$node->safe_psql('trusted', 'DROP TABLE uses_it');
$node->safe_psql('trusted', 'DROP EXTENSION distributor', extra_params => [ '-U', 'installer' ]);
is( $node->safe_psql('trusted', q{SELECT count(*) FROM pg_namespace WHERE nspname = 'distributor'}),
	'0', 'the installer drops it, schema and all');

# Traps laid before the install are not stepped into: overloads of what the
# script calls, in schemas on the path of the superuser who installs.

$node->safe_psql('hostile', q{
	CREATE SCHEMA trap AUTHORIZATION mallory;
	ALTER DATABASE hostile SET search_path = trap, pg_catalog, public;
});
$node->safe_psql('hostile', q{
	CREATE TABLE trap.caught (what pg_catalog.text);
	CREATE FUNCTION trap.note(pg_catalog.text) RETURNS bool LANGUAGE plpgsql AS
		$$ BEGIN INSERT INTO trap.caught VALUES ($1); RETURN true; END $$;
	CREATE FUNCTION trap.eq(bigint, bigint) RETURNS bool LANGUAGE sql AS $$ SELECT trap.note('=') $$;
	CREATE FUNCTION trap.cat(pg_catalog.text, pg_catalog.text) RETURNS pg_catalog.text
		LANGUAGE sql AS $$ SELECT trap.note('||')::pg_catalog.text $$;
	CREATE OPERATOR trap.= (FUNCTION = trap.eq, LEFTARG = bigint, RIGHTARG = bigint);
	CREATE OPERATOR trap.|| (FUNCTION = trap.cat, LEFTARG = pg_catalog.text, RIGHTARG = pg_catalog.text);
	CREATE DOMAIN trap.int8 AS pg_catalog.varchar;
	CREATE DOMAIN trap.text AS pg_catalog.varchar;
	CREATE DOMAIN trap.numeric AS pg_catalog.float8;
	CREATE DOMAIN trap.jsonb AS pg_catalog.varchar;
}, extra_params => [ '-U', 'mallory' ]);
$node->safe_psql('hostile', 'CREATE EXTENSION distributor');
is( $node->safe_psql(
		'hostile', q{
		SELECT count(*)
		FROM pg_catalog.pg_depend e
		JOIN pg_catalog.pg_depend d ON d.classid = e.classid AND d.objid = e.objid
		CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.refclassid, d.refobjid, d.refobjsubid) i
		WHERE e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND e.deptype = 'e'
		  AND e.refobjid OPERATOR(pg_catalog.=) (SELECT oid FROM pg_catalog.pg_extension WHERE extname = 'distributor')
		  AND i.schema NOT IN ('pg_catalog', 'distributor')}),
	'0',
	'nothing of the extension depends on an object of somebody else');
is($node->safe_psql('hostile', 'SELECT pg_catalog.count(*) FROM trap.caught'),
	'0', 'and no trap was called');

$node->stop;
done_testing();
