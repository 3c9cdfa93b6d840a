#ifndef TRACKUP_CONFIG_CAMPAIGN_FILE_H
#define TRACKUP_CONFIG_CAMPAIGN_FILE_H
/*
 * campaign_file: a campaign's YAML and its lists → struct campaign_spec.
 *
 * The world comes in as callbacks, so that the same code reads files from
 * disk, files posted to the API, and texts kept in the store. Whole or not at
 * all: a file with one error gives no spec. Everything that goes in is borrowed
 * for the call; the spec is the caller's.
 */
#include "base/attr.h"
#include "base/errtext.h"
#include "base/sbuf.h"
#include "config/notes.h"
#include "core/spec.h"

#define CAMPAIGN_KEYS_MAX 40

/* Where the keys of a file stand, for what is found out about it later. */
struct campaign_places {
	struct {
		char key[24];
		struct note_pos at;
	} v[CAMPAIGN_KEYS_MAX];
	size_t count;
};

enum { CAMPAIGN_FILES_MISSING = -2 };

struct campaign_env {
	void *arg;
	/* A list file, path as written in the campaign (relative to it).
	 * 0 with *ret_text from malloc (caller frees); -1 with a text in err;
	 * CAMPAIGN_FILES_MISSING when it may still come (API). */
	int (*read_list)(void *arg, const char *campaign_path,
	    const char *list, char **ret_text, size_t *ret_len,
	    struct errtext *err);
	/* Size and SHA-256 of a package below files.root. */
	int (*package)(void *arg, const char *file, uint64_t *ret_bytes,
	    char ret_sha256[DIGEST_TEXT], struct errtext *err);
	/* SHA-256 over parts. */
	void (*digest)(void *arg, const char *const *part, const size_t *len,
	    size_t count, char ret[DIGEST_TEXT]);
	const char *public_url;   /* files.public_url, "" = none */
	bool tokens;              /* our own server has that root: the URL of
	                           * a package gets a token at each start */
	int64_t file_rate;        /* files.rate; 0 = no limit */
	bool advise;              /* `campaign check`: warn of what is missing,
	                           * too, and not only of what looks wrong */
	double time_scale;        /* of every duration; 0 = 1 = none */
	struct campaign_places *places; /* filled on success; may be NULL */
	uint64_t *lists_full;     /* counts lists of more than ID_LIST_MAX ids;
	                           * may be NULL */
	bool stored;              /* a text from the store: lists and package
	                           * files are not looked at, devices stay empty */
};

/* Of a message "key: what" or "key.more: what"; the begin of the file where
 * there is no such key. */
struct note_pos campaign_place(const struct campaign_places *p,
    const char *message);

/* 0 and *ret (caller frees), or -1 with every error in diag, or
 * CAMPAIGN_FILES_MISSING with the names appended to missing, one a line.
 * Warnings ("warning: file:line:…") go to diag also on success. */
MUST_CHECK int campaign_parse(const char *path, const char *text, size_t len,
    const struct campaign_env *env, struct campaign_spec **ret,
    struct sbuf *diag, struct sbuf *missing);

#endif
