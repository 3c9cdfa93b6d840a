#include "config.h"
#include "store/copy.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/db.h"
#include "store/file.h"
#include "store/store.h"

/* About half a MiB: a group of changes waits this long at most. */
#define STEP_PAGES 128
#define PROGRESS_OPS 10000

struct copy {
	sqlite3 *to;
	sqlite3_backup *work;
	char *path, *part;
	bool force, part_there;
};

/* --- the place -------------------------------------------------------------*/

/* The directory that path lies in; the caller frees. NULL: no memory. */
static char *
directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return strdup(".");
	return slash == path ? strdup("/") :
	    strndup(path, (size_t)(slash - path));
}

/* What is there may be replaced only when it is an older backup: a mistyped
 * name must not cost anybody a file. */
static int
look_at_place(const struct copy *c, const struct db *db, struct errtext *err)
{
	enum file_state state;
	struct stat st, live;

	if (lstat(c->path, &st) < 0) {
		if (errno == ENOENT)
			return 0;
		return errtext_set(err, STORE_ERR_OPEN, "%s: %s", c->path,
		    strerror(errno));
	}
	if (!c->force)
		return errtext_set(err, STORE_ERR_EXISTS,
		    "%s: exists, and is not overwritten", c->path);
	if (!S_ISREG(st.st_mode))
		return errtext_set(err, STORE_ERR_EXISTS,
		    "%s: not a regular file", c->path);
	if (stat(db->path, &live) == 0 && live.st_dev == st.st_dev &&
	    live.st_ino == st.st_ino)
		return errtext_set(err, STORE_ERR_EXISTS,
		    "%s: the database itself", c->path);
	if (file_look(c->path, db_application_id(), false, &state, NULL) < 0 ||
	    state != FILE_OURS)
		return errtext_set(err, STORE_ERR_EXISTS,
		    "%s: not a database of trackupd, and is not overwritten",
		    c->path);
	return 0;
}

/* Its own error, and not the database's: an unwritable directory is the
 * asker's trouble. */
static int
make_part(struct copy *c, struct errtext *err)
{
	size_t size = strlen(c->path) + sizeof(".XXXXXX");
	int fd;

	if ((c->part = malloc(size)) == NULL)
		return errtext_set(err, STORE_ERR_MEMORY, "no memory");
	(void)snprintf(c->part, size, "%s.XXXXXX", c->path);
	if ((fd = mkostemp(c->part, O_CLOEXEC)) < 0)
		return errtext_set(err, STORE_ERR_OPEN,
		    "%s: cannot be created: %s", c->path, strerror(errno));
	c->part_there = true;
	/* As the database itself. */
	(void)fchmod(fd, 0640);
	(void)close(fd);
	return 0;
}

static void
remove_beside(const char *path, const char *suffix)
{
	char *name;

	if (asprintf(&name, "%s%s", path, suffix) < 0)
		return;
	(void)unlink(name);
	free(name);
}

/* --- the pages -------------------------------------------------------------*/

static int
copy_failed(const struct copy *c, sqlite3 *h, int r, struct errtext *err)
{
	int sys = h == NULL ? 0 : sqlite3_system_errno(h);
	bool tell = sys != 0 && ((r & 0xff) == SQLITE_IOERR ||
	    (r & 0xff) == SQLITE_CANTOPEN);

	return errtext_set(err, file_error_code(r, STORE_ERR_OPEN),
	    "%s: %s%s%s%s", c->path, sqlite3_errstr(r), tell ? " (" : "",
	    tell ? strerror(sys) : "", tell ? ")" : "");
}

int
copy_begin(struct copy **ret, struct db *db, const char *path, bool force,
    struct errtext *err)
{
	struct copy *c = calloc(1, sizeof(*c));
	int r;

	if (c == NULL || (c->path = strdup(path)) == NULL) {
		free(c);
		return errtext_set(err, STORE_ERR_MEMORY, "no memory");
	}
	c->force = force;
	if ((r = look_at_place(c, db, err)) < 0 ||
	    (r = make_part(c, err)) < 0 ||
	    (r = db_handle_open(&c->to, c->part, err)) < 0)
		goto bad;
	r = sqlite3_exec(c->to, db_once_text(ONCE_COPY_SETTINGS), NULL, NULL, NULL);
	if (r != SQLITE_OK) {
		r = copy_failed(c, c->to, r, err);
		goto bad;
	}
	c->work = sqlite3_backup_init(c->to, "main", db->h, "main");
	if (c->work == NULL) {
		r = copy_failed(c, c->to, sqlite3_extended_errcode(c->to), err);
		goto bad;
	}
	*ret = c;
	return 0;
bad:
	copy_free(c);
	return r;
}

int
copy_step(struct copy *c, struct errtext *err)
{
	int r;

	assert(c != NULL);
	r = sqlite3_backup_step(c->work, STEP_PAGES);
	if (r == SQLITE_OK)
		return 1;
	(void)sqlite3_backup_finish(c->work);
	c->work = NULL;
	return r == SQLITE_DONE ? 0 : copy_failed(c, c->to, r, err);
}

void
copy_progress(const struct copy *c, int64_t *ret_done, int64_t *ret_all)
{
	*ret_all = c->work == NULL ? 0 : sqlite3_backup_pagecount(c->work);
	*ret_done = c->work == NULL ? 0 :
	    *ret_all - sqlite3_backup_remaining(c->work);
}

/* --- its end ---------------------------------------------------------------*/

static int
on_progress(void *arg)
{
	return atomic_load((const atomic_bool *)arg);
}

static int
on_check(void *arg, int n, char **values, char **names UNUSED)
{
	struct errtext *first = arg;

	if (n > 0 && values[0] != NULL && strcmp(values[0], "ok") != 0 &&
	    first->code == 0)
		(void)errtext_set(first, STORE_ERR_CORRUPT, "%s", values[0]);
	return 0;
}

static int
settle_and_check(struct copy *c, const atomic_bool *cancel,
    struct errtext *err)
{
	struct errtext first = {0};
	int r;

	sqlite3_progress_handler(c->to, PROGRESS_OPS, on_progress,
	    (void *)(uintptr_t)cancel);
	r = sqlite3_exec(c->to, db_once_text(ONCE_COPY_SETTLE), NULL, NULL, NULL);
	if (r == SQLITE_OK)
		r = sqlite3_exec(c->to, db_once_text(ONCE_QUICK_CHECK_BEGIN), NULL, NULL,
		    NULL);
	if (r == SQLITE_OK)
		r = sqlite3_exec(c->to, db_once_text(ONCE_QUICK_CHECK), on_check, &first,
		    NULL);
	if (r != SQLITE_OK)
		return copy_failed(c, c->to, r, err);
	if (first.code != 0)
		return errtext_set(err, STORE_ERR_CORRUPT,
		    "%s: the copy is not sound: %s", c->path, first.text);
	r = sqlite3_close(c->to);
	if (r == SQLITE_OK)
		c->to = NULL;
	return r == SQLITE_OK ? 0 : copy_failed(c, c->to, r, err);
}

static int
sync_path(const char *path, int flags, uint64_t *ret_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | flags), sys = 0;
	struct stat st;

	if (fd < 0)
		return errno;
	if (fsync(fd) < 0 || fstat(fd, &st) < 0)
		sys = errno;
	else if (ret_bytes != NULL)
		*ret_bytes = (uint64_t)st.st_size;
	(void)close(fd);
	return sys;
}

/* Without force the name must still be free: not every file system can say so
 * in one step, and those that cannot know links. */
static int
give_name(const struct copy *c)
{
	if (c->force)
		return rename(c->part, c->path) < 0 ? errno : 0;
	if (renameat2(AT_FDCWD, c->part, AT_FDCWD, c->path,
		RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return errno;
	if (link(c->part, c->path) < 0)
		return errno;
	(void)unlink(c->part);
	return 0;
}

int
copy_publish(struct copy *c, const atomic_bool *cancel, uint64_t *ret_bytes,
    struct errtext *err)
{
	char *directory;
	int r, sys;

	if ((r = settle_and_check(c, cancel, err)) < 0)
		return r;
	if ((directory = directory_of(c->path)) == NULL)
		return errtext_set(err, STORE_ERR_MEMORY, "no memory");
	if ((sys = sync_path(c->part, 0, ret_bytes)) == 0 &&
	    (sys = give_name(c)) == 0) {
		c->part_there = false;
		sys = sync_path(directory, O_DIRECTORY, NULL);
	}
	free(directory);
	if (sys == EEXIST)
		return errtext_set(err, STORE_ERR_EXISTS,
		    "%s: exists, and is not overwritten", c->path);
	return sys == 0 ? 0 : errtext_set(err, STORE_ERR_OPEN, "%s: %s",
	    c->path, strerror(sys));
}

void
copy_free(struct copy *c)
{
	if (c == NULL)
		return;
	if (c->work != NULL)
		(void)sqlite3_backup_finish(c->work);
	(void)sqlite3_close(c->to);
	if (c->part_there) {
		(void)unlink(c->part);
		remove_beside(c->part, "-wal");
		remove_beside(c->part, "-journal");
	}
	free(c->part);
	free(c->path);
	free(c);
}

int
copy_before_migration(struct db *db, int version,
    const struct db_hooks *hooks, struct errtext *err)
{
	atomic_bool never = false;
	enum file_state state;
	struct copy *c = NULL;
	uint64_t bytes;
	char *path;
	int r;

	if (asprintf(&path, "%s.schema%d.%" PRIu64, db->path, version,
		db->commit_number) < 0)
		return errtext_set(err, STORE_ERR_MEMORY, "no memory");
	if (file_look(path, db_application_id(), false, &state, NULL) == 0 &&
	    state == FILE_OURS) {
		free(path);
		return 0;
	}
	if ((r = copy_begin(&c, db, path, false, err)) == 0)
		while ((r = copy_step(c, err)) > 0)
			if (hooks->busy != NULL)
				hooks->busy(hooks->arg);
	if (r == 0)
		r = copy_publish(c, &never, &bytes, err);
	if (r == 0 && hooks->copied != NULL)
		hooks->copied(hooks->arg, path);
	copy_free(c);
	free(path);
	return r;
}
