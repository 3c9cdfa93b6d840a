#include "config.h"

#include "base/version.h"

#include <string.h>

#include "base/span.h"

#define ORDERED_LEN 4

static char
char_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* Not strcasecmp: what is equal must not hang on a locale. */
bool
version_equal(const char *a, const char *b)
{
	while (*a != '\0' && char_upper(*a) == char_upper(*b)) {
		a++;
		b++;
	}
	return char_upper(*a) == char_upper(*b);
}

enum version_order
version_compare(const char *a, const char *b)
{
	uint64_t x, y;

	if (version_equal(a, b))
		return VERSION_EQUAL;
	if (strlen(a) != ORDERED_LEN || strlen(b) != ORDERED_LEN ||
	    span_hex(span_str(a), UINT16_MAX, &x) < 0 ||
	    span_hex(span_str(b), UINT16_MAX, &y) < 0)
		return VERSION_UNORDERED;
	return x < y ? VERSION_LESS : VERSION_GREATER;
}
