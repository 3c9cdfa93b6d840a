/* Gates against arithmetic of their own, and who is picked for which wave. */
#include "config.h"
#include "core/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <check.h>

#include "base/prng.h"
#include "core/core.h"
#include "core/view.h"
#include "quick.h"

#define FULL INT64_C(1000000)

/* --- verdicts --------------------------------------------------------------*/

static bool
met_by(const struct spec_gate *g, size_t s, size_t f, size_t u, size_t due)
{
	size_t done = s + f + u;

	return done >= due && (int64_t)s * FULL >= g->success_ppm *
		(int64_t)done &&
	    (int64_t)u * FULL <= g->unknown_max_ppm * (int64_t)done;
}

/* Whether any way for those that are open to end meets the gate. Some may end
 * without a result (skipped, cancelled). */
static bool
can_be_met(const struct spec_gate *g, const struct gate_figures *f)
{
	for (size_t s = 0; s <= f->open; s++)
		for (size_t u = 0; s + u <= f->open; u++)
			for (size_t x = 0; s + u + x <= f->open; x++)
				if (met_by(g, f->succeeded + s, f->failed + x,
					f->unverified + u, 0))
					return true;
	return false;
}

static void
check_one(const struct spec_gate *g, const struct gate_figures *f)
{
	size_t done = gate_done(f);
	enum gate_verdict v = gate_judge(g, f);
	char text[GATE_TEXT];
	bool lacks = gate_lacks(g, f, text)[0] != '\0';

	QUICK(done == f->succeeded + f->failed + f->unverified);
	QUICK(gate_min_done(g, f) <= done + f->open);
	QUICK((v == GATE_LOST) == !can_be_met(g, f));
	QUICK((v == GATE_MET) != lacks);
	if (v == GATE_LOST)
		QUICK(gate_shares(g, f, text)[0] != '\0');
	if (v != GATE_MET)
		return;
	QUICK(met_by(g, f->succeeded, f->failed, f->unverified,
	    MIN_OF((size_t)g->min_done, done + f->open)));
	/* All of the wave, but for those who are away. */
	QUICK(g->min_done > 0 || f->open == 0 ||
	    (done > 0 && f->open <= f->away));
}

START_TEST(verdicts)
{
	static const int64_t share[] = {0, 1, 5000, FULL / 3, FULL / 2, 970000,
	    FULL - 1, FULL};
	const char *given = getenv("SEED");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 10)
				      : (uint64_t)time(NULL);
	struct prng p;

	(void)printf("SEED=%llu\n", (unsigned long long)seed);
	(void)fflush(stdout);
	prng_init(&p, seed);
	for (int i = 0; i < 20000; i++) {
		struct spec_gate g = {
		    .given = true,
		    .success_ppm = share[prng_below(&p, ARRAY_LEN(share))],
		    .unknown_max_ppm = share[prng_below(&p, ARRAY_LEN(share))],
		    .min_done = (int64_t)prng_below(&p, 9),
		};
		struct gate_figures f = {
		    .succeeded = prng_below(&p, 7),
		    .failed = prng_below(&p, 4),
		    .unverified = prng_below(&p, 4),
		    .open = prng_below(&p, 7),
		};

		f.away = prng_below(&p, f.open + 1);
		check_one(&g, &f);
	}
}
END_TEST

START_TEST(texts)
{
	struct spec_gate g = {.given = true, .success_ppm = 970000,
	    .unknown_max_ppm = 50000, .min_done = 40};
	struct gate_figures f = {.succeeded = 27, .failed = 2, .open = 31};
	char text[GATE_TEXT];

	ck_assert_str_eq(gate_lacks(&g, &f, text), "success 93.1 % < 97 % "
	    "(29 done); 29 of 40 done");
	ck_assert_str_eq(gate_shares(&g, &f, text), "success 93.1 % < 97 % "
	    "(29 done)");
	ck_assert_int_eq((int)gate_judge(&g, &f), GATE_LOST);
	/* 96.97 % is no 97 %. */
	f = (struct gate_figures){.succeeded = 64, .unverified = 2};
	ck_assert_str_eq(gate_lacks(&g, &f, text),
	    "success 96.9 % < 97 % (66 done)");
	g.success_ppm = 0;
	g.unknown_max_ppm = 12345;
	ck_assert_str_eq(gate_lacks(&g, &f, text),
	    "unverified 3.1 % > 1.2345 % (66 done)");
	f = (struct gate_figures){.open = 5};
	ck_assert_str_eq(gate_lacks(&g, &f, text), "0 of 5 done");
	f.open = 0;
	ck_assert_str_eq(gate_lacks(&g, &f, text), "");
	ck_assert_int_eq((int)gate_judge(&g, &f), GATE_MET);
}
END_TEST

/* --- picks -----------------------------------------------------------------*/

#define FLEET 1000

struct fleet {
	struct core *core;
	struct fx fx;
};

static struct devid
fleet_id(unsigned i)
{
	char text[DEVID_MAX + 1];
	struct devid id;

	(void)snprintf(text, sizeof(text), "A00000000%05u", i % 100000);
	ck_assert_int_eq(devid_parse(span_str(text), &id), 0);
	return id;
}

/* Targets in one call; 0: all of them. */
static const int pieces[] = {0, 1, 7, 300};

static void
fleet_init(struct fleet *f, int piece)
{
	const struct core_config cfg = {.time_scale = 1, .in_flight = 10,
	    .observed_max = 10, .start_per_hour = 3600,
	    .read_per_hour = 3600, .piece = piece};
	const struct flags_rec flags = {0};
	const struct stamp_rec stamp = {0};

	f->core = core_new(&cfg, 1);
	ck_assert_ptr_nonnull(f->core);
	fx_init(&f->fx);
	core_load_flags(f->core, &flags, &stamp);
	for (int i = 0; i < FLEET; i++) {
		struct devid id = fleet_id((unsigned)i);
		struct device_rec r = {.key = id.key};

		memcpy(r.id, id.text, sizeof(r.id));
		r.registered = true;
		/* A tenth shows one version, the others another. */
		(void)snprintf(r.mcu, sizeof(r.mcu), "%s",
		    i % 10 == 0 ? "0A01" : i % 10 == 1 ? "" : "0A03");
		ck_assert_int_eq(core_load_device(f->core, &r), 0);
	}
	ck_assert_int_eq(core_load_done(f->core,
	    (struct core_now){.at_ms = 1000, .wall_ms = 1000}, -1, false,
	    &f->fx), 0);
}

static void
fleet_done(struct fleet *f)
{
	core_free(f->core);
	opbuf_done(&f->fx.ops);
	fx_done(&f->fx);
}

static struct campaign_spec *
make_spec(const char *name, size_t waves)
{
	struct campaign_spec *s = spec_new();

	ck_assert_ptr_nonnull(s);
	(void)snprintf(s->name, sizeof(s->name), "%s", name);
	(void)snprintf(s->digest, sizeof(s->digest), "%s", name);
	s->targets_all = true;
	s->windows_always = true;
	s->approval_required = false;
	s->waves_given = true;
	ck_assert_int_eq(spec_waves_new(s, waves), 0);
	for (size_t i = 0; i < waves; i++)
		(void)snprintf(s->waves[i].name, sizeof(s->waves[i].name),
		    "w%zu", i);
	return s;
}

/* Until all of its targets are there, and on disk. */
static void
taken_in(struct fleet *f, const char *name, struct core_now *now)
{
	struct ev ev = {.kind = EV_DURABLE};
	struct view_campaign v;

	for (int i = 0; i < 20 * FLEET; i++) {
		ck_assert(core_view_campaign_brief(f->core, *now, name, &v));
		if (v.state == CAMPAIGN_RUNNING)
			return;
		ev.kind = i % 2 == 0 ? EV_DURABLE : EV_TICK;
		ev.ticket = UINT64_MAX;
		now->at_ms++;
		core_handle(f->core, &ev, *now, &f->fx);
		opbuf_done(&f->fx.ops);
		fx_clear(&f->fx);
	}
	ck_abort_msg("campaign %s is %s: %s", name,
	    campaign_state_name(v.state), v.reason_text);
}

/* ret[i]: the wave of the i-th device. */
static void
begin(struct fleet *f, struct campaign_spec *s, int ret[FLEET])
{
	static struct view_target t[FLEET];
	const struct target_filter all = {-1, -1, -1, NULL, 0};
	char name[CAMPAIGN_NAME_MAX + 1];
	struct core_now now = {.at_ms = 2000, .wall_ms = 2000};
	struct errtext err = {0};
	uint64_t at;
	bool more;

	memcpy(name, s->name, sizeof(name));
	opbuf_done(&f->fx.ops);
	fx_clear(&f->fx);
	ck_assert_int_eq((int)core_campaign_file(f->core, s, false, now,
	    &f->fx, &err), FILE_NEW);
	ck_assert_str_eq(err.text, "");
	opbuf_done(&f->fx.ops);
	fx_clear(&f->fx);
	taken_in(f, name, &now);
	ck_assert_int_eq(core_check(f->core, &err), 0);
	ck_assert_int_eq(core_view_targets(f->core, now, name, &all, t, FLEET,
	    &at, &more), FLEET);
	for (int i = 0; i < FLEET; i++)
		ret[i] = (int)strtol(t[i].wave + 1, NULL, 10);
}

static int
size_of(const int wave[FLEET], int n)
{
	int count = 0;

	for (int i = 0; i < FLEET; i++)
		count += wave[i] == n;
	return count;
}

START_TEST(adding_never_reshuffles)
{
	struct campaign_spec *s = make_spec("c", 2);
	static int before[FLEET], after[FLEET], other[FLEET];
	struct fleet f;
	int same = 0;

	fleet_init(&f, 0);
	s->waves[0].take = TAKE_COUNT;
	s->waves[0].count = 60;
	begin(&f, s, before);
	fleet_done(&f);
	ck_assert_int_eq(size_of(before, 0), 60);
	ck_assert_int_eq(size_of(before, 1), FLEET - 60);

	fleet_init(&f, 0);
	s = make_spec("c", 3);
	s->waves[0].take = TAKE_COUNT;
	s->waves[0].count = 60;
	s->waves[1].take = TAKE_PERCENT;
	s->waves[1].percent = 33;
	begin(&f, s, after);
	ck_assert_int_eq(size_of(after, 1), 330);
	for (int i = 0; i < FLEET; i++)
		ck_assert((before[i] == 0) == (after[i] == 0));
	/* Another campaign has another order. */
	s = make_spec("d", 2);
	s->waves[0].take = TAKE_COUNT;
	s->waves[0].count = 60;
	begin(&f, s, other);
	for (int i = 0; i < FLEET; i++)
		same += before[i] == 0 && other[i] == 0;
	ck_assert_int_lt(same, 30);
	fleet_done(&f);
}
END_TEST

START_TEST(spread_is_even)
{
	struct campaign_spec *s = make_spec("c", 3);
	static int wave[FLEET];
	int count[3] = {0};
	struct fleet f;

	fleet_init(&f, 0);
	s->waves[0].take = TAKE_COUNT;
	s->waves[0].count = 60;
	s->waves[0].spread = SPREAD_VERSION | SPREAD_COUNTRY;
	s->waves[1].take = TAKE_COUNT;
	s->waves[1].count = 600;
	s->waves[1].spread = SPREAD_VERSION;
	begin(&f, s, wave);
	for (int i = 0; i < FLEET; i++)
		if (wave[i] == 0)
			count[i % 10 == 0 ? 0 : i % 10 == 1 ? 1 : 2]++;
	/* 0A01, unknown and 0A03, each its third. */
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(count[i], 20);
	/* Who runs out leaves his turns to the others. */
	ck_assert_int_eq(size_of(wave, 1), 600);
	fleet_done(&f);
}
END_TEST

/* The first of the fleet, and one who is not in it. */
static void
list_of(struct spec_wave *w, unsigned n)
{
	w->take = TAKE_FILE;
	w->devices = calloc(n + 1, sizeof(*w->devices));
	ck_assert_ptr_nonnull(w->devices);
	for (unsigned i = 0; i <= n; i++)
		w->devices[w->device_count++] = fleet_id(i < n ? i : 77777);
}

/* A list is stronger than a count before it; what is no target is left out. */
START_TEST(lists_come_first)
{
	struct campaign_spec *s = make_spec("c", 3);
	static int wave[FLEET];
	struct fleet f;

	fleet_init(&f, 0);
	s->waves[0].take = TAKE_COUNT;
	s->waves[0].count = 990;
	list_of(&s->waves[1], 20);
	begin(&f, s, wave);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(wave[i], 1);
	ck_assert_int_eq(size_of(wave, 0), FLEET - 20);
	ck_assert_int_eq(size_of(wave, 1), 20);
	ck_assert_int_eq(size_of(wave, 2), 0);
	fleet_done(&f);
}
END_TEST

/* Whoever is in a wave stays there whatever version of trackupd runs: these are
 * what the first one chose. By pieces it is the same. */
START_TEST(the_same_for_ever)
{
	struct campaign_spec *s = make_spec("for-ever", 5);
	static int wave[FLEET];
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	struct fleet f;

	fleet_init(&f, pieces[_i]);
	s->waves[0].take = TAKE_COUNT;
	s->waves[0].count = 50;
	list_of(&s->waves[1], 20);
	s->waves[2].take = TAKE_COUNT;
	s->waves[2].count = 90;
	s->waves[2].spread = SPREAD_VERSION | SPREAD_COUNTRY;
	s->waves[3].take = TAKE_PERCENT;
	s->waves[3].percent = 30;
	s->waves[3].spread = SPREAD_VERSION;
	begin(&f, s, wave);
	for (int i = 0; i < FLEET; i++)
		h = (h ^ (unsigned)wave[i]) * UINT64_C(0x100000001b3);
	ck_assert_uint_eq(h, UINT64_C(17581575683433119677));
	fleet_done(&f);
}
END_TEST

/* A database from before there were waves: the one wave of a campaign that
 * runs is open. */
START_TEST(older_record)
{
	const struct core_config cfg = {.time_scale = 1, .in_flight = 10,
	    .observed_max = 10, .start_per_hour = 3600,
	    .read_per_hour = 3600};
	const struct core_now now = {.at_ms = 5000, .wall_ms = 5000};
	const struct flags_rec flags = {0};
	const struct stamp_rec stamp = {0};
	struct campaign_rec c = {.id = 1, .name = "old",
	    .state = CAMPAIGN_RUNNING, .started_wall = 1000};
	struct target_rec t = {.campaign = 1, .rule_edge = -1};
	struct device_rec d = {.id = "A0000000000001"};
	struct core *core = core_new(&cfg, 1);
	const struct view_looks looks = {0};
	struct view_wave v[2];
	struct errtext err = {0};
	struct devid id;
	struct fx fx;

	ck_assert_ptr_nonnull(core);
	fx_init(&fx);
	ck_assert_int_eq(devid_parse(span_str(d.id), &id), 0);
	d.key = t.device = id.key;
	core_load_flags(core, &flags, &stamp);
	ck_assert_int_eq(core_load_device(core, &d), 0);
	ck_assert_int_eq(core_load_campaign(core, &c, spec_new()), 0);
	ck_assert_int_eq(core_load_target(core, &t), 0);
	/* One that names a wave which is not there is damaged. */
	t.wave = 1;
	ck_assert_int_lt(core_load_target(core, &t), 0);
	ck_assert_int_eq(core_load_done(core, now, -1, false, &fx), 0);
	ck_assert_int_eq(core_check(core, &err), 0);
	ck_assert_uint_eq(core_view_waves(core, now, "old", &looks, v, 2), 1);
	ck_assert_int_eq((int)v[0].state, WAVE_OPEN);
	ck_assert_uint_eq(v[0].total, 1);
	core_free(core);
	opbuf_done(&fx.ops);
	fx_done(&fx);
}
END_TEST

/* Who is a target of them is known at the start only. */
static enum campaign_state
state_without_waves(struct fleet *f, const char *name, size_t listed,
    const char **ret_why)
{
	static struct errtext err;
	struct campaign_spec *s = make_spec(name, 1);
	struct core_now now = {.at_ms = 2000, .wall_ms = 2000};
	enum campaign_state state = CAMPAIGN_STATE_COUNT_;

	s->waves_given = false;
	s->targets_all = listed == 0;
	s->device_count = listed;
	s->devices = calloc(listed + 1, sizeof(*s->devices));
	s->models = calloc(1, sizeof(*s->models));
	ck_assert(s->devices != NULL && s->models != NULL);
	/* None of them has said what it is. */
	(void)snprintf(s->models[s->model_count++], MODEL_CODE_TEXT, "C2");
	for (size_t i = 0; i < listed; i++)
		s->devices[i] = fleet_id((unsigned)i);
	err = (struct errtext){0};
	opbuf_done(&f->fx.ops);
	fx_clear(&f->fx);
	ck_assert_int_eq((int)core_campaign_file(f->core, s, false, now,
	    &f->fx, &err), FILE_NEW);
	(void)core_campaign_at(f->core, core_campaign_count(f->core) - 1,
	    &state);
	*ret_why = err.text;
	return state;
}

START_TEST(needed_at_start)
{
	struct fleet f;
	const char *why;

	fleet_init(&f, 0);
	ck_assert_int_eq((int)state_without_waves(&f, "a", 200, &why),
	    CAMPAIGN_RUNNING);
	ck_assert_str_eq(why, "");
	ck_assert_int_eq((int)state_without_waves(&f, "b", 201, &why),
	    CAMPAIGN_DRAFT);
	ck_assert_str_eq(why, "campaign b: waves: must be given for more than "
	    "200 targets; there are 201");
	ck_assert_int_eq((int)state_without_waves(&f, "c", 0, &why),
	    CAMPAIGN_DRAFT);
	ck_assert_ptr_nonnull(strstr(why, "waves: must be given"));
	fleet_done(&f);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("gate");
	TCase *tc = tcase_create("gate");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, verdicts);
	tcase_add_test(tc, texts);
	tcase_add_test(tc, adding_never_reshuffles);
	tcase_add_test(tc, spread_is_even);
	tcase_add_test(tc, lists_come_first);
	tcase_add_loop_test(tc, the_same_for_ever, 0, ARRAY_LEN(pieces));
	tcase_add_test(tc, older_record);
	tcase_add_test(tc, needed_at_start);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
