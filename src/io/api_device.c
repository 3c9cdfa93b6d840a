#include "config.h"
#include "io/api_int.h"

#include <stdio.h>
#include <stdlib.h>
#include "base/devid.h"
#include "base/units.h"

#define TARGETS_MAX 256 /* campaigns shown of one device */
#define TIMELINE_MS 10000

/* --- a device as JSON ------------------------------------------------------*/
static json_t *
device_targets_json(struct api *a, const struct view_device *v)
{
	size_t max = MIN_OF(v->target_count, TARGETS_MAX), n;
	struct view_target *t;
	json_t *j = json_array();

	if (max == 0 || j == NULL)
		return j;
	if ((t = calloc(max, sizeof *t)) == NULL) {
		json_decref(j);
		return NULL;
	}
	n = core_view_device_targets(a->ops.core(a->ops.arg),
	    a->ops.now(a->ops.arg), v->key, t, max);
	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(j, json_pack(
		    "{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:o,"
		    " s:o}",
		    "campaign", api_text(t[i].campaign),
		    "state", target_state_name(t[i].state),
		    "phase", api_text_or_null(phase_name(t[i].phase)),
		    "cause", api_text_or_null(cause_name(t[i].cause)),
		    "hold", api_text_or_null(hold_name(t[i].hold)),
		    "blocked_by", api_text_or_null(t[i].blocked_by),
		    "missing", api_text_or_null(t[i].missing),
		    "hops", t[i].hops,
		    "attempts", t[i].attempts,
		    "retry_at", api_time(t[i].retry_wall),
		    "hold_until", api_time(t[i].hold_until_wall)));
	free(t);
	return j;
}

static json_t *
tags_json(const char *tags)
{
	struct span rest = span_str(tags), one;
	json_t *j = json_array();

	while (span_field(&rest, ';', &one)) {
		char text[256];

		if (one.n > 0 && span_copy(text, sizeof(text), one))
			(void)json_array_append_new(j, api_text(text));
	}
	return j;
}

/* By hand; null when it is not. */
static json_t *
excluded_json(const struct exclusion_rec *e)
{
	if (e == NULL)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o}",
	    "since", api_time(e->since_wall),
	    "until", api_time(e->until_wall),
	    "by", api_text(e->who),
	    "reason", api_text_or_null(e->reason));
}

static json_t *
device_json(struct api *a, const struct view_device *v)
{
	const char *transport = NULL;
	char address[80] = "";

	if (v->online)
		transport = v->transport == TRANSPORT_UDP ? "udp" : "tcp";
	if (v->conn != NULL)
		(void)trackers_peer(v->conn, address, sizeof address);
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:n}, s:o,"
	    " s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o,"
	    " s:o, s:o, s:b, s:b, s:o}",
	    "id", api_text(v->id),
	    "model", api_text_or_null(v->model),
	    "protocol", api_text_or_null(v->protocol),
	    "protocol_version", api_text_or_null(v->protocol_version),
	    "name", api_text_or_null(v->name),
	    "device_type", api_text_or_null(v->device_type),
	    "hardware", api_text_or_null(v->hardware),
	    "versions", "mcu", api_text_or_null(v->mcu), "ble",
	    "version_at", api_time(v->version_wall),
	    "online", v->online,
	    "registered", v->registered,
	    "observed", v->observed,
	    "transport", api_text(transport),
	    "last_seen", api_time(v->last_seen_wall),
	    "next_contact", api_time(v->next_contact_wall),
	    "address", api_text_or_null(address),
	    "diagnosis", api_text_or_null(v->diagnosis),
	    "quarantined_at", api_time(v->quarantined_wall),
	    "campaigns", device_targets_json(a, v),
	    "model_name", api_text_or_null(v->model_name),
	    "inventory", v->inventory,
	    "tags", tags_json(v->tags),
	    "country", api_text_or_null(v->country),
	    "timezone", api_text_or_null(v->timezone),
	    "never", v->never,
	    "allowed", v->allowed,
	    "excluded", excluded_json(v->exclusion));
}

/* False: already answered. */
static bool
view_device(struct api_call *c, struct view_device *ret)
{
	struct api *a = c->api;
	struct devid id;

	if (devid_parse(span_str(c->arg[0]), &id) < 0) {
		api_fail(c, 404, "not_found",
		    "device %s: not an id (14 to 16 of 0-9 and A-F)",
		    c->arg[0]);
		return false;
	}
	if (core_view_device(a->ops.core(a->ops.arg), a->ops.now(a->ops.arg),
	    c->arg[0], ret))
		return true;
	api_fail(c, 404, "not_found", "device %s: never heard of, and in no "
	    "list", c->arg[0]);
	return false;
}

void
api_get_device(struct api_call *c)
{
	struct view_device v;

	if (view_device(c, &v))
		api_answer(c, 200, device_json(c->api, &v));
}

void
api_get_devices(struct api_call *c)
{
	struct api *a = c->api;
	struct view_device *v;
	json_t *items;
	size_t limit, n;
	uint64_t after;
	bool more = false;

	if (!api_page(c, 'd', &limit, &after))
		return;
	v = calloc(limit, sizeof *v);
	items = json_array();
	if (v == NULL || items == NULL) {
		free(v);
		json_decref(items);
		api_answer(c, 500, NULL);
		return;
	}
	n = core_view_devices(a->ops.core(a->ops.arg),
	    a->ops.now(a->ops.arg), after, v, limit, &more);
	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(items, device_json(a, &v[i]));
	api_answer(c, 200, api_list(items, 'd', n > 0 ? v[n - 1].key : 0,
	    more));
	free(v);
}

void
api_post_device(struct api_call *c)
{
	struct oper op = {.device = c->arg[0]};
	struct view_device v;
	struct oper_result r;
	uint64_t ticket;

	if (!view_device(c, &v) || !api_operate(c, &op, &r, &ticket))
		return;
	api_wait_durable(c, ticket, json_pack("{s:b, s:o}", "ok", 1, "device",
	    api_text(v.id)));
}

/* exclude and include: of ids, too, that nobody has heard of yet. */
void
api_post_exclude(struct api_call *c)
{
	const char *text = api_field_text(c, API_FOR);
	struct oper op = {
		.device = c->arg[0],
		.cancel = api_field_true(c, API_CANCEL),
	};
	struct api *a = c->api;
	struct view_device v = {.id = c->arg[0]};
	struct oper_result r;
	struct devid id;
	uint64_t ticket;

	if (text != NULL && (units_duration(span_str(text), &op.for_ms) < 0 ||
	    op.for_ms < 1000)) {
		api_fail(c, 400, "bad_field", "for: a duration such as 12h or "
		    "7d is due, at least 1s");
		return;
	}
	if (!api_operate(c, &op, &r, &ticket))
		return;
	/* Of one that nobody has heard of all is known that was given. */
	if (!core_view_device(a->ops.core(a->ops.arg), a->ops.now(a->ops.arg),
	    c->arg[0], &v) && devid_parse(span_str(c->arg[0]), &id) == 0)
		v.id = id.text;
	api_wait_durable(c, ticket, json_pack("{s:b, s:o}", "ok", 1, "device",
	    api_text(v.id)));
}

/* --- timeline --------------------------------------------------------------*/
/* A read that is out. It outlives neither its call nor the answer. */
struct api_timeline {
	struct api_call *call;
	uint64_t device;
	size_t limit;
	json_t *items;
};

static api_event_fn on_events;

static bool
ask(struct api_timeline *t, int64_t after)
{
	struct api *a = t->call->api;

	return a->ops.timeline(a->ops.arg, t->device, after,
	    t->limit - json_array_size(t->items), on_events, t);
}

/* An attempt that ended or was put off is in none of the phases; the text says
 * what became of it. */
static json_t *
event_phase(enum phase p)
{
	switch (p) {
	case PHASE_DEFERRED:
	case PHASE_PROVISIONAL:
	case PHASE_ENDED:
		return json_null();
	case PHASE_INTENT:
		p = PHASE_SENDING;
		break;
	default:
		break;
	}
	return api_text_or_null(phase_name(p));
}

json_t *
api_event(const struct event_rec *e, const char *campaign)
{
	char serial[8];

	(void)snprintf(serial, sizeof serial, "%04X",
	    (unsigned)e->serial & 0xffffu);
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}",
	    "at", api_time(e->wall),
	    "kind", event_kind_name(e->kind),
	    "campaign", api_text_or_null(campaign),
	    "attempt", api_int_or_null(e->attempt, 0),
	    "phase", event_phase(e->phase),
	    "code", api_int_or_null(e->code, -1),
	    "serial", e->serial < 0 ? json_null() : json_string(serial),
	    "text", api_text(e->text));
}

/* The store answers fewer rows at a time than a page may have. */
static void
on_events(void *arg, int status, const struct event_rec *ev,
    const int64_t *ids, const char *const *campaigns, size_t count, bool more)
{
	struct api_timeline *t = arg;
	struct api_call *c = t->call;
	json_t *items;

	if (status < 0) {
		api_fail(c, 503, "store", "the database cannot be read");
		return;
	}
	for (size_t i = 0; i < count; i++)
		(void)json_array_append_new(t->items,
		    api_event(&ev[i], campaigns[i]));
	if (more && count > 0 && json_array_size(t->items) < t->limit) {
		if (!ask(t, ids[count - 1]))
			api_fail(c, 503, "busy",
			    "too many reads of the history wait; try again");
		return;
	}
	items = json_incref(t->items);
	/* Answered: nothing to forget any more. */
	json_decref(t->items);
	free(t);
	c->timeline = NULL;
	api_answer(c, 200, api_list(items, 'e',
	    count > 0 ? (uint64_t)ids[count - 1] : 0, more && count > 0));
}

void
api_timeline_drop(struct api_call *c)
{
	struct api_timeline *t = c->timeline;

	c->timeline = NULL;
	c->api->ops.timeline_forget(c->api->ops.arg, t);
	json_decref(t->items);
	free(t);
}

void
api_get_timeline(struct api_call *c)
{
	struct api_timeline *t;
	struct view_device v;
	uint64_t after;
	size_t limit;

	if (!view_device(c, &v) || !api_page(c, 'e', &limit, &after))
		return;
	if (after > INT64_MAX) {
		api_fail(c, 400, "bad_parameter",
		    "after: not a \"next\" of this list");
		return;
	}
	if ((t = calloc(1, sizeof *t)) == NULL ||
	    (t->items = json_array()) == NULL) {
		free(t);
		api_answer(c, 500, NULL);
		return;
	}
	t->call = c;
	t->device = v.key;
	t->limit = limit;
	c->timeline = t;
	/* Parked first: the answer may come before ask() returns. */
	api_park(c, TIMELINE_MS);
	if (!ask(t, (int64_t)after))
		api_fail(c, 503, "busy",
		    "too many reads of the history wait; try again");
}
