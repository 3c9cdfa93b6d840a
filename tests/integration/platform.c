/*
 * platform: a tracking platform that writes down what it gets.
 *
 *   platform [ADDRESS:]PORT DIRECTORY [commands]
 *
 * Listens on ADDRESS (127.0.0.1), TCP and UDP, and keeps the bytes of each
 * connection in a file of its own, DIRECTORY/NUMBER.in, and those that it sent
 * in NUMBER.out; datagrams likewise, of each source. It acknowledges as a
 * platform does: heartbeats by their answer, other frames by +SACK:COUNT$.
 * With "commands" it sends some of its own too, in two pieces: version reads
 * and others, with serials from F000 on. Knows nothing of the daemon's code.
 * Ends on SIGTERM.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "standin.h"
#include "wiresplit.h"

#define CONNECTIONS_MAX 2000
#define FRAME_MAX 4096
#define PIECE_MS 40

struct peer {
	FILE *in, *out;
	char frame[FRAME_MAX];
	size_t len;
	struct sockaddr_in sin; /* UDP: whom to answer */
	char command[64];       /* what is left of one of ours */
	long long command_at;   /* when the rest goes; 0: none */
	bool commanded;
};

static struct pollfd fds[CONNECTIONS_MAX + 2];
static struct peer peers[CONNECTIONS_MAX + 2];
static struct peer source[STANDIN_SOURCES_MAX];
static struct standin_sources sources;
static size_t count = 2;
static unsigned number, serial = 0xF000;
static const char *directory;
static bool commands;

static void
put(struct peer *p, int fd, const char *bytes, size_t n)
{
	ssize_t sent;

	if (p->sin.sin_family != 0)
		sent = sendto(fd, bytes, n, MSG_NOSIGNAL,
		    (struct sockaddr *)&p->sin, sizeof(p->sin));
	else
		sent = send(fd, bytes, n, MSG_NOSIGNAL);
	if (sent > 0)
		(void)fwrite(bytes, 1, (size_t)sent, p->out);
	(void)fflush(p->out);
}

/* To each sixth connection: a version read, and in turn something else. */
static void
command_begin(struct peer *p, int fd)
{
	size_t half = 10;

	p->commanded = true;
	if (!commands || p->sin.sin_family != 0 || number % 6 != 0)
		return;
	serial++;
	(void)snprintf(p->command, sizeof(p->command),
	    "AT+GTRTO=gv620mg,%d,,,,,,%04X$", serial % 2 == 1 ? 8 : 9, serial);
	put(p, fd, p->command, half);
	memmove(p->command, p->command + half,
	    strlen(p->command + half) + 1);
	p->command_at = standin_ms(CLOCK_MONOTONIC) + PIECE_MS;
}

static void
answer(struct peer *p, int fd, const char *frame, size_t n)
{
	struct said s = wire_said(frame, n);
	char sack[64];

	if (s.what == SAYING_HEARTBEAT)
		(void)snprintf(sack, sizeof(sack), "+SACK:GTHBD,%s,%s$",
		    s.version, s.count);
	else
		(void)snprintf(sack, sizeof(sack), "+SACK:%s$", s.count);
	/* Nothing may stand in the middle of a command. */
	if (p->command_at != 0) {
		put(p, fd, p->command, strlen(p->command));
		p->command_at = 0;
	}
	put(p, fd, sack, strlen(sack));
	if (!p->commanded && s.what == SAYING_OTHER)
		command_begin(p, fd);
}

static void
take(struct peer *p, int fd, const char *bytes, size_t n)
{
	size_t off = 0, len;

	(void)fwrite(bytes, 1, n, p->in);
	(void)fflush(p->in);
	while (n > 0) {
		size_t room = FRAME_MAX - p->len, part = n < room ? n : room;

		memcpy(p->frame + p->len, bytes, part);
		p->len += part;
		bytes += part;
		n -= part;
		for (off = 0; off < p->len; off += len) {
			len = wire_frame(p->frame + off, p->len - off);
			if (len == WIRE_PART)
				break;
			if (len > 0)
				answer(p, fd, p->frame + off, len);
			else
				len = 1;
		}
		/* No frame is that long: it was none. */
		if (off == 0 && p->len == FRAME_MAX)
			off = 1;
		memmove(p->frame, p->frame + off, p->len - off);
		p->len -= off;
	}
}

static FILE *
file_open(const char *kind, unsigned n, const char *end)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "%d-%s%u.%s", (int)getpid(), kind,
	    n, end);
	return standin_file(directory, name);
}

static void
add(int fd)
{
	int one = 1;

	if (fd < 0)
		return;
	if (count == sizeof(fds) / sizeof(fds[0])) {
		(void)close(fd);
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	memset(&peers[count], 0, sizeof(peers[count]));
	peers[count].in = file_open("", number, "in");
	peers[count].out = file_open("", number++, "out");
	fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void
drop(size_t i)
{
	(void)close(fds[i].fd);
	(void)fclose(peers[i].in);
	(void)fclose(peers[i].out);
	count--;
	fds[i] = fds[count];
	peers[i] = peers[count];
}

static void
datagram(int fd)
{
	char buf[65536];
	bool fresh;
	size_t i, n = standin_datagram(fd, &sources, buf, sizeof(buf), &i,
	    &fresh);

	if (n == 0)
		return;
	if (fresh) {
		source[i].sin = sources.sin[i];
		source[i].in = file_open("udp", (unsigned)i, "in");
		source[i].out = file_open("udp", (unsigned)i, "out");
	}
	source[i].len = 0;
	take(&source[i], fd, buf, n);
}

static void
listen_both(const char *where)
{
	struct sockaddr_in at = standin_address(INADDR_LOOPBACK, 0);
	const char *port = strchr(where, ':');
	char address[16];

	(void)snprintf(address, sizeof(address), "%.*s",
	    (int)strcspn(where, ":"), where);
	if (port != NULL && inet_pton(AF_INET, address, &at.sin_addr) != 1) {
		errno = EINVAL;
		standin_fail(where);
	}
	at.sin_port = htons((uint16_t)strtoul(port == NULL ? where : port + 1,
	    NULL, 10));
	fds[0].fd = standin_listen(SOCK_STREAM, at);
	fds[1].fd = standin_listen(SOCK_DGRAM, at);
	fds[0].events = fds[1].events = POLLIN;
}

static void
turn(void)
{
	char buf[65536];
	ssize_t n;

	for (size_t i = count; i-- > 2;) {
		if (peers[i].command_at != 0 &&
		    standin_ms(CLOCK_MONOTONIC) >= peers[i].command_at) {
			peers[i].command_at = 0;
			put(&peers[i], fds[i].fd, peers[i].command,
			    strlen(peers[i].command));
		}
		if (fds[i].revents == 0)
			continue;
		n = recv(fds[i].fd, buf, sizeof(buf), 0);
		if (n > 0)
			take(&peers[i], fds[i].fd, buf, (size_t)n);
		else
			drop(i);
	}
	if ((fds[1].revents & POLLIN) != 0)
		datagram(fds[1].fd);
	if (!standin_ended && (fds[0].revents & POLLIN) != 0)
		add(accept(fds[0].fd, NULL, NULL));
}

int
main(int argc, char **argv)
{
	if (argc != 3 && (argc != 4 || strcmp(argv[3], "commands") != 0)) {
		(void)fputs("usage: platform [ADDRESS:]PORT DIRECTORY "
		    "[commands]\n",
		    stderr);
		return 2;
	}
	directory = argv[2];
	commands = argc == 4;
	listen_both(argv[1]);
	standin_ready();
	while (!standin_ended)
		if (standin_poll(fds, count, commands ? PIECE_MS / 2 : 1000))
			turn();
	return 0;
}
