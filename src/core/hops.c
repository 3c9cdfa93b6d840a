#include "config.h"
#include "core/state.h"

#include "core/plant.h"

/*
 * A target's way over several packages: one hop at a time, planned anew from
 * the version that the last fence brought (design.md 3).
 */

static struct path_done
done_of(const struct target *t)
{
	return (struct path_done){.via = t->rec.via, .hops = t->rec.hops};
}

static bool
plan(struct core *c, const struct target *t, struct version_path *ret)
{
	struct path_done done = done_of(t);

	if (paths_find(t->campaign->paths, t->device->more->rec.fence_version,
		planted("hops_forgotten") ? NULL : &done, ret) == 0)
		return true;
	core_fail(c);
	return false;
}

const struct spec_package *
target_edge(struct core *c, struct target *t)
{
	struct version_path path;
	int edge;

	if (!plan(c, t, &path) || path.verdict != PATH_LEADS)
		return NULL;
	edge = (int)path.package + 1;
	if (t->rec.edge != edge && !planted("attempts_over_hops")) {
		/* What failed was another package: max_attempts per hop. */
		t->rec.attempts = 0;
		t->rec.resends = 0;
		t->rec.update_failed = 0;
	}
	t->rec.edge = edge;
	mark_target(c, t);
	return &t->campaign->spec->packages[path.package];
}

bool
target_no_way(struct core *c, struct target *t)
{
	const struct device *d = t->device;
	char why[PATH_TEXT];
	struct version_path path;

	if (!plan(c, t, &path) || path.verdict == PATH_LEADS)
		return false;
	paths_explain(t->campaign->paths, d->more->rec.fence_version, &path,
	    why);
	core_event(c, d, t->campaign->rec.id, 0, EVENT_PHASE, PHASE_NONE, -1,
	    -1, "no way: %s", why);
	core_note(c, NOTE_INFO, "no_way device=%s campaign=%s why=\"%s\"",
	    d->id, t->campaign->rec.name, why);
	target_set(c, t, TARGET_SKIPPED, path.verdict == PATH_DOWN
		? CAUSE_DOWNGRADE : CAUSE_NO_PATH);
	return true;
}

/* As of the version that the last fence brought. */
void
target_missing(const struct target *t, char buf[PATH_TEXT])
{
	const struct device_more *m = t->device->more;
	struct path_done done = done_of(t);
	struct version_path path;

	buf[0] = '\0';
	if (m == NULL || (t->rec.cause != CAUSE_NO_PATH &&
		t->rec.cause != CAUSE_DOWNGRADE) ||
	    paths_find(t->campaign->paths, m->rec.fence_version, &done,
		&path) < 0)
		return;
	paths_explain(t->campaign->paths, m->rec.fence_version, &path, buf);
}

/* The device shows the version that this hop was for. */
void
target_hop_done(struct core *c, struct target *t, const struct attempt *a)
{
	const struct campaign *p = t->campaign;
	struct path_done done = done_of(t);

	if (t->rec.edge > 0 && a->rec.to[0] != '\0') {
		path_add(&done, (size_t)t->rec.edge - 1);
		t->rec.via = done.via;
		t->rec.hops = done.hops;
	}
	if (version_equal(a->rec.to, p->spec->target_version) ||
	    planted("first_hop_is_all")) {
		target_set(c, t, TARGET_SUCCEEDED, CAUSE_NONE);
		return;
	}
	core_event(c, t->device, p->rec.id, a->rec.id, EVENT_PHASE, PHASE_NONE,
	    -1, -1, "hop %d: %s -> %s", t->rec.hops, a->rec.from, a->rec.to);
	/* Too late for the stop, not for the hop that would follow. */
	if (a->rec.cancel_wanted)
		target_set(c, t, TARGET_CANCELLED, a->rec.cancel_cause);
	else if (campaign_only_settles(p))
		target_set(c, t, TARGET_CANCELLED,
		    p->rec.state == CAMPAIGN_FINISHED
			? CAUSE_EXPIRED : schedule_leftover_cause(p));
	else
		target_set(c, t, TARGET_WAITING, CAUSE_NONE);
}
