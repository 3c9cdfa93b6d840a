#ifndef TRACKUP_BASE_SBUF_H
#define TRACKUP_BASE_SBUF_H
/*
 * sbuf: a growing text buffer with a limit.
 *
 * Owns its memory. After a failed append (limit or memory) `failed` stays set
 * and the text is what was there before; check once at the end.
 */
#include <stdbool.h>
#include <stddef.h>
#include "base/attr.h"

struct sbuf {
	char *p; /* NUL-terminated when not NULL */
	size_t len;
	size_t cap;
	size_t max; /* bytes without the NUL; 0 = 16 MiB */
	bool failed;
};

void sbuf_init(struct sbuf *b, size_t max);
void sbuf_done(struct sbuf *b);
void sbuf_clear(struct sbuf *b);
void sbuf_add(struct sbuf *b, const void *p, size_t n);
void sbuf_adds(struct sbuf *b, const char *s);
void sbuf_addf(struct sbuf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Bytes from outside, made safe for one log line: <0x20, 0x22, 0x5c, 0x7f and
 * >=0x80 as \xNN. */
void sbuf_add_escaped(struct sbuf *b, const void *p, size_t n);
/* The text, "" when empty. Owned by b. */
const char *sbuf_str(const struct sbuf *b);
/* The text, the caller's to free; b is done. NULL: an append failed, or no
 * memory. */
char *sbuf_take(struct sbuf *b);

#endif
