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
 * What a rule can pay at worst, as a share of the sale's amount.  certain: at
 * least that much is paid by some sale; possible: never more, NULL if that
 * cannot be said.
 */
typedef struct RuleShare
{
	Numeric		certain;
	Numeric		possible;
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
	/* emit the rule's lines for one item of a sale */
	void		(*run) (EngineRun *run);
} RuleKind;

extern const RuleKind *const rule_kinds[];	/* ends with NULL */

extern const RuleKind *rule_find_kind(const char *name, int len);
extern char *rule_list_kinds(void);

/* The kinds. */
extern const RuleKind rule_unilevel;
extern const RuleKind rule_differential;
extern const RuleKind rule_peer;
extern const RuleKind rule_split;
extern const RuleKind rule_override;
extern const RuleKind rule_pass_up;
extern const RuleKind rule_rotation;

#endif							/* DISTRIBUTOR_RULE_H */
