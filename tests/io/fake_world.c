#include "config.h"
#include "fake_world.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS 450
#define EVENTS_AT_A_TIME 200

/* --- status and changes ----------------------------------------------------*/

static const struct core *
get_core(void *arg)
{
	return &((struct fake_world *)arg)->core;
}

static struct core_now
get_now(void *arg)
{
	(void)arg;
	return (struct core_now){.at_ms = 1000, .wall_ms = FAKE_WALL_MS};
}

static void
get_status(void *arg, struct api_status *ret)
{
	struct fake_world *w = arg;

	*ret = (struct api_status){
		.version = "0.1-test", .uptime_ms = 61500,
		.store_state = w->store_state, .wal_bytes = 4096,
		.limit_in_flight = 100, .halt_kept = w->halt_kept,
	};
	ret->trackers.connections = 6;
	ret->trackers.max_connections = 1000;
	if (strcmp(w->store_state, "ok") != 0)
		ret->reasons[0] = "store: disk full";
}

static void
copy(char *dst, size_t size, const char *src)
{
	(void)snprintf(dst, size, "%s", src == NULL ? "(null)" : src);
}

static void
set_result(struct oper_result *r, enum oper_status status, const char *code,
    const char *message)
{
	r->status = status;
	copy(r->code, sizeof r->code, code);
	copy(r->message, sizeof r->message, message);
}

static void
operate_wave(struct core *c, const struct oper *op, struct oper_result *ret)
{
	if (strcmp(op->wave, "canary") != 0)
		set_result(ret, OPER_NOT_FOUND, "not_found", "no such wave");
	else if (c->approved && !op->force)
		set_result(ret, OPER_REFUSED, "wrong_state",
		    "wave canary has passed already");
	else
		c->approved = true;
}

static void
operate_campaign(struct view_campaign *v, const struct oper *op,
    struct oper_result *ret)
{
	if (op->kind == OPER_CAMPAIGN_START) {
		if (v->state != CAMPAIGN_DRAFT)
			set_result(ret, OPER_REFUSED, "wrong_state",
			    "it is not a draft");
		else if (op->digest != NULL &&
		    strcmp(op->digest, v->digest) != 0)
			set_result(ret, OPER_REFUSED, "digest",
			    "the file has another digest");
		else
			v->state = CAMPAIGN_RUNNING;
	} else if (op->kind == OPER_CAMPAIGN_PAUSE) {
		v->state = CAMPAIGN_PAUSED;
		v->reason = PAUSE_OPERATOR;
	} else if (op->kind == OPER_CAMPAIGN_RESUME) {
		if (v->state != CAMPAIGN_PAUSED) {
			set_result(ret, OPER_REFUSED, "wrong_state",
			    "it is not paused");
			return;
		}
		v->state = CAMPAIGN_RUNNING;
		v->reason = PAUSE_NONE;
	} else {
		ret->in_flight = 55;
		ret->stoppable = 40;
		ret->flashing = 15;
		if (!op->dry_run)
			v->state = CAMPAIGN_ABORTING;
	}
}

static void
on_timer(void *arg)
{
	fake_world_durable(arg);
}

static void
operate(void *arg, const struct oper *op, struct oper_result *ret,
    uint64_t *ret_ticket)
{
	struct fake_world *w = arg;

	w->operated++;
	w->last = *op;
	copy(w->last_campaign, sizeof w->last_campaign, op->campaign);
	copy(w->last_device, sizeof w->last_device, op->device);
	copy(w->last_who, sizeof w->last_who, op->who);
	copy(w->last_reason, sizeof w->last_reason, op->reason);
	copy(w->last_digest, sizeof w->last_digest, op->digest);
	copy(w->last_wave, sizeof w->last_wave, op->wave);
	if (op->wave != NULL)
		operate_wave(&w->core, op, ret);
	else if (op->campaign != NULL)
		operate_campaign(fake_core_find(&w->core, op->campaign), op,
		    ret);
	else if (op->kind == OPER_HALT || op->kind == OPER_RESUME_ALL)
		w->core.halted = op->kind == OPER_HALT;
	if (op->kind == OPER_HALT || op->kind == OPER_DRAIN) {
		ret->in_flight = 55;
		ret->stoppable = 40;
		ret->flashing = 15;
	}
	if (ret->status != OPER_OK || op->dry_run)
		return;
	*ret_ticket = ++w->ticket;
	if (!w->hold_durable)
		loop_timer_set(w->timer, 0);
}

void
fake_world_durable(struct fake_world *w)
{
	api_durable(w->api, w->ticket);
}

/* --- history ---------------------------------------------------------------*/

static bool
timeline(void *arg, uint64_t device, int64_t after, size_t limit,
    api_event_fn *fn, void *fn_arg)
{
	struct fake_world *w = arg;

	(void)device;
	w->timeline_asked++;
	if (w->refuse_timeline)
		return false;
	w->event_fn = fn;
	w->event_arg = fn_arg;
	w->event_after = after;
	w->event_max = limit < EVENTS_AT_A_TIME ? limit : EVENTS_AT_A_TIME;
	if (!w->hold_timeline)
		fake_world_events(w, 0);
	return true;
}

void
fake_world_events(struct fake_world *w, int status)
{
	static struct event_rec ev[EVENTS_AT_A_TIME];
	static const char *campaigns[EVENTS_AT_A_TIME];
	static int64_t ids[EVENTS_AT_A_TIME];
	api_event_fn *fn = w->event_fn;
	size_t n = 0;
	int64_t id;

	w->event_fn = NULL;
	if (fn == NULL)
		return;
	for (id = w->event_after + 1; id <= EVENTS && n < w->event_max;
	    id++, n++) {
		ids[n] = id;
		campaigns[n] = id == 1 ? NULL : "fleet";
		ev[n] = (struct event_rec){
			.wall = FAKE_WALL_MS + id, .device = 1,
			.kind = id == 1 ? EVENT_SESSION : EVENT_REPORT,
			.phase = id == 1 ? PHASE_NONE : id == 3 ? PHASE_ENDED
			    : PHASE_DOWNLOADING,
			.attempt = id == 1 ? 0 : 9,
			.code = id == 1 ? -1 : 200, .serial = id == 1 ? -1 : 10,
		};
		(void)snprintf(ev[n].text, sizeof ev[n].text,
		    "event %" PRId64 "\x01", id);
	}
	fn(w->event_arg, status, ev, ids, campaigns, n, id <= EVENTS);
}

/* Audit n happened right after event n. */
void
fake_world_feed(struct fake_world *w)
{
	static struct feed_row rows[FEED_ROWS_MAX];
	const struct feed_query *q = &w->feed_query;
	struct feed_page p = {.status = w->feed_broken ? -1 : 0, .row = rows,
	    .event = q->event, .audit = q->audit};
	feed_fn *fn = w->feed_fn;
	size_t limit = q->limit == 0 ? FEED_ROWS_MAX : q->limit;

	w->feed_fn = NULL;
	if (fn == NULL)
		return;
	if (q->kind == FEED_END) {
		p.event = w->feed_events;
		p.audit = w->feed_audits;
	} else if (q->kind == FEED_SINCE) {
		p.event = q->since_wall - FAKE_WALL_MS;
		p.audit = p.event < w->feed_audits ? p.event : w->feed_audits;
	} else if (q->kind == FEED_AUDIT) {
		p.event = 0;
		p.audit = q->audit == 0 ? w->feed_audits + 1 : q->audit;
	}
	while (p.count < limit && q->kind != FEED_END) {
		struct feed_row *r = &rows[p.count];

		*r = (struct feed_row){.event = p.event};
		if (q->kind == FEED_AUDIT ? p.audit > 1 :
		    p.audit < w->feed_audits && p.audit < p.event) {
			p.audit += q->kind == FEED_AUDIT ? -1 : 1;
			r->is_audit = true;
			r->au = (struct audit_rec){.wall = FAKE_WALL_MS +
			    p.audit};
			copy(r->au.who, sizeof r->au.who, "uid:0");
			copy(r->au.action, sizeof r->au.action, "halt");
			(void)snprintf(r->au.reason, sizeof r->au.reason,
			    "<b>%" PRId64, p.audit);
		} else if (q->kind != FEED_AUDIT && p.event < w->feed_events) {
			r->event = ++p.event;
			r->ev = (struct event_rec){.wall = FAKE_WALL_MS +
			    p.event, .kind = EVENT_REPORT,
			    .phase = PHASE_DOWNLOADING, .attempt = 9,
			    .code = 200, .serial = 10};
			copy(r->campaign, sizeof r->campaign, "fleet");
			copy(r->device, sizeof r->device, "A000002B000001");
			(void)snprintf(r->ev.text, sizeof r->ev.text,
			    "event %" PRId64 "\n\ndata: x", p.event);
		} else {
			break;
		}
		r->audit = p.audit;
		p.count++;
	}
	p.more = q->kind == FEED_AUDIT ? p.audit > 1 :
	    p.event < w->feed_events || p.audit < w->feed_audits;
	fn(w->feed_arg, &p);
}

static bool
feed(void *arg, const struct feed_query *q, feed_fn *fn, void *fn_arg)
{
	struct fake_world *w = arg;

	w->feeds_asked++;
	if (w->refuse_timeline)
		return false;
	w->feed_query = *q;
	w->feed_fn = fn;
	w->feed_arg = fn_arg;
	if (!w->hold_feed)
		fake_world_feed(w);
	return true;
}

static void
feed_forget(void *arg, void *fn_arg)
{
	struct fake_world *w = arg;

	if (w->feed_arg == fn_arg) {
		w->feeds_forgotten += w->feed_fn != NULL;
		w->feed_fn = NULL;
	}
}

static void
timeline_forget(void *arg, void *fn_arg)
{
	struct fake_world *w = arg;

	w->timeline_forgotten++;
	if (w->event_arg == fn_arg)
		w->event_fn = NULL;
}

/* --- files -----------------------------------------------------------------*/

/* "good" passes; "bad" has errors; "list NAME" wants that file too. */
static int
check(void *arg, const char *file, const struct api_files *files,
    struct sbuf *diag, struct sbuf *missing)
{
	struct fake_world *w = arg;
	const char *text = NULL, *list;

	w->checked++;
	for (size_t i = 0; i < files->count; i++)
		if (strcmp(files->name[i], file) == 0)
			text = files->text[i];
	assert(text != NULL);
	if (strncmp(text, "bad", 3) == 0) {
		sbuf_addf(diag, "%s:1:1: bad: unknown key; did you mean "
		    "waves?\nbad: 1\n^", file);
		return -1;
	}
	if (strncmp(text, "list ", 5) == 0) {
		list = text + 5;
		for (size_t i = 0; i < files->count; i++)
			if (strcmp(files->name[i], list) == 0) {
				sbuf_addf(diag, "%s: %zu bytes", list,
				    files->len[i]);
				return 0;
			}
		sbuf_adds(missing, list);
		return -2;
	}
	sbuf_addf(diag, "warning: %s:1:1: require: not given", file);
	return 0;
}

/* The same, and of what is good a plan for nobody. */
static int
plan(void *arg, const char *file, const struct api_files *files,
    struct sbuf *diag, struct sbuf *missing, struct campaign_spec **ret_spec,
    struct plan **ret)
{
	int r = check(arg, file, files, diag, missing);

	*ret_spec = r == 0 ? spec_new() : NULL;
	*ret = r == 0 ? calloc(1, sizeof(**ret)) : NULL;
	assert(r != 0 || (*ret_spec != NULL && *ret != NULL));
	return r;
}

/* What is good finds that somebody else was first. */
static int
simulate(void *arg, const char *file, const struct api_files *files,
    const struct api_trial_order *o, struct sbuf *diag, struct sbuf *missing,
    api_trial_fn *fn, void *fn_arg, struct errtext *err)
{
	int r = check(arg, file, files, diag, missing);

	(void)o;
	(void)fn;
	(void)fn_arg;
	return r == 0 ? errtext_set(err, -3, "another one") : r;
}

void
fake_world_backup(struct fake_world *w, const struct api_backup_result *r)
{
	api_backup_fn *fn = w->backup_fn;

	w->backup_fn = NULL;
	if (fn != NULL)
		fn(w->backup_arg, r);
}

/* "/taken" is refused without force. */
static bool
backup(void *arg, const struct api_backup_order *o, api_backup_fn *fn,
    void *fn_arg, struct api_backup_result *ret)
{
	struct fake_world *w = arg;
	const struct api_backup_result done = {.http = 200, .path = o->path,
	    .bytes = 8192, .took_ms = 3};

	w->backups++;
	w->last_force = o->force;
	(void)snprintf(w->last_who, sizeof(w->last_who), "%s", o->who);
	if (strcmp(o->path, "/taken") == 0 && !o->force) {
		*ret = (struct api_backup_result){.http = 409,
		    .code = "exists", .text = "/taken: exists"};
		return false;
	}
	w->backup_fn = fn;
	w->backup_arg = fn_arg;
	if (!w->hold_backup)
		fake_world_backup(w, &done);
	return true;
}

static void
backup_forget(void *arg, void *fn_arg)
{
	struct fake_world *w = arg;

	if (w->backup_arg == fn_arg) {
		w->backup_fn = NULL;
		w->backups_forgotten++;
	}
}

/* Two files; none when the directory is gone. */
static bool
firmware(void *arg, api_firmware_fn *fn, void *fn_arg)
{
	static const struct api_firmware two[] = {
	    {.path = "broken.enc", .bytes = 7, .sha256 = "",
		.mtime_wall = 1767225600000},
	    {.path = "sub/a.enc", .bytes = 4096, .sha256 = "00ff"}};
	struct fake_world *w = arg;

	if (w->firmware_refused)
		return false;
	w->firmware_fn = fn;
	w->firmware_arg = fn_arg;
	if (!w->hold_firmware)
		fn(fn_arg, w->firmware_error, two,
		    w->firmware_error == 0 ? 2 : 0);
	return true;
}

static void
firmware_forget(void *arg, void *fn_arg)
{
	struct fake_world *w = arg;

	if (w->firmware_arg == fn_arg)
		w->firmware_forgotten++;
}

static bool
reload(void *arg, bool force, const char *who, const char *reason,
    api_reload_fn *fn, void *fn_arg)
{
	struct fake_world *w = arg;

	if (strcmp(reason, "busy") == 0)
		return false;
	w->reloaded++;
	w->last_force = force;
	copy(w->last_who, sizeof w->last_who, who);
	copy(w->last_reason, sizeof w->last_reason, reason);
	if (strcmp(reason, "break it") == 0)
		fn(fn_arg, -1, "trackupd.yaml:3:1: trakers: unknown key");
	else
		fn(fn_arg, 0, "");
	return true;
}

static void
reload_forget(void *arg, void *fn_arg)
{
	(void)arg;
	(void)fn_arg;
}

static void
note(void *arg, enum note_level level, const char *line)
{
	struct fake_world *w = arg;

	(void)level;
	copy(w->note, sizeof w->note, line);
}

void
fake_world_init(struct fake_world *w, struct loop *l)
{
	memset(w, 0, sizeof *w);
	w->loop = l;
	w->store_state = "ok";
	w->timer = loop_timer_new(l, on_timer, w);
	assert(w->timer != NULL);
	fake_core_fill(&w->core);
}

void
fake_world_done(struct fake_world *w)
{
	loop_timer_free(w->timer);
}

struct api_ops
fake_world_ops(struct fake_world *w)
{
	return (struct api_ops){
		.arg = w, .core = get_core, .now = get_now,
		.status = get_status, .operate = operate,
		.timeline = timeline, .timeline_forget = timeline_forget,
		.feed = feed, .feed_forget = feed_forget,
		.check = check, .plan = plan, .simulate = simulate,
		.reload = reload,
		.reload_forget = reload_forget, .note = note,
		.backup = backup, .backup_forget = backup_forget,
		.firmware = firmware, .firmware_forget = firmware_forget,
	};
}
