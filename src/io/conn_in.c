#include "config.h"
#include "io/trackers_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cidr.h"
#include "proto/proxy.h"

/* What comes from a tracker: all that one read finds is cut into frames; what
 * is left of one waits in a buffer of its own. */

bool
conn_frame(struct conn *c, const struct frame *f, int64_t now)
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
		conn_reply_flush(c);
	return t->reply.own;
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
	conn_buffer_drop(&c->in, &c->in_cap);
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
	if (conn_buffer_reserve(&c->in, &c->in_cap, n) < 0) {
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
		else if (conn_frame(c, &f, now) && c->relay != NULL)
			passed = relay_hide(c, p, passed, &f.bytes);
	}
	if (c->relay != NULL)
		relay_pass(c, p, passed, off);
	conn_reply_flush(c);
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

void
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
