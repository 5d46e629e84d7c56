/*
 * plan_rank.c
 *	  The ranks of a plan, and what is said for each of them.
 */
#include "compat.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "money.h"
#include "plan.h"
#include "plan_reader.h"

/* Every rank that is not named, and no rank. */
#define OTHER_RANKS		"*"

/* ---- "ranks" ---- */

static void
check_new_rank(const PlanPath *at, const JsonbValue *value, const CommissionPlan *plan,
			   const char *name)
{
	if (strcmp(name, OTHER_RANKS) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid rank name"),
				 plan_errfound(at, value),
				 errhint("\"*\" stands for every rank that is not named.")));
	for (int i = 0; i < plan->nranks; i++)
	{
		if (strcmp(name, plan->ranks[i]) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("duplicate rank name \"%s\"", name),
					 errdetail("At %s: $.ranks[%d] has the same name.",
							   plan_path_string(at), i),
					 errhint("Write each rank once, the lowest first.")));
	}
}

/* Every sale looks for the ranks of its whole upline: they are kept sorted. */
static void
add_rank(CommissionPlan *plan, const char *name)
{
	int			at = plan->nranks;

	plan->ranks[plan->nranks++] = name;
	for (; at > 0 && strcmp(plan->ranks[plan->ranks_by_name[at - 1] - 1], name) > 0; at--)
		plan->ranks_by_name[at] = plan->ranks_by_name[at - 1];
	plan->ranks_by_name[at] = plan->nranks;
}

void
plan_read_ranks(const PlanPath *at, const JsonbValue *value, void *target)
{
	CommissionPlan *plan = target;
	int			n = plan_array_length(at, value, PLAN_MAX_RANKS);

	plan->ranks = palloc0(sizeof(char *) * Max(n, 1));
	plan->ranks_by_name = palloc0(sizeof(int) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		PlanPath	here = {at, NULL, 0, i};
		const JsonbValue *element = plan_array_element(value, i);
		char	   *name = plan_name(&here, element, "rank");

		check_new_rank(&here, element, plan, name);
		add_rank(plan, name);
	}
}

/* ---- names of ranks ---- */

/* The position of a rank by its name; 0: it is not in the list. */
int
plan_find_rank(const CommissionPlan *plan, const char *name, int len)
{
	int			low = 0;
	int			high = plan->nranks;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		int			position = plan->ranks_by_name[middle];
		const char *rank = plan->ranks[position - 1];
		int			order = strncmp(name, rank, len);

		if (order == 0 && rank[len] == '\0')
			return position;
		if (order <= 0)
			high = middle;
		else
			low = middle + 1;
	}
	return 0;
}

static void
unknown_rank(const PlanPath *at, const CommissionPlan *plan, const char *name, int len)
{
	const char *nearest = NULL;
	int			limit = plan_nearest_limit(len);

	for (int i = 0; i < plan->nranks; i++)
		nearest = plan_nearest(name, len, plan->ranks[i], nearest, &limit);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown rank in commission plan"),
			 errdetail("At %s: \"%.*s\" is not in $.ranks.", plan_path_string(at),
					   pg_mbcliplen(name, len, NAMEDATALEN), name),
			 nearest != NULL ?
			 errhint("Perhaps you meant \"%s\".", nearest) :
			 errhint("List the ranks of the plan, the lowest first, for example \"ranks\": [\"silver\", \"gold\"].")));
}

/* The position of a rank that the document names. */
int
plan_rank(const PlanPath *at, const char *name, int len)
{
	PlanReading *reading = plan_reading(at);
	int			rank = plan_find_rank(reading->plan, name, len);

	reading->plan->uses_rank = true;
	if (rank == 0 && !reading->any_rank)
		unknown_rank(at, reading->plan, name, len);
	return rank;
}

void
plan_read_rank(const PlanPath *at, const JsonbValue *value, void *target)
{
	if (value->type != jbvString)
		plan_wrong_type(at, value, "the name of a rank");
	*(int *) target = plan_rank(at, value->val.string.val, value->val.string.len);
}

/* ---- tables by rank ---- */

typedef struct ByRank
{
	char	   *table;
	Size		size;
	PlanRead	read;
	const void *others;			/* the element of "*", NULL: not named */
	bool		named[PLAN_MAX_RANKS + 1];
} ByRank;

static void
read_element(const PlanPath *at, const JsonbValue *value, void *target)
{
	ByRank	   *ranks = target;
	bool		is_others = at->keylen == strlen(OTHER_RANKS) &&
		memcmp(at->key, OTHER_RANKS, at->keylen) == 0;
	char	   *element;

	if (is_others)
	{
		element = palloc0(ranks->size);
		ranks->others = element;
	}
	else
	{
		int			rank = plan_rank(at, at->key, at->keylen);

		ranks->named[rank] = true;
		element = ranks->table + rank * ranks->size;
	}
	ranks->read(at, value, element);
}

/*
 * Read {"gold": ..., "*": ...} into a table of nranks + 1 elements.  Ranks
 * that are not named keep what the table has, or get what "*" says.
 */
void
plan_read_by_rank(const PlanPath *at, const JsonbValue *value, void *table, Size size, PlanRead read)
{
	int			nranks = plan_reading(at)->plan->nranks;
	ByRank		ranks = {table, size, read, NULL, {false}};

	if (plan_object_size(at, value, PLAN_MAX_RANKS + 1) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no rank is named"),
				 plan_errat(at),
				 errhint("Name at least one rank, or \"*\" for every other.")));
	plan_read_members(at, value, read_element, &ranks);
	if (ranks.others == NULL)
		return;
	for (int rank = 0; rank <= nranks; rank++)
	{
		/* position 0 is named only where the list of ranks is unknown */
		if (!ranks.named[rank] || rank == 0)
			memcpy(ranks.table + rank * size, ranks.others, size);
	}
}

static void
read_depth_element(const PlanPath *at, const JsonbValue *value, void *target)
{
	*(int *) target = plan_int(at, value, 0, PLAN_MAX_LEVELS);
}

void
plan_read_depth(const PlanPath *at, const JsonbValue *value, void *target)
{
	CommissionPlan *plan = plan_reading(at)->plan;
	int		   *depths = palloc(sizeof(int) * (plan->nranks + 1));

	for (int rank = 0; rank <= plan->nranks; rank++)
		depths[rank] = -1;
	plan_read_by_rank(at, value, depths, sizeof(int), read_depth_element);
	plan->uses_rank = true;
	*(int **) target = depths;
}

static void
read_uplift_element(const PlanPath *at, const JsonbValue *value, void *target)
{
	Numeric		uplift = plan_percentage(at, value, PLAN_MAX_UPLIFT);

	*(MoneyFactor *) target = money_factor(money_trim(money_add(money_from_int(1), uplift)));
}

void
plan_read_uplift(const PlanPath *at, const JsonbValue *value, void *target)
{
	CommissionPlan *plan = plan_reading(at)->plan;
	MoneyFactor *uplifts = palloc0(sizeof(MoneyFactor) * (plan->nranks + 1));

	plan_read_by_rank(at, value, uplifts, sizeof(MoneyFactor), read_uplift_element);
	plan->uses_rank = true;
	*(MoneyFactor **) target = uplifts;
}
