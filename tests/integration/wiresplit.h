#ifndef TRACKUP_TESTS_WIRESPLIT_H
#define TRACKUP_TESTS_WIRESPLIT_H
/*
 * wiresplit: frames of trackers, cut by code that shares nothing with the
 * daemon: a platform that reads them as the daemon does would prove nothing.
 *
 * Knows what tracksim sends: text, and binary frames whose length is not
 * masked out.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum saying {
	SAYING_OTHER,     /* a report of any kind, an ACK of another command */
	SAYING_HEARTBEAT,
	SAYING_READ_ACK,  /* of AT+GTRTO, with its serial */
	SAYING_VERSION,
	SAYING_START_ACK, /* of AT+GTUPD */
	SAYING_UPDATE     /* code of an update */
};

struct said {
	enum saying what;
	unsigned serial;
	char count[5];
	char version[16]; /* of the protocol, as a heartbeat's answer has it */
};

#define WIRE_PART SIZE_MAX

static inline bool
wire_begins(const char *p, size_t n, const char *with)
{
	return n >= strlen(with) && memcmp(p, with, strlen(with)) == 0;
}

/* Where the length of a binary frame stands, and in how many bytes; 0: the
 * bytes begin none. */
static inline size_t
wire_length_at(const char *p, size_t *ret_n)
{
	static const struct {
		const char *kind;
		size_t at, n;
	} kinds[] = {{"+RSP", 9, 2}, {"+BSP", 9, 2}, {"+EVT", 9, 2},
	    {"+BVT", 9, 2}, {"+INF", 7, 2}, {"+BNF", 7, 2}, {"+ACK", 6, 1},
	    {"+HBD", 5, 1}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (memcmp(p, kinds[i].kind, 4) == 0) {
			*ret_n = kinds[i].n;
			return kinds[i].at;
		}
	return 0;
}

/* Bytes of the frame that begins at p; 0: none does; WIRE_PART: it goes on
 * behind n. */
static inline size_t
wire_frame(const char *p, size_t n)
{
	static const char *const heads[] = {"+RESP:", "+BUFF:", "+ACK:",
		"+NACK:"};
	const unsigned char *u = (const unsigned char *)p;
	size_t at, width, len;
	const char *end;

	if (n == 0 || p[0] != '+')
		return 0;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		if (!wire_begins(p, n, heads[i]))
			continue;
		end = memchr(p, '$', n);
		return end == NULL ? WIRE_PART : (size_t)(end - p) + 1;
	}
	if (n < 6)
		return WIRE_PART;
	if ((at = wire_length_at(p, &width)) == 0)
		return 0;
	if (n < at + width)
		return WIRE_PART;
	len = width == 1 ? u[at] : (size_t)u[at] << 8 | u[at + 1];
	if (len < 20)
		return 0;
	return len > n ? WIRE_PART : len;
}

/* The field that is back from the end: 0 = the count. */
static inline size_t
wire_field(const char *p, size_t n, unsigned back, char *buf, size_t size)
{
	size_t end = n - 1, begin;

	for (;; end = begin - 1) {
		for (begin = end; begin > 0 && p[begin - 1] != ','; begin--)
			;
		if (back-- == 0 || begin == 0)
			break;
	}
	(void)snprintf(buf, size, "%.*s", (int)(end - begin), p + begin);
	return end - begin;
}

static inline void
wire_binary(const char *p, size_t n, struct said *ret)
{
	const unsigned char *u = (const unsigned char *)p;

	(void)snprintf(ret->count, sizeof(ret->count), "%02X%02X", u[n - 6],
	    u[n - 5]);
	if (wire_begins(p, n, "+HBD"))
		ret->what = SAYING_HEARTBEAT;
	else if ((wire_begins(p, n, "+INF") || wire_begins(p, n, "+BNF")) &&
	    u[4] == 0x06)
		ret->what = SAYING_VERSION;
	else if ((wire_begins(p, n, "+EVT") || wire_begins(p, n, "+BVT")) &&
	    u[4] == 0x0F)
		ret->what = SAYING_UPDATE;
	if (!wire_begins(p, n, "+ACK"))
		return;
	ret->what = u[4] == 0x15 ? SAYING_START_ACK : SAYING_READ_ACK;
	ret->serial = (unsigned)u[n - 15] << 8 | u[n - 14];
}

static inline struct said
wire_said(const char *p, size_t n)
{
	struct said s = {.what = SAYING_OTHER};
	const char *colon = memchr(p, ':', n);
	char serial[8];

	if (p[n - 1] != '$' || colon == NULL || colon - p > 5) {
		wire_binary(p, n, &s);
		return s;
	}
	(void)wire_field(p, n, 0, s.count, sizeof(s.count));
	n -= (size_t)(colon + 1 - p);
	p = colon + 1;
	if (wire_begins(p, n, "GTHBD,")) {
		s.what = SAYING_HEARTBEAT;
		(void)snprintf(s.version, sizeof(s.version), "%.*s",
		    (int)strcspn(p + 6, ","), p + 6);
	} else if (wire_begins(p, n, "GTVER,")) {
		s.what = SAYING_VERSION;
	} else if (wire_begins(p, n, "GTRTO,") && colon[-1] == 'K') {
		s.what = SAYING_READ_ACK;
	} else if (wire_begins(p, n, "GTUPD,")) {
		s.what = colon[-1] == 'K' ? SAYING_START_ACK : SAYING_UPDATE;
	}
	if (s.what == SAYING_READ_ACK || s.what == SAYING_START_ACK) {
		(void)wire_field(p, n, 2, serial, sizeof(serial));
		(void)sscanf(serial, "%4X", &s.serial);
	}
	return s;
}

#endif
