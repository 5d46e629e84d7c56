/*
 * member_join.c
 *	  New members of a batch: their order, their paths, and those whose sponsor
 *	  cannot be had.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "forest.h"
#include "member_work.h"
#include "program_total.h"

static int	insert_joined(MemberWork *work, const int *order, RefPath **paths, int n);

int
member_path_depth(RefPath *path)
{
	return refpath_depth_of(REFPATH_DATA(path), REFPATH_LEN(path));
}

void
member_too_deep_error(const char *name, int depth, Size bytes)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("member \"%s\" would be too deep in the tree", name),
			 errdetail("Its path would have %d ids in %zu bytes; at most %d bytes fit into an index.",
					   depth, bytes, MEMBER_PATH_BYTES)));
}

/* A member becomes, or stays, a root because its sponsor cannot be had; listed once. */
void
member_record_orphan(MemberWork *work, MemberRow *row, const char *problem)
{
	Oid			types[] = {INT8OID, TEXTOID, TEXTOID};
	Datum		values[3];

	values[0] = Int64GetDatum(row->member_id);
	values[1] = row->sponsor_key != NULL ? PointerGetDatum(row->sponsor_key)
		: CStringGetTextDatum(psprintf(INT64_FORMAT, row->sponsor_id));
	values[2] = CStringGetTextDatum(problem);
	work->batch->orphans +=
		program_query(work->program,
					  "INSERT INTO @orphan (member_id, sponsor_key, problem)"
					  " SELECT $1, $2, $3"
					  "  WHERE NOT EXISTS (SELECT FROM @orphan o WHERE o.member_id = $1"
					  "                       AND o.sponsor_key = $2 AND o.problem = $3)"
					  " ON CONFLICT DO NOTHING",
					  3, types, values, NULL, 0);
	row->sponsor_id = MEMBER_NONE;
	row->sponsor_key = NULL;
}

void
member_unknown_sponsors_error(MemberWork *work, const int *rows, int n)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < Min(n, MEMBER_NAMED_OFFENDERS); i++)
	{
		MemberRow  *row = &work->batch->rows[rows[i]];

		appendStringInfo(&names, "%s\"%s\" names sponsor \"%s\"", i > 0 ? ", " : "", member_name(row),
						 row->sponsor_key != NULL ? text_to_cstring(row->sponsor_key)
						 : psprintf(INT64_FORMAT, row->sponsor_id));
	}
	if (n > MEMBER_NAMED_OFFENDERS)
		appendStringInfo(&names, " and %d more", n - MEMBER_NAMED_OFFENDERS);
	ereport(ERROR,
			(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
			 errmsg_plural("%d member has an unknown sponsor", "%d members have an unknown sponsor", n, n),
			 errdetail("Member %s.", names.data),
			 work->batch->by_call ? errhint("Add the sponsor first.")
			 : errhint("Add the sponsor first, or attach the table with orphans => 'root'."),
			 member_errfields(work->program, "member", "member_sponsor_id_fkey")));
}

static void
cycle_error(MemberWork *work, const int *parent, int node)
{
	StringInfoData names;
	int			n = 0;
	int			at = node;

	initStringInfo(&names);
	do
	{
		if (n++ < MEMBER_NAMED_OFFENDERS)
			appendStringInfo(&names, "\"%s\" under ", member_name(&work->batch->rows[work->joins[at]]));
		at = parent[at];
	} while (at != node);
	if (n > MEMBER_NAMED_OFFENDERS)
		appendStringInfo(&names, "%d more under ", n - MEMBER_NAMED_OFFENDERS);
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
oldest_of_cycle(MemberWork *work, const int *parent, int node)
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
order_joins(MemberWork *work)
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
		MemberKnown	   *known;

		parent[i] = FOREST_ROOT;
		if (member_sponsor_is_unknown(work, row))
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
		member_unknown_sponsors_error(work, unknown, nunknown);
	for (int i = 0; i < nunknown; i++)
		member_record_orphan(work, &batch->rows[unknown[i]], "unknown sponsor");

	if (forest_order(n, parent, order, cycles, &ncycles) < n)
	{
		if (!batch->orphans_root)
			cycle_error(work, parent, cycles[0]);
		for (int i = 0; i < ncycles; i++)
		{
			int			oldest = oldest_of_cycle(work, parent, cycles[i]);

			member_record_orphan(work, &batch->rows[work->joins[oldest]], "cycle");
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

/* False: some of them have joined meanwhile, by another transaction. */
bool
member_join_new(MemberWork *work)
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
		MemberKnown	   *known;

		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (row->sponsor_id != MEMBER_NONE)
			above = known_lookup(work->known, row->sponsor_id)->path;
		paths[i] = refpath_append_id(above, row->member_id);
		if (REFPATH_LEN(paths[i]) > MEMBER_PATH_BYTES)
			member_too_deep_error(member_name(row), member_path_depth(paths[i]), REFPATH_LEN(paths[i]));
		known = known_lookup(work->known, row->member_id);
		known->path = paths[i];
	}
	for (int start = 0; start < n; start += MEMBER_CHUNK_ROWS)
	{
		int			rows = Min(MEMBER_CHUNK_ROWS, n - start);
		int			inserted;

		inserted = insert_joined(work, order + start, paths + start, rows);
		batch->joined += inserted;
		all = all && inserted == rows;
		if ((start + rows) % MEMBER_PROGRESS_ROWS == 0)
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
insert_joined(MemberWork *work, const int *order, RefPath **paths, int n)
{
	enum
	{
		ID, SPONSOR, JOINED, PATH, STATE, RANK, KEY, NCOLUMNS
	};
	Oid			elements[NCOLUMNS] = {INT8OID, INT8OID, TIMESTAMPTZOID, work->program->refpath, TEXTOID, TEXTOID, TEXTOID};
	Oid			types[NCOLUMNS + 3];
	Datum		arrays[NCOLUMNS + 3];
	char		is_null[NCOLUMNS + 3];
	Datum	   *values[NCOLUMNS];
	bool	   *nulls[NCOLUMNS];
	text	   *period = NULL;
	int			generation = 0;
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
	(void) totals_kept(work->program, &period, &generation);
	memset(is_null, ' ', sizeof(is_null));
	types[NCOLUMNS] = types[NCOLUMNS + 1] = TEXTOID;
	arrays[NCOLUMNS] = PointerGetDatum(period);
	is_null[NCOLUMNS] = period == NULL ? 'n' : ' ';
	arrays[NCOLUMNS + 1] = CStringGetTextDatum(work->program->time_zone);
	types[NCOLUMNS + 2] = INT4OID;
	arrays[NCOLUMNS + 2] = Int32GetDatum(generation);

	inserted = program_query(work->program,
							 "WITH n AS ("
							 "   INSERT INTO @member AS m (member_id, sponsor_id, joined_at, path, state, rank, member_key)"
							 "   SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)"
							 "   ON CONFLICT DO NOTHING"
							 "   RETURNING m.member_id, m.sponsor_id, m.joined_at, m.state, m.rank, m.path),"
							 " totals AS ("
							 "   INSERT INTO @team_delta (generation, path, period, people, sales, volume)"
							 "   SELECT $10, n.path, (date_trunc($8, n.joined_at, $9) AT TIME ZONE $9)::date, 1, 0, 0"
							 "     FROM n WHERE $8 IS NOT NULL)"
							 " INSERT INTO @member_history (member_id, sponsor_id, valid_from, revision, change, state, rank)"
							 " SELECT n.member_id, n.sponsor_id, n.joined_at, 1, 'join', n.state, n.rank"
							 "   FROM n",
							 NCOLUMNS + 3, types, arrays, is_null, 0);
	for (int c = 0; c < NCOLUMNS; c++)
	{
		pfree(values[c]);
		pfree(nulls[c]);
		pfree(DatumGetPointer(arrays[c]));
	}
	return inserted;
}
