#ifndef TRACKUP_DAEMON_RELOAD_H
#define TRACKUP_DAEMON_RELOAD_H
/*
 * reload: trackupd.yaml, the inventory and the campaign files are read by a
 * thread of their own, since a million ids take a second and trackers must not
 * wait for it; what was read comes into force on the loop, all at once.
 *
 * Invariant: at most one reload is under way; while it is, nobody replaces
 * app.conf or the core's inventory, which the thread looks at.
 */
#include "daemon/app.h"

struct reload;

struct reload *reload_new(struct app *a); /* NULL: no memory */
/* Waits for the thread, drops what it read. NULL is fine. */
void reload_free(struct reload *r);
/* As api_ops.reload and reload_forget. */
bool reload_api(void *arg, bool force, const char *who, const char *reason,
    api_reload_fn *fn, void *fn_arg);
void reload_api_forget(void *arg, void *fn_arg);
/* SIGHUP; one that comes while a reload is under way is another one behind
 * it. */
void reload_signal(struct app *a);

#endif
