#include "config.h"
#include "bench.h"

#include <string.h>

#include "../unit/hexgram.h"

#define FIRST_ID UINT64_C(0xA0000000000000)

enum dialect
dialect_of(enum server_kind kind, bool acknowledged)
{
	switch (kind) {
	case SERVER_FLOOR_BARE:
	case SERVER_FLOOR_PARSE:
		return TALK_BARE;
	case SERVER_FLOOR_ACK:
	case SERVER_DAEMON:
		return TALK_TRACK_ACK;
	case SERVER_DAEMON_QUIET:
		return TALK_TRACK;
	case SERVER_MOSQUITTO:
		return acknowledged ? TALK_MQTT1 : TALK_MQTT0;
	case SERVER_MEMCACHED:
	case SERVER_NGINX:
	case SERVER_HAPROXY:
	case SERVER_DAEMON_FILES:
		break;
	}
	return acknowledged ? TALK_CACHE_ACK : TALK_CACHE;
}

static size_t
heartbeat(unsigned id, char *buf)
{
	return (size_t)snprintf(buf, MESSAGE_MAX,
	    "+ACK:GTHBD,C20100,%014llX,,20150201020000,FFFF$",
	    (unsigned long long)(FIRST_ID + id));
}

/* The shortest report that trackers send: the less a frame holds, the more
 * what is done for each weighs. */
static size_t
report(unsigned id, unsigned n, char *buf)
{
	return (size_t)snprintf(buf, MESSAGE_MAX,
	    "+RESP:GTPDP,C20100,%014llX,,20150201020000,%04X$",
	    (unsigned long long)(FIRST_ID + id), n & 0xffff);
}

/* The shortest ones of their families. HEX mode needs an IMEI. */
static size_t
hex_report(bool v2, unsigned id, unsigned n, char *buf)
{
	struct hexgram g;
	char imei[16];

	(void)snprintf(imei, sizeof(imei), "%llu", 860000000000000ull + id);
	if (v2)
		hexgram_report2(&g, imei, 0, 0, n & 0xffff);
	else
		hexgram_report(&g, &(struct hexunit){.id = imei, .type = 0xc2,
		    .protover = 0x100, .firmware = 0x0a03}, 0, 7,
		    "20150201020000", n & 0xffff);
	if (g.n > MESSAGE_MAX)
		die("a binary report of %zu bytes", g.n);
	memcpy(buf, g.p, g.n);
	return g.n;
}

static size_t
mqtt_connect(unsigned id, char *buf)
{
	int n = snprintf(buf + 14, MESSAGE_MAX - 14, "bench%u", id);

	memcpy(buf, "\x10\0\0\4MQTT\4\2\0\0\0", 14);
	buf[1] = (char)(12 + n);
	buf[13] = (char)n;
	return (size_t)n + 14;
}

/* The payload is what a tracker would have said. */
static size_t
mqtt_publish(unsigned id, unsigned n, bool qos1, char *buf)
{
	char *p = buf + 2;
	size_t body;

	memcpy(p, "\0\4gv/1", 6);
	p += 6;
	if (qos1) {
		n = n % 0xffff + 1;
		*p++ = (char)(n >> 8);
		*p++ = (char)n;
	}
	body = report(id, n, p);
	buf[0] = qos1 ? 0x32 : 0x30;
	buf[1] = (char)((size_t)(p - buf) - 2 + body);
	return (size_t)(p - buf) + body;
}

static size_t
cache_set(unsigned id, unsigned n, bool quiet, char *buf)
{
	char text[MESSAGE_MAX];
	size_t len = report(id, n, text);

	return (size_t)snprintf(buf, MESSAGE_MAX, "set %014llX 0 0 %zu%s\r\n"
	    "%s\r\n", (unsigned long long)(FIRST_ID + id), len,
	    quiet ? " noreply" : "", text);
}

size_t
wire_probe(enum dialect d, unsigned id, char *buf, size_t *ret_reply)
{
	switch (d) {
	case TALK_BARE:
		break;
	case TALK_TRACK:
	case TALK_TRACK_ACK:
	case TALK_HEX1_ACK:
	case TALK_HEX2_ACK:
		*ret_reply = strlen("+SACK:GTHBD,C20100,FFFF$");
		return heartbeat(id, buf);
	case TALK_MQTT0:
	case TALK_MQTT1:
		*ret_reply = 2;
		memcpy(buf, "\xc0\0", 2);
		return 2;
	case TALK_CACHE:
	case TALK_CACHE_ACK:
		*ret_reply = strlen("STORED\r\n");
		return cache_set(id, 0, false, buf);
	}
	*ret_reply = 0;
	return 0;
}

size_t
wire_hello(enum dialect d, unsigned id, char *buf, size_t *ret_reply)
{
	switch (d) {
	case TALK_BARE:
		*ret_reply = 0;
		return report(id, 0, buf);
	case TALK_MQTT0:
	case TALK_MQTT1:
		*ret_reply = 4;
		return mqtt_connect(id, buf);
	case TALK_TRACK_ACK:
	case TALK_HEX1_ACK:
	case TALK_HEX2_ACK:
		return wire_message(d, id, 0, buf, ret_reply);
	case TALK_TRACK:
	case TALK_CACHE:
	case TALK_CACHE_ACK:
		break;
	}
	return wire_probe(d, id, buf, ret_reply);
}

size_t
wire_message(enum dialect d, unsigned id, unsigned n, char *buf,
    size_t *ret_reply)
{
	*ret_reply = 0;
	switch (d) {
	case TALK_BARE:
	case TALK_TRACK:
		break;
	case TALK_TRACK_ACK:
		*ret_reply = strlen("+SACK:11F0$");
		break;
	case TALK_HEX1_ACK:
	case TALK_HEX2_ACK:
		*ret_reply = strlen("+SACK:11F0$");
		return hex_report(d == TALK_HEX2_ACK, id, n, buf);
	case TALK_MQTT0:
		return mqtt_publish(id, n, false, buf);
	case TALK_MQTT1:
		*ret_reply = 4;
		return mqtt_publish(id, n, true, buf);
	case TALK_CACHE:
		return cache_set(id, n, true, buf);
	case TALK_CACHE_ACK:
		*ret_reply = strlen("STORED\r\n");
		return cache_set(id, n, false, buf);
	}
	return report(id, n, buf);
}
