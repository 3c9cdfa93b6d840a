#include "config.h"
#include "daemon/app_priv.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/id_list.h"
#include "config/zone.h"
#include "daemon/files.h"
#include "daemon/firmlist.h"
#include "daemon/log.h"
#include "daemon/reload.h"
#include "daemon/pkgwatch.h"
#include "daemon/trialjob.h"

/*
 * The API's view of the daemon: what its layer cannot see is fetched here.
 */

static const struct core *
api_core(void *arg)
{
	return ((struct app *)arg)->core;
}

static struct core_now
api_now(void *arg)
{
	return app_now(arg);
}

static void
limit_put(struct api_status *st, const char *name, int64_t limit, int64_t now,
    int64_t hits)
{
	assert(st->limit_count < API_LIMITS_MAX);
	st->limit[st->limit_count++] = (struct api_limit){
	    .name = name, .limit = limit, .now = now, .hits = hits};
}

/* Of what the API's layer does not see. */
static void
fill_limits(struct app *a, const struct store_stats *st,
    struct api_status *ret)
{
	struct pkgwatch_stats w;
	struct firmlist_stats list;
	struct fwtokens_stats tokens = {0};
	struct view_status core;
	struct files_stats f;
	unsigned long held_back;
	int per_second;

	files_get_stats(a->campaign_files, &f);
	log_get_limit(&per_second, &held_back);
	limit_put(ret, "store_reads", (int64_t)st->reads_max,
	    (int64_t)st->reads, (int64_t)st->reads_refused);
	/* In MiB: what is free, and how often it was too little. */
	limit_put(ret, "disk_free_min_mib",
	    (int64_t)(a->conf->store_min_free >> 20),
	    (int64_t)(st->disk_free >> 20), (int64_t)st->disk_low_hits);
	limit_put(ret, "held_acks", HELD_MAX, -1, (int64_t)a->held_refused);
	limit_put(ret, "log_lines_per_s", per_second, -1,
	    (int64_t)held_back);
	limit_put(ret, "inventory", INVENTORY_MAX,
	    (int64_t)inventory_count(core_fleet_now(a->core)->inventory),
	    (int64_t)a->fleet_refused);
	limit_put(ret, "config", -1, -1, (int64_t)a->conf_refused);
	limit_put(ret, "campaign_files", FILES_COUNT_MAX, (int64_t)f.files,
	    (int64_t)f.not_read);
	pkgwatch_get_stats(a->pkgwatch, &w);
	limit_put(ret, "package_files", PKGWATCH_FILES_MAX, (int64_t)w.files,
	    (int64_t)w.not_watched);
	firmlist_get_stats(a->firmlist, &list);
	limit_put(ret, "firmware_files", FIRMLIST_FILES_MAX,
	    (int64_t)list.files, (int64_t)list.not_listed);
	limit_put(ret, "campaign_bytes", FILES_CAMPAIGN_BYTES_MAX, -1,
	    (int64_t)f.campaign_too_large);
	limit_put(ret, "list_bytes", FILES_LIST_BYTES_MAX, -1,
	    (int64_t)f.list_too_large);
	limit_put(ret, "list_ids", ID_LIST_MAX, -1,
	    (int64_t)f.list_too_long);
	if (a->tokens != NULL)
		fwtokens_get_stats(a->tokens, &tokens);
	limit_put(ret, "file_reports",
	    a->tokens == NULL ? -1 : (int64_t)tokens.reports_max,
	    (int64_t)tokens.reports, (int64_t)tokens.dropped);
	core_view_status(a->core, &core);
	limit_put(ret, "exclusions", (int64_t)core.exclusions_max,
	    (int64_t)core.exclusions, (int64_t)core.exclusions_refused);
	limit_put(ret, "clock_jump_ms", core.clock_jump_ms, -1,
	    (int64_t)core.clock_jumps);
}

/* The texts are kept in the app, for the answer points to them. */
PRINTF_LIKE(3, 4)
static void
reason_add(struct app *a, struct api_status *ret, const char *fmt, ...)
{
	size_t n = 0;
	va_list ap;

	while (ret->reasons[n] != NULL)
		n++;
	assert(n < ARRAY_LEN(a->reason));
	va_start(ap, fmt);
	(void)vsnprintf(a->reason[n], sizeof(a->reason[n]), fmt, ap);
	va_end(ap);
	ret->reasons[n] = a->reason[n];
}

static void
fill_reasons(struct app *a, const struct store_stats *st,
    struct api_status *ret)
{
	struct view_status core;

	_Static_assert(ARRAY_LEN(a->reason) < ARRAY_LEN(ret->reasons),
	    "the list ends with NULL");
	if (st->state == STORE_LOW)
		reason_add(a, ret, "store: %" PRIu64 " MiB free where %s is, "
		    "less than store.min_free; nothing starts",
		    st->disk_free >> 20, a->conf->store_path);
	else if (st->state != STORE_OK)
		reason_add(a, ret, "store: %s", st->error);
	if (a->fleet_trouble[0] != '\0')
		reason_add(a, ret, "%s", a->fleet_trouble);
	if (a->backups.trouble[0] != '\0')
		reason_add(a, ret, "%s", a->backups.trouble);
	if (a->pure)
		reason_add(a, ret, "database lost: relay only");
	if (a->http_error[0] != '\0')
		reason_add(a, ret, "http: %s", a->http_error);
	core_view_status(a->core, &core);
	if (core.quarantined > 0)
		reason_add(a, ret, "quarantined: %zu %s; see trackupctl "
		    "device list", core.quarantined, core.quarantined == 1
		    ? "device that several claim to be"
		    : "devices that several claim to be");
}

static void
api_fill_status(void *arg, struct api_status *ret)
{
	struct app *a = arg;
	struct store_stats st;

	memset(ret, 0, sizeof(*ret));
	store_get_stats(a->store, &st);
	ret->version = PACKAGE_VERSION;
	ret->uptime_ms = loop_mono_ms() - a->mono_base_ms;
	ret->store_state = st.state == STORE_OK ? "ok"
	    : st.state == STORE_LOW ? "low"
	    : st.state == STORE_FULL ? "full" : "broken";
	ret->wal_bytes = st.wal_bytes;
	ret->store_queue_bytes = st.queue_bytes;
	ret->store_queue_max = st.queue_max_bytes;
	ret->store_queue_hits = st.queue_full_hits;
	ret->limit_in_flight = a->conf->limit_in_flight;
	ret->limit_start_per_hour = a->conf->limit_start_per_hour;
	ret->limit_read_per_hour = a->conf->limit_read_per_hour;
	fill_limits(a, &st, ret);
	trackers_get_stats(a->trackers, &ret->trackers);
	ret->relay_count = trackers_relays(a->trackers, ret->relay,
	    ARRAY_LEN(ret->relay));
	if (a->files != NULL)
		fwfile_get_stats(a->files, &ret->files);
	fill_reasons(a, &st, ret);
	ret->dispatch = a->dispatch;
	ret->commit_le = store_commit_bounds_s;
	ret->commit_count = ARRAY_LEN(store_commit_bounds_s);
	memcpy(a->commit_bucket, st.commit_bucket, sizeof(a->commit_bucket));
	ret->commit_bucket = a->commit_bucket;
	ret->commit_sum_s = (double)st.commit_us_total / 1e6;
	ret->halt_kept = a->halt_noted;
	ret->reload_ok = a->reload_ok;
	ret->reload_wall_ms = a->reload_wall_ms;
}

/* Names and reasons are what a client wrote. */
static void
log_operator(const struct oper *op, const struct oper_result *r)
{
	const char *object = op->campaign != NULL ? op->campaign
	    : op->device != NULL ? op->device : "-";
	const char *reason = op->reason != NULL ? op->reason : "";
	struct sbuf line;

	sbuf_init(&line, 0);
	sbuf_addf(&line, "operator who=%s action=%s object=", op->who,
	    oper_kind_name(op->kind));
	sbuf_add_escaped(&line, object, strlen(object));
	sbuf_addf(&line, " status=%s%s reason=\"",
	    r->status == OPER_OK ? "ok" : r->code,
	    op->dry_run ? " dry_run=true" : "");
	sbuf_add_escaped(&line, reason, strlen(reason));
	sbuf_adds(&line, "\"");
	log_line(NOTE_INFO, sbuf_str(&line));
	sbuf_done(&line);
}

static void
api_operate(void *arg, const struct oper *op, struct oper_result *ret,
    uint64_t *ret_ticket)
{
	struct app *a = arg;

	core_operate(a->core, op, app_now(a), &a->fx, ret);
	*ret_ticket = a->fx.ops.count > 0 ? a->fx.ticket : 0;
	if (ret->status == OPER_OK && *ret_ticket != 0 &&
	    (op->kind == OPER_HALT || op->kind == OPER_RESUME_ALL))
		app_note_halt(a, op->kind == OPER_HALT, *ret_ticket);
	log_operator(op, ret);
	app_effects(a);
	app_arm(a);
}

struct timeline_call {
	struct list node;
	api_event_fn *fn; /* NULL: whoever asked is gone */
	void *fn_arg;
};

static void
on_timeline(void *arg, int status, const struct timeline_row *rows,
    size_t count, bool more)
{
	struct timeline_call *call = arg;
	struct event_rec ev[200];
	int64_t id[200];
	const char *campaign[200];

	assert(count <= 200);
	for (size_t i = 0; i < count; i++) {
		ev[i] = rows[i].ev;
		id[i] = rows[i].id;
		campaign[i] = rows[i].campaign;
	}
	if (call->fn != NULL)
		call->fn(call->fn_arg, status, ev, id, campaign, count, more);
	list_remove(&call->node);
	free(call);
}

static bool
api_timeline(void *arg, uint64_t device, int64_t after, size_t limit,
    api_event_fn *fn, void *fn_arg)
{
	struct app *a = arg;
	struct timeline_call *call = malloc(sizeof(*call));

	if (call == NULL)
		return false;
	call->fn = fn;
	call->fn_arg = fn_arg;
	if (!store_timeline(a->store, device, after, limit, on_timeline,
		call)) {
		free(call);
		return false;
	}
	list_push_back(&a->timelines, &call->node);
	return true;
}

static void
api_timeline_forget(void *arg, void *fn_arg)
{
	struct app *a = arg;
	struct list *n, *tmp;

	LIST_EACH_SAFE(n, tmp, &a->timelines) {
		struct timeline_call *call =
		    CONTAINER_OF(n, struct timeline_call, node);

		if (call->fn_arg == fn_arg)
			call->fn = NULL;
	}
}

static bool
api_feed(void *arg, const struct feed_query *q, feed_fn *fn, void *fn_arg)
{
	return store_feed(((struct app *)arg)->store, q, fn, fn_arg);
}

static void
api_feed_forget(void *arg, void *fn_arg)
{
	store_forget(((struct app *)arg)->store, fn_arg);
}

/* The same file again is no error, only nothing will come of it. */
static void
check_over(const struct app *a, const char *file,
    const struct campaign_spec *spec, struct sbuf *diag)
{
	struct view_campaign v;

	if (core_view_campaign_brief(a->core, app_now(a), spec->name, &v) &&
	    (v.state == CAMPAIGN_FINISHED || v.state == CAMPAIGN_ABORTED))
		sbuf_addf(diag, "warning: %s: campaign %s is %s and does not "
		    "run again\n", file, v.name,
		    campaign_state_name(v.state));
}

static int
api_check(void *arg, const char *file, const struct api_files *posted,
    struct sbuf *diag, struct sbuf *missing)
{
	struct app *a = arg;
	struct campaign_spec *spec = NULL;
	struct errtext err = {0};
	int r = files_check(a->conf, file, posted, diag, missing, &spec);

	/* What a reload would say of it now. */
	if (r == 0 && core_campaign_allowed(a->core, spec, &err) < 0) {
		sbuf_addf(diag, "%s: %s\n", file, err.text);
		r = -1;
	}
	if (r == 0)
		check_over(a, file, spec, diag);
	spec_free(spec);
	return r;
}

static int
plan_hours(void *arg, const struct campaign_spec *s, const char *zone,
    int64_t from_wall, int64_t to_wall, struct wall_span **ret,
    size_t *ret_count)
{
	(void)arg;
	return zone_windows(zone, s->windows, s->window_count, from_wall,
	    to_wall, ret, ret_count) == 0 ? 0 : -1;
}

static int
api_plan(void *arg, const char *file, const struct api_files *posted,
    struct sbuf *diag, struct sbuf *missing, struct campaign_spec **ret_spec,
    struct plan **ret)
{
	struct app *a = arg;
	struct campaign_spec *spec = NULL;
	struct errtext err = {0};
	int r = files_check(a->conf, file, posted, diag, missing, &spec);

	if (r == 0 && (core_campaign_allowed(a->core, spec, &err) < 0 ||
		core_plan(a->core, spec, app_now(a), plan_hours, NULL, false,
		    ret, &err) < 0)) {
		sbuf_addf(diag, "%s: %s\n", file, err.text);
		r = -1;
	}
	if (r == 0)
		check_over(a, file, spec, diag);
	else
		spec_free(spec);
	*ret_spec = r == 0 ? spec : NULL;
	return r;
}

#define HOUR_MS INT64_C(3600000)

/* The fleet and the pace of now, at its own speed. */
static struct trial_config
trial_config_of(const struct app *a, uint64_t seed)
{
	struct trial_config cfg = {
	    .core = app_core_config_of(a),
	    .seed = seed,
	    /* Full hours: who asks twice gets the same answer. */
	    .begin_wall = (app_now(a).wall_ms / HOUR_MS + 1) * HOUR_MS,
	    .rates = trial_rates,
	    .hours = plan_hours,
	};

	cfg.core.time_scale = 1;
	cfg.core.registered_max = 0;
	/* Who really downloads has nothing to do with it. */
	cfg.core.file_server = false;
	return cfg;
}

static int
trial_begin(struct app *a, struct campaign_spec *spec,
    const struct api_trial_order *o, api_trial_fn *fn, void *fn_arg,
    struct errtext *err)
{
	struct trial_config cfg = trial_config_of(a, o->seed);
	struct plan_device *v = NULL;
	struct plan *plan = NULL;
	size_t n = o->devices;
	int r;

	if (n > 0) {
		r = trial_made_up(spec, n, &v);
	} else {
		if (core_plan(a->core, spec, app_now(a), plan_hours, NULL,
			true, &plan, err) < 0) {
			spec_free(spec);
			return -1;
		}
		v = plan->device;
		n = plan->total;
		plan->device = NULL;
		plan_free(plan);
		r = trial_known(spec, v, n);
	}
	if (r < 0 || n == 0 || n > TRIAL_DEVICES_MAX) {
		spec_free(spec);
		free(v);
		return errtext_set(err, -1, r < 0 ? "out of memory"
		    : n == 0 ? "no target is known; try --devices N"
		    : "more than %d targets; try --devices N",
		    TRIAL_DEVICES_MAX);
	}
	return trialjob_start(a->trial, &cfg, spec, v, n, fn, fn_arg, err);
}

static int
api_simulate(void *arg, const char *file, const struct api_files *posted,
    const struct api_trial_order *o, struct sbuf *diag, struct sbuf *missing,
    api_trial_fn *fn, void *fn_arg, struct errtext *err)
{
	struct app *a = arg;
	struct campaign_spec *spec = NULL;
	int r;

	if (trialjob_busy(a->trial))
		return errtext_set(err, -3,
		    "another simulation is under way; ask again later");
	if ((r = files_check(a->conf, file, posted, diag, missing, &spec)) < 0)
		return r;
	r = trial_begin(a, spec, o, fn, fn_arg, err);
	if (r < 0)
		sbuf_addf(diag, "%s: %s\n", file, err->text);
	return r;
}

static void
api_simulate_forget(void *arg, void *fn_arg)
{
	struct app *a = arg;

	trialjob_forget(a->trial, fn_arg);
}

static bool
api_firmware(void *arg, api_firmware_fn *fn, void *fn_arg)
{
	struct app *a = arg;

	return firmlist_ask(a->firmlist, a->conf->files_root, fn, fn_arg);
}

static void
api_firmware_forget(void *arg, void *fn_arg)
{
	firmlist_forget(((struct app *)arg)->firmlist, fn_arg);
}

struct api_ops
app_api_ops(struct app *a)
{
	return (struct api_ops){
	    .arg = a,
	    .core = api_core,
	    .now = api_now,
	    .status = api_fill_status,
	    .operate = api_operate,
	    .timeline = api_timeline,
	    .timeline_forget = api_timeline_forget,
	    .feed = api_feed,
	    .feed_forget = api_feed_forget,
	    .check = api_check,
	    .plan = api_plan,
	    .simulate = api_simulate,
	    .simulate_forget = api_simulate_forget,
	    .reload = reload_api,
	    .reload_forget = reload_api_forget,
	    .backup = backups_api,
	    .backup_forget = backups_api_forget,
	    .firmware = api_firmware,
	    .firmware_forget = api_firmware_forget,
	    .note = app_note,
	};
}

/* Reads that were under way when the daemon ended. */
void
app_timelines_free(struct app *a)
{
	struct list *n, *tmp;

	LIST_EACH_SAFE(n, tmp, &a->timelines)
		free(CONTAINER_OF(n, struct timeline_call, node));
}
