#include "config.h"
#include "config/campaign_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/filetoken.h"

#define PATH_TEXT (ENTRY_TEXT + 24) /* "packages[0].sha256" */

struct package_ctx {
	struct campaign_load *l;
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

	if (from->bad || to->bad || campaign_value(k->l, "target_version")->bad)
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
		    "target_version (%s), or a version on the way to it",
		    s->target_version);
	else if (!p->from_any && version_equal(p->from, p->to))
		yw_error(w, from->pos, KEY(k, "from"), "is the same version "
		    "as to");
	else if (!p->from_any && !s->downgrade &&
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
	if (file_token_leads(s.p))
		return "begins as the token of a download does";
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

/* It would be held for ever, and only `campaign show` would say by what. */
static void
check_rate(struct package_ctx *k)
{
	const struct campaign_env *env = k->l->env;
	double scale = env->time_scale > 0 ? env->time_scale : 1;
	int64_t ms = (int64_t)((double)k->l->s->download_timeout_ms / scale);
	int64_t need = spec_rate_needed(k->p->bytes, ms);
	char key[PATH_TEXT];

	if (env->tokens && env->file_rate > 0 && need > env->file_rate)
		yw_warn(k->l->w, k->v[PKG_FILE].pos, KEY(k, "file"), "takes "
		    "%lld bytes/s to arrive within command.download_timeout, "
		    "files.rate is %lld: nothing starts",
		    (long long)need, (long long)env->file_rate);
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
	/* A stored campaign may be from before there were tokens. */
	if (n > 0 && k->l->env->tokens && !k->l->env->stored &&
	    n + FILE_TOKEN_LEN + 1 > URL_MAX) {
		yw_error(w, file->pos, KEY(k, "file"), "makes the URL "
		    "%s/_xxxxxxxxxxxxxxxx/%s of %d characters, allowed up to %d", base,
		    p->file, n + FILE_TOKEN_LEN + 1, URL_MAX);
		return;
	}
	if (n < 0 || (size_t)n >= sizeof(p->url)) {
		yw_error(w, file->pos, KEY(k, "file"), "makes the URL %s/%s of "
		    "%d characters, allowed up to %d", base, p->file, n,
		    URL_MAX);
		return;
	}
	if (!command_url_ok(p->url))
		yw_error(w, file->pos, KEY(k, "file"), "makes the URL %s, "
		    "which no command can carry", p->url);
	else if (!k->l->env->stored) {
		check_content(k);
		check_rate(k);
	}
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

void
campaign_load_packages(struct campaign_load *l)
{
	const struct opt_value *list = campaign_value(l, "packages");
	const struct option *o = campaign_option("packages");
	size_t n = campaign_entries(l, list);

	if (list->bad)
		return;
	if (n < (size_t)o->min || n > (size_t)o->max) {
		yw_error(l->w, list->pos, "packages", "%zu entries, allowed 1 "
		    "to %d", n, (int)o->max);
		return;
	}
	if (campaign_value(l, "target_version")->text.n == 0 && n > 1 &&
	    !campaign_value(l, "target_version")->bad)
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

		(void)campaign_entry(l, "packages", i, &package_options, k.v,
		    k.path);
		check_edge(&k);
		load_source(&k);
	}
	campaign_check_paths(l);
}
