#ifndef TRACKUP_DAEMON_PKGWATCH_H
#define TRACKUP_DAEMON_PKGWATCH_H
/*
 * pkgwatch: do the package files of running campaigns stay what they were?
 *
 * A look is one stat() a file; only where size, times or inode are not those
 * of the last look is the file read, on a thread of its own, one at a time.
 * Nothing is concluded from a file that changed while it was read: it is read
 * again. What is short on our side (descriptors, memory) says nothing about a
 * file.
 */
#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "core/core.h"
#include "core/view.h"

#define PKGWATCH_FILES_MAX 4096

struct pkgwatch;

struct pkgwatch_stats {
	size_t files;
	uint64_t not_watched; /* more than PKGWATCH_FILES_MAX, or no memory */
};

/* As core_packages_seen(): wrong NULL = all of that campaign's are what they
 * were. May be told again and again. */
typedef void pkgwatch_fn(void *arg, const char *campaign, const char *wrong);

/* NULL: no memory. */
struct pkgwatch *pkgwatch_new(void);
/* Waits for the file that is being read. NULL is fine. */
void pkgwatch_free(struct pkgwatch *w);
/* look: stat them, not only take in what was read meanwhile. */
void pkgwatch_turn(struct pkgwatch *w, const struct core *core,
    const char *root, bool look, pkgwatch_fn *fn, void *arg);
void pkgwatch_get_stats(const struct pkgwatch *w, struct pkgwatch_stats *ret);

#endif
