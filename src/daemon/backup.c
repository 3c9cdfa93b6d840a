#include "config.h"
#include "daemon/backup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/app_priv.h"
#include "daemon/log.h"
#include "store/copy.h"

#define AGAIN_MS 300000 /* after a failure, when `every` is not shorter */
#define PATH_BYTES_MAX 4000

/* DIRECTORY/trackupd-20261123T103648Z.db; the caller frees. */
static char *
stamped_path(const char *directory)
{
	time_t now = (time_t)(loop_wall_ms() / 1000);
	struct tm tm;
	char *path;

	if (gmtime_r(&now, &tm) == NULL ||
	    asprintf(&path, "%s/" COPY_NAME, directory, tm.tm_year + 1900,
		tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
		tm.tm_sec) < 0)
		return NULL;
	return path;
}

static void
log_end(const char *who, const struct store_backup *b)
{
	struct sbuf line;

	sbuf_init(&line, 0);
	sbuf_addf(&line, "backup who=%s file=", who);
	sbuf_add_escaped(&line, b->path, strlen(b->path));
	if (b->status == 0) {
		sbuf_addf(&line, " result=ok bytes=%" PRIu64 " took_ms=%"
		    PRId64, b->bytes, b->took_ms);
	} else {
		sbuf_adds(&line, " result=failed error=\"");
		sbuf_add_escaped(&line, b->text, strlen(b->text));
		sbuf_adds(&line, "\"");
	}
	log_line(b->status == 0 ? NOTE_INFO : NOTE_ERROR, sbuf_str(&line));
	sbuf_done(&line);
}

static void
log_begin(const char *who, const char *path)
{
	struct sbuf line;

	sbuf_init(&line, 0);
	sbuf_addf(&line, "backup who=%s file=", who);
	sbuf_add_escaped(&line, path, strlen(path));
	sbuf_adds(&line, " begins");
	log_line(NOTE_INFO, sbuf_str(&line));
	sbuf_done(&line);
}

/* A name that is too long for the column keeps its end, which tells copies
 * apart. Nothing while we stop: the core commits no more then. */
static void
audit_end(struct app *a, const char *who, const char *reason,
    const struct store_backup *b)
{
	static const size_t room = sizeof((struct audit_rec *)0)->object - 1;
	struct sbuf name;
	const char *object;
	size_t n;

	if (a->stopping)
		return;
	sbuf_init(&name, 0);
	sbuf_add_escaped(&name, b->path, strlen(b->path));
	object = sbuf_str(&name);
	n = strlen(object);
	if (n > room)
		object += n - room;
	core_shell_did(a->core, who,
	    b->status == 0 ? "backup" : "backup_failed", object, reason,
	    app_now(a), &a->fx);
	app_effects(a);
	sbuf_done(&name);
}

/* --- on a schedule ---------------------------------------------------------*/

static void
scheduled_failed(struct app *a, const char *text)
{
	struct backups *b = &a->backups;
	int64_t every = app_scaled(a, a->conf->backup_every_ms);

	(void)snprintf(b->trouble, sizeof(b->trouble), "backup: %s", text);
	b->due_at_ms = loop_mono_ms() + MIN_OF(every, AGAIN_MS);
}

static void
on_scheduled(void *arg, const struct store_backup *r)
{
	struct app *a = arg;
	struct backups *b = &a->backups;

	b->running = false;
	log_end("schedule", r);
	if (r->status < 0) {
		if (b->trouble[0] == '\0')
			audit_end(a, "daemon", r->text, r);
		scheduled_failed(a, r->text);
		return;
	}
	audit_end(a, "daemon", "on schedule", r);
	b->trouble[0] = '\0';
	b->due_at_ms = loop_mono_ms() +
	    app_scaled(a, a->conf->backup_every_ms);
}

/* Restarts do not make the copies more frequent: the newest that is there
 * counts. */
static void
plan(struct app *a)
{
	struct backups *b = &a->backups;
	int64_t newest = copy_newest_wall_ms(a->conf->backup_directory);
	int64_t age = loop_wall_ms() - newest;
	int64_t every = app_scaled(a, a->conf->backup_every_ms);

	free(b->directory);
	b->directory = strdup(a->conf->backup_directory);
	b->due_at_ms = loop_mono_ms();
	if (newest >= 0 && age >= 0 && age < every)
		b->due_at_ms += every - age;
}

void
backups_upkeep(struct app *a)
{
	struct backups *b = &a->backups;
	struct errtext err = {0};
	char *path;
	int r;

	if (a->conf->backup_directory[0] == '\0') {
		b->trouble[0] = '\0';
		b->due_at_ms = 0;
		return;
	}
	if (b->directory == NULL || b->due_at_ms == 0 ||
	    strcmp(b->directory, a->conf->backup_directory) != 0)
		plan(a);
	/* A shorter interval after a reload holds at once. */
	b->due_at_ms = MIN_OF(b->due_at_ms, loop_mono_ms() +
	    app_scaled(a, a->conf->backup_every_ms));
	if (b->running || a->stopping || loop_mono_ms() < b->due_at_ms)
		return;
	if ((path = stamped_path(a->conf->backup_directory)) == NULL)
		return;
	r = store_backup(a->store, path, false, (unsigned)a->conf->backup_keep,
	    on_scheduled, a, &err);
	if (r == 0) {
		b->running = true;
		log_begin("schedule", path);
	} else if (r != STORE_ERR_BUSY) {
		scheduled_failed(a, err.text);
	}
	free(path);
}

/* --- when asked for --------------------------------------------------------*/

static void
result_put(struct api_backup_result *ret, int status, const char *path,
    const char *text)
{
	*ret = (struct api_backup_result){.path = path, .text = text};
	switch (status) {
	case 0:
		ret->http = 200;
		break;
	case STORE_ERR_EXISTS:
		ret->http = 409;
		ret->code = "exists";
		break;
	case STORE_ERR_BUSY:
		ret->http = 409;
		ret->code = "busy";
		break;
	case STORE_ERR_STOPPED:
		ret->http = 503;
		ret->code = "stopping";
		break;
	default:
		ret->http = 500;
		ret->code = "backup_failed";
		break;
	}
}

static void
on_asked(void *arg, const struct store_backup *r)
{
	struct app *a = arg;
	struct backups *b = &a->backups;
	struct api_backup_result result;
	api_backup_fn *fn = b->fn;

	log_end(b->who, r);
	audit_end(a, b->who, r->status == 0 ? b->reason : r->text, r);
	b->fn = NULL;
	if (fn == NULL)
		return;
	result_put(&result, r->status, r->path, r->text);
	result.bytes = r->bytes;
	result.took_ms = r->took_ms;
	fn(b->fn_arg, &result);
}

static bool
bad(struct api_backup_result *ret, const char *text)
{
	*ret = (struct api_backup_result){.http = 400, .code = "bad_field",
	    .text = text};
	return false;
}

bool
backups_api(void *arg, const struct api_backup_order *o, api_backup_fn *fn,
    void *fn_arg, struct api_backup_result *ret)
{
	static struct errtext err;
	struct app *a = arg;
	struct backups *b = &a->backups;
	char *path;
	int r;

	if (o->path[0] == '\0' && a->conf->backup_directory[0] == '\0')
		return bad(ret, "file: required, since store.backup.directory "
		    "is not set");
	if (o->path[0] != '\0' && o->path[0] != '/')
		return bad(ret, "file: an absolute path is due");
	if (strlen(o->path) > PATH_BYTES_MAX)
		return bad(ret, "file: at most 4000 bytes");
	path = o->path[0] == '\0' ? stamped_path(a->conf->backup_directory) :
	    strdup(o->path);
	if (path == NULL) {
		result_put(ret, STORE_ERR_MEMORY, NULL, "no memory");
		return false;
	}
	r = store_backup(a->store, path, o->force, 0, on_asked, a, &err);
	if (r < 0) {
		result_put(ret, r, NULL, err.text);
	} else {
		b->fn = fn;
		b->fn_arg = fn_arg;
		(void)snprintf(b->who, sizeof(b->who), "%s", o->who);
		(void)snprintf(b->reason, sizeof(b->reason), "%s", o->reason);
		log_begin(o->who, path);
	}
	free(path);
	return r == 0;
}

void
backups_api_forget(void *arg, void *fn_arg)
{
	struct app *a = arg;

	if (a->backups.fn_arg == fn_arg)
		a->backups.fn = NULL;
}

void
backups_done(struct app *a)
{
	free(a->backups.directory);
	a->backups.directory = NULL;
}
