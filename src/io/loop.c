#include "config.h"
#include "io/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <event2/event.h>
#include <event2/thread.h>

#include "io/evmem.h"

struct loop {
	struct event_base *base;
};

struct loop_watch {
	struct event *ev;
	loop_fn *fn;
	void *arg;
};

struct loop_timer {
	struct event *ev;
	loop_fn *fn;
	void *arg;
};

static loop_log_fn *log_fn;
static void *log_arg;

void
loop_set_log(loop_log_fn *fn, void *arg)
{
	log_fn = fn;
	log_arg = arg;
}

static void
log_line(enum note_level level, const char *line)
{
	if (log_fn != NULL)
		log_fn(log_arg, level, line);
	else
		(void)fprintf(stderr, "libevent: %s\n", line);
}

static void
on_libevent_log(int severity, const char *msg)
{
	switch (severity) {
	case EVENT_LOG_DEBUG:
		log_line(NOTE_DEBUG, msg);
		break;
	case EVENT_LOG_MSG:
		log_line(NOTE_INFO, msg);
		break;
	case EVENT_LOG_WARN:
		log_line(NOTE_WARN, msg);
		break;
	default:
		log_line(NOTE_ERROR, msg);
		break;
	}
}

static void
on_libevent_fatal(int err)
{
	char line[64];

	(void)snprintf(line, sizeof(line), "libevent gave up, code %d", err);
	log_line(NOTE_ERROR, line);
	abort();
}

struct loop *
loop_new(void)
{
	struct event_config *cfg = NULL;
	struct loop *l;

	evmem_install();
	event_set_log_callback(on_libevent_log);
	event_set_fatal_callback(on_libevent_fatal);
	/* libevent keeps a few process-wide things; the file server's thread
	 * shares those with us, though never this base. */
	if (evthread_use_pthreads() != 0)
		return NULL;
	if ((l = calloc(1, sizeof(*l))) == NULL)
		return NULL;
	if ((cfg = event_config_new()) == NULL)
		goto bad;
	/* One thread: a lock around every event_add buys nothing. */
	if (event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK) != 0 ||
	    (l->base = event_base_new_with_config(cfg)) == NULL)
		goto bad;
	event_config_free(cfg);
	return l;
bad:
	if (cfg != NULL)
		event_config_free(cfg);
	free(l);
	return NULL;
}

void
loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	event_base_free(l->base);
	free(l);
}

int
loop_run(struct loop *l)
{
	return event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0 ? -1 : 0;
}

void
loop_stop(struct loop *l)
{
	/* The turn is finished first, so that what it closed is reaped. */
	(void)event_base_loopexit(l->base, NULL);
}

struct event_base *
loop_base(struct loop *l)
{
	return l->base;
}

static int64_t
clock_ms(clockid_t id)
{
	struct timespec ts;

	/* Cannot fail for these two clocks. */
	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
loop_mono_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

int64_t
loop_wall_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

static void
on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct loop_watch *w = arg;

	(void)fd;
	(void)what;
	w->fn(w->arg);
}

static struct loop_watch *
watch_new(struct loop *l, int fd, short what, loop_fn *fn, void *arg)
{
	struct loop_watch *w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return NULL;
	w->fn = fn;
	w->arg = arg;
	w->ev = event_new(l->base, fd, what | EV_PERSIST, on_watch, w);
	if (w->ev == NULL || event_add(w->ev, NULL) != 0) {
		loop_watch_free(w);
		return NULL;
	}
	return w;
}

struct loop_watch *
loop_signal(struct loop *l, int signo, loop_fn *fn, void *arg)
{
	return watch_new(l, signo, EV_SIGNAL, fn, arg);
}

struct loop_watch *
loop_readable(struct loop *l, int fd, loop_fn *fn, void *arg)
{
	return watch_new(l, fd, EV_READ, fn, arg);
}

void
loop_watch_free(struct loop_watch *w)
{
	if (w == NULL)
		return;
	if (w->ev != NULL)
		event_free(w->ev);
	free(w);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *t = arg;

	(void)fd;
	(void)what;
	t->fn(t->arg);
}

struct loop_timer *
loop_timer_new(struct loop *l, loop_fn *fn, void *arg)
{
	struct loop_timer *t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return NULL;
	t->fn = fn;
	t->arg = arg;
	if ((t->ev = evtimer_new(l->base, on_timer, t)) == NULL) {
		free(t);
		return NULL;
	}
	return t;
}

void
loop_timer_set(struct loop_timer *t, int64_t after_ms)
{
	struct timeval tv;

	if (after_ms < 0) {
		(void)event_del(t->ev);
		return;
	}
	tv.tv_sec = after_ms / 1000;
	tv.tv_usec = after_ms % 1000 * 1000;
	/* Adding a timer that is already in the heap cannot fail; the first
	 * add may find no memory, which then is the end of the process soon. */
	if (event_add(t->ev, &tv) != 0)
		log_line(NOTE_ERROR, "a timer could not be set: no memory");
}

void
loop_timer_free(struct loop_timer *t)
{
	if (t == NULL)
		return;
	event_free(t->ev);
	free(t);
}
