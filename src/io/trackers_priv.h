#ifndef TRACKUP_IO_TRACKERS_PRIV_H
#define TRACKUP_IO_TRACKERS_PRIV_H
/*
 * trackers_priv: what trackers.c, accept.c, udp.c and the conn files share; for
 * them and the relay only.
 *
 * Connections are not events of libevent: its struct and what it keeps for each
 * descriptor would be half of their memory. They have an epoll descriptor of
 * their own, and libevent watches that.
 *
 * Every connection is in exactly one list: a slot of the wheel while it is
 * open, the graveyard from conn_close() to the end of the loop turn.
 */
#include <netinet/in.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/idmap.h"
#include "base/list.h"
#include "base/cidr.h"
#include "io/listen.h"
#include "io/relay_priv.h"
#include "io/trackers.h"

#define READ_BYTES (64 * 1024)
#define REPLY_FLUSH (64 * 1024) /* of one read: sent when it grew to this */
#define OUTPUT_MAX (32 * 1024)  /* waiting for one peer; past it: closed */
#define LINGER_DEFAULT_MS 1000  /* after the peer's FIN, for held replies */
#define BUSY_LOOK_DEFAULT_MS 60000
#define OWED_DEFAULT_MS 240000
#define PROXY_DEFAULT_MS 10000 /* for the header of PROXY protocol */
#define WHEEL_SLOTS 1024
#define TICK_MAX_MS 1000
#define TICK_MIN_MS 10
#define ACCEPTS_A_TURN 256
#define READY_A_TURN 256
#define ACCEPT_PAUSE_MS 100
#define SPARE_FDS 16            /* left for the database and the control */
#define NOTE_EVERY_MS 10000
#define UDP_LISTENERS_MAX 16
/* In what epoll gives back: it is the upstream of that connection. */
#define CONN_UPSTREAM UINT64_C(1)

struct udp_batch;

struct udp_listener {
	struct trackers *t;
	struct event ev;
	struct trackers_address address;
	struct udp_listener *next_gone;
	char text[80];              /* "host:port", as in the configuration */
	unsigned index;             /* distinguishes its sources from others' */
	int fd;
	bool any, held, gone;
};

/* Trackers over UDP: their sources are connections without a descriptor. */
struct udp {
	struct udp_listener *listener[UDP_LISTENERS_MAX]; /* as configured */
	struct udp_listener *gone;  /* freed at the end of the turn */
	struct idmap sources;       /* struct conn by udp_key */
	struct udp_batch *batch;    /* NULL until a listener needs it */
	uint64_t seed;
	unsigned next_index;
};

struct conn {
	struct core_conn core;
	struct trackers *t;
	struct list link;
	const char *reason;   /* why it is being closed; NULL = open */
	int64_t due_at;       /* when the wheel looks at it */
	int64_t since_at;     /* of accept: identify_timeout counts from here */
	int64_t seen_at;      /* last good frame, or the accept */
	int64_t partial_at;   /* an unfinished frame began; 0 = none */
	int64_t owed_at;      /* output waits since, or the peer's FIN; 0 = no */
	char *in;             /* an unfinished frame */
	char *out;            /* what the kernel did not take */
	char *told;           /* the reason, when it came from outside */
	uint32_t in_len, in_cap, in_scan;
	uint32_t out_len, out_cap;
	int fd;
	uint32_t events;      /* that poll_fd tells of; 0 = it has not got it */
	int bad;              /* framing failures */
	uint16_t port;
	bool identified;
	bool half_closed;     /* the peer sends no more */
	bool proxied;         /* its PROXY header has not come yet */
	bool counted;         /* in per_address */
	bool held;            /* not read from until hold_reading ends */
	struct relay *relay;  /* NULL: nobody is behind us */
	struct udp_listener *udp; /* NULL: TCP */
	uint64_t udp_key;
	uint8_t local[16];    /* UDP: the address that it sends to */
	bool v6;
	uint8_t addr[16];
};

struct listener {
	struct trackers *t;
	struct event ev;
	struct trackers_address address;
	char text[80];        /* "host:port", as in the configuration */
	bool proxy;           /* each connection begins with a PROXY header */
	int fd;
};

/* One line in NOTE_EVERY_MS, with the number of those that were swallowed. */
struct note_gate {
	int64_t next_at;
	uint64_t missed;
};

enum gate {
	GATE_MAX, GATE_PROXY, GATE_ADDRESS, GATE_UNIDENTIFIED, GATE_FDS, GATE_ACCEPT,
	GATE_MEMORY, GATE_COUNT_
};

struct trackers {
	struct event_base *base;
	struct trackers_config cfg; /* cfg.listen is not kept */
	struct trackers_ops ops;
	struct listener **listener;
	size_t listener_count;
	struct cidr *trust;         /* who may send a PROXY header */
	size_t trust_count;
	bool listening;             /* false once trackers_stop_listening() */
	bool paused;                /* accepting, for want of descriptors */
	struct event resume;
	int fd_max;                 /* the limit of the process */
	int fd_ceiling;             /* a descriptor from here on is refused */

	struct list wheel[WHEEL_SLOTS];
	size_t wheel_pos;
	int64_t wheel_at;           /* the time that wheel_pos stands for */
	int64_t tick_ms;
	struct event tick;

	int poll_fd;                /* epoll of all connections */
	struct epoll_event ready[READY_A_TURN];
	struct event poll;
	struct list graveyard;
	struct event reaper;

	size_t open, unidentified;
	uint64_t next_id;
	struct idmap per_address;   /* address_key() → count, when limited */

	struct relays *relays;
	struct udp udp;
	bool pure;                  /* a relay and nothing else */
	bool hold;
	char *rbuf;                 /* partial_max + READ_BYTES, shared */
	size_t partial_max;         /* the largest frame_max so far */
	struct trackers_reply reply; /* of the read that is being handled */
	struct message message;     /* of the frame that is being handled */
	struct note_gate gate[GATE_COUNT_];
	struct trackers_stats stats;
};

/* --- trackers.c ------------------------------------------------------------*/
void trackers_count(struct trackers *t, enum trackers_counter c, uint64_t n);
/* A line for the log, unless one of this gate went out just now. */
void trackers_note(struct trackers *t, enum gate g, enum note_level level,
    const char *fmt, ...) PRINTF_LIKE(4, 5);
struct listen_options listen_options_of(const struct trackers *t);
void wheel_put(struct trackers *t, struct conn *c, int64_t due_at);

/* --- accept.c --------------------------------------------------------------*/
MUST_CHECK struct listener *listener_new(struct trackers *t,
    const struct trackers_address *a, const struct listen_options *o,
    struct errtext *err);
void listener_free(struct listener *l);
/* Accepts from now on; -1: no memory. */
MUST_CHECK int listener_start(struct listener *l);
/* Reads the descriptor limit, at a reload again. */
void accept_limit(struct trackers *t);
void accept_init(struct trackers *t);
void accept_done(struct trackers *t);
/* What the limit per address counts. Never 0. */
uint64_t address_key(const struct conn *c);
MUST_CHECK int address_enter(struct trackers *t, uint64_t key);
void address_leave(struct trackers *t, uint64_t key);
/* It says where it comes from: -1, and it was closed, when there are too many
 * from there. */
MUST_CHECK int address_told(struct conn *c);
/* Whether a platform is behind the listener "host:port". -1: no memory. */
MUST_CHECK int relay_begin(struct conn *c, const char *listen);

/* --- udp.c -----------------------------------------------------------------*/
/* All or nothing; also at a reload. */
MUST_CHECK int udp_listen(struct trackers *t, const struct trackers_address *v,
    size_t n, struct errtext *err);
/* One datagram to a source; false: it did not leave. */
bool udp_send(struct conn *c, const char *p, size_t n);
void udp_forget(struct conn *c); /* it is closed */
void udp_reap(struct trackers *t);
void udp_hold_over(struct trackers *t);
void udp_stop(struct trackers *t); /* no datagram is read any more */
void udp_done(struct trackers *t); /* after the connections */

/* --- conn.c ----------------------------------------------------------------*/
struct conn *conn_of(const struct core_conn *cc);
/* Takes fd, also on failure; -1 for UDP. */
MUST_CHECK struct conn *conn_new(struct trackers *t, int fd,
    const struct sockaddr_storage *peer, int64_t now);
/* False: not worth keeping. */
bool conn_kept(const struct conn *c, struct trackers_kept *ret);
/* -1: more than a connection may have, or no memory. */
MUST_CHECK int conn_restore(struct conn *c, const struct trackers_kept *k,
    int64_t now);
/* The one way out. counter: of this reason, or TRACKERS_COUNTER_COUNT_. The
 * callback and the end of the memory follow at the end of the turn. */
void conn_close(struct conn *c, const char *reason,
    enum trackers_counter counter);
void conn_free(struct conn *c); /* closes the socket; no callback */
/* Reads from now on; -1: no memory. */
MUST_CHECK int conn_start(struct conn *c);
/* Some connections are ready: a turn's worth of them is served. */
void conn_poll(struct trackers *t);
int64_t conn_deadline(const struct conn *c);
/* Listens for what matters now. */
void conn_watch(struct conn *c);
/* Its time has come: closes it, or puts it back into the wheel. */
void conn_check(struct conn *c, int64_t now);
/* A nearer deadline may have come up; a later one is noticed when due. */
void conn_hurry(struct conn *c);
/* Stops or goes on reading from it. */
void conn_hold(struct conn *c, bool hold, int64_t now);

/* --- conn_out.c ------------------------------------------------------------*/
/* Makes room for need bytes in *buf. -1: no memory, nothing changed. */
MUST_CHECK int conn_buffer_reserve(char **buf, uint32_t *cap, size_t need);
void conn_buffer_drop(char **buf, uint32_t *cap);
/* The socket said so: closes c. */
void conn_failed(struct conn *c, int error);
/* Bytes for the tracker, whatever stands before them. Kept when the kernel
 * does not take them; past OUTPUT_MAX c is closed. */
void conn_put(struct conn *c, const char *p, size_t n);
/* The replies of one read leave together. */
void conn_reply_flush(struct conn *c);
void conn_writable(struct conn *c);

/* --- conn_in.c -------------------------------------------------------------*/
/* A frame that came for it. True: it is of our own dialogue, and none of the
 * platform's. */
bool conn_frame(struct conn *c, const struct frame *f, int64_t now);
void conn_forget_input(struct conn *c);
/* The peer says no more; replies may still go. */
void conn_half_close(struct conn *c, int64_t now);
void conn_readable(struct conn *c, int64_t now);

#endif
