#include "config.h"
#include "io/trackers_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/resource.h>

/* An IPv4 address, or the network part of an IPv6 one: whoever has one
 * address of a /64 has them all. */
uint64_t
address_key(const struct conn *c)
{
	uint64_t key = 0;
	size_t n = c->v6 ? 8 : 4;

	for (size_t i = 0; i < n; i++)
		key = key << 8 | c->addr[i];
	if (!c->v6)
		return key | (uint64_t)1 << 32;
	/* ::1 and its like have no network part. */
	return key != 0 ? key : UINT64_MAX;
}

/* The map's value is the count itself; a pointer would need a block each. */
int
address_enter(struct trackers *t, uint64_t key)
{
	uintptr_t count = (uintptr_t)idmap_get(&t->per_address, key);

	return idmap_put(&t->per_address, key, (void *)(count + 1));
}

void
address_leave(struct trackers *t, uint64_t key)
{
	uintptr_t count = (uintptr_t)idmap_get(&t->per_address, key);

	if (count <= 1)
		(void)idmap_remove(&t->per_address, key);
	else if (idmap_put(&t->per_address, key, (void *)(count - 1)) < 0)
		abort(); /* replacing needs no memory */
}

int
address_told(struct conn *c)
{
	struct trackers *t = c->t;
	int max = t->cfg.max_connections_per_address;

	if (max <= 0)
		return 0;
	if ((uintptr_t)idmap_get(&t->per_address, address_key(c)) >=
	    (uintptr_t)max) {
		conn_close(c, "max_connections_per_address",
		    TRACKERS_REFUSED_ADDRESS);
		return -1;
	}
	if (address_enter(t, address_key(c)) < 0) {
		conn_close(c, "no_memory", TRACKERS_NO_MEMORY);
		return -1;
	}
	c->counted = true;
	return 0;
}

/* Why a new connection is not wanted, or GATE_COUNT_. */
static enum gate
refusal(struct trackers *t, const struct conn *c)
{
	const struct trackers_config *cfg = &t->cfg;

	if (c->proxied && !cidr_any_has(t->trust, t->trust_count,
		c->core.addr)) {
		trackers_count(t, TRACKERS_REFUSED_PROXY, 1);
		return GATE_PROXY;
	}
	if (t->open >= (size_t)cfg->max_connections) {
		trackers_count(t, TRACKERS_REFUSED_MAX, 1);
		return GATE_MAX;
	}
	if (!c->identified &&
	    t->unidentified >= (size_t)cfg->max_unidentified) {
		trackers_count(t, TRACKERS_REFUSED_UNIDENTIFIED, 1);
		return GATE_UNIDENTIFIED;
	}
	if (!c->proxied && cfg->max_connections_per_address > 0 &&
	    (uintptr_t)idmap_get(&t->per_address, address_key(c)) >=
	    (uintptr_t)cfg->max_connections_per_address) {
		trackers_count(t, TRACKERS_REFUSED_ADDRESS, 1);
		return GATE_ADDRESS;
	}
	return GATE_COUNT_;
}

static void
refuse(struct trackers *t, struct conn *c, enum gate g)
{
	static const char *const limit[] = {
		[GATE_MAX] = "max_connections",
		[GATE_PROXY] = "proxy_trust",
		[GATE_ADDRESS] = "max_connections_per_address",
		[GATE_UNIDENTIFIED] = "max_unidentified",
	};
	char peer[SOCKADDR_TEXT];

	trackers_note(t, g, NOTE_WARN,
	    "connection refused peer=%s reason=%s connections=%zu "
	    "unidentified=%zu",
	    trackers_peer(&c->core, peer, sizeof(peer)), limit[g], t->open,
	    t->unidentified);
	conn_free(c);
}

int
relay_begin(struct conn *c, const char *listen)
{
	struct relay_target *to = relays_find(c->t->relays, listen);

	if (to == NULL)
		return 0;
	if (relay_open(c, to) < 0)
		return -1;
	c->core.relayed = true;
	return 0;
}

static void
accept_one(struct trackers *t, const struct listener *l, int fd,
    const struct sockaddr_storage *peer, int64_t now)
{
	struct conn *c = conn_new(t, fd, peer, now);
	enum gate g;

	if (c == NULL) {
		trackers_count(t, TRACKERS_NO_MEMORY, 1);
		trackers_note(t, GATE_MEMORY, NOTE_ERROR,
		    "connection refused reason=no_memory");
		return;
	}
	c->proxied = l->proxy;
	if ((g = refusal(t, c)) != GATE_COUNT_) {
		refuse(t, c, g);
		return;
	}
	c->counted = t->cfg.max_connections_per_address > 0 && !c->proxied;
	if (conn_start(c) < 0 ||
	    (c->counted && address_enter(t, address_key(c)) < 0)) {
		trackers_count(t, TRACKERS_NO_MEMORY, 1);
		conn_free(c);
		return;
	}
	t->open++;
	t->unidentified++;
	trackers_count(t, TRACKERS_ACCEPTED, 1);
	c->core.id = t->next_id++;
	if (relay_begin(c, l->text) < 0) {
		conn_close(c, "no_memory", TRACKERS_NO_MEMORY);
		t->ops.open(t->ops.arg, &c->core);
		return;
	}
	/* Nobody is closed for his silence there. */
	if (c->relay != NULL) {
		c->identified = true;
		t->unidentified--;
	}
	wheel_put(t, c, conn_deadline(c));
	t->ops.open(t->ops.arg, &c->core);
}

bool
trackers_adopt(struct trackers *t, const struct trackers_kept *k)
{
	struct sockaddr_storage none = {.ss_family = AF_INET};
	struct listen_options o = listen_options_of(t);
	int64_t now = loop_mono_ms();
	struct conn *c = conn_new(t, k->fd, &none, now);
	bool relayed = k->relay.host[0] != '\0';
	enum gate g;

	if (c == NULL || conn_restore(c, k, now) < 0) {
		trackers_count(t, TRACKERS_NO_MEMORY, 1);
		if (c != NULL)
			conn_free(c);
		if (relayed)
			(void)close(k->relay.fd);
		return false;
	}
	/* Its platform is no longer ours to speak to: it comes again. */
	if (relayed && relay_restore(c, &k->relay) < 0) {
		conn_free(c);
		return false;
	}
	c->identified = k->devid.key != 0;
	if ((g = refusal(t, c)) != GATE_COUNT_) {
		refuse(t, c, g);
		return false;
	}
	c->counted = t->cfg.max_connections_per_address > 0;
	if (conn_start(c) < 0 ||
	    (c->counted && address_enter(t, address_key(c)) < 0)) {
		trackers_count(t, TRACKERS_NO_MEMORY, 1);
		conn_free(c);
		return false;
	}
	listen_options_apply(k->fd, &o);
	t->open++;
	if (!c->identified)
		t->unidentified++;
	trackers_count(t, TRACKERS_ADOPTED, 1);
	c->core.id = t->next_id++;
	wheel_put(t, c, conn_deadline(c));
	t->ops.resume(t->ops.arg, &c->core,
	    c->identified ? &k->devid : NULL);
	if (relayed && c->reason == NULL)
		relay_resume(c);
	return true;
}

/* Accepting again at once would only spin: the connection waits in the
 * kernel's queue, and the event loop would be told of it without end. */
static void
accept_pause(struct trackers *t, const char *why)
{
	struct timeval tv = {.tv_usec = ACCEPT_PAUSE_MS * 1000};

	trackers_count(t, TRACKERS_EMFILE, 1);
	trackers_note(t, GATE_FDS, NOTE_ERROR,
	    "accept paused reason=\"%s\" connections=%zu descriptors_max=%d",
	    why, t->open, t->fd_max);
	if (t->paused || event_add(&t->resume, &tv) != 0)
		return;
	t->paused = true;
	for (size_t i = 0; i < t->listener_count; i++)
		(void)event_del(&t->listener[i]->ev);
}

static void
on_resume(evutil_socket_t unused, short what, void *arg)
{
	struct trackers *t = arg;

	(void)unused;
	(void)what;
	t->paused = false;
	if (!t->listening)
		return;
	for (size_t i = 0; i < t->listener_count; i++)
		if (event_add(&t->listener[i]->ev, NULL) != 0)
			accept_pause(t, strerror(ENOMEM));
}

/* True: go on accepting. */
static bool
accept_failed(struct trackers *t, int error)
{
	switch (error) {
	case EAGAIN:
		return false;
	case EINTR:
	case ECONNABORTED:
	/* Errors of the network that accept(2) hands through: they are of
	 * one connection, not of the listener. */
	case EPROTO:
	case ENOPROTOOPT:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENONET:
	case EOPNOTSUPP:
	case EPERM:
		return true;
	default:
		accept_pause(t, strerror(error));
		return false;
	}
}

static void
on_accept(evutil_socket_t lfd, short what, void *arg)
{
	struct listener *l = arg;
	struct trackers *t = l->t;
	struct sockaddr_storage ss;
	int64_t now = loop_mono_ms();
	socklen_t len;
	int fd;

	(void)what;
	/* Bounded, so that a storm of newcomers does not starve those that
	 * are connected; the event stays active while more are waiting. */
	for (int i = 0; i < ACCEPTS_A_TURN && !t->paused; i++) {
		len = sizeof(ss);
		fd = accept4(lfd, (struct sockaddr *)&ss, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (!accept_failed(t, errno))
				return;
			continue;
		}
		if (fd >= t->fd_ceiling) {
			(void)close(fd);
			accept_pause(t, "descriptor limit");
			return;
		}
		accept_one(t, l, fd, &ss, now);
	}
}

struct listener *
listener_new(struct trackers *t, const struct trackers_address *a,
    const struct listen_options *o, struct errtext *err)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (l == NULL) {
		(void)errtext_set(err, -1, "%s:%u: no memory", a->host,
		    a->port);
		return NULL;
	}
	l->t = t;
	l->address = *a;
	(void)snprintf(l->text, sizeof(l->text),
	    strchr(a->host, ':') != NULL && a->host[0] != '[' ? "[%s]:%u"
							      : "%s:%u",
	    a->host, a->port);
	if ((l->fd = listen_open(a, o, err)) < 0) {
		free(l);
		return NULL;
	}
	(void)event_assign(&l->ev, t->base, l->fd, EV_READ | EV_PERSIST,
	    on_accept, l);
	return l;
}

int
listener_start(struct listener *l)
{
	return l->t->paused ? 0 : event_add(&l->ev, NULL);
}

void
listener_free(struct listener *l)
{
	if (l == NULL)
		return;
	(void)event_del(&l->ev);
	(void)close(l->fd);
	free(l);
}

void
accept_limit(struct trackers *t)
{
	struct rlimit rl;
	int max = INT32_MAX;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < INT32_MAX)
		max = (int)rl.rlim_cur;
	/* Descriptors are given lowest first: one this high says that the
	 * table is full but for those that we leave to others. */
	t->fd_max = max;
	t->fd_ceiling = max > 4 * SPARE_FDS ? max - SPARE_FDS : max - max / 4;
}

void
accept_init(struct trackers *t)
{
	accept_limit(t);
	(void)event_assign(&t->resume, t->base, -1, 0, on_resume, t);
}

void
accept_done(struct trackers *t)
{
	(void)event_del(&t->resume);
}
