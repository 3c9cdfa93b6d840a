#ifndef TRACKUP_IO_LOOP_H
#define TRACKUP_IO_LOOP_H
/*
 * loop: the event loop, so that nobody above io includes libevent.
 *
 * One loop, one thread. Callbacks run on it. Objects are released with their
 * x_free(); never inside their own callback unless it says so.
 */
#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "core/event.h"

struct loop;
struct event_base;
struct loop_watch;
struct loop_timer;

typedef void loop_fn(void *arg);
/* A line of libevent's own; may come from any thread. */
typedef void loop_log_fn(void *arg, enum note_level level, const char *line);

/* Where libevent's warnings go, stderr until set (fn NULL sets that back).
 * What libevent calls fatal is passed on as NOTE_ERROR, then the process
 * aborts: its state can no longer be trusted. Set before threads start. */
void loop_set_log(loop_log_fn *fn, void *arg);

struct loop *loop_new(void); /* NULL: no memory; also sets libevent's log */
void loop_free(struct loop *l);
int loop_run(struct loop *l);  /* until loop_stop() */
void loop_stop(struct loop *l);
struct event_base *loop_base(struct loop *l); /* for io/ only */

/* Monotonic ms and UTC ms, read now. */
int64_t loop_mono_ms(void);
int64_t loop_wall_ms(void);

MUST_CHECK struct loop_watch *loop_signal(struct loop *l, int signo,
    loop_fn *fn, void *arg);
MUST_CHECK struct loop_watch *loop_readable(struct loop *l, int fd,
    loop_fn *fn, void *arg);
void loop_watch_free(struct loop_watch *w);

/* One-shot; set again to repeat. after_ms < 0 disarms. */
MUST_CHECK struct loop_timer *loop_timer_new(struct loop *l, loop_fn *fn,
    void *arg);
void loop_timer_set(struct loop_timer *t, int64_t after_ms);
void loop_timer_free(struct loop_timer *t);

#endif
