/*
 * plan_when.c
 *	  Conditions: when a rule or a variant applies.
 */
#include "compat.h"

#include "miscadmin.h"

#include "money.h"
#include "plan.h"
#include "plan_reader.h"

/* What an object of conditions is read into. */
typedef struct WhenReader
{
	PlanCondition *conditions;
	int			n;
} WhenReader;

static PlanCondition *
next_condition(WhenReader *reader, PlanField field, const char *name)
{
	PlanCondition *condition = &reader->conditions[reader->n++];

	condition->field = field;
	condition->name = name;
	return condition;
}

/* ---- words ---- */

static int
compare_words(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* The text of a value that can be a word: 42 and "42" are the same; NULL: it can not. */
char *
plan_word_text(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return plan_string(value);
		case jbvNumeric:
			return money_to_string(value->val.numeric);
		case jbvBool:
			return pstrdup(value->val.boolean ? "true" : "false");
		default:
			return NULL;
	}
}

static const char *
read_word(const PlanPath *at, const JsonbValue *value, PlanField field)
{
	const char *word = plan_word_text(value);

	if (word == NULL)
		plan_wrong_type(at, value, "a string, a number, true or false, or a list of these");
	if (field == PLAN_FIELD_BUYER_RANK)
		(void) plan_rank(at, word, strlen(word));
	if (field == PLAN_FIELD_CURRENCY)
		word = plan_currency_code(at, word, strlen(word));
	return word;
}

static void
read_word_list(const PlanPath *at, const JsonbValue *value, PlanCondition *condition)
{
	int			n = plan_array_length(at, value, PLAN_MAX_WORDS);

	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("list of words is empty"),
				 plan_errat(at),
				 errhint("Leave the condition out, or list what it is to be compared with.")));
	condition->words = palloc(sizeof(char *) * n);
	for (int i = 0; i < n; i++)
	{
		PlanPath	here = {at, NULL, 0, i};

		condition->words[i] = read_word(&here, plan_array_element(value, i), condition->field);
	}
	condition->nwords = n;
	qsort(condition->words, n, sizeof(char *), compare_words);
}

static void
read_words(const PlanPath *at, const JsonbValue *value, PlanCondition *condition)
{
	if (plan_is_array(value))
	{
		read_word_list(at, value, condition);
		return;
	}
	condition->words = palloc(sizeof(char *));
	condition->words[0] = read_word(at, value, condition->field);
	condition->nwords = 1;
}

static void
read_not(const PlanPath *at, const JsonbValue *value, void *target)
{
	PlanCondition *condition = target;

	condition->test = PLAN_TEST_NOT_IN;
	read_words(at, value, condition);
}

static const PlanKey not_keys[] = {
	{"not", read_not, 0, "Conditions on words are \"a\", [\"a\", \"b\"] or {\"not\": ...}."},
	{NULL}
};

/* Words, or {"not": words}. */
static void
read_words_or_not(const PlanPath *at, const JsonbValue *value, PlanCondition *condition)
{
	condition->test = PLAN_TEST_IN;
	if (plan_is_object(value))
		plan_read_keys(at, value, not_keys, condition);
	else
		read_words(at, value, condition);
}

/* ---- ranges ---- */

/* Any finite number may be a boundary: it is compared, never calculated with. */
static void
read_boundary(const PlanPath *at, const JsonbValue *value, void *target)
{
	if (value->type != jbvNumeric)
		plan_wrong_type(at, value, "a number");
	*(Numeric *) target = money_trim(value->val.numeric);
}

static const PlanKey range_keys[] = {
	{"from", read_boundary, offsetof(PlanCondition, from), NULL},
	{"over", read_boundary, offsetof(PlanCondition, over), NULL},
	{"to", read_boundary, offsetof(PlanCondition, to), NULL},
	{"below", read_boundary, offsetof(PlanCondition, below), NULL},
	{NULL}
};

static TimestampTz
read_time(const PlanPath *at, const JsonbValue *value)
{
	TimestampTz time;

	if (value->type != jbvString)
		plan_wrong_type(at, value, "a time such as \"2026-11-11T00:00:00+08:00\"");
	if (!plan_parse_time(value->val.string.val, value->val.string.len, &time))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid time in commission plan"),
				 plan_errfound(at, value),
				 errhint("Write date, time and offset, for example \"2026-11-11T00:00:00+08:00\".")));
	return time;
}

#define TIME_BOUNDARY(boundary) \
static void \
read_time_##boundary(const PlanPath *at, const JsonbValue *value, void *target) \
{ \
	PlanCondition *condition = target; \
\
	condition->time_##boundary = read_time(at, value); \
	condition->has_time_##boundary = true; \
}

TIME_BOUNDARY(from)
TIME_BOUNDARY(over)
TIME_BOUNDARY(to)
TIME_BOUNDARY(below)

static const PlanKey time_keys[] = {
	{"from", read_time_from, 0, NULL},
	{"over", read_time_over, 0, NULL},
	{"to", read_time_to, 0, NULL},
	{"below", read_time_below, 0, NULL},
	{NULL}
};

static void
read_range(const PlanPath *at, const JsonbValue *value, const PlanKey *keys,
		   PlanCondition *condition)
{
	condition->test = PLAN_TEST_RANGE;
	if (plan_is_object(value) && JsonContainerSize(value->val.binary.data) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("range has no boundary"),
				 plan_errat(at),
				 errhint("Give at least one of \"from\", \"over\", \"to\" and \"below\".")));
	plan_read_keys(at, value, keys, condition);
}

/* ---- the keys of "when" ---- */

/* "product" and the like: the key is the name of the word */
static void
read_named_word(const PlanPath *at, const JsonbValue *value, void *target)
{
	PlanCondition *condition = next_condition(target, PLAN_FIELD_WORD,
											  pnstrdup(at->key, at->keylen));

	read_words_or_not(at, value, condition);
}

static void
read_currency(const PlanPath *at, const JsonbValue *value, void *target)
{
	read_words_or_not(at, value, next_condition(target, PLAN_FIELD_CURRENCY, NULL));
}

static void
read_at_least(const PlanPath *at, const JsonbValue *value, void *target)
{
	PlanCondition *condition = target;

	condition->test = PLAN_TEST_AT_LEAST;
	plan_read_rank(at, value, &condition->rank);
}

static const PlanKey at_least_keys[] = {
	{"at_least", read_at_least, 0, NULL},
	{"not", read_not, 0, NULL},
	{NULL}
};

static void
read_buyer_rank(const PlanPath *at, const JsonbValue *value, void *target)
{
	PlanCondition *condition = next_condition(target, PLAN_FIELD_BUYER_RANK, NULL);

	plan_reading(at)->plan->uses_rank = true;
	if (!plan_is_object(value))
	{
		read_words_or_not(at, value, condition);
		return;
	}
	if (JsonContainerSize(value->val.binary.data) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("condition on a rank needs one key"),
				 plan_errat(at),
				 errhint("Write {\"at_least\": \"gold\"} or {\"not\": \"gold\"}.")));
	plan_read_keys(at, value, at_least_keys, condition);
}

static void
read_amount(const PlanPath *at, const JsonbValue *value, void *target)
{
	read_range(at, value, range_keys, next_condition(target, PLAN_FIELD_AMOUNT, NULL));
}

static void
read_order_amount(const PlanPath *at, const JsonbValue *value, void *target)
{
	read_range(at, value, range_keys, next_condition(target, PLAN_FIELD_ORDER_AMOUNT, NULL));
}

static void
read_quantity(const PlanPath *at, const JsonbValue *value, void *target)
{
	plan_reading(at)->plan->uses_lines = true;
	read_range(at, value, range_keys, next_condition(target, PLAN_FIELD_QUANTITY, NULL));
}

static void
read_order_number(const PlanPath *at, const JsonbValue *value, void *target)
{
	plan_reading(at)->plan->uses_order_number = true;
	read_range(at, value, range_keys, next_condition(target, PLAN_FIELD_ORDER_NUMBER, NULL));
}

static void
read_first_order(const PlanPath *at, const JsonbValue *value, void *target)
{
	PlanCondition *condition = next_condition(target, PLAN_FIELD_ORDER_NUMBER, NULL);
	bool		first;

	plan_read_bool(at, value, &first);
	plan_reading(at)->plan->uses_order_number = true;
	condition->test = PLAN_TEST_RANGE;
	if (first)
		condition->to = money_from_int(1);
	else
		condition->over = money_from_int(1);
}

static void
read_time_range(const PlanPath *at, const JsonbValue *value, void *target)
{
	plan_reading(at)->plan->uses_time = true;
	read_range(at, value, time_keys, next_condition(target, PLAN_FIELD_TIME, NULL));
}

/* Does a value look like a range?  The others are words. */
static bool
looks_like_range(const JsonbValue *value)
{
	if (!plan_is_object(value))
		return false;
	for (const PlanKey *key = range_keys; key->name != NULL; key++)
	{
		if (plan_find_key(value, key->name) != NULL)
			return true;
	}
	return false;
}

static const PlanKey attribute_keys[] = {
	{"from", read_boundary, offsetof(PlanCondition, from), NULL},
	{"over", read_boundary, offsetof(PlanCondition, over), NULL},
	{"to", read_boundary, offsetof(PlanCondition, to), NULL},
	{"below", read_boundary, offsetof(PlanCondition, below), NULL},
	{"not", read_not, 0, NULL},
	{NULL}
};

static void
read_attribute(const PlanPath *at, const JsonbValue *value, void *target)
{
	char	   *name = pnstrdup(at->key, at->keylen);
	PlanCondition *condition;

	if (looks_like_range(value))
	{
		condition = next_condition(target, PLAN_FIELD_NUMBER, name);
		if (strcmp(name, "quantity") == 0 || strcmp(name, "cost") == 0)
			plan_reading(at)->plan->uses_lines = true;
		read_range(at, value, range_keys, condition);
		return;
	}
	condition = next_condition(target, PLAN_FIELD_WORD, name);
	condition->test = PLAN_TEST_IN;
	if (!plan_is_object(value))
		read_words(at, value, condition);
	else if (JsonContainerSize(value->val.binary.data) > 0)
		plan_read_keys(at, value, attribute_keys, condition);
	else
		plan_wrong_type(at, value, "words, {\"not\": ...}, or a range such as {\"from\": 50}");
}

static void
read_attributes(const PlanPath *at, const JsonbValue *value, void *target)
{
	(void) plan_object_size(at, value, PLAN_MAX_WORDS);
	plan_read_members(at, value, read_attribute, target);
}

static const PlanKey when_keys[] = {
	{"product", read_named_word, 0, NULL},
	{"category", read_named_word, 0, NULL},
	{"tag", read_named_word, 0, NULL},
	{"region", read_named_word, 0, NULL},
	{"channel", read_named_word, 0, NULL},
	{"attributes", read_attributes, 0, NULL},
	{"currency", read_currency, 0, NULL},
	{"buyer_rank", read_buyer_rank, 0, NULL},
	{"amount", read_amount, 0, NULL},
	{"order_amount", read_order_amount, 0, NULL},
	{"quantity", read_quantity, 0, NULL},
	{"order_number", read_order_number, 0, NULL},
	{"first_order", read_first_order, 0, NULL},
	{"time", read_time_range, 0, NULL},
	{NULL}
};

static int
object_size(const JsonbValue *value)
{
	return value != NULL && plan_is_object(value) ?
		JsonContainerSize(value->val.binary.data) : 0;
}

/*
 * What asks for a counter or the time comes last: whether one that is missing
 * is an error must not depend on the order of keys in jsonb.
 */
static void
order_conditions(PlanWhen *when, const WhenReader *reader)
{
	when->conditions = palloc(sizeof(PlanCondition) * Max(reader->n, 1));
	for (int pass = 0; pass < 3; pass++)
	{
		for (int i = 0; i < reader->n; i++)
		{
			PlanField	field = reader->conditions[i].field;
			int			its_pass = field == PLAN_FIELD_TIME ? 2 : field == PLAN_FIELD_ORDER_NUMBER ? 1 : 0;

			if (its_pass == pass)
				when->conditions[when->nconditions++] = reader->conditions[i];
		}
	}
}

void
plan_read_when(const PlanPath *at, const JsonbValue *value, void *target)
{
	PlanWhen   *when = target;
	WhenReader	reader = {NULL, 0};
	int			most = object_size(value) + object_size(plan_find_key(value, "attributes"));

	reader.conditions = palloc0(sizeof(PlanCondition) * Max(most, 1));
	plan_read_keys(at, value, when_keys, &reader);
	order_conditions(when, &reader);
}

/* ---- comparing ---- */

static bool
same_number(Numeric a, Numeric b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return money_compare(a, b) == 0;
}

static bool
same_time(bool has_a, TimestampTz a, bool has_b, TimestampTz b)
{
	return has_a == has_b && (!has_a || a == b);
}

static bool
same_words(const PlanCondition *a, const PlanCondition *b)
{
	if (a->nwords != b->nwords)
		return false;
	for (int i = 0; i < a->nwords; i++)
	{
		if (strcmp(a->words[i], b->words[i]) != 0)
			return false;
	}
	return true;
}

static bool
same_condition(const PlanCondition *a, const PlanCondition *b)
{
	if (a->field != b->field || a->test != b->test || a->rank != b->rank)
		return false;
	if (a->name != NULL && strcmp(a->name, b->name) != 0)
		return false;
	return same_words(a, b) &&
		same_number(a->from, b->from) && same_number(a->over, b->over) &&
		same_number(a->to, b->to) && same_number(a->below, b->below) &&
		same_time(a->has_time_from, a->time_from, b->has_time_from, b->time_from) &&
		same_time(a->has_time_over, a->time_over, b->has_time_over, b->time_over) &&
		same_time(a->has_time_to, a->time_to, b->has_time_to, b->time_to) &&
		same_time(a->has_time_below, a->time_below, b->has_time_below, b->time_below);
}

/*
 * Does other surely hold where when does?  Only by what can be seen at once:
 * each condition of other stands in when as it is.
 */
bool
plan_when_implies(const PlanWhen *when, const PlanWhen *other)
{
	if (other->nconditions > when->nconditions)
		return false;
	for (int i = 0; i < other->nconditions; i++)
	{
		int			j = 0;

		CHECK_FOR_INTERRUPTS();
		while (j < when->nconditions &&
			   !same_condition(&other->conditions[i], &when->conditions[j]))
			j++;
		if (j == when->nconditions)
			return false;
	}
	return true;
}
