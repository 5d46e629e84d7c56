/*
 * program_upline.c
 *	  The members of orders, and state and rank of those above them.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "program_member.h"
#include "program_posting.h"

/* State and rank of a member on some path, where they are not the usual. */
typedef struct Standing
{
	int64		member_id;
	bool		looked_up;
	bool		known;			/* false: active and without rank */
	EngineState state;
	char	   *rank;
	char		status;
} Standing;

#define SH_PREFIX standings
#define SH_ELEMENT_TYPE Standing
#define SH_KEY_TYPE int64
#define SH_KEY member_id
#define SH_HASH_KEY(tb, key) ((uint32) hash_bytes_extended((const unsigned char *) &(key), sizeof(int64), 0))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/*
 * The query that finds members and their paths.  In an old snapshot, what it
 * shows is locked, at once as strongly as counting will: whoever asks for more
 * later waits for others that do the same.
 */
static char *
members_query(Posting *posting, bool by_id)
{
	return psprintf("SELECT k.place, m.member_id, m.path"
					"  FROM unnest($1) WITH ORDINALITY AS k(%s, place)"
					"  JOIN @member m ON m.%s = k.%s%s",
					by_id ? "id" : "key",
					by_id ? "member_id" : "member_key",
					by_id ? "id" : "key",
					!IsolationUsesXactSnapshot() ? "" :
					posting->counts ? " ORDER BY m.member_id FOR NO KEY UPDATE OF m" : " FOR SHARE OF m");
}

/*
 * An order that was posted for somebody who has been erased since: its table
 * still has the key, and nothing else leads from it to the member.
 */
static bool
find_erased(Posting *posting, SaleRow *row)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {PointerGetDatum(row->order_key)};

	if (row->member_key == NULL ||
		program_query(posting->program,
					  "SELECT s.member_id, m.path FROM @sale s"
					  "  JOIN @member m ON m.member_id = s.member_id AND m.member_key IS NULL"
					  " WHERE s.order_key = $1 ORDER BY s.revision DESC LIMIT 1",
					  1, types, values, NULL, 1) == 0)
		return false;
	row->member_id = DatumGetInt64(program_get(0, 1, INT8OID));
	row->path = (RefPath *) PG_DETOAST_DATUM_COPY(program_get(0, 2, posting->program->refpath));
	SPI_freetuptable(SPI_tuptable);
	return true;
}

/*
 * Reading rows of the table member directly, with a snapshot newer than the
 * lock of the tree.  In an old snapshot it takes a query that locks what it
 * shows, or that a serializable transaction hears of.
 */
static bool
begin_lookup(Posting *posting, TableLookup *lookup, TableColumn column, bool by_state)
{
	Relation	member = program_table(posting->program, PROGRAM_MEMBER);

	if (IsolationUsesXactSnapshot())
		return false;
	PushActiveSnapshot(program_snapshot(posting->program));
	if ((by_state && table_lookup_begin_unusual(lookup, member, column, "state", "active", GetActiveSnapshot())) ||
		table_lookup_begin(lookup, member, column, TABLE_EQUAL, GetActiveSnapshot()))
		return true;
	PopActiveSnapshot();
	return false;
}

static void
end_lookup(TableLookup *lookup)
{
	table_lookup_end(lookup);
	PopActiveSnapshot();
}

static int
by_member(const void *a, const void *b)
{
	int64		x = (*(SaleRow *const *) a)->member_id;
	int64		y = (*(SaleRow *const *) b)->member_id;

	return (x > y) - (x < y);
}

static bool
is_active(Datum state)
{
	text	   *word = DatumGetTextPP(state);

	return VARSIZE_ANY_EXHDR(word) == strlen("active") && memcmp(VARDATA_ANY(word), "active", strlen("active")) == 0;
}

static void
set_standing(Posting *posting, int64 member_id, Datum state, Datum rank, bool has_rank)
{
	bool		exists;
	Standing   *standing = standings_insert(posting->standings, member_id, &exists);

	standing->looked_up = true;
	standing->known = has_rank || !is_active(state);
	if (!standing->known)
		return;
	standing->state = engine_state_from_word(TextDatumGetCString(state));
	standing->rank = has_rank ? TextDatumGetCString(rank) : NULL;
	posting->any_standing = true;
}

/* Of the row that was found. */
static void
note_standing(Posting *posting, int64 member_id, TableLookup *lookup)
{
	bool		isnull;
	Datum		state = table_value(lookup, (TableColumn) {"state", TEXTOID}, &isnull);
	Datum		rank = table_value(lookup, (TableColumn) {"rank", TEXTOID}, &isnull);

	set_standing(posting, member_id, state, rank, !isnull);
}

static bool
find_members_directly(Posting *posting, bool by_id)
{
	const TableColumn member_id = {"member_id", INT8OID};
	const TableColumn member_key = {"member_key", TEXTOID};
	const TableColumn path = {"path", posting->program->refpath};
	SaleRow   **rows = palloc(sizeof(SaleRow *) * posting->npaid);
	TableLookup lookup;
	bool		isnull;

	memcpy(rows, posting->paid, sizeof(SaleRow *) * posting->npaid);
	if (!begin_lookup(posting, &lookup, by_id ? member_id : member_key, false))
		return false;
	if (by_id && posting->npaid > 1)
		qsort(rows, posting->npaid, sizeof(SaleRow *), by_member);
	for (int i = 0; i < posting->npaid; i++)
	{
		SaleRow    *row = rows[i];

		if (!table_lookup(&lookup, by_id ? Int64GetDatum(row->member_id) : PointerGetDatum(row->member_key)))
			continue;
		row->path = (RefPath *) PG_DETOAST_DATUM_COPY(table_value(&lookup, path, &isnull));
		row->member_id = DatumGetInt64(table_value(&lookup, member_id, &isnull));
		note_standing(posting, row->member_id, &lookup);
		CHECK_FOR_INTERRUPTS();
	}
	end_lookup(&lookup);
	return true;
}

static void
find_members_by_query(Posting *posting, bool by_id)
{
	Oid			element = by_id ? INT8OID : TEXTOID;
	Oid			types[1];
	Datum	   *members = palloc(sizeof(Datum) * posting->npaid);
	Datum		array;
	uint64		found;

	for (int i = 0; i < posting->npaid; i++)
		members[i] = by_id ? Int64GetDatum(posting->paid[i]->member_id)
			: PointerGetDatum(posting->paid[i]->member_key);
	array = program_array(element, members, NULL, posting->npaid);
	types[0] = get_array_type(element);
	found = program_query(posting->program,
						  members_query(posting, by_id),
						  1, types, &array, NULL, 0);
	for (uint64 i = 0; i < found; i++)
	{
		SaleRow    *row = posting->paid[DatumGetInt64(program_get(i, 1, INT8OID)) - 1];

		row->member_id = DatumGetInt64(program_get(i, 2, INT8OID));
		row->path = (RefPath *) PG_DETOAST_DATUM_COPY(program_get(i, 3, posting->program->refpath));
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Member and path of each order. */
void
posting_find_members(Posting *posting)
{
	bool		by_id = !posting->program->text_keys || posting->paid[0]->member_key == NULL;

	posting->standings = standings_create(CurrentMemoryContext, posting->npaid * 4, NULL);
	if (!find_members_directly(posting, by_id))
		find_members_by_query(posting, by_id);
	for (int i = 0; i < posting->npaid; i++)
	{
		SaleRow    *row = posting->paid[i];

		if (row->path != NULL || find_erased(posting, row))
			continue;
		member_check_newer(posting->program, row->member_key, row->member_id);
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("member \"%s\" of order \"%s\" does not exist in program \"%s\"",
						row->member_key != NULL ? text_to_cstring(row->member_key)
						: psprintf(INT64_FORMAT, row->member_id),
						text_to_cstring(row->order_key), posting->program->name),
				 errhint("Add the member first."),
				 member_errfields(posting->program, "sale", "sale_member_id_fkey")));
	}
}

/* Everybody along the paths who may be paid and has not been looked up, each once. */
static int64 *
upline_ids(Posting *posting, int *n)
{
	int64	   *ids;
	standings_iterator it;
	Standing   *standing;

	posting->uplines = palloc0(sizeof(Upline) * posting->npaid);
	for (int i = 0; i < posting->npaid; i++)
	{
		Upline	   *upline = &posting->uplines[i];

		upline->depth = refpath_decode(posting->paid[i]->path, &upline->ids);
		upline->levels = upline->depth;
		if (posting->paid[i]->plan->plan->max_level < upline->depth)
			upline->levels = posting->paid[i]->plan->plan->max_level + 1;
		for (int level = 0; level < upline->levels; level++)
		{
			bool		exists;

			standing = standings_insert(posting->standings, upline->ids[upline->depth - 1 - level], &exists);
			if (!exists)
				standing->looked_up = standing->known = false;
		}
	}
	ids = palloc(sizeof(int64) * posting->standings->members);
	*n = 0;
	standings_start_iterate(posting->standings, &it);
	while ((standing = standings_iterate(posting->standings, &it)) != NULL)
		if (!standing->looked_up)
			ids[(*n)++] = standing->member_id;
	return ids;
}

static int
by_id(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return (x > y) - (x < y);
}

static bool
uses_rank(Posting *posting)
{
	for (int i = 0; i < posting->npaid; i++)
		if (posting->paid[i]->plan->plan->uses_rank)
			return true;
	return false;
}

/*
 * In the order of the ids: many of them stand side by side.  Where ranks do not
 * count, only those are of interest who are not active: few, in an index of
 * their own.
 */
static bool
load_standings_directly(Posting *posting, int64 *ids, int n)
{
	TableLookup lookup;

	if (!begin_lookup(posting, &lookup, (TableColumn) {"member_id", INT8OID}, !uses_rank(posting)))
		return false;
	qsort(ids, n, sizeof(int64), by_id);
	for (int i = 0; i < n; i++)
	{
		if (table_lookup(&lookup, Int64GetDatum(ids[i])))
			note_standing(posting, ids[i], &lookup);
		CHECK_FOR_INTERRUPTS();
	}
	end_lookup(&lookup);
	return true;
}

static void
load_standings_by_query(Posting *posting, const int64 *ids, int n)
{
	Datum	   *values = palloc(sizeof(Datum) * n);
	Oid			types[] = {INT8ARRAYOID};
	Datum		array;
	uint64		found;

	for (int i = 0; i < n; i++)
		values[i] = Int64GetDatum(ids[i]);
	array = program_array(INT8OID, values, NULL, n);
	found = program_query(posting->program,
						  "SELECT m.member_id, m.state, m.rank FROM @member m"
						  " WHERE m.member_id = ANY ($1) AND (m.state <> 'active' OR m.rank IS NOT NULL)",
						  1, types, &array, NULL, 0);
	for (uint64 i = 0; i < found; i++)
	{
		bool		isnull;
		Datum		rank = program_column(i, 3, TEXTOID, &isnull);

		set_standing(posting, DatumGetInt64(program_get(i, 1, INT8OID)), program_get(i, 2, TEXTOID), rank, !isnull);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* What the engine is told: nothing where all is as usual. */
static void
describe_upline(Posting *posting, Upline *upline, bool uses_rank)
{
	for (int level = 0; level < upline->levels; level++)
	{
		Standing   *standing = standings_lookup(posting->standings, upline->ids[upline->depth - 1 - level]);

		if (!standing->known)
			continue;
		if (standing->state != ENGINE_ACTIVE && upline->states == NULL)
			upline->states = palloc0(sizeof(EngineState) * upline->depth);
		if (upline->states != NULL)
			upline->states[level] = standing->state;
		if (uses_rank && standing->rank != NULL && upline->ranks == NULL)
			upline->ranks = palloc0(sizeof(char *) * upline->depth);
		if (upline->ranks != NULL)
			upline->ranks[level] = standing->rank;
	}
}

/*
 * States and ranks of all who may be paid, each looked up once for the whole
 * batch.  Only those are kept who are not plainly active and without rank.
 */
void
posting_find_uplines(Posting *posting)
{
	int			n;
	int64	   *ids = upline_ids(posting, &n);

	if (n > 0 && !load_standings_directly(posting, ids, n))
		load_standings_by_query(posting, ids, n);
	for (int i = 0; posting->any_standing && i < posting->npaid; i++)
		describe_upline(posting, &posting->uplines[i], posting->paid[i]->plan->plan->uses_rank);
}

/* States or ranks of an upline as a text array for the sale; NULL if usual. */
Datum
posting_standing_array(const Upline *upline, bool of_states, bool *isnull)
{
	Datum	   *words;
	bool	   *nulls;

	*isnull = of_states ? upline->states == NULL : upline->ranks == NULL;
	if (*isnull)
		return (Datum) 0;
	words = palloc0(sizeof(Datum) * upline->levels);
	nulls = palloc0(sizeof(bool) * upline->levels);
	for (int level = 0; level < upline->levels; level++)
	{
		if (of_states)
			words[level] = CStringGetTextDatum(engine_state_word(upline->states[level]));
		else if (upline->ranks[level] != NULL)
			words[level] = CStringGetTextDatum(upline->ranks[level]);
		else
			nulls[level] = true;
	}
	return program_array(TEXTOID, words, nulls, upline->levels);
}
