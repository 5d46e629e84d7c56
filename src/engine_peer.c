/*
 * engine_peer.c
 *	  The rule "peer": what those of the same rank get again.
 */
#include "compat.h"

#include "miscadmin.h"

#include "engine_run.h"

/* The highest rank so far, and who has it. */
typedef struct Peers
{
	int			rank;			/* 0: nobody yet */
	int			number;			/* of the last peer */
	int			first;			/* level of the first of the rank */
	int			previous;		/* level of whoever of the rank came last */
} Peers;

static void
pay_peer(EngineRun *run, const Peers *peers, int level)
{
	const PlanRule *rule = run->rule;
	EngineShare share = {.level = level, .number = level};
	MoneyFactor income;

	share.rate = engine_level_rate(run, peers->number - 1, level);
	share.base = &run->base;
	if (rule->peer_of != PLAN_PEER_OF_ORDER)
	{
		int			of = rule->peer_of == PLAN_PEER_OF_FIRST ? peers->first : peers->previous;

		income = money_factor(engine_paid(run, &rule->income, of, false));
		share.base = &income;
		share.basis = of + 1;
	}
	(void) engine_pay(run, &share);
}

static void
visit(EngineRun *run, Peers *peers, int level)
{
	int			rank = engine_rank(run, level);
	EngineReason reason;

	if (rank > 0 && rank == peers->rank)
	{
		peers->number++;
		if (peers->number <= run->nlevels)
			pay_peer(run, peers, level);
		reason = ENGINE_NO_MORE_PEERS;
		peers->previous = level;
		if (peers->number <= run->nlevels)
			return;
	}
	else if (rank > peers->rank)
	{
		peers->rank = rank;
		peers->number = 0;
		peers->first = peers->previous = level;
		reason = ENGINE_FIRST_OF_RANK;
	}
	else
		reason = ENGINE_RANK_TOO_LOW;
	if (!run->result->paid_only)
		(void) engine_add_line(run, level, 0, reason);
}

/*
 * What dynamic compression looks at: whether the next peer has a rate.  Of
 * whoever is no peer, none is asked.
 */
static EngineRate
rate_if_next(const EngineRun *run, const Peers *peers, int level)
{
	EngineRate	asked_nothing = {.kind = PLAN_PERCENTAGE};
	int			rank = engine_rank(run, level);

	if (rank > 0 && rank == peers->rank && peers->number < run->nlevels)
		return engine_level_rate(run, peers->number, level);
	return asked_nothing;
}

void
engine_run_peer(EngineRun *run)
{
	const PlanRule *rule = run->rule;
	int			end = run->sale->depth;
	Peers		peers = {0};

	if (rule->max_level > 0)
		end = Min(end, rule->max_level + 1);
	for (int level = rule->self_mode == PLAN_SELF_IGNORED ? 1 : 0; level < end; level++)
	{
		EngineRate	rate = rate_if_next(run, &peers, level);

		CHECK_FOR_INTERRUPTS();
		if (level > 0 && engine_skips(run, level, level, &rate))
		{
			if (!run->result->paid_only)
				(void) engine_add_line(run, level, 0, ENGINE_SKIPPED);
			continue;
		}
		visit(run, &peers, level);
	}
}
