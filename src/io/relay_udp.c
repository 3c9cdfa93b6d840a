#include "config.h"
#include "io/trackers_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/relay_priv.h"

/*
 * The relay for trackers over UDP: a socket to the platform for each source, so
 * that its answers find their way back. What is lost is lost, as it would be
 * without us; nothing is held.
 */

static struct relay_stats *
stats_of(const struct conn *c)
{
	return relays_stats(c->t->relays);
}

static void
upstream_failed(struct conn *c, int error)
{
	struct relay *r = c->relay;

	relay_target_told(r->target, error);
	relay_enter(c, RELAY_AWAY);
	if (r->fd >= 0)
		(void)close(r->fd); /* takes it out of epoll, too */
	r->fd = -1;
	r->events = 0;
}

/* Connecting sends nothing: that somebody is there shows later. */
static bool
upstream_open(struct conn *c)
{
	struct epoll_event e = {.events = EPOLLIN,
	    .data.u64 = (uint64_t)(uintptr_t)c | CONN_UPSTREAM};
	struct relay *r = c->relay;
	struct relay_address to, from;

	if (r->fd >= 0)
		return true;
	if (!relay_target_address(r->target, &to))
		return false;
	r->fd = socket(to.ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);
	if (r->fd < 0 || r->fd >= c->t->fd_ceiling ||
	    (relay_source(c->t->relays, to.ss.ss_family, &from) &&
		bind(r->fd, (struct sockaddr *)&from.ss, from.len) < 0) ||
	    connect(r->fd, (struct sockaddr *)&to.ss, to.len) < 0 ||
	    epoll_ctl(c->t->poll_fd, EPOLL_CTL_ADD, r->fd, &e) < 0) {
		if (r->fd >= 0)
			(void)close(r->fd);
		r->fd = -1;
		relay_target_told(r->target, errno);
		return false;
	}
	r->events = EPOLLIN;
	relay_enter(c, RELAY_UP);
	return true;
}

void
relay_datagram_up(struct conn *c, const char *p, size_t n)
{
	struct relay *r = c->relay;

	if (n == 0 || c->reason != NULL)
		return;
	if (!upstream_open(c) || send(r->fd, p, n, MSG_NOSIGNAL) < 0) {
		if (r->fd >= 0)
			upstream_failed(c, errno);
		return;
	}
	stats_of(c)->bytes_up += n;
}

/* Each command of the platform's begins a frame of its own. */
static void
look_for_updates(struct conn *c, const char *p, size_t n)
{
	static const char head[] = "AT+GTUPD=";
	const char *end = p + n, *dollar;

	while (p < end) {
		if ((size_t)(end - p) >= sizeof(head) - 1 &&
		    memcmp(p, head, sizeof(head) - 1) == 0) {
			stats_of(c)->foreign++;
			c->t->ops.foreign(c->t->ops.arg, &c->core);
		}
		if ((dollar = memchr(p, '$', (size_t)(end - p))) == NULL)
			return;
		for (p = dollar + 1; p < end && (*p == '\r' || *p == '\n'); p++)
			;
	}
}

void
relay_datagram_ready(struct conn *c)
{
	struct relay *r = c->relay;
	ssize_t n = recv(r->fd, c->t->rbuf, READ_BYTES, 0);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		upstream_failed(c, errno);
		return;
	}
	if (n <= 0)
		return;
	relay_target_told(r->target, 0);
	stats_of(c)->bytes_down += (uint64_t)n;
	look_for_updates(c, c->t->rbuf, (size_t)n);
	(void)udp_send(c, c->t->rbuf, (size_t)n);
}
