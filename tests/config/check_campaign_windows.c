/* What a campaign file may say of hours, zones and its schedule. */
#include "config.h"
#include "config/campaign_file.h"

#include "base/wtime.h"
#include "diag.h"

#define HEAD \
	"campaign: c1\n" \
	"targets: {devices: [A000002B41DEE0]}\n" \
	"require: {device_type: [GV620MG]}\n" \
	"target_version: \"\"\n" \
	"packages: [{from: any, to: \"\", url: \"http://x/y.enc\"}]\n"
#define ZONE "timezone: Europe/Berlin\n"

static void
digest(void *arg, const char *const *part, const size_t *len, size_t count,
    char ret[DIGEST_TEXT])
{
	(void)arg;
	(void)part;
	(void)len;
	(void)count;
	(void)snprintf(ret, DIGEST_TEXT, "%s", "d");
}

static struct campaign_spec *
parse(const char *text, double scale, bool stored, struct sbuf *diag)
{
	const struct campaign_env env = {.digest = digest, .public_url = "",
	    .time_scale = scale, .stored = stored};
	struct campaign_spec *s = NULL;

	sbuf_init(diag, 0);
	if (campaign_parse("c.yaml", text, strlen(text), &env, &s, diag,
		NULL) < 0)
		ck_assert_ptr_null(s);
	return s;
}

static struct campaign_spec *
good(const char *rest, const char *diag_part)
{
	struct campaign_spec *s;
	struct sbuf text, diag;

	sbuf_init(&text, 0);
	sbuf_addf(&text, HEAD "%s", rest);
	s = parse(sbuf_str(&text), 1, false, &diag);
	if (s == NULL || (diag_part == NULL && diag.len > 0))
		ck_abort_msg("%s\n---\n%s", rest, sbuf_str(&diag));
	if (diag_part != NULL)
		expect_in(rest, &diag, diag_part);
	sbuf_done(&diag);
	sbuf_done(&text);
	return s;
}

static void
bad(const char *rest, const char *part)
{
	struct campaign_spec *s;
	struct sbuf text, diag;

	sbuf_init(&text, 0);
	sbuf_addf(&text, HEAD "%s", rest);
	s = parse(sbuf_str(&text), 1, false, &diag);
	if (s != NULL)
		ck_abort_msg("%s\n--- was taken", rest);
	expect_in(rest, &diag, part);
	sbuf_done(&diag);
	sbuf_done(&text);
}

START_TEST(values)
{
	struct campaign_spec *s = good("windows:\n"
	    "  - {days: [mon, sun], from: '01:00', to: '05:30'}\n"
	    "  - {from: '22:00', to: '06:00'}\n"
	    "  - {days: [sat], from: '00:00', to: '00:00'}\n"
	    ZONE "fallback_timezone: UTC\n"
	    "schedule: {start: '2027-01-01T00:00:00+01:00', "
	    "end: 2027-02-01T00:00:00Z, at_end: cancel}\n", NULL);
	int64_t wall;

	ck_assert(!s->windows_always);
	ck_assert_uint_eq(s->window_count, 3);
	ck_assert_uint_eq(s->windows[0].days, 0x41);
	ck_assert_int_eq(s->windows[0].from_min, 60);
	ck_assert_int_eq(s->windows[0].to_min, 330);
	ck_assert_uint_eq(s->windows[1].days, 0x7f);
	ck_assert_int_eq(s->windows[1].from_min, 1320);
	ck_assert_int_eq(s->windows[1].to_min, 1800);
	ck_assert_uint_eq(s->windows[2].days, 0x20);
	ck_assert_int_eq(s->windows[2].from_min, 0);
	ck_assert_int_eq(s->windows[2].to_min, 1440);
	ck_assert_str_eq(s->timezone, "Europe/Berlin");
	ck_assert_str_eq(s->fallback_timezone, "UTC");
	ck_assert(!s->timezone_device);
	ck_assert_int_eq(wtime_parse(span_str("2026-12-31T23:00:00Z"), &wall),
	    0);
	ck_assert_int_eq(s->schedule.start_wall, wall);
	ck_assert_int_eq(wtime_parse(span_str("2027-02-01T00:00:00Z"), &wall),
	    0);
	ck_assert_int_eq(s->schedule.end_wall, wall);
	ck_assert(s->schedule.cancel);
	spec_free(s);

	s = good("windows: always\n", NULL);
	ck_assert(s->windows_always);
	ck_assert_uint_eq(s->window_count, 0);
	ck_assert_int_eq(s->schedule.start_wall, 0);
	ck_assert_int_eq(s->schedule.end_wall, 0);
	ck_assert(!s->schedule.cancel);
	spec_free(s);

	s = good("windows: [{from: '01:00', to: '05:00'}]\ntimezone: device\n"
	    "fallback_timezone: Asia/Tokyo\n", NULL);
	ck_assert(s->timezone_device);
	ck_assert_str_eq(s->timezone, "");
	spec_free(s);
}
END_TEST

START_TEST(hours)
{
	bad("windows: []\n" ZONE, "c.yaml:6:10: windows: names no hours, "
	    "allowed is the word always, or 1..100 entries\n");
	bad("windows: [{from: '01:00', to: '01:00'}]\n" ZONE,
	    "c.yaml:6:31: windows[0].to: is the same as from, allowed is "
	    "another time; a whole day is 00:00 to 00:00\n");
	bad("windows: [{from: '01:00', to: '24:00'}]\n" ZONE,
	    "c.yaml:6:31: windows[0].to: \"24:00\" is not a time of day");
	bad("windows: [{from: '1:00', to: '05:00'}]\n" ZONE,
	    "c.yaml:6:18: windows[0].from: \"1:00\" is ");
	bad("windows: [{to: '05:00'}]\n" ZONE,
	    "c.yaml:6:11: windows[0].from: is missing\n");
	bad("windows: [{days: [xmas], from: '01:00', to: '05:00'}]\n" ZONE,
	    "c.yaml:6:19: windows[0].days[0]: \"xmas\" is not one of mon, ");
	bad("windows: [{days: mon, from: '01:00', to: '05:00'}]\n" ZONE,
	    "c.yaml:6:18: windows[0].days: is no list");
	bad("windows: allways\n", "c.yaml:6:10: windows: is neither the word "
	    "always nor a list\n");
	bad("windows: {from: '01:00', to: '05:00'}\n" ZONE,
	    "c.yaml:6:10: windows: is neither the word always nor a list\n");
}
END_TEST

START_TEST(too_many)
{
	struct sbuf text;

	sbuf_init(&text, 0);
	sbuf_adds(&text, ZONE "windows:\n");
	for (int i = 0; i < WINDOWS_MAX; i++)
		sbuf_adds(&text, "  - {from: '01:00', to: '05:00'}\n");
	spec_free(good(sbuf_str(&text), NULL));
	sbuf_adds(&text, "  - {from: '01:00', to: '05:00'}\n");
	bad(sbuf_str(&text), "windows: has too many entries, allowed is "
	    "1..100\n");
	sbuf_done(&text);
}
END_TEST

START_TEST(zones)
{
#define NIGHT "windows: [{from: '01:00', to: '05:00'}]\n"
	bad(NIGHT, "c.yaml:1:1: timezone: is needed with windows, allowed is "
	    "an IANA name such as Europe/Berlin, or device\n");
	bad(NIGHT "timezone: Europe/Brelin\n", "c.yaml:7:11: timezone: "
	    "\"Europe/Brelin\" is no time zone, allowed is an IANA name such "
	    "as Europe/Berlin; did you mean \"Europe/Berlin\"?\n");
	bad(NIGHT "timezone: europe/berlin\n", "did you mean \"Europe/Berlin\"");
	bad(NIGHT "timezone: Berlin\n", "did you mean \"Europe/Berlin\"");
	bad(NIGHT "timezone: Mars/Olympus_Mons\n",
	    "\"Mars/Olympus_Mons\" is no time zone, allowed is an IANA name "
	    "such as Europe/Berlin\n");
	bad(NIGHT "timezone: '+01:00'\n", "\"+01:00\" is no time zone");
	bad(NIGHT "timezone: CET-1CEST\n", "is no time zone");
	bad(NIGHT "timezone: right/Europe/Berlin\n", "is no time zone");
	bad(NIGHT "timezone: Europe/../Europe/Berlin\n", "is no time zone");
	bad(NIGHT "timezone: Europe\n", "is no time zone");
	bad(NIGHT "timezone: zone1970.tab\n", "is no time zone");
	bad(NIGHT "timezone: /etc/localtime\n", "is no time zone");
	bad(NIGHT ZONE "fallback_timezone: Asia/Tokio\n", "c.yaml:8:20: "
	    "fallback_timezone: \"Asia/Tokio\" is no time zone, allowed is an "
	    "IANA name such as Europe/Berlin; did you mean \"Asia/Tokyo\"?\n");
	spec_free(good(NIGHT "timezone: device\n", "warning: c.yaml:7:11: "
	    "timezone: without a fallback_timezone a device that has none in "
	    "the inventory never starts\n"));
	spec_free(good("windows: always\n" ZONE, NULL));
	spec_free(good(NIGHT "timezone: UTC\n", NULL));
	spec_free(good(NIGHT "timezone: America/Argentina/Ushuaia\n", NULL));
	spec_free(good(NIGHT "timezone: Etc/GMT+5\n", NULL));
}
END_TEST

START_TEST(fit)
{
	bad("windows: [{from: '01:00', to: '02:10'}]\n" ZONE,
	    "c.yaml:6:11: windows[0]: is open for 70m, and an update takes up "
	    "to 71m: with window_fit none would ever start, allowed is at "
	    "least as much, or window_fit: false\n");
	bad("windows: [{from: '01:00', to: '05:00'}, "
	    "{days: [sun], from: '06:00', to: '06:30'}]\n" ZONE,
	    "c.yaml:6:41: windows[1]: is open for 30m");
	spec_free(good("windows: [{from: '01:00', to: '02:11'}]\n" ZONE,
	    NULL));
	spec_free(good("windows: [{from: '01:00', to: '01:01'}]\n" ZONE
	    "window_fit: false\n", NULL));
	/* What it touches is open as well, also over the end of the week. */
	spec_free(good("windows: [{days: [sun], from: '23:30', to: '00:00'}, "
	    "{days: [mon], from: '00:00', to: '00:41'}]\n" ZONE, NULL));
	bad("windows: [{days: [sun], from: '23:30', to: '00:00'}, "
	    "{days: [mon], from: '00:00', to: '00:40'}]\n" ZONE,
	    "windows[0]: is open for 70m");
	/* Never closed: longer than a week fits, too. */
	spec_free(good("windows: [{from: '00:00', to: '00:00'}]\n" ZONE
	    "timeouts: {install: 7d, confirm: 7d}\n", NULL));
}
END_TEST

/* The worst case is divided by the time scale, a window is not. */
START_TEST(time_scale)
{
	const char *text = HEAD ZONE
	    "windows: [{from: '01:00', to: '01:10'}]\n";
	struct campaign_spec *s;
	struct sbuf diag;

	s = parse(text, 10, false, &diag);
	ck_assert_msg(s != NULL, "%s", sbuf_str(&diag));
	spec_free(s);
	sbuf_done(&diag);
	s = parse(text, 5, false, &diag);
	ck_assert_ptr_null(s);
	sbuf_done(&diag);
}
END_TEST

/* A text that was taken once stays readable: the machine may have lost a zone,
 * or have been started with another time scale. */
START_TEST(stored)
{
	struct campaign_spec *s;
	struct sbuf diag;

	s = parse(HEAD "windows: [{from: '01:00', to: '01:10'}]\n"
	    "timezone: Europe/Atlantis\n", 1, true, &diag);
	ck_assert_msg(s != NULL, "%s", sbuf_str(&diag));
	ck_assert_str_eq(s->timezone, "Europe/Atlantis");
	spec_free(s);
	sbuf_done(&diag);
}
END_TEST

START_TEST(schedule)
{
	bad("windows: always\nschedule: {start: tomorrow}\n",
	    "c.yaml:7:19: schedule.start: \"tomorrow\" is not a time with date "
	    "and zone, allowed RFC 3339, such as 2027-01-31T04:00:00Z\n");
	bad("windows: always\nschedule: {start: '2027-01-01T00:00:00'}\n",
	    "schedule.start: ");
	bad("windows: always\nschedule: {end: 2027-02-30T00:00:00Z}\n",
	    "schedule.end: ");
	bad("windows: always\nschedule: {end: 1969-02-03T00:00:00Z}\n",
	    "c.yaml:7:17: schedule.end: lies before 1970\n");
	bad("windows: always\nschedule: {start: 2027-01-01T00:00:00Z, "
	    "end: '2027-01-01T01:00:00+01:00'}\n",
	    "c.yaml:7:46: schedule.end: is not after schedule.start\n");
	bad("windows: always\nschedule: {at_end: abort}\n",
	    "c.yaml:7:20: schedule.at_end: \"abort\" is not one of stop, "
	    "cancel");
	spec_free(good("windows: always\nschedule: {end: "
	    "2027-01-01T00:00:00Z}\n", NULL));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("campaign_windows");
	TCase *tc = tcase_create("windows");
	SRunner *r;
	int failed;

	tcase_add_test(tc, values);
	tcase_add_test(tc, hours);
	tcase_add_test(tc, too_many);
	tcase_add_test(tc, zones);
	tcase_add_test(tc, fit);
	tcase_add_test(tc, time_scale);
	tcase_add_test(tc, stored);
	tcase_add_test(tc, schedule);
	suite_add_tcase(suite, tc);
	r = srunner_create(suite);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
