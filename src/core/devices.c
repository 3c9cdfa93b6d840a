#include "config.h"
#include "core/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/plant.h"

#define FORGET_MAX 64 /* for one new id: a crowd may have left at once */

struct device *
device_find(const struct core *c, uint64_t key)
{
	return idmap_get(&c->devices, key);
}

void
device_free(struct device *d)
{
	if (d->more != NULL) {
		free(d->more->attempt);
		free(d->more->tuple);
		free(d->more->hint);
		free(d->more->claims);
	}
	free(d->more);
	free(d);
}

static void
device_forget(struct core *c, struct device *d)
{
	assert(d->more == NULL && d->targets == NULL && d->conn == NULL);
	list_remove(&d->lru);
	(void)idmap_remove(&c->devices, d->key);
	c->devices_gen++;
	free(d);
	c->observed_count--;
	c->observed_evicted++;
}

/* Unlisted ids come from whoever connects: before one more is taken in, those
 * that are away for longest go. Whoever is online is not in the list. */
static void
observed_bound(struct core *c)
{
	for (int i = 0; i < FORGET_MAX && c->cfg.observed_max > 0 &&
	    c->observed_count >= (size_t)c->cfg.observed_max &&
	    !list_empty(&c->observed); i++)
		device_forget(c, CONTAINER_OF(c->observed.next, struct device,
		    lru));
}

struct device *
device_make(struct core *c, const struct devid *id)
{
	struct device *d = device_find(c, id->key);

	if (d != NULL)
		return d;
	if ((d = calloc(1, sizeof(*d))) == NULL)
		return NULL;
	d->key = id->key;
	memcpy(d->id, id->text, sizeof(d->id));
	d->observed = true;
	if (idmap_put(&c->devices, d->key, d) < 0) {
		free(d);
		return NULL;
	}
	c->devices_gen++;
	observed_bound(c);
	c->observed_count++;
	list_push_back(&c->observed, &d->lru);
	/* Its row, unlike that of others, is looked up at once: it may be
	 * known by it alone. */
	d->fleet_gen = (c->fleet_gen - 1) & FLEET_GENS;
	device_meet(c, d);
	return d;
}

/* From here on it is known: kept, stored, never evicted. */
void
device_register(struct core *c, struct device *d)
{
	if (!d->observed)
		return;
	d->observed = false;
	list_remove(&d->lru);
	c->observed_count--;
	c->known++;
	c->fleet_met += device_has_row(c, d);
	members_known(c, d);
}

struct device_more *
device_more(struct core *c, struct device *d)
{
	struct device_more *m = d->more;

	if (m != NULL)
		return m;
	if ((m = calloc(1, sizeof(*m))) == NULL) {
		core_fail(c);
		return NULL;
	}
	device_register(c, d);
	m->device = d;
	m->rec.key = d->key;
	memcpy(m->rec.id, d->id, sizeof(m->rec.id));
	memcpy(m->rec.protover, d->protover, sizeof(m->rec.protover));
	d->more = m;
	mark_device(c, m);
	return m;
}

/* A source of datagrams that another one has taken over says nothing more. */
static void
source_over(struct core *c, struct core_conn *conn)
{
	struct fx_item *it;

	if (conn->transport != TRANSPORT_UDP ||
	    (it = core_item(c, FX_CLOSE)) == NULL)
		return;
	it->conn = conn;
	it->conn_id = conn->id;
	it->len = (size_t)snprintf(it->bytes, sizeof(it->bytes),
	    "newer_source");
}

void
device_bind(struct core *c, struct device *d, struct core_conn *conn)
{
	if (d->conn == conn)
		return;
	/* An older connection that speaks again does not take the id back:
	 * only the newest may carry commands. */
	if (d->conn != NULL && conn->id < d->conn->id) {
		if (!planted("send_on_older"))
			return;
	}
	if (d->conn == NULL) {
		c->online++;
	} else {
		core_note(c, NOTE_DEBUG, "session_replaced device=%s", d->id);
		source_over(c, d->conn);
		device_unbind(c, d);
		c->online++;
	}
	d->conn = conn;
	conn->device = d;
	list_remove(&d->lru);
	read_met(c, d);
	for (struct target *t = d->targets; t != NULL; t = t->next_of_device)
		wave_presence(c, t);
	/* Connections come and go all day: they are history only while an
	 * update is under way. */
	if (d->more != NULL && d->more->attempt != NULL &&
	    attempt_live(d->more->attempt))
		core_event(c, d, 0, 0, EVENT_SESSION, PHASE_NONE, -1, -1,
		    "connected");
}

/* The connection that carried commands is gone or replaced. */
void
device_unbind(struct core *c, struct device *d)
{
	struct target *t;

	if (d->conn == NULL)
		return;
	d->conn->device = NULL;
	d->conn = NULL;
	c->online--;
	if (d->observed)
		list_push_back(&c->observed, &d->lru);
	if (d->more == NULL)
		return;
	/* A read that is out stays out: in short-connection mode its answer
	 * comes on the next connection. */
	list_remove(&d->more->read_wait);
	for (t = d->targets; t != NULL; t = t->next_of_device) {
		list_remove(&t->ready);
		wave_presence(c, t);
	}
	if (d->more->attempt != NULL)
		attempt_step(c, d->more->attempt, AE_CONN_LOST);
}

uint64_t *
device_tuples(struct device_more *m)
{
	if (m->tuple == NULL)
		m->tuple = calloc(TUPLES_PER_DEVICE, sizeof(*m->tuple));
	return m->tuple;
}

bool
device_repeat(struct core *c, struct device_more *m, uint64_t hash)
{
	struct tuple_rec r;

	if (device_tuples(m) == NULL) {
		core_fail(c);
		return true;
	}
	for (int i = 0; i < TUPLES_PER_DEVICE; i++)
		if (m->tuple[i] == hash) {
			c->repeats++;
			return true;
		}
	m->tuple[m->tuple_next] = hash;
	r = (struct tuple_rec){
	    .device = m->rec.key, .slot = m->tuple_next, .hash = hash};
	m->tuple_next = (m->tuple_next + 1) % TUPLES_PER_DEVICE;
	core_op(c, OP_TUPLE, &r);
	return false;
}

/* design.md 3: a fence after our last start, update code and power report, and
 * within 72 h, by both clocks. */
bool
device_version_fresh(const struct core *c, const struct device *d)
{
	const struct device_rec *r;
	int64_t limit = core_dur(c, VERSION_FRESH_MS);

	if (d->more == NULL)
		return false;
	r = &d->more->rec;
	if (planted("version_never_old"))
		limit = INT64_MAX;
	return r->fence_seq != 0 && r->fence_seq > r->stale_seq &&
	    r->fence_seq > r->power_seq && r->fence_version[0] != '\0' &&
	    c->now.at_ms - r->fence_at <= limit &&
	    c->now.wall_ms - r->fence_wall <= limit;
}

bool
device_foreign(const struct core *c, const struct device *d)
{
	return d->more != NULL && d->more->rec.foreign_seq != 0 &&
	    c->now.at_ms < d->more->rec.foreign_until_at;
}

/* Not re-armed: a device that repeats itself is not blocked for ever. */
void
device_foreign_seen(struct core *c, struct device *d, const char *what)
{
	struct device_more *m = device_more(c, d);
	struct campaign_spec *spec;

	if (m == NULL)
		return;
	m->rec.stale_seq = core_seq(c);
	mark_device(c, m);
	if (m->rec.foreign_seq != 0 &&
	    c->now.at_ms < m->rec.foreign_until_at)
		return;
	if ((spec = spec_new()) == NULL) {
		core_fail(c);
		return;
	}
	m->rec.foreign_seq = m->rec.stale_seq;
	m->rec.foreign_until_at =
	    c->now.at_ms + core_dur(c, spec_worst_case_ms(spec));
	spec_free(spec);
	timer_set(c, &c->foreign_timers, &m->foreign_timer,
	    m->rec.foreign_until_at);
	c->foreign_updates++;
	core_note(c, NOTE_WARN, "foreign_update device=%s evidence=%s", d->id,
	    what);
	core_event(c, d, 0, 0, EVENT_PHASE, PHASE_NONE, -1, -1,
	    "foreign update: %s", what);
}

bool
device_serial_issued(const struct device_more *m, uint16_t serial)
{
	uint32_t back = (uint16_t)(m->serial_next - 1 - serial);

	/* After FFFF the older half of the circle counts as ours. */
	if (m->serial_next > 0xffff)
		return back < 0x8000;
	return serial < m->serial_next;
}

bool
device_serial_open(const struct device_more *m, uint16_t serial)
{
	const struct attempt *a = m->attempt;

	if (m->rec.start_attempt != 0 && m->rec.start_serial == serial)
		return true;
	if (m->read.state != READ_NONE && m->read.serial == serial)
		return true;
	if (a == NULL)
		return false;
	return a->rec.serial == serial || a->rec.stop_serial[0] == serial ||
	    a->rec.stop_serial[1] == serial;
}

/* The next serial, reserved in the same batch as the command's intent. Those
 * that are open are passed over when the counter wraps. */
uint16_t
device_serial(struct core *c, struct device_more *m)
{
	uint16_t serial;

	if (planted("reuse_serial"))
		return 1;
	do {
		serial = (uint16_t)m->serial_next++;
	} while (m->serial_next > 0x10000 && device_serial_open(m, serial));
	if (m->serial_next > m->rec.serial_reserved) {
		m->rec.serial_reserved = m->serial_next + SERIALS_AHEAD;
		mark_device(c, m);
	}
	return serial;
}

static void
kick_targets(struct core *c, struct device *d)
{
	struct target *t, *next;

	for (t = d->targets; t != NULL; t = next) {
		next = t->next_of_device;
		if (t->rec.state == TARGET_WAITING)
			target_evaluate(c, t);
	}
}

void
device_kick(struct core *c, struct device *d)
{
	struct device_more *m = d->more;

	if (d->targets == NULL && m == NULL)
		return;
	if (m != NULL && m->attempt != NULL)
		attempt_stop_due(c, m->attempt);
	/* One in advance is asked for by its target, if that still may. */
	if (m != NULL && m->read_wanted && read_vacant(c, d) &&
	    m->wanted_why != READ_PREFLIGHT)
		read_want(c, d, m->wanted_why);
	kick_targets(c, d);
}

void
device_kick_later(struct core *c, struct device *d)
{
	/* A device that is in one campaign has nobody who waits for it. */
	if (d->targets == NULL || d->targets->next_of_device == NULL ||
	    d->more == NULL || d->conn == NULL || c->loading ||
	    list_in(&d->more->kick) || planted("blocker_gone_unseen"))
		return;
	list_push_back(&c->kicks, &d->more->kick);
}

void
device_kicks(struct core *c)
{
	while (!list_empty(&c->kicks)) {
		struct device_more *m =
		    CONTAINER_OF(c->kicks.next, struct device_more, kick);

		list_remove(&m->kick);
		if (m->device->conn != NULL)
			kick_targets(c, m->device);
	}
}

/* No fence ended it, so its time did: what it left there is read, before
 * anything of ours is decided. */
void
device_foreign_over(struct core *c, struct device_more *m)
{
	struct device *d = m->device;

	if (m->rec.foreign_seq == 0)
		return;
	m->rec.foreign_seq = 0;
	m->rec.foreign_until_at = 0;
	mark_device(c, m);
	core_event(c, d, 0, 0, EVENT_PHASE, PHASE_NONE, -1, -1,
	    "foreign update: its time is over");
	if (d->targets == NULL)
		return;
	read_want(c, d, READ_FENCE);
	if (read_vacant(c, d))
		kick_targets(c, d);
}

bool
core_device_busy(const struct core *c, uint64_t key)
{
	const struct device *d = device_find(c, key);

	return d != NULL && d->more != NULL && d->more->attempt != NULL &&
	    attempt_live(d->more->attempt);
}
