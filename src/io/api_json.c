#include "config.h"
#include "io/api_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "base/wtime.h"

static void
add_clean(struct sbuf *b, const char *s, size_t len)
{
	const char *end = s + len;
	uint32_t cp;
	size_t n;

	while (s < end) {
		n = text_utf8(s, (size_t)(end - s), &cp);
		if (n > 0 && text_shows(cp)) {
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
