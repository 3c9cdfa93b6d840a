#include "config.h"
#include "core/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- the one place where a target's state changes --------------------------*/

static void
tally(struct target *t, int by)
{
	wave_tally(t, by);
	rules_tally(t, by);
}

void
target_set(struct core *c, struct target *t, enum target_state state,
    enum cause cause)
{
	struct campaign *p = t->campaign;
	enum target_state from = t->rec.state;

	if (from == state && t->rec.cause == cause)
		return;
	tally(t, -1);
	p->count[t->rec.state]--;
	if (t->rec.cause != CAUSE_NONE)
		p->cause[t->rec.cause]--;
	t->rec.state = state;
	t->rec.cause = cause;
	p->count[state]++;
	/* Late evidence reopens what had been deferred, and is in the queue. */
	if (state != TARGET_WAITING)
		list_remove(&t->ready);
	if (cause != CAUSE_NONE)
		p->cause[cause]++;
	if (target_state_terminal(state)) {
		t->rec.ended_seq = core_seq(c);
		t->rec.retry_wall = 0;
		t->rec.wait_hold = HOLD_NONE;
		timer_set(c, &c->target_timers, &t->timer, INT64_MAX);
		core_note(c, NOTE_INFO,
		    "target device=%s campaign=%s state=%s cause=%s",
		    t->device->id, p->rec.name, target_state_name(state),
		    cause_name(cause));
	}
	tally(t, 1);
	wave_changed(c, t, from);
	mark_target(c, t);
	if (target_state_terminal(state)) {
		campaign_mark(c, p);
		campaign_check_end(c, p);
		device_kick_later(c, t->device);
	}
}

/* --- what a version decides before any start -------------------------------*/

static bool
model_allowed(char (*list)[MODEL_MAX + 1], size_t n, const char *have)
{
	if (n == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(list[i], have) == 0)
			return true;
	return false;
}

static bool
settle_by_version(struct core *c, struct target *t)
{
	const struct campaign_spec *s = t->campaign->spec;
	const struct device_rec *r;

	if (!target_needs_version(t))
		return false;
	assert(t->device->more != NULL);
	r = &t->device->more->rec;
	if (!model_allowed(s->require_type, s->require_type_count,
		r->device_type)) {
		target_set(c, t, TARGET_SKIPPED, CAUSE_WRONG_MODEL);
		return true;
	}
	if (!model_allowed(s->require_hardware, s->require_hardware_count,
		r->hardware)) {
		target_set(c, t, TARGET_SKIPPED, CAUSE_WRONG_HARDWARE);
		return true;
	}
	if (s->target_version[0] == '\0')
		return false;
	if (version_equal(r->fence_version, s->target_version)) {
		if (t->rec.attempts_total > 0)
			target_set(c, t, TARGET_SUCCEEDED, CAUSE_NONE);
		else
			target_set(c, t, TARGET_SKIPPED, CAUSE_UP_TO_DATE);
		return true;
	}
	return target_no_way(c, t);
}

/* --- preflight -------------------------------------------------------------*/

void
target_preflight_begin(struct core *c, struct device *d)
{
	struct target *t;
	int64_t until;

	for (t = d->targets; t != NULL; t = t->next_of_device) {
		if (t->rec.state != TARGET_WAITING ||
		    target_hold(c, t, &until) != HOLD_VERSION_UNKNOWN)
			continue;
		t->preflight = true;
		target_set(c, t, TARGET_ACTIVE, CAUSE_NONE);
		return;
	}
}

bool
target_preflight_due(const struct core *c, const struct device *d)
{
	const struct target *t;

	for (t = d->targets; t != NULL; t = t->next_of_device)
		if (t->preflight && campaign_hold(c, t->campaign) == HOLD_NONE &&
		    !target_not_allowed(c, t))
			return true;
	return false;
}

void
target_preflight_over(struct core *c, struct target *t)
{
	if (!t->preflight)
		return;
	t->preflight = false;
	/* A deferred attempt may lie beside it until the next start. */
	if (t->rec.state == TARGET_ACTIVE &&
	    (t->attempt == NULL || !attempt_live(t->attempt)))
		target_set(c, t, TARGET_WAITING, CAUSE_NONE);
}

static void
preflight(struct core *c, struct target *t, int64_t until_at)
{
	struct device_more *m = device_more(c, t->device);

	if (m == NULL || t->preflight)
		return;
	if (until_at != 0) {
		timer_set(c, &c->target_timers, &t->timer, until_at);
		return;
	}
	/* W was seen to be over: only a read from now on counts. */
	if (m->rec.start_attempt != 0 && m->rec.start_w_over_seq == 0 &&
	    c->now.at_ms >= m->rec.start_w_end_at) {
		m->rec.start_w_over_seq = core_seq(c);
		m->rec.stale_seq = m->rec.start_w_over_seq;
		mark_device(c, m);
	}
	if (!read_vacant(c, t->device) || list_in(&m->read_wait))
		return;
	if (c->now.at_ms < m->preflight_next_at) {
		timer_set(c, &c->target_timers, &t->timer,
		    m->preflight_next_at);
		return;
	}
	read_want(c, t->device, READ_PREFLIGHT);
}

/* --- decide ----------------------------------------------------------------*/

/* A deferral is over for good once another start follows it, be it that of
 * another campaign. */
static void
deferral_over(struct core *c, struct device *d)
{
	struct attempt *old = d->more == NULL ? NULL : d->more->attempt;

	if (old == NULL)
		return;
	assert(old->rec.phase == PHASE_DEFERRED);
	attempt_enter(c, old, PHASE_ENDED);
	old->rec.ended_wall = c->now.wall_ms;
	old->target->campaign->result[RESULT_DEFERRED]++;
	attempt_lit(c, old);
	core_op_ended(c, &old->rec);
	list_remove(&old->dirty_node);
	timer_set(c, &c->attempt_timers, &old->timer, INT64_MAX);
	d->more->attempt = NULL;
	old->target->attempt = NULL;
	attempt_free(c, old);
}

static void
start(struct core *c, struct target *t)
{
	struct campaign *p = t->campaign;

	deferral_over(c, t->device);
	if (!bucket_take(&p->bucket, c->now.at_ms) ||
	    !bucket_take(&c->bucket, c->now.at_ms))
		return;
	c->flags_dirty = true;
	campaign_jitter(c, p);
	mark_campaign(c, p);
	list_remove(&t->ready);
	timer_set(c, &c->target_timers, &t->timer, INT64_MAX);
	target_set(c, t, TARGET_ACTIVE, CAUSE_NONE);
	(void)attempt_new(c, t);
}

void
target_evaluate(struct core *c, struct target *t)
{
	int64_t until;
	enum hold h;

	if (t->rec.state != TARGET_WAITING || target_leave_excluded(c, t))
		return;
	h = target_hold(c, t, &until);
	switch (h) {
	case HOLD_VERSION_UNKNOWN:
		list_remove(&t->ready);
		preflight(c, t, until);
		return;
	case HOLD_FILE_SERVER:
	case HOLD_DARK_MAX:
	case HOLD_IN_FLIGHT:
	case HOLD_RATE:
		if (settle_by_version(c, t))
			return;
		if (!list_in(&t->ready)) {
			list_push_back(&target_wave(t)->ready, &t->ready);
			*(h == HOLD_RATE ? &c->held_start_rate
			    : h == HOLD_DARK_MAX ? &c->held_dark
			    : h == HOLD_FILE_SERVER ? &c->held_files
			    : &c->held_in_flight) += 1;
		}
		if (until != 0)
			campaign_arm(c, t->campaign, until);
		return;
	case HOLD_TIMEZONE_UNKNOWN:
	case HOLD_WINDOW:
	case HOLD_WINDOW_FIT:
		if (!settle_by_version(c, t))
			windows_wait(c, t);
		return;
	case HOLD_NONE:
		if (!settle_by_version(c, t))
			start(c, t);
		return;
	default:
		list_remove(&t->ready);
		return;
	}
}

/* A fence was answered: what waited for a version may go on. */
void
target_version(struct core *c, struct target *t)
{
	target_preflight_over(c, t);
	target_evaluate(c, t);
}

void
target_timer(struct core *c, struct target *t)
{
	if (t->rec.state == TARGET_BACKOFF) {
		t->rec.retry_wall = 0;
		target_set(c, t, TARGET_WAITING, CAUSE_NONE);
	} else if (t->rec.state == TARGET_WAITING &&
	    t->rec.wait_hold != HOLD_NONE) {
		t->rec.wait_hold = HOLD_NONE;
		t->rec.retry_wall = 0;
		mark_target(c, t);
	}
	target_evaluate(c, t);
}
