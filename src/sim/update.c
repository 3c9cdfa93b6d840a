#include "config.h"
#include "sim/update.h"

#include <assert.h>

#include "sim/report.h"
#include "sim/tracker.h"

#define TYPE_BLE 2
/* A unit waits for the last SACK before it goes, whatever the speed. */
#define FAREWELL_MS 300
/* A real server under real load does not get faster by --speed. */
#define FETCH_FLOOR_MS 5000
#define MINUTE_MS 60000

enum {
	BUSY = 1, /* ignores a further start */
	DEAF = 2, /* ignores other commands too */
	SILENT = 4, /* reports of the update only */
	DARK = 8, /* no connection */
	STOP = 16 /* hears AT+GTUPD stop */
};
#define UPDATE_MODE (BUSY | DEAF | SILENT)

static void step_confirm(struct tracker *t);
static void step_download(struct tracker *t);
static void step_downloaded(struct tracker *t);
static void step_install(struct tracker *t);
static void step_reboot(struct tracker *t);
static void step_flashed(struct tracker *t);
static void step_restart(struct tracker *t);
static void step_off(struct tracker *t);
static void step_on(struct tracker *t);

static const struct phase_row {
	const char *name;
	unsigned flags;
	int32_t min_ms; /* the phase lasts between these, before --speed */
	int32_t max_ms;
	int32_t floor_ms; /* and after it never less than this */
	void (*step)(struct tracker *t); /* NULL: only an event ends it */
} rows[PHASE_COUNT] = {
	[PHASE_IDLE] = {"idle", 0, 0, 0, 0, NULL},
	[PHASE_ACCEPTED] = {"accepted", BUSY | STOP, 0, 0, 0, NULL},
	[PHASE_ACKED] = {"acked", BUSY | STOP, 1500, 2500, 0, step_confirm},
	[PHASE_CONFIRMED] = {"confirmed", UPDATE_MODE | STOP, 4000, 6000, 0,
		step_download},
	[PHASE_DOWNLOADING] = {"downloading", UPDATE_MODE | STOP, 30000,
		120000, 0, step_downloaded},
	[PHASE_RETRYING] = {"retrying", UPDATE_MODE | STOP, 4000, 6000, 0,
		step_download},
	[PHASE_DOWNLOADED] = {"downloaded", UPDATE_MODE, 4000, 6000, 0,
		step_install},
	[PHASE_UPDATING] = {"updating", UPDATE_MODE, 2000, 4000, FAREWELL_MS,
		step_reboot},
	[PHASE_REBOOTING] = {"rebooting", UPDATE_MODE | DARK, 60000, 180000, 0,
		step_flashed},
	[PHASE_GIVING_UP] = {"giving_up", UPDATE_MODE, 2000, 4000, FAREWELL_MS,
		step_restart},
	[PHASE_RESTARTING] = {"restarting", UPDATE_MODE | DARK, 20000, 40000,
		0, step_on},
	[PHASE_POWERING_OFF] = {"powering_off", BUSY | DEAF, 2000, 4000,
		FAREWELL_MS, step_off},
	[PHASE_OFF] = {"off", UPDATE_MODE | DARK, 120000, 300000, 0, step_on},
	[PHASE_BRICKED] = {"bricked", UPDATE_MODE | DARK, 0, 0, 0, NULL},
};

const char *
phase_name(enum phase p)
{
	return rows[p].name;
}

bool
phase_is_busy(enum phase p)
{
	return rows[p].flags & BUSY;
}

bool
phase_is_deaf(enum phase p)
{
	return rows[p].flags & DEAF;
}

bool
phase_is_silent(enum phase p)
{
	return rows[p].flags & SILENT;
}

bool
phase_is_dark(enum phase p)
{
	return rows[p].flags & DARK;
}

bool
phase_is_stoppable(enum phase p)
{
	return rows[p].flags & STOP;
}

static int64_t
phase_length_ms(const struct tracker *t, enum phase p)
{
	const struct phase_row *row = &rows[p];
	double span_ms = (double)(row->max_ms - row->min_ms);

	return tracker_scaled(t, (row->min_ms +
	    (int64_t)(span_ms * t->update.plan.chance[p])) *
	    (t->nature == NATURE_SLOW ? NATURE_SLOWNESS : 1), row->floor_ms);
}

static void
phase_enter(struct tracker *t, enum phase p)
{
	t->phase = p;
	tracker_arm(t, TIMER_PHASE,
	    rows[p].step == NULL ? TRACKER_NEVER : phase_length_ms(t, p));
}

static bool
drawn(const struct tracker *t, enum fault_kind kind)
{
	return t->update.open && (t->update.plan.faults & FAULT_BIT(kind));
}

/* True when the fault was drawn; then it counts as having taken effect. */
static bool
strikes(struct tracker *t, enum fault_kind kind)
{
	if (!drawn(t, kind))
		return false;
	update_fire(t, kind);
	return true;
}

void
update_fire(struct tracker *t, enum fault_kind kind)
{
	struct history_attempt *a =
	    history_attempt(&t->history, t->update.place);

	if (a == NULL || a->fired & FAULT_BIT(kind))
		return;
	a->fired |= FAULT_BIT(kind);
	t->counts.fired[kind]++;
}

static void
update_end(struct tracker *t, const char *result, bool ok)
{
	struct history_attempt *a =
	    history_attempt(&t->history, t->update.place);

	if (a != NULL)
		a->result = result;
	t->update.open = false;
	tracker_arm(t, TIMER_CUT, TRACKER_NEVER);
	if (!ok)
		t->counts.failures++;
}

static void
code(struct tracker *t, unsigned value, unsigned times)
{
	report_make(t, WIRE_UPDATE, value, times);
}

/* FAULT_DISCONNECT: half-way through the phase that was just entered. */
static void
maybe_cut(struct tracker *t, enum plan_cut here)
{
	if (drawn(t, FAULT_DISCONNECT) && t->update.plan.cut == here)
		tracker_arm(t, TIMER_CUT,
		    phase_length_ms(t, t->phase) / 2 + 1);
}

void
update_begin(struct tracker *t, const struct wire_in *start)
{
	struct update *u = &t->update;
	struct history_attempt a = {
		.update_type = start->update_type,
		.result = "open",
	};

	assert(t->phase == PHASE_IDLE);
	*u = (struct update){
		.open = true,
		.number = u->number + 1,
		.start = *start,
	};
	(void)span_copy(a.serial, sizeof(a.serial), span_str(start->serial));
	u->place = history_add_attempt(&t->history, &a);
	t->lies = false;
	plan_draw(t->conf->faults, t->conf->seed, t->key, u->number, &u->plan);
	if (strikes(t, FAULT_NO_ACK))
		update_end(t, "no_ack", false);
	else
		phase_enter(t, PHASE_ACCEPTED);
}

void
update_acknowledged(struct tracker *t)
{
	if (t->phase == PHASE_ACCEPTED)
		phase_enter(t, PHASE_ACKED);
}

/* The update is over and nothing was changed: back to ordinary life. */
static void
back_to_idle(struct tracker *t, unsigned last_code, const char *result)
{
	code(t, last_code, 0);
	phase_enter(t, PHASE_IDLE);
	update_end(t, result, false);
	tracker_resume(t);
}

static void
step_confirm(struct tracker *t)
{
	struct url url;

	if (strikes(t, FAULT_POWER_OFF)) {
		code(t, 101, 0);
		phase_enter(t, PHASE_POWERING_OFF);
		report_make(t, WIRE_POWER_OFF, 0, 0);
		update_end(t, "101", false);
	} else if (strikes(t, FAULT_LOW_BATTERY)) {
		back_to_idle(t, 103, "103");
	} else if (strikes(t, FAULT_BAD_URL) ||
	    url_parse(span_str(t->update.start.url), &url) < 0) {
		back_to_idle(t, 102, "102");
	} else {
		phase_enter(t, PHASE_CONFIRMED);
		code(t, 100, 0);
		maybe_cut(t, CUT_CONFIRMED);
	}
}

static void
step_download(struct tracker *t)
{
	const struct wire_in *start = &t->update.start;

	t->update.tries++;
	phase_enter(t, PHASE_DOWNLOADING);
	code(t, 200, t->update.tries);
	maybe_cut(t, CUT_DOWNLOADING);
	if (t->conf->download && !drawn(t, FAULT_DOWNLOAD_FAIL)) {
		struct tracker_fetch f = {
			.url = start->url,
			.user = start->user,
			.secret = start->secret,
			.timeout_ms = tracker_scaled(t,
			    (int64_t)start->timeout_min * MINUTE_MS,
			    FETCH_FLOOR_MS),
		};

		/* The phase lasts as long as the download does. */
		t->update.unfetchable = !t->io->fetch(t, &f);
		if (!t->update.unfetchable)
			tracker_arm(t, TIMER_PHASE, TRACKER_NEVER);
	}
}

static void
download_over(struct tracker *t, bool ok)
{
	unsigned n = t->update.tries;

	if (ok) {
		t->counts.downloads_ok++;
		phase_enter(t, PHASE_DOWNLOADED);
		code(t, 201, n);
		maybe_cut(t, CUT_DOWNLOADED);
		return;
	}
	t->counts.downloads_failed++;
	phase_enter(t, n <= t->update.start.retry ? PHASE_RETRYING
	                                          : PHASE_GIVING_UP);
	code(t, 202, n);
}

static void
step_downloaded(struct tracker *t)
{
	download_over(t, !strikes(t, FAULT_DOWNLOAD_FAIL) &&
	    !t->update.unfetchable);
}

void
update_fetched(struct tracker *t, bool ok)
{
	if (t->phase == PHASE_DOWNLOADING)
		download_over(t, ok);
}

static void
step_install(struct tracker *t)
{
	if (strikes(t, FAULT_LOW_BATTERY_INSTALL)) {
		back_to_idle(t, 303, "303");
		return;
	}
	phase_enter(t, PHASE_UPDATING);
	code(t, 300, 0);
}

static void
step_reboot(struct tracker *t)
{
	tracker_hang_up(t);
	if (strikes(t, FAULT_BRICK)) {
		phase_enter(t, PHASE_BRICKED);
		update_end(t, "brick", false);
		return;
	}
	phase_enter(t, PHASE_REBOOTING);
}

/* What the package makes of the unit: NULL when it does not fit. */
static const char *
version_after(const struct tracker *t, char from[VERSION_MAX + 1],
    char to[VERSION_MAX + 1])
{
	if (t->conf->next_firmware != NULL)
		return t->conf->next_firmware;
	url_versions(span_str(t->update.start.url), from, to);
	if (to[0] == '\0' ||
	    (from[0] != '\0' && !version_equal(from, t->version)))
		return NULL;
	return to;
}

static bool
flash(struct tracker *t)
{
	char from[VERSION_MAX + 1], to[VERSION_MAX + 1];
	const char *version;

	if (strikes(t, FAULT_UPDATE_FAIL))
		return false;
	/* GTVER does not carry the version of the BLE part. */
	if (t->update.start.update_type == TYPE_BLE) {
		t->counts.ble_updates++;
		return true;
	}
	version = version_after(t, from, to);
	if (version == NULL)
		return false;
	(void)span_copy(t->version, sizeof(t->version), span_str(version));
	history_add_flashed(&t->history, t->version);
	return true;
}

static void
step_flashed(struct tracker *t)
{
	bool lying = t->nature == NATURE_LYING;
	bool ok = lying || flash(t);

	t->buried = strikes(t, FAULT_BUFFERED);
	t->lies = strikes(t, FAULT_LIE_VERSION);
	phase_enter(t, PHASE_IDLE);
	if (t->update.plan.reports_power_on)
		report_make(t, WIRE_POWER_ON, 0, 0);
	code(t, ok ? 301 : 302, 0);
	update_end(t, lying ? "lie" : ok ? "301" : "302", ok && !lying);
	tracker_resume(t);
}

static void
step_restart(struct tracker *t)
{
	tracker_hang_up(t);
	phase_enter(t, PHASE_RESTARTING);
	if (t->update.open)
		update_end(t, "202", false);
}

static void
step_off(struct tracker *t)
{
	tracker_hang_up(t);
	phase_enter(t, PHASE_OFF);
}

static void
step_on(struct tracker *t)
{
	phase_enter(t, PHASE_IDLE);
	report_make(t, WIRE_POWER_ON, 0, 0);
	tracker_resume(t);
}

void
update_stop(struct tracker *t)
{
	assert(phase_is_stoppable(t->phase));
	if (t->phase == PHASE_DOWNLOADING && t->conf->download)
		t->io->fetch_cancel(t);
	back_to_idle(t, 102, "cancelled");
}

void
update_step(struct tracker *t)
{
	assert(rows[t->phase].step != NULL);
	rows[t->phase].step(t);
}

void
update_restart(struct tracker *t)
{
	/* The farewell of a failed download serves: the ACK gets out first. */
	if (t->phase == PHASE_IDLE)
		phase_enter(t, PHASE_GIVING_UP);
}
