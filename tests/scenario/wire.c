#include "config.h"
#include "wire.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "world.h"
#include "wiregram.h"

#define CAMPAIGNS 8
#define ROWS 512
#define UNITS 64
#define SEEN 512
#define STARTS 4096

struct row {
	struct attempt_rec now, disk;
	bool on_disk;
	int frames;              /* starts that left for it */
	int stops;
};

struct plan {
	char name[CAMPAIGN_NAME_MAX + 1];
	int64_t id;              /* 0 = no row yet */
	struct wire_limits limits;
	int was;                 /* in flight when a file lowered the cap */
	enum campaign_state now, disk;
	bool forbidden;
	int64_t start[STARTS];   /* when they left */
	size_t starts;
};

/* What is known of the last start on a device, from the wire alone. */
struct last_start {
	bool any, udp;
	uint16_t serial;
	uint64_t conn, order, acked, final, dropped;
	int64_t at, w_ms, ack_ms, confirm_ms;
	bool coded;              /* a code came since, of any kind */
	bool confirmed;          /* one that says that it runs */
	bool too_late;           /* 201, 300 or 301 came since */
	int tries;
	unsigned started;
	char to[VERSION_MAX + 1];
};

struct last_read {
	bool out, acked, udp;
	uint16_t serial, count;
	uint64_t conn, ack_conn, order;
	int64_t at;
};

struct unit {
	uint64_t key;
	bool known;              /* has a row on disk */
	uint32_t *used;          /* by serial: the number of its last command */
	uint32_t commands;
	struct last_start start;
	struct last_read read;
	struct last_read fence;  /* the read that was answered */
	bool fenced;
	char version[VERSION_MAX + 1];
	uint64_t stop_order, code_order;
	int64_t stop_at, stop_w_ms;
	bool stop_udp;
	uint64_t seen[SEEN];
	size_t seen_count;
};

#define OWN_PASSWORDS 16

struct wire {
	char password[21];
	struct {
		uint64_t device;
		char password[21];
	} own[OWN_PASSWORDS];
	size_t own_count;
	uint64_t order;
	struct plan plan[CAMPAIGNS];
	size_t plan_count;
	struct row row[ROWS];
	size_t row_count;
	struct unit unit[UNITS];
	size_t unit_count;
	bool halted_now, halted_disk, draining;
	int in_flight;
	int64_t per_hour;
	int64_t start[STARTS];
	size_t starts;
};

struct wire *
wire_new(void)
{
	struct wire *w = calloc(1, sizeof(*w));

	if (w == NULL)
		scn_fail("out of memory");
	return w;
}

void
wire_free(struct wire *w)
{
	if (w == NULL)
		return;
	for (size_t i = 0; i < w->unit_count; i++)
		free(w->unit[i].used);
	free(w);
}

void
wire_password(struct wire *w, const char *password)
{
	(void)snprintf(w->password, sizeof(w->password), "%s", password);
}

void
wire_device_password(struct wire *w, uint64_t device, const char *password)
{
	size_t i = 0;

	while (i < w->own_count && w->own[i].device != device)
		i++;
	if (i == OWN_PASSWORDS)
		scn_fail("too many passwords");
	w->own[i].device = device;
	(void)snprintf(w->own[i].password, sizeof(w->own[i].password), "%s",
	    password);
	w->own_count = MAX_OF(w->own_count, i + 1);
}

static const char *
password_of(const struct wire *w, uint64_t device)
{
	for (size_t i = 0; i < w->own_count; i++)
		if (w->own[i].device == device &&
		    w->own[i].password[0] != '\0')
			return w->own[i].password;
	return w->password;
}

static struct plan *
plan_named(struct wire *w, const char *name)
{
	struct plan *p;

	for (size_t i = 0; i < w->plan_count; i++)
		if (strcmp(w->plan[i].name, name) == 0)
			return &w->plan[i];
	if (w->plan_count == CAMPAIGNS)
		scn_fail("too many campaigns");
	p = &w->plan[w->plan_count++];
	(void)snprintf(p->name, sizeof(p->name), "%s", name);
	return p;
}

static struct plan *
plan_of(struct wire *w, int64_t id)
{
	for (size_t i = 0; i < w->plan_count; i++)
		if (w->plan[i].id == id)
			return &w->plan[i];
	scn_fail("campaign %lld has no row", (long long)id);
}

static bool
slot_phase(enum phase p)
{
	return (p >= PHASE_INTENT && p <= PHASE_UPDATING) ||
	    p == PHASE_UNSURE;
}

/* Of the campaign, or of all: 0. */
static int
flying(const struct wire *w, int64_t campaign)
{
	int n = 0;

	for (size_t i = 0; i < w->row_count; i++)
		if (slot_phase(w->row[i].now.phase) && (campaign == 0 ||
			w->row[i].now.campaign == campaign))
			n++;
	return n;
}

void
wire_campaign(struct wire *w, const char *name, const struct wire_limits *l)
{
	struct plan *p = plan_named(w, name);

	p->was = p->id == 0 ? 0 : flying(w, p->id);

	/* Another rate: only what leaves from now on is held to it. */
	if (p->limits.per_hour != l->per_hour)
		p->starts = 0;
	p->limits = *l;
}

void
wire_global(struct wire *w, int in_flight, int64_t per_hour)
{
	if (w->per_hour != per_hour)
		w->starts = 0;
	w->in_flight = in_flight;
	w->per_hour = per_hour;
}

void
wire_forbid(struct wire *w, const char *campaign, bool on)
{
	if (campaign == NULL)
		w->draining = on;
	else
		plan_named(w, campaign)->forbidden = on;
}

static struct unit *
unit_of(struct wire *w, uint64_t key)
{
	struct unit *u;

	for (size_t i = 0; i < w->unit_count; i++)
		if (w->unit[i].key == key)
			return &w->unit[i];
	if (w->unit_count == UNITS)
		scn_fail("too many trackers");
	u = &w->unit[w->unit_count++];
	u->key = key;
	if ((u->used = calloc(0x10000, sizeof(*u->used))) == NULL)
		scn_fail("out of memory");
	return u;
}

/* --- rows ------------------------------------------------------------------*/

static struct row *
row_of(struct wire *w, int64_t id)
{
	for (size_t i = w->row_count; i-- > 0;)
		if (w->row[i].now.id == id)
			return &w->row[i];
	return NULL;
}

static bool
told(const struct opbuf *ops, int64_t attempt)
{
	struct op op;
	size_t pos = 0;

	while (opbuf_next(ops, &pos, &op))
		if (op.kind == OP_EVENT && op.event->attempt == attempt)
			return true;
	return false;
}

static void
attempt_submitted(struct wire *w, const struct opbuf *ops,
    const struct attempt_rec *a)
{
	struct row *r = row_of(w, a->id);

	if (r == NULL) {
		if (w->row_count == ROWS)
			scn_fail("too many attempts");
		r = &w->row[w->row_count++];
		memset(r, 0, sizeof(*r));
	}
	/* S20; that a deferral is over for good is told by the next start. */
	if (r->now.phase != a->phase && r->now.phase != PHASE_DEFERRED &&
	    !told(ops, a->id))
		scn_fail("S20: attempt %lld goes from %s to %s and no event "
		    "says so", (long long)a->id, phase_name(r->now.phase),
		    phase_name(a->phase));
	if (strstr(a->command, password_of(w, a->device)) != NULL)
		scn_fail("S23: the password is in the row of attempt %lld",
		    (long long)a->id);
	r->now = *a;
	for (size_t i = 0; i < w->plan_count; i++)
		if (w->plan[i].id == a->campaign)
			w->plan[i].was = MIN_OF(w->plan[i].was,
			    flying(w, a->campaign));
}

void
wire_submitted(struct wire *w, const struct opbuf *ops)
{
	struct op op;
	size_t pos = 0;

	while (opbuf_next(ops, &pos, &op))
		switch (op.kind) {
		case OP_ATTEMPT:
			attempt_submitted(w, ops, op.attempt);
			break;
		case OP_CAMPAIGN:
			plan_named(w, op.campaign->name)->id = op.campaign->id;
			plan_named(w, op.campaign->name)->now =
			    op.campaign->state;
			break;
		case OP_FLAGS:
			w->halted_now = op.flags->halted;
			break;
		case OP_EVENT:
			wire_text(w, op.event->text);
			break;
		default:
			break;
		}
}

void
wire_durable(struct wire *w, const struct opbuf *ops)
{
	struct op op;
	size_t pos = 0;

	while (opbuf_next(ops, &pos, &op))
		switch (op.kind) {
		case OP_ATTEMPT: {
			struct row *r = row_of(w, op.attempt->id);

			r->disk = *op.attempt;
			r->on_disk = true;
			break;
		}
		case OP_CAMPAIGN:
			plan_named(w, op.campaign->name)->disk =
			    op.campaign->state;
			break;
		case OP_FLAGS:
			w->halted_disk = op.flags->halted;
			break;
		case OP_DEVICE:
			unit_of(w, op.device->key)->known = true;
			break;
		default:
			break;
		}
}

static bool
on_disk(const struct wire *w, const struct unit *u, enum reached reached)
{
	for (size_t i = 0; i < w->row_count; i++) {
		const struct attempt_rec *a = &w->row[i].disk;

		if (a->device == u->key && a->serial == u->start.serial &&
		    a->reached >= reached)
			return true;
	}
	return false;
}

void
wire_crash(struct wire *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->row_count; i++) {
		if (!w->row[i].on_disk)
			continue;
		w->row[n] = w->row[i];
		w->row[n].now = w->row[n].disk;
		n++;
	}
	w->row_count = n;
	w->halted_now = w->halted_disk;
	w->draining = false;
	for (size_t i = 0; i < w->plan_count; i++) {
		struct plan *p = &w->plan[i];

		p->now = p->disk;
		/* Nor does a word to the operator that is not on disk bind. */
		p->forbidden = p->forbidden &&
		    (p->disk == CAMPAIGN_PAUSED ||
			p->disk == CAMPAIGN_ABORTING ||
			p->disk == CAMPAIGN_ABORTED);
	}
	/* Reads do not outlive the daemon, and a code that was not on disk is as
	 * if it had never come. */
	for (size_t i = 0; i < w->unit_count; i++) {
		w->unit[i].read.out = false;
		w->unit[i].start.too_late = w->unit[i].start.too_late &&
		    on_disk(w, &w->unit[i], REACHED_DOWNLOADED);
		w->unit[i].start.confirmed = w->unit[i].start.confirmed &&
		    on_disk(w, &w->unit[i], REACHED_CONFIRMED);
	}
}

void
wire_restored(struct wire *w)
{
	w->halted_now = true;
}

void
wire_text(struct wire *w, const char *text)
{
	if (w->password[0] != '\0' && strstr(text, w->password) != NULL)
		scn_fail("S23: the password is in: %s", text);
	for (size_t i = 0; i < w->own_count; i++)
		if (w->own[i].password[0] != '\0' &&
		    strstr(text, w->own[i].password) != NULL)
			scn_fail("S23: a password is in: %s", text);
}

/* --- in --------------------------------------------------------------------*/

static bool
repeated(struct unit *u, const struct gram_in *g)
{
	uint64_t h = prng_mix(g->hash, 1);

	for (size_t i = 0; i < MIN_OF(u->seen_count, SEEN); i++)
		if (u->seen[i] == h)
			return true;
	u->seen[u->seen_count++ % SEEN] = h;
	return false;
}

static void
code_in(struct wire *w, struct unit *u, const struct gram_in *g)
{
	struct last_start *s = &u->start;
	bool final = false;

	u->code_order = w->order;
	s->coded = true;
	/* n outside of 1..N says nothing. */
	if (g->code == 100 || g->code == 201 || g->code == 300 ||
	    (g->code == 200 && g->times != 0 && g->times <= s->tries))
		s->confirmed = true;
	/* A 301 out of nowhere may be of years ago. */
	if (g->code == 201 || g->code == 300 ||
	    (g->code == 301 && s->confirmed))
		s->too_late = true;
	if (g->buffered)
		return;
	switch (g->code) {
	case 200:
		if (g->times >= 1 && g->times <= 4)
			s->started |= 1u << g->times;
		break;
	case 101:
	case 102:
	case 103:
	case 302:
	case 303:
		final = true;
		break;
	case 202:
		final = g->times == s->tries || (g->times < 0 &&
			(s->tries == 1 ||
			    __builtin_popcount(s->started) >= s->tries));
		break;
	default:
		break;
	}
	if (s->any && final)
		s->final = w->order;
}

static void
fence_in(struct wire *w, struct unit *u, const struct gram_in *g,
    int64_t now_ms)
{
	struct last_start *s = &u->start;
	struct last_read *r = &u->read;
	unsigned ahead = (unsigned)(g->count - r->count) & 0xffff;

	if (!r->out || !r->acked || ahead < 1 || ahead > 8)
		return;
	r->out = false;
	u->fence = *r;
	u->fenced = true;
	(void)snprintf(u->version, sizeof(u->version), "%s", g->version);
	if (!s->any)
		return;
	if (s->final == 0 && s->to[0] != '\0' &&
	    strcasecmp(g->version, s->to) == 0 && r->order > s->order &&
	    r->order > s->acked && r->order > u->code_order)
		s->final = w->order; /* a verified hop */
	if (!s->udp && !s->coded && s->acked == 0 && r->conn == s->conn &&
	    r->ack_conn == s->conn && r->at >= s->at + s->confirm_ms &&
	    now_ms >= s->at + s->ack_ms)
		s->dropped = w->order;
}

void
wire_in(struct wire *w, const struct wire_conn *c, const char *frame,
    int64_t now_ms)
{
	struct unit *u = unit_of(w, c->device);
	struct gram_in g;

	w->order++;
	if (!gram_in(frame, &g) || repeated(u, &g))
		return;
	switch (g.kind) {
	case GRAM_CODE:
		code_in(w, u, &g);
		break;
	case GRAM_ACK_GTUPD:
		if (u->start.any && g.serial == u->start.serial)
			u->start.acked = w->order;
		break;
	case GRAM_ACK_GTRTO:
		if (u->read.out && g.serial == u->read.serial) {
			u->read.acked = true;
			u->read.ack_conn = c->id;
			u->read.count = g.count;
		}
		break;
	case GRAM_GTVER:
		if (!g.buffered && u->read.ack_conn == c->id)
			fence_in(w, u, &g, now_ms);
		break;
	default:
		break;
	}
}

/* --- out -------------------------------------------------------------------*/

/* design.md 3: a start may follow an earlier one only after (a), (b) or (c). */
static void
start_rule_holds(const struct unit *u, int64_t now_ms)
{
	const struct last_start *s = &u->start;
	const struct last_read *f = &u->fence;

	if (u->stop_order != 0) {
		if (!u->fenced || f->order < u->stop_order)
			scn_fail("start rule: no fence since the last stop");
		if (u->stop_udp && now_ms < u->stop_at + u->stop_w_ms)
			scn_fail("start rule: W of a stop over UDP lasts");
	}
	if (!s->any)
		return;
	if (s->dropped != 0 && s->acked == 0)
		return;
	if (!u->fenced || f->order < s->order)
		scn_fail("start rule: no fence since the last start");
	if (f->order < s->acked)
		scn_fail("start rule: an ACK came after the fence");
	if (s->acked != 0 && s->final != 0 && f->order > s->final)
		return;
	if (now_ms >= s->at + s->w_ms && f->at >= s->at + s->w_ms)
		return;
	scn_fail("start rule: none of (a), (b), (c)%s%s",
	    s->acked == 0 ? ", no ACK" : "",
	    s->final == 0 ? ", no final code" : "");
}

static void
rate_holds(const char *what, int64_t *v, size_t *n, int64_t per_hour,
    int64_t now_ms)
{
	int64_t depth = MAX_OF(per_hour / 3600, 1);

	if (*n == STARTS)
		scn_fail("too many starts");
	v[(*n)++] = now_ms;
	for (size_t i = 0; i < *n; i++) {
		int64_t count = (int64_t)(*n - i);

		if ((count - depth) * 3600000 > per_hour * (now_ms - v[i]))
			scn_fail("S7: %lld starts %s in %lld ms",
			    (long long)count, what,
			    (long long)(now_ms - v[i]));
	}
}

static void
caps_hold(struct wire *w, struct plan *p, int64_t now_ms)
{
	int all = flying(w, 0), own = flying(w, p->id);

	/* An intent from before a lower cap had its slot, and is written. */
	if (all > w->in_flight || (own > p->limits.in_flight && own > p->was))
		scn_fail("S6: %d in flight, %d of %s", all, own, p->name);
	rate_holds("of all", w->start, &w->starts, w->per_hour, now_ms);
	rate_holds(p->name, p->start, &p->starts, p->limits.per_hour, now_ms);
}

static struct row *
intent_of(struct wire *w, const struct unit *u, uint16_t serial)
{
	for (size_t i = w->row_count; i-- > 0;) {
		struct row *r = &w->row[i];

		if (r->on_disk && r->disk.device == u->key &&
		    r->disk.serial == serial)
			return r;
	}
	scn_fail("S2: no intent on disk for serial %04X", serial);
}

static void
start_out(struct wire *w, struct unit *u, const struct wire_conn *c,
    const struct gram_out *g, int64_t now_ms)
{
	struct row *r = intent_of(w, u, g->serial);
	struct plan *p = plan_of(w, r->disk.campaign);

	if (strcmp(r->disk.url, g->url) != 0)
		scn_fail("S2: told %s, intent says %s", g->url, r->disk.url);
	if (++r->frames > 1)
		scn_fail("S2: a second frame of one intent");
	if (r->disk.phase != PHASE_INTENT || r->now.phase != PHASE_INTENT)
		scn_fail("S2: a start for an attempt that is %s",
		    phase_name(r->now.phase));
	for (size_t i = 0; i < w->row_count; i++)
		if (&w->row[i] != r && w->row[i].now.device == u->key &&
		    w->row[i].now.phase != PHASE_ENDED)
			scn_fail("S3: attempt %lld is %s",
			    (long long)w->row[i].now.id,
			    phase_name(w->row[i].now.phase));
	if (p->forbidden || w->draining || w->halted_now ||
	    p->now != CAMPAIGN_RUNNING)
		scn_fail("S9: a start of %s, which is %s%s", p->name,
		    campaign_state_name(p->now),
		    w->halted_now ? ", all halted" : "");
	start_rule_holds(u, now_ms);
	if (!p->limits.blind) {
		if (strcasecmp(u->version, r->disk.from) != 0)
			scn_fail("S17: from %s, but the fence said %s",
			    r->disk.from, u->version);
		if (strcasecmp(u->version, r->disk.to) == 0)
			scn_fail("S4: it has %s already", u->version);
	}
	caps_hold(w, p, now_ms);
	u->start = (struct last_start){
	    .any = true, .udp = c->udp, .serial = g->serial, .conn = c->id,
	    .order = w->order, .at = now_ms, .w_ms = p->limits.w_ms,
	    .ack_ms = p->limits.ack_ms, .confirm_ms = p->limits.confirm_ms,
	    .tries = p->limits.tries,
	};
	memcpy(u->start.to, r->disk.to, sizeof(u->start.to));
}

static void
stop_out(struct wire *w, struct unit *u, const struct wire_conn *c,
    const struct gram_out *g, int64_t now_ms)
{
	struct row *r = NULL;

	for (size_t i = 0; i < w->row_count; i++) {
		const struct attempt_rec *a = &w->row[i].disk;

		for (int k = 0; k < a->stops_sent && k < 2; k++)
			if (w->row[i].on_disk && a->device == u->key &&
			    a->stop_serial[k] == g->serial)
				r = &w->row[i];
	}
	if (r == NULL)
		scn_fail("S10: no row on disk for stop %04X", g->serial);
	if (++r->stops > 2)
		scn_fail("S10: a third stop");
	if (r->now.phase == PHASE_ENDED)
		scn_fail("S10: a stop for an attempt that has ended");
	if (u->start.too_late)
		scn_fail("S10: a stop after 201");
	u->stop_order = w->order;
	u->stop_at = now_ms;
	u->stop_udp = c->udp;
	u->stop_w_ms = u->start.w_ms;
}

/* No serial twice: over all kinds, and far apart when the counter wraps. */
static void
serial_out(struct unit *u, uint16_t serial)
{
	u->commands++;
	if (u->used[serial] != 0 && u->commands - u->used[serial] < 50000)
		scn_fail("S14: serial %04X again after %u commands", serial,
		    u->commands - u->used[serial]);
	u->used[serial] = u->commands;
}

void
wire_out(struct wire *w, const struct wire_conn *c, const char *frame,
    int64_t now_ms)
{
	struct unit *u = unit_of(w, c->device);
	struct gram_out g;

	w->order++;
	if (!gram_out(frame, password_of(w, c->device), &g))
		scn_fail("S15: no command of SPEC: %s", frame);
	if (!c->open || !c->newest)
		scn_fail("S16: %s connection",
		    c->open ? "an older" : "a closed");
	if (!u->known)
		scn_fail("S16: a command to an id without a row");
	serial_out(u, g.serial);
	switch (g.kind) {
	case GRAM_START:
		start_out(w, u, c, &g, now_ms);
		break;
	case GRAM_STOP:
		stop_out(w, u, c, &g, now_ms);
		break;
	case GRAM_READ:
		u->read = (struct last_read){
		    .out = true, .serial = g.serial, .conn = c->id,
		    .order = w->order, .at = now_ms, .udp = c->udp,
		};
		break;
	}
}

void
wire_ack_out(struct wire *w, const struct wire_conn *c, const char *frame)
{
	(void)w;
	if (!c->open)
		scn_fail("S16: %s on a closed connection", frame);
	if (!gram_ack(frame))
		scn_fail("S15: no acknowledgement of SPEC: %s", frame);
}
