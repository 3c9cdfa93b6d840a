#include "config.h"
#include "ctl/ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 24

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

void
out_flush(void)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		die("cannot write to standard output");
}

void
print_json(const json_t *j)
{
	(void)json_dumpf(j, stdout, JSON_INDENT(2));
	(void)putchar('\n');
	out_flush();
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

/* --- lists -----------------------------------------------------------------*/
struct list_state {
	const struct list_column *columns;
	size_t column_count, items;
	struct table *table; /* of a table only */
};

/* "a;b" of ["a","b"], in at most size bytes. What belongs to a campaign has
 * its name for a word. */
static const char *
words_text(const json_t *words, char *buf, size_t size)
{
	const char *word;
	const json_t *j;
	size_t i, n = 0;

	buf[0] = '\0';
	json_array_foreach(words, i, j) {
		word = json_string_value(json_is_object(j)
		    ? json_object_get(j, "campaign") : j);
		if (word != NULL && n < size)
			n += (size_t)snprintf(buf + n, size - n, "%s%s",
			    n > 0 ? ";" : "", word);
	}
	return buf;
}

/* jtext() of a member, or of "object.member". */
static const char *
path_text(const json_t *j, const char *path, char *buf, size_t size)
{
	const char *dot = strchr(path, '.');
	char head[40];

	if (dot != NULL) {
		(void)snprintf(head, sizeof head, "%.*s", (int)(dot - path),
		    path);
		j = json_object_get(j, head);
		path = dot + 1;
	}
	if (json_is_array(json_object_get(j, path)))
		return words_text(json_object_get(j, path), buf, size);
	return jtext(j, path, buf, size);
}

static bool
column_shows(const struct ctl *c, const struct list_column *col)
{
	return (col->flags & (c->csv ? COL_TABLE : COL_CSV)) == 0;
}

/* A table says it in a person's words, CSV in those of the API. */
static const char *
cell_text(const struct ctl *c, const struct list_column *col,
    const json_t *item, char *buf, size_t size)
{
	if (col->fn != NULL && (!c->csv || col->key == NULL))
		return col->fn(item, buf, size);
	return path_text(item, col->key, buf, size);
}

/* "object.member" is called object_member. */
static void
csv_heading(const struct ctl *c, const struct list_column *columns,
    size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		char name[64], *p;

		if (!column_shows(c, &columns[i]))
			continue;
		assert(columns[i].key != NULL);
		(void)snprintf(name, sizeof name, "%s", columns[i].key);
		for (p = name; *p != '\0'; p++)
			*p = *p == '.' ? '_' : *p;
		csv_cell(n++, name);
	}
	csv_end();
}

static int
list_item(struct ctl *c, const json_t *item, void *arg)
{
	struct list_state *s = arg;
	char buf[1024];
	size_t n = 0;

	if (s->items++ == 0 && c->csv)
		csv_heading(c, s->columns, s->column_count);
	if (c->json) {
		(void)fputs(s->items == 1 ? "[\n" : ",\n", stdout);
		(void)json_dumpf(item, stdout, JSON_COMPACT);
		return 0;
	}
	if (!c->csv)
		table_row(s->table);
	for (size_t i = 0; i < s->column_count; i++) {
		const struct list_column *col = &s->columns[i];
		const char *text;

		if (!column_shows(c, col))
			continue;
		text = cell_text(c, col, item, buf, sizeof buf);
		if (c->csv)
			csv_cell(n++, text);
		else
			table_put(s->table, text);
	}
	if (c->csv)
		csv_end();
	return 0;
}

static void
list_begin(struct list_state *s, const struct ctl *c)
{
	const char *titles[COLUMNS_MAX] = {NULL};
	int flags[COLUMNS_MAX] = {0};
	size_t n = 0;

	assert(s->column_count < ARRAY_LEN(titles));
	if (c->csv || c->json)
		return;
	for (size_t i = 0; i < s->column_count; i++) {
		if (!column_shows(c, &s->columns[i]))
			continue;
		titles[n] = s->columns[i].title;
		flags[n++] = s->columns[i].flags;
	}
	s->table = table_new(c, titles, flags);
}

static int
list_end(struct list_state *s, const struct ctl *c, int r, const char *none)
{
	if (s->table != NULL) {
		if (r == 0 && s->items == 0)
			(void)fprintf(stderr, "%s\n", none);
		table_print(s->table);
		return r;
	}
	/* Cut short, it stays without its end: no parser takes it for the
	 * whole list. */
	if (c->csv && r == 0 && s->items == 0)
		csv_heading(c, s->columns, s->column_count);
	if (c->json && r == 0)
		(void)fputs(s->items == 0 ? "[]\n" : "\n]\n", stdout);
	out_flush();
	return r;
}

int
print_list(struct ctl *c, const char *path,
    const struct list_column *columns, size_t count, const char *none)
{
	struct list_state s = {.columns = columns, .column_count = count};

	list_begin(&s, c);
	return list_end(&s, c, client_each(c, path, list_item, &s), none);
}

int
print_items(struct ctl *c, const json_t *items,
    const struct list_column *columns, size_t count, const char *none)
{
	struct list_state s = {.columns = columns, .column_count = count};
	const json_t *item;
	size_t i;

	list_begin(&s, c);
	json_array_foreach(items, i, item)
		(void)list_item(c, item, &s);
	return list_end(&s, c, CTL_OK, none);
}
