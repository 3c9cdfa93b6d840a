#include "config.h"
#include "io/fwseg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
fwseg_cache_init(struct fwseg_cache *c, const char *root)
{
	list_init(&c->list);
	c->root = -1;
	if ((c->path = strdup(root)) == NULL)
		return -1;
	c->root = beneath_root(root);
	return c->root < 0 ? -1 : 0;
}

/* libevent keeps the segment itself while an answer still refers to it. */
static void
seg_free(struct fwseg *s)
{
	list_remove(&s->link);
	if (s->segment != NULL)
		evbuffer_file_segment_free(s->segment);
	free(s);
}

void
fwseg_cache_done(struct fwseg_cache *c)
{
	struct list *n, *tmp;

	LIST_EACH_SAFE (n, tmp, &c->list)
		seg_free(CONTAINER_OF(n, struct fwseg, link));
	if (c->root >= 0)
		(void)close(c->root);
	free(c->path);
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static struct fwseg *
seg_find(struct fwseg_cache *c, const char *path)
{
	struct list *n, *tmp;

	LIST_EACH_SAFE (n, tmp, &c->list) {
		struct fwseg *s = CONTAINER_OF(n, struct fwseg, link);

		if (!s->stale && strcmp(s->path, path) == 0)
			return s;
	}
	return NULL;
}

/* Takes fd. */
static struct fwseg *
seg_new(struct fwseg_cache *c, const char *path, int fd, const struct stat *st)
{
	struct fwseg *s = calloc(1, sizeof(*s));

	if (s == NULL)
		goto bad;
	s->st = *st;
	s->fd = st->st_size == 0 ? -1 : fd;
	memcpy(s->path, path, strlen(path) + 1);
	if (st->st_size == 0) {
		(void)close(fd);
	} else {
		s->segment = evbuffer_file_segment_new(fd, 0, st->st_size,
		    EVBUF_FS_CLOSE_ON_FREE | EVBUF_FS_DISABLE_LOCKING);
		if (s->segment == NULL)
			goto bad;
	}
	list_push_back(&c->list, &s->link);
	return s;
bad:
	(void)close(fd);
	free(s);
	errno = ENOMEM;
	return NULL;
}

struct fwseg *
fwseg_get(struct fwseg_cache *c, const char *path)
{
	struct fwseg *s;
	struct stat st;
	int fd;

	if (strlen(path) >= BENEATH_PATH_MAX) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	if (c->root < 0 && (c->root = beneath_root(c->path)) < 0)
		return NULL;
	/* Opened anew even when it is known: only the open says whether this
	 * path still leads to that file, and to no other. */
	if ((fd = beneath_open(c->root, path, &st)) < 0)
		return NULL;
	s = seg_find(c, path);
	if (s != NULL && same_file(&s->st, &st)) {
		(void)close(fd);
		s->users++;
		return s;
	}
	if (s != NULL && s->users == 0)
		seg_free(s);
	else if (s != NULL)
		s->stale = true;
	if ((s = seg_new(c, path, fd, &st)) != NULL)
		s->users = 1;
	return s;
}

void
fwseg_put(struct fwseg *s, int64_t now)
{
	s->idle_at = now;
	if (--s->users == 0 && s->stale)
		seg_free(s);
}

void
fwseg_sweep(struct fwseg_cache *c, int64_t now, int64_t idle_ms)
{
	struct list *n, *tmp;

	LIST_EACH_SAFE (n, tmp, &c->list) {
		struct fwseg *s = CONTAINER_OF(n, struct fwseg, link);

		if (s->users == 0 && now - s->idle_at >= idle_ms)
			seg_free(s);
	}
}
