#include "config.h"
#include "io/fwfile_priv.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/sbuf.h"

/*
 * evhttp answers, but it counts no connections and forgets its timeout with
 * each byte that drips in. So each connection's bufferevent is made here and
 * kept by a reference of our own: a sweep ends those whose time is over, and
 * sees those that evhttp has given up (their callbacks are gone). The socket
 * belongs to the bufferevent, not to evhttp: were it closed while our
 * reference keeps its events, the next connection with that number would be
 * taken for it.
 */

/* A slow client holds twice this in the kernel; 32 KiB would do for a network,
 * but is less than one segment of a 64 KiB MTU (loopback), where each then
 * waits for the other side's delayed acknowledgement: 40 times slower. */
#define SEND_BUFFER (48 * 1024)
#define WRITE_MAX (256 * 1024)       /* libevent's own 16 KiB costs four times */
#define HEADERS_MAX 8192
#define INPUT_MAX (2 * HEADERS_MAX)  /* read ahead of what is answered */
#define BUSY_DEFAULT 64              /* over the cap, to be told so */
#define BUSY_MS 5000
#define EVICT_MS 5000                /* idle for so long, when it is full */
#define SWEEP_MAX_MS 250
#define SWEEP_MIN_MS 10
#define PAUSE_MS 100
#define FILE_IDLE_MS 60000
#define PROGRESS_MS 5000             /* between reports of one download */
#define NOTE_EVERY_MS 10000
#define NOTE_MAX 1024

void
fw_count(struct fwfile *f, enum fw_stat s, uint64_t n)
{
	atomic_fetch_add_explicit(&f->stat[s], n, memory_order_relaxed);
}

static void
stat_sub(struct fwfile *f, enum fw_stat s)
{
	atomic_fetch_sub_explicit(&f->stat[s], 1, memory_order_relaxed);
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

/* --- connections -----------------------------------------------------------*/

bool
fwconn_gone(const struct fwconn *c)
{
	bufferevent_event_cb cb = NULL;

	bufferevent_getcb(c->bev, NULL, NULL, &cb, NULL);
	return cb == NULL;
}

/* Bytes of the body that left since the last look. */
static void
conn_account(struct fwconn *c)
{
	size_t left = evbuffer_get_length(bufferevent_get_output(c->bev));
	uint64_t sent;

	if (c->seg == NULL)
		return;
	/* Headers go first: while they wait, more is left than the body. */
	sent = left < c->length ? c->length - left : 0;
	if (sent > c->counted) {
		fw_count(c->f, ST_BYTES, sent - c->counted);
		c->counted = sent;
	}
}

static void
note_download(struct fwconn *c, const char *how, int64_t now)
{
	struct sbuf line;

	sbuf_init(&line, NOTE_MAX);
	sbuf_addf(&line, "download %s path=\"", how);
	sbuf_add_escaped(&line, c->seg->path, strlen(c->seg->path));
	sbuf_addf(&line, "\" status=%d bytes=%llu of=%llu peer=%s "
	    "duration_ms=%lld", c->status, (unsigned long long)c->counted,
	    (unsigned long long)c->length, c->peer,
	    (long long)(now - c->begin_at));
	c->f->note(c->f->arg, NOTE_DEBUG, sbuf_str(&line));
	sbuf_done(&line);
}

/* What broke a download that nobody finished. Where the tracker went away the
 * kernel knows; where it is still there, or the file is not, it was us. */
static enum download_why
broken_why(const struct fwconn *c)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);
	char byte;

	if (pread(c->seg->fd, &byte, 1,
		(off_t)(c->first + c->length) - 1) != 1)
		return DOWNLOAD_FAULT;
	/* It had no share of the rate. */
	if (c->expired)
		return fwpace_starved(c) ? DOWNLOAD_FAULT : DOWNLOAD_SLOW;
	if (getsockopt(bufferevent_getfd(c->bev), IPPROTO_TCP, TCP_INFO,
		&info, &len) == 0 &&
	    (info.tcpi_state == TCP_ESTABLISHED ||
		info.tcpi_state == TCP_FIN_WAIT1 ||
		info.tcpi_state == TCP_FIN_WAIT2))
		return DOWNLOAD_FAULT;
	return DOWNLOAD_CUT;
}

void
fwconn_report(struct fwconn *c, enum download_kind kind,
    enum download_why why)
{
	struct download_report r = {
	    .kind = kind,
	    .why = why,
	    .attempt = c->attempt,
	    .device = c->device,
	    .status = c->status,
	};

	if (c->attempt == 0 || c->f->stopping)
		return;
	if (c->seg != NULL) {
		r.first = c->first;
		r.length = c->length;
		r.size = (uint64_t)c->seg->st.st_size;
		r.bytes = c->counted;
		r.ms = loop_mono_ms() - c->begin_at;
	}
	(void)snprintf(r.peer, sizeof(r.peer), "%s", c->peer);
	fwtokens_report(c->f->tokens, &r);
}

void
fwconn_answered(struct fwconn *c, bool complete)
{
	int64_t now = loop_mono_ms();

	if (c->seg == NULL)
		return;
	conn_account(c);
	fw_count(c->f, complete ? ST_COMPLETED : ST_ABORTED, 1);
	stat_sub(c->f, ST_DOWNLOADS);
	note_download(c, complete ? "finished" :
	    c->expired ? "timed_out" : "aborted", now);
	fwconn_report(c, DOWNLOAD_END,
	    complete ? DOWNLOAD_COMPLETE : broken_why(c));
	fwpace_end(c);
	fwseg_put(c->seg, now);
	c->seg = NULL;
}

static void
conn_free(struct fwconn *c)
{
	struct fwfile *f = c->f;

	fwconn_answered(c, false);
	fwpace_forget(c);
	(void)idmap_remove(&f->by_bev, bev_key(c->bev));
	list_remove(&c->link);
	(void)bufferevent_decref(c->bev);
	f->conn_count--;
	stat_sub(f, ST_CONNECTIONS);
#ifndef __clang_analyzer__ /* which does not see that it left the list */
	free(c);
#endif
}

static void
conns_reap(struct fwfile *f)
{
	struct list *n, *tmp;

	LIST_EACH_SAFE (n, tmp, &f->conns) {
		struct fwconn *c = CONTAINER_OF(n, struct fwconn, link);

		if (fwconn_gone(c))
			conn_free(c);
	}
}

static void
conn_end(struct fwconn *c)
{
	struct linger lg = {.l_onoff = 1};
	int fd = bufferevent_getfd(c->bev);

	c->expired = true;
	/* evhttp finds the end of the stream and frees what is its own; the
	 * kernel forgets what the peer does not take. */
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &lg, sizeof(lg));
	(void)shutdown(fd, SHUT_RDWR);
}

/* Absolute: whatever it sends or takes does not move the deadline. */
static void
conn_expire(struct fwconn *c)
{
	if (c->expired)
		return;
	fw_count(c->f, ST_TIMEOUTS, 1);
	conn_end(c);
}

/* Who holds a place and asks for nothing must not keep a tracker out: the one
 * that has been doing so longest goes. */
static bool
evict_one(struct fwfile *f)
{
	int64_t before = loop_mono_ms() - MIN_OF(f->request_ms / 4, EVICT_MS);
	struct list *n, *tmp;

	LIST_EACH_SAFE (n, tmp, &f->conns) {
		struct fwconn *c = CONTAINER_OF(n, struct fwconn, link);

		if (c->seg != NULL || c->expired || c->idle_at > before)
			continue;
		fw_count(f, ST_EVICTED, 1);
		conn_end(c);
		return true;
	}
	return false;
}

static void
on_reap(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	conns_reap(arg);
}

static void
on_pace(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	fwpace_turns(arg);
}

static void
listeners_pause(struct fwfile *f)
{
	if (f->paused)
		return;
	f->paused = true;
	f->paused_until = loop_mono_ms() + PAUSE_MS;
	for (size_t i = 0; i < f->listener_count; i++)
		(void)evconnlistener_disable(f->listener[i]);
}

static void
listeners_resume(struct fwfile *f, int64_t now)
{
	if (!f->paused || now < f->paused_until ||
	    f->conn_count >= (size_t)f->max_connections + (size_t)f->busy_max)
		return;
	f->paused = false;
	for (size_t i = 0; i < f->listener_count; i++)
		(void)evconnlistener_enable(f->listener[i]);
}

/* evhttp asks for the bufferevent of a connection that was just accepted. */
static struct bufferevent *
on_connection(struct event_base *base, void *arg)
{
	struct fwfile *f = arg;
	struct fwconn *c = calloc(1, sizeof(*c));
	struct bufferevent *bev = bufferevent_socket_new(base, -1,
	    BEV_OPT_CLOSE_ON_FREE);

	if (c == NULL || bev == NULL ||
	    idmap_put(&f->by_bev, bev_key(bev), c) < 0) {
		/* evhttp makes one of its own then, which is_busy() refuses. */
		if (bev != NULL)
			bufferevent_free(bev);
		free(c);
		return NULL;
	}
	if (f->conn_count >= (size_t)f->max_connections)
		conns_reap(f);
	c->f = f;
	c->bev = bev;
	bufferevent_incref(bev);
	c->busy = f->conn_count >= (size_t)f->max_connections && !evict_one(f);
	c->idle_at = loop_mono_ms();
	c->deadline_at = c->idle_at +
	    (c->busy ? MIN_OF(f->request_ms, BUSY_MS) : f->request_ms);
	bufferevent_setwatermark(bev, EV_READ, 0, INPUT_MAX);
	(void)bufferevent_set_max_single_write(bev, WRITE_MAX);
	list_push_back(&f->conns, &c->link);
	f->conn_count++;
	fw_count(f, ST_CONNECTIONS, 1);
	if (c->busy) {
		fw_count(f, ST_REFUSED_BUSY, 1);
		fw_warn(f, "file server: connection over the cap refused "
		    "reason=max_connections");
	}
	if (f->conn_count >= (size_t)f->max_connections + (size_t)f->busy_max)
		listeners_pause(f);
	return bev;
}

static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct fwfile *f = arg;
	int64_t now = loop_mono_ms();
	struct list *n, *tmp;

	(void)fd;
	(void)what;
	LIST_EACH_SAFE (n, tmp, &f->conns) {
		struct fwconn *c = CONTAINER_OF(n, struct fwconn, link);

		if (fwconn_gone(c)) {
			conn_free(c);
			continue;
		}
		conn_account(c);
		fwpace_sweep(c, now);
		if (c->seg != NULL && now >= c->told_at) {
			c->told_at = now + PROGRESS_MS;
			fwconn_report(c, DOWNLOAD_PROGRESS, DOWNLOAD_COMPLETE);
		}
		if (now >= c->deadline_at)
			conn_expire(c);
	}
	fwpace_turns(f);
	fwseg_sweep(&f->files, now, FILE_IDLE_MS);
	listeners_resume(f, now);
}

/* The server of this thread: what libevent hands to the error callback is
 * evhttp's own, not ours. */
static _Thread_local struct fwfile *here;

static void
on_accept_error(struct evconnlistener *l, void *arg)
{
	struct fwfile *f = here;

	(void)l;
	(void)arg;
	/* No descriptors: libevent would try again at once, without end. */
	fw_warn(f, "file server: accept paused reason=accept_error");
	listeners_pause(f);
}

/* --- start and stop --------------------------------------------------------*/

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
	evhttp_set_max_headers_size(f->http, HEADERS_MAX);
	evhttp_set_max_body_size(f->http, 0);
	/* All that libevent knows, so that 405 is said by us. */
	evhttp_set_allowed_methods(f->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD |
	    EVHTTP_REQ_POST | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
	    EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT |
	    EVHTTP_REQ_PATCH);
	evhttp_set_bevcb(f->http, on_connection, f);
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
	if (fwseg_cache_init(&f->files, cfg->root) < 0) {
		(void)errtext_set(err, -1, "files.root: %s: %s", cfg->root,
		    strerror(errno));
		goto bad;
	}
	if ((f->base = base_new()) == NULL || http_start(f) < 0) {
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
	struct list *n, *tmp;
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
	LIST_EACH_SAFE (n, tmp, &f->conns)
		conn_free(CONTAINER_OF(n, struct fwconn, link));
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
