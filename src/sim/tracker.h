#ifndef TRACKUP_SIM_TRACKER_H
#define TRACKUP_SIM_TRACKER_H
/*
 * tracker: one simulated GV620MG: its connection, reports and answers.
 *
 * Pure. Time comes in as struct moment, bytes leave through struct tracker_io,
 * chance is seeded. The owner calls tracker_tick() when tracker_next() is due.
 * A report stays in the outbox until a SACK with its count confirms it; one at
 * a time is on its way, as a unit with SACK enabled does it. The callbacks of
 * tracker_io never call back into the tracker.
 */
#include <stdbool.h>
#include <stdint.h>
#include "base/devid.h"
#include "base/prng.h"
#include "base/version.h"
#include "sim/faults.h"
#include "sim/history.h"
#include "sim/nature.h"
#include "sim/outbox.h"
#include "sim/update.h"
#include "sim/wire.h"

struct moment {
	int64_t mono_ms;
	int64_t wall_ms;
};

#define TRACKER_NEVER INT64_MAX

/* Borrowed by every tracker of a fleet, constant while it lives. */
struct tracker_conf {
	const char *password;
	const char *firmware;
	const char *next_firmware; /* NULL: what the name of the package says */
	const struct faults *faults; /* may be NULL */
	const struct natures *natures; /* may be NULL */
	uint64_t seed;
	double speed; /* every wait of a device is divided by it */
	int64_t heartbeat_ms;
	int64_t report_ms; /* ordinary position reports; 0 = none */
	bool short_mode;
	bool download; /* for real */
	bool hex; /* speaks HEX v1; its ids are IMEIs */
	bool no_sack; /* the unit expects no SACK of its reports */
};

struct tracker_fetch {
	const char *url;
	const char *user;
	const char *secret;
	int64_t timeout_ms; /* already divided by the speed */
};

struct tracker;

struct tracker_io {
	void (*connect)(struct tracker *t);
	void (*disconnect)(struct tracker *t);
	void (*send)(struct tracker *t, const void *p, size_t n,
	    bool in_pieces);
	/* True: tracker_fetched() will follow, never from within. */
	bool (*fetch)(struct tracker *t, const struct tracker_fetch *f);
	void (*fetch_cancel)(struct tracker *t);
};

enum tracker_timer {
	TIMER_PHASE, /* the next step of an update */
	TIMER_CONNECT,
	TIMER_RESEND, /* no SACK came */
	TIMER_HEARTBEAT, /* in short mode the poll */
	TIMER_REPORT, /* the next position report */
	TIMER_LINGER, /* a short connection has waited long enough */
	TIMER_CUT, /* FAULT_DISCONNECT strikes */
	TIMER_COUNT
};

enum tracker_link { LINK_DOWN, LINK_OPENING, LINK_UP };

#define TRACKER_ANSWERS_MAX 8

/* A command whose ACK is owed. */
struct tracker_answer {
	bool realtime; /* AT+GTRTO, else AT+GTUPD */
	bool start; /* of AT+GTUPD */
	unsigned sub;
	char serial[5];
};

struct tracker_counts {
	uint32_t connects;
	uint32_t connect_failures;
	uint32_t heartbeats;
	uint32_t resends;
	uint32_t sacked; /* reports that a SACK confirmed */
	uint32_t reads; /* versions told */
	uint32_t wrong_password;
	uint32_t while_busy; /* starts that came in mid-update */
	uint32_t ignored; /* commands that a deaf phase, or a full queue, ate */
	uint32_t malformed;
	uint32_t downloads_ok;
	uint32_t downloads_failed;
	uint32_t ble_updates;
	uint32_t failures; /* updates that ended without the new version */
	uint64_t bytes; /* downloaded */
	uint32_t fired[FAULT_COUNT];
};

struct tracker {
	const struct tracker_conf *conf;
	const struct tracker_io *io;
	struct moment now;
	int64_t born_ms;
	char id[DEVID_MAX + 1];
	uint64_t key;
	struct prng chance; /* of jitter and junk only, see faults.h */
	int32_t zone_s;
	int32_t longitude_e6;
	int32_t latitude_e6;
	bool names_sub; /* puts the sub-command's name into ACKs of GTRTO */
	uint16_t count; /* of the next frame */
	char version[VERSION_MAX + 1];
	bool lies; /* about its version */
	enum nature nature;
	bool short_mode;

	enum phase phase;
	struct update update;
	int64_t due_ms[TIMER_COUNT];

	enum tracker_link link;
	bool heard; /* a frame came on this connection */
	bool outage; /* the server is away: reports are made late ones */
	bool buried; /* FAULT_BUFFERED: all goes as +BUFF until a heartbeat */
	bool poll; /* short mode: connect although nothing is to be sent */
	unsigned failures; /* of connecting, in a row */
	unsigned heartbeats_missed;
	int64_t heartbeat_first_ms; /* the first of those */

	struct outbox out;
	uint32_t flight; /* seq of the report that waits for its SACK, or 0 */
	unsigned flight_sends; /* on this connection */
	bool has_held;
	struct outbox_entry held; /* FAULT_REORDER: waits for its successor */
	struct tracker_answer answers[TRACKER_ANSWERS_MAX];
	size_t answer_count;

	struct history history;
	struct tracker_counts counts;
};

/* First connects after delay_ms. conf and io are borrowed. */
void tracker_init(struct tracker *t, const struct tracker_conf *conf,
    const struct tracker_io *io, const char *id, uint64_t key,
    struct moment now, int64_t delay_ms);
void tracker_done(struct tracker *t);
/* When tracker_tick() is due, on the monotonic clock. */
int64_t tracker_next(const struct tracker *t);
void tracker_tick(struct tracker *t, struct moment now);
/* What became of io->connect(): it is open, or could not be opened. The latter
 * also when the server closes an open connection. */
void tracker_opened(struct tracker *t, struct moment now);
void tracker_closed(struct tracker *t, struct moment now);
/* One whole frame from the server. */
void tracker_input(struct tracker *t, struct span frame, struct moment now);
void tracker_fetched(struct tracker *t, bool ok, uint64_t bytes,
    struct moment now);

/* --- for update.c, report.c and voice.c ---------------------------------- */

/* A device's wait in real time, not under floor_ms. */
int64_t tracker_scaled(const struct tracker *t, int64_t wait_ms,
    int64_t floor_ms);
/* Real time from now; TRACKER_NEVER disarms. */
void tracker_arm(struct tracker *t, enum tracker_timer timer, int64_t wait_ms);
/* A frame was written: a short connection stays open a little longer. */
void tracker_spoke(struct tracker *t);
/* Drops the connection by the tracker's own will. */
void tracker_hang_up(struct tracker *t);
/* Sends what may be sent now, and connects where that is needed. */
void tracker_resume(struct tracker *t);

#endif
