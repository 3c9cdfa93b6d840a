#include "config.h"
#include "sim/outbox.h"

#include <assert.h>
#include <stdlib.h>

void
outbox_done(struct outbox *o)
{
	free(o->v);
	*o = (struct outbox){0};
}

static void
make_room(struct outbox *o)
{
	size_t i = 0;

	while (i < o->len && o->v[i].report.kind == WIRE_UPDATE)
		i++;
	outbox_remove(o, &o->v[i < o->len ? i : 0]);
	o->dropped++;
}

struct outbox_entry *
outbox_push(struct outbox *o, const struct outbox_entry *e)
{
	struct outbox_entry *v;

	if (o->len == OUTBOX_MAX)
		make_room(o);
	if (o->len == o->cap) {
		size_t cap = o->cap == 0 ? 2 : MIN_OF(o->cap * 2,
		    (size_t)OUTBOX_MAX);

		v = realloc(o->v, cap * sizeof(*v));
		if (v == NULL)
			return NULL;
		o->v = v;
		o->cap = cap;
	}
	v = &o->v[o->len++];
	*v = *e;
	if (++o->seq == 0)
		o->seq = 1;
	v->seq = o->seq;
	return v;
}

struct outbox_entry *
outbox_first(struct outbox *o, bool update_only)
{
	for (size_t i = 0; i < o->len; i++)
		if (!update_only || o->v[i].report.kind == WIRE_UPDATE)
			return &o->v[i];
	return NULL;
}

struct outbox_entry *
outbox_find(struct outbox *o, uint32_t seq)
{
	for (size_t i = 0; i < o->len; i++)
		if (o->v[i].seq == seq)
			return &o->v[i];
	return NULL;
}

struct outbox_entry *
outbox_find_count(struct outbox *o, uint16_t count)
{
	for (size_t i = 0; i < o->len; i++)
		if (o->v[i].sends > 0 && o->v[i].report.count == count)
			return &o->v[i];
	return NULL;
}

void
outbox_remove(struct outbox *o, struct outbox_entry *e)
{
	size_t i = (size_t)(e - o->v);

	assert(i < o->len);
	memmove(e, e + 1, (o->len - i - 1) * sizeof(*e));
	o->len--;
}

void
outbox_make_late(struct outbox *o, bool only_sent)
{
	for (size_t i = 0; i < o->len; i++)
		if (!only_sent || o->v[i].sends > 0)
			o->v[i].late = true;
}

bool
outbox_has_live(const struct outbox *o)
{
	for (size_t i = 0; i < o->len; i++)
		if (!o->v[i].late)
			return true;
	return false;
}
