/*
 * engine.h
 *	  The commission engine: what a plan pays for one sale.
 *
 * Layer 2: pure.  The same plan and sale give the same lines, always; nothing
 * is looked up.
 *
 * Levels: 0 is the member to whom the sale is booked, 1 its sponsor, n the
 * n-th upline.
 */
#ifndef DISTRIBUTOR_ENGINE_H
#define DISTRIBUTOR_ENGINE_H

#include "compat.h"

#include "plan.h"

typedef enum EngineState
{
	ENGINE_ACTIVE,
	ENGINE_FROZEN,
	ENGINE_LEFT
} EngineState;

/*
 * One sale.  The path has depth ids, root first: ids[depth - 1] is the member
 * of the sale.  states and ranks, where given, have depth elements by level:
 * element 0 is the member of the sale.
 */
typedef struct EngineSale
{
	int			depth;
	const int64 *ids;
	const EngineState *states;	/* NULL: all active */
	const char *const *ranks;	/* NULL: no ranks; elements may be NULL */
	Numeric		amount;			/* finite, not negative */
	const char *currency;		/* may be NULL; for rules that ask for it */
	int			scale;			/* decimals of what is paid */
} EngineSale;

typedef enum EngineReason
{
	ENGINE_PAID,
	ENGINE_NO_UPLINE,			/* the path ends below this level */
	ENGINE_FROZEN_MEMBER,
	ENGINE_LEFT_MEMBER,
	ENGINE_ZERO_RATE,			/* the plan pays 0 % here */
	ENGINE_ROUNDS_TO_ZERO
} EngineReason;

/*
 * What a rule does at one level.  amount is over zero exactly when reason is
 * ENGINE_PAID; member_id is -1 exactly when it is ENGINE_NO_UPLINE.
 */
typedef struct EngineLine
{
	const PlanRule *rule;
	int			level;
	int64		member_id;
	Numeric		base;
	Numeric		rate;
	Numeric		exact;			/* base * rate, unrounded; NULL if paid_only */
	Numeric		amount;			/* exact, rounded once; zero unless paid */
	EngineReason reason;
} EngineLine;

/*
 * The lines of the last sale.  The array belongs to the result and is used
 * again for the next sale; the numerics live in the memory context that was
 * current in engine_run.
 */
typedef struct EngineResult
{
	MemoryContext context;		/* of the array */
	Numeric		zero;			/* kept, so that no sale has to make one */
	bool		paid_only;		/* set by the caller: no unpaid lines, no exact */
	int			nlines;
	int			maxlines;
	EngineLine *lines;
} EngineResult;

/* One run, as the kinds of rule see it. */
typedef struct EngineRun
{
	const CommissionPlan *plan;
	const EngineSale *sale;
	MoneyFactor amount;			/* of the sale: the base of most rules */
	EngineResult *result;
} EngineRun;

extern void engine_init(EngineResult *result, MemoryContext context);
extern void engine_run(const CommissionPlan *plan, const EngineSale *sale, EngineResult *result);
extern const char *engine_reason_code(EngineReason reason);
extern EngineState engine_state_from_word(const char *word);	/* 22023 if it is none */
extern const char *engine_state_word(EngineState state);

/* for the kinds of rule */
extern void engine_pay_level(EngineRun *run, const PlanRule *rule, int level,
							 const MoneyFactor *base, const MoneyFactor *rate);

#endif							/* DISTRIBUTOR_ENGINE_H */
