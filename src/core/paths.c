#include "config.h"
#include "core/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/plant.h"

#define NOWHERE 255

/* The best way from a version to the target. */
struct way {
	uint8_t hops;      /* 0 = it is the target; NOWHERE */
	uint16_t package;  /* of the first hop */
	uint64_t bytes;
};

struct node {
	const char *version; /* of the spec */
	struct way up;       /* by packages that may be taken */
	struct way down;     /* the same with downgrade: true */
};

struct paths {
	const struct campaign_spec *spec;
	struct node *node;   /* ascending by version; target is one of them */
	size_t count;
	uint16_t *to;        /* of each package: the node that it leads to */
	size_t target;
};

/* As version_equal() says that two are the same, with an order for search. */
static int
compare(const char *a, const char *b)
{
	for (;; a++, b++) {
		int x = *a >= 'a' && *a <= 'z' ? *a - 32 : *a;
		int y = *b >= 'a' && *b <= 'z' ? *b - 32 : *b;

		if (x != y)
			return x < y ? -1 : 1;
		if (x == '\0')
			return 0;
	}
}

static int
compare_nodes(const void *a, const void *b)
{
	return compare(((const struct node *)a)->version,
	    ((const struct node *)b)->version);
}

static struct node *
node_of(const struct paths *g, const char *version)
{
	struct node key = {.version = version};

	return bsearch(&key, g->node, g->count, sizeof(key), compare_nodes);
}

/* Whether a package may be taken by whoever is at that version. */
static bool
allowed(const struct campaign_spec *s, const char *version,
    const struct spec_package *k)
{
	if (!k->from_any && !version_equal(k->from, version))
		return false;
	if (version_equal(k->to, version))
		return false;
	return s->downgrade ||
	    version_compare(version, k->to) == VERSION_LESS;
}

/* The same for the way that leaves downgrades aside, or does not. */
static bool
takes(const struct paths *g, const char *version, const struct spec_package *k,
    bool down)
{
	if (!down)
		return allowed(g->spec, version, k);
	return (k->from_any || version_equal(k->from, version)) &&
	    !version_equal(k->to, version);
}

static uint64_t
bytes_sum(uint64_t rest, uint64_t of_package)
{
	if (rest == PATH_BYTES_UNKNOWN || of_package == 0 ||
	    of_package >= PATH_BYTES_UNKNOWN - rest)
		return PATH_BYTES_UNKNOWN;
	return rest + of_package;
}

/* Whether package k, after which `rest` is left, is better than what *best
 * has. The order of the file decides last: an equal one does not replace. */
static void
improve(const struct paths *g, struct way *best, size_t k,
    const struct way *rest)
{
	const struct spec_package *p = &g->spec->packages[k];
	struct way w = {
	    .hops = (uint8_t)(rest->hops + 1),
	    .package = (uint16_t)k,
	    .bytes = bytes_sum(rest->bytes, p->bytes),
	};

	if (planted("path_ignores_bytes"))
		w.bytes = 0;
	if (w.hops > best->hops ||
	    (w.hops == best->hops && w.bytes > best->bytes))
		return;
	if (w.hops == best->hops && w.bytes == best->bytes &&
	    (p->from_any || !g->spec->packages[best->package].from_any))
		return;
	*best = w;
}

static struct way *
way_of(struct node *n, bool down)
{
	return down ? &n->down : &n->up;
}

/* Backwards from the target, a layer of hops at a time: what has a way already
 * has no longer one that is better. */
static void
search(struct paths *g, bool down, const bool *banned)
{
	for (size_t i = 0; i < g->count; i++)
		*way_of(&g->node[i], down) = (struct way){
		    .hops = i == g->target ? 0 : NOWHERE};
	for (int h = 1; h <= HOPS_MAX; h++) {
		for (size_t i = 0; i < g->count; i++) {
			struct node *n = &g->node[i];
			struct way *w = way_of(n, down);

			if (w->hops < h || (banned != NULL && banned[i]))
				continue;
			for (size_t k = 0; k < g->spec->package_count; k++) {
				struct way *rest =
				    way_of(&g->node[g->to[k]], down);

				if (rest->hops == h - 1 &&
				    takes(g, n->version,
					&g->spec->packages[k], down))
					improve(g, w, k, rest);
			}
		}
	}
}

static void
collect(struct paths *g)
{
	const struct campaign_spec *s = g->spec;
	size_t kept = 0;

	g->node[g->count++].version = s->target_version;
	for (size_t k = 0; k < s->package_count; k++) {
		g->node[g->count++].version = s->packages[k].to;
		if (!s->packages[k].from_any)
			g->node[g->count++].version = s->packages[k].from;
	}
	qsort(g->node, g->count, sizeof(*g->node), compare_nodes);
	for (size_t i = 0; i < g->count; i++)
		if (kept == 0 || compare_nodes(&g->node[kept - 1],
		    &g->node[i]) != 0)
			g->node[kept++] = g->node[i];
	g->count = kept;
	g->target = (size_t)(node_of(g, s->target_version) - g->node);
	for (size_t k = 0; k < s->package_count; k++)
		g->to[k] = (uint16_t)(node_of(g, s->packages[k].to) - g->node);
}

struct paths *
paths_new(const struct campaign_spec *s)
{
	struct paths *g = calloc(1, sizeof(*g));
	size_t n = s->package_count;

	if (g == NULL)
		return NULL;
	g->spec = s;
	g->node = calloc(2 * n + 1, sizeof(*g->node));
	g->to = calloc(n + 1, sizeof(*g->to));
	if (g->node == NULL || g->to == NULL) {
		paths_free(g);
		return NULL;
	}
	collect(g);
	search(g, false, NULL);
	search(g, true, NULL);
	return g;
}

void
paths_free(struct paths *g)
{
	if (g == NULL)
		return;
	free(g->node);
	free(g->to);
	free(g);
}

/* --- one version -----------------------------------------------------------*/

static struct way
way_from(const struct paths *g, const char *version, bool down)
{
	struct node *n = node_of(g, version);
	struct way best = {.hops = NOWHERE};

	if (n != NULL)
		return *way_of(n, down);
	/* No package names it: only those from any version are left. */
	for (size_t k = 0; k < g->spec->package_count; k++) {
		const struct way *rest = way_of(&g->node[g->to[k]], down);

		if (rest->hops < HOPS_MAX &&
		    takes(g, version, &g->spec->packages[k], down))
			improve(g, &best, k, rest);
	}
	return best;
}

void
path_add(struct path_done *done, size_t package)
{
	if (done->hops < HOPS_MAX)
		done->via |= (uint64_t)package << (8 * done->hops);
	done->hops++;
}

static size_t
done_package(const struct path_done *done, int hop)
{
	return (size_t)(done->via >> (8 * hop)) & 0xff;
}

/* Did the hops so far touch that version? The start of a hop by `any` that no
 * package names is not kept: HOPS_MAX bounds what that lets through. */
static bool
was_visited(const struct paths *g, const struct path_done *done,
    const char *version)
{
	for (int i = 0; i < MIN_OF(done->hops, HOPS_MAX); i++) {
		size_t k = done_package(done, i);
		const struct spec_package *p;

		if (k >= g->spec->package_count)
			continue; /* a row that somebody else wrote */
		p = &g->spec->packages[k];
		if (version_equal(p->to, version) ||
		    (!p->from_any && version_equal(p->from, version)))
			return true;
	}
	return false;
}

/* True when it went on from there before: to be there once more is no way. */
static bool
was_left(const struct paths *g, const struct path_done *done,
    const char *version)
{
	size_t last = done_package(done, MIN_OF(done->hops, HOPS_MAX) - 1);

	return was_visited(g, done, version) &&
	    (last >= g->spec->package_count ||
		!version_equal(g->spec->packages[last].to, version));
}

static bool
way_is_new(const struct paths *g, const struct path_done *done, struct way w)
{
	while (w.hops != 0 && w.hops != NOWHERE) {
		const char *to = g->spec->packages[w.package].to;

		if (was_visited(g, done, to))
			return false;
		w = way_from(g, to, false);
	}
	return true;
}

/* The best way leads over what was visited: the best of the others. */
static int
find_around(const struct paths *g, const char *version,
    const struct path_done *done, struct way *ret)
{
	bool *banned = calloc(g->count, sizeof(*banned));
	struct paths other = *g;

	other.node = calloc(g->count, sizeof(*other.node));
	if (banned == NULL || other.node == NULL) {
		free(banned);
		free(other.node);
		return -1;
	}
	memcpy(other.node, g->node, g->count * sizeof(*other.node));
	for (size_t i = 0; i < g->count; i++)
		banned[i] = was_visited(g, done, g->node[i].version) &&
		    !version_equal(g->node[i].version, version);
	search(&other, false, banned);
	*ret = way_from(&other, version, false);
	free(banned);
	free(other.node);
	return 0;
}

static void
verdict_of(const struct paths *g, const char *version, const struct way *w,
    int hops_done, bool left, struct version_path *ret)
{
	if (left) {
		ret->verdict = PATH_BACK;
	} else if (w->hops == NOWHERE) {
		ret->verdict = hops_done == 0 &&
		    way_from(g, version, true).hops != NOWHERE
			? PATH_DOWN : PATH_NONE;
	} else if (w->hops + hops_done > HOPS_MAX) {
		ret->verdict = PATH_NONE;
	} else {
		ret->verdict = PATH_LEADS;
		ret->package = w->package;
		ret->hops = w->hops;
		ret->bytes = w->bytes;
	}
}

int
paths_find(const struct paths *g, const char *version,
    const struct path_done *done, struct version_path *ret)
{
	struct way w;
	bool left = false;

	memset(ret, 0, sizeof(*ret));
	if (g->spec->package_count == 0) {
		ret->verdict = PATH_NONE; /* a stored text that was broken */
		return 0;
	}
	/* Without a target version there is one package, and nothing to know. */
	if (g->spec->target_version[0] == '\0') {
		ret->hops = 1;
		ret->bytes = bytes_sum(0, g->spec->packages[0].bytes);
		return 0;
	}
	w = way_from(g, version, false);
	if (w.hops == 0) {
		ret->verdict = PATH_THERE;
		return 0;
	}
	if (done != NULL && done->hops > 0) {
		left = was_left(g, done, version);
		if (!left && !way_is_new(g, done, w) &&
		    find_around(g, version, done, &w) < 0)
			return -1;
	}
	verdict_of(g, version, &w, done == NULL ? 0 : done->hops, left, ret);
	return 0;
}

/* --- in words --------------------------------------------------------------*/

/* The hop of the way with downgrades that may not be taken. */
static void
explain_down(const struct paths *g, const char *version, char buf[PATH_TEXT])
{
	for (int i = 0; i < HOPS_MAX; i++) {
		struct way w = way_from(g, version, true);
		const struct spec_package *k;

		if (w.hops == 0 || w.hops == NOWHERE)
			break;
		k = &g->spec->packages[w.package];
		if (!allowed(g->spec, version, k)) {
			(void)snprintf(buf, PATH_TEXT,
			    "%s -> %s %s: it needs downgrade: true", version,
			    k->to, version_compare(version, k->to) ==
				VERSION_UNORDERED
				? "have no order" : "leads down");
			return;
		}
		version = k->to;
	}
	(void)snprintf(buf, PATH_TEXT, "%s -> %s leads down", version,
	    g->spec->target_version);
}

/* As far as packages lead: the last version of the longest way out. */
static const char *
farthest(const struct paths *g, const char *version)
{
	for (int i = 0; i < HOPS_MAX; i++) {
		const char *next = NULL;

		for (size_t k = 0; k < g->spec->package_count; k++) {
			const struct spec_package *p = &g->spec->packages[k];

			if (allowed(g->spec, version, p) &&
			    (next == NULL || compare(p->to, next) > 0))
				next = p->to;
		}
		if (next == NULL)
			break;
		version = next;
	}
	return version;
}

void
paths_explain(const struct paths *g, const char *version,
    const struct version_path *path, char buf[PATH_TEXT])
{
	const char *to = g->spec->target_version;
	const char *far;

	buf[0] = '\0';
	switch (path->verdict) {
	case PATH_LEADS:
	case PATH_THERE:
		return;
	case PATH_DOWN:
		explain_down(g, version, buf);
		return;
	case PATH_BACK:
		(void)snprintf(buf, PATH_TEXT,
		    "%s -> %s: it has left %s before, and no version comes "
		    "twice", version, to, version);
		return;
	case PATH_NONE:
		break;
	}
	far = farthest(g, version);
	if (compare(far, version) == 0)
		(void)snprintf(buf, PATH_TEXT,
		    "%s -> %s: no package begins at %s", version, to, version);
	else if (way_from(g, far, false).hops != NOWHERE)
		(void)snprintf(buf, PATH_TEXT,
		    "%s -> %s: not within %d hops", version, to, HOPS_MAX);
	else
		(void)snprintf(buf, PATH_TEXT,
		    "%s -> %s: packages lead on to %s, and none from there",
		    version, to, far);
}
