/*
 * fuzz.h
 *	  What the fuzz targets share; see README.md.
 */
#ifndef DISTRIBUTOR_FUZZ_H
#define DISTRIBUTOR_FUZZ_H

#include "compat.h"

/* Values of one input that can be guarded at once, and the bytes of each. */
#define FUZZ_MAX_VALUES		8
#define FUZZ_MAX_BYTES		(64 * 1024)

/*
 * parse turns the input into values and may raise the errors that 'refusals'
 * lists; false: nothing to check.  check may raise none.
 */
typedef struct FuzzTarget
{
	const char *name;
	const int  *refusals;		/* SQLSTATEs, ends with 0 */
	bool		(*parse) (const uint8 *data, Size size);
	void		(*check) (void);
} FuzzTarget;

extern const FuzzTarget fuzz_text;
extern const FuzzTarget fuzz_binary;
extern const FuzzTarget fuzz_plan;

extern unsigned char *fuzz_guarded(int slot, Size size);
extern pg_noreturn void fuzz_found(const char *what, const char *file, int line);

#define FUZZ_HOLDS(condition) \
	do { \
		if (!(condition)) \
			fuzz_found(#condition, __FILE__, __LINE__); \
	} while (0)

#endif							/* DISTRIBUTOR_FUZZ_H */
