#ifndef TRACKUP_SIM_URL_H
#define TRACKUP_SIM_URL_H
/*
 * url: the part of URLs that a tracker can fetch from.
 *
 * Pure. http://host[:port]/path only; a host is a name, an IPv4 address or an
 * IPv6 address in brackets. What does not parse is the incorrect URL of code
 * 102.
 */
#include <stdint.h>
#include "base/span.h"
#include "base/version.h"

#define URL_MAX 100 /* bytes, SPEC 2.1.1 */

struct url {
	char host[URL_MAX + 1]; /* without brackets */
	bool host_is_v6;
	uint16_t port;
	char path[URL_MAX + 1]; /* with the query, begins with / */
};

MUST_CHECK int url_parse(struct span text, struct url *ret);
/* The versions that the file's name ends in, as packages are commonly named:
 * gv620mg_0A03_0A05.enc gives 0A03 and 0A05, full_0A05.enc only the second.
 * Both "" when there is none. */
void url_versions(struct span text, char ret_from[VERSION_MAX + 1],
    char ret_to[VERSION_MAX + 1]);

#endif
