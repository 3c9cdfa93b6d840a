#ifndef TRACKUP_CORE_PLAN_H
#define TRACKUP_CORE_PLAN_H
/*
 * plan: what a campaign file would do to the fleet as it is known now.
 *
 * Read only: nothing of it stays in the core. Linear in the targets, once for
 * each question. Invariant: the waves add up to total, and so do the paths
 * with what is skipped.
 */
#include "core/core.h"
#include "core/paths.h"

#define PLAN_ZONES_MAX 64   /* time zones that are looked at by themselves */
#define PLAN_PATHS_MAX 256  /* versions; the rest is added up */

/* The hours of a campaign in a zone, as sorted and disjoint spans between two
 * instants; caller frees. -1: no such zone, or no memory. */
typedef int plan_hours_fn(void *arg, const struct campaign_spec *s,
    const char *zone, int64_t from_wall, int64_t to_wall,
    struct wall_span **ret, size_t *ret_count);

/* Those that begin at one version. */
struct plan_path {
	char from[VERSION_MAX + 1]; /* "" = not known, it is read first */
	int hops;                   /* 0 = not known */
	uint64_t bytes;             /* of the way of one; or
	                             * PATH_BYTES_UNKNOWN */
	size_t count;
	bool others;                /* of more versions than are shown */
};

struct plan_wave {
	size_t total;
	size_t starts;              /* expected, one for each hop */
};

/* One target, for whoever wants to try the plan out. */
struct plan_device {
	struct devid id;
	char protover[PROTOVER_MAX + 1];
	char device_type[MODEL_MAX + 1], hardware[MODEL_MAX + 1];
	char mcu[VERSION_MAX + 1];  /* "" = not known */
	char zone[ZONE_NAME_MAX + 1];
	int wave;
	bool skipped;
	bool reachable;             /* online, or heard of within a day */
};

struct plan {
	size_t total;
	size_t left_out[3];         /* no targets: model, tag, excluded */
	size_t skipped[CAUSE_COUNT_];
	size_t elsewhere;           /* open in another campaign */
	size_t never_heard;         /* of those to be updated */
	size_t outside_window;      /* heard, but never in their hours */
	size_t wave_count;
	struct plan_wave wave[WAVES_MAX];
	size_t waves_held;          /* wait for somebody who approves them */
	struct plan_path path[PLAN_PATHS_MAX];
	size_t path_count;
	uint64_t bytes;             /* over all; what is unknown is left out */
	size_t bytes_unknown;       /* of so many targets */
	int64_t worst_case_ms;      /* W of one attempt, scaled */
	int64_t attempt_ms;         /* as it is expected */
	int64_t begin_wall;
	int64_t finish_wall;        /* 0 = not before the schedule's end */
	int64_t end_wall;           /* of the schedule */
	struct plan_device *device; /* total of them; NULL unless asked for */
};

/* devices: whether plan.device is wanted. Caller releases with plan_free().
 * -1: err says why. */
MUST_CHECK int core_plan(struct core *c, struct campaign_spec *spec,
    struct core_now now, plan_hours_fn *hours, void *hours_arg, bool devices,
    struct plan **ret, struct errtext *err);
void plan_free(struct plan *p); /* NULL is fine */

#endif
