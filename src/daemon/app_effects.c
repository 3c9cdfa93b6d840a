#include "config.h"
#include "daemon/app_priv.h"

#include <stdlib.h>
#include <string.h>

#include "config/zone.h"
#include "daemon/crash.h"
#include "daemon/log.h"

/*
 * What the core wants is carried out: changes to the writer, replies when they
 * are durable, commands, windows, tokens.
 */

/* The connection's replies, so that its end need not look through all. The
 * youngest leads to the oldest. */
static void
ring_add(struct held_reply *h)
{
	struct held_reply *last = h->conn->held_last;

	h->mate = last == NULL ? h : last->mate;
	if (last != NULL)
		last->mate = h;
	h->conn->held_last = h;
	h->conn->held++;
}

/* Replies leave in the order in which they came: h is the oldest. */
static void
ring_drop_oldest(struct held_reply *h)
{
	struct held_reply *last = h->conn->held_last;

	assert(last != NULL && last->mate == h);
	last->mate = h->mate;
	if (last == h)
		h->conn->held_last = NULL;
	h->conn->held--;
}

static void
hold_reply(struct app *a, const struct fx_item *it)
{
	struct held_reply *h;

	/* The tracker sends its report again: so it may, as often as it likes,
	 * while the disk is full. */
	if (it->conn->held >= HELD_MAX) {
		a->held_refused++;
		return;
	}
	if (it->len > sizeof(h->bytes) || (h = malloc(sizeof(*h))) == NULL)
		return;
	h->next = NULL;
	h->ticket = it->ticket;
	h->conn = it->conn;
	h->len = it->len;
	memcpy(h->bytes, it->bytes, it->len);
	ring_add(h);
	*a->held_end = h;
	a->held_end = &h->next;
	a->held_count++;
}

void
app_release_replies(struct app *a)
{
	struct held_reply *h;

	while ((h = a->held) != NULL && h->ticket <= a->durable) {
		a->held = h->next;
		if (a->held == NULL)
			a->held_end = &a->held;
		a->held_count--;
		if (h->conn != NULL) {
			ring_drop_oldest(h);
			trackers_reply(h->conn, h->bytes, h->len);
		}
		free(h);
	}
}

void
app_forget_replies(struct core_conn *conn)
{
	struct held_reply *h = conn->held_last;

	for (; conn->held > 0; conn->held--) {
		h->conn = NULL;
		h = h->mate;
	}
	conn->held_last = NULL;
}

void
app_drop_replies(struct app *a)
{
	struct held_reply *h;

	while ((h = a->held) != NULL) {
		a->held = h->next;
		free(h);
	}
}

static void
send_command(struct app *a, const struct fx_item *it)
{
	struct ev ev = {
	    .kind = EV_SENT,
	    .conn = it->conn,
	    .send_id = it->send_id,
	};
	bool start = it->len > 11 && memcmp(it->bytes, "AT+GTUPD=", 9) == 0 &&
	    memmem(it->bytes, it->len, ",http://", 8) != NULL;

	if (start)
		crashpoint("after_intent_commit");
	ev.ok = trackers_send(it->conn, it->bytes, it->len);
	if (ev.ok && it->spoke_at >= 0)
		histogram_add(&a->dispatch, &histogram_dispatch,
		    (double)(app_now(a).at_ms - it->spoke_at) / 1000);
	if (start)
		crashpoint("after_start_write");
	core_handle(a->core, &ev, app_now(a), &a->fx);
	app_effects(a);
}

/* Which hours that means in UTC is a matter of time zones. */
static void
tell_windows(struct app *a, const struct fx_item *it)
{
	const struct campaign_spec *s =
	    core_campaign_spec(a->core, it->campaign);
	struct windows_answer answer = {
	    .campaign = it->campaign,
	    .zone = it->bytes,
	    .from_wall = it->from_wall,
	    .to_wall = it->to_wall,
	};
	struct ev ev = {.kind = EV_WINDOWS, .windows = &answer};
	struct wall_span *span = NULL;
	int r;

	if (s == NULL)
		return;
	r = zone_windows(it->bytes, s->windows, s->window_count,
	    it->from_wall, it->to_wall, &span, &answer.count);
	if (r == ZONE_NO_MEMORY)
		app_die(a, "out_of_memory");
	answer.known = r == 0;
	answer.span = span;
	core_handle(a->core, &ev, app_now(a), &a->fx);
	free(span);
	app_effects(a);
}

static void
tell_token(struct app *a, const struct fx_item *it)
{
	if (a->tokens == NULL)
		return;
	if (!it->valid)
		fwtokens_drop(a->tokens, it->bytes);
	else if (fwtokens_put(a->tokens, it->bytes, it->attempt,
		it->device) < 0)
		app_die(a, "out_of_memory");
}

static void
submit(struct app *a)
{
	struct fx *fx = &a->fx;
	struct opbuf ops;

	if (fx->ops.failed)
		app_die(a, "out_of_memory");
	if (fx->ops.count == 0)
		return;
	opbuf_init(&ops);
	opbuf_move(&ops, &fx->ops);
	a->submitted = fx->ticket;
	if (!store_submit(a->store, fx->ticket, &ops) && a->trackers != NULL)
		trackers_hold_reading(a->trackers, true);
	opbuf_done(&ops);
}

/* A command's outcome is told to the core at once and may want more: the list
 * is taken over first. */
void
app_effects(struct app *a)
{
	struct fx_item *items = a->fx.item;
	size_t n = a->fx.count, cap = a->fx.cap;

	submit(a);
	if (n == 0) {
		fx_clear(&a->fx);
		return;
	}
	a->fx.item = a->spare;
	a->fx.cap = a->spare_cap;
	a->spare = NULL;
	a->spare_cap = 0;
	fx_clear(&a->fx);
	for (size_t i = 0; i < n; i++) {
		struct fx_item *it = &items[i];

		switch (it->kind) {
		case FX_NOTE:
			log_line(it->level, it->bytes);
			break;
		case FX_CLOSE:
			trackers_close(it->conn, it->bytes);
			break;
		case FX_REPLY:
			if (it->ticket <= a->durable)
				trackers_reply(it->conn, it->bytes, it->len);
			else
				hold_reply(a, it);
			break;
		case FX_SEND:
			send_command(a, it);
			break;
		case FX_WINDOWS:
			tell_windows(a, it);
			break;
		case FX_TOKEN:
			tell_token(a, it);
			break;
		case FX_KIND_COUNT_:
			break;
		}
	}
	if (a->spare == NULL) {
		a->spare = items;
		a->spare_cap = cap;
	} else {
		free(items);
	}
}
