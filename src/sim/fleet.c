#include "config.h"
#include "sim/fleet.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <stdlib.h>
#include <time.h>

#include "sim/download.h"
#include "sim/fleet_priv.h"

#define DESCRIPTORS_SPARE 64
#define PUMP_MS 10 /* how often waiting connects are let go */
#define MS_PER_HOUR 3600000

static int64_t
clock_ms(clockid_t id)
{
	struct timespec ts = {0};

	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct moment
fleet_moment(void)
{
	return (struct moment){
		.mono_ms = clock_ms(CLOCK_MONOTONIC),
		.wall_ms = clock_ms(CLOCK_REALTIME),
	};
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

void
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
	struct moment now = fleet_moment();
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
	struct moment now = fleet_moment();
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

static void
io_send(struct tracker *t, const void *p, size_t n, bool in_pieces)
{
	unit_send(unit_of(t), p, n, in_pieces);
}

/* --- downloads ------------------------------------------------------------ */

static void
on_downloaded(void *arg, const char *why, uint64_t bytes)
{
	struct unit *u = arg;

	download_free(u->download);
	u->download = NULL;
	tracker_fetched(&u->tracker, why == NULL, bytes, fleet_moment());
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
	struct moment now = fleet_moment();

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
