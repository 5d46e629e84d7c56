/*
 * program_cut.h
 *	  An entry of the ledger below which nothing is added any more.
 */
#ifndef DISTRIBUTOR_PROGRAM_CUT_H
#define DISTRIBUTOR_PROGRAM_CUT_H

#include "program.h"

/* What only one session at a time does to a program; see program_lock_work(). */
typedef enum ProgramWork
{
	WORK_FOLD,
	WORK_CLOSE
} ProgramWork;

extern bool program_lock_work(Program *program, ProgramWork work, bool wait);
extern int64 program_cut(Program *program);
extern void program_wait_for_writers(Program *program, ProgramTable table);
extern void program_check_newest(const char *what);

#endif							/* DISTRIBUTOR_PROGRAM_CUT_H */
