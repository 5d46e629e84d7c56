/*
 * rule.c
 *	  The list of the kinds of rule.
 */
#include "compat.h"

#include "lib/stringinfo.h"

#include "rule.h"

const RuleKind *const rule_kinds[RULE_MAX_KINDS + 1] = {
	&rule_unilevel,
	&rule_differential,
	&rule_peer,
	&rule_split,
	&rule_override,
	&rule_pass_up,
	&rule_rotation,
	NULL
};

const RuleKind *
rule_find_kind(const char *name, int len)
{
	for (int i = 0; rule_kinds[i] != NULL; i++)
	{
		const RuleKind *kind = rule_kinds[i];

		if (plan_is_named(kind->name, name, len))
			return kind;
	}
	return NULL;
}

/* "a", "b", "c": for hints */
char *
rule_list_kinds(void)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; rule_kinds[i] != NULL; i++)
		appendStringInfo(&out, "%s\"%s\"", i > 0 ? ", " : "", rule_kinds[i]->name);
	return out.data;
}

/* ---- estimates for the planner: of a rule that nobody has checked ---- */

double
rule_estimate_lines(const JsonbValue *rule, double depth)
{
	const JsonbValue *name = plan_find_key(rule, "kind");
	const RuleKind *kind = NULL;

	if (name != NULL && name->type == jbvString)
		kind = rule_find_kind(name->val.string.val, name->val.string.len);
	if (kind == NULL)
		return 0;
	return Min(kind->estimate(rule, Max(depth - 1, 0)), Max(depth, 0));
}

/* How many of the rule's levels find somebody. */
double
rule_estimate_levels(const JsonbValue *rule, double uplines)
{
	const JsonbValue *levels = plan_find_key(rule, "levels");

	if (levels == NULL || !plan_is_array(levels))
		return 0;
	return Min(JsonContainerSize(levels->val.binary.data), uplines);
}
