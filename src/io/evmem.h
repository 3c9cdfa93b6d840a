#ifndef TRACKUP_IO_EVMEM_H
#define TRACKUP_IO_EVMEM_H
/*
 * evmem: the memory of libevent, for when there is none.
 *
 * evhttp_request_new() of libevent 2.1 frees what it could not allocate: when
 * one of a request's small parts is refused it reads through NULL. So small
 * blocks come from a reserve where malloc() has none, and where that is used up
 * too the process ends by its own decision. Larger blocks, which peers size,
 * may be refused as ever.
 *
 * One reserve for the process, of fixed size; any thread.
 */

/* Before the first call of libevent, or nothing happens; again does no harm. */
void evmem_install(void);

#endif
