#include "config.h"
#include "store/db.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* errno of a failed call to the disk, 0 for other errors. Asked of the VFS:
 * sqlite3_system_errno() is not told when COMMIT fails. */
static int
disk_errno(int code)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

	if (code != SQLITE_IOERR && code != SQLITE_CANTOPEN)
		return 0;
	return vfs->xGetLastError == NULL ? 0 :
	    vfs->xGetLastError(vfs, 0, NULL);
}

int
db_error(struct db *db, const char *what, struct errtext *err)
{
	int code = sqlite3_extended_errcode(db->h) & 0xff;
	int sys = disk_errno(code);
	const char *text = sqlite3_errmsg(db->h);

	switch (code) {
	case SQLITE_FULL:
		return errtext_set(err, DB_FULL, "%s: %s", what, text);
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
	case SQLITE_RANGE:
	case SQLITE_MISUSE:
	case SQLITE_ERROR:
		return errtext_set(err, DB_REFUSED, "%s: %s", what, text);
	default:
		break;
	}
	if (sys == 0)
		return errtext_set(err, DB_FAILED, "%s: %s", what, text);
	/* A quota shows as an I/O error, but it heals as a full disk does. */
	return errtext_set(err, sys == ENOSPC || sys == EDQUOT ? DB_FULL :
	    DB_FAILED, "%s: %s (%s)", what, text, strerror(sys));
}

static int
db_step(struct db *db, enum stmt id, const char *what, struct errtext *err)
{
	int r = sqlite3_step(db->stmt[id]);

	if (r == SQLITE_DONE || r == SQLITE_ROW) {
		(void)sqlite3_reset(db->stmt[id]);
		return 0;
	}
	r = db_error(db, what, err);
	(void)sqlite3_reset(db->stmt[id]);
	return r;
}

int
db_run(struct db *db, enum stmt id, struct errtext *err)
{
	return db_step(db, id, id == STMT_COMMIT ? "commit" : "transaction",
	    err);
}

int
db_rollback(struct db *db, struct errtext *err)
{
	/* SQLite rolls back by itself after most errors. */
	if (sqlite3_get_autocommit(db->h) != 0)
		return 0;
	return db_run(db, STMT_ROLLBACK, err) < 0 ? DB_FAILED : 0;
}

int
db_commit_number_put(struct db *db, uint64_t number, struct errtext *err)
{
	sqlite3_stmt *st = db->stmt[STMT_COMMIT_NUMBER_PUT];

	if (sqlite3_bind_int64(st, 1, (int64_t)number) != SQLITE_OK)
		return db_error(db, "commit number", err);
	return db_step(db, STMT_COMMIT_NUMBER_PUT, "commit number", err);
}

int
db_checkpoint(struct db *db, struct errtext *err)
{
	int frames = 0, done = 0;

	if (sqlite3_wal_checkpoint_v2(db->h, NULL, SQLITE_CHECKPOINT_PASSIVE,
	    &frames, &done) != SQLITE_OK)
		return db_error(db, "checkpoint", err);
	if (frames == done)
		db->wal_frames = 0;
	return 0;
}

void
db_reset(struct db *db, enum stmt id)
{
	(void)sqlite3_reset(db->stmt[id]);
}

/* Text stays the record's: statements are stepped before it goes away. */
static int
bind_column(sqlite3_stmt *st, int param, const struct column *c,
    const unsigned char *rec)
{
	const unsigned char *p = rec + c->offset;
	int64_t i64;
	int i;
	unsigned u;
	uint16_t u16;
	bool b;
	const char *text;
	size_t len;

	switch (c->type) {
	case COLUMN_I64:
	case COLUMN_U64: /* two's complement; the same bits come back */
		memcpy(&i64, p, sizeof(i64));
		return sqlite3_bind_int64(st, param, i64);
	case COLUMN_INT:
		memcpy(&i, p, sizeof(i));
		return sqlite3_bind_int64(st, param, i);
	case COLUMN_UINT:
		memcpy(&u, p, sizeof(u));
		return sqlite3_bind_int64(st, param, (int64_t)u);
	case COLUMN_U16:
		memcpy(&u16, p, sizeof(u16));
		return sqlite3_bind_int(st, param, u16);
	case COLUMN_BOOL:
		memcpy(&b, p, sizeof(b));
		return sqlite3_bind_int(st, param, b ? 1 : 0);
	case COLUMN_WORD:
		memcpy(&i, p, sizeof(i));
		return sqlite3_bind_text(st, param, c->words->name(i), -1,
		    SQLITE_STATIC);
	case COLUMN_TEXT:
		len = strnlen((const char *)p, c->size);
		assert(len < c->size);
		return sqlite3_bind_text(st, param, (const char *)p, (int)len,
		    SQLITE_STATIC);
	case COLUMN_LONG_TEXT:
		memcpy(&text, p, sizeof(text));
		memcpy(&len, rec + c->length, sizeof(len));
		return sqlite3_bind_text64(st, param, text == NULL ? "" : text,
		    text == NULL ? 0 : len, SQLITE_STATIC, SQLITE_UTF8);
	}
	assert(false && "unknown type of column");
	return SQLITE_MISUSE;
}

int
db_put(struct db *db, enum op_kind kind, const void *rec, struct errtext *err)
{
	const struct row_type *t = &row_types[kind];
	sqlite3_stmt *st = db->stmt[t->put];

	for (size_t i = 0; i < t->column_count; i++)
		if (bind_column(st, db->put_param[kind][i], &t->columns[i],
		    rec) != SQLITE_OK)
			return db_error(db, t->table, err);
	return db_step(db, t->put, t->table, err);
}

static bool
load_number(sqlite3_stmt *st, int col, const struct column *c,
    unsigned char *p)
{
	int64_t i64 = sqlite3_column_int64(st, col);
	int i = (int)i64;
	unsigned u = (unsigned)i64;
	uint16_t u16 = (uint16_t)i64;
	bool b = i64 != 0;

	switch (c->type) {
	case COLUMN_INT:
		memcpy(p, &i, sizeof(i));
		return i64 >= INT_MIN && i64 <= INT_MAX;
	case COLUMN_UINT:
		memcpy(p, &u, sizeof(u));
		return i64 >= 0 && i64 <= UINT_MAX;
	case COLUMN_U16:
		memcpy(p, &u16, sizeof(u16));
		return i64 >= 0 && i64 <= UINT16_MAX;
	case COLUMN_BOOL:
		memcpy(p, &b, sizeof(b));
		return i64 == 0 || i64 == 1;
	default:
		memcpy(p, &i64, sizeof(i64));
		return true;
	}
}

/* False: the value does not fit the field. The record is zeroed before. The
 * blob of a text is the same bytes without a copy for the NUL. The column of a
 * text is looked up once and not for each question about it: nobody else has
 * the connection, so that the value may be asked without its lock. */
static bool
load_column(sqlite3_stmt *st, int col, const struct column *c,
    unsigned char *rec)
{
	unsigned char *p = rec + c->offset;
	sqlite3_value *value;
	char word[64];
	const void *text;
	size_t len;
	int v;

	if (c->type != COLUMN_TEXT && c->type != COLUMN_WORD)
		return load_number(st, col, c, p);
	value = sqlite3_column_value(st, col);
	if (sqlite3_value_type(value) != SQLITE_TEXT)
		return false;
	text = sqlite3_value_blob(value);
	len = (size_t)sqlite3_value_bytes(value);
	if (c->type == COLUMN_TEXT) {
		if (len >= c->size)
			return false;
		if (len > 0)
			memcpy(p, text, len);
		return true;
	}
	if (len >= sizeof(word))
		return false;
	if (len > 0)
		memcpy(word, text, len);
	word[len] = '\0';
	v = c->words->parse(word);
	memcpy(p, &v, sizeof(v));
	return v >= 0;
}

int
db_next(struct db *db, enum op_kind kind, void *rec, struct errtext *err)
{
	return db_next_of(db, kind, row_types[kind].load, rec, err);
}

int
db_next_of(struct db *db, enum op_kind kind, enum stmt id, void *rec,
    struct errtext *err)
{
	const struct row_type *t = &row_types[kind];
	sqlite3_stmt *st = db->stmt[id];
	int r = sqlite3_step(st);

	if (r == SQLITE_DONE) {
		(void)sqlite3_reset(st);
		return 0;
	}
	if (r != SQLITE_ROW) {
		r = db_error(db, t->table, err);
		(void)sqlite3_reset(st);
		return r;
	}
	memset(rec, 0, t->rec_size);
	for (size_t i = 0; i < t->column_count; i++) {
		if (load_column(st, db->load_column[kind][i], &t->columns[i],
		    rec))
			continue;
		(void)sqlite3_reset(st);
		return errtext_set(err, DB_REFUSED,
		    "%s.%s: a value that does not fit", t->table,
		    t->columns[i].name);
	}
	return 1;
}
