#include "config.h"
#include "config/campaign_options.h"

#include "core/spec.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define DAY (24 * 60 * MINUTE)
#define MONTH (30 * DAY)
#define GIB (INT64_C(1) << 30)
#define RATE_MAX (10000 * INT64_C(3600)) /* 10000/s */
#define FILE_MAX 4095                    /* bytes of a path */
#define FULL 1000000                     /* 100% */
#define DEVICES_MAX 2000000

#define AT(field) OPT_AT(struct campaign_spec, field)

/* In the order of what they are stored as. */
static const char *const approval_words[] = {"none", "required", NULL};
static const char *const membership_words[] = {"snapshot", "dynamic", NULL};
static const char *const update_words[] = {"mcu", "ble", NULL};
static const char *const at_end_words[] = {"stop", "cancel", NULL};
static const char *const spread_words[] = {"version", "country", NULL};
static const char *const then_words[] = {"next", "hold", NULL};
static const char *const day_words[] = {"mon", "tue", "wed", "thu", "fri",
    "sat", "sun", NULL};
static const char *const scope_words[] = {"campaign", "wave", "edge", NULL};
static const char *const do_words[] = {"pause", "abort", NULL};
/* any, then the causes of failures in the order of enum cause. */
static const char *const cause_words[] = {"any", "no_ack", "refused",
    "refused_power_off", "bad_url", "foreign_cancel", "low_battery",
    "low_battery_install", "download_failed", "update_failed",
    "wrong_version", "silent", "timeout", NULL};

/* clang-format off */
static const struct option rows[] = {
{"campaign", VALUE_NAME, OPT_REQUIRED, NULL, 1, CAMPAIGN_NAME_MAX, AT(name),
	.help = "its name, unique"},
{"description", VALUE_TEXT, OPT_POINTER, "", 0, 1000, AT(description),
	.help = "for people"},
{"priority", VALUE_INT, 0, "50", 0, 100, AT(priority),
	.help = "higher first where campaigns compete"},
{"approval", VALUE_WORD, 0, "required", .words = approval_words,
	AT(approval_required), .help = "whether somebody must start it"},

{"targets.devices", VALUE_DEVICE, OPT_LIST, "[]", 1, 0,
	.help = "ids"},
{"targets.file", VALUE_STRING, 0, "", 0, FILE_MAX,
	.help = "list of ids"},
{"targets.all", VALUE_BOOL, 0, "false", AT(targets_all),
	.help = "every known device"},
{"targets.models", VALUE_TOKEN, OPT_LIST, "[]", 2, 6,
	.help = "only these device-type codes"},
{"targets.tags", VALUE_STRING, OPT_LIST, "[]", 1, 64,
	.help = "only devices with one of these tags"},
{"targets.exclude", VALUE_DEVICE, OPT_LIST, "[]", 1, 0,
	.help = "ids left out"},
{"targets.exclude_file", VALUE_STRING, 0, "", 0, FILE_MAX,
	.help = "list of ids left out"},
{"targets.membership", VALUE_WORD, 0, "snapshot",
	.words = membership_words, AT(dynamic), .help = "whether later matches join"},

{"require.device_type", VALUE_TOKEN, OPT_LIST, "[]", 1, MODEL_MAX,
	.help = "device types that are updated"},
{"require.hardware", VALUE_TOKEN, OPT_LIST, "[]", 1, MODEL_MAX,
	.help = "hardware versions that are updated"},

{"update", VALUE_WORD, 0, "mcu", .words = update_words,
	.help = "which firmware"},
{"target_version", VALUE_TOKEN, 0, "", 0, VERSION_MAX, AT(target_version),
	.help = "version that devices shall report"},
{"packages", VALUE_NODE, OPT_LIST | OPT_REQUIRED, NULL, 1, 256,
	.rows = &package_options, .help = "packages from version to version"},
{"downgrade", VALUE_BOOL, 0, "false", AT(downgrade),
	.help = "whether a version may fall"},

{"command.max_download_retry", VALUE_INT, 0, "1", 0, 3,
	AT(max_download_retry), .help = "retries of a download by the tracker"},
{"command.download_timeout", VALUE_DURATION, 0, "15m", 5 * MINUTE,
	30 * MINUTE, AT(download_timeout_ms),
	.help = "time of one download, whole minutes"},

{"waves", VALUE_NODE, OPT_LIST, NULL, .rows = &wave_options,
	.help = "steps of the rollout"},

{"pace.in_flight", VALUE_INT, 0, "100", 1, 100000, AT(pace.in_flight),
	.help = "updates under way"},
{"pace.start_rate", VALUE_RATE, 0, "60/min", 1, RATE_MAX,
	AT(pace.start_per_hour), .help = "starts"},
{"pace.jitter", VALUE_PERCENT, 0, "20%", 0, FULL, AT(pace.jitter_ppm),
	.help = "spreads the starts of one wake-up"},
{"pace.dark_max", VALUE_INT, 0, "20", 1, 100000, AT(pace.dark_max),
	.help = "devices gone silent after their download"},

{"windows", VALUE_NODE, OPT_REQUIRED | OPT_ANY_NODE, NULL,
	.rows = &window_options, .help = "hours in which updates start"},
{"timezone", VALUE_STRING, 0, "", 0, ZONE_NAME_MAX,
	.help = "of the windows"},
{"fallback_timezone", VALUE_STRING, 0, "", 0, ZONE_NAME_MAX,
	.help = "of a device that has none"},
{"window_fit", VALUE_BOOL, 0, "true", AT(window_fit),
	.help = "start only what ends within the window"},

{"schedule.start", VALUE_TIME, 0, "", 0, 40,
	.help = "not before"},
{"schedule.end", VALUE_TIME, 0, "", 0, 40,
	.help = "no starts after"},
{"schedule.at_end", VALUE_WORD, 0, "stop", .words = at_end_words,
	.help = "what becomes of the rest"},

{"retry.max_attempts", VALUE_INT, 0, "3", 1, 20, AT(retry.max_attempts),
	.help = "attempts per device and package"},
{"retry.backoff", VALUE_DURATION, 0, "15m", SECOND, MONTH,
	AT(retry.backoff_ms),
	.help = "wait after a failure, doubled each time"},
{"retry.backoff_max", VALUE_DURATION, 0, "12h", SECOND, MONTH,
	AT(retry.backoff_max_ms), .help = "longest such wait"},
{"retry.battery_wait", VALUE_DURATION, 0, "12h", SECOND, MONTH,
	AT(retry.battery_wait_ms), .help = "wait after a low battery"},
{"retry.max_deferrals", VALUE_INT, 0, "5", 0, 100, AT(retry.max_deferrals),
	.help = "deferrals before they count as a failure"},

{"timeouts.ack", VALUE_DURATION, 0, "2m", SECOND, 7 * DAY,
	AT(timeouts.ack_ms), .help = "until the command is acknowledged"},
{"timeouts.confirm", VALUE_DURATION, 0, "2m", SECOND, 7 * DAY,
	AT(timeouts.confirm_ms), .help = "until it is confirmed (100)"},
{"timeouts.start_download", VALUE_DURATION, 0, "5m", SECOND, 7 * DAY,
	AT(timeouts.start_download_ms),
	.help = "until a download starts (200)"},
{"timeouts.download_margin", VALUE_DURATION, 0, "60s", SECOND, 7 * DAY,
	AT(timeouts.download_margin_ms),
	.help = "added to command.download_timeout"},
{"timeouts.install", VALUE_DURATION, 0, "30m", SECOND, 7 * DAY,
	AT(timeouts.install_ms), .help = "from the download to its end (301)"},
{"timeouts.verify", VALUE_DURATION, 0, "24h", SECOND, 7 * DAY,
	AT(timeouts.verify_ms), .help = "until the new version is read"},
{"timeouts.probe", VALUE_DURATION, 0, "60s", SECOND, 7 * DAY,
	AT(timeouts.probe_ms), .help = "answer to a version read"},
{"timeouts.silent", VALUE_DURATION, 0, "48h", SECOND, 7 * DAY,
	AT(timeouts.silent_ms), .help = "silence that counts as a failure"},

{"stop_rules", VALUE_NODE, OPT_LIST, NULL,
	.rows = &rule_options, .help = "failures that stop the campaign"},
};

static const struct option package_rows[] = {
[PKG_FROM] = {"from", VALUE_TOKEN, OPT_REQUIRED, NULL, 1, VERSION_MAX,
	.help = "version it updates, or any"},
[PKG_TO] = {"to", VALUE_TOKEN, OPT_REQUIRED, NULL, 0, VERSION_MAX,
	.help = "version it leads to"},
[PKG_FILE] = {"file", VALUE_STRING, 0, "", 0, URL_MAX,
	.help = "below files.root"},
[PKG_URL] = {"url", VALUE_URL, 0, "", 0, URL_MAX,
	.help = "where another server has it"},
[PKG_SHA256] = {"sha256", VALUE_DIGEST, 0, "", 0, 64,
	.help = "what the file must be"},
[PKG_BYTES] = {"bytes", VALUE_SIZE, 0, NULL, 1, GIB,
	.help = "its size"},
};

static const struct option wave_rows[] = {
[WAVE_OPT_NAME] = {"name", VALUE_NAME, OPT_REQUIRED, NULL, 1, CAMPAIGN_NAME_MAX,
	.help = "of the wave"},
[WAVE_OPT_FILE] = {"file", VALUE_STRING, 0, "", 0, FILE_MAX,
	.help = "list of ids"},
[WAVE_OPT_COUNT] = {"count", VALUE_INT, 0, NULL, 1, DEVICES_MAX,
	.help = "so many targets"},
[WAVE_OPT_PERCENT] = {"percent", VALUE_INT, 0, NULL, 1, 100,
	.help = "of all targets"},
[WAVE_OPT_SPREAD] = {"spread", VALUE_WORD, OPT_LIST, "[]", .words = spread_words,
	.help = "evenly over these"},
[WAVE_OPT_SUCCESS] = {"gate.success", VALUE_PERCENT, 0, "100%", 0, FULL,
	.help = "share that must succeed"},
[WAVE_OPT_MIN_DONE] = {"gate.min_done", VALUE_INT, 0, NULL, 1, DEVICES_MAX,
	.help = "results needed; all of the wave when left out"},
[WAVE_OPT_UNKNOWN_MAX] = {"gate.unknown_max", VALUE_PERCENT, 0, "100%", 0, FULL,
	.help = "share that may stay unverified"},
[WAVE_OPT_SOAK] = {"gate.soak", VALUE_DURATION, 0, "0s", 0, MONTH,
	.help = "wait once the gate is met"},
[WAVE_OPT_THEN] = {"gate.then", VALUE_WORD, 0, "next", .words = then_words,
	.help = "what follows"},
[WAVE_OPT_DEADLINE] = {"gate.deadline", VALUE_DURATION, 0, NULL, MINUTE, 365 * DAY,
	.help = "the wave fails after that"},
};

static const struct option window_rows[] = {
[WINDOW_OPT_DAYS] = {"days", VALUE_WORD, OPT_LIST, "[]", .words = day_words,
	.help = "days on which it begins; all when left out"},
[WINDOW_OPT_FROM] = {"from", VALUE_CLOCK, OPT_REQUIRED, NULL, 5, 5, .help = "begin"},
[WINDOW_OPT_TO] = {"to", VALUE_CLOCK, OPT_REQUIRED, NULL, 5, 5,
	.help = "end, on the next day when before from"},
};

static const struct option rule_rows[] = {
[RULE_OPT_CAUSE] = {"cause", VALUE_WORD, OPT_REQUIRED, NULL,
	.words = cause_words, .help = "of the failures that count"},
[RULE_OPT_COUNT] = {"count", VALUE_INT, 0, NULL, 1, DEVICES_MAX,
	.help = "devices with that cause"},
[RULE_OPT_RATE] = {"rate", VALUE_PERCENT, 0, NULL, 1, FULL,
	.help = "or their share of those that are done"},
[RULE_OPT_MIN_SAMPLE] = {"min_sample", VALUE_INT, 0, NULL, 1, DEVICES_MAX,
	.help = "done before the rate counts"},
[RULE_OPT_SCOPE] = {"scope", VALUE_WORD, 0, "campaign",
	.words = scope_words, .help = "what is counted together"},
[RULE_OPT_WAVES] = {"waves", VALUE_NODE, OPT_ANY_NODE, NULL,
	.help = "first, or a list of names; all when left out"},
[RULE_OPT_DO] = {"do", VALUE_WORD, OPT_REQUIRED, NULL, .words = do_words,
	.help = "what the rule does"},
};
/* clang-format on */

const struct opt_table campaign_options = {rows, ARRAY_LEN(rows)};
const struct opt_table package_options = {package_rows,
    ARRAY_LEN(package_rows)};
const struct opt_table wave_options = {wave_rows, ARRAY_LEN(wave_rows)};
const struct opt_table window_options = {window_rows, ARRAY_LEN(window_rows)};
const struct opt_table rule_options = {rule_rows, ARRAY_LEN(rule_rows)};

_Static_assert(ARRAY_LEN(package_rows) == PKG_OPTION_COUNT_, "packages");
_Static_assert(ARRAY_LEN(wave_rows) == WAVE_OPTION_COUNT_, "waves");
_Static_assert(ARRAY_LEN(window_rows) == WINDOW_OPTION_COUNT_, "windows");
_Static_assert(ARRAY_LEN(rule_rows) == RULE_OPTION_COUNT_, "stop_rules");
