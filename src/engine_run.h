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
	const int  *ranks;			/* positions by level; NULL: all without */
	EngineItem	whole;			/* the order as an item */
	MoneyFactor amount;			/* of the sale */

	MemoryContext context;		/* what the result refers to lives here */

	const PlanRule *rule;
	int			rule_start;		/* first line of the rule, in result->lines */
	bool	   *group_paid;		/* by level: another rule of the group has paid it; NULL: no group */
	bool		group_paid_missing; /* the same of the rule's "missing" member */
	const EngineItem *item;
	int			item_start;		/* first line of the rule and item */
	int			nterms;			/* that apply to the item, to be asked in this order */
	const PlanTerms **terms;
	bool		opted_out;		/* after the last of terms */
	int			nlevels;		/* the most that these terms have */
	MoneyFactor base;			/* value NULL: the kind has none */
	Numeric		quantity;		/* of the item, where fixed amounts are per unit; else NULL */
} EngineRun;

/* A rate as it was found for somebody. */
typedef struct EngineRate
{
	PlanValueKind kind;			/* PLAN_NO_VALUE: there is none */
	const MoneyFactor *percentage;
	Numeric		fixed;
} EngineRate;

/* One payment that a rule wants to make. */
typedef struct EngineShare
{
	int			level;			/* who: the real level */
	int			number;			/* of the rate, for depth_by_rank */
	int			basis;
	EngineRate	rate;
	const MoneyFactor *base;	/* of percentages */
} EngineShare;

/* engine_item.c */
extern Numeric engine_number(const EngineRun *run, const EngineItem *item, const char *name);
extern Numeric engine_base(const EngineRun *run);	/* NULL: it has no value */
extern bool engine_when(const EngineRun *run, const PlanWhen *when);
extern Numeric engine_json_number(const JsonbValue *value);	/* NULL: none */
extern JsonbValue *engine_json_member(JsonbContainer *object, const char *name);	/* NULL: none, or null */
pg_noreturn extern void engine_missing_fact(const EngineRun *run, const char *fact, const char *example);

/* engine_rate.c */
extern int	engine_rank(const EngineRun *run, int level);
extern EngineRate engine_rate(const EngineRun *run, Size term, int level);	/* offsetof(PlanTerms, ...) */
extern EngineRate engine_rate_of_rank(const EngineRun *run, Size term, int rank);
extern EngineRate engine_level_rate(const EngineRun *run, int i, int level);
extern bool engine_has_rate(const EngineRun *run, Size term);
extern bool engine_rate_is_zero(const EngineRate *rate);
extern Numeric engine_exact(const EngineRun *run, const EngineRate *rate, const MoneyFactor *base);

/* engine_line.c */
extern EngineLine *engine_add_line(EngineRun *run, int level, int basis, EngineReason reason);
extern int	engine_level_of(const EngineRun *run, int64 member_id);	/* -1: not on the path */
extern void engine_find_group_paid(EngineRun *run);
extern bool engine_is_qualified(const EngineRun *run, int level, int number);
extern EngineReason engine_member_reason(const EngineRun *run, int level, int number, bool has_rate);
extern EngineReason engine_reason(const EngineRun *run, const EngineShare *share);
extern EngineLine *engine_pay(EngineRun *run, const EngineShare *share);
extern EngineLine *engine_refuse(EngineRun *run, const EngineShare *share, EngineReason reason);
extern EngineLine *engine_pay_percentage(EngineRun *run, int level, int basis,
										 const MoneyFactor *base, const MoneyFactor *percentage);
extern EngineLine *engine_pay_exact(EngineRun *run, int level, int basis, Numeric base,
									Numeric rate, Numeric exact);
extern void engine_no_rule(EngineRun *run, EngineReason reason);
extern bool engine_skips(const EngineRun *run, int level, int number, const EngineRate *rate);
extern int	engine_next_level(EngineRun *run, int from, int number, int list, EngineRate *rate);
extern void engine_pay_levels(EngineRun *run, int from, const MoneyFactor *base, int basis);
extern Numeric engine_paid(const EngineRun *run, const PlanRules *rules, int level, bool and_below);

/* engine_limit.c */
extern void engine_take_residue(EngineRun *run);
extern void engine_limit_rule(EngineRun *run);
extern void engine_guard(EngineRun *run);

/* The kinds: emit the lines of run->rule for run->item. */
extern void engine_run_unilevel(EngineRun *run);
extern void engine_run_differential(EngineRun *run);
extern void engine_run_peer(EngineRun *run);
extern void engine_run_split(EngineRun *run);
extern void engine_run_override(EngineRun *run);
extern void engine_run_pass_up(EngineRun *run);
extern void engine_run_rotation(EngineRun *run);

#endif							/* DISTRIBUTOR_ENGINE_RUN_H */
