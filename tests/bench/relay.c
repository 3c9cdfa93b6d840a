#include "config.h"
#include "bench.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/*
 * Trackers, something in between, and a platform that acknowledges: what the
 * one in between costs, and how much later the answer comes for it.
 */
#define CONNS 500
#define ROUND_TRIPS 1500

/* In the order of the rows; the platform itself is nobody in between. */
enum { VIA_RELAY, VIA_HAPROXY, VIA_COUNT };

struct way {
	struct server server;
	struct fleet fleet;
	struct series *row;
};

static struct server platform;
static struct way ways[VIA_COUNT];

static void
way_open(struct way *w, enum server_kind kind, const char *extra,
    struct series *row, size_t conns)
{
	w->row = row;
	if ((row->missing = server_missing(kind)) != NULL)
		return;
	server_start(&w->server, kind, extra);
	fleet_open(&w->fleet, &w->server, TALK_TRACK_ACK, 0, conns);
}

static void
ways_open(struct outcome *r, size_t conns)
{
	char yaml[128], backend[64];

	server_start(&platform, SERVER_FLOOR_ACK, "");
	(void)snprintf(yaml, sizeof(yaml),
	    "relay: {upstream: \"127.0.0.1:%u\"}\n", platform.port);
	(void)snprintf(backend, sizeof(backend), "127.0.0.1:%u",
	    platform.port);
	r->beside = VIA_HAPROXY;
	r->subject = VIA_RELAY;
	way_open(&ways[VIA_RELAY], SERVER_DAEMON, yaml,
	    outcome_row(r, "trackupd"), conns);
	way_open(&ways[VIA_HAPROXY], SERVER_HAPROXY, backend,
	    outcome_row(r, "haproxy, mode tcp"), conns);
}

static void
ways_close(void)
{
	for (size_t i = 0; i < VIA_COUNT; i++) {
		if (ways[i].row->missing != NULL)
			continue;
		fleet_close(&ways[i].fleet);
		server_stop(&ways[i].server);
	}
	server_stop(&platform);
	work_clear();
}

/* ns of the one in between for a frame and its answer. The frames lie in the
 * sockets before it runs. */
static double
burst(struct way *w, size_t k)
{
	double before;

	if (kill(w->server.pid, SIGSTOP) < 0)
		die("kill: %s", strerror(errno));
	fleet_send(&w->fleet, k);
	before = server_cpu_s(&w->server);
	(void)kill(w->server.pid, SIGCONT);
	fleet_collect(&w->fleet);
	server_quiet(&w->server);
	return (server_cpu_s(&w->server) - before) /
	    ((double)w->fleet.count * (double)k) * 1e9;
}

static void
cost(const char *key, const char *title, size_t k, int turns)
{
	struct outcome *r = outcome_new(key, title, "ns");

	say("%s ...", title);
	r->goal = GOAL_AT_MOST;
	r->limit = 1.5;
	one_cpu(true);
	ways_open(r, CONNS);
	for (int turn = -3; turn < turns; turn++)
		for (size_t i = 0; i < VIA_COUNT; i++) {
			double ns;

			if (ways[i].row->missing != NULL)
				continue;
			ns = burst(&ways[i], k);
			if (turn >= 0)
				series_add(ways[i].row, ns);
		}
	ways_close();
	one_cpu(false);
}

/* us from a frame to its acknowledgement, the median. */
static double
round_trip(struct fleet *f)
{
	static double us[ROUND_TRIPS];

	for (size_t i = 0; i < ROUND_TRIPS; i++) {
		double start = now_s();

		fleet_send(f, 1);
		fleet_collect(f);
		us[i] = (now_s() - start) * 1e6;
	}
	sort_ascending(us, ROUND_TRIPS);
	return us[ROUND_TRIPS / 2];
}

static void
latency(void)
{
	struct outcome *r = outcome_new("relay_latency", "Latency that it "
	    "adds to a frame and its acknowledgement", "us");
	struct fleet direct;

	say("%s ...", r->title);
	r->goal = GOAL_AT_MOST;
	r->limit = 1.5;
	ways_open(r, 1);
	fleet_open(&direct, &platform, TALK_TRACK_ACK, 1, 1);
	for (int turn = -1; turn < 9; turn++) {
		double alone = round_trip(&direct);

		for (size_t i = 0; i < VIA_COUNT; i++) {
			double us;

			if (ways[i].row->missing != NULL)
				continue;
			us = round_trip(&ways[i].fleet) - alone;
			if (turn >= 0)
				series_add(ways[i].row, us);
		}
	}
	fleet_close(&direct);
	ways_close();
}

void
bench_relay(void)
{
	cost("relay_1", "CPU of the relay per frame and its acknowledgement, "
	    "1 a read, 500 connections", 1, 25);
	cost("relay_16", "The same, 16 a read", 16, 15);
	latency();
}
