/*
 * forest.c
 *	  Ordering a set of (node, parent) pairs so that parents come first.
 */
#include "compat.h"

#include "miscadmin.h"

#include "forest.h"

typedef enum Mark
{
	UNSEEN,
	CLIMBED,					/* on the way up that is being climbed */
	PLACED,						/* in order */
	LOST						/* on a cycle, or below one */
} Mark;

/*
 * From each node climb until something known is met, then turn round: each
 * node is climbed and placed once, without recursion.
 */
int
forest_order(int n, const int *parent, int *order, int *cycles, int *ncycles)
{
	uint8	   *mark = palloc_extended(Max(n, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	int		   *climb = palloc_extended(sizeof(int) * (Size) Max(n, 1), MCXT_ALLOC_HUGE);
	int			placed = 0;

	*ncycles = 0;
	for (int start = 0; start < n; start++)
	{
		int			height = 0;
		int			node = start;
		bool		lost;

		if ((start & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		while (node != FOREST_ROOT && mark[node] == UNSEEN)
		{
			mark[node] = CLIMBED;
			climb[height++] = node;
			node = parent[node];
		}
		lost = (node != FOREST_ROOT && mark[node] != PLACED);
		if (lost && mark[node] == CLIMBED)
			cycles[(*ncycles)++] = node;
		while (height > 0)
		{
			node = climb[--height];
			mark[node] = lost ? LOST : PLACED;
			if (!lost)
				order[placed++] = node;
		}
	}
	pfree(climb);
	pfree(mark);
	return placed;
}
