#include "config.h"
#include "core/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	    "campaign %s -> %s %s %s", campaign_state_name(from),
	    campaign_state_name(state), pause_reason_name(reason),
	    p->rec.reason_text);
	waves_campaign(c, p);
	schedule_arm(c, p);
	if (state == CAMPAIGN_FINISHED || state == CAMPAIGN_ABORTED)
		windows_drop(c, p);
	c->pace_changed = true;
	if (from == CAMPAIGN_RUNNING)
		campaign_release(c, p);
}

void
campaign_check_end(struct core *c, struct campaign *p)
{
	size_t open = p->count[TARGET_WAITING] + p->count[TARGET_ACTIVE] +
	    p->count[TARGET_BACKOFF];
	char text[REASON_MAX + 1];

	/* Not begun, it may not even know its targets yet. */
	if (open != 0 || c->loading || p->rec.started_wall == 0 ||
	    members_open(p))
		return;
	if (p->rec.state == CAMPAIGN_RUNNING ||
	    p->rec.state == CAMPAIGN_PAUSED)
		campaign_set(c, p, CAMPAIGN_FINISHED, PAUSE_NONE, NULL);
	if (p->rec.state != CAMPAIGN_ABORTING)
		return;
	/* The rule that did it stays to be read. */
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
void
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

void
campaign_release(struct core *c, struct campaign *p)
{
	for (size_t i = 0; i < p->target_count; i++)
		if (!target_state_terminal(p->target[i]->rec.state))
			device_kick_later(c, p->target[i]->device);
}

/* After a start or resume: everyone who is online is looked at once. */
void
campaign_wake(struct core *c, struct campaign *p)
{
	for (size_t i = 0; i < p->target_count; i++) {
		struct target *t = p->target[i];

		if (t->device->conn != NULL &&
		    t->rec.state == TARGET_WAITING)
			target_evaluate(c, t);
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

static struct target *
target_new(struct core *c, struct campaign *p, struct device *d)
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

/* Nothing is made of an id that the campaign leaves out. */
static int
target_of_id(struct core *c, struct campaign *p, const struct devid *id)
{
	const struct device nobody = {.key = id->key,
	    .fleet_gen = (c->fleet_gen - 1) & FLEET_GENS};
	struct device *d = device_find(c, id->key);
	enum member_why why = member_why(c, p->spec, d == NULL ? &nobody : d);

	p->left_out[why]++;
	if (why != MEMBER_YES)
		return 0;
	if (d == NULL && (d = device_make(c, id)) == NULL)
		return -1;
	return target_new(c, p, d) == NULL ? -1 : 0;
}

static int
targets_of_list(struct core *c, struct campaign *p)
{
	const struct campaign_spec *s = p->spec;

	if (idmap_reserve(&c->devices, c->devices.len + s->device_count) < 0)
		return -1;
	for (size_t i = 0; i < s->device_count; i++)
		if (target_of_id(c, p, &s->devices[i]) < 0)
			return -1;
	return 0;
}

static int
targets_of_all(struct core *c, struct campaign *p)
{
	size_t rows = inventory_count(c->fleet.inventory), pos = 0;
	struct device *d;

	/* First those in memory: no device may be made during the walk. */
	while ((d = idmap_next(&c->devices, &pos)) != NULL) {
		struct devid id = {.key = d->key};

		memcpy(id.text, d->id, sizeof(id.text));
		if (!d->observed && target_of_id(c, p, &id) < 0)
			return -1;
	}
	for (size_t i = 0; i < rows; i++) {
		struct devid id;

		inventory_id(c->fleet.inventory, (uint32_t)i, &id);
		d = device_find(c, id.key);
		if ((d == NULL || d->targets == NULL ||
			d->targets->campaign != p) &&
		    target_of_id(c, p, &id) < 0)
			return -1;
	}
	return 0;
}

static bool
is_target(const struct campaign *p, const struct device *d)
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

	if (is_target(p, d) || member_why(c, p->spec, d) != MEMBER_YES ||
	    device_more(c, d) == NULL || (t = target_new(c, p, d)) == NULL)
		return;
	free(p->by_key);
	p->by_key = NULL;
	mark_target(c, t);
	wave_presence(c, t);
	core_event(c, d, p->rec.id, 0, EVENT_OPERATOR, PHASE_NONE, -1, -1,
	    "joins campaign %s", p->rec.name);
}

int
campaign_add_targets(struct core *c, struct campaign *p)
{
	int r;

	if (p->target_count > 0)
		return 0;
	memset(p->left_out, 0, sizeof(p->left_out));
	r = p->spec->targets_all ? targets_of_all(c, p)
				 : targets_of_list(c, p);
	if (r == 0)
		r = waves_assign(c, p);
	if (r < 0)
		core_fail(c);
	return r;
}

static void
targets_drop(struct campaign *p)
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

/* What the file names may be fewer, or others, than when it was read. */
static bool
snapshot_moves(const struct core *c, const struct campaign *p)
{
	const struct campaign_spec *s = p->spec;

	return s->targets_all || s->model_count > 0 || s->tag_count > 0 ||
	    s->exclude.count > 0 || c->exclusions.len > 0 ||
	    p->left_out[MEMBER_EXCLUDED] > 0;
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

/* The snapshot, and off it goes. */
int
campaign_begin(struct core *c, struct campaign *p, struct errtext *err)
{
	int r = schedule_begin(c, p, err);

	if (r != 0)
		return MIN_OF(r, 0);
	if (snapshot_moves(c, p)) {
		targets_drop(p);
		if (campaign_add_targets(c, p) < 0)
			return errtext_set(err, -1, "out of memory");
	}
	if (p->spec->targets_all && !p->spec->waves_given &&
	    p->target_count > WAVES_NEEDED_ABOVE) {
		size_t n = p->target_count;

		targets_drop(p);
		return errtext_set(err, -1,
		    "campaign %s: waves: must be given for more than %d "
		    "targets; all: true takes %zu",
		    p->rec.name, WAVES_NEEDED_ABOVE, n);
	}
	if (p->target_count == 0)
		return nobody_left(p, err);
	/* Once more: by now more versions may be known. */
	if (waves_assign(c, p) < 0) {
		core_fail(c);
		return errtext_set(err, -1, "out of memory");
	}
	bucket_init(&p->bucket, p->spec->pace.start_per_hour, c->now.at_ms);
	campaign_set(c, p, CAMPAIGN_RUNNING, PAUSE_NONE, NULL);
	/* No draft any more: from here on its targets are in the record. */
	for (size_t i = 0; i < p->target_count; i++) {
		(void)device_more(c, p->target[i]->device);
		mark_target(c, p->target[i]);
	}
	campaign_members_changed(c, p);
	return 0;
}

/* --- files -----------------------------------------------------------------*/

static void
add_revision(struct core *c, struct campaign *p)
{
	struct op_revision r = {
	    .campaign = p->rec.id,
	    .wall = c->now.wall_ms,
	    .text_len = p->spec->text_len,
	};

	r.revision = ++p->rec.revision;
	memcpy(p->rec.digest, p->spec->digest, sizeof(p->rec.digest));
	memcpy(r.digest, p->spec->digest, sizeof(r.digest));
	memcpy(p->rec.targets_digest, p->spec->targets_digest,
	    sizeof(p->rec.targets_digest));
	if ((r.text = malloc(p->spec->text_len + 1)) == NULL) {
		core_fail(c);
		return;
	}
	memcpy(r.text, p->spec->text, p->spec->text_len);
	r.text[r.text_len] = '\0';
	mark_campaign(c, p);
	core_op(c, OP_REVISION, &r);
	packages_pin(c, p);
}

static struct campaign *
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
	(void)snprintf(p->rec.name, sizeof(p->rec.name), "%s", spec->name);
	p->rec.created_wall = c->now.wall_ms;
	bucket_init(&p->bucket, spec->pace.start_per_hour, c->now.at_ms);
	c->campaign[c->campaign_count++] = p;
	if (waves_make(c, p) < 0 || rules_make(c, p) < 0)
		core_fail(c);
	return p;
}

static enum file_verdict
file_new(struct core *c, struct campaign_spec *spec, struct errtext *err)
{
	struct campaign *p;

	if (!spec->approval_required && spec->targets_all &&
	    fleet_known(c) == 0) {
		(void)errtext_set(err, -1,
		    "campaign %s: targets: all: true matches no known device "
		    "(inventory, campaign lists, registered)",
		    spec->name);
		spec_free(spec);
		return FILE_REFUSED;
	}
	if ((p = campaign_new(c, spec)) == NULL) {
		spec_free(spec);
		return FILE_REFUSED;
	}
	/* No memory for its waves: there is nothing a target could belong to,
	 * and the batch says that the process must end. */
	if (c->failed)
		return FILE_REFUSED;
	p->rec.id = c->flags.next_campaign++;
	c->flags_dirty = true;
	p->rec.state = CAMPAIGN_DRAFT;
	for (size_t i = 0; i < p->wave_count; i++)
		p->wave[i]->rec.campaign = p->rec.id;
	add_revision(c, p);
	windows_reset(c, p);
	if (!spec->targets_all && campaign_add_targets(c, p) < 0)
		return FILE_REFUSED;
	core_note(c, NOTE_INFO, "campaign_new name=%s targets=%zu digest=%.12s",
	    p->rec.name, p->target_count, p->rec.digest);
	if (!spec->approval_required)
		(void)campaign_begin(c, p, err);
	return FILE_NEW;
}

/* The spec that the store kept has no lists: the targets themselves tell. */
static bool
stored_targets_same(const struct campaign *p, const struct campaign_spec *spec)
{
	if (spec->targets_all)
		return p->spec->targets_all;
	if (p->rec.targets_digest[0] != '\0')
		return strcmp(p->rec.targets_digest,
		    spec->targets_digest) == 0;
	if (spec->device_count != p->target_count)
		return false;
	/* They were loaded in another order than they are listed. */
	for (size_t i = 0; i < p->target_count; i++) {
		const struct target *t = p->target[i];

		if (t->rec.ordinal >= spec->device_count ||
		    spec->devices[t->rec.ordinal].key != t->device->key)
			return false;
	}
	return true;
}

static void
spec_replace(struct core *c, struct campaign *p, struct campaign_spec *spec)
{
	struct paths *paths = paths_new(spec);
	bool rank = spec->priority != p->spec->priority;

	if (paths == NULL) {
		core_fail(c);
		spec_free(spec);
		return;
	}
	paths_free(p->paths);
	p->paths = paths;
	spec_free(p->spec);
	p->spec = spec;
	p->spec_stored = false;
	p->spec_broken = false;
	p->file_gone = false;
	bucket_rate(&p->bucket, spec->pace.start_per_hour);
	p->in_flight_was = p->in_flight; /* what is under way goes on */
	/* Of a draft only: those of a campaign that runs are frozen. */
	if ((p->rec.started_wall == 0 && p->target_count == 0 &&
		waves_make(c, p) < 0) ||
	    rules_make(c, p) < 0)
		core_fail(c);
	c->pace_changed = true;
	if (rank)
		campaign_release(c, p);
	windows_reset(c, p);
	schedule_clock(c, p);
}

/* A draft has the targets of its file; it runs by itself where nobody has to
 * approve it. err: why it cannot. */
static void
draft_ready(struct core *c, struct campaign *p, struct errtext *err)
{
	if (!p->spec->targets_all && campaign_add_targets(c, p) < 0)
		return;
	if (!p->spec->approval_required)
		(void)campaign_begin(c, p, err);
}

static enum file_verdict
file_draft_changed(struct core *c, struct campaign *p,
    struct campaign_spec *spec, struct errtext *err)
{
	targets_drop(p);
	spec_replace(c, p, spec);
	add_revision(c, p);
	draft_ready(c, p, err);
	return FILE_CHANGED_OK;
}

/* The key that differs and may not while it runs; NULL: none does. */
static const char *
frozen_key(const struct campaign *p, struct campaign_spec *spec)
{
	const char *key = NULL;
	struct devid *devices = spec->devices;
	size_t n = spec->device_count;

	if (p->spec_broken)
		return "the file";
	if (!p->spec_stored)
		return spec_same_frozen(p->spec, spec, &key) ? NULL : key;
	/* Compare everything but the lists, then the lists. */
	spec->devices = NULL;
	spec->device_count = 0;
	if (spec_same_frozen(p->spec, spec, &key))
		key = NULL;
	spec->devices = devices;
	spec->device_count = n;
	if (key == NULL && !stored_targets_same(p, spec))
		return "targets";
	return key == NULL && !waves_stored_same(p, spec) ? "waves" : key;
}

static void
refused_change(const struct campaign *p, const char *key, struct errtext *err)
{
	(void)errtext_set(err, -1,
	    "campaign %s: %s: may not change while the campaign is %s",
	    p->rec.name, key, campaign_state_name(p->rec.state));
}

static void
refused_over(const struct campaign *p, struct errtext *err)
{
	(void)errtext_set(err, -1,
	    "campaign %s is %s and never runs again: give the changed file "
	    "another name",
	    p->rec.name, campaign_state_name(p->rec.state));
}

/* Whoever had the files read, or the daemon by itself, at start. */
static void
file_audit(struct core *c, const struct campaign *p, const char *action,
    const char *what)
{
	char reason[REASON_MAX + 1];
	const char *why = c->files_reason == NULL ? "" : c->files_reason;

	(void)snprintf(reason, sizeof(reason), "%s%s%s", what,
	    why[0] == '\0' ? "" : ": ", why);
	core_audit(c, c->files_who == NULL ? "daemon" : c->files_who, action,
	    p->rec.name, reason);
}

static void
file_pause(struct core *c, struct campaign *p, enum pause_reason why,
    const char *text)
{
	if (p->rec.state != CAMPAIGN_RUNNING &&
	    p->rec.state != CAMPAIGN_SCHEDULED)
		return;
	campaign_set(c, p, CAMPAIGN_PAUSED, why, text);
	file_audit(c, p, "campaign_pause", pause_reason_name(why));
}

static enum file_verdict
file_running_changed(struct core *c, struct campaign *p,
    struct campaign_spec *spec, bool at_start, struct errtext *err)
{
	const char *key;
	char text[32];

	if (packages_changed(c, p, spec, err)) {
		spec_free(spec);
		return FILE_REFUSED;
	}
	if ((key = frozen_key(p, spec)) == NULL) {
		bool others = p->spec_stored ||
		    !keyset_same(&p->spec->exclude, &spec->exclude);

		spec_replace(c, p, spec);
		add_revision(c, p);
		(void)snprintf(text, sizeof(text), "revision %d",
		    p->rec.revision);
		file_audit(c, p, "revision", text);
		if (others)
			campaign_members_changed(c, p);
		return FILE_CHANGED_OK;
	}
	refused_change(p, key, err);
	if (at_start)
		file_pause(c, p, PAUSE_FILE_CHANGED, key);
	spec_free(spec);
	return FILE_REFUSED;
}

static enum file_verdict
campaign_file(struct core *c, struct campaign_spec *spec, bool at_start,
    struct errtext *err)
{
	struct campaign *p = campaign_find(c, spec->name);
	bool stored;

	if (p == NULL)
		return file_new(c, spec, err);
	if (strcmp(p->rec.digest, spec->digest) == 0) {
		if (packages_changed(c, p, spec, err)) {
			spec_free(spec);
			return FILE_REFUSED;
		}
		stored = p->spec_stored;
		spec_replace(c, p, spec);
		packages_pin(c, p);
		/* The lists of what was excluded are known again. */
		if (stored)
			campaign_members_changed(c, p);
		/* A draft that the store remembered has no targets yet. */
		if (p->rec.state == CAMPAIGN_DRAFT)
			draft_ready(c, p, err);
		else if (p->rec.started_wall == 0 && !spec->targets_all &&
		    p->rec.state != CAMPAIGN_ABORTED)
			(void)campaign_add_targets(c, p);
		return FILE_SAME;
	}
	switch (p->rec.state) {
	case CAMPAIGN_DRAFT:
		return file_draft_changed(c, p, spec, err);
	case CAMPAIGN_ABORTED:
	case CAMPAIGN_FINISHED:
		refused_over(p, err);
		spec_free(spec);
		return FILE_REFUSED;
	default:
		return file_running_changed(c, p, spec, at_start, err);
	}
}

enum file_verdict
core_campaign_file(struct core *c, struct campaign_spec *spec, bool at_start,
    struct core_now now, struct fx *fx, struct errtext *err)
{
	enum file_verdict v;

	core_enter(c, now, fx);
	v = campaign_file(c, spec, at_start, err);
	core_leave(c);
	return v;
}

int
core_campaign_allowed(const struct core *c, struct campaign_spec *spec,
    struct errtext *err)
{
	const struct campaign *p = campaign_find(c, spec->name);
	const char *key;

	if (p == NULL || strcmp(p->rec.digest, spec->digest) == 0 ||
	    p->rec.state == CAMPAIGN_DRAFT)
		return 0;
	if (p->rec.state == CAMPAIGN_ABORTED ||
	    p->rec.state == CAMPAIGN_FINISHED) {
		refused_over(p, err);
		return -1;
	}
	if ((key = frozen_key(p, spec)) == NULL)
		return 0;
	refused_change(p, key, err);
	return -1;
}

void
core_files_by(struct core *c, const char *who, const char *reason)
{
	c->files_who = who;
	c->files_reason = reason;
}

void
core_campaign_file_lost(struct core *c, const char *name,
    enum pause_reason why, bool at_start, struct core_now now, struct fx *fx)
{
	struct campaign *p = campaign_find(c, name);

	/* At a reload what is broken stays as it was; what is gone pauses. */
	if (p == NULL || (why == PAUSE_FILE_BROKEN && !at_start))
		return;
	core_enter(c, now, fx);
	p->file_gone = why == PAUSE_FILE_GONE;
	file_pause(c, p, why, NULL);
	core_leave(c);
}

void
core_campaigns_without_file(struct core *c, struct core_now now,
    struct fx *fx)
{
	core_enter(c, now, fx);
	for (size_t i = 0; i < c->campaign_count; i++) {
		struct campaign *p = c->campaign[i];

		if (p->spec_stored)
			file_pause(c, p, PAUSE_FILE_GONE, NULL);
	}
	core_leave(c);
}

/* --- at start --------------------------------------------------------------*/

int
core_load_campaign(struct core *c, const struct campaign_rec *r,
    struct campaign_spec *spec)
{
	struct campaign *p;
	bool broken = spec == NULL;

	if (broken) {
		if ((spec = spec_new()) == NULL)
			return -1;
		memcpy(spec->name, r->name, sizeof(spec->name));
	}
	if ((p = campaign_new(c, spec)) == NULL) {
		spec_free(spec);
		return -1;
	}
	p->rec = *r;
	for (size_t i = 0; i < p->wave_count; i++)
		p->wave[i]->rec.campaign = r->id;
	p->spec_stored = true;
	p->spec_broken = broken;
	p->bucket.milli = r->bucket_milli;
	p->bucket.at = r->bucket_at;
	return 0;
}

/* Targets come by campaign: the one before had the same, but for a few. */
static struct campaign *
campaign_by_id(struct core *c, int64_t id)
{
	struct campaign *p = c->load_campaign;

	for (size_t i = 0; (p == NULL || p->rec.id != id) &&
	    i < c->campaign_count; i++)
		p = c->campaign[i];
	if (p == NULL || p->rec.id != id)
		return NULL;
	c->load_campaign = p;
	return p;
}

int
core_load_target(struct core *c, const struct target_rec *r)
{
	struct device *d = device_find(c, r->device);
	struct campaign *p = campaign_by_id(c, r->campaign);
	struct target *t;

	if (p == NULL || d == NULL)
		return -1;
	if (r->wave < 0 || (size_t)r->wave >= p->wave_count ||
	    (t = target_new(c, p, d)) == NULL)
		return -1;
	wave_tally(t, -1);
	t->rec = *r;
	wave_tally(t, 1);
	p->count[TARGET_WAITING]--;
	p->count[r->state]++;
	if (r->cause != CAUSE_NONE)
		p->cause[r->cause]++;
	p->attempts += r->attempts_total;
	return 0;
}
