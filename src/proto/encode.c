#include "config.h"

#include "proto/encode.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* --- the grammar: shares nothing with the encoders below ------------------- */

static bool
char_is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z');
}

/* What may stand inside a field: printable ASCII, no blank, no mark. */
static bool
char_is_plain(char c)
{
	return c > 0x20 && c < 0x7f && c != ',' && c != '$';
}

static bool
field_is_plain(struct span f)
{
	for (size_t i = 0; i < f.n; i++)
		if (!char_is_plain(f.p[i]))
			return false;
	return true;
}

static bool
field_empty(struct span f)
{
	return f.n == 0;
}

static bool
field_zero(struct span f)
{
	return span_is(f, "0");
}

static bool
field_one(struct span f)
{
	return span_is(f, "1");
}

static bool
field_eight(struct span f)
{
	return span_is(f, "8");
}

static bool
field_password(struct span f)
{
	if (f.n < PASSWORD_MIN || f.n > PASSWORD_MAX)
		return false;
	for (size_t i = 0; i < f.n; i++)
		if (!char_is_alnum(f.p[i]))
			return false;
	return true;
}

static bool
field_retry(struct span f)
{
	return f.n == 1 && f.p[0] >= '0' && f.p[0] <= '3';
}

static bool
field_timeout(struct span f)
{
	uint64_t v;

	return f.n == 2 && span_dec(f, 30, &v) == 0 && v >= 5;
}

static bool
field_credential(struct span f)
{
	return f.n <= CREDENTIAL_MAX && field_is_plain(f);
}

static bool
field_url(struct span f)
{
	static const char scheme[] = "http://";
	size_t n = sizeof(scheme) - 1;

	/* A host begins with a letter or digit, an IPv6 address with '['. */
	return f.n > n && f.n <= URL_MAX && span_starts(f, scheme) &&
	    (char_is_alnum(f.p[n]) || f.p[n] == '[') && field_is_plain(f);
}

static bool
field_update_type(struct span f)
{
	return span_is(f, "1") || span_is(f, "2");
}

/* Ours: four digits, capitals. */
static bool
field_serial(struct span f)
{
	for (size_t i = 0; i < f.n; i++)
		if (!(f.p[i] >= '0' && f.p[i] <= '9') &&
		    !(f.p[i] >= 'A' && f.p[i] <= 'F'))
			return false;
	return f.n == 4;
}

/* Theirs: echoed as it came. */
static bool
field_count(struct span f)
{
	uint64_t v;

	return f.n == 4 && span_hex(f, UINT16_MAX, &v) == 0;
}

static bool
field_protover(struct span f)
{
	return f.n <= PROTOVER_ECHO_MAX && field_is_plain(f);
}

typedef bool field_ok(struct span f);

#define FIELDS_MAX 13
static const struct layout {
	struct span head;
	size_t count;
	field_ok *fields[FIELDS_MAX];
} layouts[] = {
	{SPAN_LIT("AT+GTUPD="), 13, {field_password, field_zero, field_retry,
	    field_timeout, field_zero, field_credential, field_credential,
	    field_url, field_empty, field_update_type, field_empty,
	    field_empty, field_serial}},
	{SPAN_LIT("AT+GTUPD="), 7, {field_password, field_one, field_empty, field_empty,
	    field_empty, field_empty, field_serial}},
	{SPAN_LIT("AT+GTRTO="), 8, {field_password, field_eight, field_empty,
	    field_empty, field_empty, field_empty, field_empty,
	    field_serial}},
	{SPAN_LIT("+SACK:GTHBD,"), 2, {field_protover, field_count}},
	{SPAN_LIT("+SACK:"), 1, {field_count}},
};

static bool
layout_fits(const struct layout *l, struct span s)
{
	struct span f;

	/* Most of what is checked is an acknowledgement: its first letter
	 * tells it from all commands. */
	if (s.n < l->head.n || s.p[0] != l->head.p[0] ||
	    memcmp(s.p, l->head.p, l->head.n) != 0)
		return false;
	s = span_of(s.p + l->head.n, s.n - l->head.n);
	for (size_t i = 0; i < l->count; i++)
		if (!span_field(&s, ',', &f) || !l->fields[i](f))
			return false;
	return s.p == NULL;
}

int
command_check(struct span frame)
{
	if (frame.n == 0 || frame.n > COMMAND_MAX ||
	    frame.p[frame.n - 1] != '$')
		return -1;
	frame.n--;
	for (size_t i = 0; i < ARRAY_LEN(layouts); i++)
		if (layout_fits(&layouts[i], frame))
			return 0;
	return -1;
}

bool
command_password_ok(const char *s)
{
	return field_password(span_str(s));
}

bool
command_credential_ok(const char *s)
{
	return field_credential(span_str(s));
}

bool
command_url_ok(const char *s)
{
	return field_url(span_str(s));
}

/* --- the encoders ---------------------------------------------------------- */

static int
frame_refuse(char *buf, size_t size)
{
	if (size > 0)
		buf[0] = '\0';
	return -1;
}

static int frame_put(char *buf, size_t size, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* Nothing leaves that the grammar does not know, and no part of it. */
static int
frame_put(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= size ||
	    command_check(span_of(buf, (size_t)n)) < 0)
		return frame_refuse(buf, size);
	return n;
}

/* The same for what is sent for each frame that comes in: formatting would
 * cost more than all else that is done for it. */
static int
parts_put(char *buf, size_t size, const struct span *part, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (part[i].n == 0)
			continue;
		if (size - n <= part[i].n)
			return frame_refuse(buf, size);
		memcpy(buf + n, part[i].p, part[i].n);
		n += part[i].n;
	}
	if (command_check(span_of(buf, n)) < 0)
		return frame_refuse(buf, size);
	buf[n] = '\0';
	return (int)n;
}

int
encode_start(char *buf, size_t size, const struct start_command *cmd)
{
	return frame_put(buf, size,
	    "AT+GTUPD=%s,0,%d,%02d,0,%s,%s,%s,,%d,,,%04" PRIX16 "$",
	    cmd->password, cmd->max_retry, cmd->timeout_min, cmd->user,
	    cmd->secret, cmd->url, (int)cmd->type, cmd->serial);
}

int
encode_stop(char *buf, size_t size, const char *password, uint16_t serial)
{
	return frame_put(buf, size, "AT+GTUPD=%s,1,,,,,%04" PRIX16 "$",
	    password, serial);
}

int
encode_read_version(char *buf, size_t size, const char *password,
    uint16_t serial)
{
	return frame_put(buf, size, "AT+GTRTO=%s,8,,,,,,%04" PRIX16 "$",
	    password, serial);
}

int
encode_sack_heartbeat(char *buf, size_t size, struct span protover,
    struct span count)
{
	const struct span part[] = {SPAN_LIT("+SACK:GTHBD,"), protover,
		SPAN_LIT(","), count, SPAN_LIT("$")};

	return parts_put(buf, size, part, ARRAY_LEN(part));
}

int
encode_sack(char *buf, size_t size, struct span count)
{
	const struct span part[] = {SPAN_LIT("+SACK:"), count, SPAN_LIT("$")};

	return parts_put(buf, size, part, ARRAY_LEN(part));
}
