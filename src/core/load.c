#include "config.h"
#include "core/core.h"

#include <stdlib.h>
#include <string.h>

#include "core/plant.h"
#include "core/state.h"

/*
 * At start: the record becomes memory again. What is unknown stays unknown: an
 * intent without evidence is unsure, never sent again (design.md 3).
 */

void
core_load_flags(struct core *c, const struct flags_rec *r,
    const struct stamp_rec *stamp)
{
	c->flags = *r;
	if (c->flags.next_campaign == 0)
		c->flags.next_campaign = 1;
	if (c->flags.next_attempt == 0)
		c->flags.next_attempt = 1;
	c->seq = stamp->seq;
	c->stamp_wall = stamp->wall;
	c->now.at_ms = stamp->alive_ms;
	c->bucket.milli = r->bucket_milli;
	c->bucket.at = r->bucket_at;
}

void
core_load_device_soon(const struct core *c, uint64_t key)
{
	idmap_prefetch(&c->devices, key);
}

int
core_load_device(struct core *c, const struct device_rec *r)
{
	struct devid id = {.key = r->key};
	struct device_more *m;
	struct device *d;

	memcpy(id.text, r->id, sizeof(id.text));
	if ((d = device_make(c, &id)) == NULL ||
	    (m = calloc(1, sizeof(*m))) == NULL)
		return -1;
	device_register(c, d);
	m->device = d;
	m->rec = *r;
	m->serial_next = r->serial_reserved;
	memcpy(d->protover, r->protover, sizeof(d->protover));
	rhythm_unpack(&d->rhythm, r->rhythm);
	d->more = m;
	c->registered += r->registered ? 1 : 0;
	c->quarantined += r->quarantined_wall != 0 ? 1 : 0;
	if (r->foreign_seq != 0)
		timer_set(c, &c->foreign_timers, &m->foreign_timer,
		    r->foreign_until_at);
	/* A read that was out when the daemon went is out no more. */
	c->seq = MAX_OF(c->seq, MAX_OF(r->fence_seq, r->stale_seq));
	return 0;
}

static struct target *
target_of(struct device *d, int64_t campaign)
{
	struct target *t;

	for (t = d->targets; t != NULL; t = t->next_of_device)
		if (t->rec.campaign == campaign)
			return t;
	return NULL;
}

int
core_load_attempt(struct core *c, const struct attempt_rec *r)
{
	struct device *d = device_find(c, r->device);
	struct target *t = d == NULL ? NULL : target_of(d, r->campaign);
	struct attempt *a;

	c->flags.next_attempt = MAX_OF(c->flags.next_attempt, r->id + 1);
	if (r->phase == PHASE_ENDED)
		return 0;
	if (t == NULL || d->more == NULL || d->more->attempt != NULL ||
	    (a = calloc(1, sizeof(*a))) == NULL)
		return -1;
	a->rec = *r;
	a->target = t;
	a->device = d;
	d->more->attempt = a;
	t->attempt = a;
	t->rec.last_attempt = r->id;
	list_push_back(&t->campaign->under_way, &a->of_campaign);
	if (r->phase == PHASE_INTENT)
		attempt_intends(c, a);
	c->seq = MAX_OF(c->seq, MAX_OF(r->intent_seq, r->code_seq));
	return 0;
}

int
core_load_tuple(struct core *c, const struct tuple_rec *r)
{
	struct device *d = device_find(c, r->device);

	if (d == NULL || d->more == NULL || r->slot < 0 ||
	    r->slot >= TUPLES_PER_DEVICE)
		return -1;
	if (planted("repeats_forgotten"))
		return 0;
	if (device_tuples(d->more) == NULL)
		return -1;
	d->more->tuple[r->slot] = r->hash;
	/* The ring goes on behind the last slot that is filled; where it had
	 * wrapped, some older frame is forgotten one turn early. */
	d->more->tuple_next = (r->slot + 1) % TUPLES_PER_DEVICE;
	return 0;
}

/* What was down is given back, at most one W an attempt; where it cannot be
 * known (another boot), all of it: W then ends later, never sooner. */
static void
give_back(struct attempt *a, int64_t down_ms)
{
	int64_t room = a->rec.w_ms - a->rec.given_back_ms;
	int64_t given;

	if (down_ms < 0)
		return;
	given = planted("down_time_counts")
	    ? 0 : MIN_OF(down_ms, MAX_OF(room, 0));
	a->rec.given_back_ms += given;
	/* Alive time stood still while down: what is not given back passes. */
	a->rec.w_end_at -= down_ms - given;
	if (a->rec.deadline_at != 0)
		a->rec.deadline_at =
		    MAX_OF(a->rec.deadline_at - (down_ms - given), 1);
}

/* Whether the last stop left is not known: its serial is on record before it
 * does. So it did, at the latest just now. */
static void
restart_stop(struct core *c, const struct attempt *a)
{
	struct device_rec *r = &a->device->more->rec;

	r->stop_seq = r->stale_seq = core_seq(c);
	r->stop_w_end_at = c->now.at_ms + a->rec.w_ms;
	r->stop_udp = r->stop_udp || a->rec.holds_udp;
	mark_device(c, a->device->more);
}

static void
restart_attempt(struct core *c, struct attempt *a, int64_t down_ms)
{
	struct device_more *m = a->device->more;
	bool holds = phase_holds_slot(a->rec.phase);

	if (a->rec.phase == PHASE_INTENT) {
		/* It may have left after the last thing that was recorded. */
		a->rec.written_seq = core_seq(c);
		a->rec.written_at = c->now.at_ms;
		a->rec.w_end_at = c->now.at_ms + a->rec.w_ms;
		a->target->rec.attempts_total++;
		a->target->campaign->attempts++;
		mark_target(c, a->target);
	} else {
		give_back(a, down_ms);
	}
	if (m->rec.start_attempt != a->rec.id) {
		attempt_ledger_from(c, a);
		m->rec.stale_seq = MAX_OF(m->rec.stale_seq,
		    a->rec.written_seq);
	} else if (m->rec.start_w_over_seq == 0) {
		m->rec.start_w_end_at = a->rec.w_end_at;
	}
	if (a->rec.stops_sent > 0 && !planted("restart_forgets_stop"))
		restart_stop(c, a);
	download_restart(c, a);
	download_slot(c, a, holds && a->rec.phase != PHASE_DOWNLOADED &&
	    a->rec.phase != PHASE_UPDATING);
	if (holds) {
		a->slot = true;
		c->in_flight++;
		a->target->campaign->in_flight++;
		a->target->campaign->in_flight_was++;
	}
	if (a->rec.dark)
		a->target->campaign->dark++;
	attempt_arm(c, a);
	attempt_step(c, a, AE_RESTART);
}

static void
restart_target(struct core *c, struct target *t)
{
	int64_t left;

	if (t->rec.state == TARGET_ACTIVE &&
	    (t->attempt == NULL || !attempt_live(t->attempt)))
		target_set(c, t, TARGET_WAITING, CAUSE_NONE);
	if (t->rec.retry_wall == 0)
		return;
	/* A wall clock that jumped back must not make it wait for ever. */
	left = t->rec.retry_wall - c->now.wall_ms;
	left = MIN_OF(MAX_OF(left, 0),
	    core_dur(c, INT64_C(30) * 24 * 3600 * 1000));
	timer_set(c, &c->target_timers, &t->timer, c->now.at_ms + left);
}

static void
fence_everyone(struct core *c)
{
	struct campaign_spec *spec = spec_new();
	struct device *d;
	size_t pos = 0;
	int64_t w_ms;

	if (spec == NULL) {
		core_fail(c);
		return;
	}
	/* Nobody knows what the lost starts were told: the default W. */
	w_ms = core_dur(c, spec_worst_case_ms(spec));
	spec_free(spec);
	c->flags.halted = true;
	c->flags_dirty = true;
	while ((d = idmap_next(&c->devices, &pos)) != NULL) {
		struct device_rec *r;

		if (d->more == NULL)
			continue;
		/* A start that this copy of the record does not know may have
		 * left: as if one had, just now. */
		r = &d->more->rec;
		r->stale_seq = core_seq(c);
		r->start_attempt = r->start_attempt == 0 ? -1
							 : r->start_attempt;
		r->start_seq = r->stale_seq;
		r->start_ack_seq = r->start_final_seq = 0;
		r->start_dropped_seq = r->start_w_over_seq = 0;
		r->start_w_end_at = c->now.at_ms + w_ms;
		r->serial_reserved += 0x400;
		d->more->serial_next = r->serial_reserved;
		mark_device(c, d->more);
	}
}

int
core_load_done(struct core *c, struct core_now now, int64_t down_ms,
    bool restored, struct fx *fx)
{
	core_enter(c, now, fx);
	if (c->bucket.at == 0)
		bucket_init(&c->bucket, c->cfg.start_per_hour, c->now.at_ms);
	c->bucket.per_hour = MAX_OF(c->cfg.start_per_hour, 1);
	bucket_init(&c->read_bucket, c->cfg.read_per_hour, c->now.at_ms);
	(void)core_ticket(c);
	c->flags_dirty = true;
	if (restored)
		fence_everyone(c);
	for (size_t i = 0; i < c->campaign_count; i++) {
		struct campaign *p = c->campaign[i];

		bucket_rate(&p->bucket, p->spec->pace.start_per_hour);
		if (planted("restart_fills_bucket"))
			bucket_init(&p->bucket,
			    p->spec->pace.start_per_hour, c->now.at_ms);
		if (rules_make(c, p) < 0)
			core_fail(c);
		waves_restart(c, p);
		for (size_t k = 0; k < p->target_count; k++)
			restart_target(c, p->target[k]);
		for (size_t k = 0; k < p->target_count; k++)
			if (p->target[k]->attempt != NULL)
				restart_attempt(c, p->target[k]->attempt,
				    down_ms);
	}
	exclusions_restart(c);
	c->loading = false;
	clock_start(c, down_ms);
	c->load_campaign = NULL;
	for (size_t i = 0; i < c->campaign_count; i++) {
		struct campaign *p = c->campaign[i];

		if (p->spec_broken && p->rec.state == CAMPAIGN_RUNNING)
			campaign_set(c, p, CAMPAIGN_PAUSED, PAUSE_FILE_BROKEN,
			    "stored revision");
		sweep_restart(c, p);
		campaign_check_end(c, p);
	}
	core_leave(c);
	return c->failed ? -1 : 0;
}

int
core_load_campaign(struct core *c, const struct campaign_rec *r,
    struct campaign_spec *spec)
{
	struct campaign *p;
	bool broken = spec == NULL;

	if (broken) {
		if ((spec = spec_new()) == NULL)
			return -1;
		memcpy(spec->name, r->name, sizeof(spec->name));
	}
	if ((p = campaign_new(c, spec)) == NULL) {
		spec_free(spec);
		return -1;
	}
	p->rec = *r;
	for (size_t i = 0; i < p->wave_count; i++)
		p->wave[i]->rec.campaign = r->id;
	p->spec_stored = true;
	p->spec_broken = broken;
	p->bucket.milli = r->bucket_milli;
	p->bucket.at = r->bucket_at;
	return 0;
}

/* Targets come by campaign: the one before had the same, but for a few. */
static struct campaign *
campaign_by_id(struct core *c, int64_t id)
{
	struct campaign *p = c->load_campaign;

	for (size_t i = 0; (p == NULL || p->rec.id != id) &&
	    i < c->campaign_count; i++)
		p = c->campaign[i];
	if (p == NULL || p->rec.id != id)
		return NULL;
	c->load_campaign = p;
	return p;
}

int
core_load_target(struct core *c, const struct target_rec *r)
{
	struct device *d = device_find(c, r->device);
	struct campaign *p = campaign_by_id(c, r->campaign);
	struct target *t;

	if (p == NULL || d == NULL)
		return -1;
	if (r->wave < 0 || (size_t)r->wave >= p->wave_count ||
	    (t = campaign_target_new(c, p, d)) == NULL)
		return -1;
	wave_tally(t, -1);
	t->rec = *r;
	wave_tally(t, 1);
	p->count[TARGET_WAITING]--;
	p->count[r->state]++;
	if (r->cause != CAUSE_NONE)
		p->cause[r->cause]++;
	p->attempts += r->attempts_total;
	return 0;
}
