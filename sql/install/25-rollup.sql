
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

-- A variadic function of any types has at least one such argument, so this is
-- another function, and no call fits both.
CREATE FUNCTION distributor.team_rollup(
	query pg_catalog.text,
	legs pg_catalog.bool,
	leg_threshold pg_catalog.numeric,
	levels pg_catalog.int4,
	VARIADIC args "any")
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
COMMENT ON FUNCTION distributor.team_rollup(pg_catalog.text, pg_catalog.bool, pg_catalog.numeric, pg_catalog.int4, VARIADIC "any") IS
'the same for a query with parameters: args are its $1, $2 and so on';

CREATE FUNCTION distributor.rollup_members(
	state pg_catalog.bytea,
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
AS 'MODULE_PATHNAME', 'distributor_rollup_members'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000 ROWS 10000;
COMMENT ON FUNCTION distributor.rollup_members(pg_catalog.bytea, pg_catalog.bool, pg_catalog.numeric, pg_catalog.int4) IS
'team size, legs and volumes of every member, from a state that rollup_state() made';

CREATE FUNCTION distributor.rollup_volumes(query pg_catalog.text, member_id pg_catalog.int8)
RETURNS pg_catalog.numeric[]
AS 'MODULE_PATHNAME', 'distributor_rollup_volumes'
LANGUAGE C STABLE STRICT PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION distributor.rollup_volumes(pg_catalog.text, pg_catalog.int8) IS
'personal and team volume of a member, as team_rollup() tells them of a query that yields (path refpath, volume), at all of the member''s paths together; the rollup is made once for all rows that ask';

-- The pieces of the aggregate rollup_state(), for engines that put them together
-- themselves.

CREATE FUNCTION distributor.rollup_state_accum(
	state pg_catalog.bytea,
	path distributor.refpath,
	VARIADIC volumes pg_catalog.numeric[])
RETURNS pg_catalog.bytea
AS 'MODULE_PATHNAME', 'distributor_rollup_state_accum'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5;
COMMENT ON FUNCTION distributor.rollup_state_accum(pg_catalog.bytea, distributor.refpath, VARIADIC pg_catalog.numeric[]) IS
'adds a row to a state of rollup_state()';

CREATE FUNCTION distributor.rollup_state_combine(pg_catalog.bytea, pg_catalog.bytea)
RETURNS pg_catalog.bytea
AS 'MODULE_PATHNAME', 'distributor_rollup_state_combine'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION distributor.rollup_state_combine(pg_catalog.bytea, pg_catalog.bytea) IS
'joins two states of rollup_state()';

CREATE FUNCTION distributor.rollup_state_final(pg_catalog.bytea)
RETURNS pg_catalog.bytea
AS 'MODULE_PATHNAME', 'distributor_rollup_state_final'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION distributor.rollup_state_final(pg_catalog.bytea) IS
'a state of rollup_state() with one entry a path, in their order';

CREATE AGGREGATE distributor.rollup_state(path distributor.refpath, VARIADIC volumes pg_catalog.numeric[]) (
	SFUNC = distributor.rollup_state_accum,
	STYPE = pg_catalog.bytea,
	SSPACE = 65536,
	FINALFUNC = distributor.rollup_state_final,
	COMBINEFUNC = distributor.rollup_state_combine,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE distributor.rollup_state(distributor.refpath, VARIADIC pg_catalog.numeric[]) IS
'rows and volumes by path, as one value for rollup_members(); parts of it combine exactly';
