/*
 * forest.h
 *	  Ordering a set of (node, parent) pairs so that parents come first.
 *
 * Layer 2: no table, no SPI.
 */
#ifndef DISTRIBUTOR_FOREST_H
#define DISTRIBUTOR_FOREST_H

#include "compat.h"

#define FOREST_ROOT (-1)

/*
 * Nodes are 0 .. n-1, parent[i] is a node or FOREST_ROOT.  Writes to order the
 * nodes that hang off a root, parents first, and returns how many they are.
 * The others form cycles, or hang off one: cycles receives one node of each
 * cycle, and *ncycles their number.  Both arrays have room for n.
 */
extern int	forest_order(int n, const int *parent, int *order, int *cycles, int *ncycles);

#endif							/* DISTRIBUTOR_FOREST_H */
