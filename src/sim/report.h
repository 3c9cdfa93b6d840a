#ifndef TRACKUP_SIM_REPORT_H
#define TRACKUP_SIM_REPORT_H
/*
 * report: makes the reports of a tracker and puts them into its outbox, unless
 * a fault loses one or holds it back for its successor.
 *
 * Pure.
 */
#include "sim/wire.h"

struct tracker;

/* code and times of WIRE_UPDATE, else 0. Sends what may be sent. */
void report_make(struct tracker *t, enum wire_report_kind kind, unsigned code,
    unsigned times);

#endif
