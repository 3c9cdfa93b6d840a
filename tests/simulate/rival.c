#include "config.h"
#include "tests/simulate/rival.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_PRIORITY 50

void
rival_reprioritise(struct rival *r)
{
	/* Alike too: then the older one comes first. */
	r->priority = FIRST_PRIORITY - 1 + (int)prng_below(&r->chance, 3);
}

void
rival_draw(struct rival *r, uint64_t seed, int devices)
{
	memset(r, 0, sizeof(*r));
	prng_init(&r->chance, seed ^ UINT64_C(0x726976616c));
	r->dark_max = prng_below(&r->chance, 2) == 0
	    ? 20 : 1 + (int)prng_below(&r->chance, 2);
	r->drawn = prng_below(&r->chance, 3) == 0;
	r->devices = 1 + (int)prng_below(&r->chance, (uint64_t)devices);
	rival_reprioritise(r);
}

struct campaign_spec *
rival_file(const struct rival *r, const struct devid *devices)
{
	struct campaign_spec *s = spec_new();
	size_t n = (size_t)r->devices;

	assert(s != NULL);
	(void)snprintf(s->name, sizeof(s->name), "%s", RIVAL_NAME);
	(void)snprintf(s->digest, sizeof(s->digest), "r%d", r->priority);
	(void)snprintf(s->targets_digest, sizeof(s->targets_digest), "t2");
	s->approval_required = false;
	s->windows_always = true;
	s->priority = r->priority;
	s->pace.start_per_hour = 3600;
	s->rule_count = 0;
	s->devices = calloc(n, sizeof(*s->devices));
	assert(s->devices != NULL);
	memcpy(s->devices, devices, n * sizeof(*s->devices));
	s->device_count = n;
	return s;
}

bool
rival_is(const struct core *c, int64_t campaign)
{
	const struct campaign *p = campaign_find(c, RIVAL_NAME);

	return p != NULL && p->rec.id == campaign;
}

bool
rival_row(struct rival *r, const struct core *c, const struct op *op)
{
	switch (op->kind) {
	case OP_CAMPAIGN:
		if (!rival_is(c, op->campaign->id))
			return false;
		r->rec = *op->campaign;
		r->known = true;
		return true;
	case OP_TARGET:
		if (!rival_is(c, op->target->campaign))
			return false;
		assert(op->target->ordinal < RIVAL_DEVICES);
		r->target[op->target->ordinal] = *op->target;
		r->targets = MAX_OF(r->targets, (int)op->target->ordinal + 1);
		return true;
	case OP_WAVE:
		if (!rival_is(c, op->wave->campaign))
			return false;
		assert(op->wave->number == 0);
		r->wave = *op->wave;
		return true;
	default:
		return false;
	}
}

int
rival_load_targets(const struct rival *r, struct core *c)
{
	if (r->known && r->wave.name[0] != '\0' &&
	    core_load_wave(c, &r->wave) < 0)
		return -1;
	for (int i = 0; i < r->targets; i++)
		if (core_load_target(c, &r->target[i]) < 0)
			return -1;
	return 0;
}

const char *
rival_forbid(const struct core *c, const struct attempt_rec *a)
{
	const struct device *d = device_find(c, a->device);
	const struct target *mine = NULL, *t;
	const struct campaign_rec *p, *q;

	for (t = d->targets; t != NULL; t = t->next_of_device)
		if (t->campaign->rec.id == a->campaign)
			mine = t;
	if (mine == NULL)
		return "of no target";
	/* The new one is not in the dark. */
	if (mine->campaign->dark >= (size_t)mine->campaign->spec->pace.dark_max)
		return "over dark_max";
	p = &mine->campaign->rec;
	for (t = d->targets; t != NULL; t = t->next_of_device) {
		int more = t->campaign->spec->priority -
		    mine->campaign->spec->priority;

		q = &t->campaign->rec;
		if (t == mine || q->state != CAMPAIGN_RUNNING ||
		    target_state_terminal(t->rec.state))
			continue;
		if (more > 0 || (more == 0 && q->id < p->id))
			return "of the campaign that comes second";
	}
	return NULL;
}
