#include "config.h"

#include "base/units.h"

#include <inttypes.h>
#include <stdio.h>

#define PPM_PER_PERCENT 10000
#define PERCENT_DECIMALS 4

/* A suffix and what one of it is worth. Rows run from large to small, so that
 * the printers find the shortest form first. */
struct unit {
	const char *suffix;
	uint64_t factor;
};

static const struct unit duration_units[] = {
	{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000},
};
static const struct unit rate_units[] = {
	{"/s", 3600}, {"/min", 60}, {"/h", 1},
};
static const struct unit size_units[] = {
	{"GiB", (uint64_t)1 << 30}, {"MiB", (uint64_t)1 << 20},
	{"KiB", (uint64_t)1 << 10}, {"", 1},
};

/* Digits as people write them: "010" is refused, for nobody can tell whether
 * ten or eight is meant. */
static int
number_parse(struct span s, uint64_t max, uint64_t *ret)
{
	if (s.n > 1 && s.p[0] == '0')
		return -1;
	return span_dec(s, max, ret);
}

static int
quantity_parse(struct span s, const struct unit *units, size_t count,
    uint64_t max, uint64_t *ret)
{
	size_t digits = 0;
	uint64_t value;
	struct span suffix;

	while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
		digits++;
	suffix = span_of(s.p + digits, s.n - digits);
	for (size_t i = 0; i < count; i++) {
		if (!span_is(suffix, units[i].suffix))
			continue;
		if (number_parse(span_of(s.p, digits), max / units[i].factor,
		    &value) < 0)
			return -1;
		*ret = value * units[i].factor;
		return 0;
	}
	return -1;
}

int
units_duration(struct span s, int64_t *ret_ms)
{
	uint64_t v;

	if (s.n == 0 || quantity_parse(s, duration_units,
	    ARRAY_LEN(duration_units), UNITS_DURATION_MAX, &v) < 0)
		return -1;
	*ret_ms = (int64_t)v;
	return 0;
}

int
units_rate(struct span s, int64_t *ret_per_hour)
{
	uint64_t v;

	if (s.n == 0 || quantity_parse(s, rate_units, ARRAY_LEN(rate_units),
	    UNITS_RATE_MAX, &v) < 0)
		return -1;
	*ret_per_hour = (int64_t)v;
	return 0;
}

int
units_size(struct span s, uint64_t *ret_bytes)
{
	if (s.n == 0)
		return -1;
	return quantity_parse(s, size_units, ARRAY_LEN(size_units),
	    UNITS_SIZE_MAX, ret_bytes);
}

int
units_percent(struct span s, int64_t *ret_ppm)
{
	struct span whole;
	uint64_t v, part = 0;

	if (s.n == 0 || s.p[s.n - 1] != '%')
		return -1;
	s.n--;
	if (!span_field(&s, '.', &whole) || number_parse(whole, 100, &v) < 0)
		return -1;
	v *= PPM_PER_PERCENT;
	if (s.p != NULL) {
		if (s.n > PERCENT_DECIMALS ||
		    span_dec(s, PPM_PER_PERCENT - 1, &part) < 0)
			return -1;
		for (size_t i = s.n; i < PERCENT_DECIMALS; i++)
			part *= 10;
	}
	v += part;
	if (v > 100 * PPM_PER_PERCENT)
		return -1;
	*ret_ppm = (int64_t)v;
	return 0;
}

/* Magnitude without overflow at INT64_MIN. */
static uint64_t
magnitude(int64_t v)
{
	return v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
}

/* The row that divides v, the last one when none does. Zero is said in the
 * smallest unit of the people's forms. */
static const struct unit *
unit_for(uint64_t v, const struct unit *units, size_t count)
{
	size_t i = v == 0 ? count - 1 : 0;

	while (i < count - 1 && v % units[i].factor != 0)
		i++;
	return &units[i];
}

char *
units_duration_text(int64_t ms, char buf[UNITS_TEXT])
{
	uint64_t v = magnitude(ms);
	const struct unit *u = unit_for(v, duration_units,
	    ARRAY_LEN(duration_units));
	struct unit exact = {"ms", 1};

	if (v % u->factor != 0)
		u = &exact;
	(void)snprintf(buf, UNITS_TEXT, "%s%" PRIu64 "%s", ms < 0 ? "-" : "",
	    v / u->factor, u->suffix);
	return buf;
}

char *
units_rate_text(int64_t per_hour, char buf[UNITS_TEXT])
{
	uint64_t v = magnitude(per_hour);
	const struct unit *u = unit_for(v, rate_units, ARRAY_LEN(rate_units));

	(void)snprintf(buf, UNITS_TEXT, "%s%" PRIu64 "%s",
	    per_hour < 0 ? "-" : "", v / u->factor, u->suffix);
	return buf;
}

char *
units_size_text(uint64_t bytes, char buf[UNITS_TEXT])
{
	const struct unit *u = unit_for(bytes, size_units,
	    ARRAY_LEN(size_units));

	(void)snprintf(buf, UNITS_TEXT, "%" PRIu64 "%s", bytes / u->factor,
	    u->suffix);
	return buf;
}

char *
units_percent_text(int64_t ppm, char buf[UNITS_TEXT])
{
	uint64_t v = magnitude(ppm);
	unsigned part = (unsigned)(v % PPM_PER_PERCENT);
	int width = PERCENT_DECIMALS;
	const char *sign = ppm < 0 ? "-" : "";

	while (part != 0 && part % 10 == 0) {
		part /= 10;
		width--;
	}
	if (part == 0)
		(void)snprintf(buf, UNITS_TEXT, "%s%" PRIu64 "%%", sign,
		    v / PPM_PER_PERCENT);
	else
		(void)snprintf(buf, UNITS_TEXT, "%s%" PRIu64 ".%0*u%%", sign,
		    v / PPM_PER_PERCENT, width, part);
	return buf;
}
