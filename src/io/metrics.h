#ifndef TRACKUP_IO_METRICS_H
#define TRACKUP_IO_METRICS_H
/*
 * metrics: the daemon's figures in Prometheus' text format, 0.0.4
 * (contract.md, Metrics).
 *
 * Names begin with trackupd_, base units, _total for what only rises; never a
 * device id as a label. Reads only; the caller checks b->failed.
 */
#include "base/sbuf.h"
#include "io/api.h"

void metrics_write(struct sbuf *b, const struct core *core,
    struct core_now now, const struct api_status *st);

#endif
