#include "config.h"
#include "config/daemon_conf.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "config/daemon_options.h"

static int64_t
number_at(const struct option *o, const struct daemon_conf *c)
{
	const char *at = (const char *)c + o->offset;
	int64_t v;
	int n;

	if (o->size == sizeof(bool))
		return *at != 0;
	if (o->size == sizeof(int)) {
		memcpy(&n, at, sizeof(n));
		return n;
	}
	memcpy(&v, at, sizeof(v));
	return v;
}

static const char *
text_at(const struct option *o, const struct daemon_conf *c)
{
	const char *at = (const char *)c + o->offset;
	const char *p;

	if ((o->flags & OPT_POINTER) == 0)
		return at;
	memcpy(&p, at, sizeof(p));
	return p;
}

static void
put_list(const struct option *o, const struct daemon_conf *c, struct sbuf *out)
{
	const struct conf_address *list;
	size_t n;

	memcpy(&list, (const char *)c + o->offset, sizeof(list));
	memcpy(&n, (const char *)c + o->count_offset, sizeof(n));
	sbuf_adds(out, "[");
	for (size_t i = 0; i < n; i++) {
		sbuf_adds(out, i == 0 ? "" : ", ");
		opt_put_text(out, span_str(list[i].text));
	}
	sbuf_adds(out, "]");
}

/* Other YAML readers take a bare off for false. */
static void
put_word(const char *word, struct sbuf *out)
{
	sbuf_addf(out, strcmp(word, "off") == 0 ? "\"%s\"" : "%s", word);
}

static void
put_value(const struct option *o, const struct daemon_conf *c, struct sbuf *out)
{
	char buf[UNITS_TEXT];
	int64_t v;

	if ((o->flags & OPT_SECRET) != 0 && text_at(o, c)[0] != '\0') {
		opt_put_text(out, SPAN_LIT(OPT_MASK));
	} else if (o->size == 0) {
		/* Not kept, since it cannot differ from its default. */
		if (value_is_number(o->type))
			put_word(o->dflt, out);
		else if ((o->flags & OPT_LIST) != 0 || o->type == VALUE_NODE)
			sbuf_adds(out, o->dflt);
		else
			opt_put_text(out, span_str(o->dflt));
	} else if ((o->flags & OPT_VERBATIM) != 0) {
		sbuf_adds(out, text_at(o, c));
	} else if ((o->flags & OPT_LIST) != 0) {
		put_list(o, c, out);
	} else if (!value_is_number(o->type)) {
		opt_put_text(out, span_str(text_at(o, c)));
	} else {
		v = number_at(o, c);
		if ((o->flags & OPT_OFF) != 0 && v == 0)
			put_word("off", out);
		else if (o->type == VALUE_WORD)
			put_word(o->words[v], out);
		else
			sbuf_adds(out, value_text(o->type, v, buf));
	}
}

/* A password that came from a file: the file is shown, and only it. */
static bool
is_replaced(const struct option *o, const struct daemon_conf *c)
{
	char key[64];

	if ((o->flags & OPT_SECRET) == 0)
		return false;
	(void)snprintf(key, sizeof(key), "%s_file", o->key);
	return text_at(&daemon_options.row[opt_find(&daemon_options, key)],
	    c)[0] != '\0';
}

/* The maps of key that the row before did not open, then key itself. */
static void
put_key(const char *key, const char *before, struct sbuf *out)
{
	size_t same = 0, indent = 0;

	for (size_t i = 0; key[i] != '\0' && key[i] == before[i]; i++)
		if (key[i] == '.')
			same = i + 1;
	for (;;) {
		size_t n = strcspn(key, ".");

		if (same == 0)
			sbuf_addf(out, "%*s%.*s:%s", (int)indent, "", (int)n,
			    key, key[n] == '.' ? "\n" : " ");
		if (key[n] == '\0')
			return;
		same -= MIN_OF(same, n + 1);
		key += n + 1;
		indent += 2;
	}
}

void
daemon_conf_dump(const struct daemon_conf *c, struct sbuf *out)
{
	const char *before = "";

	for (size_t i = 0; i < daemon_options.count; i++) {
		const struct option *o = &daemon_options.row[i];

		if (is_replaced(o, c))
			continue;
		put_key(o->key, before, out);
		put_value(o, c, out);
		sbuf_adds(out, "\n");
		before = o->key;
	}
}

void
daemon_conf_restart_keys(const struct daemon_conf *a,
    const struct daemon_conf *b, struct sbuf *out)
{
	for (size_t i = 0; i < daemon_options.count; i++) {
		const struct option *o = &daemon_options.row[i];
		struct sbuf x, y;

		if ((o->flags & OPT_RESTART) == 0 || o->size == 0)
			continue;
		sbuf_init(&x, 0);
		sbuf_init(&y, 0);
		if ((o->flags & OPT_SECRET) != 0) {
			sbuf_adds(&x, text_at(o, a));
			sbuf_adds(&y, text_at(o, b));
		} else {
			put_value(o, a, &x);
			put_value(o, b, &y);
		}
		if (strcmp(sbuf_str(&x), sbuf_str(&y)) != 0)
			sbuf_addf(out, "%s%s", out->len > 0 ? ", " : "",
			    o->key);
		sbuf_done(&x);
		sbuf_done(&y);
	}
}
