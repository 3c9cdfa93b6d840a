#include "config.h"
#include "io/trackers_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/prng.h"

/*
 * Trackers over UDP. A source that has sent one good frame is a connection
 * without a descriptor of its own; before that it is nothing, so that whoever
 * sends garbage under many addresses fills no memory. What is answered to a
 * datagram is never longer than it, so that nobody is flooded in a forged name.
 */
#define DATAGRAM_MAX 8192
#define DATAGRAMS_A_CALL 16
#define CALLS_A_TURN 16
#define RECEIVE_BUFFER (4 * 1024 * 1024)
#define CONTROL_BYTES 64

struct udp_batch {
	struct mmsghdr msg[DATAGRAMS_A_CALL];
	struct iovec iov[DATAGRAMS_A_CALL];
	struct sockaddr_storage from[DATAGRAMS_A_CALL];
	union {
		struct cmsghdr align;
		char bytes[CONTROL_BYTES];
	} control[DATAGRAMS_A_CALL];
	char data[DATAGRAMS_A_CALL][DATAGRAM_MAX];
};

/* --- sources ---------------------------------------------------------------*/

/* Address, port and listener as one number; two that share it by chance take
 * turns, as a source that moves does. Never 0. */
static uint64_t
source_key(const struct udp_listener *l, const uint8_t addr[16], bool v6,
    uint16_t port)
{
	uint64_t h = prng_mix(l->t->udp.seed,
	    (uint64_t)port << 32 | (uint64_t)l->index << 1 | v6);
	uint64_t part;

	for (size_t i = 0; i < (v6 ? 16 : 8); i += 8) {
		memcpy(&part, addr + i, sizeof(part));
		h = prng_mix(h, part);
	}
	return h == 0 ? 1 : h;
}

static void
source_of(const struct sockaddr_storage *ss, uint8_t addr[16], bool *ret_v6,
    uint16_t *ret_port)
{
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;

	memset(addr, 0, 16);
	*ret_v6 = ss->ss_family == AF_INET6;
	if (*ret_v6) {
		memcpy(&sin6, ss, sizeof(sin6));
		memcpy(addr, &sin6.sin6_addr, 16);
		*ret_port = ntohs(sin6.sin6_port);
	} else {
		memcpy(&sin, ss, sizeof(sin));
		memcpy(addr, &sin.sin_addr, 4);
		*ret_port = ntohs(sin.sin_port);
	}
}

void
udp_forget(struct conn *c)
{
	struct trackers *t = c->t;

	if (idmap_get(&t->udp.sources, c->udp_key) == c)
		(void)idmap_remove(&t->udp.sources, c->udp_key);
}

static struct conn *
source_find(struct udp_listener *l, const struct sockaddr_storage *from)
{
	uint8_t addr[16];
	struct conn *c;
	bool v6;
	uint16_t port;

	source_of(from, addr, &v6, &port);
	c = idmap_get(&l->t->udp.sources, source_key(l, addr, v6, port));
	if (c == NULL || c->reason != NULL || c->udp != l || c->v6 != v6 ||
	    c->port != port || memcmp(c->addr, addr, v6 ? 16 : 4) != 0)
		return NULL;
	return c;
}

/* A source that says who it is. NULL: there are too many, or no memory. */
static struct conn *
source_new(struct udp_listener *l, const struct sockaddr_storage *from,
    int64_t now)
{
	struct trackers *t = l->t;
	struct conn *c, *old;

	if (t->open >= (size_t)t->cfg.max_connections) {
		trackers_count(t, TRACKERS_REFUSED_MAX, 1);
		return NULL;
	}
	if ((c = conn_new(t, -1, from, now)) == NULL)
		goto no_memory;
	c->core.transport = TRANSPORT_UDP;
	c->udp = l;
	if (relay_begin(c, l->text) < 0) {
		conn_free(c);
		goto no_memory;
	}
	c->udp_key = source_key(l, c->addr, c->v6, c->port);
	c->counted = t->cfg.max_connections_per_address > 0;
	if (c->counted && (uintptr_t)idmap_get(&t->per_address,
		address_key(c)) >=
	    (uintptr_t)t->cfg.max_connections_per_address) {
		trackers_count(t, TRACKERS_REFUSED_ADDRESS, 1);
		conn_free(c);
		return NULL;
	}
	if (c->counted && address_enter(t, address_key(c)) < 0) {
		conn_free(c);
		goto no_memory;
	}
	old = idmap_get(&t->udp.sources, c->udp_key);
	if (idmap_put(&t->udp.sources, c->udp_key, c) < 0) {
		if (c->counted)
			address_leave(t, address_key(c));
		conn_free(c);
		goto no_memory;
	}
	if (old != NULL)
		conn_close(old, "source_replaced", TRACKERS_COUNTER_COUNT_);
	t->open++;
	/* It has identified itself, or it would not be here. */
	c->identified = true;
	trackers_count(t, TRACKERS_ACCEPTED, 1);
	c->core.id = t->next_id++;
	wheel_put(t, c, conn_deadline(c));
	t->ops.open(t->ops.arg, &c->core);
	return c;
no_memory:
	trackers_count(t, TRACKERS_NO_MEMORY, 1);
	return NULL;
}

/* --- output ----------------------------------------------------------------*/

/* From the address that it was sent to: through a NAT no other one arrives. */
static void
put_local(struct msghdr *m, const struct conn *c, char *control)
{
	struct in_pktinfo in = {0};
	struct in6_pktinfo in6 = {0};
	struct cmsghdr *h;

	if (!c->udp->any)
		return;
	m->msg_control = control;
	m->msg_controllen = c->v6 ? CMSG_SPACE(sizeof(in6))
				  : CMSG_SPACE(sizeof(in));
	h = CMSG_FIRSTHDR(m);
	if (c->v6) {
		memcpy(&in6.ipi6_addr, c->local, 16);
		h->cmsg_level = IPPROTO_IPV6;
		h->cmsg_type = IPV6_PKTINFO;
		h->cmsg_len = CMSG_LEN(sizeof(in6));
		memcpy(CMSG_DATA(h), &in6, sizeof(in6));
	} else {
		memcpy(&in.ipi_spec_dst, c->local, 4);
		h->cmsg_level = IPPROTO_IP;
		h->cmsg_type = IP_PKTINFO;
		h->cmsg_len = CMSG_LEN(sizeof(in));
		memcpy(CMSG_DATA(h), &in, sizeof(in));
	}
}

bool
udp_send(struct conn *c, const char *p, size_t n)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_port = htons(c->port)};
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6,
	    .sin6_port = htons(c->port)};
	union {
		struct cmsghdr align;
		char bytes[CONTROL_BYTES];
	} control = {0};
	struct iovec iov = {(void *)(uintptr_t)p, n};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t sent;

	memcpy(&sin.sin_addr, c->addr, 4);
	memcpy(&sin6.sin6_addr, c->addr, 16);
	m.msg_name = c->v6 ? (void *)&sin6 : (void *)&sin;
	m.msg_namelen = c->v6 ? sizeof(sin6) : sizeof(sin);
	put_local(&m, c, control.bytes);
	do
		sent = sendmsg(c->udp->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	/* An error may be of an earlier datagram, told by ICMP; a lost reply
	 * is what UDP is about. */
	if (sent < 0) {
		trackers_count(c->t, TRACKERS_UDP_NOT_SENT, 1);
		return false;
	}
	trackers_count(c->t, TRACKERS_BYTES_OUT, (uint64_t)sent);
	return true;
}

/* --- input -----------------------------------------------------------------*/

static void
take_local(struct conn *c, struct msghdr *m)
{
	struct in_pktinfo in;
	struct in6_pktinfo in6;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h != NULL;
	    h = CMSG_NXTHDR(m, h)) {
		if (h->cmsg_level == IPPROTO_IP && h->cmsg_type == IP_PKTINFO) {
			memcpy(&in, CMSG_DATA(h), sizeof(in));
			memcpy(c->local, &in.ipi_spec_dst, 4);
		} else if (h->cmsg_level == IPPROTO_IPV6 &&
		    h->cmsg_type == IPV6_PKTINFO) {
			memcpy(&in6, CMSG_DATA(h), sizeof(in6));
			memcpy(c->local, &in6.ipi6_addr, 16);
		}
	}
}

/* Whether a source that nobody knows says who it is in this frame. */
static bool
introduces(struct trackers *t, const struct frame *f)
{
	enum msg_bad bad;

	if (message_decode_next(f, &t->message, &bad) < 0) {
		trackers_count(t, TRACKERS_FRAMES, 1);
		t->stats.bad_message[bad]++;
		return false;
	}
	return t->message.has_id;
}

static void
datagram(struct udp_listener *l, struct msghdr *m, const char *p, size_t n,
    const struct sockaddr_storage *from, int64_t now)
{
	struct trackers *t = l->t;
	struct conn *c = source_find(l, from);
	char rest[DATAGRAM_MAX];    /* for the platform behind us */
	size_t off = 0, used, scan, passed = 0, rest_len = 0, at;
	enum frame_why why;
	struct frame f;

	trackers_count(t, TRACKERS_DATAGRAMS, 1);
	trackers_count(t, TRACKERS_BYTES_IN, n);
	t->reply.len = 0;
	t->reply.max = n;
	while (off < n && (c == NULL || c->reason == NULL)) {
		scan = 0;
		switch (frame_next(p + off, n - off, t->cfg.frame_max, &scan,
		    &f, &used, &why)) {
		case FRAME_MORE:
			/* Half a frame at the end: the rest never comes. */
			if (off + used < n)
				t->stats.bad_frame[FRAME_WHY_PREFIX]++;
			off = n;
			continue;
		case FRAME_BAD:
			t->stats.bad_frame[why]++;
			break;
		case FRAME_OK:
			if (c == NULL && introduces(t, &f))
				c = source_new(l, from, now);
			if (c != NULL) {
				take_local(c, m);
				if (conn_frame(c, &f, now) &&
				    c->relay != NULL) {
					at = (size_t)(f.bytes.p - p);
					memcpy(rest + rest_len, p + passed,
					    at - passed);
					rest_len += at - passed;
					passed = at + f.bytes.n;
					relays_stats(t->relays)->hidden++;
				}
			}
			break;
		}
		off += used;
	}
	if (c != NULL && c->relay != NULL) {
		memcpy(rest + rest_len, p + passed, n - passed);
		relay_datagram_up(c, rest, rest_len + n - passed);
	}
	if (c != NULL && c->reason == NULL && t->reply.len > 0)
		(void)udp_send(c, t->reply.p, t->reply.len);
	t->reply.len = t->reply.max = 0;
}

static void
batch_ready(struct udp_batch *b)
{
	for (size_t i = 0; i < DATAGRAMS_A_CALL; i++) {
		b->iov[i] = (struct iovec){b->data[i], DATAGRAM_MAX};
		b->msg[i].msg_hdr = (struct msghdr){
		    .msg_name = &b->from[i],
		    .msg_namelen = sizeof(b->from[i]),
		    .msg_iov = &b->iov[i],
		    .msg_iovlen = 1,
		    .msg_control = &b->control[i],
		    .msg_controllen = CONTROL_BYTES,
		};
	}
}

static void
on_udp(evutil_socket_t fd, short what, void *arg)
{
	struct udp_listener *l = arg;
	struct trackers *t = l->t;
	struct udp_batch *b = t->udp.batch;
	int64_t now = loop_mono_ms();
	int n = DATAGRAMS_A_CALL;

	(void)what;
	if (t->hold) {
		/* The kernel keeps some, and drops the rest: they come again. */
		(void)event_del(&l->ev);
		l->held = true;
		return;
	}
	if (t->ops.begin != NULL)
		t->ops.begin(t->ops.arg);
	/* Bounded, so that a flood does not starve the connections. */
	for (int i = 0; i < CALLS_A_TURN && n == DATAGRAMS_A_CALL; i++) {
		batch_ready(b);
		n = recvmmsg(fd, b->msg, DATAGRAMS_A_CALL, MSG_DONTWAIT, NULL);
		for (int j = 0; j < n; j++) {
			struct msghdr *m = &b->msg[j].msg_hdr;

			if ((m->msg_flags & MSG_TRUNC) != 0) {
				t->stats.bad_frame[FRAME_WHY_OVERSIZE]++;
				continue;
			}
			datagram(l, m, b->data[j], b->msg[j].msg_len,
			    &b->from[j], now);
		}
	}
	if (t->ops.end != NULL)
		t->ops.end(t->ops.arg);
}

/* --- listeners -------------------------------------------------------------*/

static bool
is_any(const char *host)
{
	return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0 ||
	    strcmp(host, "[::]") == 0;
}

static void
udp_listener_free(struct udp_listener *l)
{
	(void)event_del(&l->ev);
	(void)close(l->fd);
	free(l);
}

static struct udp_listener *
udp_listener_new(struct trackers *t, const struct trackers_address *a,
    struct errtext *err)
{
	struct udp_listener *l = calloc(1, sizeof(*l));

	if (l == NULL) {
		(void)errtext_set(err, -1, "no memory for listeners");
		return NULL;
	}
	l->t = t;
	l->address = *a;
	l->any = is_any(a->host);
	(void)snprintf(l->text, sizeof(l->text),
	    strchr(a->host, ':') != NULL && a->host[0] != '[' ? "[%s]:%u"
							      : "%s:%u",
	    a->host, a->port);
	l->index = t->udp.next_index++;
	if ((l->fd = listen_udp(a, RECEIVE_BUFFER, err)) < 0) {
		free(l);
		return NULL;
	}
	(void)event_assign(&l->ev, t->base, l->fd, EV_READ | EV_PERSIST, on_udp,
	    l);
	if (event_add(&l->ev, NULL) != 0) {
		udp_listener_free(l);
		(void)errtext_set(err, -1, "no memory for listeners");
		return NULL;
	}
	return l;
}

static bool
listed(const struct trackers_address *v, size_t n,
    const struct trackers_address *a)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].port == a->port && strcmp(v[i].host, a->host) == 0)
			return true;
	return false;
}

static struct udp_listener *
open_at(const struct trackers *t, const struct trackers_address *a)
{
	for (size_t i = 0; i < UDP_LISTENERS_MAX; i++)
		if (t->udp.listener[i] != NULL &&
		    listed(a, 1, &t->udp.listener[i]->address))
			return t->udp.listener[i];
	return NULL;
}

/* Who came in there is gone with it. */
static void
close_sources(struct trackers *t, const struct udp_listener *l)
{
	struct conn *c;
	size_t pos = 0;

	while ((c = idmap_next(&t->udp.sources, &pos)) != NULL)
		if (c->udp == l)
			conn_close(c, "listener_closed",
			    TRACKERS_COUNTER_COUNT_);
}

/* New ones are bound before old ones are closed: all or nothing. */
int
udp_listen(struct trackers *t, const struct trackers_address *v, size_t n,
    struct errtext *err)
{
	struct udp_listener *set[UDP_LISTENERS_MAX] = {0};
	bool made[UDP_LISTENERS_MAX] = {false};
	size_t i;

	if (n > UDP_LISTENERS_MAX)
		return errtext_set(err, -1, "at most %d UDP addresses",
		    UDP_LISTENERS_MAX);
	if (n > 0 && t->udp.batch == NULL &&
	    (t->udp.batch = calloc(1, sizeof(*t->udp.batch))) == NULL)
		return errtext_set(err, -1, "no memory for datagrams");
	for (i = 0; i < n; i++) {
		set[i] = open_at(t, &v[i]);
		made[i] = set[i] == NULL;
		if (made[i] &&
		    (set[i] = udp_listener_new(t, &v[i], err)) == NULL)
			goto bad;
	}
	for (size_t j = 0; j < UDP_LISTENERS_MAX; j++) {
		struct udp_listener *l = t->udp.listener[j];

		if (l == NULL || listed(v, n, &l->address))
			continue;
		close_sources(t, l);
		/* Freed when its last source is: they point to it. */
		(void)event_del(&l->ev);
		l->gone = true;
		l->next_gone = t->udp.gone;
		t->udp.gone = l;
	}
	memcpy(t->udp.listener, set, sizeof(set));
	return 0;
bad:
	while (i-- > 0)
		if (made[i])
			udp_listener_free(set[i]);
	return -1;
}

/* After a turn in which sources were closed. */
void
udp_reap(struct trackers *t)
{
	struct udp_listener *l;

	while ((l = t->udp.gone) != NULL) {
		t->udp.gone = l->next_gone;
		udp_listener_free(l);
	}
}

void
udp_hold_over(struct trackers *t)
{
	for (size_t i = 0; i < UDP_LISTENERS_MAX; i++) {
		struct udp_listener *l = t->udp.listener[i];

		if (l == NULL || !l->held)
			continue;
		l->held = false;
		if (event_add(&l->ev, NULL) != 0)
			trackers_count(t, TRACKERS_NO_MEMORY, 1);
	}
}

void
udp_stop(struct trackers *t)
{
	for (size_t i = 0; i < UDP_LISTENERS_MAX; i++)
		if (t->udp.listener[i] != NULL)
			(void)event_del(&t->udp.listener[i]->ev);
}

uint16_t
trackers_udp_port(const struct trackers *t, size_t i)
{
	return i < UDP_LISTENERS_MAX && t->udp.listener[i] != NULL
	    ? listen_port(t->udp.listener[i]->fd) : 0;
}

void
udp_done(struct trackers *t)
{
	udp_reap(t);
	for (size_t i = 0; i < UDP_LISTENERS_MAX; i++)
		if (t->udp.listener[i] != NULL)
			udp_listener_free(t->udp.listener[i]);
	idmap_done(&t->udp.sources);
	free(t->udp.batch);
}
