#include "config.h"
#include "core/state.h"

#include "core/plant.h"

/*
 * schedule: when a campaign begins by itself, and when it is over. Before the
 * start it is `scheduled`; at the end what did not begin is cancelled, cause
 * expired, once and for good: rec.expired_wall outlives any clock.
 *
 * While the wall clock settles after a jump (windows.c) neither is acted on.
 */

#define DAY_MS (INT64_C(24) * 3600 * 1000)

int64_t
schedule_end_wall(const struct core *c, const struct campaign *p)
{
	const struct spec_schedule *s = &p->spec->schedule;
	int64_t from = s->start_wall != 0 ? s->start_wall
					  : p->rec.started_wall;

	if (s->end_wall != 0)
		return s->end_wall;
	return from == 0 ? 0 : from + core_dur(c, SCHEDULE_DAYS * DAY_MS);
}

static bool
given(const struct campaign *p)
{
	return p->spec->schedule.start_wall != 0 ||
	    p->spec->schedule.end_wall != 0;
}

bool
schedule_shut(const struct core *c, const struct campaign *p)
{
	int64_t wall = c->now.wall_ms, end = schedule_end_wall(c, p);

	if (planted("schedule_end_ignored"))
		return false;
	if (p->rec.expired_wall != 0)
		return true;
	return wall < p->spec->schedule.start_wall ||
	    (end != 0 && wall >= end) || (given(p) && clock_settling(c));
}

/* Goes on until its end; also what was paused before it had begun, for nothing
 * else would end it: by then it cannot be resumed any more. */
static bool
goes_on(const struct campaign *p)
{
	return p->rec.expired_wall == 0 &&
	    (p->rec.state == CAMPAIGN_RUNNING ||
		p->rec.state == CAMPAIGN_PAUSED);
}

void
schedule_arm(struct core *c, struct campaign *p)
{
	int64_t start = p->spec->schedule.start_wall;
	int64_t end = schedule_end_wall(c, p), wall;

	/* Its targets are taken in: whoever does that arms it again. */
	if (p->rec.state == CAMPAIGN_SCHEDULED && intake_busy(p)) {
		timer_set(c, &c->schedule_timers, &p->schedule_timer,
		    INT64_MAX);
		return;
	}
	if (p->rec.state == CAMPAIGN_SCHEDULED ||
	    (goes_on(p) && c->now.wall_ms < start))
		wall = start;
	else if (goes_on(p) && end != 0)
		wall = end;
	else {
		timer_set(c, &c->schedule_timers, &p->schedule_timer,
		    INT64_MAX);
		return;
	}
	timer_set(c, &c->schedule_timers, &p->schedule_timer,
	    MAX_OF(clock_wall_to_at(c, wall), c->settle_until_at));
}

/* --- the end ---------------------------------------------------------------*/

/* Begun ones finish: who waits, or is only being asked for its version, has
 * not begun. */
static bool
left_over(const struct target *t)
{
	switch (t->rec.state) {
	case TARGET_WAITING:
	case TARGET_BACKOFF:
		return true;
	case TARGET_ACTIVE:
		return t->attempt == NULL || !attempt_live(t->attempt);
	default:
		return false;
	}
}

static void
expire(struct core *c, struct campaign *p)
{
	bool cancel = p->spec->schedule.cancel;

	p->rec.expired_wall = c->now.wall_ms;
	mark_campaign(c, p);
	core_note(c, NOTE_INFO, "campaign_expired name=%s at_end=%s",
	    p->rec.name, cancel ? "cancel" : "stop");
	core_event(c, NULL, p->rec.id, 0, EVENT_TIMER, PHASE_NONE, -1, -1,
	    "schedule.end: %s", cancel ? "cancel" : "stop");
	if (cancel)
		campaign_cancel(c, p, CAUSE_EXPIRED);
	else
		sweep(c, p, SWEEP_CANCEL);
}

enum cause
schedule_leftover_cause(const struct campaign *p)
{
	return p->rec.expired_wall != 0 ? CAUSE_EXPIRED : CAUSE_OPERATOR;
}

enum cause
schedule_cancel_cause(const struct target *t)
{
	const struct campaign *p = t->campaign;

	return p->rec.expired_wall != 0 &&
		(p->spec->schedule.cancel || left_over(t))
	    ? CAUSE_EXPIRED : CAUSE_OPERATOR;
}

/* --- the start -------------------------------------------------------------*/

/* 0: begin now; 1: it was put on its schedule. */
int
schedule_begin(struct core *c, struct campaign *p, struct errtext *err)
{
	const struct spec_schedule *s = &p->spec->schedule;

	if (p->rec.state == CAMPAIGN_SCHEDULED)
		return 0;
	if (p->rec.expired_wall != 0 ||
	    (s->end_wall != 0 && c->now.wall_ms >= s->end_wall))
		return errtext_set(err, CAMPAIGN_IS_OVER,
		    "campaign %s: schedule.end: is over already", p->rec.name);
	if (c->now.wall_ms >= s->start_wall)
		return 0;
	campaign_set(c, p, CAMPAIGN_SCHEDULED, PAUSE_NONE, NULL);
	return 1;
}

void
schedule_timer(struct core *c, struct campaign *p)
{
	struct errtext err = {0};
	int64_t end = schedule_end_wall(c, p);
	bool shut;

	if (clock_settling(c)) {
		schedule_arm(c, p);
		return;
	}
	if (p->rec.state == CAMPAIGN_SCHEDULED &&
	    c->now.wall_ms >= p->spec->schedule.start_wall &&
	    campaign_begin(c, p, &err) < 0)
		campaign_set(c, p, CAMPAIGN_PAUSED, PAUSE_FILE_BROKEN,
		    err.text);
	if (goes_on(p) && end != 0 && c->now.wall_ms >= end) {
		/* Without targets it stays as it is, paused for good. */
		if (p->rec.started_wall == 0)
			(void)campaign_begin_over(c, p, &err);
		expire(c, p);
	}
	shut = schedule_shut(c, p);
	if (p->schedule_was_shut && !shut &&
	    p->rec.state == CAMPAIGN_RUNNING)
		sweep(c, p, SWEEP_WAKE);
	p->schedule_was_shut = shut;
	schedule_arm(c, p);
}

/* The clock is another, or the schedule is. */
void
schedule_clock(struct core *c, struct campaign *p)
{
	if (schedule_shut(c, p))
		p->schedule_was_shut = true;
	if (p->rec.state == CAMPAIGN_SCHEDULED || goes_on(p))
		timer_set(c, &c->schedule_timers, &p->schedule_timer,
		    c->settle_until_at);
}
