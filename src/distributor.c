/*
 * distributor.c
 *	  The module's magic block and its start; everything else has a file of its
 *	  own.
 */
#include "compat.h"

#include "refpath_gistcost.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	refpath_gistcost_init();
}
