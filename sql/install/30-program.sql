-- Layer 3: programs.  The tables of a program belong to whoever creates it;
-- the extension owns code only.

-- What guards the tables of a program.  Both are trigger functions in C.

CREATE FUNCTION distributor.guard() RETURNS pg_catalog.trigger
	LANGUAGE C AS 'MODULE_PATHNAME', 'program_guard';
COMMENT ON FUNCTION distributor.guard() IS
	'trigger function: refuses direct changes of a program''s tables; they change only through the functions of distributor';

CREATE FUNCTION distributor.create_program_tables(
		program pg_catalog.text,
		currency pg_catalog.text,
		time_zone pg_catalog.text,
		key_type pg_catalog.text)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	zone pg_catalog.text := coalesce(time_zone, current_setting('TimeZone'));
	-- Every name below is plain; only the schema needs quoting, and this is
	-- the one place that puts it in.
	ddl CONSTANT pg_catalog.text := $ddl$
CREATE SCHEMA @program@;

CREATE TABLE @program@.program (
	singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
	version text NOT NULL,
	currency text NOT NULL,
	time_zone text NOT NULL,
	key_type text NOT NULL CHECK (key_type IN ('bigint', 'text')),
	paused_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	hold_start text NOT NULL DEFAULT 'paid' CHECK (hold_start IN ('paid', 'fulfilled')),
	hold_period interval NOT NULL DEFAULT '0',
	sale_change text NOT NULL DEFAULT 'refuse' CHECK (sale_change IN ('refuse', 'repost')),
	clawback text NOT NULL DEFAULT 'carry' CHECK (clawback IN ('carry', 'write_off', 'block')),
	write_off_after interval,
	notices boolean NOT NULL DEFAULT false,
	folded_through bigint NOT NULL DEFAULT 0,
	total_period text CHECK (total_period IN ('day', 'week', 'month', 'quarter', 'year')),
	delta_generation integer NOT NULL DEFAULT 1,
	folded_generation integer NOT NULL DEFAULT 0,
	ranking_before date,
	ranking_floor numeric,
	ranking_own_floor numeric,
	ranked_before date,
	archived_before timestamptz,
	statements_from timestamptz,
	CONSTRAINT program_write_off_check CHECK ((clawback = 'write_off') = (write_off_after IS NOT NULL))
);
COMMENT ON TABLE @program@.program IS 'the settings of this referral program: one row';
COMMENT ON COLUMN @program@.program.version IS 'version of distributor that the tables were made for';
COMMENT ON COLUMN @program@.program.currency IS 'currency of a sale that names none';
COMMENT ON COLUMN @program@.program.time_zone IS 'time zone of columns without one, and of calendar periods';
COMMENT ON COLUMN @program@.program.key_type IS 'bigint: the user''s member ids are numbers, used as they are; text: they are keys (uuid, text), numbered inside';
COMMENT ON COLUMN @program@.program.paused_at IS 'since when the triggers do nothing; NULL while they work';
COMMENT ON COLUMN @program@.program.hold_start IS 'paid: the hold period runs from when the order occurred; fulfilled: from when it was fulfilled';
COMMENT ON COLUMN @program@.program.hold_period IS 'how long what a sale pays is pending before it is available';
COMMENT ON COLUMN @program@.program.sale_change IS 'refuse: amount and member of a posted order cannot be changed; repost: the sale is reversed and posted anew';
COMMENT ON COLUMN @program@.program.clawback IS 'what a refund does that takes back more than a member has: carry the debt, write it off after write_off_after, or block the refund';
COMMENT ON COLUMN @program@.program.notices IS 'whether a change of a member''s balance is told by NOTIFY';
COMMENT ON COLUMN @program@.program.total_period IS 'calendar period by which team totals are kept; NULL: none are';
COMMENT ON COLUMN @program@.program.delta_generation IS 'generation that changes of team totals are written into';
COMMENT ON COLUMN @program@.program.folded_generation IS 'no change of this generation or an earlier one is left, or will be written';
COMMENT ON COLUMN @program@.program.ranking_before IS 'team totals of periods before this, the period at hand, are written with their ranked columns';
COMMENT ON COLUMN @program@.program.ranking_floor IS 'those of the period at hand from this volume on are so too; NULL: none are';
COMMENT ON COLUMN @program@.program.ranking_own_floor IS 'the same for own_volume';
COMMENT ON COLUMN @program@.program.ranked_before IS 'team totals of periods before this have all been ranked';
COMMENT ON COLUMN @program@.program.folded_through IS 'ledger entries up to this one are summed up in account and held';
COMMENT ON COLUMN @program@.program.archived_before IS 'entries posted before this have been taken out of the ledger by archive_ledger(); NULL: none';
COMMENT ON COLUMN @program@.program.statements_from IS 'statements and balances of the past reach back to this; NULL: to the beginning';

CREATE SEQUENCE @program@.member_id_seq;
CREATE TABLE @program@.member (
	member_id bigint CONSTRAINT member_pkey PRIMARY KEY,
	sponsor_id bigint,
	joined_at timestamptz NOT NULL,
	path distributor.refpath NOT NULL,
	state text COLLATE "C" NOT NULL DEFAULT 'active',
	rank text COLLATE "C",
	member_key text COLLATE "C",
	CONSTRAINT member_path_check CHECK (distributor.member_id(path) = member_id
		AND distributor.sponsor_id(path) IS NOT DISTINCT FROM sponsor_id),
	CONSTRAINT member_state_check CHECK (state IN ('active', 'frozen', 'left'))
);
ALTER SEQUENCE @program@.member_id_seq OWNED BY @program@.member.member_id;
CREATE UNIQUE INDEX member_member_key_key ON @program@.member (member_key) WHERE member_key IS NOT NULL;
CREATE INDEX member_path_idx ON @program@.member (path);
CREATE INDEX member_sponsor_id_idx ON @program@.member (sponsor_id);
CREATE INDEX member_state_idx ON @program@.member (member_id) WHERE state <> 'active';
COMMENT ON TABLE @program@.member IS 'the referral tree as it is now';
COMMENT ON COLUMN @program@.member.member_id IS 'number of the member; the user''s own id where that is a number';
COMMENT ON COLUMN @program@.member.sponsor_id IS 'who brought the member; NULL for a root';
COMMENT ON COLUMN @program@.member.path IS 'the ids from the root down to the member';
COMMENT ON COLUMN @program@.member.state IS 'active; frozen: keeps its place and earns nothing; left: gone, its place remains';
COMMENT ON COLUMN @program@.member.rank IS 'rank by name, NULL for none';
COMMENT ON COLUMN @program@.member.member_key IS 'the user''s id where that is not a number';

CREATE TABLE @program@.member_history (
	member_id bigint NOT NULL,
	sponsor_id bigint,
	valid_from timestamptz NOT NULL,
	recorded_at timestamptz NOT NULL DEFAULT now(),
	revision integer NOT NULL,
	change text NOT NULL,
	state text NOT NULL,
	rank text,
	CONSTRAINT member_history_pkey PRIMARY KEY (member_id, revision),
	CONSTRAINT member_history_change_check CHECK (change IN ('join', 'rejoin', 'move', 'rank', 'state'))
);
CREATE INDEX member_history_move_idx ON @program@.member_history (member_id) WHERE change IN ('move', 'rejoin');
COMMENT ON TABLE @program@.member_history IS 'every edge, rank and state that a member has had; a move is one row, whatever the size of the team';
COMMENT ON COLUMN @program@.member_history.revision IS '1 when the member joins, one more with each change';
COMMENT ON COLUMN @program@.member_history.valid_from IS 'from when the row describes the member, up to its next revision';

CREATE TABLE @program@.member_source (
	relid regclass CONSTRAINT member_source_pkey PRIMARY KEY,
	id_column text NOT NULL,
	sponsor_column text NOT NULL,
	joined_at_column text,
	rank_column text,
	state_column text,
	state_map jsonb,
	orphans text NOT NULL,
	attached_at timestamptz NOT NULL DEFAULT now(),
	detached_at timestamptz,
	CONSTRAINT member_source_orphans_check CHECK (orphans IN ('error', 'root'))
);
COMMENT ON TABLE @program@.member_source IS 'the user''s table that keeps the tree, as attach_members registered it';

CREATE TABLE @program@.orphan (
	member_id bigint NOT NULL,
	sponsor_key text,
	problem text NOT NULL,
	found_at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT orphan_pkey PRIMARY KEY (member_id, found_at, problem),
	CONSTRAINT orphan_problem_check CHECK (problem IN ('unknown sponsor', 'cycle'))
);
COMMENT ON TABLE @program@.orphan IS 'members that became roots because their sponsor is unknown or is below themselves (orphans => ''root'')';

CREATE TABLE @program@.plan (
	version integer CONSTRAINT plan_pkey PRIMARY KEY,
	valid_from timestamptz NOT NULL CONSTRAINT plan_valid_from_key UNIQUE,
	document jsonb NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	created_by text NOT NULL
);
COMMENT ON TABLE @program@.plan IS 'the versions of the commission plan; the one valid when a sale occurred is used';
COMMENT ON COLUMN @program@.plan.valid_from IS 'from when the version applies, up to the next one''s valid_from';

CREATE TABLE @program@.order_source (
	order_source_id integer CONSTRAINT order_source_pkey PRIMARY KEY,
	relid regclass NOT NULL CONSTRAINT order_source_relid_key UNIQUE,
	key_column text NOT NULL,
	member_column text NOT NULL,
	amount_column text NOT NULL,
	occurred_at_column text,
	status_column text,
	paid text[] NOT NULL,
	refunded text[] NOT NULL,
	refunded_amount_column text,
	currency_column text,
	attribute_columns text[] NOT NULL,
	fulfilled text[] NOT NULL DEFAULT '{}',
	fulfilled_at_column text,
	since timestamptz NOT NULL,
	attached_at timestamptz NOT NULL DEFAULT now(),
	detached_at timestamptz
);
COMMENT ON TABLE @program@.order_source IS 'the user''s order tables, as attach_orders registered them';

CREATE TABLE @program@.order_line_source (
	relid regclass CONSTRAINT order_line_source_pkey PRIMARY KEY,
	order_source_id integer NOT NULL,
	order_key_column text NOT NULL,
	line_key_column text NOT NULL,
	product_column text,
	quantity_column text,
	amount_column text NOT NULL,
	cost_column text,
	attribute_columns text[] NOT NULL,
	after_sale_id bigint NOT NULL,
	attached_at timestamptz NOT NULL DEFAULT now(),
	detached_at timestamptz
);
COMMENT ON TABLE @program@.order_line_source IS 'the user''s tables of order lines, as attach_order_lines registered them';
COMMENT ON COLUMN @program@.order_line_source.order_source_id IS 'the order table whose lines they are';
COMMENT ON COLUMN @program@.order_line_source.after_sale_id IS 'sales up to this one were posted while the lines were not attached; those without lines have none to compare';

CREATE SEQUENCE @program@.sale_id_seq;
CREATE TABLE @program@.sale (
	sale_id bigint CONSTRAINT sale_pkey PRIMARY KEY,
	member_id bigint NOT NULL,
	occurred_at timestamptz NOT NULL,
	posted_at timestamptz NOT NULL DEFAULT now(),
	plan_version integer NOT NULL,
	order_source_id integer,
	revision integer NOT NULL DEFAULT 1,
	replaces bigint,
	order_key text COLLATE "C" NOT NULL,
	amount numeric NOT NULL,
	currency text COLLATE "C" NOT NULL,
	path distributor.refpath NOT NULL,
	path_ranks text[],
	path_states text[],
	attributes jsonb,
	counters jsonb,
	author text,
	CONSTRAINT sale_order_key_key UNIQUE (order_key, revision),
	CONSTRAINT sale_replaces_check CHECK ((revision > 1) = (replaces IS NOT NULL)),
	CONSTRAINT sale_amount_check CHECK (amount >= 0 AND amount < 'Infinity'),
	CONSTRAINT sale_author_check CHECK (num_nonnulls(order_source_id, author) = 1)
);
ALTER SEQUENCE @program@.sale_id_seq OWNED BY @program@.sale.sale_id;
CREATE INDEX sale_member_id_idx ON @program@.sale (member_id);
CREATE INDEX sale_path_idx ON @program@.sale (path);
CREATE UNIQUE INDEX sale_replaces_key ON @program@.sale (replaces) WHERE replaces IS NOT NULL;
CREATE INDEX sale_occurred_at_idx ON @program@.sale (occurred_at);
COMMENT ON TABLE @program@.sale IS 'every paid order, once: the door through which commissions enter the ledger';
COMMENT ON COLUMN @program@.sale.member_id IS 'to whom the sale is booked (level 0)';
COMMENT ON COLUMN @program@.sale.path IS 'path of that member when the sale was posted; a later move does not change it';
COMMENT ON COLUMN @program@.sale.path_ranks IS 'ranks along the path when the sale was posted, by level from 0; NULL if there were none';
COMMENT ON COLUMN @program@.sale.path_states IS 'states along the path when the sale was posted, by level from 0; NULL if all were active';
COMMENT ON COLUMN @program@.sale.counters IS 'what the plan asked for beyond the sale itself, as read before the calculation: order_number, recruit_numbers, applied, earned; NULL if it asked for nothing';
COMMENT ON COLUMN @program@.sale.order_source_id IS 'the order table it came from; NULL if recorded by call';
COMMENT ON COLUMN @program@.sale.revision IS '1; one more each time that the order was changed and posted anew';
COMMENT ON COLUMN @program@.sale.replaces IS 'the sale of the order before it was changed, which was taken back; NULL for the first';
COMMENT ON COLUMN @program@.sale.author IS 'the role that recorded the sale by call; NULL if it came from a table';

CREATE TABLE @program@.sale_line (
	sale_id bigint NOT NULL,
	line integer NOT NULL,
	line_key text COLLATE "C",
	product text,
	quantity numeric,
	amount numeric NOT NULL,
	cost numeric,
	attributes jsonb,
	CONSTRAINT sale_line_pkey PRIMARY KEY (sale_id, line),
	CONSTRAINT sale_line_line_key_key UNIQUE (sale_id, line_key),
	CONSTRAINT sale_line_line_check CHECK (line >= 1),
	CONSTRAINT sale_line_amount_check CHECK (amount >= 0 AND amount < 'Infinity'),
	CONSTRAINT sale_line_quantity_check CHECK (quantity > '-Infinity' AND quantity < 'Infinity'),
	CONSTRAINT sale_line_cost_check CHECK (cost > '-Infinity' AND cost < 'Infinity')
);
COMMENT ON TABLE @program@.sale_line IS 'the lines that a sale was posted with';
COMMENT ON COLUMN @program@.sale_line.line IS '1 for the first, in the order of the keys, or of the list of a call';
COMMENT ON COLUMN @program@.sale_line.line_key IS 'key of the line within its order; NULL where a call gave none';
COMMENT ON COLUMN @program@.sale_line.quantity IS 'NULL: not said';
COMMENT ON COLUMN @program@.sale_line.amount IS 'what was paid for the line, in the currency of the sale';
COMMENT ON COLUMN @program@.sale_line.cost IS 'what the line costs the house; NULL: not said';

CREATE TABLE @program@.refund_source (
	refund_source_id integer CONSTRAINT refund_source_pkey PRIMARY KEY,
	relid regclass NOT NULL CONSTRAINT refund_source_relid_key UNIQUE,
	key_column text NOT NULL,
	order_key_column text NOT NULL,
	amount_column text,
	line_key_column text,
	occurred_at_column text,
	attached_at timestamptz NOT NULL DEFAULT now(),
	detached_at timestamptz
);
COMMENT ON TABLE @program@.refund_source IS 'the user''s tables of refunds, as attach_refunds registered them';

CREATE SEQUENCE @program@.refund_id_seq;
CREATE TABLE @program@.refund (
	refund_id bigint CONSTRAINT refund_pkey PRIMARY KEY,
	occurred_at timestamptz NOT NULL,
	recorded_at timestamptz NOT NULL DEFAULT now(),
	order_source_id integer,
	refund_source_id integer,
	refund_key text COLLATE "C" NOT NULL CONSTRAINT refund_refund_key_key UNIQUE,
	order_key text COLLATE "C" NOT NULL,
	line_key text COLLATE "C",
	amount numeric,
	author text,
	CONSTRAINT refund_amount_check CHECK (amount > 0 AND amount < 'Infinity'),
	CONSTRAINT refund_author_check CHECK (num_nonnulls(order_source_id, refund_source_id, author) = 1)
);
ALTER SEQUENCE @program@.refund_id_seq OWNED BY @program@.refund.refund_id;
CREATE INDEX refund_order_key_idx ON @program@.refund (order_key);
COMMENT ON TABLE @program@.refund IS 'every refund, once, as it was told; it takes commissions back by its row in refund_posting, and waits for its order until then';
COMMENT ON COLUMN @program@.refund.line_key IS 'the line of the order that it is for; NULL: the whole order';
COMMENT ON COLUMN @program@.refund.amount IS 'in the currency of the sale; NULL: all that remains';
COMMENT ON COLUMN @program@.refund.order_source_id IS 'the order table whose status or refunded amount said so';
COMMENT ON COLUMN @program@.refund.refund_source_id IS 'the refunds table it came from';
COMMENT ON COLUMN @program@.refund.author IS 'the role that recorded it by call';

CREATE TABLE @program@.refund_posting (
	refund_id bigint CONSTRAINT refund_posting_pkey PRIMARY KEY,
	sale_id bigint NOT NULL,
	amount numeric NOT NULL,
	posted_at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT refund_posting_amount_check CHECK (amount >= 0 AND amount < 'Infinity')
);
CREATE INDEX refund_posting_sale_id_idx ON @program@.refund_posting (sale_id);
COMMENT ON TABLE @program@.refund_posting IS 'the refunds that have met their sale: the door through which commissions are taken back';
COMMENT ON COLUMN @program@.refund_posting.amount IS 'by how much less the sale counts; never more than what remained of it';

CREATE TABLE @program@.refund_line (
	refund_id bigint NOT NULL,
	line integer NOT NULL,
	amount numeric NOT NULL,
	CONSTRAINT refund_line_pkey PRIMARY KEY (refund_id, line),
	CONSTRAINT refund_line_line_check CHECK (line >= 1),
	CONSTRAINT refund_line_amount_check CHECK (amount > 0 AND amount < 'Infinity')
);
COMMENT ON TABLE @program@.refund_line IS 'what a refund takes of each line of its sale; one of the whole order is divided over the lines';

CREATE TABLE @program@.sale_release (
	sale_id bigint CONSTRAINT sale_release_pkey PRIMARY KEY,
	fulfilled_at timestamptz NOT NULL,
	available_at timestamptz NOT NULL,
	recorded_at timestamptz NOT NULL DEFAULT now(),
	order_source_id integer,
	author text,
	CONSTRAINT sale_release_author_check CHECK (num_nonnulls(order_source_id, author) = 1)
);
COMMENT ON TABLE @program@.sale_release IS 'when what a sale pays becomes available, where that was not known when it was posted';
COMMENT ON COLUMN @program@.sale_release.fulfilled_at IS 'when the order was fulfilled, which starts the hold period';
COMMENT ON COLUMN @program@.sale_release.author IS 'the role that recorded it by call; NULL if it came from a table';

CREATE SEQUENCE @program@.adjustment_id_seq;
CREATE TABLE @program@.adjustment (
	adjustment_id bigint CONSTRAINT adjustment_pkey PRIMARY KEY,
	adjustment_key text COLLATE "C" NOT NULL CONSTRAINT adjustment_adjustment_key_key UNIQUE,
	member_id bigint NOT NULL,
	amount numeric NOT NULL,
	currency text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL,
	reason text NOT NULL,
	recorded_at timestamptz NOT NULL DEFAULT now(),
	author text NOT NULL,
	CONSTRAINT adjustment_amount_check CHECK (amount > '-Infinity' AND amount < 'Infinity' AND amount <> 0),
	CONSTRAINT adjustment_kind_check CHECK (kind IN ('adjustment', 'write_off'))
);
ALTER SEQUENCE @program@.adjustment_id_seq OWNED BY @program@.adjustment.adjustment_id;
CREATE INDEX adjustment_member_id_idx ON @program@.adjustment (member_id);
COMMENT ON TABLE @program@.adjustment IS 'entries made by hand, and debts written off: the door through which they enter the ledger';
COMMENT ON COLUMN @program@.adjustment.kind IS 'adjustment: by adjust(); write_off: a debt that the program carries no longer';

CREATE TABLE @program@.payout_terms (
	currency text COLLATE "C" NOT NULL,
	version integer NOT NULL,
	minimum numeric NOT NULL,
	fee_fixed numeric NOT NULL,
	fee_rate numeric NOT NULL,
	free_count integer NOT NULL,
	free_amount numeric NOT NULL,
	tax jsonb NOT NULL,
	period text COLLATE "C" NOT NULL,
	approval text COLLATE "C" NOT NULL,
	recorded_at timestamptz NOT NULL DEFAULT now(),
	author text NOT NULL,
	CONSTRAINT payout_terms_pkey PRIMARY KEY (currency, version),
	CONSTRAINT payout_terms_amounts_check CHECK (minimum >= 0 AND minimum < 'Infinity' AND fee_fixed >= 0
		AND fee_fixed < 'Infinity' AND fee_rate >= 0 AND fee_rate < 1 AND free_count >= 0
		AND free_amount >= 0 AND free_amount < 'Infinity'),
	CONSTRAINT payout_terms_period_check CHECK (period IN ('month', 'year', 'life')),
	CONSTRAINT payout_terms_approval_check CHECK (approval IN ('automatic', 'manual'))
);
COMMENT ON TABLE @program@.payout_terms IS 'what a payout costs and needs, by currency; the latest version counts';
COMMENT ON COLUMN @program@.payout_terms.minimum IS 'least amount of a payout';
COMMENT ON COLUMN @program@.payout_terms.fee_rate IS 'fee as a fraction of the amount, beside fee_fixed';
COMMENT ON COLUMN @program@.payout_terms.free_count IS 'so many payouts of a member in each period cost no fee';
COMMENT ON COLUMN @program@.payout_terms.free_amount IS 'payouts of a member up to this sum in each period cost no fee_rate';
COMMENT ON COLUMN @program@.payout_terms.tax IS 'table of rates by what a member is paid out in a period: [{"over": 0, "rate": 0.1}, ...]';
COMMENT ON COLUMN @program@.payout_terms.period IS 'in which allowances and the table of taxes count anew: month, year (by the program''s clock) or life';

CREATE SEQUENCE @program@.payout_id_seq;
CREATE TABLE @program@.payout (
	payout_id bigint CONSTRAINT payout_pkey PRIMARY KEY,
	payout_key text COLLATE "C" NOT NULL CONSTRAINT payout_payout_key_key UNIQUE,
	member_id bigint NOT NULL,
	amount numeric NOT NULL,
	fee numeric NOT NULL,
	tax numeric NOT NULL,
	currency text COLLATE "C" NOT NULL,
	terms_version integer,
	requested_at timestamptz NOT NULL DEFAULT now(),
	author text NOT NULL,
	CONSTRAINT payout_amount_check CHECK (amount > 0 AND amount < 'Infinity'),
	CONSTRAINT payout_fee_check CHECK (fee >= 0 AND tax >= 0 AND fee + tax <= amount)
);
ALTER SEQUENCE @program@.payout_id_seq OWNED BY @program@.payout.payout_id;
CREATE INDEX payout_member_id_idx ON @program@.payout (member_id, currency, requested_at);
COMMENT ON TABLE @program@.payout IS 'every payout that was requested, once: it takes the money from what is available';
COMMENT ON COLUMN @program@.payout.amount IS 'what is taken from the member''s balance: what is transferred, fee and tax';
COMMENT ON COLUMN @program@.payout.terms_version IS 'of payout_terms; NULL: there were none';

CREATE TABLE @program@.payout_approval (
	payout_id bigint CONSTRAINT payout_approval_pkey PRIMARY KEY,
	approved_at timestamptz NOT NULL DEFAULT now(),
	author text NOT NULL
);
COMMENT ON TABLE @program@.payout_approval IS 'payouts that may be transferred';

CREATE SEQUENCE @program@.payout_batch_id_seq;
CREATE TABLE @program@.payout_batch (
	payout_batch_id bigint CONSTRAINT payout_batch_pkey PRIMARY KEY,
	batch_key text COLLATE "C" NOT NULL CONSTRAINT payout_batch_batch_key_key UNIQUE,
	as_of timestamptz NOT NULL,
	currency text COLLATE "C" NOT NULL,
	sweep boolean NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	author text NOT NULL
);
ALTER SEQUENCE @program@.payout_batch_id_seq OWNED BY @program@.payout_batch.payout_batch_id;
COMMENT ON TABLE @program@.payout_batch IS 'payouts that go to the bank together';
COMMENT ON COLUMN @program@.payout_batch.as_of IS 'what was available then is paid out';
COMMENT ON COLUMN @program@.payout_batch.sweep IS 'whether payouts were requested for all members with enough, beside those that waited';

CREATE TABLE @program@.payout_batch_item (
	payout_id bigint CONSTRAINT payout_batch_item_pkey PRIMARY KEY,
	payout_batch_id bigint NOT NULL
);
CREATE INDEX payout_batch_item_payout_batch_id_idx ON @program@.payout_batch_item (payout_batch_id);
COMMENT ON TABLE @program@.payout_batch_item IS 'which payouts are in which batch: each in one at most';

CREATE TABLE @program@.payout_settlement (
	payout_id bigint CONSTRAINT payout_settlement_pkey PRIMARY KEY,
	settled_at timestamptz NOT NULL,
	reference text,
	recorded_at timestamptz NOT NULL DEFAULT now(),
	author text NOT NULL
);
COMMENT ON TABLE @program@.payout_settlement IS 'payouts that the bank has made';
COMMENT ON COLUMN @program@.payout_settlement.reference IS 'as the bank calls the transfer';

CREATE TABLE @program@.payout_failure (
	payout_id bigint CONSTRAINT payout_failure_pkey PRIMARY KEY,
	failed_at timestamptz NOT NULL,
	reason text NOT NULL,
	recorded_at timestamptz NOT NULL DEFAULT now(),
	author text NOT NULL
);
COMMENT ON TABLE @program@.payout_failure IS 'payouts that were refused, failed, or came back: the door through which their money returns';

CREATE TABLE @program@.account (
	member_id bigint NOT NULL,
	currency text COLLATE "C" NOT NULL,
	available numeric NOT NULL DEFAULT 0,
	entries bigint NOT NULL DEFAULT 0,
	last_posted_at timestamptz,
	CONSTRAINT account_pkey PRIMARY KEY (member_id, currency)
) WITH (fillfactor = 70);
COMMENT ON TABLE @program@.account IS 'checkpoints of balances: sum of the available entries up to program.folded_through; its row is also the lock of a member''s money';
COMMENT ON COLUMN @program@.account.entries IS 'how many entries were folded into account and held';
COMMENT ON COLUMN @program@.account.last_posted_at IS 'when the last of them was posted';

CREATE TABLE @program@.held (
	member_id bigint NOT NULL,
	currency text COLLATE "C" NOT NULL,
	entry_id bigint NOT NULL,
	amount numeric NOT NULL,
	available_at timestamptz,
	sale_id bigint,
	CONSTRAINT held_pkey PRIMARY KEY (member_id, currency, entry_id)
);
CREATE INDEX held_available_at_idx ON @program@.held (available_at);
CREATE INDEX held_sale_id_idx ON @program@.held (sale_id) WHERE available_at IS NULL;
COMMENT ON TABLE @program@.held IS 'entries up to program.folded_through that were not available when they were folded, and are in no checkpoint yet';
COMMENT ON COLUMN @program@.held.available_at IS 'NULL: sale_release will say';
COMMENT ON COLUMN @program@.held.sale_id IS 'the sale whose release it waits for';

CREATE TABLE @program@.archived (
	member_id bigint NOT NULL,
	currency text COLLATE "C" NOT NULL,
	entry_id bigint NOT NULL,
	amount numeric NOT NULL,
	available_at timestamptz,
	sale_id bigint,
	CONSTRAINT archived_pkey PRIMARY KEY (member_id, currency, entry_id)
);
COMMENT ON TABLE @program@.archived IS 'what archive_ledger() took out of the ledger: with entry_id 0 the sum of what was available at program.statements_from, and the other entries one by one';
COMMENT ON COLUMN @program@.archived.available_at IS 'NULL: sale_release will say';
COMMENT ON COLUMN @program@.archived.sale_id IS 'the sale whose release it waits for';

CREATE TABLE @program@.closed_period (
	ends_at timestamptz CONSTRAINT closed_period_pkey PRIMARY KEY,
	name text NOT NULL CONSTRAINT closed_period_name_key UNIQUE,
	through_entry_id bigint NOT NULL,
	closed_at timestamptz NOT NULL DEFAULT now(),
	author text NOT NULL,
	entries bigint,
	sums jsonb,
	hash bytea
);
COMMENT ON TABLE @program@.closed_period IS 'periods that accept nothing more';
COMMENT ON COLUMN @program@.closed_period.ends_at IS 'the period reaches from the end of the last one to before this';
COMMENT ON COLUMN @program@.closed_period.through_entry_id IS 'of the entries posted before ends_at, those up to this one are in the period or an earlier one; what was committed late is in a later one';
COMMENT ON COLUMN @program@.closed_period.hash IS 'seal, with entries and sums (by currency): of the entries of the period in the order of their ids; NULL: not sealed';

CREATE TABLE @program@.team_total (
	member_id bigint NOT NULL,
	period date NOT NULL,
	people bigint NOT NULL,
	sales bigint NOT NULL,
	volume numeric NOT NULL,
	own_volume numeric NOT NULL DEFAULT 0,
	ranked_volume numeric,
	ranked_own_volume numeric,
	CONSTRAINT team_total_pkey PRIMARY KEY (member_id, period)
) WITH (fillfactor = 70);
-- While a period lasts few of its rows are in an index by volume; of the others
-- all that is indexed stays as it is, and folding writes no index.
CREATE INDEX team_total_period_idx ON @program@.team_total (period);
CREATE INDEX team_total_ranked_volume_idx ON @program@.team_total (period, ranked_volume DESC, member_id) WHERE ranked_volume IS NOT NULL;
CREATE INDEX team_total_ranked_own_volume_idx ON @program@.team_total (period, ranked_own_volume DESC, member_id) WHERE ranked_own_volume IS NOT NULL;
COMMENT ON TABLE @program@.team_total IS 'what teams add up to by calendar period, but for the changes in team_delta; read it by team_total()';
COMMENT ON COLUMN @program@.team_total.period IS 'first day of the period, by the program''s clock';
COMMENT ON COLUMN @program@.team_total.people IS 'people who joined in the period and are in the team now, its leader included';
COMMENT ON COLUMN @program@.team_total.sales IS 'sales of the period, for the upline that each had';
COMMENT ON COLUMN @program@.team_total.volume IS 'their sum less what was refunded of them, whenever that was, in the program''s currency';
COMMENT ON COLUMN @program@.team_total.own_volume IS 'the part of volume that is of the member''s own sales';
COMMENT ON COLUMN @program@.team_total.ranked_volume IS 'volume, where it is above zero and the period is over, or it is among the most: what leaderboard() reads';
COMMENT ON COLUMN @program@.team_total.ranked_own_volume IS 'the same for own_volume';

CREATE TABLE @program@.team_delta (
	generation integer NOT NULL,
	path distributor.refpath,
	member_id bigint,
	period date NOT NULL,
	people bigint NOT NULL,
	sales bigint NOT NULL,
	volume numeric NOT NULL,
	own boolean,
	CONSTRAINT team_delta_path_check CHECK (num_nonnulls(path, member_id) = 1)
);
CREATE INDEX team_delta_path_idx ON @program@.team_delta (generation, path) WHERE path IS NOT NULL;
CREATE INDEX team_delta_member_id_idx ON @program@.team_delta (generation, member_id) WHERE member_id IS NOT NULL;
COMMENT ON TABLE @program@.team_delta IS 'changes of team totals that fold() has not added to team_total yet';
COMMENT ON COLUMN @program@.team_delta.generation IS 'generations are folded as a whole: what an old snapshot keeps of folded ones lies in a part of the index that nobody else reads';
COMMENT ON COLUMN @program@.team_delta.path IS 'counts for every member on this path';
COMMENT ON COLUMN @program@.team_delta.member_id IS 'counts for this member alone';
COMMENT ON COLUMN @program@.team_delta.own IS 'with member_id: true if the sale is the member''s own; with path it is that of the last member';

CREATE SEQUENCE @program@.ledger_entry_id_seq;
CREATE TABLE @program@.ledger (
	entry_id bigint NOT NULL,
	source_id bigint NOT NULL,
	member_id bigint NOT NULL,
	basis bigint NOT NULL DEFAULT 0,
	reverses bigint,
	posted_at timestamptz NOT NULL,
	available_at timestamptz,
	line integer NOT NULL DEFAULT 0,
	level integer NOT NULL,
	source text COLLATE "C" NOT NULL,
	rule text COLLATE "C" NOT NULL,
	amount numeric NOT NULL,
	currency text COLLATE "C" NOT NULL,
	CONSTRAINT ledger_pkey PRIMARY KEY (source_id, member_id, level, line, basis, rule, source),
	CONSTRAINT ledger_amount_check CHECK (amount > '-Infinity' AND amount < 'Infinity'),
	CONSTRAINT ledger_source_check CHECK (source IN ('sale', 'refund', 'adjustment', 'payout', 'payout_failure')),
	CONSTRAINT ledger_reverses_check CHECK ((source IN ('refund', 'payout_failure')) = (reverses IS NOT NULL)
		AND (source NOT IN ('refund', 'payout') OR amount < 0) AND (source <> 'payout_failure' OR amount > 0))
);
ALTER SEQUENCE @program@.ledger_entry_id_seq OWNED BY @program@.ledger.entry_id;
CREATE INDEX ledger_member_id_idx ON @program@.ledger (member_id, entry_id);
CREATE INDEX ledger_entry_id_idx ON @program@.ledger USING brin (entry_id, posted_at) WITH (pages_per_range = 16, autosummarize = on);
COMMENT ON TABLE @program@.ledger IS 'what members earn: rows are added, never changed';
COMMENT ON COLUMN @program@.ledger.source IS 'the kind of event that the row belongs to';
COMMENT ON COLUMN @program@.ledger.source_id IS 'the event: sale_id where source is sale, refund_id where it is refund, adjustment_id, or payout_id';
COMMENT ON COLUMN @program@.ledger.available_at IS 'from when the money is available; NULL: sale_release says';
COMMENT ON COLUMN @program@.ledger.line IS 'order line, 0 for the whole order';
COMMENT ON COLUMN @program@.ledger.level IS '0: the member of the sale, 1: its sponsor, n: the n-th upline';
COMMENT ON COLUMN @program@.ledger.basis IS 'tells apart several rows of one rule and member: 0, or one more than the level whose income or share it was computed on';
COMMENT ON COLUMN @program@.ledger.reverses IS 'entry that this row takes back, or a part of it; it has the same member, level, line, basis and rule';

CREATE TABLE @program@.battle (
	battle text COLLATE "C" CONSTRAINT battle_pkey PRIMARY KEY,
	starts_at timestamptz NOT NULL,
	ends_at timestamptz NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT battle_time_check CHECK (starts_at < ends_at AND starts_at > '-infinity' AND ends_at < 'infinity')
);
COMMENT ON TABLE @program@.battle IS 'contests of teams';

CREATE TABLE @program@.battle_team (
	battle text COLLATE "C" NOT NULL,
	team text COLLATE "C" NOT NULL,
	captain_id bigint NOT NULL,
	registered_at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT battle_team_pkey PRIMARY KEY (battle, team),
	CONSTRAINT battle_team_captain_key UNIQUE (battle, captain_id)
);
COMMENT ON TABLE @program@.battle_team IS 'the teams registered for a battle, each with its captain';

CREATE TABLE @program@.battle_member (
	battle text COLLATE "C" NOT NULL,
	member_id bigint NOT NULL,
	team text COLLATE "C" NOT NULL,
	CONSTRAINT battle_member_pkey PRIMARY KEY (battle, member_id)
);
COMMENT ON TABLE @program@.battle_member IS 'who is in the teams of a battle: written down once, as it was at the start';

CREATE VIEW @program@.earnings WITH (security_invoker = true) AS
	SELECT e.order_key, e.member_id, coalesce(m.member_key, e.member_id::text) AS member_key,
		   e.rule, e.level, e.amount, e.currency, e.posted_at, e.occurred_at,
		   e.sale_member_id, e.sale_amount, e.sale_id, e.entry_id, e.refund_key, e.reverses, e.available_at,
		   -- what can be seen was posted by now, however long the transaction runs
		   CASE WHEN e.available_at <= greatest(now(), e.seen_at) THEN 'available' ELSE 'pending' END AS state
	  FROM (SELECT s.order_key, l.member_id, l.rule, l.level, l.amount, l.currency, l.posted_at, s.occurred_at,
				   s.member_id AS sale_member_id, s.amount AS sale_amount, s.sale_id, l.entry_id,
				   NULL::text AS refund_key, l.reverses, coalesce(l.available_at, v.available_at) AS available_at,
				   greatest(l.posted_at, v.recorded_at) AS seen_at
			  FROM @program@.ledger l
			  JOIN @program@.sale s ON l.source = 'sale' AND s.sale_id = l.source_id
			  LEFT JOIN @program@.sale_release v ON v.sale_id = s.sale_id
			UNION ALL
			SELECT s.order_key, l.member_id, l.rule, l.level, l.amount, l.currency, l.posted_at, r.occurred_at,
				   s.member_id, s.amount, s.sale_id, l.entry_id, r.refund_key, l.reverses,
				   coalesce(l.available_at, CASE WHEN v.available_at <= l.posted_at THEN l.posted_at ELSE v.available_at END),
				   greatest(l.posted_at, v.recorded_at)
			  FROM @program@.ledger l
			  JOIN @program@.refund r ON l.source = 'refund' AND r.refund_id = l.source_id
			  JOIN @program@.refund_posting p ON p.refund_id = r.refund_id
			  JOIN @program@.sale s ON s.sale_id = p.sale_id
			  LEFT JOIN @program@.sale_release v ON v.sale_id = s.sale_id) e
	  LEFT JOIN @program@.member m ON m.member_id = e.member_id;
COMMENT ON VIEW @program@.earnings IS 'each commission with the order that it came from, and what refunds took back of it';
COMMENT ON COLUMN @program@.earnings.member_key IS 'the payee as the user''s tables write it';
COMMENT ON COLUMN @program@.earnings.occurred_at IS 'when the order occurred, or the refund';
COMMENT ON COLUMN @program@.earnings.refund_key IS 'the refund that took it back; NULL for what was earned';
COMMENT ON COLUMN @program@.earnings.sale_member_id IS 'to whom the sale is booked';
COMMENT ON COLUMN @program@.earnings.available_at IS 'from when it can be paid out, or is taken from what can be; NULL: from after the order will have been fulfilled';
COMMENT ON COLUMN @program@.earnings.state IS 'pending or available';

CREATE VIEW @program@.balance WITH (security_invoker = true) AS
	SELECT b.member_id, coalesce(m.member_key, b.member_id::text) AS member_key,
		   b.currency, b.balance, b.entries, b.last_posted_at, b.balance - b.available AS pending, b.available
	  FROM (SELECT e.member_id, e.currency, sum(e.amount) AS balance, sum(e.entries)::bigint AS entries,
				   max(e.last_posted_at) AS last_posted_at,
				   -- what can be seen was posted by now, however long the statement runs
				   coalesce(sum(e.amount) FILTER (WHERE e.available_at <= greatest(statement_timestamp(), e.seen_at)), 0) AS available
			  FROM (SELECT a.member_id, a.currency, a.available AS amount, a.entries, a.last_posted_at,
						   '-infinity'::timestamptz AS available_at, NULL::timestamptz AS seen_at
					  FROM @program@.account a
					UNION ALL
					SELECT h.member_id, h.currency, h.amount, 0, NULL, coalesce(h.available_at, r.available_at), r.recorded_at
					  FROM @program@.held h
					  LEFT JOIN @program@.sale_release r ON h.available_at IS NULL AND r.sale_id = h.sale_id
					UNION ALL
					SELECT l.member_id, l.currency, l.amount, 1, l.posted_at, coalesce(l.available_at, r.available_at),
						   greatest(l.posted_at, r.recorded_at)
					  FROM @program@.ledger l
					  LEFT JOIN @program@.refund_posting p
							 ON l.available_at IS NULL AND l.source = 'refund' AND p.refund_id = l.source_id
					  LEFT JOIN @program@.sale_release r
							 ON l.available_at IS NULL
							AND r.sale_id = CASE l.source WHEN 'sale' THEN l.source_id WHEN 'refund' THEN p.sale_id END
					 -- the upper limit tells the planner that these are few
					 WHERE l.entry_id > (SELECT f.folded_through FROM @program@.program f)
					   AND l.entry_id < 9223372036854775807) e
			 GROUP BY e.member_id, e.currency) b
	  LEFT JOIN @program@.member m ON m.member_id = b.member_id
	 WHERE b.entries > 0;
COMMENT ON VIEW @program@.balance IS 'the money of each member, per currency, as it is now: checkpoints and what was posted since';
COMMENT ON COLUMN @program@.balance.balance IS 'what was earned and adjusted, less what was taken back and paid out';
COMMENT ON COLUMN @program@.balance.entries IS 'how many rows of the ledger it is the sum of, archived ones included';
COMMENT ON COLUMN @program@.balance.pending IS 'what of it is not available yet';
COMMENT ON COLUMN @program@.balance.available IS 'what of it can be paid out; below zero a debt';

CREATE VIEW @program@.payout_state WITH (security_invoker = true) AS
	SELECT p.payout_id, p.payout_key, p.member_id, coalesce(m.member_key, p.member_id::text) AS member_key,
		   p.amount, p.fee, p.tax, p.amount - p.fee - p.tax AS net, p.currency,
		   CASE WHEN f.payout_id IS NOT NULL THEN 'failed'
				WHEN s.payout_id IS NOT NULL THEN 'settled'
				WHEN i.payout_id IS NOT NULL THEN 'batched'
				WHEN a.payout_id IS NOT NULL THEN 'approved'
				ELSE 'requested' END AS state,
		   i.payout_batch_id, b.batch_key, p.requested_at, a.approved_at, s.settled_at, s.reference,
		   f.failed_at, f.reason AS failure
	  FROM @program@.payout p
	  LEFT JOIN @program@.member m ON m.member_id = p.member_id
	  LEFT JOIN @program@.payout_approval a ON a.payout_id = p.payout_id
	  LEFT JOIN @program@.payout_batch_item i ON i.payout_id = p.payout_id
	  LEFT JOIN @program@.payout_batch b ON b.payout_batch_id = i.payout_batch_id
	  LEFT JOIN @program@.payout_settlement s ON s.payout_id = p.payout_id
	  LEFT JOIN @program@.payout_failure f ON f.payout_id = p.payout_id;
COMMENT ON VIEW @program@.payout_state IS 'each payout with what has become of it; the rows of one batch are what the bank is to transfer';
COMMENT ON COLUMN @program@.payout_state.net IS 'what is transferred: the amount less fee and tax';
COMMENT ON COLUMN @program@.payout_state.state IS 'requested, approved, batched, settled or failed: the last that holds';
COMMENT ON COLUMN @program@.payout_state.failure IS 'why it failed';

CREATE VIEW @program@.team WITH (security_invoker = true) AS
	SELECT m.member_id, coalesce(m.member_key, m.member_id::text) AS member_key,
		   m.sponsor_id, distributor.depth(m.path) AS depth, m.path, m.rank, m.state, m.joined_at,
		   (SELECT count(*) FROM @program@.member f
			 WHERE f.sponsor_id = m.member_id) AS frontline,
		   (SELECT count(*) FROM @program@.member d
			 WHERE d.path OPERATOR(distributor.>) m.path
			   AND d.path OPERATOR(distributor.<) distributor.path_upper(m.path)) AS downline,
		   (SELECT coalesce(sum(s.amount), 0) FROM @program@.sale s, @program@.program p
			 WHERE s.member_id = m.member_id AND s.currency = p.currency)
		   - (SELECT coalesce(sum(r.amount), 0)
				FROM @program@.sale s, @program@.refund_posting r, @program@.program p
			   WHERE s.member_id = m.member_id AND r.sale_id = s.sale_id AND s.currency = p.currency) AS personal_volume
	  FROM @program@.member m;
COMMENT ON VIEW @program@.team IS 'each member with its place in the tree; a count or sum is computed only where it is selected';
COMMENT ON COLUMN @program@.team.depth IS 'number of ids in the path: 1 for a root';
COMMENT ON COLUMN @program@.team.frontline IS 'members that it brought itself';
COMMENT ON COLUMN @program@.team.downline IS 'members below it, at any level';
COMMENT ON COLUMN @program@.team.personal_volume IS 'sum of the sales booked to it less their refunds, in the program''s currency';
$ddl$;
	guards CONSTANT pg_catalog.text := $ddl$
CREATE TRIGGER guard_insert BEFORE INSERT ON @program@.@table@
	FOR EACH STATEMENT EXECUTE FUNCTION distributor.guard();
CREATE TRIGGER guard_change BEFORE UPDATE OR DELETE OR TRUNCATE ON @program@.@table@
	FOR EACH STATEMENT EXECUTE FUNCTION distributor.guard();
$ddl$;
	-- These are never changed, not even by an apply worker of replication or
	-- through a table that they inherit from: both pass statement triggers by.
	append_only CONSTANT pg_catalog.text := $ddl$
CREATE TRIGGER guard_row BEFORE UPDATE OR DELETE ON @program@.@table@
	FOR EACH ROW EXECUTE FUNCTION distributor.guard();
ALTER TABLE @program@.@table@ ENABLE ALWAYS TRIGGER guard_row;
ALTER TABLE @program@.@table@ ENABLE ALWAYS TRIGGER guard_change;
$ddl$;
	-- Contests are their organizer's: whoever may insert announces them.
	announced CONSTANT pg_catalog.text := $ddl$
CREATE TRIGGER guard_change BEFORE UPDATE OR DELETE OR TRUNCATE ON @program@.@table@
	FOR EACH STATEMENT EXECUTE FUNCTION distributor.guard();
$ddl$;
	quoted pg_catalog.text;
	target pg_catalog.text;
BEGIN
	IF octet_length(program) NOT BETWEEN 1 AND 63 THEN
		RAISE EXCEPTION USING ERRCODE = 'name_too_long',
			MESSAGE = format('invalid program name "%s"', left(program, 80)),
			DETAIL = format('The name has %s bytes; the schema of a program is named like the program.', octet_length(program)),
			HINT = 'Use a name of 1 to 63 bytes.';
	END IF;
	IF key_type NOT IN ('bigint', 'text') THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('invalid key type "%s"', key_type),
			HINT = 'Use bigint where the ids of members are numbers, text where they are uuids or other keys.';
	END IF;
	-- Raises 22023 for a time zone that the server does not know.
	PERFORM now() AT TIME ZONE zone;
	IF EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = program) THEN
		RAISE EXCEPTION USING ERRCODE = 'duplicate_schema',
			MESSAGE = format('schema "%s" already exists', program),
			HINT = 'A program has a schema of its own; choose another name.';
	END IF;

	quoted := quote_ident(program);
	EXECUTE replace(ddl, '@program@', quoted);
	EXECUTE format('ALTER TABLE %s.ledger ALTER entry_id SET DEFAULT nextval(%L)',
				   quoted, quoted || '.ledger_entry_id_seq');
	EXECUTE format('INSERT INTO %s.program (version, currency, time_zone, key_type)'
				   ' SELECT e.extversion, $1, $2, $3 FROM pg_extension e WHERE e.extname = ''distributor''', quoted)
		USING currency, zone, key_type;
	FOREACH target IN ARRAY ARRAY['program', 'member', 'member_history', 'member_source', 'orphan', 'plan',
								  'order_source', 'order_line_source', 'refund_source', 'sale', 'sale_line',
								  'sale_release', 'refund', 'refund_posting', 'refund_line', 'adjustment',
								  'payout_terms', 'payout', 'payout_approval', 'payout_batch', 'payout_batch_item',
								  'payout_settlement', 'payout_failure', 'account', 'held', 'archived',
								  'closed_period', 'team_total', 'team_delta', 'ledger'] LOOP
		EXECUTE replace(replace(guards, '@table@', target), '@program@', quoted);
		IF target IN ('member_history', 'plan', 'sale', 'sale_line', 'sale_release',
					  'refund', 'refund_posting', 'refund_line', 'adjustment', 'payout_terms',
					  'payout', 'payout_approval', 'payout_batch', 'payout_batch_item',
					  'payout_settlement', 'payout_failure', 'closed_period', 'ledger') THEN
			EXECUTE replace(replace(append_only, '@table@', target), '@program@', quoted);
		END IF;
	END LOOP;
	FOREACH target IN ARRAY ARRAY['battle', 'battle_team', 'battle_member'] LOOP
		EXECUTE replace(replace(announced || append_only, '@table@', target), '@program@', quoted);
	END LOOP;
END
$function$;
COMMENT ON FUNCTION distributor.create_program_tables(pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
	'the part of create_program() that makes the tables; call create_program()';

CREATE FUNCTION distributor.create_program(
		program pg_catalog.text,
		currency pg_catalog.text,
		time_zone pg_catalog.text DEFAULT NULL,
		key_type pg_catalog.text DEFAULT 'bigint')
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_create';
COMMENT ON FUNCTION distributor.create_program(pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
	'make the tables of a referral program in a schema of that name, owned by the caller';

-- The plan

CREATE FUNCTION distributor.set_plan(
		program pg_catalog.text, plan pg_catalog.json,
		valid_from pg_catalog.timestamptz DEFAULT NULL)
	RETURNS pg_catalog.int4
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'program_set_plan';
COMMENT ON FUNCTION distributor.set_plan(pg_catalog.text, pg_catalog.json, pg_catalog.timestamptz) IS
	'check a commission plan and make it the program''s plan from valid_from on (the first: -infinity, later ones: now); returns its version';

-- Members, where no table keeps them

CREATE FUNCTION distributor.add_member(
		program pg_catalog.text, member pg_catalog.int8, sponsor pg_catalog.int8 DEFAULT NULL,
		joined_at pg_catalog.timestamptz DEFAULT NULL, rank pg_catalog.text DEFAULT NULL)
	RETURNS pg_catalog.int8
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_add_member';
COMMENT ON FUNCTION distributor.add_member(pg_catalog.text, pg_catalog.int8, pg_catalog.int8, pg_catalog.timestamptz, pg_catalog.text) IS
	'add a member by number, below its sponsor or as a root; returns member_id; the same call twice adds it once';
CREATE FUNCTION distributor.add_member(
		program pg_catalog.text, member pg_catalog.text, sponsor pg_catalog.text DEFAULT NULL,
		joined_at pg_catalog.timestamptz DEFAULT NULL, rank pg_catalog.text DEFAULT NULL)
	RETURNS pg_catalog.int8
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_add_member';
COMMENT ON FUNCTION distributor.add_member(pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.timestamptz, pg_catalog.text) IS
	'add a member by key, below its sponsor or as a root; returns member_id; the same call twice adds it once';

CREATE FUNCTION distributor.move_member(
		program pg_catalog.text, member pg_catalog.int8, sponsor pg_catalog.int8,
		lock_timeout pg_catalog."interval" DEFAULT '5 seconds')
	RETURNS pg_catalog.int8
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_move_member';
COMMENT ON FUNCTION distributor.move_member(pg_catalog.text, pg_catalog.int8, pg_catalog.int8, pg_catalog."interval") IS
	'put a member and its whole team below another sponsor (NULL: make it a root); returns how many members moved';
CREATE FUNCTION distributor.move_member(
		program pg_catalog.text, member pg_catalog.text, sponsor pg_catalog.text,
		lock_timeout pg_catalog."interval" DEFAULT '5 seconds')
	RETURNS pg_catalog.int8
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_move_member';
COMMENT ON FUNCTION distributor.move_member(pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog."interval") IS
	'put a member and its whole team below another sponsor (NULL: make it a root); returns how many members moved';

CREATE FUNCTION distributor.set_rank(
		program pg_catalog.text, member pg_catalog.int8, rank pg_catalog.text)
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_set_rank';
COMMENT ON FUNCTION distributor.set_rank(pg_catalog.text, pg_catalog.int8, pg_catalog.text) IS
	'give a member a rank by name; NULL takes it away';
CREATE FUNCTION distributor.set_rank(
		program pg_catalog.text, member pg_catalog.text, rank pg_catalog.text)
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_set_rank';
COMMENT ON FUNCTION distributor.set_rank(pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
	'give a member a rank by name; NULL takes it away';

CREATE FUNCTION distributor.set_state(
		program pg_catalog.text, member pg_catalog.int8, state pg_catalog.text,
		downline pg_catalog.text DEFAULT 'keep')
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_set_state';
COMMENT ON FUNCTION distributor.set_state(pg_catalog.text, pg_catalog.int8, pg_catalog.text, pg_catalog.text) IS
	'make a member active, frozen or left; downline => sponsor hands the frontline of one who left to its sponsor';
CREATE FUNCTION distributor.set_state(
		program pg_catalog.text, member pg_catalog.text, state pg_catalog.text,
		downline pg_catalog.text DEFAULT 'keep')
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_set_state';
COMMENT ON FUNCTION distributor.set_state(pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
	'make a member active, frozen or left; downline => sponsor hands the frontline of one who left to its sponsor';

-- Sales, where no table keeps them

CREATE FUNCTION distributor.record_sale(
		program pg_catalog.text, order_key pg_catalog.text, member pg_catalog.int8,
		amount pg_catalog."numeric", currency pg_catalog.text DEFAULT NULL,
		occurred_at pg_catalog.timestamptz DEFAULT NULL, attributes pg_catalog.jsonb DEFAULT NULL,
		lines pg_catalog.jsonb DEFAULT NULL)
	RETURNS pg_catalog.int8
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_record_sale';
COMMENT ON FUNCTION distributor.record_sale(pg_catalog.text, pg_catalog.text, pg_catalog.int8, pg_catalog."numeric", pg_catalog.text, pg_catalog.timestamptz, pg_catalog.jsonb, pg_catalog.jsonb) IS
	'post one sale and its commissions; returns sale_id; the same sale twice is posted once, the same key with other content is an error';
CREATE FUNCTION distributor.record_sale(
		program pg_catalog.text, order_key pg_catalog.text, member pg_catalog.text,
		amount pg_catalog."numeric", currency pg_catalog.text DEFAULT NULL,
		occurred_at pg_catalog.timestamptz DEFAULT NULL, attributes pg_catalog.jsonb DEFAULT NULL,
		lines pg_catalog.jsonb DEFAULT NULL)
	RETURNS pg_catalog.int8
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_record_sale';
COMMENT ON FUNCTION distributor.record_sale(pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog."numeric", pg_catalog.text, pg_catalog.timestamptz, pg_catalog.jsonb, pg_catalog.jsonb) IS
	'post one sale and its commissions; returns sale_id; the same sale twice is posted once, the same key with other content is an error';

CREATE FUNCTION distributor.record_refund(
		program pg_catalog.text, order_key pg_catalog.text, refund_key pg_catalog.text,
		amount pg_catalog."numeric" DEFAULT NULL, line_key pg_catalog.text DEFAULT NULL,
		occurred_at pg_catalog.timestamptz DEFAULT NULL)
	RETURNS pg_catalog.int8
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_record_refund';
COMMENT ON FUNCTION distributor.record_refund(pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog."numeric", pg_catalog.text, pg_catalog.timestamptz) IS
	'take commissions back in proportion to what is refunded of an order or a line (NULL: all that remains); returns refund_id; the same refund twice counts once; one that comes before its order waits for it';

-- The user's own tables

CREATE FUNCTION distributor.members_changed() RETURNS pg_catalog.trigger
	LANGUAGE C AS 'MODULE_PATHNAME', 'trigger_members_changed';
COMMENT ON FUNCTION distributor.members_changed() IS
	'trigger function that attach_members puts on a table of members; takes the program as its argument and refuses tables that are not registered there';
CREATE FUNCTION distributor.orders_changed() RETURNS pg_catalog.trigger
	LANGUAGE C AS 'MODULE_PATHNAME', 'trigger_orders_changed';
COMMENT ON FUNCTION distributor.orders_changed() IS
	'trigger function that attach_orders puts on a table of orders; takes the program as its argument and refuses tables that are not registered there';

CREATE FUNCTION distributor.order_lines_changed() RETURNS pg_catalog.trigger
	LANGUAGE C AS 'MODULE_PATHNAME', 'trigger_order_lines_changed';
COMMENT ON FUNCTION distributor.order_lines_changed() IS
	'trigger function that attach_order_lines puts on a table of order lines; takes the program as its argument and refuses tables that are not registered there';

CREATE FUNCTION distributor.refunds_changed() RETURNS pg_catalog.trigger
	LANGUAGE C AS 'MODULE_PATHNAME', 'trigger_refunds_changed';
COMMENT ON FUNCTION distributor.refunds_changed() IS
	'trigger function that attach_refunds puts on a table of refunds; takes the program as its argument and refuses tables that are not registered there';

CREATE FUNCTION distributor.attach_members(
		program pg_catalog.text, "table" pg_catalog.regclass, id pg_catalog.text, sponsor pg_catalog.text,
		joined_at pg_catalog.text DEFAULT NULL, rank pg_catalog.text DEFAULT NULL,
		state pg_catalog.text DEFAULT NULL, state_map pg_catalog.jsonb DEFAULT NULL,
		orphans pg_catalog.text DEFAULT 'error')
	RETURNS pg_catalog.int8
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'attach_members';
COMMENT ON FUNCTION distributor.attach_members(pg_catalog.text, pg_catalog.regclass, pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.jsonb, pg_catalog.text) IS
	'take the tree from a table of the user, now and from now on; returns how many members it has';

CREATE FUNCTION distributor.attach_orders(
		program pg_catalog.text, "table" pg_catalog.regclass, key pg_catalog.text, member pg_catalog.text,
		amount pg_catalog.text, occurred_at pg_catalog.text DEFAULT NULL, status pg_catalog.text DEFAULT NULL,
		paid pg_catalog.text[] DEFAULT '{paid}', currency pg_catalog.text DEFAULT NULL,
		attributes pg_catalog.text[] DEFAULT '{}', since pg_catalog.timestamptz DEFAULT '-infinity',
		refunded pg_catalog.text[] DEFAULT '{refunded,canceled}', refunded_amount pg_catalog.text DEFAULT NULL,
		fulfilled pg_catalog.text[] DEFAULT '{}', fulfilled_at pg_catalog.text DEFAULT NULL)
	RETURNS pg_catalog.int8
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'attach_orders';
COMMENT ON FUNCTION distributor.attach_orders(pg_catalog.text, pg_catalog.regclass, pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.text[], pg_catalog.text, pg_catalog.text[], pg_catalog.timestamptz, pg_catalog.text[], pg_catalog.text, pg_catalog.text[], pg_catalog.text) IS
	'post the paid orders of a table of the user, now and from now on, and take refunded ones back; returns how many were posted now';

CREATE FUNCTION distributor.attach_order_lines(
		program pg_catalog.text, "table" pg_catalog.regclass, order_key pg_catalog.text, line_key pg_catalog.text,
		product pg_catalog.text DEFAULT NULL, quantity pg_catalog.text DEFAULT NULL,
		amount pg_catalog.text DEFAULT NULL, cost pg_catalog.text DEFAULT NULL,
		attributes pg_catalog.text[] DEFAULT '{}', orders pg_catalog.regclass DEFAULT NULL)
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'attach_order_lines';
COMMENT ON FUNCTION distributor.attach_order_lines(pg_catalog.text, pg_catalog.regclass, pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.text[], pg_catalog.regclass) IS
	'take the lines of the orders of an attached table from a table of the user: an order posts with the lines that it has then';

CREATE FUNCTION distributor.attach_refunds(
		program pg_catalog.text, "table" pg_catalog.regclass, key pg_catalog.text, order_key pg_catalog.text,
		amount pg_catalog.text DEFAULT NULL, line_key pg_catalog.text DEFAULT NULL,
		occurred_at pg_catalog.text DEFAULT NULL)
	RETURNS pg_catalog.int8
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'attach_refunds';
COMMENT ON FUNCTION distributor.attach_refunds(pg_catalog.text, pg_catalog.regclass, pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
	'record the refunds of a table of the user, now and from now on; returns how many were recorded now';

CREATE FUNCTION distributor.detach_members(program pg_catalog.text, "table" pg_catalog.regclass)
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'detach_members';
COMMENT ON FUNCTION distributor.detach_members(pg_catalog.text, pg_catalog.regclass) IS
	'undo attach_members: the triggers go, the members stay';
CREATE FUNCTION distributor.detach_orders(program pg_catalog.text, "table" pg_catalog.regclass)
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'detach_orders';
COMMENT ON FUNCTION distributor.detach_orders(pg_catalog.text, pg_catalog.regclass) IS
	'undo attach_orders: the triggers go, what was posted stays';

CREATE FUNCTION distributor.detach_order_lines(program pg_catalog.text, "table" pg_catalog.regclass)
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'detach_order_lines';
COMMENT ON FUNCTION distributor.detach_order_lines(pg_catalog.text, pg_catalog.regclass) IS
	'undo attach_order_lines: the triggers go, the lines of what was posted stay';

CREATE FUNCTION distributor.detach_refunds(program pg_catalog.text, "table" pg_catalog.regclass)
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'detach_refunds';
COMMENT ON FUNCTION distributor.detach_refunds(pg_catalog.text, pg_catalog.regclass) IS
	'undo attach_refunds: the triggers go, what was recorded stays';

CREATE FUNCTION distributor.post_sales(
		program pg_catalog.text, "table" pg_catalog.regclass DEFAULT NULL,
		since pg_catalog.timestamptz DEFAULT '-infinity')
	RETURNS pg_catalog.int8
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_post_sales';
COMMENT ON FUNCTION distributor.post_sales(pg_catalog.text, pg_catalog.regclass, pg_catalog.timestamptz) IS
	'post the paid orders and record the refunds that no trigger saw, set-wise, from one attached table or from all; returns how many orders were posted';

CREATE FUNCTION distributor.pause(program pg_catalog.text)
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_pause';
COMMENT ON FUNCTION distributor.pause(pg_catalog.text) IS
	'let the triggers of a program do nothing until resume';
CREATE FUNCTION distributor.resume(program pg_catalog.text)
	RETURNS pg_catalog.int8
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_resume';
COMMENT ON FUNCTION distributor.resume(pg_catalog.text) IS
	'let the triggers of a program work again and catch up with its attached tables; returns how many orders were posted';

CREATE FUNCTION distributor.drop_program(program pg_catalog.text)
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_drop';
COMMENT ON FUNCTION distributor.drop_program(pg_catalog.text) IS
	'detach the tables of a program and drop its schema with everything in it, the ledger included';

-- Reports

CREATE FUNCTION distributor.explain(
		program pg_catalog.text, order_key pg_catalog.text,
		OUT rule pg_catalog.text, OUT level pg_catalog.int4, OUT member_id pg_catalog.int8,
		OUT member_key pg_catalog.text, OUT base pg_catalog."numeric", OUT rate pg_catalog."numeric",
		OUT exact pg_catalog."numeric", OUT amount pg_catalog."numeric", OUT currency pg_catalog.text,
		OUT line pg_catalog.int4, OUT basis pg_catalog.int4, OUT reason pg_catalog.text,
		OUT limited_by pg_catalog.text, OUT explanation pg_catalog.text)
	RETURNS SETOF record
	LANGUAGE C STABLE STRICT PARALLEL RESTRICTED ROWS 10 AS 'MODULE_PATHNAME', 'program_explain';
COMMENT ON FUNCTION distributor.explain(pg_catalog.text, pg_catalog.text) IS
	'why an order paid what it paid: every rule and upline with base, rate and amount, paid or why not; and what refunds took back';

CREATE FUNCTION distributor.dry_run(
		program pg_catalog.text, plan pg_catalog.json,
		"from" pg_catalog.timestamptz DEFAULT '-infinity', "to" pg_catalog.timestamptz DEFAULT 'infinity',
		OUT rule pg_catalog.text, OUT member_id pg_catalog.int8, OUT member_key pg_catalog.text,
		OUT currency pg_catalog.text, OUT sales pg_catalog.int8, OUT would_pay pg_catalog."numeric",
		OUT paid pg_catalog."numeric", OUT difference pg_catalog."numeric")
	RETURNS SETOF record
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 100 AS 'MODULE_PATHNAME', 'program_dry_run';
COMMENT ON FUNCTION distributor.dry_run(pg_catalog.text, pg_catalog.json, pg_catalog.timestamptz, pg_catalog.timestamptz) IS
	'what a plan would have paid on the sales that occurred from "from" to before "to", beside what was paid, by rule, member and currency; writes nothing';

CREATE FUNCTION distributor.check_program(program pg_catalog.text) RETURNS pg_catalog.void
	LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'program_check_exists';
COMMENT ON FUNCTION distributor.check_program(pg_catalog.text) IS
	'raise an error unless a program of that name exists: 42704, 22004 if it is null';
