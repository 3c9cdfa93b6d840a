#ifndef TRACKUP_PROTO_CRC_H
#define TRACKUP_PROTO_CRC_H
/*
 * crc: the check sums of the binary families (protocol.md 4).
 *
 * Pure. Both take the sum so far, so that bytes may come in portions; neither
 * is reflected or inverted at the end.
 */
#include <stdint.h>
#include "base/span.h"

#define CRC16_INIT 0xffffu /* of HEX v1: polynomial 1021h */
#define CRC8_INIT 0xffu    /* of HEX v2: polynomial 31h */

uint16_t crc16_add(uint16_t crc, struct span s);
uint8_t crc8_add(uint8_t crc, struct span s);

#endif
