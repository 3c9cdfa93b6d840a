#ifndef TRACKUP_BASE_DEVID_H
#define TRACKUP_BASE_DEVID_H
/*
 * devid: the unique id of a tracker (SPEC 2.1; protocol.md 2).
 *
 * Pure. 14 to 16 of 0-9A-Fa-f, stored upper case. The key is what identifies:
 * the value of the digits, an IMEI of 15 decimal digits without its check
 * digit, so that 15 digits and their first 14 are one device (the check digit
 * is not verified, SPEC's own example fails it). Ids that differ only in
 * leading zeros share a key; a 16-digit form with one leading 0 is the IMEI
 * padded, as the binary families send it.
 */
#include <stdint.h>
#include "base/span.h"

#define DEVID_MAX 16

struct devid {
	uint64_t key; /* never 0 */
	char text[DEVID_MAX + 1]; /* as the unit sends it, upper case */
};

/* 0, or -1: length, a foreign character, or all zeros. Blanks around the id
 * are the caller's to trim. */
MUST_CHECK int devid_parse(struct span s, struct devid *ret);
/* True when devid_parse() would surely make id of s: the same letters. False
 * tells nothing, and is the answer where id has key 0. */
bool devid_reads(const struct devid *id, struct span s);
/* What a spreadsheet made of an id ("8.67E+14", a trailing ".0", 15 digits
 * that end in 00000 are not judged): true when s looks like that. */
bool devid_is_damaged(struct span s);

#endif
