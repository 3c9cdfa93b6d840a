#ifndef TRACKUP_CORE_FEED_H
#define TRACKUP_CORE_FEED_H
/*
 * feed: what happened to all, as the store tells it and the API shows it.
 *
 * Plain values. A feed has two sequences, the events of the timelines and the
 * audit log; a position is a pair of row ids, and what is behind it comes in
 * the order of time. Only what is on disk is in it, so that a position holds
 * over a restart of daemon and client alike.
 */
#include "core/record.h"

#define FEED_ROWS_MAX 200

enum feed_kind {
	FEED_BEHIND, /* events and audit behind the position, oldest first */
	FEED_SINCE,  /* the same, the position being the time since_wall */
	FEED_END,    /* no rows, only the position of the end */
	FEED_AUDIT,  /* audit before the id audit, newest first; 0 = the end */
};

struct feed_query {
	enum feed_kind kind;
	int64_t event, audit;
	int64_t since_wall;
	char campaign[CAMPAIGN_NAME_MAX + 1]; /* "" = all */
	size_t limit;                         /* 0 = FEED_ROWS_MAX */
};

struct feed_row {
	int64_t event, audit;         /* the position with this row */
	bool is_audit;
	union {
		struct event_rec ev;
		struct audit_rec au;
	};
	char campaign[CAMPAIGN_NAME_MAX + 1]; /* of an event; "" */
	char device[DEVID_MAX + 1];           /* of an event; "" */
};

struct feed_page {
	int status;                   /* negative: the database was not read */
	const struct feed_row *row;
	size_t count;
	int64_t event, audit;         /* the position behind the page */
	bool more;
	bool gap;                     /* rows behind the position are gone */
};

/* Borrows page. */
typedef void feed_fn(void *arg, const struct feed_page *page);

#endif
