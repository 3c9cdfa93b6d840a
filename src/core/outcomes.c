#include "config.h"
#include "core/state.h"

#include "core/plant.h"

/*
 * What becomes of a target when its attempt has ended: it is done, tries again
 * at once or later, or waits for its battery.
 */

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

	/* A refusal is an answer: it did leave. */
	if (a->rec.uncharged && a->rec.reached == REACHED_INTENT &&
	    cause == CAUSE_NO_ACK && !campaign_only_settles(t->campaign)) {
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
target_left_over(const struct target *t)
{
	return t->campaign->rec.expired_wall != 0 &&
	    !target_state_terminal(t->rec.state) &&
	    t->rec.deferrals < t->campaign->spec->retry.max_deferrals;
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
		if (!target_left_over(t) &&
		    !target_deferred(c, t, code_of_cause(cause)))
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
