#include "config.h"
#include "sim/wire.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "sim/hexwire.h"

#define HARDWARE "0103"
#define DEVICE_TYPE "GV620MG"
#define FIELDS_MAX 32 /* more than any command has */
#define REALTIME_READ_VERSION 8

int
wire_split(struct span *rest, struct span *ret_frame)
{
	const char *end;

	while (rest->n > 0 && (rest->p[0] == ' ' || rest->p[0] == '\r' ||
	    rest->p[0] == '\n' || rest->p[0] == '\0'))
		*rest = span_of(rest->p + 1, rest->n - 1);
	if (rest->n == 0)
		return 0;
	end = memchr(rest->p, '$', MIN_OF(rest->n, (size_t)WIRE_IN_MAX));
	if (end == NULL)
		return rest->n >= WIRE_IN_MAX ? -1 : 0;
	*ret_frame = span_of(rest->p, (size_t)(end - rest->p) + 1);
	*rest = span_of(end + 1, rest->n - ret_frame->n);
	return 1;
}

static void
bad(struct wire_in *in, const char *why)
{
	in->kind = WIRE_BAD;
	in->why = why;
}

static bool
hex4(struct span s, char ret[5])
{
	uint64_t value;

	if (s.n != 4 || span_hex(s, 0xFFFF, &value) < 0)
		return false;
	(void)snprintf(ret, 5, "%04X", (unsigned)value);
	return true;
}

static bool
number(struct span s, unsigned min, unsigned max, unsigned *ret)
{
	uint64_t value;

	if (span_dec(s, max, &value) < 0 || value < min)
		return false;
	*ret = (unsigned)value;
	return true;
}

/* Splits at commas. 0 when there are more than max fields. */
static size_t
split_fields(struct span body, struct span *fields, size_t max)
{
	size_t n = 0;
	struct span field;

	while (span_field(&body, ',', &field)) {
		if (n == max)
			return 0;
		fields[n++] = field;
	}
	return n;
}

static void
parse_start(const struct span *f, struct wire_in *in)
{
	in->is_start = true;
	if (!hex4(f[12], in->serial))
		bad(in, "serial number is not 4 hex digits");
	else if (!number(f[2], 0, 3, &in->retry))
		bad(in, "max retry is not 0..3");
	else if (f[3].n != 2 || !number(f[3], 5, 30, &in->timeout_min))
		bad(in, "timeout is not 05..30");
	else if (!span_is(f[4], "0"))
		bad(in, "download protocol is not 0");
	else if (!span_copy(in->user, sizeof(in->user), f[5]))
		bad(in, "user name is longer than 6");
	else if (!span_copy(in->secret, sizeof(in->secret), f[6]))
		bad(in, "download password is longer than 6");
	else if (!span_copy(in->url, sizeof(in->url), f[7]))
		bad(in, "URL is longer than 100");
	else if (!number(f[9], 1, 2, &in->update_type))
		bad(in, "update type is not 1 or 2");
	else
		in->kind = WIRE_START;
}

static void
parse_update(struct span body, struct wire_in *in)
{
	struct span f[FIELDS_MAX];
	size_t n = split_fields(body, f, FIELDS_MAX);

	if (n < 2) {
		bad(in, "wrong number of fields");
	} else if (!span_copy(in->password, sizeof(in->password), f[0])) {
		bad(in, "password is too long");
	} else if (span_is(f[1], "0")) {
		in->is_start = true;
		(void)hex4(f[n - 1], in->serial);
		if (n != 13)
			bad(in, "a start has 13 fields");
		else
			parse_start(f, in);
	} else if (span_is(f[1], "1")) {
		if (n != 7)
			bad(in, "a stop has 7 fields");
		else if (!hex4(f[6], in->serial))
			bad(in, "serial number is not 4 hex digits");
		else
			in->kind = WIRE_STOP;
	} else {
		bad(in, "unknown sub-command of AT+GTUPD");
	}
}

static void
parse_realtime(struct span body, struct wire_in *in)
{
	struct span f[FIELDS_MAX];
	size_t n = split_fields(body, f, FIELDS_MAX);

	if (n != 8)
		bad(in, "AT+GTRTO has 8 fields");
	else if (!span_copy(in->password, sizeof(in->password), f[0]))
		bad(in, "password is too long");
	else if (f[1].n == 0 || !number(f[1], 0, 255, &in->sub))
		bad(in, "unknown sub-command of AT+GTRTO");
	else if (!hex4(f[7], in->serial))
		bad(in, "serial number is not 4 hex digits");
	else
		in->kind = WIRE_REALTIME;
}

static void
parse_sack(struct span body, struct wire_in *in)
{
	struct span f[3];
	size_t n = split_fields(body, f, ARRAY_LEN(f));

	if (n == 1 && hex4(f[0], in->count))
		in->kind = WIRE_SACK;
	else if (n == 3 && span_is(f[0], "GTHBD") && hex4(f[2], in->count))
		in->kind = WIRE_SACK_HEARTBEAT;
	else
		bad(in, "a SACK has a count, or GTHBD, version and count");
}

/* What follows prefix, when the frame starts with it. */
static bool
body_after(struct span frame, const char *prefix, struct span *ret)
{
	size_t n = strlen(prefix);

	if (!span_starts(frame, prefix))
		return false;
	*ret = span_of(frame.p + n, frame.n - n);
	return true;
}

void
wire_parse(struct span frame, struct wire_in *ret)
{
	struct span body = {0};

	*ret = (struct wire_in){.kind = WIRE_BAD};
	assert(frame.n > 0 && frame.p[frame.n - 1] == '$');
	frame.n--;
	for (size_t i = 0; i < frame.n; i++) {
		if (!isprint((unsigned char)frame.p[i])) {
			bad(ret, "a byte that is not printable");
			return;
		}
	}
	if (body_after(frame, "+SACK:", &body))
		parse_sack(body, ret);
	else if (body_after(frame, "AT+GTUPD=", &body))
		parse_update(body, ret);
	else if (body_after(frame, "AT+GTRTO=", &body))
		parse_realtime(body, ret);
	else if (span_starts(frame, "AT+GT"))
		ret->kind = WIRE_OTHER;
	else
		bad(ret, "neither AT+GT… nor +SACK:");
}

static size_t PRINTF_LIKE(2, 3)
frame_print(char buf[WIRE_OUT_MAX], const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, WIRE_OUT_MAX, fmt, ap);
	va_end(ap);
	/* Every field is bounded by its type, so this cannot be cut. */
	assert(n > 0 && n < WIRE_OUT_MAX);
	return (size_t)n;
}

size_t
wire_heartbeat(char buf[WIRE_OUT_MAX], const struct wire_unit *u,
    const char *time, uint16_t count)
{
	if (u->hex)
		return hexwire_heartbeat(buf, u, time, count);
	return frame_print(buf, "+ACK:GTHBD,%s,%s,%s,%s,%04X$", u->protocol,
	    u->id, u->name, time, count);
}

size_t
wire_ack_update(char buf[WIRE_OUT_MAX], const struct wire_unit *u,
    const char *serial, const char *time, uint16_t count)
{
	if (u->hex)
		return hexwire_ack(buf, u, false, serial, time, count);
	return frame_print(buf, "+ACK:GTUPD,%s,%s,%s,%s,%s,%04X$", u->protocol,
	    u->id, u->name, serial, time, count);
}

size_t
wire_ack_realtime(char buf[WIRE_OUT_MAX], const struct wire_unit *u,
    const char *sub_name, const char *serial, const char *time,
    uint16_t count)
{
	if (u->hex)
		return hexwire_ack(buf, u, true, serial, time, count);
	return frame_print(buf, "+ACK:GTRTO,%s,%s,%s,%s%s%s,%s,%04X$",
	    u->protocol, u->id, u->name, sub_name != NULL ? sub_name : "",
	    sub_name != NULL ? "," : "", serial, time, count);
}

static size_t
position(char buf[WIRE_OUT_MAX], const struct wire_unit *u,
    const struct wire_report *r, const char *head)
{
	/* A position report as this class sends it: external power, report
	 * type, one fix (accuracy, speed, heading, altitude, longitude,
	 * latitude, its time), cell, mileage, battery, state. */
	return frame_print(buf, "%s:GTFRI,%s,%s,%s,13580,10,1,1,0.0,92,70.0,"
	    "%.6f,%.6f,%s,0262,0001,18D8,6141,00,2000.0,,,,80,210100,,,,"
	    "%s,%04X$", head, u->protocol, u->id, u->name,
	    (double)r->longitude_e6 / 1e6, (double)r->latitude_e6 / 1e6,
	    r->time, r->time, r->count);
}

size_t
wire_report(char buf[WIRE_OUT_MAX], const struct wire_unit *u,
    const struct wire_report *r, bool late)
{
	const char *head = late ? "+BUFF" : "+RESP";
	char times[12] = "";

	/* A version that is no word is text in either mode. */
	if (u->hex && (r->kind != WIRE_VERSION ||
	    hexwire_version_ok(r->firmware)))
		return hexwire_report(buf, u, r, late);
	switch (r->kind) {
	case WIRE_POSITION:
		return position(buf, u, r, head);
	case WIRE_UPDATE:
		if (r->times > 0)
			(void)snprintf(times, sizeof(times), "%u", r->times);
		return frame_print(buf, "%s:GTUPD,%s,%s,%s,%03u,%s,%s,%04X$",
		    head, u->protocol, u->id, u->name, r->code, times, r->time,
		    r->count);
	case WIRE_VERSION:
		return frame_print(buf, "%s:GTVER,%s,%s,%s,%s,%s,%s,%s,%04X$",
		    head, u->protocol, u->id, u->name, DEVICE_TYPE,
		    r->firmware, HARDWARE, r->time, r->count);
	case WIRE_POWER_ON:
	case WIRE_POWER_OFF:
		return frame_print(buf, "%s:%s,%s,%s,%s,%s,%04X$", head,
		    r->kind == WIRE_POWER_ON ? "GTPNA" : "GTPFA", u->protocol,
		    u->id, u->name, r->time, r->count);
	}
	assert(false); /* a kind without a layout */
	return 0;
}

const char *
wire_realtime_name(unsigned sub)
{
	switch (sub) {
	case 3:
		return "REBOOT";
	case 7:
		return "CSQ";
	case REALTIME_READ_VERSION:
		return "VER";
	case 9:
		return "BAT";
	default:
		return NULL;
	}
}

void
wire_time(int64_t seconds, char buf[WIRE_TIME + 1])
{
	time_t t = (time_t)seconds;
	struct tm tm = {0};

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(buf, WIRE_TIME + 1, "%Y%m%d%H%M%S", &tm) != WIRE_TIME)
		(void)snprintf(buf, WIRE_TIME + 1, "20040101000000");
}
