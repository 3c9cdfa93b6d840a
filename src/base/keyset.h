#ifndef TRACKUP_BASE_KEYSET_H
#define TRACKUP_BASE_KEYSET_H
/*
 * keyset: many device keys, asked for membership; 8 bytes each.
 *
 * Invariant: after keyset_seal() ascending and each once; keyset_add() undoes
 * that until the next seal. Owns its memory; keyset_done().
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"

struct keyset {
	uint64_t *v;
	size_t count, cap;
};

/* Zeroed is empty. -1: no memory. */
MUST_CHECK int keyset_add(struct keyset *s, uint64_t key);
void keyset_seal(struct keyset *s);
bool keyset_has(const struct keyset *s, uint64_t key);
bool keyset_same(const struct keyset *a, const struct keyset *b);
void keyset_done(struct keyset *s);

#endif
