#ifndef TRACKUP_CONFIG_VALUES_H
#define TRACKUP_CONFIG_VALUES_H
/*
 * values: the types that an option can have, one row each: how a text is read,
 * what is said about one that does not fit, how the value is written again.
 *
 * Pure. A value is a number in the type's own unit, or the text itself.
 */
#include <stddef.h>
#include <stdint.h>
#include "base/cidr.h"
#include "base/span.h"

struct conf_address;

enum value_type {
	VALUE_BOOL,
	VALUE_INT,
	VALUE_DURATION,   /* ms */
	VALUE_RATE,       /* an hour */
	VALUE_SIZE,       /* bytes */
	VALUE_PERCENT,    /* millionths */
	VALUE_WORD,       /* position in the option's words */
	VALUE_NODE,       /* a map or a list of maps: its loader knows */
	VALUE_TEXT,       /* may have several lines */
	VALUE_STRING,
	VALUE_NAME,       /* of a campaign or wave */
	VALUE_TOKEN,      /* a field of a message: version, model */
	VALUE_DEVICE,     /* id of a tracker */
	VALUE_ADDRESS,    /* to listen on */
	VALUE_HOSTPORT,   /* to connect to */
	VALUE_CIDR,
	VALUE_CLOCK,      /* 01:30 */
	VALUE_TIME,       /* RFC 3339 */
	VALUE_URL,        /* as a tracker is told it */
	VALUE_BASE_URL,
	VALUE_PASSWORD,   /* of the AT commands */
	VALUE_CREDENTIAL, /* of a download */
	VALUE_DIGEST,     /* SHA-256 in hex */
	VALUE_TYPE_COUNT_
};

/* From VALUE_NODE on there is no number. */
static inline bool
value_is_number(enum value_type t)
{
	return t < VALUE_NODE;
}

/* "a duration such as 90s, 15m, 12h or 7d". */
const char *value_what(enum value_type t);
/* Types with a number, without VALUE_WORD. 0, or -1 and *ret untouched. */
MUST_CHECK int value_parse(enum value_type t, struct span s, int64_t *ret);
/* The other way round; buf holds UNITS_TEXT bytes. Returns buf. */
char *value_text(enum value_type t, int64_t value, char *buf);
/* Types without one: NULL, or what is wrong with s: "has a blank". */
const char *value_check(enum value_type t, struct span s);

/* "10.0.0.0/8" or "2001:db8::/32". 0, or -1 and *ret undefined. */
MUST_CHECK int value_cidr(struct span s, struct cidr *ret);
/* "192.0.2.1:9620" or "[2001:db8::1]:9620". 0, or -1 and *ret untouched. */
MUST_CHECK int value_address(struct span s, struct conf_address *ret);

#endif
