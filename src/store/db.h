#ifndef TRACKUP_STORE_DB_H
#define TRACKUP_STORE_DB_H
/*
 * db: one SQLite connection, opened the one way that we trust.
 *
 * db_open() looks before it writes: a file that is foreign, newer, corrupt or
 * in use is left as it was, to the byte. What it returns is exclusive, in WAL
 * with synchronous=EXTRA (read back), migrated, with every statement prepared
 * and compared with the tables of rows.c. No locks here: one thread at a time.
 */
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/errtext.h"
#include "store/rows.h"

enum { /* of everything after db_open() */
	DB_FULL = -20,    /* no room; the connection is good, try again later */
	DB_FAILED = -21,  /* I/O error, corruption, memory: abandon it */
	DB_REFUSED = -22, /* a constraint: the record is wrong, ours to mend */
};

struct db {
	sqlite3 *h;
	sqlite3_stmt *stmt[STMT_COUNT_];
	/* where each column of row_types[] is in its two statements */
	unsigned char put_param[OP_KIND_COUNT_][COLUMNS_MAX];
	unsigned char load_column[OP_KIND_COUNT_][COLUMNS_MAX];
	char *path;
	uint64_t page_size;
	uint64_t wal_frames;    /* in the log, not all of them checkpointed */
	uint64_t commit_number; /* of the last group in the file */
	bool checkpointed;      /* at open: nothing depends on the log */
};

/* What happens at open beside the opening; any may be NULL. */
struct db_hooks {
	void *arg;
	void (*busy)(void *arg); /* now and then while it takes long */
	/* A copy was made before a migration, under this name. */
	void (*copied)(void *arg, const char *path);
};

/* create: a missing or empty file is made into a database; else refused.
 * Negative STORE_ERR_ codes. */
MUST_CHECK int db_open(struct db **ret, const char *path, bool create,
    struct errtext *err);
/* The same with hooks. A database of an older version is copied first, beside
 * it (copy.h). */
MUST_CHECK int db_open_hooked(struct db **ret, const char *path, bool create,
    const struct db_hooks *hooks, struct errtext *err);
/* Checkpoints and removes the log. NULL is fine. */
void db_close(struct db *db);
/* Closes without another write: after DB_FAILED. NULL is fine. */
void db_abandon(struct db *db);

/* Brings the schema to version `to`, one transaction each. For db_open() and
 * the tests of the migrations. */
MUST_CHECK int db_migrate(sqlite3 *h, int to, struct errtext *err);

/* A handle on exactly this file, with nothing set. For copy.c. */
MUST_CHECK int db_handle_open(sqlite3 **ret, const char *path,
    struct errtext *err);
const char *db_application_id(void);
const char *db_once_text(enum sql_once id);

/* Runs a statement without parameters or result. */
MUST_CHECK int db_run(struct db *db, enum stmt id, struct errtext *err);
/* Ends whatever transaction is open. 0 or DB_FAILED. */
MUST_CHECK int db_rollback(struct db *db, struct errtext *err);
MUST_CHECK int db_put(struct db *db, enum op_kind kind, const void *rec,
    struct errtext *err);
MUST_CHECK int db_commit_number_put(struct db *db, uint64_t number,
    struct errtext *err);
/* PASSIVE; with one connection that is all of the log. */
MUST_CHECK int db_checkpoint(struct db *db, struct errtext *err);

/* Steps the load statement of kind: 1 and *rec filled, 0 at the end (the
 * statement is reset), negative on error. Extra columns stay readable until
 * the next step. */
MUST_CHECK int db_next(struct db *db, enum op_kind kind, void *rec,
    struct errtext *err);
/* The same of another statement, whose first columns are those of the load
 * statement, in its order. */
MUST_CHECK int db_next_of(struct db *db, enum op_kind kind, enum stmt id,
    void *rec, struct errtext *err);
void db_reset(struct db *db, enum stmt id);

/* The negative DB_ code of a failed call, with its text. */
int db_error(struct db *db, const char *what, struct errtext *err);

#endif
