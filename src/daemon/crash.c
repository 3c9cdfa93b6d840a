#include "config.h"
#include "daemon/crash.h"

#ifdef CRASHPOINTS
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
crashpoint(const char *name)
{
	static long left = -1;
	const char *want = getenv("TRACKUPD_CRASHPOINT");
	size_t n = strlen(name);

	if (want == NULL || strncmp(want, name, n) != 0 || want[n] != ':')
		return;
	if (left < 0)
		left = strtol(want + n + 1, NULL, 10);
	if (--left == 0)
		_exit(137);
	if (left < 0)
		left = 0x7fffffff;
}
#else
typedef int crash_nothing_to_compile;
#endif
