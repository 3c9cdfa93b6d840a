#ifndef TRACKUP_BASE_TEXT_H
#define TRACKUP_BASE_TEXT_H
/*
 * text: the small arts of an error message: UTF-8, quoting, nearest word.
 *
 * Pure. Whatever a file holds, what comes out of here is one printable line.
 */
#include <stdint.h>
#include "base/span.h"

/* Length in bytes of the character at p (n > 0 bytes are there) and the
 * character in *ret, or 0 when it is not UTF-8. */
size_t text_utf8(const char *p, size_t n, uint32_t *ret);
/* A character that stays on its line and shows: no control character, no line
 * or paragraph separator, nothing of no width, no override of the writing
 * direction. */
bool text_shows(uint32_t c);

/* Cuts the next line off *rest: up to LF, CR LF or CR, which are dropped.
 * False when nothing is left. */
bool text_line(struct span *rest, struct span *ret);

/* Takes half a character off the end, where s was cut. */
void text_cut(char *s);

#define TEXT_QUOTE 96
/* In double quotes, cut after 40 characters, the rest escaped. Returns buf. */
char *text_quote(struct span s, char buf[TEXT_QUOTE]);

/* How many letters must be changed, added, dropped or swapped to make one of
 * the other; SIZE_MAX when that is too many to be a slip of the pen. */
size_t text_distance(const char *a, const char *b);

#endif
