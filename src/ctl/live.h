#ifndef TRACKUP_CTL_LIVE_H
#define TRACKUP_CTL_LIVE_H
/*
 * live: a campaign as a few lines of a terminal that are drawn over.
 *
 * Goes to standard error, and only to a terminal that can move its cursor;
 * anywhere else every call does nothing. No line is wider than the terminal,
 * so that the cursor finds back. The caller owns the struct, zeroed at first.
 */
#include "ctl/ctl.h"

#define LIVE_SAMPLES 64

struct live {
	int lines;                    /* on the screen now */
	/* What had ended when: a ring, for the rate. */
	struct { int64_t at_ms, ended; } sample[LIVE_SAMPLES];
	size_t samples, next;
};

/* j is what campaigns/NAME answers. */
void live_draw(struct live *l, const struct ctl *c, const json_t *j,
    int64_t now_ms);
/* Takes the lines off the screen again. */
void live_clear(struct live *l);

#endif
