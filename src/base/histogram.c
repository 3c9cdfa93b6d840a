#include "config.h"
#include "base/histogram.h"

/* What math.h calls INFINITY; it has functions that a pure layer does without. */
#define NO_BOUND __builtin_inf()

const struct histogram_bounds histogram_dispatch = {13, {0.001, 0.0025, 0.005,
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, NO_BOUND}};
const struct histogram_bounds histogram_update = {11, {60, 300, 600, 900, 1800,
    3600, 2 * 3600, 4 * 3600, 12 * 3600, 86400, NO_BOUND}};

void
histogram_add(struct histogram *h, const struct histogram_bounds *b,
    double seconds)
{
	size_t i = 0;

	while (i + 1 < b->count && seconds > b->le[i])
		i++;
	h->bucket[i]++;
	h->count++;
	h->sum_s += seconds;
}
