/*
 * engine_explain.c
 *	  A line of a sale as a sentence that a member can be told.
 */
#include "compat.h"

#include "engine.h"

/* With the decimals of the currency, and more where there are more. */
static char *
exact_words(const EngineLine *line, const EngineSale *sale)
{
	Numeric		exact = money_trim(line->exact);

	if (money_scale(exact) < sale->scale)
		exact = money_round(exact, sale->scale, MONEY_DOWN);
	return money_to_string(exact);
}

/* "20% of 100.00 CNY", "26.40 CNY for a quantity of 3", "8.80 CNY"; NULL: no money */
static char *
money_words(const EngineLine *line, const EngineSale *sale, const char *currency)
{
	const char *unit = currency == NULL ? "" : psprintf(" %s", currency);
	const char *on_account = line->basis == 0 || line->outside ? ""
		: psprintf(", on account of level %d", line->basis - 1);

	if (line->rate != NULL && line->base != NULL)
		return psprintf("%s%% of %s%s%s",
						money_to_string(money_trim(money_multiply(line->rate, money_from_int(100)))),
						money_to_string(line->base), unit, on_account);
	if (line->exact == NULL)
		return NULL;
	if (line->base != NULL)
		return psprintf("%s%s for a quantity of %s%s", exact_words(line, sale), unit,
						money_to_string(money_trim(line->base)), on_account);
	return psprintf("%s%s%s", exact_words(line, sale), unit, on_account);
}

static char *
who_words(const EngineLine *line, const char *member_key)
{
	const char *key = member_key == NULL ? "" : member_key;

	if (line->outside)
		return psprintf("Member %s, who gets what is missing,", key);
	if (line->level == 0)
		return psprintf("Member %s, to whom the sale is booked,", key);
	return psprintf("Member %s, level %d,", key, line->level);
}

/* Which item the sentence is about, where it is not the whole order. */
static const char *
item_words(const EngineLine *line, const EngineSale *sale)
{
	const char *product;

	if (line->line == 0)
		return "";
	product = line->line <= sale->nitems ? sale->items[line->line - 1].product : NULL;
	return product == NULL ? psprintf("Order line %d: ", line->line)
		: psprintf("Order line %d (%s): ", line->line, product);
}

/* What made a payment another one than it was at first. */
static const char *
limit_words(const EngineLine *line)
{
	switch (line->limited_by)
	{
		case ENGINE_LIMIT_NONE:
			return "";
		case ENGINE_LIMIT_RESIDUE:
			return ", with its part of the residue";
		case ENGINE_LIMIT_GUARD:
			return ", cut by the guard of the plan";
		default:
			return psprintf(", cut by the cap \"%s\"", engine_limit_code(line->limited_by));
	}
}

/* Why a member was passed over, as far as the sale tells. */
static const char *
skipped_words(const EngineLine *line, const EngineSale *sale)
{
	EngineState state = sale->states == NULL || line->level >= sale->depth ? ENGINE_ACTIVE
		: sale->states[line->level];

	switch (state)
	{
		case ENGINE_FROZEN:
			return "is frozen";
		case ENGINE_LEFT:
			return "has left";
		case ENGINE_ACTIVE:
			break;
	}
	return "is not qualified";
}

static char *
paid_sentence(const EngineLine *line, const char *who, const char *money)
{
	if (line->rate == NULL && line->limited_by == ENGINE_LIMIT_NONE)
		return psprintf("%s gets %s.", who, money);
	return psprintf("%s gets %s: %s%s.", who, money, money_to_string(line->amount), limit_words(line));
}

/* The member gets nothing because ...; the money stays with the house. */
static char *
unpaid_sentence(const char *who, const char *why, const char *money)
{
	if (money == NULL)
		return psprintf("%s %s and gets nothing.", who, why);
	return psprintf("%s %s; %s stays with the house.", who, why, money);
}

/* Lines of a rule that does not apply have no level. */
static char *
rule_sentence(const EngineLine *line)
{
	switch (line->reason)
	{
		case ENGINE_NOT_APPLICABLE:
			return psprintf("Rule \"%s\" does not apply to this sale.", line->rule->name);
		case ENGINE_OPTED_OUT:
			return psprintf("Rule \"%s\" does not pay here: a variant of it says so.", line->rule->name);
		case ENGINE_ALREADY_PAID:
			return psprintf("Rule \"%s\" pays once for each buyer, and has paid for an earlier order.", line->rule->name);
		case ENGINE_NO_BASE:
			return psprintf("Rule \"%s\" does not pay: what it is computed on is not known.", line->rule->name);
		default:
			return psprintf("Rule \"%s\" pays nobody: %s.", line->rule->name, engine_reason_code(line->reason));
	}
}

static char *
level_sentence(const EngineLine *line, const EngineSale *sale, const char *who, const char *money)
{
	switch (line->reason)
	{
		case ENGINE_PAID:
			return paid_sentence(line, who, money);
		case ENGINE_NO_UPLINE:
			if (money == NULL)
				return psprintf("There is nobody at level %d.", line->level);
			return psprintf("There is nobody at level %d; %s stays with the house.", line->level, money);
		case ENGINE_FROZEN_MEMBER:
			return unpaid_sentence(who, "is frozen", money);
		case ENGINE_LEFT_MEMBER:
			return unpaid_sentence(who, "has left", money);
		case ENGINE_ZERO_RATE:
			return psprintf("%s gets nothing: the plan pays 0%% here.", who);
		case ENGINE_ROUNDS_TO_ZERO:
			return psprintf(money_is_zero(line->exact) ? "%s gets nothing: %s is %s."
							: "%s gets nothing: %s is %s, which rounds to zero.",
							who, money, money_to_string(money_trim(line->exact)));
		case ENGINE_RANK_TOO_LOW:
			return unpaid_sentence(who, "has too low a rank", money);
		case ENGINE_DEPTH_LOCKED:
			return unpaid_sentence(who, "has a rank that is not paid so deep", money);
		case ENGINE_NO_RATE:
			return psprintf("%s gets nothing: the plan has no rate for this rank or currency.", who);
		case ENGINE_SKIPPED:
			return psprintf("%s %s and is passed over.", who, skipped_words(line, sale));
		case ENGINE_ABOVE_MAX_LEVEL:
			return unpaid_sentence(who, "stands above the highest level that the plan allows", money);
		case ENGINE_NOT_ABOVE:
			return psprintf("%s gets nothing: the plan gives no more than was paid below.", who);
		case ENGINE_FIRST_OF_RANK:
			return psprintf("%s gets nothing here: it is the first of its rank, and the rule pays its peers.", who);
		case ENGINE_NO_MORE_PEERS:
			return psprintf("%s gets nothing: enough peers of its rank stand below.", who);
		case ENGINE_DOUBLE_DIP:
			return unpaid_sentence(who, line->rule->group_name == NULL ? "has been paid by another rule" :
								   psprintf("has been paid by another rule of the group \"%s\"", line->rule->group_name),
								   money);
		case ENGINE_BELOW_MINIMUM:
			return unpaid_sentence(who, "would get less than the rule pays out", money);
		case ENGINE_CAPPED:
			return unpaid_sentence(who, psprintf("has reached the cap \"%s\"", engine_limit_code(line->limited_by)), money);
		case ENGINE_GUARD:
			return unpaid_sentence(who, "gets nothing under the guard of the plan", money);
		case ENGINE_MOVED:
			if (line->member_id < 0)
				return psprintf("There is nobody at level %d; its share goes to somebody else.", line->level);
			return psprintf("%s is not paid; its share goes to somebody else.", who);
		case ENGINE_OPTED_OUT:
			return psprintf("%s gets nothing: a variant of the rule does not pay.", who);
		case ENGINE_NOT_APPLICABLE:
		case ENGINE_ALREADY_PAID:
		case ENGINE_NO_BASE:
			return psprintf("%s gets nothing: the rule does not apply.", who);
	}
	elog(ERROR, "unrecognized reason %d", (int) line->reason);
}

char *
engine_explain(const EngineLine *line, const EngineSale *sale,
			   const char *member_key, const char *currency)
{
	char	   *sentence;

	if (line->level < 0)
		sentence = rule_sentence(line);
	else
		sentence = level_sentence(line, sale, who_words(line, member_key), money_words(line, sale, currency));
	return psprintf("%s%s", item_words(line, sale), sentence);
}
