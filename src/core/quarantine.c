#include "config.h"
#include "core/state.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/plant.h"

/*
 * Who speaks in a device's name is in doubt: its reports are kept and answered
 * as ever, and no command goes out, for it would carry the password to whoever
 * asked for it and flash whoever took it.
 *
 * Two signs of it. An older connection speaks on although a newer one has said
 * the same id, three times in ten minutes: a tracker has one connection, and
 * what comes late on one that it gave up comes once. And a connection that
 * carries an update speaks as another device.
 *
 * Ids can be made up by whoever reaches the port, so this is bounded: not more
 * devices than quarantine_room() are held until somebody releases them, and any
 * further one only until it was quiet for ten minutes. SECURITY.md tells what
 * that leaves open.
 */

#define TAKEOVERS_MAX 3
#define TAKEOVERS_MS (INT64_C(10) * 60 * 1000)
/* On two connections at once each speaks in turn; an older one that speaks
 * twice before the newer one does only empties its buffers, unless it takes
 * this long for it. */
#define TAKEOVER_AGAIN_MS (INT64_C(10) * 1000)
#define ROOM_LEAST 10
#define ROOM_SHARE 100 /* one in so many of the known devices */

struct claims {
	int64_t at[TAKEOVERS_MAX];     /* ascending */
	uint64_t conn_id[TAKEOVERS_MAX]; /* the older one, which spoke */
	int count;
	bool answered;                 /* the newest spoke since the last */
	int64_t until_at;              /* held without a quarantine */
};

size_t
quarantine_room(const struct core *c)
{
	return MAX_OF((size_t)ROOM_LEAST, fleet_known(c) / ROOM_SHARE);
}

int64_t
device_contested_until(const struct core *c, const struct device *d)
{
	const struct device_more *m = d->more;

	if (m == NULL || m->rec.quarantined_wall != 0 || m->claims == NULL ||
	    m->claims->until_at <= c->now.at_ms)
		return 0;
	return m->claims->until_at;
}

bool
device_quarantined(const struct core *c, const struct device *d)
{
	if (d->more == NULL || planted("quarantine_ignored"))
		return false;
	return d->more->rec.quarantined_wall != 0 ||
	    device_contested_until(c, d) != 0;
}

static struct claims *
claims_of(struct core *c, struct device *d)
{
	struct device_more *m = device_more(c, d);

	if (m != NULL && m->claims == NULL &&
	    (m->claims = calloc(1, sizeof(*m->claims))) == NULL)
		core_fail(c);
	return m == NULL ? NULL : m->claims;
}

/* What is on its way comes to nothing, and what waits for its turn leaves the
 * queue; a read that an attempt wants is asked again when all is well. */
static void
hold_back(struct core *c, struct device *d)
{
	struct device_more *m = d->more;
	struct target *t, *next;

	if (m->read.state != READ_NONE) {
		if (m->attempt != NULL) {
			m->read_wanted = true;
			m->wanted_why = m->read.why;
		}
		read_drop(c, m);
	}
	list_remove(&m->read_wait);
	for (t = d->targets; t != NULL; t = next) {
		next = t->next_of_device;
		target_evaluate(c, t);
	}
}

static void
quarantine(struct core *c, struct device *d, const char *why, const char *text)
{
	struct claims *k = claims_of(c, d);
	struct device_rec *r;

	if (k == NULL || d->more->rec.quarantined_wall != 0)
		return;
	r = &d->more->rec;
	k->count = 0;
	if (c->quarantined >= quarantine_room(c) &&
	    !planted("quarantine_unbounded")) {
		bool held = device_contested_until(c, d) != 0;

		k->until_at = c->now.at_ms + core_dur(c, TAKEOVERS_MS);
		if (held)
			return;
		c->quarantine_refused++;
		core_note(c, NOTE_ERROR, "device_contested device=%s why=%s "
		    "quarantined=%zu", d->id, why, c->quarantined);
	} else {
		c->quarantined++;
		r->quarantined_wall = MAX_OF(c->now.wall_ms, 1);
		(void)snprintf(r->quarantine, sizeof(r->quarantine), "%s",
		    why);
		mark_device(c, d->more);
		core_note(c, NOTE_ERROR, "device_quarantined device=%s why=%s",
		    d->id, why);
	}
	core_event(c, d, 0, 0, EVENT_SESSION, PHASE_NONE, -1, -1,
	    "quarantine: %s", text);
	hold_back(c, d);
}

/* --- two connections, one id -----------------------------------------------*/

/* Datagrams have no connection to lose, and a source that nobody may be
 * commanded at takes nothing from anyone. A connection that has spoken as
 * several devices can be made to quarantine all of them: it counts for none. */
static bool
may_claim(const struct core *c, const struct device *d,
    const struct core_conn *conn)
{
	return conn->transport == TRANSPORT_TCP && !conn->mixed &&
	    conn_allowed(c, d, conn);
}

void
quarantine_newest_spoke(struct device *d)
{
	if (d->more != NULL && d->more->claims != NULL)
		d->more->claims->answered = true;
}

static void
forget(struct claims *k, int i)
{
	for (k->count--; i < k->count; i++) {
		k->at[i] = k->at[i + 1];
		k->conn_id[i] = k->conn_id[i + 1];
	}
}

/* Strangers are never commanded: nothing is to be held back from them, and
 * nothing is kept of them. */
void
quarantine_older_spoke(struct core *c, struct device *d,
    struct core_conn *conn)
{
	int64_t now = c->now.at_ms;
	struct claims *k;

	assert(d->conn != NULL);
	if (d->observed || !may_claim(c, d, conn) ||
	    !may_claim(c, d, d->conn) ||
	    (d->more != NULL && d->more->rec.quarantined_wall != 0) ||
	    (k = claims_of(c, d)) == NULL)
		return;
	if (k->count > 0 && !k->answered &&
	    now < k->at[k->count - 1] + core_dur(c, TAKEOVER_AGAIN_MS))
		return;
	while (k->count > 0 && k->at[0] + core_dur(c, TAKEOVERS_MS) < now)
		forget(k, 0);
	k->at[k->count] = now;
	k->conn_id[k->count++] = conn->id;
	k->answered = false;
	c->takeovers++;
	core_note(c, NOTE_WARN, "session_contested device=%s times=%d", d->id,
	    k->count);
	if (k->count == TAKEOVERS_MAX ||
	    (k->count == 1 && device_contested_until(c, d) != 0))
		quarantine(c, d, "takeover",
		    "two connections speak in its name by turns");
}

/* One that spoke late once and then ends was only the rest of a session. */
void
quarantine_closed(struct device *d, const struct core_conn *conn)
{
	struct claims *k = d->more == NULL ? NULL : d->more->claims;
	int found = -1, n = 0;

	if (k == NULL)
		return;
	for (int i = 0; i < k->count; i++)
		if (k->conn_id[i] == conn->id) {
			found = i;
			n++;
		}
	if (n == 1)
		forget(k, found);
}

/* --- one connection, two ids -----------------------------------------------*/

/* Only where something of ours is on its way there: that it becomes somebody
 * else's is what must not pass. */
void
quarantine_second_id(struct core *c, struct device *before, struct device *d,
    const struct core_conn *conn)
{
	const struct attempt *a =
	    before->more == NULL ? NULL : before->more->attempt;

	if (conn->transport != TRANSPORT_TCP || a == NULL ||
	    !attempt_live(a) || a->rec.phase == PHASE_PROVISIONAL)
		return;
	quarantine(c, before, "two_ids",
	    "its connection spoke as another device during an update");
	if (!d->observed)
		quarantine(c, d, "two_ids",
		    "named on the connection of another device's update");
}

/* --- the operator ----------------------------------------------------------*/

void
oper_release(struct core *c, struct device *d, struct oper_result *ret)
{
	struct device_more *m = d->more;

	if (!device_quarantined(c, d)) {
		oper_answer(ret, OPER_REFUSED, "not_quarantined",
		    "device %s is not in quarantine", d->id);
		return;
	}
	if (m->rec.quarantined_wall != 0) {
		c->quarantined--;
		m->rec.quarantined_wall = 0;
		m->rec.quarantine[0] = '\0';
	}
	free(m->claims);
	m->claims = NULL;
	mark_device(c, m);
	core_note(c, NOTE_INFO, "device_released device=%s", d->id);
	core_event(c, d, 0, 0, EVENT_OPERATOR, PHASE_NONE, -1, -1,
	    "released from quarantine");
	if (d->conn != NULL)
		device_kick(c, d);
}
