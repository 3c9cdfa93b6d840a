#include "config.h"

#include <stdio.h>

#include "core/machine.h"

/* doc/states.md, from the table that runs: what moves or does something. */
int
main(void)
{
	(void)puts("# The attempt machine\n\n"
	    "Printed from the table in src/core/machine.c by `make states`; a "
	    "test holds the two together.\nEvery other cell records its frame "
	    "in the timeline and moves nothing. design: ARCHITECTURE.md.");
	for (int p = PHASE_INTENT; p < PHASE_ENDED; p++) {
		if (p == PHASE_CANCELLING)
			continue;
		(void)printf("\n## %s\n\n| event | next | action |\n"
			     "|---|---|---|\n",
		    phase_name((enum phase)p));
		for (int e = 0; e < AE_EVENT_COUNT_; e++) {
			const struct attempt_cell *cell = attempt_cell(
			    (enum phase)p, (enum attempt_event)e);

			if (cell->kind == CELL_STAY &&
			    cell->action == ACT_RECORD)
				continue;
			(void)printf("| %s | %s | %s |\n",
			    attempt_event_name((enum attempt_event)e),
			    cell->kind == CELL_GO ? phase_name(cell->next)
						  : "-",
			    attempt_action_name(cell->action));
		}
	}
	return 0;
}
