#include "config.h"
#include "script.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sbuf.h"

#define SAID "20150201020000" /* a tracker's clock, which orders nothing */

/* --- frames ----------------------------------------------------------------*/

static void
head(const struct dev *d, struct sbuf *b, const char *kind)
{
	sbuf_addf(b, "%s,%s,%s,,", kind, d->protover, d->id);
}

static void
tail(struct dev *d, struct sbuf *b)
{
	sbuf_addf(b, SAID ",%04X$", d->count++);
}

static const char *
serial_named(const struct dev *d, const char *name, const char *otherwise)
{
	if (*name == '\0')
		return otherwise;
	if (strcmp(name, "start") == 0)
		return d->start;
	if (strcmp(name, "stop") == 0)
		return d->stop;
	if (strcmp(name, "read") == 0)
		return d->read;
	return name;
}

static void
acked(struct dev *d, struct sbuf *b, const char *kind, const char *serial)
{
	if (strlen(serial) != 4)
		scn_fail("%s was sent no such command", d->name);
	head(d, b, kind);
	sbuf_addf(b, "%s,", serial);
	tail(d, b);
}

static void
version(struct dev *d, struct sbuf *b, const char *kind, const char *v)
{
	head(d, b, kind);
	sbuf_addf(b, "%s,%s,%s,", d->type, v, d->hardware);
	tail(d, b);
}

/* 200,1 → code and times */
static void
code(struct dev *d, struct sbuf *b, const char *kind, const char *text)
{
	size_t digits = strspn(text, "0123456789");

	if (digits != 3 || (text[3] != '\0' && text[3] != ','))
		scn_fail("%s: nothing a tracker says", text);
	head(d, b, kind);
	sbuf_addf(b, "%.3s,%s,", text, text[3] == ',' ? text + 4 : "");
	tail(d, b);
}

/* The last frame once more, byte for byte or as its late copy. */
static void
again(const struct dev *d, struct sbuf *b, bool buffered)
{
	if (strlen(d->last_frame) < 6)
		scn_fail("%s said nothing yet", d->name);
	sbuf_addf(b, "%s%s", buffered ? "+BUFF:" : "+RESP:",
	    strchr(d->last_frame, ':') + 1);
	if (!buffered) {
		sbuf_clear(b);
		sbuf_adds(b, d->last_frame);
	}
}

/* Frame text with {id}, {ver}, {count}, {start}, {stop}, {read}. */
static void
literal(struct dev *d, struct sbuf *b, const char *text)
{
	const struct {
		const char *name, *value;
	} holes[] = {{"{id}", d->id}, {"{ver}", d->protover},
	    {"{start}", d->start}, {"{stop}", d->stop}, {"{read}", d->read},
	    {"{last}", d->last_count}};

	while (*text != '\0') {
		size_t i;

		if (strncmp(text, "{count}", 7) == 0) {
			sbuf_addf(b, "%04X", d->count++);
			text += 7;
			continue;
		}
		for (i = 0; i < ARRAY_LEN(holes); i++) {
			size_t n = strlen(holes[i].name);

			if (strncmp(text, holes[i].name, n) == 0) {
				sbuf_adds(b, holes[i].value);
				text += n;
				break;
			}
		}
		if (i == ARRAY_LEN(holes))
			sbuf_add(b, text++, 1);
	}
}

static void
frame_of(struct dev *d, struct sbuf *b, char *what)
{
	const char *word = script_word(&what);
	const char *rest = what;

	if (strcmp(word, "report") == 0 || strcmp(word, "late") == 0) {
		head(d, b, word[0] == 'r' ? "+RESP:GTFRI" : "+BUFF:GTFRI");
		sbuf_adds(b, "0,0,1,1,4.3,92,70.0,121.354335,31.222073,");
		tail(d, b);
	} else if (strcmp(word, "heartbeat") == 0) {
		head(d, b, "+ACK:GTHBD");
		tail(d, b);
	} else if (strcmp(word, "power_on") == 0 ||
	    strcmp(word, "power_off") == 0) {
		head(d, b, word[7] == 'n' ? "+RESP:GTPNA" : "+RESP:GTPFA");
		tail(d, b);
	} else if (strcmp(word, "ack") == 0) {
		acked(d, b, "+ACK:GTUPD", serial_named(d, rest, d->start));
	} else if (strcmp(word, "nack") == 0) {
		acked(d, b, "+NACK:GTUPD", serial_named(d, rest, d->start));
	} else if (strcmp(word, "readack") == 0) {
		acked(d, b, "+ACK:GTRTO", serial_named(d, rest, d->read));
	} else if (strcmp(word, "version") == 0) {
		version(d, b, "+RESP:GTVER", rest);
	} else if (strcmp(word, "answer") == 0) {
		acked(d, b, "+ACK:GTRTO", d->read);
		version(d, b, "+RESP:GTVER", rest);
	} else if (strcmp(word, "again") == 0) {
		again(d, b, strcmp(rest, "buff") == 0);
	} else if (strcmp(word, "buff") == 0) {
		if (strncmp(rest, "version ", 8) == 0)
			version(d, b, "+BUFF:GTVER", rest + 8);
		else
			code(d, b, "+BUFF:GTUPD", rest);
	} else {
		code(d, b, "+RESP:GTUPD", word);
	}
}

void
say(struct world *w, struct dev *d, struct wconn *c, char *what)
{
	struct sbuf b;

	if (c == NULL)
		scn_fail("%s is not connected", d->name);
	sbuf_init(&b, 0);
	if (what[0] == '+') {
		literal(d, &b, what);
		world_recv(w, c, sbuf_str(&b));
	} else {
		char *save = NULL, *p;

		for (p = strtok_r(what, ";", &save); p != NULL;
		     p = strtok_r(NULL, ";", &save)) {
			while (*p == ' ')
				p++;
			sbuf_clear(&b);
			frame_of(d, &b, p);
			world_recv(w, c, sbuf_str(&b));
		}
	}
	sbuf_done(&b);
}

/* --- what was said to them -------------------------------------------------*/

bool
say_take(struct dev *d, struct sent *ret)
{
	if (d->sent_count == 0)
		return false;
	*ret = d->sent[0];
	d->sent_count--;
	memmove(d->sent, d->sent + 1, d->sent_count * sizeof(d->sent[0]));
	return true;
}

bool
say_matches(const struct dev *d, const char *frame, const char *pattern)
{
	(void)d;
	if (strcmp(pattern, "start") == 0)
		pattern = "AT+GTUPD=*,0,*,http://*$";
	else if (strcmp(pattern, "stop") == 0)
		pattern = "AT+GTUPD=*,1,,,,,????$";
	else if (strcmp(pattern, "read") == 0)
		pattern = "AT+GTRTO=*,8,,,,,,????$";
	return fnmatch(pattern, frame, 0) == 0;
}

/* --- an honest update, as far as a scenario wants it -----------------------*/

enum stage {
	STAGE_AWAY, STAGE_ONLINE, STAGE_SENDING, STAGE_ACKED, STAGE_CONFIRMED,
	STAGE_DOWNLOADING, STAGE_DOWNLOADED, STAGE_UPDATING, STAGE_CLAIMED
};

static const char *const stage_names[] = {"away", "online", "sending",
    "acked", "confirmed", "downloading", "downloaded", "updating", "claimed"};

static void
must_send(struct world *w, struct dev *d, const char *pattern)
{
	struct sent s;

	(void)w;
	if (!say_take(d, &s))
		scn_fail("%s was sent nothing, but a %s is due", d->name,
		    pattern);
	if (!say_matches(d, s.text, pattern))
		scn_fail("%s was sent %s, but a %s is due", d->name, s.text,
		    pattern);
}

static void
say_text(struct world *w, struct dev *d, const char *text)
{
	char buf[64];

	(void)snprintf(buf, sizeof(buf), "%s", text);
	say(w, d, dev_conn(d), buf);
}

static void
to_sending(struct world *w, struct dev *d, const char *version_now)
{
	char text[64];

	if (d->sent_count == 0)
		say_text(w, d, "report");
	if (d->sent_count > 0 &&
	    say_matches(d, d->sent[0].text, "read")) {
		must_send(w, d, "read");
		(void)snprintf(text, sizeof(text), "answer %s", version_now);
		say_text(w, d, text);
	}
	must_send(w, d, "start");
}

static void
one_stage(struct world *w, struct dev *d, enum stage to,
    const char *version_now)
{
	switch (to) {
	case STAGE_AWAY:
		break;
	case STAGE_ONLINE:
		if (dev_conn(d) == NULL)
			(void)world_connect(w, d, false, false);
		say_text(w, d, "report");
		break;
	case STAGE_SENDING:
		to_sending(w, d, version_now);
		break;
	case STAGE_ACKED:
		say_text(w, d, "ack");
		break;
	case STAGE_CONFIRMED:
		say_text(w, d, "100");
		break;
	case STAGE_DOWNLOADING:
		say_text(w, d, "200,1");
		break;
	case STAGE_DOWNLOADED:
		say_text(w, d, "201,1");
		break;
	case STAGE_UPDATING:
		say_text(w, d, "300");
		break;
	case STAGE_CLAIMED:
		world_close(w, dev_conn(d));
		(void)world_connect(w, d, false, false);
		say_text(w, d, "301");
		break;
	}
}

/* BRING d1 downloading [0A03]: from wherever the last BRING left it. */
void
say_bring(struct world *w, struct dev *d, char *args)
{
	const char *to = script_word(&args);
	const char *version_now = *args == '\0' ? "0A03" : args;
	int stage = STAGE_AWAY;

	for (size_t i = 0; i < ARRAY_LEN(stage_names); i++)
		if (strcmp(stage_names[i], to) == 0)
			stage = (int)i;
	if (stage == STAGE_AWAY)
		scn_fail("%s: nowhere to be brought", to);
	if (d->brought >= stage)
		d->brought = dev_conn(d) == NULL ? STAGE_AWAY : STAGE_ONLINE;
	while (d->brought < stage)
		one_stage(w, d, (enum stage)++d->brought, version_now);
}
