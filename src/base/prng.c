#include "config.h"

#include "base/prng.h"

#include "base/attr.h"

#define GOLDEN 0x9e3779b97f4a7c15U

/* The finalizer of splitmix64. */
static uint64_t
mix_final(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

static uint64_t
rotate_left(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

/* splitmix64 fills the state, as the authors of xoshiro advise: it never
 * gives four zeros. */
void
prng_init(struct prng *r, uint64_t seed)
{
	for (size_t i = 0; i < ARRAY_LEN(r->s); i++) {
		seed += GOLDEN;
		r->s[i] = mix_final(seed);
	}
}

uint64_t
prng_next(struct prng *r)
{
	uint64_t *s = r->s;
	uint64_t result = rotate_left(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate_left(s[3], 45);
	return result;
}

uint64_t
prng_below(struct prng *r, uint64_t n)
{
	uint64_t x, reject;

	assert(n > 0);
	/* 2^64 mod n: below it the remainders would be uneven. */
	reject = (0 - n) % n;
	do {
		x = prng_next(r);
	} while (x < reject);
	return x % n;
}

double
prng_unit(struct prng *r)
{
	return (double)(prng_next(r) >> 11) * 0x1.0p-53;
}

/* Wave membership hangs on this: it must give the same for ever. a enters
 * twice, so that keys which collide for one seed do not for another. */
uint64_t
prng_mix(uint64_t a, uint64_t b)
{
	uint64_t h = mix_final(b + mix_final(a + GOLDEN));

	return mix_final(h ^ rotate_left(a, 32));
}
