#ifndef TRACKUP_STORE_AHEAD_H
#define TRACKUP_STORE_AHEAD_H
/*
 * ahead: the rows of one kind at start, decoded by a thread of its own while
 * the caller takes in those before: with a million devices half of the start
 * is SQLite and half is the core.
 *
 * Invariant: between ahead_start() and ahead_end() the connection belongs to
 * that thread, the rows that ahead_next() gave to the caller. What is read
 * ahead is bounded: some blocks of rows.
 */
#include <stddef.h>
#include "base/attr.h"
#include "base/errtext.h"
#include "store/db.h"

struct ahead;

/* NULL: no memory or no thread, *err says which. */
MUST_CHECK struct ahead *ahead_start(struct db *db, enum op_kind kind,
    struct errtext *err);
/* The next rows, of row_types[kind].rec_size each; they stay until the next
 * call. NULL: there are no more; ahead_end() says why. */
const void *ahead_next(struct ahead *a, size_t *ret_count);
/* At any time; frees. 0, or what db_next() failed with, and *err. */
MUST_CHECK int ahead_end(struct ahead *a, struct errtext *err);

#endif
