#ifndef TRACKUP_TESTS_SIMULATE_ROLLOUT_H
#define TRACKUP_TESTS_SIMULATE_ROLLOUT_H
/*
 * rollout: waves, gates and stop rules of a random world, drawn from the seed;
 * what the record says of them is held against arithmetic of its own.
 *
 * Pure. A drawing of its own, so that it does not shift the others'.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/prng.h"
#include "core/core.h"
#include "core/record.h"

#define ROLLOUT_WAVES 4

struct rollout {
	struct prng chance;
	int waves;              /* 1 = all at once, without a gate */
	int64_t count[ROLLOUT_WAVES];
	struct spec_gate gate[ROLLOUT_WAVES];
	struct spec_rule rule[3];
	size_t rules;
	/* the rows as they are on disk */
	struct wave_rec wave[ROLLOUT_WAVES];
};

void rollout_draw(struct rollout *r, uint64_t seed, int devices);
void rollout_into(const struct rollout *r, struct campaign_spec *s);
/* A row of the batch that is being applied. */
void rollout_row(struct rollout *r, const struct wave_rec *row,
    struct wave_rec *ret_before);
/* The batch is applied: what the row means must be so. NULL, or what is not. */
const char *rollout_check(const struct rollout *r, const struct wave_rec *before,
    const struct wave_rec *now, const struct target_rec *t, int targets,
    bool finished, int64_t alive_ms);
/* NULL, or why no start of that target may leave. */
const char *rollout_forbid(const struct rollout *r, const struct target_rec *t);
/* What somebody at trackupctl might do now; false: nothing. calm: whatever
 * helps the campaign on. */
bool rollout_operator(struct rollout *r, bool calm, struct oper *ret,
    size_t *pos);

#endif
