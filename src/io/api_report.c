#include "config.h"
#include "io/api_int.h"

#include <stdlib.h>
#include <string.h>
#include "core/report.h"

/*
 * GET fleet and GET campaigns/NAME/report: counts for people. The fleet is
 * walked a piece each second while somebody asks, so that a million devices
 * stop nobody; how a campaign went is sampled from the start of the daemon on,
 * coarser as it gets longer.
 */
#define PIECE 20000          /* devices counted in one go */
#define FRESH_MS 5000        /* a count is good for that long */
#define SAMPLES 240
#define SAMPLE_MS 5000       /* at first */
#define SAMPLED_MAX 64       /* campaigns */

struct sample {
	int64_t wall;
	uint32_t targets[TARGET_STATE_COUNT_];
};

struct sampled {
	char name[CAMPAIGN_NAME_MAX + 1];
	int64_t every_ms;
	size_t count;
	struct sample sample[SAMPLES];
};

struct api_reports {
	struct report_fleet walk, done;
	bool walking;
	int64_t done_ms, done_wall;  /* 0 = never */
	struct sampled *campaign[SAMPLED_MAX];
	size_t campaign_count;
};

static struct api_reports *
reports_of(struct api *a)
{
	if (a->reports == NULL)
		a->reports = calloc(1, sizeof *a->reports);
	return a->reports;
}

void
api_reports_free(struct api *a)
{
	if (a->reports == NULL)
		return;
	for (size_t i = 0; i < a->reports->campaign_count; i++)
		free(a->reports->campaign[i]);
	free(a->reports);
}

/* --- the fleet -------------------------------------------------------------*/
static void
walk_on(struct api *a, struct api_reports *r)
{
	struct core_now now = a->ops.now(a->ops.arg);

	if (!core_report_fleet(a->ops.core(a->ops.arg), now, &r->walk, PIECE))
		return;
	r->done = r->walk;
	r->walking = false;
	r->done_ms = loop_mono_ms();
	r->done_wall = now.wall_ms;
}

static json_t *
versions_json(const struct report_fleet *f)
{
	json_t *j = json_array();

	for (size_t i = 0; j != NULL && i < f->version_count; i++)
		(void)json_array_append_new(j, json_pack(
		    "{s:o, s:o, s:I, s:I}",
		    "model", api_text_or_null(f->version[i].model),
		    "version", api_text_or_null(f->version[i].mcu),
		    "devices", (json_int_t)f->version[i].count,
		    "online", (json_int_t)f->version[i].online));
	return j;
}

static json_t *
seen_json(const struct report_fleet *f)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}",
	    "hour", (json_int_t)f->age[AGE_HOUR],
	    "day", (json_int_t)f->age[AGE_DAY],
	    "week", (json_int_t)f->age[AGE_WEEK],
	    "month", (json_int_t)f->age[AGE_MONTH],
	    "older", (json_int_t)f->age[AGE_OLDER],
	    "never", (json_int_t)f->age[AGE_NEVER]);
}

void
api_get_fleet(struct api_call *c)
{
	struct api_reports *r = reports_of(c->api);

	if (r == NULL) {
		api_answer(c, 500, NULL);
		return;
	}
	if (!r->walking && (r->done_wall == 0 ||
		loop_mono_ms() - r->done_ms > FRESH_MS)) {
		memset(&r->walk, 0, sizeof r->walk);
		r->walking = true;
		walk_on(c->api, r);
	}
	api_answer(c, 200, json_pack("{s:o, s:b, s:I, s:o, s:I, s:o}",
	    "as_of", api_time(r->done_wall),
	    "counting", r->walking,
	    "devices", (json_int_t)r->done.devices,
	    "versions", versions_json(&r->done),
	    "versions_beside", (json_int_t)r->done.versions_beside,
	    "last_seen", seen_json(&r->done)));
}

/* --- how a campaign went ---------------------------------------------------*/
static struct sampled *
sampled_of(struct api_reports *r, const char *name, bool make)
{
	struct sampled *s;

	for (size_t i = 0; i < r->campaign_count; i++)
		if (strcmp(r->campaign[i]->name, name) == 0)
			return r->campaign[i];
	if (!make || r->campaign_count == SAMPLED_MAX ||
	    (s = calloc(1, sizeof *s)) == NULL)
		return NULL;
	(void)span_copy(s->name, sizeof s->name, span_str(name));
	s->every_ms = SAMPLE_MS;
	r->campaign[r->campaign_count++] = s;
	return s;
}

static void
sample_take(struct sampled *s, const struct view_campaign *v, int64_t wall,
    bool last)
{
	struct sample *at;

	if (s->count > 0 && !last &&
	    wall - s->sample[s->count - 1].wall < s->every_ms)
		return;
	if (s->count == SAMPLES) {
		for (size_t i = 0; i < SAMPLES / 2; i++)
			s->sample[i] = s->sample[2 * i];
		s->count = SAMPLES / 2;
		s->every_ms *= 2;
	}
	at = &s->sample[s->count++];
	at->wall = wall;
	for (size_t i = 0; i < TARGET_STATE_COUNT_; i++)
		at->targets[i] = (uint32_t)v->targets[i];
}

/* What is over has its last sample, and needs no more. */
static bool
moves(const struct view_campaign *v)
{
	return v->state == CAMPAIGN_RUNNING || v->state == CAMPAIGN_PAUSED ||
	    v->state == CAMPAIGN_ABORTING;
}

void
api_reports_sweep(struct api *a)
{
	const struct core *core = a->ops.core(a->ops.arg);
	struct core_now now = a->ops.now(a->ops.arg);
	struct api_reports *r = reports_of(a);
	struct view_campaign v;
	struct sampled *s;

	if (r == NULL)
		return;
	if (r->walking)
		walk_on(a, r);
	for (size_t i = 0; i < core_campaign_count(core); i++) {
		const char *name = core_campaign_name(core, i);

		s = sampled_of(r, name, false);
		if (!core_view_campaign_brief(core, now, name, &v) ||
		    (!moves(&v) && (s == NULL || s->every_ms == INT64_MAX)))
			continue;
		if (s == NULL && (s = sampled_of(r, name, true)) == NULL)
			continue;
		if (!moves(&v)) {
			sample_take(s, &v, now.wall_ms, true);
			s->every_ms = INT64_MAX;
			continue;
		}
		if (s->every_ms == INT64_MAX)
			s->every_ms = SAMPLE_MS;
		sample_take(s, &v, now.wall_ms, false);
	}
}

static json_t *
progress_json(struct api *a, const char *name)
{
	struct api_reports *r = reports_of(a);
	const struct sampled *s = r == NULL ? NULL
	    : sampled_of(r, name, false);
	json_t *j = json_array(), *one;

	for (size_t i = 0; j != NULL && s != NULL && i < s->count; i++) {
		if ((one = json_pack("{s:o}", "at",
		    api_time(s->sample[i].wall))) == NULL)
			break;
		for (int k = 0; k < TARGET_STATE_COUNT_; k++)
			(void)json_object_set_new(one,
			    target_state_name((enum target_state)k),
			    json_integer(s->sample[i].targets[k]));
		(void)json_array_append_new(j, one);
	}
	return j;
}

/* --- a campaign ------------------------------------------------------------*/
/* What a person does about it. */
static const char *
action(enum target_state state, enum cause cause)
{
	static const char *const texts[CAUSE_COUNT_] = {
		[CAUSE_NO_ACK] = "look at the AT password, and at the "
		    "tracker's timeline; then retry-failed",
		[CAUSE_REFUSED] = "read the report in the timeline",
		[CAUSE_REFUSED_POWER_OFF] = "it is off or asleep at the "
		    "hours of the windows: widen them, then retry-failed",
		[CAUSE_BAD_URL] = "fetch the URL yourself: files.public_url, "
		    "name, APN",
		[CAUSE_FOREIGN_CANCEL] = "find out who else commands it",
		[CAUSE_LOW_BATTERY] = "its battery stays low: service it, "
		    "then retry-failed",
		[CAUSE_LOW_BATTERY_INSTALL] = "its battery stays low: service "
		    "it, then retry-failed",
		[CAUSE_DOWNLOAD_FAILED] = "look at its coverage and at the "
		    "file server; longer command.download_timeout",
		[CAUSE_UPDATE_FAILED] = "pause, and compare the package with "
		    "the version that it is for",
		[CAUSE_WRONG_VERSION] = "pause: the package does not hold "
		    "what it says",
		[CAUSE_SILENT] = "pause; visit one: it was flashed and never "
		    "heard of again",
		[CAUSE_TIMEOUT] = "look at its timeline, then retry-failed",
	};

	if (state == TARGET_UNVERIFIED)
		return "probe it when it is online: its version is not proven";
	return texts[cause] != NULL ? texts[cause]
	    : "look at the timeline of one of them";
}

static json_t *
failures_json(const struct report_campaign *r)
{
	json_t *j = json_array();

	for (size_t i = 0; j != NULL && i < r->failure_count; i++) {
		const struct report_failure *f = &r->failure[i];

		(void)json_array_append_new(j, json_pack(
		    "{s:s, s:o, s:o, s:o, s:I, s:s}",
		    "state", target_state_name(f->state),
		    "cause", api_text_or_null(cause_name(f->cause)),
		    "model", api_text_or_null(f->model),
		    "from", api_text_or_null(f->from),
		    "count", (json_int_t)f->count,
		    "action", action(f->state, f->cause)));
	}
	return j;
}

static json_t *
funnel_json(const struct report_campaign *r)
{
	json_t *j = json_array();

	for (int i = 0; j != NULL && i < STEP_COUNT_; i++)
		(void)json_array_append_new(j, json_pack("{s:s, s:I, s:I}",
		    "step", report_step_name((enum report_step)i),
		    "count", (json_int_t)r->step[i],
		    "ended", (json_int_t)r->ended[i]));
	return j;
}

static json_t *
phases_json(const struct report_campaign *r)
{
	json_t *j = json_object();

	for (int i = 1; j != NULL && i < PHASE_COUNT_; i++)
		if (r->phase[i] > 0)
			(void)json_object_set_new(j,
			    phase_name((enum phase)i),
			    json_integer((json_int_t)r->phase[i]));
	return j;
}

static bool
look_for_report(struct api_looks *l, size_t *room)
{
	struct report_campaign *r = l->report;
	struct api_call *c = l->call;

	if (!core_report_campaign(c->api->ops.core(c->api->ops.arg),
		c->arg[0], room, r))
		return false;
	api_answer(c, 200, json_pack("{s:o, s:o, s:o, s:o, s:I, s:o}",
	    "campaign", api_text(c->arg[0]),
	    "funnel", funnel_json(r),
	    "phases", phases_json(r),
	    "failures", failures_json(r),
	    "failures_beside", (json_int_t)r->failures_beside,
	    "progress", progress_json(c->api, c->arg[0])));
	return true;
}

void
api_get_report(struct api_call *c)
{
	struct view_campaign v;
	struct api_looks *l;

	if (!api_view_campaign(c, &v) || (l = api_looks_new(c)) == NULL)
		return;
	if ((l->report = calloc(1, sizeof *l->report)) == NULL) {
		api_answer(c, 500, NULL);
		return;
	}
	api_looks_begin(l, look_for_report);
}
