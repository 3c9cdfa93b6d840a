#include "config.h"
#include "ctl/ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/units.h"
#include "base/wtime.h"

#define SINCE_DEFAULT_MS INT64_C(3600000)
#define AWAY_MAX 30 /* seconds that a daemon which restarts is waited for */
#define DONE (-1)   /* all that was there has been told */

struct told {
	bool follow;
	size_t items;
};

/* --- one event -------------------------------------------------------------*/
static void
print_timeline(const json_t *j)
{
	static const char *const keys[] = {"campaign", "device", "kind",
	    "phase", "code", "serial"};
	char buf[1024];

	(void)fputs(jtext(j, "at", buf, sizeof buf), stdout);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (jtext(j, keys[i], buf, sizeof buf)[0] != '\0')
			(void)printf(" %s=%s", keys[i], buf);
	(void)printf("  %s\n", jtext(j, "text", buf, sizeof buf));
}

static void
print_audit(const json_t *j)
{
	char at[64], who[128], action[64], object[256], reason[1024];

	(void)printf("%s %s %s %s%s%s\n", jtext(j, "at", at, sizeof at),
	    jtext(j, "who", who, sizeof who),
	    jtext(j, "action", action, sizeof action),
	    jtext(j, "object", object, sizeof object),
	    jtext(j, "reason", reason, sizeof reason)[0] == '\0' ? "" : ": ",
	    reason);
}

static void
print_change(const json_t *j)
{
	const json_t *t = json_object_get(j, "targets");
	char name[128], state[32], reason[512];

	(void)printf("campaign %s is %s%s%s: %" PRId64 " of %" PRId64
	    " succeeded, %" PRId64 " failed, %" PRId64 " active, %" PRId64
	    " waiting\n", jtext(j, "name", name, sizeof name),
	    jtext(j, "state", state, sizeof state),
	    jtext(j, "reason", reason, sizeof reason)[0] == '\0' ? "" : ", ",
	    reason, jint(t, "succeeded"), jint(t, "total"), jint(t, "failed"),
	    jint(t, "active"), jint(t, "waiting") + jint(t, "backoff"));
}

/* With what it is as a member, so that a line says all. */
static void
print_event_json(const char *event, const json_t *data, struct told *told)
{
	json_t *j = json_object();

	if (j == NULL || json_object_set_new(j, "event",
	    json_string(event)) < 0 ||
	    json_object_update(j, (json_t *)(uintptr_t)data) < 0)
		die("out of memory");
	if (!told->follow)
		(void)fputs(told->items == 0 ? "[\n" : ",\n", stdout);
	(void)json_dumpf(j, stdout, JSON_COMPACT);
	if (told->follow)
		(void)fputs("\n", stdout);
	json_decref(j);
}

/* A row has what any of them has; what it lacks is empty. */
static void
print_event_csv(const char *event, const json_t *data, struct told *told)
{
	static const char *const keys[] = {"at", "campaign", "device", "kind",
	    "phase", "code", "serial", "text", "who", "action", "object",
	    "reason", "name", "state"};
	char buf[1024];

	if (told->items == 0) {
		csv_cell(0, "event");
		for (size_t i = 0; i < ARRAY_LEN(keys); i++)
			csv_cell(i + 1, keys[i]);
		csv_end();
	}
	csv_cell(0, event);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		csv_cell(i + 1, jtext(data, keys[i], buf, sizeof buf));
	csv_end();
}

static int
on_event(struct ctl *c, const char *event, const json_t *data, void *arg)
{
	struct told *told = arg;

	if (strcmp(event, "live") == 0)
		return told->follow ? 0 : DONE;
	if (strcmp(event, "gap") == 0) {
		say("something is missing here: it has been removed "
		    "(store.retain), or an older backup was restored");
		return 0;
	}
	if (c->json)
		print_event_json(event, data, told);
	else if (c->csv)
		print_event_csv(event, data, told);
	else if (strcmp(event, "timeline") == 0)
		print_timeline(data);
	else if (strcmp(event, "audit") == 0)
		print_audit(data);
	else if (strcmp(event, "campaign") == 0)
		print_change(data);
	told->items++;
	if (fflush(stdout) != 0 || ferror(stdout))
		die("cannot write to standard output");
	return 0;
}

/* --- the command -----------------------------------------------------------*/
/* A duration back from now, or a time. */
static int
read_since(const struct ctl *c, char ret[WTIME_TEXT])
{
	struct timespec ts;
	int64_t ms = SINCE_DEFAULT_MS, at;
	const char *s = c->value[OPT_SINCE];

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	at = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
	if (s != NULL && wtime_parse(span_str(s), &at) == 0)
		ms = 0;
	else if (s != NULL && units_duration(span_str(s), &ms) < 0) {
		say("--since %s: not a duration such as 2h, nor a time such "
		    "as 2026-11-23T07:49:11Z", s);
		return CTL_USAGE;
	}
	(void)wtime_format(at - ms, ret);
	return CTL_OK;
}

/* Until it ends, or the daemon stays away. */
static int
listen_on(struct ctl *c, const char *path, struct told *told)
{
	char last[CTL_EVENT_ID_MAX] = "";
	int r, away = 0;
	bool heard = false, once = false;

	for (;;) {
		if (once && away > 0)
			(void)sleep(1);
		if (once && away < AWAY_MAX && access(c->socket, F_OK) != 0) {
			away++;
			continue;
		}
		r = client_events(c, path, last, on_event, told, &heard);
		once = once || heard;
		away = heard ? 1 : away + 1;
		if (r == DONE)
			return CTL_OK;
		if (r == 0 && !told->follow) {
			say("the connection broke");
			return CTL_FAILED;
		}
		if (r != 0 && (r != CTL_UNREACHABLE || !once ||
			away > AWAY_MAX))
			return r;
	}
}

int
cmd_events(struct ctl *c, char *const *args)
{
	char path[CTL_PATH_MAX], since[WTIME_TEXT], *name = NULL;
	struct told told = {0};
	int r;

	(void)args;
	told.follow = (c->given & OPT_BIT(OPT_FOLLOW)) != 0;
	if ((r = read_since(c, since)) != CTL_OK)
		return r;
	if ((c->given & OPT_BIT(OPT_CAMPAIGN)) != 0)
		name = client_encode(c, c->value[OPT_CAMPAIGN]);
	/* Who follows wants what comes; what was, only when asked for. */
	(void)snprintf(path, sizeof path, "events?%s%s%s%s%s",
	    told.follow && c->value[OPT_SINCE] == NULL ? "" : "since=",
	    told.follow && c->value[OPT_SINCE] == NULL ? "" : since,
	    name == NULL ? "" : "&", name == NULL ? "" : "campaign=",
	    name == NULL ? "" : name);
	free(name);
	r = listen_on(c, path, &told);
	if (c->json && !told.follow && r == CTL_OK)
		(void)fputs(told.items == 0 ? "[]\n" : "\n]\n", stdout);
	else if (!c->json && !told.follow && r == CTL_OK && told.items == 0)
		(void)fputs("nothing happened in that time\n", stderr);
	return r;
}

/* --- who did what ------------------------------------------------------------*/
int
cmd_audit(struct ctl *c, char *const *args)
{
	static const struct list_column columns[] = {
		{"AT", "at", 0, NULL},
		{"WHO", "who", 0, NULL},
		{"ACTION", "action", 0, NULL},
		{"OBJECT", "object", COL_WIDE, NULL},
		{"REASON", "reason", COL_WIDE, NULL},
	};

	(void)args;
	return print_list(c, "audit", columns, ARRAY_LEN(columns),
	    "nothing was changed yet");
}
