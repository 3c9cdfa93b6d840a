#include "config.h"
#include "store/store.h"

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper.h"
#include "shim.h"
#include "store/db.h"

static struct testdir td;

static void
setup(void)
{
	td_init(&td);
	shim_install();
}

static void
teardown(void)
{
	td_done(&td);
}

/* In threes, so that groups of several batches fail too. */
static void
run_script(struct store *s)
{
	for (int n = 1; n <= SCRIPT_BATCHES; n++) {
		script_submit(s, n);
		if (n % 3 == 0)
			wait_durable(s, (uint64_t)n);
	}
}

/* One I/O error at each call in turn: the store gets over it by itself,
 * nothing is lost and nothing is doubled. */
START_TEST(one_error_at_each_call)
{
	int found_committed = 0, healed = 0;
	long k;

	for (k = 1;; k++) {
		struct store *s;
		struct store_stats st;
		uint64_t groups;
		bool hit;

		script_remove(td.path);
		s = open_started(td.path);
		shim_arm(SHIM_IOERR_ONCE, k);
		run_script(s);
		hit = shim_failed() > 0;
		shim_heal();
		store_get_stats(s, &st);
		ck_assert_int_eq((int)st.state, STORE_OK);
		ck_assert_uint_eq(st.failures, hit);
		ck_assert_uint_eq(st.queue_bytes, 0);
		ck_assert_int_eq(hit, st.error[0] != '\0');
		store_close(s);
		script_check(td.path, SCRIPT_BATCHES);
		groups = (uint64_t)sql_int(td.path,
		    "SELECT commit_number FROM stamp");
		ck_assert_uint_le(st.commits, groups);
		found_committed += st.commits < groups;
		healed += hit;
		if (!hit)
			break;
	}
	/* The sweep has seen both outcomes of an unknown commit. */
	ck_assert_int_ge(healed, 20);
	ck_assert_int_ge(found_committed, 1);
	ck_assert_int_lt(found_committed, healed);
}
END_TEST

/* From each call on nothing works any more: the store gives up, what it had
 * acknowledged is there afterwards, and nothing is there twice. */
START_TEST(errors_from_each_call_on)
{
	long k;

	for (k = 1; k < 100; k += 7) {
		struct store_config cfg = {.path = td.path, .retry_ms = 1};
		struct pollfd pfd = {.events = POLLIN};
		enum store_state state = STORE_OK;
		uint64_t durable = 0;
		struct store *s;
		int64_t kept;
		bool room;

		script_remove(td.path);
		ck_assert_int_eq(store_open(&s, &cfg, NULL), 0);
		ck_assert_int_eq(store_start(s, NULL), 0);
		pfd.fd = store_fd(s);
		shim_arm(SHIM_IOERR_FROM, k);
		for (int n = 1; n <= SCRIPT_BATCHES; n++)
			script_submit(s, n);
		while (state != STORE_BROKEN && durable < SCRIPT_BATCHES) {
			ck_assert_int_eq(poll(&pfd, 1, 10000), 1);
			store_poll(s, &durable, &state, &room);
		}
		if (state == STORE_BROKEN) {
			struct store_stats st;

			store_get_stats(s, &st);
			ck_assert_uint_ge(st.failures, 3);
			ck_assert_str_ne(st.error, "");
			ck_assert(room);
		}
		store_close(s);
		shim_heal();
		store_close(open_store(td.path));
		kept = sql_int(td.path, "SELECT seq FROM stamp");
		ck_assert_int_ge(kept, (int64_t)durable);
		script_check(td.path, (int)kept);
	}
}
END_TEST

/* Failures far apart are no reason to give up; three within the minute are. */
START_TEST(third_failure_is_the_last)
{
	struct store *s = open_started(td.path);
	struct store_stats st;
	int n = 0;

	script_submit(s, ++n);
	wait_durable(s, (uint64_t)n);
	for (int i = 1; i <= 3; i++) {
		shim_arm(SHIM_IOERR_ONCE, 1);
		script_submit(s, ++n);
		if (i < 3)
			wait_durable(s, (uint64_t)n);
		else
			wait_state(s, STORE_BROKEN);
		ck_assert_int_eq(shim_failed(), 1);
	}
	shim_heal();
	store_get_stats(s, &st);
	ck_assert_uint_eq(st.failures, 3);
	store_close(s);
	script_check(td.path, 3);
}
END_TEST

/* No room from each call on, then room again: told as FULL, the order kept,
 * nothing lost, nothing doubled. _i picks how the disk says so. */
START_TEST(disk_full_heals)
{
	enum shim_fault fault = _i == 0 ? SHIM_FULL_FROM : SHIM_QUOTA_FROM;
	int seen = 0;

	for (long k = 1; k <= 60; k += _i == 0 ? 1 : 9) {
		struct pollfd pfd = {.events = POLLIN};
		enum store_state state = STORE_OK;
		struct store_config cfg = {.path = td.path, .retry_ms = 5};
		uint64_t durable = 0, at_full;
		struct store_stats st;
		struct store *s;
		bool room;

		script_remove(td.path);
		ck_assert_int_eq(store_open(&s, &cfg, NULL), 0);
		ck_assert_int_eq(store_start(s, NULL), 0);
		pfd.fd = store_fd(s);
		shim_arm(fault, k);
		for (int n = 1; n <= SCRIPT_BATCHES; n++)
			script_submit(s, n);
		while (state == STORE_OK && durable < SCRIPT_BATCHES) {
			ck_assert_int_eq(poll(&pfd, 1, 10000), 1);
			store_poll(s, &durable, &state, &room);
		}
		if (state == STORE_FULL) {
			seen++;
			store_get_stats(s, &st);
			ck_assert_uint_gt(st.queue_bytes, 0);
			ck_assert_str_ne(st.error, "");
			at_full = durable;
			/* It tries again and again and does not move. */
			while (st.failures < 3) {
				ck_assert_int_eq(poll(&pfd, 1, 10000), 1);
				store_poll(s, &durable, &state, &room);
				store_get_stats(s, &st);
			}
			ck_assert_int_eq((int)state, STORE_FULL);
			ck_assert_uint_eq(durable, at_full);
		}
		shim_heal();
		wait_durable(s, SCRIPT_BATCHES);
		wait_state(s, STORE_OK);
		store_close(s);
		script_check(td.path, SCRIPT_BATCHES);
	}
	ck_assert_int_ge(seen, 3);
}
END_TEST

/* Killed by a full disk at the end: closing gives up after a while, and what
 * was not acknowledged may be missing, but not in part. */
START_TEST(disk_full_at_close)
{
	struct store *s = open_started(td.path);
	int64_t start;

	script_submit(s, 1);
	wait_durable(s, 1);
	shim_arm(SHIM_FULL_FROM, 1);
	script_submit(s, 2);
	wait_state(s, STORE_FULL);
	start = test_now_ms();
	store_close(s);
	ck_assert_int_lt(test_now_ms() - start, 8000);
	shim_heal();
	script_check(td.path, 1);
}
END_TEST

/* The daemon must come up on a full disk: the log stays as it is. */
START_TEST(opens_on_a_full_disk)
{
	struct store *s = open_started(td.path);

	script_submit(s, 1);
	wait_durable(s, 1);
	shim_arm(SHIM_FULL_FROM, 1);
	store_close(s); /* cannot copy its log back */
	s = open_started(td.path);
	script_submit(s, 2);
	wait_state(s, STORE_FULL);
	shim_heal();
	wait_durable(s, 2);
	store_close(s);
	script_check(td.path, 2);
}
END_TEST

/* Each call of opening fails once, with a log of the last run there or with
 * no file at all: it is refused or it works, and works the next time. */
START_TEST(errors_while_opening)
{
	int refused = 0;

	for (int fresh = 0; fresh < 2; fresh++)
		for (long k = 1;; k++) {
			struct store_config cfg = {.path = td.path};
			struct errtext err = {0};
			struct store *s;
			bool hit;

			script_remove(td.path);
			if (!fresh) {
				s = open_started(td.path);
				run_script(s);
				/* Leaves the log behind. */
				shim_arm(SHIM_IOERR_FROM, 1);
				store_close(s);
			}
			shim_arm(SHIM_IOERR_ONCE, k);
			s = NULL;
			if (store_open(&s, &cfg, &err) < 0) {
				refused++;
				ck_assert_str_ne(err.text, "");
				ck_assert_int_gt(shim_failed(), 0);
			} else {
				store_close(s);
			}
			hit = shim_failed() > 0;
			shim_heal();
			script_check(td.path, fresh ? 0 : SCRIPT_BATCHES);
			if (!hit)
				break;
		}
	ck_assert_int_ge(refused, 20);
}
END_TEST

/* Somebody put another file in place while the connection was being opened
 * again: it is not written to. */
START_TEST(other_file_after_a_failure)
{
	struct store *s = open_started(td.path);
	struct store_stats st;
	char other[256];

	script_submit(s, 1);
	wait_durable(s, 1);
	(void)snprintf(other, sizeof(other), "%s/other.db", td.dir);
	store_close(open_store(other));
	script_remove(td.path);
	ck_assert_int_eq(rename(other, td.path), 0);
	shim_arm(SHIM_IOERR_ONCE, 1);
	script_submit(s, 2);
	wait_state(s, STORE_BROKEN);
	shim_heal();
	store_get_stats(s, &st);
	ck_assert_msg(strstr(st.error, "not the one") != NULL, "%s", st.error);
	store_close(s);
	ck_assert_int_eq(sql_int(td.path, "SELECT count(*) FROM event"), 0);
}
END_TEST

/* And a database that is gone is not made anew. */
START_TEST(no_file_after_a_failure)
{
	struct store *s = open_started(td.path);
	struct image im;

	script_submit(s, 1);
	wait_durable(s, 1);
	script_remove(td.path);
	shim_arm(SHIM_IOERR_ONCE, 1);
	script_submit(s, 2);
	wait_state(s, STORE_BROKEN);
	shim_heal();
	store_close(s);
	image_take(&im, td.path, "");
	ck_assert(!im.there);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store faults");
	TCase *tc = tcase_create("store faults");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 240);
	tcase_add_test(tc, one_error_at_each_call);
	tcase_add_test(tc, errors_from_each_call_on);
	tcase_add_test(tc, third_failure_is_the_last);
	tcase_add_loop_test(tc, disk_full_heals, 0, 2);
	tcase_add_test(tc, disk_full_at_close);
	tcase_add_test(tc, opens_on_a_full_disk);
	tcase_add_test(tc, errors_while_opening);
	tcase_add_test(tc, other_file_after_a_failure);
	tcase_add_test(tc, no_file_after_a_failure);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
