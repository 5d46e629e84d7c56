/*
 * rollup_state.h
 *	  What is to be rolled up, as one value that can be sent and combined.
 *
 * Where a table lies on several nodes, or its parts are scanned by several
 * processes, each adds up its own rows by path, and the states are joined.
 * The state is a bytea, all of it independent of the machine:
 *
 *		1 byte		format version
 *		1 byte		columns of volumes
 *		4 bytes		bytes in use, from the first on; big endian
 *		4 bytes		how many that were when it was last sorted
 *		entries		each: length of the path, path, rows, volumes
 *		spare		room for further entries, so that adding one is cheap
 *
 * Lengths, rows and units are in groups of 7 bits, least first.  A volume is
 * its scale and its units, the sign in the lowest bit; or, if it does not fit
 * 64 bits, STATE_LARGE, the length of its decimal text, and the text.
 *
 * A sorted state has one entry a path, in their order, and nothing to spare:
 * the same rows give the same bytes, in whatever order they came.
 *
 * Anybody can pass any bytea: a reader believes none of this before it has
 * looked, and raises an error (22P03; 22P02 for the text of a number) where it
 * is not so.
 */
#ifndef DISTRIBUTOR_ROLLUP_STATE_H
#define DISTRIBUTOR_ROLLUP_STATE_H

#include "compat.h"

#include "rollup.h"

extern bytea *rollup_state_new(int ncolumns);
extern int	rollup_state_columns(const bytea *state);
extern bytea *rollup_state_add(bytea *state, bool in_place, RefPathBytes path,
							   const MoneySum *volumes);
extern bytea *rollup_state_join(bytea *state, bool in_place, const bytea *other);
extern bytea *rollup_state_sorted(const bytea *state);
extern void rollup_state_run(const bytea *state, Rollup *rollup);

#endif							/* DISTRIBUTOR_ROLLUP_STATE_H */
