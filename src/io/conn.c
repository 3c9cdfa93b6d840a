#include "config.h"
#include "io/trackers_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/cidr.h"

struct conn *
conn_of(const struct core_conn *cc)
{
	return CONTAINER_OF((struct core_conn *)(uintptr_t)cc, struct conn,
	    core);
}

/* What poll_fd is to tell of. One that waits for nothing is taken out: a
 * hangup would be told without end. */
static int
conn_want(struct conn *c, uint32_t events)
{
	struct epoll_event e = {.events = events,
	    .data.u64 = (uint64_t)(uintptr_t)c};
	int op = c->events == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL :
	    EPOLL_CTL_MOD;

	if (events == c->events)
		return 0;
	if (epoll_ctl(c->t->poll_fd, op, c->fd, &e) < 0)
		return -1;
	c->events = events;
	return 0;
}

int
conn_start(struct conn *c)
{
	return conn_want(c, c->out_len > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

struct conn *
conn_new(struct trackers *t, int fd, const struct sockaddr_storage *peer,
    int64_t now)
{
	struct conn *c = calloc(1, sizeof(*c));
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;

	if (c == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return NULL;
	}
	c->t = t;
	c->core.transport = TRANSPORT_TCP;
	c->since_at = c->seen_at = now;
	if (peer->ss_family == AF_INET6) {
		memcpy(&sin6, peer, sizeof(sin6));
		c->v6 = true;
		c->port = ntohs(sin6.sin6_port);
		memcpy(c->addr, &sin6.sin6_addr, 16);
	} else {
		memcpy(&sin, peer, sizeof(sin));
		c->port = ntohs(sin.sin_port);
		memcpy(c->addr, &sin.sin_addr, 4);
	}
	cidr_address(c->core.addr, c->addr, c->v6);
	c->fd = fd;
	return c;
}

void
conn_free(struct conn *c)
{
	relay_free(c);
	(void)conn_want(c, 0);
	if (c->fd >= 0)
		(void)close(c->fd);
	list_remove(&c->link);
	free(c->in);
	free(c->out);
	free(c->told);
	free(c);
}

void
conn_close(struct conn *c, const char *reason, enum trackers_counter counter)
{
	struct trackers *t = c->t;

	if (c->reason != NULL)
		return;
	c->reason = reason;
	trackers_count(t, TRACKERS_CLOSED, 1);
	if (counter != TRACKERS_COUNTER_COUNT_)
		trackers_count(t, counter, 1);
	/* Strangers seldom write a '+', where the next count would be. */
	if (c->in_len > 0 && c->in[0] != '+')
		t->stats.bad_frame[FRAME_WHY_GARBAGE]++;
	(void)conn_want(c, 0);
	if (c->udp != NULL)
		udp_forget(c);
	t->open--;
	if (!c->identified)
		t->unidentified--;
	if (c->counted && t->cfg.max_connections_per_address > 0)
		address_leave(t, address_key(c));
	list_remove(&c->link);
	list_push_back(&t->graveyard, &c->link);
	event_active(&t->reaper, EV_TIMEOUT, 0);
}

void
conn_watch(struct conn *c)
{
	uint32_t events = 0;

	if (c->reason != NULL || c->udp != NULL)
		return;
	if (!c->held && !c->half_closed &&
	    (c->relay == NULL || !c->relay->stalled))
		events |= EPOLLIN;
	if (c->out_len > 0)
		events |= EPOLLOUT;
	if (conn_want(c, events) < 0)
		conn_close(c, "no_memory", TRACKERS_NO_MEMORY);
}

/* --- deadlines -------------------------------------------------------------*/

/* What ends it first: the reason and, as result, when. */
static int64_t
deadline_find(const struct conn *c, const char **ret_reason,
    enum trackers_counter *ret_counter)
{
	const struct trackers_config *cfg = &c->t->cfg;
	int64_t at = c->seen_at + cfg->idle_timeout_ms, other;

	if (c->proxied) {
		*ret_reason = "proxy_header";
		*ret_counter = TRACKERS_PROXY_BAD;
		return c->since_at + cfg->proxy_timeout_ms;
	}
	if (c->relay != NULL && c->udp == NULL) {
		/* The platform judges silence. A tracker that takes nothing is
		 * gone for it too. */
		*ret_reason = "owed_timeout";
		*ret_counter = TRACKERS_OWED_TIMEOUT;
		return c->out_len > 0 ? c->owed_at + cfg->owed_timeout_ms
				      : INT64_MAX;
	}
	*ret_reason = "idle_timeout";
	*ret_counter = TRACKERS_IDLE_TIMEOUT;
	other = c->since_at + cfg->identify_timeout_ms;
	if (!c->identified && other < at) {
		at = other;
		*ret_reason = "identify_timeout";
		*ret_counter = TRACKERS_IDENTIFY_TIMEOUT;
	}
	other = c->partial_at + cfg->identify_timeout_ms;
	if (c->partial_at != 0 && other < at) {
		at = other;
		*ret_reason = "partial_timeout";
		*ret_counter = TRACKERS_PARTIAL_TIMEOUT;
	}
	/* While nobody may read, silence is ours and proves nothing. */
	if (c->t->hold)
		at = INT64_MAX;
	other = c->owed_at + cfg->owed_timeout_ms;
	if (c->out_len > 0 && other < at) {
		at = other;
		*ret_reason = "owed_timeout";
		*ret_counter = TRACKERS_OWED_TIMEOUT;
	}
	other = c->owed_at + cfg->linger_ms;
	if (c->half_closed && other < at) {
		at = other;
		*ret_reason = "peer_closed";
		*ret_counter = TRACKERS_COUNTER_COUNT_;
	}
	return at;
}

int64_t
conn_deadline(const struct conn *c)
{
	enum trackers_counter counter;
	const char *reason;

	int64_t at = deadline_find(c, &reason, &counter);

	return c->relay == NULL || c->udp != NULL ? at
	    : MIN_OF(at, relay_deadline(c));
}

void
conn_check(struct conn *c, int64_t now)
{
	struct trackers *t = c->t;
	enum trackers_counter counter;
	const char *reason;
	int64_t at;

	if (c->relay != NULL && c->udp == NULL && !c->proxied)
		relay_check(c, now);
	if (c->reason != NULL)
		return;
	at = deadline_find(c, &reason, &counter);
	if (at > now) {
		wheel_put(t, c, conn_deadline(c));
		return;
	}
	if (counter == TRACKERS_IDLE_TIMEOUT && c->identified &&
	    t->ops.busy(t->ops.arg, &c->core)) {
		wheel_put(t, c, now + t->cfg.busy_look_ms);
		return;
	}
	conn_close(c, reason, counter);
}

void
conn_hurry(struct conn *c)
{
	int64_t at;

	if (c->reason != NULL)
		return;
	if ((at = conn_deadline(c)) < c->due_at)
		wheel_put(c->t, c, at);
}

void
conn_hold(struct conn *c, bool hold, int64_t now)
{
	if (c->held == hold)
		return;
	c->held = hold;
	if (!hold) {
		/* What it had sent lay unread in the kernel: its time starts
		 * again. */
		c->seen_at = now;
		if (!c->identified)
			c->since_at = now;
		if (c->partial_at != 0)
			c->partial_at = now;
	}
	conn_watch(c);
}

/* --- over a restart ----------------------------------------------------------*/

bool
conn_kept(const struct conn *c, struct trackers_kept *ret)
{
	struct relay_kept relay = {.fd = -1};

	/* One that the peer has half closed, or that we are closing, ends as
	 * it would have; and without its platform half a pair is none. */
	if (c->reason != NULL || c->half_closed || c->udp != NULL ||
	    c->proxied || (c->relay != NULL && !relay_kept(c, &relay)))
		return false;
	*ret = (struct trackers_kept){
	    .fd = c->fd,
	    .v6 = c->v6,
	    .port = c->port,
	    .bad = c->bad,
	    .in = c->in,
	    .in_len = c->in_len,
	    .out = c->out,
	    .out_len = c->out_len,
	    .core = (struct core_conn *)(uintptr_t)&c->core,
	    .relay = relay,
	};
	memcpy(ret->addr, c->addr, sizeof(ret->addr));
	return true;
}

int
conn_restore(struct conn *c, const struct trackers_kept *k, int64_t now)
{
	c->v6 = k->v6;
	c->port = k->port;
	c->bad = k->bad;
	memcpy(c->addr, k->addr, sizeof(c->addr));
	if (k->in_len > c->t->partial_max || k->out_len > OUTPUT_MAX ||
	    conn_buffer_reserve(&c->in, &c->in_cap, k->in_len) < 0 ||
	    conn_buffer_reserve(&c->out, &c->out_cap, k->out_len) < 0)
		return -1;
	if (k->in_len > 0) {
		memcpy(c->in, k->in, k->in_len);
		c->partial_at = now;
	}
	if (k->out_len > 0) {
		memcpy(c->out, k->out, k->out_len);
		c->owed_at = now;
	}
	c->in_len = (uint32_t)k->in_len;
	c->out_len = (uint32_t)k->out_len;
	return 0;
}

/* --- served ----------------------------------------------------------------*/

static void
conn_ready(struct conn *c, uint32_t events, int64_t now)
{
	/* Reading or writing finds out what is wrong. */
	if ((events & (EPOLLERR | EPOLLHUP)) != 0)
		events |= EPOLLIN | EPOLLOUT;
	events &= c->events;
	if ((events & EPOLLOUT) != 0)
		conn_writable(c);
	if ((events & EPOLLIN) != 0 && c->reason == NULL)
		conn_readable(c, now);
}

void
conn_poll(struct trackers *t)
{
	struct epoll_event *ready = t->ready;
	int n = epoll_wait(t->poll_fd, ready, READY_A_TURN, 0);
	/* One look at the clocks for all: they are ready at the same time. */
	int64_t now = loop_mono_ms();

	if (n > 0 && t->ops.begin != NULL)
		t->ops.begin(t->ops.arg);
	/* None is freed before the end of the turn; one may be closed by what
	 * another said. */
	for (int i = 0; i < n; i++) {
		uint64_t told = ready[i].data.u64;
		struct conn *c = (struct conn *)(uintptr_t)(told &
		    ~CONN_UPSTREAM);

		if (c->reason != NULL)
			continue;
		if ((told & CONN_UPSTREAM) != 0)
			relay_ready(c, ready[i].events);
		else
			conn_ready(c, ready[i].events, now);
	}
	if (n > 0 && t->ops.end != NULL)
		t->ops.end(t->ops.arg);
}

/* --- what others may ask ---------------------------------------------------*/

void
trackers_close(struct core_conn *cc, const char *reason)
{
	struct conn *c = conn_of(cc);

	if (c->reason != NULL)
		return;
	c->told = strdup(reason);
	conn_close(c, c->told != NULL ? c->told : "closed",
	    TRACKERS_COUNTER_COUNT_);
}

void
trackers_identified(struct core_conn *cc)
{
	struct conn *c = conn_of(cc);

	if (c->identified || c->reason != NULL)
		return;
	c->identified = true;
	c->t->unidentified--;
}

char *
trackers_peer(const struct core_conn *cc, char *buf, size_t size)
{
	const struct conn *c = conn_of(cc);
	struct sockaddr_in sin = {.sin_family = AF_INET};
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6};

	if (c->v6) {
		sin6.sin6_port = htons(c->port);
		memcpy(&sin6.sin6_addr, c->addr, 16);
		return sockaddr_text((struct sockaddr *)&sin6, buf, size);
	}
	sin.sin_port = htons(c->port);
	memcpy(&sin.sin_addr, c->addr, 4);
	return sockaddr_text((struct sockaddr *)&sin, buf, size);
}

int64_t
trackers_last_seen_mono(const struct core_conn *cc)
{
	return conn_of(cc)->seen_at;
}
