#ifndef TRACKUP_TESTS_STORE_SHIM_H
#define TRACKUP_TESTS_STORE_SHIM_H
/*
 * shim: a VFS over the real one that fails on demand.
 *
 * It counts the calls that touch the disk (open, read, write, truncate, sync,
 * delete) while it is armed. It has no shared memory: a store that would ask
 * for WAL before EXCLUSIVE does not work on it.
 */

enum shim_fault {
	SHIM_NONE,
	SHIM_IOERR_ONCE,  /* the call number `at` fails, the next ones work */
	SHIM_IOERR_FROM,  /* and all after it */
	SHIM_FULL_FROM,   /* writes fail for want of room, half written */
	SHIM_QUOTA_FROM,  /* the same as the quota tells it: EDQUOT */
};

/* Makes it the default VFS. */
void shim_install(void);
/* Counts from 1 anew. */
void shim_arm(enum shim_fault fault, long at);
void shim_heal(void);
/* Calls since it was armed, and how many were made to fail. */
long shim_calls(void);
long shim_failed(void);

#endif
