#include "config.h"
#include "daemon/app_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/files.h"
#include "daemon/firmlist.h"
#include "daemon/haltfile.h"
#include "daemon/log.h"
#include "daemon/pkgwatch.h"
#include "daemon/reload.h"
#include "daemon/stop.h"
#include "daemon/systemd.h"
#include "daemon/trialjob.h"

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

_Noreturn void
app_die(struct app *a, const char *why)
{
	(void)a;
	/* What is in memory is ahead of the record: only a restart is safe. */
	log_f(NOTE_ERROR, "fatal reason=%s", why);
	_exit(1);
}

void
app_note(void *arg, enum note_level level, const char *line)
{
	(void)arg;
	log_line(level, line);
}

/* --- the core --------------------------------------------------------------*/

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

/* --- store -----------------------------------------------------------------*/

void
app_note_halt(struct app *a, bool on, uint64_t ticket)
{
	a->halt_noted = on && haltfile_put(a->conf->store_path) == 0;
	if (on && !a->halt_noted)
		log_f(NOTE_ERROR, "halt: %s" HALTFILE_SUFFIX ": %s; a restart "
		    "before the database has it forgets the halt",
		    a->conf->store_path, strerror(errno));
	a->halt_ticket = ticket;
}

static void
halt_durable(struct app *a)
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
	halt_durable(a);
	app_release_replies(a);
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

	stop_heard();
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
	int stop;

	a->watchdog_ms = systemd_watchdog_ms();
	a->watch[0] = loop_signal(a->loop, SIGHUP, on_hup, a);
	if ((stop = stop_init()) >= 0)
		a->watch[1] = loop_readable(a->loop, stop, on_term, a);
	a->watch[2] = loop_readable(a->loop, store_fd(a->store), on_store, a);
	if (a->tokens != NULL)
		a->watch[3] = loop_readable(a->loop, fwtokens_fd(a->tokens),
		    on_downloads, a);
	a->timer = loop_timer_new(a->loop, on_timer, a);
	a->upkeep = loop_timer_new(a->loop, on_upkeep, a);
	a->ending = loop_timer_new(a->loop, on_ending, a);
	for (size_t i = 0; i < 3; i++)
		if (a->watch[i] == NULL)
			return -1;
	if (a->tokens != NULL && a->watch[3] == NULL)
		return -1;
	return a->timer == NULL || a->upkeep == NULL || a->ending == NULL ? -1
									  : 0;
}

/* --- the whole --------------------------------------------------------------*/

/* One that comes before there is a daemon waits until it can reload. Threads
 * that are started meanwhile never see it. */
static void
hold_reload(bool on)
{
	sigset_t hup;

	(void)sigemptyset(&hup);
	(void)sigaddset(&hup, SIGHUP);
	(void)pthread_sigmask(on ? SIG_BLOCK : SIG_UNBLOCK, &hup, NULL);
}

static void
app_done(struct app *a)
{
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
	app_drop_replies(a);
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
	hold_reload(true);
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
		hold_reload(false);
		(void)loop_run(a.loop);
		app_keep_connections(&a);
		log_f(NOTE_INFO, "stopped");
	}
	app_done(&a);
	return a.exit_code;
}
