/*
 * rule.c
 *	  The list of the kinds of rule.
 */
#include "compat.h"

#include "lib/stringinfo.h"

#include "rule.h"

const RuleKind *const rule_kinds[] = {
	&rule_unilevel,
	NULL
};

const RuleKind *
rule_find_kind(const char *name, int len)
{
	for (int i = 0; rule_kinds[i] != NULL; i++)
	{
		const RuleKind *kind = rule_kinds[i];

		if (strlen(kind->name) == len && memcmp(kind->name, name, len) == 0)
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
