#ifndef TRACKUP_IO_FWFILE_H
#define TRACKUP_IO_FWFILE_H
/*
 * fwfile: the embedded firmware file server, on a thread and event base of its
 * own, so that bulk downloads never delay trackers.
 *
 * GET and HEAD, Range, basic authentication, nothing outside root, symlinks
 * refused, one shared file segment a file with sendfile, small send buffers,
 * Content-Length always. Absolute deadlines and caps for slow clients.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/errtext.h"
#include "core/event.h"
#include "io/fwtoken.h"
#include "io/trackers.h"

struct fwfile;

struct fwfile_config {
	const struct trackers_address *listen;
	size_t listen_count;
	const char *root;
	const char *user, *password;  /* "" = no authentication */
	int max_connections;
	int busy_max;                 /* over it, to be told so; 0 = 64 */
	int64_t request_timeout_ms;   /* headers complete by then */
	int64_t download_timeout_ms;  /* whole answer by then */
	int64_t rate;                 /* bytes a second over all; 0 = no limit */
	/* Whose downloads are told apart; NULL = nobody's. Outlives the
	 * server. */
	struct fwtokens *tokens;
	void *arg;
	/* Called on the server's thread; must not block. */
	void (*note)(void *arg, enum note_level level, const char *line);
};

struct fwfile_stats {
	uint64_t requests, bytes, completed, aborted;
	uint64_t refused_auth, refused_path, refused_busy, not_found;
	uint64_t refused_token;       /* of no attempt, or of one that is over */
	uint64_t timeouts;
	uint64_t evicted;             /* idle, and somebody else wanted in */
	size_t connections, downloads;
	int max_connections;
	int64_t request_timeout_ms, download_timeout_ms, rate;
};

MUST_CHECK int fwfile_start(struct fwfile **ret,
    const struct fwfile_config *cfg, struct errtext *err);
/* The port that the i-th listener is bound to; 0: no such. */
uint16_t fwfile_port(const struct fwfile *f, size_t i);
void fwfile_stop(struct fwfile *f); /* within a second; NULL is fine */
/* From now on. */
void fwfile_set_rate(struct fwfile *f, int64_t rate);
void fwfile_get_stats(struct fwfile *f, struct fwfile_stats *ret);

#endif
