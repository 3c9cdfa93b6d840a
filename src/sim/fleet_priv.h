#ifndef TRACKUP_SIM_FLEET_PRIV_H
#define TRACKUP_SIM_FLEET_PRIV_H
/*
 * fleet_priv: what fleet.c (timers, downloads, the whole) and unit.c (one
 * tracker's way to the server) share; for them only.
 *
 * Ownership: a fleet owns its units, a unit its socket, pieces and download.
 * Invariant: after every call into a tracker follows unit_rearm().
 */
#include "base/heap.h"
#include "base/list.h"
#include "sim/fleet.h"

struct bufferevent;
struct download;
struct evbuffer;
struct evdns_base;
struct event;

struct unit {
	struct tracker tracker;
	struct fleet *fleet;
	struct heap_node due;
	struct list waiting; /* in fleet.waiting: wants to connect */
	size_t server; /* index of the address that it was sent to */
	struct bufferevent *bev; /* NULL: no connection */
	struct event *udp; /* in place of bev; owns its descriptor */
	struct evbuffer *pieces; /* of FAULT_SPLIT, not written yet */
	struct event *piece_timer;
	struct download *download;
};

struct fleet {
	struct fleet_conf conf;
	struct event_base *base;
	struct evdns_base *dns; /* NULL unless downloads are real */
	struct event *timer; /* of the heap */
	struct event *pump;
	struct heap due;
	struct list waiting;
	size_t server; /* index of the address in use */
	double allowance; /* connects that may leave now */
	int64_t pumped_ms;
	struct unit *v;
	size_t n;
};

static inline struct unit *
unit_of(struct tracker *t)
{
	return CONTAINER_OF(t, struct unit, tracker);
}

/* --- fleet.c ---------------------------------------------------------------*/
struct moment fleet_moment(void);
/* Its next deadline may have moved. */
void unit_rearm(struct unit *u);

/* --- unit.c ----------------------------------------------------------------*/
/* The tracker is told later, never from within. False: it could not begin, and
 * the next one tries the next address. */
MUST_CHECK bool unit_connect(struct unit *u);
void unit_disconnect(struct unit *u); /* none: nothing */
/* Lost when there is no connection. */
void unit_send(struct unit *u, const void *p, size_t n, bool in_pieces);

#endif
