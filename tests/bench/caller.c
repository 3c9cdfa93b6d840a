#include "config.h"
#include "bench.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define SOURCES 8 /* addresses that they come from */

static void
hello(struct caller *p)
{
	char buf[MESSAGE_MAX];
	size_t n = wire_probe(TALK_TRACK, p->id, buf, &p->owed);

	p->sent = send(p->fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL) ==
	    (ssize_t)n;
}

bool
caller_begin(struct caller *p, int epoll_fd, uint16_t port, unsigned id,
    uint64_t tag)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = tag};

	*p = (struct caller){.id = id, .tag = tag, .at = now_s()};
	p->fd = connect_to(port, 1 + id % SOURCES, true);
	if (p->fd < 0)
		return false;
	hello(p);
	if (!p->sent)
		e.events |= EPOLLOUT;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, p->fd, &e) < 0)
		die("epoll_ctl: %s", strerror(errno));
	return true;
}

void
caller_event(struct caller *p, int epoll_fd, uint32_t what)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = p->tag};

	if ((what & EPOLLOUT) == 0 || p->sent)
		return;
	hello(p);
	(void)epoll_ctl(epoll_fd, EPOLL_CTL_MOD, p->fd, &e);
}
