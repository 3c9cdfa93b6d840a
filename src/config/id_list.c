#include "config.h"
#include "config/id_list.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/text.h"
#include "config/values.h"

#define ID_WHAT "allowed is 14 to 16 of 0-9 and A-F"

void
id_list_init(struct id_list *l)
{
	*l = (struct id_list){.count = 0};
	/* Whoever writes a list is an operator: a fixed seed will do. */
	idmap_init(&l->seen, 0x9e3779b97f4a7c15);
}

void
id_list_done(struct id_list *l)
{
	free(l->v);
	idmap_done(&l->seen);
	id_list_init(l);
}

bool
id_list_add(struct id_list *l, const struct devid *id)
{
	if (idmap_get(&l->seen, id->key) != NULL) {
		l->repeated++;
		return true;
	}
	if (l->count == ID_LIST_MAX) {
		l->full = true;
		return false;
	}
	if (l->count == l->cap) {
		size_t cap = l->cap == 0 ? 64 : l->cap * 2;
		struct devid *v = realloc(l->v, cap * sizeof(*v));

		if (v == NULL) {
			l->failed = true;
			return false;
		}
		l->v = v;
		l->cap = cap;
	}
	if (idmap_put(&l->seen, id->key, l) < 0) {
		l->failed = true;
		return false;
	}
	l->v[l->count++] = *id;
	return true;
}

/* --- one file --------------------------------------------------------------*/

struct reader {
	struct id_list *l;
	struct yw *w;
	struct note_pos pos;
	char name[256]; /* cut to fit */
	size_t line;
	char sep;      /* of a CSV; 0 = text */
	size_t column; /* of the id, in a CSV */
	bool bad;
};

static void PRINTF_LIKE(2, 3)
bad_line(struct reader *r, const char *fmt, ...)
{
	char where[300], what[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	(void)snprintf(where, sizeof(where), "%s:%zu", r->name, r->line);
	yw_error_in(r->w, r->pos, where, "%s", what);
	r->bad = true;
}

/* A field of a CSV, without its quotes. False when a quote stays open or
 * something stands behind it. */
static bool
csv_field(struct span *rest, char sep, struct span *ret)
{
	struct span s = *rest, behind;
	size_t i = 0, end;

	/* No span_trim(): a tab may be the separator. */
	while (i < s.n && s.p[i] == ' ')
		i++;
	if (i == s.n || s.p[i] != '"') {
		if (!span_field(rest, sep, ret))
			return false;
		*ret = span_trim(*ret);
		return true;
	}
	for (end = ++i; end < s.n; end++) {
		if (s.p[end] != '"')
			continue;
		if (end + 1 == s.n || s.p[end + 1] != '"')
			break;
		end++; /* a quote in quotes is written twice */
	}
	if (end >= s.n)
		return false;
	*ret = span_of(s.p + i, end - i);
	*rest = span_of(s.p + end + 1, s.n - end - 1);
	return span_field(rest, sep, &behind) && span_trim(behind).n == 0;
}

static bool
is_id_column(struct span s)
{
	return s.n == 2 && strncasecmp(s.p, "id", 2) == 0;
}

/* The first line may be the header of a CSV. */
static bool
read_header(struct reader *r, struct span line)
{
	static const char seps[] = {',', ';', '\t'};

	for (size_t i = 0; i < sizeof(seps); i++) {
		struct span rest = line, field;
		size_t column = 0, found = 0;

		while (rest.p != NULL && csv_field(&rest, seps[i], &field)) {
			if (is_id_column(field) && found++ == 0)
				r->column = column;
			column++;
		}
		if (found > 1)
			bad_line(r, "two columns are named id");
		if (found > 0) {
			r->sep = seps[i];
			return true;
		}
	}
	return false;
}

static void
add_id(struct reader *r, struct span s)
{
	char quote[TEXT_QUOTE];
	const char *why = value_check(VALUE_DEVICE, s);
	struct devid id;

	if (why == NULL && devid_parse(s, &id) == 0) {
		if (!id_list_add(r->l, &id) && !r->l->failed)
			bad_line(r, "one id too many, allowed are %d",
			    ID_LIST_MAX);
		return;
	}
	bad_line(r, "%s %s, " ID_WHAT "%s", text_quote(s, quote), why,
	    r->sep == 0 && (memchr(s.p, ',', s.n) != NULL ||
	    memchr(s.p, ';', s.n) != NULL) && !devid_is_damaged(s) ?
	    "; a CSV needs a header with a column named id" : "");
}

/* 8,67E+14 falls apart where commas separate: told from both halves. */
static bool
is_torn(struct span field, struct span rest, char sep)
{
	struct span next;

	if (sep != ',' || rest.p == NULL || !span_field(&rest, sep, &next))
		return false;
	return next.p == field.p + field.n + 1 &&
	    devid_is_damaged(span_of(field.p, field.n + 1 + next.n));
}

static void
read_csv_line(struct reader *r, struct span line)
{
	struct span rest = line, field = {0}, id = {0}, behind = {0};
	size_t column = 0;
	bool filled = false;

	for (; rest.p != NULL; column++) {
		if (!csv_field(&rest, r->sep, &field)) {
			bad_line(r, "a quote does not end where its field "
			    "ends");
			return;
		}
		filled |= field.n > 0;
		if (column == r->column) {
			id = field;
			behind = rest;
		}
	}
	if (!filled)
		return; /* spreadsheets export empty rows */
	if (column <= r->column)
		bad_line(r, "has no column %zu, which is id", r->column + 1);
	else if (id.n == 0)
		bad_line(r, "the id is empty");
	else if (is_torn(id, behind, r->sep))
		bad_line(r, "the id was damaged by a spreadsheet (make the "
		    "column text, then export again)");
	else
		add_id(r, id);
}

static void
read_text_line(struct reader *r, struct span line)
{
	const char *hash = memchr(line.p, '#', line.n);

	if (hash != NULL)
		line.n = (size_t)(hash - line.p);
	line = span_trim(line);
	if (line.n > 0)
		add_id(r, line);
}

void
id_list_read(struct id_list *l, struct yw *w, struct note_pos pos,
    const char *name, struct span text)
{
	struct reader r = {.l = l, .w = w, .pos = pos};
	size_t before = l->repeated;
	bool first = true;
	struct span line;

	(void)span_copy(r.name, sizeof(r.name), span_str(name));
	text_cut(r.name);
	r.line = 1;
	if (text.n > ID_LIST_FILE_MAX) {
		bad_line(&r, "the file is too large, allowed up to 64 MiB");
		return;
	}
	if (span_starts(text, "\xff\xfe") || span_starts(text, "\xfe\xff")) {
		bad_line(&r, "is UTF-16 text, allowed is UTF-8");
		return;
	}
	if (span_starts(text, "\xef\xbb\xbf"))
		text = span_of(text.p + 3, text.n - 3);
	for (; text_line(&text, &line) && !l->failed && !yw_full(w); r.line++) {
		struct span s = span_trim(line);

		if (s.n == 0 || s.p[0] == '#')
			continue;
		if (first && read_header(&r, line)) {
			first = false;
			continue;
		}
		first = false;
		if (r.sep != 0)
			read_csv_line(&r, line);
		else
			read_text_line(&r, line);
		if (l->count == ID_LIST_MAX && r.bad)
			break;
	}
	if (r.bad || l->repeated == before)
		return;
	yw_warn_in(w, pos, r.name, "%zu ids were named before; each counts "
	    "once", l->repeated - before);
}
