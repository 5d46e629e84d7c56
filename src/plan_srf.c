/*
 * plan_srf.c
 *	  check_plan() and plan_diff(): what is said of plans, as rows.
 */
#include "compat.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "plan.h"
#include "plan_check.h"

PG_FUNCTION_INFO_V1(distributor_check_plan);
PG_FUNCTION_INFO_V1(distributor_plan_diff);
PG_FUNCTION_INFO_V1(distributor_plan_compile);

static void
put_issue(ReturnSetInfo *rsinfo, bool is_error, const char *path, const char *message)
{
	Datum		values[3];
	bool		nulls[3] = {false};

	values[0] = CStringGetTextDatum(is_error ? "error" : "warning");
	values[1] = CStringGetTextDatum(path);
	values[2] = CStringGetTextDatum(message);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* check_plan(plan json): severity, path, message */
Datum
distributor_check_plan(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	PlanIssues *issues;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
	{
		put_issue(rsinfo, true, "$", "plan is null.");
		return (Datum) 0;
	}
	issues = plan_issues((text *) PG_GETARG_POINTER(0));
	for (int i = 0; i < issues->n; i++)
		put_issue(rsinfo, issues->issues[i].is_error,
				  issues->issues[i].path, issues->issues[i].message);
	return (Datum) 0;
}

static Datum
jsonb_or_null(Jsonb *value, bool *isnull)
{
	*isnull = value == NULL;
	return JsonbPGetDatum(value);
}

/* plan_diff(a json, b json): path, change, before, after */
Datum
distributor_plan_diff(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	PlanChanges *changes;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("plan must not be null")));
	InitMaterializedSRF(fcinfo, 0);
	changes = plan_changes(plan_document((text *) PG_GETARG_POINTER(0)),
						   plan_document((text *) PG_GETARG_POINTER(1)));
	for (int i = 0; i < changes->n; i++)
	{
		const PlanChange *change = &changes->changes[i];
		Datum		values[4];
		bool		nulls[4] = {false};

		CHECK_FOR_INTERRUPTS();
		values[0] = CStringGetTextDatum(change->path);
		values[1] = CStringGetTextDatum(change->change);
		values[2] = jsonb_or_null(change->before, &nulls[2]);
		values[3] = jsonb_or_null(change->after, &nulls[3]);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/*
 * The compiler alone, which raises the first mistake.  The install script does
 * not declare it, the tests do.
 */
Datum
distributor_plan_compile(PG_FUNCTION_ARGS)
{
	(void) plan_compile(PG_GETARG_JSONB_P(0));
	PG_RETURN_VOID();
}
