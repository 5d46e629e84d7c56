/*
 * plan_time.c
 *	  A moment as a plan and a sale write it: "2026-11-11T10:00:00+08:00".
 *
 * Not the server's timestamptz input: that depends on TimeZone and DateStyle,
 * and takes "tomorrow".  Here the offset is required, and nothing is guessed.
 */
#include "compat.h"

#include "utils/datetime.h"

#include "plan.h"

typedef struct Scan
{
	const char *next;
	const char *end;
} Scan;

/* Exactly so many digits. */
static bool
scan_digits(Scan *scan, int ndigits, int *result)
{
	*result = 0;
	if (scan->end - scan->next < ndigits)
		return false;
	for (int i = 0; i < ndigits; i++)
	{
		char		c = *scan->next++;

		if (c < '0' || c > '9')
			return false;
		*result = *result * 10 + (c - '0');
	}
	return true;
}

static bool
scan_char(Scan *scan, char wanted)
{
	if (scan->next == scan->end || *scan->next != wanted)
		return false;
	scan->next++;
	return true;
}

static bool
scan_date(Scan *scan, int64 *days)
{
	int			year;
	int			month;
	int			day;

	if (!scan_digits(scan, 4, &year) || !scan_char(scan, '-') ||
		!scan_digits(scan, 2, &month) || !scan_char(scan, '-') ||
		!scan_digits(scan, 2, &day))
		return false;
	if (year < 1 || month < 1 || month > MONTHS_PER_YEAR ||
		day < 1 || day > day_tab[isleap(year)][month - 1])
		return false;
	*days = (int64) date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
	return true;
}

/* ".5", up to microseconds */
static bool
scan_fraction(Scan *scan, int64 *microseconds)
{
	int64		unit = USECS_PER_SEC;

	while (scan->next < scan->end && *scan->next >= '0' && *scan->next <= '9')
	{
		unit /= 10;
		if (unit == 0)
			return false;
		*microseconds += (*scan->next++ - '0') * unit;
	}
	return unit < USECS_PER_SEC;
}

/* Hours and minutes; seconds and their fraction may be left out. */
static bool
scan_time(Scan *scan, int64 *microseconds)
{
	int			hours;
	int			minutes;
	int			seconds = 0;

	*microseconds = 0;
	if (!scan_digits(scan, 2, &hours) || !scan_char(scan, ':') ||
		!scan_digits(scan, 2, &minutes))
		return false;
	if (scan_char(scan, ':'))
	{
		if (!scan_digits(scan, 2, &seconds))
			return false;
		if (scan_char(scan, '.') && !scan_fraction(scan, microseconds))
			return false;
	}
	if (hours >= HOURS_PER_DAY || minutes >= MINS_PER_HOUR || seconds >= SECS_PER_MINUTE)
		return false;
	*microseconds += hours * USECS_PER_HOUR + minutes * USECS_PER_MINUTE +
		seconds * USECS_PER_SEC;
	return true;
}

/* "Z", "+08", "-03:30": how far local time is ahead */
static bool
scan_offset(Scan *scan, int64 *microseconds)
{
	bool		negative;
	int			hours;
	int			minutes = 0;

	*microseconds = 0;
	if (scan_char(scan, 'Z'))
		return true;
	negative = scan_char(scan, '-');
	if (!negative && !scan_char(scan, '+'))
		return false;
	if (!scan_digits(scan, 2, &hours))
		return false;
	if (scan_char(scan, ':') && !scan_digits(scan, 2, &minutes))
		return false;
	if (hours > MAX_TZDISP_HOUR || minutes >= MINS_PER_HOUR)
		return false;
	*microseconds = hours * USECS_PER_HOUR + minutes * USECS_PER_MINUTE;
	if (negative)
		*microseconds = -*microseconds;
	return true;
}

/* Years 1 to 9999; every such moment is a valid timestamp. */
bool
plan_parse_time(const char *text, int len, TimestampTz *result)
{
	Scan		scan = {text, text + len};
	int64		days;
	int64		time;
	int64		offset;

	if (!scan_date(&scan, &days))
		return false;
	if (!scan_char(&scan, 'T') && !scan_char(&scan, ' '))
		return false;
	if (!scan_time(&scan, &time) || !scan_offset(&scan, &offset))
		return false;
	if (scan.next != scan.end)
		return false;
	*result = days * USECS_PER_DAY + time - offset;
	return true;
}
