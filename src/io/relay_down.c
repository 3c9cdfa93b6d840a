#include "config.h"
#include "io/trackers_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "io/relay_priv.h"

#define DOWN_READ_BYTES (OUTPUT_MAX / 4)

/*
 * What the platform says to the tracker. Which of our own words may go in
 * between is told by its frames, which end in '$'; everything else about them
 * is none of our business.
 */

bool
relay_between(const struct conn *c)
{
	const struct relay *r = c->relay;

	return !r->inside && !r->down_shut && r->late_len == 0;
}

void
relay_late(struct conn *c, const char *p, size_t n)
{
	struct relay *r = c->relay;
	char *late;

	/* The tracker sends its report again. */
	if (r->down_shut || r->late_len + n > RELAY_LATE_MAX ||
	    (late = realloc(r->late, r->late_len + n)) == NULL) {
		relays_stats(c->t->relays)->replies_dropped++;
		return;
	}
	memcpy(late + r->late_len, p, n);
	r->late = late;
	r->late_len += (uint32_t)n;
}

/* A frame of the platform is whole: ours may follow. */
static void
frame_ended(struct conn *c)
{
	struct relay *r = c->relay;

	r->inside = false;
	if (r->head_len >= 9 && memcmp(r->head, "AT+GTUPD=", 9) == 0) {
		relays_stats(c->t->relays)->foreign++;
		c->t->ops.foreign(c->t->ops.arg, &c->core);
	}
}

static void
late_flush(struct conn *c)
{
	struct relay *r = c->relay;

	conn_put(c, r->late, r->late_len);
	free(r->late);
	r->late = NULL;
	r->late_len = 0;
}

static void
down_pass(struct conn *c, const char *p, size_t n)
{
	struct relay *r = c->relay;
	size_t off = 0, sent = 0, end, head;
	const char *dollar;

	while (off < n) {
		/* What stands between frames begins none. */
		if (!r->inside && (p[off] == '\r' || p[off] == '\n' ||
			p[off] == '\0')) {
			off++;
			continue;
		}
		if (!r->inside)
			r->head_len = 0;
		r->inside = true;
		dollar = memchr(p + off, '$', n - off);
		end = dollar == NULL ? n : (size_t)(dollar - p) + 1;
		head = MIN_OF(end - off, (size_t)(RELAY_HEAD - r->head_len));
		memcpy(r->head + r->head_len, p + off, head);
		r->head_len = (uint8_t)(r->head_len + head);
		off = end;
		if (dollar == NULL)
			break;
		frame_ended(c);
		if (r->late_len > 0) {
			conn_put(c, p + sent, off - sent);
			sent = off;
			late_flush(c);
		}
	}
	conn_put(c, p + sent, n - sent);
	if (c->core.inside && c->reason == NULL && relay_between(c)) {
		c->core.inside = false;
		c->t->ops.between(c->t->ops.arg, &c->core);
	}
}

void
relay_down_readable(struct conn *c)
{
	struct relay *r = c->relay;
	ssize_t n = recv(r->fd, c->t->rbuf, DOWN_READ_BYTES, 0);

	if (n > 0) {
		relays_stats(c->t->relays)->bytes_down += (uint64_t)n;
		down_pass(c, c->t->rbuf, (size_t)n);
	} else if (n == 0) {
		relays_stats(c->t->relays)->upstream_closed++;
		r->down_ended = true;
		r->inside = false;
		c->owed_at = c->out_len > 0 ? c->owed_at : loop_mono_ms();
		relay_end_when_done(c);
		conn_hurry(c);
	} else if (errno != EAGAIN && errno != EINTR) {
		relay_upstream_failed(c);
	}
	relay_watch(c);
}
