#include "config.h"
#include "sim/hexwire.h"

#include <assert.h>

#define DEVICE_TYPE 0xC2
#define PROTOCOL_VERSION 0x0100
#define HARDWARE 0x0103
#define MCU_VERSION 0x0102

/* What each report is in these frames; INFORMATION is of another kind. */
#define REPORT_POSITION 0x07
#define EVENT_POWER_ON 0x01
#define EVENT_POWER_OFF 0x02
#define EVENT_UPDATE 0x0F
#define INFORMATION_VERSION 0x06
#define COMMAND_UPDATE 0x15
#define COMMAND_REALTIME 0x10

/* Every field but name, analog inputs and what only other models have. */
#define MASK_REPORT 0x003E1FBFu
#define MASK_INFORMATION 0x017Du
#define MASK_SHORT 0xEFu

#define MOTION_RESTING 0x11
#define SATELLITES 9

struct hexbuf {
	char *p;
	size_t n;
	size_t length_at;
	size_t length_n;
};

static void
put(struct hexbuf *b, uint32_t value, size_t n)
{
	/* Every frame here has a fixed size, far below the buffer's. */
	assert(b->n + n <= WIRE_OUT_MAX);
	while (n-- > 0)
		b->p[b->n++] = (char)(unsigned char)
		    (n < sizeof(value) ? value >> 8 * n : 0);
}

static void
begin(struct hexbuf *b, char buf[WIRE_OUT_MAX], const char *kind)
{
	*b = (struct hexbuf){.p = buf};
	for (size_t i = 0; i < 4; i++)
		put(b, (unsigned char)kind[i], 1);
}

static void
length_here(struct hexbuf *b, size_t n)
{
	b->length_at = b->n;
	b->length_n = n;
	put(b, 0, n);
}

/* n digits from at on. */
static uint32_t
decimal(const char *digits, size_t at, size_t n)
{
	uint32_t value = 0;

	for (size_t i = at; i < at + n; i++)
		value = value * 10 + (uint32_t)(digits[i] - '0');
	return value;
}

static uint32_t
hexadecimal(const char *text)
{
	uint64_t value = 0;

	/* A serial or a version, which was looked at when it came in. */
	if (span_hex(span_str(text), 0xFFFF, &value) < 0)
		assert(false);
	return (uint32_t)value;
}

/* Two digits of the IMEI a byte, the last alone. */
static void
put_id(struct hexbuf *b, const char *id)
{
	for (size_t i = 0; i < 14; i += 2)
		put(b, decimal(id, i, 2), 1);
	put(b, decimal(id, 14, 1), 1);
}

static void
put_time(struct hexbuf *b, const char *time)
{
	put(b, decimal(time, 0, 4), 2);
	for (size_t i = 4; i < WIRE_TIME; i += 2)
		put(b, decimal(time, i, 2), 1);
}

static void
put_versions(struct hexbuf *b, const char *firmware)
{
	put(b, DEVICE_TYPE, 1);
	put(b, PROTOCOL_VERSION, 2);
	put(b, hexadecimal(firmware), 2);
}

/* CRC-16, polynomial 1021h from FFFFh, over all behind the kind. */
static uint32_t
checksum(const char *p, size_t n)
{
	uint32_t crc = 0xFFFF;

	for (size_t i = 4; i < n; i++) {
		for (int bit = 7; bit >= 0; bit--) {
			uint32_t in = (uint32_t)(unsigned char)p[i] >> bit & 1;

			crc = crc << 1 ^ ((crc >> 15 ^ in) != 0 ? 0x1021 : 0);
			crc &= 0xFFFF;
		}
	}
	return crc;
}

/* Time, count, and what makes a frame of it. */
static size_t
end(struct hexbuf *b, const char *time, uint16_t count)
{
	size_t n;

	put_time(b, time);
	put(b, count, 2);
	n = b->n;
	b->n = b->length_at;
	put(b, (uint32_t)n + 4, b->length_n);
	b->n = n;
	put(b, checksum(b->p, n), 2);
	put(b, 0x0D0A, 2);
	return b->n;
}

bool
hexwire_version_ok(const char *version)
{
	uint64_t value;

	return strlen(version) == 4 &&
	    span_hex(span_str(version), 0xFFFF, &value) == 0;
}

size_t
hexwire_heartbeat(char buf[WIRE_OUT_MAX], const struct wire_unit *u,
    const char *time, uint16_t count)
{
	struct hexbuf b;

	begin(&b, buf, "+HBD");
	put(&b, MASK_SHORT, 1);
	length_here(&b, 1);
	put_versions(&b, u->firmware);
	put_id(&b, u->id);
	return end(&b, time, count);
}

size_t
hexwire_ack(char buf[WIRE_OUT_MAX], const struct wire_unit *u, bool realtime,
    const char *serial, const char *time, uint16_t count)
{
	struct hexbuf b;

	begin(&b, buf, "+ACK");
	put(&b, realtime ? COMMAND_REALTIME : COMMAND_UPDATE, 1);
	put(&b, MASK_SHORT, 1);
	length_here(&b, 1);
	put_versions(&b, u->firmware);
	put_id(&b, u->id);
	put(&b, 0, 1);
	put(&b, hexadecimal(serial), 2);
	return end(&b, time, count);
}

static size_t
version(char buf[WIRE_OUT_MAX], const struct wire_unit *u,
    const struct wire_report *r, bool late)
{
	struct hexbuf b;

	begin(&b, buf, late ? "+BNF" : "+INF");
	put(&b, INFORMATION_VERSION, 1);
	put(&b, MASK_INFORMATION, 2);
	length_here(&b, 2);
	put_id(&b, u->id);
	put_versions(&b, r->firmware);
	put(&b, HARDWARE, 2);
	put(&b, MCU_VERSION, 2);
	put(&b, 0, 2);
	return end(&b, r->time, r->count);
}

/* Position, cell and mileage, as every report and event ends. */
static void
put_position(struct hexbuf *b, const struct wire_report *r)
{
	put(b, 1, 1); /* fixes */
	put(b, 1, 1); /* accuracy */
	put(b, 0, 3); /* speed */
	put(b, 92, 2);
	put(b, 70, 2);
	put(b, (uint32_t)r->longitude_e6, 4);
	put(b, (uint32_t)r->latitude_e6, 4);
	put_time(b, r->time);
	put(b, 0x02620001, 4);
	put(b, 0x18D86141, 4);
	put(b, 0, 1);
	put(b, 0, 3); /* way since the last report */
	put(b, 2000, 5);
}

size_t
hexwire_report(char buf[WIRE_OUT_MAX], const struct wire_unit *u,
    const struct wire_report *r, bool late)
{
	struct hexbuf b;
	uint32_t type = REPORT_POSITION;

	if (r->kind == WIRE_VERSION)
		return version(buf, u, r, late);
	if (r->kind == WIRE_UPDATE)
		type = EVENT_UPDATE;
	else if (r->kind != WIRE_POSITION)
		type = r->kind == WIRE_POWER_ON ? EVENT_POWER_ON :
		    EVENT_POWER_OFF;
	if (r->kind == WIRE_POSITION)
		begin(&b, buf, late ? "+BSP" : "+RSP");
	else
		begin(&b, buf, late ? "+BVT" : "+EVT");
	put(&b, type, 1);
	put(&b, MASK_REPORT, 4);
	length_here(&b, 2);
	put_versions(&b, u->firmware);
	put_id(&b, u->id);
	put(&b, 80, 1);    /* battery, percent */
	put(&b, 13580, 2); /* external power, mV */
	put(&b, 0, 2);     /* digital inputs and outputs */
	put(&b, MOTION_RESTING, 1);
	put(&b, SATELLITES, 1);
	if (r->kind == WIRE_UPDATE) {
		put(&b, r->code, 2);
		put(&b, r->times, 1);
	}
	put_position(&b, r);
	return end(&b, r->time, r->count);
}
