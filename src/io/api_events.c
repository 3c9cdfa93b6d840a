#include "config.h"
#include "io/api_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include "base/span.h"
#include "base/wtime.h"

/*
 * GET events: what happens, as server-sent events, and GET audit.
 *
 * A stream holds no queue of its own: it has a position in the feed, which is
 * on disk, and reads the next page only when the client has taken the last
 * one. So whoever is slow costs one page and loses nothing; whoever takes
 * nothing at all is cut off, and may come back with the position that he has.
 */
#define SPEAK_MS 15000 /* of silence, then a comment */
#define PACE_MS 100    /* between a change and the look at it */
#define MORE_MS 20     /* between pages of somebody who lags */
#define PAGE_MS 10000  /* GET audit */
#define RETRY_MS 3000  /* of the client, when the connection is gone */

/* Of a stream, or the one page of GET audit. It goes with its call. */
struct api_stream {
	struct list node;     /* in api.streams; not of a page */
	struct api_call *call;
	struct feed_query q;
	bool page;
	bool reading;         /* a page is on its way from the database */
	bool due;             /* there may be something behind the position */
	bool live;            /* it has caught up once */
	bool untold;          /* campaigns are to be told as they are */
	bool ready;           /* nothing is on its way to the client */
	int64_t wrote_ms;     /* when the client last had taken everything */
	int64_t spoke_ms;
};

static void on_feed(void *arg, const struct feed_page *page);

/* --- sending ---------------------------------------------------------------*/
static struct evbuffer *
waiting(const struct api_stream *s)
{
	return bufferevent_get_output(s->call->bev);
}

static bool
gone(const struct api_stream *s)
{
	char c;

	if (evhttp_request_get_connection(s->call->req) == NULL)
		return true;
	/* Nothing is read from it while it listens, so look for its end. */
	return recv(bufferevent_getfd(s->call->bev), &c, 1,
	    MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void
send_text(struct api_stream *s, struct sbuf *b)
{
	struct evbuffer *out = evbuffer_new();

	if (out != NULL && !b->failed &&
	    evbuffer_add(out, sbuf_str(b), b->len) == 0) {
		s->spoke_ms = loop_mono_ms();
		evhttp_send_reply_chunk(s->call->req, out);
	}
	if (out != NULL)
		evbuffer_free(out);
}

/* Takes data. */
static void
add_message(struct sbuf *b, const char *event, json_t *data)
{
	char *text = data == NULL ? NULL : json_dumps(data, JSON_COMPACT);

	sbuf_addf(b, "event: %s\ndata: ", event);
	if (text == NULL)
		b->failed = true; /* no memory */
	else
		sbuf_adds(b, text);
	sbuf_adds(b, "\n\n");
	free(text);
	json_decref(data);
}

static json_t *
audit_json(const struct audit_rec *r)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}",
	    "at", api_time(r->wall), "who", api_text(r->who),
	    "action", api_text(r->action), "object", api_text(r->object),
	    "reason", api_text_or_null(r->reason));
}

static void
add_row(struct sbuf *b, const struct feed_row *row)
{
	json_t *j;

	sbuf_addf(b, "id: e%" PRIx64 ".a%" PRIx64 "\n", (uint64_t)row->event,
	    (uint64_t)row->audit);
	if (row->is_audit) {
		add_message(b, "audit", audit_json(&row->au));
		return;
	}
	j = api_event(&row->ev, row->campaign);
	if (j != NULL)
		(void)json_object_set_new(j, "device",
		    api_text_or_null(row->device));
	add_message(b, "timeline", j);
}

/* --- campaigns -------------------------------------------------------------*/
static uint64_t
mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * UINT64_C(0x100000001b3);
}

/* Of what is told of a campaign. */
static uint64_t
look_of(const struct core *core, const struct view_campaign *v)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	enum wave_state state;
	const char *name;

	h = mix(h, (uint64_t)v->state);
	h = mix(h, (uint64_t)v->reason);
	h = mix(h, v->in_flight);
	h = mix(h, v->dark);
	for (size_t i = 0; i < TARGET_STATE_COUNT_; i++)
		h = mix(h, v->targets[i]);
	for (size_t i = 0; core_view_wave_state(core, v->name, i, &name,
	    &state); i++)
		h = mix(h, (uint64_t)state);
	return h;
}

static void
tell_campaign(struct api *a, struct api_stream *s,
    const struct view_campaign *v)
{
	struct sbuf b;

	if (s->q.campaign[0] != '\0' && strcmp(s->q.campaign, v->name) != 0)
		return;
	sbuf_init(&b, 0);
	add_message(&b, "campaign", api_campaign_brief(a, v));
	send_text(s, &b);
	sbuf_done(&b);
}

/* Those that changed to everybody who listens; all of them to who has not
 * heard them yet. Who has not taken the last ones hears them all, later. */
static void
tell_campaigns(struct api *a)
{
	const struct core *core = a->ops.core(a->ops.arg);
	size_t count = core_campaign_count(core);
	struct view_campaign v;
	uint64_t look, *seen;
	struct list *n, *tmp;

	if (count > a->stream_seen_count) {
		seen = realloc(a->stream_seen, count * sizeof *seen);
		if (seen == NULL)
			return;
		for (size_t i = a->stream_seen_count; i < count; i++)
			seen[i] = 0;
		a->stream_seen = seen;
		a->stream_seen_count = count;
	}
	LIST_EACH_SAFE(n, tmp, &a->streams) {
		struct api_stream *s = CONTAINER_OF(n, struct api_stream, node);

		s->ready = s->live && evbuffer_get_length(waiting(s)) == 0;
		s->untold = s->untold || !s->ready;
	}
	for (size_t i = 0; i < count; i++) {
		if (!core_view_campaign_brief(core, a->ops.now(a->ops.arg),
			core_campaign_name(core, i), &v))
			continue;
		look = look_of(core, &v);
		LIST_EACH_SAFE(n, tmp, &a->streams) {
			struct api_stream *s =
			    CONTAINER_OF(n, struct api_stream, node);

			if (s->ready && (s->untold || look != a->stream_seen[i]))
				tell_campaign(a, s, &v);
		}
		a->stream_seen[i] = look;
	}
	LIST_EACH_SAFE(n, tmp, &a->streams) {
		struct api_stream *s = CONTAINER_OF(n, struct api_stream, node);

		s->untold = s->untold && !s->ready;
	}
}

/* --- turns -----------------------------------------------------------------*/
static void
arm(struct api *a, int64_t after_ms)
{
	if (a->stream_armed && after_ms >= PACE_MS)
		return;
	a->stream_armed = true;
	loop_timer_set(a->stream_timer, after_ms);
}

static void
ask(struct api_stream *s)
{
	struct api *a = s->call->api;

	s->reading = true;
	s->due = false;
	if (a->ops.feed(a->ops.arg, &s->q, on_feed, s))
		return;
	s->reading = false; /* busy: the sweep tries again */
	s->due = true;
}

static void
on_stream_timer(void *arg)
{
	struct api *a = arg;
	struct list *n, *tmp;

	a->stream_armed = false;
	LIST_EACH_SAFE(n, tmp, &a->streams) {
		struct api_stream *s = CONTAINER_OF(n, struct api_stream, node);

		if (s->due && !s->reading && !gone(s) &&
		    evbuffer_get_length(waiting(s)) == 0)
			ask(s);
	}
}

void
api_streams_poke(struct api *a)
{
	struct list *n, *tmp;

	if (list_empty(&a->streams))
		return;
	LIST_EACH_SAFE(n, tmp, &a->streams)
		CONTAINER_OF(n, struct api_stream, node)->due = true;
	arm(a, PACE_MS);
}

/* Cut off, without a word that nobody reads. */
static void
cut(struct api_stream *s)
{
	struct api_call *c = s->call;

	api_peer_busy(c->door, c->bev, false);
	if (evhttp_request_get_connection(c->req) != NULL)
		(void)shutdown(bufferevent_getfd(c->bev), SHUT_RDWR);
	/* Without its connection it is released by this. */
	evhttp_send_reply_end(c->req);
	api_call_free(c);
}

static void
sweep_one(struct api_stream *s, int64_t now_ms)
{
	struct api *a = s->call->api;
	struct sbuf b;

	if (gone(s)) {
		cut(s);
		return;
	}
	if (evbuffer_get_length(waiting(s)) == 0) {
		s->wrote_ms = now_ms;
	} else if (now_ms - s->wrote_ms > a->request_timeout_ms) {
		a->hits[API_HITS_STREAM_SLOW]++;
		cut(s);
		return;
	} else {
		return;
	}
	if (now_ms - s->spoke_ms >= SPEAK_MS) {
		sbuf_init(&b, 0);
		sbuf_adds(&b, ": still here\n\n");
		send_text(s, &b);
		sbuf_done(&b);
	}
}

void
api_streams_sweep(struct api *a, int64_t now_ms)
{
	struct list *n, *tmp;

	if (list_empty(&a->streams))
		return;
	LIST_EACH_SAFE(n, tmp, &a->streams)
		sweep_one(CONTAINER_OF(n, struct api_stream, node), now_ms);
	tell_campaigns(a);
	arm(a, 0);
}

/* --- answers of the database -----------------------------------------------*/
static void
page_answer(struct api_stream *s, const struct feed_page *p)
{
	struct api_call *c = s->call;
	json_t *items = json_array();

	for (size_t i = 0; items != NULL && i < p->count; i++)
		(void)json_array_append_new(items, audit_json(&p->row[i].au));
	c->stream = NULL;
	free(s);
	api_answer(c, 200, api_list(items, 'a', (uint64_t)p->audit,
	    p->more && p->count > 0));
}

static void
stream_answer(struct api_stream *s, const struct feed_page *p)
{
	struct sbuf b;

	sbuf_init(&b, 0);
	if (p->gap)
		sbuf_adds(&b, "event: gap\ndata: {}\n\n");
	for (size_t i = 0; i < p->count; i++)
		add_row(&b, &p->row[i]);
	s->q.kind = FEED_BEHIND;
	s->q.event = p->event;
	s->q.audit = p->audit;
	s->due = s->due || p->more;
	if (!p->more && !s->live) {
		s->live = s->untold = true;
		/* With the position, so that it is known before anything
		 * happened. */
		sbuf_addf(&b, "id: e%" PRIx64 ".a%" PRIx64
		    "\nevent: live\ndata: {}\n\n", (uint64_t)p->event,
		    (uint64_t)p->audit);
	}
	if (b.len > 0)
		send_text(s, &b);
	if (b.failed) {
		sbuf_done(&b);
		cut(s);
		return;
	}
	sbuf_done(&b);
	if (p->more)
		arm(s->call->api, MORE_MS);
}

static void
on_feed(void *arg, const struct feed_page *p)
{
	struct api_stream *s = arg;

	s->reading = false;
	if (p->status < 0 && s->page)
		api_fail(s->call, 503, "store",
		    "the database cannot be read");
	else if (s->page)
		page_answer(s, p);
	else if (p->status < 0 || gone(s))
		cut(s);
	else
		stream_answer(s, p);
}

/* --- requests --------------------------------------------------------------*/
static struct api_stream *
stream_new(struct api_call *c)
{
	struct api_stream *s = calloc(1, sizeof *s);

	if (s == NULL) {
		api_answer(c, 500, NULL);
		return NULL;
	}
	list_init(&s->node);
	s->call = c;
	c->stream = s;
	return s;
}

void
api_stream_drop(struct api_call *c)
{
	struct api_stream *s = c->stream;

	c->stream = NULL;
	c->api->ops.feed_forget(c->api->ops.arg, s);
	if (!s->page) {
		list_remove(&s->node);
		c->door->stream_count--;
	}
	free(s);
}

void
api_get_audit(struct api_call *c)
{
	struct api_stream *s;
	uint64_t after;
	size_t limit;

	if (!api_page(c, 'a', &limit, &after))
		return;
	if (after > INT64_MAX) {
		api_fail(c, 400, "bad_parameter",
		    "after: not a \"next\" of this list");
		return;
	}
	if ((s = stream_new(c)) == NULL)
		return;
	s->page = true;
	s->q.kind = FEED_AUDIT;
	s->q.audit = (int64_t)after;
	s->q.limit = MIN_OF(limit, (size_t)FEED_ROWS_MAX);
	/* Parked first: the answer may come before this returns. */
	api_park(c, PAGE_MS);
	if (!c->api->ops.feed(c->api->ops.arg, &s->q, on_feed, s))
		api_fail(c, 503, "busy",
		    "too many reads of the history wait; try again");
}

/* "e12.a3" */
static bool
read_position(const char *text, struct feed_query *ret)
{
	struct span rest = span_str(text), e;
	uint64_t event, audit;

	if (!span_field(&rest, '.', &e) || e.n < 2 || e.p[0] != 'e' ||
	    span_hex(span_of(e.p + 1, e.n - 1), INT64_MAX, &event) < 0 ||
	    rest.p == NULL || rest.n < 2 || rest.p[0] != 'a' ||
	    span_hex(span_of(rest.p + 1, rest.n - 1), INT64_MAX, &audit) < 0)
		return false;
	ret->kind = FEED_BEHIND;
	ret->event = (int64_t)event;
	ret->audit = (int64_t)audit;
	return true;
}

/* Where it begins. False: already answered. */
static bool
read_begin(struct api_call *c, struct feed_query *ret)
{
	const char *last;
	struct view_campaign v;
	struct api *a = c->api;

	ret->kind = FEED_END;
	if ((c->given & API_BIT(API_SINCE)) != 0) {
		ret->kind = FEED_SINCE;
		if (wtime_parse(span_str(c->param[API_SINCE]),
			&ret->since_wall) < 0) {
			api_fail(c, 400, "bad_parameter",
			    "since: a time such as 2026-11-23T07:49:11Z");
			return false;
		}
	}
	/* A client that comes back knows better than the URL it came with. */
	if (api_header(c, "Last-Event-ID", &last) > 0 && last[0] != '\0' &&
	    !read_position(last, ret)) {
		api_fail(c, 400, "bad_parameter",
		    "Last-Event-ID: not one of these events");
		return false;
	}
	if ((c->given & API_BIT(API_CAMPAIGN)) == 0)
		return true;
	if (!core_view_campaign_brief(a->ops.core(a->ops.arg),
		a->ops.now(a->ops.arg), c->param[API_CAMPAIGN], &v)) {
		api_fail(c, 404, "not_found", "campaign %s: no such campaign",
		    c->param[API_CAMPAIGN]);
		return false;
	}
	(void)span_copy(ret->campaign, sizeof ret->campaign,
	    span_str(c->param[API_CAMPAIGN]));
	return true;
}

void
api_get_events(struct api_call *c)
{
	struct feed_query q = {0};
	struct api *a = c->api;
	struct api_stream *s;
	struct sbuf b;

	if (!read_begin(c, &q))
		return;
	if (c->door->stream_count == API_STREAMS_MAX) {
		a->hits[API_HITS_STREAMS]++;
		api_fail(c, 503, "busy", "%d clients listen already",
		    API_STREAMS_MAX);
		return;
	}
	if (a->stream_timer == NULL && (a->stream_timer = loop_timer_new(
		a->loop, on_stream_timer, a)) == NULL) {
		api_answer(c, 500, NULL);
		return;
	}
	if ((s = stream_new(c)) == NULL)
		return;
	s->q = q;
	s->due = true;
	s->wrote_ms = loop_mono_ms();
	list_push_back(&a->streams, &s->node);
	c->door->stream_count++;
	/* Half of what is possible: longer than any daemon runs. */
	api_park(c, INT64_MAX / 2);
	(void)evhttp_add_header(evhttp_request_get_output_headers(c->req),
	    "X-Accel-Buffering", "no");
	c->close = true;
	api_head(c, "text/event-stream");
	evhttp_send_reply_start(c->req, 200, "OK");
	sbuf_init(&b, 0);
	sbuf_addf(&b, "retry: %d\n\n", RETRY_MS);
	send_text(s, &b);
	sbuf_done(&b);
	arm(a, 0);
}
