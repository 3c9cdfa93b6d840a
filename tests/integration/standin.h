#ifndef TRACKUP_TESTS_STANDIN_H
#define TRACKUP_TESTS_STANDIN_H
/*
 * standin: what the programs have in common that stand beside the daemon while
 * a test runs: how they end and fail, what they listen on, and whom a datagram
 * came from.
 *
 * They say "ready" when they listen, and end on SIGTERM. One thread.
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

struct pollfd;

#define STANDIN_SOURCES_MAX 2000

/* Who sends datagrams, in the order in which they began to. */
struct standin_sources {
	struct sockaddr_in sin[STANDIN_SOURCES_MAX];
	size_t count;
};

extern volatile sig_atomic_t standin_ended; /* SIGTERM came */

/* Says what failed, and why by errno, and ends the program. */
_Noreturn void standin_fail(const char *what);
long long standin_ms(clockid_t clock);
struct sockaddr_in standin_address(uint32_t host, uint16_t port);
/* Of that type, bound, and listening when it is a stream. */
int standin_listen(int type, struct sockaddr_in at);
/* Everything is open: tells whoever waits for it. */
void standin_ready(void);
/* Waits for events; false: a signal came in between. */
bool standin_poll(struct pollfd *v, size_t n, int timeout_ms);
/* A file of the directory, for writing. */
FILE *standin_file(const char *directory, const char *name);
/* One datagram: its length, and in *ret_i whose; *ret_new: the first of his.
 * 0: none, or one source more than STANDIN_SOURCES_MAX. */
size_t standin_datagram(int fd, struct standin_sources *s, char *buf,
    size_t size, size_t *ret_i, bool *ret_new);

#endif
