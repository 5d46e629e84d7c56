/*
 * member_move.c
 *	  Members of a batch that go below another sponsor, with their teams.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "member_work.h"
#include "program_total.h"

/*
 * Where the sponsor of moves[i] will be, once all moves are made: its path now,
 * with the part up to the lowest member that moves replaced by where that goes.
 */
static void
find_new_path(MemberWork *work, known_hash *moving, int i)
{
	MemberMove	   *move = &work->moves[i];
	MemberKnown	   *sponsor;
	unsigned char *data;
	Size		len;
	Size		suffix = 0;
	MemberKnown	   *lowest = NULL;
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
		MemberKnown	   *other = known_lookup(moving, refpath_decode_id(data + at));

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
		MemberMove	   *above = &work->moves[lowest->row];
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
	int			depth_a = member_path_depth(((const MemberMove *) a)->old_path);
	int			depth_b = member_path_depth(((const MemberMove *) b)->old_path);

	return (depth_a < depth_b) - (depth_a > depth_b);
}

/*
 * Will the paths below still fit into an index?  They are asked only where
 * they grow: the answer costs a look at the whole team.
 */
static void
check_depth(MemberWork *work, const MemberMove *move)
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
		member_too_deep_error(TextDatumGetCString(program_get(0, 1, TEXTOID)),
					   DatumGetInt32(program_get(0, 2, INT4OID)) - member_path_depth(move->old_path) + member_path_depth(move->new_path),
					   DatumGetInt32(program_get(0, 3, INT4OID)) + growth);
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Make the moves.  The deepest goes first, so that each path is written once:
 * by the lowest member above it that moves.  A path written so can start with
 * no old path of a later move: it passes through that member in its new place.
 */
void
member_move_known(MemberWork *work)
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
		MemberMove	   *move = &work->moves[i];
		MemberRow  *row = &work->batch->rows[known_lookup(work->known, move->member_id)->row];
		bool		found;

		if (member_sponsor_is_unknown(work, row))
		{
			int			offender = row - work->batch->rows;

			if (!work->batch->orphans_root)
				member_unknown_sponsors_error(work, &offender, 1);
			member_record_orphan(work, row, "unknown sponsor");
			move->sponsor_id = MEMBER_NONE;
		}
		known_insert(moving, move->member_id, &found)->row = i;
	}
	for (int i = 0; i < work->nmoves; i++)
		if (work->moves[i].new_path == NULL)
			find_new_path(work, moving, i);

	qsort(work->moves, work->nmoves, sizeof(MemberMove), deepest_first);
	for (int i = 0; i < work->nmoves; i++)
	{
		MemberMove	   *move = &work->moves[i];
		Datum		values[4];
		char		nulls[4] = {' ', ' ', ' ', ' '};

		check_depth(work, move);
		totals_of_move(work->program, move->old_path, move->new_path);
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
	member_record_history(work, moved_ids, work->nmoves - nrejoined, "move");
	pfree(moved_ids);
}
