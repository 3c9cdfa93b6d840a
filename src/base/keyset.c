#include "config.h"

#include "base/keyset.h"

#include <stdlib.h>
#include <string.h>

int
keyset_add(struct keyset *s, uint64_t key)
{
	if (s->count == s->cap) {
		size_t cap = s->cap == 0 ? 16 : s->cap * 2;
		uint64_t *v = realloc(s->v, cap * sizeof(*v));

		if (v == NULL)
			return -1;
		s->v = v;
		s->cap = cap;
	}
	s->v[s->count++] = key;
	return 0;
}

static int
key_order(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void
keyset_seal(struct keyset *s)
{
	size_t kept = 0;

	if (s->count == 0)
		return;
	qsort(s->v, s->count, sizeof(*s->v), key_order);
	for (size_t i = 0; i < s->count; i++)
		if (kept == 0 || s->v[kept - 1] != s->v[i])
			s->v[kept++] = s->v[i];
	s->count = kept;
}

bool
keyset_has(const struct keyset *s, uint64_t key)
{
	size_t lo = 0, hi = s->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->v[mid] < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->count && s->v[lo] == key;
}

bool
keyset_same(const struct keyset *a, const struct keyset *b)
{
	return a->count == b->count && (a->count == 0 ||
	    memcmp(a->v, b->v, a->count * sizeof(*a->v)) == 0);
}

void
keyset_done(struct keyset *s)
{
	free(s->v);
	*s = (struct keyset){.count = 0};
}
