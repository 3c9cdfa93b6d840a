/*
 * tap: stands between the trackers and the daemon and writes down what passes.
 *
 *   tap DIRECTORY PORT TO UDP_PORT UDP_TO
 *
 * Connections to 127.0.0.1:PORT go on to 127.0.0.1:TO, each from a port of
 * 127.0.0.9 that no other had; DIRECTORY/PORT.up and .down are the bytes that
 * the daemon was sent and sent, PORT.life is when, in ms of the wall clock, it
 * began and ended. Of datagrams, from UDP_PORT to UDP_TO, 0.udp has one line
 * each: when it came, and its bytes in hexadecimal. Ends on SIGTERM.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PAIRS_MAX 1000
#define FIRST_PORT 10000

struct pair {
	FILE *log[2];           /* up, down */
	int fd[2];              /* the tracker's, the daemon's */
	unsigned port;
	long long since;
	bool ended[2];          /* said no more, and was passed on */
};

/* Two of a pair: the tracker's, the daemon's. First the listener and the
 * socket of datagrams. */
static struct pollfd fds[2 + 2 * PAIRS_MAX];
static struct pair pairs[PAIRS_MAX];
static size_t count;
static unsigned next_port = FIRST_PORT;
static const char *directory;
static uint16_t target, udp_target;
static volatile sig_atomic_t ended;

static struct {
	struct sockaddr_in sin;
	int fd;
} source[PAIRS_MAX];
static size_t sources;
static FILE *udp_log;

static void
on_term(int signo)
{
	(void)signo;
	ended = 1;
}

static void
fail(const char *what)
{
	(void)fprintf(stderr, "tap: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long long
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static struct sockaddr_in
local(uint16_t port, uint32_t host)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
	    .sin_port = htons(port), .sin_addr.s_addr = htonl(host)};
}

static int
listener(int type, uint16_t port)
{
	struct sockaddr_in sin = local(port, INADDR_LOOPBACK);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 ||
	    (type == SOCK_STREAM && listen(fd, 1000) < 0))
		fail("listen");
	return fd;
}

static FILE *
file_open(unsigned port, const char *end)
{
	char path[4096];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%u.%s", directory, port, end);
	if ((f = fopen(path, "we")) == NULL)
		fail(path);
	return f;
}

/* To the daemon, from a port of its own; -1: it is away. */
static int
reach(unsigned *ret_port)
{
	struct sockaddr_in from, to = local(target, INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		fail("socket");
	do {
		if (next_port > 65000)
			fail("more connections than ports");
		from = local((uint16_t)next_port++, 0x7f000009);
	} while (bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		(void)close(fd);
		return -1;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	*ret_port = next_port - 1;
	return fd;
}

static void
add(int fd)
{
	struct pair *p = &pairs[count];
	int one = 1, to;

	if (fd < 0)
		return;
	if (count == PAIRS_MAX || (to = reach(&p->port)) < 0) {
		(void)close(fd);
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	p->since = now_ms();
	p->log[0] = file_open(p->port, "up");
	p->log[1] = file_open(p->port, "down");
	p->ended[0] = p->ended[1] = false;
	p->fd[0] = fd;
	p->fd[1] = to;
	fds[2 + 2 * count] = (struct pollfd){.fd = fd, .events = POLLIN};
	fds[3 + 2 * count] = (struct pollfd){.fd = to, .events = POLLIN};
	count++;
}

static void
drop(size_t i)
{
	FILE *life = file_open(pairs[i].port, "life");

	(void)fprintf(life, "%lld %lld\n", pairs[i].since, now_ms());
	(void)fclose(life);
	for (int side = 0; side < 2; side++) {
		(void)close(pairs[i].fd[side]);
		(void)fclose(pairs[i].log[side]);
	}
	count--;
	pairs[i] = pairs[count];
	fds[2 + 2 * i] = fds[2 + 2 * count];
	fds[3 + 2 * i] = fds[3 + 2 * count];
}

/* Up is what the daemon was sent, down what it sent. */
static void
pass(size_t i, int side)
{
	int to = pairs[i].fd[!side];
	char buf[65536];
	ssize_t n = recv(pairs[i].fd[side], buf, sizeof(buf), 0), sent;

	if (n <= 0) {
		/* A reset, too, is passed on as an end: what came before it
		 * arrives. */
		pairs[i].ended[side] = true;
		fds[2 + 2 * i + (size_t)side].fd = -1;
		fds[2 + 2 * i + (size_t)side].revents = 0;
		(void)shutdown(to, SHUT_WR);
		return;
	}
	sent = send(to, buf, (size_t)n, MSG_NOSIGNAL);
	if (side == 0 && sent < 0)
		return;
	(void)fwrite(buf, 1, side == 0 ? (size_t)sent : (size_t)n,
	    pairs[i].log[side]);
}

/* --- datagrams -----------------------------------------------------------*/

static void
datagram_up(int fd)
{
	struct sockaddr_in sin, to = local(udp_target, INADDR_LOOPBACK);
	socklen_t len = sizeof(sin);
	char buf[65536];
	ssize_t n = recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT,
	    (struct sockaddr *)&sin, &len);
	size_t i = 0;

	if (n <= 0)
		return;
	while (i < sources && source[i].sin.sin_port != sin.sin_port)
		i++;
	if (i == PAIRS_MAX)
		return;
	if (i == sources) {
		source[i].sin = sin;
		source[i].fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (connect(source[i].fd, (struct sockaddr *)&to,
			sizeof(to)) < 0)
			fail("connect");
		sources++;
	}
	if (send(source[i].fd, buf, (size_t)n, 0) != n)
		return;
	(void)fprintf(udp_log, "%lld ", now_ms());
	for (ssize_t j = 0; j < n; j++)
		(void)fprintf(udp_log, "%02X", (unsigned char)buf[j]);
	(void)fputc('\n', udp_log);
}

static void
datagrams_down(int fd)
{
	char buf[65536];
	ssize_t n;

	for (size_t i = 0; i < sources; i++)
		while ((n = recv(source[i].fd, buf, sizeof(buf),
			    MSG_DONTWAIT)) > 0)
			(void)!sendto(fd, buf, (size_t)n, 0,
			    (struct sockaddr *)&source[i].sin,
			    sizeof(source[i].sin));
}

static void
turn(void)
{
	for (size_t i = count; i-- > 0;) {
		for (int side = 0; side < 2; side++)
			if (fds[2 + 2 * i + (size_t)side].revents != 0)
				pass(i, side);
		if (pairs[i].ended[0] && pairs[i].ended[1])
			drop(i);
	}
	if ((fds[1].revents & POLLIN) != 0)
		datagram_up(fds[1].fd);
	datagrams_down(fds[1].fd);
	if ((fds[0].revents & POLLIN) != 0)
		add(accept(fds[0].fd, NULL, NULL));
}

int
main(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = on_term};

	if (argc != 6) {
		(void)fputs("usage: tap DIRECTORY PORT TO UDP_PORT UDP_TO\n",
		    stderr);
		return 2;
	}
	directory = argv[1];
	target = (uint16_t)strtoul(argv[3], NULL, 10);
	udp_target = (uint16_t)strtoul(argv[5], NULL, 10);
	(void)sigaction(SIGTERM, &sa, NULL);
	fds[0].fd = listener(SOCK_STREAM, (uint16_t)strtoul(argv[2], NULL, 10));
	fds[1].fd = listener(SOCK_DGRAM, (uint16_t)strtoul(argv[4], NULL, 10));
	fds[0].events = fds[1].events = POLLIN;
	udp_log = file_open(0, "udp");
	(void)puts("ready");
	(void)fflush(stdout);
	while (!ended) {
		if (poll(fds, (nfds_t)(2 + 2 * count), 10) < 0) {
			if (errno != EINTR)
				fail("poll");
			continue;
		}
		turn();
	}
	while (count > 0)
		drop(count - 1);
	return fclose(udp_log) == 0 ? 0 : 1;
}
