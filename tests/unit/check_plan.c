/*
 * Plans, reports and the fleet of a trial on a fleet of every kind: listed,
 * registered, only observed, never heard of, elsewhere, forbidden. And all of
 * it again with memory that runs out at each place.
 */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bare_core.h"
#include "core/plan.h"
#include "core/report.h"
#include "core/state.h"
#include "core/trial.h"
#include "quick.h"
#include "starve.h"

#define BEGIN INT64_C(1800000000000) /* 08:00 UTC */
#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)
#define KNOWN 12   /* in the record */
#define LISTED 6   /* of the inventory alone */

static const struct core_now now = {.at_ms = 100 * DAY, .wall_ms = BEGIN,
	.boot_ms = 100 * DAY};

static const struct known {
	const char *mcu, *type, *hardware;
	int64_t seen_ago; /* 0 = never */
} known[KNOWN] = {
	{"0A03", "GV620MG", "0103", HOUR / 2},
	{"0A03", "GV620MG", "0103", 12 * HOUR},
	{"0A03", "GV300W", "0103", 3 * DAY},     /* of the wrong kind */
	{"0A03", "GV620MG", "0909", 20 * DAY},   /* of wrong hardware */
	{"0A05", "GV620MG", "0103", 60 * DAY},
	{"0A09", "GV620MG", "0103", HOUR},       /* is there */
	{"0B00", "GV620MG", "0103", HOUR},       /* above */
	{"0777", "GV620MG", "0103", HOUR},       /* no way leads from there */
	{"", "", "", 2 * HOUR},
	{"", "", "", 0},
	{"0A03", "gv620mg", "0103", 8 * HOUR},   /* never_file */
	{"0A03", "GV620MG", "0103", HOUR},       /* excluded by this campaign */
};

static struct core *c;
static struct fx fx;

void *__real_calloc(size_t n, size_t size);

/* Open from 20:00 to 02:00 in whichever zone; there is no Nowhere. Whose hours
 * cannot be told is not known, so memory does not run out in here. */
static int
evenings(void *arg, const struct campaign_spec *s, const char *zone,
    int64_t from_wall, int64_t to_wall, struct wall_span **ret,
    size_t *ret_count)
{
	size_t n = (size_t)((to_wall - from_wall) / DAY) + 2;
	struct wall_span *v = __real_calloc(n, sizeof(*v));

	(void)arg;
	(void)s;
	if (v == NULL || strcmp(zone, "Nowhere") == 0) {
		free(v);
		return -1;
	}
	*ret_count = 0;
	for (int64_t at = from_wall / DAY * DAY + 20 * HOUR; at < to_wall;
	    at += DAY)
		v[(*ret_count)++] = (struct wall_span){at, at + 6 * HOUR};
	*ret = v;
	return 0;
}

static int
list_line(struct inventory *v, struct devid id, unsigned number,
    const char *zone, const char *tags)
{
	struct inventory_line l = {.id = id, .number = number,
	    .timezone = span_str(zone), .tags = span_str(tags)};

	return inventory_add(v, &l);
}

/* The inventory has the first three of the record and some that never spoke. */
static void
fleet_given(void)
{
	static const char *const zones[] = {"Europe/Berlin", "Nowhere", ""};
	struct core_fleet f = {.inventory = inventory_new()};

	ck_assert_ptr_nonnull(f.inventory);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(list_line(f.inventory, bare_id(i), i + 2,
		    zones[i], i == 0 ? "van;vip" : "van"), 0);
	for (unsigned i = 0; i < LISTED; i++)
		ck_assert_int_eq(list_line(f.inventory, bare_id(100 + i), i + 5,
		    zones[i % 3], i == 0 ? "vip" : ""), 0);
	ck_assert_int_eq(inventory_seal(f.inventory), 0);
	ck_assert_int_eq(keyset_add(&f.never, bare_id(10).key), 0);
	keyset_seal(&f.never);
	core_fleet(c, &f, now, &fx);
	opbuf_done(&fx.ops);
	fx_clear(&fx);
}

static void
setup(void)
{

	fx_init(&fx);
	c = bare_core(10);
	for (unsigned i = 0; i < KNOWN; i++) {
		const struct known *k = &known[i];
		struct devid id = bare_id(i);
		struct device_rec r = {.key = id.key, .registered = true,
		    .last_seen_wall = k->seen_ago == 0 ? 0
						       : BEGIN - k->seen_ago};

		(void)snprintf(r.id, sizeof(r.id), "%s", id.text);
		(void)snprintf(r.mcu, sizeof(r.mcu), "%s", k->mcu);
		(void)snprintf(r.device_type, sizeof(r.device_type), "%s",
		    k->type);
		(void)snprintf(r.hardware, sizeof(r.hardware), "%s",
		    k->hardware);
		ck_assert_int_eq(core_load_device(c, &r), 0);
	}
	ck_assert_int_eq(core_load_done(c, now, -1, false, &fx), 0);
	fleet_given();
}

static void
teardown(void)
{
	starve_at(0);
	core_free(c);
	opbuf_done(&fx.ops);
	fx_done(&fx);
}

static void
package(struct campaign_spec *s, const char *from, const char *to)
{
	struct spec_package *k = &s->packages[s->package_count++];

	(void)snprintf(k->from, sizeof(k->from), "%s", from);
	(void)snprintf(k->to, sizeof(k->to), "%s", to);
	(void)snprintf(k->url, sizeof(k->url), "http://fw.example/%s", from);
	k->bytes = 300000;
}

static struct campaign_spec *
spec_of(const char *name)
{
	struct campaign_spec *s = spec_new();

	ck_assert_ptr_nonnull(s);
	(void)snprintf(s->name, sizeof(s->name), "%s", name);
	(void)snprintf(s->digest, sizeof(s->digest), "d-%s", name);
	(void)snprintf(s->target_version, sizeof(s->target_version), "0A09");
	s->packages = calloc(2, sizeof(*s->packages));
	ck_assert_ptr_nonnull(s->packages);
	package(s, "0A03", "0A05");
	package(s, "0A05", "0A09");
	s->windows_always = true;
	s->approval_required = false;
	return s;
}

static void
names_into(char (**ret)[MODEL_MAX + 1], size_t *count, const char *name)
{
	*ret = calloc(1, sizeof(**ret));
	ck_assert_ptr_nonnull(*ret);
	(void)snprintf(**ret, sizeof(**ret), "%s", name);
	*count = 1;
}

static struct campaign_spec *
spec_of_all(void)
{
	struct campaign_spec *s = spec_of("all");

	s->targets_all = true;
	names_into(&s->require_type, &s->require_type_count, "GV620MG");
	names_into(&s->require_hardware, &s->require_hardware_count, "0103");
	ck_assert_int_eq(keyset_add(&s->exclude, bare_id(11).key), 0);
	keyset_seal(&s->exclude);
	return s;
}

static struct plan *
plan_of(struct campaign_spec *s)
{
	struct errtext err = {0};
	struct plan *p;

	ck_assert_msg(core_plan(c, s, now, evenings, NULL, true, &p, &err) == 0,
	    "%s", err.text);
	return p;
}

static void
adds_up(const struct plan *p)
{
	size_t sum = 0, in_waves = 0;

	for (size_t i = 0; i < p->path_count; i++)
		sum += p->path[i].count;
	for (size_t i = 0; i < CAUSE_COUNT_; i++)
		sum += p->skipped[i];
	for (size_t i = 0; i < p->wave_count; i++)
		in_waves += p->wave[i].total;
	ck_assert_uint_eq(sum, p->total);
	ck_assert_uint_eq(in_waves, p->total);
}

START_TEST(everybody)
{
	struct campaign_spec *s = spec_of_all();
	struct plan *p = plan_of(s);

	adds_up(p);
	ck_assert_uint_eq(p->total, KNOWN + LISTED - 1);
	ck_assert_uint_eq(p->left_out[MEMBER_EXCLUDED - MEMBER_MODEL], 1);
	ck_assert_uint_eq(p->skipped[CAUSE_WRONG_MODEL], 1);
	ck_assert_uint_eq(p->skipped[CAUSE_WRONG_HARDWARE], 1);
	ck_assert_uint_eq(p->skipped[CAUSE_UP_TO_DATE], 1);
	ck_assert_uint_eq(p->skipped[CAUSE_DOWNGRADE] +
	    p->skipped[CAUSE_NO_PATH], 2);
	ck_assert_uint_eq(p->skipped[CAUSE_EXCLUDED], 1);
	ck_assert_uint_eq(p->never_heard, LISTED + 1);
	ck_assert_uint_eq(p->bytes, 2 * 600000 + 300000);
	ck_assert_uint_eq(p->bytes_unknown, LISTED + 2);
	ck_assert_uint_eq(p->elsewhere, 0);
	plan_free(p);

	/* Tags: who is not in the inventory has none. */
	s->tags = calloc(1, sizeof(*s->tags));
	ck_assert_ptr_nonnull(s->tags);
	(void)snprintf(s->tags[0], sizeof(s->tags[0]), "vip");
	s->tag_count = 1;
	p = plan_of(s);
	adds_up(p);
	ck_assert_uint_eq(p->total, 2);
	ck_assert_uint_eq(p->left_out[MEMBER_TAG - MEMBER_MODEL],
	    KNOWN + LISTED - 2);
	plan_free(p);
	spec_free(s);
}
END_TEST

START_TEST(hours_of_each_device)
{
	struct campaign_spec *s = spec_of_all();
	struct plan *p;

	s->windows_always = false;
	s->timezone_device = true;
	p = plan_of(s);
	/* Without a zone, or with one that nobody knows, it cannot be said. */
	ck_assert_uint_eq(p->outside_window, 1);
	ck_assert(p->finish_wall > BEGIN + 12 * HOUR);
	plan_free(p);
	(void)snprintf(s->fallback_timezone, sizeof(s->fallback_timezone),
	    "UTC");
	p = plan_of(s);
	/* Of the rest: those who spoke by day. */
	ck_assert_uint_gt(p->outside_window, 1);
	for (size_t i = 0; i < p->total; i++)
		if (p->device[i].id.key == bare_id(0).key) {
			ck_assert_str_eq(p->device[i].zone, "Europe/Berlin");
			ck_assert(p->device[i].reachable);
			ck_assert(!p->device[i].skipped);
			ck_assert_str_eq(p->device[i].mcu, "0A03");
		}
	plan_free(p);
	spec_free(s);
}
END_TEST

/* More zones than are looked at, more versions than are shown. */
START_TEST(more_than_fits)
{
	struct campaign_spec *s = spec_of("wide");
	struct core_fleet f = {.inventory = inventory_new()};
	enum { MANY = PLAN_PATHS_MAX + 20 };
	struct plan *p;

	free(s->packages);
	s->packages = calloc(MANY, sizeof(*s->packages));
	s->devices = calloc(MANY, sizeof(*s->devices));
	ck_assert(s->packages != NULL && s->devices != NULL);
	s->package_count = 0;
	for (unsigned i = 0; i < MANY; i++) {
		struct devid id = bare_id(1000 + i);
		struct device_rec r = {.key = id.key, .registered = true,
		    .last_seen_wall = BEGIN - 2 * HOUR};
		char zone[20];

		(void)snprintf(r.id, sizeof(r.id), "%s", id.text);
		(void)snprintf(r.mcu, sizeof(r.mcu), "%04X", i + 1);
		package(s, r.mcu, "0A09");
		ck_assert_int_eq(core_load_device(c, &r), 0);
		s->devices[i] = id;
		(void)snprintf(zone, sizeof(zone), "Zone/%u", i);
		ck_assert_int_eq(list_line(f.inventory, id, i + 2, zone, ""),
		    0);
	}
	s->device_count = MANY;
	ck_assert_int_eq(inventory_seal(f.inventory), 0);
	core_fleet(c, &f, now, &fx);
	s->windows_always = false;
	s->timezone_device = true;
	s->waves_given = true;
	p = plan_of(s);
	adds_up(p);
	ck_assert_uint_eq(p->path_count, PLAN_PATHS_MAX);
	ck_assert(p->path[PLAN_PATHS_MAX - 1].others);
	ck_assert_uint_eq(p->path[PLAN_PATHS_MAX - 1].count,
	    MANY - PLAN_PATHS_MAX + 1);
	ck_assert_uint_eq(p->outside_window, PLAN_ZONES_MAX);
	plan_free(p);
	/* Two hundred at once are too many for one wave. */
	s->waves_given = false;
	{
		struct errtext err = {0};

		ck_assert_int_eq(core_plan(c, s, now, evenings, NULL, false,
		    &p, &err), -1);
		ck_assert_ptr_nonnull(strstr(err.text, "waves: must be given"));
		ck_assert_ptr_null(p);
	}
	spec_free(s);
}
END_TEST

static void
take_file(struct campaign_spec *s)
{
	struct errtext err = {0};

	ck_assert_msg(core_campaign_file(c, s, false, now, &fx, &err) ==
	    FILE_NEW, "%s", err.text);
	opbuf_done(&fx.ops);
	fx_clear(&fx);
}

START_TEST(who_is_elsewhere)
{
	struct campaign_spec *s = spec_of("first"), *t = spec_of_all();
	struct plan *p;

	s->devices = calloc(2, sizeof(*s->devices));
	ck_assert_ptr_nonnull(s->devices);
	s->devices[0] = bare_id(0);
	s->devices[1] = bare_id(4);
	s->device_count = 2;
	take_file(s);
	p = plan_of(t);
	ck_assert_uint_eq(p->elsewhere, 2);
	plan_free(p);
	/* Itself is not another. */
	(void)snprintf(t->name, sizeof(t->name), "first");
	p = plan_of(t);
	ck_assert_uint_eq(p->elsewhere, 0);
	plan_free(p);
	spec_free(t);
}
END_TEST

/* The trackers of a plan, as a trial takes them: by name, wave by wave. */
START_TEST(known_to_a_trial)
{
	struct campaign_spec *s = spec_of_all();
	size_t first = 0;
	struct plan *p;

	ck_assert_int_eq(spec_waves_new(s, 2), 0);
	s->waves_given = true;
	(void)snprintf(s->waves[0].name, sizeof(s->waves[0].name), "bench");
	s->waves[0].take = TAKE_COUNT;
	s->waves[0].count = 5;
	(void)snprintf(s->waves[1].name, sizeof(s->waves[1].name), "rest");
	p = plan_of(s);
	for (size_t i = 0; i < p->total; i++)
		first += p->device[i].wave == 0;
	ck_assert_uint_eq(first, p->wave[0].total);
	ck_assert_int_eq(trial_known(s, p->device, p->total), 0);
	ck_assert(!s->targets_all && !s->approval_required);
	ck_assert_uint_eq(s->device_count, p->total);
	ck_assert_int_eq(s->waves[0].take, TAKE_FILE);
	ck_assert_uint_eq(s->waves[0].device_count, first);
	plan_free(p);
	spec_free(s);
}
END_TEST

/* Lists name others: a made-up fleet takes as many in their place, and begins
 * where the packages do. */
START_TEST(made_up_for_a_trial)
{
	struct campaign_spec *s = spec_of_all();
	struct plan_device *v;

	ck_assert_int_eq(spec_waves_new(s, 2), 0);
	s->waves[0].take = TAKE_FILE;
	s->waves[0].device_count = 3;
	s->packages[0].from_any = true;
	(void)snprintf(s->fallback_timezone, sizeof(s->fallback_timezone),
	    "Asia/Tokyo");
	ck_assert_int_eq(trial_made_up(s, 5, &v), 0);
	ck_assert_uint_eq(s->device_count, 5);
	ck_assert_int_eq(s->waves[0].take, TAKE_COUNT);
	ck_assert_int_eq(s->waves[0].count, 3);
	for (int i = 0; i < 5; i++) {
		ck_assert_str_eq(v[i].mcu, "0A05");
		ck_assert_str_eq(v[i].device_type, "GV620MG");
		ck_assert_str_eq(v[i].hardware, "0103");
		ck_assert_str_eq(v[i].zone, "Asia/Tokyo");
		ck_assert(v[i].reachable);
		ck_assert(i == 0 || v[i].id.key != v[i - 1].id.key);
	}
	free(v);
	s->packages[1].from_any = true;
	ck_assert_int_eq(trial_made_up(s, 1, &v), 0);
	ck_assert_str_eq(v[0].mcu, "0001");
	free(v);
	spec_free(s);
	for (int i = TRIAL_OVER; i <= TRIAL_REFUSED; i++) {
		ck_assert_uint_gt(strlen(trial_end_name((enum trial_end)i)), 3);
		ck_assert(i == 0 || strcmp(trial_end_name((enum trial_end)i),
		    trial_end_name((enum trial_end)(i - 1))) != 0);
	}
}
END_TEST

static bool
stop_never(void *arg)
{
	(void)arg;
	return false;
}

static int
tried(void)
{
	struct trial_config cfg = {
	    .core = {.time_scale = 1, .boot = 1, .unknown = UNKNOWN_OBSERVE,
		.in_flight = 100, .start_per_hour = 36000,
		.read_per_hour = 36000, .password = "gv620mg"},
	    .seed = 5, .begin_wall = BEGIN, .hours = evenings,
	    .stop = stop_never};
	struct campaign_spec *s = spec_of("tried");
	struct errtext err = {0};
	struct trial_result *r = NULL;
	struct plan_device *v = NULL;
	static unsigned at;
	int e;

	(void)snprintf(s->timezone, sizeof(s->timezone), "UTC");
	s->windows_always = false;
	/* Most are of its beginning; what follows is the same again. */
	at += 1 + at / 64;
	starve_at(at);
	if (trial_made_up(s, 3, &v) < 0) {
		starve_at(0);
		ck_assert_ptr_null(v);
		spec_free(s);
		return -1;
	}
	e = trial_run(&cfg, s, v, 3, &r, &err);
	free(v);
	if (e < 0) {
		bool hit = starve_hit();

		starve_at(0);
		ck_assert(hit);
		ck_assert_str_eq(err.text, "out of memory");
		return -1;
	}
	/* What it could do without, or it got all. */
	e = starve_hit() ? 1 : 0;
	starve_at(0);
	ck_assert_int_eq(r->end, TRIAL_OVER);
	ck_assert_uint_eq(r->targets[TARGET_SUCCEEDED], 3);
	trial_free(r);
	return e;
}

START_TEST(a_trial_without_memory)
{
	unsigned refused = 0, r;

	while ((r = (unsigned)tried()) != 0)
		refused += r == (unsigned)-1;
	ck_assert_uint_ge(refused, 30);
}
END_TEST

START_TEST(a_plan_without_memory)
{
	struct campaign_spec *s = spec_of_all();
	struct errtext err = {0};
	unsigned n = 0;
	struct plan *p;
	int r;

	s->windows_always = false;
	s->timezone_device = true;
	(void)snprintf(s->fallback_timezone, sizeof(s->fallback_timezone),
	    "UTC");
	do {
		bool hit;

		starve_at(++n);
		r = core_plan(c, s, now, evenings, NULL, true, &p, &err);
		hit = starve_hit();
		starve_at(0);
		if (r < 0)
			ck_assert(hit && p == NULL);
		else
			adds_up(p);
		plan_free(p);
		r = hit ? -1 : 0;
		/* Whatever failed, the core is as it was. */
		ck_assert_msg(core_check(c, &err) == 0, "%s", err.text);
	} while (r < 0);
	ck_assert_uint_ge(n, 8);
	spec_free(s);
}
END_TEST

/* --- reports ---------------------------------------------------------------*/

static void
target_is(struct campaign *p, size_t i, enum target_state state,
    enum cause cause, int edge, int attempts)
{
	struct target_rec *r = &p->target[i]->rec;

	r->state = state;
	r->cause = cause;
	r->edge = edge;
	r->attempts_total = attempts;
}

START_TEST(report_of_a_campaign)
{
	struct campaign_spec *s = spec_of_all();
	struct report_campaign r;
	struct campaign *p;
	struct attempt a = {.rec.phase = PHASE_UPDATING};
	size_t total = KNOWN + LISTED - 1;

	take_file(s);
	p = c->campaign[0];
	ck_assert_uint_eq(p->target_count, total);
	for (size_t i = 0; i < total; i++)
		target_is(p, i, TARGET_WAITING, CAUSE_NONE, 0, 0);
	target_is(p, 0, TARGET_SUCCEEDED, CAUSE_NONE, 2, 2);
	target_is(p, 1, TARGET_FAILED, CAUSE_NO_ACK, 1, 3);
	target_is(p, 2, TARGET_FAILED, CAUSE_NO_ACK, 1, 1);
	target_is(p, 3, TARGET_FAILED, CAUSE_WRONG_VERSION, 2, 1);
	target_is(p, 4, TARGET_UNVERIFIED, CAUSE_TIMEOUT, 0, 1);
	target_is(p, 5, TARGET_SKIPPED, CAUSE_NO_PATH, 0, 0);
	target_is(p, 6, TARGET_ACTIVE, CAUSE_NONE, 1, 1);
	target_is(p, 7, TARGET_ACTIVE, CAUSE_NONE, 1, 1);
	target_is(p, 8, TARGET_FAILED, CAUSE_NO_ACK, 99, 1);
	p->target[6]->attempt = &a;
	a.device = device_find(c, bare_id(0).key);
	ck_assert_ptr_nonnull(a.device->more);
	p->spec->packages[1].from_any = true;
	/* By pieces, whatever their size. */
	for (size_t piece = 1; piece <= total; piece++) {
		size_t room = piece, took = 0;

		memset(&r, 0, sizeof(r));
		while (!core_report_campaign(c, "all", &room, &r)) {
			ck_assert_uint_eq(room, 0);
			took += piece;
			room = piece;
		}
		ck_assert_uint_eq(took + piece - room, total);
		ck_assert_uint_eq(r.step[STEP_TARGETS], total - 1);
	}
	ck_assert_uint_eq(r.step[STEP_STARTED], 8);
	ck_assert_uint_eq(r.step[STEP_DOWNLOADED], 3);
	ck_assert_uint_eq(r.step[STEP_INSTALLED], 2);
	ck_assert_uint_eq(r.step[STEP_SUCCEEDED], 1);
	ck_assert_uint_eq(r.phase[PHASE_UPDATING], 1);
	ck_assert_uint_eq(r.phase[PHASE_PREFLIGHT], 1);
	/* By state, cause, model and where it came from. */
	ck_assert_uint_eq(r.failures_beside, 0);
	for (size_t i = 0; i < r.failure_count; i++) {
		const struct report_failure *f = &r.failure[i];

		if (f->cause == CAUSE_WRONG_VERSION)
			ck_assert_str_eq(f->from, "any");
		if (f->cause == CAUSE_NO_ACK)
			ck_assert(strcmp(f->from, "0A03") == 0 ||
			    f->from[0] == '\0');
		ck_assert_uint_ge(f->count, 1);
	}
	ck_assert_uint_ge(r.failure_count, 4);
	p->target[6]->attempt = NULL;
	for (int i = 0; i < STEP_COUNT_; i++)
		ck_assert_uint_gt(strlen(report_step_name(
		    (enum report_step)i)), 4);
}
END_TEST

/* Walked in pieces of any size it is the same. */
START_TEST(report_of_the_fleet)
{
	struct report_fleet *whole = calloc(1, sizeof(*whole));
	struct report_fleet *r = calloc(1, sizeof(*r));
	struct core_conn conn = {.id = 1};
	struct device *d = device_find(c, bare_id(4).key);
	unsigned calls = 1;

	ck_assert(whole != NULL && r != NULL && d != NULL);
	d->conn = &conn;
	device_find(c, bare_id(7).key)->last_seen_at = now.at_ms - 40 * DAY;
	ck_assert(core_report_fleet(c, now, whole, 1000));
	ck_assert_uint_eq(whole->devices, KNOWN);
	ck_assert_uint_eq(whole->age[AGE_HOUR], 2);
	ck_assert_uint_eq(whole->age[AGE_WEEK], 1);
	ck_assert_uint_eq(whole->age[AGE_MONTH], 1);
	ck_assert_uint_eq(whole->age[AGE_OLDER], 1);
	ck_assert_uint_eq(whole->age[AGE_NEVER], 1);
	while (!core_report_fleet(c, now, r, 3))
		calls++;
	ck_assert_uint_ge(calls, KNOWN / 3);
	ck_assert_uint_eq(r->devices, whole->devices);
	ck_assert_uint_eq(r->version_count, whole->version_count);
	ck_assert_mem_eq(r->age, whole->age, sizeof(r->age));
	d->conn = NULL;
	free(whole);
	free(r);
}
END_TEST

START_TEST(report_of_many_versions)
{
	struct report_fleet *r = calloc(1, sizeof(*r));
	size_t sum = 0;

	ck_assert_ptr_nonnull(r);
	for (unsigned i = 0; i < REPORT_VERSIONS_MAX + 10; i++) {
		struct devid id = bare_id(1000 + i);
		struct device_rec d = {.key = id.key, .registered = true};

		(void)snprintf(d.id, sizeof(d.id), "%s", id.text);
		(void)snprintf(d.mcu, sizeof(d.mcu), "1%03X", i);
		ck_assert_int_eq(core_load_device(c, &d), 0);
	}
	ck_assert(core_report_fleet(c, now, r, 1000));
	ck_assert_uint_eq(r->version_count, REPORT_VERSIONS_MAX);
	ck_assert_uint_ge(r->versions_beside, 10);
	for (size_t i = 0; i < r->version_count; i++)
		sum += r->version[i].count;
	ck_assert_uint_eq(sum + r->versions_beside, r->devices);
	free(r);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("plan");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, everybody);
	tcase_add_test(tc, hours_of_each_device);
	tcase_add_test(tc, more_than_fits);
	tcase_add_test(tc, who_is_elsewhere);
	tcase_add_test(tc, known_to_a_trial);
	tcase_add_test(tc, made_up_for_a_trial);
	tcase_add_test(tc, a_trial_without_memory);
	tcase_add_test(tc, a_plan_without_memory);
	tcase_add_test(tc, report_of_a_campaign);
	tcase_add_test(tc, report_of_the_fleet);
	tcase_add_test(tc, report_of_many_versions);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
