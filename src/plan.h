/*
 * plan.h
 *	  A commission plan, compiled from its document.
 *
 * Layer 2: pure, no table, no clock, no fmgr.  doc/plan.md is the reference of
 * the document; the names below are its keys.
 *
 * Invariants of a compiled plan: it never changes; at least one rule; names
 * unique; rules in the order in which they run, so that a rule refers only to
 * rules of a smaller index; each percentage finite, not negative, at most
 * PLAN_MAX_RATE_SCALE decimals and without trailing zeros.  All of it lives in
 * the memory context that was current in plan_compile, nothing points into the
 * document.
 *
 * Ranks are positions: 0 is without rank, 1 the lowest of "ranks", and so on up
 * to nranks.  Tables by rank have nranks + 1 elements.
 */
#ifndef DISTRIBUTOR_PLAN_H
#define DISTRIBUTOR_PLAN_H

#include "compat.h"

#include "money.h"
#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#define PLAN_MAX_BYTES			(1024 * 1024)	/* of the document's text */
#define PLAN_MAX_RULES			1000
#define PLAN_MAX_LEVELS			1000	/* of one rule */
#define PLAN_MAX_CURRENCIES		1000
#define PLAN_MAX_RANKS			100
#define PLAN_MAX_VARIANTS		1000	/* of one rule */
#define PLAN_MAX_WORDS			1000	/* of one condition */
#define PLAN_MAX_TERMS			20		/* of a base's "less" or "plus" */
#define PLAN_MAX_NAME			63	/* bytes: of a rule, a rank, a group */
#define PLAN_MAX_VALUES			1000000 /* rates of a plan, for each rank they are by */
#define PLAN_MAX_RATE_SCALE		10	/* decimals: "0.00000001%" is the least */
#define PLAN_MAX_CURRENCY_SCALE 10
#define PLAN_MAX_PRIORITY		1000
#define PLAN_MAX_UPLIFT			1000	/* percent: also of the guard */
#define PLAN_MAX_MONEY_DIGITS	15	/* of a sum of money, before the point */
#define PLAN_MONEY_LIMIT		INT64CONST(1000000000000000)	/* the least with one digit more */

/* A text of PLAN_MAX_BYTES can grow to six times its size as jsonb ("[0,0,..."). */
#define PLAN_MAX_JSONB_BYTES	(8 * PLAN_MAX_BYTES)

struct RuleKind;

typedef struct PlanCurrency
{
	const char *code;
	int			scale;			/* as declared, or that of ISO 4217 */
	MoneyRounding rounding;
} PlanCurrency;

/* ---- sums of money, rates ---- */

typedef struct PlanAmount
{
	const char *currency;
	Numeric		value;
} PlanAmount;

/* A sum of money: the same for all currencies, or by currency. */
typedef struct PlanMoney
{
	Numeric		any;			/* NULL: by currency */
	int			n;
	PlanAmount *by_currency;	/* any NULL and n 0: there is none */
} PlanMoney;

typedef enum PlanValueKind
{
	PLAN_NO_VALUE,
	PLAN_PERCENTAGE,
	PLAN_FIXED
} PlanValueKind;

typedef struct PlanValue
{
	PlanValueKind kind;
	MoneyFactor percentage;		/* PLAN_PERCENTAGE: a fraction of 1 */
	PlanMoney	fixed;			/* PLAN_FIXED */
} PlanValue;

/* What the document calls a rate. */
typedef struct PlanRate
{
	PlanValue	plain;			/* PLAN_NO_VALUE where it is by rank, or left out */
	PlanValue  *by_rank;		/* nranks + 1 elements, "*" filled in; NULL: plain */
} PlanRate;

/* ---- conditions ---- */

typedef enum PlanField
{
	PLAN_FIELD_WORD,			/* the item's word called name */
	PLAN_FIELD_CURRENCY,
	PLAN_FIELD_BUYER_RANK,
	PLAN_FIELD_AMOUNT,
	PLAN_FIELD_ORDER_AMOUNT,
	PLAN_FIELD_QUANTITY,
	PLAN_FIELD_NUMBER,			/* the item's number called name */
	PLAN_FIELD_ORDER_NUMBER,
	PLAN_FIELD_TIME
} PlanField;

typedef enum PlanTest
{
	PLAN_TEST_IN,				/* one of words */
	PLAN_TEST_NOT_IN,			/* none of words, or missing */
	PLAN_TEST_RANGE,			/* a number in range, or a time */
	PLAN_TEST_AT_LEAST			/* PLAN_FIELD_BUYER_RANK: rank or higher */
} PlanTest;

typedef struct PlanCondition
{
	PlanField	field;
	const char *name;			/* of a word or number, else NULL */
	PlanTest	test;
	int			nwords;
	const char **words;			/* as text; sorted by strcmp */
	int			rank;			/* PLAN_TEST_AT_LEAST */
	/* ranges; NULL, or without a flag: no boundary.  Of times: microseconds. */
	Numeric		from;
	Numeric		over;
	Numeric		to;
	Numeric		below;
	bool		has_time_from;
	bool		has_time_over;
	bool		has_time_to;
	bool		has_time_below;
	TimestampTz time_from;
	TimestampTz time_over;
	TimestampTz time_to;
	TimestampTz time_below;
} PlanCondition;

/* All must hold.  "first_order" is a range of PLAN_FIELD_ORDER_NUMBER. */
typedef struct PlanWhen
{
	int			nconditions;	/* 0: always */
	PlanCondition *conditions;
} PlanWhen;

/* ---- rules ---- */

/*
 * The keys marked rate in the reference: a rule has one for its own keys and
 * one for each variant.  A kind uses those that it has keys for.
 */
typedef struct PlanTerms
{
	PlanWhen	when;			/* of a variant */
	int			place;			/* of a variant in the document; -1: the rule's own */
	bool		pays;			/* false: opted out */
	PlanRate	self;			/* unilevel, split */
	int			nlevels;
	PlanRate   *levels;			/* unilevel, split, override, peer */
	PlanRate	rate;			/* rotation */
	PlanRate	rates;			/* differential */
	PlanRate	slices;			/* differential */
	PlanRate	budget;			/* split */
	PlanRate	keep;			/* pass_up */
	PlanRate	retain;
	PlanRate	pass;
} PlanTerms;

typedef struct PlanBase
{
	bool		is_amount;		/* "amount", nothing else: the usual case */
	bool		is_profit;
	const char *of;				/* name of a number; NULL: amount, profit or rule */
	int			nless;
	const char **less;
	int			nplus;
	const char **plus;
	Numeric		min;			/* NULL: none */
	Numeric		max;
	Numeric		above;
	int			rule;			/* index of the rule; -1: none */
	int			rule_level;		/* -1: all levels */
} PlanBase;

typedef enum PlanRankOf
{
	PLAN_RANK_OF_RECIPIENT,
	PLAN_RANK_OF_BUYER,
	PLAN_RANK_OF_LOWER
} PlanRankOf;

typedef enum PlanCompressionMode
{
	PLAN_COMPRESSION_NONE,
	PLAN_COMPRESSION_STANDARD,
	PLAN_COMPRESSION_DYNAMIC
} PlanCompressionMode;

typedef struct PlanCompression
{
	PlanCompressionMode mode;
	bool		rolls_up;		/* "skipped_level": "rolls_up" */
	bool		sponsor_exempt;
} PlanCompression;

typedef enum PlanResidue
{
	PLAN_RESIDUE_HOUSE,
	PLAN_RESIDUE_FIRST,
	PLAN_RESIDUE_LAST,
	PLAN_RESIDUE_LARGEST
} PlanResidue;

/* In the order in which they are applied; plan_cap_names[] has their names. */
typedef enum PlanCap
{
	PLAN_CAP_SALE,
	PLAN_CAP_MEMBER_SALE,
	PLAN_CAP_MEMBER_DAY,
	PLAN_CAP_MEMBER_WEEK,
	PLAN_CAP_MEMBER_MONTH,
	PLAN_CAP_MEMBER_YEAR,
	PLAN_CAP_MEMBER_LIFETIME
} PlanCap;

#define PLAN_NCAPS				(PLAN_CAP_MEMBER_LIFETIME + 1)

typedef enum PlanSelf
{
	PLAN_SELF_IGNORED,
	PLAN_SELF_PAID,
	PLAN_SELF_COUNTED
} PlanSelf;

typedef enum PlanPeerOf
{
	PLAN_PEER_OF_ORDER,
	PLAN_PEER_OF_FIRST,
	PLAN_PEER_OF_PREVIOUS
} PlanPeerOf;

typedef enum PlanMissing
{
	PLAN_MISSING_HOUSE,
	PLAN_MISSING_ROLLS_UP,
	PLAN_MISSING_LAST,
	PLAN_MISSING_MEMBER
} PlanMissing;

/* Rules that are referred to, by index. */
typedef struct PlanRules
{
	int			n;
	int		   *rules;
} PlanRules;

typedef struct PlanRule
{
	const char *name;
	const struct RuleKind *kind;
	int			place;			/* in the document: $.rules[place] */
	int			index;			/* in the order of running: plan->rules[index] */
	bool		is_complete;	/* all read and right; always so in a compiled plan */
	int			priority;
	int			group;			/* -1: none; else a number of its own per name */
	const char *group_name;
	bool		per_line;
	PlanWhen	when;
	PlanTerms	terms;			/* the rule's own */
	int			nvariants;
	PlanTerms  *variants;		/* most conditions first, then as in the document */
	PlanBase	base;
	bool		per_unit;
	PlanRankOf	rank_of;
	int			min_rank;		/* 0: none */
	int		   *depth_by_rank;	/* nranks + 1 elements, -1: no limit; NULL: none */
	MoneyFactor *uplift_by_rank;	/* nranks + 1 elements, 1 + uplift, value NULL: none; NULL: none */
	PlanCompression compression;
	bool		once_per_buyer;
	PlanResidue residue;
	PlanMoney	min_payable;
	PlanMoney	caps[PLAN_NCAPS];
	bool		has_caps;
	int			max_level;		/* 0: up to the root */
	int			nlevels;		/* the most that own terms and variants have */
	bool		is_plain;		/* percentages of their own, the same for everybody who is active */

	/* differential, peer */
	PlanSelf	self_mode;
	bool		gap_filling;
	int		   *rate_order;		/* by rank, from 1: the place of its rate, 0: zero or none; NULL: differs by sale */
	int			top_order;
	MoneyFactor *rate_steps;	/* [order * (top_order + 1) + below]: rate less rate; NULL: too many */
	PlanRules	deduct;
	PlanPeerOf	peer_of;
	PlanRules	income;
	/* split */
	PlanMissing missing;
	int64		missing_member;
	/* override */
	PlanRules	of;
	bool		on_itself;
	/* pass_up, rotation */
	int			passes;
	bool		counts_orders;
	bool		chain;
	bool		house_at_root;
	int			rotation_levels;
	bool		stops;
} PlanRule;

typedef struct PlanGuard
{
	MoneyFactor max_share;		/* of the sale's amount, never NULL */
	bool		by_priority;
} PlanGuard;

typedef struct PlanCompliance
{
	const char *market;			/* "none" by default */
	int			max_level;		/* enforced; 0: none */
	int			warn_level;		/* for check_plan; 0: none */
	Numeric		warn_share;		/* NULL: none */
	bool		warn_recruiting;
} PlanCompliance;

typedef struct CommissionPlan
{
	int			nrules;
	PlanRule   *rules;			/* in the order of running */
	int			ngroups;
	int			nranks;
	const char **ranks;			/* ranks[i] has position i + 1 */
	int		   *ranks_by_name;	/* positions, sorted by the name's strcmp */
	int			ncurrencies;
	PlanCurrency *currencies;
	MoneyRounding rounding;
	PlanGuard	guard;
	PlanCompliance compliance;

	/* what has to be known of a sale */
	int			max_level;		/* highest upline level looked at, PLAN_ALL_LEVELS: all */
	int			recruit_level;	/* the same of recruit numbers: a chain goes on where nobody is paid */
	bool		uses_rank;
	bool		uses_lines;
	bool		uses_order_number;
	bool		uses_recruit_numbers;
	bool		uses_applied;	/* once_per_buyer */
	bool		uses_earned;	/* a cap over more than the sale */
	bool		uses_time;
} CommissionPlan;

#define PLAN_ALL_LEVELS			PG_INT32_MAX

/* plan.c */
extern CommissionPlan *plan_compile(Jsonb *document);
extern int	plan_currency_scale(const CommissionPlan *plan, const char *currency);
extern MoneyRounding plan_currency_rounding(const CommissionPlan *plan, const char *currency);
extern int	plan_find_rank(const CommissionPlan *plan, const char *name, int len);	/* 0: not in the list */
extern double plan_estimate_lines(Jsonb *document, double depth);

/* plan_time.c: "2026-11-11T10:00:00+08:00" and the like; false: it is none */
extern bool plan_parse_time(const char *text, int len, TimestampTz *result);

/* plan_rate.c */
extern Numeric plan_money_for(const PlanMoney *money, const char *currency);	/* NULL: no value */
extern const char *const plan_cap_names[PLAN_NCAPS];

/* plan_json.c */
extern Jsonb *plan_document(text *json);

#endif							/* DISTRIBUTOR_PLAN_H */
