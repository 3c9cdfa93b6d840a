#ifndef TRACKUP_TESTS_SPLITS_H
#define TRACKUP_TESTS_SPLITS_H
/*
 * splits: one stream through a feeder in many ways, each held against one
 * transcript. For Check programs.
 */
#include "base/prng.h"
#include "base/span.h"

/* The transcript of s in one portion. Caller frees. */
char *push_at_once(struct span s, size_t max);
/* In three portions that end at a, b and the end of s. */
void check_split(struct span s, size_t max, size_t a, size_t b,
    const char *want);
/* Byte by byte. */
void check_drip(struct span s, size_t max, const char *want);
void check_random_splits(struct span s, size_t max, struct prng *r,
    const char *want);

#endif
