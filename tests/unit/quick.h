#ifndef TRACKUP_TESTS_QUICK_H
#define TRACKUP_TESTS_QUICK_H
/*
 * quick: an assertion for loops that run a hundred thousand times. Check's own
 * write a mark down the pipe to their parent each time, even when they hold.
 */
#include <check.h>

#define QUICK(cond) \
	do { \
		if (!(cond)) \
			ck_abort_msg("not so: %s", #cond); \
	} while (0)

#endif
