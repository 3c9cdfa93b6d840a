#ifndef TRACKUP_TESTS_SIMULATE_WORLD_H
#define TRACKUP_TESTS_SIMULATE_WORLD_H
/*
 * world: the real core in a made-up world, on virtual time, from one seed.
 *
 * Trackers told from SPEC (their wire code is this directory's own), a network
 * that delays, loses and cuts, a store with a durable and a volatile half, an
 * operator who pauses and cancels, crashes at any moment. Same seed, same run.
 */
#include <stdbool.h>
#include <stdint.h>
#include "core/core.h"
#include "core/state.h"

#define FROM_VERSION "0A03"
#define TO_VERSION "0A09"

struct world_faults { /* probabilities in ppm, drawn for each seed */
	uint32_t read_and_drop, ack_lost, report_lost, report_buffered;
	uint32_t refuse_101, refuse_103, refuse_102, fail_202, fail_302,
	    battery_303, brick;
	uint32_t cut;           /* the connection, at each frame */
	uint32_t slow_command;  /* lies in the tracker's queue for minutes */
	uint32_t late_copy;     /* an old report comes again as +BUFF */
	uint32_t crash;         /* of the daemon, at each event */
	uint32_t operator_act;
	uint32_t store_full;
	bool short_mode, udp;
	bool owes;              /* there for seconds, away for minutes */
};

struct world_result {
	uint64_t events, starts, flashes, crashes, cuts;
	uint64_t verdict[TARGET_STATE_COUNT_];
	uint64_t hash;          /* of everything that was sent and decided */
	int64_t virtual_ms;
};

/* Hours with faults, 36 unless set: a short world shows less, and costs less. */
extern int world_fault_hours;

/* 0, or -1 with what was violated in err. */
int world_run(uint64_t seed, int devices, bool faults, bool verbose,
    struct world_result *ret, struct errtext *err);

#endif
