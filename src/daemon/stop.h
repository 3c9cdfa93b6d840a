#ifndef TRACKUP_DAEMON_STOP_H
#define TRACKUP_DAEMON_STOP_H
/*
 * stop: SIGTERM and SIGINT.
 *
 * The first one is told to the loop, and the process has STOP_S seconds from
 * then on; a second one ends it at once. Both hold also where the loop does not
 * turn, for a disk hangs or a name server: to be killed at any moment is safe.
 */
#include "base/attr.h"

#define STOP_S 4

/* A descriptor that can be read once the first one came; -1 with errno. Open
 * until the process ends. */
MUST_CHECK int stop_init(void);
/* It was heard: the descriptor is quiet again. */
void stop_heard(void);

#endif
