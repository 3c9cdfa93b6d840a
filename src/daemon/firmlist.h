#ifndef TRACKUP_DAEMON_FIRMLIST_H
#define TRACKUP_DAEMON_FIRMLIST_H
/*
 * firmlist: the files below files.root, with size and SHA-256.
 *
 * A look is made when somebody asks, on a thread of its own, one at a time;
 * whoever asks meanwhile gets the same. A file is only read again when size,
 * times or inode are not those of the last look. The loop owns it; the thread
 * has the list while it looks.
 */
#include <stdbool.h>
#include "base/attr.h"
#include "io/api.h"
#include "io/loop.h"

#define FIRMLIST_FILES_MAX 4096
#define FIRMLIST_DEPTH_MAX 8

struct firmlist;

struct firmlist_stats {
	size_t files;
	uint64_t not_listed; /* too many, too deep, name too long, no memory */
};

/* NULL: no memory. */
struct firmlist *firmlist_new(struct loop *l);
/* Waits for the file that is being read. NULL is fine. */
void firmlist_free(struct firmlist *f);
/* fn is called later, once, unless it is forgotten. False: no memory. */
bool firmlist_ask(struct firmlist *f, const char *root, api_firmware_fn *fn,
    void *fn_arg);
void firmlist_forget(struct firmlist *f, void *fn_arg);
void firmlist_get_stats(const struct firmlist *f, struct firmlist_stats *ret);

#endif
