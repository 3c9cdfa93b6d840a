#ifndef TRACKUP_CONFIG_NOTES_H
#define TRACKUP_CONFIG_NOTES_H
/*
 * notes: what is wrong with a text, collected, then shown in the order of the
 * text, each with its line and a caret.
 *
 * Pure. Ranges that are hidden are shown as asterisks; as long as nobody has
 * said where the secrets are, they are guessed by the look of the line.
 * Invariant: at most NOTES_MAX errors and as many warnings are kept.
 * Borrows name and text.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include "base/attr.h"
#include "base/sbuf.h"
#include "base/span.h"

#define NOTES_MAX 100

struct note_pos { /* from 1; columns are characters */
	size_t line, col;
};

enum note_kind {
	NOTE_IS_ERROR,
	NOTE_IS_WARNING,
};

struct notes {
	const char *name;
	struct span text;
	struct note *v;
	size_t count, errors, warnings;
	bool more;      /* errors that were not kept */
	bool no_memory;
	bool no_source; /* show no line at all */
	bool known;     /* every secret is in hidden */
	struct note_range *hidden;
	size_t hidden_count;
	size_t guessed_line, guessed_from; /* the last guess; line 0 = none */
};

void notes_init(struct notes *n, const char *name, struct span text);
void notes_done(struct notes *n);
/* head stands before the text; elsewhere: it is a place in another file, and
 * no line is shown. */
void notes_add(struct notes *n, enum note_kind kind, struct note_pos pos,
    bool elsewhere, const char *head, const char *fmt, va_list ap)
    PRINTF_LIKE(6, 0);
/* What the last one said is all there is to say of its place: later ones for
 * the same place are dropped. */
void notes_settle(struct notes *n);
/* Hides [from, to). */
void notes_hide(struct notes *n, struct note_pos from, struct note_pos to);
/* True when a key of that name may hold a secret, misspelt or not. */
bool notes_is_secret(struct span key);
/* Everything to diag. True when there was no error. */
MUST_CHECK bool notes_finish(struct notes *n, struct sbuf *diag);

#endif
