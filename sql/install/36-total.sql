-- Team totals that are right at any moment.

CREATE FUNCTION distributor.keep_team_totals(program pg_catalog.text, period pg_catalog.text DEFAULT 'month')
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_keep_team_totals';
COMMENT ON FUNCTION distributor.keep_team_totals(pg_catalog.text, pg_catalog.text) IS
	'build the team totals of a program, by day, week, month, quarter or year, and keep them from now on; NULL: keep none';

CREATE FUNCTION distributor.fold_team(program pg_catalog.text, batch_size pg_catalog.int8)
	RETURNS pg_catalog.int8
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_fold_team';
COMMENT ON FUNCTION distributor.fold_team(pg_catalog.text, pg_catalog.int8) IS
	'add a batch of the changes of team totals to the totals; returns how many, NULL if somebody else is folding; call fold()';

CREATE FUNCTION distributor.team_total(
		program pg_catalog.text, member pg_catalog.int8, period pg_catalog.date DEFAULT NULL,
		as_of pg_catalog.timestamptz DEFAULT NULL,
		OUT people pg_catalog.int8, OUT sales pg_catalog.int8, OUT volume pg_catalog."numeric")
	RETURNS record
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 AS 'MODULE_PATHNAME', 'program_team_total_as_of';
COMMENT ON FUNCTION distributor.team_total(pg_catalog.text, pg_catalog.int8, pg_catalog.date, pg_catalog.timestamptz) IS
	'what a team adds up to at this moment, or added up to at another, for all time or the calendar period that a day is in: people by the tree as it is, sales and volume less refunds for the upline that each sale had';
CREATE FUNCTION distributor.team_total(
		program pg_catalog.text, member pg_catalog.text, period pg_catalog.date DEFAULT NULL,
		as_of pg_catalog.timestamptz DEFAULT NULL,
		OUT people pg_catalog.int8, OUT sales pg_catalog.int8, OUT volume pg_catalog."numeric")
	RETURNS record
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 AS 'MODULE_PATHNAME', 'program_team_total_as_of';
COMMENT ON FUNCTION distributor.team_total(pg_catalog.text, pg_catalog.text, pg_catalog.date, pg_catalog.timestamptz) IS
	'what a team adds up to at this moment, or added up to at another, for all time or the calendar period that a day is in: people by the tree as it is, sales and volume less refunds for the upline that each sale had';
