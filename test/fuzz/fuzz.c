/*
 * fuzz.c
 *	  Runs libFuzzer inside a backend, over one of the targets.
 */
#include "compat.h"

#include <sys/mman.h>
#include <unistd.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "fuzz.h"

PG_FUNCTION_INFO_V1(fuzz_run);

/* More than one vector load. */
#define UNGUARDED_GAP	128

extern int	LLVMFuzzerRunDriver(int *argc, char ***argv,
								int (*callback) (const uint8_t *data, size_t size));

static const FuzzTarget *const targets[] = {
	&fuzz_text, &fuzz_binary, &fuzz_plan, NULL
};

static const FuzzTarget *target;
static MemoryContext run_context;
static bool guarding;

void
fuzz_found(const char *what, const char *file, int line)
{
	fprintf(stderr, "FOUND: %s does not hold (%s:%d)\n", what, file, line);
	abort();
}

/*
 * Memory that ends where the next page cannot be read, so that one byte too
 * many is a crash.  A slot holds one value at a time.
 *
 * The C library's vector instructions are slow there, so only inputs of every
 * eighth size get it; what an input gets is always the same.
 */
unsigned char *
fuzz_guarded(int slot, Size size)
{
	static unsigned char *slots[FUZZ_MAX_VALUES];

	if (slot >= FUZZ_MAX_VALUES || size > FUZZ_MAX_BYTES - UNGUARDED_GAP)
		elog(PANIC, "no guarded memory of %zu bytes in slot %d", size, slot);
	if (slots[slot] == NULL)
	{
		Size		guard = sysconf(_SC_PAGESIZE);
		unsigned char *start = mmap(NULL, FUZZ_MAX_BYTES + guard, PROT_READ | PROT_WRITE,
									MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (start == MAP_FAILED || mprotect(start + FUZZ_MAX_BYTES, guard, PROT_NONE) != 0)
			elog(PANIC, "could not map guarded memory: %m");
		slots[slot] = start;
	}
	return slots[slot] + FUZZ_MAX_BYTES - size - (guarding ? 0 : UNGUARDED_GAP);
}

static bool
is_refusal(int sqlstate)
{
	for (const int *refusal = target->refusals; *refusal != 0; refusal++)
		if (*refusal == sqlstate)
			return true;
	return false;
}

/* What the target itself refuses is no finding; any other error is. */
static int
run_one(const uint8_t *data, size_t size)
{
	MemoryContext old = MemoryContextSwitchTo(run_context);
	volatile bool parsed = false;

	guarding = size % 8 == 0;
	PG_TRY();
	{
		parsed = target->parse(data, size);
		if (parsed)
			target->check();
	}
	PG_CATCH();
	{
		if (parsed || !is_refusal(geterrcode()))
		{
			EmitErrorReport();
			fuzz_found("every error is a refusal of the input", __FILE__, __LINE__);
		}
		FlushErrorState();
	}
	PG_END_TRY();

	MemoryContextReset(run_context);
	MemoryContextSwitchTo(old);
	return 0;
}

/*
 * fuzz_run(target text, options text[]): libFuzzer's own options.  It ends the
 * process when it is done.
 */
Datum
fuzz_run(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Datum	   *options;
	char	  **argv;
	int			argc;

	for (int i = 0; targets[i] != NULL; i++)
		if (strcmp(targets[i]->name, name) == 0)
			target = targets[i];
	if (target == NULL)
		elog(ERROR, "there is no fuzz target \"%s\"", name);

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT,
					  &options, NULL, &argc);
	argv = palloc(sizeof(char *) * (argc + 2));
	argv[0] = name;
	for (int i = 0; i < argc; i++)
		argv[i + 1] = TextDatumGetCString(options[i]);
	argc++;
	argv[argc] = NULL;

	run_context = AllocSetContextCreate(TopMemoryContext, "fuzz run", ALLOCSET_DEFAULT_SIZES);
	(void) LLVMFuzzerRunDriver(&argc, &argv, run_one);
	PG_RETURN_VOID();
}
