/*
 * plan_diff.c
 *	  What differs between two plan documents.
 *
 * Rules are matched by their name, whose payments carry it; all else by its
 * place.  Values are compared by what they mean where that can be seen without
 * the plan: "5%" and 0.05 are the same rate, "8.80" and 8.8 the same amount, in
 * conditions 42 and "42" the same word.  A default that is written out, or
 * another way to write the same object, is a difference.
 */
#include "compat.h"

#include "miscadmin.h"

#include "money.h"
#include "plan.h"
#include "plan_check.h"
#include "plan_reader.h"

typedef struct Diff
{
	PlanReading before;			/* both documents have been read without a mistake */
	PlanReading after;
	PlanChanges *changes;
} Diff;

static void
add_change(Diff *diff, const PlanPath *at, const char *change,
		   const JsonbValue *before, const JsonbValue *after)
{
	PlanChanges *changes = diff->changes;
	PlanChange *row;

	if (changes->n == changes->max)
	{
		changes->max = changes->max > 0 ? changes->max * 2 : 16;
		changes->changes = changes->changes == NULL ?
			palloc(sizeof(PlanChange) * changes->max) :
			repalloc(changes->changes, sizeof(PlanChange) * changes->max);
	}
	row = &changes->changes[changes->n++];
	row->path = plan_path_string(at);
	row->change = change;
	row->before = before != NULL ? JsonbValueToJsonb(unconstify(JsonbValue *, before)) : NULL;
	row->after = after != NULL ? JsonbValueToJsonb(unconstify(JsonbValue *, after)) : NULL;
}

/* ---- scalars ---- */

/* A number, digits, or a percentage as a fraction; NULL: none of these. */
static Numeric
number_of(const JsonbValue *value)
{
	const char *text;
	int			len;
	Numeric		number;

	if (value->type == jbvNumeric)
		return value->val.numeric;
	if (value->type != jbvString)
		return NULL;
	text = value->val.string.val;
	len = value->val.string.len;
	if (len > 1 && text[len - 1] == '%')
	{
		number = money_from_text(text, len - 1);
		return number != NULL ? money_multiply(number, money_from_digits("0.01")) : NULL;
	}
	return money_from_text(text, len);
}

static bool
same_text(const JsonbValue *a, const JsonbValue *b)
{
	char	   *one = plan_word_text(a);
	char	   *other = plan_word_text(b);

	return one != NULL && other != NULL && strcmp(one, other) == 0;
}

/* What stands under these keys are words and names: "01" is not "1". */
static const char *const text_keys[] = {
	"name", "kind", "description", "group", "ranks", "min_rank", "when",
	"base", "of", "income", "deduct"
};

static bool
is_text_key(const PlanPath *at)
{
	for (int i = 0; at->key != NULL && i < (int) lengthof(text_keys); i++)
	{
		if (plan_is_named(text_keys[i], at->key, at->keylen))
			return true;
	}
	return false;
}

/* The second step of a path is no key, but the name of a rule or the like. */
static bool
is_text(const PlanPath *at)
{
	for (; at->parent != NULL; at = at->parent)
	{
		bool		second = at->parent->parent != NULL && at->parent->parent->parent == NULL;

		if (!second && is_text_key(at))
			return true;
	}
	return false;
}

static bool
same_scalar(const PlanPath *at, const JsonbValue *a, const JsonbValue *b)
{
	Numeric		one;
	Numeric		other;

	if (a->type == jbvNull || b->type == jbvNull)
		return a->type == b->type;
	if (same_text(a, b))
		return true;
	if (is_text(at) && (a->type != jbvNumeric || b->type != jbvNumeric))
		return false;
	one = number_of(a);
	other = number_of(b);
	return one != NULL && other != NULL && money_compare(one, other) == 0;
}

/* ---- objects and arrays ---- */

static void diff_values(Diff *diff, const PlanPath *at, const JsonbValue *a, const JsonbValue *b);

static JsonbIterator *
members_of(const JsonbValue *object)
{
	JsonbIterator *iterator = JsonbIteratorInit(object->val.binary.data);
	JsonbValue	begin;

	(void) JsonbIteratorNext(&iterator, &begin, true);
	return iterator;
}

static const JsonbValue *
member(const JsonbValue *object, const JsonbValue *key)
{
	return getKeyJsonValueFromContainer(object->val.binary.data,
										key->val.string.val, key->val.string.len, NULL);
}

static bool
is_rules(const PlanPath *at, const JsonbValue *key)
{
	return at->parent == NULL && key->val.string.len == 5 &&
		memcmp(key->val.string.val, "rules", 5) == 0;
}

/* The keys of a, then those that only b has; "rules" of the document apart. */
static void
diff_objects(Diff *diff, const PlanPath *at, const JsonbValue *a, const JsonbValue *b)
{
	JsonbIterator *iterator = members_of(a);
	JsonbValue	key;
	JsonbValue	value;

	while (JsonbIteratorNext(&iterator, &key, true) == WJB_KEY)
	{
		PlanPath	here = {at, key.val.string.val, key.val.string.len, 0};
		const JsonbValue *other = member(b, &key);

		(void) JsonbIteratorNext(&iterator, &value, true);
		if (is_rules(at, &key))
			continue;
		if (other == NULL)
			add_change(diff, &here, "removed", &value, NULL);
		else
			diff_values(diff, &here, &value, other);
	}

	iterator = members_of(b);
	while (JsonbIteratorNext(&iterator, &key, true) == WJB_KEY)
	{
		PlanPath	here = {at, key.val.string.val, key.val.string.len, 0};

		(void) JsonbIteratorNext(&iterator, &value, true);
		if (member(a, &key) == NULL)
			add_change(diff, &here, "added", NULL, &value);
	}
}

static void
diff_arrays(Diff *diff, const PlanPath *at, const JsonbValue *a, const JsonbValue *b)
{
	int			na = JsonContainerSize(a->val.binary.data);
	int			nb = JsonContainerSize(b->val.binary.data);

	for (int i = 0; i < Max(na, nb); i++)
	{
		PlanPath	here = {at, NULL, 0, i};

		CHECK_FOR_INTERRUPTS();
		if (i >= nb)
			add_change(diff, &here, "removed", plan_array_element(a, i), NULL);
		else if (i >= na)
			add_change(diff, &here, "added", NULL, plan_array_element(b, i));
		else
			diff_values(diff, &here, plan_array_element(a, i), plan_array_element(b, i));
	}
}

static void
diff_values(Diff *diff, const PlanPath *at, const JsonbValue *a, const JsonbValue *b)
{
	check_stack_depth();
	if (plan_is_object(a) && plan_is_object(b))
		diff_objects(diff, at, a, b);
	else if (plan_is_array(a) && plan_is_array(b))
		diff_arrays(diff, at, a, b);
	else if (a->type == jbvBinary || b->type == jbvBinary || !same_scalar(at, a, b))
		add_change(diff, at, "changed", a, b);
}

/* ---- rules ---- */

static int
find_rule(const CommissionPlan *plan, const char *name)
{
	for (int i = 0; i < plan->nrules; i++)
	{
		if (strcmp(plan->rules[i].name, name) == 0)
			return i;
	}
	return -1;
}

/* Of runs of the same length, the one with more rules that kept their number. */
static int
run_weight(int before, int after)
{
	return PLAN_MAX_RULES + 1 + (before == after ? 1 : 0);
}

/*
 * Which rules have moved?  The most that can be said to have stayed in order
 * have stayed: a longest increasing run of places in the order of running.
 */
static bool *
moved_rules(const CommissionPlan *after, const int *index_before)
{
	int			n = after->nrules;
	bool	   *moved = palloc(sizeof(bool) * n);
	int		   *weight = palloc0(sizeof(int) * n);	/* of the run that ends here */
	int		   *previous = palloc(sizeof(int) * n);
	int			last = -1;

	for (int i = 0; i < n; i++)
	{
		moved[i] = index_before[i] >= 0;
		previous[i] = -1;
		if (index_before[i] < 0)
			continue;
		CHECK_FOR_INTERRUPTS();
		weight[i] = run_weight(index_before[i], i);
		for (int j = 0; j < i; j++)
		{
			int			longer = weight[j] + run_weight(index_before[i], i);

			if (index_before[j] >= 0 && index_before[j] < index_before[i] &&
				longer > weight[i])
			{
				weight[i] = longer;
				previous[i] = j;
			}
		}
		if (last < 0 || weight[i] > weight[last])
			last = i;
	}
	for (; last >= 0; last = previous[last])
		moved[last] = false;
	return moved;
}

/* What is said of a rule that has moved: its places, from 1, in the order of running. */
static void
add_move(Diff *diff, const PlanPath *at, int before, int after)
{
	JsonbValue	from = {.type = jbvNumeric};
	JsonbValue	to = {.type = jbvNumeric};

	from.val.numeric = money_from_int(before + 1);
	to.val.numeric = money_from_int(after + 1);
	add_change(diff, at, "moved", &from, &to);
}

static void
diff_rules(Diff *diff, const JsonbValue *a, const JsonbValue *b)
{
	const CommissionPlan *before = diff->before.plan;
	const CommissionPlan *after = diff->after.plan;
	PlanPath	rules = {&diff->after.path, "rules", 5, 0};
	int		   *index_before = palloc(sizeof(int) * after->nrules);
	bool	   *moved;

	for (int i = 0; i < before->nrules; i++)
	{
		const PlanRule *rule = &before->rules[i];
		PlanPath	here = {&rules, rule->name, strlen(rule->name), 0};

		if (find_rule(after, rule->name) < 0)
			add_change(diff, &here, "removed", plan_array_element(a, rule->place), NULL);
	}
	for (int i = 0; i < after->nrules; i++)
		index_before[i] = find_rule(before, after->rules[i].name);
	moved = moved_rules(after, index_before);

	for (int i = 0; i < after->nrules; i++)
	{
		const PlanRule *rule = &after->rules[i];
		PlanPath	here = {&rules, rule->name, strlen(rule->name), 0};
		const JsonbValue *value = plan_array_element(b, rule->place);

		if (index_before[i] < 0)
		{
			add_change(diff, &here, "added", NULL, value);
			continue;
		}
		if (moved[i])
			add_move(diff, &here, index_before[i], i);
		diff_values(diff, &here,
					plan_array_element(a, before->rules[index_before[i]].place), value);
	}
}

/* From one document to another, both of them plans; raises where one is none. */
PlanChanges *
plan_changes(Jsonb *before, Jsonb *after)
{
	Diff		diff = {.changes = NULL};
	JsonbValue	a = plan_document_root(before);
	JsonbValue	b = plan_document_root(after);

	diff.changes = palloc0(sizeof(PlanChanges));
	plan_read(&diff.before, before);
	plan_read(&diff.after, after);
	diff_objects(&diff, &diff.after.path, &a, &b);
	diff_rules(&diff, plan_find_key(&a, "rules"), plan_find_key(&b, "rules"));
	return diff.changes;
}
