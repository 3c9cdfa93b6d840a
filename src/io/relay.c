#include "config.h"
#include "io/trackers_priv.h"

#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/relay_priv.h"

#define STALL_BYTES (OUTPUT_MAX / 2)      /* for the tracker: stop reading */
/* Of the upstream: a platform's machine that is gone sends no end. */
#define KEEPALIVE_S 60
#define KEEPALIVE_AGAIN_S 15

/*
 * Two connections as one: how the platform's is made, kept and ended, and what
 * the tracker says goes to it. What it says itself is in relay_down.c.
 */

static struct relay_stats *
stats_of(const struct conn *c)
{
	return relays_stats(c->t->relays);
}

static const struct relay_config *
config_of(const struct conn *c)
{
	return relays_config(c->t->relays);
}

static size_t
pending(const struct relay *r)
{
	return r->up_len - r->up_off;
}

void
relay_enter(struct conn *c, enum relay_state next)
{
	struct relay *r = c->relay;
	int was_up = r->state == RELAY_UP, is_up = next == RELAY_UP;
	int was_out = r->state == RELAY_AWAY || r->state == RELAY_CONNECTING;
	int is_out = next == RELAY_AWAY || next == RELAY_CONNECTING;

	r->state = next;
	relay_target_count(r->target, is_up - was_up, is_out - was_out);
}

/* --- the upstream's descriptor -------------------------------------------*/

static int
relay_want(struct conn *c, uint32_t events)
{
	struct relay *r = c->relay;
	struct epoll_event e = {.events = events,
	    .data.u64 = (uint64_t)(uintptr_t)c | CONN_UPSTREAM};
	int op = r->events == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL :
	    EPOLL_CTL_MOD;

	if (events == r->events)
		return 0;
	if (epoll_ctl(c->t->poll_fd, op, r->fd, &e) < 0)
		return -1;
	r->events = events;
	return 0;
}

void
relay_watch(struct conn *c)
{
	struct relay *r = c->relay;
	uint32_t events = 0;

	if (c->reason != NULL || r->state != RELAY_UP)
		return;
	if (!r->down_ended && c->out_len < STALL_BYTES)
		events |= EPOLLIN;
	if (pending(r) > 0)
		events |= EPOLLOUT;
	if (relay_want(c, events) < 0)
		conn_close(c, "no_memory", TRACKERS_NO_MEMORY);
}

static void
upstream_drop(struct conn *c)
{
	struct relay *r = c->relay;

	if (r->fd < 0)
		return;
	(void)relay_want(c, 0);
	(void)close(r->fd);
	r->fd = -1;
	r->events = 0;
}

/* --- connecting ----------------------------------------------------------*/

static void
hold_full(struct conn *c)
{
	stats_of(c)->hold_closed++;
	conn_close(c, "upstream_away", TRACKERS_COUNTER_COUNT_);
}

static void
connect_later(struct conn *c, int error)
{
	const struct relay_config *cfg = config_of(c);
	struct relay *r = c->relay;
	int64_t now = loop_mono_ms();

	if (error != 0)
		relay_target_told(r->target, error);
	upstream_drop(c);
	relay_enter(c, RELAY_AWAY);
	if (pending(r) > cfg->hold) {
		hold_full(c);
		return;
	}
	r->backoff_ms = r->backoff_ms == 0 ? cfg->retry_ms
	    : MIN_OF(r->backoff_ms * 2, cfg->retry_max_ms);
	/* Not all in the same moment: their ids spread them. */
	r->due_at = now + r->backoff_ms -
	    (int64_t)(c->core.id * 7919 % 1000) * r->backoff_ms / 4000;
	conn_hurry(c);
}

static void
option_set(int fd, int level, int name, int value)
{
	/* A kernel that refuses one of these still relays. */
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

static int
upstream_socket(struct conn *c, const struct relay_address *to)
{
	struct relay_address from;
	int fd, error;

	fd = socket(to->ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (fd >= c->t->fd_ceiling) {
		(void)close(fd);
		errno = EMFILE;
		return -1;
	}
	option_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	option_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	option_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_S);
	option_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_AGAIN_S);
	option_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
	    (int)MIN_OF(c->t->cfg.owed_timeout_ms, INT_MAX));
	if (!relay_source(c->t->relays, to->ss.ss_family, &from))
		return fd;
	/* The port is chosen when the peer is known: so one address has 28,000
	 * of them for each platform, not for all together. */
	option_set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	if (bind(fd, (struct sockaddr *)&from.ss, from.len) == 0)
		return fd;
	error = errno;
	(void)close(fd);
	errno = error;
	return -1;
}

/* --- up ------------------------------------------------------------------*/

void
relay_upstream_failed(struct conn *c)
{
	/* As if the platform had done it to the tracker itself; which comes
	 * again, and is held while the platform is away. */
	stats_of(c)->upstream_reset++;
	conn_close(c, "upstream_reset", TRACKERS_COUNTER_COUNT_);
}

/* Bytes that the kernel took; -1: c was closed. */
static ssize_t
upstream_write(struct conn *c, const char *p, size_t n)
{
	ssize_t sent;

	do
		sent = send(c->relay->fd, p, n, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return sent;
	if (errno == EAGAIN || errno == ENOBUFS)
		return 0;
	relay_upstream_failed(c);
	return -1;
}

void
relay_end_when_done(struct conn *c)
{
	struct relay *r = c->relay;

	if (c->half_closed && r->state == RELAY_UP && pending(r) == 0 &&
	    !r->up_shut) {
		r->up_shut = true;
		(void)shutdown(r->fd, SHUT_WR);
	}
	if (r->down_ended && c->out_len == 0 && !r->down_shut) {
		r->down_shut = true;
		(void)shutdown(c->fd, SHUT_WR);
	}
	if (r->up_shut && r->down_shut)
		conn_close(c, "peer_closed", TRACKERS_COUNTER_COUNT_);
}

static void
upstream_flush(struct conn *c)
{
	struct relay *r = c->relay;
	ssize_t sent = 0;

	if (pending(r) > 0)
		sent = upstream_write(c, r->up + r->up_off, pending(r));
	if (sent < 0)
		return;
	r->up_off += (uint32_t)sent;
	stats_of(c)->held_bytes -= (size_t)sent;
	if (pending(r) == 0) {
		free(r->up);
		r->up = NULL;
		r->up_off = r->up_len = r->up_cap = 0;
	}
	if (r->stalled && pending(r) <= config_of(c)->hold / 2) {
		r->stalled = false;
		conn_watch(c);
	}
	relay_watch(c);
	relay_end_when_done(c);
}

static int
up_reserve(struct relay *r, size_t n)
{
	size_t need, cap = MAX_OF(r->up_cap, 1024u);
	char *p;

	if (r->up_off > 0) {
		memmove(r->up, r->up + r->up_off, pending(r));
		r->up_len -= r->up_off;
		r->up_off = 0;
	}
	need = r->up_len + n;
	while (cap < need)
		cap *= 2;
	if (cap == r->up_cap)
		return 0;
	if (need > INT32_MAX || (p = realloc(r->up, cap)) == NULL)
		return -1;
	r->up = p;
	r->up_cap = (uint32_t)cap;
	return 0;
}

static void
up_keep(struct conn *c, const char *p, size_t n)
{
	struct relay *r = c->relay;

	if (up_reserve(r, n) < 0) {
		conn_close(c, "no_memory", TRACKERS_NO_MEMORY);
		return;
	}
	memcpy(r->up + r->up_len, p, n);
	r->up_len += (uint32_t)n;
	stats_of(c)->held_bytes += n;
	if (pending(r) <= config_of(c)->hold) {
		relay_watch(c);
		return;
	}
	if (r->state != RELAY_AWAY) {
		/* The platform is slow, or not asked yet: the tracker waits,
		 * in the kernel. */
		r->stalled = true;
		conn_watch(c);
		relay_watch(c);
		return;
	}
	hold_full(c);
}

/* Who the tracker is, as the first bytes of all. A fresh socket has room. */
static int
proxy_header(struct conn *c)
{
	char buf[RELAY_PROXY_MAX];
	int n;

	if (config_of(c)->proxy == RELAY_PROXY_OFF)
		return 0;
	if ((n = relay_proxy_header(c, buf)) < 0)
		return -1;
	return send(c->relay->fd, buf, (size_t)n, MSG_NOSIGNAL) == n ? 0 : -1;
}

static void
connected(struct conn *c)
{
	struct relay *r = c->relay;

	relay_target_told(r->target, 0);
	relay_enter(c, RELAY_UP);
	r->due_at = r->backoff_ms = 0;
	if (proxy_header(c) < 0)
		relay_upstream_failed(c);
	else
		upstream_flush(c);
}

static void
connect_start(struct conn *c)
{
	struct relay *r = c->relay;
	struct relay_address to;

	if (!relay_target_address(r->target, &to)) {
		connect_later(c, 0);
		return;
	}
	if ((r->fd = upstream_socket(c, &to)) < 0) {
		connect_later(c, errno);
		return;
	}
	relay_enter(c, RELAY_CONNECTING);
	if (connect(r->fd, (struct sockaddr *)&to.ss, to.len) == 0) {
		connected(c);
	} else if (errno != EINPROGRESS) {
		connect_later(c, errno);
	} else if (relay_want(c, EPOLLOUT) < 0) {
		connect_later(c, ENOMEM);
	} else {
		r->due_at = loop_mono_ms() + config_of(c)->connect_timeout_ms;
		conn_hurry(c);
	}
}

/* Bytes of the tracker, for the platform. May close c. */
static void
pass_up(struct conn *c, const char *p, size_t n)
{
	struct relay *r = c->relay;
	ssize_t sent = 0;

	if (n == 0 || c->reason != NULL)
		return;
	stats_of(c)->bytes_up += n;
	if (r->state == RELAY_UP && pending(r) == 0 &&
	    (sent = upstream_write(c, p, n)) < 0)
		return;
	if ((size_t)sent < n)
		up_keep(c, p + sent, n - (size_t)sent);
	/* Only now: who connects and says nothing, as health checks do, is
	 * none of the platform's business. */
	if (r->state == RELAY_IDLE && c->reason == NULL)
		connect_start(c);
}

void
relay_pass(struct conn *c, const char *p, size_t passed, size_t end)
{
	struct relay *r = c->relay;

	if (passed < end) {
		pass_up(c, p + passed, end - passed);
		passed = end;
	}
	r->ahead = (uint32_t)(passed - end);
}

size_t
relay_hide(struct conn *c, const char *p, size_t passed,
    const struct span *frame)
{
	size_t begin = (size_t)(frame->p - p);

	/* It came so slowly that its beginning is gone: so the rest goes. */
	if (begin < passed) {
		stats_of(c)->not_hidden++;
		return passed;
	}
	stats_of(c)->hidden++;
	pass_up(c, p + passed, begin - passed);
	return begin + frame->n;
}

void
relay_pure(struct conn *c, const char *p, size_t n)
{
	size_t ahead = c->relay->ahead;

	conn_forget_input(c);
	c->relay->ahead = 0;
	pass_up(c, p + ahead, n - ahead);
}

void
relay_tracker_ended(struct conn *c)
{
	struct relay *r = c->relay;

	conn_half_close(c, loop_mono_ms());
	if (r->state == RELAY_IDLE) {
		conn_close(c, "peer_closed", TRACKERS_COUNTER_COUNT_);
		return;
	}
	/* What an unfinished frame was is the platform's to judge. */
	if (c->in_len > r->ahead) {
		uint32_t ahead = r->ahead;

		r->ahead = c->in_len;
		pass_up(c, c->in + ahead, c->in_len - ahead);
	}
	if (c->reason == NULL)
		relay_end_when_done(c);
	conn_hurry(c);
}

void
relay_drained(struct conn *c)
{
	relay_watch(c);
	if (c->reason == NULL)
		relay_end_when_done(c);
}

/* --- ready, time and life -------------------------------------------------*/

void
relay_ready(struct conn *c, uint32_t events)
{
	struct relay *r = c->relay;
	int error = 0;
	socklen_t len = sizeof(error);

	if (c->udp != NULL) {
		relay_datagram_ready(c);
		return;
	}
	if (r->state == RELAY_CONNECTING) {
		if (getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
			error = errno;
		if (error != 0)
			connect_later(c, error);
		else
			connected(c);
		return;
	}
	if (r->state != RELAY_UP)
		return;
	if ((events & (EPOLLERR | EPOLLHUP)) != 0)
		events |= EPOLLIN | EPOLLOUT;
	events &= r->events;
	if ((events & EPOLLOUT) != 0)
		upstream_flush(c);
	if ((events & EPOLLIN) != 0 && c->reason == NULL)
		relay_down_readable(c);
}

int64_t
relay_deadline(const struct conn *c)
{
	const struct relay_config *cfg = config_of(c);
	const struct relay *r = c->relay;
	int64_t at = INT64_MAX;

	if (r->due_at != 0)
		at = r->due_at;
	if (c->partial_at != 0 && c->in_len > r->ahead)
		at = MIN_OF(at, c->partial_at + cfg->partial_ms);
	if (c->half_closed || r->down_ended)
		at = MIN_OF(at, c->owed_at + cfg->linger_ms);
	return at;
}

void
relay_check(struct conn *c, int64_t now)
{
	const struct relay_config *cfg = config_of(c);
	struct relay *r = c->relay;
	uint32_t ahead = r->ahead;

	if ((c->half_closed || r->down_ended) &&
	    now >= c->owed_at + cfg->linger_ms) {
		conn_close(c, "peer_closed", TRACKERS_COUNTER_COUNT_);
		return;
	}
	if (c->partial_at != 0 && c->in_len > ahead &&
	    now >= c->partial_at + cfg->partial_ms) {
		r->ahead = c->in_len;
		pass_up(c, c->in + ahead, c->in_len - ahead);
	}
	if (c->reason != NULL || r->due_at == 0 || now < r->due_at)
		return;
	r->due_at = 0;
	if (r->state == RELAY_CONNECTING)
		connect_later(c, ETIMEDOUT);
	else if (r->state == RELAY_AWAY)
		connect_start(c);
}

int
relay_open(struct conn *c, struct relay_target *t)
{
	struct relay *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		relay_target_unref(t);
		return -1;
	}
	r->target = t;
	r->fd = -1;
	c->relay = r;
	return 0;
}

void
relay_free(struct conn *c)
{
	struct relay *r = c->relay;

	if (r == NULL)
		return;
	stats_of(c)->held_bytes -= pending(r);
	upstream_drop(c);
	relay_enter(c, RELAY_IDLE);
	relay_target_unref(r->target);
	free(r->up);
	free(r->late);
	free(r);
	c->relay = NULL;
}
