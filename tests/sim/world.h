#ifndef TRACKUP_TESTS_SIM_WORLD_H
#define TRACKUP_TESTS_SIM_WORLD_H
/*
 * world: one tracker, a server and the air between them, on a clock of its own.
 *
 * Nothing here waits: world_run() moves the clock from event to event. Every
 * frame that the tracker writes is kept with its time and the number of the
 * connection; bytes between frames are counted as junk.
 */
#include <stdbool.h>
#include <stdint.h>
#include "sim/tracker.h"

#define WORLD_ID "860000000000009"
#define WORLD_FRAMES_MAX 4096
#define WORLD_PENDING_MAX 64

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

struct world_frame {
	int64_t at_ms;
	unsigned link;
	char text[WIRE_OUT_MAX];
};

enum world_what { WORLD_OPEN, WORLD_REFUSE, WORLD_FRAME, WORLD_FETCHED };

struct world_pending {
	int64_t at_ms;
	enum world_what what;
	unsigned link;
	bool ok;
	char text[320];
};

struct world {
	struct tracker_conf conf; /* may be changed before world_start() */
	struct faults faults;
	struct tracker t;
	struct moment now;
	bool away; /* the server refuses connections */
	bool mute; /* sends no SACK of reports */
	bool deaf; /* nor of heartbeats */
	int64_t latency_ms; /* each way */
	bool fetch_ok;
	bool fetch_refused; /* a download cannot even begin */
	int64_t fetch_ms;

	unsigned link; /* number of the newest connection, from 1 */
	bool up;
	unsigned fetches;
	unsigned cancels;
	size_t junk;
	unsigned in_pieces; /* sends that asked for it */
	char last_url[URL_MAX + 1];
	int64_t last_timeout_ms;
	struct world_pending pending[WORLD_PENDING_MAX];
	size_t pending_count;
	struct world_frame frames[WORLD_FRAMES_MAX];
	size_t frame_count;
	size_t seen; /* world_wait() looks from here */
};

/* faults as of --faults, NULL for none. Caller frees with world_free(). */
struct world *world_new(const char *faults);
void world_free(struct world *w);
void world_start(struct world *w);
void world_run(struct world *w, int64_t ms);
/* From the server, at once, on the newest connection; it must be up. */
void world_say(struct world *w, const char *text);
/* The server closes the connection, or has crashed. */
void world_cut(struct world *w);
/* Runs until a frame that holds text was written, for ms at most, and returns
 * it; NULL when none came. Each frame is found once only. */
const struct world_frame *world_wait(struct world *w, const char *text,
    int64_t ms);
/* Frames kept that hold text. */
unsigned world_count(const struct world *w, const char *text);
/* Field from the end: 1 is the count, 2 the send time. */
const char *world_field(const struct world_frame *f, unsigned from_end);
/* The codes of the update reports, with /times, in the order written, resends
 * and copies left out: "100 200/1 201/1 300 301". */
const char *world_codes(const struct world *w);
/* Like world_codes(), but with resends and copies. */
const char *world_codes_raw(const struct world *w);

#define START(serial) "AT+GTUPD=gv620mg,0,1,15,0,,,http://fw.example.org/" \
	"gv620mg_0A03_0A05.enc,,1,,," serial "$"
#define STOP(serial) "AT+GTUPD=gv620mg,1,,,,," serial "$"
#define READ(serial) "AT+GTRTO=gv620mg,8,,,,,," serial "$"

#endif
