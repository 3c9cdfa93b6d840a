#include "config.h"
#include "core/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * What becomes of a campaign when its file is new, changed, broken or gone: at
 * start it never keeps the daemon from running, at a reload what is refused
 * stays as it was.
 */

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

static enum file_verdict
file_new(struct core *c, struct campaign_spec *spec, struct errtext *err)
{
	struct campaign *p;

	if (!spec->approval_required && spec->targets_all && !spec->dynamic &&
	    fleet_known(c) == 0) {
		(void)errtext_set(err, -1,
		    "targets.all: matches no known device (inventory, "
		    "campaign lists, registered)");
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
	if (!spec->targets_all)
		campaign_add_targets(c, p);
	if (c->failed)
		return FILE_REFUSED;
	core_note(c, NOTE_INFO, "campaign_new name=%s targets=%zu digest=%.12s",
	    p->rec.name, intake_busy(p) ? spec->device_count : p->target_count,
	    p->rec.digest);
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
	/* What is taken in begins anew, where that matters. */
	if (!keyset_same(&p->spec->exclude, &spec->exclude))
		c->excluded_gen++;
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
		sweep(c, p, SWEEP_RELEASE);
	windows_reset(c, p);
	schedule_clock(c, p);
}

/* A draft has the targets of its file; it runs by itself where nobody has to
 * approve it. err: why it cannot. */
static void
draft_ready(struct core *c, struct campaign *p, struct errtext *err)
{
	if (!p->spec->targets_all)
		campaign_add_targets(c, p);
	if (c->failed)
		return;
	if (!p->spec->approval_required)
		(void)campaign_begin(c, p, err);
}

static enum file_verdict
file_draft_changed(struct core *c, struct campaign *p,
    struct campaign_spec *spec, struct errtext *err)
{
	intake_drop(c, p);
	campaign_drop_targets(p);
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
	    "%s: may not change while the campaign is %s", key,
	    campaign_state_name(p->rec.state));
}

static void
refused_over(const struct campaign *p, struct errtext *err)
{
	(void)errtext_set(err, -1,
	    "campaign: %s is %s and never runs again: give the changed file "
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

/* Of one that has not begun the record has no targets: after a start they are
 * what its file names. */
static void
targets_again(struct core *c, struct campaign *p)
{
	if (p->rec.started_wall == 0 && p->rec.expired_wall == 0 &&
	    !p->spec->targets_all && p->rec.state != CAMPAIGN_ABORTED)
		campaign_add_targets(c, p);
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
		targets_again(c, p);
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
		else
			targets_again(c, p);
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
	const char *key, *name;

	if (p != NULL && packages_same(p, spec, &name, err) < 0)
		return -1;
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
    enum pause_reason why, const char *text, bool at_start,
    struct core_now now, struct fx *fx)
{
	struct campaign *p = campaign_find(c, name);

	/* At a reload what is broken stays as it was; what is gone pauses. */
	if (p == NULL || (why == PAUSE_FILE_BROKEN && !at_start))
		return;
	core_enter(c, now, fx);
	p->file_gone = why == PAUSE_FILE_GONE;
	file_pause(c, p, why, text);
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
