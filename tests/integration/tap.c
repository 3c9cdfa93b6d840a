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

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "standin.h"

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

static struct standin_sources sources;
static int source_fd[STANDIN_SOURCES_MAX]; /* to the daemon, for each */
static FILE *udp_log;

static FILE *
file_open(unsigned port, const char *end)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "%u.%s", port, end);
	return standin_file(directory, name);
}

/* To the daemon, from a port of its own; -1: it is away. */
static int
reach(unsigned *ret_port)
{
	struct sockaddr_in from, to = standin_address(INADDR_LOOPBACK, target);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		standin_fail("socket");
	do {
		if (next_port > 65000)
			standin_fail("more connections than ports");
		from = standin_address(0x7f000009,
		    (uint16_t)next_port++);
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
	p->since = standin_ms(CLOCK_REALTIME);
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

	(void)fprintf(life, "%lld %lld\n", pairs[i].since,
	    standin_ms(CLOCK_REALTIME));
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
	struct sockaddr_in to = standin_address(INADDR_LOOPBACK, udp_target);
	char buf[65536];
	bool fresh;
	size_t i, n = standin_datagram(fd, &sources, buf, sizeof(buf), &i,
	    &fresh);

	if (n == 0)
		return;
	if (fresh) {
		source_fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (connect(source_fd[i], (struct sockaddr *)&to,
			sizeof(to)) < 0)
			standin_fail("connect");
	}
	if (send(source_fd[i], buf, n, 0) != (ssize_t)n)
		return;
	(void)fprintf(udp_log, "%lld ", standin_ms(CLOCK_REALTIME));
	for (size_t j = 0; j < n; j++)
		(void)fprintf(udp_log, "%02X", (unsigned char)buf[j]);
	(void)fputc('\n', udp_log);
}

static void
datagrams_down(int fd)
{
	char buf[65536];
	ssize_t n;

	for (size_t i = 0; i < sources.count; i++)
		while ((n = recv(source_fd[i], buf, sizeof(buf),
			    MSG_DONTWAIT)) > 0)
			(void)!sendto(fd, buf, (size_t)n, 0,
			    (struct sockaddr *)&sources.sin[i],
			    sizeof(sources.sin[i]));
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
	if (argc != 6) {
		(void)fputs("usage: tap DIRECTORY PORT TO UDP_PORT UDP_TO\n",
		    stderr);
		return 2;
	}
	directory = argv[1];
	target = (uint16_t)strtoul(argv[3], NULL, 10);
	udp_target = (uint16_t)strtoul(argv[5], NULL, 10);
	fds[0].fd = standin_listen(SOCK_STREAM, standin_address(INADDR_LOOPBACK,
	    (uint16_t)strtoul(argv[2], NULL, 10)));
	fds[1].fd = standin_listen(SOCK_DGRAM, standin_address(INADDR_LOOPBACK,
	    (uint16_t)strtoul(argv[4], NULL, 10)));
	fds[0].events = fds[1].events = POLLIN;
	udp_log = file_open(0, "udp");
	standin_ready();
	while (!standin_ended)
		if (standin_poll(fds, 2 + 2 * count, 10))
			turn();
	while (count > 0)
		drop(count - 1);
	return fclose(udp_log) == 0 ? 0 : 1;
}
