#include "config.h"
#include "sim/ident.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define DIGITS 14
#define DECIMAL_END UINT64_C(100000000000000) /* 10^14 */
#define HEX_END (UINT64_C(1) << (4 * DIGITS))

char
ident_check_digit(const char *digits, size_t n)
{
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned d = (unsigned)(digits[i] - '0');

		/* The check digit will stand at the right end, so the digit
		 * before it is the first that counts double. */
		if ((n - i) % 2 == 1) {
			d *= 2;
			if (d > 9)
				d -= 9;
		}
		sum += d;
	}
	return (char)('0' + (10 - sum % 10) % 10);
}

int
ident_range_parse(struct span first, uint64_t count, struct ident_range *ret,
    struct errtext *err)
{
	struct ident_range r = {.count = count};
	struct span counting =
	    span_of(first.p, MIN_OF(first.n, (size_t)DIGITS));
	uint64_t end;

	if ((first.n == DIGITS || first.n == DIGITS + 1) &&
	    span_dec(counting, DECIMAL_END - 1, &r.first) == 0) {
		r.form = first.n == DIGITS ? IDENT_DECIMAL : IDENT_IMEI;
		end = DECIMAL_END;
	} else if (first.n == DIGITS &&
	    span_hex(counting, HEX_END - 1, &r.first) == 0) {
		r.form = IDENT_HEX;
		end = HEX_END;
	} else {
		goto bad;
	}
	if (r.form == IDENT_IMEI) {
		char last = first.p[DIGITS];

		if (last < '0' || last > '9')
			goto bad;
		r.corrected = last != ident_check_digit(first.p, DIGITS);
	}
	if (r.first == 0)
		return errtext_set(err, -1, "an id of zeros only is none");
	if (count > end - r.first)
		return errtext_set(err, -1, "%.*s counted up %" PRIu64
		    " times runs over its %d digits", (int)first.n, first.p,
		    count, DIGITS);
	*ret = r;
	return 0;
bad:
	return errtext_set(err, -1, "an id has 15 decimal digits (IMEI) or 14 "
	    "hexadecimal ones (MEID)");
}

void
ident_make(const struct ident_range *r, uint64_t n, char buf[IDENT_MAX])
{
	uint64_t value = r->first + n;

	assert(n < r->count);
	if (r->form == IDENT_HEX) {
		(void)snprintf(buf, IDENT_MAX, "%014" PRIX64, value % HEX_END);
		return;
	}
	(void)snprintf(buf, IDENT_MAX, "%014" PRIu64, value % DECIMAL_END);
	if (r->form == IDENT_IMEI) {
		buf[DIGITS] = ident_check_digit(buf, DIGITS);
		buf[DIGITS + 1] = '\0';
	}
}
