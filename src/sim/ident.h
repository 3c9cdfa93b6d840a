#ifndef TRACKUP_SIM_IDENT_H
#define TRACKUP_SIM_IDENT_H
/*
 * ident: the unique ids of a simulated fleet.
 *
 * Pure. Tracker number n has the first id counted up by n: an IMEI (15 decimal
 * digits) counts in its first 14 and carries its check digit, 14 decimal
 * digits count in decimal, 14 digits with a letter among them (an MEID) count
 * in hexadecimal.
 */
#include <stdbool.h>
#include <stdint.h>
#include "base/errtext.h"
#include "base/span.h"

#define IDENT_MAX 16 /* with the NUL */

enum ident_form { IDENT_IMEI, IDENT_DECIMAL, IDENT_HEX };

struct ident_range {
	enum ident_form form;
	uint64_t first; /* the value of the 14 digits that count */
	uint64_t count;
	bool corrected; /* the check digit given is not the right one */
};

/* -1 with a text: no id, or the count runs over the digits. */
MUST_CHECK int ident_range_parse(struct span first, uint64_t count,
    struct ident_range *ret, struct errtext *err);
/* n < r->count. */
void ident_make(const struct ident_range *r, uint64_t n, char buf[IDENT_MAX]);
/* The check digit (Luhn) of the decimal digits given, as '0'..'9'. */
char ident_check_digit(const char *digits, size_t n);

#endif
