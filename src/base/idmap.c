#include "config.h"

#include "base/idmap.h"

#include <stdlib.h>

#include "base/prng.h"

#define IDMAP_CAP_FIRST 16

void
idmap_init(struct idmap *m, uint64_t seed)
{
	*m = (struct idmap){.seed = seed};
}

void
idmap_done(struct idmap *m)
{
	free(m->v);
	idmap_init(m, m->seed);
}

static size_t
key_home(const struct idmap *m, uint64_t key)
{
	return (size_t)prng_mix(m->seed, key) & (m->cap - 1);
}

/* The slot of key, or the free slot where it would go. The load limit keeps
 * at least a quarter of the table free, so that this ends. */
static size_t
key_slot(const struct idmap *m, uint64_t key)
{
	size_t i = key_home(m, key);

	while (m->v[i].key != 0 && m->v[i].key != key)
		i = (i + 1) & (m->cap - 1);
	return i;
}

static int
table_resize(struct idmap *m, size_t cap)
{
	struct idmap_entry *old = m->v;
	size_t old_cap = m->cap;
	struct idmap_entry *v;

	v = calloc(cap, sizeof(*v));
	if (v == NULL)
		return -1;
	m->v = v;
	m->cap = cap;
	for (size_t i = 0; i < old_cap; i++)
		if (old[i].key != 0)
			m->v[key_slot(m, old[i].key)] = old[i];
	free(old);
	return 0;
}

int
idmap_reserve(struct idmap *m, size_t n)
{
	size_t cap = m->cap == 0 ? IDMAP_CAP_FIRST : m->cap;

	while (cap - cap / 4 < n) {
		if (cap > SIZE_MAX / 2)
			return -1;
		cap *= 2;
	}
	return cap == m->cap ? 0 : table_resize(m, cap);
}

void *
idmap_get(const struct idmap *m, uint64_t key)
{
	assert(key != 0);
	if (m->len == 0)
		return NULL;
	return m->v[key_slot(m, key)].value;
}

void
idmap_prefetch(const struct idmap *m, uint64_t key)
{
	if (m->cap > 0)
		__builtin_prefetch(&m->v[key_home(m, key)], 1);
}

int
idmap_put(struct idmap *m, uint64_t key, void *value)
{
	size_t i = 0;

	assert(key != 0 && value != NULL);
	if (m->cap > 0) {
		i = key_slot(m, key);
		if (m->v[i].key == key) {
			m->v[i].value = value;
			return 0;
		}
	}
	/* A slot in a table of a million is a cache miss: one is enough. */
	if (m->len + 1 > m->cap - m->cap / 4) {
		if (idmap_reserve(m, m->len + 1) < 0)
			return -1;
		i = key_slot(m, key);
	}
	m->v[i] = (struct idmap_entry){key, value};
	m->len++;
	return 0;
}

/* Entries behind a hole move up, so that no tombstones are needed and a table
 * that lives for months does not slow down. */
static void
hole_close(struct idmap *m, size_t hole)
{
	size_t mask = m->cap - 1;

	for (size_t i = (hole + 1) & mask; m->v[i].key != 0;
	    i = (i + 1) & mask) {
		size_t home = key_home(m, m->v[i].key);

		/* It may move only when its home is not between. */
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		m->v[hole] = m->v[i];
		hole = i;
	}
	m->v[hole] = (struct idmap_entry){0, NULL};
}

void *
idmap_remove(struct idmap *m, uint64_t key)
{
	size_t i;
	void *value;

	assert(key != 0);
	if (m->len == 0)
		return NULL;
	i = key_slot(m, key);
	if (m->v[i].key == 0)
		return NULL;
	value = m->v[i].value;
	m->len--;
	hole_close(m, i);
	return value;
}

void *
idmap_next(const struct idmap *m, size_t *pos)
{
	while (*pos < m->cap) {
		const struct idmap_entry *e = &m->v[(*pos)++];

		if (e->key != 0)
			return e->value;
	}
	return NULL;
}
