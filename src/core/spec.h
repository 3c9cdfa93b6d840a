#ifndef TRACKUP_CORE_SPEC_H
#define TRACKUP_CORE_SPEC_H
/*
 * spec: a campaign as its file says it, checked and typed (contract.md,
 * Campaign file).
 *
 * Plain data. Made by config/campaign_file, owned by whoever holds it,
 * released with spec_free(). Durations are as written, before any time scale.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/devid.h"
#include "base/keyset.h"
#include "base/version.h"
#include "core/words.h"
#include "proto/encode.h"

#define CAMPAIGN_NAME_MAX 64
#define DIGEST_TEXT 65 /* 64 hex digits and NUL */
#define WINDOWS_MAX 100 /* entries */
#define ZONE_NAME_MAX 64
#define MODEL_CODE_TEXT 7 /* 2 or 6 hex digits and NUL */
#define TAG_TEXT 65
#define MODEL_MAX 24   /* device type and hardware of GTVER, bytes */

struct spec_package {
	bool from_any;
	char from[VERSION_MAX + 1];
	char to[VERSION_MAX + 1];
	char *file;              /* below files.root; NULL when url was given */
	char url[URL_MAX + 1];   /* what the tracker is told, rendered */
	uint64_t bytes;          /* 0 = unknown */
	char sha256[DIGEST_TEXT]; /* "" = unknown */
};

enum rule_scope { RULE_CAMPAIGN, RULE_WAVE, RULE_EDGE };
enum rule_do { RULE_PAUSE, RULE_ABORT };

struct spec_rule {
	bool any;             /* any cause of a failure */
	enum cause cause;
	enum rule_scope scope;
	uint64_t waves;       /* bit n: wave n counts; 0 = all */
	int64_t count;        /* 0 = rate is given */
	int64_t rate_ppm;     /* failures / done */
	int64_t min_sample;
	enum rule_do act;
};

#define WAVES_MAX 64 /* in a campaign: bits of spec_rule.waves */

enum wave_take { TAKE_REST, TAKE_FILE, TAKE_COUNT, TAKE_PERCENT };

/* What a wave spreads its picks over; bits. */
enum { SPREAD_VERSION = 1 << 0, SPREAD_COUNTRY = 1 << 1 };

struct spec_gate {
	bool given;           /* else nothing is judged; only the last wave */
	int64_t success_ppm;
	int64_t min_done;     /* 0 = all of the wave */
	int64_t unknown_max_ppm;
	int64_t soak_ms;
	int64_t deadline_ms;  /* 0 = none */
	bool hold;            /* then: hold */
};

struct spec_wave {
	char name[CAMPAIGN_NAME_MAX + 1];
	enum wave_take take;
	char *file;              /* of TAKE_FILE, as named; else NULL */
	struct devid *devices;   /* its ids; empty in a stored text */
	size_t device_count;
	int64_t count;           /* of TAKE_COUNT */
	int percent;             /* of TAKE_PERCENT */
	unsigned spread;
	struct spec_gate gate;
};

struct spec_retry {
	int max_attempts;
	int64_t backoff_ms, backoff_max_ms, battery_wait_ms;
	int max_deferrals;
};

struct spec_timeouts {
	int64_t ack_ms, confirm_ms, start_download_ms, download_margin_ms,
	    install_ms, verify_ms, probe_ms, silent_ms;
};

struct spec_pace {
	int in_flight;          /* >= 1 */
	int64_t start_per_hour;
	int64_t jitter_ppm;
	int dark_max;
};

/* Hours of the local day, in minutes from its midnight. */
struct spec_window {
	unsigned days;           /* bit 0 = Monday: on which it begins */
	int from_min;            /* 0..1439 */
	int to_min;              /* over from_min, by 1440 at most */
};

struct spec_schedule {
	int64_t start_wall;      /* 0 = as soon as somebody starts it */
	int64_t end_wall;        /* 0 = SCHEDULE_DAYS after the start */
	bool cancel;             /* at_end: stop what still downloads, too */
};
#define SCHEDULE_DAYS 90

struct campaign_spec {
	char name[CAMPAIGN_NAME_MAX + 1];
	char *description;      /* never NULL */
	int priority;
	bool approval_required;

	bool targets_all;       /* all: true; devices is then empty */
	struct devid *devices;  /* devices and file united, file order, once */
	size_t device_count;

	char (*models)[MODEL_CODE_TEXT];         /* NULL = any */
	size_t model_count;
	char (*tags)[TAG_TEXT];                  /* one of them; NULL = any */
	size_t tag_count;
	struct keyset exclude;                   /* exclude and its file */
	bool dynamic;                            /* membership */
	char targets_digest[DIGEST_TEXT];        /* of devices, in order */

	char (*require_type)[MODEL_MAX + 1];     /* NULL = no requirement */
	size_t require_type_count;
	char (*require_hardware)[MODEL_MAX + 1];
	size_t require_hardware_count;

	enum update_type update;
	char target_version[VERSION_MAX + 1];    /* "" = 301 is success */
	struct spec_package *packages;
	size_t package_count;
	bool downgrade;
	int max_download_retry;                  /* 0..3 */
	int64_t download_timeout_ms;             /* whole minutes */

	struct spec_wave *waves;  /* at least one; the last takes the rest */
	size_t wave_count;
	bool waves_given; /* without them: at most 200 targets. Lists are held to
	                   * that at load; all: true, and what tags or models
	                   * narrow, only at the start */

	struct spec_pace pace;
	bool windows_always;
	struct spec_window *windows;             /* NULL when always */
	size_t window_count;
	bool timezone_device;                    /* each device's own */
	char timezone[ZONE_NAME_MAX + 1];        /* "" when device, or always */
	char fallback_timezone[ZONE_NAME_MAX + 1];
	bool window_fit;
	struct spec_schedule schedule;
	struct spec_retry retry;
	struct spec_timeouts timeouts;
	struct spec_rule *rules;                 /* the built-in set when omitted */
	size_t rule_count;

	char digest[DIGEST_TEXT]; /* SHA-256 of the file and its lists */
	char *text;               /* the file as read, never NULL */
	size_t text_len;
	char *path;               /* as opened, for messages; may be NULL */
};

/* An empty spec with the defaults of contract.md. NULL: no memory. */
struct campaign_spec *spec_new(void);
/* Room for n waves in place of those it has, zeroed. -1: no memory. */
MUST_CHECK int spec_waves_new(struct campaign_spec *s, size_t n);
void spec_free(struct campaign_spec *s); /* NULL is fine */

/* Bytes a second that a download takes at least, so that the tracker's
 * download_timeout does not end it: three quarters of the time are counted on,
 * the rest is for what its network makes of that rate. */
int64_t spec_rate_needed(uint64_t bytes, int64_t download_timeout_ms);
/* Worst case W of an attempt in ms (contract.md). */
int64_t spec_worst_case_ms(const struct campaign_spec *s);
/* Differs in nothing but what may change while a campaign runs: description,
 * priority, pace, windows, their zones, window_fit, schedule, retry, timeouts,
 * stop_rules, exclude. On a difference names the key in *ret_key. */
bool spec_same_frozen(const struct campaign_spec *a,
    const struct campaign_spec *b, const char **ret_key);
/* The built-in stop rules. */
extern const struct spec_rule spec_builtin_rules[];
extern const size_t spec_builtin_rule_count;

#endif
