-- The audit.

CREATE FUNCTION distributor.audit(
		program pg_catalog.text, since pg_catalog.timestamptz DEFAULT '-infinity',
		OUT invariant pg_catalog.text, OUT object pg_catalog.text,
		OUT expected pg_catalog.text, OUT found pg_catalog.text)
	RETURNS SETOF record
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000000 ROWS 10
	AS 'MODULE_PATHNAME', 'program_audit';
COMMENT ON FUNCTION distributor.audit(pg_catalog.text, pg_catalog.timestamptz) IS
	'recompute money and tree of a program from sales, history and plan, and say what is not as it should be; no rows: all is well; since: only what was posted since then';
