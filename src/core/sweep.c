#include "config.h"
#include "core/state.h"

/*
 * What concerns every target of a campaign that has begun: an abort, the end of
 * its schedule, a resume, another fleet. A million of them take the better part
 * of a second, in which no tracker would be heard. So they are gone through by
 * pieces: the first in the call that wants it, the others as time passes, each
 * when the one before is on disk, or the writer's queue would fill and hold
 * trackers back.
 *
 * No start may hang on how far that has come: what lets it go, or keeps it, is
 * the state of the campaign, which changes at once and as a whole. Nor may it
 * hang on memory alone: of what is cancelled the record tells who is left, and
 * a restart goes on with them (sweep_restart).
 */
#define PIECE 20000

size_t
core_piece(const struct core *c)
{
	return c->cfg.piece > 0 ? (size_t)c->cfg.piece : PIECE;
}

/* --- one target ------------------------------------------------------------*/

/* Its campaign was aborted, or is past its end. What was told so already, or is
 * too far for it, is left alone; so it does no harm to ask twice. */
static bool
is_to_leave(const struct campaign *p, const struct target *t)
{
	const struct attempt *a = t->attempt;
	bool aborting = p->rec.state == CAMPAIGN_ABORTING;

	if (!aborting && p->rec.expired_wall == 0)
		return false;
	if (a == NULL || a->rec.phase == PHASE_DEFERRED)
		return true;
	if (a->rec.cancel_wanted)
		return false;
	if (a->rec.phase == PHASE_PROVISIONAL)
		return aborting || p->spec->schedule.cancel;
	/* It was deferred when the abort came, and goes on by a late code. */
	return aborting && attempt_stoppable(a);
}

static void
look_at(struct core *c, struct campaign *p, struct target *t)
{
	unsigned what = p->sweep.what;

	if ((what & SWEEP_CANCEL) != 0 && is_to_leave(p, t))
		target_cancel(c, t, schedule_cancel_cause(t));
	if ((what & SWEEP_MEMBERS) != 0)
		target_members_changed(c, t);
	if ((what & SWEEP_PRESENCE) != 0)
		wave_presence(c, t);
	if ((what & SWEEP_RELEASE) != 0 &&
	    !target_state_terminal(t->rec.state))
		device_kick_later(c, t->device);
	if ((what & SWEEP_WAKE) != 0 && p->rec.state == CAMPAIGN_RUNNING &&
	    t->device->conn != NULL && t->rec.state == TARGET_WAITING)
		target_evaluate(c, t);
}

/* --- all of them -----------------------------------------------------------*/

static void
done(struct core *c, struct campaign *p)
{
	bool cancelled = (p->sweep.what & SWEEP_CANCEL) != 0;

	p->sweep.what = 0;
	list_remove(&p->sweep.node);
	timer_set(c, &c->sweep_timers, &p->sweep.timer, INT64_MAX);
	if (cancelled)
		campaign_check_end(c, p);
}

/* True: nobody is left who could. */
static bool
joined(struct core *c, struct campaign *p)
{
	struct sweep *s = &p->sweep;
	size_t n = candidates_count(c, p, &s->candidates);
	struct devid id;

	for (; s->join_pos < n && c->looks_left > 0 && members_open(p);
	     s->join_pos++, c->looks_left--)
		if (candidate_at(c, p, &s->candidates, s->join_pos, &id))
			member_join(c, p, &id);
	return s->join_pos >= n || !members_open(p);
}

static void
step(struct core *c, struct campaign *p)
{
	struct sweep *s = &p->sweep;
	bool joins = (s->what & SWEEP_JOIN) != 0 && !joined(c, p);

	if (!joins) {
		s->what &= ~(unsigned)SWEEP_JOIN;
		candidates_done(&s->candidates);
	}
	while (!joins && s->pos < p->target_count && c->looks_left > 0) {
		c->looks_left--;
		look_at(c, p, p->target[s->pos++]);
	}
	if (!joins && s->pos >= p->target_count) {
		done(c, p);
		return;
	}
	s->ticket = c->fx->ticket;
	timer_set(c, &c->sweep_timers, &s->timer, c->now.at_ms + 1);
}

void
sweep(struct core *c, struct campaign *p, unsigned what)
{
	/* Whoever was looked at for something else is looked at once more. */
	p->sweep.what |= what;
	p->sweep.pos = 0;
	if ((what & SWEEP_JOIN) != 0) {
		p->sweep.join_pos = 0;
		if (candidates_begin(c, p, &p->sweep.candidates) < 0)
			core_fail(c);
	}
	if (!list_in(&p->sweep.node))
		list_push_back(&c->sweeps, &p->sweep.node);
	step(c, p);
}

void
sweep_timer(struct core *c, struct campaign *p)
{
	if (p->sweep.ticket <= c->ticket_durable)
		step(c, p);
}

void
sweeps_durable(struct core *c)
{
	struct list *n, *tmp;

	LIST_EACH_SAFE(n, tmp, &c->sweeps) {
		struct campaign *p =
		    CONTAINER_OF(n, struct campaign, sweep.node);

		if (p->sweep.timer.pos == 0 &&
		    p->sweep.ticket <= c->ticket_durable)
			timer_set(c, &c->sweep_timers, &p->sweep.timer,
			    c->now.at_ms + 1);
	}
}

void
sweep_restart(struct core *c, struct campaign *p)
{
	if (p->rec.state == CAMPAIGN_ABORTING || (p->rec.expired_wall != 0 &&
		(p->rec.state == CAMPAIGN_RUNNING ||
		    p->rec.state == CAMPAIGN_PAUSED)))
		sweep(c, p, SWEEP_CANCEL);
}

/* Bytes may be on their way to those that are under way: all of them are told
 * at once, however long the rest takes. */
void
campaign_cancel(struct core *c, struct campaign *p, enum cause cause)
{
	struct list *n, *tmp;

	LIST_EACH_SAFE(n, tmp, &p->under_way) {
		struct attempt *a =
		    CONTAINER_OF(n, struct attempt, of_campaign);

		if (attempt_live(a) && a->rec.phase != PHASE_PROVISIONAL)
			target_cancel(c, a->target, cause);
	}
	sweep(c, p, SWEEP_CANCEL);
}
