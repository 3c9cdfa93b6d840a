#include "config.h"
#include "core/trial.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/trial_priv.h"

#define LOOK_EVERY 1024 /* events between two looks at stop */

const struct trial_rates trial_rates = {
	.no_ack = 2000, .power_off = 3000, .low_battery = 20000,
	.low_battery_install = 2000, .download_fail = 20000,
	.update_fail = 200, .report_lost = 2000, .brick = 0,
	.seldom = 50000,
};

/* Who is to be asked says yes, after a look. */
static void
approve(struct trial *w)
{
	struct oper op = {.kind = OPER_WAVE_APPROVE, .campaign = w->name,
	    .who = "trial", .reason = "trial"};
	struct oper_result r;

	w->approve = false;
	for (size_t i = 0; i < w->spec->wave_count; i++) {
		if (w->wave[i] != WAVE_HELD)
			continue;
		op.wave = w->spec->waves[i].name;
		trial_tell(w, "wave %s: approved, as somebody would have to",
		    op.wave);
		core_operate(w->core, &op, trial_now(w), &w->fx, &r);
		trial_effects(w);
	}
}

/* False: the trial is over. */
static bool
goes_on(struct trial *w, int64_t until)
{
	struct view_campaign v;
	size_t done;

	if (w->failed || !core_view_campaign_brief(w->core, trial_now(w),
		w->name, &v))
		return false;
	w->r->in_flight_max = MAX_OF(w->r->in_flight_max, v.in_flight);
	done = v.total - v.targets[TARGET_WAITING] - v.targets[TARGET_ACTIVE] -
	    v.targets[TARGET_BACKOFF];
	if (v.total > 0 && (int)(done * 10 / v.total) > w->tenth) {
		w->tenth = (int)(done * 10 / v.total);
		trial_tell(w, "%zu of %zu: %zu succeeded, %zu failed, "
		    "%zu skipped", done, v.total,
		    v.targets[TARGET_SUCCEEDED], v.targets[TARGET_FAILED],
		    v.targets[TARGET_SKIPPED]);
	}
	if (v.state == CAMPAIGN_FINISHED || v.state == CAMPAIGN_ABORTED) {
		w->r->end = TRIAL_OVER;
		return false;
	}
	if (v.state == CAMPAIGN_PAUSED && v.targets[TARGET_ACTIVE] == 0) {
		w->r->end = TRIAL_PAUSED;
		return false;
	}
	if (w->now > until) {
		w->r->end = TRIAL_STUCK;
		return false;
	}
	return true;
}

static bool
interrupted(struct trial *w)
{
	if (w->r->events > TRIAL_EVENTS_MAX)
		w->r->end = TRIAL_TOO_LONG;
	else if (w->seq % LOOK_EVERY == 0 && w->cfg->stop != NULL &&
	    w->cfg->stop(w->cfg->stop_arg))
		w->r->end = TRIAL_STOPPED;
	else
		return false;
	return true;
}

static void
happens(struct trial *w, const struct happening *h)
{
	if (h->kind == H_DURABLE)
		trial_feed(w, &(struct ev){.kind = EV_DURABLE,
			    .ticket = h->value});
	else
		trial_tracker_happens(w, h);
}

static void
run(struct trial *w, int64_t until)
{
	while (goes_on(w, until) && !interrupted(w)) {
		int64_t due = core_deadline(w->core);
		struct happening h;

		if (due != INT64_MAX)
			due -= 1; /* trial_now() */
		if (w->len == 0 && due == INT64_MAX) {
			w->r->end = TRIAL_STUCK;
			return;
		}
		if (w->len == 0 || due < w->heap[1].at) {
			w->seq++;
			w->now = MAX_OF(w->now, due);
			trial_feed(w, &(struct ev){.kind = EV_TICK});
		} else {
			h = trial_next(w);
			w->now = MAX_OF(w->now, h.at);
			happens(w, &h);
		}
		if (w->approve)
			approve(w);
	}
}

static int
load(struct trial *w, const struct plan_device *v, size_t n)
{
	struct core_fleet fleet = {.inventory = inventory_new()};
	struct flags_rec flags = {0};
	struct stamp_rec stamp = {0};

	if (fleet.inventory == NULL)
		return -1;
	core_load_flags(w->core, &flags, &stamp);
	for (size_t i = 0; i < n; i++) {
		struct inventory_line line = {.id = v[i].id,
		    .timezone = span_str(v[i].zone), .number = 1};
		struct device_rec d = {.key = v[i].id.key, .registered = true};

		memcpy(d.id, v[i].id.text, sizeof(d.id));
		memcpy(d.protover, v[i].protover, sizeof(d.protover));
		memcpy(d.mcu, v[i].mcu, sizeof(d.mcu));
		if (core_load_device(w->core, &d) < 0 || (v[i].zone[0] != '\0'
		    && inventory_add(fleet.inventory, &line) < 0))
			goto bad;
	}
	if (inventory_seal(fleet.inventory) < 0 ||
	    core_load_done(w->core, trial_now(w), -1, false, &w->fx) < 0)
		goto bad;
	trial_effects(w);
	core_fleet(w->core, &fleet, trial_now(w), &w->fx);
	trial_effects(w);
	return 0;
bad:
	core_fleet_free(&fleet);
	return -1;
}

static void
result(struct trial *w)
{
	const struct view_looks nobody = {0}; /* is asked for */
	struct view_wave v[WAVES_MAX];
	struct view_campaign c;
	struct trial_result *r = w->r;

	r->end_wall = w->cfg->begin_wall + w->now;
	r->devices = w->count;
	if (!core_view_campaign_brief(w->core, trial_now(w), w->name, &c))
		return;
	r->state = c.state;
	r->reason = c.reason;
	(void)snprintf(r->reason_text, sizeof(r->reason_text), "%s",
	    c.reason_text);
	r->total = c.total;
	memcpy(r->targets, c.targets, sizeof(r->targets));
	memcpy(r->causes, c.causes, sizeof(r->causes));
	r->wave_count = core_view_waves(w->core, trial_now(w), w->name,
	    &nobody, v, WAVES_MAX);
	for (size_t i = 0; i < r->wave_count; i++) {
		struct trial_wave *o = &r->wave[i];

		(void)snprintf(o->name, sizeof(o->name), "%s", v[i].name);
		o->state = v[i].state;
		o->total = v[i].total;
		o->done = v[i].done;
		o->succeeded = v[i].targets[TARGET_SUCCEEDED];
		o->failed = v[i].targets[TARGET_FAILED];
	}
	for (size_t i = 0; i < TARGET_STATE_COUNT_; i++)
		r->hash = prng_mix(r->hash, r->targets[i]);
	r->hash = prng_mix(r->hash, r->events);
}

static int
go(struct trial *w, struct campaign_spec *spec, const struct plan_device *v,
    size_t n, struct errtext *err)
{
	int64_t end = spec->schedule.end_wall != 0
	    ? spec->schedule.end_wall - w->cfg->begin_wall
	    : SCHEDULE_DAYS * DAY + MAX_OF(spec->schedule.start_wall -
		    w->cfg->begin_wall, 0);
	bool none = spec->package_count == 0;

	w->spec = spec; /* the core keeps it */
	memcpy(w->name, spec->name, sizeof(w->name));
	w->state = CAMPAIGN_DRAFT;
	if (w->core == NULL || w->t == NULL || w->r->line == NULL || none ||
	    load(w, v, n) < 0) {
		spec_free(spec);
		return errtext_set(err, -1, "out of memory");
	}
	if (core_campaign_file(w->core, spec, false, trial_now(w), &w->fx, err)
	    == FILE_REFUSED) {
		w->r->end = TRIAL_REFUSED;
		trial_effects(w);
		return w->failed ? errtext_set(err, -1, "out of memory") : 0;
	}
	trial_effects(w);
	trial_trackers_begin(w, v);
	run(w, end + 7 * DAY);
	result(w);
	return w->failed ? errtext_set(err, -1, "out of memory") : 0;
}

int
trial_run(const struct trial_config *cfg, struct campaign_spec *spec,
    const struct plan_device *v, size_t n, struct trial_result **ret,
    struct errtext *err)
{
	struct core_config core = cfg->core;
	struct trial w = {.cfg = cfg, .count = n};
	int r;

	*ret = NULL;
	if ((w.r = calloc(1, sizeof(*w.r))) == NULL) {
		spec_free(spec);
		return errtext_set(err, -1, "out of memory");
	}
	w.r->line = calloc(TRIAL_LINES_MAX, sizeof(*w.r->line));
	w.r->begin_wall = w.r->end_wall = cfg->begin_wall;
	w.t = calloc(n + 1, sizeof(*w.t));
	/* Nobody waits for it: whatever the list, it is taken in at once. */
	core.piece = INT_MAX;
	w.core = core_new(&core, cfg->seed);
	prng_init(&w.chance, cfg->seed);
	fx_init(&w.fx);
	r = go(&w, spec, v, n, err);
	core_free(w.core);
	opbuf_done(&w.fx.ops);
	fx_done(&w.fx);
	free(w.heap);
	free(w.t);
	if (r < 0)
		trial_free(w.r);
	else
		*ret = w.r;
	return r;
}

void
trial_free(struct trial_result *r)
{
	if (r == NULL)
		return;
	free(r->line);
	free(r);
}

const char *
trial_end_name(enum trial_end v)
{
	switch (v) {
	case TRIAL_OVER: return "over";
	case TRIAL_PAUSED: return "paused";
	case TRIAL_STUCK: return "stuck";
	case TRIAL_TOO_LONG: return "too_long";
	case TRIAL_STOPPED: return "stopped";
	case TRIAL_REFUSED: return "refused";
	}
	return "";
}
