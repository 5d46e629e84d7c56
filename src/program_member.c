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
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "member_work.h"


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

static void resolve_keys(MemberWork *work);
static void index_batch(MemberWork *work);
static void load_known(MemberWork *work);
static void classify(MemberWork *work);
static void change_known(MemberWork *work);

void
members_apply(Program *program, void *arg)
{
	MemberBatch *batch = arg;
	MemberWork		work = {.program = program,.batch = batch};
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
		else if (member_join_new(&work))
			break;
	}
	member_move_known(&work);
	change_known(&work);
}

/*
 * Keys to numbers, where rows have keys: those of the table, then those of the batch, then new ones.
 * Sponsors that nobody knows keep MEMBER_NONE and their key.
 */
static void
resolve_keys(MemberWork *work)
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
index_batch(MemberWork *work)
{
	MemberBatch *batch = work->batch;
	bool		found;

	work->known = known_create(CurrentMemoryContext, batch->n, NULL);
	for (int i = 0; i < batch->n; i++)
	{
		MemberRow  *row = &batch->rows[i];
		MemberKnown	   *known;

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
			MemberKnown	   *known = known_insert(work->known, batch->rows[i].sponsor_id, &found);

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
load_known(MemberWork *work)
{
	int			nids = 0;
	Datum	   *ids = palloc_extended(sizeof(Datum) * (Size) Max(work->known->members, 1), MCXT_ALLOC_HUGE);
	known_iterator it;
	MemberKnown	   *known;
	Oid			types[] = {INT8ARRAYOID};

	known_start_iterate(work->known, &it);
	while ((known = known_iterate(work->known, &it)) != NULL)
	{
		known->exists = false;
		ids[nids++] = Int64GetDatum(known->member_id);
	}
	for (int start = 0; start < nids; start += MEMBER_CHUNK_ROWS)
	{
		Datum		array = program_array(INT8OID, ids + start, NULL, Min(MEMBER_CHUNK_ROWS, nids - start));
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
bool
member_sponsor_is_unknown(MemberWork *work, const MemberRow *row)
{
	MemberKnown	   *known;

	if (row->sponsor_id == MEMBER_NONE)
		return row->sponsor_key != NULL;
	known = known_lookup(work->known, row->sponsor_id);
	return known == NULL || (!known->exists && known->row < 0);
}

/*
 * A root whose sponsor cannot be had, and stays a root: where orphans become
 * roots, and are listed.
 */
static bool
stays_root(MemberWork *work, MemberRow *row, const MemberKnown *known)
{
	MemberKnown *sponsor;

	if (!work->batch->orphans_root || known->sponsor_id != MEMBER_NONE)
		return false;
	if (member_sponsor_is_unknown(work, row))
	{
		member_record_orphan(work, row, "unknown sponsor");
		return true;
	}
	if (row->sponsor_id == MEMBER_NONE)
		return false;
	sponsor = known_lookup(work->known, row->sponsor_id);
	if (!sponsor->exists || !refpath_has_id(sponsor->path, row->member_id))
		return false;
	member_record_orphan(work, row, "cycle");
	return true;
}

/* Does the row want another sponsor than the member has? */
static bool
sponsor_differs(MemberWork *work, MemberRow *row, const MemberKnown *known)
{
	if (stays_root(work, row, known))
		return false;
	return member_sponsor_is_unknown(work, row) || row->sponsor_id != known->sponsor_id;
}

/*
 * One that has left comes back by joining again, or by standing in the table
 * that keeps the tree, unless the table says itself who has left.
 */
static bool
member_rejoins(const MemberBatch *batch, const MemberKnown *known)
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
check_same_rank(MemberWork *work, const MemberRow *row, const MemberKnown *known)
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
classify_known(MemberWork *work, MemberRow *row, const MemberKnown *known)
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
		work->moves[work->nmoves++] = (MemberMove)
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
classify(MemberWork *work)
{
	MemberBatch *batch = work->batch;

	if (work->joins == NULL)
	{
		work->joins = palloc_extended(sizeof(int) * (Size) batch->n, MCXT_ALLOC_HUGE);
		work->moves = palloc_extended(sizeof(MemberMove) * (Size) batch->n, MCXT_ALLOC_HUGE);
		work->state_ids = palloc_extended(sizeof(int64) * (Size) batch->n, MCXT_ALLOC_HUGE);
		work->rank_ids = palloc_extended(sizeof(int64) * (Size) batch->n, MCXT_ALLOC_HUGE);
	}
	work->njoins = work->nmoves = work->nstate_ids = work->nrank_ids = 0;
	for (int i = 0; i < batch->n; i++)
	{
		MemberKnown	   *known = known_lookup(work->known, batch->rows[i].member_id);

		if (known != NULL && known->exists)
			classify_known(work, &batch->rows[i], known);
		else if (batch->event != MEMBER_CHANGES)
			work->joins[work->njoins++] = i;
	}
}

/* Set state and rank as the batch says; one that joins again is active. */
static void
change_known(MemberWork *work)
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
		MemberKnown	   *known = known_lookup(work->known, work->state_ids[i]);

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
	member_record_history(work, rejoined, nrejoined, "rejoin");
	member_record_history(work, changed, nchanged, "state");

	for (int i = 0; i < work->nrank_ids; i++)
	{
		MemberKnown	   *known = known_lookup(work->known, work->rank_ids[i]);
		text	   *rank = batch->rows[known->row].rank;

		values[0] = Int64GetDatum(known->member_id);
		values[1] = PointerGetDatum(rank);
		program_query(work->program,
					  "UPDATE @member m SET rank = $2 WHERE m.member_id = $1",
					  2, types, values, rank == NULL ? " n" : NULL, 0);
		CHECK_FOR_INTERRUPTS();
	}
	member_record_history(work, work->rank_ids, work->nrank_ids, "rank");
	pfree(rejoined);
	pfree(changed);
}

/* Each member as it now is, with one revision more; its row is locked by then. */
void
member_record_history(MemberWork *work, const int64 *ids, int n, const char *change)
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
