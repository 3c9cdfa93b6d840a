#ifndef TRACKUP_BASE_IDMAP_H
#define TRACKUP_BASE_IDMAP_H
/*
 * idmap: 64-bit key → pointer, open addressing, keyed hash.
 *
 * Keys come from whoever connects, so the hash is seeded (prng_mix). Key 0 is
 * not allowed. 16 bytes an entry at load <= 0.75. Owns only its table.
 */
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"

struct idmap_entry {
	uint64_t key;
	void *value;
};

struct idmap {
	struct idmap_entry *v;
	size_t cap; /* power of two, or 0 */
	size_t len;
	uint64_t seed;
};

void idmap_init(struct idmap *m, uint64_t seed);
void idmap_done(struct idmap *m); /* values are left alone */
/* Makes room for n keys at once. -1: no memory. */
MUST_CHECK int idmap_reserve(struct idmap *m, size_t n);
void *idmap_get(const struct idmap *m, uint64_t key); /* NULL: not there */
/* Asked for soon: its slot is on its way into the cache from here on. */
void idmap_prefetch(const struct idmap *m, uint64_t key);
/* value is not NULL. Replaces. -1: no memory, map unchanged. */
MUST_CHECK int idmap_put(struct idmap *m, uint64_t key, void *value);
void *idmap_remove(struct idmap *m, uint64_t key); /* the value, or NULL */
/* Walks in table order: start with *pos = 0; NULL at the end. No put or remove
 * in between. */
void *idmap_next(const struct idmap *m, size_t *pos);

#endif
