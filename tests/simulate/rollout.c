#include "config.h"
#include "tests/simulate/rollout.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define FULL INT64_C(1000000)

static struct spec_gate
draw_gate(struct prng *g, int64_t count)
{
	static const int64_t share[] = {0, FULL / 2, FULL * 8 / 10, FULL};
	struct spec_gate v = {.given = true};

	v.success_ppm = share[prng_below(g, 4)];
	v.unknown_max_ppm = share[1 + prng_below(g, 3)];
	v.min_done = (int64_t)prng_below(g, (uint64_t)count + 2);
	v.soak_ms = prng_below(g, 2) == 0
	    ? 0 : (int64_t)prng_below(g, 4) * HOUR + MINUTE;
	v.deadline_ms = prng_below(g, 3) == 0
	    ? (int64_t)(1 + prng_below(g, 20)) * HOUR : 0;
	v.hold = prng_below(g, 4) == 0;
	return v;
}

static void
draw_rules(struct rollout *r)
{
	static const enum cause causes[] = {CAUSE_BAD_URL, CAUSE_NO_ACK,
	    CAUSE_DOWNLOAD_FAILED, CAUSE_UPDATE_FAILED, CAUSE_SILENT};
	struct prng *g = &r->chance;

	r->rules = prng_below(g, 2) == 0 ? 0 : 1 + prng_below(g, 3);
	for (size_t i = 0; i < r->rules; i++) {
		struct spec_rule *v = &r->rule[i];

		v->any = prng_below(g, 3) == 0;
		v->cause = causes[prng_below(g, 5)];
		v->scope = (enum rule_scope)prng_below(g, 3);
		v->waves = prng_below(g, 3) == 0 ? 1 : 0;
		if (prng_below(g, 2) == 0) {
			v->count = (int64_t)(1 + prng_below(g, 3));
		} else {
			v->rate_ppm = (int64_t)(1 + prng_below(g, 9)) *
			    FULL / 10;
			v->min_sample = (int64_t)(1 + prng_below(g, 3));
		}
		v->act = prng_below(g, 20) == 0 ? RULE_ABORT : RULE_PAUSE;
	}
}

void
rollout_draw(struct rollout *r, uint64_t seed, int devices)
{
	*r = (struct rollout){.waves = 1};
	prng_init(&r->chance, seed ^ UINT64_C(0x7761766573));
	if (prng_below(&r->chance, 2) == 0)
		r->waves = 2 + (int)prng_below(&r->chance, ROLLOUT_WAVES - 1);
	for (int i = 0; i + 1 < r->waves; i++) {
		r->count[i] = (int64_t)(1 +
		    prng_below(&r->chance, (uint64_t)devices));
		r->gate[i] = draw_gate(&r->chance, r->count[i]);
	}
	if (r->waves > 1 && prng_below(&r->chance, 3) == 0)
		r->gate[r->waves - 1] = draw_gate(&r->chance, devices);
	draw_rules(r);
}

void
rollout_into(const struct rollout *r, struct campaign_spec *s)
{
	if (spec_waves_new(s, (size_t)r->waves) < 0)
		abort();
	for (int i = 0; i < r->waves; i++) {
		struct spec_wave *w = &s->waves[i];

		(void)snprintf(w->name, sizeof(w->name), "w%d", i);
		w->take = i + 1 == r->waves ? TAKE_REST : TAKE_COUNT;
		w->count = r->count[i];
		w->gate = r->gate[i];
	}
	s->rule_count = r->rules;
	for (size_t i = 0; i < r->rules; i++)
		s->rules[i] = r->rule[i];
}

void
rollout_row(struct rollout *r, const struct wave_rec *row,
    struct wave_rec *ret_before)
{
	assert(row->number >= 0 && row->number < r->waves);
	*ret_before = r->wave[row->number];
	r->wave[row->number] = *row;
}

struct sums {
	int64_t succeeded, failed, unverified, open;
};

static struct sums
sums_of(const struct target_rec *t, int targets, int wave)
{
	struct sums s = {0};

	for (int i = 0; i < targets; i++) {
		if (t[i].wave != wave)
			continue;
		s.succeeded += t[i].state == TARGET_SUCCEEDED;
		s.failed += t[i].state == TARGET_FAILED;
		s.unverified += t[i].state == TARGET_UNVERIFIED;
		s.open += t[i].state == TARGET_WAITING ||
		    t[i].state == TARGET_ACTIVE ||
		    t[i].state == TARGET_BACKOFF;
	}
	return s;
}

/* A gate passes on its figures, or because somebody forced it. */
static const char *
check_passed(const struct spec_gate *g, const struct wave_rec *before,
    struct sums s, bool finished, int64_t alive_ms)
{
	int64_t done = s.succeeded + s.failed + s.unverified;

	if (s.succeeded * FULL < g->success_ppm * done)
		return "a gate passed below its success";
	if (s.unverified * FULL > g->unknown_max_ppm * done)
		return "a gate passed above its unknown_max";
	if (g->min_done > 0 && done < g->min_done && s.open > 0)
		return "a gate passed below its min_done";
	if (done == 0 && s.open > 0)
		return "a gate passed before anybody was done";
	if (finished || g->soak_ms == 0)
		return NULL;
	if (before->state != WAVE_SOAKING && before->state != WAVE_HELD)
		return "a gate passed without its soak";
	if (before->state == WAVE_SOAKING &&
	    alive_ms - before->met_at < g->soak_ms)
		return "a gate passed before its soak was over";
	return NULL;
}

const char *
rollout_check(const struct rollout *r, const struct wave_rec *before,
    const struct wave_rec *now, const struct target_rec *t, int targets,
    bool finished, int64_t alive_ms)
{
	const struct spec_gate *g = &r->gate[now->number];

	if (now->approved_wall != 0 || now->state == before->state)
		return NULL;
	if (before->state == WAVE_PASSED)
		return "a wave that had passed did so no more";
	if (before->state == WAVE_WAITING)
		for (int i = 0; i < now->number; i++)
			if (r->wave[i].state != WAVE_PASSED)
				return "a wave opened before its turn";
	if (now->state == WAVE_PASSED && g->hold && before->state !=
	    WAVE_HELD && !finished)
		return "a gate that holds did not";
	if (now->state == WAVE_PASSED && g->given)
		return check_passed(g, before, sums_of(t, targets,
		    now->number), finished, alive_ms);
	return NULL;
}

const char *
rollout_forbid(const struct rollout *r, const struct target_rec *t)
{
	return r->wave[t->wave].state == WAVE_WAITING
	    ? "of a wave that is not open" : NULL;
}

bool
rollout_operator(struct rollout *r, bool calm, struct oper *ret, size_t *pos)
{
	while (*pos < (size_t)r->waves) {
		const struct wave_rec *w = &r->wave[(*pos)++];

		if (w->state == WAVE_PASSED || r->waves == 1)
			continue;
		if (!calm && prng_below(&r->chance, 4) != 0)
			continue;
		ret->kind = OPER_WAVE_APPROVE;
		ret->wave = w->name;
		ret->force = calm || prng_below(&r->chance, 6) == 0;
		if (w->name[0] != '\0')
			return true;
	}
	return false;
}
