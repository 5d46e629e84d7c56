/*
 * refpath_gistcost.h
 *	  Costs of GiST indexes on refpath, set up once in each server process.
 */
#ifndef DISTRIBUTOR_REFPATH_GISTCOST_H
#define DISTRIBUTOR_REFPATH_GISTCOST_H

extern void refpath_gistcost_init(void);

#endif							/* DISTRIBUTOR_REFPATH_GISTCOST_H */
