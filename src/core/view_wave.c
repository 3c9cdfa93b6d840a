#include "config.h"
#include "core/view.h"

#include <string.h>

#include "core/state.h"

static int64_t
wall_of(struct core_now now, int64_t at_ms)
{
	return now.wall_ms + (at_ms - now.at_ms);
}

static void
view_gate(const struct core *c, struct core_now now, const struct wave *w,
    struct view_wave *ret)
{
	struct gate_figures f;

	wave_figures(w, &f);
	ret->done = gate_done(&f);
	if ((ret->gate = wave_gate(w)) == NULL)
		return;
	ret->met = gate_judge(ret->gate, &f) == GATE_MET;
	ret->min_done = gate_min_done(ret->gate, &f);
	(void)gate_lacks(ret->gate, &f, ret->lacks);
	if (w->rec.state == WAVE_SOAKING)
		ret->soak_until_wall = wall_of(now,
		    w->rec.met_at + core_dur(c, ret->gate->soak_ms));
	if (w->rec.state == WAVE_OPEN && w->rec.deadline_at != 0 &&
	    w->rec.paused_at == 0)
		ret->deadline_wall = wall_of(now, w->rec.deadline_at);
}

static void
view_wave(const struct core *c, struct core_now now, const struct wave *w,
    struct view_wave *ret)
{
	*ret = (struct view_wave){
	    .name = w->rec.name,
	    .state = w->rec.state,
	    .reason = w->rec.reason,
	    .total = w->total,
	    .opened_wall = w->rec.opened_wall,
	    .ended_wall = w->rec.ended_wall,
	    .approved_wall = w->rec.approved_wall,
	    .approved_by = w->rec.approved_by,
	    .approved_reason = w->rec.approved_reason,
	};
	memcpy(ret->targets, w->count, sizeof(ret->targets));
	view_gate(c, now, w, ret);
}

size_t
core_view_waves(const struct core *c, struct core_now now,
    const char *campaign, const struct view_looks *looks,
    struct view_wave *ret, size_t max)
{
	const struct campaign *p = campaign_find(c, campaign);
	size_t n;

	if (p == NULL)
		return 0;
	n = MIN_OF(p->wave_count, max);
	for (size_t i = 0; i < n; i++) {
		view_wave(c, now, p->wave[i], &ret[i]);
		ret[i].offline = looks->offline[i];
	}
	return n;
}

bool
core_view_wave_state(const struct core *c, const char *campaign, size_t i,
    const char **ret_name, enum wave_state *ret)
{
	const struct campaign *p = campaign_find(c, campaign);

	if (p == NULL || i >= p->wave_count)
		return false;
	*ret_name = p->wave[i]->rec.name;
	*ret = p->wave[i]->rec.state;
	return true;
}
