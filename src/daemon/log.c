#include "config.h"
#include "daemon/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/journal.h"

#define LINES_BURST 4000
#define LINES_PER_SECOND 1000

static struct {
	pthread_mutex_t lock;
	enum note_level level;
	bool terminal, colour;
	int64_t tokens_at_ms;
	int tokens;
	unsigned long held_back, held_back_total;
} lg = {.lock = PTHREAD_MUTEX_INITIALIZER, .level = NOTE_INFO,
    .tokens = LINES_BURST};

static const char *const level_name[] = {"error", "warning", "info", "debug"};
static const int level_priority[] = {3, 4, 6, 7};
static const char *const level_colour[] = {"\033[31m", "\033[33m", "",
    "\033[2m"};

void
log_init(void)
{
	const char *no_color = getenv("NO_COLOR");

	journal_init();
	lg.terminal = isatty(STDERR_FILENO) == 1;
	lg.colour = lg.terminal && (no_color == NULL || *no_color == '\0');
}

void
log_level(enum note_level level, int more)
{
	int v = (int)level + more;

	lg.level = (enum note_level)MIN_OF(MAX_OF(v, NOTE_ERROR), NOTE_DEBUG);
}

static int64_t
mono_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
write_line(enum note_level level, const char *line)
{
	struct timespec ts;
	struct tm tm;

	if (journal_send(level_priority[level], line))
		return;
	if (!lg.terminal) {
		(void)fprintf(stderr, "<%d>%s\n", level_priority[level], line);
		return;
	}
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	(void)localtime_r(&ts.tv_sec, &tm);
	(void)fprintf(stderr, "%02d:%02d:%02d.%03ld %s%-7s%s %s\n", tm.tm_hour,
	    tm.tm_min, tm.tm_sec, ts.tv_nsec / 1000000,
	    lg.colour ? level_colour[level] : "", level_name[level],
	    lg.colour && level != NOTE_INFO ? "\033[0m" : "", line);
}

/* A flood must not fill the disk; errors are never held back. */
static bool
admit(enum note_level level)
{
	int64_t now = mono_ms(), gain;
	char text[80];

	gain = (now - lg.tokens_at_ms) * LINES_PER_SECOND / 1000;
	if (gain > 0) {
		lg.tokens = (int)MIN_OF(gain + lg.tokens, LINES_BURST);
		lg.tokens_at_ms = now;
	}
	if (lg.tokens <= 0 && level != NOTE_ERROR) {
		lg.held_back++;
		lg.held_back_total++;
		return false;
	}
	if (lg.tokens > 0)
		lg.tokens--;
	if (lg.held_back > 0) {
		(void)snprintf(text, sizeof(text),
		    "log_held_back lines=%lu", lg.held_back);
		lg.held_back = 0;
		write_line(NOTE_WARN, text);
	}
	return true;
}

/* What an operator or a file says may hold a line end or an escape sequence:
 * one event is one line. */
static void
harmless(const char *line, char *buf, size_t size)
{
	size_t n = 0;

	while (n < size - 1 && line[n] != '\0') {
		unsigned char b = (unsigned char)line[n];

		buf[n++] = (b < 0x20 && b != '\t') || b == 0x7f ? '?' : (char)b;
	}
	buf[n] = '\0';
}

void
log_line(enum note_level level, const char *line)
{
	char buf[2048];

	if (level > lg.level)
		return;
	(void)pthread_mutex_lock(&lg.lock);
	harmless(line, buf, sizeof(buf));
	if (admit(level))
		write_line(level, buf);
	(void)pthread_mutex_unlock(&lg.lock);
}

void
log_get_limit(int *ret_per_second, unsigned long *ret_held_back)
{
	(void)pthread_mutex_lock(&lg.lock);
	*ret_per_second = LINES_PER_SECOND;
	*ret_held_back = lg.held_back_total;
	(void)pthread_mutex_unlock(&lg.lock);
}

void
log_f(enum note_level level, const char *fmt, ...)
{
	char line[2048];
	va_list ap;

	if (level > lg.level)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log_line(level, line);
}

/* Source lines are indented, and belong to what was said before. */
void
log_text(enum note_level level, const char *text)
{
	static const char warning[] = "warning: ";
	enum note_level as = level;
	char line[1024];

	while (*text != '\0') {
		size_t n = strcspn(text, "\n");
		size_t k = MIN_OF(n, sizeof(line) - 1);

		memcpy(line, text, k);
		line[k] = '\0';
		if (strncmp(line, warning, sizeof(warning) - 1) == 0)
			as = NOTE_WARN;
		else if (line[0] != ' ')
			as = level;
		log_line(as, line);
		text += n + (text[n] == '\n');
	}
}
