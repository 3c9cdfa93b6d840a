#include "config.h"
#include "bench.h"

#define SERVERS_MAX 6

struct lane {
	struct server server;
	struct fleet fleet;
	struct series *series;
};

static struct lane lanes[SERVERS_MAX];
static size_t lane_count;

static void
lanes_open(struct outcome *r, const enum server_kind *kinds,
    const char *const *names, size_t n, size_t conns, bool acknowledged)
{
	lane_count = 0;
	for (size_t i = 0; i < n; i++) {
		struct series *s = outcome_row(r, names[i]);
		struct lane *l = &lanes[lane_count];

		if ((s->missing = server_missing(kinds[i])) != NULL)
			continue;
		l->series = s;
		server_start(&l->server, kinds[i], "");
		fleet_open(&l->fleet, &l->server,
		    dialect_of(kinds[i], acknowledged), 0, conns);
		lane_count++;
	}
}

static void
lanes_close(void)
{
	for (size_t i = 0; i < lane_count; i++) {
		/* Nothing counted as handled was left lying. */
		fleet_probe(&lanes[i].fleet);
		fleet_close(&lanes[i].fleet);
		server_stop(&lanes[i].server);
	}
	work_clear();
}

struct shape {
	const char *key, *title;
	bool acknowledged;
	size_t k;
	int turns;
};

static void
measure(const struct shape *sh)
{
	static const enum server_kind quiet[] = {SERVER_FLOOR_BARE,
		SERVER_FLOOR_PARSE, SERVER_DAEMON_QUIET, SERVER_MOSQUITTO,
		SERVER_MEMCACHED};
	static const char *const quiet_names[] = {"bare epoll drain",
		"libevent and parse", "trackupd", "mosquitto, QoS 0",
		"memcached, set noreply"};
	static const enum server_kind ack[] = {SERVER_FLOOR_BARE,
		SERVER_FLOOR_ACK, SERVER_DAEMON, SERVER_MOSQUITTO,
		SERVER_MEMCACHED};
	static const char *const ack_names[] = {"bare epoll drain, no ack",
		"libevent, parse and ack", "trackupd", "mosquitto, QoS 1",
		"memcached, set"};
	struct outcome *r = outcome_new(sh->key, sh->title, "ns");

	say("%s ...", sh->title);
	r->goal = GOAL_AT_MOST;
	r->limit = 1.3;
	r->subject = 2;
	r->beside = 1;
	one_cpu(true);
	lanes_open(r, sh->acknowledged ? ack : quiet,
	    sh->acknowledged ? ack_names : quiet_names, ARRAY_LEN(ack), 1000,
	    sh->acknowledged);
	for (int turn = -3; turn < sh->turns; turn++)
		for (size_t i = 0; i < lane_count; i++) {
			double ns = fleet_burst(&lanes[i].fleet,
			    &lanes[i].server, sh->k);

			if (turn >= 0)
				series_add(lanes[i].series, ns);
		}
	lanes_close();
	one_cpu(false);
}

void
bench_frames(void)
{
	static const struct shape shapes[] = {
		{"frame_1", "CPU per frame, 1 a read, 1,000 connections",
		    false, 1, 30},
		{"frame_16", "CPU per frame, 16 a read, 1,000 connections",
		    false, 16, 60},
		{"frame_1_ack", "CPU per acknowledged frame, 1 a read, "
		    "1,000 connections", true, 1, 25},
		{"frame_16_ack", "CPU per acknowledged frame, 16 a read, "
		    "1,000 connections", true, 16, 15},
	};

	for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
		measure(&shapes[i]);
}

/* --- a steady stream -------------------------------------------------------*/

#define PACED_RATE 33000.0
#define PACED_CONNS 4000
#define PACED_S 1.0

/* CPU seconds of the server a second, in per cent. */
static double
paced(struct lane *l)
{
	double start = now_s(), cpu = server_cpu_s(&l->server), t;
	size_t sent = 0, i = 0;

	while ((t = now_s() - start) < PACED_S) {
		while ((double)sent < t * PACED_RATE) {
			fleet_drain_one(&l->fleet, i);
			fleet_send_one(&l->fleet, i, 1);
			sent++;
			if (++i == l->fleet.count) {
				i = 0;
				l->fleet.sent++;
			}
		}
		sleep_s(0.0005);
	}
	t = now_s() - start;
	fleet_collect(&l->fleet);
	/* A late neighbour must not make the load look lighter. */
	return (server_cpu_s(&l->server) - cpu) / (double)sent * PACED_RATE *
	    100;
}

void
bench_paced(void)
{
	static const enum server_kind kinds[] = {SERVER_FLOOR_ACK,
		SERVER_DAEMON, SERVER_MOSQUITTO, SERVER_MEMCACHED};
	static const char *const names[] = {"libevent, parse and ack",
		"trackupd", "mosquitto, QoS 1", "memcached, set"};
	struct outcome *r = outcome_new("paced",
	    "CPU at 33,000 acknowledged frames a second, 4,000 connections",
	    "% of 1");

	say("%s ...", r->title);
	r->goal = GOAL_AT_MOST;
	r->limit = 1.0;
	r->subject = 1;
	r->beside = 2;
	lanes_open(r, kinds, names, ARRAY_LEN(kinds), PACED_CONNS, true);
	for (int turn = -1; turn < 5; turn++)
		for (size_t i = 0; i < lane_count; i++) {
			double share = paced(&lanes[i]);

			if (turn >= 0)
				series_add(lanes[i].series, share);
		}
	lanes_close();
}
