
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
	states pg_catalog.text[] DEFAULT NULL,
	ranks pg_catalog.text[] DEFAULT NULL,
	sale pg_catalog.jsonb DEFAULT NULL)
RETURNS TABLE (
	rule pg_catalog.text,
	level pg_catalog.int4,
	member_id pg_catalog.int8,
	base pg_catalog.numeric,
	rate pg_catalog.numeric,
	amount pg_catalog.numeric,
	line pg_catalog.int4,
	basis pg_catalog.int4)
AS 'MODULE_PATHNAME', 'distributor_commissions'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10 ROWS 3
SUPPORT distributor.commissions_support;
COMMENT ON FUNCTION distributor.commissions(pg_catalog.jsonb, distributor.refpath, pg_catalog.numeric, pg_catalog.text, pg_catalog.text[], pg_catalog.text[], pg_catalog.jsonb) IS
'what a plan pays for one sale: a row for each payment; states[1] and ranks[1] are of the member of the sale, the next of its sponsor, and so on; sale has the other facts';

CREATE FUNCTION distributor.explain_commissions(
	plan pg_catalog.jsonb,
	path distributor.refpath,
	amount pg_catalog.numeric,
	currency pg_catalog.text DEFAULT NULL,
	states pg_catalog.text[] DEFAULT NULL,
	ranks pg_catalog.text[] DEFAULT NULL,
	sale pg_catalog.jsonb DEFAULT NULL)
RETURNS TABLE (
	rule pg_catalog.text,
	line pg_catalog.int4,
	level pg_catalog.int4,
	member_id pg_catalog.int8,
	basis pg_catalog.int4,
	base pg_catalog.numeric,
	rate pg_catalog.numeric,
	exact pg_catalog.numeric,
	amount pg_catalog.numeric,
	reason pg_catalog.text,
	limited_by pg_catalog.text,
	explanation pg_catalog.text)
AS 'MODULE_PATHNAME', 'distributor_explain_commissions'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 5
SUPPORT distributor.commissions_support;
COMMENT ON FUNCTION distributor.explain_commissions(pg_catalog.jsonb, distributor.refpath, pg_catalog.numeric, pg_catalog.text, pg_catalog.text[], pg_catalog.text[], pg_catalog.jsonb) IS
'why a plan pays what it pays for one sale: a row for every rule and upline visited, paid or not, with the reason';

-- its messages may be the server's own, in the language of the session
CREATE FUNCTION distributor.check_plan(plan pg_catalog.json)
RETURNS TABLE (
	severity pg_catalog.text,
	path pg_catalog.text,
	message pg_catalog.text)
AS 'MODULE_PATHNAME', 'distributor_check_plan'
LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 5;
COMMENT ON FUNCTION distributor.check_plan(pg_catalog.json) IS
'all mistakes of a commission plan, each with its place, or else what is doubtful in it; no rows: nothing to say';

CREATE FUNCTION distributor.plan_diff(a pg_catalog.json, b pg_catalog.json)
RETURNS TABLE (
	path pg_catalog.text,
	change pg_catalog.text,
	before pg_catalog.jsonb,
	after pg_catalog.jsonb)
AS 'MODULE_PATHNAME', 'distributor_plan_diff'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 ROWS 10;
COMMENT ON FUNCTION distributor.plan_diff(pg_catalog.json, pg_catalog.json) IS
'what differs between two commission plans, rule by rule: added, removed, changed or moved in the order of running; no rows: nothing';

CREATE FUNCTION distributor.apportion(
	amount pg_catalog.numeric,
	remainders pg_catalog.numeric[],
	scale pg_catalog.int4 DEFAULT 2)
RETURNS pg_catalog.numeric[]
AS 'MODULE_PATHNAME', 'distributor_apportion'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION distributor.apportion(pg_catalog.numeric, pg_catalog.numeric[], pg_catalog.int4) IS
'divide an amount over what remains of rows, in proportion and by largest remainder: the parts add up to the amount, and none exceeds its row';
