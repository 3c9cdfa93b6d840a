#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/fleet_file.h"
#include "diag.h"

/* The CSV of devices.inventory: what it says, and what is wrong with it. */

static struct inventory *
good(const char *text)
{
	struct inventory *v = NULL;
	struct sbuf diag;

	sbuf_init(&diag, 0);
	ck_assert_msg(inventory_read("i.csv", span_str(text), &v, &diag) == 0,
	    "%s", sbuf_str(&diag));
	ck_assert_str_eq(sbuf_str(&diag), "");
	sbuf_done(&diag);
	return v;
}

static void
refuse(const char *text, const char *what)
{
	struct inventory *v = NULL;
	struct sbuf diag;

	sbuf_init(&diag, 0);
	ck_assert_msg(inventory_read("i.csv", span_str(text), &v, &diag) < 0,
	    "taken: %s", text);
	ck_assert_ptr_null(v);
	ck_assert_msg(strstr(sbuf_str(&diag), what) != NULL,
	    "%s\nis not in\n%s", what, sbuf_str(&diag));
	sbuf_done(&diag);
}

static struct inventory_row
row(const struct inventory *v, const char *id)
{
	struct inventory_row r;
	struct devid d;
	uint32_t at;

	ck_assert_int_eq(devid_parse(span_str(id), &d), 0);
	at = inventory_find(v, d.key);
	ck_assert_msg(at != INVENTORY_NONE, "%s is not there", id);
	inventory_at(v, at, &r);
	return r;
}

START_TEST(whole)
{
	struct inventory *v = good("\xef\xbb\xbf" "id,password,timezone,"
	    "country,tags,networks,name\r\n"
	    "867162020000006,abcd1,Europe/Berlin,DE,van; north ;,"
	    "10.0.0.0/8;2001:db8::/32,\"Otto, the \"\"big\"\" one\"\r\n"
	    "\r\n# of the second depot\r\nA000002B41DEE0,,,,,,\r\n"
	    ",,,,,,\r\n");
	struct inventory_row r = row(v, "86716202000000");
	struct devid id;

	ck_assert_uint_eq(inventory_count(v), 2);
	ck_assert_str_eq(r.password, "abcd1");
	ck_assert_str_eq(r.timezone, "Europe/Berlin");
	ck_assert_str_eq(r.country, "DE");
	ck_assert_str_eq(r.tags, "van;north");
	ck_assert_str_eq(r.name, "Otto, the \"big\" one");
	ck_assert_uint_eq(r.network_count, 2);
	ck_assert_uint_eq(r.network[0].bits, 104);
	ck_assert_uint_eq(r.network[1].bits, 32);
	ck_assert(inventory_has_tag(&r, "north"));
	ck_assert(!inventory_has_tag(&r, "nort"));
	inventory_id(v, inventory_find(v, r.key), &id);
	ck_assert_str_eq(id.text, "867162020000006");
	r = row(v, "A000002B41DEE0");
	ck_assert_str_eq(r.tags, "");
	ck_assert_uint_eq(r.network_count, 0);
	inventory_free(v);
}
END_TEST

START_TEST(separators)
{
	struct inventory *v = good("id;tags\nA000002B41DEE0;\"a;b\"\n");
	struct inventory_row r = row(v, "A000002B41DEE0");

	ck_assert_str_eq(r.tags, "a;b");
	inventory_free(v);
	v = good("name\tid\nx y\tA000002B41DEE0\n");
	r = row(v, "A000002B41DEE0");
	ck_assert_str_eq(r.name, "x y");
	inventory_free(v);
	v = good("id\n");
	ck_assert_uint_eq(inventory_count(v), 0);
	ck_assert_uint_eq(inventory_find(v, 7), INVENTORY_NONE);
	inventory_free(v);
}
END_TEST

START_TEST(refused)
{
	refuse("", "i.csv:1: the file is empty");
	refuse("A000002B41DEE0\n", "i.csv:1: is no header with a column id");
	refuse("id,pass\n", "i.csv:1: \"pass\" is no column; columns are id, "
	    "password");
	refuse("id,id\n", "i.csv:1: id: two columns");
	refuse("id,name\nA000002B41DEE0\n", "i.csv:2: has fewer fields");
	refuse("id\nA000002B41DEE0,x\n", "i.csv:2: has more fields");
	refuse("id\n\nA00000\n", "i.csv:3: id: \"A00000\" is not an id");
	refuse("id,name\n,x\n", "i.csv:2: id: is empty");
	refuse("id\n8.67162E+14\n", "damaged by a spreadsheet");
	refuse("id,name\nA000002B41DEE0,\"x\n", "a quote is not closed");
	refuse("id,name\nA000002B41DEE0,\"x\"y\n", "behind the quote");
	refuse("id,networks\nA000002B41DEE0,10.0.0.0\n",
	    "i.csv:2: networks: \"10.0.0.0\" is not a network");
	refuse("id\nA000002B41DEE0\na000002b41dee0\n",
	    "i.csv:3: id: is the device of line 2");
	refuse("id\n867162020000006\n86716202000000\n",
	    "is the device of line 2");
	refuse("\xff\xfei\0d\0", "UTF-16");
	refuse("id,name\nA000002B41DEE0,\xff\n", "is not UTF-8");
}
END_TEST

/* Every bad line is named, up to a number; a password never is. */
START_TEST(all_of_it)
{
	struct sbuf text, diag;
	struct inventory *v = NULL;
	size_t lines = 0;

	sbuf_init(&text, 0);
	sbuf_adds(&text, "id,password\n");
	for (int i = 0; i < FLEET_ERRORS + 5; i++)
		sbuf_addf(&text, "A000002B41D%03d,se-cret%d\n", i, i);
	sbuf_init(&diag, 0);
	ck_assert_int_lt(inventory_read("i.csv", span_str(sbuf_str(&text)),
	    &v, &diag), 0);
	for (const char *p = sbuf_str(&diag); *p != '\0'; p++)
		lines += *p == '\n';
	ck_assert_uint_eq(lines, FLEET_ERRORS + 1);
	ck_assert_ptr_nonnull(strstr(sbuf_str(&diag), "and 5 more"));
	ck_assert_ptr_null(strstr(sbuf_str(&diag), "se-cret"));
	sbuf_done(&diag);
	sbuf_done(&text);
}
END_TEST

START_TEST(lost_rows)
{
	struct inventory *a = good("id\nA0000000000001\nA0000000000002\n"
	    "A0000000000003\n");
	struct inventory *b = good("id\nA0000000000003\nA0000000000004\n");

	ck_assert_uint_eq(inventory_lost(a, b), 2);
	ck_assert_uint_eq(inventory_lost(b, a), 1);
	ck_assert_uint_eq(inventory_lost(a, NULL), 3);
	ck_assert_uint_eq(inventory_lost(NULL, a), 0);
	ck_assert(inventory_same(a, a));
	ck_assert(!inventory_same(a, b));
	inventory_free(a);
	inventory_free(b);
}
END_TEST

/* A million rows: what they take. */
START_TEST(million)
{
	struct inventory *v;
	size_t n = getenv("TRACKUPD_QUICK") != NULL ? 20000 : 1000000;
	size_t size = 64 * (n + 1), len;
	char *text = malloc(size);

	ck_assert_ptr_nonnull(text);
	len = (size_t)snprintf(text, size, "id,timezone,country,tags\n");
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, size - len,
		    "8671%010zu%zu,Europe/Berlin,DE,a;b%zu\n", i, i % 10,
		    i % 7);
	v = good(text);
	ck_assert_uint_eq(inventory_count(v), n);
	(void)printf("inventory: %zu bytes a row\n", inventory_bytes(v) / n);
	ck_assert_uint_lt(inventory_bytes(v) / n, 64);
	inventory_free(v);
	free(text);
}
END_TEST

/* Both files, and what a configuration says of networks and models. */
START_TEST(from_disk)
{
	char path[] = "/tmp/fleet.XXXXXX", text[400];
	struct core_fleet f;
	struct daemon_conf *c;
	struct sbuf diag;
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq((int)write(fd, "id\nA000002B41DEE0\n", 18), 18);
	(void)close(fd);
	(void)snprintf(text, sizeof(text), "devices: {inventory: %s, "
	    "never_file: %s, networks: [10.0.0.0/8]}\nmodels: {c2: {password: "
	    "abcdef}, 6E0202: {update_type: {mcu: 7}, stop: "
	    "'AT+GTUPD={password},1,,{serial}$'}}\n", path, path);
	sbuf_init(&diag, 0);
	c = daemon_conf_parse("t.yaml", text, strlen(text), &diag);
	ck_assert_msg(c != NULL, "%s", sbuf_str(&diag));
	ck_assert_msg(fleet_load(c, &f, &diag) == 0, "%s", sbuf_str(&diag));
	ck_assert_uint_eq(inventory_count(f.inventory), 1);
	ck_assert_uint_eq(f.never.count, 1);
	ck_assert_uint_eq(f.network_count, 1);
	ck_assert_uint_eq(f.model_count, 2);
	ck_assert_str_eq(f.model[0].code, "C2");
	ck_assert_str_eq(f.model[0].name, "GV620MG");
	ck_assert_str_eq(f.model[0].password, "abcdef");
	ck_assert_str_eq(f.model[1].name, "6E0202");
	ck_assert_int_eq(f.model[1].type_mcu, 7);
	core_fleet_free(&f);
	(void)unlink(path);
	ck_assert_int_lt(fleet_load(c, &f, &diag), 0);
	ck_assert(f.broken);
	ck_assert_uint_eq(f.model_count, 2);
	ck_assert_ptr_nonnull(strstr(sbuf_str(&diag), "cannot be read"));
	core_fleet_free(&f);
	sbuf_clear(&diag);
	daemon_conf_dump(c, &diag);
	ck_assert_ptr_null(strstr(sbuf_str(&diag), "abcdef"));
	daemon_conf_free(c);
	sbuf_done(&diag);
}
END_TEST

START_TEST(models_refused)
{
	static const struct { const char *text, *what; } t[] = {
	    {"models: {C2: {start: x}}", "t.yaml:1:22: models.C2.start: does "
		"not begin with AT+GTUPD="},
	    {"models: {C2: {stop: 'AT+GTUPD={password},1$'}}",
		"does not end with ,{serial}$"},
	    {"models: {C2: {start: 'AT+GTUPD={password},{serial}$'}}",
		"does not name {url}"},
	    {"models: {C2: {start: 'AT+GTUPD={password},{url},{urk},{serial}$"
		"'}}", "has a brace that names none of"},
	    {"models: {C2: {start: 'AT+GTUPD={password}, {url},{serial}$'}}",
		"has a blank"},
	    {"models: {C2: {password: abc}}", "allowed 4 to 20"},
	    {"models: {GV: {}}", "is no device-type code"},
	    {"models: {c2: {}, C2: {}}", "given twice"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct sbuf diag;

		sbuf_init(&diag, 0);
		ck_assert_ptr_null(daemon_conf_parse("t.yaml", t[i].text,
		    strlen(t[i].text), &diag));
		ck_assert_msg(strstr(sbuf_str(&diag), t[i].what) != NULL,
		    "%s\nis not in\n%s", t[i].what, sbuf_str(&diag));
		sbuf_done(&diag);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("fleet_file");
	TCase *t = tcase_create("fleet_file");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, whole);
	tcase_add_test(t, separators);
	tcase_add_test(t, refused);
	tcase_add_test(t, all_of_it);
	tcase_add_test(t, lost_rows);
	tcase_add_test(t, million);
	tcase_add_test(t, from_disk);
	tcase_add_test(t, models_refused);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
