/*
 * rule.h
 *	  The kinds of rule that a commission plan is made of.
 *
 * A kind has one file that reads it from the document, rule_NAME.c with its
 * descriptor, and one that calculates, engine_NAME.c; rule.c lists the
 * descriptors.  Neither the plan compiler nor the engine knows a kind by name.
 */
#ifndef DISTRIBUTOR_RULE_H
#define DISTRIBUTOR_RULE_H

#include "engine_run.h"
#include "plan_reader.h"

/* Keys that not every kind has; those of rule_keys[] that it lacks are refused. */
#define RULE_BASE			0x0001
#define RULE_PER_UNIT		0x0002
#define RULE_DEPTH			0x0004	/* depth_by_rank */
#define RULE_COMPRESSION	0x0008
#define RULE_SKIPPED_LEVEL	0x0010	/* of compression: counts levels */
#define RULE_RANK_OF		0x0020
#define RULE_UPLIFT			0x0040
#define RULE_MAX_LEVEL		0x0080

/*
 * What a rule can pay at worst, as shares of the sale's amount; plan_guard.c
 * puts them together.  certain, own and least never say too much, possible
 * never too little.
 */
typedef struct RuleShare
{
	Numeric	   *own;			/* nranks + 1 elements: where everybody has that rank, and no variant applies */
	Numeric		certain;		/* some sale is paid that much, if "when" holds */
	Numeric		least;			/* whatever variant applies and whoever stands above */
	Numeric		possible;		/* NULL: cannot be said */
	bool		varies;			/* own holds for some sales only, least for all */
} RuleShare;

typedef struct RuleKind
{
	const char *name;			/* what "kind" says in the document */
	int			has;			/* RULE_... */
	const PlanKey *keys;		/* of its own; into PlanRule */
	const PlanKey *term_keys;	/* of its own and of its variants; into PlanTerms */

	/* check what the key tables cannot, after all keys are read */
	void		(*check) (const PlanPath *at, const CommissionPlan *plan, PlanRule *rule);
	/* the same of its own terms, or of a variant's */
	void		(*check_terms) (const PlanPath *at, const CommissionPlan *plan,
								const PlanRule *rule, const PlanTerms *terms);
	/* highest upline level that the rule looks at, 0: none, PLAN_ALL_LEVELS */
	int			(*max_level) (const PlanRule *rule);
	/* shares has those of the rules that run before */
	RuleShare	(*share) (const CommissionPlan *plan, const PlanRule *rule, const RuleShare *shares);
	/* does it pay by the number of a recruit?  NULL: no */
	bool		(*passes_recruits) (const PlanRule *rule);
	/* lines that pay somebody, roughly, of an unchecked rule with so many uplines */
	double		(*estimate) (const JsonbValue *rule, double uplines);
	/* emit the rule's lines for one item of a sale */
	void		(*run) (EngineRun *run);
} RuleKind;

#define RULE_MAX_KINDS		7

extern const RuleKind *const rule_kinds[RULE_MAX_KINDS + 1];	/* ends with NULL */

extern const RuleKind *rule_find_kind(const char *name, int len);
extern char *rule_list_kinds(void);
extern double rule_estimate_lines(const JsonbValue *rule, double depth);
extern double rule_estimate_levels(const JsonbValue *rule, double uplines);

/* rule_share.c: what kinds with one rate a level can pay at worst */

/* The rate that terms have for a slot, which is a level; NULL: none. */
typedef const PlanRate *(*RuleSlot) (const PlanTerms *terms, int slot);

typedef struct RuleSlots
{
	RuleSlot	slot;
	int			nslots;			/* level 0 is the first */
	RuleSlot	budget;			/* slot 0 of it: what the rates are of; NULL: the base */
} RuleSlots;

extern RuleShare rule_share_of_slots(const CommissionPlan *plan, const PlanRule *rule,
									 const RuleSlots *slots, const RuleShare *shares);
extern RuleShare rule_share_none(const CommissionPlan *plan);
extern void rule_share_of_base(const CommissionPlan *plan, const PlanRule *rule,
							   const RuleShare *shares, RuleShare *share);
extern bool rule_variant_is_alone(const PlanRule *rule, int variant);
extern Numeric rule_highest_percentage(const CommissionPlan *plan, const PlanRate *rate,
									   bool *has_fixed);
extern Numeric rule_percentage(const PlanRate *own, const PlanRate *variant, int rank);
extern bool rule_qualifies(const PlanRule *rule, int level, int rank);
extern const PlanRate *rule_level_slot(const PlanTerms *terms, int slot);

/* The kinds. */
extern const RuleKind rule_unilevel;
extern const RuleKind rule_differential;
extern const RuleKind rule_peer;
extern const RuleKind rule_split;
extern const RuleKind rule_override;
extern const RuleKind rule_pass_up;
extern const RuleKind rule_rotation;

#endif							/* DISTRIBUTOR_RULE_H */
