/*
 * program_settings.c
 *	  alter_program(): what money does after it was earned.
 *
 * Settings hold for what is posted afterwards; nothing that was posted is
 * looked at again.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "program_arg.h"

/* The longest period that a setting may have. */
#define SETTINGS_MAX_YEARS	100

/* NULL leaves a setting as it is. */
typedef struct Settings
{
	const char *hold_start;
	Interval   *hold_period;
	const char *clawback;
	Interval   *write_off_after;
	const char *sale_change;
	bool		has_notices;
	bool		notices;
} Settings;

/* One of two or three words. */
static const char *
word_arg(FunctionCallInfo fcinfo, int argno, const char *name, const char *a, const char *b, const char *c)
{
	char	   *word;

	if (PG_ARGISNULL(argno))
		return NULL;
	word = text_to_cstring(PG_GETARG_TEXT_PP(argno));
	if (strcmp(word, a) != 0 && strcmp(word, b) != 0 && (c == NULL || strcmp(word, c) != 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value \"%s\" for %s", word, name),
				 c == NULL ? errhint("Use \"%s\" or \"%s\".", a, b) :
				 errhint("Use \"%s\", \"%s\" or \"%s\".", a, b, c)));
	return word;
}

/* Every part of it counts forward, and it ends. */
static Interval *
period_arg(FunctionCallInfo fcinfo, int argno, const char *name)
{
	Interval   *period;
	Interval	longest = {.month = SETTINGS_MAX_YEARS * MONTHS_PER_YEAR};

	if (PG_ARGISNULL(argno))
		return NULL;
	period = PG_GETARG_INTERVAL_P(argno);
	if (period->month < 0 || period->day < 0 || period->time < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be negative", name),
				 errhint("Write it in days, months or hours without a sign, for example '14 days'.")));
	/* what is infinite is longer, too */
	if (DatumGetBool(DirectFunctionCall2(interval_gt, IntervalPGetDatum(period), IntervalPGetDatum(&longest))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be longer than %d years", name, SETTINGS_MAX_YEARS),
				 errhint("Write it in days, months or hours without a sign, for example '14 days'.")));
	return period;
}

/* A debt is written off after some time, and only where it is written off. */
static void
check_write_off(const Settings *settings, const char *clawback_before, bool after_before)
{
	const char *clawback = settings->clawback != NULL ? settings->clawback : clawback_before;
	bool		writes_off = strcmp(clawback, "write_off") == 0;

	if (writes_off && settings->write_off_after == NULL && !after_before)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("clawback \"write_off\" needs write_off_after"),
				 errhint("Say how long a debt is carried, for example write_off_after => '90 days'.")));
	if (!writes_off && settings->write_off_after != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("write_off_after needs clawback \"write_off\", not \"%s\"", clawback),
				 errhint("Set clawback => 'write_off' with it.")));
}

/*
 * The row is locked before it is read, so that of two who alter the program
 * the second one sees what the first one did.
 */
static void
alter_program(Program *program, void *arg)
{
	Settings   *settings = arg;
	Oid			types[] = {TEXTOID, INTERVALOID, TEXTOID, INTERVALOID, TEXTOID, BOOLOID};
	Datum		values[6];
	char		nulls[6];

	if (program_query(program,
					  "SELECT p.clawback, p.write_off_after IS NOT NULL FROM @program p FOR UPDATE",
					  0, NULL, NULL, NULL, 1) == 0)
		elog(ERROR, "program \"%s\" has no settings", program->name);
	check_write_off(settings, TextDatumGetCString(program_get(0, 1, TEXTOID)),
					DatumGetBool(program_get(0, 2, BOOLOID)));
	SPI_freetuptable(SPI_tuptable);

	memset(nulls, ' ', sizeof(nulls));
	values[0] = settings->hold_start == NULL ? (Datum) 0 : CStringGetTextDatum(settings->hold_start);
	nulls[0] = settings->hold_start == NULL ? 'n' : ' ';
	values[1] = IntervalPGetDatum(settings->hold_period);
	nulls[1] = settings->hold_period == NULL ? 'n' : ' ';
	values[2] = settings->clawback == NULL ? (Datum) 0 : CStringGetTextDatum(settings->clawback);
	nulls[2] = settings->clawback == NULL ? 'n' : ' ';
	values[3] = IntervalPGetDatum(settings->write_off_after);
	nulls[3] = settings->write_off_after == NULL ? 'n' : ' ';
	values[4] = settings->sale_change == NULL ? (Datum) 0 : CStringGetTextDatum(settings->sale_change);
	nulls[4] = settings->sale_change == NULL ? 'n' : ' ';
	values[5] = BoolGetDatum(settings->notices);
	nulls[5] = settings->has_notices ? ' ' : 'n';
	program_query(program,
				  "UPDATE @program p SET hold_start = coalesce($1, p.hold_start),"
				  "       hold_period = coalesce($2, p.hold_period),"
				  "       clawback = coalesce($3, p.clawback),"
				  "       write_off_after = CASE coalesce($3, p.clawback)"
				  "                         WHEN 'write_off' THEN coalesce($4, p.write_off_after) END,"
				  "       sale_change = coalesce($5, p.sale_change),"
				  "       notices = coalesce($6, p.notices)",
				  6, types, values, nulls, 0);
}

/*
 * alter_program(program, hold_start, hold_period, clawback, write_off_after,
 *				 sale_change, notices) returns void
 */
PG_FUNCTION_INFO_V1(program_alter);
Datum
program_alter(PG_FUNCTION_ARGS)
{
	Program    *program = program_arg(fcinfo);
	Settings	settings;

	program_check_owner(program);
	settings.hold_start = word_arg(fcinfo, 1, "hold_start", "paid", "fulfilled", NULL);
	settings.hold_period = period_arg(fcinfo, 2, "hold_period");
	settings.clawback = word_arg(fcinfo, 3, "clawback", "carry", "write_off", "block");
	settings.write_off_after = period_arg(fcinfo, 4, "write_off_after");
	settings.sale_change = word_arg(fcinfo, 5, "sale_change", "refuse", "repost", NULL);
	settings.has_notices = !PG_ARGISNULL(6);
	settings.notices = settings.has_notices && PG_GETARG_BOOL(6);
	program_as_owner(program, PROGRAM_WRITES(PROGRAM_PROGRAM), alter_program, &settings);
	program_close(program);
	PG_RETURN_VOID();
}
