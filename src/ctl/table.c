#include "config.h"
#include "ctl/ctl.h"

#include <libsmartcols.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COLUMNS_MAX 24
#define GAP 2
#define WIDE_LEAST 24 /* cells that a column which gives way keeps */

struct table {
	struct libscols_table *tb;
	struct libscols_line *line;
	int flags[COLUMNS_MAX], cells[COLUMNS_MAX]; /* widest so far */
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

		assert(t->columns < ARRAY_LEN(t->flags));
		t->flags[t->columns] = f;
		t->cells[t->columns] = term_cells(titles[t->columns]);
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
	t->cells[i] = MAX_OF(t->cells[i], term_cells(text));
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

/* --- to the width of a terminal --------------------------------------------*/
/* Hides what can be spared, from the right, until the rest fits; what gives
 * way is counted with the least that it needs. Returns the cells of those
 * that do not give way, the gaps, and how many do. */
static int
table_fit(struct table *t, int width, int *ret_wide)
{
	int sum = 0, wide = 0, least;

	for (size_t i = 0; i < t->columns; i++)
		sum += ((t->flags[i] & COL_WIDE) != 0 ?
		    MIN_OF(t->cells[i], WIDE_LEAST) : t->cells[i]) + GAP;
	for (size_t i = t->columns; i-- > 0;) {
		least = (t->flags[i] & COL_WIDE) != 0 ?
		    MIN_OF(t->cells[i], WIDE_LEAST) : t->cells[i];
		if (sum - GAP > width && (t->flags[i] & COL_SPARE) != 0) {
			(void)scols_column_set_flags(
			    scols_table_get_column(t->tb, i), SCOLS_FL_HIDDEN);
			t->flags[i] = COL_LEFT;
			sum -= least + GAP;
		} else if ((t->flags[i] & COL_WIDE) != 0) {
			sum -= least;
			wide++;
		}
	}
	*ret_wide = wide;
	return sum - GAP;
}

/* Breaks text at its blanks into lines of at most width cells. A word that is
 * longer than that stays whole: libsmartcols breaks it. */
static void
break_lines(char *text, int width)
{
	char *line = text, *blank = NULL, *p, c;

	for (p = text;; p++) {
		c = *p;
		if (c != ' ' && c != '\0')
			continue;
		*p = '\0';
		if (blank != NULL && term_cells(line) > width) {
			*blank = '\n';
			line = blank + 1;
		}
		*p = c;
		if (c == '\0')
			return;
		blank = p;
	}
}

static void
break_column(struct table *t, size_t column, int width)
{
	struct libscols_iter *it = scols_new_iter(SCOLS_ITER_FORWARD);
	struct libscols_line *line;

	if (it == NULL)
		die("out of memory");
	while (scols_table_next_line(t->tb, it, &line) == 0) {
		const char *data = scols_cell_get_data(
		    scols_line_get_cell(line, column));
		char *copy;

		if (data == NULL)
			continue;
		copy = xstrdup(data);
		break_lines(copy, width);
		if (scols_line_refer_data(line, column, copy) != 0)
			die("out of memory");
	}
	scols_free_iter(it);
	(void)scols_column_set_wrapfunc(scols_table_get_column(t->tb, column),
	    scols_wrapnl_chunksize, scols_wrapnl_nextchunk, NULL);
	(void)scols_column_set_safechars(
	    scols_table_get_column(t->tb, column), "\n");
}

void
table_print(struct table *t)
{
	int wide, width, rest;

	if (isatty(STDOUT_FILENO) != 0) {
		width = term_width(STDOUT_FILENO);
		rest = width - table_fit(t, width, &wide);
		for (size_t i = 0; i < t->columns && wide > 0; i++)
			if ((t->flags[i] & COL_WIDE) != 0) {
				width = MAX_OF(rest / wide, WIDE_LEAST / 2);
				if (t->cells[i] > width)
					break_column(t, i, width);
				rest -= MIN_OF(t->cells[i], width);
				wide--;
			}
	}
	(void)scols_print_table(t->tb);
	scols_unref_table(t->tb);
	free(t);
	out_flush();
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
