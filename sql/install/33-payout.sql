-- Layer 3: money that comes by no order, and money that is paid out.

CREATE FUNCTION distributor.adjust(
		program pg_catalog.text, member pg_catalog.int8, amount pg_catalog."numeric",
		reason pg_catalog.text, key pg_catalog.text, currency pg_catalog.text DEFAULT NULL)
	RETURNS pg_catalog.int8
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_adjust';
COMMENT ON FUNCTION distributor.adjust(pg_catalog.text, pg_catalog.int8, pg_catalog."numeric", pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
	'enter an amount by hand for a member named by its number, above or below zero, with a reason; returns adjustment_id; the same key twice counts once';
CREATE FUNCTION distributor.adjust(
		program pg_catalog.text, member pg_catalog.text, amount pg_catalog."numeric",
		reason pg_catalog.text, key pg_catalog.text, currency pg_catalog.text DEFAULT NULL)
	RETURNS pg_catalog.int8
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_adjust';
COMMENT ON FUNCTION distributor.adjust(pg_catalog.text, pg_catalog.text, pg_catalog."numeric", pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
	'enter an amount by hand for a member named by its key, above or below zero, with a reason; returns adjustment_id; the same key twice counts once';

CREATE FUNCTION distributor.write_off(program pg_catalog.text)
	RETURNS pg_catalog.int8
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_write_off';
COMMENT ON FUNCTION distributor.write_off(pg_catalog.text) IS
	'write off the debts that have lasted as long as the program''s write_off_after; returns how many';

-- Payouts

CREATE FUNCTION distributor.set_payout_terms(
		program pg_catalog.text, currency pg_catalog.text DEFAULT NULL,
		minimum pg_catalog."numeric" DEFAULT 0, fee_fixed pg_catalog."numeric" DEFAULT 0,
		fee_rate pg_catalog."numeric" DEFAULT 0, free_count pg_catalog.int4 DEFAULT 0,
		free_amount pg_catalog."numeric" DEFAULT 0, tax pg_catalog.jsonb DEFAULT '[]',
		period pg_catalog.text DEFAULT 'month', approval pg_catalog.text DEFAULT 'automatic')
	RETURNS pg_catalog.int4
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_set_payout_terms';
COMMENT ON FUNCTION distributor.set_payout_terms(pg_catalog.text, pg_catalog.text, pg_catalog."numeric", pg_catalog."numeric", pg_catalog."numeric", pg_catalog.int4, pg_catalog."numeric", pg_catalog.jsonb, pg_catalog.text, pg_catalog.text) IS
	'what payouts in a currency need and cost from now on: minimum, fee with free allowances, tax by table, approval; returns the version';

CREATE FUNCTION distributor.request_payout(
		program pg_catalog.text, member pg_catalog.int8, amount pg_catalog."numeric",
		payout_key pg_catalog.text, currency pg_catalog.text DEFAULT NULL)
	RETURNS pg_catalog.int8
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_request_payout';
COMMENT ON FUNCTION distributor.request_payout(pg_catalog.text, pg_catalog.int8, pg_catalog."numeric", pg_catalog.text, pg_catalog.text) IS
	'take an amount (NULL: all) from what is available to a member named by its number, to be paid out; returns payout_id; the same key twice counts once';
CREATE FUNCTION distributor.request_payout(
		program pg_catalog.text, member pg_catalog.text, amount pg_catalog."numeric",
		payout_key pg_catalog.text, currency pg_catalog.text DEFAULT NULL)
	RETURNS pg_catalog.int8
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_request_payout';
COMMENT ON FUNCTION distributor.request_payout(pg_catalog.text, pg_catalog.text, pg_catalog."numeric", pg_catalog.text, pg_catalog.text) IS
	'take an amount (NULL: all) from what is available to a member named by its key, to be paid out; returns payout_id; the same key twice counts once';

CREATE FUNCTION distributor.approve_payout(program pg_catalog.text, payout_key pg_catalog.text)
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_approve_payout';
COMMENT ON FUNCTION distributor.approve_payout(pg_catalog.text, pg_catalog.text) IS
	'let a payout be transferred, where approval is manual';

CREATE FUNCTION distributor.settle_payout(
		program pg_catalog.text, payout_key pg_catalog.text,
		reference pg_catalog.text DEFAULT NULL, settled_at pg_catalog.timestamptz DEFAULT NULL)
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_settle_payout';
COMMENT ON FUNCTION distributor.settle_payout(pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.timestamptz) IS
	'tell that a payout has been transferred, under which reference and when (NULL: now)';

CREATE FUNCTION distributor.fail_payout(
		program pg_catalog.text, payout_key pg_catalog.text, reason pg_catalog.text)
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_fail_payout';
COMMENT ON FUNCTION distributor.fail_payout(pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
	'reject a payout, or tell that it failed or came back: its money returns to the member';

CREATE FUNCTION distributor.create_payout_batch(
		program pg_catalog.text, as_of pg_catalog.timestamptz DEFAULT NULL,
		currency pg_catalog.text DEFAULT NULL, batch_key pg_catalog.text DEFAULT NULL,
		sweep pg_catalog.bool DEFAULT true)
	RETURNS pg_catalog.int8
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_create_payout_batch';
COMMENT ON FUNCTION distributor.create_payout_batch(pg_catalog.text, pg_catalog.timestamptz, pg_catalog.text, pg_catalog.text, pg_catalog.bool) IS
	'put the approved payouts of a currency into a batch for the bank; with sweep, request one first for every member with the minimum; returns payout_batch_id; the same key twice is one batch';
