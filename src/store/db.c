#include "config.h"
#include "store/db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SQLTEXT_DATA
#include "store/copy.h"
#include "store/file.h"
#include "store/sqltext.h"
#include "store/store.h"

#define PROGRESS_OPS 1000000 /* of its virtual machine: some milliseconds */

/* SQLite tells "unable to open" for many things; errno knows which. */
static int
open_failed(sqlite3 *h, const char *what, int otherwise, struct errtext *err)
{
	int ext = sqlite3_extended_errcode(h);
	int code = file_error_code(ext, otherwise);
	int sys = sqlite3_system_errno(h);

	if (ext == SQLITE_READONLY_DIRECTORY)
		return errtext_set(err, code,
		    "%s: its directory may not be written", what);
	if (sys != 0 && ((ext & 0xff) == SQLITE_IOERR ||
	    (ext & 0xff) == SQLITE_CANTOPEN))
		return errtext_set(err, code, "%s: %s (%s)", what,
		    sqlite3_errmsg(h), strerror(sys));
	return errtext_set(err, code, "%s: %s", what, sqlite3_errmsg(h));
}

/* The path as a URI, so that no name (":memory:", "file:x") means anything
 * but that file. The caller frees; NULL: no memory. */
static char *
path_uri(const char *path)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t len = strlen(path);
	char *uri, *o;

	uri = malloc(len * 3 + sizeof("file:./"));
	if (uri == NULL)
		return NULL;
	o = stpcpy(uri, path[0] == '/' ? "file://" : "file:./");
	for (const char *p = path; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || strchr("/._-", c) != NULL) {
			*o++ = *p;
			continue;
		}
		*o++ = '%';
		*o++ = hex[c >> 4];
		*o++ = hex[c & 15];
	}
	*o = '\0';
	return uri;
}

int
db_handle_open(sqlite3 **ret, const char *path, struct errtext *err)
{
	char *uri = path_uri(path);
	sqlite3 *h = NULL;
	int r;

	if (uri == NULL)
		return errtext_set(err, STORE_ERR_MEMORY, "no memory");
	r = sqlite3_open_v2(uri, &h, SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
	free(uri);
	if (h == NULL)
		return errtext_set(err, STORE_ERR_MEMORY, "no memory");
	(void)sqlite3_extended_result_codes(h, 1);
	if (r != SQLITE_OK) {
		r = open_failed(h, path, STORE_ERR_OPEN, err);
		(void)sqlite3_close(h);
		return r;
	}
	*ret = h;
	return 0;
}

/* The first column of the first row as text; "" without a row. Returns the
 * code of SQLite. */
static int
query_text(sqlite3 *h, const char *sql, char *ret, size_t size)
{
	sqlite3_stmt *st = NULL;
	const unsigned char *text;
	int r;

	ret[0] = '\0';
	if ((r = sqlite3_prepare_v2(h, sql, -1, &st, NULL)) != SQLITE_OK)
		return r;
	r = sqlite3_step(st);
	if (r == SQLITE_ROW && (text = sqlite3_column_text(st, 0)) != NULL)
		(void)snprintf(ret, size, "%s", (const char *)text);
	r = sqlite3_finalize(st);
	return r;
}

static const char *
setting_value(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(sql_setting); i++)
		if (strcmp(sql_setting[i].name, name) == 0)
			return sql_setting[i].value;
	assert(false && "no such setting");
	return "";
}

const char *
db_application_id(void)
{
	return setting_value("application_id");
}

const char *
db_once_text(enum sql_once id)
{
	return sql_once[id];
}

static int
db_configure(struct db *db, struct errtext *err)
{
	static const struct {
		int option, value;
	} options[] = {
		{SQLITE_DBCONFIG_DEFENSIVE, 1},
		{SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
		{SQLITE_DBCONFIG_ENABLE_FKEY, 1},
		{SQLITE_DBCONFIG_ENABLE_TRIGGER, 1},
		{SQLITE_DBCONFIG_ENABLE_VIEW, 0},
		{SQLITE_DBCONFIG_DQS_DDL, 0},
		{SQLITE_DBCONFIG_DQS_DML, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		int now = -1;

		if (sqlite3_db_config(db->h, options[i].option,
		    options[i].value, &now) != SQLITE_OK ||
		    now != options[i].value)
			return errtext_set(err, STORE_ERR_PRAGMA,
			    "%s: SQLite refuses setting %d", db->path,
			    options[i].option);
	}
	return 0;
}

static int
settings_make(struct db *db, const char *when, struct errtext *err)
{
	for (size_t i = 0; i < ARRAY_LEN(sql_setting); i++) {
		if (strcmp(sql_setting[i].when, when) != 0)
			continue;
		if (sqlite3_exec(db->h, sql_setting[i].set, NULL, NULL, NULL) !=
		    SQLITE_OK)
			return open_failed(db->h, db->path, STORE_ERR_PRAGMA,
			    err);
	}
	return 0;
}

static int
settings_verify(struct db *db, struct errtext *err)
{
	char now[64];

	for (size_t i = 0; i < ARRAY_LEN(sql_setting); i++) {
		if (query_text(db->h, sql_setting[i].get, now, sizeof(now)) !=
		    SQLITE_OK)
			return open_failed(db->h, db->path, STORE_ERR_PRAGMA,
			    err);
		if (strcmp(now, sql_setting[i].value) != 0)
			return errtext_set(err, STORE_ERR_PRAGMA,
			    "%s: %s is %s and must be %s: the file system or "
			    "the SQLite library lacks it", db->path,
			    sql_setting[i].name, now, sql_setting[i].value);
	}
	return 0;
}

static int
version_get(sqlite3 *h, int *ret)
{
	char text[32];
	int r = query_text(h, sql_once[ONCE_GET_USER_VERSION], text,
	    sizeof(text));

	*ret = (int)strtol(text, NULL, 10);
	return r;
}

/* Reads only; nothing in here may write. */
static int
look_inside(struct db *db, struct errtext *err)
{
	char text[32], result[256];
	int version;

	if (version_get(db->h, &version) != SQLITE_OK)
		return open_failed(db->h, db->path, STORE_ERR_CORRUPT, err);
	if (version > SQL_MIGRATIONS)
		return errtext_set(err, STORE_ERR_NEWER,
		    "%s: schema %d of a newer trackupd, this one knows %d; "
		    "not touched", db->path, version, SQL_MIGRATIONS);
	if (query_text(db->h, sql_once[ONCE_QUICK_CHECK_BEGIN], text,
	    sizeof(text)) != SQLITE_OK ||
	    query_text(db->h, sql_once[ONCE_QUICK_CHECK], result,
	    sizeof(result)) != SQLITE_OK ||
	    query_text(db->h, sql_once[ONCE_QUICK_CHECK_END], text,
	    sizeof(text)) != SQLITE_OK)
		return open_failed(db->h, db->path, STORE_ERR_CORRUPT, err);
	if (strcmp(result, "ok") != 0)
		return errtext_set(err, STORE_ERR_CORRUPT,
		    "%s: corrupt: %s; not touched, restore a backup", db->path,
		    result);
	return 0;
}

static int
migrate_step(sqlite3 *h, int from, struct errtext *err)
{
	int version = -1;

	if (sqlite3_exec(h, sql_once[ONCE_MIGRATE_BEGIN], NULL, NULL, NULL) !=
	    SQLITE_OK)
		return open_failed(h, "migration", STORE_ERR_OPEN, err);
	if (sqlite3_exec(h, sql_migration[from], NULL, NULL, NULL) !=
	    SQLITE_OK || version_get(h, &version) != SQLITE_OK)
		goto bad;
	assert(version == from + 1);
	if (sqlite3_exec(h, sql_once[ONCE_MIGRATE_COMMIT], NULL, NULL, NULL) !=
	    SQLITE_OK)
		goto bad;
	return 0;
bad:
	(void)open_failed(h, "migration", STORE_ERR_OPEN, err);
	if (sqlite3_get_autocommit(h) == 0)
		(void)sqlite3_exec(h, sql_once[ONCE_MIGRATE_ROLLBACK], NULL,
		    NULL, NULL);
	return err != NULL ? err->code : STORE_ERR_OPEN;
}

int
db_migrate(sqlite3 *h, int to, struct errtext *err)
{
	int version, r;

	assert(to <= SQL_MIGRATIONS);
	if (version_get(h, &version) != SQLITE_OK)
		return open_failed(h, "migration", STORE_ERR_OPEN, err);
	for (; version < to; version++)
		if ((r = migrate_step(h, version, err)) < 0)
			return r;
	return 0;
}

/* Finds each column of a record in both of its statements, and no other. */
static int
columns_map(struct db *db, enum op_kind kind, struct errtext *err)
{
	const struct row_type *t = &row_types[kind];
	sqlite3_stmt *put = db->stmt[t->put];
	sqlite3_stmt *load = t->load == STMT_COUNT_ ? NULL : db->stmt[t->load];

	assert(t->column_count <= COLUMNS_MAX);
	if (sqlite3_bind_parameter_count(put) != (int)t->column_count ||
	    (load != NULL && sqlite3_column_count(load) !=
	    (int)(t->column_count + t->extra_count)))
		return errtext_set(err, STORE_ERR_OPEN,
		    "queries.sql and rows.c have not the same columns of %s",
		    t->table);
	for (size_t i = 0; i < t->column_count; i++) {
		char param[64];
		int p, c = 0;

		(void)snprintf(param, sizeof(param), ":%s",
		    t->columns[i].name);
		p = sqlite3_bind_parameter_index(put, param);
		if (load != NULL)
			while (c < (int)t->column_count &&
			    strcmp(sqlite3_column_name(load, c),
			    t->columns[i].name) != 0)
				c++;
		if (p == 0 || c == (int)t->column_count)
			return errtext_set(err, STORE_ERR_OPEN,
			    "queries.sql lacks column %s of %s",
			    t->columns[i].name, t->table);
		db->put_param[kind][i] = (unsigned char)p;
		db->load_column[kind][i] = (unsigned char)c;
	}
	return 0;
}

static int
statements_prepare(struct db *db, struct errtext *err)
{
	int r;

	for (int i = 0; i < STMT_COUNT_; i++)
		if (sqlite3_prepare_v3(db->h, sql_stmt[i].text, -1,
		    SQLITE_PREPARE_PERSISTENT, &db->stmt[i], NULL) !=
		    SQLITE_OK)
			return open_failed(db->h, sql_stmt[i].name,
			    STORE_ERR_OPEN, err);
	for (int i = 0; i < OP_KIND_COUNT_; i++)
		if ((r = columns_map(db, (enum op_kind)i, err)) < 0)
			return r;
	return 0;
}

static int
on_wal(void *arg, sqlite3 *h UNUSED, const char *name UNUSED, int frames)
{
	struct db *db = arg;

	db->wal_frames = (uint64_t)frames;
	return SQLITE_OK;
}

/* What a log holds may be in the page cache only, when its sync once failed
 * and the process that saw it is gone. Copied into the database and synced
 * there it is on disk for sure; so nothing is trusted before this was done. */
static int
log_settle(struct db *db, struct errtext *err)
{
	int frames = 0, done = 0;
	int r = sqlite3_wal_checkpoint_v2(db->h, NULL,
	    SQLITE_CHECKPOINT_TRUNCATE, &frames, &done);

	if (r == SQLITE_OK) {
		db->checkpointed = true;
		return 0;
	}
	/* A full disk must not keep the daemon from starting. */
	if ((r & 0xff) == SQLITE_FULL)
		return 0;
	return open_failed(db->h, db->path, STORE_ERR_OPEN, err);
}

/* No transaction may be half an hour long without a word to whoever watches
 * the start. */
static int
on_progress(void *arg)
{
	const struct db_hooks *hooks = arg;

	hooks->busy(hooks->arg);
	return 0;
}

/* The way back from a new version is the file of the old one. */
static int
migrate(struct db *db, enum file_state state, const struct db_hooks *hooks,
    struct errtext *err)
{
	char text[32];
	int version, r;

	if (version_get(db->h, &version) != SQLITE_OK)
		return open_failed(db->h, db->path, STORE_ERR_OPEN, err);
	if (state == FILE_OURS && version > 0 && version < SQL_MIGRATIONS) {
		if (query_text(db->h, sql_once[ONCE_GET_COMMIT_NUMBER], text,
		    sizeof(text)) != SQLITE_OK)
			return open_failed(db->h, db->path, STORE_ERR_CORRUPT,
			    err);
		db->commit_number = strtoull(text, NULL, 10);
		if ((r = copy_before_migration(db, version, hooks, err)) < 0)
			return r;
	}
	return db_migrate(db->h, SQL_MIGRATIONS, err);
}

static int
db_prepare(struct db *db, enum file_state state, const struct db_hooks *hooks,
    struct errtext *err)
{
	char text[32];
	int r;

	if (sqlite3_db_readonly(db->h, "main") != 0)
		return errtext_set(err, STORE_ERR_OPEN,
		    "%s: may not be written", db->path);
	if ((r = db_configure(db, err)) < 0 ||
	    (r = settings_make(db, "", err)) < 0 ||
	    (r = look_inside(db, err)) < 0)
		return r;
	if (state == FILE_NEW && (r = settings_make(db, "new", err)) < 0)
		return r;
	if ((r = settings_make(db, "last", err)) < 0 ||
	    (r = settings_verify(db, err)) < 0 ||
	    (r = log_settle(db, err)) < 0 ||
	    (r = migrate(db, state, hooks, err)) < 0 ||
	    (r = statements_prepare(db, err)) < 0)
		return r;
	if (query_text(db->h, sql_once[ONCE_GET_PAGE_SIZE], text,
	    sizeof(text)) != SQLITE_OK)
		return open_failed(db->h, db->path, STORE_ERR_OPEN, err);
	db->page_size = strtoul(text, NULL, 10);
	(void)sqlite3_wal_hook(db->h, on_wal, db);
	return 0;
}

static int
commit_number_get(struct db *db, struct errtext *err)
{
	sqlite3_stmt *st = db->stmt[STMT_COMMIT_NUMBER_GET];

	if (sqlite3_step(st) != SQLITE_ROW) {
		(void)sqlite3_reset(st);
		return open_failed(db->h, db->path, STORE_ERR_CORRUPT, err);
	}
	db->commit_number = (uint64_t)sqlite3_column_int64(st, 0);
	(void)sqlite3_reset(st);
	return 0;
}

int
db_open(struct db **ret, const char *path, bool create, struct errtext *err)
{
	return db_open_hooked(ret, path, create, NULL, err);
}

int
db_open_hooked(struct db **ret, const char *path, bool create,
    const struct db_hooks *hooks, struct errtext *err)
{
	static const struct db_hooks none;
	struct errtext own;
	enum file_state state = FILE_OURS;
	struct db *db;
	bool log_was_there;
	int r;

	if (err == NULL)
		err = &own;
	if (hooks == NULL)
		hooks = &none;
	if ((r = file_look(path, setting_value("application_id"), create,
	    &state, err)) < 0)
		return r;
	log_was_there = file_beside(path, "-wal");
	if ((db = calloc(1, sizeof(*db))) == NULL ||
	    (db->path = strdup(path)) == NULL) {
		free(db);
		return errtext_set(err, STORE_ERR_MEMORY, "no memory");
	}
	if ((r = db_handle_open(&db->h, path, err)) < 0)
		goto bad;
	if (hooks->busy != NULL)
		sqlite3_progress_handler(db->h, PROGRESS_OPS, on_progress,
		    (void *)(uintptr_t)hooks);
	if ((r = db_prepare(db, state, hooks, err)) < 0 ||
	    (r = commit_number_get(db, err)) < 0)
		goto bad;
	sqlite3_progress_handler(db->h, 0, NULL, NULL);
	*ret = db;
	return 0;
bad:
	/* Closing would checkpoint the log of a file that we refuse; without
	 * a log it only removes the empty one that looking made. */
	if (log_was_there || r == STORE_ERR_OPEN)
		db_abandon(db);
	else
		db_close(db);
	return r == STORE_ERR_LOCKED ? file_locked(path, err) : r;
}

static void
db_free(struct db *db)
{
	for (int i = 0; i < STMT_COUNT_; i++)
		(void)sqlite3_finalize(db->stmt[i]);
	if (db->h != NULL) {
		int r = sqlite3_close(db->h);

		assert(r != SQLITE_BUSY);
		(void)r;
	}
	free(db->path);
	free(db);
}

void
db_close(struct db *db)
{
	if (db != NULL)
		db_free(db);
}

void
db_abandon(struct db *db)
{
	if (db == NULL)
		return;
	if (db->h != NULL)
		(void)sqlite3_db_config(db->h,
		    SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	db_free(db);
}
