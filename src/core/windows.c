#include "config.h"
#include "core/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/plant.h"

/*
 * The hours in which a campaign may start updates. Which hours a rule means in
 * a zone is the shell's knowledge (FX_WINDOWS, EV_WINDOWS): here they are plain
 * UTC, for some weeks ahead, and asked for again long before they run out.
 *
 * Who is online and waits for them lies in a list of its (campaign, zone), so
 * that an opening costs one timer and moves the whole list at once; from there
 * pace takes one after the other.
 *
 * The wall clock decides, and it may be wrong. It is held against alive time:
 * a step moves the timers; a jump also withholds starts for a while, since one
 * jump is often followed by another that takes it back.
 */

#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define AHEAD_MS (35 * DAY_MS)  /* asked for; a week's hours come four times */
#define BEHIND_MS (2 * DAY_MS)  /* a clock may be set back */
#define EXTEND_MS (14 * DAY_MS) /* known ahead at the least */
#define ZONES_MAX 1000          /* of one campaign: the world has some 600 */
#define ASK_AGAIN_MS INT64_C(60000)
#define CLOCK_STEP_MS INT64_C(1000)
#define SETTLE_MS INT64_C(120000)

/* --- hours -----------------------------------------------------------------*/

/* Where zone is in the list, which is sorted, or would be put. */
static size_t
hours_place(const struct campaign *p, const char *zone)
{
	size_t lo = 0, hi = p->hours_count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(p->hours[mid]->zone, zone) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct hours *
hours_find(const struct campaign *p, const char *zone)
{
	size_t i = hours_place(p, zone);

	return i < p->hours_count && strcmp(p->hours[i]->zone, zone) == 0
	    ? p->hours[i] : NULL;
}

static bool
hours_cover(const struct hours *h, int64_t wall)
{
	return h->answered && !h->unknown && h->from_wall <= wall &&
	    wall < h->to_wall;
}

/* What must still fit into the window where a start goes out. */
static int64_t
need_ms(const struct core *c, const struct campaign *p)
{
	if (!p->spec->window_fit || planted("window_fit_ignored"))
		return 1;
	return campaign_w_ms(c, p);
}

static void
hours_ask(struct core *c, struct hours *h)
{
	struct fx_item *it = core_item(c, FX_WINDOWS);

	if (it == NULL)
		return;
	it->campaign = h->campaign->rec.id;
	it->from_wall = c->now.wall_ms - BEHIND_MS;
	it->to_wall = c->now.wall_ms + AHEAD_MS + need_ms(c, h->campaign);
	it->len = (size_t)snprintf(it->bytes, sizeof(it->bytes), "%s",
	    h->zone);
	timer_set(c, &c->hours_timers, &h->timer,
	    c->now.at_ms + ASK_AGAIN_MS);
}

static struct hours *
hours_get(struct core *c, struct campaign *p, const char *zone)
{
	struct hours *h = hours_find(p, zone);
	struct hours **v;
	size_t at;

	if (h != NULL)
		return h;
	v = realloc(p->hours, (p->hours_count + 1) * sizeof(*v));
	if (v != NULL)
		p->hours = v;
	if (v == NULL || (h = calloc(1, sizeof(*h))) == NULL) {
		core_fail(c);
		return NULL;
	}
	(void)snprintf(h->zone, sizeof(h->zone), "%s", zone);
	h->campaign = p;
	list_init(&h->wait);
	at = hours_place(p, zone);
	memmove(p->hours + at + 1, p->hours + at,
	    (p->hours_count - at) * sizeof(*p->hours));
	p->hours[at] = h;
	p->hours_count++;
	/* Those of no zone only wait for one. */
	h->unknown = h->answered = zone[0] == '\0';
	if (!h->unknown)
		hours_ask(c, h);
	return h;
}

/* The first span from wall on that leaves room for what takes need_ms. */
static const struct wall_span *
hours_next(const struct hours *h, int64_t wall, int64_t need_ms)
{
	size_t lo = 0, hi = h->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (h->span[mid].to_wall <= wall)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < h->count; lo++) {
		const struct wall_span *s = &h->span[lo];

		if (s->to_wall - MAX_OF(s->from_wall, wall) >= need_ms)
			return s;
	}
	return NULL;
}

/* The zone that counts for a target, "" = none is known. */
static const char *
target_zone(const struct core *c, const struct target *t)
{
	const struct campaign *p = t->campaign;
	const struct hours *h;
	const char *zone;

	if (!p->spec->timezone_device)
		return p->spec->timezone;
	zone = device_zone(c, t->device);
	h = hours_find(p, zone);
	if (zone[0] == '\0' || strlen(zone) > ZONE_NAME_MAX ||
	    (h == NULL ? p->hours_count >= ZONES_MAX : h->unknown))
		return p->spec->fallback_timezone;
	return zone;
}

int64_t
clock_wall_to_at(const struct core *c, int64_t wall)
{
	return c->now.at_ms + (wall - c->now.wall_ms);
}

bool
clock_settling(const struct core *c)
{
	return c->now.at_ms < c->settle_until_at;
}

/* What the record says the time is: until it has settled, what it was before,
 * so that a restart meanwhile does not take the jump for granted. */
int64_t
clock_recorded_wall(const struct core *c)
{
	return clock_settling(c) ? c->now.at_ms + c->trusted_skew_ms
				 : c->now.wall_ms;
}

enum hold
windows_hold(const struct core *c, const struct target *t,
    int64_t *ret_until_at)
{
	const struct campaign *p = t->campaign;
	int64_t wall = c->now.wall_ms, need = need_ms(c, p);
	const struct wall_span *next;
	const struct hours *h;
	const char *zone;

	if (p->spec->windows_always)
		return HOLD_NONE;
	zone = target_zone(c, t);
	h = hours_find(p, zone);
	if (zone[0] == '\0' || (h != NULL && h->unknown))
		return HOLD_TIMEZONE_UNKNOWN;
	if (h == NULL || !hours_cover(h, wall))
		return HOLD_WINDOW;
	if (clock_settling(c)) {
		*ret_until_at = c->settle_until_at;
		return HOLD_WINDOW;
	}
	next = hours_next(h, wall, need);
	if (next != NULL && next->from_wall <= wall)
		return HOLD_NONE;
	if (next != NULL)
		*ret_until_at = clock_wall_to_at(c, next->from_wall);
	next = hours_next(h, wall, 1);
	return next != NULL && next->from_wall <= wall ? HOLD_WINDOW_FIT
						       : HOLD_WINDOW;
}

/* Whatever takes long must fit into what is known. */
static int64_t
extend_wall(const struct core *c, const struct hours *h)
{
	return h->to_wall - EXTEND_MS - need_ms(c, h->campaign);
}

/* --- waiting ---------------------------------------------------------------*/

/* When something has to be done about these hours: somebody who waits may go,
 * or they run out. */
static void
hours_arm(struct core *c, struct hours *h)
{
	int64_t wall = c->now.wall_ms, at;
	const struct wall_span *next;

	if (!hours_cover(h, wall)) {
		/* Asked already, or nothing to ask for. */
		if (h->answered && !h->unknown)
			timer_set(c, &c->hours_timers, &h->timer, 0);
		return;
	}
	at = clock_wall_to_at(c, extend_wall(c, h));
	next = list_empty(&h->wait)
	    ? NULL : hours_next(h, wall, need_ms(c, h->campaign));
	if (next != NULL)
		at = MIN_OF(at, MAX_OF(clock_wall_to_at(c, next->from_wall),
			c->settle_until_at));
	timer_set(c, &c->hours_timers, &h->timer, at);
}

/* Online, and kept by nothing but the hours. */
void
windows_wait(struct core *c, struct target *t)
{
	const char *zone = target_zone(c, t);
	struct hours *h;

	list_remove(&t->ready);
	if ((h = hours_get(c, t->campaign, zone)) == NULL)
		return;
	list_push_back(&h->wait, &t->ready);
	hours_arm(c, h);
}

/* An attempt ended without a start: nobody else will look at its target before
 * the device speaks again, which may be after the window. */
void
windows_keep(struct core *c, struct target *t)
{
	int64_t until;
	enum hold h;

	if (t->rec.state != TARGET_WAITING || t->campaign->spec->windows_always)
		return;
	h = target_hold(c, t, &until);
	if (h == HOLD_WINDOW || h == HOLD_WINDOW_FIT ||
	    h == HOLD_TIMEZONE_UNKNOWN)
		windows_wait(c, t);
}

static void
hours_open(struct core *c, struct hours *h)
{
	struct campaign *p = h->campaign;
	const struct wall_span *s;

	if (list_empty(&h->wait) || clock_settling(c))
		return;
	s = hours_next(h, c->now.wall_ms, need_ms(c, p));
	if (s == NULL || s->from_wall > c->now.wall_ms)
		return;
	list_splice_back(&p->ready, &h->wait);
	campaign_jitter(c, p);
	c->pace_changed = true;
}

void
windows_timer(struct core *c, struct hours *h)
{
	if (!hours_cover(h, c->now.wall_ms) ||
	    c->now.wall_ms >= extend_wall(c, h)) {
		hours_ask(c, h);
		return;
	}
	hours_open(c, h);
	hours_arm(c, h);
}

/* --- answers ---------------------------------------------------------------*/

static struct campaign *
campaign_of(const struct core *c, int64_t id)
{
	for (size_t i = 0; i < c->campaign_count; i++)
		if (c->campaign[i]->rec.id == id)
			return c->campaign[i];
	return NULL;
}

const struct campaign_spec *
core_campaign_spec(const struct core *c, int64_t id)
{
	const struct campaign *p = campaign_of(c, id);

	return p == NULL ? NULL : p->spec;
}

void
windows_answered(struct core *c, const struct windows_answer *a)
{
	struct campaign *p = campaign_of(c, a->campaign);
	struct hours *h = p == NULL ? NULL : hours_find(p, a->zone);
	struct wall_span *v;

	if (h == NULL)
		return; /* dropped meanwhile */
	v = calloc(MAX_OF(a->count, 1), sizeof(*v));
	if (v == NULL) {
		core_fail(c);
		return;
	}
	if (a->count > 0)
		memcpy(v, a->span, a->count * sizeof(*v));
	free(h->span);
	h->span = v;
	h->count = a->count;
	h->from_wall = a->from_wall;
	h->to_wall = a->to_wall;
	h->answered = true;
	h->unknown = !a->known;
	if (h->unknown) {
		core_note(c, NOTE_WARN, "timezone_unknown campaign=%s zone=%s",
		    p->rec.name, h->zone);
		/* They may have a fallback. */
		list_splice_back(&p->ready, &h->wait);
		timer_set(c, &c->hours_timers, &h->timer, INT64_MAX);
		c->pace_changed = true;
		return;
	}
	hours_open(c, h);
	/* Else asked again in a while, as it stands since the question. */
	if (hours_cover(h, c->now.wall_ms))
		hours_arm(c, h);
}

/* --- life ------------------------------------------------------------------*/

void
windows_drop(struct core *c, struct campaign *p)
{
	for (size_t i = 0; i < p->hours_count; i++) {
		struct hours *h = p->hours[i];

		list_splice_back(&p->ready, &h->wait);
		timer_set(c, &c->hours_timers, &h->timer, INT64_MAX);
		free(h->span);
		free(h);
	}
	free(p->hours);
	p->hours = NULL;
	p->hours_count = 0;
}

/* The campaign's file was read, be it the same: its hours are told anew, for
 * the zones of the world change as well. */
void
windows_reset(struct core *c, struct campaign *p)
{
	const struct campaign_spec *s = p->spec;

	windows_drop(c, p);
	c->pace_changed = true;
	if (s->windows_always || p->rec.state == CAMPAIGN_ABORTED ||
	    p->rec.state == CAMPAIGN_FINISHED)
		return;
	if (s->timezone[0] != '\0')
		(void)hours_get(c, p, s->timezone);
	if (s->timezone_device && s->fallback_timezone[0] != '\0')
		(void)hours_get(c, p, s->fallback_timezone);
}

bool
windows_next(const struct core *c, const struct campaign *p, int64_t wall,
    struct wall_span *ret)
{
	bool found = false;

	(void)c;
	for (size_t i = 0; i < p->hours_count; i++) {
		const struct hours *h = p->hours[i];
		const struct wall_span *s =
		    hours_cover(h, wall) ? hours_next(h, wall, 1) : NULL;

		if (s == NULL || (found && s->from_wall >= ret->from_wall))
			continue;
		*ret = *s;
		found = true;
	}
	return found;
}

/* --- the wall clock --------------------------------------------------------*/

static void
jumped(struct core *c, int64_t by_ms, int64_t old_skew_ms)
{
	if (!clock_settling(c))
		c->trusted_skew_ms = old_skew_ms;
	if (!planted("clock_trusted"))
		c->settle_until_at = c->now.at_ms + core_dur(c, SETTLE_MS);
	c->clock_jumps++;
	core_note(c, NOTE_WARN, "clock_jump seconds=%+lld settle_s=%lld",
	    (long long)(by_ms / 1000),
	    (long long)(core_dur(c, SETTLE_MS) / 1000));
	core_event(c, NULL, 0, 0, EVENT_TIMER, PHASE_NONE, -1, -1,
	    "the wall clock jumped by %lld s", (long long)(by_ms / 1000));
}

static void
rearm(struct core *c)
{
	for (size_t i = 0; i < c->campaign_count; i++) {
		struct campaign *p = c->campaign[i];

		schedule_clock(c, p);
		for (size_t k = 0; k < p->hours_count; k++)
			hours_arm(c, p->hours[k]);
	}
}

void
clock_seen(struct core *c)
{
	int64_t skew = c->now.wall_ms - c->now.at_ms;
	int64_t old = c->skew_ms;
	int64_t by = skew - old;

	if (by >= -CLOCK_STEP_MS && by <= CLOCK_STEP_MS)
		return;
	c->skew_ms = skew;
	if (by < -CLOCK_JUMP_MS || by > CLOCK_JUMP_MS)
		jumped(c, by, old);
	rearm(c);
}

/* What the record says of the clock before the start. Over a boot of the
 * machine nobody knows how long it was off: only back is certainly wrong. */
void
clock_start(struct core *c, int64_t down_ms)
{
	int64_t by = c->now.wall_ms - c->stamp_wall - MAX_OF(down_ms, 0);

	c->skew_ms = c->now.wall_ms - c->now.at_ms;
	if (c->stamp_wall != 0 && (by < -CLOCK_JUMP_MS ||
		(down_ms >= 0 && by > CLOCK_JUMP_MS)))
		jumped(c, by, c->skew_ms - by);
	for (size_t i = 0; i < c->campaign_count; i++) {
		windows_reset(c, c->campaign[i]);
		schedule_clock(c, c->campaign[i]);
	}
}
