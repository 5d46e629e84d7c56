/*
 * plan_rule.c
 *	  The rules of a plan: what all kinds have in common, and the order in
 *	  which they run.
 *
 * Before anything else is read, names and priorities are looked at, so that
 * each rule is read into its place in the order of running, and the name of a
 * rule that runs before can be resolved where it stands.
 */
#include "compat.h"

#include "miscadmin.h"

#include "money.h"
#include "plan.h"
#include "plan_reader.h"
#include "rule.h"

/* ---- references to other rules ---- */

static int
compare_rule_names(const void *a, const void *b)
{
	const PlanRule *one = *(PlanRule *const *) a;
	const PlanRule *other = *(PlanRule *const *) b;
	int			order = strcmp(one->name, other->name);

	return order != 0 ? order : (one->place > other->place) - (one->place < other->place);
}

/* Of several rules of one name, which is a mistake of its own, the oldest. */
static const PlanRule *
find_rule(const PlanReading *reading, const char *name)
{
	int			low = 0;
	int			high = reading->nnamed;

	while (low < high)
	{
		int			mid = (low + high) / 2;

		if (strcmp(reading->by_name[mid]->name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < reading->nnamed && strcmp(reading->by_name[low]->name, name) == 0)
		return reading->by_name[low];
	return NULL;
}

static void
unknown_rule(const PlanPath *at, const JsonbValue *value)
{
	const PlanReading *reading = plan_reading(at);
	const char *nearest = NULL;
	int			limit = plan_nearest_limit(value->val.string.len);

	for (int i = 0; i < reading->nnamed; i++)
		nearest = plan_nearest(value->val.string.val, value->val.string.len,
							   reading->by_name[i]->name, nearest, &limit);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown rule in commission plan"),
			 plan_errfound(at, value),
			 nearest != NULL ?
			 errhint("Perhaps you meant \"%s\".", nearest) :
			 errhint("A rule is referred to by its \"name\".")));
}

static void
check_reference(const PlanPath *at, const PlanRule *rule, const PlanRule *other)
{
	if (other == rule)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule \"%s\" refers to itself", rule->name),
				 plan_errat(at),
				 errhint("Name a rule that runs before this one.")));
	if (other->index > rule->index)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule refers to \"%s\", which runs later", other->name),
				 errdetail("At %s: $.rules[%d] runs after $.rules[%d].",
						   plan_path_string(at), other->place, rule->place),
				 errhint("Write it before this rule, or give it a smaller \"priority\".")));
	if (other->per_line != rule->per_line)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule refers to \"%s\", which looks at other items", other->name),
				 errdetail("At %s: $.rules[%d] is per %s, $.rules[%d] per %s.",
						   plan_path_string(at),
						   other->place, other->per_line ? "line" : "order",
						   rule->place, rule->per_line ? "line" : "order"),
				 errhint("Give both the same \"per\".")));
}

/* The index of a rule that is referred to by its name, and runs before. */
int
plan_rule_index(const PlanPath *at, const JsonbValue *value)
{
	const PlanReading *reading = plan_reading(at);
	const PlanRule *other;

	if (value->type != jbvString)
		plan_wrong_type(at, value, "the name of a rule");
	other = find_rule(reading, plan_string(value));
	if (other == NULL)
		unknown_rule(at, value);
	check_reference(at, reading->rule, other);
	return other->index;
}

/* A list of names of rules. */
void
plan_read_references(const PlanPath *at, const JsonbValue *value, void *target)
{
	PlanRules  *rules = target;
	bool	   *seen = palloc0(sizeof(bool) * plan_reading(at)->plan->nrules);
	int			n = plan_array_length(at, value, PLAN_MAX_RULES);

	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("list of rules is empty"),
				 plan_errat(at),
				 errhint("Name at least one rule that runs before this one.")));
	rules->rules = palloc(sizeof(int) * n);
	for (int i = 0; i < n; i++)
	{
		PlanPath	here = {at, NULL, 0, i};
		const JsonbValue *element = plan_array_element(value, i);
		int			index = plan_rule_index(&here, element);

		if (seen[index])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("rule is named twice"),
					 plan_errfound(&here, element),
					 errhint("Keep one of the two.")));
		seen[index] = true;
		rules->rules[i] = index;
	}
	rules->n = n;
	pfree(seen);
}

/* ---- keys ---- */

static void
read_rule_name(const PlanPath *at, const JsonbValue *value, void *target)
{
	*(const char **) target = plan_name(at, value, "rule");
}

static void
read_rule_kind(const PlanPath *at, const JsonbValue *value, void *target)
{
	const RuleKind *kind;

	if (value->type != jbvString)
		plan_wrong_type(at, value, "a string");
	kind = rule_find_kind(value->val.string.val, value->val.string.len);
	if (kind == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown kind of rule"),
				 plan_errfound(at, value),
				 errhint("Known kinds: %s.", rule_list_kinds())));
	*(const RuleKind **) target = kind;
}

static void
read_priority(const PlanPath *at, const JsonbValue *value, void *target)
{
	*(int *) target = plan_int(at, value, -PLAN_MAX_PRIORITY, PLAN_MAX_PRIORITY);
}

static void
read_group(const PlanPath *at, const JsonbValue *value, void *target)
{
	*(const char **) target = plan_name(at, value, "group");
}

static void
read_per(const PlanPath *at, const JsonbValue *value, void *target)
{
	static const char *const words[] = {"order", "line"};

	*(bool *) target = plan_word(at, value, words, lengthof(words)) == 1;
	if (*(bool *) target)
		plan_reading(at)->plan->uses_lines = true;
}

static void
read_once_per_buyer(const PlanPath *at, const JsonbValue *value, void *target)
{
	plan_read_bool(at, value, target);
	if (*(bool *) target)
		plan_reading(at)->plan->uses_applied = true;
}

static void
read_per_unit(const PlanPath *at, const JsonbValue *value, void *target)
{
	plan_read_bool(at, value, target);
	if (*(bool *) target)
		plan_reading(at)->plan->uses_lines = true;
}

static void
read_residue(const PlanPath *at, const JsonbValue *value, void *target)
{
	static const char *const words[] = {"house", "first", "last", "largest_remainder"};

	*(PlanResidue *) target = plan_word(at, value, words, lengthof(words));
}

static void
read_rank_of(const PlanPath *at, const JsonbValue *value, void *target)
{
	static const char *const words[] = {"recipient", "buyer", "lower"};

	*(PlanRankOf *) target = plan_word(at, value, words, lengthof(words));
}

static void
read_max_level(const PlanPath *at, const JsonbValue *value, void *target)
{
	*(int *) target = plan_int(at, value, 1, PLAN_MAX_LEVELS);
}

static void
read_mode(const PlanPath *at, const JsonbValue *value, void *target)
{
	static const char *const words[] = {"none", "standard", "dynamic"};

	*(PlanCompressionMode *) target = plan_word(at, value, words, lengthof(words));
}

static void
read_skipped_level(const PlanPath *at, const JsonbValue *value, void *target)
{
	static const char *const words[] = {"reused", "rolls_up"};

	*(bool *) target = plan_word(at, value, words, lengthof(words)) == 1;
}

static const PlanKey compression_keys[] = {
	{"mode", read_mode, offsetof(PlanCompression, mode), NULL},
	{"sponsor_exempt", plan_read_bool, offsetof(PlanCompression, sponsor_exempt), NULL},
	{NULL}
};

static const PlanKey skipped_level_keys[] = {
	{"skipped_level", read_skipped_level, offsetof(PlanCompression, rolls_up), NULL},
	{NULL}
};

static void
read_compression(const PlanPath *at, const JsonbValue *value, void *target)
{
	bool		counts_levels = plan_reading(at)->rule->kind->has & RULE_SKIPPED_LEVEL;
	PlanTable	tables[] = {
		{.keys = compression_keys, .into = target},
		{.keys = skipped_level_keys, .into = counts_levels ? target : NULL}
	};

	plan_read_object(at, value, tables, lengthof(tables));
}

static void read_variants(const PlanPath *at, const JsonbValue *value, void *target);

/* What every rule has, whatever its kind. */
static const PlanKey rule_keys[] = {
	{"name", read_rule_name, offsetof(PlanRule, name),
	"Every rule has a name, which its payments carry, for example \"name\": \"sales\"."},
	{"kind", read_rule_kind, offsetof(PlanRule, kind),
	"Every rule says what it is, for example \"kind\": \"unilevel\"."},
	{"description", plan_read_ignored_string, 0, NULL},
	{"priority", read_priority, offsetof(PlanRule, priority), NULL},
	{"group", read_group, offsetof(PlanRule, group_name), NULL},
	{"per", read_per, offsetof(PlanRule, per_line), NULL},
	{"when", plan_read_when, offsetof(PlanRule, when), NULL},
	{"variants", read_variants, 0, NULL},
	{"once_per_buyer", read_once_per_buyer, offsetof(PlanRule, once_per_buyer), NULL},
	{"min_rank", plan_read_rank, offsetof(PlanRule, min_rank), NULL},
	{"residue", read_residue, offsetof(PlanRule, residue), NULL},
	{"min_payable", plan_read_money, offsetof(PlanRule, min_payable), NULL},
	{"caps", plan_read_caps, 0, NULL},
	{NULL}
};

/* What only some kinds have, by the flag that says so. */
typedef struct OptionalKey
{
	int			has;
	PlanKey		keys[2];		/* one, and the end of a table */
} OptionalKey;

static const OptionalKey optional_keys[] = {
	{RULE_BASE, {{"base", plan_read_base, offsetof(PlanRule, base), NULL}}},
	{RULE_PER_UNIT, {{"per_unit", read_per_unit, offsetof(PlanRule, per_unit), NULL}}},
	{RULE_DEPTH, {{"depth_by_rank", plan_read_depth, offsetof(PlanRule, depth_by_rank), NULL}}},
	{RULE_COMPRESSION, {{"compression", read_compression, offsetof(PlanRule, compression), NULL}}},
	{RULE_RANK_OF, {{"rank_of", read_rank_of, offsetof(PlanRule, rank_of), NULL}}},
	{RULE_UPLIFT, {{"uplift_by_rank", plan_read_uplift, offsetof(PlanRule, uplift_by_rank), NULL}}},
	{RULE_MAX_LEVEL, {{"max_level", read_max_level, offsetof(PlanRule, max_level), NULL}}}
};

/* Tables of a rule: of all rules, the optional ones, two of each kind. */
#define MAX_TABLES (1 + lengthof(optional_keys) + 2 * RULE_MAX_KINDS)

/*
 * The tables of a rule of this kind; NULL: of any.  What other kinds have is
 * known, but not for this one: it comes last, so that a key that several kinds
 * have is found with its own.
 */
static int
rule_tables(const RuleKind *kind, PlanRule *rule, PlanTable *tables)
{
	int			n = 0;

	tables[n++] = (PlanTable) {.keys = rule_keys, .into = rule};
	if (kind != NULL)
	{
		tables[n++] = (PlanTable) {.keys = kind->keys, .into = rule};
		tables[n++] = (PlanTable) {.keys = kind->term_keys, .into = &rule->terms};
	}
	for (int i = 0; i < (int) lengthof(optional_keys); i++)
	{
		bool		known = kind == NULL || (kind->has & optional_keys[i].has) != 0;

		tables[n++] = (PlanTable) {.keys = optional_keys[i].keys, .into = known ? rule : NULL};
	}
	for (int i = 0; rule_kinds[i] != NULL; i++)
	{
		if (rule_kinds[i] == kind)
			continue;
		tables[n++] = (PlanTable) {rule_kinds[i]->keys, kind == NULL ? rule : NULL, true};
		tables[n++] = (PlanTable) {rule_kinds[i]->term_keys, kind == NULL ? &rule->terms : NULL, true};
	}
	return n;
}

/* ---- variants ---- */

static const PlanKey variant_keys[] = {
	{"when", plan_read_when, offsetof(PlanTerms, when),
	"A variant says when it applies, for example \"when\": {\"category\": \"food\"}."},
	{"pays", plan_read_bool, offsetof(PlanTerms, pays), NULL},
	{NULL}
};

/* Does a variant say anything but when? */
static void
check_variant(const PlanPath *at, const JsonbValue *value, const PlanTerms *terms)
{
	bool		says_pays = plan_find_key(value, "pays") != NULL;
	int			nrates = JsonContainerSize(value->val.binary.data) - 1 - says_pays;

	if (terms->when.nconditions == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("variant has no condition"),
				 plan_errat(at),
				 errhint("What always applies are the rule's own rates.")));
	if (terms->pays && nrates == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("variant changes nothing"),
				 plan_errat(at),
				 errhint("Give the rates that are to be used instead, or \"pays\": false.")));
	if (!terms->pays && nrates > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("variant has rates and pays nothing"),
				 plan_errat(at),
				 errhint("Leave the rates out, or \"pays\": false.")));
}

typedef struct Step
{
	const PlanPath *at;
	const JsonbValue *value;
	void	   *target;
} Step;

static void
read_variant(void *arg)
{
	Step	   *step = arg;
	PlanReading *reading = plan_reading(step->at);
	PlanTerms  *terms = step->target;
	int			nfailed = reading->nfailed;
	PlanTable	tables[] = {
		{.keys = variant_keys, .into = terms},
		{reading->rule->kind->term_keys, terms, true}
	};

	terms->pays = true;
	terms->place = step->at->index;
	reading->in_variant = true;
	plan_read_object(step->at, step->value, tables, lengthof(tables));
	reading->in_variant = false;
	if (reading->nfailed == nfailed)
		check_variant(step->at, step->value, terms);
}

/* The most specific first, then the older. */
static int
compare_variants(const void *a, const void *b)
{
	const PlanTerms *one = a;
	const PlanTerms *other = b;

	if (one->when.nconditions != other->when.nconditions)
		return one->when.nconditions > other->when.nconditions ? -1 : 1;
	return (one->place > other->place) - (one->place < other->place);
}

static void
read_variants(const PlanPath *at, const JsonbValue *value, void *target)
{
	PlanRule   *rule = target;
	int			n = plan_array_length(at, value, PLAN_MAX_VARIANTS);

	/* terms are as large as several rates */
	plan_count_values(at, n * (int) (sizeof(PlanTerms) / sizeof(PlanValue)));
	rule->variants = palloc0(sizeof(PlanTerms) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		PlanPath	here = {at, NULL, 0, i};
		Step		step = {&here, plan_array_element(value, i), &rule->variants[i]};

		CHECK_FOR_INTERRUPTS();
		(void) plan_attempt(&here, read_variant, &step);
		plan_reading(at)->in_variant = false;
	}
	qsort(rule->variants, n, sizeof(PlanTerms), compare_variants);
	rule->nvariants = n;
}

/* ---- one rule ---- */

/*
 * A rule that has no "kind".  The keys of all kinds are taken as known, so that
 * the key that was misspelt is reported, or else the missing one.
 */
static void
refuse_rule_without_kind(const PlanPath *at, const JsonbValue *value, PlanRule *rule)
{
	PlanTable	tables[MAX_TABLES];

	plan_check_keys(at, value, tables, rule_tables(NULL, rule, tables));
}

/* After all keys: what no key can check by itself. */
static void
check_rule(const PlanPath *at, const CommissionPlan *plan, PlanRule *rule)
{
	const RuleKind *kind = rule->kind;
	PlanPath	variants = {at, "variants", 8, 0};

	if (kind->check != NULL)
		kind->check(at, plan, rule);
	if (kind->check_terms == NULL)
		return;
	kind->check_terms(at, plan, rule, &rule->terms);
	for (int i = 0; i < rule->nvariants; i++)
	{
		PlanPath	here = {&variants, NULL, 0, rule->variants[i].place};

		CHECK_FOR_INTERRUPTS();
		kind->check_terms(&here, plan, rule, &rule->variants[i]);
	}
}

static void
set_most_levels(PlanRule *rule)
{
	rule->nlevels = rule->terms.nlevels;
	for (int i = 0; i < rule->nvariants; i++)
		rule->nlevels = Max(rule->nlevels, rule->variants[i].nlevels);
}

/* The kind decides which keys are known, so it is read first. */
static bool
is_percentage(const PlanRate *rate)
{
	return rate->by_rank == NULL && rate->plain.kind == PLAN_PERCENTAGE;
}

/* The usual rule, for which the engine has a short way. */
static bool
is_plain(const PlanRule *rule)
{
	const PlanRate *self = &rule->terms.self;

	if (rule->nvariants > 0 || rule->group_name != NULL || rule->min_rank > 0 ||
		rule->depth_by_rank != NULL || rule->uplift_by_rank != NULL ||
		rule->compression.mode != PLAN_COMPRESSION_NONE || rule->residue != PLAN_RESIDUE_HOUSE)
		return false;
	for (int i = 0; i < rule->terms.nlevels; i++)
		if (!is_percentage(&rule->terms.levels[i]))
			return false;
	return is_percentage(self) || (self->by_rank == NULL && self->plain.kind == PLAN_NO_VALUE);
}

static void
read_rule(void *arg)
{
	Step	   *step = arg;
	const PlanPath *at = step->at;
	PlanReading *reading = plan_reading(at);
	PlanRule   *rule = step->target;
	const JsonbValue *kind = plan_find_key(step->value, "kind");
	PlanPath	kind_path = {at, "kind", 4, 0};
	PlanTable	tables[MAX_TABLES];
	int			nfailed = reading->nfailed;

	reading->rule = rule;
	if (kind == NULL)
	{
		refuse_rule_without_kind(at, step->value, rule);
		return;
	}
	read_rule_kind(&kind_path, kind, &rule->kind);
	plan_read_object(at, step->value, tables, rule_tables(rule->kind, rule, tables));
	if (reading->nfailed > nfailed)
		return;
	set_most_levels(rule);
	check_rule(at, reading->plan, rule);
	rule->is_plain = is_plain(rule);
	rule->is_complete = true;
}

/* ---- all rules ---- */

/*
 * What has to be known of all rules before one is read.  What is wrong here is
 * passed over, and reported when the rule is read.
 */
typedef struct Outline
{
	int			place;
	int			priority;
	char	   *name;			/* NULL: none that is right */
	bool		per_line;
} Outline;

static Outline
outline_rule(const JsonbValue *value, int place)
{
	Outline		outline = {place, 0, NULL, false};
	const JsonbValue *name = plan_find_key(value, "name");
	const JsonbValue *priority = plan_find_key(value, "priority");
	const JsonbValue *per = plan_find_key(value, "per");

	if (name != NULL && name->type == jbvString &&
		name->val.string.len >= 1 && name->val.string.len <= PLAN_MAX_NAME)
		outline.name = plan_string(name);
	if (priority != NULL && priority->type == jbvNumeric)
		(void) money_to_int(priority->val.numeric, &outline.priority);
	if (per != NULL && per->type == jbvString)
		outline.per_line = strcmp(plan_string(per), "line") == 0;
	return outline;
}

static int
compare_outlines(const void *a, const void *b)
{
	const Outline *one = a;
	const Outline *other = b;

	if (one->priority != other->priority)
		return one->priority < other->priority ? -1 : 1;
	return (one->place > other->place) - (one->place < other->place);
}

static void
init_rule(PlanRule *rule, const Outline *outline, int index)
{
	rule->name = outline->name;
	rule->place = outline->place;
	rule->index = index;
	rule->priority = outline->priority;
	rule->per_line = outline->per_line;
	rule->group = -1;
	rule->terms.pays = true;
	rule->terms.place = -1;
	rule->base.is_amount = true;
	rule->base.rule = -1;
	rule->base.rule_level = -1;
	rule->gap_filling = true;
}

/* Make the rules, in the order in which they run, and find them by name. */
static void
outline_rules(PlanReading *reading, const JsonbValue *value)
{
	CommissionPlan *plan = reading->plan;
	Outline    *outlines = palloc(sizeof(Outline) * plan->nrules);

	plan->rules = palloc0(sizeof(PlanRule) * plan->nrules);
	reading->by_place = palloc(sizeof(PlanRule *) * plan->nrules);
	reading->by_name = palloc(sizeof(PlanRule *) * plan->nrules);
	for (int i = 0; i < plan->nrules; i++)
		outlines[i] = outline_rule(plan_array_element(value, i), i);
	qsort(outlines, plan->nrules, sizeof(Outline), compare_outlines);

	for (int i = 0; i < plan->nrules; i++)
	{
		PlanRule   *rule = &plan->rules[i];

		init_rule(rule, &outlines[i], i);
		reading->by_place[rule->place] = rule;
		if (rule->name != NULL)
			reading->by_name[reading->nnamed++] = rule;
	}
	qsort(reading->by_name, reading->nnamed, sizeof(PlanRule *), compare_rule_names);
	pfree(outlines);
}

/* Rules that follow each other by name, the older first, have different names. */
static void
check_names(void *arg)
{
	const PlanPath *at = arg;
	const PlanReading *reading = plan_reading(at);
	const PlanRule *second = NULL;
	const PlanRule *first = NULL;

	/* of all that are there twice, the one that a reader comes to first */
	for (int i = 1; i < reading->nnamed; i++)
	{
		const PlanRule *rule = reading->by_name[i];

		if (strcmp(rule->name, reading->by_name[i - 1]->name) == 0 &&
			(second == NULL || rule->place < second->place))
		{
			second = rule;
			first = reading->by_name[i - 1];
		}
	}
	if (second != NULL)
	{
		PlanPath	rule = {at, NULL, 0, second->place};
		PlanPath	name = {&rule, "name", 4, 0};

		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("duplicate rule name \"%s\"", second->name),
				 errdetail("At %s: $.rules[%d] has the same name.",
						   plan_path_string(&name), first->place),
				 errhint("Payments are told apart by the name of their rule.")));
	}
}

/* Groups get numbers in the order in which their first rules run. */
static void
number_groups(CommissionPlan *plan)
{
	for (int i = 0; i < plan->nrules; i++)
	{
		PlanRule   *rule = &plan->rules[i];

		if (rule->group_name == NULL)
			continue;
		for (int j = 0; j < i && rule->group < 0; j++)
		{
			const PlanRule *other = &plan->rules[j];

			if (other->group >= 0 && strcmp(other->group_name, rule->group_name) == 0)
				rule->group = other->group;
		}
		if (rule->group < 0)
			rule->group = plan->ngroups++;
	}
}

void
plan_read_rules(const PlanPath *at, const JsonbValue *value, void *target)
{
	PlanReading *reading = plan_reading(at);
	CommissionPlan *plan = target;

	plan->nrules = plan_array_length(at, value, PLAN_MAX_RULES);
	if (plan->nrules == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("commission plan has no rule"),
				 plan_errat(at),
				 errhint("Add a rule, for example {\"name\": \"sales\", \"kind\": \"unilevel\", \"levels\": [\"20%%\", \"5%%\"]}.")));

	outline_rules(reading, value);
	for (int i = 0; i < plan->nrules; i++)
	{
		PlanPath	here = {at, NULL, 0, i};
		Step		step = {&here, plan_array_element(value, i), reading->by_place[i]};

		CHECK_FOR_INTERRUPTS();
		(void) plan_attempt(&here, read_rule, &step);
	}
	(void) plan_attempt(at, check_names, unconstify(PlanPath *, at));
	number_groups(plan);
}
