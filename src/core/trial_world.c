#include "config.h"
#include "core/trial_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The world around the core: a heap of what happens next, from one to another
 * of which the clock jumps, and a store that is always there.
 */

/* --- small things ----------------------------------------------------------*/

struct core_now
trial_now(const struct trial *w)
{
	return (struct core_now){.at_ms = w->now + 1,
	    .wall_ms = w->cfg->begin_wall + w->now, .boot_ms = w->now + 1};
}

bool
trial_hits(struct trial *w, uint32_t ppm)
{
	return prng_below(&w->chance, 1000000) < ppm;
}

int64_t
trial_between(struct trial *w, int64_t lo, int64_t hi)
{
	return lo + (int64_t)prng_below(&w->chance, (uint64_t)(hi - lo + 1));
}

void
trial_tell(struct trial *w, const char *fmt, ...)
{
	struct trial_result *r = w->r;
	struct trial_line *l;
	va_list ap;

	if (r->line_count == TRIAL_LINES_MAX) {
		r->lines_left_out++;
		return;
	}
	l = &r->line[r->line_count++];
	l->wall = w->cfg->begin_wall + w->now;
	va_start(ap, fmt);
	(void)vsnprintf(l->text, sizeof(l->text), fmt, ap);
	va_end(ap);
	for (const char *p = l->text; *p != '\0'; p++)
		r->hash = prng_mix(r->hash, (unsigned char)*p);
	r->hash = prng_mix(r->hash, (uint64_t)w->now);
}

static bool
sooner(const struct happening *a, const struct happening *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

void
trial_plan(struct trial *w, int64_t after, struct happening h)
{
	size_t i;

	if (w->len + 1 >= w->cap) {
		size_t cap = w->cap == 0 ? 1024 : w->cap * 2;
		struct happening *v = realloc(w->heap, cap * sizeof(*v));

		if (v == NULL) {
			w->failed = true;
			return;
		}
		w->heap = v;
		w->cap = cap;
	}
	h.at = w->now + after;
	h.seq = ++w->seq;
	for (i = ++w->len; i > 1 && sooner(&h, &w->heap[i / 2]); i /= 2)
		w->heap[i] = w->heap[i / 2];
	w->heap[i] = h;
}

struct happening
trial_next(struct trial *w)
{
	struct happening top = w->heap[1], last = w->heap[w->len--];
	size_t i = 1, k;

	while ((k = i * 2) <= w->len) {
		if (k < w->len && sooner(&w->heap[k + 1], &w->heap[k]))
			k++;
		if (!sooner(&w->heap[k], &last))
			break;
		w->heap[i] = w->heap[k];
		i = k;
	}
	w->heap[i] = last;
	return top;
}

/* --- what the core wants ---------------------------------------------------*/

static void
sent(struct trial *w, struct fx_item *it)
{
	struct tracker *t = (struct tracker *)it->conn;
	struct ev ev = {.kind = EV_SENT, .conn = it->conn,
	    .send_id = it->send_id, .ok = t->online &&
		t->conn.id == it->conn_id};

	if (ev.ok) {
		it->bytes[MIN_OF(it->len, sizeof(it->bytes) - 1)] = '\0';
		trial_tracker_sent(w, t, it->bytes, it->len);
	}
	trial_feed(w, &ev);
}

static void
windows(struct trial *w, const struct fx_item *it)
{
	struct windows_answer a = {.campaign = it->campaign,
	    .zone = it->bytes, .from_wall = it->from_wall,
	    .to_wall = it->to_wall};
	struct wall_span *v = NULL;

	a.known = w->cfg->hours(w->cfg->hours_arg, w->spec, it->bytes,
	    it->from_wall, it->to_wall, &v, &a.count) == 0;
	a.span = v;
	trial_feed(w, &(struct ev){.kind = EV_WINDOWS, .windows = &a});
	free(v);
}

static void
wave_told(struct trial *w, const struct wave_rec *r)
{
	if (r->number < 0 || r->number >= WAVES_MAX ||
	    w->wave[r->number] == r->state)
		return;
	w->wave[r->number] = r->state;
	trial_tell(w, "wave %s: %s%s%s", r->name, wave_state_name(r->state),
	    r->reason[0] == '\0' ? "" : ": ", r->reason);
	w->approve = w->approve || r->state == WAVE_HELD;
}

/* What is written down is what has happened. */
static void
written(struct trial *w)
{
	struct opbuf ops;
	struct op op;
	size_t pos = 0;

	w->failed = w->failed || w->fx.ops.failed;
	opbuf_init(&ops);
	opbuf_move(&ops, &w->fx.ops);
	while (!w->failed && opbuf_next(&ops, &pos, &op)) {
		if (op.kind == OP_WAVE)
			wave_told(w, op.wave);
		if (op.kind != OP_CAMPAIGN || op.campaign->state == w->state)
			continue;
		w->state = op.campaign->state;
		trial_tell(w, "campaign: %s%s%s%s%s",
		    campaign_state_name(w->state),
		    op.campaign->reason == PAUSE_NONE ? "" : ", ",
		    op.campaign->reason == PAUSE_NONE ? ""
			: pause_reason_name(op.campaign->reason),
		    op.campaign->reason_text[0] == '\0' ? "" : ": ",
		    op.campaign->reason_text);
	}
	opbuf_done(&ops);
	trial_plan(w, trial_between(w, 1, 20), (struct happening){
	    .kind = H_DURABLE, .value = w->fx.ticket});
}

void
trial_effects(struct trial *w)
{
	struct fx_item *item = w->fx.item;
	size_t n = w->fx.count;

	if (w->fx.ops.count > 0 || w->fx.ops.failed)
		written(w);
	/* What one of them leads to is carried out before the next. */
	w->fx.item = NULL;
	w->fx.cap = 0;
	fx_clear(&w->fx);
	for (size_t i = 0; i < n && !w->failed; i++) {
		if (item[i].kind == FX_SEND)
			sent(w, &item[i]);
		else if (item[i].kind == FX_WINDOWS)
			windows(w, &item[i]);
	}
	free(item);
}

void
trial_feed(struct trial *w, const struct ev *ev)
{
	w->r->events++;
	core_handle(w->core, ev, trial_now(w), &w->fx);
	trial_effects(w);
}
