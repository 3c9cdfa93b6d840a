/*
 * The parts of tracksim that need no tracker: wire, ids, URLs, faults, options.
 * The vectors are SPEC's own examples where it has one.
 */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/faults.h"
#include "sim/ident.h"
#include "sim/options.h"
#include "sim/outbox.h"
#include "sim/url.h"
#include "sim/wire.h"

#define ARGS(...) (const char *[]){"tracksim", __VA_ARGS__, NULL}

static struct wire_in
parse(const char *text)
{
	struct wire_in in;

	wire_parse(span_str(text), &in);
	return in;
}

/* --- wire ----------------------------------------------------------------- */

START_TEST(test_start_of_spec)
{
	struct wire_in in = parse("AT+GTUPD=gv620mg,0,1,15,0,,,"
	    "http://218.17.46.11:998/GV620M/deltabin/GV620MG_R13A01V01.enc,,"
	    "1,,,0001$");

	ck_assert_int_eq(in.kind, WIRE_START);
	ck_assert(in.is_start);
	ck_assert_str_eq(in.password, "gv620mg");
	ck_assert_uint_eq(in.retry, 1);
	ck_assert_uint_eq(in.timeout_min, 15);
	ck_assert_str_eq(in.user, "");
	ck_assert_str_eq(in.secret, "");
	ck_assert_str_eq(in.url, "http://218.17.46.11:998/GV620M/deltabin/"
	    "GV620MG_R13A01V01.enc");
	ck_assert_uint_eq(in.update_type, 1);
	ck_assert_str_eq(in.serial, "0001");
}
END_TEST

START_TEST(test_stop_of_spec)
{
	struct wire_in in = parse("AT+GTUPD=gv620mg,1,,,,,0001$");

	ck_assert_int_eq(in.kind, WIRE_STOP);
	ck_assert(!in.is_start);
	ck_assert_str_eq(in.password, "gv620mg");
	ck_assert_str_eq(in.serial, "0001");
}
END_TEST

START_TEST(test_version_read)
{
	struct wire_in in = parse("AT+GTRTO=gv620mg,8,,,,,,00fe$");

	ck_assert_int_eq(in.kind, WIRE_REALTIME);
	ck_assert_uint_eq(in.sub, 8);
	ck_assert_str_eq(in.serial, "00FE");
}
END_TEST

START_TEST(test_sacks)
{
	struct wire_in in = parse("+SACK:11f0$");

	ck_assert_int_eq(in.kind, WIRE_SACK);
	ck_assert_str_eq(in.count, "11F0");
	in = parse("+SACK:GTHBD,C20100,11F0$");
	ck_assert_int_eq(in.kind, WIRE_SACK_HEARTBEAT);
	ck_assert_str_eq(in.count, "11F0");
	in = parse("+SACK:GTHBD,,0000$");
	ck_assert_int_eq(in.kind, WIRE_SACK_HEARTBEAT);
	ck_assert_str_eq(in.count, "0000");
	ck_assert_int_eq(parse("AT+GTQSS=gv620mg,,,,0001$").kind, WIRE_OTHER);
}
END_TEST

/* Each is one slip away from a good command. */
static const struct {
	const char *text;
	bool is_start;
} wrong[] = {
	{"AT+GTUPD=gv620mg,0,1,15,0,,,http://h/x,,1,,0001$", true},
	{"AT+GTUPD=gv620mg,0,1,15,0,,,http://h/x,,1,,,,0001$", true},
	{"AT+GTUPD=gv620mg,0,4,15,0,,,http://h/x,,1,,,0001$", true},
	{"AT+GTUPD=gv620mg,0,,15,0,,,http://h/x,,1,,,0001$", true},
	{"AT+GTUPD=gv620mg,0,1,5,0,,,http://h/x,,1,,,0001$", true},
	{"AT+GTUPD=gv620mg,0,1,04,0,,,http://h/x,,1,,,0001$", true},
	{"AT+GTUPD=gv620mg,0,1,31,0,,,http://h/x,,1,,,0001$", true},
	{"AT+GTUPD=gv620mg,0,1,15,1,,,http://h/x,,1,,,0001$", true},
	{"AT+GTUPD=gv620mg,0,1,15,0,sevenup,,http://h/x,,1,,,0001$", true},
	{"AT+GTUPD=gv620mg,0,1,15,0,,sevenup,http://h/x,,1,,,0001$", true},
	{"AT+GTUPD=gv620mg,0,1,15,0,,,http://h/x,,0,,,0001$", true},
	{"AT+GTUPD=gv620mg,0,1,15,0,,,http://h/x,,3,,,0001$", true},
	{"AT+GTUPD=gv620mg,0,1,15,0,,,http://h/x,,1,,,001$", true},
	{"AT+GTUPD=gv620mg,0,1,15,0,,,http://h/x,,1,,,000g$", true},
	{"AT+GTUPD=gv620mg,1,,,,0001$", false},
	{"AT+GTUPD=gv620mg,1,,,,,,0001$", false},
	{"AT+GTUPD=gv620mg,1,,,,,1$", false},
	{"AT+GTUPD=gv620mg,2,,,,,0001$", false},
	{"AT+GTUPD=gv620mg$", false},
	{"AT+GTUPD=aaaaaaaaaaaaaaaaaaaaa,1,,,,,0001$", false},
	{"AT+GTRTO=gv620mg,8,,,,,0001$", false},
	{"AT+GTRTO=gv620mg,,,,,,,0001$", false},
	{"AT+GTRTO=gv620mg,8,,,,,,1$", false},
	{"+SACK:$", false},
	{"+SACK:1F0$", false},
	{"+SACK:GTHBD,11F0$", false},
	{"+SACK:GTFRI,C20100,11F0$", false},
	{"AT+GTUPD=gv620mg,1,,,\x01,,0001$", false},
	{"+RESP:GTFRI$", false},
	{"$", false},
};

START_TEST(test_wrong_commands)
{
	struct wire_in in = parse(wrong[_i].text);

	ck_assert_msg(in.kind == WIRE_BAD, "%s", wrong[_i].text);
	ck_assert_ptr_nonnull(in.why);
	ck_assert_msg(in.is_start == wrong[_i].is_start, "%s", wrong[_i].text);
}
END_TEST

START_TEST(test_wrong_start_keeps_serial)
{
	struct wire_in in = parse("AT+GTUPD=gv620mg,0,9,15,0,,,http://h/x,,1,,"
	    ",00aB$");

	ck_assert(in.is_start);
	ck_assert_str_eq(in.serial, "00AB");
}
END_TEST

START_TEST(test_url_length)
{
	char url[URL_MAX + 2], text[256];
	struct wire_in in;

	memset(url, 'a', sizeof(url));
	memcpy(url, "http://h/", 9);
	url[URL_MAX] = '\0';
	(void)snprintf(text, sizeof(text),
	    "AT+GTUPD=gv620mg,0,1,15,0,,,%s,,1,,,0001$", url);
	in = parse(text);
	ck_assert_int_eq(in.kind, WIRE_START);
	ck_assert_str_eq(in.url, url);
	url[URL_MAX] = 'a';
	url[URL_MAX + 1] = '\0';
	(void)snprintf(text, sizeof(text),
	    "AT+GTUPD=gv620mg,0,1,15,0,,,%s,,1,,,0001$", url);
	ck_assert_int_eq(parse(text).kind, WIRE_BAD);
}
END_TEST

START_TEST(test_split)
{
	static const char stream[] = " \r\n+SACK:0001$+SACK:0002$\0 +SA";
	struct span rest = span_of(stream, sizeof(stream) - 1), frame;

	ck_assert_int_eq(wire_split(&rest, &frame), 1);
	ck_assert(span_is(frame, "+SACK:0001$"));
	ck_assert_int_eq(wire_split(&rest, &frame), 1);
	ck_assert(span_is(frame, "+SACK:0002$"));
	ck_assert_int_eq(wire_split(&rest, &frame), 0);
	ck_assert(span_is(rest, "+SA"));
}
END_TEST

START_TEST(test_split_endless)
{
	char stream[WIRE_IN_MAX + 1];
	struct span rest, frame;

	memset(stream, 'A', sizeof(stream));
	rest = span_of(stream, WIRE_IN_MAX - 1);
	ck_assert_int_eq(wire_split(&rest, &frame), 0);
	rest = span_of(stream, WIRE_IN_MAX);
	ck_assert_int_eq(wire_split(&rest, &frame), -1);
	/* An end behind the limit does not help. */
	stream[WIRE_IN_MAX] = '$';
	rest = span_of(stream, sizeof(stream));
	ck_assert_int_eq(wire_split(&rest, &frame), -1);
}
END_TEST

static const struct wire_unit spec_unit = {.protocol = "C20100",
	.id = "A000002B41DEE0", .name = ""};

START_TEST(test_build_acks)
{
	char buf[WIRE_OUT_MAX];
	struct wire_unit named = {.protocol = "C20100",
	    .id = "A000002B41DEE0", .name = "GV620MG"};

	ck_assert_uint_eq(wire_ack_update(buf, &spec_unit, "0001",
	    "20150201000002", 0x11F0), strlen(buf));
	ck_assert_str_eq(buf, "+ACK:GTUPD,C20100,A000002B41DEE0,,0001,"
	    "20150201000002,11F0$");
	(void)wire_ack_realtime(buf, &named, NULL, "0002", "20150201000002",
	    0xF);
	ck_assert_str_eq(buf, "+ACK:GTRTO,C20100,A000002B41DEE0,GV620MG,0002,"
	    "20150201000002,000F$");
	(void)wire_ack_realtime(buf, &named, wire_realtime_name(8), "0002",
	    "20150201000002", 0xF);
	ck_assert_str_eq(buf, "+ACK:GTRTO,C20100,A000002B41DEE0,GV620MG,VER,"
	    "0002,20150201000002,000F$");
	(void)wire_heartbeat(buf, &named, "20150201000002", 0xABCD);
	ck_assert_str_eq(buf, "+ACK:GTHBD,C20100,A000002B41DEE0,GV620MG,"
	    "20150201000002,ABCD$");
}
END_TEST

/* Worked out by hand, but for the sums. */
START_TEST(test_build_hex)
{
	static const char beat[] = "+HBD\xef\x20\xc2\x01\x00\x0a\x03"
	    "\x56\0\0\0\0\0\0\x09\x07\xdf\2\1\0\0\2\x11\xf0\xa7\x28\r\n";
	static const char ack[] = "+ACK\x15\xef\x24\xc2\x01\x00\x0a\x03"
	    "\x56\0\0\0\0\0\0\x09\0\0\1\x07\xdf\2\1\0\0\2\x11\xf0"
	    "\x1c\xad\r\n";
	static const char version[] = "+INF\6\1\x7d\0\x29\x56\0\0\0\0\0\0\x09"
	    "\xc2\x01\x00\x0a\x03\1\3\1\2\0\0\x07\xdf\2\1\0\0\2\x11\xf0"
	    "\x19\xb6\r\n";
	const struct wire_unit u = {.id = "860000000000009", .hex = true,
	    .firmware = "0A03"};
	struct wire_report r = {.kind = WIRE_VERSION, .count = 0x11f0,
	    .time = "20150201000002", .firmware = "0A03"};
	char buf[WIRE_OUT_MAX];
	size_t n;

	n = wire_heartbeat(buf, &u, "20150201000002", 0x11f0);
	ck_assert_uint_eq(n, sizeof(beat) - 1);
	ck_assert_mem_eq(buf, beat, n);
	n = wire_ack_update(buf, &u, "0001", "20150201000002", 0x11f0);
	ck_assert_uint_eq(n, sizeof(ack) - 1);
	ck_assert_mem_eq(buf, ack, n);
	n = wire_report(buf, &u, &r, false);
	ck_assert_uint_eq(n, sizeof(version) - 1);
	ck_assert_mem_eq(buf, version, n);
	ck_assert_uint_eq(wire_report(buf, &u, &r, true), n);
	ck_assert_mem_eq(buf, "+BNF", 4);
	/* Code and times stand behind motion and satellites. */
	r = (struct wire_report){.kind = WIRE_UPDATE, .count = 0x11f0,
	    .time = "20150201000002", .code = 301, .times = 2};
	n = wire_report(buf, &u, &r, true);
	ck_assert_mem_eq(buf, "+BVT\x0f\x00\x3e\x1f\xbf\0", 10);
	ck_assert_uint_eq((unsigned char)buf[10], n);
	ck_assert_mem_eq(buf + 29, "\x11\x09\x01\x2d\x02", 5);
	ck_assert_mem_eq(buf + n - 6, "\x11\xf0", 2);
	ck_assert_mem_eq(buf + n - 2, "\r\n", 2);
}
END_TEST

START_TEST(test_build_update_reports)
{
	char buf[WIRE_OUT_MAX];
	struct wire_report r = {
		.kind = WIRE_UPDATE,
		.count = 0x11F0,
		.time = "20150201020000",
		.code = 100,
	};

	(void)wire_report(buf, &spec_unit, &r, false);
	ck_assert_str_eq(buf, "+RESP:GTUPD,C20100,A000002B41DEE0,,100,,"
	    "20150201020000,11F0$");
	r.code = 200;
	r.times = 1;
	(void)wire_report(buf, &spec_unit, &r, false);
	ck_assert_str_eq(buf, "+RESP:GTUPD,C20100,A000002B41DEE0,,200,1,"
	    "20150201020000,11F0$");
	(void)wire_report(buf, &spec_unit, &r, true);
	ck_assert_str_eq(buf, "+BUFF:GTUPD,C20100,A000002B41DEE0,,200,1,"
	    "20150201020000,11F0$");
}
END_TEST

START_TEST(test_build_other_reports)
{
	char buf[WIRE_OUT_MAX];
	struct wire_report r = {
		.kind = WIRE_VERSION,
		.count = 1,
		.time = "20150201020000",
		.firmware = "0A03",
	};

	(void)wire_report(buf, &spec_unit, &r, false);
	ck_assert_str_eq(buf, "+RESP:GTVER,C20100,A000002B41DEE0,,GV620MG,"
	    "0A03,0103,20150201020000,0001$");
	r.kind = WIRE_POWER_ON;
	(void)wire_report(buf, &spec_unit, &r, false);
	ck_assert_str_eq(buf, "+RESP:GTPNA,C20100,A000002B41DEE0,,"
	    "20150201020000,0001$");
	r.kind = WIRE_POWER_OFF;
	(void)wire_report(buf, &spec_unit, &r, true);
	ck_assert_str_eq(buf, "+BUFF:GTPFA,C20100,A000002B41DEE0,,"
	    "20150201020000,0001$");
	r.kind = WIRE_POSITION;
	r.longitude_e6 = -121354335;
	r.latitude_e6 = 31222073;
	(void)wire_report(buf, &spec_unit, &r, false);
	ck_assert_ptr_nonnull(strstr(buf, ",-121.354335,31.222073,"));
	ck_assert_ptr_nonnull(strstr(buf, ",20150201020000,0001$"));
}
END_TEST

START_TEST(test_time)
{
	char buf[WIRE_TIME + 1];

	wire_time(INT64_C(1422756002), buf);
	ck_assert_str_eq(buf, "20150201020002");
	wire_time(INT64_C(1072915200), buf);
	ck_assert_str_eq(buf, "20040101000000");
	wire_time(INT64_MAX, buf);
	ck_assert_uint_eq(strlen(buf), WIRE_TIME);
}
END_TEST

/* --- ids ------------------------------------------------------------------ */

START_TEST(test_ids_imei)
{
	struct ident_range r;
	struct errtext err;
	char id[IDENT_MAX];

	/* The textbook example of the check digit. */
	ck_assert_int_eq(ident_check_digit("49015420323751", 14), '8');
	ck_assert_int_eq(ident_range_parse(span_str("490154203237518"), 3, &r,
	    &err), 0);
	ck_assert(!r.corrected);
	ident_make(&r, 0, id);
	ck_assert_str_eq(id, "490154203237518");
	ident_make(&r, 2, id);
	ck_assert_str_eq(id, "490154203237534");
	/* The vendor's own sample id fails its check. */
	ck_assert_int_eq(ident_range_parse(span_str("135790246811220"), 1, &r,
	    &err), 0);
	ck_assert(r.corrected);
}
END_TEST

START_TEST(test_ids_14)
{
	struct ident_range r;
	struct errtext err;
	char id[IDENT_MAX];

	ck_assert_int_eq(ident_range_parse(span_str("a000002b41dee0"), 33, &r,
	    &err), 0);
	ident_make(&r, 0, id);
	ck_assert_str_eq(id, "A000002B41DEE0");
	ident_make(&r, 32, id);
	ck_assert_str_eq(id, "A000002B41DF00");
	ck_assert_int_eq(ident_range_parse(span_str("86000000000009"), 2, &r,
	    &err), 0);
	ident_make(&r, 1, id);
	ck_assert_str_eq(id, "86000000000010");
}
END_TEST

START_TEST(test_ids_wrong)
{
	static const char *const bad[] = {"", "123", "1234567890123456",
		"A000002B41DEE01", "86000000000000X", "G000002B41DEE0",
		"00000000000000", "000000000000000"};
	struct ident_range r;
	struct errtext err;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(ident_range_parse(span_str(bad[i]), 1, &r,
		    &err) < 0, "%s", bad[i]);
	ck_assert_int_lt(ident_range_parse(span_str("99999999999999"), 2, &r,
	    &err), 0);
	ck_assert_int_eq(ident_range_parse(span_str("99999999999999"), 1, &r,
	    &err), 0);
	ck_assert_int_lt(ident_range_parse(span_str("FFFFFFFFFFFFFF"), 2, &r,
	    &err), 0);
}
END_TEST

/* --- URLs ----------------------------------------------------------------- */

START_TEST(test_urls)
{
	struct url u;

	ck_assert_int_eq(url_parse(span_str("http://fw.example.org:9622/a/b?c"),
	    &u), 0);
	ck_assert_str_eq(u.host, "fw.example.org");
	ck_assert_uint_eq(u.port, 9622);
	ck_assert_str_eq(u.path, "/a/b?c");
	ck_assert_int_eq(url_parse(span_str("http://10.0.0.1/x"), &u), 0);
	ck_assert_uint_eq(u.port, 80);
	ck_assert_int_eq(url_parse(span_str("http://[::1]:81/x"), &u), 0);
	ck_assert_str_eq(u.host, "::1");
	ck_assert_uint_eq(u.port, 81);
	ck_assert(u.host_is_v6);
}
END_TEST

START_TEST(test_urls_wrong)
{
	static const char *const bad[] = {"", "http://", "http:///x",
		"http://host", "https://host/x", "ftp://host/x",
		"http://host:/x", "http://host:0/x", "http://host:65536/x",
		"http://host:8o/x", "http://us er/x", "http://u@h/x",
		"http://[::1/x", "http://[::1]81/x", "http://[]/x",
		"http://h/a b", "HTTP://h/x", "//h/x"};
	struct url u;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(url_parse(span_str(bad[i]), &u) < 0, "%s",
		    bad[i]);
}
END_TEST

START_TEST(test_url_versions)
{
	char from[VERSION_MAX + 1], to[VERSION_MAX + 1];

	url_versions(span_str("http://h/t/gv620mg_0A03_0A05.enc"), from, to);
	ck_assert_str_eq(from, "0A03");
	ck_assert_str_eq(to, "0A05");
	url_versions(span_str("http://h/full_0A05.enc?k=/x_0B0B.enc"), from,
	    to);
	ck_assert_str_eq(from, "");
	ck_assert_str_eq(to, "0A05");
	url_versions(span_str("http://h/GV620MG_R13A01V01.enc"), from, to);
	ck_assert_str_eq(to, "");
	url_versions(span_str("http://h/0A03_0A05/firmware.enc"), from, to);
	ck_assert_str_eq(to, "");
}
END_TEST

/* --- faults --------------------------------------------------------------- */

START_TEST(test_fault_rates)
{
	static const struct {
		const char *text;
		uint32_t ppm;
	} rates[] = {
		{"brick=0", 0}, {"brick=1", 1000000}, {"brick=0.25", 250000},
		{"brick=.5", 500000}, {"brick=30%", 300000},
		{"brick=0.5%", 5000}, {"brick=100%", 1000000},
		{"brick=1.0", 1000000}, {"brick=0.1,brick=0.2", 200000},
	};

	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		struct faults f;
		struct errtext err;

		faults_init(&f);
		ck_assert_msg(faults_parse(&f, span_str(rates[i].text), &err)
		    == 0, "%s", rates[i].text);
		ck_assert_uint_eq(f.ppm[FAULT_BRICK], rates[i].ppm);
		faults_done(&f);
	}
}
END_TEST

START_TEST(test_fault_words_wrong)
{
	static const char *const bad[] = {"", "brick", "brick=", "brick=2",
		"brick=1.5", "brick=101%", "brick=-1", "brick=0.1x",
		"bricks=0.1", "brick=0.1,,split=1", "brick=860000000000008:",
		"brick=86000000000000G", "=0.1", "brick=0.12345678"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct faults f;
		struct errtext err = {0};

		faults_init(&f);
		ck_assert_msg(faults_parse(&f, span_str(bad[i]), &err) < 0,
		    "%s", bad[i]);
		ck_assert_uint_gt(strlen(err.text), 0);
		faults_done(&f);
	}
}
END_TEST

START_TEST(test_fault_named)
{
	struct faults f;
	struct errtext err;
	struct plan plan;
	struct devid a, b;

	ck_assert_int_eq(devid_parse(span_str("860000000000008"), &a), 0);
	ck_assert_int_eq(devid_parse(span_str("860000000000016"), &b), 0);
	faults_init(&f);
	ck_assert_int_eq(faults_parse(&f, span_str("brick=860000000000008:"
	    "860000000000024,split=0"), &err), 0);
	plan_draw(&f, 1, a.key, 1, &plan);
	ck_assert_uint_eq(plan.faults, FAULT_BIT(FAULT_BRICK));
	plan_draw(&f, 1, a.key, 7, &plan);
	ck_assert_uint_eq(plan.faults, FAULT_BIT(FAULT_BRICK));
	plan_draw(&f, 1, b.key, 1, &plan);
	ck_assert_uint_eq(plan.faults, 0);
	faults_note_tracker(&f, a.key);
	ck_assert_str_eq(faults_stranger(&f), "860000000000024");
	faults_done(&f);
}
END_TEST

/* The rates are kept, the kinds are independent and the seed decides. */
START_TEST(test_fault_draws)
{
	struct faults f, g;
	struct errtext err;
	struct plan plan, again;
	unsigned brick = 0, split = 0, both = 0, changed = 0;

	faults_init(&f);
	faults_init(&g);
	ck_assert_int_eq(faults_parse(&f, span_str("brick=0.3,split=0.5"),
	    &err), 0);
	ck_assert_int_eq(faults_parse(&g, span_str("brick=0.3,garbage=0.9"),
	    &err), 0);
	for (uint64_t key = 1; key <= 10000; key++) {
		plan_draw(&f, 42, key, 1, &plan);
		plan_draw(&f, 42, key, 1, &again);
		ck_assert_mem_eq(&plan, &again, sizeof(plan));
		brick += (plan.faults >> FAULT_BRICK) & 1;
		split += (plan.faults >> FAULT_SPLIT) & 1;
		both += (plan.faults & FAULT_BIT(FAULT_BRICK)) != 0 &&
		    (plan.faults & FAULT_BIT(FAULT_SPLIT)) != 0;
		/* Another kind's rate changes nothing for this one. */
		plan_draw(&g, 42, key, 1, &again);
		ck_assert_uint_eq(plan.faults & FAULT_BIT(FAULT_BRICK),
		    again.faults & FAULT_BIT(FAULT_BRICK));
		plan_draw(&f, 43, key, 1, &again);
		changed += plan.faults != again.faults;
	}
	ck_assert_uint_ge(brick, 2800);
	ck_assert_uint_le(brick, 3200);
	ck_assert_uint_ge(split, 4800);
	ck_assert_uint_le(split, 5200);
	ck_assert_uint_ge(both, 1350);
	ck_assert_uint_le(both, 1650);
	ck_assert_uint_ge(changed, 4000);
	faults_done(&f);
	faults_done(&g);
}
END_TEST

/* --- outbox --------------------------------------------------------------- */

START_TEST(test_outbox_bound)
{
	struct outbox o = {0};
	struct outbox_entry e = {.report.kind = WIRE_UPDATE};

	ck_assert_ptr_nonnull(outbox_push(&o, &e));
	for (uint16_t i = 1; i <= OUTBOX_MAX + 5; i++) {
		e.report.kind = WIRE_POSITION;
		e.report.count = i;
		ck_assert_ptr_nonnull(outbox_push(&o, &e));
	}
	ck_assert_uint_eq(o.len, OUTBOX_MAX);
	ck_assert_uint_eq(o.dropped, 6);
	/* The report of the update outlives the ordinary ones. */
	ck_assert_int_eq(outbox_first(&o, false)->report.kind, WIRE_UPDATE);
	ck_assert_uint_eq(o.v[1].report.count, 7);
	e.report.kind = WIRE_UPDATE;
	for (uint16_t i = 0; i < OUTBOX_MAX; i++)
		ck_assert_ptr_nonnull(outbox_push(&o, &e));
	ck_assert_uint_eq(o.len, OUTBOX_MAX);
	ck_assert_ptr_nonnull(outbox_first(&o, true));
	outbox_done(&o);
}
END_TEST

/* --- options -------------------------------------------------------------- */

/* The options keep pointers into argv, so its copy outlives the call. */
static int
parse_options(struct options *o, const char *const *words, struct errtext *err)
{
	static char text[40][64];
	static char *argv[41];
	int argc = 0;

	for (; words[argc] != NULL; argc++) {
		ck_assert(argc < 40);
		ck_assert(span_copy(text[argc], sizeof(text[argc]),
		    span_str(words[argc])));
		argv[argc] = text[argc];
	}
	argv[argc] = NULL;
	return options_parse(o, argc, argv, err);
}

START_TEST(test_options_all)
{
	struct options o;
	struct errtext err;

	ck_assert_int_eq(parse_options(&o, ARGS("--connect", "[::1]:9620",
	    "--devices", "12", "--first-id", "A000002B41DEE0", "--firmware",
	    "0B01", "--next-firmware=0B02", "--password", "secret1", "--seed",
	    "77", "--speed", "60", "--heartbeat", "90s", "--mode", "short",
	    "--download", "--truth", "t.jsonl", "--faults",
	    "brick=10%,split=A000002B41DEE5", "--faults", "garbage=1",
	    "--duration", "2m", "--report", "30s", "--no-sack", "--ramp",
	    "10/s"), &err), 0);
	ck_assert_int_eq(o.verb, OPTIONS_RUN);
	ck_assert_str_eq(o.host, "::1");
	ck_assert_str_eq(o.port, "9620");
	ck_assert_uint_eq(o.ids.count, 12);
	ck_assert_int_eq(o.ids.form, IDENT_HEX);
	ck_assert_str_eq(o.tracker.firmware, "0B01");
	ck_assert_str_eq(o.tracker.next_firmware, "0B02");
	ck_assert_str_eq(o.tracker.password, "secret1");
	ck_assert_uint_eq(o.tracker.seed, 77);
	ck_assert_double_eq(o.tracker.speed, 60);
	ck_assert_int_eq(o.tracker.heartbeat_ms, 90000);
	ck_assert_int_eq(o.tracker.report_ms, 30000);
	ck_assert(o.tracker.short_mode);
	ck_assert(o.tracker.download);
	ck_assert(o.tracker.no_sack);
	ck_assert_str_eq(o.truth, "t.jsonl");
	ck_assert_uint_eq(o.faults.ppm[FAULT_BRICK], 100000);
	ck_assert_uint_eq(o.faults.ppm[FAULT_GARBAGE], 1000000);
	ck_assert_uint_eq(o.faults.rule_count, 1);
	ck_assert_int_eq(o.duration_ms, 120000);
	ck_assert_int_eq(o.connects_per_hour, 36000);
	options_done(&o);
}
END_TEST

START_TEST(test_options_defaults)
{
	struct options o;
	struct errtext err;

	ck_assert_int_eq(parse_options(&o, ARGS("--connect", "localhost:9620",
	    "--devices", "1"), &err), 0);
	ck_assert_str_eq(o.tracker.password, "gv620mg");
	ck_assert_str_eq(o.tracker.firmware, "0A03");
	ck_assert_str_eq(o.tracker.next_firmware, "0A05");
	ck_assert_uint_eq(o.tracker.seed, 1);
	ck_assert_double_eq(o.tracker.speed, 1);
	ck_assert_int_eq(o.tracker.heartbeat_ms, 300000);
	ck_assert(!o.tracker.short_mode);
	ck_assert(!o.tracker.download);
	ck_assert(!o.tracker.hex);
	ck_assert_int_eq(o.duration_ms, 0);
	ck_assert_ptr_null(o.truth);
	options_done(&o);
	ck_assert_int_eq(parse_options(&o, ARGS("-V"), &err), 0);
	ck_assert_int_eq(o.verb, OPTIONS_VERSION);
	options_done(&o);
	ck_assert_int_eq(parse_options(&o, ARGS("--help"), &err), 0);
	ck_assert_int_eq(o.verb, OPTIONS_HELP);
	options_done(&o);
}
END_TEST

#define GOOD "--connect", "h:1", "--devices", "2"
static const struct {
	const char *says;
	const char *argv[9];
} wrong_options[] = {
	{"neither ascii nor hex", {"tracksim", GOOD, "--protocol", "HEX"}},
	{"must be an IMEI", {"tracksim", GOOD, "--protocol=hex", "--first-id",
		"A000002B41DEE0"}},
	{"version is 4 hex digits", {"tracksim", GOOD, "--protocol=hex",
		"--firmware", "R13"}},
	{"--connect HOST:PORT is needed", {"tracksim"}},
	{"--devices N is needed", {"tracksim", "--connect", "h:1"}},
	{"is not HOST:PORT", {"tracksim", "--connect", "h", "--devices", "1"}},
	{"is not HOST:PORT",
		{"tracksim", "--connect", "h:0", "--devices", "1"}},
	{"is not HOST:PORT",
		{"tracksim", "--connect", ":1", "--devices", "1"}},
	{"in brackets", {"tracksim", "--connect", "::1:1", "--devices", "1"}},
	{"number from 1", {"tracksim", "--connect", "h:1", "--devices", "0"}},
	{"number from 1", {"tracksim", "--connect", "h:1", "--devices", "2x"}},
	{"--first-id:", {"tracksim", GOOD, "--first-id", "12"}},
	{"runs over", {"tracksim", GOOD, "--first-id", "999999999999994"}},
	{"--firmware:", {"tracksim", GOOD, "--firmware", "a,b"}},
	{"--next-firmware:", {"tracksim", GOOD, "--next-firmware", ""}},
	{"--password:", {"tracksim", GOOD, "--password", "abc"}},
	{"--password:", {"tracksim", GOOD, "--password", "ab,cd"}},
	{"--seed:", {"tracksim", GOOD, "--seed", "-1"}},
	{"--speed:", {"tracksim", GOOD, "--speed", "0"}},
	{"--speed:", {"tracksim", GOOD, "--speed", "fast"}},
	{"--speed:", {"tracksim", GOOD, "--speed", "nan"}},
	{"--heartbeat:", {"tracksim", GOOD, "--heartbeat", "5"}},
	{"--heartbeat:", {"tracksim", GOOD, "--heartbeat", "0s"}},
	{"--mode:", {"tracksim", GOOD, "--mode", "udp"}},
	{"--ramp:", {"tracksim", GOOD, "--ramp", "10"}},
	{"--duration:", {"tracksim", GOOD, "--duration", "soon"}},
	{"--truth:", {"tracksim", GOOD, "--truth", ""}},
	{"no fault is called \"brik\"", {"tracksim", GOOD, "--faults",
		"brik=1"}},
	{"none of the 2 trackers", {"tracksim", GOOD, "--faults",
		"brick=490154203237518"}},
	{"no personality is called \"lazy\"", {"tracksim", GOOD,
		"--personality", "lazy=1"}},
	{"--personality: 490154203237518 is none of the 2 trackers",
		{"tracksim", GOOD, "--personality", "slow=490154203237518"}},
	{"needs a value", {"tracksim", GOOD, "--speed"}},
	{"no option is called --frobnicate", {"tracksim", GOOD,
		"--frobnicate"}},
	{"is no option", {"tracksim", GOOD, "stray"}},
};

START_TEST(test_options_wrong)
{
	struct options o;
	struct errtext err = {0};

	ck_assert_int_lt(parse_options(&o, wrong_options[_i].argv, &err), 0);
	ck_assert_msg(strstr(err.text, wrong_options[_i].says) != NULL,
	    "\"%s\" does not say \"%s\"", err.text, wrong_options[_i].says);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sim parts");
	TCase *wire = tcase_create("wire"), *rest = tcase_create("rest");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(wire, test_start_of_spec);
	tcase_add_test(wire, test_stop_of_spec);
	tcase_add_test(wire, test_version_read);
	tcase_add_test(wire, test_sacks);
	tcase_add_loop_test(wire, test_wrong_commands, 0,
	    (int)ARRAY_LEN(wrong));
	tcase_add_test(wire, test_wrong_start_keeps_serial);
	tcase_add_test(wire, test_url_length);
	tcase_add_test(wire, test_split);
	tcase_add_test(wire, test_split_endless);
	tcase_add_test(wire, test_build_acks);
	tcase_add_test(wire, test_build_hex);
	tcase_add_test(wire, test_build_update_reports);
	tcase_add_test(wire, test_build_other_reports);
	tcase_add_test(wire, test_time);
	tcase_add_test(rest, test_ids_imei);
	tcase_add_test(rest, test_ids_14);
	tcase_add_test(rest, test_ids_wrong);
	tcase_add_test(rest, test_urls);
	tcase_add_test(rest, test_urls_wrong);
	tcase_add_test(rest, test_url_versions);
	tcase_add_test(rest, test_fault_rates);
	tcase_add_test(rest, test_fault_words_wrong);
	tcase_add_test(rest, test_fault_named);
	tcase_add_test(rest, test_fault_draws);
	tcase_add_test(rest, test_outbox_bound);
	tcase_add_test(rest, test_options_all);
	tcase_add_test(rest, test_options_defaults);
	tcase_add_loop_test(rest, test_options_wrong, 0,
	    (int)ARRAY_LEN(wrong_options));
	suite_add_tcase(s, wire);
	suite_add_tcase(s, rest);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
