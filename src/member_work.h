/*
 * member_work.h
 *	  What the files that apply one batch of members share.
 *
 * program_member.c finds out what a batch means, member_join.c lets new
 * members join, member_move.c moves the others.
 */
#ifndef DISTRIBUTOR_MEMBER_WORK_H
#define DISTRIBUTOR_MEMBER_WORK_H

#include "common/hashfn.h"

#include "program_member.h"

/* Rows sent to the server in one statement, and between two progress reports. */
#define MEMBER_CHUNK_ROWS		20000
#define MEMBER_PROGRESS_ROWS	200000
/* How many offenders a message names. */
#define MEMBER_NAMED_OFFENDERS	5

/* What is known of a member before the batch: by id. */
typedef struct MemberKnown
{
	int64		member_id;
	int			row;			/* in the batch; -1: only somebody's sponsor */
	bool		exists;			/* in the table; the fields below are set */
	EngineState state;
	int64		sponsor_id;
	RefPath    *path;
	text	   *rank;
	char		status;
} MemberKnown;

#define SH_PREFIX known
#define SH_ELEMENT_TYPE MemberKnown
#define SH_KEY_TYPE int64
#define SH_KEY member_id
#define SH_HASH_KEY(tb, key) ((uint32) hash_bytes_extended((const unsigned char *) &(key), sizeof(int64), 0))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* A member that goes below another sponsor. */
typedef struct MemberMove
{
	int64		member_id;
	int64		sponsor_id;
	RefPath    *old_path;
	RefPath    *new_path;		/* NULL until known */
	bool		climbing;
	bool		rejoins;
} MemberMove;

typedef struct MemberWork
{
	Program    *program;
	MemberBatch *batch;
	known_hash *known;
	int		   *joins;			/* rows of the batch that are new */
	int			njoins;
	MemberMove *moves;
	int			nmoves;
	int64	   *state_ids;		/* members whose state or rank changed */
	int			nstate_ids;
	int64	   *rank_ids;
	int			nrank_ids;
} MemberWork;

/* program_member.c */
extern bool member_sponsor_is_unknown(MemberWork *work, const MemberRow *row);
extern void member_record_history(MemberWork *work, const int64 *ids, int n, const char *change);

/* member_join.c */
extern bool member_join_new(MemberWork *work);
extern void member_unknown_sponsors_error(MemberWork *work, const int *rows, int n);
extern void member_record_orphan(MemberWork *work, MemberRow *row, const char *problem);
extern int	member_path_depth(RefPath *path);
extern void member_too_deep_error(const char *name, int depth, Size bytes);

/* member_move.c */
extern void member_move_known(MemberWork *work);

#endif							/* DISTRIBUTOR_MEMBER_WORK_H */
