/*
 * floor MODE PORT: the least that a program must do for a frame; what trackupd
 * costs more is the price of what it does more.
 *
 *   bare   epoll, one read an event, '$' is counted, nothing else
 *   parse  raw libevent events; all fields split, the device looked up among a
 *          million and updated
 *   ack    the same, and one acknowledgement a frame, those of a read in one
 *          send
 *
 * One thread, one shared read buffer, a private one only while a frame is
 * unfinished: the shape that performance.md found to be the best.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/attr.h"

#define READ_BYTES 65536
#define DEVICES 1000000
#define TABLE_BITS 21
#define FIELDS_MAX 24
#define FIRST_ID UINT64_C(0xA0000000000000)

struct device {
	uint64_t id;
	uint64_t frames;
	char count[4];
	char kind[4];
};

struct conn {
	struct event ev;
	struct device *device; /* the last that spoke here */
	char *part;
	size_t part_len;
	int fd;
};

static struct event_base *base;
static struct device *table;
static bool acknowledges;
static uint64_t frames;
static char rbuf[READ_BYTES];
static char reply[READ_BYTES];
static size_t reply_len;

static void
die(const char *what)
{
	(void)fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct device *
device_slot(uint64_t id)
{
	size_t i = (size_t)(id * UINT64_C(0x9E3779B97F4A7C15) >>
	    (64 - TABLE_BITS));

	while (table[i].id != 0 && table[i].id != id)
		i = (i + 1) & ((1 << TABLE_BITS) - 1);
	return &table[i];
}

static void
table_make(void)
{
	table = calloc((size_t)1 << TABLE_BITS, sizeof(*table));
	if (table == NULL)
		die("table");
	for (uint64_t i = 0; i < DEVICES; i++)
		device_slot(FIRST_ID + i)->id = FIRST_ID + i;
}

/* head: "+SACK:" or, to a heartbeat, with kind and version behind it. */
static void
acknowledge(const char *head, size_t n, const char *count)
{
	char *p = reply + reply_len;

	if (sizeof(reply) - reply_len < n + 5)
		return;
	memcpy(p, head, n);
	memcpy(p + n, count, 4);
	p[n + 4] = '$';
	reply_len += n + 5;
}

/* s ends before its '$'. */
static void
frame(struct conn *c, const char *s, const char *end)
{
	const char *field[FIELDS_MAX], *p = s;
	struct device *d = c->device;
	uint64_t id = 0;
	size_t n = 0;

	frames++;
	field[n++] = s;
	while (n < FIELDS_MAX &&
	    (p = memchr(p, ',', (size_t)(end - p))) != NULL)
		field[n++] = ++p;
	if (n < 5 || end - s < 11 || end - field[n - 1] != 4 ||
	    (memcmp(s, "+RESP:GT", 8) != 0 && memcmp(s, "+ACK:GT", 7) != 0))
		return;
	for (p = field[2]; *p != ','; p++)
		id = id << 4 | (uint64_t)((*p & 15) + (*p > '9' ? 9 : 0));
	if (d == NULL || d->id != id) {
		d = c->device = device_slot(id);
		d->id = id;
	}
	d->frames++;
	memcpy(d->kind, s + 8, 3);
	memcpy(d->count, field[n - 1], 4);
	if (!acknowledges)
		return;
	if (s[1] == 'R')
		acknowledge("+SACK:", 6, field[n - 1]);
	else
		acknowledge("+SACK:GTHBD,C20100,", 19, field[n - 1]);
}

static void
chunk(struct conn *c, const char *p, size_t n)
{
	const char *end = p + n, *mark;
	char *whole = NULL;

	if (c->part_len > 0) {
		whole = malloc(c->part_len + n);
		if (whole == NULL)
			die("memory");
		memcpy(whole, c->part, c->part_len);
		memcpy(whole + c->part_len, p, n);
		p = whole;
		end = p + c->part_len + n;
		free(c->part);
		c->part = NULL;
		c->part_len = 0;
	}
	while (p < end && (mark = memchr(p, '$', (size_t)(end - p))) != NULL) {
		if (table == NULL)
			frames++;
		else
			frame(c, p, mark);
		p = mark + 1;
	}
	if (p < end) {
		c->part_len = (size_t)(end - p);
		if ((c->part = malloc(c->part_len)) == NULL)
			die("memory");
		memcpy(c->part, p, c->part_len);
	}
	free(whole);
}

/* False: the peer is gone. */
static bool
conn_read(struct conn *c)
{
	ssize_t n = recv(c->fd, rbuf, sizeof(rbuf), 0);

	if (n < 0 && errno == EAGAIN)
		return true;
	if (n <= 0)
		return false;
	chunk(c, rbuf, (size_t)n);
	if (reply_len > 0)
		(void)send(c->fd, reply, reply_len,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	reply_len = 0;
	return true;
}

static void
conn_free(struct conn *c)
{
	(void)close(c->fd);
	free(c->part);
	free(c);
}

static struct conn *
conn_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct conn *c;

	if (fd < 0)
		return NULL;
	if ((c = calloc(1, sizeof(*c))) == NULL)
		die("memory");
	c->fd = fd;
	return c;
}

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd, (void)what;
	if (conn_read(c))
		return;
	(void)event_del(&c->ev);
	conn_free(c);
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c;

	(void)what, (void)arg;
	while ((c = conn_accept(fd)) != NULL) {
		(void)event_assign(&c->ev, base, c->fd, EV_READ | EV_PERSIST,
		    on_read, c);
		(void)event_add(&c->ev, NULL);
	}
}

static void
serve_libevent(int listener)
{
	struct event *ev;

	table_make();
	if ((base = event_base_new()) == NULL)
		die("event_base_new");
	ev = event_new(base, listener, EV_READ | EV_PERSIST, on_accept, NULL);
	if (ev == NULL || event_add(ev, NULL) < 0)
		die("event_add");
	(void)event_base_dispatch(base);
}

static void
serve_epoll(int listener)
{
	struct epoll_event e = {.events = EPOLLIN}, ready[512];
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, listener, &e) < 0)
		die("epoll");
	for (;;) {
		int n = epoll_wait(ep, ready, ARRAY_LEN(ready), -1);

		for (int i = 0; i < n; i++) {
			struct conn *c = ready[i].data.ptr;

			if (c != NULL && !conn_read(c))
				conn_free(c);
			if (c != NULL)
				continue;
			while ((c = conn_accept(listener)) != NULL) {
				e.data.ptr = c;
				if (epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e) <
				    0)
					die("epoll_ctl");
			}
		}
	}
}

static int
listen_on(const char *port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 ||
	    listen(fd, 65535) < 0)
		die("listen");
	return fd;
}

int
main(int argc, char **argv)
{
	struct rlimit r;

	if (argc != 3) {
		(void)fprintf(stderr, "usage: floor bare|parse|ack PORT\n");
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
	acknowledges = strcmp(argv[1], "ack") == 0;
	if (strcmp(argv[1], "bare") == 0)
		serve_epoll(listen_on(argv[2]));
	else
		serve_libevent(listen_on(argv[2]));
	return 1;
}
