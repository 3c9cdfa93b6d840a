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
/* Who is left out must not change by what a device says in the middle. */
bool
intake_wanted(const struct core *c, const struct campaign *p)
{
	const struct campaign_spec *s = p->spec;

	return !s->targets_all && s->model_count == 0 && s->tag_count == 0 &&
	    s->device_count > core_piece(c);
}

bool
intake_busy(const struct campaign *p)
{
	return p->intake.stage == INTAKE_LIST ||
	    p->intake.stage == INTAKE_WAVES || p->intake.stage == INTAKE_RECORD;
}

static void
enter(struct core *c, struct campaign *p, enum intake_stage stage)
{
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
	p->intake.stage = INTAKE_NONE;
	p->intake.begin = false;
}

void
intake_list(struct core *c, struct campaign *p)
{
	assert(p->target_count == 0);
	opbuf_done(&p->intake.ops);
	p->intake.excluded_gen = c->excluded_gen;
	enter(c, p, INTAKE_LIST);
}

static void
listed(struct core *c, struct campaign *p)
{
	size_t end = MIN_OF(p->intake.pos + core_piece(c), p->spec->device_count);

	free(p->by_key);
	p->by_key = NULL;
	if (campaign_targets_of(c, p, p->intake.pos, end) < 0) {
		core_fail(c);
		return;
	}
	p->intake.pos = end;
	if (end == p->spec->device_count)
		enter(c, p, INTAKE_WAVES);
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
		if (waves_assign(c, p) < 0)
			core_fail(c);
		enter(c, p, p->intake.begin ? INTAKE_RECORD : INTAKE_LISTED);
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

/* Somebody was excluded, or is no more, since the list was gone through. */
static bool
outdated(const struct core *c, const struct campaign *p)
{
	return p->intake.excluded_gen != c->excluded_gen;
}

bool
intake_ready(struct core *c, struct campaign *p)
{
	if (p->intake.stage == INTAKE_NONE ||
	    (p->intake.stage == INTAKE_READY && !outdated(c, p)))
		return true;
	p->intake.begin = true;
	if (p->rec.state != CAMPAIGN_SCHEDULED)
		campaign_set(c, p, CAMPAIGN_SCHEDULED, PAUSE_NONE,
		    "begins when its targets are taken in");
	if (outdated(c, p)) {
		campaign_drop_targets(p);
		memset(p->left_out, 0, sizeof(p->left_out));
		intake_list(c, p);
	} else if (p->intake.stage == INTAKE_LISTED) {
		/* Once more: by now more versions may be known. */
		enter(c, p, INTAKE_WAVES);
	}
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
