/*
 * fuzz_core: the core between trackers, operators, a disk and a clock that do
 * what the bytes say (tests/scenario/story.h).
 *
 * The first byte says whether the trackers speak HEX, the next ones tell the
 * story. After each line the core's own check, the grammar, the start rule and
 * the other promises of tests/scenario/wire.h must hold.
 */
#include "config.h"

#include "fuzz.h"
#include "story.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	scn_aborts = true;
	if (size > 0)
		story_tell(data + 1, size - 1, false, data[0] % 4 == 0);
	return 0;
}
