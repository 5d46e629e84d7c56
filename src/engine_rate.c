/*
 * engine_rate.c
 *	  Which rate somebody has, and what it comes to.
 */
#include "compat.h"

#include "engine_run.h"

/* Rank position of whoever stands at a level, 0 beyond the path. */
int
engine_rank(const EngineRun *run, int level)
{
	return run->ranks != NULL && level < run->sale->depth ? run->ranks[level] : 0;
}

/* The rank that chooses among by_rank. */
static int
choosing_rank(const EngineRun *run, int level)
{
	switch (run->rule->rank_of)
	{
		case PLAN_RANK_OF_RECIPIENT:
			return engine_rank(run, level);
		case PLAN_RANK_OF_BUYER:
			return engine_rank(run, 0);
		case PLAN_RANK_OF_LOWER:
			return Min(engine_rank(run, 0), engine_rank(run, level));
	}
	elog(ERROR, "unexpected choice of rank %d", (int) run->rule->rank_of);
}

/* False: it has no value for this rank and currency. */
static bool
rate_value(const EngineRun *run, const PlanRate *rate, int rank, EngineRate *found)
{
	const PlanValue *value = &rate->plain;

	if (rate->by_rank != NULL)
		value = &rate->by_rank[rank];
	found->kind = value->kind;
	switch (value->kind)
	{
		case PLAN_NO_VALUE:
			return false;
		case PLAN_PERCENTAGE:
			found->percentage = &value->percentage;
			return true;
		case PLAN_FIXED:
			found->fixed = plan_money_for(&value->fixed, run->sale->currency);
			if (found->fixed == NULL)
				found->kind = PLAN_NO_VALUE;
			return found->fixed != NULL;
	}
	elog(ERROR, "unexpected kind of rate %d", (int) value->kind);
}

static const PlanRate *
rate_of_terms(const PlanTerms *terms, Size term)
{
	return (const PlanRate *) ((const char *) terms + term);
}

/* A rate of the terms that apply, from the first that has a value. */
EngineRate
engine_rate_of_rank(const EngineRun *run, Size term, int rank)
{
	EngineRate	found = {PLAN_NO_VALUE};

	for (int i = 0; i < run->nterms; i++)
		if (rate_value(run, rate_of_terms(run->terms[i], term), rank, &found))
			return found;
	return found;
}

/* The same for whoever stands at a level. */
EngineRate
engine_rate(const EngineRun *run, Size term, int level)
{
	return engine_rate_of_rank(run, term, choosing_rank(run, level));
}

/* The same of levels[i]. */
EngineRate
engine_level_rate(const EngineRun *run, int i, int level)
{
	EngineRate	found = {PLAN_NO_VALUE};
	int			rank = choosing_rank(run, level);

	for (int t = 0; t < run->nterms; t++)
		if (i < run->terms[t]->nlevels && rate_value(run, &run->terms[t]->levels[i], rank, &found))
			return found;
	return found;
}

/* Does any of the terms that apply speak of this rate? */
bool
engine_has_rate(const EngineRun *run, Size term)
{
	for (int i = 0; i < run->nterms; i++)
	{
		const PlanRate *rate = rate_of_terms(run->terms[i], term);

		if (rate->by_rank != NULL || rate->plain.kind != PLAN_NO_VALUE)
			return true;
	}
	return false;
}

bool
engine_rate_is_zero(const EngineRate *rate)
{
	if (rate->kind == PLAN_PERCENTAGE)
		return money_factor_is_zero(rate->percentage);
	return rate->kind == PLAN_FIXED && money_is_zero(rate->fixed);
}

/* What a rate that has a value comes to, before any uplift. */
Numeric
engine_exact(const EngineRun *run, const EngineRate *rate, const MoneyFactor *base)
{
	if (rate->kind == PLAN_PERCENTAGE)
		return money_multiply(base->value, rate->percentage->value);
	return run->quantity != NULL ? money_multiply(rate->fixed, run->quantity) : rate->fixed;
}
