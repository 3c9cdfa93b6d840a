#include "config.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define QUOTE_CHARS 40
#define WORD_MAX 40 /* longer words are never compared */

size_t
text_utf8(const char *p, size_t n, uint32_t *ret)
{
	const unsigned char *u = (const unsigned char *)p;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t c;
	size_t len;

	if (u[0] < 0x80) {
		*ret = u[0];
		return 1;
	}
	if (u[0] >= 0xc2 && u[0] <= 0xdf)
		len = 2;
	else if ((u[0] & 0xf0) == 0xe0)
		len = 3;
	else if (u[0] >= 0xf0 && u[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (len > n)
		return 0;
	c = u[0] & (0xffU >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (u[i] & 0x3fU);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return len;
}

bool
text_shows(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return false;
	if ((c >= 0x200b && c <= 0x200f) || (c >= 0x2060 && c <= 0x206f))
		return false;
	return !(c >= 0x2028 && c <= 0x202e) && c != 0xfeff;
}

bool
text_line(struct span *rest, struct span *ret)
{
	size_t n = 0, used;

	if (rest->n == 0)
		return false;
	while (n < rest->n && rest->p[n] != '\n' && rest->p[n] != '\r')
		n++;
	*ret = span_of(rest->p, n);
	used = n + (n < rest->n);
	if (n + 1 < rest->n && rest->p[n] == '\r' && rest->p[n + 1] == '\n')
		used++;
	rest->p += used;
	rest->n -= used;
	return true;
}

void
text_cut(char *s)
{
	size_t n = strlen(s), first = n;
	uint32_t c;

	while (first > 0 && n - first < 4 &&
	    ((unsigned char)s[first - 1] & 0xc0) == 0x80)
		first--;
	if (first > 0 && (unsigned char)s[first - 1] >= 0xc0 &&
	    text_utf8(s + first - 1, n - first + 1, &c) == 0)
		s[first - 1] = '\0';
}

char *
text_quote(struct span s, char buf[TEXT_QUOTE])
{
	/* Room is kept for one escape, the dots, the quote and the NUL. */
	const size_t limit = TEXT_QUOTE - 4 - 3 - 1 - 1;
	size_t out = 0, chars = 0;

	buf[out++] = '"';
	while (s.n > 0 && chars++ < QUOTE_CHARS && out <= limit) {
		uint32_t c;
		size_t len = text_utf8(s.p, s.n, &c);

		if (len > 0 && text_shows(c) && c != '"' && c != '\\') {
			memcpy(buf + out, s.p, len);
			out += len;
		} else {
			/* The first byte tells enough; one at a time. */
			len = 1;
			out += (size_t)snprintf(buf + out, 5, "\\x%02x",
			    (unsigned)(unsigned char)s.p[0]);
		}
		s.p += len;
		s.n -= len;
	}
	if (s.n > 0) {
		memcpy(buf + out, "...", 3);
		out += 3;
	}
	buf[out++] = '"';
	buf[out] = '\0';
	return buf;
}

static size_t
least_of(size_t a, size_t b, size_t c)
{
	size_t m = MIN_OF(a, b);

	return MIN_OF(m, c);
}

/* Optimal string alignment: "pecrent" is one slip away from "percent". */
size_t
text_distance(const char *a, const char *b)
{
	size_t row[3][WORD_MAX + 1];
	size_t n = strlen(a), m = strlen(b), limit;

	if (n == 0 || m == 0 || n > WORD_MAX || m > WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= m; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *cur = row[i % 3], *up = row[(i - 1) % 3];

		cur[0] = i;
		for (size_t j = 1; j <= m; j++) {
			cur[j] = least_of(up[j] + 1, cur[j - 1] + 1,
			    up[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				cur[j] = MIN_OF(cur[j],
				    row[(i - 2) % 3][j - 2] + 1);
		}
	}
	limit = MAX_OF(n, m) <= 3 ? 1 : MAX_OF(n, m) <= 6 ? 2 : 3;
	return row[n % 3][m] <= limit ? row[n % 3][m] : SIZE_MAX;
}
