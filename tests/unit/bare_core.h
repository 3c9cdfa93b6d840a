#ifndef TRACKUP_TESTS_BARE_CORE_H
#define TRACKUP_TESTS_BARE_CORE_H
/*
 * bare_core: a core in the middle of its load, which nobody is in yet, and the
 * ids of trackers for it. Check's assertions end the test; those of bare_id()
 * hold where memory is short, too.
 */
#include "core/core.h"

/* Of the i-th tracker, from 0. */
struct devid bare_id(unsigned i);
/* With room for observed_max unknown ones; the caller loads the rest, calls
 * core_load_done(), and owns it: core_free(). */
struct core *bare_core(int observed_max);

#endif
