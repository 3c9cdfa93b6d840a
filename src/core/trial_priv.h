#ifndef TRACKUP_CORE_TRIAL_PRIV_H
#define TRACKUP_CORE_TRIAL_PRIV_H
/*
 * trial_priv: what trial.c (a trial from its begin to its end), trial_world.c
 * (the clock, what happens next, what the core wants) and trial_tracker.c (what
 * trackers do) share; for them only.
 *
 * Ownership: trial_run() owns struct trial, which owns heap and trackers. Times
 * are ms since the trial began. Invariant: once memory ran out failed is set,
 * and nothing happens any more.
 */
#include "base/prng.h"
#include "core/trial.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

enum happening_kind {
	H_DURABLE,            /* of the store; the others are the trackers' */
	H_CONNECT, H_LEAVE, H_COMMAND, H_STEP, H_BEAT,
};

enum mode {
	MODE_IDLE, MODE_CONFIRM, MODE_START_DOWNLOAD, MODE_DOWNLOAD,
	MODE_INSTALL, MODE_FLASH, MODE_BOOT, MODE_DEAD,
};

enum command { COMMAND_READ, COMMAND_START, COMMAND_STOP };

struct happening {
	int64_t at;
	uint64_t seq;
	uint64_t value;       /* ticket, or the generation of a step */
	uint32_t device;
	uint16_t serial;
	uint8_t kind, command;
	uint16_t package;
	uint8_t retries;
};

struct tracker {
	struct core_conn conn;
	bool online, seldom, beats;
	enum mode mode;
	uint32_t gen;
	uint16_t count;
	uint8_t tries, try_now;
	bool failed;          /* the flash that is going on, or its download */
	bool told;            /* it comes back with a code */
	size_t package;
	int64_t started;
	char version[VERSION_MAX + 1];
	const struct plan_device *who;
};

struct trial {
	const struct trial_config *cfg;
	const struct campaign_spec *spec; /* the core's */
	char name[CAMPAIGN_NAME_MAX + 1];
	struct core *core;
	struct fx fx;
	struct prng chance;
	int64_t now;
	uint64_t seq, conn_id;
	struct happening *heap;
	size_t len, cap;
	struct tracker *t;
	size_t count;
	enum wave_state wave[WAVES_MAX];
	enum campaign_state state;
	int tenth;            /* of the targets that are done */
	bool approve, failed;
	char reply[512];
	struct trial_result *r;
};

/* --- trial_world.c ---------------------------------------------------------*/
struct core_now trial_now(const struct trial *w);
/* Chance: once in a million attempts, ppm times; something from lo to hi. */
bool trial_hits(struct trial *w, uint32_t ppm);
int64_t trial_between(struct trial *w, int64_t lo, int64_t hi);
/* A line of the result. */
void trial_tell(struct trial *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* h happens after so many ms. */
void trial_plan(struct trial *w, int64_t after, struct happening h);
/* Takes the soonest; there must be one. */
struct happening trial_next(struct trial *w);
void trial_feed(struct trial *w, const struct ev *ev);
/* Carries out what the last call of the core wanted. */
void trial_effects(struct trial *w);

/* --- trial_tracker.c -------------------------------------------------------*/
/* Who they are, of v[0..count), and when each connects first. */
void trial_trackers_begin(struct trial *w, const struct plan_device *v);
/* A command was written to t, and will arrive. */
void trial_tracker_sent(struct trial *w, struct tracker *t, const char *p,
    size_t len);
void trial_tracker_happens(struct trial *w, const struct happening *h);

#endif
