#ifndef TRACKUP_SIM_UPDATE_H
#define TRACKUP_SIM_UPDATE_H
/*
 * update: the phases a tracker goes through from AT+GTUPD to 301.
 *
 * Pure. One row of a const table per phase says how long it lasts, what it
 * hears, what it says and what comes next; phase_enter() in update.c is the
 * only place that changes the phase.
 */
#include <stdbool.h>
#include <stdint.h>
#include "sim/faults.h"
#include "sim/wire.h"

struct tracker;

enum phase {
	PHASE_IDLE,
	PHASE_ACCEPTED, /* the start was read, its ACK is not out yet */
	PHASE_ACKED,
	PHASE_CONFIRMED, /* 100 */
	PHASE_DOWNLOADING, /* 200 */
	PHASE_RETRYING, /* 202, another try follows */
	PHASE_DOWNLOADED, /* 201 */
	PHASE_UPDATING, /* 300, about to reboot */
	PHASE_REBOOTING, /* flashing, dark */
	PHASE_GIVING_UP, /* the last 202, about to reboot */
	PHASE_RESTARTING, /* a reboot without a new version, dark */
	PHASE_POWERING_OFF, /* 101 */
	PHASE_OFF,
	PHASE_BRICKED,
	PHASE_COUNT
};
static_assert((int)PHASE_COUNT <= PLAN_CHANCES, "a chance for each phase");

/* One accepted start, from its receipt to its end. */
struct update {
	bool open;
	uint32_t number; /* of the attempt, from 1; 0 = none yet */
	uint32_t place; /* in the history */
	unsigned tries; /* downloads begun */
	bool unfetchable; /* this try could not even begin */
	bool lost_one; /* FAULT_LOSE_REPORT struck */
	struct wire_in start;
	struct plan plan;
};

const char *phase_name(enum phase p);
bool phase_is_busy(enum phase p); /* a further start is ignored */
bool phase_is_deaf(enum phase p); /* other commands are */
bool phase_is_silent(enum phase p); /* sends reports of the update only */
bool phase_is_dark(enum phase p); /* has no connection */
bool phase_is_stoppable(enum phase p);

void update_begin(struct tracker *t, const struct wire_in *start);
void update_acknowledged(struct tracker *t); /* its ACK is written */
void update_stop(struct tracker *t);
void update_step(struct tracker *t); /* the phase has lasted its time */
void update_fetched(struct tracker *t, bool ok);
void update_restart(struct tracker *t); /* AT+GTRTO reboot */
/* Notes that a fault of this attempt took effect, once per attempt. */
void update_fire(struct tracker *t, enum fault_kind kind);

#endif
