#include "config.h"

#include "base/keysort.h"

#include <string.h>

/* From one to the other, by the byte at shift. */
static void
pass(const struct keyed *from, struct keyed *to, size_t n, unsigned shift)
{
	size_t at[257] = {0};

	for (size_t i = 0; i < n; i++)
		at[(from[i].key >> shift & 0xff) + 1]++;
	for (size_t b = 1; b < 256; b++)
		at[b] += at[b - 1];
	for (size_t i = 0; i < n; i++)
		to[at[from[i].key >> shift & 0xff]++] = from[i];
}

static uint64_t
differing(const struct keyed *v, size_t n)
{
	uint64_t differ = 0;

	for (size_t i = 1; i < n; i++)
		differ |= v[i].key ^ v[0].key;
	return differ;
}

/* The next byte that differs, from shift on: those of a fleet have the upper
 * ones in common. 64 or more: none. */
static unsigned
byte_from(uint64_t differ, unsigned shift)
{
	while (shift < 64 && (differ >> shift & 0xff) == 0)
		shift += 8;
	return shift;
}

bool
keysort_step(struct keyed *v, struct keyed *tmp, size_t n, unsigned *at)
{
	uint64_t differ = differing(v, n);
	unsigned shift = byte_from(differ, *at);

	if (shift >= 64)
		return true;
	pass(v, tmp, n, shift);
	shift = byte_from(differ, shift + 8);
	if (shift < 64)
		pass(tmp, v, n, shift);
	else
		memcpy(v, tmp, n * sizeof(*v));
	*at = shift + 8;
	return byte_from(differ, *at) >= 64;
}

void
keysort(struct keyed *v, struct keyed *tmp, size_t n)
{
	unsigned at = 0;

	while (!keysort_step(v, tmp, n, &at))
		continue;
}
