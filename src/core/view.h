#ifndef TRACKUP_CORE_VIEW_H
#define TRACKUP_CORE_VIEW_H
/*
 * view: what the core knows, as plain values for the API, metrics and log.
 *
 * Read only. Strings are borrowed and valid until the next core_* call that
 * changes anything; copy them out at once.
 */
#include "base/histogram.h"
#include "core/core.h"
#include "core/gate.h"
#include "core/paths.h"

struct view_campaign {
	int64_t id;
	const char *name, *description, *digest, *target_version;
	enum campaign_state state;
	enum pause_reason reason;
	const char *reason_text;      /* "" */
	int revision, priority;
	size_t total;
	size_t targets[TARGET_STATE_COUNT_]; /* add up to total */
	size_t causes[CAUSE_COUNT_];
	size_t holds[HOLD_COUNT_];    /* add up to targets[TARGET_WAITING] */
	int64_t attempts;             /* starts that left */
	size_t in_flight, dark;
	int64_t created_wall, started_wall, finished_wall; /* 0 = not yet */
	double per_hour;              /* targets that ended; 0 = unknown */
	int64_t eta_wall;             /* 0 = unknown */
	uint64_t results[RESULT_COUNT_]; /* of attempts, since the start */
	bool windows_always;
	const char *timezone;         /* a name, or "device"; "" when always */
	int64_t window_from_wall, window_to_wall; /* open, or next; 0 = none
	                                           * is known */
	int64_t schedule_start_wall, schedule_end_wall; /* 0 = none (yet) */
	bool schedule_cancel;
	size_t wave_count;
};

struct view_wave {
	const char *name;
	enum wave_state state;
	const char *reason;           /* "" */
	size_t total;
	size_t targets[TARGET_STATE_COUNT_]; /* add up to total */
	size_t done;                  /* succeeded, failed, unverified */
	size_t offline;               /* still open, and not connected */
	const struct spec_gate *gate; /* NULL = none */
	size_t min_done;              /* as it is now */
	bool met;
	char lacks[GATE_TEXT];        /* "" when met */
	int64_t opened_wall, ended_wall;
	int64_t soak_until_wall, deadline_wall; /* 0 = none runs */
	int64_t approved_wall;
	const char *approved_by, *approved_reason; /* "" */
};

struct view_target {
	const char *id;
	uint64_t key;
	const char *campaign, *wave;
	enum target_state state;
	enum phase phase;             /* PHASE_NONE unless active */
	enum cause cause;
	enum hold hold;               /* HOLD_NONE unless waiting */
	int attempts;                 /* starts that left */
	int64_t hold_until_wall;      /* 0 = not by time alone */
	int64_t retry_wall;           /* 0 = none */
	int64_t attempt;              /* last attempt id; 0 = none */
	const char *version;          /* last version read; "" = none */
	int hops;                     /* verified, of its path */
	const char *blocked_by;       /* campaign of hold other_campaign */
	const char *diagnosis;        /* of its device; "" = nothing to say */
	char missing[PATH_TEXT];      /* edge that a skipped one lacks; "" */
};

struct view_device {
	const char *protocol;         /* family of frames; "" = not heard yet */
	const char *id, *protocol_version, *name, *device_type, *hardware, *mcu;
	uint64_t key;
	const char *model;            /* device-type code of the protocol version */
	int64_t version_wall, last_seen_wall;
	bool online, registered, observed;
	enum transport transport;
	const struct core_conn *conn; /* NULL = offline */
	const char *diagnosis;        /* "" = nothing to say */
	int64_t quarantined_wall;     /* since; 0 = not in quarantine */
	int64_t next_contact_wall;    /* 0 = not known */
	size_t target_count;
	const char *model_name;       /* of its row of models */
	bool inventory;               /* the next four are its row; "" = none */
	const char *tags, *timezone, *country, *networks;
	bool never;                   /* in devices.never_file */
	bool allowed;                 /* a command may go to it, where it is */
	const struct exclusion_rec *exclusion; /* NULL = none by hand */
	char id_text[DEVID_MAX + 1], model_text[MODEL_CODE_TEXT];
};

struct view_status {
	size_t devices_known, devices_online, devices_observed;
	size_t in_flight, dark;
	bool halted, draining, store_ok;
	size_t observed_max;
	uint64_t observed_evicted;
	size_t devices_registered, registered_max;
	uint64_t registered_refused;
	int frames_kept_max;          /* of one device, at once */
	uint64_t frames_not_kept;
	uint64_t frames_nameless;     /* of connections without an id */
	/* How often the pace held a target or a read back. */
	uint64_t held_in_flight, held_start_rate, held_read_rate, held_dark;
	/* downloads from our own server: expected or running, at most (0 = no
	 * such server), and how often a start had to wait for them */
	size_t file_slots;
	int file_downloads_max;
	uint64_t held_files;
	uint64_t codes[1000];         /* GTUPD reports by code */
	uint64_t commands_start, commands_stop, commands_read;
	uint64_t repeats, foreign_updates;
	size_t quarantined, quarantined_max; /* devices */
	uint64_t quarantine_refused;  /* held for a time instead */
	uint64_t takeovers;           /* an older connection spoke */
	struct histogram updates;     /* start to success; histogram_update */
	int64_t clock_jump_ms;        /* more than that is a jump */
	uint64_t clock_jumps;         /* of the wall clock, since the start */
	size_t inventory_rows, inventory_max, inventory_bytes;
	size_t exclusions, exclusions_max;
	uint64_t exclusions_refused;
	bool fleet_broken;            /* nobody is commanded */
};

struct target_filter {
	int state, cause, hold;       /* -1 = any */
	const char *wave;             /* NULL = any */
	uint64_t after;               /* key; 0 = from the beginning */
};

/* What only a look at each target tells. Zeroed is the beginning. */
struct view_looks {
	size_t pos;
	size_t holds[HOLD_COUNT_];    /* of those that wait */
	size_t offline[WAVES_MAX];    /* of each wave, and not ended */
};

/* Looks at *room more targets at the most, and takes from *room what was looked
 * at; true: that was all of them. What changes meanwhile may be counted as it
 * was, or as it is. */
bool core_view_looks(const struct core *c, const char *campaign, size_t *room,
    struct view_looks *v);
/* With the holds that all looks together found. False: no such. */
bool core_view_looked(const struct core *c, struct core_now now,
    const char *name, const struct view_looks *v, struct view_campaign *ret);
/* The same with all looks at once: for a small one. */
bool core_view_campaign(const struct core *c, struct core_now now,
    const char *name, struct view_campaign *ret);
/* The same without the holds, which cost more than all the rest. */
bool core_view_campaign_brief(const struct core *c, struct core_now now,
    const char *name, struct view_campaign *ret);
/* Its waves, in order. Returns how many (<= max); 0: no such campaign. looks:
 * who of them is offline. */
size_t core_view_waves(const struct core *c, struct core_now now,
    const char *campaign, const struct view_looks *looks,
    struct view_wave *ret, size_t max);
/* The i-th wave's name and state alone, which costs nothing. */
bool core_view_wave_state(const struct core *c, const char *campaign, size_t i,
    const char **ret_name, enum wave_state *ret);
size_t core_campaign_count(const struct core *c);
/* i-th campaign's name, or NULL. */
const char *core_campaign_name(const struct core *c, size_t i);
/* The i-th as its file says it, and its state; costs nothing. Borrowed. */
const struct campaign_spec *core_campaign_at(const struct core *c, size_t i,
    enum campaign_state *ret_state);
/* Targets in ascending key order behind filter->after. Returns how many were
 * written (<= max), which may be fewer though there are more: the work of a
 * page is bounded. *ret_last: the key that was looked at last, behind which the
 * next page begins; *ret_more says whether there is one. -1: no campaign.
 * Borrowed strings. */
long core_view_targets(const struct core *c, struct core_now now,
    const char *campaign, const struct target_filter *filter,
    struct view_target *ret, size_t max, uint64_t *ret_last, bool *ret_more);
bool core_view_device(const struct core *c, struct core_now now,
    const char *id, struct view_device *ret);
/* Devices in ascending key order behind after. In a large fleet one that is new
 * may be missing for a minute. */
size_t core_view_devices(const struct core *c, struct core_now now,
    uint64_t after, struct view_device *ret, size_t max, bool *ret_more);
/* The targets of one device, by campaign. */
size_t core_view_device_targets(const struct core *c, struct core_now now,
    uint64_t key, struct view_target *ret, size_t max);
void core_view_status(const struct core *c, struct view_status *ret);

#endif
