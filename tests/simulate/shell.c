#include "config.h"
#include "tests/simulate/world_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/view.h"

#define VIEW_EVERY 8

/*
 * The daemon around the core: its start and its death, its effects, its store's
 * queue, and what must hold of everything that leaves it.
 */

/* What an operator is told: every target is in one of the states, and whoever
 * waits waits for something that has a name. */
static void
check_view(struct world *w, const char *name)
{
	const struct campaign *p = campaign_find(w->core, name);
	size_t holds[HOLD_COUNT_] = {0}, sum = 0;
	struct view_campaign v;
	int64_t until;

	if (!core_view_campaign(w->core, world_now(w), name, &v))
		return;
	for (size_t i = 0; i < p->target_count; i++) {
		enum hold h;

		if (p->target[i]->rec.state != TARGET_WAITING)
			continue;
		h = target_hold(w->core, p->target[i], &until);
		holds[h == HOLD_NONE ? HOLD_RATE : h]++;
	}
	if (memcmp(holds, v.holds, sizeof(holds)) != 0)
		world_violated(w, "%s: holds are not those of its targets",
		    name);
	for (int i = 0; i < TARGET_STATE_COUNT_; i++)
		sum += v.targets[i];
	if (sum != v.total || v.total != p->target_count)
		world_violated(w, "%s: %zu targets in all states, of %zu",
		    name, sum, v.total);
}

void
shell_feed(struct world *w, const struct ev *ev)
{
	core_handle(w->core, ev, world_now(w), &w->fx);
	shell_effects(w);
	if (core_check(w->core, w->err) < 0)
		w->broken = true;
	if (w->r->events % VIEW_EVERY != 0 || !w->up)
		return;
	check_view(w, "sim");
	check_view(w, RIVAL_NAME);
}

/* The target of the first campaign, if it is of it. */
static const struct target *
target_of(const struct device *d, int64_t campaign)
{
	const struct target *t = d == NULL ? NULL : d->targets;

	while (t != NULL && (t->campaign->rec.id != campaign ||
		strcmp(t->campaign->rec.name, RIVAL_NAME) == 0))
		t = t->next_of_device;
	return t;
}

/* S8: each start lies in a window, and early enough; none soon after the clock
 * jumped, where that matters. */
static void
check_hours(struct world *w, const struct target *t)
{
	const char *why;

	why = hours_forbid(&w->hours, world_now(w).wall_ms,
	    spec_worst_case_ms(t->campaign->spec));
	if (why != NULL)
		world_violated(w, "S8: a start %s", why);
	if (w->jumped_at != 0 && w->now < w->jumped_at + 2 * MINUTE &&
	    (w->hours.windows || w->hours.start_wall != 0 ||
		w->hours.end_wall != 0))
		world_violated(w, "S8: a start while the clock settles");
}

/* S2, S16: a start leaves only with its intent on disk, on the newest line. */
static void
check_send(struct world *w, const struct fx_item *it)
{
	const struct device *d = device_find(w->core, it->conn->key);
	const struct target *of = NULL;
	const char *why;
	unsigned serial;
	bool known = false;

	if (d == NULL || d->conn != it->conn)
		world_violated(w, "S16: a command on an old connection");
	if (it->len < 20 ||
	    memmem(it->bytes, it->len, ",0,1,15,0,", 10) == NULL ||
	    sscanf(it->bytes + it->len - 5, "%4x$", &serial) != 1)
		return;
	w->r->starts++;
	for (size_t i = 0; d != NULL && i < w->d.attempts; i++)
		if (w->d.attempt[i].device == d->key &&
		    w->d.attempt[i].serial == serial &&
		    w->d.attempt[i].phase == PHASE_INTENT) {
			known = true;
			of = target_of(d, w->d.attempt[i].campaign);
		}
	/* S14: no serial of a start comes back. */
	if (d != NULL) {
		for (int i = 0; i < w->devices; i++) {
			struct tracker *t = &w->t[i];

			if (w->core_key[i] != d->key)
				continue;
			if (t->seen[serial])
				world_violated(w, "S14: serial %04X again",
				    serial);
			t->seen[serial] = true;
		}
	}
	for (int i = 0; d != NULL && i < w->d.excludeds; i++)
		if (w->d.excluded[i].active &&
		    w->d.excluded[i].device == d->key)
			world_violated(w, "a start to %s, which is excluded",
			    w->d.excluded[i].id);
	if (of != NULL) {
		check_hours(w, of);
		why = rollout_forbid(&w->rollout,
		    &w->d.target[of->rec.ordinal]);
		if (why != NULL)
			world_violated(w, "a start %s", why);
	}
	if (!known)
		world_violated(w, "S2: a start without its intent, serial %04X",
		    serial);
}

static void
tell_hours(struct world *w, const struct fx_item *it)
{
	struct windows_answer a = {.campaign = it->campaign,
	    .zone = it->bytes, .known = true, .from_wall = it->from_wall,
	    .to_wall = it->to_wall};
	struct wall_span *v;

	if (!w->hours.windows) {
		world_violated(w, "hours are asked for, and there are none");
		return;
	}
	v = hours_tell(&w->hours, a.from_wall, a.to_wall, &a.count);
	a.span = v;
	shell_feed(w, &(struct ev){.kind = EV_WINDOWS, .windows = &a});
	free(v);
}

/* One command leaves. */
static void
leaves(struct world *w, struct fx_item *it)
{
	struct line *l = (struct line *)it->conn;
	struct ev ev = {.kind = EV_SENT, .conn = it->conn,
	    .send_id = it->send_id};

	check_send(w, it);
	it->bytes[it->len] = '\0';
	world_trace(w, "command", NULL, it->bytes);
	ev.ok = l->open_server;
	if (ev.ok)
		line_to_device(w, l, it->bytes, it->len);
	/* The daemon may die between the write and its outcome. */
	if (world_hits(w, w->f.crash)) {
		(void)world_plan(w, 0, H_CRASH_UP, -1, NULL);
		w->up = false;
		return;
	}
	shell_feed(w, &ev);
}

/* What the core has just decided to start. */
static void
check_intents(struct world *w)
{
	struct op op;
	size_t pos = 0;

	while (opbuf_next(&w->fx.ops, &pos, &op)) {
		const struct attempt_rec *a = op.attempt;
		const char *why;

		if (op.kind != OP_ATTEMPT || a->phase != PHASE_INTENT ||
		    a->id <= w->intent_last)
			continue;
		w->intent_last = a->id;
		if ((why = rival_forbid(w->core, a)) != NULL)
			world_violated(w, "an intent %s", why);
	}
}

void
shell_effects(struct world *w)
{
	size_t n = w->fx.count;
	struct fx_item *items;

	check_intents(w);
	if (w->fx.ops.count > 0) {
		struct batch *b = calloc(1, sizeof(*b));

		assert(b != NULL);
		b->ticket = w->fx.ticket;
		b->at = w->now;
		opbuf_move(&b->ops, &w->fx.ops);
		*w->batches_end = b;
		w->batches_end = &b->next;
		(void)world_plan(w, world_between(w, 1, 60), H_DURABLE, -1,
		    NULL);
	}
	if (n == 0) {
		fx_clear(&w->fx);
		return;
	}
	items = malloc(n * sizeof(*items));
	assert(items != NULL);
	memcpy(items, w->fx.item, n * sizeof(*items));
	fx_clear(&w->fx);
	for (size_t i = 0; i < n && w->up; i++) {
		if (items[i].kind == FX_NOTE && w->verbose)
			(void)printf("%10lld core     %s\n",
			    (long long)w->now, items[i].bytes);
		if (items[i].kind == FX_WINDOWS)
			tell_hours(w, &items[i]);
		if (items[i].kind == FX_SEND)
			leaves(w, &items[i]);
	}
	free(items);
}

struct campaign_spec *
shell_file(struct world *w)
{
	struct campaign_spec *spec = spec_new();

	assert(spec != NULL);
	(void)snprintf(spec->name, sizeof(spec->name), "sim");
	(void)snprintf(spec->digest, sizeof(spec->digest), "d%lld-%d",
	    (long long)w->rate.per_hour, w->rival.dark_max);
	(void)snprintf(spec->targets_digest, sizeof(spec->targets_digest),
	    "t1");
	ways_into(&w->ways, spec);
	spec->approval_required = false;
	hours_into(&w->hours, spec);
	rollout_into(&w->rollout, spec);
	spec->pace.in_flight = MAX_OF(w->devices / 2, 1);
	spec->pace.start_per_hour = w->rate.per_hour;
	spec->pace.dark_max = w->rival.dark_max;
	spec->retry.battery_wait_ms = 2 * HOUR;
	spec->devices = calloc((size_t)w->devices, sizeof(*spec->devices));
	assert(spec->devices != NULL);
	for (int i = 0; i < w->devices; i++)
		spec->devices[i] = w->ids[i];
	spec->device_count = (size_t)w->devices;
	return spec;
}

static struct campaign_spec *
rival_file_of(struct world *w)
{
	struct campaign_spec *spec = rival_file(&w->rival, w->ids);

	ways_into(&w->ways, spec);
	return spec;
}

bool
shell_may_change(const struct world *w, const char *name)
{
	const struct campaign *p = campaign_find(w->core, name);

	return p != NULL && p->rec.state != CAMPAIGN_FINISHED &&
	    p->rec.state != CAMPAIGN_ABORTING &&
	    p->rec.state != CAMPAIGN_ABORTED;
}

void
shell_reload_file(struct world *w, struct campaign_spec *spec)
{
	struct errtext err = {0};

	world_trace(w, "reload", NULL, spec->name);
	if (core_campaign_file(w->core, spec, false, world_now(w), &w->fx,
		&err) == FILE_REFUSED)
		world_violated(w, "the file is refused: %s", err.text);
	shell_effects(w);
}

void
shell_reload(struct world *w)
{
	if (w->rival.drawn && shell_may_change(w, RIVAL_NAME) &&
	    prng_below(&w->rate.chance, 2) == 0) {
		rival_reprioritise(&w->rival);
		shell_reload_file(w, rival_file_of(w));
	} else if (shell_may_change(w, "sim")) {
		rate_draw(&w->rate, w->now);
		shell_reload_file(w, shell_file(w));
	}
}

void
shell_boot(struct world *w)
{
	struct durable *d = &w->d;
	struct campaign_spec *spec = shell_file(w);
	struct errtext err = {0};
	bool fresh = !d->has_campaign;

	w->core = core_new(&w->cfg, ++w->boots);
	w->alive_base = d->stamp.alive_ms;
	w->up_since = w->now;
	core_load_flags(w->core, &d->flags, &d->stamp);
	for (int i = 0; i < d->devices; i++)
		if (core_load_device(w->core, &d->device[i]) < 0)
			world_violated(w, "load device");
	if (!fresh) {
		struct campaign_spec *stored = shell_file(w);

		stored->device_count = 0; /* lists are not stored */
		if (core_load_campaign(w->core, &d->campaign, stored) < 0)
			world_violated(w, "load campaign");
	}
	if (w->rival.known) {
		struct campaign_spec *stored = rival_file_of(w);

		stored->device_count = 0;
		if (core_load_campaign(w->core, &w->rival.rec, stored) < 0)
			world_violated(w, "load the other campaign");
	}
	for (int i = 0; i < w->rollout.waves; i++)
		if (!fresh && w->rollout.wave[i].name[0] != '\0' &&
		    core_load_wave(w->core, &w->rollout.wave[i]) < 0)
			world_violated(w, "load wave");
	for (int i = 0; i < d->targets; i++)
		if (core_load_target(w->core, &d->target[i]) < 0)
			world_violated(w, "load target");
	if (rival_load_targets(&w->rival, w->core) < 0)
		world_violated(w, "load targets of the other campaign");
	for (size_t i = 0; i < d->attempts; i++)
		if (core_load_attempt(w->core, &d->attempt[i]) < 0)
			world_violated(w, "load attempt");
	for (int i = 0; i < d->tuples; i++)
		if (core_load_tuple(w->core, &d->tuple[i]) < 0)
			world_violated(w, "load tuple");
	for (int i = 0; i < d->excludeds; i++)
		if (d->excluded[i].active &&
		    core_load_exclusion(w->core, &d->excluded[i]) < 0)
			world_violated(w, "load exclusion");
	w->up = true;
	if (core_load_done(w->core, world_now(w),
		d->stamp.boot_ms == 0 ? -1 : w->now - d->stamp.boot_ms, false,
		&w->fx) < 0)
		world_violated(w, "load done");
	shell_effects(w);
	(void)core_campaign_file(w->core, spec, true, world_now(w), &w->fx,
	    &err);
	shell_effects(w);
	if (!w->rival.drawn || !w->up)
		return;
	(void)core_campaign_file(w->core, rival_file_of(w), true, world_now(w),
	    &w->fx, &err);
	shell_effects(w);
}

void
shell_crash(struct world *w)
{
	struct batch *b;

	w->r->crashes++;
	/* Put right in the end: then a restart has nothing to notice. */
	if (w->wall_off - w->trusted_off >= -MINUTE &&
	    w->wall_off - w->trusted_off <= MINUTE)
		w->jumped_at = 0;
	world_trace(w, "crash", NULL, "");
	while ((b = w->batches) != NULL) {
		w->batches = b->next;
		opbuf_done(&b->ops);
		free(b);
	}
	w->batches_end = &w->batches;
	w->store_full = false;
	opbuf_done(&w->fx.ops);
	fx_clear(&w->fx);
	core_free(w->core);
	w->core = NULL;
	for (size_t i = 0; i < w->line_count; i++)
		if (w->lines[i]->open_server) {
			w->lines[i]->open_server = false;
			(void)world_plan(w, world_between(w, 1, 500),
			    H_CLOSE_SEEN, -1, w->lines[i]);
		}
}

void
shell_durable(struct world *w)
{
	struct batch *b = w->batches;
	uint64_t ticket;

	if (!w->up || b == NULL)
		return;
	if (w->store_full)
		return; /* shell_store_works() takes them up again */
	record_apply(w, &b->ops, b->at);
	ticket = b->ticket;
	w->batches = b->next;
	if (w->batches == NULL)
		w->batches_end = &w->batches;
	opbuf_done(&b->ops);
	free(b);
	/* Between the commit and the write. */
	if (world_hits(w, w->f.crash)) {
		w->up = false;
		(void)world_plan(w, 0, H_CRASH_UP, -1, NULL);
		return;
	}
	shell_feed(w, &(struct ev){.kind = EV_DURABLE, .ticket = ticket});
}

void
shell_store_works(struct world *w)
{
	struct batch *b;

	if (!w->store_full)
		return;
	w->store_full = false;
	for (b = w->batches; b != NULL; b = b->next)
		(void)world_plan(w, 1, H_DURABLE, -1, NULL);
	shell_feed(w, &(struct ev){.kind = EV_STORE, .ok = true});
}
