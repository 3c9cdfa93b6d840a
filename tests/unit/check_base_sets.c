/* base: containers and chance, held against slow models that cannot be wrong,
 * and against a memory that runs out (the linker wraps calloc and realloc). */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/filetoken.h"
#include "base/heap.h"
#include "base/idmap.h"
#include "base/keysort.h"
#include "base/list.h"
#include "base/prng.h"
#include "base/sbuf.h"
#include "quick.h"

static bool memory_gone;

void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *
__wrap_calloc(size_t n, size_t size)
{
	return memory_gone ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t size)
{
	return memory_gone ? NULL : __real_realloc(p, size);
}

/* --- list ------------------------------------------------------------------ */

struct item {
	int value;
	struct list node;
};

START_TEST(list_moves_nodes)
{
	struct list head, other, *n, *tmp;
	struct item items[4] = {{.value = 0}, {.value = 1}, {.value = 2},
		{.value = 3}};
	int order[4], count = 0;

	list_init(&head);
	list_init(&other);
	ck_assert(list_empty(&head));
	ck_assert(!list_in(&items[0].node));
	list_remove(&items[0].node); /* zeroed: nothing happens */
	list_push_back(&head, &items[1].node);
	list_push_back(&head, &items[2].node);
	list_push_front(&head, &items[0].node);
	list_push_back(&head, &items[3].node);
	ck_assert(list_in(&items[2].node));

	LIST_EACH_SAFE(n, tmp, &head) {
		struct item *it = CONTAINER_OF(n, struct item, node);

		order[count++] = it->value;
		if (it->value % 2 == 0) {
			list_remove(n);
			list_push_back(&other, n);
		}
	}
	ck_assert_int_eq(count, 4);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(order[i], i);
	ck_assert_ptr_eq(head.next, &items[1].node);
	ck_assert_ptr_eq(head.prev, &items[3].node);
	ck_assert_ptr_eq(other.next, &items[0].node);
	list_remove(&items[0].node);
	list_remove(&items[0].node);
	ck_assert(!list_in(&items[0].node));
	list_remove(&items[2].node);
	ck_assert(list_empty(&other));
}
END_TEST

/* --- heap ------------------------------------------------------------------ */

START_TEST(heap_ties_leave_as_they_came)
{
	struct heap h;
	struct heap_node n[200] = {{0}};

	heap_init(&h);
	ck_assert_ptr_null(heap_min(&h));
	for (size_t i = 0; i < ARRAY_LEN(n); i++)
		ck_assert_int_eq(heap_set(&h, &n[i], (int64_t)(i % 2)), 0);
	/* Set again to the same key: goes behind its equals. */
	ck_assert_int_eq(heap_set(&h, &n[0], 0), 0);
	for (size_t i = 2; i < ARRAY_LEN(n); i += 2) {
		ck_assert_ptr_eq(heap_min(&h), &n[i]);
		heap_remove(&h, &n[i]);
		ck_assert_uint_eq(n[i].pos, 0);
	}
	ck_assert_ptr_eq(heap_min(&h), &n[0]);
	heap_remove(&h, &n[0]);
	for (size_t i = 1; i < ARRAY_LEN(n); i += 2) {
		ck_assert_ptr_eq(heap_min(&h), &n[i]);
		heap_remove(&h, &n[i]);
	}
	heap_remove(&h, &n[1]); /* in no heap: nothing happens */
	ck_assert_ptr_null(heap_min(&h));
	heap_done(&h);
}
END_TEST

/* The smallest of the nodes that are in, by looking at all of them. */
static struct heap_node *
slow_min(struct heap_node *n, size_t count)
{
	struct heap_node *best = NULL;

	for (size_t i = 0; i < count; i++) {
		if (n[i].pos == 0)
			continue;
		if (best == NULL || n[i].key < best->key ||
		    (n[i].key == best->key && n[i].seq < best->seq))
			best = &n[i];
	}
	return best;
}

/* No node before its parent, and each knows where it is. */
static void
check_order(const struct heap *h)
{
	for (size_t i = 1; i <= h->len; i++) {
		const struct heap_node *n = h->v[i], *up = h->v[i / 2];

		QUICK(n->pos == i);
		if (i > 1)
			QUICK(up->key < n->key || (up->key == n->key &&
			    up->seq < n->seq));
	}
}

START_TEST(heap_equals_its_model)
{
	struct heap h;
	struct heap_node n[150] = {{0}};
	struct prng r;
	size_t in = 0;

	heap_init(&h);
	prng_init(&r, 7);
	for (int round = 0; round < 20000; round++) {
		struct heap_node *it = &n[prng_below(&r, ARRAY_LEN(n))];
		bool was_in = it->pos != 0;

		if (prng_below(&r, 3) == 0) {
			heap_remove(&h, it);
			in -= was_in ? 1 : 0;
		} else {
			QUICK(heap_set(&h, it,
			    (int64_t)prng_below(&r, 64) - 32) == 0);
			in += was_in ? 0 : 1;
		}
		QUICK(h.len == in);
		check_order(&h);
		QUICK(heap_min(&h) == slow_min(n, ARRAY_LEN(n)));
	}
	heap_done(&h);
	for (size_t i = 0; i < ARRAY_LEN(n); i++)
		QUICK(n[i].pos == 0);
}
END_TEST

START_TEST(heap_holds_extreme_keys)
{
	struct heap h;
	struct heap_node a = {0}, b = {0}, c = {0};

	heap_init(&h);
	ck_assert_int_eq(heap_set(&h, &a, INT64_MAX), 0);
	ck_assert_int_eq(heap_set(&h, &b, INT64_MIN), 0);
	ck_assert_int_eq(heap_set(&h, &c, 0), 0);
	ck_assert_ptr_eq(heap_min(&h), &b);
	ck_assert_int_eq(heap_set(&h, &b, INT64_MAX), 0);
	ck_assert_ptr_eq(heap_min(&h), &c);
	heap_done(&h);
}
END_TEST

START_TEST(heap_without_memory)
{
	struct heap h;
	struct heap_node n[64] = {{0}};
	size_t in = 0;

	heap_init(&h);
	memory_gone = true;
	ck_assert_int_eq(heap_set(&h, &n[0], 1), -1);
	ck_assert_uint_eq(n[0].pos, 0);
	memory_gone = false;
	ck_assert_int_eq(heap_set(&h, &n[0], 1), 0);
	memory_gone = true;
	for (in = 1; heap_set(&h, &n[in], 0) == 0; in++)
		ck_assert_uint_lt(in, ARRAY_LEN(n) - 1);
	ck_assert_uint_eq(h.len, in);
	ck_assert_uint_eq(n[in].pos, 0);
	ck_assert_ptr_eq(heap_min(&h), &n[1]);
	/* Moving needs no memory. */
	ck_assert_int_eq(heap_set(&h, &n[0], -1), 0);
	ck_assert_ptr_eq(heap_min(&h), &n[0]);
	memory_gone = false;
	ck_assert_int_eq(heap_set(&h, &n[in], -2), 0);
	ck_assert_ptr_eq(heap_min(&h), &n[in]);
	heap_done(&h);
}
END_TEST

/* --- idmap ----------------------------------------------------------------- */

START_TEST(idmap_equals_its_model)
{
	enum { KEYS = 300 };
	struct idmap m;
	struct prng r;
	char values[KEYS][2];
	void *model[KEYS] = {NULL};
	size_t in = 0;

	idmap_init(&m, 99);
	prng_init(&r, 11);
	for (int round = 0; round < 60000; round++) {
		size_t i = prng_below(&r, KEYS);
		uint64_t key = (uint64_t)(i + 1) << 40;
		void *value = &values[i][prng_below(&r, 2)];

		/* Changes nothing, in an empty one either. */
		idmap_prefetch(&m, key);
		/* Grows and shrinks in long waves. */
		if (prng_below(&r, 100) < (round / 5000 % 2 == 0 ? 70 : 20)) {
			QUICK(idmap_put(&m, key, value) == 0);
			in += model[i] == NULL ? 1 : 0;
			model[i] = value;
		} else {
			QUICK(idmap_remove(&m, key) == model[i]);
			in -= model[i] == NULL ? 0 : 1;
			model[i] = NULL;
		}
		QUICK(m.len == in);
		i = prng_below(&r, KEYS);
		QUICK(idmap_get(&m, (uint64_t)(i + 1) << 40) == model[i]);
		if (round % 500 != 0)
			continue;
		for (i = 0; i < KEYS; i++)
			QUICK(idmap_get(&m,
			    (uint64_t)(i + 1) << 40) == model[i]);
	}
	idmap_done(&m);
	ck_assert_ptr_null(idmap_get(&m, 1));
}
END_TEST

START_TEST(idmap_walks_every_entry_once)
{
	struct idmap m;
	bool seen[1000] = {false};
	int marks[1000];
	size_t pos = 0, count = 0;
	int *p;

	idmap_init(&m, 5);
	ck_assert_ptr_null(idmap_next(&m, &pos));
	for (size_t i = 0; i < 1000; i++) {
		marks[i] = (int)i;
		ck_assert_int_eq(idmap_put(&m, i + 1, &marks[i]), 0);
	}
	for (pos = 0; (p = idmap_next(&m, &pos)) != NULL; count++) {
		ck_assert(!seen[*p]);
		seen[*p] = true;
	}
	ck_assert_uint_eq(count, 1000);
	/* The load stays where a search is short. */
	ck_assert_uint_le(m.len, m.cap - m.cap / 4);
	idmap_done(&m);
}
END_TEST

START_TEST(idmap_reserves_at_once)
{
	struct idmap m;
	int x;

	idmap_init(&m, 1);
	QUICK(idmap_reserve(&m, 100000) == 0);
	memory_gone = true; /* so nothing may be asked for now */
	for (uint64_t key = 1; key <= 100000; key++)
		QUICK(idmap_put(&m, key, &x) == 0);
	QUICK(idmap_reserve(&m, SIZE_MAX) == -1);
	memory_gone = false;
	QUICK(m.len == 100000);
	idmap_done(&m);
}
END_TEST

START_TEST(idmap_without_memory)
{
	struct idmap m;
	int x, y;
	uint64_t key = 1;

	idmap_init(&m, 1);
	memory_gone = true;
	ck_assert_int_eq(idmap_put(&m, 1, &x), -1);
	ck_assert_ptr_null(idmap_get(&m, 1));
	ck_assert_ptr_null(idmap_remove(&m, 1));
	memory_gone = false;
	ck_assert_int_eq(idmap_put(&m, key, &x), 0);
	memory_gone = true;
	while (idmap_put(&m, key + 1, &x) == 0)
		ck_assert_uint_lt(++key, 1000);
	ck_assert_uint_eq(m.len, key);
	/* Full: what is there can be found, replaced and removed. */
	ck_assert_ptr_null(idmap_get(&m, key + 1));
	ck_assert_int_eq(idmap_put(&m, 1, &y), 0);
	ck_assert_ptr_eq(idmap_get(&m, 1), &y);
	ck_assert_ptr_eq(idmap_remove(&m, 2), &x);
	ck_assert_int_eq(idmap_put(&m, key + 1, &x), 0);
	memory_gone = false;
	idmap_done(&m);
}
END_TEST

/* --- sbuf ------------------------------------------------------------------ */

START_TEST(sbuf_without_memory)
{
	struct sbuf b;

	sbuf_init(&b, 0);
	sbuf_adds(&b, "kept");
	memory_gone = true;
	sbuf_addf(&b, "%0200d", 1);
	ck_assert(b.failed);
	ck_assert_str_eq(sbuf_str(&b), "kept");
	memory_gone = false;
	sbuf_adds(&b, "no hole");
	ck_assert_str_eq(sbuf_str(&b), "kept");
	sbuf_done(&b);

	sbuf_init(&b, 0);
	memory_gone = true;
	sbuf_adds(&b, "x");
	memory_gone = false;
	ck_assert(b.failed);
	ck_assert_str_eq(sbuf_str(&b), "");
	sbuf_done(&b);
}
END_TEST

/* --- prng ------------------------------------------------------------------ */

/* From the authors' algorithm, worked out by another program. Whoever changes
 * these changes which device is in which wave. */
START_TEST(prng_never_changes)
{
	static const uint64_t next[] = {
		0x99ec5f36cb75f2b4, 0xbf6e1f784956452a, 0x1a5f849d4933e6e0,
		0x6aa594f1262d2d2c, 0xbba5ad4a1f842e59,
	};
	struct prng r;

	prng_init(&r, 0);
	for (size_t i = 0; i < ARRAY_LEN(next); i++)
		ck_assert_uint_eq(prng_next(&r), next[i]);
	ck_assert_uint_eq(prng_mix(0, 0), 0x33fe8bd4f9c57863);
	ck_assert_uint_eq(prng_mix(1, 2), 0x91e34d8cdff4e43b);
	ck_assert_uint_eq(prng_mix(2, 1), 0x69468be537813caa);
	ck_assert_uint_eq(prng_mix(0xdeadbeef, 0x13579024681122),
	    0x2f619da9a8637248);
}
END_TEST

START_TEST(prng_is_even)
{
	enum { SIDES = 6, THROWS = 60000 };
	struct prng r;
	int count[SIDES] = {0};
	double low = 1, high = 0;

	prng_init(&r, 42);
	for (int i = 0; i < THROWS; i++) {
		double u = prng_unit(&r);

		count[prng_below(&r, SIDES)]++;
		QUICK(u >= 0 && u < 1);
		low = MIN_OF(low, u);
		high = MAX_OF(high, u);
	}
	/* Five standard deviations; the seed is fixed, so this never flickers. */
	for (int i = 0; i < SIDES; i++)
		QUICK(abs(count[i] - THROWS / SIDES) <= 460);
	QUICK(low < 0.001 && high > 0.999);
	for (int i = 0; i < 100; i++) {
		QUICK(prng_below(&r, 1) == 0);
		QUICK(prng_below(&r, UINT64_MAX) < UINT64_MAX);
	}
}
END_TEST

/* --- tokens of downloads -------------------------------------------------- */

/* The vector of its authors: key 00..0f, text 00..0e. */
START_TEST(siphash_is_itself)
{
	unsigned char key[16], text[15];

	for (unsigned char i = 0; i < 16; i++)
		key[i] = i;
	for (unsigned char i = 0; i < 15; i++)
		text[i] = i;
	ck_assert_uint_eq(siphash(key, text, 15),
	    UINT64_C(0xa129ca6149be45e5));
	ck_assert_uint_eq(siphash(key, text, 0),
	    UINT64_C(0x726fdb47dd0e0e31));
	ck_assert_uint_eq(siphash(key, text, 8),
	    UINT64_C(0x93f5f5799a932462));
}
END_TEST

START_TEST(file_tokens)
{
	unsigned char key[16] = {1}, other[16] = {2};
	char a[FILE_TOKEN_TEXT], b[FILE_TOKEN_TEXT], path[64];

	file_token_make(key, 7, a);
	file_token_make(key, 7, b);
	ck_assert_str_eq(a, b);
	ck_assert_uint_eq(strlen(a), FILE_TOKEN_LEN);
	file_token_make(key, 8, b);
	ck_assert_str_ne(a, b);
	file_token_make(other, 7, b);
	ck_assert_str_ne(a, b);
	snprintf(path, sizeof(path), "%s/full.enc", a);
	ck_assert(file_token_leads(path));
	ck_assert(file_token_leads(a));
	path[1] = '1';
	ck_assert(!file_token_leads(path));
	ck_assert(!file_token_leads("_abc/full.enc"));
	ck_assert(!file_token_leads("_abcdefghijklmnopq/x"));
	ck_assert(!file_token_leads("abcdefghijklmnopq/x"));
	ck_assert(!file_token_leads(""));
	snprintf(path, sizeof(path), "http://h:9622/p/%s/d/full.enc", a);
	file_token_of_url(path, b);
	ck_assert_str_eq(a, b);
	file_token_of_url("http://h/d/full.enc", b);
	ck_assert_str_eq(b, "");
	/* What is the last component is the file. */
	file_token_of_url("http://h/_abcdefghijklmnop", b);
	ck_assert_str_eq(b, "");
	file_token_of_url("_abcdefghijklmnop/x", b);
	ck_assert_str_eq(b, "");
}
END_TEST

/* --- keysort --------------------------------------------------------------- */

static int
slow_order(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	/* Equal ones as they came: that is where their values point to. */
	return ((uintptr_t)x->value > (uintptr_t)y->value) -
	    ((uintptr_t)x->value < (uintptr_t)y->value);
}

/* Of few bytes and of many, near together and far apart. */
START_TEST(keysort_sorts)
{
	static const uint64_t mask[] = {0, 3, 0xff00, UINT64_C(0xff000000ff),
	    UINT64_C(0xffffffffffff), UINT64_MAX};
	static struct keyed v[5000], slow[5000], tmp[5000];
	static char place[5000];
	struct prng r;

	prng_init(&r, 7);
	for (int round = 0; round < 200; round++) {
		size_t n = prng_below(&r, round < 100 ? 20 : ARRAY_LEN(v) + 1);
		uint64_t base = prng_next(&r);
		uint64_t m = mask[prng_below(&r, ARRAY_LEN(mask))];
		unsigned at = 0, steps = 0;

		for (size_t i = 0; i < n; i++)
			slow[i] = v[i] = (struct keyed){
			    (base & ~m) | (prng_next(&r) & m), &place[i]};
		qsort(slow, n, sizeof(slow[0]), slow_order);
		if (round % 2 == 0)
			keysort(v, tmp, n);
		else
			while (!keysort_step(v, tmp, n, &at))
				ck_assert_uint_lt(++steps, 4);
		for (size_t i = 0; i < n; i++)
			ck_assert(v[i].key == slow[i].key &&
			    v[i].value == slow[i].value);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base sets");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, list_moves_nodes);
	tcase_add_test(tc, heap_ties_leave_as_they_came);
	tcase_add_test(tc, heap_equals_its_model);
	tcase_add_test(tc, heap_holds_extreme_keys);
	tcase_add_test(tc, heap_without_memory);
	tcase_add_test(tc, idmap_equals_its_model);
	tcase_add_test(tc, idmap_walks_every_entry_once);
	tcase_add_test(tc, idmap_reserves_at_once);
	tcase_add_test(tc, idmap_without_memory);
	tcase_add_test(tc, sbuf_without_memory);
	tcase_add_test(tc, prng_never_changes);
	tcase_add_test(tc, prng_is_even);
	tcase_add_test(tc, siphash_is_itself);
	tcase_add_test(tc, file_tokens);
	tcase_add_test(tc, keysort_sorts);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
