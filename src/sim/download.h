#ifndef TRACKUP_SIM_DOWNLOAD_H
#define TRACKUP_SIM_DOWNLOAD_H
/*
 * download: fetches one package over HTTP as a tracker would, and drops it.
 *
 * Good is status 200 with a Content-Length over 0 and exactly that many bytes
 * before the deadline. The owner frees a download in its callback or to cancel
 * it; the callback comes once, never from within download_start().
 */
#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"

struct event_base;
struct evdns_base;
struct download;

#define DOWNLOAD_HEAD_MAX 8192 /* bytes of status line and headers */
#define DOWNLOAD_BODY_MAX (UINT64_C(256) << 20)

struct download_order {
	const char *url;
	const char *user; /* "" = no authentication */
	const char *secret;
	int64_t timeout_ms;
	void (*done)(void *arg, const char *why, uint64_t bytes); /* NULL: ok */
	void *arg;
};

/* Copies what it needs. NULL: no memory or no descriptor, or a bad URL. */
MUST_CHECK struct download *download_start(struct event_base *base,
    struct evdns_base *dns, const struct download_order *o);
void download_free(struct download *d); /* NULL is fine */

#endif
