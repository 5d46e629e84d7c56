/*
 * rollup_lookup.c
 *	  rollup_volumes(): a member's volumes in the rollup of a query.
 *
 * A report that shows members with their volumes would have to join them with
 * team_rollup(), whose rows are made, kept, added up by member (who has moved
 * has several) and kept again by the join.  Here the rollup goes into a table
 * by member at the first call, and each call looks one up: the report's rows
 * stay in the order that they have, and no guess of a planner can make of the
 * join more than it is.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "rollup_query.h"

typedef struct MemberVolumes
{
	int64		member_id;
	MoneySum	personal;
	MoneySum	team;
	char		status;
} MemberVolumes;

#define SH_PREFIX volumes
#define SH_ELEMENT_TYPE MemberVolumes
#define SH_KEY_TYPE int64
#define SH_KEY member_id
#define SH_HASH_KEY(tb, key) murmurhash32((uint32) (key) ^ (uint32) ((uint64) (key) >> 32))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/*
 * What a snapshot shows.  Of transactions that were running when it was taken
 * there are only ever fewer, as newer ones are beyond xmax: as many are the
 * same ones.
 */
typedef struct SnapshotMark
{
	TransactionId xmin;
	TransactionId xmax;
	uint32		xcnt;
	int32		subxcnt;
	CommandId	curcid;
} SnapshotMark;

/* The rollup of one query, as one snapshot shows it; all in one context. */
typedef struct Lookup
{
	MemoryContext context;
	text	   *query;
	SnapshotMark mark;
	volumes_hash *members;
	ArrayType  *zeros;			/* of who is not in it */
} Lookup;

static SnapshotMark
mark_of(Snapshot snapshot)
{
	SnapshotMark mark = {snapshot->xmin, snapshot->xmax, snapshot->xcnt, snapshot->subxcnt, snapshot->curcid};

	return mark;
}

static bool
same_mark(const SnapshotMark *a, const SnapshotMark *b)
{
	return a->xmin == b->xmin && a->xmax == b->xmax && a->xcnt == b->xcnt &&
		a->subxcnt == b->subxcnt && a->curcid == b->curcid;
}

/* A RollupEmit.  Whoever has rows at several paths has the sum of all. */
static void
add_member(const Rollup *rollup, const RollupMember *member, RefPathBytes path, int depth, void *arg)
{
	Lookup	   *lookup = (Lookup *) arg;
	MemoryContext old = MemoryContextSwitchTo(lookup->context);
	bool		found;
	MemberVolumes *entry = volumes_insert(lookup->members, refpath_decode_id(path.data + member->code), &found);

	if (found)
	{
		money_sum_add(&entry->personal, &member->personal[0]);
		money_sum_add(&entry->team, &member->team[0]);
	}
	else
	{
		memset(&entry->personal, 0, sizeof(MoneySum));
		memset(&entry->team, 0, sizeof(MoneySum));
		money_sum_copy(&entry->personal, &member->personal[0]);
		money_sum_copy(&entry->team, &member->team[0]);
	}
	MemoryContextSwitchTo(old);
}

static ArrayType *
volumes_array(const MoneySum *personal, const MoneySum *team)
{
	Datum		elements[2] = {NumericGetDatum(money_sum_to_numeric(personal)),
	NumericGetDatum(money_sum_to_numeric(team))};

	return construct_array(elements, lengthof(elements), NUMERICOID, -1, false, TYPALIGN_INT);
}

/* refpath is where its functions are */
static Oid
path_type(const FmgrInfo *flinfo)
{
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("refpath"),
						   ObjectIdGetDatum(get_func_namespace(flinfo->fn_oid)));
}

static void
fill(Lookup *lookup, Oid of_type)
{
	RollupOptions options = {0};
	RollupQuery query;
	Rollup	   *rollup;

	rollup_query_prepare(&query, text_to_cstring(lookup->query), NULL, of_type);
	if (query.ncolumns != 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the query must have two columns"),
				 errdetail("It has %d columns of volumes.", query.ncolumns),
				 errhint("Select the path first, then the volume.")));
	options.ncolumns = query.ncolumns;
	rollup = rollup_begin(&options, add_member, lookup);
	rollup_query_run(&query, rollup);
	rollup_end(rollup);
}

/* The rollup is in the current context; what it took to make it is not kept. */
static Lookup *
make_lookup(FmgrInfo *flinfo, text *query)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "volumes of a rollup", ALLOCSET_DEFAULT_SIZES);
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "rollup", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	MoneySum	zero = {0};
	Lookup	   *lookup = palloc0(sizeof(Lookup));

	lookup->context = context;
	lookup->query = (text *) PG_DETOAST_DATUM_COPY(PointerGetDatum(query));
	lookup->mark = mark_of(GetActiveSnapshot());
	lookup->members = volumes_create(context, 256, NULL);
	lookup->zeros = volumes_array(&zero, &zero);

	MemoryContextSwitchTo(work);
	fill(lookup, path_type(flinfo));
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
	return lookup;
}

static bool
is_of(const Lookup *lookup, const text *query)
{
	SnapshotMark mark = mark_of(GetActiveSnapshot());

	return same_mark(&lookup->mark, &mark) &&
		VARSIZE_ANY_EXHDR(lookup->query) == VARSIZE_ANY_EXHDR(query) &&
		memcmp(VARDATA_ANY(lookup->query), VARDATA_ANY(query), VARSIZE_ANY_EXHDR(query)) == 0;
}

/*
 * Will whoever calls be gone when the statement is?  An expression of PL/pgSQL
 * stays for the transaction, in which roles and settings may change, and what
 * they let the query see: nothing that the snapshot would tell.  Such an
 * expression is evaluated in a context right below that of the transaction, or,
 * in a DO block, in a snapshot that no query holds.
 */
static bool
ends_with_statement(const FmgrInfo *flinfo)
{
	return MemoryContextGetParent(flinfo->fn_mcxt) != TopTransactionContext && GetActiveSnapshot()->regd_count > 0;
}

static Datum
volumes_of(const Lookup *lookup, int64 member_id)
{
	MemberVolumes *member = volumes_lookup(lookup->members, member_id);

	return PointerGetDatum(member == NULL ? lookup->zeros : volumes_array(&member->personal, &member->team));
}

/* rollup_volumes(query text, member_id bigint) returns numeric[]: personal, team */
PG_FUNCTION_INFO_V1(distributor_rollup_volumes);
Datum
distributor_rollup_volumes(PG_FUNCTION_ARGS)
{
	text	   *query = PG_GETARG_TEXT_PP(0);
	Lookup	   *lookup = (Lookup *) fcinfo->flinfo->fn_extra;

	if (lookup != NULL && is_of(lookup, query))
		return volumes_of(lookup, PG_GETARG_INT64(1));
	/* a query may call this function again, and a function that it calls */
	check_stack_depth();
	fcinfo->flinfo->fn_extra = NULL;
	if (lookup != NULL)
		MemoryContextDelete(lookup->context);
	lookup = make_lookup(fcinfo->flinfo, query);
	if (ends_with_statement(fcinfo->flinfo))
	{
		MemoryContextSetParent(lookup->context, fcinfo->flinfo->fn_mcxt);
		fcinfo->flinfo->fn_extra = lookup;
	}
	return volumes_of(lookup, PG_GETARG_INT64(1));
}
