#ifndef TRACKUP_TESTS_STORE_STORY_DISK_H
#define TRACKUP_TESTS_STORE_STORY_DISK_H
/*
 * story_disk: one campaign, from its file to its last version, on a disk that
 * the test lets fail; the core is the real one, and so is the store.
 *
 * The story is the same each time (honest trackers that lose their connection
 * now and then), so what the database holds after each commit is known from a
 * run in which nothing failed.
 */
#include <stdint.h>
#include "story.h"
#include "record.h"

struct tale {
	struct world *w;
	struct story *s;
};

/* The daemon has begun, nothing was told. */
void tale_begin(struct tale *t);
void tale_end(struct tale *t);
/* The next line; false at the end, or when the store broke. */
bool tale_next(struct tale *t);
/* Remembers what is on disk behind each commit of a whole tale; how many. */
int64_t tale_learn(void);
/* The store is closed, the disk is well: what it holds is sound, and is what
 * it held behind one commit. Returns which. */
int64_t tale_disk(struct tale *t);
/* Commits that the world was told of. */
int64_t tale_told(const struct tale *t);
/* The daemon begins again on that disk. */
void tale_restart(struct tale *t, int64_t on_disk);
/* On to the end: each tracker has the version, and was flashed once. */
void tale_ends_well(struct tale *t);

#endif
