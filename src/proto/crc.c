#include "config.h"

#include "proto/crc.h"

/* Four bits at a time: a table that a person can check by hand. */
static const uint8_t crc8_nibble[16] = {
	0x00, 0x31, 0x62, 0x53, 0xc4, 0xf5, 0xa6, 0x97,
	0xb9, 0x88, 0xdb, 0xea, 0x7d, 0x4c, 0x1f, 0x2e,
};

/* 1021h has so few bits that what a table of 256 entries would hold is as soon
 * worked out: what the upper four bits of x bring back into the lower four,
 * and then bits 12, 5 and 0 of the polynomial, x times each. */
uint16_t
crc16_add(uint16_t crc, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned x = (crc >> 8 ^ (unsigned char)s.p[i]) & 0xffu;

		x ^= x >> 4;
		crc = (uint16_t)((unsigned)crc << 8 ^ x << 12 ^ x << 5 ^ x);
	}
	return crc;
}

uint8_t
crc8_add(uint8_t crc, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned c = (unsigned char)s.p[i];

		crc = (uint8_t)(crc << 4 ^ crc8_nibble[(crc >> 4 ^ c >> 4) & 15]);
		crc = (uint8_t)(crc << 4 ^ crc8_nibble[(crc >> 4 ^ c) & 15]);
	}
	return crc;
}
