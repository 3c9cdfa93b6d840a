#include "config.h"
#include "core/words.h"

#include <string.h>

static int
find(const char *const *names, int n, const char *s)
{
	for (int i = 0; i < n; i++)
		if (names[i] != NULL && strcmp(names[i], s) == 0)
			return i;
	return -1;
}

#define WORDS(type, fn, count, ...) \
	static const char *const fn##_names[count] = {__VA_ARGS__}; \
	const char *fn##_name(enum type v) \
	{ \
		assert((unsigned)v < (unsigned)(count)); \
		return fn##_names[v]; \
	}
#define WORDS_PARSE(fn, count) \
	int fn##_parse(const char *s) \
	{ \
		return find(fn##_names, count, s); \
	}

/* clang-format off */
WORDS(campaign_state, campaign_state, CAMPAIGN_STATE_COUNT_,
	"draft", "scheduled", "running", "paused", "aborting", "aborted",
	"finished")
WORDS_PARSE(campaign_state, CAMPAIGN_STATE_COUNT_)

WORDS(wave_state, wave_state, WAVE_STATE_COUNT_,
	"waiting", "open", "soaking", "held", "passed", "failed")
WORDS_PARSE(wave_state, WAVE_STATE_COUNT_)

WORDS(target_state, target_state, TARGET_STATE_COUNT_,
	"waiting", "active", "backoff", "succeeded", "failed", "cancelled",
	"skipped", "unverified")
WORDS_PARSE(target_state, TARGET_STATE_COUNT_)

WORDS(hold, hold, HOLD_COUNT_,
	"", "approval", "schedule", "halted", "paused", "draining", "store",
	"not_allowed", "quarantined", "other_campaign", "foreign_update",
	"wave", "battery", "power_off", "offline", "version_unknown",
	"timezone_unknown", "window", "window_fit", "file_server", "dark_max",
	"in_flight", "rate")
WORDS_PARSE(hold, HOLD_COUNT_)

WORDS(phase, phase, PHASE_COUNT_,
	"", "preflight", "intent", "sending", "acked", "confirmed",
	"downloading", "downloaded", "updating", "verifying", "resolving",
	"unsure", "overdue", "cancelling", "deferred", "provisional", "ended")
WORDS_PARSE(phase, PHASE_COUNT_)

WORDS(reached, reached, REACHED_COUNT_,
	"intent", "acked", "confirmed", "downloading", "downloaded",
	"updating", "claimed")
WORDS_PARSE(reached, REACHED_COUNT_)

WORDS(cause, cause, CAUSE_COUNT_,
	"", "no_ack", "refused", "refused_power_off", "bad_url",
	"foreign_cancel", "low_battery", "low_battery_install",
	"download_failed", "update_failed", "wrong_version", "silent",
	"timeout", "up_to_date", "no_path", "downgrade", "excluded",
	"wrong_model", "wrong_hardware", "operator", "expired",
	"ambiguous_102")
WORDS_PARSE(cause, CAUSE_COUNT_)

WORDS(result, result, RESULT_COUNT_,
	"open", "succeeded", "failed", "deferred", "cancelled", "unverified",
	"withdrawn", "dropped")
WORDS_PARSE(result, RESULT_COUNT_)

WORDS(pause_reason, pause_reason, PAUSE_REASON_COUNT_,
	"", "operator", "gate", "rule", "file_broken", "file_changed",
	"file_gone", "package_changed")
WORDS_PARSE(pause_reason, PAUSE_REASON_COUNT_)

WORDS(event_kind, event_kind, EVENT_KIND_COUNT_,
	"sent", "ack", "report", "version", "phase", "timer", "operator",
	"session")
WORDS_PARSE(event_kind, EVENT_KIND_COUNT_)
/* clang-format on */

bool
target_state_terminal(enum target_state s)
{
	return s >= TARGET_SUCCEEDED && s < TARGET_STATE_COUNT_;
}
