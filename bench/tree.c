/*
 * tree.c
 *	  Writes the tree of the benchmarks, one member a line in the order of
 *	  joining: id, sponsor's id (\N for a root), path as text.
 *
 *		tree MEMBERS SEED
 *
 * Two members in a hundred join on their own.  Half of the rest follow an
 * existing edge: they choose a member and join under the same sponsor, so that
 * who has many recruits gets more.  The other half choose a recent member, one
 * of the last tenth.  The same seed gives the same tree on every machine.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ALONE		0.02
#define FOLLOWS		0.5
#define RECENT		0.1

static uint64_t state;

/* splitmix64, as a fraction of 1 */
static double
draw(void)
{
	uint64_t	z = (state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (double) ((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

/* The sponsor of the next member, when 'joined' are there; 0 for a root. */
static int
choose(const int *sponsor, int joined)
{
	int			recent = (int) (joined * RECENT);
	int			other;

	if (joined == 0 || draw() < ALONE)
		return 0;
	if (draw() < FOLLOWS)
	{
		other = 1 + (int) (draw() * joined);
		return sponsor[other] != 0 ? sponsor[other] : other;
	}
	return joined - (int) (draw() * (recent > 0 ? recent : 1));
}

static void
write_path(const int *sponsor, int id, int *upline)
{
	int			depth = 0;

	for (; id != 0; id = sponsor[id])
		upline[depth++] = id;
	while (depth-- > 0)
		printf(depth > 0 ? "%d." : "%d\n", upline[depth]);
}

int
main(int argc, char **argv)
{
	int			members = argc == 3 ? atoi(argv[1]) : 0;
	int		   *sponsor;
	int		   *upline;

	if (members < 1 || members > 100000000)
	{
		fprintf(stderr, "usage: tree MEMBERS SEED\n");
		return 2;
	}
	state = strtoull(argv[2], NULL, 10);
	sponsor = calloc((size_t) members + 1, sizeof(int));
	upline = calloc((size_t) members + 1, sizeof(int));
	if (sponsor == NULL || upline == NULL)
	{
		fprintf(stderr, "out of memory\n");
		return 1;
	}

	for (int id = 1; id <= members; id++)
	{
		sponsor[id] = choose(sponsor, id - 1);
		if (sponsor[id] != 0)
			printf("%d\t%d\t", id, sponsor[id]);
		else
			printf("%d\t\\N\t", id);
		write_path(sponsor, id, upline);
	}
	free(sponsor);
	free(upline);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
