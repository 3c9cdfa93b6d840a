/* Many devices that wait for one window: what its begin and its end cost, and
 * that they do not burst. And answers that do not fit the question. */
#include "config.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/state.h"
#include "proto/frame.h"
#include "tests/unit/quick.h"

#define N 5000
#define HOUR INT64_C(3600000)
#define WALL_0 INT64_C(1795392000000)

/* Durable at once, never acknowledged: a start that left is a start. */
struct world {
	struct core *core;
	struct core_conn conn[N];
	struct fx fx;
	int64_t now, wall_off;
	bool answers;
	size_t starts, asked, notes;
	struct wall_span span[4];
	size_t spans;
	char zone[ZONE_NAME_MAX + 1]; /* last asked for */
};

static void feed(struct world *w, const struct ev *ev);

static struct core_now
now_of(const struct world *w)
{
	return (struct core_now){.at_ms = w->now,
	    .wall_ms = WALL_0 + w->now + w->wall_off, .boot_ms = w->now};
}

static void
effects(struct world *w)
{
	struct fx_item *items = w->fx.item;
	size_t n = w->fx.count;
	uint64_t ticket = w->fx.ops.count > 0 ? w->fx.ticket : 0;

	opbuf_done(&w->fx.ops);
	w->fx.item = NULL;
	w->fx.cap = 0;
	fx_clear(&w->fx);
	for (size_t i = 0; i < n; i++) {
		struct fx_item *it = &items[i];

		if (it->kind == FX_NOTE) {
			w->notes++;
		} else if (it->kind == FX_SEND) {
			w->starts++;
			feed(w, &(struct ev){.kind = EV_SENT, .conn = it->conn,
				    .send_id = it->send_id, .ok = true});
		} else if (it->kind == FX_WINDOWS) {
			struct windows_answer a = {.campaign = it->campaign,
			    .zone = it->bytes, .known = true, .span = w->span,
			    .count = w->spans, .from_wall = it->from_wall,
			    .to_wall = it->to_wall};

			w->asked++;
			memcpy(w->zone, it->bytes, it->len + 1);
			if (w->answers)
				feed(w, &(struct ev){.kind = EV_WINDOWS,
					    .windows = &a});
		}
	}
	free(items);
	if (ticket != 0)
		feed(w, &(struct ev){.kind = EV_DURABLE, .ticket = ticket});
}

static void
feed(struct world *w, const struct ev *ev)
{
	core_handle(w->core, ev, now_of(w), &w->fx);
	effects(w);
}

static void
expect_sound(const struct world *w)
{
	struct errtext err = {0};

	if (core_check(w->core, &err) < 0)
		ck_abort_msg("%s", err.text);
}

/* One device in a hundred thousand would not be looked at by hand: time goes
 * on from deadline to deadline. */
static void
pass(struct world *w, int64_t ms)
{
	int64_t until = w->now + ms;

	while (core_deadline(w->core) <= until) {
		w->now = MAX_OF(w->now, core_deadline(w->core));
		feed(w, &(struct ev){.kind = EV_TICK});
	}
	w->now = until;
}

static struct campaign_spec *
spec_make(int64_t start_per_hour)
{
	struct campaign_spec *s = spec_new();
	struct spec_package *k = calloc(1, sizeof(*k));

	ck_assert(s != NULL && k != NULL);
	(void)snprintf(s->name, sizeof(s->name), "c1");
	(void)snprintf(s->digest, sizeof(s->digest), "d%lld",
	    (long long)start_per_hour);
	(void)snprintf(s->timezone, sizeof(s->timezone), "Test/Town");
	k->from_any = true;
	(void)snprintf(k->url, sizeof(k->url), "http://x/y.enc");
	s->packages = k;
	s->package_count = 1;
	s->approval_required = false;
	s->waves_given = true;
	s->pace.start_per_hour = start_per_hour;
	s->pace.in_flight = N;
	s->schedule.end_wall = WALL_0 + 2000 * 24 * HOUR;
	s->devices = calloc(N, sizeof(*s->devices));
	ck_assert_ptr_nonnull(s->devices);
	s->device_count = N;
	for (size_t i = 0; i < N; i++) {
		char id[16];

		(void)snprintf(id, sizeof(id), "8600000000%04zu", i);
		ck_assert_int_eq(devid_parse(span_str(id), &s->devices[i]), 0);
	}
	return s;
}

static void
connect_all(struct world *w)
{
	for (size_t i = 0; i < N; i++) {
		char text[120], reply[512];
		struct frame f;
		struct message m;
		enum msg_bad bad;
		enum frame_why why;
		size_t scan = 0, used = 0;

		(void)snprintf(text, sizeof(text),
		    "+RESP:GTFRI,C20100,8600000000%04zu,sim,0,0,"
		    "20261123000000,%04zX$", i, i);
		w->conn[i].id = i + 1;
		feed(w, &(struct ev){.kind = EV_OPEN, .conn = &w->conn[i]});
		ck_assert_int_eq(frame_next(text, strlen(text), 4096, &scan,
		    &f, &used, &why), FRAME_OK);
		ck_assert_int_eq(message_decode(&f, &m, &bad), 0);
		w->fx.reply = reply;
		w->fx.reply_cap = sizeof(reply);
		feed(w, &(struct ev){.kind = EV_FRAME, .conn = &w->conn[i],
			    .message = &m});
		w->fx.reply = NULL;
		w->fx.reply_cap = w->fx.reply_len = 0;
	}
}

static void
world_begin(struct world *w, int64_t start_per_hour, bool answers,
    int64_t open_at, int64_t shut_at)
{
	const struct core_config cfg = {.time_scale = 1, .boot = 1,
	    .unknown = UNKNOWN_OBSERVE, .observed_max = 10, .in_flight = N,
	    .start_per_hour = 36000000, .read_per_hour = 36000000,
	    .password = "gv620mg"};
	const struct flags_rec flags = {0};
	const struct stamp_rec stamp = {0};
	struct errtext err = {0};

	memset(w, 0, sizeof(*w));
	fx_init(&w->fx);
	w->now = 1000;
	w->answers = answers;
	w->spans = 1;
	w->span[0] = (struct wall_span){WALL_0 + open_at, WALL_0 + shut_at};
	ck_assert_ptr_nonnull(w->core = core_new(&cfg, 1));
	core_load_flags(w->core, &flags, &stamp);
	ck_assert_int_eq(core_load_done(w->core, now_of(w), -1, false, &w->fx),
	    0);
	effects(w);
	ck_assert_int_eq(core_campaign_file(w->core,
	    spec_make(start_per_hour), false, now_of(w), &w->fx, &err),
	    FILE_NEW);
	effects(w);
	connect_all(w);
	expect_sound(w);
}

static void
world_end(struct world *w)
{
	core_free(w->core);
	opbuf_done(&w->fx.ops);
	fx_done(&w->fx);
	free(w);
}

static size_t
holds(const struct world *w, enum hold h)
{
	struct view_campaign v;

	ck_assert(core_view_campaign(w->core, now_of(w), "c1", &v));
	return v.holds[h];
}

static size_t
listed(const struct list *l)
{
	size_t n = 0;

	for (const struct list *p = l->next; p != l; p = p->next)
		n++;
	return n;
}

/* Those let go by an hour, and those sorted into their wave. */
static size_t
ready_now(const struct campaign *p)
{
	size_t n = listed(&p->ready);

	for (size_t i = 0; i < p->wave_count; i++)
		n += listed(&p->wave[i]->ready);
	return n;
}

START_TEST(opening)
{
	struct world *w = malloc(sizeof(*w));
	const struct campaign *p;

	ck_assert_ptr_nonnull(w);
	world_begin(w, 36000, true, HOUR, 9 * HOUR); /* 10 a second */
	p = campaign_find(w->core, "c1");
	ck_assert_uint_eq(w->asked, 1);
	ck_assert_str_eq(w->zone, "Test/Town");
	ck_assert_uint_eq(holds(w, HOLD_WINDOW), N);
	ck_assert_uint_eq(p->hours_count, 1);
	ck_assert_uint_eq(listed(&p->hours[0]->wait), N);
	pass(w, HOUR - 1001);
	ck_assert_uint_eq(w->starts, 0);
	/* At most what the bucket holds, then the rate. */
	pass(w, 1);
	ck_assert_uint_le(w->starts, 10);
	expect_sound(w);
	for (int s = 1; s <= 60; s++) {
		pass(w, 1000);
		ck_assert_uint_le(w->starts, 10 + (size_t)s * 10);
	}
	/* Jitter takes a tenth of it at 20 %. */
	ck_assert_uint_ge(w->starts, 500);
	pass(w, 600 * 1000);
	ck_assert_uint_eq(w->starts, N);
	ck_assert_uint_eq(w->asked, 1);
	expect_sound(w);
	world_end(w);
}
END_TEST

/* All are ready and wait for the rate when it becomes too late for them: they
 * go back to where they wait, a thousand at a time. */
START_TEST(closing)
{
	struct world *w = malloc(sizeof(*w));
	const struct campaign *p;
	size_t ready, ticks = 0;

	ck_assert_ptr_nonnull(w);
	world_begin(w, 60, true, HOUR, 3 * HOUR);
	p = campaign_find(w->core, "c1");
	w->span[1] = (struct wall_span){WALL_0 + 24 * HOUR,
	    WALL_0 + 27 * HOUR};
	pass(w, HOUR + HOUR / 2);
	ready = ready_now(p);
	ck_assert_uint_ge(ready, N - 40);
	ck_assert_uint_eq(holds(w, HOLD_RATE), ready);
	pass(w, HOUR / 2);
	while (ready_now(p) > 0 && ticks < 100) {
		size_t before = ready_now(p);

		w->now = MAX_OF(w->now, core_deadline(w->core));
		feed(w, &(struct ev){.kind = EV_TICK});
		ck_assert_uint_le(before - ready_now(p), 1001);
		ticks++;
	}
	ck_assert_uint_ge(listed(&p->hours[0]->wait), N - 60);
	ck_assert_uint_eq(holds(w, HOLD_WINDOW_FIT),
	    listed(&p->hours[0]->wait));
	expect_sound(w);
	world_end(w);
}
END_TEST

/* No answer, or one that tells of another time: it is asked again, not for
 * ever at once, and nothing starts. */
START_TEST(answers)
{
	struct world *w = malloc(sizeof(*w));
	struct windows_answer a = {.campaign = 1, .zone = "Test/Town",
	    .known = true};
	const struct campaign *p;
	size_t asked;

	ck_assert_ptr_nonnull(w);
	world_begin(w, 36000, false, 0, HOUR);
	p = campaign_find(w->core, "c1");
	ck_assert_uint_eq(w->asked, 1);
	ck_assert_uint_eq(holds(w, HOLD_WINDOW), N);
	pass(w, 10 * 60 * 1000);
	ck_assert_uint_ge(w->asked, 9);
	ck_assert_uint_le(w->asked, 11);
	asked = w->asked;
	a.span = w->span;
	a.count = 1;
	a.to_wall = WALL_0;
	feed(w, &(struct ev){.kind = EV_WINDOWS, .windows = &a});
	pass(w, 5 * 60 * 1000);
	ck_assert_uint_le(w->asked, asked + 6);
	/* Of another campaign, or zone: nobody asked. */
	a.to_wall = WALL_0 + 100 * 24 * HOUR;
	a.campaign = 2;
	feed(w, &(struct ev){.kind = EV_WINDOWS, .windows = &a});
	a.campaign = 1;
	a.zone = "Test/Village";
	feed(w, &(struct ev){.kind = EV_WINDOWS, .windows = &a});
	ck_assert_uint_eq(p->hours_count, 1);
	ck_assert_uint_eq(w->starts, 0);
	/* There is no such zone: they wait for one. */
	a.zone = "Test/Town";
	a.known = false;
	feed(w, &(struct ev){.kind = EV_WINDOWS, .windows = &a});
	ck_assert_uint_eq(holds(w, HOLD_TIMEZONE_UNKNOWN), N);
	pass(w, 10 * 60 * 1000);
	ck_assert_uint_eq(w->starts, 0);
	expect_sound(w);
	/* A file that is read again asks again. */
	asked = w->asked;
	w->answers = true;
	{
		struct errtext err = {0};

		ck_assert_int_eq(core_campaign_file(w->core, spec_make(36000),
		    false, now_of(w), &w->fx, &err), FILE_SAME);
		effects(w);
	}
	ck_assert_uint_eq(w->asked, asked + 1);
	ck_assert_uint_eq(holds(w, HOLD_TIMEZONE_UNKNOWN), 0);
	expect_sound(w);
	world_end(w);
}
END_TEST

/* Told for some weeks, and told on before they are over; also after the clock
 * was set to another year. */
START_TEST(extended)
{
	struct world *w = malloc(sizeof(*w));
	const int64_t day = 24 * HOUR;

	ck_assert_ptr_nonnull(w);
	world_begin(w, 36000, true, 400 * day, 401 * day);
	for (int i = 1; i <= 80; i++) {
		const struct hours *h;

		pass(w, day);
		h = campaign_find(w->core, "c1")->hours[0];
		ck_assert_int_ge(h->to_wall - now_of(w).wall_ms, 13 * day);
		ck_assert_int_le(h->from_wall, now_of(w).wall_ms);
	}
	ck_assert_uint_ge(w->asked, 4);
	ck_assert_uint_le(w->asked, 8);
	w->wall_off = -1000 * day;
	pass(w, HOUR);
	w->wall_off = 320 * day; /* into it */
	pass(w, 60 * 1000);
	ck_assert_uint_eq(w->starts, 0);
	pass(w, HOUR);
	ck_assert_uint_gt(w->starts, 0);
	expect_sound(w);
	world_end(w);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("windows");
	TCase *tc = tcase_create("windows");
	SRunner *r;
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, opening);
	tcase_add_test(tc, closing);
	tcase_add_test(tc, answers);
	tcase_add_test(tc, extended);
	suite_add_tcase(suite, tc);
	r = srunner_create(suite);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
