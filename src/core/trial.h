#ifndef TRACKUP_CORE_TRIAL_H
#define TRACKUP_CORE_TRIAL_H
/*
 * trial: a campaign from its start to its end on a virtual clock, with the
 * core that would run it and a fleet that is only simulated.
 *
 * Pure, and shares nothing with the core that runs: any thread may do it. The
 * same configuration gives the same result, unless it was stopped from
 * outside. Invariant: ends, after TRIAL_EVENTS_MAX events at the latest.
 */
#include "core/core.h"
#include "core/plan.h"
#include "core/view.h"

#define TRIAL_DEVICES_MAX 100000
#define TRIAL_EVENTS_MAX 20000000
#define TRIAL_LINES_MAX 1000
#define TRIAL_TEXT 200

/* How often a simulated tracker fails, for a million attempts. */
struct trial_rates {
	uint32_t no_ack;            /* the command is read and dropped */
	uint32_t power_off, low_battery, low_battery_install;
	uint32_t download_fail, update_fail;
	uint32_t report_lost;       /* each single report */
	uint32_t brick;             /* never heard of again */
	uint32_t seldom;            /* of all: here for an hour a day */
};
extern const struct trial_rates trial_rates;

struct trial_config {
	struct core_config core;
	uint64_t seed;
	int64_t begin_wall;
	struct trial_rates rates;
	plan_hours_fn *hours;       /* called by whoever runs the trial */
	void *hours_arg;
	bool (*stop)(void *arg);    /* asked now and then: end now */
	void *stop_arg;
};

struct trial_line {
	int64_t wall;
	char text[TRIAL_TEXT];
};

struct trial_wave {
	char name[CAMPAIGN_NAME_MAX + 1];
	enum wave_state state;
	size_t total, done, succeeded, failed;
};

enum trial_end {
	TRIAL_OVER,      /* the campaign ended */
	TRIAL_PAUSED,    /* it waits for somebody to look at it */
	TRIAL_STUCK,     /* not over a week after the end of its schedule */
	TRIAL_TOO_LONG,  /* TRIAL_EVENTS_MAX */
	TRIAL_STOPPED,   /* from outside */
	TRIAL_REFUSED,   /* the core does not take it: err */
};

struct trial_result {
	enum trial_end end;
	enum campaign_state state;
	enum pause_reason reason;
	char reason_text[REASON_MAX + 1];
	size_t total, targets[TARGET_STATE_COUNT_], causes[CAUSE_COUNT_];
	struct trial_wave wave[WAVES_MAX];
	size_t wave_count;
	size_t devices, unreachable; /* known, and not heard of for a day */
	uint64_t starts, flashed, bricked, events;
	size_t in_flight_max;
	int64_t begin_wall, end_wall;
	uint64_t hash;               /* of all that was decided */
	struct trial_line *line;
	size_t line_count, lines_left_out;
};

const char *trial_end_name(enum trial_end v);

/* The devices of a plan as the fleet of a trial: spec then names them and
 * their waves one by one. -1: no memory. */
MUST_CHECK int trial_known(struct campaign_spec *spec,
    const struct plan_device *v, size_t n);
/* A made-up fleet of n in their place; caller frees *ret. -1: no memory. */
MUST_CHECK int trial_made_up(struct campaign_spec *spec, size_t n,
    struct plan_device **ret);

/* Takes spec, prepared by one of these; v is borrowed. 0 with *ret, for
 * trial_free(); -1 with err: no memory. */
MUST_CHECK int trial_run(const struct trial_config *cfg,
    struct campaign_spec *spec, const struct plan_device *v, size_t n,
    struct trial_result **ret, struct errtext *err);
void trial_free(struct trial_result *r); /* NULL is fine */

#endif
