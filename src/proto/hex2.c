#include "config.h"

#include "proto/hex.h"

#include "proto/crc.h"

#define IMEI_LEN 8
#define TAIL_LEN 4        /* count, check byte, '$' */
#define MULTI_PACKET 0x80 /* of the flag byte: two more bytes follow it */

/* The generation of today tells a type of 2 bytes and a version of 2. */
#define VERSIONS_LEN 4

/* 16 digits, of which the first is a 0 that belongs to no IMEI. */
static int
imei_read(struct span s, struct devid *ret)
{
	char text[2 * IMEI_LEN];
	struct span digits = span_of(text, sizeof(text));

	hex_text(text, s);
	if (text[0] == '0')
		digits = span_of(text + 1, sizeof(text) - 1);
	return devid_parse(digits, ret);
}

enum msg_bad
hex2_decode(struct span s, struct message *ret)
{
	bool beat = s.n > 1 && s.p[1] == 0x10;
	size_t at = beat ? 3 : 5, end;

	if (s.n < at + TAIL_LEN)
		return MSG_BAD_HEAD;
	end = s.n - TAIL_LEN;
	if (crc8_add(CRC8_INIT, span_of(s.p, s.n - 2)) !=
	    byte_at(s, s.n - 2))
		return MSG_BAD_CRC;
	ret->kind = beat ? MSG_HEARTBEAT : MSG_REPORT;
	ret->type = beat ? SPAN_LIT("HBD") : SPAN_LIT("");
	ret->buffered = s.p[0] == '-';
	if (!beat && (byte_at(s, 4) & MULTI_PACKET) != 0)
		at += 2;
	if (at + IMEI_LEN > end)
		return MSG_BAD_FIELDS;
	if (imei_read(span_of(s.p + at, IMEI_LEN), &ret->id) < 0)
		return MSG_BAD_ID;
	ret->has_id = true;
	hex_text(ret->own.count, span_of(s.p + end, 2));
	ret->count = (uint16_t)word_at(s, end);
	ret->count_text = span_of(ret->own.count, 4);
	at += IMEI_LEN;
	if (at + VERSIONS_LEN > end)
		return MSG_BAD_NONE;
	hex_text(ret->own.protover, span_of(s.p + at, VERSIONS_LEN));
	ret->device_type = span_of(ret->own.protover, 4);
	ret->protover = span_of(ret->own.protover, 8);
	return MSG_BAD_NONE;
}
