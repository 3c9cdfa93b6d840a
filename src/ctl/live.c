#include "config.h"
#include "ctl/live.h"

#include <inttypes.h>
#include <langinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAVES_SHOWN 6
#define BAR_MAX 60
#define RATE_WINDOW_MS (10 * 60 * 1000)
#define RATE_LEAST_MS 5000
#define UP_AND_CLEAR "\033[%dA\r\033[J"

enum { PLAIN = 0, GREEN = 32, RED = 31, YELLOW = 33 };

/* --- lines -----------------------------------------------------------------*/
/* Ends s before it is wider than width. */
static void
cut(char *s, int width)
{
	size_t n = strlen(s);

	while (n > 0 && term_cells(s) > width) {
		/* Never within a character. */
		do
			n--;
		while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80);
		s[n] = '\0';
	}
}

static void put_line(struct live *l, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

static void
put_line(struct live *l, const char *fmt, ...)
{
	char buf[2048];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(buf, sizeof buf, fmt, ap);
	va_end(ap);
	cut(buf, term_width(STDERR_FILENO) - 1);
	(void)fprintf(stderr, "%s\n", buf);
	l->lines++;
}

/* --- the bar ---------------------------------------------------------------*/
static void
put_cells(const struct ctl *c, int64_t n, const char *cell, int color)
{
	if (n > 0 && c->color && color != PLAIN)
		(void)fprintf(stderr, "\033[%dm", color);
	for (int64_t i = 0; i < n; i++)
		(void)fputs(cell, stderr);
	if (n > 0 && c->color && color != PLAIN)
		(void)fputs("\033[0m", stderr);
}

static int64_t
ended_of(const json_t *targets)
{
	return jint(targets, "total") - jint(targets, "waiting") -
	    jint(targets, "active") - jint(targets, "backoff");
}

static void
put_bar(struct live *l, const struct ctl *c, const json_t *t)
{
	bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	const char *full = utf8 ? "\xe2\x96\x88" : "#";
	const char *half = utf8 ? "\xe2\x96\x92" : "+";
	const char *none = utf8 ? "\xe2\x96\x91" : ".";
	int64_t total = MAX_OF(jint(t, "total"), 1), ended = ended_of(t);
	int64_t width = MIN_OF(term_width(STDERR_FILENO) - 20, BAR_MAX);
	int64_t good, bad, other, busy;

	/* Each by what is left of the one before: they never add up to more. */
	width = MAX_OF(width, 1);
	good = jint(t, "succeeded") * width / total;
	bad = MIN_OF((jint(t, "failed") + jint(t, "unverified")) * width /
	    total, width - good);
	other = MIN_OF(ended * width / total - good - bad,
	    width - good - bad);
	other = MAX_OF(other, 0);
	busy = MIN_OF((jint(t, "active") + jint(t, "backoff")) * width /
	    total, width - good - bad - other);
	put_cells(c, good, full, GREEN);
	put_cells(c, bad, full, RED);
	put_cells(c, other, full, YELLOW);
	put_cells(c, busy, half, PLAIN);
	put_cells(c, width - good - bad - other - busy, none, PLAIN);
	(void)fprintf(stderr, " %3d%%\n", (int)(ended * 100 / total));
	l->lines++;
}

/* --- rate ------------------------------------------------------------------*/
static void
add_sample(struct live *l, int64_t now_ms, int64_t ended)
{
	size_t last = (l->next + LIVE_SAMPLES - 1) % LIVE_SAMPLES;

	/* A ring of two-second looks would forget too early. */
	if (l->samples > 0 && now_ms - l->sample[last].at_ms <
	    RATE_WINDOW_MS / LIVE_SAMPLES)
		return;
	l->sample[l->next].at_ms = now_ms;
	l->sample[l->next].ended = ended;
	l->next = (l->next + 1) % LIVE_SAMPLES;
	l->samples = MIN_OF(l->samples + 1, LIVE_SAMPLES);
}

/* "12.5/min", "" while it is too early to say. */
static const char *
rate_text(const struct live *l, int64_t now_ms, int64_t ended, char *buf,
    size_t size)
{
	size_t first = l->samples < LIVE_SAMPLES ? 0 : l->next;
	int64_t ms = now_ms - l->sample[first].at_ms;
	int64_t tenths;

	buf[0] = '\0';
	if (l->samples == 0 || ms < RATE_LEAST_MS)
		return buf;
	tenths = (ended - l->sample[first].ended) * 600000 / ms;
	(void)snprintf(buf, size, "%" PRId64 ".%" PRId64 "/min", tenths / 10,
	    tenths % 10);
	return buf;
}

/* --- the block -------------------------------------------------------------*/
static void
put_counts(struct live *l, const json_t *j, const char *label,
    const char *key)
{
	char *s = counts_text(json_object_get(j, key));

	if (s[0] != '\0')
		put_line(l, "%-12s %s", label, s);
	free(s);
}

static bool
wave_is_busy(const json_t *w)
{
	char state[20];

	(void)jtext(w, "state", state, sizeof state);
	return strcmp(state, "waiting") != 0 && strcmp(state, "passed") != 0;
}

static void
put_waves(struct live *l, const json_t *waves)
{
	const json_t *w;
	char name[80], state[20], lacks[256];
	size_t i, shown = 0, passed = 0;

	if (json_array_size(waves) < 2)
		return;
	json_array_foreach(waves, i, w) {
		(void)jtext(w, "state", state, sizeof state);
		passed += strcmp(state, "passed") == 0;
		if (!wave_is_busy(w) || shown == WAVES_SHOWN)
			continue;
		shown++;
		(void)jtext(json_object_get(w, "gate"), "lacks", lacks,
		    sizeof lacks);
		put_line(l, "%-12s %s %s, %" PRId64 " of %" PRId64 " done%s%s",
		    shown == 1 ? "waves" : "", jtext(w, "name", name,
		    sizeof name), state, jint(w, "done"), jint(w, "total"),
		    lacks[0] != '\0' ? "; gate lacks " : "", lacks);
	}
	put_line(l, "%-12s %zu of %zu passed", shown == 0 ? "waves" : "",
	    passed, json_array_size(waves));
}

static void
put_end(struct live *l, const json_t *j, int64_t now_ms, int64_t ended)
{
	char rate[40], eta[64];

	(void)rate_text(l, now_ms, ended, rate, sizeof rate);
	(void)jtime(j, "eta", eta, sizeof eta);
	put_line(l, "%-12s %s; expected end %s", "rate",
	    rate[0] != '\0' ? rate : "not known yet",
	    eta[0] != '\0' ? eta : "not known yet");
}

void
live_draw(struct live *l, const struct ctl *c, const json_t *j,
    int64_t now_ms)
{
	const json_t *t = json_object_get(j, "targets");
	char name[80], state[20], reason[256];
	int64_t ended = ended_of(t);

	if (term_is_dumb(STDERR_FILENO))
		return;
	live_clear(l);
	add_sample(l, now_ms, ended);
	(void)jtext(j, "reason", reason, sizeof reason);
	put_line(l, "%s: %s%s%s", jtext(j, "name", name, sizeof name),
	    jtext(j, "state", state, sizeof state),
	    reason[0] != '\0' ? ": " : "", reason);
	put_bar(l, c, t);
	put_line(l, "%-12s %" PRId64 " of %" PRId64 ", %" PRId64 " failed, %"
	    PRId64 " unverified, %" PRId64 " skipped, %" PRId64 " cancelled",
	    "succeeded", jint(t, "succeeded"), jint(t, "total"),
	    jint(t, "failed"), jint(t, "unverified"), jint(t, "skipped"),
	    jint(t, "cancelled"));
	put_line(l, "%-12s %" PRId64 " active, %" PRId64 " in backoff, %"
	    PRId64 " waiting; %" PRId64 " in flight, %" PRId64 " dark", "open",
	    jint(t, "active"), jint(t, "backoff"), jint(t, "waiting"),
	    jint(j, "in_flight"), jint(j, "dark"));
	put_counts(l, j, "waiting for", "holds");
	put_counts(l, j, "causes", "causes");
	put_waves(l, json_object_get(j, "waves"));
	put_end(l, j, now_ms, ended);
	(void)fflush(stderr);
}

void
live_clear(struct live *l)
{
	if (l->lines > 0)
		(void)fprintf(stderr, UP_AND_CLEAR, l->lines);
	l->lines = 0;
	(void)fflush(stderr);
}
