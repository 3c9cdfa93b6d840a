#include "config.h"
#include "sim/report.h"

#include "sim/tracker.h"
#include "sim/voice.h"

#define LIE "0BAD" /* FAULT_LIE_VERSION */

static void
enqueue(struct tracker *t, const struct outbox_entry *e)
{
	if (outbox_push(&t->out, e) == NULL)
		t->out.dropped++;
}

static void
release_held(struct tracker *t)
{
	if (!t->has_held)
		return;
	t->has_held = false;
	enqueue(t, &t->held);
}

/* FAULT_LOSE_REPORT and FAULT_LOSE_RESULT. */
static bool
gets_lost(struct tracker *t, unsigned code)
{
	struct update *u = &t->update;
	bool result = code == 301 || code == 302;
	unsigned as = result ? 301 : code;

	if (!u->open)
		return false;
	if (result && u->plan.faults & FAULT_BIT(FAULT_LOSE_RESULT)) {
		update_fire(t, FAULT_LOSE_RESULT);
		return true;
	}
	if (u->plan.faults & FAULT_BIT(FAULT_LOSE_REPORT) && !u->lost_one &&
	    u->plan.lost_code == as) {
		u->lost_one = true;
		update_fire(t, FAULT_LOSE_REPORT);
		return true;
	}
	return false;
}

/* FAULT_REORDER holds back a report only where another follows for sure. */
static bool
waits_for_successor(const struct tracker *t, unsigned code)
{
	const struct update *u = &t->update;

	if (!u->open || !(u->plan.faults & FAULT_BIT(FAULT_REORDER)) ||
	    t->has_held)
		return false;
	return code == 100 || code == 201 ||
	    (code == 202 && u->tries <= u->start.retry);
}

static bool
log_update(struct tracker *t, struct outbox_entry *e)
{
	struct history_report r = {
		.attempt = t->update.place,
		.code = e->report.code,
		.times = e->report.times,
		.count = e->report.count,
		.lost = gets_lost(t, e->report.code),
	};

	memcpy(r.time, e->report.time, sizeof(r.time));
	e->log = history_add_report(&t->history, &r);
	return !r.lost;
}

static void
make_update(struct tracker *t, struct outbox_entry *e)
{
	bool was_held = t->has_held;

	if (!log_update(t, e)) {
		release_held(t);
		return;
	}
	if (waits_for_successor(t, e->report.code)) {
		t->held = *e;
		t->has_held = true;
		return;
	}
	enqueue(t, e);
	if (was_held)
		update_fire(t, FAULT_REORDER);
	release_held(t);
}

void
report_make(struct tracker *t, enum wire_report_kind kind, unsigned code,
    unsigned times)
{
	struct outbox_entry e = {
		.noise = voice_noise(t),
		/* A version is the answer to a read that just came in: it
		 * waits behind nothing. */
		.late = t->outage ||
		    (t->buried && kind != WIRE_VERSION),
		.report = {
			.kind = kind,
			.code = code,
			.times = times,
			.count = t->count++,
			.longitude_e6 = t->longitude_e6,
			.latitude_e6 = t->latitude_e6,
		},
	};

	voice_time(t, e.noise, e.report.time);
	if (kind == WIRE_VERSION)
		(void)span_copy(e.report.firmware, sizeof(e.report.firmware),
		    span_str(t->lies ? LIE : t->version));
	if (kind == WIRE_UPDATE)
		make_update(t, &e);
	else
		enqueue(t, &e);
	tracker_resume(t);
}
