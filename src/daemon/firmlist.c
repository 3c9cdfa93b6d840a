#include "config.h"
#include "daemon/firmlist.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include "base/list.h"
#include "io/beneath.h"
#include "io/digest.h"

struct row {
	char path[BENEATH_PATH_MAX];
	struct stat st;
	char sha256[DIGEST_HEX]; /* "" = could not be read */
	bool known;              /* sha256 is of these bytes */
};

struct rows {
	struct row *v;
	size_t count, cap;
};

struct waiter {
	struct list node;
	api_firmware_fn *fn;
	void *arg;
};

struct firmlist {
	struct rows rows;        /* of the last look, ascending by path */
	struct list waiters;
	struct loop_watch *watch;
	int wake_fd;
	bool running;
	/* the thread's, while it runs */
	pthread_t thread;
	char *root;
	struct rows fresh;
	uint64_t left_out;
	int error;
	atomic_bool stop;
	uint64_t not_listed;
};

/* --- the thread ------------------------------------------------------------*/

static void
add_row(struct firmlist *f, const char *path, const struct stat *st)
{
	struct rows *r = &f->fresh;

	if (r->count == r->cap) {
		size_t cap = r->cap == 0 ? 64 : r->cap * 2;
		struct row *v = r->count >= FIRMLIST_FILES_MAX
		    ? NULL : realloc(r->v, cap * sizeof(*v));

		if (v == NULL) {
			f->left_out++;
			return;
		}
		r->v = v;
		r->cap = cap;
	}
	memset(&r->v[r->count], 0, sizeof(*r->v));
	(void)snprintf(r->v[r->count].path, sizeof(r->v->path), "%s", path);
	r->v[r->count++].st = *st;
}

/* Takes fd. No link is followed, what is hidden is not shown: as the file
 * server has it. */
static void
walk(struct firmlist *f, int fd, const char *prefix, int depth)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *e;
	char path[BENEATH_PATH_MAX];
	struct stat st;
	int sub, n;

	if (dir == NULL) {
		f->left_out++;
		(void)close(fd);
		return;
	}
	while ((e = readdir(dir)) != NULL && !atomic_load(&f->stop)) {
		if (e->d_name[0] == '.' || fstatat(dirfd(dir), e->d_name, &st,
			AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		n = snprintf(path, sizeof(path), "%s%s", prefix, e->d_name);
		if (n < 0 || (size_t)n + 1 >= sizeof(path)) {
			f->left_out++;
		} else if (S_ISREG(st.st_mode)) {
			add_row(f, path, &st);
		} else if (S_ISDIR(st.st_mode)) {
			sub = depth == FIRMLIST_DEPTH_MAX ? -1 :
			    openat(dirfd(dir), e->d_name, O_RDONLY |
				O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (sub < 0) {
				f->left_out++;
				continue;
			}
			path[n] = '/';
			path[n + 1] = '\0';
			walk(f, sub, path, depth + 1);
		}
	}
	(void)closedir(dir);
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->path,
	    ((const struct row *)b)->path);
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	    a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	    a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void
read_row(const struct firmlist *f, struct row *r)
{
	const struct row *old = f->rows.count == 0 ? NULL :
	    bsearch(r, f->rows.v, f->rows.count, sizeof(*r), by_path);
	struct errtext err = {0};
	uint64_t bytes;

	if (old != NULL && old->known && same_file(&old->st, &r->st)) {
		memcpy(r->sha256, old->sha256, sizeof(r->sha256));
		r->known = true;
		return;
	}
	/* One that grows while it is read is read again at the next look. */
	r->known = digest_file(f->root, r->path, &bytes, r->sha256, &err) == 0 &&
	    bytes == (uint64_t)r->st.st_size;
	if (!r->known)
		r->sha256[0] = '\0';
}

static void *
look_main(void *arg)
{
	struct firmlist *f = arg;
	uint64_t one = 1;
	int fd = beneath_root(f->root);

	f->error = fd < 0 ? errno : 0;
	if (fd >= 0)
		walk(f, fd, "", 1);
	if (f->fresh.count > 0)
		qsort(f->fresh.v, f->fresh.count, sizeof(*f->fresh.v),
		    by_path);
	for (size_t i = 0; i < f->fresh.count && !atomic_load(&f->stop); i++)
		read_row(f, &f->fresh.v[i]);
	/* An eventfd that was read has room. */
	(void)!write(f->wake_fd, &one, sizeof(one));
	return NULL;
}

/* --- the loop --------------------------------------------------------------*/

static void
answer(struct firmlist *f)
{
	struct api_firmware *v = calloc(f->rows.count + 1, sizeof(*v));
	int error = v == NULL ? ENOMEM : f->error;
	struct list *n;

	for (size_t i = 0; v != NULL && i < f->rows.count; i++) {
		const struct row *r = &f->rows.v[i];

		v[i] = (struct api_firmware){.path = r->path,
		    .bytes = (uint64_t)r->st.st_size,
		    .mtime_wall = (int64_t)r->st.st_mtim.tv_sec * 1000 +
			r->st.st_mtim.tv_nsec / 1000000,
		    .sha256 = r->sha256};
	}
	while (!list_empty(&f->waiters)) {
		struct waiter *w;

		n = f->waiters.next;
		w = CONTAINER_OF(n, struct waiter, node);
		list_remove(n);
		w->fn(w->arg, error, v, error == 0 ? f->rows.count : 0);
		free(w);
	}
	free(v);
}

static void
on_looked(void *arg)
{
	struct firmlist *f = arg;
	uint64_t n;

	(void)!read(f->wake_fd, &n, sizeof(n));
	if (!f->running)
		return;
	(void)pthread_join(f->thread, NULL);
	f->running = false;
	free(f->rows.v);
	f->rows = f->fresh;
	memset(&f->fresh, 0, sizeof(f->fresh));
	f->not_listed += f->left_out;
	answer(f);
}

struct firmlist *
firmlist_new(struct loop *l)
{
	struct firmlist *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	list_init(&f->waiters);
	f->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	f->watch = f->wake_fd < 0 ? NULL
				  : loop_readable(l, f->wake_fd, on_looked, f);
	if (f->watch == NULL) {
		firmlist_free(f);
		return NULL;
	}
	return f;
}

void
firmlist_free(struct firmlist *f)
{
	struct list *n, *tmp;

	if (f == NULL)
		return;
	if (f->running) {
		atomic_store(&f->stop, true);
		(void)pthread_join(f->thread, NULL);
	}
	LIST_EACH_SAFE (n, tmp, &f->waiters)
		free(CONTAINER_OF(n, struct waiter, node));
	loop_watch_free(f->watch);
	if (f->wake_fd >= 0)
		(void)close(f->wake_fd);
	free(f->rows.v);
	free(f->fresh.v);
	free(f->root);
	free(f);
}

static bool
look(struct firmlist *f, const char *root)
{
	sigset_t all, old;
	int r;

	free(f->root);
	if ((f->root = strdup(root)) == NULL)
		return false;
	f->left_out = 0;
	/* Signals are the main thread's. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&f->thread, NULL, look_main, f);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	f->running = r == 0;
	return f->running;
}

bool
firmlist_ask(struct firmlist *f, const char *root, api_firmware_fn *fn,
    void *fn_arg)
{
	struct waiter *w = calloc(1, sizeof(*w));

	if (w == NULL || (!f->running && !look(f, root))) {
		free(w);
		return false;
	}
	w->fn = fn;
	w->arg = fn_arg;
	list_push_back(&f->waiters, &w->node);
	return true;
}

void
firmlist_forget(struct firmlist *f, void *fn_arg)
{
	struct list *n, *tmp;

	LIST_EACH_SAFE (n, tmp, &f->waiters) {
		struct waiter *w = CONTAINER_OF(n, struct waiter, node);

		if (w->arg != fn_arg)
			continue;
		list_remove(n);
		free(w);
	}
}

void
firmlist_get_stats(const struct firmlist *f, struct firmlist_stats *ret)
{
	ret->files = f->rows.count;
	ret->not_listed = f->not_listed;
}
