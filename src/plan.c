/*
 * plan.c
 *	  The plan compiler: a jsonb document, checked key by key, to a CommissionPlan.
 */
#include "compat.h"

#include "money.h"
#include "plan.h"
#include "plan_reader.h"
#include "rule.h"

/* Read before all others, which use their names: here they are only known. */
static void
read_before(const PlanPath *at, const JsonbValue *value, void *target)
{
}

static const PlanKey plan_keys[] = {
	{"description", plan_read_ignored_string, 0, NULL},
	{"ranks", read_before, 0, NULL},
	{"currencies", read_before, 0, NULL},
	{"rounding", read_before, 0, NULL},
	{"guard", plan_read_guard, offsetof(CommissionPlan, guard), NULL},
	{"compliance", plan_read_compliance, offsetof(CommissionPlan, compliance), NULL},
	{"rules", plan_read_rules, 0,
	"A plan is a list of rules, for example {\"rules\": [{\"name\": \"sales\", \"kind\": \"unilevel\", \"levels\": [\"20%\", \"5%\"]}]}."},
	{NULL}
};

typedef struct NamesStep
{
	PlanReading *reading;
	const JsonbValue *root;
	const char *key;
	PlanRead	read;
	void	   *target;
} NamesStep;

static void
read_names(void *arg)
{
	NamesStep  *step = arg;
	const JsonbValue *value = plan_find_key(step->root, step->key);
	PlanPath	here = {&step->reading->path, step->key, strlen(step->key), 0};

	if (value != NULL)
		step->read(&here, value, step->target);
}

/* True: it is there and right, or not there. */
static bool
read_first(PlanReading *reading, const JsonbValue *root, const char *key,
		   PlanRead read, void *target)
{
	NamesStep	step = {reading, root, key, read, target};
	int			nfailed = reading->nfailed;

	(void) plan_attempt(&reading->path, read_names, &step);
	return reading->nfailed == nfailed;
}

static void
check_size(const Jsonb *document)
{
	if (VARSIZE(document) > PLAN_MAX_JSONB_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("commission plan is too large"),
				 errdetail("The document has %zu bytes, the limit is %d.",
						   (Size) VARSIZE(document), PLAN_MAX_JSONB_BYTES)));
}

/* The document as a value; it points into the document. */
JsonbValue
plan_document_root(Jsonb *document)
{
	JsonbValue	root;

	if (JB_ROOT_IS_SCALAR(document))
	{
		(void) JsonbExtractScalar(&document->root, &root);
		return root;
	}
	root.type = jbvBinary;
	root.val.binary.data = &document->root;
	root.val.binary.len = VARSIZE(document) - VARHDRSZ;
	return root;
}

static void
init_plan(CommissionPlan *plan)
{
	plan->guard.max_share = money_factor(money_from_int(1));
	plan->compliance.market = "none";
}

/* Facts that kinds of rules and levels decide, not single keys. */
static void
summarize(CommissionPlan *plan)
{
	for (int i = 0; i < plan->nrules; i++)
	{
		const PlanRule *rule = &plan->rules[i];

		plan->max_level = Max(plan->max_level, rule->kind->max_level(rule));
	}
	plan->recruit_level = plan->max_level;
	if (plan->compliance.max_level > 0)
		plan->max_level = Min(plan->max_level, plan->compliance.max_level);
}

/*
 * Read a document into reading->plan, which is made here.  Without
 * reading->attempt the first mistake is raised.
 */
void
plan_read(PlanReading *reading, Jsonb *document)
{
	CommissionPlan *plan = palloc0(sizeof(CommissionPlan));
	JsonbValue	root;

	reading->plan = plan;
	init_plan(plan);
	check_size(document);
	root = plan_document_root(document);
	if (!plan_is_object(&root))
		plan_wrong_type(&reading->path, &root, "an object");

	(void) read_first(reading, &root, "rounding", plan_read_rounding, &plan->rounding);
	reading->any_currency = !read_first(reading, &root, "currencies", plan_read_currencies, plan);
	reading->any_rank = !read_first(reading, &root, "ranks", plan_read_ranks, plan);
	if (reading->any_rank)
		plan->nranks = 0;		/* half a list is none */
	plan_read_keys(&reading->path, &root, plan_keys, plan);
	if (reading->nfailed > 0)
		return;
	summarize(plan);
	(void) plan_attempt(&reading->path, plan_check_guard, reading);
}

CommissionPlan *
plan_compile(Jsonb *document)
{
	PlanReading reading = {.plan = NULL};

	plan_read(&reading, document);
	return reading.plan;
}

/*
 * How many lines will a sale by a member of this depth have under the document?
 * For the planner, which must not fail on a plan that is wrong but never run:
 * nothing is checked.
 */
double
plan_estimate_lines(Jsonb *document, double depth)
{
	JsonbValue	root = plan_document_root(document);
	const JsonbValue *rules = plan_find_key(&root, "rules");
	int			nrules;
	double		lines = 0;

	if (rules == NULL || !plan_is_array(rules))
		return 0;
	nrules = Min(JsonContainerSize(rules->val.binary.data), PLAN_MAX_RULES);
	for (int i = 0; i < nrules; i++)
		lines += rule_estimate_lines(plan_array_element(rules, i), depth);
	return lines;
}
