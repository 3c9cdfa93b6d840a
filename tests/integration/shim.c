/*
 * shim: loaded before libc into one daemon under test, it makes disk, clock
 * and memory fail on demand. FAULTS names a file of numbers that the test
 * changes while the daemon runs (helper fault):
 *
 *   0 sync_waits     while not 0, fsync and fdatasync do not come back
 *   1 write_errno    what pwrite, ftruncate and fdatasync fail with
 *   2 clock_seconds  added to the wall clock
 *   3 malloc_every   each so many-th allocation fails
 *   4 injected       counts what was made to fail
 *   5 malloc_bytes   while not 0, only allocations of that size fail
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { SYNC_WAITS, WRITE_ERRNO, CLOCK_SECONDS, MALLOC_EVERY, INJECTED,
	MALLOC_BYTES, SLOTS };

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);

static _Atomic int64_t none[SLOTS];
static _Atomic int64_t *fault = none;
static _Atomic int64_t allocations;

static void __attribute__((constructor))
attach(void)
{
	const char *path = getenv("FAULTS");
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
	void *p;

	if (fd < 0)
		return;
	p = mmap(NULL, sizeof(none), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
	    0);
	(void)close(fd);
	if (p != MAP_FAILED)
		fault = p;
}

static int
write_fails(void)
{
	if (fault[WRITE_ERRNO] == 0)
		return 0;
	fault[INJECTED]++;
	errno = (int)fault[WRITE_ERRNO];
	return 1;
}

static int
memory_fails(size_t size)
{
	int64_t every = fault[MALLOC_EVERY];

	if (every == 0 || (fault[MALLOC_BYTES] != 0 &&
	    (int64_t)size != fault[MALLOC_BYTES]) ||
	    ++allocations % every != 0)
		return 0;
	fault[INJECTED]++;
	errno = ENOMEM;
	return 1;
}

static void
sync_wait(void)
{
	struct timespec pause = {.tv_nsec = 5000000};

	if (fault[SYNC_WAITS] != 0)
		fault[INJECTED]++;
	while (fault[SYNC_WAITS] != 0)
		(void)nanosleep(&pause, NULL);
}

int
fsync(int fd)
{
	sync_wait();
	return write_fails() ? -1 : (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	sync_wait();
	return write_fails() ? -1 : (int)syscall(SYS_fdatasync, fd);
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	return write_fails() ? -1 : syscall(SYS_pwrite64, fd, p, n, at);
}

ssize_t
pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	return write_fails() ? -1 : syscall(SYS_pwrite64, fd, p, n, at);
}

int
ftruncate(int fd, off_t size)
{
	return write_fails() ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int
ftruncate64(int fd, off64_t size)
{
	return write_fails() ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	int r = (int)syscall(SYS_clock_gettime, id, ts);

	if (r == 0 && id == CLOCK_REALTIME)
		ts->tv_sec += fault[CLOCK_SECONDS];
	return r;
}

void *
malloc(size_t size)
{
	return memory_fails(size) ? NULL : __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	return memory_fails(n * size) ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t size)
{
	return memory_fails(size) ? NULL : __libc_realloc(p, size);
}
