#include "config.h"
#include "store/store.h"

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/prng.h"
#include "helper.h"
#include "power.h"

static struct testdir td;
static struct prng rnd;
static struct errtext refusal; /* of the last come_back() */

static void
setup(void)
{
	const char *fixed = getenv("TRACKUPD_SEED");
	uint64_t seed = fixed != NULL ? strtoull(fixed, NULL, 0) :
	    (uint64_t)time(NULL) ^ (uint64_t)getpid() << 32;

	(void)printf("TRACKUPD_SEED=%llu\n", (unsigned long long)seed);
	prng_init(&rnd, seed);
	td_init(&td);
	power_install();
}

static void
teardown(void)
{
	td_done(&td);
}

/* Runs the script until it ends or the power goes. The last durable ticket. */
static uint64_t
run_script(void)
{
	struct store_config cfg = {.path = td.path, .retry_ms = 1};
	enum store_state state = STORE_OK;
	struct pollfd pfd = {.events = POLLIN};
	struct store *s = NULL;
	uint64_t durable = 0;
	int n = 0;
	bool room;

	if (store_open(&s, &cfg, NULL) < 0) {
		ck_assert(power_is_off());
		return 0;
	}
	ck_assert_int_eq(store_start(s, NULL), 0);
	pfd.fd = store_fd(s);
	while (durable < SCRIPT_BATCHES && state == STORE_OK) {
		while (n < SCRIPT_BATCHES && (uint64_t)n < durable + 3)
			script_submit(s, ++n);
		ck_assert_int_eq(poll(&pfd, 1, 10000), 1);
		store_poll(s, &durable, &state, &room);
	}
	if (state != STORE_OK)
		ck_assert(power_is_off());
	store_close(s);
	return durable;
}

/* What the file holds after the power came back; -1: it cannot be opened. */
static int64_t
come_back(void)
{
	struct store_config cfg = {.path = td.path};
	struct store *s = NULL;
	struct loaded l;
	int64_t seq;

	power_settle(&rnd);
	power_on(0, false);
	refusal.text[0] = '\0';
	if (store_open(&s, &cfg, &refusal) < 0)
		return -1;
	loaded_get(&l, s);
	seq = (int64_t)l.stamp.seq;
	loaded_done(&l);
	store_close(s);
	return seq;
}

/* The power goes off at each step in turn, from the first write to a new file
 * to the last of closing: what comes back opens, holds all that was told to be
 * durable, and holds whole batches. */
START_TEST(power_cut_at_each_step)
{
	long steps = 0, cuts = 0;

	for (long k = 1;; k++) {
		uint64_t durable;
		int64_t seq;
		bool cut;

		script_remove(td.path);
		power_on(k, false);
		durable = run_script();
		cut = power_is_off();
		steps = power_steps();
		seq = come_back();
		ck_assert_msg(seq >= (int64_t)durable, "step %ld: durable %llu"
		    ", came back with %lld %s", k, (unsigned long long)durable,
		    (long long)seq, refusal.text);
		script_check(td.path, (int)seq);
		cuts += cut;
		if (!cut)
			break;
	}
	(void)printf("%ld steps, %ld cuts\n", steps, cuts);
	ck_assert_int_ge(cuts, 100);
}
END_TEST

/* Once more while it comes back from the first cut. */
START_TEST(power_cut_while_coming_back)
{
	int cuts = 0;

	for (int i = 0; i < 60; i++) {
		struct store_config cfg = {.path = td.path};
		struct store *s;
		uint64_t durable;
		int64_t seq;

		script_remove(td.path);
		power_on(20 + (long)prng_below(&rnd, 150), false);
		durable = run_script();
		power_settle(&rnd);
		power_on(1 + (long)prng_below(&rnd, 30), false);
		/* Only opened and closed: both write the log back. */
		s = NULL;
		if (store_open(&s, &cfg, NULL) == 0)
			store_close(s);
		cuts += power_is_off();
		seq = come_back();
		ck_assert_int_ge(seq, (int64_t)durable);
		script_check(td.path, (int)seq);
	}
	ck_assert_int_ge(cuts, 5);
}
END_TEST

/* On a disk that lies about its syncs tickets are lost: this test can fail. */
START_TEST(lying_disk_is_noticed)
{
	int lost = 0;

	for (long k = 60; k < 180 && lost == 0; k += 3) {
		uint64_t durable;

		script_remove(td.path);
		power_on(k, true);
		durable = run_script();
		lost += come_back() < (int64_t)durable;
	}
	ck_assert_int_gt(lost, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store power");
	TCase *tc = tcase_create("store power");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 240);
	tcase_add_test(tc, power_cut_at_each_step);
	tcase_add_test(tc, power_cut_while_coming_back);
	tcase_add_test(tc, lying_disk_is_noticed);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
