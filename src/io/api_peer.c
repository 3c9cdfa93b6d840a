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
	struct api_door *d = p->door;

	(void)b;
	p->buffered += info->n_added;
	p->buffered -= info->n_deleted;
	d->buffered += info->n_added;
	d->buffered -= info->n_deleted;
	p->asking = p->asking || info->n_added > 0;
	if (d->buffered <= API_BUFFERED_MAX || info->n_added == 0)
		return;
	d->api->hits[API_HITS_BUFFERED]++;
	(void)shutdown(bufferevent_getfd(p->bev), SHUT_RDWR);
}

static void
peer_release(struct api_peer *p)
{
	struct api_door *d = p->door;

	(void)evbuffer_remove_cb_entry(bufferevent_get_input(p->bev), p->grew);
	d->buffered -= p->buffered;
	(void)bufferevent_decref(p->bev);
	*p = (struct api_peer){0};
	d->peer_count--;
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

static void
door_accept(struct api_door *d, bool on)
{
	for (size_t i = 0; i < d->listener_count; i++)
		(void)(on ? evconnlistener_enable(d->listener[i])
			  : evconnlistener_disable(d->listener[i]));
}

struct bufferevent *
api_peer_new(struct event_base *base, void *door)
{
	struct api_door *d = door;
	struct api_peer *p = d->peer;
	struct bufferevent *bev;
	int64_t now_ms = loop_mono_ms();

	api_peer_sweep(d, now_ms);
	/* Closed when the last reference goes, which may be ours. */
	bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (bev == NULL)
		return NULL;
	while (p < d->peer + API_CONNECTIONS_MAX && p->bev != NULL)
		p++;
	if (p == d->peer + API_CONNECTIONS_MAX)
		return bev;
	*p = (struct api_peer){.door = d, .bev = bev, .since_ms = now_ms};
	p->grew = evbuffer_add_cb(bufferevent_get_input(bev), peer_grew, p);
	if (p->grew == NULL) {
		*p = (struct api_peer){0};
		return bev;
	}
	bufferevent_incref(bev);
	d->peer_count++;
	if (d->peer_count == API_CONNECTIONS_MAX) {
		/* The next ones wait in the backlog, until the sweep. */
		d->api->hits[API_HITS_CONNECTIONS]++;
		door_accept(d, false);
	}
	return bev;
}

void
api_peer_sweep(struct api_door *d, int64_t now_ms)
{
	for (struct api_peer *p = d->peer; p < d->peer + API_CONNECTIONS_MAX;
	    p++) {
		if (p->bev == NULL)
			continue;
		if (peer_gone(p)) {
			peer_release(p);
		} else if (!p->busy &&
		    now_ms - p->since_ms > d->api->request_timeout_ms) {
			/* A browser opens connections ahead and leaves them. */
			d->api->hits[API_HITS_SLOW] += p->asking ? 1 : 0;
			(void)shutdown(bufferevent_getfd(p->bev), SHUT_RDWR);
		}
	}
	if (d->peer_count < API_CONNECTIONS_MAX)
		door_accept(d, true);
}

void
api_peer_busy(struct api_door *d, const struct bufferevent *bev, bool busy)
{
	for (struct api_peer *p = d->peer; p < d->peer + API_CONNECTIONS_MAX;
	    p++)
		if (p->bev == bev) {
			p->busy = busy;
			p->asking = p->asking && !busy;
			p->since_ms = loop_mono_ms();
			return;
		}
}

void
api_peer_free_all(struct api_door *d)
{
	for (struct api_peer *p = d->peer; p < d->peer + API_CONNECTIONS_MAX;
	    p++)
		if (p->bev != NULL)
			peer_release(p);
}
