#ifndef TRACKUP_TESTS_BENCH_H
#define TRACKUP_TESTS_BENCH_H
/*
 * bench: trackupd measured beside floor programs of our own and beside
 * programs that people know, in one run.
 *
 * What is compared is measured in turns (A B A B …), because a machine is
 * never equally busy twice; a ratio is taken from the two figures of one turn.
 * CPU time is that of the measured process, from its own clock, so that
 * neither the load generator nor a neighbour counts.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include "base/attr.h"

/* --- outcome.c: what was measured -------------------------------------------*/

#define RUNS_MAX 64
#define ROWS_MAX 8

struct series {
	const char *name;
	double v[RUNS_MAX];     /* one a turn */
	size_t n;               /* 0: missing */
	const char *missing;    /* why */
};

enum goal { GOAL_NONE, GOAL_AT_MOST, GOAL_AT_LEAST };

struct outcome {
	const char *key;        /* of the JSON */
	const char *title, *unit;
	struct series row[ROWS_MAX];
	size_t rows;
	int subject;            /* the row of trackupd */
	int beside;             /* its ratio is to this row; -1: to none */
	enum goal goal;
	double limit;           /* of the ratio, or of the value itself */
};

/* A new one, kept until outcomes_print(). */
struct outcome *outcome_new(const char *key, const char *title,
    const char *unit);
struct series *outcome_row(struct outcome *r, const char *name);
void series_add(struct series *s, double v);
/* On standard output; JSON into a file. How many goals were missed. */
int outcomes_print(const char *json_path);
void sort_ascending(double *v, size_t n);

/* --- proc.c: servers under measurement -------------------------------------*/

enum server_kind {
	SERVER_FLOOR_BARE, SERVER_FLOOR_PARSE, SERVER_FLOOR_ACK,
	SERVER_DAEMON, SERVER_DAEMON_QUIET, /* sack: all, sack: heartbeat */
	SERVER_DAEMON_FILES,
	SERVER_MOSQUITTO, SERVER_MEMCACHED, SERVER_NGINX,
	SERVER_HAPROXY          /* extra: whom it stands before */
};

struct server {
	enum server_kind kind;
	pid_t pid;
	uint16_t port;
	uint16_t files_port;    /* SERVER_DAEMON_FILES: of the file server */
};

extern const char *work_dir;    /* of this run; emptied at its end */

_Noreturn void die(const char *fmt, ...) PRINTF_LIKE(1, 2);
void say(const char *fmt, ...) PRINTF_LIKE(1, 2);
double now_s(void);
void sleep_s(double s);
/* floor and trackupd are found beside this program. */
void proc_init(const char *self);
void proc_done(void);
/* NULL, or why it cannot be measured here. */
const char *server_missing(enum server_kind kind);
/* extra: more lines of trackupd.yaml, or "". The server accepts. */
void server_start(struct server *s, enum server_kind kind, const char *extra);
/* The same, but does not wait until it accepts. */
void server_fork(struct server *s, enum server_kind kind, const char *extra);
void server_wait(const struct server *s);
void server_stop(struct server *s);
/* The database and the campaigns of earlier servers are gone. */
void work_clear(void);
/* A campaign of the ids from 0 on, which begins by itself at any hour; rest:
 * further lines of its file. A server must have been there before. */
void campaign_write(const char *name, unsigned ids, const char *rest);
double server_cpu_s(const struct server *s);
/* Bytes of memory that only it has. */
double server_memory(const struct server *s);
/* Until all its threads sleep and its CPU time stands still. */
void server_quiet(const struct server *s);
/* Server and clients in turn on one CPU: what a frame costs there is not mixed
 * with what it costs to fetch it from another's cache. */
void one_cpu(bool on);

/* --- wire.c: what clients say ----------------------------------------------*/

enum dialect {
	TALK_BARE,              /* frames; nothing is ever answered */
	TALK_TRACK,             /* reports, not acknowledged */
	TALK_TRACK_ACK,         /* reports, each acknowledged */
	TALK_HEX1_ACK, TALK_HEX2_ACK, /* the same in binary */
	TALK_MQTT0, TALK_MQTT1, /* publish with QoS 0, 1 */
	TALK_CACHE, TALK_CACHE_ACK /* set noreply, set */
};

#define MESSAGE_MAX 160

enum dialect dialect_of(enum server_kind kind, bool acknowledged);
/* Each writes one message and returns its length; ret_reply: the length of
 * what answers it. */
size_t wire_hello(enum dialect d, unsigned id, char *buf, size_t *ret_reply);
size_t wire_message(enum dialect d, unsigned id, unsigned n, char *buf,
    size_t *ret_reply);
/* What is answered in every dialect but the bare one. */
size_t wire_probe(enum dialect d, unsigned id, char *buf, size_t *ret_reply);

/* --- fleet.c: many clients of one server -----------------------------------*/

struct fleet {
	enum dialect dialect;
	bool udp;               /* a source each, in place of a connection */
	unsigned first_id;
	unsigned sent;          /* messages a client, so far */
	int *fd;
	size_t count;
	size_t *owed;           /* bytes of answers, of each */
};

int connect_to(uint16_t port, unsigned source, bool nonblocking);
/* The same; segment: the most that a packet from there may carry, 0 = 64 KiB. */
int connect_with(uint16_t port, unsigned source, bool nonblocking,
    int segment);
/* Connects one after the other; each says hello and is answered. */
void fleet_open(struct fleet *f, const struct server *s, enum dialect d,
    unsigned first_id, size_t count);
/* The same over UDP, where the server listens on the same port. */
void fleet_open_over(struct fleet *f, const struct server *s, enum dialect d,
    bool udp, unsigned first_id, size_t count);
void fleet_grow(struct fleet *f, const struct server *s, size_t count);
/* Each sends k messages in one write. */
void fleet_send(struct fleet *f, size_t k);
void fleet_send_one(struct fleet *f, size_t i, size_t k);
/* Reads what is there, without waiting. */
void fleet_drain_one(struct fleet *f, size_t i);
/* Reads every answer that is owed; dies when one does not come. */
void fleet_collect(struct fleet *f);
/* A probe each and its answer: everything before it was handled. */
void fleet_probe(struct fleet *f);
void fleet_close(struct fleet *f);
/* Each sends k messages while s stands still; then what s takes for one, in
 * nanoseconds of CPU. */
double fleet_burst(struct fleet *f, const struct server *s, size_t k);

/* --- caller.c: clients that come all at once -------------------------------*/

struct caller {
	int fd;                 /* -1: it could not connect */
	unsigned id;
	uint64_t tag;           /* of its events */
	bool sent;              /* its first message */
	size_t owed;            /* bytes of the answer to that */
	double at;              /* when it came */
};

/* Connects without waiting and speaks as soon as it can; epoll_fd tells of what
 * comes. False: it could not connect. */
bool caller_begin(struct caller *p, int epoll_fd, uint16_t port, unsigned id,
    uint64_t tag);
/* After each of its events. */
void caller_event(struct caller *p, int epoll_fd, uint32_t what);

/* --- the measurements ------------------------------------------------------*/

void bench_frames(void);
void bench_families(void);
void bench_paced(void);
void bench_idle(void);
void bench_storm(void);
void bench_durable(void);
void bench_dispatch(void);
void bench_intake(void);
void bench_turns(void);
void bench_rows(void);
void bench_start(void);
void bench_downloads(void);
void bench_slow(void);
void bench_relay(void);

#endif
