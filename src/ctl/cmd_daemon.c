#include "config.h"
#include "ctl/ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "3d 4h", "2h 5m", "61s": two units say enough. */
static const char *
span_text(int64_t s, char *buf, size_t size)
{
	if (s >= 86400)
		(void)snprintf(buf, size, "%" PRId64 "d %" PRId64 "h",
		    s / 86400, s % 86400 / 3600);
	else if (s >= 3600)
		(void)snprintf(buf, size, "%" PRId64 "h %" PRId64 "m",
		    s / 3600, s % 3600 / 60);
	else if (s >= 120)
		(void)snprintf(buf, size, "%" PRId64 "m", s / 60);
	else
		(void)snprintf(buf, size, "%" PRId64 "s", s);
	return buf;
}

static const char *
size_text(int64_t bytes, char *buf, size_t size)
{
	if (bytes >= 10 * 1024 * 1024)
		(void)snprintf(buf, size, "%" PRId64 " MiB",
		    bytes / (1024 * 1024));
	else
		(void)snprintf(buf, size, "%" PRId64 " KiB", bytes / 1024);
	return buf;
}

/* Hit, or near to it: over four fifths of a ceiling, under twice a floor. */
static bool
limit_matters(const char *name, const json_t *l)
{
	int64_t limit = jint(l, "limit"), now = jint(l, "now");
	bool is_floor = strstr(name, "_min_") != NULL;

	return jint(l, "hits") > 0 || (limit > 0 &&
	    (is_floor ? now < 2 * limit : now > limit / 5 * 4));
}

/* Of dozens, those that say something, unless all were asked for. */
static void
print_limits(const struct ctl *c, const json_t *limits)
{
	static const char *const titles[] = {"LIMIT", "OF", "NOW", "HITS",
	    NULL};
	static const int flags[] = {COL_LEFT, COL_RIGHT, COL_RIGHT,
	    COL_RIGHT};
	struct table *t = table_new(c, titles, flags);
	bool all = (c->given & OPT_BIT(OPT_ALL)) != 0;
	size_t shown = 0;
	const char *name;
	json_t *l;
	char buf[32];

	json_object_foreach((json_t *)(uintptr_t)limits, name, l) {
		if (!all && !limit_matters(name, l))
			continue;
		shown++;
		table_row(t);
		table_put(t, name);
		table_put(t, jtext(l, "limit", buf, sizeof buf));
		table_put(t, jtext(l, "now", buf, sizeof buf));
		table_put(t, jtext(l, "hits", buf, sizeof buf));
	}
	table_print(t);
	if (shown < json_object_size(limits))
		(void)printf("%s%zu limits that were not come near: --all\n",
		    shown > 0 ? "and " : "", json_object_size(limits) - shown);
}

static void
print_status(const struct ctl *c, const json_t *j)
{
	const json_t *devices = json_object_get(j, "devices"), *line;
	const json_t *store = json_object_get(j, "store");
	struct table *t = facts_new(c);
	char buf[1024], wal[32];
	size_t i;

	fact(t, "State", "%s", jtext(j, "state", buf, sizeof buf));
	json_array_foreach(json_object_get(j, "reasons"), i, line)
		fact(t, "Reason", "%s", json_string_value(line));
	fact(t, "Version", "%s", jtext(j, "version", buf, sizeof buf));
	fact(t, "Up for", "%s",
	    span_text(jint(j, "uptime_s"), buf, sizeof buf));
	fact(t, "Trackers", "%" PRId64 " known, %" PRId64 " online, %" PRId64
	    " only observed", jint(devices, "known"),
	    jint(devices, "online"), jint(devices, "observed"));
	fact(t, "Connections", "%" PRId64, jint(j, "connections"));
	fact(t, "In flight", "%" PRId64, jint(j, "in_flight"));
	fact(t, "Dark", "%" PRId64, jint(j, "dark"));
	fact(t, "Database", "%s, write-ahead log %s",
	    jtext(store, "state", buf, sizeof buf),
	    size_text(jint(store, "wal_bytes"), wal, sizeof wal));
	table_print(t);
	(void)putchar('\n');
	print_limits(c, json_object_get(j, "limits"));
}

int
cmd_status(struct ctl *c, char *const *args)
{
	json_t *j;
	int r;

	(void)args;
	if ((r = client_get(c, &j, "status")) != 0)
		return r;
	if (c->json)
		print_json(j);
	else
		print_status(c, j);
	json_decref(j);
	return CTL_OK;
}

int
cmd_reload(struct ctl *c, char *const *args)
{
	json_t *body = client_body(c), *line;
	struct answer a;
	size_t i;
	int r;

	(void)args;
	if ((c->given & OPT_BIT(OPT_FORCE)) != 0)
		(void)json_object_set_new(body, "force", json_true());
	a = client_ask(c, "reload", body);
	if (a.status == 200) {
		r = CTL_OK;
		json_array_foreach(json_object_get(a.json, "warnings"), i,
		    line)
			(void)fprintf(stderr, "%s\n", json_string_value(line));
		if (c->json)
			print_json(a.json);
		else
			(void)puts("reloaded");
	} else {
		r = answer_failed(c, &a);
	}
	answer_done(&a);
	return r;
}

void
print_in_flight(const json_t *j)
{
	int64_t n = jint(j, "in_flight");

	if (n == 0) {
		(void)puts("nothing is in flight");
		return;
	}
	(void)printf("%" PRId64 " in flight: %" PRId64 " can still be stopped"
	    ", %" PRId64 " are past that and will finish by themselves\n", n,
	    jint(j, "stoppable"), jint(j, "flashing"));
}

void
warn_not_durable(const json_t *j, const char *what)
{
	if (json_is_false(json_object_get(j, "durable")))
		say("warning: the database does not commit; the %s is in "
		    "force, but a restart of trackupd now would forget it",
		    what);
}

int
cmd_halt(struct ctl *c, char *const *args)
{
	struct answer a;
	int r = CTL_OK;

	(void)args;
	if (!confirmed(c, "Stop every start, in all campaigns, until "
	    "resume-all?"))
		return CTL_FAILED;
	a = client_ask(c, "halt", client_body(c));
	if (a.status != 200) {
		r = answer_failed(c, &a);
	} else if (c->json) {
		print_json(a.json);
	} else {
		(void)puts("halted: nothing starts until resume-all");
		print_in_flight(a.json);
		if (jint(a.json, "stoppable") > 0)
			(void)puts("to stop these too: "
			    "trackupctl campaign abort NAME");
	}
	if (a.status == 200)
		warn_not_durable(a.json, "halt");
	answer_done(&a);
	return r;
}

int
cmd_drain(struct ctl *c, char *const *args)
{
	struct answer a;
	int r = CTL_OK;

	(void)args;
	if (!may_stop(c))
		return CTL_REFUSED;
	if (!confirmed(c, "Start nothing further until a restart or "
	    "resume-all?"))
		return CTL_FAILED;
	a = client_ask(c, "drain", client_body(c));
	if (a.status != 200) {
		r = answer_failed(c, &a);
	} else if (c->json) {
		print_json(a.json);
	} else {
		(void)puts("draining: nothing starts until a restart of "
		    "trackupd or resume-all");
		print_in_flight(a.json);
	}
	answer_done(&a);
	return r;
}

int
cmd_resume_all(struct ctl *c, char *const *args)
{
	struct answer a = client_ask(c, "resume-all", client_body(c));
	int r = CTL_OK;

	(void)args;
	if (a.status != 200)
		r = answer_failed(c, &a);
	else if (c->json)
		print_json(a.json);
	else
		(void)puts("campaigns go on");
	answer_done(&a);
	return r;
}

#define BACKUP_TIMEOUT_MS (65L * 60 * 1000)

/* The daemon writes the file, and its working directory is not ours. */
static char *
absolute(const char *file)
{
	char *cwd, *path;

	if (file[0] == '/')
		return xstrdup(file);
	if ((cwd = getcwd(NULL, 0)) == NULL)
		die("the working directory: %s", strerror(errno));
	if (asprintf(&path, "%s/%s", strcmp(cwd, "/") == 0 ? "" : cwd,
		file) < 0)
		die("out of memory");
	free(cwd);
	return path;
}

int
cmd_backup(struct ctl *c, char *const *args)
{
	json_t *body = client_body(c);
	char *path = absolute(args[0]), size[32], buf[1024];
	struct answer a;
	int r = CTL_OK;

	if (json_object_set_new(body, "file", json_string(path)) < 0) {
		say("%s: not UTF-8", args[0]);
		json_decref(body);
		free(path);
		return CTL_USAGE;
	}
	free(path);
	if ((c->given & OPT_BIT(OPT_FORCE)) != 0)
		(void)json_object_set_new(body, "force", json_true());
	c->answer_timeout_ms = BACKUP_TIMEOUT_MS;
	a = client_ask(c, "backup", body);
	if (a.status != 200)
		r = answer_failed(c, &a);
	else if (c->json)
		print_json(a.json);
	else
		(void)printf("%s: %s, complete and on disk\n",
		    jtext(a.json, "file", buf, sizeof buf),
		    size_text(jint(a.json, "bytes"), size, sizeof size));
	answer_done(&a);
	return r;
}
