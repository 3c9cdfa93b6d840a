#ifndef TRACKUP_CORE_STARTRULE_H
#define TRACKUP_CORE_STARTRULE_H
/*
 * startrule: when may a start follow an earlier start? (design.md 3)
 *
 * Pure, on the device's ledger alone. The one place that answers; everything
 * that writes AT+GTUPD asks here first. A start is allowed only when nothing
 * of ours can still be on its way, queued or running in the device, and a
 * fence written after that knowledge brought the version:
 *   (a) W is over since the write, and the fence's read was written after;
 *   (b) ACK with its serial and a live final code, and the fence after both;
 *   (c) the read-and-dropped proof.
 * A stop frame counts as an open command until a fence after it; over UDP also
 * for W.
 */
#include <stdint.h>
#include "core/record.h"

enum start_block {
	START_OK,
	START_NEEDS_FENCE, /* a read now can answer it */
	START_WAITS,       /* only time can: until *ret_until_at */
};

/* W being over counts from d->start_w_over_seq, which the caller sets when it
 * notices; so a read that was written earlier never passes for one after. */
enum start_block start_rule(const struct device_rec *d, int64_t now_at,
    int64_t *ret_until_at);

#endif
