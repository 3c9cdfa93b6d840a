#ifndef TRACKUP_CORE_RECORD_H
#define TRACKUP_CORE_RECORD_H
/*
 * record: what the store keeps, as plain values; and the operations on it.
 *
 * The core appends operations to a struct opbuf; one core_handle() makes one
 * batch, written in one transaction under one ticket. The store binds each
 * record to its table and gives the same records back at start.
 *
 * Two clocks: *_wall is UTC ms since 1970, for people. *_at is alive ms: the
 * time that the daemon was up, summed over restarts, so that no jump of the
 * wall clock moves a deadline. *_seq is the core's event counter: it orders
 * what happened (reads after codes), also over restarts. 0 = never.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/devid.h"
#include "base/version.h"
#include "core/spec.h"
#include "core/words.h"

#define NAME_MAX_BYTES 40    /* device name kept, bytes */
#define PROTOVER_MAX 10
#define RAW_MAX 256          /* of a frame kept in the timeline */
#define REASON_MAX 200
#define WHO_MAX 64
#define QUARANTINE_MAX 11
#define TUPLES_PER_DEVICE 32 /* recent update frames known again */

/* One row for each device that is known, or of which something must be
 * remembered. */
struct device_rec {
	uint64_t key;
	char id[DEVID_MAX + 1];
	char protover[PROTOVER_MAX + 1];
	char name[NAME_MAX_BYTES + 1];
	char device_type[MODEL_MAX + 1];
	char hardware[MODEL_MAX + 1];
	char mcu[VERSION_MAX + 1];  /* last version read, shown */
	int64_t version_wall;
	int64_t last_seen_wall;
	bool registered;
	uint32_t serial_reserved;   /* no serial below was or will be reused */
	/* the last answered fence (design.md 3) */
	uint64_t fence_seq;         /* when its read was written */
	int64_t fence_at, fence_wall;
	char fence_version[VERSION_MAX + 1];
	/* what makes fences stale */
	uint64_t stale_seq;         /* last start, ACK, code, stop, end of W */
	uint64_t power_seq;         /* last power-on or power-off report */
	/* the start rule's ledger: the last start that may have left */
	int64_t start_attempt;      /* attempt id; 0 = none ever */
	uint16_t start_serial;
	uint64_t start_seq;
	int64_t start_w_end_at;     /* W over at */
	uint64_t start_w_over_seq;  /* W was seen to be over; 0 = not yet */
	uint64_t start_ack_seq;
	uint64_t start_final_seq;   /* live final code, or a verified hop */
	uint64_t start_dropped_seq; /* read-and-dropped proof */
	uint64_t stop_seq;          /* last stop frame */
	int64_t stop_w_end_at;
	bool stop_udp;
	/* an update that is not ours */
	int64_t foreign_until_at;   /* 0 = none */
	uint64_t foreign_seq;
	/* who speaks in its name is in doubt: nothing is sent to it */
	int64_t quarantined_wall;   /* 0 = not in quarantine */
	char quarantine[QUARANTINE_MAX + 1]; /* why: takeover, two_ids */
	/* what it makes of commands (diagnosis.c) */
	int64_t acked_wall;         /* last one acknowledged; 0 = never */
	int reads_unheard, starts_unheard; /* in a row, though it spoke */
	uint64_t rhythm;            /* rhythm.h; 0 = nothing learned */
};

struct campaign_rec {
	int64_t id;
	char name[CAMPAIGN_NAME_MAX + 1];
	char digest[DIGEST_TEXT];
	char targets_digest[DIGEST_TEXT]; /* of the ids that it names */
	int revision;
	enum campaign_state state;
	enum pause_reason reason;
	char reason_text[REASON_MAX + 1];  /* figures, after the colon */
	int64_t created_wall, started_wall, finished_wall;
	int64_t bucket_milli;       /* start tokens x 1000 */
	int64_t bucket_at;
	uint64_t rules_since_seq;   /* stop rules count from here */
	int64_t expired_wall;       /* schedule.end was acted on; 0 = not yet */
};

/* What a package was when its campaign began: the rest of the fleet must not
 * get another one. */
struct package_rec {
	int64_t campaign;
	int number;                 /* position in the file, from 0 */
	char name[URL_MAX + 1];     /* file or url, to be read by people */
	uint64_t bytes;             /* 0 = unknown */
	char sha256[DIGEST_TEXT];   /* "" = unknown */
};

struct target_rec {
	int64_t campaign;
	uint64_t device;
	uint32_t ordinal;           /* position in the snapshot */
	enum target_state state;
	enum cause cause;
	enum hold wait_hold;        /* battery, power_off: of a deferral */
	int attempts;               /* charged, in this hop */
	int attempts_total;         /* starts that left, shown */
	int deferrals;
	int deferrals_303;          /* doubles battery_wait */
	int resends;                /* after read-and-dropped, this attempt */
	int withdrawn;              /* in a row */
	int update_failed;          /* 302s so far: one further try at most */
	int64_t retry_wall;         /* 0 = none */
	uint64_t ended_seq;         /* for the stop rules */
	int hops;                   /* verified, of its path */
	uint64_t via;               /* by which packages (core/paths.h) */
	int edge;                   /* package of the last start, from 1 */
	int64_t last_attempt;       /* id; 0 = none */
	int wave;                   /* its number, from 0 */
	/* causes of charged failures (bits), as the stop rules count them: of
	 * all since the campaign ran last, and of those on the edge that it
	 * was last told; of these, what may still be taken back */
	unsigned rule_causes, rule_edge_causes, rule_provisional;
	int rule_edge;              /* position in packages; -1 = none yet */
	uint64_t rule_seq;          /* of the last of them */
};

struct wave_rec {
	int64_t campaign;
	int number;                 /* from 0 */
	char name[CAMPAIGN_NAME_MAX + 1];
	enum wave_state state;
	int64_t opened_wall, opened_at;
	int64_t met_at;             /* soaking since; 0 = gate not met */
	int64_t deadline_at;        /* 0 = none */
	int64_t paused_at;          /* the deadline stands still since */
	int64_t ended_wall;         /* passed or failed */
	char reason[REASON_MAX + 1];
	int64_t approved_wall;
	char approved_by[WHO_MAX + 1];
	char approved_reason[REASON_MAX + 1];
};

/* One row per AT+GTUPD start: what was told and what became of it. */
struct attempt_rec {
	int64_t id;
	int64_t campaign;
	uint64_t device;
	int number;                 /* 1.. within the target */
	uint16_t serial;
	char from[VERSION_MAX + 1]; /* version known before; "" = not read */
	char to[VERSION_MAX + 1];
	char url[URL_MAX + 1];
	char command[COMMAND_MAX + 1]; /* as told, secrets masked */
	enum phase phase;
	enum reached reached;
	enum result result;
	enum cause cause;
	bool holds_udp;             /* the start went over UDP */
	bool uncharged;             /* intent without evidence at a restart */
	bool foreign;               /* an ACK with a foreign serial was seen */
	bool earlier_start;         /* the device had a start of ours before */
	bool claimed_buffered;      /* 301 only as +BUFF, reached < downloaded */
	bool dark;                  /* overdue after 201, not heard of since */
	int code, times;            /* last code, raw; -1 = none */
	int held_code;              /* final code that waits for its fence; 0 */
	int tries_total;            /* N = max retry + 1 */
	unsigned started_mask;      /* bit n: 200,n was seen */
	int mode_over_acks;         /* fences without a version, in a row */
	int reads_unanswered;       /* on hints, since the last contact */
	bool cancel_wanted;
	enum cause cancel_cause;
	int stops_sent;
	bool stop_acked;
	uint16_t stop_serial[2];
	int64_t stop_at;
	int64_t intent_wall, ended_wall;
	uint64_t intent_seq, written_seq, ack_seq, code_seq, w_over_seq;
	int64_t written_at, code_at, w_end_at;
	int64_t w_ms;
	int64_t deadline_at;        /* of the phase; 0 = none */
	int64_t given_back_ms;      /* down time not counted, <= W */
	int gets;                   /* downloads that our file server began */
	uint64_t file_bytes;        /* sent of the file, from its beginning */
	bool fetching;              /* one is under way */
	bool fetched;               /* all of the file was sent */
	bool file_fault;            /* one failed by what we did */
};

/* The last update-relevant frames of a device, to know a resend again. */
struct tuple_rec {
	uint64_t device;
	int slot;                   /* 0..TUPLES_PER_DEVICE-1, a ring */
	uint64_t hash;              /* of kind, code, times, count, send time */
};

struct event_rec {
	int64_t wall;
	uint64_t device;            /* 0 = none */
	int64_t campaign, attempt;  /* 0 = none */
	enum event_kind kind;
	enum phase phase;           /* PHASE_NONE = none */
	int code;                   /* -1 = none */
	int serial;                 /* -1 = none */
	char text[RAW_MAX + 1];
};

/* A device that the operator took out of all campaigns; kept when it is over,
 * with active false. */
struct exclusion_rec {
	uint64_t device;
	char id[DEVID_MAX + 1];
	bool active;
	int64_t since_wall;
	int64_t until_wall;         /* 0 = until it is included */
	char who[WHO_MAX + 1];
	char reason[REASON_MAX + 1];
};

struct audit_rec {
	int64_t wall;
	char who[WHO_MAX + 1];      /* "uid:0", token name, "daemon" */
	char action[33];
	char object[2 * CAMPAIGN_NAME_MAX + 2]; /* a wave: campaign/wave */
	char reason[REASON_MAX + 1];
};

/* The liveness stamp: on every batch, and every 30 s. */
struct stamp_rec {
	int64_t alive_ms;
	int64_t wall;
	uint64_t seq;
	uint64_t boot;              /* which boot of the machine; 0 = unknown */
	int64_t boot_ms;            /* since that boot, suspend included */
};

struct flags_rec {
	bool halted;
	int64_t bucket_milli, bucket_at;           /* global start tokens */
	int64_t next_campaign, next_attempt;       /* ids */
};

enum op_kind {
	OP_DEVICE,   /* struct device_rec: insert or replace by key */
	OP_CAMPAIGN, /* struct campaign_rec: insert or replace by id */
	OP_REVISION, /* struct op_revision: the file's text, append only */
	OP_WAVE,     /* struct wave_rec: insert or replace */
	OP_TARGET,   /* struct target_rec: insert or replace */
	OP_ATTEMPT,  /* struct attempt_rec: insert or replace by id */
	OP_TUPLE,    /* struct tuple_rec: replace by (device, slot) */
	OP_EVENT,    /* struct event_rec: append */
	OP_AUDIT,    /* struct audit_rec: append */
	OP_STAMP,    /* struct stamp_rec: the one row */
	OP_FLAGS,    /* struct flags_rec: the one row */
	OP_PACKAGE,  /* struct package_rec: replace by (campaign, number) */
	OP_EXCLUSION, /* struct exclusion_rec: insert or replace by device */
	OP_KIND_COUNT_
};

struct op_revision {
	int64_t campaign;
	int revision;
	int64_t wall;
	char digest[DIGEST_TEXT];
	char *text;                 /* owned by the op; released by opbuf_done */
	size_t text_len;
};

/* A sequence of operations in one block of memory. */
struct opbuf {
	unsigned char *p;
	size_t len, cap;
	size_t count;
	bool failed;                /* no memory: the batch must not be used */
};

struct op {
	enum op_kind kind;
	union {
		const void *any;
		const struct device_rec *device;
		const struct campaign_rec *campaign;
		const struct op_revision *revision;
		const struct wave_rec *wave;
		const struct target_rec *target;
		const struct attempt_rec *attempt;
		const struct tuple_rec *tuple;
		const struct event_rec *event;
		const struct audit_rec *audit;
		const struct stamp_rec *stamp;
		const struct flags_rec *flags;
		const struct package_rec *package;
		const struct exclusion_rec *exclusion;
	};
};

void opbuf_init(struct opbuf *b);
void opbuf_done(struct opbuf *b);  /* releases texts too */
/* Copies the record of that kind. op_revision: takes text. */
void opbuf_add(struct opbuf *b, enum op_kind kind, const void *rec);
/* Walks: start with *pos = 0; false at the end. Pointers are into b. */
bool opbuf_next(const struct opbuf *b, size_t *pos, struct op *ret);
/* Appends src's operations to dst and empties src, which keeps its memory. */
void opbuf_append(struct opbuf *dst, struct opbuf *src);
/* Moves the content to dst (which was empty) and leaves src empty. */
void opbuf_move(struct opbuf *dst, struct opbuf *src);

#endif
