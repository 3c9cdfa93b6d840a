#include "config.h"

#include "base/sbuf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SBUF_MAX_DEFAULT ((size_t)16 << 20)
#define SBUF_CAP_FIRST 64

void
sbuf_init(struct sbuf *b, size_t max)
{
	*b = (struct sbuf){.max = max == 0 ? SBUF_MAX_DEFAULT : max};
}

void
sbuf_done(struct sbuf *b)
{
	free(b->p);
	sbuf_init(b, b->max);
}

void
sbuf_clear(struct sbuf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->p != NULL)
		b->p[0] = '\0';
}

/* Room for n more bytes and the NUL; marks b failed when there is none. */
static bool
sbuf_room(struct sbuf *b, size_t n)
{
	size_t cap;
	char *p;

	if (b->failed)
		return false;
	if (b->max == SIZE_MAX || n > b->max - b->len) {
		b->failed = true;
		return false;
	}
	if (n < b->cap - b->len)
		return true;
	cap = b->cap == 0 ? SBUF_CAP_FIRST : b->cap;
	while (cap - b->len <= n)
		cap = cap > SIZE_MAX / 2 ? SIZE_MAX : cap * 2;
	/* Never more than the limit can fill. */
	cap = MIN_OF(cap, b->max + 1);
	p = realloc(b->p, cap);
	if (p == NULL) {
		b->failed = true;
		return false;
	}
	b->p = p;
	b->cap = cap;
	return true;
}

void
sbuf_add(struct sbuf *b, const void *p, size_t n)
{
	if (!sbuf_room(b, n))
		return;
	if (n > 0)
		memcpy(b->p + b->len, p, n);
	b->len += n;
	b->p[b->len] = '\0';
}

void
sbuf_adds(struct sbuf *b, const char *s)
{
	sbuf_add(b, s, strlen(s));
}

void
sbuf_addf(struct sbuf *b, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		b->failed = true;
	else if (sbuf_room(b, (size_t)n)) {
		(void)vsnprintf(b->p + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

static bool
byte_is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void
sbuf_add_escaped(struct sbuf *b, const void *p, size_t n)
{
	static const char digits[] = "0123456789ABCDEF";
	const unsigned char *s = p;
	size_t start_len = b->len;
	size_t i = 0;

	while (i < n && !b->failed) {
		size_t run = i;
		char hex[4] = {'\\', 'x', 0, 0};

		while (run < n && byte_is_plain(s[run]))
			run++;
		sbuf_add(b, s + i, run - i);
		if (run < n) {
			hex[2] = digits[s[run] >> 4];
			hex[3] = digits[s[run] & 15];
			sbuf_add(b, hex, sizeof(hex));
			run++;
		}
		i = run;
	}
	/* One append, whole or not at all. */
	if (b->failed && b->len > start_len) {
		b->len = start_len;
		b->p[b->len] = '\0';
	}
}

const char *
sbuf_str(const struct sbuf *b)
{
	return b->p == NULL ? "" : b->p;
}

char *
sbuf_take(struct sbuf *b)
{
	char *ret = NULL;

	if (!b->failed) {
		ret = b->p != NULL ? b->p : calloc(1, 1);
		b->p = NULL;
	}
	sbuf_done(b);
	return ret;
}
