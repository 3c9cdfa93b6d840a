#ifndef TRACKUP_IO_TRACKERS_H
#define TRACKUP_IO_TRACKERS_H
/*
 * trackers: TCP listeners and connections of trackers; bytes ↔ messages.
 *
 * One epoll descriptor for all connections, one shared read buffer; a private
 * one only while a partial frame or unsent output exists. No timer per
 * connection: last_seen and a sweep once a second. Accepts at most 256 a turn.
 * Every close passes through one function with a reason, which is counted.
 * Invariant: an idle identified connection owns its struct and nothing else.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/cidr.h"
#include "base/errtext.h"
#include "core/event.h"
#include "io/loop.h"
#include "io/relay.h"

struct trackers;

struct trackers_address {
	char host[64];
	uint16_t port;
};

struct trackers_config {
	const struct trackers_address *listen;
	size_t listen_count;
	/* The last so many of them require PROXY protocol, from these networks
	 * only, whose list is copied. */
	size_t proxy_count;
	const struct cidr *proxy_trust;
	size_t proxy_trust_count;
	int64_t proxy_timeout_ms;       /* 0 = 10 s */
	const struct trackers_address *udp; /* the same over UDP */
	size_t udp_count;
	int max_connections;            /* already held against RLIMIT_NOFILE */
	int max_connections_per_address; /* 0 = no limit; an IPv6 /64 is one */
	int max_unidentified;
	size_t frame_max;
	int64_t identify_timeout_ms, idle_timeout_ms;
	int64_t keepalive_ms;           /* 0 = off */
	int bad_frames_max;
	const struct relay_config *relay; /* NULL = none; copied */
	int64_t owed_timeout_ms;        /* TCP_USER_TIMEOUT; 0 = 240 s */
	int64_t linger_ms;              /* after the peer's FIN, for replies
	                                 * that wait; 0 = 1 s */
	int64_t busy_look_ms;           /* between looks at an idle one that is
	                                 * updating; 0 = 60 s */
};

/* Acknowledgements of one read, sent in one go when its frames are handled.
 * Filled with trackers_reply_add(), which makes room. */
struct trackers_reply {
	char *p;
	size_t len, cap;
	size_t max; /* no more than this; 0 = what fits */
	bool own; /* set by the callback: the frame is kept from the platform */
};

struct trackers_ops {
	void *arg;
	void (*open)(void *arg, struct core_conn *conn);
	/* A turn of reading begins, some frames may follow: what is the same
	 * for all of them, as the time, needs to be found out once. May be
	 * NULL. */
	void (*begin)(void *arg);
	/* In place of open, for one that trackers_adopt() took. */
	void (*resume)(void *arg, struct core_conn *conn,
	    const struct devid *id);
	/* m points into the read buffer: valid during the call. */
	void (*frame)(void *arg, struct core_conn *conn,
	    const struct message *m, struct trackers_reply *reply);
	/* The frames of that turn are handled. May be NULL. */
	void (*end)(void *arg);
	/* The tracker says no more: trackers_send() refuses from now on, and
	 * replies may still go until the close, which follows. May be NULL. */
	void (*ended)(void *arg, struct core_conn *conn);
	/* The connection is gone when this returns. */
	void (*close)(void *arg, struct core_conn *conn, const char *reason);
	/* The platform behind us sends a GTUPD command of its own. */
	void (*foreign)(void *arg, struct core_conn *conn);
	/* A command was not sent, for the platform was in the middle of a
	 * frame; now it is not. */
	void (*between)(void *arg, struct core_conn *conn);
	/* True while the device of conn is updating: idle_timeout suspended. */
	bool (*busy)(void *arg, const struct core_conn *conn);
	/* One log line; trackers limits the rate of what peers can cause. */
	void (*note)(void *arg, enum note_level level, const char *line);
};

/* A connection that outlives this process. */
struct trackers_kept {
	int fd;
	bool v6;
	uint8_t addr[16];
	uint16_t port;
	int bad;                    /* framing failures so far */
	const char *in, *out;       /* half a frame; what the kernel did not
	                             * take yet */
	size_t in_len, out_len;
	struct core_conn *core;     /* of trackers_keep() only */
	struct devid devid;         /* key 0 = not identified */
	struct relay_kept relay;
};
typedef void trackers_keep_fn(void *arg, const struct trackers_kept *k);

enum trackers_counter {
	TRACKERS_ACCEPTED, TRACKERS_ADOPTED, /* over a restart */
	TRACKERS_CLOSED, TRACKERS_REFUSED_MAX,
	TRACKERS_REFUSED_ADDRESS, TRACKERS_REFUSED_UNIDENTIFIED,
	TRACKERS_REFUSED_PROXY,   /* of a network that is not trusted */
	TRACKERS_PROXY_BAD,       /* a header that is none, or came late */
	TRACKERS_EMFILE, TRACKERS_IDENTIFY_TIMEOUT, TRACKERS_IDLE_TIMEOUT,
	TRACKERS_PARTIAL_TIMEOUT, /* a frame that began did not end in time */
	TRACKERS_OWED_TIMEOUT,    /* output waited owed_timeout_ms */
	TRACKERS_BAD_FRAMES_CLOSED, TRACKERS_OUTPUT_CLOSED, TRACKERS_NO_MEMORY,
	TRACKERS_DATAGRAMS, TRACKERS_UDP_NOT_SENT,
	TRACKERS_BYTES_IN, TRACKERS_BYTES_OUT, TRACKERS_FRAMES,
	TRACKERS_COUNTER_COUNT_
};

struct trackers_stats {
	size_t connections, unidentified;
	/* The limits in force. */
	int max_connections, max_connections_per_address, max_unidentified;
	int bad_frames_max, descriptors_max;
	size_t frame_max, output_max;
	int64_t identify_timeout_ms, idle_timeout_ms, owed_timeout_ms;
	int64_t proxy_timeout_ms;
	uint64_t counter[TRACKERS_COUNTER_COUNT_];
	uint64_t kind[MSG_KIND_COUNT_];      /* frames by kind */
	uint64_t bad_frame[FRAME_WHY_COUNT_];
	uint64_t bad_message[MSG_BAD_COUNT_];
	struct relay_stats relay;
};

/* Binds and listens; all or nothing, err says which address and why. */
MUST_CHECK int trackers_new(struct trackers **ret, struct loop *l,
    const struct trackers_config *cfg, const struct trackers_ops *ops,
    struct errtext *err);
void trackers_free(struct trackers *t); /* closes all, without callbacks */
/* Limits and timeouts of a reload; listeners are compared: new ones are bound
 * first, all or nothing, then those that are gone are closed. */
MUST_CHECK int trackers_reconfigure(struct trackers *t,
    const struct trackers_config *cfg, struct errtext *err);

/* The port that the i-th listener is bound to, in the order of the
 * configuration; 0: no such. */
uint16_t trackers_port(const struct trackers *t, size_t i);

uint16_t trackers_udp_port(const struct trackers *t, size_t i);

/* Appends an acknowledgement inside the frame callback. No memory: it is not
 * sent, and the tracker repeats its report. */
void trackers_reply_add(struct trackers_reply *r, const char *p, size_t n);
/* A command, now or never: none of its bytes is kept for later. True when the
 * kernel took at least one; took it not all, the connection is closed
 * (command_torn). False: nothing left, because output was waiting, the peer is
 * gone, or the socket is full. */
MUST_CHECK bool trackers_send(struct core_conn *conn, const char *p, size_t n);
/* An acknowledgement outside the frame callback; buffered up to a bound, past
 * it the connection is closed (output_closed). */
void trackers_reply(struct core_conn *conn, const char *p, size_t n);
/* At the end of this loop turn; the close callback follows. Copies reason. */
void trackers_close(struct core_conn *conn, const char *reason);
/* Marks it identified (no identify timeout any more); cheap when it is. */
void trackers_identified(struct core_conn *conn);
/* "192.0.2.1:4711" of the peer into buf. */
char *trackers_peer(const struct core_conn *conn, char *buf, size_t size);
int64_t trackers_last_seen_mono(const struct core_conn *conn);

/* The store's queue is full: stop or go on reading from all. */
void trackers_hold_reading(struct trackers *t, bool hold);
/* Tells of every connection that is worth keeping. fn borrows; what it keeps
 * it duplicates. Nothing may be read or written afterwards: free it. */
void trackers_keep(struct trackers *t, trackers_keep_fn *fn, void *arg);
/* One of a process before: held against the limits as a new one is, and then
 * goes on where it was. Takes its descriptors, also on failure (false, and
 * counted). */
bool trackers_adopt(struct trackers *t, const struct trackers_kept *k);
/* Draining: close listeners, keep connections. */
void trackers_stop_listening(struct trackers *t);
/* The platforms behind us, at most max. */
size_t trackers_relays(const struct trackers *t, struct relay_view *ret,
    size_t max);
/* The rest of the daemon has failed: relay on, and do nothing else. */
void trackers_pure(struct trackers *t);
void trackers_get_stats(const struct trackers *t, struct trackers_stats *ret);
const char *trackers_counter_name(enum trackers_counter c);

#endif
