#include "config.h"
#include "config/yamlwalk.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "base/text.h"

#define MESSAGE_MAX 600
#define SECRETS_MAX 256  /* masked values a file; past that no line is shown */
#define SHOWN_MAX 160    /* characters of a source line */
#define SHOWN_BEFORE 100 /* of them before the caret */

struct note {
	struct yw_pos pos;
	size_t seq;
	bool warning;
	bool elsewhere; /* text begins with a place of its own */
	char text[MESSAGE_MAX];
};

struct range { /* [from, to) */
	struct yw_pos from, to;
};

struct yw {
	const char *name, *text;
	size_t len;
	yaml_document_t doc;
	bool loaded;
	struct note *note;
	size_t count, errors, warnings;
	bool more_errors, lost;
	struct range *secret;
	size_t secret_count;
	bool secret_over;
};

/* --- collecting ------------------------------------------------------------*/

static void PRINTF_LIKE(6, 0)
add_note(struct yw *w, struct yw_pos pos, bool warning, bool elsewhere,
    const char *head, const char *fmt, va_list ap)
{
	size_t *of_kind = warning ? &w->warnings : &w->errors;
	struct note *n;
	int used = 0;

	if (*of_kind >= YW_ERRORS_MAX) {
		w->more_errors |= !warning;
		return;
	}
	++*of_kind;
	n = realloc(w->note, (w->count + 1) * sizeof(*n));
	if (n == NULL) {
		w->lost = true;
		return;
	}
	w->note = n;
	n += w->count++;
	*n = (struct note){.pos = pos, .seq = w->count, .warning = warning,
	    .elsewhere = elsewhere};
	if (head != NULL)
		used = snprintf(n->text, sizeof(n->text), "%s: ", head);
	if (used >= 0 && (size_t)used < sizeof(n->text))
		(void)vsnprintf(n->text + used,
		    sizeof(n->text) - (size_t)used, fmt, ap);
}

#define ADD_NOTE(warning, elsewhere, head) \
	do { \
		va_list ap; \
		va_start(ap, fmt); \
		add_note(w, pos, warning, elsewhere, head, fmt, ap); \
		va_end(ap); \
	} while (0)

void
yw_error(struct yw *w, struct yw_pos pos, const char *key, const char *fmt, ...)
{
	ADD_NOTE(false, false, key);
}

void
yw_warn(struct yw *w, struct yw_pos pos, const char *key, const char *fmt, ...)
{
	ADD_NOTE(true, false, key);
}

void
yw_error_in(struct yw *w, struct yw_pos pos, const char *where,
    const char *fmt, ...)
{
	ADD_NOTE(false, true, where);
}

void
yw_warn_in(struct yw *w, struct yw_pos pos, const char *where,
    const char *fmt, ...)
{
	ADD_NOTE(true, true, where);
}

bool
yw_failed(const struct yw *w)
{
	return w->errors > 0 || w->lost;
}

bool
yw_full(const struct yw *w)
{
	return w->more_errors;
}

/* --- what must not reach libyaml -------------------------------------------*/

/* libyaml's own marks are useless for these ("line 1, column 1"). */
static bool
check_bytes(struct yw *w)
{
	struct yw_pos pos = {1, 1};
	size_t len;

	if (w->len > YW_SIZE_MAX) {
		yw_error(w, pos, NULL, "the file is too large, allowed up to "
		    "%zu bytes", YW_SIZE_MAX);
		return false;
	}
	for (size_t i = 0; i < w->len; i += len) {
		uint32_t c;

		len = text_utf8(w->text + i, w->len - i, &c);
		if (len == 0) {
			yw_error(w, pos, NULL, "byte 0x%02x is not UTF-8 text",
			    (unsigned)(unsigned char)w->text[i]);
			return false;
		}
		if (c == '\n' || (c == '\r' &&
			(i + 1 == w->len || w->text[i + 1] != '\n'))) {
			pos.line++;
			pos.col = 1;
			continue;
		}
		if (c != '\t' && c != '\r' && !text_shows(c)) {
			yw_error(w, pos, NULL, "character U+%04X is not "
			    "allowed here", (unsigned)c);
			return false;
		}
		pos.col++;
	}
	return true;
}

static struct yw_pos
mark_pos(const yaml_mark_t *m)
{
	return (struct yw_pos){m->line + 1, m->column + 1};
}

static void
syntax_error(struct yw *w, const yaml_parser_t *p)
{
	struct yw_pos pos = mark_pos(&p->problem_mark);
	const char *problem = p->problem != NULL ? p->problem : "broken";
	const char *hint = "";

	if (p->error == YAML_MEMORY_ERROR) {
		w->lost = true;
		return;
	}
	if (strstr(problem, "cannot start any token") != NULL)
		hint = "; a tab cannot indent, and text that begins with one "
		       "of @ ` % needs quotes";
	if (p->context != NULL && p->context_mark.line != p->problem_mark.line)
		yw_error(w, pos, NULL, "not YAML: %s (%s that begins on line "
		    "%zu)%s", problem, p->context, p->context_mark.line + 1,
		    hint);
	else if (p->context != NULL)
		yw_error(w, pos, NULL, "not YAML: %s (%s)%s", problem,
		    p->context, hint);
	else
		yw_error(w, pos, NULL, "not YAML: %s%s", problem, hint);
}

struct scan {
	size_t depth, documents;
	bool shared; /* aliases or anchors: the tree would not be one */
	bool ended;
};

/* One event of the first pass. False: looking further makes no sense. */
static bool
scan_event(struct yw *w, const yaml_event_t *e, struct scan *s)
{
	struct yw_pos pos = mark_pos(&e->start_mark);
	const yaml_char_t *anchor = NULL, *tag = NULL;

	switch (e->type) {
	case YAML_STREAM_END_EVENT:
		s->ended = true;
		return false;
	case YAML_DOCUMENT_START_EVENT:
		if (++s->documents > 1) {
			yw_error(w, pos, NULL, "a second document begins "
			    "here, allowed is one a file");
			return false;
		}
		return true;
	case YAML_ALIAS_EVENT:
		yw_error(w, pos, NULL, "aliases (*) are not allowed; a text "
		    "that begins with * needs quotes");
		s->shared = true;
		return true;
	case YAML_SCALAR_EVENT:
		anchor = e->data.scalar.anchor;
		tag = e->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = e->data.sequence_start.anchor;
		tag = e->data.sequence_start.tag;
		s->depth++;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = e->data.mapping_start.anchor;
		tag = e->data.mapping_start.tag;
		s->depth++;
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		s->depth--;
		return true;
	default:
		return true;
	}
	if (anchor != NULL) {
		yw_error(w, pos, NULL, "anchors (&) are not allowed; a text "
		    "that begins with & needs quotes");
		s->shared = true;
	}
	if (tag != NULL)
		yw_error(w, pos, NULL, "tags (!) are not allowed; a text that "
		    "begins with ! needs quotes");
	if (s->depth > YW_DEPTH_MAX) {
		yw_error(w, pos, NULL, "nested too deep, allowed up to %d "
		    "levels", YW_DEPTH_MAX);
		return false;
	}
	return true;
}

static bool
parser_open(struct yw *w, yaml_parser_t *p)
{
	if (!yaml_parser_initialize(p)) {
		w->lost = true;
		return false;
	}
	yaml_parser_set_encoding(p, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(p, (const unsigned char *)w->text, w->len);
	return true;
}

/* The first pass: the document API hides what is refused here. */
static bool
scan_events(struct yw *w)
{
	struct scan s = {0};
	yaml_parser_t p;
	bool go = true;

	if (!parser_open(w, &p))
		return false;
	while (go) {
		yaml_event_t e;

		if (!yaml_parser_parse(&p, &e)) {
			syntax_error(w, &p);
			break;
		}
		go = scan_event(w, &e, &s);
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&p);
	/* A tree cut short by a second document is still worth a walk. */
	return !w->lost && !s.shared && (s.ended || s.documents > 1);
}

/* --- secrets in source lines -----------------------------------------------*/

static bool
is_secret_key(struct span key)
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

static void
add_secret(struct yw *w, const yaml_node_t *value)
{
	struct range *r;

	if (w->secret_count == SECRETS_MAX) {
		w->secret_over = true;
		return;
	}
	r = realloc(w->secret, (w->secret_count + 1) * sizeof(*r));
	if (r == NULL) {
		w->secret_over = true;
		return;
	}
	w->secret = r;
	r[w->secret_count++] = (struct range){mark_pos(&value->start_mark),
	    mark_pos(&value->end_mark)};
}

static void
find_secrets(struct yw *w)
{
	const yaml_node_t *end = w->doc.nodes.top;

	for (const yaml_node_t *n = w->doc.nodes.start; n < end; n++) {
		if (n->type != YAML_MAPPING_NODE)
			continue;
		for (const yaml_node_pair_t *p = n->data.mapping.pairs.start;
		     p < n->data.mapping.pairs.top; p++) {
			const yaml_node_t *k =
			    yaml_document_get_node(&w->doc, p->key);

			if (k->type == YAML_SCALAR_NODE && is_secret_key(
				span_of((const char *)k->data.scalar.value,
				    k->data.scalar.length)))
				add_secret(w, yaml_document_get_node(&w->doc,
				    p->value));
		}
	}
}

static bool
pos_before(struct yw_pos a, struct yw_pos b)
{
	return a.line < b.line || (a.line == b.line && a.col < b.col);
}

static bool
is_secret(const struct yw *w, struct yw_pos pos)
{
	for (size_t i = 0; i < w->secret_count; i++)
		if (!pos_before(pos, w->secret[i].from) &&
		    pos_before(pos, w->secret[i].to))
			return true;
	return false;
}

/* Without a tree only the look of the line is left to go by: the offset behind
 * the colon of a secret key, or the length of the line. */
static size_t
guess_secret(struct span line)
{
	size_t from = 0;

	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] == ',' || line.p[i] == '{')
			from = i + 1;
		if (line.p[i] != ':')
			continue;
		if (is_secret_key(span_trim(span_of(line.p + from, i - from))))
			return i + 1;
	}
	return line.n;
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
show_line(const struct yw *w, struct span line, struct yw_pos pos,
    size_t secret_from, struct shown *s)
{
	size_t first = pos.col > SHOWN_BEFORE + 20 ? pos.col - SHOWN_BEFORE : 1;
	struct yw_pos at = {pos.line, 1};
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
		if ((i >= secret_from && c != ' ') || is_secret(w, at))
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
show_source(const struct yw *w, struct yw_pos pos, struct sbuf *diag)
{
	struct span rest = span_of(w->text, w->len), line = {0}, before = {0};
	struct shown s = {.line_len = 0};
	size_t secret_from;

	if (w->secret_over || w->len > YW_SIZE_MAX)
		return;
	for (size_t n = 0; n < pos.line; n++) {
		before = line;
		if (!text_line(&rest, &line))
			return;
	}
	secret_from = line.n;
	if (!w->loaded) {
		before = span_trim(before);
		if (before.n > 0 && before.p[before.n - 1] == ':' &&
		    is_secret_key(span_of(before.p, before.n - 1)))
			secret_from = 0;
		else
			secret_from = guess_secret(line);
	}
	show_line(w, line, pos, secret_from, &s);
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
yw_finish(struct yw *w, struct sbuf *diag)
{
	if (w->count > 1)
		qsort(w->note, w->count, sizeof(*w->note), note_order);
	for (size_t i = 0; i < w->count; i++) {
		const struct note *n = &w->note[i];

		if (n->warning)
			sbuf_adds(diag, "warning: ");
		if (n->elsewhere) {
			sbuf_addf(diag, "%s\n", n->text);
			continue;
		}
		sbuf_addf(diag, "%s:%zu:%zu: %s\n", w->name, n->pos.line,
		    n->pos.col, n->text);
		show_source(w, n->pos, diag);
	}
	if (w->more_errors)
		sbuf_addf(diag, "%s: there are more errors, only the first %d "
		    "are shown\n", w->name, YW_ERRORS_MAX);
	if (w->lost)
		sbuf_addf(diag, "%s: out of memory\n", w->name);
	return !yw_failed(w);
}

/* --- the tree --------------------------------------------------------------*/

struct yw *
yw_new(const char *name, const char *text, size_t len)
{
	struct yw *w = calloc(1, sizeof(*w));
	yaml_parser_t p;

	if (w == NULL)
		return NULL;
	w->name = name;
	w->text = text;
	w->len = len;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		w->text += 3;
		w->len -= 3;
	}
	if (!check_bytes(w) || !scan_events(w) || !parser_open(w, &p))
		return w;
	if (yaml_parser_load(&p, &w->doc)) {
		w->loaded = true;
		find_secrets(w);
	} else {
		syntax_error(w, &p);
	}
	yaml_parser_delete(&p);
	return w;
}

void
yw_free(struct yw *w)
{
	if (w == NULL)
		return;
	if (w->loaded)
		yaml_document_delete(&w->doc);
	free(w->note);
	free(w->secret);
	free(w);
}

static const yaml_node_t *
node_of(const struct yw *w, int node)
{
	assert(w->loaded && node > 0 &&
	    node <= w->doc.nodes.top - w->doc.nodes.start);
	return w->doc.nodes.start + node - 1;
}

int
yw_root(const struct yw *w)
{
	return w->loaded && w->doc.nodes.top > w->doc.nodes.start ? 1 : 0;
}

enum yw_kind
yw_kind(const struct yw *w, int node)
{
	switch (node_of(w, node)->type) {
	case YAML_SEQUENCE_NODE:
		return YW_LIST;
	case YAML_MAPPING_NODE:
		return YW_MAP;
	default:
		return YW_SCALAR;
	}
}

struct yw_pos
yw_at(const struct yw *w, int node)
{
	return mark_pos(&node_of(w, node)->start_mark);
}

struct span
yw_text(const struct yw *w, int node)
{
	const yaml_node_t *n = node_of(w, node);

	assert(n->type == YAML_SCALAR_NODE);
	return span_of((const char *)n->data.scalar.value,
	    n->data.scalar.length);
}

bool
yw_is_nothing(const struct yw *w, int node)
{
	const yaml_node_t *n = node_of(w, node);

	return n->type == YAML_SCALAR_NODE && n->data.scalar.length == 0 &&
	    n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

size_t
yw_count(const struct yw *w, int node)
{
	const yaml_node_t *n = node_of(w, node);

	if (n->type == YAML_SEQUENCE_NODE)
		return (size_t)(n->data.sequence.items.top -
		    n->data.sequence.items.start);
	if (n->type == YAML_MAPPING_NODE)
		return (size_t)(n->data.mapping.pairs.top -
		    n->data.mapping.pairs.start);
	return 0;
}

int
yw_item(const struct yw *w, int node, size_t i)
{
	assert(i < yw_count(w, node) && yw_kind(w, node) == YW_LIST);
	return node_of(w, node)->data.sequence.items.start[i];
}

void
yw_pair(const struct yw *w, int node, size_t i, int *ret_key, int *ret_value)
{
	const yaml_node_pair_t *p;

	assert(i < yw_count(w, node) && yw_kind(w, node) == YW_MAP);
	p = &node_of(w, node)->data.mapping.pairs.start[i];
	*ret_key = p->key;
	*ret_value = p->value;
}
