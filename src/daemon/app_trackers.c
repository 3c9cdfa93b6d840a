#include "config.h"
#include "daemon/app_priv.h"

#include <string.h>

#include "daemon/crash.h"
#include "daemon/fdstore.h"
#include "daemon/log.h"

/* What connections tell is fed to the core, and what outlives us is kept. */

static void
on_open(void *arg, struct core_conn *conn)
{
	struct app *a = arg;
	struct ev ev = {.kind = EV_OPEN, .conn = conn};

	conn->held = 0;
	conn->held_last = NULL;
	core_handle(a->core, &ev, app_now(a), &a->fx);
	app_effects(a);
}

static void
on_resume(void *arg, struct core_conn *conn, const struct devid *id)
{
	struct app *a = arg;
	struct ev ev = {.kind = EV_RESUME, .conn = conn, .devid = id};

	conn->held = 0;
	core_handle(a->core, &ev, app_now(a), &a->fx);
	app_effects(a);
}

static void
on_begin(void *arg)
{
	struct app *a = arg;

	a->read_now = app_now(a);
}

static void
on_frame(void *arg, struct core_conn *conn, const struct message *m,
    struct trackers_reply *reply)
{
	struct app *a = arg;
	struct ev ev = {.kind = EV_FRAME, .conn = conn, .message = m};

	a->fx.reply = a->reply;
	a->fx.reply_cap = sizeof(a->reply);
	a->fx.reply_len = 0;
	core_handle(a->core, &ev, a->read_now, &a->fx);
	reply->own = a->fx.own;
	if (a->fx.reply_len > 0)
		trackers_reply_add(reply, a->reply, a->fx.reply_len);
	a->fx.reply = NULL;
	a->fx.reply_cap = a->fx.reply_len = 0;
	if (conn->key != 0)
		trackers_identified(conn);
	if (m->kind == MSG_GTUPD)
		crashpoint("before_report_commit");
	app_effects(a);
}

static void
on_end(void *arg)
{
	app_arm(arg);
}

static void
on_ended(void *arg, struct core_conn *conn)
{
	app_event(arg, &(struct ev){.kind = EV_ENDED, .conn = conn});
}

static void
on_close(void *arg, struct core_conn *conn, const char *reason)
{
	struct app *a = arg;
	struct ev ev = {.kind = EV_CLOSE, .conn = conn};

	(void)reason;
	app_forget_replies(conn);
	app_event(a, &ev);
}

static void
on_foreign(void *arg, struct core_conn *conn)
{
	app_event(arg, &(struct ev){.kind = EV_FOREIGN, .conn = conn});
}

static void
on_between(void *arg, struct core_conn *conn)
{
	app_event(arg, &(struct ev){.kind = EV_BETWEEN, .conn = conn});
}

static bool
on_busy(void *arg, const struct core_conn *conn)
{
	struct app *a = arg;

	return conn->key != 0 && core_device_busy(a->core, conn->key);
}

struct trackers_ops
app_trackers_ops(struct app *a)
{
	return (struct trackers_ops){
	    .arg = a,
	    .open = on_open,
	    .resume = on_resume,
	    .begin = on_begin,
	    .frame = on_frame,
	    .end = on_end,
	    .ended = on_ended,
	    .close = on_close,
	    .foreign = on_foreign,
	    .between = on_between,
	    .busy = on_busy,
	    .note = app_note,
	};
}

/* --- over a restart ---------------------------------------------------------*/

struct keeping {
	struct app *app;
	struct fdstore *fdstore;
};

static void
on_keep(void *arg, const struct trackers_kept *k)
{
	struct keeping *keep = arg;
	struct trackers_kept copy = *k;

	/* One that was replaced by a newer one of its tracker has nobody. */
	if (!core_conn_device(keep->app->core, k->core, &copy.devid))
		copy.devid = (struct devid){0};
	fdstore_put(keep->fdstore, &copy);
}

/* In order ended: the trackers need not notice. Whether this is a restart
 * only the manager knows; if it is not, it lets go of them. */
void
app_keep_connections(struct app *a)
{
	struct keeping keep = {.app = a};
	struct trackers_stats st;
	size_t kept;

	if (!a->conf->keep_over_restart || a->trackers == NULL ||
	    !fdstore_wanted() || (keep.fdstore = fdstore_new()) == NULL)
		return;
	trackers_get_stats(a->trackers, &st);
	trackers_keep(a->trackers, on_keep, &keep);
	kept = fdstore_commit(keep.fdstore);
	fdstore_free(keep.fdstore);
	log_f(kept < st.connections ? NOTE_WARN : NOTE_INFO,
	    "connections_kept count=%zu of=%zu", kept, st.connections);
}
