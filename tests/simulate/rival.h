#ifndef TRACKUP_TESTS_SIMULATE_RIVAL_H
#define TRACKUP_TESTS_SIMULATE_RIVAL_H
/*
 * rival: in some random worlds a second campaign wants the same trackers; its
 * priority is drawn, and drawn again when its file is read again. Also drawn:
 * the first campaign's dark_max. What the core decides is looked at when an
 * intent is new: none of the one that has to wait, none over dark_max.
 *
 * Holds the rows of the second campaign as they are on disk. A drawing of its
 * own, so that it does not shift the others'.
 */
#include <stdbool.h>

#include "base/prng.h"
#include "core/core.h"
#include "core/state.h"

#define RIVAL_NAME "rival"
#define RIVAL_DEVICES 16

struct rival {
	struct prng chance;
	int dark_max;
	bool drawn;
	int priority;           /* the first's is 50 */
	int devices;
	bool known;             /* it is on disk */
	struct campaign_rec rec;
	struct target_rec target[RIVAL_DEVICES];
	int targets;
	struct wave_rec wave;
};

void rival_draw(struct rival *r, uint64_t seed, int devices);
void rival_reprioritise(struct rival *r);
/* Its file as it is now; the ids are those of the first campaign. Caller
 * gives it to the core. */
struct campaign_spec *rival_file(const struct rival *r,
    const struct devid *devices);
/* The row of a batch that is being applied is its own: taken over. */
bool rival_row(struct rival *r, const struct core *c, const struct op *op);
bool rival_is(const struct core *c, int64_t campaign);
/* Its waves and targets, after its campaign. 0, or -1. */
MUST_CHECK int rival_load_targets(const struct rival *r, struct core *c);
/* NULL, or why that intent should not have been made. */
const char *rival_forbid(const struct core *c, const struct attempt_rec *a);

#endif
