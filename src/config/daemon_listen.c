#include "config.h"
#include "config/daemon_listen.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "config/daemon_options.h"

#define LISTEN_MAX 64
#define HTTP_LISTEN_MAX 8
#define UDP_LISTEN_MAX 16
#define RELAY_LISTENERS_MAX 31
#define PLACES_MAX (3 * LISTEN_MAX + HTTP_LISTEN_MAX + UDP_LISTEN_MAX + \
	RELAY_LISTENERS_MAX)

/* An address, and where the file says it. */
struct place {
	const struct conf_address *address;
	const char *key;
	struct note_pos pos;
	bool given; /* not by a default */
	bool udp;
};

struct places {
	struct yw *w;
	const struct opt_value *v;
	struct daemon_conf *c;
	struct place place[PLACES_MAX];
	size_t count;
	struct note_pos relay_pos[RELAY_LISTENERS_MAX];
};

static const struct list_row {
	const char *key;
	int max;
	bool udp;
} lists[] = {
	{"trackers.listen", LISTEN_MAX, false},
	{"trackers.proxy_listen", LISTEN_MAX, false},
	{"trackers.udp_listen", UDP_LISTEN_MAX, true},
	{"files.listen", LISTEN_MAX, false},
	{"http.listen", HTTP_LISTEN_MAX, false},
};

static void
place_add(struct places *p, const struct conf_address *a, const char *key,
    struct note_pos pos, bool given, bool udp)
{
	assert(p->count < PLACES_MAX);
	p->place[p->count++] = (struct place){a, key, pos, given, udp};
}

/* --- the lists -------------------------------------------------------------*/

static bool
load_list(struct places *p, const struct list_row *row)
{
	size_t at = opt_find(&daemon_options, row->key), n;
	const struct option *o = &daemon_options.row[at];
	const struct opt_value *v = &p->v[at];
	struct conf_address *list;

	if (v->bad)
		return true;
	n = opt_list_count(p->w, o, v);
	if (n > (size_t)row->max) {
		yw_error(p->w, v->pos, row->key, "allowed are at most %d "
		    "addresses", row->max);
		return true;
	}
	if ((list = calloc(n + 1, sizeof(*list))) == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		int r = value_address(opt_list_item(p->w, o, v, i), &list[i]);

		assert(r == 0);
		place_add(p, &list[i], row->key, v->node == 0 ? v->pos :
		    yw_at(p->w, yw_item(p->w, v->node, i)), v->node != 0,
		    row->udp);
	}
	memcpy((char *)p->c + o->offset, &list, sizeof(list));
	memcpy((char *)p->c + o->count_offset, &n, sizeof(n));
	return true;
}

/* --- relay.listeners -------------------------------------------------------*/

/* One pair into c->relay_listener, when it is good. */
static void
load_relay_listener(struct places *p, int key, int value, struct sbuf *yaml)
{
	static const char path[] = "relay.listeners";
	static const struct option listener = {.type = VALUE_ADDRESS,
	    .min = 1, .max = 79};
	static const struct option upstream = {.type = VALUE_HOSTPORT,
	    .min = 1, .max = 255};
	struct daemon_conf *c = p->c;
	struct conf_relay *to = &c->relay_listener[c->relay_listener_count];
	struct opt_value k = {0}, u = {0};

	opt_scalar(p->w, key, &listener, path, &k);
	opt_scalar(p->w, value, &upstream, path, &u);
	if (k.bad || u.bad || value_address(k.text, &to->listen) < 0)
		return;
	for (size_t i = 0; i < c->relay_listener_count; i++)
		if (strcmp(c->relay_listener[i].listen.text,
			to->listen.text) == 0) {
			yw_error(p->w, k.pos, path, "%s is there twice",
			    to->listen.text);
			return;
		}
	(void)span_copy(to->upstream, sizeof(to->upstream), u.text);
	sbuf_adds(yaml, c->relay_listener_count == 0 ? "" : ", ");
	opt_put_text(yaml, span_str(to->listen.text));
	sbuf_adds(yaml, ": ");
	opt_put_text(yaml, u.text);
	p->relay_pos[c->relay_listener_count++] = k.pos;
}

static bool
load_relay_listeners(struct places *p)
{
	const struct opt_value *r =
	    &p->v[opt_find(&daemon_options, "relay.listeners")];
	size_t n = r->node == 0 || r->bad ? 0 : yw_count(p->w, r->node);
	struct sbuf yaml;
	int key, value;

	if (n > RELAY_LISTENERS_MAX)
		yw_error(p->w, r->pos, "relay.listeners", "allowed are at "
		    "most %d", RELAY_LISTENERS_MAX);
	n = MIN_OF(n, (size_t)RELAY_LISTENERS_MAX);
	p->c->relay_listener = calloc(n + 1, sizeof(*p->c->relay_listener));
	if (p->c->relay_listener == NULL)
		return false;
	sbuf_init(&yaml, 0);
	sbuf_adds(&yaml, "{");
	for (size_t i = 0; i < n && !yw_full(p->w); i++) {
		yw_pair(p->w, r->node, i, &key, &value);
		load_relay_listener(p, key, value, &yaml);
	}
	sbuf_adds(&yaml, "}");
	return (p->c->relay_listeners_yaml = sbuf_take(&yaml)) != NULL;
}

static bool
has_address(const struct conf_address *v, size_t n,
    const struct conf_address *a)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].text, a->text) == 0)
			return true;
	return false;
}

/* An address that only relay.listeners names is listened at too. */
static bool
unite_listeners(struct places *p)
{
	struct daemon_conf *c = p->c;
	size_t n = c->listen_count;

	c->all_listen = calloc(n + c->relay_listener_count + 1,
	    sizeof(*c->all_listen));
	if (c->all_listen == NULL)
		return false;
	if (n > 0)
		memcpy(c->all_listen, c->listen, n * sizeof(*c->listen));
	for (size_t i = 0; i < c->relay_listener_count; i++) {
		const struct conf_address *a = &c->relay_listener[i].listen;

		if (has_address(c->all_listen, n, a) ||
		    has_address(c->proxy_listen, c->proxy_listen_count, a))
			continue;
		place_add(p, a, "relay.listeners", p->relay_pos[i], true,
		    false);
		c->all_listen[n++] = *a;
	}
	c->all_listen_count = n;
	return true;
}

/* --- beside each other -----------------------------------------------------*/

static bool
is_any(const struct conf_address *a)
{
	return strcmp(a->host, "0.0.0.0") == 0 || strcmp(a->host, "::") == 0;
}

/* IPv6 sockets are for IPv6 alone, so the families do not meet. */
static bool
overlap(const struct conf_address *a, const struct conf_address *b)
{
	if (a->port == 0 || a->port != b->port ||
	    (strchr(a->host, ':') == NULL) != (strchr(b->host, ':') == NULL))
		return false;
	return is_any(a) || is_any(b) || strcmp(a->host, b->host) == 0;
}

static void
say_overlap(struct yw *w, const struct place *at, const struct place *other)
{
	const char *text = at->address->text;

	if (strcmp(text, other->address->text) != 0)
		yw_error(w, at->pos, at->key, "%s cannot be bound beside %s "
		    "of %s", text, other->address->text, other->key);
	else if (strcmp(at->key, other->key) == 0)
		yw_error(w, at->pos, at->key, "%s is there twice", text);
	else
		yw_error(w, at->pos, at->key, "%s is in %s as well", text,
		    other->key);
}

static void
check_places(const struct places *p)
{
	for (size_t i = 1; i < p->count; i++)
		for (size_t j = 0; j < i; j++) {
			const struct place *a = &p->place[i];
			const struct place *b = &p->place[j];

			if (a->udp != b->udp ||
			    !overlap(a->address, b->address))
				continue;
			/* Not at a default, which nobody wrote. */
			say_overlap(p->w, a->given ? a : b, a->given ? b : a);
			break;
		}
}

bool
daemon_load_listen(struct yw *w, const struct opt_value *v,
    struct daemon_conf *c)
{
	struct places p = {.w = w, .v = v, .c = c};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (!load_list(&p, &lists[i]))
			return false;
	if (!load_relay_listeners(&p) || !unite_listeners(&p))
		return false;
	check_places(&p);
	return true;
}
