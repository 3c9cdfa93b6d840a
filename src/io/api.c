#include "config.h"
#include "io/api.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include "io/api_int.h"
#include "io/listen.h"

#define SWEEP_MS 1000

void
api_call_free(struct api_call *c)
{
	if (c->timeline != NULL)
		api_timeline_drop(c);
	if (c->backup)
		api_backup_drop(c);
	if (c->reload)
		api_reload_drop(c);
	if (c->trial)
		api_trial_drop(c);
	if (c->firmware)
		api_firmware_drop(c);
	if (c->stream != NULL)
		api_stream_drop(c);
	if (c->looks != NULL)
		api_looks_drop(c);
	list_remove(&c->in_parked);
	json_decref(c->body);
	json_decref(c->answer);
	free(c);
}

static void
on_request(struct evhttp_request *req, void *arg)
{
	struct api_door *d = arg;
	struct api_call *c = calloc(1, sizeof *c);

	if (c == NULL) {
		evhttp_send_error(req, 503, NULL);
		return;
	}
	c->api = d->api;
	c->door = d;
	c->req = req;
	c->bev = evhttp_connection_get_bufferevent(
	    evhttp_request_get_connection(req));
	api_peer_busy(d, c->bev, true);
	api_dispatch(c);
}

/* --- answers ---------------------------------------------------------------*/
static const char *
phrase(int status)
{
	static const struct {
		int status;
		const char *text;
	} table[] = {
		{200, "OK"},
		{304, "Not Modified"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{409, "Conflict"},
		{413, "Content Too Large"},
		{421, "Misdirected Request"},
		{415, "Unsupported Media Type"},
		{422, "Unprocessable Content"},
		{500, "Internal Server Error"},
		{503, "Service Unavailable"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].status == status)
			return table[i].text;
	assert(status == 0 && "a status without a phrase");
	return "";
}

static int
dump_part(const char *p, size_t n, void *arg)
{
	return evbuffer_add(arg, p, n);
}

static void
log_call(const struct api_call *c, int status)
{
	enum evhttp_cmd_type method = evhttp_request_get_command(c->req);
	const char *uri = evhttp_request_get_uri(c->req);
	struct sbuf b;

	sbuf_init(&b, 1024);
	sbuf_addf(&b, "api who=%s method=%s path=\"", c->who,
	    method == EVHTTP_REQ_POST ? "POST" :
	    method == EVHTTP_REQ_GET ? "GET" : "other");
	sbuf_add_escaped(&b, uri, strnlen(uri, 100));
	sbuf_addf(&b, "\" status=%d", status);
	/* What was changed, and by whom, the shell logs where it happens. */
	c->api->ops.note(c->api->ops.arg, status >= 500 ? NOTE_WARN
	    : NOTE_DEBUG, sbuf_str(&b));
	sbuf_done(&b);
}

void
api_head(struct api_call *c, const char *type)
{
	struct evkeyvalq *h = evhttp_request_get_output_headers(c->req);

	(void)evhttp_add_header(h, "Content-Type", type);
	(void)evhttp_add_header(h, "Cache-Control",
	    c->asset ? "no-cache" : "no-store");
	(void)evhttp_add_header(h, "X-Content-Type-Options", "nosniff");
	if (c->door->tcp) {
		(void)evhttp_add_header(h, "Content-Security-Policy",
		    "default-src 'none'; script-src 'self'; style-src 'self'; "
		    "connect-src 'self'; img-src 'self' data:; "
		    "base-uri 'none'; form-action 'none'; "
		    "frame-ancestors 'none'");
		(void)evhttp_add_header(h, "Referrer-Policy", "no-referrer");
		(void)evhttp_add_header(h, "Cross-Origin-Resource-Policy",
		    "same-origin");
	}
	if (c->close)
		(void)evhttp_add_header(h, "Connection", "close");
}

/* What is in the output buffer. */
static void
answer_send(struct api_call *c, int status, const char *type)
{
	struct evbuffer *b = evhttp_request_get_output_buffer(c->req);
	char length[24];

	api_head(c, type);
	/* evhttp sends what there is, and names a length only with it. */
	if (evhttp_request_get_command(c->req) == EVHTTP_REQ_HEAD) {
		(void)snprintf(length, sizeof length, "%zu",
		    evbuffer_get_length(b));
		(void)evhttp_add_header(evhttp_request_get_output_headers(
		    c->req), "Content-Length", length);
		(void)evbuffer_drain(b, evbuffer_get_length(b));
	}
	log_call(c, status);
	api_peer_busy(c->door, c->bev, false);
	/* May release the connection at once. */
	evhttp_send_reply(c->req, status, phrase(status), NULL);
	api_call_free(c);
}

void
api_answer(struct api_call *c, int status, json_t *body)
{
	static const char nomem[] = "{\"error\":{\"code\":\"no_memory\","
	    "\"message\":\"out of memory\"}}\n";
	struct evbuffer *b = evhttp_request_get_output_buffer(c->req);

	if (body == NULL ||
	    json_dump_callback(body, dump_part, b, JSON_COMPACT) < 0) {
		(void)evbuffer_drain(b, evbuffer_get_length(b));
		(void)evbuffer_add(b, nomem, sizeof nomem - 1);
		status = 500;
	} else {
		(void)evbuffer_add(b, "\n", 1);
	}
	json_decref(body);
	answer_send(c, status, "application/json");
}

void
api_answer_text(struct api_call *c, int status, const char *type,
    const void *text, size_t len)
{
	struct evbuffer *b = evhttp_request_get_output_buffer(c->req);

	if (evbuffer_add(b, text, len) < 0)
		status = 500;
	answer_send(c, status, type);
}

void
api_answer_asset(struct api_call *c, const char *type, const char *etag,
    const void *data, size_t len)
{
	const char *have;

	(void)evhttp_add_header(evhttp_request_get_output_headers(c->req),
	    "ETag", etag);
	c->asset = true;
	if (api_header(c, "If-None-Match", &have) == 1 &&
	    strcmp(have, etag) == 0) {
		answer_send(c, 304, type);
		return;
	}
	api_answer_text(c, 200, type, data, len);
}

static json_t *
error_object(const char *code, const char *message)
{
	return json_pack("{s:{s:s, s:o}}", "error", "code", code, "message",
	    api_text(message));
}

void
api_fail(struct api_call *c, int status, const char *code, const char *fmt,
    ...)
{
	struct errtext t;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(t.text, sizeof t.text, fmt, ap);
	va_end(ap);
	api_answer(c, status, error_object(code, t.text));
}

void
api_fail_method(struct api_call *c, const char *allow)
{
	(void)evhttp_add_header(evhttp_request_get_output_headers(c->req),
	    "Allow", allow);
	api_fail(c, 405, "method_not_allowed", "allowed here: %s",
	    allow);
}

bool
api_reads(const struct api_call *c)
{
	enum evhttp_cmd_type method = evhttp_request_get_command(c->req);

	return method == EVHTTP_REQ_GET || method == EVHTTP_REQ_HEAD;
}

void
api_fail_list(struct api_call *c, int status, const char *code,
    const char *message, const char *key, json_t *items)
{
	json_t *j = error_object(code, message);

	if (json_object_set_new(j, key, items) < 0) {
		json_decref(j);
		j = NULL;
	}
	api_answer(c, status, j);
}

/* --- waiting ---------------------------------------------------------------*/
void
api_park(struct api_call *c, int64_t wait_ms)
{
	/* evhttp ends the process when bytes come in between a request and
	 * its answer, so nothing may be read meanwhile. Therefore a client
	 * that leaves is noticed when it is answered, not before: the request
	 * stays valid until then. */
	(void)bufferevent_disable(c->bev, EV_READ);
	c->until_ms = loop_mono_ms() + wait_ms;
	list_push_back(&c->api->parked, &c->in_parked);
}

static void
answer_waited(struct api_call *c, bool durable)
{
	json_t *j = c->answer;

	c->answer = NULL;
	if (json_object_set_new(j, "durable", json_boolean(durable)) < 0) {
		json_decref(j);
		j = NULL;
	}
	api_answer(c, 200, j);
}

void
api_wait_durable(struct api_call *c, uint64_t ticket, json_t *answer)
{
	struct api_status st = {0};

	if (answer == NULL) {
		api_answer(c, 500, NULL);
		return;
	}
	c->answer = answer;
	if (ticket <= c->api->durable) {
		answer_waited(c, true);
		return;
	}
	c->api->ops.status(c->api->ops.arg, &st);
	c->ticket = ticket;
	api_park(c, strcmp(st.store_state, "ok") == 0 ?
	    c->api->durable_timeout_ms : API_DEGRADED_MS);
}

void
api_durable(struct api *a, uint64_t ticket)
{
	struct list *n, *tmp;

	if (ticket <= a->durable)
		return;
	a->durable = ticket;
	api_streams_poke(a);
	LIST_EACH_SAFE(n, tmp, &a->parked) {
		struct api_call *c =
		    CONTAINER_OF(n, struct api_call, in_parked);

		if (c->ticket != 0 && c->ticket <= ticket)
			answer_waited(c, true);
	}
}

/* Whoever pulls these brakes must see what they met, and both are in force
 * from the moment they are asked for. */
static bool
expire_brake(struct api_call *c)
{
	struct api_status st = {0};

	if (c->route->oper == OPER_HALT) {
		c->api->ops.status(c->api->ops.arg, &st);
		answer_waited(c, st.halt_kept);
		return true;
	}
	if (c->route->oper == OPER_CAMPAIGN_ABORT) {
		answer_waited(c, false);
		return true;
	}
	return false;
}

static void
expire(struct api_call *c)
{
	if (c->timeline != NULL || c->stream != NULL)
		api_fail(c, 503, "timeout",
		    "the database did not answer in time");
	else if (c->reload)
		api_fail(c, 503, "timeout", "the reload goes on; its end is in "
		    "the log");
	else if (c->backup)
		api_fail(c, 503, "timeout",
		    "the backup is not done yet and goes on; its end is in "
		    "the log");
	else if (c->trial)
		api_fail(c, 503, "timeout", "the simulation took too long");
	else if (c->looks != NULL)
		api_fail(c, 503, "timeout", "too many ask about too many "
		    "targets at a time");
	else if (c->firmware)
		api_fail(c, 503, "timeout",
		    "the files are still being read; what was read need not "
		    "be read again");
	else if (!expire_brake(c))
		api_fail(c, 503, "not_durable",
		    "in force now, but not on disk: the database does not "
		    "commit. It will be written when it does; a restart before "
		    "that forgets it");
}

static void
on_timer(void *arg)
{
	struct api *a = arg;
	struct list *n, *tmp;
	int64_t now_ms = loop_mono_ms();

	LIST_EACH_SAFE(n, tmp, &a->parked) {
		struct api_call *c =
		    CONTAINER_OF(n, struct api_call, in_parked);

		if (c->until_ms <= now_ms)
			expire(c);
	}
	api_peer_sweep(&a->local, now_ms);
	api_peer_sweep(&a->tcp, now_ms);
	api_streams_sweep(a, now_ms);
	api_reports_sweep(a);
	loop_timer_set(a->timer, SWEEP_MS);
}

/* --- life ------------------------------------------------------------------*/
/* Out of descriptors, most likely: accepting again at once would spin. The
 * sweep takes it up again. */
static void
on_accept_error(struct evconnlistener *l, void *http)
{
	(void)http;
	(void)evconnlistener_disable(l);
}

static int
door_open(struct api_door *d)
{
	if ((d->http = evhttp_new(loop_base(d->api->loop))) == NULL)
		return -1;
	evhttp_set_max_headers_size(d->http, API_HEADERS_MAX);
	evhttp_set_max_body_size(d->http, API_UPLOAD_MAX);
	/* Every method: ours to refuse, with an answer in JSON. */
	evhttp_set_allowed_methods(d->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST |
	    EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
	    EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT |
	    EVHTTP_REQ_PATCH);
	evhttp_set_bevcb(d->http, api_peer_new, d);
	evhttp_set_gencb(d->http, on_request, d);
	return 0;
}

/* Takes fd. */
static int
door_listen(struct api_door *d, int fd)
{
	struct evconnlistener *l;

	assert(d->listener_count < API_LISTENERS_MAX);
	l = evconnlistener_new(loop_base(d->api->loop), NULL, NULL,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (l == NULL) {
		(void)close(fd);
		return -1;
	}
	if (evhttp_bind_listener(d->http, l) == NULL) {
		evconnlistener_free(l);
		return -1;
	}
	evconnlistener_set_error_cb(l, on_accept_error);
	d->listener[d->listener_count++] = l;
	return 0;
}

static void
door_close(struct api_door *d)
{
	if (d->http != NULL)
		evhttp_free(d->http);
	d->http = NULL;
	d->listener_count = 0;
	api_peer_free_all(d);
}

int
api_new(struct api **ret, struct loop *l, const struct api_config *cfg,
    const struct api_ops *ops, struct errtext *err)
{
	struct api *a = calloc(1, sizeof *a);
	int fd;

	if (a == NULL)
		return errtext_set(err, -1, "out of memory");
	/* evhttp writes to clients that have left like to any other. */
	(void)signal(SIGPIPE, SIG_IGN);
	a->loop = l;
	a->ops = *ops;
	a->local.api = a->tcp.api = a;
	a->tcp.tcp = true;
	a->request_timeout_ms = cfg->request_timeout_ms > 0 ?
	    cfg->request_timeout_ms : API_REQUEST_MS;
	a->durable_timeout_ms = cfg->durable_timeout_ms > 0 ?
	    cfg->durable_timeout_ms : API_DURABLE_MS;
	list_init(&a->parked);
	list_init(&a->streams);
	list_init(&a->looks);
	a->timer = loop_timer_new(l, on_timer, a);
	a->looks_timer = loop_timer_new(l, api_looks_timer, a);
	if (a->timer == NULL || a->looks_timer == NULL || door_open(&a->local) < 0) {
		(void)errtext_set(err, -1, "out of memory");
		goto bad;
	}
	if ((fd = api_socket_open(&a->socket, &a->groups, cfg, err)) < 0)
		goto bad;
	if (door_listen(&a->local, fd) < 0) {
		(void)errtext_set(err, -1, "%s: out of memory",
		    a->socket.path);
		api_socket_remove(&a->socket);
		goto bad;
	}
	loop_timer_set(a->timer, SWEEP_MS);
	*ret = a;
	return 0;
bad:
	door_close(&a->local);
	loop_timer_free(a->looks_timer);
	loop_timer_free(a->timer);
	free(a);
	return -1;
}

int
api_listen(struct api *a, const struct trackers_address *listen, size_t count,
    struct errtext *err)
{
	const struct listen_options o = {0};
	int fd = -1;

	if (count > API_LISTENERS_MAX)
		return errtext_set(err, -1, "at most %d addresses",
		    API_LISTENERS_MAX);
	if (a->tcp.http != NULL || count == 0)
		return 0;
	if (door_open(&a->tcp) < 0)
		return errtext_set(err, -1, "out of memory");
	for (size_t i = 0; i < count; i++) {
		if ((fd = listen_open(&listen[i], &o, err)) < 0)
			goto bad;
		if (door_listen(&a->tcp, fd) < 0) {
			(void)errtext_set(err, -1, "out of memory");
			goto bad;
		}
	}
	return 0;
bad:
	door_close(&a->tcp);
	return -1;
}

uint16_t
api_port(const struct api *a, size_t i)
{
	return i >= a->tcp.listener_count ? 0
	    : listen_port(evconnlistener_get_fd(a->tcp.listener[i]));
}

int
api_tokens(struct api *a, const char *path, struct errtext *err)
{
	struct api_tokens *fresh = NULL;

	if (path[0] != '\0' && (fresh = api_tokens_load(path, err)) == NULL)
		return -1;
	api_tokens_free(a->tokens);
	a->tokens = fresh;
	return 0;
}

int
api_tokens_check(const char *path, struct errtext *err)
{
	struct api_tokens *t;

	if (path[0] == '\0')
		return 0;
	if ((t = api_tokens_load(path, err)) == NULL)
		return -1;
	api_tokens_free(t);
	return 0;
}

void
api_free(struct api *a)
{
	struct list *n, *tmp;

	if (a == NULL)
		return;
	api_socket_remove(&a->socket);
	LIST_EACH_SAFE(n, tmp, &a->parked) {
		struct api_call *c = CONTAINER_OF(n, struct api_call,
		    in_parked);

		/* The others are released with their connections. */
		if (evhttp_request_get_connection(c->req) == NULL)
			evhttp_request_free(c->req);
		api_call_free(c);
	}
	door_close(&a->local);
	door_close(&a->tcp);
	api_tokens_free(a->tokens);
	loop_timer_free(a->timer);
	loop_timer_free(a->looks_timer);
	loop_timer_free(a->stream_timer);
	free(a->stream_seen);
	api_reports_free(a);
	free(a);
}
