#ifndef TRACKUP_CORE_RHYTHM_H
#define TRACKUP_CORE_RHYTHM_H
/*
 * rhythm: how often a tracker speaks, learned from when it did, in a few bytes.
 *
 * Pure values, zeroed to begin with. A gap of a minute or more is a pause
 * between two contacts, and the last five of them are kept to some 3 percent;
 * of shorter ones only the last is. The usual pause is the median: a night in
 * a garage, or an update, changes nothing.
 */
#include <stdint.h>

#define RHYTHM_GAPS 5

struct rhythm {
	uint8_t gap[RHYTHM_GAPS]; /* a ring; 0 = none yet */
	uint8_t next;
	uint8_t short_s;
};

void rhythm_gap(struct rhythm *r, int64_t gap_ms);
/* The usual pause, 0 = not known: it has not paused three times yet. */
int64_t rhythm_usual_ms(const struct rhythm *r);
/* After how long from its last contact the next is due, seen since_ms after
 * that contact: by the shortest of its habits that is not over yet. 0 = not
 * known, or overdue by all of them. */
int64_t rhythm_next_ms(const struct rhythm *r, int64_t since_ms);
/* For the record; anything may be unpacked. */
uint64_t rhythm_pack(const struct rhythm *r);
void rhythm_unpack(struct rhythm *r, uint64_t v);

#endif
