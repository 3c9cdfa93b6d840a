#include "config.h"
#include "core/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/plant.h"

const struct campaign_spec *
attempt_spec(const struct attempt *a)
{
	return a->target->campaign->spec;
}

bool
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
	    !a->device->more->read.rests &&
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
	/* Who speaks once a week is not silent after two days. */
	return contact_at(a) +
	    core_dur(c, MAX_OF(attempt_spec(a)->timeouts.silent_ms,
		2 * rhythm_usual_ms(&a->device->rhythm)));
}

static bool
second_stop_waits(const struct core *c, const struct attempt *a)
{
	return a->rec.cancel_wanted && a->rec.stops_sent == 1 &&
	    !a->rec.stop_acked && !a->rec.foreign && !a->stop_pending &&
	    attempt_stoppable(a) && device_hears(a->device) && c->store_ok &&
	    device_commandable(c, a->device) &&
	    !device_quarantined(c, a->device);
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
	if (!planted("w_over_keeps_reads"))
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

/* It was heard of, or it is over: others may be started in its place. */
void
attempt_lit(struct core *c, struct attempt *a)
{
	if (!a->rec.dark)
		return;
	a->rec.dark = false;
	a->target->campaign->dark--;
	c->pace_changed = true;
}

/* Any frame of the device: it is there. */
void
attempt_contact(struct core *c, struct device *d)
{
	struct attempt *a = d->more == NULL ? NULL : d->more->attempt;

	if (a == NULL || !a->rec.dark)
		return;
	attempt_lit(c, a);
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
		p->in_flight_was = MIN_OF(p->in_flight_was, p->in_flight);
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

void
attempt_intends(struct core *c, struct attempt *a)
{
	c->bucket.out++;
	a->target->campaign->bucket.out++;
}

/* The levels are stored with it: a restart must not find them as they were
 * before a slow disk. */
static void
intended(struct core *c, struct attempt *a)
{
	struct campaign *p = a->target->campaign;

	bucket_left(&c->bucket, c->now.at_ms);
	bucket_left(&p->bucket, c->now.at_ms);
	c->flags_dirty = true;
	mark_campaign(c, p);
}

/* The one place that assigns the phase, and with it slot and deadline. */
void
attempt_enter(struct core *c, struct attempt *a, enum phase next)
{
	if (a->rec.phase == PHASE_INTENT && next != PHASE_INTENT)
		intended(c, a);
	a->rec.phase = next;
	a->rec.deadline_at = phase_deadline(c, a, next);
	slot_update(c, a, phase_holds_slot(next));
	download_slot(c, a, phase_holds_slot(next) &&
	    next != PHASE_DOWNLOADED && next != PHASE_UPDATING);
}

void
attempt_step(struct core *c, struct attempt *a, enum attempt_event ev)
{
	const struct attempt_cell *cell = attempt_cell(a->rec.phase, ev);
	enum phase from = a->rec.phase;

	assert(cell->kind != CELL_UNSET);
	mark_attempt(c, a);
	if (cell->kind == CELL_GO) {
		enum phase next = resolve_next(c, a, cell);

		attempt_enter(c, a, next);
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
	attempt_act(c, a, ev, cell->action, from);
}
/* --- start and stop --------------------------------------------------------*/

void
attempt_stop_due(struct core *c, struct attempt *a)
{
	char text[COMMAND_MAX + 1] = "";
	struct device *d = a->device;
	uint16_t serial;

	if (!a->rec.cancel_wanted || a->rec.foreign || a->stop_pending ||
	    (a->rec.stop_acked && !planted("stop_though_acked")) ||
	    a->rec.phase == PHASE_INTENT ||
	    !attempt_stoppable(a) || a->rec.stops_sent >= STOPS_MAX ||
	    !device_hears(d) || !c->store_ok || !device_commandable(c, d) ||
	    device_quarantined(c, d))
		return;
	if (a->rec.stops_sent > 0 &&
	    c->now.at_ms < a->rec.stop_at +
		    core_dur(c, attempt_spec(a)->timeouts.ack_ms))
		return;
	serial = device_serial(c, d->more);
	a->rec.stop_serial[a->rec.stops_sent++] = serial;
	a->stop_pending = true;
	mark_attempt(c, a);
	(void)model_stop(c, d, serial, true, text, sizeof(text));
	core_event(c, d, a->rec.campaign, a->rec.id, EVENT_SENT, PHASE_NONE,
	    -1, serial, "%s", text);
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

	pkg = m == NULL ? NULL : target_edge(c, t);
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
	download_url(c, a->rec.id, pkg, a->rec.url);
	(void)model_start(c, d, p->spec, a->rec.url, a->rec.serial, true,
	    a->rec.command, sizeof(a->rec.command));
	m->attempt = a;
	t->attempt = a;
	t->rec.last_attempt = a->rec.id;
	list_push_back(&p->under_way, &a->of_campaign);
	attempt_intends(c, a);
	slot_update(c, a, true);
	download_begin(c, a);
	download_slot(c, a, true);
	mark_attempt(c, a);
	core_event(c, d, p->rec.id, a->rec.id, EVENT_SENT, PHASE_SENDING, -1,
	    a->rec.serial, "%s", a->rec.command);
	pending_add(c, PENDING_START, d, a->rec.id, a->rec.serial);
	return a;
}
