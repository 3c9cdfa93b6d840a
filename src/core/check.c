#include "config.h"
#include "core/core.h"

#include <string.h>

#include "core/state.h"

/* The invariants that hold after every event (reliability.md 3). */

/* Each hop was a start that left, and ended where the next began. */
static int
check_hops(const struct campaign *p, const struct target *t,
    struct errtext *err)
{
	const struct attempt *a = t->attempt;

	if (t->rec.hops < 0 || t->rec.hops > HOPS_MAX ||
	    t->rec.hops > t->rec.attempts_total)
		return errtext_set(err, -1, "%s: %d hops by %d starts",
		    t->device->id, t->rec.hops, t->rec.attempts_total);
	for (int i = 0; i < t->rec.hops; i++) {
		size_t k = (size_t)(t->rec.via >> (8 * i)) & 0xff;

		for (int j = 0; j < i; j++)
			if (((t->rec.via >> (8 * j)) & 0xff) == k)
				return errtext_set(err, -1,
				    "%s: package %zu twice", t->device->id, k);
	}
	if (a != NULL && a->rec.dark && a->rec.reached != REACHED_DOWNLOADED &&
	    a->rec.reached != REACHED_UPDATING)
		return errtext_set(err, -1, "%s: dark in %s", t->device->id,
		    reached_name(a->rec.reached));
	if (!p->spec_broken && t->rec.edge > (int)p->spec->package_count)
		return errtext_set(err, -1, "%s: no package %d",
		    t->device->id, t->rec.edge);
	return 0;
}

static bool
in_pending(const struct core *c, int64_t attempt)
{
	struct list *n;

	for (n = c->pending.next; n != &c->pending; n = n->next)
		if (CONTAINER_OF(n, struct pending, node)->attempt == attempt)
			return true;
	return false;
}

/* Its phase tells whether it holds a slot, and something comes to end it: the
 * write, or a timer; or else nothing starts before its tracker speaks. */
static int
check_attempt(const struct core *c, const struct attempt *a,
    struct errtext *err)
{
	bool waits = a->rec.phase == PHASE_DEFERRED ||
	    a->rec.phase == PHASE_PROVISIONAL;

	if (a->slot != phase_holds_slot(a->rec.phase))
		return errtext_set(err, -1, "%s: %s slot in %s",
		    a->device->id, a->slot ? "a" : "no",
		    phase_name(a->rec.phase));
	if (c->loading || waits)
		return 0;
	if (a->rec.phase == PHASE_INTENT ? !in_pending(c, a->rec.id)
					 : a->timer.pos == 0)
		return errtext_set(err, -1, "%s: %s for ever", a->device->id,
		    phase_name(a->rec.phase));
	return 0;
}

static int
check_campaign(const struct core *c, const struct campaign *p,
    struct errtext *err)
{
	size_t count[TARGET_STATE_COUNT_] = {0};
	size_t flight = 0, dark = 0, sum = 0, attempts = 0;
	struct list *n, *tmp;

	for (size_t i = 0; i < p->target_count; i++) {
		const struct target *t = p->target[i];
		const struct attempt *a = t->attempt;

		count[t->rec.state]++;
		if (a != NULL) {
			attempts++;
			flight += a->slot ? 1 : 0;
			dark += a->rec.dark ? 1 : 0;
			if (a->target != t || a->device != t->device ||
			    t->device->more->attempt != a)
				return errtext_set(err, -1,
				    "%s: attempt of another", t->device->id);
			if (a->rec.phase == PHASE_ENDED)
				return errtext_set(err, -1,
				    "%s: ended attempt kept", t->device->id);
			if (t->rec.state == TARGET_WAITING &&
			    a->rec.phase != PHASE_DEFERRED)
				return errtext_set(err, -1,
				    "%s: waiting with a live attempt",
				    t->device->id);
		}
		if (check_hops(p, t, err) < 0 ||
		    (a != NULL && check_attempt(c, a, err) < 0))
			return -1;
		if (t->preflight && (t->device->more->read.rests ||
			t->device->more->read.state == READ_NONE))
			return errtext_set(err, -1,
			    "%s: nothing is read in advance", t->device->id);
		if (t->rec.state == TARGET_ACTIVE && a == NULL &&
		    !t->preflight)
			return errtext_set(err, -1,
			    "%s: active with nothing going on",
			    t->device->id);
		if ((p->rec.expired_wall != 0 ||
			p->rec.state == CAMPAIGN_ABORTING) &&
		    (p->sweep.what & SWEEP_CANCEL) == 0 && !c->loading &&
		    (t->rec.state == TARGET_WAITING ||
			t->rec.state == TARGET_BACKOFF))
			return errtext_set(err, -1,
			    "%s: waits past the end of its campaign",
			    t->device->id);
		if (list_in(&t->ready) && t->rec.state != TARGET_WAITING)
			return errtext_set(err, -1,
			    "%s: ready, and not waiting", t->device->id);
		if ((t->rec.state == TARGET_BACKOFF ||
			t->rec.wait_hold != HOLD_NONE) && t->timer.pos == 0)
			return errtext_set(err, -1, "%s: backoff for ever",
			    t->device->id);
	}
	for (size_t s = 0; s < TARGET_STATE_COUNT_; s++) {
		sum += p->count[s];
		if (count[s] != p->count[s])
			return errtext_set(err, -1, "%s: %zu %s, counted %zu",
			    p->rec.name, p->count[s],
			    target_state_name((enum target_state)s), count[s]);
	}
	if (sum != p->target_count)
		return errtext_set(err, -1, "%s: counts add up to %zu of %zu",
		    p->rec.name, sum, p->target_count);
	LIST_EACH_SAFE(n, tmp, &p->under_way)
		attempts--;
	if (attempts != 0)
		return errtext_set(err, -1, "%s: an attempt in no list",
		    p->rec.name);
	if (p->sweep.what != 0 && p->sweep.timer.pos == 0 &&
	    p->sweep.ticket <= c->ticket_durable)
		return errtext_set(err, -1, "%s: gone through for ever",
		    p->rec.name);
	if (flight != p->in_flight || dark != p->dark)
		return errtext_set(err, -1, "%s: in_flight %zu, counted %zu",
		    p->rec.name, p->in_flight, flight);
	if (!c->loading && p->in_flight > p->in_flight_was &&
	    p->in_flight > (size_t)p->spec->pace.in_flight)
		return errtext_set(err, -1, "%s: in_flight %zu over %d",
		    p->rec.name, p->in_flight, p->spec->pace.in_flight);
	return 0;
}

/* Whoever waits for a window is woken by a timer, and by one that knows the
 * hours of its zone. */
static int
check_hours(const struct core *c, const struct campaign *p,
    struct errtext *err)
{
	for (size_t i = 0; i < p->hours_count; i++) {
		const struct hours *h = p->hours[i];

		for (size_t k = 0; k < h->count; k++)
			if (h->span[k].from_wall >= h->span[k].to_wall ||
			    (k > 0 && h->span[k].from_wall <=
				h->span[k - 1].to_wall))
				return errtext_set(err, -1,
				    "%s: hours of %s are in disorder",
				    p->rec.name, h->zone);
		if (!h->unknown && h->timer.pos == 0)
			return errtext_set(err, -1,
			    "%s: hours of %s without a timer", p->rec.name,
			    h->zone);
		if (p->spec->windows_always)
			return errtext_set(err, -1, "%s: hours of %s",
			    p->rec.name, h->zone);
	}
	if (!c->loading && p->rec.state == CAMPAIGN_SCHEDULED &&
	    (p->rec.started_wall != 0 ||
		(p->schedule_timer.pos == 0 && !intake_busy(p))))
		return errtext_set(err, -1, "%s: scheduled for never",
		    p->rec.name);
	if (intake_busy(p) && p->intake.timer.pos == 0 &&
	    p->intake.ticket <= c->ticket_durable)
		return errtext_set(err, -1, "%s: taken in for ever",
		    p->rec.name);
	if (p->intake.stage != INTAKE_NONE && p->rec.started_wall != 0)
		return errtext_set(err, -1, "%s: has begun, and is taken in",
		    p->rec.name);
	return 0;
}

/* What a wave keeps is what its targets say. */
struct tally {
	size_t total, away, count[TARGET_STATE_COUNT_];
};

static int
check_waves(const struct campaign *p, struct errtext *err)
{
	struct tally seen[WAVES_MAX] = {{0}};

	for (size_t i = 0; i < p->target_count; i++) {
		const struct target *t = p->target[i];
		struct tally *w = &seen[t->rec.wave];

		w->total++;
		w->count[t->rec.state]++;
		w->away += t->away ? 1 : 0;
		if (t->away && t->device->conn != NULL)
			return errtext_set(err, -1, "%s: online and away",
			    t->device->id);
		if (list_in(&t->ready) &&
		    target_wave(t)->rec.state == WAVE_WAITING)
			return errtext_set(err, -1, "%s: ready in wave %s, "
			    "which is not open", t->device->id,
			    target_wave(t)->rec.name);
	}
	for (size_t i = 0; i < p->wave_count; i++) {
		if (p->wave[i]->timer.pos != 0 &&
		    p->rec.state != CAMPAIGN_RUNNING &&
		    p->rec.state != CAMPAIGN_PAUSED)
			return errtext_set(err, -1, "%s: wave %s has a timer, "
			    "and the campaign is over", p->rec.name,
			    p->wave[i]->rec.name);
		if (seen[i].total != p->wave[i]->total ||
		    seen[i].away != p->wave[i]->away ||
		    memcmp(seen[i].count, p->wave[i]->count,
			sizeof(seen[i].count)) != 0)
			return errtext_set(err, -1,
			    "%s: wave %s: %zu targets, counted %zu",
			    p->rec.name, p->wave[i]->rec.name,
			    p->wave[i]->total, seen[i].total);
	}
	return 0;
}

/* A connection that led to another's device would carry its commands. */
static int
check_devices(const struct core *c, struct errtext *err)
{
	const struct device *d;
	size_t pos = 0, online = 0, quarantined = 0;

	while ((d = idmap_next(&c->devices, &pos)) != NULL) {
		quarantined += d->more != NULL &&
		    d->more->rec.quarantined_wall != 0;
		if (d->more != NULL && (d->more->read.state != READ_NONE) !=
			(d->more->read_timer.pos != 0))
			return errtext_set(err, -1, "%s: read for ever",
			    d->id);
		if (d->conn == NULL)
			continue;
		online++;
		if (d->conn->device != d || d->conn->key != d->key)
			return errtext_set(err, -1,
			    "%s: its connection is another's", d->id);
	}
	if (online != c->online)
		return errtext_set(err, -1, "online %zu, counted %zu",
		    c->online, online);
	if (quarantined != c->quarantined)
		return errtext_set(err, -1, "quarantined %zu, counted %zu",
		    c->quarantined, quarantined);
	return 0;
}

/* Who is known by memory and inventory both is counted once; an exclusion for
 * a time has a timer that ends it. */
static int
check_fleet(const struct core *c, struct errtext *err)
{
	const struct exclusion *e;
	const struct device *d;
	size_t pos = 0, known = 0, met = 0;

	while ((d = idmap_next(&c->devices, &pos)) != NULL) {
		known += !d->observed;
		met += !d->observed && inventory_find(c->fleet.inventory,
		    d->key) != INVENTORY_NONE;
	}
	if (known != c->known || met != c->fleet_met)
		return errtext_set(err, -1, "known %zu and listed %zu, counted "
		    "%zu and %zu", c->known, c->fleet_met, known, met);
	pos = 0;
	while ((e = idmap_next(&c->exclusions, &pos)) != NULL)
		if (!c->loading && (e->timer.pos != 0) !=
		    (e->rec.until_wall != 0))
			return errtext_set(err, -1,
			    "%s: excluded, timer %s", e->rec.id,
			    e->timer.pos != 0 ? "for no time" : "missing");
	return 0;
}

int
core_check(const struct core *c, struct errtext *err)
{
	size_t flight = 0;

	if (check_devices(c, err) < 0 || check_fleet(c, err) < 0)
		return -1;
	for (size_t i = 0; i < c->campaign_count; i++) {
		if (check_campaign(c, c->campaign[i], err) < 0 ||
		    check_hours(c, c->campaign[i], err) < 0 ||
		    check_waves(c->campaign[i], err) < 0 ||
		    rules_check(c->campaign[i], err) < 0)
			return -1;
		flight += c->campaign[i]->in_flight;
	}
	if (flight != c->in_flight)
		return errtext_set(err, -1, "in_flight %zu, counted %zu",
		    c->in_flight, flight);
	return 0;
}
