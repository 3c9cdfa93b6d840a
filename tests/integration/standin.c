#include "config.h"
#include "standin.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

volatile sig_atomic_t standin_ended;

static void
on_term(int signo)
{
	(void)signo;
	standin_ended = 1;
}

_Noreturn void
standin_fail(const char *what)
{
	(void)fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name,
	    what, strerror(errno));
	exit(1);
}

long long
standin_ms(clockid_t clock)
{
	struct timespec ts;

	(void)clock_gettime(clock, &ts);
	return (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct sockaddr_in
standin_address(uint32_t host, uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
	    .sin_port = htons(port), .sin_addr.s_addr = htonl(host)};
}

int
standin_listen(int type, struct sockaddr_in at)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		standin_fail("bind");
	if (type == SOCK_STREAM && listen(fd, 1000) < 0)
		standin_fail("listen");
	return fd;
}

void
standin_ready(void)
{
	struct sigaction sa = {.sa_handler = on_term};

	(void)sigaction(SIGTERM, &sa, NULL);
	(void)puts("ready");
	(void)fflush(stdout);
}

bool
standin_poll(struct pollfd *v, size_t n, int timeout_ms)
{
	if (poll(v, (nfds_t)n, timeout_ms) >= 0)
		return true;
	if (errno != EINTR)
		standin_fail("poll");
	return false;
}

FILE *
standin_file(const char *directory, const char *name)
{
	char path[4096];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	if ((f = fopen(path, "we")) == NULL)
		standin_fail(path);
	return f;
}

size_t
standin_datagram(int fd, struct standin_sources *s, char *buf, size_t size,
    size_t *ret_i, bool *ret_new)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	ssize_t n = recvfrom(fd, buf, size, MSG_DONTWAIT,
	    (struct sockaddr *)&sin, &len);
	size_t i = 0;

	if (n <= 0)
		return 0;
	while (i < s->count && (s->sin[i].sin_port != sin.sin_port ||
		s->sin[i].sin_addr.s_addr != sin.sin_addr.s_addr))
		i++;
	if (i == STANDIN_SOURCES_MAX)
		return 0;
	*ret_i = i;
	*ret_new = i == s->count;
	if (*ret_new)
		s->sin[s->count++] = sin;
	return (size_t)n;
}
