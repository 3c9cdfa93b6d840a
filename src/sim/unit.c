#include "config.h"
#include "sim/fleet_priv.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "base/prng.h"

#define CONNECT_TIMEOUT_S 20
#define PIECE_MAX 8 /* bytes, FAULT_SPLIT */
#define PIECE_GAP_US 2000
/* Local ports per source address: the kernel has about 28,000, and closed
 * short connections hold theirs for a minute. */
#define PORTS_LONG 20000
#define PORTS_SHORT 1000

/* One tracker's way to the server: a connection, or a socket of datagrams. */

void
unit_disconnect(struct unit *u)
{
	list_remove(&u->waiting);
	if (u->pieces != NULL)
		evbuffer_drain(u->pieces, evbuffer_get_length(u->pieces));
	if (u->udp != NULL) {
		(void)close(event_get_fd(u->udp));
		event_free(u->udp);
		u->udp = NULL;
	}
	if (u->bev == NULL)
		return;
	bufferevent_free(u->bev);
	u->bev = NULL;
}

/* Nobody listens where this one was sent to. Many may find that out at once;
 * the address changes for the first of them. */
static void
server_absent(struct unit *u)
{
	struct fleet *f = u->fleet;

	if (u->server == f->server)
		f->server = (f->server + 1) % f->conf.server_count;
}

static const struct fleet_address *
unit_address(const struct unit *u)
{
	return &u->fleet->conf.server[u->server];
}

/* What one datagram brings; and, as EV_TIMEOUT, that it may begin. */
static void
on_datagram(evutil_socket_t fd, short what, void *arg)
{
	struct unit *u = arg;
	struct event *self = u->udp;
	char bytes[WIRE_IN_MAX];
	struct span rest, frame;
	ssize_t n = 0;

	if ((what & EV_TIMEOUT) != 0)
		tracker_opened(&u->tracker, fleet_moment());
	while (u->udp == self &&
	    (n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) >= 0) {
		rest = span_of(bytes, (size_t)n);
		while (u->udp == self && wire_split(&rest, &frame) > 0)
			tracker_input(&u->tracker, frame, fleet_moment());
	}
	if (n < 0 && errno == ECONNREFUSED)
		server_absent(u);
	unit_rearm(u);
}

static bool
unit_connect_udp(struct unit *u, int fd)
{
	const struct fleet_address *to = unit_address(u);
	const struct fleet *f = u->fleet;

	if (connect(fd, (const struct sockaddr *)&to->at, to->len) < 0 ||
	    (u->udp = event_new(f->base, fd, EV_READ | EV_PERSIST, on_datagram,
		u)) == NULL) {
		(void)close(fd);
		return false;
	}
	(void)event_add(u->udp, NULL);
	/* Not from within the tracker's own call. */
	event_active(u->udp, EV_TIMEOUT, 0);
	return true;
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct unit *u = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	char copy[WIRE_IN_MAX];
	struct span rest, frame;
	int r;

	/* A tracker may drop the connection on what it reads. */
	while (u->bev == bev) {
		size_t n = MIN_OF(evbuffer_get_length(in), sizeof(copy));

		if (evbuffer_copyout(in, copy, n) < 0)
			break;
		rest = span_of(copy, n);
		r = wire_split(&rest, &frame);
		evbuffer_drain(in, n - rest.n);
		if (r == 0 && evbuffer_get_length(in) == rest.n)
			break;
		if (r == 0)
			continue; /* blanks filled the copy */
		if (r < 0) {
			unit_disconnect(u);
			tracker_closed(&u->tracker, fleet_moment());
			break;
		}
		tracker_input(&u->tracker, frame, fleet_moment());
	}
	unit_rearm(u);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct unit *u = arg;

	if (what & BEV_EVENT_CONNECTED) {
		(void)bufferevent_set_timeouts(bev, NULL, NULL);
		tracker_opened(&u->tracker, fleet_moment());
	} else {
		if (u->tracker.link == LINK_OPENING)
			server_absent(u);
		unit_disconnect(u);
		tracker_closed(&u->tracker, fleet_moment());
	}
	unit_rearm(u);
}

/* On the loopback a large fleet needs more ports than one address has. */
static void
bind_source(const struct unit *u, int fd)
{
	const struct fleet *f = u->fleet;
	const struct sockaddr_in *to =
	    (const struct sockaddr_in *)(const void *)&unit_address(u)->at;
	size_t per = f->conf.tracker.short_mode ? PORTS_SHORT : PORTS_LONG;
	uint32_t k = (uint32_t)((size_t)(u - f->v) / per);
	int on = 1;
	struct sockaddr_in from = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + k),
	};

	if (to->sin_family != AF_INET || k == 0 ||
	    ntohl(to->sin_addr.s_addr) >> 24 != 127)
		return;
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
	    sizeof(on));
	/* When this fails the kernel's choice of an address has to do. */
	(void)bind(fd, (const struct sockaddr *)&from, sizeof(from));
}

static int
unit_socket(const struct unit *u)
{
	const struct fleet *f = u->fleet;
	int on = 1;
	int fd = socket(unit_address(u)->at.ss_family,
	    (f->conf.udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (!f->conf.udp)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
		    sizeof(on));
	bind_source(u, fd);
	return fd;
}

static bool
begin(struct unit *u)
{
	struct fleet *f = u->fleet;
	struct timeval patience = {.tv_sec = CONNECT_TIMEOUT_S};
	struct sockaddr_storage server;
	int fd;

	u->server = f->server;
	server = unit_address(u)->at;
	if ((fd = unit_socket(u)) < 0)
		return false;
	if (f->conf.udp)
		return unit_connect_udp(u, fd);
	/* Deferred, for a refusal may be known before connect() returns. */
	u->bev = bufferevent_socket_new(f->base, fd,
	    BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (u->bev == NULL) {
		(void)close(fd);
		return false;
	}
	bufferevent_setcb(u->bev, on_read, NULL, on_event, u);
	bufferevent_setwatermark(u->bev, EV_READ, 0, 4 * WIRE_IN_MAX);
	(void)bufferevent_set_timeouts(u->bev, NULL, &patience);
	if (bufferevent_enable(u->bev, EV_READ | EV_WRITE) < 0 ||
	    bufferevent_socket_connect(u->bev, (struct sockaddr *)&server,
		(int)unit_address(u)->len) < 0) {
		bufferevent_free(u->bev);
		u->bev = NULL;
		return false;
	}
	return true;
}

bool
unit_connect(struct unit *u)
{
	if (begin(u))
		return true;
	server_absent(u);
	return false;
}

/* --- output --------------------------------------------------------------- */

static void
on_piece(evutil_socket_t fd, short what, void *arg)
{
	struct unit *u = arg;
	struct timeval gap = {.tv_usec = PIECE_GAP_US};
	size_t n = 1 + (size_t)prng_below(&u->tracker.chance, PIECE_MAX);
	char piece[PIECE_MAX];
	int got;

	(void)fd;
	(void)what;
	if (u->bev == NULL)
		return;
	got = evbuffer_remove(u->pieces, piece, n);
	if (got > 0)
		(void)bufferevent_write(u->bev, piece, (size_t)got);
	if (evbuffer_get_length(u->pieces) > 0)
		(void)evtimer_add(u->piece_timer, &gap);
}

static bool
pieces_ready(struct unit *u)
{
	if (u->pieces == NULL)
		u->pieces = evbuffer_new();
	if (u->piece_timer == NULL)
		u->piece_timer = evtimer_new(u->fleet->base, on_piece, u);
	return u->pieces != NULL && u->piece_timer != NULL;
}

void
unit_send(struct unit *u, const void *p, size_t n, bool in_pieces)
{
	struct timeval gap = {.tv_usec = PIECE_GAP_US};
	bool pending = u->pieces != NULL && evbuffer_get_length(u->pieces) > 0;

	if (u->udp != NULL) {
		/* Lost or not: the tracker does not learn it. A frame in two
		 * datagrams is none. */
		(void)!send(event_get_fd(u->udp), p, n, MSG_NOSIGNAL);
		return;
	}
	if (u->bev == NULL)
		return;
	/* What follows a frame in pieces waits its turn behind it. */
	if ((in_pieces || pending) && pieces_ready(u)) {
		(void)evbuffer_add(u->pieces, p, n);
		if (!evtimer_pending(u->piece_timer, NULL))
			(void)evtimer_add(u->piece_timer, &gap);
		return;
	}
	(void)bufferevent_write(u->bev, p, n);
}
