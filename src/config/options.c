#include "config.h"
#include "config/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "base/units.h"


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

/* 0, or -1 with what is wrong with a text in out. */
static int
check_text(const struct option *o, struct span s, struct sbuf *out)
{
	char quote[TEXT_QUOTE];
	const char *what = (o->flags & OPT_SECRET) != 0 ? "the value" :
	    text_quote(s, quote);
	const char *why;

	if (s.n == 0 && o->min == 0)
		return 0;
	if (s.n < (uint64_t)o->min)
		why = s.n == 0 ? "is empty" : "is too short";
	else if (o->max > 0 && s.n > (uint64_t)o->max)
		why = "is too long";
	else if ((why = value_check(o->type, s)) == NULL)
		return 0;
	else {
		sbuf_addf(out, "%s %s, allowed %s", what, why,
		    value_what(o->type));
		return -1;
	}
	sbuf_addf(out, "%s %s, allowed ", what, why);
	opt_range(o, out);
	return -1;
}

static int
check_number(const struct option *o, struct span s, int64_t *ret,
    struct sbuf *out)
{
	bool parsed;

	if ((o->flags & OPT_OFF) != 0 && span_is(s, "off")) {
		*ret = 0;
		return 0;
	}
	parsed = parse_number(o, s, ret) == 0;
	if (parsed && number_in_range(o, *ret))
		return 0;
	number_problem(o, s, parsed, *ret, out);
	return -1;
}

/* 0, or -1 with the problem in out; out may have found no memory, so only the
 * result tells. */
static int
read_scalar(const struct option *o, struct span s, struct opt_value *ret,
    struct sbuf *out)
{
	int64_t v = 0;

	if (memchr(s.p, '\0', s.n) != NULL) {
		sbuf_adds(out, "has a NUL character");
		return -1;
	}
	if ((value_is_number(o->type) ? check_number(o, s, &v, out) :
		check_text(o, s, out)) < 0)
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

void
opt_default(const struct option *o, struct opt_value *ret)
{
	struct sbuf why;

	*ret = (struct opt_value){.node = 0};
	sbuf_init(&why, 0);
	if (read_scalar(o, span_str(o->dflt), ret, &why) < 0)
		assert(0 && "a default breaks its own rule");
	sbuf_done(&why);
}

/* --- the table -------------------------------------------------------------*/

size_t
opt_row(const struct opt_table *t, const char *key)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->row[i].key, key) == 0)
			return i;
	return t->count;
}

size_t
opt_find(const struct opt_table *t, const char *key)
{
	size_t i = opt_row(t, key);

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

		if (o->size == 0 ||
		    (o->flags & (OPT_LIST | OPT_VERBATIM)) != 0)
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
