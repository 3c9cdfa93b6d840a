#include "config.h"
#include "io/api_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/sbuf.h"

/* --- a campaign as JSON ----------------------------------------------------*/
typedef const char *name_fn(unsigned v);

static const char *
target_state_text(unsigned v)
{
	return target_state_name((enum target_state)v);
}

static const char *
cause_text(unsigned v)
{
	return cause_name((enum cause)v);
}

static const char *
hold_text(unsigned v)
{
	return hold_name((enum hold)v);
}

/* Counts by name; from = 1 skips the unnamed first, zeros: keep them. */
static bool
add_counts(json_t *j, const size_t *n, unsigned from, unsigned count,
    name_fn *name, bool zeros)
{
	for (unsigned i = from; i < count; i++)
		if ((n[i] > 0 || zeros) && json_object_set_new(j, name(i),
		    json_integer((json_int_t)n[i])) < 0)
			return false;
	return true;
}

static json_t *
counts_json(const size_t *n, unsigned count, name_fn *name)
{
	json_t *j = json_object();

	if (!add_counts(j, n, 1, count, name, false)) {
		json_decref(j);
		return NULL;
	}
	return j;
}

static json_t *
targets_json(const struct view_campaign *v)
{
	json_t *j = json_pack("{s:I}", "total", (json_int_t)v->total);

	if (!add_counts(j, v->targets, 0, TARGET_STATE_COUNT_,
	    target_state_text, true)) {
		json_decref(j);
		return NULL;
	}
	return j;
}

/* "rule: bad_url 2 of 2", or the word alone. */
static json_t *
reason_json(const struct view_campaign *v)
{
	char buf[REASON_MAX + 40];

	/* What a scheduled one waits for, where it is no time. */
	if (v->reason == PAUSE_NONE && v->reason_text[0] != '\0' &&
	    (v->state == CAMPAIGN_DRAFT || v->state == CAMPAIGN_SCHEDULED))
		return api_text(v->reason_text);
	if (v->reason == PAUSE_NONE)
		return json_null();
	(void)snprintf(buf, sizeof buf, "%s%s%s",
	    pause_reason_name(v->reason),
	    v->reason_text[0] == '\0' ? "" : ": ", v->reason_text);
	return api_text(buf);
}

/* The window that is open, or the next one; null when they are always open or
 * none is known. */
static json_t *
window_json(const struct view_campaign *v)
{
	if (v->window_from_wall == 0)
		return json_null();
	return json_pack("{s:o, s:o, s:o}",
	    "begin", api_time(v->window_from_wall),
	    "end", api_time(v->window_to_wall),
	    "timezone", api_text(v->timezone));
}

static json_t *
schedule_json(const struct view_campaign *v)
{
	return json_pack("{s:o, s:o, s:s}",
	    "start", api_time(v->schedule_start_wall),
	    "end", api_time(v->schedule_end_wall),
	    "at_end", v->schedule_cancel ? "cancel" : "stop");
}

static json_t *
campaign_json(struct api_call *c, const struct view_campaign *v,
    const struct view_looks *looks)
{
	return json_pack("{s:o, s:o, s:s, s:o, s:i, s:i, s:o, s:o, s:o, s:o,"
	    " s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
	    "name", api_text(v->name),
	    "description", api_text(v->description),
	    "state", campaign_state_name(v->state),
	    "reason", reason_json(v),
	    "priority", v->priority,
	    "revision", v->revision,
	    "digest", api_text(v->digest),
	    "target_version", api_text(v->target_version),
	    "targets", targets_json(v),
	    "causes", counts_json(v->causes, CAUSE_COUNT_, cause_text),
	    "holds", counts_json(v->holds, HOLD_COUNT_, hold_text),
	    "waves", api_waves(c, v, looks),
	    "attempts", (json_int_t)v->attempts,
	    "in_flight", (json_int_t)v->in_flight,
	    "dark", (json_int_t)v->dark,
	    "created_at", api_time(v->created_wall),
	    "started_at", api_time(v->started_wall),
	    "finished_at", api_time(v->finished_wall),
	    "rate", v->per_hour > 0 ? json_real(v->per_hour) : json_null(),
	    "eta", api_time(v->eta_wall),
	    "window", window_json(v),
	    "schedule", schedule_json(v));
}

json_t *
api_campaign_brief(const struct api *a, const struct view_campaign *v)
{
	const struct core *core = a->ops.core(a->ops.arg);
	json_t *waves = json_array();
	enum wave_state state;
	const char *name;

	for (size_t i = 0; waves != NULL &&
	    core_view_wave_state(core, v->name, i, &name, &state); i++)
		(void)json_array_append_new(waves, json_pack("{s:o, s:s}",
		    "name", api_text(name), "state", wave_state_name(state)));
	return json_pack("{s:o, s:s, s:o, s:o, s:I, s:I, s:o}",
	    "name", api_text(v->name),
	    "state", campaign_state_name(v->state),
	    "reason", reason_json(v),
	    "targets", targets_json(v),
	    "in_flight", (json_int_t)v->in_flight,
	    "dark", (json_int_t)v->dark,
	    "waves", waves);
}

bool
api_view_campaign(struct api_call *c, struct view_campaign *ret)
{
	struct api *a = c->api;

	if (core_view_campaign_brief(a->ops.core(a->ops.arg),
		a->ops.now(a->ops.arg), c->arg[0], ret))
		return true;
	api_fail(c, 404, "not_found", "campaign %s: no such campaign", c->arg[0]);
	return false;
}

static bool
look_at_one(struct api_looks *l, size_t *room)
{
	struct api_call *c = l->call;
	struct api *a = c->api;
	const struct core *core = a->ops.core(a->ops.arg);
	struct view_campaign v;

	if (!core_view_looks(core, c->arg[0], room, &l->at))
		return false;
	if (core_view_looked(core, a->ops.now(a->ops.arg), c->arg[0], &l->at,
		&v))
		api_answer(c, 200, campaign_json(c, &v, &l->at));
	else
		api_answer(c, 500, NULL);
	return true;
}

void
api_get_campaign(struct api_call *c)
{
	struct view_campaign v;
	struct api_looks *l;

	if (api_view_campaign(c, &v) && (l = api_looks_new(c)) != NULL)
		api_looks_begin(l, look_at_one);
}

/* Those behind l->after, one after the other. */
static bool
look_at_page(struct api_looks *l, size_t *room)
{
	struct api_call *c = l->call;
	struct api *a = c->api;
	const struct core *core = a->ops.core(a->ops.arg);
	struct core_now now = a->ops.now(a->ops.arg);
	bool more = false;
	json_t *items;

	for (; l->next < core_campaign_count(core); l->next++) {
		const char *name = core_campaign_name(core, l->next);
		struct view_campaign v;

		if (!core_view_campaign_brief(core, now, name, &v) ||
		    (uint64_t)v.id <= l->after)
			continue;
		if ((more = json_array_size(l->items) == l->limit))
			break;
		if (!core_view_looks(core, name, room, &l->at))
			return false;
		(void)core_view_looked(core, now, name, &l->at, &v);
		l->last = (uint64_t)v.id;
		(void)json_array_append_new(l->items,
		    campaign_json(c, &v, &l->at));
		memset(&l->at, 0, sizeof l->at);
	}
	items = json_incref(l->items);
	api_answer(c, 200, api_list(items, 'c', l->last, more));
	return true;
}

void
api_get_campaigns(struct api_call *c)
{
	struct api_looks *l;
	uint64_t after;
	size_t limit;

	if (!api_page(c, 'c', &limit, &after) ||
	    (l = api_looks_new(c)) == NULL)
		return;
	l->items = json_array();
	l->after = after;
	l->limit = limit;
	api_looks_begin(l, look_at_page);
}

/* --- targets ---------------------------------------------------------------*/
static json_t *
target_json(const struct view_target *t)
{
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:i,"
	    " s:o, s:o, s:o, s:o}",
	    "id", api_text(t->id),
	    "state", target_state_name(t->state),
	    "phase", api_text_or_null(phase_name(t->phase)),
	    "cause", api_text_or_null(cause_name(t->cause)),
	    "hold", api_text_or_null(hold_name(t->hold)),
	    "blocked_by", api_text_or_null(t->blocked_by),
	    "missing", api_text_or_null(t->missing),
	    "wave", api_text_or_null(t->wave),
	    "hops", t->hops,
	    "attempts", t->attempts,
	    "retry_at", api_time(t->retry_wall),
	    "hold_until", api_time(t->hold_until_wall),
	    "version", api_text_or_null(t->version),
	    "diagnosis", api_text_or_null(t->diagnosis));
}

/* With the words that there are: nobody knows all of them by heart. */
static void
no_such_word(struct api_call *c, const char *what, const char *word,
    name_fn *name, unsigned count)
{
	struct sbuf b;

	sbuf_init(&b, 900);
	for (unsigned i = 0; i < count; i++)
		if (name(i)[0] != '\0')
			sbuf_addf(&b, "%s%s", b.len == 0 ? "" : ", ", name(i));
	api_fail(c, 400, "bad_parameter", "%s: %.40s: no such %s; there are %s",
	    what, word, what, sbuf_str(&b));
	sbuf_done(&b);
}

static bool
read_filter(struct api_call *c, const struct view_campaign *v,
    struct target_filter *ret)
{
	static const struct {
		enum api_param param;
		int (*parse)(const char *s);
		const char *what;
		name_fn *name;
		unsigned count;
	} words[] = {
		{API_STATE, target_state_parse, "state", target_state_text,
		    TARGET_STATE_COUNT_},
		{API_CAUSE, cause_parse, "cause", cause_text, CAUSE_COUNT_},
		{API_HOLD, hold_parse, "hold", hold_text, HOLD_COUNT_},
	};
	int *const out[] = {&ret->state, &ret->cause, &ret->hold};
	enum wave_state state;

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		const char *s = c->param[words[i].param];

		*out[i] = -1;
		if ((c->given & API_BIT(words[i].param)) == 0)
			continue;
		if ((*out[i] = words[i].parse(s)) < 0) {
			no_such_word(c, words[i].what, s, words[i].name,
			    words[i].count);
			return false;
		}
	}
	ret->wave = NULL;
	if ((c->given & API_BIT(API_WAVE)) == 0)
		return true;
	ret->wave = c->param[API_WAVE];
	if (!api_has_wave(c, v, ret->wave, &state)) {
		api_fail(c, 400, "bad_parameter",
		    "wave: campaign %s has no wave %s", v->name, ret->wave);
		return false;
	}
	return true;
}

void
api_get_targets(struct api_call *c)
{
	struct api *a = c->api;
	struct target_filter filter;
	struct view_campaign v;
	struct view_target *t;
	json_t *items;
	size_t limit;
	uint64_t last = 0;
	bool more = false;
	long n;

	if (!core_view_campaign_brief(a->ops.core(a->ops.arg),
		a->ops.now(a->ops.arg), c->arg[0], &v)) {
		api_fail(c, 404, "not_found", "campaign %s: no such campaign",
		    c->arg[0]);
		return;
	}
	if (!read_filter(c, &v, &filter) ||
	    !api_page(c, 't', &limit, &filter.after))
		return;
	t = calloc(limit, sizeof *t);
	items = json_array();
	if (t == NULL || items == NULL) {
		free(t);
		json_decref(items);
		api_answer(c, 500, NULL);
		return;
	}
	n = core_view_targets(a->ops.core(a->ops.arg),
	    a->ops.now(a->ops.arg), c->arg[0], &filter, t, limit, &last, &more);
	for (long i = 0; i < n; i++)
		(void)json_array_append_new(items, target_json(&t[i]));
	api_answer(c, 200, api_list(items, 't', last, more));
	free(t);
}

/* --- changes ---------------------------------------------------------------*/
void
api_post_campaign(struct api_call *c)
{
	struct oper op = {
		.campaign = c->arg[0],
		.digest = api_field_text(c, API_DIGEST),
		.dry_run = api_field_true(c, API_DRY_RUN),
	};
	const char *cause = api_field_text(c, API_CAUSE_OF);
	struct view_campaign v;
	struct oper_result r;
	uint64_t ticket;
	json_t *j;
	int n = cause == NULL ? CAUSE_NONE : cause_parse(cause);

	if (n < 0 || (cause != NULL && n == CAUSE_NONE)) {
		api_fail(c, 400, "bad_field", "cause: %.40s: no such cause",
		    cause);
		return;
	}
	op.cause = (enum cause)n;
	if (!api_view_campaign(c, &v) || !api_operate(c, &op, &r, &ticket) ||
	    !api_view_campaign(c, &v))
		return;
	j = json_pack("{s:b, s:o, s:s}", "ok", 1, "campaign",
	    api_text(v.name), "state", campaign_state_name(v.state));
	if (op.dry_run || c->route->oper == OPER_CAMPAIGN_ABORT) {
		json_t *figures = json_pack("{s:b, s:i, s:i, s:i}", "dry_run",
		    op.dry_run, "in_flight", r.in_flight, "stoppable",
		    r.stoppable, "flashing", r.flashing);

		(void)json_object_update(j, figures);
		json_decref(figures);
	}
	if (c->route->oper == OPER_CAMPAIGN_RETRY)
		(void)json_object_set_new(j, "retried",
		    json_integer((json_int_t)r.retried));
	api_wait_durable(c, ticket, j);
}
