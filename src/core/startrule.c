#include "config.h"
#include "core/startrule.h"

#include "core/plant.h"

enum start_block
start_rule(const struct device_rec *d, int64_t now_at, int64_t *ret_until_at)
{
	uint64_t fence = d->fence_seq;

	*ret_until_at = 0;
	if (planted("skip_fence"))
		return START_OK;
	if (d->stop_seq != 0) {
		if (d->stop_udp && now_at < d->stop_w_end_at &&
		    !planted("udp_stop_forgotten")) {
			*ret_until_at = d->stop_w_end_at;
			return START_WAITS;
		}
		if (fence <= d->stop_seq)
			return START_NEEDS_FENCE;
	}
	if (d->start_attempt == 0)
		return START_OK;

	/* (c): void once an ACK came after the proof: it ran after all. */
	if (d->start_dropped_seq != 0 && d->start_ack_seq == 0)
		return START_OK;
	/* (b) */
	if (d->start_ack_seq != 0 && d->start_final_seq != 0)
		return fence > MAX_OF(d->start_ack_seq, d->start_final_seq)
		    ? START_OK
		    : START_NEEDS_FENCE;
	/* (a) */
	if (d->start_w_over_seq != 0)
		return fence > MAX_OF(d->start_w_over_seq, d->start_ack_seq)
		    ? START_OK
		    : START_NEEDS_FENCE;
	if (now_at >= d->start_w_end_at)
		return START_NEEDS_FENCE;
	*ret_until_at = d->start_w_end_at;
	return START_WAITS;
}
