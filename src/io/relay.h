#ifndef TRACKUP_IO_RELAY_H
#define TRACKUP_IO_RELAY_H
/*
 * relay: the tracking platform behind us, as trackers.h is told of it.
 *
 * One upstream connection a tracker connection, made when the tracker first
 * speaks; bytes go both ways as they came. What is not ours to decide is not
 * decided: no byte is changed, no frame judged, nobody closed for silence.
 * Invariants: frames that the core calls its own stay here; commands and
 * acknowledgements of ours go to the tracker between two frames of the
 * platform; what waits for either side is bounded.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RELAY_HOST_MAX 255
#define RELAY_RULES_MAX 32
#define RELAY_SOURCES_MAX 64
#define RELAY_HEAD 12 /* bytes of the platform's frame looked at */

enum relay_proxy { RELAY_PROXY_OFF, RELAY_PROXY_V1, RELAY_PROXY_V2 };

/* Which platform is behind a listening address. */
struct relay_rule {
	char listen[80];  /* as in trackers_address, "host:port"; "" = others */
	char host[RELAY_HOST_MAX + 1];
	uint16_t port;
};

struct relay_config {
	struct relay_rule rule[RELAY_RULES_MAX];
	size_t rule_count; /* 0 = no relay */
	char source[RELAY_SOURCES_MAX][46]; /* numeric; taken in turn */
	size_t source_count;
	enum relay_proxy proxy;
	size_t hold;       /* bytes kept for an upstream that is away */
	int64_t connect_timeout_ms, retry_ms, retry_max_ms;
	int64_t partial_ms; /* an unfinished frame is passed on after that */
	int64_t linger_ms;  /* for the other side's end, after one has ended */
};

/* The platform's half of a connection that outlives this process. */
struct relay_kept {
	int fd;
	char host[RELAY_HOST_MAX + 1]; /* the platform; "" = not relayed */
	uint16_t port;
	const char *up, *late;  /* what the platform has not taken yet; replies
	                         * of ours that wait for the end of its frame */
	size_t up_len, late_len;
	uint32_t ahead;         /* of the half frame, passed on already */
	bool inside;            /* in the middle of a frame of the platform's,
				 * which began with: */
	uint8_t head_len;
	char head[RELAY_HEAD];
};

/* Of one platform. */
struct relay_view {
	const char *host;
	uint16_t port;
	bool up;            /* the last attempt to connect succeeded */
	const char *error;  /* of the last that did not; "" */
	size_t connected, waiting;
};

struct relay_stats {
	size_t upstreams;   /* 0 = no relay */
	size_t connected, waiting; /* connections with and without upstream */
	size_t held_bytes;  /* for upstreams, over all */
	size_t hold_max;    /* of one connection */
	uint64_t bytes_up, bytes_down;
	uint64_t connects, connect_failed, upstream_closed, upstream_reset;
	uint64_t hold_closed;  /* the tracker was closed: hold was full */
	uint64_t hidden;       /* frames of ours kept from the platform */
	uint64_t not_hidden;   /* of ours, but it had gone on in part */
	uint64_t not_between;  /* commands that found the platform in a frame */
	uint64_t replies_dropped;
	uint64_t foreign;      /* the platform's own GTUPD commands */
};

#endif
