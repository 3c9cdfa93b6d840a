#include "config.h"
#include "io/api_int.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SUFFIX ".new"

/* 0 = nobody answers at path, so it may be replaced. */
static int
refuse_live(const char *path, struct errtext *err)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct stat st;
	int fd, r;

	if (lstat(path, &st) < 0) {
		if (errno == ENOENT)
			return 0;
		return errtext_set(err, -1, "%s: %s", path, strerror(errno));
	}
	if (!S_ISSOCK(st.st_mode))
		return errtext_set(err, -1,
		    "%s: exists and is not a socket; move it away or set "
		    "control.socket to another path", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errtext_set(err, -1, "socket: %s", strerror(errno));
	(void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s", path);
	r = connect(fd, (const struct sockaddr *)&sa, sizeof sa);
	/* EAGAIN: its backlog is full, so somebody does listen there. */
	if (r == 0 || errno == EAGAIN) {
		(void)close(fd);
		return errtext_set(err, -1,
		    "%s: another trackupd answers there", path);
	}
	r = errno;
	(void)close(fd);
	if (r != ECONNREFUSED && r != ENOENT)
		return errtext_set(err, -1, "%s: %s", path, strerror(r));
	return 0;
}

/* UINT32_MAX when none is given. */
static int
find_group(const char *key, const char *group, uint32_t *ret,
    struct errtext *err)
{
	const struct group *g;

	*ret = UINT32_MAX;
	if (group == NULL || group[0] == '\0')
		return 0;
	errno = 0;
	if ((g = getgrnam(group)) == NULL)
		return errtext_set(err, -1, "%s: %s: %s", key, group,
		    errno == 0 ? "no such group" : strerror(errno));
	*ret = g->gr_gid;
	return 0;
}

/* A socket has one group: with two of them the mode lets everybody knock, and
 * api_socket_who() looks who it is. */
static int
set_access(const char *path, const struct api_config *cfg,
    const struct api_groups *g, struct errtext *err)
{
	mode_t mode = g->any ? 0666 : g->operate != UINT32_MAX ? 0660 : 0600;

	if (g->operate != UINT32_MAX && !g->any &&
	    lchown(path, (uid_t)-1, g->operate) < 0)
		return errtext_set(err, -1,
		    "control.group: cannot give %s to group %s: %s "
		    "(the daemon's user must be in that group)", path,
		    cfg->group, strerror(errno));
	if (chmod(path, mode) < 0)
		return errtext_set(err, -1, "%s: chmod: %s", path,
		    strerror(errno));
	return 0;
}

/* Binds at tmp and moves it to s->path when it listens and has its mode, so
 * that a client sees the old socket or the working new one, nothing between. */
static int
place(int fd, const char *tmp, struct api_socket *s,
    const struct api_config *cfg, const struct api_groups *g,
    struct errtext *err)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct stat st;
	mode_t mask;
	int r;

	(void)unlink(tmp);
	(void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s", tmp);
	mask = umask(0177);
	r = bind(fd, (const struct sockaddr *)&sa, sizeof sa);
	(void)umask(mask);
	if (r < 0 && (errno == ENOENT || errno == EACCES))
		return errtext_set(err, -1, "%s: its directory %s", s->path,
		    errno == ENOENT ? "does not exist" : "may not be written");
	if (r < 0)
		return errtext_set(err, -1, "%s: bind: %s", tmp,
		    strerror(errno));
	if (set_access(tmp, cfg, g, err) < 0)
		goto bad;
	if (listen(fd, API_CONNECTIONS_MAX) < 0) {
		(void)errtext_set(err, -1, "%s: listen: %s", tmp,
		    strerror(errno));
		goto bad;
	}
	if (lstat(tmp, &st) < 0 || rename(tmp, s->path) < 0) {
		(void)errtext_set(err, -1, "%s: %s", s->path, strerror(errno));
		goto bad;
	}
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	return 0;
bad:
	(void)unlink(tmp);
	return -1;
}

int
api_socket_open(struct api_socket *s, struct api_groups *g,
    const struct api_config *cfg, struct errtext *err)
{
	char tmp[sizeof s->path];
	size_t max = sizeof s->path - sizeof SUFFIX;
	int fd;

	if (strlen(cfg->socket) > max)
		return errtext_set(err, -1,
		    "%s: longer than %zu bytes", cfg->socket, max);
	(void)snprintf(s->path, sizeof s->path, "%s", cfg->socket);
	(void)snprintf(tmp, sizeof tmp, "%.*s" SUFFIX, (int)max, cfg->socket);
	if (find_group("control.group", cfg->group, &g->operate, err) < 0 ||
	    find_group("control.read_group", cfg->read_group, &g->read,
		err) < 0)
		return -1;
	g->any = g->read != UINT32_MAX;
	if (refuse_live(s->path, err) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errtext_set(err, -1, "socket: %s", strerror(errno));
	if (place(fd, tmp, s, cfg, g, err) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

void
api_socket_remove(const struct api_socket *s)
{
	struct stat st;

	if (lstat(s->path, &st) == 0 && st.st_dev == s->dev &&
	    st.st_ino == s->ino)
		(void)unlink(s->path);
}

/* Also those beyond the first: SO_PEERCRED tells only one. */
static bool
peer_in_group(int fd, gid_t first, uint32_t want)
{
	gid_t list[256];
	socklen_t len = sizeof list;

	if (want == UINT32_MAX)
		return false;
	if (first == want)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, list, &len) < 0)
		return false;
	for (size_t i = 0; i < len / sizeof list[0]; i++)
		if (list[i] == want)
			return true;
	return false;
}

enum api_role
api_socket_who(int fd, const struct api_groups *g, char *ret, size_t size)
{
	struct ucred cred;
	socklen_t len = sizeof cred;

	ret[0] = '\0';
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 ||
	    len != sizeof cred)
		return API_READ; /* the mode of the socket let it in */
	(void)snprintf(ret, size, "uid:%lu", (unsigned long)cred.uid);
	if (!g->any || cred.uid == 0 || cred.uid == geteuid() ||
	    peer_in_group(fd, cred.gid, g->operate))
		return API_OPERATE;
	return peer_in_group(fd, cred.gid, g->read) ? API_READ : API_NOTHING;
}
