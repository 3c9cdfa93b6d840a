#include "config.h"
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BURST_MAX 64
#define SOURCE_CONNS 2000       /* of one address: the kernel looks for ports */
#define ANSWER_S 10
#define OPENING_MAX 64          /* not yet answered: mosquitto lets 100 wait */

/* A close that leaves nothing behind: thousands of TIME_WAIT would make the
 * next measurement pay. */
int
connect_with(uint16_t port, unsigned source, bool nonblocking, int segment)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(port)};
	struct sockaddr_in from = {.sin_family = AF_INET};
	struct linger lg = {.l_onoff = 1};
	struct timeval tv = {.tv_sec = ANSWER_S};
	int fd, one = 1;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC |
	    (nonblocking ? SOCK_NONBLOCK : 0), 0);
	if (fd < 0)
		die("socket: %s", strerror(errno));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	from.sin_addr.s_addr = htonl(0x7f000101 + source);
	(void)setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one,
	    sizeof(one));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (segment > 0)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment,
		    sizeof(segment));
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &lg, sizeof(lg));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0)
		die("bind: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 &&
	    !(nonblocking && errno == EINPROGRESS)) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

int
connect_to(uint16_t port, unsigned source, bool nonblocking)
{
	return connect_with(port, source, nonblocking, 0);
}

static int
source_to(uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval tv = {.tv_sec = ANSWER_S};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket: %s", strerror(errno));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static void
say_to(struct fleet *f, size_t i, const char *p, size_t n, size_t reply)
{
	if (send(f->fd[i], p, n, MSG_NOSIGNAL) != (ssize_t)n)
		die("client %zu cannot send: %s", i, strerror(errno));
	f->owed[i] += reply;
}

static void
collect_one(struct fleet *f, size_t i)
{
	char buf[4096];

	while (f->owed[i] > 0) {
		ssize_t n = recv(f->fd[i], buf, sizeof(buf), 0);

		if (n <= 0)
			die("client %zu: %zu bytes of answers did not come: "
			    "%s", i, f->owed[i],
			    n < 0 ? strerror(errno) : "closed");
		if ((size_t)n > f->owed[i])
			die("client %zu: more answers than questions", i);
		f->owed[i] -= (size_t)n;
	}
}

void
fleet_grow(struct fleet *f, const struct server *s, size_t count)
{
	char buf[MESSAGE_MAX];
	size_t reply;

	f->fd = realloc(f->fd, count * sizeof(*f->fd));
	f->owed = realloc(f->owed, count * sizeof(*f->owed));
	if (f->fd == NULL || f->owed == NULL)
		die("no memory");
	for (size_t i = f->count; i < count; i++) {
		unsigned id = f->first_id + (unsigned)i;
		size_t n = wire_hello(f->dialect, id, buf, &reply);

		f->fd[i] = f->udp ? source_to(s->port)
		    : connect_to(s->port, id / SOURCE_CONNS, false);
		if (f->fd[i] < 0)
			die("client %zu cannot connect: %s", i,
			    strerror(errno));
		f->owed[i] = 0;
		f->count = i + 1;
		say_to(f, i, buf, n, reply);
		if (i >= OPENING_MAX)
			collect_one(f, i - OPENING_MAX);
	}
	fleet_collect(f);
}

void
fleet_open(struct fleet *f, const struct server *s, enum dialect d,
    unsigned first_id, size_t count)
{
	*f = (struct fleet){.dialect = d, .first_id = first_id};
	fleet_grow(f, s, count);
}

void
fleet_open_over(struct fleet *f, const struct server *s, enum dialect d,
    bool udp, unsigned first_id, size_t count)
{
	*f = (struct fleet){.dialect = d, .udp = udp, .first_id = first_id};
	fleet_grow(f, s, count);
}

void
fleet_send_one(struct fleet *f, size_t i, size_t k)
{
	char buf[BURST_MAX * MESSAGE_MAX];
	size_t len = 0, owed = 0, reply;

	for (size_t j = 0; j < k; j++) {
		len += wire_message(f->dialect, f->first_id + (unsigned)i,
		    f->sent + (unsigned)j, buf + len, &reply);
		owed += reply;
	}
	say_to(f, i, buf, len, owed);
}

void
fleet_send(struct fleet *f, size_t k)
{
	for (size_t i = 0; i < f->count; i++)
		fleet_send_one(f, i, k);
	f->sent += (unsigned)k;
}

void
fleet_drain_one(struct fleet *f, size_t i)
{
	char buf[4096];
	ssize_t n;

	if (f->owed[i] == 0)
		return;
	n = recv(f->fd[i], buf, sizeof(buf), MSG_DONTWAIT);
	if (n > 0)
		f->owed[i] -= (size_t)n;
	else if (n == 0 || errno != EAGAIN)
		die("client %zu was dropped", i);
}

void
fleet_collect(struct fleet *f)
{
	for (size_t i = 0; i < f->count; i++)
		collect_one(f, i);
}

void
fleet_probe(struct fleet *f)
{
	char buf[MESSAGE_MAX];
	size_t reply;

	for (size_t i = 0; i < f->count; i++) {
		size_t n = wire_probe(f->dialect, f->first_id + (unsigned)i,
		    buf, &reply);

		if (n > 0)
			say_to(f, i, buf, n, reply);
	}
	fleet_collect(f);
}

/* The frames lie in the sockets before the server runs: how many a read
 * finds is then up to us, and not to who runs first. */
double
fleet_burst(struct fleet *f, const struct server *s, size_t k)
{
	double before;

	if (kill(s->pid, SIGSTOP) < 0)
		die("kill: %s", strerror(errno));
	fleet_send(f, k);
	before = server_cpu_s(s);
	(void)kill(s->pid, SIGCONT);
	server_quiet(s);
	before = server_cpu_s(s) - before;
	fleet_collect(f);
	return before / ((double)f->count * (double)k) * 1e9;
}

void
fleet_close(struct fleet *f)
{
	for (size_t i = 0; i < f->count; i++)
		(void)close(f->fd[i]);
	free(f->fd);
	free(f->owed);
	*f = (struct fleet){0};
}
