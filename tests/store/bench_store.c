/* bench_store FILE: the figures of performance.md section 1 on this disk.
 * Run by hand; the file is made anew. */
#include "config.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/store.h"

enum { DEVICES = 1000000, SAMPLES = 4000000 };

static double latency_ms[SAMPLES];
static size_t latency_count;

static double
now_s(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static double
cpu_s(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

static struct store *
open_or_exit(const char *path, int64_t linger_ms)
{
	struct store_config cfg = {.path = path, .linger_ms = linger_ms};
	struct errtext err = {0};
	struct store *s;

	if (store_open(&s, &cfg, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	return s;
}

static void
start_or_exit(struct store *s)
{
	if (store_start(s, NULL) < 0)
		exit(1);
}

static struct device_rec
make_device(uint64_t i)
{
	struct device_rec r = {.key = 86000000000000 + i * 7,
		.registered = true};

	(void)snprintf(r.id, sizeof(r.id), "%014llu",
	    (unsigned long long)r.key);
	(void)strcpy(r.protover, "C20100");
	(void)strcpy(r.name, "GV620MG");
	(void)strcpy(r.device_type, "GV620MG");
	(void)strcpy(r.hardware, "0102");
	(void)strcpy(r.mcu, "0A03");
	r.version_wall = r.last_seen_wall = 1700000000000;
	return r;
}

static void
wait_ticket(struct store *s, uint64_t ticket)
{
	struct pollfd pfd = {.fd = store_fd(s), .events = POLLIN};
	enum store_state state;
	uint64_t durable = 0;
	bool room;

	for (;;) {
		store_poll(s, &durable, &state, &room);
		if (durable >= ticket)
			return;
		(void)poll(&pfd, 1, 1000);
	}
}

static void
fill(struct store *s)
{
	struct campaign_rec c = {.id = 1, .name = "bench", .revision = 1};
	double start = now_s(), cpu = cpu_s();
	uint64_t ticket = 0;
	struct opbuf ops;

	opbuf_init(&ops);
	opbuf_add(&ops, OP_CAMPAIGN, &c);
	for (uint64_t i = 0; i < DEVICES; i++) {
		struct device_rec d = make_device(i);
		struct target_rec t = {.campaign = 1, .device = d.key,
			.ordinal = (uint32_t)i};

		opbuf_add(&ops, OP_DEVICE, &d);
		opbuf_add(&ops, OP_TARGET, &t);
		if (i % 10000 == 9999) {
			(void)store_submit(s, ++ticket, &ops);
			wait_ticket(s, ticket);
		}
	}
	(void)printf("fill: %d devices and targets in %.2f s (cpu %.2f)\n",
	    DEVICES, now_s() - start, cpu_s() - cpu);
}

static size_t rows;

static int
on_flags(void *arg, const struct flags_rec *f, const struct stamp_rec *s)
{
	(void)arg, (void)f, (void)s;
	return 0;
}

static int
on_device(void *arg, const struct device_rec *r)
{
	(void)arg, (void)r;
	rows++;
	return 0;
}

static int
on_campaign(void *arg, const struct campaign_rec *r, const char *text,
    size_t len)
{
	(void)arg, (void)r, (void)text, (void)len;
	return 0;
}

static int
on_target(void *arg, const struct target_rec *r)
{
	static bool first = true;

	if (first)
		(void)printf("load: %zu devices after %.2f s (cpu %.2f)\n",
		    rows, now_s() - ((double *)arg)[0],
		    cpu_s() - ((double *)arg)[1]);
	first = false;
	(void)r;
	rows++;
	return 0;
}

static int
on_wave(void *arg, const struct wave_rec *r)
{
	(void)arg, (void)r;
	return 0;
}

static int
on_attempt(void *arg, const struct attempt_rec *r)
{
	(void)arg, (void)r;
	return 0;
}

static int
on_tuple(void *arg, const struct tuple_rec *r)
{
	(void)arg, (void)r;
	return 0;
}

static int
on_exclusion(void *arg, const struct exclusion_rec *r)
{
	(void)arg, (void)r;
	return 0;
}

static void
load(struct store *s)
{
	double start[2] = {now_s(), cpu_s()};
	struct store_loader l = {.arg = start, .flags = on_flags,
		.device = on_device, .campaign = on_campaign,
		.wave = on_wave,
		.target = on_target, .attempt = on_attempt, .tuple = on_tuple,
		.exclusion = on_exclusion};

	rows = 0;
	if (store_load(s, &l, NULL) < 0)
		exit(1);
	(void)printf("load: %zu rows in %.2f s (cpu %.2f)\n", rows,
	    now_s() - start[0], cpu_s() - start[1]);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Batches of four operations as one update frame makes them, at a rate (0 =
 * as fast as it goes), for some seconds, over `hot` devices. */
static void
batches(const char *path, double rate, int64_t linger_ms, uint64_t hot,
    double seconds)
{
	struct store *s = open_or_exit(path, linger_ms);
	struct pollfd pfd;
	static double sent[SAMPLES];
	enum store_state state;
	struct store_stats st;
	uint64_t n = 0, durable = 0, told = 0, x = 88172645463325252u;
	double start, took;
	double cpu = cpu_s();
	bool room = true;

	start_or_exit(s);
	pfd = (struct pollfd){.fd = store_fd(s), .events = POLLIN};
	latency_count = 0;
	start = now_s();
	while (now_s() - start < seconds && n < SAMPLES - 1000) {
		double due = rate > 0 ? (now_s() - start) * rate :
		    (double)n + 50;

		for (; room && (double)n < due; n++) {
			struct stamp_rec stamp = {.seq = n};
			struct opbuf ops;
			struct device_rec d;
			struct target_rec t = {.campaign = 1, .state =
			    TARGET_ACTIVE, .attempts = (int)(n & 7)};
			struct event_rec e = {.kind = EVENT_REPORT,
				.code = 200, .campaign = 1};

			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			d = make_device(x % hot);
			d.last_seen_wall += (int64_t)n;
			t.device = e.device = d.key;
			t.ordinal = (uint32_t)(x % hot);
			(void)strcpy(e.text, "+RESP:GTUPD,C20100,"
			    "86000000000000,,200,1,20150201020000,11F0$");
			opbuf_init(&ops);
			opbuf_add(&ops, OP_STAMP, &stamp);
			opbuf_add(&ops, OP_DEVICE, &d);
			opbuf_add(&ops, OP_TARGET, &t);
			opbuf_add(&ops, OP_EVENT, &e);
			sent[n] = now_s();
			room = store_submit(s, n + 1, &ops);
		}
		(void)poll(&pfd, 1, 1);
		store_poll(s, &durable, &state, &room);
		for (; told < durable; told++)
			latency_ms[latency_count++] = (now_s() - sent[told]) *
			    1e3;
	}
	wait_ticket(s, n);
	took = now_s() - start;
	store_get_stats(s, &st);
	qsort(latency_ms, latency_count, sizeof(*latency_ms), compare);
	(void)printf("batches of 4, %6.0f/s, linger %2d ms, %7llu devices: "
	    "%7.0f batches/s, %6.0f ops/s, %5.0f commits/s of %5.2f ms, to "
	    "durable p50 %.2f p99 %.2f max %.1f ms, cpu %2.0f%%\n", rate,
	    (int)linger_ms, (unsigned long long)hot, (double)n / took,
	    (double)n * 4 / took, (double)st.commits / took,
	    (double)st.commit_us_total / (double)st.commits / 1e3,
	    latency_ms[latency_count / 2],
	    latency_ms[latency_count * 99 / 100],
	    latency_ms[latency_count - 1],
	    (cpu_s() - cpu) / took * 100);
	store_close(s);
}

int
main(int argc, char **argv)
{
	struct store *s;
	double start, cpu;

	if (argc != 2) {
		(void)fprintf(stderr, "usage: bench_store FILE\n");
		return 2;
	}
	(void)unlink(argv[1]);
	s = open_or_exit(argv[1], 0);
	start_or_exit(s);
	fill(s);
	store_close(s);
	for (int i = 0; i < 2; i++) {
		start = now_s();
		cpu = cpu_s();
		s = open_or_exit(argv[1], 0);
		(void)printf("open and quick_check: %.2f s (cpu %.2f)\n",
		    now_s() - start, cpu_s() - cpu);
		load(s);
		store_close(s);
	}
	batches(argv[1], 1000, 0, 10000, 3);
	batches(argv[1], 10000, 0, 10000, 3);
	batches(argv[1], 10000, 10, 10000, 3);
	batches(argv[1], 0, 0, 10000, 4);
	batches(argv[1], 0, 0, DEVICES, 4);
	return 0;
}
