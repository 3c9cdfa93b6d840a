#include "config.h"
#include "bench.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/core.h"

#define TARGETS 100000
#define ROUND 5000
#define ROUNDS 3
#define RATE 5000.0
#define TICKS 200000
#define REST_S 5.0
#define PATIENCE_S 10.0

static struct caller callers[ROUND * ROUNDS];
static bool was_sent[ROUND * ROUNDS]; /* its start */
static double took_ms[ROUND];
static int epoll_fd;

/* --- the core alone --------------------------------------------------------*/

static struct campaign_spec *
spec_of_many(void)
{
	struct campaign_spec *s = spec_new();
	char id[32];

	if (s == NULL || (s->devices = calloc(TARGETS, sizeof(*s->devices))) ==
	    NULL || spec_waves_new(s, 1) < 0 ||
	    (s->packages = calloc(1, sizeof(*s->packages))) == NULL)
		die("no memory");
	(void)snprintf(s->name, sizeof(s->name), "bench");
	(void)snprintf(s->digest, sizeof(s->digest), "d");
	(void)snprintf(s->target_version, sizeof(s->target_version), "0A05");
	(void)snprintf(s->waves[0].name, sizeof(s->waves[0].name), "all");
	s->waves[0].take = TAKE_REST;
	s->waves_given = true;
	s->windows_always = true;
	s->approval_required = false;
	s->package_count = 1;
	(void)snprintf(s->packages[0].from, sizeof(s->packages[0].from),
	    "0A03");
	(void)snprintf(s->packages[0].to, sizeof(s->packages[0].to), "0A05");
	(void)snprintf(s->packages[0].url, sizeof(s->packages[0].url),
	    "http://x/a");
	for (unsigned i = 0; i < TARGETS; i++) {
		(void)snprintf(id, sizeof(id), "A%013X", i);
		if (devid_parse(span_str(id), &s->devices[i]) < 0)
			die("%s", id);
	}
	s->device_count = TARGETS;
	return s;
}

static double
cpu_s(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

static double
in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return (double)m.uordblks + (double)m.hblkhd;
}

static void
ticks(struct series *tick, struct series *memory)
{
	struct core_config cfg = {.time_scale = 1, .boot = 1,
	    .unknown = UNKNOWN_OBSERVE, .in_flight = 1000,
	    .start_per_hour = 3600000, .read_per_hour = 3600000,
	    .password = "gv620mg", .piece = TARGETS};
	struct core_now now = {.at_ms = 1000,
	    .wall_ms = INT64_C(1800000000000), .boot_ms = 1000};
	struct errtext err = {0};
	double before, start;
	struct core *c;
	struct fx fx;

	fx_init(&fx);
	c = core_new(&cfg, 1);
	if (c == NULL || core_load_done(c, now, -1, false, &fx) < 0)
		die("core");
	before = in_use();
	if (core_campaign_file(c, spec_of_many(), false, now, &fx, &err) ==
	    FILE_REFUSED)
		die("campaign: %s", err.text);
	/* The rows that go to the store are no part of it. */
	opbuf_done(&fx.ops);
	fx_clear(&fx);
	series_add(memory, (in_use() - before) / TARGETS);
	start = cpu_s();
	for (int i = 0; i < TICKS; i++) {
		now.at_ms++;
		now.wall_ms++;
		now.boot_ms++;
		core_handle(c, &(struct ev){.kind = EV_TICK}, now, &fx);
		opbuf_done(&fx.ops);
		fx_clear(&fx);
	}
	series_add(tick, (cpu_s() - start) / TICKS * 1e9);
	core_free(c);
	fx_done(&fx);
}

/* --- the daemon ------------------------------------------------------------*/

/* No version to be read: who speaks is sent its start. */
static const char campaign[] =
    "target_version: \"\"\n"
    "packages: [{from: any, to: \"\", "
    "url: \"http://127.0.0.1/x.enc\", bytes: 1}]\n"
    "waves: [{name: all}]\nstop_rules: []\n"
    "pace: {in_flight: 100000, start_rate: 10000/s, jitter: 0%, "
    "dark_max: 100000}\n";

/* Whether it was sent its start just now. */
static bool
start_came(unsigned i, uint32_t what)
{
	char buf[1024];
	ssize_t n;

	caller_event(&callers[i], epoll_fd, what);
	n = recv(callers[i].fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);
	if (n == 0)
		die("caller %u was dropped", i);
	buf[MAX_OF(n, 0)] = '\0';
	if (was_sent[i] || strstr(buf, "AT+GTUPD=") == NULL)
		return false;
	was_sent[i] = true;
	return true;
}

static size_t
commanded(int wait_ms, size_t have)
{
	struct epoll_event ready[256];
	int n = epoll_wait(epoll_fd, ready, ARRAY_LEN(ready), wait_ms);

	for (int k = 0; k < n; k++) {
		unsigned i = (unsigned)ready[k].data.u64;

		if (start_came(i, ready[k].events))
			took_ms[have++] = (now_s() - callers[i].at) * 1e3;
	}
	return have;
}

static void
one_begins(const struct server *s, unsigned i)
{
	was_sent[i] = false;
	if (!caller_begin(&callers[i], epoll_fd, s->port, i, i))
		die("caller %u cannot connect: %s", i, strerror(errno));
}

/* All of one round come in a second. Their starts a second. */
static double
dispatch_round(const struct server *s, unsigned first)
{
	double start = now_s();
	size_t begun = 0, have = 0;

	while (have < ROUND) {
		while (begun < ROUND &&
		    (double)begun < (now_s() - start) * RATE)
			one_begins(s, first + (unsigned)begun++);
		have = commanded(1, have);
		if (now_s() - start > ROUND / RATE + PATIENCE_S)
			die("%zu of %d were sent no start", ROUND - have,
			    ROUND);
	}
	sort_ascending(took_ms, ROUND);
	return ROUND / (now_s() - start);
}

static double
at_rest(const struct server *s)
{
	double before = server_cpu_s(s), start = now_s();

	sleep_s(REST_S);
	return (server_cpu_s(s) - before) / (now_s() - start) * 100;
}

void
bench_dispatch(void)
{
	struct outcome *tick = outcome_new("tick", "CPU of a tick with nothing "
	    "due, 100,000 waiting targets", "ns");
	struct outcome *each = outcome_new("target_memory",
	    "Memory of a waiting target, with its device", "bytes");
	struct outcome *rest = outcome_new("rest",
	    "CPU with nothing due, 100,000 waiting targets", "%");
	struct outcome *half = outcome_new("dispatch_p50", "Device speaks to "
	    "start on the wire, 5,000 a second, 100,000 waiting", "ms");
	struct outcome *late = outcome_new("dispatch_p99",
	    "The same, p99", "ms");
	struct outcome *rate = outcome_new("dispatch_rate",
	    "Starts a second, of 5,000 a second that speak", "/s");
	struct outcome *cpu = outcome_new("dispatch_cpu",
	    "CPU of that, with the connection's and the writer's", "us");
	struct series *row[8];
	struct server s;
	double bare, before;

	say("%s ...", half->title);
	row[0] = outcome_row(tick, "core");
	row[1] = outcome_row(each, "core");
	row[2] = outcome_row(each, "trackupd, own memory");
	row[3] = outcome_row(rest, "trackupd");
	row[4] = outcome_row(half, "trackupd, p50");
	row[5] = outcome_row(late, "trackupd, p99");
	row[6] = outcome_row(rate, "trackupd");
	row[7] = outcome_row(cpu, "trackupd, per start");
	rest->goal = half->goal = late->goal = GOAL_AT_MOST;
	rest->limit = 1;
	half->limit = 2;
	late->limit = 20;
	for (int i = 0; i < 3; i++)
		ticks(row[0], row[1]);
	server_start(&s, SERVER_DAEMON, "");
	bare = server_memory(&s);
	server_stop(&s);
	campaign_write("bench", TARGETS, campaign);
	/* Once to take it in, once more to know it from the record. */
	for (int i = 0; i < 2; i++) {
		if (i > 0)
			server_stop(&s);
		server_start(&s, SERVER_DAEMON, "limits: {in_flight: 100000, "
		    "start_rate: 10000/s}\n");
	}
	series_add(row[2], (server_memory(&s) - bare) / TARGETS);
	for (int i = 0; i < 3; i++)
		series_add(row[3], at_rest(&s));
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned i = 0; i < ROUNDS; i++) {
		before = server_cpu_s(&s);
		series_add(row[6], dispatch_round(&s, i * ROUND));
		series_add(row[7], (server_cpu_s(&s) - before) / ROUND * 1e6);
		series_add(row[4], took_ms[ROUND / 2]);
		series_add(row[5], took_ms[ROUND * 99 / 100]);
	}
	for (size_t i = 0; i < ARRAY_LEN(callers); i++)
		(void)close(callers[i].fd);
	(void)close(epoll_fd);
	server_stop(&s);
	work_clear();
}
