#include "config.h"
#include "core/state.h"

#include <stdlib.h>
#include <string.h>

#include "core/plant.h"

/*
 * Version reads and the fence they make (design.md 3): an answered read, sent
 * after everything that could be ours, shows that update mode is over, and the
 * version that comes with it settles.
 */

#define PROBE_MS INT64_C(60000) /* of a device in no campaign: the default */

static int64_t
probe_ms(const struct core *c, const struct device *d)
{
	const struct attempt *a = d->more->attempt;
	const struct target *t;
	int64_t ms = 0;

	if (a != NULL)
		return core_dur(c, a->target->campaign->spec->timeouts.probe_ms);
	/* Whoever it is for, it is not taken for lost too soon. */
	for (t = d->targets; t != NULL; t = t->next_of_device)
		if (t->campaign->rec.state == CAMPAIGN_RUNNING)
			ms = MAX_OF(ms, t->campaign->spec->timeouts.probe_ms);
	return core_dur(c, ms == 0 ? PROBE_MS : ms);
}

static bool
read_proves_nothing(const struct device_more *m)
{
	return m->read.written_seq <=
	    MAX_OF(m->rec.stale_seq, m->rec.power_seq);
}

/* A tracker on short connections answers on its next one, whenever that is. So
 * a read whose connection ended stays out, for as long as its answer would be
 * worth something; from when the tracker is there again it has `probe`. */
static int64_t
read_until(const struct core *c, const struct device_more *m)
{
	const struct device *d = m->device;
	const struct read *r = &m->read;

	if (r->state != READ_OUT || read_proves_nothing(m) ||
	    (d->conn != NULL && d->conn->id == r->conn_id) ||
	    planted("short_reads_given_up"))
		return r->written_at + probe_ms(c, d);
	return r->met_at == 0
	    ? r->written_at + core_dur(c, VERSION_FRESH_MS)
	    : r->met_at + probe_ms(c, d);
}

/* One that only lasts for its tracker being away makes room for another as soon
 * as its answer would settle nothing any more. */
bool
read_vacant(const struct core *c, const struct device *d)
{
	const struct device_more *m = d->more;

	return m == NULL || m->read.state == READ_NONE ||
	    (m->read.state == READ_OUT && read_proves_nothing(m) &&
		c->now.at_ms >= m->read.written_at + probe_ms(c, d));
}

static bool
read_possible(const struct core *c, const struct device *d)
{
	return device_hears(d) && c->store_ok && device_commandable(c, d) &&
	    !device_quarantined(c, d) && read_vacant(c, d);
}

/* How the count of a version lies to that of the ACK of its read. */
static bool
count_follows(const struct read *r, const struct message *msg)
{
	uint16_t ahead = (uint16_t)(msg->count - r->ack_count);

	return ahead >= 1 && ahead <= 8;
}

/* The answer to our read, or that answer once more. A platform behind us may
 * have asked, too, just before or after. */
bool
read_answers(const struct device_more *m, const struct message *msg)
{
	if (m->read.state == READ_ACKED)
		return count_follows(&m->read, msg);
	return m->read.version_count != m->read.ack_count &&
	    m->read.version_count == msg->count;
}

/* Sends a read, or remembers that one is wanted. */
void
read_want(struct core *c, struct device *d, enum read_why why)
{
	struct device_more *m = device_more(c, d);

	if (m == NULL)
		return;
	/* What an attempt wants is not forgotten over what a campaign would. */
	if (!m->read_wanted || why != READ_PREFLIGHT)
		m->wanted_why = why;
	m->read_wanted = true;
	/* Never a command in answer to a late copy alone: the next live frame
	 * finds it wanted. */
	if (c->late_frame || !read_possible(c, d))
		return;
	if (why != READ_OPERATOR &&
	    !bucket_take(&c->read_bucket, c->now.at_ms)) {
		if (!list_in(&m->read_wait)) {
			list_push_back(&c->read_wait, &m->read_wait);
			c->held_read_rate++;
		}
		return;
	}
	list_remove(&m->read_wait);
	m->read_wanted = false;
	read_drop(c, m);
	m->read = (struct read){
	    .state = READ_PENDING,
	    .why = why,
	    .transport = d->conn->transport,
	    .conn_id = d->conn->id,
	};
	m->read.serial = device_serial(c, m);
	m->hint_next_at = c->now.at_ms + 5 * probe_ms(c, d);
	core_event(c, d, 0, m->attempt == NULL ? 0 : m->attempt->rec.id,
	    EVENT_SENT, PHASE_NONE, -1, m->read.serial,
	    "AT+GTRTO=********,8,,,,,,%04X$", (unsigned)m->read.serial);
	pending_add(c, PENDING_READ, d, 0, m->read.serial);
	/* A read that never finds its way out must not block the next. */
	timer_set(c, &c->read_timers, &m->read_timer,
	    c->now.at_ms + probe_ms(c, d));
	if (why == READ_PREFLIGHT)
		target_preflight_begin(c, d);
}

/* Devices in the order in which they asked, as tokens come. */
void
read_tokens(struct core *c)
{
	struct list *n;

	while (!list_empty(&c->read_wait)) {
		struct device_more *m;

		if (!bucket_has(&c->read_bucket, c->now.at_ms))
			return;
		n = c->read_wait.next;
		m = CONTAINER_OF(n, struct device_more, read_wait);
		list_remove(n);
		device_kick(c, m->device);
	}
}

void
read_written(struct core *c, struct device *d, uint16_t serial, bool ok,
    const struct core_conn *conn)
{
	struct device_more *m = d->more;

	if (m->read.state != READ_PENDING || m->read.serial != serial)
		return;
	if (!ok) {
		m->read_wanted = true;
		m->wanted_why = m->read.why;
		read_drop(c, m);
		return;
	}
	c->commands_read++;
	m->read.state = READ_OUT;
	m->read.written_seq = core_seq(c);
	m->read.written_at = c->now.at_ms;
	m->read.conn_id = conn->id;
	m->read.transport = conn->transport;
	timer_set(c, &c->read_timers, &m->read_timer,
	    c->now.at_ms + probe_ms(c, d));
}

static void
preflight_over(struct core *c, struct device *d)
{
	struct target *t;

	for (t = d->targets; t != NULL; t = t->next_of_device)
		if (t->preflight)
			target_preflight_over(c, t);
}

void
read_drop(struct core *c, struct device_more *m)
{
	m->read.state = READ_NONE;
	timer_set(c, &c->read_timers, &m->read_timer, INT64_MAX);
	preflight_over(c, m->device);
}

/* The tracker is there, on another connection than the one that carried it. */
void
read_met(struct core *c, struct device *d)
{
	struct device_more *m = d->more;

	if (m == NULL || m->read.state != READ_OUT || m->read.met_at != 0 ||
	    d->conn->id == m->read.conn_id)
		return;
	m->read.met_at = c->now.at_ms;
	m->read.rests = false;
	timer_set(c, &c->read_timers, &m->read_timer, read_until(c, m));
	if (m->read.why == READ_PREFLIGHT)
		target_preflight_begin(c, d);
}

/* No version came: ask less and less often, acknowledged or not. */
static void
preflight_unanswered(struct core *c, struct device *d, int64_t written_at)
{
	struct device_more *m = d->more;
	int64_t most = core_dur(c, PREFLIGHT_GAP_MAX_MS);

	m->preflight_gap_ms = m->preflight_gap_ms == 0
	    ? 10 * probe_ms(c, d)
	    : MIN_OF(m->preflight_gap_ms * 2, most);
	m->preflight_next_at = written_at + m->preflight_gap_ms;
}

/* NACK: no better than silence, or it would be asked again at once. */
void
read_refused(struct core *c, struct device_more *m)
{
	struct read r = m->read;

	read_drop(c, m);
	if (r.why == READ_PREFLIGHT)
		preflight_unanswered(c, m->device, r.written_at);
}

/* `probe` is over. */
void
read_timer(struct core *c, struct device_more *m)
{
	struct device *d = m->device;
	struct read r = m->read;
	struct attempt *a = m->attempt;
	int64_t until = read_until(c, m);

	if (r.state == READ_NONE)
		return;
	if (r.state == READ_OUT && c->now.at_ms < until) {
		m->read.rests = r.met_at == 0;
		if (m->read.rests)
			preflight_over(c, d);
		timer_set(c, &c->read_timers, &m->read_timer, until);
		return;
	}
	read_drop(c, m);
	if (r.state == READ_ACKED) {
		/* The mode is over, but the version is not known. */
		m->silent_acks++;
		if (a != NULL)
			attempt_mode_over(c, a, &r);
	} else if (r.state == READ_OUT) {
		diagnosis_read_unheard(c, m, &r);
		core_event(c, d, 0, a == NULL ? 0 : a->rec.id, EVENT_TIMER,
		    PHASE_NONE, -1, r.serial, "read unanswered");
		if (a != NULL && r.why == READ_HINT) {
			a->rec.reads_unanswered++;
			mark_attempt(c, a);
			attempt_arm(c, a);
		}
	}
	if (r.why == READ_PREFLIGHT && r.state != READ_PENDING)
		preflight_unanswered(c, d, r.written_at);
	device_kick(c, d);
	/* The disk was slow. It is asked again when the tracker speaks, and not
	 * once in each `probe` until then. */
	if (r.state == READ_PENDING) {
		m->read_wanted = true;
		m->wanted_why = r.why;
	}
}

void
read_ack(struct core *c, struct device *d, const struct core_conn *conn,
    const struct message *msg)
{
	struct device_more *m = d->more;

	if (m == NULL || !msg->has_serial || m->read.serial != msg->serial)
		return;
	/* Too late to prove anything but that it listens. */
	if (m->read.state == READ_NONE && m->rec.reads_unheard > 0)
		diagnosis_acked(c, m);
	if (m->read.state != READ_OUT)
		return;
	/* In short-connection mode the answer comes on the next connection;
	 * the version must then follow on that one. */
	m->read.ack_conn_id = conn->id;
	m->read.state = READ_ACKED;
	diagnosis_acked(c, m);
	m->read.ack_count = m->read.version_count = msg->count;
	core_event(c, d, 0, m->attempt == NULL ? 0 : m->attempt->rec.id,
	    EVENT_ACK, PHASE_NONE, -1, msg->serial, "AT+GTRTO acknowledged");
}

/* What a binary unit says of its type is a code; campaigns ask for names. */
static struct span
type_named(const struct core *c, const struct message *msg)
{
	const struct core_model *m;

	if (msg->family == FRAME_ASCII ||
	    (m = model_of_code(c, msg->device_type)) == NULL ||
	    m->name[0] == '\0')
		return msg->device_type;
	return span_str(m->name);
}

static void
remember_version(struct core *c, struct device_more *m,
    const struct message *msg)
{
	struct device_rec *r = &m->rec;

	(void)span_copy(r->mcu, sizeof(r->mcu), msg->firmware);
	(void)span_copy(r->device_type, sizeof(r->device_type),
	    type_named(c, msg));
	(void)span_copy(r->hardware, sizeof(r->hardware), msg->hardware);
	(void)span_copy(r->name, sizeof(r->name), msg->name);
	r->version_wall = c->now.wall_ms;
	mark_device(c, m);
}

static void
fence_answered(struct core *c, struct device *d, const struct message *msg)
{
	struct device_more *m = d->more;
	struct read r = m->read;
	struct target *t, *next;

	read_drop(c, m);
	m->silent_acks = 0;
	m->preflight_gap_ms = 0;
	m->preflight_next_at = 0;
	/* The answer may have waited in the tracker: it is as old as the
	 * question. */
	m->rec.fence_seq = r.written_seq;
	m->rec.fence_at = r.written_at;
	m->rec.fence_wall = c->now.wall_ms - (c->now.at_ms - r.written_at);
	(void)span_copy(m->rec.fence_version, sizeof(m->rec.fence_version),
	    msg->firmware);
	if (m->rec.foreign_seq != 0 && r.written_seq > m->rec.foreign_seq &&
	    r.written_seq > m->rec.stale_seq) {
		m->rec.foreign_seq = 0;
		m->rec.foreign_until_at = 0;
		timer_set(c, &c->foreign_timers, &m->foreign_timer, INT64_MAX);
	}
	mark_device(c, m);
	if (m->attempt != NULL) {
		m->attempt->rec.reads_unanswered = 0;
		m->attempt->rec.mode_over_acks = 0;
		attempt_fence(c, m->attempt, m->rec.fence_version, &r);
	}
	for (t = d->targets; t != NULL; t = next) {
		next = t->next_of_device;
		target_version(c, t);
	}
}

void
read_version(struct core *c, struct device *d, const struct core_conn *conn,
    const struct message *msg)
{
	struct device_more *m = device_more(c, d);

	if (m == NULL)
		return;
	if (msg->buffered)
		return; /* an old copy: neither a version nor a fence */
	remember_version(c, m, msg);
	core_event(c, d, 0, m->attempt == NULL ? 0 : m->attempt->rec.id,
	    EVENT_VERSION, PHASE_NONE, -1, -1, "%s %s %s", m->rec.device_type,
	    m->rec.mcu, m->rec.hardware);
	if ((m->read.state != READ_ACKED || m->read.ack_conn_id != conn->id) &&
	    !(m->read.state == READ_OUT && planted("fence_without_ack")))
		return;
	if (!count_follows(&m->read, msg) && !planted("fence_any_count") &&
	    !planted("fence_without_ack"))
		return;
	m->read.version_count = msg->count;
	fence_answered(c, d, msg);
}

static bool
hint_phase(const struct attempt *a, bool heartbeat)
{
	switch (a->rec.phase) {
	case PHASE_UNSURE:
	case PHASE_OVERDUE:
	case PHASE_PROVISIONAL:
		return true;
	case PHASE_ACKED:
	case PHASE_CONFIRMED:
	case PHASE_DOWNLOADING:
	case PHASE_DOWNLOADED:
	case PHASE_UPDATING:
	case PHASE_VERIFYING:
	case PHASE_RESOLVING:
		return !heartbeat || planted("heartbeat_is_hint");
	default:
		return false;
	}
}

/* An ordinary live frame while an attempt lives: perhaps the mode is over. */
void
read_hint(struct core *c, struct device *d, const struct core_conn *conn,
    const struct message *msg)
{
	struct device_more *m = d->more;
	struct attempt *a = m == NULL ? NULL : m->attempt;
	uint64_t hash, base_seq;
	int64_t base_at, confirm;

	if (a == NULL || msg->buffered || conn != d->conn ||
	    !hint_phase(a, msg->kind == MSG_HEARTBEAT))
		return;
	hash = 7;
	for (size_t i = 0; i < msg->raw.n; i++)
		hash = hash * UINT64_C(0x100000001b3) ^
		    (unsigned char)msg->raw.p[i];
	/* A hint that is lost for want of memory is followed by others. */
	if (m->hint == NULL && (m->hint = calloc(HINTS_REMEMBERED,
	    sizeof(*m->hint))) == NULL)
		return;
	for (int i = 0; i < HINTS_REMEMBERED; i++)
		if (m->hint[i] == hash)
			return;
	m->hint[m->hint_next] = hash;
	m->hint_next = (m->hint_next + 1) % HINTS_REMEMBERED;

	confirm = core_dur(c, a->target->campaign->spec->timeouts.confirm_ms);
	base_seq = MAX_OF(a->rec.code_seq, a->rec.ack_seq);
	base_at = MAX_OF(a->rec.code_at, a->rec.written_at);
	if (conn->open_seq <= base_seq && c->now.at_ms < base_at + confirm)
		return;
	/* Its answer may be about to come. */
	if (c->now.at_ms < m->hint_next_at || !read_vacant(c, d))
		return;
	read_want(c, d, READ_HINT);
}
