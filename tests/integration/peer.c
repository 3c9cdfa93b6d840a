/*
 * peer: what connects to the tracker port, good and bad. Each mode ends with
 * one line on standard output and 0 when the daemon did what is due.
 *
 *   peer PORT ask ID [MS]          a heartbeat, answered within MS (2000)
 *   peer PORT report ID [MS]       a power-on report, acknowledged within MS
 *   peer PORT storm N MS           N trackers within MS, a heartbeat each, all
 *                                  answered; then all leave at once
 *   peer PORT ids N [FIRST]        N heartbeats of N ids on one connection
 *   peer PORT reports N ID         N power-on reports of one id
 *   peer PORT hold N [FIRST]       N connections, until standard input ends;
 *                                  each says who it is when FIRST is given
 *   peer PORT zero-window          sends and never reads, until cut off
 *   peer PORT half-open ID         heartbeats; from then on the kernel throws
 *                                  away what comes, until standard input ends
 *   peer PORT drip                 a heartbeat, then a frame byte by byte,
 *                                  until cut off
 *   peer PORT garbage              bytes without sense, until cut off
 *   peer PORT speak tls|http|ssh|mqtt   the first words of another protocol;
 *                                  nothing may come back before the end
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PEERS_MAX 20000
#define CUT_OFF_MS 20000
#define FIRST_ID 70000000000000

static struct sockaddr_in daemon_at = {.sin_family = AF_INET};

static void __attribute__((noreturn, format(printf, 1, 2)))
fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)putchar('\n');
	exit(1);
}

static long
number(const char *s)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(s, &end, 10);
	if (errno != 0 || end == s || *end != '\0' || v < 0)
		fail("not a number: %s", s);
	return v;
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int
dial(int receive_buffer)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fail("socket: %s", strerror(errno));
	/* Before the handshake: it bounds the window that is offered. */
	if (receive_buffer > 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer,
		    sizeof(receive_buffer));
	if (connect(fd, (struct sockaddr *)&daemon_at, sizeof(daemon_at)) != 0)
		fail("connect: %s", strerror(errno));
	return fd;
}

static void
wait_for_stdin(void)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) > 0)
		continue;
}

static size_t
heartbeat(char *buf, size_t size, const char *id, unsigned count)
{
	int n = snprintf(buf, size, "+ACK:GTHBD,C20100,%s,,20240101000000,"
	    "%04X$", id, count & 0xffff);

	return n < 0 ? 0 : (size_t)n;
}

static void
id_text(char buf[32], long first, long i)
{
	(void)snprintf(buf, 32, "%014ld0", (first > 0 ? first : FIRST_ID) + i);
}

/* False: the other side has closed. */
static bool
put(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return false;
		p += sent;
		n -= (size_t)sent;
	}
	return true;
}

/* Answers that came: frames end with '$'. -1: closed. */
static long
take_answers(int fd, int64_t until_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char buf[65536];
	int64_t left = until_ms - now_ms();
	long count = 0;
	ssize_t n;

	if (left < 0 || poll(&p, 1, (int)left) <= 0)
		return 0;
	n = recv(fd, buf, sizeof(buf), 0);
	if (n <= 0)
		return -1;
	for (ssize_t i = 0; i < n; i++)
		count += buf[i] == '$';
	return count;
}

static int
ask(const char *text, size_t n, long limit_ms)
{
	int64_t began = now_ms();
	int fd = dial(0);
	long got;

	if (!put(fd, text, n))
		fail("closed while sending");
	got = take_answers(fd, began + limit_ms);
	if (got <= 0)
		fail("%s after %lld ms", got < 0 ? "closed" : "no answer",
		    (long long)(now_ms() - began));
	(void)printf("answered in %lld ms\n", (long long)(now_ms() - began));
	return 0;
}

static int
mode_ask(const char *id, long limit_ms)
{
	char buf[200];

	return ask(buf, heartbeat(buf, sizeof(buf), id, 1), limit_ms);
}

static int
mode_report(const char *id, long limit_ms)
{
	char buf[200];
	int n = snprintf(buf, sizeof(buf),
	    "+RESP:GTPNA,C20100,%s,,20240101000000,%04X$", id,
	    (unsigned)(now_ms() & 0xffff));

	return ask(buf, (size_t)n, limit_ms);
}

/* --- many ------------------------------------------------------------------*/

static int peer_fd[PEERS_MAX];

static int
mode_storm(long count, long span_ms)
{
	int64_t began = now_ms(), until = began + span_ms + 10000;
	long answered = 0, lost = 0;
	char buf[200], id[32];

	if (count > PEERS_MAX)
		fail("at most %d", PEERS_MAX);
	for (long i = 0; i < count; i++) {
		int64_t due = began + span_ms * i / count;

		peer_fd[i] = dial(0);
		id_text(id, 0, i);
		if (!put(peer_fd[i], buf, heartbeat(buf, sizeof(buf), id, 1)))
			lost++;
		if (now_ms() < due)
			(void)poll(NULL, 0, (int)(due - now_ms()));
	}
	for (long i = 0; i < count; i++)
		answered += take_answers(peer_fd[i], until) > 0;
	(void)printf("%ld of %ld answered in %lld ms, %ld lost\n", answered,
	    count, (long long)(now_ms() - began), lost);
	return answered == count ? 0 : 1;
}

static size_t
power_on(char *buf, size_t size, const char *id, long i)
{
	int n = snprintf(buf, size, "+RESP:GTPNA,C20100,%s,,2024010100%04ld,"
	    "%04lX$", id, i / 65536, i & 0xffff);

	return n < 0 ? 0 : (size_t)n;
}

/* Of one id, when it is given; else of as many ids. */
static int
mode_ids(long count, long first, const char *one)
{
	int64_t began = now_ms(), until = began + 60000;
	/* What waits for the disk is bounded; over that, nothing is said. */
	long window = one != NULL ? 50 : 2000;
	int fd = dial(0);
	long sent = 0, answered = 0;
	char buf[32768], id[32];

	while (answered < count) {
		size_t n = 0;
		long got;

		while (sent < count && n + 200 < sizeof(buf) &&
		    sent - answered < window) {
			id_text(id, first, sent++);
			n += one != NULL ? power_on(buf + n, sizeof(buf) - n,
			    one, sent) : heartbeat(buf + n, sizeof(buf) - n, id,
			    (unsigned)sent);
		}
		if (n > 0 && !put(fd, buf, n))
			fail("closed after %ld ids", sent);
		if ((got = take_answers(fd, until)) <= 0)
			fail("%s after %ld answers", got < 0 ? "closed" :
			    "silence", answered);
		answered += got;
	}
	(void)printf("%ld ids in %lld ms\n", count,
	    (long long)(now_ms() - began));
	return 0;
}

static int
mode_hold(long count, long first)
{
	char buf[200], id[32];
	long closed = 0;

	if (count > PEERS_MAX)
		fail("at most %d", PEERS_MAX);
	for (long i = 0; i < count; i++) {
		peer_fd[i] = dial(0);
		id_text(id, first, i);
		if (first > 0 && (!put(peer_fd[i], buf,
			heartbeat(buf, sizeof(buf), id, 1)) ||
			take_answers(peer_fd[i], now_ms() + 5000) <= 0))
			closed++;
	}
	(void)printf("%ld held, %ld refused\n", count - closed, closed);
	(void)fflush(stdout);
	wait_for_stdin();
	return 0;
}

/* --- bad ones --------------------------------------------------------------*/

static int
cut_off(int fd, int64_t began, const char *what)
{
	(void)close(fd);
	(void)printf("cut off after %lld ms: %s\n",
	    (long long)(now_ms() - began), what);
	return 0;
}

static int
mode_zero_window(void)
{
	struct timeval patience = {.tv_sec = CUT_OFF_MS / 1000};
	int64_t began = now_ms();
	int fd = dial(2048);
	char buf[200];
	size_t n;

	/* When its output is full the daemon may well stop reading, too. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
	    sizeof(patience));
	for (unsigned i = 0; now_ms() - began < CUT_OFF_MS; i++) {
		n = heartbeat(buf, sizeof(buf), "700000000000017", i);
		if (!put(fd, buf, n))
			return cut_off(fd, began, strerror(errno));
	}
	fail("never cut off");
}

/* What the kernel gets for this socket vanishes, its ACKs too: for the other
 * side it is a host that was switched off. */
static int
mode_half_open(const char *id)
{
	struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = {.len = 1, .filter = &drop};
	int fd = dial(0);
	char buf[200];

	if (!put(fd, buf, heartbeat(buf, sizeof(buf), id, 1)) ||
	    take_answers(fd, now_ms() + 5000) != 1)
		fail("not answered");
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
		sizeof(prog)) != 0)
		fail("SO_ATTACH_FILTER: %s", strerror(errno));
	(void)put(fd, buf, heartbeat(buf, sizeof(buf), id, 2));
	(void)printf("gone\n");
	(void)fflush(stdout);
	wait_for_stdin();
	return 0;
}

static int
mode_drip(void)
{
	static const char frame[] = "+RESP:GTFRI,C20100,700000000000018,,";
	int64_t began = now_ms();
	int fd = dial(0);
	char hello[200];

	/* Known by name, so that only the frame's own deadline is left. */
	if (!put(fd, hello, heartbeat(hello, sizeof(hello), "700000000000018",
		1)) || take_answers(fd, now_ms() + 5000) != 1)
		fail("not answered");
	for (size_t i = 0; now_ms() - began < CUT_OFF_MS; i++) {
		char c = i < sizeof(frame) - 1 ? frame[i] : 'x';

		if (!put(fd, &c, 1) || take_answers(fd, now_ms() + 30) < 0)
			return cut_off(fd, began, "closed");
	}
	fail("never cut off");
}

static int
mode_garbage(void)
{
	uint64_t state = 88172645463325252U;
	int64_t began = now_ms();
	int fd = dial(0);
	char buf[4096];

	while (now_ms() - began < CUT_OFF_MS) {
		for (size_t i = 0; i < sizeof(buf); i++) {
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			buf[i] = (char)(state >> 32);
		}
		if (!put(fd, buf, sizeof(buf)))
			return cut_off(fd, began, strerror(errno));
	}
	fail("never cut off");
}

static int
mode_speak(const char *name)
{
	static const struct {
		const char *name, *bytes;
		size_t len;
	} word[] = {
#define WORD(name_, bytes_) {name_, bytes_, sizeof(bytes_) - 1}
	    WORD("tls", "\x16\x03\x01\x00\x41\x01\x00\x00\x3d\x03\x03"
	        "0123456789abcdef0123456789abcdef\x00\x00\x04\x13\x01\x00\xff"
	        "\x01\x00\x00\x10\x00\x2b\x00\x03\x02\x03\x04\x00\x0a\x00\x05"
	        "\x00\x03\x00\x1d"),
	    WORD("http", "GET / HTTP/1.1\r\nHost: tracker:9620\r\n"
	        "User-Agent: curl/7.88\r\nAccept: */*\r\n\r\n"),
	    WORD("ssh", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"),
	    WORD("mqtt", "\x10\x1a\x00\x04MQTT\x04\x02\x00\x3c\x00\x0etracker"
	        "-000001"),
#undef WORD
	};
	int64_t began = now_ms();
	struct pollfd p = {.events = POLLIN};
	char buf[256];
	ssize_t n;

	for (size_t i = 0; i < sizeof(word) / sizeof(*word); i++) {
		if (strcmp(word[i].name, name) != 0)
			continue;
		p.fd = dial(0);
		if (!put(p.fd, word[i].bytes, word[i].len))
			return cut_off(p.fd, began, name);
		if (poll(&p, 1, CUT_OFF_MS) <= 0)
			fail("%s: never cut off", name);
		if ((n = recv(p.fd, buf, sizeof(buf), 0)) > 0)
			fail("%s: answered with %zd bytes", name, n);
		return cut_off(p.fd, began, name);
	}
	fail("no such protocol: %s", name);
}

/* --- the command line ------------------------------------------------------*/

static void
more_descriptors(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 2 ? argv[2] : "";
	const char *a = argc > 3 ? argv[3] : NULL;
	const char *b = argc > 4 ? argv[4] : NULL;

	if (argc < 3)
		fail("usage: peer PORT MODE [ARGUMENT...]");
	daemon_at.sin_port = htons((uint16_t)number(argv[1]));
	daemon_at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	more_descriptors();
	if (strcmp(mode, "ask") == 0 && a != NULL)
		return mode_ask(a, b == NULL ? 2000 : number(b));
	if (strcmp(mode, "report") == 0 && a != NULL)
		return mode_report(a, b == NULL ? 2000 : number(b));
	if (strcmp(mode, "storm") == 0 && b != NULL)
		return mode_storm(number(a), number(b));
	if (strcmp(mode, "ids") == 0 && a != NULL)
		return mode_ids(number(a), b == NULL ? 0 : number(b), NULL);
	if (strcmp(mode, "reports") == 0 && b != NULL)
		return mode_ids(number(a), 0, b);
	if (strcmp(mode, "hold") == 0 && a != NULL)
		return mode_hold(number(a), b == NULL ? 0 : number(b));
	if (strcmp(mode, "zero-window") == 0)
		return mode_zero_window();
	if (strcmp(mode, "half-open") == 0 && a != NULL)
		return mode_half_open(a);
	if (strcmp(mode, "drip") == 0)
		return mode_drip();
	if (strcmp(mode, "garbage") == 0)
		return mode_garbage();
	if (strcmp(mode, "speak") == 0 && a != NULL)
		return mode_speak(a);
	fail("no such mode: %s", mode);
}
