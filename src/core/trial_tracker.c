#include "config.h"
#include "core/trial_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/frame.h"

/*
 * Trackers that do what SPEC says, in words of their own and not by the
 * decoder's tables. Heartbeats are left out of those that have nothing to say:
 * whoever is connected and idle costs no event.
 */

#define BEAT_MS (5 * MINUTE)
#define BEATS_FOR (8 * HOUR)     /* after a start, then */
#define BEATS_SELDOM (6 * HOUR)  /* for */
#define BEATS_UNTIL (5 * DAY)

static struct happening
about(const struct trial *w, const struct tracker *t, enum happening_kind kind)
{
	return (struct happening){.kind = (uint8_t)kind,
	    .device = (uint32_t)(t - w->t)};
}

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

void
trial_tracker_sent(struct trial *w, struct tracker *t, const char *p,
    size_t len)
{
	struct happening h = command_of(w, p, len);

	h.device = (uint32_t)(t - w->t);
	w->r->starts += h.command == COMMAND_START ? 1 : 0;
	trial_plan(w, trial_between(w, 100, 2000), h);
}

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
	trial_feed(w, &(struct ev){.kind = EV_FRAME, .conn = &t->conn,
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
	if (!trial_hits(w, w->cfg->rates.report_lost))
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
		trial_plan(w, after, h);
}

static void
leaves(struct trial *w, struct tracker *t)
{
	if (!t->online)
		return;
	t->online = false;
	trial_feed(w, &(struct ev){.kind = EV_CLOSE, .conn = &t->conn});
}

static void
comes(struct trial *w, struct tracker *t)
{
	if (t->online || t->mode == MODE_DEAD || t->mode == MODE_BOOT)
		return;
	t->conn = (struct core_conn){.id = ++w->conn_id,
	    .transport = TRANSPORT_TCP};
	t->online = true;
	trial_feed(w, &(struct ev){.kind = EV_OPEN, .conn = &t->conn});
	say(w, t, "+RESP:GTFRI,%s,%s,,0,0", protover(t), t->who->id.text);
	if (t->seldom)
		trial_plan(w, HOUR, about(w, t, H_LEAVE));
}

static int64_t
download_ms(struct trial *w, const struct tracker *t)
{
	uint64_t bytes = w->spec->packages[t->package].bytes;

	if (bytes == 0)
		return trial_between(w, 2 * MINUTE, 8 * MINUTE);
	return (int64_t)(bytes * 1000 /
		   (uint64_t)trial_between(w, 1024, 8192)) +
	    trial_between(w, SECOND, 20 * SECOND);
}

static void
start(struct trial *w, struct tracker *t, const struct happening *h)
{
	const struct trial_rates *f = &w->cfg->rates;

	if (trial_hits(w, f->no_ack))
		return;
	t->package = h->package;
	t->tries = (uint8_t)(h->retries + 1);
	t->try_now = 0;
	t->started = w->now;
	if (!t->beats)
		trial_plan(w, BEAT_MS, about(w, t, H_BEAT));
	t->beats = true;
	say(w, t, "+ACK:GTUPD,%s,%s,,%04X", protover(t), t->who->id.text,
	    h->serial);
	if (trial_hits(w, f->power_off))
		code(w, t, 101, 0);
	else if (trial_hits(w, f->low_battery))
		code(w, t, 103, 0);
	else
		set_mode(w, t, MODE_CONFIRM, trial_between(w, 500, 5000));
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
		set_mode(w, t, MODE_INSTALL, trial_between(w, 500, 10000));
		return;
	}
	code(w, t, 202, t->try_now);
	if (t->try_now < t->tries) {
		set_mode(w, t, MODE_START_DOWNLOAD,
		    trial_between(w, 1000, 20000));
		return;
	}
	t->told = false;
	leaves(w, t);
	set_mode(w, t, MODE_BOOT, trial_between(w, 5000, MINUTE));
}

static void
flashed(struct trial *w, struct tracker *t)
{
	const struct trial_rates *f = &w->cfg->rates;

	leaves(w, t);
	if (trial_hits(w, f->brick)) {
		w->r->bricked++;
		set_mode(w, t, MODE_DEAD, -1);
		return;
	}
	t->failed = trial_hits(w, f->update_fail);
	t->told = true;
	if (!t->failed) {
		w->r->flashed++;
		memcpy(t->version, w->spec->packages[t->package].to,
		    sizeof(t->version));
	}
	set_mode(w, t, MODE_BOOT, trial_between(w, 5000, MINUTE));
}

static void
step(struct trial *w, struct tracker *t)
{
	int64_t ms;

	switch (t->mode) {
	case MODE_CONFIRM:
		code(w, t, 100, 0);
		set_mode(w, t, MODE_START_DOWNLOAD,
		    trial_between(w, 1000, MINUTE));
		break;
	case MODE_START_DOWNLOAD:
		code(w, t, 200, ++t->try_now);
		ms = download_ms(w, t);
		t->failed = trial_hits(w, w->cfg->rates.download_fail) ||
		    ms > w->spec->download_timeout_ms;
		set_mode(w, t, MODE_DOWNLOAD,
		    MIN_OF(ms, w->spec->download_timeout_ms));
		break;
	case MODE_DOWNLOAD:
		downloaded(w, t);
		break;
	case MODE_INSTALL:
		if (trial_hits(w, w->cfg->rates.low_battery_install)) {
			code(w, t, 303, 0);
			set_mode(w, t, MODE_IDLE, -1);
			break;
		}
		code(w, t, 300, 0);
		set_mode(w, t, MODE_FLASH, trial_between(w, 20000, 5 * MINUTE));
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
		trial_plan(w, since < BEATS_FOR ? BEAT_MS : BEATS_SELDOM,
		    about(w, t, H_BEAT));
}

void
trial_tracker_happens(struct trial *w, const struct happening *h)
{
	struct tracker *t = &w->t[h->device];

	switch ((enum happening_kind)h->kind) {
	case H_CONNECT:
		comes(w, t);
		break;
	case H_LEAVE:
		if (t->mode != MODE_IDLE) {
			trial_plan(w, HOUR / 2, about(w, t, H_LEAVE));
			break;
		}
		leaves(w, t);
		trial_plan(w, 23 * HOUR, about(w, t, H_CONNECT));
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
	case H_DURABLE:
		break; /* none of theirs */
	}
}

void
trial_trackers_begin(struct trial *w, const struct plan_device *v)
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
		t->seldom = trial_hits(w, w->cfg->rates.seldom);
		if (v[i].reachable)
			trial_plan(w, trial_between(w, 0, t->seldom ? DAY
				: 5 * MINUTE), about(w, t, H_CONNECT));
	}
}
