#include "config.h"
#include "wiregram.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"

#define FIELDS 16
#define TEXT 512

/* A frame, cut at its commas; the '$' is gone. */
struct cut {
	char text[TEXT];
	char *field[FIELDS];
	size_t n;
};

static bool
cut(const char *s, struct cut *c)
{
	size_t len = strlen(s);

	if (len < 2 || len >= TEXT || s[len - 1] != '$' ||
	    strchr(s, '$') != s + len - 1)
		return false;
	for (size_t i = 0; i < len; i++)
		if (s[i] < 0x20 || s[i] > 0x7e)
			return false;
	memcpy(c->text, s, len - 1);
	c->text[len - 1] = '\0';
	c->n = 0;
	for (char *p = c->text; p != NULL && c->n < FIELDS;) {
		c->field[c->n++] = p;
		if ((p = strchr(p, ',')) != NULL)
			*p++ = '\0';
	}
	return true;
}

static bool
hex4(const char *s, bool capital, uint16_t *ret)
{
	char *end;

	if (strlen(s) != 4)
		return false;
	for (size_t i = 0; i < 4; i++)
		if (!isxdigit((unsigned char)s[i]) ||
		    (capital && islower((unsigned char)s[i])))
			return false;
	*ret = (uint16_t)strtoul(s, &end, 16);
	return true;
}

static bool
empty(const struct cut *c, size_t from, size_t to)
{
	for (size_t i = from; i <= to; i++)
		if (c->field[i][0] != '\0')
			return false;
	return true;
}

static bool
one_of(const char *s, const char *const *v)
{
	for (; *v != NULL; v++)
		if (strcmp(s, *v) == 0)
			return true;
	return false;
}

/* SPEC 2.1.1: 13 fields. */
static bool
start_is_good(const struct cut *c, struct gram_out *ret)
{
	static const char *const retry[] = {"0", "1", "2", "3", NULL};
	static const char *const type[] = {"1", "2", NULL};
	const char *minutes = c->field[3], *url = c->field[7];

	if (c->n != 13 || !one_of(c->field[2], retry) ||
	    strlen(minutes) != 2 || !isdigit((unsigned char)minutes[0]) ||
	    !isdigit((unsigned char)minutes[1]) ||
	    atol(minutes) < 5 || atol(minutes) > 30 ||
	    strcmp(c->field[4], "0") != 0 || strlen(c->field[5]) > 6 ||
	    strlen(c->field[6]) > 6 || !one_of(c->field[9], type) ||
	    !empty(c, 8, 8) || !empty(c, 10, 11))
		return false;
	if (strncmp(url, "http://", 7) != 0 || strlen(url) > 100 ||
	    strlen(url) < 9 || strchr(url, ' ') != NULL)
		return false;
	(void)snprintf(ret->url, sizeof(ret->url), "%s", url);
	ret->kind = GRAM_START;
	return true;
}

bool
gram_out(const char *frame, const char *password, struct gram_out *ret)
{
	struct cut c;
	bool update;

	ret->url[0] = '\0';
	if (!cut(frame, &c))
		return false;
	update = strncmp(c.field[0], "AT+GTUPD=", 9) == 0;
	if (!update && strncmp(c.field[0], "AT+GTRTO=", 9) != 0)
		return false;
	if (strcmp(c.field[0] + 9, password) != 0 || c.n < 2 ||
	    !hex4(c.field[c.n - 1], true, &ret->serial))
		return false;
	if (!update) {
		ret->kind = GRAM_READ;
		return c.n == 8 && strcmp(c.field[1], "8") == 0 &&
		    empty(&c, 2, 6);
	}
	if (strcmp(c.field[1], "0") == 0)
		return start_is_good(&c, ret);
	ret->kind = GRAM_STOP;
	return strcmp(c.field[1], "1") == 0 && c.n == 7 && empty(&c, 2, 5);
}

bool
gram_ack(const char *frame)
{
	struct cut c;
	uint16_t count;

	if (!cut(frame, &c) || strncmp(c.field[0], "+SACK:", 6) != 0)
		return false;
	if (c.n == 1)
		return hex4(c.field[0] + 6, false, &count);
	return c.n == 3 && strcmp(c.field[0], "+SACK:GTHBD") == 0 &&
	    hex4(c.field[2], false, &count);
}

static uint64_t
text_hash(uint64_t h, const char *s)
{
	for (; *s != '\0'; s++)
		h = prng_mix(h, (unsigned char)*s);
	return prng_mix(h, 0x100);
}

bool
gram_in(const char *frame, struct gram_in *ret)
{
	struct cut c;
	const char *head;

	*ret = (struct gram_in){.kind = GRAM_OTHER, .code = -1, .times = -1};
	if (!cut(frame, &c) || c.n < 5 ||
	    !hex4(c.field[c.n - 1], false, &ret->count))
		return false;
	head = c.field[0];
	if (strlen(head) < 9)
		return false;
	ret->buffered = strncmp(head, "+BUFF:", 6) == 0;
	ret->hash = text_hash(text_hash(0, c.field[c.n - 1]),
	    c.field[c.n - 2]);
	if (strcmp(head, "+ACK:GTUPD") == 0 ||
	    strcmp(head, "+ACK:GTRTO") == 0) {
		ret->kind = head[7] == 'U' ? GRAM_ACK_GTUPD : GRAM_ACK_GTRTO;
		ret->hash = text_hash(ret->hash, head);
		ret->hash = text_hash(ret->hash, c.field[c.n - 3]);
		return hex4(c.field[c.n - 3], false, &ret->serial);
	}
	if (strcmp(head + 6, "GTUPD") == 0) {
		ret->kind = GRAM_CODE;
		ret->code = (int)strtol(c.field[c.n - 4], NULL, 10);
		if (c.field[c.n - 3][0] != '\0')
			ret->times = (int)strtol(c.field[c.n - 3], NULL, 10);
		ret->hash = text_hash(ret->hash, c.field[c.n - 4]);
		ret->hash = text_hash(ret->hash, c.field[c.n - 3]);
		return true;
	}
	if (strcmp(head + 6, "GTVER") == 0 && c.n >= 9) {
		ret->kind = GRAM_GTVER;
		ret->hash = text_hash(ret->hash, "GTVER");
		(void)snprintf(ret->version, sizeof(ret->version), "%s",
		    c.field[c.n - 4]);
		return true;
	}
	return false;
}
