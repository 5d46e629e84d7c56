/*
 * plan.h
 *	  A commission plan, compiled from its document.
 *
 * Layer 2: pure, no table, no clock, no fmgr.  doc/plan.md is the reference of
 * the document.
 *
 * Invariants of a compiled plan: it never changes; at least one rule; names
 * unique; each rate finite, 0 .. 1, at most PLAN_MAX_RATE_SCALE decimals and
 * without trailing zeros; the sum of all rates at most 1.  All of it lives in
 * the memory context that was current in plan_compile, nothing points into the
 * document.
 */
#ifndef DISTRIBUTOR_PLAN_H
#define DISTRIBUTOR_PLAN_H

#include "compat.h"

#include "money.h"
#include "utils/jsonb.h"

#define PLAN_MAX_BYTES			(1024 * 1024)	/* of the document's text */
#define PLAN_MAX_RULES			1000
#define PLAN_MAX_LEVELS			1000	/* of one rule */
#define PLAN_MAX_CURRENCIES		1000
#define PLAN_MAX_RULE_NAME		63	/* bytes */
#define PLAN_MAX_RATE_SCALE		10	/* decimals: "0.00000001%" is the least */
#define PLAN_MAX_CURRENCY_SCALE 10

/* A text of PLAN_MAX_BYTES can grow to six times its size as jsonb ("[0,0,..."). */
#define PLAN_MAX_JSONB_BYTES	(8 * PLAN_MAX_BYTES)

struct RuleKind;

typedef struct PlanCurrency
{
	const char *code;
	int			scale;
} PlanCurrency;

typedef struct PlanRule
{
	const char *name;
	const struct RuleKind *kind;
	MoneyFactor self;			/* rate of level 0, its value NULL: none */
	int			nlevels;
	MoneyFactor *levels;		/* levels[i] is the rate of level i + 1 */
} PlanRule;

typedef struct CommissionPlan
{
	int			nrules;
	PlanRule   *rules;			/* in the document's order */
	int			ncurrencies;
	PlanCurrency *currencies;
	int			max_level;		/* highest upline level any rule looks at, 0: none */
	bool		uses_rank;		/* does any rule look at ranks? */
} CommissionPlan;

/* plan.c */
extern CommissionPlan *plan_compile(Jsonb *document);
extern int	plan_currency_scale(const CommissionPlan *plan, const char *currency);
extern double plan_estimate_lines(Jsonb *document, double depth);

/* plan_json.c */
extern Jsonb *plan_document(text *json);

#endif							/* DISTRIBUTOR_PLAN_H */
