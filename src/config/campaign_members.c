#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "config/campaign_load.h"

/* Who of those that targets names is a member: models, tags, exclude. */

static bool
is_type_code(struct span s)
{
	uint64_t v;

	return (s.n == 2 || s.n == 6) && span_hex(s, UINT64_MAX, &v) == 0;
}

static void
load_models(struct campaign_load *l)
{
	static const char key[] = "targets.models";
	const struct option *o = campaign_option(key);
	const struct opt_value *v = campaign_value(l, key);
	size_t n = campaign_entries(l, v);
	char quote[TEXT_QUOTE];

	if (n == 0)
		return;
	if ((l->s->models = calloc(n, sizeof(*l->s->models))) == NULL) {
		l->no_memory = true;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct span s = opt_list_item(l->w, o, v, i);

		if (!is_type_code(s))
			yw_error(l->w, yw_at(l->w, yw_item(l->w, v->node, i)),
			    key, "%s is no device-type code, allowed 2 or 6 "
			    "hex digits", text_quote(s, quote));
		else
			(void)span_copy(l->s->models[l->s->model_count++],
			    MODEL_CODE_TEXT, s);
	}
}

static void
load_tags(struct campaign_load *l)
{
	static const char key[] = "targets.tags";
	const struct option *o = campaign_option(key);
	const struct opt_value *v = campaign_value(l, key);
	size_t n = campaign_entries(l, v);

	if (n == 0)
		return;
	if ((l->s->tags = calloc(n, sizeof(*l->s->tags))) == NULL) {
		l->no_memory = true;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct span s = opt_list_item(l->w, o, v, i);

		if (memchr(s.p, ';', s.n) != NULL || span_trim(s).n != s.n)
			yw_error(l->w, yw_at(l->w, yw_item(l->w, v->node, i)),
			    key, "has a ; or a blank at an end, which no tag "
			    "of the inventory can have");
		else
			(void)span_copy(l->s->tags[l->s->tag_count++],
			    TAG_TEXT, s);
	}
}

/* What is excluded may change while the campaign runs, so that of a stored
 * text only the list in the file is not known. */
static void
load_exclude(struct campaign_load *l)
{
	const struct option *o = campaign_option("targets.exclude");
	const struct opt_value *v = campaign_value(l, "targets.exclude");
	const struct opt_value *file = campaign_value(l,
	    "targets.exclude_file");
	size_t n = campaign_entries(l, v);
	struct id_list ids;

	id_list_init(&ids);
	for (size_t i = 0; i < n; i++) {
		struct devid id;

		/* The walk has checked each; this one only reads. */
		if (devid_parse(opt_list_item(l->w, o, v, i), &id) == 0 &&
		    !id_list_add(&ids, &id))
			break;
	}
	if (!file->bad && file->text.n > 0 && !l->env->stored)
		(void)campaign_list(l, "targets.exclude_file", file, &ids);
	for (size_t i = 0; i < ids.count; i++)
		l->no_memory |= keyset_add(&l->s->exclude, ids.v[i].key) < 0;
	l->no_memory |= ids.failed;
	keyset_seal(&l->s->exclude);
	id_list_done(&ids);
}

void
campaign_load_members(struct campaign_load *l)
{
	const struct opt_value *m = campaign_value(l, "targets.membership");
	const struct opt_value *end = campaign_value(l, "schedule.end");

	load_models(l);
	load_tags(l);
	load_exclude(l);
	if (!m->bad && m->num != 0 && !end->bad && end->text.n == 0)
		yw_error(l->w, m->pos, "targets.membership", "dynamic needs "
		    "schedule.end: until then others may join");
}

/* Of the ids in their order: all that is kept of the lists over a restart. */
int
campaign_members_digest(struct campaign_load *l)
{
	size_t n = l->ids.count;
	uint64_t *key;
	const char *part;
	size_t len;

	if (n == 0)
		return 0;
	if ((key = calloc(n, sizeof(*key))) == NULL)
		return -1;
	for (size_t i = 0; i < n; i++)
		key[i] = l->ids.v[i].key;
	part = (const char *)key;
	len = n * sizeof(*key);
	l->env->digest(l->env->arg, &part, &len, 1, l->s->targets_digest);
	free(key);
	return 0;
}
