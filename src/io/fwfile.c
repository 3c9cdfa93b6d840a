#include "config.h"
#include "io/fwfile_priv.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <sys/eventfd.h>

/* A slow client holds twice this in the kernel; 32 KiB would do for a network,
 * but is less than one segment of a 64 KiB MTU (loopback), where each then
 * waits for the other side's delayed acknowledgement: 40 times slower. */
#define SEND_BUFFER (48 * 1024)
#define BUSY_DEFAULT 64              /* over the cap, to be told so */
#define SWEEP_MAX_MS 250
#define SWEEP_MIN_MS 10
#define NOTE_EVERY_MS 10000

/* --- start and stop --------------------------------------------------------*/

/* The server of this thread: what libevent hands to the error callback is
 * evhttp's own, not ours. */
static _Thread_local struct fwfile *here;

static void
on_accept_error(struct evconnlistener *l, void *arg)
{
	(void)l;
	(void)arg;
	/* No descriptors: libevent would try again at once, without end. */
	fw_warn(here, "file server: accept paused reason=accept_error");
	fwconns_pause(here);
}

static void
on_reap(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	fwconns_reap(arg);
}

static void
on_pace(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	fwpace_turns(arg);
}

static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	fwconns_sweep(arg);
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct fwfile *f = arg;

	(void)fd;
	(void)what;
	(void)event_base_loopbreak(f->base);
}

static void *
fw_main(void *arg)
{
	struct fwfile *f = arg;

	here = f;
	(void)event_base_loop(f->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

static struct event_base *
base_new(void)
{
	struct event_config *cfg = event_config_new();
	struct event_base *base = NULL;

	/* Another thread only ever writes to the eventfd. */
	if (cfg != NULL &&
	    event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK) == 0)
		base = event_base_new_with_config(cfg);
	if (cfg != NULL)
		event_config_free(cfg);
	return base;
}

static int
timers_start(struct fwfile *f)
{
	int64_t ms = MIN_OF(f->request_ms, f->download_ms) / 8;
	struct timeval tv;

	ms = MAX_OF(MIN_OF(ms, SWEEP_MAX_MS), SWEEP_MIN_MS);
	tv = (struct timeval){.tv_usec = ms * 1000};
	f->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (f->wake_fd < 0)
		return -1;
	f->wake = event_new(f->base, f->wake_fd, EV_READ, on_wake, f);
	f->sweep = event_new(f->base, -1, EV_PERSIST, on_sweep, f);
	f->reap = event_new(f->base, -1, 0, on_reap, f);
	f->pace = event_new(f->base, -1, 0, on_pace, f);
	if (f->wake == NULL || f->sweep == NULL || f->reap == NULL ||
	    f->pace == NULL ||
	    event_add(f->wake, NULL) != 0 || event_add(f->sweep, &tv) != 0)
		return -1;
	return 0;
}

static int
http_start(struct fwfile *f)
{
	/* Ours are the sweep's; this only keeps libevent's 50 s away. */
	struct timeval never = {.tv_sec = 7 * 86400};

	if ((f->http = evhttp_new(f->base)) == NULL)
		return -1;
	evhttp_set_timeout_tv(f->http, &never);
	evhttp_set_max_headers_size(f->http, FW_HEADERS_MAX);
	evhttp_set_max_body_size(f->http, 0);
	/* All that libevent knows, so that 405 is said by us. */
	evhttp_set_allowed_methods(f->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD |
	    EVHTTP_REQ_POST | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
	    EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT |
	    EVHTTP_REQ_PATCH);
	evhttp_set_bevcb(f->http, fwconn_new, f);
	evhttp_set_gencb(f->http, fw_on_request, f);
	return 0;
}

static int
listeners_start(struct fwfile *f, const struct fwfile_config *cfg,
    struct errtext *err)
{
	struct listen_options o = {.send_buffer = SEND_BUFFER};
	struct evconnlistener *l;
	int fd;

	f->listener = calloc(cfg->listen_count + 1,
	    sizeof(struct evconnlistener *));
	f->port = calloc(cfg->listen_count + 1, sizeof(*f->port));
	if (f->listener == NULL || f->port == NULL)
		return errtext_set(err, -1, "no memory");
	for (size_t i = 0; i < cfg->listen_count; i++) {
		if ((fd = listen_open(&cfg->listen[i], &o, err)) < 0)
			return -1;
		f->port[i] = listen_port(fd);
		l = evconnlistener_new(f->base, NULL, NULL,
		    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
		if (l == NULL) {
			(void)close(fd);
			return errtext_set(err, -1, "no memory");
		}
		if (evhttp_bind_listener(f->http, l) == NULL) {
			evconnlistener_free(l);
			return errtext_set(err, -1, "no memory");
		}
		/* evhttp owns it from here on. */
		evconnlistener_set_error_cb(l, on_accept_error);
		f->listener[f->listener_count++] = l;
	}
	return 0;
}

static int
thread_start(struct fwfile *f)
{
	sigset_t all, old;
	int r;

	/* Signals are the main thread's; SIGPIPE, which a broken download
	 * would raise here, is nobody's. */
	(void)sigfillset(&all);
	if ((r = pthread_sigmask(SIG_SETMASK, &all, &old)) != 0)
		return r;
	r = pthread_create(&f->thread, NULL, fw_main, f);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	f->running = r == 0;
	return r;
}

/* No reason to keep trackers from being heard: it may be mounted later. */
static void
note_no_root(struct fwfile *f)
{
	char line[1024];

	(void)snprintf(line, sizeof(line), "files.root: %s: %s; no package is "
	    "found before it is there", f->files.path == NULL ? ""
		: f->files.path, strerror(errno));
	f->note(f->arg, NOTE_WARN, line);
}

int
fwfile_start(struct fwfile **ret, const struct fwfile_config *cfg,
    struct errtext *err)
{
	struct fwfile *f;
	int r;

	if (evthread_use_pthreads() != 0 ||
	    (f = calloc(1, sizeof(*f))) == NULL)
		return errtext_set(err, -1, "no memory");
	f->wake_fd = f->files.root = -1;
	list_init(&f->conns);
	list_init(&f->turns);
	list_init(&f->plain_turns);
	f->bucket_at = loop_mono_ms();
	fwfile_set_rate(f, cfg->rate);
	list_init(&f->files.list);
	idmap_init(&f->by_bev, (uint64_t)(uintptr_t)f);
	f->max_connections = cfg->max_connections;
	f->busy_max = cfg->busy_max > 0 ? cfg->busy_max : BUSY_DEFAULT;
	f->request_ms = cfg->request_timeout_ms;
	f->download_ms = cfg->download_timeout_ms;
	f->tokens = cfg->tokens;
	f->arg = cfg->arg;
	f->note = cfg->note;
	if (fw_auth_init(&f->auth, cfg->user, cfg->password) < 0) {
		(void)errtext_set(err, -1, "files: user or password: too "
		    "long, or a ':' in the user");
		goto bad;
	}
	if (fwseg_cache_init(&f->files, cfg->root) < 0)
		note_no_root(f);
	if (f->files.path == NULL || (f->base = base_new()) == NULL || http_start(f) < 0) {
		(void)errtext_set(err, -1, "no memory");
		goto bad;
	}
	if (listeners_start(f, cfg, err) < 0)
		goto bad;
	if (timers_start(f) < 0) {
		(void)errtext_set(err, -1, "file server: %s", strerror(errno));
		goto bad;
	}
	if ((r = thread_start(f)) != 0) {
		(void)errtext_set(err, -1, "file server: no thread: %s",
		    strerror(r));
		goto bad;
	}
	*ret = f;
	return 0;
bad:
	fwfile_stop(f);
	return -1;
}

void
fwfile_stop(struct fwfile *f)
{
	uint64_t one = 1;

	if (f == NULL)
		return;
	if (f->running) {
		/* An eventfd that was never written cannot be full. */
		(void)!write(f->wake_fd, &one, sizeof(one));
		(void)pthread_join(f->thread, NULL);
	}
	/* What ends now was ended by us; the next start knows. */
	f->stopping = true;
	if (f->http != NULL)
		evhttp_free(f->http);
	fwconns_free(f);
	fwseg_cache_done(&f->files);
	if (f->wake != NULL)
		event_free(f->wake);
	if (f->sweep != NULL)
		event_free(f->sweep);
	if (f->reap != NULL)
		event_free(f->reap);
	if (f->pace != NULL)
		event_free(f->pace);
	if (f->base != NULL)
		event_base_free(f->base);
	if (f->wake_fd >= 0)
		(void)close(f->wake_fd);
	idmap_done(&f->by_bev);
	free(f->listener);
	free(f->port);
	free(f);
}

uint16_t
fwfile_port(const struct fwfile *f, size_t i)
{
	return i < f->listener_count ? f->port[i] : 0;
}

/* --- counters --------------------------------------------------------------*/

void
fw_count(struct fwfile *f, enum fw_stat s, uint64_t n)
{
	atomic_fetch_add_explicit(&f->stat[s], n, memory_order_relaxed);
}

void
fw_warn(struct fwfile *f, const char *what)
{
	int64_t now = loop_mono_ms();

	if (now < f->note_at)
		return;
	f->note_at = now + NOTE_EVERY_MS;
	f->note(f->arg, NOTE_WARN, what);
}

static uint64_t
stat_get(struct fwfile *f, enum fw_stat s)
{
	return atomic_load_explicit(&f->stat[s], memory_order_relaxed);
}

void
fwfile_get_stats(struct fwfile *f, struct fwfile_stats *ret)
{
	*ret = (struct fwfile_stats){
		.requests = stat_get(f, ST_REQUESTS),
		.bytes = stat_get(f, ST_BYTES),
		.completed = stat_get(f, ST_COMPLETED),
		.aborted = stat_get(f, ST_ABORTED),
		.refused_auth = stat_get(f, ST_REFUSED_AUTH),
		.refused_path = stat_get(f, ST_REFUSED_PATH),
		.refused_busy = stat_get(f, ST_REFUSED_BUSY),
		.not_found = stat_get(f, ST_NOT_FOUND),
		.refused_token = stat_get(f, ST_REFUSED_TOKEN),
		.evicted = stat_get(f, ST_EVICTED),
		.timeouts = stat_get(f, ST_TIMEOUTS),
		.connections = (size_t)stat_get(f, ST_CONNECTIONS),
		.downloads = (size_t)stat_get(f, ST_DOWNLOADS),
		.max_connections = f->max_connections,
		.request_timeout_ms = f->request_ms,
		.download_timeout_ms = f->download_ms,
		.rate = atomic_load_explicit(&f->rate, memory_order_relaxed),
	};
}
