#include "config.h"
#include "core/state.h"

#include <stdlib.h>
#include <string.h>

/*
 * Who is in which wave. The order is that of a stable hash of (campaign, id):
 * a wave added to the file, or a target to the fleet, moves nobody who was
 * picked before it (but by spread, which looks at versions and countries).
 */

struct pick {
	struct target *target;
	uint64_t hash;
	const char *version, *country; /* "" unless the wave spreads over it */
	size_t rank;                   /* within its stratum */
	uint64_t first;                /* hash of the first of its stratum */
};

/* What is sorted where nothing is spread. */
struct place {
	uint64_t hash;
	struct target *target;
};

static uint64_t
name_hash(const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return h;
}

static int
by_hash(const void *a, const void *b)
{
	const struct pick *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->target->device->key > y->target->device->key) -
	    (x->target->device->key < y->target->device->key);
}

static int
same_stratum(const struct pick *x, const struct pick *y)
{
	int r = strcmp(x->version, y->version);

	return r != 0 ? r : strcmp(x->country, y->country);
}

static int
by_stratum(const void *a, const void *b)
{
	int r = same_stratum(a, b);

	return r != 0 ? r : by_hash(a, b);
}

/* One of each stratum, then the second of each, and so on. */
static int
by_turn(const void *a, const void *b)
{
	const struct pick *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return by_stratum(a, b);
}

static void
spread(const struct core *c, struct pick *v, size_t n, unsigned over)
{
	for (size_t i = 0; i < n; i++) {
		const struct device *d = v[i].target->device;

		v[i].version = (over & SPREAD_VERSION) == 0 || d->more == NULL
		    ? "" : d->more->rec.mcu;
		v[i].country = (over & SPREAD_COUNTRY) == 0
		    ? "" : device_country(c, d);
	}
	qsort(v, n, sizeof(*v), by_stratum);
	for (size_t i = 0; i < n; i++) {
		bool next = i > 0 && same_stratum(&v[i - 1], &v[i]) == 0;

		v[i].rank = next ? v[i - 1].rank + 1 : 0;
		v[i].first = next ? v[i - 1].first : v[i].hash;
	}
	qsort(v, n, sizeof(*v), by_turn);
}

static bool
comes_before(const struct place *x, const struct place *y)
{
	return x->hash != y->hash ? x->hash < y->hash
	    : x->target->device->key < y->target->device->key;
}

/* As by_hash() has it, but byte by byte: of a million, comparing them takes half
 * a second. tmp has room for as many. */
static void
places_sort(struct place *v, struct place *tmp, size_t n)
{
	struct place *from = v, *to = tmp;

	for (unsigned shift = 0; shift < 64; shift += 8) {
		size_t at[257] = {0};
		struct place *swap = from;

		for (size_t i = 0; i < n; i++)
			at[(from[i].hash >> shift & 0xff) + 1]++;
		for (size_t b = 1; b < 256; b++)
			at[b] += at[b - 1];
		for (size_t i = 0; i < n; i++)
			to[at[from[i].hash >> shift & 0xff]++] = from[i];
		from = to;
		to = swap;
	}
	/* Eight times: they are in v again. Equal ones lie as they came. */
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k > 0 && comes_before(&v[k], &v[k - 1]);
		    k--) {
			struct place swap = v[k];

			v[k] = v[k - 1];
			v[k - 1] = swap;
		}
}

/* Brings those that the wave takes to the front. */
static int
places_spread(const struct core *c, struct place *v, size_t n, unsigned over)
{
	struct pick *p = calloc(n, sizeof(*p));

	if (p == NULL)
		return -1;
	for (size_t i = 0; i < n; i++) {
		p[i].target = v[i].target;
		p[i].hash = v[i].hash;
	}
	spread(c, p, n, over);
	for (size_t i = 0; i < n; i++)
		v[i] = (struct place){p[i].hash, p[i].target};
	free(p);
	return 0;
}

/* Lists come first: what somebody wrote down is stronger than a hash. The
 * ordinal of a target is where it lies. */
static int
place_listed(struct campaign *p)
{
	struct idmap at;
	int r = 0;

	idmap_init(&at, name_hash(p->rec.name));
	for (size_t i = 0; i < p->target_count && r == 0; i++)
		r = idmap_put(&at, p->target[i]->device->key, p->target[i]);
	for (size_t w = 0; w + 1 < p->wave_count && r == 0; w++) {
		const struct spec_wave *s = &p->spec->waves[w];

		for (size_t i = 0; i < s->device_count; i++) {
			struct target *t = idmap_get(&at, s->devices[i].key);

			if (t != NULL && t->rec.wave + 1 ==
				(int)p->wave_count)
				wave_move(t, (int)w);
		}
	}
	idmap_done(&at);
	return r;
}

static size_t
wanted(const struct campaign *p, const struct spec_wave *s)
{
	if (s->take == TAKE_COUNT)
		return (size_t)s->count;
	if (s->take == TAKE_PERCENT)
		return (p->target_count * (size_t)s->percent + 99) / 100;
	return 0;
}

static bool
any_list(const struct campaign_spec *s)
{
	for (size_t i = 0; i < s->wave_count; i++)
		if (s->waves[i].device_count > 0)
			return true;
	return false;
}

static int
take_in_turn(const struct core *c, const struct campaign *p, struct place *v,
    struct place *tmp, size_t n)
{
	size_t at = 0;

	places_sort(v, tmp, n);
	for (size_t w = 0; w + 1 < p->wave_count; w++) {
		const struct spec_wave *s = &p->spec->waves[w];
		size_t take = MIN_OF(wanted(p, s), n - at);
		bool spreads = take > 0 && s->spread != 0;

		if (spreads && places_spread(c, v + at, n - at, s->spread) < 0)
			return -1;
		for (size_t i = 0; i < take; i++)
			wave_move(v[at++].target, (int)w);
		if (spreads)
			places_sort(v + at, tmp, n - at);
	}
	return 0;
}

/* All begin in the last wave, which takes the rest. */
int
waves_assign(struct core *c, struct campaign *p)
{
	uint64_t seed = name_hash(p->rec.name);
	int last = (int)p->wave_count - 1, r;
	struct place *v;
	size_t n = 0;

	for (size_t i = 0; i < p->target_count; i++)
		if (p->target[i]->rec.wave != last)
			wave_move(p->target[i], last);
	if (last == 0 || p->target_count == 0)
		return 0;
	if (any_list(p->spec) && place_listed(p) < 0)
		return -1;
	if ((v = calloc(p->target_count, 2 * sizeof(*v))) == NULL)
		return -1;
	for (size_t i = 0; i < p->target_count; i++)
		if (p->target[i]->rec.wave == last)
			v[n++] = (struct place){prng_mix(seed,
				p->target[i]->device->key), p->target[i]};
	r = take_in_turn(c, p, v, v + p->target_count, n);
	free(v);
	return r;
}
