#ifndef TRACKUP_BASE_KEYSORT_H
#define TRACKUP_BASE_KEYSORT_H
/*
 * keysort: many keys in ascending order, each with what belongs to it.
 *
 * Pure. Byte by byte, which for a million takes a tenth of comparing them.
 * Invariant: those with the same key stay in the order in which they came.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keyed {
	uint64_t key;
	void *value;
};

/* tmp has room for as many. */
void keysort(struct keyed *v, struct keyed *tmp, size_t n);
/* The same in up to four steps; *at begins with 0. True: they are sorted. */
bool keysort_step(struct keyed *v, struct keyed *tmp, size_t n, unsigned *at);

#endif
