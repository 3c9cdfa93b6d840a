#ifndef TRACKUP_BASE_ERRTEXT_H
#define TRACKUP_BASE_ERRTEXT_H
/*
 * errtext: a code and one line of text for a person.
 *
 * Pure. Functions that a person's input can make fail take a struct errtext *
 * (NULL is fine) and return a negative code; the text says what is wrong and
 * what is allowed. The text is cut at its size, never overrun.
 */
#include "base/attr.h"

struct errtext {
	int code;
	char text[1024];
};

/* Sets both and returns code, so that callers write `return errtext_set(…)`.
 * err may be NULL. */
int errtext_set(struct errtext *err, int code, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

#endif
