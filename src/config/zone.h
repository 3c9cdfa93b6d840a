#ifndef TRACKUP_CONFIG_ZONE_H
#define TRACKUP_CONFIG_ZONE_H
/*
 * zone: the time zones of the world, and what hours of a local day are in UTC.
 *
 * The only user of GLib, and of the machine's zone files (TZDIR, else
 * /usr/share/zoneinfo), which are read anew at each call: an update of tzdata
 * counts from the next reload or extension on.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"
#include "core/event.h"
#include "core/spec.h"

/* An IANA name whose file is there: no offset, no POSIX rule, no path. */
bool zone_known(const char *name);
/* The name that was probably meant; false when none is near. */
bool zone_suggest(const char *name, char ret[ZONE_NAME_MAX + 1]);

enum { ZONE_UNKNOWN = -1, ZONE_NO_MEMORY = -2 };

/* The windows in that zone between two instants, as sorted, disjoint spans
 * that do not touch; clipped to the two. Caller frees *ret.
 *
 * A window begins at the first instant at which the local clock shows `from`
 * or later, and ends when the local clock shows `to` or later for good. So a
 * boundary in a gap moves to its end; where an hour comes twice, `from` is its
 * first and `to` its second coming; what lies in a gap altogether is not. */
MUST_CHECK int zone_windows(const char *zone, const struct spec_window *w,
    size_t count, int64_t from_wall, int64_t to_wall, struct wall_span **ret,
    size_t *ret_count);

#endif
