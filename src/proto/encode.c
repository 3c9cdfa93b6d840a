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
	const char *head;
	size_t count;
	field_ok *fields[FIELDS_MAX];
} layouts[] = {
	{"AT+GTUPD=", 13, {field_password, field_zero, field_retry,
	    field_timeout, field_zero, field_credential, field_credential,
	    field_url, field_empty, field_update_type, field_empty,
	    field_empty, field_serial}},
	{"AT+GTUPD=", 7, {field_password, field_one, field_empty, field_empty,
	    field_empty, field_empty, field_serial}},
	{"AT+GTRTO=", 8, {field_password, field_eight, field_empty,
	    field_empty, field_empty, field_empty, field_empty,
	    field_serial}},
	{"+SACK:GTHBD,", 2, {field_protover, field_count}},
	{"+SACK:", 1, {field_count}},
};

static bool
layout_fits(const struct layout *l, struct span s)
{
	size_t n = strlen(l->head);
	struct span f;

	if (!span_starts(s, l->head))
		return false;
	s = span_of(s.p + n, s.n - n);
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

/* A tracker's bytes go through "%.*s", which would end at a NUL and so send
 * something else than was asked for. */
static bool
echo_ok(struct span s)
{
	return s.n <= COMMAND_MAX && field_is_plain(s);
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
	if (!echo_ok(protover) || !echo_ok(count))
		return frame_refuse(buf, size);
	return frame_put(buf, size, "+SACK:GTHBD,%.*s,%.*s$",
	    (int)protover.n, protover.n == 0 ? "" : protover.p,
	    (int)count.n, count.n == 0 ? "" : count.p);
}

int
encode_sack(char *buf, size_t size, struct span count)
{
	if (!echo_ok(count))
		return frame_refuse(buf, size);
	return frame_put(buf, size, "+SACK:%.*s$", (int)count.n,
	    count.n == 0 ? "" : count.p);
}
