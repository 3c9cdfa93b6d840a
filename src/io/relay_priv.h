#ifndef TRACKUP_IO_RELAY_PRIV_H
#define TRACKUP_IO_RELAY_PRIV_H
/*
 * relay_priv: the relay as conn.c, trackers.c and its own files see it.
 *
 * Ownership: struct conn owns its struct relay; struct relays owns targets,
 * which live as long as a connection points to them. All of it is the event
 * loop's. Whatever takes a conn and may close it only marks it closed
 * (c->reason): it stays valid until the end of the turn.
 */
#include <sys/epoll.h>
#include "base/span.h"
#include "io/listen.h"
#include "io/loop.h"
#include "io/relay.h"

struct conn;
struct relays;
struct relay_target;

#define RELAY_LATE_MAX 4096 /* replies of ours that wait for a border */

enum relay_state {
	RELAY_IDLE,       /* the tracker has not spoken yet */
	RELAY_AWAY,       /* no upstream: tried again at due_at */
	RELAY_CONNECTING,
	RELAY_UP,
};

struct relay {
	struct relay_target *target;
	enum relay_state state;
	int fd;             /* -1 = none */
	uint32_t events;
	char *up;           /* for the upstream: up_off..up_len */
	uint32_t up_off, up_len, up_cap;
	uint32_t ahead;     /* of the unfinished frame, passed on already */
	char *late;         /* replies of ours, for the next border */
	uint32_t late_len;
	int64_t due_at;     /* retry, or the end of connecting; 0 = none */
	int64_t backoff_ms;
	bool stalled;       /* the tracker is not read: the upstream is slow */
	bool up_shut;       /* the tracker's end was passed on */
	bool down_ended;    /* the platform sends no more */
	bool down_shut;     /* … and the tracker was told */
	bool inside;        /* the platform is in the middle of a frame */
	uint8_t head_len;
	char head[RELAY_HEAD];
};

/* --- relay_target.c --------------------------------------------------------*/
struct relay_address {
	struct sockaddr_storage ss;
	socklen_t len;
};

struct relays *relays_new(struct loop *l); /* NULL: no memory */
void relays_free(struct relays *r);
/* A reload. Connections keep the target that they have. -1: no memory. */
MUST_CHECK int relays_configure(struct relays *r,
    const struct relay_config *cfg);
const struct relay_config *relays_config(const struct relays *r);
struct relay_stats *relays_stats(struct relays *r);
/* The platform behind a listener, referenced; NULL: none. */
struct relay_target *relays_find(struct relays *r, const char *listen);
/* The same for one that is in use, by its name. */
struct relay_target *relays_find_named(struct relays *r, const char *host,
    uint16_t port);
void relay_target_name(const struct relay_target *t,
    char host[RELAY_HOST_MAX + 1], uint16_t *ret_port);
void relay_target_unref(struct relay_target *t);
/* An address to connect to, in turn; false: not resolved (yet). */
bool relay_target_address(struct relay_target *t, struct relay_address *ret);
/* Own address to bind to; false: the system chooses. */
bool relay_source(struct relays *r, sa_family_t family,
    struct relay_address *ret);
/* How connecting went; error 0 = well. */
void relay_target_told(struct relay_target *t, int error);
void relay_target_count(struct relay_target *t, int connected, int waiting);
size_t relays_view(const struct relays *r, struct relay_view *ret, size_t max);

/* --- relay_proxy.c ---------------------------------------------------------*/
#define RELAY_PROXY_MAX 128
/* Bytes of the header that relay.proxy_protocol asks for; -1 with errno. */
MUST_CHECK int relay_proxy_header(const struct conn *c,
    char buf[RELAY_PROXY_MAX]);

/* --- relay_udp.c -----------------------------------------------------------*/
/* What is left of a datagram of the tracker's, for the platform. */
void relay_datagram_up(struct conn *c, const char *p, size_t n);
void relay_datagram_ready(struct conn *c);

/* --- relay.c ---------------------------------------------------------------*/
/* Takes the reference to t. -1: no memory. */
MUST_CHECK int relay_open(struct conn *c, struct relay_target *t);
/* The one place where the state changes. */
void relay_enter(struct conn *c, enum relay_state next);
/* Asks for what the upstream's descriptor is to tell of. */
void relay_watch(struct conn *c);
void relay_free(struct conn *c);
/* p[passed..end): what was read and is no frame of ours. Sets how much of an
 * unfinished one is gone already. */
void relay_pass(struct conn *c, const char *p, size_t passed, size_t end);
/* Passes on what stands before the frame, and not the frame. Returns how far
 * p is dealt with. */
size_t relay_hide(struct conn *c, const char *p, size_t passed,
    const struct span *frame);
/* Everything, looked at by nobody: p[0..n), of which c->in were the first. */
void relay_pure(struct conn *c, const char *p, size_t n);
/* The tracker sends no more. */
void relay_tracker_ended(struct conn *c);
/* The tracker took its output: go on reading the platform, or end. */
void relay_drained(struct conn *c);
/* The platform broke its connection off: so do we the tracker's. */
void relay_upstream_failed(struct conn *c);
/* Closes c when both have said that they send no more, and all was passed
 * on. */
void relay_end_when_done(struct conn *c);
void relay_ready(struct conn *c, uint32_t events);
/* When it wants to be looked at; INT64_MAX = never. */
int64_t relay_deadline(const struct conn *c);
void relay_check(struct conn *c, int64_t now);

/* --- relay_down.c ----------------------------------------------------------*/
/* Whether something of ours may go to the tracker now. */
bool relay_between(const struct conn *c);
/* Keeps a reply of ours for the next border. */
void relay_late(struct conn *c, const char *p, size_t n);
/* Reads from the platform, for the tracker. */
void relay_down_readable(struct conn *c);

/* --- relay_keep.c ----------------------------------------------------------*/
/* Over a restart. False: it ends with the process. */
bool relay_kept(const struct conn *c, struct relay_kept *ret);
/* Takes k->fd. -1: nobody is configured there any more, or no memory. */
MUST_CHECK int relay_restore(struct conn *c, const struct relay_kept *k);
/* It is among the connections now: it may speak. */
void relay_resume(struct conn *c);

#endif
