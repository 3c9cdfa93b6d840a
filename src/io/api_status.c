#include "config.h"
#include "io/api_int.h"

#include <stdio.h>
#include <string.h>

/* A limit: what it is, where it stands, how often it bit. Negative: null. */
static void
limit_add(json_t *all, const char *name, int64_t limit, int64_t now,
    int64_t hits)
{
	json_t *j = json_pack("{s:o, s:o, s:o}",
	    "limit", api_int_or_null(limit < 0 ? -1 : limit, -1),
	    "now", api_int_or_null(now < 0 ? -1 : now, -1),
	    "hits", api_int_or_null(hits < 0 ? -1 : hits, -1));

	/* Status with a limit missing is better than none. */
	(void)json_object_set_new(all, name, j);
}

static void
tracker_limits(json_t *j, const struct trackers_stats *t)
{
	const uint64_t *n = t->counter;

	limit_add(j, "connections", t->max_connections,
	    (int64_t)t->connections, (int64_t)n[TRACKERS_REFUSED_MAX]);
	limit_add(j, "connections_per_address",
	    t->max_connections_per_address > 0 ?
	    t->max_connections_per_address : -1, -1,
	    (int64_t)n[TRACKERS_REFUSED_ADDRESS]);
	limit_add(j, "unidentified", t->max_unidentified,
	    (int64_t)t->unidentified,
	    (int64_t)n[TRACKERS_REFUSED_UNIDENTIFIED]);
	limit_add(j, "proxy_refused", -1, -1,
	    (int64_t)n[TRACKERS_REFUSED_PROXY]);
	limit_add(j, "proxy_header_ms", t->proxy_timeout_ms, -1,
	    (int64_t)n[TRACKERS_PROXY_BAD]);
	limit_add(j, "descriptors", t->descriptors_max, -1,
	    (int64_t)n[TRACKERS_EMFILE]);
	limit_add(j, "frame_bytes", (int64_t)t->frame_max, -1,
	    (int64_t)t->bad_frame[FRAME_WHY_OVERSIZE]);
	limit_add(j, "bad_frames", t->bad_frames_max, -1,
	    (int64_t)n[TRACKERS_BAD_FRAMES_CLOSED]);
	limit_add(j, "identify_ms", t->identify_timeout_ms, -1,
	    (int64_t)n[TRACKERS_IDENTIFY_TIMEOUT]);
	limit_add(j, "frame_ms", t->identify_timeout_ms, -1,
	    (int64_t)n[TRACKERS_PARTIAL_TIMEOUT]);
	limit_add(j, "idle_ms", t->idle_timeout_ms, -1,
	    (int64_t)n[TRACKERS_IDLE_TIMEOUT]);
	limit_add(j, "output_ms", t->owed_timeout_ms, -1,
	    (int64_t)n[TRACKERS_OWED_TIMEOUT]);
	limit_add(j, "output_bytes", (int64_t)t->output_max, -1,
	    (int64_t)n[TRACKERS_OUTPUT_CLOSED]);
	limit_add(j, "relay_hold_bytes",
	    t->relay.upstreams > 0 ? (int64_t)t->relay.hold_max : -1,
	    (int64_t)t->relay.held_bytes, (int64_t)t->relay.hold_closed);
	limit_add(j, "relay_replies", -1, -1,
	    (int64_t)t->relay.replies_dropped);
	limit_add(j, "tracker_memory", -1, -1, (int64_t)n[TRACKERS_NO_MEMORY]);
}

static void
core_limits(json_t *j, const struct api_status *st,
    const struct view_status *v)
{
	limit_add(j, "in_flight", st->limit_in_flight, (int64_t)v->in_flight,
	    (int64_t)v->held_in_flight);
	limit_add(j, "dark", -1, (int64_t)v->dark, (int64_t)v->held_dark);
	limit_add(j, "starts_per_hour", st->limit_start_per_hour, -1,
	    (int64_t)v->held_start_rate);
	limit_add(j, "reads_per_hour", st->limit_read_per_hour, -1,
	    (int64_t)v->held_read_rate);
	limit_add(j, "observed", (int64_t)v->observed_max,
	    (int64_t)v->devices_observed, (int64_t)v->observed_evicted);
	limit_add(j, "registered",
	    v->registered_max > 0 ? (int64_t)v->registered_max : -1,
	    (int64_t)v->devices_registered, (int64_t)v->registered_refused);
	limit_add(j, "quarantined", (int64_t)v->quarantined_max,
	    (int64_t)v->quarantined, (int64_t)v->quarantine_refused);
	limit_add(j, "timeline_frames", v->frames_kept_max, -1,
	    (int64_t)v->frames_not_kept);
}

static void
file_limits(json_t *j, const struct fwfile_stats *f,
    const struct view_status *v)
{
	/* Off: none of its limits is in force. */
	bool on = f->max_connections > 0;

	limit_add(j, "downloads", on && v->file_downloads_max > 0 ?
	    v->file_downloads_max : -1, (int64_t)v->file_slots,
	    (int64_t)v->held_files);
	limit_add(j, "file_rate", on && f->rate > 0 ? f->rate : -1, -1,
	    (int64_t)v->held_files);
	limit_add(j, "file_connections", on ? f->max_connections : -1,
	    (int64_t)f->connections, (int64_t)(f->refused_busy + f->evicted));
	limit_add(j, "file_ms", on ? f->download_timeout_ms : -1, -1,
	    (int64_t)f->timeouts);
}

static void
api_limits(json_t *j, const struct api *a)
{
	const uint64_t *n = a->hits;

	limit_add(j, "api_connections", API_CONNECTIONS_MAX,
	    (int64_t)MAX_OF(a->local.peer_count, a->tcp.peer_count),
	    (int64_t)n[API_HITS_CONNECTIONS]);
	limit_add(j, "api_buffered_bytes", API_BUFFERED_MAX,
	    (int64_t)MAX_OF(a->local.buffered, a->tcp.buffered),
	    (int64_t)n[API_HITS_BUFFERED]);
	limit_add(j, "api_streams", API_STREAMS_MAX,
	    (int64_t)MAX_OF(a->local.stream_count, a->tcp.stream_count),
	    (int64_t)n[API_HITS_STREAMS]);
	limit_add(j, "api_stream_slow", a->request_timeout_ms, -1,
	    (int64_t)n[API_HITS_STREAM_SLOW]);
	limit_add(j, "api_forbidden", -1, -1,
	    (int64_t)n[API_HITS_FORBIDDEN]);
	limit_add(j, "api_body", API_UPLOAD_MAX, -1,
	    (int64_t)n[API_HITS_BODY]);
	limit_add(j, "api_slow", a->request_timeout_ms, -1,
	    (int64_t)n[API_HITS_SLOW]);
}

static json_t *
limits_json(const struct api *a, const struct api_status *st,
    const struct view_status *v)
{
	json_t *j = json_object();

	if (j == NULL)
		return NULL;
	tracker_limits(j, &st->trackers);
	core_limits(j, st, v);
	limit_add(j, "store_queue_bytes", (int64_t)st->store_queue_max,
	    (int64_t)st->store_queue_bytes, (int64_t)st->store_queue_hits);
	file_limits(j, &st->files, v);
	api_limits(j, a);
	for (size_t i = 0; i < st->limit_count; i++)
		limit_add(j, st->limit[i].name, st->limit[i].limit,
		    st->limit[i].now, st->limit[i].hits);
	return j;
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

/* null without a platform behind us. */
static json_t *
relay_json(const struct api_status *st)
{
	const struct relay_stats *r = &st->trackers.relay;
	json_t *list;

	if (r->upstreams == 0)
		return json_null();
	if ((list = json_array()) == NULL)
		return NULL;
	for (size_t i = 0; i < st->relay_count; i++) {
		const struct relay_view *v = &st->relay[i];
		char name[RELAY_HOST_MAX + 16];

		(void)snprintf(name, sizeof name, strchr(v->host, ':') != NULL ?
		    "[%s]:%u" : "%s:%u", v->host, v->port);
		if (json_array_append_new(list, json_pack("{s:o, s:b, s:o,"
		    " s:I, s:I}", "upstream", api_text(name), "up", v->up,
		    "error", api_text_or_null(v->error),
		    "connected", (json_int_t)v->connected,
		    "waiting", (json_int_t)v->waiting)) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I,"
	    " s:I, s:I, s:I}", "upstreams", list,
	    "connected", (json_int_t)r->connected,
	    "waiting", (json_int_t)r->waiting,
	    "held_bytes", (json_int_t)r->held_bytes,
	    "bytes_up", (json_int_t)r->bytes_up,
	    "bytes_down", (json_int_t)r->bytes_down,
	    "connect_failed", (json_int_t)r->connect_failed,
	    "closed", (json_int_t)r->upstream_closed,
	    "reset", (json_int_t)r->upstream_reset,
	    "hidden", (json_int_t)r->hidden,
	    "not_hidden", (json_int_t)r->not_hidden,
	    "not_between", (json_int_t)r->not_between,
	    "foreign", (json_int_t)r->foreign);
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
	    " s:{s:o, s:I}, s:o, s:o}",
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
	    "relay", relay_json(&st),
	    "limits", limits_json(a, &st, &v)));
}
