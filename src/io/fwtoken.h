#ifndef TRACKUP_IO_FWTOKEN_H
#define TRACKUP_IO_FWTOKEN_H
/*
 * fwtoken: what the event loop and the thread of the firmware file server tell
 * each other: which tokens stand for which attempts, and what became of their
 * downloads.
 *
 * One lock over both, held for a lookup or a copy. Reports wait in a ring of
 * fixed size: progress gives way first, and what found no room is counted. The
 * loop owns it and frees it after the server was stopped.
 */
#include "base/attr.h"
#include "base/filetoken.h"
#include "core/event.h"

struct fwtokens;

struct fwtokens_stats {
	size_t tokens;
	size_t reports, reports_max;
	uint64_t dropped;   /* reports that found no room */
};

struct fwtokens *fwtokens_new(void); /* NULL with errno */
void fwtokens_free(struct fwtokens *t);
void fwtokens_get_stats(struct fwtokens *t, struct fwtokens_stats *ret);

/* --- the event loop --------------------------------------------------------*/
/* -1: no memory. */
MUST_CHECK int fwtokens_put(struct fwtokens *t, const char *token,
    int64_t attempt, uint64_t device);
void fwtokens_drop(struct fwtokens *t, const char *token);
/* Readable while reports wait. */
int fwtokens_fd(const struct fwtokens *t);
/* The oldest report; false: none waits. */
bool fwtokens_next(struct fwtokens *t, struct download_report *ret);

/* --- the server ------------------------------------------------------------*/
/* token: FILE_TOKEN_LEN characters; what follows is not looked at. */
bool fwtokens_find(struct fwtokens *t, const char *token,
    int64_t *ret_attempt, uint64_t *ret_device);
void fwtokens_report(struct fwtokens *t, const struct download_report *r);

#endif
