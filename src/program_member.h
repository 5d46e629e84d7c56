/*
 * program_member.h
 *	  Joining, moving and changing the members of a program, in batches.
 */
#ifndef DISTRIBUTOR_PROGRAM_MEMBER_H
#define DISTRIBUTOR_PROGRAM_MEMBER_H

#include "engine.h"
#include "program.h"

#define MEMBER_NONE (-1)		/* no member: ids are 0 .. 2^63-1 */

/*
 * One member as somebody reports it.  In a program of text keys the caller
 * fills the keys and the ids follow; otherwise the ids, and the keys stay NULL.
 */
typedef struct MemberRow
{
	int64		member_id;
	text	   *member_key;
	int64		sponsor_id;		/* MEMBER_NONE: a root */
	text	   *sponsor_key;
	TimestampTz joined_at;
	text	   *rank;
	EngineState state;
} MemberRow;

typedef enum MemberEvent
{
	MEMBER_JOINS,				/* rows are new; one that exists must be the same */
	MEMBER_SYNC,				/* rows may be new, the others move and change */
	MEMBER_CHANGES				/* rows that do not exist are passed over */
} MemberEvent;

typedef struct MemberBatch
{
	MemberEvent event;
	int			n;
	int			room;			/* that rows has, where it grows */
	MemberRow  *rows;
	bool		sets_sponsor;	/* which columns of the rows mean something */
	bool		sets_rank;
	bool		sets_state;
	bool		by_call;		/* of one member, not a table's */
	bool		orphans_root;	/* unknown sponsors and cycles make roots */
	int			move_timeout;	/* of the tree's lock, ms; 0: as the session has it */
	/* results */
	int64		joined;
	int64		moved;			/* members whose path changed */
	int64		orphans;
} MemberBatch;

/*
 * A path longer than this fits no index page of a B-tree; in ids of four bytes
 * that is a depth of 640.
 */
#define MEMBER_PATH_BYTES 2560

/* bodies for program_as_owner; arg is a MemberBatch */
extern void members_apply(Program *program, void *arg);

extern const char *member_name(const MemberRow *row);
extern int64 member_lookup(Program *program, const text *key, int64 id);
extern void member_check_moves_allowed(void);
extern void member_check_newer(Program *program, const text *key, int64 id);
extern int	member_errfields(Program *program, const char *table, const char *constraint);

#endif							/* DISTRIBUTOR_PROGRAM_MEMBER_H */
