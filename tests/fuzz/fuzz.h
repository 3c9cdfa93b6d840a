#ifndef TRACKUP_TESTS_FUZZ_H
#define TRACKUP_TESTS_FUZZ_H
/*
 * fuzz: the one function that a target defines and its driver calls. The
 * driver is libFuzzer (`make fuzz`) or replay_main.c (`make check`).
 *
 * MUST() breaks the run off: a finding, as a crash is one.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "%s:%d: broken promise: %s\n", \
			    __FILE__, __LINE__, #cond); \
			abort(); \
		} \
	} while (0)

#endif
