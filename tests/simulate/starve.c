#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/simulate/world.h"

/*
 * starve: memory runs out inside the core, at one allocation after the other.
 *
 * What the shell relies on (core.h): a call that found no memory either says
 * so, in its batch or in what it returns, or went on so that nobody can tell,
 * which the rest of the world then proves. Whatever it leaves can be freed.
 * The linker puts the functions below around those of the core and of libc.
 */
#define SEEDS 3
#define DEVICES 3
#define EACH 40    /* the first allocations of a world, one by one */
#define SAMPLES 60 /* of the others, evenly */

static bool inside;          /* a call into the core */
static bool starved;         /* the allocation was refused */
static uint64_t counted;     /* allocations inside so far */
static uint64_t refuse;      /* which one fails; 0 = none */

static bool
refused(void)
{
	if (!inside || ++counted != refuse)
		return false;
	starved = true;
	return true;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

void *
__wrap_malloc(size_t n)
{
	return refused() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return refused() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return refused() ? NULL : __real_realloc(p, n);
}

/* It was said: the shell ends the process here, and so do we. */
static void
ends(struct core *c)
{
	inside = false;
	core_free(c);
	exit(EXIT_SUCCESS);
}

static void
silent(const char *where)
{
	(void)fprintf(stderr, "%s: no memory, and nobody was told\n", where);
	exit(EXIT_FAILURE);
}

void __real_core_handle(struct core *c, const struct ev *ev,
    struct core_now now, struct fx *fx);
void __wrap_core_handle(struct core *c, const struct ev *ev,
    struct core_now now, struct fx *fx);

void
__wrap_core_handle(struct core *c, const struct ev *ev, struct core_now now,
    struct fx *fx)
{
	inside = true;
	__real_core_handle(c, ev, now, fx);
	inside = false;
	if (fx->ops.failed && !starved)
		silent("a batch failed without a reason");
	if (fx->ops.failed)
		ends(c);
}

void __real_core_operate(struct core *c, const struct oper *op,
    struct core_now now, struct fx *fx, struct oper_result *ret);
void __wrap_core_operate(struct core *c, const struct oper *op,
    struct core_now now, struct fx *fx, struct oper_result *ret);

void
__wrap_core_operate(struct core *c, const struct oper *op, struct core_now now,
    struct fx *fx, struct oper_result *ret)
{
	inside = true;
	__real_core_operate(c, op, now, fx, ret);
	inside = false;
	if (fx->ops.failed)
		ends(c);
}

struct core *__real_core_new(const struct core_config *cfg, uint64_t seed);
struct core *__wrap_core_new(const struct core_config *cfg, uint64_t seed);

struct core *
__wrap_core_new(const struct core_config *cfg, uint64_t seed)
{
	bool before = starved;
	struct core *c;

	inside = true;
	c = __real_core_new(cfg, seed);
	inside = false;
	if (c == NULL)
		ends(NULL);
	if (starved && !before)
		silent("core_new");
	return c;
}

/* The loaders say it with -1. */
#define LOADER(name, type) \
	int __real_##name(struct core *c, const struct type *r); \
	int __wrap_##name(struct core *c, const struct type *r); \
	int __wrap_##name(struct core *c, const struct type *r) \
	{ \
		bool before = starved; \
		int n; \
		inside = true; \
		n = __real_##name(c, r); \
		inside = false; \
		if (n < 0) \
			ends(c); \
		if (starved && !before) \
			silent(#name); \
		return n; \
	}
LOADER(core_load_device, device_rec)
LOADER(core_load_wave, wave_rec)
LOADER(core_load_target, target_rec)
LOADER(core_load_attempt, attempt_rec)
LOADER(core_load_tuple, tuple_rec)

int __real_core_load_campaign(struct core *c, const struct campaign_rec *r,
    struct campaign_spec *spec);
int __wrap_core_load_campaign(struct core *c, const struct campaign_rec *r,
    struct campaign_spec *spec);

int
__wrap_core_load_campaign(struct core *c, const struct campaign_rec *r,
    struct campaign_spec *spec)
{
	int n;

	inside = true;
	n = __real_core_load_campaign(c, r, spec);
	inside = false;
	if (n < 0)
		ends(c);
	return n;
}

int __real_core_load_done(struct core *c, struct core_now now, int64_t down_ms,
    bool restored, struct fx *fx);
int __wrap_core_load_done(struct core *c, struct core_now now, int64_t down_ms,
    bool restored, struct fx *fx);

int
__wrap_core_load_done(struct core *c, struct core_now now, int64_t down_ms,
    bool restored, struct fx *fx)
{
	int n;

	inside = true;
	n = __real_core_load_done(c, now, down_ms, restored, fx);
	inside = false;
	if (n < 0 || fx->ops.failed)
		ends(c);
	return n;
}

enum file_verdict __real_core_campaign_file(struct core *c,
    struct campaign_spec *spec, bool at_start, struct core_now now,
    struct fx *fx, struct errtext *err);
enum file_verdict __wrap_core_campaign_file(struct core *c,
    struct campaign_spec *spec, bool at_start, struct core_now now,
    struct fx *fx, struct errtext *err);

enum file_verdict
__wrap_core_campaign_file(struct core *c, struct campaign_spec *spec,
    bool at_start, struct core_now now, struct fx *fx, struct errtext *err)
{
	bool before = starved;
	enum file_verdict v;

	inside = true;
	v = __real_core_campaign_file(c, spec, at_start, now, fx, err);
	inside = false;
	if (fx->ops.failed || (starved && !before && v == FILE_REFUSED))
		ends(c);
	return v;
}

/* What is left when a process ends early is no leak of ours. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}

static int
world(uint64_t seed, uint64_t *ret_counted)
{
	struct world_result r;
	struct errtext err = {0};
	int n;

	counted = 0;
	starved = false;
	n = world_run(seed, DEVICES, true, false, &r, &err);
	if (n < 0)
		(void)fprintf(stderr, "%s\n", err.text);
	*ret_counted = counted;
	return n;
}

/* 0 when the world with that allocation refused ended as it should. */
static int
try_one(uint64_t seed, uint64_t n)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		uint64_t ignored;

		refuse = n;
		exit(world(seed, &ignored) < 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	(void)printf("failed: seed %llu, allocation %llu: %s %d\n",
	    (unsigned long long)seed, (unsigned long long)n,
	    WIFSIGNALED(status) ? "signal" : "exit status",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return -1;
}

int
main(int argc, char **argv)
{
	int passed = 0, failed = 0;

	if (argc == 3) /* SEED ALLOCATION, to look into one */
		return try_one(strtoull(argv[1], NULL, 10),
		    strtoull(argv[2], NULL, 10)) < 0;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		uint64_t all, step;

		refuse = 0;
		if (world(seed, &all) < 0) {
			failed++;
			continue;
		}
		step = all > EACH + SAMPLES ? (all - EACH) / SAMPLES : 1;
		(void)printf("seed %llu: %llu allocations\n",
		    (unsigned long long)seed, (unsigned long long)all);
		(void)fflush(stdout);
		for (uint64_t n = 1; n <= all; n += n < EACH ? 1 : step) {
			if (try_one(seed, n) < 0)
				failed++;
			else
				passed++;
			(void)fflush(stdout);
		}
	}
	(void)printf("%d passed, %d failed\n", passed, failed);
	return failed > 0;
}
