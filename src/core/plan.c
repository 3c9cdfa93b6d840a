#include "config.h"
#include "core/plan.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/state.h"

/*
 * A campaign is made up beside the core, with the fleet's devices as targets
 * that no device knows of; the same code picks members, waves and ways.
 */

#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define PAST_DAYS 30    /* of last contacts that are held against windows */
#define WAVES_NEEDED_ABOVE 200
/* Of an update that nobody has measured yet: what a tracker downloads in a
 * second, and what it takes beside that. */
#define BYTES_PER_S 2048
#define BESIDE_MS (INT64_C(5) * 60 * 1000)

struct zone_hours {
	const char *zone;
	struct wall_span *span;
	size_t count;
	bool known;
};

struct draft {
	struct core *core;
	struct core_now now;
	struct campaign *campaign;
	struct target *target;     /* one block */
	struct device *stranger;   /* those that are not in memory */
	size_t cap, strangers;
	struct zone_hours zone[PLAN_ZONES_MAX];
	size_t zones;
	plan_hours_fn *hours;
	void *hours_arg;
	struct plan *plan;
};

/* --- members ---------------------------------------------------------------*/

/* A device that is not in memory, just as large as a glance at it needs. */
static struct device
stranger_of(const struct core *c, const struct devid *id)
{
	struct device d = {.key = id->key,
	    .fleet_gen = (c->fleet_gen - 1) & FLEET_GENS};

	memcpy(d.id, id->text, sizeof(d.id));
	return d;
}

static void
take(struct draft *f, const struct devid *id)
{
	struct device stranger = stranger_of(f->core, id);
	struct device *d = device_find(f->core, id->key);
	struct campaign *p = f->campaign;
	struct target *t;
	enum member_why why;

	why = member_why(f->core, p->spec, d == NULL ? &stranger : d);
	if (why != MEMBER_YES) {
		f->plan->left_out[why - MEMBER_MODEL]++;
		return;
	}
	assert(p->target_count < f->cap);
	if (d == NULL) {
		d = &f->stranger[f->strangers++];
		*d = stranger;
	}
	t = &f->target[p->target_count];
	t->campaign = p;
	t->device = d;
	t->rec.state = TARGET_WAITING;
	t->rec.device = d->key;
	t->rec.ordinal = (uint32_t)p->target_count;
	t->rec.wave = (int)p->wave_count - 1;
	p->target[p->target_count++] = t;
	wave_tally(t, 1);
}

static size_t
members_max(const struct core *c, const struct campaign_spec *s)
{
	return s->targets_all
	    ? c->devices.len + inventory_count(c->fleet.inventory)
	    : s->device_count;
}

static int
members_take(struct draft *f)
{
	const struct campaign_spec *s = f->campaign->spec;
	const struct inventory *v = f->core->fleet.inventory;
	size_t pos = 0;
	struct device *d;
	struct devid id;

	f->cap = members_max(f->core, s);
	f->target = calloc(f->cap + 1, sizeof(*f->target));
	f->stranger = calloc(f->cap + 1, sizeof(*f->stranger));
	f->campaign->target = calloc(f->cap + 1, sizeof(struct target *));
	if (f->target == NULL || f->stranger == NULL ||
	    f->campaign->target == NULL)
		return -1;
	if (!s->targets_all) {
		for (size_t i = 0; i < s->device_count; i++)
			take(f, &s->devices[i]);
		return 0;
	}
	while ((d = idmap_next(&f->core->devices, &pos)) != NULL) {
		id.key = d->key;
		memcpy(id.text, d->id, sizeof(id.text));
		if (!d->observed)
			take(f, &id);
	}
	for (size_t i = 0; i < inventory_count(v); i++) {
		inventory_id(v, (uint32_t)i, &id);
		d = device_find(f->core, id.key);
		if (d == NULL || d->observed)
			take(f, &id);
	}
	return 0;
}

/* --- ways ------------------------------------------------------------------*/

static bool
named(char (*v)[MODEL_MAX + 1], size_t n, const char *have)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(v[i], have) == 0)
			return true;
	/* What has not been read yet speaks neither for it nor against. */
	return n == 0 || have[0] == '\0';
}

/* As a target would be skipped by what is known now; CAUSE_NONE: it is not. */
static enum cause
skip_cause(const struct draft *f, const struct target *t,
    struct version_path *ret)
{
	const struct campaign_spec *s = f->campaign->spec;
	const struct device_more *m = t->device->more;

	memset(ret, 0, sizeof(*ret));
	ret->bytes = PATH_BYTES_UNKNOWN;
	if (keyset_has(&f->core->fleet.never, t->device->key))
		return CAUSE_EXCLUDED;
	if (m != NULL && !named(s->require_type, s->require_type_count,
		m->rec.device_type))
		return CAUSE_WRONG_MODEL;
	if (m != NULL && !named(s->require_hardware,
		s->require_hardware_count, m->rec.hardware))
		return CAUSE_WRONG_HARDWARE;
	if (s->target_version[0] != '\0' &&
	    (m == NULL || m->rec.mcu[0] == '\0'))
		return CAUSE_NONE;
	if (paths_find(f->campaign->paths,
		m == NULL ? "" : m->rec.mcu, NULL, ret) < 0)
		return CAUSE_NONE;
	switch (ret->verdict) {
	case PATH_THERE:
		return CAUSE_UP_TO_DATE;
	case PATH_DOWN:
		return CAUSE_DOWNGRADE;
	case PATH_NONE:
	case PATH_BACK:
		return CAUSE_NO_PATH;
	case PATH_LEADS:
		break;
	}
	return CAUSE_NONE;
}

static void
path_count(struct plan *p, const char *from, const struct version_path *way)
{
	struct plan_path *v = p->path;
	size_t i = 0;

	while (i < p->path_count && (v[i].others ||
		!version_equal(v[i].from, from)))
		i++;
	if (i == p->path_count && i < PLAN_PATHS_MAX - 1) {
		p->path_count++;
		(void)span_copy(v[i].from, sizeof(v[i].from), span_str(from));
		v[i].hops = way->hops;
		v[i].bytes = way->bytes;
	} else if (i == p->path_count) {
		/* The last place is everybody else's. */
		i = PLAN_PATHS_MAX - 1;
		p->path_count = PLAN_PATHS_MAX;
		v[i].others = true;
		v[i].bytes = PATH_BYTES_UNKNOWN;
	} else if (i == PLAN_PATHS_MAX) {
		i = PLAN_PATHS_MAX - 1;
	}
	v[i].count++;
}

/* --- hours -----------------------------------------------------------------*/

static const char *
zone_of(const struct draft *f, const struct target *t)
{
	const struct campaign_spec *s = f->campaign->spec;
	const char *zone;

	if (s->windows_always || !s->timezone_device)
		return s->timezone;
	zone = device_zone(f->core, t->device);
	return zone[0] == '\0' ? s->fallback_timezone : zone;
}

/* NULL: more zones than are looked at. */
static struct zone_hours *
zone_hours(struct draft *f, const char *zone)
{
	int64_t from = f->now.wall_ms - PAST_DAYS * DAY_MS;
	struct zone_hours *z;

	for (size_t i = 0; i < f->zones; i++)
		if (strcmp(f->zone[i].zone, zone) == 0)
			return &f->zone[i];
	if (f->zones == PLAN_ZONES_MAX)
		return NULL;
	z = &f->zone[f->zones++];
	z->zone = zone;
	z->known = zone[0] != '\0' && f->hours(f->hours_arg,
	    f->campaign->spec, zone, from, f->plan->end_wall, &z->span,
	    &z->count) == 0;
	return z;
}

static bool
in_hours(const struct zone_hours *z, int64_t wall)
{
	for (size_t i = 0; i < z->count; i++)
		if (wall >= z->span[i].from_wall && wall < z->span[i].to_wall)
			return true;
	return false;
}

static int64_t
last_seen(const struct draft *f, const struct device *d)
{
	if (d->conn != NULL)
		return f->now.wall_ms;
	if (d->last_seen_at != 0)
		return f->now.wall_ms - (f->now.at_ms - d->last_seen_at);
	return d->more == NULL ? 0 : d->more->rec.last_seen_wall;
}

static void
presence(struct draft *f, const struct target *t)
{
	int64_t seen = last_seen(f, t->device);
	struct zone_hours *z;

	if (seen == 0)
		f->plan->never_heard++;
	/* Who is here and stays is here when its hours come. */
	if (seen == 0 || t->device->conn != NULL ||
	    f->campaign->spec->windows_always)
		return;
	z = zone_hours(f, zone_of(f, t));
	if (z != NULL && z->known && !in_hours(z, seen))
		f->plan->outside_window++;
}

/* --- when ------------------------------------------------------------------*/

static int
by_begin(const void *a, const void *b)
{
	const struct wall_span *x = a, *y = b;

	return (x->from_wall > y->from_wall) - (x->from_wall < y->from_wall);
}

/* When anybody may start: the zones' hours together. -1: no memory. */
static int
hours_union(const struct draft *f, struct wall_span **ret, size_t *ret_count)
{
	size_t n = 1, kept = 0;
	struct wall_span *v;

	for (size_t i = 0; i < f->zones; i++)
		n += f->zone[i].count;
	if ((v = calloc(n, sizeof(*v))) == NULL)
		return -1;
	n = 0;
	if (f->campaign->spec->windows_always)
		v[n++] = (struct wall_span){f->plan->begin_wall,
		    f->plan->end_wall};
	for (size_t i = 0; i < f->zones; i++)
		for (size_t k = 0; k < f->zone[i].count; k++)
			v[n++] = f->zone[i].span[k];
	qsort(v, n, sizeof(*v), by_begin);
	for (size_t i = 0; i < n; i++) {
		if (kept > 0 && v[i].from_wall <= v[kept - 1].to_wall)
			v[kept - 1].to_wall = MAX_OF(v[kept - 1].to_wall,
			    v[i].to_wall);
		else
			v[kept++] = v[i];
	}
	*ret = v;
	*ret_count = kept;
	return 0;
}

/* When so much open time has gone by since wall; 0: not within what is
 * known. */
static int64_t
open_until(const struct wall_span *v, size_t n, int64_t wall, int64_t ms)
{
	for (size_t i = 0; i < n; i++) {
		int64_t from = MAX_OF(v[i].from_wall, wall);

		if (from >= v[i].to_wall)
			continue;
		if (v[i].to_wall - from >= ms)
			return from + ms;
		ms -= v[i].to_wall - from;
	}
	return 0;
}

/* What one update takes: as measured since the start, else as its bytes and
 * experience say. */
static int64_t
attempt_ms(const struct draft *f)
{
	const struct histogram *h = &f->core->updates;
	const struct plan *p = f->plan;
	size_t known = 0, hops = 0;
	int64_t ms;

	if (h->count > 0)
		return (int64_t)(h->sum_s / (double)h->count * 1000);
	for (size_t i = 0; i < p->path_count; i++)
		if (p->path[i].hops > 0 &&
		    p->path[i].bytes != PATH_BYTES_UNKNOWN) {
			known += p->path[i].count;
			hops += p->path[i].count * (size_t)p->path[i].hops;
		}
	if (known == 0 || p->bytes == 0)
		return p->worst_case_ms / 2;
	ms = (int64_t)(p->bytes / hops) * 1000 / BYTES_PER_S + BESIDE_MS;
	return MIN_OF(core_dur(f->core, ms), p->worst_case_ms);
}

/* So much open time do the starts of one wave take. */
static int64_t
wave_ms(const struct draft *f, size_t starts)
{
	const struct spec_pace *pace = &f->campaign->spec->pace;
	const struct core_config *cfg = &f->core->cfg;
	int64_t rate = MIN_OF(pace->start_per_hour, cfg->start_per_hour);
	int64_t slots = MIN_OF(pace->in_flight, cfg->in_flight);
	int64_t n = (int64_t)starts, by_rate, by_slots;

	if (starts == 0 || slots <= 0 || rate <= 0)
		return 0;
	by_rate = (int64_t)((double)n * 3600000.0 / (double)rate);
	by_slots = (n + slots - 1) / slots * f->plan->attempt_ms;
	return MAX_OF(by_rate + f->plan->attempt_ms, by_slots);
}

static int
expect(struct draft *f)
{
	const struct campaign_spec *s = f->campaign->spec;
	struct plan *p = f->plan;
	int64_t wall = p->begin_wall;
	struct wall_span *v;
	size_t n;

	p->attempt_ms = attempt_ms(f);
	if (!s->windows_always && !s->timezone_device)
		(void)zone_hours(f, s->timezone);
	for (size_t i = 0; i < f->campaign->target_count; i++)
		if (!s->windows_always && s->timezone_device)
			(void)zone_hours(f, zone_of(f,
			    f->campaign->target[i]));
	if (hours_union(f, &v, &n) < 0)
		return -1;
	for (size_t i = 0; i < p->wave_count && wall != 0; i++) {
		const struct spec_gate *g = &s->waves[i].gate;

		if (p->wave[i].starts > 0)
			wall = open_until(v, n, wall,
			    wave_ms(f, p->wave[i].starts));
		if (i + 1 == p->wave_count || wall == 0)
			continue;
		wall += core_dur(f->core, g->soak_ms);
		p->waves_held += g->hold ? 1 : 0;
	}
	free(v);
	p->finish_wall = wall <= p->end_wall ? wall : 0;
	return 0;
}

/* --- the whole -------------------------------------------------------------*/

static bool
open_elsewhere(const struct draft *f, const struct device *d)
{
	const struct target *t;

	for (t = d->targets; t != NULL; t = t->next_of_device)
		if (!target_state_terminal(t->rec.state) &&
		    strcmp(t->campaign->rec.name, f->campaign->rec.name) != 0)
			return true;
	return false;
}

static void
keep_device(struct draft *f, const struct target *t, bool skipped)
{
	struct plan_device *out = &f->plan->device[t->rec.ordinal];
	const struct device *d = t->device;
	int64_t seen = last_seen(f, d);

	if (devid_parse(span_str(d->id), &out->id) < 0)
		out->id.key = d->key;
	memcpy(out->protover, d->protover, sizeof(out->protover));
	if (d->more != NULL) {
		memcpy(out->device_type, d->more->rec.device_type,
		    sizeof(out->device_type));
		memcpy(out->hardware, d->more->rec.hardware,
		    sizeof(out->hardware));
		memcpy(out->mcu, d->more->rec.mcu, sizeof(out->mcu));
	}
	(void)span_copy(out->zone, sizeof(out->zone),
	    span_str(device_zone(f->core, d)));
	out->wave = t->rec.wave;
	out->skipped = skipped;
	out->reachable = seen != 0 && f->now.wall_ms - seen < DAY_MS;
}

static void
look_at(struct draft *f, const struct target *t)
{
	const struct device_more *m = t->device->more;
	struct plan *p = f->plan;
	struct version_path way;
	enum cause cause = skip_cause(f, t, &way);

	if (p->device != NULL)
		keep_device(f, t, cause != CAUSE_NONE);
	p->elsewhere += open_elsewhere(f, t->device) ? 1 : 0;
	if (cause != CAUSE_NONE) {
		p->skipped[cause]++;
		return;
	}
	path_count(p, m == NULL || way.hops == 0 ||
		f->campaign->spec->target_version[0] == '\0'
	    ? "" : m->rec.mcu, &way);
	if (way.bytes == PATH_BYTES_UNKNOWN)
		p->bytes_unknown++;
	else
		p->bytes += way.bytes;
	p->wave[t->rec.wave].starts += (size_t)MAX_OF(way.hops, 1);
	presence(f, t);
}

static int
survey(struct draft *f, bool devices, struct errtext *err)
{
	const struct campaign_spec *s = f->campaign->spec;
	struct campaign *p = f->campaign;
	struct plan *plan = f->plan;

	if ((p->paths = paths_new(s)) == NULL ||
	    waves_make(f->core, p) < 0 || members_take(f) < 0)
		return errtext_set(err, -1, "out of memory");
	if (!s->waves_given && p->target_count > WAVES_NEEDED_ABOVE)
		return errtext_set(err, -1, "campaign %s: waves: must be given "
		    "for more than %d targets; there are %zu", s->name,
		    WAVES_NEEDED_ABOVE, p->target_count);
	if (waves_assign(f->core, p) < 0)
		return errtext_set(err, -1, "out of memory");
	plan->total = p->target_count;
	plan->wave_count = p->wave_count;
	for (size_t i = 0; i < p->wave_count; i++)
		plan->wave[i].total = p->wave[i]->total;
	if (devices && (plan->device = calloc(p->target_count + 1,
	    sizeof(*plan->device))) == NULL)
		return errtext_set(err, -1, "out of memory");
	for (size_t i = 0; i < p->target_count; i++)
		look_at(f, p->target[i]);
	return expect(f) < 0 ? errtext_set(err, -1, "out of memory") : 0;
}

static void
draft_free(struct draft *f)
{
	struct campaign *p = f->campaign;

	for (size_t i = 0; i < f->zones; i++)
		free(f->zone[i].span);
	if (p != NULL) {
		waves_free(f->core, p);
		paths_free(p->paths);
		free(p->target);
	}
	free(p);
	free(f->target);
	free(f->stranger);
}

int
core_plan(struct core *c, struct campaign_spec *spec, struct core_now now,
    plan_hours_fn *hours, void *hours_arg, bool devices, struct plan **ret,
    struct errtext *err)
{
	struct draft f = {.core = c, .now = now, .hours = hours,
	    .hours_arg = hours_arg};
	int r = -1;

	*ret = NULL;
	f.plan = calloc(1, sizeof(*f.plan));
	f.campaign = calloc(1, sizeof(*f.campaign));
	if (f.plan == NULL || f.campaign == NULL) {
		(void)errtext_set(err, -1, "out of memory");
		goto out;
	}
	f.campaign->spec = spec;
	memcpy(f.campaign->rec.name, spec->name, sizeof(spec->name));
	f.plan->begin_wall = MAX_OF(now.wall_ms, spec->schedule.start_wall);
	f.plan->end_wall = spec->schedule.end_wall != 0
	    ? spec->schedule.end_wall
	    : f.plan->begin_wall + SCHEDULE_DAYS * DAY_MS;
	f.plan->worst_case_ms = campaign_w_ms(c, f.campaign);
	r = survey(&f, devices, err);
out:
	draft_free(&f);
	if (r < 0)
		plan_free(f.plan);
	else
		*ret = f.plan;
	return r;
}

void
plan_free(struct plan *p)
{
	if (p == NULL)
		return;
	free(p->device);
	free(p);
}
