-- A member's data.

CREATE FUNCTION distributor.erase_member(program pg_catalog.text, member pg_catalog.int8)
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_erase_member';
COMMENT ON FUNCTION distributor.erase_member(pg_catalog.text, pg_catalog.int8) IS
	'remove what leads from a member to a person: the member leaves, its key goes, its number stays in tree and ledger';
CREATE FUNCTION distributor.erase_member(program pg_catalog.text, member pg_catalog.text)
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_erase_member';
COMMENT ON FUNCTION distributor.erase_member(pg_catalog.text, pg_catalog.text) IS
	'remove what leads from a member to a person: the member leaves, its key goes, its number stays in tree and ledger';
