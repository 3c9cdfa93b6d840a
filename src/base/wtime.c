#include "config.h"

#include "base/wtime.h"

#define MS_PER_DAY 86400000
#define DAYS_PER_ERA 146097 /* 400 years */
#define EPOCH_DAY 719468    /* 1970-01-01, counted from 0000-03-01 */

/* 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z, beyond which
 * RFC 3339 has no text. */
#define WALL_MIN (-62167219200000)
#define WALL_MAX 253402300799999

struct civil {
	int year;
	unsigned month; /* 1..12 */
	unsigned day;   /* 1..31 */
};

/* Years here begin in March: the leap day is then the last one, and needs no
 * case of its own. Days are never negative: WALL_MIN is a day of year -1 in
 * that count, so that one era is added. */
static struct civil
civil_of_day(int64_t day)
{
	uint64_t z = (uint64_t)(day + EPOCH_DAY + DAYS_PER_ERA);
	uint64_t era = z / DAYS_PER_ERA;
	unsigned doe = (unsigned)(z % DAYS_PER_ERA);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;
	struct civil c;

	c.day = doy - (153 * mp + 2) / 5 + 1;
	c.month = mp < 10 ? mp + 3 : mp - 9;
	c.year = (int)yoe + ((int)era - 1) * 400 + (c.month <= 2 ? 1 : 0);
	return c;
}

static int64_t
civil_to_day(struct civil c)
{
	unsigned y = (unsigned)(c.year + 400 - (c.month <= 2 ? 1 : 0));
	unsigned era = y / 400;
	unsigned yoe = y % 400;
	unsigned mp = c.month > 2 ? c.month - 3 : c.month + 9;
	unsigned doy = (153 * mp + 2) / 5 + c.day - 1;
	unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return (int64_t)era * DAYS_PER_ERA + doe - EPOCH_DAY - DAYS_PER_ERA;
}

/* Writes the last width digits of v, and then the character that follows. */
static char *
digits_put(char *p, unsigned v, size_t width, char after)
{
	for (size_t i = width; i > 0; i--) {
		p[i - 1] = (char)('0' + v % 10);
		v /= 10;
	}
	p[width] = after;
	return p + width + 1;
}

char *
wtime_format(int64_t wall_ms, char buf[WTIME_TEXT])
{
	char *p = buf;
	int64_t day;
	unsigned ms;
	struct civil c;

	wall_ms = MAX_OF(wall_ms, WALL_MIN);
	wall_ms = MIN_OF(wall_ms, WALL_MAX);
	day = wall_ms / MS_PER_DAY;
	if (wall_ms % MS_PER_DAY < 0)
		day--;
	ms = (unsigned)(wall_ms - day * MS_PER_DAY);
	c = civil_of_day(day);
	p = digits_put(p, (unsigned)c.year, 4, '-');
	p = digits_put(p, c.month, 2, '-');
	p = digits_put(p, c.day, 2, 'T');
	p = digits_put(p, ms / 3600000, 2, ':');
	p = digits_put(p, ms / 60000 % 60, 2, ':');
	p = digits_put(p, ms / 1000 % 60, 2, '.');
	p = digits_put(p, ms % 1000, 3, 'Z');
	*p = '\0';
	return buf;
}

/* Exactly n digits off the front of *s. */
static int
digits_cut(struct span *s, size_t n, unsigned max, unsigned *ret)
{
	uint64_t v;

	if (s->n < n || span_dec(span_of(s->p, n), max, &v) < 0)
		return -1;
	s->p += n;
	s->n -= n;
	*ret = (unsigned)v;
	return 0;
}

/* One of the two characters off the front of *s. */
static bool
char_cut(struct span *s, char a, char b)
{
	if (s->n == 0 || (s->p[0] != a && s->p[0] != b))
		return false;
	s->p++;
	s->n--;
	return true;
}

static unsigned
month_days(unsigned year, unsigned month)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31,
		30, 31, 30, 31};

	if (month == 2 &&
	    ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0))
		return 29;
	return days[month - 1];
}

static int
date_cut(struct span *s, int64_t *ret_day)
{
	unsigned year, month, day;

	if (digits_cut(s, 4, 9999, &year) < 0 || !char_cut(s, '-', '-') ||
	    digits_cut(s, 2, 12, &month) < 0 || !char_cut(s, '-', '-') ||
	    digits_cut(s, 2, 31, &day) < 0)
		return -1;
	if (month < 1 || day < 1 || day > month_days(year, month))
		return -1;
	*ret_day = civil_to_day((struct civil){(int)year, month, day});
	return 0;
}

/* ".042" and longer; digits beyond the millisecond are dropped. */
static int
fraction_cut(struct span *s, unsigned *ret_ms)
{
	unsigned ms = 0;
	size_t n = 0;

	if (!char_cut(s, '.', '.'))
		return 0;
	while (s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9') {
		if (n++ < 3)
			ms = ms * 10 + (unsigned)(s->p[0] - '0');
		s->p++;
		s->n--;
	}
	if (n == 0)
		return -1;
	for (; n < 3; n++)
		ms *= 10;
	*ret_ms = ms;
	return 0;
}

static int
offset_cut(struct span *s, int64_t *ret_ms)
{
	unsigned hour, minute;
	bool east;

	if (char_cut(s, 'Z', 'z')) {
		*ret_ms = 0;
		return 0;
	}
	east = s->n > 0 && s->p[0] == '+';
	if (!char_cut(s, '+', '-') || digits_cut(s, 2, 23, &hour) < 0 ||
	    !char_cut(s, ':', ':') || digits_cut(s, 2, 59, &minute) < 0)
		return -1;
	*ret_ms = (int64_t)(hour * 60 + minute) * 60000;
	if (!east)
		*ret_ms = -*ret_ms;
	return 0;
}

int
wtime_parse(struct span s, int64_t *ret_wall_ms)
{
	int64_t day, offset;
	unsigned hour, minute, second, ms = 0;

	if (date_cut(&s, &day) < 0 || !char_cut(&s, 'T', 't') ||
	    digits_cut(&s, 2, 23, &hour) < 0 || !char_cut(&s, ':', ':') ||
	    digits_cut(&s, 2, 59, &minute) < 0 || !char_cut(&s, ':', ':') ||
	    digits_cut(&s, 2, 59, &second) < 0 ||
	    fraction_cut(&s, &ms) < 0 || offset_cut(&s, &offset) < 0 ||
	    s.n != 0)
		return -1;
	*ret_wall_ms = day * MS_PER_DAY - offset +
	    (int64_t)((hour * 60 + minute) * 60 + second) * 1000 + ms;
	return 0;
}
