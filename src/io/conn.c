#include "config.h"
#include "io/trackers_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "proto/proxy.h"

#include "base/cidr.h"

/* Private buffers grow in these steps: a frame that drips in would otherwise
 * be moved with each byte. */
#define BUFFER_STEP 256u

static struct conn *
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

/* Makes room for need bytes in *buf. -1: no memory, nothing changed. */
static int
buffer_reserve(char **buf, uint32_t *cap, size_t need)
{
	size_t size = (need + BUFFER_STEP - 1) / BUFFER_STEP * BUFFER_STEP;
	char *p;

	if (need <= *cap)
		return 0;
	if ((p = realloc(*buf, size)) == NULL)
		return -1;
	*buf = p;
	*cap = (uint32_t)size;
	return 0;
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
	    buffer_reserve(&c->in, &c->in_cap, k->in_len) < 0 ||
	    buffer_reserve(&c->out, &c->out_cap, k->out_len) < 0)
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

/* --- output ----------------------------------------------------------------*/

static void
buffer_drop(char **buf, uint32_t *cap)
{
	free(*buf);
	*buf = NULL;
	*cap = 0;
}

static void
conn_failed(struct conn *c, int error)
{
	/* When its patience is over the kernel names what it last heard on
	 * the way; alone that ends no connection. */
	if (error == ETIMEDOUT || error == EHOSTUNREACH ||
	    error == ENETUNREACH)
		conn_close(c, "owed_timeout", TRACKERS_OWED_TIMEOUT);
	else
		conn_close(c, "reset", TRACKERS_COUNTER_COUNT_);
}

/* Bytes that the kernel took, 0 when its buffer is full, -1: closed. */
static ssize_t
conn_write(struct conn *c, const char *p, size_t n)
{
	ssize_t sent;

	do
		sent = send(c->fd, p, n, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0) {
		trackers_count(c->t, TRACKERS_BYTES_OUT, (uint64_t)sent);
		return sent;
	}
	if (errno == EAGAIN || errno == ENOBUFS)
		return 0;
	conn_failed(c, errno);
	return -1;
}

static void
conn_keep_output(struct conn *c, const char *p, size_t n)
{
	if (n == 0)
		return;
	if (c->out_len + n > OUTPUT_MAX) {
		conn_close(c, "output_closed", TRACKERS_OUTPUT_CLOSED);
		return;
	}
	if (buffer_reserve(&c->out, &c->out_cap, c->out_len + n) < 0) {
		conn_close(c, "no_memory", TRACKERS_NO_MEMORY);
		return;
	}
	if (c->out_len == 0)
		c->owed_at = loop_mono_ms();
	memcpy(c->out + c->out_len, p, n);
	c->out_len += (uint32_t)n;
	conn_watch(c);
	conn_hurry(c);
}

void
conn_put(struct conn *c, const char *p, size_t n)
{
	ssize_t sent = 0;

	if (c->reason != NULL || n == 0)
		return;
	if (c->udp != NULL) {
		(void)udp_send(c, p, n);
		return;
	}
	if (c->out_len == 0 && (sent = conn_write(c, p, n)) < 0)
		return;
	conn_keep_output(c, p + sent, n - (size_t)sent);
}

/* Words of ours: between two frames of the platform. */
static void
conn_reply(struct conn *c, const char *p, size_t n)
{
	if (n > 0 && c->reason == NULL && c->relay != NULL &&
	    !relay_between(c))
		relay_late(c, p, n);
	else
		conn_put(c, p, n);
}

static void
conn_writable(struct conn *c)
{
	ssize_t sent = conn_write(c, c->out, c->out_len);

	if (sent <= 0)
		return;
	c->out_len -= (uint32_t)sent;
	c->owed_at = loop_mono_ms();
	if (c->out_len > 0) {
		memmove(c->out, c->out + sent, c->out_len);
		return;
	}
	buffer_drop(&c->out, &c->out_cap);
	conn_watch(c);
	if (c->relay != NULL && c->reason == NULL)
		relay_drained(c);
}

bool
trackers_send(struct core_conn *cc, const char *p, size_t n)
{
	struct conn *c = conn_of(cc);
	ssize_t sent;

	/* A command that waits in a buffer could leave after a pause, or
	 * never: it goes now or not at all. */
	if (c->reason != NULL || c->half_closed || c->out_len > 0 || n == 0)
		return false;
	if (c->udp != NULL)
		return udp_send(c, p, n);
	if (c->relay != NULL && !relay_between(c)) {
		relays_stats(c->t->relays)->not_between++;
		c->core.inside = true;
		return false;
	}
	if ((sent = conn_write(c, p, n)) <= 0)
		return false;
	/* The rest of one that the kernel took in part must not leave after a
	 * pause either, and nothing else may follow half a frame. */
	if ((size_t)sent < n)
		conn_close(c, "command_torn", TRACKERS_OUTPUT_CLOSED);
	return true;
}

void
trackers_reply(struct core_conn *cc, const char *p, size_t n)
{
	conn_reply(conn_of(cc), p, n);
}

void
trackers_reply_add(struct trackers_reply *r, const char *p, size_t n)
{
	size_t cap = MAX_OF(r->cap, (size_t)1024);
	char *grown;

	/* Whoever sent so little gets no more: it asks again. */
	if (r->max > 0 && r->len + n > r->max)
		return;
	while (cap - r->len < n)
		cap *= 2;
	if (cap != r->cap) {
		if ((grown = realloc(r->p, cap)) == NULL)
			return;
		r->p = grown;
		r->cap = cap;
	}
	memcpy(r->p + r->len, p, n);
	r->len += n;
}

/* --- input -----------------------------------------------------------------*/

static void
reply_flush(struct conn *c)
{
	struct trackers_reply *r = &c->t->reply;

	conn_reply(c, r->p, r->len);
	r->len = 0;
}

/* True: it is of our own dialogue, and none of the platform's. */
static bool
frame_good(struct conn *c, const struct frame *f, int64_t now)
{
	struct trackers *t = c->t;
	struct message *m = &t->message;
	enum msg_bad bad;

	trackers_count(t, TRACKERS_FRAMES, 1);
	if (message_decode_next(f, m, &bad) < 0) {
		t->stats.bad_message[bad]++;
		/* A report that is not acknowledged comes again for ever: with
		 * a good id and count it passes for an ordinary one. */
		if ((bad != MSG_BAD_FIELDS && bad != MSG_BAD_VALUE) ||
		    m->count_text.n == 0)
			return false;
		m->kind = MSG_REPORT;
		m->has_serial = false;
	}
	c->seen_at = now;
	t->stats.kind[m->kind]++;
	t->reply.own = false;
	t->ops.frame(t->ops.arg, &c->core, m, &t->reply);
	if (t->reply.len >= REPLY_FLUSH && c->udp == NULL)
		reply_flush(c);
	return t->reply.own;
}

bool
conn_frame(struct conn *c, const struct frame *f, int64_t now)
{
	return frame_good(c, f, now);
}

static void
frame_bad(struct conn *c, enum frame_why why)
{
	c->t->stats.bad_frame[why]++;
	if (++c->bad >= c->t->cfg.bad_frames_max && c->relay == NULL)
		conn_close(c, "bad_frames", TRACKERS_BAD_FRAMES_CLOSED);
}

void
conn_forget_input(struct conn *c)
{
	buffer_drop(&c->in, &c->in_cap);
	c->in_len = c->in_scan = 0;
	c->partial_at = 0;
}

/* The bytes behind the last whole frame wait in a buffer of their own. */
static void
conn_keep_input(struct conn *c, const char *p, size_t n, size_t scan,
    bool consumed, int64_t now)
{
	if (c->reason != NULL || n == 0) {
		conn_forget_input(c);
		return;
	}
	/* frame_next() gives up before this; the shared buffer relies on it. */
	if (n > c->t->partial_max) {
		conn_close(c, "bad_frames", TRACKERS_BAD_FRAMES_CLOSED);
		return;
	}
	if (buffer_reserve(&c->in, &c->in_cap, n) < 0) {
		conn_close(c, "no_memory", TRACKERS_NO_MEMORY);
		return;
	}
	memcpy(c->in, p, n);
	c->in_len = (uint32_t)n;
	c->in_scan = (uint32_t)scan;
	/* Absolute: a byte more does not buy time. */
	if (c->partial_at == 0 || consumed)
		c->partial_at = now;
	conn_hurry(c);
}

static void
conn_frames(struct conn *c, const char *p, size_t n, int64_t now)
{
	struct trackers *t = c->t;
	/* Of p, the platform has got the bytes before this. */
	size_t passed = c->relay == NULL ? 0 : c->relay->ahead;
	/* A reload may have lowered the limit below what was searched. */
	size_t off = 0, used, scan = MIN_OF(c->in_scan, t->cfg.frame_max);
	bool consumed = false;
	enum frame_status st;
	enum frame_why why;
	struct frame f;

	while (off < n && c->reason == NULL) {
		st = frame_next(p + off, n - off, t->cfg.frame_max, &scan, &f,
		    &used, &why);
		off += used;
		if (st == FRAME_MORE)
			break;
		consumed = true;
		scan = 0;
		if (st == FRAME_BAD)
			frame_bad(c, why);
		else if (frame_good(c, &f, now) && c->relay != NULL)
			passed = relay_hide(c, p, passed, &f.bytes);
	}
	if (c->relay != NULL)
		relay_pass(c, p, passed, off);
	reply_flush(c);
	conn_keep_input(c, p + off, n - off, scan, consumed, now);
}

/* A balancer says first whom it speaks for. True: that is known now, and
 * *ret_used bytes have told it. */
static bool
conn_proxy(struct conn *c, const char *p, size_t n, size_t *ret_used,
    int64_t now)
{
	struct proxy_peer peer;

	switch (proxy_read(p, n, &peer, ret_used)) {
	case PROXY_MORE:
		conn_keep_input(c, p, n, 0, false, now);
		return false;
	case PROXY_BAD:
		conn_close(c, "proxy_header", TRACKERS_PROXY_BAD);
		return false;
	case PROXY_OK:
		break;
	}
	c->proxied = false;
	c->since_at = c->seen_at = now;
	conn_forget_input(c);
	if (!peer.local) {
		c->v6 = peer.v6;
		c->port = peer.port;
		memcpy(c->addr, peer.addr, sizeof(c->addr));
		cidr_address(c->core.addr, c->addr, c->v6);
	}
	return address_told(c) == 0;
}

/* Whom a command would not reach any more is not to be decided upon as if it
 * did, for as long as the replies that it may still get take. */
void
conn_half_close(struct conn *c, int64_t now)
{
	c->half_closed = true;
	c->owed_at = now;
	conn_watch(c);
	if (c->reason == NULL && c->t->ops.ended != NULL)
		c->t->ops.ended(c->t->ops.arg, &c->core);
}

static void
conn_end_of_input(struct conn *c, int64_t now)
{
	if (c->relay != NULL && !c->proxied) {
		relay_tracker_ended(c);
		return;
	}
	/* Replies that wait for the disk may still be due to a tracker that
	 * said it will send no more; a health check is owed nothing. */
	if (!c->identified || c->proxied) {
		conn_close(c, "peer_closed", TRACKERS_COUNTER_COUNT_);
		return;
	}
	conn_half_close(c, now);
	c->partial_at = 0;
	conn_hurry(c);
}

static void
conn_readable(struct conn *c, int64_t now)
{
	struct trackers *t = c->t;
	size_t all, used = 0;
	ssize_t n;

	if (t->hold && c->relay == NULL) {
		conn_hold(c, true, now);
		return;
	}
	n = recv(c->fd, t->rbuf + c->in_len, READ_BYTES, 0);
	if (n > 0) {
		if (c->in_len > 0)
			memcpy(t->rbuf, c->in, c->in_len);
		trackers_count(t, TRACKERS_BYTES_IN, (uint64_t)n);
		all = c->in_len + (size_t)n;
		if (c->proxied && !conn_proxy(c, t->rbuf, all, &used, now))
			return;
		if (t->pure && c->relay != NULL)
			relay_pure(c, t->rbuf + used, all - used);
		else
			conn_frames(c, t->rbuf + used, all - used, now);
		return;
	}
	if (n == 0)
		conn_end_of_input(c, now);
	else if (errno != EAGAIN && errno != EINTR)
		conn_failed(c, errno);
}

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
