#ifndef TRACKUP_CORE_REPORT_H
#define TRACKUP_CORE_REPORT_H
/*
 * report: counts over a campaign or the fleet, for the page and the API.
 *
 * Read only. Each walks over what it counts, the fleet in pieces: whoever asks
 * for it pays for it once and keeps the answer for a while.
 */
#include "core/view.h"

/* How far a target has come, as far as is known: each step holds those of the
 * steps behind it. */
enum report_step {
	STEP_TARGETS,     /* without those that were skipped */
	STEP_STARTED,     /* a start left */
	STEP_ACKED,       /* it was acknowledged */
	STEP_DOWNLOADING, /* it was taken on */
	STEP_DOWNLOADED,
	STEP_INSTALLED,   /* as far as the tracker says */
	STEP_SUCCEEDED,   /* proven */
	STEP_COUNT_
};

const char *report_step_name(enum report_step v);

#define REPORT_FAILURES_MAX 200

struct report_failure {
	enum target_state state;      /* failed or unverified */
	enum cause cause;
	char model[MODEL_CODE_TEXT];
	char from[VERSION_MAX + 1];   /* before the last package; "any", "" */
	size_t count;
};

struct report_campaign {
	size_t pos;                   /* where the walk stands */
	size_t step[STEP_COUNT_];
	size_t ended[STEP_COUNT_];    /* of these: there, and not well */
	size_t phase[PHASE_COUNT_];   /* of those that are active */
	struct report_failure failure[REPORT_FAILURES_MAX];
	size_t failure_count;
	size_t failures_beside;       /* that found no row any more */
};

/* Counts *room more of its targets at the most into r, which was zeroed at the
 * beginning, and takes from *room what it did. True: that was all of them, or
 * there is no such campaign. */
bool core_report_campaign(const struct core *c, const char *name,
    size_t *room, struct report_campaign *r);

#define REPORT_VERSIONS_MAX 100

enum report_age {
	AGE_HOUR, AGE_DAY, AGE_WEEK, AGE_MONTH, AGE_OLDER, AGE_NEVER,
	AGE_COUNT_
};

struct report_version {
	char model[MODEL_CODE_TEXT];
	char mcu[VERSION_MAX + 1];    /* "" = not read */
	size_t count, online;
};

struct report_fleet {
	size_t pos;                   /* where the walk stands */
	size_t devices;
	struct report_version version[REPORT_VERSIONS_MAX];
	size_t version_count, versions_beside;
	size_t age[AGE_COUNT_];       /* since last heard of */
};

/* Counts at most max further devices into r, which was zeroed at the
 * beginning. True: that was all of them. Devices that come or go meanwhile may
 * be missed. */
bool core_report_fleet(const struct core *c, struct core_now now,
    struct report_fleet *r, size_t max);

#endif
