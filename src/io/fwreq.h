#ifndef TRACKUP_IO_FWREQ_H
#define TRACKUP_IO_FWREQ_H
/*
 * fwreq: what a request for a firmware file asks for.
 *
 * Texts in, values out: no file, no socket. Strict where a lax reading could
 * reach another file; lax only where HTTP demands it (an odd Range is not an
 * error, the whole file is sent).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include "base/attr.h"

enum fw_path {
	FW_PATH_OK,
	FW_PATH_MALFORMED, /* bad escape, control byte, no path at all */
	FW_PATH_REFUSED,   /* "..", hidden, empty component, backslash … */
};

/* The path below root that a request target (origin or absolute form, query
 * ignored) names, decoded once, into buf. */
enum fw_path fw_path_decode(const char *target, char *buf, size_t size);

enum fw_range { FW_WHOLE, FW_PART, FW_UNSATISFIABLE };

/* header: of Range, or NULL. first and last are set for FW_PART, inclusive.
 * Several ranges, other units and what does not parse ask for the whole. */
enum fw_range fw_range_parse(const char *header, uint64_t size,
    uint64_t *ret_first, uint64_t *ret_last);

#define FW_AUTH_MAX 64 /* user and password, each */

struct fw_auth {
	bool needed;
	unsigned char digest[32]; /* of the expected credentials */
};

/* Empty texts: nothing is needed. -1: too long, or a ':' in user. */
MUST_CHECK int fw_auth_init(struct fw_auth *a, const char *user,
    const char *password);
/* header: of Authorization, or NULL. Takes the same time for every text of
 * one length. */
bool fw_auth_ok(const struct fw_auth *a, const char *header);

#define FW_DATE_TEXT 30
/* "Sun, 06 Nov 1994 08:49:37 GMT", whatever the locale. */
char *fw_date(time_t t, char buf[FW_DATE_TEXT]);

#endif
