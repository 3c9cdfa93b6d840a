#include "config.h"

#include <check.h>
#include <errno.h>
#include <malloc.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "io/trackers_priv.h"
#include "tio.h"

#define REPORT "+RESP:GTUPD,C20100,A000002B41DEE0,,100,,20150201020000,11F0$"
#define BEAT "+ACK:GTHBD,C20100,A000002B41DEE0,,20150201000002,11F1$"
#define SACK "+SACK:11F0$"
#define CLOSES_MAX 4096

/* --- a world that records what trackers tells it ---------------------------*/

struct world {
	struct loop *l;
	struct trackers *t;
	struct trackers_config cfg;
	struct trackers_address listen[4];
	struct trackers_stats stats;

	size_t opened, frames, ended, closed, notes;
	uint64_t last_id;
	bool ids_ascend;
	struct core_conn *conn;   /* opened last */
	char reason[64];          /* of the last close */
	unsigned char closes[CLOSES_MAX]; /* by id */
	char note[256];

	bool identify, no_reply, busy;
	bool close_in_frame, hold_in_frame, send_in_frame;
	size_t busy_asked;
	bool sent_ok;
};

static struct world w;

static void
on_open(void *arg, struct core_conn *conn)
{
	ck_assert_ptr_eq(arg, &w);
	w.ids_ascend = w.ids_ascend && conn->id > w.last_id;
	w.last_id = conn->id;
	w.conn = conn;
	w.opened++;
}

static void
on_frame(void *arg, struct core_conn *conn, const struct message *m,
    struct trackers_reply *reply)
{
	ck_assert_ptr_eq(arg, &w);
	w.frames++;
	ck_assert_uint_eq(m->id.key, 0xA000002B41DEE0u);
	if (w.identify)
		trackers_identified(conn);
	if (w.close_in_frame)
		trackers_close(conn, "test");
	if (w.hold_in_frame)
		trackers_hold_reading(w.t, true);
	if (w.send_in_frame)
		w.sent_ok = trackers_send(conn, "AT+X$", 5);
	if (!w.no_reply)
		trackers_reply_add(reply, SACK, strlen(SACK));
}

static void
on_ended(void *arg, struct core_conn *conn)
{
	ck_assert_ptr_eq(arg, &w);
	/* No command for one that has said goodbye. */
	ck_assert(!trackers_send(conn, "AT+X$", 5));
	w.ended++;
}

static void
on_close(void *arg, struct core_conn *conn, const char *reason)
{
	ck_assert_ptr_eq(arg, &w);
	ck_assert_uint_lt(conn->id, CLOSES_MAX);
	ck_assert_msg(w.closes[conn->id]++ == 0, "closed twice");
	w.closed++;
	snprintf(w.reason, sizeof(w.reason), "%s", reason);
	if (w.conn == conn)
		w.conn = NULL;
}

static bool
on_busy(void *arg, const struct core_conn *conn)
{
	(void)conn;
	ck_assert_ptr_eq(arg, &w);
	w.busy_asked++;
	return w.busy;
}

static void
on_note(void *arg, enum note_level level, const char *line)
{
	(void)level;
	ck_assert_ptr_eq(arg, &w);
	w.notes++;
	snprintf(w.note, sizeof(w.note), "%s", line);
}

static const struct trackers_ops ops = {
	.arg = &w, .open = on_open, .frame = on_frame, .close = on_close,
	.ended = on_ended,
	.busy = on_busy, .note = on_note,
};

static void
world_init(void)
{
	memset(&w, 0, sizeof(w));
	w.ids_ascend = true;
	w.identify = true;
	w.l = loop_new();
	ck_assert_ptr_nonnull(w.l);
	strcpy(w.listen[0].host, "127.0.0.1");
	w.cfg = (struct trackers_config){
		.listen = w.listen, .listen_count = 1,
		.max_connections = 5000, .max_unidentified = 5000,
		.frame_max = 4096, .identify_timeout_ms = 60000,
		.idle_timeout_ms = 60000, .bad_frames_max = 20,
	};
}

static void
world_start(void)
{
	struct errtext err = {0};

	ck_assert_msg(trackers_new(&w.t, w.l, &w.cfg, &ops, &err) == 0, "%s",
	    err.text);
	/* The system's own backlog is not what a test is about. */
	w.notes = 0;
}

static void
world_done(void)
{
	trackers_free(w.t);
	w.t = NULL;
	loop_free(w.l);
	w.l = NULL;
}

static uint64_t
counter(enum trackers_counter c)
{
	trackers_get_stats(w.t, &w.stats);
	return w.stats.counter[c];
}

static size_t
connections(void)
{
	trackers_get_stats(w.t, &w.stats);
	return w.stats.connections;
}

static size_t
unidentified(void)
{
	trackers_get_stats(w.t, &w.stats);
	return w.stats.unidentified;
}

static int
client(void)
{
	size_t before = w.opened;
	int fd = tio_connect(trackers_port(w.t, 0), NULL, 0);

	UNTIL(w.l, w.opened == before + 1);
	return fd;
}

/* A client whose first report was taken. */
static int
identified_client(void)
{
	int fd = client();
	size_t frames = w.frames;
	char buf[256];
	size_t len = 0;
	bool end = false;

	tio_write(fd, REPORT, strlen(REPORT));
	UNTIL(w.l, w.frames == frames + 1);
	UNTIL(w.l, (len = tio_read(fd, buf, len, sizeof(buf), &end)) ==
	    (w.no_reply ? 0 : strlen(SACK)));
	return fd;
}

/* Reads until want bytes came, and compares. */
static void
expect(int fd, const char *want)
{
	static char buf[1 << 17];
	size_t len = 0;
	bool end = false;

	ck_assert_uint_lt(strlen(want), sizeof(buf));
	UNTIL(w.l, (len = tio_read(fd, buf, len, strlen(want), &end)) >=
	    strlen(want) || end);
	ck_assert_uint_eq(len, strlen(want));
	ck_assert_int_eq(memcmp(buf, want, len), 0);
}

static bool
ended(int fd)
{
	static char buf[4096];
	bool end = false;

	(void)tio_read(fd, buf, 0, sizeof(buf), &end);
	return end;
}

/* --- frames ----------------------------------------------------------------*/

START_TEST(splits)
{
	static const char text[] = REPORT BEAT;
	size_t n = sizeof(text) - 1, seen;
	int fd;

	world_start();
	fd = client();
	for (size_t at = 1; at < n; at++) {
		seen = w.frames;
		tio_write(fd, text, at);
		UNTIL(w.l, counter(TRACKERS_BYTES_IN) == (at - 1) * n + at);
		ck_assert_uint_eq(w.frames - seen, at >= strlen(REPORT));
		tio_write(fd, text + at, n - at);
		UNTIL(w.l, counter(TRACKERS_BYTES_IN) == at * n);
		ck_assert_uint_eq(w.frames - seen, 2);
		expect(fd, SACK SACK);
	}
	ck_assert_uint_eq(w.stats.kind[MSG_GTUPD], n - 1);
	ck_assert_uint_eq(w.stats.kind[MSG_HEARTBEAT], n - 1);
	for (size_t i = 0; i < FRAME_WHY_COUNT_; i++)
		ck_assert_uint_eq(w.stats.bad_frame[i], 0);
	close(fd);
}
END_TEST

START_TEST(drip)
{
	static const char text[] = REPORT;
	int fd;

	world_start();
	fd = client();
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		ck_assert_uint_eq(w.frames, 0);
		tio_write(fd, text + i, 1);
		UNTIL(w.l, counter(TRACKERS_BYTES_IN) == i + 1);
	}
	ck_assert_uint_eq(w.frames, 1);
	expect(fd, SACK);
	/* Nothing is kept once the frame was whole. */
	ck_assert_ptr_null(CONTAINER_OF(w.conn, struct conn, core)->in);
	close(fd);
}
END_TEST

START_TEST(glued_one_send)
{
	enum { N = 300 };
	static char text[N * sizeof(REPORT)], want[N * sizeof(SACK)];
	struct tcp_info before, after;
	socklen_t len = sizeof(before);
	int fd;

	for (int i = 0; i < N; i++) {
		strcat(text, REPORT);
		strcat(want, SACK);
	}
	world_start();
	fd = client();
	ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &before, &len),
	    0);
	tio_write(fd, text, strlen(text));
	expect(fd, want);
	ck_assert_uint_eq(w.frames, N);
	len = sizeof(after);
	ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &after, &len),
	    0);
	ck_assert_uint_eq(after.tcpi_data_segs_in - before.tcpi_data_segs_in,
	    1);
	close(fd);
}
END_TEST

/* More than one read's worth, and more replies than are kept back. */
START_TEST(glued_many)
{
	enum { N = 6000 };
	static char text[N * (sizeof(REPORT) - 1) + 1];
	static char got[N * sizeof(SACK)];
	size_t off = 0, len = 0, total = N * (sizeof(REPORT) - 1);
	bool end = false;
	ssize_t n;
	int fd;

	for (size_t i = 0; i < N; i++)
		memcpy(text + i * (sizeof(REPORT) - 1), REPORT,
		    sizeof(REPORT) - 1);
	world_start();
	fd = client();
	UNTIL(w.l, (n = off == total ? 0 : send(fd, text + off, total - off,
	    MSG_NOSIGNAL), off += n > 0 ? (size_t)n : 0,
	    len = tio_read(fd, got, len, sizeof(got), &end)) ==
	    N * strlen(SACK));
	ck_assert_uint_eq(w.frames, N);
	ck_assert(!end);
	ck_assert_uint_eq(w.closed, 0);
	close(fd);
}
END_TEST

START_TEST(oversize)
{
	static char text[6000];
	int fd;

	world_start();
	fd = identified_client();
	memset(text, 'x', sizeof(text));
	memcpy(text, "+RESP:GTUPD,", 12);
	tio_write(fd, text, sizeof(text));
	UNTIL(w.l, counter(TRACKERS_BYTES_IN) ==
	    sizeof(text) + strlen(REPORT));
	ck_assert_uint_ge(w.stats.bad_frame[FRAME_WHY_OVERSIZE], 1);
	/* And it still talks. */
	tio_write(fd, "$" REPORT, 1 + strlen(REPORT));
	expect(fd, SACK);
	close(fd);
}
END_TEST

START_TEST(undecodable_is_counted)
{
	static const char bad[] = "+RESP:GTUPD,C20100,nonsense,,100,,,11F0$";
	int fd;

	world_start();
	fd = client();
	tio_write(fd, bad, strlen(bad));
	UNTIL(w.l, counter(TRACKERS_FRAMES) == 1);
	ck_assert_uint_eq(w.frames, 0);
	ck_assert_uint_eq(w.stats.bad_message[MSG_BAD_ID], 1);
	ck_assert_uint_eq(unidentified(), 1);
	close(fd);
}
END_TEST

/* Binary frames come the same way; one whose sum is wrong goes no further than
 * its counter, and is no failure of framing. */
START_TEST(binary_frames)
{
	static const char beat[] = "\x2b\x10\x18\x00\xa0\x00\x00\x2b\x41\xde"
	    "\xe0\xc0\x31\x00\x0a\x00\x64\xf9"
	    "\xaa\xf6\x11\xf0\xd7\x24";
	char bad[sizeof(beat)];
	int fd;

	world_start();
	fd = client();
	memcpy(bad, beat, sizeof(beat));
	bad[20] ^= 1;
	tio_write(fd, bad, 5);
	UNTIL(w.l, counter(TRACKERS_BYTES_IN) == 5);
	tio_write(fd, bad + 5, sizeof(bad) - 1 - 5);
	UNTIL(w.l, counter(TRACKERS_FRAMES) == 1);
	ck_assert_uint_eq(w.frames, 0);
	ck_assert_uint_eq(w.stats.bad_message[MSG_BAD_CRC], 1);
	tio_write(fd, beat, sizeof(beat) - 1);
	expect(fd, SACK);
	ck_assert_uint_eq(w.frames, 1);
	ck_assert_uint_eq(counter(TRACKERS_FRAMES), 2);
	for (int why = 0; why < FRAME_WHY_COUNT_; why++)
		ck_assert_uint_eq(w.stats.bad_frame[why], 0);
	close(fd);
}
END_TEST

/* A tracker repeats what is not acknowledged for ever: a report whose id and
 * count are good gets its SACK, whatever else is wrong with it. */
START_TEST(bad_value_is_an_ordinary_report)
{
	static const char bad[] =
	    "+RESP:GTUPD,C20100,A000002B41DEE0,,1x0,,20150201020000,11F0$";
	int fd;

	world_start();
	fd = client();
	tio_write(fd, bad, strlen(bad));
	expect(fd, SACK);
	UNTIL(w.l, counter(TRACKERS_FRAMES) == 1);
	ck_assert_uint_eq(w.frames, 1);
	ck_assert_uint_eq(w.stats.bad_message[MSG_BAD_VALUE] +
		w.stats.bad_message[MSG_BAD_FIELDS],
	    1);
	close(fd);
}
END_TEST

/* --- ends ------------------------------------------------------------------*/

START_TEST(health_check_is_quiet)
{
	int fd;

	world_start();
	fd = client();
	close(fd);
	UNTIL(w.l, w.closed == 1);
	ck_assert_str_eq(w.reason, "peer_closed");
	ck_assert_uint_eq(w.notes, 0);
	ck_assert_uint_eq(connections(), 0);
	ck_assert_uint_eq(unidentified(), 0);
}
END_TEST

START_TEST(reset)
{
	int fd;

	world_start();
	fd = identified_client();
	tio_reset(fd);
	UNTIL(w.l, w.closed == 1);
	ck_assert_str_eq(w.reason, "reset");
	ck_assert_uint_eq(connections(), 0);
}
END_TEST

START_TEST(half_close_gets_its_replies)
{
	struct core_conn *conn;
	char buf[64];
	size_t len = 0;
	bool end = false;
	int64_t begin;
	int fd;

	world_start();
	w.no_reply = true; /* as if the disk were still busy */
	fd = client();
	conn = w.conn;
	tio_write(fd, REPORT, strlen(REPORT));
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	UNTIL(w.l, CONTAINER_OF(conn, struct conn, core)->half_closed);
	begin = loop_mono_ms();
	ck_assert_uint_eq(w.frames, 1);
	ck_assert_uint_eq(w.ended, 1);
	ck_assert_uint_eq(w.closed, 0);
	trackers_reply(conn, SACK, strlen(SACK));
	UNTIL(w.l, (len = tio_read(fd, buf, len, sizeof(buf), &end)) ==
	    strlen(SACK));
	UNTIL(w.l, w.closed == 1);
	ck_assert_str_eq(w.reason, "peer_closed");
	ck_assert_int_lt(loop_mono_ms() - begin, LINGER_DEFAULT_MS + 2500);
	close(fd);
}
END_TEST

START_TEST(close_in_frame)
{
	int fd;

	world_start();
	w.close_in_frame = true;
	fd = client();
	tio_write(fd, REPORT REPORT REPORT, 3 * strlen(REPORT));
	UNTIL(w.l, w.closed == 1);
	ck_assert_str_eq(w.reason, "test");
	ck_assert_uint_eq(w.frames, 1); /* what followed was not handed out */
	UNTIL(w.l, ended(fd));
	close(fd);
}
END_TEST

START_TEST(close_twice_is_once)
{
	struct core_conn *conn;
	char first[6];
	int fd;

	world_start();
	fd = identified_client();
	conn = w.conn;
	strcpy(first, "first");
	trackers_close(conn, first);
	memset(first, 'x', 5); /* it was copied */
	trackers_close(conn, "second");
	/* Between the close and its callback nothing leaves any more. */
	ck_assert(!trackers_send(conn, "AT+X$", 5));
	trackers_reply(conn, SACK, strlen(SACK));
	ck_assert_uint_eq(w.closed, 0);
	UNTIL(w.l, w.closed == 1);
	ck_assert_str_eq(w.reason, "first");
	DURING(w.l, 30, w.closed == 1);
	ck_assert_uint_eq(counter(TRACKERS_CLOSED), 1);
	UNTIL(w.l, ended(fd));
	close(fd);
}
END_TEST

START_TEST(free_calls_nobody)
{
	int a, b;

	world_start();
	a = client();
	b = identified_client();
	trackers_close(w.conn, "test"); /* in the graveyard when freed */
	trackers_free(w.t);
	w.t = NULL;
	ck_assert_uint_eq(w.closed, 0);
	UNTIL(w.l, ended(a) && ended(b));
	close(a);
	close(b);
}
END_TEST

/* --- deadlines -------------------------------------------------------------*/

START_TEST(identify_timeout)
{
	int64_t begin;
	int fd, good;

	w.cfg.identify_timeout_ms = 300;
	world_start();
	good = identified_client();
	fd = client();
	begin = loop_mono_ms();
	/* Bytes do not buy time, good frames of nobody neither. */
	w.identify = false;
	while (w.closed == 0) {
		ck_assert_int_lt(loop_mono_ms() - begin, TIO_PATIENCE_MS);
		(void)!send(fd, "\r\n", 2, MSG_NOSIGNAL);
		tio_turn(w.l);
	}
	ck_assert_str_eq(w.reason, "identify_timeout");
	ck_assert_int_ge(loop_mono_ms() - begin, 295);
	ck_assert_int_lt(loop_mono_ms() - begin, 2000);
	ck_assert_uint_eq(counter(TRACKERS_IDENTIFY_TIMEOUT), 1);
	ck_assert_uint_eq(connections(), 1);
	ck_assert(!ended(good));
	close(fd);
	close(good);
}
END_TEST

START_TEST(partial_deadline_is_absolute)
{
	int64_t begin, drop = loop_mono_ms();
	int fd;

	w.cfg.identify_timeout_ms = 300;
	world_start();
	fd = identified_client();
	begin = loop_mono_ms();
	tio_write(fd, "+RESP:GTUPD,", 12);
	while (w.closed == 0) {
		ck_assert_int_lt(loop_mono_ms() - begin, TIO_PATIENCE_MS);
		if (loop_mono_ms() >= drop) {
			(void)!send(fd, "x", 1, MSG_NOSIGNAL);
			drop += 10;
		}
		tio_turn(w.l);
	}
	ck_assert_int_ge(drop - begin, 200);
	ck_assert_str_eq(w.reason, "partial_timeout");
	ck_assert_int_ge(loop_mono_ms() - begin, 295);
	ck_assert_int_lt(loop_mono_ms() - begin, 2000);
	ck_assert_uint_eq(counter(TRACKERS_PARTIAL_TIMEOUT), 1);
	close(fd);
}
END_TEST

START_TEST(idle_timeout)
{
	int64_t begin = loop_mono_ms(), last;
	int fd;

	w.cfg.idle_timeout_ms = 300;
	world_start();
	fd = identified_client();
	/* One that speaks stays. */
	while (loop_mono_ms() - begin < 700) {
		size_t frames = w.frames;

		tio_write(fd, BEAT, strlen(BEAT));
		UNTIL(w.l, w.frames > frames);
		ck_assert_uint_eq(w.closed, 0);
	}
	last = trackers_last_seen_mono(w.conn);
	ck_assert_int_ge(last, begin + 600);
	UNTIL(w.l, w.closed == 1);
	ck_assert_str_eq(w.reason, "idle_timeout");
	ck_assert_int_ge(loop_mono_ms(), last + 295);
	ck_assert_uint_eq(counter(TRACKERS_IDLE_TIMEOUT), 1);
	close(fd);
}
END_TEST

START_TEST(idle_timeout_spares_the_busy)
{
	int fd;

	w.cfg.idle_timeout_ms = 100;
	world_start();
	w.busy = true;
	fd = identified_client();
	UNTIL(w.l, w.busy_asked > 0);
	DURING(w.l, 400, w.closed == 0);
	/* A reload makes it look again; then nothing protects it. */
	w.busy = false;
	ck_assert_int_eq(trackers_reconfigure(w.t, &w.cfg, NULL), 0);
	UNTIL(w.l, w.closed == 1);
	ck_assert_str_eq(w.reason, "idle_timeout");
	close(fd);
}
END_TEST

/* Without a reload it looks again by itself. */
START_TEST(idle_timeout_looks_again)
{
	int fd;

	w.cfg.idle_timeout_ms = 100;
	w.cfg.busy_look_ms = 150;
	world_start();
	w.busy = true;
	fd = identified_client();
	UNTIL(w.l, w.busy_asked > 2);
	ck_assert_uint_eq(w.closed, 0);
	w.busy = false;
	UNTIL(w.l, w.closed == 1);
	ck_assert_str_eq(w.reason, "idle_timeout");
	close(fd);
}
END_TEST

/* Many times the horizon of the wheel: put back, not closed, not forgotten. */
START_TEST(wheel_beyond_its_end)
{
	struct conn *c;
	int64_t now;
	int fd;

	w.cfg.identify_timeout_ms = 80; /* a tick of 10 ms */
	w.cfg.idle_timeout_ms = 1000000;
	world_start();
	ck_assert_int_eq(w.t->tick_ms, 10);
	fd = identified_client();
	c = CONTAINER_OF(w.conn, struct conn, core);
	now = loop_mono_ms();
	wheel_put(w.t, c, now + 900000);
	ck_assert_int_le(c->due_at, now + WHEEL_SLOTS * 10);
	conn_check(c, c->due_at);
	ck_assert_ptr_null(c->reason);
	conn_check(c, c->seen_at + 1000000);
	ck_assert_str_eq(c->reason, "idle_timeout");
	UNTIL(w.l, w.closed == 1);
	close(fd);
}
END_TEST

/* --- limits ----------------------------------------------------------------*/

START_TEST(max_connections)
{
	int fd[3];

	w.cfg.max_connections = 2;
	world_start();
	fd[0] = client();
	fd[1] = client();
	fd[2] = tio_connect(trackers_port(w.t, 0), NULL, 0);
	UNTIL(w.l, ended(fd[2]));
	ck_assert_uint_eq(counter(TRACKERS_REFUSED_MAX), 1);
	ck_assert_uint_eq(w.opened, 2);
	ck_assert_uint_eq(w.closed, 0); /* never opened, never closed */
	ck_assert_uint_eq(w.notes, 1);
	ck_assert_ptr_nonnull(strstr(w.note, "max_connections"));
	close(fd[0]);
	UNTIL(w.l, w.closed == 1);
	fd[0] = client();
	for (int i = 0; i < 3; i++)
		close(fd[i]);
}
END_TEST

START_TEST(max_unidentified)
{
	int fd[3];

	w.cfg.max_unidentified = 1;
	world_start();
	fd[0] = client();
	fd[1] = tio_connect(trackers_port(w.t, 0), NULL, 0);
	UNTIL(w.l, ended(fd[1])); /* the newest goes */
	ck_assert_uint_eq(counter(TRACKERS_REFUSED_UNIDENTIFIED), 1);
	tio_write(fd[0], REPORT, strlen(REPORT));
	expect(fd[0], SACK);
	fd[2] = client();
	ck_assert_uint_eq(unidentified(), 1);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
}
END_TEST

START_TEST(max_per_address)
{
	int fd[4];

	w.cfg.max_connections_per_address = 2;
	strcpy(w.listen[0].host, "0.0.0.0");
	world_start();
	for (int i = 0; i < 2; i++) {
		fd[i] = client();
	}
	fd[2] = tio_connect(trackers_port(w.t, 0), NULL, 0);
	UNTIL(w.l, ended(fd[2]));
	ck_assert_uint_eq(counter(TRACKERS_REFUSED_ADDRESS), 1);
	/* Another address is another matter. */
	fd[3] = tio_connect(trackers_port(w.t, 0), "127.0.0.9", 0);
	UNTIL(w.l, w.opened == 3);
	close(fd[0]);
	UNTIL(w.l, w.closed == 1);
	fd[0] = client();
	/* Without the limit nobody is counted; with it again, those who are
	 * there are. */
	w.cfg.max_connections_per_address = 0;
	ck_assert_int_eq(trackers_reconfigure(w.t, &w.cfg, NULL), 0);
	close(fd[2]);
	fd[2] = client();
	w.cfg.max_connections_per_address = 3;
	ck_assert_int_eq(trackers_reconfigure(w.t, &w.cfg, NULL), 0);
	close(fd[1]);
	UNTIL(w.l, w.closed == 2);
	fd[1] = client();
	close(fd[3]);
	fd[3] = tio_connect(trackers_port(w.t, 0), NULL, 0);
	UNTIL(w.l, ended(fd[3]));
	ck_assert_uint_eq(counter(TRACKERS_REFUSED_ADDRESS), 2);
	for (int i = 0; i < 4; i++)
		close(fd[i]);
}
END_TEST

START_TEST(address_keys)
{
	struct conn a = {0}, b = {0};

	a.addr[0] = 10;
	ck_assert_uint_ne(address_key(&a), address_key(&b));
	ck_assert_uint_ne(address_key(&b), 0);
	a.v6 = b.v6 = true;
	memset(a.addr, 0, 16);
	a.addr[15] = 1;
	ck_assert_uint_ne(address_key(&a), 0); /* ::1 */
	a.addr[0] = b.addr[0] = 0x20;
	b.addr[15] = 7;
	ck_assert_uint_eq(address_key(&a), address_key(&b)); /* one /64 */
	b.addr[7] = 7;
	ck_assert_uint_ne(address_key(&a), address_key(&b));
}
END_TEST

START_TEST(bad_frames)
{
	static const char *const junk[] = {
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"SSH-2.0-OpenSSH_9.2p1\r\n",
		"\x10\x0e\x01\x04MQTT\x04\x02",
	};
	size_t bad = 0;
	int fd;

	w.cfg.bad_frames_max = 5;
	world_start();
	fd = client();
	for (size_t i = 0; w.closed == 0; i = (i + 1) % ARRAY_LEN(junk)) {
		uint64_t in = counter(TRACKERS_BYTES_IN);

		tio_write(fd, junk[i], strlen(junk[i]));
		tio_write(fd, "+?", 2); /* where the next count is */
		UNTIL(w.l, w.closed > 0 || counter(TRACKERS_BYTES_IN) > in);
		ck_assert_uint_lt(bad++, 10);
	}
	ck_assert_str_eq(w.reason, "bad_frames");
	ck_assert_uint_eq(counter(TRACKERS_BAD_FRAMES_CLOSED), 1);
	ck_assert_uint_eq(w.frames, 0);
	ck_assert_uint_eq(w.stats.bad_frame[FRAME_WHY_GARBAGE] +
	    w.stats.bad_frame[FRAME_WHY_KIND], 5);
	UNTIL(w.l, ended(fd));
	close(fd);
}
END_TEST

/* Nothing in it looks like the begin of a frame: it waits, and is ended. */
START_TEST(foreign_protocol)
{
	static const char hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc";
	int fd;

	w.cfg.identify_timeout_ms = 200;
	world_start();
	fd = client();
	tio_write(fd, hello, sizeof(hello) - 1);
	UNTIL(w.l, w.closed == 1);
	ck_assert_str_eq(w.reason, "identify_timeout");
	ck_assert_uint_eq(counter(TRACKERS_IDENTIFY_TIMEOUT), 1);
	ck_assert_uint_eq(w.stats.bad_frame[FRAME_WHY_GARBAGE], 1);
	close(fd);
}
END_TEST

/* --- output ----------------------------------------------------------------*/

/* A client with small buffers that does not read, until nothing more goes. */
static int
stuffed_client(size_t *ret_taken)
{
	static char junk[2048];
	int size = 4096, fd;
	size_t before = w.opened;

	fd = tio_connect(trackers_port(w.t, 0), NULL, 4096);
	UNTIL(w.l, w.opened == before + 1);
	trackers_identified(w.conn);
	ck_assert_int_eq(setsockopt(CONTAINER_OF(w.conn, struct conn,
	    core)->fd, SOL_SOCKET, SO_SNDBUF, &size,
	    sizeof(size)), 0);
	memset(junk, 'j', sizeof(junk));
	*ret_taken = 0;
	while (CONTAINER_OF(w.conn, struct conn, core)->out_len == 0) {
		trackers_reply(w.conn, junk, sizeof(junk));
		*ret_taken += sizeof(junk);
		ck_assert_uint_lt(*ret_taken, 1 << 22);
	}
	return fd;
}

START_TEST(send_refuses_when_output_waits)
{
	struct conn *c;
	size_t taken, len = 0, whole;
	static char buf[1 << 22];
	bool end = false;
	int fd;

	world_start();
	fd = stuffed_client(&taken);
	c = CONTAINER_OF(w.conn, struct conn, core);
	whole = taken;
	ck_assert_uint_gt(c->out_len, 0);
	ck_assert(!trackers_send(w.conn, "AT+X$", 5));
	trackers_reply(w.conn, SACK, strlen(SACK));
	whole += strlen(SACK);
	/* The rest comes first, then what waited, nothing that was refused. */
	UNTIL(w.l, (len = tio_read(fd, buf, len, sizeof(buf), &end)) == whole);
	ck_assert_int_eq(memcmp(buf + whole - strlen(SACK), SACK,
	    strlen(SACK)), 0);
	for (size_t i = 0; i < taken; i++)
		ck_assert_int_eq(buf[i], 'j');
	ck_assert_ptr_null(c->out);
	ck_assert_uint_eq(c->events, EPOLLIN);
	ck_assert(trackers_send(w.conn, "AT+X$", 5));
	expect(fd, "AT+X$");
	close(fd);
}
END_TEST

/* The window of the peer is shut, and then opens: what was refused never
 * arrives, and of what the kernel took in part no byte more. */
START_TEST(command_is_never_kept)
{
	static char command[1 << 20], buf[1 << 21];
	size_t len = 0, before;
	bool end = false;
	int fd, size = 4096;

	world_start();
	before = w.opened;
	fd = tio_connect(trackers_port(w.t, 0), NULL, 4096);
	UNTIL(w.l, w.opened == before + 1);
	trackers_identified(w.conn);
	ck_assert_int_eq(setsockopt(CONTAINER_OF(w.conn, struct conn,
	    core)->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	memset(command, 'c', sizeof(command));
	command[sizeof(command) - 1] = '$';
	ck_assert(trackers_send(w.conn, command, sizeof(command)));
	ck_assert_uint_eq(CONTAINER_OF(w.conn, struct conn, core)->out_len,
	    0);
	ck_assert(!trackers_send(w.conn, "AT+X$", 5));
	UNTIL(w.l, w.closed == 1);
	ck_assert_str_eq(w.reason, "command_torn");
	UNTIL(w.l, ((len = tio_read(fd, buf, len, sizeof(buf), &end)), end));
	ck_assert_uint_gt(len, 0);
	ck_assert_uint_lt(len, sizeof(command));
	ck_assert_ptr_null(memchr(buf, '$', len));
	close(fd);
}
END_TEST

START_TEST(send_inside_frame)
{
	int fd;

	world_start();
	w.send_in_frame = true;
	fd = client();
	tio_write(fd, REPORT, strlen(REPORT));
	expect(fd, "AT+X$" SACK);
	ck_assert(w.sent_ok);
	close(fd);
}
END_TEST

START_TEST(output_is_bounded)
{
	size_t taken;
	int fd;

	world_start();
	fd = stuffed_client(&taken);
	for (int i = 0; w.closed == 0 && i < 10000; i++) {
		if (w.conn != NULL)
			trackers_reply(w.conn, SACK, strlen(SACK));
		if (i % 100 == 0)
			tio_turn(w.l);
	}
	ck_assert_uint_eq(w.closed, 1);
	ck_assert_str_eq(w.reason, "output_closed");
	ck_assert_uint_eq(counter(TRACKERS_OUTPUT_CLOSED), 1);
	close(fd);
}
END_TEST

START_TEST(output_has_a_deadline)
{
	size_t taken;
	int fd;

	w.cfg.owed_timeout_ms = 300;
	world_start();
	fd = stuffed_client(&taken);
	trackers_reply(w.conn, SACK, strlen(SACK));
	UNTIL(w.l, w.closed == 1);
	ck_assert_str_eq(w.reason, "owed_timeout");
	ck_assert_uint_eq(counter(TRACKERS_OWED_TIMEOUT), 1);
	close(fd);
}
END_TEST

START_TEST(peer_gone_before_send)
{
	struct core_conn *conn;
	int fd;

	world_start();
	fd = identified_client();
	conn = w.conn;
	tio_reset(fd);
	/* Not read yet: the kernel says it. */
	ck_assert(!trackers_send(conn, "AT+X$", 5));
	UNTIL(w.l, w.closed == 1);
	ck_assert_str_eq(w.reason, "reset");
}
END_TEST

/* --- hold ------------------------------------------------------------------*/

START_TEST(hold_reading)
{
	int fd, quiet;

	w.cfg.identify_timeout_ms = 200;
	w.cfg.idle_timeout_ms = 200;
	world_start();
	quiet = identified_client();
	fd = identified_client();
	ck_assert_uint_eq(w.frames, 2);
	trackers_hold_reading(w.t, true);
	tio_write(fd, REPORT, strlen(REPORT));
	/* Longer than any deadline: silence was ours. */
	DURING(w.l, 600, w.frames == 2 && w.closed == 0);
	trackers_hold_reading(w.t, false);
	expect(fd, SACK);
	ck_assert_uint_eq(w.frames, 3);
	/* The one that said nothing all the time is judged as before. */
	UNTIL(w.l, w.closed >= 1);
	ck_assert_str_eq(w.reason, "idle_timeout");
	close(fd);
	close(quiet);
}
END_TEST

START_TEST(hold_inside_frame)
{
	int fd;

	world_start();
	w.hold_in_frame = true;
	fd = client();
	/* What was read is handled; nothing more is read. */
	tio_write(fd, REPORT BEAT, strlen(REPORT BEAT));
	expect(fd, SACK SACK);
	tio_write(fd, BEAT, strlen(BEAT));
	DURING(w.l, 50, w.frames == 2);
	w.hold_in_frame = false;
	trackers_hold_reading(w.t, false);
	expect(fd, SACK);
	close(fd);
}
END_TEST

/* --- accept and listeners --------------------------------------------------*/

START_TEST(ids_ascend)
{
	int fd[50];

	world_start();
	for (int i = 0; i < 50; i++)
		fd[i] = tio_connect(trackers_port(w.t, 0), NULL, 0);
	UNTIL(w.l, w.opened == 50);
	ck_assert(w.ids_ascend);
	ck_assert_uint_eq(w.last_id, 50);
	for (int i = 0; i < 50; i++)
		close(fd[i]);
	UNTIL(w.l, w.closed == 50);
	fd[0] = client();
	ck_assert_uint_eq(w.last_id, 51); /* never again */
	close(fd[0]);
}
END_TEST

START_TEST(accepts_a_turn)
{
	enum { N = ACCEPTS_A_TURN + 100 };
	int fd[N];
	size_t before = 0;

	world_start();
	for (int i = 0; i < N; i++)
		fd[i] = tio_connect(trackers_port(w.t, 0), NULL, 0);
	while (w.opened < N) {
		ck_assert_int_ge(event_base_loop(loop_base(w.l), EVLOOP_ONCE |
		    EVLOOP_NONBLOCK), 0);
		ck_assert_uint_le(w.opened - before, ACCEPTS_A_TURN);
		ck_assert_uint_gt(w.opened, before);
		before = w.opened;
	}
	for (int i = 0; i < N; i++)
		close(fd[i]);
}
END_TEST

START_TEST(options_are_inherited)
{
	struct conn *c;
	socklen_t len = sizeof(int);
	int fd, lfd, v;

	w.cfg.owed_timeout_ms = 77000;
	w.cfg.keepalive_ms = 90000;
	world_start();
	fd = client();
	c = CONTAINER_OF(w.conn, struct conn, core);
	lfd = c->fd;
	ck_assert_int_eq(getsockopt(lfd, IPPROTO_TCP, TCP_NODELAY, &v, &len),
	    0);
	ck_assert_int_ne(v, 0);
	ck_assert_int_eq(getsockopt(lfd, IPPROTO_TCP, TCP_USER_TIMEOUT, &v,
	    &len), 0);
	ck_assert_int_eq(v, 77000);
	ck_assert_int_eq(getsockopt(lfd, SOL_SOCKET, SO_KEEPALIVE, &v, &len),
	    0);
	ck_assert_int_eq(v, 1);
	ck_assert_int_eq(getsockopt(lfd, IPPROTO_TCP, TCP_KEEPIDLE, &v, &len),
	    0);
	ck_assert_int_eq(v, 90);
	/* A reload reaches those that are connected, too. */
	w.cfg.keepalive_ms = 0;
	w.cfg.owed_timeout_ms = 0;
	ck_assert_int_eq(trackers_reconfigure(w.t, &w.cfg, NULL), 0);
	ck_assert_int_eq(getsockopt(lfd, SOL_SOCKET, SO_KEEPALIVE, &v, &len),
	    0);
	ck_assert_int_eq(v, 0);
	ck_assert_int_eq(getsockopt(lfd, IPPROTO_TCP, TCP_USER_TIMEOUT, &v,
	    &len), 0);
	ck_assert_int_eq(v, OWED_DEFAULT_MS);
	close(fd);
}
END_TEST

START_TEST(peer_text)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	char buf[SOCKADDR_TEXT], want[SOCKADDR_TEXT];
	int fd;

	world_start();
	fd = client();
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	snprintf(want, sizeof(want), "127.0.0.1:%u", ntohs(sin.sin_port));
	ck_assert_str_eq(trackers_peer(w.conn, buf, sizeof(buf)), want);
	close(fd);
}
END_TEST

START_TEST(ipv6)
{
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6};
	char buf[SOCKADDR_TEXT];
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	sin6.sin6_addr = in6addr_loopback;
	if (fd < 0 || bind(fd, (struct sockaddr *)&sin6, sizeof(sin6)) < 0) {
		printf("no IPv6 here: skipped\n");
		if (fd >= 0)
			close(fd);
		world_start();
		return;
	}
	strcpy(w.listen[0].host, "[::]");
	world_start();
	/* Only IPv6: 0.0.0.0 of the same port stays free. */
	strcpy(w.listen[1].host, "0.0.0.0");
	w.listen[1].port = trackers_port(w.t, 0);
	w.cfg.listen_count = 2;
	ck_assert_int_eq(trackers_reconfigure(w.t, &w.cfg, NULL), 0);
	sin6.sin6_port = htons(trackers_port(w.t, 0));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sin6, sizeof(sin6)),
	    0);
	UNTIL(w.l, w.opened == 1);
	ck_assert_int_eq(strncmp(trackers_peer(w.conn, buf, sizeof(buf)),
	    "[::1]:", 6), 0);
	close(fd);
}
END_TEST

START_TEST(listen_errors)
{
	struct errtext err = {0};
	struct trackers *t = NULL;
	uint16_t port;

	world_start();
	port = trackers_port(w.t, 0);
	w.listen[1] = w.listen[0];
	w.listen[1].port = port;
	w.cfg.listen = &w.listen[1];
	ck_assert_int_lt(trackers_new(&t, w.l, &w.cfg, &ops, &err), 0);
	ck_assert_ptr_null(t);
	ck_assert_ptr_nonnull(strstr(err.text, "127.0.0.1"));
	ck_assert_ptr_nonnull(strstr(err.text, strerror(EADDRINUSE)));
	strcpy(w.listen[1].host, "fleet.example");
	ck_assert_int_lt(trackers_new(&t, w.l, &w.cfg, &ops, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, "not an IP address"));
}
END_TEST

START_TEST(reconfigure_listeners)
{
	struct errtext err = {0};
	uint16_t first, second;
	int fd, other;

	world_start();
	first = trackers_port(w.t, 0);
	fd = identified_client();
	/* A second one beside it. */
	w.listen[1] = w.listen[0];
	w.listen[1].port = second = tio_free_port();
	w.cfg.listen_count = 2;
	ck_assert_int_eq(trackers_reconfigure(w.t, &w.cfg, &err), 0);
	ck_assert_uint_eq(trackers_port(w.t, 0), first);
	ck_assert_uint_eq(trackers_port(w.t, 1), second);
	other = tio_connect(second, NULL, 0);
	UNTIL(w.l, w.opened == 2);
	/* One of three cannot be bound: nothing changes. */
	w.listen[2] = w.listen[0];
	w.listen[2].port = tio_free_port();
	w.listen[3] = w.listen[0];
	w.listen[3].port = first; /* taken: the first was asked for as 0 */
	w.cfg.listen_count = 4;
	w.cfg.max_connections = 1;
	ck_assert_int_lt(trackers_reconfigure(w.t, &w.cfg, &err), 0);
	ck_assert_uint_eq(trackers_port(w.t, 0), first);
	ck_assert_uint_eq(trackers_port(w.t, 1), second);
	ck_assert_int_lt(tio_try_connect(w.listen[2].port, NULL, 0), 0);
	w.cfg.max_connections = 5000;
	close(other);
	other = client();
	close(other);
	/* The first goes; who came through it stays. */
	w.cfg.listen = &w.listen[1];
	w.cfg.listen_count = 1;
	ck_assert_int_eq(trackers_reconfigure(w.t, &w.cfg, &err), 0);
	ck_assert_uint_eq(trackers_port(w.t, 0), second);
	ck_assert_int_lt(tio_try_connect(first, NULL, 0), 0);
	tio_write(fd, BEAT, strlen(BEAT));
	expect(fd, SACK);
	close(fd);
}
END_TEST

START_TEST(reconfigure_frame_max)
{
	char text[2500];
	int fd;

	world_start();
	fd = identified_client();
	memset(text, 'x', sizeof(text));
	memcpy(text, "+RESP:GTFRI,", 12);
	tio_write(fd, text, sizeof(text));
	UNTIL(w.l, counter(TRACKERS_BYTES_IN) ==
	    sizeof(text) + strlen(REPORT));
	/* What waits is larger than what is allowed from now on. */
	w.cfg.frame_max = 1024;
	ck_assert_int_eq(trackers_reconfigure(w.t, &w.cfg, NULL), 0);
	tio_write(fd, "yyy", 3);
	UNTIL(w.l, counter(TRACKERS_BYTES_IN) ==
	    sizeof(text) + strlen(REPORT) + 3);
	ck_assert_uint_ge(w.stats.bad_frame[FRAME_WHY_OVERSIZE], 1);
	w.cfg.frame_max = 65536;
	ck_assert_int_eq(trackers_reconfigure(w.t, &w.cfg, NULL), 0);
	tio_write(fd, REPORT, strlen(REPORT));
	expect(fd, SACK);
	close(fd);
}
END_TEST

START_TEST(stop_listening)
{
	uint16_t port;
	int fd;

	world_start();
	port = trackers_port(w.t, 0);
	fd = identified_client();
	trackers_stop_listening(w.t);
	ck_assert_uint_eq(trackers_port(w.t, 0), 0);
	ck_assert_int_lt(tio_try_connect(port, NULL, 0), 0);
	tio_write(fd, BEAT, strlen(BEAT));
	expect(fd, SACK);
	/* A reload while draining does not open the doors again. */
	ck_assert_int_eq(trackers_reconfigure(w.t, &w.cfg, NULL), 0);
	ck_assert_uint_eq(trackers_port(w.t, 0), 0);
	close(fd);
}
END_TEST

/* --- descriptors and memory ------------------------------------------------*/

static int64_t
cpu_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* In a child, for the limit is lowered for good. 0: as wanted. */
static int
starve(bool hard)
{
	struct rlimit rl = {96, 96};
	int fd[96], count = 0, spare = -1;
	int64_t cpu, end;
	size_t turns = 0, opened;

	if (setrlimit(RLIMIT_NOFILE, &rl) < 0)
		return 1;
	world_init();
	world_start();
	/* Clients eat descriptors as fast as the server does, until none is
	 * left; hard: even the spare ones are gone. */
	while (count < 60) {
		fd[count] = tio_try_connect(trackers_port(w.t, 0), NULL, 0);
		if (fd[count] < 0)
			break;
		count++;
		if (hard)
			continue;
		tio_turn(w.l);
		if (counter(TRACKERS_EMFILE) > 0)
			break;
	}
	if (hard)
		while ((spare = dup(0)) >= 0)
			;
	UNTIL(w.l, counter(TRACKERS_EMFILE) > 0);
	opened = w.opened;
	if (!hard && opened < 8)
		return 2;
	/* Those that are reserved can still be had. */
	if (!hard && (spare = dup(0)) < 0)
		return 3;
	cpu = cpu_ms();
	end = loop_mono_ms() + 1000;
	while (loop_mono_ms() < end) {
		turns++;
		if (event_base_loop(loop_base(w.l), EVLOOP_ONCE) < 0)
			return 4;
	}
	/* Ten looks a second, not a spin; the tick is one a second. */
	if (turns > 100)
		return 5;
	if (cpu_ms() - cpu > 300)
		return 6;
	if (counter(TRACKERS_EMFILE) > 15 || w.notes != 1)
		return 7;
	/* It goes on by itself when there is room again. */
	if (hard) {
		for (int i = 40; i < 80; i++)
			close(i);
	} else {
		for (int i = 0; i < count / 2; i++)
			close(fd[i]);
	}
	spare = tio_connect(trackers_port(w.t, 0), NULL, 0);
	UNTIL(w.l, w.opened > opened);
	return 0;
}

static void
starve_in_child(bool hard)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(starve(hard));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}

START_TEST(no_descriptors)
{
	world_start();
	starve_in_child(false);
}
END_TEST

START_TEST(no_descriptors_at_all)
{
	world_start();
	starve_in_child(true);
}
END_TEST

START_TEST(idle_memory)
{
	enum { N = 2000 };
	static int fd[N];
	size_t before, after, each;

	world_start();
	/* What the first connections make grow is not theirs alone. */
	fd[0] = identified_client();
	before = mallinfo2().uordblks;
	for (int i = 1; i < N; i++) {
		fd[i] = client();
		tio_write(fd[i], REPORT, strlen(REPORT));
		if (i % 100 == 0 || i == N - 1)
			UNTIL(w.l, w.frames == (size_t)i + 1);
	}
	UNTIL(w.l, unidentified() == 0);
	after = mallinfo2().uordblks;
	each = (after - before) / (N - 1);
	printf("idle connection: %zu bytes (struct conn %zu)\n", each,
	    sizeof(struct conn));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	ck_assert_uint_gt(each, sizeof(struct conn));
	ck_assert_uint_lt(each, 400);
#endif
	for (int i = 0; i < N; i++)
		close(fd[i]);
	UNTIL(w.l, w.closed == N);
}
END_TEST

START_TEST(counter_names)
{
	for (int i = 0; i < TRACKERS_COUNTER_COUNT_; i++) {
		const char *name = trackers_counter_name(
		    (enum trackers_counter)i);

		ck_assert_ptr_nonnull(name);
		ck_assert_uint_gt(strlen(name), 0);
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(name, trackers_counter_name(
			    (enum trackers_counter)j));
	}
	world_start();
}
END_TEST

static void
add(Suite *s, const char *name, const TTest *const *tests, size_t count)
{
	TCase *tc = tcase_create(name);

	/* For CK_EXCLUDE_TAGS: a tool may have to leave a case out. */
	tcase_set_tags(tc, name);
	tcase_add_checked_fixture(tc, world_init, world_done);
	tcase_set_timeout(tc, 60);
	for (size_t i = 0; i < count; i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(s, tc);
}

#define ADD(s, name, ...) do { \
	const TTest *const tests_[] = {__VA_ARGS__}; \
	add(s, name, tests_, ARRAY_LEN(tests_)); \
} while (0)

int
main(void)
{
	Suite *s = suite_create("trackers");
	SRunner *sr;
	int failed;

	ADD(s, "frames", splits, drip, glued_one_send, glued_many, oversize,
	    undecodable_is_counted, binary_frames,
	    bad_value_is_an_ordinary_report);
	ADD(s, "ends", health_check_is_quiet, reset,
	    half_close_gets_its_replies, close_in_frame, close_twice_is_once,
	    free_calls_nobody);
	ADD(s, "deadlines", identify_timeout, partial_deadline_is_absolute,
	    idle_timeout, idle_timeout_spares_the_busy,
	    idle_timeout_looks_again, wheel_beyond_its_end);
	ADD(s, "limits", max_connections, max_unidentified, max_per_address,
	    address_keys, bad_frames, foreign_protocol);
	ADD(s, "output", send_refuses_when_output_waits,
	    command_is_never_kept, send_inside_frame,
	    output_is_bounded, output_has_a_deadline, peer_gone_before_send);
	ADD(s, "hold", hold_reading, hold_inside_frame);
	ADD(s, "accept", ids_ascend, accepts_a_turn, options_are_inherited,
	    peer_text, ipv6, listen_errors, reconfigure_listeners,
	    reconfigure_frame_max, stop_listening);
	ADD(s, "resources", no_descriptors, no_descriptors_at_all, idle_memory,
	    counter_names);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
