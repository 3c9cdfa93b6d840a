#include "config.h"
#include "store/store.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper.h"
#include "store/db.h"

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

/* Some ten thousand rows of ours, closed cleanly. */
static void
make_database(void)
{
	struct store *s = open_store(td.path);
	struct opbuf ops;

	opbuf_init(&ops);
	for (uint64_t i = 1; i <= 3000; i++) {
		struct device_rec d = make_device(i);
		struct event_rec e = make_event(i, (int)i);

		opbuf_add(&ops, OP_DEVICE, &d);
		opbuf_add(&ops, OP_EVENT, &e);
	}
	(void)store_submit(s, 1, &ops);
	store_close(s);
}

static void
write_file(const char *path, const char *suffix, const void *p, size_t len)
{
	char name[512];
	FILE *f;

	(void)snprintf(name, sizeof(name), "%s%s", path, suffix);
	f = fopen(name, "wb");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(p, 1, len, f), len);
	ck_assert_int_eq(fclose(f), 0);
}

/* Opening fails with that code and these words, and leaves all files as they
 * were. */
static void
check_refused(int code, const char *words)
{
	static const char *const suffix[] = {"", "-wal", "-shm", "-journal"};
	struct store_config cfg = {.path = td.path};
	struct image before[4], after[4];
	struct errtext err = {0};
	struct store *s = NULL;
	int r;

	for (size_t i = 0; i < 4; i++)
		image_take(&before[i], td.path, suffix[i]);
	r = store_open(&s, &cfg, &err);
	ck_assert_msg(r == code, "%d and not %d: %s", r, code, err.text);
	ck_assert_ptr_null(s);
	ck_assert_int_eq(err.code, code);
	ck_assert_msg(strstr(err.text, words) != NULL, "%s", err.text);
	ck_assert_msg(strstr(err.text, td.path) != NULL, "%s", err.text);
	for (size_t i = 0; i < 4; i++) {
		image_take(&after[i], td.path, suffix[i]);
		ck_assert_msg(image_same(&before[i], &after[i]),
		    "%s%s was touched", td.path, suffix[i]);
		image_done(&before[i]);
		image_done(&after[i]);
	}
}

/* Runs SQL in a child that dies with its log not copied back. */
static void
sql_and_die(const char *sql)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		sqlite3 *h;

		if (sqlite3_open(td.path, &h) != SQLITE_OK ||
		    sqlite3_exec(h, "PRAGMA journal_mode = WAL;"
		    "PRAGMA wal_autocheckpoint = 0", NULL, NULL, NULL) !=
		    SQLITE_OK ||
		    sqlite3_exec(h, sql, NULL, NULL, NULL) != SQLITE_OK)
			_exit(1);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	/* Of a clean machine: the index of the log is not kept over a boot. */
	{
		char shm[512];

		(void)snprintf(shm, sizeof(shm), "%s-shm", td.path);
		(void)unlink(shm);
	}
}

START_TEST(text_file_is_foreign)
{
	static const char text[] = "This is somebody's diary, not a database. "
	    "It is a little longer than the header of a database would be, "
	    "so that its length is no reason.\n";

	write_file(td.path, "", text, sizeof(text));
	check_refused(STORE_ERR_FOREIGN, "not a database of trackupd");
	write_file(td.path, "", text, 5);
	check_refused(STORE_ERR_FOREIGN, "not a database of trackupd");
}
END_TEST

START_TEST(other_application_is_foreign)
{
	ck_assert_int_eq(sql_try(td.path, "PRAGMA application_id = 4711;"
	    "CREATE TABLE t (x)"), SQLITE_OK);
	check_refused(STORE_ERR_FOREIGN, "4711");
}
END_TEST

START_TEST(database_without_mark_is_foreign)
{
	ck_assert_int_eq(sql_try(td.path, "CREATE TABLE t (x);"
	    "INSERT INTO t VALUES (1)"), SQLITE_OK);
	check_refused(STORE_ERR_FOREIGN, "another program");
}
END_TEST

START_TEST(foreign_log_is_not_touched)
{
	struct image wal;

	sql_and_die("CREATE TABLE t (x); INSERT INTO t VALUES (1)");
	image_take(&wal, td.path, "-wal");
	ck_assert(wal.there && wal.len > 0);
	image_done(&wal);
	check_refused(STORE_ERR_FOREIGN, "another program");
	ck_assert_int_eq(sql_int(td.path, "SELECT x FROM t"), 1);
}
END_TEST

/* SQLite would delete a log without its database. */
START_TEST(orphan_log_is_not_touched)
{
	write_file(td.path, "-wal", "something", 9);
	check_refused(STORE_ERR_FOREIGN, "-wal is there");
	write_file(td.path, "", "", 0);
	check_refused(STORE_ERR_FOREIGN, "-wal is there");
}
END_TEST

START_TEST(newer_is_refused)
{
	char sql[64];

	make_database();
	(void)snprintf(sql, sizeof(sql), "PRAGMA user_version = %d",
	    SQL_MIGRATIONS + 1);
	ck_assert_int_eq(sql_try(td.path, sql), SQLITE_OK);
	check_refused(STORE_ERR_NEWER, "newer");
}
END_TEST

/* The version that counts may still lie in the log. */
START_TEST(newer_in_the_log_is_refused)
{
	char sql[64];
	struct image wal;

	make_database();
	(void)snprintf(sql, sizeof(sql), "PRAGMA user_version = %d",
	    SQL_MIGRATIONS + 1);
	sql_and_die(sql);
	image_take(&wal, td.path, "-wal");
	ck_assert(wal.there && wal.len > 0);
	image_done(&wal);
	check_refused(STORE_ERR_NEWER, "newer");
	check_refused(STORE_ERR_NEWER, "newer");
}
END_TEST

/* A page is overwritten; i says which, from the schema to the last. */
START_TEST(corrupt_is_refused)
{
	static const int at_percent[] = {1, 10, 40, 70, 99};
	struct image im;
	size_t page;

	make_database();
	image_take(&im, td.path, "");
	page = im.len / 4096 * (size_t)at_percent[_i] / 100;
	if (page == 0)
		page = 1;
	memset(im.p + page * 4096, 0xa5, 4096);
	write_file(td.path, "", im.p, im.len);
	image_done(&im);
	check_refused(STORE_ERR_CORRUPT, "");
}
END_TEST

START_TEST(truncated_is_refused)
{
	struct image im;

	make_database();
	image_take(&im, td.path, "");
	write_file(td.path, "", im.p, im.len / 2 / 4096 * 4096);
	check_refused(STORE_ERR_CORRUPT, "");
	write_file(td.path, "", im.p, 300);
	check_refused(STORE_ERR_CORRUPT, "");
	image_done(&im);
}
END_TEST

/* Corrupt, and with a log of the last run beside it. */
START_TEST(corrupt_with_log_is_refused)
{
	struct image im;

	make_database();
	sql_and_die("UPDATE stamp SET seq = 5");
	image_take(&im, td.path, "");
	memset(im.p + im.len / 4096 / 2 * 4096, 0xa5, 4096);
	write_file(td.path, "", im.p, im.len);
	image_done(&im);
	check_refused(STORE_ERR_CORRUPT, "");
}
END_TEST

START_TEST(second_instance_is_refused)
{
	char words[32];
	int ready[2], status;
	pid_t pid;
	char c;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct store *s = open_started(td.path);
		struct event_rec e = make_event(1, 1);

		submit_one(s, 1, OP_EVENT, &e);
		wait_durable(s, 1);
		(void)!write(ready[1], "x", 1);
		(void)pause();
		_exit(0);
	}
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	(void)snprintf(words, sizeof(words), "pid %ld", (long)pid);
	check_refused(STORE_ERR_LOCKED, words);
	check_refused(STORE_ERR_LOCKED, "in use by another process");
	(void)kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	store_close(open_store(td.path));
	ck_assert_int_eq(sql_int(td.path, "SELECT count(*) FROM event"), 1);
}
END_TEST

START_TEST(paths_that_cannot_be)
{
	struct store_config cfg = {.path = "/nonexistent/dir/t.db"};
	struct errtext err = {0};
	struct store *s = NULL;
	char path[256];

	ck_assert_int_eq(store_open(&s, &cfg, &err), STORE_ERR_OPEN);
	ck_assert_msg(strstr(err.text, "directory does not exist") != NULL,
	    "%s", err.text);
	cfg.path = td.dir;
	ck_assert_int_eq(store_open(&s, &cfg, &err), STORE_ERR_OPEN);
	ck_assert_msg(strstr(err.text, "not a regular file") != NULL, "%s",
	    err.text);
	(void)snprintf(path, sizeof(path), "%s/fifo", td.dir);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	cfg.path = path;
	ck_assert_int_eq(store_open(&s, &cfg, &err), STORE_ERR_OPEN);
	(void)snprintf(path, sizeof(path), "%s/fifo/t.db", td.dir);
	ck_assert_int_eq(store_open(&s, &cfg, &err), STORE_ERR_OPEN);
	ck_assert_ptr_null(s);
}
END_TEST

/* In a child that is nobody, since root may write everywhere. */
static void
check_unwritable(const char *words)
{
	struct image before, after;
	int status;
	pid_t pid;

	image_take(&before, td.path, "");
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct store_config cfg = {.path = td.path};
		struct errtext err = {0};
		struct store *s;

		if (geteuid() == 0 && setuid(65534) < 0)
			_exit(2);
		if (store_open(&s, &cfg, &err) != STORE_ERR_OPEN ||
		    strstr(err.text, words) == NULL) {
			(void)fprintf(stderr, "%s\n", err.text);
			_exit(1);
		}
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	image_take(&after, td.path, "");
	ck_assert(image_same(&before, &after));
	image_done(&before);
	image_done(&after);
}

START_TEST(no_permission_is_told)
{
	ck_assert_int_eq(chmod(td.dir, 0555), 0);
	check_unwritable("Permission denied");
	ck_assert_int_eq(chmod(td.dir, 0755), 0);
	make_database();
	/* The file may be read but not written. */
	ck_assert_int_eq(chmod(td.path, 0444), 0);
	check_unwritable("may not be written");
	/* The file may be written, its directory not: no log. */
	ck_assert_int_eq(chmod(td.path, 0666), 0);
	ck_assert_int_eq(chmod(td.dir, 0555), 0);
	check_unwritable("its directory may not be written");
	ck_assert_int_eq(chmod(td.path, 0), 0);
	check_unwritable("cannot be read: Permission denied");
	ck_assert_int_eq(chmod(td.dir, 0755), 0);
}
END_TEST

START_TEST(mode_follows_umask)
{
	static const struct {
		mode_t mask, mode;
	} row[] = {{022, 0640}, {027, 0640}, {077, 0600}, {0, 0640}};
	struct stat st;

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		mode_t old = umask(row[i].mask);

		store_close(open_store(td.path));
		(void)umask(old);
		ck_assert_int_eq(stat(td.path, &st), 0);
		ck_assert_int_eq((int)(st.st_mode & 07777), (int)row[i].mode);
		ck_assert_int_eq(unlink(td.path), 0);
	}
}
END_TEST

/* A name is a name, whatever SQLite makes of it elsewhere. */
START_TEST(odd_names_are_files)
{
	static const char *const names[] = {":memory:", "file:a?mode=ro",
		"a%20b#c", "\xc3\xa4 b&c=d"};
	char cwd[512];

	ck_assert_ptr_nonnull(getcwd(cwd, sizeof(cwd)));
	ck_assert_int_eq(chdir(td.dir), 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct stat st;

		store_close(open_store(names[i]));
		ck_assert_int_eq(stat(names[i], &st), 0);
		ck_assert_int_gt(st.st_size, 4096);
		store_close(open_store(names[i]));
	}
	ck_assert_int_eq(chdir(cwd), 0);
}
END_TEST

START_TEST(empty_file_is_a_new_one)
{
	write_file(td.path, "", "", 0);
	store_close(open_store(td.path));
	ck_assert_int_eq(sql_int(td.path, "PRAGMA user_version"),
	    SQL_MIGRATIONS);
}
END_TEST

/* A creation that was cut off after any of its steps is taken up again. */
START_TEST(cut_off_creation_is_finished)
{
	ck_assert_int_eq(sql_try(td.path, "PRAGMA application_id = 1414679381"),
	    SQLITE_OK);
	store_close(open_store(td.path));
	ck_assert_int_eq(unlink(td.path), 0);
	sql_and_die("PRAGMA application_id = 1414679381");
	/* Here the mark is in the log only; see foreign_log_is_not_touched. */
	ck_assert_int_eq(sql_int(td.path, "PRAGMA application_id"),
	    1414679381);
	store_close(open_store(td.path));
	ck_assert_int_eq(sql_int(td.path, "PRAGMA user_version"),
	    SQL_MIGRATIONS);
}
END_TEST

/* All of the schema, in an order that does not depend on its history. */
static void
schema_text(const char *path, char *ret, size_t size)
{
	sql_query(path, "SELECT group_concat(type || ' ' || name || ' ' || "
	    "tbl_name || ' ' || coalesce(sql, ''), char(10)) FROM (SELECT * "
	    "FROM sqlite_schema ORDER BY type, name)", ret, size);
	ck_assert_uint_gt(strlen(ret), 1000);
	ck_assert_uint_lt(strlen(ret), size - 1);
}

static char fresh_schema[65536], other_schema[65536];

/* From each earlier version, step by step: what comes out is what a fresh
 * database has, and every statement can be prepared on it. */
START_TEST(upgraded_equals_fresh)
{
	char path[256];

	store_close(open_store(td.path));
	schema_text(td.path, fresh_schema, sizeof(fresh_schema));
	for (int from = 0; from <= SQL_MIGRATIONS; from++) {
		struct errtext err = {0};
		sqlite3 *h;

		(void)snprintf(path, sizeof(path), "%s/from-%d.db", td.dir,
		    from);
		ck_assert_int_eq(sqlite3_open(path, &h), SQLITE_OK);
		ck_assert_int_eq(sqlite3_exec(h,
		    "PRAGMA application_id = 1414679381", NULL, NULL, NULL),
		    SQLITE_OK);
		ck_assert_msg(db_migrate(h, from, &err) == 0, "%s", err.text);
		ck_assert_int_eq(sqlite3_close(h), SQLITE_OK);
		ck_assert_int_eq(sql_int(path, "PRAGMA user_version"), from);
		store_close(open_store(path));
		schema_text(path, other_schema, sizeof(other_schema));
		ck_assert_str_eq(other_schema, fresh_schema);
	}
	/* Opening again changes nothing. */
	store_close(open_store(td.path));
	schema_text(td.path, other_schema, sizeof(other_schema));
	ck_assert_str_eq(other_schema, fresh_schema);
}
END_TEST

/* A step that fails leaves the version and the schema that were there. */
START_TEST(failed_migration_leaves_nothing)
{
	struct errtext err = {0};
	sqlite3 *h;

	ck_assert_int_eq(sqlite3_open(td.path, &h), SQLITE_OK);
	/* The last table but one of the step is in its way. */
	ck_assert_int_eq(sqlite3_exec(h, "CREATE TABLE event (x)", NULL, NULL,
	    NULL), SQLITE_OK);
	ck_assert_int_lt(db_migrate(h, 1, &err), 0);
	ck_assert_msg(strstr(err.text, "event") != NULL, "%s", err.text);
	ck_assert_int_ne(sqlite3_get_autocommit(h), 0);
	ck_assert_int_eq(sqlite3_close(h), SQLITE_OK);
	ck_assert_int_eq(sql_int(td.path, "PRAGMA user_version"), 0);
	ck_assert_int_eq(sql_int(td.path, "SELECT count(*) FROM "
	    "sqlite_schema"), 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store files");
	TCase *tc = tcase_create("store files");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, text_file_is_foreign);
	tcase_add_test(tc, other_application_is_foreign);
	tcase_add_test(tc, database_without_mark_is_foreign);
	tcase_add_test(tc, foreign_log_is_not_touched);
	tcase_add_test(tc, orphan_log_is_not_touched);
	tcase_add_test(tc, newer_is_refused);
	tcase_add_test(tc, newer_in_the_log_is_refused);
	tcase_add_loop_test(tc, corrupt_is_refused, 0, 5);
	tcase_add_test(tc, truncated_is_refused);
	tcase_add_test(tc, corrupt_with_log_is_refused);
	tcase_add_test(tc, second_instance_is_refused);
	tcase_add_test(tc, paths_that_cannot_be);
	tcase_add_test(tc, no_permission_is_told);
	tcase_add_test(tc, mode_follows_umask);
	tcase_add_test(tc, odd_names_are_files);
	tcase_add_test(tc, empty_file_is_a_new_one);
	tcase_add_test(tc, cut_off_creation_is_finished);
	tcase_add_test(tc, upgraded_equals_fresh);
	tcase_add_test(tc, failed_migration_leaves_nothing);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
