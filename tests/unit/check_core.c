#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bare_core.h"
#include "core/core.h"
#include "core/state.h"
#include "core/view.h"
#include "core/words.h"

/*
 * What looks at the core: its words, its views, and the checker of invariants
 * that the simulation trusts. A checker that sees nothing would let every
 * random world pass, so each of its rules is broken here once.
 */
#define DEVICES 7
#define WALL INT64_C(1790000000000)

static struct core *c;
static struct fx fx;
static const struct core_now now = {.at_ms = 1000, .wall_ms = WALL};

/* What the shell does when a batch is on its way. */
static void
taken(void)
{
	ck_assert(!fx.ops.failed);
	opbuf_done(&fx.ops);
	fx_clear(&fx);
}

static struct campaign_spec *
spec_make(const char *name, int first, int count)
{
	struct campaign_spec *s = spec_new();

	ck_assert_ptr_nonnull(s);
	(void)snprintf(s->name, sizeof(s->name), "%s", name);
	(void)snprintf(s->digest, sizeof(s->digest), "d-%s", name);
	(void)snprintf(s->target_version, sizeof(s->target_version), "0A05");
	s->packages = calloc(1, sizeof(*s->packages));
	s->devices = calloc((size_t)count, sizeof(*s->devices));
	ck_assert(s->packages != NULL && s->devices != NULL);
	s->package_count = 1;
	(void)snprintf(s->packages[0].from, sizeof(s->packages[0].from),
	    "0A03");
	(void)snprintf(s->packages[0].to, sizeof(s->packages[0].to), "0A05");
	(void)snprintf(s->packages[0].url, sizeof(s->packages[0].url),
	    "http://x/1.enc");
	for (int i = 0; i < count; i++)
		s->devices[i] = bare_id((unsigned)(first + i));
	s->device_count = (size_t)count;
	s->windows_always = true;
	s->approval_required = false;
	return s;
}

static void
start(void)
{
	struct errtext err = {0};

	fx_init(&fx);
	c = bare_core(10);
	ck_assert_int_eq(core_load_done(c, now, -1, false, &fx), 0);
	taken();
	ck_assert_int_eq(core_campaign_file(c, spec_make("one", 0, DEVICES),
	    true, now, &fx, &err), FILE_NEW);
	taken();
	ck_assert_int_eq(core_check(c, &err), 0);
}

static void
stop(void)
{
	core_free(c);
	opbuf_done(&fx.ops);
	fx_done(&fx);
}

/* --- words -----------------------------------------------------------------*/

#define BOTH_WAYS(type, name, count) \
	do { \
		for (int i_ = 0; i_ < (int)(count); i_++) { \
			const char *s_ = name##_name((enum type)i_); \
			ck_assert_ptr_nonnull(s_); \
			ck_assert_int_eq(name##_parse(s_), i_); \
		} \
		ck_assert_int_eq(name##_parse("no such word"), -1); \
		ck_assert_int_eq(name##_parse(" "), -1); \
	} while (0)

/* The record keeps words: what is written must be read as the same. */
START_TEST(words)
{
	BOTH_WAYS(campaign_state, campaign_state, CAMPAIGN_STATE_COUNT_);
	BOTH_WAYS(wave_state, wave_state, WAVE_STATE_COUNT_);
	BOTH_WAYS(target_state, target_state, TARGET_STATE_COUNT_);
	BOTH_WAYS(hold, hold, HOLD_COUNT_);
	BOTH_WAYS(phase, phase, PHASE_COUNT_);
	BOTH_WAYS(reached, reached, REACHED_COUNT_);
	BOTH_WAYS(cause, cause, CAUSE_COUNT_);
	BOTH_WAYS(result, result, RESULT_COUNT_);
	BOTH_WAYS(pause_reason, pause_reason, PAUSE_REASON_COUNT_);
	BOTH_WAYS(event_kind, event_kind, EVENT_KIND_COUNT_);
}
END_TEST

/* --- invariants ------------------------------------------------------------*/

/* Breaks something, and the checker must say so, in these words. */
static void
noticed(const char *want)
{
	struct errtext err = {0};

	ck_assert_msg(core_check(c, &err) == -1, "not noticed: %s", want);
	ck_assert_msg(strstr(err.text, want) != NULL, "\"%s\" does not say %s",
	    err.text, want);
}

/* After the damage was mended: the checker must be content again, or what was
 * noticed was something else. */
static void
mended(void)
{
	struct errtext err = {0};

	ck_assert_msg(core_check(c, &err) == 0, "%s", err.text);
}

#define BREAK(place, value, want) \
	do { \
		__typeof__(place) kept_ = (place); \
		(place) = (value); \
		noticed(want); \
		(place) = kept_; \
		mended(); \
	} while (0)

START_TEST(counts)
{
	struct campaign *p = c->campaign[0];
	struct target *t = p->target[2];

	BREAK(p->count[TARGET_FAILED], 1, "counted 0");
	BREAK(t->rec.state, TARGET_FAILED, "counted");
	BREAK(p->in_flight, 1, "in_flight 1, counted 0");
	BREAK(p->dark, 1, "in_flight");
	BREAK(c->in_flight, 3, "in_flight 3, counted 0");
	BREAK(c->online, 1, "online 1, counted 0");
	BREAK(p->wave[0]->total, 99, "wave");
	BREAK(p->wave[0]->away, 5, "wave");
	BREAK(p->wave[0]->count[TARGET_WAITING], 1, "wave");
}
END_TEST

START_TEST(targets)
{
	struct campaign *p = c->campaign[0];
	struct target *t = p->target[0];
	struct attempt a = {.target = t, .device = t->device};

	BREAK(t->rec.hops, -1, "hops by");
	BREAK(t->rec.hops, 1, "hops by 0 starts");
	BREAK(t->rec.edge, 9, "no package 9");
	BREAK(p->rec.expired_wall, WALL, "past the end of its campaign");
	BREAK(p->rec.state, CAMPAIGN_ABORTING, "past the end of its campaign");
	BREAK(p->sweep.what, SWEEP_WAKE, "gone through for ever");
	t->rec.attempts_total = 2;
	t->rec.hops = 2;
	noticed("package 0 twice");
	t->rec.via = 1 << 8;
	mended();
	t->rec.hops = t->rec.attempts_total = 0;
	t->rec.via = 0;
	mended();

	t->rec.state = TARGET_ACTIVE;
	noticed("active with nothing going on");
	t->rec.state = TARGET_BACKOFF;
	noticed("backoff for ever");
	t->rec.state = TARGET_WAITING;
	mended();

	/* An attempt on its own terms. */
	t->attempt = &a;
	list_push_back(&p->under_way, &a.of_campaign);
	a.rec.phase = PHASE_SENDING;
	ck_assert_ptr_nonnull(t->device->more);
	noticed("attempt of another");
	t->device->more->attempt = &a;
	noticed("waiting with a live attempt");
	a.rec.phase = PHASE_ENDED;
	noticed("ended attempt kept");
	a.rec.phase = PHASE_DEFERRED;
	mended();
	list_remove(&a.of_campaign);
	noticed("an attempt in no list");
	list_push_back(&p->under_way, &a.of_campaign);
	a.target = p->target[1];
	noticed("attempt of another");
	a.target = t;
	a.slot = true;
	noticed("a slot in deferred");
	a.slot = false;
	a.rec.dark = true;
	a.rec.reached = REACHED_ACKED;
	noticed("dark in acked");
	a.rec.dark = false;
	t->attempt = NULL;
	t->device->more->attempt = NULL;
	list_remove(&a.of_campaign);
	mended();
}
END_TEST

/* Who waits for a window, a schedule or a wave is in the one list where that
 * finds it. */
START_TEST(waiting)
{
	struct campaign *p = c->campaign[0];
	struct target *t = p->target[0];
	struct hours *v[1], h = {.zone = "UTC", .campaign = p, .count = 2};
	struct wall_span span[2] = {{WALL, WALL + 5}, {WALL + 9, WALL + 10}};
	struct list head;

	list_init(&head);
	list_remove(&t->ready);
	list_push_back(&head, &t->ready);
	t->rec.state = TARGET_SUCCEEDED;
	noticed("ready, and not waiting");
	t->rec.state = TARGET_WAITING;
	mended();
	p->wave[0]->rec.state = WAVE_WAITING;
	noticed("ready in wave");
	p->wave[0]->rec.state = WAVE_OPEN;
	mended();

	h.span = span;
	h.timer.pos = 1;
	v[0] = &h;
	p->hours = v;
	p->hours_count = 1;
	p->spec->windows_always = false;
	mended();
	BREAK(span[0].to_wall, WALL, "in disorder");
	BREAK(span[1].from_wall, WALL + 5, "in disorder");
	BREAK(span[1].to_wall, WALL + 9, "in disorder");
	BREAK(h.timer.pos, 0, "hours of UTC without a timer");
	h.timer.pos = 0;
	h.unknown = true;
	mended();
	BREAK(p->spec->windows_always, true, "hours of UTC");
	p->hours = NULL;
	p->hours_count = 0;
	p->spec->windows_always = true;

	p->rec.state = CAMPAIGN_SCHEDULED;
	noticed("scheduled for never");
	p->schedule_timer.pos = 1;
	noticed("scheduled for never");
	p->rec.started_wall = 0;
	mended();
	p->rec.started_wall = WALL;
	p->schedule_timer.pos = 0;
	p->rec.state = CAMPAIGN_RUNNING;
	mended();
	list_remove(&t->ready);
}
END_TEST

/* Under way is no more than may be; who is known is counted once. */
/* As if its target had been started. */
static void
begins(struct attempt *a)
{
	struct target *t = a->target;

	t->campaign->count[t->rec.state]--;
	target_wave(t)->count[t->rec.state]--;
	t->rec.state = TARGET_ACTIVE;
	t->campaign->count[TARGET_ACTIVE]++;
	target_wave(t)->count[TARGET_ACTIVE]++;
	t->attempt = t->device->more->attempt = a;
	list_push_back(&t->campaign->under_way, &a->of_campaign);
}

static void
is_over(struct attempt *a)
{
	struct target *t = a->target;

	list_remove(&a->of_campaign);
	t->attempt = t->device->more->attempt = NULL;
	t->campaign->count[TARGET_ACTIVE]--;
	target_wave(t)->count[TARGET_ACTIVE]--;
	t->rec.state = TARGET_WAITING;
	t->campaign->count[TARGET_WAITING]++;
	target_wave(t)->count[TARGET_WAITING]++;
}

START_TEST(caps)
{
	struct campaign *p = c->campaign[0];
	struct attempt a[2] = {{.slot = true}, {.slot = true}};
	struct oper op = {.kind = OPER_DEVICE_EXCLUDE, .who = "ada",
	    .reason = "away", .device = "86000000000002", .for_ms = 60000};
	struct oper_result res;
	struct device_more *m;
	struct exclusion *e;
	struct devid id;

	for (int i = 0; i < 2; i++) {
		a[i].target = p->target[3 + i];
		a[i].device = p->target[3 + i]->device;
		a[i].rec.phase = PHASE_UPDATING;
		a[i].timer.pos = 1;
		begins(&a[i]);
	}
	c->in_flight = p->in_flight = p->in_flight_was = 2;
	mended();
	BREAK(p->in_flight, 1, "in_flight 1, counted 2");
	BREAK(a[0].slot, false, "no slot in updating");
	BREAK(a[0].rec.phase, PHASE_OVERDUE, "a slot in overdue");
	BREAK(a[0].rec.phase, PHASE_INTENT, "intent for ever");
	BREAK(a[0].timer.pos, 0, "updating for ever");
	p->spec->pace.in_flight = 1;
	mended(); /* it was so before the cap came down */
	BREAK(p->in_flight_was, 1, "in_flight 2 over 1");
	for (int i = 0; i < 2; i++)
		is_over(&a[i]);
	c->in_flight = p->in_flight = p->in_flight_was = 0;

	m = p->target[0]->device->more;
	BREAK(p->target[0]->preflight, true, "nothing is read in advance");
	BREAK(p->target[0]->rec.wait_hold, HOLD_BATTERY, "backoff for ever");
	BREAK(m->read.state, READ_OUT, "read for ever");
	BREAK(m->read_timer.pos, 1, "read for ever");
	BREAK(c->quarantined, 1, "quarantined 1, counted 0");
	BREAK(p->target[0]->device->more->rec.quarantined_wall, WALL,
	    "quarantined 0, counted 1");
	BREAK(c->known, 1, "known 1");
	BREAK(c->fleet_met, 1, "listed 1");

	core_operate(c, &op, now, &fx, &res);
	ck_assert_int_eq(res.status, OPER_OK);
	taken();
	id = bare_id(1);
	e = idmap_get(&c->exclusions, id.key);
	ck_assert_ptr_nonnull(e);
	BREAK(e->timer.pos, 0, "excluded, timer missing");
	BREAK(e->rec.until_wall, 0, "excluded, timer for no time");
}
END_TEST

START_TEST(connections)
{
	struct device *d = c->campaign[0]->target[0]->device;
	struct core_conn conn = {.id = 1, .key = d->key, .device = d};

	d->conn = &conn;
	noticed("online 0, counted 1");
	c->online++;
	mended();
	BREAK(c->campaign[0]->target[0]->away, true, "online and away");
	BREAK(conn.key, 5, "its connection is another's");
	BREAK(conn.device, c->campaign[0]->target[1]->device,
	    "its connection is another's");
	d->conn = NULL;
	c->online--;
	mended();
}
END_TEST

/* --- views -----------------------------------------------------------------*/

static const struct target_filter any = {.state = -1, .cause = -1, .hold = -1};

START_TEST(pages_of_targets)
{
	struct target_filter f = any;
	struct view_target v[DEVICES];
	uint64_t last = 0, at;
	bool more;
	int seen = 0;

	do {
		long n;

		f.after = last;
		n = core_view_targets(c, now, "one", &f, v, 3, &at, &more);
		ck_assert_int_ge(n, 1);
		ck_assert_int_le(n, 3);
		for (long i = 0; i < n; i++) {
			ck_assert_uint_gt(v[i].key, last);
			last = v[i].key;
			ck_assert_str_eq(v[i].campaign, "one");
			ck_assert_int_eq(v[i].state, TARGET_WAITING);
		}
		ck_assert_uint_eq(at, last);
		seen += (int)n;
	} while (more);
	ck_assert_int_eq(seen, DEVICES);
	f.after = last;
	ck_assert_int_eq(core_view_targets(c, now, "one", &f, v, 3, &at, &more), 0);
	ck_assert(!more);
	ck_assert_int_eq(core_view_targets(c, now, "two", &any, v, 3, &at, &more),
	    -1);
	/* A page that ends with the last has none behind it. */
	ck_assert_int_eq(core_view_targets(c, now, "one", &any, v, DEVICES,
	    &at, &more), DEVICES);
	ck_assert(!more);
}
END_TEST

START_TEST(filters_of_targets)
{
	struct view_target v[DEVICES];
	struct target_filter f = any;
	uint64_t at;
	bool more;

#define FOUND(n) \
	ck_assert_int_eq(core_view_targets(c, now, "one", &f, v, DEVICES, \
	    &at, &more), n)
	c->campaign[0]->target[3]->rec.state = TARGET_SKIPPED;
	c->campaign[0]->target[3]->rec.cause = CAUSE_NO_PATH;
	f.state = TARGET_SKIPPED;
	FOUND(1);
	ck_assert_uint_eq(v[0].key, c->campaign[0]->target[3]->device->key);
	f.cause = CAUSE_NO_PATH;
	FOUND(1);
	f.cause = CAUSE_SILENT;
	FOUND(0);
	f = any;
	f.hold = HOLD_OFFLINE;
	FOUND(DEVICES - 1);
	f.hold = HOLD_BATTERY;
	FOUND(0);
	f = any;
	f.wave = c->campaign[0]->wave[0]->rec.name;
	FOUND(DEVICES);
	f.wave = "elsewhere";
	FOUND(0);
#undef FOUND
}
END_TEST

START_TEST(pages_of_devices)
{
	struct view_device v[DEVICES + 1];
	uint64_t last = 0;
	bool more = true;
	size_t seen = 0, n;

	for (; more; seen += n) {
		n = core_view_devices(c, now, last, v, 2, &more);
		ck_assert_uint_ge(n, 1);
		for (size_t i = 0; i < n; i++) {
			ck_assert_uint_gt(v[i].key, last);
			last = v[i].key;
			ck_assert(!v[i].online);
			ck_assert_uint_eq(v[i].target_count, 1);
		}
	}
	ck_assert_uint_eq(seen, DEVICES);
	ck_assert_uint_eq(core_view_devices(c, now, 0, v, 0, &more), 0);
	ck_assert(!more);
	ck_assert(core_view_device(c, now, "86000000000001", v));
	ck_assert(!core_view_device(c, now, "86000000009999", v));
	ck_assert(!core_view_device(c, now, "not an id", v));
}
END_TEST

/* The inventory lies between those that are in memory; each comes once, at its
 * place, whatever the size of the page. */
START_TEST(pages_with_an_inventory)
{
	struct core_fleet f = {.inventory = inventory_new()};
	struct view_device v[3 * DEVICES];
	struct oper op = {.kind = OPER_DEVICE_EXCLUDE, .who = "ada",
	    .reason = "sold", .device = "86000000007777"};
	struct oper_result res;
	bool more;

	ck_assert_ptr_nonnull(f.inventory);
	/* Half of those of the campaign, and some behind and in between. */
	for (int i = 1; i < 2 * DEVICES; i += 2) {
		struct inventory_line l = {.number = (uint32_t)i + 2,
		    .name = span_str(i == 1 ? "truck" : "")};

		l.id = bare_id((unsigned)i);
		ck_assert_int_eq(inventory_add(f.inventory, &l), 0);
	}
	ck_assert_int_eq(inventory_seal(f.inventory), 0);
	core_fleet(c, &f, now, &fx);
	taken();
	for (size_t page = 1; page <= 2 * DEVICES; page++) {
		uint64_t last = 0;
		size_t seen = 0, n;

		do {
			n = core_view_devices(c, now, last, v, page, &more);
			ck_assert(n > 0 || !more);
			for (size_t i = 0; i < n; i++) {
				ck_assert_uint_gt(v[i].key, last);
				last = v[i].key;
			}
			seen += n;
		} while (more);
		ck_assert_uint_eq(seen, DEVICES + 4);
	}
	/* Known by a list alone, or by being excluded alone. */
	ck_assert(core_view_device(c, now, "86000000000014", v));
	ck_assert(!core_view_device(c, now, "86000000007777", v));
	core_operate(c, &op, now, &fx, &res);
	ck_assert_int_eq(res.status, OPER_OK);
	taken();
	ck_assert(core_view_device(c, now, "86000000007777", v));
	ck_assert(!v->online);
	mended();
}
END_TEST

/* Who is known by both is counted once, whatever the size of its blocks. */
START_TEST(inventory_is_counted)
{
	static const int sizes[] = {1, 3, 31, 32, 33, 64, 200};

	for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
		struct core_fleet f = {.inventory = inventory_new()};
		struct view_status st;

		ck_assert_ptr_nonnull(f.inventory);
		for (int i = 0; i < sizes[k]; i++) {
			struct inventory_line l = {.number = (uint32_t)i + 2,
			    .id = bare_id((unsigned)i + 2)};

			ck_assert_int_eq(inventory_add(f.inventory, &l), 0);
		}
		ck_assert_int_eq(inventory_seal(f.inventory), 0);
		core_fleet(c, &f, now, &fx);
		taken();
		mended();
		core_view_status(c, &st);
		ck_assert_uint_eq(st.devices_known,
		    (size_t)MAX_OF(sizes[k] + 2, DEVICES));
	}
}
END_TEST

START_TEST(waves_and_texts)
{
	struct view_wave w[2];
	enum campaign_state state;
	enum wave_state ws;
	struct view_looks looks = {0};
	const char *name;
	size_t room = 3;

	ck_assert_ptr_nonnull(core_campaign_at(c, 0, &state));
	ck_assert_int_eq(state, CAMPAIGN_RUNNING);
	ck_assert_ptr_null(core_campaign_at(c, 1, &state));
	ck_assert_uint_eq(core_view_waves(c, now, "two", &looks, w, 2), 0);
	ck_assert_uint_eq(core_view_waves(c, now, "one", &looks, w, 0), 0);
	/* By pieces. */
	ck_assert(!core_view_looks(c, "one", &room, &looks));
	ck_assert_uint_eq(room, 0);
	ck_assert_uint_eq(looks.offline[0], 3);
	room = DEVICES;
	ck_assert(core_view_looks(c, "one", &room, &looks));
	ck_assert_uint_eq(room, 3);
	ck_assert_uint_eq(looks.holds[HOLD_OFFLINE], DEVICES);
	ck_assert(core_view_looks(c, "two", &room, &looks));
	ck_assert_uint_eq(core_view_waves(c, now, "one", &looks, w, 2), 1);
	ck_assert_uint_eq(w[0].total, DEVICES);
	ck_assert_uint_eq(w[0].offline, DEVICES);
	ck_assert(core_view_wave_state(c, "one", 0, &name, &ws));
	ck_assert_int_eq(ws, WAVE_OPEN);
	ck_assert_str_eq(name, w[0].name);
	ck_assert(!core_view_wave_state(c, "one", 1, &name, &ws));
	ck_assert(!core_view_wave_state(c, "two", 0, &name, &ws));
}
END_TEST

START_TEST(campaigns)
{
	struct errtext err = {0};
	struct view_campaign v;
	struct view_target t[2];
	struct devid id;
	size_t sum = 0;

	/* The second has to wait where the first has the device. */
	ck_assert_int_eq(core_campaign_file(c, spec_make("two", 5, 4), true,
	    now, &fx, &err), FILE_NEW);
	taken();
	ck_assert_uint_eq(core_campaign_count(c), 2);
	ck_assert_str_eq(core_campaign_name(c, 1), "two");
	ck_assert_ptr_null(core_campaign_name(c, 2));
	ck_assert(!core_view_campaign(c, now, "three", &v));
	ck_assert(!core_view_campaign_brief(c, now, "three", &v));
	ck_assert(core_view_campaign(c, now, "two", &v));
	ck_assert_uint_eq(v.total, 4);
	ck_assert_int_eq(v.state, CAMPAIGN_RUNNING);
	ck_assert_uint_eq(v.targets[TARGET_WAITING], 4);
	for (int i = 0; i < HOLD_COUNT_; i++)
		sum += v.holds[i];
	ck_assert_uint_eq(sum, 4);
	ck_assert_uint_eq(v.holds[HOLD_OTHER_CAMPAIGN] + v.holds[HOLD_OFFLINE],
	    4);
	id = bare_id(5);
	ck_assert_uint_eq(core_view_device_targets(c, now, id.key, t, 2), 2);
	ck_assert_uint_eq(core_view_device_targets(c, now, id.key, t, 1), 1);
	ck_assert_uint_eq(core_view_device_targets(c, now, 1, t, 2), 0);
	mended();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("core");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, start, stop);
	tcase_add_test(tc, words);
	tcase_add_test(tc, counts);
	tcase_add_test(tc, targets);
	tcase_add_test(tc, waiting);
	tcase_add_test(tc, caps);
	tcase_add_test(tc, connections);
	tcase_add_test(tc, pages_of_targets);
	tcase_add_test(tc, filters_of_targets);
	tcase_add_test(tc, pages_of_devices);
	tcase_add_test(tc, pages_with_an_inventory);
	tcase_add_test(tc, inventory_is_counted);
	tcase_add_test(tc, waves_and_texts);
	tcase_add_test(tc, campaigns);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
