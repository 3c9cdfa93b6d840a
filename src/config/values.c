#include "config.h"
#include "config/values.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/cidr.h"
#include "base/devid.h"
#include "base/text.h"
#include "base/units.h"
#include "base/wtime.h"
#include "config/daemon_conf.h"

#define URL_SCHEME "http://"
#define SHA256_HEX 64

/* --- numbers ---------------------------------------------------------------*/

static int
parse_bool(struct span s, int64_t *ret)
{
	if (!span_is(s, "true") && !span_is(s, "false"))
		return -1;
	*ret = span_is(s, "true");
	return 0;
}

static int
parse_int(struct span s, int64_t *ret)
{
	uint64_t v;

	/* Nobody can tell whether 010 means ten or eight. */
	if ((s.n > 1 && s.p[0] == '0') || span_dec(s, INT64_MAX, &v) < 0)
		return -1;
	*ret = (int64_t)v;
	return 0;
}

static int
parse_size(struct span s, int64_t *ret)
{
	uint64_t v;

	if (units_size(s, &v) < 0 || v > INT64_MAX)
		return -1;
	*ret = (int64_t)v;
	return 0;
}

static char *
print_bool(int64_t v, char *buf)
{
	(void)snprintf(buf, UNITS_TEXT, "%s", v != 0 ? "true" : "false");
	return buf;
}

static char *
print_int(int64_t v, char *buf)
{
	(void)snprintf(buf, UNITS_TEXT, "%" PRId64, v);
	return buf;
}

static char *
print_size(int64_t v, char *buf)
{
	return units_size_text((uint64_t)v, buf);
}

/* --- texts -----------------------------------------------------------------*/

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *
check_shown(struct span s, bool lines)
{
	while (s.n > 0) {
		uint32_t c;
		size_t len = text_utf8(s.p, s.n, &c);

		if (len == 0)
			return "is not UTF-8 text";
		if (!text_shows(c) && !(lines && (c == '\n' || c == '\t')))
			return c == '\n' ? "has more than one line" :
			    "has a control character";
		s.p += len;
		s.n -= len;
	}
	return NULL;
}

static const char *
check_text(struct span s)
{
	return check_shown(s, true);
}

static const char *
check_string(struct span s)
{
	return check_shown(s, false);
}

static const char *
check_name(struct span s)
{
	/* They stand in the paths of the API. */
	if (span_is(s, ".") || span_is(s, ".."))
		return "is no name";
	for (size_t i = 0; i < s.n; i++)
		if (!is_digit(s.p[i]) && !(s.p[i] >= 'a' && s.p[i] <= 'z') &&
		    s.p[i] != '-' && s.p[i] != '_' && s.p[i] != '.')
			return "has a character that is not allowed in a name";
	return NULL;
}

static const char *
check_token(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e || s.p[i] == ',' ||
		    s.p[i] == '$')
			return "has a character that no message can carry";
	if (s.n != span_trim(s).n)
		return "begins or ends with a blank";
	return NULL;
}

static const char *
check_device(struct span s)
{
	struct devid id;

	if (devid_parse(s, &id) == 0)
		return NULL;
	if (devid_is_damaged(s))
		return "was damaged by a spreadsheet (make the column text, "
		       "then export again)";
	return "is not an id";
}

/* Everything that stands in a command (protocol.md 1). */
static const char *
check_command_bytes(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == ' ')
			return "has a blank";
		if (s.p[i] == ',' || s.p[i] == '$')
			return "has a comma or $, which end a field of a "
			       "command";
		if (s.p[i] < 0x21 || s.p[i] > 0x7e)
			return "has a control or non-ASCII character";
	}
	return NULL;
}

static const char *
check_url(struct span s)
{
	const char *why = check_command_bytes(s);

	if (why != NULL)
		return why;
	if (span_starts(s, "https://"))
		return "is https, which these trackers do not speak";
	if (!span_starts(s, URL_SCHEME))
		return "does not begin with http://";
	/* As command_url_ok() has it. */
	if (s.n == sizeof(URL_SCHEME) - 1 ||
	    (!is_alnum(s.p[sizeof(URL_SCHEME) - 1]) &&
	    s.p[sizeof(URL_SCHEME) - 1] != '['))
		return "names no host";
	return NULL;
}

static const char *
check_base_url(struct span s)
{
	const char *why = check_url(s);

	if (why != NULL)
		return why;
	if (memchr(s.p, '?', s.n) != NULL || memchr(s.p, '#', s.n) != NULL)
		return "has a ? or #, behind which no file name can stand";
	return NULL;
}

static const char *
check_password(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_alnum(s.p[i]))
			return "has a character other than letters and digits";
	return NULL;
}

static const char *
check_digest(struct span s)
{
	if (s.n == 0)
		return NULL;
	for (size_t i = 0; i < s.n; i++)
		if (!is_digit(s.p[i]) && !(s.p[i] >= 'a' && s.p[i] <= 'f') &&
		    !(s.p[i] >= 'A' && s.p[i] <= 'F'))
			return "has a character other than hex digits";
	return s.n == SHA256_HEX ? NULL : "has not 64 hex digits";
}

static const char *
check_clock(struct span s)
{
	struct span hour;
	uint64_t h, m;

	if (s.n != 5 || !span_field(&s, ':', &hour) || s.p == NULL ||
	    hour.n != 2 || span_dec(hour, 23, &h) < 0 ||
	    span_dec(s, 59, &m) < 0)
		return "is not a time of day";
	return NULL;
}

static const char *
check_time(struct span s)
{
	int64_t wall_ms;

	return s.n == 0 || wtime_parse(s, &wall_ms) == 0 ? NULL :
	    "is not a time with date and zone";
}

/* --- addresses -------------------------------------------------------------*/

/* host:port or [host]:port; the host without its brackets. */
static int
split_port(struct span s, struct span *ret_host, bool *ret_bracket,
    uint64_t *ret_port)
{
	struct span host = s, port;

	if (!span_field_last(&host, ':', &port) || host.p == NULL ||
	    (port.n > 1 && port.p[0] == '0') ||
	    span_dec(port, UINT16_MAX, ret_port) < 0)
		return -1;
	*ret_bracket = host.n >= 2 && host.p[0] == '[' &&
	    host.p[host.n - 1] == ']';
	if (*ret_bracket)
		host = span_of(host.p + 1, host.n - 2);
	*ret_host = host;
	return host.n > 0 ? 0 : -1;
}

int
value_address(struct span s, struct conf_address *ret)
{
	struct conf_address a = {.port = 0};
	struct in6_addr any;
	struct span host;
	uint64_t port;
	bool bracket;
	int family;

	if (split_port(s, &host, &bracket, &port) < 0 ||
	    !span_copy(a.host, sizeof(a.host), host))
		return -1;
	family = bracket ? AF_INET6 : AF_INET;
	/* In one form, so that texts can be compared: [::] is [0::0]. */
	if (inet_pton(family, a.host, &any) != 1 ||
	    inet_ntop(family, &any, a.host, sizeof(a.host)) == NULL)
		return -1;
	a.port = (uint16_t)port;
	(void)snprintf(a.text, sizeof(a.text), "%s%s%s:%u",
	    bracket ? "[" : "", a.host, bracket ? "]" : "", a.port);
	*ret = a;
	return 0;
}

static const char *
check_address(struct span s)
{
	struct conf_address a;

	return value_address(s, &a) == 0 ? NULL : "is not an address to "
						  "listen on";
}

static const char *
check_hostport(struct span s)
{
	static const char *const why = "is not host:port";
	struct conf_address a;
	struct span host;
	uint64_t port;
	bool bracket;

	if (s.n == 0)
		return NULL;
	if (split_port(s, &host, &bracket, &port) < 0 || port == 0)
		return why;
	if (bracket)
		return value_address(s, &a) == 0 ? NULL : why;
	for (size_t i = 0; i < host.n; i++)
		if (!is_alnum(host.p[i]) && host.p[i] != '.' &&
		    host.p[i] != '-')
			return why;
	return NULL;
}

int
value_cidr(struct span s, struct cidr *ret)
{
	unsigned char raw[16];
	struct span address = s, bits;
	char text[INET6_ADDRSTRLEN];
	uint64_t n;
	int family;

	if (!span_field_last(&address, '/', &bits) || address.p == NULL ||
	    !span_copy(text, sizeof(text), address))
		return -1;
	family = memchr(text, ':', address.n) != NULL ? AF_INET6 : AF_INET;
	if (inet_pton(family, text, raw) != 1 ||
	    span_dec(bits, family == AF_INET6 ? 128 : 32, &n) < 0)
		return -1;
	cidr_address(ret->addr, raw, family == AF_INET6);
	ret->bits = (uint8_t)(family == AF_INET6 ? n : n + 96);
	return 0;
}

static const char *
check_cidr(struct span s)
{
	struct cidr any;

	return value_cidr(s, &any) == 0 ? NULL : "is not a network";
}

/* --- one row a type --------------------------------------------------------*/

struct value_row {
	const char *what;
	int (*parse)(struct span s, int64_t *ret);
	char *(*print)(int64_t v, char *buf);
	const char *(*check)(struct span s);
};

/* clang-format off */
static const struct value_row rows[VALUE_TYPE_COUNT_] = {
	[VALUE_BOOL] = {"true or false",
		parse_bool, print_bool, NULL},
	[VALUE_INT] = {"a whole number in decimal digits",
		parse_int, print_int, NULL},
	[VALUE_DURATION] = {"a duration such as 90s, 15m, 12h or 7d",
		units_duration, units_duration_text, NULL},
	[VALUE_RATE] = {"a rate such as 10/s, 30/min or 5/h",
		units_rate, units_rate_text, NULL},
	[VALUE_SIZE] = {"a size such as 4096, 256KiB or 10MiB",
		parse_size, print_size, NULL},
	[VALUE_PERCENT] = {"a percentage such as 97% or 0.5%",
		units_percent, units_percent_text, NULL},
	[VALUE_WORD] = {"one of the words", NULL, NULL, NULL},
	[VALUE_NODE] = {"a map", NULL, NULL, NULL},
	[VALUE_TEXT] = {"text", NULL, NULL, check_text},
	[VALUE_STRING] = {"one line of text",
		NULL, NULL, check_string},
	[VALUE_NAME] = {"a-z, 0-9, '-', '_' and '.'",
		NULL, NULL, check_name},
	[VALUE_TOKEN] = {"printable ASCII without ',' and '$'",
		NULL, NULL, check_token},
	[VALUE_DEVICE] = {"14 to 16 of 0-9 and A-F",
		NULL, NULL, check_device},
	[VALUE_ADDRESS] = {"a numeric address with port, such as \"0.0.0.0:9620\" or "
		"\"[::]:9620\"",
		NULL, NULL, check_address},
	[VALUE_HOSTPORT] = {"\"host:port\"", NULL, NULL, check_hostport},
	[VALUE_CIDR] = {"a network such as 10.0.0.0/8 or 2001:db8::/32",
		NULL, NULL, check_cidr},
	[VALUE_CLOCK] = {"\"00:00\" to \"23:59\"",
		NULL, NULL, check_clock},
	[VALUE_TIME] = {"RFC 3339, such as 2027-01-31T04:00:00Z",
		NULL, NULL, check_time},
	[VALUE_URL] = {"http:// in printable ASCII without ',' and '$'",
		NULL, NULL, check_url},
	[VALUE_BASE_URL] = {"http:// in printable ASCII without ',' and '$'",
		NULL, NULL, check_base_url},
	[VALUE_PASSWORD] = {"letters and digits",
		NULL, NULL, check_password},
	[VALUE_CREDENTIAL] = {"printable ASCII without blank, ',' and '$'",
		NULL, NULL, check_command_bytes},
	[VALUE_DIGEST] = {"64 hex digits",
		NULL, NULL, check_digest},
};
/* clang-format on */

const char *
value_what(enum value_type t)
{
	return rows[t].what;
}

int
value_parse(enum value_type t, struct span s, int64_t *ret)
{
	assert(rows[t].parse != NULL);
	return rows[t].parse(s, ret);
}

char *
value_text(enum value_type t, int64_t value, char *buf)
{
	assert(rows[t].print != NULL);
	return rows[t].print(value, buf);
}

const char *
value_check(enum value_type t, struct span s)
{
	assert(rows[t].check != NULL);
	return rows[t].check(s);
}
