#include "config.h"
#include "io/evmem.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/attr.h"

#define BLOCK_BYTES 64
#define BLOCKS 64

static union {
	char bytes[BLOCK_BYTES];
	max_align_t align;
} block[BLOCKS];
static atomic_flag taken[BLOCKS];

static bool
block_is(const void *p)
{
	return (uintptr_t)p >= (uintptr_t)block &&
	    (uintptr_t)p < (uintptr_t)(block + BLOCKS);
}

static void *
block_take(void)
{
	static const char why[] = "<3>fatal reason=out_of_memory\n";

	for (size_t i = 0; i < BLOCKS; i++)
		if (!atomic_flag_test_and_set(&taken[i]))
			return &block[i];
	/* Whatever would say it better needs memory. */
	(void)!write(STDERR_FILENO, why, sizeof(why) - 1);
	_exit(1);
}

static void *
evmem_get(size_t size)
{
	void *p;

	if ((p = malloc(size)) == NULL && size > 0 && size <= BLOCK_BYTES)
		return block_take();
	return p;
}

static void
evmem_free(void *p)
{
	if (block_is(p))
		atomic_flag_clear(&taken[((char *)p - block[0].bytes) /
		    (ptrdiff_t)sizeof(block[0])]);
	else
		free(p);
}

static void *
evmem_resize(void *old, size_t size)
{
	void *p;

	if (!block_is(old))
		return realloc(old, size);
	if (size <= BLOCK_BYTES)
		return old;
	if ((p = malloc(size)) == NULL)
		return NULL;
	memcpy(p, old, BLOCK_BYTES);
	evmem_free(old);
	return p;
}

void
evmem_install(void)
{
	event_set_mem_functions(evmem_get, evmem_resize, evmem_free);
}
