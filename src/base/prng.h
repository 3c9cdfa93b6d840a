#ifndef TRACKUP_BASE_PRNG_H
#define TRACKUP_BASE_PRNG_H
/*
 * prng: seeded chance (xoshiro256**), for jitter, simulation and tests.
 *
 * Pure. Never for secrets. Same seed, same sequence, on every machine.
 */
#include <stdint.h>

struct prng {
	uint64_t s[4];
};

void prng_init(struct prng *r, uint64_t seed);
uint64_t prng_next(struct prng *r);
/* Uniform in [0, n); n > 0. */
uint64_t prng_below(struct prng *r, uint64_t n);
/* Uniform in [0, 1). */
double prng_unit(struct prng *r);
/* A good 64-bit mix of two values; for stable hashes and map keys. */
uint64_t prng_mix(uint64_t a, uint64_t b);

#endif
