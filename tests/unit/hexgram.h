#ifndef TRACKUP_TESTS_HEXGRAM_H
#define TRACKUP_TESTS_HEXGRAM_H
/*
 * hexgram: frames of the binary families, byte by byte, for tests.
 *
 * Written after the description of the wire and sharing nothing with src: what
 * agrees with the decoder here was written twice. A frame is begun, filled
 * and ended; ending it sets its length, where it has one, and its check sum.
 */
#include <stddef.h>
#include <stdint.h>

#define HEXGRAM_MAX 2048

struct hexgram {
	char p[HEXGRAM_MAX];
	size_t n;
	size_t length_at;   /* where its length goes; 0 = masked out */
	size_t length_n;
};

struct hexunit {
	const char *id;     /* 15 digits */
	const char *name;   /* sent in place of the id; NULL = the id is */
	unsigned type;      /* C2 */
	unsigned protover;  /* 0100 */
	unsigned firmware;  /* 0A03 */
};

void hexgram_begin(struct hexgram *g, const char *kind);
void hexgram_put(struct hexgram *g, uint64_t value, size_t n); /* big-endian */
void hexgram_length(struct hexgram *g, size_t n);  /* room for it */
void hexgram_uid(struct hexgram *g, const struct hexunit *u);
void hexgram_time(struct hexgram *g, const char *digits); /* 14 */
void hexgram_end(struct hexgram *g);               /* HEX v1 */
void hexgram_end2(struct hexgram *g);              /* HEX v2 */

/* Whole frames of v1. time: 14 digits. b: buffered. */
void hexgram_ack(struct hexgram *g, const struct hexunit *u, unsigned command,
    unsigned serial, const char *time, unsigned count);
void hexgram_upd(struct hexgram *g, const struct hexunit *u, int b,
    unsigned code, unsigned times, const char *time, unsigned count);
void hexgram_ver(struct hexgram *g, const struct hexunit *u, int b,
    unsigned hardware, const char *time, unsigned count);
void hexgram_beat(struct hexgram *g, const struct hexunit *u, const char *time,
    unsigned count);
void hexgram_report(struct hexgram *g, const struct hexunit *u, int b,
    unsigned type, const char *time, unsigned count);
/* … and of v2. */
void hexgram_beat2(struct hexgram *g, const char *id, unsigned count);
void hexgram_report2(struct hexgram *g, const char *id, int b, size_t extra,
    unsigned count);

#endif
