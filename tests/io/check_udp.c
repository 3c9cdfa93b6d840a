#include "config.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/trackers_priv.h"
#include "tio.h"

/*
 * Trackers over UDP: what a datagram brings, what it is answered with, and what
 * becomes of those who only pretend.
 */
#define REPORT(n) \
	"+RESP:GTFRI,C20100,A000002B41DEE0,,,,,,20150201020000," n "$"

static struct {
	struct loop *l;
	struct trackers *t;
	struct trackers_config cfg;
	struct trackers_address listen[1], udp[2];
	struct trackers_stats stats;
	struct core_conn *conn;
	size_t opened, frames, closed;
	char reason[64];
	bool long_reply, no_reply, tcp_too;
} w;

static void
on_open(void *arg, struct core_conn *conn)
{
	(void)arg;
	ck_assert(conn->transport == TRANSPORT_UDP || w.tcp_too);
	w.conn = conn;
	w.opened++;
}

static void
on_frame(void *arg, struct core_conn *conn, const struct message *m,
    struct trackers_reply *reply)
{
	char text[32];

	(void)arg;
	ck_assert_ptr_eq(conn, w.conn);
	w.frames++;
	if (w.no_reply)
		return;
	for (int i = 0; i < (w.long_reply ? 20 : 1); i++) {
		(void)snprintf(text, sizeof(text), "+SACK:%.*s$",
		    (int)m->count_text.n, m->count_text.p);
		trackers_reply_add(reply, text, strlen(text));
	}
}

static void
on_close(void *arg, struct core_conn *conn, const char *reason)
{
	(void)arg;
	w.closed++;
	if (w.conn == conn)
		w.conn = NULL;
	(void)snprintf(w.reason, sizeof(w.reason), "%s", reason);
}

static const struct trackers_ops ops = {.open = on_open, .frame = on_frame,
    .close = on_close, .busy = tio_never_busy, .note = tio_no_note};

static void
world_start(const char *host, int64_t idle_ms, int max)
{
	struct errtext err = {0};

	memset(&w, 0, sizeof(w));
	w.l = loop_new();
	ck_assert_ptr_nonnull(w.l);
	strcpy(w.listen[0].host, "127.0.0.1");
	strcpy(w.udp[0].host, host);
	w.cfg = (struct trackers_config){.listen = w.listen,
	    .listen_count = 1, .udp = w.udp, .udp_count = 1,
	    .max_connections = max, .max_unidentified = 10,
	    .frame_max = 4096, .identify_timeout_ms = 60000,
	    .idle_timeout_ms = idle_ms, .bad_frames_max = 20};
	ck_assert_msg(trackers_new(&w.t, w.l, &w.cfg, &ops, &err) == 0, "%s",
	    err.text);
}

static void
world_done(void)
{
	trackers_free(w.t);
	loop_free(w.l);
}

static void
look(void)
{
	trackers_get_stats(w.t, &w.stats);
}

/* A socket that is connected, so that it only hears where it speaks to. */
static int
source(const char *to)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_port = htons(trackers_udp_port(w.t, 0))};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	ck_assert_int_eq(inet_pton(AF_INET, to, &sin.sin_addr), 1);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

static void
say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), 0),
	    (ssize_t)strlen(text));
}

static void
expect(int fd, const char *want)
{
	char buf[10000];
	ssize_t n = -1;

	UNTIL(w.l, (n = recv(fd, buf, sizeof(buf), 0)) >= 0);
	ck_assert_msg((size_t)n == strlen(want) &&
	    memcmp(buf, want, (size_t)n) == 0, "got \"%.*s\"", (int)n, buf);
}

START_TEST(several_frames)
{
	int fd;

	world_start("127.0.0.1", 60000, 10);
	fd = source("127.0.0.1");
	say(fd, REPORT("0001") REPORT("0002") "\r\n" REPORT("0003"));
	expect(fd, "+SACK:0001$+SACK:0002$+SACK:0003$");
	ck_assert_uint_eq(w.frames, 3);
	ck_assert_uint_eq(w.opened, 1);
	say(fd, REPORT("0004"));
	expect(fd, "+SACK:0004$");
	ck_assert_uint_eq(w.opened, 1);
	/* Commands, and acknowledgements that had to wait. */
	ck_assert(trackers_send(w.conn, "AT+X$", 5));
	expect(fd, "AT+X$");
	trackers_reply(w.conn, "+SACK:0005$", 11);
	expect(fd, "+SACK:0005$");
	look();
	ck_assert_uint_eq(w.stats.connections, 1);
	ck_assert_uint_eq(w.stats.unidentified, 0);
	ck_assert_uint_eq(w.stats.counter[TRACKERS_DATAGRAMS], 2);
	close(fd);
	world_done();
}
END_TEST

/* Nothing is remembered of who says nothing good, and nothing answered. */
START_TEST(garbage)
{
	char junk[9000];
	int fd;

	memset(junk, 'x', sizeof(junk) - 1);
	junk[sizeof(junk) - 1] = '\0';
	world_start("127.0.0.1", 60000, 10);
	fd = source("127.0.0.1");
	say(fd, "hello");
	say(fd, "+RESP:GTFRI,C20100,A000002B41DEE0,,");
	say(fd, "+RESP:GTFRI,C20100,nobody,,,,,,20150201020000,0001$");
	say(fd, junk);
	UNTIL(w.l, (look(), w.stats.counter[TRACKERS_DATAGRAMS] == 3));
	UNTIL(w.l, (look(), w.stats.bad_frame[FRAME_WHY_OVERSIZE] == 1));
	ck_assert_uint_eq(w.opened, 0);
	ck_assert_uint_eq(w.stats.connections, 0);
	ck_assert_int_lt(recv(fd, junk, sizeof(junk), 0), 0);
	/* What stands behind garbage in a datagram counts all the same. */
	say(fd, "xx" REPORT("0001") "+RESP:GT");
	expect(fd, "+SACK:0001$");
	ck_assert_uint_eq(w.frames, 1);
	close(fd);
	world_done();
}
END_TEST

/* Whoever writes a foreign address on his datagrams floods nobody. */
START_TEST(no_amplification)
{
	char buf[10000];
	ssize_t n = -1;
	int fd;

	world_start("127.0.0.1", 60000, 10);
	w.long_reply = true;
	fd = source("127.0.0.1");
	say(fd, REPORT("0001"));
	UNTIL(w.l, (n = recv(fd, buf, sizeof(buf), 0)) >= 0);
	ck_assert_int_le(n, (ssize_t)strlen(REPORT("0001")));
	ck_assert_int_gt(n, 0);
	close(fd);
	world_done();
}
END_TEST

START_TEST(bounded)
{
	int fd[4];

	world_start("127.0.0.1", 60000, 3);
	w.no_reply = true;
	for (int i = 0; i < 4; i++) {
		fd[i] = source("127.0.0.1");
		say(fd[i], REPORT("0001"));
	}
	UNTIL(w.l, (look(), w.stats.counter[TRACKERS_DATAGRAMS] == 4));
	ck_assert_uint_eq(w.opened, 3);
	ck_assert_uint_eq(w.stats.counter[TRACKERS_REFUSED_MAX], 1);
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	world_done();
}
END_TEST

START_TEST(silence_ends_it)
{
	int fd;

	world_start("127.0.0.1", 200, 10);
	fd = source("127.0.0.1");
	say(fd, REPORT("0001"));
	expect(fd, "+SACK:0001$");
	UNTIL(w.l, w.closed == 1);
	ck_assert_str_eq(w.reason, "idle_timeout");
	look();
	ck_assert_uint_eq(w.stats.connections, 0);
	say(fd, REPORT("0002"));
	expect(fd, "+SACK:0002$");
	ck_assert_uint_eq(w.opened, 2);
	trackers_close(w.conn, "newer_source");
	UNTIL(w.l, w.closed == 2);
	ck_assert_str_eq(w.reason, "newer_source");
	close(fd);
	world_done();
}
END_TEST

/* One that has several addresses answers from the one that was asked. */
START_TEST(answers_from_the_same_address)
{
	int fd;

	world_start("0.0.0.0", 60000, 10);
	fd = source("127.0.0.7");
	say(fd, REPORT("0001"));
	expect(fd, "+SACK:0001$");
	ck_assert(trackers_send(w.conn, "AT+X$", 5));
	expect(fd, "AT+X$");
	close(fd);
	world_done();
}
END_TEST

START_TEST(reload)
{
	struct errtext err = {0};
	uint16_t port;
	int fd, tcp;

	world_start("127.0.0.1", 60000, 10);
	fd = source("127.0.0.1");
	say(fd, REPORT("0001"));
	expect(fd, "+SACK:0001$");
	/* Another one beside it. */
	port = trackers_udp_port(w.t, 0);
	strcpy(w.udp[1].host, "127.0.0.2");
	w.cfg.udp_count = 2;
	ck_assert_int_eq(trackers_reconfigure(w.t, &w.cfg, &err), 0);
	ck_assert_uint_eq(trackers_udp_port(w.t, 0), port);
	ck_assert_uint_eq(w.closed, 0);
	/* An address that cannot be had changes nothing. */
	strcpy(w.udp[1].host, "192.0.2.77");
	ck_assert_int_lt(trackers_reconfigure(w.t, &w.cfg, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, "192.0.2.77:0 (UDP): bind"));
	ck_assert_uint_ne(trackers_udp_port(w.t, 1), 0);
	/* Held back while the database is behind. */
	trackers_hold_reading(w.t, true);
	say(fd, REPORT("0002"));
	DURING(w.l, 50, w.frames == 1);
	trackers_hold_reading(w.t, false);
	expect(fd, "+SACK:0002$");
	/* None any more: its sources go with it, others stay. */
	w.cfg.udp_count = 0;
	w.tcp_too = true;
	tcp = tio_connect(trackers_port(w.t, 0), NULL, 0);
	ck_assert_int_eq(trackers_reconfigure(w.t, &w.cfg, &err), 0);
	UNTIL(w.l, w.closed == 1 && w.opened == 2);
	ck_assert_str_eq(w.reason, "listener_closed");
	ck_assert_uint_eq(trackers_udp_port(w.t, 0), 0);
	close(tcp);
	close(fd);
	world_done();
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("udp");
	TCase *tc = tcase_create("udp");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, several_frames);
	tcase_add_test(tc, garbage);
	tcase_add_test(tc, no_amplification);
	tcase_add_test(tc, bounded);
	tcase_add_test(tc, silence_ends_it);
	tcase_add_test(tc, answers_from_the_same_address);
	tcase_add_test(tc, reload);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	SRunner *sr = srunner_create(suite());
	int failed;

	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
