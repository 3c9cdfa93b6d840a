#include "config.h"
#include "core/report.h"

#include <string.h>

#include "core/state.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

const char *
report_step_name(enum report_step v)
{
	static const char *const names[STEP_COUNT_] = {
		[STEP_TARGETS] = "targets", [STEP_STARTED] = "started",
		[STEP_ACKED] = "acked", [STEP_DOWNLOADING] = "downloading",
		[STEP_DOWNLOADED] = "downloaded",
		[STEP_INSTALLED] = "installed",
		[STEP_SUCCEEDED] = "succeeded",
	};

	return names[v];
}

/* --- a campaign ------------------------------------------------------------*/
static const enum report_step step_of_phase[PHASE_COUNT_] = {
	[PHASE_NONE] = STEP_STARTED, [PHASE_PREFLIGHT] = STEP_STARTED,
	[PHASE_INTENT] = STEP_STARTED, [PHASE_SENDING] = STEP_STARTED,
	[PHASE_ACKED] = STEP_ACKED, [PHASE_CONFIRMED] = STEP_DOWNLOADING,
	[PHASE_DOWNLOADING] = STEP_DOWNLOADING,
	[PHASE_DOWNLOADED] = STEP_DOWNLOADED,
	[PHASE_UPDATING] = STEP_DOWNLOADED,
	[PHASE_VERIFYING] = STEP_INSTALLED,
	[PHASE_RESOLVING] = STEP_STARTED, [PHASE_UNSURE] = STEP_STARTED,
	[PHASE_OVERDUE] = STEP_DOWNLOADED, [PHASE_CANCELLING] = STEP_STARTED,
	[PHASE_DEFERRED] = STEP_STARTED,
	[PHASE_PROVISIONAL] = STEP_STARTED, [PHASE_ENDED] = STEP_STARTED,
};

/* Where a target stopped that ended for this. */
static const enum report_step step_of_cause[CAUSE_COUNT_] = {
	[CAUSE_NONE] = STEP_STARTED, [CAUSE_NO_ACK] = STEP_STARTED,
	[CAUSE_REFUSED] = STEP_STARTED,
	[CAUSE_REFUSED_POWER_OFF] = STEP_ACKED, [CAUSE_BAD_URL] = STEP_ACKED,
	[CAUSE_FOREIGN_CANCEL] = STEP_ACKED, [CAUSE_LOW_BATTERY] = STEP_ACKED,
	[CAUSE_LOW_BATTERY_INSTALL] = STEP_DOWNLOADED,
	[CAUSE_DOWNLOAD_FAILED] = STEP_DOWNLOADING,
	[CAUSE_UPDATE_FAILED] = STEP_DOWNLOADED,
	[CAUSE_WRONG_VERSION] = STEP_INSTALLED,
	[CAUSE_SILENT] = STEP_DOWNLOADED, [CAUSE_TIMEOUT] = STEP_STARTED,
	[CAUSE_UP_TO_DATE] = STEP_TARGETS, [CAUSE_NO_PATH] = STEP_TARGETS,
	[CAUSE_DOWNGRADE] = STEP_TARGETS, [CAUSE_EXCLUDED] = STEP_TARGETS,
	[CAUSE_WRONG_MODEL] = STEP_TARGETS,
	[CAUSE_WRONG_HARDWARE] = STEP_TARGETS,
	[CAUSE_OPERATOR] = STEP_STARTED, [CAUSE_EXPIRED] = STEP_STARTED,
	[CAUSE_AMBIGUOUS_102] = STEP_ACKED,
};

static enum report_step
step_of(const struct target *t)
{
	if (t->rec.state == TARGET_SUCCEEDED)
		return STEP_SUCCEEDED;
	if (t->rec.attempts_total == 0)
		return STEP_TARGETS;
	if (t->rec.state == TARGET_ACTIVE && t->attempt != NULL)
		return step_of_phase[attempt_phase_shown(t->attempt)];
	return step_of_cause[t->rec.cause];
}

/* What it was before the package that it was last told. A package from any
 * leaves the version that was last read, unless that is what came out. */
static const char *
source_of(const struct target *t)
{
	const struct campaign_spec *s = t->campaign->spec;
	const struct device_more *m = t->device->more;
	int n = t->rec.edge;

	if (n < 1 || (size_t)n > s->package_count)
		return "";
	if (!s->packages[n - 1].from_any)
		return s->packages[n - 1].from;
	return t->rec.cause == CAUSE_WRONG_VERSION || m == NULL ||
	    m->rec.mcu[0] == '\0' ? "any" : m->rec.mcu;
}

static void
add_failure(struct report_campaign *r, const struct target *t)
{
	struct report_failure f = {.state = t->rec.state,
	    .cause = t->rec.cause, .count = 1};
	struct report_failure *at = r->failure;

	(void)span_copy(f.model, sizeof(f.model), device_type_code(t->device));
	(void)span_copy(f.from, sizeof(f.from), span_str(source_of(t)));
	for (; at < r->failure + r->failure_count; at++)
		if (at->state == f.state && at->cause == f.cause &&
		    strcmp(at->model, f.model) == 0 &&
		    strcmp(at->from, f.from) == 0) {
			at->count++;
			return;
		}
	if (r->failure_count == REPORT_FAILURES_MAX) {
		r->failures_beside++;
		return;
	}
	r->failure[r->failure_count++] = f;
}

static void
count_target(struct report_campaign *r, const struct target *t)
{
	enum report_step step = step_of(t);

	for (int s = 0; s <= (int)step; s++)
		r->step[s]++;
	if (t->rec.state == TARGET_FAILED ||
	    t->rec.state == TARGET_UNVERIFIED ||
	    t->rec.state == TARGET_CANCELLED)
		r->ended[step]++;
	if (t->rec.state == TARGET_ACTIVE)
		r->phase[t->preflight || t->attempt == NULL
		    ? PHASE_PREFLIGHT : attempt_phase_shown(t->attempt)]++;
	if (t->rec.state == TARGET_FAILED ||
	    t->rec.state == TARGET_UNVERIFIED)
		add_failure(r, t);
}

bool
core_report_campaign(const struct core *c, const char *name, size_t *room,
    struct report_campaign *r)
{
	const struct campaign *p = campaign_find(c, name);

	if (p == NULL)
		return true;
	for (; r->pos < p->target_count && *room > 0; r->pos++, --*room)
		if (p->target[r->pos]->rec.state != TARGET_SKIPPED)
			count_target(r, p->target[r->pos]);
	return r->pos >= p->target_count;
}

/* --- the fleet -------------------------------------------------------------*/
static enum report_age
age_of(const struct device *d, struct core_now now)
{
	int64_t ago;

	if (d->conn != NULL)
		return AGE_HOUR;
	if (d->last_seen_at != 0)
		ago = now.at_ms - d->last_seen_at;
	else if (d->more != NULL && d->more->rec.last_seen_wall != 0)
		ago = now.wall_ms - d->more->rec.last_seen_wall;
	else
		return AGE_NEVER;
	return ago < HOUR_MS ? AGE_HOUR : ago < DAY_MS ? AGE_DAY
	    : ago < 7 * DAY_MS ? AGE_WEEK : ago < 30 * DAY_MS ? AGE_MONTH
	    : AGE_OLDER;
}

static void
add_version(struct report_fleet *r, const struct device *d)
{
	struct report_version v = {.count = 1, .online = d->conn != NULL};
	struct report_version *at = r->version;

	(void)span_copy(v.model, sizeof(v.model), device_type_code(d));
	if (d->more != NULL)
		memcpy(v.mcu, d->more->rec.mcu, sizeof(v.mcu));
	for (; at < r->version + r->version_count; at++)
		if (strcmp(at->mcu, v.mcu) == 0 &&
		    strcmp(at->model, v.model) == 0) {
			at->count++;
			at->online += v.online;
			return;
		}
	if (r->version_count == REPORT_VERSIONS_MAX)
		r->versions_beside++;
	else
		r->version[r->version_count++] = v;
}

bool
core_report_fleet(const struct core *c, struct core_now now,
    struct report_fleet *r, size_t max)
{
	const struct device *d;

	for (; max > 0; max--) {
		if ((d = idmap_next(&c->devices, &r->pos)) == NULL)
			return true;
		r->devices++;
		r->age[age_of(d, now)]++;
		add_version(r, d);
	}
	return false;
}
