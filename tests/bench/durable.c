#include "config.h"
#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEVICES 10000
#define RATE 10000.0
#define RUN_S 3.0
#define PATIENCE_S 10.0
#define SAMPLES_MAX 64000

static double sent_at[DEVICES];
static double took_ms[SAMPLES_MAX];
static size_t took_count;

/* A report that an update would end on: it is acknowledged when it is on
 * disk, with its row in the timeline and what it means for the device. */
static void
event_send(struct fleet *f, size_t i, unsigned n)
{
	char buf[MESSAGE_MAX];
	int len = snprintf(buf, sizeof(buf), "+RESP:GTUPD,C20100,A%013X,,202,"
	    "1,20150201020000,%04X$", f->first_id + (unsigned)i, n & 0xffff);

	if (send(f->fd[i], buf, (size_t)len, MSG_NOSIGNAL) != len)
		die("send: %s", strerror(errno));
	f->owed[i] += strlen("+SACK:11F0$");
	sent_at[i] = now_s();
}

static size_t
answers_take(struct fleet *f, int epoll_fd, int wait_ms)
{
	struct epoll_event ready[256];
	int n = epoll_wait(epoll_fd, ready, ARRAY_LEN(ready), wait_ms);
	size_t got = 0;

	for (int k = 0; k < n; k++) {
		size_t i = (size_t)ready[k].data.u64;

		fleet_drain_one(f, i);
		if (f->owed[i] > 0)
			continue;
		got++;
		if (took_count < SAMPLES_MAX)
			took_ms[took_count++] = (now_s() - sent_at[i]) * 1e3;
	}
	return got;
}

/* Round after round over all devices, none with two events under way. */
static void
run(struct fleet *f, int epoll_fd, unsigned *serial)
{
	double start = now_s();
	size_t sent = 0, got = 0, i = 0;

	took_count = 0;
	while (now_s() - start < RUN_S) {
		while ((double)sent < (now_s() - start) * RATE &&
		    f->owed[i] == 0) {
			event_send(f, i, *serial);
			sent++;
			if (++i == f->count) {
				i = 0;
				(*serial)++;
			}
		}
		got += answers_take(f, epoll_fd, 1);
	}
	if ((double)sent < 0.95 * RATE * RUN_S)
		say("only %.0f events a second were sent", (double)sent /
		    RUN_S);
	for (start = now_s(); got < sent; ) {
		got += answers_take(f, epoll_fd, 10);
		if (now_s() - start > PATIENCE_S)
			die("%zu events were never acknowledged", sent - got);
	}
	(*serial)++;
	sort_ascending(took_ms, took_count);
}

void
bench_durable(void)
{
	struct outcome *r = outcome_new("durable", "Event to durable and "
	    "acknowledged, 10,000 a second from 10,000 devices", "ms");
	struct outcome *c = outcome_new("durable_cpu",
	    "CPU of that, with the writer's", "us");
	struct series *p50 = outcome_row(r, "trackupd, p50");
	struct series *p99 = outcome_row(r, "trackupd, p99");
	struct series *max = outcome_row(r, "trackupd, maximum");
	struct series *cpu = outcome_row(c, "trackupd, per event");
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	unsigned serial = 1;
	struct server s;
	struct fleet f;

	say("%s ...", r->title);
	r->subject = 1;
	r->goal = GOAL_AT_MOST;
	r->limit = 10;
	server_start(&s, SERVER_DAEMON, "devices: {unknown: register}\n");
	fleet_open(&f, &s, TALK_TRACK_ACK, 0, DEVICES);
	for (size_t i = 0; i < f.count; i++) {
		struct epoll_event e = {.events = EPOLLIN, .data.u64 = i};

		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, f.fd[i], &e) < 0)
			die("epoll_ctl: %s", strerror(errno));
	}
	for (int i = -1; i < 3; i++) {
		double before = server_cpu_s(&s);

		run(&f, epoll_fd, &serial);
		if (i < 0)
			continue;
		series_add(p50, took_ms[took_count / 2]);
		series_add(p99, took_ms[took_count * 99 / 100]);
		series_add(max, took_ms[took_count - 1]);
		series_add(cpu, (server_cpu_s(&s) - before) /
		    (double)took_count * 1e6);
	}
	fleet_close(&f);
	(void)close(epoll_fd);
	server_stop(&s);
	work_clear();
}
