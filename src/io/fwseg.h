#ifndef TRACKUP_IO_FWSEG_H
#define TRACKUP_IO_FWSEG_H
/*
 * fwseg: open firmware files, one shared segment each.
 *
 * However many trackers load a file, it costs one descriptor. Each request
 * looks at the file anew: a replaced one is another segment, while downloads
 * of the old one end with the bytes that they began with. One thread.
 */
#include <stdint.h>
#include <sys/stat.h>
#include <event2/buffer.h>
#include "base/attr.h"
#include "base/list.h"
#include "io/beneath.h"

struct fwseg {
	struct list link;
	char path[BENEATH_PATH_MAX];
	struct stat st;
	struct evbuffer_file_segment *segment; /* NULL: an empty file */
	int fd;            /* the segment's; -1: an empty file */
	size_t users;      /* answers that are on their way */
	int64_t idle_at;   /* without users since */
	bool stale;        /* another file has its path now */
};

struct fwseg_cache {
	struct list list;
	char *path;        /* of the directory */
	int root;          /* its descriptor; -1: it is not there yet */
};

/* 0, or -1 with errno: no file is found before the directory is there. */
MUST_CHECK int fwseg_cache_init(struct fwseg_cache *c, const char *root);
void fwseg_cache_done(struct fwseg_cache *c);
/* The file below root, with one user more; NULL with errno. */
MUST_CHECK struct fwseg *fwseg_get(struct fwseg_cache *c, const char *path);
void fwseg_put(struct fwseg *s, int64_t now);
/* Closes what had no user for idle_ms. */
void fwseg_sweep(struct fwseg_cache *c, int64_t now, int64_t idle_ms);

#endif
