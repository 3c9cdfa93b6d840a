/*
 * platform: a tracking platform that writes down what it gets.
 *
 *   platform PORT DIRECTORY
 *
 * Listens on 127.0.0.1:PORT and keeps the bytes of each connection in a file of
 * its own, DIRECTORY/NUMBER.in. It acknowledges as a platform does: each text
 * frame that ends in ",COUNT$" by +SACK:COUNT$. Knows nothing of the daemon's
 * code. Ends on SIGTERM.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 2000
#define FRAME_MAX 4096

struct peer {
	FILE *log;
	char frame[FRAME_MAX];
	size_t len;
};

static struct pollfd fds[CONNECTIONS_MAX + 1];
static struct peer peers[CONNECTIONS_MAX + 1];
static size_t count = 1;
static unsigned number;
static const char *directory;
static volatile sig_atomic_t ended;

static void
on_term(int signo)
{
	(void)signo;
	ended = 1;
}

static void
fail(const char *what)
{
	(void)fprintf(stderr, "platform: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
acknowledge(int fd, const char *frame, size_t len)
{
	size_t at = len - 1, n;
	char sack[32];

	while (at > 0 && frame[at - 1] != ',')
		at--;
	n = len - 1 - at;
	if (at == 0 || n != 4)
		return;
	(void)snprintf(sack, sizeof(sack), "+SACK:%.4s$", frame + at);
	(void)!send(fd, sack, strlen(sack), MSG_NOSIGNAL);
}

static void
take(struct peer *p, int fd, const char *bytes, size_t n)
{
	(void)fwrite(bytes, 1, n, p->log);
	(void)fflush(p->log);
	for (size_t i = 0; i < n; i++) {
		if (p->len == 0 && bytes[i] != '+')
			continue;
		if (p->len < FRAME_MAX)
			p->frame[p->len++] = bytes[i];
		if (bytes[i] == '$') {
			acknowledge(fd, p->frame, p->len);
			p->len = 0;
		}
	}
}

static void
add(int fd)
{
	char path[4096];

	if (count > CONNECTIONS_MAX) {
		(void)close(fd);
		return;
	}
	(void)snprintf(path, sizeof(path), "%s/%d-%u.in", directory,
	    (int)getpid(), number++);
	memset(&peers[count], 0, sizeof(peers[count]));
	if ((peers[count].log = fopen(path, "we")) == NULL)
		fail(path);
	fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void
drop(size_t i)
{
	(void)close(fds[i].fd);
	(void)fclose(peers[i].log);
	count--;
	fds[i] = fds[count];
	peers[i] = peers[count];
}

int
main(int argc, char **argv)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sigaction sa = {.sa_handler = on_term};
	char buf[65536];
	int one = 1;
	ssize_t n;

	if (argc != 3) {
		(void)fputs("usage: platform PORT DIRECTORY\n", stderr);
		return 2;
	}
	directory = argv[2];
	sin.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
	(void)sigaction(SIGTERM, &sa, NULL);
	fds[0].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fds[0].events = POLLIN;
	(void)setsockopt(fds[0].fd, SOL_SOCKET, SO_REUSEADDR, &one,
	    sizeof(one));
	if (bind(fds[0].fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 ||
	    listen(fds[0].fd, 1000) < 0)
		fail("listen");
	(void)puts("ready");
	(void)fflush(stdout);
	while (!ended) {
		if (poll(fds, (nfds_t)count, 1000) < 0 && errno != EINTR)
			fail("poll");
		for (size_t i = count; i-- > 1;) {
			if (fds[i].revents == 0)
				continue;
			n = recv(fds[i].fd, buf, sizeof(buf), 0);
			if (n > 0)
				take(&peers[i], fds[i].fd, buf, (size_t)n);
			else
				drop(i);
		}
		if (!ended && (fds[0].revents & POLLIN) != 0)
			add(accept(fds[0].fd, NULL, NULL));
	}
	return 0;
}
