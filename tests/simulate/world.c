#include "config.h"
#include "tests/simulate/world_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/view.h"

#define TICKS_MAX 2000

void
world_violated(struct world *w, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (w->broken)
		return;
	w->broken = true;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)errtext_set(w->err, -1, "at %lld ms: %s", (long long)w->now,
	    text);
}

bool
world_hits(struct world *w, uint32_t ppm)
{
	return w->faults_on && prng_below(&w->chance, 1000000) < ppm;
}

int64_t
world_between(struct world *w, int64_t lo, int64_t hi)
{
	return lo + (int64_t)prng_below(&w->chance, (uint64_t)(hi - lo + 1));
}

void
world_trace(struct world *w, const char *what, const struct tracker *t,
    const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		w->r->hash = (w->r->hash ^ (unsigned char)*p) *
		    UINT64_C(0x100000001b3);
	w->r->hash = prng_mix(w->r->hash, (uint64_t)w->now);
	if (w->verbose)
		(void)printf("%10lld %-8s %s %s\n", (long long)w->now, what,
		    t == NULL ? "-" : t->id, text);
}

static bool
sooner(const struct happening *a, const struct happening *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

struct happening *
world_plan(struct world *w, int64_t after, enum happening_kind kind, int device,
    struct line *line)
{
	struct happening *h = calloc(1, sizeof(*h));
	size_t i;

	if (w->heap_len + 1 >= w->heap_cap) {
		w->heap_cap = w->heap_cap == 0 ? 256 : w->heap_cap * 2;
		w->heap = realloc(w->heap, w->heap_cap * sizeof(*w->heap));
	}
	assert(h != NULL && w->heap != NULL);
	h->at = w->now + after;
	h->seq = ++w->seq;
	h->kind = kind;
	h->device = device;
	h->line = line;
	h->gen = line == NULL ? 0 : line->gen;
	for (i = ++w->heap_len; i > 1 && sooner(h, w->heap[i / 2]); i /= 2)
		w->heap[i] = w->heap[i / 2];
	w->heap[i] = h;
	return h;
}

static struct happening *
next_happening(struct world *w)
{
	struct happening *top, *last;
	size_t i = 1, k;

	if (w->heap_len == 0)
		return NULL;
	top = w->heap[1];
	last = w->heap[w->heap_len--];
	while ((k = i * 2) <= w->heap_len) {
		if (k < w->heap_len && sooner(w->heap[k + 1], w->heap[k]))
			k++;
		if (!sooner(w->heap[k], last))
			break;
		w->heap[i] = w->heap[k];
		i = k;
	}
	w->heap[i] = last;
	return top;
}

struct core_now
world_now(const struct world *w)
{
	return (struct core_now){
	    .at_ms = w->alive_base + (w->now - w->up_since),
	    .wall_ms = INT64_C(1800000000000) + w->now + w->wall_off,
	    .boot_ms = w->now,
	};
}

/* --- the loop --------------------------------------------------------------*/

static void
approve(struct world *w, bool calm)
{
	struct oper op = {.campaign = "sim", .who = "sim", .reason = "sim"};
	struct oper_result r;
	size_t pos = 0;

	while (w->up && rollout_operator(&w->rollout, calm, &op, &pos)) {
		core_operate(w->core, &op, world_now(w), &w->fx, &r);
		shell_effects(w);
	}
}

/* Less than a minute is no jump to the daemon, and moves no window much. */
static void
clock_jumps(struct world *w)
{
	int64_t by = world_between(w, -HOUR, HOUR) *
	    (prng_below(&w->chance, 4) == 0 ? 10 : 1);
	bool jump = by < -MINUTE || by > MINUTE;

	if (jump && (w->jumped_at == 0 || w->now >= w->jumped_at + 2 * MINUTE))
		w->trusted_off = w->wall_off;
	w->wall_off += by;
	if (jump)
		w->jumped_at = w->now;
	shell_feed(w, &(struct ev){.kind = EV_TICK});
}

/* What came to the operator's hands later, by a drawing of its own, so that
 * the older worlds stay what they were. */
static void
more_acts(struct world *w)
{
	struct oper op = {.kind = OPER_DEVICE_EXCLUDE, .campaign = "sim",
	    .who = "sim", .reason = "sim"};
	struct view_campaign v;
	struct oper_result r;

	switch (prng_below(&w->rate.chance, 8)) {
	case 0:
	case 1:
		shell_reload(w);
		return;
	case 2:
		op.device = w->t[prng_below(&w->rate.chance,
		    (uint64_t)w->devices)].id;
		op.for_ms = MINUTE + (int64_t)prng_below(&w->rate.chance,
		    6 * HOUR);
		op.cancel = prng_below(&w->rate.chance, 4) == 0;
		world_trace(w, "exclude", NULL, op.device);
		core_operate(w->core, &op, world_now(w), &w->fx, &r);
		shell_effects(w);
		return;
	case 3:
		/* In few worlds, for not much happens afterwards; nor where it
		 * has not begun, and its targets are told nothing. */
		if (prng_below(&w->rate.chance, 40) != 0 ||
		    !core_view_campaign_brief(w->core, world_now(w), "sim",
			&v) || v.started_wall == 0)
			return;
		op.kind = OPER_CAMPAIGN_ABORT;
		world_trace(w, "abort", NULL, op.campaign);
		core_operate(w->core, &op, world_now(w), &w->fx, &r);
		shell_effects(w);
		return;
	default:
		return;
	}
}

static void
operator_acts(struct world *w)
{
	struct oper op = {.campaign = "sim", .who = "sim", .reason = "sim"};
	struct oper_result r;

	if (!w->faults_on)
		return; /* calm() does what is left to do */
	(void)world_plan(w, world_between(w, MINUTE, HOUR), H_OPERATOR, -1,
	    NULL);
	if (!w->up)
		return;
	more_acts(w);
	if (!w->up)
		return;
	switch (prng_below(&w->chance, 8)) {
	case 0:
		op.kind = OPER_CAMPAIGN_PAUSE;
		break;
	case 1:
		op.kind = OPER_HALT;
		break;
	case 2:
		if (!world_hits(w, w->f.operator_act))
			return;
		op.kind = OPER_DEVICE_CANCEL;
		op.device = w->t[prng_below(&w->chance,
		    (uint64_t)w->devices)].id;
		break;
	case 3:
		if (world_hits(w, w->f.store_full)) {
			w->store_full = true;
			shell_feed(w, &(struct ev){.kind = EV_STORE,
				    .ok = false});
		}
		return;
	case 4:
		clock_jumps(w);
		return;
	default:
		shell_store_works(w);
		op.kind = OPER_RESUME_ALL;
		core_operate(w->core, &op, world_now(w), &w->fx, &r);
		shell_effects(w);
		if (!w->up)
			return;
		approve(w, false);
		if (!w->up)
			return;
		op.kind = OPER_CAMPAIGN_RESUME;
		break;
	}
	core_operate(w->core, &op, world_now(w), &w->fx, &r);
	shell_effects(w);
}

/* A slow tracker reads its queue much later, but in order. */
static void
enqueue(struct world *w, struct tracker *t, const char *text)
{
	int64_t at = w->now +
	    (world_hits(w, w->f.slow_command)
		? world_between(w, MINUTE, 30 * MINUTE)
		: world_between(w, 10, 500));
	struct happening *x;

	t->queue_until = MAX_OF(t->queue_until + 1, at);
	x = world_plan(w, t->queue_until - w->now, H_EXECUTE, t->index, NULL);
	memcpy(x->text, text, sizeof(x->text));
}

static void
happens(struct world *w, struct happening *h)
{
	struct tracker *t = h->device < 0 ? NULL : &w->t[h->device];

	switch (h->kind) {
	case H_CONNECT:
		tracker_connects(w, t);
		break;
	case H_TO_DEVICE:
		if (h->line->open_device && h->gen == h->line->gen) {
			for (int i = 0; i < w->devices; i++)
				if (w->t[i].line == h->line)
					enqueue(w, &w->t[i], h->text);
		}
		break;
	case H_EXECUTE:
		tracker_executes(w, t, h->text);
		break;
	case H_TO_SERVER:
		line_gets(w, h);
		break;
	case H_CLOSE_SEEN:
		line_close_seen(w, h->line);
		break;
	case H_HANG_UP:
		line_drop(w, h->line, false);
		break;
	case H_DEVICE_STEP:
		if (h->gen == t->mode_gen)
			tracker_step(w, t);
		break;
	case H_HEARTBEAT:
		(void)world_plan(w, world_between(w, 4 * MINUTE, 6 * MINUTE),
		    H_HEARTBEAT, t->index, NULL);
		if (t->mode == MODE_IDLE) {
			if (prng_below(&w->chance, 3) == 0)
				tracker_says(w, t, SAID_NOW,
				    "+RESP:GTFRI,C20100,%s,sim,0,0", t->id);
			else
				tracker_says(w, t, SAID_NOW,
				    "+ACK:GTHBD,C20100,%s,sim", t->id);
			if (w->f.short_mode)
				line_drop(w, t->line, false);
		}
		break;
	case H_DURABLE:
		shell_durable(w);
		break;
	case H_CRASH_UP:
		if (w->core != NULL)
			shell_crash(w);
		if (h->text[0] == '\0') {
			world_plan(w, world_between(w, 100, 10 * MINUTE),
			    H_CRASH_UP, -1, NULL)->text[0] = 'u';
		} else if (w->core == NULL) {
			shell_boot(w);
		}
		break;
	case H_OPERATOR:
		operator_acts(w);
		break;
	}
}

static void
draw_faults(struct world *w)
{
	uint32_t *f[] = {&w->f.read_and_drop, &w->f.ack_lost,
	    &w->f.report_lost, &w->f.report_buffered, &w->f.refuse_101,
	    &w->f.refuse_103, &w->f.refuse_102, &w->f.fail_202, &w->f.fail_302,
	    &w->f.battery_303, &w->f.brick, &w->f.cut, &w->f.slow_command,
	    &w->f.late_copy};

	/* Swarm: each seed has a random half of the faults, at its own rate. */
	for (size_t i = 0; i < ARRAY_LEN(f); i++)
		if (prng_below(&w->chance, 2) == 0)
			*f[i] = (uint32_t)prng_below(&w->chance, 300000);
	w->f.brick /= 8;
	w->f.crash = prng_below(&w->chance, 2) == 0
	    ? (uint32_t)prng_below(&w->chance, 10000) : 0;
	w->f.operator_act = 300000;
	w->f.store_full = 200000;
	w->f.short_mode = prng_below(&w->chance, 4) == 0;
	w->f.owes = w->f.short_mode && prng_below(&w->chance, 2) == 0;
	w->f.udp = prng_below(&w->chance, 4) == 0;
}

static void
tick_due(struct world *w, int64_t until)
{
	for (int ticks = 0; w->up && !w->broken; ticks++) {
		int64_t due = core_deadline(w->core) - w->alive_base +
		    w->up_since;

		if (due > until)
			return;
		/* Heartbeats come every few minutes. */
		if (ticks > TICKS_MAX)
			world_violated(w, "it ticks for nothing");
		w->now = MAX_OF(w->now, due);
		w->r->events++;
		shell_feed(w, &(struct ev){.kind = EV_TICK});
	}
}

static const struct tracker *
tracker_of(const struct world *w, const struct target *t)
{
	int i = 0;

	while (w->core_key[i] != t->rec.device)
		i++;
	return &w->t[i];
}

/* It died of the other campaign, and waits for the end of the schedule. */
static bool
forlorn(const struct target *t, const struct tracker *tr)
{
	return tr->mode == MODE_DEAD && t->attempt == NULL &&
	    t->device->targets->next_of_device != NULL;
}

/* What is final must be true. */
static void
check_verdicts(struct world *w, const struct campaign *p)
{
	for (size_t i = 0; i < p->target_count; i++) {
		const struct target *t = p->target[i];
		int64_t until;
		const struct tracker *tr = tracker_of(w, t);
		bool fresh = strcmp(tr->version, TO_VERSION) == 0;
		bool final = t->attempt == NULL;

		w->r->verdict[t->rec.state]++;
		if (t->rec.state == TARGET_SUCCEEDED && !fresh)
			world_violated(w, "%s: succeeded, but not flashed",
			    tr->id);
		/* Over UDP a version may overtake its ACK time and again: then
		 * the mode is known to be over, and no evidence says more. And
		 * the other campaign may have done it. */
		if (final && fresh && !w->f.udp &&
		    t->device->targets->next_of_device == NULL &&
		    (t->rec.state == TARGET_FAILED ||
			t->rec.state == TARGET_CANCELLED))
			world_violated(w, "%s: %s %s, but flashed", tr->id,
			    target_state_name(t->rec.state),
			    cause_name(t->rec.cause));
		if (!target_state_terminal(t->rec.state) && !forlorn(t, tr))
			world_violated(w, "%s: never ends: %s (%s) phase %s "
			    "mode %d", tr->id, target_state_name(t->rec.state),
			    hold_name(target_hold(w->core, t, &until)),
			    t->attempt == NULL ? "-"
				: phase_name(t->attempt->rec.phase),
			    (int)tr->mode);
	}
}

/* Terminal, and not merely for lack of evidence while the device speaks. */
static bool
settled(const struct world *w, const char *name)
{
	const struct campaign *p = w->up ? campaign_find(w->core, name) : NULL;

	for (size_t i = 0; p != NULL && i < p->target_count; i++) {
		const struct target *t = p->target[i];

		const struct tracker *tr = tracker_of(w, t);

		if (forlorn(t, tr))
			continue;
		if (!target_state_terminal(t->rec.state) ||
		    (t->attempt != NULL && tr->mode != MODE_DEAD))
			return false;
	}
	return p != NULL;
}

static bool
all_settled(const struct world *w)
{
	return w->broken || (settled(w, "sim") &&
		(!w->rival.drawn || settled(w, RIVAL_NAME)));
}

static void
calm(struct world *w)
{
	struct oper op = {.campaign = "sim", .who = "sim", .reason = "sim"};
	struct oper_result r;

	w->faults_on = false;
	if (!w->up)
		return;
	shell_store_works(w);
	op.kind = OPER_RESUME_ALL;
	core_operate(w->core, &op, world_now(w), &w->fx, &r);
	shell_effects(w);
	approve(w, true);
	/* Who is lost stays in the dark: let the others on. */
	if (w->rival.dark_max < w->devices && shell_may_change(w, "sim")) {
		w->rival.dark_max = 20;
		shell_reload_file(w, shell_file(w));
	}
	op.kind = OPER_CAMPAIGN_RESUME;
	core_operate(w->core, &op, world_now(w), &w->fx, &r);
	shell_effects(w);
	op.campaign = RIVAL_NAME;
	core_operate(w->core, &op, world_now(w), &w->fx, &r);
	shell_effects(w);
}

static void
run_until(struct world *w, int64_t until)
{
	while (!w->broken && w->heap_len > 0 && w->now < until) {
		struct happening *h = next_happening(w);

		tick_due(w, h->at);
		w->now = MAX_OF(w->now, h->at);
		w->r->events++;
		if (!w->broken)
			happens(w, h);
		free(h);
		if (w->up && world_hits(w, w->f.crash / 20)) {
			w->up = false;
			(void)world_plan(w, 0, H_CRASH_UP, -1, NULL);
		}
	}
}

static void
trackers_begin(struct world *w)
{
	for (int i = 0; i < w->devices; i++) {
		struct tracker *t = &w->t[i];

		t->index = i;
		(void)snprintf(t->id, sizeof(t->id), "8600000000%04d", i + 1);
		if (devid_parse(span_str(t->id), &w->ids[i]) == 0)
			w->core_key[i] = w->ids[i].key;
		(void)snprintf(t->version, sizeof(t->version), "%s",
		    FROM_VERSION);
		t->count = (uint16_t)prng_next(&w->chance);
		(void)world_plan(w, world_between(w, 0, MINUTE), H_CONNECT, i,
		    NULL);
		(void)world_plan(w, world_between(w, 0, 5 * MINUTE),
		    H_HEARTBEAT, i, NULL);
	}
}

static void
world_free(struct world *w)
{
	struct happening *h;
	struct batch *b;

	while ((h = next_happening(w)) != NULL)
		free(h);
	while ((b = w->batches) != NULL) {
		w->batches = b->next;
		opbuf_done(&b->ops);
		free(b);
	}
	core_free(w->core);
	opbuf_done(&w->fx.ops);
	fx_done(&w->fx);
	for (size_t i = 0; i < w->line_count; i++)
		free(w->lines[i]);
	free(w->lines);
	free(w->heap);
	free(w->d.attempt);
	free(w);
}

int world_fault_hours = 36;

int
world_run(uint64_t seed, int devices, bool faults, bool verbose,
    struct world_result *ret, struct errtext *err)
{
	struct world *w = calloc(1, sizeof(*w));
	int r;

	assert(w != NULL && devices <= DEVICES_MAX);
	memset(ret, 0, sizeof(*ret));
	prng_init(&w->chance, seed);
	w->faults_on = faults;
	w->verbose = verbose;
	w->devices = devices;
	w->r = ret;
	w->err = err;
	w->batches_end = &w->batches;
	w->now = 1000;
	fx_init(&w->fx);
	draw_faults(w);
	hours_draw(&w->hours, seed, world_now(w).wall_ms);
	rollout_draw(&w->rollout, seed, devices);
	ways_draw(&w->ways, seed);
	rival_draw(&w->rival, seed, devices);
	prng_init(&w->rate.chance, ~seed);
	w->rate.level = 1;
	rate_draw(&w->rate, w->now);
	w->cfg = (struct core_config){
	    .time_scale = 1, .boot = 1, .unknown = UNKNOWN_OBSERVE,
	    .in_flight = 1000, .start_per_hour = 3600 * 10,
	    .read_per_hour = 3600 * 10, .password = "gv620mg",
	    /* Of some the targets come by pieces. */
	    .piece = seed % 3 == 0 ? 1 + (int)(seed / 3 % 4) : 0};
	trackers_begin(w);
	shell_boot(w);
	if (faults)
		(void)world_plan(w, HOUR / 4, H_OPERATOR, -1, NULL);
	run_until(w, world_fault_hours * HOUR);
	/* No more faults: then everything must come to its end. */
	w->faults_on = false;
	run_until(w, (world_fault_hours + 1) * HOUR);
	calm(w);
	/* At most 30 days; on as soon as nothing is open any more. */
	for (int64_t t = world_fault_hours + 2;
	    t < 30 * 24 && !all_settled(w); t += 4) {
		run_until(w, t * HOUR);
		calm(w); /* a gate or a rule may have paused it */
	}
	if (!w->broken && !w->up)
		world_violated(w, "the daemon is down at the end");
	if (!w->broken)
		check_verdicts(w, campaign_find(w->core, "sim"));
	if (!w->broken && w->rival.drawn)
		check_verdicts(w, campaign_find(w->core, RIVAL_NAME));
	ret->virtual_ms = w->now;
	r = w->broken ? -1 : 0;
	world_free(w);
	return r;
}
