#include "config.h"
#include "io/api_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/wtime.h"

/* Length of the UTF-8 sequence at s, and its code point; 0 = not one. The NUL
 * at the end stops every sequence, for it is no continuation byte. */
static size_t
utf8_next(const unsigned char *s, uint32_t *ret_cp)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t cp;
	size_t n;

	if (s[0] < 0x80) {
		*ret_cp = s[0];
		return 1;
	}
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		n = 2, cp = s[0] & 0x1f;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		n = 3, cp = s[0] & 0x0f;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		n = 4, cp = s[0] & 0x07;
	else
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (s[i] & 0x3f);
	}
	if (cp < least[n] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	*ret_cp = cp;
	return n;
}

/* Controls move the cursor of a terminal, and the formatting ones reorder or
 * hide what a person reads: a tracker's name must do neither. */
static bool
harmless(uint32_t cp)
{
	return cp >= 0x20 && !(cp >= 0x7f && cp <= 0x9f) &&
	    !(cp >= 0x200b && cp <= 0x200f) &&
	    !(cp >= 0x2028 && cp <= 0x202e) &&
	    !(cp >= 0x2060 && cp <= 0x206f) && cp != 0xfeff;
}

static void
add_clean(struct sbuf *b, const char *s, size_t len)
{
	const char *end = s + len;
	uint32_t cp;
	size_t n;

	while (s < end) {
		n = utf8_next((const unsigned char *)s, &cp);
		if (n > 0 && n <= (size_t)(end - s) && harmless(cp)) {
			sbuf_add(b, s, n);
			s += n;
			continue;
		}
		do {
			sbuf_addf(b, "\\x%02x", (unsigned char)*s++);
		} while (n > 1 && --n > 0 && s < end);
	}
}

static json_t *
text_of(const char *s, size_t len)
{
	struct sbuf b;
	json_t *j;

	sbuf_init(&b, 0);
	add_clean(&b, s, len);
	j = b.failed ? NULL : json_string(sbuf_str(&b));
	sbuf_done(&b);
	return j;
}

json_t *
api_text(const char *s)
{
	return s == NULL ? json_null() : text_of(s, strlen(s));
}

json_t *
api_text_or_null(const char *s)
{
	return s == NULL || s[0] == '\0' ? json_null() : api_text(s);
}

json_t *
api_time(int64_t wall_ms)
{
	char buf[WTIME_TEXT];

	return wall_ms == 0 ? json_null() :
	    json_string(wtime_format(wall_ms, buf));
}

json_t *
api_int_or_null(int64_t v, int64_t none)
{
	return v == none ? json_null() : json_integer(v);
}

json_t *
api_lines(const char *text)
{
	json_t *j = json_array();
	size_t n;

	for (; *text != '\0'; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		if (json_array_append_new(j, text_of(text, n)) < 0) {
			json_decref(j);
			return NULL;
		}
	}
	return j;
}

json_t *
api_list(json_t *items, char mark, uint64_t next, bool more)
{
	char cursor[24];

	if (!more)
		return json_pack("{s:o, s:n}", "items", items, "next");
	(void)snprintf(cursor, sizeof cursor, "%c%" PRIx64, mark, next);
	return json_pack("{s:o, s:s}", "items", items, "next", cursor);
}
