/*
 * plan_reader.h
 *	  Reading a plan document by key tables.
 *
 * Each object of the document has a table of its keys; whatever a table does
 * not name is refused.  A new key is one more entry of a table, with the
 * function that checks its value and stores it.
 */
#ifndef DISTRIBUTOR_PLAN_READER_H
#define DISTRIBUTOR_PLAN_READER_H

#include "compat.h"

#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "plan.h"

/*
 * Where we are in the document: a list from here up to the root, on the stack
 * of whoever descends.  It costs nothing until an error prints it.
 */
typedef struct PlanPath
{
	const struct PlanPath *parent;	/* NULL: the document itself, "$" */
	const char *key;			/* NULL: an element of an array */
	int			keylen;
	int			index;
} PlanPath;

/* Is this the name?  The text of a document is not terminated. */
static inline bool
plan_is_named(const char *name, const char *text, int len)
{
	return strncmp(name, text, len) == 0 && name[len] == '\0';
}

/*
 * One reading of a document.  The path is that of the document itself, so that
 * every place in it leads here.
 *
 * Whoever wants all mistakes and not the first sets attempt: each key, element
 * and check is then a step of its own, and attempt returns false where the
 * step has raised an error.  A list of names that could not be read must not
 * make every use of a name an error: any_rank, any_currency.
 */
typedef struct PlanReading
{
	PlanPath	path;
	const char *what;			/* the document is, for messages; NULL: a commission plan */
	CommissionPlan *plan;
	PlanRule  **by_place;		/* the rules in the order of the document */
	PlanRule  **by_name;		/* those whose name is right, sorted by it */
	int			nnamed;
	PlanRule   *rule;			/* being read */
	bool		in_variant;		/* null is then "not said here" */
	int			nvalues;		/* so far */
	bool		any_rank;
	bool		any_currency;
	bool		(*attempt) (struct PlanReading *reading, void (*step) (void *arg), void *arg);
	int			nfailed;		/* steps that attempt returned false for */
	void	   *attempt_arg;	/* of whoever set attempt */
} PlanReading;

/* Check the value found at a place and store it into *target. */
typedef void (*PlanRead) (const PlanPath *at, const JsonbValue *value, void *target);

typedef struct PlanKey
{
	const char *name;			/* NULL ends a table */
	PlanRead	read;
	Size		offset;			/* of the target in the structure being read */
	const char *required;		/* NULL: optional; else the hint if it is missing */
} PlanKey;

/* The keys of an object may come from several tables, for several structures. */
typedef struct PlanTable
{
	const PlanKey *keys;
	void	   *into;			/* NULL: these keys are known, but not for this */
	bool		all_optional;
} PlanTable;

extern PlanReading *plan_reading(const PlanPath *at);
extern const char *plan_document_name(const PlanPath *at);
extern bool plan_attempt(const PlanPath *at, void (*step) (void *arg), void *arg);

extern char *plan_path_string(const PlanPath *at);
extern char *plan_describe(const JsonbValue *value);

extern bool plan_is_object(const JsonbValue *value);
extern bool plan_is_array(const JsonbValue *value);
extern void plan_read_object(const PlanPath *at, const JsonbValue *value,
							 const PlanTable *tables, int ntables);
extern void plan_check_keys(const PlanPath *at, const JsonbValue *value,
							const PlanTable *tables, int ntables);
extern void plan_read_keys(const PlanPath *at, const JsonbValue *value,
						   const PlanKey *keys, void *into);
extern void plan_read_members(const PlanPath *at, const JsonbValue *value,
							  PlanRead read, void *target);
extern const JsonbValue *plan_find_key(const JsonbValue *object, const char *name);
extern int	plan_object_size(const PlanPath *at, const JsonbValue *value, int max);
extern int	plan_array_length(const PlanPath *at, const JsonbValue *value, int max);
extern JsonbValue *plan_array_element(const JsonbValue *array, int i);

extern void plan_read_ignored_string(const PlanPath *at, const JsonbValue *value, void *target);
extern void plan_read_bool(const PlanPath *at, const JsonbValue *value, void *target);
extern int	plan_int(const PlanPath *at, const JsonbValue *value, int min, int max);
extern int	plan_word(const PlanPath *at, const JsonbValue *value,
					  const char *const *words, int nwords);
extern char *plan_name(const PlanPath *at, const JsonbValue *value, const char *what);
extern char *plan_string(const JsonbValue *value);
extern const char *plan_nearest(const char *name, int len, const char *candidate,
								const char *nearest, int *limit);
extern int	plan_nearest_limit(int len);
extern void plan_count_values(const PlanPath *at, int n);

pg_noreturn extern void plan_wrong_type(const PlanPath *at, const JsonbValue *value,
										const char *wanted);

/* plan_currency.c */
extern void plan_read_currencies(const PlanPath *at, const JsonbValue *value, void *plan);
extern void plan_read_rounding(const PlanPath *at, const JsonbValue *value, void *rounding);
extern char *plan_currency_code(const PlanPath *at, const char *code, int len);

/* plan_rank.c: tables by rank have nranks + 1 elements of one size */
extern void plan_read_ranks(const PlanPath *at, const JsonbValue *value, void *plan);
extern void plan_read_rank(const PlanPath *at, const JsonbValue *value, void *position);
extern int	plan_rank(const PlanPath *at, const char *name, int len);
extern void plan_read_by_rank(const PlanPath *at, const JsonbValue *value,
							  void *table, Size size, PlanRead read);
extern void plan_read_depth(const PlanPath *at, const JsonbValue *value, void *table);
extern void plan_read_uplift(const PlanPath *at, const JsonbValue *value, void *table);

/* plan_rate.c */
extern Numeric plan_percentage(const PlanPath *at, const JsonbValue *value, int max_percent);
extern Numeric plan_number(const PlanPath *at, const JsonbValue *value);
extern void plan_read_money(const PlanPath *at, const JsonbValue *value, void *money);
extern void plan_read_caps(const PlanPath *at, const JsonbValue *value, void *rule);
extern void plan_read_rate(const PlanPath *at, const JsonbValue *value, void *rate);
extern void plan_read_levels(const PlanPath *at, const JsonbValue *value, void *terms);

/* plan_when.c */
extern char *plan_word_text(const JsonbValue *value);
extern void plan_read_when(const PlanPath *at, const JsonbValue *value, void *when);
extern bool plan_when_implies(const PlanWhen *when, const PlanWhen *other);

/* plan_base.c */
extern void plan_read_base(const PlanPath *at, const JsonbValue *value, void *base);

/* plan_rule.c */
extern void plan_read_rules(const PlanPath *at, const JsonbValue *value, void *plan);
extern int	plan_rule_index(const PlanPath *at, const JsonbValue *value);
extern void plan_read_references(const PlanPath *at, const JsonbValue *value, void *rules);

/* plan_guard.c */
extern void plan_read_guard(const PlanPath *at, const JsonbValue *value, void *guard);
extern void plan_read_compliance(const PlanPath *at, const JsonbValue *value, void *compliance);
extern void plan_check_guard(void *reading);

/*
 * What a plan can pay at worst, as a share of a sale.  certain: some sale is
 * paid that much; possible: no sale more, NULL if that cannot be said.
 */
typedef struct PlanWorst
{
	Numeric		certain;
	Numeric		possible;
	bool	   *is_bounded;		/* by rule: it is not this one that makes possible NULL */
} PlanWorst;

extern PlanWorst plan_worst(const CommissionPlan *plan);

/* plan.c: what there is of the plan, where reading->attempt collects mistakes */
extern void plan_read(PlanReading *reading, Jsonb *document);
extern JsonbValue plan_document_root(Jsonb *document);

/* The facts of every error in a plan: where, and what is there. */
#define plan_errfound(at, value) \
	errdetail("At %s: found %s.", plan_path_string(at), plan_describe(value))
#define plan_errat(at) \
	errdetail("At %s.", plan_path_string(at))

#endif							/* DISTRIBUTOR_PLAN_READER_H */
