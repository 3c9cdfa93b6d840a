#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "core/paths.h"

/*
 * Paths over version graphs. The random graphs are held against an oracle that
 * knows no better than to walk every way there is; a failure prints its seed.
 */
#define GRAPHS 20000
#define PACKAGES 9
#define VERSIONS 7

/* --- graphs in words -------------------------------------------------------*/

static struct campaign_spec *
spec_to(const char *target, bool downgrade)
{
	struct campaign_spec *s = spec_new();

	ck_assert_ptr_nonnull(s);
	(void)snprintf(s->target_version, sizeof(s->target_version), "%s",
	    target);
	s->downgrade = downgrade;
	s->packages = calloc(256, sizeof(*s->packages));
	ck_assert_ptr_nonnull(s->packages);
	return s;
}

static void
add(struct campaign_spec *s, const char *from, const char *to, uint64_t bytes)
{
	struct spec_package *p = &s->packages[s->package_count++];

	p->from_any = strcmp(from, "any") == 0;
	if (!p->from_any)
		(void)snprintf(p->from, sizeof(p->from), "%s", from);
	(void)snprintf(p->to, sizeof(p->to), "%s", to);
	p->bytes = bytes;
}

static struct version_path
find(const struct campaign_spec *s, const char *version,
    const struct path_done *done)
{
	struct paths *g = paths_new(s);
	struct version_path path;

	ck_assert_ptr_nonnull(g);
	ck_assert_int_eq(paths_find(g, version, done, &path), 0);
	paths_free(g);
	return path;
}

static void
leads(const struct campaign_spec *s, const char *version, size_t package,
    int hops, uint64_t bytes)
{
	struct version_path path = find(s, version, NULL);

	ck_assert_int_eq(path.verdict, PATH_LEADS);
	ck_assert_uint_eq(path.package, package);
	ck_assert_int_eq(path.hops, hops);
	ck_assert_uint_eq(path.bytes, bytes);
}

static void
explains(const struct campaign_spec *s, const char *version,
    enum path_verdict verdict, const char *want)
{
	struct version_path path = find(s, version, NULL);
	struct paths *g = paths_new(s);
	char text[PATH_TEXT];

	ck_assert_ptr_nonnull(g);
	ck_assert_int_eq(path.verdict, verdict);
	paths_explain(g, version, &path, text);
	ck_assert_str_eq(text, want);
	paths_free(g);
}

START_TEST(fewest_then_bytes_then_exact)
{
	struct campaign_spec *s = spec_to("0A05", false);

	add(s, "0A03", "0A04", 1);
	add(s, "0a04", "0A05", 1);
	add(s, "any", "0A05", 900);
	add(s, "0A02", "0A05", 900);
	add(s, "0A01", "0A05", 901);
	add(s, "0A00", "0A05", 0);
	leads(s, "0A03", 2, 1, 900); /* not the two that are smaller */
	leads(s, "0A04", 1, 1, 1);
	leads(s, "0A02", 3, 1, 900); /* a tie: the exact one */
	leads(s, "0A01", 2, 1, 900);
	leads(s, "0A00", 2, 1, 900); /* unknown bytes are the worst */
	leads(s, "0001", 2, 1, 900); /* that no package names */
	ck_assert_int_eq(find(s, "0a05", NULL).verdict, PATH_THERE);
	spec_free(s);
}
END_TEST

START_TEST(bytes_do_not_overflow)
{
	struct campaign_spec *s = spec_to("0A05", false);

	add(s, "0A03", "0A04", UINT64_MAX - 2);
	add(s, "0A04", "0A05", 7);
	leads(s, "0A03", 0, 2, PATH_BYTES_UNKNOWN);
	add(s, "0A03", "0A02", 0);
	spec_free(s);
}
END_TEST

START_TEST(eight_hops)
{
	struct campaign_spec *s = spec_to("0A09", false);
	char from[8], to[8];

	for (int i = 0; i < 9; i++) {
		(void)snprintf(from, sizeof(from), "0A%02X", i);
		(void)snprintf(to, sizeof(to), "0A%02X", i + 1);
		add(s, from, to, 1);
	}
	leads(s, "0A01", 1, 8, 8);
	explains(s, "0A00", PATH_NONE, "0A00 -> 0A09: not within 8 hops");
	spec_free(s);
}
END_TEST

START_TEST(order_of_versions)
{
	struct campaign_spec *s = spec_to("0A05", false);

	add(s, "any", "0A05", 1);
	leads(s, "09FF", 0, 1, 1);
	explains(s, "0B00", PATH_DOWN,
	    "0B00 -> 0A05 leads down: it needs downgrade: true");
	explains(s, "R13A01", PATH_DOWN,
	    "R13A01 -> 0A05 have no order: it needs downgrade: true");
	s->downgrade = true;
	leads(s, "0B00", 0, 1, 1);
	leads(s, "R13A01", 0, 1, 1);
	spec_free(s);
	/* Up over a version that has no order with any: down all the same. */
	s = spec_to("0A05", false);
	add(s, "0A03", "BETA", 1);
	add(s, "BETA", "0A05", 1);
	ck_assert_int_eq(find(s, "0A03", NULL).verdict, PATH_DOWN);
	/* A longer way without is taken. */
	add(s, "0A03", "0A04", 1);
	add(s, "0A04", "0A04", 1);
	add(s, "0A04", "0A05", 1);
	leads(s, "0A03", 2, 2, 2);
	spec_free(s);
}
END_TEST

START_TEST(missing_edges)
{
	struct campaign_spec *s = spec_to("0A05", false);

	add(s, "0A01", "0A02", 1);
	add(s, "0A04", "0A05", 1);
	explains(s, "0A00", PATH_NONE,
	    "0A00 -> 0A05: no package begins at 0A00");
	explains(s, "0A01", PATH_NONE, "0A01 -> 0A05: packages lead on to "
	    "0A02, and none from there");
	spec_free(s);
}
END_TEST

START_TEST(no_version_twice)
{
	struct campaign_spec *s = spec_to("0A05", true);
	struct path_done done = {0};
	struct version_path path;

	add(s, "0A01", "0A02", 1);
	add(s, "0A02", "0A05", 1);
	add(s, "0A03", "0A01", 1);
	add(s, "0A03", "0A04", 9);
	add(s, "0A04", "0A02", 9);
	add(s, "0A03", "0A02", 9);
	path_add(&done, 0); /* 0A01 -> 0A02 */
	path = find(s, "0A02", &done);
	ck_assert_int_eq(path.verdict, PATH_LEADS);
	ck_assert_uint_eq(path.package, 1);
	ck_assert_int_eq(find(s, "0A01", &done).verdict, PATH_BACK);
	/* Elsewhere: every way leads over 0A02, where it was. */
	ck_assert_int_eq(find(s, "0A03", &done).verdict, PATH_NONE);
	add(s, "0A04", "0A05", 9);
	path = find(s, "0A03", &done);
	ck_assert_int_eq(path.verdict, PATH_LEADS);
	ck_assert_uint_eq(path.package, 3);
	ck_assert_int_eq(path.hops, 2);
	/* Nor more than eight in all. */
	done = (struct path_done){0};
	for (int i = 0; i < 7; i++)
		path_add(&done, 0);
	ck_assert_int_eq(find(s, "0A02", &done).verdict, PATH_LEADS);
	ck_assert_int_eq(find(s, "0A03", &done).verdict, PATH_NONE);
	path_add(&done, 0);
	ck_assert_int_eq(find(s, "0A02", &done).verdict, PATH_NONE);
	spec_free(s);
}
END_TEST

/* A row that names packages which the file never had. */
START_TEST(foreign_rows)
{
	struct campaign_spec *s = spec_to("0A05", false);
	struct path_done done = {.via = UINT64_MAX, .hops = 3};

	add(s, "0A01", "0A05", 1);
	ck_assert_int_eq(find(s, "0A01", &done).verdict, PATH_LEADS);
	done.hops = 1000;
	ck_assert_int_eq(find(s, "0A01", &done).verdict, PATH_NONE);
	spec_free(s);
}
END_TEST

START_TEST(without_a_version)
{
	struct campaign_spec *s = spec_to("", false);

	ck_assert_int_eq(find(s, "0A01", NULL).verdict, PATH_NONE);
	add(s, "any", "", 0);
	leads(s, "whatever", 0, 1, PATH_BYTES_UNKNOWN);
	spec_free(s);
}
END_TEST

/* --- the oracle ------------------------------------------------------------*/

struct oracle {
	const struct campaign_spec *s;
	const char *walked[HOPS_MAX + 1];
	size_t taken[HOPS_MAX];
	int banned_count;
	const char *banned[2 * HOPS_MAX];
	int budget;
	bool found;
	int hops;
	double bytes;           /* of the best; 1e300 = unknown */
	size_t best[HOPS_MAX];
};

static bool
same(const char *a, const char *b)
{
	size_t n = strlen(a);

	if (strlen(b) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((a[i] | 32) != (b[i] | 32))
			return false;
	return true;
}

/* The order of the contract, told again. */
static bool
rises(const char *a, const char *b)
{
	char *end;
	unsigned long x = strtoul(a, &end, 16), y;

	if (strlen(a) != 4 || *end != '\0')
		return false;
	y = strtoul(b, &end, 16);
	return strlen(b) == 4 && *end == '\0' && x < y;
}

static bool
seen(const struct oracle *o, int depth, const char *v)
{
	for (int i = 0; i <= depth; i++)
		if (same(o->walked[i], v))
			return true;
	for (int i = 0; i < o->banned_count; i++)
		if (same(o->banned[i], v))
			return true;
	return false;
}

/* Fewest hops, bytes, exact before any at the first hop that differs, order
 * of the file. */
static bool
better(const struct oracle *o, int hops, double bytes)
{
	if (!o->found || hops != o->hops)
		return !o->found || hops < o->hops;
	if (bytes < o->bytes || bytes > o->bytes)
		return bytes < o->bytes;
	for (int i = 0; i < hops; i++) {
		const struct spec_package *p = &o->s->packages[o->taken[i]];
		const struct spec_package *q = &o->s->packages[o->best[i]];

		if (o->taken[i] == o->best[i])
			continue;
		if (p->from_any != q->from_any)
			return q->from_any;
		return o->taken[i] < o->best[i];
	}
	return false;
}

static void
walk(struct oracle *o, int depth, double bytes, bool down)
{
	const char *at = o->walked[depth];

	if (same(at, o->s->target_version)) {
		if (depth <= o->budget && better(o, depth, bytes)) {
			o->found = true;
			o->hops = depth;
			o->bytes = bytes;
			memcpy(o->best, o->taken, sizeof(o->best));
		}
		return;
	}
	if (depth == HOPS_MAX)
		return;
	for (size_t k = 0; k < o->s->package_count; k++) {
		const struct spec_package *p = &o->s->packages[k];

		if ((!p->from_any && !same(p->from, at)) ||
		    seen(o, depth, p->to) || (!down && !rises(at, p->to)))
			continue;
		o->taken[depth] = k;
		o->walked[depth + 1] = p->to;
		walk(o, depth + 1,
		    p->bytes == 0 || bytes > 1e299 ? 1e300
			: bytes + (double)p->bytes, down);
	}
}

static const char *const names[VERSIONS] = {"0A01", "0A02", "0A03", "0a04",
    "0A05", "0B00", "BETA"};

static struct campaign_spec *
random_graph(struct prng *r)
{
	struct campaign_spec *s = spec_to(names[prng_next(r) % VERSIONS],
	    prng_next(r) % 2 == 0);
	size_t n = 1 + prng_next(r) % PACKAGES;

	for (size_t i = 0; i < n; i++) {
		const char *from = prng_next(r) % 5 == 0
		    ? "any" : names[prng_next(r) % VERSIONS];
		const char *to = names[prng_next(r) % VERSIONS];

		if (!same(from, to))
			add(s, from, to, prng_next(r) % 4);
	}
	if (s->package_count == 0)
		add(s, "any", s->target_version, 1);
	return s;
}

static const char *
random_version(struct prng *r)
{
	static const char *const others[] = {"0A00", "FFFF", "R1", "0A02"};

	return prng_next(r) % 4 == 0 ? others[prng_next(r) % 4]
				     : names[prng_next(r) % VERSIONS];
}

static void
show(const struct campaign_spec *s, const struct path_done *done)
{
	(void)fprintf(stderr, "to %s%s, via %llx\n", s->target_version,
	    s->downgrade ? ", downgrade" : "", (unsigned long long)done->via);
	for (size_t i = 0; i < s->package_count; i++)
		(void)fprintf(stderr, "%zu: %s -> %s, %llu bytes\n", i,
		    s->packages[i].from_any ? "any" : s->packages[i].from,
		    s->packages[i].to,
		    (unsigned long long)s->packages[i].bytes);
}

static void
oracle_begin(struct oracle *o, const struct campaign_spec *s,
    const char *version, const struct path_done *done)
{
	memset(o, 0, sizeof(*o));
	o->s = s;
	o->walked[0] = version;
	o->budget = HOPS_MAX - done->hops;
	for (int i = 0; i < done->hops; i++) {
		const struct spec_package *p =
		    &s->packages[done->via >> (8 * i) & 0xff];

		o->banned[o->banned_count++] = p->to;
		if (!p->from_any)
			o->banned[o->banned_count++] = p->from;
	}
}

/* Was there, and the last hop did not end there. */
static bool
oracle_back(const struct oracle *o, const struct path_done *done,
    const char *version)
{
	const struct spec_package *last;

	if (done->hops == 0)
		return false;
	last = &o->s->packages[done->via >> (8 * (done->hops - 1)) & 0xff];
	for (int i = 0; i < o->banned_count; i++)
		if (same(o->banned[i], version))
			return !same(last->to, version);
	return false;
}

static void
hold_against(uint64_t seed, const struct campaign_spec *s,
    const char *version, const struct path_done *done)
{
	struct version_path path = find(s, version, done);
	struct oracle o;

#define SEED "seed %llu, from %s after %d hops", (unsigned long long)seed, \
	version, done->hops
	if (same(version, s->target_version)) {
		ck_assert_msg(path.verdict == PATH_THERE, SEED);
		return;
	}
	oracle_begin(&o, s, version, done);
	if (oracle_back(&o, done, version)) {
		ck_assert_msg(path.verdict == PATH_BACK, SEED);
		return;
	}
	walk(&o, 0, 0, s->downgrade);
	ck_assert_msg(o.found == (path.verdict == PATH_LEADS), SEED);
	if (!o.found) {
		walk(&o, 0, 0, true);
		ck_assert_msg((path.verdict == PATH_DOWN) ==
		    (o.found && done->hops == 0), SEED);
		return;
	}
	ck_assert_msg(path.hops == o.hops, SEED);
	ck_assert_msg(path.bytes == PATH_BYTES_UNKNOWN ? o.bytes > 1e299
		: (double)path.bytes >= o.bytes &&
		    (double)path.bytes <= o.bytes, SEED);
	ck_assert_msg(path.package == o.best[0], SEED);
#undef SEED
}

/* Along a random walk of what is planned, and of what somebody else flashes. */
static void
one_graph(uint64_t seed)
{
	struct path_done done = {0};
	struct campaign_spec *s;
	const char *version;
	struct prng r;

	prng_init(&r, seed);
	s = random_graph(&r);
	version = random_version(&r);
	for (int step = 0; step < 6 && done.hops < HOPS_MAX; step++) {
		struct version_path path;

		if (getenv("CHECK_PATHS_SEED") != NULL)
			show(s, &done);
		hold_against(seed, s, version, &done);
		path = find(s, version, &done);
		if (path.verdict == PATH_LEADS && prng_next(&r) % 4 != 0) {
			path_add(&done, path.package);
			version = s->packages[path.package].to;
			if (same(version, s->target_version))
				break; /* where a target's story ends */
		} else {
			version = random_version(&r);
		}
	}
	spec_free(s);
}

START_TEST(random_graphs)
{
	const char *one = getenv("CHECK_PATHS_SEED");

	if (one != NULL) {
		one_graph(strtoull(one, NULL, 10));
		return;
	}
	for (uint64_t seed = 1; seed <= GRAPHS; seed++)
		one_graph(seed);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("paths");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, fewest_then_bytes_then_exact);
	tcase_add_test(tc, bytes_do_not_overflow);
	tcase_add_test(tc, eight_hops);
	tcase_add_test(tc, order_of_versions);
	tcase_add_test(tc, missing_edges);
	tcase_add_test(tc, no_version_twice);
	tcase_add_test(tc, foreign_rows);
	tcase_add_test(tc, without_a_version);
	tcase_add_test(tc, random_graphs);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
