#include "config.h"
#include "config/yamlwalk.h"

#include <stdint.h>
#include <stdlib.h>
#include <yaml.h>

#include "base/text.h"

#define DEPTH_READ_MAX 64 /* deeper than that is no slip of the pen */

struct yw {
	struct notes notes;
	char *bare; /* the text less aliases and anchors; NULL: as it is */
	size_t at_index, at_byte; /* a character of it, and where that is */
	yaml_document_t doc;
	bool loaded;
};

/* --- collecting ------------------------------------------------------------*/

#define ADD_NOTE(kind, elsewhere, head) \
	do { \
		va_list ap; \
		va_start(ap, fmt); \
		notes_add(&w->notes, kind, pos, elsewhere, head, fmt, ap); \
		va_end(ap); \
	} while (0)

void
yw_error(struct yw *w, struct note_pos pos, const char *key,
    const char *fmt, ...)
{
	ADD_NOTE(NOTE_IS_ERROR, false, key);
}

void
yw_warn(struct yw *w, struct note_pos pos, const char *key,
    const char *fmt, ...)
{
	ADD_NOTE(NOTE_IS_WARNING, false, key);
}

void
yw_error_in(struct yw *w, struct note_pos pos, const char *where,
    const char *fmt, ...)
{
	ADD_NOTE(NOTE_IS_ERROR, true, where);
}

void
yw_warn_in(struct yw *w, struct note_pos pos, const char *where,
    const char *fmt, ...)
{
	ADD_NOTE(NOTE_IS_WARNING, true, where);
}

bool
yw_failed(const struct yw *w)
{
	return w->notes.errors > 0 || w->notes.no_memory;
}

bool
yw_full(const struct yw *w)
{
	return w->notes.more;
}

/* --- what must not reach libyaml -------------------------------------------*/

/* libyaml's own marks are useless for these ("line 1, column 1"). */
static bool
check_bytes(struct yw *w)
{
	struct note_pos pos = {1, 1};
	struct span s = w->notes.text;
	size_t len;

	if (s.n > YW_SIZE_MAX) {
		w->notes.no_source = true;
		yw_error(w, pos, NULL, "the file is too large, allowed up to "
		    "%zu bytes", YW_SIZE_MAX);
		return false;
	}
	for (size_t i = 0; i < s.n; i += len) {
		uint32_t c;

		len = text_utf8(s.p + i, s.n - i, &c);
		if (len == 0) {
			yw_error(w, pos, NULL, "byte 0x%02x is not UTF-8 text",
			    (unsigned)(unsigned char)s.p[i]);
			return false;
		}
		if (c == '\n' || (c == '\r' &&
			(i + 1 == s.n || s.p[i + 1] != '\n'))) {
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

static struct note_pos
mark_pos(const yaml_mark_t *m)
{
	return (struct note_pos){m->line + 1, m->column + 1};
}

static void
syntax_error(struct yw *w, const yaml_parser_t *p)
{
	struct note_pos pos = mark_pos(&p->problem_mark);
	const char *problem = p->problem != NULL ? p->problem : "broken";
	const char *hint = "";

	if (p->error == YAML_MEMORY_ERROR) {
		w->notes.no_memory = true;
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
	bool ended;
};

/* The byte of the character that libyaml counts as index. They are asked for in
 * the order of the text. */
static size_t
byte_at(struct yw *w, size_t index)
{
	struct span s = w->notes.text;
	uint32_t c;

	for (; w->at_index < index && w->at_byte < s.n; w->at_index++)
		w->at_byte += text_utf8(s.p + w->at_byte, s.n - w->at_byte, &c);
	return w->at_byte;
}

/* Bytes of the copy that the second pass reads; NULL: no memory. */
static char *
bare_at(struct yw *w, size_t index)
{
	struct span text = w->notes.text;

	if (w->bare == NULL && (w->bare = malloc(text.n)) != NULL)
		memcpy(w->bare, text.p, text.n);
	if (w->bare == NULL) {
		w->notes.no_memory = true;
		return NULL;
	}
	return w->bare + byte_at(w, index);
}

/* What an alias stands for could be a whole tree, or hold itself: a word in its
 * place leaves the rest a tree that is worth a walk. */
static void
drop_alias(struct yw *w, const yaml_event_t *e)
{
	char *at = bare_at(w, e->start_mark.index);

	notes_settle(&w->notes);
	if (at != NULL)
		memset(at, '~', e->end_mark.index - e->start_mark.index);
}

/* An anchor that stands twice ends libyaml's tree; a tag stands where an anchor
 * may and means nothing to it. */
static void
drop_anchor(struct yw *w, const yaml_event_t *e)
{
	char *at = bare_at(w, e->start_mark.index);

	if (at != NULL)
		*at = '!';
}

/* One event of the first pass. False: looking further makes no sense. */
static bool
scan_event(struct yw *w, const yaml_event_t *e, struct scan *s)
{
	struct note_pos pos = mark_pos(&e->start_mark);
	const yaml_char_t *anchor = NULL, *tag = NULL;
	bool opens = true;

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
		drop_alias(w, e);
		return !yw_full(w);
	case YAML_SCALAR_EVENT:
		anchor = e->data.scalar.anchor;
		tag = e->data.scalar.tag;
		opens = false;
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
		if (tag == NULL)
			drop_anchor(w, e);
	}
	if (tag != NULL)
		yw_error(w, pos, NULL, "tags (!) are not allowed; a text that "
		    "begins with ! needs quotes");
	/* Once where it begins; what is beside it is still read. */
	if (opens && s->depth == YW_DEPTH_MAX + 1)
		yw_error(w, pos, NULL, "nested too deep, allowed up to %d "
		    "levels", YW_DEPTH_MAX);
	return s->depth <= DEPTH_READ_MAX && !yw_full(w);
}

static bool
parser_open(struct yw *w, yaml_parser_t *p)
{
	if (!yaml_parser_initialize(p)) {
		w->notes.no_memory = true;
		return false;
	}
	yaml_parser_set_encoding(p, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(p, (const unsigned char *)(w->bare != NULL
		? w->bare : w->notes.text.p), w->notes.text.n);
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
	return !w->notes.no_memory && (s.ended || s.documents > 1);
}

/* --- secrets in source lines -----------------------------------------------*/

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
			const yaml_node_t *v =
			    yaml_document_get_node(&w->doc, p->value);

			if (k->type == YAML_SCALAR_NODE && notes_is_secret(
				span_of((const char *)k->data.scalar.value,
				    k->data.scalar.length)))
				notes_hide(&w->notes, mark_pos(&v->start_mark),
				    mark_pos(&v->end_mark));
		}
	}
}

bool
yw_finish(struct yw *w, struct sbuf *diag)
{
	return notes_finish(&w->notes, diag);
}

/* --- the tree --------------------------------------------------------------*/

struct yw *
yw_new(const char *name, const char *text, size_t len)
{
	struct yw *w = calloc(1, sizeof(*w));
	yaml_parser_t p;

	if (w == NULL)
		return NULL;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	notes_init(&w->notes, name, span_of(text, len));
	if (!check_bytes(w) || !scan_events(w) || !parser_open(w, &p))
		return w;
	if (yaml_parser_load(&p, &w->doc)) {
		w->loaded = w->notes.known = true;
		find_secrets(w);
	} else if (!yw_failed(w) || p.error == YAML_MEMORY_ERROR) {
		/* Where the first pass saw none, it is about anchors. */
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
	notes_done(&w->notes);
	free(w->bare);
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

struct note_pos
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
