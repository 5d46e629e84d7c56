/*
 * plan_check.c
 *	  All mistakes of a plan document, and what is doubtful in a good one.
 */
#include "compat.h"

#include <ctype.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "money.h"
#include "plan.h"
#include "plan_check.h"
#include "plan_reader.h"
#include "rule.h"

/* ---- the list ---- */

static void
add_issue(PlanIssues *issues, bool is_error, char *path, char *message)
{
	if (issues->n == issues->max)
	{
		issues->max = issues->max > 0 ? issues->max * 2 : 8;
		issues->issues = issues->issues == NULL ?
			palloc(sizeof(PlanIssue) * issues->max) :
			repalloc(issues->issues, sizeof(PlanIssue) * issues->max);
	}
	issues->issues[issues->n].is_error = is_error;
	issues->issues[issues->n].path = path;
	issues->issues[issues->n].message = message;
	issues->n++;
}

static void
warn(PlanIssues *issues, const PlanPath *at, const char *format,...) pg_attribute_printf(3, 4);

static void
warn(PlanIssues *issues, const PlanPath *at, const char *format,...)
{
	StringInfoData message;
	int			needed;

	if (issues->n >= PLAN_MAX_ISSUES)
		return;
	initStringInfo(&message);
	do
	{
		va_list		args;

		va_start(args, format);
		needed = appendStringInfoVA(&message, format, args);
		va_end(args);
		if (needed > 0)
			enlargeStringInfo(&message, needed);
	} while (needed > 0);
	add_issue(issues, false, plan_path_string(at), message.data);
}

/* ---- errors ---- */

/* Where a path ends that plan_path_string has written. */
static const char *
end_of_path(const char *path)
{
	const char *c = path + 1;

	for (;;)
	{
		if (*c == '[')
		{
			while (*c != ']' && *c != '\0')
				c++;
			c += *c == ']';
		}
		else if (c[0] == '.' && c[1] == '"')
		{
			for (c += 2; *c != '"' && *c != '\0'; c++)
			{
				if (*c == '\\' && c[1] != '\0')
					c++;
			}
			c += *c == '"';
		}
		else if (c[0] == '.' && (isalpha((unsigned char) c[1]) || c[1] == '_'))
		{
			for (c++; isalnum((unsigned char) *c) || *c == '_'; c++)
				;
		}
		else
			return c;
	}
}

/* "At PATH." or "At PATH: facts."; returns the facts, NULL: there are none. */
static const char *
split_detail(const char *detail, char **path)
{
	const char *end;

	*path = pstrdup("$");
	if (detail == NULL || strncmp(detail, "At $", 4) != 0)
		return detail;
	end = end_of_path(detail + 3);
	*path = pnstrdup(detail + 3, end - (detail + 3));
	return strncmp(end, ": ", 2) == 0 ? end + 2 : NULL;
}

/* "primary: facts. Hint." */
static void
add_error(PlanIssues *issues, const ErrorData *error)
{
	StringInfoData message;
	char	   *path;
	const char *facts = split_detail(error->detail, &path);

	initStringInfo(&message);
	appendStringInfoString(&message, error->message);
	if (facts != NULL)
		appendStringInfo(&message, ": %s", facts);
	if (message.data[message.len - 1] != '.')
		appendStringInfoChar(&message, '.');
	if (error->hint != NULL)
		appendStringInfo(&message, " %s", error->hint);
	add_issue(issues, true, path, message.data);
}

/*
 * Classes 22 (data) and 54 (limits) are what a document can be refused with;
 * whatever else happens is no matter of the document.
 */
static bool
is_refusal(int sqlstate)
{
	int			category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == ERRCODE_DATA_EXCEPTION || category == ERRCODE_PROGRAM_LIMIT_EXCEEDED;
}

/*
 * One step of reading, whose error becomes a row.  To catch it without a
 * subtransaction is safe here: the step reads a value in memory and allocates,
 * it takes no lock, pins no buffer and opens nothing, so there is nothing to
 * release but memory, which goes with its context.
 */
static bool
attempt(PlanReading *reading, void (*step) (void *arg), void *arg)
{
	PlanIssues *issues = reading->attempt_arg;
	MemoryContext context = CurrentMemoryContext;
	volatile bool done = false;

	if (issues->n >= PLAN_MAX_ISSUES)
		return false;
	PG_TRY();
	{
		step(arg);
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		if (!is_refusal(geterrcode()))
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		add_error(issues, error);
		FreeErrorData(error);
	}
	PG_END_TRY();
	return done;
}

/* ---- warnings: the market ---- */

static PlanPath
rule_path(const PlanPath *rules, const PlanRule *rule)
{
	PlanPath	path = {rules, NULL, 0, rule->place};

	return path;
}

static char *
percent(Numeric share)
{
	return money_to_string(money_trim(money_multiply(share, money_from_int(100))));
}

static const char *
of_market(const CommissionPlan *plan)
{
	return strcmp(plan->compliance.market, "none") == 0 ? "the plan" :
		psprintf("the market \"%s\"", plan->compliance.market);
}

/* What an explicit level cuts off is not paid; the default of a market only warns. */
static void
warn_of_levels(PlanIssues *issues, const PlanPath *rules, const CommissionPlan *plan)
{
	int			limit = plan->compliance.warn_level;

	for (int i = 0; limit > 0 && i < plan->nrules; i++)
	{
		const PlanRule *rule = &plan->rules[i];
		PlanPath	here = rule_path(rules, rule);
		int			highest = rule->kind->max_level(rule);
		int			counted = Max(rule->nlevels, rule->rotation_levels);

		if (plan->compliance.max_level > 0)
		{
			if ((rule->kind->has & RULE_SKIPPED_LEVEL) && counted > limit)
				warn(issues, &here, "nobody above level %d is paid: the plan's \"max_level\" cuts off %d of the rule's levels.",
					 limit, counted - limit);
		}
		else if (highest == PLAN_ALL_LEVELS)
			warn(issues, &here, "rule pays members at any level: more than the %d levels that are usual in %s.",
				 limit, of_market(plan));
		else if (highest > limit)
			warn(issues, &here, "rule pays members up to level %d: more than the %d levels that are usual in %s.",
				 highest, limit, of_market(plan));
	}
}

static void
warn_of_share(PlanIssues *issues, const PlanPath *rules, const CommissionPlan *plan,
			  const PlanWorst *worst)
{
	Numeric		most = plan->guard.max_share.value;

	if (plan->compliance.warn_share == NULL)
		return;
	if (worst->possible != NULL && money_compare(worst->possible, most) < 0)
		most = worst->possible;
	if (money_compare(most, plan->compliance.warn_share) > 0)
		warn(issues, rules, "a sale can pay up to %s%%: more than the %s%% that %s names.",
			 percent(most), percent(plan->compliance.warn_share), of_market(plan));
}

/* Can the order number be 1, and nothing else? */
static bool
only_first_order(const PlanWhen *when)
{
	Numeric		two = money_from_int(2);

	for (int i = 0; i < when->nconditions; i++)
	{
		const PlanCondition *condition = &when->conditions[i];

		if (condition->field == PLAN_FIELD_ORDER_NUMBER &&
			((condition->to != NULL && money_compare(condition->to, two) < 0) ||
			 (condition->below != NULL && money_compare(condition->below, two) <= 0)))
			return true;
	}
	return false;
}

static void
warn_of_recruiting(PlanIssues *issues, const PlanPath *rules, const CommissionPlan *plan)
{
	for (int i = 0; plan->compliance.warn_recruiting && i < plan->nrules; i++)
	{
		const PlanRule *rule = &plan->rules[i];
		PlanPath	here = rule_path(rules, rule);

		if (rule->once_per_buyer)
			warn(issues, &here, "rule pays for one sale of each buyer only: where nothing else is paid, that is a reward for recruiting.");
		else if (only_first_order(&rule->when))
			warn(issues, &here, "rule pays for first orders only: where nothing else is paid, that is a reward for recruiting.");
		if (rule->kind->passes_recruits != NULL && rule->kind->passes_recruits(rule))
			warn(issues, &here, "rule passes up by the number of the recruit: that can be taken as a reward for recruiting.");
	}
}

/* ---- warnings: the guard ---- */

static char *
names_of_unbounded(const CommissionPlan *plan, const PlanWorst *worst)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < plan->nrules; i++)
	{
		if (worst->is_bounded[i])
			continue;
		if (names.len > 200)
		{
			appendStringInfoString(&names, " and others");
			break;
		}
		appendStringInfo(&names, "%s\"%s\"", names.len > 0 ? ", " : "", plan->rules[i].name);
	}
	return names.data;
}

static void
warn_of_guard(PlanIssues *issues, const PlanPath *rules, const CommissionPlan *plan,
			  const PlanWorst *worst)
{
	char	   *limit = percent(plan->guard.max_share.value);

	if (worst->possible == NULL)
		warn(issues, rules, "what a sale pays at worst cannot be said beforehand, because of %s; above %s%% the guard cuts it when a sale is calculated.",
			 names_of_unbounded(plan, worst), limit);
	else if (money_compare(worst->possible, plan->guard.max_share.value) > 0)
		warn(issues, rules, "a sale may come to %s%% at worst; above %s%% the guard cuts it when a sale is calculated.",
			 percent(worst->possible), limit);
}

/* ---- warnings: what never happens ---- */

static bool
is_empty_range(const PlanCondition *condition)
{
	Numeric		low[] = {condition->from, condition->over};
	Numeric		high[] = {condition->to, condition->below};

	for (int l = 0; l < 2; l++)
	{
		for (int h = 0; h < 2; h++)
		{
			int			order;

			if (low[l] == NULL || high[h] == NULL)
				continue;
			order = money_compare(low[l], high[h]);
			if (order > 0 || (order == 0 && (l == 1 || h == 1)))
				return true;
		}
	}
	return (condition->has_time_from && condition->has_time_to && condition->time_from > condition->time_to) ||
		(condition->has_time_from && condition->has_time_below && condition->time_from >= condition->time_below) ||
		(condition->has_time_over && condition->has_time_to && condition->time_over >= condition->time_to) ||
		(condition->has_time_over && condition->has_time_below && condition->time_over >= condition->time_below);
}

static void
warn_of_empty_ranges(PlanIssues *issues, const PlanPath *at, const PlanWhen *when)
{
	PlanPath	here = {at, "when", 4, 0};

	for (int i = 0; i < when->nconditions; i++)
	{
		if (is_empty_range(&when->conditions[i]))
		{
			warn(issues, &here, "condition never holds: a range ends before it begins.");
			return;
		}
	}
}

/* Has the rate a value for everybody, in every currency? */
static bool
always_has_value(const CommissionPlan *plan, const PlanRate *rate)
{
	for (int rank = 0; rank <= (rate->by_rank != NULL ? plan->nranks : 0); rank++)
	{
		const PlanValue *value = rate->by_rank != NULL ? &rate->by_rank[rank] : &rate->plain;

		if (value->kind == PLAN_NO_VALUE ||
			(value->kind == PLAN_FIXED && value->fixed.any == NULL))
			return false;
	}
	return true;
}

static bool
says_something(const PlanRate *rate)
{
	return rate->by_rank != NULL || rate->plain.kind != PLAN_NO_VALUE;
}

/* Is nothing that other says ever asked for, where terms are asked first? */
static bool
hides(const CommissionPlan *plan, const PlanTerms *terms, const PlanTerms *other)
{
	static const Size rates[] = {
		offsetof(PlanTerms, self), offsetof(PlanTerms, rate), offsetof(PlanTerms, rates),
		offsetof(PlanTerms, slices), offsetof(PlanTerms, budget), offsetof(PlanTerms, keep),
		offsetof(PlanTerms, retain), offsetof(PlanTerms, pass)
	};

	if (!terms->pays)
		return true;
	if (!other->pays)
		return false;
	for (int i = 0; i < (int) lengthof(rates); i++)
	{
		if (says_something((const PlanRate *) ((const char *) other + rates[i])) &&
			!always_has_value(plan, (const PlanRate *) ((const char *) terms + rates[i])))
			return false;
	}
	for (int i = 0; i < other->nlevels; i++)
	{
		if (says_something(&other->levels[i]) &&
			(i >= terms->nlevels || !always_has_value(plan, &terms->levels[i])))
			return false;
	}
	return true;
}

/* A variant that comes after one with the same conditions, which says it all. */
static void
warn_of_hidden_variants(PlanIssues *issues, const PlanPath *at,
						const CommissionPlan *plan, const PlanRule *rule)
{
	PlanPath	variants = {at, "variants", 8, 0};

	for (int i = 1; i < rule->nvariants; i++)
	{
		const PlanTerms *terms = &rule->variants[i];

		for (int j = i - 1; j >= 0 &&
			 rule->variants[j].when.nconditions == terms->when.nconditions; j--)
		{
			PlanPath	here = {&variants, NULL, 0, terms->place};

			CHECK_FOR_INTERRUPTS();
			if (!plan_when_implies(&terms->when, &rule->variants[j].when) ||
				!hides(plan, &rule->variants[j], terms))
				continue;
			warn(issues, &here, "variant is never used: variants[%d] has the same conditions and comes first.",
				 rule->variants[j].place);
			break;
		}
	}
}

static void
warn_of_rule(PlanIssues *issues, const PlanPath *rules, const CommissionPlan *plan,
			 const PlanRule *rule)
{
	PlanPath	here = rule_path(rules, rule);
	PlanPath	variants = {&here, "variants", 8, 0};

	warn_of_empty_ranges(issues, &here, &rule->when);
	for (int i = 0; i < rule->nvariants; i++)
	{
		PlanPath	variant = {&variants, NULL, 0, rule->variants[i].place};

		warn_of_empty_ranges(issues, &variant, &rule->variants[i].when);
	}
	warn_of_hidden_variants(issues, &here, plan, rule);
	if (rule->base.above != NULL && rule->base.max != NULL &&
		money_compare(rule->base.above, rule->base.max) >= 0)
		warn(issues, &here, "percentages are never paid: no base is above %s, for its \"max\" is %s.",
			 money_to_string(rule->base.above), money_to_string(rule->base.max));
}

static void
add_warnings(PlanIssues *issues, PlanReading *reading)
{
	const CommissionPlan *plan = reading->plan;
	PlanPath	rules = {&reading->path, "rules", 5, 0};
	PlanWorst	worst = plan_worst(plan);

	warn_of_guard(issues, &rules, plan, &worst);
	warn_of_share(issues, &rules, plan, &worst);
	warn_of_levels(issues, &rules, plan);
	warn_of_recruiting(issues, &rules, plan);
	for (int i = 0; i < plan->nrules; i++)
	{
		CHECK_FOR_INTERRUPTS();
		warn_of_rule(issues, &rules, plan, reading->by_place[i]);
	}
}

/* ---- the whole ---- */

typedef struct Check
{
	PlanReading *reading;
	text	   *source;
} Check;

static void
read_source(void *arg)
{
	Check	   *check = arg;

	plan_read(check->reading, plan_document(check->source));
}

/* Everything about the text of a document; never raises what is wrong with it. */
PlanIssues *
plan_issues(text *document)
{
	PlanIssues *issues = palloc0(sizeof(PlanIssues));
	PlanReading reading = {.plan = NULL};
	Check		check = {&reading, document};

	reading.attempt = attempt;
	reading.attempt_arg = issues;
	if (plan_attempt(&reading.path, read_source, &check) && issues->n == 0)
		add_warnings(issues, &reading);
	return issues;
}
