#ifndef TRACKUP_DAEMON_LOG_H
#define TRACKUP_DAEMON_LOG_H
/*
 * log: one event, one line, on standard error.
 *
 * On a terminal: time, level, colour unless NO_COLOR. Else the priority prefix
 * <N> that the journal reads, and no time of its own. May be called from any
 * thread. Lines over the rate are held back and counted, errors never.
 */
#include "base/attr.h"
#include "core/event.h"

void log_init(void);
/* more: levels above it, by -v. */
void log_level(enum note_level level, int more);
void log_line(enum note_level level, const char *line);
void log_f(enum note_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* What held lines back: lines a second, and how many so far. */
void log_get_limit(int *ret_per_second, unsigned long *ret_held_back);
/* Each line of a text (diagnostics) as a line of its own; its warnings are
 * warnings at any level. */
void log_text(enum note_level level, const char *text);

#endif
