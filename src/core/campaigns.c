#include "config.h"
#include "core/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define WAVES_NEEDED_ABOVE 200
#define LOOKS_MAX 1000 /* targets looked at in one turn */
#define SORTED_MAX 10000 /* brought to their waves in one turn */

struct campaign *
campaign_find(const struct core *c, const char *name)
{
	for (size_t i = 0; i < c->campaign_count; i++)
		if (strcmp(c->campaign[i]->rec.name, name) == 0)
			return c->campaign[i];
	return NULL;
}

int64_t
campaign_w_ms(const struct core *c, const struct campaign *p)
{
	return core_dur(c, spec_worst_case_ms(p->spec));
}

/* --- the campaign's machine ------------------------------------------------*/

/* Which state may follow which; everything else is a bug of ours. */
/* clang-format off */
static const bool may_follow[CAMPAIGN_STATE_COUNT_][CAMPAIGN_STATE_COUNT_] = {
	[CAMPAIGN_DRAFT] = {
		[CAMPAIGN_SCHEDULED] = true, [CAMPAIGN_RUNNING] = true,
		[CAMPAIGN_ABORTED] = true,
	},
	[CAMPAIGN_SCHEDULED] = {
		[CAMPAIGN_RUNNING] = true, [CAMPAIGN_PAUSED] = true,
		[CAMPAIGN_ABORTING] = true, [CAMPAIGN_ABORTED] = true,
	},
	[CAMPAIGN_RUNNING] = {
		[CAMPAIGN_PAUSED] = true, [CAMPAIGN_ABORTING] = true,
		[CAMPAIGN_FINISHED] = true,
	},
	[CAMPAIGN_PAUSED] = {
		[CAMPAIGN_RUNNING] = true, [CAMPAIGN_SCHEDULED] = true,
		[CAMPAIGN_ABORTING] = true, [CAMPAIGN_FINISHED] = true,
		[CAMPAIGN_ABORTED] = true,
	},
	[CAMPAIGN_ABORTING] = { [CAMPAIGN_ABORTED] = true },
};
/* clang-format on */

void
campaign_set(struct core *c, struct campaign *p, enum campaign_state state,
    enum pause_reason reason, const char *text)
{
	enum campaign_state from = p->rec.state;

	assert(may_follow[from][state]);
	p->rec.state = state;
	p->rec.reason = reason;
	(void)snprintf(p->rec.reason_text, sizeof(p->rec.reason_text), "%s",
	    text == NULL ? "" : text);
	text_cut(p->rec.reason_text);
	if (state == CAMPAIGN_RUNNING && p->rec.started_wall == 0)
		p->rec.started_wall = c->now.wall_ms;
	if (state == CAMPAIGN_FINISHED || state == CAMPAIGN_ABORTED)
		p->rec.finished_wall = c->now.wall_ms;
	if (state == CAMPAIGN_RUNNING)
		rules_begin(c, p);
	mark_campaign(c, p);
	core_note(c, NOTE_INFO,
	    "campaign name=%s from=%s to=%s reason=%s text=\"%s\"",
	    p->rec.name, campaign_state_name(from), campaign_state_name(state),
	    pause_reason_name(reason), p->rec.reason_text);
	core_event(c, NULL, p->rec.id, 0, EVENT_OPERATOR, PHASE_NONE, -1, -1,
	    "campaign %s -> %s%s%s%s%s", campaign_state_name(from),
	    campaign_state_name(state), reason == PAUSE_NONE ? "" : " ",
	    pause_reason_name(reason), p->rec.reason_text[0] == '\0' ? "" : " ",
	    p->rec.reason_text);
	waves_campaign(c, p);
	schedule_arm(c, p);
	if (state == CAMPAIGN_FINISHED || state == CAMPAIGN_ABORTED)
		windows_drop(c, p);
	c->pace_changed = true;
	/* Others need not wait for it; of a target that ended they know. */
	if (from == CAMPAIGN_RUNNING && state == CAMPAIGN_PAUSED)
		sweep(c, p, SWEEP_RELEASE);
}

void
campaign_check_end(struct core *c, struct campaign *p)
{
	size_t open = p->count[TARGET_WAITING] + p->count[TARGET_ACTIVE] +
	    p->count[TARGET_BACKOFF];
	char text[REASON_MAX + 1];

	/* Not begun, it may not even know its targets yet; nor is it over
	 * while some of them are still to be told. */
	if (open != 0 || c->loading || p->rec.started_wall == 0 ||
	    members_open(p) || (p->sweep.what & SWEEP_CANCEL) != 0)
		return;
	if (p->rec.state == CAMPAIGN_RUNNING ||
	    p->rec.state == CAMPAIGN_PAUSED)
		campaign_set(c, p, CAMPAIGN_FINISHED, PAUSE_NONE, NULL);
	if (p->rec.state != CAMPAIGN_ABORTING)
		return;
	/* Who did it, and why, stays to be read. */
	memcpy(text, p->rec.reason_text, sizeof(text));
	campaign_set(c, p, CAMPAIGN_ABORTED, p->rec.reason, text);
}

/* Figures of it changed: its rules and gates are judged when the event is
 * over. */
void
campaign_mark(struct core *c, struct campaign *p)
{
	if (!list_in(&p->judge_node))
		list_push_back(&c->judge, &p->judge_node);
}

bool
campaigns_judge(struct core *c)
{
	bool any = !list_empty(&c->judge) && !c->loading;

	while (any && !list_empty(&c->judge)) {
		struct campaign *p =
		    CONTAINER_OF(c->judge.next, struct campaign, judge_node);

		list_remove(&p->judge_node);
		rules_judge(c, p);
		waves_judge(c, p);
	}
	return any;
}

/* --- pace ------------------------------------------------------------------*/

void
campaign_arm(struct core *c, struct campaign *p, int64_t at)
{
	if (p->timer.pos != 0 && p->timer.key <= at)
		return;
	timer_set(c, &c->campaign_timers, &p->timer, at);
}

/* Spreads what one wake-up lets go. Rates are not scaled. */
void
campaign_jitter(struct core *c, struct campaign *p)
{
	int64_t gap = 3600000 / p->spec->pace.start_per_hour;

	p->jitter_until_at = c->now.at_ms +
	    (int64_t)(prng_unit(&c->prng) * (double)gap *
		(double)p->spec->pace.jitter_ppm / 1e6);
}

/* Starts what is ready, oldest first, until something that holds all of them
 * stops it: then false. Each look removes one from the list or ends the
 * loop. */
static bool
run_ready(struct core *c, struct campaign *p, struct list *ready, int *looks)
{
	while (!list_empty(ready)) {
		struct target *t =
		    CONTAINER_OF(ready->next, struct target, ready);
		int64_t until;
		enum hold h;

		/* A window that closes, or opens onto versions that became too
		 * old, may concern all of them. */
		if ((*looks)++ == LOOKS_MAX) {
			campaign_arm(c, p, c->now.at_ms + 1);
			return false;
		}
		h = target_hold(c, t, &until);
		if (h == HOLD_IN_FLIGHT || h == HOLD_DARK_MAX ||
		    h == HOLD_FILE_SERVER)
			return false;
		if (h == HOLD_RATE) {
			if (until != 0)
				campaign_arm(c, p, until);
			return false;
		}
		list_remove(&t->ready);
		target_evaluate(c, t);
	}
	return true;
}

/* Those whom an hour has let go come to the others of their wave. */
static void
sort_ready(struct campaign *p)
{
	for (int i = 0; i < SORTED_MAX && !list_empty(&p->ready); i++) {
		struct target *t =
		    CONTAINER_OF(p->ready.next, struct target, ready);

		list_remove(&t->ready);
		list_push_back(&target_wave(t)->ready, &t->ready);
	}
}

/* Earlier waves first. */
static void
campaign_run(struct core *c, struct campaign *p)
{
	int looks = 0;

	if (p->rec.state != CAMPAIGN_RUNNING)
		return;
	/* Where they lie does not tell whose turn it is. */
	sort_ready(p);
	for (size_t i = 0; i < p->wave_count; i++)
		if (!run_ready(c, p, &p->wave[i]->ready, &looks))
			return;
	if (!list_empty(&p->ready))
		campaign_arm(c, p, c->now.at_ms + 1);
}

void
campaign_run_all(struct core *c)
{
	for (int prio = 100; prio >= 0;) {
		int next = -1;

		for (size_t i = 0; i < c->campaign_count; i++) {
			struct campaign *p = c->campaign[i];

			if (p->spec->priority == prio)
				campaign_run(c, p);
			else if (p->spec->priority < prio)
				next = MAX_OF(next, p->spec->priority);
		}
		prio = next;
	}
}

/* --- targets of a campaign -------------------------------------------------*/

/* Doubling, so that a million targets cost a few moves. */
static int
targets_room(struct campaign *p)
{
	size_t cap = p->target_cap == 0 ? 16 : p->target_cap * 2;
	struct target **v;

	if (p->target_count < p->target_cap)
		return 0;
	if ((v = realloc(p->target, cap * sizeof(*v))) == NULL)
		return -1;
	p->target = v;
	p->target_cap = cap;
	return 0;
}

struct target *
campaign_target_new(struct core *c, struct campaign *p, struct device *d)
{
	struct target *t = NULL;

	if (targets_room(p) < 0 || (t = calloc(1, sizeof(*t))) == NULL) {
		core_fail(c);
		return NULL;
	}
	t->campaign = p;
	t->device = d;
	t->rec.campaign = p->rec.id;
	t->rec.device = d->key;
	t->rec.ordinal = (uint32_t)p->target_count;
	t->rec.wave = (int)p->wave_count - 1;
	t->rec.rule_edge = -1;
	t->next_of_device = d->targets;
	d->targets = t;
	device_register(c, d);
	p->target[p->target_count++] = t;
	p->count[TARGET_WAITING]++;
	wave_tally(t, 1);
	return t;
}

bool
campaign_has(const struct campaign *p, const struct device *d)
{
	const struct target *t;

	for (t = d->targets; t != NULL; t = t->next_of_device)
		if (t->campaign == p)
			return true;
	return false;
}

/* It is on record from here on, in the last wave. */
void
campaign_join(struct core *c, struct campaign *p, struct device *d)
{
	struct target *t;

	if (campaign_has(p, d) || member_why(c, p->spec, d) != MEMBER_YES ||
	    device_more(c, d) == NULL || (t = campaign_target_new(c, p, d)) == NULL)
		return;
	free(p->by_key);
	p->by_key = NULL;
	mark_target(c, t);
	wave_presence(c, t);
	core_event(c, d, p->rec.id, 0, EVENT_OPERATOR, PHASE_NONE, -1, -1,
	    "joins campaign %s", p->rec.name);
}

void
campaign_add_targets(struct core *c, struct campaign *p)
{
	if (p->target_count > 0 || intake_busy(p))
		return;
	intake_list(c, p);
	if (!intake_wanted(c, p))
		intake_all(c, p);
}

void
campaign_drop_targets(struct campaign *p)
{
	for (size_t i = 0; i < p->target_count; i++) {
		struct target *t = p->target[i];
		struct target **at = &t->device->targets;

		while (*at != t)
			at = &(*at)->next_of_device;
		*at = t->next_of_device;
		list_remove(&t->ready);
		list_remove(&t->dirty_node);
		wave_tally(t, -1);
		free(t);
	}
	free(p->target);
	free(p->by_key);
	p->target = p->by_key = NULL;
	p->target_count = p->target_cap = 0;
	memset(p->count, 0, sizeof(p->count));
}

static int
nobody_left(const struct campaign *p, struct errtext *err)
{
	const size_t *out = p->left_out;

	if (out[MEMBER_MODEL] + out[MEMBER_TAG] + out[MEMBER_EXCLUDED] == 0)
		return errtext_set(err, -1,
		    "campaign %s: targets: %s", p->rec.name,
		    p->spec->targets_all ? "all: true matches no known device "
		    "(inventory, campaign lists, registered)"
		    : "no device is named");
	return errtext_set(err, -1,
	    "campaign %s: targets: nobody is left of %zu devices: %zu are of "
	    "another model, %zu have none of the tags, %zu are excluded",
	    p->rec.name, out[MEMBER_MODEL] + out[MEMBER_TAG] +
	    out[MEMBER_EXCLUDED], out[MEMBER_MODEL], out[MEMBER_TAG],
	    out[MEMBER_EXCLUDED]);
}

/* It may begin without a target: those who match later join it. */
static bool
others_may_join(const struct campaign *p)
{
	return p->spec->dynamic &&
	    (p->spec->targets_all || p->spec->device_count > 0);
}

/* Its targets, as the file names them now. */
static int
take_snapshot(struct core *c, struct campaign *p, struct errtext *err)
{
	bool ready = p->intake.stage == INTAKE_READY;
	size_t n;

	if (!ready && intake_moves(c, p)) {
		campaign_drop_targets(p);
		intake_list(c, p);
		intake_all(c, p);
	}
	n = p->target_count;
	if (!p->spec->waves_given && n > WAVES_NEEDED_ABOVE) {
		intake_drop(c, p);
		/* A draft over all devices has none. */
		if (p->spec->targets_all)
			campaign_drop_targets(p);
		return errtext_set(err, -1,
		    "campaign %s: waves: must be given for more than %d "
		    "targets; there are %zu",
		    p->rec.name, WAVES_NEEDED_ABOVE, n);
	}
	if (n == 0 && !others_may_join(p))
		return nobody_left(p, err);
	/* Once more: by now more versions may be known. */
	if (!ready && waves_assign(c, p) < 0)
		core_fail(c);
	return c->failed ? errtext_set(err, -1, "out of memory") : 0;
}

/* No draft any more: from here on its targets are in the record. */
static void
record_targets(struct core *c, struct campaign *p)
{
	if (p->intake.stage == INTAKE_READY) {
		(void)core_ticket(c);
		opbuf_append(&c->fx->ops, &p->intake.ops);
		intake_drop(c, p);
		return;
	}
	for (size_t i = 0; i < p->target_count; i++) {
		(void)device_more(c, p->target[i]->device);
		mark_target(c, p->target[i]);
	}
}

int
campaign_begin(struct core *c, struct campaign *p, struct errtext *err)
{
	int r = schedule_begin(c, p, err);

	if (r != 0)
		return MIN_OF(r, 0);
	if (!intake_ready(c, p))
		return 0;
	if ((r = take_snapshot(c, p, err)) < 0)
		return r;
	bucket_init(&p->bucket, p->spec->pace.start_per_hour, c->now.at_ms);
	campaign_set(c, p, CAMPAIGN_RUNNING, PAUSE_NONE, NULL);
	record_targets(c, p);
	campaign_members_changed(c, p);
	return 0;
}

int
campaign_begin_over(struct core *c, struct campaign *p, struct errtext *err)
{
	int r;

	intake_all(c, p);
	if ((r = take_snapshot(c, p, err)) < 0)
		return r;
	p->rec.started_wall = c->now.wall_ms;
	record_targets(c, p);
	return 0;
}

struct campaign *
campaign_new(struct core *c, struct campaign_spec *spec)
{
	struct campaign *p = calloc(1, sizeof(*p));
	struct campaign **v;

	if (p == NULL || (p->paths = paths_new(spec)) == NULL ||
	    (v = realloc(c->campaign,
		 (c->campaign_count + 1) * sizeof(*v))) == NULL) {
		if (p != NULL)
			paths_free(p->paths);
		free(p);
		core_fail(c);
		return NULL;
	}
	c->campaign = v;
	p->spec = spec;
	list_init(&p->ready);
	list_init(&p->under_way);
	(void)snprintf(p->rec.name, sizeof(p->rec.name), "%s", spec->name);
	p->rec.created_wall = c->now.wall_ms;
	bucket_init(&p->bucket, spec->pace.start_per_hour, c->now.at_ms);
	c->campaign[c->campaign_count++] = p;
	if (waves_make(c, p) < 0 || rules_make(c, p) < 0)
		core_fail(c);
	return p;
}
