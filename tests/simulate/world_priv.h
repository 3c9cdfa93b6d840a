#ifndef TRACKUP_TESTS_SIMULATE_WORLD_PRIV_H
#define TRACKUP_TESTS_SIMULATE_WORLD_PRIV_H
/*
 * world_priv: what the parts of the world share; for them only. world.c has the
 * clock, the operator and the verdicts, shell.c the daemon around the core,
 * record.c the store and what must hold of it, tracker.c the trackers and their
 * lines.
 *
 * Ownership: world_run() owns struct world, which owns everything in it. The
 * first violation sets broken, and the run ends.
 */
#include "base/prng.h"
#include "tests/simulate/hours.h"
#include "tests/simulate/rival.h"
#include "tests/simulate/rollout.h"
#include "tests/simulate/ways.h"
#include "tests/simulate/world.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DEVICES_MAX 16
#define BACKLOG_MAX 32

enum happening_kind {
	H_CONNECT, H_TO_DEVICE, H_TO_SERVER, H_CLOSE_SEEN, H_DEVICE_STEP,
	H_HEARTBEAT, H_DURABLE, H_CRASH_UP, H_OPERATOR, H_EXECUTE,
	H_HANG_UP,
};

enum mode { MODE_IDLE, MODE_CONFIRM, MODE_START_DOWNLOAD, MODE_DOWNLOAD,
	MODE_INSTALL, MODE_FLASH, MODE_BOOT, MODE_DEAD };

struct line {
	struct core_conn core;  /* first: the core's half */
	bool open_server, open_device;
	uint64_t gen;
	int64_t up_at, down_at; /* TCP: nothing overtakes */
};

struct tracker {
	int index;
	char id[24];
	uint16_t count;
	char version[8];
	enum mode mode;
	uint64_t mode_gen;
	int try_now, tries;
	const char *becomes;    /* by the flash that is going on */
	char had[8][8];         /* versions that it was flashed to */
	int flashes;
	bool outcome_ok;        /* of the flash that is going on */
	bool power_cut;
	struct line *line;
	char backlog[BACKLOG_MAX][160];
	int backlog_count;
	char old[BACKLOG_MAX][160];
	int old_count;
	char owed[BACKLOG_MAX][160]; /* live, for its next connection */
	int owed_count;
	bool seen[0x10000];     /* serials of starts */
	int64_t queue_until;    /* its commands run in the order they came */
};

struct happening {
	int64_t at;
	uint64_t seq;
	enum happening_kind kind;
	int device;
	struct line *line;
	uint64_t gen;
	char text[300];
};

struct batch {
	uint64_t ticket;
	int64_t at;             /* when it was made */
	struct opbuf ops;
	struct batch *next;
};

struct durable {
	struct flags_rec flags;
	struct stamp_rec stamp;
	struct device_rec device[DEVICES_MAX];
	int devices;
	struct campaign_rec campaign;
	bool has_campaign;
	struct target_rec target[DEVICES_MAX];
	int targets;
	struct attempt_rec *attempt;
	size_t attempts, attempts_cap;
	struct tuple_rec tuple[DEVICES_MAX * TUPLES_PER_DEVICE];
	int tuples;
	struct exclusion_rec excluded[DEVICES_MAX];
	int excludeds;
};

/* The pace's rate by arithmetic of its own, over the starts on record; a
 * reload changes it. A drawing of its own. */
struct rate {
	struct prng chance;
	int64_t per_hour;
	double level;           /* of its bucket */
	int64_t at;
	int resends;            /* outside it: of starts read and dropped */
};

struct world {
	struct prng chance;
	struct world_faults f;
	bool faults_on, verbose;
	int64_t now, wall_off;
	struct hours_plan hours;
	struct rollout rollout;
	struct ways_plan ways;
	struct rate rate;
	struct rival rival;
	struct devid ids[DEVICES_MAX];
	int64_t intent_last;
	int64_t jumped_at;      /* of the wall clock, noticed by the daemon */
	int64_t trusted_off;    /* before that */
	int64_t alive_base, up_since;
	uint64_t seq;
	struct happening **heap;
	size_t heap_len, heap_cap;
	struct core *core;
	struct core_config cfg;
	struct fx fx;
	struct durable d;
	struct batch *batches, **batches_end;
	bool store_full;
	uint64_t boots;
	uint64_t conn_id;
	struct line **lines;
	size_t line_count, line_cap;
	struct tracker t[DEVICES_MAX];
	uint64_t core_key[DEVICES_MAX];
	int devices;
	bool up;
	struct world_result *r;
	struct errtext *err;
	bool broken;
};

/* --- world.c ---------------------------------------------------------------*/
/* A rule was broken: the first is kept, with the time. */
void world_violated(struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Chance; never while faults are off. */
bool world_hits(struct world *w, uint32_t ppm);
int64_t world_between(struct world *w, int64_t lo, int64_t hi);
/* Into the hash, and shown when the run is verbose. t NULL: nobody's. */
void world_trace(struct world *w, const char *what, const struct tracker *t,
    const char *text);
/* What happens after so many ms; the caller fills in the rest. */
struct happening *world_plan(struct world *w, int64_t after,
    enum happening_kind kind, int device, struct line *line);
struct core_now world_now(const struct world *w);

/* --- shell.c ---------------------------------------------------------------*/
void shell_feed(struct world *w, const struct ev *ev);
void shell_effects(struct world *w);
void shell_boot(struct world *w);
void shell_crash(struct world *w);
/* The next batch is on disk. */
void shell_durable(struct world *w);
/* The disk has room again. */
void shell_store_works(struct world *w);
/* The campaign's file as it is now. */
struct campaign_spec *shell_file(struct world *w);
/* Its file may change still. */
bool shell_may_change(const struct world *w, const char *name);
void shell_reload_file(struct world *w, struct campaign_spec *spec);
/* A reload with another pace, or with another priority. */
void shell_reload(struct world *w);

/* --- record.c --------------------------------------------------------------*/
/* A batch of that time is on disk: the durable half, and its invariants. */
void record_apply(struct world *w, const struct opbuf *ops, int64_t at);
/* At the begin, and when the file is read again with another rate. */
void rate_draw(struct rate *r, int64_t now);

/* --- tracker.c -------------------------------------------------------------*/
void tracker_connects(struct world *w, struct tracker *t);
/* The next step of what it does by itself. */
void tracker_step(struct world *w, struct tracker *t);
/* A command comes up in its queue. */
void tracker_executes(struct world *w, struct tracker *t, const char *cmd);
enum said { SAID_NOW, SAID_REPORT, SAID_ANSWER };
/* One frame; a report that finds no line waits and comes as +BUFF. */
void tracker_says(struct world *w, struct tracker *t, enum said what,
    const char *fmt, ...) PRINTF_LIKE(4, 5);
/* A command is on its way. */
void line_to_device(struct world *w, struct line *l, const char *p, size_t n);
/* What a tracker said arrives. */
void line_gets(struct world *w, struct happening *h);
/* The tracker's side is gone; loses: with what is under way. */
void line_drop(struct world *w, struct line *l, bool loses);
/* The daemon's side notices. */
void line_close_seen(struct world *w, struct line *l);

#endif
