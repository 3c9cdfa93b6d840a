#include "config.h"
#include "core/state.h"

#include <stdlib.h>
#include <string.h>

#include "base/keysort.h"

/*
 * Who is in which wave. The order is that of a stable hash of (campaign, id):
 * a wave added to the file, or a target to the fleet, moves nobody who was
 * picked before it (but by spread, which looks at versions and countries).
 *
 * Of a million targets that takes some hundred milliseconds, so it is made in
 * steps (intake.c). Each begins where the one before ended; versions and
 * countries are taken as they are when a target's turn comes.
 */

enum stage {
	STAGE_RESET,    /* all begin in the last wave, which takes the rest */
	STAGE_KEYS, STAGE_LISTS,
	STAGE_PLACES, STAGE_ORDER,
	STAGE_WAVE,     /* the next one */
	STAGE_STRATA, STAGE_TURNS, STAGE_SPREAD, STAGE_CLOSE_UP,
	STAGE_TAKE,
	STAGE_DONE
};

struct wave_pick {
	struct campaign *campaign;
	uint64_t seed;
	enum stage stage;
	size_t pos;             /* within the stage */
	unsigned pass;          /* of what is sorted */
	size_t wave;
	struct idmap listed;    /* targets by key */
	struct keyed *place;    /* who is in no list: hash, target */
	struct keyed *turn;     /* rank and stratum, its place */
	struct keyed *tmp;      /* room for either */
	size_t count, taken;    /* of places; from the front */
	size_t left;            /* that the wave still takes */
	struct idmap strata;    /* version and country, hashed → number + 1 */
	uint32_t *size;         /* of each stratum, so far */
	size_t size_cap;
};

static uint64_t
text_hash(uint64_t h, const char *text)
{
	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return h;
}

static uint64_t
name_hash(const char *name)
{
	return text_hash(UINT64_C(0xcbf29ce484222325), name);
}

static void
go_to(struct wave_pick *k, enum stage stage)
{
	k->stage = stage;
	k->pos = 0;
	k->pass = 0;
}

static int
last_wave(const struct campaign *p)
{
	return (int)p->wave_count - 1;
}

static bool
any_list(const struct campaign_spec *s)
{
	for (size_t i = 0; i < s->wave_count; i++)
		if (s->waves[i].device_count > 0)
			return true;
	return false;
}

/* --- lists -----------------------------------------------------------------*/

static void
reset(struct wave_pick *k, size_t room)
{
	struct campaign *p = k->campaign;
	int last = last_wave(p);

	for (; k->pos < p->target_count && room > 0; k->pos++, room--)
		if (p->target[k->pos]->rec.wave != last)
			wave_move(p->target[k->pos], last);
	if (k->pos < p->target_count)
		return;
	if (last == 0 || p->target_count == 0)
		go_to(k, STAGE_DONE);
	else
		go_to(k, any_list(p->spec) ? STAGE_KEYS : STAGE_PLACES);
}

static int
keys(struct wave_pick *k, size_t room)
{
	struct campaign *p = k->campaign;

	if (k->pos == 0 && idmap_reserve(&k->listed, p->target_count) < 0)
		return -1;
	for (; k->pos < p->target_count && room > 0; k->pos++, room--)
		if (idmap_put(&k->listed, p->target[k->pos]->rec.device,
			p->target[k->pos]) < 0)
			return -1;
	if (k->pos == p->target_count)
		go_to(k, STAGE_LISTS);
	return 0;
}

/* They come first: what somebody wrote down is stronger than a hash. */
static void
lists(struct wave_pick *k, size_t room)
{
	struct campaign *p = k->campaign;

	for (; (int)k->wave < last_wave(p); k->wave++, k->pos = 0) {
		const struct spec_wave *s = &p->spec->waves[k->wave];

		for (; k->pos < s->device_count; k->pos++, room--) {
			struct target *t;

			if (room == 0)
				return;
			t = idmap_get(&k->listed, s->devices[k->pos].key);
			if (t != NULL && t->rec.wave == last_wave(p))
				wave_move(t, (int)k->wave);
		}
	}
	idmap_done(&k->listed);
	go_to(k, STAGE_PLACES);
}

/* --- the order -------------------------------------------------------------*/

static int
places(struct wave_pick *k, size_t room)
{
	struct campaign *p = k->campaign;

	if (k->pos == 0) {
		k->place = calloc(p->target_count, sizeof(*k->place));
		k->tmp = calloc(p->target_count, sizeof(*k->tmp));
		if (k->place == NULL || k->tmp == NULL)
			return -1;
	}
	for (; k->pos < p->target_count && room > 0; k->pos++, room--) {
		struct target *t = p->target[k->pos];

		if (t->rec.wave == last_wave(p))
			k->place[k->count++] = (struct keyed){
			    prng_mix(k->seed, t->rec.device), t};
	}
	if (k->pos == p->target_count) {
		k->wave = 0;
		go_to(k, STAGE_ORDER);
	}
	return 0;
}

static bool
sorted(struct wave_pick *k, struct keyed *v, size_t n, enum stage next)
{
	if (!keysort_step(v, k->tmp, n, &k->pass))
		return false;
	go_to(k, next);
	return true;
}

/* --- waves -----------------------------------------------------------------*/

static size_t
wanted(const struct campaign *p, const struct spec_wave *s)
{
	if (s->take == TAKE_COUNT)
		return (size_t)s->count;
	if (s->take == TAKE_PERCENT)
		return (p->target_count * (size_t)s->percent + 99) / 100;
	return 0;
}

static void
next_wave(struct wave_pick *k)
{
	const struct campaign *p = k->campaign;
	const struct spec_wave *s = &p->spec->waves[k->wave];

	if ((int)k->wave == last_wave(p)) {
		go_to(k, STAGE_DONE);
		return;
	}
	k->left = MIN_OF(wanted(p, s), k->count - k->taken);
	go_to(k, k->left > 0 && s->spread != 0 ? STAGE_STRATA : STAGE_TAKE);
}

/* In the order of the hash. */
static void
take(struct wave_pick *k, size_t room)
{
	for (; k->left > 0 && room > 0; k->left--, room--)
		wave_move(k->place[k->taken++].value, (int)k->wave);
	if (k->left > 0)
		return;
	k->wave++;
	go_to(k, STAGE_WAVE);
}

/* --- spread ----------------------------------------------------------------*/

static uint64_t
stratum_key(const struct core *c, const struct target *t, unsigned over)
{
	const struct device *d = t->device;
	uint64_t h = name_hash("");

	if ((over & SPREAD_VERSION) != 0 && d->more != NULL)
		h = text_hash(h, d->more->rec.mcu);
	h = text_hash(h, "/");
	if ((over & SPREAD_COUNTRY) != 0)
		h = text_hash(h, device_country(c, d));
	return MAX_OF(h, 1);
}

/* Numbered in the order in which the first of each comes. */
static int
stratum_of(struct wave_pick *k, uint64_t key, size_t *ret)
{
	size_t n = (uintptr_t)idmap_get(&k->strata, key);

	if (n > 0) {
		*ret = n - 1;
		return 0;
	}
	if (k->strata.len == k->size_cap) {
		size_t cap = MAX_OF(k->size_cap * 2, (size_t)64);
		uint32_t *v = realloc(k->size, cap * sizeof(*v));

		if (v == NULL)
			return -1;
		k->size = v;
		k->size_cap = cap;
	}
	*ret = k->strata.len;
	k->size[*ret] = 0;
	return idmap_put(&k->strata, key, (void *)(uintptr_t)(*ret + 1));
}

/* One of each stratum, then the second of each, and so on. */
static int
strata(const struct core *c, struct wave_pick *k, size_t room)
{
	unsigned over = k->campaign->spec->waves[k->wave].spread;
	size_t n = k->count - k->taken, s;

	if (k->pos == 0) {
		free(k->turn);
		if ((k->turn = calloc(n, sizeof(*k->turn))) == NULL)
			return -1;
		idmap_done(&k->strata);
	}
	for (; k->pos < n && room > 0; k->pos++, room--) {
		struct keyed *at = &k->place[k->taken + k->pos];

		if (stratum_of(k, stratum_key(c, at->value, over), &s) < 0)
			return -1;
		k->turn[k->pos] = (struct keyed){
		    (uint64_t)k->size[s]++ << 32 | s, at};
	}
	if (k->pos == n)
		go_to(k, STAGE_TURNS);
	return 0;
}

static void
take_turns(struct wave_pick *k, size_t room)
{
	for (; k->left > 0 && room > 0; k->left--, room--) {
		struct keyed *at = k->turn[k->pos++].value;

		wave_move(at->value, (int)k->wave);
		at->value = NULL;
	}
	if (k->left == 0)
		go_to(k, STAGE_CLOSE_UP);
}

/* Those who are left lie behind those that were taken, in their order. */
static void
close_up(struct wave_pick *k)
{
	size_t kept = k->taken;

	for (size_t i = k->taken; i < k->count; i++)
		if (k->place[i].value != NULL)
			k->place[kept++] = k->place[i];
	k->count = kept;
	k->wave++;
	go_to(k, STAGE_WAVE);
}

/* --- the whole -------------------------------------------------------------*/

struct wave_pick *
wave_pick_new(struct campaign *p)
{
	struct wave_pick *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->campaign = p;
	k->seed = name_hash(p->rec.name);
	idmap_init(&k->listed, k->seed);
	idmap_init(&k->strata, k->seed);
	return k;
}

void
wave_pick_free(struct wave_pick *k)
{
	if (k == NULL)
		return;
	idmap_done(&k->listed);
	idmap_done(&k->strata);
	free(k->place);
	free(k->turn);
	free(k->tmp);
	free(k->size);
	free(k);
}

int
wave_pick_step(const struct core *c, struct wave_pick *k, size_t room)
{
	int r = 0;

	switch (k->stage) {
	case STAGE_RESET:
		reset(k, room);
		break;
	case STAGE_KEYS:
		r = keys(k, room);
		break;
	case STAGE_LISTS:
		lists(k, room);
		break;
	case STAGE_PLACES:
		r = places(k, room);
		break;
	case STAGE_ORDER:
		(void)sorted(k, k->place, k->count, STAGE_WAVE);
		break;
	case STAGE_WAVE:
		next_wave(k);
		break;
	case STAGE_TAKE:
		take(k, room);
		break;
	case STAGE_STRATA:
		r = strata(c, k, room);
		break;
	case STAGE_TURNS:
		(void)sorted(k, k->turn, k->count - k->taken, STAGE_SPREAD);
		break;
	case STAGE_SPREAD:
		take_turns(k, room);
		break;
	case STAGE_CLOSE_UP:
		close_up(k);
		break;
	case STAGE_DONE:
		return 1;
	}
	return r;
}

int
waves_assign(const struct core *c, struct campaign *p)
{
	struct wave_pick *k = wave_pick_new(p);
	int r = k == NULL ? -1 : 0;

	while (r == 0)
		r = wave_pick_step(c, k, SIZE_MAX);
	wave_pick_free(k);
	return MIN_OF(r, 0);
}
