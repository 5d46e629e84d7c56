/*
 * engine_stub.c
 *	  Kinds of rule that do not calculate yet.
 */
#include "compat.h"

#include "engine_run.h"

#define NOT_YET(kind) \
void \
engine_run_##kind(EngineRun *run) \
{ \
	ereport(ERROR, \
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED), \
			 errmsg("rules of the kind \"%s\" do not calculate yet", #kind))); \
}

NOT_YET(differential)
NOT_YET(peer)
NOT_YET(split)
NOT_YET(override)
NOT_YET(pass_up)
NOT_YET(rotation)
