#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/plant.h"
#include "tests/simulate/world.h"

/* simulate [-n seeds] [-s first] [-d devices] [-h hours] [-c] [-v]: random
 * worlds. */
int
main(int argc, char **argv)
{
	uint64_t first = 1, n = 200;
	struct world_result sum = {0};
	int devices = 3, c, failed = 0;
	bool calm = false, verbose = false;

	while ((c = getopt(argc, argv, "n:s:d:h:cv")) != -1) {
		switch (c) {
		case 'n':
			n = strtoull(optarg, NULL, 10);
			break;
		case 's':
			first = strtoull(optarg, NULL, 10);
			break;
		case 'd':
			devices = (int)strtol(optarg, NULL, 10);
			break;
		case 'h':
			world_fault_hours = (int)strtol(optarg, NULL, 10);
			break;
		case 'c':
			calm = true;
			break;
		case 'v':
			verbose = true;
			break;
		default:
			return 2;
		}
	}
#ifdef PLANTED_BUGS
	plant_select(getenv("TRACKUPD_PLANT"));
#endif
	for (uint64_t s = first; s < first + n; s++) {
		struct world_result r;
		struct errtext err = {0};

		if (world_run(s, devices, !calm, verbose, &r, &err) < 0) {
			(void)printf("seed %llu: %s\n", (unsigned long long)s,
			    err.text);
			failed++;
		}
		sum.events += r.events;
		sum.starts += r.starts;
		sum.flashes += r.flashes;
		sum.crashes += r.crashes;
		sum.cuts += r.cuts;
		sum.virtual_ms += r.virtual_ms;
		for (int i = 0; i < TARGET_STATE_COUNT_; i++)
			sum.verdict[i] += r.verdict[i];
	}
	(void)printf("%llu seeds, %llu events, %llu starts, %llu flashes, "
		"%llu crashes, %llu cuts, %llu device-hours\n",
	    (unsigned long long)n, (unsigned long long)sum.events,
	    (unsigned long long)sum.starts, (unsigned long long)sum.flashes,
	    (unsigned long long)sum.crashes, (unsigned long long)sum.cuts,
	    (unsigned long long)(sum.virtual_ms / 3600000) *
		(unsigned long long)devices);
	for (int i = 0; i < TARGET_STATE_COUNT_; i++)
		(void)printf("%s %llu  ",
		    target_state_name((enum target_state)i),
		    (unsigned long long)sum.verdict[i]);
	(void)printf("\n%llu passed, %d failed\n",
	    (unsigned long long)n - (unsigned)failed, failed);
	return failed > 0;
}
