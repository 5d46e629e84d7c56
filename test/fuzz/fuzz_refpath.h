/*
 * fuzz_refpath.h
 *	  The SQL functions of refpath, to be called directly.
 */
#ifndef DISTRIBUTOR_FUZZ_REFPATH_H
#define DISTRIBUTOR_FUZZ_REFPATH_H

#include "refpath.h"

extern Datum refpath_in(PG_FUNCTION_ARGS);
extern Datum refpath_recv(PG_FUNCTION_ARGS);
extern Datum refpath_send(PG_FUNCTION_ARGS);
extern Datum refpath_from_array(PG_FUNCTION_ARGS);
extern Datum refpath_to_array(PG_FUNCTION_ARGS);

extern Datum refpath_op_lt(PG_FUNCTION_ARGS);
extern Datum refpath_op_le(PG_FUNCTION_ARGS);
extern Datum refpath_op_eq(PG_FUNCTION_ARGS);
extern Datum refpath_op_ne(PG_FUNCTION_ARGS);
extern Datum refpath_op_ge(PG_FUNCTION_ARGS);
extern Datum refpath_op_gt(PG_FUNCTION_ARGS);
extern Datum refpath_op_contains(PG_FUNCTION_ARGS);
extern Datum refpath_op_contained(PG_FUNCTION_ARGS);
extern Datum refpath_op_above(PG_FUNCTION_ARGS);
extern Datum refpath_op_below(PG_FUNCTION_ARGS);
extern Datum refpath_fn_lca(PG_FUNCTION_ARGS);
extern Datum refpath_fn_graft(PG_FUNCTION_ARGS);

extern Datum refpath_cmp(PG_FUNCTION_ARGS);
extern Datum refpath_hash(PG_FUNCTION_ARGS);
extern Datum refpath_hash_extended(PG_FUNCTION_ARGS);
extern Datum refpath_sortsupport(PG_FUNCTION_ARGS);

extern Datum refpath_gist_compress(PG_FUNCTION_ARGS);
extern Datum refpath_gist_fetch(PG_FUNCTION_ARGS);
extern Datum refpath_gist_consistent(PG_FUNCTION_ARGS);
extern Datum refpath_gist_distance(PG_FUNCTION_ARGS);
extern Datum refpath_gist_union(PG_FUNCTION_ARGS);
extern Datum refpath_gist_same(PG_FUNCTION_ARGS);
extern Datum refpath_gist_penalty(PG_FUNCTION_ARGS);
extern Datum refpath_gist_picksplit(PG_FUNCTION_ARGS);
extern Datum refpath_gist_sortsupport(PG_FUNCTION_ARGS);

#endif							/* DISTRIBUTOR_FUZZ_REFPATH_H */
