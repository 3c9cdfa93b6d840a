#ifndef TRACKUP_DAEMON_FILES_H
#define TRACKUP_DAEMON_FILES_H
/*
 * files: campaign files and their lists from disk (or as posted), through
 * config/campaign_file, into the core.
 *
 * struct campaign_files remembers which files it saw, so that one that is gone
 * is noticed; it is the loop's. Reading touches nothing else and may be done on
 * any thread. Invariant: a bad file keeps no other from being read.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/sbuf.h"
#include "config/campaign_file.h"
#include "config/daemon_conf.h"
#include "core/core.h"
#include "io/api.h"

#define FILES_COUNT_MAX 1000
#define FILES_CAMPAIGN_BYTES_MAX ((size_t)1 << 20)
#define FILES_LIST_BYTES_MAX ((size_t)64 << 20)

struct campaign_files;

struct files_stats {
	size_t files;                 /* good ones that were seen */
	uint64_t not_read;            /* more than the limit, path too long */
	uint64_t campaign_too_large, list_too_large;
	uint64_t list_too_long;       /* more than ID_LIST_MAX ids */
};

struct files_sink {
	void *arg;
	/* Takes spec. */
	enum file_verdict (*campaign)(void *arg, struct campaign_spec *spec,
	    struct errtext *err);
	/* text: what is wrong with it, "" = nothing more to say. */
	void (*lost)(void *arg, const char *name, enum pause_reason why,
	    const char *text);
};

struct campaign_files *files_new(void); /* NULL: no memory */
void files_free(struct campaign_files *f); /* NULL is fine */
void files_get_stats(const struct campaign_files *f, struct files_stats *ret);
struct files_batch;
/* Reads every *.yaml of the campaign directory and its lists, and nothing else
 * is touched: on whatever thread. NULL: no memory. */
struct files_batch *files_read(const struct daemon_conf *conf);
void files_batch_free(struct files_batch *b);
/* What was read comes into force. Takes b, which may be NULL. */
MUST_CHECK int files_apply(struct campaign_files *f, struct files_batch *b,
    const struct files_sink *sink, struct sbuf *diag);
/* Both. Reads every *.yaml of the campaign directory, in order of name. Errors
 * and warnings go to diag. sink NULL: only checks. -1: something was refused.
 * Out of descriptors or memory: an error too, but no file counts as broken or
 * gone for it. */
MUST_CHECK int files_scan(struct campaign_files *f,
    const struct daemon_conf *conf, const struct files_sink *sink,
    struct sbuf *diag);
/* The text that the store kept: its spec without lists, or NULL. */
struct campaign_spec *files_stored(const struct daemon_conf *conf,
    const char *name, const char *text, size_t len, struct sbuf *diag);
/* As api_ops.check. *ret_spec, when it is 0, is the caller's. */
int files_check(const struct daemon_conf *conf, const char *file,
    const struct api_files *posted, struct sbuf *diag, struct sbuf *missing,
    struct campaign_spec **ret_spec);

#endif
