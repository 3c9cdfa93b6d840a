#ifndef TRACKUP_CONFIG_YAMLWALK_H
#define TRACKUP_CONFIG_YAMLWALK_H
/*
 * yamlwalk: one YAML text as a tree with positions, and everything that is
 * wrong with it.
 *
 * The only file that knows libyaml. What could surprise is refused before
 * anybody walks: aliases, anchors, tags, more than one document, nesting over
 * YW_DEPTH_MAX, a text over YW_SIZE_MAX or one that is not UTF-8. Scalars are
 * text; nothing is ever converted here.
 * Errors and warnings are collected, at most NOTES_MAX of each, and come
 * out in the order of the file, each with its source line and a caret; values
 * of keys that look like a password are masked in those lines.
 * Borrows name and text, which must outlive the walk.
 */
#include <stdbool.h>
#include <stddef.h>
#include "base/attr.h"
#include "base/sbuf.h"
#include "base/span.h"
#include "config/notes.h"

#define YW_SIZE_MAX ((size_t)1 << 20)
#define YW_DEPTH_MAX 8

struct yw;

enum yw_kind { YW_SCALAR, YW_LIST, YW_MAP };

/* Reads the whole text. NULL only when out of memory; what is wrong with the
 * text waits in it for yw_finish(). */
struct yw *yw_new(const char *name, const char *text, size_t len);
void yw_free(struct yw *w); /* NULL is fine */

/* A node; 0 = the text is empty or cannot be walked (yw_failed tells). */
int yw_root(const struct yw *w);
enum yw_kind yw_kind(const struct yw *w, int node);
struct note_pos yw_at(const struct yw *w, int node);
/* Of a scalar; ends in NUL, and holds one only when its length says so. */
struct span yw_text(const struct yw *w, int node);
/* A scalar without quotes and without text: "key:". */
bool yw_is_nothing(const struct yw *w, int node);
size_t yw_count(const struct yw *w, int node); /* of a list or map */
int yw_item(const struct yw *w, int node, size_t i);
void yw_pair(const struct yw *w, int node, size_t i, int *ret_key,
    int *ret_value);

/* key may be NULL. The text has no line break of its own. */
void yw_error(struct yw *w, struct note_pos pos, const char *key,
    const char *fmt, ...) PRINTF_LIKE(4, 5);
void yw_warn(struct yw *w, struct note_pos pos, const char *key,
    const char *fmt, ...) PRINTF_LIKE(4, 5);
/* In another file that this one names at pos: where = "list:line". */
void yw_error_in(struct yw *w, struct note_pos pos, const char *where,
    const char *fmt, ...) PRINTF_LIKE(4, 5);
void yw_warn_in(struct yw *w, struct note_pos pos, const char *where,
    const char *fmt, ...) PRINTF_LIKE(4, 5);
bool yw_failed(const struct yw *w); /* there was an error */
bool yw_full(const struct yw *w);   /* no further error will be shown */

/* Everything collected, to diag. True when there was no error. */
MUST_CHECK bool yw_finish(struct yw *w, struct sbuf *diag);

#endif
