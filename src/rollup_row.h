/*
 * rollup_row.h
 *	  A row of a rollup's result, written column by column.
 *
 * A result has a row for each member, so what forming a row costs is most of
 * what a rollup costs: here it is written once, where it stays until the next
 * one, instead of being measured, allocated and copied from its values.
 */
#ifndef DISTRIBUTOR_ROLLUP_ROW_H
#define DISTRIBUTOR_ROLLUP_ROW_H

#include "compat.h"

#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "catalog/pg_type.h"

/*
 * All rows of a result have nulls in the same columns.  Between start and end
 * data[0 .. used) is the row so far: its header, which never changes, and the
 * columns written, in their order; nulls are not written.
 */
typedef struct RollupRow
{
	HeapTupleData tuple;		/* of the row that has ended */
	char	   *data;
	Size		used;
	Size		allocated;
} RollupRow;

extern void rollup_row_begin(RollupRow *row, int ncolumns, const bool *nulls);
extern void rollup_row_start(RollupRow *row);
extern void rollup_row_enlarge(RollupRow *row, Size wanted);
extern void rollup_row_bytes(RollupRow *row, const void *bytes, Size len, char align);
extern HeapTuple rollup_row_end(RollupRow *row);

/* Room for so many bytes, aligned; the padding before them is zero. */
static inline char *
rollup_row_next(RollupRow *row, Size len, char align)
{
	Size		at = att_align_nominal(row->used, align);

	if (at + len > row->allocated)
		rollup_row_enlarge(row, at + len);
	while (row->used < at)
		row->data[row->used++] = 0;
	row->used += len;
	return row->data + at;
}

static inline void
rollup_row_int4(RollupRow *row, int32 value)
{
	memcpy(rollup_row_next(row, sizeof(value), TYPALIGN_INT), &value, sizeof(value));
}

static inline void
rollup_row_int8(RollupRow *row, int64 value)
{
	memcpy(rollup_row_next(row, sizeof(value), TYPALIGN_DOUBLE), &value, sizeof(value));
}

#endif							/* DISTRIBUTOR_ROLLUP_ROW_H */
