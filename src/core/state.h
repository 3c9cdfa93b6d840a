#ifndef TRACKUP_CORE_STATE_H
#define TRACKUP_CORE_STATE_H
/*
 * state: what the core holds in memory; for src/core only.
 *
 * Ownership: struct core owns devices, campaigns and pending commands; a
 * campaign owns its targets; a device owns its attempt. A row is changed in
 * memory first and marked; core_flush() appends each marked row once to the
 * batch of the event, so that a batch never holds a row twice.
 */
#include "base/heap.h"
#include "base/histogram.h"
#include "base/idmap.h"
#include "base/list.h"
#include "base/prng.h"
#include "core/core.h"
#include "core/gate.h"
#include "core/machine.h"
#include "core/paths.h"
#include "core/rhythm.h"
#include "core/view.h"

#define SERIALS_AHEAD 16       /* reserved in the store at a time */
#define RESENDS_MAX 2          /* after read-and-dropped, outside attempts */
#define STOPS_MAX 2
#define VERSION_FRESH_MS (INT64_C(72) * 3600 * 1000)
#define PREFLIGHT_GAP_MAX_MS (INT64_C(6) * 3600 * 1000)
/* A start that was withdrawn is decided anew after so long: what kept it may
 * be a connection that is full. */
#define WITHDRAWN_MS INT64_C(1000)
#define CLOCK_JUMP_MS INT64_C(60000)
#define STAMP_MS (INT64_C(30) * 1000)
#define HINTS_REMEMBERED 8
/* Frames of one device that its timeline keeps: so many at once, and one more
 * in each interval. An update has some ten. */
#define FRAMES_KEPT 600
#define FRAMES_KEPT_MS 6000

struct campaign;
struct target;
struct attempt;
struct claims;
struct device;
struct wave_pick;

enum read_state { READ_NONE, READ_PENDING, READ_OUT, READ_ACKED };
enum read_why { READ_PREFLIGHT, READ_FENCE, READ_HINT, READ_OPERATOR };

/* Why a device that a list names is no target. */
enum member_why {
	MEMBER_YES, MEMBER_MODEL, MEMBER_TAG, MEMBER_EXCLUDED, MEMBER_WHYS
};

/* AT+GTRTO sub-command 8: at most one a device at a time. */
struct read {
	enum read_state state;
	enum read_why why;
	uint16_t serial;
	uint64_t written_seq;
	int64_t written_at;
	uint64_t conn_id;           /* that carried it */
	uint64_t ack_conn_id;       /* on which it was acknowledged */
	int64_t met_at;             /* spoke on another one since; 0 = not yet */
	bool rests;                 /* its tracker is away: nobody waits now */
	enum transport transport;
	uint16_t ack_count;
	uint16_t version_count;     /* of the answer; ack_count = none yet */
};

/* Everything about a device that has to do with updates. */
struct device_more {
	struct device_rec rec;
	struct device *device;
	bool dirty;
	struct list dirty_node;
	/* Rings; NULL until there is something to remember: most devices only
	 * have a version, and a million of them must fit. */
	uint64_t *tuple;            /* TUPLES_PER_DEVICE */
	uint64_t *hint;             /* HINTS_REMEMBERED */
	int tuple_next, hint_next;
	uint32_t serial_next;
	struct read read;
	struct heap_node read_timer;
	struct heap_node foreign_timer;
	struct list kick;           /* its targets are to be looked at */
	struct list read_wait;      /* wants a read, waits for a token */
	bool read_missed;           /* and it did not speak since */
	bool read_wanted;           /* a fence, as soon as none is out */
	enum read_why wanted_why;
	int64_t hint_next_at;
	int64_t preflight_next_at;
	int64_t preflight_gap_ms;
	int frames_kept;            /* of the allowance, at frames_kept_at */
	int64_t frames_kept_at;
	int silent_acks;            /* preflight fences without a version */
	struct attempt *attempt;    /* live, deferred or provisional */
	struct claims *claims;      /* NULL: nobody else claims to be it */
};

struct device {
	uint64_t key;
	struct core_conn *conn;     /* the newest; NULL = offline */
	struct target *targets;     /* by campaign id, descending */
	struct device_more *more;   /* NULL until updates concern it */
	int64_t last_seen_at;       /* alive ms; 0 = not since the start */
	struct list lru;            /* merely observed, and away */
	char id[DEVID_MAX + 1];
	char protover[PROTOVER_MAX + 1];
	struct rhythm rhythm;
	/* Its row in the inventory, when fleet_gen is the core's (members.c). */
	uint32_t row : 21;
	uint32_t fleet_gen : 7;
	uint32_t observed : 1;
	uint32_t heard : 3;         /* family of its last frame + 1; 0 = none
				     * since the start */
};

/* The keys of all devices, ascending, as they once were. */
struct device_order {
	uint64_t *key;
	size_t len;
	uint64_t gen;
	int64_t at_ms;
	bool made;
};

struct target {
	struct target_rec rec;
	struct campaign *campaign;
	struct device *device;
	struct target *next_of_device;
	struct attempt *attempt;    /* live or provisional or deferred */
	struct list ready;          /* online, waits for pace or the hours */
	struct list quiet;          /* open and offline, not yet away */
	int64_t quiet_at;           /* since then */
	bool away;                  /* counted in its wave */
	struct heap_node timer;     /* backoff, battery, W, preflight */
	bool preflight;             /* a read for it is out */
	bool dirty;
	struct list dirty_node;
};

struct attempt {
	struct attempt_rec rec;
	struct list of_campaign;
	struct target *target;
	struct device *device;
	struct heap_node timer;
	uint64_t start_conn_id;     /* that carried the start; 0 = unknown */
	bool stop_pending;
	bool slot;                  /* counted in in_flight */
	bool file_slot;             /* counted in file_slots */
	char token[FILE_TOKEN_TEXT]; /* in its URL; "" = not served by us */
	bool dirty;
	struct list dirty_node;
};

struct bucket {
	int64_t per_hour;
	int64_t milli;              /* tokens x 1000 */
	int64_t at;
	int64_t out;                /* taken for what has not left yet */
};

/* The hours of one campaign in one zone (windows.c). */
struct hours {
	char zone[ZONE_NAME_MAX + 1];
	struct campaign *campaign;
	struct wall_span *span;     /* sorted, disjoint */
	size_t count;
	int64_t from_wall, to_wall; /* what the spans tell of */
	bool answered, unknown;     /* unknown: there is no such zone */
	struct list wait;           /* targets, by their ready node */
	struct heap_node timer;     /* the next opening, or running out */
};

struct wave {
	struct wave_rec rec;
	struct campaign *campaign;
	size_t total, count[TARGET_STATE_COUNT_];
	size_t away;                /* open, and not heard of for hours */
	struct list quiet;          /* open and offline, the longest first */
	struct list ready;          /* online, wait for pace */
	struct heap_node timer;     /* soak, deadline, who is away */
	bool judge;                 /* its figures changed */
	struct list dirty_node;
};

/* How far the list of a campaign that has not begun is taken in (intake.c). */
enum intake_stage {
	INTAKE_NONE, INTAKE_LIST, INTAKE_WAVES, INTAKE_LISTED, INTAKE_RECORD,
	INTAKE_READY
};

/* Who could be a target: the ids of a list, or of all: true the known devices,
 * as they were at the beginning, and the rows of the inventory (intake.c). */
struct candidates {
	uint64_t *known;            /* keys; owned */
	size_t known_count;
};

struct intake {
	enum intake_stage stage;
	size_t pos;                 /* ids, or targets, that are done */
	struct wave_pick *pick;     /* owned; NULL but in INTAKE_WAVES */
	bool begin;                 /* as soon as it is READY */
	uint64_t excluded_gen;      /* the core's, when the list was begun */
	unsigned fleet_gen;         /* likewise */
	struct candidates candidates;
	uint64_t ticket;            /* of the last piece */
	struct opbuf ops;           /* the targets, for the start; owned */
	struct heap_node timer;
};

/* What every target of a campaign is looked at for (sweep.c). */
enum sweep_what {
	SWEEP_CANCEL = 1,           /* it was aborted, or is past its end */
	SWEEP_MEMBERS = 2,          /* exclusions or the fleet changed */
	SWEEP_PRESENCE = 4,         /* its wave opened */
	SWEEP_RELEASE = 8,          /* others may have waited for it */
	SWEEP_WAKE = 16,            /* whoever is online may start */
	SWEEP_JOIN = 32             /* first of all: who could join */
};

struct sweep {
	unsigned what;              /* bits of sweep_what; 0 = none goes on */
	size_t pos;                 /* targets that were looked at */
	struct candidates candidates;
	size_t join_pos;            /* those that were looked at */
	uint64_t ticket;            /* of the last piece */
	struct list node;
	struct heap_node timer;
};

/* Of one stop rule, in one campaign, wave or edge. */
struct rule_tally {
	size_t hits, done;
};

struct campaign {
	struct campaign_rec rec;
	struct campaign_spec *spec; /* never NULL */
	struct paths *paths;        /* over its packages; never NULL */
	bool spec_broken;           /* the stored text no longer parses */
	bool spec_stored;           /* without its lists */
	bool file_gone;             /* at the last reload */
	bool package_wrong;         /* as the shell sees its files now */
	struct package_rec *pinned; /* as on record, package by package */
	size_t pinned_count;
	struct target **target;     /* by ordinal */
	size_t target_count, target_cap;
	size_t left_out[MEMBER_WHYS]; /* of the last snapshot, by reason */
	struct target **by_key;     /* ascending key; made on demand */
	size_t count[TARGET_STATE_COUNT_];
	size_t cause[CAUSE_COUNT_];
	uint64_t result[RESULT_COUNT_]; /* of attempts, since the start */
	size_t in_flight, dark;
	size_t file_slots;          /* downloads from us, expected or running */
	size_t in_flight_was;       /* when a file lowered the cap below it */
	int64_t attempts;
	struct list ready;          /* the hours let go, not yet in a wave */
	struct wave **wave;         /* by number; the last takes the rest */
	size_t wave_count;
	struct rule_tally *tally;   /* [rule][value], tally_width values each */
	size_t tally_width;
	struct intake intake;
	struct sweep sweep;
	struct list under_way;      /* attempts that have not ended */
	struct list judge_node;     /* rules or gates are to be looked at */
	struct heap_node timer;     /* next token, jitter */
	struct bucket bucket;
	int64_t jitter_until_at;
	struct hours **hours;       /* one for each zone that is in use */
	size_t hours_count;
	struct heap_node schedule_timer; /* start, or end */
	bool schedule_was_shut;
	bool dirty;
	struct list dirty_node;
};

/* What the operator took out of all campaigns. */
struct exclusion {
	struct exclusion_rec rec;
	struct heap_node timer;     /* of one with a duration */
};

enum pending_kind { PENDING_START, PENDING_STOP, PENDING_READ };

/* A command whose intent is on its way to the disk. */
struct pending {
	struct list node;
	uint64_t ticket;
	uint64_t send_id;           /* once it is with the shell */
	enum pending_kind kind;
	struct device *device;
	int64_t attempt;
	uint16_t serial;
	uint64_t conn_id;
	int64_t spoke_at;           /* the device, which led to it; -1 */
};

struct core {
	struct core_config cfg;
	struct prng prng;
	struct core_now now;
	uint64_t seq;
	struct fx *fx;              /* of the call in progress */
	struct opbuf ended;         /* attempts that end, before new ones */
	struct opbuf late;          /* what refers to rows: events, tuples */
	uint64_t ticket_last;       /* handed out */
	uint64_t ticket_durable;
	uint64_t send_last;
	bool store_ok;
	bool store_low;             /* no room for what a start will write */
	bool draining;
	bool failed;                /* no memory: the batch is void */
	bool loading;
	bool late_frame;            /* a late copy is being handled */
	struct flags_rec flags;
	bool flags_dirty;
	struct bucket bucket, read_bucket;
	int64_t stamp_at;

	struct idmap devices;
	uint64_t devices_gen;       /* changes with who is in it */
	struct device_order *order; /* of view.c; owned */
	struct list observed;       /* those away, the longest first */
	size_t observed_count, online, known;
	uint64_t observed_evicted;
	size_t registered;
	uint64_t registered_refused;
	uint64_t frames_not_kept;
	uint64_t frames_nameless;
	size_t quarantined;         /* devices */
	uint64_t quarantine_refused, takeovers;
	uint64_t held_in_flight, held_start_rate, held_read_rate, held_dark;
	uint64_t held_files;
	size_t file_slots;
	int64_t file_need;          /* bytes/s, of the neediest of them */

	struct core_fleet fleet;
	unsigned fleet_gen;         /* 1..FLEET_GENS */
	size_t fleet_met;           /* known devices in memory with a row */
	struct idmap exclusions;
	struct heap exclusion_timers;
	uint64_t exclusions_refused;
	uint64_t excluded_gen;      /* changes with who is excluded */

	struct campaign **campaign;
	size_t campaign_count;
	struct campaign *load_campaign; /* of the target loaded last */
	size_t in_flight;
	bool pace_changed;          /* a slot came free: look for the next */

	struct heap attempt_timers, target_timers, read_timers,
	    campaign_timers, foreign_timers, hours_timers, schedule_timers,
	    wave_timers, intake_timers, sweep_timers;
	struct list sweeps;         /* campaigns that are gone through */
	struct list kicks;          /* of the call in progress */
	size_t looks_left;          /* for the sweeps of this call */
	int64_t stamp_wall;         /* of the last run */
	int64_t skew_ms;            /* wall - alive */
	int64_t trusted_skew_ms;    /* before the jump that settles */
	int64_t settle_until_at;    /* after a jump of the wall clock */
	uint64_t clock_jumps;
	struct list judge;          /* campaigns that changed */
	struct list pending;        /* ascending tickets */
	struct list read_wait;
	struct list dirty_devices, dirty_targets, dirty_attempts,
	    dirty_campaigns, dirty_waves;

	const char *files_who, *files_reason; /* of the files read now */

	uint64_t codes[1000];
	uint64_t commands_start, commands_stop, commands_read;
	uint64_t repeats, foreign_updates;
	struct histogram updates;
	const struct core_conn *speaking; /* whose frame is handled */
};

/* core.c: the batch, notes and small helpers */
int64_t core_dur(const struct core *c, int64_t ms); /* scaled, >= 1 */
uint64_t core_seq(struct core *c);
uint64_t core_ticket(struct core *c);      /* of the batch in progress */
void core_op(struct core *c, enum op_kind kind, const void *rec);
void core_op_ended(struct core *c, const struct attempt_rec *rec);
/* Every entrance that may change something stands between these two. */
void core_enter(struct core *c, struct core_now now, struct fx *fx);
void core_leave(struct core *c);
void core_fail(struct core *c);
struct fx_item *core_item(struct core *c, enum fx_kind kind);
void core_note(struct core *c, enum note_level level, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void core_event(struct core *c, const struct device *d, int64_t campaign,
    int64_t attempt, enum event_kind kind, enum phase phase, int code,
    int serial, const char *fmt, ...) PRINTF_LIKE(9, 10);
void core_audit(struct core *c, const char *who, const char *action,
    const char *object, const char *reason);
void timer_set(struct core *c, struct heap *h, struct heap_node *n,
    int64_t at); /* INT64_MAX removes */
void mark_device(struct core *c, struct device_more *m);
void mark_target(struct core *c, struct target *t);
void mark_attempt(struct core *c, struct attempt *a);
void mark_campaign(struct core *c, struct campaign *p);

/* pace.c */
void bucket_init(struct bucket *b, int64_t per_hour, int64_t now_at);
void bucket_rate(struct bucket *b, int64_t per_hour);
bool bucket_take(struct bucket *b, int64_t now_at);
/* What it was taken for has left, or does not leave; out was counted before. */
void bucket_left(struct bucket *b, int64_t now_at);
bool bucket_has(struct bucket *b, int64_t now_at);
int64_t bucket_next_at(const struct bucket *b, int64_t now_at);

/* devices.c */
struct device *device_find(const struct core *c, uint64_t key);
struct device *device_make(struct core *c, const struct devid *id);
struct device_more *device_more(struct core *c, struct device *d);
void device_register(struct core *c, struct device *d);
/* The connection carried this device before the restart. */
void core_resume(struct core *c, struct core_conn *conn,
    const struct devid *id);
void device_bind(struct core *c, struct device *d, struct core_conn *conn);
void device_unbind(struct core *c, struct device *d);
bool device_repeat(struct core *c, struct device_more *m, uint64_t hash);
/* The ring of tuples, made on demand. NULL: no memory. */
uint64_t *device_tuples(struct device_more *m);
void device_free(struct device *d);
bool device_version_fresh(const struct core *c, const struct device *d);
bool device_foreign(const struct core *c, const struct device *d);
void device_foreign_seen(struct core *c, struct device *d, const char *what);
bool device_serial_issued(const struct device_more *m, uint16_t serial);
/* Some command with it may still be answered. */
bool device_serial_open(const struct device_more *m, uint16_t serial);
uint16_t device_serial(struct core *c, struct device_more *m);
/* Now and then: what a device's speaking or a token makes possible. */
void device_kick(struct core *c, struct device *d);
/* What one target was held by is gone: the others of its device are looked at
 * before the call ends, not now, in the middle of something. */
void device_kick_later(struct core *c, struct device *d);
void device_kicks(struct core *c);
void device_foreign_over(struct core *c, struct device_more *m);

/* reads.c */
void read_want(struct core *c, struct device *d, enum read_why why);
/* None is out whose answer is to be waited for. */
bool read_vacant(const struct core *c, const struct device *d);
/* It is there on a new connection. */
void read_met(struct core *c, struct device *d);
void read_drop(struct core *c, struct device_more *m);
void read_written(struct core *c, struct device *d, uint16_t serial, bool ok,
    const struct core_conn *conn);
void read_ack(struct core *c, struct device *d, const struct core_conn *conn,
    const struct message *m);
void read_version(struct core *c, struct device *d,
    const struct core_conn *conn, const struct message *m);
void read_refused(struct core *c, struct device_more *m);
void read_timer(struct core *c, struct device_more *m);
/* The version that follows is the answer to a read of ours. */
bool read_answers(const struct device_more *m, const struct message *msg);
void read_hint(struct core *c, struct device *d, const struct core_conn *conn,
    const struct message *m);
void read_tokens(struct core *c);

/* frames.c */
/* One more row of its timeline is within what one device may add. */
bool device_row_kept(struct core *c, struct device_more *m);
void core_frame(struct core *c, struct core_conn *conn,
    const struct message *m);

/* attempts.c, attempt_actions.c, attempt_guards.c */
const struct campaign_spec *attempt_spec(const struct attempt *a);
bool phase_holds_slot(enum phase p);
/* It is in PHASE_INTENT from here on. */
void attempt_intends(struct core *c, struct attempt *a);
void attempt_enter(struct core *c, struct attempt *a, enum phase next);
void attempt_act(struct core *c, struct attempt *a, enum attempt_event ev,
    enum attempt_action action, enum phase from);
void attempt_step(struct core *c, struct attempt *a, enum attempt_event ev);
void attempt_code(struct core *c, struct attempt *a, const struct message *m);
/* Our file server sends it the package. */
void attempt_get(struct core *c, struct attempt *a);
void attempt_fence(struct core *c, struct attempt *a, const char *version,
    const struct read *r);
void attempt_mode_over(struct core *c, struct attempt *a,
    const struct read *r);
void attempt_timer(struct core *c, struct attempt *a);
void attempt_contact(struct core *c, struct device *d);
void attempt_lit(struct core *c, struct attempt *a); /* dark no more */
void attempt_stop_due(struct core *c, struct attempt *a);
enum phase attempt_phase_shown(const struct attempt *a);
bool attempt_live(const struct attempt *a); /* blocks any other start */
bool attempt_stoppable(const struct attempt *a);
void attempt_arm(struct core *c, struct attempt *a);
struct attempt *attempt_new(struct core *c, struct target *t);
void attempt_free(struct core *c, struct attempt *a);
void attempt_ledger_from(struct core *c, struct attempt *a);

/* downloads.c: our own file server */
void download_url(const struct core *c, int64_t attempt,
    const struct spec_package *pkg, char ret[URL_MAX + 1]);
void download_begin(struct core *c, struct attempt *a);
void download_over(struct core *c, struct attempt *a);
void download_restart(struct core *c, struct attempt *a);
void download_slot(struct core *c, struct attempt *a, bool want);
void download_seen(struct core *c, const struct download_report *r);
enum hold download_hold(const struct core *c, const struct campaign *p);
bool download_our_fault(const struct attempt *a, enum cause cause);
void download_tell_end(struct core *c, const struct attempt *a,
    enum cause cause);

/* targets.c */
void target_evaluate(struct core *c, struct target *t);
void target_timer(struct core *c, struct target *t);
/* The one place where its state changes. */
void target_set(struct core *c, struct target *t, enum target_state state,
    enum cause cause);
void target_version(struct core *c, struct target *t); /* fence answered */
void target_preflight_begin(struct core *c, struct device *d);
/* The one for which a read is on its way still may have it. */
bool target_preflight_due(const struct core *c, const struct device *d);
void target_preflight_over(struct core *c, struct target *t);

/* holds.c */
/* What keeps every target of it; HOLD_NONE: nothing. */
enum hold campaign_hold(const struct core *c, const struct campaign *p);
/* The first that blocks, in the order of contract.md. *ret_until_at: when time
 * alone may lift it, 0 = not by time. */
enum hold target_hold(const struct core *c, const struct target *t,
    int64_t *ret_until_at);
/* Held again when the intent is durable; slot and token are taken already. */
bool target_gate_open(struct core *c, struct target *t);
/* The campaign that has its device, or comes first; NULL: none. */
const struct campaign *target_blocker(const struct target *t);
/* Nothing is started before the version was read. */
bool target_needs_version(const struct target *t);

/* outcomes.c */
void target_attempt_ended(struct core *c, struct target *t, struct attempt *a,
    enum result result, enum cause cause);
void target_provisional(struct core *c, struct target *t,
    enum target_state state, enum cause cause);
void target_reopened(struct core *c, struct target *t);
/* False: too many; the caller ends the attempt as failed. */
bool target_deferred(struct core *c, struct target *t, int code);
/* It puts off what the end of the schedule has come for meanwhile: that is no
 * failure, and there is nothing to wait for. */
bool target_left_over(const struct target *t);
/* It may only settle any more, never start. */
bool campaign_only_settles(const struct campaign *p);

/* hops.c */
/* The package of the next hop, which from here on is its edge. NULL: none. */
const struct spec_package *target_edge(struct core *c, struct target *t);
/* True: no way leads on from its version, and it is settled. */
bool target_no_way(struct core *c, struct target *t);
void target_hop_done(struct core *c, struct target *t,
    const struct attempt *a);
void target_missing(const struct target *t, char buf[PATH_TEXT]);

/* campaigns.c */
struct campaign *campaign_new(struct core *c, struct campaign_spec *spec);
struct target *campaign_target_new(struct core *c, struct campaign *p,
    struct device *d);
/* Before it has begun: the record knows none of them yet. */
void campaign_drop_targets(struct campaign *p);
struct campaign *campaign_find(const struct core *c, const char *name);
void campaign_set(struct core *c, struct campaign *p,
    enum campaign_state state, enum pause_reason reason, const char *text);
void campaign_check_end(struct core *c, struct campaign *p);
void campaign_mark(struct core *c, struct campaign *p);
bool campaigns_judge(struct core *c); /* those marked; false: none was */
void campaign_abort(struct core *c, struct campaign *p,
    enum pause_reason reason, const char *text); /* operate.c */
/* Whatever of it has not ended (sweep.c). */
void campaign_cancel(struct core *c, struct campaign *p, enum cause cause);
void campaign_run_all(struct core *c); /* ready targets */
int campaign_begin(struct core *c, struct campaign *p, struct errtext *err);
/* Its end came while it was paused and had not begun: it knows its targets, so
 * that they can be told what became of them. Below 0: there are none. */
int campaign_begin_over(struct core *c, struct campaign *p,
    struct errtext *err);
void campaign_join(struct core *c, struct campaign *p, struct device *d);
bool campaign_has(const struct campaign *p, const struct device *d);
/* Those of its file, unless it has some; of many they come later. */
void campaign_add_targets(struct core *c, struct campaign *p);
void campaign_arm(struct core *c, struct campaign *p, int64_t at);
int64_t campaign_w_ms(const struct core *c, const struct campaign *p);

void campaign_jitter(struct core *c, struct campaign *p);

/* intake.c */
bool intake_wanted(const struct core *c, const struct campaign *p);
MUST_CHECK int candidates_begin(const struct core *c, const struct campaign *p,
    struct candidates *v);
size_t candidates_count(const struct core *c, const struct campaign *p,
    const struct candidates *v);
/* False: that one is no more. */
bool candidate_at(const struct core *c, const struct campaign *p,
    const struct candidates *v, size_t i, struct devid *ret);
void candidates_done(struct candidates *v);
/* What the file names may be fewer, or others, than when it was read. */
bool intake_moves(const struct core *c, const struct campaign *p);
bool intake_busy(const struct campaign *p);
/* Begins with the list, of which there is no target yet. */
void intake_list(struct core *c, struct campaign *p);
/* Whether it may begin now. False: it is scheduled, and begins by itself. */
bool intake_ready(struct core *c, struct campaign *p);
void intake_all(struct core *c, struct campaign *p); /* the list, at once */
void intake_drop(struct core *c, struct campaign *p);
void intake_timer(struct core *c, struct campaign *p);
void intake_durable(struct core *c);

/* sweep.c */
size_t core_piece(const struct core *c); /* targets in one call */
/* All of its targets from the first on, also for what else goes on. Of many
 * only the first ones now. */
void sweep(struct core *c, struct campaign *p, unsigned what);
void sweep_timer(struct core *c, struct campaign *p);
void sweeps_durable(struct core *c);
void sweep_restart(struct core *c, struct campaign *p);

/* windows.c */
enum hold windows_hold(const struct core *c, const struct target *t,
    int64_t *ret_until_at);
void windows_wait(struct core *c, struct target *t);
void windows_keep(struct core *c, struct target *t);
void windows_timer(struct core *c, struct hours *h);
void windows_answered(struct core *c, const struct windows_answer *a);
void windows_reset(struct core *c, struct campaign *p);
void windows_drop(struct core *c, struct campaign *p);
/* The window that is open, or else the next, in whichever zone. */
bool windows_next(const struct core *c, const struct campaign *p,
    int64_t wall, struct wall_span *ret);
void clock_seen(struct core *c);
void clock_start(struct core *c, int64_t down_ms);
bool clock_settling(const struct core *c);
int64_t clock_recorded_wall(const struct core *c);
int64_t clock_wall_to_at(const struct core *c, int64_t wall);

/* schedule.c */
enum { CAMPAIGN_IS_OVER = -2 }; /* of campaign_begin() */
int schedule_begin(struct core *c, struct campaign *p, struct errtext *err);
bool schedule_shut(const struct core *c, const struct campaign *p);
void schedule_arm(struct core *c, struct campaign *p);
void schedule_timer(struct core *c, struct campaign *p);
void schedule_clock(struct core *c, struct campaign *p);
int64_t schedule_end_wall(const struct core *c, const struct campaign *p);
enum cause schedule_leftover_cause(const struct campaign *p);
/* Of a target that is cancelled with its campaign. */
enum cause schedule_cancel_cause(const struct target *t);
/* waves.c, wave_pick.c */
struct wave *target_wave(const struct target *t);
bool wave_lets(const struct target *t); /* it may start */
const struct spec_gate *wave_gate(const struct wave *w);
void wave_figures(const struct wave *w, struct gate_figures *ret);
void waves_free(struct core *c, struct campaign *p);
MUST_CHECK int waves_make(struct core *c, struct campaign *p);
/* Of all targets, as the file says. -1: no memory. */
MUST_CHECK int waves_assign(const struct core *c, struct campaign *p);
/* The same in steps, each for so many targets, but for sorting. 1: done. NULL
 * or -1: no memory. */
struct wave_pick *wave_pick_new(struct campaign *p);
MUST_CHECK int wave_pick_step(const struct core *c, struct wave_pick *k,
    size_t room);
void wave_pick_free(struct wave_pick *k);
void wave_tally(struct target *t, int by);
void wave_move(struct target *t, int number);
void wave_presence(struct core *c, struct target *t);
void wave_changed(struct core *c, struct target *t, enum target_state from);
void wave_timer(struct core *c, struct wave *w);
void waves_judge(struct core *c, struct campaign *p);
void waves_campaign(struct core *c, struct campaign *p);
void waves_restart(struct core *c, struct campaign *p);
bool waves_stored_same(const struct campaign *p,
    const struct campaign_spec *spec);
struct wave *wave_find(const struct campaign *p, const char *name);
int wave_approve(struct core *c, struct wave *w, bool force, const char *who,
    const char *reason, struct errtext *err);

/* rules.c */
MUST_CHECK int rules_make(struct core *c, struct campaign *p);
void rules_begin(struct core *c, struct campaign *p);
void rules_tally(struct target *t, int by);
void rules_attempt(struct core *c, struct target *t, enum cause cause,
    bool provisional);
void rules_judge(struct core *c, struct campaign *p);
int rules_check(const struct campaign *p, struct errtext *err);

/* packages.c */
/* Records what is not on record as it is. */
void packages_pin(struct core *c, struct campaign *p);
/* -1 with the reason: one, *ret_name, is not what it was when the campaign
 * began. */
MUST_CHECK int packages_same(const struct campaign *p,
    const struct campaign_spec *spec, const char **ret_name,
    struct errtext *err);
/* True: one is not; the campaign is paused. */
bool packages_changed(struct core *c, struct campaign *p,
    const struct campaign_spec *spec, struct errtext *err);

/* members.c: the fleet as the operator lists it, and who of it is whose */
#define ROW_NONE 0x1fffffu
#define FLEET_GENS 127
#define EXCLUSIONS_MAX 1000000
/* Its row, by the inventory of now. False: it has none. */
bool device_row(const struct core *c, const struct device *d,
    struct inventory_row *ret);
bool device_has_row(const struct core *c, const struct device *d);
/* "" = not known. */
const char *device_zone(const struct core *c, const struct device *d);
const char *device_country(const struct core *c, const struct device *d);
/* It speaks, or a list names it: the inventory makes it known. */
void device_meet(struct core *c, struct device *d);
/* A command may go to it at all, where it is now: never_file, networks. */
bool device_commandable(const struct core *c, const struct device *d);

/* A command would be taken now. */
static inline bool
device_hears(const struct device *d)
{
	return d->conn != NULL && !d->conn->inside;
}

bool conn_allowed(const struct core *c, const struct device *d,
    const struct core_conn *conn);
/* The contract's hold not_allowed. */
bool target_not_allowed(const struct core *c, const struct target *t);
/* Excluded for good: true when the target was settled, here and now. */
bool target_leave_excluded(struct core *c, struct target *t);
enum member_why member_why(const struct core *c,
    const struct campaign_spec *s, const struct device *d);
/* Exclusions or the fleet changed: the target, or every one, is looked at. */
void target_members_changed(struct core *c, struct target *t);
void campaign_members_changed(struct core *c, struct campaign *p);
size_t fleet_known(const struct core *c);
/* It joins, if it matches, and is not there yet. */
void member_join(struct core *c, struct campaign *p, const struct devid *id);
/* Later matches may still join. */
bool members_open(const struct campaign *p);
/* A device is known from here on: campaigns over all devices may want it. */
void members_known(struct core *c, struct device *d);

/* exclude.c */
struct exclusion *exclusion_find(const struct core *c, uint64_t key);
void oper_exclude(struct core *c, const struct oper *op,
    struct oper_result *ret);
void oper_include(struct core *c, const struct oper *op,
    struct oper_result *ret);
void exclusion_due(struct core *c, struct exclusion *e);
void exclusions_done(struct core *c);
void exclusions_restart(struct core *c);

/* retry.c */
void oper_retry(struct core *c, struct campaign *p, const struct oper *op,
    struct oper_result *ret);

/* diagnosis.c: a command was acknowledged; one was not, though it spoke */
void diagnosis_acked(struct core *c, struct device_more *m);
void diagnosis_read_unheard(struct core *c, struct device_more *m,
    const struct read *r);
void diagnosis_spoke(struct core *c, struct device_more *m);
void diagnosis_start_unheard(struct core *c, struct device_more *m);
void diagnosis_start_heard(struct core *c, struct device_more *m);
const char *device_diagnosis(const struct core *c, const struct device *d);
/* By its rhythm, on the wall clock; 0 = not known. */
int64_t device_next_contact(const struct core *c, const struct device *d);
int64_t device_last_seen(const struct core *c, const struct device *d);

/* quarantine.c */
bool device_quarantined(const struct core *c, const struct device *d);
/* Alive ms at which it ends by itself; 0 = not by time. */
int64_t device_contested_until(const struct core *c, const struct device *d);
/* A live frame of d on conn, and on which of its connections. */
void quarantine_older_spoke(struct core *c, struct device *d,
    struct core_conn *conn);
void quarantine_newest_spoke(struct device *d);
/* conn was that of before, and now speaks as d. */
void quarantine_second_id(struct core *c, struct device *before,
    struct device *d, const struct core_conn *conn);
void quarantine_closed(struct device *d, const struct core_conn *conn);
size_t quarantine_room(const struct core *c); /* devices, at most */
void oper_release(struct core *c, struct device *d, struct oper_result *ret);

/* models.c */
/* Its row, or that of SPEC; NULL: no row is about it. */
const struct core_model *model_of_code(const struct core *c, struct span code);
const struct core_model *device_model(const struct core *c,
    const struct device *d);
/* The device-type code of a protocol version; empty = not known. */
struct span device_type_code(const struct device *d);
const char *device_password(const struct core *c, const struct device *d);
/* The commands of an attempt, whole or with their secrets masked. */
int model_start(const struct core *c, const struct device *d,
    const struct campaign_spec *s, const char *url, uint16_t serial,
    bool masked, char *buf, size_t size);
int model_stop(const struct core *c, const struct device *d, uint16_t serial,
    bool masked, char *buf, size_t size);

/* operate.c */
void oper_answer(struct oper_result *ret, enum oper_status status,
    const char *code, const char *fmt, ...) PRINTF_LIKE(4, 5);
void oper_cancel(struct core *c, struct device *d, struct oper_result *ret);
/* As the operator does it, or the end of a schedule. */
void target_cancel(struct core *c, struct target *t, enum cause cause);

/* pending.c */
void pending_add(struct core *c, enum pending_kind kind, struct device *d,
    int64_t attempt, uint16_t serial);
void pending_durable(struct core *c);
void pending_sent(struct core *c, uint64_t send_id, bool ok,
    const struct core_conn *conn);

#endif
