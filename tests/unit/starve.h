#ifndef TRACKUP_TESTS_STARVE_H
#define TRACKUP_TESTS_STARVE_H
/*
 * starve: the n-th call for memory fails, once. The linker wraps the allocator
 * of the test that links this (starve_wrap in local.mk), and Check with it: where
 * memory is short, QUICK() and not ck_assert().
 */
#include <stdbool.h>

/* The n-th from now on; 0: none. */
void starve_at(unsigned n);
/* Whether it came to that. */
bool starve_hit(void);

#endif
