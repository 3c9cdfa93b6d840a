#include "config.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "helper.h"
#include "store/copy.h"

/* Copies of a database in use, and what goes with age or for want of room. */

struct told {
	int calls, status;
	uint64_t bytes;
	char text[256];
};

static void
on_backup(void *arg, const struct store_backup *b)
{
	struct told *t = arg;

	t->calls++;
	t->status = b->status;
	t->bytes = b->bytes;
	(void)snprintf(t->text, sizeof(t->text), "%s", b->text);
}

static void
poll_store(struct store *s, int timeout_ms)
{
	struct pollfd p = {.fd = store_fd(s), .events = POLLIN};
	enum store_state state;
	uint64_t ticket = 0;
	bool room;

	(void)poll(&p, 1, timeout_ms);
	store_poll(s, &ticket, &state, &room);
}

static void
wait_told(struct store *s, const struct told *t)
{
	int64_t end = test_now_ms() + 20000;

	while (t->calls == 0 && test_now_ms() < end)
		poll_store(s, 100);
	ck_assert_int_eq(t->calls, 1);
}

static int
backup(struct store *s, const char *path, bool force, unsigned keep,
    struct told *t)
{
	struct errtext err = {0};
	int r;

	memset(t, 0, sizeof(*t));
	r = store_backup(s, path, force, keep, on_backup, t, &err);
	if (r < 0)
		return r;
	wait_told(s, t);
	return t->status;
}

static void
beside(const struct testdir *td, const char *name, char ret[256])
{
	(void)snprintf(ret, 256, "%s/%s", td->dir, name);
}

/* How many names of the directory begin so. */
static int
names(const struct testdir *td, const char *prefix)
{
	DIR *d = opendir(td->dir);
	struct dirent *e;
	int n = 0;

	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d)) != NULL)
		n += strncmp(e->d_name, prefix, strlen(prefix)) == 0;
	(void)closedir(d);
	return n;
}

static void
submit_events(struct store *s, uint64_t ticket, int64_t wall, int count,
    int64_t campaign)
{
	struct event_rec ev = make_event(7, 100);
	struct opbuf ops;

	opbuf_init(&ops);
	for (int i = 0; i < count; i++) {
		ev.wall = wall;
		ev.campaign = campaign;
		opbuf_add(&ops, OP_EVENT, &ev);
	}
	(void)store_submit(s, ticket, &ops);
	opbuf_done(&ops);
}

START_TEST(copy_is_the_database)
{
	struct testdir td;
	struct store *s;
	struct told t;
	struct stat st;
	char to[256];

	td_init(&td);
	beside(&td, "copy.db", to);
	s = open_started(td.path);
	for (int i = 1; i <= SCRIPT_BATCHES; i++)
		script_submit(s, i);
	wait_durable(s, SCRIPT_BATCHES);
	ck_assert_msg(backup(s, to, false, 0, &t) == 0, "%s", t.text);
	ck_assert_int_eq(stat(to, &st), 0);
	ck_assert_uint_eq((uint64_t)st.st_size, t.bytes);
	ck_assert_int_eq(names(&td, "copy.db"), 1);
	/* The copy while the original goes on. */
	script_check(to, SCRIPT_BATCHES);
	store_close(s);
	script_check(td.path, SCRIPT_BATCHES);
	td_done(&td);
}
END_TEST

/* Changes of between two steps are in the copy, and no group waits for its
 * end. */
START_TEST(copy_while_written)
{
	struct errtext err = {0};
	struct testdir td;
	struct told t = {0};
	struct store *s;
	uint64_t ticket = 0;
	int64_t events;
	char to[256];

	td_init(&td);
	beside(&td, "copy.db", to);
	s = open_started(td.path);
	for (int i = 0; i < 40; i++)
		submit_events(s, ++ticket, 1, 1000, 0);
	wait_durable(s, ticket);
	ck_assert_int_eq(store_backup(s, to, false, 0, on_backup, &t, &err),
	    0);
	ck_assert_int_eq(store_backup(s, to, false, 0, on_backup, &t, &err),
	    STORE_ERR_BUSY);
	while (t.calls == 0) {
		submit_events(s, ++ticket, 2, 10, 0);
		poll_store(s, 1);
	}
	ck_assert_msg(t.status == 0, "%s", t.text);
	wait_durable(s, ticket);
	events = sql_int(to, "SELECT count(*) FROM event");
	ck_assert_int_ge(events, 40000);
	ck_assert_int_eq(sql_int(to, "SELECT max(id) FROM event"), events);
	ck_assert_int_eq(events % 10, 0);
	store_close(s);
	td_done(&td);
}
END_TEST

START_TEST(names_that_are_taken)
{
	struct image before, after;
	struct testdir td;
	struct store *s;
	struct told t;
	char to[256], other[256];
	int fd;

	td_init(&td);
	beside(&td, "copy.db", to);
	beside(&td, "letter.txt", other);
	s = open_started(td.path);
	script_submit(s, 1);
	wait_durable(s, 1);
	ck_assert_int_eq(backup(s, to, false, 0, &t), 0);
	script_submit(s, 2);
	wait_durable(s, 2);
	ck_assert_int_eq(backup(s, to, false, 0, &t), STORE_ERR_EXISTS);
	script_check(to, 1);
	ck_assert_msg(backup(s, to, true, 0, &t) == 0, "%s", t.text);
	script_check(to, 2);

	/* Force replaces a backup, and nothing else. */
	fd = open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(write(fd, "dear sir", 8), 8);
	(void)close(fd);
	image_take(&before, other, "");
	ck_assert_int_eq(backup(s, other, true, 0, &t), STORE_ERR_EXISTS);
	image_take(&after, other, "");
	ck_assert(image_same(&before, &after));
	image_done(&before);
	image_done(&after);
	ck_assert_int_eq(backup(s, td.path, true, 0, &t), STORE_ERR_EXISTS);
	ck_assert_ptr_nonnull(strstr(t.text, "the database itself"));
	ck_assert_int_eq(unlink(other), 0);
	ck_assert_int_eq(link(td.path, other), 0);
	ck_assert_int_eq(backup(s, other, true, 0, &t), STORE_ERR_EXISTS);
	ck_assert_int_eq(unlink(other), 0);
	ck_assert_int_eq(symlink(td.path, other), 0);
	ck_assert_int_eq(backup(s, other, true, 0, &t), STORE_ERR_EXISTS);
	ck_assert_int_eq(backup(s, "/nowhere/at/all.db", false, 0, &t),
	    STORE_ERR_OPEN);
	/* And the store is as good as before. */
	script_submit(s, 3);
	wait_durable(s, 3);
	store_close(s);
	script_check(td.path, 3);
	ck_assert_int_eq(names(&td, "copy.db."), 0);
	td_done(&td);
}
END_TEST

START_TEST(no_place_for_it)
{
	struct testdir td;
	struct store *s;
	struct told t;

	td_init(&td);
	s = open_started(td.path);
	script_submit(s, 1);
	wait_durable(s, 1);
	/* A directory that may not be written, even by root. */
	ck_assert_int_eq(backup(s, "/proc/copy.db", false, 0, &t),
	    STORE_ERR_OPEN);
	ck_assert_ptr_nonnull(strstr(t.text, "/proc/copy.db"));
	script_submit(s, 2);
	wait_durable(s, 2);
	store_close(s);
	script_check(td.path, 2);
	td_done(&td);
}
END_TEST

START_TEST(closing_ends_it)
{
	struct errtext err = {0};
	struct testdir td;
	struct told t = {0};
	struct store *s;
	char to[256];

	td_init(&td);
	beside(&td, "copy.db", to);
	s = open_started(td.path);
	for (uint64_t i = 1; i <= 40; i++)
		submit_events(s, i, 1, 1000, 0);
	wait_durable(s, 40);
	ck_assert_int_eq(store_backup(s, to, false, 0, on_backup, &t, &err),
	    0);
	store_close(s);
	/* All or nothing, and no leftover. */
	ck_assert_int_eq(names(&td, "copy.db."), 0);
	if (names(&td, "copy.db") == 1)
		ck_assert_int_eq(sql_int(to, "SELECT count(*) FROM event"),
		    40000);
	ck_assert_int_eq(t.calls, 0);
	td_done(&td);
}
END_TEST

static void
touch(const struct testdir *td, const char *name)
{
	char path[256];
	int fd;

	beside(td, name, path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	(void)close(fd);
}

START_TEST(schedule_keeps_the_newest)
{
	struct testdir td;
	struct store *s;
	struct told t;
	char to[256];

	td_init(&td);
	touch(&td, "trackupd-20250101T000000Z.db");
	touch(&td, "trackupd-20250102T000000Z.db");
	touch(&td, "trackupd-20250103T000000Z.db");
	touch(&td, "trackupd-20250103T000000Z.db.aB3xYz");
	touch(&td, "trackupd-20250103T000000Z.db.aB3xYz-journal");
	/* Not ours to remove. */
	touch(&td, "trackupd-20250101T000000Z.db.gz");
	touch(&td, "trackupd-before-the-move.db");
	beside(&td, "trackupd-20261123T103648Z.db", to);
	s = open_started(td.path);
	script_submit(s, 1);
	wait_durable(s, 1);
	ck_assert_int_eq(backup(s, to, false, 2, &t), 0);
	store_close(s);
	ck_assert_int_eq(names(&td, "trackupd-20250101T000000Z.db"), 1);
	ck_assert_int_eq(names(&td, "trackupd-20250101T000000Z.db.gz"), 1);
	ck_assert_int_eq(names(&td, "trackupd-20250102"), 0);
	ck_assert_int_eq(names(&td, "trackupd-20250103"), 1);
	ck_assert_int_eq(names(&td, "trackupd-20261123"), 1);
	ck_assert_int_eq(names(&td, "trackupd-before-the-move.db"), 1);
	ck_assert_int_gt(copy_newest_wall_ms(td.dir), 0);
	td_done(&td);
}
END_TEST

/* --- age -------------------------------------------------------------------*/

static int64_t
wall_now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000;
}

START_TEST(old_events_go)
{
	const struct store_limits l = {.retain_ms = 3600000,
	    .prune_every_ms = 50};
	int64_t now = wall_now_ms(), end = test_now_ms() + 20000;
	struct campaign_rec over = make_campaign(2);
	struct store_stats st;
	struct testdir td;
	struct store *s;
	struct opbuf ops;

	td_init(&td);
	s = open_started(td.path);
	opbuf_init(&ops);
	add_base(&ops, 1);
	(void)store_submit(s, 1, &ops);
	opbuf_done(&ops);
	over.state = CAMPAIGN_FINISHED;
	(void)snprintf(over.name, sizeof(over.name), "over");
	submit_one(s, 2, OP_CAMPAIGN, &over);
	submit_events(s, 3, now - 7200000, 1200, 0);
	submit_events(s, 4, now - 7200000, 10, 1); /* of the open one */
	submit_events(s, 5, now - 7200000, 700, 2);
	submit_events(s, 6, now - 7200000, 3, 0);
	submit_events(s, 7, now, 20, 0);
	wait_durable(s, 7);
	store_set_limits(s, &l);
	do {
		poll_store(s, 20);
		store_get_stats(s, &st);
	} while (st.pruned < 1903 && test_now_ms() < end);
	ck_assert_uint_eq(st.pruned, 1903);
	store_close(s);
	ck_assert_int_eq(sql_int(td.path, "SELECT count(*) FROM event"), 30);
	ck_assert_int_eq(sql_int(td.path,
	    "SELECT count(*) FROM event WHERE campaign = 1"), 10);
	td_done(&td);
}
END_TEST

/* --- room ------------------------------------------------------------------*/

START_TEST(low_disk_and_back)
{
	struct store_limits l = {.min_free = UINT64_MAX / 4};
	struct store_stats st;
	struct testdir td;
	struct store *s;

	td_init(&td);
	s = open_started(td.path);
	store_set_limits(s, &l);
	wait_state(s, STORE_LOW);
	/* Commits go on. */
	script_submit(s, 1);
	wait_durable(s, 1);
	wait_state(s, STORE_LOW);
	store_get_stats(s, &st);
	ck_assert_uint_eq(st.disk_low_hits, 1);
	ck_assert_uint_gt(st.disk_free, 0);
	l.min_free = 1;
	store_set_limits(s, &l);
	wait_state(s, STORE_OK);
	l.min_free = 0;
	store_set_limits(s, &l);
	wait_state(s, STORE_OK);
	store_close(s);
	td_done(&td);
}
END_TEST

START_TEST(sign_of_life)
{
	int64_t end = test_now_ms() + 20000;
	struct testdir td;
	struct store *s;

	td_init(&td);
	s = open_started(td.path);
	/* Idle, it turns only when asked. */
	while (store_heard_ms_ago(s) < 30 && test_now_ms() < end)
		(void)poll(NULL, 0, 40);
	while (store_heard_ms_ago(s) >= 30 && test_now_ms() < end)
		(void)poll(NULL, 0, 1);
	ck_assert_int_lt(test_now_ms(), end);
	store_close(s);
	td_done(&td);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store backup");
	TCase *tc = tcase_create("backup");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, copy_is_the_database);
	tcase_add_test(tc, copy_while_written);
	tcase_add_test(tc, names_that_are_taken);
	tcase_add_test(tc, no_place_for_it);
	tcase_add_test(tc, closing_ends_it);
	tcase_add_test(tc, schedule_keeps_the_newest);
	tcase_add_test(tc, old_events_go);
	tcase_add_test(tc, low_disk_and_back);
	tcase_add_test(tc, sign_of_life);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
