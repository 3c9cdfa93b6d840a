#include "config.h"
#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Together below 18,000, which a descriptor limit of 20,000 leaves. */
#define STORM_CONNS 14000
#define TARGETS 2000
#define STORM_RATE 10000.0
#define STORM_FIRST 20000
#define READ_RATE 500
#define CALM_S 1.3
#define PATIENCE_S 5.0  /* a connection whose answer takes longer is lost */

struct call {
	struct caller caller;
	bool answered;
	double took;
};

static struct call calls[STORM_CONNS];
static int target_fd[TARGETS];
static size_t target_count;
static unsigned commands;       /* version reads that targets were sent */
static int epoll_fd;

static const char campaign[] =
    "target_version: \"0A05\"\n"
    "packages: [{from: \"0A03\", to: \"0A05\", "
    "url: \"http://127.0.0.1/x.enc\", bytes: 1}]\n"
    "waves: [{name: all}]\n";

static void
call_event(unsigned i, uint32_t what)
{
	struct call *c = &calls[i];
	char buf[256];
	ssize_t n;

	caller_event(&c->caller, epoll_fd, what);
	if ((what & (EPOLLIN | EPOLLERR | EPOLLHUP)) == 0)
		return;
	n = recv(c->caller.fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0 && (size_t)n == c->caller.owed && !c->answered) {
		c->answered = true;
		c->took = now_s() - c->caller.at;
		return;
	}
	/* Closed, or an answer that is none: it counts as lost. */
	c->answered = false;
	(void)epoll_ctl(epoll_fd, EPOLL_CTL_DEL, c->caller.fd, NULL);
}

/* Their answers and commands come mixed, so that they are no fleet. */
static void
targets_open(const struct server *s)
{
	struct epoll_event e = {.events = EPOLLIN};
	char buf[MESSAGE_MAX];
	size_t reply;

	for (target_count = 0; target_count < TARGETS; target_count++) {
		size_t n = wire_probe(TALK_TRACK, (unsigned)target_count, buf,
		    &reply);
		int fd = connect_to(s->port, 0, false);

		if (fd < 0 || send(fd, buf, n, MSG_NOSIGNAL) != (ssize_t)n)
			die("target %zu cannot connect", target_count);
		target_fd[target_count] = fd;
		e.data.u64 = STORM_CONNS + target_count;
		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
			die("epoll_ctl: %s", strerror(errno));
	}
}

static void
target_event(size_t i)
{
	char buf[4096];
	ssize_t n = recv(target_fd[i], buf, sizeof(buf) - 1, MSG_DONTWAIT);
	const char *p = buf;

	if (n == 0)
		die("target %zu was dropped", i);
	buf[MAX_OF(n, 0)] = '\0';
	while ((p = strstr(p, "AT+GTRTO=")) != NULL) {
		commands++;
		p++;
	}
}

/* Events for at most wait_ms. */
static void
turn(int wait_ms)
{
	struct epoll_event ready[256];
	int n = epoll_wait(epoll_fd, ready, ARRAY_LEN(ready), wait_ms);

	for (int i = 0; i < n; i++) {
		uint64_t tag = ready[i].data.u64;

		if (tag >= STORM_CONNS)
			target_event((size_t)tag - STORM_CONNS);
		else
			call_event((unsigned)tag, ready[i].events);
	}
}

static double
calm(void)
{
	double start = now_s();
	unsigned before;

	/* The allowance of one second goes at once. */
	while (commands < READ_RATE && now_s() - start < PATIENCE_S)
		turn(10);
	start = now_s();
	before = commands;
	while (now_s() - start < CALM_S)
		turn(10);
	return (commands - before) / (now_s() - start);
}

static size_t
unanswered(size_t from)
{
	while (from < STORM_CONNS && calls[from].answered)
		from++;
	return from;
}

static double
storm(const struct server *s)
{
	double start = now_s(), took;
	unsigned begun = 0, before = commands;
	size_t done = 0;

	while (begun < STORM_CONNS) {
		for (int i = 0; i < 64 && begun < STORM_CONNS &&
		    begun < STORM_RATE * (now_s() - start); i++, begun++) {
			calls[begun].answered = false;
			/* One that cannot connect is not answered: lost. */
			(void)caller_begin(&calls[begun].caller, epoll_fd,
			    s->port, STORM_FIRST + begun, begun);
		}
		turn(0);
	}
	took = now_s() - start;
	before = commands - before;
	while ((done = unanswered(done)) < STORM_CONNS &&
	    now_s() - start < took + PATIENCE_S)
		turn(10);
	return before / took;
}

/* Of the answered ones, in ms; the others are counted. */
static double
answer_p99(unsigned *ret_lost)
{
	static double took[STORM_CONNS];
	size_t n = 0;

	for (size_t i = 0; i < STORM_CONNS; i++)
		if (calls[i].answered)
			took[n++] = calls[i].took * 1e3;
	*ret_lost = (unsigned)(STORM_CONNS - n);
	sort_ascending(took, n);
	return n == 0 ? 0 : took[n * 99 / 100];
}

static void
storm_once(enum server_kind kind, struct series *lost, struct series *p99,
    struct series *quiet, struct series *busy)
{
	bool daemon = kind == SERVER_DAEMON;
	struct server s;
	unsigned n;
	double rate;

	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	commands = 0;
	if (daemon) {
		/* The directory is there from the first start on. */
		server_start(&s, kind, "");
		server_stop(&s);
		campaign_write("bench", TARGETS, campaign);
	}
	server_start(&s, kind, "limits: {read_rate: 500/s}\n");
	if (daemon) {
		targets_open(&s);
		series_add(quiet, calm());
	}
	rate = storm(&s);
	if (daemon)
		series_add(busy, rate);
	series_add(p99, answer_p99(&n));
	series_add(lost, n);
	for (size_t i = 0; i < STORM_CONNS; i++)
		if (calls[i].caller.fd >= 0)
			(void)close(calls[i].caller.fd);
	for (size_t i = 0; i < target_count; i++)
		(void)close(target_fd[i]);
	target_count = 0;
	(void)close(epoll_fd);
	server_stop(&s);
	work_clear();
}

void
bench_storm(void)
{
	struct outcome *lost = outcome_new("storm_lost", "Connections lost of "
	    "14,000 that come at 10,000 a second", "lost");
	struct outcome *p99 = outcome_new("storm_answer",
	    "Connect to first answer in that storm, p99", "ms");
	struct outcome *reads = outcome_new("storm_dispatch",
	    "Commands dispatched meanwhile (500 a second are allowed)", "/s");
	struct series *s[6];

	say("%s ...", lost->title);
	s[0] = outcome_row(lost, "libevent, parse and ack");
	s[1] = outcome_row(lost, "trackupd");
	s[2] = outcome_row(p99, "libevent, parse and ack");
	s[3] = outcome_row(p99, "trackupd");
	s[4] = outcome_row(reads, "trackupd before the storm");
	s[5] = outcome_row(reads, "trackupd in the storm");
	lost->subject = p99->subject = reads->subject = 1;
	lost->goal = GOAL_AT_MOST;
	lost->limit = 0;
	reads->beside = 0;
	reads->goal = GOAL_AT_LEAST;
	reads->limit = 0.9;
	for (int i = 0; i < 3; i++) {
		storm_once(SERVER_FLOOR_ACK, s[0], s[2], NULL, NULL);
		storm_once(SERVER_DAEMON, s[1], s[3], s[4], s[5]);
	}
}
