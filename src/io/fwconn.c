#include "config.h"
#include "io/fwfile_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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

#define WRITE_MAX (256 * 1024)       /* libevent's own 16 KiB costs four times */
#define INPUT_MAX (2 * FW_HEADERS_MAX) /* read ahead of what is answered */
#define BUSY_MS 5000
#define EVICT_MS 5000                /* idle for so long, when it is full */
#define PAUSE_MS 100
#define FILE_IDLE_MS 60000
#define PROGRESS_MS 5000             /* between reports of one download */
#define NOTE_MAX 1024

static void
stat_sub(struct fwfile *f, enum fw_stat s)
{
	atomic_fetch_sub_explicit(&f->stat[s], 1, memory_order_relaxed);
}

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

void
fwconns_reap(struct fwfile *f)
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

void
fwconns_pause(struct fwfile *f)
{
	if (f->paused)
		return;
	f->paused = true;
	f->paused_until = loop_mono_ms() + PAUSE_MS;
	for (size_t i = 0; i < f->listener_count; i++)
		(void)evconnlistener_disable(f->listener[i]);
}

static void
conns_resume(struct fwfile *f, int64_t now)
{
	if (!f->paused || now < f->paused_until ||
	    f->conn_count >= (size_t)f->max_connections + (size_t)f->busy_max)
		return;
	f->paused = false;
	for (size_t i = 0; i < f->listener_count; i++)
		(void)evconnlistener_enable(f->listener[i]);
}

struct bufferevent *
fwconn_new(struct event_base *base, void *arg)
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
		fwconns_reap(f);
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
		fwconns_pause(f);
	return bev;
}

void
fwconns_sweep(struct fwfile *f)
{
	int64_t now = loop_mono_ms();
	struct list *n, *tmp;

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
	conns_resume(f, now);
}

void
fwconns_free(struct fwfile *f)
{
	struct list *n, *tmp;

	LIST_EACH_SAFE (n, tmp, &f->conns)
		conn_free(CONTAINER_OF(n, struct fwconn, link));
}
