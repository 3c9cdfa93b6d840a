#ifndef TRACKUP_STORE_GROUP_H
#define TRACKUP_STORE_GROUP_H
/*
 * group: some batches that go into one transaction.
 *
 * Within a group only the last change of a row is written, and parents before
 * children, whatever the order of the batches was; events and audit rows are
 * appended in order. A group keeps its number and its batches until it is
 * known to be on disk, so that it can be applied again after a failure.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/errtext.h"
#include "core/record.h"

struct db;

struct batch {
	struct batch *next;
	uint64_t ticket;
	struct opbuf ops;
	size_t bytes;
};

struct group {
	struct batch *first;
	size_t ops, bytes;
	uint64_t ticket;  /* of its last batch */
	uint64_t number;  /* written with it, into stamp.commit_number */
};

/* Takes ops. NULL: no memory, and ops is as it was. */
struct batch *batch_new(uint64_t ticket, struct opbuf *ops);
void batch_free_all(struct batch *b); /* the whole chain; NULL is fine */

/* One transaction: 0 after COMMIT returned, else a DB_ code and the
 * transaction is rolled back, or its outcome unknown (DB_FAILED). */
MUST_CHECK int group_apply(const struct group *g, struct db *db,
    struct errtext *err);

#endif
