/*
 * engine.h
 *	  The commission engine: what a plan pays for one sale.
 *
 * Layer 2: pure.  The same plan and sale give the same lines, always; nothing
 * is looked up.  doc/plan.md says what each kind of rule does.
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

#define ENGINE_MAX_ITEMS		10000
#define ENGINE_MAX_LINES		(16 * 1024 * 1024)	/* of a result, paid or not */

/* An order line. */
typedef struct EngineItem
{
	int			line;			/* 1 for the first; 0: the whole order */
	const char *key;			/* may be NULL */
	const char *product;		/* may be NULL */
	Numeric		amount;			/* finite, not negative */
	Numeric		quantity;		/* NULL: unknown */
	Numeric		cost;			/* NULL: unknown */
	JsonbContainer *attributes; /* an object, or NULL */
} EngineItem;

/*
 * One sale.  The path has depth ids, root first: ids[depth - 1] is the member
 * of the sale.  states and ranks, where given, have depth elements by level:
 * element 0 is the member of the sale.  Zeroed but for path and amount, it is
 * a sale of which nothing else is known.
 */
typedef struct EngineSale
{
	int			depth;
	const int64 *ids;
	const EngineState *states;	/* NULL: all active */
	const char *const *ranks;	/* NULL: no ranks; elements may be NULL */
	const int  *rank_positions; /* the same as positions in the plan; instead of ranks */
	Numeric		amount;			/* finite, not negative */
	const char *currency;		/* NULL: unknown */
	int			scale;			/* decimals of what is paid */

	JsonbContainer *attributes; /* an object, or NULL */
	int			nitems;
	const EngineItem *items;	/* the order lines */
	bool		has_time;
	TimestampTz occurred_at;
	int64		order_number;	/* 0: unknown */
	int			nrecruit_numbers;
	const int64 *recruit_numbers;	/* by level; 0: unknown */
	JsonbContainer *applied;	/* counters by rule, or NULL */
	JsonbContainer *earned;		/* by rule, cap and member, or NULL */
} EngineSale;

typedef enum EngineReason
{
	ENGINE_PAID,
	ENGINE_NO_UPLINE,			/* the path ends below this level */
	ENGINE_FROZEN_MEMBER,
	ENGINE_LEFT_MEMBER,
	ENGINE_ZERO_RATE,			/* the plan pays 0 here */
	ENGINE_ROUNDS_TO_ZERO,
	ENGINE_RANK_TOO_LOW,
	ENGINE_DEPTH_LOCKED,
	ENGINE_NO_RATE,
	ENGINE_SKIPPED,
	ENGINE_ABOVE_MAX_LEVEL,
	ENGINE_NOT_ABOVE,
	ENGINE_FIRST_OF_RANK,
	ENGINE_NO_MORE_PEERS,
	ENGINE_DOUBLE_DIP,
	ENGINE_BELOW_MINIMUM,
	ENGINE_CAPPED,
	ENGINE_GUARD,
	ENGINE_MOVED,
	ENGINE_NOT_APPLICABLE,
	ENGINE_OPTED_OUT,
	ENGINE_ALREADY_PAID,
	ENGINE_NO_BASE
} EngineReason;

/* What changed a payment after it was rounded: a cap (its PlanCap), or these. */
#define ENGINE_LIMIT_NONE		(-1)
#define ENGINE_LIMIT_RESIDUE	PLAN_NCAPS
#define ENGINE_LIMIT_GUARD		(PLAN_NCAPS + 1)

/*
 * What a rule does at one level.  amount is over zero exactly when reason is
 * ENGINE_PAID.  member_id is -1 where nobody stands, level -1 where the rule
 * does not apply to the item.
 */
typedef struct EngineLine
{
	const PlanRule *rule;
	int			line;			/* of the order; 0: the whole */
	int			level;
	int			basis;			/* see commissions() */
	int64		member_id;
	bool		outside;		/* paid to the "missing" member: not by its level */
	Numeric		base;			/* NULL: a fixed amount not per unit, or no money */
	Numeric		rate;			/* NULL: a fixed amount, or no money */
	Numeric		exact;			/* unrounded; NULL: no money, or paid_only and not needed */
	Numeric		amount;			/* exact, rounded once, then limited; zero unless paid */
	int64		units;			/* amount in units of 10^-scale; -1: too large for that */
	EngineReason reason;
	int			limited_by;
} EngineLine;

/*
 * The lines of the last sale.  The arrays belong to the result and are used
 * again for the next sale; the numerics live in the memory context that was
 * current in engine_run.
 */
typedef struct EngineResult
{
	MemoryContext context;		/* of the arrays */
	Numeric		zero;			/* kept, so that no sale has to make one */
	bool		paid_only;		/* set by the caller: no unpaid lines, no exact */
	int			nlines;
	int			maxlines;
	EngineLine *lines;
	int			maxrules;
	int		   *rule_starts;	/* first lines of the rules that have run */
	int			maxdepth;
	int		   *ranks;			/* positions by level, of maxdepth levels */
	MemoryContext scratch;		/* NULL until it is needed; of one condition or base */
	Numeric		line_sums[2];	/* quantity and cost of all order lines */
	bool		line_sums_known[2];
} EngineResult;

extern void engine_init(EngineResult *result, MemoryContext context);
extern void engine_run(const CommissionPlan *plan, const EngineSale *sale, EngineResult *result);
extern const char *engine_reason_code(EngineReason reason);
extern const char *engine_limit_code(int limited_by);	/* NULL: none */
extern EngineState engine_state_from_word(const char *word);	/* 22023 if it is none */
extern const char *engine_state_word(EngineState state);

/* engine_explain.c: a sentence for a line; the key is of its member, or NULL */
extern char *engine_explain(const EngineLine *line, const EngineSale *sale,
							const char *member_key, const char *currency);

/* engine_facts.c: the json object "sale" of commissions(), and stored counters */
extern void engine_read_facts(EngineSale *sale, Jsonb *facts);
extern void engine_read_counters(EngineSale *sale, Jsonb *counters);

#endif							/* DISTRIBUTOR_ENGINE_H */
