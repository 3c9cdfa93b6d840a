#ifndef TRACKUP_STORE_COPY_H
#define TRACKUP_STORE_COPY_H
/*
 * copy: the database as one file more, while it is in use.
 *
 * The pages are copied in steps on the thread that has the connection, and
 * what is written there between two steps is in the copy as well. After the
 * last step nothing ties it to the connection: copy_publish() may run on any
 * thread. The file appears under its name only whole, checked and on disk;
 * until then it has a name of its own beside it, which copy_free() removes.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/errtext.h"

struct db;
struct db_hooks;
struct copy;

/* force: a database of ours that is there already is replaced, and nothing
 * else is. Negative STORE_ERR_ codes. */
MUST_CHECK int copy_begin(struct copy **ret, struct db *db, const char *path,
    bool force, struct errtext *err);
/* 1: there is more; 0: that was the last step. Negative: a STORE_ERR_ code,
 * and the copy is good for copy_free() only. */
MUST_CHECK int copy_step(struct copy *c, struct errtext *err);
/* Pages done and in all, for the log. */
void copy_progress(const struct copy *c, int64_t *ret_done, int64_t *ret_all);
/* Checks the content, makes file and directory durable, gives it its name.
 * Ends early when *cancel becomes true. */
MUST_CHECK int copy_publish(struct copy *c, const atomic_bool *cancel,
    uint64_t *ret_bytes, struct errtext *err);
/* NULL is fine. */
void copy_free(struct copy *c);

/* All at once, before a migration: PATH.schemaVERSION.COMMIT. One that is
 * there was made of this very state by a start that was cut off. */
MUST_CHECK int copy_before_migration(struct db *db, int version,
    const struct db_hooks *hooks, struct errtext *err);

/* Removes all but the newest keep of the directory's scheduled copies, and
 * what broken-off ones left. Names that we did not give stay. */
void copy_trim(const char *directory, unsigned keep);
/* When the newest of them was written, UTC ms; -1 = none. */
int64_t copy_newest_wall_ms(const char *directory);
/* The name of a scheduled copy: DIRECTORY/trackupd-20261123T103648Z.db */
#define COPY_NAME "trackupd-%04d%02d%02dT%02d%02d%02dZ.db"

#endif
