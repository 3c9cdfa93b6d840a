#include "config.h"
#include "ctl/ctl.h"

#include <inttypes.h>
#include <libsmartcols.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- JSON as text ----------------------------------------------------------*/
const char *
jtext(const json_t *j, const char *key, char *buf, size_t size)
{
	const json_t *v = json_object_get(j, key);

	if (json_is_string(v))
		(void)snprintf(buf, size, "%s", json_string_value(v));
	else if (json_is_integer(v))
		(void)snprintf(buf, size, "%" JSON_INTEGER_FORMAT,
		    json_integer_value(v));
	else if (json_is_boolean(v))
		(void)snprintf(buf, size, "%s", json_is_true(v) ? "yes" :
		    "no");
	else
		buf[0] = '\0';
	return buf;
}

int64_t
jint(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

const char *
jtime(const json_t *j, const char *key, char *buf, size_t size)
{
	char *dot;

	(void)jtext(j, key, buf, size);
	if ((dot = strchr(buf, '.')) != NULL)
		(void)snprintf(dot, size - (size_t)(dot - buf), "Z");
	return buf;
}

static void
flush(void)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		die("cannot write to standard output");
}

void
print_json(const json_t *j)
{
	(void)json_dumpf(j, stdout, JSON_INDENT(2));
	(void)putchar('\n');
	flush();
}

char *
counts_text(const json_t *counts)
{
	struct { const char *name; json_int_t n; } top[64], t;
	char buf[2048] = "";
	const char *key;
	json_t *value;
	size_t n = 0, len = 0, k;

	json_object_foreach((json_t *)(uintptr_t)counts, key, value) {
		if (json_integer_value(value) == 0 || n == ARRAY_LEN(top))
			continue;
		t.name = key;
		t.n = json_integer_value(value);
		for (k = n++; k > 0 && top[k - 1].n < t.n; k--)
			top[k] = top[k - 1];
		top[k] = t;
	}
	for (size_t i = 0; i < n && len < sizeof buf; i++)
		len += (size_t)snprintf(buf + len, sizeof buf - len,
		    "%s%s %" JSON_INTEGER_FORMAT, i > 0 ? ", " : "",
		    top[i].name, top[i].n);
	return xstrdup(buf);
}

/* --- tables ----------------------------------------------------------------*/
struct table {
	struct libscols_table *tb;
	struct libscols_line *line;
	int flags[16];
	size_t columns, next;
	bool color;
};

static const char *
color_of(const char *word)
{
	static const struct { const char *word, *color; } colors[] = {
		{"ok", "green"}, {"running", "green"}, {"finished", "green"},
		{"succeeded", "green"}, {"online", "green"},
		{"passed", "green"},
		{"degraded", "yellow"}, {"paused", "yellow"},
		{"draining", "yellow"}, {"aborting", "yellow"},
		{"backoff", "yellow"}, {"unverified", "yellow"},
		{"held", "yellow"},
		{"halted", "red"}, {"aborted", "red"}, {"failed", "red"},
	};

	for (size_t i = 0; i < ARRAY_LEN(colors); i++)
		if (strcmp(colors[i].word, word) == 0)
			return colors[i].color;
	return NULL;
}

struct table *
table_new(const struct ctl *c, const char *const *titles, const int *flags)
{
	struct table *t = xmalloc(sizeof *t);

	memset(t, 0, sizeof *t);
	t->color = c->color;
	if ((t->tb = scols_new_table()) == NULL)
		die("out of memory");
	(void)scols_table_enable_colors(t->tb, c->color);
	/* The daemon has escaped what trackers say; twice is unreadable. */
	(void)scols_table_enable_noencoding(t->tb, 1);
	(void)scols_table_set_column_separator(t->tb, "  ");
	for (; titles[t->columns] != NULL; t->columns++) {
		int f = flags[t->columns];

		t->flags[t->columns] = f;
		assert(t->columns < ARRAY_LEN(t->flags));
		if (scols_table_new_column(t->tb, titles[t->columns], 0,
		    ((f & COL_RIGHT) != 0 ? SCOLS_FL_RIGHT : 0) |
		    ((f & COL_WIDE) != 0 ? SCOLS_FL_WRAP : 0)) == NULL)
			die("out of memory");
	}
	return t;
}

void
table_row(struct table *t)
{
	if ((t->line = scols_table_new_line(t->tb, NULL)) == NULL)
		die("out of memory");
	t->next = 0;
}

void
table_put(struct table *t, const char *text)
{
	size_t i = t->next++;

	assert(i < t->columns);
	if (scols_line_set_data(t->line, i, text) != 0)
		die("out of memory");
	if (t->color && (t->flags[i] & COL_WORD) != 0 &&
	    color_of(text) != NULL)
		(void)scols_cell_set_color(scols_line_get_cell(t->line, i),
		    color_of(text));
}

void
table_putf(struct table *t, const char *fmt, ...)
{
	char buf[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(buf, sizeof buf, fmt, ap);
	va_end(ap);
	table_put(t, buf);
}

void
table_print(struct table *t)
{
	(void)scols_print_table(t->tb);
	scols_unref_table(t->tb);
	free(t);
	flush();
}

struct table *
facts_new(const struct ctl *c)
{
	static const char *const titles[] = {"LABEL", "VALUE", NULL};
	static const int flags[] = {COL_LEFT, COL_WIDE | COL_WORD};
	struct table *t = table_new(c, titles, flags);

	(void)scols_table_enable_noheadings(t->tb, 1);
	return t;
}

void
fact(struct table *t, const char *label, const char *fmt, ...)
{
	char buf[2048];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(buf, sizeof buf, fmt, ap);
	va_end(ap);
	if (buf[0] == '\0')
		return;
	table_row(t);
	table_put(t, label);
	table_put(t, buf);
}

/* --- lists -----------------------------------------------------------------*/
struct list_state {
	const struct list_column *columns;
	size_t column_count, items;
	struct table *table; /* NULL with --json */
};

static int
list_item(struct ctl *c, const json_t *item, void *arg)
{
	struct list_state *s = arg;
	char buf[1024];

	s->items++;
	if (c->json) {
		(void)fputs(s->items == 1 ? "[\n" : ",\n", stdout);
		(void)json_dumpf(item, stdout, JSON_COMPACT);
		return 0;
	}
	table_row(s->table);
	for (size_t i = 0; i < s->column_count; i++) {
		const struct list_column *col = &s->columns[i];

		table_put(s->table, col->fn != NULL ?
		    col->fn(item, buf, sizeof buf) :
		    jtext(item, col->key, buf, sizeof buf));
	}
	return 0;
}

int
print_list(struct ctl *c, const char *path,
    const struct list_column *columns, size_t count, const char *none)
{
	struct list_state s = {.columns = columns, .column_count = count};
	const char *titles[16] = {NULL};
	int flags[16] = {0}, r;

	assert(count < ARRAY_LEN(titles));
	for (size_t i = 0; i < count; i++) {
		titles[i] = columns[i].title;
		flags[i] = columns[i].flags;
	}
	if (!c->json)
		s.table = table_new(c, titles, flags);
	r = client_each(c, path, list_item, &s);
	if (c->json) {
		/* Cut short, it stays without its end: no parser takes it for
		 * the whole list. */
		if (r == 0)
			(void)fputs(s.items == 0 ? "[]\n" : "\n]\n", stdout);
		flush();
		return r;
	}
	if (r == 0 && s.items == 0)
		(void)fprintf(stderr, "%s\n", none);
	table_print(s.table);
	return r;
}
