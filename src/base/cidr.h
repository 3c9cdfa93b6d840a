#ifndef TRACKUP_BASE_CIDR_H
#define TRACKUP_BASE_CIDR_H
/*
 * cidr: networks as 16 bytes and a length; IPv4 lies at ::ffff:0:0/96.
 *
 * Pure. An IPv4 address that arrived on an IPv6 socket is the IPv4 address.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cidr {
	uint8_t addr[16];
	uint8_t bits; /* 0..128 */
};

/* An address of 4 or 16 bytes in the form that networks are held against. */
void cidr_address(uint8_t ret[16], const uint8_t *addr, bool v6);
bool cidr_has(const struct cidr *net, const uint8_t addr[16]);
bool cidr_any_has(const struct cidr *v, size_t n, const uint8_t addr[16]);

#endif
