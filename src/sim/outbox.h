#ifndef TRACKUP_SIM_OUTBOX_H
#define TRACKUP_SIM_OUTBOX_H
/*
 * outbox: the reports of one tracker that no SACK has confirmed yet.
 *
 * Pure. First in, first out, at most OUTBOX_MAX; when full the oldest ordinary
 * report makes room, one of an update only when all are. Owns its memory.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"
#include "sim/wire.h"

#define OUTBOX_MAX 32

struct outbox_entry {
	struct wire_report report;
	uint32_t noise; /* FAULT_BIT of what happens to it on its way */
	uint32_t log; /* 1-based place in the tracker's log, 0 = none */
	uint32_t seq; /* never 0, never used twice at a time */
	uint16_t sends;
	bool late; /* missed its live chance: goes as +BUFF */
};

struct outbox {
	struct outbox_entry *v;
	size_t len;
	size_t cap;
	uint32_t seq;
	uint32_t dropped; /* for want of room */
};

void outbox_done(struct outbox *o);
/* Copies e and gives it a seq. NULL: no memory. Valid until the next call. */
MUST_CHECK struct outbox_entry *outbox_push(struct outbox *o,
    const struct outbox_entry *e);
/* The oldest, or the oldest of an update; NULL when there is none. */
struct outbox_entry *outbox_first(struct outbox *o, bool update_only);
struct outbox_entry *outbox_find(struct outbox *o, uint32_t seq);
/* The oldest with this count that was sent at least once. */
struct outbox_entry *outbox_find_count(struct outbox *o, uint16_t count);
void outbox_remove(struct outbox *o, struct outbox_entry *e);
/* The connection is gone: what it carried, or all there is, goes as +BUFF. */
void outbox_make_late(struct outbox *o, bool only_sent);
bool outbox_has_live(const struct outbox *o);

#endif
