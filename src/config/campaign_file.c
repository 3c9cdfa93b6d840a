#include "config.h"
#include "config/campaign_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/campaign_load.h"

const struct opt_value *
campaign_value(const struct campaign_load *l, const char *key)
{
	return &l->v[opt_find(&campaign_options, key)];
}

const struct option *
campaign_option(const char *key)
{
	return &campaign_options.row[opt_find(&campaign_options, key)];
}

size_t
campaign_entries(const struct campaign_load *l, const struct opt_value *v)
{
	return v->node == 0 || v->bad ? 0 : yw_count(l->w, v->node);
}

int
campaign_entry(struct campaign_load *l, const char *list, size_t i,
    const struct opt_table *t, struct opt_value *v, char path[ENTRY_TEXT])
{
	int node = yw_item(l->w, campaign_value(l, list)->node, i);

	(void)snprintf(path, ENTRY_TEXT, "%s[%zu]", list, i);
	opt_walk(l->w, node, t, path, v);
	return node;
}

/* --- targets ---------------------------------------------------------------*/

static void
load_devices(struct campaign_load *l, const struct opt_value *v)
{
	const struct option *o = campaign_option("targets.devices");
	size_t n = campaign_entries(l, v);

	for (size_t i = 0; i < n; i++) {
		struct devid id;

		/* The walk has checked each; this one only reads. */
		if (devid_parse(opt_list_item(l->w, o, v, i), &id) == 0 &&
		    !id_list_add(&l->ids, &id))
			break;
	}
	if (l->ids.repeated > 0)
		yw_warn(l->w, v->pos, o->key, "%zu ids were named before; "
		    "each counts once", l->ids.repeated);
}

/* Kept as read: the digest is over the file and its lists. */
static bool
keep_list(struct campaign_load *l, char *text, size_t len)
{
	struct campaign_list *v =
	    realloc(l->list, (l->list_count + 1) * sizeof(*v));

	if (v == NULL) {
		free(text);
		l->no_memory = true;
		return false;
	}
	l->list = v;
	v[l->list_count++] = (struct campaign_list){text, len};
	return true;
}

bool
campaign_list(struct campaign_load *l, const char *key,
    const struct opt_value *v, struct id_list *ids)
{
	struct errtext err = {.code = 0};
	char *text = NULL;
	size_t len = 0;
	int r;

	r = l->env->read_list(l->env->arg, l->path, v->text.p, &text, &len,
	    &err);
	if (r == CAMPAIGN_FILES_MISSING) {
		l->files_missing = true;
		if (l->missing != NULL)
			sbuf_addf(l->missing, "%s\n", v->text.p);
		return false;
	}
	if (r < 0) {
		yw_error(l->w, v->pos, key, "%s", err.text);
		return false;
	}
	if (!keep_list(l, text, len))
		return false;
	id_list_read(ids, l->w, v->pos, v->text.p, span_of(text, len));
	if (ids->full && l->env->lists_full != NULL)
		++*l->env->lists_full;
	return true;
}

static void
load_targets(struct campaign_load *l)
{
	const struct opt_value *devices = campaign_value(l, "targets.devices");
	const struct opt_value *file = campaign_value(l, "targets.file");
	const struct opt_value *all = campaign_value(l, "targets.all");
	bool named = campaign_entries(l, devices) > 0 || file->text.n > 0;

	if (devices->bad || file->bad || all->bad)
		return;
	if (all->num != 0 && named) {
		yw_error(l->w, all->pos, "targets.all", "takes every device, "
		    "allowed is true without devices and file");
		return;
	}
	if (all->num == 0 && !named) {
		yw_error(l->w, devices->pos, "targets", "names nobody, allowed "
		    "are devices, a file, or all: true");
		return;
	}
	/* A stored text has its targets in the store. */
	if (l->env->stored)
		return;
	load_devices(l, devices);
	if (file->text.n > 0)
		(void)campaign_list(l, "targets.file", file, &l->ids);
	if (named && l->ids.count == 0 && !l->files_missing &&
	    !yw_failed(l->w))
		yw_warn(l->w, file->pos, "targets", "no device is named: the "
		    "campaign cannot start");
}

/* --- require ---------------------------------------------------------------*/

static void
load_models(struct campaign_load *l, const char *key,
    char (**ret)[MODEL_MAX + 1], size_t *ret_count)
{
	const struct option *o = campaign_option(key);
	const struct opt_value *v = campaign_value(l, key);
	size_t n = campaign_entries(l, v);

	if (n == 0)
		return;
	*ret = calloc(n, sizeof(**ret));
	if (*ret == NULL) {
		l->no_memory = true;
		return;
	}
	for (size_t i = 0; i < n; i++)
		(void)span_copy((*ret)[i], sizeof((*ret)[i]),
		    opt_list_item(l->w, o, v, i));
	*ret_count = n;
}

static void
load_require(struct campaign_load *l)
{
	struct campaign_spec *s = l->s;
	const struct opt_value *v = campaign_value(l, "require.device_type");

	load_models(l, "require.device_type", &s->require_type,
	    &s->require_type_count);
	load_models(l, "require.hardware", &s->require_hardware,
	    &s->require_hardware_count);
	if (s->require_type_count == 0 && s->require_hardware_count == 0)
		yw_warn(l->w, v->pos, "require", "is not given: a device of "
		    "another type gets the package as well");
}

/* --- the whole -------------------------------------------------------------*/

static void
check_retry(struct campaign_load *l)
{
	const struct opt_value *b = campaign_value(l, "retry.backoff");
	const struct opt_value *m = campaign_value(l, "retry.backoff_max");
	const struct opt_value *d = campaign_value(l,
	    "command.download_timeout");

	if (!b->bad && !m->bad && b->num > m->num)
		yw_error(l->w, b->node != 0 ? b->pos : m->pos,
		    "retry.backoff", "is longer than retry.backoff_max");
	if (!d->bad && d->num % 60000 != 0)
		yw_error(l->w, d->pos, "command.download_timeout", "%s is not "
		    "in whole minutes, allowed 5m..30m", d->text.p);
}

/* Without an order no device may be led to it but by a downgrade. */
static void
check_version(struct campaign_load *l)
{
	const struct opt_value *v = campaign_value(l, "target_version");
	const char *t = l->s->target_version;

	if (t[0] != '\0' && !l->s->downgrade &&
	    version_compare(t, "0000") == VERSION_UNORDERED)
		yw_warn(l->w, v->pos, "target_version", "%s is not 4 hex "
		    "digits and has no order: a device with another version "
		    "is skipped as a downgrade", t);
}

static void
load_all(struct campaign_load *l)
{
	struct campaign_spec *s = l->s;

	opt_walk(l->w, yw_root(l->w), &campaign_options, "", l->v);
	free(s->description);
	s->description = NULL;
	/* What was refused must not be too long for its place. */
	for (size_t i = 0; i < campaign_options.count; i++)
		if (l->v[i].bad)
			l->v[i].text = SPAN_LIT("");
	if (opt_store(&campaign_options, l->v, s) < 0) {
		l->no_memory = true;
		return;
	}
	s->update = (enum update_type)(campaign_value(l, "update")->num +
	    UPDATE_MCU);
	load_targets(l);
	campaign_load_members(l);
	load_require(l);
	campaign_load_packages(l);
	campaign_load_waves(l);
	campaign_load_rules(l);
	check_retry(l);
	check_version(l);
	campaign_load_windows(l);
}

/* Over the file, then its lists in the order in which they were read. */
static int
digest(const struct campaign_load *l, const char *text, size_t len)
{
	size_t n = l->list_count + 1;
	const char **part = calloc(n, sizeof(*part));
	size_t *part_len = calloc(n, sizeof(*part_len));

	if (part != NULL && part_len != NULL) {
		part[0] = text;
		part_len[0] = len;
		for (size_t i = 1; i < n; i++) {
			part[i] = l->list[i - 1].text;
			part_len[i] = l->list[i - 1].len;
		}
		l->env->digest(l->env->arg, part, part_len, n, l->s->digest);
	}
	n = part == NULL || part_len == NULL ? 0 : n;
	free(part);
	free(part_len);
	return n == 0 ? -1 : 0;
}

/* What is left when all was good. */
static int
complete(struct campaign_load *l, const char *text, size_t len)
{
	struct campaign_spec *s = l->s;
	char *copy;

	if (!l->env->stored && (campaign_members_digest(l) < 0 ||
		digest(l, text, len) < 0))
		return -1;
	copy = malloc(len + 1);
	s->devices = l->ids.v;
	s->device_count = l->ids.count;
	l->ids.v = NULL;
	s->path = strdup(l->path);
	if (copy == NULL || s->path == NULL) {
		free(copy);
		return -1;
	}
	memcpy(copy, text, len);
	copy[len] = '\0';
	free(s->text);
	s->text = copy;
	s->text_len = len;
	return 0;
}

/* Of a map without errors, so that its keys are ours, and short. */
static void
note_places(const struct yw *w, struct campaign_places *p)
{
	size_t n = MIN_OF(yw_count(w, yw_root(w)), (size_t)CAMPAIGN_KEYS_MAX);
	int key, value;

	for (p->count = 0; p->count < n; p->count++) {
		yw_pair(w, yw_root(w), p->count, &key, &value);
		(void)span_copy(p->v[p->count].key,
		    sizeof(p->v[p->count].key), yw_text(w, key));
		p->v[p->count].at = yw_at(w, key);
	}
}

struct note_pos
campaign_place(const struct campaign_places *p, const char *message)
{
	struct span key = span_of(message, strcspn(message, ":."));

	for (size_t i = 0; i < p->count; i++)
		if (span_is(key, p->v[i].key))
			return p->v[i].at;
	return (struct note_pos){1, 1};
}

int
campaign_parse(const char *path, const char *text, size_t len,
    const struct campaign_env *env, struct campaign_spec **ret,
    struct sbuf *diag, struct sbuf *missing)
{
	struct campaign_load l = {.path = path, .env = env, .missing = missing};
	int r = -1;

	l.w = yw_new(path, text, len);
	l.s = spec_new();
	l.v = calloc(campaign_options.count, sizeof(*l.v));
	id_list_init(&l.ids);
	if (l.w == NULL || l.s == NULL || l.v == NULL) {
		l.no_memory = true;
		goto out;
	}
	if (yw_root(l.w) != 0)
		load_all(&l);
	else if (!yw_failed(l.w))
		yw_error(l.w, (struct note_pos){1, 1}, NULL, "the file is "
		    "empty");
	l.no_memory |= l.ids.failed;
	if (!yw_finish(l.w, diag) || l.no_memory)
		goto out;
	if (l.files_missing) {
		r = CAMPAIGN_FILES_MISSING;
	} else if (complete(&l, text, len) < 0) {
		l.no_memory = true;
	} else {
		if (env->places != NULL)
			note_places(l.w, env->places);
		*ret = l.s;
		l.s = NULL;
		r = 0;
	}
out:
	if (l.no_memory)
		sbuf_addf(diag, "%s: out of memory\n", path);
	spec_free(l.s);
	id_list_done(&l.ids);
	for (size_t i = 0; i < l.list_count; i++)
		free(l.list[i].text);
	free(l.list);
	free(l.v);
	yw_free(l.w);
	return r;
}
