#ifndef TRACKUP_TESTS_SIMULATE_WAYS_H
#define TRACKUP_TESTS_SIMULATE_WAYS_H
/*
 * ways: the packages of a random world, from FROM_VERSION to TO_VERSION over
 * none, one or two versions in between, with others that nobody should take.
 * A package's number stands in its URL.
 *
 * Pure. A drawing of its own, so that it does not shift the others'.
 */
#include "core/spec.h"

#define WAYS_MAX 5

struct ways_plan {
	struct {
		const char *from, *to;
		uint64_t bytes;
	} package[WAYS_MAX];
	size_t count;
	bool downgrade; /* the campaign may */
	unsigned right; /* bit i: package i is on the way */
};

void ways_draw(struct ways_plan *w, uint64_t seed);
void ways_into(const struct ways_plan *w, struct campaign_spec *s);
/* The version that a start command makes of one; *ret_wrong: why it should
 * never have been sent there, or NULL. */
const char *ways_flash(const struct ways_plan *w, const char *command,
    const char *version, const char **ret_wrong);

#endif
