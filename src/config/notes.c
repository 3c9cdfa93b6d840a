#include "config.h"
#include "config/notes.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define MESSAGE_MAX 600
#define HIDDEN_MAX 256   /* secrets a text; past that no line is shown */
#define SHOWN_MAX 160    /* characters of a source line */
#define SHOWN_BEFORE 100 /* of them before the caret */
#define KEY_SEEN_MAX 64  /* bytes of a key that are looked at */

struct note {
	struct note_pos pos;
	size_t seq;
	enum note_kind kind;
	bool elsewhere, settled;
	char text[MESSAGE_MAX];
};

struct note_range { /* [from, to) */
	struct note_pos from, to;
};

void
notes_init(struct notes *n, const char *name, struct span text)
{
	*n = (struct notes){.name = name, .text = text};
}

void
notes_done(struct notes *n)
{
	free(n->v);
	free(n->hidden);
	notes_init(n, NULL, (struct span){NULL, 0});
}

static bool
is_settled(const struct notes *n, struct note_pos pos)
{
	for (size_t i = 0; i < n->count; i++)
		if (n->v[i].settled && n->v[i].pos.line == pos.line &&
		    n->v[i].pos.col == pos.col)
			return true;
	return false;
}

void
notes_settle(struct notes *n)
{
	if (n->count > 0)
		n->v[n->count - 1].settled = true;
}

void
notes_add(struct notes *n, enum note_kind kind, struct note_pos pos,
    bool elsewhere, const char *head, const char *fmt, va_list ap)
{
	size_t *of_kind = kind == NOTE_IS_ERROR ? &n->errors : &n->warnings;
	struct note *note;
	int used = 0;

	if (!elsewhere && is_settled(n, pos))
		return;
	if (*of_kind >= NOTES_MAX) {
		n->more |= kind == NOTE_IS_ERROR;
		return;
	}
	++*of_kind;
	note = realloc(n->v, (n->count + 1) * sizeof(*note));
	if (note == NULL) {
		n->no_memory = true;
		return;
	}
	n->v = note;
	note += n->count++;
	*note = (struct note){.pos = pos, .seq = n->count, .kind = kind,
	    .elsewhere = elsewhere};
	if (head != NULL)
		used = snprintf(note->text, sizeof(note->text), "%s: ", head);
	if (used >= 0 && (size_t)used < sizeof(note->text))
		(void)vsnprintf(note->text + used,
		    sizeof(note->text) - (size_t)used, fmt, ap);
	text_cut(note->text);
}

/* --- secrets ---------------------------------------------------------------*/

void
notes_hide(struct notes *n, struct note_pos from, struct note_pos to)
{
	struct note_range *r = NULL;

	if (n->hidden_count < HIDDEN_MAX)
		r = realloc(n->hidden, (n->hidden_count + 1) * sizeof(*r));
	if (r == NULL) {
		n->no_source = true;
		return;
	}
	n->hidden = r;
	r[n->hidden_count++] = (struct note_range){from, to};
}

bool
notes_is_secret(struct span key)
{
	static const char *const word[] = {"pass", "pwd", "secret", "token"};
	char name[40];

	if (key.n >= 5 && strncasecmp(key.p + key.n - 5, "_file", 5) == 0)
		return false;
	for (size_t w = 0; w < ARRAY_LEN(word); w++)
		for (size_t i = 0; i + strlen(word[w]) <= key.n; i++)
			if (strncasecmp(key.p + i, word[w],
				strlen(word[w])) == 0)
				return true;
	/* A slip of the pen is no reason to show it. */
	return span_copy(name, sizeof(name), key) &&
	    text_distance(name, "password") != SIZE_MAX;
}

static bool
pos_before(struct note_pos a, struct note_pos b)
{
	return a.line < b.line || (a.line == b.line && a.col < b.col);
}

static bool
is_hidden(const struct notes *n, struct note_pos pos)
{
	for (size_t i = 0; i < n->hidden_count; i++)
		if (!pos_before(pos, n->hidden[i].from) &&
		    pos_before(pos, n->hidden[i].to))
			return true;
	return false;
}

/* Without a tree only the look of the line is left to go by: the offset behind
 * the colon of a secret key, or the length of the line. */
static size_t
secret_by_look(struct span line)
{
	size_t from = 0;

	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] == ',' || line.p[i] == '{')
			from = i + 1;
		if (line.p[i] != ':')
			continue;
		/* A line of colons is looked through once, not for each. */
		from = MAX_OF(from, i - MIN_OF(i, (size_t)KEY_SEEN_MAX));
		if (notes_is_secret(span_trim(span_of(line.p + from,
		    i - from))))
			return i + 1;
	}
	return line.n;
}

/* Many notes may be on one line, and it may be all of the text. */
static size_t
guess_secret(struct notes *n, size_t number, struct span line)
{
	if (n->guessed_line != number) {
		n->guessed_line = number;
		n->guessed_from = secret_by_look(line);
	}
	return n->guessed_from;
}

/* --- showing ---------------------------------------------------------------*/

struct shown {
	char line[SHOWN_MAX * 4 + 16];
	char under[SHOWN_MAX + 16];
	size_t line_len, under_len;
};

static void
show_char(struct shown *s, struct span c, bool before)
{
	memcpy(s->line + s->line_len, c.p, c.n);
	s->line_len += c.n;
	if (before)
		s->under[s->under_len++] = c.p[0] == '\t' ? '\t' : ' ';
}

static void
show_dots(struct shown *s, bool before)
{
	for (int i = 0; i < 3; i++)
		show_char(s, SPAN_LIT("."), before);
}

/* The part of the line around the caret, and blanks up to it, tabs kept so
 * that it stands right at any tab width. */
static void
show_line(const struct notes *n, struct span line, struct note_pos pos,
    size_t secret_from, struct shown *s)
{
	size_t first = pos.col > SHOWN_BEFORE + 20 ? pos.col - SHOWN_BEFORE : 1;
	struct note_pos at = {pos.line, 1};
	size_t len;

	if (first > 1)
		show_dots(s, true);
	for (size_t i = 0; i < line.n; i += len, at.col++) {
		uint32_t c;
		struct span out;

		len = text_utf8(line.p + i, line.n - i, &c);
		out = span_of(line.p + i, len);
		if (len == 0 || (c != '\t' && !text_shows(c))) {
			out = SPAN_LIT("?");
			len = MAX_OF(len, (size_t)1);
		}
		if ((i >= secret_from && c != ' ') || is_hidden(n, at))
			out = SPAN_LIT("*");
		if (at.col >= first + SHOWN_MAX) {
			show_dots(s, false);
			return;
		}
		if (at.col >= first)
			show_char(s, out, at.col < pos.col);
	}
}

/* Lines are cut as libyaml counts them. */
static void
show_source(struct notes *n, struct note_pos pos, struct sbuf *diag)
{
	struct span rest = n->text, line = {0}, before = {0};
	struct shown s = {.line_len = 0};
	size_t secret_from;

	if (n->no_source)
		return;
	for (size_t i = 0; i < pos.line; i++) {
		before = line;
		if (!text_line(&rest, &line))
			return;
	}
	secret_from = line.n;
	if (!n->known) {
		before = span_trim(before);
		if (before.n > 0 && before.p[before.n - 1] == ':' &&
		    notes_is_secret(span_of(before.p, before.n - 1)))
			secret_from = 0;
		else
			secret_from = guess_secret(n, pos.line, line);
	}
	show_line(n, line, pos, secret_from, &s);
	sbuf_addf(diag, "  %.*s\n  %.*s^\n", (int)s.line_len, s.line,
	    (int)s.under_len, s.under);
}

static int
note_order(const void *a, const void *b)
{
	const struct note *x = a, *y = b;

	if (pos_before(x->pos, y->pos))
		return -1;
	if (pos_before(y->pos, x->pos))
		return 1;
	return x->seq < y->seq ? -1 : 1;
}

bool
notes_finish(struct notes *n, struct sbuf *diag)
{
	if (n->count > 1)
		qsort(n->v, n->count, sizeof(*n->v), note_order);
	for (size_t i = 0; i < n->count; i++) {
		const struct note *note = &n->v[i];

		if (note->kind == NOTE_IS_WARNING)
			sbuf_adds(diag, "warning: ");
		if (note->elsewhere) {
			sbuf_addf(diag, "%s\n", note->text);
			continue;
		}
		sbuf_addf(diag, "%s:%zu:%zu: %s\n", n->name, note->pos.line,
		    note->pos.col, note->text);
		show_source(n, note->pos, diag);
	}
	if (n->more)
		sbuf_addf(diag, "%s: there are more errors, only the first %d "
		    "are shown\n", n->name, NOTES_MAX);
	if (n->no_memory)
		sbuf_addf(diag, "%s: out of memory\n", n->name);
	return n->errors == 0 && !n->no_memory;
}
