#include "config.h"
#include "core/state.h"

#include <stdio.h>
#include <string.h>

#include "base/sbuf.h"
#include "core/plant.h"
#include "proto/encode.h"

/* A tracker speaks: who it is, what it says, what that makes possible. */

/* --- acknowledgements ------------------------------------------------------*/

/* No room, or nothing that may leave: the tracker sends its frame again. */
static void
reply_now(struct core *c, const struct message *m)
{
	struct fx *fx = c->fx;
	char *p = fx->reply + fx->reply_len;
	size_t room = fx->reply_cap - fx->reply_len;
	int n;

	if (m->kind == MSG_HEARTBEAT)
		n = encode_sack_heartbeat(p, room, m->protover, m->count_text);
	else
		n = encode_sack(p, room, m->count_text);
	/* A version that may not be echoed: the empty one may. */
	if (n < 0 && m->kind == MSG_HEARTBEAT)
		n = encode_sack_heartbeat(p, room, SPAN_LIT(""),
		    m->count_text);
	if (n > 0)
		fx->reply_len += (size_t)n;
}

static void
reply_after(struct core *c, struct core_conn *conn, const struct message *m,
    uint64_t ticket)
{
	struct fx_item *it;
	int n;

	if ((it = core_item(c, FX_REPLY)) == NULL)
		return;
	n = encode_sack(it->bytes, sizeof(it->bytes), m->count_text);
	it->len = (size_t)MAX_OF(n, 0);
	it->conn = conn;
	it->conn_id = conn->id;
	it->ticket = ticket;
}

/* A report that can change an update is acknowledged when it is durable; so is
 * its repeat, as long as the first may still be on its way to the disk. */
static void
acknowledge(struct core *c, struct core_conn *conn, const struct message *m,
    bool matters)
{
	uint64_t ticket;

	/* Exactly one side acknowledges: the one that got it. */
	if (conn->relayed && !c->fx->own)
		return;
	if (m->kind == MSG_HEARTBEAT) {
		reply_now(c, m);
		return;
	}
	if (c->cfg.sack != SACK_ALL)
		return;
	ticket = c->fx->ticket != 0 ? c->fx->ticket : c->ticket_last;
	if (!matters || ticket <= c->ticket_durable ||
	    planted("sack_before_commit"))
		reply_now(c, m);
	else
		reply_after(c, conn, m, ticket);
}

/* --- frames ----------------------------------------------------------------*/

static uint64_t
span_hash(uint64_t h, struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
	return prng_mix(h, s.n);
}

/* What makes a frame the same report again; a +BUFF copy is the same one. */
static uint64_t
frame_hash(const struct message *m)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	h = span_hash(h, m->type);
	h = prng_mix(h, (uint64_t)m->kind);
	h = prng_mix(h, (uint64_t)(m->code + 1) << 16 |
		(uint64_t)(m->times + 1));
	h = prng_mix(h, (uint64_t)m->count << 32 | m->serial);
	h = span_hash(h, m->send_time);
	return h == 0 ? 1 : h;
}

/* Whoever knows an id can send in its name, and history is never cleared for
 * room: what one device adds to it is bounded. */
bool
device_row_kept(struct core *c, struct device_more *m)
{
	int64_t gap = core_dur(c, FRAMES_KEPT_MS);
	int64_t gained = (c->now.at_ms - m->frames_kept_at) / gap;

	if (gained >= m->frames_kept) {
		m->frames_kept = 0;
		m->frames_kept_at = c->now.at_ms;
	} else if (gained > 0) {
		m->frames_kept -= (int)gained;
		m->frames_kept_at += gained * gap;
	}
	if (m->frames_kept >= FRAMES_KEPT) {
		c->frames_not_kept++;
		return false;
	}
	m->frames_kept++;
	return true;
}

static void
event_of_frame(struct core *c, struct device *d, const struct message *m,
    enum event_kind kind)
{
	const struct attempt *a = d->more->attempt;
	struct sbuf text;

	if (!device_row_kept(c, d->more))
		return;
	sbuf_init(&text, RAW_MAX);
	/* Binary ones as digits, which is how the vendor's manuals show them:
	 * what counts is at their end, and must not be cut off. */
	for (size_t i = 0; i < m->raw.n && text.len + 4 < RAW_MAX; i++)
		if (m->family == FRAME_ASCII)
			sbuf_add_escaped(&text, m->raw.p + i, 1);
		else
			sbuf_addf(&text, "%02X", (unsigned char)m->raw.p[i]);
	core_event(c, d, 0, a == NULL ? 0 : a->rec.id, kind,
	    a == NULL ? PHASE_NONE : a->rec.phase,
	    m->kind == MSG_GTUPD ? m->code : -1,
	    m->has_serial ? m->serial : -1, "%s", sbuf_str(&text));
	sbuf_done(&text);
}

static void
frame_gtupd(struct core *c, struct device *d, const struct message *m)
{
	struct device_more *more = d->more;
	struct device_rec *r = &more->rec;

	c->codes[m->code]++;
	event_of_frame(c, d, m, EVENT_REPORT);
	/* A start that is not written yet cannot be what it is about. */
	if (more->attempt != NULL &&
	    more->attempt->rec.phase != PHASE_INTENT) {
		if (!m->buffered)
			diagnosis_start_heard(c, more);
		attempt_code(c, more->attempt, m);
		return;
	}
	r->stale_seq = core_seq(c);
	mark_device(c, more);
	if (m->buffered)
		return;
	switch (m->code) {
	case 100:
	case 200:
	case 201:
	case 300:
		device_foreign_seen(c, d, "report");
		break;
	case 101:
	case 102:
	case 103:
	case 302:
	case 303:
		/* Before its ACK it may be an older start's (rule 4). */
		if (r->start_ack_seq != 0 && r->start_final_seq == 0)
			r->start_final_seq = r->stale_seq;
		break;
	default:
		break;
	}
}

static bool
stop_serial_is(const struct attempt *a, uint16_t serial)
{
	for (int i = 0; i < a->rec.stops_sent; i++)
		if (a->rec.stop_serial[i] == serial)
			return true;
	return false;
}

static void
frame_ack_gtupd(struct core *c, struct device *d, const struct message *m)
{
	struct device_more *more = d->more;
	struct attempt *a = more->attempt;

	event_of_frame(c, d, m, EVENT_ACK);
	if (!m->has_serial)
		return;
	if (a != NULL && a->rec.phase != PHASE_INTENT &&
	    a->rec.serial == m->serial) {
		diagnosis_start_heard(c, more);
		diagnosis_acked(c, more);
		attempt_step(c, a, AE_ACK);
		return;
	}
	if (a != NULL && stop_serial_is(a, m->serial)) {
		diagnosis_acked(c, more);
		a->rec.stop_acked = true;
		mark_attempt(c, a);
		return;
	}
	if (device_serial_issued(more, m->serial)) {
		/* Late, and ours: recorded only (rule 8); but if it is the last
		 * start's, that start ran after all (rule 2). */
		if (more->rec.start_attempt != 0 &&
		    more->rec.start_serial == m->serial) {
			more->rec.start_ack_seq = core_seq(c);
			more->rec.stale_seq = more->rec.start_ack_seq;
			mark_device(c, more);
		}
		return;
	}
	if (a != NULL && attempt_live(a) && a->rec.phase != PHASE_INTENT)
		attempt_step(c, a, AE_FOREIGN_ACK);
	else
		device_foreign_seen(c, d, "ack");
}

static void
frame_nack(struct core *c, struct device *d, const struct message *m)
{
	struct device_more *more = d->more;
	struct attempt *a = more->attempt;

	event_of_frame(c, d, m, EVENT_ACK);
	if (!m->has_serial)
		return;
	if (a != NULL && a->rec.phase != PHASE_INTENT &&
	    a->rec.serial == m->serial)
		attempt_step(c, a, AE_NACK);
	else if (more->read.state == READ_OUT &&
	    more->read.serial == m->serial)
		read_refused(c, more);
}

/* What 303 put off has cost bytes, and waits whatever is switched on. */
static bool
power_on_ends(const struct target *t)
{
	if (t->rec.state != TARGET_WAITING || t->rec.wait_hold == HOLD_NONE)
		return false;
	if (t->rec.wait_hold == HOLD_POWER_OFF)
		return true;
	return t->attempt == NULL ? t->rec.deferrals_303 == 0
	    : t->attempt->rec.cause != CAUSE_LOW_BATTERY_INSTALL;
}

/* A power report makes the version stale; power-on ends what waited for it. */
static void
frame_power(struct core *c, struct device *d, const struct message *m)
{
	struct target *t;

	event_of_frame(c, d, m, EVENT_REPORT);
	if (m->buffered)
		return;
	d->more->rec.power_seq = core_seq(c);
	mark_device(c, d->more);
	if (m->kind != MSG_POWER_ON)
		return;
	for (t = d->targets; t != NULL; t = t->next_of_device) {
		if (!power_on_ends(t))
			continue;
		t->rec.wait_hold = HOLD_NONE;
		t->rec.retry_wall = 0;
		timer_set(c, &c->target_timers, &t->timer, INT64_MAX);
		mark_target(c, t);
	}
}

static bool
frame_matters(const struct message *m)
{
	switch (m->kind) {
	case MSG_ACK_OTHER:
		return m->family != FRAME_ASCII;
	case MSG_ACK_GTUPD:
	case MSG_GTUPD:
	case MSG_ACK_GTRTO:
	case MSG_GTVER:
	case MSG_NACK:
	case MSG_POWER_ON:
	case MSG_POWER_OFF:
		return true;
	default:
		return false;
	}
}

/* The copy of a report whose effect may not be durable yet: a tracker that sees
 * its count acknowledged forgets both. */
static bool
frame_late_power(const struct message *m)
{
	return m->buffered && m->kind == MSG_REPORT &&
	    (span_is(m->type, "PNA") || span_is(m->type, "PFA"));
}

static void
frame_dispatch(struct core *c, struct device *d, struct core_conn *conn,
    const struct message *m)
{
	if (device_repeat(c, d->more, frame_hash(m)))
		return;
	switch (m->kind) {
	case MSG_GTUPD:
		frame_gtupd(c, d, m);
		break;
	case MSG_ACK_GTUPD:
		frame_ack_gtupd(c, d, m);
		break;
	/* No document says which id the binary ACK of a version read has: its
	 * serial must do. */
	case MSG_ACK_OTHER:
	case MSG_ACK_GTRTO:
		read_ack(c, d, conn, m);
		break;
	case MSG_GTVER:
		read_version(c, d, conn, m);
		break;
	case MSG_NACK:
		frame_nack(c, d, m);
		break;
	case MSG_POWER_ON:
	case MSG_POWER_OFF:
		frame_power(c, d, m);
		break;
	default:
		break;
	}
}

static void
identify(struct core *c, struct device *d, struct core_conn *conn,
    const struct message *m)
{
	if (conn->key != d->key) {
		struct device *before =
		    conn->key == 0 ? NULL : device_find(c, conn->key);

		conn->mixed = conn->mixed || conn->key != 0;
		if (before != NULL && before->conn == conn) {
			quarantine_second_id(c, before, d, conn);
			device_unbind(c, before);
		}
		conn->key = d->key;
	}
	if (d->conn != conn)
		device_bind(c, d, conn);
	if (d->conn == conn)
		quarantine_newest_spoke(d);
	else if (!m->buffered)
		quarantine_older_spoke(c, d, conn);
	/* The frames of one read are one contact. */
	if (d->last_seen_at != 0 && d->last_seen_at != c->now.at_ms)
		rhythm_gap(&d->rhythm, (int64_t)(c->cfg.time_scale *
		    (double)(c->now.at_ms - d->last_seen_at)));
	d->last_seen_at = MAX_OF(c->now.at_ms, 1);
	/* A binary frame may leave its version out, and then says nothing. */
	if (!span_is(m->protover, d->protover) &&
	    (m->protover.n > 0 || m->family == FRAME_ASCII)) {
		(void)span_copy(d->protover, sizeof(d->protover), m->protover);
		if (d->more != NULL)
			mark_device(c, d->more);
	}
	d->heard = ((unsigned)m->family + 1) & 7;
	/* The check digit comes and goes with what the unit sends. */
	if (m->has_id && memcmp(d->id, m->id.text, sizeof(d->id)) != 0)
		memcpy(d->id, m->id.text, sizeof(d->id));
	if (d->more != NULL)
		d->more->rec.last_seen_wall = c->now.wall_ms;
}

/* Whoever connects can make up ids without end: what they fill on disk is
 * bounded, and the rest is only observed. */
static bool
register_room(struct core *c)
{
	if (c->cfg.registered_max <= 0 ||
	    c->registered < (size_t)c->cfg.registered_max)
		return true;
	c->registered_refused++;
	return false;
}

/* Under a name, or under nothing, before the connection said who it is: such a
 * unit can be answered and not be commanded. Unanswered it would send the same
 * report for ever, and never come to say its id. */
static void
frame_nameless(struct core *c, struct core_conn *conn, const struct message *m)
{
	c->frames_nameless++;
	if (c->cfg.unknown != UNKNOWN_REFUSE)
		acknowledge(c, conn, m, false);
}

/* Most speak again and again: no look into the table for them. */
static struct device *
device_speaking(const struct core *c, const struct core_conn *conn,
    uint64_t key)
{
	if (conn->device != NULL && conn->device->key == key)
		return conn->device;
	return key == 0 ? NULL : device_find(c, key);
}

/* Of a dialogue that we began: the platform behind us knows nothing of it. */
static bool
frame_own(const struct device *d, const struct message *m)
{
	const struct device_more *more = d->more;

	if (more == NULL)
		return false;
	switch (m->kind) {
	case MSG_ACK_OTHER: /* the binary one does not say of what */
		return m->family != FRAME_ASCII && m->has_serial &&
		    device_serial_open(more, m->serial);
	case MSG_ACK_GTUPD:
	case MSG_ACK_GTRTO:
	case MSG_NACK:
		return m->has_serial && device_serial_open(more, m->serial);
	case MSG_GTVER:
		return read_answers(more, m);
	case MSG_GTUPD:
		return more->rec.start_attempt != 0 &&
		    more->rec.foreign_until_at == 0;
	default:
		return false;
	}
}

/* Whoever is in a list is served. While the lists cannot be read nobody is
 * turned away for not being in them. */
static bool
refuses(const struct core *c, const struct device *d, uint64_t key)
{
	if (c->cfg.unknown != UNKNOWN_REFUSE || c->fleet.broken)
		return false;
	return d == NULL
	    ? inventory_find(c->fleet.inventory, key) == INVENTORY_NONE
	    : d->observed;
}

void
core_frame(struct core *c, struct core_conn *conn, const struct message *m)
{
	uint64_t key = m->has_id ? m->id.key : conn->key;
	struct device *d = device_speaking(c, conn, key);
	bool matters = frame_matters(m) || frame_late_power(m);

	c->fx->own = false;
	if (d == NULL && !m->has_id) {
		frame_nameless(c, conn, m);
		return;
	}
	if (d != NULL)
		device_meet(c, d);
	if (refuses(c, d, key)) {
		struct fx_item *it;

		/* A platform behind us may know it. */
		if (conn->relayed || (it = core_item(c, FX_CLOSE)) == NULL)
			return;
		it->conn = conn;
		it->conn_id = conn->id;
		it->len = (size_t)snprintf(it->bytes, sizeof(it->bytes),
		    "unknown_device");
		return;
	}
	/* No memory for a stranger changes nothing: it will speak again. */
	if (d == NULL && (d = device_make(c, &m->id)) == NULL)
		return;
	if (d->observed && c->cfg.unknown == UNKNOWN_REGISTER &&
	    register_room(c)) {
		struct device_more *more = device_more(c, d);

		if (more == NULL)
			return;
		more->rec.registered = true;
		c->registered++;
		matters = true; /* first contact */
		core_note(c, NOTE_INFO, "device_registered device=%s", d->id);
	}
	identify(c, d, conn, m);
	c->fx->own = conn->relayed && c->cfg.hide_own && frame_own(d, m);
	attempt_contact(c, d);
	if (d->more != NULL && !m->buffered)
		diagnosis_spoke(c, d->more);
	c->late_frame = m->buffered;
	if (frame_matters(m) && !d->observed && device_more(c, d) != NULL)
		frame_dispatch(c, d, conn, m);
	else
		matters = matters && !d->observed;
	c->late_frame = false;
	if (m->kind == MSG_REPORT || m->kind == MSG_HEARTBEAT ||
	    m->kind == MSG_POWER_ON)
		read_hint(c, d, conn, m);
	/* Never a command in answer to a late copy alone. */
	if (!m->buffered && d->conn == conn)
		device_kick(c, d);
	acknowledge(c, conn, m, matters);
}

/* Its commands may go there again, and nothing more is known: whatever proves
 * something has to be said anew. */
void
core_resume(struct core *c, struct core_conn *conn, const struct devid *id)
{
	struct device *d = device_find(c, id->key);

	if (d == NULL && (c->cfg.unknown == UNKNOWN_REFUSE ||
	    (d = device_make(c, id)) == NULL))
		return;
	conn->key = d->key;
	device_bind(c, d, conn);
}
