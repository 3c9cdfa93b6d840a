#include "config.h"
#include "core/state.h"

#include <string.h>

/*
 * Why a device that reports answers no command, as far as what it did shows.
 *
 * A tracker ignores a command with a wrong password without a word, and any
 * command while it updates. So a read counts as unheard only when it speaks
 * after it, and outside of an update; and a start, when a later read was
 * answered on the connection that carried it, or all its time was over and a
 * read shows the old version. Whatever is acknowledged clears it. The counts are
 * on record: a restart does not make a device innocent.
 */

#define SURE_READS 2
#define SURE_STARTS 2
#define UNHEARD_MAX 1000 /* no need to write it down for ever */

static void
set(struct core *c, struct device_more *m, int *count, int v)
{
	if (*count == v || v > UNHEARD_MAX)
		return;
	*count = v;
	mark_device(c, m);
}

void
diagnosis_acked(struct core *c, struct device_more *m)
{
	m->rec.acked_wall = c->now.wall_ms;
	set(c, m, &m->rec.reads_unheard, 0);
}

/* Of an update it hears nothing else, and that it goes on says nothing. */
static bool
may_be_updating(const struct attempt *a)
{
	return a != NULL && attempt_live(a) &&
	    a->rec.reached >= REACHED_ACKED &&
	    a->rec.reached <= REACHED_UPDATING;
}

void
diagnosis_read_unheard(struct core *c, struct device_more *m,
    const struct read *r)
{
	m->read_missed = true;
	if (m->device->last_seen_at > r->written_at)
		diagnosis_spoke(c, m);
}

/* Dead links answer nothing either: only that it speaks again makes an
 * unanswered read a sign. */
void
diagnosis_spoke(struct core *c, struct device_more *m)
{
	if (!m->read_missed)
		return;
	m->read_missed = false;
	if (!may_be_updating(m->attempt) && !device_foreign(c, m->device))
		set(c, m, &m->rec.reads_unheard, m->rec.reads_unheard + 1);
}

void
diagnosis_start_unheard(struct core *c, struct device_more *m)
{
	set(c, m, &m->rec.starts_unheard, m->rec.starts_unheard + 1);
}

void
diagnosis_start_heard(struct core *c, struct device_more *m)
{
	set(c, m, &m->rec.starts_unheard, 0);
}

static bool
ever_acked(const struct device_rec *r)
{
	return r->acked_wall != 0 || r->fence_wall != 0 ||
	    r->start_ack_seq != 0;
}

static const char *
of_commands(const struct device_more *m)
{
	const struct device_rec *r = &m->rec;

	if (r->reads_unheard >= SURE_READS)
		return ever_acked(r)
		    ? "reports, and acknowledges no command any more: commands "
		      "seem disabled, or its AT password was changed"
		    : "reports, and has never acknowledged a command: the AT "
		      "password seems wrong";
	if (r->reads_unheard > 0)
		return "reports, and did not answer the last version read: "
		       "perhaps the AT password is wrong";
	if (r->starts_unheard >= SURE_STARTS)
		return "answers version reads, and not AT+GTUPD: updates over "
		       "the air seem unsupported";
	if (m->silent_acks > 0)
		return "acknowledges version reads and sends no version";
	return "";
}

const char *
device_diagnosis(const struct core *c, const struct device *d)
{
	const struct device_more *m = d->more;

	if (m == NULL)
		return "";
	if (m->rec.quarantined_wall != 0)
		return strcmp(m->rec.quarantine, "two_ids") == 0
		    ? "quarantined: a connection spoke as this and as another "
		      "device during an update"
		    : "quarantined: two connections speak in its name by turns";
	if (device_contested_until(c, d) != 0)
		return "held: two connections speak in its name by turns";
	if (device_foreign(c, d))
		return "somebody else is updating it";
	if (may_be_updating(m->attempt))
		return "";
	return of_commands(m);
}

/* --- when it was there, and when it comes again ----------------------------*/

int64_t
device_last_seen(const struct core *c, const struct device *d)
{
	if (d->last_seen_at != 0)
		return c->now.wall_ms - (c->now.at_ms - d->last_seen_at);
	return d->more == NULL ? 0 : d->more->rec.last_seen_wall;
}

int64_t
device_next_contact(const struct core *c, const struct device *d)
{
	int64_t seen = device_last_seen(c, d);
	int64_t since, next;

	if (seen == 0)
		return 0;
	since = (int64_t)((double)MAX_OF(c->now.wall_ms - seen, 0) *
	    c->cfg.time_scale);
	next = rhythm_next_ms(&d->rhythm, since);
	return next == 0 ? 0 : seen + core_dur(c, next);
}
