#include "config.h"
#include "sim/fleet.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/prng.h"
#include "sim/download.h"

#define CONNECT_TIMEOUT_S 20
#define DESCRIPTORS_SPARE 64
#define PIECE_MAX 8 /* bytes, FAULT_SPLIT */
#define PIECE_GAP_US 2000
#define PUMP_MS 10 /* how often waiting connects are let go */
#define MS_PER_HOUR 3600000
/* Local ports per source address: the kernel has about 28,000, and closed
 * short connections hold theirs for a minute. */
#define PORTS_LONG 20000
#define PORTS_SHORT 1000

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

static int64_t
clock_ms(clockid_t id)
{
	struct timespec ts = {0};

	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static struct moment
moment_now(void)
{
	return (struct moment){
		.mono_ms = clock_ms(CLOCK_MONOTONIC),
		.wall_ms = clock_ms(CLOCK_REALTIME),
	};
}

static struct unit *
unit_of(struct tracker *t)
{
	return CONTAINER_OF(t, struct unit, tracker);
}

/* --- timers --------------------------------------------------------------- */

static void
timer_set(struct fleet *f)
{
	const struct heap_node *min = heap_min(&f->due);
	struct timeval tv = {0};
	int64_t wait;

	if (min == NULL) {
		(void)evtimer_del(f->timer);
		return;
	}
	wait = MAX_OF(min->key - clock_ms(CLOCK_MONOTONIC), (int64_t)0);
	tv.tv_sec = wait / 1000;
	tv.tv_usec = wait % 1000 * 1000;
	(void)evtimer_add(f->timer, &tv);
}

/* After every call into a tracker: its next deadline may have moved. */
static void
unit_rearm(struct unit *u)
{
	struct fleet *f = u->fleet;
	int64_t next = tracker_next(&u->tracker);
	bool was_first = heap_min(&f->due) == &u->due;

	if (next == TRACKER_NEVER) {
		heap_remove(&f->due, &u->due);
	} else if (!(u->due.pos != 0 && u->due.key == next) &&
	    heap_set(&f->due, &u->due, next) < 0) {
		/* fleet_new() has put every unit in once: there is room. */
		assert(false);
	}
	if (was_first || heap_min(&f->due) == &u->due)
		timer_set(f);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct fleet *f = arg;
	struct moment now = moment_now();
	struct heap_node *min;

	(void)fd;
	(void)what;
	while ((min = heap_min(&f->due)) != NULL && min->key <= now.mono_ms) {
		struct unit *u = CONTAINER_OF(min, struct unit, due);

		tracker_tick(&u->tracker, now);
		unit_rearm(u);
	}
	timer_set(f);
}

/* --- connections ---------------------------------------------------------- */

static void
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
		tracker_opened(&u->tracker, moment_now());
	while (u->udp == self &&
	    (n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) >= 0) {
		rest = span_of(bytes, (size_t)n);
		while (u->udp == self && wire_split(&rest, &frame) > 0)
			tracker_input(&u->tracker, frame, moment_now());
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
			tracker_closed(&u->tracker, moment_now());
			break;
		}
		tracker_input(&u->tracker, frame, moment_now());
	}
	unit_rearm(u);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct unit *u = arg;

	if (what & BEV_EVENT_CONNECTED) {
		(void)bufferevent_set_timeouts(bev, NULL, NULL);
		tracker_opened(&u->tracker, moment_now());
	} else {
		if (u->tracker.link == LINK_OPENING)
			server_absent(u);
		unit_disconnect(u);
		tracker_closed(&u->tracker, moment_now());
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
unit_connect(struct unit *u)
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

static void
pump_set(struct fleet *f)
{
	struct timeval tv = {.tv_usec = PUMP_MS * 1000};

	if (!list_empty(&f->waiting) && !evtimer_pending(f->pump, NULL))
		(void)evtimer_add(f->pump, &tv);
}

static void
on_pump(evutil_socket_t fd, short what, void *arg)
{
	struct fleet *f = arg;
	struct moment now = moment_now();
	double rate = (double)f->conf.connects_per_hour / MS_PER_HOUR;

	(void)fd;
	(void)what;
	/* What was not used is lost after a tenth of a second. */
	f->allowance = MIN_OF(f->allowance +
	    (double)(now.mono_ms - f->pumped_ms) * rate, rate * 100 + 1);
	f->pumped_ms = now.mono_ms;
	while (f->allowance >= 1 && !list_empty(&f->waiting)) {
		struct unit *u =
		    CONTAINER_OF(f->waiting.next, struct unit, waiting);

		f->allowance -= 1;
		list_remove(&u->waiting);
		if (!unit_connect(u)) {
			server_absent(u);
			tracker_closed(&u->tracker, now);
			unit_rearm(u);
		}
	}
	pump_set(f);
}

static void
io_connect(struct tracker *t)
{
	struct unit *u = unit_of(t);

	list_push_back(&u->fleet->waiting, &u->waiting);
	pump_set(u->fleet);
}

static void
io_disconnect(struct tracker *t)
{
	unit_disconnect(unit_of(t));
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

static void
io_send(struct tracker *t, const void *p, size_t n, bool in_pieces)
{
	struct unit *u = unit_of(t);
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

/* --- downloads ------------------------------------------------------------ */

static void
on_downloaded(void *arg, const char *why, uint64_t bytes)
{
	struct unit *u = arg;

	download_free(u->download);
	u->download = NULL;
	tracker_fetched(&u->tracker, why == NULL, bytes, moment_now());
	unit_rearm(u);
}

static void
io_fetch_cancel(struct tracker *t)
{
	struct unit *u = unit_of(t);

	download_free(u->download);
	u->download = NULL;
}

static bool
io_fetch(struct tracker *t, const struct tracker_fetch *fetch)
{
	struct unit *u = unit_of(t);
	struct download_order o = {
		.url = fetch->url,
		.user = fetch->user,
		.secret = fetch->secret,
		.timeout_ms = fetch->timeout_ms,
		.done = on_downloaded,
		.arg = u,
	};

	io_fetch_cancel(t);
	u->download = download_start(u->fleet->base, u->fleet->dns, &o);
	return u->download != NULL;
}

static const struct tracker_io fleet_io = {
	.connect = io_connect,
	.disconnect = io_disconnect,
	.send = io_send,
	.fetch = io_fetch,
	.fetch_cancel = io_fetch_cancel,
};

/* --- the whole ------------------------------------------------------------ */

uint64_t
fleet_descriptors(const struct fleet_conf *conf)
{
	return conf->ids.count * (conf->tracker.download ? 2 : 1) +
	    DESCRIPTORS_SPARE;
}

static int
unit_init(struct fleet *f, size_t i, struct moment now)
{
	struct unit *u = &f->v[i];
	char id[IDENT_MAX];
	struct devid devid;

	u->fleet = f;
	ident_make(&f->conf.ids, i, id);
	if (devid_parse(span_str(id), &devid) < 0)
		return -1;
	tracker_init(&u->tracker, &f->conf.tracker, &fleet_io, id, devid.key,
	    now, 1);
	return heap_set(&f->due, &u->due, tracker_next(&u->tracker));
}

/* Without a configuration there are still addresses and the hosts file. */
static struct evdns_base *
resolver_new(struct event_base *base)
{
	struct evdns_base *dns = evdns_base_new(base,
	    EVDNS_BASE_INITIALIZE_NAMESERVERS |
	    EVDNS_BASE_DISABLE_WHEN_INACTIVE);

	if (dns != NULL)
		return dns;
	dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (dns != NULL)
		(void)evdns_base_load_hosts(dns, "/etc/hosts");
	return dns;
}

int
fleet_new(struct event_base *base, const struct fleet_conf *conf,
    struct fleet **ret, struct errtext *err)
{
	struct unit *units = calloc(conf->ids.count, sizeof(*units));
	struct fleet *f = calloc(1, sizeof(*f));
	struct moment now = moment_now();

	if (units == NULL || f == NULL) {
		free(units);
		free(f);
		return errtext_set(err, -1, "out of memory");
	}
	f->v = units;
	f->conf = *conf;
	f->base = base;
	f->pumped_ms = now.mono_ms;
	list_init(&f->waiting);
	heap_init(&f->due);
	f->timer = evtimer_new(base, on_timer, f);
	f->pump = evtimer_new(base, on_pump, f);
	if (f->timer == NULL || f->pump == NULL)
		goto bad;
	if (conf->tracker.download && (f->dns = resolver_new(base)) == NULL)
		goto bad;
	for (; f->n < conf->ids.count; f->n++)
		if (unit_init(f, f->n, now) < 0)
			goto bad;
	timer_set(f);
	*ret = f;
	return 0;
bad:
	fleet_free(f);
	return errtext_set(err, -1, "out of memory");
}

static void
unit_done(struct unit *u)
{
	unit_disconnect(u);
	download_free(u->download);
	if (u->piece_timer != NULL)
		event_free(u->piece_timer);
	if (u->pieces != NULL)
		evbuffer_free(u->pieces);
	tracker_done(&u->tracker);
}

void
fleet_free(struct fleet *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->n; i++)
		unit_done(&f->v[i]);
	if (f->dns != NULL)
		evdns_base_free(f->dns, 0);
	if (f->timer != NULL)
		event_free(f->timer);
	if (f->pump != NULL)
		event_free(f->pump);
	heap_done(&f->due);
	free(f->v);
	free(f);
}

size_t
fleet_count(const struct fleet *f)
{
	return f->n;
}

const struct tracker *
fleet_tracker(const struct fleet *f, size_t i)
{
	assert(i < f->n);
	return &f->v[i].tracker;
}

static void
sum_add(struct fleet_sum *s, const struct tracker *t)
{
	const struct tracker_counts *c = &t->counts;

	s->online += t->link == LINK_UP;
	s->phases[t->phase]++;
	s->updating += t->phase != PHASE_IDLE && t->phase != PHASE_OFF &&
	    t->phase != PHASE_BRICKED;
	s->flashed += t->history.flashed.len + c->ble_updates;
	s->failures += c->failures;
	s->received += t->history.received.len;
	s->acked += t->history.acked.len;
	s->while_busy += c->while_busy;
	s->wrong_password += c->wrong_password;
	s->malformed += c->malformed;
	s->reads += c->reads;
	s->sacked += c->sacked;
	s->heartbeats += c->heartbeats;
	s->resends += c->resends;
	s->dropped += t->out.dropped;
	s->connects += c->connects;
	s->connect_failures += c->connect_failures;
	s->downloads_ok += c->downloads_ok;
	s->downloads_failed += c->downloads_failed;
	s->bytes += c->bytes;
	for (size_t i = 0; i < FAULT_COUNT; i++)
		s->fired[i] += c->fired[i];
}

void
fleet_sum(const struct fleet *f, struct fleet_sum *ret)
{
	*ret = (struct fleet_sum){0};
	for (size_t i = 0; i < f->n; i++)
		sum_add(ret, &f->v[i].tracker);
}
