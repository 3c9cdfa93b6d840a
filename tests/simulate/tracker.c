#include "config.h"
#include "tests/simulate/world_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Trackers told from SPEC, and the network that delays, loses and cuts. */

static int64_t
in_order(struct world *w, int64_t *at)
{
	int64_t then = w->now + world_between(w, 20, 400);

	if (!w->f.udp)
		then = MAX_OF(then, *at + 1);
	*at = then;
	return then - w->now;
}

void
line_to_device(struct world *w, struct line *l, const char *p, size_t n)
{
	struct happening *h;

	if (!l->open_device)
		return;
	h = world_plan(w, in_order(w, &l->down_at), H_TO_DEVICE, -1, l);
	assert(n < sizeof(h->text));
	memcpy(h->text, p, n);
	h->text[n] = '\0';
}

static void
set_mode(struct world *w, struct tracker *t, enum mode mode, int64_t after)
{
	t->mode = mode;
	t->mode_gen = ++w->seq;
	if (after >= 0)
		world_plan(w, after, H_DEVICE_STEP, t->index, NULL)->gen =
		    t->mode_gen;
}

static void
to_server(struct world *w, struct tracker *t, const char *text)
{
	struct happening *h;

	if (t->line == NULL || !t->line->open_device)
		return;
	h = world_plan(w, in_order(w, &t->line->up_at), H_TO_SERVER, t->index,
	    t->line);
	(void)snprintf(h->text, sizeof(h->text), "%s", text);
	if (world_hits(w, w->f.cut)) {
		w->r->cuts++;
		line_drop(w, t->line, true);
	}
}

/* One that comes for a moment every now and then answers the next time that it
 * does, and comes for a report. */
static void
owe(struct world *w, struct tracker *t, const char *text, bool comes)
{
	if (t->owed_count < BACKLOG_MAX)
		memcpy(t->owed[t->owed_count++], text, sizeof(t->owed[0]));
	if (comes)
		(void)world_plan(w, world_between(w, 100, 5000), H_CONNECT,
		    t->index, NULL);
}

static void
pay(struct world *w, struct tracker *t)
{
	for (int i = 0; i < t->owed_count; i++)
		to_server(w, t, t->owed[i]);
	t->owed_count = 0;
}

void
tracker_says(struct world *w, struct tracker *t, enum said what,
    const char *fmt, ...)
{
	char body[120], text[160];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(body, sizeof(body), fmt, ap);
	va_end(ap);
	t->count++;
	(void)snprintf(text, sizeof(text), "%s,20260101%06d,%04X$", body,
	    (int)(w->now / SECOND % 1000000), t->count);
	world_trace(w, "device", t, text);
	if (what == SAID_ANSWER && w->f.owes) {
		owe(w, t, text, false);
		return;
	}
	if (what != SAID_REPORT) {
		to_server(w, t, text);
		return;
	}
	if (t->old_count < BACKLOG_MAX)
		memcpy(t->old[t->old_count++], text, sizeof(text));
	if (world_hits(w, w->f.report_lost))
		return;
	if (t->line != NULL && t->line->open_device &&
	    !world_hits(w, w->f.report_buffered)) {
		to_server(w, t, text);
		return;
	}
	if (w->f.owes && !world_hits(w, w->f.report_buffered)) {
		owe(w, t, text, true);
		return;
	}
	if (t->backlog_count < BACKLOG_MAX)
		memcpy(t->backlog[t->backlog_count++], text, sizeof(text));
}

static void
say_late(struct world *w, struct tracker *t, const char *text)
{
	char late[160];

	(void)snprintf(late, sizeof(late), "+BUFF%s", text + 5);
	world_trace(w, "late", t, late);
	to_server(w, t, late);
}

static void
code(struct world *w, struct tracker *t, int c, int times)
{
	char n[16] = "";

	if (times > 0)
		(void)snprintf(n, sizeof(n), "%d", times);
	tracker_says(w, t, SAID_REPORT, "+RESP:GTUPD,C20100,%s,sim,%d,%s",
	    t->id, c, n);
}

static void
connected(struct world *w, struct tracker *t)
{
	if (w->f.owes) {
		(void)world_plan(w, world_between(w, 500, 3000), H_HANG_UP,
		    t->index, t->line);
		if (prng_below(&w->chance, 2) == 0)
			pay(w, t);
	}
	tracker_says(w, t, SAID_NOW, "+RESP:GTFRI,C20100,%s,sim,0,0", t->id);
	pay(w, t);
	for (int i = 0; i < t->backlog_count; i++)
		say_late(w, t, t->backlog[i]);
	t->backlog_count = 0;
	if (t->old_count > 0 && world_hits(w, w->f.late_copy))
		say_late(w, t,
		    t->old[prng_below(&w->chance, (uint64_t)t->old_count)]);
}

static bool
deaf(const struct tracker *t)
{
	return t->mode != MODE_IDLE;
}

/* The start runs: from here on it cannot be taken back but by a stop. */
static void
run_start(struct world *w, struct tracker *t, const char *cmd, unsigned serial)
{
	const struct device *d;
	const char *wrong;

	if (strcmp(t->version, TO_VERSION) == 0)
		world_violated(w, "%s: a start runs on a device that is "
		    "flashed", t->id);
	d = w->up ? device_find(w->core, w->core_key[t->index]) : NULL;
	if (w->up && (d == NULL || d->more == NULL || d->more->attempt == NULL))
		world_violated(w, "%s: a start runs after the verdict", t->id);
	t->becomes = ways_flash(&w->ways, cmd, t->version, &wrong);
	if (wrong != NULL)
		world_violated(w, "%s: %s on %s: %s", t->id, wrong, t->version,
		    cmd);
	t->tries = cmd[19] - '0' + 1;
	t->try_now = 0;
	if (!world_hits(w, w->f.ack_lost))
		tracker_says(w, t, SAID_ANSWER, "+ACK:GTUPD,C20100,%s,sim,%04X",
		    t->id, serial);
	if (world_hits(w, w->f.refuse_101)) {
		code(w, t, 101, 0);
	} else if (world_hits(w, w->f.refuse_103)) {
		code(w, t, 103, 0);
	} else if (world_hits(w, w->f.refuse_102)) {
		code(w, t, 102, 0);
	} else {
		set_mode(w, t, MODE_CONFIRM, world_between(w, 500, 5000));
	}
}

void
tracker_executes(struct world *w, struct tracker *t, const char *cmd)
{
	unsigned serial = 0;

	(void)sscanf(cmd + strlen(cmd) - 5, "%4x$", &serial);
	if (strncmp(cmd, "AT+GTRTO", 8) == 0) {
		if (deaf(t))
			return;
		tracker_says(w, t, SAID_ANSWER,
		    "+ACK:GTRTO,C20100,%s,sim,VER,%04X", t->id, serial);
		tracker_says(w, t, SAID_ANSWER,
		    "+RESP:GTVER,C20100,%s,sim,GV620MG,%s,0103", t->id,
		    t->version);
		return;
	}
	if (strncmp(cmd, "AT+GTUPD=gv620mg,1", 18) == 0) {
		if (t->mode == MODE_DEAD || t->mode >= MODE_INSTALL)
			return;
		tracker_says(w, t, SAID_ANSWER, "+ACK:GTUPD,C20100,%s,sim,%04X",
		    t->id, serial);
		if (t->mode != MODE_IDLE) {
			code(w, t, 102, 0);
			set_mode(w, t, MODE_IDLE, -1);
		}
		return;
	}
	if (deaf(t))
		return;
	if (world_hits(w, w->f.read_and_drop))
		return;
	run_start(w, t, cmd, serial);
}

static void
flashed(struct world *w, struct tracker *t)
{
	const struct device *d =
	    w->up ? device_find(w->core, w->core_key[t->index]) : NULL;

	w->r->flashes++;
	(void)snprintf(t->version, sizeof(t->version), "%s", t->becomes);
	for (int i = 0; i < t->flashes; i++)
		if (strcmp(t->had[i], t->version) == 0)
			world_violated(w, "%s: flashed twice with %s", t->id,
			    t->version);
	assert(t->flashes < (int)ARRAY_LEN(t->had));
	memcpy(t->had[t->flashes++], t->version, sizeof(t->version));
	if (w->up && (d == NULL || d->more == NULL || d->more->attempt == NULL))
		world_violated(w, "%s: flashed after the verdict", t->id);
}

void
tracker_step(struct world *w, struct tracker *t)
{
	switch (t->mode) {
	case MODE_CONFIRM:
		code(w, t, 100, 0);
		set_mode(w, t, MODE_START_DOWNLOAD,
		    world_between(w, 1000, 60000));
		break;
	case MODE_START_DOWNLOAD:
		code(w, t, 200, ++t->try_now);
		set_mode(w, t, MODE_DOWNLOAD, world_between(w, 10000, 600000));
		break;
	case MODE_DOWNLOAD:
		if (world_hits(w, w->f.fail_202)) {
			code(w, t, 202, t->try_now);
			if (t->try_now < t->tries) {
				set_mode(w, t, MODE_START_DOWNLOAD,
				    world_between(w, 1000, 20000));
			} else {
				t->outcome_ok = false;
				t->power_cut = true;
				set_mode(w, t, MODE_BOOT,
				    world_between(w, 5000, 60000));
				line_drop(w, t->line, false);
			}
			break;
		}
		code(w, t, 201, t->try_now);
		set_mode(w, t, MODE_INSTALL, world_between(w, 500, 10000));
		break;
	case MODE_INSTALL:
		if (world_hits(w, w->f.battery_303)) {
			code(w, t, 303, 0);
			set_mode(w, t, MODE_IDLE, -1);
			break;
		}
		code(w, t, 300, 0);
		set_mode(w, t, MODE_FLASH, world_between(w, 20000, 300000));
		break;
	case MODE_FLASH:
		line_drop(w, t->line, false);
		if (world_hits(w, w->f.brick)) {
			set_mode(w, t, MODE_DEAD, -1);
			break;
		}
		t->outcome_ok = !world_hits(w, w->f.fail_302);
		t->power_cut = false;
		if (t->outcome_ok)
			flashed(w, t);
		set_mode(w, t, MODE_BOOT, world_between(w, 5000, 60000));
		break;
	case MODE_BOOT:
		set_mode(w, t, MODE_IDLE, -1);
		(void)world_plan(w, world_between(w, 100, 5000), H_CONNECT,
		    t->index, NULL);
		if (!t->power_cut)
			code(w, t, t->outcome_ok ? 301 : 302, 0);
		break;
	case MODE_IDLE:
	case MODE_DEAD:
		break;
	}
}

/* --- lines -----------------------------------------------------------------*/

void
line_drop(struct world *w, struct line *l, bool loses)
{
	if (l == NULL || !l->open_device)
		return;
	l->open_device = false;
	if (loses)
		l->gen++; /* what is under way is lost */
	world_plan(w, world_between(w, 1, loses ? 300000 : 500), H_CLOSE_SEEN,
	    -1, l);
}

static struct line *
line_new(struct world *w)
{
	struct line *l = calloc(1, sizeof(*l));

	if (w->line_count == w->line_cap) {
		w->line_cap = w->line_cap == 0 ? 64 : w->line_cap * 2;
		w->lines =
		    realloc(w->lines, w->line_cap * sizeof(*w->lines));
	}
	assert(l != NULL && w->lines != NULL);
	w->lines[w->line_count++] = l;
	l->core.id = ++w->conn_id;
	l->core.transport = w->f.udp ? TRANSPORT_UDP : TRANSPORT_TCP;
	return l;
}

void
tracker_connects(struct world *w, struct tracker *t)
{
	if (t->mode == MODE_DEAD || t->mode == MODE_BOOT)
		return;
	if (t->line != NULL && t->line->open_device)
		return;
	if (!w->up) {
		(void)world_plan(w, world_between(w, 1000, 30000), H_CONNECT,
		    t->index, NULL);
		return;
	}
	t->line = line_new(w);
	t->line->open_device = t->line->open_server = true;
	shell_feed(w, &(struct ev){.kind = EV_OPEN, .conn = &t->line->core});
	connected(w, t);
}

void
line_gets(struct world *w, struct happening *h)
{
	char reply[512];
	struct frame f;
	struct message m;
	enum msg_bad bad;
	enum frame_why why;
	size_t scan = 0, used = 0;

	if (!w->up || !h->line->open_server || h->gen != h->line->gen)
		return;
	if (frame_next(h->text, strlen(h->text), 4096, &scan, &f, &used,
		&why) != FRAME_OK ||
	    message_decode(&f, &m, &bad) < 0) {
		world_violated(w, "the daemon does not understand %s", h->text);
		return;
	}
	w->fx.reply = reply;
	w->fx.reply_cap = sizeof(reply);
	w->fx.reply_len = 0;
	shell_feed(w, &(struct ev){.kind = EV_FRAME, .conn = &h->line->core,
		    .message = &m});
	w->fx.reply = NULL;
	w->fx.reply_cap = w->fx.reply_len = 0;
}

void
line_close_seen(struct world *w, struct line *l)
{
	if (l->open_server) {
		l->open_server = false;
		if (w->up)
			shell_feed(w, &(struct ev){.kind = EV_CLOSE,
				    .conn = &l->core});
	}
	l->open_device = false;
	for (int i = 0; i < w->devices; i++)
		if (w->t[i].line == l && w->t[i].mode != MODE_DEAD)
			(void)world_plan(w, w->f.owes
				? world_between(w, 3 * MINUTE, 20 * MINUTE)
				: world_between(w, 1000, 120000),
			    H_CONNECT, i, NULL);
}
