#ifndef TRACKUP_DAEMON_FDSTORE_H
#define TRACKUP_DAEMON_FDSTORE_H
/*
 * fdstore: the trackers' connections over a restart of the daemon.
 *
 * The service manager keeps descriptors of a service that restarts. It is not
 * given the connections: it compares each with all that it has, and their names
 * would not fit into one variable of the environment. It is given a few unix
 * sockets, in whose buffers the connections are, each batch with what was known
 * of them; the other ends are closed, so that nobody can add to it.
 *
 * What it says is read as what a stranger may have written: another version
 * may have been running, and a bad batch is closed and counted.
 */
#include <stddef.h>
#include "io/trackers.h"

#define FDSTORE_NAME "trackers"

struct fdstore; /* what is being kept */

/* Whether anybody would keep it. */
bool fdstore_wanted(void);
struct fdstore *fdstore_new(void);      /* NULL: no memory */
/* Duplicates what it takes. */
void fdstore_put(struct fdstore *f, const struct trackers_kept *k);
/* Hands all to the manager. The number of connections that it has now. */
size_t fdstore_commit(struct fdstore *f);
void fdstore_free(struct fdstore *f);   /* NULL is fine */

/* Reads the batches in fd (taken). The number of connections; *ret_bad counts
 * what was closed because nobody could tell what it is. */
size_t fdstore_read(int fd, void (*fn)(void *arg,
    const struct trackers_kept *k), void *arg, size_t *ret_bad);

#endif
