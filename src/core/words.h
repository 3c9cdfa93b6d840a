#ifndef TRACKUP_CORE_WORDS_H
#define TRACKUP_CORE_WORDS_H
/*
 * words: the nouns of the field as enums, each with its one name in text.
 *
 * Pure. The same text stands in SQL, log, API and manual (contract.md, Words).
 * The numbers never reach the disk; the texts do. `x_name` never returns NULL
 * for a valid value; `x_parse` gives -1 for an unknown text.
 */
#include <stdbool.h>
#include "base/attr.h"

enum campaign_state {
	CAMPAIGN_DRAFT, CAMPAIGN_SCHEDULED, CAMPAIGN_RUNNING, CAMPAIGN_PAUSED,
	CAMPAIGN_ABORTING, CAMPAIGN_ABORTED, CAMPAIGN_FINISHED,
	CAMPAIGN_STATE_COUNT_
};

enum wave_state {
	WAVE_WAITING, WAVE_OPEN, WAVE_SOAKING, WAVE_HELD, WAVE_PASSED,
	WAVE_FAILED, WAVE_STATE_COUNT_
};

enum target_state {
	TARGET_WAITING, TARGET_ACTIVE, TARGET_BACKOFF, TARGET_SUCCEEDED,
	TARGET_FAILED, TARGET_CANCELLED, TARGET_SKIPPED, TARGET_UNVERIFIED,
	TARGET_STATE_COUNT_
};

/* In the order in which they are tested: the first that blocks is shown. */
enum hold {
	HOLD_NONE, HOLD_APPROVAL, HOLD_SCHEDULE, HOLD_HALTED, HOLD_PAUSED,
	HOLD_DRAINING, HOLD_STORE, HOLD_NOT_ALLOWED, HOLD_QUARANTINED,
	HOLD_OTHER_CAMPAIGN, HOLD_FOREIGN_UPDATE, HOLD_WAVE, HOLD_BATTERY,
	HOLD_POWER_OFF, HOLD_OFFLINE, HOLD_VERSION_UNKNOWN,
	HOLD_TIMEZONE_UNKNOWN, HOLD_WINDOW, HOLD_WINDOW_FIT, HOLD_FILE_SERVER,
	HOLD_DARK_MAX, HOLD_IN_FLIGHT, HOLD_RATE, HOLD_COUNT_
};

/* Of an attempt; preflight is a target's (no attempt yet). intent, deferred,
 * provisional and ended are never shown: the target's state says it. */
enum phase {
	PHASE_NONE, PHASE_PREFLIGHT,
	PHASE_INTENT,      /* committed or being so, not written yet */
	PHASE_SENDING, PHASE_ACKED, PHASE_CONFIRMED, PHASE_DOWNLOADING,
	PHASE_DOWNLOADED, PHASE_UPDATING, PHASE_VERIFYING, PHASE_RESOLVING,
	PHASE_UNSURE, PHASE_OVERDUE,
	PHASE_CANCELLING,  /* shown for a cancel flag; never a machine state */
	PHASE_DEFERRED,    /* a fresh 100 reopens it; ends when a start follows */
	PHASE_PROVISIONAL, /* ended without proof; the device stays claimed */
	PHASE_ENDED,
	PHASE_COUNT_
};

/* How far the tracker is known to have come; never falls. */
enum reached {
	REACHED_INTENT, REACHED_ACKED, REACHED_CONFIRMED, REACHED_DOWNLOADING,
	REACHED_DOWNLOADED, REACHED_UPDATING, REACHED_CLAIMED, REACHED_COUNT_
};

enum cause {
	CAUSE_NONE, CAUSE_NO_ACK, CAUSE_REFUSED, CAUSE_REFUSED_POWER_OFF,
	CAUSE_BAD_URL, CAUSE_FOREIGN_CANCEL, CAUSE_LOW_BATTERY,
	CAUSE_LOW_BATTERY_INSTALL, CAUSE_DOWNLOAD_FAILED, CAUSE_UPDATE_FAILED,
	CAUSE_WRONG_VERSION, CAUSE_SILENT, CAUSE_TIMEOUT,
	/* skipped */
	CAUSE_UP_TO_DATE, CAUSE_NO_PATH, CAUSE_DOWNGRADE, CAUSE_EXCLUDED,
	CAUSE_WRONG_MODEL, CAUSE_WRONG_HARDWARE,
	/* cancelled */
	CAUSE_OPERATOR, CAUSE_EXPIRED, CAUSE_AMBIGUOUS_102,
	CAUSE_COUNT_
};

/* How an attempt ended, or not yet. */
enum result {
	RESULT_OPEN, RESULT_SUCCEEDED, RESULT_FAILED, RESULT_DEFERRED,
	RESULT_CANCELLED, RESULT_UNVERIFIED,
	RESULT_WITHDRAWN, /* never written: the gate closed before it left */
	RESULT_DROPPED,   /* read and dropped by the tracker; a resend follows */
	RESULT_COUNT_
};

/* Why a campaign is paused. */
enum pause_reason {
	PAUSE_NONE, PAUSE_OPERATOR, PAUSE_GATE, PAUSE_RULE, PAUSE_FILE_BROKEN,
	PAUSE_FILE_CHANGED, PAUSE_FILE_GONE, PAUSE_PACKAGE_CHANGED,
	PAUSE_REASON_COUNT_
};

/* Kind of a row of the device's timeline. */
enum event_kind {
	EVENT_SENT, EVENT_ACK, EVENT_REPORT, EVENT_VERSION, EVENT_PHASE,
	EVENT_TIMER, EVENT_OPERATOR, EVENT_SESSION, EVENT_KIND_COUNT_
};

const char *campaign_state_name(enum campaign_state v);
const char *wave_state_name(enum wave_state v);
const char *target_state_name(enum target_state v);
const char *hold_name(enum hold v);
const char *phase_name(enum phase v);
const char *reached_name(enum reached v);
const char *cause_name(enum cause v); /* "" for CAUSE_NONE */
const char *result_name(enum result v);
const char *pause_reason_name(enum pause_reason v);
const char *event_kind_name(enum event_kind v);

int campaign_state_parse(const char *s);
int wave_state_parse(const char *s);
int target_state_parse(const char *s);
int hold_parse(const char *s);
int phase_parse(const char *s);
int reached_parse(const char *s);
int cause_parse(const char *s);
int result_parse(const char *s);
int pause_reason_parse(const char *s);
int event_kind_parse(const char *s);

/* succeeded, failed, cancelled, skipped, unverified. */
bool target_state_terminal(enum target_state s);

#endif
