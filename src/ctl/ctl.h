#ifndef TRACKUP_CTL_CTL_H
#define TRACKUP_CTL_CTL_H
/*
 * ctl: trackupctl, the operator's tool. Everything goes through the HTTP API
 * on the daemon's unix socket; nothing here knows YAML, database or tracker.
 *
 * Data goes to stdout, everything said to a person to stderr. A command ends
 * with one of the exit codes below, which scripts rely on (trackupctl(8)).
 * There is one struct ctl, made by main() and borrowed by all.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"

enum ctl_exit {
	CTL_OK = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_WAIT_BAD = 3,   /* the campaign aborted, or a rule paused it */
	CTL_NOT_FOUND = 4,
	CTL_UNREACHABLE = 5,
	CTL_REFUSED = 6,
};

/* Options of single commands; the others hold everywhere. */
enum ctl_option {
	OPT_STATE, OPT_CAUSE, OPT_HOLD, OPT_WAVE, OPT_DIGEST, OPT_DRY_RUN,
	OPT_TIMEOUT, OPT_FORCE, OPT_FOR, OPT_CANCEL, OPT_FILE,
	OPT_FOLLOW, OPT_SINCE, OPT_CAMPAIGN, OPT_ALL, OPT_SEED, OPT_DEVICES,
	OPT_COUNT_
};

#define OPT_BIT(o) (1u << (o))
#define CMD_LIST (1u << 31) /* has CSV */

struct cmd;

struct ctl {
	char socket[256];
	bool json, csv;               /* at most one; else tables */
	bool color;
	bool yes;
	const char *reason;           /* NULL = none */
	unsigned given;               /* bits of enum ctl_option */
	const char *value[OPT_COUNT_];
	const struct cmd *cmd;
	long answer_timeout_ms;       /* 0 = a minute */
	void *curl;                   /* of client.c */
};

/* args: the words behind the verb, NULL-terminated, as many as cmd allows. */
typedef int cmd_fn(struct ctl *c, char *const *args);

/* One row of the command tree. A node has run or sub. */
struct cmd {
	const char *word;             /* NULL ends a list */
	const char *args;             /* for help, "" */
	const char *help;
	cmd_fn *run;
	unsigned options;             /* bits of enum ctl_option, CMD_LIST */
	int args_min, args_max;
	const struct cmd *sub;
};

extern const struct cmd cmd_root;

/* --- say.c -----------------------------------------------------------------*/
/* "trackupctl: …" on stderr; the text's control characters are escaped. */
void say(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* The same, then exit code 1: no memory, broken pipe. */
void die(const char *fmt, ...) PRINTF_LIKE(1, 2) __attribute__((noreturn));
void *xmalloc(size_t n);
char *xstrdup(const char *s);
/* Best match for a mistyped word, or NULL when nothing is near. */
const char *nearest(const char *word, const char *const *list);
/* Somebody can be asked, and --yes was not given. */
bool asks_back(const struct ctl *c);
/* Asks; true without asking when nobody is to be asked. */
bool confirmed(const struct ctl *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Of what cannot be undone: without a terminal it wants --yes. False: refused,
 * and it was said. */
bool may_stop(const struct ctl *c);

/* --- client.c --------------------------------------------------------------*/
#define CTL_PATH_MAX 4096

struct answer {
	long status;    /* HTTP; 0 = the daemon was not reached */
	json_t *json;   /* NULL = no answer, or it is not JSON */
	char why[512];  /* of status 0 */
};

/* body (taken) makes it a POST. path is below /api/v1/, encoded already. */
struct answer client_ask(struct ctl *c, const char *path, json_t *body);
void answer_done(struct answer *a);
/* A malloc'd copy of one path segment, percent-encoded. Ends the process with
 * CTL_USAGE when s is longer than any name: so every path made of one segment
 * and all filters fits into CTL_PATH_MAX. */
char *client_encode(struct ctl *c, const char *s);
void client_close(struct ctl *c);
/* Says what is wrong with an answer that is no 200. Exit code. */
int answer_failed(const struct ctl *c, const struct answer *a);
/* As client_ask(); 0 with *ret (caller decrefs), or the exit code after the
 * reason was said. */
MUST_CHECK int client_get(struct ctl *c, json_t **ret, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* A body with reason, when one was given. */
json_t *client_body(const struct ctl *c);

/* Calls fn for each item of a list, over all its pages. fn's nonzero return
 * ends it. 0, fn's return, or the exit code. */
typedef int item_fn(struct ctl *c, const json_t *item, void *arg);
int client_each(struct ctl *c, const char *path, item_fn *fn, void *arg);

/* Server-sent events of path, behind the one with id last ("" = what the path
 * says). last is kept up to date. fn's nonzero return ends it. 0: the other
 * side closed or was lost; fn's return; or an exit code, said. *ret_heard:
 * whether it had begun. */
#define CTL_EVENT_ID_MAX 80
typedef int event_fn(struct ctl *c, const char *event, const json_t *data,
    void *arg);
int client_events(struct ctl *c, const char *path,
    char last[CTL_EVENT_ID_MAX], event_fn *fn, void *arg, bool *ret_heard);

/* --- suggest.c -------------------------------------------------------------*/
/* "did you mean …?" of a campaign that was not found or, where there is one,
 * of its wave (NULL = it is not that). */
void suggest(struct ctl *c, const char *campaign, const char *wave);

/* --- conf.c ----------------------------------------------------------------*/
/* control.socket of a trackupd.yaml, without parsing YAML. 0, or -1 and said. */
MUST_CHECK int conf_socket(const char *file, char *ret, size_t size);

/* --- table.c ---------------------------------------------------------------*/
struct table;
enum {
	COL_LEFT = 0, COL_RIGHT = 1, COL_WORD = 2, COL_WIDE = 4, COL_SPARE = 8,
	COL_CSV = 16, COL_TABLE = 32
};
/* Titles, NULL-terminated, with as many flags. COL_WORD is coloured by what it
 * says, COL_WIDE gives way when the terminal is narrow, COL_SPARE goes then. */
struct table *table_new(const struct ctl *c, const char *const *titles,
    const int *flags);
void table_row(struct table *t);
void table_put(struct table *t, const char *text); /* next cell */
void table_putf(struct table *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
void table_print(struct table *t); /* and releases it */
/* Label and value, one a line; empty values are left out. */
struct table *facts_new(const struct ctl *c);
void fact(struct table *t, const char *label, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* --- render.c --------------------------------------------------------------*/
/* Text of a member: "" for null or absent; numbers in decimal. */
const char *jtext(const json_t *j, const char *key, char *buf, size_t size);
int64_t jint(const json_t *j, const char *key);
/* Times without their milliseconds, "" for null. */
const char *jtime(const json_t *j, const char *key, char *buf, size_t size);
void print_json(const json_t *j);
/* Ends the process when standard output could not take it all. */
void out_flush(void);
/* "bad_url 2, no_ack 1" of {"bad_url":2,"no_ack":1}, biggest first; caller
 * frees. */
char *counts_text(const json_t *counts);
/* Prints a list: --json as an array while the pages come, CSV, or a table.
 * key is "member" or "object.member"; a table prefers fn, CSV the key. COL_CSV
 * columns stand in CSV alone, COL_TABLE ones, which may lack a key, in tables
 * alone. */
struct list_column {
	const char *title, *key;
	int flags;
	const char *(*fn)(const json_t *item, char *buf, size_t size);
};
int print_list(struct ctl *c, const char *path,
    const struct list_column *columns, size_t count, const char *none);
/* The same of an array that is here. */
int print_items(struct ctl *c, const json_t *items,
    const struct list_column *columns, size_t count, const char *none);

/* --- csv.c -----------------------------------------------------------------*/
/* RFC 4180, to standard output; column 0 begins a line. */
void csv_cell(size_t column, const char *text);
void csv_end(void);

/* --- term.c ----------------------------------------------------------------*/
/* Columns of the terminal, else of COLUMNS, else 80. */
int term_width(int fd);
/* No terminal, or one that cannot draw over a line. */
bool term_is_dumb(int fd);
/* Columns that a text takes, in the locale. */
int term_cells(const char *s);

/* --- commands --------------------------------------------------------------*/
cmd_fn cmd_status, cmd_reload, cmd_halt, cmd_resume_all;
cmd_fn cmd_backup, cmd_drain, cmd_events, cmd_token_new;
cmd_fn cmd_campaign_list, cmd_campaign_show, cmd_campaign_targets;
cmd_fn cmd_campaign_check, cmd_campaign_change, cmd_campaign_abort;
cmd_fn cmd_campaign_wait;
cmd_fn cmd_device_list, cmd_device_show, cmd_device_timeline;
cmd_fn cmd_device_change, cmd_device_exclude;
cmd_fn cmd_campaign_retry, cmd_campaign_export;
cmd_fn cmd_campaign_plan, cmd_campaign_simulate;
cmd_fn cmd_wave_list, cmd_wave_approve;
cmd_fn cmd_firmware_list;
cmd_fn cmd_audit;

/* --- cmd_check.c -----------------------------------------------------------*/
/* Posts a question about a campaign file, with the lists that it names and
 * the members of more (borrowed; NULL = none). 0 with *ret (caller decrefs),
 * or the exit code after everything was said. */
MUST_CHECK int ask_about(struct ctl *c, const char *question,
    const char *file, const json_t *more, json_t **ret);

/* --- shared by commands ----------------------------------------------------*/
/* Phase, hold or cause of a target: why it stands where it stands. */
const char *target_detail(const json_t *t, char *buf, size_t size);
int print_waves(struct ctl *c, const json_t *waves);
/* What a halt or an abort leaves behind. */
void print_in_flight(const json_t *j);
/* When a change is in force and not on disk. */
void warn_not_durable(const json_t *j, const char *what);

#endif
