#include "config.h"
#include "core/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/plant.h"

/*
 * Stop rules: for each rule, and each campaign, wave or edge it counts in, how
 * many devices had an attempt that failed by its cause and how many are done,
 * since the campaign started or was last resumed. Kept as targets change; the
 * fold of their records gives the same (rules_check).
 */

#define FULL INT64_C(1000000)

static size_t
values(const struct campaign *p, const struct spec_rule *r)
{
	switch (r->scope) {
	case RULE_WAVE:
		return p->wave_count;
	case RULE_EDGE:
		return p->spec->package_count;
	default:
		return 1;
	}
}

/* Where target t counts for a rule; -1 = nowhere. */
static int
value_of(const struct target *t, const struct spec_rule *r)
{
	if (r->waves != 0 && (r->waves >> t->rec.wave & 1) == 0)
		return -1;
	if (r->scope == RULE_WAVE)
		return t->rec.wave;
	if (r->scope == RULE_EDGE)
		return t->rec.rule_edge < (int)t->campaign->spec->package_count
		    ? t->rec.rule_edge : -1;
	return 0;
}

static bool
hits(const struct target *t, const struct spec_rule *r)
{
	unsigned causes = r->scope == RULE_EDGE ? t->rec.rule_edge_causes
						: t->rec.rule_causes;

	if (t->rec.rule_seq <= t->campaign->rec.rules_since_seq)
		return false;
	return r->any ? causes != 0 : (causes >> r->cause & 1) != 0;
}

static bool
done(const struct target *t)
{
	return t->rec.ended_seq > t->campaign->rec.rules_since_seq &&
	    (t->rec.state == TARGET_SUCCEEDED ||
		t->rec.state == TARGET_FAILED ||
		t->rec.state == TARGET_UNVERIFIED);
}

static void
tally(const struct campaign *p, const struct target *t, struct rule_tally *v,
    int by)
{
	bool is_done = done(t);

	for (size_t i = 0; i < p->spec->rule_count; i++) {
		const struct spec_rule *r = &p->spec->rules[i];
		int at = value_of(t, r);
		struct rule_tally *n;

		if (at < 0)
			continue;
		n = &v[i * p->tally_width + (size_t)at];
		if (is_done)
			n->done += (size_t)by;
		if (hits(t, r))
			n->hits += (size_t)by;
	}
}

void
rules_tally(struct target *t, int by)
{
	if (t->campaign->tally != NULL)
		tally(t->campaign, t, t->campaign->tally, by);
}

/* --- made anew -------------------------------------------------------------*/

static struct rule_tally *
fold(const struct campaign *p)
{
	struct rule_tally *v =
	    calloc(p->spec->rule_count * p->tally_width + 1, sizeof(*v));

	for (size_t i = 0; i < p->target_count && v != NULL; i++)
		tally(p, p->target[i], v, 1);
	return v;
}

/* At start, and when the file changed: rules may be others now. */
int
rules_make(struct core *c, struct campaign *p)
{
	free(p->tally);
	p->tally_width = MAX_OF(MAX_OF(p->wave_count, p->spec->package_count),
	    (size_t)1);
	p->tally = fold(p);
	campaign_mark(c, p);
	return p->tally == NULL ? -1 : 0;
}

/* The campaign runs (again): everything before is seen and forgiven. */
void
rules_begin(struct core *c, struct campaign *p)
{
	p->rec.rules_since_seq = core_seq(c);
	if (p->tally != NULL)
		memset(p->tally, 0, p->spec->rule_count * p->tally_width *
		    sizeof(*p->tally));
}

int
rules_check(const struct campaign *p, struct errtext *err)
{
	size_t n = p->spec->rule_count * p->tally_width;
	struct rule_tally *v;
	int r = 0;

	if (p->tally == NULL)
		return 0;
	if ((v = fold(p)) == NULL)
		return errtext_set(err, -1, "no memory");
	for (size_t i = 0; i < n && r == 0; i++)
		if (v[i].hits != p->tally[i].hits ||
		    v[i].done != p->tally[i].done)
			r = errtext_set(err, -1,
			    "%s: rule %zu: %zu of %zu, counted %zu of %zu",
			    p->rec.name, i / p->tally_width, p->tally[i].hits,
			    p->tally[i].done, v[i].hits, v[i].done);
	free(v);
	return r;
}

/* --- attempts --------------------------------------------------------------*/

/* The last attempt of t ended; cause NONE: not by a failure that counts. What it
 * counted for while it was provisional is taken back. */
void
rules_attempt(struct core *c, struct target *t, enum cause cause,
    bool provisional)
{
	struct campaign *p = t->campaign;
	struct target_rec *r = &t->rec;
	unsigned bit = cause == CAUSE_NONE ? 0 : 1U << cause;
	int edge = t->rec.edge - 1;

	rules_tally(t, -1);
	if (!planted("rules_keep_provisional")) {
		r->rule_causes &= ~r->rule_provisional;
		r->rule_edge_causes &= ~r->rule_provisional;
	}
	r->rule_provisional = 0;
	if (r->rule_seq <= p->rec.rules_since_seq)
		r->rule_causes = r->rule_edge_causes = 0;
	if (edge != r->rule_edge) {
		r->rule_edge = edge;
		r->rule_edge_causes = 0;
	}
	if (bit != 0) {
		if (provisional)
			r->rule_provisional = bit & ~r->rule_causes;
		r->rule_causes |= bit;
		r->rule_edge_causes |= bit;
		r->rule_seq = core_seq(c);
	}
	rules_tally(t, 1);
	mark_target(c, t);
	campaign_mark(c, p);
}

/* --- verdicts --------------------------------------------------------------*/

static bool
broken(const struct spec_rule *r, const struct rule_tally *n)
{
	if (n->hits == 0)
		return false;
	if (r->count > 0)
		return (int64_t)n->hits >= r->count;
	return (int64_t)n->done >= r->min_sample &&
	    (int64_t)n->hits * FULL >= r->rate_ppm * (int64_t)n->done;
}

static void
where(const struct campaign *p, const struct spec_rule *r, size_t value,
    char *buf, size_t size)
{
	buf[0] = '\0';
	if (r->scope == RULE_WAVE) {
		(void)snprintf(buf, size, " in wave %s",
		    p->wave[value]->rec.name);
	} else if (r->scope == RULE_EDGE) {
		const struct spec_package *k = &p->spec->packages[value];

		(void)snprintf(buf, size, " from %s to %s",
		    k->from_any ? "any" : k->from,
		    k->to[0] == '\0' ? "any" : k->to);
	}
}

/* "update_failed from 0A03 to 0A05: 2 devices (rule: count 2), 7 done" */
static void
rule_text(const struct campaign *p, const struct spec_rule *r, size_t value,
    const struct rule_tally *n, char text[REASON_MAX])
{
	char at[CAMPAIGN_NAME_MAX + 32];
	const char *cause = r->any ? "any" : cause_name(r->cause);

	where(p, r, value, at, sizeof(at));
	if (r->count > 0)
		(void)snprintf(text, REASON_MAX,
		    "%s%s: %zu devices (rule: count %" PRId64 "), %zu done",
		    cause, at, n->hits, r->count, n->done);
	else
		(void)snprintf(text, REASON_MAX,
		    "%s%s: %zu devices of %zu done, %.1f %% (rule: rate %.4g "
		    "%% of at least %" PRId64 ")",
		    cause, at, n->hits, n->done,
		    (double)n->hits * 100 / (double)n->done,
		    (double)r->rate_ppm / 10000, r->min_sample);
}

static void
stop(struct core *c, struct campaign *p, const struct spec_rule *r,
    const char *text)
{
	core_audit(c, "daemon", r->act == RULE_ABORT ? "campaign_abort"
						     : "campaign_pause",
	    p->rec.name, text);
	if (r->act == RULE_ABORT)
		campaign_abort(c, p, PAUSE_RULE, text);
	else
		campaign_set(c, p, CAMPAIGN_PAUSED, PAUSE_RULE, text);
}

void
rules_judge(struct core *c, struct campaign *p)
{
	char text[REASON_MAX];

	if (p->rec.state != CAMPAIGN_RUNNING || p->tally == NULL)
		return;
	for (size_t i = 0; i < p->spec->rule_count; i++) {
		const struct spec_rule *r = &p->spec->rules[i];

		for (size_t v = 0; v < values(p, r); v++) {
			const struct rule_tally *n =
			    &p->tally[i * p->tally_width + v];

			if (!broken(r, n))
				continue;
			rule_text(p, r, v, n, text);
			stop(c, p, r, text);
			return;
		}
	}
}
