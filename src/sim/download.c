#include "config.h"
#include "sim/download.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/span.h"
#include "base/units.h"
#include "sim/url.h"

#define CREDENTIALS_MAX 13 /* user, colon, secret: SPEC gives them 6 each */

struct download {
	struct bufferevent *bev;
	struct event *deadline;
	void (*done)(void *arg, const char *why, uint64_t bytes);
	void *arg;
	bool in_body;
	uint64_t length; /* as announced */
	uint64_t got;
};

void
download_free(struct download *d)
{
	if (d == NULL)
		return;
	if (d->deadline != NULL)
		event_free(d->deadline);
	if (d->bev != NULL)
		bufferevent_free(d->bev);
	free(d);
}

static void
finish(struct download *d, const char *why)
{
	/* The callback frees d. */
	d->done(d->arg, why, d->got);
}

static void
base64(const char *in, size_t n, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = 0;

		for (size_t k = 0; k < 3; k++)
			v = v << 8 |
			    (i + k < n ? (unsigned char)in[i + k] : 0);
		*out++ = digits[v >> 18 & 63];
		*out++ = digits[v >> 12 & 63];
		*out++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
		*out++ = i + 2 < n ? digits[v & 63] : '=';
	}
	*out = '\0';
}

static void
add_request(struct evbuffer *out, const struct url *u,
    const struct download_order *o)
{
	const char *open = u->host_is_v6 ? "[" : "";
	const char *close = u->host_is_v6 ? "]" : "";

	evbuffer_add_printf(out, "GET %s HTTP/1.1\r\nHost: %s%s%s:%u\r\n"
	    "User-Agent: tracksim\r\nConnection: close\r\n", u->path, open,
	    u->host, close, (unsigned)u->port);
	if (o->user[0] != '\0') {
		char plain[CREDENTIALS_MAX + 1];
		char coded[4 * (CREDENTIALS_MAX + 2) / 3 + 1];
		int n = snprintf(plain, sizeof(plain), "%s:%s", o->user,
		    o->secret);

		if (n > 0 && (size_t)n < sizeof(plain)) {
			base64(plain, (size_t)n, coded);
			evbuffer_add_printf(out, "Authorization: Basic %s\r\n",
			    coded);
		}
	}
	evbuffer_add_printf(out, "\r\n");
}

/* NULL when the header is as it should be. */
static const char *
read_head(struct download *d, struct span head)
{
	struct span line, name;
	uint64_t length;
	bool has_length = false;

	if (!span_field(&head, '\n', &line) || line.n < 12 ||
	    !span_starts(line, "HTTP/1."))
		return "no HTTP/1 answer";
	if (memcmp(line.p + 8, " 200", 4) != 0)
		return "status is not 200";
	while (span_field(&head, '\n', &line)) {
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		if (!span_field(&line, ':', &name) || line.p == NULL)
			continue;
		if (name.n == 17 &&
		    strncasecmp(name.p, "Transfer-Encoding", 17) == 0)
			return "transfer coding is not understood";
		if (name.n != 14 ||
		    strncasecmp(name.p, "Content-Length", 14) != 0)
			continue;
		if (span_dec(span_trim(line), DOWNLOAD_BODY_MAX, &length) < 0 ||
		    (has_length && length != d->length))
			return "bad Content-Length";
		d->length = length;
		has_length = true;
	}
	if (!has_length || d->length == 0)
		return "no length";
	d->in_body = true;
	return NULL;
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct download *d = arg;
	struct evbuffer *in = bufferevent_get_input(bev);

	if (!d->in_body) {
		struct evbuffer_ptr end =
		    evbuffer_search(in, "\r\n\r\n", 4, NULL);
		const char *why, *p;

		if (end.pos < 0 || end.pos > DOWNLOAD_HEAD_MAX) {
			if (evbuffer_get_length(in) > DOWNLOAD_HEAD_MAX)
				finish(d, "header is too long");
			return;
		}
		p = (const char *)evbuffer_pullup(in, end.pos);
		why = p == NULL ? "out of memory"
		                : read_head(d, span_of(p, (size_t)end.pos));
		if (why != NULL) {
			finish(d, why);
			return;
		}
		evbuffer_drain(in, (size_t)end.pos + 4);
	}
	d->got += evbuffer_get_length(in);
	evbuffer_drain(in, evbuffer_get_length(in));
	if (d->got > d->length)
		finish(d, "more bytes than announced");
	else if (d->got == d->length)
		finish(d, NULL);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct download *d = arg;

	(void)bev;
	if (what & BEV_EVENT_CONNECTED)
		return;
	if (what & BEV_EVENT_EOF)
		finish(d, d->in_body ? "closed before the end"
		                     : "closed before the header");
	else
		finish(d, d->in_body ? "connection broke" : "cannot connect");
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	finish(arg, "took too long");
}

struct download *
download_start(struct event_base *base, struct evdns_base *dns,
    const struct download_order *o)
{
	struct timeval timeout = {
		.tv_sec = o->timeout_ms / 1000,
		.tv_usec = o->timeout_ms % 1000 * 1000,
	};
	struct download *d;
	struct url u;

	if (url_parse(span_str(o->url), &u) < 0 ||
	    (d = calloc(1, sizeof(*d))) == NULL)
		return NULL;
	d->done = o->done;
	d->arg = o->arg;
	d->deadline = evtimer_new(base, on_deadline, d);
	/* Deferred, so that no callback comes before we have returned. */
	d->bev = bufferevent_socket_new(base, -1,
	    BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (d->deadline == NULL || d->bev == NULL ||
	    evtimer_add(d->deadline, &timeout) < 0)
		goto bad;
	bufferevent_setcb(d->bev, on_read, NULL, on_event, d);
	add_request(bufferevent_get_output(d->bev), &u, o);
	if (bufferevent_enable(d->bev, EV_READ | EV_WRITE) < 0 ||
	    bufferevent_socket_connect_hostname(d->bev, dns, AF_UNSPEC, u.host,
		u.port) < 0)
		goto bad;
	return d;
bad:
	download_free(d);
	return NULL;
}
