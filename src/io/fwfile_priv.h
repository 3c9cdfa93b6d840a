#ifndef TRACKUP_IO_FWFILE_PRIV_H
#define TRACKUP_IO_FWFILE_PRIV_H
/*
 * fwfile_priv: what fwfile.c (start and stop, counters), fwconn.c
 * (connections), fwanswer.c (requests) and fwpace.c (the rate) share; for them
 * only.
 *
 * All of it belongs to the server's thread, but for rate and counters, which
 * are atomic. struct fwfile owns its connections, files and listeners.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>

#include "base/idmap.h"
#include "base/list.h"
#include "io/fwfile.h"
#include "io/fwreq.h"
#include "io/fwseg.h"
#include "io/listen.h"

#define RETRY_AFTER_S "30"
#define FW_HEADERS_MAX 8192 /* bytes of a request */

enum fw_stat {
	ST_REQUESTS, ST_BYTES, ST_COMPLETED, ST_ABORTED, ST_REFUSED_AUTH,
	ST_REFUSED_PATH, ST_REFUSED_BUSY, ST_NOT_FOUND, ST_REFUSED_TOKEN,
	ST_EVICTED, ST_TIMEOUTS,
	ST_CONNECTIONS, ST_DOWNLOADS, ST_COUNT_
};

struct fwconn {
	struct list link;
	struct fwfile *f;
	struct bufferevent *bev; /* our own reference */
	int64_t deadline_at;
	int64_t idle_at;         /* since then nothing was asked for */
	bool busy;               /* over the cap: 503 is all it gets */
	bool expired;            /* was shut down by us */
	/* of the answer that is on its way */
	struct fwseg *seg;       /* NULL: none */
	uint64_t first, length, counted;
	int64_t begin_at, told_at;
	int status;
	int64_t attempt;         /* that its URL has the token of; 0: none */
	uint64_t device;
	char peer[SOCKADDR_TEXT];
	/* under files.rate */
	bool paced, watched;
	struct list turn;        /* in: it waits for it */
	int64_t turn_at, granted, granted_at, waited_ms, piece;
};

struct fwfile {
	struct event_base *base;
	struct evhttp *http;
	struct evconnlistener **listener;
	uint16_t *port;
	size_t listener_count;
	struct event *wake, *sweep, *reap, *pace;
	int wake_fd;
	pthread_t thread;
	bool running, stopping;

	struct fw_auth auth;
	struct fwtokens *tokens; /* NULL: none are known */
	struct fwseg_cache files;
	int max_connections, busy_max;
	int64_t request_ms, download_ms;
	atomic_int_fast64_t rate;
	int64_t bucket, bucket_at;
	unsigned turn_number;
	struct list turns, plain_turns;
	void *arg;
	void (*note)(void *arg, enum note_level level, const char *line);

	struct list conns;
	struct idmap by_bev;
	size_t conn_count;
	bool paused;             /* listeners off */
	int64_t paused_until;
	int64_t note_at;         /* the next warning may be written */
	atomic_uint_fast64_t stat[ST_COUNT_];
};

static inline uint64_t
bev_key(const struct bufferevent *bev)
{
	return (uint64_t)(uintptr_t)bev;
}

/* --- fwfile.c --------------------------------------------------------------*/
void fw_count(struct fwfile *f, enum fw_stat s, uint64_t n);
/* A line for the log, one in a while. */
void fw_warn(struct fwfile *f, const char *what);

/* --- fwconn.c --------------------------------------------------------------*/
/* evhttp asks for the bufferevent of a connection that was just accepted. */
struct bufferevent *fwconn_new(struct event_base *base, void *f);
/* evhttp has freed its side. */
bool fwconn_gone(const struct fwconn *c);
/* To the event loop, when the request was for an attempt. */
void fwconn_report(struct fwconn *c, enum download_kind kind,
    enum download_why why);
/* The answer has ended, well or not. */
void fwconn_answered(struct fwconn *c, bool complete);
/* Frees those that are gone. */
void fwconns_reap(struct fwfile *f);
/* Every now and then: deadlines, counters, reports. */
void fwconns_sweep(struct fwfile *f);
/* Accepts no further ones for a moment. */
void fwconns_pause(struct fwfile *f);
void fwconns_free(struct fwfile *f);

/* --- fwpace.c --------------------------------------------------------------*/
/* Bytes of a body of that length that may leave at once. */
uint64_t fwpace_piece(struct fwconn *c, uint64_t length);
/* An answer was put into the output, in pieces; nothing of it has left yet. */
void fwpace_begin(struct fwconn *c);
/* Most of its time it waited for us. */
bool fwpace_starved(const struct fwconn *c);
/* It has ended, well or not. */
void fwpace_end(struct fwconn *c);
/* The connection is about to be freed. */
void fwpace_forget(struct fwconn *c);
/* A tracker that takes nothing keeps nobody waiting. */
void fwpace_sweep(struct fwconn *c, int64_t now);
/* Lets those write whose turn it is. */
void fwpace_turns(struct fwfile *f);

/* --- fwanswer.c ------------------------------------------------------------*/
void fw_on_request(struct evhttp_request *req, void *arg);

#endif
