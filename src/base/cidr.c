#include "config.h"

#include "base/cidr.h"

#include <string.h>

void
cidr_address(uint8_t ret[16], const uint8_t *addr, bool v6)
{
	if (v6) {
		memcpy(ret, addr, 16);
		return;
	}
	memset(ret, 0, 10);
	ret[10] = ret[11] = 0xff;
	memcpy(ret + 12, addr, 4);
}

bool
cidr_has(const struct cidr *net, const uint8_t addr[16])
{
	size_t whole = net->bits / 8;
	unsigned rest = net->bits % 8;
	unsigned mask = rest == 0 ? 0 : 0xffu << (8 - rest) & 0xffu;

	return memcmp(net->addr, addr, whole) == 0 &&
	    (rest == 0 || ((net->addr[whole] ^ addr[whole]) & mask) == 0);
}

bool
cidr_any_has(const struct cidr *v, size_t n, const uint8_t addr[16])
{
	for (size_t i = 0; i < n; i++)
		if (cidr_has(&v[i], addr))
			return true;
	return false;
}
