#ifndef TRACKUP_SIM_NATURE_H
#define TRACKUP_SIM_NATURE_H
/*
 * nature: what kind of tracker one is, all its life.
 *
 * Pure. A fault strikes one attempt, a nature never leaves. Which tracker has
 * which depends on the seed and the tracker alone.
 */
#include <stdint.h>
#include "base/devid.h"
#include "base/errtext.h"
#include "base/span.h"

enum nature {
	NATURE_PLAIN,
	NATURE_SLOW, /* each step of an update takes eight times as long */
	NATURE_LYING, /* says 301 and has not flashed anything */
	NATURE_AMNESIAC, /* keeps nothing over a lost connection or reboot */
	NATURE_CLOCK_CRAZY, /* each frame has another date, none the right one */
	NATURE_SHORT, /* short connections, whatever the others do */
	NATURE_COUNT
};

#define NATURE_SLOWNESS 8

struct nature_rule;

struct natures {
	uint32_t ppm[NATURE_COUNT];
	struct nature_rule *rules;
	size_t rule_count;
};

void natures_done(struct natures *v);
/* "NAME=SHARE,NAME=ID:ID". Shares of all add up to 1 at most. -1 with a text,
 * then v is to be thrown away. */
MUST_CHECK int natures_parse(struct natures *v, struct span text,
    struct errtext *err);
/* As faults_note_tracker() and faults_stranger(). */
void natures_note_tracker(struct natures *v, uint64_t key);
const char *natures_stranger(const struct natures *v);
/* v may be NULL. Who is named has that nature, the others draw. */
enum nature nature_of(const struct natures *v, uint64_t seed, uint64_t key);
const char *nature_name(enum nature n);

#endif
