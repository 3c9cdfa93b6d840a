#include "config.h"
#include "core/state.h"

#include <stdlib.h>
#include <string.h>

#include "core/plant.h"

/*
 * What a cell of the attempt machine does, once the phase is set. An action may
 * end the attempt and free it: nothing touches it afterwards.
 */

static void
attempt_end(struct core *c, struct attempt *a, enum result result,
    enum cause cause)
{
	struct device_more *m = a->device->more;
	struct target *t = a->target;

	attempt_enter(c, a, PHASE_ENDED);
	a->rec.result = result;
	a->rec.cause = cause;
	a->rec.ended_wall = c->now.wall_ms;
	attempt_lit(c, a);
	t->campaign->result[result]++;
	if (result == RESULT_SUCCEEDED && a->rec.written_at != 0)
		histogram_add(&c->updates, &histogram_update,
		    (double)(c->now.at_ms - a->rec.written_at) / 1000);
	if (result == RESULT_FAILED)
		download_tell_end(c, a, cause);
	core_event(c, a->device, a->rec.campaign, a->rec.id, EVENT_PHASE,
	    PHASE_ENDED, -1, -1, "ended: %s%s%s", result_name(result),
	    cause == CAUSE_NONE ? "" : " ", cause_name(cause));
	core_note(c, NOTE_INFO,
	    "attempt_ended device=%s campaign=%s attempt=%lld result=%s "
	    "cause=%s reached=%s",
	    a->device->id, t->campaign->rec.name, (long long)a->rec.id,
	    result_name(result), cause_name(cause),
	    reached_name(a->rec.reached));
	core_op_ended(c, &a->rec);
	list_remove(&a->dirty_node);
	list_remove(&a->of_campaign);
	timer_set(c, &c->attempt_timers, &a->timer, INT64_MAX);
	download_over(c, a);
	m->attempt = NULL;
	t->attempt = NULL;
	target_attempt_ended(c, t, a, result, cause);
	free(a);
}

void
attempt_free(struct core *c, struct attempt *a)
{
	download_over(c, a);
	list_remove(&a->of_campaign);
	free(a);
}

static enum cause
cause_of_reached(const struct attempt *a)
{
	switch (a->rec.reached) {
	case REACHED_INTENT:
		return CAUSE_NO_ACK;
	case REACHED_ACKED:
	case REACHED_CONFIRMED:
		return CAUSE_TIMEOUT;
	case REACHED_DOWNLOADING:
		return CAUSE_DOWNLOAD_FAILED;
	case REACHED_DOWNLOADED:
	case REACHED_UPDATING:
		return CAUSE_UPDATE_FAILED;
	case REACHED_CLAIMED:
	default:
		return CAUSE_WRONG_VERSION;
	}
}

static enum cause
cause_of_code(const struct attempt *a, int code)
{
	switch (code) {
	case 101:
		return CAUSE_REFUSED_POWER_OFF;
	case 102:
		return a->rec.reached == REACHED_DOWNLOADING
		    ? CAUSE_FOREIGN_CANCEL
		    : CAUSE_BAD_URL;
	case 103:
		return a->rec.reached >= REACHED_CONFIRMED
		    ? CAUSE_LOW_BATTERY_INSTALL
		    : CAUSE_LOW_BATTERY;
	case 303:
		return CAUSE_LOW_BATTERY_INSTALL;
	case 202:
		return CAUSE_DOWNLOAD_FAILED;
	default:
		return code >= 300 ? CAUSE_UPDATE_FAILED : CAUSE_REFUSED;
	}
}

static bool
code_defers(int code)
{
	return code == 101 || code == 103 || code == 303;
}

/* A final code that stands: the attempt ends by it. */
static void
end_by_code(struct core *c, struct attempt *a, int code)
{
	enum cause cause = cause_of_code(a, code);

	if (a->rec.cancel_wanted)
		attempt_end(c, a, RESULT_CANCELLED, a->rec.cancel_cause);
	else if (code_defers(code))
		attempt_end(c, a, RESULT_DEFERRED, cause);
	else
		attempt_end(c, a, RESULT_FAILED, cause);
}

static void
settle(struct core *c, struct attempt *a, bool version_known)
{
	/* The mode is over, but what it did was never read, nor said: bytes
	 * that had arrived may have been flashed. */
	if (!version_known && a->rec.reached >= REACHED_DOWNLOADED &&
	    a->rec.held_code == 0) {
		attempt_end(c, a, RESULT_UNVERIFIED, CAUSE_NONE);
		return;
	}
	if (a->rec.cancel_wanted && a->rec.reached < REACHED_CLAIMED) {
		attempt_end(c, a, RESULT_CANCELLED, a->rec.cancel_cause);
		return;
	}
	if (a->rec.held_code != 0) {
		end_by_code(c, a, a->rec.held_code);
		return;
	}
	attempt_end(c, a, RESULT_FAILED, cause_of_reached(a));
}

/* A fence, and no version to hold it against. */
static void
settle_blind(struct core *c, struct attempt *a, enum phase from)
{
	if (from == PHASE_VERIFYING) {
		if (a->rec.to[0] == '\0' && !a->rec.claimed_buffered)
			attempt_end(c, a, RESULT_SUCCEEDED, CAUSE_NONE);
		else
			attempt_end(c, a, RESULT_UNVERIFIED, CAUSE_NONE);
	} else if (a->rec.held_code != 0 ||
	    a->rec.reached < REACHED_DOWNLOADED) {
		settle(c, a, false);
	} else {
		attempt_end(c, a, RESULT_UNVERIFIED, CAUSE_NONE);
	}
}

static void
written(struct core *c, struct attempt *a)
{
	struct device_rec *r = &a->device->more->rec;
	struct target *t = a->target;

	c->commands_start++;
	a->rec.written_seq = core_seq(c);
	a->rec.written_at = c->now.at_ms;
	a->rec.w_end_at = c->now.at_ms + a->rec.w_ms;
	a->rec.holds_udp = a->device->conn->transport == TRANSPORT_UDP;
	attempt_ledger_from(c, a);
	r->stale_seq = a->rec.written_seq;
	t->rec.attempts_total++;
	t->rec.withdrawn = 0;
	t->campaign->attempts++;
	mark_target(c, t);
	attempt_arm(c, a);
}

/* The ledger of the start rule begins anew with this start. */
void
attempt_ledger_from(struct core *c, struct attempt *a)
{
	struct device_rec *r = &a->device->more->rec;

	r->start_attempt = a->rec.id;
	r->start_serial = a->rec.serial;
	r->start_seq = MAX_OF(a->rec.written_seq, a->rec.intent_seq);
	r->start_w_end_at = a->rec.w_end_at;
	r->start_w_over_seq = 0;
	r->start_ack_seq = 0;
	r->start_final_seq = 0;
	r->start_dropped_seq = 0;
	mark_device(c, a->device->more);
}

static void
raise_reached(struct attempt *a, enum reached to)
{
	if (a->rec.reached < to)
		a->rec.reached = to;
}

static void
progress(struct core *c, struct attempt *a, enum attempt_event ev,
    enum phase from)
{
	switch (ev) {
	case AE_100:
		raise_reached(a, REACHED_CONFIRMED);
		break;
	case AE_200_NEW:
	case AE_GET:
		raise_reached(a, REACHED_DOWNLOADING);
		break;
	case AE_201:
		raise_reached(a, REACHED_DOWNLOADED);
		break;
	default:
		raise_reached(a, REACHED_UPDATING);
		break;
	}
	a->rec.held_code = 0;
	a->rec.reads_unanswered = 0;
	if (from == PHASE_DEFERRED) {
		a->rec.result = RESULT_OPEN;
		target_reopened(c, a->target);
	}
	attempt_arm(c, a);
}

static void
overdue(struct core *c, struct attempt *a, enum phase from)
{
	if (planted("deadline_ends_update")) {
		attempt_end(c, a, RESULT_FAILED, CAUSE_TIMEOUT);
		return;
	}
	/* W also ends over what was heard of: deferred, resolving, or overdue
	 * for long and there again. */
	if (a->rec.phase == PHASE_OVERDUE &&
	    (a->rec.reached == REACHED_DOWNLOADED ||
		a->rec.reached == REACHED_UPDATING) &&
	    (from != PHASE_OVERDUE ||
		a->device->last_seen_at <= a->rec.code_at) &&
	    !a->rec.dark) {
		a->rec.dark = true;
		a->target->campaign->dark++;
	}
	attempt_arm(c, a);
}

static void
provisional(struct core *c, struct attempt *a)
{
	enum cause cause = CAUSE_TIMEOUT;

	if (a->rec.reached == REACHED_CLAIMED) {
		target_provisional(c, a->target, TARGET_UNVERIFIED, CAUSE_NONE);
		return;
	}
	if (a->rec.reached == REACHED_INTENT)
		cause = CAUSE_NO_ACK;
	else if (a->rec.reached >= REACHED_DOWNLOADED)
		cause = CAUSE_SILENT;
	if (planted("provisional_frees_device")) {
		attempt_end(c, a, RESULT_FAILED, cause);
		return;
	}
	a->rec.cause = cause;
	attempt_arm(c, a);
	if (a->rec.cancel_wanted)
		target_provisional(c, a->target, TARGET_CANCELLED,
		    a->rec.cancel_cause);
	else
		target_provisional(c, a->target, TARGET_FAILED, cause);
}

static void
deferred(struct core *c, struct attempt *a)
{
	enum cause cause = cause_of_code(a, a->rec.code);

	if (a->rec.cancel_wanted) {
		attempt_end(c, a, RESULT_CANCELLED, a->rec.cancel_cause);
		return;
	}
	if (target_left_over(a->target)) {
		attempt_end(c, a, RESULT_DEFERRED, cause);
		return;
	}
	if (!target_deferred(c, a->target,
		cause == CAUSE_LOW_BATTERY_INSTALL ? 303 : a->rec.code)) {
		attempt_end(c, a, RESULT_FAILED, cause);
		return;
	}
	/* What silence had it counted for is taken back. */
	rules_attempt(c, a->target, CAUSE_NONE, false);
	a->rec.result = RESULT_DEFERRED;
	a->rec.cause = cause;
	attempt_arm(c, a);
}

static void
acknowledged(struct core *c, struct attempt *a)
{
	struct device_rec *r = &a->device->more->rec;

	raise_reached(a, REACHED_ACKED);
	a->rec.ack_seq = core_seq(c);
	a->rec.reads_unanswered = 0;
	/* Rule 2: an ACK after a fence voids it; the start ran after the read. */
	if (!planted("ack_keeps_fence"))
		r->stale_seq = a->rec.ack_seq;
	if (r->start_attempt == a->rec.id)
		r->start_ack_seq = a->rec.ack_seq;
	mark_device(c, a->device->more);
	if (a->rec.held_code != 0)
		read_want(c, a->device, READ_FENCE);
	attempt_arm(c, a);
}

static void
restarted(struct core *c, struct attempt *a)
{
	if (planted("resend_after_restart")) {
		memset(&a->device->more->rec.start_attempt, 0,
		    sizeof(a->device->more->rec.start_attempt));
		a->device->more->rec.stale_seq = 0;
		attempt_end(c, a, RESULT_DROPPED, CAUSE_NONE);
		return;
	}
	/* Perhaps it never left: then the device is not to blame. */
	a->rec.uncharged = a->rec.reached == REACHED_INTENT;
	attempt_arm(c, a);
}

static void
cancelled(struct core *c, struct attempt *a)
{
	enum cause cause = a->rec.cancel_cause;

	if (a->rec.held_code == 102 && a->rec.stops_sent > 0 &&
	    !a->rec.stop_acked && a->rec.reached < REACHED_DOWNLOADING)
		cause = CAUSE_AMBIGUOUS_102;
	attempt_end(c, a, RESULT_CANCELLED, cause);
}

void
attempt_act(struct core *c, struct attempt *a, enum attempt_event ev,
    enum attempt_action action, enum phase from)
{
	struct device_rec *r = &a->device->more->rec;

	switch (action) {
	case ACT_RECORD:
	case ACT_CANCEL_LATE:
	case ACT_COUNT_:
		break;
	case ACT_WRITTEN:
		written(c, a);
		break;
	case ACT_WITHDRAW:
		attempt_end(c, a,
		    a->rec.cancel_wanted ? RESULT_CANCELLED : RESULT_WITHDRAWN,
		    a->rec.cancel_wanted ? a->rec.cancel_cause : CAUSE_NONE);
		break;
	case ACT_ACK:
		acknowledged(c, a);
		break;
	case ACT_REFUSED:
		if (a->rec.cancel_wanted)
			cancelled(c, a);
		else
			attempt_end(c, a, RESULT_FAILED, CAUSE_REFUSED);
		break;
	case ACT_FOREIGN:
		a->rec.foreign = true;
		r->stale_seq = core_seq(c);
		mark_device(c, a->device->more);
		attempt_arm(c, a);
		break;
	case ACT_PROGRESS:
		progress(c, a, ev, from);
		break;
	case ACT_DEFER:
		deferred(c, a);
		break;
	case ACT_FAIL_CODE:
		end_by_code(c, a, a->rec.code);
		break;
	case ACT_HOLD:
		a->rec.held_code = a->rec.code;
		attempt_arm(c, a);
		read_want(c, a->device, READ_FENCE);
		break;
	case ACT_ASK:
		attempt_arm(c, a);
		read_want(c, a->device, READ_FENCE);
		break;
	case ACT_CLAIM:
		raise_reached(a, REACHED_CLAIMED);
		a->rec.held_code = 0;
		if (from == PHASE_DEFERRED) {
			a->rec.result = RESULT_OPEN;
			target_reopened(c, a->target);
		}
		attempt_arm(c, a);
		read_want(c, a->device, READ_FENCE);
		break;
	case ACT_SUCCEED:
		raise_reached(a, REACHED_CLAIMED);
		attempt_end(c, a, RESULT_SUCCEEDED, CAUSE_NONE);
		break;
	case ACT_SETTLE:
		settle(c, a, ev != AE_MODE_OVER);
		break;
	case ACT_WRONG:
		if (a->rec.reached >= REACHED_DOWNLOADED)
			attempt_end(c, a, RESULT_FAILED, CAUSE_WRONG_VERSION);
		else
			settle(c, a, true);
		break;
	case ACT_BLIND:
		settle_blind(c, a, from);
		break;
	case ACT_DROPPED:
		r->start_dropped_seq = core_seq(c);
		mark_device(c, a->device->more);
		attempt_end(c, a, RESULT_DROPPED, CAUSE_NONE);
		break;
	case ACT_CANCELLED:
		cancelled(c, a);
		break;
	case ACT_OVERDUE:
	case ACT_W_OVER:
		overdue(c, a, from);
		break;
	case ACT_PROVISIONAL:
		provisional(c, a);
		break;
	case ACT_DOUBT:
	case ACT_LOST:
		attempt_arm(c, a);
		break;
	case ACT_CANCEL:
		a->rec.cancel_wanted = true;
		attempt_stop_due(c, a);
		if (a->rec.phase != PHASE_INTENT)
			attempt_arm(c, a);
		break;
	case ACT_RESTART:
		restarted(c, a);
		break;
	}
}
