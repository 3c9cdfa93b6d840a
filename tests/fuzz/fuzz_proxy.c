/*
 * fuzz_proxy: the header that a load balancer sends, in any pieces.
 */
#include "config.h"

#include <string.h>

#include "fuzz.h"
#include "proto/proxy.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	struct proxy_peer whole, part;
	size_t used, n;
	enum proxy_status end = proxy_read(p, size, &whole, &used);

	MUST(used <= size && used <= PROXY_MAX);
	MUST(end != PROXY_MORE || size < PROXY_MAX);
	if (end == PROXY_OK)
		MUST(used > 0 && (!whole.local || whole.port == 0));
	/* With less of it nothing else comes out: it is asked for more, until
	 * it is clear what it is. */
	for (size_t i = 0; i < size && i < 300; i++) {
		enum proxy_status s = proxy_read(p, i, &part, &n);

		if (s == PROXY_MORE)
			continue;
		MUST(s == end);
		if (s == PROXY_OK)
			MUST(n == used &&
			    memcmp(&part, &whole, sizeof(part)) == 0);
		break;
	}
	return 0;
}
