#include "config.h"

#include "proto/crc.h"

/* Four bits at a time: small tables that a person can check by hand. */
static const uint16_t crc16_nibble[16] = {
	0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
	0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef,
};

static const uint8_t crc8_nibble[16] = {
	0x00, 0x31, 0x62, 0x53, 0xc4, 0xf5, 0xa6, 0x97,
	0xb9, 0x88, 0xdb, 0xea, 0x7d, 0x4c, 0x1f, 0x2e,
};

uint16_t
crc16_add(uint16_t crc, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned c = (unsigned char)s.p[i];

		crc = (uint16_t)(crc << 4 ^
		    crc16_nibble[(crc >> 12 ^ c >> 4) & 15]);
		crc = (uint16_t)(crc << 4 ^
		    crc16_nibble[(crc >> 12 ^ c) & 15]);
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
