#include "config.h"
#include "core/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/plant.h"
#include "proto/encode.h"

/*
 * Commands between their intent and the wire. A command is built only when its
 * ticket is durable, for the connection that is the newest then.
 */

void
pending_add(struct core *c, enum pending_kind kind, struct device *d,
    int64_t attempt, uint16_t serial)
{
	struct pending *q = calloc(1, sizeof(*q));

	if (q == NULL) {
		core_fail(c);
		return;
	}
	q->kind = kind;
	q->device = d;
	q->attempt = attempt;
	q->serial = serial;
	q->ticket = core_ticket(c);
	q->conn_id = d->conn == NULL ? 0 : d->conn->id;
	q->spoke_at = c->speaking != NULL && c->speaking == d->conn
	    ? c->now.at_ms : -1;
	list_push_back(&c->pending, &q->node);
}

static int
encode_pending(const struct core *c, const struct pending *q,
    const struct attempt *a, char *buf, size_t size)
{
	switch (q->kind) {
	case PENDING_READ:
		return encode_read_version(buf, size,
		    device_password(c, q->device), q->serial);
	case PENDING_STOP:
		return model_stop(c, q->device, q->serial, false, buf,
		    size);
	case PENDING_START:
		break;
	}
	return model_start(c, q->device, a->target->campaign->spec,
	    a->rec.url, q->serial, false, buf, size);
}

/* The gates once more, now that the intent is on disk (design.md 3). */
static bool
still_open(struct core *c, const struct pending *q, struct attempt *a)
{
	const struct device *d = q->device;

	if (d->conn == NULL || d->conn->id != q->conn_id ||
	    !device_commandable(c, d) || device_quarantined(c, d))
		return false;
	assert(d->more != NULL);
	/* A read that was given up meanwhile, while commits were slow; or that
	 * is of a campaign that may ask no more. */
	if (q->kind == PENDING_READ)
		return d->more->read.state == READ_PENDING &&
		    d->more->read.serial == q->serial &&
		    (d->more->read.why != READ_PREFLIGHT ||
			target_preflight_due(c, d));
	assert(a != NULL);
	/* 201 may have come while the stop was on its way to the disk. */
	if (q->kind == PENDING_STOP)
		return attempt_stoppable(a) || planted("stop_after_201");
	if (planted("gate_not_held_again"))
		return true;
	if (a->rec.cancel_wanted && !planted("cancel_leaves_start"))
		return false;
	return target_gate_open(c, a->target);
}

static void
pending_outcome(struct core *c, const struct pending *q, bool ok,
    const struct core_conn *conn)
{
	struct attempt *a =
	    q->device->more == NULL ? NULL : q->device->more->attempt;

	if (q->kind == PENDING_READ) {
		read_written(c, q->device, q->serial, ok, conn);
		return;
	}
	if (a == NULL || a->rec.id != q->attempt)
		return;
	if (q->kind == PENDING_START) {
		a->start_conn_id = ok ? conn->id : 0;
		attempt_step(c, a, ok ? AE_WRITTEN : AE_NOT_WRITTEN);
		return;
	}
	a->stop_pending = false;
	if (ok) {
		struct device_rec *r = &q->device->more->rec;

		c->commands_stop++;
		a->rec.stop_at = c->now.at_ms;
		r->stop_seq = r->stale_seq = core_seq(c);
		/* The first one may be a datagram that is under way yet. */
		r->stop_udp = conn->transport == TRANSPORT_UDP ||
		    (r->stop_udp && c->now.at_ms < r->stop_w_end_at);
		r->stop_w_end_at = c->now.at_ms + a->rec.w_ms;
		mark_device(c, q->device->more);
	} else {
		a->rec.stops_sent--;
	}
	mark_attempt(c, a);
	attempt_arm(c, a);
}

void
pending_durable(struct core *c)
{
	struct list *n, *tmp;

	LIST_EACH_SAFE(n, tmp, &c->pending) {
		struct pending *q = CONTAINER_OF(n, struct pending, node);
		struct attempt *a =
		    q->device->more == NULL ? NULL : q->device->more->attempt;
		struct fx_item *it;
		int len;

		if (q->ticket > c->ticket_durable &&
		    !planted("skip_intent_wait"))
			break;
		if (q->send_id != 0)
			continue; /* with the shell */
		if (q->kind != PENDING_READ &&
		    (a == NULL || a->rec.id != q->attempt ||
			!still_open(c, q, a)))
			goto drop;
		if (q->kind == PENDING_READ && !still_open(c, q, NULL))
			goto drop;
		if ((it = core_item(c, FX_SEND)) == NULL)
			return;
		len = encode_pending(c, q, a, it->bytes, sizeof(it->bytes));
		if (len < 0) {
			/* A value that no grammar allows: refused at load, so
			 * this is a bug or a torn row; never send it. */
			c->fx->count--;
			core_note(c, NOTE_ERROR,
			    "command_refused device=%s attempt=%lld",
			    q->device->id, (long long)q->attempt);
			goto drop;
		}
		it->len = (size_t)len;
		it->conn = q->device->conn;
		it->conn_id = q->device->conn->id;
		it->spoke_at = q->spoke_at;
		it->send_id = q->send_id = ++c->send_last;
		continue;
drop:
		list_remove(&q->node);
		pending_outcome(c, q, false, NULL);
		free(q);
		/* The outcome may have dropped others: look again. */
		tmp = c->pending.next;
	}
}

void
pending_sent(struct core *c, uint64_t send_id, bool ok,
    const struct core_conn *conn)
{
	struct list *n, *tmp;

	LIST_EACH_SAFE(n, tmp, &c->pending) {
		struct pending *q = CONTAINER_OF(n, struct pending, node);

		if (q->send_id != send_id)
			continue;
		list_remove(&q->node);
		pending_outcome(c, q, ok && conn != NULL, conn);
		free(q);
		return;
	}
}
