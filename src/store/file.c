#include "config.h"
#include "store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store.h"

int
file_error_code(int sqlite_code, int otherwise)
{
	switch (sqlite_code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return STORE_ERR_LOCKED;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return STORE_ERR_CORRUPT;
	case SQLITE_NOMEM:
		return STORE_ERR_MEMORY;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_READONLY:
	case SQLITE_IOERR:
	case SQLITE_FULL:
		return STORE_ERR_OPEN;
	default:
		return otherwise;
	}
}

bool
file_beside(const char *path, const char *suffix)
{
	size_t size = strlen(path) + strlen(suffix) + 1;
	char *name = malloc(size);
	struct stat st;
	bool found;

	if (name == NULL)
		return true; /* the careful answer */
	(void)snprintf(name, size, "%s%s", path, suffix);
	found = stat(name, &st) == 0 && st.st_size > 0;
	free(name);
	return found;
}

/* Reads the head of a file through SQLite's own VFS: open(2) would not do,
 * since closing a descriptor of our own drops the locks that a connection of
 * this process may have. Returns a code of SQLite; errno tells more. */
static int
read_head(const char *path, unsigned char *p, int len)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	char *full = malloc((size_t)vfs->mxPathname + 1);
	sqlite3_file *f = calloc(1, (size_t)vfs->szOsFile);
	sqlite3_filename name = NULL;
	int r = SQLITE_NOMEM, sys = 0;

	if (full == NULL || f == NULL)
		goto out;
	r = vfs->xFullPathname(vfs, path, vfs->mxPathname + 1, full);
	/* Not an error: a link was followed. */
	if (r != SQLITE_OK && r != SQLITE_OK_SYMLINK)
		goto out;
	r = SQLITE_NOMEM;
	if ((name = sqlite3_create_filename(full, "", "", 0, NULL)) == NULL)
		goto out;
	errno = 0;
	r = vfs->xOpen(vfs, name, f, SQLITE_OPEN_READONLY |
	    SQLITE_OPEN_MAIN_DB, NULL);
	sys = errno;
	if (r == SQLITE_OK)
		r = f->pMethods->xRead(f, p, len, 0);
	if (f->pMethods != NULL)
		(void)f->pMethods->xClose(f);
out:
	sqlite3_free_filename(name);
	free(f);
	free(full);
	errno = sys;
	return r;
}

/* Whether the rollback journal beside says that the database was empty before
 * the one transaction that was cut off: then there is nothing to lose in it,
 * and this is what a power cut leaves of a creation. */
static bool
creation_was_cut(const char *path)
{
	static const unsigned char magic[8] = {0xd9, 0xd5, 0x05, 0xf9, 0x20,
		0xa1, 0x63, 0xd7};
	static const unsigned char no_pages[4];
	unsigned char head[28];
	char *name;
	FILE *f = NULL;
	bool cut;

	if (asprintf(&name, "%s-journal", path) < 0)
		return false;
	f = fopen(name, "re");
	free(name);
	if (f == NULL)
		return false;
	cut = fread(head, 1, sizeof(head), f) == sizeof(head) &&
	    memcmp(head, magic, sizeof(magic)) == 0 &&
	    memcmp(head + 16, no_pages, sizeof(no_pages)) == 0;
	(void)fclose(f);
	return cut;
}

/* Ours by its first bytes? No more is asked of the file here: while its log
 * holds the rest it may be in pieces. The mark is there from the first write
 * on and the same in every later version of the page. */
static int
look_at_header(const char *path, const char *application_id,
    enum file_state *ret, struct errtext *err)
{
	static const char magic[16] = "SQLite format 3";
	unsigned char head[100];
	char id[16];
	int r = read_head(path, head, sizeof(head));

	if (r != SQLITE_OK && r != SQLITE_IOERR_SHORT_READ)
		return errtext_set(err, file_error_code(r, STORE_ERR_OPEN),
		    "%s: cannot be read: %s", path,
		    (r & 0xff) == SQLITE_CANTOPEN && errno != 0
			? strerror(errno)
			: sqlite3_errstr(r));
	*ret = FILE_NEW;
	if (creation_was_cut(path))
		return 0;
	*ret = FILE_OURS;
	if (r != SQLITE_OK || memcmp(head, magic, sizeof(magic)) != 0)
		return errtext_set(err, STORE_ERR_FOREIGN,
		    "%s: not a database of trackupd; not touched", path);
	(void)snprintf(id, sizeof(id), "%u", (unsigned)head[68] << 24 |
	    (unsigned)head[69] << 16 | (unsigned)head[70] << 8 | head[71]);
	if (strcmp(id, application_id) != 0)
		return errtext_set(err, STORE_ERR_FOREIGN,
		    "%s: a database of another program (application_id %s); "
		    "not touched", path, id);
	return 0;
}

static int
create_empty(const char *path, struct errtext *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY,
	    0640);

	if (fd >= 0) {
		(void)close(fd);
		return 0;
	}
	if (errno == EEXIST)
		return 0;
	if (errno == ENOENT)
		return errtext_set(err, STORE_ERR_OPEN,
		    "%s: its directory does not exist", path);
	return errtext_set(err, STORE_ERR_OPEN, "%s: cannot be created: %s",
	    path, strerror(errno));
}

int
file_look(const char *path, const char *application_id, bool create,
    enum file_state *ret, struct errtext *err)
{
	struct stat st;
	int r;

	if (stat(path, &st) < 0) {
		if (errno != ENOENT)
			return errtext_set(err, STORE_ERR_OPEN, "%s: %s", path,
			    strerror(errno));
		st.st_size = 0;
		st.st_mode = S_IFREG;
	} else if (!S_ISREG(st.st_mode)) {
		return errtext_set(err, STORE_ERR_OPEN,
		    "%s: not a regular file", path);
	}
	if (st.st_size > 0)
		return look_at_header(path, application_id, ret, err);
	if (!create)
		return errtext_set(err, STORE_ERR_FOREIGN,
		    "%s: the database is gone", path);
	/* SQLite would delete a log that has no database. */
	if (file_beside(path, "-wal"))
		return errtext_set(err, STORE_ERR_FOREIGN,
		    "%s: missing or empty, but its log %s-wal is there; "
		    "not touched", path, path);
	if ((r = create_empty(path, err)) < 0)
		return r;
	*ret = FILE_NEW;
	return 0;
}

/* Who holds the lock, for the message; 0 = cannot be told. Not asked with
 * fcntl(2): closing that descriptor could drop locks of this process. */
static long
lock_holder(const char *path)
{
	char line[256];
	struct stat st;
	long holder = 0;
	FILE *f;

	if (stat(path, &st) < 0 || (f = fopen("/proc/locks", "re")) == NULL)
		return 0;
	while (holder == 0 && fgets(line, sizeof(line), f) != NULL) {
		unsigned long inode;
		long pid;

		/* The kernel wrote these numbers: they fit. */
		/* NOLINTNEXTLINE(cert-err34-c) */
		if (sscanf(line, "%*s %*s %*s WRITE %ld %*x:%*x:%lu", &pid,
		    &inode) == 2 && inode == (unsigned long)st.st_ino)
			holder = pid;
	}
	(void)fclose(f);
	return holder;
}

int
file_locked(const char *path, struct errtext *err)
{
	long pid = lock_holder(path);

	if (pid <= 0)
		return errtext_set(err, STORE_ERR_LOCKED,
		    "%s: in use by another process", path);
	return errtext_set(err, STORE_ERR_LOCKED,
	    "%s: in use by another process (pid %ld); only one trackupd may "
	    "have it open", path, pid);
}
