#include "config.h"
#include "bench.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILE_BYTES 500000
#define TOGETHER 16
#define DOWNLOADS 400
/* Of an MTU of 1500. With the 64 KiB of the loopback eight packets are a file:
 * what is measured then is how often a sender is woken, and a send buffer that
 * a network fills with ease holds less than one of them. */
#define SEGMENT 1448
#define SLOW_CLIENTS 1000
#define SLOW_BYTES_A_S 20000.0
#define SLOW_S 3.0

static const char request[] = "GET /fw.bin HTTP/1.1\r\nHost: bench\r\n"
    "Connection: close\r\n\r\n";

struct client {
	int fd;
	size_t got;
};

static void
file_write(void)
{
	FILE *f = fopen("firmware/fw.bin", "w");

	if (f == NULL)
		die("fw.bin: %s", strerror(errno));
	for (int i = 0; i < FILE_BYTES; i++)
		(void)fputc(i * 7 & 0xff, f);
	if (fclose(f) != 0)
		die("fw.bin: %s", strerror(errno));
}

static void
client_begin(struct client *c, uint16_t port, int segment, int receive_bytes)
{
	ssize_t n = sizeof(request) - 1;

	c->got = 0;
	if ((c->fd = connect_with(port, 0, false, segment)) < 0)
		die("no connection for a download: %s", strerror(errno));
	if (receive_bytes > 0)
		(void)setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes,
		    sizeof(receive_bytes));
	if (send(c->fd, request, (size_t)n, MSG_NOSIGNAL) != n)
		die("send: %s", strerror(errno));
}

/* Takes at most max bytes. False at the end of the answer. */
static bool
client_read(struct client *c, size_t max)
{
	char buf[1024];
	ssize_t n;

	if (c->got == 0) {
		n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n > 0 && strncmp(buf, "HTTP/1.1 200 ", 13) != 0)
			die("a download was refused: %.40s", buf);
	} else {
		/* The kernel drops them: a client that costs next to
		 * nothing. */
		n = recv(c->fd, NULL, max, MSG_DONTWAIT | MSG_TRUNC);
	}
	if (n > 0)
		c->got += (size_t)n;
	if (n < 0 && errno != EAGAIN)
		die("a download broke: %s", strerror(errno));
	return n != 0;
}

/* us of the server for each. */
static double
downloads(const struct server *s, uint16_t port, int segment)
{
	struct client c[TOGETHER];
	struct pollfd p[TOGETHER];
	double before = server_cpu_s(s);
	int begun = 0, done = 0;

	for (size_t i = 0; i < TOGETHER; i++, begun++)
		client_begin(&c[i], port, segment, 0);
	while (done < DOWNLOADS) {
		for (size_t i = 0; i < TOGETHER; i++)
			p[i] = (struct pollfd){.fd = c[i].fd,
				.events = POLLIN};
		(void)poll(p, TOGETHER, 1000);
		for (size_t i = 0; i < TOGETHER; i++) {
			if ((p[i].revents & (POLLIN | POLLHUP)) == 0 ||
			    client_read(&c[i], 1 << 20))
				continue;
			if (c[i].got < FILE_BYTES)
				die("a download ended at %zu bytes",
				    c[i].got);
			(void)close(c[i].fd);
			c[i].fd = -1;
			done++;
			if (begun++ < DOWNLOADS)
				client_begin(&c[i], port, segment, 0);
		}
	}
	server_quiet(s);
	return (server_cpu_s(s) - before) / DOWNLOADS * 1e6;
}

static uint16_t
files_port(const struct server *s)
{
	return s->kind == SERVER_DAEMON_FILES ? s->files_port : s->port;
}

static void
downloads_compare(struct outcome *r, int segment, int turns)
{
	static const enum server_kind kinds[] = {SERVER_DAEMON_FILES,
		SERVER_NGINX};
	static const char *const names[] = {"trackupd", "nginx, sendfile"};
	struct server s[2] = {{0}};
	struct series *row[2];

	say("%s ...", r->title);
	r->beside = 1;
	for (size_t i = 0; i < 2; i++) {
		row[i] = outcome_row(r, names[i]);
		row[i]->missing = server_missing(kinds[i]);
		if (row[i]->missing == NULL)
			server_start(&s[i], kinds[i], "");
	}
	file_write();
	for (int turn = -1; turn < turns; turn++)
		for (size_t i = 0; i < 2; i++) {
			double us;

			if (row[i]->missing != NULL)
				continue;
			us = downloads(&s[i], files_port(&s[i]), segment);
			if (turn >= 0)
				series_add(row[i], us);
		}
	for (size_t i = 0; i < 2; i++)
		if (row[i]->missing == NULL)
			server_stop(&s[i]);
	work_clear();
}

void
bench_downloads(void)
{
	struct outcome *r = outcome_new("download", "CPU per download of "
	    "500 KB, 16 at a time, packets of 1,448 bytes", "us");

	r->goal = GOAL_AT_MOST;
	r->limit = 1.2;
	downloads_compare(r, SEGMENT, 9);
	downloads_compare(outcome_new("download_64k", "The same, packets of "
	    "64 KiB (no network has them)", "us"), 0, 5);
}

/* --- clients that take their time ------------------------------------------*/

static void
slow_once(enum server_kind kind, struct series *memory, struct series *cpu)
{
	static struct client c[SLOW_CLIENTS];
	double start, before_cpu, before, t;
	struct server s;

	server_start(&s, kind, "");
	file_write();
	(void)downloads(&s, files_port(&s), SEGMENT);
	before = server_memory(&s);
	before_cpu = server_cpu_s(&s);
	for (size_t i = 0; i < SLOW_CLIENTS; i++)
		client_begin(&c[i], files_port(&s), SEGMENT, 8192);
	start = now_s();
	while ((t = now_s() - start) < SLOW_S) {
		for (size_t i = 0; i < SLOW_CLIENTS; i++)
			if ((double)c[i].got < SLOW_BYTES_A_S * t &&
			    !client_read(&c[i], 4096))
				die("a slow client was dropped");
		sleep_s(0.002);
	}
	for (size_t i = 0; i < SLOW_CLIENTS; i++)
		if ((double)c[i].got < SLOW_BYTES_A_S * SLOW_S / 2)
			die("a slow client got only %zu bytes", c[i].got);
	series_add(memory, (server_memory(&s) - before) / SLOW_CLIENTS);
	series_add(cpu, (server_cpu_s(&s) - before_cpu) / t * 100);
	for (size_t i = 0; i < SLOW_CLIENTS; i++)
		(void)close(c[i].fd);
	server_stop(&s);
	work_clear();
}

void
bench_slow(void)
{
	struct outcome *m = outcome_new("slow", "Own memory per slow client "
	    "(of 1,000 that take 20 KB/s)", "bytes");
	struct outcome *c = outcome_new("slow_cpu", "CPU of these", "% of 1");
	static const enum server_kind kinds[] = {SERVER_DAEMON_FILES,
		SERVER_NGINX};
	static const char *const names[] = {"trackupd", "nginx, sendfile"};

	say("%s ...", m->title);
	m->goal = GOAL_AT_MOST;
	m->limit = 8192;
	c->beside = 1;
	for (size_t i = 0; i < 2; i++) {
		struct series *memory = outcome_row(m, names[i]);
		struct series *cpu = outcome_row(c, names[i]);

		memory->missing = cpu->missing = server_missing(kinds[i]);
		if (memory->missing == NULL)
			slow_once(kinds[i], memory, cpu);
	}
}
