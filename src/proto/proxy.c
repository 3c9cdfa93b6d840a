#include "config.h"
#include "proto/proxy.h"

#include <string.h>

#include "base/span.h"

#define V2_FIXED 16
#define V2_MAGIC "\r\n\r\n\0\r\nQUIT\n"
#define V2_MAGIC_LEN 12
#define TLV_CRC32C 3
#define NUMBER_MAX 255

/* --- version 1: a line of text ---------------------------------------------*/

/* Dotted decimal as people write it: no leading zeros, nothing left out. */
static bool
read_ipv4(struct span s, uint8_t ret[4])
{
	struct span part;
	uint64_t v;
	int n = 0;

	while (span_field(&s, '.', &part)) {
		if (n == 4 || part.n == 0 || part.n > 3 ||
		    (part.n > 1 && part.p[0] == '0') ||
		    span_dec(part, NUMBER_MAX, &v) < 0)
			return false;
		ret[n++] = (uint8_t)v;
	}
	return n == 4;
}

/* Groups of hex digits; one "::" stands for the zeros that are missing. */
static bool
read_ipv6(struct span s, uint8_t ret[16])
{
	uint8_t group[16] = {0};
	size_t n = 0, gap = SIZE_MAX, i = 0;

	if (s.n < 2)
		return false;
	if (s.p[0] == ':' && s.p[1] != ':')
		return false;
	while (i < s.n) {
		size_t from;
		uint64_t v;

		if (i + 1 < s.n && s.p[i] == ':' && s.p[i + 1] == ':') {
			if (gap != SIZE_MAX)
				return false;
			gap = n;
			i += 2;
			continue;
		}
		/* One colon parts two groups, and a gap has none behind it. */
		if (s.p[i] == ':' && (n == 0 || gap == n || ++i == s.n))
			return false;
		for (from = i; i < s.n && s.p[i] != ':'; i++)
			;
		if (n == 16 || i - from == 0 || i - from > 4 ||
		    span_hex(span_of(s.p + from, i - from), 0xffff, &v) < 0)
			return false;
		group[n++] = (uint8_t)(v >> 8);
		group[n++] = (uint8_t)(v & 0xff);
	}
	if (gap == SIZE_MAX && n != 16)
		return false;
	if (gap != SIZE_MAX && n >= 16)
		return false;
	memset(ret, 0, 16);
	if (gap == SIZE_MAX)
		gap = n;
	memcpy(ret, group, gap);
	memcpy(ret + 16 - (n - gap), group + gap, n - gap);
	return true;
}

static bool
read_port(struct span s, uint16_t *ret)
{
	uint64_t v;

	if (s.n == 0 || (s.n > 1 && s.p[0] == '0') ||
	    span_dec(s, 65535, &v) < 0)
		return false;
	*ret = (uint16_t)v;
	return true;
}

/* What stands behind "PROXY ", without CR LF. */
static enum proxy_status
read_line(struct span s, struct proxy_peer *ret)
{
	struct span family, word[4];
	uint8_t own[16];
	uint16_t port;

	(void)span_field(&s, ' ', &family);
	if (span_is(family, "UNKNOWN")) {
		ret->local = true;
		return PROXY_OK;
	}
	ret->v6 = span_is(family, "TCP6");
	if (!ret->v6 && !span_is(family, "TCP4"))
		return PROXY_BAD;
	for (int i = 0; i < 4; i++)
		if (!span_field(&s, ' ', &word[i]))
			return PROXY_BAD;
	if (s.p != NULL)
		return PROXY_BAD;
	if (ret->v6 ? !read_ipv6(word[0], ret->addr) ||
		    !read_ipv6(word[1], own)
		    : !read_ipv4(word[0], ret->addr) ||
		    !read_ipv4(word[1], own))
		return PROXY_BAD;
	return read_port(word[2], &ret->port) && read_port(word[3], &port)
	    ? PROXY_OK : PROXY_BAD;
}

static enum proxy_status
read_v1(const char *p, size_t n, struct proxy_peer *ret, size_t *ret_used)
{
	static const char head[] = "PROXY ";
	size_t have = MIN_OF(n, sizeof(head) - 1);
	size_t look = MIN_OF(n, (size_t)PROXY_V1_MAX);
	const char *cr;

	if (memcmp(p, head, have) != 0)
		return PROXY_BAD;
	cr = memchr(p, '\r', look);
	if (cr == NULL)
		return n >= PROXY_V1_MAX ? PROXY_BAD : PROXY_MORE;
	if ((size_t)(cr - p) + 1 == look)
		return look == PROXY_V1_MAX ? PROXY_BAD : PROXY_MORE;
	if (cr[1] != '\n')
		return PROXY_BAD;
	*ret_used = (size_t)(cr - p) + 2;
	return read_line(span_of(p + sizeof(head) - 1,
	    (size_t)(cr - p) - (sizeof(head) - 1)), ret);
}

/* --- version 2: binary -----------------------------------------------------*/

static unsigned
byte_at(const char *p, size_t i)
{
	return (unsigned char)p[i];
}

static uint32_t
crc32c(const char *p, size_t n, size_t zero_from)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		/* Its own four bytes count as zeros. */
		crc ^= i >= zero_from && i < zero_from + 4 ? 0 : byte_at(p, i);
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
	}
	return ~crc;
}

/* Extensions are skipped, but for the sum of the header. */
static bool
extensions_good(const char *p, size_t from, size_t len)
{
	size_t at = from, n;

	while (at < len) {
		if (len - at < 3)
			return false;
		n = byte_at(p, at + 1) << 8 | byte_at(p, at + 2);
		if (len - at - 3 < n)
			return false;
		if (byte_at(p, at) == TLV_CRC32C) {
			uint32_t sum = 0;

			if (n != 4)
				return false;
			for (size_t i = 0; i < 4; i++)
				sum = sum << 8 | byte_at(p, at + 3 + i);
			if (sum != crc32c(p, len, at + 3))
				return false;
		}
		at += 3 + n;
	}
	return true;
}

static enum proxy_status
read_v2(const char *p, size_t n, struct proxy_peer *ret, size_t *ret_used)
{
	size_t have = MIN_OF(n, (size_t)V2_MAGIC_LEN), len, need;
	unsigned command, family;

	if (memcmp(p, V2_MAGIC, have) != 0)
		return PROXY_BAD;
	if (n >= 13 && (byte_at(p, 12) & 0xf0) != 0x20)
		return PROXY_BAD;
	if (n < V2_FIXED)
		return PROXY_MORE;
	command = byte_at(p, 12) & 0x0f;
	family = byte_at(p, 13);
	len = V2_FIXED + (byte_at(p, 14) << 8 | byte_at(p, 15));
	if (command > 1 || len > PROXY_V2_MAX)
		return PROXY_BAD;
	if (n < len)
		return PROXY_MORE;
	*ret_used = len;
	need = family >> 4 == 1 ? 12 : family >> 4 == 2 ? 36
	    : family >> 4 == 3 ? 216 : 0;
	/* A health check, or of a family that says nothing to us: unix
	 * sockets and "unspecified". */
	if (command == 0 || need == 0 || need == 216) {
		ret->local = true;
		if (command == 1 && len - V2_FIXED < need)
			return PROXY_BAD;
		if (command == 0)
			return PROXY_OK;
	} else if ((family & 0x0f) != 1 || len - V2_FIXED < need) {
		return PROXY_BAD; /* not of a stream, or cut short */
	} else {
		size_t size = need == 36 ? 16 : 4;

		ret->v6 = need == 36;
		memcpy(ret->addr, p + V2_FIXED, size);
		ret->port = (uint16_t)(byte_at(p, V2_FIXED + 2 * size) << 8 |
		    byte_at(p, V2_FIXED + 2 * size + 1));
	}
	return extensions_good(p, V2_FIXED + need, len) ? PROXY_OK : PROXY_BAD;
}

enum proxy_status
proxy_read(const char *p, size_t n, struct proxy_peer *ret, size_t *ret_used)
{
	memset(ret, 0, sizeof(*ret));
	*ret_used = 0;
	if (n == 0)
		return PROXY_MORE;
	return p[0] == '\r' ? read_v2(p, n, ret, ret_used)
			    : read_v1(p, n, ret, ret_used);
}
