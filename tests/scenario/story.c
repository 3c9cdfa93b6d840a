#include "config.h"
#include "story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "script.h"

#define DAYS_MAX 8 /* of one story: each deadline in them costs a tick */

/* What an honest tracker is about to do. */
enum stage { STAGE_IDLE, STAGE_ACKED, STAGE_CONFIRMED, STAGE_DOWNLOADING,
	STAGE_DOWNLOADED, STAGE_UPDATING, STAGE_DARK };

struct teller {
	char name[8];
	struct dev *dev;
	enum stage stage;
	bool start_due, stop_due, read_due;
	char version[8], next[8];
	unsigned flashes;
};

struct story {
	const uint8_t *p;
	size_t n;
	struct world *w;
	struct teller t[STORY_TRACKERS];
	char line[STORY_LINES][128];
	size_t count;
};

static struct story *told; /* by print_story() */

static void
print_story(void)
{
	for (size_t i = 0; i < told->count; i++)
		(void)printf("%s\n", told->line[i]);
	(void)fflush(stdout);
}

static unsigned
take(struct story *s, unsigned below)
{
	unsigned v;

	if (s->n == 0)
		return 0;
	v = *s->p++;
	s->n--;
	return v % below;
}

static const char *
pick(struct story *s, const char *const *v, size_t n)
{
	return v[take(s, (unsigned)n)];
}
#define PICK(s, ...) \
	pick((s), (const char *const[]){__VA_ARGS__}, \
	    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* --- trackers --------------------------------------------------------------*/

static bool
online(const struct teller *t)
{
	return dev_conn(t->dev) != NULL;
}

static void
reboots(struct teller *t)
{
	t->stage = STAGE_IDLE;
	t->start_due = t->stop_due = t->read_due = false;
}

static const char *
next_code(struct teller *t)
{
	switch (t->stage) {
	case STAGE_ACKED:
		t->stage = STAGE_CONFIRMED;
		return "100";
	case STAGE_CONFIRMED:
		t->stage = STAGE_DOWNLOADING;
		return "200,1";
	case STAGE_DOWNLOADING:
		t->stage = STAGE_DOWNLOADED;
		return "201,1";
	case STAGE_DOWNLOADED:
		t->stage = STAGE_UPDATING;
		return "300";
	case STAGE_DARK:
		reboots(t);
		t->flashes++;
		(void)snprintf(t->version, sizeof(t->version), "%s", t->next);
		return "301";
	case STAGE_IDLE:
	case STAGE_UPDATING:
		break;
	}
	return "report";
}

/* What a tracker does that keeps to SPEC. */
static void
honest(struct teller *t, char *to, size_t size)
{
	const char *n = t->name;

	if (!online(t)) {
		(void)snprintf(to, size, "CONNECT %s", n);
	} else if (t->stage == STAGE_UPDATING) {
		t->stage = STAGE_DARK;
		(void)snprintf(to, size, "CLOSE %s", n);
	} else if (t->stop_due) {
		t->stop_due = false;
		(void)snprintf(to, size, t->stage != STAGE_IDLE &&
			t->stage < STAGE_DOWNLOADED ?
			"RECV %s ack stop; 102" : "RECV %s ack stop", n);
		if (t->stage < STAGE_DOWNLOADED)
			reboots(t);
	} else if (t->start_due && t->stage == STAGE_IDLE) {
		t->start_due = false;
		t->stage = STAGE_ACKED;
		(void)snprintf(to, size, "RECV %s ack start", n);
	} else if (t->read_due && t->stage == STAGE_IDLE) {
		t->read_due = false;
		(void)snprintf(to, size, "RECV %s answer %s", n, t->version);
	} else {
		(void)snprintf(to, size, "RECV %s %s", n, next_code(t));
	}
}

/* Anything else that one may say, at any time. */
static void
dishonest(struct story *s, struct teller *t, char *to, size_t size)
{
	const char *what = PICK(s, "report", "heartbeat", "100", "101", "102",
	    "103", "200,1", "200,2", "200,9", "201,1", "202,1", "202,2", "202",
	    "300", "301", "302", "303", "177", "277", "377", "buff 100",
	    "buff 102", "buff 201,1", "buff 202,2", "buff 300", "buff 301",
	    "buff 302", "ack", "ack", "ack stop", "ack FFF0", "nack",
	    "nack 00FF", "readack", "readack FFF1", "answer 0A03",
	    "answer 0A05", "version 0A03", "version 0A05", "buff version 0A05",
	    "again", "again buff", "late", "power_on", "power_off",
	    "answer 0A04", "readack; report; version 0A03",
	    "version 0A03; readack", "300; 301; 301", "201,1; 300");
	bool start = strcmp(what, "ack") == 0 || strcmp(what, "nack") == 0;
	bool read = strncmp(what, "answer", 6) == 0 ||
	    strstr(what, "readack") != NULL;

	if (!online(t) || (start && t->dev->start[0] == '\0') ||
	    (strcmp(what, "ack stop") == 0 && t->dev->stop[0] == '\0') ||
	    (read && t->dev->read[0] == '\0' &&
		strcmp(what, "readack FFF1") != 0) ||
	    (strncmp(what, "again", 5) == 0 &&
		strlen(t->dev->last_frame) < 6) ||
	    (strcmp(what, "again buff") == 0 &&
		strncmp(t->dev->last_frame, "+RESP:", 6) != 0))
		honest(t, to, size);
	else
		(void)snprintf(to, size, "RECV %s %s", t->name, what);
}

static void
links(struct story *s, struct teller *t, char *to, size_t size)
{
	unsigned how = take(s, 8);

	if (how < 3 && online(t)) {
		(void)snprintf(to, size, "CLOSE %s", t->name);
	} else if (how < 6) {
		(void)snprintf(to, size, "CONNECT %s%s", t->name,
		    how == 5 ? " udp" : "");
	} else if (how == 6) {
		(void)snprintf(to, size, "KERNEL %s %s", t->name,
		    PICK(s, "full", "torn"));
	} else if (take(s, 2) == 0 || !online(t) ||
	    !dev_conn(t->dev)->core.relayed) {
		(void)snprintf(to, size, "CONNECT %s relay", t->name);
	} else {
		(void)snprintf(to, size, "PLATFORM %s", t->name);
	}
}

/* --- everybody else --------------------------------------------------------*/

static void
time_passes(struct story *s, char *to, size_t size)
{
	const char *how = PICK(s, "1ms", "1s", "10s", "30s", "1m", "2m -1ms",
	    "5m", "15m", "1h", "2h", "6h", "12h", "1d", "3d");

	if (s->w->elapsed_ms > DAYS_MAX * INT64_C(86400000))
		how = "1s";
	(void)snprintf(to, size, "PASS %s", how);
}

static void
the_machine(struct story *s, char *to, size_t size)
{
	switch (take(s, 12)) {
	case 0:
	case 1:
		(void)snprintf(to, size, "AUTO off");
		break;
	case 2:
		(void)snprintf(to, size, "AUTO on");
		break;
	case 3:
	case 4:
		(void)snprintf(to, size, "DURABLE");
		break;
	case 5:
		(void)snprintf(to, size, "STORE %s", PICK(s, "full", "low"));
		break;
	case 6:
		(void)snprintf(to, size, "STORE ok");
		break;
	case 7:
		(void)snprintf(to, size, "JUMP wall %s",
		    PICK(s, "+1d", "-1d", "+61s", "-2h", "+30m"));
		break;
	case 8:
	case 9:
		(void)snprintf(to, size, "CRASH%s", PICK(s, "", " down=5m",
		    " down=1d", " reboot", " down=2h reboot", " down=1ms"));
		break;
	case 10:
		(void)snprintf(to, size, "STOP%s", PICK(s, "", " down=5m",
		    " reboot", " kept", " down=5m kept"));
		break;
	default:
		(void)snprintf(to, size, "STALL %s", PICK(s, "1s", "2m",
		    "1h"));
		break;
	}
}

static void
operators(struct story *s, const struct teller *t, char *to, size_t size)
{
	const char *c = PICK(s, "c1", "c1", "c2");
	const char *verb = PICK(s, "halt", "resume-all", "drain", "pause",
	    "resume", "abort", "start", "resume", "approve", "retry-failed",
	    "probe", "cancel", "exclude", "include", "exclude-cancel",
	    "exclude-for", "resume-all", "resume-all", "cancel", "abort-dry");

	if (strcmp(verb, "approve") == 0)
		(void)snprintf(to, size, "OPER approve %s %s", c,
		    PICK(s, "all", "a", "b", "b force", "a force"));
	else if (strcmp(verb, "exclude-cancel") == 0)
		(void)snprintf(to, size, "OPER exclude %s cancel", t->name);
	else if (strcmp(verb, "exclude-for") == 0)
		(void)snprintf(to, size, "OPER exclude %s for=2h", t->name);
	else if (strcmp(verb, "abort-dry") == 0)
		(void)snprintf(to, size, "OPER abort %s dry-run", c);
	else if (strcmp(verb, "probe") == 0 || strcmp(verb, "cancel") == 0 ||
	    strcmp(verb, "exclude") == 0 || strcmp(verb, "include") == 0)
		(void)snprintf(to, size, "OPER %s %s", verb, t->name);
	else if (strcmp(verb, "halt") == 0 || strcmp(verb, "drain") == 0 ||
	    strcmp(verb, "resume-all") == 0)
		(void)snprintf(to, size, "OPER %s", verb);
	else
		(void)snprintf(to, size, "OPER %s %s", verb, c);
}

static void
files(struct story *s, const struct teller *t, char *to, size_t size)
{
	switch (take(s, 8)) {
	case 0:
		(void)snprintf(to, size, "FILE c1 %s",
		    PICK(s, "gone", "broken"));
		break;
	case 1:
	case 2:
		(void)snprintf(to, size, "RELOAD");
		break;
	case 3:
		(void)snprintf(to, size, "CAMPAIGN c1 devices=%s in_flight=%s",
		    PICK(s, "d1,d2,d3", "d1", "d1,d2,d3,d4"),
		    PICK(s, "1", "100"));
		break;
	case 4:
		(void)snprintf(to, size, "CAMPAIGN c2 devices=d1,d2 %s%s",
		    PICK(s, "priority=9 ", ""),
		    PICK(s, "", "version=0A07 package=0A05:0A07"));
		break;
	case 5:
		(void)snprintf(to, size, "NEVER%s%s", t->name[1] == '3' ? ""
			: " ", t->name[1] == '3' ? "" : t->name);
		break;
	case 6:
		(void)snprintf(to, size, "FLEET %s",
		    PICK(s, "broken", "ok"));
		break;
	default:
		(void)snprintf(to, size, "ROW %s %s", t->name,
		    PICK(s, "tags=a;b", "gone", "country=DE"));
		break;
	}
}

/* --- telling ---------------------------------------------------------------*/

static void
next_line(struct story *s, char *to, size_t size)
{
	unsigned what = take(s, 256);
	struct teller *t = &s->t[what % STORY_TRACKERS];

	if (what < 120)
		honest(t, to, size);
	else if (what < 168)
		dishonest(s, t, to, size);
	else if (what < 192)
		time_passes(s, to, size);
	else if (what < 208)
		links(s, t, to, size);
	else if (what < 228)
		the_machine(s, to, size);
	else if (what < 244)
		operators(s, t, to, size);
	else
		files(s, t, to, size);
}

static void
do_line(struct story *s, char text[128])
{
	memcpy(s->line[s->count++], text, 128);
	s->w->line = (int)s->count;
	script_line(s->w, text);
}

/* What came to them since; their queue is emptied. */
static void
look(struct story *s)
{
	for (size_t i = 0; i < STORY_TRACKERS; i++) {
		struct teller *t = &s->t[i];
		struct sent c;

		while (say_take(t->dev, &c)) {
			const char *to = strstr(c.text, ".enc");

			if (c.text[c.len - 1] != '$')
				continue; /* KERNEL torn: no command */
			if (say_matches(t->dev, c.text, "read")) {
				t->read_due = true;
			} else if (!say_matches(t->dev, c.text, "start")) {
				t->stop_due = true;
			} else {
				t->start_due = true;
				if (to != NULL)
					(void)snprintf(t->next,
					    sizeof(t->next), "%.4s", to - 4);
			}
		}
	}
}

static void
begin(struct story *s, const char *campaign)
{
	static const char *const kinds[] = {
	    "", "", "in_flight=1 ", "retry=1 ", "version=- package=0A03:- ",
	    "version=0A05 package=0A03:0A04 package=0A04:0A05 ",
	    "waves=a:1:success=97%:soak=10m,b:then=hold ",
	    "waves=a:1,b windows=00:00-06:00 ", "dark_max=1 ", "update=ble ",
	    "rules=any:1 ", "max_attempts=1 ",
	    ("start=2026-11-23T01:00:00Z "
	    "end=2026-11-24T00:00:00Z at_end=cancel "), "downgrade=true ",
	    "start_rate=2/min ", "battery_wait=10m max_deferrals=2 "};

	char line[128];

	(void)snprintf(line, sizeof(line),
	    "CAMPAIGN c1 devices=d1,d2,d3 %s",
	    campaign != NULL ? campaign :
	    kinds[take(s, (unsigned)ARRAY_LEN(kinds))]);
	for (size_t i = 0; i < STORY_TRACKERS; i++) {
		struct teller *t = &s->t[i];

		(void)snprintf(t->name, sizeof(t->name), "d%zu", i + 1);
		(void)snprintf(t->version, sizeof(t->version), "0A03");
		(void)snprintf(t->next, sizeof(t->next), "0A05");
		t->dev = world_dev(s->w, t->name);
	}
	do_line(s, line);
}

struct story *
story_new(struct world *w, const uint8_t *data, size_t size,
    const char *campaign)
{
	struct story *s = calloc(1, sizeof(*s));

	if (s == NULL)
		scn_fail("out of memory");
	s->p = data;
	s->n = size;
	s->w = w;
	told = s;
	scn_before_end = print_story;
	begin(s, campaign);
	look(s);
	return s;
}

void
story_free(struct story *s)
{
	scn_before_end = NULL;
	free(s);
}

bool
story_next(struct story *s)
{
	char line[128];

	if (s->n == 0 || s->count == STORY_LINES)
		return false;
	next_line(s, line, sizeof(line));
	do_line(s, line);
	look(s);
	return true;
}

void
story_line(struct story *s, const char *text)
{
	char line[128];

	if (s->count == STORY_LINES)
		s->count--;
	(void)snprintf(line, sizeof(line), "%s", text);
	do_line(s, line);
	look(s);
}

void
story_more(struct story *s, const uint8_t *data, size_t size)
{
	s->p = data;
	s->n = size;
	s->count = 0;
}

unsigned
story_flashes(const struct story *s, size_t tracker)
{
	return s->t[tracker].flashes;
}

const char *
story_version(const struct story *s, size_t tracker)
{
	return s->t[tracker].version;
}

void
story_tell(const uint8_t *data, size_t size, bool sqlite, bool hex)
{
	struct world *w = malloc(sizeof(*w));
	struct story *s;

	if (w == NULL)
		abort();
	world_init(w, "story", sqlite, hex);
	s = story_new(w, data, size, NULL);
	while (story_next(s))
		continue;
	story_free(s);
	world_done(w);
	free(w);
}

size_t
story_invent(uint64_t seed, uint8_t *ret, size_t max)
{
	struct prng rnd;
	size_t n;

	prng_init(&rnd, seed);
	n = MIN_OF(max, 20 + (size_t)prng_below(&rnd, 380));
	for (size_t i = 0; i < n; i++)
		ret[i] = (uint8_t)prng_next(&rnd);
	return n;
}
