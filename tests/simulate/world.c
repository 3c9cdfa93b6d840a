#include "config.h"
#include "tests/simulate/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/view.h"
#include "tests/simulate/hours.h"
#include "tests/simulate/rival.h"
#include "tests/simulate/rollout.h"
#include "tests/simulate/ways.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DEVICES_MAX 16
#define BACKLOG_MAX 32
#define TICKS_MAX 2000
#define VIEW_EVERY 8

enum happening_kind {
	H_CONNECT, H_TO_DEVICE, H_TO_SERVER, H_CLOSE_SEEN, H_DEVICE_STEP,
	H_HEARTBEAT, H_DURABLE, H_CRASH_UP, H_OPERATOR, H_EXECUTE,
};

enum mode { MODE_IDLE, MODE_CONFIRM, MODE_START_DOWNLOAD, MODE_DOWNLOAD,
	MODE_INSTALL, MODE_FLASH, MODE_BOOT, MODE_DEAD };

struct line {
	struct core_conn core;  /* first: the core's half */
	bool open_server, open_device;
	uint64_t gen;
	int64_t up_at, down_at; /* TCP: nothing overtakes */
};

struct tracker {
	int index;
	char id[24];
	uint16_t count;
	char version[8];
	enum mode mode;
	uint64_t mode_gen;
	int try_now, tries;
	const char *becomes;    /* by the flash that is going on */
	char had[8][8];         /* versions that it was flashed to */
	int flashes;
	bool outcome_ok;        /* of the flash that is going on */
	bool power_cut;
	struct line *line;
	char backlog[BACKLOG_MAX][160];
	int backlog_count;
	char old[BACKLOG_MAX][160];
	int old_count;
	bool seen[0x10000];     /* serials of starts */
	int64_t queue_until;    /* its commands run in the order they came */
};

struct happening {
	int64_t at;
	uint64_t seq;
	enum happening_kind kind;
	int device;
	struct line *line;
	uint64_t gen;
	char text[300];
};

struct batch {
	uint64_t ticket;
	int64_t at;             /* when it was made */
	struct opbuf ops;
	struct batch *next;
};

struct durable {
	struct flags_rec flags;
	struct stamp_rec stamp;
	struct device_rec device[DEVICES_MAX];
	int devices;
	struct campaign_rec campaign;
	bool has_campaign;
	struct target_rec target[DEVICES_MAX];
	int targets;
	struct attempt_rec *attempt;
	size_t attempts, attempts_cap;
	struct tuple_rec tuple[DEVICES_MAX * TUPLES_PER_DEVICE];
	int tuples;
	struct exclusion_rec excluded[DEVICES_MAX];
	int excludeds;
};

/* The pace's rate by arithmetic of its own, over the starts on record; a
 * reload changes it. A drawing of its own. */
struct rate {
	struct prng chance;
	int64_t per_hour;
	double level;           /* of its bucket */
	int64_t at;
	int resends;            /* outside it: of starts read and dropped */
};

struct world {
	struct prng chance;
	struct world_faults f;
	bool faults_on, verbose;
	int64_t now, wall_off;
	struct hours_plan hours;
	struct rollout rollout;
	struct ways_plan ways;
	struct rate rate;
	struct rival rival;
	struct devid ids[DEVICES_MAX];
	int64_t intent_last;
	int64_t jumped_at;      /* of the wall clock, noticed by the daemon */
	int64_t trusted_off;    /* before that */
	int64_t alive_base, up_since;
	uint64_t seq;
	struct happening **heap;
	size_t heap_len, heap_cap;
	struct core *core;
	struct core_config cfg;
	struct fx fx;
	struct durable d;
	struct batch *batches, **batches_end;
	bool store_full;
	uint64_t boots;
	uint64_t conn_id;
	struct line **lines;
	size_t line_count, line_cap;
	struct tracker t[DEVICES_MAX];
	uint64_t core_key[DEVICES_MAX];
	int devices;
	bool up;
	struct world_result *r;
	struct errtext *err;
	bool broken;
};

/* --- small things ----------------------------------------------------------*/

static void violated(struct world *w, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

static void
violated(struct world *w, const char *fmt, ...)
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

static bool
hits(struct world *w, uint32_t ppm)
{
	return w->faults_on && prng_below(&w->chance, 1000000) < ppm;
}

static int64_t
between(struct world *w, int64_t lo, int64_t hi)
{
	return lo + (int64_t)prng_below(&w->chance, (uint64_t)(hi - lo + 1));
}

static void
trace(struct world *w, const char *what, const struct tracker *t,
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

static struct happening *
plan(struct world *w, int64_t after, enum happening_kind kind, int device,
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

/* --- the store: a durable and a volatile half ------------------------------*/

static struct core_now
now_of(const struct world *w)
{
	return (struct core_now){
	    .at_ms = w->alive_base + (w->now - w->up_since),
	    .wall_ms = INT64_C(1800000000000) + w->now + w->wall_off,
	    .boot_ms = w->now,
	};
}

static double
rate_depth(const struct rate *r)
{
	return r->per_hour > 3600 ? (double)r->per_hour / 3600 : 1;
}

static void
rate_refill(struct rate *r, int64_t at)
{
	r->level += (double)(at - r->at) * (double)r->per_hour / 3600000;
	if (r->level > rate_depth(r))
		r->level = rate_depth(r);
	r->at = at;
}

/* One more start is on record, which was decided then. */
static void
rate_start(struct world *w, int64_t at)
{
	struct rate *r = &w->rate;

	/* Decided before the last reload, and only now on disk. */
	if (at < r->at)
		return;
	rate_refill(r, at);
	if (r->level < 0.99 && r->resends > 0) {
		r->resends--;
		return;
	}
	if (r->level < 0.99)
		violated(w, "S9: a start over its rate of %lld/h, %.2f of a "
		    "token", (long long)r->per_hour, r->level);
	r->level -= 1;
}

/* At the begin, and when the file is read again with another rate. */
static void
rate_draw(struct rate *r, int64_t now)
{
	/* What the bucket held then is the core's to say: one more at most. */
	r->level = rate_depth(r);
	r->at = now;
	r->per_hour = prng_below(&r->chance, 3) > 0
	    ? 3600 : 4 + (int64_t)prng_below(&r->chance, 60);
}

static void
put_attempt(struct world *w, const struct attempt_rec *r, int64_t at)
{
	struct durable *d = &w->d;

	for (size_t i = 0; i < d->attempts; i++)
		if (d->attempt[i].id == r->id) {
			w->rate.resends += r->result == RESULT_DROPPED &&
			    d->attempt[i].result != RESULT_DROPPED;
			d->attempt[i] = *r;
			return;
		}
	if (r->phase == PHASE_INTENT && !rival_is(w->core, r->campaign))
		rate_start(w, at);
	if (d->attempts == d->attempts_cap) {
		d->attempts_cap = d->attempts_cap == 0 ? 64
						       : d->attempts_cap * 2;
		d->attempt = realloc(d->attempt,
		    d->attempts_cap * sizeof(*d->attempt));
		assert(d->attempt != NULL);
	}
	d->attempt[d->attempts++] = *r;
}

static void
apply(struct world *w, const struct opbuf *ops, int64_t at)
{
	struct durable *d = &w->d;
	struct wave_rec before[ROLLOUT_WAVES];
	bool changed[ROLLOUT_WAVES] = {false};
	struct op op;
	size_t pos = 0;
	int i;

	while (opbuf_next(ops, &pos, &op)) {
		if (rival_row(&w->rival, w->core, &op))
			continue;
		switch (op.kind) {
		case OP_DEVICE:
			for (i = 0; i < d->devices; i++)
				if (d->device[i].key == op.device->key)
					break;
			d->device[i] = *op.device;
			d->devices = MAX_OF(d->devices, i + 1);
			break;
		case OP_CAMPAIGN:
			d->campaign = *op.campaign;
			d->has_campaign = true;
			break;
		case OP_TARGET:
			d->target[op.target->ordinal] = *op.target;
			d->targets = MAX_OF(d->targets,
			    (int)op.target->ordinal + 1);
			break;
		case OP_WAVE:
			i = op.wave->number;
			rollout_row(&w->rollout, op.wave, &before[i]);
			changed[i] = true;
			break;
		case OP_ATTEMPT:
			put_attempt(w, op.attempt, at);
			break;
		case OP_TUPLE:
			for (i = 0; i < d->tuples; i++)
				if (d->tuple[i].device == op.tuple->device &&
				    d->tuple[i].slot == op.tuple->slot)
					break;
			d->tuple[i] = *op.tuple;
			d->tuples = MAX_OF(d->tuples, i + 1);
			break;
		case OP_EXCLUSION:
			for (i = 0; i < d->excludeds; i++)
				if (d->excluded[i].device ==
				    op.exclusion->device)
					break;
			d->excluded[i] = *op.exclusion;
			d->excludeds = MAX_OF(d->excludeds, i + 1);
			break;
		case OP_STAMP:
			d->stamp = *op.stamp;
			break;
		case OP_FLAGS:
			d->flags = *op.flags;
			break;
		default:
			break;
		}
	}
	for (i = 0; i < ROLLOUT_WAVES; i++) {
		const char *why = !changed[i] ? NULL
		    : rollout_check(&w->rollout, &before[i],
			  &w->rollout.wave[i], d->target, d->targets,
			  d->campaign.state == CAMPAIGN_FINISHED,
			  d->stamp.alive_ms);

		if (why != NULL)
			violated(w, "wave %d: %s", i, why);
	}
	/* S1: at most one open attempt a device. */
	for (int k = 0; k < w->devices; k++) {
		int open = 0;

		for (size_t n = 0; n < d->attempts; n++)
			if (d->attempt[n].device == w->core_key[k] &&
			    d->attempt[n].phase != PHASE_ENDED &&
			    d->attempt[n].phase != PHASE_DEFERRED)
				open++;
		if (open > 1)
			violated(w, "S1: %s has %d open attempts",
			    w->t[k].id, open);
	}
}

/* --- the daemon's shell ----------------------------------------------------*/

static void effects(struct world *w);
static void drop_line(struct world *w, struct line *l, bool loses);

/* What an operator is told: every target is in one of the states, and whoever
 * waits waits for something that has a name. */
static void
check_view(struct world *w, const char *name)
{
	const struct campaign *p = campaign_find(w->core, name);
	size_t holds[HOLD_COUNT_] = {0}, sum = 0;
	struct view_campaign v;
	int64_t until;

	if (!core_view_campaign(w->core, now_of(w), name, &v))
		return;
	for (size_t i = 0; i < p->target_count; i++) {
		enum hold h;

		if (p->target[i]->rec.state != TARGET_WAITING)
			continue;
		h = target_hold(w->core, p->target[i], &until);
		holds[h == HOLD_NONE ? HOLD_RATE : h]++;
	}
	if (memcmp(holds, v.holds, sizeof(holds)) != 0)
		violated(w, "%s: holds are not those of its targets", name);
	for (int i = 0; i < TARGET_STATE_COUNT_; i++)
		sum += v.targets[i];
	if (sum != v.total || v.total != p->target_count)
		violated(w, "%s: %zu targets in all states, of %zu", name, sum,
		    v.total);
}

static void
feed(struct world *w, const struct ev *ev)
{
	core_handle(w->core, ev, now_of(w), &w->fx);
	effects(w);
	if (core_check(w->core, w->err) < 0)
		w->broken = true;
	if (w->r->events % VIEW_EVERY != 0 || !w->up)
		return;
	check_view(w, "sim");
	check_view(w, RIVAL_NAME);
}

static int64_t
in_order(struct world *w, int64_t *at)
{
	int64_t then = w->now + between(w, 20, 400);

	if (!w->f.udp)
		then = MAX_OF(then, *at + 1);
	*at = then;
	return then - w->now;
}

static void
to_device(struct world *w, struct line *l, const char *p, size_t n)
{
	struct happening *h;

	if (!l->open_device)
		return;
	h = plan(w, in_order(w, &l->down_at), H_TO_DEVICE, -1, l);
	assert(n < sizeof(h->text));
	memcpy(h->text, p, n);
	h->text[n] = '\0';
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

	why = hours_forbid(&w->hours, now_of(w).wall_ms,
	    spec_worst_case_ms(t->campaign->spec));
	if (why != NULL)
		violated(w, "S8: a start %s", why);
	if (w->jumped_at != 0 && w->now < w->jumped_at + 2 * MINUTE &&
	    (w->hours.windows || w->hours.start_wall != 0 ||
		w->hours.end_wall != 0))
		violated(w, "S8: a start while the clock settles");
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
		violated(w, "S16: a command on an old connection");
	if (it->len < 20 || memmem(it->bytes, it->len, ",0,1,15,0,", 10) == NULL ||
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
				violated(w, "S14: serial %04X again", serial);
			t->seen[serial] = true;
		}
	}
	for (int i = 0; d != NULL && i < w->d.excludeds; i++)
		if (w->d.excluded[i].active &&
		    w->d.excluded[i].device == d->key)
			violated(w, "a start to %s, which is excluded",
			    w->d.excluded[i].id);
	if (of != NULL) {
		check_hours(w, of);
		why = rollout_forbid(&w->rollout,
		    &w->d.target[of->rec.ordinal]);
		if (why != NULL)
			violated(w, "a start %s", why);
	}
	if (!known)
		violated(w, "S2: a start without its intent, serial %04X",
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
		violated(w, "hours are asked for, and there are none");
		return;
	}
	v = hours_tell(&w->hours, a.from_wall, a.to_wall, &a.count);
	a.span = v;
	feed(w, &(struct ev){.kind = EV_WINDOWS, .windows = &a});
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
	trace(w, "command", NULL, it->bytes);
	ev.ok = l->open_server;
	if (ev.ok)
		to_device(w, l, it->bytes, it->len);
	/* The daemon may die between the write and its outcome. */
	if (hits(w, w->f.crash)) {
		(void)plan(w, 0, H_CRASH_UP, -1, NULL);
		w->up = false;
		return;
	}
	feed(w, &ev);
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
			violated(w, "an intent %s", why);
	}
}

static void
effects(struct world *w)
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
		(void)plan(w, between(w, 1, 60), H_DURABLE, -1, NULL);
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

/* The campaign's file as it is now. */
static struct campaign_spec *
file_of(struct world *w)
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

/* Its file may change still. */
static bool
may_change(const struct world *w, const char *name)
{
	const struct campaign *p = campaign_find(w->core, name);

	return p != NULL && p->rec.state != CAMPAIGN_FINISHED &&
	    p->rec.state != CAMPAIGN_ABORTING &&
	    p->rec.state != CAMPAIGN_ABORTED;
}

static void
reload_file(struct world *w, struct campaign_spec *spec)
{
	struct errtext err = {0};

	trace(w, "reload", NULL, spec->name);
	if (core_campaign_file(w->core, spec, false, now_of(w), &w->fx,
		&err) == FILE_REFUSED)
		violated(w, "the file is refused: %s", err.text);
	effects(w);
}

/* A reload with another pace, or with another priority. */
static void
reload(struct world *w)
{
	if (w->rival.drawn && may_change(w, RIVAL_NAME) &&
	    prng_below(&w->rate.chance, 2) == 0) {
		rival_reprioritise(&w->rival);
		reload_file(w, rival_file_of(w));
	} else if (may_change(w, "sim")) {
		rate_draw(&w->rate, w->now);
		reload_file(w, file_of(w));
	}
}

static void
core_boot(struct world *w)
{
	struct durable *d = &w->d;
	struct campaign_spec *spec = file_of(w);
	struct errtext err = {0};
	bool fresh = !d->has_campaign;

	w->core = core_new(&w->cfg, ++w->boots);
	w->alive_base = d->stamp.alive_ms;
	w->up_since = w->now;
	core_load_flags(w->core, &d->flags, &d->stamp);
	for (int i = 0; i < d->devices; i++)
		if (core_load_device(w->core, &d->device[i]) < 0)
			violated(w, "load device");
	if (!fresh) {
		struct campaign_spec *stored = file_of(w);

		stored->device_count = 0; /* lists are not stored */
		if (core_load_campaign(w->core, &d->campaign, stored) < 0)
			violated(w, "load campaign");
	}
	if (w->rival.known) {
		struct campaign_spec *stored = rival_file_of(w);

		stored->device_count = 0;
		if (core_load_campaign(w->core, &w->rival.rec, stored) < 0)
			violated(w, "load the other campaign");
	}
	for (int i = 0; i < w->rollout.waves; i++)
		if (!fresh && w->rollout.wave[i].name[0] != '\0' &&
		    core_load_wave(w->core, &w->rollout.wave[i]) < 0)
			violated(w, "load wave");
	for (int i = 0; i < d->targets; i++)
		if (core_load_target(w->core, &d->target[i]) < 0)
			violated(w, "load target");
	if (rival_load_targets(&w->rival, w->core) < 0)
		violated(w, "load targets of the other campaign");
	for (size_t i = 0; i < d->attempts; i++)
		if (core_load_attempt(w->core, &d->attempt[i]) < 0)
			violated(w, "load attempt");
	for (int i = 0; i < d->tuples; i++)
		if (core_load_tuple(w->core, &d->tuple[i]) < 0)
			violated(w, "load tuple");
	for (int i = 0; i < d->excludeds; i++)
		if (d->excluded[i].active &&
		    core_load_exclusion(w->core, &d->excluded[i]) < 0)
			violated(w, "load exclusion");
	w->up = true;
	if (core_load_done(w->core, now_of(w),
		d->stamp.boot_ms == 0 ? -1 : w->now - d->stamp.boot_ms, false,
		&w->fx) < 0)
		violated(w, "load done");
	effects(w);
	(void)core_campaign_file(w->core, spec, true, now_of(w), &w->fx, &err);
	effects(w);
	if (!w->rival.drawn || !w->up)
		return;
	(void)core_campaign_file(w->core, rival_file_of(w), true, now_of(w),
	    &w->fx, &err);
	effects(w);
}

static void
crash(struct world *w)
{
	struct batch *b;

	w->r->crashes++;
	/* Put right in the end: then a restart has nothing to notice. */
	if (w->wall_off - w->trusted_off >= -MINUTE &&
	    w->wall_off - w->trusted_off <= MINUTE)
		w->jumped_at = 0;
	trace(w, "crash", NULL, "");
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
			(void)plan(w, between(w, 1, 500), H_CLOSE_SEEN, -1,
			    w->lines[i]);
		}
}

/* --- trackers: told from SPEC ----------------------------------------------*/

static void
set_mode(struct world *w, struct tracker *t, enum mode mode, int64_t after)
{
	t->mode = mode;
	t->mode_gen = ++w->seq;
	if (after >= 0)
		plan(w, after, H_DEVICE_STEP, t->index, NULL)->gen =
		    t->mode_gen;
}

static void
to_server(struct world *w, struct tracker *t, const char *text)
{
	struct happening *h;

	if (t->line == NULL || !t->line->open_device)
		return;
	h = plan(w, in_order(w, &t->line->up_at), H_TO_SERVER, t->index,
	    t->line);
	(void)snprintf(h->text, sizeof(h->text), "%s", text);
	if (hits(w, w->f.cut)) {
		w->r->cuts++;
		drop_line(w, t->line, true);
	}
}

static void
say(struct world *w, struct tracker *t, bool report, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* One frame; a report that finds no line waits and comes as +BUFF. */
static void
say(struct world *w, struct tracker *t, bool report, const char *fmt, ...)
{
	char body[120], text[160];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(body, sizeof(body), fmt, ap);
	va_end(ap);
	t->count++;
	(void)snprintf(text, sizeof(text), "%s,20260101%06d,%04X$", body,
	    (int)(w->now / SECOND % 1000000), t->count);
	trace(w, "device", t, text);
	if (!report) {
		to_server(w, t, text);
		return;
	}
	if (t->old_count < BACKLOG_MAX)
		memcpy(t->old[t->old_count++], text, sizeof(text));
	if (hits(w, w->f.report_lost))
		return;
	if (t->line != NULL && t->line->open_device &&
	    !hits(w, w->f.report_buffered)) {
		to_server(w, t, text);
		return;
	}
	if (t->backlog_count < BACKLOG_MAX)
		memcpy(t->backlog[t->backlog_count++], text, sizeof(text));
}

static void
say_late(struct world *w, struct tracker *t, const char *text)
{
	char late[160];

	(void)snprintf(late, sizeof(late), "+BUFF%s", text + 5);
	trace(w, "late", t, late);
	to_server(w, t, late);
}

static void
code(struct world *w, struct tracker *t, int c, int times)
{
	char n[16] = "";

	if (times > 0)
		(void)snprintf(n, sizeof(n), "%d", times);
	say(w, t, true, "+RESP:GTUPD,C20100,%s,sim,%d,%s", t->id, c, n);
}

static void
connected(struct world *w, struct tracker *t)
{
	say(w, t, false, "+RESP:GTFRI,C20100,%s,sim,0,0", t->id);
	for (int i = 0; i < t->backlog_count; i++)
		say_late(w, t, t->backlog[i]);
	t->backlog_count = 0;
	if (t->old_count > 0 && hits(w, w->f.late_copy))
		say_late(w, t,
		    t->old[prng_below(&w->chance, (uint64_t)t->old_count)]);
}

static bool
deaf(const struct tracker *t)
{
	return t->mode != MODE_IDLE;
}

/* The start runs: from here on it cannot be taken back but by a stop. */
static void
run_start(struct world *w, struct tracker *t, const char *cmd, unsigned serial)
{
	const struct device *d;
	const char *wrong;

	if (strcmp(t->version, TO_VERSION) == 0)
		violated(w, "%s: a start runs on a device that is flashed",
		    t->id);
	d = w->up ? device_find(w->core, w->core_key[t->index]) : NULL;
	if (w->up && (d == NULL || d->more == NULL || d->more->attempt == NULL))
		violated(w, "%s: a start runs after the verdict", t->id);
	t->becomes = ways_flash(&w->ways, cmd, t->version, &wrong);
	if (wrong != NULL)
		violated(w, "%s: %s on %s: %s", t->id, wrong, t->version, cmd);
	t->tries = cmd[19] - '0' + 1;
	t->try_now = 0;
	if (!hits(w, w->f.ack_lost))
		say(w, t, false, "+ACK:GTUPD,C20100,%s,sim,%04X", t->id,
		    serial);
	if (hits(w, w->f.refuse_101)) {
		code(w, t, 101, 0);
	} else if (hits(w, w->f.refuse_103)) {
		code(w, t, 103, 0);
	} else if (hits(w, w->f.refuse_102)) {
		code(w, t, 102, 0);
	} else {
		set_mode(w, t, MODE_CONFIRM, between(w, 500, 5000));
	}
}

static void
execute(struct world *w, struct tracker *t, const char *cmd)
{
	unsigned serial = 0;

	(void)sscanf(cmd + strlen(cmd) - 5, "%4x$", &serial);
	if (strncmp(cmd, "AT+GTRTO", 8) == 0) {
		if (deaf(t))
			return;
		say(w, t, false, "+ACK:GTRTO,C20100,%s,sim,VER,%04X", t->id,
		    serial);
		say(w, t, false, "+RESP:GTVER,C20100,%s,sim,GV620MG,%s,0103",
		    t->id, t->version);
		return;
	}
	if (strncmp(cmd, "AT+GTUPD=gv620mg,1", 18) == 0) {
		if (t->mode == MODE_DEAD || t->mode >= MODE_INSTALL)
			return;
		say(w, t, false, "+ACK:GTUPD,C20100,%s,sim,%04X", t->id,
		    serial);
		if (t->mode != MODE_IDLE) {
			code(w, t, 102, 0);
			set_mode(w, t, MODE_IDLE, -1);
		}
		return;
	}
	if (deaf(t))
		return;
	if (hits(w, w->f.read_and_drop))
		return;
	run_start(w, t, cmd, serial);
}

static void
flashed(struct world *w, struct tracker *t)
{
	const struct device *d =
	    w->up ? device_find(w->core, w->core_key[t->index]) : NULL;

	w->r->flashes++;
	(void)snprintf(t->version, sizeof(t->version), "%s", t->becomes);
	for (int i = 0; i < t->flashes; i++)
		if (strcmp(t->had[i], t->version) == 0)
			violated(w, "%s: flashed twice with %s", t->id,
			    t->version);
	assert(t->flashes < (int)ARRAY_LEN(t->had));
	memcpy(t->had[t->flashes++], t->version, sizeof(t->version));
	if (w->up && (d == NULL || d->more == NULL || d->more->attempt == NULL))
		violated(w, "%s: flashed after the verdict", t->id);
}

static void
device_step(struct world *w, struct tracker *t)
{
	switch (t->mode) {
	case MODE_CONFIRM:
		code(w, t, 100, 0);
		set_mode(w, t, MODE_START_DOWNLOAD, between(w, 1000, 60000));
		break;
	case MODE_START_DOWNLOAD:
		code(w, t, 200, ++t->try_now);
		set_mode(w, t, MODE_DOWNLOAD, between(w, 10000, 600000));
		break;
	case MODE_DOWNLOAD:
		if (hits(w, w->f.fail_202)) {
			code(w, t, 202, t->try_now);
			if (t->try_now < t->tries) {
				set_mode(w, t, MODE_START_DOWNLOAD,
				    between(w, 1000, 20000));
			} else {
				t->outcome_ok = false;
				t->power_cut = true;
				set_mode(w, t, MODE_BOOT,
				    between(w, 5000, 60000));
				drop_line(w, t->line, false);
			}
			break;
		}
		code(w, t, 201, t->try_now);
		set_mode(w, t, MODE_INSTALL, between(w, 500, 10000));
		break;
	case MODE_INSTALL:
		if (hits(w, w->f.battery_303)) {
			code(w, t, 303, 0);
			set_mode(w, t, MODE_IDLE, -1);
			break;
		}
		code(w, t, 300, 0);
		set_mode(w, t, MODE_FLASH, between(w, 20000, 300000));
		break;
	case MODE_FLASH:
		drop_line(w, t->line, false);
		if (hits(w, w->f.brick)) {
			set_mode(w, t, MODE_DEAD, -1);
			break;
		}
		t->outcome_ok = !hits(w, w->f.fail_302);
		t->power_cut = false;
		if (t->outcome_ok)
			flashed(w, t);
		set_mode(w, t, MODE_BOOT, between(w, 5000, 60000));
		break;
	case MODE_BOOT:
		set_mode(w, t, MODE_IDLE, -1);
		(void)plan(w, between(w, 100, 5000), H_CONNECT, t->index, NULL);
		if (!t->power_cut)
			code(w, t, t->outcome_ok ? 301 : 302, 0);
		break;
	case MODE_IDLE:
	case MODE_DEAD:
		break;
	}
}

/* --- lines -----------------------------------------------------------------*/

static void
drop_line(struct world *w, struct line *l, bool loses)
{
	if (l == NULL || !l->open_device)
		return;
	l->open_device = false;
	if (loses)
		l->gen++; /* what is under way is lost */
	plan(w, between(w, 1, loses ? 300000 : 500), H_CLOSE_SEEN, -1, l);
}

static struct line *
line_new(struct world *w)
{
	struct line *l = calloc(1, sizeof(*l));

	if (w->line_count == w->line_cap) {
		w->line_cap = w->line_cap == 0 ? 64 : w->line_cap * 2;
		w->lines =
		    realloc(w->lines, w->line_cap * sizeof(*w->lines));
	}
	assert(l != NULL && w->lines != NULL);
	w->lines[w->line_count++] = l;
	l->core.id = ++w->conn_id;
	l->core.transport = w->f.udp ? TRANSPORT_UDP : TRANSPORT_TCP;
	return l;
}

static void
device_connects(struct world *w, struct tracker *t)
{
	if (t->mode == MODE_DEAD || t->mode == MODE_BOOT)
		return;
	if (t->line != NULL && t->line->open_device)
		return;
	if (!w->up) {
		(void)plan(w, between(w, 1000, 30000), H_CONNECT, t->index,
		    NULL);
		return;
	}
	t->line = line_new(w);
	t->line->open_device = t->line->open_server = true;
	feed(w, &(struct ev){.kind = EV_OPEN, .conn = &t->line->core});
	connected(w, t);
}

static void
server_gets(struct world *w, struct happening *h)
{
	char reply[512];
	struct frame f;
	struct message m;
	enum msg_bad bad;
	enum frame_why why;
	size_t scan = 0, used = 0;

	if (!w->up || !h->line->open_server || h->gen != h->line->gen)
		return;
	if (frame_next(h->text, strlen(h->text), 4096, &scan, &f, &used,
		&why) != FRAME_OK ||
	    message_decode(&f, &m, &bad) < 0) {
		violated(w, "the daemon does not understand %s", h->text);
		return;
	}
	w->fx.reply = reply;
	w->fx.reply_cap = sizeof(reply);
	w->fx.reply_len = 0;
	feed(w, &(struct ev){.kind = EV_FRAME, .conn = &h->line->core,
		    .message = &m});
	w->fx.reply = NULL;
	w->fx.reply_cap = w->fx.reply_len = 0;
}

static void
close_seen(struct world *w, struct line *l)
{
	if (l->open_server) {
		l->open_server = false;
		if (w->up)
			feed(w, &(struct ev){.kind = EV_CLOSE,
				    .conn = &l->core});
	}
	l->open_device = false;
	for (int i = 0; i < w->devices; i++)
		if (w->t[i].line == l && w->t[i].mode != MODE_DEAD)
			(void)plan(w, between(w, 1000, 120000), H_CONNECT, i,
			    NULL);
}

/* --- the loop --------------------------------------------------------------*/

static void
durable_now(struct world *w)
{
	struct batch *b = w->batches;
	uint64_t ticket;

	if (!w->up || b == NULL)
		return;
	if (w->store_full)
		return; /* store_works() takes them up again */
	apply(w, &b->ops, b->at);
	ticket = b->ticket;
	w->batches = b->next;
	if (w->batches == NULL)
		w->batches_end = &w->batches;
	opbuf_done(&b->ops);
	free(b);
	/* Between the commit and the write. */
	if (hits(w, w->f.crash)) {
		w->up = false;
		(void)plan(w, 0, H_CRASH_UP, -1, NULL);
		return;
	}
	feed(w, &(struct ev){.kind = EV_DURABLE, .ticket = ticket});
}

static void
store_works(struct world *w)
{
	struct batch *b;

	if (!w->store_full)
		return;
	w->store_full = false;
	for (b = w->batches; b != NULL; b = b->next)
		(void)plan(w, 1, H_DURABLE, -1, NULL);
	feed(w, &(struct ev){.kind = EV_STORE, .ok = true});
}

static void
approve(struct world *w, bool calm)
{
	struct oper op = {.campaign = "sim", .who = "sim", .reason = "sim"};
	struct oper_result r;
	size_t pos = 0;

	while (w->up && rollout_operator(&w->rollout, calm, &op, &pos)) {
		core_operate(w->core, &op, now_of(w), &w->fx, &r);
		effects(w);
	}
}

/* Less than a minute is no jump to the daemon, and moves no window much. */
static void
clock_jumps(struct world *w)
{
	int64_t by = between(w, -HOUR, HOUR) *
	    (prng_below(&w->chance, 4) == 0 ? 10 : 1);
	bool jump = by < -MINUTE || by > MINUTE;

	if (jump && (w->jumped_at == 0 || w->now >= w->jumped_at + 2 * MINUTE))
		w->trusted_off = w->wall_off;
	w->wall_off += by;
	if (jump)
		w->jumped_at = w->now;
	feed(w, &(struct ev){.kind = EV_TICK});
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
		reload(w);
		return;
	case 2:
		op.device = w->t[prng_below(&w->rate.chance,
		    (uint64_t)w->devices)].id;
		op.for_ms = MINUTE + (int64_t)prng_below(&w->rate.chance,
		    6 * HOUR);
		op.cancel = prng_below(&w->rate.chance, 4) == 0;
		trace(w, "exclude", NULL, op.device);
		core_operate(w->core, &op, now_of(w), &w->fx, &r);
		effects(w);
		return;
	case 3:
		/* In few worlds, for not much happens afterwards; nor where it
		 * has not begun, and its targets are told nothing. */
		if (prng_below(&w->rate.chance, 40) != 0 ||
		    !core_view_campaign_brief(w->core, now_of(w), "sim", &v) ||
		    v.started_wall == 0)
			return;
		op.kind = OPER_CAMPAIGN_ABORT;
		trace(w, "abort", NULL, op.campaign);
		core_operate(w->core, &op, now_of(w), &w->fx, &r);
		effects(w);
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
	(void)plan(w, between(w, MINUTE, HOUR), H_OPERATOR, -1, NULL);
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
		if (!hits(w, w->f.operator_act))
			return;
		op.kind = OPER_DEVICE_CANCEL;
		op.device = w->t[prng_below(&w->chance,
		    (uint64_t)w->devices)].id;
		break;
	case 3:
		if (hits(w, w->f.store_full)) {
			w->store_full = true;
			feed(w, &(struct ev){.kind = EV_STORE, .ok = false});
		}
		return;
	case 4:
		clock_jumps(w);
		return;
	default:
		store_works(w);
		op.kind = OPER_RESUME_ALL;
		core_operate(w->core, &op, now_of(w), &w->fx, &r);
		effects(w);
		if (!w->up)
			return;
		approve(w, false);
		if (!w->up)
			return;
		op.kind = OPER_CAMPAIGN_RESUME;
		break;
	}
	core_operate(w->core, &op, now_of(w), &w->fx, &r);
	effects(w);
}

/* A slow tracker reads its queue much later, but in order. */
static void
enqueue(struct world *w, struct tracker *t, const char *text)
{
	int64_t at = w->now +
	    (hits(w, w->f.slow_command) ? between(w, MINUTE, 30 * MINUTE)
					: between(w, 10, 500));
	struct happening *x;

	t->queue_until = MAX_OF(t->queue_until + 1, at);
	x = plan(w, t->queue_until - w->now, H_EXECUTE, t->index, NULL);
	memcpy(x->text, text, sizeof(x->text));
}

static void
happens(struct world *w, struct happening *h)
{
	struct tracker *t = h->device < 0 ? NULL : &w->t[h->device];

	switch (h->kind) {
	case H_CONNECT:
		device_connects(w, t);
		break;
	case H_TO_DEVICE:
		if (h->line->open_device && h->gen == h->line->gen) {
			for (int i = 0; i < w->devices; i++)
				if (w->t[i].line == h->line)
					enqueue(w, &w->t[i], h->text);
		}
		break;
	case H_EXECUTE:
		execute(w, t, h->text);
		break;
	case H_TO_SERVER:
		server_gets(w, h);
		break;
	case H_CLOSE_SEEN:
		close_seen(w, h->line);
		break;
	case H_DEVICE_STEP:
		if (h->gen == t->mode_gen)
			device_step(w, t);
		break;
	case H_HEARTBEAT:
		(void)plan(w, between(w, 4 * MINUTE, 6 * MINUTE), H_HEARTBEAT,
		    t->index, NULL);
		if (t->mode == MODE_IDLE) {
			if (prng_below(&w->chance, 3) == 0)
				say(w, t, false,
				    "+RESP:GTFRI,C20100,%s,sim,0,0", t->id);
			else
				say(w, t, false, "+ACK:GTHBD,C20100,%s,sim",
				    t->id);
			if (w->f.short_mode)
				drop_line(w, t->line, false);
		}
		break;
	case H_DURABLE:
		durable_now(w);
		break;
	case H_CRASH_UP:
		if (w->core != NULL)
			crash(w);
		if (h->text[0] == '\0') {
			plan(w, between(w, 100, 10 * MINUTE), H_CRASH_UP, -1,
			    NULL)->text[0] = 'u';
		} else if (w->core == NULL) {
			core_boot(w);
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
			violated(w, "it ticks for nothing");
		w->now = MAX_OF(w->now, due);
		w->r->events++;
		feed(w, &(struct ev){.kind = EV_TICK});
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
			violated(w, "%s: succeeded, but not flashed", tr->id);
		/* Over UDP a version may overtake its ACK time and again: then
		 * the mode is known to be over, and no evidence says more. And
		 * the other campaign may have done it. */
		if (final && fresh && !w->f.udp &&
		    t->device->targets->next_of_device == NULL &&
		    (t->rec.state == TARGET_FAILED ||
			t->rec.state == TARGET_CANCELLED))
			violated(w, "%s: %s %s, but flashed", tr->id,
			    target_state_name(t->rec.state),
			    cause_name(t->rec.cause));
		if (!target_state_terminal(t->rec.state) && !forlorn(t, tr))
			violated(w, "%s: never ends: %s (%s) phase %s mode %d",
			    tr->id, target_state_name(t->rec.state),
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
	store_works(w);
	op.kind = OPER_RESUME_ALL;
	core_operate(w->core, &op, now_of(w), &w->fx, &r);
	effects(w);
	approve(w, true);
	/* Who is lost stays in the dark: let the others on. */
	if (w->rival.dark_max < w->devices && may_change(w, "sim")) {
		w->rival.dark_max = 20;
		reload_file(w, file_of(w));
	}
	op.kind = OPER_CAMPAIGN_RESUME;
	core_operate(w->core, &op, now_of(w), &w->fx, &r);
	effects(w);
	op.campaign = RIVAL_NAME;
	core_operate(w->core, &op, now_of(w), &w->fx, &r);
	effects(w);
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
		if (w->up && hits(w, w->f.crash / 20)) {
			w->up = false;
			(void)plan(w, 0, H_CRASH_UP, -1, NULL);
		}
	}
}

int world_fault_hours = 36;

int
world_run(uint64_t seed, int devices, bool faults, bool verbose,
    struct world_result *ret, struct errtext *err)
{
	struct world *w = calloc(1, sizeof(*w));
	struct happening *h;
	struct batch *b;
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
	hours_draw(&w->hours, seed, now_of(w).wall_ms);
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
	for (int i = 0; i < devices; i++) {
		struct tracker *t = &w->t[i];

		t->index = i;
		(void)snprintf(t->id, sizeof(t->id), "8600000000%04d", i + 1);
		if (devid_parse(span_str(t->id), &w->ids[i]) == 0)
			w->core_key[i] = w->ids[i].key;
		(void)snprintf(t->version, sizeof(t->version), "%s",
		    FROM_VERSION);
		t->count = (uint16_t)prng_next(&w->chance);
		(void)plan(w, between(w, 0, MINUTE), H_CONNECT, i, NULL);
		(void)plan(w, between(w, 0, 5 * MINUTE), H_HEARTBEAT, i, NULL);
	}
	core_boot(w);
	if (faults)
		(void)plan(w, HOUR / 4, H_OPERATOR, -1, NULL);
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
		violated(w, "the daemon is down at the end");
	if (!w->broken)
		check_verdicts(w, campaign_find(w->core, "sim"));
	if (!w->broken && w->rival.drawn)
		check_verdicts(w, campaign_find(w->core, RIVAL_NAME));
	ret->virtual_ms = w->now;

	r = w->broken ? -1 : 0;
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
	return r;
}
