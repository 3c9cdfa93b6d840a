#include "config.h"
#include "io/api_int.h"

#include <stdio.h>

#define TRIAL_MS (6 * 60 * 1000) /* later than the trial's own end */

static json_t *
counts(const size_t *n, unsigned from, unsigned count,
    const char *(*name)(unsigned v))
{
	json_t *j = json_object();

	for (unsigned i = from; i < count; i++)
		if (n[i] > 0)
			(void)json_object_set_new(j, name(i),
			    json_integer((json_int_t)n[i]));
	return j;
}

static const char *
state_text(unsigned v)
{
	return target_state_name((enum target_state)v);
}

static const char *
cause_text(unsigned v)
{
	return cause_name((enum cause)v);
}

static json_t *
waves(const struct trial_result *r)
{
	json_t *j = json_array();

	for (size_t i = 0; i < r->wave_count; i++) {
		const struct trial_wave *w = &r->wave[i];

		(void)json_array_append_new(j,
		    json_pack("{s:o, s:s, s:I, s:I, s:I, s:I}",
		    "name", api_text(w->name),
		    "state", wave_state_name(w->state),
		    "total", (json_int_t)w->total,
		    "done", (json_int_t)w->done,
		    "succeeded", (json_int_t)w->succeeded,
		    "failed", (json_int_t)w->failed));
	}
	return j;
}

static json_t *
lines(const struct trial_result *r)
{
	json_t *j = json_array();

	for (size_t i = 0; i < r->line_count; i++)
		(void)json_array_append_new(j, json_pack("{s:o, s:o}",
		    "at", api_time(r->line[i].wall),
		    "text", api_text(r->line[i].text)));
	return j;
}

static json_t *
targets(const struct trial_result *r)
{
	json_t *j = counts(r->targets, 0, TARGET_STATE_COUNT_, state_text);

	(void)json_object_set_new(j, "total",
	    json_integer((json_int_t)r->total));
	return j;
}

static json_t *
trial_json(const struct api_call *c, const struct trial_result *r)
{
	char reason[REASON_MAX + 40];

	(void)snprintf(reason, sizeof reason, "%s%s%s",
	    r->reason == PAUSE_NONE ? "" : pause_reason_name(r->reason),
	    r->reason_text[0] == '\0' ? "" : ": ", r->reason_text);
	return json_pack("{s:s, s:s, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o,"
	    " s:o, s:I, s:I, s:I, s:I, s:o, s:I}",
	    "result", trial_end_name(r->end),
	    "state", campaign_state_name(r->state),
	    "reason", api_text_or_null(reason),
	    "seed", (json_int_t)c->trial_seed,
	    "devices", (json_int_t)r->devices,
	    "unreachable", (json_int_t)r->unreachable,
	    "begin_at", api_time(r->begin_wall),
	    "end_at", api_time(r->end_wall),
	    "targets", targets(r),
	    "causes", counts(r->causes, 1, CAUSE_COUNT_, cause_text),
	    "waves", waves(r),
	    "attempts", (json_int_t)r->starts,
	    "flashed", (json_int_t)r->flashed,
	    "in_flight_max", (json_int_t)r->in_flight_max,
	    "events", (json_int_t)r->events,
	    "timeline", lines(r),
	    "timeline_left_out", (json_int_t)r->lines_left_out);
}

static void
on_trial(void *arg, const struct trial_result *r, const char *err)
{
	struct api_call *c = arg;

	c->trial = false;
	if (r == NULL || r->end == TRIAL_REFUSED)
		api_fail(c, 422, "invalid", "%s", err);
	else if (r->end == TRIAL_STOPPED)
		api_fail(c, 503, "timeout", "the simulation took too long; "
		    "try fewer devices");
	else
		api_answer(c, 200, trial_json(c, r));
}

void
api_trial_drop(struct api_call *c)
{
	c->trial = false;
	c->api->ops.simulate_forget(c->api->ops.arg, c);
}

/* False: already answered. */
static bool
order_read(struct api_call *c, struct api_trial_order *ret)
{
	json_int_t n = json_integer_value(json_object_get(c->body, "devices"));
	json_int_t seed = json_integer_value(json_object_get(c->body, "seed"));

	if (n < 0 || n > TRIAL_DEVICES_MAX ||
	    (n == 0 && json_object_get(c->body, "devices") != NULL)) {
		api_fail(c, 400, "bad_field", "devices: 1 to %d",
		    TRIAL_DEVICES_MAX);
		return false;
	}
	if (seed < 0) {
		api_fail(c, 400, "bad_field", "seed: a number from 0 on");
		return false;
	}
	ret->devices = (size_t)n;
	ret->seed = c->trial_seed = (uint64_t)seed;
	return true;
}

void
api_post_simulate(struct api_call *c)
{
	struct api *a = c->api;
	struct api_trial_order o;
	struct sbuf diag, missing;
	struct api_files files;
	struct errtext err = {0};
	int r;

	if (!order_read(c, &o) || !api_files_read(c, &files))
		return;
	sbuf_init(&diag, 0);
	sbuf_init(&missing, 0);
	r = a->ops.simulate(a->ops.arg, api_field_text(c, API_FILE), &files,
	    &o, &diag, &missing, on_trial, c, &err);
	api_files_done(&files);
	if (r == -3) {
		api_fail(c, 409, "busy", "%s", err.text);
	} else if (api_files_good(c, r, &diag, &missing)) {
		/* The texts are up to 64 MiB, and no longer needed. */
		json_decref(c->body);
		c->body = NULL;
		c->trial = true;
		api_park(c, TRIAL_MS);
	}
	sbuf_done(&diag);
	sbuf_done(&missing);
}
