/*
 * afl_main: a fuzz target under AFL++, many inputs a process.
 *
 * Compiled by anything else it runs the target once on its standard input, as
 * afl-tmin and a debugger want it.
 */
#include "config.h"

#include <unistd.h>

#include "fuzz.h"

#ifndef __AFL_FUZZ_TESTCASE_LEN
#define INPUT_MAX (1 << 20)
static uint8_t input[INPUT_MAX];
static ssize_t input_len;
#define __AFL_FUZZ_TESTCASE_LEN input_len
#define __AFL_FUZZ_TESTCASE_BUF input
#define __AFL_FUZZ_INIT() struct none_
#define __AFL_INIT() (input_len = read(STDIN_FILENO, input, INPUT_MAX))
#define __AFL_LOOP(n) (input_len >= 0 && times++ == 0)
#endif

__AFL_FUZZ_INIT();

int
main(void)
{
	const uint8_t *data;
	int times = 0;

	__AFL_INIT();
	data = __AFL_FUZZ_TESTCASE_BUF;
	while (__AFL_LOOP(1000))
		(void)LLVMFuzzerTestOneInput(data,
		    (size_t)__AFL_FUZZ_TESTCASE_LEN);
	(void)times;
	return 0;
}
