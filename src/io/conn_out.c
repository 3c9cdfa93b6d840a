#include "config.h"
#include "io/trackers_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* What goes to a tracker: commands, now or never, and replies, which may wait
 * in a buffer of their own. */

/* Private buffers grow in these steps: a frame that drips in would otherwise
 * be moved with each byte. */
#define BUFFER_STEP 256u

int
conn_buffer_reserve(char **buf, uint32_t *cap, size_t need)
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

void
conn_buffer_drop(char **buf, uint32_t *cap)
{
	free(*buf);
	*buf = NULL;
	*cap = 0;
}

void
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
	if (conn_buffer_reserve(&c->out, &c->out_cap, c->out_len + n) < 0) {
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

void
conn_reply_flush(struct conn *c)
{
	struct trackers_reply *r = &c->t->reply;

	conn_reply(c, r->p, r->len);
	r->len = 0;
}

void
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
	conn_buffer_drop(&c->out, &c->out_cap);
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
