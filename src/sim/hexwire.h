#ifndef TRACKUP_SIM_HEXWIRE_H
#define TRACKUP_SIM_HEXWIRE_H
/*
 * hexwire: what a tracker in HEX mode says (HEX v1); it hears text as any.
 *
 * Pure, written from the protocol's description alone, as wire.c is. The
 * functions are called by those of wire.h, which hold for both. The unit has
 * an IMEI; its versions are 4 hex digits.
 */
#include "sim/wire.h"

/* True: a firmware version that these frames can carry. */
bool hexwire_version_ok(const char *version);

size_t hexwire_heartbeat(char buf[WIRE_OUT_MAX], const struct wire_unit *u,
    const char *time, uint16_t count);
size_t hexwire_ack(char buf[WIRE_OUT_MAX], const struct wire_unit *u,
    bool realtime, const char *serial, const char *time, uint16_t count);
size_t hexwire_report(char buf[WIRE_OUT_MAX], const struct wire_unit *u,
    const struct wire_report *r, bool late);

#endif
