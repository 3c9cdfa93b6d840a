/* Windows in UTC against a second opinion: the C library's own reading of the
 * zone files, minute by minute, and dates that people have written down. */
#include "config.h"
#include "config/zone.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/prng.h"
#include "base/wtime.h"
#include "core/plant.h"

#define MINUTE_MS INT64_C(60000)
#define DAY_MIN 1440

static int64_t
wall(const char *text)
{
	int64_t r = 0;

	if (wtime_parse(span_str(text), &r) < 0)
		ck_abort_msg("%s: no time", text);
	return r;
}

/* --- written down ----------------------------------------------------------*/

/* One window, days as bits, and the one that begins in [from, to). */
static void
expect_one(const char *zone, unsigned days, const char *hours,
    const char *from, const char *to, const char *want)
{
	struct spec_window w = {.days = days};
	struct wall_span *v;
	char a[WTIME_TEXT], b[WTIME_TEXT], have[200] = "";
	int h1, m1, h2, m2;
	size_t n;

	ck_assert_int_eq(sscanf(hours, "%d:%d-%d:%d", &h1, &m1, &h2, &m2), 4);
	w.from_min = h1 * 60 + m1;
	w.to_min = h2 * 60 + m2;
	if (w.to_min <= w.from_min)
		w.to_min += DAY_MIN;
	ck_assert_int_eq(zone_windows(zone, &w, 1, wall(from), wall(to), &v,
	    &n), 0);
	for (size_t i = 0; i < n; i++)
		(void)snprintf(have + strlen(have),
		    sizeof(have) - strlen(have), "%s%.16s %.16s",
		    i == 0 ? "" : ", ", wtime_format(v[i].from_wall, a),
		    wtime_format(v[i].to_wall, b));
	free(v);
	if (strcmp(have, want) != 0)
		ck_abort_msg("%s %s %s: %s, not %s", zone, hours, from, have,
		    want);
}

#define EVERY 0x7fu

START_TEST(plain)
{
	expect_one("UTC", EVERY, "01:00-05:00", "2026-11-23T00:00:00Z",
	    "2026-11-24T00:00:00Z", "2026-11-23T01:00 2026-11-23T05:00");
	/* The day is that of the begin, in the zone: Monday 22:00 in Tokyo is
	 * 13:00 UTC; Monday 05:00 there is still Sunday in UTC. */
	expect_one("Asia/Tokyo", 1, "22:00-02:00", "2026-11-22T00:00:00Z",
	    "2026-11-29T00:00:00Z", "2026-11-23T13:00 2026-11-23T17:00");
	expect_one("Asia/Tokyo", 1, "05:00-08:00", "2026-11-22T00:00:00Z",
	    "2026-11-29T00:00:00Z", "2026-11-22T20:00 2026-11-22T23:00");
	/* Whole days touch: one span, clipped to what was asked for. */
	expect_one("Europe/Berlin", EVERY, "00:00-00:00",
	    "2026-03-01T00:00:00Z", "2026-11-01T00:00:00Z",
	    "2026-03-01T00:00 2026-11-01T00:00");
	expect_one("Europe/Berlin", 1, "00:00-00:00", "2026-11-20T00:00:00Z",
	    "2026-11-27T00:00:00Z", "2026-11-22T23:00 2026-11-23T23:00");
	expect_one("Asia/Kathmandu", 4, "06:00-07:30", "2026-11-23T00:00:00Z",
	    "2026-11-30T00:00:00Z", "2026-11-25T00:15 2026-11-25T01:45");
	/* One that began before, and one that ends after. */
	expect_one("UTC", EVERY, "22:00-02:00", "2026-11-23T01:00:00Z",
	    "2026-11-23T23:00:00Z", "2026-11-23T01:00 2026-11-23T02:00, "
	    "2026-11-23T22:00 2026-11-23T23:00");
}
END_TEST

/* Berlin, 2026-03-29: 02:00 is followed by 03:00 (01:00 UTC). */
START_TEST(gap)
{
#define SPRING "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"
	expect_one("Europe/Berlin", EVERY, "01:00-05:00", SPRING,
	    "2026-03-29T00:00 2026-03-29T03:00");
	expect_one("Europe/Berlin", EVERY, "02:30-05:00", SPRING,
	    "2026-03-29T01:00 2026-03-29T03:00");
	expect_one("Europe/Berlin", EVERY, "01:00-02:30", SPRING,
	    "2026-03-29T00:00 2026-03-29T01:00");
	expect_one("Europe/Berlin", EVERY, "02:10-02:50", SPRING, "");
	expect_one("Europe/Berlin", EVERY, "02:00-03:00", SPRING, "");
	expect_one("Europe/Berlin", EVERY, "02:00-03:30", SPRING,
	    "2026-03-29T01:00 2026-03-29T01:30");
	/* Half an hour on Lord Howe: 02:00 is 02:30, 2026-10-04. */
	expect_one("Australia/Lord_Howe", EVERY, "02:15-04:00",
	    "2026-10-03T12:00:00Z", "2026-10-04T10:00:00Z",
	    "2026-10-03T15:30 2026-10-03T17:00");
	/* A whole day was left out in Samoa: the last of 2011 but one. */
	expect_one("Pacific/Apia", EVERY, "01:00-05:00",
	    "2011-12-29T00:00:00Z", "2012-01-01T00:00:00Z",
	    "2011-12-29T11:00 2011-12-29T15:00, "
	    "2011-12-30T11:00 2011-12-30T15:00, "
	    "2011-12-31T11:00 2011-12-31T15:00");
	/* Midnight itself is left out in Cairo, 2026-04-24. */
	expect_one("Africa/Cairo", 0x10, "00:00-02:00",
	    "2026-04-23T12:00:00Z", "2026-04-24T12:00:00Z",
	    "2026-04-23T22:00 2026-04-23T23:00");
}
END_TEST

/* Berlin, 2026-10-25: 03:00 is followed by 02:00 (01:00 UTC). */
START_TEST(overlap)
{
#define AUTUMN "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z"
	expect_one("Europe/Berlin", EVERY, "01:00-05:00", AUTUMN,
	    "2026-10-24T23:00 2026-10-25T04:00");
	expect_one("Europe/Berlin", EVERY, "02:30-05:00", AUTUMN,
	    "2026-10-25T00:30 2026-10-25T04:00");
	expect_one("Europe/Berlin", EVERY, "01:00-02:30", AUTUMN,
	    "2026-10-24T23:00 2026-10-25T01:30");
	expect_one("Europe/Berlin", EVERY, "02:10-02:50", AUTUMN,
	    "2026-10-25T00:10 2026-10-25T01:50");
	expect_one("Europe/Berlin", EVERY, "02:00-03:00", AUTUMN,
	    "2026-10-25T00:00 2026-10-25T02:00");
	/* Where midnight comes twice (Havana, 2026-11-01, 01:00 is 00:00), the
	 * night before ends with the second. */
	expect_one("America/Havana", 0x20, "22:00-00:30",
	    "2026-10-31T12:00:00Z", "2026-11-01T12:00:00Z",
	    "2026-11-01T02:00 2026-11-01T05:30");
}
END_TEST

START_TEST(no_zone)
{
	static const char *const bad[] = {"", "Europe/Nowhere", "+01:00",
	    "Europe", "../Europe/Berlin", "posixrules", "right/UTC",
	    "Europe/Berlin ", "tzdata.zi"};
	const struct spec_window w = {EVERY, 0, 60};
	struct wall_span *v;
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		ck_assert_msg(!zone_known(bad[i]), "%s", bad[i]);
		ck_assert_int_eq(zone_windows(bad[i], &w, 1, 0, 1000, &v, &n),
		    ZONE_UNKNOWN);
	}
	ck_assert(zone_known("Europe/Berlin"));
}
END_TEST

/* --- minute by minute ------------------------------------------------------*/

static const char *const zones[] = {"UTC", "Europe/Berlin", "Europe/London",
    "Europe/Dublin", "Europe/Lisbon", "Europe/Moscow", "Europe/Istanbul",
    "America/New_York", "America/Los_Angeles", "America/Phoenix",
    "America/Sao_Paulo", "America/St_Johns", "America/Havana",
    "America/Santiago", "America/Asuncion", "America/Nuuk",
    "America/Caracas", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Tehran",
    "Asia/Gaza", "Asia/Tokyo", "Asia/Shanghai", "Asia/Beirut",
    "Asia/Pyongyang", "Africa/Cairo", "Africa/Casablanca",
    "Africa/El_Aaiun", "Africa/Johannesburg", "Antarctica/Troll",
    "Australia/Sydney", "Australia/Lord_Howe", "Australia/Adelaide",
    "Pacific/Auckland", "Pacific/Chatham", "Pacific/Apia",
    "Pacific/Kiritimati", "Pacific/Marquesas", "Pacific/Easter"};

#define SPAN_DAYS 12
#define SPAN_MIN (SPAN_DAYS * DAY_MIN)

/* The local clock at each minute, as if it were UTC, in minutes. */
struct opinion {
	int64_t local[SPAN_MIN];
	int64_t most[SPAN_MIN];  /* shown until now */
	int64_t least[SPAN_MIN]; /* shown from now on */
};

static void
listen_to(struct opinion *o, const char *zone, int64_t from_s)
{
	ck_assert_int_eq(setenv("TZ", zone, 1), 0);
	tzset();
	for (int i = 0; i < SPAN_MIN; i++) {
		time_t t = (time_t)(from_s + i * 60);
		struct tm tm;

		ck_assert_ptr_nonnull(localtime_r(&t, &tm));
		o->local[i] = ((int64_t)t + tm.tm_gmtoff) / 60;
	}
	o->most[0] = o->local[0];
	for (int i = 1; i < SPAN_MIN; i++)
		o->most[i] = MAX_OF(o->most[i - 1], o->local[i]);
	o->least[SPAN_MIN - 1] = o->local[SPAN_MIN - 1];
	for (int i = SPAN_MIN - 1; i > 0; i--)
		o->least[i - 1] = MIN_OF(o->least[i], o->local[i - 1]);
}

/* By the words of the manual: `from` has been shown, and something before `to`
 * is still to be shown. */
static bool
open_at(const struct opinion *o, int i, const struct spec_window *w, size_t n)
{
	int64_t today = o->local[i] / DAY_MIN;

	for (int64_t day = today - 3; day <= today + 2; day++)
		for (size_t k = 0; k < n; k++) {
			int64_t from = day * DAY_MIN + w[k].from_min;
			int64_t to = day * DAY_MIN + w[k].to_min;

			if ((w[k].days >> ((day + 3) % 7) & 1) != 0 &&
			    o->most[i] >= from && o->least[i] < to)
				return true;
		}
	return false;
}

/* An instant shortly before some change of the clocks between 1990 and 2045,
 * or any at all where there is none. */
static int64_t
draw_from_s(struct prng *g, const char *zone)
{
	int64_t begin = wall("1990-01-01T00:00:00Z") / 1000;
	/* Behind 2037 zones are given by a rule, and GLib (2.74) misreads the
	 * one of Dublin, where winter is what deviates. */
	int64_t years = (int64_t)(prng_unit(g) *
	    (strcmp(zone, "Europe/Dublin") == 0 ? 46 : 55));
	int64_t t = begin + years * 31556952 +
	    (int64_t)(prng_unit(g) * 365) * 86400;

	ck_assert_int_eq(setenv("TZ", zone, 1), 0);
	tzset();
	for (int day = 0; day < 400; day++) {
		time_t a = (time_t)(t + day * 86400), b = a + 86400;
		struct tm x, y;

		ck_assert_ptr_nonnull(localtime_r(&a, &x));
		ck_assert_ptr_nonnull(localtime_r(&b, &y));
		if (x.tm_gmtoff != y.tm_gmtoff)
			return (int64_t)a -
			    (3 + (int64_t)(prng_unit(g) * 6)) * 86400;
	}
	return t;
}

static size_t
draw_windows(struct prng *g, struct spec_window *w)
{
	size_t n = 1 + (size_t)(prng_unit(g) * 3);

	for (size_t i = 0; i < n; i++) {
		/* Most of what can go wrong is at night. */
		int from = prng_unit(g) < 0.7 ? (int)(prng_unit(g) * 240)
					      : (int)(prng_unit(g) * 1440);
		int len = prng_unit(g) < 0.5
		    ? 1 + (int)(prng_unit(g) * 180)
		    : 1 + (int)(prng_unit(g) * 1440);

		w[i].days = 1 + (unsigned)(prng_unit(g) * 127);
		w[i].from_min = from;
		w[i].to_min = from + len;
	}
	return n;
}

static void
compare(const struct opinion *o, const char *zone, const struct spec_window *w,
    size_t n, int64_t from_s, uint64_t seed)
{
	int64_t from = from_s * 1000, to = (from_s + SPAN_MIN * 60) * 1000;
	struct wall_span *v;
	size_t count, at = 0;
	char when[WTIME_TEXT];

	/* What the begin and the end cannot know of is left out. */
	from += 4 * DAY_MIN * MINUTE_MS;
	to -= 4 * DAY_MIN * MINUTE_MS;
	ck_assert_int_eq(zone_windows(zone, w, n, from, to, &v, &count), 0);
	for (size_t i = 0; i < count; i++) {
		ck_assert(v[i].from_wall < v[i].to_wall);
		ck_assert(v[i].from_wall >= from && v[i].to_wall <= to);
		ck_assert(i == 0 || v[i - 1].to_wall < v[i].from_wall);
	}
	for (int64_t t = from; t < to; t += MINUTE_MS) {
		int i = (int)((t - from_s * 1000) / MINUTE_MS);
		bool have;

		while (at < count && v[at].to_wall <= t)
			at++;
		have = at < count && v[at].from_wall <= t;
		if (have != open_at(o, i, w, n))
			ck_abort_msg("seed %" PRIu64 ": %s, %d-%d on %02x (and "
			    "%zu more): %s at %s", seed, zone, w[0].from_min,
			    w[0].to_min, w[0].days, n - 1,
			    have ? "open" : "closed", wtime_format(t, when));
	}
	free(v);
}

START_TEST(minute_by_minute)
{
	const char *seed_text = getenv("SEED"), *rounds_text = getenv("ROUNDS");
	uint64_t seed = seed_text == NULL
	    ? (uint64_t)time(NULL) : strtoull(seed_text, NULL, 10);
	long rounds = rounds_text == NULL ? 2 : strtol(rounds_text, NULL, 10);
	struct opinion *o = malloc(sizeof(*o));
	struct spec_window w[3];
	struct prng g;

	ck_assert_ptr_nonnull(o);
	(void)printf("SEED=%" PRIu64 "\n", seed);
	(void)fflush(stdout);
	prng_init(&g, seed);
	for (long k = 0; k < rounds; k++)
		for (size_t z = 0; z < ARRAY_LEN(zones); z++) {
			int64_t from_s = draw_from_s(&g, zones[z]);

			from_s -= from_s % 60;
			listen_to(o, zones[z], from_s);
			for (int i = 0; i < 6; i++) {
				size_t n = draw_windows(&g, w);

				compare(o, zones[z], w, n, from_s, seed);
			}
		}
	free(o);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("zone");
	TCase *tc = tcase_create("zone");
	SRunner *r;
	int failed;

#ifdef PLANTED_BUGS
	plant_select(getenv("TRACKUPD_PLANT"));
#endif
	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, plain);
	tcase_add_test(tc, gap);
	tcase_add_test(tc, overlap);
	tcase_add_test(tc, no_zone);
	tcase_add_test(tc, minute_by_minute);
	suite_add_tcase(suite, tc);
	r = srunner_create(suite);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
