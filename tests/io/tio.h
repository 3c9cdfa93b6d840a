#ifndef TRACKUP_TESTS_IO_TIO_H
#define TRACKUP_TESTS_IO_TIO_H
/*
 * tio: what the tests of io share: a loop that is turned until something is
 * so, and plain blocking client sockets with a deadline.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "io/trackers.h"

#define TIO_PATIENCE_MS 10000

/* One turn of the loop, of at most 1 ms. */
void tio_turn(struct loop *l);
/* Turns until cond, or fails the test when patience ends. */
#define UNTIL(l, cond) do { \
	int64_t until_ = loop_mono_ms() + TIO_PATIENCE_MS; \
	while (!(cond)) { \
		ck_assert_msg(loop_mono_ms() < until_, \
		    "waited in vain for " #cond); \
		tio_turn(l); \
	} \
} while (0)
/* Turns for ms, in which cond must stay true. */
#define DURING(l, ms, cond) do { \
	int64_t end_ = loop_mono_ms() + (ms); \
	while (loop_mono_ms() < end_) { \
		ck_assert_msg(cond, "no longer: " #cond); \
		tio_turn(l); \
	} \
} while (0)

/* A connected client socket on 127.0.0.1, non-blocking. source: address to
 * come from, or NULL; rcvbuf: SO_RCVBUF, or 0. */
int tio_connect(uint16_t port, const char *source, int rcvbuf);
/* -1 with errno instead of failing the test. */
int tio_try_connect(uint16_t port, const char *source, int rcvbuf);
void tio_write(int fd, const void *p, size_t n);
/* What is there now, appended to buf; the new length. *ret_end: the peer has
 * closed or reset. */
size_t tio_read(int fd, char *buf, size_t len, size_t size, bool *ret_end);
/* Ends with RST in place of FIN. */
void tio_reset(int fd);
/* A port that nobody listens on (now). */
uint16_t tio_free_port(void);

/* For trackers_ops, where a test has no use for them. */
bool tio_never_busy(void *arg, const struct core_conn *conn);
void tio_no_note(void *arg, enum note_level level, const char *line);

#endif
