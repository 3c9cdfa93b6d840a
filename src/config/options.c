#include "config.h"
#include "config/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "base/units.h"

/* Of a key in a message. Tables have paths below 64 bytes, so have the places
 * of maps in lists, and no longer name is looked up. */
#define PATH_MAX_ 224
#define LATER "not available in this version"

/* --- what is allowed -------------------------------------------------------*/

void
opt_range(const struct option *o, struct sbuf *out)
{
	char a[UNITS_TEXT], b[UNITS_TEXT];

	if (o->type == VALUE_NODE || o->type == VALUE_BOOL)
		return;
	if (o->type == VALUE_WORD) {
		for (size_t i = 0; o->words[i] != NULL; i++)
			sbuf_addf(out, "%s%s", i == 0 ? "" : ", ", o->words[i]);
	} else if (value_is_number(o->type)) {
		sbuf_addf(out, "%s%s..%s",
		    (o->flags & OPT_OFF) != 0 ? "off, or " : "",
		    value_text(o->type, o->min, a),
		    value_text(o->type, o->max, b));
	} else if (o->max > 0 && o->min == o->max) {
		sbuf_addf(out, "%" PRId64 " characters", o->max);
	} else if (o->max > 0 && o->min > 0) {
		sbuf_addf(out, "%" PRId64 " to %" PRId64 " characters", o->min,
		    o->max);
	} else if (o->max > 0) {
		sbuf_addf(out, "up to %" PRId64 " characters", o->max);
	}
}

static void
add_nearest(const char *text, const char *const *words, struct sbuf *out)
{
	const char *best = NULL;
	size_t least = SIZE_MAX;

	for (size_t i = 0; words[i] != NULL; i++) {
		size_t d = text_distance(text, words[i]);

		if (d < least) {
			least = d;
			best = words[i];
		}
	}
	if (best != NULL)
		sbuf_addf(out, " (did you mean \"%s\"?)", best);
}

/* --- scalars ---------------------------------------------------------------*/

static int
parse_number(const struct option *o, struct span s, int64_t *ret)
{
	if (o->type != VALUE_WORD)
		return value_parse(o->type, s, ret);
	for (size_t i = 0; o->words[i] != NULL; i++) {
		if (span_is(s, o->words[i])) {
			*ret = (int64_t)i;
			return 0;
		}
	}
	return -1;
}

static bool
number_in_range(const struct option *o, int64_t v)
{
	if (o->type == VALUE_WORD || o->type == VALUE_BOOL)
		return true;
	return v >= o->min && v <= o->max;
}

static void
number_problem(const struct option *o, struct span s, bool parsed, int64_t v,
    struct sbuf *out)
{
	char quote[TEXT_QUOTE];

	if (parsed) {
		sbuf_addf(out, "%.*s is too %s, allowed ", (int)s.n, s.p,
		    v < o->min ? "small" : "large");
		opt_range(o, out);
	} else if (o->type == VALUE_WORD) {
		sbuf_addf(out, "%s is not one of ", text_quote(s, quote));
		opt_range(o, out);
		add_nearest(s.p, o->words, out);
	} else if (o->type == VALUE_BOOL) {
		sbuf_addf(out, "%s is not true or false", text_quote(s, quote));
	} else {
		sbuf_addf(out, "%s is not %s, allowed ", text_quote(s, quote),
		    value_what(o->type));
		opt_range(o, out);
	}
}

/* What is wrong with a text goes to out, which was empty. */
static void
text_problem(const struct option *o, struct span s, struct sbuf *out)
{
	char quote[TEXT_QUOTE];
	const char *why = NULL;

	if (s.n == 0 && o->min == 0)
		return;
	if (s.n < (uint64_t)o->min)
		why = s.n == 0 ? "is empty" : "is too short";
	else if (o->max > 0 && s.n > (uint64_t)o->max)
		why = "is too long";
	sbuf_adds(out, (o->flags & OPT_SECRET) != 0 ? "the value" :
	    text_quote(s, quote));
	if (why != NULL) {
		sbuf_addf(out, " %s, allowed ", why);
		opt_range(o, out);
	} else if ((why = value_check(o->type, s)) != NULL) {
		sbuf_addf(out, " %s, allowed %s", why, value_what(o->type));
	} else {
		sbuf_clear(out);
	}
}

/* 0, or -1 with the problem in out, which was empty. */
static int
read_scalar(const struct option *o, struct span s, struct opt_value *ret,
    struct sbuf *out)
{
	int64_t v = 0;

	if (memchr(s.p, '\0', s.n) != NULL) {
		sbuf_adds(out, "has a NUL character");
		return -1;
	}
	if ((o->flags & OPT_OFF) != 0 && span_is(s, "off")) {
		v = 0;
	} else if (value_is_number(o->type)) {
		bool parsed = parse_number(o, s, &v) == 0;

		if (!parsed || !number_in_range(o, v))
			number_problem(o, s, parsed, v, out);
	} else {
		text_problem(o, s, out);
	}
	if (out->len > 0)
		return -1;
	ret->num = v;
	ret->text = s;
	return 0;
}

void
opt_scalar(struct yw *w, int node, const struct option *o, const char *key,
    struct opt_value *ret)
{
	struct sbuf why;

	ret->node = node;
	ret->pos = yw_at(w, node);
	sbuf_init(&why, 0);
	if (yw_kind(w, node) != YW_SCALAR) {
		yw_error(w, ret->pos, key, "is a %s, allowed is %s",
		    yw_kind(w, node) == YW_LIST ? "list" : "map",
		    o->type == VALUE_WORD ? "a word" : value_what(o->type));
		ret->bad = true;
	} else if (yw_is_nothing(w, node)) {
		yw_error(w, ret->pos, key, "has no value%s",
		    value_is_number(o->type) || o->min > 0 ? "" :
		    "; write \"\" for none");
		ret->bad = true;
	} else if ((o->flags & OPT_SECRET) != 0 &&
	    span_is(yw_text(w, node), OPT_MASK)) {
		yw_warn(w, ret->pos, key, "is the mask of a dump, not a "
		    "password: the default is taken");
		ret->text = span_str(o->dflt);
	} else if (read_scalar(o, yw_text(w, node), ret, &why) < 0) {
		yw_error(w, ret->pos, key, "%s", sbuf_str(&why));
		ret->bad = true;
	}
	sbuf_done(&why);
}

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

static bool
is_default_list(const struct yw *w, const struct option *o,
    const struct opt_value *v)
{
	const struct opt_value none = {0};
	size_t n = opt_list_count(w, o, v);

	if (n != opt_list_count(w, o, &none))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!span_eq(opt_list_item(w, o, v, i),
			opt_list_item(w, o, &none, i)))
			return false;
	return true;
}

/* A key that has its default value is always accepted. */
static void
check_available(struct walk *k, const struct option *o, const char *key,
    struct opt_value *v)
{
	struct opt_value dflt = {0};
	struct sbuf why;
	bool same;

	if ((o->flags & OPT_LATER) == 0 || v->bad || o->type == VALUE_NODE)
		return;
	if (o->dflt == NULL) {
		same = false;
	} else if ((o->flags & OPT_LIST) != 0) {
		same = is_default_list(k->w, o, v);
	} else {
		sbuf_init(&why, 0);
		if (read_scalar(o, span_str(o->dflt), &dflt, &why) < 0)
			assert(0 && "a default breaks its own rule");
		sbuf_done(&why);
		same = value_is_number(o->type) ? v->num == dflt.num :
		    span_eq(v->text, dflt.text);
	}
	if (same)
		return;
	v->bad = true;
	if (o->dflt == NULL)
		yw_error(k->w, v->pos, key, LATER);
	else
		yw_error(k->w, v->pos, key, LATER ", allowed is its default "
		    "%s", o->dflt[0] == '\0' ? "\"\"" : o->dflt);
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
	check_available(k, o, key, v);
}

static size_t
find_row(const struct opt_table *t, const char *key)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->row[i].key, key) == 0)
			return i;
	return t->count;
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
	if (name.n == 0 || name.n >= 64 || memchr(name.p, '\0', name.n) != NULL ||
	    memchr(name.p, '.', name.n) != NULL) {
		unknown_key(k, prefix, key);
		return;
	}
	join_path(path, prefix, name.p);
	row = find_row(k->t, path);
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
fill_default(struct walk *k, size_t row, struct yw_pos pos)
{
	const struct option *o = &k->t->row[row];
	struct opt_value *v = &k->v[row];
	char key[PATH_MAX_];
	struct sbuf why;

	v->pos = pos;
	if ((o->flags & OPT_REQUIRED) != 0 && o->dflt == NULL) {
		join_path(key, k->path, o->key);
		yw_error(k->w, pos, key, "is missing");
		v->bad = true;
		return;
	}
	if (o->dflt == NULL || o->type == VALUE_NODE ||
	    (o->flags & OPT_LIST) != 0)
		return;
	sbuf_init(&why, 0);
	if (read_scalar(o, span_str(o->dflt), v, &why) < 0)
		assert(0 && "a default breaks its own rule");
	sbuf_done(&why);
}

void
opt_walk(struct yw *w, int node, const struct opt_table *t, const char *path,
    struct opt_value *v)
{
	struct walk k = {.w = w, .t = t, .path = path, .v = v};
	struct yw_pos pos = {1, 1};

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

size_t
opt_find(const struct opt_table *t, const char *key)
{
	size_t i = find_row(t, key);

	assert(i < t->count);
	return i;
}

/* --- values in their struct ------------------------------------------------*/

static int
store_text(const struct option *o, struct span s, void *at)
{
	char *copy;

	if ((o->flags & OPT_POINTER) == 0) {
		bool whole = span_copy(at, o->size, s);

		assert(whole);
		return 0;
	}
	copy = malloc(s.n + 1);
	if (copy == NULL)
		return -1;
	(void)span_copy(copy, s.n + 1, s);
	memcpy(at, &copy, sizeof(copy));
	return 0;
}

static void
store_number(const struct option *o, int64_t v, void *at)
{
	if (o->size == sizeof(bool)) {
		bool b = v != 0;

		memcpy(at, &b, sizeof(b));
	} else if (o->size == sizeof(int)) {
		int n = (int)v;

		memcpy(at, &n, sizeof(n));
	} else {
		assert(o->size == sizeof(v));
		memcpy(at, &v, sizeof(v));
	}
}

int
opt_store(const struct opt_table *t, const struct opt_value *v, void *base)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct option *o = &t->row[i];
		void *at = (char *)base + o->offset;

		if (o->size == 0 || (o->flags & OPT_LIST) != 0)
			continue;
		if (value_is_number(o->type))
			store_number(o, v[i].num, at);
		else if (store_text(o, v[i].text, at) < 0)
			return -1;
	}
	return 0;
}

void
opt_release(const struct opt_table *t, void *base)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct option *o = &t->row[i];
		void *p;

		if (o->size == 0 || (o->flags & OPT_POINTER) == 0)
			continue;
		memcpy(&p, (char *)base + o->offset, sizeof(p));
		free(p);
	}
}

void
opt_put_text(struct sbuf *out, struct span s)
{
	sbuf_adds(out, "\"");
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			sbuf_adds(out, "\\");
		sbuf_add(out, s.p + i, 1);
	}
	sbuf_adds(out, "\"");
}
