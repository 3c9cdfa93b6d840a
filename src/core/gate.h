#ifndef TRACKUP_CORE_GATE_H
#define TRACKUP_CORE_GATE_H
/*
 * gate: what the figures of a wave mean to its gate (design.md 3).
 *
 * Pure: no time; soak and deadline are the wave's (waves.c). A verdict depends
 * on the figures alone, so that late evidence moves it both ways.
 */
#include <stddef.h>
#include "core/spec.h"

/* succeeded, failed and unverified are done; skipped and cancelled are in
 * neither and not in here. */
struct gate_figures {
	size_t succeeded, failed, unverified;
	size_t open; /* waiting, active or in backoff */
	size_t away; /* of these, not heard of for longer than any heartbeat */
};

enum gate_verdict {
	GATE_UNMET,
	GATE_MET,
	GATE_LOST, /* whatever becomes of those that are open */
};

#define GATE_TEXT 160

enum gate_verdict gate_judge(const struct spec_gate *g,
    const struct gate_figures *f);
/* Results that are needed: min_done, or all of the wave. */
size_t gate_min_done(const struct spec_gate *g, const struct gate_figures *f);
size_t gate_done(const struct gate_figures *f);
/* The shares that are not as the gate wants them, "" when they are: "success
 * 93.1 % < 97 % (40 done)". Never "" when it is lost. Returns buf. */
char *gate_shares(const struct spec_gate *g, const struct gate_figures *f,
    char buf[GATE_TEXT]);
/* These, and results that are due: "; 40 of 60 done". "" when it is met. */
char *gate_lacks(const struct spec_gate *g, const struct gate_figures *f,
    char buf[GATE_TEXT]);

#endif
