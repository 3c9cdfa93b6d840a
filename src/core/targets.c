#include "config.h"
#include "core/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/plant.h"
#include "core/startrule.h"

static bool
needs_version(const struct campaign_spec *s)
{
	return s->target_version[0] != '\0' || s->require_type_count > 0 ||
	    s->require_hardware_count > 0;
}

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

/* --- holds -----------------------------------------------------------------*/

enum hold
campaign_hold(const struct core *c, const struct campaign *p)
{
	switch (p->rec.state) {
	case CAMPAIGN_DRAFT:
		return HOLD_APPROVAL;
	case CAMPAIGN_SCHEDULED:
		return HOLD_SCHEDULE;
	default:
		break;
	}
	if (p->rec.started_wall != 0 && schedule_shut(c, p))
		return HOLD_SCHEDULE;
	if (c->flags.halted)
		return HOLD_HALTED;
	if (p->rec.state != CAMPAIGN_RUNNING)
		return HOLD_PAUSED;
	if (c->draining)
		return HOLD_DRAINING;
	if (!c->store_ok || c->store_low)
		return HOLD_STORE;
	return HOLD_NONE;
}

/* An attempt of it lives, or it runs and comes first. */
const struct campaign *
target_blocker(const struct target *t)
{
	const struct device *d = t->device;
	const struct campaign *first = NULL;
	const struct target *o;

	if (planted("device_shared"))
		return NULL;
	if (d->more != NULL && d->more->attempt != NULL &&
	    d->more->attempt->target != t && attempt_live(d->more->attempt))
		return d->more->attempt->target->campaign;
	for (o = d->targets; o != NULL; o = o->next_of_device) {
		const struct campaign *p = o->campaign;
		const struct campaign *than =
		    first == NULL ? t->campaign : first;

		if (o == t || target_state_terminal(o->rec.state) ||
		    p->rec.state != CAMPAIGN_RUNNING)
			continue;
		if (p->spec->priority > than->spec->priority ||
		    (p->spec->priority == than->spec->priority &&
			p->rec.id < than->rec.id))
			first = p;
	}
	return first;
}

static enum hold
hold_version(const struct core *c, const struct target *t,
    int64_t *ret_until_at)
{
	const struct device *d = t->device;
	int64_t until = 0;

	if (d->more != NULL) {
		enum start_block b =
		    start_rule(&d->more->rec, c->now.at_ms, &until);

		if (b != START_OK) {
			*ret_until_at = until;
			return HOLD_VERSION_UNKNOWN;
		}
	}
	if (needs_version(t->campaign->spec) && !device_version_fresh(c, d))
		return HOLD_VERSION_UNKNOWN;
	return HOLD_NONE;
}

static enum hold
hold_pace(const struct core *c, const struct campaign *p,
    int64_t *ret_until_at)
{
	int64_t now = c->now.at_ms;
	int64_t next;

	if (p->dark >= (size_t)p->spec->pace.dark_max &&
	    !planted("dark_without_end"))
		return HOLD_DARK_MAX;
	if (p->in_flight >= (size_t)p->spec->pace.in_flight +
		    (planted("in_flight_one_more") ? 1 : 0) ||
	    c->in_flight >= (size_t)c->cfg.in_flight)
		return HOLD_IN_FLIGHT;
	if (now < p->jitter_until_at) {
		*ret_until_at = p->jitter_until_at;
		return HOLD_RATE;
	}
	next = MAX_OF(bucket_next_at(&p->bucket, now),
	    bucket_next_at(&c->bucket, now));
	if (next > now) {
		*ret_until_at = next;
		return HOLD_RATE;
	}
	return HOLD_NONE;
}

/* The first that blocks, in the order of contract.md. *ret_until_at: when time
 * alone may lift it, 0 = not by time. */
enum hold
target_hold(const struct core *c, const struct target *t,
    int64_t *ret_until_at)
{
	const struct device *d = t->device;
	enum hold h;

	*ret_until_at = 0;
	if ((h = campaign_hold(c, t->campaign)) != HOLD_NONE)
		return h;
	if (target_not_allowed(c, t))
		return HOLD_NOT_ALLOWED;
	if (device_quarantined(c, d)) {
		*ret_until_at = device_contested_until(c, d);
		return HOLD_QUARANTINED;
	}
	if (target_blocker(t) != NULL)
		return HOLD_OTHER_CAMPAIGN;
	if (device_foreign(c, d))
		return HOLD_FOREIGN_UPDATE;
	if (!wave_lets(t))
		return HOLD_WAVE;
	if (t->rec.wait_hold != HOLD_NONE)
		return t->rec.wait_hold;
	if (!device_hears(d))
		return HOLD_OFFLINE;
	if ((h = hold_version(c, t, ret_until_at)) != HOLD_NONE)
		return h;
	if ((h = windows_hold(c, t, ret_until_at)) != HOLD_NONE)
		return h;
	if ((h = download_hold(c, t->campaign)) != HOLD_NONE)
		return h;
	return hold_pace(c, t->campaign, ret_until_at);
}

/* Held again when the intent is durable; slot and token are taken already. */
bool
target_gate_open(struct core *c, struct target *t)
{
	int64_t until;

	return campaign_hold(c, t->campaign) == HOLD_NONE &&
	    !target_not_allowed(c, t) && !device_quarantined(c, t->device) &&
	    target_blocker(t) == NULL &&
	    !device_foreign(c, t->device) && wave_lets(t) &&
	    hold_version(c, t, &until) == HOLD_NONE &&
	    (windows_hold(c, t, &until) == HOLD_NONE ||
		planted("window_not_held_again"));
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

	if (!needs_version(s))
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
	if (m->read.state != READ_NONE || list_in(&m->read_wait))
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

/* --- what becomes of a target after an attempt -----------------------------*/

/* The campaign may only settle any more, never start. */
bool
campaign_only_settles(const struct campaign *p)
{
	return p->rec.state == CAMPAIGN_ABORTING ||
	    p->rec.state == CAMPAIGN_ABORTED ||
	    p->rec.state == CAMPAIGN_FINISHED || p->rec.expired_wall != 0;
}

static void
wait_until(struct core *c, struct target *t, int64_t ms)
{
	t->rec.retry_wall = c->now.wall_ms + ms;
	timer_set(c, &c->target_timers, &t->timer, c->now.at_ms + ms);
	mark_target(c, t);
}

static void
backoff(struct core *c, struct target *t)
{
	const struct spec_retry *r = &t->campaign->spec->retry;
	int64_t ms = r->backoff_ms, most, spread;

	for (int i = 1; i < t->rec.attempts && ms < r->backoff_max_ms; i++)
		ms *= 2;
	ms = core_dur(c, MIN_OF(ms, r->backoff_max_ms));
	most = core_dur(c, r->backoff_max_ms);
	spread = (int64_t)(prng_unit(&c->prng) * (double)ms / 5);
	/* Never longer than what was promised: at the top it spreads below. */
	if (!planted("jitter_over_max"))
		ms = ms + spread <= most ? ms + spread : most - spread;
	else
		ms += spread;
	target_set(c, t, TARGET_BACKOFF, CAUSE_NONE);
	wait_until(c, t, ms);
}

static bool
cause_retries(const struct target *t, enum cause cause)
{
	switch (cause) {
	case CAUSE_BAD_URL:
	case CAUSE_WRONG_VERSION:
	case CAUSE_REFUSED:
	case CAUSE_REFUSED_POWER_OFF: /* deferred until max_deferrals */
	case CAUSE_LOW_BATTERY:
	case CAUSE_LOW_BATTERY_INSTALL:
		return false;
	case CAUSE_UPDATE_FAILED:
		return t->rec.update_failed <= 1; /* one further try */
	default:
		return true;
	}
}

static void
failed(struct core *c, struct target *t, const struct attempt *a,
    enum cause cause)
{
	const struct spec_retry *r = &t->campaign->spec->retry;

	if (a->rec.uncharged && a->rec.reached == REACHED_INTENT &&
	    !campaign_only_settles(t->campaign)) {
		target_set(c, t, TARGET_WAITING, CAUSE_NONE);
		return;
	}
	t->rec.resends = 0;
	if (download_our_fault(a, cause) &&
	    !campaign_only_settles(t->campaign)) {
		backoff(c, t);
		return;
	}
	t->rec.attempts++;
	if (cause == CAUSE_UPDATE_FAILED)
		t->rec.update_failed++;
	rules_attempt(c, t, cause, false);
	if (campaign_only_settles(t->campaign) || !cause_retries(t, cause) ||
	    t->rec.attempts >= r->max_attempts)
		target_set(c, t, TARGET_FAILED, cause);
	else
		backoff(c, t);
}

bool
target_deferred(struct core *c, struct target *t, int code)
{
	const struct spec_retry *r = &t->campaign->spec->retry;
	int64_t ms = r->battery_wait_ms;

	if (campaign_only_settles(t->campaign) ||
	    (t->rec.deferrals + 1 > r->max_deferrals &&
		!planted("deferred_for_ever")))
		return false;
	t->rec.deferrals++;
	if (code == 303 && !planted("battery_never_doubles")) {
		/* Bytes were spent: ask less and less often. */
		for (int i = 0; i < t->rec.deferrals_303 && i < 8; i++)
			ms *= 2;
		t->rec.deferrals_303++;
	}
	t->rec.wait_hold = code == 101 ? HOLD_POWER_OFF : HOLD_BATTERY;
	target_set(c, t, TARGET_WAITING, CAUSE_NONE);
	wait_until(c, t, core_dur(c, ms));
	return true;
}

static void
withdrawn(struct core *c, struct target *t)
{
	t->rec.withdrawn++;
	mark_target(c, t);
	if (campaign_only_settles(t->campaign)) {
		target_set(c, t, TARGET_CANCELLED,
		    schedule_leftover_cause(t->campaign));
	} else if (t->rec.withdrawn >= 3) {
		t->rec.withdrawn = 0;
		backoff(c, t);
	} else {
		target_set(c, t, TARGET_WAITING, CAUSE_NONE);
		timer_set(c, &c->target_timers, &t->timer,
		    c->now.at_ms + core_dur(c, WITHDRAWN_MS));
	}
}

static void
dropped(struct core *c, struct target *t, const struct attempt *a)
{
	if (++t->rec.resends > RESENDS_MAX) {
		failed(c, t, a, CAUSE_NO_ACK);
		return;
	}
	if (campaign_only_settles(t->campaign)) {
		target_set(c, t, TARGET_CANCELLED,
		    schedule_leftover_cause(t->campaign));
		return;
	}
	target_set(c, t, TARGET_WAITING, CAUSE_NONE);
	list_push_front(&target_wave(t)->ready, &t->ready);
}

static int
code_of_cause(enum cause cause)
{
	if (cause == CAUSE_REFUSED_POWER_OFF)
		return 101;
	return cause == CAUSE_LOW_BATTERY ? 103 : 303;
}

void
target_attempt_ended(struct core *c, struct target *t, struct attempt *a,
    enum result result, enum cause cause)
{
	/* From here on the attempt is history; a is freed by the caller. */
	if (a->rec.reached == REACHED_INTENT && a->rec.ack_seq == 0 &&
	    (result == RESULT_DROPPED ||
		(result == RESULT_FAILED && cause == CAUSE_NO_ACK)))
		diagnosis_start_unheard(c, t->device->more);
	rules_attempt(c, t, CAUSE_NONE, false);
	switch (result) {
	case RESULT_SUCCEEDED: {
		struct device_rec *r = &t->device->more->rec;

		/* A verified hop is as good as a final code (design.md 3); a
		 * 301 that nothing could be held against is not. */
		if (r->start_attempt == a->rec.id && a->rec.to[0] != '\0') {
			r->start_final_seq = core_seq(c);
			mark_device(c, t->device->more);
		}
		target_hop_done(c, t, a);
		break;
	}
	case RESULT_CANCELLED:
		target_set(c, t, TARGET_CANCELLED, cause);
		break;
	case RESULT_UNVERIFIED:
		target_set(c, t, TARGET_UNVERIFIED, CAUSE_NONE);
		break;
	case RESULT_WITHDRAWN:
		withdrawn(c, t);
		break;
	case RESULT_DROPPED:
		dropped(c, t, a);
		break;
	case RESULT_DEFERRED:
		if (!target_deferred(c, t, code_of_cause(cause)))
			failed(c, t, a, cause);
		break;
	case RESULT_FAILED:
	default:
		failed(c, t, a, cause);
		break;
	}
	c->pace_changed = true;
	device_kick_later(c, t->device);
	/* In aborting, and past the schedule's end, whatever did not end for
	 * good ends now. */
	if ((t->campaign->rec.state == CAMPAIGN_ABORTING ||
		t->campaign->rec.expired_wall != 0) &&
	    !target_state_terminal(t->rec.state))
		target_set(c, t, TARGET_CANCELLED,
		    schedule_leftover_cause(t->campaign));
	windows_keep(c, t);
	campaign_check_end(c, t->campaign);
}

void
target_provisional(struct core *c, struct target *t, enum target_state state,
    enum cause cause)
{
	if (state == TARGET_FAILED && !download_our_fault(t->attempt, cause))
		rules_attempt(c, t, cause, true);
	target_set(c, t, state, cause);
}

void
target_reopened(struct core *c, struct target *t)
{
	rules_attempt(c, t, CAUSE_NONE, false);
	t->rec.wait_hold = HOLD_NONE;
	t->rec.retry_wall = 0;
	timer_set(c, &c->target_timers, &t->timer, INT64_MAX);
	target_set(c, t, TARGET_ACTIVE, CAUSE_NONE);
}
