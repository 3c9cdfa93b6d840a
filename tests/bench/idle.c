#include "config.h"
#include "bench.h"

#include <sys/resource.h>

#define CONNS 18000     /* a hard descriptor limit of 20,000 is common */
#define WARM 500        /* what the first ones cost is not theirs */

static size_t
conns_possible(void)
{
	struct rlimit r;
	size_t n = CONNS;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < CONNS + 2000)
		n = (size_t)r.rlim_cur - (size_t)r.rlim_cur / 10;
	return n;
}

void
bench_idle(void)
{
	static const struct {
		enum server_kind kind;
		const char *name;
	} servers[] = {
		{SERVER_FLOOR_BARE, "bare epoll drain"},
		{SERVER_FLOOR_PARSE, "libevent and parse"},
		{SERVER_DAEMON, "trackupd"},
		{SERVER_MOSQUITTO, "mosquitto"},
		{SERVER_MEMCACHED, "memcached"},
	};
	struct outcome *r = outcome_new("idle",
	    "Own memory per idle, identified connection (of 18,000)", "bytes");
	size_t conns = conns_possible();

	say("%s ...", r->title);
	r->goal = GOAL_AT_MOST;
	r->limit = 400;
	r->subject = 2;
	for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
		struct series *row = outcome_row(r, servers[i].name);
		struct server s;
		struct fleet f;
		double before;

		row->missing = server_missing(servers[i].kind);
		if (row->missing != NULL)
			continue;
		server_start(&s, servers[i].kind, "");
		fleet_open(&f, &s, dialect_of(servers[i].kind, true), 0,
		    WARM);
		server_quiet(&s);
		before = server_memory(&s);
		fleet_grow(&f, &s, conns);
		server_quiet(&s);
		series_add(row, (server_memory(&s) - before) /
		    (double)(conns - WARM));
		fleet_probe(&f);
		fleet_close(&f);
		server_stop(&s);
	}
	work_clear();
}
