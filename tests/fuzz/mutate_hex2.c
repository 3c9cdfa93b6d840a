/* mutate_hex2: a frame of HEX v2 reaches from its head to the next '$' that
 * leaves room for what it must have. */
#include "config.h"

#include <string.h>

#include "mutate_hex.h"
#include "proto/crc.h"
#include "proto/hex.h"

#define LEAST 17

static size_t
end_of(const uint8_t *p, size_t size)
{
	const uint8_t *end;

	if (p[1] == 0x10)
		return size < HEX2_BEAT_LEN ? 0 : HEX2_BEAT_LEN;
	if (size < LEAST)
		return 0;
	end = memchr(p + LEAST - 1, '$', size - LEAST + 1);
	return end == NULL ? 0 : (size_t)(end - p) + 1;
}

static void
repair(uint8_t *p, size_t n, unsigned chance)
{
	if (p[1] == 0x10) {
		p[2] = HEX2_BEAT_LEN;
		p[n - 1] = '$';
	} else if (chance % 8 != 0) {
		p[2] = (uint8_t)(n >> 8);
		p[3] = (uint8_t)n;
	}
	if (chance / 8 % 16 != 0)
		p[n - 2] = crc8_add(CRC8_INIT,
		    span_of((const char *)p, n - 2));
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	size = LLVMFuzzerMutate(data, size, max);
	for (size_t i = 0; i + LEAST <= size; i++) {
		size_t n;

		if ((data[i] != '+' && data[i] != '-') ||
		    (data[i + 1] != 0x00 && data[i + 1] != 0x10) ||
		    (n = end_of(data + i, size - i)) == 0)
			continue;
		repair(data + i, n, seed + (unsigned)i * 7);
		i += n - 1;
	}
	return size;
}
