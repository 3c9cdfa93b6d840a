#ifndef TRACKUP_IO_LISTEN_H
#define TRACKUP_IO_LISTEN_H
/*
 * listen: listening TCP sockets of trackers, file server and API, and bound UDP
 * sockets of trackers.
 *
 * Options are set on the listener, whose accepted sockets inherit them: no
 * system call more for each connection. Descriptors are the caller's.
 */
#include <stdint.h>
#include <sys/socket.h>
#include "base/attr.h"
#include "base/errtext.h"
#include "io/trackers.h"

#define LISTEN_BACKLOG 65535 /* the kernel cuts it to somaxconn */
#define SOCKADDR_TEXT 64     /* "[address]:port" */

struct listen_options {
	int64_t user_timeout_ms; /* 0 = as the system has it */
	int64_t keepalive_ms;    /* 0 = off */
	int send_buffer;         /* SO_SNDBUF; 0 = as the system has it */
};

/* A non-blocking, close-on-exec listener; -1 with err. */
MUST_CHECK int listen_open(const struct trackers_address *a,
    const struct listen_options *o, struct errtext *err);
/* A bound, non-blocking, close-on-exec UDP socket that tells which address each
 * datagram was sent to; -1 with err. */
MUST_CHECK int listen_udp(const struct trackers_address *a, int receive_buffer,
    struct errtext *err);
/* A listening socket of the service manager's, from now on this module's:
 * listen_open() takes a copy of it in place of a socket of its own when the
 * address is the same. It stays open, so that a reload may come back to it. */
void listen_offer(int fd);
/* Sets the timeouts on a listener or a connection. */
void listen_options_apply(int fd, const struct listen_options *o);
uint16_t listen_port(int fd); /* 0: unknown */
/* "192.0.2.1:4711" or "[2001:db8::1]:4711". */
char *sockaddr_text(const struct sockaddr *sa, char *buf, size_t size);
/* The kernel's limit of a backlog; -1: unknown. */
int listen_somaxconn(void);

#endif
