#include "config.h"
#include "power.h"

#include <check.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES_MAX = 8, SECTOR = 512 };

struct change {
	struct change *next;
	bool truncate;
	sqlite3_int64 at; /* or the new size */
	size_t len;
	unsigned char data[];
};

struct node {
	char name[512];
	unsigned char *synced; /* content at the last sync */
	size_t synced_len;
	struct change *first, **last;
	bool entry_synced;     /* the directory knows it for sure */
	bool deleted;          /* and the directory may not know that */
};

struct power_file {
	sqlite3_file base;
	sqlite3_file *real; /* behind this struct */
	struct node *node;
	bool journal;       /* or log: its first sync syncs the directory */
	bool log;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct node nodes[FILES_MAX];
static size_t node_count;
static long steps, stop_at;
static bool off, lying, log_unsynced;
static sqlite3_vfs *real_vfs;
static sqlite3_vfs power_vfs;

static void
changes_free(struct node *n)
{
	struct change *c;

	while ((c = n->first) != NULL) {
		n->first = c->next;
		free(c);
	}
	n->last = &n->first;
}

void
power_on(long off_at, bool lie)
{
	(void)pthread_mutex_lock(&lock);
	for (size_t i = 0; i < node_count; i++) {
		changes_free(&nodes[i]);
		free(nodes[i].synced);
	}
	memset(nodes, 0, sizeof(nodes));
	node_count = 0;
	steps = 0;
	stop_at = off_at;
	off = false;
	lying = lie;
	log_unsynced = false;
	(void)pthread_mutex_unlock(&lock);
}

void
power_no_log_sync(void)
{
	(void)pthread_mutex_lock(&lock);
	log_unsynced = true;
	(void)pthread_mutex_unlock(&lock);
}

bool
power_is_off(void)
{
	bool r;

	(void)pthread_mutex_lock(&lock);
	r = off;
	(void)pthread_mutex_unlock(&lock);
	return r;
}

long
power_steps(void)
{
	long r;

	(void)pthread_mutex_lock(&lock);
	r = steps;
	(void)pthread_mutex_unlock(&lock);
	return r;
}

/* The content of a file as it is now; the lock is held. */
static void
take_content(struct node *n)
{
	FILE *f = fopen(n->name, "rb");
	long len;

	free(n->synced);
	n->synced = NULL;
	n->synced_len = 0;
	if (f == NULL)
		return;
	ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
	len = ftell(f);
	ck_assert_int_eq(fseek(f, 0, SEEK_SET), 0);
	n->synced_len = (size_t)len;
	n->synced = malloc(n->synced_len + 1);
	ck_assert_ptr_nonnull(n->synced);
	ck_assert_uint_eq(fread(n->synced, 1, n->synced_len, f),
	    n->synced_len);
	(void)fclose(f);
}

static struct node *
find_node(const char *name)
{
	struct node *n;

	for (size_t i = 0; i < node_count; i++)
		if (strcmp(nodes[i].name, name) == 0)
			return &nodes[i];
	ck_assert_uint_lt(node_count, FILES_MAX);
	n = &nodes[node_count++];
	(void)snprintf(n->name, sizeof(n->name), "%s", name);
	n->last = &n->first;
	return n;
}

static void
sync_directory(void)
{
	for (size_t i = 0; i < node_count; i++) {
		nodes[i].entry_synced = true;
		if (nodes[i].deleted) {
			nodes[i].deleted = false;
			free(nodes[i].synced);
			nodes[i].synced = NULL;
			nodes[i].synced_len = 0;
			changes_free(&nodes[i]);
		}
	}
}

/* Counts a step; true when the power is off. Lock held. */
static bool
step(void)
{
	if (!off && ++steps == stop_at)
		off = true;
	return off;
}

static void
note_change(struct node *n, bool truncate, const void *p, size_t len,
    sqlite3_int64 at)
{
	struct change *c = malloc(sizeof(*c) + len);

	ck_assert_ptr_nonnull(c);
	c->next = NULL;
	c->truncate = truncate;
	c->at = at;
	c->len = len;
	if (len > 0)
		memcpy(c->data, p, len);
	*n->last = c;
	n->last = &c->next;
}

static struct power_file *
file_of(sqlite3_file *f)
{
	return (struct power_file *)(void *)f;
}

static int
power_close(sqlite3_file *f)
{
	return file_of(f)->real->pMethods->xClose(file_of(f)->real);
}

static int
power_read(sqlite3_file *f, void *p, int len, sqlite3_int64 at)
{
	sqlite3_file *real = file_of(f)->real;

	return power_is_off() ? SQLITE_IOERR_READ :
	    real->pMethods->xRead(real, p, len, at);
}

static int
power_write(sqlite3_file *f, const void *p, int len, sqlite3_int64 at)
{
	struct power_file *pf = file_of(f);
	bool was_off, now_off;
	int r = SQLITE_IOERR_WRITE;

	(void)pthread_mutex_lock(&lock);
	was_off = off;
	now_off = step();
	/* The write that the power goes off in may still arrive in part. */
	if (!was_off)
		note_change(pf->node, false, p, (size_t)len, at);
	if (!now_off)
		r = pf->real->pMethods->xWrite(pf->real, p, len, at);
	(void)pthread_mutex_unlock(&lock);
	return r;
}

static int
power_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	struct power_file *pf = file_of(f);
	int r = SQLITE_IOERR_TRUNCATE;

	(void)pthread_mutex_lock(&lock);
	if (!step()) {
		note_change(pf->node, true, NULL, 0, size);
		r = pf->real->pMethods->xTruncate(pf->real, size);
	}
	(void)pthread_mutex_unlock(&lock);
	return r;
}

static int
power_sync(sqlite3_file *f, int flags)
{
	struct power_file *pf = file_of(f);
	int r = SQLITE_IOERR_FSYNC;

	(void)flags;
	(void)pthread_mutex_lock(&lock);
	if (!step()) {
		r = SQLITE_OK;
		if (!lying && !(log_unsynced && pf->log)) {
			changes_free(pf->node);
			take_content(pf->node);
			if (pf->journal)
				sync_directory();
		}
	}
	(void)pthread_mutex_unlock(&lock);
	return r;
}

static int
power_file_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	sqlite3_file *real = file_of(f)->real;

	return power_is_off() ? SQLITE_IOERR_FSTAT :
	    real->pMethods->xFileSize(real, ret);
}

static int
power_lock(sqlite3_file *f, int how)
{
	return file_of(f)->real->pMethods->xLock(file_of(f)->real, how);
}

static int
power_unlock(sqlite3_file *f, int how)
{
	return file_of(f)->real->pMethods->xUnlock(file_of(f)->real, how);
}

static int
power_check_lock(sqlite3_file *f, int *ret)
{
	return file_of(f)->real->pMethods->xCheckReservedLock(
	    file_of(f)->real, ret);
}

/* Nothing of it: neither sizes ahead of writes nor batches of them. */
static int
power_control(sqlite3_file *f, int op, void *arg)
{
	(void)f, (void)op, (void)arg;
	return SQLITE_NOTFOUND;
}

static int
power_sector(sqlite3_file *f)
{
	(void)f;
	return SECTOR;
}

/* The weakest of disks: no promise at all. */
static int
power_device(sqlite3_file *f)
{
	(void)f;
	return 0;
}

static const sqlite3_io_methods power_methods = {
	.iVersion = 1,
	.xClose = power_close,
	.xRead = power_read,
	.xWrite = power_write,
	.xTruncate = power_truncate,
	.xSync = power_sync,
	.xFileSize = power_file_size,
	.xLock = power_lock,
	.xUnlock = power_unlock,
	.xCheckReservedLock = power_check_lock,
	.xFileControl = power_control,
	.xSectorSize = power_sector,
	.xDeviceCharacteristics = power_device,
};

static int
power_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
    int *ret_flags)
{
	struct power_file *pf = file_of(f);
	bool known, was_there;
	int r;

	(void)vfs;
	pf->base.pMethods = NULL;
	ck_assert_ptr_nonnull(name);
	if (power_is_off())
		return SQLITE_CANTOPEN;
	(void)pthread_mutex_lock(&lock);
	known = node_count > 0 && find_node(name)->entry_synced;
	was_there = access(name, F_OK) == 0;
	pf->node = find_node(name);
	if (was_there && !known && pf->node->first == NULL) {
		/* From before this run: on disk. */
		take_content(pf->node);
		pf->node->entry_synced = true;
	}
	pf->node->deleted = false;
	pf->journal = (flags & (SQLITE_OPEN_WAL |
	    SQLITE_OPEN_MAIN_JOURNAL)) != 0;
	pf->log = (flags & SQLITE_OPEN_WAL) != 0;
	pf->real = (sqlite3_file *)(void *)(pf + 1);
	r = real_vfs->xOpen(real_vfs, name, pf->real, flags, ret_flags);
	if (pf->real->pMethods != NULL)
		pf->base.pMethods = &power_methods;
	(void)pthread_mutex_unlock(&lock);
	return r;
}

static int
power_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
	int r = SQLITE_IOERR_DELETE;

	(void)vfs;
	(void)pthread_mutex_lock(&lock);
	if (!step()) {
		r = real_vfs->xDelete(real_vfs, name, 0);
		if (r == SQLITE_OK)
			find_node(name)->deleted = true;
		if (sync_dir && !lying)
			sync_directory();
	}
	(void)pthread_mutex_unlock(&lock);
	return r;
}

void
power_install(void)
{
	real_vfs = sqlite3_vfs_find("unix");
	ck_assert_ptr_nonnull(real_vfs);
	power_vfs = *real_vfs;
	power_vfs.zName = "power";
	power_vfs.pNext = NULL;
	power_vfs.szOsFile = (int)sizeof(struct power_file) +
	    real_vfs->szOsFile;
	power_vfs.xOpen = power_open;
	power_vfs.xDelete = power_delete;
	ck_assert_int_eq(sqlite3_vfs_register(&power_vfs, 1), SQLITE_OK);
}

/* Sectors of one write: all, none, or each by the toss of a coin. */
static void
settle_write(unsigned char **p, size_t *len, const struct change *c,
    unsigned how, struct prng *rnd)
{
	size_t end = (size_t)c->at + c->len;

	if (how == 0)
		return;
	if (end > *len) {
		*p = realloc(*p, end + 1);
		ck_assert_ptr_nonnull(*p);
		memset(*p + *len, 0, end - *len);
		*len = end;
	}
	for (size_t at = 0; at < c->len;) {
		size_t from = (size_t)c->at + at;
		size_t part = SECTOR - from % SECTOR;

		if (part > c->len - at)
			part = c->len - at;
		if (how == 1 || prng_below(rnd, 2) == 0)
			memcpy(*p + from, c->data + at, part);
		at += part;
	}
}

static void
settle_node(struct node *n, unsigned mood, struct prng *rnd)
{
	bool gone = !n->entry_synced && prng_below(rnd, 2) == 0;
	FILE *f;

	if (n->deleted)
		gone = prng_below(rnd, 2) == 0;
	else if (access(n->name, F_OK) != 0)
		gone = true;
	for (const struct change *c = n->first; c != NULL; c = c->next) {
		/* mood: 0 nothing came, 1 all came, else as it happens */
		unsigned how = mood < 2 ? mood : (unsigned)prng_below(rnd, 3);

		if (!c->truncate)
			settle_write(&n->synced, &n->synced_len, c, how, rnd);
		else if (how != 0 && (size_t)c->at < n->synced_len)
			n->synced_len = (size_t)c->at;
	}
	(void)unlink(n->name);
	if (gone)
		return;
	f = fopen(n->name, "wb");
	ck_assert_ptr_nonnull(f);
	if (n->synced_len > 0)
		ck_assert_uint_eq(fwrite(n->synced, 1, n->synced_len, f),
		    n->synced_len);
	ck_assert_int_eq(fclose(f), 0);
}

void
power_settle(struct prng *rnd)
{
	unsigned mood = (unsigned)prng_below(rnd, 6);

	for (size_t i = 0; i < node_count; i++)
		settle_node(&nodes[i], mood, rnd);
}
