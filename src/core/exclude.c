#include "config.h"
#include "core/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * What the operator takes out of all campaigns by hand: for good, and then its
 * targets are skipped, or for a time, and then they wait.
 */

struct exclusion *
exclusion_find(const struct core *c, uint64_t key)
{
	return c->exclusions.len == 0 ? NULL
				      : idmap_get(&c->exclusions, key);
}

/* Its targets follow, and it may have waited for just that. */
static void
device_looks_again(struct core *c, uint64_t key)
{
	struct device *d = device_find(c, key);
	struct target *t, *next;

	if (d == NULL)
		return;
	if (!d->observed && exclusion_find(c, key) == NULL)
		members_known(c, d);
	for (t = d->targets; t != NULL; t = next) {
		next = t->next_of_device;
		target_members_changed(c, t);
	}
	if (d->conn != NULL)
		device_kick(c, d);
}

static void
arm(struct core *c, struct exclusion *e)
{
	int64_t left = e->rec.until_wall - c->now.wall_ms;

	timer_set(c, &c->exclusion_timers, &e->timer,
	    e->rec.until_wall == 0 ? INT64_MAX
				   : c->now.at_ms + MAX_OF(left, 0));
}

static void
note(struct core *c, const struct exclusion *e, const char *line,
    const char *what)
{
	const struct device *d = device_find(c, e->rec.device);

	core_note(c, NOTE_INFO, "%s device=%s why=\"%s\"", line, e->rec.id,
	    what);
	if (d != NULL)
		core_event(c, d, 0, 0, EVENT_OPERATOR, PHASE_NONE, -1, -1,
		    "%s", what);
}

static void
drop(struct core *c, struct exclusion *e, const char *what)
{
	uint64_t key = e->rec.device;

	e->rec.active = false;
	core_op(c, OP_EXCLUSION, &e->rec);
	note(c, e, "device_included", what);
	timer_set(c, &c->exclusion_timers, &e->timer, INT64_MAX);
	c->excluded_gen++;
	(void)idmap_remove(&c->exclusions, key);
	free(e);
	device_looks_again(c, key);
}

/* Its time is over, by the clock on the wall: a jump of it may have brought
 * the timer here too early. */
void
exclusion_due(struct core *c, struct exclusion *e)
{
	if (c->now.wall_ms < e->rec.until_wall)
		arm(c, e);
	else
		drop(c, e, "exclusion is over");
}

static struct exclusion *
exclusion_make(struct core *c, const struct devid *id)
{
	struct exclusion *e = exclusion_find(c, id->key);

	if (e != NULL)
		return e;
	if ((e = calloc(1, sizeof(*e))) == NULL ||
	    idmap_put(&c->exclusions, id->key, e) < 0) {
		free(e);
		core_fail(c);
		return NULL;
	}
	e->rec.device = id->key;
	memcpy(e->rec.id, id->text, sizeof(e->rec.id));
	return e;
}

static bool
read_id(const struct oper *op, struct devid *ret, struct oper_result *res)
{
	if (devid_parse(span_str(op->device), ret) == 0)
		return true;
	oper_answer(res, OPER_BAD, "bad_id",
	    "%s is no device id: 14 to 16 of 0-9A-F", op->device);
	return false;
}

void
oper_exclude(struct core *c, const struct oper *op, struct oper_result *ret)
{
	struct exclusion *e;
	struct devid id;
	struct device *d;

	if (!read_id(op, &id, ret))
		return;
	if (c->exclusions.len >= EXCLUSIONS_MAX &&
	    exclusion_find(c, id.key) == NULL) {
		c->exclusions_refused++;
		oper_answer(ret, OPER_REFUSED, "too_many", "%d devices are "
		    "excluded already; a fleet that large is better left out "
		    "by devices.never_file", EXCLUSIONS_MAX);
		return;
	}
	if ((e = exclusion_make(c, &id)) == NULL)
		return;
	e->rec.active = true;
	e->rec.since_wall = c->now.wall_ms;
	e->rec.until_wall = op->for_ms == 0 ? 0
	    : c->now.wall_ms + core_dur(c, op->for_ms);
	c->excluded_gen++;
	(void)snprintf(e->rec.who, sizeof(e->rec.who), "%s", op->who);
	(void)snprintf(e->rec.reason, sizeof(e->rec.reason), "%s",
	    op->reason == NULL ? "" : op->reason);
	core_op(c, OP_EXCLUSION, &e->rec);
	note(c, e, "device_excluded", op->for_ms == 0 ? "excluded"
	    : "excluded for a time");
	arm(c, e);
	if (op->cancel && (d = device_find(c, id.key)) != NULL) {
		struct oper_result none = {.status = OPER_OK};

		/* Nothing to cancel, or too late, is no failure of this. */
		oper_cancel(c, d, &none);
	}
	device_looks_again(c, id.key);
}

void
oper_include(struct core *c, const struct oper *op, struct oper_result *ret)
{
	struct exclusion *e;
	struct devid id;

	if (!read_id(op, &id, ret))
		return;
	if ((e = exclusion_find(c, id.key)) == NULL) {
		oper_answer(ret, OPER_REFUSED, "not_excluded",
		    "device %s was not excluded by hand (a campaign's exclude "
		    "and devices.never_file are changed in their files)",
		    id.text);
		return;
	}
	drop(c, e, "included");
}

/* --- start and end ---------------------------------------------------------*/

int
core_load_exclusion(struct core *c, const struct exclusion_rec *r)
{
	struct devid id = {.key = r->device};
	struct exclusion *e;

	if (!r->active)
		return 0;
	memcpy(id.text, r->id, sizeof(id.text));
	if ((e = exclusion_make(c, &id)) == NULL)
		return -1;
	e->rec = *r;
	return 0;
}

void
exclusions_restart(struct core *c)
{
	struct exclusion *e;
	size_t pos = 0;

	while ((e = idmap_next(&c->exclusions, &pos)) != NULL)
		arm(c, e);
}

void
exclusions_done(struct core *c)
{
	struct exclusion *e;
	size_t pos = 0;

	heap_done(&c->exclusion_timers);
	while ((e = idmap_next(&c->exclusions, &pos)) != NULL)
		free(e);
	idmap_done(&c->exclusions);
}
