#ifndef TRACKUP_SIM_TRUTH_H
#define TRACKUP_SIM_TRUTH_H
/*
 * truth: what really happened, one JSON object per tracker and line.
 *
 * The file is replaced as a whole (temporary file, then rename), so a reader
 * never sees half of it.
 */
#include "base/errtext.h"
#include "base/sbuf.h"

struct fleet;
struct tracker;

/* Appends one line with its newline. */
void truth_add(struct sbuf *b, const struct tracker *t);
MUST_CHECK int truth_save(const char *path, const struct fleet *f,
    struct errtext *err);

#endif
