/*
 * plan_check.c
 *	  distributor.check_plan(): all mistakes of a plan, as rows.
 */
#include "compat.h"

#include "plan.h"

/*
 * The compiler alone, which raises the first mistake.  The install script does
 * not declare it, the tests do.
 */
PG_FUNCTION_INFO_V1(distributor_plan_compile);
Datum
distributor_plan_compile(PG_FUNCTION_ARGS)
{
	(void) plan_compile(PG_GETARG_JSONB_P(0));
	PG_RETURN_VOID();
}
