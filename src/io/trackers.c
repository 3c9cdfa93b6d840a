#include "config.h"
#include "io/trackers_priv.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/sbuf.h"
#include "proto/proxy.h"

#define SOMAXCONN_WANTED 4096
#define NOTE_TEXT 256

static const char *const counter_name[TRACKERS_COUNTER_COUNT_] = {
	[TRACKERS_ACCEPTED] = "accepted",
	[TRACKERS_ADOPTED] = "adopted",
	[TRACKERS_CLOSED] = "closed",
	[TRACKERS_REFUSED_MAX] = "refused_max",
	[TRACKERS_REFUSED_ADDRESS] = "refused_address",
	[TRACKERS_REFUSED_UNIDENTIFIED] = "refused_unidentified",
	[TRACKERS_REFUSED_PROXY] = "refused_proxy",
	[TRACKERS_PROXY_BAD] = "proxy_bad",
	[TRACKERS_EMFILE] = "emfile",
	[TRACKERS_IDENTIFY_TIMEOUT] = "identify_timeout",
	[TRACKERS_IDLE_TIMEOUT] = "idle_timeout",
	[TRACKERS_PARTIAL_TIMEOUT] = "partial_timeout",
	[TRACKERS_OWED_TIMEOUT] = "owed_timeout",
	[TRACKERS_BAD_FRAMES_CLOSED] = "bad_frames_closed",
	[TRACKERS_OUTPUT_CLOSED] = "output_closed",
	[TRACKERS_NO_MEMORY] = "no_memory",
	[TRACKERS_DATAGRAMS] = "datagrams",
	[TRACKERS_UDP_NOT_SENT] = "udp_not_sent",
	[TRACKERS_BYTES_IN] = "bytes_in",
	[TRACKERS_BYTES_OUT] = "bytes_out",
	[TRACKERS_FRAMES] = "frames",
};

const char *
trackers_counter_name(enum trackers_counter c)
{
	assert((unsigned)c < TRACKERS_COUNTER_COUNT_);
	return counter_name[c];
}

void
trackers_count(struct trackers *t, enum trackers_counter c, uint64_t n)
{
	t->stats.counter[c] += n;
}

void
trackers_note(struct trackers *t, enum gate g, enum note_level level,
    const char *fmt, ...)
{
	struct note_gate *gate = &t->gate[g];
	int64_t now = loop_mono_ms();
	char line[NOTE_TEXT];
	va_list ap;
	int n;

	if (now < gate->next_at) {
		gate->missed++;
		return;
	}
	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (gate->missed > 0 && n > 0 && (size_t)n < sizeof(line))
		(void)snprintf(line + n, sizeof(line) - (size_t)n,
		    " suppressed=%llu", (unsigned long long)gate->missed);
	gate->missed = 0;
	gate->next_at = now + NOTE_EVERY_MS;
	t->ops.note(t->ops.arg, level, line);
}

/* --- the wheel -------------------------------------------------------------*/

void
wheel_put(struct trackers *t, struct conn *c, int64_t due_at)
{
	int64_t ticks;

	/* What lies beyond the last slot is looked at there and put again. */
	if (due_at - t->wheel_at >= (WHEEL_SLOTS - 1) * t->tick_ms)
		due_at = t->wheel_at + (WHEEL_SLOTS - 1) * t->tick_ms;
	ticks = (due_at - t->wheel_at + t->tick_ms - 1) / t->tick_ms;
	if (ticks < 1)
		ticks = 1;
	c->due_at = t->wheel_at + ticks * t->tick_ms;
	list_remove(&c->link);
	list_push_back(&t->wheel[(t->wheel_pos + (size_t)ticks) % WHEEL_SLOTS],
	    &c->link);
}

static void
slot_sweep(struct list *slot, int64_t now)
{
	struct list due, *n;

	/* Moved out first: what is put again may come to lie in this slot. */
	list_init(&due);
	while (!list_empty(slot)) {
		n = slot->next;
		list_remove(n);
		list_push_back(&due, n);
	}
	while (!list_empty(&due))
		conn_check(CONTAINER_OF(due.next, struct conn, link), now);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct trackers *t = arg;
	int64_t now = loop_mono_ms();

	(void)fd;
	(void)what;
	while (t->wheel_at + t->tick_ms <= now) {
		t->wheel_at += t->tick_ms;
		t->wheel_pos = (t->wheel_pos + 1) % WHEEL_SLOTS;
		slot_sweep(&t->wheel[t->wheel_pos], now);
	}
}

static int
tick_start(struct trackers *t)
{
	const struct trackers_config *cfg = &t->cfg;
	int64_t least = MIN_OF(cfg->identify_timeout_ms, cfg->idle_timeout_ms);
	struct timeval tv;

	/* Once a second; finer only where the deadlines are that short, as
	 * under a time scale. */
	least = MIN_OF(least, cfg->owed_timeout_ms) / 8;
	t->tick_ms = MAX_OF(MIN_OF(least, TICK_MAX_MS), TICK_MIN_MS);
	t->wheel_at = loop_mono_ms();
	tv.tv_sec = t->tick_ms / 1000;
	tv.tv_usec = t->tick_ms % 1000 * 1000;
	return event_add(&t->tick, &tv);
}

/* Every open connection, in a list that the caller empties again. */
static void
take_all(struct trackers *t, struct list *ret)
{
	struct list *n;

	list_init(ret);
	for (size_t i = 0; i < WHEEL_SLOTS; i++) {
		while (!list_empty(&t->wheel[i])) {
			n = t->wheel[i].next;
			list_remove(n);
			list_push_back(ret, n);
		}
	}
}

static void
on_poll(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	conn_poll(arg);
}

/* --- the end of a turn -----------------------------------------------------*/

static void
on_reaper(evutil_socket_t fd, short what, void *arg)
{
	struct trackers *t = arg;
	struct conn *c;

	(void)fd;
	(void)what;
	/* A callback may close others: these are appended and taken too. */
	while (!list_empty(&t->graveyard)) {
		c = CONTAINER_OF(t->graveyard.next, struct conn, link);
		list_remove(&c->link);
		t->ops.close(t->ops.arg, &c->core, c->reason);
		conn_free(c);
	}
	udp_reap(t);
}

/* --- configuration ---------------------------------------------------------*/

static void
config_take(struct trackers *t, const struct trackers_config *cfg)
{
	t->cfg = *cfg;
	/* The caller's list is not ours to keep. */
	t->cfg.listen = NULL;
	t->cfg.relay = NULL;
	t->cfg.udp = NULL;
	t->cfg.udp_count = 0;
	t->cfg.proxy_trust = NULL;
	t->cfg.proxy_trust_count = 0;
	if (t->cfg.proxy_timeout_ms <= 0)
		t->cfg.proxy_timeout_ms = PROXY_DEFAULT_MS;
	t->cfg.listen_count = 0;
	if (t->cfg.owed_timeout_ms <= 0)
		t->cfg.owed_timeout_ms = OWED_DEFAULT_MS;
	if (t->cfg.linger_ms <= 0)
		t->cfg.linger_ms = LINGER_DEFAULT_MS;
	if (t->cfg.busy_look_ms <= 0)
		t->cfg.busy_look_ms = BUSY_LOOK_DEFAULT_MS;
}

struct listen_options
listen_options_of(const struct trackers *t)
{
	return (struct listen_options){
		.user_timeout_ms = t->cfg.owed_timeout_ms,
		.keepalive_ms = t->cfg.keepalive_ms,
	};
}

static bool
address_eq(const struct trackers_address *a, const struct trackers_address *b)
{
	return a->port == b->port && strcmp(a->host, b->host) == 0;
}

static void
listeners_free(struct listener **v, size_t count)
{
	for (size_t i = 0; v != NULL && i < count; i++)
		listener_free(v[i]);
	free(v);
}

/* The listener of t for an address that is kept, removed from there. */
static struct listener *
listener_keep(struct trackers *t, const struct trackers_address *a, bool proxy)
{
	struct listener *l;

	for (size_t i = 0; i < t->listener_count; i++) {
		l = t->listener[i];
		if (l != NULL && l->proxy == proxy &&
		    address_eq(&l->address, a)) {
			t->listener[i] = NULL;
			return l;
		}
	}
	return NULL;
}

/* Puts the kept ones back after a failure. */
static void
listeners_undo(struct trackers *t, struct listener **v, size_t count,
    const bool *kept)
{
	size_t hole = 0;

	for (size_t i = 0; i < count; i++) {
		if (!kept[i])
			continue;
		while (t->listener[hole] != NULL)
			hole++;
		t->listener[hole] = v[i];
		v[i] = NULL;
	}
}

/* New listeners are bound before old ones are closed: all or nothing. */
static int
listeners_set(struct trackers *t, const struct trackers_config *cfg,
    struct errtext *err)
{
	struct listen_options o = {
		.user_timeout_ms = cfg->owed_timeout_ms > 0 ?
		    cfg->owed_timeout_ms : OWED_DEFAULT_MS,
		.keepalive_ms = cfg->keepalive_ms,
	};
	size_t count = cfg->listen_count;
	struct listener **v = calloc(count + 1, sizeof(struct listener *));
	bool *kept = calloc(count + 1, sizeof(bool));
	size_t i = 0;

	if (v == NULL || kept == NULL) {
		(void)errtext_set(err, -1, "no memory for listeners");
		goto bad;
	}
	for (; i < count; i++) {
		bool proxy = i >= count - cfg->proxy_count;

		v[i] = listener_keep(t, &cfg->listen[i], proxy);
		kept[i] = v[i] != NULL;
		if (kept[i])
			continue;
		v[i] = listener_new(t, &cfg->listen[i], &o, err);
		if (v[i] == NULL)
			goto bad;
		v[i]->proxy = proxy;
		if (listener_start(v[i]) < 0) {
			(void)errtext_set(err, -1, "no memory for listeners");
			i++;
			goto bad;
		}
	}
	listeners_free(t->listener, t->listener_count);
	t->listener = v;
	t->listener_count = count;
	free(kept);
	return 0;
bad:
	if (v != NULL && kept != NULL)
		listeners_undo(t, v, i, kept);
	listeners_free(v, i);
	free(kept);
	return -1;
}

/* The shared buffer only grows: a partial frame of the old limit may wait. */
static int
read_buffer_reserve(struct trackers *t, size_t frame_max, struct errtext *err)
{
	char *p;

	if (t->rbuf != NULL && frame_max <= t->partial_max)
		return 0;
	if ((p = realloc(t->rbuf, frame_max + READ_BYTES)) == NULL)
		return errtext_set(err, -1, "no memory for the read buffer");
	t->rbuf = p;
	t->partial_max = frame_max;
	return 0;
}

static void
warn_somaxconn(struct trackers *t)
{
	int n = listen_somaxconn();
	char line[NOTE_TEXT];

	if (n < 0 || n >= SOMAXCONN_WANTED)
		return;
	(void)snprintf(line, sizeof(line), "net.core.somaxconn is %d: a storm "
	    "of reconnecting trackers may lose connections; raise it to at "
	    "least %d", n, SOMAXCONN_WANTED);
	t->ops.note(t->ops.arg, NOTE_WARN, line);
}

/* A header of PROXY protocol may wait for its end, too. */
static size_t
partial_most(const struct trackers_config *cfg)
{
	return cfg->proxy_count > 0 ? MAX_OF(cfg->frame_max, (size_t)PROXY_MAX)
				    : cfg->frame_max;
}

static int
trust_set(struct trackers *t, const struct trackers_config *cfg)
{
	size_t n = cfg->proxy_trust_count;
	struct cidr *v = malloc((n + 1) * sizeof(*v));

	if (v == NULL)
		return -1;
	if (n > 0)
		memcpy(v, cfg->proxy_trust, n * sizeof(*v));
	free(t->trust);
	t->trust = v;
	t->trust_count = n;
	return 0;
}

static int
relays_set(struct trackers *t, const struct trackers_config *cfg)
{
	static const struct relay_config none;

	return relays_configure(t->relays, cfg->relay == NULL ? &none
		: cfg->relay);
}

int
trackers_new(struct trackers **ret, struct loop *l,
    const struct trackers_config *cfg, const struct trackers_ops *ops,
    struct errtext *err)
{
	struct trackers *t = calloc(1, sizeof(*t));
	uint64_t seed = 0;

	if (t == NULL)
		return errtext_set(err, -1, "no memory");
	t->base = loop_base(l);
	t->ops = *ops;
	t->listening = true;
	t->next_id = 1;
	/* Without chance at boot the map still works, only predictably. */
	(void)!getrandom(&seed, sizeof(seed), GRND_NONBLOCK);
	idmap_init(&t->per_address, seed);
	idmap_init(&t->udp.sources, seed);
	t->udp.seed = seed;
	list_init(&t->graveyard);
	for (size_t i = 0; i < WHEEL_SLOTS; i++)
		list_init(&t->wheel[i]);
	t->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	(void)event_assign(&t->poll, t->base, t->poll_fd, EV_READ | EV_PERSIST,
	    on_poll, t);
	(void)event_assign(&t->reaper, t->base, -1, 0, on_reaper, t);
	(void)event_assign(&t->tick, t->base, -1, EV_PERSIST, on_tick, t);
	accept_init(t);
	config_take(t, cfg);
	if ((t->relays = relays_new(l)) == NULL || relays_set(t, cfg) < 0 ||
	    trust_set(t, cfg) < 0) {
		(void)errtext_set(err, -1, "no memory for the relay");
		goto bad;
	}
	if (t->poll_fd < 0 || event_add(&t->poll, NULL) != 0) {
		(void)errtext_set(err, -1, "no epoll for connections: %s",
		    strerror(errno));
		goto bad;
	}
	if (read_buffer_reserve(t, partial_most(cfg), err) < 0 ||
	    listeners_set(t, cfg, err) < 0 ||
	    udp_listen(t, cfg->udp, cfg->udp_count, err) < 0)
		goto bad;
	if (tick_start(t) != 0) {
		(void)errtext_set(err, -1, "no memory for a timer");
		goto bad;
	}
	warn_somaxconn(t);
	*ret = t;
	return 0;
bad:
	trackers_free(t);
	return -1;
}

void
trackers_free(struct trackers *t)
{
	struct list all, *n, *tmp;

	if (t == NULL)
		return;
	(void)event_del(&t->tick);
	(void)event_del(&t->reaper);
	accept_done(t);
	listeners_free(t->listener, t->listener_count);
	take_all(t, &all);
	LIST_EACH_SAFE (n, tmp, &all)
		conn_free(CONTAINER_OF(n, struct conn, link));
	LIST_EACH_SAFE (n, tmp, &t->graveyard)
		conn_free(CONTAINER_OF(n, struct conn, link));
	if (t->poll_fd >= 0) {
		(void)event_del(&t->poll);
		(void)close(t->poll_fd);
	}
	relays_free(t->relays);
	free(t->trust);
	udp_done(t);
	idmap_done(&t->per_address);
	free(t->reply.p);
	free(t->rbuf);
	free(t);
}

/* Counts everybody, when the limit per address came up at a reload. */
static int
addresses_recount(struct trackers *t, bool wanted)
{
	struct list all, *n, *tmp;
	int r = 0;

	idmap_done(&t->per_address);
	idmap_init(&t->per_address, t->per_address.seed);
	if (!wanted)
		return 0;
	take_all(t, &all);
	LIST_EACH_SAFE (n, tmp, &all) {
		struct conn *c = CONTAINER_OF(n, struct conn, link);

		c->counted = !c->proxied;
		if (c->counted && address_enter(t, address_key(c)) < 0)
			r = -1;
		wheel_put(t, c, c->due_at);
	}
	return r;
}

/* New deadlines, and new options on the sockets. */
static void
connections_update(struct trackers *t, bool options)
{
	struct listen_options o = listen_options_of(t);
	struct list all, *n, *tmp;

	for (size_t i = 0; options && i < t->listener_count; i++)
		listen_options_apply(t->listener[i]->fd, &o);
	take_all(t, &all);
	LIST_EACH_SAFE (n, tmp, &all) {
		struct conn *c = CONTAINER_OF(n, struct conn, link);

		if (options && c->udp == NULL)
			listen_options_apply(c->fd, &o);
		wheel_put(t, c, conn_deadline(c));
	}
}

/* Over TCP and UDP, or as before. */
static int
listen_everywhere(struct trackers *t, const struct trackers_config *cfg,
    struct errtext *err)
{
	struct trackers_address old[UDP_LISTENERS_MAX];
	struct errtext again;
	size_t n = 0;

	while (n < UDP_LISTENERS_MAX && t->udp.listener[n] != NULL) {
		old[n] = t->udp.listener[n]->address;
		n++;
	}
	if (udp_listen(t, cfg->udp, cfg->udp_count, err) < 0)
		return -1;
	if (listeners_set(t, cfg, err) == 0)
		return 0;
	if (udp_listen(t, old, n, &again) < 0)
		t->ops.note(t->ops.arg, NOTE_ERROR, again.text);
	return -1;
}

int
trackers_reconfigure(struct trackers *t, const struct trackers_config *cfg,
    struct errtext *err)
{
	struct trackers_config old = t->cfg;
	bool limited = cfg->max_connections_per_address > 0;

	if (read_buffer_reserve(t, partial_most(cfg), err) < 0)
		return -1;
	if (limited != (old.max_connections_per_address > 0) &&
	    addresses_recount(t, limited) < 0) {
		(void)addresses_recount(t, !limited);
		return errtext_set(err, -1, "no memory to count addresses");
	}
	if (t->listening && listen_everywhere(t, cfg, err) < 0) {
		if (limited != (old.max_connections_per_address > 0))
			(void)addresses_recount(t, !limited);
		return -1;
	}
	if (relays_set(t, cfg) < 0 || trust_set(t, cfg) < 0)
		return errtext_set(err, -1, "no memory for the relay");
	config_take(t, cfg);
	accept_limit(t);
	if (tick_start(t) != 0)
		return errtext_set(err, -1, "no memory for a timer");
	connections_update(t, t->cfg.keepalive_ms != old.keepalive_ms ||
	    t->cfg.owed_timeout_ms != old.owed_timeout_ms);
	return 0;
}

void
trackers_keep(struct trackers *t, trackers_keep_fn *fn, void *arg)
{
	struct list all, *n, *tmp;
	struct trackers_kept k;

	take_all(t, &all);
	LIST_EACH_SAFE (n, tmp, &all) {
		struct conn *c = CONTAINER_OF(n, struct conn, link);

		wheel_put(t, c, c->due_at);
		if (conn_kept(c, &k))
			fn(arg, &k);
	}
}

/* --- the rest --------------------------------------------------------------*/

uint16_t
trackers_port(const struct trackers *t, size_t i)
{
	return i < t->listener_count ? listen_port(t->listener[i]->fd) : 0;
}

void
trackers_hold_reading(struct trackers *t, bool hold)
{
	int64_t now = loop_mono_ms();
	struct list all, *n, *tmp;

	if (t->hold == hold)
		return;
	t->hold = hold;
	/* Beginning: each connection is left alone when it next has bytes,
	 * which costs nothing for those that have none. */
	if (hold)
		return;
	udp_hold_over(t);
	take_all(t, &all);
	LIST_EACH_SAFE (n, tmp, &all) {
		struct conn *c = CONTAINER_OF(n, struct conn, link);

		wheel_put(t, c, c->due_at);
		conn_hold(c, false, now);
		if (c->reason == NULL)
			wheel_put(t, c, conn_deadline(c));
	}
}

void
trackers_stop_listening(struct trackers *t)
{
	t->listening = false;
	udp_stop(t);
	listeners_free(t->listener, t->listener_count);
	t->listener = NULL;
	t->listener_count = 0;
}

size_t
trackers_relays(const struct trackers *t, struct relay_view *ret, size_t max)
{
	return relays_view(t->relays, ret, max);
}

void
trackers_pure(struct trackers *t)
{
	t->pure = true;
}

void
trackers_get_stats(const struct trackers *t, struct trackers_stats *ret)
{
	*ret = t->stats;
	ret->relay = *relays_stats(t->relays);
	ret->connections = t->open;
	ret->unidentified = t->unidentified;
	ret->max_connections = t->cfg.max_connections;
	ret->max_connections_per_address = t->cfg.max_connections_per_address;
	ret->max_unidentified = t->cfg.max_unidentified;
	ret->bad_frames_max = t->cfg.bad_frames_max;
	ret->descriptors_max = t->fd_max;
	ret->frame_max = t->cfg.frame_max;
	ret->output_max = OUTPUT_MAX;
	ret->identify_timeout_ms = t->cfg.identify_timeout_ms;
	ret->idle_timeout_ms = t->cfg.idle_timeout_ms;
	ret->owed_timeout_ms = t->cfg.owed_timeout_ms;
	ret->proxy_timeout_ms = t->cfg.proxy_timeout_ms;
}
