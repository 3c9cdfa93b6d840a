#include "config.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/trackers_priv.h"
#include "tio.h"

/*
 * Behind a load balancer: who the tracker is says the header, and only to whom
 * may say so.
 */
#define BEAT "+ACK:GTHBD,C20100,A000002B41DEE0,,20150201000002,11F1$"
#define HEADER "PROXY TCP4 192.0.2.7 198.51.100.1 4711 9620\r\n"

static struct {
	struct loop *l;
	struct trackers *t;
	struct trackers_config cfg;
	struct trackers_address listen[2];
	struct cidr trust;
	struct trackers_stats stats;
	struct core_conn *conn;
	size_t frames, closed;
	char reason[64], peer[64];
} w;

static void
on_open(void *arg, struct core_conn *conn)
{
	(void)arg;
	w.conn = conn;
}

static void
on_frame(void *arg, struct core_conn *conn, const struct message *m,
    struct trackers_reply *reply)
{
	(void)arg;
	(void)m;
	(void)reply;
	w.frames++;
	(void)trackers_peer(conn, w.peer, sizeof(w.peer));
	trackers_identified(conn);
}

static void
on_close(void *arg, struct core_conn *conn, const char *reason)
{
	(void)arg;
	(void)conn;
	w.closed++;
	(void)snprintf(w.reason, sizeof(w.reason), "%s", reason);
}

static const struct trackers_ops ops = {.open = on_open, .frame = on_frame,
    .close = on_close, .busy = tio_never_busy, .note = tio_no_note};

static void
world_start(uint8_t last, int per_address)
{
	struct errtext err = {0};

	memset(&w, 0, sizeof(w));
	w.l = loop_new();
	ck_assert_ptr_nonnull(w.l);
	strcpy(w.listen[0].host, "127.0.0.1");
	strcpy(w.listen[1].host, "127.0.0.1");
	cidr_address(w.trust.addr, (const uint8_t[]){127, 0, 0, last}, false);
	w.trust.bits = 128;
	w.cfg = (struct trackers_config){.listen = w.listen,
	    .listen_count = 2, .proxy_count = 1, .proxy_trust = &w.trust,
	    .proxy_trust_count = 1, .proxy_timeout_ms = 300,
	    .max_connections = 100, .max_unidentified = 100,
	    .max_connections_per_address = per_address, .frame_max = 64,
	    .identify_timeout_ms = 60000, .idle_timeout_ms = 60000,
	    .bad_frames_max = 20};
	ck_assert_msg(trackers_new(&w.t, w.l, &w.cfg, &ops, &err) == 0, "%s",
	    err.text);
}

static void
world_done(void)
{
	trackers_free(w.t);
	loop_free(w.l);
}

static int
balancer(void)
{
	return tio_connect(trackers_port(w.t, 1), NULL, 0);
}

static void
say(int fd, const char *text)
{
	tio_write(fd, text, strlen(text));
}

static void
look(void)
{
	trackers_get_stats(w.t, &w.stats);
}

START_TEST(whom_it_speaks_for)
{
	int fd;

	world_start(1, 0);
	fd = balancer();
	say(fd, HEADER BEAT);
	UNTIL(w.l, w.frames == 1);
	ck_assert_str_eq(w.peer, "192.0.2.7:4711");
	ck_assert(memcmp(w.conn->addr + 12, "\xc0\0\2\7", 4) == 0);
	close(fd);
	/* Byte by byte, longer than frames may be. */
	fd = balancer();
	for (const char *p = "PROXY TCP6 2001:db8::1 2001:db8:ffff:ffff:ffff:"
	    "ffff:ffff:ffff 4711 9620\r\n" BEAT; *p != '\0'; p++) {
		tio_write(fd, p, 1);
		tio_turn(w.l);
	}
	UNTIL(w.l, w.frames == 2);
	ck_assert_str_eq(w.peer, "[2001:db8::1]:4711");
	close(fd);
	/* The balancer itself: its own address. */
	fd = balancer();
	say(fd, "PROXY UNKNOWN\r\n" BEAT);
	UNTIL(w.l, w.frames == 3);
	ck_assert(strncmp(w.peer, "127.0.0.1:", 10) == 0);
	close(fd);
	/* The other address asks for none, and takes none. */
	fd = tio_connect(trackers_port(w.t, 0), NULL, 0);
	say(fd, BEAT);
	UNTIL(w.l, w.frames == 4);
	ck_assert(strncmp(w.peer, "127.0.0.1:", 10) == 0);
	say(fd, HEADER BEAT);
	UNTIL(w.l, w.frames == 5);
	ck_assert(strncmp(w.peer, "127.0.0.1:", 10) == 0);
	close(fd);
	world_done();
}
END_TEST

START_TEST(not_trusted)
{
	int fd;
	bool end = false;
	char buf[16];

	world_start(2, 0);
	fd = balancer();
	say(fd, HEADER BEAT);
	UNTIL(w.l, ((void)tio_read(fd, buf, 0, sizeof(buf), &end), end));
	look();
	ck_assert_uint_eq(w.stats.counter[TRACKERS_REFUSED_PROXY], 1);
	ck_assert_uint_eq(w.frames, 0);
	close(fd);
	world_done();
}
END_TEST

START_TEST(no_header)
{
	int fd;

	world_start(1, 0);
	fd = balancer();
	say(fd, BEAT);
	UNTIL(w.l, w.closed == 1);
	ck_assert_str_eq(w.reason, "proxy_header");
	close(fd);
	/* Late. */
	fd = balancer();
	say(fd, "PROXY TCP4 ");
	UNTIL(w.l, w.closed == 2);
	ck_assert_str_eq(w.reason, "proxy_header");
	close(fd);
	/* Gone before it said anything, as health checks are. */
	fd = balancer();
	tio_turn(w.l);
	close(fd);
	UNTIL(w.l, w.closed == 3);
	ck_assert_str_eq(w.reason, "peer_closed");
	look();
	ck_assert_uint_eq(w.stats.counter[TRACKERS_PROXY_BAD], 2);
	ck_assert_uint_eq(w.stats.connections, 0);
	ck_assert_uint_eq(w.stats.unidentified, 0);
	world_done();
}
END_TEST

/* A limit per address is of the tracker's, not of the balancer's. */
START_TEST(counted_by_tracker)
{
	struct errtext err;
	int fd[3];

	world_start(1, 1);
	for (int i = 0; i < 3; i++)
		fd[i] = balancer();
	say(fd[0], HEADER BEAT);
	UNTIL(w.l, w.frames == 1);
	say(fd[1], "PROXY TCP4 192.0.2.8 198.51.100.1 4711 9620\r\n" BEAT);
	UNTIL(w.l, w.frames == 2);
	say(fd[2], HEADER BEAT);
	UNTIL(w.l, w.closed == 1);
	ck_assert_str_eq(w.reason, "max_connections_per_address");
	/* Counted anew at a reload, one that has not said its address too. */
	close(fd[2]);
	fd[2] = balancer();
	tio_turn(w.l);
	w.cfg.max_connections_per_address = 0;
	ck_assert_int_eq(trackers_reconfigure(w.t, &w.cfg, &err), 0);
	w.cfg.max_connections_per_address = 1;
	ck_assert_int_eq(trackers_reconfigure(w.t, &w.cfg, &err), 0);
	say(fd[2], HEADER BEAT);
	UNTIL(w.l, w.closed == 2);
	ck_assert_str_eq(w.reason, "max_connections_per_address");
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	UNTIL(w.l, w.closed == 4);
	world_done();
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("proxied");
	TCase *tc = tcase_create("proxied");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, whom_it_speaks_for);
	tcase_add_test(tc, not_trusted);
	tcase_add_test(tc, no_header);
	tcase_add_test(tc, counted_by_tracker);
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
