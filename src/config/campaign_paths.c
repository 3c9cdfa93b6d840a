#include "config.h"
#include "config/campaign_load.h"

#include <stdio.h>

#include "core/paths.h"

/*
 * Where the packages of a campaign lead: what can never work is an error, what
 * only looks wrong is a warning.
 */
struct paths_ctx {
	struct campaign_load *l;
	const struct paths *g;
	struct opt_value v[PKG_OPTION_COUNT_];
	char path[ENTRY_TEXT];
};

static void
check_package(struct paths_ctx *k, const struct spec_package *p)
{
	const struct campaign_spec *s = k->l->s;
	struct version_path path;
	char key[ENTRY_TEXT + 8], why[PATH_TEXT];

	if (!p->from_any && version_equal(p->from, s->target_version)) {
		(void)snprintf(key, sizeof(key), "%s.from", k->path);
		yw_warn(k->l->w, k->v[PKG_FROM].pos, key, "%s is the "
		    "target_version: such a device is up to date, and the "
		    "package is never used", p->from);
		return;
	}
	if (paths_find(k->g, p->to, NULL, &path) < 0) {
		k->l->no_memory = true;
		return;
	}
	if (path.verdict == PATH_LEADS || path.verdict == PATH_THERE)
		return;
	paths_explain(k->g, p->to, &path, why);
	(void)snprintf(key, sizeof(key), "%s.to", k->path);
	yw_warn(k->l->w, k->v[PKG_TO].pos, key, "from there no package leads "
	    "on to the target_version, and this one is never used (%s)", why);
}

/* Nobody can go back with what this file names; worth knowing before. */
static void
check_way_back(struct campaign_load *l, struct note_pos pos)
{
	const struct campaign_spec *s = l->s;

	for (size_t i = 0; i < s->package_count; i++)
		if (!s->packages[i].from_any &&
		    version_equal(s->packages[i].from, s->target_version))
			return;
	yw_warn(l->w, pos, "packages", "none leads back from %s: have one at "
	    "hand before the first tracker gets it", s->target_version);
}

/* BLE firmware has no version that could be read back. */
static void
check_ble(struct campaign_load *l)
{
	const struct opt_value *v = campaign_value(l, "target_version");

	if (l->s->update == UPDATE_BLE && !v->bad && v->text.n > 0)
		yw_error(l->w, v->pos, "target_version", "%s cannot be read "
		    "back with update: ble, allowed is \"\"", v->text.p);
}

void
campaign_check_paths(struct campaign_load *l)
{
	const struct campaign_spec *s = l->s;
	const struct opt_value *list = campaign_value(l, "packages");
	struct paths *g;
	bool reached = false;

	check_ble(l);
	if (yw_failed(l->w) || s->target_version[0] == '\0' ||
	    l->env->stored || l->no_memory)
		return;
	for (size_t i = 0; i < s->package_count; i++)
		reached |= version_equal(s->packages[i].to, s->target_version);
	if (!reached) {
		yw_error(l->w, list->pos, "packages", "none leads to the "
		    "target_version (%s)", s->target_version);
		return;
	}
	if ((g = paths_new(s)) == NULL) {
		l->no_memory = true;
		return;
	}
	for (size_t i = 0; i < s->package_count; i++) {
		struct paths_ctx k = {.l = l, .g = g};

		(void)campaign_entry(l, "packages", i, &package_options, k.v,
		    k.path);
		check_package(&k, &s->packages[i]);
	}
	if (l->env->advise)
		check_way_back(l, list->pos);
	paths_free(g);
}
