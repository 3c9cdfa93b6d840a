#ifndef TRACKUP_TESTS_FEEDER_H
#define TRACKUP_TESTS_FEEDER_H
/*
 * feeder: a connection's end of frame_next(), for tests and fuzzing.
 *
 * Takes bytes in any portions, keeps the unused tail in a heap block of
 * exactly its length (so that a sanitizer sees each read past it), holds every
 * answer against the promises of frame.h and writes what came out as a
 * transcript: equal transcripts mean equal answers. Breaks off with abort().
 */
#include <stdint.h>
#include "base/sbuf.h"
#include "proto/frame.h"

struct feeder {
	char *buf;
	size_t len;
	size_t max;
	size_t room; /* bytes held at once: max, unless the owner says more */
	size_t scan;
	uint64_t looked; /* bytes that frame_next() had not searched before */
	size_t frames;
	size_t lost[FRAME_WHY_COUNT_];  /* bytes */
	size_t losses[FRAME_WHY_COUNT_];
	struct sbuf log;
	void (*on_frame)(const struct frame *f); /* may be NULL */
};

void feeder_init(struct feeder *fd, size_t max);
void feeder_done(struct feeder *fd);
void feeder_push(struct feeder *fd, const char *p, size_t n);
/* The transcript; the unused tail is its last line. Ends the feeding. */
const char *feeder_end(struct feeder *fd);

#endif
