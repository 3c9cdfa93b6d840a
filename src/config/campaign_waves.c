#include "config.h"
#include "config/campaign_load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define WAVES_FROM 200 /* targets above which waves must be given */
#define PATH_TEXT (ENTRY_TEXT + 24) /* "waves[63].gate.unknown_max" */

struct wave_ctx {
	struct campaign_load *l;
	struct spec_wave *w;
	bool last;
	char path[ENTRY_TEXT];
	struct opt_value v[WAVE_OPTION_COUNT_];
};

#define KEY(k, name) \
	((void)snprintf(key, sizeof(key), "%s.%s", (k)->path, name), key)

/* --- who is in it ----------------------------------------------------------*/

/* A list may come from elsewhere and name more than the targets, but one that
 * names none of them is the wrong list. */
static void
check_members(struct wave_ctx *k, const struct id_list *ids)
{
	const struct opt_value *file = &k->v[WAVE_OPT_FILE];
	struct campaign_load *l = k->l;
	const char *first = NULL;
	size_t strange = 0;
	char key[PATH_TEXT];

	if (l->s->targets_all || l->ids.count == 0 || yw_failed(l->w))
		return;
	for (size_t i = 0; i < ids->count; i++)
		if (idmap_get(&l->ids.seen, ids->v[i].key) == NULL &&
		    strange++ == 0)
			first = ids->v[i].text;
	if (strange == ids->count)
		yw_error(l->w, file->pos, KEY(k, "file"), "no id of %s is a "
		    "target of this campaign", file->text.p);
	else if (strange > 0)
		yw_warn(l->w, file->pos, KEY(k, "file"), "%zu ids of %s are "
		    "no targets and are left out, the first is %s", strange,
		    file->text.p, first);
}

/* An id in the lists of two waves stays in the first. */
static void
check_placed(struct wave_ctx *k, const struct id_list *ids,
    struct id_list *placed)
{
	const struct opt_value *file = &k->v[WAVE_OPT_FILE];
	size_t before = placed->repeated;
	char key[PATH_TEXT];

	for (size_t i = 0; i < ids->count; i++)
		if (!id_list_add(placed, &ids->v[i]))
			break;
	if (placed->repeated > before)
		yw_warn(k->l->w, file->pos, KEY(k, "file"), "%zu ids stand in "
		    "the list of an earlier wave and stay there",
		    placed->repeated - before);
	k->l->no_memory |= placed->failed;
}

static void
load_members(struct wave_ctx *k, struct id_list *placed)
{
	const struct opt_value *file = &k->v[WAVE_OPT_FILE];
	struct campaign_load *l = k->l;
	struct id_list ids;
	char key[PATH_TEXT];

	k->w->take = TAKE_FILE;
	if ((k->w->file = strdup(file->text.p)) == NULL) {
		l->no_memory = true;
		return;
	}
	if (l->env->stored)
		return;
	id_list_init(&ids);
	if (campaign_list(l, KEY(k, "file"), file, &ids)) {
		if (ids.count == 0 && !yw_failed(l->w))
			yw_error(l->w, file->pos, KEY(k, "file"),
			    "%s names nobody", file->text.p);
		check_placed(k, &ids, placed);
		check_members(k, &ids);
		k->w->devices = ids.v;
		k->w->device_count = ids.count;
		ids.v = NULL;
	}
	l->no_memory |= ids.failed;
	id_list_done(&ids);
}

static void
load_take(struct wave_ctx *k, struct id_list *placed)
{
	const struct opt_value *count = &k->v[WAVE_OPT_COUNT];
	const struct opt_value *percent = &k->v[WAVE_OPT_PERCENT];
	struct note_pos pos = k->v[WAVE_OPT_NAME].pos;
	bool file = k->v[WAVE_OPT_FILE].text.n > 0;
	int ways = file + (count->node != 0) + (percent->node != 0);
	struct campaign_load *l = k->l;

	if (k->v[WAVE_OPT_FILE].bad || count->bad || percent->bad)
		return;
	if (k->last && ways > 0) {
		yw_error(l->w, pos, k->path, "is the last wave, which takes "
		    "what is left: allowed without file, count and percent; "
		    "add one behind it");
		return;
	}
	if (!k->last && ways != 1) {
		yw_error(l->w, pos, k->path, "allowed is one of file, count "
		    "and percent; only the last wave takes what is left");
		return;
	}
	if (file) {
		load_members(k, placed);
	} else if (count->node != 0) {
		k->w->take = TAKE_COUNT;
		k->w->count = count->num;
	} else if (percent->node != 0) {
		k->w->take = TAKE_PERCENT;
		k->w->percent = (int)percent->num;
	}
}

static void
load_spread(struct wave_ctx *k)
{
	const struct opt_value *v = &k->v[WAVE_OPT_SPREAD];
	struct yw *w = k->l->w;
	char key[PATH_TEXT];

	if (v->bad || v->node == 0)
		return;
	for (size_t i = 0; i < yw_count(w, v->node); i++)
		k->w->spread |= span_is(yw_text(w, yw_item(w, v->node, i)),
		    "version") ? SPREAD_VERSION : SPREAD_COUNTRY;
	if (k->w->spread != 0 && k->w->take != TAKE_COUNT &&
	    k->w->take != TAKE_PERCENT)
		yw_error(w, v->pos, KEY(k, "spread"), "needs count or percent: "
		    "nobody is picked for this wave");
}

/* --- its gate --------------------------------------------------------------*/

static void
load_gate(struct wave_ctx *k)
{
	struct spec_gate *g = &k->w->gate;
	const struct opt_value *v = k->v;
	char key[PATH_TEXT];

	/* Nothing follows the last wave that a gate would have to guard. */
	g->given = !k->last;
	for (size_t i = WAVE_OPT_SUCCESS; i < WAVE_OPTION_COUNT_; i++)
		g->given |= v[i].node != 0;
	g->success_ppm = v[WAVE_OPT_SUCCESS].num;
	g->min_done = v[WAVE_OPT_MIN_DONE].num;
	g->unknown_max_ppm = v[WAVE_OPT_UNKNOWN_MAX].num;
	g->soak_ms = v[WAVE_OPT_SOAK].num;
	g->hold = v[WAVE_OPT_THEN].num == 1;
	g->deadline_ms = v[WAVE_OPT_DEADLINE].num;
	if (k->w->take == TAKE_COUNT && g->min_done > k->w->count)
		yw_warn(k->l->w, v[WAVE_OPT_MIN_DONE].pos,
		    KEY(k, "gate.min_done"), "is more than the %" PRId64
		    " of the wave, of which all are due then", k->w->count);
}

/* --- the list --------------------------------------------------------------*/

static void
load_name(struct wave_ctx *k, size_t n)
{
	const struct opt_value *v = &k->v[WAVE_OPT_NAME];
	const struct campaign_spec *s = k->l->s;
	char key[PATH_TEXT];

	if (v->bad)
		return;
	for (size_t i = 0; i < n; i++)
		if (span_is(v->text, s->waves[i].name)) {
			yw_error(k->l->w, v->pos, KEY(k, "name"), "%s is the "
			    "name of waves[%zu] already", v->text.p, i);
			return;
		}
	(void)span_copy(k->w->name, sizeof(k->w->name), v->text);
}

static void
load_entries(struct campaign_load *l, size_t n)
{
	struct id_list placed;

	id_list_init(&placed);
	for (size_t i = 0; i < n && !yw_full(l->w); i++) {
		struct wave_ctx k = {.l = l, .w = &l->s->waves[i],
		    .last = i + 1 == n};

		(void)campaign_entry(l, "waves", i, &wave_options, k.v,
		    k.path);
		load_name(&k, i);
		load_take(&k, &placed);
		load_spread(&k);
		load_gate(&k);
	}
	id_list_done(&placed);
}

/* Of those that are listed. Who of them has the tags, or is of the models, is
 * known when the campaign starts, and held against the limit then. */
static size_t
targets_listed(const struct campaign_load *l)
{
	const struct campaign_spec *s = l->s;
	size_t n = l->ids.count;

	if (s->model_count > 0 || s->tag_count > 0)
		return 0;
	for (size_t i = 0; i < s->exclude.count; i++)
		n -= idmap_get(&l->ids.seen, s->exclude.v[i]) != NULL;
	return n;
}

void
campaign_load_waves(struct campaign_load *l)
{
	const struct opt_value *list = campaign_value(l, "waves");
	size_t n = campaign_entries(l, list);

	l->s->waves_given = n > 0;
	if (n > WAVES_MAX) {
		yw_error(l->w, list->pos, "waves", "%zu entries, allowed 1 to "
		    "%d", n, WAVES_MAX);
		return;
	}
	if (n > 0 && spec_waves_new(l->s, n) < 0)
		l->no_memory = true;
	else
		load_entries(l, n);
	if (n == 0 && !list->bad && targets_listed(l) > WAVES_FROM)
		yw_error(l->w, list->pos, "waves", "must be given for %zu "
		    "targets, as for any number above %d; one entry is enough: "
		    "waves: [{name: all}]", targets_listed(l), WAVES_FROM);
}
