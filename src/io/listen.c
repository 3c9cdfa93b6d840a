#include "config.h"
#include "io/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/span.h"

#define KEEPALIVE_PROBES 3
#define OFFERS_MAX 32

/* Numeric only: a name could resolve to another interface after a reboot, and
 * would make the start wait for a resolver. */
static int
address_parse(const struct trackers_address *a, struct sockaddr_storage *ret,
    socklen_t *ret_len)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6};
	struct span host = span_str(a->host);
	char text[sizeof(a->host)];

	if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = span_of(host.p + 1, host.n - 2);
	(void)span_copy(text, sizeof(text), host);
	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &sin.sin_addr) == 1) {
		sin.sin_port = htons(a->port);
		memcpy(ret, &sin, sizeof(sin));
		*ret_len = sizeof(sin);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &sin6.sin6_addr) == 1) {
		sin6.sin6_port = htons(a->port);
		memcpy(ret, &sin6, sizeof(sin6));
		*ret_len = sizeof(sin6);
		return 0;
	}
	return -1;
}

static void
set_int(int fd, int level, int name, int value)
{
	/* A kernel that refuses one of these still serves trackers. */
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

void
listen_options_apply(int fd, const struct listen_options *o)
{
	int64_t idle_s = MIN_OF(o->keepalive_ms / 1000, 32767);
	int idle = (int)MAX_OF(idle_s, 1);

	set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
	    (int)MIN_OF(o->user_timeout_ms, INT_MAX));
	set_int(fd, SOL_SOCKET, SO_KEEPALIVE, o->keepalive_ms > 0);
	if (o->keepalive_ms <= 0)
		return;
	set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle);
	set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, MIN_OF(MAX_OF(idle / 4, 1), 75));
	set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
}

static struct {
	int fd[OFFERS_MAX];
	size_t count;
} offers;

void
listen_offer(int fd)
{
	if (offers.count == OFFERS_MAX)
		(void)close(fd);
	else
		offers.fd[offers.count++] = fd;
}

/* A copy of the offered socket of this address; -1: there is none. */
static int
offer_take(const struct sockaddr_storage *want, socklen_t len)
{
	for (size_t i = 0; i < offers.count; i++) {
		struct sockaddr_storage ss = {0};
		socklen_t n = sizeof(ss);
		int fd;

		if (getsockname(offers.fd[i], (struct sockaddr *)&ss, &n) < 0 ||
		    n != len || memcmp(&ss, want, len) != 0 ||
		    (fd = fcntl(offers.fd[i], F_DUPFD_CLOEXEC, 3)) < 0)
			continue;
		if (fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) == 0)
			return fd;
		(void)close(fd);
	}
	return -1;
}

static void
listener_options(int fd, const struct listen_options *o)
{
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (o->send_buffer > 0)
		set_int(fd, SOL_SOCKET, SO_SNDBUF, o->send_buffer);
	listen_options_apply(fd, o);
}

int
listen_open(const struct trackers_address *a, const struct listen_options *o,
    struct errtext *err)
{
	struct sockaddr_storage ss;
	socklen_t len;
	const char *what;
	int fd, saved;

	if (address_parse(a, &ss, &len) < 0)
		return errtext_set(err, -1, "%s:%u: not an IP address; write "
		    "one as 0.0.0.0:9620 or [::]:9620", a->host, a->port);
	if ((fd = offer_take(&ss, len)) >= 0) {
		listener_options(fd, o);
		return fd;
	}
	what = "socket";
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (fd < 0)
		goto bad;
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (ss.ss_family == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	listener_options(fd, o);
	what = "bind";
	if (bind(fd, (struct sockaddr *)&ss, len) < 0)
		goto bad;
	what = "listen";
	if (listen(fd, LISTEN_BACKLOG) < 0)
		goto bad;
	return fd;
bad:
	saved = errno;
	if (fd >= 0)
		(void)close(fd);
	return errtext_set(err, -1, "%s:%u: %s: %s", a->host, a->port, what,
	    strerror(saved));
}

int
listen_udp(const struct trackers_address *a, int receive_buffer,
    struct errtext *err)
{
	struct sockaddr_storage ss;
	socklen_t len;
	const char *what;
	int fd, saved;

	if (address_parse(a, &ss, &len) < 0)
		return errtext_set(err, -1, "%s:%u: not an IP address; write "
		    "one as 0.0.0.0:9620 or [::]:9620", a->host, a->port);
	what = "socket";
	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		goto bad;
	set_int(fd, SOL_SOCKET, SO_RCVBUF, receive_buffer);
	if (ss.ss_family == AF_INET6) {
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
		set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	} else {
		set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
	}
	what = "bind";
	if (bind(fd, (struct sockaddr *)&ss, len) < 0)
		goto bad;
	return fd;
bad:
	saved = errno;
	if (fd >= 0)
		(void)close(fd);
	return errtext_set(err, -1, "%s:%u (UDP): %s: %s", a->host, a->port,
	    what, strerror(saved));
}

uint16_t
listen_port(int fd)
{
	struct sockaddr_storage ss;
	struct sockaddr_in6 sin6;
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		return 0;
	/* The port lies at the same place in both families. */
	memcpy(&sin6, &ss, sizeof(sin6));
	return ntohs(sin6.sin6_port);
}

char *
sockaddr_text(const struct sockaddr *sa, char *buf, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "?";
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;

	if (sa->sa_family == AF_INET) {
		memcpy(&sin, sa, sizeof(sin));
		(void)inet_ntop(AF_INET, &sin.sin_addr, host, sizeof(host));
		(void)snprintf(buf, size, "%s:%u", host, ntohs(sin.sin_port));
	} else if (sa->sa_family == AF_INET6) {
		memcpy(&sin6, sa, sizeof(sin6));
		(void)inet_ntop(AF_INET6, &sin6.sin6_addr, host, sizeof(host));
		(void)snprintf(buf, size, "[%s]:%u", host,
		    ntohs(sin6.sin6_port));
	} else {
		(void)snprintf(buf, size, "%s", "unknown");
	}
	return buf;
}

int
listen_somaxconn(void)
{
	char text[32];
	uint64_t v;
	ssize_t n;
	int fd;

	fd = open("/proc/sys/net/core/somaxconn", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text));
	(void)close(fd);
	if (n <= 0)
		return -1;
	while (n > 0 && text[n - 1] == '\n')
		n--;
	if (span_dec(span_of(text, (size_t)n), INT_MAX, &v) < 0)
		return -1;
	return (int)v;
}
