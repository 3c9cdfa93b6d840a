#include "config.h"
#include "core/trial.h"

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "proto/frame.h"

/*
 * The world around the core: a heap of what happens next, trackers that do what
 * SPEC says (in words of their own, not by the decoder's tables), a store that
 * is always there. Heartbeats are left out of those that have nothing to say:
 * whoever is connected and idle costs no event.
 */

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define BEAT_MS (5 * MINUTE)
#define BEATS_FOR (8 * HOUR)     /* after a start, then */
#define BEATS_SELDOM (6 * HOUR)  /* for */
#define BEATS_UNTIL (5 * DAY)
#define LOOK_EVERY 1024          /* events between two looks at stop */

const struct trial_rates trial_rates = {
	.no_ack = 2000, .power_off = 3000, .low_battery = 20000,
	.low_battery_install = 2000, .download_fail = 20000,
	.update_fail = 200, .report_lost = 2000, .brick = 0,
	.seldom = 50000,
};

enum happening_kind {
	H_DURABLE, H_CONNECT, H_LEAVE, H_COMMAND, H_STEP, H_BEAT,
};

enum mode {
	MODE_IDLE, MODE_CONFIRM, MODE_START_DOWNLOAD, MODE_DOWNLOAD,
	MODE_INSTALL, MODE_FLASH, MODE_BOOT, MODE_DEAD,
};

enum command { COMMAND_READ, COMMAND_START, COMMAND_STOP };

struct happening {
	int64_t at;
	uint64_t seq;
	uint64_t value;       /* ticket, or the generation of a step */
	uint32_t device;
	uint16_t serial;
	uint8_t kind, command;
	uint16_t package;
	uint8_t retries;
};

struct tracker {
	struct core_conn conn;
	bool online, seldom, beats;
	enum mode mode;
	uint32_t gen;
	uint16_t count;
	uint8_t tries, try_now;
	bool failed;          /* the flash that is going on, or its download */
	bool told;            /* it comes back with a code */
	size_t package;
	int64_t started;
	char version[VERSION_MAX + 1];
	const struct plan_device *who;
};

struct trial {
	const struct trial_config *cfg;
	const struct campaign_spec *spec; /* the core's */
	char name[CAMPAIGN_NAME_MAX + 1];
	struct core *core;
	struct fx fx;
	struct prng chance;
	int64_t now;
	uint64_t seq, conn_id;
	struct happening *heap;
	size_t len, cap;
	struct tracker *t;
	size_t count;
	enum wave_state wave[WAVES_MAX];
	enum campaign_state state;
	int tenth;            /* of the targets that are done */
	bool approve, failed;
	char reply[512];
	struct trial_result *r;
};

/* --- small things ----------------------------------------------------------*/

static struct core_now
now_of(const struct trial *w)
{
	return (struct core_now){.at_ms = w->now + 1,
	    .wall_ms = w->cfg->begin_wall + w->now, .boot_ms = w->now + 1};
}

static bool
hits(struct trial *w, uint32_t ppm)
{
	return prng_below(&w->chance, 1000000) < ppm;
}

static int64_t
between(struct trial *w, int64_t lo, int64_t hi)
{
	return lo + (int64_t)prng_below(&w->chance, (uint64_t)(hi - lo + 1));
}

static void tell(struct trial *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
tell(struct trial *w, const char *fmt, ...)
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

static void
plan(struct trial *w, int64_t after, struct happening h)
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

static struct happening
next(struct trial *w)
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

static struct happening
about(const struct trial *w, const struct tracker *t, enum happening_kind kind)
{
	return (struct happening){.kind = (uint8_t)kind,
	    .device = (uint32_t)(t - w->t)};
}

/* --- what the core wants ---------------------------------------------------*/

static void feed(struct trial *w, const struct ev *ev);

/* "AT+GTUPD=pw,0,2,15,…,0001$" */
static struct happening
command_of(const struct trial *w, const char *p, size_t len)
{
	struct happening h = {.kind = H_COMMAND, .command = COMMAND_READ};
	const char *comma = strchr(p, ',');
	uint64_t serial = 0;

	if (len < 5 || span_hex(span_of(p + len - 5, 4), 0xffff, &serial) < 0)
		serial = 0; /* the core's own frames all have one */
	h.serial = (uint16_t)serial;
	if (strncmp(p, "AT+GTUPD=", 9) != 0 || comma == NULL)
		return h;
	h.command = comma[1] == '0' ? COMMAND_START : COMMAND_STOP;
	h.retries = (uint8_t)(comma[1] == '0' && comma[2] == ','
		? comma[3] - '0' : 0);
	for (size_t i = 0; i < w->spec->package_count; i++) {
		const char *url = w->spec->packages[i].url;
		const char *at = strstr(p, url);

		/* The whole field, and not the beginning of another. */
		if (at != NULL && at[-1] == ',' && at[strlen(url)] == ',')
			h.package = (uint16_t)i;
	}
	return h;
}

static void
sent(struct trial *w, struct fx_item *it)
{
	struct tracker *t = (struct tracker *)it->conn;
	struct ev ev = {.kind = EV_SENT, .conn = it->conn,
	    .send_id = it->send_id, .ok = t->online &&
		t->conn.id == it->conn_id};
	struct happening h;

	if (ev.ok) {
		it->bytes[MIN_OF(it->len, sizeof(it->bytes) - 1)] = '\0';
		h = command_of(w, it->bytes, it->len);
		h.device = (uint32_t)(t - w->t);
		w->r->starts += h.command == COMMAND_START ? 1 : 0;
		plan(w, between(w, 100, 2000), h);
	}
	feed(w, &ev);
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
	feed(w, &(struct ev){.kind = EV_WINDOWS, .windows = &a});
	free(v);
}

static void
wave_told(struct trial *w, const struct wave_rec *r)
{
	if (r->number < 0 || r->number >= WAVES_MAX ||
	    w->wave[r->number] == r->state)
		return;
	w->wave[r->number] = r->state;
	tell(w, "wave %s: %s%s%s", r->name, wave_state_name(r->state),
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
		tell(w, "campaign: %s%s%s%s%s", campaign_state_name(w->state),
		    op.campaign->reason == PAUSE_NONE ? "" : ", ",
		    op.campaign->reason == PAUSE_NONE ? ""
			: pause_reason_name(op.campaign->reason),
		    op.campaign->reason_text[0] == '\0' ? "" : ": ",
		    op.campaign->reason_text);
	}
	opbuf_done(&ops);
	plan(w, between(w, 1, 20), (struct happening){.kind = H_DURABLE,
	    .value = w->fx.ticket});
}

static void
effects(struct trial *w)
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

static void
feed(struct trial *w, const struct ev *ev)
{
	w->r->events++;
	core_handle(w->core, ev, now_of(w), &w->fx);
	effects(w);
}

/* --- trackers: told from SPEC ----------------------------------------------*/

static void say(struct trial *w, struct tracker *t, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

static void
say(struct trial *w, struct tracker *t, const char *fmt, ...)
{
	char text[200];
	struct frame f;
	struct message m;
	enum msg_bad bad;
	enum frame_why why;
	size_t scan = 0, used = 0;
	va_list ap;
	int n;

	if (!t->online)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)snprintf(text + n, sizeof(text) - (size_t)n,
	    ",20260101%06d,%04X$", (int)(w->now / SECOND % 1000000),
	    (unsigned)++t->count);
	if (frame_next(text, strlen(text), FRAME_MAX_DEFAULT, &scan, &f, &used,
		&why) != FRAME_OK || message_decode(&f, &m, &bad) < 0)
		return; /* only by an id that is none: it is never heard */
	w->fx.reply = w->reply;
	w->fx.reply_cap = sizeof(w->reply);
	w->fx.reply_len = 0;
	feed(w, &(struct ev){.kind = EV_FRAME, .conn = &t->conn,
		    .message = &m});
	w->fx.reply = NULL;
	w->fx.reply_cap = w->fx.reply_len = 0;
}

static const char *
protover(const struct tracker *t)
{
	return t->who->protover[0] != '\0' ? t->who->protover : "C20100";
}

static void
code(struct trial *w, struct tracker *t, int number, int times)
{
	char n[16] = "";

	if (times > 0)
		(void)snprintf(n, sizeof(n), "%d", times);
	if (!hits(w, w->cfg->rates.report_lost))
		say(w, t, "+RESP:GTUPD,%s,%s,,%d,%s", protover(t),
		    t->who->id.text, number, n);
}

static void
set_mode(struct trial *w, struct tracker *t, enum mode mode, int64_t after)
{
	struct happening h = about(w, t, H_STEP);

	t->mode = mode;
	h.value = ++t->gen;
	if (after >= 0)
		plan(w, after, h);
}

static void
leaves(struct trial *w, struct tracker *t)
{
	if (!t->online)
		return;
	t->online = false;
	feed(w, &(struct ev){.kind = EV_CLOSE, .conn = &t->conn});
}

static void
comes(struct trial *w, struct tracker *t)
{
	if (t->online || t->mode == MODE_DEAD || t->mode == MODE_BOOT)
		return;
	t->conn = (struct core_conn){.id = ++w->conn_id,
	    .transport = TRANSPORT_TCP};
	t->online = true;
	feed(w, &(struct ev){.kind = EV_OPEN, .conn = &t->conn});
	say(w, t, "+RESP:GTFRI,%s,%s,,0,0", protover(t), t->who->id.text);
	if (t->seldom)
		plan(w, HOUR, about(w, t, H_LEAVE));
}

static int64_t
download_ms(struct trial *w, const struct tracker *t)
{
	uint64_t bytes = w->spec->packages[t->package].bytes;

	if (bytes == 0)
		return between(w, 2 * MINUTE, 8 * MINUTE);
	return (int64_t)(bytes * 1000 / (uint64_t)between(w, 1024, 8192)) +
	    between(w, SECOND, 20 * SECOND);
}

static void
start(struct trial *w, struct tracker *t, const struct happening *h)
{
	const struct trial_rates *f = &w->cfg->rates;

	if (hits(w, f->no_ack))
		return;
	t->package = h->package;
	t->tries = (uint8_t)(h->retries + 1);
	t->try_now = 0;
	t->started = w->now;
	if (!t->beats)
		plan(w, BEAT_MS, about(w, t, H_BEAT));
	t->beats = true;
	say(w, t, "+ACK:GTUPD,%s,%s,,%04X", protover(t), t->who->id.text,
	    h->serial);
	if (hits(w, f->power_off))
		code(w, t, 101, 0);
	else if (hits(w, f->low_battery))
		code(w, t, 103, 0);
	else
		set_mode(w, t, MODE_CONFIRM, between(w, 500, 5000));
}

static void
obey(struct trial *w, struct tracker *t, const struct happening *h)
{
	const char *id = t->who->id.text;

	if (!t->online)
		return;
	if (h->command == COMMAND_STOP && t->mode < MODE_INSTALL) {
		say(w, t, "+ACK:GTUPD,%s,%s,,%04X", protover(t), id,
		    h->serial);
		if (t->mode != MODE_IDLE)
			code(w, t, 102, 0);
		set_mode(w, t, MODE_IDLE, -1);
	} else if (t->mode != MODE_IDLE) {
		return; /* SPEC 3.2: deaf */
	} else if (h->command == COMMAND_READ) {
		say(w, t, "+ACK:GTRTO,%s,%s,,VER,%04X", protover(t), id,
		    h->serial);
		say(w, t, "+RESP:GTVER,%s,%s,,%s,%s,%s", protover(t), id,
		    t->who->device_type, t->version, t->who->hardware);
	} else if (h->command == COMMAND_START) {
		start(w, t, h);
	}
}

static void
downloaded(struct trial *w, struct tracker *t)
{
	if (!t->failed) {
		code(w, t, 201, t->try_now);
		set_mode(w, t, MODE_INSTALL, between(w, 500, 10000));
		return;
	}
	code(w, t, 202, t->try_now);
	if (t->try_now < t->tries) {
		set_mode(w, t, MODE_START_DOWNLOAD, between(w, 1000, 20000));
		return;
	}
	t->told = false;
	leaves(w, t);
	set_mode(w, t, MODE_BOOT, between(w, 5000, MINUTE));
}

static void
flashed(struct trial *w, struct tracker *t)
{
	const struct trial_rates *f = &w->cfg->rates;

	leaves(w, t);
	if (hits(w, f->brick)) {
		w->r->bricked++;
		set_mode(w, t, MODE_DEAD, -1);
		return;
	}
	t->failed = hits(w, f->update_fail);
	t->told = true;
	if (!t->failed) {
		w->r->flashed++;
		memcpy(t->version, w->spec->packages[t->package].to,
		    sizeof(t->version));
	}
	set_mode(w, t, MODE_BOOT, between(w, 5000, MINUTE));
}

static void
step(struct trial *w, struct tracker *t)
{
	int64_t ms;

	switch (t->mode) {
	case MODE_CONFIRM:
		code(w, t, 100, 0);
		set_mode(w, t, MODE_START_DOWNLOAD, between(w, 1000, MINUTE));
		break;
	case MODE_START_DOWNLOAD:
		code(w, t, 200, ++t->try_now);
		ms = download_ms(w, t);
		t->failed = hits(w, w->cfg->rates.download_fail) ||
		    ms > w->spec->download_timeout_ms;
		set_mode(w, t, MODE_DOWNLOAD,
		    MIN_OF(ms, w->spec->download_timeout_ms));
		break;
	case MODE_DOWNLOAD:
		downloaded(w, t);
		break;
	case MODE_INSTALL:
		if (hits(w, w->cfg->rates.low_battery_install)) {
			code(w, t, 303, 0);
			set_mode(w, t, MODE_IDLE, -1);
			break;
		}
		code(w, t, 300, 0);
		set_mode(w, t, MODE_FLASH, between(w, 20000, 5 * MINUTE));
		break;
	case MODE_FLASH:
		flashed(w, t);
		break;
	case MODE_BOOT:
		set_mode(w, t, MODE_IDLE, -1);
		comes(w, t);
		if (t->told)
			code(w, t, t->failed ? 302 : 301, 0);
		break;
	case MODE_IDLE:
	case MODE_DEAD:
		break;
	}
}

/* For as long as the core may want to hear of it. */
static void
beat(struct trial *w, struct tracker *t)
{
	int64_t since = w->now - t->started;

	if (t->mode == MODE_IDLE)
		say(w, t, "+ACK:GTHBD,%s,%s,", protover(t), t->who->id.text);
	t->beats = since < BEATS_UNTIL && t->mode != MODE_DEAD;
	if (t->beats)
		plan(w, since < BEATS_FOR ? BEAT_MS : BEATS_SELDOM,
		    about(w, t, H_BEAT));
}

static void
happens(struct trial *w, const struct happening *h)
{
	struct tracker *t = &w->t[h->device];

	switch ((enum happening_kind)h->kind) {
	case H_DURABLE:
		feed(w, &(struct ev){.kind = EV_DURABLE, .ticket = h->value});
		break;
	case H_CONNECT:
		comes(w, t);
		break;
	case H_LEAVE:
		if (t->mode != MODE_IDLE) {
			plan(w, HOUR / 2, about(w, t, H_LEAVE));
			break;
		}
		leaves(w, t);
		plan(w, 23 * HOUR, about(w, t, H_CONNECT));
		break;
	case H_COMMAND:
		obey(w, t, h);
		break;
	case H_STEP:
		if (h->value == t->gen)
			step(w, t);
		break;
	case H_BEAT:
		beat(w, t);
		break;
	}
}

/* --- from begin to end -----------------------------------------------------*/

/* Who is to be asked says yes, after a look. */
static void
approve(struct trial *w)
{
	struct oper op = {.kind = OPER_WAVE_APPROVE, .campaign = w->name,
	    .who = "trial", .reason = "trial"};
	struct oper_result r;

	w->approve = false;
	for (size_t i = 0; i < w->spec->wave_count; i++) {
		if (w->wave[i] != WAVE_HELD)
			continue;
		op.wave = w->spec->waves[i].name;
		tell(w, "wave %s: approved, as somebody would have to",
		    op.wave);
		core_operate(w->core, &op, now_of(w), &w->fx, &r);
		effects(w);
	}
}

/* False: the trial is over. */
static bool
goes_on(struct trial *w, int64_t until)
{
	struct view_campaign v;
	size_t done;

	if (w->failed || !core_view_campaign_brief(w->core, now_of(w), w->name,
		&v))
		return false;
	w->r->in_flight_max = MAX_OF(w->r->in_flight_max, v.in_flight);
	done = v.total - v.targets[TARGET_WAITING] - v.targets[TARGET_ACTIVE] -
	    v.targets[TARGET_BACKOFF];
	if (v.total > 0 && (int)(done * 10 / v.total) > w->tenth) {
		w->tenth = (int)(done * 10 / v.total);
		tell(w, "%zu of %zu: %zu succeeded, %zu failed, %zu skipped",
		    done, v.total, v.targets[TARGET_SUCCEEDED],
		    v.targets[TARGET_FAILED], v.targets[TARGET_SKIPPED]);
	}
	if (v.state == CAMPAIGN_FINISHED || v.state == CAMPAIGN_ABORTED) {
		w->r->end = TRIAL_OVER;
		return false;
	}
	if (v.state == CAMPAIGN_PAUSED && v.targets[TARGET_ACTIVE] == 0) {
		w->r->end = TRIAL_PAUSED;
		return false;
	}
	if (w->now > until) {
		w->r->end = TRIAL_STUCK;
		return false;
	}
	return true;
}

static bool
interrupted(struct trial *w)
{
	if (w->r->events > TRIAL_EVENTS_MAX)
		w->r->end = TRIAL_TOO_LONG;
	else if (w->seq % LOOK_EVERY == 0 && w->cfg->stop != NULL &&
	    w->cfg->stop(w->cfg->stop_arg))
		w->r->end = TRIAL_STOPPED;
	else
		return false;
	return true;
}

static void
run(struct trial *w, int64_t until)
{
	while (goes_on(w, until) && !interrupted(w)) {
		int64_t due = core_deadline(w->core);
		struct happening h;

		if (due != INT64_MAX)
			due -= 1; /* now_of() */
		if (w->len == 0 && due == INT64_MAX) {
			w->r->end = TRIAL_STUCK;
			return;
		}
		if (w->len == 0 || due < w->heap[1].at) {
			w->seq++;
			w->now = MAX_OF(w->now, due);
			feed(w, &(struct ev){.kind = EV_TICK});
		} else {
			h = next(w);
			w->now = MAX_OF(w->now, h.at);
			happens(w, &h);
		}
		if (w->approve)
			approve(w);
	}
}

static int
load(struct trial *w, const struct plan_device *v, size_t n)
{
	struct core_fleet fleet = {.inventory = inventory_new()};
	struct flags_rec flags = {0};
	struct stamp_rec stamp = {0};

	if (fleet.inventory == NULL)
		return -1;
	core_load_flags(w->core, &flags, &stamp);
	for (size_t i = 0; i < n; i++) {
		struct inventory_line line = {.id = v[i].id,
		    .timezone = span_str(v[i].zone), .number = 1};
		struct device_rec d = {.key = v[i].id.key, .registered = true};

		memcpy(d.id, v[i].id.text, sizeof(d.id));
		memcpy(d.protover, v[i].protover, sizeof(d.protover));
		memcpy(d.mcu, v[i].mcu, sizeof(d.mcu));
		if (core_load_device(w->core, &d) < 0 || (v[i].zone[0] != '\0'
		    && inventory_add(fleet.inventory, &line) < 0))
			goto bad;
	}
	if (inventory_seal(fleet.inventory) < 0 ||
	    core_load_done(w->core, now_of(w), -1, false, &w->fx) < 0)
		goto bad;
	effects(w);
	core_fleet(w->core, &fleet, now_of(w), &w->fx);
	effects(w);
	return 0;
bad:
	core_fleet_free(&fleet);
	return -1;
}

static void
fleet_begins(struct trial *w, const struct plan_device *v)
{
	for (size_t i = 0; i < w->count; i++) {
		struct tracker *t = &w->t[i];

		t->who = &v[i];
		t->count = (uint16_t)prng_next(&w->chance);
		/* Of one that was never read, the first guess. */
		(void)snprintf(t->version, sizeof(t->version), "%s",
		    v[i].mcu[0] != '\0' ? v[i].mcu
		    : w->spec->packages[0].from_any ? "0001"
						    : w->spec->packages[0].from);
		w->r->unreachable += v[i].reachable ? 0 : 1;
		t->seldom = hits(w, w->cfg->rates.seldom);
		if (v[i].reachable)
			plan(w, between(w, 0, t->seldom ? DAY : 5 * MINUTE),
			    about(w, t, H_CONNECT));
	}
}

static void
result(struct trial *w)
{
	struct view_wave v[WAVES_MAX];
	struct view_campaign c;
	struct trial_result *r = w->r;

	r->end_wall = w->cfg->begin_wall + w->now;
	r->devices = w->count;
	if (!core_view_campaign_brief(w->core, now_of(w), w->name, &c))
		return;
	r->state = c.state;
	r->reason = c.reason;
	(void)snprintf(r->reason_text, sizeof(r->reason_text), "%s",
	    c.reason_text);
	r->total = c.total;
	memcpy(r->targets, c.targets, sizeof(r->targets));
	memcpy(r->causes, c.causes, sizeof(r->causes));
	r->wave_count = core_view_waves(w->core, now_of(w), w->name, v,
	    WAVES_MAX);
	for (size_t i = 0; i < r->wave_count; i++) {
		struct trial_wave *o = &r->wave[i];

		(void)snprintf(o->name, sizeof(o->name), "%s", v[i].name);
		o->state = v[i].state;
		o->total = v[i].total;
		o->done = v[i].done;
		o->succeeded = v[i].targets[TARGET_SUCCEEDED];
		o->failed = v[i].targets[TARGET_FAILED];
	}
	for (size_t i = 0; i < TARGET_STATE_COUNT_; i++)
		r->hash = prng_mix(r->hash, r->targets[i]);
	r->hash = prng_mix(r->hash, r->events);
}

static int
go(struct trial *w, struct campaign_spec *spec, const struct plan_device *v,
    size_t n, struct errtext *err)
{
	int64_t end = spec->schedule.end_wall != 0
	    ? spec->schedule.end_wall - w->cfg->begin_wall
	    : SCHEDULE_DAYS * DAY + MAX_OF(spec->schedule.start_wall -
		    w->cfg->begin_wall, 0);
	bool none = spec->package_count == 0;

	w->spec = spec; /* the core keeps it */
	memcpy(w->name, spec->name, sizeof(w->name));
	w->state = CAMPAIGN_DRAFT;
	if (w->core == NULL || w->t == NULL || w->r->line == NULL || none ||
	    load(w, v, n) < 0) {
		spec_free(spec);
		return errtext_set(err, -1, "out of memory");
	}
	if (core_campaign_file(w->core, spec, false, now_of(w), &w->fx, err)
	    == FILE_REFUSED) {
		w->r->end = TRIAL_REFUSED;
		effects(w);
		return w->failed ? errtext_set(err, -1, "out of memory") : 0;
	}
	effects(w);
	fleet_begins(w, v);
	run(w, end + 7 * DAY);
	result(w);
	return w->failed ? errtext_set(err, -1, "out of memory") : 0;
}

int
trial_run(const struct trial_config *cfg, struct campaign_spec *spec,
    const struct plan_device *v, size_t n, struct trial_result **ret,
    struct errtext *err)
{
	struct core_config core = cfg->core;
	struct trial w = {.cfg = cfg, .count = n};
	int r;

	*ret = NULL;
	if ((w.r = calloc(1, sizeof(*w.r))) == NULL) {
		spec_free(spec);
		return errtext_set(err, -1, "out of memory");
	}
	w.r->line = calloc(TRIAL_LINES_MAX, sizeof(*w.r->line));
	w.r->begin_wall = w.r->end_wall = cfg->begin_wall;
	w.t = calloc(n + 1, sizeof(*w.t));
	/* Nobody waits for it: whatever the list, it is taken in at once. */
	core.intake_piece = INT_MAX;
	w.core = core_new(&core, cfg->seed);
	prng_init(&w.chance, cfg->seed);
	fx_init(&w.fx);
	r = go(&w, spec, v, n, err);
	core_free(w.core);
	opbuf_done(&w.fx.ops);
	fx_done(&w.fx);
	free(w.heap);
	free(w.t);
	if (r < 0)
		trial_free(w.r);
	else
		*ret = w.r;
	return r;
}

void
trial_free(struct trial_result *r)
{
	if (r == NULL)
		return;
	free(r->line);
	free(r);
}

const char *
trial_end_name(enum trial_end v)
{
	switch (v) {
	case TRIAL_OVER: return "over";
	case TRIAL_PAUSED: return "paused";
	case TRIAL_STUCK: return "stuck";
	case TRIAL_TOO_LONG: return "too_long";
	case TRIAL_STOPPED: return "stopped";
	case TRIAL_REFUSED: return "refused";
	}
	return "";
}
