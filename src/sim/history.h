#ifndef TRACKUP_SIM_HISTORY_H
#define TRACKUP_SIM_HISTORY_H
/*
 * history: what really happened to one tracker, for the truth file.
 *
 * Pure. Append only, each list bounded by HISTORY_MAX; what did not fit (or
 * found no memory) is counted in truncated. Owns its memory.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/version.h"
#include "sim/wire.h"

#define HISTORY_MAX 4096

struct history_attempt {
	char serial[5];
	unsigned update_type;
	uint32_t fired; /* FAULT_BIT of what took effect */
	const char *result; /* static; "open" until it ended */
};

struct history_report {
	uint32_t attempt; /* 1-based, 0 = none */
	unsigned code;
	unsigned times;
	uint16_t count;
	uint16_t sends;
	char time[WIRE_TIME + 1];
	bool sacked;
	bool late; /* sent as +BUFF at least once */
	bool lost; /* by FAULT_LOSE_REPORT or FAULT_LOSE_RESULT */
};

struct history_rows {
	void *v;
	size_t len;
	size_t cap;
};

struct history {
	struct history_rows received; /* char[5], serials */
	struct history_rows acked; /* char[5] */
	struct history_rows flashed; /* char[VERSION_MAX + 1] */
	struct history_rows attempts;
	struct history_rows reports;
	uint32_t truncated;
};

void history_done(struct history *h);
void history_add_received(struct history *h, const char serial[5]);
void history_add_acked(struct history *h, const char serial[5]);
void history_add_flashed(struct history *h, const char *version);
/* These return the 1-based place, 0 when it was not kept. */
uint32_t history_add_attempt(struct history *h,
    const struct history_attempt *a);
uint32_t history_add_report(struct history *h, const struct history_report *r);
/* NULL for place 0. Valid until the next add. */
struct history_attempt *history_attempt(const struct history *h,
    uint32_t place);
struct history_report *history_report(const struct history *h, uint32_t place);
const char *history_serial(const struct history_rows *rows, size_t i);
const char *history_version(const struct history_rows *rows, size_t i);

#endif
