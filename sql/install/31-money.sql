-- What money does after it was earned: settings, and when it is available.

CREATE FUNCTION distributor.alter_program(
		program pg_catalog.text,
		hold_start pg_catalog.text DEFAULT NULL, hold_period pg_catalog."interval" DEFAULT NULL,
		clawback pg_catalog.text DEFAULT NULL, write_off_after pg_catalog."interval" DEFAULT NULL,
		sale_change pg_catalog.text DEFAULT NULL, notices pg_catalog.bool DEFAULT NULL)
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_alter';
COMMENT ON FUNCTION distributor.alter_program(pg_catalog.text, pg_catalog.text, pg_catalog."interval", pg_catalog.text, pg_catalog."interval", pg_catalog.text, pg_catalog.bool) IS
	'change what holds for money that is posted from now on; an argument that is null leaves its setting as it is';

CREATE FUNCTION distributor.record_fulfillment(
		program pg_catalog.text, order_key pg_catalog.text,
		fulfilled_at pg_catalog.timestamptz DEFAULT NULL)
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_record_fulfillment';
COMMENT ON FUNCTION distributor.record_fulfillment(pg_catalog.text, pg_catalog.text, pg_catalog.timestamptz) IS
	'say when an order was fulfilled (now), so that its hold period begins; the same twice counts once';
