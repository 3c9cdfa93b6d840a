#ifndef TRACKUP_CORE_EVENT_H
#define TRACKUP_CORE_EVENT_H
/*
 * event: what goes into the core and what comes out of it.
 *
 * Pure values. The shell feeds one struct ev at a time to core_handle() and
 * carries out the effects in order before it feeds the next.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"
#include "core/record.h"
#include "proto/encode.h"
#include "proto/message.h"

struct device;

enum transport { TRANSPORT_TCP, TRANSPORT_UDP };

/* The core's half of a connection. It lies inside the shell's connection and
 * must stay valid until EV_CLOSE was handled. The shell sets id (ascending in
 * the order of accept, never reused), transport and, before the first frame,
 * addr; the rest is the core's. */
struct core_conn {
	uint64_t id;
	uint64_t key;        /* device it last identified; 0 = none yet */
	uint64_t open_seq;
	struct device *device; /* whose newest it is; NULL = nobody's */
	enum transport transport;
	unsigned held;       /* the shell's: replies that wait for a ticket */
	void *held_last;     /* and the youngest of them */
	uint8_t addr[16];    /* the shell's: of the peer, as cidr_address() */
	bool mixed;          /* it has spoken as more than one device */
	bool relayed;        /* set by the shell: a platform is behind us, and
	                      * acknowledges what it gets */
	bool inside;         /* the shell's: a command was not taken, for that
	                      * platform is in the middle of a frame; none is
	                      * tried before EV_BETWEEN */
};

enum ev_kind {
	EV_TICK,     /* time has passed: deadlines are due */
	EV_OPEN,     /* conn was accepted */
	EV_FRAME,    /* conn, message */
	EV_ENDED,    /* its tracker says no more on conn: replies may still go,
	              * commands would not arrive */
	EV_CLOSE,    /* conn is gone */
	EV_RESUME,   /* conn was kept over a restart; devid: whose it was, or
	              * NULL. No sign of life */
	EV_DURABLE,  /* everything through ticket is on disk */
	EV_SENT,     /* the outcome of an FX_SEND: ok = the kernel took at least
	              * one byte, so the tracker may get it whole */
	EV_FOREIGN,  /* conn: the platform behind us commands an update itself */
	EV_BETWEEN,  /* conn: the platform's frame is over, ours may follow */
	EV_STORE,    /* ok = commits work; else degraded: no starts, no SACKs */
	EV_WINDOWS,  /* windows: the answer to an FX_WINDOWS */
	EV_DOWNLOAD, /* download: what our file server saw */
	EV_KIND_COUNT_
};

/* from_wall <= t < to_wall. */
struct wall_span {
	int64_t from_wall, to_wall;
};

/* The hours of one campaign in one zone, told in UTC. */
struct windows_answer {
	int64_t campaign;
	const char *zone;
	bool known;                   /* false: there is no such zone */
	const struct wall_span *span; /* sorted, disjoint, not touching */
	size_t count;
	int64_t from_wall, to_wall;   /* between them the spans say all */
};

enum download_kind { DOWNLOAD_BEGIN, DOWNLOAD_PROGRESS, DOWNLOAD_END };

enum download_why {
	DOWNLOAD_COMPLETE,
	DOWNLOAD_CUT,      /* by the tracker, or its network */
	DOWNLOAD_SLOW,     /* the tracker did not take it in time */
	DOWNLOAD_FAULT,    /* ours: disk, memory, or no share of the rate */
	DOWNLOAD_MISSING,  /* ours: there is no such file */
	DOWNLOAD_REFUSED,  /* credentials, a range that is none */
	DOWNLOAD_WHY_COUNT_
};

#define DOWNLOAD_PEER 64

/* One request for the URL of an attempt. */
struct download_report {
	enum download_kind kind;
	enum download_why why;        /* of the end */
	int64_t attempt;
	uint64_t device;
	int status;                   /* HTTP; 400 and more: an end without
	                               * a beginning */
	uint64_t first, length, size; /* what was asked for, of how many */
	uint64_t bytes;               /* of length, sent so far */
	int64_t ms;                   /* since the beginning */
	char peer[DOWNLOAD_PEER];
};

struct ev {
	enum ev_kind kind;
	struct core_conn *conn;
	const struct message *message;
	const struct devid *devid;
	uint64_t ticket;
	uint64_t send_id;
	bool ok;
	bool low; /* of EV_STORE: commits work, but no start may begin */
	const struct windows_answer *windows; /* borrowed */
	const struct download_report *download; /* borrowed */
};

/* alive ms (see record.h) and UTC ms. at_ms never goes back. */
struct core_now {
	int64_t at_ms;
	int64_t wall_ms;
	int64_t boot_ms; /* since the boot of the machine; 0 = unknown */
};

enum fx_kind {
	FX_SEND,  /* a command: write it now to conn, whole and only if no output
	           * is waiting there; answer with EV_SENT (send_id) at once */
	FX_REPLY, /* acknowledgement for conn, held until ticket is durable; lost
	           * silently when conn is gone by then */
	FX_CLOSE, /* close conn, reason for the log */
	FX_NOTE,  /* one line for the log: "event key=value …", hostile bytes
	           * escaped already, no secrets */
	FX_WINDOWS, /* tell the windows of campaign in the zone that bytes name,
	             * from from_wall to to_wall: EV_WINDOWS, at once */
	FX_TOKEN, /* bytes is the token of a URL: from now on (valid) or no more
	           * it stands for attempt of device */
	FX_KIND_COUNT_
};

enum note_level { NOTE_ERROR, NOTE_WARN, NOTE_INFO, NOTE_DEBUG };

struct fx_item {
	enum fx_kind kind;
	struct core_conn *conn;
	uint64_t conn_id;      /* to notice that conn is gone */
	uint64_t ticket;
	uint64_t send_id;
	int64_t spoke_at;      /* FX_SEND: the device, which led to it; -1 */
	enum note_level level;
	int64_t campaign, from_wall, to_wall;
	int64_t attempt;
	uint64_t device;
	bool valid;
	size_t len;
	char bytes[COMMAND_MAX + RAW_MAX];
};

/* Effects of one core_handle(). The shell owns it and reuses it. */
struct fx {
	/* acknowledgements that leave at once on the connection of the event;
	 * whoever calls may let them pile up over the frames of one read */
	char *reply;
	size_t reply_len, reply_cap;
	struct fx_item *item;
	size_t count, cap;
	/* EV_FRAME on a relayed connection: it is of our own dialogue, and not
	 * for the platform */
	bool own;
	/* the batch; ticket is its number when ops.count > 0 */
	struct opbuf ops;
	uint64_t ticket;
};

void fx_init(struct fx *fx);
void fx_done(struct fx *fx);
/* Forgets items and reply, keeps memory. ops must have been moved out. */
void fx_clear(struct fx *fx);

#endif
