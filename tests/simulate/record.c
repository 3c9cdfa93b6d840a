#include "config.h"
#include "tests/simulate/world_priv.h"

#include <stdlib.h>
#include <string.h>

/* The store's durable half, and what must hold of it after each batch. */

static double
rate_depth(const struct rate *r)
{
	return r->per_hour > 3600 ? (double)r->per_hour / 3600 : 1;
}

static void
rate_refill(struct rate *r, int64_t at)
{
	r->level += (double)(at - r->at) * (double)r->per_hour / 3600000;
	if (r->level > rate_depth(r))
		r->level = rate_depth(r);
	r->at = at;
}

/* One more start is on record, which was decided then. */
static void
rate_start(struct world *w, int64_t at)
{
	struct rate *r = &w->rate;

	/* Decided before the last reload, and only now on disk. */
	if (at < r->at)
		return;
	rate_refill(r, at);
	if (r->level < 0.99 && r->resends > 0) {
		r->resends--;
		return;
	}
	if (r->level < 0.99)
		world_violated(w, "S9: a start over its rate of %lld/h, %.2f "
		    "of a token", (long long)r->per_hour, r->level);
	r->level -= 1;
}

void
rate_draw(struct rate *r, int64_t now)
{
	/* What the bucket held then is the core's to say: one more at most. */
	r->level = rate_depth(r);
	r->at = now;
	r->per_hour = prng_below(&r->chance, 3) > 0
	    ? 3600 : 4 + (int64_t)prng_below(&r->chance, 60);
}

static void
put_attempt(struct world *w, const struct attempt_rec *r, int64_t at)
{
	struct durable *d = &w->d;

	for (size_t i = 0; i < d->attempts; i++)
		if (d->attempt[i].id == r->id) {
			w->rate.resends += r->result == RESULT_DROPPED &&
			    d->attempt[i].result != RESULT_DROPPED;
			d->attempt[i] = *r;
			return;
		}
	if (r->phase == PHASE_INTENT && !rival_is(w->core, r->campaign))
		rate_start(w, at);
	if (d->attempts == d->attempts_cap) {
		d->attempts_cap = d->attempts_cap == 0 ? 64
						       : d->attempts_cap * 2;
		d->attempt = realloc(d->attempt,
		    d->attempts_cap * sizeof(*d->attempt));
		assert(d->attempt != NULL);
	}
	d->attempt[d->attempts++] = *r;
}

/* S1: at most one open attempt a device. */
static void
check_attempts(struct world *w)
{
	const struct durable *d = &w->d;

	for (int k = 0; k < w->devices; k++) {
		int open = 0;

		for (size_t n = 0; n < d->attempts; n++)
			if (d->attempt[n].device == w->core_key[k] &&
			    d->attempt[n].phase != PHASE_ENDED &&
			    d->attempt[n].phase != PHASE_DEFERRED)
				open++;
		if (open > 1)
			world_violated(w, "S1: %s has %d open attempts",
			    w->t[k].id, open);
	}
}

void
record_apply(struct world *w, const struct opbuf *ops, int64_t at)
{
	struct durable *d = &w->d;
	struct wave_rec before[ROLLOUT_WAVES];
	bool changed[ROLLOUT_WAVES] = {false};
	struct op op;
	size_t pos = 0;
	int i;

	while (opbuf_next(ops, &pos, &op)) {
		if (rival_row(&w->rival, w->core, &op))
			continue;
		switch (op.kind) {
		case OP_DEVICE:
			for (i = 0; i < d->devices; i++)
				if (d->device[i].key == op.device->key)
					break;
			d->device[i] = *op.device;
			d->devices = MAX_OF(d->devices, i + 1);
			break;
		case OP_CAMPAIGN:
			d->campaign = *op.campaign;
			d->has_campaign = true;
			break;
		case OP_TARGET:
			d->target[op.target->ordinal] = *op.target;
			d->targets = MAX_OF(d->targets,
			    (int)op.target->ordinal + 1);
			break;
		case OP_WAVE:
			i = op.wave->number;
			rollout_row(&w->rollout, op.wave, &before[i]);
			changed[i] = true;
			break;
		case OP_ATTEMPT:
			put_attempt(w, op.attempt, at);
			break;
		case OP_TUPLE:
			for (i = 0; i < d->tuples; i++)
				if (d->tuple[i].device == op.tuple->device &&
				    d->tuple[i].slot == op.tuple->slot)
					break;
			d->tuple[i] = *op.tuple;
			d->tuples = MAX_OF(d->tuples, i + 1);
			break;
		case OP_EXCLUSION:
			for (i = 0; i < d->excludeds; i++)
				if (d->excluded[i].device ==
				    op.exclusion->device)
					break;
			d->excluded[i] = *op.exclusion;
			d->excludeds = MAX_OF(d->excludeds, i + 1);
			break;
		case OP_STAMP:
			d->stamp = *op.stamp;
			break;
		case OP_FLAGS:
			d->flags = *op.flags;
			break;
		default:
			break;
		}
	}
	for (i = 0; i < ROLLOUT_WAVES; i++) {
		const char *why = !changed[i] ? NULL
		    : rollout_check(&w->rollout, &before[i],
			  &w->rollout.wave[i], d->target, d->targets,
			  d->campaign.state == CAMPAIGN_FINISHED,
			  d->stamp.alive_ms);

		if (why != NULL)
			world_violated(w, "wave %d: %s", i, why);
	}
	check_attempts(w);
}
