#include "config.h"

#include <check.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper.h"
#include "store/db.h"
#include "store/sqltext.h"

/* What a release left, opened by this version. */

static struct testdir td;
static char schema[2][65536];

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

static char *
file_text(const char *name)
{
	const char *dir = getenv("top_srcdir");
	char path[512], *text;
	FILE *f;
	long n;

	(void)snprintf(path, sizeof(path), "%s/tests/store/%s",
	    dir == NULL ? "." : dir, name);
	ck_assert_msg((f = fopen(path, "re")) != NULL, "%s", path);
	ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
	ck_assert_int_gt(n = ftell(f), 0);
	rewind(f);
	ck_assert_ptr_nonnull(text = calloc(1, (size_t)n + 1));
	ck_assert_uint_eq(fread(text, 1, (size_t)n, f), (size_t)n);
	(void)fclose(f);
	return text;
}

/* The database of that release at td.path. */
static void
make_release(const char *name)
{
	char *sql = file_text(name), *why = NULL;
	sqlite3 *h;

	ck_assert_int_eq(sqlite3_open(td.path, &h), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(h, sql, NULL, NULL, &why) == SQLITE_OK,
	    "%s", why);
	ck_assert_int_eq(sqlite3_close(h), SQLITE_OK);
	free(sql);
}

static void
schema_text(const char *path, char *ret, size_t size)
{
	sql_query(path, "SELECT group_concat(type || ' ' || name || ' ' || "
	    "tbl_name || ' ' || coalesce(sql, ''), char(10)) FROM (SELECT * "
	    "FROM sqlite_schema ORDER BY type, name)", ret, size);
	ck_assert_uint_gt(strlen(ret), 1000);
	ck_assert_uint_lt(strlen(ret), size - 1);
}

static const char *const tables[] = {"device", "campaign", "revision",
	"target", "attempt", "tuple", "event", "audit"};

static int64_t
rows_of(const char *path, const char *table)
{
	char sql[100];

	(void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	return sql_int(path, sql);
}

static char copied_to[256];

static void
on_copied(void *arg, const char *path)
{
	++*(int *)arg;
	(void)snprintf(copied_to, sizeof(copied_to), "%s", path);
}

/* The fixture is what the first migration makes, with nothing edited. */
START_TEST(fixture_is_of_the_first_schema)
{
	struct errtext err = {0};
	char path[256];
	sqlite3 *h;

	make_release("release-1.sql");
	(void)snprintf(path, sizeof(path), "%s/one.db", td.dir);
	ck_assert_int_eq(sqlite3_open(path, &h), SQLITE_OK);
	ck_assert_msg(db_migrate(h, 1, &err) == 0, "%s", err.text);
	ck_assert_int_eq(sqlite3_close(h), SQLITE_OK);
	schema_text(path, schema[0], sizeof(schema[0]));
	schema_text(td.path, schema[1], sizeof(schema[1]));
	ck_assert_str_eq(schema[0], schema[1]);
}
END_TEST

START_TEST(first_release_is_upgraded)
{
	struct store_config cfg = {.path = td.path, .copied = on_copied};
	int64_t rows[ARRAY_LEN(tables)];
	int copies = 0, open_attempts = 0;
	struct errtext err = {0};
	struct loaded l = {0};
	struct store *s;
	char fresh[256];

	make_release("release-1.sql");
	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		rows[i] = rows_of(td.path, tables[i]);
	cfg.hook_arg = &copies;
	ck_assert_msg(store_open(&s, &cfg, &err) == 0, "%s", err.text);
	loaded_get(&l, s);
	ck_assert_uint_eq(l.device_count, 6);
	ck_assert_uint_eq(l.campaign_count, 2);
	ck_assert_uint_eq(l.target_count, 7);
	ck_assert_int_eq(l.campaigns[0].state, CAMPAIGN_FINISHED);
	ck_assert_int_eq(l.campaigns[1].state, CAMPAIGN_RUNNING);
	for (size_t i = 0; i < l.attempt_count; i++)
		open_attempts += l.attempts[i].result == RESULT_OPEN;
	ck_assert_int_eq(open_attempts, 4);
	loaded_done(&l);
	store_close(s);

	ck_assert_int_eq(sql_int(td.path, "PRAGMA user_version"),
	    SQL_MIGRATIONS);
	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		ck_assert_int_eq(rows_of(td.path, tables[i]), rows[i]);
	(void)snprintf(fresh, sizeof(fresh), "%s/fresh.db", td.dir);
	store_close(open_store(fresh));
	schema_text(fresh, schema[0], sizeof(schema[0]));
	schema_text(td.path, schema[1], sizeof(schema[1]));
	ck_assert_str_eq(schema[0], schema[1]);
	ck_assert_int_eq(sql_int(td.path, "SELECT count(*) FROM "
	    "pragma_foreign_key_check"), 0);

	/* As it was, it is beside it, once. */
	ck_assert_int_eq(copies, SQL_MIGRATIONS > 1);
	if (SQL_MIGRATIONS > 1) {
		ck_assert_int_eq(sql_int(copied_to, "PRAGMA user_version"), 1);
		for (size_t i = 0; i < ARRAY_LEN(tables); i++)
			ck_assert_int_eq(rows_of(copied_to, tables[i]),
			    rows[i]);
	}
	ck_assert_int_eq(store_open(&s, &cfg, &err), 0);
	store_close(s);
	ck_assert_int_eq(copies, SQL_MIGRATIONS > 1);
}
END_TEST

/* A start that was killed after the copy: the next does not make another. */
START_TEST(copy_is_made_once)
{
	struct store_config cfg = {.path = td.path, .copied = on_copied};
	int copies = 0;
	struct errtext err = {0};
	struct image before, after;
	struct store *s;

	if (SQL_MIGRATIONS == 1)
		return;
	make_release("release-1.sql");
	cfg.hook_arg = &copies;
	ck_assert_int_eq(store_open(&s, &cfg, &err), 0);
	store_close(s);
	ck_assert_int_eq(copies, 1);
	image_take(&before, copied_to, "");
	script_remove(td.path);
	make_release("release-1.sql");
	ck_assert_int_eq(store_open(&s, &cfg, &err), 0);
	store_close(s);
	ck_assert_int_eq(copies, 1);
	image_take(&after, copied_to, "");
	ck_assert(image_same(&before, &after));
	image_done(&before);
	image_done(&after);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store upgrade");
	TCase *tc = tcase_create("upgrade");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, fixture_is_of_the_first_schema);
	tcase_add_test(tc, first_release_is_upgraded);
	tcase_add_test(tc, copy_is_made_once);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
