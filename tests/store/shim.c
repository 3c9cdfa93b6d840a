#include "config.h"
#include "shim.h"

#include <check.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct shim_file {
	sqlite3_file base;
	sqlite3_file *real; /* behind this struct */
};

enum call { CALL_OPEN, CALL_READ, CALL_WRITE, CALL_TRUNCATE, CALL_SYNC,
	CALL_DELETE };

static sqlite3_vfs *real_vfs;
static sqlite3_vfs shim_vfs;
static atomic_int fault;
static atomic_long fail_at, calls, failed;
static _Thread_local int shim_errno;

void
shim_arm(enum shim_fault f, long at)
{
	atomic_store(&fault, SHIM_NONE);
	atomic_store(&fail_at, at);
	atomic_store(&calls, 0);
	atomic_store(&failed, 0);
	atomic_store(&fault, (int)f);
}

void
shim_heal(void)
{
	atomic_store(&fault, SHIM_NONE);
}

long
shim_calls(void)
{
	return atomic_load(&calls);
}

long
shim_failed(void)
{
	return atomic_load(&failed);
}

/* The code to fail with, SQLITE_OK when this call goes through. */
static int
trouble(enum call c)
{
	static const int code[] = {
		[CALL_OPEN] = SQLITE_CANTOPEN,
		[CALL_READ] = SQLITE_IOERR_READ,
		[CALL_WRITE] = SQLITE_IOERR_WRITE,
		[CALL_TRUNCATE] = SQLITE_IOERR_TRUNCATE,
		[CALL_SYNC] = SQLITE_IOERR_FSYNC,
		[CALL_DELETE] = SQLITE_IOERR_DELETE,
	};
	long n = atomic_fetch_add(&calls, 1) + 1, at = atomic_load(&fail_at);
	int r = SQLITE_OK;

	switch ((enum shim_fault)atomic_load(&fault)) {
	case SHIM_NONE:
		break;
	case SHIM_IOERR_ONCE:
		if (n == at)
			r = code[c];
		break;
	case SHIM_IOERR_FROM:
		if (n >= at)
			r = code[c];
		break;
	case SHIM_FULL_FROM:
		if (n >= at && c == CALL_WRITE)
			r = SQLITE_FULL;
		break;
	case SHIM_QUOTA_FROM:
		if (n >= at && c == CALL_WRITE)
			r = SQLITE_IOERR_WRITE;
		break;
	}
	if (r == SQLITE_OK)
		return r;
	(void)atomic_fetch_add(&failed, 1);
	/* Like errno, it stays until another call fails. */
	shim_errno = atomic_load(&fault) == SHIM_QUOTA_FROM ? EDQUOT : EIO;
	return r;
}

static sqlite3_file *
real_of(sqlite3_file *f)
{
	return ((struct shim_file *)(void *)f)->real;
}

static int
shim_close(sqlite3_file *f)
{
	return real_of(f)->pMethods->xClose(real_of(f));
}

static int
shim_read(sqlite3_file *f, void *p, int len, sqlite3_int64 at)
{
	int r = trouble(CALL_READ);

	return r != SQLITE_OK ? r :
	    real_of(f)->pMethods->xRead(real_of(f), p, len, at);
}

/* A write that fails may have done half of its work. */
static int
shim_write(sqlite3_file *f, const void *p, int len, sqlite3_int64 at)
{
	int r = trouble(CALL_WRITE);

	if (r != SQLITE_OK) {
		(void)real_of(f)->pMethods->xWrite(real_of(f), p, len / 2,
		    at);
		return r;
	}
	return real_of(f)->pMethods->xWrite(real_of(f), p, len, at);
}

static int
shim_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	int r = trouble(CALL_TRUNCATE);

	return r != SQLITE_OK ? r :
	    real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int
shim_sync(sqlite3_file *f, int flags)
{
	int r = trouble(CALL_SYNC);

	return r != SQLITE_OK ? r :
	    real_of(f)->pMethods->xSync(real_of(f), flags);
}

static int
shim_file_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	return real_of(f)->pMethods->xFileSize(real_of(f), ret);
}

static int
shim_lock(sqlite3_file *f, int how)
{
	return real_of(f)->pMethods->xLock(real_of(f), how);
}

static int
shim_unlock(sqlite3_file *f, int how)
{
	return real_of(f)->pMethods->xUnlock(real_of(f), how);
}

static int
shim_check_lock(sqlite3_file *f, int *ret)
{
	return real_of(f)->pMethods->xCheckReservedLock(real_of(f), ret);
}

static int
shim_control(sqlite3_file *f, int op, void *arg)
{
	return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int
shim_sector(sqlite3_file *f)
{
	return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int
shim_device(sqlite3_file *f)
{
	return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static const sqlite3_io_methods shim_methods = {
	.iVersion = 1,
	.xClose = shim_close,
	.xRead = shim_read,
	.xWrite = shim_write,
	.xTruncate = shim_truncate,
	.xSync = shim_sync,
	.xFileSize = shim_file_size,
	.xLock = shim_lock,
	.xUnlock = shim_unlock,
	.xCheckReservedLock = shim_check_lock,
	.xFileControl = shim_control,
	.xSectorSize = shim_sector,
	.xDeviceCharacteristics = shim_device,
};

static int
shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
    int *ret_flags)
{
	struct shim_file *sf = (struct shim_file *)(void *)f;
	int r = trouble(CALL_OPEN);

	(void)vfs;
	sf->base.pMethods = NULL;
	if (r != SQLITE_OK)
		return r;
	sf->real = (sqlite3_file *)(void *)(sf + 1);
	r = real_vfs->xOpen(real_vfs, name, sf->real, flags, ret_flags);
	if (sf->real->pMethods != NULL)
		sf->base.pMethods = &shim_methods;
	return r;
}

static int
shim_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
	int r = trouble(CALL_DELETE);

	(void)vfs;
	return r != SQLITE_OK ? r :
	    real_vfs->xDelete(real_vfs, name, sync_dir);
}

static int
shim_last_error(sqlite3_vfs *vfs, int size, char *p)
{
	(void)vfs;
	return shim_errno != 0 ? shim_errno :
	    real_vfs->xGetLastError(real_vfs, size, p);
}

void
shim_install(void)
{
	real_vfs = sqlite3_vfs_find(NULL);
	ck_assert_ptr_nonnull(real_vfs);
	shim_vfs = *real_vfs;
	shim_vfs.zName = "shim";
	shim_vfs.pNext = NULL;
	shim_vfs.szOsFile = (int)sizeof(struct shim_file) +
	    real_vfs->szOsFile;
	shim_vfs.xOpen = shim_open;
	shim_vfs.xDelete = shim_delete;
	shim_vfs.xGetLastError = shim_last_error;
	ck_assert_int_eq(sqlite3_vfs_register(&shim_vfs, 1), SQLITE_OK);
}
