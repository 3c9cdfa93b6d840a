/*
 * The program over real sockets, against a server and a file server that were
 * written from the description of the protocol.
 */
#include "config.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/span.h"
#include "stage.h"

#define ID1 "860000000000009"
#define ID2 "860000000000017"
#define HONEST "100 200/1 201/1 300 301"
#define FAST "--speed", "400"

static void
start_text(const struct stage *s, const char *page, const char *serial,
    char buf[256])
{
	(void)snprintf(buf, 256, "AT+GTUPD=gv620mg,0,1,15,0,,,"
	    "http://127.0.0.1:%u/%s,,1,,,%s$", (unsigned)s->http_port, page,
	    serial);
}

static void
start(struct stage *s, const char *id, const char *page, const char *serial)
{
	char text[256];

	start_text(s, page, serial, text);
	stage_say(s, id, text);
}

static void
truth_says(const struct stage *s, const char *id, const char *what)
{
	char *all = stage_truth(s), *line, *end;
	char begin[64];

	(void)snprintf(begin, sizeof(begin), "{\"id\":\"%s\",", id);
	line = strstr(all, begin);
	ck_assert_msg(line != NULL, "no line of %s in: %s", id, all);
	end = strchr(line, '\n');
	ck_assert_ptr_nonnull(end);
	*end = '\0';
	ck_assert_msg(strstr(line, what) != NULL, "%s not in: %s", what, line);
	free(all);
}

/* --- traffic -------------------------------------------------------------- */

START_TEST(test_traffic)
{
	struct stage *s = stage_new();

	PLAY(s, "--devices", "2", FAST, "--heartbeat", "2m");
	ck_assert_ptr_nonnull(strstr(stage_frame(s, ID1, "GTFRI")->text,
	    "+RESP:GTFRI,C20100," ID1 ",GV620MG,"));
	(void)stage_frame(s, ID2, "+RESP:GTFRI");
	(void)stage_frame(s, ID1, "+ACK:GTHBD,C20100," ID1 ",GV620MG,");
	stage_say(s, ID2, "AT+GTRTO=gv620mg,8,,,,,,00C7$");
	(void)stage_frame(s, ID2, ",00C7,");
	(void)stage_frame(s, ID2, "+RESP:GTVER,C20100," ID2
	    ",GV620MG,GV620MG,0A03,0103,");
	stage_say(s, ID1, "AT+GTRTO=stranger,8,,,,,,00C8$");
	stage_say(s, ID1, "AT+GTRTO=gv620mg,8,,,,,,00C9$");
	(void)stage_frame(s, ID1, ",00C9,");
	ck_assert_uint_eq(stage_count(s, ID1, ",00C8,"), 0);
	ck_assert_int_eq(stage_end(s, SIGTERM), 0);
	ck_assert_ptr_nonnull(strstr(s->out, "wrong password 1"));
	ck_assert_ptr_nonnull(strstr(s->out, "version reads 2"));
	ck_assert_ptr_nonnull(strstr(s->out, "2 trackers, "));
	stage_free(s);
}
END_TEST

START_TEST(test_commands_in_any_segments)
{
	struct stage *s = stage_new();

	/* Nothing of ours may come between the pieces. */
	s->mute = true;
	PLAY(s, "--devices", "1", FAST, "--heartbeat", "7d");
	(void)stage_frame(s, ID1, "GTFRI");
	stage_say(s, ID1, "\r\n AT+GTRTO=gv620m");
	stage_say(s, ID1, "g,8,,,,,,00E1$AT+GTRTO=gv620mg,8,,,,,,00E2$AT+G");
	(void)stage_frame(s, ID1, ",00E2,");
	stage_say(s, ID1, "TRTO=gv620mg,8,,,,,,00E3$");
	(void)stage_frame(s, ID1, ",00E3,");
	ck_assert_uint_eq(stage_count(s, ID1, ",00E1,"), 1);
	stage_free(s);
}
END_TEST

static bool
link_closed(struct stage *s, const void *arg)
{
	(void)arg;
	return s->closed > 0;
}

START_TEST(test_endless_command)
{
	struct stage *s = stage_new();
	char junk[2001];

	memset(junk, 'A', 2000);
	junk[2000] = '\0';
	PLAY(s, "--devices", "1", FAST);
	(void)stage_frame(s, ID1, "GTFRI");
	stage_say(s, ID1, junk);
	stage_until(s, link_closed, NULL, 5000);
	stage_free(s);
}
END_TEST

/* --- updates -------------------------------------------------------------- */

START_TEST(test_update)
{
	struct stage *s = stage_new();

	PLAY(s, "--devices", "2", FAST, "--truth", "TRUTH");
	(void)stage_frame(s, ID1, "GTFRI");
	start(s, ID1, "any.enc", "00FE");
	start(s, ID1, "any.enc", "00FF");
	(void)stage_frame(s, ID1, "+ACK:GTUPD,C20100," ID1 ",GV620MG,00FE,");
	ck_assert_uint_gt(stage_frame(s, ID1, ",301,,")->link,
	    stage_frame(s, ID1, ",300,,")->link);
	ck_assert_str_eq(stage_codes(s, ID1), HONEST);
	ck_assert_str_eq(stage_codes(s, ID2), "");
	ck_assert_uint_eq(s->requests, 0);
	stage_say(s, ID1, "AT+GTRTO=gv620mg,8,,,,,,0100$");
	(void)stage_frame(s, ID1, ",GV620MG,0A05,0103,");
	ck_assert_int_eq(stage_end(s, SIGINT), 0);
	truth_says(s, ID1, "\"received\":[\"00FE\",\"00FF\"],\"acked\":1,");
	truth_says(s, ID1, "\"flashed\":[\"0A05\"],\"version\":\"0A05\","
	    "\"state\":\"idle\"");
	truth_says(s, ID1, "\"while_busy\":1");
	truth_says(s, ID2, "\"received\":[],\"acked\":0,");
	truth_says(s, ID2, "\"flashed\":[],\"version\":\"0A03\"");
	stage_free(s);
}
END_TEST

START_TEST(test_update_short)
{
	struct stage *s = stage_new();
	unsigned first;

	PLAY(s, "--devices", "1", FAST, "--mode", "short", "--truth", "TRUTH");
	first = stage_frame(s, ID1, "+RESP:GTFRI")->link;
	start(s, ID1, "any.enc", "0001");
	ck_assert_uint_gt(stage_frame(s, ID1, "+ACK:GTUPD")->link, first);
	(void)stage_frame(s, ID1, ",301,,");
	ck_assert_str_eq(stage_codes(s, ID1), HONEST);
	ck_assert_uint_ge(s->closed, 2);
	ck_assert_int_eq(stage_end(s, SIGTERM), 0);
	truth_says(s, ID1, "\"received\":[\"0001\"],\"acked\":1");
	stage_free(s);
}
END_TEST

/* Bytes that no honest tracker sends must not lose one that it does. */
START_TEST(test_noise_on_the_wire)
{
	struct stage *s = stage_new();

	/* Slower, for pieces take their time. */
	PLAY(s, "--devices", "1", "--speed", "100", "--faults",
	    "garbage=1,split=100%,duplicate=1");
	(void)stage_frame(s, ID1, "GTFRI");
	ck_assert_uint_eq(s->junk, 0);
	start(s, ID1, "any.enc", "0001");
	(void)stage_frame(s, ID1, ",301,,");
	ck_assert_str_eq(stage_codes(s, ID1), HONEST);
	ck_assert_uint_ge(stage_count(s, ID1, ":GTUPD,"), 8);
	ck_assert_uint_ge(s->junk, 10);
	ck_assert_int_eq(stage_end(s, SIGTERM), 0);
	ck_assert_ptr_nonnull(strstr(s->out,
	    "duplicate 1, garbage 1, split 1\n"));
	stage_free(s);
}
END_TEST

START_TEST(test_named_fault)
{
	struct stage *s = stage_new();

	PLAY(s, "--devices", "2", FAST, "--truth", "TRUTH", "--faults",
	    "low_battery=" ID2);
	(void)stage_frame(s, ID1, "GTFRI");
	(void)stage_frame(s, ID2, "GTFRI");
	start(s, ID1, "any.enc", "0001");
	start(s, ID2, "any.enc", "0001");
	(void)stage_frame(s, ID2, ",103,,");
	(void)stage_frame(s, ID1, ",301,,");
	ck_assert_int_eq(stage_end(s, SIGTERM), 0);
	truth_says(s, ID1, "\"faults\":[]");
	truth_says(s, ID2, "\"faults\":[\"low_battery\"]");
	truth_says(s, ID2, "\"result\":\"103\"");
	stage_free(s);
}
END_TEST

/* --- downloads ------------------------------------------------------------ */

static const struct {
	const char *page;
	bool good;
} downloads[] = {
	{"good.enc", true},
	{"lower.enc", true},
	{"cut.enc", false},
	{"more.enc", false},
	{"empty.enc", false},
	{"nolength.enc", false},
	{"chunked.enc", false},
	{"moved.enc", false},
	{"mad.enc", false},
	{"missing.enc", false},
};

/* All at once, one tracker each: the failing ones take two tries. */
START_TEST(test_downloads)
{
	struct stage *s = stage_new();
	char id[ARRAY_LEN(downloads)][STAGE_ID_MAX];

	PLAY(s, "--devices", "10", "--first-id", "A0000000000010", FAST,
	    "--download", "--truth", "TRUTH");
	for (size_t i = 0; i < ARRAY_LEN(downloads); i++) {
		(void)snprintf(id[i], sizeof(id[i]), "A000000000001%zu", i);
		(void)stage_frame(s, id[i], "GTFRI");
		start(s, id[i], downloads[i].page, "0001");
	}
	for (size_t i = 0; i < ARRAY_LEN(downloads); i++) {
		bool good = downloads[i].good;

		(void)stage_frame(s, id[i], good ? ",301,," : ",202,2,");
		ck_assert_str_eq(stage_codes(s, id[i]),
		    good ? HONEST : "100 200/1 202/1 200/2 202/2");
	}
	ck_assert_uint_eq(s->requests, 2 + 2 * 8);
	ck_assert_int_eq(stage_end(s, SIGTERM), 0);
	truth_says(s, id[0], "\"downloads\":{\"ok\":1,\"failed\":0,"
	    "\"bytes\":5000}");
	truth_says(s, id[2], "\"downloads\":{\"ok\":0,\"failed\":2,"
	    "\"bytes\":9998}");
	truth_says(s, id[9], "\"version\":\"0A03\"");
	ck_assert_ptr_nonnull(strstr(s->out, "downloads ok 2, failed 16"));
	stage_free(s);
}
END_TEST

START_TEST(test_download_credentials)
{
	struct stage *s = stage_new();
	char text[256];

	PLAY(s, "--devices", "1", FAST, "--download");
	(void)stage_frame(s, ID1, "GTFRI");
	(void)snprintf(text, sizeof(text), "AT+GTUPD=gv620mg,0,1,15,0,fleet,"
	    "s3cret,http://localhost:%u/good.enc,,1,,,0001$",
	    (unsigned)s->http_port);
	stage_say(s, ID1, text);
	(void)stage_frame(s, ID1, ",201,1,");
	ck_assert_ptr_nonnull(strstr(s->request,
	    "\r\nAuthorization: Basic ZmxlZXQ6czNjcmV0\r\n"));
	ck_assert_ptr_nonnull(strstr(s->request, "\r\nHost: localhost:"));
	stage_free(s);
}
END_TEST

START_TEST(test_download_nobody_there)
{
	struct stage *s = stage_new();

	PLAY(s, "--devices", "1", FAST, "--download");
	(void)stage_frame(s, ID1, "GTFRI");
	stage_say(s, ID1, "AT+GTUPD=gv620mg,0,0,15,0,,,http://127.0.0.1:1/x,"
	    ",1,,,0001$");
	(void)stage_frame(s, ID1, ",202,1,");
	ck_assert_str_eq(stage_codes(s, ID1), "100 200/1 202/1");
	stage_free(s);
}
END_TEST

/* --- a server that comes and goes ----------------------------------------- */

static bool
repeated_twice(struct stage *s, const void *arg)
{
	(void)arg;
	return stage_count(s, ID1, "+RESP:GTFRI") >= 3;
}

START_TEST(test_resends)
{
	struct stage *s = stage_new();

	s->mute = true;
	PLAY(s, "--devices", "1", FAST, "--heartbeat", "7d");
	stage_until(s, repeated_twice, NULL, 5000);
	ck_assert_str_eq(s->frames[1].text, s->frames[0].text);
	ck_assert_str_eq(s->frames[2].text, s->frames[0].text);
	ck_assert_uint_eq(s->links, 1);
	s->mute = false;
	stage_say(s, ID1, "AT+GTRTO=gv620mg,8,,,,,,0001$");
	(void)stage_frame(s, ID1, "+RESP:GTVER");
	stage_free(s);
}
END_TEST

/* Asks for the truth anew and looks whether all trackers were refused. */
static bool
all_were_refused(struct stage *s, const void *arg)
{
	const size_t *devices = arg;
	char *all;
	size_t refused = 0;

	ck_assert_int_eq(kill(s->pid, SIGUSR1), 0);
	all = stage_truth(s);
	for (char *p = all; (p = strstr(p, "\"connect_failures\":")) != NULL;
	    p++)
		refused += p[strlen("\"connect_failures\":")] != '0';
	free(all);
	return refused == *devices;
}

START_TEST(test_server_restart)
{
	struct stage *s = stage_new();
	const struct stage_frame *live, *late;
	char again[600];
	size_t devices = 2;
	unsigned before;

	PLAY(s, "--devices", "2", FAST, "--truth", "TRUTH");
	(void)stage_frame(s, ID2, "GTFRI");
	(void)stage_frame(s, ID1, "GTFRI");
	start(s, ID1, "any.enc", "0001");
	s->mute = true;
	live = stage_frame(s, ID1, "+RESP:GTUPD");
	before = s->links;
	stage_shut(s);
	stage_until(s, all_were_refused, &devices, 8000);
	s->mute = false;
	stage_open(s);
	/* What nobody confirmed comes again, as a late copy of the same. */
	(void)snprintf(again, sizeof(again), "+BUFF%s", live->text + 5);
	late = stage_frame(s, ID1, again);
	ck_assert_uint_gt(late->link, before);
	(void)stage_frame(s, ID1, ",301,,");
	ck_assert_str_eq(stage_codes(s, ID1), HONEST);
	stage_say(s, ID2, "AT+GTRTO=gv620mg,8,,,,,,0001$");
	(void)stage_frame(s, ID2, "+RESP:GTVER");
	ck_assert_int_eq(stage_end(s, SIGTERM), 0);
	truth_says(s, ID1, "\"code\":301,\"times\":null,");
	truth_says(s, ID1, "\"buffered\":true");
	stage_free(s);
}
END_TEST

/* --- the fleet ------------------------------------------------------------ */

#define MANY 400

static bool
all_introduced(struct stage *s, const void *arg)
{
	(void)arg;
	return stage_count(s, NULL, "+RESP:GTFRI") >= MANY;
}

START_TEST(test_many)
{
	static char seen[MANY];
	struct stage *s = stage_new();

	PLAY(s, "--devices", "400", "--first-id", "A00000000FFFF0", "--truth",
	    "TRUTH");
	stage_until(s, all_introduced, NULL, 8000);
	for (size_t i = 0; i < s->frame_count; i++) {
		char *end;
		long n = strtol(s->frames[i].id + 4, &end, 16) - 0xFFFF0;

		ck_assert_int_eq(*end, '\0');
		ck_assert_int_ge(n, 0);
		ck_assert_int_lt(n, MANY);
		seen[n] = 1;
	}
	ck_assert_ptr_null(memchr(seen, 0, MANY));
	ck_assert_uint_eq(s->links, MANY);
	ck_assert_int_eq(stage_end(s, SIGTERM), 0);
	ck_assert_ptr_nonnull(strstr(s->out, "400 online"));
	stage_free(s);
}
END_TEST

static bool
process_ended(struct stage *s, const void *arg)
{
	(void)arg;
	/* Closed sockets are what an end looks like from here. */
	return s->closed == 1;
}

START_TEST(test_duration_is_wall_time)
{
	struct stage *s = stage_new();

	/* Divided by the speed it would end before its first report. */
	PLAY(s, "--devices", "1", FAST, "--duration", "1s", "--truth",
	    "TRUTH");
	(void)stage_frame(s, ID1, "GTFRI");
	stage_until(s, process_ended, NULL, 5000);
	ck_assert_int_eq(stage_end(s, 0), 0);
	ck_assert_ptr_nonnull(strstr(s->out, "1 trackers, 1."));
	stage_free(s);
}
END_TEST

/* --- the command line ----------------------------------------------------- */

START_TEST(test_command_line)
{
	struct stage *s = stage_new();

	ck_assert_int_eq(RUN(s, "--help"), 0);
	ck_assert_ptr_nonnull(strstr(s->out, "usage: tracksim --connect"));
	ck_assert_int_eq(RUN(s, "-V"), 0);
	ck_assert_ptr_nonnull(strstr(s->out, "tracksim " PACKAGE_VERSION));
	ck_assert_int_eq(RUN(s, "--connect", "localhost:1"), 2);
	ck_assert_ptr_nonnull(strstr(s->out, "--devices N is needed"));
	ck_assert_int_eq(RUN(s, "--connect", "localhost:1", "--devices", "1",
	    "--faults", "brik=1"), 2);
	ck_assert_ptr_nonnull(strstr(s->out, "no fault is called \"brik\"; "
	    "there are no_ack, power_off, "));
	ck_assert_int_eq(RUN(s, "--connect", "localhost:1", "--devices", "1",
	    "--speed", "fast"), 2);
	ck_assert_ptr_nonnull(strstr(s->out, "--speed: \"fast\" is not"));
	ck_assert_int_eq(RUN(s, "--connect", "no-such-host.invalid:1",
	    "--devices", "1", "--duration", "1s"), 1);
	ck_assert_ptr_nonnull(strstr(s->out, "no-such-host.invalid: "));
	ck_assert_int_eq(RUN(s, "--connect", "127.0.0.1:1", "--devices", "1",
	    "--duration", "1s", "--truth", "/no/such/folder/truth"), 1);
	ck_assert_ptr_nonnull(strstr(s->out, "/no/such/folder/truth: "));
	stage_free(s);
}
END_TEST

/* Too many trackers for the limit are refused, not half served. */
START_TEST(test_descriptors)
{
	struct rlimit few = {256, 256}, more = {257, 257};
	struct stage *s = stage_new();
	int r;

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	r = RUN(s, "--connect", "127.0.0.1:1", "--devices", "1000",
	    "--duration", "1s");
	if (setrlimit(RLIMIT_NOFILE, &more) == 0) {
		/* Whoever may raise the hard limit gets it raised. */
		ck_assert_int_eq(r, 0);
	} else {
		ck_assert_int_eq(r, 1);
		ck_assert_ptr_nonnull(strstr(s->out, "1064 descriptors are "
		    "needed, the limit is 256"));
	}
	stage_free(s);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tracksim");
	TCase *tc = tcase_create("program");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_traffic);
	tcase_add_test(tc, test_commands_in_any_segments);
	tcase_add_test(tc, test_endless_command);
	tcase_add_test(tc, test_update);
	tcase_add_test(tc, test_update_short);
	tcase_add_test(tc, test_noise_on_the_wire);
	tcase_add_test(tc, test_named_fault);
	tcase_add_test(tc, test_downloads);
	tcase_add_test(tc, test_download_credentials);
	tcase_add_test(tc, test_download_nobody_there);
	tcase_add_test(tc, test_resends);
	tcase_add_test(tc, test_server_restart);
	tcase_add_test(tc, test_many);
	tcase_add_test(tc, test_duration_is_wall_time);
	tcase_add_test(tc, test_command_line);
	tcase_add_test(tc, test_descriptors);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
