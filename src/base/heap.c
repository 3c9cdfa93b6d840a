#include "config.h"

#include "base/heap.h"

#include <stdlib.h>

#define HEAP_CAP_FIRST 64

void
heap_init(struct heap *h)
{
	*h = (struct heap){0};
}

void
heap_done(struct heap *h)
{
	for (size_t i = 1; i <= h->len; i++)
		h->v[i]->pos = 0;
	free(h->v);
	heap_init(h);
}

static bool
node_before(const struct heap_node *a, const struct heap_node *b)
{
	if (a->key != b->key)
		return a->key < b->key;
	return a->seq < b->seq;
}

static void
node_place(struct heap *h, struct heap_node *n, size_t pos)
{
	h->v[pos] = n;
	n->pos = pos;
}

static void
node_up(struct heap *h, struct heap_node *n, size_t pos)
{
	while (pos > 1 && node_before(n, h->v[pos / 2])) {
		node_place(h, h->v[pos / 2], pos);
		pos /= 2;
	}
	node_place(h, n, pos);
}

static void
node_down(struct heap *h, struct heap_node *n, size_t pos)
{
	/* pos <= len / 2 also keeps 2 * pos from overflowing. */
	while (pos <= h->len / 2) {
		size_t child = 2 * pos;

		if (child < h->len &&
		    node_before(h->v[child + 1], h->v[child]))
			child++;
		if (!node_before(h->v[child], n))
			break;
		node_place(h, h->v[child], pos);
		pos = child;
	}
	node_place(h, n, pos);
}

/* Puts n where it belongs, starting from a position that is free. */
static void
node_settle(struct heap *h, struct heap_node *n, size_t pos)
{
	if (pos > 1 && node_before(n, h->v[pos / 2]))
		node_up(h, n, pos);
	else
		node_down(h, n, pos);
}

/* Room for one more node; slot 0 is never used. */
static int
heap_grow(struct heap *h)
{
	struct heap_node **v;
	size_t cap;

	if (h->len + 1 < h->cap)
		return 0;
	cap = h->cap == 0 ? HEAP_CAP_FIRST : h->cap * 2;
	if (cap < h->cap || cap > SIZE_MAX / sizeof(struct heap_node *))
		return -1;
	v = realloc(h->v, cap * sizeof(*v));
	if (v == NULL)
		return -1;
	h->v = v;
	h->cap = cap;
	return 0;
}

int
heap_set(struct heap *h, struct heap_node *n, int64_t key)
{
	size_t pos = n->pos;

	if (pos == 0) {
		if (heap_grow(h) < 0)
			return -1;
		pos = ++h->len;
	}
	n->key = key;
	n->seq = h->seq++;
	node_settle(h, n, pos);
	return 0;
}

void
heap_remove(struct heap *h, struct heap_node *n)
{
	size_t pos = n->pos;
	struct heap_node *last;

	if (pos == 0)
		return;
	assert(pos <= h->len && h->v[pos] == n);
	last = h->v[h->len--];
	n->pos = 0;
	if (last != n)
		node_settle(h, last, pos);
}

struct heap_node *
heap_min(const struct heap *h)
{
	return h->len == 0 ? NULL : h->v[1];
}
