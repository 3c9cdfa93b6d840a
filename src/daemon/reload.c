#include "config.h"
#include "daemon/reload.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "config/fleet_file.h"
#include "daemon/app_priv.h"
#include "daemon/files.h"
#include "daemon/log.h"
#include "daemon/systemd.h"

struct reload {
	struct app *app;
	int fd;                     /* the thread is done */
	struct loop_watch *watch;
	pthread_t thread;
	bool running, again;
	/* of the one under way */
	bool force;
	char who[WHO_MAX + 1], reason[REASON_MAX + 1];
	api_reload_fn *fn;          /* NULL: nobody waits for it */
	void *fn_arg;
	/* the thread's, until it is done */
	struct app_fresh fresh;
	struct files_batch *files;
	struct sbuf diag;
};

/* --- the thread ------------------------------------------------------------*/

static void *
read_all(void *arg)
{
	struct reload *r = arg;
	const struct daemon_conf *conf = r->app->conf;
	uint64_t one = 1;

	/* A bad trackupd.yaml does not keep good campaign files from being
	 * read. */
	if (app_read_conf(r->app, r->force, &r->fresh, &r->diag) == 0)
		conf = r->fresh.conf;
	r->files = files_read(conf);
	while (write(r->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	return NULL;
}

/* --- on the loop -----------------------------------------------------------*/

static void
begin(struct reload *r, bool force, const char *who, const char *reason)
{
	systemd_reloading();
	log_f(NOTE_INFO, "reload who=%s reason=\"%s\"", who, reason);
	r->force = force;
	(void)snprintf(r->who, sizeof(r->who), "%s", who);
	(void)snprintf(r->reason, sizeof(r->reason), "%s", reason);
	sbuf_init(&r->diag, 0);
	r->fresh = (struct app_fresh){.conf = NULL};
	r->files = NULL;
	r->running = true;
	/* Without a thread the trackers have to wait after all. */
	if (pthread_create(&r->thread, NULL, read_all, r) != 0) {
		log_f(NOTE_WARN, "reload: no thread, the loop reads");
		r->thread = pthread_self();
		(void)read_all(r);
	}
}

static void
join(struct reload *r)
{
	if (!pthread_equal(r->thread, pthread_self()))
		(void)pthread_join(r->thread, NULL);
	r->running = false;
}

/* What changed in trackupd.yaml is in no other row of the audit log. */
static void
record(struct reload *r, bool refused)
{
	struct app *a = r->app;

	core_shell_did(a->core, r->who, refused ? "reload_refused" : "reload",
	    "", r->reason, app_now(a), &a->fx);
	app_effects(a);
}

static void
on_done(void *arg)
{
	struct reload *r = arg;
	struct app *a = r->app;
	api_reload_fn *fn = r->fn;
	uint64_t n;
	int bad;

	if (read(r->fd, &n, sizeof(n)) != sizeof(n) || !r->running)
		return;
	join(r);
	r->fn = NULL;
	bad = app_apply(a, &r->fresh, r->files, r->who, r->reason, &r->diag);
	r->files = NULL;
	record(r, bad < 0);
	systemd_ready();
	if (fn != NULL)
		fn(r->fn_arg, bad, sbuf_str(&r->diag));
	sbuf_done(&r->diag);
	if (r->again) {
		r->again = false;
		begin(r, false, "signal", "SIGHUP");
	}
}

bool
reload_api(void *arg, bool force, const char *who, const char *reason,
    api_reload_fn *fn, void *fn_arg)
{
	struct app *a = arg;
	struct reload *r = a->reload;

	if (r->running)
		return false;
	r->fn = fn;
	r->fn_arg = fn_arg;
	begin(r, force, who, reason == NULL ? "" : reason);
	return true;
}

void
reload_api_forget(void *arg, void *fn_arg)
{
	struct reload *r = ((struct app *)arg)->reload;

	if (r->fn_arg == fn_arg)
		r->fn = NULL;
}

void
reload_signal(struct app *a)
{
	struct reload *r = a->reload;

	if (r->running)
		r->again = true;
	else
		begin(r, false, "signal", "SIGHUP");
}

/* --- life ------------------------------------------------------------------*/

struct reload *
reload_new(struct app *a)
{
	struct reload *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->app = a;
	if ((r->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
		free(r);
		return NULL;
	}
	if ((r->watch = loop_readable(a->loop, r->fd, on_done, r)) == NULL) {
		(void)close(r->fd);
		free(r);
		return NULL;
	}
	return r;
}

void
reload_free(struct reload *r)
{
	if (r == NULL)
		return;
	if (r->running) {
		join(r);
		daemon_conf_free(r->fresh.conf);
		core_fleet_free(&r->fresh.fleet);
		files_batch_free(r->files);
		sbuf_done(&r->diag);
	}
	loop_watch_free(r->watch);
	(void)close(r->fd);
	free(r);
}
