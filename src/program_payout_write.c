/*
 * program_payout_write.c
 *	  What payouts cost by what was paid out before, and writing them.
 */
#include "compat.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "program_ledger.h"
#include "program_payout.h"

static Datum *
datums(int n)
{
	return palloc_extended(sizeof(Datum) * (Size) Max(n, 1), MCXT_ALLOC_HUGE);
}

/*
 * Payouts that failed cost nothing, and use nothing up.  Member by member, as
 * a join could also begin with all payouts of the period.
 */
static void
load_history(Program *program, const PayoutCurrency *currency, PayoutRow *rows, int n)
{
	Oid			types[] = {INT8ARRAYOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[4];
	Datum	   *ids = datums(n);
	uint64		found;

	for (int i = 0; i < n; i++)
		ids[i] = Int64GetDatum(rows[i].member_id);
	values[0] = program_array(INT8OID, ids, NULL, n);
	values[1] = CStringGetTextDatum(currency->code);
	values[2] = TimestampTzGetDatum(currency->period_from);
	values[3] = TimestampTzGetDatum(currency->period_to);
	found = program_query_now(program,
							  "SELECT k.place, h.count, h.amount, h.tax"
							  "  FROM unnest($1) WITH ORDINALITY AS k(member_id, place)"
							  " CROSS JOIN LATERAL ("
							  "   SELECT count(*) AS count, sum(p.amount) AS amount, sum(p.tax) AS tax"
							  "     FROM @payout p"
							  "    WHERE p.member_id = k.member_id AND p.currency = $2"
							  "      AND p.requested_at >= $3 AND p.requested_at < $4"
							  "      AND NOT EXISTS (SELECT FROM @payout_failure f WHERE f.payout_id = p.payout_id)) h"
							  " WHERE h.count > 0",
							  4, types, values, NULL, 0);
	for (uint64 i = 0; i < found; i++)
	{
		PayoutHistory *history = &rows[DatumGetInt64(program_get(i, 1, INT8OID)) - 1].history;

		history->count = DatumGetInt64(program_get(i, 2, INT8OID));
		history->amount = DatumGetNumericCopy(program_get(i, 3, NUMERICOID));
		history->tax = DatumGetNumericCopy(program_get(i, 4, NUMERICOID));
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Fee and tax of payouts whose amounts are known; no member is in it twice. */
void
payouts_charge(Program *program, const PayoutCurrency *currency, PayoutRow *rows, int n)
{
	const PayoutTerms *terms = &currency->terms;
	Numeric		zero = money_from_int(0);

	for (int i = 0; i < n; i++)
	{
		rows[i].history.count = 0;
		rows[i].history.amount = rows[i].history.tax = zero;
	}
	if (terms->free_count > 0 || money_sign(terms->free_amount) > 0 || terms->nslices > 0)
		load_history(program, currency, rows, n);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		rows[i].charge = payout_charge(terms, &rows[i].history, rows[i].amount, currency->scale);
	}
}

/* Through the door: false, if one of the keys is taken. */
static bool
insert_payouts(Program *program, const PayoutCurrency *currency, PayoutRow *rows, int n, const char *author)
{
	enum
	{
		PAYOUT, KEY, MEMBER, AMOUNT, FEE, TAX, NARRAYS
	};
	static const Oid elements[NARRAYS] = {INT8OID, TEXTOID, INT8OID, NUMERICOID, NUMERICOID, NUMERICOID};
	Oid			sequence = get_relname_relid("payout_id_seq", get_rel_namespace(program->tables[PROGRAM_PAYOUT]));
	Datum	   *columns[NARRAYS];
	Oid			types[NARRAYS + 3];
	Datum		values[NARRAYS + 3];
	char		nulls[NARRAYS + 3];

	for (int c = 0; c < NARRAYS; c++)
		columns[c] = datums(n);
	for (int i = 0; i < n; i++)
	{
		rows[i].payout_id = nextval_internal(sequence, false);
		columns[PAYOUT][i] = Int64GetDatum(rows[i].payout_id);
		columns[KEY][i] = PointerGetDatum(rows[i].key);
		columns[MEMBER][i] = Int64GetDatum(rows[i].member_id);
		columns[AMOUNT][i] = NumericGetDatum(rows[i].amount);
		columns[FEE][i] = NumericGetDatum(money_round(rows[i].charge.fee, currency->scale, MONEY_DOWN));
		columns[TAX][i] = NumericGetDatum(money_round(rows[i].charge.tax, currency->scale, MONEY_DOWN));
	}
	for (int c = 0; c < NARRAYS; c++)
	{
		types[c] = get_array_type(elements[c]);
		values[c] = program_array(elements[c], columns[c], NULL, n);
	}
	memset(nulls, ' ', sizeof(nulls));
	types[NARRAYS] = TEXTOID;
	values[NARRAYS] = CStringGetTextDatum(currency->code);
	types[NARRAYS + 1] = INT4OID;
	values[NARRAYS + 1] = Int32GetDatum(currency->terms.version);
	nulls[NARRAYS + 1] = currency->terms.version == 0 ? 'n' : ' ';
	types[NARRAYS + 2] = TEXTOID;
	values[NARRAYS + 2] = CStringGetTextDatum(author);
	return program_query(program,
						 "INSERT INTO @payout (payout_id, payout_key, member_id, amount, fee, tax, currency,"
						 "                     terms_version, author)"
						 " SELECT n.*, $7, $8, $9 FROM unnest($1, $2, $3, $4, $5, $6) AS n"
						 " ON CONFLICT (payout_key) DO NOTHING",
						 NARRAYS + 3, types, values, nulls, 0) == (uint64) n;
}

static void
approve_payouts(Program *program, const PayoutRow *rows, int n, const char *author)
{
	Oid			types[] = {INT8ARRAYOID, TEXTOID};
	Datum		values[2];
	Datum	   *ids = datums(n);

	for (int i = 0; i < n; i++)
		ids[i] = Int64GetDatum(rows[i].payout_id);
	values[0] = program_array(INT8OID, ids, NULL, n);
	values[1] = CStringGetTextDatum(author);
	(void) program_query(program,
						 "INSERT INTO @payout_approval (payout_id, author)"
						 " SELECT k.payout_id, $2 FROM unnest($1) AS k(payout_id)",
						 2, types, values, NULL, 0);
}

static void
move_money(LedgerRows *ledger, const PayoutRow *row, const char *currency, const char *rule, Numeric amount)
{
	if (money_sign(amount) > 0)
		ledger_move(ledger, &row->payout_id, row->member_id, rule,
					money_subtract(money_from_int(0), amount), currency, 0);
}

/*
 * Take the money, and let the payouts be approved where nobody has to do that.
 * False, with nothing taken, if one of their keys is taken; then all of this
 * has to be given up.
 */
bool
payouts_write(Program *program, const PayoutCurrency *currency, PayoutRow *rows, int n, const char *author)
{
	LedgerRows *ledger = ledger_rows(LEDGER_PAYOUT);

	if (!insert_payouts(program, currency, rows, n, author))
		return false;
	for (int i = 0; i < n; i++)
	{
		move_money(ledger, &rows[i], currency->code, "payout", rows[i].charge.net);
		move_money(ledger, &rows[i], currency->code, "fee", rows[i].charge.fee);
		move_money(ledger, &rows[i], currency->code, "tax", rows[i].charge.tax);
	}
	ledger_insert(program, ledger);
	if (!currency->terms.manual)
		approve_payouts(program, rows, n, author);
	return true;
}
