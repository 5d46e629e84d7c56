/*
 * rollup_row.c
 *	  A row of a rollup's result, written column by column.
 *
 * The layout is that of every row in a table: columns aligned as their types
 * say, padded with zeros, a varlena of up to 126 bytes with a header of one
 * byte and not aligned.
 */
#include "compat.h"

#include "utils/memutils.h"

#include "rollup_row.h"

#define FIRST_SIZE				1024

/* Without the nulls at its end, as a row from before ALTER TABLE ADD COLUMN. */
static int
stored_columns(int ncolumns, const bool *nulls)
{
	while (ncolumns > 0 && nulls[ncolumns - 1])
		ncolumns--;
	return ncolumns;
}

/* The header of all rows; what row points to is in the current context. */
void
rollup_row_begin(RollupRow *row, int ncolumns, const bool *nulls)
{
	int			nstored = stored_columns(ncolumns, nulls);
	bool		has_nulls = false;
	HeapTupleHeader header;
	int			offset;

	for (int i = 0; i < nstored; i++)
		has_nulls |= nulls[i];
	offset = MAXALIGN(SizeofHeapTupleHeader + (has_nulls ? BITMAPLEN(nstored) : 0));

	row->allocated = FIRST_SIZE;
	row->data = palloc0(row->allocated);
	header = (HeapTupleHeader) row->data;
	HeapTupleHeaderSetNatts(header, nstored);
	header->t_infomask = HEAP_HASVARWIDTH | (has_nulls ? HEAP_HASNULL : 0);
	header->t_hoff = offset;
	for (int i = 0; has_nulls && i < nstored; i++)
		if (!nulls[i])
			header->t_bits[i >> 3] |= 1 << (i & 7);
	memset(&row->tuple, 0, sizeof(HeapTupleData));
	ItemPointerSetInvalid(&row->tuple.t_self);
}

void
rollup_row_start(RollupRow *row)
{
	row->used = ((HeapTupleHeader) row->data)->t_hoff;
}

/* Makes data at least so large. */
void
rollup_row_enlarge(RollupRow *row, Size wanted)
{
	if (!AllocSizeIsValid(wanted))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a member's row of the rollup is too large"),
				 errdetail("It would take more than %zu bytes.", (Size) MaxAllocSize)));
	row->allocated = Min(Max(wanted, 2 * row->allocated), MaxAllocSize);
	row->data = repalloc(row->data, row->allocated);
}

/* A varlena of these bytes; align is that of its type. */
void
rollup_row_bytes(RollupRow *row, const void *bytes, Size len, char align)
{
	char	   *column;

	if (len + VARHDRSZ_SHORT <= VARATT_SHORT_MAX)
	{
		column = rollup_row_next(row, VARHDRSZ_SHORT + len, TYPALIGN_CHAR);
		SET_VARSIZE_SHORT(column, VARHDRSZ_SHORT + len);
		memcpy(column + VARHDRSZ_SHORT, bytes, len);
	}
	else
	{
		column = rollup_row_next(row, VARHDRSZ + len, align);
		SET_VARSIZE(column, VARHDRSZ + len);
		memcpy(column + VARHDRSZ, bytes, len);
	}
}

/* The row, as it lies here until the next one is started. */
HeapTuple
rollup_row_end(RollupRow *row)
{
	row->tuple.t_len = row->used;
	row->tuple.t_data = (HeapTupleHeader) row->data;
	return &row->tuple;
}
