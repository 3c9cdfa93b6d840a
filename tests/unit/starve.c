#include "config.h"

#include "starve.h"

#include <stdlib.h>

static unsigned left;
static bool hit;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

void
starve_at(unsigned n)
{
	left = n;
	hit = false;
}

bool
starve_hit(void)
{
	return hit;
}

static bool
refused(void)
{
	if (left == 0 || --left > 0)
		return false;
	hit = true;
	return true;
}

void *
__wrap_malloc(size_t size)
{
	return refused() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return refused() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t size)
{
	return refused() ? NULL : __real_realloc(p, size);
}
