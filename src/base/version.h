#ifndef TRACKUP_BASE_VERSION_H
#define TRACKUP_BASE_VERSION_H
/*
 * version: firmware version strings as +RESP:GTVER carries them.
 *
 * Pure. Two versions have an order only when both are 4 hex digits; equality
 * ignores case. Others have none (contract.md, downgrade).
 */
#include <stdbool.h>
#include "base/attr.h"

#define VERSION_MAX 24 /* bytes without NUL */

enum version_order { VERSION_LESS, VERSION_EQUAL, VERSION_GREATER,
	VERSION_UNORDERED };

bool version_equal(const char *a, const char *b);
enum version_order version_compare(const char *a, const char *b);

#endif
