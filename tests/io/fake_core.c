#include "config.h"
#include "fake_world.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* --- campaigns -------------------------------------------------------------*/

static struct view_campaign *
add(struct core *c, const char *name, enum campaign_state state)
{
	struct view_campaign *v = &c->campaign[c->count++];

	*v = (struct view_campaign){
		.id = 10 + (int64_t)c->count, .name = name,
		.description = "", .state = state, .reason_text = "",
		.digest = "0123456789abcdef0123456789abcdef"
		    "0123456789abcdef0123456789abcdef",
		.target_version = "0A05", .revision = 1, .priority = 50,
		.created_wall = FAKE_WALL_MS - 7200000,
		.wave_count = 2,
	};
	return v;
}

static void
add_fleet(struct core *c)
{
	struct view_campaign *v = add(c, "fleet", CAMPAIGN_RUNNING);

	v->description = "first w\xc3\xa4ve";
	v->total = FAKE_TARGETS;
	v->targets[TARGET_SUCCEEDED] = 1000;
	v->targets[TARGET_FAILED] = 30;
	v->targets[TARGET_UNVERIFIED] = 5;
	v->targets[TARGET_ACTIVE] = 60;
	v->targets[TARGET_BACKOFF] = 10;
	v->targets[TARGET_WAITING] = FAKE_TARGETS - 1105;
	v->causes[CAUSE_BAD_URL] = 1;
	v->causes[CAUSE_NO_ACK] = 29;
	v->holds[HOLD_OFFLINE] = 240;
	v->holds[HOLD_WINDOW] = FAKE_TARGETS - 1105 - 240;
	v->attempts = 1111;
	v->in_flight = 55;
	v->dark = 2;
	v->started_wall = FAKE_WALL_MS - 3600000;
	v->eta_wall = FAKE_WALL_MS + 3600000;
}

void
fake_core_fill(struct core *c)
{
	struct view_campaign *v;

	add_fleet(c);
	(void)add(c, "draft", CAMPAIGN_DRAFT);
	v = add(c, "ruled", CAMPAIGN_PAUSED);
	v->reason = PAUSE_RULE;
	v->reason_text = "bad_url 2 of 2";
	v = add(c, "stopped", CAMPAIGN_PAUSED);
	v->reason = PAUSE_OPERATOR;
	v = add(c, "done", CAMPAIGN_FINISHED);
	v->total = 3;
	v->targets[TARGET_SUCCEEDED] = 1;
	v->targets[TARGET_FAILED] = 2;
	v->finished_wall = FAKE_WALL_MS - 1000;
	(void)add(c, "dead", CAMPAIGN_ABORTED);
	/* These change when they have been looked at a few times. */
	(void)add(c, "ends", CAMPAIGN_RUNNING);
	(void)add(c, "breaks", CAMPAIGN_RUNNING);
	(void)add(c, "aborts", CAMPAIGN_RUNNING);
	c->views_left = 6;
}

static void
look(struct core *c, struct view_campaign *v)
{
	if (v->state != CAMPAIGN_RUNNING || strcmp(v->name, "fleet") == 0 ||
	    c->views_left-- > 0)
		return;
	if (strcmp(v->name, "ends") == 0) {
		v->state = CAMPAIGN_FINISHED;
	} else if (strcmp(v->name, "breaks") == 0) {
		v->state = CAMPAIGN_PAUSED;
		v->reason = PAUSE_GATE;
		v->reason_text = "success 40% of 97%";
	} else if (strcmp(v->name, "aborts") == 0) {
		v->state = CAMPAIGN_ABORTED;
	}
}

struct view_campaign *
fake_core_find(const struct core *c, const char *name)
{
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->campaign[i].name, name) == 0) {
			union {
				const struct view_campaign *in;
				struct view_campaign *out;
			} u = {&c->campaign[i]};

			return u.out;
		}
	return NULL;
}

bool
core_view_campaign(const struct core *c, struct core_now now,
    const char *name, struct view_campaign *ret)
{
	union {
		const struct core *in;
		struct core *out;
	} u = {c};
	struct view_campaign *v = fake_core_find(c, name);

	(void)now;
	if (v == NULL)
		return false;
	look(u.out, v);
	*ret = *v;
	return true;
}

bool
core_view_campaign_brief(const struct core *c, struct core_now now,
    const char *name, struct view_campaign *ret)
{
	return core_view_campaign(c, now, name, ret);
}

/* There are two pieces of each. */
bool
core_view_looks(const struct core *c, const char *campaign, size_t *room,
    struct view_looks *v)
{
	assert(fake_core_find(c, campaign) != NULL);
	if (*room == 0)
		return false;
	*room = 0;
	v->offline[0] = 3;
	return v->pos++ > 0;
}

bool
core_view_looked(const struct core *c, struct core_now now, const char *name,
    const struct view_looks *v, struct view_campaign *ret)
{
	assert(v->pos == 2);
	return core_view_campaign(c, now, name, ret);
}

size_t
core_view_waves(const struct core *c, struct core_now now,
    const char *campaign, const struct view_looks *looks,
    struct view_wave *ret, size_t max)
{
	static const struct spec_gate gate = {.given = true,
	    .success_ppm = 970000, .min_done = 40, .unknown_max_ppm = 55000,
	    .soak_ms = 86400000, .hold = true};
	const struct view_campaign *v = fake_core_find(c, campaign);

	(void)now;
	if (v == NULL || max < 2)
		return 0;
	ret[0] = (struct view_wave){
	    .name = "canary", .state = c->approved ? WAVE_PASSED : WAVE_HELD,
	    .reason = "gate met, waits for approval", .total = 60, .done = 41,
	    .offline = looks->offline[0], .gate = &gate, .min_done = 40, .met = true,
	    .opened_wall = FAKE_WALL_MS - 3600000, .approved_by = "",
	    .approved_reason = "",
	};
	ret[0].targets[TARGET_SUCCEEDED] = 40;
	ret[0].targets[TARGET_FAILED] = 1;
	ret[1] = (struct view_wave){
	    .name = "rest",
	    .state = v->state == CAMPAIGN_RUNNING ? WAVE_OPEN : WAVE_WAITING,
	    .reason = "", .total = v->total, .approved_by = "",
	    .approved_reason = "",
	};
	memcpy(ret[1].targets, v->targets, sizeof(ret[1].targets));
	ret[1].done = v->targets[TARGET_SUCCEEDED] +
	    v->targets[TARGET_FAILED] + v->targets[TARGET_UNVERIFIED];
	return 2;
}

bool
core_view_wave_state(const struct core *c, const char *campaign, size_t i,
    const char **ret_name, enum wave_state *ret)
{
	const struct view_looks looks = {0};
	struct view_wave v[2];

	if (core_view_waves(c, (struct core_now){0}, campaign, &looks, v,
		2) <= i)
		return false;
	*ret_name = v[i].name;
	*ret = v[i].state;
	return true;
}

size_t
core_campaign_count(const struct core *c)
{
	return c->count;
}

const char *
core_campaign_name(const struct core *c, size_t i)
{
	return i < c->count ? c->campaign[i].name : NULL;
}

/* The first of them has one package. */
const struct campaign_spec *
core_campaign_at(const struct core *c, size_t i,
    enum campaign_state *ret_state)
{
	static struct spec_package package = {.from = "0A03", .to = "0A05",
	    .file = (char *)(uintptr_t)"sub/a.enc"};
	static struct campaign_spec spec = {.packages = &package,
	    .package_count = 1};

	(void)snprintf(spec.name, sizeof(spec.name), "%s",
	    core_campaign_name(c, i));
	spec.package_count = i == 0 ? 1 : 0;
	*ret_state = CAMPAIGN_RUNNING;
	return &spec;
}

/* --- targets and devices ---------------------------------------------------*/

static const char *
fake_id(size_t i)
{
	static char ids[FAKE_TARGETS][16];

	(void)snprintf(ids[i], sizeof ids[i], "A000002B%06zX", i & 0xffffff);
	return ids[i];
}

static void
fill_target(struct view_target *t, size_t i)
{
	*t = (struct view_target){
		.id = fake_id(i), .key = i + 1, .campaign = "fleet",
		.wave = "rest", .version = i % 7 == 0 ? "" : "0A03",
	};
	switch (i % 4) {
	case 0:
		t->state = TARGET_WAITING;
		t->hold = i % 8 == 0 ? HOLD_OFFLINE : HOLD_WINDOW;
		break;
	case 1:
		t->state = TARGET_ACTIVE;
		t->phase = PHASE_DOWNLOADING;
		t->attempts = 1;
		break;
	case 2:
		t->state = TARGET_FAILED;
		t->cause = CAUSE_NO_ACK;
		t->attempts = 3;
		break;
	default:
		t->state = TARGET_BACKOFF;
		t->attempts = 1;
		t->retry_wall = FAKE_WALL_MS + 60000;
		break;
	}
}

static bool
passes(const struct target_filter *f, const struct view_target *t)
{
	return (f->state < 0 || f->state == (int)t->state) &&
	    (f->cause < 0 || f->cause == (int)t->cause) &&
	    (f->hold < 0 || f->hold == (int)t->hold) && t->key > f->after;
}

long
core_view_targets(const struct core *c, struct core_now now,
    const char *campaign, const struct target_filter *filter,
    struct view_target *ret, size_t max, uint64_t *ret_last, bool *ret_more)
{
	struct view_target t;
	size_t n = 0;

	(void)now;
	*ret_more = false;
	*ret_last = filter->after;
	if (fake_core_find(c, campaign) == NULL)
		return -1;
	if (strcmp(campaign, "fleet") != 0)
		return 0;
	for (size_t i = 0; i < FAKE_TARGETS; i++) {
		fill_target(&t, i);
		if (!passes(filter, &t))
			continue;
		if (n == max) {
			*ret_more = true;
			break;
		}
		ret[n++] = t;
		*ret_last = t.key;
	}
	return (long)n;
}

static void
fill_device(struct view_device *d, size_t i)
{
	static const struct core_conn conn;

	*d = (struct view_device){
		.id = fake_id(i), .key = i + 1, .protocol = "ascii",
		.protocol_version = "C20101",
		.name = "", .device_type = "GV620MG", .hardware = "0102",
		.mcu = "0A03", .model = "C2", .diagnosis = "",
		.tags = "van;north", .inventory = true,
		.version_wall = FAKE_WALL_MS - 60000,
		.last_seen_wall = FAKE_WALL_MS - 1000, .online = i % 2 == 0,
		.registered = true, .target_count = 1,
	};
	/* What a tracker may call itself. */
	if (i == 0) {
		d->conn = &conn;
		d->name = "a\xff\x1b[31mred\xe2\x80\xaegnp\"\\<b>";
	}
	if (i == 1) {
		d->mcu = d->hardware = d->device_type = "";
		d->version_wall = d->last_seen_wall = 0;
		d->diagnosis = "never connected; check APN and address";
	}
}

bool
core_view_device(const struct core *c, struct core_now now, const char *id,
    struct view_device *ret)
{
	struct devid want, have;

	(void)c;
	(void)now;
	if (devid_parse(span_str(id), &want) < 0)
		return false;
	for (size_t i = 0; i < FAKE_DEVICES; i++) {
		if (devid_parse(span_str(fake_id(i)), &have) < 0 ||
		    have.key != want.key)
			continue;
		fill_device(ret, i);
		return true;
	}
	return false;
}

size_t
core_view_devices(const struct core *c, struct core_now now, uint64_t after,
    struct view_device *ret, size_t max, bool *ret_more)
{
	size_t n = 0;

	(void)c;
	(void)now;
	for (size_t i = (size_t)after; i < FAKE_DEVICES && n < max; i++)
		fill_device(&ret[n++], i);
	*ret_more = after + n < FAKE_DEVICES;
	return n;
}

size_t
core_view_device_targets(const struct core *c, struct core_now now,
    uint64_t key, struct view_target *ret, size_t max)
{
	(void)c;
	(void)now;
	if (max == 0)
		return 0;
	fill_target(ret, (size_t)key - 1);
	return 1;
}

void
core_view_status(const struct core *c, struct view_status *ret)
{
	*ret = (struct view_status){
		.devices_known = 7, .devices_online = 5,
		.devices_observed = 2, .in_flight = 55, .dark = 2,
		.halted = c->halted, .store_ok = true, .observed_max = 1000,
		.observed_evicted = 3,
	};
}

/* In two pieces. */
bool
core_report_fleet(const struct core *c, struct core_now now,
    struct report_fleet *r, size_t max)
{
	(void)c;
	(void)now;
	assert(max > 0);
	r->devices += 100;
	if (r->pos++ == 0)
		return false;
	r->version_count = 1;
	r->version[0] = (struct report_version){.model = "C2",
	    .mcu = "0A03", .count = 200, .online = 5};
	r->age[AGE_NEVER] = 200;
	return true;
}

bool
core_report_campaign(const struct core *c, const char *name, size_t *room,
    struct report_campaign *ret)
{
	assert(fake_core_find(c, name) != NULL && *room > 0);
	*room = 0;
	if (ret->pos++ == 0)
		return false;
	ret->step[STEP_TARGETS] = 9;
	ret->step[STEP_STARTED] = 4;
	ret->ended[STEP_STARTED] = 3;
	ret->phase[PHASE_DOWNLOADING] = 2;
	ret->failure_count = 1;
	ret->failure[0] = (struct report_failure){.state = TARGET_FAILED,
	    .cause = CAUSE_BAD_URL, .model = "C2", .from = "0A03",
	    .count = 2};
	return true;
}

const char *
report_step_name(enum report_step v)
{
	return v == STEP_TARGETS ? "targets" : "later";
}

/* The archive's trackers.c must not be pulled in for this one. */
char *
trackers_peer(const struct core_conn *conn, char *buf, size_t size)
{
	(void)conn;
	(void)snprintf(buf, size, "192.0.2.1:4711");
	return buf;
}
