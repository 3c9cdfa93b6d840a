#ifndef TRACKUP_SIM_VOICE_H
#define TRACKUP_SIM_VOICE_H
/*
 * voice: what a tracker says, as bytes, with the noise of its faults on them.
 *
 * Pure. Each of these writes one frame on the open connection and takes the
 * tracker's next count, a report excepted: that keeps its own.
 */
#include <stdint.h>
#include "sim/outbox.h"
#include "sim/wire.h"

struct tracker;

/* FAULT_BIT of what happens to frames made now. */
uint32_t voice_noise(const struct tracker *t);
/* The tracker's own clock. */
void voice_time(struct tracker *t, uint32_t noise, char buf[WIRE_TIME + 1]);
void voice_heartbeat(struct tracker *t);
void voice_ack_update(struct tracker *t, const char *serial);
void voice_ack_realtime(struct tracker *t, unsigned sub, const char *serial);
void voice_report(struct tracker *t, struct outbox_entry *e);

#endif
