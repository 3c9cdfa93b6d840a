#include "config.h"
#include "daemon/app_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config/zone.h"
#include "daemon/crash.h"
#include "daemon/fdstore.h"
#include "daemon/files.h"
#include "daemon/haltfile.h"
#include "daemon/log.h"
#include "daemon/reload.h"
#include "daemon/firmlist.h"
#include "daemon/pkgwatch.h"
#include "daemon/trialjob.h"
#include "daemon/systemd.h"

#define UPKEEP_MS 1000
#define CLOCK_STEP_MS 1000
#define PKGWATCH_MS 5000 /* between two looks at package files */
#define ENDING_MS 3000

/* --- time ------------------------------------------------------------------*/

int64_t
app_clock_ms(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct core_now
app_now(const struct app *a)
{
	return (struct core_now){
	    .at_ms = a->alive_base_ms + (loop_mono_ms() - a->mono_base_ms),
	    .wall_ms = loop_wall_ms(),
	    .boot_ms = app_clock_ms(CLOCK_BOOTTIME),
	};
}

int64_t
app_scaled(const struct app *a, int64_t ms)
{
	int64_t v = (int64_t)((double)ms / a->opt.time_scale);

	return ms > 0 && v < 1 ? 1 : v;
}

/* Which boot this is, so that down time can be told from a clock that jumped. */
static uint64_t
boot_number(void)
{
	char text[64];
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text));
	(void)close(fd);
	for (ssize_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	return n <= 0 ? 0 : (h >> 1) | 1; /* fits the store's integers */
}

/* --- effects ---------------------------------------------------------------*/

_Noreturn void
app_die(struct app *a, const char *why)
{
	(void)a;
	/* What is in memory is ahead of the record: only a restart is safe. */
	log_f(NOTE_ERROR, "fatal reason=%s", why);
	_exit(1);
}

/* The connection's replies, so that its end need not look through all. The
 * youngest leads to the oldest. */
static void
ring_add(struct held_reply *h)
{
	struct held_reply *last = h->conn->held_last;

	h->mate = last == NULL ? h : last->mate;
	if (last != NULL)
		last->mate = h;
	h->conn->held_last = h;
	h->conn->held++;
}

/* Replies leave in the order in which they came: h is the oldest. */
static void
ring_drop_oldest(struct held_reply *h)
{
	struct held_reply *last = h->conn->held_last;

	assert(last != NULL && last->mate == h);
	last->mate = h->mate;
	if (last == h)
		h->conn->held_last = NULL;
	h->conn->held--;
}

static void
hold_reply(struct app *a, const struct fx_item *it)
{
	struct held_reply *h;

	/* The tracker sends its report again: so it may, as often as it likes,
	 * while the disk is full. */
	if (it->conn->held >= HELD_MAX) {
		a->held_refused++;
		return;
	}
	if (it->len > sizeof(h->bytes) || (h = malloc(sizeof(*h))) == NULL)
		return;
	h->next = NULL;
	h->ticket = it->ticket;
	h->conn = it->conn;
	h->len = it->len;
	memcpy(h->bytes, it->bytes, it->len);
	ring_add(h);
	*a->held_end = h;
	a->held_end = &h->next;
	a->held_count++;
}

static void
release_replies(struct app *a)
{
	struct held_reply *h;

	while ((h = a->held) != NULL && h->ticket <= a->durable) {
		a->held = h->next;
		if (a->held == NULL)
			a->held_end = &a->held;
		a->held_count--;
		if (h->conn != NULL) {
			ring_drop_oldest(h);
			trackers_reply(h->conn, h->bytes, h->len);
		}
		free(h);
	}
}

static void
forget_replies(struct core_conn *conn)
{
	struct held_reply *h = conn->held_last;

	for (; conn->held > 0; conn->held--) {
		h->conn = NULL;
		h = h->mate;
	}
	conn->held_last = NULL;
}

static void
send_command(struct app *a, const struct fx_item *it)
{
	struct ev ev = {
	    .kind = EV_SENT,
	    .conn = it->conn,
	    .send_id = it->send_id,
	};
	bool start = it->len > 11 && memcmp(it->bytes, "AT+GTUPD=", 9) == 0 &&
	    memmem(it->bytes, it->len, ",http://", 8) != NULL;

	if (start)
		crashpoint("after_intent_commit");
	ev.ok = trackers_send(it->conn, it->bytes, it->len);
	if (ev.ok && it->spoke_at >= 0)
		histogram_add(&a->dispatch, &histogram_dispatch,
		    (double)(app_now(a).at_ms - it->spoke_at) / 1000);
	if (start)
		crashpoint("after_start_write");
	core_handle(a->core, &ev, app_now(a), &a->fx);
	app_effects(a);
}

/* Which hours that means in UTC is a matter of time zones. */
static void
tell_windows(struct app *a, const struct fx_item *it)
{
	const struct campaign_spec *s =
	    core_campaign_spec(a->core, it->campaign);
	struct windows_answer answer = {
	    .campaign = it->campaign,
	    .zone = it->bytes,
	    .from_wall = it->from_wall,
	    .to_wall = it->to_wall,
	};
	struct ev ev = {.kind = EV_WINDOWS, .windows = &answer};
	struct wall_span *span = NULL;
	int r;

	if (s == NULL)
		return;
	r = zone_windows(it->bytes, s->windows, s->window_count,
	    it->from_wall, it->to_wall, &span, &answer.count);
	if (r == ZONE_NO_MEMORY)
		app_die(a, "out_of_memory");
	answer.known = r == 0;
	answer.span = span;
	core_handle(a->core, &ev, app_now(a), &a->fx);
	free(span);
	app_effects(a);
}

static void
tell_token(struct app *a, const struct fx_item *it)
{
	if (a->tokens == NULL)
		return;
	if (!it->valid)
		fwtokens_drop(a->tokens, it->bytes);
	else if (fwtokens_put(a->tokens, it->bytes, it->attempt,
		it->device) < 0)
		app_die(a, "out_of_memory");
}

/* What the file server saw since the last look. So many at a time, that
 * trackers are heard in between. */
static void
on_downloads(void *arg)
{
	struct app *a = arg;
	struct download_report r;

	for (int i = 0; i < DOWNLOADS_A_TURN && fwtokens_next(a->tokens, &r);
	    i++) {
		struct ev ev = {.kind = EV_DOWNLOAD, .download = &r};

		core_handle(a->core, &ev, app_now(a), &a->fx);
		app_effects(a);
	}
	app_arm(a);
}

static void
submit(struct app *a)
{
	struct fx *fx = &a->fx;
	struct opbuf ops;

	if (fx->ops.failed)
		app_die(a, "out_of_memory");
	if (fx->ops.count == 0)
		return;
	opbuf_init(&ops);
	opbuf_move(&ops, &fx->ops);
	a->submitted = fx->ticket;
	if (!store_submit(a->store, fx->ticket, &ops) && a->trackers != NULL)
		trackers_hold_reading(a->trackers, true);
	opbuf_done(&ops);
}

/* Carries out what the last core call wanted. A command's outcome is told to
 * the core at once and may want more: the list is taken over first. */
void
app_effects(struct app *a)
{
	struct fx_item *items = a->fx.item;
	size_t n = a->fx.count, cap = a->fx.cap;

	submit(a);
	if (n == 0) {
		fx_clear(&a->fx);
		return;
	}
	a->fx.item = a->spare;
	a->fx.cap = a->spare_cap;
	a->spare = NULL;
	a->spare_cap = 0;
	fx_clear(&a->fx);
	for (size_t i = 0; i < n; i++) {
		struct fx_item *it = &items[i];

		switch (it->kind) {
		case FX_NOTE:
			log_line(it->level, it->bytes);
			break;
		case FX_CLOSE:
			trackers_close(it->conn, it->bytes);
			break;
		case FX_REPLY:
			if (it->ticket <= a->durable)
				trackers_reply(it->conn, it->bytes, it->len);
			else
				hold_reply(a, it);
			break;
		case FX_SEND:
			send_command(a, it);
			break;
		case FX_WINDOWS:
			tell_windows(a, it);
			break;
		case FX_TOKEN:
			tell_token(a, it);
			break;
		case FX_KIND_COUNT_:
			break;
		}
	}
	if (a->spare == NULL) {
		a->spare = items;
		a->spare_cap = cap;
	} else {
		free(items);
	}
}

void
app_arm(struct app *a)
{
	int64_t at = core_deadline(a->core);
	int64_t now;

	if (at == a->armed_at_ms)
		return;
	a->armed_at_ms = at;
	now = app_now(a).at_ms;
	loop_timer_set(a->timer, at <= now ? 0 : at - now);
}

void
app_event(struct app *a, const struct ev *ev)
{
	core_handle(a->core, ev, app_now(a), &a->fx);
	app_effects(a);
	app_arm(a);
}

static void
on_timer(void *arg)
{
	struct app *a = arg;
	struct ev ev = {.kind = EV_TICK};

	a->armed_at_ms = -1;
	app_event(a, &ev);
}

/* --- trackers --------------------------------------------------------------*/

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
	forget_replies(conn);
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

void
app_note(void *arg, enum note_level level, const char *line)
{
	(void)arg;
	log_line(level, line);
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

/* --- store -----------------------------------------------------------------*/

void
app_note_halt(struct app *a, bool on, uint64_t ticket)
{
	if (on && haltfile_put(a->conf->store_path) < 0)
		log_f(NOTE_ERROR, "halt: %s" HALTFILE_SUFFIX ": %s; a restart "
		    "before the database has it forgets the halt",
		    a->conf->store_path, strerror(errno));
	a->halt_ticket = ticket;
}

void
app_halt_durable(struct app *a)
{
	if (a->halt_ticket == 0 || a->durable < a->halt_ticket)
		return;
	a->halt_ticket = 0;
	if (haltfile_remove(a->conf->store_path) < 0)
		log_f(NOTE_ERROR, "%s" HALTFILE_SUFFIX ": %s; the next start "
		    "will be halted",
		    a->conf->store_path, strerror(errno));
}

/* Fail open: with a platform behind us trackers go on reporting to it, though
 * nothing of ours can be decided any more. */
static bool
app_pure_relay(struct app *a)
{
	struct trackers_stats st;

	trackers_get_stats(a->trackers, &st);
	if (st.relay.upstreams == 0)
		return false;
	log_f(NOTE_ERROR, "database lost: relaying, and nothing else, until a "
	    "restart");
	a->pure = true;
	trackers_pure(a->trackers);
	return true;
}

static void
on_store(void *arg)
{
	struct app *a = arg;
	uint64_t ticket = a->durable;
	enum store_state state = a->store_state;
	bool room = true;

	store_poll(a->store, &ticket, &state, &room);
	if (state == STORE_BROKEN && a->pure)
		return;
	if (state == STORE_BROKEN && !app_pure_relay(a))
		app_die(a, "store_broken");
	if (state != a->store_state) {
		struct ev ev = {.kind = EV_STORE, 
		    .ok = state == STORE_OK || state == STORE_LOW,
		    .low = state == STORE_LOW};

		a->store_state = state;
		app_event(a, &ev);
	}
	trackers_hold_reading(a->trackers, !room);
	if (ticket <= a->durable)
		return;
	a->durable = ticket;
	app_halt_durable(a);
	release_replies(a);
	app_event(a, &(struct ev){.kind = EV_DURABLE, .ticket = ticket});
	api_durable(a->api, ticket);
	if (a->stopping && a->durable >= a->submitted)
		loop_stop(a->loop);
}

/* --- signals and upkeep ----------------------------------------------------*/

static void
on_hup(void *arg)
{
	reload_signal(arg);
}

static void
on_term(void *arg)
{
	struct app *a = arg;
	struct oper op = {.kind = OPER_DRAIN, .who = "signal",
	    .reason = "SIGTERM"};
	struct oper_result r;

	if (a->stopping) {
		log_f(NOTE_WARN, "stopped at once, on a second signal");
		_exit(0);
	}
	a->stopping = true;
	log_f(NOTE_INFO, "stopping");
	systemd_stopping();
	trackers_stop_listening(a->trackers);
	core_operate(a->core, &op, app_now(a), &a->fx, &r);
	app_effects(a);
	/* What is decided gets committed and acknowledged, within its time. */
	loop_timer_set(a->ending, a->store_state != STORE_FULL
		? MAX_OF(app_scaled(a, ENDING_MS), 500) : 500);
}

static void
on_ending(void *arg)
{
	loop_stop(((struct app *)arg)->loop);
}

/* No timer follows the wall clock: the core is to see that it jumped before
 * something else happens, and not at its next deadline. */
static void
watch_clock(struct app *a)
{
	int64_t offset = loop_wall_ms() - loop_mono_ms();
	int64_t jump = offset - a->wall_offset_ms;

	if (jump >= -CLOCK_STEP_MS && jump <= CLOCK_STEP_MS)
		return;
	a->wall_offset_ms = offset;
	app_event(a, &(struct ev){.kind = EV_TICK});
}

static void
on_package(void *arg, const char *campaign, const char *wrong)
{
	struct app *a = arg;

	core_packages_seen(a->core, campaign, wrong, app_now(a), &a->fx);
	app_effects(a);
}

static void
packages_upkeep(struct app *a)
{
	int64_t now = loop_mono_ms();
	bool look = now >= a->pkgwatch_at_ms;

	if (look)
		a->pkgwatch_at_ms = now + app_scaled(a, PKGWATCH_MS);
	pkgwatch_turn(a->pkgwatch, a->core, a->conf->files_root, look,
	    on_package, a);
	app_arm(a);
}

static void
on_upkeep(void *arg)
{
	struct app *a = arg;
	struct trackers_stats st;
	struct view_status v;

	watch_clock(a);
	backups_upkeep(a);
	packages_upkeep(a);
	if (a->http_error[0] != '\0' && loop_mono_ms() >= a->http_retry_at_ms)
		app_start_http(a);
	loop_timer_set(a->upkeep, UPKEEP_MS);
	/* The loop turns, and so does the writer: it answers while the disk is
	 * full too, where waiting is right and a restart would lose what
	 * waits; one that hangs in a system call is worth a restart. */
	if (store_heard_ms_ago(a->store) <= MAX_OF(a->watchdog_ms,
		2 * UPKEEP_MS))
		systemd_alive();
	trackers_get_stats(a->trackers, &st);
	core_view_status(a->core, &v);
	systemd_status("%zu connections, %zu trackers online, %zu in flight",
	    st.connections, v.devices_online, v.in_flight);
}

int
app_start_watches(struct app *a)
{
	a->watchdog_ms = systemd_watchdog_ms();
	a->watch[0] = loop_signal(a->loop, SIGHUP, on_hup, a);
	a->watch[1] = loop_signal(a->loop, SIGTERM, on_term, a);
	a->watch[2] = loop_signal(a->loop, SIGINT, on_term, a);
	a->watch[3] = loop_readable(a->loop, store_fd(a->store), on_store, a);
	if (a->tokens != NULL)
		a->watch[4] = loop_readable(a->loop, fwtokens_fd(a->tokens),
		    on_downloads, a);
	a->timer = loop_timer_new(a->loop, on_timer, a);
	a->upkeep = loop_timer_new(a->loop, on_upkeep, a);
	a->ending = loop_timer_new(a->loop, on_ending, a);
	for (size_t i = 0; i < 4; i++)
		if (a->watch[i] == NULL)
			return -1;
	if (a->tokens != NULL && a->watch[4] == NULL)
		return -1;
	return a->timer == NULL || a->upkeep == NULL || a->ending == NULL ? -1
									  : 0;
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
static void
keep_connections(struct app *a)
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

/* --- the whole --------------------------------------------------------------*/

static void
app_done(struct app *a)
{
	struct held_reply *h;

	for (size_t i = 0; i < ARRAY_LEN(a->watch); i++)
		loop_watch_free(a->watch[i]);
	loop_timer_free(a->timer);
	loop_timer_free(a->upkeep);
	loop_timer_free(a->ending);
	/* Before what its thread looks at. */
	reload_free(a->reload);
	a->reload = NULL;
	api_free(a->api);
	fwfile_stop(a->files);
	fwtokens_free(a->tokens);
	trackers_free(a->trackers);
	store_close(a->store);
	while ((h = a->held) != NULL) {
		a->held = h->next;
		free(h);
	}
	app_timelines_free(a);
	backups_done(a);
	core_free(a->core);
	opbuf_done(&a->fx.ops);
	fx_done(&a->fx);
	free(a->spare);
	pkgwatch_free(a->pkgwatch);
	trialjob_free(a->trial);
	firmlist_free(a->firmlist);
	files_free(a->campaign_files);
	daemon_conf_free(a->conf);
	loop_free(a->loop);
}

int
app_run(const struct app_options *opt)
{
	struct app a = {.opt = *opt};

	(void)signal(SIGPIPE, SIG_IGN);
	a.held_end = &a.held;
	list_init(&a.timelines);
	a.armed_at_ms = -1;
	a.boot = boot_number();
	fx_init(&a.fx);
	if ((a.exit_code = app_start(&a)) == 0) {
		app_log_listeners(&a);
		log_f(NOTE_INFO, "trackupd ready version=%s connections_max=%d",
		    PACKAGE_VERSION, a.max_connections);
		systemd_ready();
		a.wall_offset_ms = loop_wall_ms() - loop_mono_ms();
		loop_timer_set(a.upkeep, UPKEEP_MS);
		app_event(&a, &(struct ev){.kind = EV_TICK});
		(void)loop_run(a.loop);
		keep_connections(&a);
		log_f(NOTE_INFO, "stopped");
	}
	app_done(&a);
	return a.exit_code;
}
