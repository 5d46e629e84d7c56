/*
 * engine_run.h
 *	  One run of the engine, as the kinds of rule see it.
 */
#ifndef DISTRIBUTOR_ENGINE_RUN_H
#define DISTRIBUTOR_ENGINE_RUN_H

#include "engine.h"

/* One run; what follows "rule" is of the rule and item at hand. */
typedef struct EngineRun
{
	const CommissionPlan *plan;
	const EngineSale *sale;
	EngineResult *result;
	MoneyRounding rounding;
	int			top_level;		/* above it nobody is paid; PG_INT32_MAX: no limit */

	const PlanRule *rule;
	const EngineItem *item;
	int			first_line;		/* of the rule and item, in result->lines */
	int			nterms;			/* that apply to the item, to be asked in this order */
	const PlanTerms **terms;
	bool		opted_out;		/* after the last of terms */
	MoneyFactor base;			/* value NULL: not needed by the kind */
} EngineRun;

/* The kinds: emit the lines of run->rule for run->item. */
extern void engine_run_unilevel(EngineRun *run);
extern void engine_run_differential(EngineRun *run);
extern void engine_run_peer(EngineRun *run);
extern void engine_run_split(EngineRun *run);
extern void engine_run_override(EngineRun *run);
extern void engine_run_pass_up(EngineRun *run);
extern void engine_run_rotation(EngineRun *run);

#endif							/* DISTRIBUTOR_ENGINE_RUN_H */
