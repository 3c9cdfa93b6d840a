#include "config.h"

#include "proto/template.h"

#include <stdio.h>

#define HEAD "AT+GTUPD="
#define TAIL ",{serial}$"

enum hole {
	HOLE_PASSWORD, HOLE_RETRY, HOLE_TIMEOUT, HOLE_USER, HOLE_SECRET,
	HOLE_URL, HOLE_TYPE, HOLE_SERIAL, HOLE_COUNT
};

static const struct {
	const char *name;
	size_t longest;
} holes[HOLE_COUNT] = {
	[HOLE_PASSWORD] = {"{password}", PASSWORD_MAX},
	[HOLE_RETRY] = {"{retry}", 1},
	[HOLE_TIMEOUT] = {"{timeout}", 2},
	[HOLE_USER] = {"{user}", CREDENTIAL_MAX},
	[HOLE_SECRET] = {"{secret}", CREDENTIAL_MAX},
	[HOLE_URL] = {"{url}", URL_MAX},
	[HOLE_TYPE] = {"{type}", 3},
	[HOLE_SERIAL] = {"{serial}", 4},
};

/* Which one stands at the begin of s, or HOLE_COUNT. */
static int
hole_at(struct span s)
{
	int i = 0;

	while (i < HOLE_COUNT && !span_starts(s, holes[i].name))
		i++;
	return i;
}

static const char *
byte_problem(char c)
{
	if (c == ' ')
		return "has a blank";
	if (c < 0x21 || c > 0x7e)
		return "has a control or non-ASCII character";
	if (c == '$')
		return "has a $ before its end, which would end the command";
	if (c == '{' || c == '}')
		return "has a brace that names none of {password} {retry} "
		       "{timeout} {user} {secret} {url} {type} {serial}";
	return NULL;
}

static const char *
holes_problem(const unsigned *seen, bool stop)
{
	static const enum hole of_start[] = {HOLE_RETRY, HOLE_TIMEOUT,
	    HOLE_USER, HOLE_SECRET, HOLE_URL, HOLE_TYPE};

	for (size_t i = 0; i < HOLE_COUNT; i++)
		if (seen[i] > 1)
			return "names something twice";
	if (seen[HOLE_PASSWORD] == 0)
		return "does not name {password}";
	if (!stop && seen[HOLE_URL] == 0)
		return "does not name {url}";
	for (size_t i = 0; stop && i < ARRAY_LEN(of_start); i++)
		if (seen[of_start[i]] != 0)
			return "is a stop, which knows only {password} and "
			       "{serial}";
	return NULL;
}

const char *
template_check(struct span text, bool stop)
{
	static const struct span tail = SPAN_LIT(TAIL);
	unsigned seen[HOLE_COUNT] = {0};
	size_t longest = 1; /* the $ */
	const char *why;

	if (!span_starts(text, HEAD))
		return "does not begin with " HEAD;
	if (text.n < tail.n || !span_eq(tail,
	    span_of(text.p + text.n - tail.n, tail.n)))
		return "does not end with " TAIL;
	for (size_t i = 0; i < text.n - 1;) {
		int h = hole_at(span_of(text.p + i, text.n - i));

		if (h < HOLE_COUNT) {
			seen[h]++;
			longest += holes[h].longest;
			i += strlen(holes[h].name);
			continue;
		}
		if ((why = byte_problem(text.p[i++])) != NULL)
			return why;
		longest++;
	}
	if (longest > COMMAND_MAX)
		return "is longer than 256 characters at its longest";
	return holes_problem(seen, stop);
}

static int
refuse(char *buf, size_t size)
{
	if (size > 0)
		buf[0] = '\0';
	return -1;
}

static bool
values_good(const struct start_command *cmd, int type)
{
	return command_password_ok(cmd->password) &&
	    command_credential_ok(cmd->user) &&
	    command_credential_ok(cmd->secret) &&
	    (cmd->url == NULL || command_url_ok(cmd->url)) &&
	    cmd->max_retry >= 0 && cmd->max_retry <= 3 &&
	    cmd->timeout_min >= 0 && cmd->timeout_min <= 99 && type >= 0 &&
	    type <= TEMPLATE_TYPE_MAX;
}

static int
put(char *buf, size_t size, const char *text, const struct start_command *cmd,
    int type, bool shown)
{
	char retry[12], timeout[12], kind[12], serial[5];
	const char *const value[HOLE_COUNT] = {
	    shown ? "********" : cmd->password, retry, timeout, cmd->user,
	    shown && cmd->secret[0] != '\0' ? "******" : cmd->secret,
	    cmd->url == NULL ? "" : cmd->url, kind, serial};
	size_t n = 0;

	if (template_check(span_str(text), cmd->url == NULL) != NULL ||
	    !values_good(cmd, type))
		return refuse(buf, size);
	(void)snprintf(retry, sizeof(retry), "%d", cmd->max_retry);
	(void)snprintf(timeout, sizeof(timeout), "%02d", cmd->timeout_min);
	(void)snprintf(kind, sizeof(kind), "%d", type);
	(void)snprintf(serial, sizeof(serial), "%04X", cmd->serial);
	while (*text != '\0') {
		int h = hole_at(span_str(text));
		struct span part = h < HOLE_COUNT ? span_str(value[h])
						  : span_of(text, 1);

		if (size - n <= part.n)
			return refuse(buf, size);
		memcpy(buf + n, part.p, part.n);
		n += part.n;
		text += h < HOLE_COUNT ? strlen(holes[h].name) : 1;
	}
	buf[n] = '\0';
	return n > COMMAND_MAX ? refuse(buf, size) : (int)n;
}

int
template_fill(char *buf, size_t size, const char *text,
    const struct start_command *cmd, int type)
{
	return put(buf, size, text, cmd, type, false);
}

int
template_show(char *buf, size_t size, const char *text,
    const struct start_command *cmd, int type)
{
	return put(buf, size, text, cmd, type, true);
}
