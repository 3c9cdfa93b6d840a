#include "config.h"
#include "ctl/ctl.h"

#include <limits.h>

/* clang-format off */
#define VERB(word, args, help, run, options, n) \
	{word, args, help, run, options, n, n, NULL}
#define GROUP(word, help, sub) {word, "COMMAND", help, NULL, 0, 0, 0, sub}
#define END {NULL, NULL, NULL, NULL, 0, 0, 0, NULL}

static const struct cmd campaign_cmds[] = {
	VERB("list", "", "all campaigns", cmd_campaign_list, CMD_LIST, 0),
	VERB("show", "NAME", "one campaign: state, counts, waves",
	    cmd_campaign_show, 0, 1),
	VERB("targets", "NAME", "its trackers, and why each stands where it "
	    "stands", cmd_campaign_targets, OPT_BIT(OPT_STATE) |
	    OPT_BIT(OPT_CAUSE) | OPT_BIT(OPT_HOLD) | OPT_BIT(OPT_WAVE) |
	    CMD_LIST, 1),
	VERB("check", "FILE", "have the daemon check a campaign file",
	    cmd_campaign_check, 0, 1),
	VERB("start", "NAME", "approve a draft", cmd_campaign_change,
	    OPT_BIT(OPT_DIGEST), 1),
	VERB("pause", "NAME", "no further starts", cmd_campaign_change, 0, 1),
	VERB("resume", "NAME", "go on after a pause", cmd_campaign_change, 0,
	    1),
	VERB("abort", "NAME", "end it and stop what can be stopped",
	    cmd_campaign_abort, OPT_BIT(OPT_DRY_RUN), 1),
	VERB("wait", "NAME", "until it is finished, aborted, or paused by a "
	    "rule", cmd_campaign_wait, OPT_BIT(OPT_TIMEOUT), 1),
	VERB("plan", "FILE", "what a campaign file would do, and to whom",
	    cmd_campaign_plan, 0, 1),
	VERB("simulate", "FILE", "run it on a simulated fleet, in no time",
	    cmd_campaign_simulate, OPT_BIT(OPT_SEED) | OPT_BIT(OPT_DEVICES),
	    1),
	VERB("retry-failed", "NAME", "try the failed ones again",
	    cmd_campaign_retry, OPT_BIT(OPT_CAUSE), 1),
	VERB("export", "NAME", "all of its trackers as CSV, or with --json",
	    cmd_campaign_export, CMD_LIST, 1),
	END
};

static const struct cmd device_cmds[] = {
	VERB("list", "", "all trackers", cmd_device_list, CMD_LIST, 0),
	VERB("show", "ID", "one tracker", cmd_device_show, 0, 1),
	VERB("timeline", "ID", "what happened to it, oldest first",
	    cmd_device_timeline, CMD_LIST, 1),
	VERB("probe", "ID", "read its versions now", cmd_device_change, 0, 1),
	VERB("cancel", "ID", "stop the update that is under way",
	    cmd_device_change, 0, 1),
	{"exclude", "ID...", "take trackers out of all campaigns",
	    cmd_device_exclude, OPT_BIT(OPT_FILE) | OPT_BIT(OPT_FOR) |
	    OPT_BIT(OPT_CANCEL), 0, INT_MAX, NULL},
	{"include", "ID...", "take them back", cmd_device_exclude,
	    OPT_BIT(OPT_FILE), 0, INT_MAX, NULL},
	VERB("release", "ID", "end its quarantine", cmd_device_change, 0, 1),
	END
};

static const struct cmd wave_cmds[] = {
	VERB("list", "NAME", "the waves of a campaign, and what their gates lack",
	    cmd_wave_list, CMD_LIST, 1),
	VERB("approve", "NAME WAVE", "pass the wave that is held",
	    cmd_wave_approve, OPT_BIT(OPT_FORCE), 2),
	END
};

static const struct cmd token_cmds[] = {
	VERB("new", "NAME ROLE", "a token for http.token_file: read or operate",
	    cmd_token_new, 0, 2),
	END
};

static const struct cmd firmware_cmds[] = {
	VERB("list", "", "the files below files.root, and who uses them",
	    cmd_firmware_list, CMD_LIST, 0),
	END
};

static const struct cmd root_cmds[] = {
	VERB("status", "", "the daemon, its trackers and limits", cmd_status,
	    OPT_BIT(OPT_ALL), 0),
	VERB("reload", "", "read configuration and campaign files again",
	    cmd_reload, OPT_BIT(OPT_FORCE), 0),
	VERB("halt", "", "stop every start at once, in all campaigns",
	    cmd_halt, 0, 0),
	VERB("drain", "", "start nothing further, before a restart", cmd_drain,
	    0, 0),
	VERB("resume-all", "", "end a halt or a drain", cmd_resume_all, 0, 0),
	GROUP("campaign", "campaigns", campaign_cmds),
	GROUP("device", "trackers", device_cmds),
	GROUP("wave", "waves of a campaign", wave_cmds),
	GROUP("firmware", "packages", firmware_cmds),
	GROUP("token", "tokens of the API over TCP", token_cmds),
	VERB("backup", "FILE", "copy the database to a file of this machine, "
	    "while it is in use", cmd_backup, OPT_BIT(OPT_FORCE), 1),
	VERB("events", "", "what happens, to all or in one campaign", cmd_events,
	    OPT_BIT(OPT_FOLLOW) | OPT_BIT(OPT_SINCE) | OPT_BIT(OPT_CAMPAIGN) |
	    CMD_LIST,
	    0),
	VERB("audit", "", "who changed what, and why, newest first", cmd_audit,
	    CMD_LIST, 0),
	END
};

const struct cmd cmd_root = GROUP("trackupctl", "", root_cmds);
