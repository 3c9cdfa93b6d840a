#ifndef TRACKUP_CORE_CORE_H
#define TRACKUP_CORE_CORE_H
/*
 * core: every decision of trackupd; events in, effects out.
 *
 * Pure: no clock, socket, file, chance or log of its own. Holds the whole
 * state that decisions need (devices, campaigns, targets, live attempts) in
 * memory, loaded from the store at start; the store is the record.
 *
 * Invariants (core_check): at most one live attempt a device; in_flight within
 * every cap; the eight target counts of a campaign add up to its total; a start
 * frame is in an FX_SEND only after its intent's ticket was reported durable.
 */
#include "base/attr.h"
#include "base/errtext.h"
#include "base/filetoken.h"
#include "base/keyset.h"
#include "core/event.h"
#include "core/inventory.h"
#include "core/spec.h"

struct core;

enum unknown_mode { UNKNOWN_REGISTER, UNKNOWN_OBSERVE, UNKNOWN_REFUSE };
enum sack_mode { SACK_ALL, SACK_HEARTBEAT };

struct core_config {
	double time_scale;            /* divides every duration; 1 = none */
	uint64_t boot;                /* which boot of the machine; 0 = unknown */
	enum unknown_mode unknown;
	enum sack_mode sack;
	int observed_max;             /* unlisted ids kept in memory, LRU */
	int registered_max;           /* ids kept on disk because they spoke;
	                               * 0 = no limit */
	int in_flight;                /* over all campaigns */
	int64_t start_per_hour, read_per_hour;
	bool hide_own;                /* from the platform behind us */
	char password[21];            /* of the AT commands */
	char file_user[7], file_secret[7];
	/* files below files.root are served by us: their URLs get a token */
	bool file_server;
	unsigned char file_key[FILE_TOKEN_KEY]; /* nobody else knows it */
	int file_downloads;           /* at a time; 0 = no limit */
	int64_t file_rate;            /* bytes a second over all; 0 = no limit */
	int piece;                    /* targets gone through in one call; 0 =
	                               * 20,000 */
};

/* Copies cfg. seed: of jitter and of the map keys. NULL: no memory. */
struct core *core_new(const struct core_config *cfg, uint64_t seed);
void core_free(struct core *c);
/* A reload: takes effect for what is decided from now on. */
void core_configure(struct core *c, const struct core_config *cfg);

/* The one entrance. Appends to fx (cleared by the caller). Never fails on
 * input; a batch that found no memory has fx->ops.failed set, and the shell
 * must end the process: what is in memory is then ahead of the record. */
void core_handle(struct core *c, const struct ev *ev, struct core_now now,
    struct fx *fx);
/* alive ms of the next thing that is due; INT64_MAX = nothing. */
int64_t core_deadline(const struct core *c);

/* What an FX_WINDOWS is about; NULL: no such campaign. */
const struct campaign_spec *core_campaign_spec(const struct core *c,
    int64_t id);

/* --- the fleet -------------------------------------------------------------*/
#define MODELS_MAX 64

/* One of `models`: how devices of a type are commanded. */
struct core_model {
	char code[MODEL_CODE_TEXT];      /* capitals; 2 or 6 hex digits */
	char name[MODEL_MAX + 1];
	int type_mcu, type_ble;          /* update type field */
	char password[PASSWORD_MAX + 1]; /* "" = devices.password */
	char start[COMMAND_MAX + 1];     /* template; "" = SPEC's */
	char stop[COMMAND_MAX + 1];
};

/* Everything from malloc, or NULL. */
struct core_fleet {
	struct inventory *inventory;
	struct keyset never;             /* sealed */
	struct cidr *network;            /* empty = all are allowed */
	size_t network_count;
	struct core_model *model;
	size_t model_count;
	/* inventory or never_file could not be read: who may be commanded is
	 * not known, so nobody is. */
	bool broken;
};

/* At start, before the campaign files, and at each reload. Takes what fleet
 * holds and leaves it empty. */
void core_fleet(struct core *c, struct core_fleet *fleet, struct core_now now,
    struct fx *fx);
void core_fleet_free(struct core_fleet *fleet);
/* What is in force; borrowed until the next core_fleet(). */
const struct core_fleet *core_fleet_now(const struct core *c);

/* --- start-up: records in, in this order, before the first event ----------*/
void core_load_flags(struct core *c, const struct flags_rec *r,
    const struct stamp_rec *stamp);
MUST_CHECK int core_load_device(struct core *c, const struct device_rec *r);
/* A hint: this device is loaded soon. */
void core_load_device_soon(const struct core *c, uint64_t key);
/* spec: taken. NULL when the stored text no longer parses: then paused
 * file_broken. */
MUST_CHECK int core_load_campaign(struct core *c, const struct campaign_rec *r,
    struct campaign_spec *spec);
/* After its campaign. A row that fits no package of it is left aside. */
MUST_CHECK int core_load_package(struct core *c, const struct package_rec *r);
MUST_CHECK int core_load_wave(struct core *c, const struct wave_rec *r);
MUST_CHECK int core_load_target(struct core *c, const struct target_rec *r);
MUST_CHECK int core_load_attempt(struct core *c, const struct attempt_rec *r);
MUST_CHECK int core_load_tuple(struct core *c, const struct tuple_rec *r);
MUST_CHECK int core_load_exclusion(struct core *c,
    const struct exclusion_rec *r);
/* down_ms: how long nobody was up, -1 = cannot be known. restored: every
 * device is fenced before its next start and everything is halted. */
MUST_CHECK int core_load_done(struct core *c, struct core_now now,
    int64_t down_ms, bool restored, struct fx *fx);

/* --- campaign files --------------------------------------------------------*/
enum file_verdict { FILE_NEW, FILE_SAME, FILE_CHANGED_OK, FILE_REFUSED };
/* A campaign file was read. at_start: a frozen change pauses (file_changed);
 * at a reload it is refused and err says why. Takes spec in every case. */
enum file_verdict core_campaign_file(struct core *c, struct campaign_spec *spec,
    bool at_start, struct core_now now, struct fx *fx, struct errtext *err);
/* Who has the files read and why, for the audit log, until it is called with
 * NULL again. Borrowed. */
void core_files_by(struct core *c, const char *who, const char *reason);
/* Whether core_campaign_file() would take the file now; -1: err says why not.
 * Leaves spec as it is. */
MUST_CHECK int core_campaign_allowed(const struct core *c,
    struct campaign_spec *spec, struct errtext *err);
/* The file of that campaign does not parse, or is gone. text: what is wrong with
 * it, "" = nothing more to say. */
void core_campaign_file_lost(struct core *c, const char *name,
    enum pause_reason why, const char *text, bool at_start,
    struct core_now now, struct fx *fx);

/* After all files were read at start: a campaign whose file did not come pauses
 * (file_gone). */
void core_campaigns_without_file(struct core *c, struct core_now now,
    struct fx *fx);
/* The packages of the i-th campaign that must stay what they are, with what
 * they were; 0 = none of it is watched now. Borrowed. */
size_t core_packages_watched(const struct core *c, size_t i,
    const struct spec_package **ret, const char **ret_campaign);
/* What the shell sees of them. wrong: what is wrong with one, in words: the
 * campaign pauses (package_changed), and is not started or resumed before NULL
 * says that all are what they were. */
void core_packages_seen(struct core *c, const char *campaign,
    const char *wrong, struct core_now now, struct fx *fx);
/* The tokens that stand for attempts now: for the file server, before it
 * listens. Until fn says false. */
void core_tokens(const struct core *c,
    bool (*fn)(void *arg, const char *token, int64_t attempt, uint64_t device),
    void *arg);
/* True while an update of that device may be running: it is silent then. */
bool core_device_busy(const struct core *c, uint64_t key);
/* Whose commands leave by this connection; false: nobody's. */
bool core_conn_device(const struct core *c, const struct core_conn *conn,
    struct devid *ret);

/* --- the operator ----------------------------------------------------------*/
enum oper_kind {
	OPER_CAMPAIGN_START, OPER_CAMPAIGN_PAUSE, OPER_CAMPAIGN_RESUME,
	OPER_CAMPAIGN_ABORT, OPER_HALT, OPER_RESUME_ALL, OPER_DEVICE_PROBE,
	OPER_DEVICE_CANCEL, OPER_DRAIN, OPER_WAVE_APPROVE,
	OPER_DEVICE_EXCLUDE, OPER_DEVICE_INCLUDE, OPER_CAMPAIGN_RETRY,
	OPER_DEVICE_RELEASE, OPER_KIND_COUNT_
};

const char *oper_kind_name(enum oper_kind v); /* as in the audit log */

struct oper {
	enum oper_kind kind;
	const char *campaign;  /* name */
	const char *digest;    /* start: NULL = any */
	const char *device;    /* id as typed */
	const char *wave;      /* name */
	const char *who, *reason;
	bool dry_run;          /* abort */
	bool force;            /* approve: although it is not held */
	int64_t for_ms;        /* exclude: 0 = until included */
	bool cancel;           /* exclude: also what is under way */
	enum cause cause;      /* retry-failed: CAUSE_NONE = any */
};

enum oper_status { OPER_OK, OPER_NOT_FOUND, OPER_REFUSED, OPER_BAD };

struct oper_result {
	enum oper_status status;
	char code[33];         /* of an error: "wrong_state", "no_targets", … */
	char message[256];
	int in_flight, stoppable, flashing; /* halt, abort */
	size_t retried, claimed;            /* retry-failed */
};

/* Carries it out, or not at all. The answer may be given to the operator when
 * fx->ticket (if fx->ops.count > 0) is durable. */
void core_operate(struct core *c, const struct oper *op, struct core_now now,
    struct fx *fx, struct oper_result *ret);

/* What the shell did itself, a backup: a line of the audit log. Texts that are
 * too long are cut. */
void core_shell_did(struct core *c, const char *who, const char *action,
    const char *object, const char *reason, struct core_now now,
    struct fx *fx);

/* --- self-check ------------------------------------------------------------*/
/* 0, or -1 with what does not add up. Linear in the fleet: for tests. */
MUST_CHECK int core_check(const struct core *c, struct errtext *err);

#endif
