
-- Commission plans: the pure calculation, on any table.

CREATE FUNCTION distributor.commissions_support(pg_catalog.internal)
RETURNS pg_catalog.internal
AS 'MODULE_PATHNAME', 'distributor_commissions_support'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION distributor.commissions_support(pg_catalog.internal) IS
'planner support for commissions(): estimates its rows from a constant plan';

CREATE FUNCTION distributor.commissions(
	plan pg_catalog.jsonb,
	path distributor.refpath,
	amount pg_catalog.numeric,
	currency pg_catalog.text DEFAULT NULL,
	states pg_catalog.text[] DEFAULT NULL)
RETURNS TABLE (
	rule pg_catalog.text,
	level pg_catalog.int4,
	member_id pg_catalog.int8,
	base pg_catalog.numeric,
	rate pg_catalog.numeric,
	amount pg_catalog.numeric)
AS 'MODULE_PATHNAME', 'distributor_commissions'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10 ROWS 3
SUPPORT distributor.commissions_support;
COMMENT ON FUNCTION distributor.commissions(pg_catalog.jsonb, distributor.refpath, pg_catalog.numeric, pg_catalog.text, pg_catalog.text[]) IS
'what a plan pays for one sale: a row for each upline that is paid; states[1] is the state of the member of the sale, states[2] of its sponsor, and so on';
