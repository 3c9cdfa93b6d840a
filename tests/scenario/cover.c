#include "config.h"
#include "cover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/machine.h"

#define SCENARIOS 1000

/* The cells that move although no sequence of events leads there, each with
 * the reason: the table has them so that it can be read aloud. */
static const struct {
	enum phase phase;
	enum attempt_event event;
} out_of_reach[] = {
	/* Without an ACK, and W not over, every other fence is unproven. */
	{PHASE_SENDING, AE_FENCE_OLD}, {PHASE_SENDING, AE_FENCE_OTHER},
	{PHASE_SENDING, AE_FENCE_BLIND}, {PHASE_SENDING, AE_MODE_OVER},
	/* An ACK was seen: nothing is held or unproven for want of one. */
	{PHASE_ACKED, AE_FINAL_HELD}, {PHASE_ACKED, AE_FENCE_UNPROVEN},
	/* Below downloaded any other version counts as the old one. */
	{PHASE_ACKED, AE_FENCE_OTHER}, {PHASE_CONFIRMED, AE_FENCE_OTHER},
	{PHASE_DOWNLOADING, AE_FENCE_OTHER},
	/* From confirmed on, 103 acts as 303. */
	{PHASE_CONFIRMED, AE_103}, {PHASE_DOWNLOADING, AE_103},
	/* W over makes it overdue first. */
	{PHASE_UNSURE, AE_GIVE_UP},
};

struct shared {
	int running;
	int first[PHASE_COUNT_][AE_EVENT_COUNT_]; /* scenario + 1 */
	int taken[PHASE_COUNT_][AE_EVENT_COUNT_];
};

static struct shared *shared;
static const char *names[SCENARIOS];

const struct attempt_cell *__real_attempt_cell(enum phase phase,
    enum attempt_event ev);
const struct attempt_cell *__wrap_attempt_cell(enum phase phase,
    enum attempt_event ev);

const struct attempt_cell *
__wrap_attempt_cell(enum phase phase, enum attempt_event ev)
{
	if (shared->first[phase][ev] == 0)
		shared->first[phase][ev] = shared->running + 1;
	shared->taken[phase][ev]++;
	return __real_attempt_cell(phase, ev);
}

void
cover_init(void)
{
	void *p = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	shared = p;
}

void
cover_scenario(int number, const char *name)
{
	shared->running = number;
	names[number % SCENARIOS] = name;
}

static bool
moves(int phase, int event)
{
	return phase >= PHASE_INTENT && phase <= PHASE_PROVISIONAL &&
	    phase != PHASE_CANCELLING &&
	    __real_attempt_cell((enum phase)phase, (enum attempt_event)event)
		    ->kind == CELL_GO;
}

void
cover_print(void)
{
	for (int p = 0; p < PHASE_COUNT_; p++)
		for (int e = 0; e < AE_EVENT_COUNT_; e++) {
			int first = shared->first[p][e];

			if (!moves(p, e))
				continue;
			(void)printf("%-12s %-15s %5d %s\n",
			    phase_name((enum phase)p),
			    attempt_event_name((enum attempt_event)e),
			    shared->taken[p][e],
			    first == 0 ? "-" : names[first - 1]);
		}
}

static bool
listed(int phase, int event)
{
	for (size_t i = 0; i < ARRAY_LEN(out_of_reach); i++)
		if ((int)out_of_reach[i].phase == phase &&
		    (int)out_of_reach[i].event == event)
			return true;
	return false;
}

bool
cover_complete(void)
{
	bool ok = true;

	for (int p = 0; p < PHASE_COUNT_; p++)
		for (int e = 0; e < AE_EVENT_COUNT_; e++) {
			bool taken = shared->first[p][e] != 0;

			if (!moves(p, e) || taken != listed(p, e))
				continue;
			(void)printf("%s, %s: %s\n",
			    phase_name((enum phase)p),
			    attempt_event_name((enum attempt_event)e),
			    taken ? "taken, but listed as out of reach"
				  : "no scenario goes there");
			ok = false;
		}
	return ok;
}
