#ifndef TRACKUP_BASE_SPAN_H
#define TRACKUP_BASE_SPAN_H
/*
 * span: a checked view of bytes that somebody else owns.
 *
 * Pure. A span never owns memory and need not end in NUL. All reads are inside
 * [p, p + n); numbers are refused when they overflow or carry other bytes.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "base/attr.h"

struct span {
	const char *p;
	size_t n;
};

#define SPAN_LIT(s) ((struct span){(s), sizeof(s) - 1})

static inline struct span
span_of(const char *p, size_t n)
{
	return (struct span){p, n};
}

static inline struct span
span_str(const char *s)
{
	return (struct span){s, strlen(s)};
}

/* Equal bytes. */
bool span_eq(struct span a, struct span b);
/* Equal to a C string. */
bool span_is(struct span a, const char *s);
bool span_starts(struct span a, const char *prefix);
/* Whole span as decimal (digits only, no sign) or hex (either case). 0 or -1;
 * *ret untouched on error. */
MUST_CHECK int span_dec(struct span a, uint64_t max, uint64_t *ret);
MUST_CHECK int span_hex(struct span a, uint64_t max, uint64_t *ret);
/* Copies into dst with a NUL; false when it was cut to fit. */
bool span_copy(char *dst, size_t size, struct span a);

/* Each frame is cut by these, a few times: they are not worth calls. */

/* The n bytes of a prefix; the first two tell most from each other. n >= 2. */
static inline bool
span_begins(struct span a, const char *prefix, size_t n)
{
	return a.n >= n && a.p[0] == prefix[0] && a.p[1] == prefix[1] &&
	    memcmp(a.p, prefix, n) == 0;
}

static inline bool
span_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Without blanks (0x20, 0x09) at both ends. */
static inline struct span
span_trim(struct span a)
{
	while (a.n > 0 && span_is_blank(a.p[0])) {
		a.p++;
		a.n--;
	}
	while (a.n > 0 && span_is_blank(a.p[a.n - 1]))
		a.n--;
	return a;
}

/* Cuts the field up to sep off *rest. False when *rest was already used up;
 * "a,b" gives a, b, then false; "" gives one empty field. *rest after the last
 * field has p == NULL. */
static inline bool
span_field(struct span *rest, char sep, struct span *ret_field)
{
	const char *end;

	if (rest->p == NULL)
		return false;
	end = memchr(rest->p, sep, rest->n);
	if (end == NULL) {
		*ret_field = *rest;
		*rest = (struct span){NULL, 0};
		return true;
	}
	*ret_field = span_of(rest->p, (size_t)(end - rest->p));
	rest->n -= ret_field->n + 1;
	rest->p = end + 1;
	return true;
}

/* The last field, from the end: "a,b,c" gives c and leaves "a,b". */
static inline bool
span_field_last(struct span *rest, char sep, struct span *ret_field)
{
	const char *mark;

	if (rest->p == NULL)
		return false;
	mark = memrchr(rest->p, sep, rest->n);
	if (mark == NULL) {
		*ret_field = *rest;
		*rest = (struct span){NULL, 0};
		return true;
	}
	*ret_field = span_of(mark + 1,
	    (size_t)(rest->p + rest->n - (mark + 1)));
	rest->n = (size_t)(mark - rest->p);
	return true;
}

#endif
