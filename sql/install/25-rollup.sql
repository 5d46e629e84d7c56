
-- Whole-tree rollups: what every member's team adds up to.

CREATE FUNCTION distributor.team_rollup(
	query pg_catalog.text,
	legs pg_catalog.bool DEFAULT false,
	leg_threshold pg_catalog.numeric DEFAULT NULL,
	levels pg_catalog.int4 DEFAULT 0)
RETURNS TABLE (
	member_id pg_catalog.int8,
	path distributor.refpath,
	depth pg_catalog.int4,
	input_rows pg_catalog.int8,
	team_size pg_catalog.int8,
	frontline pg_catalog.int8,
	deepest pg_catalog.int4,
	personal pg_catalog.numeric[],
	team pg_catalog.numeric[],
	largest_leg pg_catalog.numeric[],
	other_legs pg_catalog.numeric[],
	legs_at_least pg_catalog.int8[],
	by_level pg_catalog.numeric[])
AS 'MODULE_PATHNAME', 'distributor_team_rollup'
LANGUAGE C STABLE PARALLEL UNSAFE COST 100000 ROWS 10000;
COMMENT ON FUNCTION distributor.team_rollup(pg_catalog.text, pg_catalog.bool, pg_catalog.numeric, pg_catalog.int4) IS
'team size, legs and volumes of every member, in one pass over a query that yields (path refpath, volume ...)';
