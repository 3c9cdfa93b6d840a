#include "config.h"
#include "io/api_int.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include "io/http_page.h"
#include "io/metrics.h"

/*
 * What differs between the control socket and TCP: who asks, and whether a
 * page of somebody else made a browser ask.
 */
#define AUTHORITY_MAX 128

/* --- who ---------------------------------------------------------------------*/
static bool
host_is_local(const char *host)
{
	static const char *const names[] = {
		"localhost", "127.0.0.1", "[::1]",
	};
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		n = strlen(names[i]);
		if (strncasecmp(host, names[i], n) == 0 &&
		    (host[n] == '\0' || host[n] == ':'))
			return true;
	}
	return strncmp(host, "127.", 4) == 0 &&
	    host[strspn(host, "0123456789.:")] == '\0';
}

/* A name of some site can be made to point to this machine: its pages would
 * then be of our own origin. Where a token is asked for, that gains nothing. */
static bool
host_good(struct api_call *c)
{
	const char *host;

	if (api_header(c, "Host", &host) != 1) {
		api_fail(c, 400, "host", "Host: give one");
		return false;
	}
	if (c->api->tokens != NULL || host_is_local(host))
		return true;
	c->api->hits[API_HITS_FORBIDDEN]++;
	api_fail(c, 421, "host", "Host: only localhost and 127.0.0.1 are "
	    "answered here; with http.token_file any");
	return false;
}

/* A browser says where the page comes from that posts. */
static bool
origin_good(struct api_call *c)
{
	char own[AUTHORITY_MAX];
	const char *host, *origin, *site;

	(void)api_header(c, "Host", &host);
	(void)snprintf(own, sizeof own, "http://%s", host);
	if ((api_header(c, "Origin", &origin) == 0 ||
		strcasecmp(origin, own) == 0) &&
	    (api_header(c, "Sec-Fetch-Site", &site) == 0 ||
		strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0))
		return true;
	c->api->hits[API_HITS_FORBIDDEN]++;
	api_fail(c, 403, "origin", "Origin: another site's page may not do "
	    "this");
	return false;
}

static bool
token_good(struct api_call *c)
{
	static const char scheme[] = "Bearer ";
	const char *auth, *name = "";

	if (c->api->tokens == NULL) {
		/* Listens on loopback only: the configuration saw to that. */
		(void)snprintf(c->who, sizeof c->who, "loopback");
		c->role = API_OPERATE;
		return true;
	}
	if (api_header(c, "Authorization", &auth) == 1 &&
	    strncasecmp(auth, scheme, sizeof scheme - 1) == 0)
		c->role = api_tokens_find(c->api->tokens,
		    auth + sizeof scheme - 1, &name);
	if (c->role != API_NOTHING) {
		(void)snprintf(c->who, sizeof c->who, "%s", name);
		return true;
	}
	c->api->hits[API_HITS_FORBIDDEN]++;
	(void)evhttp_add_header(evhttp_request_get_output_headers(c->req),
	    "WWW-Authenticate", "Bearer realm=\"trackupd\"");
	api_fail(c, 401, "token", "Authorization: Bearer and a token of "
	    "http.token_file");
	return false;
}

bool
api_admit(struct api_call *c)
{
	if (c->door->tcp)
		return host_good(c) && origin_good(c) && token_good(c);
	c->role = api_socket_who(bufferevent_getfd(c->bev), &c->api->groups,
	    c->who, sizeof c->who);
	if (c->role != API_NOTHING)
		return true;
	c->api->hits[API_HITS_FORBIDDEN]++;
	api_fail(c, 403, "who", "%s is neither in control.group nor in "
	    "control.read_group", c->who);
	return false;
}

/* --- plain paths -------------------------------------------------------------*/
static void
plain_text(struct api_call *c, int status, const char *text)
{
	api_answer_text(c, status, "text/plain; charset=utf-8", text,
	    strlen(text));
}

/* Answering is the proof. */
static void
get_livez(struct api_call *c)
{
	plain_text(c, 200, "ok\n");
}

static void
get_readyz(struct api_call *c)
{
	struct api_status st = {0};
	struct view_status v;

	c->api->ops.status(c->api->ops.arg, &st);
	core_view_status(c->api->ops.core(c->api->ops.arg), &v);
	if (v.draining)
		plain_text(c, 503, "draining\n");
	else if (strcmp(st.store_state, "ok") != 0)
		plain_text(c, 503, "the database does not commit\n");
	else
		plain_text(c, 200, "ok\n");
}

static void
get_metrics(struct api_call *c)
{
	struct api_status st = {0};
	struct sbuf b;

	c->api->ops.status(c->api->ops.arg, &st);
	sbuf_init(&b, 0);
	metrics_write(&b, c->api->ops.core(c->api->ops.arg),
	    c->api->ops.now(c->api->ops.arg), &st);
	if (b.failed)
		plain_text(c, 500, "out of memory\n");
	else
		api_answer_text(c, 200,
		    "text/plain; version=0.0.4; charset=utf-8",
		    sbuf_str(&b), b.len);
	sbuf_done(&b);
}

static const struct {
	const char *path;
	api_handler *handle;
	bool open; /* tells nothing that needs a token */
} plain[] = {
	{"/livez", get_livez, true},
	{"/readyz", get_readyz, true},
	{"/metrics", get_metrics, false},
};

bool
api_plain(struct api_call *c)
{
	const char *path = evhttp_uri_get_path(
	    evhttp_request_get_evhttp_uri(c->req));
	const struct http_asset *asset;
	size_t i = 0;

	if (path == NULL)
		return false;
	asset = http_page_find(path);
	while (i < ARRAY_LEN(plain) && strcmp(path, plain[i].path) != 0)
		i++;
	if (asset == NULL && i == ARRAY_LEN(plain))
		return false;
	if (!api_reads(c))
		api_fail_method(c, API_ALLOW_READ);
	else if (asset != NULL)
		/* Anybody may have the page: what it shows, it asks for. */
		api_answer_asset(c, asset->type, asset->etag, asset->data,
		    asset->len);
	else if (plain[i].open || api_admit(c))
		plain[i].handle(c);
	return true;
}
