/*
 * relaycheck: holds what passed the relay against what was sent.
 *
 *   relaycheck TAP PLATFORM [cut=FROM:TO | away=FROM:TO | restart=FROM:TO ...]
 *
 * TAP and PLATFORM are the directories of tap and platform. What a tracker sent
 * must be what the platform got, byte for byte, but for the whole frames of our
 * own dialogue; and what the platform sent what the tracker got, but for our
 * commands and acknowledgements, between two of its frames. A connection that
 * lived while something broke (cut, in ms of the wall clock) may have lost its
 * end; one that began while the platform was away must be whole, once it was
 * back. A restart of the daemon cuts, and the answers to reads that it sent
 * before may be taken for the platform's. Shares no code with the daemon.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "wiresplit.h"

#define BREAKS_MAX 8
#define OWN_MAX 4096        /* acknowledged by us, of a connection */
#define DATAGRAMS_MAX 100000
#define FILES_MAX 4096
#define SLACK_MS 300
#define FORGOTTEN_MS 5000
#define BACK_MS 1500        /* until a connection that waited is tried again */
#define READS_MAX 16
#define FIRST_OF_PLATFORM 0xF000u

struct bytes {
	char *p;
	size_t n;
};

static long passed, failed;
static struct {
	long equal, cut, waited, own, inserted, unknown, frames, datagrams;
	long lost;
} seen;
static const char *tap_dir, *platform_dir;
static struct {
	bool away, restart;
	long long from, to;
} breaks[BREAKS_MAX];
static size_t break_count;
static bool restarted;

/* What the platform has of the tracker behind each port. */
static struct {
	char path[512];
	bool met;
} parts[65536];

static void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void
fail(const char *fmt, ...)
{
	va_list ap;

	if (failed++ >= 20)
		return;
	va_start(ap, fmt);
	(void)printf("failed: ");
	(void)vprintf(fmt, ap);
	(void)printf("\n");
	va_end(ap);
}

static _Noreturn void
die(const char *what)
{
	(void)fprintf(stderr, "relaycheck: %s: %s\n", what, strerror(errno));
	exit(2);
}

static struct bytes
slurp(const char *path)
{
	struct bytes b = {NULL, 0};
	FILE *f = fopen(path, "re");
	size_t got;

	if (f == NULL)
		die(path);
	do {
		if ((b.p = realloc(b.p, b.n + 65537)) == NULL)
			die("realloc");
		got = fread(b.p + b.n, 1, 65536, f);
		b.n += got;
	} while (got > 0);
	b.p[b.n] = '\0';
	(void)fclose(f);
	return b;
}

static struct bytes
slurp_in(const char *dir, unsigned port, const char *end)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%u.%s", dir, port, end);
	return slurp(path);
}

/* --- one connection ------------------------------------------------------*/

struct walk {
	unsigned port;
	struct bytes up, down, in, out; /* tap's and platform's */
	char own[OWN_MAX][5];           /* counts of what was kept from it */
	size_t own_count;
	bool whole;                     /* nothing may be missing */
	bool waited;                    /* for the platform */
	bool forgotten;                 /* reads before it are */
};

/* What our own dialogue is, told by the wire alone: all serials from F000 on
 * are the platform's, of which the odd ones read versions, and no update is
 * the platform's. */
enum fate { PASSES, STAYS, EITHER };

/* Reads that were acknowledged on this connection, the newest last. */
struct reads {
	struct {
		unsigned count;
		enum fate fate;
	} of[READS_MAX];
	size_t n;
};

static unsigned
count_of(const struct said *s)
{
	return (unsigned)strtoul(s->count, NULL, 16);
}

static enum fate
read_acked(const struct said *s, struct reads *r)
{
	enum fate fate = s->serial >= FIRST_OF_PLATFORM ? PASSES : STAYS;

	if (fate == PASSES && s->serial % 2 == 0)
		return fate;
	if (r->n == READS_MAX) {
		memmove(&r->of[0], &r->of[1], sizeof(r->of) - sizeof(r->of[0]));
		r->n--;
	}
	r->of[r->n].count = count_of(s);
	r->of[r->n++].fate = fate;
	return fate;
}

/* A version was counted when its read was answered, right after the ACK,
 * whatever went out between the two. */
static enum fate
version_fate(const struct said *s, const struct reads *r)
{
	enum fate fate = EITHER;
	unsigned least = 9;

	for (size_t i = 0; i < r->n; i++) {
		unsigned behind = (count_of(s) - r->of[i].count) & 0xFFFF;

		if (behind < least) {
			least = behind;
			fate = r->of[i].fate;
		}
	}
	return fate;
}

static enum fate
fate_of(const struct said *s, struct reads *r)
{
	switch (s->what) {
	case SAYING_OTHER:
	case SAYING_HEARTBEAT:
		return PASSES;
	case SAYING_READ_ACK:
		return read_acked(s, r);
	case SAYING_VERSION:
		return version_fate(s, r);
	case SAYING_START_ACK:
	case SAYING_UPDATE:
		break;
	}
	return STAYS;
}

static bool
answers_read(const struct said *s)
{
	return s->what == SAYING_READ_ACK || s->what == SAYING_VERSION;
}

static void
own_add(struct walk *w, const struct said *s)
{
	if (w->own_count < OWN_MAX)
		memcpy(w->own[w->own_count++], s->count, sizeof(s->count));
	seen.own++;
}

/* The piece at t: a whole frame, one byte between frames, or the rest. */
static size_t
piece(const char *t, size_t n, struct said *ret, struct reads *reads,
    enum fate *ret_fate)
{
	size_t len = wire_frame(t, n);

	*ret_fate = PASSES;
	if (len == WIRE_PART)
		return n;
	if (len == 0)
		return 1;
	seen.frames++;
	*ret = wire_said(t, len);
	*ret_fate = fate_of(ret, reads);
	return len;
}

static void
walk_up(struct walk *w, size_t at)
{
	struct reads reads = {.n = 0};
	enum fate fate;
	const char *t = w->up.p, *p = w->in.p;
	size_t off = 0, len;
	struct said s;
	bool there;

	for (; off < w->up.n; off += len) {
		len = piece(t + off, w->up.n - off, &s, &reads, &fate);
		there = w->in.n - at >= len &&
		    memcmp(p + at, t + off, len) == 0;
		if (fate == STAYS && w->forgotten && answers_read(&s))
			fate = EITHER;
		if (fate == EITHER) {
			seen.unknown++;
			fate = there ? PASSES : STAYS;
		}
		if (fate == STAYS) {
			own_add(w, &s);
			if (there)
				fail("%u: of ours, at %zu: %.*s", w->port, off,
				    (int)len, t + off);
			at += there ? len : 0;
			continue;
		}
		if (there) {
			at += len;
			continue;
		}
		/* Cut, perhaps in the middle. What is kept from it may still
		 * come, and be acknowledged. */
		if (!w->whole && w->in.n - at < len && (w->in.n == at ||
			memcmp(p + at, t + off, w->in.n - at) == 0)) {
			at = w->in.n;
			continue;
		}
		fail("%u: %s at %zu of %zu, the platform's %zu of %zu: %.*s",
		    w->port, w->in.n - at < len ? "missing" : "another byte",
		    off, w->up.n, at, w->in.n, (int)(len < 120 ? len : 120),
		    t + off);
		return;
	}
	if (at < w->in.n)
		fail("%u: %zu bytes too many: %.*s", w->port, w->in.n - at,
		    (int)(w->in.n - at < 120 ? w->in.n - at : 120), p + at);
}

/* A command of the daemon's, or the acknowledgement of a frame that it kept. */
static bool
is_ours(struct walk *w, const char *p, size_t n)
{
	if (wire_begins(p, n, "AT+GTRTO=gv620mg,8,") ||
	    wire_begins(p, n, "AT+GTUPD=gv620mg,"))
		return true;
	if (!wire_begins(p, n, "+SACK:") || n != 11)
		return false;
	for (size_t i = 0; i < w->own_count; i++)
		if (memcmp(w->own[i], p + 6, 4) == 0)
			return true;
	return false;
}

static void
walk_down(struct walk *w)
{
	const char *t = w->down.p, *p = w->out.p;
	size_t off = 0, at = 0, len;
	const char *end;

	for (; off < w->down.n; off += len) {
		end = memchr(t + off, '$', w->down.n - off);
		len = end == NULL ? w->down.n - off
				  : (size_t)(end - t) + 1 - off;
		if (w->out.n - at >= len && memcmp(p + at, t + off, len) == 0) {
			at += len;
			continue;
		}
		if (end != NULL && is_ours(w, t + off, len)) {
			seen.inserted++;
			continue;
		}
		fail("%u: the tracker got at %zu: %.*s, after %zu of %zu",
		    w->port, off, (int)(len < 120 ? len : 120), t + off, at,
		    w->out.n);
		return;
	}
	if (w->whole && at < w->out.n)
		fail("%u: the tracker did not get %zu bytes: %.*s", w->port,
		    w->out.n - at, (int)(w->out.n - at), p + at);
}

/* When the connection lived, and what that allows. */
static void
life(struct walk *w)
{
	struct bytes b = slurp_in(tap_dir, w->port, "life");
	long long from, to;

	if (b.n == 0 || sscanf(b.p, "%lld %lld", &from, &to) != 2)
		die("a life");
	free(b.p);
	w->whole = true;
	for (size_t i = 0; i < break_count; i++) {
		if (breaks[i].restart && to >= breaks[i].from &&
		    from <= breaks[i].to + FORGOTTEN_MS)
			w->forgotten = true;
		if (from > breaks[i].to || to < breaks[i].from)
			continue;
		if (breaks[i].away && to > breaks[i].to + BACK_MS)
			w->waited = true;
		else
			w->whole = false;
	}
}

static void
connection(unsigned port)
{
	static struct walk w;
	const char *end;
	char path[512];
	size_t n;

	memset(&w, 0, sizeof(w));
	w.port = port;
	life(&w);
	w.up = slurp_in(tap_dir, port, "up");
	w.down = slurp_in(tap_dir, port, "down");
	/* One that spoke of nothing but our own dialogue it never got. */
	if (parts[port].path[0] == '\0') {
		walk_up(&w, 0);
		walk_down(&w);
		goto out;
	}
	parts[port].met = true;
	w.in = slurp(parts[port].path);
	n = strlen(parts[port].path);
	(void)snprintf(path, sizeof(path), "%.*sout", (int)(n - 2),
	    parts[port].path);
	w.out = slurp(path);
	end = memchr(w.in.p, '\n', w.in.n);
	walk_up(&w, (size_t)(end + 1 - w.in.p));
	walk_down(&w);
	/* One that waited may have been cut by a later break. */
	*(w.waited && w.in.n > 0 ? &seen.waited :
	    w.whole ? &seen.equal : &seen.cut) += 1;
out:
	free(w.up.p);
	free(w.down.p);
	free(w.in.p);
	free(w.out.p);
}

/* --- datagrams -----------------------------------------------------------*/

struct gram {
	struct bytes frame;
	bool excused;
};

static struct gram sent[DATAGRAMS_MAX], got[DATAGRAMS_MAX];
static size_t sent_count, got_count;
/* What their frames point into. */
static struct bytes sent_text, got_text[FILES_MAX];
static size_t got_files;

static int
bytes_order(struct bytes a, struct bytes b)
{
	int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

static int
gram_order(const void *a, const void *b)
{
	const struct gram *x = a, *y = b;

	return bytes_order(x->frame, y->frame);
}

/* Each frame of them; own ones must not be there, or are left out. The platform
 * commands nothing over UDP. forgotten: answers to reads may have passed, for a
 * restart was near. */
static void
grams_add(struct gram *list, size_t *n, struct bytes b, bool excused,
    bool forgotten, bool of_the_platform)
{
	struct reads reads = {.n = 0};
	size_t off = 0, len;
	bool own, either;
	struct said s;

	for (; off < b.n; off += len) {
		len = wire_frame(b.p + off, b.n - off);
		if (len == 0 || len == WIRE_PART) {
			fail("no frame in a datagram: %.*s", (int)(b.n - off),
			    b.p + off);
			return;
		}
		s = wire_said(b.p + off, len);
		own = fate_of(&s, &reads) != PASSES;
		either = own && forgotten && answers_read(&s);
		if (own && !either) {
			if (of_the_platform)
				fail("of ours: %.*s", (int)len, b.p + off);
			else
				seen.own++;
			continue;
		}
		if (*n == DATAGRAMS_MAX)
			die("datagrams");
		list[(*n)++] = (struct gram){{b.p + off, len},
		    excused || either};
	}
}

/* Lines of the tap: when, and what. */
static void
grams_sent(void)
{
	struct bytes b = sent_text = slurp_in(tap_dir, 0, "udp");
	char *line = b.p, *end, *hex;

	for (; line < b.p + b.n; line = end + 1) {
		struct bytes frame;
		bool excused = false, forgotten = false;
		long long at;

		if ((end = memchr(line, '\n',
			(size_t)(b.p + b.n - line))) == NULL)
			die("a line of datagrams");
		at = strtoll(line, &hex, 10);
		frame.n = (size_t)(end - ++hex) / 2;
		/* In place: two digits make room for a byte. */
		frame.p = line;
		for (size_t i = 0; i < frame.n; i++) {
			char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

			frame.p[i] = (char)strtoul(digits, NULL, 16);
		}
		for (size_t i = 0; i < break_count; i++) {
			if (at < breaks[i].from - SLACK_MS)
				continue;
			excused = excused || at <= breaks[i].to + BACK_MS;
			forgotten = forgotten || (breaks[i].restart &&
			    at <= breaks[i].to + FORGOTTEN_MS);
		}
		grams_add(sent, &sent_count, frame, excused, forgotten, false);
	}
}

static void
datagrams(void)
{
	size_t i = 0, j = 0;

	grams_sent();
	qsort(sent, sent_count, sizeof(sent[0]), gram_order);
	qsort(got, got_count, sizeof(got[0]), gram_order);
	seen.datagrams = (long)got_count;
	while (i < sent_count || j < got_count) {
		int order = i == sent_count ? 1 : j == got_count ? -1
		    : gram_order(&sent[i], &got[j]);

		if (order == 0) {
			i++;
			j++;
		} else if (order > 0) {
			fail("not sent, or not as often: %.*s",
			    (int)got[j].frame.n, got[j].frame.p);
			j++;
		} else {
			if (!sent[i].excused)
				fail("a datagram is missing: %.*s",
				    (int)sent[i].frame.n, sent[i].frame.p);
			seen.lost++;
			i++;
		}
	}
}

/* --- all of them ---------------------------------------------------------*/

/* PROXY TCP4 SOURCE DESTINATION PORT PORT. */
static void
platform_file(const char *name)
{
	char path[512];
	struct bytes b;
	unsigned port;

	(void)snprintf(path, sizeof(path), "%s/%s", platform_dir, name);
	b = slurp(path);
	if (strstr(name, "-udp") != NULL) {
		if (got_files == FILES_MAX)
			die("files of datagrams");
		got_text[got_files++] = b;
		grams_add(got, &got_count, b, false, restarted, true);
		return;
	}
	if (b.n == 0) {
		free(b.p);
		return;
	}
	if (sscanf(b.p, "PROXY TCP4 127.0.0.9 127.0.0.1 %u ", &port) != 1 ||
	    port > 65535 || memchr(b.p, '\n', b.n) == NULL)
		fail("%s begins with no header: %.*s", name, (int)b.n, b.p);
	else if (parts[port].path[0] != '\0')
		fail("two connections to the platform for port %u", port);
	else
		(void)snprintf(parts[port].path, sizeof(parts[port].path),
		    "%s", path);
	free(b.p);
}

static void
each(const char *dir, const char *end, void (*f)(const char *name))
{
	DIR *d = opendir(dir);
	const struct dirent *e;

	if (d == NULL)
		die(dir);
	while ((e = readdir(d)) != NULL) {
		const char *dot = strrchr(e->d_name, '.');

		if (dot != NULL && strcmp(dot, end) == 0)
			f(e->d_name);
	}
	(void)closedir(d);
}

static void
tap_file(const char *name)
{
	connection((unsigned)strtoul(name, NULL, 10));
}

static void
break_read(const char *text)
{
	if (break_count == BREAKS_MAX) {
		errno = E2BIG;
		die(text);
	}
	breaks[break_count].away = strncmp(text, "away=", 5) == 0;
	breaks[break_count].restart = strncmp(text, "restart=", 8) == 0;
	if (sscanf(text, "%*[a-z]=%lld:%lld", &breaks[break_count].from,
		&breaks[break_count].to) != 2) {
		errno = EINVAL;
		die(text);
	}
	restarted = restarted || breaks[break_count].restart;
	break_count++;
}

/* What a test of nothing would not have. */
static void
expect_some(const char *what, long n)
{
	if (n > 0)
		passed++;
	else
		fail("none: %s", what);
}

int
main(int argc, char **argv)
{
	if (argc < 3) {
		(void)fputs("usage: relaycheck TAP PLATFORM [BREAK ...]\n",
		    stderr);
		return 2;
	}
	tap_dir = argv[1];
	platform_dir = argv[2];
	for (int i = 3; i < argc; i++)
		break_read(argv[i]);
	each(platform_dir, ".in", platform_file);
	each(tap_dir, ".life", tap_file);
	for (unsigned port = 0; port < 65536; port++)
		if (parts[port].path[0] != '\0' && !parts[port].met)
			fail("a connection that no tracker made: %u", port);
	datagrams();
	expect_some("connections that are equal", seen.equal);
	expect_some("frames of ours", seen.own);
	expect_some("commands and acknowledgements of ours", seen.inserted);
	expect_some("datagrams", seen.datagrams);
	if (break_count > 0) {
		expect_some("connections that were cut", seen.cut);
		expect_some("connections that waited", seen.waited);
	}
	passed += seen.equal + seen.waited + seen.cut;
	(void)printf("%ld connections equal, %ld waited, %ld cut; %ld frames, "
	    "%ld of ours kept, %ld put in, %ld of either; "
	    "%ld datagrams, %ld lost\n", seen.equal, seen.waited, seen.cut,
	    seen.frames, seen.own, seen.inserted, seen.unknown, seen.datagrams,
	    seen.lost);
	(void)printf("%ld passed, %ld failed\n", passed, failed);
	return failed > 0;
}
