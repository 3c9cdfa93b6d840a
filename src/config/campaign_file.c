#include "config.h"
#include "config/campaign_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/campaign_options.h"
#include "config/id_list.h"

#define LATER "not available in this version"
#define WAVES_FROM 200 /* targets above which waves must be given */
#define ENTRY_TEXT 40 /* "stop_rules[0]" with any number */
#define PATH_TEXT 64  /* and a key behind it */

struct load {
	struct yw *w;
	struct opt_value *v;
	const char *path;
	const struct campaign_env *env;
	struct campaign_spec *s;
	struct id_list ids;
	char *list;         /* text of targets.file */
	size_t list_len;
	struct sbuf *missing;
	bool files_missing, no_memory;
};

static const struct opt_value *
value_of(const struct load *l, const char *key)
{
	return &l->v[opt_find(&campaign_options, key)];
}

static const struct option *
row_of(const char *key)
{
	return &campaign_options.row[opt_find(&campaign_options, key)];
}

static size_t
entries(const struct load *l, const struct opt_value *v)
{
	return v->node == 0 || v->bad ? 0 : yw_count(l->w, v->node);
}

/* Entry i of a list of maps; its path in messages goes to path. */
static int
walk_entry(struct load *l, const char *list, size_t i,
    const struct opt_table *t, struct opt_value *v, char path[ENTRY_TEXT])
{
	int node = yw_item(l->w, value_of(l, list)->node, i);

	(void)snprintf(path, ENTRY_TEXT, "%s[%zu]", list, i);
	opt_walk(l->w, node, t, path, v);
	return node;
}

/* --- targets ---------------------------------------------------------------*/

static void
load_devices(struct load *l, const struct opt_value *v)
{
	const struct option *o = row_of("targets.devices");
	size_t n = entries(l, v);

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

static void
load_list(struct load *l, const struct opt_value *v)
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
		return;
	}
	if (r < 0) {
		yw_error(l->w, v->pos, "targets.file", "%s", err.text);
		return;
	}
	l->list = text;
	l->list_len = len;
	id_list_read(&l->ids, l->w, v->pos, v->text.p, span_of(text, len));
}

static void
load_targets(struct load *l)
{
	const struct opt_value *devices = value_of(l, "targets.devices");
	const struct opt_value *file = value_of(l, "targets.file");
	const struct opt_value *all = value_of(l, "targets.all");
	bool named = entries(l, devices) > 0 || file->text.n > 0;

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
		load_list(l, file);
	if (named && l->ids.count == 0 && !l->files_missing &&
	    !yw_failed(l->w))
		yw_warn(l->w, file->pos, "targets", "no device is named: the "
		    "campaign cannot start");
}

/* --- require ---------------------------------------------------------------*/

static void
load_models(struct load *l, const char *key,
    char (**ret)[MODEL_MAX + 1], size_t *ret_count)
{
	const struct option *o = row_of(key);
	const struct opt_value *v = value_of(l, key);
	size_t n = entries(l, v);

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
load_require(struct load *l)
{
	struct campaign_spec *s = l->s;
	const struct opt_value *v = value_of(l, "require.device_type");

	load_models(l, "require.device_type", &s->require_type,
	    &s->require_type_count);
	load_models(l, "require.hardware", &s->require_hardware,
	    &s->require_hardware_count);
	if (s->require_type_count == 0 && s->require_hardware_count == 0)
		yw_warn(l->w, v->pos, "require", "is not given: a device of "
		    "another type gets the package as well");
}

/* --- packages --------------------------------------------------------------*/

struct package_ctx {
	struct load *l;
	struct spec_package *p;
	char path[ENTRY_TEXT];
	struct opt_value v[PKG_OPTION_COUNT_];
};

#define KEY(k, name) \
	((void)snprintf(key, sizeof(key), "%s.%s", (k)->path, name), key)

static void
check_edge(struct package_ctx *k)
{
	const struct campaign_spec *s = k->l->s;
	const struct opt_value *from = &k->v[PKG_FROM];
	const struct opt_value *to = &k->v[PKG_TO];
	struct spec_package *p = k->p;
	struct yw *w = k->l->w;
	char key[PATH_TEXT];

	if (from->bad || to->bad || value_of(k->l, "target_version")->bad)
		return;
	p->from_any = span_is(from->text, "any");
	if (!p->from_any)
		(void)span_copy(p->from, sizeof(p->from), from->text);
	(void)span_copy(p->to, sizeof(p->to), to->text);
	if (s->target_version[0] == '\0') {
		if (!p->from_any)
			yw_error(w, from->pos, KEY(k, "from"), "without a "
			    "target_version allowed is any");
		if (p->to[0] != '\0')
			yw_error(w, to->pos, KEY(k, "to"), "without a "
			    "target_version allowed is \"\"");
		return;
	}
	if (p->to[0] == '\0')
		yw_error(w, to->pos, KEY(k, "to"), "is empty, allowed is "
		    "target_version (%s)", s->target_version);
	else if (!version_equal(p->to, s->target_version))
		yw_error(w, to->pos, KEY(k, "to"), "a path over %s is "
		    LATER ", allowed is target_version (%s)", p->to,
		    s->target_version);
	else if (!p->from_any && version_equal(p->from, p->to))
		yw_error(w, from->pos, KEY(k, "from"), "is the same version "
		    "as to");
	else if (!p->from_any &&
	    version_compare(p->from, p->to) == VERSION_GREATER)
		yw_warn(w, from->pos, KEY(k, "from"), "%s is above %s: without "
		    "downgrade such a device is skipped", p->from, p->to);
}

/* A path below files.root as a part of an URL: no detours, no escapes. */
static const char *
file_problem(struct span s)
{
	struct span part;

	if (s.p[0] == '/')
		return "begins with a slash, allowed is a path below "
		       "files.root";
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' ||
		    strchr(",$?#%\\\"<>", s.p[i]) != NULL)
			return "has a character that cannot stand in the URL";
	while (span_field(&s, '/', &part))
		if (part.n == 0 || span_is(part, ".") || span_is(part, ".."))
			return "has an empty, . or .. part, allowed is a "
			       "path below files.root";
	return NULL;
}

static void
check_content(struct package_ctx *k)
{
	const struct opt_value *file = &k->v[PKG_FILE];
	const struct opt_value *sha = &k->v[PKG_SHA256];
	const struct opt_value *bytes = &k->v[PKG_BYTES];
	const struct campaign_env *env = k->l->env;
	struct errtext err = {.code = 0};
	struct spec_package *p = k->p;
	char key[PATH_TEXT], sha256[DIGEST_TEXT] = "";
	uint64_t size = 0;

	if (env->package(env->arg, p->file, &size, sha256, &err) < 0) {
		yw_error(k->l->w, file->pos, KEY(k, "file"), "%s", err.text);
		return;
	}
	if (p->bytes != 0 && p->bytes != size)
		yw_error(k->l->w, bytes->pos, KEY(k, "bytes"), "the file has "
		    "%llu bytes", (unsigned long long)size);
	if (p->sha256[0] != '\0' && strcasecmp(p->sha256, sha256) != 0)
		yw_error(k->l->w, sha->pos, KEY(k, "sha256"), "the file has "
		    "%s", sha256);
	p->bytes = size;
	(void)span_copy(p->sha256, sizeof(p->sha256), span_str(sha256));
}

static void
render_url(struct package_ctx *k)
{
	const struct opt_value *file = &k->v[PKG_FILE];
	const char *base = k->l->env->public_url;
	struct yw *w = k->l->w;
	struct spec_package *p = k->p;
	char key[PATH_TEXT];
	const char *why = file_problem(file->text);
	int n;

	if (why != NULL) {
		yw_error(w, file->pos, KEY(k, "file"), "%s", why);
		return;
	}
	if (base == NULL || base[0] == '\0') {
		yw_error(w, file->pos, KEY(k, "file"), "needs "
		    "files.public_url in the configuration of the daemon, or "
		    "url in its place");
		return;
	}
	n = snprintf(p->url, sizeof(p->url), "%s/%s", base, p->file);
	if (n < 0 || (size_t)n >= sizeof(p->url)) {
		yw_error(w, file->pos, KEY(k, "file"), "makes the URL %s/%s of "
		    "%d characters, allowed up to %d", base, p->file, n,
		    URL_MAX);
		return;
	}
	if (!command_url_ok(p->url))
		yw_error(w, file->pos, KEY(k, "file"), "makes the URL %s, "
		    "which no command can carry", p->url);
	else if (!k->l->env->stored)
		check_content(k);
}

static void
load_source(struct package_ctx *k)
{
	const struct opt_value *file = &k->v[PKG_FILE];
	const struct opt_value *url = &k->v[PKG_URL];
	const struct opt_value *sha = &k->v[PKG_SHA256];
	struct spec_package *p = k->p;
	char key[PATH_TEXT];

	if (file->bad || url->bad || sha->bad || k->v[PKG_BYTES].bad)
		return;
	p->bytes = (uint64_t)k->v[PKG_BYTES].num;
	(void)span_copy(p->sha256, sizeof(p->sha256), sha->text);
	for (char *c = p->sha256; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'F')
			*c = (char)(*c - 'A' + 'a');
	if (file->text.n > 0 && url->text.n > 0) {
		yw_error(k->l->w, url->pos, KEY(k, "url"), "stands beside "
		    "file, allowed is one of the two");
	} else if (url->text.n > 0) {
		(void)span_copy(p->url, sizeof(p->url), url->text);
	} else if (file->text.n > 0) {
		p->file = strdup(file->text.p);
		if (p->file == NULL)
			k->l->no_memory = true;
		else
			render_url(k);
	} else {
		yw_error(k->l->w, file->pos, k->path, "needs a file or a url");
	}
}

static void
load_packages(struct load *l)
{
	const struct opt_value *list = value_of(l, "packages");
	const struct option *o = row_of("packages");
	size_t n = entries(l, list);

	if (list->bad)
		return;
	if (n < (size_t)o->min || n > (size_t)o->max) {
		yw_error(l->w, list->pos, "packages", "%zu entries, allowed 1 "
		    "to %d", n, (int)o->max);
		return;
	}
	if (value_of(l, "target_version")->text.n == 0 && n > 1 &&
	    !value_of(l, "target_version")->bad)
		yw_error(l->w, list->pos, "packages", "%zu entries, allowed "
		    "without a target_version is one, from any", n);
	l->s->packages = calloc(n, sizeof(*l->s->packages));
	if (l->s->packages == NULL) {
		l->no_memory = true;
		return;
	}
	l->s->package_count = n;
	for (size_t i = 0; i < n && !yw_full(l->w); i++) {
		struct package_ctx k = {.l = l, .p = &l->s->packages[i]};

		(void)walk_entry(l, "packages", i, &package_options, k.v,
		    k.path);
		check_edge(&k);
		load_source(&k);
	}
}

/* --- what later versions take more of --------------------------------------*/

static void
load_waves(struct load *l)
{
	const struct opt_value *list = value_of(l, "waves");
	size_t n = entries(l, list);
	struct opt_value v[WAVE_OPTION_COUNT];

	for (size_t i = 0; i < n && !yw_full(l->w); i++) {
		char path[ENTRY_TEXT];
		int node = walk_entry(l, "waves", i, &wave_options, v, path);

		if (i == 1)
			yw_error(l->w, yw_at(l->w, node), path, "a second wave "
			    "is " LATER ", allowed is one entry with a name");
		if (i == 0 && !v[0].bad)
			(void)span_copy(l->s->wave_name,
			    sizeof(l->s->wave_name), v[0].text);
	}
	if (n == 0 && !list->bad && l->ids.count > WAVES_FROM)
		yw_error(l->w, list->pos, "waves", "must be given for %zu "
		    "targets, as for any number above %d; one entry is enough: "
		    "waves: [{name: all}]", l->ids.count, WAVES_FROM);
}

static void
load_windows(struct load *l)
{
	const struct opt_value *v = value_of(l, "windows");
	struct opt_value entry[WINDOW_OPTION_COUNT];

	if (v->bad)
		return;
	if (yw_kind(l->w, v->node) == YW_SCALAR &&
	    span_is(yw_text(l->w, v->node), "always")) {
		l->s->windows_always = true;
		return;
	}
	if (yw_kind(l->w, v->node) != YW_LIST) {
		yw_error(l->w, v->pos, "windows", "is neither the word always "
		    "nor a list");
		return;
	}
	for (size_t i = 0; i < yw_count(l->w, v->node) && !yw_full(l->w); i++) {
		char path[ENTRY_TEXT];

		(void)walk_entry(l, "windows", i, &window_options, entry, path);
	}
	yw_error(l->w, v->pos, "windows", "a list is " LATER ", allowed is the "
	    "word always");
}

/* --- stop rules ------------------------------------------------------------*/

static void
load_rule_waves(struct load *l, const char *path, const struct opt_value *v,
    struct spec_rule *ret, bool *ret_named)
{
	static const struct option name = {.type = VALUE_NAME, .min = 1,
	    .max = CAMPAIGN_NAME_MAX};
	char key[PATH_TEXT];

	if (v->node == 0)
		return;
	(void)snprintf(key, sizeof(key), "%s.waves", path);
	if (yw_kind(l->w, v->node) == YW_SCALAR &&
	    span_is(yw_text(l->w, v->node), "first")) {
		ret->waves_first = true;
		return;
	}
	*ret_named = true;
	if (yw_kind(l->w, v->node) != YW_LIST) {
		yw_error(l->w, v->pos, key, "is neither the word first nor a "
		    "list of names");
		return;
	}
	for (size_t i = 0; i < yw_count(l->w, v->node) && !yw_full(l->w); i++) {
		struct opt_value item = {0};

		opt_scalar(l->w, yw_item(l->w, v->node, i), &name, key, &item);
	}
}

static void
load_rule(struct load *l, size_t i, struct spec_rule *ret, bool *ret_named)
{
	struct opt_value v[RULE_OPTION_COUNT_];
	char path[ENTRY_TEXT];
	int node = walk_entry(l, "stop_rules", i, &rule_options, v, path);
	bool count, rate, sample;

	count = v[RULE_OPT_COUNT].node != 0;
	rate = v[RULE_OPT_RATE].node != 0;
	sample = v[RULE_OPT_MIN_SAMPLE].node != 0;
	*ret = (struct spec_rule){
	    .any = v[RULE_OPT_CAUSE].num == 0,
	    .cause = (enum cause)v[RULE_OPT_CAUSE].num,
	    .scope = (enum rule_scope)v[RULE_OPT_SCOPE].num,
	    .count = v[RULE_OPT_COUNT].num,
	    .rate_ppm = v[RULE_OPT_RATE].num,
	    .min_sample = v[RULE_OPT_MIN_SAMPLE].num,
	    .act = (enum rule_do)v[RULE_OPT_DO].num,
	};
	load_rule_waves(l, path, &v[RULE_OPT_WAVES], ret, ret_named);
	if (count == rate)
		yw_error(l->w, yw_at(l->w, node), path, "allowed is either "
		    "count, or rate with min_sample");
	else if (rate != sample)
		yw_error(l->w, yw_at(l->w, node), path, rate ?
		    "rate needs min_sample" : "min_sample needs rate");
}

static bool
rules_equal(const struct spec_rule *a, const struct spec_rule *b)
{
	return a->any == b->any && a->cause == b->cause &&
	    a->scope == b->scope && a->waves_first == b->waves_first &&
	    a->count == b->count && a->rate_ppm == b->rate_ppm &&
	    a->min_sample == b->min_sample && a->act == b->act;
}

/* The built-in set may be written out, or switched off by []. */
static void
load_rules(struct load *l)
{
	const struct opt_value *list = value_of(l, "stop_rules");
	size_t n = entries(l, list);
	bool same = n == spec_builtin_rule_count;

	if (list->node == 0 || list->bad)
		return;
	if (n == 0) {
		l->s->rule_count = 0;
		return;
	}
	for (size_t i = 0; i < n && !yw_full(l->w); i++) {
		struct spec_rule rule;
		bool named = false;

		load_rule(l, i, &rule, &named);
		same = same && !named &&
		    rules_equal(&rule, &spec_builtin_rules[i]);
	}
	if (!same)
		yw_error(l->w, list->pos, "stop_rules", "a set of your own is "
		    LATER ", allowed is the built-in one (leave the key out) "
		    "or [], which is none");
}

/* --- the whole -------------------------------------------------------------*/

static void
check_retry(struct load *l)
{
	const struct opt_value *b = value_of(l, "retry.backoff");
	const struct opt_value *m = value_of(l, "retry.backoff_max");
	const struct opt_value *d = value_of(l, "command.download_timeout");

	if (!b->bad && !m->bad && b->num > m->num)
		yw_error(l->w, b->node != 0 ? b->pos : m->pos,
		    "retry.backoff", "is longer than retry.backoff_max");
	if (!d->bad && d->num % 60000 != 0)
		yw_error(l->w, d->pos, "command.download_timeout", "%s is not "
		    "in whole minutes, allowed 5m..30m", d->text.p);
}

/* Without an order no device may be led to it but by a downgrade. */
static void
check_version(struct load *l)
{
	const struct opt_value *v = value_of(l, "target_version");
	const char *t = l->s->target_version;

	if (t[0] != '\0' && version_compare(t, "0000") == VERSION_UNORDERED)
		yw_warn(l->w, v->pos, "target_version", "%s is not 4 hex "
		    "digits and has no order: a device with another version "
		    "is skipped as a downgrade", t);
}

static void
load_all(struct load *l)
{
	struct campaign_spec *s = l->s;

	opt_walk(l->w, yw_root(l->w), &campaign_options, "", l->v);
	free(s->description);
	s->description = NULL;
	for (size_t i = 0; i < campaign_options.count; i++)
		if (l->v[i].bad && !value_is_number(campaign_options.row[i].type))
			l->v[i].text = SPAN_LIT("");
	if (opt_store(&campaign_options, l->v, s) < 0) {
		l->no_memory = true;
		return;
	}
	s->update = (enum update_type)(value_of(l, "update")->num + UPDATE_MCU);
	load_targets(l);
	load_require(l);
	load_packages(l);
	load_waves(l);
	load_windows(l);
	load_rules(l);
	check_retry(l);
	check_version(l);
}

/* What is left when all was good. */
static int
complete(struct load *l, const char *text, size_t len)
{
	struct campaign_spec *s = l->s;
	const char *part[2] = {text, l->list};
	size_t part_len[2] = {len, l->list_len};
	char *copy = malloc(len + 1);

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
	if (!l->env->stored)
		l->env->digest(l->env->arg, part, part_len,
		    l->list == NULL ? 1 : 2, s->digest);
	return 0;
}

int
campaign_parse(const char *path, const char *text, size_t len,
    const struct campaign_env *env, struct campaign_spec **ret,
    struct sbuf *diag, struct sbuf *missing)
{
	struct load l = {.path = path, .env = env, .missing = missing};
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
		yw_error(l.w, (struct yw_pos){1, 1}, NULL, "the file is empty");
	l.no_memory |= l.ids.failed;
	if (!yw_finish(l.w, diag) || l.no_memory)
		goto out;
	if (l.files_missing) {
		r = CAMPAIGN_FILES_MISSING;
	} else if (complete(&l, text, len) < 0) {
		l.no_memory = true;
	} else {
		*ret = l.s;
		l.s = NULL;
		r = 0;
	}
out:
	if (l.no_memory)
		sbuf_addf(diag, "%s: out of memory\n", path);
	spec_free(l.s);
	id_list_done(&l.ids);
	free(l.list);
	free(l.v);
	yw_free(l.w);
	return r;
}
