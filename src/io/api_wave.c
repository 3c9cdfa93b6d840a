#include "config.h"
#include "io/api_int.h"

#include <stdlib.h>
#include <string.h>

/* Percent with the decimals that a file can give. */
static json_t *
percent(int64_t ppm)
{
	return ppm % 10000 == 0 ? json_integer((json_int_t)(ppm / 10000))
				: json_real((double)ppm / 10000);
}

static json_t *
gate_json(const struct view_wave *v)
{
	const struct spec_gate *g = v->gate;

	if (g == NULL)
		return json_null();
	return json_pack("{s:o, s:I, s:o, s:o, s:s, s:b, s:o, s:o, s:o}",
	    "success", percent(g->success_ppm),
	    "min_done", (json_int_t)v->min_done,
	    "unknown_max", percent(g->unknown_max_ppm),
	    "soak_s", json_real((double)g->soak_ms / 1000),
	    "then", g->hold ? "hold" : "next",
	    "met", v->met,
	    "lacks", api_text_or_null(v->lacks),
	    "soak_until", api_time(v->soak_until_wall),
	    "deadline_at", api_time(v->deadline_wall));
}

static json_t *
wave_json(const struct view_wave *v)
{
	const size_t *n = v->targets;

	return json_pack("{s:o, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I,"
	    " s:I, s:o, s:o, s:o, s:o, s:o, s:o}",
	    "name", api_text(v->name),
	    "state", wave_state_name(v->state),
	    "reason", api_text_or_null(v->reason),
	    "total", (json_int_t)v->total,
	    "done", (json_int_t)v->done,
	    "succeeded", (json_int_t)n[TARGET_SUCCEEDED],
	    "failed", (json_int_t)n[TARGET_FAILED],
	    "unverified", (json_int_t)n[TARGET_UNVERIFIED],
	    "skipped", (json_int_t)n[TARGET_SKIPPED],
	    "cancelled", (json_int_t)n[TARGET_CANCELLED],
	    "offline", (json_int_t)v->offline,
	    "gate", gate_json(v),
	    "opened_at", api_time(v->opened_wall),
	    "ended_at", api_time(v->ended_wall),
	    "approved_at", api_time(v->approved_wall),
	    "approved_by", api_text_or_null(v->approved_by),
	    "approved_reason", api_text_or_null(v->approved_reason));
}

json_t *
api_waves(struct api_call *c, const struct view_campaign *v,
    const struct view_looks *looks)
{
	struct view_wave *w = calloc(v->wave_count + 1, sizeof *w);
	struct api *a = c->api;
	json_t *j = json_array();
	size_t n;

	n = w == NULL ? 0
	    : core_view_waves(a->ops.core(a->ops.arg), a->ops.now(a->ops.arg),
		  v->name, looks, w, v->wave_count);
	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(j, wave_json(&w[i]));
	free(w);
	return j;
}

bool
api_has_wave(struct api_call *c, const struct view_campaign *v,
    const char *name, enum wave_state *ret)
{
	const struct core *core = c->api->ops.core(c->api->ops.arg);
	const char *have;

	for (size_t i = 0; core_view_wave_state(core, v->name, i, &have, ret);
	     i++)
		if (strcmp(have, name) == 0)
			return true;
	return false;
}

void
api_post_wave(struct api_call *c)
{
	struct oper op = {
		.campaign = c->arg[0],
		.wave = c->arg[1],
		.force = api_field_true(c, API_FORCE),
	};
	enum wave_state state = WAVE_WAITING;
	struct view_campaign v;
	struct oper_result r;
	uint64_t ticket;

	if (!api_view_campaign(c, &v) || !api_operate(c, &op, &r, &ticket) ||
	    !api_view_campaign(c, &v))
		return;
	(void)api_has_wave(c, &v, c->arg[1], &state);
	api_wait_durable(c, ticket,
	    json_pack("{s:b, s:o, s:o, s:s, s:s}", "ok", 1,
		"campaign", api_text(v.name), "wave", api_text(c->arg[1]),
		"state", wave_state_name(state),
		"campaign_state", campaign_state_name(v.state)));
}
