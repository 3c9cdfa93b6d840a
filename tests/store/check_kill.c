#include "config.h"
#include "store/store.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/prng.h"
#include "helper.h"

enum { CYCLES = 100, KILL_US_MAX = 15000, DEVICES = 50 };

static struct testdir td;

static void
setup(void)
{
	td_init(&td);
}

static void
teardown(void)
{
	td_done(&td);
}

/* Batch n: two events, a device, a tuple and the stamp. */
static void
submit_batch(struct store *s, uint64_t n)
{
	struct stamp_rec stamp = {.seq = n};
	struct device_rec d = make_device(1 + n % DEVICES);
	struct tuple_rec t = {.device = d.key, .slot = (int)(n % 32),
		.hash = n};
	struct event_rec e1 = make_event(d.key, (int)(2 * n - 1));
	struct event_rec e2 = make_event(d.key, (int)(2 * n));
	struct opbuf ops;

	d.last_seen_wall = (int64_t)n;
	opbuf_init(&ops);
	opbuf_add(&ops, OP_EVENT, &e1);
	opbuf_add(&ops, OP_DEVICE, &d);
	opbuf_add(&ops, OP_TUPLE, &t);
	opbuf_add(&ops, OP_EVENT, &e2);
	opbuf_add(&ops, OP_STAMP, &stamp);
	(void)store_submit(s, n, &ops);
}

/* Writes until it is killed, and tells each durable ticket through the pipe. */
static void
writer(uint64_t n, int out)
{
	struct store *s = open_started(td.path);
	struct pollfd pfd = {.fd = store_fd(s), .events = POLLIN};
	uint64_t durable = 0, told = 0;
	enum store_state state;
	struct store_stats st;
	bool room;

	for (;;) {
		for (int i = 0; i < 5; i++)
			submit_batch(s, n++);
		store_get_stats(s, &st);
		(void)poll(&pfd, 1, st.queue_bytes > 100000 ? 1000 : 0);
		store_poll(s, &durable, &state, &room);
		if (durable == told)
			continue;
		told = durable;
		if (write(out, &told, sizeof(told)) != sizeof(told))
			_exit(4);
	}
}

static uint64_t
last_told(int in)
{
	uint64_t told, last = 0;

	while (read(in, &told, sizeof(told)) == sizeof(told))
		last = told;
	return last;
}

/* Killed so long after its start, or after its first ticket. */
static uint64_t
run_and_kill(uint64_t next, bool running, long after_us)
{
	struct timespec pause = {.tv_nsec = after_us * 1000};
	int p[2], status;
	uint64_t told;
	pid_t pid;

	ck_assert_int_eq(pipe(p), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)close(p[0]);
		writer(next, p[1]);
	}
	(void)close(p[1]);
	if (running) {
		struct pollfd pfd = {.fd = p[0], .events = POLLIN};

		ck_assert_int_eq(poll(&pfd, 1, 20000), 1);
	}
	(void)nanosleep(&pause, NULL);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	    "the writer ended by itself: %d", status);
	told = last_told(p[0]);
	(void)close(p[0]);
	return told;
}

/* What the file holds is the first n batches, whole. */
static void
check_file(uint64_t n)
{
	char sql[256];

	ck_assert_int_eq(sql_int(td.path, "SELECT count(*) FROM event"),
	    (int64_t)(2 * n));
	ck_assert_int_eq(sql_int(td.path, "SELECT count(*) FROM event "
	    "WHERE code <> id"), 0);
	/* The rows are those of the last batches. */
	(void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM device WHERE "
	    "last_seen_wall NOT BETWEEN %lld AND %llu",
	    (long long)n - DEVICES + 1, (unsigned long long)n);
	ck_assert_int_eq(sql_int(td.path, sql), 0);
	ck_assert_uint_eq((uint64_t)sql_int(td.path,
	    "SELECT coalesce(max(hash), 0) FROM tuple"), n);
}

/* Killed at any moment: what was told to be durable is there, all of it, in
 * order and once; and the file opens again at once. */
START_TEST(killed_at_any_moment)
{
	uint64_t seed = (uint64_t)time(NULL) ^ (uint64_t)getpid() << 32;
	const char *fixed = getenv("TRACKUPD_SEED");
	uint64_t n = 0, told_cycles = 0;
	struct prng rnd;

	if (fixed != NULL)
		seed = strtoull(fixed, NULL, 0);
	(void)printf("TRACKUPD_SEED=%llu\n", (unsigned long long)seed);
	prng_init(&rnd, seed);
	for (int i = 0; i < CYCLES; i++) {
		uint64_t told = run_and_kill(n + 1, i % 2 == 1,
		    (long)(prng_below(&rnd, KILL_US_MAX)));
		struct store *s = open_store(td.path);
		struct loaded l;

		loaded_get(&l, s);
		ck_assert_uint_ge(l.stamp.seq, told);
		ck_assert_uint_ge(l.stamp.seq, n);
		n = l.stamp.seq;
		loaded_done(&l);
		store_close(s);
		check_file(n);
		told_cycles += told > 0;
	}
	(void)printf("%d kills, %llu batches, %llu cycles with tickets\n",
	    CYCLES, (unsigned long long)n, (unsigned long long)told_cycles);
	ck_assert_uint_ge(told_cycles, CYCLES / 2);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store kill");
	TCase *tc = tcase_create("store kill");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 240);
	tcase_add_test(tc, killed_at_any_moment);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
