/*
 * distributor.c
 *	  The module's magic block; everything else has a file of its own.
 */
#include "compat.h"

PG_MODULE_MAGIC;
