#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "core/trial.h"

/*
 * Plans and trials: what they count adds up, a trial keeps to the pace and ends,
 * and a seed says all. A failure prints the seed.
 */

#define BEGIN INT64_C(1800000000000)
#define HOUR INT64_C(3600000)

static const struct core_config core_cfg = {
	.time_scale = 1, .boot = 1, .unknown = UNKNOWN_OBSERVE,
	.in_flight = 1000, .start_per_hour = 36000, .read_per_hour = 36000,
	.password = "gv620mg",
};

/* Open for the first four hours of each day, in whichever zone. */
static int
nights(void *arg, const struct campaign_spec *s, const char *zone,
    int64_t from_wall, int64_t to_wall, struct wall_span **ret,
    size_t *ret_count)
{
	size_t n = (size_t)((to_wall - from_wall) / (24 * HOUR)) + 2;
	int64_t day = from_wall / (24 * HOUR) * (24 * HOUR);
	struct wall_span *v = calloc(n, sizeof(*v));

	(void)arg;
	(void)s;
	ck_assert_ptr_nonnull(v);
	if (strcmp(zone, "Nowhere") == 0) {
		free(v);
		return -1;
	}
	*ret_count = 0;
	for (; day < to_wall; day += 24 * HOUR)
		if (day + 4 * HOUR > from_wall)
			v[(*ret_count)++] = (struct wall_span){
			    day > from_wall ? day : from_wall,
			    day + 4 * HOUR < to_wall ? day + 4 * HOUR
						     : to_wall};
	*ret = v;
	return 0;
}

static void
package(struct campaign_spec *s, const char *from, const char *to)
{
	struct spec_package *p = &s->packages[s->package_count++];

	(void)snprintf(p->from, sizeof(p->from), "%s", from);
	(void)snprintf(p->to, sizeof(p->to), "%s", to);
	(void)snprintf(p->url, sizeof(p->url), "http://fw.example/%s_%s", from,
	    to);
	p->bytes = 300000;
}

static struct campaign_spec *
spec_of(void)
{
	struct campaign_spec *s = spec_new();

	ck_assert_ptr_nonnull(s);
	(void)snprintf(s->name, sizeof(s->name), "roll");
	(void)snprintf(s->digest, sizeof(s->digest), "d1");
	(void)snprintf(s->target_version, sizeof(s->target_version), "0A09");
	s->packages = calloc(3, sizeof(*s->packages));
	ck_assert_ptr_nonnull(s->packages);
	package(s, "0A03", "0A05");
	package(s, "0A05", "0A09");
	package(s, "0A04", "0A09");
	s->windows_always = true;
	s->pace.in_flight = 20;
	free(s->rules);
	s->rules = calloc(spec_builtin_rule_count, sizeof(*s->rules));
	ck_assert_ptr_nonnull(s->rules);
	memcpy(s->rules, spec_builtin_rules,
	    spec_builtin_rule_count * sizeof(*s->rules));
	s->rule_count = spec_builtin_rule_count;
	return s;
}

static void
waves_into(struct campaign_spec *s, bool hold)
{
	struct spec_gate gate = {.given = true, .success_ppm = 800000,
	    .unknown_max_ppm = 1000000, .soak_ms = HOUR, .hold = hold};

	ck_assert_int_eq(spec_waves_new(s, 3), 0);
	s->waves_given = true;
	(void)snprintf(s->waves[0].name, 20, "bench");
	s->waves[0].take = TAKE_COUNT;
	s->waves[0].count = 3;
	s->waves[0].gate = gate;
	(void)snprintf(s->waves[1].name, 20, "tenth");
	s->waves[1].take = TAKE_PERCENT;
	s->waves[1].percent = 10;
	s->waves[1].gate = gate;
	(void)snprintf(s->waves[2].name, 20, "rest");
}

/* --- trials ----------------------------------------------------------------*/

static struct trial_result *
try_out(uint64_t seed, struct campaign_spec *s, size_t n,
    const struct trial_rates *rates, bool (*stop)(void *arg))
{
	struct trial_config cfg = {.core = core_cfg, .seed = seed,
	    .begin_wall = BEGIN, .rates = *rates, .hours = nights,
	    .stop = stop};
	struct trial_result *r;
	struct plan_device *v;
	struct errtext err = {0};

	ck_assert_int_eq(trial_made_up(s, n, &v), 0);
	ck_assert_msg(trial_run(&cfg, s, v, n, &r, &err) == 0, "seed %llu: %s",
	    (unsigned long long)seed, err.text);
	free(v);
	return r;
}

static void
adds_up(const struct trial_result *r, uint64_t seed, size_t n, int in_flight)
{
	size_t sum = 0, in_waves = 0;

	for (size_t i = 0; i < TARGET_STATE_COUNT_; i++)
		sum += r->targets[i];
	for (size_t i = 0; i < r->wave_count; i++)
		in_waves += r->wave[i].total;
	ck_assert_msg(sum == n && in_waves == n && r->total == n,
	    "seed %llu: %zu by state, %zu in waves, of %zu",
	    (unsigned long long)seed, sum, in_waves, n);
	ck_assert_msg(r->in_flight_max <= (size_t)in_flight,
	    "seed %llu: %zu in flight", (unsigned long long)seed,
	    r->in_flight_max);
	ck_assert_msg(r->end == TRIAL_OVER || r->end == TRIAL_PAUSED,
	    "seed %llu: %s", (unsigned long long)seed,
	    trial_end_name(r->end));
	ck_assert_msg(r->flashed <= r->starts, "seed %llu: %llu flashed",
	    (unsigned long long)seed, (unsigned long long)r->flashed);
	if (r->end == TRIAL_OVER)
		ck_assert_uint_eq(r->targets[TARGET_WAITING] +
		    r->targets[TARGET_ACTIVE] + r->targets[TARGET_BACKOFF], 0);
}

START_TEST(nothing_fails)
{
	const struct trial_rates none = {.seldom = 0};
	struct trial_result *r = try_out(1, spec_of(), 100, &none, NULL);

	adds_up(r, 1, 100, 20);
	ck_assert_int_eq(r->end, TRIAL_OVER);
	ck_assert_int_eq(r->state, CAMPAIGN_FINISHED);
	ck_assert_uint_eq(r->targets[TARGET_SUCCEEDED], 100);
	/* A third each: two hops, one from between, one alone. */
	ck_assert_uint_eq(r->flashed, 134);
	ck_assert_uint_eq(r->starts, 134);
	ck_assert_uint_eq(r->in_flight_max, 20);
	trial_free(r);
}
END_TEST

START_TEST(waves_wait_for_each_other)
{
	const struct trial_rates none = {.seldom = 0};
	struct campaign_spec *s = spec_of();
	struct trial_result *r;
	int opened = 0;

	waves_into(s, true);
	r = try_out(2, s, 60, &none, NULL);
	adds_up(r, 2, 60, 20);
	ck_assert_int_eq(r->end, TRIAL_OVER);
	ck_assert_uint_eq(r->wave_count, 3);
	ck_assert_uint_eq(r->wave[0].total, 3);
	ck_assert_uint_eq(r->wave[1].total, 6);
	for (size_t i = 0; i < r->line_count; i++) {
		const char *text = r->line[i].text;

		if (i > 0)
			ck_assert(r->line[i].wall >= r->line[i - 1].wall);
		if (strcmp(text, "wave rest: open") == 0)
			ck_assert(r->line[i].wall >= BEGIN + 2 * HOUR);
		opened += strstr(text, ": open") != NULL;
	}
	ck_assert_int_eq(opened, 3);
	trial_free(r);
}
END_TEST

START_TEST(a_brick_pauses)
{
	const struct trial_rates bricks = {.brick = 500000};
	struct trial_result *r = try_out(3, spec_of(), 200, &bricks, NULL);

	ck_assert_int_eq(r->end, TRIAL_PAUSED);
	ck_assert_int_eq(r->reason, PAUSE_RULE);
	ck_assert(r->bricked >= 2);
	ck_assert_ptr_nonnull(strstr(r->reason_text, "silent"));
	trial_free(r);
}
END_TEST

static bool
at_once(void *arg)
{
	(void)arg;
	return true;
}

START_TEST(it_can_be_stopped)
{
	struct trial_result *r =
	    try_out(4, spec_of(), 500, &trial_rates, at_once);

	ck_assert_int_eq(r->end, TRIAL_STOPPED);
	trial_free(r);
}
END_TEST

/* Random campaigns on random fleets. */
START_TEST(all_of_them_add_up)
{
	uint64_t hashes = 0;

	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct trial_result *r[2];
		int in_flight = 0;
		size_t n = 0;

		for (int i = 0; i < 2; i++) {
			struct campaign_spec *s = spec_of();
			struct trial_rates rates = {.seldom = 0};
			struct prng chance;
			uint32_t *f = &rates.no_ack;

			prng_init(&chance, seed);
			n = 1 + (size_t)prng_below(&chance, 80);
			in_flight = 1 + (int)prng_below(&chance, 30);
			s->pace.in_flight = in_flight;
			s->pace.start_per_hour =
			    (int64_t)prng_below(&chance, 3600) + 10;
			s->windows_always = prng_below(&chance, 2) == 0;
			(void)snprintf(s->timezone, sizeof(s->timezone), "UTC");
			s->max_download_retry = (int)prng_below(&chance, 4);
			if (prng_below(&chance, 2) == 0)
				waves_into(s, prng_below(&chance, 2) == 0);
			for (size_t k = 0; k < sizeof(rates) / sizeof(*f);
			     k++)
				f[k] = (uint32_t)prng_below(&chance, 100000);
			r[i] = try_out(seed, s, n, &rates, NULL);
			adds_up(r[i], seed, n, in_flight);
		}
		ck_assert_msg(r[0]->hash == r[1]->hash &&
			r[0]->end_wall == r[1]->end_wall,
		    "seed %llu: two runs differ", (unsigned long long)seed);
		hashes ^= r[0]->hash;
		trial_free(r[0]);
		trial_free(r[1]);
	}
	ck_assert(hashes != 0);
}
END_TEST

/* --- plans -----------------------------------------------------------------*/

static const struct core_now now = {.at_ms = 1000, .wall_ms = BEGIN,
    .boot_ms = 1000};

/* Ten devices: three to go two hops, two to go one, one that is there, one that
 * no package leads from, one above the target, two that were never read. */
static struct core *
core_of(struct fx *fx, struct campaign_spec *s)
{
	static const char *const version[] = {"0A03", "0A03", "0A03", "0A04",
	    "0A04", "0A09", "0A01", "0B00", "", ""};
	struct core *c = core_new(&core_cfg, 1);
	struct flags_rec flags = {0};
	struct stamp_rec stamp = {0};

	fx_init(fx);
	ck_assert_ptr_nonnull(c);
	core_load_flags(c, &flags, &stamp);
	s->devices = calloc(10, sizeof(*s->devices));
	ck_assert_ptr_nonnull(s->devices);
	for (int i = 0; i < 10; i++) {
		struct device_rec d = {.registered = true,
		    .last_seen_wall = BEGIN - 12 * HOUR};
		char id[DEVID_MAX + 1];

		(void)snprintf(id, sizeof(id), "8600000000000%u",
		    (unsigned)i % 10);
		ck_assert_int_eq(devid_parse(span_str(id), &s->devices[i]),
		    0);
		d.key = s->devices[i].key;
		(void)snprintf(d.id, sizeof(d.id), "%s", id);
		(void)snprintf(d.mcu, sizeof(d.mcu), "%s", version[i]);
		if (i < 9)
			ck_assert_int_eq(core_load_device(c, &d), 0);
	}
	s->device_count = 10;
	ck_assert_int_eq(core_load_done(c, now, -1, false, fx), 0);
	return c;
}

static void
core_gone(struct core *c, struct fx *fx)
{
	core_free(c);
	opbuf_done(&fx->ops);
	fx_done(fx);
}

START_TEST(a_plan_counts_everybody_once)
{
	struct campaign_spec *s = spec_of();
	struct errtext err = {0};
	size_t sum = 0, in_waves = 0;
	struct plan *p;
	struct fx fx;
	struct core *c = core_of(&fx, s);

	waves_into(s, true);
	ck_assert_int_eq(core_plan(c, s, now, nights, NULL, true, &p, &err),
	    0);
	ck_assert_uint_eq(p->total, 10);
	for (size_t i = 0; i < p->wave_count; i++)
		in_waves += p->wave[i].total;
	ck_assert_uint_eq(in_waves, 10);
	ck_assert_uint_eq(p->skipped[CAUSE_UP_TO_DATE], 1);
	ck_assert_uint_eq(p->skipped[CAUSE_NO_PATH], 2);
	for (size_t i = 0; i < p->path_count; i++)
		sum += p->path[i].count;
	for (size_t i = 0; i < CAUSE_COUNT_; i++)
		sum += p->skipped[i];
	ck_assert_uint_eq(sum, 10);
	ck_assert_str_eq(p->path[0].from, "0A03");
	ck_assert_int_eq(p->path[0].hops, 2);
	ck_assert_uint_eq(p->path[0].bytes, 600000);
	ck_assert_uint_eq(p->bytes, 3 * 600000 + 2 * 300000);
	ck_assert_uint_eq(p->bytes_unknown, 2);
	ck_assert_uint_eq(p->never_heard, 1);
	ck_assert_uint_eq(p->waves_held, 2);
	/* Two soaks of an hour lie between begin and end. */
	ck_assert(p->finish_wall > BEGIN + 2 * HOUR);
	ck_assert(p->finish_wall < BEGIN + 12 * HOUR);
	plan_free(p);
	spec_free(s);
	core_gone(c, &fx);
}
END_TEST

START_TEST(a_plan_knows_the_hours)
{
	struct campaign_spec *s = spec_of();
	struct errtext err = {0};
	struct plan *p;
	struct fx fx;
	struct core *c = core_of(&fx, s);

	s->windows_always = false;
	(void)snprintf(s->timezone, sizeof(s->timezone), "UTC");
	ck_assert_int_eq(core_plan(c, s, now, nights, NULL, false, &p, &err),
	    0);
	/* BEGIN is 08:00: they spoke at 20:00, and nobody starts by day. */
	ck_assert_int_eq(BEGIN % (24 * HOUR), 8 * HOUR);
	ck_assert_uint_eq(p->outside_window, 6);
	ck_assert(p->finish_wall > BEGIN + 16 * HOUR);
	plan_free(p);

	/* Not within the schedule. */
	s->schedule.end_wall = BEGIN + 10 * HOUR;
	ck_assert_int_eq(core_plan(c, s, now, nights, NULL, false, &p, &err),
	    0);
	ck_assert_int_eq(p->finish_wall, 0);
	plan_free(p);
	(void)snprintf(s->timezone, sizeof(s->timezone), "Nowhere");
	ck_assert_int_eq(core_plan(c, s, now, nights, NULL, false, &p, &err),
	    0);
	ck_assert_int_eq(p->finish_wall, 0);
	plan_free(p);
	spec_free(s);
	core_gone(c, &fx);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("trial");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_test(t, nothing_fails);
	tcase_add_test(t, waves_wait_for_each_other);
	tcase_add_test(t, a_brick_pauses);
	tcase_add_test(t, it_can_be_stopped);
	tcase_add_test(t, all_of_them_add_up);
	tcase_add_test(t, a_plan_counts_everybody_once);
	tcase_add_test(t, a_plan_knows_the_hours);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed > 0;
}
