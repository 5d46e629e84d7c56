/*
 * program_member.c
 *	  Joining, moving and changing the members of a program, in batches.
 *
 * One way in for everything: a call for one member, a statement on the user's
 * table, a million rows when a table is attached.  The order is: resolve keys,
 * lock the tree, read what is there with a newer snapshot, join, move, change.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "forest.h"
#include "program_member.h"

/* Rows sent to the server in one statement, and between two progress reports. */
#define CHUNK_ROWS		20000
#define PROGRESS_ROWS	200000
/* How many offenders a message names. */
#define NAMED_OFFENDERS 5

/* What is known of a member before the batch: by id. */
typedef struct Known
{
	int64		member_id;
	int			row;			/* in the batch; -1: only somebody's sponsor */
	bool		exists;			/* in the table; the fields below are set */
	EngineState state;
	int64		sponsor_id;
	RefPath    *path;
	text	   *rank;
	char		status;
} Known;

#define SH_PREFIX known
#define SH_ELEMENT_TYPE Known
#define SH_KEY_TYPE int64
#define SH_KEY member_id
#define SH_HASH_KEY(tb, key) ((uint32) hash_bytes_extended((const unsigned char *) &(key), sizeof(int64), 0))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* The number of each key, in programs of text keys. */
typedef struct Numbered
{
	text	   *key;
	int64		member_id;
	char		status;
} Numbered;

static uint32
hash_text(const text *key)
{
	return hash_bytes((const unsigned char *) VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key));
}

static bool
same_text(const text *a, const text *b)
{
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

#define SH_PREFIX numbered
#define SH_ELEMENT_TYPE Numbered
#define SH_KEY_TYPE text *
#define SH_KEY key
#define SH_HASH_KEY(tb, key) hash_text(key)
#define SH_EQUAL(tb, a, b) same_text(a, b)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* A member that goes below another sponsor. */
typedef struct Move
{
	int64		member_id;
	int64		sponsor_id;
	RefPath    *old_path;
	RefPath    *new_path;		/* NULL until known */
	bool		climbing;
	bool		rejoins;
} Move;

typedef struct Work
{
	Program    *program;
	MemberBatch *batch;
	known_hash *known;
	int		   *joins;			/* rows of the batch that are new */
	int			njoins;
	Move	   *moves;
	int			nmoves;
	int64	   *state_ids;		/* members whose state or rank changed */
	int			nstate_ids;
	int64	   *rank_ids;
	int			nrank_ids;
} Work;

static void resolve_keys(Work *work);
static void index_batch(Work *work);
static void load_known(Work *work);
static void classify(Work *work);
static bool join_new(Work *work);
static int	insert_joined(Work *work, const int *order, RefPath **paths, int n);
static void move_known(Work *work);
static void change_known(Work *work);
static void record_orphan(Work *work, MemberRow *row, const char *problem);
static void record_history(Work *work, const int64 *ids, int n, const char *change);

void
members_apply(Program *program, void *arg)
{
	MemberBatch *batch = arg;
	Work		work = {.program = program,.batch = batch};
	bool		moves;

	if (batch->n == 0)
		return;
	moves = batch->sets_sponsor && batch->event != MEMBER_JOINS;
	for (;;)
	{
		if (program->text_keys)
			resolve_keys(&work);
		index_batch(&work);
		if (moves)
			member_check_moves_allowed();
		program_lock_tree(program, moves, moves ? batch->move_timeout : 0);
		load_known(&work);
		classify(&work);

		/* somebody comes back below another sponsor: that takes the whole tree */
		if (work.nmoves > 0 && !moves)
			moves = true;
		/* somebody joined at the same time elsewhere, and is known by now */
		else if (join_new(&work))
			break;
	}
	move_known(&work);
	change_known(&work);
}

/*
 * Keys to numbers, where rows have keys: those of the table, then those of the batch, then new ones.
 * Sponsors that nobody knows keep MEMBER_NONE and their key.
 */
static void
resolve_keys(Work *work)
{
	MemberBatch *batch = work->batch;
	numbered_hash *numbers = numbered_create(CurrentMemoryContext, batch->n, NULL);
	Datum	   *keys = palloc_extended(sizeof(Datum) * 2 * (Size) batch->n, MCXT_ALLOC_HUGE);
	int			nkeys = 0;
	Datum		array;
	Oid			types[] = {TEXTARRAYOID};
	Oid			sequence;
	uint64		found;

	for (int i = 0; i < batch->n; i++)
	{
		if (batch->rows[i].member_key != NULL)
			keys[nkeys++] = PointerGetDatum(batch->rows[i].member_key);
		if (batch->rows[i].sponsor_key != NULL)
			keys[nkeys++] = PointerGetDatum(batch->rows[i].sponsor_key);
	}
	array = program_array(TEXTOID, keys, NULL, nkeys);
	found = program_query(work->program,
						  "SELECT m.member_key, m.member_id"
						  "  FROM @member m"
						  " WHERE m.member_key = ANY ($1)",
						  1, types, &array, NULL, 0);
	for (uint64 i = 0; i < found; i++)
	{
		text	   *key = program_copy_text(program_get(i, 1, TEXTOID));
		bool		exists;
		Numbered   *entry = numbered_insert(numbers, key, &exists);

		entry->member_id = DatumGetInt64(program_get(i, 2, INT8OID));
	}
	SPI_freetuptable(SPI_tuptable);

	sequence = get_relname_relid("member_id_seq", get_rel_namespace(work->program->tables[PROGRAM_MEMBER]));
	for (int i = 0; i < batch->n; i++)
	{
		MemberRow  *row = &batch->rows[i];
		bool		exists;
		Numbered   *entry;

		if (row->member_key == NULL)
			continue;			/* named by its number */
		if (batch->event == MEMBER_CHANGES)
		{
			entry = numbered_lookup(numbers, row->member_key);
			row->member_id = entry != NULL ? entry->member_id : MEMBER_NONE;
			continue;
		}
		entry = numbered_insert(numbers, row->member_key, &exists);
		if (!exists)
			entry->member_id = nextval_internal(sequence, false);
		row->member_id = entry->member_id;
	}
	for (int i = 0; i < batch->n; i++)
	{
		MemberRow  *row = &batch->rows[i];
		Numbered   *entry;

		if (row->sponsor_key == NULL)
			continue;
		entry = numbered_lookup(numbers, row->sponsor_key);
		row->sponsor_id = entry != NULL ? entry->member_id : MEMBER_NONE;
	}
	numbered_destroy(numbers);
	pfree(keys);
}

/* Enter the batch's members and their sponsors into work->known. */
static void
index_batch(Work *work)
{
	MemberBatch *batch = work->batch;
	bool		found;

	work->known = known_create(CurrentMemoryContext, batch->n, NULL);
	for (int i = 0; i < batch->n; i++)
	{
		MemberRow  *row = &batch->rows[i];
		Known	   *known;

		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (row->member_id == MEMBER_NONE && row->member_key != NULL)
			continue;			/* MEMBER_CHANGES of one that is not there */
		if (row->member_id < 0 || row->sponsor_id < MEMBER_NONE)
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("member id %lld is out of range",
							(long long) (row->member_id < 0 ? row->member_id : row->sponsor_id)),
					 errhint("Ids are 0 to 9223372036854775807.")));
		known = known_insert(work->known, row->member_id, &found);
		if (found && known->row >= 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNIQUE_VIOLATION),
					 errmsg("member \"%s\" appears twice", member_name(row)),
					 errhint("The column of ids must be unique."),
					 member_errfields(work->program, "member", "member_pkey")));
		known->row = i;
	}
	for (int i = 0; batch->sets_sponsor && i < batch->n; i++)
	{
		if (batch->rows[i].sponsor_id != MEMBER_NONE)
		{
			Known	   *known = known_insert(work->known, batch->rows[i].sponsor_id, &found);

			if (!found)
				known->row = -1;
		}
	}
}

/*
 * Read what the table holds of the known ids.  Where the snapshot is older
 * than the lock, the rows are locked as well: that fails, retryably, if one
 * of them has changed since.
 */
static void
load_known(Work *work)
{
	int			nids = 0;
	Datum	   *ids = palloc_extended(sizeof(Datum) * (Size) Max(work->known->members, 1), MCXT_ALLOC_HUGE);
	known_iterator it;
	Known	   *known;
	Oid			types[] = {INT8ARRAYOID};

	known_start_iterate(work->known, &it);
	while ((known = known_iterate(work->known, &it)) != NULL)
	{
		known->exists = false;
		ids[nids++] = Int64GetDatum(known->member_id);
	}
	for (int start = 0; start < nids; start += CHUNK_ROWS)
	{
		Datum		array = program_array(INT8OID, ids + start, NULL, Min(CHUNK_ROWS, nids - start));
		uint64		found;

		found = program_query(work->program,
							  IsolationUsesXactSnapshot() ?
							  "SELECT m.member_id, m.sponsor_id, m.path, m.state, m.rank"
							  "  FROM @member m WHERE m.member_id = ANY ($1) FOR SHARE" :
							  "SELECT m.member_id, m.sponsor_id, m.path, m.state, m.rank"
							  "  FROM @member m WHERE m.member_id = ANY ($1)",
							  1, types, &array, NULL, 0);
		for (uint64 i = 0; i < found; i++)
		{
			bool		isnull;
			Datum		value;

			known = known_lookup(work->known, DatumGetInt64(program_get(i, 1, INT8OID)));
			known->exists = true;
			value = program_column(i, 2, INT8OID, &isnull);
			known->sponsor_id = isnull ? MEMBER_NONE : DatumGetInt64(value);
			known->path = (RefPath *) PG_DETOAST_DATUM_COPY(program_get(i, 3, work->program->refpath));
			known->state = engine_state_from_word(TextDatumGetCString(program_get(i, 4, TEXTOID)));
			value = program_column(i, 5, TEXTOID, &isnull);
			known->rank = isnull ? NULL : program_copy_text(value);
		}
		SPI_freetuptable(SPI_tuptable);
		pfree(DatumGetPointer(array));
		CHECK_FOR_INTERRUPTS();
	}
	pfree(ids);
}

/* Is the sponsor of this row neither in the table nor in the batch? */
static bool
sponsor_is_unknown(Work *work, const MemberRow *row)
{
	Known	   *known;

	if (row->sponsor_id == MEMBER_NONE)
		return row->sponsor_key != NULL;
	known = known_lookup(work->known, row->sponsor_id);
	return known == NULL || (!known->exists && known->row < 0);
}

/* Does the row want another sponsor than the member has? */
static bool
sponsor_differs(Work *work, const MemberRow *row, const Known *known)
{
	bool		unknown = sponsor_is_unknown(work, row);

	/* An orphan that became a root stays one, until its sponsor can be had. */
	if (work->batch->orphans_root && known->sponsor_id == MEMBER_NONE &&
		row->sponsor_id != MEMBER_NONE && !unknown)
	{
		Known	   *sponsor = known_lookup(work->known, row->sponsor_id);

		if (sponsor->exists && refpath_has_id(sponsor->path, row->member_id))
			return false;
	}
	if (unknown)
		return !(work->batch->orphans_root && known->sponsor_id == MEMBER_NONE);
	return row->sponsor_id != known->sponsor_id;
}

/*
 * One that has left comes back by joining again, or by standing in the table
 * that keeps the tree, unless the table says itself who has left.
 */
static bool
member_rejoins(const MemberBatch *batch, const Known *known)
{
	return known->state == ENGINE_LEFT &&
		(batch->event == MEMBER_JOINS || (batch->event == MEMBER_SYNC && !batch->sets_state));
}

static bool
same_rank(const text *a, const text *b)
{
	return a == NULL || b == NULL ? a == b : same_text(a, b);
}

/* A repeated call adds nobody, and changes nobody either. */
static void
check_same_rank(Work *work, const MemberRow *row, const Known *known)
{
	if (work->batch->sets_rank && !same_rank(row->rank, known->rank))
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("member \"%s\" already exists", member_name(row)),
				 errdetail("It has another rank."),
				 errhint("Ranks are set by distributor.set_rank()."),
				 member_errfields(work->program, "member", "member_pkey")));
}

/* One that is there already: the same again, a rejoin, a move, or an error. */
static void
classify_known(Work *work, MemberRow *row, const Known *known)
{
	MemberBatch *batch = work->batch;
	bool		rejoins = member_rejoins(batch, known);

	if (batch->event == MEMBER_JOINS && !rejoins && batch->by_call)
	{
		check_same_rank(work, row, known);
		batch->sets_rank = false;
	}
	if (batch->sets_sponsor && sponsor_differs(work, row, known))
	{
		if (batch->event == MEMBER_JOINS && !rejoins)
			ereport(ERROR,
					(errcode(ERRCODE_UNIQUE_VIOLATION),
					 errmsg("member \"%s\" already exists", member_name(row)),
					 errdetail("It has another sponsor."),
					 errhint("A member moves by UPDATE of its sponsor where a table keeps the tree, else by distributor.move_member()."),
					 member_errfields(work->program, "member", "member_pkey")));
		work->moves[work->nmoves++] = (Move)
		{
			.member_id = row->member_id,.sponsor_id = row->sponsor_id,
				.old_path = known->path,.rejoins = rejoins
		};
	}
	if (rejoins || (batch->sets_state && row->state != known->state))
		work->state_ids[work->nstate_ids++] = row->member_id;
	if (batch->sets_rank && !same_rank(row->rank, known->rank))
		work->rank_ids[work->nrank_ids++] = row->member_id;
}

static void
classify(Work *work)
{
	MemberBatch *batch = work->batch;

	if (work->joins == NULL)
	{
		work->joins = palloc_extended(sizeof(int) * (Size) batch->n, MCXT_ALLOC_HUGE);
		work->moves = palloc_extended(sizeof(Move) * (Size) batch->n, MCXT_ALLOC_HUGE);
		work->state_ids = palloc_extended(sizeof(int64) * (Size) batch->n, MCXT_ALLOC_HUGE);
		work->rank_ids = palloc_extended(sizeof(int64) * (Size) batch->n, MCXT_ALLOC_HUGE);
	}
	work->njoins = work->nmoves = work->nstate_ids = work->nrank_ids = 0;
	for (int i = 0; i < batch->n; i++)
	{
		Known	   *known = known_lookup(work->known, batch->rows[i].member_id);

		if (known != NULL && known->exists)
			classify_known(work, &batch->rows[i], known);
		else if (batch->event != MEMBER_CHANGES)
			work->joins[work->njoins++] = i;
	}
}

static void
unknown_sponsors_error(Work *work, const int *rows, int n)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < Min(n, NAMED_OFFENDERS); i++)
	{
		MemberRow  *row = &work->batch->rows[rows[i]];

		appendStringInfo(&names, "%s\"%s\" names sponsor \"%s\"", i > 0 ? ", " : "", member_name(row),
						 row->sponsor_key != NULL ? text_to_cstring(row->sponsor_key)
						 : psprintf(INT64_FORMAT, row->sponsor_id));
	}
	if (n > NAMED_OFFENDERS)
		appendStringInfo(&names, " and %d more", n - NAMED_OFFENDERS);
	ereport(ERROR,
			(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
			 errmsg_plural("%d member has an unknown sponsor", "%d members have an unknown sponsor", n, n),
			 errdetail("Member %s.", names.data),
			 work->batch->by_call ? errhint("Add the sponsor first.")
			 : errhint("Add the sponsor first, or attach the table with orphans => 'root'."),
			 member_errfields(work->program, "member", "member_sponsor_id_fkey")));
}

static void
cycle_error(Work *work, const int *parent, int node)
{
	StringInfoData names;
	int			n = 0;
	int			at = node;

	initStringInfo(&names);
	do
	{
		if (n++ < NAMED_OFFENDERS)
			appendStringInfo(&names, "\"%s\" under ", member_name(&work->batch->rows[work->joins[at]]));
		at = parent[at];
	} while (at != node);
	if (n > NAMED_OFFENDERS)
		appendStringInfo(&names, "%d more under ", n - NAMED_OFFENDERS);
	appendStringInfo(&names, "\"%s\"", member_name(&work->batch->rows[work->joins[node]]));
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 n == 1 ? errmsg("member \"%s\" is its own sponsor", member_name(&work->batch->rows[work->joins[node]]))
			 : errmsg("sponsors form a cycle of %d members", n),
			 errdetail("Member %s.", names.data),
			 errhint("Mend the sponsors, or attach the table with orphans => 'root'."),
			 member_errfields(work->program, "member", "member_path_check")));
}

/* Of the cycle through node, the one that joined first becomes a root. */
static int
oldest_of_cycle(Work *work, const int *parent, int node)
{
	int			oldest = node;

	for (int at = parent[node]; at != node; at = parent[at])
	{
		MemberRow  *a = &work->batch->rows[work->joins[at]];
		MemberRow  *b = &work->batch->rows[work->joins[oldest]];

		if (a->joined_at < b->joined_at ||
			(a->joined_at == b->joined_at && a->member_id < b->member_id))
			oldest = at;
	}
	return oldest;
}

/*
 * Order the new members so that sponsors come first.  parent[] is by place in
 * work->joins; a sponsor that is in the table counts as a root here.
 */
static int *
order_joins(Work *work)
{
	MemberBatch *batch = work->batch;
	int			n = work->njoins;
	int		   *parent = palloc_extended(sizeof(int) * (Size) n, MCXT_ALLOC_HUGE);
	int		   *order = palloc_extended(sizeof(int) * (Size) n, MCXT_ALLOC_HUGE);
	int		   *place = palloc_extended(sizeof(int) * (Size) batch->n, MCXT_ALLOC_HUGE);
	int		   *unknown = palloc_extended(sizeof(int) * (Size) n, MCXT_ALLOC_HUGE);
	int			nunknown = 0;
	int		   *cycles = palloc_extended(sizeof(int) * (Size) n, MCXT_ALLOC_HUGE);
	int			ncycles;

	for (int i = 0; i < n; i++)
		place[work->joins[i]] = i;
	for (int i = 0; i < n; i++)
	{
		MemberRow  *row = &batch->rows[work->joins[i]];
		Known	   *known;

		parent[i] = FOREST_ROOT;
		if (sponsor_is_unknown(work, row))
		{
			member_check_newer(work->program, row->sponsor_key, row->sponsor_id);
			unknown[nunknown++] = work->joins[i];
		}
		else if (row->sponsor_id != MEMBER_NONE)
		{
			known = known_lookup(work->known, row->sponsor_id);
			if (!known->exists)
				parent[i] = place[known->row];
		}
	}
	if (nunknown > 0 && !batch->orphans_root)
		unknown_sponsors_error(work, unknown, nunknown);
	for (int i = 0; i < nunknown; i++)
		record_orphan(work, &batch->rows[unknown[i]], "unknown sponsor");

	if (forest_order(n, parent, order, cycles, &ncycles) < n)
	{
		if (!batch->orphans_root)
			cycle_error(work, parent, cycles[0]);
		for (int i = 0; i < ncycles; i++)
		{
			int			oldest = oldest_of_cycle(work, parent, cycles[i]);

			record_orphan(work, &batch->rows[work->joins[oldest]], "cycle");
			parent[oldest] = FOREST_ROOT;
		}
		(void) forest_order(n, parent, order, cycles, &ncycles);
	}
	pfree(cycles);
	pfree(parent);
	pfree(place);
	pfree(unknown);
	return order;
}

static int
path_depth(RefPath *path)
{
	return refpath_depth_of(REFPATH_DATA(path), REFPATH_LEN(path));
}

static void
too_deep_error(const char *name, int depth, Size bytes)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("member \"%s\" would be too deep in the tree", name),
			 errdetail("Its path would have %d ids in %zu bytes; at most %d bytes fit into an index.",
					   depth, bytes, MEMBER_PATH_BYTES)));
}

/* False: some of them have joined meanwhile, by another transaction. */
static bool
join_new(Work *work)
{
	MemberBatch *batch = work->batch;
	int			n = work->njoins;
	int		   *order;
	RefPath   **paths;
	RefPath    *empty = refpath_make(NULL, 0);
	bool		all = true;

	if (n == 0)
		return true;
	order = order_joins(work);
	paths = palloc_extended(sizeof(RefPath *) * (Size) n, MCXT_ALLOC_HUGE);
	for (int i = 0; i < n; i++)
	{
		MemberRow  *row = &batch->rows[work->joins[order[i]]];
		RefPath    *above = empty;
		Known	   *known;

		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (row->sponsor_id != MEMBER_NONE)
			above = known_lookup(work->known, row->sponsor_id)->path;
		paths[i] = refpath_append_id(above, row->member_id);
		if (REFPATH_LEN(paths[i]) > MEMBER_PATH_BYTES)
			too_deep_error(member_name(row), path_depth(paths[i]), REFPATH_LEN(paths[i]));
		known = known_lookup(work->known, row->member_id);
		known->path = paths[i];
	}
	for (int start = 0; start < n; start += CHUNK_ROWS)
	{
		int			rows = Min(CHUNK_ROWS, n - start);
		int			inserted;

		inserted = insert_joined(work, order + start, paths + start, rows);
		batch->joined += inserted;
		all = all && inserted == rows;
		if ((start + rows) % PROGRESS_ROWS == 0)
			ereport(NOTICE,
					(errmsg("%d of %d members joined", start + rows, n)));
		CHECK_FOR_INTERRUPTS();
	}

	/*
	 * The others' downline has joined by a path with the number that was drawn
	 * here.
	 */
	if (!all && n > 1 && work->program->text_keys)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update"),
				 errdetail("Another transaction added one of the %d members.", n),
				 errhint("Retry the transaction.")));
	return all;
}

/* How many were inserted: those that are not there by now. */
static int
insert_joined(Work *work, const int *order, RefPath **paths, int n)
{
	enum
	{
		ID, SPONSOR, JOINED, PATH, STATE, RANK, KEY, NCOLUMNS
	};
	Oid			elements[NCOLUMNS] = {INT8OID, INT8OID, TIMESTAMPTZOID, work->program->refpath, TEXTOID, TEXTOID, TEXTOID};
	Oid			types[NCOLUMNS];
	Datum		arrays[NCOLUMNS];
	Datum	   *values[NCOLUMNS];
	bool	   *nulls[NCOLUMNS];
	int			inserted;

	for (int c = 0; c < NCOLUMNS; c++)
	{
		types[c] = get_array_type(elements[c]);
		values[c] = palloc0(sizeof(Datum) * n);
		nulls[c] = palloc0(sizeof(bool) * n);
	}
	for (int i = 0; i < n; i++)
	{
		MemberRow  *row = &work->batch->rows[work->joins[order[i]]];

		values[ID][i] = Int64GetDatum(row->member_id);
		values[SPONSOR][i] = Int64GetDatum(row->sponsor_id);
		nulls[SPONSOR][i] = (row->sponsor_id == MEMBER_NONE);
		values[JOINED][i] = TimestampTzGetDatum(row->joined_at);
		values[PATH][i] = PointerGetDatum(paths[i]);
		values[STATE][i] = CStringGetTextDatum(engine_state_word(row->state));
		values[RANK][i] = PointerGetDatum(row->rank);
		nulls[RANK][i] = (row->rank == NULL);
		values[KEY][i] = PointerGetDatum(row->member_key);
		nulls[KEY][i] = (row->member_key == NULL);
	}
	for (int c = 0; c < NCOLUMNS; c++)
		arrays[c] = program_array(elements[c], values[c], nulls[c], n);

	inserted = program_query(work->program,
							 "WITH n AS ("
							 "   INSERT INTO @member AS m (member_id, sponsor_id, joined_at, path, state, rank, member_key)"
							 "   SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)"
							 "   ON CONFLICT DO NOTHING"
							 "   RETURNING m.member_id, m.sponsor_id, m.joined_at, m.state, m.rank)"
							 " INSERT INTO @member_history (member_id, sponsor_id, valid_from, revision, change, state, rank)"
							 " SELECT n.member_id, n.sponsor_id, n.joined_at, 1, 'join', n.state, n.rank"
							 "   FROM n",
							 NCOLUMNS, types, arrays, NULL, 0);
	for (int c = 0; c < NCOLUMNS; c++)
	{
		pfree(values[c]);
		pfree(nulls[c]);
		pfree(DatumGetPointer(arrays[c]));
	}
	return inserted;
}

/* A member becomes a root because its sponsor cannot be had. */
static void
record_orphan(Work *work, MemberRow *row, const char *problem)
{
	Oid			types[] = {INT8OID, TEXTOID, TEXTOID};
	Datum		values[3];

	values[0] = Int64GetDatum(row->member_id);
	values[1] = row->sponsor_key != NULL ? PointerGetDatum(row->sponsor_key)
		: CStringGetTextDatum(psprintf(INT64_FORMAT, row->sponsor_id));
	values[2] = CStringGetTextDatum(problem);
	program_query(work->program,
				  "INSERT INTO @orphan (member_id, sponsor_key, problem) VALUES ($1, $2, $3)"
				  " ON CONFLICT DO NOTHING",
				  3, types, values, NULL, 0);
	row->sponsor_id = MEMBER_NONE;
	row->sponsor_key = NULL;
	work->batch->orphans++;
}

/*
 * Where the sponsor of moves[i] will be, once all moves are made: its path now,
 * with the part up to the lowest member that moves replaced by where that goes.
 */
static void
find_new_path(Work *work, known_hash *moving, int i)
{
	Move	   *move = &work->moves[i];
	Known	   *sponsor;
	unsigned char *data;
	Size		len;
	Size		suffix = 0;
	Known	   *lowest = NULL;
	RefPath    *base;

	check_stack_depth();
	move->climbing = true;
	if (move->sponsor_id == MEMBER_NONE)
	{
		move->new_path = refpath_append_id(refpath_make(NULL, 0), move->member_id);
		move->climbing = false;
		return;
	}
	sponsor = known_lookup(work->known, move->sponsor_id);
	data = REFPATH_DATA(sponsor->path);
	len = REFPATH_LEN(sponsor->path);
	for (Size at = 0; at < len;)
	{
		int			code = refpath_code_length(data[at]);
		Known	   *other = known_lookup(moving, refpath_decode_id(data + at));

		at += code;
		if (other != NULL)
		{
			lowest = other;
			suffix = at;
		}
	}
	base = sponsor->path;
	if (lowest != NULL)
	{
		Move	   *above = &work->moves[lowest->row];
		unsigned char *joined;

		if (above->climbing)
			ereport(ERROR,
					(errcode(ERRCODE_CHECK_VIOLATION),
					 errmsg("member \"%s\" cannot move below itself or its own downline",
							member_name(&work->batch->rows[known_lookup(work->known, move->member_id)->row])),
					 errdetail("The new sponsor has the path %s.", refpath_to_cstring(refpath_bytes(sponsor->path))),
					 member_errfields(work->program, "member", "member_path_check")));
		if (above->new_path == NULL)
			find_new_path(work, moving, lowest->row);
		joined = palloc(REFPATH_LEN(above->new_path) + len - suffix);
		memcpy(joined, REFPATH_DATA(above->new_path), REFPATH_LEN(above->new_path));
		memcpy(joined + REFPATH_LEN(above->new_path), data + suffix, len - suffix);
		base = refpath_make(joined, REFPATH_LEN(above->new_path) + len - suffix);
	}
	move->new_path = refpath_append_id(base, move->member_id);
	move->climbing = false;
}

static int
deepest_first(const void *a, const void *b)
{
	int			depth_a = path_depth(((const Move *) a)->old_path);
	int			depth_b = path_depth(((const Move *) b)->old_path);

	return (depth_a < depth_b) - (depth_a > depth_b);
}

/*
 * Will the paths below still fit into an index?  They are asked only where
 * they grow: the answer costs a look at the whole team.
 */
static void
check_depth(Work *work, const Move *move)
{
	Oid			types[] = {work->program->refpath, INT4OID};
	Datum		values[2];
	int			growth = (int) REFPATH_LEN(move->new_path) - (int) REFPATH_LEN(move->old_path);

	if (growth <= 0)
		return;
	values[0] = PointerGetDatum(move->old_path);
	values[1] = Int32GetDatum(MEMBER_PATH_BYTES - growth);
	/* the binary form has one byte before those of the path, its version */
	if (program_query(work->program,
					  "SELECT coalesce(m.member_key, m.member_id::text), distributor.depth(m.path), b.bytes"
					  "  FROM @member m"
					  " CROSS JOIN LATERAL (SELECT octet_length(distributor.refpath_send(m.path)) - 1) b(bytes)"
					  " WHERE m.path OPERATOR(distributor.>=) $1"
					  "   AND m.path OPERATOR(distributor.<) distributor.path_upper($1)"
					  "   AND b.bytes > $2"
					  " ORDER BY m.path LIMIT 1",
					  2, types, values, NULL, 1) > 0)
		too_deep_error(TextDatumGetCString(program_get(0, 1, TEXTOID)),
					   DatumGetInt32(program_get(0, 2, INT4OID)) - path_depth(move->old_path) + path_depth(move->new_path),
					   DatumGetInt32(program_get(0, 3, INT4OID)) + growth);
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Make the moves.  The deepest goes first, so that each path is written once:
 * by the lowest member above it that moves.  A path written so can start with
 * no old path of a later move: it passes through that member in its new place.
 */
static void
move_known(Work *work)
{
	known_hash *moving;
	int64	   *moved_ids;
	int			nrejoined = 0;
	Oid			types[] = {work->program->refpath, work->program->refpath, INT8OID, INT8OID};

	if (work->nmoves == 0)
		return;
	moving = known_create(CurrentMemoryContext, work->nmoves, NULL);
	moved_ids = palloc(sizeof(int64) * work->nmoves);
	for (int i = 0; i < work->nmoves; i++)
	{
		Move	   *move = &work->moves[i];
		MemberRow  *row = &work->batch->rows[known_lookup(work->known, move->member_id)->row];
		bool		found;

		if (sponsor_is_unknown(work, row))
		{
			int			offender = row - work->batch->rows;

			if (!work->batch->orphans_root)
				unknown_sponsors_error(work, &offender, 1);
			record_orphan(work, row, "unknown sponsor");
			move->sponsor_id = MEMBER_NONE;
		}
		known_insert(moving, move->member_id, &found)->row = i;
	}
	for (int i = 0; i < work->nmoves; i++)
		if (work->moves[i].new_path == NULL)
			find_new_path(work, moving, i);

	qsort(work->moves, work->nmoves, sizeof(Move), deepest_first);
	for (int i = 0; i < work->nmoves; i++)
	{
		Move	   *move = &work->moves[i];
		Datum		values[4];
		char		nulls[4] = {' ', ' ', ' ', ' '};

		check_depth(work, move);
		values[0] = PointerGetDatum(move->old_path);
		values[1] = PointerGetDatum(move->new_path);
		values[2] = Int64GetDatum(move->member_id);
		values[3] = Int64GetDatum(move->sponsor_id);
		nulls[3] = move->sponsor_id == MEMBER_NONE ? 'n' : ' ';
		work->batch->moved +=
			program_query(work->program,
						  "UPDATE @member m"
						  "   SET path = distributor.graft(m.path, $1, $2),"
						  "       sponsor_id = CASE WHEN m.member_id = $3 THEN $4 ELSE m.sponsor_id END"
						  " WHERE m.path OPERATOR(distributor.>=) $1"
						  "   AND m.path OPERATOR(distributor.<) distributor.path_upper($1)",
						  4, types, values, nulls, 0);
		CHECK_FOR_INTERRUPTS();
		if (move->rejoins)
			nrejoined++;
		else
			moved_ids[i - nrejoined] = move->member_id;
	}
	record_history(work, moved_ids, work->nmoves - nrejoined, "move");
	pfree(moved_ids);
}

/* Set state and rank as the batch says; one that joins again is active. */
static void
change_known(Work *work)
{
	MemberBatch *batch = work->batch;
	Oid			types[] = {INT8OID, TEXTOID};
	Datum		values[2];
	int64	   *rejoined = palloc(sizeof(int64) * Max(work->nstate_ids, 1));
	int64	   *changed = palloc(sizeof(int64) * Max(work->nstate_ids, 1));
	int			nrejoined = 0;
	int			nchanged = 0;

	for (int i = 0; i < work->nstate_ids; i++)
	{
		Known	   *known = known_lookup(work->known, work->state_ids[i]);

		values[0] = Int64GetDatum(known->member_id);
		values[1] = CStringGetTextDatum(engine_state_word(batch->rows[known->row].state));
		program_query(work->program,
					  "UPDATE @member m SET state = $2 WHERE m.member_id = $1",
					  2, types, values, NULL, 0);
		if (member_rejoins(batch, known))
			rejoined[nrejoined++] = known->member_id;
		else
			changed[nchanged++] = known->member_id;
		CHECK_FOR_INTERRUPTS();
	}
	record_history(work, rejoined, nrejoined, "rejoin");
	record_history(work, changed, nchanged, "state");

	for (int i = 0; i < work->nrank_ids; i++)
	{
		Known	   *known = known_lookup(work->known, work->rank_ids[i]);
		text	   *rank = batch->rows[known->row].rank;

		values[0] = Int64GetDatum(known->member_id);
		values[1] = PointerGetDatum(rank);
		program_query(work->program,
					  "UPDATE @member m SET rank = $2 WHERE m.member_id = $1",
					  2, types, values, rank == NULL ? " n" : NULL, 0);
		CHECK_FOR_INTERRUPTS();
	}
	record_history(work, work->rank_ids, work->nrank_ids, "rank");
	pfree(rejoined);
	pfree(changed);
}

/* Each member as it now is, with one revision more; its row is locked by then. */
static void
record_history(Work *work, const int64 *ids, int n, const char *change)
{
	Oid			types[] = {INT8ARRAYOID, TEXTOID};
	Datum		values[2];
	Datum	   *members;

	if (n == 0)
		return;
	members = palloc_extended(sizeof(Datum) * (Size) n, MCXT_ALLOC_HUGE);
	for (int i = 0; i < n; i++)
		members[i] = Int64GetDatum(ids[i]);
	values[0] = program_array(INT8OID, members, NULL, n);
	values[1] = CStringGetTextDatum(change);
	program_query(work->program,
				  "INSERT INTO @member_history (member_id, sponsor_id, valid_from, revision, change, state, rank)"
				  " SELECT m.member_id, m.sponsor_id, greatest(now(), h.valid_from), h.revision + 1, $2, m.state, m.rank"
				  "   FROM @member m"
				  "  CROSS JOIN LATERAL (SELECT l.revision, l.valid_from FROM @member_history l"
				  "                       WHERE l.member_id = m.member_id"
				  "                       ORDER BY l.revision DESC LIMIT 1) h"
				  "  WHERE m.member_id = ANY ($1)",
				  2, types, values, NULL, 0);
	pfree(members);
}

/* As the user writes it. */
const char *
member_name(const MemberRow *row)
{
	if (row->member_key != NULL)
		return text_to_cstring(row->member_key);
	return psprintf(INT64_FORMAT, row->member_id);
}

/* The id of an existing member, by key or, where key is NULL, by id; else MEMBER_NONE. */
int64
member_lookup(Program *program, const text *key, int64 id)
{
	Oid			types[1];
	Datum		value;
	int64		result = MEMBER_NONE;

	types[0] = key != NULL ? TEXTOID : INT8OID;
	value = key != NULL ? PointerGetDatum(key) : Int64GetDatum(id);
	if (program_query(program,
					  key != NULL ? "SELECT m.member_id FROM @member m WHERE m.member_key = $1"
					  : "SELECT m.member_id FROM @member m WHERE m.member_id = $1",
					  1, types, &value, NULL, 1) == 1)
		result = DatumGetInt64(program_get(0, 1, INT8OID));
	return result;
}

void
member_check_moves_allowed(void)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("members cannot be moved in a %s transaction",
						XactIsoLevel == XACT_SERIALIZABLE ? "SERIALIZABLE" : "REPEATABLE READ"),
				 errdetail("Its snapshot may be older than the tree that the move must see."),
				 errhint("Use READ COMMITTED.")));
}

/*
 * For one that the snapshot does not show: not an error of the user's but one
 * to retry, if the member has joined since the snapshot was taken.
 */
void
member_check_newer(Program *program, const text *key, int64 id)
{
	Oid			types[1];
	Datum		value;

	if (!IsolationUsesXactSnapshot())
		return;
	types[0] = key != NULL ? TEXTOID : INT8OID;
	value = key != NULL ? PointerGetDatum(key) : Int64GetDatum(id);
	if (program_query_now(program,
						  key != NULL ? "SELECT FROM @member m WHERE m.member_key = $1"
						  : "SELECT FROM @member m WHERE m.member_id = $1",
						  1, types, &value, NULL, 1) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update"),
				 errdetail("Member \"%s\" joined after the transaction's snapshot was taken.",
						   key != NULL ? text_to_cstring(key) : psprintf(INT64_FORMAT, id)),
				 errhint("Retry the transaction.")));
	SPI_freetuptable(SPI_tuptable);
}

/* Schema, table and constraint for errors of class 23. */
int
member_errfields(Program *program, const char *table, const char *constraint)
{
	err_generic_string(PG_DIAG_SCHEMA_NAME, program->name);
	err_generic_string(PG_DIAG_TABLE_NAME, table);
	err_generic_string(PG_DIAG_CONSTRAINT_NAME, constraint);
	return 0;
}
