#include "config.h"
#include "core/core.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/plant.h"
#include "core/state.h"

/* --- the batch of one call -------------------------------------------------*/

int64_t
core_dur(const struct core *c, int64_t ms)
{
	int64_t v = (int64_t)((double)ms / c->cfg.time_scale);

	return ms > 0 && v < 1 ? 1 : v;
}

uint64_t
core_seq(struct core *c)
{
	return ++c->seq;
}

uint64_t
core_ticket(struct core *c)
{
	if (c->fx->ticket == 0)
		c->fx->ticket = ++c->ticket_last;
	return c->fx->ticket;
}

void
core_fail(struct core *c)
{
	c->failed = true;
}

void
core_op(struct core *c, enum op_kind kind, const void *rec)
{
	(void)core_ticket(c);
	opbuf_add(&c->late, kind, rec);
}

void
core_op_ended(struct core *c, const struct attempt_rec *rec)
{
	(void)core_ticket(c);
	opbuf_add(&c->ended, OP_ATTEMPT, rec);
}

struct fx_item *
core_item(struct core *c, enum fx_kind kind)
{
	struct fx *fx = c->fx;
	struct fx_item *it;

	if (fx->count == fx->cap) {
		size_t cap = fx->cap == 0 ? 8 : fx->cap * 2;

		it = realloc(fx->item, cap * sizeof(*it));
		if (it == NULL) {
			core_fail(c);
			return NULL;
		}
		fx->item = it;
		fx->cap = cap;
	}
	it = &fx->item[fx->count++];
	it->kind = kind;
	it->conn = NULL;
	it->conn_id = it->ticket = it->send_id = 0;
	it->campaign = it->from_wall = it->to_wall = 0;
	it->attempt = 0;
	it->device = 0;
	it->valid = false;
	it->len = 0;
	it->level = NOTE_INFO;
	return it;
}

void
core_note(struct core *c, enum note_level level, const char *fmt, ...)
{
	struct fx_item *it;
	va_list ap;
	int n;

	if (c->loading || (it = core_item(c, FX_NOTE)) == NULL)
		return;
	it->level = level;
	va_start(ap, fmt);
	n = vsnprintf(it->bytes, sizeof(it->bytes), fmt, ap);
	va_end(ap);
	it->len = n < 0 ? 0 : MIN_OF((size_t)n, sizeof(it->bytes) - 1);
}

void
core_event(struct core *c, const struct device *d, int64_t campaign,
    int64_t attempt, enum event_kind kind, enum phase phase, int code,
    int serial, const char *fmt, ...)
{
	struct event_rec r = {
	    .wall = c->now.wall_ms,
	    .device = d == NULL ? 0 : d->key,
	    .campaign = campaign,
	    .attempt = attempt,
	    .kind = kind,
	    .phase = phase,
	    .code = code,
	    .serial = serial,
	};
	va_list ap;

	if (campaign == 0 && d != NULL && d->more != NULL &&
	    d->more->attempt != NULL && d->more->attempt->rec.id == attempt)
		r.campaign = d->more->attempt->rec.campaign;
	va_start(ap, fmt);
	(void)vsnprintf(r.text, sizeof(r.text), fmt, ap);
	va_end(ap);
	core_op(c, OP_EVENT, &r);
}

void
core_audit(struct core *c, const char *who, const char *action,
    const char *object, const char *reason)
{
	struct audit_rec r = {.wall = c->now.wall_ms};

	(void)snprintf(r.who, sizeof(r.who), "%s", who);
	(void)snprintf(r.action, sizeof(r.action), "%s", action);
	(void)snprintf(r.object, sizeof(r.object), "%s", object);
	(void)snprintf(r.reason, sizeof(r.reason), "%s",
	    reason == NULL ? "" : reason);
	core_op(c, OP_AUDIT, &r);
}

void
timer_set(struct core *c, struct heap *h, struct heap_node *n, int64_t at)
{
	/* Never due at once: a timer that sets itself again from its own
	 * firing must let the clock move on. */
	if (at == INT64_MAX)
		heap_remove(h, n);
	else if (heap_set(h, n, MAX_OF(at, c->now.at_ms + 1)) < 0)
		core_fail(c);
}

static void
mark(struct core *c, struct list *all, struct list *node)
{
	(void)core_ticket(c);
	if (!list_in(node))
		list_push_back(all, node);
}

void
mark_device(struct core *c, struct device_more *m)
{
	mark(c, &c->dirty_devices, &m->dirty_node);
}

void
mark_target(struct core *c, struct target *t)
{
	/* Until a campaign begins, its targets are only in memory. */
	if (t->campaign->rec.started_wall != 0)
		mark(c, &c->dirty_targets, &t->dirty_node);
}

void
mark_attempt(struct core *c, struct attempt *a)
{
	mark(c, &c->dirty_attempts, &a->dirty_node);
}

void
mark_campaign(struct core *c, struct campaign *p)
{
	mark(c, &c->dirty_campaigns, &p->dirty_node);
}

static void
flush_devices(struct core *c)
{
	struct list *n, *tmp;

	LIST_EACH_SAFE(n, tmp, &c->dirty_devices) {
		struct device_more *m =
		    CONTAINER_OF(n, struct device_more, dirty_node);

		memcpy(m->rec.protover, m->device->protover,
		    sizeof(m->rec.protover));
		memcpy(m->rec.id, m->device->id, sizeof(m->rec.id));
		m->rec.rhythm = rhythm_pack(&m->device->rhythm);
		opbuf_add(&c->fx->ops, OP_DEVICE, &m->rec);
		list_remove(n);
	}
}

static void
flush_rows(struct core *c)
{
	struct opbuf *ops = &c->fx->ops;
	struct list *n, *tmp;

	flush_devices(c);
	LIST_EACH_SAFE(n, tmp, &c->dirty_campaigns) {
		struct campaign *p =
		    CONTAINER_OF(n, struct campaign, dirty_node);

		p->rec.bucket_milli = p->bucket.milli;
		p->rec.bucket_at = p->bucket.at;
		opbuf_add(ops, OP_CAMPAIGN, &p->rec);
		list_remove(n);
	}
	LIST_EACH_SAFE(n, tmp, &c->dirty_waves) {
		opbuf_add(ops, OP_WAVE,
		    &CONTAINER_OF(n, struct wave, dirty_node)->rec);
		list_remove(n);
	}
	LIST_EACH_SAFE(n, tmp, &c->dirty_targets) {
		opbuf_add(ops, OP_TARGET,
		    &CONTAINER_OF(n, struct target, dirty_node)->rec);
		list_remove(n);
	}
	opbuf_append(ops, &c->ended);
	LIST_EACH_SAFE(n, tmp, &c->dirty_attempts) {
		opbuf_add(ops, OP_ATTEMPT,
		    &CONTAINER_OF(n, struct attempt, dirty_node)->rec);
		list_remove(n);
	}
	opbuf_append(ops, &c->late);
}

static void
flush(struct core *c)
{
	struct stamp_rec stamp;

	/* Also where nothing was to be written: an effect may be lost. */
	if (c->failed)
		c->fx->ops.failed = true;
	if (c->fx->ticket == 0)
		return;
	flush_rows(c);
	if (c->flags_dirty) {
		c->flags.bucket_milli = c->bucket.milli;
		c->flags.bucket_at = c->bucket.at;
		opbuf_add(&c->fx->ops, OP_FLAGS, &c->flags);
		c->flags_dirty = false;
	}
	stamp = (struct stamp_rec){
	    .alive_ms = c->now.at_ms,
	    .wall = clock_recorded_wall(c),
	    .seq = c->seq,
	    .boot = c->cfg.boot,
	    .boot_ms = c->now.boot_ms,
	};
	opbuf_add(&c->fx->ops, OP_STAMP, &stamp);
	/* Not more often than once a second, whatever the scale: each is a
	 * commit. */
	c->stamp_at = c->now.at_ms +
	    MAX_OF(core_dur(c, STAMP_MS), INT64_C(1000));
}

void
core_enter(struct core *c, struct core_now now, struct fx *fx)
{
	assert(c->fx == NULL);
	if (now.at_ms > c->now.at_ms)
		c->now.at_ms = now.at_ms;
	c->now.wall_ms = now.wall_ms;
	c->now.boot_ms = now.boot_ms;
	c->fx = fx;
	c->looks_left = core_piece(c);
	if (!c->loading)
		clock_seen(c);
}

void
core_leave(struct core *c)
{
	/* A slot that came free may start the next, which may fail and free
	 * it: each turn starts or drops at least one target. */
	while (campaigns_judge(c) || c->pace_changed ||
	    !list_empty(&c->kicks)) {
		device_kicks(c);
		if (!c->pace_changed)
			continue;
		c->pace_changed = false;
		campaign_run_all(c);
	}
	if (planted("skip_intent_wait"))
		pending_durable(c);
	flush(c);
	c->fx = NULL;
}

/* --- time ------------------------------------------------------------------*/

#define DUE(heap_) ((n = heap_min(heap_)) != NULL && n->key <= c->now.at_ms)

static void
tick(struct core *c)
{
	struct heap_node *n;

	while (DUE(&c->read_timers)) {
		heap_remove(&c->read_timers, n);
		read_timer(c, CONTAINER_OF(n, struct device_more, read_timer));
	}
	while (DUE(&c->attempt_timers)) {
		heap_remove(&c->attempt_timers, n);
		attempt_timer(c, CONTAINER_OF(n, struct attempt, timer));
	}
	while (DUE(&c->foreign_timers)) {
		heap_remove(&c->foreign_timers, n);
		device_foreign_over(c,
		    CONTAINER_OF(n, struct device_more, foreign_timer));
	}
	while (DUE(&c->target_timers)) {
		heap_remove(&c->target_timers, n);
		target_timer(c, CONTAINER_OF(n, struct target, timer));
	}
	while (DUE(&c->exclusion_timers)) {
		heap_remove(&c->exclusion_timers, n);
		exclusion_due(c, CONTAINER_OF(n, struct exclusion, timer));
	}
	/* What one of them waited for may be there for another, whose turn comes
	 * before. */
	while (DUE(&c->campaign_timers)) {
		heap_remove(&c->campaign_timers, n);
		c->pace_changed = true;
	}
	while (DUE(&c->schedule_timers)) {
		heap_remove(&c->schedule_timers, n);
		schedule_timer(c,
		    CONTAINER_OF(n, struct campaign, schedule_timer));
	}
	while (DUE(&c->hours_timers)) {
		heap_remove(&c->hours_timers, n);
		windows_timer(c, CONTAINER_OF(n, struct hours, timer));
	}
	while (DUE(&c->wave_timers)) {
		heap_remove(&c->wave_timers, n);
		wave_timer(c, CONTAINER_OF(n, struct wave, timer));
	}
	/* One piece a turn, of whichever campaign. */
	if (DUE(&c->intake_timers)) {
		heap_remove(&c->intake_timers, n);
		intake_timer(c, CONTAINER_OF(n, struct campaign, intake.timer));
	}
	if (DUE(&c->sweep_timers)) {
		heap_remove(&c->sweep_timers, n);
		sweep_timer(c, CONTAINER_OF(n, struct campaign, sweep.timer));
	}
	read_tokens(c);
	if (c->now.at_ms >= c->stamp_at)
		(void)core_ticket(c); /* the flush writes the stamp */
}

int64_t
core_deadline(const struct core *c)
{
	const struct heap *const all[] = {&c->read_timers, &c->attempt_timers,
	    &c->target_timers, &c->campaign_timers, &c->foreign_timers,
	    &c->hours_timers, &c->schedule_timers, &c->wave_timers,
	    &c->exclusion_timers, &c->intake_timers, &c->sweep_timers};
	int64_t at = c->stamp_at;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		const struct heap_node *n = heap_min(all[i]);

		if (n != NULL)
			at = MIN_OF(at, n->key);
	}
	if (!list_empty(&c->read_wait))
		at = MIN_OF(at, bucket_next_at(&c->read_bucket, c->now.at_ms));
	return at;
}

/* A tracker that downloads says nothing that could remind of its stop. */
static void
stops_due(struct core *c, struct campaign *p)
{
	struct list *n, *tmp;

	LIST_EACH_SAFE(n, tmp, &p->under_way)
		attempt_stop_due(c,
		    CONTAINER_OF(n, struct attempt, of_campaign));
}

static void
store_changed(struct core *c, bool ok, bool low)
{
	if (c->store_ok == ok && c->store_low == low)
		return;
	c->store_ok = ok;
	c->store_low = low;
	core_note(c, ok && !low ? NOTE_INFO : NOTE_ERROR, "store state=%s",
	    !ok ? "degraded" : low ? "low" : "ok");
	if (!ok)
		return;
	for (size_t i = 0; i < c->campaign_count; i++) {
		struct campaign *p = c->campaign[i];

		stops_due(c, p);
		if (p->rec.state == CAMPAIGN_RUNNING)
			sweep(c, p, SWEEP_WAKE);
	}
}

static void
closed(struct core *c, struct core_conn *conn)
{
	struct device *d = conn->key == 0 ? NULL : device_find(c, conn->key);

	if (d == NULL)
		return;
	quarantine_closed(d, conn);
	/* A late close of an old connection must not clear the new one. */
	if (d->conn == conn)
		device_unbind(c, d);
}

/* The platform behind us commands an update itself: no start of ours before it
 * is over. */
static void
foreign_command(struct core *c, const struct core_conn *conn)
{
	struct device *d = conn->key == 0 ? NULL : device_find(c, conn->key);

	if (d == NULL || d->observed || device_more(c, d) == NULL)
		return;
	if (d->more->attempt != NULL && attempt_live(d->more->attempt) &&
	    d->more->attempt->rec.phase != PHASE_INTENT)
		attempt_step(c, d->more->attempt, AE_FOREIGN_ACK);
	else
		device_foreign_seen(c, d, "platform");
}

void
core_handle(struct core *c, const struct ev *ev, struct core_now now,
    struct fx *fx)
{
	core_enter(c, now, fx);
	switch (ev->kind) {
	case EV_TICK:
		tick(c);
		break;
	case EV_OPEN:
		ev->conn->key = 0;
		ev->conn->mixed = false;
		ev->conn->device = NULL;
		ev->conn->open_seq = core_seq(c);
		break;
	case EV_RESUME:
		ev->conn->key = 0;
		ev->conn->mixed = false;
		ev->conn->open_seq = core_seq(c);
		if (ev->devid != NULL)
			core_resume(c, ev->conn, ev->devid);
		break;
	case EV_FRAME:
		c->speaking = ev->conn;
		core_frame(c, ev->conn, ev->message);
		break;
	case EV_ENDED:
	case EV_CLOSE:
		if (ev->kind == EV_CLOSE || !planted("goodbye_ignored"))
			closed(c, ev->conn);
		break;
	case EV_DURABLE:
		c->ticket_durable = MAX_OF(c->ticket_durable, ev->ticket);
		pending_durable(c);
		intake_durable(c);
		sweeps_durable(c);
		break;
	case EV_SENT:
		pending_sent(c, ev->send_id, ev->ok, ev->conn);
		break;
	case EV_FOREIGN:
		foreign_command(c, ev->conn);
		break;
	case EV_BETWEEN:
		if (ev->conn->device != NULL &&
		    ev->conn->device->conn == ev->conn)
			device_kick(c, ev->conn->device);
		break;
	case EV_STORE:
		store_changed(c, ev->ok, ev->low);
		break;
	case EV_WINDOWS:
		windows_answered(c, ev->windows);
		break;
	case EV_DOWNLOAD:
		download_seen(c, ev->download);
		break;
	case EV_KIND_COUNT_:
		break;
	}
	core_leave(c);
	c->speaking = NULL;
}

void
core_shell_did(struct core *c, const char *who, const char *action,
    const char *object, const char *reason, struct core_now now,
    struct fx *fx)
{
	core_enter(c, now, fx);
	core_audit(c, who, action, object, reason);
	core_leave(c);
}

/* --- life ------------------------------------------------------------------*/

struct core *
core_new(const struct core_config *cfg, uint64_t seed)
{
	struct core *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	if ((c->order = calloc(1, sizeof(*c->order))) == NULL) {
		free(c);
		return NULL;
	}
	c->cfg = *cfg;
	c->store_ok = true;
	c->loading = true;
	prng_init(&c->prng, seed);
	idmap_init(&c->devices, prng_next(&c->prng));
	list_init(&c->observed);
	list_init(&c->pending);
	list_init(&c->read_wait);
	list_init(&c->dirty_devices);
	list_init(&c->dirty_targets);
	list_init(&c->dirty_attempts);
	list_init(&c->dirty_campaigns);
	list_init(&c->dirty_waves);
	list_init(&c->judge);
	heap_init(&c->attempt_timers);
	heap_init(&c->target_timers);
	heap_init(&c->read_timers);
	heap_init(&c->campaign_timers);
	heap_init(&c->foreign_timers);
	list_init(&c->kicks);
	heap_init(&c->hours_timers);
	heap_init(&c->schedule_timers);
	heap_init(&c->wave_timers);
	heap_init(&c->exclusion_timers);
	heap_init(&c->intake_timers);
	heap_init(&c->sweep_timers);
	list_init(&c->sweeps);
	idmap_init(&c->exclusions, prng_next(&c->prng));
	opbuf_init(&c->ended);
	opbuf_init(&c->late);
	return c;
}

void
core_free(struct core *c)
{
	struct device *d;
	struct list *n, *tmp;
	size_t pos = 0;

	if (c == NULL)
		return;
	free(c->order->key);
	free(c->order);
	for (size_t i = 0; i < c->campaign_count; i++)
		windows_drop(c, c->campaign[i]);
	/* These let go of their nodes, which lie in what is freed below. */
	heap_done(&c->attempt_timers);
	heap_done(&c->target_timers);
	heap_done(&c->read_timers);
	heap_done(&c->campaign_timers);
	heap_done(&c->foreign_timers);
	heap_done(&c->hours_timers);
	heap_done(&c->schedule_timers);
	heap_done(&c->wave_timers);
	heap_done(&c->intake_timers);
	heap_done(&c->sweep_timers);
	LIST_EACH_SAFE(n, tmp, &c->pending)
		free(CONTAINER_OF(n, struct pending, node));
	for (size_t i = 0; i < c->campaign_count; i++) {
		struct campaign *p = c->campaign[i];

		waves_free(c, p);
		for (size_t k = 0; k < p->target_count; k++)
			free(p->target[k]);
		free(p->target);
		free(p->by_key);
		paths_free(p->paths);
		free(p->pinned);
		opbuf_done(&p->intake.ops);
		wave_pick_free(p->intake.pick);
		candidates_done(&p->intake.candidates);
		candidates_done(&p->sweep.candidates);
		free(p->tally);
		spec_free(p->spec);
		free(p);
	}
	free(c->campaign);
	while ((d = idmap_next(&c->devices, &pos)) != NULL)
		device_free(d);
	idmap_done(&c->devices);
	exclusions_done(c);
	core_fleet_free(&c->fleet);
	opbuf_done(&c->ended);
	opbuf_done(&c->late);
	free(c);
}

void
core_configure(struct core *c, const struct core_config *cfg)
{
	c->cfg = *cfg;
	bucket_rate(&c->bucket, cfg->start_per_hour);
	bucket_rate(&c->read_bucket, cfg->read_per_hour);
	c->pace_changed = true;
}

bool
core_conn_device(const struct core *c, const struct core_conn *conn,
    struct devid *ret)
{
	const struct device *d = conn->key == 0 ? NULL :
	    device_find(c, conn->key);

	if (d == NULL || d->conn != conn)
		return false;
	ret->key = d->key;
	(void)snprintf(ret->text, sizeof(ret->text), "%s", d->id);
	return true;
}
