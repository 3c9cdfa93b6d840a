#include "config.h"

#include "hextalk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS_MAX 32
#define ACK_OF_OTHERS 0x10 /* of no known command: nobody may rely on it */

struct words {
	char text[512];
	char *field[FIELDS_MAX];
	size_t n;
};

static bool
words_cut(struct words *w, const char *text)
{
	size_t len = strlen(text);
	char *rest = w->text;

	if (len == 0 || len >= sizeof(w->text) || text[len - 1] != '$')
		return false;
	(void)snprintf(w->text, sizeof(w->text), "%.*s", (int)len - 1, text);
	for (w->n = 0; rest != NULL && w->n < FIELDS_MAX; w->n++)
		w->field[w->n] = strsep(&rest, ",");
	return rest == NULL;
}

static bool
number(const char *s, size_t digits, int base, unsigned *ret)
{
	char *end;

	if (strlen(s) != digits || strchr("+- ", s[0]) != NULL)
		return false;
	*ret = (unsigned)strtoul(s, &end, base);
	return *end == '\0';
}

static bool
said_of(const struct words *w, const char *kind, size_t fields)
{
	return w->n == fields && strcmp(w->field[0], kind) == 0;
}

/* A binary unit does not say its name, only the code of its type. */
static bool
type_is(const char *name, unsigned code)
{
	return code == (strcmp(name, "GV620MG") == 0 ? 0xc2
	    : strcmp(name, "GV57MG") == 0 ? 0x6e : 0);
}

/* +KIND:GTXXX,<version>,<id>,<name>,…,<time>,<count>; a unit with a name
 * sends that in place of its id. */
bool
hextalk(const char *text, struct hexgram *ret)
{
	struct hexunit u = {.firmware = 0x0a03};
	const char *time;
	struct words w;
	unsigned count, v, hardware;
	bool b;

	if (!words_cut(&w, text) || w.n < 6 || strlen(w.field[1]) != 6 ||
	    strlen(w.field[2]) != 15 ||
	    strspn(w.field[2], "0123456789") != 15 ||
	    !number(w.field[1], 6, 16, &v) ||
	    !number(w.field[w.n - 1], 4, 16, &count))
		return false;
	u.id = w.field[2];
	u.name = w.field[3][0] == '\0' ? NULL : w.field[3];
	u.type = v >> 16;
	u.protover = v & 0xffff;
	time = w.field[w.n - 2];
	if (strlen(time) != 14)
		return false;
	b = strncmp(w.field[0], "+BUFF", 5) == 0;
	if (said_of(&w, "+ACK:GTUPD", 7) || said_of(&w, "+ACK:GTRTO", 7)) {
		if (!number(w.field[4], 4, 16, &v))
			return false;
		hexgram_ack(ret, &u, w.field[0][7] == 'U' ? 0x15 :
		    ACK_OF_OTHERS, v, time, count);
		return true;
	}
	if (said_of(&w, "+ACK:GTHBD", 6)) {
		hexgram_beat(ret, &u, time, count);
		return true;
	}
	if (said_of(&w, b ? "+BUFF:GTUPD" : "+RESP:GTUPD", 8)) {
		unsigned times = (unsigned)strtoul(w.field[5], NULL, 10);

		/* A code of no kind is nothing that the decoder believes. */
		if (!number(w.field[4], 3, 10, &v) || v < 100 || v > 399 ||
		    times > 255 || (times == 0 && w.field[5][0] != '\0'))
			return false;
		hexgram_upd(ret, &u, b, v, times, time, count);
		return true;
	}
	if (said_of(&w, b ? "+BUFF:GTVER" : "+RESP:GTVER", 9)) {
		if (!type_is(w.field[4], u.type) ||
		    !number(w.field[5], 4, 16, &u.firmware) ||
		    !number(w.field[6], 4, 16, &hardware))
			return false;
		hexgram_ver(ret, &u, b, hardware, time, count);
		return true;
	}
	if (strcmp(w.field[0], b ? "+BUFF:GTFRI" : "+RESP:GTFRI") == 0) {
		hexgram_report(ret, &u, b, 7, time, count);
		return true;
	}
	return false;
}
