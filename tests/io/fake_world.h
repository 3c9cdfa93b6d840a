#ifndef TRACKUP_TESTS_IO_FAKE_WORLD_H
#define TRACKUP_TESTS_IO_FAKE_WORLD_H
/*
 * fake_world: a core and a daemon that exist only to be shown by the API.
 *
 * It links in place of the core (fake_core.c): the same view functions over
 * made-up campaigns and trackers, so that api.c and trackupctl can be tested
 * against every state at once. fake_world.c is the daemon: what is asked of it
 * is written down in the struct.
 */
#include <stddef.h>
#include <stdint.h>
#include "core/report.h"
#include "core/view.h"
#include "io/api.h"

#define FAKE_TARGETS 2345 /* of the campaign "fleet" */
#define FAKE_DEVICES 230
#define FAKE_WALL_MS INT64_C(1795420151042) /* 2026-11-23T07:49:11.042Z */

struct core {
	struct view_campaign campaign[16];
	size_t count;
	int views_left; /* of the campaigns that change by being looked at */
	bool halted;
	bool approved; /* the wave canary of fleet */
};

struct fake_world {
	struct core core;
	struct api *api;
	struct loop *loop;
	/* what the next change does */
	uint64_t ticket;       /* last given out */
	bool hold_durable;     /* until fake_world_durable() */
	bool halt_kept;
	const char *store_state;
	/* what was asked last */
	struct oper last;
	char last_campaign[80], last_device[80], last_who[40];
	char last_reason[256], last_digest[80], last_wave[80];
	unsigned operated, reloaded, checked;
	bool last_force;
	/* the pending read of the history */
	bool hold_timeline, refuse_timeline;
	api_event_fn *event_fn;
	void *event_arg;
	int64_t event_after;
	size_t event_max;
	unsigned timeline_asked, timeline_forgotten;
	/* the feed: events 1.. and audit 1.. that there are */
	int64_t feed_events, feed_audits;
	bool hold_feed, feed_broken;
	unsigned feeds_asked, feeds_forgotten;
	struct feed_query feed_query;
	feed_fn *feed_fn;
	void *feed_arg;
	/* the pending backup */
	bool hold_backup;
	api_firmware_fn *firmware_fn;
	void *firmware_arg;
	bool firmware_refused, hold_firmware;
	int firmware_error, firmware_forgotten;
	unsigned backups, backups_forgotten;
	api_backup_fn *backup_fn;
	void *backup_arg;
	char note[512];        /* last log line */
	struct loop_timer *timer;
};

/* --- fake_core.c -----------------------------------------------------------*/
void fake_core_fill(struct core *c);
struct view_campaign *fake_core_find(const struct core *c, const char *name);

/* --- fake_world.c ----------------------------------------------------------*/
void fake_world_init(struct fake_world *w, struct loop *l);
void fake_world_done(struct fake_world *w);
struct api_ops fake_world_ops(struct fake_world *w);
/* Answers the held backup. */
void fake_world_backup(struct fake_world *w,
    const struct api_backup_result *r);
/* Everything that was given out is on disk. */
void fake_world_durable(struct fake_world *w);
/* Answers the held read of the feed. */
void fake_world_feed(struct fake_world *w);
/* Answers the held read: rows after event_after, 450 in all, 200 at a time. */
void fake_world_events(struct fake_world *w, int status);

#endif
