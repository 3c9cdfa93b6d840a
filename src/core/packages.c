#include "config.h"
#include "core/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/plant.h"

/*
 * The identity of packages: size and SHA-256 as they were when the campaign
 * began are on record, and what is no longer that is not given to the rest of
 * the fleet (reason package_changed).
 */

static const char *
name_of(const struct spec_package *k)
{
	return k->file == NULL ? k->url : k->file;
}

/* Nothing known is no difference. */
static bool
differs(const struct package_rec *was, const struct spec_package *is)
{
	return (was->bytes != 0 && is->bytes != 0 &&
		   was->bytes != is->bytes) ||
	    (was->sha256[0] != '\0' && is->sha256[0] != '\0' &&
		strcmp(was->sha256, is->sha256) != 0);
}

static bool
same_record(const struct package_rec *a, const struct package_rec *b)
{
	return a->campaign == b->campaign && a->bytes == b->bytes &&
	    strcmp(a->name, b->name) == 0 &&
	    strcmp(a->sha256, b->sha256) == 0;
}

static bool
pinned_room(struct campaign *p, size_t count)
{
	struct package_rec *v;

	if (count <= p->pinned_count)
		return true;
	if ((v = realloc(p->pinned, count * sizeof(*v))) == NULL)
		return false;
	memset(v + p->pinned_count, 0,
	    (count - p->pinned_count) * sizeof(*v));
	p->pinned = v;
	p->pinned_count = count;
	return true;
}

void
packages_pin(struct core *c, struct campaign *p)
{
	/* What was told stays on record. */
	if (campaign_only_settles(p))
		return;
	if (!pinned_room(p, p->spec->package_count)) {
		core_fail(c);
		return;
	}
	p->package_wrong = false;
	for (size_t i = 0; i < p->spec->package_count; i++) {
		const struct spec_package *k = &p->spec->packages[i];
		struct package_rec r = {
		    .campaign = p->rec.id,
		    .number = (int)i,
		    .bytes = k->bytes,
		};

		(void)snprintf(r.name, sizeof(r.name), "%s", name_of(k));
		memcpy(r.sha256, k->sha256, sizeof(r.sha256));
		if (same_record(&r, &p->pinned[i]))
			continue;
		p->pinned[i] = r;
		core_op(c, OP_PACKAGE, &r);
	}
}

static bool
must_stay(const struct campaign *p)
{
	return p->rec.state == CAMPAIGN_SCHEDULED ||
	    p->rec.state == CAMPAIGN_RUNNING ||
	    p->rec.state == CAMPAIGN_PAUSED;
}

/* A draft may take another package with a reload; what somebody approves is
 * what was read last. */
static bool
is_watched(const struct campaign *p)
{
	return must_stay(p) || p->rec.state == CAMPAIGN_DRAFT;
}

static bool
goes_on(const struct campaign *p)
{
	return p->rec.state == CAMPAIGN_RUNNING ||
	    p->rec.state == CAMPAIGN_SCHEDULED;
}

static void
pause_for(struct core *c, struct campaign *p, const char *text)
{
	char reason[REASON_MAX + 1];

	if (!goes_on(p))
		return;
	campaign_set(c, p, CAMPAIGN_PAUSED, PAUSE_PACKAGE_CHANGED, text);
	(void)snprintf(reason, sizeof(reason), "%s: %s",
	    pause_reason_name(PAUSE_PACKAGE_CHANGED), text);
	core_audit(c, c->files_who == NULL ? "daemon" : c->files_who,
	    "campaign_pause", p->rec.name, reason);
}

int
packages_same(const struct campaign *p, const struct campaign_spec *spec,
    const char **ret_name, struct errtext *err)
{
	size_t n = MIN_OF(spec->package_count, p->pinned_count);

	if (!must_stay(p) || planted("package_swapped"))
		return 0;
	for (size_t i = 0; i < n; i++) {
		const struct spec_package *is = &spec->packages[i];

		/* Another list of packages is another matter; and of a url
		 * the campaign file says what it likes. */
		if (is->file == NULL ||
		    strcmp(p->pinned[i].name, name_of(is)) != 0 ||
		    !differs(&p->pinned[i], is))
			continue;
		*ret_name = name_of(is);
		return errtext_set(err, -1,
		    "campaign %s: packages: %s is not the file that it was "
		    "when the campaign began",
		    p->rec.name, name_of(is));
	}
	return 0;
}

bool
packages_changed(struct core *c, struct campaign *p,
    const struct campaign_spec *spec, struct errtext *err)
{
	const char *name;

	if (packages_same(p, spec, &name, err) == 0)
		return false;
	p->package_wrong = true;
	pause_for(c, p, name);
	return true;
}

int
core_load_package(struct core *c, const struct package_rec *r)
{
	struct campaign *p = NULL;

	for (size_t i = 0; i < c->campaign_count; i++)
		if (c->campaign[i]->rec.id == r->campaign)
			p = c->campaign[i];
	if (p == NULL || r->number < 0)
		return -1;
	if ((size_t)r->number >= p->spec->package_count)
		return 0;
	if (!pinned_room(p, p->spec->package_count))
		return -1;
	p->pinned[r->number] = *r;
	return 0;
}

size_t
core_packages_watched(const struct core *c, size_t i,
    const struct spec_package **ret, const char **ret_campaign)
{
	const struct campaign *p;

	if (i >= c->campaign_count)
		return 0;
	p = c->campaign[i];
	/* A stored text has no files; nothing of it starts. */
	if (!is_watched(p) || p->spec_stored || p->spec_broken)
		return 0;
	*ret = p->spec->packages;
	*ret_campaign = p->rec.name;
	return p->spec->package_count;
}

void
core_packages_seen(struct core *c, const char *campaign, const char *wrong,
    struct core_now now, struct fx *fx)
{
	struct campaign *p = campaign_find(c, campaign);

	if (p == NULL || !is_watched(p) ||
	    (p->package_wrong == (wrong != NULL) &&
		(wrong == NULL || !goes_on(p))))
		return;
	core_enter(c, now, fx);
	p->package_wrong = wrong != NULL;
	if (wrong != NULL) {
		core_note(c, NOTE_ERROR, "package_changed campaign=%s why=\"%s\"",
		    p->rec.name, wrong);
		pause_for(c, p, wrong);
	} else {
		core_note(c, NOTE_INFO, "package_restored campaign=%s",
		    p->rec.name);
	}
	core_leave(c);
}
