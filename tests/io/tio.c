#include "config.h"
#include "tio.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>
#include <event2/event.h>

static void
nothing(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

void
tio_turn(struct loop *l)
{
	struct timeval tv = {.tv_usec = 1000};
	struct event *ev = evtimer_new(loop_base(l), nothing, NULL);

	ck_assert_ptr_nonnull(ev);
	ck_assert_int_eq(event_add(ev, &tv), 0);
	ck_assert_int_ge(event_base_loop(loop_base(l), EVLOOP_ONCE), 0);
	event_free(ev);
}

static struct sockaddr_in
address(const char *host, uint16_t port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};

	sin.sin_port = htons(port);
	ck_assert_int_eq(inet_pton(AF_INET, host, &sin.sin_addr), 1);
	return sin;
}

int
tio_try_connect(uint16_t port, const char *source, int rcvbuf)
{
	struct sockaddr_in sin;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int saved, on = 1;

	if (fd < 0)
		return -1;
	/* Small writes in a row are meant to be small segments in a row. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (rcvbuf > 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf,
		    sizeof(rcvbuf));
	if (source != NULL) {
		sin = address(source, 0);
		if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0)
			goto bad;
	}
	sin = address("127.0.0.1", port);
	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0)
		goto bad;
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
bad:
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

int
tio_connect(uint16_t port, const char *source, int rcvbuf)
{
	int fd = tio_try_connect(port, source, rcvbuf);

	ck_assert_msg(fd >= 0, "connect: %s", strerror(errno));
	return fd;
}

void
tio_write(int fd, const void *p, size_t n)
{
	ck_assert_int_eq(send(fd, p, n, MSG_NOSIGNAL), (ssize_t)n);
}

size_t
tio_read(int fd, char *buf, size_t len, size_t size, bool *ret_end)
{
	ssize_t n = recv(fd, buf + len, size - len, 0);

	if (n > 0)
		return len + (size_t)n;
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		*ret_end = true;
	return len;
}

void
tio_reset(int fd)
{
	struct linger lg = {.l_onoff = 1};

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &lg,
	    sizeof(lg)), 0);
	ck_assert_int_eq(close(fd), 0);
}

uint16_t
tio_free_port(void)
{
	struct sockaddr_in sin = address("127.0.0.1", 0);
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	ck_assert_int_eq(close(fd), 0);
	return ntohs(sin.sin_port);
}

bool
tio_never_busy(void *arg, const struct core_conn *conn)
{
	(void)arg;
	(void)conn;
	return false;
}

void
tio_no_note(void *arg, enum note_level level, const char *line)
{
	(void)arg;
	(void)level;
	(void)line;
}
