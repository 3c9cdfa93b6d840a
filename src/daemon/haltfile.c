#include "config.h"
#include "daemon/haltfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 4096

static int
path_of(const char *database, char path[PATH_BYTES])
{
	int n = snprintf(path, PATH_BYTES, "%s" HALTFILE_SUFFIX, database);

	if (n >= 0 && n < PATH_BYTES)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

/* A new entry is on disk only when its directory is. */
static int
sync_directory(const char *path)
{
	char dir[PATH_BYTES];
	const char *slash = strrchr(path, '/');
	int fd, r;

	(void)snprintf(dir, sizeof(dir), "%.*s",
	    slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path),
	    slash == NULL ? "." : path);
	if ((fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return -1;
	r = fsync(fd);
	(void)close(fd);
	return r;
}

int
haltfile_put(const char *database)
{
	char path[PATH_BYTES];
	int fd;

	if (path_of(database, path) < 0 ||
	    (fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
		 0600)) < 0)
		return -1;
	(void)close(fd);
	return sync_directory(path);
}

bool
haltfile_there(const char *database)
{
	char path[PATH_BYTES];
	struct stat st;

	return path_of(database, path) == 0 && lstat(path, &st) == 0;
}

int
haltfile_remove(const char *database)
{
	char path[PATH_BYTES];

	if (path_of(database, path) < 0)
		return -1;
	return unlink(path) < 0 && errno != ENOENT ? -1 : 0;
}
