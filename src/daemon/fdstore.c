#include "config.h"
#include "daemon/fdstore.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/systemd.h"

#define MAGIC UINT32_C(0x74756602) /* and the version of the layout */
#define BATCH_FDS 200              /* the kernel passes 253 at most */
#define BATCH_BYTES 32768          /* when there is more in it, it goes */
#define BATCH_MAX (BATCH_BYTES + 256 * 1024)
#define PAIRS_MAX 512

/* One connection of a batch; the bytes that have a length here follow, in this
 * order. A relayed one has a host, and its platform's descriptor behind its
 * own. */
struct record {
	uint64_t key;
	char id[DEVID_MAX + 1];
	uint8_t v6;
	uint16_t port;
	uint8_t addr[16];
	int32_t bad;
	uint32_t in_len, out_len, up_len, late_len, host_len;
	uint16_t host_port;
	uint8_t inside, head_len;
	uint32_t ahead;
	char head[RELAY_HEAD];
};

struct head {
	uint32_t magic, count;
};

struct fdstore {
	int pair[PAIRS_MAX]; /* the ends that are read from */
	size_t pair_count, kept;
	int fill;            /* the other end of the last; -1 = none */
	int fd[BATCH_FDS];
	size_t fd_count, conn_count;
	size_t len;
	char bytes[BATCH_MAX];
};

bool
fdstore_wanted(void)
{
	const char *n = getenv("FDSTORE"); /* of systemd 254 and later */

	return getenv("NOTIFY_SOCKET") != NULL &&
	    (n == NULL || strcmp(n, "0") != 0);
}

struct fdstore *
fdstore_new(void)
{
	struct fdstore *f = calloc(1, sizeof(*f));

	if (f != NULL) {
		f->fill = -1;
		f->len = sizeof(struct head);
	}
	return f;
}

void
fdstore_free(struct fdstore *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->pair_count; i++)
		(void)close(f->pair[i]);
	if (f->fill >= 0)
		(void)close(f->fill);
	free(f);
}

static bool
pair_new(struct fdstore *f)
{
	int v[2], size = 4 << 20;

	if (f->fill >= 0)
		(void)close(f->fill);
	f->fill = -1;
	if (f->pair_count == PAIRS_MAX ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, v) < 0)
		return false;
	/* As much as we may have. */
	(void)setsockopt(v[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	f->pair[f->pair_count++] = v[0];
	f->fill = v[1];
	return true;
}

/* False: it does not fit into what the pair has room for. */
static bool
batch_write(struct fdstore *f)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * BATCH_FDS)];
	} control = {0};
	struct iovec iov = {.iov_base = f->bytes, .iov_len = f->len};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = control.bytes};
	struct cmsghdr *c;
	ssize_t n;

	m.msg_controllen = CMSG_SPACE(sizeof(int) * f->fd_count);
	c = CMSG_FIRSTHDR(&m);
	assert(c != NULL);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * f->fd_count);
	memcpy(CMSG_DATA(c), f->fd, sizeof(int) * f->fd_count);
	do
		n = sendmsg(f->fill, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)f->len;
}

/* What cannot be kept ends with the process, as without a manager. */
static void
batch_send(struct fdstore *f)
{
	const struct head head = {.magic = MAGIC,
	    .count = (uint32_t)f->fd_count};

	if (f->fd_count == 0)
		return;
	memcpy(f->bytes, &head, sizeof(head));
	if ((f->fill >= 0 && batch_write(f)) ||
	    (pair_new(f) && batch_write(f)))
		f->kept += f->conn_count;
	f->fd_count = f->conn_count = 0;
	f->len = sizeof(struct head);
}

static void
put_bytes(struct fdstore *f, const void *p, size_t n)
{
	if (n > 0)
		memcpy(f->bytes + f->len, p, n);
	f->len += n;
}

void
fdstore_put(struct fdstore *f, const struct trackers_kept *k)
{
	const struct relay_kept *y = &k->relay;
	size_t host_len = strlen(y->host), fds = host_len > 0 ? 2 : 1;
	size_t need = sizeof(struct record) + k->in_len + k->out_len +
	    y->up_len + y->late_len + host_len;
	struct record r;

	if (need > BATCH_MAX - f->len || f->fd_count + fds > BATCH_FDS)
		batch_send(f);
	if (need > BATCH_MAX - f->len)
		return;
	memset(&r, 0, sizeof(r));
	r.key = k->devid.key;
	memcpy(r.id, k->devid.text, sizeof(r.id));
	r.v6 = k->v6;
	r.port = k->port;
	memcpy(r.addr, k->addr, sizeof(r.addr));
	r.bad = k->bad;
	r.in_len = (uint32_t)k->in_len;
	r.out_len = (uint32_t)k->out_len;
	r.up_len = (uint32_t)y->up_len;
	r.late_len = (uint32_t)y->late_len;
	r.host_len = (uint32_t)host_len;
	r.host_port = y->port;
	r.inside = y->inside;
	r.head_len = y->head_len;
	r.ahead = y->ahead;
	memcpy(r.head, y->head, sizeof(r.head));
	put_bytes(f, &r, sizeof(r));
	put_bytes(f, k->in, k->in_len);
	put_bytes(f, k->out, k->out_len);
	put_bytes(f, y->up, y->up_len);
	put_bytes(f, y->late, y->late_len);
	put_bytes(f, y->host, host_len);
	/* Sent before the next turn of the loop: nobody closes it earlier. */
	f->fd[f->fd_count++] = k->fd;
	if (fds == 2)
		f->fd[f->fd_count++] = y->fd;
	f->conn_count++;
	if (f->fd_count == BATCH_FDS || f->len >= BATCH_BYTES)
		batch_send(f);
}

size_t
fdstore_commit(struct fdstore *f)
{
	batch_send(f);
	if (f->fill >= 0)
		(void)close(f->fill);
	f->fill = -1;
	for (size_t i = 0; i < f->pair_count; i++)
		if (!systemd_store_fd(f->pair[i], FDSTORE_NAME))
			return 0;
	return f->kept;
}

/* --- the next process ------------------------------------------------------*/

struct batch_in {
	int fd[BATCH_FDS];
	size_t fd_count;
	size_t len;
	char bytes[BATCH_MAX];
};

static void
take_control(struct batch_in *b, struct msghdr *m)
{
	b->fd_count = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL;
	    c = CMSG_NXTHDR(m, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		assert(b->fd_count + n <= BATCH_FDS);
		memcpy(b->fd + b->fd_count, CMSG_DATA(c), n * sizeof(int));
		b->fd_count += n;
	}
}

/* 1: a batch, 0: no more. A batch that does not fit is empty. */
static int
batch_read(int fd, struct batch_in *b)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * BATCH_FDS)];
	} control = {0};
	struct iovec iov = {.iov_base = b->bytes, .iov_len = sizeof(b->bytes)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof(control.bytes)};
	ssize_t n;

	do
		n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return 0;
	take_control(b, &m);
	b->len = (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ? 0 : (size_t)n;
	return 1;
}

/* The next n bytes of the batch; NULL: so many are not there. */
static const char *
bytes_next(const struct batch_in *b, size_t *pos, size_t n)
{
	const char *p = b->bytes + *pos;

	if (n > b->len - *pos)
		return NULL;
	*pos += n;
	return p;
}

/* What is behind the record. */
static bool
record_bytes(const struct batch_in *b, size_t *pos, const struct record *r,
    struct trackers_kept *ret)
{
	struct relay_kept *y = &ret->relay;
	const char *host;

	if (r->host_len > RELAY_HOST_MAX || r->head_len > sizeof(r->head) ||
	    (ret->in = bytes_next(b, pos, r->in_len)) == NULL ||
	    (ret->out = bytes_next(b, pos, r->out_len)) == NULL ||
	    (y->up = bytes_next(b, pos, r->up_len)) == NULL ||
	    (y->late = bytes_next(b, pos, r->late_len)) == NULL ||
	    (host = bytes_next(b, pos, r->host_len)) == NULL ||
	    memchr(host, '\0', r->host_len) != NULL)
		return false;
	ret->in_len = r->in_len;
	ret->out_len = r->out_len;
	y->up_len = r->up_len;
	y->late_len = r->late_len;
	memcpy(y->host, host, r->host_len);
	y->port = r->host_port;
	y->inside = r->inside != 0;
	y->head_len = r->head_len;
	y->ahead = r->ahead;
	memcpy(y->head, r->head, sizeof(y->head));
	return true;
}

/* The next record of the batch, or false: it is not one. */
static bool
record_next(const struct batch_in *b, size_t *pos, struct trackers_kept *ret)
{
	const char *p = bytes_next(b, pos, sizeof(struct record));
	struct devid id = {0};
	struct record r;

	if (p == NULL)
		return false;
	memcpy(&r, p, sizeof(r));
	if (r.bad < 0 || memchr(r.id, '\0', sizeof(r.id)) == NULL)
		return false;
	if (r.key != 0 && (devid_parse(span_str(r.id), &id) < 0 ||
	    id.key != r.key))
		return false;
	*ret = (struct trackers_kept){
	    .v6 = r.v6 != 0,
	    .port = r.port,
	    .bad = r.bad,
	    .devid = id,
	};
	memcpy(ret->addr, r.addr, sizeof(ret->addr));
	return record_bytes(b, pos, &r, ret);
}

/* A tracker's connection, and no file or pipe that somebody put there. */
static bool
is_stream(int fd)
{
	int domain = 0, type = 0;
	socklen_t n = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 &&
	    (domain == AF_INET || domain == AF_INET6) && type == SOCK_STREAM;
}

size_t
fdstore_read(int fd, void (*fn)(void *arg, const struct trackers_kept *k),
    void *arg, size_t *ret_bad)
{
	struct batch_in *b = malloc(sizeof(*b));
	size_t taken = 0;

	while (b != NULL && batch_read(fd, b) > 0) {
		size_t pos = sizeof(struct head), i = 0;
		struct trackers_kept k;
		struct head head = {0};

		if (b->len >= sizeof(head))
			memcpy(&head, b->bytes, sizeof(head));
		if (head.magic != MAGIC || head.count != b->fd_count)
			b->len = 0;
		while (i < b->fd_count && b->len > 0 &&
		    record_next(b, &pos, &k)) {
			size_t fds = k.relay.host[0] != '\0' ? 2 : 1;

			if (b->fd_count - i < fds || !is_stream(b->fd[i]) ||
			    !is_stream(b->fd[i + fds - 1]))
				break;
			k.fd = b->fd[i];
			k.relay.fd = b->fd[i + fds - 1];
			fn(arg, &k);
			i += fds;
			taken++;
		}
		*ret_bad += b->fd_count - i;
		for (; i < b->fd_count; i++)
			(void)close(b->fd[i]);
	}
	free(b);
	(void)close(fd);
	return taken;
}
