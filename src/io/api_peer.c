#include "config.h"
#include "io/api_int.h"

#include <sys/socket.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>

/* What all connections together have sent and nobody has read yet is bounded:
 * whoever goes over it is cut off. */
static void
peer_grew(struct evbuffer *b, const struct evbuffer_cb_info *info, void *arg)
{
	struct api_peer *p = arg;
	struct api *a = p->api;

	(void)b;
	p->buffered += info->n_added;
	p->buffered -= info->n_deleted;
	a->buffered += info->n_added;
	a->buffered -= info->n_deleted;
	if (a->buffered <= API_BUFFERED_MAX || info->n_added == 0)
		return;
	a->hits[API_HITS_BUFFERED]++;
	(void)shutdown(bufferevent_getfd(p->bev), SHUT_RDWR);
}

static void
peer_release(struct api_peer *p)
{
	struct api *a = p->api;

	(void)evbuffer_remove_cb_entry(bufferevent_get_input(p->bev), p->grew);
	a->buffered -= p->buffered;
	(void)bufferevent_decref(p->bev);
	*p = (struct api_peer){0};
	a->peer_count--;
}

/* evhttp never leaves a bufferevent without an event callback while it uses
 * it, and bufferevent_free() takes all callbacks away. */
static bool
peer_gone(const struct api_peer *p)
{
	bufferevent_event_cb eventcb;

	bufferevent_getcb(p->bev, NULL, NULL, &eventcb, NULL);
	return eventcb == NULL;
}

struct bufferevent *
api_peer_new(struct event_base *base, void *api)
{
	struct api *a = api;
	struct api_peer *p = a->peer;
	struct bufferevent *bev;
	int64_t now_ms = loop_mono_ms();

	api_peer_sweep(a, now_ms);
	/* Closed when the last reference goes, which may be ours. */
	bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (bev == NULL)
		return NULL;
	while (p < a->peer + API_CONNECTIONS_MAX && p->bev != NULL)
		p++;
	if (p == a->peer + API_CONNECTIONS_MAX)
		return bev;
	*p = (struct api_peer){.api = a, .bev = bev, .since_ms = now_ms};
	p->grew = evbuffer_add_cb(bufferevent_get_input(bev), peer_grew, p);
	if (p->grew == NULL) {
		*p = (struct api_peer){0};
		return bev;
	}
	bufferevent_incref(bev);
	a->peer_count++;
	if (a->peer_count == API_CONNECTIONS_MAX) {
		/* The next ones wait in the backlog, until the sweep. */
		a->hits[API_HITS_CONNECTIONS]++;
		(void)evconnlistener_disable(a->listener);
	}
	return bev;
}

void
api_peer_sweep(struct api *a, int64_t now_ms)
{
	for (struct api_peer *p = a->peer; p < a->peer + API_CONNECTIONS_MAX;
	    p++) {
		if (p->bev == NULL)
			continue;
		if (peer_gone(p)) {
			peer_release(p);
		} else if (!p->busy &&
		    now_ms - p->since_ms > a->request_timeout_ms) {
			a->hits[API_HITS_SLOW]++;
			(void)shutdown(bufferevent_getfd(p->bev), SHUT_RDWR);
		}
	}
	if (a->peer_count < API_CONNECTIONS_MAX)
		(void)evconnlistener_enable(a->listener);
}

void
api_peer_busy(struct api *a, const struct bufferevent *bev, bool busy)
{
	for (struct api_peer *p = a->peer; p < a->peer + API_CONNECTIONS_MAX;
	    p++)
		if (p->bev == bev) {
			p->busy = busy;
			p->since_ms = loop_mono_ms();
			return;
		}
}

void
api_peer_free_all(struct api *a)
{
	for (struct api_peer *p = a->peer; p < a->peer + API_CONNECTIONS_MAX;
	    p++)
		if (p->bev != NULL)
			peer_release(p);
}
