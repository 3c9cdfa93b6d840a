#include "config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "proto/proxy.h"

/*
 * Headers as the specification of the PROXY protocol shows them, and what looks
 * like one.
 */
#define MAGIC "\r\n\r\n\0\r\nQUIT\n"

static struct proxy_peer peer;
static size_t used;

static enum proxy_status
rd(const char *p, size_t n)
{
	return proxy_read(p, n, &peer, &used);
}

#define READ(text) rd(text, sizeof(text) - 1)

/* Whole, and asked for more at every place before its end. */
static void
good(const char *p, size_t n, const uint8_t *addr, bool v6, uint16_t port)
{
	char more[4096];

	for (size_t i = 0; i < n; i++)
		ck_assert_msg(rd(p, i) == PROXY_MORE, "at byte %zu", i);
	ck_assert_int_eq(rd(p, n), PROXY_OK);
	ck_assert_uint_eq(used, n);
	/* What follows is not looked at. */
	memcpy(more, p, n);
	memset(more + n, '\r', 100);
	ck_assert_int_eq(rd(more, n + 100), PROXY_OK);
	ck_assert_uint_eq(used, n);
	ck_assert(peer.local == (addr == NULL));
	if (addr == NULL)
		return;
	ck_assert(peer.v6 == v6);
	ck_assert_uint_eq(peer.port, port);
	ck_assert(memcmp(peer.addr, addr, v6 ? 16 : 4) == 0);
}

#define GOOD(text, addr, v6, port) good(text, sizeof(text) - 1, \
	(const uint8_t *)(addr), v6, port)
#define BAD(text) ck_assert_int_eq(READ(text), PROXY_BAD)

START_TEST(lines)
{
	GOOD("PROXY TCP4 192.0.2.7 198.51.100.1 4711 9620\r\n",
	    "\xc0\0\2\7", false, 4711);
	GOOD("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
	    "\xff\xff\xff\xff", false, 65535);
	GOOD("PROXY TCP6 2001:db8::1 ::1 4711 9620\r\n",
	    "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", true, 4711);
	GOOD("PROXY TCP6 :: 1:2:3:4:5:6:7:8 0 1\r\n",
	    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", true, 0);
	GOOD("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
	    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	    true, 65535);
	GOOD("PROXY TCP6 1:: ::2 7 8\r\n",
	    "\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0", true, 7);
	GOOD("PROXY UNKNOWN\r\n", NULL, false, 0);
	GOOD("PROXY UNKNOWN whatever stands here\r\n", NULL, false, 0);
}
END_TEST

START_TEST(bad_lines)
{
	char line[200];

	BAD("GET / HTTP/1.1\r\n");
	BAD("+RESP:GTFRI,");
	BAD("PROXY TCP4 192.0.2.7 198.51.100.1 4711\r\n");
	BAD("PROXY TCP4 192.0.2.7 198.51.100.1 4711 9620 1\r\n");
	BAD("PROXY TCP4 192.0.2.7 198.51.100.1 4711 9620 \r\n");
	BAD("PROXY TCP4  192.0.2.7 198.51.100.1 4711 9620\r\n");
	BAD("PROXY TCP4 192.0.2.7 198.51.100.1 4711 9620\rx");
	BAD("PROXY TCP4 192.0.2 198.51.100.1 4711 9620\r\n");
	BAD("PROXY TCP4 192.0.2.256 198.51.100.1 4711 9620\r\n");
	BAD("PROXY TCP4 192.0.2.07 198.51.100.1 4711 9620\r\n");
	BAD("PROXY TCP4 192.0.2.7.1 198.51.100.1 4711 9620\r\n");
	BAD("PROXY TCP4 2001:db8::1 ::1 4711 9620\r\n");
	BAD("PROXY TCP4 192.0.2.7 198.51.100.1 65536 9620\r\n");
	BAD("PROXY TCP4 192.0.2.7 198.51.100.1 04711 9620\r\n");
	BAD("PROXY TCP4 192.0.2.7 198.51.100.1 4711 -1\r\n");
	BAD("PROXY UDP4 192.0.2.7 198.51.100.1 4711 9620\r\n");
	BAD("PROXY TCP6 192.0.2.7 ::1 4711 9620\r\n");
	BAD("PROXY TCP6 1::2::3 ::1 4711 9620\r\n");
	BAD("PROXY TCP6 1:2:3:4:5:6:7 ::1 4711 9620\r\n");
	BAD("PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 4711 9620\r\n");
	BAD("PROXY TCP6 1:2:3:4:5:6:7:: 1:2:3:4:5:6:7:8:: 4711 9620\r\n");
	BAD("PROXY TCP6 12345:: ::1 4711 9620\r\n");
	BAD("PROXY TCP6 :1 ::1 4711 9620\r\n");
	BAD("PROXY TCP6 1:2: ::1 4711 9620\r\n");
	BAD("PROXY TCP6 g:: ::1 4711 9620\r\n");
	BAD("PROXY TCP6 1 ::1 4711 9620\r\n");
	BAD("PROXY TCP6 ::1 1:::2 4711 9620\r\n");
	BAD("PROXY TCP6 ::1 1:2:3:4:5:6:7:8:9:: 4711 9620\r\n");
	BAD("PROXY TCP4 192.0.2.7 198.51.100 4711 9620\r\n");
	BAD("PROXY TCP4 192..2.7 198.51.100.1 4711 9620\r\n");
	BAD("PROXY TCP4 1920.0.2.7 198.51.100.1 4711 9620\r\n");
	BAD("PROXY TCP4 192.0.2.7 198.51.100.1  9620\r\n");
	BAD("PROXY TCP4 192.0.2.7 198.51.100.1 4711 99999\r\n");
	/* A line without an end. */
	memset(line, 'x', sizeof(line));
	memcpy(line, "PROXY UNKNOWN ", 14);
	ck_assert_int_eq(rd(line, 106), PROXY_MORE);
	ck_assert_int_eq(rd(line, 107), PROXY_BAD);
	memcpy(line + 105, "\r\n", 2);
	ck_assert_int_eq(rd(line, 107), PROXY_OK);
	line[106] = '\r';
	ck_assert_int_eq(rd(line, 107), PROXY_BAD);
}
END_TEST

START_TEST(binary)
{
	GOOD(MAGIC "\x21\x11\0\x0c" "\xc0\0\2\7" "\xc6\x33\x64\1"
	    "\x12\x67" "\x25\x94", "\xc0\0\2\7", false, 4711);
	GOOD(MAGIC "\x21\x21\0\x24"
	    "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
	    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1" "\x12\x67" "\x25\x94",
	    "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", true, 4711);
	/* A health check, with and without addresses. */
	GOOD(MAGIC "\x20\0\0\0", NULL, false, 0);
	GOOD(MAGIC "\x20\x11\0\x0c" "\xc0\0\2\7" "\xc6\x33\x64\1"
	    "\x12\x67" "\x25\x94", NULL, false, 0);
	GOOD(MAGIC "\x21\0\0\0", NULL, false, 0);
	/* An extension (no operation), skipped. */
	GOOD(MAGIC "\x21\x11\0\x11" "\xc0\0\2\7" "\xc6\x33\x64\1"
	    "\x12\x67" "\x25\x94" "\4\0\2ab", "\xc0\0\2\7", false, 4711);
}
END_TEST

START_TEST(bad_binary)
{
	char big[3000];

	BAD(MAGIC "\x11\x11\0\0");
	BAD(MAGIC "\x22\x11\0\x0c" "\xc0\0\2\7" "\xc6\x33\x64\1"
	    "\x12\x67" "\x25\x94");
	BAD("\r\n\r\n\0\r\nQUIX");
	/* Too short for what it says. */
	BAD(MAGIC "\x21\x11\0\x0b" "\xc0\0\2\7" "\xc6\x33\x64\1"
	    "\x12\x67" "\x25");
	/* A datagram. */
	BAD(MAGIC "\x21\x12\0\x0c" "\xc0\0\2\7" "\xc6\x33\x64\1"
	    "\x12\x67" "\x25\x94");
	/* Extensions that end in the middle. */
	BAD(MAGIC "\x21\x11\0\x0e" "\xc0\0\2\7" "\xc6\x33\x64\1"
	    "\x12\x67" "\x25\x94" "\4\0");
	BAD(MAGIC "\x21\x11\0\x10" "\xc0\0\2\7" "\xc6\x33\x64\1"
	    "\x12\x67" "\x25\x94" "\4\0\2a");
	/* Over our limit. */
	memset(big, 0, sizeof(big));
	memcpy(big, MAGIC "\x21\x11\x08\0", 16);
	ck_assert_int_eq(rd(big, sizeof(big)), PROXY_BAD);
}
END_TEST

/* RFC 3720's polynomial, a bit at a time, as another hand wrote it. */
static uint32_t
sum(const uint8_t *p, size_t n)
{
	uint32_t r = ~UINT32_C(0);

	while (n-- > 0) {
		r ^= *p++;
		for (int k = 8; k-- > 0;)
			r = (r >> 1) ^ (UINT32_C(0x82F63B78) &
			    (~(r & 1) + 1));
	}
	return r ^ ~UINT32_C(0);
}

START_TEST(check_sum)
{
	uint8_t h[35] = MAGIC "\x21\x11\0\x13" "\xc0\0\2\7"
	    "\xc6\x33\x64\1" "\x12\x67" "\x25\x94" "\3\0\4\0\0\0\0";
	uint32_t v;

	/* The check value of the catalogue of sums. */
	ck_assert_uint_eq(sum((const uint8_t *)"123456789", 9), 0xe3069283);
	v = sum(h, sizeof(h));
	for (int i = 0; i < 4; i++)
		h[31 + i] = (uint8_t)(v >> (24 - 8 * i));
	ck_assert_int_eq(rd((char *)h, sizeof(h)), PROXY_OK);
	for (size_t i = 16; i < sizeof(h); i++) {
		if (i == 28)
			continue; /* the type: then it is no sum */
		h[i] ^= 1;
		ck_assert_int_eq(rd((char *)h, sizeof(h)), PROXY_BAD);
		h[i] ^= 1;
	}
}
END_TEST

/* No bytes make it read past their end or say more than they hold. */
START_TEST(anything)
{
	struct prng rng;
	char buf[300];

	prng_init(&rng, 20261123);
	for (int i = 0; i < 300000; i++) {
		size_t n = prng_below(&rng, sizeof(buf));
		char *copy;

		for (size_t j = 0; j < n; j++)
			buf[j] = (char)prng_below(&rng, 256);
		if (i % 2 == 0 && n >= 16)
			memcpy(buf, MAGIC "\x21\x11\0", 15);
		else if (n >= 11)
			memcpy(buf, "PROXY TCP4 ", 11);
		copy = malloc(n + 1);
		memcpy(copy, buf, n);
		if (rd(copy, n) == PROXY_OK)
			ck_assert_uint_le(used, n);
		free(copy);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("proxy");
	TCase *tc = tcase_create("proxy");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, lines);
	tcase_add_test(tc, bad_lines);
	tcase_add_test(tc, binary);
	tcase_add_test(tc, bad_binary);
	tcase_add_test(tc, check_sum);
	tcase_add_test(tc, anything);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
