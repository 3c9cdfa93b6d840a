#include "config.h"
#include "io/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

/* A rename somewhere in the tree makes openat2 answer EAGAIN. */
#define RACE_TRIES 8

int
beneath_root(const char *root)
{
	return open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* O_NONBLOCK: a pipe below root must not hang the open before it is seen to
 * be none of our files. Takes fd. */
static int
regular_only(int fd, struct stat *ret_st)
{
	int saved;

	if (fd < 0)
		return -1;
	if (fstat(fd, ret_st) < 0) {
		saved = errno;
		goto bad;
	}
	if (S_ISREG(ret_st->st_mode))
		return fd;
	saved = S_ISDIR(ret_st->st_mode) ? EISDIR : EINVAL;
bad:
	(void)close(fd);
	errno = saved;
	return -1;
}

int
beneath_open_walk(int root, const char *path, struct stat *ret_st)
{
	char name[BENEATH_PATH_MAX];
	const char *slash;
	size_t n;
	int dir = root, fd, saved;

	if (path[0] == '/') {
		errno = EXDEV;
		return -1;
	}
	for (;; path = slash + 1) {
		slash = strchr(path, '/');
		n = slash != NULL ? (size_t)(slash - path) : strlen(path);
		if (n == 0 || n >= sizeof(name)) {
			fd = -1;
			errno = n == 0 ? ENOENT : ENAMETOOLONG;
			break;
		}
		memcpy(name, path, n);
		name[n] = '\0';
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
			fd = -1;
			errno = EXDEV;
			break;
		}
		fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC |
		    O_NONBLOCK | O_NOCTTY | (slash != NULL ? O_DIRECTORY : 0));
		if (fd < 0 || slash == NULL)
			break;
		if (dir != root)
			(void)close(dir);
		dir = fd;
	}
	saved = errno;
	if (dir != root)
		(void)close(dir);
	errno = saved;
	return regular_only(fd, ret_st);
}

int
beneath_open(int root, const char *path, struct stat *ret_st)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
		    RESOLVE_NO_MAGICLINKS,
	};
	long fd = -1;

	for (int i = 0; i < RACE_TRIES; i++) {
		fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	/* EPERM is what older seccomp filters answer to a call that they do
	 * not know. */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return beneath_open_walk(root, path, ret_st);
	return regular_only((int)fd, ret_st);
}
