#ifndef TRACKUP_TESTS_WIREGRAM_H
#define TRACKUP_TESTS_WIREGRAM_H
/*
 * wiregram: @Track text as the wire checker reads it.
 *
 * From protocol.md, and on purpose not through src/proto: a checker that reads
 * with the codec it checks would agree with every mistake of it.
 */
#include <stdbool.h>
#include <stdint.h>
#include "base/version.h"

enum gram_out_kind { GRAM_START, GRAM_STOP, GRAM_READ };

struct gram_out {
	enum gram_out_kind kind;
	uint16_t serial;
	char url[128];
};

enum gram_in_kind {
	GRAM_CODE, GRAM_ACK_GTUPD, GRAM_ACK_GTRTO, GRAM_GTVER, GRAM_OTHER
};

struct gram_in {
	enum gram_in_kind kind;
	bool buffered;
	uint64_t hash;           /* of what makes it the same report again */
	uint16_t count, serial;
	int code, times;         /* -1 = empty */
	char version[VERSION_MAX + 1];
};

/* The strict grammar of what may leave. */
bool gram_out(const char *frame, const char *password, struct gram_out *ret);
bool gram_ack(const char *frame);
/* What a tracker said, as far as the checker cares. */
bool gram_in(const char *frame, struct gram_in *ret);

#endif
