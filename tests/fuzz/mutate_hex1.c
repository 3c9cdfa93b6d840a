/* mutate_hex1: a frame of HEX v1 reaches from a kind to the next line end that
 * leaves room for its tail. */
#include "config.h"

#include <string.h>

#include "mutate_hex.h"
#include "proto/crc.h"
#include "proto/hex.h"

#define LEAST 12

static size_t
end_of(const uint8_t *p, size_t size)
{
	for (size_t i = LEAST; i + 2 <= size; i++)
		if (p[i] == '\r' && p[i + 1] == '\n')
			return i + 2;
	return 0;
}

static void
repair(uint8_t *p, size_t n, unsigned chance)
{
	struct span s = span_of((const char *)p, n);
	struct hex1_head h;
	uint16_t crc;

	if (!hex1_head_read(s, &h) || h.body + HEX1_TAIL > n)
		return;
	/* One in eight keeps its length, one in sixteen its sum. */
	if (chance % 8 != 0 && h.layout != HEX1_ACK && h.layout != HEX1_BEAT) {
		p[h.body - 2] = (uint8_t)(n >> 8);
		p[h.body - 1] = (uint8_t)n;
	} else if (chance % 8 != 0) {
		p[h.body - 1] = (uint8_t)n;
	}
	if (chance / 8 % 16 == 0)
		return;
	crc = crc16_add(CRC16_INIT, span_of(s.p + 4, n - 4 - HEX1_TAIL));
	p[n - 4] = (uint8_t)(crc >> 8);
	p[n - 3] = (uint8_t)crc;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	size = LLVMFuzzerMutate(data, size, max);
	for (size_t i = 0; i + LEAST < size; i++) {
		struct span s = span_of((const char *)data + i, size - i);
		size_t n;

		if (hex_match(s) != HEX_ONE ||
		    (n = end_of(data + i, size - i)) == 0)
			continue;
		repair(data + i, n, seed + (unsigned)i * 7);
		i += n - 1;
	}
	return size;
}
