#include "config.h"
#include "core/inventory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/idmap.h"
#include "base/prng.h"

#define KEY_SEED 0x9e3779b97f4a7c15 /* an operator writes the file */
#define CHECK_NONE 16 /* in place of a check digit */

/* Texts are places in the pool; 0 is the empty one. */
struct row {
	uint64_t key;
	uint32_t password, timezone, country, tags, networks, name;
	uint32_t line;
	uint8_t len;   /* of the id as written */
	uint8_t check; /* its last digit where the key lacks it */
};

_Static_assert(sizeof(struct row) == 40, "a million of them");

struct network_set {
	uint32_t first, count;
};

struct inventory {
	struct row *row;
	size_t count, cap;
	char *pool;
	size_t pool_len, pool_cap;
	struct cidr *network;
	size_t network_count;
	struct network_set set[INVENTORY_NETWORKS_MAX];
	size_t set_count;
	struct idmap set_of; /* place of their text → number + 1 */
	/* while lines come: places in the pool by the hash of their text;
	 * sealed: rows + 1 by the hash of their key */
	uint32_t *slot;
	size_t slot_cap, slot_used;
};

struct inventory *
inventory_new(void)
{
	struct inventory *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return NULL;
	idmap_init(&v->set_of, KEY_SEED);
	v->pool_cap = 4096;
	v->slot_cap = 1024;
	v->pool = malloc(v->pool_cap);
	v->slot = calloc(v->slot_cap, sizeof(*v->slot));
	if (v->pool == NULL || v->slot == NULL) {
		inventory_free(v);
		return NULL;
	}
	v->pool[v->pool_len++] = '\0';
	return v;
}

void
inventory_free(struct inventory *v)
{
	if (v == NULL)
		return;
	/* Passwords are among them. */
	if (v->pool != NULL)
		explicit_bzero(v->pool, v->pool_len);
	free(v->row);
	free(v->pool);
	free(v->network);
	free(v->slot);
	idmap_done(&v->set_of);
	free(v);
}

/* --- texts -----------------------------------------------------------------*/

static uint64_t
text_hash(struct span s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
	return prng_mix(h, s.n);
}

static int
slots_grow(struct inventory *v)
{
	size_t cap = v->slot_cap * 2;
	uint32_t *slot = calloc(cap, sizeof(*slot));

	if (slot == NULL)
		return -1;
	for (size_t i = 0; i < v->slot_cap; i++) {
		size_t at;

		if (v->slot[i] == 0)
			continue;
		at = text_hash(span_str(v->pool + v->slot[i])) & (cap - 1);
		while (slot[at] != 0)
			at = (at + 1) & (cap - 1);
		slot[at] = v->slot[i];
	}
	free(v->slot);
	v->slot = slot;
	v->slot_cap = cap;
	return 0;
}

static int
pool_put(struct inventory *v, struct span s, uint32_t *ret)
{
	size_t need = v->pool_len + s.n + 1;

	if (need > UINT32_MAX)
		return -1;
	if (need > v->pool_cap) {
		size_t cap = v->pool_cap;
		char *p;

		while (cap < need)
			cap *= 2;
		if ((p = realloc(v->pool, cap)) == NULL)
			return -1;
		v->pool = p;
		v->pool_cap = cap;
	}
	*ret = (uint32_t)v->pool_len;
	memcpy(v->pool + v->pool_len, s.p, s.n);
	v->pool_len = need;
	v->pool[need - 1] = '\0';
	return 0;
}

/* Equal texts lie in the pool once: a fleet has a few zones and tags. */
static int
text_put(struct inventory *v, struct span s, uint32_t *ret)
{
	size_t at;

	*ret = 0;
	if (s.n == 0)
		return 0;
	if (v->slot_used * 2 >= v->slot_cap && slots_grow(v) < 0)
		return -1;
	at = text_hash(s) & (v->slot_cap - 1);
	for (; v->slot[at] != 0; at = (at + 1) & (v->slot_cap - 1))
		if (span_is(s, v->pool + v->slot[at])) {
			*ret = v->slot[at];
			return 0;
		}
	if (pool_put(v, s, ret) < 0)
		return -1;
	v->slot[at] = *ret;
	v->slot_used++;
	return 0;
}

static int
networks_put(struct inventory *v, const struct inventory_line *l, uint32_t at)
{
	size_t n = v->network_count + l->network_count;
	struct cidr *p;

	if (at == 0 || idmap_get(&v->set_of, at) != NULL)
		return 0;
	if (v->set_count == INVENTORY_NETWORKS_MAX)
		return INVENTORY_NETWORKS_FULL;
	if ((p = realloc(v->network, n * sizeof(*p))) == NULL)
		return INVENTORY_NO_MEMORY;
	v->network = p;
	memcpy(p + v->network_count, l->network,
	    l->network_count * sizeof(*p));
	v->set[v->set_count] = (struct network_set){
	    .first = (uint32_t)v->network_count,
	    .count = (uint32_t)l->network_count};
	v->network_count = n;
	v->set_count++;
	return idmap_put(&v->set_of, at,
	    (void *)(uintptr_t)v->set_count) < 0 ? INVENTORY_NO_MEMORY : 0;
}

/* --- rows ------------------------------------------------------------------*/

/* How the id is made from its key again. */
static void
row_of_id(struct row *r, const struct devid *id)
{
	size_t len = strlen(id->text);
	uint64_t whole;

	r->key = id->key;
	r->len = (uint8_t)len;
	r->check = CHECK_NONE;
	if (span_hex(span_of(id->text, len), UINT64_MAX, &whole) == 0 &&
	    whole != id->key)
		r->check = (uint8_t)(whole & 0xf);
}

int
inventory_add(struct inventory *v, const struct inventory_line *l)
{
	struct row r = {.line = l->number};
	int e;

	if (v->count == INVENTORY_MAX)
		return INVENTORY_FULL;
	if (v->count == v->cap) {
		size_t cap = v->cap == 0 ? 256 : v->cap * 2;
		struct row *p = realloc(v->row, cap * sizeof(*p));

		if (p == NULL)
			return INVENTORY_NO_MEMORY;
		v->row = p;
		v->cap = cap;
	}
	row_of_id(&r, &l->id);
	if (text_put(v, l->password, &r.password) < 0 ||
	    text_put(v, l->timezone, &r.timezone) < 0 ||
	    text_put(v, l->country, &r.country) < 0 ||
	    text_put(v, l->tags, &r.tags) < 0 ||
	    text_put(v, l->networks, &r.networks) < 0 ||
	    (l->name.n > 0 && pool_put(v, l->name, &r.name) < 0))
		return INVENTORY_NO_MEMORY;
	if ((e = networks_put(v, l, r.networks)) < 0)
		return e;
	v->row[v->count++] = r;
	return 0;
}

static int
row_order(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->line < y->line ? -1 : 1;
}

static size_t
key_slot(const struct inventory *v, uint64_t key)
{
	size_t i = (size_t)prng_mix(KEY_SEED, key) & (v->slot_cap - 1);

	while (v->slot[i] != 0 && v->row[v->slot[i] - 1].key != key)
		i = (i + 1) & (v->slot_cap - 1);
	return i;
}

static int
index_rows(struct inventory *v)
{
	size_t cap = 16;

	while (cap < v->count * 2)
		cap *= 2;
	free(v->slot);
	if ((v->slot = calloc(cap, sizeof(*v->slot))) == NULL)
		return -1;
	v->slot_cap = cap;
	for (size_t i = 0; i < v->count; i++) {
		size_t at = key_slot(v, v->row[i].key);

		if (v->slot[at] == 0)
			v->slot[at] = (uint32_t)i + 1;
	}
	return 0;
}

int
inventory_seal(struct inventory *v)
{
	void *p;

	if (v->count > 0)
		qsort(v->row, v->count, sizeof(*v->row), row_order);
	if (index_rows(v) < 0)
		return INVENTORY_NO_MEMORY;
	/* What growing left over is a third of it all. */
	if (v->count > 0 &&
	    (p = realloc(v->row, v->count * sizeof(*v->row))) != NULL) {
		v->row = p;
		v->cap = v->count;
	}
	if ((p = realloc(v->pool, v->pool_len)) != NULL) {
		v->pool = p;
		v->pool_cap = v->pool_len;
	}
	return 0;
}

bool
inventory_twice(const struct inventory *v, size_t *pos, uint32_t *ret_first,
    uint32_t *ret_again)
{
	for (size_t i = *pos + 1; i < v->count; i++)
		if (v->row[i].key == v->row[i - 1].key) {
			*ret_first = v->row[i - 1].line;
			*ret_again = v->row[i].line;
			*pos = i;
			return true;
		}
	return false;
}

/* --- looking ---------------------------------------------------------------*/

size_t
inventory_count(const struct inventory *v)
{
	return v == NULL ? 0 : v->count;
}

size_t
inventory_bytes(const struct inventory *v)
{
	return v == NULL ? 0 : sizeof(*v) + v->cap * sizeof(*v->row) +
	    v->pool_cap + v->slot_cap * sizeof(*v->slot) +
	    v->network_count * sizeof(*v->network) +
	    v->set_of.cap * sizeof(*v->set_of.v);
}

uint32_t
inventory_behind(const struct inventory *v, uint64_t after)
{
	size_t lo = 0, hi = inventory_count(v);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (v->row[mid].key <= after)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (uint32_t)lo;
}

uint32_t
inventory_find(const struct inventory *v, uint64_t key)
{
	if (inventory_count(v) == 0)
		return INVENTORY_NONE;
	/* An empty slot gives 0 - 1, which is INVENTORY_NONE. */
	return v->slot[key_slot(v, key)] - 1;
}

void
inventory_at(const struct inventory *v, uint32_t row,
    struct inventory_row *ret)
{
	const struct row *r = &v->row[row];
	uintptr_t set = (uintptr_t)(r->networks == 0 ? NULL :
	    idmap_get(&v->set_of, r->networks));

	*ret = (struct inventory_row){
	    .key = r->key,
	    .line = r->line,
	    .password = v->pool + r->password,
	    .timezone = v->pool + r->timezone,
	    .country = v->pool + r->country,
	    .tags = v->pool + r->tags,
	    .networks = v->pool + r->networks,
	    .name = v->pool + r->name,
	};
	if (set != 0) {
		ret->network = v->network + v->set[set - 1].first;
		ret->network_count = v->set[set - 1].count;
	}
}

uint64_t
inventory_key(const struct inventory *v, uint32_t row)
{
	return v->row[row].key;
}

void
inventory_id(const struct inventory *v, uint32_t row, struct devid *ret)
{
	const struct row *r = &v->row[row];
	uint64_t whole = r->check == CHECK_NONE ? r->key
						: r->key << 4 | r->check;

	ret->key = r->key;
	(void)snprintf(ret->text, sizeof(ret->text), "%0*" PRIX64,
	    (int)r->len, whole);
}

bool
inventory_has_tag(const struct inventory_row *r, const char *tag)
{
	struct span rest = span_str(r->tags), one;

	while (span_field(&rest, ';', &one))
		if (one.n > 0 && span_is(one, tag))
			return true;
	return false;
}

bool
inventory_same(const struct inventory *a, const struct inventory *b)
{
	if (a == NULL || b == NULL)
		return inventory_count(a) == inventory_count(b);
	return a->count == b->count && a->pool_len == b->pool_len &&
	    memcmp(a->pool, b->pool, a->pool_len) == 0 && (a->count == 0 ||
	    memcmp(a->row, b->row, a->count * sizeof(*a->row)) == 0);
}

size_t
inventory_lost(const struct inventory *a, const struct inventory *b)
{
	size_t n = inventory_count(a), m = inventory_count(b), lost = 0, k = 0;

	for (size_t i = 0; i < n; i++) {
		while (k < m && b->row[k].key < a->row[i].key)
			k++;
		if (k == m || b->row[k].key != a->row[i].key)
			lost++;
	}
	return lost;
}
