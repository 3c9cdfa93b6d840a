#include "config.h"

#include "base/span.h"

bool
span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
span_is(struct span a, const char *s)
{
	return span_eq(a, span_str(s));
}

bool
span_starts(struct span a, const char *prefix)
{
	size_t n = strlen(prefix);

	return a.n >= n && (n == 0 || memcmp(a.p, prefix, n) == 0);
}

/* The value of a digit, and 16 for what is none. */
static unsigned
digit_value(char c)
{
	unsigned v = (unsigned)(unsigned char)c - '0';

	if (v <= 9)
		return v;
	v = ((unsigned)(unsigned char)c | 0x20) - 'a';
	return v <= 5 ? v + 10 : 16;
}

/* Digits that fit into 64 bits whatever they are need no check each: that is
 * every number of the wire. fit is how many those are. */
static inline int
span_number(struct span a, unsigned base, size_t fit, uint64_t max,
    uint64_t *ret)
{
	uint64_t value = 0;

	if (a.n == 0)
		return -1;
	for (size_t i = 0; i < a.n; i++) {
		unsigned digit = digit_value(a.p[i]);

		if (digit >= base || (i >= fit &&
		    value > (UINT64_MAX - digit) / base))
			return -1;
		value = value * base + digit;
	}
	if (value > max)
		return -1;
	*ret = value;
	return 0;
}

int
span_dec(struct span a, uint64_t max, uint64_t *ret)
{
	return span_number(a, 10, 19, max, ret);
}

int
span_hex(struct span a, uint64_t max, uint64_t *ret)
{
	return span_number(a, 16, 16, max, ret);
}

bool
span_copy(char *dst, size_t size, struct span a)
{
	size_t n;

	if (size == 0)
		return false;
	n = MIN_OF(a.n, size - 1);
	if (n > 0)
		memcpy(dst, a.p, n);
	dst[n] = '\0';
	return n == a.n;
}
