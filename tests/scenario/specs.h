#ifndef TRACKUP_TESTS_SPECS_H
#define TRACKUP_TESTS_SPECS_H
/*
 * specs: a campaign as a scenario writes it → struct campaign_spec.
 *
 * Words instead of YAML, so that a scenario says only what it is about and
 * needs no file; the core sees the same struct. The words are listed at the
 * top of run.c.
 */
#include "core/spec.h"

struct world;

/* NULL when text says BROKEN somewhere; a wrong word ends the scenario.
 * stored: as the store keeps it, without the list of devices. */
struct campaign_spec *spec_of_text(struct world *w, const char *name,
    const char *text, bool stored);
/* "90s", "15m -1ms", "+1d" (several words are added up); ends the scenario
 * when it is none of these. */
int64_t span_of_text(const char *text);

#endif
