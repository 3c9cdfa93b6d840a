#ifndef TRACKUP_TESTS_RECORD_H
#define TRACKUP_TESTS_RECORD_H
/*
 * record: the durable half of a scenario's world.
 *
 * Either plain arrays in memory, that hold what the schema promises (one claim
 * a device, ids that refer to something), or the real store on a database of
 * its own. record_commit() returns when the batch is on disk; record_load()
 * gives the rows back in the order of store.h.
 */
#include "store/store.h"

struct record;

struct record *record_new(bool sqlite);
void record_free(struct record *r);
/* Waits until ops, which stay as they are, are on disk. Where the disk may fail
 * (record_may_fail), FULL: the store has them and goes on trying, call again;
 * BROKEN: whether they are on disk is not known. Else that ends the scenario. */
enum record_outcome { RECORD_DONE, RECORD_FULL, RECORD_BROKEN };
enum record_outcome record_commit(struct record *r, uint64_t ticket,
    const struct opbuf *ops);
void record_may_fail(struct record *r);
/* Called behind each commit to the store, when not NULL. */
extern void (*record_committed)(const struct record *r);
/* They are on disk: what record_event() and record_attempt() tell from. */
void record_keep(struct record *r, const struct opbuf *ops);
const char *record_path(const struct record *r);
void record_close(struct record *r);
void record_load(struct record *r, const struct store_loader *l);
/* Begins again behind a crash: the store is closed and opened. */
void record_reopen(struct record *r);
void record_start(struct record *r);

/* Rows of the timeline so far, newest last, of one device (0 = any): the n-th
 * from the end, or NULL. Memory keeps a bounded number of them. */
const struct event_rec *record_event(const struct record *r, uint64_t device,
    size_t back);
/* The row as it is durable, or NULL; not with SQLite. */
const struct attempt_rec *record_attempt(const struct record *r,
    uint64_t device, size_t back);

#endif
