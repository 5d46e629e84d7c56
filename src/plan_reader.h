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

/* Check the value found at a place and store it into *target. */
typedef void (*PlanRead) (const PlanPath *at, const JsonbValue *value, void *target);

typedef struct PlanKey
{
	const char *name;			/* NULL ends a table */
	PlanRead	read;
	Size		offset;			/* of the target in the structure being read */
	const char *required;		/* NULL: optional; else the hint if it is missing */
} PlanKey;

extern char *plan_path_string(const PlanPath *at);
extern char *plan_describe(const JsonbValue *value);

extern void plan_read_object(const PlanPath *at, const JsonbValue *value,
							 const PlanKey *const *tables, int ntables, void *into);
extern const JsonbValue *plan_find_key(const JsonbValue *object, const char *name);
extern int	plan_array_length(const PlanPath *at, const JsonbValue *value, int max);
extern JsonbValue *plan_array_element(const JsonbValue *array, int i);

extern void plan_read_ignored_string(const PlanPath *at, const JsonbValue *value, void *target);
extern void plan_read_rate(const PlanPath *at, const JsonbValue *value, void *target);

pg_noreturn extern void plan_wrong_type(const PlanPath *at, const JsonbValue *value,
										const char *wanted);

/* The facts of every error in a plan: where, and what is there. */
#define plan_errfound(at, value) \
	errdetail("At %s: found %s.", plan_path_string(at), plan_describe(value))
#define plan_errat(at) \
	errdetail("At %s.", plan_path_string(at))

#endif							/* DISTRIBUTOR_PLAN_READER_H */
