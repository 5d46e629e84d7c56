/*
 * rule.h
 *	  The kinds of rule that a commission plan is made of.
 *
 * A kind is one file, rule_NAME.c, with one descriptor; rule.c lists them.
 * Neither the plan compiler nor the engine knows a kind by name.
 */
#ifndef DISTRIBUTOR_RULE_H
#define DISTRIBUTOR_RULE_H

#include "engine.h"
#include "plan_reader.h"

typedef struct RuleKind
{
	const char *name;			/* what "kind" says in the document */
	const PlanKey *keys;		/* beside those that every rule has; into PlanRule */

	/* check what the key table cannot, after all keys are read */
	void		(*check) (const PlanPath *at, const JsonbValue *value,
						  PlanRule *rule);
	/* highest upline level that the rule looks at, 0: none */
	int			(*max_level) (const PlanRule *rule);
	/* add the greatest share of a sale that the rule can pay to *sum */
	Numeric		(*add_share) (const PlanRule *rule, Numeric sum);
	/* emit the rule's lines for one sale */
	void		(*run) (EngineRun *run, const PlanRule *rule);
	bool		uses_rank;
} RuleKind;

extern const RuleKind *const rule_kinds[];	/* ends with NULL */

extern const RuleKind *rule_find_kind(const char *name, int len);
extern char *rule_list_kinds(void);

/* The kinds. */
extern const RuleKind rule_unilevel;

#endif							/* DISTRIBUTOR_RULE_H */
