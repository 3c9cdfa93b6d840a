#include "config.h"
#include "config/options.h"

#include <stdio.h>

#include "base/text.h"

/* Of a key in a message. Tables have paths below 64 bytes, so have the places
 * of maps in lists, and no longer name is looked up. */
#define PATH_MAX_ 224

/* --- lists -----------------------------------------------------------------*/

/* The default of a list of texts is written ["a", "b"]. */
static struct span
default_item(const char *dflt, size_t i)
{
	const char *p = dflt;

	for (;; i--) {
		const char *from = strchr(p, '"'), *to;

		if (from == NULL)
			return (struct span){NULL, 0};
		to = strchr(from + 1, '"');
		assert(to != NULL);
		if (i == 0)
			return span_of(from + 1, (size_t)(to - from - 1));
		p = to + 1;
	}
}

size_t
opt_list_count(const struct yw *w, const struct option *o,
    const struct opt_value *v)
{
	size_t n = 0;

	if (v->node != 0)
		return yw_count(w, v->node);
	while (o->dflt != NULL && default_item(o->dflt, n).p != NULL)
		n++;
	return n;
}

struct span
opt_list_item(const struct yw *w, const struct option *o,
    const struct opt_value *v, size_t i)
{
	if (v->node != 0)
		return yw_text(w, yw_item(w, v->node, i));
	return default_item(o->dflt, i);
}

static void
walk_list(struct yw *w, int node, const struct option *o, const char *key,
    struct opt_value *ret)
{
	size_t n;

	ret->node = node;
	ret->pos = yw_at(w, node);
	if (yw_kind(w, node) != YW_LIST) {
		yw_error(w, ret->pos, key, "%s, allowed is a list in [ ]; "
		    "[] is the empty one", yw_is_nothing(w, node) ?
		    "has no value" : "is no list");
		ret->bad = true;
		return;
	}
	n = yw_count(w, node);
	for (size_t i = 0; i < n && o->type != VALUE_NODE && !yw_full(w); i++) {
		struct opt_value item = {0};
		char item_key[PATH_MAX_];

		int used = snprintf(item_key, sizeof(item_key), "%s[%zu]", key,
		    i);

		assert(used > 0 && (size_t)used < sizeof(item_key));
		opt_scalar(w, yw_item(w, node, i), o, item_key, &item);
		ret->bad |= item.bad;
	}
	if (!ret->bad && o->type != VALUE_NODE &&
	    (n < (uint64_t)o->min && (o->flags & OPT_REQUIRED) != 0)) {
		yw_error(w, ret->pos, key, "is empty, allowed is at least one "
		    "entry");
		ret->bad = true;
	}
}

/* --- maps ------------------------------------------------------------------*/

struct walk {
	struct yw *w;
	const struct opt_table *t;
	const char *path;
	struct opt_value *v;
};

static bool
under(const char *key, const char *prefix, size_t n)
{
	return strncmp(key, prefix, n) == 0 && key[n] == '.';
}

static void
join_path(char buf[PATH_MAX_], const char *path, const char *key)
{
	int n = snprintf(buf, PATH_MAX_, "%s%s%s", path,
	    path[0] == '\0' ? "" : ".", key);

	assert(n > 0 && n < PATH_MAX_);
}

/* The nearest key of the same map; else the same name elsewhere. */
static void
suggest(const struct walk *k, const char *prefix, const char *name,
    struct sbuf *out)
{
	size_t skip = strlen(prefix) + (prefix[0] != '\0'), least = SIZE_MAX;
	char best[PATH_MAX_] = "";

	for (size_t i = 0; i < k->t->count; i++) {
		const char *key = k->t->row[i].key;
		char part[PATH_MAX_];
		size_t d;

		if (prefix[0] != '\0' && !under(key, prefix, skip - 1))
			continue;
		(void)span_copy(part, sizeof(part), span_of(key + skip,
		    strcspn(key + skip, ".")));
		d = text_distance(name, part);
		if (d < least) {
			least = d;
			(void)snprintf(best, sizeof(best), "%s", part);
		}
	}
	for (size_t i = 0; i < k->t->count && best[0] == '\0'; i++) {
		const char *key = k->t->row[i].key;
		const char *dot = strrchr(key, '.');

		if (strcmp(dot == NULL ? key : dot + 1, name) == 0)
			(void)snprintf(best, sizeof(best), "%s", key);
	}
	if (best[0] != '\0')
		sbuf_addf(out, ", did you mean \"%s\"?", best);
}

static void
unknown_key(const struct walk *k, const char *prefix, int node)
{
	struct span name = yw_text(k->w, node);
	char quote[TEXT_QUOTE];
	struct sbuf hint;
	bool clean = memchr(name.p, '\0', name.n) == NULL;

	sbuf_init(&hint, 0);
	if (clean && memchr(name.p, '.', name.n) != NULL)
		sbuf_adds(&hint, "; keys are nested, not dotted");
	else if (clean)
		suggest(k, prefix, name.p, &hint);
	yw_error(k->w, yw_at(k->w, node), text_quote(name, quote),
	    "unknown key%s%s%s", prefix[0] != '\0' ? " in " : "", prefix,
	    sbuf_str(&hint));
	sbuf_done(&hint);
}

static void
walk_value(struct walk *k, size_t row, int node)
{
	const struct option *o = &k->t->row[row];
	struct opt_value *v = &k->v[row];
	char key[PATH_MAX_];

	join_path(key, k->path, o->key);
	if (o->type == VALUE_NODE && (o->flags & OPT_ANY_NODE) != 0) {
		v->node = node;
		v->pos = yw_at(k->w, node);
	} else if ((o->flags & OPT_LIST) != 0) {
		walk_list(k->w, node, o, key, v);
	} else if (o->type == VALUE_NODE) {
		v->node = node;
		v->pos = yw_at(k->w, node);
		v->bad = yw_kind(k->w, node) != YW_MAP &&
		    !yw_is_nothing(k->w, node);
		if (v->bad)
			yw_error(k->w, v->pos, key, "is no map");
	} else {
		opt_scalar(k->w, node, o, key, v);
	}
}

static bool
is_section(const struct opt_table *t, const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 0; i < t->count; i++)
		if (under(t->row[i].key, key, n))
			return true;
	return false;
}

/* Where the same key stood before in this map; 0 = nowhere. */
static size_t
earlier_line(const struct yw *w, int map, size_t i)
{
	int key, other, value;

	yw_pair(w, map, i, &key, &value);
	for (size_t j = 0; j < i; j++) {
		yw_pair(w, map, j, &other, &value);
		if (yw_kind(w, other) == YW_SCALAR &&
		    span_eq(yw_text(w, other), yw_text(w, key)))
			return yw_at(w, other).line;
	}
	return 0;
}

static void walk_map(struct walk *k, int node, const char *prefix);

static void
walk_pair(struct walk *k, int map, size_t i, const char *prefix)
{
	char path[PATH_MAX_], shown[PATH_MAX_];
	int key, value;
	struct span name;
	size_t row, line;
	bool section;

	yw_pair(k->w, map, i, &key, &value);
	if (yw_kind(k->w, key) != YW_SCALAR) {
		yw_error(k->w, yw_at(k->w, key), NULL, "a key is a word, not "
		    "a list or map");
		return;
	}
	name = yw_text(k->w, key);
	/* A dot would let a key reach into another map. */
	if (name.n == 0 || name.n >= 64 ||
	    memchr(name.p, '\0', name.n) != NULL ||
	    memchr(name.p, '.', name.n) != NULL) {
		unknown_key(k, prefix, key);
		return;
	}
	join_path(path, prefix, name.p);
	row = opt_row(k->t, path);
	section = is_section(k->t, path);
	if (row == k->t->count && !section) {
		unknown_key(k, prefix, key);
		return;
	}
	join_path(shown, k->path, path);
	/* Known keys are few: this stays linear until the errors are full. */
	if ((row < k->t->count && k->v[row].node != 0) || section) {
		line = earlier_line(k->w, map, i);
		if (line != 0) {
			yw_error(k->w, yw_at(k->w, key), shown,
			    "given twice, first on line %zu", line);
			return;
		}
	}
	if (!section)
		walk_value(k, row, value);
	else if (yw_kind(k->w, value) == YW_MAP)
		walk_map(k, value, path);
	else if (!yw_is_nothing(k->w, value))
		yw_error(k->w, yw_at(k->w, value), shown, "is no map");
}

static void
walk_map(struct walk *k, int node, const char *prefix)
{
	size_t n = yw_count(k->w, node);

	for (size_t i = 0; i < n && !yw_full(k->w); i++)
		walk_pair(k, node, i, prefix);
}

static void
fill_default(struct walk *k, size_t row, struct note_pos pos)
{
	const struct option *o = &k->t->row[row];
	struct opt_value *v = &k->v[row];
	char key[PATH_MAX_];

	if ((o->flags & OPT_REQUIRED) != 0 && o->dflt == NULL) {
		join_path(key, k->path, o->key);
		yw_error(k->w, pos, key, "is missing");
		v->bad = true;
	} else if (o->dflt != NULL && o->type != VALUE_NODE &&
	    (o->flags & OPT_LIST) == 0) {
		opt_default(o, v);
	}
	v->pos = pos;
}

void
opt_walk(struct yw *w, int node, const struct opt_table *t, const char *path,
    struct opt_value *v)
{
	struct walk k = {.w = w, .t = t, .path = path, .v = v};
	struct note_pos pos = {1, 1};

	memset(v, 0, t->count * sizeof(*v));
	if (node != 0) {
		pos = yw_at(w, node);
		if (yw_kind(w, node) == YW_MAP)
			walk_map(&k, node, "");
		else if (!yw_is_nothing(w, node))
			yw_error(w, pos, path[0] != '\0' ? path : NULL,
			    "is no map (key: value)");
	}
	for (size_t i = 0; i < t->count; i++)
		if (v[i].node == 0)
			fill_default(&k, i, pos);
}
