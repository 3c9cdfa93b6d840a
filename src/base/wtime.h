#ifndef TRACKUP_BASE_WTIME_H
#define TRACKUP_BASE_WTIME_H
/*
 * wtime: wall time in ms since 1970 ↔ RFC 3339 text, in UTC.
 *
 * Pure calendar arithmetic: no time zone database, no locale, no clock.
 */
#include <stdint.h>
#include "base/span.h"

#define WTIME_TEXT 32

/* "2026-11-23T06:49:11.042Z"; buf holds WTIME_TEXT bytes. Returns buf. Times
 * before year 0 or after 9999 give the first or last one that has a text. */
char *wtime_format(int64_t wall_ms, char buf[WTIME_TEXT]);
/* RFC 3339 with Z or an offset, fraction optional and cut at milliseconds, no
 * leap second. 0, or -1. */
MUST_CHECK int wtime_parse(struct span s, int64_t *ret_wall_ms);

#endif
