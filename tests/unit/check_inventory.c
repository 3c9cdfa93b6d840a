/*
 * The inventory: what was put in is found again, limits hold, and memory that
 * runs out at any place is an error and never half a row (the linker wraps the
 * allocator).
 */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/inventory.h"
#include "quick.h"
#include "starve.h"

static struct devid
id_of(const char *text)
{
	struct devid id;

	QUICK(devid_parse(span_str(text), &id) == 0);
	return id;
}

static struct devid
id_number(unsigned n)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "8600000%07u", n);
	return id_of(text);
}

static struct inventory_line
line_of(struct devid id, unsigned number)
{
	return (struct inventory_line){.id = id, .number = number};
}

START_TEST(what_a_line_said)
{
	static const struct cidr net = {.bits = 8};
	struct inventory *v = inventory_new();
	struct inventory_line l = line_of(id_of("860000000000008"), 2);
	struct inventory_row r;
	struct devid id;
	uint32_t at;

	ck_assert_ptr_nonnull(v);
	ck_assert_uint_eq(inventory_find(v, l.id.key), INVENTORY_NONE);
	l.password = span_str("secret1");
	l.timezone = span_str("Europe/Berlin");
	l.country = span_str("DE");
	l.tags = span_str("van;north;;vip");
	l.networks = span_str("10.0.0.0/8");
	l.name = span_str("truck");
	l.network = &net;
	l.network_count = 1;
	ck_assert_int_eq(inventory_add(v, &l), 0);
	l = line_of(id_of("A000002B41DEE0"), 3);
	ck_assert_int_eq(inventory_add(v, &l), 0);
	ck_assert_int_eq(inventory_seal(v), 0);
	ck_assert_uint_eq(inventory_count(v), 2);

	at = inventory_find(v, id_of("86000000000000").key);
	ck_assert_uint_ne(at, INVENTORY_NONE);
	inventory_at(v, at, &r);
	ck_assert_str_eq(r.password, "secret1");
	ck_assert_str_eq(r.timezone, "Europe/Berlin");
	ck_assert_str_eq(r.country, "DE");
	ck_assert_str_eq(r.networks, "10.0.0.0/8");
	ck_assert_str_eq(r.name, "truck");
	ck_assert_uint_eq(r.line, 2);
	ck_assert_uint_eq(r.network_count, 1);
	ck_assert_uint_eq(r.network[0].bits, 8);
	ck_assert(inventory_has_tag(&r, "van"));
	ck_assert(inventory_has_tag(&r, "vip"));
	ck_assert(!inventory_has_tag(&r, "vi"));
	ck_assert(!inventory_has_tag(&r, ""));
	ck_assert(!inventory_has_tag(&r, "van;north"));
	/* The id as the line had it, check digit and all. */
	inventory_id(v, at, &id);
	ck_assert_str_eq(id.text, "860000000000008");
	at = inventory_find(v, id_of("A000002B41DEE0").key);
	inventory_id(v, at, &id);
	ck_assert_str_eq(id.text, "A000002B41DEE0");
	inventory_at(v, at, &r);
	ck_assert_str_eq(r.password, "");
	ck_assert(!inventory_has_tag(&r, "van"));
	ck_assert_uint_eq(r.network_count, 0);
	ck_assert_uint_eq(inventory_find(v, 12345), INVENTORY_NONE);
	inventory_free(v);
}
END_TEST

#define MANY 3000

/* Different texts without end: what indexes them grows with them. */
START_TEST(many_texts)
{
	struct inventory *v = inventory_new();
	size_t pos = 0, bytes;
	uint32_t first, again;

	for (unsigned i = 0; i < MANY; i++) {
		/* Backwards: it is sealed that puts them in order. */
		struct inventory_line l = line_of(id_number(MANY - i), i + 2);
		char password[20], tags[40];

		(void)snprintf(password, sizeof(password), "pw%u", i % 2000);
		(void)snprintf(tags, sizeof(tags), "group-%u", i % 7);
		l.password = span_str(password);
		l.tags = span_str(tags);
		QUICK(inventory_add(v, &l) == 0);
	}
	bytes = inventory_bytes(v);
	ck_assert_int_eq(inventory_seal(v), 0);
	/* No text lies there twice. */
	ck_assert_uint_lt(inventory_bytes(v), bytes);
	ck_assert_uint_le(inventory_bytes(v), 200000);
	ck_assert(!inventory_twice(v, &pos, &first, &again));
	for (unsigned i = 0; i < MANY; i++) {
		struct devid id = id_number(MANY - i);
		struct inventory_row r;
		char password[20];
		uint32_t at = inventory_find(v, id.key);

		QUICK(at == MANY - i - 1 && inventory_key(v, at) == id.key);
		inventory_at(v, at, &r);
		(void)snprintf(password, sizeof(password), "pw%u", i % 2000);
		QUICK(strcmp(r.password, password) == 0);
		QUICK(inventory_behind(v, id.key) == at + 1);
		QUICK(inventory_behind(v, id.key - 1) == at);
	}
	ck_assert_uint_eq(inventory_behind(v, 0), 0);
	ck_assert_uint_eq(inventory_behind(v, UINT64_MAX), MANY);
	ck_assert_uint_eq(inventory_behind(NULL, 5), 0);
	inventory_free(v);
}
END_TEST

START_TEST(twice_is_told_by_line)
{
	struct inventory *v = inventory_new();
	static const unsigned ids[] = {5, 1, 5, 2, 1, 5};
	static const unsigned want[][2] = {{3, 6}, {2, 4}, {4, 7}};
	size_t pos = 0;
	uint32_t first, again;

	for (unsigned i = 0; i < ARRAY_LEN(ids); i++) {
		struct inventory_line l = line_of(id_number(ids[i]), i + 2);

		ck_assert_int_eq(inventory_add(v, &l), 0);
	}
	ck_assert_int_eq(inventory_seal(v), 0);
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		ck_assert(inventory_twice(v, &pos, &first, &again));
		ck_assert_uint_eq(first, want[i][0]);
		ck_assert_uint_eq(again, want[i][1]);
	}
	ck_assert(!inventory_twice(v, &pos, &first, &again));
	inventory_free(v);
}
END_TEST

START_TEST(sets_of_networks_are_bounded)
{
	struct inventory *v = inventory_new();
	static const struct cidr net = {.bits = 32};
	struct inventory_line l;
	char text[30];

	for (unsigned i = 0; i <= INVENTORY_NETWORKS_MAX; i++) {
		l = line_of(id_number(i), i + 2);
		(void)snprintf(text, sizeof(text), "10.0.%u.%u/32", i / 256,
		    i % 256);
		l.networks = span_str(text);
		l.network = &net;
		l.network_count = 1;
		if (i < INVENTORY_NETWORKS_MAX)
			QUICK(inventory_add(v, &l) == 0);
	}
	ck_assert_int_eq(inventory_add(v, &l), INVENTORY_NETWORKS_FULL);
	/* One that is known costs nothing. */
	l.networks = span_str("10.0.0.7/32");
	ck_assert_int_eq(inventory_add(v, &l), 0);
	ck_assert_uint_eq(inventory_count(v), INVENTORY_NETWORKS_MAX + 1);
	inventory_free(v);
}
END_TEST

static struct inventory *
of_ids(const unsigned *ids, size_t n, const char *country)
{
	struct inventory *v = inventory_new();

	for (unsigned i = 0; i < n; i++) {
		struct inventory_line l = line_of(id_number(ids[i]), i + 2);

		l.country = span_str(country);
		ck_assert_int_eq(inventory_add(v, &l), 0);
	}
	ck_assert_int_eq(inventory_seal(v), 0);
	return v;
}

START_TEST(same_and_lost)
{
	static const unsigned one[] = {1, 2, 3, 9}, other[] = {2, 3, 4};
	struct inventory *a = of_ids(one, 4, "DE"), *b = of_ids(one, 4, "DE"),
	    *c = of_ids(other, 3, "DE"), *d = of_ids(one, 4, "FR"),
	    *e = of_ids(one, 4, "BRA"), *none = of_ids(one, 0, "");

	ck_assert(inventory_same(a, b) && inventory_same(NULL, NULL));
	ck_assert(inventory_same(NULL, none) && inventory_same(none, NULL));
	ck_assert(inventory_same(none, none));
	ck_assert(!inventory_same(a, c) && !inventory_same(a, d));
	ck_assert(!inventory_same(a, e) && !inventory_same(a, NULL));
	ck_assert(!inventory_same(NULL, a) && !inventory_same(a, none));
	ck_assert_uint_eq(inventory_lost(a, b), 0);
	ck_assert_uint_eq(inventory_lost(a, c), 2);
	ck_assert_uint_eq(inventory_lost(c, a), 1);
	ck_assert_uint_eq(inventory_lost(a, NULL), 4);
	ck_assert_uint_eq(inventory_lost(NULL, a), 0);
	ck_assert_uint_eq(inventory_bytes(NULL), 0);
	inventory_free(a);
	inventory_free(b);
	inventory_free(c);
	inventory_free(d);
	inventory_free(e);
	inventory_free(none);
	inventory_free(NULL);
}
END_TEST

/* 0 when it got all that it needed. */
static int
build(unsigned rows)
{
	static const struct cidr net = {.bits = 8};
	struct inventory *v = inventory_new();
	int r = 0;

	if (v == NULL)
		return INVENTORY_NO_MEMORY;
	for (unsigned i = 0; i < rows && r == 0; i++) {
		struct inventory_line l = line_of(id_number(i), i + 2);
		char text[50], name[50];

		(void)snprintf(text, sizeof(text), "a text of its own %u", i);
		(void)snprintf(name, sizeof(name), "a name of its own %u", i);
		l.tags = l.password = span_str(text);
		l.networks = span_str(i % 3 == 0 ? text : "");
		l.name = span_str(name);
		l.network = &net;
		l.network_count = 1;
		r = inventory_add(v, &l);
		/* What failed left nothing behind. */
		QUICK(inventory_count(v) == i + (r == 0 ? 1 : 0));
	}
	if (r == 0)
		r = inventory_seal(v);
	inventory_free(v);
	return r;
}

START_TEST(memory_runs_out_anywhere)
{
	unsigned failed = 0;
	int r;

	do {
		starve_at(++failed);
		r = build(600);
		/* Shrinking at the end may fail: then it stays as it is. */
		QUICK(!starve_hit() || r == INVENTORY_NO_MEMORY || r == 0);
	} while (starve_hit());
	starve_at(0);
	ck_assert_int_eq(r, 0);
	ck_assert_uint_ge(failed, 20);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("inventory");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(tc, what_a_line_said);
	tcase_add_test(tc, many_texts);
	tcase_add_test(tc, twice_is_told_by_line);
	tcase_add_test(tc, sets_of_networks_are_bounded);
	tcase_add_test(tc, same_and_lost);
	tcase_add_test(tc, memory_runs_out_anywhere);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
