#ifndef TRACKUP_TESTS_IO_API_CLIENT_H
#define TRACKUP_TESTS_IO_API_CLIENT_H
/*
 * api_client: the API on a socket of its own, and a client that speaks bytes.
 *
 * One thread: whoever waits also turns the loop. Each wait has a deadline.
 */
#include <check.h>
#include <jansson.h>
#include "base/attr.h"
#include "fake_world.h"
#include "io/loop.h"

#define DEADLINE_MS (10000 * api_slowness())
/* CK_TIMEOUT_MULTIPLIER, 1 without: what a tool slows down. */
int64_t api_slowness(void);
#define POST_HEAD "POST /api/v1/%s HTTP/1.1\r\nHost: x\r\n"
#define SLOW_MS 4000 /* request_timeout_ms of the API under test */

extern struct loop *loop;
extern struct fake_world world;
extern struct api *api;
extern char dir[64], path[96]; /* where the socket is */

/* Fixture of every case. stop() copes with an api that a test has freed (and
 * set to NULL), and checks that nothing is left behind. */
void start(void);
void stop(void);
/* Registered by main(). */
void add_changes(TCase *tc);
void add_hostile(TCase *tc);
void add_events(TCase *tc);
void add_http(TCase *tc);
void add_socket(TCase *tc);

struct reply {
	int status;       /* 0 = closed without an answer */
	char *text;       /* headers and body */
	const char *body;
	json_t *json;     /* NULL = the body is none */
};

void turn(void);
int dial(void);
/* Turns the loop, then waits a little for events of fd. */
void wait_fd(int fd, short events);
/* All of it, unless the other side closes. */
void put(int fd, const char *p, size_t n);
void puts_fd(int fd, const char *s);
/* The next answer; done() releases it. */
struct reply get_reply(int fd);
void done(struct reply *r);
/* Nothing has come, and it is not closed. */
bool silent(int fd);

/* One request on a connection of its own: raw, or below /api/v1/. */
struct reply ask(const char *fmt, ...) PRINTF_LIKE(1, 2);
struct reply get(const char *what);
struct reply post(const char *what, const char *body);

/* Member a of the answer, or member b of object a (b may be NULL). */
const char *str(const struct reply *r, const char *a, const char *b);
/* These take the reply. */
void expect_error(struct reply r, int status, const char *code);
void expect_ok(struct reply r);
/* These fail the test when the field is missing or of another type. */
bool is_null(const json_t *j, const char *key);
json_int_t number(const json_t *j, const char *key);
const char *text(const json_t *j, const char *key);
void has_fields(const json_t *j, const char *const *names, size_t n);

#endif
