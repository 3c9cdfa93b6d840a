#include "config.h"
#include "io/api_int.h"

/* A limit: what it is, where it stands, how often it bit. */
static json_t *
limit_json(json_t *limit, size_t now, json_t *hits)
{
	return json_pack("{s:o, s:I, s:o}", "limit", limit, "now",
	    (json_int_t)now, "hits", hits);
}

static json_t *
count(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *
limits_json(const struct api *a, const struct api_status *st,
    const struct view_status *v)
{
	const struct trackers_stats *t = &st->trackers;

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
	    "connections", limit_json(json_integer(t->max_connections),
	        t->connections, count(t->counter[TRACKERS_REFUSED_MAX])),
	    "unidentified", limit_json(json_null(), t->unidentified,
	        count(t->counter[TRACKERS_REFUSED_UNIDENTIFIED])),
	    "in_flight", limit_json(json_integer(st->limit_in_flight),
	        v->in_flight, json_null()),
	    "observed", limit_json(count(v->observed_max),
	        v->devices_observed, count(v->observed_evicted)),
	    "store_queue_bytes", limit_json(count(st->store_queue_max),
	        (size_t)st->store_queue_bytes, count(st->store_queue_hits)),
	    "downloads", limit_json(json_null(), st->files.downloads,
	        count(st->files.refused_busy)),
	    "api_connections", limit_json(json_integer(API_CONNECTIONS_MAX),
	        a->peer_count, count(a->hits[API_HITS_CONNECTIONS])),
	    "api_buffered_bytes", limit_json(json_integer(API_BUFFERED_MAX),
	        a->buffered, count(a->hits[API_HITS_BUFFERED])),
	    "api_body", limit_json(json_null(), 0,
	        count(a->hits[API_HITS_BODY])),
	    "api_slow", limit_json(json_null(), 0,
	        count(a->hits[API_HITS_SLOW])));
}

/* The heaviest word wins; reasons tell the rest. */
static const char *
state_word(const struct view_status *v, const struct api_status *st)
{
	if (v->draining)
		return "draining";
	if (v->halted)
		return "halted";
	return st->reasons[0] != NULL ? "degraded" : "ok";
}

static json_t *
reasons_json(const struct api_status *st)
{
	json_t *j = json_array();

	for (size_t i = 0; i < ARRAY_LEN(st->reasons) &&
	    st->reasons[i] != NULL; i++)
		if (json_array_append_new(j, api_text(st->reasons[i])) < 0) {
			json_decref(j);
			return NULL;
		}
	return j;
}

void
api_get_status(struct api_call *c)
{
	struct api *a = c->api;
	struct api_status st = {0};
	struct view_status v;

	a->ops.status(a->ops.arg, &st);
	core_view_status(a->ops.core(a->ops.arg), &v);
	api_answer(c, 200, json_pack(
	    "{s:o, s:s, s:o, s:I, s:I, s:{s:I, s:I, s:I}, s:I, s:I,"
	    " s:{s:o, s:I}, s:n, s:o}",
	    "version", api_text(st.version),
	    "state", state_word(&v, &st),
	    "reasons", reasons_json(&st),
	    "uptime_s", (json_int_t)(st.uptime_ms / 1000),
	    "connections", (json_int_t)st.trackers.connections,
	    "devices",
	    "known", (json_int_t)v.devices_known,
	    "online", (json_int_t)v.devices_online,
	    "observed", (json_int_t)v.devices_observed,
	    "in_flight", (json_int_t)v.in_flight,
	    "dark", (json_int_t)v.dark,
	    "store",
	    "state", api_text(st.store_state),
	    "wal_bytes", (json_int_t)st.wal_bytes,
	    "relay",
	    "limits", limits_json(a, &st, &v)));
}
