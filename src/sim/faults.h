#ifndef TRACKUP_SIM_FAULTS_H
#define TRACKUP_SIM_FAULTS_H
/*
 * faults: what may go wrong with an update, and the draws that decide it.
 *
 * Pure. The draws of an attempt depend on the seed, the tracker and the number
 * of the attempt alone, each kind on its own: neither network timing nor the
 * rate of another kind changes them.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/errtext.h"
#include "base/span.h"

enum fault_kind {
	FAULT_NO_ACK, /* the start is read and dropped */
	FAULT_POWER_OFF, /* 101, then off for a while */
	FAULT_BAD_URL, /* 102 */
	FAULT_LOW_BATTERY, /* 103 */
	FAULT_DOWNLOAD_FAIL, /* every try ends in 202 */
	FAULT_UPDATE_FAIL, /* 302, the old version */
	FAULT_LOW_BATTERY_INSTALL, /* 303 after 201 */
	FAULT_BRICK, /* never heard of again after 300 */
	FAULT_LOSE_REPORT, /* one report of the update is never sent */
	FAULT_LOSE_RESULT, /* that one is 301 or 302 */
	FAULT_DUPLICATE, /* reports are sent twice */
	FAULT_REORDER, /* neighbours change places */
	FAULT_BUFFERED, /* what follows the reboot comes as +BUFF */
	FAULT_DISCONNECT, /* the connection drops in mid-update */
	FAULT_GARBAGE, /* junk between the frames */
	FAULT_SPLIT, /* frames in pieces of a few bytes */
	FAULT_WRONG_CLOCK, /* send times of 2004 */
	FAULT_LIE_VERSION, /* GTVER tells another version afterwards */
	FAULT_COUNT
};

#define FAULT_BIT(kind) (UINT32_C(1) << (kind))

struct fault_rule; /* one named tracker, see faults.c */

struct faults {
	uint32_t ppm[FAULT_COUNT];
	struct fault_rule *rules;
	size_t rule_count;
};

void faults_init(struct faults *f);
void faults_done(struct faults *f);
/* "KIND=RATE,KIND=ID:ID". Adds to what is there; a rate replaces the kind's.
 * -1 with a text, then f is to be thrown away. */
MUST_CHECK int faults_parse(struct faults *f, struct span text,
    struct errtext *err);
/* Tells the rules that the fleet has this tracker. */
void faults_note_tracker(struct faults *f, uint64_t key);
/* The first id named that no note was for; NULL when all were. Owned by f. */
const char *faults_stranger(const struct faults *f);
/* "0", "1", "0.25", ".5", "30%" in millionths. */
MUST_CHECK int fault_rate_parse(struct span s, uint32_t *ret_ppm);
const char *fault_name(enum fault_kind kind);

/* Where FAULT_DISCONNECT cuts: half-way from that code to the next. */
enum plan_cut { CUT_CONFIRMED, CUT_DOWNLOADING, CUT_DOWNLOADED, CUT_COUNT };

#define PLAN_CHANCES 16

/* All that chance has to say about one attempt. */
struct plan {
	uint32_t faults; /* FAULT_BIT of each drawn */
	unsigned lost_code; /* of FAULT_LOSE_REPORT; 301 stands for 302 too */
	enum plan_cut cut;
	bool reports_power_on; /* GTPNA precedes 301 or 302 */
	double chance[PLAN_CHANCES]; /* in [0, 1), for the waits */
};

/* f may be NULL: nothing goes wrong. attempt counts from 1. */
void plan_draw(const struct faults *f, uint64_t seed, uint64_t key,
    uint32_t attempt, struct plan *ret);

#endif
