#include "config.h"
#include "daemon/pkgwatch.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/digest.h"

#define PATH_BYTES 4096

enum content { CONTENT_UNKNOWN, CONTENT_READ, CONTENT_GONE };

/* What a look compares. The time of the inode's change cannot be set back. */
struct identity {
	uint64_t device, inode, size;
	int64_t mtime_ns, ctime_ns;
};

struct watched {
	char *file;          /* below the root */
	struct identity id;
	enum content content;
	uint64_t bytes;      /* of CONTENT_READ */
	char sha256[DIGEST_TEXT];
	int error;           /* of CONTENT_GONE */
	bool wanted;         /* by a campaign, at this look */
};

/* One file on its way through the digest. The thread writes what stands behind
 * `done` and then done; nobody else looks at it before. */
struct job {
	pthread_t thread;
	char *root, *file;
	struct identity id;
	atomic_bool done;
	int r, error;
	uint64_t bytes;
	char sha256[DIGEST_TEXT];
};

struct pkgwatch {
	char *root;
	struct watched *v;   /* ascending by file */
	size_t count;
	struct job *job;
	uint64_t not_watched;
};

struct pkgwatch *
pkgwatch_new(void)
{
	return calloc(1, sizeof(struct pkgwatch));
}

static void
job_free(struct job *j)
{
	if (j == NULL)
		return;
	(void)pthread_join(j->thread, NULL);
	free(j->root);
	free(j->file);
	free(j);
}

static void
forget_all(struct pkgwatch *w)
{
	for (size_t i = 0; i < w->count; i++)
		free(w->v[i].file);
	free(w->v);
	w->v = NULL;
	w->count = 0;
}

void
pkgwatch_free(struct pkgwatch *w)
{
	if (w == NULL)
		return;
	job_free(w->job);
	forget_all(w);
	free(w->root);
	free(w);
}

void
pkgwatch_get_stats(const struct pkgwatch *w, struct pkgwatch_stats *ret)
{
	ret->files = w->count;
	ret->not_watched = w->not_watched;
}

/* --- the list --------------------------------------------------------------*/

/* Where file is, or would be. */
static size_t
place_of(const struct pkgwatch *w, const char *file)
{
	size_t lo = 0, hi = w->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(w->v[mid].file, file) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct watched *
find(const struct pkgwatch *w, const char *file)
{
	size_t i = place_of(w, file);

	return i < w->count && strcmp(w->v[i].file, file) == 0 ? &w->v[i]
							       : NULL;
}

static struct watched *
find_or_add(struct pkgwatch *w, const char *file)
{
	size_t i = place_of(w, file);
	struct watched *v;
	char *copy;

	if (i < w->count && strcmp(w->v[i].file, file) == 0)
		return &w->v[i];
	if (w->count == PKGWATCH_FILES_MAX || (copy = strdup(file)) == NULL) {
		w->not_watched++;
		return NULL;
	}
	if ((v = realloc(w->v, (w->count + 1) * sizeof(*v))) == NULL) {
		free(copy);
		w->not_watched++;
		return NULL;
	}
	w->v = v;
	memmove(v + i + 1, v + i, (w->count - i) * sizeof(*v));
	w->count++;
	memset(&v[i], 0, sizeof(v[i]));
	v[i].file = copy;
	return &v[i];
}

static void
drop_unwanted(struct pkgwatch *w)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->count; i++)
		if (w->v[i].wanted)
			w->v[kept++] = w->v[i];
		else
			free(w->v[i].file);
	w->count = kept;
}

/* --- a look ----------------------------------------------------------------*/

/* 0, or an errno. */
static int
identify(const char *root, const char *file, struct identity *ret)
{
	char path[PATH_BYTES];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/%s", root, file);

	if (n < 0 || (size_t)n >= sizeof(path))
		return ENAMETOOLONG;
	if (lstat(path, &st) < 0) {
		n = errno;
		assert(n != 0);
		return n;
	}
	memset(ret, 0, sizeof(*ret));
	ret->device = (uint64_t)st.st_dev;
	ret->inode = (uint64_t)st.st_ino;
	ret->size = (uint64_t)st.st_size;
	ret->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 +
	    st.st_mtim.tv_nsec;
	ret->ctime_ns = (int64_t)st.st_ctim.tv_sec * 1000000000 +
	    st.st_ctim.tv_nsec;
	return 0;
}

static bool
same_identity(const struct identity *a, const struct identity *b)
{
	return a->device == b->device && a->inode == b->inode &&
	    a->size == b->size && a->mtime_ns == b->mtime_ns &&
	    a->ctime_ns == b->ctime_ns;
}

/* We were short of something, or its disk did not answer. */
static bool
says_nothing(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM ||
	    error == EIO || error == EINTR || error == ESTALE;
}

static void
look_at(const struct pkgwatch *w, struct watched *f)
{
	struct identity id;
	int error = identify(w->root, f->file, &id);

	if (error != 0) {
		if (says_nothing(error))
			return;
		f->content = CONTENT_GONE;
		f->error = error;
		memset(&f->id, 0, sizeof(f->id));
	} else if (!same_identity(&id, &f->id)) {
		f->id = id;
		f->content = CONTENT_UNKNOWN;
	}
}

static void
look_at_all(struct pkgwatch *w, const struct core *core)
{
	const struct spec_package *p;
	const char *name;

	for (size_t i = 0; i < w->count; i++)
		w->v[i].wanted = false;
	for (size_t c = 0; c < core_campaign_count(core); c++) {
		size_t n = core_packages_watched(core, c, &p, &name);

		for (size_t i = 0; i < n; i++) {
			struct watched *f = p[i].file == NULL
			    ? NULL : find_or_add(w, p[i].file);

			if (f == NULL || f->wanted)
				continue;
			f->wanted = true;
			look_at(w, f);
		}
	}
	drop_unwanted(w);
}

/* --- reading ---------------------------------------------------------------*/

static void *
read_main(void *arg)
{
	struct job *j = arg;
	struct errtext err = {0};

	j->r = digest_file(j->root, j->file, &j->bytes, j->sha256, &err);
	j->error = j->r < 0 ? errno : 0;
	atomic_store(&j->done, true);
	return NULL;
}

static void
job_start(struct pkgwatch *w, const struct watched *f)
{
	struct job *j = calloc(1, sizeof(*j));
	sigset_t all, old;
	int r;

	if (j == NULL)
		return;
	j->root = strdup(w->root);
	j->file = strdup(f->file);
	j->id = f->id;
	/* Signals are the main thread's. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	r = j->root == NULL || j->file == NULL
	    ? ENOMEM : pthread_create(&j->thread, NULL, read_main, j);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r == 0) {
		w->job = j;
		return;
	}
	free(j->root);
	free(j->file);
	free(j);
}

static void
job_take(struct pkgwatch *w)
{
	struct job *j = w->job;
	struct watched *f = find(w, j->file);
	struct identity id;

	if (f != NULL && same_identity(&f->id, &j->id) &&
	    strcmp(j->root, w->root) == 0 && f->content == CONTENT_UNKNOWN) {
		if (j->r < 0 && !says_nothing(j->error)) {
			f->content = CONTENT_GONE;
			f->error = j->error;
		} else if (j->r == 0 &&
		    identify(j->root, j->file, &id) == 0 &&
		    same_identity(&id, &j->id)) {
			f->content = CONTENT_READ;
			f->bytes = j->bytes;
			memcpy(f->sha256, j->sha256, sizeof(f->sha256));
		}
	}
	w->job = NULL;
	job_free(j);
}

/* --- what it means ---------------------------------------------------------*/

enum verdict { VERDICT_SAME, VERDICT_UNKNOWN, VERDICT_WRONG };

static enum verdict
judge(const struct pkgwatch *w, const struct spec_package *p, char *why,
    size_t size)
{
	const struct watched *f;

	if (p->file == NULL)
		return VERDICT_SAME; /* another server's, nobody can tell */
	if ((f = find(w, p->file)) == NULL || f->content == CONTENT_UNKNOWN)
		return VERDICT_UNKNOWN;
	if (f->content == CONTENT_GONE)
		(void)snprintf(why, size, "%s: %s", p->file,
		    strerror(f->error));
	else if (f->bytes != p->bytes)
		(void)snprintf(why, size, "%s: %llu bytes, was %llu", p->file,
		    (unsigned long long)f->bytes,
		    (unsigned long long)p->bytes);
	else if (strcmp(f->sha256, p->sha256) != 0)
		(void)snprintf(why, size, "%s: sha256 %.12s, was %.12s",
		    p->file, f->sha256, p->sha256);
	else
		return VERDICT_SAME;
	return VERDICT_WRONG;
}

static void
tell(const struct pkgwatch *w, const struct spec_package *p, size_t n,
    const char *campaign, pkgwatch_fn *fn, void *arg)
{
	bool all = true;
	char why[REASON_MAX];

	for (size_t i = 0; i < n; i++) {
		enum verdict v = judge(w, &p[i], why, sizeof(why));

		if (v == VERDICT_WRONG) {
			fn(arg, campaign, why);
			return;
		}
		all = all && v == VERDICT_SAME;
	}
	if (all)
		fn(arg, campaign, NULL);
}

void
pkgwatch_turn(struct pkgwatch *w, const struct core *core, const char *root,
    bool look, pkgwatch_fn *fn, void *arg)
{
	const struct spec_package *p;
	const char *name;

	if (w->root == NULL || strcmp(w->root, root) != 0) {
		char *copy = strdup(root);

		if (copy == NULL)
			return;
		free(w->root);
		w->root = copy;
		forget_all(w);
	}
	if (look)
		look_at_all(w, core);
	if (w->job != NULL && atomic_load(&w->job->done))
		job_take(w);
	for (size_t i = 0; i < w->count && w->job == NULL; i++)
		if (w->v[i].content == CONTENT_UNKNOWN)
			job_start(w, &w->v[i]);
	for (size_t c = 0; c < core_campaign_count(core); c++) {
		size_t n = core_packages_watched(core, c, &p, &name);

		if (n > 0)
			tell(w, p, n, name, fn, arg);
	}
}
