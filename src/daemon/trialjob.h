#ifndef TRACKUP_DAEMON_TRIALJOB_H
#define TRACKUP_DAEMON_TRIALJOB_H
/*
 * trialjob: campaign simulate, on a thread of its own.
 *
 * One at a time. The thread has a core, a campaign and a fleet to itself, which
 * were copied before it began; the loop and it share an atomic flag and a
 * descriptor. Ends within TRIALJOB_MS.
 */
#include <stdbool.h>
#include <stdint.h>
#include "core/trial.h"
#include "io/loop.h"

#define TRIALJOB_MS (5 * 60 * 1000)

struct trialjob;

/* r NULL: err says why not. Borrowed. */
typedef void trialjob_fn(void *arg, const struct trial_result *r,
    const char *err);

/* NULL: no memory, or no descriptor. */
struct trialjob *trialjob_new(struct loop *l);
void trialjob_free(struct trialjob *j); /* waits for the thread; NULL is fine */
bool trialjob_busy(const struct trialjob *j);
/* Takes spec and v, also when it fails. cfg->stop is set here. -1: err. */
MUST_CHECK int trialjob_start(struct trialjob *j,
    const struct trial_config *cfg, struct campaign_spec *spec,
    struct plan_device *v, size_t n, trialjob_fn *fn, void *fn_arg,
    struct errtext *err);
/* Whoever asked is gone: it ends soon, and nobody is told. */
void trialjob_forget(struct trialjob *j, const void *fn_arg);

#endif
