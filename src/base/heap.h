#ifndef TRACKUP_BASE_HEAP_H
#define TRACKUP_BASE_HEAP_H
/*
 * heap: intrusive min-heap of deadlines.
 *
 * A node lies in its owner's struct; the heap owns only its pointer array.
 * pos is 0 when the node is in no heap. Ties leave in the order of insertion
 * (seq), so that runs repeat exactly.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"

struct heap_node {
	int64_t key; /* ms */
	uint64_t seq;
	size_t pos; /* 1-based; 0 = not in a heap */
};

struct heap {
	struct heap_node **v; /* 1-based */
	size_t len;
	size_t cap;
	uint64_t seq;
};

void heap_init(struct heap *h);
void heap_done(struct heap *h); /* nodes are left alone */
/* Inserts, or moves the node when it is in already. -1: no memory (then the
 * heap is unchanged). */
MUST_CHECK int heap_set(struct heap *h, struct heap_node *n, int64_t key);
void heap_remove(struct heap *h, struct heap_node *n); /* not in: nothing */
struct heap_node *heap_min(const struct heap *h); /* NULL when empty */

#endif
