#ifndef TRACKUP_BASE_UNITS_H
#define TRACKUP_BASE_UNITS_H
/*
 * units: durations, rates, sizes and percentages as people write them.
 *
 * Pure. "90s" "15m" "12h" "7d" · "30/min" "10/s" "5/h" · "256KiB" "10MiB"
 * "412300" · "97%" "0.5%". Decimal only; no sign; nothing around it. 0, or -1
 * with *ret untouched. No leading zeros ("010s"): nobody can tell what they
 * mean. The limits keep sums of several values far from overflow.
 */
#include <stdint.h>
#include "base/span.h"

#define UNITS_DURATION_MAX 3153600000000 /* ms: 36500 days */
#define UNITS_RATE_MAX 3600000000        /* per hour: a million a second */
#define UNITS_SIZE_MAX ((uint64_t)1 << 50)

MUST_CHECK int units_duration(struct span s, int64_t *ret_ms);
/* Events per hour, so that all three units are whole numbers. */
MUST_CHECK int units_rate(struct span s, int64_t *ret_per_hour);
MUST_CHECK int units_size(struct span s, uint64_t *ret_bytes);
/* Millionths: 97% = 970000, 100% = 1000000, never more; at most 4 decimals. */
MUST_CHECK int units_percent(struct span s, int64_t *ret_ppm);

#define UNITS_TEXT 32
/* The shortest of the forms above that says the same; ms below a second as
 * "250ms" (only ever printed). */
char *units_duration_text(int64_t ms, char buf[UNITS_TEXT]);
char *units_rate_text(int64_t per_hour, char buf[UNITS_TEXT]);
char *units_size_text(uint64_t bytes, char buf[UNITS_TEXT]);
char *units_percent_text(int64_t ppm, char buf[UNITS_TEXT]);

#endif
