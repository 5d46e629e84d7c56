/*
 * program_release.c
 *	  When what a sale pays becomes available: after the hold period, which
 *	  begins when the order occurred or when it was fulfilled.
 */
#include "compat.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"

#include "program_ledger.h"
#include "program_release.h"

/*
 * The end of a hold period that begins at start.  Months and days are those of
 * the program's calendar, whatever the session's.
 */
TimestampTz
release_after(Program *program, TimestampTz start)
{
	Interval   *period = &program->terms.hold_period;
	int			guc_level;
	Datum		end;

	if (period->month == 0 && period->day == 0)
	{
		if (period->time == 0)
			return start;
		return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(start),
													   IntervalPGetDatum(period)));
	}
	guc_level = NewGUCNestLevel();
	program_pin_setting("timezone", program->time_zone);
	end = DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(start), IntervalPGetDatum(period));
	AtEOXact_GUC(false, guc_level);
	return DatumGetTimestampTz(end);
}

/* What is posted now is not available before now. */
TimestampTz
release_at_posting(Program *program, TimestampTz occurred_at)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();

	if (program->terms.hold_from_fulfilled)
		return LEDGER_UNRELEASED;
	return Max(now, release_after(program, occurred_at));
}
