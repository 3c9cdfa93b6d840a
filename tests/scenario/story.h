#ifndef TRACKUP_TESTS_STORY_H
#define TRACKUP_TESTS_STORY_H
/*
 * story: bytes → a scenario that nobody thought of.
 *
 * Each byte or two picks the next line in the language of run.c: something that
 * a tracker, an operator, the disk or the clock does, honest trackers most
 * often. A line is only ever one that can be told (a connection that is open, a
 * serial that was sent), so what fails is the core, not the story. Same bytes,
 * same story; what is printed of it is a scenario file, but for the EXPECTs.
 */
#include "world.h"

#define STORY_LINES 400
#define STORY_TRACKERS 4 /* the last is in no campaign */

struct story;

/* world: has begun, is borrowed. campaign: the words of c1, NULL = the first
 * byte picks them. */
struct story *story_new(struct world *w, const uint8_t *data, size_t size,
    const char *campaign);
void story_free(struct story *s);
/* The next line happens; false: no bytes or no room for lines are left. */
bool story_next(struct story *s);
/* A line of the teller's own. */
void story_line(struct story *s, const char *text);
/* Goes on with these, and forgets the lines so far. */
void story_more(struct story *s, const uint8_t *data, size_t size);
/* How often a tracker was flashed, and what it has now. */
unsigned story_flashes(const struct story *s, size_t tracker);
const char *story_version(const struct story *s, size_t tracker);

/* Tells it until the bytes or STORY_LINES end, and tidies the world up. A
 * breach ends the process as scn_fail() does, the story printed before. */
void story_tell(const uint8_t *data, size_t size, bool sqlite, bool hex);
/* Bytes of a story for a seed; returns how many. */
size_t story_invent(uint64_t seed, uint8_t *ret, size_t max);

#endif
