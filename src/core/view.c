#include "config.h"
#include "core/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/keysort.h"
#include "base/version.h"
#include "core/state.h"

static size_t
targets_open(const struct campaign *p)
{
	return p->count[TARGET_WAITING] + p->count[TARGET_ACTIVE] +
	    p->count[TARGET_BACKOFF];
}

/* As it went so far; 0 while it stands still. */
static double
per_hour(const struct core *c, const struct campaign *p, int64_t wall_ms)
{
	int64_t spent = wall_ms - p->rec.started_wall;

	if (p->rec.state != CAMPAIGN_RUNNING || c->flags.halted ||
	    c->draining || spent <= 0)
		return 0;
	return (double)(p->target_count - targets_open(p)) * 3600000 /
	    (double)spent;
}

/* A simple promise: at that rate, and not while nobody may start. */
static int64_t
eta(const struct core *c, const struct campaign *p, int64_t wall_ms)
{
	double rate = per_hour(c, p, wall_ms);
	struct wall_span open_hours;
	int64_t at;

	if (rate <= 0)
		return 0;
	at = wall_ms + (int64_t)((double)targets_open(p) / rate * 3600000);
	if (windows_next(c, p, at, &open_hours))
		at = MAX_OF(at, open_hours.from_wall);
	return at;
}

/* Nobody waits without a name for it: who is only between a token and his
 * turn at it waits for the rate. */
static enum hold
hold_shown(const struct core *c, const struct target *t, int64_t *ret_until_at)
{
	enum hold h = target_hold(c, t, ret_until_at);

	return h == HOLD_NONE ? HOLD_RATE : h;
}

static void
view_hours(const struct core *c, const struct campaign *p, int64_t wall,
    struct view_campaign *ret)
{
	const struct campaign_spec *s = p->spec;
	struct wall_span next;

	ret->windows_always = s->windows_always;
	ret->timezone = s->windows_always ? ""
	    : s->timezone_device ? "device" : s->timezone;
	if (windows_next(c, p, MAX_OF(wall, s->schedule.start_wall), &next)) {
		ret->window_from_wall = next.from_wall;
		ret->window_to_wall = next.to_wall;
	}
	ret->schedule_start_wall = s->schedule.start_wall;
	ret->schedule_end_wall = schedule_end_wall(c, p);
	ret->schedule_cancel = s->schedule.cancel;
}

bool
core_view_campaign_brief(const struct core *c, struct core_now now,
    const char *name, struct view_campaign *ret)
{
	const struct campaign *p = campaign_find(c, name);

	if (p == NULL)
		return false;
	*ret = (struct view_campaign){
	    .id = p->rec.id,
	    .name = p->rec.name,
	    .description = p->spec->description,
	    .digest = p->rec.digest,
	    .target_version = p->spec->target_version,
	    .state = p->rec.state,
	    .reason = p->rec.reason,
	    .reason_text = intake_busy(p) ? "its targets are taken in"
		: p->rec.reason_text,
	    .revision = p->rec.revision,
	    .priority = p->spec->priority,
	    .total = p->target_count,
	    .attempts = p->attempts,
	    .in_flight = p->in_flight,
	    .dark = p->dark,
	    .created_wall = p->rec.created_wall,
	    .started_wall = p->rec.started_wall,
	    .finished_wall = p->rec.finished_wall,
	    .per_hour = per_hour(c, p, now.wall_ms),
	    .eta_wall = eta(c, p, now.wall_ms),
	    .wave_count = p->wave_count,
	};
	memcpy(ret->targets, p->count, sizeof(ret->targets));
	memcpy(ret->causes, p->cause, sizeof(ret->causes));
	memcpy(ret->results, p->result, sizeof(ret->results));
	view_hours(c, p, now.wall_ms, ret);
	return true;
}

bool
core_view_looks(const struct core *c, const char *campaign, size_t *room,
    struct view_looks *v)
{
	const struct campaign *p = campaign_find(c, campaign);
	int64_t until;

	if (p == NULL)
		return true;
	for (; v->pos < p->target_count && *room > 0; v->pos++, --*room) {
		const struct target *t = p->target[v->pos];

		if (t->device->conn == NULL &&
		    !target_state_terminal(t->rec.state))
			v->offline[t->rec.wave]++;
		if (t->rec.state == TARGET_WAITING)
			v->holds[hold_shown(c, t, &until)]++;
	}
	return v->pos >= p->target_count;
}

bool
core_view_looked(const struct core *c, struct core_now now, const char *name,
    const struct view_looks *v, struct view_campaign *ret)
{
	const struct campaign *p = campaign_find(c, name);
	enum hold h;

	if (!core_view_campaign_brief(c, now, name, ret))
		return false;
	/* What holds them all now holds whoever was held by something else a
	 * moment ago. */
	if (p->target_count > 0 && (h = campaign_hold(c, p)) != HOLD_NONE)
		ret->holds[h] = p->count[TARGET_WAITING];
	else
		memcpy(ret->holds, v->holds, sizeof(ret->holds));
	return true;
}

bool
core_view_campaign(const struct core *c, struct core_now now,
    const char *name, struct view_campaign *ret)
{
	struct view_looks v = {0};
	size_t room = SIZE_MAX;

	(void)core_view_looks(c, name, &room, &v);
	return core_view_looked(c, now, name, &v, ret);
}

size_t
core_campaign_count(const struct core *c)
{
	return c->campaign_count;
}

const char *
core_campaign_name(const struct core *c, size_t i)
{
	return i < c->campaign_count ? c->campaign[i]->rec.name : NULL;
}

const struct campaign_spec *
core_campaign_at(const struct core *c, size_t i,
    enum campaign_state *ret_state)
{
	if (i >= c->campaign_count)
		return NULL;
	*ret_state = c->campaign[i]->rec.state;
	return c->campaign[i]->spec;
}

static void
view_target(const struct core *c, const struct target *t,
    struct view_target *ret)
{
	int64_t until = 0;

	*ret = (struct view_target){
	    .id = t->device->id,
	    .key = t->device->key,
	    .campaign = t->campaign->rec.name,
	    .wave = target_wave(t)->rec.name,
	    .state = t->rec.state,
	    .cause = t->rec.cause,
	    .attempts = t->rec.attempts_total,
	    .retry_wall = t->rec.retry_wall,
	    .attempt = t->rec.last_attempt,
	    .version = t->device->more == NULL ? ""
					       : t->device->more->rec.mcu,
	};
	ret->hops = t->rec.hops;
	if (t->rec.state == TARGET_WAITING)
		ret->hold = hold_shown(c, t, &until);
	if (until > c->now.at_ms)
		ret->hold_until_wall =
		    c->now.wall_ms + (until - c->now.at_ms);
	if (ret->hold == HOLD_OFFLINE)
		ret->hold_until_wall = device_next_contact(c, t->device);
	ret->diagnosis = device_diagnosis(c, t->device);
	if (ret->hold == HOLD_OTHER_CAMPAIGN)
		ret->blocked_by = target_blocker(t)->rec.name;
	if (t->rec.state == TARGET_SKIPPED)
		target_missing(t, ret->missing);
	if (t->rec.state == TARGET_ACTIVE)
		ret->phase = t->preflight || t->attempt == NULL
		    ? PHASE_PREFLIGHT
		    : attempt_phase_shown(t->attempt);
}

/* Targets never change device: sorted once, on the first look. */
static struct target **
sorted(struct campaign *p)
{
	size_t n = p->target_count;
	struct keyed *v;

	if (p->by_key != NULL || n == 0)
		return p->by_key;
	v = calloc(n, 2 * sizeof(*v));
	p->by_key = calloc(n, sizeof(*p->by_key));
	if (v == NULL || p->by_key == NULL) {
		free(v);
		free(p->by_key);
		return p->by_key = NULL;
	}
	for (size_t i = 0; i < n; i++)
		v[i] = (struct keyed){p->target[i]->rec.device, p->target[i]};
	keysort(v, v + n, n);
	for (size_t i = 0; i < n; i++)
		p->by_key[i] = v[i].value;
	free(v);
	return p->by_key;
}

/* What costs nothing to ask, before what does. */
static bool
target_may_match(const struct target *t, const struct target_filter *f)
{
	return (f->state < 0 || (int)t->rec.state == f->state) &&
	    (f->cause < 0 || (int)t->rec.cause == f->cause) &&
	    (f->hold < 0 || t->rec.state == TARGET_WAITING) &&
	    (f->wave == NULL || strcmp(target_wave(t)->rec.name,
		f->wave) == 0);
}

static size_t
first_behind(struct target **v, size_t n, uint64_t after)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (v[mid]->device->key <= after)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* However few match: then the page ends early, and the next one goes on. */
#define LOOKS_MAX 50000
#define HOLDS_MAX 5000

long
core_view_targets(const struct core *c, struct core_now now,
    const char *campaign, const struct target_filter *filter,
    struct view_target *ret, size_t max, uint64_t *ret_last, bool *ret_more)
{
	struct campaign *p = campaign_find(c, campaign);
	size_t n = 0, i, looks = 0, holds = 0;
	struct target **v;

	(void)now;
	*ret_more = false;
	*ret_last = filter->after;
	if (p == NULL)
		return -1;
	if ((v = sorted(p)) == NULL)
		return 0;
	for (i = first_behind(v, p->target_count, filter->after);
	     i < p->target_count; i++) {
		struct view_target one;

		*ret_more = looks++ >= LOOKS_MAX || holds >= max + HOLDS_MAX;
		if (*ret_more)
			break;
		if (target_may_match(v[i], filter)) {
			holds++;
			view_target(c, v[i], &one);
			if (filter->hold < 0 || (int)one.hold == filter->hold) {
				if ((*ret_more = n == max))
					break;
				ret[n++] = one;
			}
		}
		*ret_last = v[i]->device->key;
	}
	return (long)n;
}

static void
view_fleet(const struct core *c, const struct device *d,
    struct view_device *ret)
{
	const struct exclusion *e = exclusion_find(c, d->key);
	struct inventory_row r;

	ret->model_name = device_type_code(d).n == 0 ? ""
	    : device_model(c, d)->name;
	ret->never = keyset_has(&c->fleet.never, d->key);
	ret->allowed = device_commandable(c, d);
	ret->exclusion = e == NULL ? NULL : &e->rec;
	ret->tags = ret->timezone = ret->country = ret->networks = "";
	if (!device_row(c, d, &r))
		return;
	ret->inventory = true;
	ret->tags = r.tags;
	ret->timezone = r.timezone;
	ret->country = r.country;
	ret->networks = r.networks;
	if (ret->name[0] == '\0')
		ret->name = r.name;
}

static void
view_device(const struct core *c, const struct device *d,
    struct view_device *ret)
{
	const struct device_rec *r = d->more == NULL ? NULL : &d->more->rec;
	struct span code = device_type_code(d);
	const struct target *t;

	*ret = (struct view_device){
	    .id = d->id,
	    .key = d->key,
	    .protocol = d->heard == 0 ? "" :
	        frame_family_name((enum frame_family)(d->heard - 1)),
	    .protocol_version = d->protover,
	    .name = r == NULL ? "" : r->name,
	    .device_type = r == NULL ? "" : r->device_type,
	    .hardware = r == NULL ? "" : r->hardware,
	    .mcu = r == NULL ? "" : r->mcu,
	    .version_wall = r == NULL ? 0 : r->version_wall,
	    .online = d->conn != NULL,
	    .registered = r != NULL && r->registered,
	    .observed = d->observed,
	    .conn = d->conn,
	    .diagnosis = device_diagnosis(c, d),
	};
	if (d->conn != NULL)
		ret->transport = d->conn->transport;
	ret->last_seen_wall = device_last_seen(c, d);
	ret->next_contact_wall = device_next_contact(c, d);
	ret->quarantined_wall = r == NULL ? 0 : r->quarantined_wall;
	for (t = d->targets; t != NULL; t = t->next_of_device)
		ret->target_count++;
	(void)span_copy(ret->model_text, sizeof(ret->model_text), code);
	ret->model = ret->model_text;
	view_fleet(c, d, ret);
}

/* A device that is in the inventory, or excluded, and has never spoken. */
static void
view_listed(const struct core *c, const struct devid *id,
    struct view_device *ret)
{
	struct device nobody = {.key = id->key,
	    .fleet_gen = (c->fleet_gen - 1) & FLEET_GENS};

	view_device(c, &nobody, ret);
	memcpy(ret->id_text, id->text, sizeof(ret->id_text));
	/* Nothing may point into what is gone in a moment. */
	ret->id = ret->id_text;
	ret->protocol = ret->protocol_version = "";
}

bool
core_view_device(const struct core *c, struct core_now now, const char *id,
    struct view_device *ret)
{
	struct devid key;
	const struct device *d;
	uint32_t row;

	(void)now; /* as its last event left it */
	if (devid_parse(span_str(id), &key) < 0)
		return false;
	if ((d = device_find(c, key.key)) != NULL) {
		view_device(c, d, ret);
		return true;
	}
	row = inventory_find(c->fleet.inventory, key.key);
	if (row != INVENTORY_NONE)
		inventory_id(c->fleet.inventory, row, &key);
	else if (exclusion_find(c, key.key) == NULL)
		return false;
	view_listed(c, &key, ret);
	return true;
}

/* --- all devices in order ---------------------------------------------------
 * The map has none. A sorted copy of its keys serves every page of a list, and
 * is made anew when devices came or went; of a large fleet once a minute at
 * most, for that costs 60 ms at a million. What it does not have yet comes with
 * the next one. */
#define ORDER_SMALL 20000
#define ORDER_MS 60000

/* False: no memory. */
static bool
order_keys(const struct core *c, struct core_now now)
{
	struct device_order *o = c->order;
	const struct device *d;
	size_t pos = 0;
	struct keyed *v;
	uint64_t *key;

	if (o->made && (o->gen == c->devices_gen ||
		(o->len > ORDER_SMALL && now.at_ms - o->at_ms < ORDER_MS)))
		return true;
	key = realloc(o->key, (c->devices.len + 1) * sizeof(*key));
	if (key == NULL)
		return false;
	o->key = key;
	o->len = 0;
	if ((v = calloc(c->devices.len + 1, 2 * sizeof(*v))) == NULL)
		return false;
	while ((d = idmap_next(&c->devices, &pos)) != NULL)
		v[o->len++].key = d->key;
	keysort(v, v + o->len, o->len);
	for (size_t i = 0; i < o->len; i++)
		o->key[i] = v[i].key;
	free(v);
	o->gen = c->devices_gen;
	o->at_ms = now.at_ms;
	o->made = true;
	return true;
}

static size_t
order_behind(const struct device_order *o, uint64_t after)
{
	size_t lo = 0, hi = o->len, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (o->key[mid] <= after)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The next that is still there, or NULL. */
static const struct device *
order_next(const struct core *c, size_t *i)
{
	const struct device *d;

	for (; *i < c->order->len; (*i)++)
		if ((d = device_find(c, c->order->key[*i])) != NULL)
			return d;
	return NULL;
}

/* The next row of a device that is not in memory. */
static bool
listed_next(const struct core *c, uint32_t *row, struct devid *ret)
{
	const struct inventory *v = c->fleet.inventory;

	for (; *row < inventory_count(v); (*row)++)
		if (device_find(c, inventory_key(v, *row)) == NULL) {
			inventory_id(v, *row, ret);
			return true;
		}
	return false;
}

size_t
core_view_devices(const struct core *c, struct core_now now, uint64_t after,
    struct view_device *ret, size_t max, bool *ret_more)
{
	const struct device *d;
	size_t out = 0, i;
	struct devid id;
	uint32_t row;

	*ret_more = false;
	if (max == 0 || !order_keys(c, now))
		return 0;
	i = order_behind(c->order, after);
	/* The inventory lies in the same order. */
	row = inventory_behind(c->fleet.inventory, after);
	while (out < max) {
		bool listed = listed_next(c, &row, &id);

		d = order_next(c, &i);
		if (d != NULL && (!listed || d->key < id.key)) {
			view_device(c, d, &ret[out++]);
			i++;
		} else if (!listed) {
			break;
		} else {
			view_listed(c, &id, &ret[(row++, out++)]);
		}
	}
	*ret_more = order_next(c, &i) != NULL || listed_next(c, &row, &id);
	return out;
}

size_t
core_view_device_targets(const struct core *c, struct core_now now,
    uint64_t key, struct view_target *ret, size_t max)
{
	const struct device *d = device_find(c, key);
	const struct target *t;
	size_t n = 0;

	(void)now;
	if (d == NULL)
		return 0;
	for (t = d->targets; t != NULL && n < max; t = t->next_of_device)
		view_target(c, t, &ret[n++]);
	return n;
}

void
core_view_status(const struct core *c, struct view_status *ret)
{
	*ret = (struct view_status){
	    .devices_known = fleet_known(c),
	    .devices_online = c->online,
	    .devices_observed = c->observed_count,
	    .in_flight = c->in_flight,
	    .halted = c->flags.halted,
	    .draining = c->draining,
	    .store_ok = c->store_ok,
	    .observed_max = (size_t)c->cfg.observed_max,
	    .observed_evicted = c->observed_evicted,
	    .devices_registered = c->registered,
	    .registered_max = (size_t)c->cfg.registered_max,
	    .registered_refused = c->registered_refused,
	    .frames_kept_max = FRAMES_KEPT,
	    .frames_not_kept = c->frames_not_kept,
	    .frames_nameless = c->frames_nameless,
	    .held_in_flight = c->held_in_flight,
	    .held_start_rate = c->held_start_rate,
	    .held_read_rate = c->held_read_rate,
	    .held_dark = c->held_dark,
	    .file_slots = c->file_slots,
	    .file_downloads_max =
		c->cfg.file_server ? c->cfg.file_downloads : 0,
	    .held_files = c->held_files,
	    .commands_start = c->commands_start,
	    .commands_stop = c->commands_stop,
	    .commands_read = c->commands_read,
	    .updates = c->updates,
	    .repeats = c->repeats,
	    .quarantined = c->quarantined,
	    .quarantined_max = quarantine_room(c),
	    .quarantine_refused = c->quarantine_refused,
	    .takeovers = c->takeovers,
	    .foreign_updates = c->foreign_updates,
	    .clock_jump_ms = CLOCK_JUMP_MS,
	    .clock_jumps = c->clock_jumps,
	    .inventory_rows = inventory_count(c->fleet.inventory),
	    .inventory_max = INVENTORY_MAX,
	    .inventory_bytes = inventory_bytes(c->fleet.inventory),
	    .exclusions = c->exclusions.len,
	    .exclusions_max = EXCLUSIONS_MAX,
	    .exclusions_refused = c->exclusions_refused,
	    .fleet_broken = c->fleet.broken,
	};
	for (size_t i = 0; i < c->campaign_count; i++)
		ret->dark += c->campaign[i]->dark;
	memcpy(ret->codes, c->codes, sizeof(ret->codes));
}
