#ifndef TRACKUP_BASE_HISTOGRAM_H
#define TRACKUP_BASE_HISTOGRAM_H
/*
 * histogram: how often a duration fell into which range, for the metrics.
 *
 * Plain data, no allocation. Bounds ascend, in seconds; the last is infinite.
 */
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_MAX 16

struct histogram {
	uint64_t bucket[HISTOGRAM_MAX]; /* not summed up */
	uint64_t count;
	double sum_s;
};

struct histogram_bounds {
	size_t count; /* of le, the infinite one included */
	double le[HISTOGRAM_MAX];
};

/* Milliseconds to days: of a command, and of an update. */
extern const struct histogram_bounds histogram_dispatch;
extern const struct histogram_bounds histogram_update;

void histogram_add(struct histogram *h, const struct histogram_bounds *b,
    double seconds);

#endif
