#include "config.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/prng.h"
#include "io/trackers_priv.h"
#include "tio.h"

/*
 * The relay with a platform and a tracker that the test plays itself: what
 * one end sends is what the other gets, byte for byte, but for our own.
 */
#define REPORT(n) \
	"+RESP:GTFRI,C20100,A000002B41DEE0,,,,,,20150201020000," n "$"
#define OWN "+ACK:GTRTO,C20100,A000002B41DEE0,,VER,0007,20150201000002,11F1$"
#define COMMAND "AT+GTRTO=gv620mg,8,,,,,,0007$"

static struct {
	struct loop *l;
	struct trackers *t;
	struct trackers_config cfg;
	struct trackers_address listen[2];
	struct relay_config relay;
	int platform;           /* listens; -1 = nobody does */
	struct core_conn *conn; /* the tracker's, opened last */
	size_t frames, closed, foreign, between;
	char reason[64];
	bool answer;            /* reply to own frames */
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
	ck_assert(conn->relayed);
	w.frames++;
	reply->own = m->kind == MSG_ACK_GTRTO;
	if (reply->own && w.answer)
		trackers_reply_add(reply, "+SACK:11F1$", 11);
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

static void
on_foreign(void *arg, struct core_conn *conn)
{
	(void)arg;
	ck_assert_ptr_eq(conn, w.conn);
	w.foreign++;
}

static void
on_between(void *arg, struct core_conn *conn)
{
	(void)arg;
	ck_assert_ptr_eq(conn, w.conn);
	ck_assert(!conn->inside);
	w.between++;
}

static const struct trackers_ops ops = {.open = on_open, .frame = on_frame,
    .close = on_close, .busy = tio_never_busy, .foreign = on_foreign,
    .between = on_between, .note = tio_no_note};

/* --- the platform --------------------------------------------------------*/

static uint16_t
platform_port(void)
{
	return listen_port(w.platform);
}

/* Listens; port 0 = any. */
static void
platform_open(uint16_t port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1, small = 4096;

	w.platform = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	(void)setsockopt(w.platform, SOL_SOCKET, SO_REUSEADDR, &one,
	    sizeof(one));
	(void)setsockopt(w.platform, SOL_SOCKET, SO_RCVBUF, &small,
	    sizeof(small));
	ck_assert_int_eq(bind(w.platform, (struct sockaddr *)&sin,
	    sizeof(sin)), 0);
	ck_assert_int_eq(listen(w.platform, 16), 0);
}

static int
platform_accept(void)
{
	int fd = -1;

	UNTIL(w.l, (fd = accept4(w.platform, NULL, NULL, SOCK_NONBLOCK)) >= 0);
	return fd;
}

/* --- the world -----------------------------------------------------------*/

static void
world_init(void)
{
	memset(&w, 0, sizeof(w));
	w.l = loop_new();
	ck_assert_ptr_nonnull(w.l);
	platform_open(0);
	strcpy(w.listen[0].host, "127.0.0.1");
	w.relay = (struct relay_config){.rule_count = 1, .hold = 8192,
	    .connect_timeout_ms = 1000, .retry_ms = 20, .retry_max_ms = 40,
	    .partial_ms = 100, .linger_ms = 2000};
	strcpy(w.relay.rule[0].host, "127.0.0.1");
	w.relay.rule[0].port = platform_port();
	w.cfg = (struct trackers_config){.listen = w.listen,
	    .listen_count = 1, .max_connections = 100,
	    .max_unidentified = 1, .frame_max = 4096,
	    .identify_timeout_ms = 200, .idle_timeout_ms = 200,
	    .bad_frames_max = 2, .relay = &w.relay};
	w.answer = true;
}

static void
world_start(void)
{
	struct errtext err = {0};

	ck_assert_msg(trackers_new(&w.t, w.l, &w.cfg, &ops, &err) == 0, "%s",
	    err.text);
}

static void
world_done(void)
{
	trackers_free(w.t);
	loop_free(w.l);
	if (w.platform >= 0)
		(void)close(w.platform);
}

static int
tracker(void)
{
	int fd = tio_connect(trackers_port(w.t, 0), NULL, 0);

	w.conn = NULL;
	UNTIL(w.l, w.conn != NULL);
	return fd;
}

static struct relay_stats
stats(void)
{
	struct trackers_stats st;

	trackers_get_stats(w.t, &st);
	return st.relay;
}

/* Exactly these bytes come, and then none for a moment. */
static void
expect_bytes(int fd, const char *want, size_t n)
{
	char *buf = malloc(n + 100);
	size_t len = 0;
	bool end = false;

	UNTIL(w.l, (len = tio_read(fd, buf, len, n + 100, &end)) >= n || end);
	DURING(w.l, 20, (len = tio_read(fd, buf, len, n + 100, &end)) <= n);
	ck_assert_msg(len == n && memcmp(buf, want, n) == 0,
	    "got %zu bytes \"%.*s\" in place of %zu", len,
	    (int)MIN_OF(len, 300), buf, n);
	free(buf);
}

static void
expect(int fd, const char *want)
{
	expect_bytes(fd, want, strlen(want));
}

static void
expect_end(int fd)
{
	char buf[16];
	bool end = false;
	size_t len = 0;

	UNTIL(w.l, (len = tio_read(fd, buf, len, sizeof(buf), &end), end));
	ck_assert_uint_eq(len, 0);
}

static void
say(int fd, const char *text)
{
	tio_write(fd, text, strlen(text));
}

/* A tracker that has said its first word, which its platform reads. */
static void
talk(int *ret_tracker, int *ret_platform)
{
	*ret_tracker = tracker();
	say(*ret_tracker, REPORT("0001"));
	*ret_platform = platform_accept();
	expect(*ret_platform, REPORT("0001"));
}

/* Both hang up, and the world ends. */
static void
over(int t, int p)
{
	close(t);
	close(p);
	world_done();
}

/* --- the tests -----------------------------------------------------------*/

START_TEST(both_ways)
{
	int t, p;

	world_init();
	world_start();
	talk(&t, &p);
	say(p, "+SACK:0001$");
	expect(t, "+SACK:0001$");
	say(t, "\r\n" REPORT("0002") "\n" REPORT("0003"));
	expect(p, "\r\n" REPORT("0002") "\n" REPORT("0003"));
	ck_assert_uint_eq(w.frames, 3);
	ck_assert_uint_eq(stats().connected, 1);
	close(t);
	expect_end(p);
	close(p);
	UNTIL(w.l, w.closed == 1);
	ck_assert_uint_eq(stats().connected, 0);
	world_done();
}
END_TEST

/* Neither garbage nor silence is ours to judge. */
START_TEST(garbage_and_silence)
{
	char junk[40000];
	struct prng rng;
	int t, p;
	size_t got = 0;
	bool end = false;
	char *buf = malloc(sizeof(junk) + 1);

	prng_init(&rng, 4711);
	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = (char)prng_next(&rng);
	world_init();
	w.cfg.frame_max = 256;
	world_start();
	t = tracker();
	for (size_t i = 0; i < sizeof(junk);) {
		size_t n = prng_below(&rng, 3000) + 1;

		n = MIN_OF(n, sizeof(junk) - i);
		tio_write(t, junk + i, n);
		i += n;
		tio_turn(w.l);
	}
	p = platform_accept();
	UNTIL(w.l, (got = tio_read(p, buf, got, sizeof(junk) + 1, &end)) >=
	    sizeof(junk));
	ck_assert_uint_eq(got, sizeof(junk));
	ck_assert(memcmp(buf, junk, sizeof(junk)) == 0);
	/* Past both timeouts, and more bad frames than are allowed. */
	DURING(w.l, 600, w.closed == 0);
	free(buf);
	over(t, p);
}
END_TEST

/* Whoever connects and says nothing is none of the platform's business. */
START_TEST(silent_tracker)
{
	int t;

	world_init();
	world_start();
	t = tracker();
	DURING(w.l, 100, stats().connects == 0);
	ck_assert_int_lt(accept4(w.platform, NULL, NULL, 0), 0);
	close(t);
	UNTIL(w.l, w.closed == 1);
	world_done();
}
END_TEST

START_TEST(own_frames_stay)
{
	int t, p;

	world_init();
	world_start();
	t = tracker();
	say(t, REPORT("0001") OWN "\r\n" REPORT("0002"));
	p = platform_accept();
	expect(p, REPORT("0001") "\r\n" REPORT("0002"));
	expect(t, "+SACK:11F1$");
	/* In two pieces: held back until it is whole. */
	tio_write(t, OWN, 20);
	DURING(w.l, 50, stats().hidden == 1);
	say(t, &OWN[20]);
	say(t, REPORT("0003"));
	expect(p, REPORT("0003"));
	ck_assert_uint_eq(stats().hidden, 2);
	over(t, p);
}
END_TEST

/* What takes too long goes on, and then cannot be hidden any more. */
START_TEST(slow_frames_pass)
{
	int t, p;

	world_init();
	world_start();
	t = tracker();
	say(t, "+RESP:GTFRI,C2");
	p = platform_accept();
	expect(p, "+RESP:GTFRI,C2");
	say(t, "0100,A000002B41DEE0,,,,,,20150201020000,0001$");
	expect(p, "0100,A000002B41DEE0,,,,,,20150201020000,0001$");
	tio_write(t, OWN, 10);
	expect_bytes(p, OWN, 10);
	say(t, &OWN[10]);
	expect(p, &OWN[10]);
	ck_assert_uint_eq(stats().not_hidden, 1);
	ck_assert_uint_eq(w.frames, 2);
	over(t, p);
}
END_TEST

START_TEST(commands_between_frames)
{
	int t, p;

	world_init();
	world_start();
	talk(&t, &p);
	ck_assert(trackers_send(w.conn, COMMAND, strlen(COMMAND)));
	expect(t, COMMAND);
	say(p, "AT+GTFRI=gv620mg,1,");
	expect(t, "AT+GTFRI=gv620mg,1,");
	ck_assert(!trackers_send(w.conn, COMMAND, strlen(COMMAND)));
	ck_assert_uint_eq(stats().not_between, 1);
	/* A reply of ours waits for the end of the platform's frame. */
	say(t, OWN);
	DURING(w.l, 50, true);
	say(p, ",,0008$AT+GTQSS=x$");
	expect(t, ",,0008$+SACK:11F1$AT+GTQSS=x$");
	/* Told once, and only because a command had not gone. */
	ck_assert_uint_eq(w.between, 1);
	say(p, "AT+GTQSS=");
	expect(t, "AT+GTQSS=");
	say(p, "y$");
	expect(t, "y$");
	ck_assert_uint_eq(w.between, 1);
	ck_assert(trackers_send(w.conn, COMMAND, strlen(COMMAND)));
	expect(t, COMMAND);
	/* Line ends between frames belong to none. */
	say(p, "\r\n");
	expect(t, "\r\n");
	ck_assert(trackers_send(w.conn, COMMAND, strlen(COMMAND)));
	expect(t, COMMAND);
	ck_assert_uint_eq(w.foreign, 0);
	over(t, p);
}
END_TEST

START_TEST(platform_updates_itself)
{
	int t, p;

	world_init();
	world_start();
	t = tracker();
	say(t, REPORT("0001"));
	p = platform_accept();
	say(p, "AT+GTU");
	DURING(w.l, 30, w.foreign == 0);
	say(p, "PD=gv620mg,0,0,20,0,,,http://x/y,1,,,,000A$");
	UNTIL(w.l, w.foreign == 1);
	expect(t, "AT+GTUPD=gv620mg,0,0,20,0,,,http://x/y,1,,,,000A$");
	ck_assert_uint_eq(stats().foreign, 1);
	over(t, p);
}
END_TEST

START_TEST(platform_away)
{
	uint16_t port;
	int t, p;

	world_init();
	port = platform_port();
	close(w.platform);
	world_start();
	t = tracker();
	say(t, REPORT("0001"));
	UNTIL(w.l, stats().connect_failed >= 3);
	ck_assert_uint_eq(stats().waiting, 1);
	say(t, REPORT("0002"));
	UNTIL(w.l, stats().held_bytes == 2 * strlen(REPORT("0001")));
	{
		struct relay_view v[2];

		ck_assert_uint_eq(trackers_relays(w.t, v, 2), 1);
		ck_assert(!v[0].up);
		ck_assert_str_eq(v[0].error, "Connection refused");
	}
	/* It comes back: everything, in order. */
	platform_open(port);
	p = platform_accept();
	expect(p, REPORT("0001") REPORT("0002"));
	ck_assert_uint_eq(stats().held_bytes, 0);
	ck_assert_uint_eq(stats().waiting, 0);
	over(t, p);
}
END_TEST

START_TEST(hold_is_bounded)
{
	char more[3000];
	int t;

	memset(more, 'x', sizeof(more));
	world_init();
	close(w.platform);
	w.platform = -1;
	world_start();
	t = tracker();
	for (int i = 0; i < 3; i++)
		tio_write(t, more, sizeof(more));
	UNTIL(w.l, w.closed == 1);
	ck_assert_str_eq(w.reason, "upstream_away");
	ck_assert_uint_eq(stats().hold_closed, 1);
	ck_assert_uint_eq(stats().held_bytes, 0);
	close(t);
	world_done();
}
END_TEST

/* Writes until nobody takes any more; how much was taken. */
static size_t
flood(int fd, const char *block, size_t size)
{
	size_t sent = 0;
	ssize_t n;

	for (int64_t idle = loop_mono_ms(); loop_mono_ms() - idle < 100;) {
		n = send(fd, block, size, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			sent += (size_t)n;
			idle = loop_mono_ms();
		}
		tio_turn(w.l);
		ck_assert_uint_lt(stats().held_bytes, 8192 + READ_BYTES + 1);
		ck_assert_uint_lt(sent, 64u << 20);
	}
	return sent;
}

/* A platform that reads slowly slows its trackers down, and no memory fills. */
START_TEST(back_pressure)
{
	size_t sent, got = 0;
	char *block = calloc(1, 65536);
	char *buf = malloc(65536);
	bool end = false;
	int t, p, large = 1 << 20;

	for (size_t i = 0; i < 65536; i++)
		block[i] = (char)('a' + i % 23);
	world_init();
	world_start();
	t = tracker();
	sent = flood(t, block, 65536);
	p = platform_accept();
	/* It reads fast from now on: over a window of 4 KiB megabytes take
	 * longer than patience. */
	(void)setsockopt(p, SOL_SOCKET, SO_RCVBUF, &large, sizeof(large));
	UNTIL(w.l, (got += tio_read(p, buf, 0, 65536, &end)) >= sent);
	ck_assert_uint_eq(got, sent);
	/* The other way round: the tracker does not read. */
	got = 0;
	sent = flood(p, block, 65536);
	ck_assert_uint_eq(w.closed, 0);
	UNTIL(w.l, (got += tio_read(t, buf, 0, 65536, &end)) >= sent);
	ck_assert_uint_eq(got, sent);
	free(block);
	free(buf);
	over(t, p);
}
END_TEST

START_TEST(half_closed)
{
	int t, p;

	world_init();
	world_start();
	talk(&t, &p);
	/* The tracker has said all; the platform still answers. */
	ck_assert_int_eq(shutdown(t, SHUT_WR), 0);
	expect_end(p);
	say(p, "+SACK:0001$");
	expect(t, "+SACK:0001$");
	ck_assert_uint_eq(w.closed, 0);
	ck_assert_int_eq(shutdown(p, SHUT_WR), 0);
	expect_end(t);
	UNTIL(w.l, w.closed == 1);
	close(t);
	close(p);
	/* The other way round. */
	t = tracker();
	say(t, REPORT("0002"));
	p = platform_accept();
	expect(p, REPORT("0002"));
	say(p, "bye$");
	ck_assert_int_eq(shutdown(p, SHUT_WR), 0);
	expect(t, "bye$");
	expect_end(t);
	ck_assert(!trackers_send(w.conn, COMMAND, strlen(COMMAND)));
	say(t, REPORT("0003"));
	expect(p, REPORT("0003"));
	close(t);
	expect_end(p);
	UNTIL(w.l, w.closed == 2);
	close(p);
	/* A platform that never ends its side does not keep us for ever. */
	t = tracker();
	say(t, REPORT("0004"));
	p = platform_accept();
	ck_assert_int_eq(shutdown(t, SHUT_WR), 0);
	UNTIL(w.l, w.closed == 3);
	over(t, p);
}
END_TEST

START_TEST(platform_breaks)
{
	int t, p;

	world_init();
	world_start();
	talk(&t, &p);
	tio_reset(p);
	UNTIL(w.l, w.closed == 1);
	ck_assert_str_eq(w.reason, "upstream_reset");
	close(t);
	world_done();
}
END_TEST

START_TEST(proxy_headers)
{
	char want[200], got[64];
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	bool end = false;
	size_t n = 0;
	int t, p;

	world_init();
	w.relay.proxy = RELAY_PROXY_V1;
	world_start();
	t = tracker();
	ck_assert_int_eq(getsockname(t, (struct sockaddr *)&sin, &len), 0);
	say(t, REPORT("0001"));
	p = platform_accept();
	(void)snprintf(want, sizeof(want), "PROXY TCP4 127.0.0.1 127.0.0.1 "
	    "%u %u\r\n%s", ntohs(sin.sin_port), trackers_port(w.t, 0),
	    REPORT("0001"));
	expect(p, want);
	close(t);
	close(p);
	world_done();

	world_init();
	w.relay.proxy = RELAY_PROXY_V2;
	world_start();
	t = tracker();
	ck_assert_int_eq(getsockname(t, (struct sockaddr *)&sin, &len), 0);
	say(t, REPORT("0001"));
	p = platform_accept();
	UNTIL(w.l, (n = tio_read(p, got, n, 28, &end)) == 28);
	ck_assert(memcmp(got, "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"
	    "\x7f\0\0\1\x7f\0\0\1", 24) == 0);
	ck_assert(memcmp(got + 24, &sin.sin_port, 2) == 0);
	ck_assert_uint_eq((unsigned)(unsigned char)got[26] << 8 |
	    (unsigned char)got[27], trackers_port(w.t, 0));
	expect(p, REPORT("0001"));
	over(t, p);
}
END_TEST

START_TEST(own_addresses_in_turn)
{
	char text[32];
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	int t[4], p[4];

	world_init();
	strcpy(w.relay.source[0], "127.0.0.21");
	strcpy(w.relay.source[1], "127.0.0.22");
	w.relay.source_count = 2;
	world_start();
	for (int i = 0; i < 4; i++) {
		t[i] = tracker();
		say(t[i], "x");
		p[i] = platform_accept();
		ck_assert_int_eq(getpeername(p[i], (struct sockaddr *)&sin,
		    &len), 0);
		(void)snprintf(text, sizeof(text), "127.0.0.%d", 21 + i % 2);
		ck_assert_str_eq(inet_ntoa(sin.sin_addr), text);
	}
	for (int i = 0; i < 4; i++) {
		close(t[i]);
		close(p[i]);
	}
	world_done();
}
END_TEST

/* A platform per listener, by name too; without one we are alone there. */
START_TEST(listeners)
{
	int t, p;

	world_init();
	strcpy(w.listen[1].host, "127.0.0.1");
	w.listen[1].port = tio_free_port();
	w.cfg.listen_count = 2;
	w.cfg.idle_timeout_ms = 60000;
	(void)snprintf(w.relay.rule[0].listen,
	    sizeof(w.relay.rule[0].listen), "127.0.0.1:%u",
	    w.listen[1].port);
	strcpy(w.relay.rule[0].host, "localhost");
	world_start();
	t = tio_connect(trackers_port(w.t, 1), NULL, 0);
	say(t, REPORT("0001"));
	p = platform_accept();
	expect(p, REPORT("0001"));
	close(t);
	close(p);
	t = tracker();
	ck_assert(!w.conn->relayed);
	/* Nobody behind it: our own limits hold. */
	UNTIL(w.l, strcmp(w.reason, "identify_timeout") == 0);
	close(t);
	world_done();
}
END_TEST

/* The rest of the daemon is gone; nothing is looked at any more. */
START_TEST(nothing_but_a_relay)
{
	int t, p;

	world_init();
	world_start();
	t = tracker();
	tio_write(t, OWN, 20);
	p = -1;
	DURING(w.l, 20, w.frames == 0);
	trackers_pure(w.t);
	trackers_hold_reading(w.t, true);
	say(t, &OWN[20]);
	p = platform_accept();
	expect(p, OWN);
	say(t, REPORT("0001"));
	expect(p, REPORT("0001"));
	ck_assert_uint_eq(w.frames, 0);
	over(t, p);
}
END_TEST

/* A reload takes the platform away: who is connected stays connected. */
START_TEST(reload)
{
	struct errtext err = {0};
	int t, p, t2;

	world_init();
	world_start();
	t = tracker();
	say(t, REPORT("0001"));
	p = platform_accept();
	w.cfg.relay = NULL;
	ck_assert_int_eq(trackers_reconfigure(w.t, &w.cfg, &err), 0);
	expect(p, REPORT("0001"));
	say(t, REPORT("0002"));
	expect(p, REPORT("0002"));
	t2 = tracker();
	ck_assert(!w.conn->relayed);
	close(t2);
	close(t);
	expect_end(p);
	close(p);
	world_done();
}
END_TEST

/* --- over a restart ------------------------------------------------------*/

static struct {
	struct trackers_kept k;
	char in[4096], out[1 << 20], up[1 << 20], late[4096];
	size_t count, resumed;
} kept;

static const char *
copy_of(char *to, size_t size, const char *p, size_t n)
{
	ck_assert_uint_le(n, size);
	if (n > 0)
		memcpy(to, p, n);
	return to;
}

/* What the store of descriptors does. */
static void
on_keep(void *arg, const struct trackers_kept *k)
{
	(void)arg;
	kept.k = *k;
	kept.k.fd = dup(k->fd);
	kept.k.relay.fd = dup(k->relay.fd);
	kept.k.in = copy_of(kept.in, sizeof(kept.in), k->in, k->in_len);
	kept.k.out = copy_of(kept.out, sizeof(kept.out), k->out, k->out_len);
	kept.k.relay.up = copy_of(kept.up, sizeof(kept.up), k->relay.up,
	    k->relay.up_len);
	kept.k.relay.late = copy_of(kept.late, sizeof(kept.late),
	    k->relay.late, k->relay.late_len);
	kept.k.devid = (struct devid){0};
	kept.count++;
}

static void
on_resume(void *arg, struct core_conn *conn, const struct devid *id)
{
	(void)arg;
	ck_assert_ptr_null(id);
	ck_assert(conn->relayed);
	w.conn = conn;
	kept.resumed++;
}

static void
restart(void)
{
	static struct trackers_ops resuming;
	struct errtext err = {0};

	kept.count = kept.resumed = 0;
	trackers_keep(w.t, on_keep, NULL);
	trackers_free(w.t);
	resuming = ops;
	resuming.resume = on_resume;
	ck_assert_msg(trackers_new(&w.t, w.l, &w.cfg, &resuming, &err) == 0,
	    "%s", err.text);
}

/* Half a frame each way, a reply that waits for the rest of the platform's
 * and bytes that neither takes yet: all is as it would have been. */
START_TEST(kept_over_a_restart)
{
	static char big[65536];
	char head[] = "AT+GTUPD=x,";
	size_t n = 0, had = 0;
	bool end = false;
	int t, p, large = 1 << 20;

	world_init();
	w.relay.hold = 100000;
	w.cfg.identify_timeout_ms = w.cfg.idle_timeout_ms = 60000;
	w.relay.partial_ms = 60000;
	world_start();
	talk(&t, &p);
	say(p, head);
	expect(t, head);
	say(t, OWN "+RESP:GTFRI,C2");
	DURING(w.l, 50, true);
	ck_assert_uint_eq(stats().hidden, 1);

	restart();
	ck_assert_uint_eq(kept.count, 1);
	ck_assert_uint_eq(kept.k.in_len, 14);
	ck_assert_uint_eq(kept.k.relay.late_len, 11);
	ck_assert(kept.k.relay.inside);
	ck_assert(trackers_adopt(w.t, &kept.k));
	ck_assert_uint_eq(kept.resumed, 1);
	ck_assert_uint_eq(stats().connected, 1);
	ck_assert(!trackers_send(w.conn, COMMAND, strlen(COMMAND)));
	say(p, "y$");
	expect(t, "y$+SACK:11F1$");
	ck_assert_uint_eq(w.foreign, 1);
	say(t, "0100,A000002B41DEE0,,,,,,20150201020000,0002$");
	expect(p, "+RESP:GTFRI,C20100,A000002B41DEE0,,,,,,20150201020000,"
	    "0002$");

	/* A platform that does not read: what it has not taken is kept. */
	memset(big, 'z', sizeof(big));
	while (stats().held_bytes == 0) {
		ssize_t sent = send(t, big, sizeof(big),
		    MSG_DONTWAIT | MSG_NOSIGNAL);

		n += sent > 0 ? (size_t)sent : 0;
		ck_assert_uint_lt(n, 64 << 20);
		DURING(w.l, 2, true);
	}
	restart();
	ck_assert_uint_gt(kept.k.relay.up_len, 0);
	ck_assert(trackers_adopt(w.t, &kept.k));
	ck_assert_uint_eq(stats().held_bytes, kept.k.relay.up_len);
	(void)setsockopt(p, SOL_SOCKET, SO_RCVBUF, &large, sizeof(large));
	while (had < n) {
		static char got[65536];
		size_t len = 0;

		UNTIL(w.l, (len = tio_read(p, got, 0, sizeof(got), &end)) > 0);
		for (size_t i = 0; i < len; i++)
			ck_assert_int_eq(got[i], 'z');
		had += len;
	}
	ck_assert_uint_eq(had, n);
	close(t);
	expect_end(p);
	close(p);
	world_done();
}
END_TEST

/* One that has no platform at that moment, and one whose platform is not
 * configured any more, end; and no descriptor is left. */
START_TEST(not_kept_over_a_restart)
{
	int t, p;

	world_init();
	world_start();
	talk(&t, &p);
	w.relay.rule[0].port ^= 1;
	restart();
	ck_assert_uint_eq(kept.count, 1);
	ck_assert(!trackers_adopt(w.t, &kept.k));
	ck_assert_uint_eq(stats().connected, 0);
	expect_end(t);
	expect_end(p);
	close(t);
	close(p);
	t = tracker();
	say(t, REPORT("0002"));
	UNTIL(w.l, stats().waiting == 1);
	restart();
	ck_assert_uint_eq(kept.count, 0);
	expect_end(t);
	close(t);
	world_done();
}
END_TEST

/* --- over UDP ------------------------------------------------------------*/

static int
udp_socket(uint16_t port, uint16_t to)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	sin.sin_port = htons(to);
	if (to != 0)
		ck_assert_int_eq(connect(fd, (struct sockaddr *)&sin,
		    sizeof(sin)), 0);
	return fd;
}

static void
expect_datagram(int fd, const char *want)
{
	char buf[9000];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n = -1;

	UNTIL(w.l, (n = recvfrom(fd, buf, sizeof(buf), 0,
	    (struct sockaddr *)&from, &len)) >= 0);
	ck_assert_msg((size_t)n == strlen(want) &&
	    memcmp(buf, want, (size_t)n) == 0, "got \"%.*s\"", (int)n, buf);
	/* A platform answers where the datagram came from. */
	(void)connect(fd, (struct sockaddr *)&from, len);
}

START_TEST(datagrams)
{
	struct trackers_address udp = {.host = "127.0.0.1"};
	uint16_t port;
	int t, p;

	world_init();
	w.cfg.udp = &udp;
	w.cfg.udp_count = 1;
	w.cfg.idle_timeout_ms = 60000;
	p = udp_socket(0, 0);
	port = listen_port(p);
	w.relay.rule[0].port = port;
	world_start();
	t = udp_socket(0, trackers_udp_port(w.t, 0));
	say(t, REPORT("0001") "\r\n" REPORT("0002"));
	expect_datagram(p, REPORT("0001") "\r\n" REPORT("0002"));
	ck_assert(w.conn->relayed);
	say(p, "+SACK:0001$+SACK:0002$");
	expect_datagram(t, "+SACK:0001$+SACK:0002$");
	/* Ours stays, in the middle of others and alone. */
	say(t, REPORT("0003") OWN REPORT("0004"));
	expect_datagram(p, REPORT("0003") REPORT("0004"));
	expect_datagram(t, "+SACK:11F1$");
	say(t, OWN);
	expect_datagram(t, "+SACK:11F1$");
	ck_assert_uint_eq(stats().hidden, 2);
	ck_assert(trackers_send(w.conn, COMMAND, strlen(COMMAND)));
	expect_datagram(t, COMMAND);
	say(p, "AT+GTRTO=x$\r\nAT+GTUPD=gv620mg,0,$");
	expect_datagram(t, "AT+GTRTO=x$\r\nAT+GTUPD=gv620mg,0,$");
	ck_assert_uint_eq(w.foreign, 1);
	ck_assert_uint_eq(stats().connected, 1);
	/* The platform goes and comes back. */
	close(p);
	say(t, REPORT("0005"));
	UNTIL(w.l, stats().connect_failed > 0);
	ck_assert_uint_eq(stats().waiting, 1);
	p = udp_socket(port, 0);
	say(t, REPORT("0006"));
	expect_datagram(p, REPORT("0006"));
	ck_assert_uint_eq(stats().waiting, 0);
	ck_assert_uint_eq(w.closed, 0);
	trackers_close(w.conn, "test");
	UNTIL(w.l, w.closed == 1);
	ck_assert_uint_eq(stats().connected, 0);
	over(t, p);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("relay");
	TCase *tc = tcase_create("relay");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, both_ways);
	tcase_add_test(tc, garbage_and_silence);
	tcase_add_test(tc, silent_tracker);
	tcase_add_test(tc, own_frames_stay);
	tcase_add_test(tc, slow_frames_pass);
	tcase_add_test(tc, commands_between_frames);
	tcase_add_test(tc, platform_updates_itself);
	tcase_add_test(tc, platform_away);
	tcase_add_test(tc, hold_is_bounded);
	tcase_add_test(tc, back_pressure);
	tcase_add_test(tc, half_closed);
	tcase_add_test(tc, platform_breaks);
	tcase_add_test(tc, proxy_headers);
	tcase_add_test(tc, own_addresses_in_turn);
	tcase_add_test(tc, listeners);
	tcase_add_test(tc, nothing_but_a_relay);
	tcase_add_test(tc, reload);
	tcase_add_test(tc, kept_over_a_restart);
	tcase_add_test(tc, not_kept_over_a_restart);
	tcase_add_test(tc, datagrams);
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
