#include "config.h"

#include "hexgram.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(cond) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "%s:%d: broken promise: %s\n", \
			    __FILE__, __LINE__, #cond); \
			abort(); \
		} \
	} while (0)

/* Bit by bit, as textbooks have it. */
static unsigned
crc_bits(const char *p, size_t n, unsigned crc, unsigned poly, int width)
{
	for (size_t i = 0; i < n; i++) {
		crc ^= (unsigned)(unsigned char)p[i] << (width - 8);
		for (int bit = 0; bit < 8; bit++) {
			unsigned out = crc >> (width - 1) & 1;

			crc = crc << 1 & ((1u << width) - 1);
			if (out != 0)
				crc ^= poly;
		}
	}
	return crc;
}

void
hexgram_begin(struct hexgram *g, const char *kind)
{
	memset(g, 0, sizeof(*g));
	g->n = strlen(kind);
	memcpy(g->p, kind, g->n);
}

void
hexgram_put(struct hexgram *g, uint64_t value, size_t n)
{
	MUST(n <= 8 && g->n + n <= sizeof(g->p));
	for (size_t i = 0; i < n; i++)
		g->p[g->n + i] = (char)(unsigned char)
		    (value >> 8 * (n - 1 - i));
	g->n += n;
}

void
hexgram_length(struct hexgram *g, size_t n)
{
	g->length_at = g->n;
	g->length_n = n;
	hexgram_put(g, 0, n);
}

static unsigned
digits(const char *p, int n)
{
	unsigned v = 0;

	while (n-- > 0) {
		MUST(*p >= '0' && *p <= '9');
		v = v * 10 + (unsigned)(*p++ - '0');
	}
	return v;
}

void
hexgram_uid(struct hexgram *g, const struct hexunit *u)
{
	if (u->name != NULL) {
		char name[9] = "";

		(void)snprintf(name, sizeof(name), "%s", u->name);
		for (int i = 0; i < 8; i++)
			hexgram_put(g, (unsigned char)name[i], 1);
		return;
	}
	MUST(strlen(u->id) == 15);
	for (int i = 0; i < 7; i++)
		hexgram_put(g, digits(u->id + 2 * i, 2), 1);
	hexgram_put(g, digits(u->id + 14, 1), 1);
}

void
hexgram_time(struct hexgram *g, const char *time)
{
	hexgram_put(g, digits(time, 4), 2);
	for (int i = 4; i < 14; i += 2)
		hexgram_put(g, digits(time + i, 2), 1);
}

static void
length_set(struct hexgram *g, size_t length)
{
	size_t n = g->n;

	if (g->length_at == 0)
		return;
	g->n = g->length_at;
	hexgram_put(g, length, g->length_n);
	g->n = n;
}

void
hexgram_end(struct hexgram *g)
{
	length_set(g, g->n + 4);
	hexgram_put(g, crc_bits(g->p + 4, g->n - 4, 0xffff, 0x1021, 16), 2);
	hexgram_put(g, 0x0d0a, 2);
}

void
hexgram_end2(struct hexgram *g)
{
	length_set(g, g->n + 2);
	hexgram_put(g, crc_bits(g->p, g->n, 0xff, 0x31, 8), 1);
	hexgram_put(g, '$', 1);
}

static void
versions(struct hexgram *g, const struct hexunit *u)
{
	hexgram_put(g, u->type, 1);
	hexgram_put(g, u->protover, 2);
	hexgram_put(g, u->firmware, 2);
}

static void
tail(struct hexgram *g, const char *time, unsigned count)
{
	hexgram_time(g, time);
	hexgram_put(g, count, 2);
	hexgram_end(g);
}

void
hexgram_ack(struct hexgram *g, const struct hexunit *u, unsigned command,
    unsigned serial, const char *time, unsigned count)
{
	hexgram_begin(g, "+ACK");
	hexgram_put(g, command, 1);
	hexgram_put(g, u->name == NULL ? 0xef : 0x7f, 1);
	hexgram_length(g, 1);
	versions(g, u);
	hexgram_uid(g, u);
	hexgram_put(g, 0, 1); /* sub command */
	hexgram_put(g, serial, 2);
	tail(g, time, count);
}

/* Up to the satellites: battery, external power, inputs, outputs, motion. */
static void
report_head(struct hexgram *g, const struct hexunit *u, const char *kind,
    unsigned type)
{
	hexgram_begin(g, kind);
	hexgram_put(g, type, 1);
	hexgram_put(g, u->name == NULL ? 0x003e1fbf : 0x003e1fff, 4);
	hexgram_length(g, 2);
	versions(g, u);
	hexgram_uid(g, u);
	hexgram_put(g, 88, 1);
	hexgram_put(g, 12123, 2);
	hexgram_put(g, 0, 2);
	hexgram_put(g, 0x11, 1);
	hexgram_put(g, 7, 1);
}

/* A fix, the cell, the mileage. */
static void
report_position(struct hexgram *g, const char *time)
{
	hexgram_put(g, 1, 1);
	hexgram_put(g, 1, 1);
	hexgram_put(g, 43, 3);
	hexgram_put(g, 92, 2);
	hexgram_put(g, 70, 2);
	hexgram_put(g, 121354335, 4);
	hexgram_put(g, 31222073, 4);
	hexgram_time(g, time);
	hexgram_put(g, 0x04600000, 4);
	hexgram_put(g, 0x18d86141, 4);
	hexgram_put(g, 0, 1);
}

void
hexgram_upd(struct hexgram *g, const struct hexunit *u, int b, unsigned code,
    unsigned times, const char *time, unsigned count)
{
	report_head(g, u, b ? "+BVT" : "+EVT", 0x0f);
	hexgram_put(g, code, 2);
	hexgram_put(g, times, 1);
	report_position(g, time);
	tail(g, time, count);
}

void
hexgram_report(struct hexgram *g, const struct hexunit *u, int b, unsigned type,
    const char *time, unsigned count)
{
	report_head(g, u, b ? "+BSP" : "+RSP", type);
	report_position(g, time);
	tail(g, time, count);
}

void
hexgram_ver(struct hexgram *g, const struct hexunit *u, int b,
    unsigned hardware, const char *time, unsigned count)
{
	hexgram_begin(g, b ? "+BNF" : "+INF");
	hexgram_put(g, 6, 1);
	hexgram_put(g, u->name == NULL ? 0x017d : 0x017f, 2);
	hexgram_length(g, 2);
	hexgram_uid(g, u);
	versions(g, u);
	hexgram_put(g, hardware, 2);
	hexgram_put(g, 0x0102, 2);
	hexgram_put(g, 0, 2);
	tail(g, time, count);
}

void
hexgram_beat(struct hexgram *g, const struct hexunit *u, const char *time,
    unsigned count)
{
	hexgram_begin(g, "+HBD");
	hexgram_put(g, u->name == NULL ? 0xef : 0xff, 1);
	hexgram_length(g, 1);
	versions(g, u);
	hexgram_uid(g, u);
	tail(g, time, count);
}

static void
imei2(struct hexgram *g, const char *id)
{
	MUST(strlen(id) == 15);
	hexgram_put(g, digits(id, 1), 1);
	for (int i = 1; i < 15; i += 2)
		hexgram_put(g, (uint64_t)(id[i] - '0') << 4 |
		    (uint64_t)(id[i + 1] - '0'), 1);
	hexgram_put(g, 0xc031, 2);
	hexgram_put(g, 10, 2);
	hexgram_put(g, 0, 1);
}

void
hexgram_beat2(struct hexgram *g, const char *id, unsigned count)
{
	hexgram_begin(g, "+");
	hexgram_put(g, 0x1018, 2);
	imei2(g, id);
	hexgram_put(g, 0x64f9aaf6, 4);
	hexgram_put(g, count, 2);
	hexgram_end2(g);
}

void
hexgram_report2(struct hexgram *g, const char *id, int b, size_t extra,
    unsigned count)
{
	hexgram_begin(g, b ? "-" : "+");
	hexgram_put(g, 0, 1);
	hexgram_length(g, 2);
	hexgram_put(g, 0, 1);
	imei2(g, id);
	hexgram_put(g, 0, 1);
	for (size_t i = 0; i < extra; i++)
		hexgram_put(g, i * 37 & 0xff, 1);
	hexgram_put(g, count, 2);
	hexgram_end2(g);
}
