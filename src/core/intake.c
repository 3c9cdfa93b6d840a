#include "config.h"
#include "core/state.h"

#include <stdlib.h>
#include <string.h>

/*
 * A long list of targets is taken in by pieces, so that trackers are heard in
 * between. Until the last piece the campaign has not begun: in the record it is
 * a draft, or scheduled, without targets, and a crash has it begin anew from its
 * file. Its targets come on record all at once, with its start.
 *
 * Their devices come before them, piece by piece: a device on record is none
 * the worse for having no target, and what becomes of it meanwhile is written
 * as ever. The next piece waits until the last one is on disk, or the writer's
 * queue would fill and hold trackers back.
 */

/* --- who is asked ----------------------------------------------------------*/

bool
intake_wanted(const struct core *c, const struct campaign *p)
{
	return (p->spec->targets_all ? fleet_known(c)
	    : p->spec->device_count) > core_piece(c);
}

/* By what devices say, or the inventory says of them. */
static bool
narrowed(const struct campaign_spec *s)
{
	return s->targets_all || s->model_count > 0 || s->tag_count > 0;
}

bool
intake_moves(const struct core *c, const struct campaign *p)
{
	return narrowed(p->spec) || p->spec->exclude.count > 0 ||
	    c->exclusions.len > 0 || p->left_out[MEMBER_EXCLUDED] > 0;
}

/* Who becomes known later is not of the snapshot. Their keys are kept, for the
 * table may change between two pieces. */
int
candidates_begin(const struct core *c, const struct campaign *p,
    struct candidates *v)
{
	struct device *d;
	size_t pos = 0;

	candidates_done(v);
	if (!p->spec->targets_all)
		return 0;
	v->known = calloc(c->devices.len + 1, sizeof(*v->known));
	if (v->known == NULL)
		return -1;
	while ((d = idmap_next(&c->devices, &pos)) != NULL)
		if (!d->observed)
			v->known[v->known_count++] = d->key;
	return 0;
}

void
candidates_done(struct candidates *v)
{
	free(v->known);
	*v = (struct candidates){.known_count = 0};
}

size_t
candidates_count(const struct core *c, const struct campaign *p,
    const struct candidates *v)
{
	return p->spec->targets_all
	    ? v->known_count + inventory_count(c->fleet.inventory)
	    : p->spec->device_count;
}

bool
candidate_at(const struct core *c, const struct campaign *p,
    const struct candidates *v, size_t i, struct devid *ret)
{
	const struct device *d;

	if (!p->spec->targets_all) {
		*ret = p->spec->devices[i];
		return true;
	}
	if (i >= v->known_count) {
		inventory_id(c->fleet.inventory,
		    (uint32_t)(i - v->known_count), ret);
		return true;
	}
	if ((d = device_find(c, v->known[i])) == NULL)
		return false;
	ret->key = d->key;
	memcpy(ret->text, d->id, sizeof(ret->text));
	return true;
}

/* Nothing is made of an id that the campaign leaves out. */
static int
target_of_id(struct core *c, struct campaign *p, const struct devid *id)
{
	const struct device nobody = {.key = id->key,
	    .fleet_gen = (c->fleet_gen - 1) & FLEET_GENS};
	struct device *d = device_find(c, id->key);
	enum member_why why = member_why(c, p->spec, d == NULL ? &nobody : d);

	p->left_out[why]++;
	if (why != MEMBER_YES)
		return 0;
	if (d == NULL && (d = device_make(c, id)) == NULL)
		return -1;
	return campaign_target_new(c, p, d) == NULL ? -1 : 0;
}

static int
target_of(struct core *c, struct campaign *p, size_t i)
{
	const struct candidates *v = &p->intake.candidates;
	const struct device *d;
	struct devid id;

	if (!candidate_at(c, p, v, i, &id))
		return 0;
	/* Of the rows some were in memory, and have been taken in by that. */
	if (p->spec->targets_all && i >= v->known_count &&
	    (d = device_find(c, id.key)) != NULL && campaign_has(p, d))
		return 0;
	return target_of_id(c, p, &id);
}

/* --- stages ----------------------------------------------------------------*/

bool
intake_busy(const struct campaign *p)
{
	return p->intake.stage == INTAKE_LIST ||
	    p->intake.stage == INTAKE_WAVES || p->intake.stage == INTAKE_RECORD;
}

/* What only the stage needs that ends. */
static void
leave(struct intake *in)
{
	wave_pick_free(in->pick);
	in->pick = NULL;
	candidates_done(&in->candidates);
}

static void
enter(struct core *c, struct campaign *p, enum intake_stage stage)
{
	leave(&p->intake);
	p->intake.stage = stage;
	p->intake.pos = 0;
	if (intake_busy(p))
		timer_set(c, &c->intake_timers, &p->intake.timer,
		    c->now.at_ms + 1);
	else
		schedule_arm(c, p);
}

void
intake_drop(struct core *c, struct campaign *p)
{
	timer_set(c, &c->intake_timers, &p->intake.timer, INT64_MAX);
	opbuf_done(&p->intake.ops);
	leave(&p->intake);
	p->intake.stage = INTAKE_NONE;
	p->intake.begin = false;
}

void
intake_list(struct core *c, struct campaign *p)
{
	assert(p->target_count == 0);
	opbuf_done(&p->intake.ops);
	memset(p->left_out, 0, sizeof(p->left_out));
	p->intake.excluded_gen = c->excluded_gen;
	p->intake.fleet_gen = c->fleet_gen;
	enter(c, p, INTAKE_LIST);
	if (candidates_begin(c, p, &p->intake.candidates) < 0)
		core_fail(c);
}

static void
list_anew(struct core *c, struct campaign *p)
{
	campaign_drop_targets(p);
	intake_list(c, p);
}

static void
listed(struct core *c, struct campaign *p)
{
	size_t n = candidates_count(c, p, &p->intake.candidates);
	size_t end = MIN_OF(p->intake.pos + core_piece(c), n);

	/* Its rows are others now. */
	if (p->spec->targets_all && p->intake.fleet_gen != c->fleet_gen) {
		list_anew(c, p);
		return;
	}
	free(p->by_key);
	p->by_key = NULL;
	/* At once for all: to grow costs more than a piece. */
	if (idmap_reserve(&c->devices, c->devices.len + n -
		MAX_OF(p->intake.pos, p->intake.candidates.known_count)) < 0)
		core_fail(c);
	for (; p->intake.pos < end && !c->failed; p->intake.pos++)
		if (target_of(c, p, p->intake.pos) < 0)
			core_fail(c);
	if (end == n)
		enter(c, p, INTAKE_WAVES);
}

static void
placed(struct core *c, struct campaign *p)
{
	int r = -1;

	if (p->intake.pick == NULL)
		p->intake.pick = wave_pick_new(p);
	if (p->intake.pick != NULL)
		r = wave_pick_step(c, p->intake.pick, core_piece(c));
	if (r < 0)
		core_fail(c);
	if (r > 0)
		enter(c, p, p->intake.begin ? INTAKE_RECORD : INTAKE_LISTED);
}

static void
recorded(struct core *c, struct campaign *p)
{
	size_t end = MIN_OF(p->intake.pos + core_piece(c), p->target_count);

	for (size_t i = p->intake.pos; i < end; i++) {
		(void)device_more(c, p->target[i]->device);
		opbuf_add(&p->intake.ops, OP_TARGET, &p->target[i]->rec);
	}
	p->intake.ticket = c->fx->ticket;
	p->intake.pos = end;
	if (end == p->target_count)
		enter(c, p, INTAKE_READY);
}

static void
step(struct core *c, struct campaign *p)
{
	switch (p->intake.stage) {
	case INTAKE_LIST:
		listed(c, p);
		break;
	case INTAKE_WAVES:
		placed(c, p);
		break;
	case INTAKE_RECORD:
		recorded(c, p);
		break;
	case INTAKE_NONE:
	case INTAKE_LISTED:
	case INTAKE_READY:
		break;
	}
}

void
intake_timer(struct core *c, struct campaign *p)
{
	/* Aborted, for instance. */
	if (p->rec.started_wall != 0 || campaign_only_settles(p)) {
		intake_drop(c, p);
		return;
	}
	if (p->intake.ticket > c->ticket_durable)
		return;
	step(c, p);
	if (intake_busy(p) && p->intake.ticket <= c->ticket_durable)
		timer_set(c, &c->intake_timers, &p->intake.timer,
		    c->now.at_ms + 1);
}

void
intake_durable(struct core *c)
{
	for (size_t i = 0; i < c->campaign_count; i++) {
		struct campaign *p = c->campaign[i];

		if (intake_busy(p) && p->intake.timer.pos == 0 &&
		    p->intake.ticket <= c->ticket_durable)
			timer_set(c, &c->intake_timers, &p->intake.timer,
			    c->now.at_ms + 1);
	}
}

/* Somebody was excluded, or is no more, since the list was gone through; or
 * tags are others. */
static bool
outdated(const struct core *c, const struct campaign *p)
{
	return p->intake.excluded_gen != c->excluded_gen ||
	    (narrowed(p->spec) && p->intake.fleet_gen != c->fleet_gen);
}

bool
intake_ready(struct core *c, struct campaign *p)
{
	enum intake_stage stage = p->intake.stage;

	if (stage == INTAKE_NONE
	    ? !intake_moves(c, p) || !intake_wanted(c, p)
	    : stage == INTAKE_READY && !outdated(c, p))
		return true;
	p->intake.begin = true;
	if (p->rec.state != CAMPAIGN_SCHEDULED)
		campaign_set(c, p, CAMPAIGN_SCHEDULED, PAUSE_NONE,
		    "begins when its targets are taken in");
	/* By now more models and versions may be known. */
	if (stage == INTAKE_NONE || outdated(c, p) ||
	    (stage == INTAKE_LISTED && narrowed(p->spec)))
		list_anew(c, p);
	else if (stage == INTAKE_LISTED)
		enter(c, p, INTAKE_WAVES);
	return false;
}

void
intake_all(struct core *c, struct campaign *p)
{
	while (!c->failed && (p->intake.stage == INTAKE_LIST ||
		p->intake.stage == INTAKE_WAVES))
		step(c, p);
	intake_drop(c, p);
}
