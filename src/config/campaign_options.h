#ifndef TRACKUP_CONFIG_CAMPAIGN_OPTIONS_H
#define TRACKUP_CONFIG_CAMPAIGN_OPTIONS_H
/*
 * campaign_options: the keys of a campaign file, one row each (contract.md).
 *
 * The order is that of the manual.
 */
#include "config/options.h"

extern const struct opt_table campaign_options;
/* Of the entries of packages, waves, windows and stop_rules. */
extern const struct opt_table package_options;
extern const struct opt_table wave_options;
extern const struct opt_table window_options;
extern const struct opt_table rule_options;

enum { PKG_FROM, PKG_TO, PKG_FILE, PKG_URL, PKG_SHA256,
	PKG_BYTES, PKG_OPTION_COUNT_ };
enum { WINDOW_OPT_DAYS, WINDOW_OPT_FROM, WINDOW_OPT_TO,
	WINDOW_OPTION_COUNT_ };
enum { RULE_OPT_CAUSE, RULE_OPT_COUNT, RULE_OPT_RATE, RULE_OPT_MIN_SAMPLE,
	RULE_OPT_SCOPE, RULE_OPT_WAVES, RULE_OPT_DO, RULE_OPTION_COUNT_ };
enum { WAVE_OPT_NAME, WAVE_OPT_FILE, WAVE_OPT_COUNT, WAVE_OPT_PERCENT,
	WAVE_OPT_SPREAD, WAVE_OPT_SUCCESS, WAVE_OPT_MIN_DONE,
	WAVE_OPT_UNKNOWN_MAX, WAVE_OPT_SOAK, WAVE_OPT_THEN, WAVE_OPT_DEADLINE,
	WAVE_OPTION_COUNT_ };

#endif
