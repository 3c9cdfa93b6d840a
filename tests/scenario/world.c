#include "config.h"
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/prng.h"
#include "config/zone.h"
#include "hextalk.h"
#include "proto/frame.h"
#include "fleet.h"
#include "fetch.h"
#include "record.h"
#include "specs.h"
#include "wire.h"

void (*scn_before_end)(void);
bool scn_aborts;
static const struct world *speaker;

void
scn_fail_in(const struct world *w)
{
	speaker = w;
}

void
scn_fail(const char *fmt, ...)
{
	va_list ap;

	(void)printf("%s:%d: ", speaker == NULL ? "?" : speaker->file,
	    speaker == NULL ? 0 : speaker->line);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)printf("\n");
	for (size_t i = 0; speaker != NULL && i < 8; i++)
		if (speaker->note_count + i >= 8)
			(void)printf("    %s\n",
			    speaker->note[(speaker->note_count + i - 8) %
				WORLD_NOTES]);
	if (scn_before_end != NULL)
		scn_before_end();
	(void)fflush(stdout);
	if (scn_aborts)
		abort();
	_exit(1);
}

/* --- time ------------------------------------------------------------------*/

struct core_now
world_now(const struct world *w)
{
	return (struct core_now){
	    .at_ms = w->alive_base_ms + (w->elapsed_ms - w->up_since_ms),
	    .wall_ms = w->wall_base_ms + w->elapsed_ms,
	    .boot_ms = w->boot_base_ms + w->elapsed_ms,
	};
}

/* --- invariants ------------------------------------------------------------*/

static void
check_counts(const struct world *w, const char *name)
{
	struct view_campaign v;
	size_t sum = 0, holds = 0;

	if (!core_view_campaign(w->core, world_now(w), name, &v))
		scn_fail("%s: not to be seen", name);
	for (size_t i = 0; i < TARGET_STATE_COUNT_; i++)
		sum += v.targets[i];
	for (size_t i = 0; i < HOLD_COUNT_; i++)
		holds += v.holds[i];
	if (sum != v.total)
		scn_fail("S12: %s: states add up to %zu of %zu", name, sum,
		    v.total);
	if (holds != v.targets[TARGET_WAITING])
		scn_fail("%s: holds add up to %zu of %zu", name, holds,
		    v.targets[TARGET_WAITING]);
}

void
world_check(struct world *w)
{
	struct errtext err = {0};

	if (core_check(w->core, &err) < 0)
		scn_fail("core_check: %s", err.text);
	for (size_t i = 0; i < core_campaign_count(w->core); i++)
		check_counts(w, core_campaign_name(w->core, i));
}

/* --- effects ---------------------------------------------------------------*/

static struct wire_conn
wire_conn_of(const struct wconn *c)
{
	const struct dev *d = c->dev;
	const struct wconn *newest = NULL;

	for (size_t i = 0; i < d->conn_count; i++)
		if (d->conn[i]->open && d->conn[i]->spoke)
			newest = d->conn[i];
	return (struct wire_conn){
	    .id = c->core.id,
	    .device = c->dev->key,
	    .open = c->open,
	    .newest = c == newest,
	    .udp = c->core.transport == TRANSPORT_UDP,
	};
}

/* What the core was told of an id: nothing below may leave before. */
static void
sack_leaves(struct world *w, struct wconn *c, const char *bytes, size_t len)
{
	struct dev *d = c->dev;
	struct wire_conn wc = wire_conn_of(c);
	char frame[COMMAND_MAX + 1];
	const char *count;

	if (len > COMMAND_MAX)
		scn_fail("an acknowledgement of %zu bytes", len);
	memcpy(frame, bytes, len);
	frame[len] = '\0';
	wire_ack_out(w->wire, &wc, frame);
	count = strrchr(frame, ',');
	count = count != NULL ? count + 1 : frame + 6;
	for (size_t i = 0; i < WORLD_FRAMES; i++)
		if (d->frame[i].ticket > w->durable &&
		    strncmp(d->frame[i].count, count, 4) == 0)
			scn_fail("S5: %s left before its report was durable",
			    frame);
	(void)snprintf(d->sack[d->sack_count++ % WORLD_SACKS],
	    sizeof(d->sack[0]), "%s", frame);
}

static void
note(struct world *w, const struct fx_item *it)
{
	char *at = w->note[w->note_count++ % WORLD_NOTES];

	(void)snprintf(at, sizeof(w->note[0]), "%.*s", (int)it->len,
	    it->bytes);
	wire_text(w->wire, at);
	if (getenv("SCN_VERBOSE") != NULL)
		(void)fprintf(stderr, "%s:%d: %s\n", w->file, w->line, at);
}

static void
reply(struct world *w, const struct fx_item *it)
{
	struct held *h;

	if (it->ticket <= w->durable) {
		sack_leaves(w, (struct wconn *)(void *)it->conn, it->bytes,
		    it->len);
		return;
	}
	if (it->len > COMMAND_MAX || (h = calloc(1, sizeof(*h))) == NULL)
		scn_fail("no room for a reply");
	h->conn = (struct wconn *)(void *)it->conn;
	h->ticket = it->ticket;
	h->len = it->len;
	memcpy(h->bytes, it->bytes, it->len);
	*w->helds_end = h;
	w->helds_end = &h->next;
}

static void
handle(struct world *w, const struct ev *ev)
{
	core_handle(w->core, ev, world_now(w), &w->fx);
	world_effects(w);
}

/* Which serial it carries: the last field, before the '$'. */
static void
remember_serial(struct dev *d, const char *frame, size_t len)
{
	char *to = d->start;

	if (len < 12 || frame[len - 1] != '$')
		return;
	if (strncmp(frame, "AT+GTRTO=", 9) == 0)
		to = d->read;
	else if (strstr(frame, ",http://") == NULL)
		to = d->stop;
	(void)snprintf(to, sizeof(d->start), "%.4s", frame + len - 5);
}

static void
command(struct world *w, const struct fx_item *it)
{
	struct wconn *c = (struct wconn *)(void *)it->conn;
	struct dev *d = c->dev;
	struct wire_conn wc = wire_conn_of(c);
	struct ev ev = {.kind = EV_SENT, .conn = it->conn,
	    .send_id = it->send_id, .ok = true};
	struct sent *s;

	if (c->core.id != it->conn_id)
		scn_fail("a command for a connection that is no more");
	if (d->kernel_full) {
		d->kernel_full = false;
		ev.ok = false;
		handle(w, &ev);
		return;
	}
	if (d->sent_count == WORLD_SENDS)
		scn_fail("%s: %d commands nobody expected", d->name,
		    WORLD_SENDS);
	s = &d->sent[d->sent_count++];
	s->len = it->len;
	memcpy(s->text, it->bytes, it->len);
	s->text[it->len] = '\0';
	fleet_command(w, d, c, s->text);
	wire_out(w->wire, &wc, s->text, w->elapsed_ms);
	remember_serial(d, s->text, s->len);
	if (d->kernel_torn) {
		d->kernel_torn = false;
		s->len /= 2;
		s->text[s->len] = '\0';
	}
	handle(w, &ev);
}

static void
submit(struct world *w)
{
	struct batch *b;

	if (w->fx.ops.failed)
		scn_fail("the core ran out of memory");
	if (w->fx.ops.count == 0)
		return;
	if ((b = calloc(1, sizeof(*b))) == NULL)
		scn_fail("out of memory");
	opbuf_init(&b->ops);
	b->ticket = w->fx.ticket;
	if (b->ticket <= w->submitted)
		scn_fail("ticket %llu behind %llu",
		    (unsigned long long)b->ticket,
		    (unsigned long long)w->submitted);
	w->submitted = b->ticket;
	wire_submitted(w->wire, &w->fx.ops);
	opbuf_move(&b->ops, &w->fx.ops);
	*w->batches_end = b;
	w->batches_end = &b->next;
}

/* As the daemon does, with the time zones of this machine. */
static void
tell_windows(struct world *w, const struct fx_item *it)
{
	const struct campaign_spec *s =
	    core_campaign_spec(w->core, it->campaign);
	struct windows_answer answer = {
	    .campaign = it->campaign,
	    .zone = it->bytes,
	    .from_wall = it->from_wall,
	    .to_wall = it->to_wall,
	};
	struct wall_span *span = NULL;
	int r;

	if (s == NULL)
		scn_fail("windows of no campaign are asked for");
	r = zone_windows(it->bytes, s->windows, s->window_count,
	    it->from_wall, it->to_wall, &span, &answer.count);
	if (r == ZONE_NO_MEMORY)
		scn_fail("out of memory");
	answer.known = r == 0;
	answer.span = span;
	world_event(w, &(struct ev){.kind = EV_WINDOWS, .windows = &answer});
	free(span);
}

/* As app_effects() of the daemon does: the batch first, then in order; the
 * outcome of a command is told at once and may want more. */
void
world_effects(struct world *w)
{
	struct fx_item *items = w->fx.item;
	size_t n = w->fx.count;

	submit(w);
	w->fx.item = NULL;
	w->fx.cap = 0;
	fx_clear(&w->fx);
	if (++w->depth > 50)
		scn_fail("the core answers itself for ever");
	for (size_t i = 0; i < n; i++) {
		struct wconn *c = (struct wconn *)(void *)items[i].conn;

		switch (items[i].kind) {
		case FX_NOTE:
			note(w, &items[i]);
			break;
		case FX_CLOSE:
			c->dev->closes++;
			break;
		case FX_REPLY:
			reply(w, &items[i]);
			break;
		case FX_SEND:
			command(w, &items[i]);
			break;
		case FX_WINDOWS:
			tell_windows(w, &items[i]);
			break;
		case FX_TOKEN:
			fetch_token(w, &items[i]);
			break;
		case FX_KIND_COUNT_:
			break;
		}
	}
	free(items);
	w->depth--;
	if (w->depth == 0)
		world_check(w);
}

/* --- durability ------------------------------------------------------------*/

static void
release_replies(struct world *w)
{
	struct held *h;

	while ((h = w->helds) != NULL && h->ticket <= w->durable) {
		w->helds = h->next;
		if (w->helds == NULL)
			w->helds_end = &w->helds;
		if (h->conn->open)
			sack_leaves(w, h->conn, h->bytes, h->len);
		free(h);
	}
}

/* False: the disk did not take it; w->broken, or the core is told. */
static bool
commits(struct world *w, const struct batch *b)
{
	switch (record_commit(w->record, b->ticket, &b->ops)) {
	case RECORD_DONE:
		return true;
	case RECORD_FULL:
		w->store_full = true;
		handle(w, &(struct ev){.kind = EV_STORE});
		return false;
	case RECORD_BROKEN:
		w->broken = true;
		return false;
	}
	return false;
}

void
world_torn(struct world *w)
{
	if (w->batches == NULL)
		scn_fail("on disk is more than was written");
	wire_durable(w->wire, &w->batches->ops);
	record_keep(w->record, &w->batches->ops);
}

static void
durable_through(struct world *w, uint64_t ticket)
{
	struct batch *b;

	while ((b = w->batches) != NULL && b->ticket <= ticket &&
	    !w->store_full && !w->broken) {
		if (!commits(w, b))
			return;
		w->batches = b->next;
		if (w->batches == NULL)
			w->batches_end = &w->batches;
		w->durable = b->ticket;
		wire_durable(w->wire, &b->ops);
		record_keep(w->record, &b->ops);
		opbuf_done(&b->ops);
		free(b);
		release_replies(w);
		handle(w, &(struct ev){
			.kind = EV_DURABLE, .ticket = w->durable});
	}
}

void
world_durable(struct world *w)
{
	durable_through(w, w->submitted);
}

void
world_settle(struct world *w)
{
	if (w->auto_durable)
		durable_through(w, UINT64_MAX);
}

void
world_event(struct world *w, const struct ev *ev)
{
	handle(w, ev);
	world_settle(w);
}

void
world_store(struct world *w, bool ok)
{
	w->store_full = !ok;
	world_event(w, &(struct ev){.kind = EV_STORE, .ok = ok});
}

void
world_store_low(struct world *w)
{
	w->store_full = false;
	world_event(w, &(struct ev){.kind = EV_STORE, .ok = true, .low = true});
}

/* --- trackers --------------------------------------------------------------*/

struct dev *
world_dev(struct world *w, const char *name)
{
	struct dev *d;
	struct devid id;
	long n;

	for (size_t i = 0; i < w->dev_count; i++)
		if (strcmp(w->dev[i].name, name) == 0)
			return &w->dev[i];
	if (name[0] != 'd' || (n = strtol(name + 1, NULL, 10)) <= 0 ||
	    w->dev_count == WORLD_DEVICES)
		scn_fail("%s: no tracker (d1, d2, …)", name);
	d = &w->dev[w->dev_count++];
	(void)snprintf(d->name, sizeof(d->name), "%s", name);
	/* Binary frames carry no other id than an IMEI. */
	(void)snprintf(d->id, sizeof(d->id), w->hex ? "8600000000%04u0" :
	    "A000000000%04u", (unsigned)n % 10000);
	(void)snprintf(d->protover, sizeof(d->protover), "C20100");
	(void)snprintf(d->type, sizeof(d->type), "GV620MG");
	(void)snprintf(d->hardware, sizeof(d->hardware), "0101");
	if (devid_parse(span_str(d->id), &id) < 0)
		scn_fail("%s: %s is no id", name, d->id);
	d->key = id.key;
	d->count = 0x11F0;
	return d;
}

struct wconn *
dev_conn(const struct dev *d)
{
	for (size_t i = d->conn_count; i-- > 0;)
		if (d->conn[i]->open)
			return d->conn[i];
	return NULL;
}

struct wconn *
dev_conn_nth(const struct dev *d, size_t n)
{
	/* Counted over the whole scenario; those before a crash are gone. */
	size_t gone = d->connects - d->conn_count;

	return n == 0 || n <= gone || n > d->connects
	    ? NULL
	    : d->conn[n - gone - 1];
}

struct wconn *
world_connect(struct world *w, struct dev *d, bool udp, bool relayed)
{
	struct wconn *c = calloc(1, sizeof(*c));

	if (c == NULL || d->conn_count == WORLD_CONNS)
		scn_fail("%s: too many connections", d->name);
	c->core.id = ++w->conn_last;
	c->core.transport = udp ? TRANSPORT_UDP : TRANSPORT_TCP;
	c->core.relayed = relayed;
	if (d->from[0] != '\0')
		address_of_text(d->from, c->core.addr);
	c->dev = d;
	c->open = true;
	d->conn[d->conn_count++] = c;
	d->connects++;
	world_event(w, &(struct ev){.kind = EV_OPEN, .conn = &c->core});
	return c;
}

void
world_close(struct world *w, struct wconn *c)
{
	if (!c->open)
		scn_fail("%s: that connection is closed", c->dev->name);
	c->open = false;
	world_event(w, &(struct ev){.kind = EV_CLOSE, .conn = &c->core});
}

void
world_ended(struct world *w, struct wconn *c)
{
	if (!c->open)
		scn_fail("%s: that connection is closed", c->dev->name);
	world_event(w, &(struct ev){.kind = EV_ENDED, .conn = &c->core});
}

/* A +RESP and its +BUFF copy are one report. */
static uint64_t
frame_name(const char *text)
{
	uint64_t h = 1;

	for (text += 6; *text != '\0'; text++)
		h = prng_mix(h, (unsigned char)*text);
	return h;
}

static bool
changes_an_update(const struct message *m)
{
	return m->kind != MSG_REPORT && m->kind != MSG_HEARTBEAT &&
	    m->kind != MSG_ACK_OTHER;
}

/* A stranger's frame comes to nothing, whatever else is in the batch. */
static bool
speaks_of(const struct opbuf *ops, uint64_t device)
{
	struct op op;
	size_t pos = 0;

	while (opbuf_next(ops, &pos, &op))
		if ((op.kind == OP_DEVICE && op.device->key == device) ||
		    (op.kind == OP_TUPLE && op.tuple->device == device) ||
		    (op.kind == OP_EVENT && op.event->device == device))
			return true;
	return false;
}

/* From now on, until its ticket is durable, its count must not be answered. */
static void
frame_matters(struct dev *d, const char *text, const char *count,
    uint64_t ticket)
{
	uint64_t hash = frame_name(text);

	for (size_t i = 0; i < WORLD_FRAMES; i++)
		if (d->frame[i].hash == hash)
			return; /* a repeat: the first one's ticket counts */
	d->frame[d->frame_next].hash = hash;
	d->frame[d->frame_next].ticket = ticket;
	(void)snprintf(d->frame[d->frame_next].count, 5, "%.4s", count);
	d->frame_next = (d->frame_next + 1) % WORLD_FRAMES;
}

/* The framer has to see it end where it ends. */
static struct frame
hex_frame(const struct hexgram *g)
{
	struct frame f;
	enum frame_why why;
	size_t scan = 0, used;

	if (frame_next(g->p, g->n, FRAME_MAX_DEFAULT, &scan, &f, &used,
	    &why) != FRAME_OK || used != g->n || f.family != FRAME_HEX1)
		scn_fail("%.4s: no frame", g->p);
	return f;
}

static void
one_frame(struct world *w, struct wconn *c, const struct frame *f)
{
	struct dev *d = c->dev;
	struct wire_conn wc;
	struct message m;
	struct hexgram g;
	struct frame hf = *f;
	enum msg_bad bad;
	char reply[COMMAND_MAX], text[512];
	size_t len;

	(void)snprintf(text, sizeof(text), "%.*s", (int)f->bytes.n,
	    f->bytes.p);
	if (w->hex && hextalk(text, &g))
		hf = hex_frame(&g);
	if (message_decode(&hf, &m, &bad) < 0)
		scn_fail("%s: %s", text, msg_bad_name(bad));
	c->spoke = true;
	wc = wire_conn_of(c);
	wire_in(w->wire, &wc, text, w->elapsed_ms);
	(void)snprintf(d->last_frame, sizeof(d->last_frame), "%s", text);
	(void)snprintf(d->last_count, sizeof(d->last_count), "%.*s",
	    (int)m.count_text.n, m.count_text.p);
	w->fx.reply = reply;
	w->fx.reply_cap = sizeof(reply);
	w->fx.reply_len = 0;
	core_handle(w->core,
	    &(struct ev){.kind = EV_FRAME, .conn = &c->core, .message = &m},
	    world_now(w), &w->fx);
	if (changes_an_update(&m) && speaks_of(&w->fx.ops, d->key))
		frame_matters(d, text, d->last_count, w->fx.ticket);
	len = w->fx.reply_len;
	d->last_own = w->fx.own;
	w->fx.reply = NULL;
	w->fx.reply_cap = w->fx.reply_len = 0;
	world_effects(w);
	/* The shell flushes these behind everything of the same read. */
	if (len > 0)
		sack_leaves(w, c, reply, len);
}

void
world_recv(struct world *w, struct wconn *c, const char *text)
{
	size_t left = strlen(text), used, scan = 0;
	struct frame f;
	enum frame_why why;

	if (!c->open)
		scn_fail("%s: that connection is closed", c->dev->name);
	while (left > 0) {
		switch (frame_next(text, left, FRAME_MAX_DEFAULT, &scan, &f,
		    &used, &why)) {
		case FRAME_OK:
			one_frame(w, c, &f);
			break;
		case FRAME_MORE:
			scn_fail("half a frame: %s", text);
		case FRAME_BAD:
			scn_fail("%s: %s", frame_why_name(why), text);
		}
		text += used;
		left -= used;
		scan = 0;
	}
	world_settle(w);
}

/* --- time passes -----------------------------------------------------------*/

/* Step by step: every deadline gets its tick, at its time. */
void
world_pass(struct world *w, int64_t ms)
{
	int64_t end = w->elapsed_ms + ms;
	int spins = 0;

	if (ms < 0)
		scn_fail("time does not go back");
	for (;;) {
		struct core_now now = world_now(w);
		int64_t due = core_deadline(w->core);
		int64_t step = due == INT64_MAX ? INT64_MAX : due - now.at_ms;

		if (step > end - w->elapsed_ms)
			break;
		/* A timer that is due again at once is set to the next
		 * millisecond. */
		if (step > 1)
			spins = 0;
		else if (++spins > 1000)
			scn_fail("it ticks for nothing");
		w->elapsed_ms += MAX_OF(step, 0);
		world_event(w, &(struct ev){.kind = EV_TICK});
	}
	w->elapsed_ms = end;
}
