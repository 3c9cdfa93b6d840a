#ifndef TRACKUP_TESTS_SIMULATE_HOURS_H
#define TRACKUP_TESTS_SIMULATE_HOURS_H
/*
 * hours: when the campaign of a random world may start anything, drawn from the
 * seed; told to the core as spans, and held against each start by arithmetic
 * of its own.
 *
 * Pure. A drawing of its own, so that it does not shift the others'.
 */
#include <stdbool.h>
#include <stdint.h>
#include "core/core.h"

struct hours_plan {
	bool windows, fit;
	int64_t period_ms, open_ms, phase_ms; /* open at the begin of each */
	int64_t start_wall, end_wall;         /* 0 = none */
	bool cancel;
};

/* first_wall: when the world begins. */
void hours_draw(struct hours_plan *h, uint64_t seed, int64_t first_wall);
void hours_into(const struct hours_plan *h, struct campaign_spec *s);
/* The spans that an FX_WINDOWS asks for; caller frees. */
struct wall_span *hours_tell(const struct hours_plan *h, int64_t from_wall,
    int64_t to_wall, size_t *ret_count);
/* NULL, or why no start may leave then that takes up to w_ms. */
const char *hours_forbid(const struct hours_plan *h, int64_t wall,
    int64_t w_ms);

#endif
