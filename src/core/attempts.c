#include "config.h"
#include "core/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/plant.h"

static const struct campaign_spec *
attempt_spec(const struct attempt *a)
{
	return a->target->campaign->spec;
}

static bool
phase_holds_slot(enum phase p)
{
	switch (p) {
	case PHASE_INTENT:
	case PHASE_SENDING:
	case PHASE_ACKED:
	case PHASE_CONFIRMED:
	case PHASE_DOWNLOADING:
	case PHASE_DOWNLOADED:
	case PHASE_UPDATING:
	case PHASE_UNSURE:
		return true;
	default:
		return false;
	}
}

bool
attempt_live(const struct attempt *a)
{
	return a->rec.phase != PHASE_ENDED && a->rec.phase != PHASE_DEFERRED;
}

/* A stop may still be sent, and would still mean something. */
bool
attempt_stoppable(const struct attempt *a)
{
	switch (a->rec.phase) {
	case PHASE_INTENT:
	case PHASE_SENDING:
	case PHASE_ACKED:
	case PHASE_CONFIRMED:
	case PHASE_DOWNLOADING:
	case PHASE_UNSURE:
	case PHASE_OVERDUE:
		return a->rec.reached < REACHED_DOWNLOADED;
	default:
		return false;
	}
}

enum phase
attempt_phase_shown(const struct attempt *a)
{
	enum read_state r = a->device->more->read.state;

	if (a->rec.phase == PHASE_INTENT)
		return PHASE_SENDING;
	if (a->rec.cancel_wanted && attempt_live(a))
		return PHASE_CANCELLING;
	if ((r == READ_OUT || r == READ_ACKED) && attempt_live(a) &&
	    a->rec.phase != PHASE_VERIFYING && a->rec.phase != PHASE_SENDING)
		return PHASE_RESOLVING;
	return a->rec.phase;
}

/* --- timers ----------------------------------------------------------------*/

static int64_t
contact_at(const struct attempt *a)
{
	int64_t at = MAX_OF(a->rec.written_at, a->rec.code_at);

	return MAX_OF(at, a->device->last_seen_at);
}

static bool
may_give_up(const struct attempt *a)
{
	return (a->rec.phase == PHASE_UNSURE ||
		   a->rec.phase == PHASE_OVERDUE) &&
	    a->rec.w_over_seq != 0;
}

static int64_t
give_up_at(const struct core *c, const struct attempt *a)
{
	if (!may_give_up(a))
		return INT64_MAX;
	if (a->rec.reads_unanswered >= 3)
		return c->now.at_ms;
	return contact_at(a) +
	    core_dur(c, attempt_spec(a)->timeouts.silent_ms);
}

static bool
second_stop_waits(const struct core *c, const struct attempt *a)
{
	return a->rec.cancel_wanted && a->rec.stops_sent == 1 &&
	    !a->rec.stop_acked && !a->rec.foreign && !a->stop_pending &&
	    attempt_stoppable(a) && a->device->conn != NULL && c->store_ok;
}

void
attempt_arm(struct core *c, struct attempt *a)
{
	int64_t at = INT64_MAX;

	if (a->rec.phase != PHASE_INTENT && a->rec.w_over_seq == 0)
		at = a->rec.w_end_at;
	if (a->rec.deadline_at != 0)
		at = MIN_OF(at, a->rec.deadline_at);
	at = MIN_OF(at, give_up_at(c, a));
	if (second_stop_waits(c, a))
		at = MIN_OF(at, a->rec.stop_at +
			core_dur(c, attempt_spec(a)->timeouts.ack_ms));
	timer_set(c, &c->attempt_timers, &a->timer, at);
}

static void
w_is_over(struct core *c, struct attempt *a)
{
	struct device_rec *r = &a->device->more->rec;

	/* Rule 1: what was asked before now no longer settles anything. */
	a->rec.w_over_seq = core_seq(c);
	r->stale_seq = a->rec.w_over_seq;
	if (r->start_attempt == a->rec.id)
		r->start_w_over_seq = a->rec.w_over_seq;
	mark_device(c, a->device->more);
	mark_attempt(c, a);
}

void
attempt_timer(struct core *c, struct attempt *a)
{
	struct device_more *m = a->device->more;
	int64_t now = c->now.at_ms;

	if (a->rec.phase != PHASE_INTENT && a->rec.w_over_seq == 0 &&
	    now >= a->rec.w_end_at) {
		w_is_over(c, a);
		attempt_step(c, a, AE_W_OVER);
	}
	if (m->attempt == a && a->rec.deadline_at != 0 &&
	    now >= a->rec.deadline_at) {
		a->rec.deadline_at = 0;
		attempt_step(c, a, AE_DEADLINE);
	}
	if (m->attempt == a && now >= give_up_at(c, a))
		attempt_step(c, a, AE_GIVE_UP);
	if (m->attempt != a)
		return;
	attempt_stop_due(c, a);
	attempt_arm(c, a);
}

/* Any frame of the device: it is there. */
void
attempt_contact(struct core *c, struct device *d)
{
	struct attempt *a = d->more == NULL ? NULL : d->more->attempt;

	if (a == NULL || !a->rec.dark)
		return;
	a->rec.dark = false;
	a->target->campaign->dark--;
	mark_attempt(c, a);
}

/* --- the step --------------------------------------------------------------*/

static int64_t
phase_deadline(const struct core *c, const struct attempt *a, enum phase p)
{
	const struct campaign_spec *s = attempt_spec(a);
	const struct spec_timeouts *t = &s->timeouts;
	int64_t ms;

	switch (p) {
	case PHASE_SENDING:
		ms = t->ack_ms;
		break;
	case PHASE_ACKED:
		ms = t->confirm_ms;
		break;
	case PHASE_CONFIRMED:
		ms = t->start_download_ms;
		break;
	case PHASE_DOWNLOADING:
		ms = s->download_timeout_ms + t->download_margin_ms;
		break;
	case PHASE_DOWNLOADED:
	case PHASE_UPDATING:
		ms = t->install_ms;
		break;
	case PHASE_VERIFYING:
	case PHASE_RESOLVING:
		ms = t->verify_ms;
		break;
	default:
		return 0;
	}
	return c->now.at_ms + core_dur(c, ms);
}

static enum phase
phase_of_reached(enum reached r)
{
	static const enum phase of[REACHED_COUNT_] = {
	    [REACHED_INTENT] = PHASE_SENDING,
	    [REACHED_ACKED] = PHASE_ACKED,
	    [REACHED_CONFIRMED] = PHASE_CONFIRMED,
	    [REACHED_DOWNLOADING] = PHASE_DOWNLOADING,
	    [REACHED_DOWNLOADED] = PHASE_DOWNLOADED,
	    [REACHED_UPDATING] = PHASE_UPDATING,
	    [REACHED_CLAIMED] = PHASE_VERIFYING,
	};
	return of[r];
}

static void
slot_update(struct core *c, struct attempt *a, bool want)
{
	struct campaign *p = a->target->campaign;

	if (a->slot == want)
		return;
	a->slot = want;
	if (want) {
		c->in_flight++;
		p->in_flight++;
	} else {
		c->in_flight--;
		p->in_flight--;
		c->pace_changed = true;
	}
}

static bool
slot_free(const struct core *c, const struct campaign *p)
{
	return c->in_flight < (size_t)c->cfg.in_flight &&
	    p->in_flight < (size_t)p->spec->pace.in_flight;
}

/* Where the table's next phase gives way to what else is known. */
static enum phase
resolve_next(const struct core *c, const struct attempt *a,
    const struct attempt_cell *cell)
{
	enum phase next = cell->next;

	if (cell->action == ACT_ACK && next == PHASE_ACKED &&
	    a->rec.reached > REACHED_ACKED)
		next = phase_of_reached(a->rec.reached);
	if (!phase_holds_slot(next))
		return next;
	/* The absolute deadline overrides all others. */
	if (a->rec.w_over_seq != 0)
		return PHASE_OVERDUE;
	/* The slot was given away: not above the cap for being late. */
	if (!a->slot && !slot_free(c, a->target->campaign))
		return PHASE_OVERDUE;
	return next;
}

static void act(struct core *c, struct attempt *a, enum attempt_event ev,
    enum attempt_action action, enum phase from);

void
attempt_step(struct core *c, struct attempt *a, enum attempt_event ev)
{
	const struct attempt_cell *cell = attempt_cell(a->rec.phase, ev);
	enum phase from = a->rec.phase;

	assert(cell->kind != CELL_UNSET);
	mark_attempt(c, a);
	if (cell->kind == CELL_GO) {
		enum phase next = resolve_next(c, a, cell);

		a->rec.phase = next; /* the only assignment */
		a->rec.deadline_at = phase_deadline(c, a, next);
		slot_update(c, a, phase_holds_slot(next));
		if (next != from && next != PHASE_ENDED) {
			core_event(c, a->device, a->rec.campaign, a->rec.id,
			    EVENT_PHASE, next, -1, -1, "%s -> %s (%s)",
			    phase_name(from), phase_name(next),
			    attempt_event_name(ev));
			core_note(c, NOTE_INFO,
			    "attempt device=%s campaign=%s attempt=%lld "
			    "from=%s to=%s event=%s",
			    a->device->id, a->target->campaign->rec.name,
			    (long long)a->rec.id, phase_name(from),
			    phase_name(next), attempt_event_name(ev));
		}
		if (from == PHASE_PROVISIONAL && next != PHASE_ENDED &&
		    next != PHASE_DEFERRED)
			target_reopened(c, a->target);
	}
	act(c, a, ev, cell->action, from);
}

/* --- actions ---------------------------------------------------------------*/

static void
attempt_end(struct core *c, struct attempt *a, enum result result,
    enum cause cause)
{
	struct device_more *m = a->device->more;
	struct target *t = a->target;

	a->rec.phase = PHASE_ENDED;
	a->rec.result = result;
	a->rec.cause = cause;
	a->rec.ended_wall = c->now.wall_ms;
	a->rec.deadline_at = 0;
	slot_update(c, a, false);
	if (a->rec.dark) {
		a->rec.dark = false;
		t->campaign->dark--;
	}
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
	timer_set(c, &c->attempt_timers, &a->timer, INT64_MAX);
	m->attempt = NULL;
	t->attempt = NULL;
	target_attempt_ended(c, t, a, result, cause);
	free(a);
}

void
attempt_free(struct core *c, struct attempt *a)
{
	(void)c;
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
overdue(struct core *c, struct attempt *a)
{
	/* W also ends over what was heard of: deferred, resolving. */
	if (a->rec.phase == PHASE_OVERDUE &&
	    (a->rec.reached == REACHED_DOWNLOADED ||
		a->rec.reached == REACHED_UPDATING) &&
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
	if (!target_deferred(c, a->target,
		cause == CAUSE_LOW_BATTERY_INSTALL ? 303 : a->rec.code)) {
		attempt_end(c, a, RESULT_FAILED, cause);
		return;
	}
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

static void
act(struct core *c, struct attempt *a, enum attempt_event ev,
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
		overdue(c, a);
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

/* --- guards: codes ---------------------------------------------------------*/

static enum attempt_event
classify_download(struct attempt *a, int code, int times)
{
	int n_total = a->rec.tries_total;
	int seen = __builtin_popcount(a->rec.started_mask);

	if (a->rec.reached >= REACHED_DOWNLOADED || times > n_total ||
	    times == 0)
		return AE_CODE_LOW;
	if (code == 200) {
		int n = times < 0 ? seen + 1 : times;

		if (n > n_total)
			return AE_CODE_LOW;
		if (a->rec.started_mask >> n != 0)
			return AE_200_OLD;
		a->rec.started_mask |= 1u << n;
		return AE_200_NEW;
	}
	if (planted("first_202_final"))
		return AE_202_LAST;
	if (times >= 0)
		return times == n_total ? AE_202_LAST : AE_202_MORE;
	return n_total == 1 || seen >= n_total ? AE_202_LAST : AE_202_MORE;
}

static enum attempt_event
classify_102(const struct core *c, const struct attempt *a)
{
	const struct device_rec *r = &a->device->more->rec;

	if (a->rec.reached >= REACHED_DOWNLOADED)
		return AE_CODE_LOW;
	if (a->rec.stops_sent > 0)
		return AE_102_STOP;
	if (r->stop_seq != 0 && c->now.at_ms < r->stop_w_end_at)
		return AE_DOUBTFUL;
	return a->rec.reached == REACHED_DOWNLOADING ? AE_102_FOREIGN
						     : AE_102_URL;
}

/* A live code, as it acts at what was reached. */
static enum attempt_event
classify_code(const struct core *c, struct attempt *a, int code, int times)
{
	enum reached reached = a->rec.reached;
	bool reopen = a->rec.phase == PHASE_DEFERRED;

	switch (code) {
	case 100:
		return reached < REACHED_CONFIRMED || reopen ? AE_100
							     : AE_CODE_LOW;
	case 101:
		return reached < REACHED_CONFIRMED ? AE_101 : AE_CODE_LOW;
	case 102:
		return classify_102(c, a);
	case 103:
		if (reached < REACHED_CONFIRMED)
			return AE_103;
		return reached < REACHED_DOWNLOADED ? AE_303 : AE_CODE_LOW;
	case 200:
	case 202:
		return classify_download(a, code, times);
	case 201:
		return reached < REACHED_DOWNLOADED || reopen ? AE_201
							      : AE_CODE_LOW;
	case 300:
		return reached < REACHED_UPDATING || reopen ? AE_300
							    : AE_CODE_LOW;
	case 301:
		if (reached < REACHED_CONFIRMED)
			return AE_DOUBTFUL;
		return a->rec.to[0] == '\0' || planted("trust_bare_301")
		    ? AE_301_BARE
		    : AE_301;
	case 302:
		return reached < REACHED_CONFIRMED ? AE_DOUBTFUL : AE_302;
	case 303:
		return reached <= REACHED_DOWNLOADED ? AE_303 : AE_CODE_LOW;
	default:
		break;
	}
	if (code >= 300)
		return reached < REACHED_CONFIRMED ? AE_DOUBTFUL : AE_3XX;
	if (code >= 200)
		return AE_2XX;
	return reached < REACHED_DOWNLOADED ? AE_1XX : AE_CODE_LOW;
}

static bool
event_is_final(enum attempt_event ev)
{
	switch (ev) {
	case AE_101:
	case AE_102_URL:
	case AE_102_FOREIGN:
	case AE_102_STOP:
	case AE_103:
	case AE_202_LAST:
	case AE_302:
	case AE_303:
	case AE_1XX:
	case AE_3XX:
		return true;
	default:
		return false;
	}
}

/* Those that the start rule builds on: what nobody knows is none of them. */
static bool
code_is_final(int code)
{
	switch (code) {
	case 101:
	case 102:
	case 103:
	case 202: /* the last one, says its event */
	case 302:
	case 303:
		return true;
	default:
		return false;
	}
}

/* A late copy: it acts only where a code at least as high as reached would,
 * and never ends an attempt alone. */
static enum attempt_event
classify_late(struct attempt *a, enum attempt_event ev)
{
	if (event_is_final(ev))
		return AE_BUFF_FINAL;
	if (ev == AE_301_BARE) {
		a->rec.claimed_buffered =
		    a->rec.reached < REACHED_DOWNLOADED;
		return AE_301;
	}
	if (a->rec.phase == PHASE_DEFERRED || a->rec.phase == PHASE_PROVISIONAL)
		return ev == AE_301 ? AE_301 : AE_BUFF_FINAL;
	return ev;
}

/* A GTUPD report that is no repeat, while an attempt is there. */
void
attempt_code(struct core *c, struct attempt *a, const struct message *m)
{
	struct device_rec *r = &a->device->more->rec;
	enum attempt_event ev;
	bool final;

	if (a->rec.phase == PHASE_INTENT)
		return; /* not written yet: it cannot be about this start */
	ev = classify_code(c, a, m->code, m->times);
	final = event_is_final(ev);
	a->rec.code = m->code;
	a->rec.times = m->times;
	a->rec.code_seq = core_seq(c);
	a->rec.code_at = c->now.at_ms;
	r->stale_seq = a->rec.code_seq;
	if (m->buffered) {
		ev = classify_late(a, ev);
	} else {
		if (ev == AE_301_BARE)
			a->rec.claimed_buffered = false;
		if (final && code_is_final(m->code) &&
		    r->start_attempt == a->rec.id)
			r->start_final_seq = a->rec.code_seq;
		if (final && ev != AE_102_STOP && a->rec.ack_seq == 0 &&
		    a->rec.reached < REACHED_CONFIRMED &&
		    a->rec.earlier_start)
			ev = AE_FINAL_HELD;
	}
	mark_device(c, a->device->more);
	attempt_step(c, a, ev);
}

/* --- guards: fences --------------------------------------------------------*/

static bool
dropped_proof(const struct core *c, const struct attempt *a,
    const struct read *r)
{
	const struct spec_timeouts *t = &attempt_spec(a)->timeouts;

	return (a->rec.phase == PHASE_SENDING ||
		   (a->rec.phase == PHASE_UNSURE &&
		       a->rec.reached == REACHED_INTENT)) &&
	    a->rec.ack_seq == 0 && a->rec.code_seq == 0 && !a->rec.foreign &&
	    r->transport == TRANSPORT_TCP && a->start_conn_id != 0 &&
	    r->conn_id == a->start_conn_id &&
	    r->ack_conn_id == a->start_conn_id &&
	    r->written_at >= a->rec.written_at + core_dur(c, t->confirm_ms) &&
	    c->now.at_ms >= a->rec.written_at + core_dur(c, t->ack_ms);
}

/* After the start, its ACK, the last stop, the last code, and W's end. */
static bool
read_is_fence(const struct attempt *a, const struct read *r)
{
	return r->written_seq > a->rec.written_seq &&
	    r->written_seq > a->rec.intent_seq &&
	    r->written_seq > a->device->more->rec.stale_seq;
}

static bool
unproven(const struct attempt *a)
{
	return a->rec.w_over_seq == 0 && a->rec.ack_seq == 0 &&
	    a->rec.phase != PHASE_VERIFYING &&
	    a->rec.phase != PHASE_PROVISIONAL;
}

void
attempt_fence(struct core *c, struct attempt *a, const char *version,
    const struct read *r)
{
	enum attempt_event ev;

	if (a->rec.phase == PHASE_INTENT || !read_is_fence(a, r))
		return;
	if (a->rec.to[0] != '\0' && version_equal(version, a->rec.to))
		ev = AE_FENCE_TARGET;
	else if (dropped_proof(c, a, r))
		ev = a->rec.cancel_wanted ? AE_FENCE_CANCEL
					  : AE_FENCE_DROPPED;
	else if (unproven(a))
		ev = AE_FENCE_UNPROVEN;
	else if (a->rec.cancel_wanted && (a->rec.reached < REACHED_DOWNLOADED ||
		version_equal(version, a->rec.from)))
		ev = AE_FENCE_CANCEL;
	else if (a->rec.to[0] == '\0')
		ev = AE_FENCE_BLIND;
	else if (version_equal(version, a->rec.from) ||
	    a->rec.reached < REACHED_DOWNLOADED)
		ev = AE_FENCE_OLD;
	else
		ev = AE_FENCE_OTHER;
	attempt_step(c, a, ev);
}

/* The read was acknowledged, and no version came. */
void
attempt_mode_over(struct core *c, struct attempt *a, const struct read *r)
{
	if (a->rec.phase == PHASE_INTENT || !read_is_fence(a, r))
		return;
	a->rec.mode_over_acks++;
	mark_attempt(c, a);
	if (a->rec.mode_over_acks >= 3 && !unproven(a))
		attempt_step(c, a, AE_MODE_OVER);
	else
		read_want(c, a->device, READ_FENCE);
}

/* --- start and stop --------------------------------------------------------*/

void
attempt_stop_due(struct core *c, struct attempt *a)
{
	struct device *d = a->device;
	uint16_t serial;

	if (!a->rec.cancel_wanted || a->rec.foreign || a->stop_pending ||
	    a->rec.stop_acked || a->rec.phase == PHASE_INTENT ||
	    !attempt_stoppable(a) || a->rec.stops_sent >= STOPS_MAX ||
	    d->conn == NULL || !c->store_ok)
		return;
	if (a->rec.stops_sent > 0 &&
	    c->now.at_ms < a->rec.stop_at +
		    core_dur(c, attempt_spec(a)->timeouts.ack_ms))
		return;
	serial = device_serial(c, d->more);
	a->rec.stop_serial[a->rec.stops_sent++] = serial;
	a->stop_pending = true;
	mark_attempt(c, a);
	core_event(c, d, a->rec.campaign, a->rec.id, EVENT_SENT, PHASE_NONE,
	    -1, serial, "AT+GTUPD stop");
	pending_add(c, PENDING_STOP, d, a->rec.id, serial);
}

/* The intent: slot and token are taken by the caller. Written only when its
 * ticket is durable (pending.c). NULL: no memory. */
struct attempt *
attempt_new(struct core *c, struct target *t)
{
	struct device *d = t->device;
	struct device_more *m = device_more(c, d);
	struct campaign *p = t->campaign;
	const struct spec_package *pkg;
	struct attempt *a;

	pkg = target_package(p, m == NULL ? "" : m->rec.fence_version);
	if (m == NULL || pkg == NULL || (a = calloc(1, sizeof(*a))) == NULL) {
		core_fail(c);
		return NULL;
	}
	a->target = t;
	a->device = d;
	a->rec = (struct attempt_rec){
	    .id = c->flags.next_attempt++,
	    .campaign = p->rec.id,
	    .device = d->key,
	    .number = t->rec.attempts_total + 1,
	    .phase = PHASE_INTENT,
	    .code = -1,
	    .times = -1,
	    .tries_total = p->spec->max_download_retry + 1,
	    .earlier_start = m->rec.start_attempt != 0,
	    .intent_wall = c->now.wall_ms,
	    .w_ms = campaign_w_ms(c, p),
	};
	c->flags_dirty = true;
	a->rec.serial = device_serial(c, m);
	a->rec.intent_seq = core_seq(c);
	if (device_version_fresh(c, d))
		memcpy(a->rec.from, m->rec.fence_version, sizeof(a->rec.from));
	memcpy(a->rec.to, pkg->to, sizeof(a->rec.to));
	memcpy(a->rec.url, pkg->url, sizeof(a->rec.url));
	(void)snprintf(a->rec.command, sizeof(a->rec.command),
	    "AT+GTUPD=********,0,%d,%02d,0,%s,%s,%s,,%d,,,%04X$",
	    p->spec->max_download_retry,
	    (int)(p->spec->download_timeout_ms / 60000), c->cfg.file_user,
	    c->cfg.file_secret[0] == '\0' ? "" : "******", pkg->url,
	    (int)p->spec->update, a->rec.serial);
	m->attempt = a;
	t->attempt = a;
	t->last_attempt = a->rec.id;
	slot_update(c, a, true);
	mark_attempt(c, a);
	core_event(c, d, p->rec.id, a->rec.id, EVENT_SENT, PHASE_SENDING, -1,
	    a->rec.serial, "%s", a->rec.command);
	pending_add(c, PENDING_START, d, a->rec.id, a->rec.serial);
	return a;
}
