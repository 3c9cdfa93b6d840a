#ifndef TRACKUP_TESTS_WORLD_H
#define TRACKUP_TESTS_WORLD_H
/*
 * world: the shell of the daemon, made of paper, for scenarios.
 *
 * Runs the real core on an injected clock: connections are structs, batches
 * wait in memory until they are made durable (and are lost at a crash), what is
 * durable lies in a record (record.h). After each call into the core its own
 * self-check must hold, the eight target counts must add up, and the wire
 * checker (wire.h) must agree with every byte that leaves.
 *
 * A scenario runs in a process of its own: whatever goes wrong ends it through
 * scn_fail(). The world owns everything below it.
 */
#include "core/core.h"
#include "core/view.h"

#ifndef WORLD_DEVICES
#define WORLD_DEVICES 64
#endif
#define WORLD_CONNS 200      /* of one device, over a whole scenario */
#define WORLD_SENDS 64       /* commands to one device not looked at yet */
#define WORLD_FILES 8
#define WORLD_NOTES 64
#define WORLD_SACKS 64
#define WORLD_FRAMES 64

struct record;
struct wire;

struct batch {
	struct batch *next;
	uint64_t ticket;
	struct opbuf ops;
};

struct wconn {
	struct core_conn core;   /* first: the core's pointer is ours */
	struct dev *dev;
	bool open, spoke;        /* spoke: the daemon can know who it is */
};

struct sent {
	char text[COMMAND_MAX + 1];
	size_t len;
};

/* A tracker, as far as a scenario cares. */
struct dev {
	char name[16];
	char id[DEVID_MAX + 1];
	char protover[11];
	char type[MODEL_MAX + 1], hardware[MODEL_MAX + 1];
	uint64_t key;
	uint16_t count;          /* of its next frame */
	char from[64];           /* address of its next connection */
	int64_t send_time;       /* of its clock, only ever printed */
	struct wconn *conn[WORLD_CONNS];
	size_t conn_count;
	size_t connects;         /* those before a crash, too */
	struct wconn kept[WORLD_CONNS]; /* over a restart, while it lasts */
	size_t kept_count;
	bool kernel_full;        /* the next command is not taken */
	bool kernel_torn;        /* the next command is taken in part */
	/* commands that left and were not looked at */
	struct sent sent[WORLD_SENDS];
	size_t sent_count;
	/* serials of the last start, stop and read that left */
	char start[5], stop[5], read[5];
	/* acknowledgements that left, newest last */
	char sack[WORLD_SACKS][COMMAND_MAX + 1];
	size_t sack_count;
	char last_count[5];      /* of the last frame it sent */
	char last_frame[512];
	bool last_own;           /* kept from the platform */
	size_t closes;           /* how often the core closed it */
	int64_t token_attempt;   /* that the file server knows; 0 = none */
	char token[FILE_TOKEN_TEXT];
	int brought;             /* see bring.c */
	/* which frames are not durable yet: no SACK before */
	struct {
		uint64_t hash, ticket;
		char count[5];
	} frame[WORLD_FRAMES];
	size_t frame_next;
};

/* The directory of campaign files, as the next reload or start will see it. */
struct disk_file {
	char name[CAMPAIGN_NAME_MAX + 1];
	char *text;
	bool gone, broken;
};

struct held {
	struct held *next;
	struct wconn *conn;
	uint64_t ticket;
	size_t len;
	char bytes[COMMAND_MAX + 1];
};

#define FLEET_TEXT 64
#define FLEET_NETWORKS 8
#define FLEET_MODELS 8

/* The inventory and its like, as the next reload will find them. */
struct fleet {
	struct fleet_row {
		uint64_t key;
		char id[DEVID_MAX + 1];
		char password[FLEET_TEXT], timezone[FLEET_TEXT],
		    country[FLEET_TEXT], tags[FLEET_TEXT],
		    networks[FLEET_TEXT], name[FLEET_TEXT];
	} row[WORLD_DEVICES];
	size_t row_count;
	uint64_t never[WORLD_DEVICES];
	size_t never_count;
	struct cidr network[FLEET_NETWORKS];
	size_t network_count;
	struct core_model model[FLEET_MODELS];
	size_t model_count;
	bool broken, told;
};

struct world {
	const char *file;        /* of the scenario, and its line */
	int line;
	bool sqlite;
	bool hex;                /* its devices speak HEX v1 where they can */
	struct core *core;
	struct core_config cfg;
	uint64_t seed;
	struct fx fx;
	int depth;               /* of core calls within effects */
	/* true time since the begin; the others are made from it */
	int64_t elapsed_ms;
	int64_t alive_base_ms, up_since_ms, wall_base_ms, boot_base_ms;
	uint64_t boot;
	bool auto_durable, store_full;
	bool broken;             /* the store: nothing is durable any more */
	struct batch *batches, **batches_end;
	struct held *helds, **helds_end;
	uint64_t submitted, durable;
	uint64_t conn_last;
	struct dev dev[WORLD_DEVICES];
	size_t dev_count;
	struct disk_file disk[WORLD_FILES];
	size_t disk_count;
	struct fleet fleet;
	struct record *record;
	struct wire *wire;
	char note[WORLD_NOTES][512];
	size_t note_count;       /* all that ever were */
	struct oper_result oper;
	enum file_verdict verdict;
	struct errtext file_err;
};

/* Prints file, line and what is wrong, and ends the process. */
void scn_fail(const char *fmt, ...) PRINTF_LIKE(1, 2)
    __attribute__((noreturn));
/* Called by it, when not NULL: says what led there. And whether it aborts, as
 * a fuzzer wants it, in place of exit status 1. */
extern void (*scn_before_end)(void);
extern bool scn_aborts;
/* Which world scn_fail() speaks of. */
void scn_fail_in(const struct world *w);

void world_init(struct world *w, const char *file, bool sqlite, bool hex);
void world_done(struct world *w);
void world_boot(struct world *w);        /* the first start of the daemon */
struct core_now world_now(const struct world *w);

/* By name: d1, d2, … come into being when they are first named. */
struct dev *world_dev(struct world *w, const char *name);
/* The newest open connection, NULL = none; or the n-th that it opened. */
struct wconn *dev_conn(const struct dev *d);
struct wconn *dev_conn_nth(const struct dev *d, size_t n);

struct wconn *world_connect(struct world *w, struct dev *d, bool udp,
    bool relayed);
void world_close(struct world *w, struct wconn *c);
/* It says no more, and may still be told something. */
void world_ended(struct world *w, struct wconn *c);
/* Bytes from the tracker; frames and text around them as on a real stream. */
void world_recv(struct world *w, struct wconn *c, const char *text);
void world_pass(struct world *w, int64_t ms);
/* All that waits now; what that brings about waits again. */
void world_durable(struct world *w);
void world_store(struct world *w, bool ok);
void world_store_low(struct world *w);
void world_operate(struct world *w, const struct oper *op);
void world_configure(struct world *w);
void world_reload(struct world *w);
/* The oldest batch that waits was on disk all the same when the store broke. */
void world_torn(struct world *w);
/* What is not durable is lost; down_ms later the daemon is up again. */
void world_crash(struct world *w, int64_t down_ms, bool other_boot,
    bool restored);
/* What the service manager does for TCP connections: before the daemon goes
 * down, and when it is up again. */
void world_keep(struct world *w);
void world_resume(struct world *w);
void world_check(struct world *w);       /* every invariant */

/* For the parts of the world among themselves: carries out what the last call
 * into the core wanted; makes it durable if that is automatic; both. */
void world_effects(struct world *w);
void world_settle(struct world *w);
void world_event(struct world *w, const struct ev *ev);

struct disk_file *world_file(struct world *w, const char *name);

#endif
