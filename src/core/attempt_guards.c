#include "config.h"
#include "core/state.h"

#include <string.h>

#include "core/plant.h"

/*
 * Guards of the attempt machine: what a code or an answered read means at what
 * was reached, as one event of the table.
 */

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
	/* Only a fresh one goes on with what was put off: these may come from
	 * before that, but for those of an installation. */
	if (a->rec.phase == PHASE_DEFERRED && ev != AE_300 && ev != AE_301)
		return AE_BUFF_FINAL;
	return ev;
}

/* A GTUPD report that is no repeat, while an attempt is there. */
void
attempt_code(struct core *c, struct attempt *a, const struct message *m)
{
	struct device_rec *r = &a->device->more->rec;
	enum attempt_event ev;
	bool final, older;

	if (a->rec.phase == PHASE_INTENT)
		return; /* not written yet: it cannot be about this start */
	ev = classify_code(c, a, m->code, m->times);
	final = event_is_final(ev);
	a->rec.code = m->code;
	a->rec.times = m->times;
	a->rec.code_seq = core_seq(c);
	a->rec.code_at = c->now.at_ms;
	r->stale_seq = a->rec.code_seq;
	if (m->buffered && !planted("buffered_is_live")) {
		ev = classify_late(a, ev);
	} else {
		if (ev == AE_301_BARE)
			a->rec.claimed_buffered = false;
		/* Rule 4: it may be the older start's, and this one run yet. */
		older = a->rec.ack_seq == 0 &&
		    a->rec.reached < REACHED_CONFIRMED &&
		    a->rec.earlier_start;
		if (final && code_is_final(m->code) && !older &&
		    r->start_attempt == a->rec.id)
			r->start_final_seq = a->rec.code_seq;
		if (final && ev != AE_102_STOP && older)
			ev = AE_FINAL_HELD;
	}
	mark_device(c, a->device->more);
	attempt_step(c, a, ev);
}

void
attempt_get(struct core *c, struct attempt *a)
{
	/* More than there can be tries: parts of one. */
	bool fresh = a->rec.reached < REACHED_DOWNLOADED &&
	    a->rec.gets <= a->rec.tries_total;

	attempt_step(c, a, fresh ? AE_GET : AE_CODE_LOW);
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
	    ((r->conn_id == a->start_conn_id &&
		 r->ack_conn_id == a->start_conn_id) ||
		planted("proof_on_any_connection")) &&
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
	return !planted("old_version_is_proof") && a->rec.w_over_seq == 0 &&
	    a->rec.ack_seq == 0 && a->rec.phase != PHASE_VERIFYING &&
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
